"""Cora: 2,708 papers, the words of each, who cites whom, and seven fields of study. Mini: a karate club.

The full tier is Planetoid's split (Yang et al., 2016): twenty papers of each field are labelled for training, the next
500 papers choose, a thousand others judge. The mini tier is Zachary's club of 34 (1977): its instructor and its
president are labelled, and the question is whom each of the others followed when it split.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import torch
from torch import Tensor

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check
from course_utils.data.unpickle import arrays

CLASSES = {"mini": 2, "full": 7}
LEADERS = (0, 33)  # the instructor and the president
_TRAIN, _VALIDATION = 140, 500


@dataclass(frozen=True)
class Network:
    """One graph and the nodes of it that a split asks about; every edge is there in both directions."""

    x: Tensor  # (N, D) float32
    senders: Tensor  # (E,) int64
    receivers: Tensor  # (E,) int64
    y: Tensor  # (N,) int64
    nodes: Tensor  # (M,) int64

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All five."""
        return self.x, self.senders, self.receivers, self.y, self.nodes


def load(tier: str, split: str) -> Network:
    """The graph with all its nodes, and those that belong to the split."""
    check(split, tier)
    parts = _club() if tier == "mini" else decoded("cora", _read)
    return Network(parts["x"], parts["senders"], parts["receivers"], parts["y"], parts[split])


def _club() -> dict[str, Tensor]:
    club = networkx.karate_club_graph()
    followed = torch.tensor([int(club.nodes[v]["club"] == "Officer") for v in club])
    others = torch.tensor([v for v in club if v not in LEADERS])
    nodes = {
        "train": torch.tensor(LEADERS),
        "val": others[::4],
        "test": others[torch.arange(len(others)) % 4 > 0],
    }
    return {"x": torch.eye(len(club)), "y": followed, **_directed(list(club.edges)), **nodes}


def _directed(pairs: list[tuple[int, int]]) -> dict[str, Tensor]:
    """Edges in both directions, ordered by receiver and sender."""
    both = sorted({(w, v) for v, w in pairs} | set(pairs))
    receivers, senders = torch.tensor(both).T
    return {"senders": senders.contiguous(), "receivers": receivers.contiguous()}


def _read() -> dict[str, Tensor]:
    """Planetoid's files: papers in three parts, the last in an order that `test.index` undoes."""
    files = {file.path.rsplit(".", 1)[-1]: fetch(file) for file in DATASETS["cora"].files}
    test = np.array([int(line) for line in files["index"].read_text(encoding="ascii").split()])
    known, asked = (_dense(_pickled(files[name])) for name in ("allx", "tx"))
    classes = np.concatenate([_pickled(files["ally"]), _pickled(files["ty"])]).argmax(1)
    place = np.concatenate([np.arange(len(known)), test])  # where the rows that follow each other belong
    x, y = np.zeros((len(place), known.shape[1]), np.float32), np.zeros(len(place), int)
    x[place], y[place] = np.concatenate([known, asked]), classes
    pairs = [(int(v), int(w)) for v, near in _pickled(files["graph"]).items() for w in near if v != w]
    nodes = {
        "train": np.arange(_TRAIN),
        "val": np.arange(_TRAIN, _TRAIN + _VALIDATION),
        "test": np.sort(test),
    }
    arrays = {"x": x, "y": y, **nodes}
    return {name: torch.from_numpy(array) for name, array in arrays.items()} | _directed(pairs)


class _Sparse:
    """Stands where a pickle asks for SciPy's sparse matrix: it takes the parts and does nothing with them."""


# By name, what Planetoid's files hold beside plain arrays; nothing of it does anything by being made.
_MORE = {
    ("scipy.sparse.csr", "csr_matrix"): _Sparse,
    ("collections", "defaultdict"): defaultdict,
    ("__builtin__", "list"): list,
}


def _pickled(path: Path) -> Any:
    return arrays(path, _MORE, encoding="latin1")


def _dense(sparse: Any) -> np.ndarray:
    """Compressed rows (values, columns, where each row begins), written out."""
    parts = vars(sparse)
    rows, columns = parts["_shape"]
    dense = np.zeros((rows, columns), np.float32)
    dense[np.repeat(np.arange(rows), np.diff(parts["indptr"])), parts["indices"]] = parts["data"]
    return dense
