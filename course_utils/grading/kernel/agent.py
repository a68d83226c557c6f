"""The student's side of the wire: it runs the student's cells, and calls their functions for the trusted side.

This code lives in the same process as the student's and may be taken over by it. Nothing depends on its honesty: it
only ever answers.
"""

import importlib
import inspect
import itertools
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, GeneratorType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils.checks.student import with_gradients_as_they_were
from course_utils.grading.kernel.shell import CellShell, own_line, text_of
from course_utils.grading.kernel.transforms import is_active, transformed
from course_utils.grading.wire.channel import Channel
from course_utils.grading.wire.peer import Incoming, Outgoing, Peer
from course_utils.grading.wire.values import Node, WireError

EAGER = 10_000  # items of a module's parameters, or of an iterator, that are sent at once


class Agent(Peer):
    """Serves the trusted side until it hangs up."""

    lends = False
    caught = (Exception, KeyboardInterrupt, SystemExit)

    def __init__(self, channel: Channel, shell: CellShell):
        super().__init__(channel)
        self._shell, self._working = shell, False
        self._one_at_a_time = threading.RLock()  # the student's code may call from threads of its own
        self._operations = self._offered(shell.user_ns)

    def run(self) -> None:
        """Serve requests, one after another. Ctrl-C reaches the student's code and nothing else."""
        signal.signal(signal.SIGINT, self._interrupted)
        while True:
            self.serve(*self.channel.receive())

    def _interrupted(self, number: int, frame: Any) -> None:
        if self._working:
            raise KeyboardInterrupt

    def ask(self, op: str, *args: Any, through: tuple[Tensor, ...] = (), copies: bool = False) -> Any:
        """Ask the trusted side, one thread after another."""
        with self._one_at_a_time:
            return super().ask(op, *args, through=through, copies=copies)

    def forget(self) -> None:
        """Drop everything that was kept for the other side."""
        super().forget()
        self._handles: dict[int, Any] = {}

    def operate(self, op: str, args: list[Any]) -> Any:
        """The requests that the trusted side makes."""
        outer, self._working = self._working, True
        try:
            return self._operations[op](*args)
        finally:
            self._working = outer
            if op == "cell" and signal.getsignal(signal.SIGINT) != self._interrupted:  # it has set its own
                signal.signal(signal.SIGINT, self._interrupted)

    def _offered(self, names: dict[str, Any]) -> dict[str, Callable[..., Any]]:
        return {
            "cell": self._shell.run,
            "defined": lambda name: name in names,
            "find": lambda name: [names[name]] if name in names else [],
            "bind": names.__setitem__,
            "unbind": names.__delitem__,
            "get": self._get,
            "set": setattr,
            "call": _call,
            "method": lambda target, name, given, named: _call(getattr(target, name), given, named),
            "item": lambda target, index: target[index],
            "length": len,
            "iterate": lambda target: Handle(iter(target)),
            "next": lambda target, count: list(itertools.islice(target, min(count, EAGER))),
            "read": lambda name: Path(name).read_bytes(),
            "write": lambda name, data: Path(name).write_bytes(data),
        }

    def _get(self, target: Any, name: str) -> Any:
        value = getattr(target, name)
        return Handle(value) if callable(value) else value

    # How the student's own kinds of value travel

    def foreign_node(self, value: Any, writer: Outgoing) -> Node:
        """Subclasses of plain types travel as these; the rest stays here and travels as a handle."""
        if isinstance(value, RemoteModule):
            return {"module": [value.number, writer.node(dict(value.named_parameters()))]}
        if isinstance(value, Callback):
            return {"callback": value.number}
        if isinstance(value, Handle):
            return self._handle(value.value)
        if isinstance(value, Eager):
            return {"iterator": writer.node(list(value))}
        if isinstance(value, Tensor):
            return writer.tensor(value if isinstance(value, nn.Parameter) else value.as_subclass(Tensor))
        for base in (np.ndarray, dict, int, float, str):
            if isinstance(value, base):
                return writer.node(_as(base, value))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            number, *_ = self._handle(value)["handle"]  # where it goes back, its names are there again
            return {"named": [number, writer.node(tuple(value))]}
        if isinstance(value, list | tuple):
            return writer.node(list(value) if isinstance(value, list) else tuple(value))
        return self._handle(value)

    def _handle(self, value: Any) -> Node:
        number = len(self._handles)
        self._handles[number] = value
        return {"handle": [number, type(value).__name__, callable(value), isinstance(value, nn.Module)]}

    def foreign_tags(self) -> dict[str, Callable[[Incoming, Any], Any]]:
        """What only the trusted side sends."""
        return {
            "own": lambda reader, number: self._handles[number],
            "library": lambda reader, path: _attribute(*path),
            "function": lambda reader, told: Callback(self, *told),
            "module": lambda reader, told: RemoteModule(self, told[0], told[1], reader.value(told[2])),
            "counter": lambda reader, node: Counter(reader.value(node)),
            "dataset": lambda reader, node: TensorDataset(*reader.value(node)),
            "loader": lambda reader, told: DataLoader(
                reader.value(told[0]), batch_size=told[1], shuffle=told[2]
            ),
            "generator": lambda reader, node: _generator(reader.value(node)),
            "parameter": lambda reader, node: nn.Parameter(reader.value(node), requires_grad=False),
        }

    def take_request(self, header: dict[str, Node], reader: Incoming) -> None:
        """A new check finds nothing of the one before; one that seeds PyTorch seeds it here too."""
        if header.get("forget") is True:
            self.forget()
        if header.get("random") is not None:
            torch.set_rng_state(
                torch.frombuffer(bytearray(reader.value(header["random"])), dtype=torch.uint8)
            )

    def describe(self, error: BaseException) -> dict[str, Node]:
        """Class names, text and the student's own line."""
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind is not object]
        return {"kinds": kinds, "text": text_of(error), "line": own_line(error, self._shell)}

    def failure(self, told: Node) -> BaseException:
        """An error of the function that the check passed in."""
        kind = {"ValueError": ValueError, "TypeError": TypeError}.get(told["kind"], RuntimeError)
        return kind(told["text"])


