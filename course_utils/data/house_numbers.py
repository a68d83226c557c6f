"""House numbers and plain handwritten digits, no pair of which belongs together.

A house number is a handwritten digit painted in two random colours, dark on light or light on dark, with a slice of
another digit at its side. The plain digits (`plain`) are others than those that were painted. Painted from
scikit-learn's digits (mini) or MNIST (full).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import mnist
from course_utils.data.splits import SPLITS, check

SIDE = {"mini": 16, "full": 32}  # pixels of a picture's side
PAINTED = {"mini": 4, "full": 1}  # how often each digit is painted, in other colours
NEIGHBOUR = 0.75  # how far, in sides, the neighbour's middle lies from the digit's


def load(tier: str, split: str) -> TensorDataset:
    """House numbers (N, 3, S, S), float32 in [0, 1], and digits (N,), int64; S = 16 (mini) or 32 (full)."""
    ink, labels = _half(tier, split, 0)
    times = PAINTED[tier]
    rng = np.random.RandomState([SPLITS.index(split), 84])
    painted = torch.cat([_painted(ink, rng) for _ in range(times)])
    return TensorDataset(painted, labels.repeat(times))


def plain(tier: str, split: str) -> TensorDataset:
    """Plain digits (N, 1, S, S), white on black, float32 in [0, 1], and labels (N,), int64."""
    return TensorDataset(*_half(tier, split, 1))


def _half(tier: str, split: str, which: int) -> tuple[Tensor, Tensor]:
    """Every second digit of a split, enlarged to the tier's side."""
    check(split, tier)
    x, y = (tensor[which::2] for tensor in mnist.load(tier, split).tensors)
    if tier == "full":
        return F.pad(x, (2, 2, 2, 2)), y
    return F.interpolate(x, size=(SIDE[tier], SIDE[tier]), mode="bilinear"), y


def _painted(ink: Tensor, rng: np.random.RandomState) -> Tensor:
    """Digits (N, 1, S, S) in two colours each, with a neighbour cut off by the left or the right edge, (N, 3, S, S)."""
    n, side = len(ink), ink.shape[-1]
    shift = int(NEIGHBOUR * side)
    others = ink[torch.from_numpy(rng.permutation(n))]
    right = F.pad(others, (shift, 0))[..., :side]
    left = F.pad(others, (0, shift))[..., -side:]
    at_right = torch.from_numpy(rng.rand(n, 1, 1, 1) < 0.5)
    ink = torch.maximum(ink, torch.where(at_right, right, left))
    ground = rng.uniform(0, 1, (n, 3, 1, 1))
    letters = (ground + rng.uniform(0.35, 0.65, (n, 3, 1, 1))) % 1.0
    colours = torch.from_numpy(ground), torch.from_numpy(letters)
    x = (
        colours[0]
        + (colours[1] - colours[0]) * ink
        + torch.from_numpy(rng.normal(0, 0.05, (n, 3, side, side)))
    )
    return ((255 * x.clamp(0, 1)).round() / 255).float()
