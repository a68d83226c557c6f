"""Submissions of people who mean well: what goes wrong costs what it touches, and the rest earns its points."""

import json

from tests.grading.attacks.attack import SQUARE, TOTAL, Attack, Node
from tests.grading.attacks.notebooks import find

RIGHT = Attack("right").notebook()


def written(name: str, square: str, earns: float = 5.0, **more: object) -> Attack:
    """The cell of `square` is written in another way."""
    return Attack(name, {"square": square}, earns, **more)  # type: ignore[arg-type]


def given(name: str, raw: bytes) -> Attack:
    """Something else is handed in where a notebook is due."""
    return Attack(name, earns=0.0, raw=raw)


def doubled_cells(cells: list[Node]) -> None:
    """Every cell once more at the end, as after a copy of all."""
    cells += [json.loads(json.dumps(cell)) for cell in cells]


def renamed(cells: list[Node]) -> None:
    """The metadata of one cell is lost, as some editors do."""
    find(cells, "total")["metadata"] = {}


def without_checks(cells: list[Node]) -> None:
    """The checks are deleted."""
    marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    cells[:] = [cell for cell, mark in zip(cells, marks) if mark.get("solution") or not mark.get("grade")]


def noted(cells: list[Node]) -> None:
    """Words, a picture that was pasted, and an empty cell."""
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    words = {
        "cell_type": "markdown",
        "metadata": {},
        "source": "see ![it](attachment:a.png) and [a page](https://a.example)",
    }
    cells += [words | {"attachments": {"a.png": {"image/png": pixel}}}]
    cells += [{"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": None}]


def with_outputs(cells: list[Node]) -> None:
    """The outputs of a day's work."""
    text = {"output_type": "stream", "name": "stdout", "text": "step\n" * 20_000}
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = [text]


CLUMSY = (
    written("a syntax error", "def square(x)\n    return x * x", 3.0),
    written("an indentation that is mixed", "def square(x):\n    y = x\n\treturn y * y", 3.0),
    written("not written yet", "def square(x):\n    raise NotImplementedError", 3.0),
    written("an empty cell", "", 3.0),
    written("printed instead of returned", "def square(x):\n    print(x * x)", 3.0),
    written("another name", "def squared(x):\n    return x * x", 3.0),
    written("a shape too many", "def square(x):\n    return (x * x)[None]", 3.0),
    written("a list for a tensor", "def square(x):\n    return [float(v) ** 2 for v in x]"),
    written("float64 for float32", "def square(x):\n    return x.double() ** 2"),
    written("NumPy for PyTorch", "import numpy as np\ndef square(x):\n    return np.square(x.numpy())"),
    written("a library that is not there", f"{SQUARE}\nimport tensorflow_of_another_course"),
    written("a missing import", "def square(x):\n    return np.square(x)", 3.0),
    written("a question to the keyboard", f"{SQUARE}\nname = input('your name? ')"),
    written("a shell command for a package", f"{SQUARE}\n!pip install numpy"),
    written("a magic that times", f"%%time\n{SQUARE}"),
    written("a bar of a loop", f"{SQUARE}\nfrom tqdm.auto import tqdm\nfor _ in tqdm(range(500)): pass"),
    written("a loader with processes", f"{SQUARE}\nlist(torch.utils.data.DataLoader([1, 2], num_workers=2))"),
    written("a file that is on another machine", f"{SQUARE}\nopen('C:/Users/me/data.csv')"),
    written("CUDA asked for", f"{SQUARE}\ntorch.ones(1).cuda()"),
    written("exit at the end", f"{SQUARE}\nexit()"),
    written("warnings", f"{SQUARE}\nimport warnings\nwarnings.warn('careful')"),
    written("a figure", f"{SQUARE}\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"),
    Attack(
        "total by a loop",
        {"total": "def total(numbers):\n    s = 0\n    for n in numbers: s += n\n    return s"},
    ),
    Attack("square and total in one cell", {"square": f"{SQUARE}\n{TOTAL}", "total": ""}),
    Attack("no training", {"train": "# it takes too long"}, 4.0),
    Attack("cells copied to the end", edit=doubled_cells),
    Attack("a cell without its metadata", edit=renamed),
    Attack("checks deleted", edit=without_checks),
    Attack("notes with a picture", edit=noted),
    Attack("a day's outputs", edit=with_outputs),
    Attack("a copy beside the notebook", files={"target (1).ipynb": RIGHT, "target_old.ipynb": b"{}"}),
    given("cut off", RIGHT[: len(RIGHT) // 2]),
    given("a script for a notebook", SQUARE.encode()),
    given(
        "a notebook of another course", json.dumps({"cells": [{"cell_type": "code", "source": "1"}]}).encode()
    ),
)
