"""Marks a class: spreads what has to be run, keeps every verdict, and writes the gradebook, alone.

Whatever happens to a submission, the others are marked; whatever happens to the run, the next one goes on where it
stopped. Nothing here needs PyTorch: a run that finds all done is over at once.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.classroom.folders import HandIn, digest, engine_digest, only_writer, submitted, write_whole
from course_utils.grading.classroom.cluster import Cluster, ClusterError, Dead, Task, spread
from course_utils.grading.gradebook.database import Scores
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.classroom.results import Results, stamp
from course_utils.grading.engine.verdict import Verdict
from course_utils.grading.classroom.worker import LIMITS, Job, Marked, WrongEngine, mark, shown
from course_utils.labs.lab import Lab
from course_utils.progress import bar

if TYPE_CHECKING:
    from nbgrader.api import Gradebook


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
                "  slowest: " + ", ".join(f"{student} {seconds:.1f} s" for student, seconds in slowest)
            )
        return lines + [f"  {student}: {reason}" for student, reason in sorted(self.failed.items())]


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
        waiting = {one.student: one for one in hand_ins if not self._known(one)}
        if not waiting:
            return
        with (
            self._settings.cluster.client() as client,
            bar(len(waiting), f"Marking {self._lab.key}") as progress,
        ):
            for student, result in spread(client, self._tasks(list(waiting.values()))):
                self._finish(waiting[student], result)
                progress.update()

    def _known(self, hand_in: HandIn) -> bool:
        """Enter a submission for which nothing has to be done any more; False for the others."""
        job = self._job(hand_in)
        if job is None:
            self._refuse(hand_in)
            return True
        if job.known is None or job.stale or self._stale_notebook(hand_in, job.known):
            return False
        self._enter(hand_in, job.known, job.unchanged)
        return True

    def _job(self, hand_in: HandIn) -> Job | None:
        """What is left to do for a submission; None where it holds what is no plain file of a usual size."""
        settings = self._settings
        files = hand_in.files(self._lab.key, max(settings.limits.notebook, settings.limits.artifact))
        if files is None:
            return None
        found = self._digests[hand_in.student] = digest(files)
        kept = None if settings.force else self._results.find(hand_in.student, found)
        engine = engine_digest() if settings.cluster.scheduler else ""
        job = Job(self._lab, files, self._released, settings.limits, settings.sandboxed, engine)
        return job if kept is None else job.going_on(kept)

    def _tasks(self, waiting: list[HandIn]) -> Iterator[Task]:
        """The files are read when their turn comes: a large class is never in memory as a whole."""
        for hand_in in waiting:
            job = self._job(hand_in)
            if job is None:  # it has been changed since the run began
                self._refuse(hand_in)
            else:
                yield Task(hand_in.student, mark, (job,))

    def _refuse(self, hand_in: HandIn) -> None:
        """Enter a submission that is not to be opened, with the reason that the engine's own reader gives."""
        from course_utils.grading.engine.runner import refused
        from course_utils.grading.engine.submission import SubmissionError, read_submission

        try:
            read_submission(hand_in.folder, self._lab.key, self._settings.limits)
            reason = "this submission holds something that is no plain file; hand in plain files"
        except SubmissionError as error:
            reason = str(error)
        self._write(hand_in, shown(self._lab, refused(self._lab, reason)))

    def _finish(self, hand_in: HandIn, result: Marked | Dead) -> None:
        """Keep and enter what a worker gave."""
        if isinstance(result, Dead):
            from course_utils.grading.engine.runner import refused
            from course_utils.grading.kernel.warm import SandboxError

            if isinstance(result.error, SandboxError | WrongEngine) and not self.summary.seconds:
                raise ClusterError(str(result.error)) from result.error
            # Not kept: the next run tries it again. Until then it stands in the gradebook with its reason.
            self.summary.broken.add(hand_in.student)
            reason = f"this submission could not be marked: {result.reason}"
            self._write(hand_in, shown(self._lab, refused(self._lab, reason)))
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


def scores(verdict: Verdict, lab: Lab, unchanged: frozenset[str]) -> Scores:
    """Points by check; None for an answer that a person must mark, 0 for one that was not given."""
    found = {check.name: check.points for check in verdict.checks}
    marks: Scores = {cell.name: found.get(cell.name, 0.0) for cell in lab.cells if cell.kind == "test"}
    for cell in lab.cells:
        if cell.kind == "answer":
            marks[cell.name] = 0.0 if cell.name in unchanged or verdict.status != "graded" else None
    return marks
