"""The reference of the topic flows: by hand, against PyTorch, by its properties, and tiny trainings."""

import math
from dataclasses import replace
from itertools import pairwise, product

import pytest
import torch
from torch import nn

from course_utils.data import densities
from course_utils.training import Run
from solutions.flows import reference
from solutions.flows.reference import (
    Coupling,
    PlaneField,
    Residual,
    chain,
    cnf_log_density,
    cnf_sample,
    contracted,
    exact_trace,
    fixed_point,
    given_kind,
    hutchinson,
    jacobian,
    log_density,
    log_det_series,
    log_normal,
    nats,
    perceptron,
    plane_field,
    rk4,
    signs,
    spectral_norm,
    unchain,
)


def all_signs(d):
    return torch.tensor(list(product((1.0, -1.0), repeat=d)))


def grid(reach, cells):
    side = torch.linspace(-reach, reach, cells)
    return torch.cartesian_prod(side, side), (2 * reach / (cells - 1)) ** 2


def awake(net):
    """A perceptron whose last layer says something."""
    nn.init.normal_(net[-1].weight, std=0.5)
    return net


def test_the_normal_density_is_pytorchs():
    z = torch.randn(4, 5)
    wanted = torch.distributions.MultivariateNormal(torch.zeros(5), torch.eye(5)).log_prob(z)
    torch.testing.assert_close(log_normal(z), wanted)


def test_a_jacobian_worked_by_hand_and_pytorchs():
    def f(x):
        return torch.stack([x[:, 0] * x[:, 1], x[:, 0] + x[:, 1] ** 2], dim=1)

    y, J = jacobian(f, torch.tensor([[2.0, 3.0]]))
    assert y.tolist() == [[6, 11]]
    assert J.tolist() == [[[3, 2], [1, 6]]]
    x = torch.randn(3, 2)
    wanted = torch.func.vmap(torch.func.jacrev(lambda row: f(row[None])[0]))(x)
    torch.testing.assert_close(jacobian(f, x)[1].detach(), wanted)


def test_a_map_that_turns_the_plane_over_has_a_density():
    A = torch.tensor([[0.5, 2.0], [1.5, 1.0]])  # determinant -2.5
    x = torch.randn(5, 2)
    wanted = torch.distributions.MultivariateNormal(torch.zeros(2), torch.linalg.inv(A.T @ A)).log_prob(x)
    torch.testing.assert_close(log_density(lambda x: x @ A.T, x).detach(), wanted)


def test_couplings_go_there_and_back_and_know_their_determinant():
    masks = (torch.tensor([1, 0, 0]), torch.tensor([0, 1, 1]))
    layers = nn.ModuleList(Coupling(mask, awake(perceptron(3, 8, 6))) for mask in masks)
    x = torch.randn(6, 3)
    z, log_det = chain(layers, x)
    torch.testing.assert_close(unchain(layers, z), x)
    J = jacobian(lambda x: chain(layers, x)[0], x)[1]
    torch.testing.assert_close(log_det, torch.linalg.slogdet(J).logabsdet)
    assert (z - x).abs().min() > 0


def test_power_iteration_finds_the_largest_singular_value_and_its_slope():
    W = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    sigma, _ = spectral_norm(W, torch.randn(4, dtype=torch.float64), 500)
    wanted = torch.linalg.matrix_norm(W, 2)
    torch.testing.assert_close(sigma, wanted)
    torch.testing.assert_close(torch.autograd.grad(sigma, W), torch.autograd.grad(wanted, W))


def test_contracted_matrices_stretch_by_c_at_most_and_small_ones_stay():
    for size in (0.1, 10.0):
        W = size * torch.randn(3, 5)
        sigma = torch.linalg.matrix_norm(W, 2)
        bounded = torch.linalg.matrix_norm(contracted(W, sigma, 0.9), 2)
        torch.testing.assert_close(bounded, sigma.clamp(max=0.9))


@pytest.mark.parametrize("stretch", [0.3, 0.9])
def test_the_fixed_point_is_nearer_by_the_lipschitz_constant_at_each_step(stretch):
    x = torch.randn(50, 2, dtype=torch.float64)

    def g(x):
        return stretch * torch.sin(x)

    errors = [(fixed_point(g, x + g(x), n) - x).norm(dim=1) for n in range(12)]
    for before, after in pairwise(errors):
        assert (after <= stretch * before + 1e-12).all()


