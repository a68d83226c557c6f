"""Pictures of discs, squares and triangles on a rough ground, with the class of each pixel, for segmentation.

Generated. A shape may lie over another and reach beyond the frame; its brightness says nothing about its class.
"""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

CLASSES = ("ground", "disc", "square", "triangle")
SIDES = {"mini": 32, "full": 64}
SIZES = {"mini": {"train": 400, "val": 100, "test": 200}, "full": {"train": 4000, "val": 500, "test": 1000}}
_MOST = 4  # shapes in one picture


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, S, S), float32 in [0, 1], and masks (N, S, S), int64, S = 32 (mini) or 64 (full)."""
    check(split, tier)
    n, side = SIZES[tier][split], SIDES[tier]
    rng = np.random.RandomState([SPLITS.index(split), side])
    x = 0.5 + 0.12 * _rough(rng, n, side)
    masks = np.zeros((n, side, side), np.int64)
    count = rng.randint(1, _MOST + 1, n)
    for turn in range(_MOST):
        kind, shift = rng.randint(1, 4, n), rng.choice([-1, 1], n) * rng.uniform(0.18, 0.4, n)
        ink = _one_shape(rng, kind, side) & (turn < count)[:, None, None]
        masks = np.where(ink, kind[:, None, None], masks)
        x = np.where(ink, 0.5 + shift[:, None, None], x)
    x = np.round(np.clip(x + rng.normal(0, 0.06, x.shape), 0, 1) * 255) / 255
    return TensorDataset(torch.from_numpy(x.astype(np.float32)).unsqueeze(1), torch.from_numpy(masks))


def _rough(rng: np.random.RandomState, n: int, side: int) -> np.ndarray:
    """Smooth noise of about unit variance, (N, S, S)."""
    noise = gaussian_filter(rng.normal(0, 1, (n, side, side)), (0, 2, 2), mode="wrap")
    return noise * (2 * np.sqrt(np.pi) * 2)


def _one_shape(rng: np.random.RandomState, kind: np.ndarray, side: int) -> np.ndarray:
    """Where one shape a picture lies, (N, S, S), of the class that `kind` gives."""
    n, grid = len(kind), np.linspace(-1, 1, side)
    centre, size = rng.uniform(-0.8, 0.8, (2, n, 1, 1)), rng.uniform(0.2, 0.5, (n, 1, 1))
    u, v = (grid[None, None, :] - centre[0]) / size, (grid[None, :, None] - centre[1]) / size
    disc, square = u**2 + v**2 < 1, np.maximum(np.abs(u), np.abs(v)) < 0.88
    triangle = (v < 0.8) & (2 * np.abs(u) < v + 1.2)
    k = kind[:, None, None]
    return np.where(k == 1, disc, np.where(k == 2, square, triangle))
