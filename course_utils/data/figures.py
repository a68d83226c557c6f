"""Ten figures and patterns in random colours on 32×32 pixels: the mini tier of `cifar10`. Generated."""

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS

SIZES = {"train": 2000, "val": 200, "test": 500}
CLASSES = ("disc", "ring", "square", "frame", "triangle", "cross", "plus", "bars", "checks", "waves")
SIDE = 32


def load(split: str) -> TensorDataset:
    """Pictures (N, 3, 32, 32), float32 in [0, 1], and classes (N,), int64, in turn."""
    n = SIZES[split]
    rng = np.random.RandomState([SPLITS.index(split), 10])
    labels = np.arange(n) % len(CLASSES)
    ink = _masks(rng, n)[labels, np.arange(n)][:, None]  # (N, 1, 32, 32)
    front, back = _colours(rng, n)
    x = np.where(ink, front, back) + rng.normal(0, 0.08, (n, 3, SIDE, SIDE))
    x = np.round(np.clip(x, 0, 1) * 255) / 255
    return TensorDataset(torch.from_numpy(x.astype(np.float32)), torch.from_numpy(labels.astype(np.int64)))


def _colours(rng: np.random.RandomState, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two colours a picture, (N, 3, 1, 1) each, that differ enough to be told apart."""
    back = rng.uniform(0, 1, (n, 3, 1, 1))
    shift = rng.uniform(0.35, 0.65, (n, 3, 1, 1))
    return (back + shift) % 1.0, back


def _masks(rng: np.random.RandomState, n: int) -> np.ndarray:
    """Where each of the ten figures has ink, (10, N, 32, 32), each at its picture's place, size and slant."""
    grid = np.linspace(-1, 1, SIDE)
    centre, size = rng.uniform(-0.35, 0.35, (2, n, 1, 1)), rng.uniform(0.4, 0.7, (n, 1, 1))
    slant = rng.uniform(-0.25, 0.25, (n, 1, 1))
    across, down = (grid[None, None, :] - centre[0]) / size, (grid[None, :, None] - centre[1]) / size
    u, v = across + slant * down, down - slant * across  # a small turn, without sine and cosine
    r, box = np.sqrt(u**2 + v**2), np.maximum(np.abs(u), np.abs(v))
    diagonal = np.minimum(np.abs(u - v), np.abs(u + v))
    stripes, rows = np.floor(3 * u) % 2 == 0, np.floor(3 * v) % 2 == 0
    return np.stack(
        [
            r < 1,
            (r < 1) & (r > 0.6),
            box < 0.9,
            (box < 0.9) & (box > 0.55),
            (v < 0.8) & (2 * np.abs(u) < v + 1.2),
            (diagonal < 0.3) & (box < 0.9),
            (np.minimum(np.abs(u), np.abs(v)) < 0.25) & (box < 1),
            stripes & (box < 1.1),
            (stripes ^ rows) & (box < 1.1),
            (np.floor(3 * v + np.abs(3 * u % 2 - 1)) % 2 == 0) & (box < 1.1),
        ]
    )
