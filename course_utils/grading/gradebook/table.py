"""The gradebook as text: for people a line a student, for programs a line a check, or a line a lab."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Student

from course_utils.credit import rounded
from course_utils.grading.engine.found import is_called, walk
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.entries import Entry, entries
from course_utils.grading.gradebook.spreadsheet import harmless, lines
from course_utils.one_line import one_line
from course_utils.topics import KEYS

EMPTY = "The gradebook is empty; mark submissions with: course grade KEY"
PERSON = ("student", "last_name", "first_name", "email")


@dataclass(frozen=True)
class Row:
    """A student of the roster and one lab: the entry, None without one, and whether the work was taken back since."""

    student: Student
    key: str
    entry: Entry | None
    withdrawn: bool

    @property
    def state(self) -> str:
        """Marked, waiting for a person, withdrawn, or none where nothing was handed in."""
        if self.entry is None:
            return "none"
        return "withdrawn" if self.withdrawn else "waiting" if self.entry.needs_hand else "marked"


def read(room: Path, keys: tuple[str, ...]) -> list[Row]:
    """Every student of the roster, with and without work, for each lab of which something is marked."""
    with gradebook.opened(room) as book:
        students = sorted(book.students, key=lambda student: student.id)
        known = {key: entries(book, key) for key in keys}
        return [
            Row(
                student, key, found.get(student.id), student.id in found and not _there(room, student.id, key)
            )
            for key, found in known.items()
            if found
            for student in students
        ]


def _there(room: Path, student: str, key: str) -> bool:
    """Whether something that may be the student's work still lies under `submitted/`."""
    base = room / "submitted"
    forms = {unicodedata.normalize(form, student) for form in ("NFC", "NFD")}
    for folder in (base / form for form in forms if "/" not in form):
        skip = [one for one in KEYS if one != key and not is_called(one, key)]
        if folder.is_dir() and any(True for _ in walk(folder, skip)):
            return True
    return False


def table(room: Path, keys: tuple[str, ...]) -> list[str]:
    """Students down, labs across; * marks what a person has still to mark, † what was taken back."""
    found = read(room, keys)
    if not found:
        return [EMPTY]
    columns = list(dict.fromkeys(row.key for row in found))
    people: dict[str, list[str]] = {}
    for row in found:
        people.setdefault(row.student.id, [one_line(row.student.id)]).append(_cell(row))
    cells = [["student", *columns], *people.values()]
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    shown = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in cells
    ]
    states = {row.state for row in found}
    late = any(row.entry is not None and row.entry.late for row in found)
    return [
        *shown,
        *(["* answers to be marked by a person, in nbgrader's formgrader"] if "waiting" in states else []),
        *(["† marked once, and no longer under submitted/"] if "withdrawn" in states else []),
        *(
            ["  what lateness takes off is taken off; nbgrader's formgrader shows the sum before"]
            if late
            else []
        ),
    ]


def _cell(row: Row) -> str:
    if row.entry is None:
        return "–"
    sign = {"waiting": "*", "withdrawn": "†"}.get(row.state, " ")
    return f"{number(row.entry.score)}/{row.entry.max_score:g}{sign}"


def number(points: float | None) -> str:
    """Points as every table shows them, to a hundredth; nothing for None."""
    return "" if points is None else f"{rounded(points):g}"


def rows(room: Path, keys: tuple[str, ...]) -> list[str]:
    """A line a mark. Points are empty where a person has still to mark; extra credit has a line of its own."""
    marks = (
        (*_person(row.student), row.key, mark.check, number(mark.points), f"{mark.of:g}", mark.by)
        for row in read(room, keys)
        if row.entry is not None
        for mark in row.entry.marks
    )
    return lines([(*PERSON, "key", "check", "points", "of", "by"), *marks])


def totals(room: Path, keys: tuple[str, ...]) -> list[str]:
    """A line a student and lab: the sum, what lateness takes, what is left; who handed in nothing has nought."""
    return lines([(*PERSON, "key", "raw", "late", "total", "of", "state"), *map(_total, read(room, keys))])


def _total(row: Row) -> tuple[str, ...]:
    entry = row.entry
    sums = (entry.raw, entry.late, entry.score, entry.max_score) if entry is not None else (0, 0, 0, None)
    return (*_person(row.student), row.key, *map(number, sums), row.state)


def _person(student: Student) -> tuple[str, ...]:
    told = (student.id, student.last_name, student.first_name, student.email)
    return tuple(harmless(unicodedata.normalize("NFC", text or "")) for text in told)
