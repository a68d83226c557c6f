"""What a worker does: mark one submission with its own warm process. It sees no classroom and no gradebook."""

import atexit
from functools import cache

from course_utils.grading.classroom import engine_digest
from course_utils.grading.limits import Limits
from course_utils.grading.runner import grade
from course_utils.grading.submission import Submission
from course_utils.grading.verdict import Verdict
from course_utils.grading.warm import Warm
from course_utils.lab import Lab


class WrongEngine(OSError):
    """A worker has other code than the coordinator, and would mark by other rules."""


def mark(lab: Lab, submission: Submission, limits: Limits, sandboxed: bool, engine: str) -> Verdict:
    """Mark a submission in this process.

    Raises:
        WrongEngine: this worker's course is not the coordinator's.
        SandboxError: this machine offers no sandbox.
    """
    if engine_digest() != engine:
        raise WrongEngine("a worker has another version of the course; install the same there, start it anew")
    return grade(lab, submission, limits, warm(sandboxed))


@cache
def warm(sandboxed: bool) -> Warm:
    """This worker's warm process; it starts itself again if it dies."""
    process = Warm(sandboxed=sandboxed)
    atexit.register(process.close)
    return process
