"""A classroom with the sample class of the tiny lab, in a temporary folder."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict
from functools import cache
from pathlib import Path

import nbformat
from filelock import FileLock
from nbgrader.preprocessors import ClearHiddenTests

from course_utils.grading import Limits
from course_utils.grading.classroom.cluster import Cluster
from course_utils.grading.classroom.coordinator import Settings, mark_class
from course_utils.grading.classroom.sample import submissions
from course_utils.grading.classroom.summary import Summary
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.entries import entries
from course_utils.labs.lab import Lab
from tests.grading.tiny import LAB, RIGHT, WRONG

# Budgets are of CPU time, of which these checks take some hundredths of a second; an endless loop takes all of it.
LIMITS = Limits(cell_seconds=20, check_seconds=2, total_seconds=120)


@cache
def _entered() -> Path:
    room = Path(tempfile.mkdtemp(prefix="course-room-"))
    gradebook.enter_assignment(room, LAB)
    return room


def make_room(folder: Path) -> Path:
    """A classroom with the tiny lab entered; nbgrader takes seconds to make a database, a copy takes none."""
    return Path(shutil.copytree(_entered(), folder / "classroom"))


def release_text(lab: Lab = LAB) -> str:
    """What a student of `lab` opens."""
    return nbformat.writes(ClearHiddenTests().preprocess(gradebook.released(lab), {})[0])


def sample_texts(lab: Lab = LAB) -> dict[str, str]:
    """The sample class of the tiny lab: a notebook's text by student."""
    return dict(submissions(lab, release_text(lab), RIGHT, WRONG))


def hand_in(room: Path, student: str, text: str, key: str = "tiny") -> Path:
    """Put a notebook where it is handed in; returns its folder."""
    folder = room / "submitted" / student / key
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.ipynb").write_text(text, encoding="utf-8")
    return folder


def mark(room: Path, lab: Lab = LAB, workers: int = 1, scheduler: str = "") -> Summary:
    """Mark what was handed in for `lab` with a local cluster, or with the workers of a running one."""
    return mark_class(lab, room, Settings(cluster=Cluster(scheduler, workers), limits=LIMITS))


def marks(room: Path, key: str = "tiny") -> dict[str, dict[str, float | None]]:
    """The gradebook: points by check by student."""
    with gradebook.opened(room) as book:
        return {student: entry.auto for student, entry in entries(book, key).items()}


def _mark_once(room: Path) -> None:
    """Mark the sample class in `room`, whole or not at all; beside it lies what the run said."""
    made = make_room(Path(tempfile.mkdtemp(dir=room.parent)))
    for student, text in sample_texts().items():
        hand_in(made, student, text)
    summary = mark(made, workers=2)
    said = asdict(summary) | {"broken": sorted(summary.broken)}
    (made / "summary.json").write_text(json.dumps(said))
    made.rename(room)


@cache
def _marked() -> tuple[Path, Summary]:
    """Of one run of the tests all workers share one; a run of its own makes its own."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    folder = Path(tempfile.gettempdir()) / f"course-marked-{run}"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "room").is_dir():
            _mark_once(folder / "room")
    said = json.loads((folder / "room" / "summary.json").read_text())
    return folder / "room", Summary(**said | {"broken": set(said["broken"])})


def marked_room(folder: Path) -> tuple[Path, Summary]:
    """A classroom whose sample class is marked (once for all tests), and what that run said."""
    room, summary = _marked()
    return Path(shutil.copytree(room, folder / "marked")), summary


NOTHING = {"add_values": 0.0, "scale_values": 0.0, "mean_values": 0.0, "why_divide": 0.0}
ALL = {"add_values": 2.0, "scale_values": 1.5, "mean_values": 3.0, "why_divide": None}
# What each student of the sample class deserves.
DESERVED = {
    "untouched": NOTHING,
    "perfect": ALL,
    "another-way": ALL,
    "half-done": ALL | {"mean_values": 0.0},
    "mistake-in-add": ALL | {"add_values": 0.0},
    "mistake-in-scale": ALL | {"scale_values": 0.0},
    "mistake-in-mean": ALL | {"mean_values": 1.0},
    "crash": ALL | {"mean_values": 0.0},
    "endless-loop": ALL | {"mean_values": 0.0},
    "cut-off": NOTHING,
    "checks-deleted": ALL,
    "checks-edited": NOTHING | {"why_divide": None},
}
