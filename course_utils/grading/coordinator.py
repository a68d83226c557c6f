"""Marks a class: spreads what has to be run, keeps every verdict, and writes the gradebook, alone.

Whatever happens to a submission, the others are marked; whatever happens to the run, the next one goes on where it
stopped.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.grading import gradebook
from course_utils.grading.classroom import HandIn, engine_digest, only_writer, submitted, write_whole
from course_utils.grading.cluster import Cluster, ClusterError, Dead, Task, spread
from course_utils.grading.limits import Limits
from course_utils.grading.marked import marked_notebook, notebook_text, scores, unchanged_cells
from course_utils.grading.results import Kept, Results
from course_utils.grading.runner import refused
from course_utils.grading.submission import Submission, SubmissionError, read_submission
from course_utils.grading.verdict import Verdict
from course_utils.grading.warm import SandboxError
from course_utils.grading.worker import WrongEngine, mark
from course_utils.lab import Lab
from course_utils.progress import bar


@dataclass(frozen=True)
class Settings:
    """How a class is marked. `force` marks again what is marked, and gives up marks of checks that are gone."""

    cluster: Cluster = Cluster()
    limits: Limits = Limits()
    sandboxed: bool = True
    force: bool = False


@dataclass
class Summary:
    """What a run did. `seconds` are a submission's own, by student; `failed` says why, by student."""

    key: str
    points: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    wall: float = 0.0


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

    def __init__(self, lab: Lab, room: Path, settings: Settings, book: gradebook.Gradebook):
        self.summary = Summary(lab.key)
        self._lab, self._room, self._settings, self._book = lab, room, settings, book
        self._results = Results(room, lab, settings.sandboxed)
        self._released = gradebook.released_sources(book, lab.key, lab.key)
        self._entries = gradebook.entries(book, lab.key)
        self._kept: dict[str, Kept | None] = {}
        self._held: dict[str, Submission] = {}

    def run(self, hand_ins: list[HandIn]) -> None:
        """Enter what is known, then what has to be run, as it is ready."""
        waiting = [one for one in hand_ins if not self._known(one)]
        if not waiting:
            return
        by_name = {one.student: one for one in waiting}
        with self._settings.cluster.client() as client, bar(len(waiting), f"Marking {self._lab.key}") as progress:
            for student, result in spread(client, self._tasks(waiting)):
                self._finish(by_name[student], result)
                progress.update()

    def _known(self, hand_in: HandIn) -> bool:
        """Enter a submission that nothing has to be run for; False for the others."""
        try:
            submission = read_submission(hand_in.folder, self._lab.key, self._settings.limits)
        except SubmissionError as error:
            self._enter(hand_in, None, refused(self._lab, str(error)))
            return True
        kept = None if self._settings.force else self._results.find(hand_in.student, submission.digest)
        self._kept[hand_in.student] = kept
        if kept is None or kept.stale:
            return False
        self._enter(hand_in, submission, kept.verdict)
        return True

    def _tasks(self, waiting: list[HandIn]) -> Iterator[Task]:
        """The files are read when their turn comes: a large class is never in memory as a whole."""
        for hand_in in waiting:
            try:
                submission = read_submission(hand_in.folder, self._lab.key, self._settings.limits)
            except SubmissionError as error:  # it has been changed since the run began
                self._enter(hand_in, None, refused(self._lab, str(error)))
                continue
            self._held[hand_in.student] = submission
            kept = self._kept[hand_in.student]
            lab = self._lab if kept is None else self._results.rest(kept)
            arguments = (lab, submission, self._settings.limits, self._settings.sandboxed, engine_digest())
            yield Task(hand_in.student, mark, arguments)

    def _finish(self, hand_in: HandIn, result: Verdict | Dead) -> None:
        """Keep and enter what a worker gave."""
        submission = self._held.pop(hand_in.student)
        if isinstance(result, Dead):
            if isinstance(result.refused, SandboxError | WrongEngine):
                raise ClusterError(str(result.refused)) from result.refused
            # Not kept: the next run tries it again. Until then it stands in the gradebook with its reason.
            self.summary.broken.add(hand_in.student)
            reason = f"this submission could not be marked: {result.reason}"
            self._enter(hand_in, submission, refused(self._lab, reason))
            return
        kept = self._kept[hand_in.student]
        verdict = result if kept is None else self._results.merged(kept, result)
        self._results.keep(hand_in.student, submission.digest, verdict)
        self.summary.seconds[hand_in.student] = verdict.seconds
        self._enter(hand_in, submission, verdict)

    def _enter(self, hand_in: HandIn, submission: Submission | None, verdict: Verdict) -> None:
        """Bring notebook and gradebook to what the verdict says; nothing where they say it already."""
        lab, student = self._lab, hand_in.student
        unchanged = unchanged_cells(lab, self._released, submission)
        marks = scores(verdict, lab, unchanged)
        self.summary.points[student] = sum(points or 0.0 for points in marks.values())
        if verdict.reason:
            self.summary.failed[student] = verdict.reason
        path = self._room / "autograded" / student / lab.key / f"{lab.key}.ipynb"
        stamp = self._results.stamp(verdict)
        if not path.is_file() or stamp not in path.read_text(encoding="utf-8", errors="replace"):
            write_whole(path, notebook_text(marked_notebook(lab, submission, verdict, stamp)))
        entry = self._entries.get(student)
        if entry is None or entry.auto != marks:
            gradebook.enter_submission(self._book, lab.key, student, marks, unchanged, hand_in.timestamp)
