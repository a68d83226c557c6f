"""What a mark depends on beside the submission, as hashes: the engine, the lab, each check."""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from course_utils.dependencies import digest, reached
from course_utils.grading.engine.verdict import Verdict
from course_utils.labs.lab import Cell, Lab
from course_utils.topics import ROOT

# What marks a submission starts here; all else that decides is found from its imports.
MARKING = ("course_utils.grading.classroom.worker", "course_utils.grading.kernel.zygote")
LIBRARIES = ("torch", "numpy", "ipython")


def lab_digest(lab: Lab, root: Path = ROOT) -> str:
    """A hash of all that a mark depends on beside the submission and the checks."""
    found = hashlib.sha256(f"{engine_digest(root)} {counting()}".encode())
    for cell in lab.cells:
        if cell.kind != "test":
            found.update(repr(cell).encode())
    files = reached(
        (cell.source for cell in lab.cells if cell.kind in ("code", "solution")),
        (f"solutions.{lab.key}.reference",),
        root,
    )
    found.update(digest(files, root, (lab.key,)).encode())
    return found.hexdigest()


def counting() -> str:
    """The tier whose artifacts can earn all points; the course's training module says what it does."""
    return os.environ.get("COURSE_COUNTS", "full")


def check_digest(cell: Cell, root: Path = ROOT) -> str:
    """A hash of one check: its text, its points, and what it imports."""
    files = reached((cell.source,), root=root)
    return hashlib.sha256(f"{cell!r} {digest(files, root)}".encode()).hexdigest()


@dataclass(frozen=True)
class Rules:
    """What a lab is marked by, as hashes: `common` to all its checks, and of each check and answer."""

    common: str
    checks: dict[str, str]

    @classmethod
    def of(cls, lab: Lab, root: Path = ROOT) -> "Rules":
        """The rules of this course."""
        marked = (cell for cell in lab.cells if cell.kind in ("test", "answer"))
        return cls(lab_digest(lab, root), {cell.name: check_digest(cell, root) for cell in marked})

    @property
    def version(self) -> str:
        """Where two machines have the same, they give one mark."""
        return hashlib.sha256(" ".join([self.common, *self.checks.values()]).encode()).hexdigest()


@cache
def engine_digest(root: Path = ROOT) -> str:
    """A hash of the code that marks, and of the libraries' versions."""
    versions = " ".join(f"{name} {metadata.version(name).partition('+')[0]}" for name in LIBRARIES)
    return hashlib.sha256(f"{versions} {digest(reached((), MARKING, root), root)}".encode()).hexdigest()


def stamp(lab: Lab, verdict: Verdict) -> str:
    """A hash of all that a marked notebook is made from: one that carries it needs not be made again."""
    text = json.dumps([engine_digest(), repr(lab.cells), verdict.to_json()])
    return hashlib.sha256(text.encode()).hexdigest()
