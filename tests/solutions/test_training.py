"""The reference of the topic training: by hand, against PyTorch, by its properties, and a tiny training."""

import math
import random
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from course_utils.training import Run
from solutions.training import reference
from solutions.training.reference import (
    BatchNorm,
    DeepNet,
    Value,
    adam_step,
    add,
    backward,
    batch_norm,
    batch_norm_backward,
    cross_entropy,
    cross_entropy_gradient,
    gradients,
    he_weights,
    momentum_step,
    multiply,
    rmsprop_step,
    signal,
    small_weights,
    softmax,
    topological,
)


def test_softmax_worked_by_hand_and_far_out():
    torch.testing.assert_close(
        softmax(torch.tensor([[0.0, 0.0, math.log(2)]])), torch.tensor([[0.25, 0.25, 0.5]])
    )
    far = torch.tensor([[1000.0, 1000.0], [-1000.0, -1000.0], [1000.0, -1000.0]])
    assert softmax(far).tolist() == [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]]


def test_cross_entropy_is_pytorchs_with_its_gradient():
    z, y = (5 * torch.randn(9, 4)).requires_grad_(), torch.randint(0, 4, (9,))
    loss = cross_entropy(z, y)
    torch.testing.assert_close(loss, F.cross_entropy(z, y))
    torch.testing.assert_close(cross_entropy_gradient(z.detach(), y), torch.autograd.grad(loss, z)[0])
    assert cross_entropy(torch.tensor([[1000.0, 0.0]]), torch.tensor([1])) == 1000


def test_cross_entropy_of_a_net_that_knows_nothing_is_log_k():
    assert cross_entropy(torch.zeros(3, 10), torch.tensor([0, 4, 9])).item() == pytest.approx(math.log(10))


def test_a_value_used_twice_gets_both_slopes():
    assert gradients("a * b + a", a=2.0, b=3.0) == (8.0, {"a": 4.0, "b": 2.0})


def test_a_minus_and_a_number_above_a_value_are_expressions_too():
    assert gradients("-a", a=2.0) == (-2.0, {"a": -1.0})
    assert gradients("1 / a - b", a=2.0, b=1.0) == (-0.5, {"a": -0.25, "b": -1.0})


def test_a_shared_value_hands_its_grad_down_once_it_is_whole():
    a = Value(3.0)
    shared = multiply(a, Value(2.0))
    backward(add(shared, shared))
    assert (shared.grad, a.grad) == (2.0, 4.0)


def test_topological_lists_parents_first_and_each_value_once():
    below, top = Value(1.0), Value(2.0)
    for _ in range(30):  # the ways from top to bottom are more than a million
        below, top = top, add(below, top)
    order = topological(top)
    assert len(order) == 32
    place = {value: i for i, value in enumerate(order)}
    assert all(place[parent] < place[value] for value in order for parent in value.parents)


def test_backward_forgets_an_earlier_call():
    a = Value(3.0)
    square = multiply(a, a)
    backward(square)
    backward(square)
    assert (a.grad, square.grad) == (6.0, 1.0)


def _expression(depth: int) -> str:
    if depth == 0:
        return random.choice("abc")
    p, q = _expression(depth - 1), _expression(depth - 1)
    forms = (f"({p} + {q})", f"({p} * {q})", f"({p} - {q})", f"tanh({p})", f"exp(tanh({p}))")
    return random.choice([*forms, f"({p} / (1 + {q} ** 2))", f"(2 - {p} * 3)"])


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6])
def test_random_expressions_have_pytorchs_values_and_slopes(depth):
    for _ in range(10):
        text, numbers = _expression(depth), {name: random.uniform(-1.5, 1.5) for name in "abc"}
        leaves = {
            name: torch.tensor(number, dtype=torch.float64, requires_grad=True)
            for name, number in numbers.items()
        }
        expected = eval(text, {"exp": torch.exp, "tanh": torch.tanh}, leaves)
        slopes = torch.autograd.grad(expected, list(leaves.values()), allow_unused=True)
        value, found = gradients(text, **numbers)
        assert value == pytest.approx(expected.item())
        assert list(found.values()) == pytest.approx([0 if s is None else s.item() for s in slopes])


def _ours(rule, memories, lr, counted=False):
    theta, memory = torch.tensor([10.0, 1.0, -3.0]), [torch.zeros(3)] * memories
    for t in range(1, 51):
        theta, *memory = rule(theta, _slope(theta), *memory, *([t] if counted else []), lr)
    return theta


def _slope(theta):
    return theta * torch.tensor([1.0, 30.0, 5.0])


def test_fifty_steps_of_momentum_are_pytorchs():
    p, v = torch.tensor([10.0, 1.0, -3.0]), [None]
    for _ in range(50):
        sgd(
            [p],
            [_slope(p)],
            v,
            weight_decay=0,
            momentum=0.9,
            lr=0.01,
            dampening=0,
            nesterov=False,
            maximize=False,
        )
    torch.testing.assert_close(_ours(momentum_step, 1, 0.01), p)


