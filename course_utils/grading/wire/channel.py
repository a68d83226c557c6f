"""Messages between two processes that do not trust each other.

A message is eight bytes (the lengths of header and body), a JSON header, and a body of raw tensor buffers. Every
length is checked before memory is taken for it, and every read has a deadline. What stands in one is `values`' affair.
"""

import json
import math
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from course_utils.grading.wire.values import ALIGNMENT, Node, WireError

HEADER_BYTES = 1 << 20
BODY_BYTES = 64 << 20
AHEAD = 1 << 17

# Made once: `json.dumps` with separators makes one at every call, and `json.loads` of bytes looks for their encoding.
_ENCODER, _DECODER = json.JSONEncoder(separators=(",", ":")), json.JSONDecoder()


class Closed(WireError):
    """The other side is gone, or talks no sense any more."""


class Late(WireError):
    """The deadline passed before the message was complete."""


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
        self._bounded = False  # whether a read ends by itself

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def send(
        self,
        header: dict[str, Any],
        buffers: list[memoryview],
        deadline: float | None = None,
        grace: Callable[[], float] | None = None,
    ) -> None:
        """Send one message.

        Args:
            header, buffers: What is said.
            deadline: Until when the other side must have taken what finds no room on the way (of `time.monotonic`).
            grace: Called if it has not; gives a later deadline, or raises `Late`.

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
            self._send(memoryview(struct.pack("!II", len(text), len(body)) + text + body), deadline, grace)
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
        lengths, deadline = self._exactly(8, deadline, grace)
        text_bytes, body_bytes = struct.unpack("!II", lengths)
        if text_bytes > HEADER_BYTES or body_bytes > BODY_BYTES:
            raise Closed(f"a message of {text_bytes} + {body_bytes} bytes is too long")
        text, deadline = self._exactly(text_bytes, deadline, grace)
        body, _ = self._exactly(body_bytes, deadline, grace)
        self.received += 8 + text_bytes + body_bytes
        try:
            header = _DECODER.decode(text.decode())
        except (ValueError, RecursionError):  # not UTF-8, or not JSON
            raise Closed("a header that is not JSON") from None
        if type(header) is not dict:
            raise Closed("a header that is no object")
        return header, _split(header.pop("buffers", []), body)

    def _exactly(
        self, count: int, deadline: float | None, grace: Callable[[], float] | None
    ) -> tuple[bytearray, float | None]:
        """So many bytes, and the deadline as `grace` has left it."""
        data = bytearray(self._ahead[:count])
        self._ahead = self._ahead[count:]
        while len(data) < count:
            try:
                self._read_until(deadline)
                # A system call costs more than copying a small message: what is there is read at once.
                got = self._socket.recv_into(self._read)
            except (TimeoutError, BlockingIOError):
                if grace is None:
                    raise Late("no answer in time") from None
                deadline = grace()
                continue
            except OSError as error:
                raise Closed(f"the other side is gone: {error.strerror}") from None
            if not got:
                raise Closed("the other side is gone")
            wanted = min(got, count - len(data))
            data += memoryview(self._read)[:wanted]
            self._ahead = bytes(memoryview(self._read)[wanted:got])
        return data, deadline

    def _send(self, data: memoryview, deadline: float | None, grace: Callable[[], float] | None) -> None:
        if deadline is None:
            self._socket.sendall(data)
            return
        while data:
            try:
                data = data[self._socket.send(data, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if self._writable(deadline):
                    continue
                if grace is None:
                    raise Late("the other side did not read in time") from None
                deadline = grace()

    def _read_until(self, deadline: float | None) -> None:
        """Let the read that follows end by itself at `deadline`: a poll before each costs more."""
        left = 0.0 if deadline is None else deadline - time.monotonic()  # 0: it waits for ever
        if deadline is not None and left <= 0:
            raise TimeoutError
        if left or self._bounded:
            bound = struct.pack("@ll", *divmod(math.ceil(1e6 * left), 1_000_000))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)
            self._bounded = left > 0

    def _writable(self, deadline: float) -> bool:
        """Wait until the socket takes more; whether it does."""
        left = deadline - time.monotonic()
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        return left > 0 and bool(poll.poll(1000 * left))


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
