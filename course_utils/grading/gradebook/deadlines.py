"""`deadlines.toml` of a classroom, entered as nbgrader's due dates, extensions and penalties on every run.

    timezone = "Europe/Berlin"      # of times without an offset
    times = "exchange"              # timestamp.txt was written by nbgrader's exchange or collector, not by students
    grace_minutes = 15              # late by no more costs nothing
    share_a_day = 0.1               # of the points, for each day begun
    cap = 0.5                       # no more than this share

    [neurons]
    due = 2026-11-20T23:59:00
    share_a_day = 0.2               # each of the above may be another for one lab

    [neurons.extensions]
    ada = 2026-11-27T23:59:00       # another due date
    bob = 3                         # days more

A lab that the file does not name keeps what nbgrader's gradebook says of it, and has no penalties.
"""

import math
import tomllib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook
from nbgrader.plugins import LateSubmissionPlugin

from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.times import TimeError, utc, zone_of
from course_utils.one_line import one_line

FILE = "deadlines.toml"
DAY = 86_400
GENERAL = {"timezone", "times", "grace_minutes", "share_a_day", "cap"}


class DeadlineError(ValueError):
    """`deadlines.toml` is not in order; the message says where and what to do."""


@dataclass(frozen=True)
class Deadline:
    """A lab's due date (UTC), what lateness costs, and who has more time."""

    due: datetime
    grace: timedelta = timedelta(0)
    share_a_day: float = 0.0
    cap: float = 1.0
    extensions: dict[str, timedelta] = field(default_factory=dict)

    def penalty(self, points: float, late: float) -> float:
        """What is taken from `points` of work that came `late` seconds after its own due date."""
        if late <= self.grace.total_seconds():
            return 0.0
        return max(0.0, points) * min(self.cap, self.share_a_day * math.ceil(late / DAY))


@dataclass(frozen=True)
class Deadlines:
    """All of a classroom; `trusted` says that `timestamp.txt` was written by the exchange or the collector."""

    labs: dict[str, Deadline] = field(default_factory=dict)
    trusted: bool = True

    @classmethod
    def load(cls, room: Path) -> "Deadlines":
        """Read the file; without one there are no deadlines.

        Raises:
            DeadlineError: something in it is not in order.
        """
        path = room / FILE
        if not path.is_file():
            return cls()
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
            general = {name: value for name, value in told.items() if not isinstance(value, dict)}
            labs = {key: _deadline(general | lab) for key, lab in told.items() if isinstance(lab, dict)}
            _refuse_unknown(general, GENERAL)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
            raise DeadlineError(f"{path}: {one_line(str(error))}") from error
        return cls(labs, general.get("times", "") == "exchange")


def _refuse_unknown(told: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(told.keys() - known)
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known; choose among {', '.join(sorted(known))}")


def _deadline(told: dict[str, Any]) -> Deadline:
    _refuse_unknown(told, GENERAL | {"due", "extensions"})
    if told.get("times", "exchange") not in ("exchange", "none"):
        raise ValueError('times: expected "exchange" or "none"')
    zone = zone_of(str(told.get("timezone", "UTC")))
    due = _moment(told.get("due"), zone)
    more = {
        unicodedata.normalize("NFC", student): _longer(given, due, zone)
        for student, given in dict(told.get("extensions", {})).items()
    }
    share, cap = float(told.get("share_a_day", 0)), float(told.get("cap", 1))
    if not (0 <= share <= 1 and 0 <= cap <= 1):
        raise ValueError("share_a_day and cap are shares of the points: numbers from 0 to 1")
    return Deadline(due, timedelta(minutes=float(told.get("grace_minutes", 0))), share, cap, more)


def _moment(told: Any, zone: tzinfo) -> datetime:
    if not isinstance(told, datetime):
        raise TimeError(f"due: expected a date and a time such as 2026-11-20T23:59:00, got {told!r}")
    return utc(told if told.tzinfo else told.replace(tzinfo=zone))


def _longer(told: Any, due: datetime, zone: tzinfo) -> timedelta:
    """An extension in days, or until another date."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        return timedelta(days=told)
    return _moment(told, zone) - due


def enter(
    book: Gradebook, deadlines: Deadlines, key: str, times: dict[str, datetime | None] | None = None
) -> None:
    """Bring due date, extensions, times and penalties of the lab `key` to what they should be.

    Args:
        book: The open gradebook.
        deadlines: The classroom's.
        key: The lab.
        times: When each student handed in (UTC), where that was read anew; None where it is not known. It is entered
            as formgrader wants it, and costs nobody anything where the file says not that it can be trusted.
    """
    try:
        assignment = book.find_assignment(key)
    except MissingEntry:
        return
    deadline = deadlines.labs.get(key)
    if deadline is not None and assignment.duedate != deadline.due:
        assignment.duedate = deadline.due
    for entry in assignment.submissions:
        if times is not None and entry.student_id in times and entry.timestamp != times[entry.student_id]:
            entry.timestamp = times[entry.student_id]
        if deadline is None:
            continue
        extension = deadline.extensions.get(entry.student_id)
        if entry.extension != extension:
            entry.extension = extension
        for notebook in entry.notebooks:
            _enter_penalty(notebook, deadline, entry.total_seconds_late if deadlines.trusted else 0.0)
    book.db.commit()


def _enter_penalty(notebook: SubmittedNotebook, deadline: Deadline, late: float) -> None:
    penalty = deadline.penalty(notebook.score, late) or None
    if notebook.late_submission_penalty != penalty:
        notebook.late_submission_penalty = penalty


def refresh(room: Path, keys: tuple[str, ...]) -> None:
    """Penalties follow marks given by hand and a changed file, before anything is shown of them."""
    deadlines = Deadlines.load(room)
    if deadlines.labs:
        with gradebook.opened(room) as book:
            for key in keys:
                enter(book, deadlines, key)


class CourseDeadlines(LateSubmissionPlugin):
    """The same for nbgrader's own `autograde`, which asks a plugin (`AssignLatePenalties.plugin_class`)."""

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """What `deadlines.toml` takes; nbgrader has asked for the due date and the extension in the gradebook."""
        from course_utils.labs.release import classroom

        deadlines = Deadlines.load(classroom())
        deadline = deadlines.labs.get(self.parent.assignment_id)
        if deadline is None or not deadlines.trusted:
            return None
        return deadline.penalty(score, total_seconds_late)
