"""Graphs of two classes: MUTAG or PROTEINS (full), or small graphs with or without a ring (mini).

Full: 188 molecules that do or do not harm bacteria's genes (Debnath et al., 1991), and 1,113 proteins, parts of their
fold as nodes, that are enzymes or not (Borgwardt et al., 2005). Both are judged by cross-validation, for which
`whole` gives all; the splits cut the same order, drawn once for all, into eight, one and one tenths.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from course_utils.data import energies
from course_utils.data.fetch import fetch
from course_utils.data.many_graphs import Graph, Graphs, from_matrices, joined
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

NAMES = ("MUTAG", "PROTEINS")
KINDS = {"MUTAG": 7, "PROTEINS": 3}  # of nodes


def load(tier: str, split: str, name: str = "MUTAG") -> Graphs:
    """The split's graphs; nodes (N, 1) are of `KINDS`, every edge stands twice, y (G,) is 0 or 1."""
    check(split, tier)
    if tier == "mini":
        kinds, edges, _ = energies.load(tier, split).tensors
        ring = (edges > 0).sum((1, 2)) // 2 >= (kinds >= 0).sum(1)
        return from_matrices(kinds, edges, ring.long())
    graphs = whole(name)
    order = np.random.RandomState(2020).permutation(len(graphs))
    tenth = len(order) // 10
    places = np.split(order, [len(order) - 2 * tenth, len(order) - tenth])[SPLITS.index(split)]
    return graphs.take(torch.from_numpy(places))


def whole(name: str) -> Graphs:
    """All graphs of MUTAG or PROTEINS, in the file's order.

    Raises:
        ValueError: there is no such set.
    """
    if name not in NAMES:
        raise ValueError(f"whole: expected a set of {', '.join(NAMES)}, got {name!r}.")
    graphs = joined(list(_graphs(fetch(DATASETS["tudataset"].file(f"{name}.txt")))))
    return replace(graphs, y=(graphs.y[:, 0] > 0).long())


def _graphs(path: Path) -> Iterator[Graph]:
    """A line with the number of graphs; for each `nodes class`, and a line `kind degree neighbours…` a node."""
    lines = iter(path.read_text(encoding="ascii").splitlines())
    for _ in range(int(next(lines))):
        count, label = map(int, next(lines).split())
        rows = [list(map(int, next(lines).split())) for _ in range(count)]
        edges = [(w, v, 0) for v, (_, _, *near) in enumerate(rows) for w in near]
        yield [row[:1] for row in rows], edges, [label]
