"""The same verdicts from the engine: reference, release and all answers graded as if they had been handed in.

What passes in the student's own process must pass through the sandbox and the remote proxy too.
"""

import atexit
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Sequence, Set
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import nbformat

from course_utils.audit.companies import companies, together
from course_utils.audit.dependence import Dependence
from course_utils.audit.findings import Finding
from course_utils.audit.proof import DRAWS, release_sources, runnable
from course_utils.checks.failure import CheckFailed
from course_utils.grading import SandboxError, Verdict, Warm, grade
from course_utils.grading.engine.proxy import Interrupted
from course_utils.grading.engine.runner import Run
from course_utils.grading.engine.submission import read_submission
from course_utils.grading.kernel.warm import Kernel
from course_utils.grading.sandbox.limits import AUDIT, CLASS, Limits
from course_utils.labs.answer import Answer
from course_utils.labs.fill import sources
from course_utils.labs.lab import Cell, Lab, to_notebook

BATCH = 48  # wrong answers that one kernel tries: a kernel of its own costs more than most of them
# What is wrong is stopped as soon as in a class: some of it never ends.
STOPPED = replace(AUDIT, check_seconds=CLASS.check_seconds)


def engine_findings(
    lab: Lab,
    wrong: list[Answer],
    right: list[Answer],
    nets: Sequence[Path] = (),
    slow: Set[int] = frozenset(),
    first: bool = False,
) -> tuple[list[Finding], float]:
    """Grade the reference, the release, each wrong answer, and the right ones with one of each cell at the same time.

    With the reference trained `nets` are handed in, and with all companies of right answers but the `first`, which
    trains here, if it has not passed already; of their cells those run that may now go otherwise, and what these need.
    Who loses points so hands in all of the lab and trains too, and then each answer by itself. Also the CPU seconds of
    the kernels.

    Of the wrong answers a check of which is `slow`, by number, one draw is tried, as in the rehearsal.
    """
    warm = standing()
    before = warm.spent
    dependence = Dependence(runnable(lab.cells))
    findings = [
        _full(lab, "reference", _graded(lab, {}, warm, nets), _well(nets)),
        _empty(_graded(lab, release_sources(lab), warm)),
    ]
    changed = [sources(lab.cells, answer) for answer in right]
    for place, members in enumerate(companies(changed)):
        company = together(changed, members)
        few = _only(lab, dependence.needed(0, company))
        tried = [(few, nets), (lab, ())] if nets and place else [(lab, ())]
        passed = (first and not place) or any(
            _full(lab, "", _graded(handed_in, company, warm, given), _well(given)).passed
            for handed_in, given in tried
        )
        # Each answers for itself: a net that many answers train together may be short by the luck of its draws.
        findings += [
            Finding("engine", _said(right, n), True, "")
            if passed
            else _full(lab, _said(right, n), _graded(lab, changed[n], warm))
            for n in members
        ]
    findings += _caught(lab, dependence, wrong, slow, warm)
    return findings, warm.spent - before


def first_company(lab: Lab, right: list[Answer], folder: Path) -> tuple[bool, float]:
    """Grade the right answers that are tried together first, without a net; what they train is put into `folder`.

    Whether they earn all points, so that what they have trained can be handed in; also the CPU seconds of the kernels.
    """
    warm = standing()
    before = warm.spent
    changed = [sources(lab.cells, answer) for answer in right]
    company = together(changed, next(iter(companies(changed)), []))
    passed = bool(company) and _full(lab, "", _graded(lab, company, warm, kept=folder)).passed
    return passed, warm.spent - before


def _only(lab: Lab, places: Sequence[int]) -> Lab:
    """The lab with words in the place of all other cells."""
    words = Cell("prose", "")
    return Lab(lab.key, tuple(cell if n in places else words for n, cell in enumerate(lab.cells)))


def _caught(
    lab: Lab, dependence: Dependence, wrong: list[Answer], slow: Set[int], warm: Warm
) -> list[Finding]:
    """Each wrong answer must lose points in the check that it names, on every draw of the check's inputs."""
    found: dict[int, Finding] = {}
    # What shares a check comes together. After one that never ends all others would have less time: it is alone.
    quick = sorted(set(range(len(wrong))) - slow, key=lambda number: wrong[number].check)
    waiting = [[number] for number in sorted(slow)]
    waiting += [quick[start : start + BATCH] for start in range(0, len(quick), BATCH)]
    while waiting:
        numbers = waiting.pop()
        drawn = {number: 1 if number in slow else DRAWS for number in numbers}
        parts = [_part(lab, dependence, wrong[n], f"_{n}", draws) for n, draws in drawn.items()]
        checks = dict.fromkeys(wrong[number].check for number in numbers) if len(numbers) > 1 else {}
        after = [_part(lab, dependence, check, f"_last{n}") for n, check in enumerate(checks)]
        cells = tuple(cell for part in parts + after for cell in part)
        verdict = _graded(Lab(lab.key, cells), {}, warm, limits=STOPPED)
        full = {check.name for check in verdict.checks if check.points >= check.max_points}
        if not full.issuperset(_checks(*after)):
            # One of them has spoilt what comes after it: it speaks against none of the others.
            waiting += [numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]]
            continue
        for number, part in zip(numbers, parts):
            free = len(full.intersection(_checks(part)))
            said = (
                f"loses nothing in {free} of {drawn[number]} draws of {wrong[number].check}" if free else ""
            )
            title = f"{wrong[number].cell}: {wrong[number].why}"
            found[number] = Finding("engine", title, not (free or verdict.reason), said or verdict.reason)
    return [found[number] for number in range(len(wrong))]


