"""One hash for a data set at a tier, kept in every record so that a figure says what it was measured on."""

import hashlib
from importlib import import_module

import torch

from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS


def fingerprint(name: str, tier: str) -> str:
    """The sha256 of the set's files (full tier), or of all that it generates."""
    if name not in DATASETS:
        raise ValueError(f"fingerprint: no data set {name!r}; there are {', '.join(DATASETS)}.")
    digest = hashlib.sha256()
    if tier == "full" and DATASETS[name].files:
        for file in DATASETS[name].files:
            digest.update(file.sha256.encode())
        return digest.hexdigest()
    module = import_module(f"course_utils.data.{name}")
    for split in SPLITS:
        for tensor in module.load(tier, split).tensors:
            digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
