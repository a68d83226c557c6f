"""A classroom with the sample class of the tiny lab, in a temporary folder."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

import nbformat
from nbgrader.preprocessors import ClearHiddenTests

from course_utils.grading import Limits, gradebook
from course_utils.grading.cluster import Cluster
from course_utils.grading.coordinator import Settings, Summary, mark_class
from course_utils.grading.sample import submissions
from course_utils.lab import Lab
from tests.grading.tiny import LAB, RIGHT, WRONG

# Budgets are the engine's own, in wall time; an endless loop has to be waited for, so that they are short here.
LIMITS = Limits(cell_seconds=20, check_seconds=8, total_seconds=120)


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


def mark(room: Path, lab: Lab = LAB, workers: int = 1, **settings: object) -> Summary:
    """Mark what was handed in for `lab` with a local cluster."""
    return mark_class(lab, room, Settings(cluster=Cluster(workers=workers), limits=LIMITS, **settings))


def marks(room: Path, key: str = "tiny") -> dict[str, dict[str, float | None]]:
    """The gradebook: points by check by student."""
    with gradebook.opened(room) as book:
        return {student: entry.auto for student, entry in gradebook.entries(book, key).items()}


@cache
def _marked() -> tuple[Path, Summary]:
    room = make_room(Path(tempfile.mkdtemp(prefix="course-marked-")))
    for student, text in sample_texts().items():
        hand_in(room, student, text)
    return room, mark(room, workers=2)


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
