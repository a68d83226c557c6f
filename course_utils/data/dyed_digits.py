"""Scikit-learn's handwritten digits in two domains: dyed, each class in its own colour (source), or white (target).

Of 100 source digits 95 have their class's colour and 5 any of the ten: who reads the colour is nearly always right
there, and knows nothing where all digits are white. Train digits of the two domains are different ones.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import digits
from course_utils.data.splits import SPLITS, check

DOMAINS = ("source", "target")
TIED = 0.95  # share of the source digits in their class's own colour
HUES = torch.tensor(  # ten steps round the circle of hues, at full saturation
    [
        [1.0, 0.0, 0.0],
        [1.0, 0.6, 0.0],
        [0.8, 1.0, 0.0],
        [0.2, 1.0, 0.0],
        [0.0, 1.0, 0.4],
        [0.0, 1.0, 1.0],
        [0.0, 0.4, 1.0],
        [0.2, 0.0, 1.0],
        [0.8, 0.0, 1.0],
        [1.0, 0.0, 0.6],
    ]
)


def load(tier: str, split: str, domain: str = "source") -> TensorDataset:
    """Pictures (N, 3, 8, 8), float32 in [0, 1], and digits (N,), int64. Both tiers are the same set.

    The first half of the train digits are the source's, the others the target's; val and test digits are in both.
    """
    check(split, tier)
    if domain not in DOMAINS:
        raise ValueError(f"dyed_digits: expected a domain of {', '.join(DOMAINS)}, got {domain!r}.")
    x, y = digits.load(tier, split).tensors
    if split == "train":
        half = len(y) // 2
        rows = slice(half) if domain == "source" else slice(half, None)
        x, y = x[rows], y[rows]
    colours = HUES[_dyes(y, split)] if domain == "source" else torch.ones(len(y), 3)
    return TensorDataset(x * colours[:, :, None, None], y)


def _dyes(y: Tensor, split: str) -> Tensor:
    """Each digit's hue, 0 to 9: its class's own for `TIED` of them."""
    rng = np.random.RandomState([SPLITS.index(split), 2015])
    tied, any_hue = rng.uniform(size=len(y)) < TIED, rng.randint(10, size=len(y))
    return torch.where(torch.from_numpy(tied), y, torch.from_numpy(any_hue))
