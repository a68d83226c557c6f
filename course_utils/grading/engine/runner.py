"""Grades one submission: its cells run in the student's process, the checks here.

with Warm() as warm:
    verdict = grade(Lab.load("convolution"), Path("submitted/ada/convolution"), warm=warm)
"""

import hashlib
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed
from course_utils.checks.student import standing_behind
from course_utils.grading.engine.artifact import read_artifact
from course_utils.grading.engine.check import Check, run_check
from course_utils.grading.engine.names import StudentNames, defined, imports, uses_student
from course_utils.grading.engine.plan import Step, plan
from course_utils.grading.engine.proxy import PATIENCE, SECRET, Interrupted, Trusted
from course_utils.grading.engine.submission import (
    Submission,
    SubmissionError,
    missing_artifact,
    read_submission,
)
from course_utils.grading.engine.verdict import CellResult, CellStatus, CheckResult, Verdict, cell_result
from course_utils.grading.engine.watchdog import stops
from course_utils.grading.kernel.warm import Kernel, Warm
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import Cell

WORD = re.compile(r"\w+")


class Graded(Protocol):
    """A lab, or any nbgrader assignment: its key and the instructor's cells."""

    @property
    def key(self) -> str: ...

    @property
    def cells(self) -> tuple[Cell, ...]: ...


def grade(
    lab: Graded,
    submission: Path | Submission,
    limits: Limits | None = None,
    warm: Warm | None = None,
    unsandboxed: bool = False,
) -> Verdict:
    """Run a submission and judge it. Whatever the submission does, this returns a verdict.

    Args:
        lab: `Lab.load(key)`, or anything with `key` and `cells`.
        submission: A folder with `<key>.ipynb` and its artifacts, a notebook, or what `read_submission` gave.
        limits: Bounds of time, memory and size.
        warm: Where kernels come from; without it a warm process is started for this submission alone.
        unsandboxed: Without `warm`: run the student's code with your own rights.

    Raises:
        SandboxError: this machine offers no sandbox (never because of the submission).
    """
    limits = limits or Limits()
    if warm is None:
        with Warm(sandboxed=not unsandboxed) as own:
            return grade(lab, submission, limits, own)
    try:
        read = (
            submission
            if isinstance(submission, Submission)
            else read_submission(submission, lab.key, limits, lab.cells)
        )
    except SubmissionError as error:
        return refused(lab, str(error))
    run = Run(lab, read, limits, warm)
    try:
        return run.verdict()
    finally:
        run.close()


def refused(lab: Graded, reason: str) -> Verdict:
    """The verdict of a submission that cannot be read: every check is there, none has points. It says why once."""
    marked = [cell for cell in lab.cells if cell.points]
    checks = tuple(CheckResult(cell.name, 0.0, cell.points, "not run") for cell in marked)
    return Verdict(lab.key, "", "refused", reason, checks)


