"""Scikit-learn's 1,797 handwritten digits of 8×8 pixels: embedded, the same everywhere.

Alpaydin & Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998.
"""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset

from course_utils.data.splits import take

SIZES = {"train": 1197, "val": 300, "test": 300}


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, 8, 8), float32 in [0, 1], and labels (N,), int64. Both tiers are the same set."""
    images, labels = _parsed()
    order = np.random.RandomState(0).permutation(len(labels))
    chosen = take(order, SIZES, split)
    x = torch.from_numpy(images[chosen].astype(np.float32) / 16).reshape(-1, 1, 8, 8)
    return TensorDataset(x, torch.from_numpy(labels[chosen].astype(np.int64)))


@cache
def _parsed() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (1797, 64) and labels: read from text once a process, for all splits."""
    return load_digits(return_X_y=True)
