"""Something in the student's process, as the trusted side holds it.

A handle compares with nothing, has no truth value and no number: an answer that is none cannot pass for one.
"""

from collections.abc import Iterator
from typing import Any

from course_utils.checks.failure import CheckFailed, StudentError
from course_utils.grading.engine.errors import student_error
from course_utils.grading.wire.peer import Peer
from course_utils.grading.wire.values import Node, WireError

BATCH = 32  # items of a student's iterator that are fetched at once
ITEMS = 100_000
PARTS = {
    f"{prefix}{part}"
    for prefix in ("", "named_")
    for part in ("parameters", "buffers", "children", "modules")
}
METHODS = PARTS | {"eval", "train", "state_dict", "load_state_dict", "zero_grad", "requires_grad_"}


class Handle:
    """Something in the student's process: a function, a class, an object."""

    __slots__ = ("_callable", "_copies", "_kind", "_module", "_name", "_number", "_peer")
    __hash__ = object.__hash__

    def __init__(self, peer: Peer, number: int, kind: str, is_callable: bool, module: bool):
        for slot, value in zip(
            ("_peer", "_number", "_kind", "_callable", "_module", "_name", "_copies"),
            (peer, number, kind, is_callable, module, kind, False),
        ):
            object.__setattr__(self, slot, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it over there."""
        try:
            return self._call(list(args), kwargs)
        except StudentError as error:
            raise student_error(error.kinds, error.message, error.line, f"{self._name}(…)") from None

    def _call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self._peer.ask("call", self, args, kwargs, copies=self._copies)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._module and name in METHODS:
            return Method(self, name)
        return named(self._peer.ask("get", self, name), name if name != "forward" else self._name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._peer.ask("set", self, name, value)

    def __getitem__(self, index: Any) -> Any:
        return self._peer.ask("item", self, index)

    def __len__(self) -> int:
        length = self._peer.ask("length", self)
        if type(length) is not int or length < 0:
            raise CheckFailed(f"the length of a {self._kind} is no number")
        return length

    def __iter__(self) -> Iterator[Any]:
        iterator = self._peer.ask("iterate", self)
        for _ in range(ITEMS // BATCH):
            items = self._peer.ask("next", iterator, BATCH)
            if type(items) is not list or len(items) > BATCH:
                raise CheckFailed(f"the items of a {self._kind} cannot be read")
            yield from items
            if len(items) < BATCH:
                return
        raise CheckFailed(f"a {self._kind} has no end")

    def __repr__(self) -> str:
        return f"<{self._kind} of the student's>"

    def _refuse(self, *_: Any) -> Any:
        raise CheckFailed(
            "the value is of the wrong type", "a plain value", f"an object of type {self._kind}"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = __int__ = __index__ = _refuse
    __contains__ = __array__ = _refuse


class Method(Handle):
    """A method that every module has: called at once, as it mostly is, it is not asked for first."""

    __slots__ = ("_of",)

    def __init__(self, of: Handle, name: str):
        """`of` is the module."""
        super().__init__(of._peer, -1, "method", True, False)
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "_name", name)

    def _call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return self._peer.ask("method", self._of, self._name, args, kwargs)

    def found(self) -> Handle:
        """The method itself, where it is handed on."""
        return self._peer.ask("get", self._of, self._name)


def handle(peer: Peer, told: Node) -> Handle:
    number, kind, is_callable, module = told
    if type(number) is not int:
        raise WireError("a handle that is none")
    return Handle(peer, number, words(kind, 80), is_callable is True, module is True)


def named(value: Any, name: str) -> Any:
    """A handle is called in messages what the check calls it."""
    if isinstance(value, Handle):
        object.__setattr__(value, "_name", name)
    return value


def copying(value: Any) -> Any:
    """A function or class that a check calls by its name works on copies, as in the student's own notebook.

    What a module or a method does to its inputs in place reaches the check's own, there and here.
    """
    if isinstance(value, Handle):
        object.__setattr__(value, "_copies", value._callable and not value._module)
    return value


def words(value: Any, most: int) -> str:
    return value[:most] if type(value) is str else ""


class Named(tuple):
    """A student's named tuple: here a tuple like any other, over there itself again."""

    number: int


def named_tuple(number: Any, items: Any) -> Named:
    """What the student's side says of one."""
    if type(number) is not int or type(items) is not tuple:
        raise WireError("a named tuple that is none")
    found = Named(items)
    found.number = number
    return found
