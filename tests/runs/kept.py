"""Runs that passed, by content: `solutions/<key>/runs.json` holds the hash of all that each depends on."""

import hashlib
import json
import os
from importlib import metadata
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

from course_utils.dependencies import digest, program, reached
from course_utils.topics import ROOT
from tests.labs.filled import filled, others

FILE = "runs.json"
LIBRARIES = ("torch", "numpy", "matplotlib", "ipykernel", "nbval")
EMULATED = tuple(
    f"tests/gpu/{name}" for name in ("process.py", "emulated.py", "library.py", "guard.cpp", "small.py")
)
# The ways in which a topic is run, and what runs it: from there, and from the notebooks' cells, all else is found.
WAYS = {
    "notebook": ("tests/runs/ways.py", "tests/labs/filled.py"),
    "lab on a GPU": ("tests/runs/ways.py", "tests/labs/filled.py", "tests/gpu/run_lab.py", *EMULATED),
    "reference on a GPU": ("tests/runs/ways.py", "tests/gpu/run_reference.py", *EMULATED),
}


def content_hash(key: str, way: str, root: Path = ROOT) -> str:
    """A hash of what running the topic in this way depends on; comments and words for the reader are no part of it."""
    own = {root / name for name in WAYS[way]}
    cells = [] if way.startswith("reference") else _cells(key)
    texts = cells + [path.read_text(encoding="utf-8") for path in own if path.suffix == ".py"]
    modules = [] if way == "notebook" else [f"solutions.{key}.reference", f"solutions.{key}.experiments"]
    versions = [f"{name} {metadata.version(name).partition('+')[0]}" for name in LIBRARIES]
    files = reached(texts, modules, root) | own
    said = json.dumps([versions, [program(cell) for cell in cells], digest(files, root, (key,))])
    return hashlib.sha256(said.encode()).hexdigest()


def _cells(key: str) -> list[str]:
    """What both solved notebooks run, and what their checks must print, without IPython's magics."""
    plain = TransformerManager().transform_cell
    cells = [
        cell
        for changed in ({}, others(key))
        for cell in filled(key, changed).cells
        if cell.cell_type == "code"
    ]
    return [plain(cell.source) + repr(nbformat.from_dict(cell).outputs) for cell in cells]


def passed(key: str, root: Path = ROOT) -> dict[str, str]:
    """Of each way in which the topic passed, what its run depended on; a file that is not in order says nothing."""
    try:
        kept = json.loads((root / "solutions" / key / FILE).read_text(encoding="utf-8"))
        return {way: str(kept[way]) for way in WAYS if way in kept}
    except (OSError, ValueError, TypeError):
        return {}


def keep(key: str, way: str, content: str, root: Path = ROOT) -> None:
    """Write down that a run passed."""
    kept = passed(key, root) | {way: content}
    path = root / "solutions" / key / FILE
    part = path.with_name(f".{FILE}.{os.getpid()}")
    part.write_text(
        json.dumps({way: kept[way] for way in WAYS if way in kept}, indent=1) + "\n", encoding="utf-8"
    )
    part.replace(path)
