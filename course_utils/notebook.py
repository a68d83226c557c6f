"""Check cells in a student's own notebook: each runs in names of its own and leaves nothing behind.

`install` tells IPython to hand every cell that opens with a check's title to `check`. The verdict is the engine's own
(`course_utils.grading.engine.check`), so that a notebook and the gradebook say the same.
"""

import contextlib
import linecache
import os
import random
import re
import secrets
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_utils.checks.failure import CheckFailed
from course_utils.grading.engine.check import run_check

TITLE = re.compile(r"\A# @title Check (?P<name>\S+): (?P<points>[\d.]+) points?\s*$", re.MULTILINE)
# Of the process: how each is read and written.
SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, torch.set_default_device),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (Path.cwd, os.chdir),
)
CALL = "__import__('course_utils.notebook', fromlist=['check']).check({source!r})\n"


class Said(CheckFailed):
    """A check's message as it stands."""

    def __init__(self, message: str):
        AssertionError.__init__(self, message)


def install() -> None:
    """From now on check cells of this notebook run apart; without IPython there is no notebook and nothing to do."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None and apart not in shell.input_transformers_post:
        shell.input_transformers_post.append(apart)


def apart(lines: list[str]) -> list[str]:
    """A cell's lines, or, where they are a check's, one line that runs it apart."""
    source = "".join(lines)
    return [CALL.format(source=source)] if TITLE.match(source) else lines


def check(source: str) -> float | None:
    """Run a check cell, its random inputs new every time, and say in a line what it gives.

    Returns:
        The points where they are a part of all, as nbgrader takes them from a cell; None otherwise.

    Raises:
        CheckFailed: it gives no points; the message is all that is shown.
    """
    title = TITLE.match(source)
    assert title is not None
    name, points = title["name"], float(title["points"])
    filename = f"<check {name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    with untouched():
        torch.manual_seed(secrets.randbits(32))
        np.random.seed(secrets.randbits(32))
        random.seed(secrets.randbits(32))
        found = run_check(source, name, points)
    if found.status == "passed":
        print(f"✓ {name}: {points:g} of {points:g}")
        return None
    if found.points > 0:
        print(f"◐ {name}: {found.message}")
        return found.points
    raise Said(found.message)


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """What this block does to random generators, defaults, gradient mode, warnings and figures is undone after it."""
    with contextlib.ExitStack() as kept:
        kept.enter_context(torch.random.fork_rng(_devices()))
        kept.callback(np.random.set_state, np.random.get_state())
        kept.callback(random.setstate, random.getstate())
        kept.enter_context(torch.set_grad_enabled(torch.is_grad_enabled()))
        for read, write in SETTINGS:
            kept.callback(_restore, read, write, read())
        kept.enter_context(np.errstate())
        kept.enter_context(np.printoptions())
        kept.enter_context(warnings.catch_warnings())
        kept.enter_context(_own_figures())
        yield


def _restore(read: Callable[[], Any], write: Callable[[Any], object], before: Any) -> None:
    """Write a setting back if it has changed: some of these calls are slow."""
    if read() != before:
        write(before)


def _devices() -> list[int]:
    """Graphics cards whose generators have been used."""
    return list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []


@contextlib.contextmanager
def _own_figures() -> Iterator[None]:
    """Figures that are opened here are closed, and the style is as before."""
    before = _figures()
    style = (
        sys.modules["matplotlib"].rc_context() if "matplotlib" in sys.modules else contextlib.nullcontext()
    )
    with style:
        yield
        for number in _figures() - before:
            sys.modules["matplotlib.pyplot"].close(number)


def _figures() -> set[int]:
    """The open figures; importing matplotlib takes seconds, and where nobody has there are none."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()
