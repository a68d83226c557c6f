"""Answers that look like right ones, settings of the student's own process, and files that claim to be others."""

import json
import struct
from typing import Any

from tests.grading.attacks.attack import SQUARE, Attack
from tests.grading.attacks.marks import on_square, on_total
from tests.grading.attacks.notebooks import artifact, edited


def saved(dtype: str, data: bytes, **more: dict[str, Any]) -> bytes:
    """A safetensors file with `w` (4,) of that type, and more entries in its header."""
    header = {"w": {"dtype": dtype, "shape": [4], "data_offsets": [0, len(data)]}} | more
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def quarter(more: str) -> str:
    """A cell that trains as it is asked to, and then does more."""
    return (
        "import torch\nfrom safetensors.torch import save_file\n"
        f"save_file({{'w': torch.full((4,), 0.25)}}, 'target.safetensors')\n{more}"
    )


def as_kernel(cells: list[dict]) -> None:
    """Cells of a kind that no notebook has, and one in another language."""
    cells.insert(0, {"cell_type": "heading", "source": "square", "metadata": {}, "level": 1})
    cells.append({"cell_type": "raw", "source": "2.0", "metadata": {"format": "text/x-python"}})


def with_ids(cells: list[dict]) -> None:
    """One id for every cell."""
    for cell in cells:
        cell["id"] = "square_values"


def own_check(cells: list[dict]) -> None:
    """A check of its own invention, with points."""
    marks = {"grade_id": "extra", "points": 50, "grade": True, "solution": False, "schema_version": 3}
    cells.append({"cell_type": "code", "source": "50.0", "metadata": {"nbgrader": marks}, "outputs": []})


def reordered(cells: list[dict]) -> None:
    """The last cell first."""
    cells.reverse()


ANSWERS = (
    on_total("a string that reads like the number", "def total(numbers): return '6'"),
    on_total("a list of the number", "def total(numbers): return [6]"),
    on_total("a truth for a number", "def total(numbers): return True"),
    on_total("a coroutine", "async def total(numbers): return sum(numbers)"),
    on_total("a function that returns a function", "def total(numbers): return lambda: sum(numbers)"),
    on_total(
        "another answer at every second call",
        "calls = []\ndef total(numbers):\n    calls.append(1)\n    return 6 if len(calls) % 2 else 0",
    ),
    on_total(
        "an answer that depends on who asks",
        "import sys\ndef total(numbers):\n    return sum(numbers) if 'ipykernel' in sys.modules else 6",
    ),
    on_total(
        "a number whose text is another",
        "class N(int):\n    __repr__ = __str__ = lambda _: '30'\n    __index__ = __int__ = lambda _: 30\n"
        "def total(numbers): return N(6)",
    ),
    on_square("an array of objects", "import numpy as np\ndef square(x): return np.array([object()] * 3)"),
    on_square("complex numbers that are real", "def square(x): return (x + x).to(torch.complex64)"),
    on_square("a tensor that is sparse", "def square(x): return (x + x).to_sparse()"),
    on_square("a tensor without storage", "def square(x): return torch.empty_like(x, device='meta')"),
    on_square("a parameter for an answer", "def square(x): return torch.nn.Parameter(x + x)"),
    on_square(
        "a class with the function's name",
        "class square:\n    def __init__(self, x): self.x = x\n    def __getattr__(self, name): return self.x",
    ),
    on_square(
        "a graph whose gradient runs code of its own",
        "class Own(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x): return x + x\n"
        "    @staticmethod\n    def backward(ctx, g): raise SystemExit\ndef square(x): return Own.apply(x)",
    ),
)
SETTINGS = (
    on_square(
        "the course's settings changed",
        "import os\nos.environ.update(COURSE_TIER='full', COURSE_COUNTS='none', COURSE_PICTURES='1')",
    ),
    on_square(
        "PyTorch's defaults changed",
        "torch.set_default_dtype(torch.float16)\ntorch.set_grad_enabled(False)\ntorch.set_num_threads(2)",
        costs=True,  # its own net is of another type
    ),
    on_square("the seed fixed for good", "torch.manual_seed(0)\ntorch.rand = lambda *_: torch.zeros(7)"),
    on_square(
        "the module of the checks taken away",
        "import sys\nfor name in [n for n in sys.modules if n.startswith('course_utils')]: del sys.modules[name]",
    ),
    on_square("warnings as errors", "import warnings\nwarnings.simplefilter('error')"),
    on_square("a clock that stands", "import time\ntime.time = time.monotonic = lambda: 0.0", costs=True),
)
FILES = (
    artifact("an artifact of whole numbers", saved("I32", struct.pack("<4i", 1, 1, 1, 1))),
    artifact("an artifact that is not finite", saved("F32", struct.pack("<4f", *[float("nan")] * 4))),
    artifact("an artifact of another length", saved("F32", bytes(12))),
    artifact(
        "an artifact with a tensor more than it says",
        saved("F32", bytes(16), v={"dtype": "F32", "shape": [1 << 20], "data_offsets": [16, 16]}),
    ),
    artifact("an artifact whose text is no text", struct.pack("<Q", 8) + b'{"w\xff": 1}'[:8] + bytes(16)),
    edited("a check of its own with points", own_check),
    edited("cells of kinds that are none", as_kernel),
    edited("one id for every cell", with_ids),
    Attack(
        "a net taken back after it was trained",
        {"train": quarter("import os\nos.remove('target.safetensors')")},
        4.0,
    ),
    Attack("cells in another order", {"square": SQUARE}, edit=reordered, costs=True),
)
DISGUISES = (*ANSWERS, *SETTINGS, *FILES)
