"""Messages: what goes in comes out, what is not in order is refused before it costs anything."""

import json
import socket
import struct
import threading
import time

import numpy as np
import pytest
import torch

from course_utils.grading.wire.channel import BODY_BYTES, Channel, Closed, Late
from course_utils.grading.wire.values import DEPTH, Reader, WireError, Writer


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def there_and_back(value):
    writer = Writer()
    node = json.loads(json.dumps(writer.node(value)))
    return Reader([memoryview(bytearray(buffer)) for buffer in writer.buffers]).value(node)


def test_plain_values_survive():
    value = [
        None,
        True,
        1,
        -2.5,
        "ä",
        (1, (2,)),
        {"a": [1], (1, 2): "b"},
        {1, 2},
        1 + 2j,
        b"\x00x",
        slice(1, None),
        range(3),
    ]
    assert there_and_back(value) == value
    assert there_and_back(torch.Size([2, 3])) == torch.Size([2, 3])
    assert np.isnan(there_and_back(float("nan")))


@pytest.mark.parametrize("code", ["f4", "f8", "i8", "u1", "?", "c16", ">f4"])
def test_arrays_survive(code):
    array = np.arange(6).reshape(2, 3).astype(code)
    got = there_and_back(array)
    np.testing.assert_array_equal(got, array)
    assert there_and_back(array.T).shape == (3, 2)
    assert type(there_and_back(np.float32(2.5))) is np.float32


def test_expanded_and_strided_tensors_survive():
    for tensor in (
        torch.ones(1).expand(4),
        torch.zeros(()).expand(1),
        torch.arange(12).reshape(3, 4)[:, ::2],
    ):
        assert torch.equal(there_and_back(tensor), tensor)


