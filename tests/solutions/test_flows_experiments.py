"""Flows of pictures without files: their first layer is exact, both begin as it, and a little training helps."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from course_utils.data import digits
from course_utils.training import Run
from solutions.flows import experiments, reference
from solutions.flows.experiments import ContinuousPictures, CoupledPictures, Gaussianised, picture_bits


@pytest.fixture(scope="module")
def pictures():
    """Digits of 8×8 pixels with 17 levels, in the middle of 28×28, as multiples of 1/255: (N, 784)."""
    x = digits.load("mini", "train").tensors[0]
    x = nn.functional.interpolate(x, scale_factor=2)
    return (nn.functional.pad(x, (6,) * 4).flatten(1) * 255).round() / 255


def test_the_first_layer_is_its_histograms(pictures):
    layer, some = Gaussianised(pictures[20:]), pictures[:20]
    level = (255 * some).round().long()
    counts = torch.stack(
        [(pictures[20:] * 255).round().eq(n).sum(0) for n in range(256)], 1
    ).double()  # (D, 256)
    share = (counts + 1 / 256) / (len(pictures) - 20 + 1)
    wanted = -share.log2().gather(1, level.T).mean(0)

    def log_p(y):
        z, log_det = layer(y)
        return reference.log_normal(z) + log_det

    for noise in (0.01, 0.5, 0.99):  # within a level all places are as likely
        got = reference.bits_per_number(log_p, some, torch.full_like(some, noise))
        torch.testing.assert_close(got.double(), wanted, atol=2e-3, rtol=0)


def test_the_first_layer_knows_its_slopes(pictures):
    layer = Gaussianised(pictures)
    y = reference.logits(pictures[:3], torch.full((3, 784), 0.4))[0].double()
    h = 1e-4
    slopes = (layer(y + h)[0].double() - layer(y - h)[0].double()) / (2 * h)
    near = (layer(y)[0].abs() < 3) & (slopes > 0.01)  # where z's 32 bits tell a difference
    assert near.float().mean() > 0.5
    one = Gaussianised(pictures[:, :1])
    for column in (0, 300, 406):
        one.share, one.below = layer.share[column : column + 1], layer.below[column : column + 1]
        got = one(y[:, column : column + 1])[1].exp().double()
        keep = near[:, column]
        torch.testing.assert_close(got[keep], slopes[keep, column], rtol=2e-2, atol=1e-3)


def test_pixels_of_the_training_pictures_become_normal(pictures):
    torch.manual_seed(0)
    z, _ = Gaussianised(pictures)(reference.logits(pictures, torch.rand_like(pictures))[0])
    assert z.mean(0).abs().max() < 0.15
    assert (z.std(0) - 1).abs().max() < 0.15


@pytest.mark.parametrize("kind", experiments.KINDS.values())
def test_both_begin_as_the_first_layer_alone(kind, pictures):
    y = reference.logits(pictures[:5], torch.full((5, 784), 0.5))[0]
    alone = CoupledPictures(pictures, count=0)
    torch.testing.assert_close(kind(pictures)(y), alone(y), rtol=1e-4, atol=1e-2)


def test_couplings_keep_the_squares_of_a_checkerboard(pictures):
    layers = list(CoupledPictures(pictures).layers)[1:]
    assert all(torch.equal(a.mask + b.mask, torch.ones(784)) for a, b in pairwise(layers))
    board = layers[0].mask.view(28, 28)
    assert (board[1:] + board[:-1] == 1).all()
    assert (board[:, 1:] + board[:, :-1] == 1).all()


def test_the_field_is_told_the_time(pictures):
    net = ContinuousPictures(pictures)
    nn.init.normal_(net.net.net[-1].weight, std=0.1)
    z = torch.randn(2, 784)
    early, late = (net.net(z, torch.tensor(t)) for t in (0.0, 1.0))
    assert early.shape == (2, 784)
    assert (early - late).abs().max() > 1e-3


def test_a_little_training_needs_fewer_bits(pictures, monkeypatch):
    how = reference.Config(8, 12, 32, 1e-2, 1, 1)
    monkeypatch.setattr(experiments, "HOW", how)
    data = torch.utils.data.TensorDataset(pictures, torch.zeros(len(pictures)))
    run = Run("flows", 0, "cpu")
    for name, kind in experiments.KINDS.items():
        torch.manual_seed(0)
        net = kind(pictures, how)
        first = picture_bits(net, pictures[:100], None).item()
        net = reference.fit(net, picture_bits, data, run, how, name)
        assert experiments.bits(net, pictures[:100], run) < first - 0.005, name
        assert math.isfinite(first)
