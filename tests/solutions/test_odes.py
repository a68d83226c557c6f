"""The reference of the topic odes: by hand, against torchdiffeq and backpropagation, properties, a tiny training."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from course_utils.data import spirals
from course_utils.training import Run
from solutions.odes import experiments, reference
from solutions.odes.reference import (
    ConvFlow,
    Flow,
    GapRNN,
    LatentODE,
    ODEBlock,
    adaptive,
    adjoint,
    adjoint_dynamics,
    as_function,
    crossing,
    digit_net,
    dormand_prince,
    error_ratio,
    euler,
    gaussian_elbo,
    integrate,
    kept,
    next_size,
    ode_rnn,
    order,
    rk4,
    shifted,
    solve_adjoint,
    solve_directly,
)


def whirl(t, y):
    return y @ torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=y.dtype)


def span(end, steps):
    return torch.linspace(0, end, steps + 1, dtype=torch.float64)


def prince(f, t, y, h):
    return dormand_prince(f, t, y, h, f(t, y))[0]


def van_der_pol(t, y):
    return torch.stack([y[1], 5 * (1 - y[0] ** 2) * y[1] - y[0]])


@pytest.mark.parametrize(("step", "expected"), [(euler, 1), (rk4, 4), (prince, 5)])
def test_errors_fall_with_the_order_of_the_method(step, expected):
    end = 2 * math.exp(-0.3) * torch.tensor([math.cos(6), math.sin(6)], dtype=torch.float64)
    start, counts = torch.tensor([2.0, 0.0]).double(), (48, 96, 192)
    errors = [(integrate(step, whirl, start, span(3, n))[-1] - end).norm() for n in counts]
    assert order(3 / torch.tensor(counts).double(), torch.stack(errors)) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("power", range(4))
def test_runge_kutta_is_exact_for_cubes_of_the_time(power):
    got = rk4(lambda t, y: torch.tensor([t**power]), 1.0, torch.zeros(1), 0.5)
    assert got.item() == pytest.approx((1.5 ** (power + 1) - 1) / (power + 1), rel=1e-6)


def test_dormand_princes_weights_are_consistent():
    for node, row in zip(reference.NODES, reference.WEIGHTS):
        assert sum(row) == pytest.approx(node)
    assert sum(reference.ERROR) == pytest.approx(0, abs=1e-12)


def test_a_way_there_and_back():
    times = span(2, 40)
    states = integrate(rk4, whirl, torch.tensor([2.0, 0.0]).double(), times)
    back = integrate(rk4, whirl, states[-1], times.flip(0))
    torch.testing.assert_close(back.flip(0), states, atol=1e-4, rtol=0)


def test_each_curve_may_have_its_own_times():
    times, y = torch.rand(3, 4, dtype=torch.float64).cumsum(1), torch.randn(3, 2, dtype=torch.float64)
    together = reference.follow(whirl, times, y, 2)
    for n in range(3):
        torch.testing.assert_close(together[n], integrate(rk4, whirl, y[n], times[n], 2))


def test_against_torchdiffeq():
    torchdiffeq = pytest.importorskip(
        "torchdiffeq", reason="torchdiffeq is not installed: nothing to compare with"
    )
    y, times = torch.tensor([2.0, 0.0], dtype=torch.float64), span(4, 1)
    theirs = torchdiffeq.odeint(van_der_pol, y, times, rtol=1e-9, atol=1e-9)[-1]
    torch.testing.assert_close(adaptive(van_der_pol, y, 0.0, 4.0, 1e-9, 1e-9)[0], theirs, atol=1e-6, rtol=0)
    fixed = torchdiffeq.odeint(whirl, y, span(1, 8), method="euler")
    torch.testing.assert_close(integrate(euler, whirl, y, span(1, 8)), fixed)
    # Its rk4 is the 3/8 rule: equal to the classical one where the field is linear, and only there.
    linear = torchdiffeq.odeint(whirl, y, span(1, 8), method="rk4")
    torch.testing.assert_close(integrate(rk4, whirl, y, span(1, 8)), linear)
    net = Flow(2, 8).double()
    f, theta = as_function(net)
    theta.requires_grad_()
    theirs = torchdiffeq.odeint_adjoint(net, y, span(1, 1), rtol=1e-10, atol=1e-10)[-1]
    slopes = torch.autograd.grad(theirs.square().sum(), tuple(net.parameters()))
    ours = torch.autograd.grad(solve_adjoint(rk4, f, theta, y, span(1, 1), 40)[-1].square().sum(), theta)[0]
    torch.testing.assert_close(ours, torch.cat([slope.flatten() for slope in slopes]), atol=1e-6, rtol=0)


def test_an_adaptive_solver_keeps_its_tolerance_and_works_where_there_is_work():
    y = torch.tensor([2.0, 0.0], dtype=torch.float64)
    truth, _ = adaptive(van_der_pol, y, 0.0, 12.0, 1e-11, 1e-11)
    errors, counts = [], []
    for tolerance in (1e-3, 1e-5, 1e-7):
        end, times = adaptive(van_der_pol, y, 0.0, 12.0, tolerance, tolerance)
        errors.append(float((end - truth).norm()))
        counts.append(len(times))
    assert errors == sorted(errors, reverse=True)
    assert counts == sorted(counts)
    assert errors[-1] < 1e-4
    sizes = torch.tensor(times).diff()
    assert sizes.max() > 10 * sizes.min()


def test_an_adaptive_solver_gives_up_where_there_is_no_solution():
    with pytest.raises(RuntimeError, match=r"no step is small enough at t = 0\.99"):
        adaptive(lambda t, y: y * y, torch.ones(1, dtype=torch.float64), 0.0, 2.0, 1e-3, 1e-3)
    with pytest.raises(RuntimeError, match="at t = 0"):
        adaptive(lambda t, y: y * float("nan"), torch.ones(1), 0.0, 1.0)


def test_the_error_ratio_by_hand_and_the_next_size_within_bounds():
    assert error_ratio(
        torch.tensor([0.6]), torch.tensor([1.0]), torch.tensor([-2.0]), 0.1, 0.1
    ) == pytest.approx(2)
    assert [next_size(1.0, ratio) for ratio in (32.0, 1e9, 1e-9)] == pytest.approx([0.45, 0.2, 10.0])


def test_an_event_is_found_as_near_as_asked():
    fall = lambda t, y: torch.stack([y[1], torch.tensor(-9.81, dtype=y.dtype)])  # noqa: E731
    y = torch.tensor([1.0, 2.0], dtype=torch.float64)
    true = (2 + math.sqrt(4 + 2 * 9.81)) / 9.81
    for within in (1e-2, 1e-9):
        found = crossing(rk4, fall, lambda y: y[0], 0.0, y, 3.0, within)
        assert 0 <= found - true <= within


def test_the_adjoint_is_backpropagation_in_the_limit():
    f, theta = as_function(Flow(2, 8).double())
    y, times = torch.randn(5, 2, dtype=torch.float64), torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    weigh = torch.randn(3, 5, 2, dtype=torch.float64)
    differences = []
    for steps in (2, 8, 32):
        slopes = []
        for solve in (solve_directly, solve_adjoint):
            tracked = theta.clone().requires_grad_(), y.clone().requires_grad_()
            slopes.append(torch.autograd.grad((weigh * solve(rk4, f, *tracked, times, steps)).sum(), tracked))
        differences.append(max(float((one - other).abs().max()) for one, other in zip(*slopes)))
    assert differences[0] > differences[1] > differences[2]
    assert differences[2] < 1e-6


def test_what_the_adjoint_keeps_does_not_grow_with_the_steps():
    f, theta = as_function(Flow(2, 8))
    theta.requires_grad_()
    y, times = torch.randn(5, 2), torch.tensor([0.0, 1.0])
    ours = [kept(solve_adjoint, rk4, f, theta, y, times, n) for n in (1, 10)]
    direct = [kept(solve_directly, rk4, f, theta, y, times, n) for n in (1, 10)]
    assert ours[0] == ours[1] == theta.numel() + 2 + 2 * 10
    assert direct[1] > 9 * direct[0]


def test_the_adjoint_takes_the_states_that_are_known():
    f = lambda t, y, theta: theta * y  # noqa: E731
    times, theta = span(1, 2), torch.tensor([0.5]).double()
    states = torch.tensor([[1.0], [7.0], [2.0]]).double()
    _, g = adjoint(euler, f, theta, times, states, torch.tensor([[0.0], [0.0], [1.0]]).double())
    # Backwards: a = 1, then 1.25; the gradient grows by a · y · h at each step.
    assert g.item() == pytest.approx(0.5 * (1 * 2 + 1.25 * 7))


def test_adjoint_dynamics_work_where_gradients_are_off():
    with torch.no_grad():
        dy, da, dg = adjoint_dynamics(
            lambda t, y, w: w * y * t, torch.tensor([3.0]), 2.0, torch.ones(1), torch.tensor([2.0])
        )
    assert [rate.item() for rate in (dy, da, dg)] == [6, -12, -4]
    assert not dy.requires_grad


def test_an_euler_block_of_one_step_is_a_residual_block():
    f, x = Flow(3, 8), torch.randn(4, 3)
    torch.testing.assert_close(ODEBlock(f, euler)(x), x + f(0, x))
    x = torch.randn(4, 3, dtype=torch.float64)
    assert ODEBlock(f.double(), rk4, 3)(x).dtype == torch.float64


def test_paths_of_a_block_can_be_run_back():
    f, x = Flow(2, 16).double(), torch.randn(10, 2, dtype=torch.float64)
    out = ODEBlock(f, rk4, 20)(x)
    torch.testing.assert_close(integrate(rk4, f, out, span(1, 1).flip(0), 20)[-1], x, atol=1e-6, rtol=0)


def test_what_was_not_seen_reaches_neither_state_nor_gradient():
    cell, flow, times = nn.GRUCell(2, 4), Flow(4, 8), torch.tensor([0.0, 0.4, 2.0])
    seen = torch.tensor([[True, False, True], [False, False, False]])
    weights = [*cell.parameters(), *flow.parameters()]
    found = []
    for other in (float("nan"), 5.0):
        values = torch.where(seen[..., None], torch.ones(2, 3, 2), other)
        h = ode_rnn(euler, flow, cell, times, values, seen, torch.zeros(2, 4))
        found.append((h, torch.autograd.grad(h.sum(), weights)))
    torch.testing.assert_close(found[0], found[1])
    assert torch.isfinite(found[0][0]).all()
    alone = integrate(euler, flow, torch.zeros(1, 4), times)[-1]
    torch.testing.assert_close(found[0][0][1:], alone)


def test_a_latent_ode_is_asked_for_any_time_and_its_bound_can_be_followed():
    model, times = LatentODE(2), torch.tensor([0.0, 0.5, 0.9])
    seen = torch.rand(6, 3, 2) < 0.7
    values = torch.where(seen, torch.randn(6, 3, 2), float("nan"))
    bound = gaussian_elbo(model, times, values, seen, seen, 0.1)
    bound.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    mean, _ = model.encode(times, values, seen)
    assert model.decode(mean, torch.linspace(0, 3, 7)).shape == (6, 7, 2)


def test_the_bound_is_the_likelihood_less_the_divergence():
    model, times, values = LatentODE(2), torch.tensor([0.0, 0.5, 0.9]), torch.randn(1, 3, 2)
    nn.init.zeros_(model.start.weight)
    model.start.bias.data = torch.tensor([0.5] * 4 + [-40.0] * 4)  # all states are 0.5, with certainty
    seen = torch.tensor([[[True, False], [False, False], [True, True]]])
    said = model.decode(torch.full((1, 4), 0.5), times)
    likelihood = torch.distributions.Normal(said, 0.3).log_prob(values)[seen].sum()
    normal = torch.distributions.Normal(0.0, 1.0)
    own = torch.distributions.Normal(torch.tensor(0.5), torch.tensor(-40.0).exp())
    divergence = 4 * torch.distributions.kl_divergence(own, normal)
    expected = (likelihood - divergence) / 3
    torch.testing.assert_close(gaussian_elbo(model, times, values, seen, seen, 0.3), expected)


def test_the_rival_hears_its_own_words_after_what_is_known():
    times, values = torch.rand(3, 6).cumsum(1), torch.randn(3, 6, 2)
    changed = values.clone()
    changed[:, 3:] = 9
    first = lambda count: (torch.arange(6) < count)[:, None]  # noqa: E731
    for net in (GapRNN(2, 4), GapRNN(2, 4, holes=True)):
        torch.testing.assert_close(net(times, values, first(3)), net(times, changed, first(3)))
        assert not torch.allclose(net(times, values, first(4)), net(times, changed, first(4)))
    # What hears nothing at a moment goes on with its own word.
    known = torch.ones(3, 6, 2, dtype=torch.bool)
    known[:, 2, 1] = False
    own = values.clone()
    own[:, 2, 1] = GapRNN.forward(net := GapRNN(2, 4), times, values, known)[:, 1, 1]
    torch.testing.assert_close(net(times, values, known), net(times, own, first(6)))


def test_patients_and_lynxes_are_learned_by_both(monkeypatch):
    quick = {name: replace(how, steps=8, batch=8) for name, how in experiments.SERIES.items()}
    monkeypatch.setattr(experiments, "SERIES", quick)
    run = Run(seed=0, device="cpu")
    found = experiments.holes(run, "mini")
    assert set(found) == {f"{name}_{kind}_missed" for name in quick for kind in ("latent", "rnn")}
    assert all(0 < value < 3 for value in found.values())
    assert len(run.curve["lynx_hare_rnn_loss"]) == 8


def test_what_is_missed_is_counted_where_something_was_seen(monkeypatch):
    values, seen = torch.full((1, 24, 4), 2.0), torch.zeros(1, 24, 4, dtype=torch.bool)
    seen[:, 20, 1] = seen[:, 2, 0] = True
    how = experiments.SERIES["physionet"]
    monkeypatch.setattr(how.data, "load", lambda tier, split: torch.utils.data.TensorDataset(values, seen))

    class Says:
        def foretell(self, times, values, known):
            assert known.sum() == 1
            return torch.full((1, 23, 4), 3.0)

    assert experiments.series_missed(Says(), how, "mini", "cpu") == pytest.approx((3 - 2) ** 2 / 2**2)


def test_nets_of_the_full_tier_have_the_papers_sizes():
    count = lambda net: sum(p.numel() for p in net.parameters())  # noqa: E731
    ode, resnet = digit_net("ode"), digit_net("resnet")
    assert count(ode) == pytest.approx(0.22e6, rel=0.07)
    assert count(resnet) == pytest.approx(0.60e6, rel=0.07)
    assert ode(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    assert ConvFlow(8)(torch.tensor(0.3), torch.randn(2, 8, 6, 6)).shape == (2, 8, 6, 6)


def test_pictures_are_moved_as_a_whole():
    x = torch.zeros(50, 1, 9, 9)
    x[:, :, 4, 4] = 1
    moved = shifted(x)
    assert (moved.sum((1, 2, 3)) == 1).all()
    places = {tuple(place) for place in moved.nonzero()[:, 2:].tolist()}
    assert all(2 <= i <= 6 and 2 <= j <= 6 for i, j in places)
    assert len(places) > 10


def test_a_field_is_found_and_foretells_better_than_standing_still(monkeypatch):
    monkeypatch.setitem(reference.CONFIG, "mini", replace(reference.CONFIG["mini"], steps=60, width=16))
    tensors = reference.train("mini", 1, Run(seed=1, device="cpu"))
    value = reference.evaluate(tensors, "mini")
    _, noisy, _ = spirals.load("mini", "test").tensors
    still = reference.missed(noisy[:, 19:20].expand(-1, 20, -1))
    assert value < 0.8 * still
    with pytest.raises(RuntimeError):
        reference.evaluate({"net.0.weight": torch.zeros(3, 2)}, "mini")


def test_the_rival_is_measured_as_the_field_is():
    run = Run(seed=0, device="cpu")
    reference.fit_rnn(GapRNN(2, 4), run, 3, 1e-2)
    assert [value > 0 for _, value in run.curve["rnn_missed"]] == [True]
