"""Patients in intensive care, measured when somebody came: the PhysioNet challenge of 2012 (full), or generated.

Full: the first 1,000 records, by number, of the challenge's set A, 48 hours each, in 24 bins of two hours: the mean
of what was measured in a bin, and which of 37 variables were. Mini: four variables of a few generated patients, all
shadows of two hidden numbers that run in circles.
"""

import io
import tarfile

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.decoded import decoded
from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check, take

BINS = 24  # of two hours
SEEN = 12  # bins of the first day; the second is to be foretold
SIZES = {"mini": {"train": 60, "val": 20, "test": 40}, "full": {"train": 700, "val": 100, "test": 200}}
_NAMES = (
    "Albumin ALP ALT AST Bilirubin BUN Cholesterol Creatinine DiasABP FiO2 GCS Glucose HCO3 HCT HR K "
    "Lactate Mg MAP MechVent Na NIDiasABP NIMAP NISysABP PaCO2 PaO2 pH Platelets RespRate SaO2 SysABP "
    "Temp TroponinI TroponinT Urine WBC Weight"
)
VARIABLES = tuple(_NAMES.split())
RARE = 0.01  # share of the lowest and of the highest values that count as the least or greatest of the others


def load(tier: str, split: str) -> TensorDataset:
    """Values (N, 24, D), float32, with mean 0 and spread 1 over `train`, 0 where none was; which were, (N, 24, D)."""
    check(split, tier)
    if tier == "mini":
        return _generated(split)
    kept = decoded("physionet", _read)
    values, seen = kept["values"].double().numpy(), kept["seen"].numpy()
    values = _standard(values, values[: SIZES[tier]["train"]], seen[: SIZES[tier]["train"]])
    values = np.where(seen, values, 0).astype(np.float32)
    return TensorDataset(*(take(torch.from_numpy(part), SIZES[tier], split) for part in (values, seen)))


def _standard(values: np.ndarray, train: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Each variable between its rare ends (a pH of 735 is a slip of the pen), less its mean, over its spread."""
    result = np.zeros_like(values)
    for d in range(values.shape[2]):
        known = train[..., d][seen[..., d]]
        low, high = np.quantile(known, (RARE, 1 - RARE))
        known = known.clip(low, high)
        result[..., d] = (values[..., d].clip(low, high) - known.mean()) / (known.std() or 1)
    return result


def _read() -> dict[str, Tensor]:
    """Files `<record>.txt` of lines `hh:mm,variable,value`; a negative value stands for none."""
    column = {name: d for d, name in enumerate(VARIABLES)}
    sums, counts = [], []
    with tarfile.open(fetch(DATASETS["physionet"].files[0])) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            stream = archive.extractfile(member) if member.name.endswith(".txt") else None
            if stream is None:
                continue
            total, count = np.zeros((2, BINS, len(VARIABLES)))
            for line in io.TextIOWrapper(stream, encoding="utf-8"):
                clock, name, value = line.strip().split(",")
                if name in column and float(value) >= 0:
                    place = min(int(clock[:2]) // 2, BINS - 1), column[name]
                    total[place] += float(value)
                    count[place] += 1
            sums.append(total)
            counts.append(count)
    total, count = np.stack(sums), np.stack(counts)
    means = torch.from_numpy((total / np.maximum(count, 1)).astype(np.float32))
    return {"values": means, "seen": torch.from_numpy(count > 0)}


def _generated(split: str) -> TensorDataset:
    n, rng = SIZES["mini"][split], np.random.RandomState([SPLITS.index(split), 2012])
    phase, size, speed = (rng.uniform(low, high, (n, 1)) for low, high in ((0, 6.28), (0.5, 1.5), (4, 7)))
    angle = phase + speed * np.arange(BINS) / BINS  # (N, T)
    hidden = size[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=2)
    values = hidden @ np.array([[1.0, 0.3, -0.8, 0.6], [0.2, 1.0, 0.5, -0.7]]) + rng.normal(
        0, 0.1, (n, BINS, 4)
    )
    seen = rng.uniform(size=values.shape) < 0.3
    values = np.where(seen, np.round(values * 4096) / 4096, 0)
    return TensorDataset(torch.from_numpy(values.astype(np.float32)), torch.from_numpy(seen))