@dataclass
class Run:
    """One submission on its way to a verdict."""

    lab: Graded
    submission: Submission
    limits: Limits
    warm: Warm
    cells: list[CellResult] = field(default_factory=list)
    done: list[Step] = field(default_factory=list)  # cells to run again if the kernel is lost
    restarts: int = 0
    stopped: bool = False  # a cell or check took too long
    endless: set[str] = field(default_factory=set)  # what a check was calling when its time was over
    notes: list[str] = field(default_factory=list)
    layers: tuple[str, ...] = ()
    _kernel: Kernel | None = None
    _peer: Trusted | None = None

    def verdict(self) -> Verdict:
        """Run every cell and every check, in the instructor's order."""
        self.start = time.monotonic()
        self.end = self.start + self.limits.total_seconds
        steps, notes = plan(self.lab.cells, self.submission.cells, self.submission.whole)
        self.notes += [*self.submission.notes, *notes]
        checks = []
        for step in steps:
            if step.kind == "cell":
                self.cells.append(self._cell(step))
            elif step.kind == "trained":
                told = f"not run again: {step.name}.safetensors was handed in"
                self.cells.append(CellResult("", step.source, "not run", (("text", told),)))
            elif step.kind == "check":
                checks.append(self._check(step))
            else:
                checks.append(CheckResult(step.name, 0.0, step.points, "manual"))
        return Verdict(
            self.lab.key,
            self.submission.digest,
            "graded",
            checks=tuple(checks),
            cells=tuple(self.cells),
            notes=tuple(self.notes),
            seconds=time.monotonic() - self.start,
            layers=self.layers,
        )

    def close(self) -> None:
        """End the student's process."""
        if self._kernel is not None:
            self._kernel.close()
        self._kernel = self._peer = None

    # The student's process

    def _student(self) -> Trusted:
        """The student's process; if it was lost, a fresh one that has run the cells so far."""
        if time.monotonic() >= self.end:
            raise Interrupted("the notebook's time is over")
        if self._peer is not None:
            return self._peer
        if self.restarts > self.limits.restarts:
            raise Interrupted("the notebook ended its process too often", late=False)
        self.restarts += 1
        kernel = self._kernel = self.warm.fork(self.limits, self.lab.key)
        self.layers = kernel.layers
        peer = self._peer = Trusted(kernel.channel, self._artifact, kernel.interrupt, kernel.cpu_seconds)
        with self._deadline(peer, 10):
            for name, data in self.submission.artifacts.items():
                peer.ask("write", f"{name}.safetensors", data)
        for step in list(self.done):
            self._run(peer, step)
        return peer

    def _seconds(self, step: Step) -> float:
        """Code that once did not end is called again by later cells and checks: they wait for it a shorter time.

        A cell whose source names it has no more than a check.
        """
        limit = self.limits.cell_seconds
        if step.name:
            limit = min(limit, self.limits.answer_seconds)
        if step.kind == "check" or self.endless & set(WORD.findall(step.source)):
            limit = min(limit, self.limits.check_seconds)
        return limit / 4 if self.stopped else limit

    def _run(self, peer: Trusted, step: Step) -> Any:
        with self._deadline(peer, self._seconds(step)):
            return peer.ask("cell", step.source, step.label)

    @contextmanager
    def _deadline(self, peer: Trusted, seconds: float) -> Iterator[None]:
        """Within this block the student's process has so many seconds; if it is lost, it is ended."""
        peer.limit(min(time.monotonic() + seconds, self.end))
        try:
            yield
        except Interrupted as lost:
            if not lost.alive:
                self.close()
            raise

    def _cell(self, step: Step) -> CellResult:
        start = time.monotonic()
        try:
            peer = self._student()
            result = self._run(peer, step)
            late = peer.grace is None
        except Interrupted as lost:
            text = self._late(step) if lost.late else f"{step.label}: {lost}"
            self.stopped |= lost.late
            status: CellStatus = "timeout" if lost.late else "crashed"
            self.notes.append(text)
            return CellResult(step.name, step.source, status, (), ("", text, ""), time.monotonic() - start)
        except CheckFailed as error:  # an answer that is none
            return CellResult(
                step.name, step.source, "error", (), ("", str(error), ""), time.monotonic() - start
            )
        if late:
            self.notes.append(self._late(step))
            self.stopped = True
        else:
            self.done.append(step)
        return cell_result(step.name, step.source, result, late, time.monotonic() - start)

    def _late(self, step: Step) -> str:
        if time.monotonic() >= self.end:
            return f"the notebook was stopped after {self.limits.total_seconds:g} s"
        return f"{step.label} was stopped after {self._seconds(step):g} s: does a loop in it never end?"

    def _check(self, step: Step) -> CheckResult:
        start = time.monotonic()
        _seed(self.submission.digest, step.name)
        try:
            check = self._checked(step)
        except Interrupted as lost:
            check = _lost(lost, self._seconds(step))
            self.stopped |= lost.late
        except CheckFailed as error:
            check = Check("error", 0.0, str(error))
        return CheckResult(
            step.name, check.points, step.points, check.status, check.message, time.monotonic() - start
        )

    def _checked(self, step: Step) -> Check:
        peer, seconds = self._student(), self._seconds(step)
        end = stops(PATIENCE * seconds + 2, Interrupted)
        try:
            with self._deadline(peer, seconds), standing_behind(peer), end:
                return run_check(step.source, step.name, step.points, self._names(step, peer))
        except Interrupted:
            self.endless.add(peer.calling)
            raise
        finally:
            peer.forget()

    def _names(self, step: Step, peer: Trusted) -> dict[str, Any] | None:
        """A check that does not speak through `student` finds the student's names among its own."""
        if uses_student(step.source):
            return None
        return StudentNames(peer, defined(self.lab.cells), imports(self.lab.cells))

    def _artifact(self, name: str) -> Artifact:
        """What was handed in; else what the student's own cells wrote."""
        handed_in = self.submission.artifact(name)
        if handed_in is not None:
            return handed_in
        try:
            data = self._student().ask("read", f"{name}.safetensors")
        except CheckFailed:
            raise missing_artifact(name) from None
        if type(data) is not bytes or len(data) > self.limits.artifact:
            raise missing_artifact(name)
        return read_artifact(name, data)


def _lost(lost: Interrupted, seconds: float) -> Check:
    if not lost.late:
        return Check("crashed", 0.0, f"your code ended its process: {lost}")
    where = f" It was at {lost.line}" if lost.line else ""
    return Check(
        "timeout", 0.0, f"your code took more than {seconds:g} s here: does a loop never end?{where}"
    )


def _seed(digest: str, name: str) -> None:
    """Inputs are drawn afresh for each submission and check, and again the same when it is graded again."""
    drawn = int.from_bytes(hashlib.sha256(f"{digest}/{name}".encode()).digest()[:8], "little") % SECRET
    # Of this one generator: `torch.manual_seed` looks for other devices each time, and there is one seed a check.
    torch.default_generator.manual_seed(SECRET + drawn)
    random.seed(drawn)
    np.random.seed(drawn % (1 << 32))
