"""USPS: 9,298 digits from envelopes, 16×16 (Hull, 1994). The mini tier is `digits`, of 8×8.

The training part's last 1,000 pictures are `val`. The file is HDF5: to read it takes `h5py`, which Colab has.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import digits
from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS, DataError
from course_utils.data.splits import check

VALIDATION = 1_000
SIDE = 16


def load(tier: str, split: str) -> TensorDataset:
    """Pictures (N, 1, 16, 16), or (N, 1, 8, 8) at the mini tier, float32 in [0, 1], ink 1; labels (N,), int64."""
    check(split, tier)
    if tier == "mini":
        return digits.load(tier, split)
    part, kept = "test" if split == "test" else "train", decoded("usps", _read)
    rows = {"train": slice(None, -VALIDATION), "val": slice(-VALIDATION, None), "test": slice(None)}[split]
    return TensorDataset(kept[f"{part}_x"][rows], kept[f"{part}_y"][rows].long())


def _read() -> dict[str, Tensor]:
    path = fetch(DATASETS["usps"].file("usps.h5"))
    try:
        import h5py
    except ImportError:
        raise DataError(f"{path}: HDF5 is read with h5py, which is not here; pip install h5py.") from None
    found = {}
    with h5py.File(path) as file:
        for part in ("train", "test"):
            x = np.asarray(file[part]["data"], np.float32).reshape(-1, 1, SIDE, SIDE)
            found[f"{part}_x"] = torch.from_numpy(x)
            found[f"{part}_y"] = torch.from_numpy(np.asarray(file[part]["target"], np.uint8))
    return found
