"""`course check`: a student marks the visible half of its own notebook, on its own machine, without an instructor."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from course_utils.grading.engine.check import run_check
from course_utils.grading.engine.found import is_called
from course_utils.grading.engine.plan import plan
from course_utils.grading.engine.runner import grade
from course_utils.grading.engine.submission import NotANotebook, Submission, SubmissionError, read_submission
from course_utils.grading.engine.verdict import CheckResult, Verdict
from course_utils.grading.kernel.warm import Warm
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import Lab, LabError, from_notebook
from course_utils.progress import bar
from course_utils.topics import KEYS, ROOT, topic

SIGNS = {"passed": "✓", "partial": "◐", "manual": "…"}


def check_notebook(path: Path, key: str | None = None, labs: Path | None = None) -> int:
    """Print what each check says of the notebook, archive or folder `path`; returns 0 where all pass, else 1.

    Raises:
        SubmissionError: it is no notebook of this course.
        UnknownKey: `key` is no topic.
        LabError: there is no release to take the checks from.
    """
    if not path.exists():
        raise SubmissionError(
            f"{path}: no such file; give the path of your notebook, say labs/{KEYS[0]}/{KEYS[0]}.ipynb"
        )
    lab, submission = _lab(path, key, labs or ROOT / "labs")
    with _clock(f"Running {path.name}"):
        verdict = _verdict(lab, submission, path.resolve() if path.is_dir() else path.resolve().parent)
    print("\n".join(_report(lab, verdict)))
    return 0 if all(check.status in ("passed", "manual") for check in verdict.checks) else 1


def _lab(path: Path, key: str | None, labs: Path) -> tuple[Lab, Submission]:
    """The release that the notebook was made from, the one named, the one it is called after, or that of its cells.

    `path` is a notebook, an archive of `submit`'s or a folder, as they are handed in.
    """
    called = [one for one in KEYS if is_called(path.stem, one)]
    known = [topic(key).key] if key else called + [one for one in KEYS if one not in called]
    refusal = None
    for candidate in known:
        lab = _release(candidate, labs, needed=len(known) == 1)
        if lab is None:
            continue
        try:
            submission = read_submission(path, candidate, None, lab.cells)
        except NotANotebook:
            raise
        except SubmissionError as error:
            refusal = refusal or error
            continue
        if {cell.name for cell in lab.cells if cell.name} & {cell.name for cell in submission.cells}:
            return lab, submission
    if refusal is not None:
        raise refusal
    which = f"the lab {known[0]}" if key else "any lab of this course"
    raise SubmissionError(
        f"{path.name}: none of its cells belongs to {which}; is it another course's notebook?"
    )


def _release(key: str, labs: Path, needed: bool) -> Lab | None:
    path = labs / key / f"{key}.ipynb"
    if path.is_file():
        return Lab(key, from_notebook(nbformat.read(path, as_version=4)))
    if needed:
        raise LabError(
            f"{path}: no such file, and the checks stand in it; get it from the course's repository"
        )
    return None


def _verdict(lab: Lab, submission: Submission, folder: Path) -> Verdict:
    if hasattr(os, "pidfd_open") and hasattr(socket, "SOCK_SEQPACKET") and Path("/proc/self").exists():
        with Warm(sandboxed=False) as warm:
            return grade(lab, submission, Limits(), warm)
    return run_here(lab, submission, folder)


def run_here(lab: Lab, submission: Submission, folder: Path) -> Verdict:
    """The same in this very process, for machines without Linux's means; a loop without end is yours to interrupt."""
    from course_utils.checks.student import Namespace, standing_behind
    from course_utils.grading.kernel.shell import capture, make_shell

    os.environ["COURSE_TIER"] = "mini"
    streams, here = (sys.stdout, sys.stderr, sys.modules["__main__"]), Path.cwd()
    shell, checks = make_shell(), []
    try:
        capture(shell)
        os.chdir(folder)
        steps, notes = plan(lab.cells, submission.cells, submission.whole)
        for step in steps:
            if step.kind == "cell":
                shell.run(step.source, step.label)
            elif step.kind == "check":
                with standing_behind(Namespace(shell.user_ns, folder)):
                    found = run_check(step.source, step.name, step.points)
                checks.append(CheckResult(step.name, found.points, step.points, found.status, found.message))
            elif step.kind == "manual":
                checks.append(CheckResult(step.name, 0.0, step.points, "manual"))
    finally:
        os.chdir(here)
        sys.stdout, sys.stderr, sys.modules["__main__"] = streams
    said = (*submission.notes, *notes)
    return Verdict(lab.key, submission.digest, "graded", checks=tuple(checks), notes=said)


def _report(lab: Lab, verdict: Verdict) -> Iterator[str]:
    for check in verdict.checks:
        sign = SIGNS.get(check.status, "✗")
        if check.status == "manual":
            yield f"{sign} {check.name}: {check.max_points:g} points, marked by a person"
            continue
        yield f"{sign} {check.name}: {check.points:g} of {check.max_points:g}"
        if check.status != "passed" and check.message:
            yield "\n".join(f"    {line}" for line in check.message.splitlines())
    yield from (f"! {note}" for note in verdict.notes)
    checks = [check for check in verdict.checks if check.status != "manual"]
    earned, most = sum(check.points for check in checks), sum(check.max_points for check in checks)
    yield f"{lab.key}: {earned:g} of {most:g} points on the part of the checks that you can see"


@contextmanager
def _clock(what: str) -> Iterator[None]:
    """Seconds on the terminal while the block runs."""
    done = threading.Event()
    with bar(None, what, unit="s") as progress:

        def tick() -> None:
            while not done.wait(1):
                progress.update()

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
