"""Marks a class: spreads what has to be run, keeps every verdict, and writes the gradebook, alone.

Whatever happens to a submission, the others are marked; whatever happens to the run, the next one goes on where it
stopped. Nothing here needs PyTorch: a run that finds all done is over at once.
"""

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, TypeVar

from course_utils.grading.classroom.cluster import Cluster, ClusterError, Dead, Task, spread
from course_utils.grading.classroom.changes import Changes
from course_utils.grading.classroom.folders import only_writer, write_whole
from course_utils.grading.engine.digests import Rules, stamp
from course_utils.grading.classroom.hand_ins import HandIn, NoSubmissions, submitted
from course_utils.grading.classroom.results import Results
from course_utils.grading.classroom.summary import Summary
from course_utils.grading.classroom.worker import Job, Marked, WrongEngine, mark_bounded, shown
from course_utils.grading.engine.handed_in import SubmissionError
from course_utils.grading.engine.verdict import Verdict
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.deadlines import FILE as DEADLINES
from course_utils.grading.gradebook.deadlines import Deadlines, enter
from course_utils.grading.gradebook.entries import entries
from course_utils.grading.gradebook.exchange_files import TIMESTAMP, carry
from course_utils.grading.gradebook.hand_marks import ask_again
from course_utils.grading.gradebook.times import TimeError
from course_utils.grading.gradebook.database import Scores
from course_utils.grading.sandbox.limits import CLASS, Limits
from course_utils.labs.lab import Lab
from course_utils.one_line import one_line
from course_utils.progress import bar

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

T = TypeVar("T")
# A disk that takes or gives no more, and no more open files: the next submission would fare no better.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}


@dataclass(frozen=True)
class Settings:
    """How a class is marked. `force` marks again what is marked, and gives up marks of checks that are gone.

    Of all who handed in only `students` are looked at, where any are named.
    """

    cluster: Cluster = field(default_factory=Cluster)
    limits: Limits = CLASS
    sandboxed: bool = True
    force: bool = False
    students: frozenset[str] = frozenset()


def mark_class(lab: Lab, room: Path, settings: Settings | None = None) -> Summary:
    """Mark all that was handed in for `lab` in the classroom `room`, and enter it in the gradebook.

    Raises:
        NoSubmissions: nothing was handed in.
        GradebookError: the gradebook cannot take this lab's marks without losing others.
        OSError: the disk is full, no worker can be had, or another run is at work.
        SandboxError: there is no sandbox here.
    """
    start = time.monotonic()
    settings = settings or Settings()
    hand_ins, left = submitted(room, lab, settings.limits)
    if settings.students:
        hand_ins, left = _only(settings.students, hand_ins, lab.key)
    with only_writer(room):
        gradebook.enter_assignment(room, lab, settings.force)
        with gradebook.opened(room) as book:
            marking = Marking(lab, room, settings, book)
            marking.run(hand_ins)
            marking.close(hand_ins)
    marking.summary.left = left
    marking.summary.wall = time.monotonic() - start
    return marking.summary


def _only(
    students: frozenset[str], hand_ins: list[HandIn], key: str
) -> tuple[list[HandIn], list[str]]:
    """The hand-ins of those who were named, and a line for each of them who handed nothing in."""
    found = [one for one in hand_ins if one.student in students]
    missing = sorted(students - {one.student for one in found})
    lines = [f"{one_line(name)}: nothing was handed in for {key} under that name" for name in missing]
    if not found:
        raise NoSubmissions(lines[0])
    return found, lines


@contextmanager
def rehearsal(room: Path, key: str) -> Iterator[Path]:
    """A copy of what a run on the lab `key` may change, beside the very submissions: for a run that changes nothing."""
    with TemporaryDirectory(prefix="course-dry-run-") as folder:
        copy = Path(folder) / "classroom"
        copy.mkdir()
        for name in ("gradebook.db", DEADLINES):
            if (room / name).is_file():
                shutil.copyfile(room / name, copy / name)
        marked = (path.parent.relative_to(room) for path in room.glob(f"autograded/*/{key}/{key}.ipynb"))
        for part in (Path(".results") / key, Path("source") / key, *marked):
            if (room / part).is_dir():
                shutil.copytree(room / part, copy / part)
        (copy / "submitted").symlink_to(room / "submitted")
        yield copy


