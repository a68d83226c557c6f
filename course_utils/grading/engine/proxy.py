"""`student`, seen from the trusted side: names resolve to functions, classes and values of another process.

What comes from there is either a plain value, made here by the wire, or a `Handle`.
"""

import copy
import hashlib
import importlib
import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed, StudentError
from course_utils.grading.engine.errors import student_error
from course_utils.grading.engine.handle import (
    ITEMS,
    Handle,
    Method,
    Named,
    copying,
    handle,
    named,
    named_tuple,
    words,
)
from course_utils.grading.engine.modules import functional, loaded
from course_utils.grading.wire.batches import over_batches
from course_utils.grading.wire.channel import Channel, Closed, Late
from course_utils.grading.wire.peer import Incoming, Outgoing, Peer
from course_utils.grading.wire.values import Node, WireError

LIBRARIES = (
    "torch",
    "torch.nn.functional",
    "torch.nn",
    "torch.optim",
    "math",
    "operator",
    "numpy",
    "builtins",
)
TEXT = 2_000
SECRET = 1 << 62  # seeds from here on are the engine's; those that a check sets itself are smaller
TRAFFIC = 1 << 30  # bytes from the student's side in one cell or check
GRACE_SECONDS = 0.5
PATIENCE = 4  # times the time that code may take, where others use the CPU meanwhile


class Interrupted(BaseException):
    """The student's process is gone or does not answer; no check may take that for an exception of its code.

    `alive`: it was interrupted, and can go on with something else.
    """

    def __init__(
        self, reason: str = "it took too long", late: bool = True, alive: bool = False, line: str = ""
    ):
        super().__init__(reason)
        self.late, self.alive, self.line = late, alive, line


