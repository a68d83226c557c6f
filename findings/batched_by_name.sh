#!/usr/bin/env bash
# torch_geometric 2.8.1: a quantity of a graph is changed in a mini-batch when the letters "batch" occur in its name.
#
# Guess: which day or plate a molecule was measured on, kept at its graph as `plate`, `batch_no` or `batch_effect`, is in a
# mini-batch what it was, one after the other.
# Seen: `plate` is. Whatever has "batch" in its name has the numbers of the graphs before it added, each and one more:
# three graphs of effect 0.5 have 0.5, 1.5 and 2.5 (of numbers with a fraction the whole part counts, and one). Data
# that were right one graph at a time train a net on others, and taken apart again they are right. The documentation
# of `Batch` warns of names with "index" in them; of "batch" only the source speaks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch_geometric==2.8.1 torch==2.13.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch_geometric
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

MEASURED = {"plate": 5, "batch_no": 5, "effect": 0.5, "batch_effect": 0.5}


def graph():
    edges = torch.tensor([[0, 1], [1, 0]])
    return Data(x=torch.zeros(2, 1), edge_index=edges, **{name: torch.tensor([v]) for name, v in MEASURED.items()})


(three,) = DataLoader([graph() for _ in range(3)], batch_size=3)
seen = {name: three[name].tolist() for name in MEASURED}
apart = {name: [one[name].item() for one in three.to_data_list()] for name in MEASURED}
print(f"torch_geometric {torch_geometric.__version__}: three graphs alike, in a mini-batch: {seen}; taken apart: {apart}")
assert seen["plate"] == [5, 5, 5] and seen["effect"] == [0.5, 0.5, 0.5]
assert seen["batch_no"] == [5, 11, 17] and seen["batch_effect"] == [0.5, 1.5, 2.5], "this has changed"
assert apart == {name: [value] * 3 for name, value in MEASURED.items()}, "this has changed"
PYTHON
