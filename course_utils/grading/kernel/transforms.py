"""A function of the trusted side within `torch.func`: grad, vjp, jvp, jacrev, jacfwd, hessian, vmap.

`torch.func` hands wrapped tensors to what it differentiates, and these cannot travel. An autograd function takes them
apart: its forward sees plain tensors and calls the other side with fresh leaves; its backward differentiates the graph
that this left behind, and is held the same way, so that it may be differentiated again; a batch is called one by one.

Source: PyTorch's notes "Extending torch.func with autograd.Function".
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from course_utils.grading.wire.leaves import ancestors

Call = Callable[..., Any]


def is_active() -> bool:
    """Whether this code is being transformed by `torch.func`."""
    return torch._C._are_functorch_transforms_active()


def transformed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `call(*args, **kwargs)` gives, under the transforms that are active.

    Its result may be a tensor, or tensors in tuples, lists and dictionaries. Gradients flow to the tensors in its
    arguments and, outside of the transforms, to the leaves that `call` holds itself.
    """
    given, form = tree_flatten((args, kwargs))
    places = [place for place, value in enumerate(given) if isinstance(value, Tensor)]
    forms: list[Any] = []

    def flat(*tensors: Tensor) -> list[Any]:
        values = list(given)
        for place, tensor in zip(places, tensors):
            values[place] = tensor
        again, named = tree_unflatten(values, form)
        results, result_form = tree_flatten(call(*again, **named))
        forms.append(result_form)
        return results

    piece, tensors = Piece(flat), [given[place] for place in places]
    Held.apply(piece, *tensors)  # only now it is known what else the outputs hang on
    results = Held.apply(Built(piece), *tensors, *piece.others())
    return tree_unflatten(list(results), forms[-1])


class Piece:
    """A piece of an ordinary graph, built on fresh leaves."""

    def __init__(self, make: Callable[..., list[Any]]):
        self._make = make
        self.leaves: tuple[Tensor, ...] = ()
        self.outputs: list[Any] = []
        self.parts: list[Piece] = []  # where it was built for each of a batch by itself

    def build(self, tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
        """The outputs for the leaves' values, without their history."""
        self.leaves = tuple(_leaf(tensor) for tensor in tensors)
        with torch.enable_grad():
            self.outputs = self._make(*self.leaves)
        return tuple(out.detach() if isinstance(out, Tensor) else out for out in self.outputs)

    def part(self, index: int, batched: list[bool]) -> "Piece":
        """The piece for one of a batch; `batched` says which of its inputs are the batch's."""
        return Piece(self._make)

    def others(self) -> list[Tensor]:
        """The leaves that the outputs hang on beside the piece's own."""
        own = {id(leaf) for piece in (self, *self.parts) for leaf in piece.leaves}
        outputs = [out for piece in (self, *self.parts) for out in piece.outputs if _has_history(out)]
        inner = [leaf for part in self.parts for leaf in part.others()]
        found = {id(leaf): leaf for leaf in [*ancestors(outputs), *inner] if id(leaf) not in own}
        return list(found.values())


class Built(Piece):
    """A piece that stands already: the values of its leaves come again, and those of the other leaves after them."""

    def __init__(self, of: Piece):
        super().__init__(lambda *_: of.outputs)
        self._of = of

    def build(self, tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
        """The outputs as they are."""
        outputs = super().build(())
        others = tensors[len(self._of.leaves) :]
        self.leaves = (*self._of.leaves, *others)
        return outputs

    def part(self, index: int, batched: list[bool]) -> Piece:
        """The part that stands for one of the batch."""
        return Built(self._of.parts[index]) if any(batched) else self


class Gradients(Piece):
    """The gradients of a piece's leaves from those of its outputs: it takes the latter, then the leaves' values."""

    def __init__(self, of: Piece):
        super().__init__(self._gradients)
        self._of = of

    def build(self, tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
        """The leaves are those of the piece: its graph hangs on them."""
        earlier = self._of.leaves
        outputs = super().build(tensors[: len(tensors) - len(earlier)])
        self.leaves = (*self.leaves, *earlier)
        return outputs

    def part(self, index: int, batched: list[bool]) -> Piece:
        """Where the leaves are the batch's, the piece was built for each by itself."""
        parts = self._of.parts
        return Gradients(parts[index] if parts and any(batched[len(self._of.outputs) :]) else self._of)

    def _gradients(self, *grads: Tensor) -> list[Tensor]:
        known = [(out, grad) for out, grad in zip(self._of.outputs, grads) if _has_history(out)]
        leaves = self._of.leaves
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        found: tuple[Tensor | None, ...] = ()
        if known and wanted:
            outputs, given = zip(*known)
            found = torch.autograd.grad(outputs, wanted, given, create_graph=True, allow_unused=True)
        by_leaf = {id(leaf): gradient for leaf, gradient in zip(wanted, found) if gradient is not None}
        return [by_leaf.get(id(leaf), torch.zeros_like(leaf)) for leaf in leaves]


class Held(torch.autograd.Function):
    """A piece of an ordinary graph, as `torch.func` sees it."""

    @staticmethod
    def forward(piece: Piece, *tensors: Tensor) -> tuple[Any, ...]:
        """Build it on plain tensors."""
        return piece.build(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the piece, and the inputs that a further derivative is taken by."""
        ctx.piece = inputs[0]
        ctx.outputs = output
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        """The gradients of its inputs."""
        return None, *Held.apply(Gradients(ctx.piece), *grads, *ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> tuple[Any, ...]:
        """The outputs' tangents: gradients are linear in what they start from, and its gradient turns them around."""
        inputs = ctx.saved_tensors
        start = [torch.zeros_like(out) if isinstance(out, Tensor) else out for out in ctx.outputs]
        moves = [torch.zeros_like(x) if move is None else move for x, move in zip(inputs, tangents)]
        gradients = Gradients(ctx.piece)
        Held.apply(gradients, *start, *inputs)
        return Held.apply(Gradients(gradients), *moves, *start, *inputs)[: len(start)]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], piece: Piece, *tensors: Tensor) -> tuple[Any, ...]:
        """One of the batch after another."""
        dims = in_dims[1:]
        batched = [dim is not None for dim in dims]
        piece.parts = [piece.part(index, batched) for index in range(info.batch_size)]
        each = [Held.apply(part, *_row(tensors, dims, index)) for index, part in enumerate(piece.parts)]
        piece.outputs = list(each[0])
        stacked = [
            torch.stack(column) if isinstance(column[0], Tensor) else column[0] for column in zip(*each)
        ]
        return tuple(stacked), tuple(0 if isinstance(out, Tensor) else None for out in stacked)


def _row(tensors: tuple[Tensor, ...], dims: tuple[Any, ...], index: int) -> list[Tensor]:
    return [tensor if dim is None else tensor.select(dim, index) for tensor, dim in zip(tensors, dims)]


def _leaf(tensor: Tensor) -> Tensor:
    leaf = tensor.detach()
    return leaf.requires_grad_() if leaf.is_floating_point() else leaf


def _has_history(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad
