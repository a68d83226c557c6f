"""Pictures of discs, squares and triangles on a rough ground, with the class of each pixel, for segmentation.

Generated. A shape may lie over another and reach beyond the frame; its brightness says nothing about its class.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

CLASSES = ("ground", "disc", "square", "triangle")
SIZES = {"mini": {"train": 400, "val": 100, "test": 200}, "full": {"train": 4000, "val": 500, "test": 1000}}


@dataclass(frozen=True)
class Scene:
    """Side in pixels, the most shapes, half a shape's size in half sides, and the ground's standard deviation."""

    side: int
    most: int
    reach: tuple[float, float]
    rough: float


# On 32 pixels small shapes have no corners left: a few steps of training need large ones on an even ground.
SCENES = {"mini": Scene(32, 2, (0.4, 0.65), 0.04), "full": Scene(64, 4, (0.2, 0.5), 0.12)}


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, S, S), float32 in [0, 1], and masks (N, S, S), int64, S = 32 (mini) or 64 (full)."""
    check(split, tier)
    n, scene = SIZES[tier][split], SCENES[tier]
    rng = np.random.RandomState([SPLITS.index(split), scene.side])
    x = 0.5 + scene.rough * _rough(rng, n, scene.side)
    masks = np.zeros((n, scene.side, scene.side), np.int64)
    count = rng.randint(1, scene.most + 1, n)
    for turn in range(scene.most):
        kind, shift = rng.randint(1, 4, n), rng.choice([-1, 1], n) * rng.uniform(0.18, 0.4, n)
        ink = _one_shape(rng, kind, scene) & (turn < count)[:, None, None]
        masks = np.where(ink, kind[:, None, None], masks)
        x = np.where(ink, 0.5 + shift[:, None, None], x)
    x = np.round(np.clip(x + rng.normal(0, 0.06, x.shape), 0, 1) * 255) / 255
    return TensorDataset(torch.from_numpy(x.astype(np.float32)).unsqueeze(1), torch.from_numpy(masks))


def _rough(rng: np.random.RandomState, n: int, side: int) -> np.ndarray:
    """Smooth noise of about unit variance, (N, S, S)."""
    noise = gaussian_filter(rng.normal(0, 1, (n, side, side)), (0, 2, 2), mode="wrap")
    return noise * (2 * np.sqrt(np.pi) * 2)


def _one_shape(rng: np.random.RandomState, kind: np.ndarray, scene: Scene) -> np.ndarray:
    """Where one shape a picture lies, (N, S, S), of the class that `kind` gives."""
    n, grid = len(kind), np.linspace(-1, 1, scene.side)
    centre, size = rng.uniform(-0.8, 0.8, (2, n, 1, 1)), rng.uniform(*scene.reach, (n, 1, 1))
    u, v = (grid[None, None, :] - centre[0]) / size, (grid[None, :, None] - centre[1]) / size
    disc, square = u**2 + v**2 < 1, np.maximum(np.abs(u), np.abs(v)) < 0.88
    triangle = (v < 0.8) & (2 * np.abs(u) < v + 1.2)
    k = kind[:, None, None]
    return np.where(k == 1, disc, np.where(k == 2, square, triangle))
