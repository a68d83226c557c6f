"""Lynx and hare: pelts sold to the Hudson's Bay Company, 1900 to 1920 (full), or generated (mini).

Of 21 years come stretches of 12. Those of `train` end before 1915, that of `val` in 1915 and that of `test` in
1920: its last four years stand in no other. Mini: the equations of Lotka and Volterra, with noise.
"""

import csv

import numpy as np
import torch
from torch.utils.data import TensorDataset

from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check

YEARS, STRETCH = 21, 12
SEEN = 8  # years of a stretch; the others are to be foretold
KNOWN = 15  # years from which mean and spread are taken
_STARTS = {"train": (0, 1, 2, 3), "val": (4,), "test": (9,)}
_RATES = (0.55, 0.028, 0.84, 0.026)  # hares born, hares caught, lynxes starved, lynxes fed; a year


def load(tier: str, split: str) -> TensorDataset:
    """Logarithms of lynx and hare (N, 12, 2), with mean 0 and spread 1 in the first 15 years; all seen (N, 12, 2)."""
    check(split, tier)
    logs = np.log(_pelts() if tier == "full" else _generated())  # (21, 2)
    logs = (logs - logs[:KNOWN].mean(0)) / logs[:KNOWN].std(0)
    rows = np.stack([logs[start : start + STRETCH] for start in _STARTS[split]])
    values = torch.from_numpy((np.round(rows * 4096) / 4096).astype(np.float32))
    return TensorDataset(values, torch.ones_like(values, dtype=torch.bool))


def _pelts() -> np.ndarray:
    """Thousands of lynx and hare a year, (21, 2)."""
    with fetch(DATASETS["lynx_hare"].files[0]).open(encoding="utf-8") as stream:
        rows = list(csv.reader(line for line in stream if not line.startswith("#")))
    return np.array([[float(number) for number in row[1:]] for row in rows[1:]])


def _generated() -> np.ndarray:
    """Lynx and hare for 21 years, (21, 2), by small steps of the midpoint method."""
    lynx_hare, years = np.array([4.0, 30.0]), []
    for _ in range(YEARS):
        years.append(lynx_hare)
        for _ in range(100):
            half = lynx_hare + 0.005 * _change(lynx_hare)
            lynx_hare = lynx_hare + 0.01 * _change(half)
    noise = np.random.RandomState(1900).normal(0, 0.1, (YEARS, 2))
    return np.stack(years) * np.exp(noise)


def _change(lynx_hare: np.ndarray) -> np.ndarray:
    lynx, hare = lynx_hare
    born, caught, starved, fed = _RATES
    return np.array([lynx * (fed * hare - starved), hare * (born - caught * lynx)])