class Trusted(Peer):
    """The trusted side: calls the student's code, and the check's own functions when that code calls them."""

    def __init__(
        self,
        channel: Channel,
        artifacts: Callable[[str], Artifact] | None = None,
        interrupt: Callable[[], None] | None = None,
        clock: Callable[[], float] | None = None,
    ):
        """Speak over `channel`; `interrupt` is Ctrl-C there, and `clock` gives the CPU seconds used there so far."""
        super().__init__(channel)
        self.until: float | None = None
        self._clock = clock or time.monotonic
        self._artifacts, self._interrupt = artifacts, interrupt
        self._depth, self._late = 0, False
        self._said: CheckFailed | None = None

    def deadline(self) -> float | None:
        """The end of what is running; a later one where this side was slow and the student's has not had its time."""
        if self.until is not None and self.grace is not None and time.monotonic() >= self.until:
            return self._knock()
        return self.until

    def limit(self, until: float) -> None:
        """From now on the student's side must answer by `until` (of `time.monotonic`)."""
        now = time.monotonic()
        self.until, self._late, self._allowed = until, False, until - now
        self._began, self._last = self._clock(), now + PATIENCE * self._allowed
        self.grace = self._knock if self._interrupt else None
        self.channel.received = 0

    def _knock(self) -> float:
        """Interrupt the late code, as Ctrl-C does, and wait a moment longer: a living process need not be replaced.

        On a busy machine it may have had less CPU than its time: then it goes on, up to `PATIENCE` times as long.
        """
        if self._late:
            raise Late
        missing = self._allowed - (self._clock() - self._began)
        if missing > 0 and time.monotonic() < self._last:
            self.until = time.monotonic() + max(missing, 0.1)
            return self.until
        assert self._interrupt is not None
        self._interrupt()
        self.grace, self._late = None, True
        self.until = time.monotonic() + GRACE_SECONDS
        return self.until

    def forget(self) -> None:
        """Drop what was kept for the other side, which does so with the next request."""
        super().forget()
        self._functions: list[Any] = []
        self._found: dict[str, Handle] = {}
        self.calling = ""  # what of the student's was called last
        self._random, self._left = torch.empty(0, dtype=torch.uint8), True

    def ask(self, op: str, *args: Any, through: tuple[Tensor, ...] = (), copies: bool = False) -> Any:
        """Ask the student's side.

        Raises:
            Interrupted: it is gone, or late.
            StudentError: its code raised.
            CheckFailed: what it gave is no value.
        """
        self._depth += 1
        if op in ("call", "method"):
            self.calling = args[0]._name if op == "call" else args[1]
        try:
            value = super().ask(op, *args, through=through, copies=copies)
        except StudentError as error:
            if not self._late:
                raise self._said or error from None  # not how the student's code fell over it
            raise Interrupted(alive=self._depth == 1, line=error.line) from None
        except Late:
            raise Interrupted from None
        except Closed as closed:
            raise Interrupted(str(closed), late=False) from None
        except WireError as error:
            raise CheckFailed(f"the answer cannot be read: {error}") from None
        finally:
            self._depth -= 1
            self._said = self._said if self._depth else None
        if self._late and op != "cell":
            raise Interrupted(alive=self._depth == 0)
        return value

    def serve(self, header: dict[str, Node], buffers: list[memoryview]) -> None:
        """Serve the student's side, up to a bound: what it sends is kept until the check ends."""
        if self.channel.received > TRAFFIC:
            raise Closed("it sent too much")
        super().serve(header, buffers)

    # `student`

    def resolve(self, name: str) -> Any:
        """The student's value called `name`."""
        if name in self._found:
            return self._found[name]
        found = self.ask("find", name)
        if type(found) is not list or len(found) != 1:
            raise CheckFailed(
                f"there is no `{name}`", hint=f"the cell that defines `{name}`: is it there, does it run?"
            )
        value = copying(named(found[0], name))
        if isinstance(value, Handle) and value._kind in (
            "function",
            "type",
        ):  # a variable may change, these stay
            self._found[name] = value
        return value

    def bind(self, name: str, value: Any) -> None:
        """Give the student's name another value."""
        self._found.pop(name, None)
        self.ask("bind", name, value)

    def unbind(self, name: str) -> None:
        """Delete the student's name."""
        self._found.pop(name, None)
        self.ask("unbind", name)

    def artifact(self, name: str) -> Artifact:
        """The tensors handed in as `<name>.safetensors`, or made by the student's own cells."""
        if self._artifacts is None:
            raise CheckFailed(f"there is no {name}.safetensors beside the notebook")
        return self._artifacts(name)

    # How the check's values travel

    def foreign_node(self, value: Any, writer: Outgoing) -> Node:
        """Handles as what they stand for; library functions by name; other functions stay here and are called."""
        if isinstance(value, Handle):
            return {"own": value.found()._number if isinstance(value, Method) else value._number}
        if isinstance(value, Named):
            return {"own": value.number}
        if isinstance(value, nn.Parameter):
            return writer.tensor(value) if value.requires_grad else {"parameter": writer.plain(value)}
        if isinstance(value, Tensor):
            return writer.tensor(value.as_subclass(Tensor))
        if isinstance(value, nn.Module):
            module = copy.deepcopy(value)
            return {
                "module": [self._offer(module), value.training, writer.node(dict(value.named_parameters()))]
            }
        if callable(value):
            path = _library_path(value)
            name = getattr(value, "__name__", type(value).__name__)
            return {"library": path} if path else {"function": [self._offer(value), name]}
        return self._data_node(value, writer)

    def _data_node(self, value: Any, writer: Outgoing) -> Node:
        if isinstance(value, TensorDataset):
            return {"dataset": writer.node(list(value.tensors))}
        if isinstance(value, DataLoader):
            return {
                "loader": [
                    writer.node(value.dataset),
                    value.batch_size,
                    isinstance(value.sampler, RandomSampler),
                ]
            }
        if isinstance(value, torch.Generator):
            return {"generator": writer.node(bytes(value.get_state().numpy()))}
        if isinstance(value, Counter):
            return {"counter": writer.node(dict(value))}
        if isinstance(value, dict):
            return writer.node(dict(value.items()))
        if isinstance(value, tuple | list):
            return writer.node(tuple(value) if isinstance(value, tuple) else list(value))
        if isinstance(value, Iterator):
            return writer.node([item for item, _ in zip(value, range(ITEMS))])
        raise TypeError(
            f"student: a {type(value).__name__} cannot be sent to the student's notebook; "
            "send tensors, arrays, numbers, text, containers of these, functions or modules"
        )

    def _offer(self, function: Any) -> int:
        self._functions.append(function)
        return len(self._functions) - 1

    def foreign_tags(self) -> dict[str, Callable[[Incoming, Any], Any]]:
        """What only the student's side sends."""
        return {
            "handle": lambda reader, told: handle(self, told),
            "named": lambda reader, told: named_tuple(told[0], reader.value(told[1])),
            "callback": lambda reader, number: self._functions[number],
            "module": lambda reader, told: loaded(self._functions[told[0]], reader.value(told[1])),
            "iterator": lambda reader, node: iter(reader.value(node)),
        }

    def with_request(self, writer: Outgoing) -> dict[str, Node]:
        """Whether what an earlier check left there is to be forgotten, which is no question of its own; and PyTorch's
        random state there, where that changes.
        """
        header: dict[str, Node] = {"forget": True} if self._left else {}
        state = self._state()
        self._left = False
        if not torch.equal(state, self._random):
            self._random = state
            header["random"] = writer.node(bytes(state.numpy()))
        return header

    def _state(self) -> Tensor:
        """A check's own seed holds on both sides. Without one the student's side has a state of its own, from which
        nothing follows about what the check draws.
        """
        seed = torch.default_generator.initial_seed()
        if seed < SECRET:
            return torch.default_generator.get_state()
        if not self._left:
            return self._random
        own = hashlib.sha256(f"student {seed}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(own[:8], "little") >> 2).get_state()

    def operate(self, op: str, args: list[Any]) -> Any:
        """The student's side may call what the check handed to it, and nothing else."""
        number, *rest = args
        if op == "callback" and not isinstance(self._functions[number], nn.Module):
            return over_batches(self._functions[number], *rest)
        if op == "module":
            parameters, training, given, *rest = rest
            module = self._functions[number].train(training is True)
            return over_batches(partial(functional, module), [parameters, *given], *rest)
        if op == "signature":
            shown = inspect.signature(self._functions[number]).parameters.values()
            return [[one.name, int(one.kind), one.default is not one.empty] for one in shown]
        raise WireError(f"an unknown request {str(op)[:20]!r}")

    def describe(self, error: BaseException) -> dict[str, Node]:
        """An error in the check's own function, without its source.

        What a check says in there is kept: it must not come back as any other error, which some check may ask for.
        """
        self._said = error if isinstance(error, CheckFailed) else None
        return {
            "kind": type(error).__name__,
            "text": str(error)[:TEXT] if not isinstance(error, CheckFailed) else "",
        }

    def failure(self, told: Node) -> BaseException:
        """An error in the student's code."""
        kinds = tuple(words(kind, 80) for kind in told["kinds"][:20]) or ("Exception",)
        return student_error(kinds, words(told["text"], TEXT), words(told["line"], 400))


def _library_path(value: Any) -> list[str] | None:
    """Where a function of PyTorch, NumPy or the standard library is found by name."""
    name = getattr(value, "__name__", "")
    for module in (*LIBRARIES, getattr(value, "__module__", None) or ""):
        known = module in LIBRARIES or module.split(".")[0] in (
            "torch",
            "numpy",
            "math",
            "operator",
            "builtins",
        )
        if known and getattr(importlib.import_module(module), name, None) is value:
            return [module, name]
    return None
