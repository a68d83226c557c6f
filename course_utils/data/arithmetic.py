"""Sums of two numbers as text, `23+58=81`, for models that read and write characters. Generated.

No sum of one split stands in another.
"""

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data.splits import check, take
from course_utils.data.text import encode

ALPHABET = "0123456789+= "
SIZES = {
    "mini": {"train": 3000, "val": 300, "test": 500},  # up to two digits
    "full": {"train": 50_000, "val": 2_000, "test": 5_000},  # up to three
}
DIGITS = {"mini": 2, "full": 3}


def load(tier: str, split: str) -> TensorDataset:
    """Codes of characters (N, L), int64: indices of `ALPHABET`, each row one sum, filled up with spaces.

    L is 9 (mini) or 12 (full).
    """
    check(split, tier)
    top, digits = 10 ** DIGITS[tier], DIGITS[tier]
    pairs = np.random.RandomState(digits).permutation(top * top)
    length = 3 * digits + 3
    chosen = take(pairs, SIZES[tier], split)
    return TensorDataset(torch.stack([encode(_line(pair, top).ljust(length), ALPHABET) for pair in chosen]))


def _line(pair: int, top: int) -> str:
    a, b = divmod(int(pair), top)
    return f"{a}+{b}={a + b}"
