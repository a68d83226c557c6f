"""Checks a `.safetensors` file of unknown origin before anything is computed with it.

The format is a length of eight bytes, a JSON header of names, types, shapes and offsets, and raw numbers.
"""

import json
import math
import re
from typing import Any

import torch
from torch import Tensor

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed

HEADER_BYTES = 1 << 20
TENSORS = 1_000
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_artifact(name: str, data: bytes) -> Artifact:
    """The tensors in `data`, the bytes of `<name>.safetensors`.

    Raises:
        CheckFailed: it is no such file, or holds numbers that are not finite.
    """
    what = f"{name}.safetensors"
    try:
        header, body = _header(data)
        metadata = header.pop("__metadata__", {})
        if len(header) > TENSORS:
            raise ValueError(f"{len(header)} tensors")
        tensors = {str(key): _tensor(entry, body) for key, entry in header.items()}
        tier = metadata.get("tier", "mini")
    except (
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
        OverflowError,
        AttributeError,
        RuntimeError,
    ) as error:
        reason = re.sub(r"\s+", " ", str(error))[:100]
        raise CheckFailed(
            f"{what} is not in order",
            "a file that save_artifact wrote",
            reason,
            "make it again with the training cell",
        ) from None
    _check_finite(what, tensors)
    return Artifact(tensors, tier if tier in ("mini", "full") else "mini")


def _header(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(HEADER_BYTES, len(data) - 8):
        raise ValueError("no safetensors header; pickles and other formats are not read")
    header = json.loads(data[8 : 8 + length])
    if type(header) is not dict:
        raise ValueError("a header that is no object")
    return header, data[8 + length :]


def _tensor(entry: dict[str, Any], body: bytes) -> Tensor:
    dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
    start, end = entry["data_offsets"]
    if not all(type(size) is int and 0 <= size < 1 << 32 for size in [*shape, start, end]) or len(shape) > 8:
        raise ValueError("a shape or an offset that is none")
    if not start <= end <= len(body) or math.prod(shape) * dtype.itemsize != end - start:
        raise ValueError("a shape that does not fit its bytes")
    if start == end:
        return torch.empty(shape, dtype=dtype)
    raw = bytearray(body[start:end])
    if dtype == torch.bool:
        return torch.frombuffer(raw, dtype=torch.uint8).ne(0).reshape(shape)
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)


def _check_finite(what: str, tensors: dict[str, Tensor]) -> None:
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckFailed(
                f"{what}: {key[:80]} is not finite", "numbers", "NaN or infinity", "did the training diverge?"
            )
