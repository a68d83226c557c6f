"""MNIST and MNIST-M, digits blended over patches of photographs (Ganin et al., 2016), as source and target domain.

10,000 pictures of MNIST-M as one lossless sheet a split, from a mirror only. Its train picture i is MNIST's train
picture i, so the source begins behind them: no digit stands in both domains. The mini tier is `dyed_digits`.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import dyed_digits, mnist
from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check

SIDE = 32
ROW = 100  # pictures in a row of a sheet
BLENDED = 7_000  # MNIST's first train digits are the ones in MNIST-M's train sheet
VALIDATION = 1_000


def load(tier: str, split: str, domain: str = "source") -> TensorDataset:
    """Pictures (N, 3, 32, 32), or (N, 3, 8, 8) at the mini tier, float32 in [0, 1]; digits (N,), int64.

    Train: 48,000 digits of MNIST in the source, 6,000 of MNIST-M in the target. Source pictures share one channel's
    memory: clone them before you write into them.
    """
    check(split, tier)
    if tier == "mini" or domain not in dyed_digits.DOMAINS:
        return dyed_digits.load(tier, split, domain)
    if domain == "source":
        x, y = mnist.load("full", split).tensors
        rows = slice(BLENDED if split == "train" else 0, None)
        return TensorDataset(F.pad(x[rows], [2] * 4).expand(-1, 3, -1, -1), y[rows])
    part = "test" if split == "test" else "train"
    kept = decoded("mnist_m", _read)
    rows = {"train": slice(None, -VALIDATION), "val": slice(-VALIDATION, None), "test": slice(None)}[split]
    return TensorDataset(kept[f"{part}_x"][rows].float() / 255, kept[f"{part}_y"][rows].long())


def _read() -> dict[str, Tensor]:
    found = {}
    for part in ("train", "test"):
        labels = np.fromfile(fetch(DATASETS["mnist_m"].file(f"{part}_labels.u8")), np.uint8)
        with Image.open(fetch(DATASETS["mnist_m"].file(f"{part}.webp"))) as sheet:
            found[f"{part}_x"] = cut(np.asarray(sheet.convert("RGB")), len(labels))
        found[f"{part}_y"] = torch.from_numpy(labels)
    return found


def cut(sheet: np.ndarray, count: int) -> Tensor:
    """A sheet of pictures (rows · 32, 100 · 32, 3), row by row, as (count, 3, 32, 32)."""
    pictures = torch.from_numpy(sheet.copy()).view(-1, SIDE, ROW, SIDE, 3)
    return pictures.permute(0, 2, 4, 1, 3).reshape(-1, 3, SIDE, SIDE)[:count].contiguous()
