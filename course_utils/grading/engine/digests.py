"""What a mark depends on beside the submission, as hashes: the engine, the lab, each check."""

import hashlib
import json
import os
from functools import cache
from importlib import metadata
from pathlib import Path

from course_utils.grading.engine.verdict import Verdict
from course_utils.labs.lab import Cell, Lab
from course_utils.topics import ROOT

# What decides about a mark beside the submission and the lab: the engine, the checks and the data they draw on.
ENGINE = ("checks", "data", "grading", "training")
# Of the grading package, what only shows or asks: a new colour of the feedback marks nobody again.
ASIDE = {
    *(
        "changes",
        "commands",
        "deadlines",
        "doctor",
        "entries",
        "exchange_files",
        "feedback",
        "hand_ins",
        "hand_marks",
    ),
    *("own_notebook", "pages", "sample", "spreadsheet", "summary", "table", "times"),
}
LIBRARIES = ("torch", "numpy", "ipython")


def lab_digest(lab: Lab, root: Path = ROOT) -> str:
    """A hash of all that a mark depends on beside the submission and the text of the checks."""
    found = hashlib.sha256(f"{engine_digest(root)} {counting()}".encode())
    for cell in lab.cells:
        if cell.kind != "test":
            found.update(repr(cell).encode())
    folder = root / "solutions" / lab.key
    for path in sorted(folder.glob("reference.*")):
        found.update(path.read_bytes())
    return found.hexdigest()


def counting() -> str:
    """The tier whose artifacts can earn all points; the course's training module says what it does."""
    return os.environ.get("COURSE_COUNTS", "full")


def check_digest(cell: Cell) -> str:
    """A hash of one check: its text and its points."""
    return hashlib.sha256(repr(cell).encode()).hexdigest()


@cache
def engine_digest(root: Path = ROOT) -> str:
    """A hash of the code that marks, and of the libraries' versions."""
    found = hashlib.sha256()
    for name in LIBRARIES:
        found.update(f"{name} {metadata.version(name)}\n".encode())
    package = root / "course_utils"
    for path in sorted(path for part in ENGINE for path in (package / part).rglob("*")):
        if path.suffix not in (".py", ".txt") or path.stem in ASIDE:
            continue
        found.update(str(path.relative_to(package)).encode() + path.read_bytes())
    return found.hexdigest()


def stamp(lab: Lab, verdict: Verdict) -> str:
    """A hash of all that a marked notebook is made from: one that carries it needs not be made again."""
    text = json.dumps([engine_digest(), repr(lab.cells), verdict.to_json()])
    return hashlib.sha256(text.encode()).hexdigest()
