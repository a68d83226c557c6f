"""Reads what a student handed in. It is hostile until proved otherwise: of a notebook only the cells' kinds, names
and sources survive, of an artifact only plain tensors."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed
from course_utils.grading.engine.artifact import read_artifact
from course_utils.grading.engine.handed_in import HandedIn, SubmissionError, read_handed_in
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import trains

SOURCE = 500_000
# Of a cell of words: so many pictures, of these kinds, each of so much base64.
ATTACHMENTS, PICTURES, ATTACHED = 3, ("image/png", "image/jpeg"), 3_000_000
# To its end or the data's: one that has none must not be looked through from each of its quotes again.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.S)

DEEPER = np.zeros(256, np.int8)  # by how much a byte outside strings goes deeper
DEEPER[list(b"[{")], DEEPER[list(b"]}")] = 1, -1


class NotANotebook(SubmissionError):
    """The file is no Jupyter notebook."""


class Attachment(NamedTuple):
    """A picture that was pasted into a cell of words, as the notebook holds it: its MIME type, and base64."""

    name: str
    kind: str
    data: str


class StudentCell(NamedTuple):
    """What survives of a submitted cell. `name` is nbgrader's grade id, `trains` an artifact's name, "" without one."""

    code: bool
    name: str
    source: str
    trains: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Submission:
    """A student's cells, and the artifact files beside the notebook, unread; `notes` for the author."""

    cells: tuple[StudentCell, ...]
    digest: str
    artifacts: dict[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def whole(self) -> frozenset[str]:
        """The names of the artifacts that can be read."""
        return frozenset(name for name in self.artifacts if self._readable(name))

    def _readable(self, name: str) -> bool:
        try:
            return self.artifact(name) is not None
        except CheckFailed:
            return False

    def artifact(self, name: str) -> Artifact | None:
        """The tensors of `<name>.safetensors`, or None if it was not handed in.

        Raises:
            CheckFailed: the file is not in order.
        """
        return read_artifact(name, self.artifacts[name]) if name in self.artifacts else None


def read_submission(path: Path, key: str, limits: Limits | None = None) -> Submission:
    """Read a notebook, or a folder with `<key>.ipynb`, and `<key>.safetensors` beside it.

    Raises:
        SubmissionError: one line that says what is wrong.
    """
    limits = limits or Limits()
    return submission_of(read_handed_in(Path(path), key, limits), limits)


def submission_of(handed_in: HandedIn, limits: Limits) -> Submission:
    """What survives of what was handed in.

    Raises:
        SubmissionError: the notebook is none, has no cells, or too many.
    """
    cells = read_cells(handed_in.notebook, f"{handed_in.key}.ipynb", limits)
    digest, artifacts = hashlib.sha256(handed_in.notebook), {}
    if handed_in.artifact is not None:
        artifacts[handed_in.key] = handed_in.artifact
        digest.update(handed_in.key.encode() + hashlib.sha256(handed_in.artifact).digest())
    return Submission(cells, digest.hexdigest(), artifacts, handed_in.notes)


def read_cells(data: bytes, name: str, limits: Limits) -> tuple[StudentCell, ...]:
    """The cells of a notebook's bytes.

    Raises:
        SubmissionError: it is no notebook, has no cells, or too many.
    """
    _check_depth(data, name, limits.depth)
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotANotebook(f"{name} is not a notebook: invalid JSON{where}; {_looks_like(data)}") from None
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        raise NotANotebook(f"{name} is not a notebook of version 4: it has no list of cells")
    if not notebook["cells"]:
        raise SubmissionError(f"{name} has no cells")
    if len(notebook["cells"]) > limits.cells:
        raise SubmissionError(f"{name} has {len(notebook['cells'])} cells; at most {limits.cells} are run")
    return tuple(_cell(cell, name) for cell in notebook["cells"])


def _looks_like(data: bytes) -> str:
    """What is no notebook seems to be, and what to do then."""
    start = data[:1000].lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the file itself; run `git lfs pull` and hand that in"
    if start.startswith(b"<") and b"html" in start:
        return "it is a web page; download the notebook itself (File, Download, .ipynb) and hand that in"
    if re.search(rb"^<{7} ", data, re.M) and re.search(rb"^>{7} ", data, re.M):
        return "it holds a merge conflict of Git (<<<<<<<); choose one side, save it and hand it in"
    if data.rstrip()[-1:] not in (b"}", b""):
        return "it seems to be cut off; save it again and hand it in"
    return "save it again and hand it in"


def _cell(cell: Any, name: str) -> StudentCell:
    if type(cell) is not dict:
        raise NotANotebook(f"{name} is not a notebook: a cell is no object")
    source = cell.get("source", "")
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
    if type(source) is not str or len(source) > SOURCE:
        raise NotANotebook(f"{name}: a cell's source is no text, or longer than {SOURCE} characters")
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if type(metadata) is dict else None
    grade_id = marks.get("grade_id") if type(marks) is dict else None
    name = grade_id if isinstance(grade_id, str) and len(grade_id) <= 200 else ""
    code = cell.get("cell_type") == "code"
    attachments = () if code else tuple(_attachments(cell.get("attachments")))[:ATTACHMENTS]
    return StudentCell(code, name, source, trains(metadata), attachments)


def _attachments(told: Any) -> Iterator[Attachment]:
    for name, kinds in told.items() if type(told) is dict else ():
        for kind, data in kinds.items() if type(kinds) is dict else ():
            if kind in PICTURES and type(data) is str and len(data) <= ATTACHED:
                yield Attachment(name, kind, data)


def _check_depth(data: bytes, name: str, most: int) -> None:
    """Refuse deeply nested JSON before it is parsed; what stands in strings does not count."""
    bare = np.frombuffer(STRING.sub(b"", data), np.uint8)
    if len(bare) and np.cumsum(DEEPER[bare], dtype=np.int32).max() > most:
        raise NotANotebook(f"{name} is not a notebook: it is nested more than {most} deep")


def missing_artifact(name: str) -> CheckFailed:
    """What a check says where no artifact was handed in and none was made."""
    return CheckFailed(
        f"there is no {name}.safetensors beside the notebook",
        hint=f"run the training cell: it saves the file; hand it in with the notebook, or use `submit({name!r})`",
    )
