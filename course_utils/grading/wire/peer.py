"""Calls between two processes, in both directions, with gradients.

Both sides are peers: the check calls the student's function, which may call back the function that it was given. A
tensor that requires grad arrives as a leaf there; what comes back carries a function whose backward asks the other
side for `torch.autograd.grad` of the graph that it kept.
"""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_utils.grading.wire.channel import Channel, Closed, Late
from course_utils.grading.wire.leaves import Leaves, ancestors
from course_utils.grading.wire.message import Incoming, Outgoing, take_over
from course_utils.grading.wire.values import Node, WireError


class Graph(NamedTuple):
    """What a call leaves behind for its backward."""

    outputs: list[Tensor]
    inputs: list[Tensor]


class Peer:
    """One end of the wire. Subclasses say what they offer, and how what is not plain travels."""

    lends = True  # its own leaves: the other side knows them, and cannot change what is in them
    grace: Callable[[], float] | None = (
        None  # when the other side is late: gives a later deadline, or raises Late
    )
    caught: tuple[type[BaseException], ...] = (Exception,)

    def __init__(self, channel: Channel):
        self.channel = channel
        # Every remote call hangs on it, so that its backward runs even where only the other side knows for what.
        self.anchor = torch.zeros((), requires_grad=True)
        self.forget()
        self.tags = Incoming.TAGS | self.foreign_tags()
        self._serving: list[Incoming] = []
        self._numbers = itertools.count(1)

    def forget(self) -> None:
        """Drop everything that was kept for the other side."""
        self.graphs: dict[int, Graph] = {}
        self.leaves = Leaves(lends=self.lends)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Peer":
        """A copy of what speaks over the wire speaks over the same."""
        return self

    def __reduce__(self) -> Any:
        """Refused in words: whoever pickles a check's function meets this end of the wire in it."""
        raise TypeError("what a check hands over lives in another process and cannot be pickled; call it")

    def is_own(self, leaf: Tensor) -> bool:
        """Whether a leaf is ours to share: not one that stands for a tensor of a request being served."""
        return not any(leaf is given for reader in self._serving for given in reader.inputs)

    # What subclasses say

    def deadline(self) -> float | None:
        """When the other side must have answered, by `time.monotonic`."""
        return None

    def foreign_node(self, value: Any, writer: Outgoing) -> Node:
        """The node of a value that is not plain."""
        raise WireError(f"a {type(value).__name__} cannot be sent")

    def foreign_tags(self) -> dict[str, Callable[[Incoming, Any], Any]]:
        """How further tags are read: functions of a message and of what the tag holds."""
        return {}

    def operate(self, op: str, args: list[Any]) -> Any:
        """Do what the other side asks."""
        raise WireError(f"an unknown request {op[:20]!r}")

    def describe(self, error: BaseException) -> dict[str, Node]:
        """An error as the other side is told of it."""
        raise error

    def failure(self, told: Node) -> BaseException:
        """The error that the other side told of."""
        return WireError("an error without a description")

    def with_request(self, writer: Outgoing) -> dict[str, Node]:
        """Further fields of a request."""
        return {}

    def take_request(self, header: dict[str, Node], reader: Incoming) -> None:
        """Read what `with_request` wrote."""

    # Asking

    def ask(self, op: str, *args: Any, through: tuple[Tensor, ...] = (), copies: bool = False) -> Any:
        """Ask the other side.

        `through` are tensors beside those in `args` that the answer's gradients flow to. With `copies` the other side
        works on copies of tensors; without, what it does to them in place is done to the ones here too.
        """
        writer = Outgoing(self, asking=True)
        header = {"op": op, "n": next(self._numbers), "grad": torch.is_grad_enabled(), "copies": copies}
        header |= {"args": [writer.node(arg) for arg in args], "changes": self.leaves.changes(writer.plain)}
        self.channel.send(header | self.with_request(writer), writer.buffers, self.deadline(), self.grace)
        while True:
            answer, buffers = self.channel.receive(self.deadline(), self.grace)
            if "op" in answer:
                self.serve(answer, buffers)
            elif answer.get("re") == header["n"]:
                return self._answer(answer, buffers, [*through, *writer.inputs], writer.sent)
            else:
                raise Closed("an answer that nobody asked for")

    def _answer(
        self,
        answer: dict[str, Node],
        buffers: list[memoryview],
        inputs: list[Tensor],
        sent: dict[int, Any],
    ) -> Any:
        reader = Incoming(self, buffers)
        reader.copies = True  # what is done to it here is nobody's affair there
        try:
            for index, content in answer.get("changed", []):
                take_over(sent[index], reader.value(content))
            self.leaves.learn(answer.get("leaves", []), reader.value)
            self.leaves.update(answer.get("changes", []), reader.value)
            failure = self.failure(answer["error"]) if "error" in answer else None
            if answer.get("outputs"):
                # Several outputs must not be views of one buffer: autograd lets nobody work on such in place.
                outputs = [reader.value(node).clone() for node in answer["outputs"]]
                leaves = [self.leaves[number] for number in answer["through"]]
                reader.outputs = list(
                    Remote.apply((self, answer["graph"]), outputs, self.anchor, *inputs, *leaves)
                )
            value = reader.value(answer.get("value"))
        except WireError:
            raise
        except Exception as error:
            raise WireError(f"a broken answer: {str(error)[:100]}") from None
        if failure is not None:
            raise failure
        return value

    def gradients(self, graph: Node, grads: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> list[Any]:
        """The gradients of a call that the other side did, by `inputs`; None where it does not depend on one."""
        again = torch.is_grad_enabled()  # the gradients themselves are to be differentiated
        found = self.ask("gradients", graph, list(grads), again, through=inputs if again else ())
        if type(found) is not list or len(found) != len(inputs):
            raise WireError("gradients of another number of inputs")
        for gradient, tensor in zip(found, inputs):
            if gradient is not None and (not isinstance(gradient, Tensor) or gradient.shape != tensor.shape):
                raise WireError("a gradient of another shape")
        return found

    # Serving

    def serve(self, header: dict[str, Node], buffers: list[memoryview]) -> None:
        """Do one request and send the answer."""
        reader, writer = Incoming(self, buffers), Outgoing(self, asking=False)
        answer: dict[str, Node] = {"re": header.get("n")}
        self._serving.append(reader)
        try:
            with torch.set_grad_enabled(header.get("grad") is True):
                self._do(header, reader, writer, answer)
            self.channel.send(answer, writer.buffers, self.deadline(), self.grace)
        except (Late, Closed):
            raise  # the wire's own: told as an error of the function, the other side could take it for one
        except self.caught as error:
            told = {"re": header.get("n"), "error": self.describe(error)}
            self.channel.send(told, [], self.deadline(), self.grace)
        finally:
            self._serving.pop()

    def _do(
        self, header: dict[str, Node], reader: Incoming, writer: Outgoing, answer: dict[str, Node]
    ) -> None:
        self.take_request(header, reader)
        reader.copies = header.get("copies") is True
        self.leaves.update(header.get("changes", []), reader.value)
        args = [reader.value(node) for node in header["args"]]
        if header["op"] == "gradients":
            value, through = self._gradients(*args)
        else:
            value, through = self.operate(header["op"], args), []
        answer["value"] = writer.node(value)
        if writer.outputs:
            answer |= self._keep(writer, [*through, *reader.inputs])
        if not reader.copies and (changed := reader.changed(writer)):
            answer["changed"] = changed
        answer["leaves"] = writer.new_leaves
        told = {number for number, *_ in writer.new_leaves}
        answer["changes"] = [change for change in self.leaves.changes(writer.plain) if change[0] not in told]

    def _keep(self, writer: Outgoing, inputs: list[Tensor]) -> dict[str, Node]:
        """Keep the graph of an answer's outputs."""
        known = {id(tensor) for tensor in [self.anchor, *inputs]}
        found = [leaf for leaf in ancestors(writer.outputs) if id(leaf) not in known]
        shared = [(leaf, writer.leaf(leaf)) for leaf in found]
        through = [(leaf, number) for leaf, number in shared if number is not None]
        graph = len(self.graphs)
        self.graphs[graph] = Graph(list(writer.outputs), inputs + [leaf for leaf, _ in through])
        nodes = [writer.plain(tensor) for tensor in writer.outputs]
        return {"graph": graph, "outputs": nodes, "through": [number for _, number in through]}

    def _gradients(self, number: Node, grads: list[Tensor], again: bool) -> tuple[list[Any], list[Tensor]]:
        graph = self.graphs[number]
        wanted = [*graph.inputs, self.anchor]
        with torch.enable_grad():
            found = torch.autograd.grad(
                graph.outputs, wanted, grads, retain_graph=True, create_graph=again, allow_unused=True
            )
        return list(found[:-1]), graph.inputs


class Remote(torch.autograd.Function):
    """A call that the other side has done."""

    @staticmethod
    def forward(
        ctx: Any, call: tuple[Peer, Node], outputs: list[Tensor], anchor: Tensor, *inputs: Tensor
    ) -> tuple[Tensor, ...]:
        """Hand out the outputs.

        The other side has values of its own to differentiate: whoever works on an input in place afterwards harms
        nothing, unless the gradients are to be differentiated once more.
        """
        ctx.call, ctx.inputs = call, inputs
        ctx.versions = [tensor._version for tensor in inputs]
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        """Ask for the inputs' gradients."""
        peer, graph = ctx.call
        if torch.is_grad_enabled() and ctx.versions != [tensor._version for tensor in ctx.inputs]:
            raise RuntimeError(
                "an input of a call was modified in place, and its gradient is to be differentiated"
            )
        return None, None, None, *peer.gradients(graph, grads, ctx.inputs)
