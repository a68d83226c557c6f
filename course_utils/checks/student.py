"""`student`: the one door between a check and the student's work.

In a notebook it opens onto the notebook's own names. The grading engine puts another `Resolver` in its place, whose
names live in a sandboxed process; a check cell cannot tell the difference.
"""

import copy
import functools
import sys
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from course_utils.checks.artifact import Artifact, load_artifact
from course_utils.checks.failure import CheckFailed, StudentError


class Resolver(Protocol):
    """What stands behind `student`."""

    def resolve(self, name: str) -> Any:
        """The student's function, class or value called `name`."""

    def artifact(self, name: str) -> Artifact:
        """The tensors of the student's `<name>.safetensors`."""


class Namespace:
    """A student's names in this very process: a notebook's, or a dictionary of a test."""

    def __init__(self, names: dict[str, Any] | None = None, folder: Path | None = None):
        self._names, self._folder = names, folder

    def resolve(self, name: str) -> Any:
        """Functions come wrapped, so that inputs are copied and errors name the student's own line."""
        names = _notebook_names() if self._names is None else self._names
        if name not in names:
            raise CheckFailed(
                f"there is no `{name}` yet", hint=f"run the cell that defines `{name}`, then this one"
            )
        value = names[name]
        return _guarded(value, name) if callable(value) and not isinstance(value, nn.Module) else value

    def artifact(self, name: str) -> Artifact:
        """Read `<name>.safetensors` beside the notebook."""
        path = (self._folder or Path.cwd()) / f"{name}.safetensors"
        if not path.is_file():
            raise CheckFailed(
                f"there is no {path.name} beside the notebook",
                hint="run the training cell: it saves that file",
            )
        return load_artifact(path)


class Student:
    """Resolves attributes through whatever stands behind it now."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _behind.get().resolve(name)

    def artifact(self, name: str) -> Artifact:
        """The tensors that the student trained and saved as `<name>.safetensors`."""
        return _behind.get().artifact(name)


NOTEBOOK = Namespace()
_behind: ContextVar[Resolver] = ContextVar("student", default=NOTEBOOK)
student = Student()


@contextmanager
def standing_behind(resolver: Resolver):
    """Within this block `student` opens onto `resolver`."""
    token = _behind.set(resolver)
    try:
        yield
    finally:
        _behind.reset(token)


def _notebook_names() -> dict[str, Any]:
    try:
        from IPython import get_ipython
    except ImportError:
        return sys.modules["__main__"].__dict__
    shell = get_ipython()
    return sys.modules["__main__"].__dict__ if shell is None else shell.user_ns


def _guarded(call: Any, name: str) -> Any:
    @functools.wraps(call, updated=())
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return with_gradients_as_they_were(call, *_copied(args), **_copied(kwargs))
        except CheckFailed:
            raise
        except Exception as error:
            raise student_error(name, error) from None

    return guarded


def with_gradients_as_they_were(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What `call` gives, if it leaves autograd switched on or off as it found it; it is so afterwards in any case.

    Raises:
        RuntimeError: it leaves it otherwise; all that is trained afterwards would learn nothing.
    """
    before = torch.is_grad_enabled()
    try:
        result = call(*args, **kwargs)
        after = torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(before)
    if after != before:
        raise RuntimeError(
            f"it leaves gradients switched {'on' if after else 'off'} for all that comes after it; "
            "`with torch.no_grad():` around the lines that need none ends by itself"
        )
    return result


def student_error(name: str, error: BaseException) -> StudentError:
    """An exception of the student's code, as a check shows it."""
    kinds = tuple(cls.__name__ for cls in type(error).__mro__ if cls is not object)
    return StudentError(f"{name}(…)", kinds, str(error), own_line(error))


def raised_by_student(error: Exception, call: Callable[[], object]) -> StudentError | None:
    """`error` as the student's, if a check's `call` got it from a cell of this notebook other than the check's own.

    Methods of the student's objects are not wrapped here; behind a proxy every error comes as a `StudentError`.
    """
    code = getattr(call, "__code__", None)
    return None if code is None else from_a_cell(error, code.co_filename)


def from_a_cell(error: Exception, check: str) -> StudentError | None:
    """`error` as the student's, if it was raised in a cell of this notebook other than the file `check`."""
    frames = _cell_frames(error)
    if not isinstance(_behind.get(), Namespace) or not frames or frames[-1].filename == check:
        return None
    # A comprehension has a frame of its own in older Pythons, whose name tells nobody anything.
    named = [frame.name for frame in frames if not frame.name.startswith("<")]
    return student_error(named[-1] if named else frames[-1].name, error)


def own_line(error: BaseException) -> str:
    """The innermost line of `error` that stands in a notebook's cell: "line 3: `return x @ w`"."""
    frames = _cell_frames(error)
    return f"line {frames[-1].lineno} of its cell: `{frames[-1].line}`" if frames and frames[-1].line else ""


def _cell_frames(error: BaseException) -> list[traceback.FrameSummary]:
    return [f for f in traceback.extract_tb(error.__traceback__) if _is_cell(f.filename)]


def _is_cell(filename: str) -> bool:
    """Notebook cells run from files such as ipykernel_12/34.py or ipython-input-…, the engine's from <cell …>."""
    return (
        filename.startswith(("<cell ", "<check ")) or "ipykernel_" in filename or "ipython-input" in filename
    )


def _copied(value: Any) -> Any:
    """Copies of tensors and containers, so that work in place cannot reach the check's own; gradients flow through.

    Of a generator too: at marking the student draws from one in another process.
    """
    if isinstance(value, Tensor):
        return value.clone() if not isinstance(value, nn.Parameter) else value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_copied(item) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    if isinstance(value, dict):
        same = copy.copy(value)  # a Counter stays one
        for key, item in value.items():
            same[key] = _copied(item)
        return same
    if isinstance(value, torch.Generator):
        return value.clone_state()
    return copy.deepcopy(value) if type(value).__module__ == "numpy" else value
