"""The reference of the topic depth: by hand, against PyTorch, by its properties, and a tiny training."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.training import Run
from solutions.depth import reference
from solutions.depth.reference import (
    Config,
    DenseBlock,
    Inception,
    ResidualBlock,
    ResNet,
    UNet,
    averaged,
    conv_cost,
    distort,
    iou,
    profile,
    symmetries,
)


def weights(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_costs_worked_by_hand():
    assert conv_cost(3, 8, 3, 10) == (8 * 27 + 8, 8 * 100 * 27)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_parameters_are_those_of_pytorchs_layer(kernel):
    assert conv_cost(4, 6, kernel, 1)[0] == weights(nn.Conv2d(4, 6, kernel))


def test_the_profile_follows_pytorchs_layers_and_the_gradient():
    layers = [(4, 3, 1, 0), (0, 2, 2, 0), (5, 3, 2, 0), (2, 2, 1, 0)]
    x = y = torch.zeros(1, 3, 41, 41, requires_grad=True)
    sizes = []
    for c_out, kernel, stride, _ in layers:
        if c_out:
            y = F.conv2d(y, torch.ones(c_out, y.shape[1], kernel, kernel), stride=stride)
        else:
            y = F.avg_pool2d(y, kernel, stride)  # every pixel counts, unlike in a maximum
        sizes.append((y.shape[1], y.shape[2]))
    rows = profile(layers, 3, 41)
    assert [row[:2] for row in rows] == sizes
    seen = torch.autograd.grad(y[0, 0, 3, 3], x)[0][0, 0].nonzero()[:, 1]
    assert rows[-1][4] == int(seen.max() - seen.min()) + 1


def test_a_block_whose_second_normalisation_is_zero_hands_on():
    block = ResidualBlock(3, 3)
    nn.init.zeros_(block.norm2.weight)
    x = torch.rand(2, 3, 6, 6)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize(("c_in", "c_out", "stride", "projects"), [(4, 4, 1, 0), (4, 4, 2, 1), (4, 6, 1, 1)])
def test_a_block_projects_only_where_the_shape_changes(c_in, c_out, stride, projects):
    block = ResidualBlock(c_in, c_out, stride)
    assert (len(block.shortcut) > 0) == bool(projects)
    side = -(-7 // stride)
    assert block(torch.randn(2, c_in, 7, 7)).shape == (2, c_out, side, side)


def test_plain_and_residual_blocks_differ_by_the_input():
    plain, residual = ResidualBlock(2, 2, residual=False).eval(), ResidualBlock(2, 2).eval()
    residual.load_state_dict(plain.state_dict())
    x = torch.rand(1, 2, 5, 5)
    inner = plain.norm2(plain.conv2(F.relu(plain.norm1(plain.conv1(x)))))
    torch.testing.assert_close(plain(x), F.relu(inner))
    torch.testing.assert_close(residual(x), F.relu(x + inner))


def test_inception_joins_four_branches_and_has_the_papers_number_of_weights():
    net = Inception(192, (64, 96, 128, 16, 32, 32))
    assert net(torch.randn(1, 192, 4, 4)).shape == (1, 256, 4, 4)
    branches = [(192, 64, 1), (192, 96, 1), (96, 128, 3), (192, 16, 1), (16, 32, 5), (192, 32, 1)]
    assert weights(net) == sum(conv_cost(a, b, k, 1)[0] for a, b, k in branches)


def test_a_dense_block_keeps_everything():
    net, x = DenseBlock(6, 4, 3).eval(), torch.randn(2, 6, 5, 5)
    y = net(x)
    assert [conv.in_channels for conv in net.convs] == [6, 10, 14]
    assert y[:, :6].equal(x)
    torch.testing.assert_close(DenseBlock.forward(net, x)[:, 6:10], net.convs[0](F.relu(net.norms[0](x))))


def test_a_unet_answers_for_every_pixel_and_refuses_odd_sizes():
    net = UNet(2, 3, (2, 3, 4))
    assert net(torch.randn(1, 2, 8, 12)).shape == (1, 3, 8, 12)
    with pytest.raises(ValueError, match="steps of 4"):
        net(torch.randn(1, 2, 8, 10))


def test_a_unet_uses_what_it_kept():
    net, x = UNet(1, 2, (2, 3)).eval(), torch.randn(1, 1, 4, 4)
    nn.init.zeros_(net.up[0].weight)  # nothing comes up from the bottom any more
    nn.init.zeros_(net.up[0].bias)
    assert net(x).std() > 0


def test_iou_by_hand_and_without_any_pixel():
    a, b = torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 0], [1, 1]]])
    torch.testing.assert_close(iou(a, b, 3), torch.tensor([1 / 2, 2 / 3, 1.0]))


def test_the_eight_symmetries_form_a_group():
    x = torch.arange(9).view(1, 1, 3, 3)
    eight = {tuple(y.flatten().tolist()) for y in symmetries(x)}
    assert len(eight) == 8
    for y in symmetries(x):
        assert {tuple(z.flatten().tolist()) for z in symmetries(y)} == eight


def test_the_mean_over_symmetries_is_exactly_invariant():
    x, weight = torch.randint(9, (2, 1, 4, 4)).float(), torch.randint(9, (16, 3)).float()
    net = lambda x: (x.flatten(1) @ weight) % 7  # noqa: E731
    assert not net(x).equal(net(x.flip(3)))
    assert all(averaged(net, y).equal(averaged(net, x)) for y in symmetries(x))


@pytest.mark.parametrize(("n", "layers"), [(1, 8), (3, 20)])
def test_the_net_has_as_many_layers_as_the_paper_counts(n, layers):
    net = ResNet(n)
    kernels = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(kernels) + 1 == layers
    assert net.features(torch.rand(2, 3, 32, 32)).shape == (2, 64)


def test_a_plain_net_has_no_shortcut():
    assert not [name for name in ResNet(1, residual=False).state_dict() if "shortcut" in name]


def test_distorted_pictures_are_moved_or_mirrored_only():
    x = torch.rand(6, 3, 5, 5) + 0.1
    moved = distort(x, 0)
    assert all(one.equal(two) or one.equal(two.flip(2)) for one, two in zip(moved, x))
    assert distort(x, 2).shape == x.shape
    assert distort(x, 2).is_contiguous()
    assert set(distort(x, 2).unique().tolist()) <= {0.0, *x.unique().tolist()}


def test_a_tiny_training_learns_and_repeats(monkeypatch):
    y = torch.arange(60) % 2
    data = TensorDataset(y.view(-1, 1, 1, 1) * 0.5 + 0.5 * torch.rand(60, 3, 16, 16), y)
    small = Config(1, (4, 4, 8), 2, epochs=15, batch=20, rate=0.01, decay=0.01, shift=1, adaptive=True)
    monkeypatch.setattr(reference, "config", lambda tier: small)
    monkeypatch.setattr(reference.cifar10, "load", lambda tier, split: data)
    first, again = (reference.train("mini", 0, Run(seed=0, device="cpu")) for _ in range(2))
    assert all(first[name].equal(again[name]) for name in first)
    assert reference.evaluate(first, "mini") > 0.8
    with pytest.raises(RuntimeError):
        reference.evaluate(ResNet(2).state_dict(), "mini")
