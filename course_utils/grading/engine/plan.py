"""The order in which a submission's cells and the instructor's checks run."""

from typing import Literal, NamedTuple

from course_utils.grading.engine.notebook import StudentCell
from course_utils.labs.hidden import visible
from course_utils.labs.lab import Cell


class Step(NamedTuple):
    """A cell for the student's process, a check, an answer that a teacher reads, or a training that is over.

    The `name` of what was "trained" is the artifact that was handed in: such a cell is not run again.
    """

    kind: Literal["cell", "check", "manual", "trained"]
    source: str
    name: str = ""
    points: float = 0
    label: str = ""


def plan(
    lab: tuple[Cell, ...], submitted: tuple[StudentCell, ...], artifacts: frozenset[str] = frozenset()
) -> tuple[list[Step], list[str]]:
    """Steps in the instructor's order of names, each followed by the extra cells that stand below it in the notebook.

    Checks and their points are the instructor's; a submission's copies of them are dropped. A solution cell that
    occurs twice counts where it first stands, the second is an extra cell. A cell that trains one of `artifacts`, as
    its metadata or, where that was lost, its text says, is not run.

    Returns:
        The steps, and notes for the submission's author.
    """
    names = {cell.name: cell for cell in lab if cell.name}
    trained = {cell.source.strip(): cell.trains for cell in lab if cell.trains in artifacts}
    own, extra, notes = _sort(names, submitted, trained)
    code = {cell.name for cell in submitted if cell.code}
    steps = extra.get("", [])
    for cell in names.values():
        if cell.kind == "test":
            steps.append(Step("check", cell.source, cell.name, cell.points))
        elif cell.kind == "answer":
            answer = own.get(cell.name, "")
            if cell.name in code:  # an answer in code is run, and read by a person
                steps.append(Step("cell", answer, cell.name, label=cell.name))
            steps.append(Step("manual", answer, cell.name, cell.points))
        elif cell.name in own:
            steps.append(Step("cell", own[cell.name], cell.name, label=cell.name))
        else:
            notes.append(f"the cell {cell.name} is not in the notebook")
        steps += extra.get(cell.name, [])
    return steps, notes


def _sort(
    names: dict[str, Cell], submitted: tuple[StudentCell, ...], trained: dict[str, str]
) -> tuple[dict[str, str], dict[str, list[Step]], list[str]]:
    """The named cells' sources; the extra code cells by the name that they stand below; notes."""
    own: dict[str, str] = {}
    extra: dict[str, list[Step]] = {}
    notes, below, seen = [], "", set()
    for number, cell in enumerate(submitted, 1):
        known = names.get(cell.name)
        if known is not None and known.kind == "test":
            if (
                cell.source.strip() not in ("", visible(known.source), known.source.strip())
                and cell.name not in seen
            ):
                notes.append(f"the check {cell.name} was changed in the notebook; the course's own was run")
            below = cell.name
            seen.add(cell.name)
        elif known is not None and cell.name not in own:
            own[cell.name], below = cell.source, cell.name
        elif cell.code:
            label = f"cell {number}" if not cell.name else f"{cell.name} (cell {number})"
            done = cell.trains if cell.trains in trained.values() else trained.get(cell.source.strip(), "")
            step = Step("trained" if done else "cell", cell.source, done, label=label)
            extra.setdefault(below, []).append(step)
    return own, extra, notes
