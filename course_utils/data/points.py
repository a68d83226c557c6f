"""Points in the plane with two classes: XOR, circle, spiral, clusters. Generated, the same on every machine.

The four sets of the TensorFlow Playground (Smilkov et al., 2017, arXiv:1708.03788), drawn anew here.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

SIZES = {"mini": {"train": 400, "val": 200, "test": 400}, "full": {"train": 4000, "val": 1000, "test": 4000}}


def _xor(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(-1, 1, (n, 2))
    x += 0.06 * np.sign(x)  # a gap along the axes
    return x, (x[:, 0] * x[:, 1] < 0)


def _circle(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    outside = np.arange(n) % 2 == 1
    radius = np.where(outside, rng.uniform(0.7, 1.0, n), rng.uniform(0.0, 0.5, n))
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), outside


def _spiral(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    second = np.arange(n) % 2 == 1
    t = rng.uniform(0.05, 1.0, n)
    angle = 1.75 * 2 * np.pi * t + np.pi * second
    return np.stack([t * np.sin(angle), t * np.cos(angle)], 1) + rng.normal(0, 0.02, (n, 2)), second


def _clusters(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    second = np.arange(n) % 2 == 1
    centre = np.where(second, -0.5, 0.5)[:, None]
    return centre + rng.normal(0, 0.2, (n, 2)), second


KINDS: dict[str, Callable[[np.random.RandomState, int], tuple[np.ndarray, np.ndarray]]] = {
    "xor": _xor,
    "circle": _circle,
    "spiral": _spiral,
    "clusters": _clusters,
}


def load(tier: str, split: str, kind: str = "spiral") -> TensorDataset:
    """Points (N, 2), float32, most of them in [-1, 1]², and classes 0 or 1 (N,), int64."""
    check(split, tier)
    if kind not in KINDS:
        raise ValueError(f"points: expected a kind of {', '.join(KINDS)}, got {kind!r}.")
    rng = np.random.RandomState([list(KINDS).index(kind), SPLITS.index(split), 2017])
    x, y = KINDS[kind](rng, SIZES[tier][split])
    # Rounding hides the last bit, in which sine and cosine differ between processors.
    x = np.round(x * 4096) / 4096
    return TensorDataset(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.int64)))
