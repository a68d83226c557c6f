"""Proofs by content: `solutions/<key>/audit.json` says what an audit found, and the hash of all that it depends on."""

import hashlib
import json
import os
from pathlib import Path
from typing import get_args

from course_utils.audit.findings import Finding, Group, Report
from course_utils.dependencies import digest, program, reached
from course_utils.grading.engine.digests import engine_digest
from course_utils.labs.lab import Lab
from course_utils.topics import ROOT

FILE = "audit.json"
# What audits starts here; all else that decides is found from its imports.
AUDITING = ("course_utils.audit.apart",)
ANSWERS = ("wrong_answers.py", "right_answers.py")


def content_hash(key: str, root: Path = ROOT) -> str:
    """Hash of all that an audit of `key` depends on; words for the reader and comments are no part of it.

    Raises:
        LabError: the lab is not in order.
    """
    lab = Lab.load(key, root)
    hashed = hashlib.sha256(engine_digest(root).encode())
    for cell in lab.cells:
        if cell.kind != "prose":
            hashed.update(f"{cell.kind} {cell.name} {cell.points:g} {cell.trains}\n".encode())
            hashed.update(program(cell.source).encode())
    sources = [cell.source for cell in lab.cells if cell.kind != "prose"]
    files = reached(sources, (f"solutions.{key}.reference", *AUDITING), root)
    files |= {path for name in ANSWERS if (path := root / "solutions" / key / name).is_file()}
    hashed.update(digest(files, root, (key,)).encode())
    return hashed.hexdigest()


def known(key: str, root: Path = ROOT) -> Report | None:
    """What is committed of an audit that passed, without what students would read; None where something has changed."""
    report, content = committed(key, root)
    return report if report is not None and content == content_hash(key, root) else None


def committed(key: str, root: Path = ROOT) -> tuple[Report | None, str]:
    """What `audit.json` says, and the hash of what it was said of; None and "" where it is missing or not in order."""
    try:
        data = json.loads((root / "solutions" / key / FILE).read_text(encoding="utf-8"))
        findings = tuple(
            Finding(group, title, True) for group in get_args(Group) for title in data["found"].get(group, [])
        )
        found = Report(key, data["points"], findings, data["seconds"], "", data["spent"])
        return found, data["depends_on"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, ""


def keep(report: Report, content: str, root: Path = ROOT) -> None:
    """Write `audit.json` for an audit that passed; one that failed is no proof, and is run again."""
    if not report.passed:
        return
    found = {
        group: [finding.title for finding in report.findings if finding.group == group]
        for group in get_args(Group)
    }
    data = {
        "depends_on": content,
        "points": report.points,
        "seconds": round(report.seconds, 1),
        "spent": round(report.spent),
        "counts": {group: len(titles) for group, titles in found.items()},
        "found": found,
    }
    path = root / "solutions" / report.key / FILE
    part = path.with_name(f".{FILE}.{os.getpid()}")
    part.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def differences(report: Report, before: Report) -> list[str]:
    """What an audit found otherwise than the committed one says, a line each."""
    now, then = ({(f.group, f.title) for f in one.findings if f.passed} for one in (report, before))
    lines = [f"{group}: {title}: no longer found" for group, title in sorted(then - now)]
    return lines + [f"{group}: {title}: not among what is committed" for group, title in sorted(now - then)]
