"""Reads a notebook of unknown origin: of each cell only kind, name, source and pasted pictures survive.

Nothing here needs PyTorch: the coordinator looks into a notebook to see which lab it belongs to.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from course_utils.grading.engine.found import SubmissionError
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import trains

SOURCE = 500_000
# Of a cell of words: so many pictures, of these kinds, each of so much base64.
ATTACHMENTS, PICTURES, ATTACHED = 3, ("image/png", "image/jpeg"), 3_000_000
INLINE = re.compile(r"\(data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=\s]*+)\)")  # as Colab pastes a picture
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
    """What survives of a submitted cell. `name` is nbgrader's grade id, `trains` an artifact's name, "" without one.

    `fault` says why a cell that could not be read is empty.
    """

    code: bool
    name: str
    source: str
    trains: str = ""
    attachments: tuple[Attachment, ...] = ()
    fault: str = ""


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
    cells = tuple(_cell(cell, place) for place, cell in enumerate(notebook["cells"], 1))
    if all(cell.fault for cell in cells):
        raise NotANotebook(f"{name} is not a notebook: {cells[0].fault}")
    return cells


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


def _cell(cell: Any, place: int) -> StudentCell:
    """A cell that is none is an empty one: it costs itself, and not the submission."""
    if type(cell) is not dict:
        return StudentCell(False, "", "", fault=f"cell {place} was not read: it is no object")
    metadata, code = cell.get("metadata"), cell.get("cell_type") == "code"
    marks = metadata.get("nbgrader") if type(metadata) is dict else None
    grade_id = marks.get("grade_id") if type(marks) is dict else None
    name = grade_id if isinstance(grade_id, str) and len(grade_id) <= 200 else ""
    source = cell.get("source", "")
    if type(source) is list and all(type(line) is str for line in source):
        source = "".join(source)
    if type(source) is not str:
        return StudentCell(code, name, "", fault=f"cell {place} was not read: its source is no text")
    attachments: tuple[Attachment, ...] = ()
    if not code:
        source, pasted = _inline(source)
        attachments = (*pasted, *_attachments(cell.get("attachments")))[:ATTACHMENTS]
    if len(source) > SOURCE:
        fault = f"cell {place} was not read: it is longer than {SOURCE} characters"
        return StudentCell(code, name, "", fault=fault)
    return StudentCell(code, name, source, trains(metadata), attachments)


def _inline(source: str) -> tuple[str, list[Attachment]]:
    """The text with its inline pictures (Colab's way) turned into attachments (Jupyter's), and these."""
    found: list[Attachment] = []

    def attach(match: re.Match[str]) -> str:
        name = f"picture-{len(found) + 1}.{match[1].removeprefix('image/')}"
        found.append(Attachment(name, match[1], match[2]))
        return f"(attachment:{name})"

    return INLINE.sub(attach, source), [one for one in found if len(one.data) <= ATTACHED]


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
