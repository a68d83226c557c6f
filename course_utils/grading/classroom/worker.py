"""What a worker does: mark one submission with its own warm process. It sees no classroom and no gradebook.

Imports stand where they are used: the coordinator names these functions to Dask and needs nothing of PyTorch.
"""

import atexit
import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from course_utils.grading.classroom.bounds import bounded
from course_utils.grading.engine.digests import Rules, counting
from course_utils.grading.classroom.results import Kept
from course_utils.grading.engine.handed_in import HandedIn
from course_utils.grading.engine.verdict import Verdict
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import Lab

if TYPE_CHECKING:
    from course_utils.grading.engine.submission import Submission
    from course_utils.grading.kernel.warm import Warm

TRIES = 3
OVERTIME = 2  # times a submission's seconds, after which its worker is ended: the run's own limits have failed


class WrongEngine(OSError):
    """A worker has other code than the coordinator, and would mark by other rules."""


@dataclass(frozen=True)
class Job:
    """One submission to mark.

    `released` is what the lab's named cells held when they were handed out.
    `known` is an earlier verdict, good but for the checks in `stale`: no other is run; `unchanged` belongs to it.
    `version` is the hash of the rules that a worker elsewhere must mark by, "" for a worker of this very course.
    `counts` is the tier that counts, as the coordinator's environment says.
    """

    lab: Lab
    handed_in: HandedIn
    released: dict[str, str]
    limits: Limits
    sandboxed: bool
    version: str = ""
    known: Verdict | None = None
    stale: frozenset[str] = field(default=frozenset())
    unchanged: frozenset[str] = field(default=frozenset())
    counts: str = field(default_factory=counting)

    def going_on(self, kept: Kept) -> "Job":
        """The same job with what is known of it."""
        return replace(self, known=kept.verdict, stale=kept.stale, unchanged=kept.unchanged)


@dataclass(frozen=True)
class Marked:
    """A verdict, the notebook that shows it, the cells left as they were handed out, and what each mark is about.

    `known` where nothing was run: a kept verdict is only shown anew.
    """

    verdict: Verdict
    notebook: str
    unchanged: frozenset[str]
    work: dict[str, str] = field(default_factory=dict)
    known: bool = False


def mark(job: Job) -> Marked:
    """Mark a submission in this process.

    Raises:
        WrongEngine: this worker's course is not the coordinator's.
        SandboxError: this machine offers no sandbox.
    """
    from course_utils.grading.gradebook.marked_notebook import notebook_of, unchanged_cells
    from course_utils.grading.engine.runner import refused
    from course_utils.grading.engine.submission import SubmissionError, submission_of
    from course_utils.grading.engine.work import work_of

    os.environ["COURSE_COUNTS"] = job.counts
    if job.version and _own_version(job.lab, job.counts) != job.version:
        raise WrongEngine(
            "a worker has another version of the course; install the same there and start it anew"
        )
    try:
        submission = submission_of(job.handed_in, job.limits, job.lab.cells)
    except SubmissionError as error:
        return shown(job.lab, refused(job.lab, str(error)))
    verdict = None if job.stale else job.known
    known = verdict is not None
    if verdict is None:
        verdict = _merged(job, _undisturbed(job, submission))
    unchanged = frozenset(unchanged_cells(job.lab, job.released, submission))
    work = work_of(job.lab.cells, submission)
    return Marked(verdict, notebook_of(job.lab, submission, verdict), unchanged, work, known)


@cache
def _own_version(lab: Lab, counts: str) -> str:
    """The version of this worker's course at its first such job, for what is imported does not change any more.

    `counts` is the tier whose nets count, as the environment says it.
    """
    return Rules.of(lab).version


def mark_bounded(job: Job) -> Marked:
    """`mark` for a worker that has others to mark: within bounds of memory and of wall time.

    What takes too long ends this process; the coordinator learns it from there.
    """
    from course_utils.grading.engine.runner import refused

    try:
        with bounded(OVERTIME * job.limits.total_seconds):
            return mark(job)
    except MemoryError:
        return shown(job.lab, refused(job.lab, "to mark this submission took more memory than there is for one"))


def _undisturbed(job: Job, submission: "Submission") -> Verdict:
    """The engine's verdict. A warm process that dies takes its kernels along, and that is not the student's doing."""
    from course_utils.grading.engine.runner import grade

    process = warm(job.sandboxed)
    _import_reference(job.lab.key)
    for _ in range(TRIES):
        before = process.pid
        verdict = grade(_rest(job), submission, job.limits, process)
        if before is not None and process.pid == before:
            break
    return verdict


@cache
def _import_reference(key: str) -> None:
    """Hidden tests compare with it: what its import takes is no check's time."""
    with suppress(ImportError):  # an assignment of another course has none
        import_module(f"solutions.{key}.reference")


def shown(lab: Lab, verdict: Verdict) -> Marked:
    """A verdict on a submission of which no cell could be read."""
    from course_utils.grading.gradebook.marked_notebook import notebook_of

    own = frozenset(cell.name for cell in lab.cells if cell.kind in ("solution", "answer"))
    return Marked(verdict, notebook_of(lab, None, verdict), own)


def _rest(job: Job) -> Lab:
    """The lab with the checks that are to be run."""
    if job.known is None:
        return job.lab
    return Lab(
        job.lab.key, tuple(cell for cell in job.lab.cells if cell.kind != "test" or cell.name in job.stale)
    )


def _merged(job: Job, fresh: Verdict) -> Verdict:
    """The fresh verdict, with the known results of the checks that were not run, in the lab's order."""
    if job.known is None:
        return fresh
    known = {check.name: check for check in job.known.checks if check.name not in job.stale}
    known |= {check.name: check for check in fresh.checks}
    names = (cell.name for cell in job.lab.cells)
    return replace(fresh, checks=tuple(known[name] for name in names if name in known))


@cache
def warm(sandboxed: bool) -> "Warm":
    """This worker's warm process; it starts itself again if it dies.

    Raises:
        SandboxError: this machine offers no sandbox.
    """
    from course_utils.grading.kernel.warm import Warm

    process = Warm(sandboxed=sandboxed)
    atexit.register(process.close)
    process.fork(Limits()).close()  # its start is nobody's time
    return process
