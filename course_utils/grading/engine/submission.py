"""Reads what a student handed in. It is hostile until proved otherwise: of a notebook only the cells' kinds, names
and sources survive, of an artifact only plain tensors."""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed
from course_utils.grading.engine.artifact import read_artifact
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import trains

SOURCE = 500_000


class SubmissionError(ValueError):
    """A submission that cannot be graded; the message is one line that its author understands."""


class NotANotebook(SubmissionError):
    """The file is no Jupyter notebook."""


class StudentCell(NamedTuple):
    """What survives of a submitted cell. `name` is nbgrader's grade id, `trains` an artifact's name, "" without one."""

    code: bool
    name: str
    source: str
    trains: str = ""


@dataclass(frozen=True)
class Submission:
    """A student's cells, and the artifact files beside the notebook, unread."""

    cells: tuple[StudentCell, ...]
    digest: str
    artifacts: dict[str, bytes] = field(default_factory=dict)

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
    """Read a notebook, or a folder with `<key>.ipynb` and its artifacts.

    Raises:
        SubmissionError: one line that says what is wrong.
    """
    limits, path = limits or Limits(), Path(path)
    notebook = path / f"{key}.ipynb" if path.is_dir() else path
    data = _read(notebook, limits.notebook)
    cells = read_cells(data, notebook.name, limits)
    artifacts = {
        file.stem: _read(file, limits.artifact) for file in sorted(notebook.parent.glob("*.safetensors"))[:5]
    }
    digest = hashlib.sha256(data)
    for name, content in artifacts.items():
        digest.update(name.encode() + hashlib.sha256(content).digest())
    return Submission(cells, digest.hexdigest(), artifacts)


def _read(path: Path, most: int) -> bytes:
    """A regular file's bytes; a link, a device or a pipe is refused before it is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SubmissionError(f"{path.name} is not in the submission; hand in that file") from None
    except OSError:
        raise SubmissionError(f"{path.name} is a link or cannot be read; hand in the file itself") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError(f"{path.name} is not a regular file")
        if status.st_size > most:
            raise SubmissionError(
                f"{path.name} has {status.st_size / 1e6:.0f} MB, at most {most / 1e6:.0f} MB are read; "
                "clear the outputs and save it again"
            )
        return file.read(most + 1)[:most]


def read_cells(data: bytes, name: str, limits: Limits) -> tuple[StudentCell, ...]:
    """The cells of a notebook's bytes.

    Raises:
        SubmissionError: it is no notebook, has no cells, or too many.
    """
    _check_depth(data, name, limits.depth)
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError) as error:
        cut = " (it seems to be cut off)" if data.rstrip()[-1:] not in (b"}", b"") else ""
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise NotANotebook(
            f"{name} is not a notebook: invalid JSON{where}{cut}; save it again and hand it in"
        ) from None
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        raise NotANotebook(f"{name} is not a notebook of version 4: it has no list of cells")
    if not notebook["cells"]:
        raise SubmissionError(f"{name} has no cells")
    if len(notebook["cells"]) > limits.cells:
        raise SubmissionError(f"{name} has {len(notebook['cells'])} cells; at most {limits.cells} are run")
    return tuple(_cell(cell, name) for cell in notebook["cells"])


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
    return StudentCell(cell.get("cell_type") == "code", name, source, trains(metadata))


def _check_depth(data: bytes, name: str, most: int) -> None:
    """Refuse deeply nested JSON before it is parsed; what stands in strings does not count."""
    bare = re.sub(rb'"(?:[^"\\]|\\.)*+"', b"", data)
    depth = 0
    for bracket in re.finditer(rb"[\[\]{}]", bare):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > most:
            raise NotANotebook(f"{name} is not a notebook: it is nested more than {most} deep")


def missing_artifact(name: str) -> CheckFailed:
    """What a check says where no artifact was handed in and none was made."""
    return CheckFailed(
        f"there is no {name}.safetensors beside the notebook",
        hint=f"run the training cell: it saves the file; hand it in with the notebook, or use `submit({name!r})`",
    )
