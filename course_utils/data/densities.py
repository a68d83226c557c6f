"""Densities in the plane whose logarithm is known: moons, rings, spirals, a checkerboard. Generated, the same anywhere.

Points are drawn from them, so that a model of density learns from points alone and can still be compared with the
truth. The moons are scikit-learn's two half circles with noise of 0.08; all sets have mean 0 and, along each axis,
variance 1.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

KINDS = {"mini": ("moons",), "full": ("moons", "rings", "spirals", "checkerboard")}
SIZES = {
    "mini": {"train": 4000, "val": 1000, "test": 2000},
    "full": {"train": 20000, "val": 2000, "test": 4000},
}
NOISE = {"moons": 0.08, "rings": 0.08, "spirals": 0.1}
# Mean and standard deviation of the points along both axes, noise included, before they are brought to 0 and 1.
CENTRE = {"moons": (0.5, 0.25), "rings": (0.0, 0.0), "spirals": (0.0, 0.0), "checkerboard": (0.0, 0.0)}
SPREAD = {
    "moons": (0.8697, 0.5005),
    "rings": (1.1209, 1.1209),
    "spirals": (1.5997, 1.5465),
    "checkerboard": (1.1547, 1.1547),
}
NODES = 400  # Gaussians that stand for each of a density's two curves


def _curve(kind: str, u: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Places (N, 2) on the first or second curve of a set, u from 0 at its beginning to 1 at its end."""
    if kind == "moons":
        upper = np.stack([np.cos(np.pi * u), np.sin(np.pi * u)], 1)
        return np.where(second[:, None], np.array([1.0, 0.5]) - upper, upper)
    if kind == "rings":
        radius, angle = np.where(second, 2.0, 1.0), 2 * np.pi * u
    else:
        radius, angle = np.sqrt(u) * np.pi, 3 * np.pi * np.sqrt(u) + np.pi * second
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def _draw(kind: str, n: int, rng: np.random.RandomState) -> np.ndarray:
    if kind == "checkerboard":
        square = rng.randint(8, size=n)  # every other one of 16 squares of side 1
        row = square // 2
        column = 2 * (square % 2) + row % 2
        x = np.stack([column, row], 1) - 2 + rng.uniform(size=(n, 2))
    else:
        x = _curve(kind, rng.uniform(size=n), np.arange(n) % 2 == 1) + rng.normal(0, NOISE[kind], (n, 2))
    return (x - CENTRE[kind]) / SPREAD[kind]


def load(tier: str, split: str) -> TensorDataset:
    """Points (N, 2), float32, and the number of their density in KINDS[tier], (N,), int64."""
    check(split, tier)
    rng, parts, n = (
        np.random.RandomState([SPLITS.index(split), len(KINDS[tier]), 2019]),
        [],
        SIZES[tier][split],
    )
    for kind in KINDS[tier]:
        parts.append(_draw(kind, n, rng))
    # Rounding hides the last bit, in which sine and cosine differ between processors.
    x = np.round(np.concatenate(parts) * 4096) / 4096
    return TensorDataset(
        torch.from_numpy(x.astype(np.float32)), torch.arange(len(KINDS[tier])).repeat_interleave(n)
    )


def log_density(kind: str, x: Tensor) -> Tensor:
    """The true log density in nats at points (N, 2): (N,); minus infinity off the checkerboard's squares."""
    if kind not in SPREAD:
        raise ValueError(f"densities: expected a kind of {', '.join(SPREAD)}, got {kind!r}.")
    spread = torch.tensor(SPREAD[kind], dtype=torch.float64)
    y = x.double() * spread + torch.tensor(CENTRE[kind], dtype=torch.float64)
    if kind == "checkerboard":
        cell = torch.floor(y)
        inside = (y.abs() < 2).all(1) & (cell.sum(1) % 2 == 0)
        return torch.where(inside, spread.log().sum() - np.log(8), -torch.inf)
    u = np.tile((np.arange(NODES) + 0.5) / NODES, 2)
    means = torch.from_numpy(_curve(kind, u, np.arange(2 * NODES) >= NODES))  # (2 NODES, 2)
    near = [-(torch.cdist(part, means) ** 2) / (2 * NOISE[kind] ** 2) for part in y.split(2000)]
    peak = -np.log(2 * np.pi * NOISE[kind] ** 2 * len(means))
    return torch.cat([part.logsumexp(1) for part in near]) + peak + spread.log().sum()


def entropy(kind: str, cells: int = 300) -> float:
    """-E[log p] in nats, by the sum over a grid: no model can code the points in fewer."""
    if kind == "checkerboard":
        return float(np.log(8) - np.log(SPREAD[kind]).sum())
    side = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 6 - 3
    log_p = log_density(kind, torch.cartesian_prod(side, side))
    return float(-(log_p.exp() * log_p).nan_to_num().sum() * (6 / cells) ** 2)