class Liar(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize("value", [Liar(3), object(), lambda: 1, [[Liar(1)]], torch.ones(2).to_sparse()])
def test_what_is_not_plain_does_not_cross(value):
    with pytest.raises(WireError):
        Writer().node(value)


def test_depth_is_bounded():
    value = []
    value.append(value)
    with pytest.raises(WireError, match="nested"):
        Writer().node(value)
    node = 1
    for _ in range(DEPTH + 2):
        node = [node]
    with pytest.raises(WireError, match="nested"):
        Reader([]).value(node)


@pytest.mark.parametrize(
    "node",
    [
        {"tensor": ["float32", [2], 0]},  # eight bytes announced, four there
        {"tensor": ["float32", [1 << 39, 1 << 39], 0]},
        {"tensor": ["float32", [-1], 0]},
        {"tensor": ["float32", [True], 0]},
        {"tensor": ["float32", [1.0], 0]},
        {"tensor": ["object", [1], 0]},
        {"tensor": ["float32", [1], 7]},
        {"tensor": ["float32", [1], -1]},
        {"tensor": ["float32", [1] * 40, 0]},
        {"tensor": 3},
        {"array": ["O", [1], 0]},
        {"array": [["f4"], [1], 0]},
        {"dict": [[[1], 2]]},
        {"dict": [1, 2]},
        {"set": [[1]]},
        {"unknown": 1},
        {"tuple": 3},
        {"complex": ["a", 2]},
        {"range": [0, 1, 0]},
        {"dtype": "nothing"},
        {"a": 1, "b": 2},
        {},
    ],
)
def test_broken_nodes_are_refused(node):
    with pytest.raises(WireError):
        Reader([memoryview(bytearray(4))]).value(node)


def test_a_message_goes_through_whole(ends):
    a, b = Channel(ends[0]), Channel(ends[1])
    big = memoryview(bytearray(range(256)) * 20_000)
    sender = threading.Thread(target=a.send, args=({"x": 1}, [memoryview(b"abc"), big]))
    sender.start()
    header, buffers = b.receive(time.monotonic() + 20)
    sender.join()
    assert header == {"x": 1}
    assert [bytes(buffer) for buffer in buffers] == [b"abc", bytes(big)]


def test_too_much_is_refused_by_both_sides(ends):
    with pytest.raises(WireError, match="cannot be sent"):
        Channel(ends[0]).send({}, [memoryview(bytearray(BODY_BYTES + 1))])
    ends[0].sendall(struct.pack("!II", 10, BODY_BYTES + 1))
    with pytest.raises(Closed, match="too long"):
        Channel(ends[1]).receive(time.monotonic() + 5)


@pytest.mark.parametrize(
    "text", [b"no json", b"[1]", b"[" * 100_000, b'{"buffers": [9]}', b'{"buffers": [-1]}', b'{"buffers": 3}']
)
def test_nonsense_closes_the_channel(ends, text):
    sender = threading.Thread(target=ends[0].sendall, args=(struct.pack("!II", len(text), 0) + text,))
    sender.start()
    with pytest.raises(Closed):
        Channel(ends[1]).receive(time.monotonic() + 10)
    sender.join()


def test_a_slow_sender_is_cut_off(ends):
    stop = threading.Event()

    def drip():
        for _ in range(1000):
            if stop.is_set():
                return
            ends[0].send(b"\0")
            time.sleep(0.02)

    dripping = threading.Thread(target=drip)
    ends[0].sendall(struct.pack("!II", 1000, 0))
    dripping.start()
    start = time.monotonic()
    with pytest.raises(Late):
        Channel(ends[1]).receive(time.monotonic() + 0.3)
    stop.set()
    dripping.join()
    assert time.monotonic() - start < 5


def test_a_reader_that_does_not_read_is_cut_off(ends):
    with pytest.raises(Late):
        Channel(ends[0]).send({}, [memoryview(bytearray(32 << 20))], time.monotonic() + 0.3)


def test_what_finds_room_goes_through_however_late_it_is(ends):
    """Whoever is put to sleep between a look at the clock and the call has sent no less."""
    Channel(ends[0]).send({"n": 1}, [], time.monotonic() - 1)
    assert Channel(ends[1]).receive(time.monotonic() + 60)[0] == {"n": 1}


def test_a_reader_is_given_longer_within_a_message(ends):
    ours, theirs, asked = Channel(ends[0]), Channel(ends[1]), []

    def longer():
        asked.append("more time")
        return time.monotonic() + 60

    reader = threading.Timer(0.3, lambda: asked.append(theirs.receive()[0]["n"]))
    reader.start()
    ours.send({"n": 1}, [memoryview(bytearray(8 << 20))], time.monotonic() + 0.05, longer)
    reader.join()
    assert asked == ["more time", 1]


def test_a_sender_is_given_longer_within_a_message(ends):
    text = json.dumps({"n": 1, "buffers": []}).encode()
    ends[0].sendall(struct.pack("!II", len(text), 0) + text[:3])
    rest = threading.Timer(0.3, lambda: ends[0].sendall(text[3:]))
    rest.start()
    assert Channel(ends[1]).receive(time.monotonic() + 0.05, lambda: time.monotonic() + 60)[0] == {"n": 1}
    rest.join()


def test_a_closed_end_is_noticed(ends):
    ends[0].close()
    with pytest.raises(Closed):
        Channel(ends[1]).receive(time.monotonic() + 1)


def test_a_bound_of_one_read_does_not_outlast_it(ends):
    ours, theirs = Channel(ends[0]), Channel(ends[1])
    theirs.send({"n": 1}, [])
    assert ours.receive(time.monotonic() + 60)[0] == {"n": 1}
    with pytest.raises(Late):
        ours.receive(time.monotonic() + 0.01)
    with pytest.raises(Late):
        ours.receive(time.monotonic() - 1)
    got = []
    reader = threading.Thread(target=lambda: got.append(ours.receive()[0]))
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    theirs.send({"n": 2}, [])
    reader.join()
    assert got == [{"n": 2}]
