"""Molecules as graphs, each with its heat capacity: QM9 (full), or `energies` in the same form (mini).

Full: 133,885 molecules of up to nine atoms of C, N, O and F (Ramakrishnan et al., 2014), in cal/(mol K) at 298 K,
computed by quantum chemistry. Of each only its SMILES is used: who is bound to whom, and no place in space. A tenth,
drawn once for all, is `val`, another `test`.
"""

import csv
import gzip
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.data import energies
from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.many_graphs import Graphs, from_matrices, joined
from course_utils.data.registry import DATASETS
from course_utils.data.smiles import parse
from course_utils.data.splits import check
from course_utils.progress import bar

COLUMNS = (4, 5, 3, 2)  # of a node: values of element, hydrogens, charge + 1, aromatic
BONDS = 4  # kinds: single, double, triple, aromatic
TENTH = 13_388  # molecules of `val`, and of `test`


def load(tier: str, split: str) -> Graphs:
    """The split's molecules. Nodes (N, 4) hold `COLUMNS`; every bond stands twice; y (G,) is float32."""
    check(split, tier)
    if tier == "mini":
        kinds, edges, y = energies.load(tier, split).tensors
        graphs = from_matrices(kinds, edges, y)
        return replace(graphs, nodes=F.pad(graphs.nodes, (0, 3)))
    parts = decoded("molecules", _read)
    order = np.random.RandomState(2014).permutation(len(parts["y"]))
    places = np.split(order, [TENTH, 2 * TENTH])[("val", "test", "train").index(split)]
    wide = {name: part if name == "y" else part.long() for name, part in parts.items()}
    return Graphs(**wide).take(torch.from_numpy(places))


_NAMES = ("nodes", "senders", "receivers", "kinds", "sizes", "edges", "y")
_SMALL = (torch.int8, torch.int32, torch.int32, torch.int8, torch.int8, torch.int8, torch.float32)  # as kept


def _read() -> dict[str, Tensor]:
    """All molecules, in the file's order: a head, then lines `smiles,heat capacity`."""
    with gzip.open(fetch(DATASETS["molecules"].files[0]), "rt", encoding="ascii", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    graphs = []
    with bar(len(rows), "molecules", "molecules") as shown:
        for smiles, heat in rows:
            atoms, bonds = parse(smiles)
            both = bonds + [(w, v, kind) for v, w, kind in bonds]
            graphs.append((atoms, both, [float(heat)]))
            shown.update(1)
    *parts, y = joined(graphs).tensors
    kept = (part.to(small) for part, small in zip((*parts, y[:, 0]), _SMALL))
    return dict(zip(_NAMES, kept))
