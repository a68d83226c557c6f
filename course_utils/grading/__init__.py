"""Grades submissions: the student's cells run in a sandboxed process, the checks are made outside it.

    from course_utils.grading import Limits, Verdict, Warm, grade
    from course_utils.labs.lab import Lab

    lab = Lab.load("convolution")          # or anything with `.key` and `.cells` (course_utils.labs.lab.from_notebook)
    with Warm() as warm:                   # a process that has imported PyTorch; kernels are forked from it
        for folder in folders:             # each with convolution.ipynb and, if any, its *.safetensors
            verdict = grade(lab, folder, limits=Limits(), warm=warm)
            verdict.points, verdict.checks, verdict.cells, verdict.notes, verdict.to_json()

`grade` returns a `Verdict` whatever a submission does; it raises `SandboxError` where the machine offers no sandbox
(`Warm(sandboxed=False)` does without, for code that you trust). A `Warm` may be shared by the submissions of one
worker process, one after another; start one in each worker. A submission is `read_submission(path, key)`; its digest
is the hash of what was handed in.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_utils.grading.engine.runner import grade
    from course_utils.grading.engine.submission import (
        NotANotebook,
        Submission,
        SubmissionError,
        read_submission,
    )
    from course_utils.grading.engine.verdict import CellResult, CheckResult, Verdict
    from course_utils.grading.kernel.warm import SandboxError, Warm
    from course_utils.grading.sandbox.limits import Limits

__all__ = [
    "CellResult",
    "CheckResult",
    "Limits",
    "NotANotebook",
    "SandboxError",
    "Submission",
    "SubmissionError",
    "Verdict",
    "Warm",
    "grade",
    "read_submission",
]

# Imported when they are asked for: a run over a class that is marked already needs no PyTorch.
_PLACES = {
    "CellResult": "engine.verdict",
    "CheckResult": "engine.verdict",
    "Limits": "sandbox.limits",
    "NotANotebook": "engine.submission",
    "SandboxError": "kernel.warm",
    "Submission": "engine.submission",
    "SubmissionError": "engine.submission",
    "Verdict": "engine.verdict",
    "Warm": "kernel.warm",
    "grade": "engine.runner",
    "read_submission": "engine.submission",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
