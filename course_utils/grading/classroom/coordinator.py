"""Marks a class: spreads what has to be run, keeps every verdict, and writes the gradebook, alone.

Whatever happens to a submission, the others are marked; whatever happens to the run, the next one goes on where it
stopped. Nothing here needs PyTorch: a run that finds all done is over at once.
"""

import errno
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from course_utils.grading.classroom.cluster import Cluster, ClusterError, Dead, Task, spread
from course_utils.grading.classroom.folders import HandIn, engine_digest, only_writer, submitted, write_whole
from course_utils.grading.classroom.results import Results, stamp
from course_utils.grading.classroom.worker import LIMITS, Job, Marked, WrongEngine, mark_bounded, shown
from course_utils.grading.engine.handed_in import SubmissionError
from course_utils.grading.engine.verdict import Verdict
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.database import Scores
from course_utils.grading.sandbox.limits import Limits
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
    """How a class is marked. `force` marks again what is marked, and gives up marks of checks that are gone."""

    cluster: Cluster = field(default_factory=Cluster)
    limits: Limits = LIMITS
    sandboxed: bool = True
    force: bool = False


@dataclass
class Summary:
    """What a run did. Keys are students: `seconds` a submission's own, `failed` why it has no marks."""

    key: str
    points: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    max_points: float = 0.0
    wall: float = 0.0

    def lines(self) -> list[str]:
        """The summary in words: what was done, the slowest, and what could not be read or marked."""
        total, fresh = len(self.points), len(self.seconds)
        mean = sum(self.points.values()) / total
        lines = [
            f"{self.key}: {total} submissions, {fresh} marked now, {total - fresh} known, in {self.wall:.1f} s; "
            f"mean {mean:.1f} of {self.max_points:g} points"
        ]
        slowest = sorted(self.seconds.items(), key=lambda item: -item[1])[:3]
        if slowest:
            lines.append(
                "  slowest: " + ", ".join(f"{one_line(student)} {seconds:.1f} s" for student, seconds in slowest)
            )
        return lines + [
            f"  {one_line(student)}: {one_line(reason)}" for student, reason in sorted(self.failed.items())
        ]


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
    hand_ins = submitted(room, lab.key)
    with only_writer(room):
        gradebook.enter_assignment(room, lab, settings.force)
        with gradebook.opened(room) as book:
            marking = Marking(lab, room, settings, book)
            marking.run(hand_ins)
    marking.summary.wall = time.monotonic() - start
    return marking.summary


class Marking:
    """One run over a class."""

    def __init__(self, lab: Lab, room: Path, settings: Settings, book: "Gradebook"):
        self.summary = Summary(lab.key, max_points=lab.points)
        self._lab, self._room, self._settings, self._book = lab, room, settings, book
        self._results = Results(room, lab, settings.sandboxed)
        self._released = gradebook.released_sources(book, lab.key, lab.key)
        self._entries = gradebook.entries(book, lab.key)
        self._digests: dict[str, str] = {}

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

    def _for_one(self, hand_in: HandIn, act: Callable[[HandIn], T]) -> T | Literal[True]:
        """What `act` gives; whatever goes wrong with one submission ends in its line, and True."""
        try:
            return act(hand_in)
        except SubmissionError as error:
            self._refuse(hand_in, str(error))
        except Exception as error:
            if of_the_run(error):
                raise
            self.summary.broken.add(hand_in.student)
            reason = f"this submission could not be marked: {type(error).__name__}: {one_line(str(error))}"
            self._refuse(hand_in, reason)
        return True

    def _refuse(self, hand_in: HandIn, reason: str) -> None:
        """Enter a submission that is not to be marked; where not even that can be done, its line is all there is."""
        from course_utils.grading.engine.runner import refused

        try:
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
        self._enter(hand_in, job.known, job.unchanged)
        return True

    def _job(self, hand_in: HandIn) -> Job:
        """What is left to do for a submission."""
        settings = self._settings
        handed_in = hand_in.read(self._lab.key, settings.limits)
        found = self._digests[hand_in.student] = handed_in.digest
        kept = None if settings.force else self._results.find(hand_in.student, found)
        engine = engine_digest() if settings.cluster.scheduler else ""
        job = Job(self._lab, handed_in, self._released, settings.limits, settings.sandboxed, engine)
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
        self._results.keep(hand_in.student, self._digests[hand_in.student], result.verdict, result.unchanged)
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
            timestamp = hand_in.timestamp
            gradebook.enter_submission(
                self._book, self._lab.key, hand_in.student, marks, unchanged, timestamp
            )

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
