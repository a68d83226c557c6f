"""A function of the trusted side within `torch.func`: grad, vjp, jvp, jacrev, jacfwd, hessian, vmap.

`torch.func` hands wrapped tensors to what it differentiates, and these cannot travel. An autograd function takes them
apart: its forward sees plain tensors and calls the other side with fresh leaves; its backward differentiates the graph
that this left behind, and is held the same way, so that it may be differentiated again. A batch is one call, as in a
notebook, where the other side can do that, and otherwise a call for each.

Source: PyTorch's notes "Extending torch.func with autograd.Function".
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_utils.grading.wire.batches import apart
from course_utils.grading.wire.leaves import ancestors

Call = Callable[..., Any]


def is_active() -> bool:
    """Whether this code is being transformed by `torch.func`."""
    return torch._C._are_functorch_transforms_active()


def transformed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `call(args, kwargs)` gives, under the transforms that are active.

    `call(args, kwargs, randomness)` gives the same for batches, as `over_batches` says. The result may be a tensor, or
    tensors in tuples, lists and dictionaries. Gradients flow to the tensors in its
    arguments and, outside of the transforms, to the leaves that `call` holds itself.
    """
    tensors, together = apart((args, kwargs))
    forms: list[Callable[..., Any]] = []

    def flat(tensors: tuple[Tensor, ...], randomness: tuple[str, ...]) -> list[Tensor]:
        again, named = together(tensors)
        results, form = apart(call(again, named, randomness))
        forms.append(form)
        return results

    piece = Piece(flat)
    Held.apply(piece, *tensors)  # only now it is known what else the outputs hang on
    others = piece.others()
    results = Held.apply(Built(piece, len(others)), *tensors, *others)
    return forms[-1](results)


