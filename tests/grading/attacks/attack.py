"""What an attack is, and the lab that all of them are handed in for: three checks, two of them with a hidden half."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course_utils.labs.lab import Cell, Lab, to_notebook

NEEDLE = "needle-4711"  # stands in the hidden tests, the gradebook, and other secrets; nobody may be shown it
TOLD = "got in"  # what an attack prints, in two pieces, where it succeeded
KEY = "target"

SQUARE = "def square(x):\n    return x * x"
TOTAL = "def total(numbers):\n    return sum(numbers)"
TRAIN = (
    "import torch\nfrom safetensors.torch import save_file\n"
    "save_file({'w': torch.full((4,), 0.25)}, 'target.safetensors')"
)
SQUARE_CHECK = f"""\
import torch
from course_utils.checks import close, student
x = torch.tensor([1.0, 2.0, 3.0])
close(student.square(x), torch.tensor([1.0, 4.0, 9.0]), "square(x)", hint="multiply")
### BEGIN HIDDEN TESTS
secret = "{NEEDLE}"
x = torch.randn(7)
close(student.square(x), x * x, "square of other numbers", hint="multiply")
### END HIDDEN TESTS"""
TOTAL_CHECK = f"""\
from course_utils.checks import equal, student
equal(student.total([1, 2, 3]), 6, "total([1, 2, 3])", hint="add")
### BEGIN HIDDEN TESTS
assert student.total([10, 20]) == 30, "{NEEDLE}"
### END HIDDEN TESTS"""
TRAINED = """\
import torch
from course_utils.checks import student
w = student.artifact("target")["w"]
1.0 if w.shape == (4,) and torch.equal(w, torch.full((4,), 0.25)) else 0.0"""

LAB = Lab(
    KEY,
    (
        Cell("code", "import torch"),
        Cell("solution", SQUARE, "square"),
        Cell("test", SQUARE_CHECK, "square_values", 2),
        Cell("solution", TOTAL, "total"),
        Cell("test", TOTAL_CHECK, "total_values", 2),
        Cell("solution", TRAIN, "train"),
        Cell("test", TRAINED, "trained", 1),
    ),
)
FULL = 5.0
Node = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """A hostile or broken submission.

    Attributes:
        name: What it tries.
        cells: The student's named cells that differ from a right answer; the others earn their points.
        earns: The points that it deserves.
        files: What lies beside the notebook, by name.
        folders: Names that are folders, beside the notebook or in its place.
        links: Links beside the notebook, or in its place, to files of `world` (see test_attacks.py).
        edit: What is done to the notebook's list of cells.
        raw: Bytes in the notebook's place.
        harm: Further texts that must not be in its outputs, errors and messages.
        hangs: It is stopped by a limit, so that it runs under short ones.
        costs: It may lose points that it deserved: it ends its own process, or waits.
    """

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    earns: float = FULL
    files: dict[str, bytes] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)
    edit: Callable[[list[Node]], object] | None = None
    raw: bytes | None = None
    harm: tuple[str, ...] = ()
    hangs: bool = False
    costs: bool = False

    def notebook(self, world: str = "") -> bytes:
        """What is handed in; `@WORLD` in a source is the folder where the secrets lie."""
        if self.raw is not None:
            return self.raw
        cells = tuple(
            Cell(c.kind, self.cells.get(c.name, c.source).replace("@WORLD", world), c.name, c.points)
            for c in LAB.cells
        )
        nodes = json.loads(json.dumps(to_notebook(KEY, cells)))
        if self.edit is not None:
            self.edit(nodes["cells"])
        return json.dumps(nodes).encode()
