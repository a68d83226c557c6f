"""The gradebook as text: for people a line a student, for programs a line a check."""

import csv
import io
from pathlib import Path

from course_utils.grading.gradebook import database as gradebook
from course_utils.one_line import one_line

FORMULAS = ("=", "+", "-", "@")
EMPTY = "The gradebook is empty; mark submissions with: course grade KEY"


def table(room: Path, keys: tuple[str, ...]) -> list[str]:
    """Students down, labs across; * marks what a person has still to mark."""
    with gradebook.opened(room) as book:
        columns = {key: entries for key in keys if (entries := gradebook.entries(book, key))}
    students = sorted({student for entries in columns.values() for student in entries})
    if not students:
        return [EMPTY]
    cells = [["student", *columns]]
    for student in students:
        cells.append([one_line(student), *(_cell(entries.get(student)) for entries in columns.values())])
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in cells
    ]
    waiting = any(entry.needs_hand for entries in columns.values() for entry in entries.values())
    return [*lines, "* answers to be marked by a person, in nbgrader's formgrader"] if waiting else lines


def _cell(entry: gradebook.Entry | None) -> str:
    if entry is None:
        return "–"
    return f"{round(entry.score, 2):g}/{entry.max_score:g}{'*' if entry.needs_hand else ' '}"


def rows(room: Path, keys: tuple[str, ...]) -> list[str]:
    """student,key,check,points: points are empty where a person has still to mark.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    found = io.StringIO()
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(["student", "key", "check", "points"])
    with gradebook.opened(room) as book:
        for key in keys:
            for student, entry in gradebook.entries(book, key).items():
                name = one_line(student)
                name = f"'{name}" if name.startswith(FORMULAS) else name
                for check, points in sorted(entry.auto.items()):
                    writer.writerow([name, key, check, "" if points is None else f"{points:g}"])
    return found.getvalue().splitlines()
