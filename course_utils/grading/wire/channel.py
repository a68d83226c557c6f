"""Values and tensors between two processes that do not trust each other.

A message is eight bytes (the lengths of header and body), a JSON header, and a body of raw tensor buffers. Every
length is checked before memory is taken for it, every read has a deadline, and only the plain types below can come
out of it: whatever the other side sends, reading it runs none of its code. Nothing is ever unpickled.
"""

import json
import math
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

HEADER_BYTES = 1 << 20
BODY_BYTES = 64 << 20
DEPTH = 20
DIMENSIONS = 16
ALIGNMENT = 64
AHEAD = 1 << 17

FLOATING = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128)
INTEGRAL = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
DTYPES = {str(dtype).removeprefix("torch."): dtype for dtype in FLOATING + INTEGRAL}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARRAYS = {"bool", "u1", "i1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"}

SEQUENCES: dict[type, str] = {tuple: "tuple", set: "set", frozenset: "set", torch.Size: "size"}

# Made once: `json.dumps` with separators makes one at every call, and `json.loads` of bytes looks for their encoding.
_ENCODER, _DECODER = json.JSONEncoder(separators=(",", ":")), json.JSONDecoder()

Node = Any  # what json reads: None, bool, int, float, str, list, or a dict with one tag


class WireError(Exception):
    """A message that is not in order, or a value that cannot be sent."""


class Closed(WireError):
    """The other side is gone, or talks no sense any more."""


class Late(WireError):
    """The deadline passed before the message was complete."""


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

    def foreign(self) -> dict[str, Callable[[Any], Any]]:
        """Further tags, with functions of what they hold."""
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
            return plain(self, content, depth) if plain else own(content)  # type: ignore[misc]
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


class Channel:
    """Whole messages over a connected stream socket, with a deadline on each."""

    def __init__(self, connection: socket.socket):
        connection.setblocking(True)
        self._socket = connection
        self._read, self._ahead = (
            bytearray(AHEAD),
            b"",
        )  # what came with the last message and belongs to the next
        self.received = 0  # bytes, headers included

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(self, header: dict[str, Any], buffers: list[memoryview], deadline: float | None = None) -> None:
        """Send one message before `deadline` (of `time.monotonic`).

        Raises:
            WireError: the message is over the limits. Nothing was sent.
            Late, Closed: it did not get through.
        """
        header["buffers"] = [len(buffer) for buffer in buffers]
        try:
            text = _ENCODER.encode(header).encode()
        except (ValueError, RecursionError) as error:  # an integer of thousands of digits, among others
            raise WireError(f"a value that cannot be sent: {str(error)[:100]}") from None
        body = b"".join(part for buffer in buffers for part in (buffer, bytes(-len(buffer) % ALIGNMENT)))
        if len(text) > HEADER_BYTES or len(body) > BODY_BYTES:
            raise WireError(
                f"a value of {(len(text) + len(body)) / 1e6:.0f} MB cannot be sent; "
                f"at most {BODY_BYTES >> 20} MB of tensors and {HEADER_BYTES >> 20} MB of text"
            )
        try:
            self._send(memoryview(struct.pack("!II", len(text), len(body)) + text + body), deadline)
        except TimeoutError:
            raise Late("the other side did not read in time") from None
        except OSError as error:
            raise Closed(f"the other side is gone: {error.strerror}") from None

    def receive(
        self, deadline: float | None = None, grace: Callable[[], float] | None = None
    ) -> tuple[dict[str, Any], list[memoryview]]:
        """The next message's header and buffers.

        Args:
            deadline: When the whole message must be there.
            grace: Called if it is not; gives a later deadline, or raises `Late`.

        Raises:
            Late, Closed: no whole message came by `deadline`, or none ever will: what came is none, or too long.
        """
        while True:
            try:
                text_bytes, body_bytes = struct.unpack("!II", self._exactly(8, deadline))
                break
            except Late:
                if grace is None:
                    raise
                deadline = grace()
        if text_bytes > HEADER_BYTES or body_bytes > BODY_BYTES:
            raise Closed(f"a message of {text_bytes} + {body_bytes} bytes is too long")
        text, body = self._exactly(text_bytes, deadline), self._exactly(body_bytes, deadline)
        self.received += 8 + text_bytes + body_bytes
        try:
            header = _DECODER.decode(text.decode())
        except (ValueError, RecursionError):  # not UTF-8, or not JSON
            raise Closed("a header that is not JSON") from None
        if type(header) is not dict:
            raise Closed("a header that is no object")
        return header, _split(header.pop("buffers", []), body)

    def _exactly(self, count: int, deadline: float | None) -> bytearray:
        data = bytearray(self._ahead[:count])
        self._ahead = self._ahead[count:]
        while len(data) < count:
            try:
                self._wait(select.POLLIN, deadline)
                # A system call costs more than copying a small message: what is there is read at once.
                got = self._socket.recv_into(self._read)
            except TimeoutError:
                raise Late("no answer in time") from None
            except OSError as error:
                raise Closed(f"the other side is gone: {error.strerror}") from None
            if not got:
                raise Closed("the other side is gone")
            wanted = min(got, count - len(data))
            data += memoryview(self._read)[:wanted]
            self._ahead = bytes(memoryview(self._read)[wanted:got])
        return data

    def _send(self, data: memoryview, deadline: float | None) -> None:
        if deadline is None:
            self._socket.sendall(data)
            return
        if time.monotonic() >= deadline:
            raise TimeoutError
        while data:
            try:
                data = data[self._socket.send(data, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)

    def _wait(self, event: int, deadline: float | None) -> None:
        """Until the socket is ready; without a deadline the call that follows waits by itself."""
        if deadline is None:
            return
        left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(self._socket, event)
        if left <= 0 or not poll.poll(1000 * left):
            raise TimeoutError


def _split(lengths: Node, body: bytearray) -> list[memoryview]:
    """The body's buffers; each starts at a multiple of `ALIGNMENT`."""
    if type(lengths) is not list or not all(type(n) is int and 0 <= n <= BODY_BYTES for n in lengths):
        raise Closed("lengths of buffers that are none")
    view, start, parts = memoryview(body), 0, []
    for length in lengths:
        parts.append(view[start : start + length])
        start += length + -length % ALIGNMENT
    if start != len(body):
        raise Closed("buffers that do not fill the body")
    return parts
