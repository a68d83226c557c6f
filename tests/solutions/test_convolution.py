"""The reference of the topic convolution: by hand, against PyTorch, by its properties, and a tiny training."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.training import Run
from solutions.convolution import reference
from solutions.convolution.reference import (
    ConvNet,
    conv2d,
    conv2d_loop,
    distort,
    dropout,
    max_pool2d,
    output_size,
    parameter_counts,
    receptive_field,
    softmax,
)

X = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 1.0, 1.0]])
K = torch.tensor([[1.0, 0.0], [2.0, -1.0]])


def test_the_four_sums_worked_by_hand():
    assert conv2d_loop(X, K).tolist() == [[0, 1], [3, 2]]
    assert conv2d(X.view(1, 1, 3, 3), K.view(1, 1, 2, 2))[0, 0].tolist() == [[0, 1], [3, 2]]


@pytest.mark.parametrize(
    ("h", "w", "kh", "kw", "stride", "padding"), [(7, 9, 3, 2, 1, 0), (8, 5, 3, 3, 2, 1), (6, 6, 1, 4, 3, 2)]
)
def test_conv2d_is_pytorchs_with_gradients(h, w, kh, kw, stride, padding):
    ours = [
        torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((2, 3, h, w), (4, 3, kh, kw), (4,))
    ]
    theirs = [t.detach().clone().requires_grad_() for t in ours]
    y, z = conv2d(*ours, stride, padding), F.conv2d(*theirs, stride, padding)
    torch.testing.assert_close(y, z)
    upstream = torch.randn_like(z)
    for one, other in zip(
        torch.autograd.grad((y * upstream).sum(), ours), torch.autograd.grad((z * upstream).sum(), theirs)
    ):
        torch.testing.assert_close(one, other)


def test_loop_and_vectorised_agree():
    x, k = torch.randn(6, 8), torch.randn(3, 2)
    torch.testing.assert_close(conv2d_loop(x, k), conv2d(x[None, None], k[None, None])[0, 0])


def test_a_shifted_picture_gives_a_shifted_output():
    x, k = F.pad(torch.randn(1, 2, 6, 6), (6, 6, 6, 6)), torch.randn(3, 2, 3, 3)
    torch.testing.assert_close(conv2d(x.roll((2, 3), (2, 3)), k), conv2d(x, k).roll((2, 3), (2, 3)))


def test_a_locally_connected_layer_with_equal_kernels_is_a_convolution():
    x, k = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 2, 2)
    own = k[:, :, None, None].expand(3, 2, 4, 4, 2, 2)  # a kernel for each of the 4×4 places
    windows = x.unfold(2, 2, 1).unfold(3, 2, 1)
    torch.testing.assert_close(torch.einsum("bchwij,ochwij->bohw", windows, own), conv2d(x, k))


@pytest.mark.parametrize("n", [5, 8, 13])
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2])
def test_output_size_counts_positions(n, k, stride, padding):
    assert output_size(n, k, stride, padding) == len(range(0, n + 2 * padding - k + 1, stride))


def test_output_size_refuses_a_kernel_that_does_not_fit():
    with pytest.raises(ValueError, match=r"at most 4, got 5"):
        output_size(2, 5, padding=1)


def test_parameters_are_those_of_pytorchs_layers():
    dense, local, shared = parameter_counts(6, 3, 4, 3)
    count = lambda layer: sum(p.numel() for p in layer.parameters())  # noqa: E731
    assert dense == count(nn.Linear(3 * 36, 4 * 16))
    assert local == 16 * shared == 16 * count(nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pooling_is_pytorchs_also_below_zero(size):
    x = torch.randn(2, 3, 7, 8) - 2
    torch.testing.assert_close(max_pool2d(x, size), F.max_pool2d(x, size))


@pytest.mark.parametrize(
    "layers", [[], [(3, 1)] * 4, [(3, 1), (2, 2), (3, 1)], [(5, 3), (2, 2), (3, 2), (2, 1)]]
)
def test_the_receptive_field_is_where_gradients_are(layers):
    x = torch.zeros(1, 1, 80, requires_grad=True)
    y = x * 1
    for k, s in layers:
        y = F.conv1d(y, torch.ones(1, 1, k), stride=s)
    seen = torch.autograd.grad(y[0, 0, 0], x)[0].nonzero()[:, -1]
    assert receptive_field(layers) == int(seen.max() - seen.min()) + 1


def test_softmax_is_pytorchs_and_does_not_overflow():
    z = 5 * torch.randn(2, 3, 4)
    torch.testing.assert_close(softmax(z), torch.softmax(z, -1))
    torch.testing.assert_close(softmax(z + 3000), torch.softmax(z + 3000, -1))


def test_dropout_keeps_the_mean_and_rests_in_production():
    x = torch.rand(100, 1000) + 1
    y = dropout(x, 0.3)
    assert abs((y == 0).double().mean().item() - 0.3) < 0.01
    torch.testing.assert_close(y[y != 0], (x / 0.7)[y != 0])
    assert abs(y.mean().item() / x.mean().item() - 1) < 0.01
    assert dropout(x, 0.3, training=False).equal(x)


def test_the_net_has_its_shapes_and_its_phases():
    net, x = ConvNet(8), torch.rand(3, 1, 8, 8)
    assert net(x).shape == (3, 10)
    assert not net(x).equal(net(x))
    net.eval()
    assert net(x).equal(net(x))
    assert ConvNet(28)(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_distortions_within_zero_bounds_change_nothing_and_a_shift_shifts():
    x = torch.rand(4, 1, 12, 12)
    torch.testing.assert_close(distort(x, 0, 0, 0), x, atol=1e-5, rtol=0)
    y = distort(x, 10, 2, 0.1)
    assert y.shape == x.shape
    assert y.isfinite().all()
    assert not torch.allclose(y, x, atol=1e-2)


def test_the_average_follows_the_net():
    net = nn.Linear(2, 1)
    average = copy.deepcopy(net)
    nn.init.constant_(net.weight, 1.0)
    nn.init.constant_(average.weight, 0.0)
    reference.follow(average, net, memory=0.75)
    torch.testing.assert_close(average.weight.detach(), torch.full((1, 2), 0.25))


def test_a_tiny_training_learns_and_repeats(monkeypatch):
    short = reference.Config(
        side=8, epochs=3, batch=64, rate=4e-3, degrees=5, pixels=0.5, stretch=0.05, memory=0.8
    )
    monkeypatch.setitem(reference.CONFIGS, "mini", short)
    first, again = (reference.train("mini", 0, Run(seed=0, device="cpu")) for _ in range(2))
    assert all(first[name].equal(again[name]) for name in first)
    assert reference.evaluate(first, "mini") > 0.6  # one tenth by chance
    assert reference.evaluate(ConvNet(8).state_dict(), "mini") < 0.4


def test_another_nets_tensors_are_refused():
    with pytest.raises(RuntimeError):
        reference.evaluate(ConvNet(12).state_dict(), "mini")


def test_the_baseline_is_a_fair_linear_classifier():
    assert 0.9 < reference.baseline("mini") < 0.97


@pytest.mark.real_data("mnist")
def test_the_full_tier_learns_within_a_few_steps(monkeypatch):
    x, y = reference.mnist.load("full", "train").tensors
    few = torch.utils.data.TensorDataset(x[:6400], y[:6400])
    held_out = torch.utils.data.TensorDataset(x[-500:], y[-500:])
    monkeypatch.setattr(reference.mnist, "load", lambda tier, split: few if split == "train" else held_out)
    short = reference.Config(
        side=28, epochs=1, batch=128, rate=4e-3, degrees=10, pixels=2, stretch=0.1, memory=0.8
    )
    monkeypatch.setitem(reference.CONFIGS, "full", short)
    assert reference.evaluate(reference.train("full", 0, Run(seed=0, device="cpu")), "full") > 0.6
