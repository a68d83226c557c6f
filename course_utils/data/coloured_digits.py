"""Scikit-learn's handwritten digits in random colours on 32×32 pixels, each at its own place and size. Generated.

Whoever looks at single pixels learns nothing here: neither a pixel's colour nor its place tells the digit.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from course_utils.data import digits
from course_utils.data.splits import SPLITS, check

CLASSES = tuple("0123456789")
SIDE, SIDES = 32, (24, 28)


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 3, 32, 32), float32 in [0, 1], and digits (N,), int64. Both tiers are the same set."""
    check(split, tier)
    small, y = digits.load(tier, split).tensors
    rng = np.random.RandomState([SPLITS.index(split), 8])
    ink = _placed(rng, small)  # (N, 1, 32, 32)
    back = rng.uniform(0, 1, (len(y), 3, 1, 1))
    front = (back + rng.uniform(0.35, 0.65, (len(y), 3, 1, 1))) % 1.0
    x = np.where(ink, front, back) + rng.normal(0, 0.08, (len(y), 3, SIDE, SIDE))
    x = np.round(np.clip(x, 0, 1) * 255) / 255
    return TensorDataset(torch.from_numpy(x.astype(np.float32)), y)


def _placed(rng: np.random.RandomState, small: torch.Tensor) -> np.ndarray:
    """Where there is ink once each digit is enlarged and put somewhere."""
    ink = np.zeros((len(small), 1, SIDE, SIDE), bool)
    for i, picture in enumerate(small):
        side = int(rng.choice(SIDES))
        large = F.interpolate(picture[None], size=(side, side), mode="bilinear")[0, 0]
        top, left = rng.randint(0, SIDE - side + 1, 2)
        ink[i, 0, top : top + side, left : left + side] = large.numpy() > 0.4
    return ink
