"""Small pictures of bars and of rings, each turned by an angle that nobody is told. Generated.

The bars of a split and its rings are not pairs: their angles were drawn apart, evenly from -60° to 60°.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

SIDE = 12
LIMIT = math.pi / 3
SIZES = {"train": 2000, "val": 300, "test": 300}


def load(tier: str, split: str) -> TensorDataset:
    """Bars (N, 12, 12), their angles (N,), rings (N, 12, 12), their angles; float32, pictures in [0, 1], radians.

    Both tiers are the same set.
    """
    check(split, tier)
    rng = np.random.RandomState([SPLITS.index(split), 1703])
    first, second = (torch.from_numpy(a).float() for a in rng.uniform(-LIMIT, LIMIT, (2, SIZES[split])))
    return TensorDataset(bars(first), first, rings(second), second)


def bars(angles: Tensor) -> Tensor:
    """A bar for each angle (N,), in radians from the horizontal, anticlockwise: (N, 12, 12)."""
    along, across = _axes(angles)
    return _inside(torch.minimum(0.85 - along.abs(), 0.16 - across.abs()))


def rings(angles: Tensor) -> Tensor:
    """An elongated ring for each angle (N,), as `bars`: (N, 12, 12)."""
    along, across = _axes(angles)
    return _inside(0.22 - ((along / 0.9).square() + (across / 0.5).square()).sqrt().sub(0.72).abs())


def _axes(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel lies along and across a line of each angle, (N, 12, 12), in half sides."""
    middles = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    down, right = torch.meshgrid(middles, middles, indexing="ij")
    c, s = torch.cos(angles)[:, None, None], torch.sin(angles)[:, None, None]
    return c * right - s * down, s * right + c * down


def _inside(depth: Tensor) -> Tensor:
    """1 inside, 0 outside, with an edge of about a pixel; in 256 levels."""
    return (255 * torch.sigmoid(0.9 * SIDE * depth)).round() / 255
