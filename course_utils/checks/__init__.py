"""What a lab's test cells call.

    from course_utils.checks import close, student

    close(student.relu(x), x.clamp(min=0), "relu(x)", hint="what happens to negative inputs?")

A check speaks to the student's work only through `student`. In a student's notebook `student` resolves to the
notebook's names; when a submission is marked it is a proxy, and the same cell runs unchanged.
"""

from course_utils.checks.comparisons import close, equal, holds, pair, raises, shape_of, shaped, unlike
from course_utils.checks.failure import CheckFailed, StudentError
from course_utils.checks.gradients import flows, follows, slopes
from course_utils.checks.judge import judge
from course_utils.checks.student import student

__all__ = [
    "CheckFailed",
    "StudentError",
    "close",
    "equal",
    "flows",
    "follows",
    "holds",
    "judge",
    "pair",
    "raises",
    "shape_of",
    "shaped",
    "slopes",
    "student",
    "unlike",
]
