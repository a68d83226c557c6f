"""Which cells of a notebook are the lab's: by their names, and where those were lost by what stands in them.

Editors and converters drop nbgrader's metadata, and a cell that was typed anew never had any. A check is known by its
text, a solution by what it defines, an answer by the question above it.
"""

import re
from collections.abc import Callable

from course_utils.grading.engine.handed_in import SubmissionError
from course_utils.grading.engine.notebook import StudentCell, read_cells
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.hidden import visible
from course_utils.labs.lab import Cell

ENOUGH = 0.5  # of a lab's names, for a notebook to be that lab's
TOP = re.compile(r"^(?:async def|def|class) +(\w+)", re.M)


def belongs(lab: tuple[Cell, ...], limits: Limits) -> Callable[[bytes], bool]:
    """A function that says of a notebook's bytes whether its cells are the lab's."""

    def holds(data: bytes) -> bool:
        try:
            return fits(lab, read_cells(data, "the notebook", limits))
        except SubmissionError:
            return False

    return holds


def fits(lab: tuple[Cell, ...], submitted: tuple[StudentCell, ...]) -> bool:
    """Whether a notebook's cells are the lab's."""
    names = {cell.name for cell in lab if cell.name}
    known = {cell.name for cell in recognised(lab, submitted)}
    return len(names & known) >= ENOUGH * len(names)


def recognised(lab: tuple[Cell, ...], submitted: tuple[StudentCell, ...]) -> tuple[StudentCell, ...]:
    """The submitted cells, with the names of those that had lost theirs."""
    missing = {cell.name for cell in lab if cell.name} - {cell.name for cell in submitted}
    if not missing:
        return submitted
    cells = list(submitted)
    places = _places(lab, cells)
    # Each is looked through once: there may be a thousand, and long ones.
    nameless = {
        place: (cell.source.strip(), defines(cell.source))
        for place, cell in enumerate(cells)
        if cell.code and not cell.name
    }
    for index, cell in enumerate(lab):
        if cell.name in missing and cell.kind != "answer":
            place = _place(cell, nameless)
            if place is not None:
                cells[place] = cells[place]._replace(name=cell.name)
                places[index] = place
                del nameless[place]
    taken = set(places.values())
    for index, cell in enumerate(lab):
        below = places.get(index - 1, -2) + 1
        if cell.name not in missing or cell.kind != "answer" or below in taken or not 0 < below < len(cells):
            continue
        if not cells[below].name:
            cells[below] = cells[below]._replace(name=cell.name)
            places[index] = below
            taken.add(below)
    return tuple(cells)


def _places(lab: tuple[Cell, ...], cells: list[StudentCell]) -> dict[int, int]:
    """Where the lab's cells stand: the named by their names, prose and given code by their text."""
    by_name = {cell.name: place for place, cell in reversed(list(enumerate(cells))) if cell.name}
    by_text = {
        cell.source.strip(): place for place, cell in reversed(list(enumerate(cells))) if not cell.name
    }
    found = {}
    for index, cell in enumerate(lab):
        place = by_name.get(cell.name) if cell.name else by_text.get(cell.source.strip())
        if place is not None:
            found[index] = place
    return found


def _place(cell: Cell, nameless: dict[int, tuple[str, frozenset[str]]]) -> int | None:
    """Where a check or a solution without its name stands, among cells of (text, what it defines)."""
    wanted = defines(cell.source) if cell.kind == "solution" else frozenset()
    texts = {visible(cell.source), cell.source.strip()}
    for place, (text, defined) in nameless.items():
        if text in texts or (wanted and wanted <= defined):
            return place
    return None


def defines(source: str) -> frozenset[str]:
    """The functions and classes that a cell defines at its top. It is read and not parsed: the text is a stranger's."""
    return frozenset(TOP.findall(source))