def test_fifty_steps_of_rmsprop_are_pytorchs():
    p, s, steps = torch.tensor([10.0, 1.0, -3.0]), [torch.zeros(3)], [torch.tensor(0.0)]
    for _ in range(50):
        rmsprop([p], [_slope(p)], s, [], [], steps, lr=0.1, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0,
                centered=False)  # fmt: skip
    torch.testing.assert_close(_ours(rmsprop_step, 1, 0.1), p)


def test_fifty_steps_of_adam_are_pytorchs():
    p, m, s, steps = torch.tensor([10.0, 1.0, -3.0]), [torch.zeros(3)], [torch.zeros(3)], [torch.tensor(0.0)]
    for _ in range(50):
        adam([p], [_slope(p)], m, s, [], steps, amsgrad=False, beta1=0.9, beta2=0.999, lr=0.3, weight_decay=0,
             eps=1e-8, maximize=False)  # fmt: skip
    torch.testing.assert_close(_ours(adam_step, 2, 0.3, counted=True), p)


def test_adams_first_step_is_as_long_as_the_rate():
    g, zero = torch.tensor([1e-3, -50.0]), torch.zeros(2)
    theta, _, _ = adam_step(zero, g, zero, zero, 1, 0.1)
    torch.testing.assert_close(theta, torch.tensor([-0.1, 0.1]), atol=1e-5, rtol=0)


def test_signal_worked_by_hand():
    assert signal(torch.tensor([[3.0, -4.0]]), [torch.eye(2)]) == [pytest.approx(math.sqrt(4.5))]


def test_he_keeps_a_signal_through_fifty_layers_and_small_weights_lose_it():
    generator, x = torch.Generator().manual_seed(0), torch.randn(32, 200)
    kept = signal(x, [he_weights(200, 200, generator) for _ in range(50)])
    lost = signal(x, [small_weights(200, 200, generator) for _ in range(50)])
    assert 0.05 < kept[-1] < 20
    assert lost[-1] < 1e-30


def test_batch_norm_worked_by_hand():
    y = batch_norm(torch.tensor([[1.0], [2.0], [6.0]]), torch.ones(1), torch.zeros(1), eps=0.0)
    torch.testing.assert_close(y[:, 0], torch.tensor([-2.0, -1.0, 3.0]) / math.sqrt(14 / 3))


def test_batch_norms_gradients_are_autograds_through_pytorchs():
    x, gamma, beta = (
        t.double().requires_grad_() for t in (torch.randn(7, 3), torch.randn(3), torch.randn(3))
    )
    g = torch.randn(7, 3).double()
    y = F.batch_norm(x, None, None, gamma, beta, training=True)
    torch.testing.assert_close(batch_norm(x, gamma, beta), y)
    expected = torch.autograd.grad(y, (x, gamma, beta), g)
    for one, other in zip(batch_norm_backward(x.detach(), gamma.detach(), g), expected):
        torch.testing.assert_close(one, other)


def test_batch_norm_in_both_phases_is_pytorchs():
    ours, theirs = BatchNorm(4, momentum=0.3), nn.BatchNorm1d(4, momentum=0.3)
    for phase in ("train", "train", "eval", "train", "eval"):
        x = 3 * torch.randn(6, 4) + 1
        torch.testing.assert_close(getattr(ours, phase)()(x), getattr(theirs, phase)()(x))
        torch.testing.assert_close(ours.running_mean, theirs.running_mean)
        torch.testing.assert_close(ours.running_var, theirs.running_var)


@pytest.fixture
def _small(monkeypatch):
    config = replace(reference.CONFIG["mini"], width=16, steps=25, batch=64)
    monkeypatch.setitem(reference.CONFIG, "mini", config)


@pytest.mark.usefixtures("_small")
def test_a_tiny_training_is_repeatable_and_learns():
    runs = [Run(seed=1, device="cpu") for _ in range(2)]
    first, second = (reference.train("mini", 1, run) for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [loss for _, loss in runs[0].curve["loss"]]
    assert sum(losses[-5:]) < sum(losses[:5])
    assert 0 < reference.evaluate(first, "mini") <= 1


@pytest.mark.parametrize("norm", [False, True])
def test_evaluate_takes_any_width_normalised_or_not(norm):
    net = DeepNet([40, *range(5, 24), 10], he_weights, norm, torch.Generator().manual_seed(0))
    assert 0 <= reference.evaluate(net.state_dict(), "mini") <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("weights.7"), "expected 20 matrices"),
        (lambda t: t.clear(), "expected 20 matrices"),
        (lambda t: t.update({"weights.19": torch.ones(9, 5)}), "expected 10 outputs"),
        (lambda t: t.update({"weights.3": torch.ones(5)}), "expected 20 matrices"),
        (lambda t: t.update({"weights.3": torch.ones(5, 6)}), "what the one before gives"),
        (lambda t: t.update({"biases.3": torch.ones(7)}), "not the state of a DeepNet"),
        (lambda t: t.pop("biases.0"), "not the state of a DeepNet"),
    ],
)
def test_evaluate_refuses_what_is_no_net(change, message):
    net = DeepNet([40] + [5] * 19 + [10], he_weights, False, torch.Generator())
    tensors = dict(net.state_dict())
    change(tensors)
    with pytest.raises(ValueError, match=message):
        reference.evaluate(tensors, "mini")
