"""The reference of the topic transfer: by hand, against PyTorch, by its properties, and a tiny training."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.data import cifar10, squeezenet
from course_utils.training import Run, pretrained, reference_tensors
from solutions.depth import reference as depth
from solutions.transfer import reference
from solutions.transfer.reference import (
    Transfer,
    ascend,
    class_map,
    dream,
    few,
    freeze,
    gram,
    octaves,
    parameter_groups,
    probe,
    resized,
    standardise,
    style_loss,
)


def tiny() -> Transfer:
    return Transfer(nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU()), 2, 3)


def test_the_pretrained_body_is_the_net_of_depth():
    net = depth.build("mini")
    net.load_state_dict(reference_tensors("depth", "mini"))
    net.eval()
    x = cifar10.load("mini", "test").tensors[0][:20]
    weight, bias = pretrained.head("mini")
    with torch.no_grad():
        torch.testing.assert_close(pretrained.load("mini")(x), net.maps(x))
        torch.testing.assert_close(pretrained.load("mini")(x).mean((2, 3)) @ weight.T + bias, net(x))


def test_standardise_worked_by_hand_and_constant_features_are_zero():
    train, other = standardise(torch.tensor([[1.0, 4.0], [3.0, 4.0]]), torch.tensor([[5.0, 4.0]]))
    torch.testing.assert_close(train, torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(other, torch.tensor([[3.0, 0.0]]), atol=1e-4, rtol=0)


def test_a_probe_takes_pytorchs_gradients():
    x, y = torch.randn(12, 4), torch.randint(0, 3, (12,))
    layer = nn.Linear(4, 3)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    for _ in range(5):
        loss = F.cross_entropy(layer(x), y) + 0.1 / 2 * layer.weight.square().sum()
        slopes = torch.autograd.grad(loss, list(layer.parameters()))
        with torch.no_grad():
            for parameter, slope in zip(layer.parameters(), slopes):
                parameter -= 0.5 * slope
    W, b = probe(x, y, 3, 5, 0.5, 0.1)
    torch.testing.assert_close(W, layer.weight.detach())
    torch.testing.assert_close(b, layer.bias.detach())


def test_a_frozen_body_does_not_change_and_its_head_learns():
    net = tiny().train()
    freeze(net)
    before = {name: tensor.clone() for name, tensor in net.body.state_dict().items()}
    F.cross_entropy(net(torch.randn(4, 3, 8, 8)), torch.tensor([0, 1, 2, 0])).backward()
    assert all(torch.equal(before[name], tensor) for name, tensor in net.body.state_dict().items())
    assert net.head.weight.grad is not None
    assert [len(group["params"]) for group in parameter_groups(net, 0.01, 0.1)] == [0, 2]


def test_groups_hold_each_parameter_once():
    net = tiny()
    body, head = parameter_groups(net, 0.01, 0.1)
    assert (body["lr"], head["lr"]) == (0.01, 0.1)
    assert [id(p) for p in body["params"] + head["params"]] == [id(p) for p in net.parameters()]


def test_a_gram_matrix_does_not_know_where():
    maps = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(gram(maps), torch.einsum("bihw,bjhw->bij", maps, maps) / 20)
    shuffled = maps.flatten(2)[:, :, torch.randperm(20)].reshape(maps.shape)
    torch.testing.assert_close(gram(shuffled), gram(maps))
    assert style_loss([maps], [gram(shuffled)]) < 1e-8
    assert style_loss([maps, maps], [gram(maps), gram(maps) + 2]) == pytest.approx(2)


def test_an_ascent_rolls_there_and_back():
    x, weights = 0.4 + 0.2 * torch.rand(1, 3, 5, 4), torch.randn(1, 3, 5, 4)
    step = 0.05 * weights / weights.abs().mean()
    got = ascend(x, lambda x: (weights * x).sum(), 0.05, (2, -1))
    torch.testing.assert_close(got, x + step.roll((-2, 1), (2, 3)))
    assert ascend(x, lambda x: x.sum(), 9.0, (0, 0)).max() == 1


def test_octaves_and_a_dream_that_grows_its_objective():
    assert octaves(96, 4, 1.5) == [28, 43, 64, 96]
    assert octaves(3, 4, 2.0)[0] == 1
    x, aim = torch.rand(1, 3, 16, 16), lambda x: x.square().mean()
    dreamt = dream(x, aim, [8, 16], 5, 0.02, 2)
    assert dreamt.shape == x.shape
    assert aim(dreamt) > aim(x)
    torch.testing.assert_close(dream(x, aim, [8, 16], 0, 0.02, 0), x)
    torch.testing.assert_close(resized(x, 16), x)


def test_a_class_maps_mean_is_the_score():
    maps, weight = torch.randn(2, 6, 3, 4), torch.randn(5, 6)
    torch.testing.assert_close(class_map(maps, weight, 2).mean((1, 2)), maps.mean((2, 3)) @ weight[2])


def test_few_takes_the_first_of_each_class():
    x, y = few(torch.arange(6), torch.tensor([0, 1, 0, 0, 1, 1]), 2)
    assert (x.tolist(), y.tolist()) == ([0, 2, 1, 4], [0, 0, 1, 1])


def test_a_tiny_training_beats_pixels_and_is_repeatable(monkeypatch):
    short = replace(reference.config("mini"), steps=15)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    first, second = (reference.train("mini", 1, Run(seed=1, device="cpu")) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert reference.evaluate(first, "mini") > reference.baseline("mini")
    with pytest.raises(RuntimeError):
        reference.evaluate({"head.weight": torch.ones(1)}, "mini")


def test_squeezenets_body_takes_the_files_layers_and_gives_four_stages():
    body = pretrained.SqueezeBody().eval()
    shapes = {
        name: tuple(tensor.shape) for name, tensor in body.state_dict().items() if name.endswith("weight")
    }
    wanted = {
        f"{name}.weight": shape for name, shape in squeezenet.layers().items() if name.startswith("features")
    }
    assert shapes == wanted
    with torch.no_grad():
        stages = body.stages(torch.rand(1, 3, 32, 32))
    assert [tuple(maps.shape[1:]) for maps in stages] == [
        (96, 45, 45),
        (256, 22, 22),
        (512, 11, 11),
        (512, 5, 5),
    ]


def test_squeezenet_is_tamed_before_a_head_learns_and_the_own_net_stays():
    own = pretrained.untrained("mini")
    assert reference.tamed(own) is own
    wild = pretrained.untrained("full")
    calm = reference.tamed(wild)
    x = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(calm(x), (wild(x) - 10) / 20)
        assert calm.stages(x[:, :, :32, :32])[0].shape == calm.stages(x)[0].shape


def test_mirrored_pictures_are_the_pictures_or_their_mirror_images():
    x = torch.rand(40, 3, 2, 5)
    found = reference.mirrored(x)
    kept = (found == x).flatten(1).all(1)
    torch.testing.assert_close(found[~kept], x[~kept].flip(3))
    assert 5 < kept.sum() < 35


@pytest.mark.real_data("squeezenet", "cifar10_jpg")
def test_the_full_tier_learns_within_a_few_steps(monkeypatch):
    data = cifar10.load("full", "train")
    short = replace(reference.config("full"), each=4, batch=20, steps=12)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    run = Run(seed=0, device="cpu")
    tensors = reference.train("full", 0, run)
    losses = [loss for _, loss in run.curve["loss"]]
    assert len(data) == 45_000
    assert "head.weight" in tensors
    assert losses[0] < 4
    assert losses[-1] < losses[0] / 2
