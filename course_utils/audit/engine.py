"""The same verdicts from the engine: reference, release and all answers graded as if they had been handed in.

What passes in the student's own process must pass through the sandbox and the remote proxy too.
"""

import shutil
import sys
import tempfile
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

import nbformat

from course_utils.audit.dependence import Dependence
from course_utils.audit.findings import Finding
from course_utils.audit.proof import DRAWS, release_sources, runnable
from course_utils.grading import SandboxError, Verdict, Warm, grade
from course_utils.grading.sandbox.limits import AUDIT
from course_utils.labs.answers import Answer
from course_utils.labs.fill import sources
from course_utils.labs.lab import Lab, to_notebook


def engine_findings(
    lab: Lab, wrong: list[Answer], right: list[Answer], nets: Sequence[Path] = ()
) -> list[Finding]:
    """Grade the reference, the release, each wrong answer, and the right ones with one of each cell at the same time.

    With the reference its trained `nets` are handed in; the right answers train here. Where a company of right answers
    loses points, its members are graded one by one.
    """
    with _warm() as warm:
        findings = [
            _full(lab, "reference", _graded(lab, {}, warm, nets), {"ok", "not run"} if nets else {"ok"}),
            _empty(_graded(lab, release_sources(lab), warm)),
        ]
        changed = [sources(lab.cells, answer) for answer in right]
        for members in companies(changed):
            together = {place: text for number in members for place, text in changed[number].items()}
            found = _full(lab, _said(right, members), _graded(lab, together, warm))
            alone = [] if found.passed or len(members) == 1 else members
            one_by_one = [_full(lab, _said(right, [n]), _graded(lab, changed[n], warm)) for n in alone]
            # Each answers for itself: a net that many answers train together may be short by the luck of its draws.
            findings += one_by_one or [replace(found, title=_said(right, [n])) for n in members]
        findings += _caught(lab, wrong, warm)
    return findings


def _caught(lab: Lab, wrong: list[Answer], warm: Warm) -> list[Finding]:
    """Each wrong answer must lose points in the check that it names, on every draw of the check's inputs."""
    dependence = Dependence(runnable(lab.cells))
    findings = []
    for answer in wrong:
        changed = sources(lab.cells, answer)
        verdict = _graded(*_narrowed(lab, dependence, answer.check, changed), warm)
        free = [check for check in verdict.checks if check.points >= check.max_points]
        said = f"loses nothing in {len(free)} of {DRAWS} draws of {answer.check}" if free else ""
        findings.append(Finding("engine", f"{answer.cell}: {answer.why}", not free, said))
    return findings


def _narrowed(
    lab: Lab, dependence: Dependence, check: str, changed: dict[int, str]
) -> tuple[Lab, dict[int, str]]:
    """The lab cut down to what a check's verdict depends on, the check as often as it is drawn; and what is changed."""
    place = next(place for place, cell in enumerate(lab.cells) if cell.name == check and cell.kind == "test")
    *before, _ = dependence.asked(place, changed)
    drawn = [replace(lab.cells[place], name=f"{check}_{draw}") for draw in range(DRAWS)]
    cells = (*(lab.cells[number] for number in before), *drawn)
    return Lab(lab.key, cells), {i: changed[number] for i, number in enumerate(before) if number in changed}


def companies(changed: list[dict[int, str]]) -> list[list[int]]:
    """Answers to be tried together, by number: the first of each cell, the second of each, and so on."""
    found: list[list[int]] = []
    seen: list[int] = []
    for number, places in enumerate(changed):
        place = min(places)
        rank = seen.count(place)
        found += [[]] if rank == len(found) else []
        found[rank].append(number)
        seen.append(place)
    return found


def _warm() -> Warm:
    """Sandboxed kernels; without a sandbox where the machine has none, for all that runs here is the course's own."""
    warm = Warm()
    try:
        warm.fork(AUDIT).close()
    except SandboxError as error:
        warm.close()
        print(
            f"audit: graded without a sandbox, for all that runs is the course's own ({error})",
            file=sys.stderr,
        )
        return Warm(sandboxed=False)
    return warm


def _graded(lab: Lab, changed: dict[int, str], warm: Warm, nets: Sequence[Path] = ()) -> Verdict:
    cells = tuple(
        replace(cell, source=changed.get(place, cell.source)) for place, cell in enumerate(lab.cells)
    )
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(to_notebook(lab.key, cells), Path(folder) / f"{lab.key}.ipynb")
        for path in nets:
            shutil.copy(path, folder)
        return grade(lab, Path(folder), AUDIT, warm)


def _said(answers: list[Answer], members: list[int]) -> str:
    return ", ".join(f"{answers[number].cell}: {answers[number].why}" for number in members)


def _full(lab: Lab, title: str, verdict: Verdict, well: Set[str] = frozenset({"ok"})) -> Finding:
    """Every check that is not marked by hand must give all its points, and every cell must end `well`.

    Where nets are handed in, the cells that train them are not run.
    """
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
