"""Many graphs of different sizes as a few long tensors, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# One graph: a row of whole numbers for each node; sender, receiver and kind of each edge; what is asked about it.
Graph = tuple[list[list[int]], list[tuple[int, int, int]], list[float]]


@dataclass(frozen=True)
class Graphs:
    """G graphs one after the other; senders and receivers are counted through all N nodes."""

    nodes: Tensor  # (N, D) int64
    senders: Tensor  # (E,) int64
    receivers: Tensor  # (E,) int64
    kinds: Tensor  # (E,) int64
    sizes: Tensor  # (G,) int64: nodes of each graph
    edges: Tensor  # (G,) int64: edges of each graph
    y: Tensor  # (G, …)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All seven."""
        return self.nodes, self.senders, self.receivers, self.kinds, self.sizes, self.edges, self.y

    @property
    def graph(self) -> Tensor:
        """The number of its graph for each node, from 0: (N,)."""
        return torch.arange(len(self.sizes), device=self.sizes.device).repeat_interleave(self.sizes)

    def __len__(self) -> int:
        """How many graphs."""
        return len(self.sizes)

    def take(self, rows: Tensor) -> "Graphs":
        """The graphs of those numbers (B,), at least one, in that order."""
        sizes, edges = self.sizes[rows], self.edges[rows]
        these = _within(self.edges, rows)
        moved = (_starts(sizes) - _starts(self.sizes)[rows]).repeat_interleave(edges)
        senders, receivers = (side[these] + moved for side in (self.senders, self.receivers))
        nodes = self.nodes[_within(self.sizes, rows)]
        return Graphs(nodes, senders, receivers, self.kinds[these], sizes, edges, self.y[rows])

    def to(self, device: torch.device | str) -> "Graphs":
        """The same on another device."""
        return Graphs(*(tensor.to(device) for tensor in self.tensors))


def joined(graphs: Sequence[Graph]) -> Graphs:
    """Several graphs, each with its nodes counted from 0, one after the other."""
    nodes, ends, y = zip(*graphs)
    sizes, edges = (torch.tensor([len(part) for part in parts]) for parts in (nodes, ends))
    every = torch.tensor([end for part in ends for end in part]).reshape(-1, 3)
    senders, receivers = (every[:, :2] + _starts(sizes).repeat_interleave(edges)[:, None]).T.contiguous()
    rows = torch.tensor([row for part in nodes for row in part])
    return Graphs(rows, senders, receivers, every[:, 2].contiguous(), sizes, edges, torch.tensor(y))


def from_matrices(kinds: Tensor, edges: Tensor, y: Tensor) -> Graphs:
    """Graphs written as kinds of nodes (G, M), -1 where there is none, and kinds of edges (G, M, M), 0 where none."""
    there = kinds >= 0
    number = (there.flatten().cumsum(0) - 1).view_as(kinds)
    which, receivers, senders = edges.nonzero().T
    ends = number[which, senders], number[which, receivers]
    each = torch.bincount(which, minlength=len(kinds))
    return Graphs(kinds[there][:, None], *ends, edges[which, receivers, senders] - 1, there.sum(1), each, y)


def _starts(sizes: Tensor) -> Tensor:
    return sizes.cumsum(0) - sizes


def _within(sizes: Tensor, rows: Tensor) -> Tensor:
    """Where what belongs to those graphs stands: for each in turn, from its start to its end."""
    counts = sizes[rows]
    shift = (_starts(sizes)[rows] - _starts(counts)).repeat_interleave(counts)
    return shift + torch.arange(len(shift), device=shift.device)
