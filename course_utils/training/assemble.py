"""Make one record from the results of several seeds."""

import inspect
import os
import platform
import re
import statistics
import subprocess
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
import torch

import course_utils
from course_utils.data import DATASETS, fingerprint
from course_utils.topics import Topic
from course_utils.training.cost import t4_minutes
from course_utils.training.record import Record
from course_utils.training.reference import NoReference, load_reference


def assemble(row: Topic, tier: str, results: list[dict[str, Any]], root: Path) -> Record:
    """The record of a topic's tier from what each seed reached, seed 0 first."""
    reference, first = load_reference(row.key, root), results[0]
    names = re.findall(r"\w+", row.data_full if tier == "full" else row.data_mini)
    unknown = [name for name in names if name not in DATASETS]
    if unknown:
        raise NoReference(
            f"{row.key}: topics.py names the data {', '.join(unknown)}, which course_utils.data lacks."
        )
    names = [_form(name) if tier == "full" else name for name in names]
    seconds = statistics.fmean(result["seconds"] for result in results)
    return Record(
        key=row.key,
        tier=tier,
        metric=row.metric,
        definition=_first_line(reference.evaluate),
        system=_first_line(reference.train),
        higher_is_better=row.higher_is_better,
        data=", ".join(names),
        data_sha256={name: fingerprint(name, tier) for name in names},
        seeds=list(range(len(results))),
        values=[result["value"] for result in results],
        baseline=first["baseline"],
        paper=getattr(reference, "PAPER", {}).get(tier),
        target=row.target if tier == "full" else None,
        curve=first["curve"],
        parameters=sum(tensor.numel() for tensor in first["tensors"].values()),
        flops=first["flops"],
        minutes=round(seconds / 60, 3),
        memory=max(result["memory"] for result in results),
        device=first["device"],
        is_gpu=all(result["is_gpu"] for result in results),
        t4_minutes=t4_minutes(first["flops"], seconds, first["device"]),
        versions=_versions(),
        code=first["code"],
        commit=commit(root),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
    )


def _form(name: str) -> str:
    """The data set that is read here where `name` is asked for: a module may know a second form of its pictures."""
    return getattr(import_module(f"course_utils.data.{name}"), "form", lambda: name)()


def _first_line(function: Any) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")


def _versions() -> dict[str, str]:
    found = {"course": course_utils.__version__, "python": platform.python_version()}
    found |= {"torch": torch.__version__, "numpy": numpy.__version__}
    return found | ({"cuda": torch.version.cuda} if torch.version.cuda else {})


def commit(root: Path) -> str:
    """The commit that was trained, with a plus where the tree had other changes.

    Where a copy of a clone travels without its history, `COURSE_COMMIT` says it; else it is 'unknown'.
    """
    try:
        head = _git(root, "rev-parse", "--short=12", "HEAD")
        return head + (
            "+" if _git(root, "status", "--porcelain", "-uno", "--", "solutions", "course_utils") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("COURSE_COMMIT", "unknown")


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
