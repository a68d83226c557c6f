"""MNIST and USPS, two hands' digits: the share right on the one of a net that has labels of the other alone.

Both come as grey pictures of 16×16 pixels. Source-only and DANN differ in nothing but the reversal's strength; the
recipe was chosen before any target's label was looked at.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import mnist, usps
from course_utils.training import Run
from solutions.alignment.reference import DANN, Config, accuracy, adapt

SETS = {"mnist": mnist, "usps": usps}
SEEDS = (0, 1, 2)
HOW = Config(batch=64, steps=1500, rate=0.02)


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Share right on the target's test digits, by source, target, way and seed."""
    found = {}
    for source, target in (("mnist", "usps"), ("usps", "mnist")):
        for way, most in (("source_only", 0.0), ("dann", 1.0)):
            for seed in SEEDS:
                name = f"{source}_to_{target}_{way}_{seed}"
                found[name] = carried(source, target, tier, replace(HOW, most=most), run, seed, name)
    return found


def carried(source: str, target: str, tier: str, how: Config, run: Run, seed: int, phase: str) -> float:
    """Share right of the target's test digits after one training."""
    torch.manual_seed(seed)
    there = small(SETS[target].load(tier, "train")).tensors[0]
    net = adapt(grey_net(), small(SETS[source].load(tier, "train")), there, how, run, phase)
    return accuracy(net, small(SETS[target].load(tier, "test")))


def small(data: TensorDataset) -> TensorDataset:
    """Pictures of any size as (N, 1, 16, 16), and their labels."""
    x, y = data.tensors
    return TensorDataset(F.interpolate(x, size=(usps.SIDE, usps.SIDE), mode="area"), y)


def grey_net() -> DANN:
    """Two convolutions and a head for digits and one for domains, on (B, 1, 16, 16)."""
    body = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 128),  # (B, 32 · 4 · 4) to features
        nn.ReLU(),
    )
    domains = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))
    return DANN(body, nn.Linear(128, 10), domains)
