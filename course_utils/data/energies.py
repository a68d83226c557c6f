"""Energies: random graphs of four kinds of nodes and two kinds of edges, each with one number to foretell. Generated.

The energy adds up over pairs of neighbours, by their kinds and the kind of their edge, and over paths of two edges, by
the kinds of their ends. Counting nodes and edges by kind cannot give it; looking two edges far gives it exactly.
"""

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

SIZES = {"train": 6000, "val": 300, "test": 500}
KINDS, BONDS = 4, 2
LEAST, MOST = 4, 12  # nodes of a graph
VALENCE = 4  # edges of a node at most


def tables() -> tuple[np.ndarray, np.ndarray]:
    """What a pair of neighbours adds, (4, 4, 2) by kind, kind and edge, and what the ends of a path add, (4, 4)."""
    rng = np.random.RandomState(2017)
    pair, path = rng.normal(0, 2, (KINDS, KINDS, BONDS)), rng.normal(0, 1, (KINDS, KINDS))
    pair, path = (pair + pair.transpose(1, 0, 2)) / 2, (path + path.T) / 2
    return np.round(pair * 16) / 16, np.round(path * 16) / 16  # sums of sixteenths are exact on every machine


def load(tier: str, split: str) -> TensorDataset:
    """Kinds (N, 12), edges (N, 12, 12) and energies (N,); both tiers are the same set.

    A kind is 0 to 3, and -1 where there is no node. Between nodes v and w there is no edge (0), or one of kind 1 or 2.
    """
    check(split, tier)
    rng = np.random.RandomState([SPLITS.index(split), 2017])
    kinds, edges = (np.stack(parts) for parts in zip(*(_graph(rng) for _ in range(SIZES[split]))))
    energy = energies(kinds, edges).astype(np.float32)
    return TensorDataset(*(torch.from_numpy(part) for part in (kinds, edges, energy)))


def energies(kinds: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The energies (N,) of graphs as `load` gives them."""
    pair, path = tables()
    there = np.where(kinds < 0, 0, kinds)
    one, other = there[:, :, None], there[:, None, :]
    near = (edges > 0).astype(float)
    far = near @ near * (1 - np.eye(MOST))  # how many paths of two edges lead from v to another w
    found = pair[one, other, np.maximum(edges, 1) - 1] * near + path[one, other] * far
    return found.sum((1, 2)) / 2  # each pair was met from both of its ends


def _graph(rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """A connected graph: a random tree, and up to two edges more that close rings."""
    n = rng.randint(LEAST, MOST + 1)
    kinds, edges = np.full(MOST, -1), np.zeros((MOST, MOST), int)
    kinds[:n] = rng.randint(0, KINDS, n)
    for v in range(1, n):
        free = np.flatnonzero((edges[:v] > 0).sum(1) < VALENCE)
        _join(edges, v, rng.choice(free), rng)
    for _ in range(rng.randint(0, 3)):
        free = np.flatnonzero((edges[:n] > 0).sum(1) < VALENCE)
        if len(free) >= 2:
            v, w = rng.choice(free, 2, replace=False)
            _join(edges, v, w, rng)
    return kinds, edges


def _join(edges: np.ndarray, v: int, w: int, rng: np.random.RandomState) -> None:
    edges[v, w] = edges[w, v] = rng.randint(1, BONDS + 1)
