"""MNIST: 70,000 handwritten digits of 28×28 pixels (LeCun et al., 1998). The mini tier is `digits`, of 8×8.

The training file's last 5,000 pictures are `val`; the test file is `test`.
"""

import gzip

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data import digits
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS, DataError, RemoteFile
from course_utils.data.splits import check

VALIDATION = 5_000


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, 28, 28), or (N, 1, 8, 8) at the mini tier, float32 in [0, 1]; labels (N,), int64."""
    return load_idx("mnist", tier, split)


def load_idx(name: str, tier: str, split: str) -> TensorDataset:
    """`load` for any data set that comes in MNIST's four files."""
    check(split, tier)
    if tier == "mini":
        return digits.load(tier, split)
    part = "t10k" if split == "test" else "train"
    images = read_idx(DATASETS[name].file(f"{part}-images-idx3-ubyte.gz"))
    labels = read_idx(DATASETS[name].file(f"{part}-labels-idx1-ubyte.gz"))
    rows = {"train": slice(None, -VALIDATION), "val": slice(-VALIDATION, None), "test": slice(None)}[split]
    x = torch.from_numpy(images[rows].astype(np.float32) / 255).unsqueeze(1)  # (N, 1, 28, 28)
    return TensorDataset(x, torch.from_numpy(labels[rows].astype(np.int64)))


def read_idx(file: RemoteFile) -> np.ndarray:
    """A gzipped IDX file of bytes: two zeros, type 8, the number of axes, each axis as a big-endian int32, the data."""
    with gzip.open(fetch(file)) as stream:
        zeros, kind, axes = stream.read(2), stream.read(1), stream.read(1)[0]
        if zeros != b"\0\0" or kind != b"\x08":
            raise DataError(f"{file.path}: not an IDX file of bytes; delete it from the cache and try again.")
        shape = np.frombuffer(stream.read(4 * axes), ">i4")
        return np.frombuffer(stream.read(), np.uint8).reshape(shape)