class Handle:
    """A value that stays here even where it could travel."""

    def __init__(self, value: Any):
        self.value = value


class Eager(list):
    """An iterator's values, sent at once."""


class Callback:
    """A function of the trusted side."""

    def __init__(self, peer: Peer, number: int, name: str):
        self._peer, self.number, self.__name__ = peer, number, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it over there; gradients flow through, within `torch.func` too."""
        return transformed(self._ask, args, kwargs) if is_active() else self._ask(args, kwargs)

    def _ask(self, args: tuple[Any, ...], kwargs: dict[str, Any], *batches: tuple[str, ...]) -> Any:
        return self._peer.ask("callback", self.number, list(args), kwargs, *map(list, batches))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Callback":
        """A function's copy is the function itself."""
        return self

    @property
    def __signature__(self) -> inspect.Signature:
        """Its parameters, for `inspect`; of a default value only that there is one."""
        told = self._peer.ask("signature", self.number)
        empty = inspect.Parameter.empty
        return inspect.Signature(
            [inspect.Parameter(name, kind, default=... if default else empty) for name, kind, default in told]
        )


class Part(nn.Module):
    """A part of a module that the check passed in: it holds its parameters."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            raise AttributeError(
                f"a module that a check hands over has no `{name}` at marking: call it and use its parameters"
            ) from None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Only the whole module's can be asked for."""
        raise TypeError(
            "a module that a check hands over can be called at marking as a whole, its parts cannot"
        )


class RemoteModule(Part):
    """A module that the check passed in: its parameters are copies here, its forward is the trusted side's."""

    def __init__(self, peer: Peer, number: int, training: bool, parameters: dict[str, Tensor]):
        super().__init__()
        self._peer, self.number = peer, number
        for name, parameter in parameters.items():
            *path, last = name.split(".")
            part: nn.Module = self
            for step in path:
                part = part._modules.setdefault(step, Part())  # type: ignore[assignment]
            part._parameters[last] = parameter  # type: ignore[assignment]
        self.train(training)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call it over there with the parameters as they are now."""
        given = (dict(self.named_parameters(remove_duplicate=False)), *args)
        return transformed(self._ask, given, kwargs) if is_active() else self._ask(given, kwargs)

    def _ask(self, given: tuple[Any, ...], kwargs: dict[str, Any], *batches: tuple[str, ...]) -> Any:
        parameters, *args = given
        asked = (self.number, parameters, self.training, args, kwargs, *map(list, batches))
        return self._peer.ask("module", *asked)


def _call(target: Any, given: Any, named: Any) -> Any:
    return _eager(_called(target, given, named), target)


def _called(target: Any, given: Any, named: Any) -> Any:
    """A function must leave autograd as it found it, here as in the student's own notebook."""
    plain = type(target) is FunctionType
    return with_gradients_as_they_were(target, *given, **named) if plain else target(*given, **named)


def _eager(result: Any, target: Any) -> Any:
    """Iterators over a module's parts are sent whole; other values as they are."""
    of_module = isinstance(getattr(target, "__self__", None), nn.Module)
    return (
        Eager(itertools.islice(result, EAGER)) if of_module and isinstance(result, GeneratorType) else result
    )


def _as(base: type, value: Any) -> Any:
    if base is np.ndarray:
        return np.asarray(value)
    return {key: value[key] for key in value} if base is dict else base(value)


def _attribute(module: str, name: str) -> Any:
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _generator(state: bytes) -> torch.Generator:
    generator = torch.Generator()
    generator.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
    return generator


def serve(channel: Channel, shell: CellShell) -> None:
    """Serve until the trusted side hangs up; the process ends with it."""
    try:
        Agent(channel, shell).run()
    except WireError:
        sys.exit(0)
