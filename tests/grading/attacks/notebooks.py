"""Edited notebooks, files beside them, and notebooks that are none."""

import json
import pickle
import struct
from typing import Any

from tests.grading.attacks.attack import Attack, Node
from tests.grading.attacks.marks import WRONG


class Command:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("open('/tmp/planted', 'w').close()",)


def find(cells: list[Node], name: str) -> Node:
    """The cell of that grade id."""
    return next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == name)


def emptied(cells: list[Node]) -> None:
    """Points for nothing, and many of them."""
    check = find(cells, "square_values")
    check["source"] = "2.0"
    check["metadata"]["nbgrader"] |= {"points": 1000, "locked": False}


def doubled(cells: list[Node]) -> None:
    """The checks three times more, each with points."""
    cells += [json.loads(json.dumps(find(cells, "square_values"))) | {"source": "2.0"} for _ in range(3)]


def skipped(cells: list[Node]) -> None:
    """Tags and metadata that tell runners not to run."""
    for cell in cells:
        cell["metadata"] |= {
            "tags": ["skip-execution", "raises-exception"],
            "editable": True,
            "deletable": True,
        }


def commanded(cells: list[Node]) -> None:
    """Cell magics above the checks."""
    for name in ("square_values", "total_values"):
        find(cells, name)["source"] = "%%script true\n" + find(cells, name)["source"]


def swapped(cells: list[Node]) -> None:
    """The check's name on a cell of one's own, and the reverse."""
    check, own = find(cells, "square_values"), find(cells, "square")
    check["metadata"]["nbgrader"]["grade_id"] = "square"
    own["metadata"]["nbgrader"]["grade_id"] = "square_values"


def shown(cells: list[Node]) -> None:
    """Outputs of a run that never was."""
    for cell in cells:
        if cell["cell_type"] == "code":
            data = {"text/plain": "2.0"}
            cell["outputs"] = [
                {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
            ]


def misnamed(cells: list[Node]) -> None:
    """Names that are paths, lists and numbers."""
    for name in ("../../planted", ["square"], 3, "x" * 5000, None, {"a": 1}):
        marks = {"grade_id": name, "points": 1e308, "grade": True, "solution": False, "schema_version": 3}
        cells.append({"cell_type": "code", "source": "2.0", "metadata": {"nbgrader": marks}, "outputs": []})


def header(text: bytes) -> bytes:
    """A safetensors file of nothing but a header."""
    return struct.pack("<Q", len(text)) + text


def edited(name: str, edit: Any, earns: float = 3.0) -> Attack:
    """An edited notebook whose `square` is wrong."""
    return Attack(name, {"square": WRONG}, earns, edit=edit)


def artifact(name: str, data: bytes) -> Attack:
    """A file in the artifact's place: it alone is lost."""
    return Attack(name, earns=4.0, files={"target.safetensors": data})


NOTEBOOKS = (
    edited("an emptied check with more points", emptied),
    edited("checks that occur again", doubled),
    edited("the tag skip-execution", skipped),
    edited("a cell magic on a check", commanded),
    edited("a check's name on another cell", swapped),
    edited("outputs of an earlier run", shown),
    edited("cells with impossible names", misnamed),
    Attack("no such cells", earns=0.0, edit=lambda cells: cells.__delitem__(slice(1, None))),
    Attack(
        "modules beside the notebook",
        {"square": WRONG},
        3.0,
        files=dict.fromkeys(
            ("torch.py", "course_utils.py", "json.py", "sitecustomize.py", "conftest.py", "target.pth"),
            b"open('/tmp/planted', 'w').close()\nraise SystemExit",
        ),
    ),
    artifact("a pickle for an artifact", pickle.dumps({"w": Command()})),
    artifact("an artifact that announces more than it has", struct.pack("<Q", 1 << 60) + b"{}"),
    artifact("an artifact nested a thousand deep", header(b'{"w":' * 1000 + b"1" + b"}" * 1000)),
    artifact(
        "an artifact of huge shape",
        header(b'{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}'),
    ),
    artifact("an artifact with a name that is a path", header(b'{"../../planted":{"dtype":"F32"}}')),
    Attack("a link to another's artifact", links={"target.safetensors": "secret.safetensors"}),
    Attack("a link to another's notebook", earns=0.0, links={"target.ipynb": "submitted/bob/target.ipynb"}),
    Attack("a link to a device", earns=0.0, links={"target.ipynb": "/dev/zero"}),
    Attack("a picture for a notebook", earns=0.0, raw=b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    Attack("an empty notebook", earns=0.0, raw=b""),
    Attack("brackets", earns=0.0, raw=b"[" * 2_000_000),
    Attack("a number of a million digits for cells", earns=0.0, raw=b'{"cells": ' + b"9" * 1_000_000 + b"}"),
    Attack("a hundred thousand cells", earns=0.0, raw=b'{"cells": [' + b"{}," * 100_000 + b"{}]}"),
    Attack("broken text", earns=0.0, raw=b'{"cells": [{"cell_type": "code", "source": "\xff\xfe"}]}'),
)
