"""Checks a `.safetensors` file of unknown origin before anything is computed with it.

The format is a length of eight bytes, a JSON header of names, types, shapes and offsets, and raw numbers. The library
reads it, and refuses whatever does not fit together; the rules here are about what a net's tensors may be.
"""

import json
import re
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed

HEADER_BYTES = 1 << 20
TENSORS = 1_000
DIMENSIONS = 8
NAME = 200  # characters
DTYPES = {
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
}


def read_artifact(name: str, data: bytes) -> Artifact:
    """The tensors in `data`, the bytes of `<name>.safetensors`.

    Raises:
        CheckFailed: it is no such file, or holds numbers that are not finite.
    """
    what = f"{name}.safetensors"
    try:
        tier = _tier(data)
        tensors = safetensors.torch.load(data)
        for key, tensor in tensors.items():
            _check(key, tensor)
    except (
        SafetensorError,
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
        OverflowError,
        AttributeError,
        RuntimeError,
        MemoryError,
    ) as error:
        reason = re.sub(r"\s+", " ", str(error))[:100]
        raise CheckFailed(
            f"{what} is not in order",
            "a file that save_artifact wrote",
            reason,
            "make it again with the training cell",
        ) from None
    _check_finite(what, tensors)
    return Artifact(tensors, tier)


def _tier(data: bytes) -> str:
    """The tier that the header names, mini where it names none; the header must be of a usual size."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(HEADER_BYTES, len(data) - 8):
        raise ValueError("no safetensors header; pickles and other formats are not read")
    header: Any = json.loads(data[8 : 8 + length])
    if type(header) is not dict:
        raise ValueError("a header that is no object")
    tier = header.pop("__metadata__", {}).get("tier", "mini")
    if len(header) > TENSORS:
        raise ValueError(f"{len(header)} tensors")
    return tier if tier in ("mini", "full") else "mini"


def _check(name: str, tensor: Tensor) -> None:
    if len(name) > NAME or not name.isprintable():
        raise ValueError("a tensor's name that is none")
    if tensor.dtype not in DTYPES:
        raise ValueError(f"{name} is of type {tensor.dtype}")
    if not tensor.numel() or tensor.ndim > DIMENSIONS:
        raise ValueError(f"{name} is of shape {tuple(tensor.shape)[:DIMENSIONS]}")


def _check_finite(what: str, tensors: dict[str, Tensor]) -> None:
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckFailed(
                f"{what}: {key[:80]} is not finite", "numbers", "NaN or infinity", "did the training diverge?"
            )