class Marking:
    """One run over a class."""

    def __init__(self, lab: Lab, room: Path, settings: Settings, book: "Gradebook"):
        self.summary = Summary(lab.key, max_points=lab.points)
        self._lab, self._room, self._settings, self._book = lab, room, settings, book
        rules = Rules.of(lab)
        # Workers elsewhere must mark by these; ours are forks of this very course.
        self._version = rules.version if settings.cluster.scheduler else ""
        self._results = Results(room, lab, settings.sandboxed, rules)
        self._released = gradebook.released_sources(book, lab.key, lab.key)
        self._entries = entries(book, lab.key)
        self._digests: dict[str, str] = {}
        self._deadlines = Deadlines.load(room)
        self._times: dict[str, datetime | None] = {}
        self._changes = Changes(room, lab, rules)

    def run(self, hand_ins: list[HandIn]) -> None:
        """Enter what is known, then what has to be run, as it is ready."""
        waiting = {one.student: one for one in hand_ins if not self._for_one(one, self._known)}
        if not waiting:
            return
        with (
            self._settings.cluster.client() as client,
            bar(len(waiting), f"Marking {self._lab.key}") as progress,
        ):
            for student, result in spread(client, self._tasks(list(waiting.values()))):
                self._for_one(waiting[student], partial(self._finish, result=result))
                progress.update()

    def close(self, hand_ins: list[HandIn]) -> None:
        """Enter times and what lateness takes, also of those who have nothing else new, and say whose mark moved."""
        enter(self._book, self._deadlines, self._lab.key, {one.student: self._time(one) for one in hand_ins})
        trusted = self._deadlines.trusted
        untimed = sum(not trusted or self._times.get(one.student) is None for one in hand_ins)
        self.summary.untimed = untimed if self._lab.key in self._deadlines.labs else 0
        self._book.db.expire_all()
        self.summary.changes = self._changes.report(entries(self._book, self._lab.key), self._digests)

    def _time(self, hand_in: HandIn) -> datetime | None:
        """When it was handed in, as its file says and where that can be read."""
        try:
            self._times[hand_in.student] = hand_in.timestamp
        except TimeError as error:
            notes = self.summary.notes.get(hand_in.student, ())
            self.summary.notes[hand_in.student] = (*notes, f"{TIMESTAMP}: {error}; it counts as in time")
        return self._times.get(hand_in.student)

    def _for_one(self, hand_in: HandIn, act: Callable[[HandIn], T]) -> T | Literal[True]:
        """What `act` gives; whatever goes wrong with one submission ends in its line, and True."""
        try:
            return act(hand_in)
        except SubmissionError as error:
            self._refuse(hand_in, str(error), its_own=True)
        except Exception as error:
            if of_the_run(error):
                raise
            self.summary.broken.add(hand_in.student)
            reason = f"this submission could not be marked: {type(error).__name__}: {one_line(str(error))}"
            self._refuse(hand_in, reason)
        return True

    def _ask_again(self, hand_in: HandIn, before: dict[str, str], now: dict[str, str]) -> None:
        """Before anything is kept of it: a run that is killed here asks again when it goes on."""
        entry = self._entries.get(hand_in.student)
        if entry is None or not entry.touched:
            return
        file = self._results.hand_marks(hand_in.student)
        notebook = self._book.find_submission_notebook(self._lab.key, self._lab.key, hand_in.student)
        asked = ask_again(self._book, notebook, before, now, file)
        if asked:
            self.summary.again[hand_in.student] = asked

    def _refuse(self, hand_in: HandIn, reason: str, its_own: bool = False) -> None:
        """Enter a submission that is not to be marked; where not even that can be done, its line is all there is.

        Where it is its own files' doing, marks by hand are no longer for what is there.
        """
        from course_utils.grading.engine.runner import refused

        try:
            if its_own:
                self._ask_again(hand_in, self._results.work(hand_in.student), {})
            self._write(hand_in, shown(self._lab, refused(self._lab, reason)))
        except Exception as error:
            if of_the_run(error):
                raise
            self.summary.broken.add(hand_in.student)
            self.summary.points[hand_in.student] = 0.0
            said = f"{type(error).__name__}: {one_line(str(error))}"
            self.summary.failed[hand_in.student] = f"{reason}; nor could that be entered: {said}"

    def _known(self, hand_in: HandIn) -> bool:
        """Enter a submission for which nothing has to be done any more; False for the others."""
        job = self._job(hand_in)
        if job.known is None or job.stale or self._stale_notebook(hand_in, job.known):
            return False
        work = self._results.work(hand_in.student)
        self._ask_again(hand_in, work, work)
        self._enter(hand_in, job.known, job.unchanged)
        return True

    def _job(self, hand_in: HandIn) -> Job:
        """What is left to do for a submission."""
        settings = self._settings
        handed_in = hand_in.read(self._lab, settings.limits)
        self.summary.notes[hand_in.student] = handed_in.notes
        found = self._digests[hand_in.student] = handed_in.digest
        kept = None if settings.force else self._results.find(hand_in.student, found)
        job = Job(self._lab, handed_in, self._released, settings.limits, settings.sandboxed, self._version)
        return job if kept is None else job.going_on(kept)

    def _tasks(self, waiting: list[HandIn]) -> Iterator[Task]:
        """The files are read when their turn comes: a large class is never in memory as a whole."""
        for hand_in in waiting:
            job = self._for_one(hand_in, self._job)
            if job is not True:  # else it has been changed since the run began
                yield Task(hand_in.student, mark_bounded, (job,))

    def _finish(self, hand_in: HandIn, result: Marked | Dead) -> None:
        """Keep and enter what a worker gave."""
        if isinstance(result, Dead):
            from course_utils.grading.kernel.warm import SandboxError

            if isinstance(result.error, SandboxError | WrongEngine) and not self.summary.seconds:
                raise ClusterError(str(result.error)) from result.error
            # Not kept: the next run tries it again. Until then it stands in the gradebook with its reason.
            self.summary.broken.add(hand_in.student)
            self._refuse(hand_in, f"this submission could not be marked: {one_line(result.reason)}")
            return
        self._ask_again(hand_in, self._results.work(hand_in.student), result.work)
        digest = self._digests[hand_in.student]
        self._results.keep(hand_in.student, digest, result.verdict, result.unchanged, result.work)
        if not result.known:
            self.summary.seconds[hand_in.student] = result.verdict.seconds
        self._write(hand_in, result)

    def _write(self, hand_in: HandIn, marked: Marked) -> None:
        write_whole(self._path(hand_in), marked.notebook)
        self._enter(hand_in, marked.verdict, marked.unchanged)

    def _enter(self, hand_in: HandIn, verdict: Verdict, unchanged: frozenset[str]) -> None:
        """Bring the gradebook to what the verdict says; nothing where it says so already."""
        marks = scores(verdict, self._lab, unchanged)
        self.summary.points[hand_in.student] = sum(points or 0.0 for points in marks.values())
        if verdict.reason:
            self.summary.failed[hand_in.student] = verdict.reason
        entry = self._entries.get(hand_in.student)
        if entry is None or entry.auto != marks:
            gradebook.enter_submission(self._book, self._lab.key, hand_in.student, marks, unchanged)
        carry(hand_in.folders[0], self._path(hand_in).parent)

    def _stale_notebook(self, hand_in: HandIn, verdict: Verdict) -> bool:
        """Whether the notebook that nbgrader shows is missing, or was made from another verdict."""
        path = self._path(hand_in)
        return not path.is_file() or stamp(self._lab, verdict) not in path.read_text(encoding="utf-8")

    def _path(self, hand_in: HandIn) -> Path:
        return self._room / "autograded" / hand_in.student / self._lab.key / f"{self._lab.key}.ipynb"


def of_the_run(error: BaseException) -> bool:
    """Whether an error is the run's own (its workers, its disk, its gradebook) and no submission's."""
    if isinstance(error, ClusterError):
        return True
    if isinstance(error, OSError):
        return error.errno in FULL
    from sqlalchemy.exc import OperationalError

    return isinstance(error, OperationalError) or isinstance(error.__context__, OperationalError)


def scores(verdict: Verdict, lab: Lab, unchanged: frozenset[str]) -> Scores:
    """Points by check; None for an answer that a person must mark, 0 for one that was not given."""
    found = {check.name: check.points for check in verdict.checks}
    marks: Scores = {cell.name: found.get(cell.name, 0.0) for cell in lab.cells if cell.kind == "test"}
    for cell in lab.cells:
        if cell.kind == "answer":
            marks[cell.name] = 0.0 if cell.name in unchanged or verdict.status != "graded" else None
    return marks
