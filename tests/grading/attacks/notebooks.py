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


def pasted(cells: list[Node]) -> None:
    """Attachments that are pages and lists."""
    told = {"a.png": {"image/png": "PHN2Zz4=", "text/html": "<b>"}, "b": [], "c": {"image/jpeg": 3}}
    cells.append(
        {"cell_type": "markdown", "source": "![](attachment:a.png)", "metadata": {}, "attachments": told}
    )


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
    artifact("an artifact that announces more than it has", struct.pack("<Q", 1 << 10) + b"{}"),
    artifact("an artifact with a nested header", header(b'{"w":' * 50 + b"1" + b"}" * 50)),
    artifact(
        "an artifact without its numbers",
        header(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
    ),
    artifact(
        "an artifact whose tensors share their bytes",
        header(
            b'{"v":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
        )
        + struct.pack("<4f", *[0.25] * 4),
    ),
    artifact("an artifact of no values", header(b'{"w":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}}')),
    artifact(
        "an artifact that is a pointer of Git LFS", b"version https://git-lfs.github.com/spec/v1\nsize 16\n"
    ),
    artifact("an artifact with a name that is a path", header(b'{"../../planted":{"dtype":"F32"}}')),
    Attack("a link to another's artifact", links={"target.safetensors": "secret.safetensors"}),
    Attack("a link to another's notebook", earns=0.0, links={"target.ipynb": "submitted/bob/target.ipynb"}),
    Attack("a link to a device", earns=0.0, links={"target.ipynb": "/dev/zero"}),
    Attack("a picture for a notebook", earns=0.0, raw=b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    Attack("an empty notebook", earns=0.0, raw=b""),
    Attack("brackets", earns=0.0, raw=b"[" * 200),
    Attack("a number of many digits for cells", earns=0.0, raw=b'{"cells": ' + b"9" * 5_000 + b"}"),
    Attack("two thousand cells", earns=0.0, raw=b'{"cells": [' + b"{}," * 2_000 + b"{}]}"),
    Attack("a string that does not end", earns=0.0, raw=b'{"cells": ["' + rb"\"" * 500),
    Attack("a web page for a notebook", earns=0.0, raw=b"<!DOCTYPE html><html>sign in</html>"),
    Attack("a merge conflict", earns=0.0, raw=b'{\n<<<<<<< HEAD\n"cells": []\n=======\n>>>>>>> main\n}'),
    Attack("a folder for an artifact", folders=("target.safetensors",)),
    Attack("a folder for a notebook", earns=0.0, folders=("target.ipynb",)),
    Attack("another file beside the notebook", files={"best.safetensors": bytes(64), "a\x1b[31m\n.pt": b"x"}),
    Attack("a date that is none", files={"timestamp.txt": b"the day before yesterday"}),
    Attack("a picture that is none", edit=pasted),
    Attack("broken text", earns=0.0, raw=b'{"cells": [{"cell_type": "code", "source": "\xff\xfe"}]}'),
)
