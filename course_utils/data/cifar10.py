"""CIFAR-10: 60,000 colour photographs of ten classes, 32×32 (Krizhevsky, 2009). The binary release, free of pickles.

The last 5,000 training pictures are `val`. The mini tier is generated: ten figures and patterns, whose colours, places
and sizes say nothing about the class.
"""

import tarfile

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import figures
from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VALIDATION = 5_000


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 3, 32, 32), float32 in [0, 1], and labels (N,), int64."""
    check(split, tier)
    if tier == "mini":
        return figures.load(split)
    return part(decoded("cifar10", _read), split, VALIDATION)


def part(tensors: dict[str, Tensor], split: str, validation: int) -> TensorDataset:
    """`split` of bytes `train_x`, `train_y`, `test_x`, `test_y`, as pictures in [0, 1] and labels."""
    source = "test" if split == "test" else "train"
    rows = {"train": slice(None, -validation), "val": slice(-validation, None), "test": slice(None)}[split]
    x, y = tensors[f"{source}_x"][rows], tensors[f"{source}_y"][rows]
    return TensorDataset(x.float() / 255, y.long())


def _read() -> dict[str, Tensor]:
    """Rows of 3,073 bytes: the label, then red, green and blue planes of 32×32."""
    rows: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    with tarfile.open(fetch(DATASETS["cifar10"].files[0])) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            stream = archive.extractfile(member) if member.name.endswith(".bin") else None
            if stream is not None:
                source = "test" if "test" in member.name else "train"
                rows[source].append(np.frombuffer(stream.read(), np.uint8).reshape(-1, 3073))
    tensors = {}
    for source, parts in rows.items():
        table = torch.from_numpy(np.concatenate(parts))
        tensors[f"{source}_y"] = table[:, 0].clone()
        tensors[f"{source}_x"] = table[:, 1:].reshape(-1, 3, 32, 32).clone()
    return tensors
