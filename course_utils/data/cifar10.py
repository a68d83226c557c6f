"""CIFAR-10: 60,000 colour photographs of ten classes, 32×32 (Krizhevsky, 2009). The binary release, free of pickles.

The last 5,000 training pictures are `val`. Where only their JPEG copies are at hand, as on a machine without a network
that gets its data by hand, these are read instead, and a record says so. The mini tier is generated: ten figures and
patterns, whose colours, places and sizes say nothing about the class.
"""

import tarfile

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import cifar10_jpg, figures
from course_utils.data.byte_pictures import part
from course_utils.data.decoded import decoded
from course_utils.data.fetch import at_hand, fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VALIDATION = 5_000


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 3, 32, 32), float32 in [0, 1], and labels (N,), int64."""
    check(split, tier)
    if tier == "mini":
        return figures.load(split)
    if form() == "cifar10_jpg":
        return cifar10_jpg.load(tier, split)
    return part(decoded("cifar10", _read), split, VALIDATION)


def form() -> str:
    """The data set that the full tier reads here: `cifar10`, or `cifar10_jpg` where only the JPEG copies are at hand.

    What is at hand lies in the cache, or in a mirror that is a folder: nothing is asked of the network.
    """
    here = {name: at_hand(DATASETS[name].files[0]) for name in ("cifar10", "cifar10_jpg")}
    return "cifar10_jpg" if here["cifar10_jpg"] and not here["cifar10"] else "cifar10"


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
