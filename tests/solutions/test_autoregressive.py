"""The reference of the topic autoregressive: by hand, against plain loops, by its properties, and a tiny training."""

import dataclasses
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.training import Run, record
from solutions.autoregressive import experiments, reference
from solutions.autoregressive.reference import (
    GatedLayer,
    MaskedConv2d,
    Multiscale,
    PixelCNN,
    bits_per_dim,
    causal_mask,
    layer_pixel,
    layer_row,
    logistic_log_prob,
    merge,
    mixture_log_prob,
    multiscale_nats,
    nats,
    receptive_field,
    sample,
    sample_cached,
    sample_multiscale,
    shift_down,
    split,
)


def loud(net: nn.Module) -> nn.Module:
    """Weights large enough for samples to depend on earlier pixels."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.7)
    return net.eval()


def every_picture(side: int) -> torch.Tensor:
    """All black and white pictures (2^(side²), 1, side, side)."""
    rows = list(itertools.product((0.0, 1.0), repeat=side * side))
    return torch.tensor(rows).view(-1, 1, side, side)


def test_masks_worked_by_hand():
    assert causal_mask("A", 3)[0, 0].tolist() == [[1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert causal_mask("B", 3)[0, 0].tolist() == [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
    assert causal_mask("A", 3, 3, 3, groups=3)[:, :, 1, 1].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    assert causal_mask("B", 1, 2, 4, groups=2)[:, :, 0, 0].tolist() == [[1, 0], [1, 0], [1, 1], [1, 1]]


@pytest.mark.parametrize("arguments", [("C", 3), ("A", 4), ("A", 3, 4, 3, 3), ("B", 3, 3, 4, 3)])
def test_masks_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match="causal_mask: expected"):
        causal_mask(*arguments)


@pytest.mark.parametrize("kind", [torch.float64, torch.bool])
def test_a_masked_convolution_takes_a_mask_of_any_type(monkeypatch, kind):
    monkeypatch.setattr(reference, "causal_mask", lambda *sizes: causal_mask(*sizes).to(kind))
    assert MaskedConv2d("A", 2, 4, 3)(torch.randn(1, 2, 5, 5)).dtype == torch.float32


def test_colours_see_earlier_pixels_whole_and_their_own_in_order():
    net = nn.Sequential(MaskedConv2d("A", 3, 12, 3, groups=3), MaskedConv2d("B", 12, 3, 3, groups=3))
    x = torch.randn(1, 3, 5, 5, requires_grad=True)
    for channel in range(3):
        seen = torch.autograd.grad(net(x)[0, channel, 2, 2], x)[0][0] != 0  # (3, 5, 5)
        assert seen[:, 1, 2].all()
        assert seen[:, 2, 1].all()
        assert seen[:, 2, 2].tolist() == [c < channel for c in range(3)]
        assert not seen[:, 2, 3:].any()
        assert not seen[:, 3:].any()


def test_one_stack_has_a_blind_spot_and_two_have_none():
    one = nn.Sequential(MaskedConv2d("A", 1, 4, 3), *(MaskedConv2d("B", 4, 4, 3) for _ in range(3)))
    two = PixelCNN(11, c=4, k=3, layers=4).eval()
    i, j, reach = 9, 5, 4
    rows, columns = torch.arange(11)[:, None], torch.arange(11)
    earlier = (rows < i) | ((rows == i) & (columns < j))
    reached = earlier & ((columns - j).abs() <= reach) & (rows >= i - 1 - reach)
    assert receptive_field(two, (1, 11, 11), i, j).equal(reached)
    seen = receptive_field(one, (1, 11, 11), i, j)
    assert not (seen & ~earlier).any()
    assert not seen[
        8, 7:10
    ].any()  # one row up a masked kernel reaches one column to the right, with the last layers no more
    assert seen[8, 6]


@pytest.mark.parametrize(("k", "layers"), [(3, 1), (5, 2), (7, 3)])
def test_no_pixel_of_the_net_sees_itself_or_a_later_one(k, layers):
    net = PixelCNN(6, c=3, k=k, layers=layers).eval()
    order = torch.arange(36).view(6, 6)
    for i, j in ((0, 0), (2, 3), (5, 5), (3, 0), (2, 5)):
        assert not (receptive_field(net, (1, 6, 6), i, j) & (order >= order[i, j])).any()


def test_a_layer_against_loops_over_its_windows():
    layer, v, h = GatedLayer(3, 3, 5), torch.randn(1, 3, 5, 6), torch.randn(1, 3, 5, 6)
    new_v, new_h = layer(v, h)
    padded = F.pad(v, (2, 2, 2, 0))
    above = torch.empty(1, 6, 5, 6)
    for i, j in itertools.product(range(5), range(6)):
        window = padded[0, :, i : i + 3, j : j + 5]
        above[0, :, i, j] = (window * layer.vertical.weight).sum((1, 2, 3)) + layer.vertical.bias
    torch.testing.assert_close(new_v, torch.tanh(above[:, :3]) * torch.sigmoid(above[:, 3:]))
    link = layer.link(shift_down(above))
    row = F.pad(h, (2, 0))
    for i, j in itertools.product(range(5), range(6)):
        left = (row[0, :, i : i + 1, j : j + 3] * layer.horizontal.weight).sum(
            (1, 2, 3)
        ) + layer.horizontal.bias
        z = left + link[0, :, i, j]
        y = layer.out((torch.tanh(z[:3]) * torch.sigmoid(z[3:])).view(1, 3, 1, 1))
        torch.testing.assert_close(new_h[:, :, i : i + 1, j : j + 1], h[:, :, i : i + 1, j : j + 1] + y)


@pytest.mark.parametrize("levels", [2, 17, 256])
@pytest.mark.parametrize(("mean", "log_scale"), [(3.7, 0.0), (250.0, 2.5), (-20.0, 1.0), (8.0, -3.0)])
def test_the_masses_of_all_values_add_up_to_one(levels, mean, log_scale):
    x = torch.arange(levels, dtype=torch.float64)
    p = logistic_log_prob(x, torch.tensor(mean).double(), torch.tensor(log_scale).double(), levels).exp()
    torch.testing.assert_close(p.sum().item(), 1.0)


def test_the_masses_are_integrals_of_the_density():
    x, mean, s = torch.arange(1.0, 255, dtype=torch.float64), 100.3, 7.0
    t = x[:, None] + torch.linspace(-0.5, 0.5, 401, dtype=torch.float64)
    z = (t - mean) / s
    mass = torch.trapezoid(torch.sigmoid(z) * torch.sigmoid(-z) / s, t, dim=1)
    got = logistic_log_prob(x, torch.tensor(mean).double(), torch.tensor(math.log(s)).double()).exp()
    torch.testing.assert_close(got, mass, rtol=1e-5, atol=1e-12)


def test_the_tails_are_finite_with_gradients_in_single_precision():
    x = torch.tensor([0.0, 3.0, 252.0, 255.0])
    mean = torch.tensor([200.0, 250.0, 1.0, -10.0], requires_grad=True)
    got = logistic_log_prob(x, mean, torch.tensor(-2.0))
    rate = math.exp(2.0)
    assert got.isfinite().all()
    (gradient,) = torch.autograd.grad(got.sum(), mean)
    torch.testing.assert_close(gradient, torch.tensor([-rate, -rate, rate, rate]))


def test_a_mixture_is_the_weighted_sum_and_stays_finite():
    x = torch.randint(0, 256, (4, 5)).double()
    logits, mean, log_scale = (torch.randn(4, 5, 3, dtype=torch.float64) for _ in range(3))
    mean = 128 + 50 * mean
    parts = logistic_log_prob(x[..., None], mean, log_scale + 3)
    expected = (torch.softmax(logits, -1) * parts.exp()).sum(-1).log()
    torch.testing.assert_close(mixture_log_prob(x, logits, mean, log_scale + 3), expected)
    far = mixture_log_prob(torch.tensor([255.0]), *torch.zeros(3, 1, 2))
    assert far.isfinite().all()


def test_nats_and_bits():
    logits, x = torch.randn(3, 1, 4, 5), torch.randint(0, 2, (3, 1, 4, 5)).float()
    p = torch.sigmoid(logits)
    expected = [
        -sum(math.log(q if v else 1 - q) for q, v in zip(a.flatten().tolist(), b.flatten().tolist()))
        for a, b in zip(p, x)
    ]
    torch.testing.assert_close(nats(logits, x), torch.tensor(expected))
    torch.testing.assert_close(
        bits_per_dim(torch.tensor([math.log(2.0) * 24]), (3, 2, 4)), torch.tensor([1.0])
    )


def test_the_nets_probabilities_of_all_pictures_add_up_to_one():
    x = every_picture(3)
    net, scales = loud(PixelCNN(3, c=4, k=3, layers=2)), loud(Multiscale(4, 2, 3))
    with torch.no_grad():
        assert abs((-nats(net(x), x)).exp().sum().item() - 1) < 1e-4
        pictures = every_picture(4)
        total = sum((-scales(part)).exp().sum().item() for part in pictures.split(8192))
        assert abs(total - 1) < 1e-4


def test_samples_have_the_nets_probabilities():
    net = loud(PixelCNN(2, c=4, k=3, layers=2))
    x = every_picture(2)
    with torch.no_grad():
        p = (-nats(net(x), x)).exp()
    drawn = sample(net, torch.rand(20_000, 1, 2, 2)).flatten(1)
    share = torch.bincount((drawn @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long(), minlength=16) / 20_000
    assert (share - p).abs().max() < 0.02


@pytest.mark.parametrize(("side", "k", "layers"), [(6, 3, 3), (5, 7, 2), (4, 5, 1)])
def test_a_cache_changes_nothing_but_the_work(side, k, layers):
    from torch.utils.flop_counter import FlopCounterMode

    net, u = loud(PixelCNN(side, c=3, k=k, layers=layers)), torch.rand(7, 1, side, side)
    slow = sample(net, u)
    assert slow.equal(sample_cached(net, u))
    assert 0.05 < slow.mean() < 0.95
    work = []
    for call in (lambda: net(u), lambda: sample(net, u), lambda: sample_cached(net, u)):
        with FlopCounterMode(display=False) as counter:
            call()
        work.append(counter.get_total_flops())
    assert work[1] == side**2 * work[0]
    assert work[2] == work[0]


@pytest.mark.parametrize("first", [True, False])
def test_the_windows_are_pieces_of_the_layer(first):
    layer = GatedLayer(3, 3, 5, first)
    v, h = torch.randn(2, 3, 5, 6), torch.randn(2, 3, 5, 6)
    above = layer.vertical(F.pad(v, (2, 2, 2, 0)))
    torch.testing.assert_close(layer_row(layer, v[:, :, 2:5]), above[:, :, 4:5])
    link = layer.link(shift_down(above))
    got = layer_pixel(layer, h[:, :, 4:5, 1:4], link[:, :, 4:5, 3:4])
    torch.testing.assert_close(got, layer(v, h)[1][:, :, 4:5, 3:4])


def test_given_rows_are_kept():
    net, u, start = loud(PixelCNN(5, c=3, k=3, layers=2)), torch.rand(4, 1, 5, 5), torch.ones(4, 1, 5, 5)
    x = sample(net, u, start, row=2)
    assert x[:, :, :2].eq(1).all()
    assert not x[:, :, 2:].eq(1).all()
    assert start.eq(1).all()


def test_split_and_merge_are_inverse():
    x = torch.randn(2, 3, 6, 8)
    assert merge(split(x)).equal(x)
    assert split(x)[2].equal(x[:, :, 1::2, ::2])


def test_growing_scales_count_their_calls_and_every_pixel_once():
    calls = []

    def fair(x):
        calls.append(len(x))
        return torch.zeros_like(x[:, :1])

    x = torch.randint(0, 2, (2, 1, 16, 16)).float()
    torch.testing.assert_close(
        multiscale_nats(fair, [[fair] * 3] * 3, x), torch.full((2,), 256 * math.log(2))
    )
    calls.clear()
    u = torch.rand(2, 1, 16, 16)
    assert sample_multiscale(fair, [[fair] * 3] * 3, u).equal((u < 0.5).float())
    assert len(calls) == 4 + 3 * 3


def test_samples_of_growing_scales_have_their_probabilities():
    net = loud(Multiscale(2, 1, 3))
    x = every_picture(2)
    with torch.no_grad():
        p = (-net(x)).exp()
    drawn = sample_multiscale(net.base, net.scales, torch.rand(20_000, 1, 2, 2)).flatten(1)
    share = torch.bincount((drawn @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long(), minlength=16) / 20_000
    assert (share - p).abs().max() < 0.02


def test_a_tiny_training_learns_and_repeats(monkeypatch):
    short = dataclasses.replace(reference.config("mini"), c=8, k=3, steps=40, memory=0.8)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    first, again = (reference.train("mini", 0, Run(seed=0, device="cpu")) for _ in range(2))
    assert all(first[name].equal(again[name]) for name in first)
    untrained = reference.evaluate(reference.pixel_cnn("mini").state_dict(), "mini")
    assert abs(untrained - 64 * math.log(2)) < 3
    assert reference.evaluate(first, "mini") < 30


def test_growing_scales_and_grey_learn_too(monkeypatch):
    short = dataclasses.replace(reference.config("mini"), c=8, k=3, steps=30, memory=0.8)
    monkeypatch.setattr(experiments, "config", lambda tier: short)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    found = experiments.experiments({}, "mini", Run(seed=0, device="cpu"))
    assert found["scales_test_nats"] < 40  # 44.4 where nothing is known
    assert found["grey_test_bits"] < 1.9  # 2 where nothing is known


def test_another_nets_tensors_are_refused():
    with pytest.raises(RuntimeError):
        reference.evaluate(PixelCNN(8, c=3, k=3, layers=2).state_dict(), "mini")


def test_the_record_is_far_from_independent_pixels_and_reaches_the_topics_goal():
    entry = record("autoregressive", "mini")
    assert abs(entry.baseline - reference.baseline("mini")) < 1e-6
    assert entry.value <= 17.6


@pytest.mark.real_data("mnist")
def test_the_full_tier_learns_within_a_few_steps(monkeypatch):
    short = dataclasses.replace(
        reference.config("full"), c=8, k=3, layers=2, steps=12, batch=16, rate=2e-2, memory=0.5
    )
    monkeypatch.setattr(reference, "config", lambda tier: short)
    x = reference.binary_digits.load("full", "test").tensors[0]
    data = torch.utils.data.TensorDataset(x[500:2500])
    net = reference.pixel_cnn("full")
    net = reference.fit(net, lambda net, x: nats(net(x), x), data, short, Run(seed=0, device="cpu"))
    assert (
        reference.mean_nats(lambda part: nats(net(part), part), x[:100]) < 450
    )  # 543 where nothing is known
