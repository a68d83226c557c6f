"""Printed digits of 8×8 pixels: the faces that come with matplotlib, each a little slanted, stretched and moved.

Filled from the faces' outlines, without a rasteriser, so that the pictures are the same everywhere.
"""

from functools import cache

import numpy as np
import torch
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

FACES = (
    *(f"DejaVu Sans{width}:{style}" for width in ("", " Mono") for style in ("", "bold", "italic")),
    *(f"DejaVu Serif:{style}" for style in ("", "bold", "italic")),
    *(f"STIXGeneral:{style}" for style in ("", "bold", "italic")),
    *("cmr10:", "cmss10:", "cmtt10:", "cmb10:"),
)
SIZES = {"train": 1200, "val": 300, "test": 300}
SIDE, FINE = 8, 3  # pixels of a side, and points across a pixel


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, 8, 8), float32 in [0, 1], and digits (N,), int64. Both tiers are the same set."""
    check(split, tier)
    rng = np.random.RandomState([SPLITS.index(split), 1455])
    y = np.arange(SIZES[split]) % 10
    faces = rng.randint(len(FACES), size=len(y))
    x = np.stack([_filled(rng, _outline(FACES[face], int(digit))) for face, digit in zip(faces, y)])
    return TensorDataset(torch.from_numpy(x[:, None].astype(np.float32)), torch.from_numpy(y))


@cache
def _outline(face: str, digit: int) -> list[Path]:
    """A digit's outlines as polygons, holes among them, as high as 1, their middle at 0."""
    family, style = face.split(":")
    chosen = FontProperties(
        family=family,
        weight="bold" if style == "bold" else "normal",
        style="italic" if style == "italic" else "normal",
    )
    path = TextPath((0, 0), str(digit), size=100, prop=chosen)
    box = path.get_extents()
    low, high = np.asarray(box.min), np.asarray(box.max)
    middle, height = (low + high) / 2, high[1] - low[1]
    corners = [np.asarray(polygon) for polygon in path.to_polygons()]
    return [Path((polygon - middle) / height) for polygon in corners if len(polygon) > 2]


def _filled(rng: np.random.RandomState, outline: list[Path]) -> np.ndarray:
    """The share of each pixel that lies inside the outline, slanted, stretched and moved, (8, 8)."""
    slant, wide, high = rng.uniform(-0.2, 0.2), rng.uniform(0.8, 1.2), rng.uniform(0.85, 1.05)
    right, down = rng.uniform(-0.5, 0.5, 2) / SIDE
    at = (np.arange(SIDE * FINE) + 0.5) / (SIDE * FINE) - 0.5
    v, u = np.meshgrid((down - at) / high, at - right, indexing="ij")
    points = np.stack([u / wide - slant * v, v], -1).reshape(-1, 2)
    inside = np.logical_xor.reduce([polygon.contains_points(points) for polygon in outline])
    return inside.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))
