"""The reference of the topic neurons: by hand, against PyTorch, by its properties, and a tiny training."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.training import Run
from solutions.neurons import reference
from solutions.neurons.reference import (
    accuracy,
    cross_entropy,
    descend,
    elu,
    layer,
    mlp,
    neuron,
    new_layers,
    relu,
    sigmoid,
    split,
    squared_error,
    xor_layers,
)

CORNERS = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])


def test_one_neuron_worked_by_hand():
    assert neuron(torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0]), 1.5) == -0.5


def test_a_layer_is_its_neurons():
    x, W, b = torch.randn(4, 3), torch.randn(5, 3), torch.randn(5)
    by_loop = torch.tensor([[neuron(example, w, bias) for w, bias in zip(W, b)] for example in x])
    torch.testing.assert_close(layer(x, W, b), by_loop)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(sigmoid, torch.sigmoid), (relu, F.relu), (elu, F.elu)],
    ids=["sigmoid", "relu", "elu"],
)
def test_activations_are_pytorchs_with_their_slopes(ours, theirs):
    z = torch.cat([20 * torch.randn(200), torch.tensor([-200.0, 200.0])]).requires_grad_()
    torch.testing.assert_close(ours(z), theirs(z))
    (one,), (other,) = (torch.autograd.grad(f(z).sum(), z) for f in (ours, theirs))
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_an_mlp_is_pytorchs():
    layers = new_layers([3, 5, 4, 2], torch.Generator().manual_seed(0))
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    with torch.no_grad():
        for linear, (W, b) in zip(net[::2], layers):
            linear.weight.copy_(W)
            linear.bias.copy_(b)
    x = torch.randn(7, 3)
    torch.testing.assert_close(mlp(x, layers, torch.tanh), net(x))


def test_without_a_bend_a_stack_is_one_layer():
    (W1, b1), (W2, b2) = layers = [(torch.randn(8, 2), torch.randn(8)), (torch.randn(3, 8), torch.randn(3))]
    x = torch.randn(5, 2)
    torch.testing.assert_close(mlp(x, layers, lambda z: z), layer(x, W2 @ W1, W2 @ b1 + b2))


def test_xor_at_the_corners_worked_by_hand():
    assert mlp(CORNERS, xor_layers(), relu)[:, 0].tolist() == [-1, 1, 1, -1]


def test_squared_error_worked_by_hand_and_unequal_shapes_refused():
    assert squared_error(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])) == 5
    with pytest.raises(ValueError, match=r"expected two equal shapes, got \(3, 1\) and \(3,\)"):
        squared_error(torch.ones(3, 1), torch.ones(3))


def test_cross_entropy_is_pytorchs_and_exact_far_out():
    z = torch.cat([torch.randn(50), torch.tensor([-1000.0, 1000.0])]).requires_grad_()
    y = torch.randint(0, 2, (52,))
    ours, theirs = cross_entropy(z, y), F.binary_cross_entropy_with_logits(z, y.float())
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(loss, z)[0] for loss in (ours, theirs)))
    assert cross_entropy(torch.tensor([-1000.0]), torch.tensor([1])) == 1000


def test_accuracy_worked_by_hand():
    z, y = torch.tensor([0.3, 2.0, -1.0, -0.2, -3.0]), torch.tensor([1, 1, 0, 1, 0])
    assert accuracy(z, y) == pytest.approx(0.8)


def test_a_split_parts_every_example_once_and_keeps_pairs():
    x, y = torch.randn(31, 2), torch.arange(31)
    (x_train, y_train), (x_val, y_val) = split(x, y, 8, seed=3)
    assert (len(x_train), len(x_val)) == (23, 8)
    assert sorted([*y_train.tolist(), *y_val.tolist()]) == list(range(31))
    assert torch.equal(x_train, x[y_train])
    assert torch.equal(x_val, x[y_val])
    assert torch.equal(split(x, y, 8, seed=3)[1][1], y_val)
    assert not torch.equal(split(x, y, 8, seed=4)[1][1], y_val)


def test_a_step_goes_downhill():
    layers = new_layers([2, 4, 1], torch.Generator().manual_seed(0))
    parameters = [tensor for pair in layers for tensor in pair]
    x, y = torch.randn(30, 2), torch.randint(0, 2, (30,))
    losses = []
    for _ in range(3):
        loss = cross_entropy(mlp(x, layers, torch.tanh)[:, 0], y)
        descend(parameters, loss, rate=0.1)
        losses.append(loss.item())
    assert losses[0] > losses[1] > losses[2]


def test_a_tiny_training_is_repeatable_and_learns(monkeypatch):
    small = replace(reference.CONFIG["mini"], steps=60)
    monkeypatch.setitem(reference.CONFIG, "mini", small)
    runs = [Run(seed=1, device="cpu") for _ in range(2)]
    first, second = (reference.train("mini", 1, run) for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [loss for _, loss in runs[0].curve["loss"]]
    assert losses[-1] < losses[0]
    assert set(first) == {f"{i}.{name}" for i in range(3) for name in "Wb"}
    assert 0.3 < reference.evaluate(first, "mini") <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("1.b"), "expected tensors called"),
        (lambda t: t.clear(), "expected tensors called"),
        (lambda t: t.update({"0.W": torch.ones(3, 5)}), r"expected 0\.W \(M, 2\)"),
        (lambda t: t.update({"1.b": torch.ones(2)}), r"expected 1\.W \(M, 3\)"),
        (lambda t: t.update({"1.W": torch.ones(2, 3), "1.b": torch.ones(2)}), "one neuron in the last layer"),
    ],
)
def test_evaluate_refuses_what_is_no_net(change, message):
    tensors = {"0.W": torch.ones(3, 2), "0.b": torch.ones(3), "1.W": torch.ones(1, 3), "1.b": torch.ones(1)}
    change(tensors)
    with pytest.raises(ValueError, match=message):
        reference.evaluate(tensors, "mini")