class Piece:
    """A piece of an ordinary graph, built on fresh leaves."""

    def __init__(self, make: Callable[..., list[Tensor]], randomness: tuple[str, ...] = ()):
        """`make(leaves, randomness)` gives the outputs."""
        self._make, self._randomness = make, randomness
        self.leaves: tuple[Tensor, ...] = ()
        self.outputs: list[Tensor] = []
        self.whole: Piece | None = None  # where it was built for a batch at once
        self.parts: list[Piece] = []  # where it was built for each of a batch by itself

    def build(self, tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
        """The outputs for the leaves' values, without their history."""
        self.leaves = tuple(_leaf(tensor) for tensor in tensors)
        with torch.enable_grad():
            self.outputs = self._make(self.leaves, self._randomness)
        return tuple(out.detach() for out in self.outputs)

    def of_batch(self, batched: list[bool], randomness: str) -> "Piece | None":
        """The piece for a batch at once, if there is one; `batched` says which of its inputs are the batch's."""
        return Piece(self._make, (*self._randomness, randomness))

    def part(self, index: int, batched: list[bool]) -> "Piece":
        """The piece for one of a batch."""
        return Piece(self._make, self._randomness)

    def common_inputs(self, count: int) -> list[bool]:
        """Which of its `count` inputs a batch has in common."""
        return [False] * count

    def common_outputs(self) -> list[bool]:
        """Which of its outputs a batch has in common."""
        return [False] * len(self.outputs)

    def others(self) -> list[Tensor]:
        """The leaves that the outputs hang on beside the piece's own."""
        if self.whole is not None:
            return self.whole.others()
        own = {id(leaf) for piece in (self, *self.parts) for leaf in piece.leaves}
        outputs = [out for piece in (self, *self.parts) for out in piece.outputs if out.requires_grad]
        inner = [leaf for part in self.parts for leaf in part.others()]
        found = {id(leaf): leaf for leaf in [*ancestors(outputs), *inner] if id(leaf) not in own}
        return list(found.values())


class Built(Piece):
    """A piece that stands already: the values of its leaves come again, and those of the other leaves after them."""

    def __init__(self, of: Piece, others: int):
        super().__init__(lambda *_: of.outputs)
        self._of, self._others = of, others

    def build(self, tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
        """The outputs as they are."""
        outputs = super().build(())
        others = tensors[len(self._of.leaves) :]
        self.leaves = (*self._of.leaves, *others)
        return outputs

    def of_batch(self, batched: list[bool], randomness: str) -> Piece | None:
        """What stands for the batch."""
        return self._of.whole and Built(self._of.whole, self._others)

    def part(self, index: int, batched: list[bool]) -> Piece:
        """The part that stands for one of the batch."""
        return Built(self._of.parts[index], self._others) if any(batched) else self

    def common_inputs(self, count: int) -> list[bool]:
        """The other leaves are nobody's of the batch."""
        return [place >= count - self._others for place in range(count)]


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

    def of_batch(self, batched: list[bool], randomness: str) -> Piece | None:
        """Where the leaves are the batch's, the piece may have been built for it at once."""
        whole = self._of.whole if any(batched[len(self._of.outputs) :]) else None
        return whole and Gradients(whole)

    def part(self, index: int, batched: list[bool]) -> Piece:
        """Where the leaves are the batch's, the piece was built for each by itself."""
        parts = self._of.parts
        return Gradients(parts[index] if parts and any(batched[len(self._of.outputs) :]) else self._of)

    def common_inputs(self, count: int) -> list[bool]:
        """As the piece's outputs and inputs."""
        return [*self._of.common_outputs(), *self._of.common_inputs(count - len(self._of.outputs))]

    def common_outputs(self) -> list[bool]:
        """As the piece's inputs."""
        return self._of.common_inputs(len(self.outputs))

    def _gradients(self, grads: tuple[Tensor, ...], _: tuple[str, ...]) -> list[Tensor]:
        known = [(out, grad) for out, grad in zip(self._of.outputs, grads) if out.requires_grad]
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
        start = [torch.zeros_like(out) for out in ctx.outputs]
        moves = [torch.zeros_like(x) if move is None else move for x, move in zip(inputs, tangents)]
        gradients = Gradients(ctx.piece)
        Held.apply(gradients, *start, *inputs)
        return Held.apply(Gradients(gradients), *moves, *start, *inputs)[: len(start)]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], piece: Piece, *tensors: Tensor) -> tuple[Any, ...]:
        """All of the batch at once, or one after another."""
        dims = in_dims[1:]
        whole = piece.of_batch([dim is not None for dim in dims], info.randomness)
        if whole is None:
            return _one_by_one(piece, info.batch_size, dims, tensors)
        try:
            return _at_once(piece, whole, info.batch_size, dims, tensors)
        except Exception:
            if type(piece) is not Piece:
                raise
            return _one_by_one(
                piece, info.batch_size, dims, tensors
            )  # it asks for numbers, draws, calls back


def _at_once(
    piece: Piece, whole: Piece, size: int, dims: tuple[Any, ...], tensors: tuple[Tensor, ...]
) -> tuple[Any, ...]:
    common = piece.common_inputs(len(tensors))
    given = [x if same else _front(x, dim, size) for x, dim, same in zip(tensors, dims, common)]
    piece.outputs = list(Held.apply(whole, *given))
    piece.whole = whole
    places = (None if same else 0 for same in piece.common_outputs())
    return tuple(piece.outputs), tuple(places)


def _one_by_one(
    piece: Piece, size: int, dims: tuple[Any, ...], tensors: tuple[Tensor, ...]
) -> tuple[Any, ...]:
    batched = [dim is not None for dim in dims]
    piece.parts = [piece.part(index, batched) for index in range(size)]
    each = [Held.apply(part, *_row(tensors, dims, index)) for index, part in enumerate(piece.parts)]
    piece.outputs = list(each[0])
    return tuple(torch.stack(column) for column in zip(*each)), tuple(0 for _ in each[0])


def _front(tensor: Tensor, dim: int | None, size: int) -> Tensor:
    """The batch's axis first; what the batch has in common stands there once for each."""
    return tensor.expand(size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)


def _row(tensors: tuple[Tensor, ...], dims: tuple[Any, ...], index: int) -> list[Tensor]:
    return [tensor if dim is None else tensor.select(dim, index) for tensor, dim in zip(tensors, dims)]


def _leaf(tensor: Tensor) -> Tensor:
    leaf = tensor.detach()
    return leaf.requires_grad_() if leaf.is_floating_point() else leaf
