"""Leaves of graphs that cross the wire, known on both sides of it.

The student's own parameters: a check may read, set or train them as if they were here. Whatever either side changes,
values or gradients, travels with its next message.

What a check's own functions hold: gradients find their way to it through the student's code, however often that
differentiates. It is lent: the student's side may add to its gradient, as `backward` does, and changes nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.grading.wire.values import Node, WireError

MOST = 10_000


@dataclass
class Leaf:
    """A shared tensor, and what the other side was last told of it."""

    tensor: Tensor
    data: Tensor
    grad: Tensor | None


class Leaves:
    """Shared leaves by number: whose they are numbers them, from 1 up, or from -1 down where they are lent."""

    def __init__(self, lends: bool) -> None:
        self._sign = -1 if lends else 1
        self._leaves: dict[int, Leaf] = {}
        self._numbers: dict[int, int] = {}

    def __getitem__(self, number: Node) -> Tensor:
        return self._leaves[number].tensor

    def number(self, tensor: Tensor) -> int | None:
        """The number of `tensor`, if it is shared."""
        return self._numbers.get(id(tensor))

    def lent(self, number: int) -> bool:
        """Whether this side lends the leaf of this number to the other."""
        return self._sign < 0 and number < 0

    def add(self, tensor: Tensor, number: int | None = None) -> int:
        """Share `tensor`."""
        if len(self._leaves) >= MOST:
            raise WireError(f"more than {MOST} parameters")
        number = self._sign * (1 + len(self._leaves)) if number is None else number
        self._leaves[number] = Leaf(tensor, tensor.detach().clone(), _copy(tensor.grad))
        self._numbers[id(tensor)] = number
        return number

    def learn(self, told: list[Node], value: Callable[[Node], Any]) -> None:
        """Take up the leaves that the other side has numbered: [number, data, gradient, is it a Parameter]."""
        for number, data, grad, parameter in told:
            tensor = value(data)
            tensor = nn.Parameter(tensor) if parameter is True else tensor.requires_grad_()
            tensor.grad = value(grad)
            if type(number) is not int or number * self._sign >= 0 or number in self._leaves:
                raise WireError("a parameter that is known already, or that is not the other side's")
            self.add(tensor, number)

    def tell(self, number: int, node: Callable[[Any], Node]) -> Node:
        """A leaf as `learn` takes it."""
        tensor = self._leaves[number].tensor
        return [number, node(tensor.detach()), node(_copy(tensor.grad)), isinstance(tensor, nn.Parameter)]

    def changes(self, node: Callable[[Any], Node]) -> list[Node]:
        """What has changed here since the other side was told: [number, data, gradient], each in a list if changed."""
        told = []
        for number, leaf in self._leaves.items():
            grad = leaf.tensor.grad
            new_data, new_grad = not _same(leaf.tensor, leaf.data), not _same(grad, leaf.grad)
            if new_data or new_grad:
                data = leaf.tensor.detach()
                told.append(
                    [number, [node(data)] if new_data else [], [node(_copy(grad))] if new_grad else []]
                )
                self._leaves[number] = Leaf(leaf.tensor, data.clone(), _copy(grad))
        return told

    def update(self, told: list[Node], value: Callable[[Node], Any]) -> None:
        """Take over the other side's changes."""
        for number, data, grad in told:
            leaf = self._leaves[number]
            for node in () if self.lent(number) else data:
                # Through `.data`: a graph that was built before stays usable, as the student's own one does.
                leaf.tensor.data.copy_(_like(value(node), leaf.tensor))
            for node in grad:
                new = value(node)
                leaf.tensor.grad = None if new is None else _like(new, leaf.tensor)
            self._leaves[number] = Leaf(leaf.tensor, leaf.tensor.detach().clone(), _copy(leaf.tensor.grad))


def ancestors(outputs: list[Tensor]) -> list[Tensor]:
    """The leaves that the graph of `outputs` ends in."""
    waiting = [tensor.grad_fn for tensor in outputs]
    seen, found = set(waiting), []
    while waiting:
        function = waiting.pop()
        if function is None:
            continue
        if hasattr(function, "variable"):
            found.append(function.variable)
        new = {parent for parent, _ in function.next_functions} - seen
        seen |= new
        waiting += new
    return found


def _copy(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach().clone()


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and torch.equal(one, other)  # False for other shapes


def _like(new: Any, tensor: Tensor) -> Tensor:
    if type(new) is not Tensor or new.shape != tensor.shape or new.dtype != tensor.dtype:
        raise WireError("a parameter changed its shape")
    return new