def _part(lab: Lab, dependence: Dependence, of: Answer | str, ending: str, draws: int = 1) -> list[Cell]:
    """What a check's verdict depends on, with a wrong answer in it or as it is, and the check as often as it is drawn.

    Of many such parts one lab is made: `ending` tells their cells' names apart.
    """
    name, changed = (of, {}) if isinstance(of, str) else (of.check, sources(lab.cells, of))
    place = next(place for place, cell in enumerate(lab.cells) if cell.name == name and cell.kind == "test")
    *before, _ = dependence.asked(place, changed)
    cells = [replace(lab.cells[n], source=changed.get(n, lab.cells[n].source)) for n in before]
    cells += [replace(lab.cells[place], name=f"{name}_draw{draw}") for draw in range(draws)]
    return [replace(cell, name=cell.name and cell.name + ending) for cell in cells]


def _checks(*parts: list[Cell]) -> list[str]:
    """Names of the checks of parts."""
    return [cell.name for part in parts for cell in part if cell.kind == "test"]


class Counted(Warm):
    """Sandboxed kernels, whose CPU time is counted: nobody waits for them, so that no process's times hold it."""

    spent = 0.0  # CPU seconds of the kernels that are closed

    def fork(self, *args: Any, **named: Any) -> Kernel:
        """A fresh kernel, as `Warm` gives it."""
        kernel = super().fork(*args, **named)
        close = kernel.close

        def closed() -> None:
            self.spent += kernel.cpu_seconds()
            close()

        setattr(kernel, "close", closed)  # noqa: B010 - of this one kernel
        return kernel


@cache
def standing() -> Counted:
    """The warm process of this one and of its forks, which ask it one at a time.

    It goes without a sandbox where the machine has none, for all that runs here is the course's own.
    """
    warm = Counted()
    try:
        warm.fork(AUDIT).close()
    except SandboxError as error:
        warm.close()
        print(
            f"audit: graded without a sandbox, for all that runs is the course's own ({error})",
            file=sys.stderr,
        )
        warm = Counted(sandboxed=False)
    atexit.register(warm.close)
    return warm


def _graded(
    lab: Lab,
    changed: dict[int, str],
    warm: Warm,
    nets: Sequence[Path] = (),
    limits: Limits = AUDIT,
    kept: Path | None = None,
) -> Verdict:
    """The verdict on a lab with other cells; what they train is put into the folder `kept`."""
    cells = tuple(
        replace(cell, source=changed.get(place, cell.source)) for place, cell in enumerate(lab.cells)
    )
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(to_notebook(lab.key, cells), Path(folder) / f"{lab.key}.ipynb")
        for path in nets:
            shutil.copy(path, folder)
        if kept is None:
            return grade(lab, Path(folder), limits, warm)
        run = Training(lab, read_submission(Path(folder), lab.key, limits, lab.cells), limits, warm)
        try:
            verdict = run.verdict()
            run.take({cell.trains for cell in lab.cells if cell.trains}, kept)
        finally:
            run.close()
        return verdict


class Training(Run):
    """A submission on its way to a verdict, whose trained nets are taken out of the sandbox afterwards."""

    def take(self, names: Set[str], folder: Path) -> None:
        """Put the files of these nets into `folder`, as far as they are there."""
        for name in sorted(names):
            with contextlib.suppress(CheckFailed, Interrupted):
                peer = self._student()
                with self._deadline(peer, self.limits.check_seconds):
                    (folder / f"{name}.safetensors").write_bytes(peer.ask("read", f"{name}.safetensors"))


def _said(answers: list[Answer], number: int) -> str:
    return f"{answers[number].cell}: {answers[number].why}"


def _well(nets: Sequence[Path]) -> Set[str]:
    """How a cell may end: where nets are handed in, those that train them are not run."""
    return {"ok", "not run"} if nets else {"ok"}


def _full(lab: Lab, title: str, verdict: Verdict, well: Set[str] = frozenset({"ok"})) -> Finding:
    """Every check that is not marked by hand must give all its points, and every cell must end `well`."""
    lines = [verdict.reason] if verdict.reason else []
    lines += [
        f"cell {cell.name or cell.source[:40]!r}: {': '.join(cell.error or (cell.status,))}"
        for cell in verdict.cells
        if cell.status not in well
    ]
    lines += [
        f"{check.name} {check.points:g}/{check.max_points:g}\n{check.message}"
        for check in verdict.checks
        if check.status != "manual" and check.points < check.max_points
    ]
    return Finding("engine", title, not lines, "\n".join(lines))


def _empty(verdict: Verdict) -> Finding:
    lines = [f"{check.name} gives {check.points:g} points" for check in verdict.checks if check.points > 0]
    return Finding("engine", "release", not lines, "\n".join(lines))
