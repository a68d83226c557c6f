"""A message between two peers: what of its tensors and arrays has a history, is shared, or was worked on in place."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.grading.wire.values import Node, Reader, WireError, Writer

if TYPE_CHECKING:
    from course_utils.grading.wire.peer import Peer

Value = TypeVar("Value", Tensor, np.ndarray)


class Outgoing(Writer):
    """A message being written: tensors with a history are noted as inputs (of a request) or outputs (of an answer)."""

    def __init__(self, peer: "Peer", asking: bool):
        super().__init__(lambda value: peer.foreign_node(value, self))
        self._peer, self._asking = peer, asking
        self.inputs: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.new_leaves: list[Node] = []
        self.sent: dict[int, Tensor | np.ndarray] = {}  # by buffer: what was sent by value

    def tensor(self, tensor: Tensor) -> Node:
        """A plain tensor by value; a shared leaf by number; one with a history as input or output."""
        if not tensor.requires_grad:
            return self._by_value(tensor)
        number = self.leaf(tensor)
        if number is not None:
            return {"leaf": number}
        if self._asking:
            return self._input(tensor) if torch.is_grad_enabled() else super().tensor(tensor)
        return {"output": _place(tensor, self.outputs)}

    def leaf(self, tensor: Tensor) -> int | None:
        """The number of a leaf that is shared, or is to be shared from now on.

        What is only lent goes out as an input when it is an argument: the other side may work on that.
        """
        leaves = self._peer.leaves
        number = leaves.number(tensor)
        if self._asking:
            return None if number is not None and leaves.lent(number) else number
        if number is None and tensor.is_leaf and self._peer.is_own(tensor):
            number = leaves.add(tensor)
            self.new_leaves.append(leaves.tell(number, self.plain))
        return number

    def plain(self, value: Any) -> Node:
        """The node of a tensor without history, or of None."""
        return None if value is None else super().tensor(value)

    def _input(self, tensor: Tensor) -> Node:
        known = len(self.inputs)
        place = _place(tensor, self.inputs)
        content = self._by_value(tensor) if place == known else None
        return {"input": [place, tensor.is_leaf, isinstance(tensor, nn.Parameter), content]}

    def _by_value(self, tensor: Tensor) -> Node:
        node = super().tensor(tensor)
        self.sent[node["tensor"][-1]] = tensor
        return node

    def _array(self, array: np.ndarray) -> Node:
        content = super()._array(array)
        self.sent[content[-1]] = array
        return content


class Incoming(Reader):
    """A message being read."""

    copies = False  # inputs with gradients arrive as copies, which may be worked on in place

    def __init__(self, peer: "Peer", buffers: list[memoryview]):
        super().__init__(buffers)
        self._peer = peer
        self.inputs: list[Tensor] = []
        self._passed: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.read: dict[int, Tensor | np.ndarray] = {}  # by buffer: what came by value
        self._came: dict[int, bytes] = {}  # by buffer: what was in it then

    def foreign(self) -> dict[str, Callable[[Any, Any], Any]]:
        """Tensors with a history, and what the peer reads."""
        return self._peer.tags

    def _output(self, place: Node) -> Tensor:
        return self.outputs[place]

    def _input(self, content: Node) -> Tensor:
        place, leaf, parameter, node = content
        if node is None:
            return self._passed[place]
        tensor = self.value(node).requires_grad_()
        tensor = nn.Parameter(tensor.detach()) if parameter is True else tensor
        self.inputs.append(tensor)
        itself = parameter is True or (leaf is True and not self.copies)
        self._passed.append(tensor if itself else tensor.clone())
        self.read[node["tensor"][-1]] = self._passed[-1]
        return self._passed[-1]

    def _tensor(self, content: Node) -> Tensor:
        return self._noted(super()._tensor(content), content[-1])

    def _array(self, content: Node) -> np.ndarray:
        return self._noted(super()._array(content), content[-1])

    def _noted(self, value: Value, index: int) -> Value:
        if not self.copies:
            self.read[index], self._came[index] = value, bytes(self._raw(index))
        return value

    TAGS: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {
        "leaf": lambda reader, number: reader._peer.leaves[number],
        "input": _input,
        "output": _output,
    }

    def changed(self, writer: Outgoing) -> list[Node]:
        """What has been worked on in place since it was read: [buffer, content].

        The bytes are compared: autograd's versions know nothing of work through `.data` or on an array.
        """
        found = ((index, value) for index, value in self.read.items() if _bytes(value) != self._came[index])
        return [[index, writer.node(_detached(value))] for index, value in found]


def take_over(value: Tensor | np.ndarray, new: Any) -> None:
    """Do to a tensor or array what the other side has done to its copy in place."""
    if type(new) is not type(_detached(value)) or new.shape != value.shape or new.dtype != value.dtype:
        raise WireError("an input changed its shape")
    if isinstance(value, Tensor):
        with torch.no_grad():
            value.copy_(new)
    elif value.flags.writeable:
        value[...] = new


def _detached(value: Any) -> Any:
    """A tensor without its history, and no parameter; anything else as it is."""
    return value.detach() if isinstance(value, Tensor) else value


def _bytes(value: Tensor | np.ndarray) -> bytes:
    """What is in a tensor or an array, as it travels."""
    writer = Writer()
    writer.node(_detached(value))
    return bytes(writer.buffers[0])


def _place(tensor: Tensor, among: list[Tensor]) -> int:
    """The index of this very tensor in a list; it is appended if it is not there."""
    for place, other in enumerate(among):
        if other is tensor:
            return place
    among.append(tensor)
    return len(among) - 1
