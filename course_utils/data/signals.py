"""Signals of 40 samples in ten classes, in the manner of MNIST-1D (Greydanus, 2020, arXiv:2011.14439).

The mini tier is generated here after the paper's description, with shapes of our own: a short shape stands somewhere in
the signal, larger or smaller; correlated noise, a slope and a blur are added. The full tier is MNIST-1D itself, whose
training part's last 500 signals are `val`.
"""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch.utils.data import TensorDataset

from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check
from course_utils.data.unpickle import arrays

SIZES = {"train": 4000, "val": 500, "test": 1000}
CLASSES = (
    "arch",
    "bowl",
    "wave",
    "mirrored wave",
    "two humps",
    "two dips",
    "fall",
    "rise",
    "step",
    "three turns",
)
LENGTH = 40
_FINE = 72  # samples before the signal is thinned to LENGTH
_VALIDATION = 500


def templates() -> np.ndarray:
    """The ten shapes, (10, 12), each with a root mean square of 1."""
    t = np.linspace(0, 1, 12)
    ramp = np.where((t > 0) & (t < 1), 1 - t, 0)
    shapes = np.stack(
        [
            np.sin(np.pi * t),
            -np.sin(np.pi * t),
            np.sin(2 * np.pi * t),
            -np.sin(2 * np.pi * t),
            np.abs(np.sin(2 * np.pi * t)),
            -np.abs(np.sin(2 * np.pi * t)),
            ramp,
            -ramp,
            np.where(t < 0.5, -1.0, 1.0),
            np.sin(3 * np.pi * t),
        ]
    )
    return shapes / np.sqrt((shapes**2).mean(1, keepdims=True))


def load(tier: str, split: str) -> TensorDataset:
    """Signals (N, 40), float32, of mean 0 and variance 1 over the set, and classes (N,), int64."""
    check(split, tier)
    x, y = _generated(split) if tier == "mini" else _mnist1d(split)
    return TensorDataset(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.int64)))


def _generated(split: str) -> tuple[np.ndarray, np.ndarray]:
    n = SIZES[split]
    rng = np.random.RandomState([SPLITS.index(split), 2020])
    y = np.arange(n) % 10
    width = rng.randint(18, 29, n)  # of the shape, in fine samples
    start = np.floor(rng.uniform(0, 1, n) * (_FINE - width))
    place = (np.arange(_FINE) - start[:, None]) / width[:, None]  # (N, 72): 0 to 1 within the shape
    grid, knots, shapes = np.arange(_FINE), np.linspace(0, 1, 12), templates()
    x = np.stack([np.interp(row, knots, shapes[label], left=0, right=0) for row, label in zip(place, y)])
    x *= rng.uniform(0.6, 1.4, (n, 1))
    x += 0.15 * gaussian_filter1d(rng.normal(0, 1, (n, _FINE)), 2, axis=1, mode="wrap") / 0.376
    x += rng.uniform(-0.75, 0.75, (n, 1)) * np.linspace(-1, 1, _FINE)
    x = gaussian_filter1d(x, 1, axis=1)
    thin = np.linspace(0, _FINE - 1, LENGTH)
    x = np.stack([np.interp(thin, grid, row) for row in x])
    # Fixed scale, not the split's own; rounding hides the last bit, which differs between processors.
    return np.round(x / 0.85 * 4096) / 4096, y


def _mnist1d(split: str) -> tuple[np.ndarray, np.ndarray]:
    found = arrays(fetch(DATASETS["signals"].files[0]))
    if split == "test":
        return found["x_test"], found["y_test"]
    rows = slice(None, -_VALIDATION) if split == "train" else slice(-_VALIDATION, None)
    return found["x"][rows], found["y"][rows]
