"""A lab's audit in forks of this process: in the student's own process, then through the engine."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Set
from dataclasses import asdict, replace
from pathlib import Path

from course_utils.audit.findings import Finding, Report
from course_utils.audit.forks import in_fork
from course_utils.labs.answer import Answer
from course_utils.labs.lab import Lab

LAB_SECONDS = 3600.0  # wall seconds after which a lab's audit is given up


def audit_apart(lab: Lab, wrong: list[Answer], right: list[Answer], jobs: int) -> Report:
    """The audit in forks, so that whatever a lab does to its process stays there.

    A net is trained once, by the right answers that the engine tries together first. What they have trained is handed
    in by the reference, whose own training is in its record; where the record is of another reference, or that net does
    not serve the reference, this trains too. All else is the engine's turn once nothing fails without it: it is slower,
    and says the same of what fails already.
    """
    with tempfile.TemporaryDirectory() as folder:
        nets = Path(folder)
        first, spent = first_apart(lab, right, nets) if recorded(lab.key) else (False, 0.0)
        report = rehearsed_apart(lab, wrong, right, jobs, nets)
        if first and not report.passed:
            _empty(nets)
            report = rehearsed_apart(lab, wrong, right, jobs, nets)
        if report.passed:
            tried = [finding for finding in report.findings if finding.group == "wrong"]
            slow = {number for number, finding in enumerate(tried) if finding.slow}
            findings, more = graded_apart(lab, wrong, right, nets, slow, first)
            report, spent = replace(report, findings=report.findings + findings), spent + more
        return replace(report, spent=spent)


def recorded(key: str) -> bool:
    """Whether the record says how the reference, as it stands, trains at the mini tier."""
    from course_utils.training.record import records

    entry = records(key).get("mini")
    return entry is not None and not entry.stale()


def first_apart(lab: Lab, right: list[Answer], nets: Path) -> tuple[bool, float]:
    """Whether the right answers that are tried together first pass the engine; what they train is put into `nets`.

    Also the CPU seconds of the engine's kernels, which are not in this process's times.
    """
    from course_utils.audit.engine import first_company

    def work() -> dict:
        hush()
        passed, spent = first_company(lab, right, nets)
        return {"passed": passed, "spent": spent}

    found = _engine(work) or {"passed": False, "spent": 0.0}
    if not found["passed"]:
        _empty(nets)
    return found["passed"], found["spent"]


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def rehearsed_apart(
    lab: Lab, wrong: list[Answer], right: list[Answer], jobs: int, nets: Path | None = None
) -> Report:
    """The audit without the engine; what lies in `nets` is not trained, and what the reference trains is left there."""
    from course_utils.audit.proof import audit

    def work() -> dict:
        hush()
        try:
            report = asdict(audit(lab, wrong, right, jobs, nets))
        except ValueError as error:
            return asdict(Report(lab.key, lab.points, (Finding("reference", "the lab", False, str(error)),)))
        if nets is not None:
            for path in Path.cwd().glob("*.safetensors"):
                shutil.copy(path, nets)
        return report

    return _report(lab, in_fork(work, LAB_SECONDS))


def graded_apart(
    lab: Lab,
    wrong: list[Answer],
    right: list[Answer],
    nets: Path | None = None,
    slow: Set[int] = frozenset(),
    first: bool = False,
) -> tuple[tuple[Finding, ...], float]:
    """What the engine makes of the reference, with `nets` handed in, of the release and of all answers.

    Also the CPU seconds of its kernels.
    """
    from course_utils.audit.engine import engine_findings

    def work() -> dict:
        hush()
        handed_in = sorted(nets.glob("*.safetensors")) if nets is not None else []
        findings, spent = engine_findings(lab, wrong, right, handed_in, slow, first)
        return {"findings": [asdict(finding) for finding in findings], "spent": spent}

    found = _engine(work)
    if found is None:
        return (Finding("engine", "the engine", False, "the process that ran it died or hung"),), 0.0
    return tuple(Finding(**finding) for finding in found["findings"]), found["spent"]


def _engine(work: Callable[[], dict]) -> dict | None:
    """What `work` returns from a fork that has the engine's warm process; None where it died or hung."""
    from course_utils.audit.engine import standing

    standing()  # here, so that the forks of one lab after another find it
    found = in_fork(work, LAB_SECONDS)
    if found is None:
        standing().close()  # it may have been told half a sentence; it starts again when it is asked
    return found


def _report(lab: Lab, data: dict | None) -> Report:
    if data is None:
        return Report(lab.key, lab.points, (Finding("reference", "the audit died or hung", False),))
    return Report(**{**data, "findings": tuple(Finding(**finding) for finding in data["findings"])})


def hush() -> None:
    """Send what cells print past Python to nowhere; Python's own stderr stays on the terminal, for progress bars."""
    sys.stdout.flush()
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