def test_the_series_goes_to_the_log_determinant_and_its_gradient_with_it():
    W = torch.randn(3, 3, dtype=torch.float64)
    W = (0.8 * W / torch.linalg.matrix_norm(W, 2)).requires_grad_()
    e, x = all_signs(3).double(), torch.randn(1, 3, dtype=torch.float64).expand(8, 3)
    _, guess = log_det_series(lambda x: torch.tanh(x @ W.T), x, e, 200)
    _, J = jacobian(lambda x: x + torch.tanh(x @ W.T), x[:1])
    exact = torch.linalg.slogdet(J).logabsdet[0]
    torch.testing.assert_close(guess.mean(), exact)
    slopes = [torch.autograd.grad(one, W)[0] for one in (guess.mean(), exact)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("terms", [1, 2, 3, 6])
def test_a_series_cut_off_is_wrong_by_no_more_than_its_tail(terms):
    stretch, d = 0.7, 3
    x, e = torch.randn(1, d).expand(8, d), all_signs(d)
    guess = log_det_series(lambda x: stretch * torch.sin(x), x, e, terms)[1].mean()
    exact = torch.log1p(stretch * torch.cos(x[0])).sum()
    tail = d * sum(stretch**k / k for k in range(terms + 1, 200))
    assert (guess - exact).abs() <= tail + 1e-5


def test_a_residual_layer_contracts_and_comes_back():
    layer = Residual(2, 16)
    with torch.no_grad():
        for linear in layer.linear:
            linear.weight.mul_(20)
    layer.eval()
    x, y = torch.randn(2, 200, 2)
    g = layer.forward(x)[0] - x, layer.forward(y)[0] - y
    assert ((g[0] - g[1]).norm(dim=1) <= 0.91 * (x - y).norm(dim=1)).all()
    z, log_det = layer(x)
    torch.testing.assert_close(layer.inverse(z), x, atol=1e-3, rtol=1e-3)
    layer.e, layer.terms = signs(x), 60
    assert layer(x)[1].mean().item() == pytest.approx(log_det.mean().item(), abs=0.3)


def test_hutchinson_is_right_on_average_over_all_signs():
    W = torch.randn(4, 4)
    x = torch.randn(1, 4).expand(16, 4)
    v, guess = hutchinson(lambda z: torch.tanh(z @ W.T), x, all_signs(4))
    exact_v, exact = exact_trace(lambda z: torch.tanh(z @ W.T), x)
    torch.testing.assert_close(v, exact_v)
    torch.testing.assert_close(guess.mean(), exact[0])
    assert guess.std() > 0.1


def test_estimates_are_exact_for_a_diagonal_jacobian():
    z = torch.randn(5, 3)
    torch.testing.assert_close(hutchinson(lambda z: z**3, z, signs(z))[1], (3 * z**2).sum(1))


def test_the_solver_has_order_four_in_both_directions():
    for start, end in ((0.0, 1.0), (1.0, 0.0)):
        errors = []
        for steps in (8, 16):
            (found,) = rk4(
                lambda t, y: (t * y[0],), (torch.tensor(1.0, dtype=torch.float64),), start, end, steps
            )
            errors.append(abs(found.item() - math.exp((end**2 - start**2) / 2)))
        assert 3.7 < math.log2(errors[0] / errors[1]) < 4.3


def test_a_linear_field_carries_a_gaussian_into_a_gaussian():
    A = torch.tensor([[0.5, 0.3], [-0.2, -0.1]])
    E, x = torch.linalg.matrix_exp(A), torch.randn(4, 2)
    wanted = torch.distributions.MultivariateNormal(torch.zeros(2), E @ E.T).log_prob(x)
    torch.testing.assert_close(cnf_log_density(lambda t, z: z @ A.T, x, 20).detach(), wanted)
    torch.testing.assert_close(cnf_sample(lambda t, z: z @ A.T, x, 20), x @ E.T)


def test_a_continuous_flow_has_mass_one_and_runs_back_where_it_came_from():
    net = awake(perceptron(3, 16, 2))

    def f(t, z):
        return net(torch.cat([z, t.expand(len(z), 1)], 1))

    places, cell = grid(6, 61)
    with torch.no_grad():
        mass = cnf_log_density(f, places, 20).exp().sum() * cell
        z = torch.randn(50, 2)
        x = cnf_sample(f, z, 40)
        (back,) = rk4(lambda t, state: (f(t, state[0]),), (x,), 1.0, 0.0, 40)
    assert mass.item() == pytest.approx(1, abs=5e-3)
    torch.testing.assert_close(back, z, atol=1e-3, rtol=1e-3)


def test_density_along_a_path_is_the_density_of_the_moved_cloud():
    def f(t, z):
        return torch.stack([torch.sin(z[:, 1]), torch.cos(t) * z[:, 0]], 1)

    z = torch.randn(6, 2)
    x = cnf_sample(f, z, 40)
    J = jacobian(lambda z: cnf_sample(f, z, 40), z)[1]
    wanted = log_normal(z) - torch.linalg.slogdet(J).logabsdet
    torch.testing.assert_close(cnf_log_density(f, x.detach(), 40), wanted, atol=1e-4, rtol=1e-4)


def test_gates_leave_the_identity_at_the_start_and_then_scale_and_move_each_layer_by_time_and_kind():
    gated, plain = PlaneField(8, 4, gates=True), PlaneField(8, 4)
    z, kinds, t = torch.randn(4, 2), torch.eye(4), torch.tensor(0.3)
    assert gated(t, z, kinds).abs().max() == 0
    plain.net.load_state_dict(awake(gated.net).state_dict())
    for gate in gated.gates:
        nn.init.zeros_(gate.weight)
        nn.init.zeros_(gate.bias)
    torch.testing.assert_close(gated(t, z, kinds), plain(t, z, kinds))  # 2σ(0) = 1, and moved by 0
    for n, gate in enumerate(gated.gates):
        before = gated(t, z, kinds)
        with torch.no_grad():
            gate.weight[:, 3] += 1.0  # of the third kind: after the time come the kinds
        changed = (gated(t, z, kinds) - before).abs().amax(1) > 1e-6
        assert changed.tolist() == [False, False, True, False], n
    before = gated(t, z, kinds)
    with torch.no_grad():
        gated.gates[1].weight[:, 0] += 1.0
    assert ((gated(t, z, kinds) - before).abs().amax(1) > 1e-6).all()


def test_gates_are_the_full_tiers():
    assert [name.split(".")[0] for name in plane_field("mini").state_dict()] == ["net"] * 6
    full = plane_field("full").state_dict()
    assert sum(name.startswith("gates.") for name in full) == 6
    assert {"net.0.weight", "net.4.weight"} <= set(full)  # by which the lab knows a field


@pytest.fixture
def tiny(monkeypatch):
    """Both tiers, small enough for seconds."""
    how = replace(reference.config("mini"), width=8, steps=8, batch=64, solver=2, judged=4)
    monkeypatch.setattr(reference, "config", lambda tier: how)


def test_a_tiny_training_is_repeatable_and_learns(tiny):
    first = reference.train("mini", 1, Run(seed=1, device="cpu"))
    run = Run(seed=1, device="cpu")
    second = reference.train("mini", 1, run)
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [loss for _, loss in run.curve["nats"]]
    assert losses[-1] < losses[0] - 0.05
    assert reference.evaluate(first, "mini") < 2.85


def test_judging_is_exact_enough():
    tensors = plane_field("mini").state_dict()
    net = plane_field("mini")
    net.load_state_dict(tensors)
    x, kind = densities.load("mini", "test").tensors
    at_once = nats(net, x, kind, "mini").item()
    assert reference.evaluate(tensors, "mini") == pytest.approx(at_once, abs=1e-5)
    assert at_once == pytest.approx(-log_normal(x).mean().item(), abs=1e-5)  # begins as the identity


def test_the_record_is_judged_with_steps_enough():
    from course_utils.training import reference_tensors

    net = plane_field("mini")
    net.load_state_dict(reference_tensors("flows", "mini"))
    x, kind = (part[:300] for part in densities.load("mini", "test").tensors)
    f = given_kind(net, kind, "mini")
    with torch.no_grad():
        coarse, fine = (cnf_log_density(f, x, steps) for steps in (reference.config("mini").judged, 80))
        places, cell = grid(3.5, 101)
        mass = cnf_log_density(
            given_kind(net, torch.zeros(len(places), dtype=torch.long), "mini"), places, 20
        )
    assert coarse.mean() == pytest.approx(fine.mean().item(), abs=0.01)
    assert mass.exp().sum().item() * cell == pytest.approx(1, abs=0.02)


def test_evaluate_refuses_what_is_no_field():
    tensors = plane_field("mini").state_dict()
    tensors.pop("net.0.bias")
    with pytest.raises(RuntimeError, match=r"net\.0\.bias"):
        reference.evaluate(tensors, "mini")


def test_the_baseline_is_a_gaussian():
    x, _ = densities.load("mini", "train").tensors
    correlation = torch.corrcoef(x.T)[0, 1]
    gaussian = math.log(2 * math.pi * math.e) + 0.5 * math.log(1 - correlation**2)
    assert reference.baseline("mini") == pytest.approx(gaussian, abs=0.02)
