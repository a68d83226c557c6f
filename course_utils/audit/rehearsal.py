"""A lab's cells in this process, without kernel and sandbox: what the audit runs hundreds of times.

The code is the course's own (reference, answers, mutants), so that limits guard against accidents, not against intent.
"""

import contextlib
import linecache
import os
import random
import resource
import signal
import sys
import time
import traceback
import types
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo
from IPython.core.inputtransformer2 import TransformerManager

from course_utils.checks.credit import credit
from course_utils.checks.failure import CheckFailed
from course_utils.checks.student import Namespace, own_line, standing_behind, student_error
from course_utils.grading.engine.check import execute
from course_utils.labs.lab import Cell

MEMORY = 4 * 2**30  # bytes of address space on top of what PyTorch has mapped


class OutOfTime(BaseException):
    """A cell has used up its CPU time. No `except Exception` of the cell's own stops it."""


@dataclass(frozen=True)
class Outcome:
    """How one check went: `message` is what the student reads, "" where nothing was lost.

    `honest` is False where the check itself broke (a TypeError, say) instead of saying what is wrong.
    """

    points: float
    earned: float
    message: str = ""
    honest: bool = True
    seconds: float = 0.0

    @property
    def lost(self) -> bool:
        """Whether a point, or a part of one, is missing."""
        return self.earned < self.points - 1e-9


class Notebook:
    """A student's notebook without a kernel: its names, filled cell by cell."""

    def __init__(self) -> None:
        self._module = types.ModuleType("__main__")
        sys.modules["__main__"] = self._module
        self.names: dict[str, Any] = self._module.__dict__
        self._transform = TransformerManager().transform_cell
        self._nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the notebook
        self.names["display"] = lambda *things, **options: None

    def run(self, label: str, source: str, seconds: float) -> str:
        """Execute a plain or solution cell; gives its error in a line or two, "" if there is none."""
        try:
            with self._quiet(), _cpu_time(seconds):
                exec(_compiled(label, self._transform(source)), self.names)
        except KeyboardInterrupt:
            raise
        except OutOfTime:
            return f"still running after {seconds:.3g} s of CPU time"
        except BaseException as error:
            return "\n".join(line for line in (f"{type(error).__name__}: {error}", own_line(error)) if line)
        return ""

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """What a cell prints, and its progress bars, go nowhere."""
        with contextlib.redirect_stdout(self._nowhere), contextlib.redirect_stderr(self._nowhere):
            yield

    def check(self, cell: Cell, draw: int, seconds: float) -> Outcome:
        """Execute a check in names of its own, its random inputs decided by `draw`."""
        seed(zlib.crc32(f"{cell.name}/{draw}".encode()))
        started = time.process_time()
        earned, message, honest = 0.0, "", True
        try:
            with self._quiet(), standing_behind(Namespace(self.names, Path.cwd())), _cpu_time(seconds):
                _remember(f"<check {cell.name}>", cell.source)
                value = execute(cell.source, f"<check {cell.name}>", {"__name__": "__check__"})
                earned = float(credit(value, cell.points))
        except KeyboardInterrupt:
            raise
        except CheckFailed as error:
            message = str(error)
        except OutOfTime:
            message = f"{cell.name}: still running after {seconds:.3g} s of CPU time"
        except BaseException as error:
            honest = not _broke_in_check(error)
            broken = "\n".join(filter(None, [f"{type(error).__name__}: {error}", own_line(error)]))
            message = str(student_error(cell.name, error)) if honest else broken
        return Outcome(cell.points, earned, message, honest, time.process_time() - started)


def _broke_in_check(error: BaseException) -> bool:
    """Whether the innermost line of any cell in the traceback is a check's, not the student's."""
    cells = [
        frame.filename
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(("<cell ", "<check "))
    ]
    return not cells or cells[-1].startswith("<check ")


def _compiled(label: str, source: str) -> types.CodeType:
    """A student's cell as code whose tracebacks name it."""
    filename = f"<cell {label}>"
    _remember(filename, source)
    return compile(source, filename, "exec")


def _remember(filename: str, source: str) -> None:
    """Let tracebacks show the lines of a cell, which lies in no file."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


def seed(number: int) -> None:
    """Seed every generator that a check may draw from."""
    torch.manual_seed(number)
    np.random.seed(number)
    random.seed(number)


@contextlib.contextmanager
def _cpu_time(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` once this process has used `seconds` of CPU time, and again each half second after."""

    def stop(signum: int, frame: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def bound_memory(extra: int = MEMORY) -> None:
    """Let this process map `extra` bytes more than it has now, where the system can count them."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (mapped + extra, hard))
