"""What nbgrader's gradebook holds of a lab, read at once: the one place from which every table and list is made."""

from dataclasses import dataclass
from typing import Any, Literal

from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)

By = Literal["automatic", "hand", "extra"]


@dataclass(frozen=True)
class Mark:
    """Points for one check or answer, and who gave them; None where a person has still to mark."""

    check: str
    points: float | None
    of: float
    by: By


@dataclass(frozen=True)
class Entry:
    """One submission: its marks, their sum, what lateness takes from it, and whether a person has to look at it."""

    marks: tuple[Mark, ...]
    late: float
    needs_hand: bool
    auto: dict[str, float | None]

    @property
    def touched(self) -> bool:
        """Whether a person has marked anything of it."""
        return any(mark.by != "automatic" and mark.points is not None for mark in self.marks)

    @property
    def raw(self) -> float:
        """The sum of all marks."""
        return sum(mark.points or 0.0 for mark in self.marks)

    @property
    def score(self) -> float:
        """The sum that counts: without what lateness takes."""
        return max(0.0, self.raw - self.late)

    @property
    def max_score(self) -> float:
        """What can be earned without extra credit."""
        return sum(mark.of for mark in self.marks)


def entries(book: Gradebook, key: str) -> dict[str, Entry]:
    """What the gradebook holds of the lab `key`, by student; one query, so that a large class is read at once."""
    try:
        assignment = book.find_assignment(key)
    except MissingEntry:
        return {}
    rows = (
        book.db.query(
            SubmittedAssignment.student_id,
            GradeCell.name,
            GradeCell.max_score,
            Grade.auto_score,
            Grade.manual_score,
            Grade.extra_credit,
            Grade.needs_manual_grade,
            SubmittedNotebook.late_submission_penalty,
        )
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(GradeCell, GradeCell.id == Grade.cell_id)
        .filter(Assignment.id == assignment.id)
        .all()
    )
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return {student: _entry(group) for student, group in sorted(found.items())}


def _entry(rows: list[Any]) -> Entry:
    marks: list[Mark] = []
    for _, check, of, auto, manual, extra, _, _ in sorted(rows, key=lambda row: str(row[1])):
        marks.append(Mark(check, auto if manual is None else manual, of, _by(auto, manual)))
        if extra is not None:
            # nbgrader adds it to a mark, and counts it for nothing where there is none yet.
            marks.append(Mark(check, extra if (auto, manual) != (None, None) else None, 0.0, "extra"))
    late = rows[0][7] or 0.0
    return Entry(tuple(marks), late, any(row[6] for row in rows), {row[1]: row[3] for row in rows})


def _by(auto: float | None, manual: float | None) -> By:
    return "hand" if manual is not None or auto is None else "automatic"
