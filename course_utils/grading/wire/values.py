"""Values and tensors as JSON and raw buffers, for two processes that do not trust each other.

Every length is checked before memory is taken for it, and only the plain types below can come out: whatever the other
side sends, reading it runs none of its code. Nothing is ever unpickled.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

DEPTH = 20
DIMENSIONS = 16
ALIGNMENT = 64

FLOATING = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128)
INTEGRAL = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in FLOATING + INTEGRAL}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARRAYS = {"bool", "u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}

SEQUENCES: dict[type, str] = {tuple: "tuple", set: "set", frozenset: "set", torch.Size: "size"}

Node = Any  # what json reads: None, bool, int, float, str, list, or a dict with one tag


class WireError(Exception):
    """A message that is not in order, or a value that cannot be sent."""


class Writer:
    """Turns a value into a JSON node and the buffers it refers to.

    Lists stand for themselves; everything else that is not a JSON scalar is a dictionary with one tag. `foreign` is
    asked for the node of whatever is not plain; without it such a value is refused.
    """

    def __init__(self, foreign: Callable[[Any], Node] | None = None):
        self.buffers: list[memoryview] = []
        self._foreign = foreign

    def node(self, value: Any, depth: int = 0) -> Node:
        """The node of `value`.

        Raises:
            WireError: it is nested too deeply, or of a type that does not travel.
        """
        if depth > DEPTH:
            raise WireError(f"a value nested more than {DEPTH} deep cannot be sent")
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is list:
            return [self.node(item, depth + 1) for item in value]
        if kind in SEQUENCES:
            return {SEQUENCES[kind]: [self.node(item, depth + 1) for item in value]}
        if kind is dict:
            return {"dict": [[self.node(k, depth + 1), self.node(v, depth + 1)] for k, v in value.items()]}
        if kind is Tensor:
            return self.tensor(value)
        return self._other(value, kind)

    def _other(self, value: Any, kind: type) -> Node:
        if kind is np.ndarray and value.dtype.str[1:] in ARRAYS | {"b1"}:
            return {"array": self._array(value)}
        if (
            isinstance(value, np.generic)
            and kind.__module__ == "numpy"
            and value.dtype.str[1:] in ARRAYS | {"b1"}
        ):
            return {"scalar": self._array(np.asarray(value))}
        if kind is complex:
            return {"complex": [value.real, value.imag]}
        if kind in (bytes, bytearray):
            return {"bytes": self._buffer(memoryview(value))}
        if kind is torch.dtype and value in NAMES:
            return {"dtype": NAMES[value]}
        if kind is torch.device:
            return {"device": value.type}
        if kind is slice:
            return {"slice": [self.node(part) for part in (value.start, value.stop, value.step)]}
        if kind is range:
            return {"range": [value.start, value.stop, value.step]}
        if value is Ellipsis:
            return {"ellipsis": None}
        if self._foreign is None:
            raise WireError(f"a {kind.__name__} cannot be sent")
        return self._foreign(value)

    def tensor(self, tensor: Tensor) -> Node:
        """The node of a dense tensor; its history does not travel."""
        if tensor.layout != torch.strided or tensor.dtype not in NAMES or tensor.is_meta:
            raise WireError(f"a tensor of layout {tensor.layout} and type {tensor.dtype} cannot be sent")
        flat = tensor.detach().cpu().resolve_conj().resolve_neg().reshape(-1)
        if flat.stride(0) != 1:  # an expanded number keeps a stride of 0, even when it is "contiguous"
            flat = flat.clone(memory_format=torch.contiguous_format)
        raw: Any = flat.view(torch.uint8).numpy() if flat.numel() else b""
        return {"tensor": [NAMES[tensor.dtype], list(tensor.shape), self._buffer(memoryview(raw))]}

    def _array(self, array: np.ndarray) -> Node:
        plain = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        code = "bool" if array.dtype == np.bool_ else array.dtype.str[1:]
        raw: Any = plain.reshape(-1).view(np.uint8) if plain.size else b""
        return [code, list(array.shape), self._buffer(memoryview(raw))]

    def _buffer(self, raw: memoryview) -> int:
        self.buffers.append(raw)
        return len(self.buffers) - 1


class Reader:
    """Turns a node back into a value."""

    def __init__(self, buffers: list[memoryview]):
        self._buffers = buffers

    def foreign(self) -> dict[str, Callable[[Any, Any], Any]]:
        """Further tags, with functions of this reader and of what they hold."""
        return {}

    def value(self, node: Node, depth: int = 0) -> Any:
        """The value of `node`.

        Raises:
            WireError: the node is not one that a `Writer` makes.
        """
        if depth > DEPTH:
            raise WireError(f"a value nested more than {DEPTH} deep")
        if type(node) is list:
            return self._items(node, depth)
        if type(node) is not dict:
            return node
        if len(node) != 1:
            raise WireError("a node with more than one tag")
        ((tag, content),) = node.items()
        plain = TAGS.get(tag)
        own = None if plain else self.foreign().get(tag)
        if plain is None and own is None:
            raise WireError(f"an unknown tag {tag[:20]!r}")
        try:
            return plain(self, content, depth) if plain else own(self, content)  # type: ignore[misc]
        except (TypeError, ValueError, KeyError, IndexError, OverflowError, RuntimeError) as error:
            raise WireError(f"a broken {tag}: {str(error)[:100]}") from None

    def _items(self, nodes: Node, depth: int) -> list[Any]:
        if type(nodes) is not list:
            raise WireError("items that are no list")
        return [self.value(node, depth + 1) for node in nodes]

    def _dict(self, pairs: Node, depth: int) -> dict[Any, Any]:
        read = self._items(pairs, depth)
        keys = [key for key, _ in read]
        if not all(type(key) in (str, int, float, bool, tuple, type(None)) for key in keys):
            raise WireError("a dictionary's key is not plain")
        return dict(read)

    def _tensor(self, content: Node) -> Tensor:
        name, shape, index = content
        dtype, sizes, raw = DTYPES[name], _shape(shape), self._raw(index)
        _check_bytes(sizes, dtype.itemsize, len(raw))
        if not len(raw):
            return torch.empty(sizes, dtype=dtype)
        if dtype == torch.bool:
            return torch.frombuffer(raw, dtype=torch.uint8).ne(0).reshape(sizes)
        return torch.frombuffer(raw, dtype=dtype).reshape(sizes)

    def _array(self, content: Node) -> np.ndarray:
        code, shape, index = content
        if code not in ARRAYS:
            raise WireError("an array of an unknown type")
        dtype, sizes, raw = np.dtype("?" if code == "bool" else f"<{code}"), _shape(shape), self._raw(index)
        _check_bytes(sizes, dtype.itemsize, len(raw))
        if code == "bool":
            return (np.frombuffer(raw, np.uint8) != 0).reshape(sizes)
        return np.frombuffer(raw, dtype).reshape(sizes)

    def _raw(self, index: Node) -> memoryview:
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise WireError("a buffer that was not sent")
        return self._buffers[index]


TAGS: dict[str, Callable[[Reader, Node, int], Any]] = {
    "tuple": lambda r, v, d: tuple(r._items(v, d)),
    "set": lambda r, v, d: _set(r._items(v, d)),
    "size": lambda r, v, d: torch.Size(_shape(v)),
    "dict": lambda r, v, d: r._dict(v, d),
    "tensor": lambda r, v, d: r._tensor(v),
    "array": lambda r, v, d: r._array(v),
    "scalar": lambda r, v, d: r._array(v)[()],
    "complex": lambda r, v, d: complex(*_numbers(v)),
    "bytes": lambda r, v, d: bytes(r._raw(v)),
    "dtype": lambda r, v, d: DTYPES[v],
    "device": lambda r, v, d: torch.device(v if v in ("cpu", "cuda", "mps") else "cpu"),
    "slice": lambda r, v, d: slice(*r._items(v, d)),
    "range": lambda r, v, d: range(*_integers(v)),
    "ellipsis": lambda r, v, d: ...,
}


def _set(items: list[Any]) -> set[Any]:
    if not all(type(item) in (str, int, float, bool, tuple, type(None)) for item in items):
        raise WireError("a set's member is not plain")
    return set(items)


def _shape(sizes: Node) -> tuple[int, ...]:
    if type(sizes) is not list or len(sizes) > DIMENSIONS:
        raise WireError("a shape that is none")
    if not all(type(size) is int and 0 <= size < 1 << 40 for size in sizes):
        raise WireError("a shape with a size that is none")
    return tuple(sizes)


def _integers(values: Node) -> list[int]:
    if type(values) is not list or len(values) != 3 or not all(type(v) is int for v in values):
        raise WireError("a range that is none")
    return values


def _numbers(values: Node) -> list[float]:
    if type(values) is not list or len(values) != 2 or not all(type(v) in (int, float) for v in values):
        raise WireError("a complex number that is none")
    return values


def _check_bytes(shape: tuple[int, ...], item: int, given: int) -> None:
    if math.prod(shape) * item != given:
        raise WireError(f"a shape of {math.prod(shape)} items with {given} bytes")
