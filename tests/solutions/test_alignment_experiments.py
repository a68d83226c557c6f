"""What alignment measures beside its record."""

from dataclasses import replace

import torch
from torch.utils.data import TensorDataset

from course_utils.training import Run
from solutions.alignment import experiments


def test_pictures_of_any_size_become_small_ones_of_the_same_ink():
    x = torch.rand(3, 1, 32, 32)
    small, labels = experiments.small(TensorDataset(x, torch.arange(3))).tensors
    assert small.shape == (3, 1, 16, 16)
    torch.testing.assert_close(small.mean((1, 2, 3)), x.mean((1, 2, 3)))
    assert labels.tolist() == [0, 1, 2]


def test_every_source_and_way_is_measured_over_seeds(monkeypatch):
    monkeypatch.setattr(experiments, "HOW", replace(experiments.HOW, steps=2))
    found = experiments.experiments({}, "mini", Run(device="cpu"))
    assert len(found) == 12
    assert {name.rsplit("_", 1)[0] for name in found} == {
        f"{way}_{kind}" for way in ("mnist_to_usps", "usps_to_mnist") for kind in ("source_only", "dann")
    }
    assert all(0 <= share <= 1 for share in found.values())


def test_the_net_learns_digits():
    how = replace(experiments.HOW, most=0.0, steps=150)
    # At the mini tier both are the same digits: the one gap that is left is that of new examples.
    assert experiments.carried("mnist", "usps", "mini", how, Run(device="cpu"), 0, "train") > 0.8
