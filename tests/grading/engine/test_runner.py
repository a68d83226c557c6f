"""A submission's way to its verdict: honest ones, wrong ones, dead and hanging ones."""

import json
import random
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from course_utils.grading import Limits, Verdict, grade
from course_utils.grading.engine.runner import _seed
from course_utils.labs.lab import Cell, to_notebook

LIMITS = Limits(cell_seconds=1.5, check_seconds=1.5, total_seconds=30)
SQUARE = "def square(x):\n    return x * x"
CHECK = """
import torch
from course_utils.checks import close, student
x = torch.randn(5)
close(student.square(x), x * x, "square(x)", hint="multiply")
### BEGIN HIDDEN TESTS
assert student.square(3) == 9
### END HIDDEN TESTS
"""
CUBE_CHECK = """
from course_utils.checks import student
assert student.cube(2) == 8
0.5 if student.cube(3) != 27 else 1.0
"""
TRAINED = "from course_utils.checks import student\n2 * float(student.artifact('toy')['w'].mean())"


@dataclass(frozen=True)
class Toy:
    """A lab of two functions, an artifact, and an answer in words."""

    key: str = "toy"
    cells: tuple[Cell, ...] = (
        Cell("code", "import torch\nbase = 1"),
        Cell("solution", SQUARE, "square"),
        Cell("test", CHECK, "square_values", 2),
        Cell("code", "print('between')"),
        Cell("solution", "def cube(x):\n    return x**3", "cube"),
        Cell("test", CUBE_CHECK, "cube_values", 1),
        Cell(
            "solution",
            "from safetensors.torch import save_file\nsave_file({'w': torch.ones(3)}, 'toy.safetensors')",
            "train",
        ),
        Cell("test", TRAINED, "trained", 2),
        Cell("answer", "because", "why", 3),
    )


LAB = Toy()


@pytest.fixture
def marks(tmp_path, warm):
    """Grade a submission whose cells of these names are replaced; the verdict."""

    def run(limits=LIMITS, change=None, **sources):
        cells = [Cell(c.kind, sources.get(c.name, c.source), c.name, c.points) for c in LAB.cells]
        nodes = json.loads(json.dumps(to_notebook("toy", tuple(cells))))
        if change:
            change(nodes["cells"])
        (tmp_path / "toy.ipynb").write_text(json.dumps(nodes))
        return grade(LAB, tmp_path, limits, warm)

    return run


def points(verdict):
    return {check.name: check.points for check in verdict.checks}


def check(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


def test_the_reference_earns_every_point(marks):
    verdict = marks()
    assert points(verdict) == {"square_values": 2, "cube_values": 1, "trained": 2, "why": 0}
    assert [c.status for c in verdict.checks] == ["passed", "passed", "passed", "manual"]
    assert verdict.notes == ()
    assert verdict.max_points == 8
    assert [c.name for c in verdict.cells] == ["", "square", "", "cube", "train"]
    assert verdict.cells[2].outputs == (("stdout", "between\n"),)
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


def test_a_wrong_value_says_what_is_wrong(marks):
    verdict = marks(square="def square(x):\n    return x + x")
    assert points(verdict)["square_values"] == 0
    assert points(verdict)["cube_values"] == 1
    message = check(verdict, "square_values").message
    assert "square(x)" in message
    assert "expected" in message
    assert "multiply" in message


def test_a_hidden_test_is_not_shown(marks):
    verdict = marks(square="def square(x):\n    return x * x if not isinstance(x, int) else 0")
    result = check(verdict, "square_values")
    assert result.points == 0
    assert result.message == "a hidden test failed (AssertionError)"


def test_part_of_the_points(marks):
    result = check(marks(cube="def cube(x):\n    return 8"), "cube_values")
    assert (result.points, result.status) == (0.5, "partial")


def test_an_exception_names_the_student_s_line(marks):
    result = check(marks(square="def square(x):\n    y = x\n    return y @ 3"), "square_values")
    assert result.status == "error"
    assert "line 3 of square: `return y @ 3`" in result.message


def test_what_is_not_written_yet_says_so(marks):
    assert (
        "not written yet"
        in check(marks(square="def square(x):\n    raise NotImplementedError"), "square_values").message
    )


def test_a_cell_that_fails_costs_only_itself(marks):
    verdict = marks(square="def square(x): retrun x")
    assert points(verdict) == {"square_values": 0, "cube_values": 1, "trained": 2, "why": 0}
    assert verdict.cells[1].error[0] == "SyntaxError"
    assert "there is no `square`" in check(verdict, "square_values").message


@pytest.mark.parametrize(
    "death",
    [
        "import os; os._exit(3)",
        "import os; os.abort()",
    ],
)
def test_a_dead_process_costs_the_cell_that_killed_it(marks, death):
    verdict = marks(cube=death)
    assert points(verdict) == {"square_values": 2, "cube_values": 0, "trained": 2, "why": 0}
    assert verdict.cells[3].status == "crashed"


def test_a_check_that_kills_the_process_costs_itself(marks):
    verdict = marks(square="import os\ndef square(x): os._exit(0)")
    assert points(verdict) == {"square_values": 0, "cube_values": 1, "trained": 2, "why": 0}
    assert check(verdict, "square_values").status == "crashed"


def test_a_loop_is_interrupted_and_the_rest_goes_on(marks):
    verdict = marks(
        square="print('here')\nn = 0\nwhile True:\n    n += 1",
        cube="def cube(x):\n    while True:\n        pass",
    )
    assert points(verdict) == {"square_values": 0, "cube_values": 0, "trained": 2, "why": 0}
    assert verdict.cells[1].status == "timeout"
    assert verdict.cells[1].outputs == (("stdout", "here\n"),)
    assert "of square" in verdict.cells[1].error[2]
    result = check(verdict, "cube_values")
    assert result.status == "timeout"
    assert "of cube: `" in result.message


def test_a_loop_that_ignores_interrupts_is_killed(marks):
    start = time.monotonic()
    loop = "while True:\n        try:\n            while True: pass\n        except BaseException: pass"
    stubborn = f"def square(x):\n    {loop}"
    verdict = marks(square=stubborn)
    assert points(verdict) == {"square_values": 0, "cube_values": 1, "trained": 2, "why": 0}
    assert time.monotonic() - start < 15


def test_a_cell_that_names_what_never_ended_waits_as_a_check_does(marks):
    limits = Limits(cell_seconds=20, check_seconds=1)
    busy = (
        "import time\nend = time.process_time() + 1.5\nwhile time.process_time() < end: pass\nprint('done')"
    )
    for train, status in (("square(torch.ones(2))", "timeout"), (busy, "ok")):
        verdict = marks(limits, square="def square(x):\n    while True: pass", train=train)
        assert verdict.cells[-1].status == status
        assert any("after 0.25 s" in note for note in verdict.notes) == (status == "timeout")


def test_an_answer_has_less_time_than_a_cell_that_trains(warm, tmp_path):
    """A loop in an answer ends soon; a cell without a name may train for longer."""
    busy = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass\nn = {}"
    lab = Toy(cells=(Cell("solution", busy.format(1), "answer"), Cell("code", busy.format(2))))
    (tmp_path / "toy.ipynb").write_text(json.dumps(to_notebook("toy", lab.cells)))
    verdict = grade(lab, tmp_path, Limits(cell_seconds=20, answer_seconds=0.5), warm)
    assert [cell.status for cell in verdict.cells] == ["timeout", "ok"]
    assert "answer was stopped after 0.5 s" in verdict.notes[0]


def test_waiting_is_not_computing(marks):
    """A cell that others keep from the CPU, here by sleeping, goes on beyond its time."""
    verdict = marks(square="import time\ntime.sleep(2)\ndef square(x):\n    return x * x")
    assert points(verdict)["square_values"] == 2
    assert verdict.notes == ()


def test_the_total_time_is_bounded(marks):
    start = time.monotonic()
    loop = "while True: pass"
    verdict = marks(
        Limits(cell_seconds=10, check_seconds=10, total_seconds=2), square=loop, cube=loop, train=loop
    )
    assert verdict.points == 0
    assert time.monotonic() - start < 12
    assert check(verdict, "trained").status == "timeout"


def test_a_number_from_the_student_cannot_hold_up_the_check(warm, tmp_path):
    lab = Toy(
        cells=(
            Cell("solution", "def n(): return 10**12", "n"),
            Cell(
                "test", "from course_utils.checks import student\nfor _ in range(student.n()): pass", "c", 1
            ),
        )
    )
    (tmp_path / "toy.ipynb").write_text(json.dumps(to_notebook("toy", lab.cells)))
    verdict = grade(lab, tmp_path, LIMITS, warm)
    assert verdict.checks[0].status == "timeout"


def test_what_the_check_itself_takes_is_not_the_students_time(warm, tmp_path):
    check = "import time\nfrom course_utils.checks import student\ntime.sleep(0.8)\nassert student.n() == 1"
    lab = Toy(cells=(Cell("solution", "def n(): return 1", "n"), Cell("test", check, "c", 1)))
    (tmp_path / "toy.ipynb").write_text(json.dumps(to_notebook("toy", lab.cells)))
    verdict = grade(lab, tmp_path, Limits(cell_seconds=0.5, check_seconds=0.5), warm)
    assert verdict.checks[0].status == "passed", verdict.checks[0].message


def test_changed_deleted_and_copied_cells(marks):
    def change(cells):
        cells[2]["source"] = "1"  # the check is emptied
        cells[5]["metadata"]["nbgrader"]["points"] = 100
        cells.append(json.loads(json.dumps(cells[5])))
        del cells[4]

    verdict = marks(change=change)
    assert points(verdict) == {"square_values": 2, "cube_values": 0, "trained": 2, "why": 0}
    assert any("square_values was changed" in note for note in verdict.notes)
    assert any("cube is not in the notebook" in note for note in verdict.notes)
    assert verdict.max_points == 8


def test_artifacts_handed_in_come_first(marks, tmp_path):
    from safetensors.torch import save_file

    save_file({"w": torch.full((2,), 0.25)}, tmp_path / "toy.safetensors")
    assert points(marks())["trained"] == 0.5
    (tmp_path / "toy.safetensors").write_bytes(b"\x80\x04K.")
    verdict = marks()
    assert points(verdict)["trained"] == 0
    assert "toy.safetensors is not in order" in check(verdict, "trained").message
    (tmp_path / "toy.safetensors").unlink()
    assert "there is no toy.safetensors" in check(marks(train="1"), "trained").message


def test_an_unreadable_submission_is_refused_with_a_reason(warm, tmp_path):
    (tmp_path / "toy.ipynb").write_text("{")
    verdict = grade(LAB, tmp_path, LIMITS, warm)
    assert verdict.status == "refused"
    assert "not a notebook" in verdict.reason
    assert verdict.points == 0
    assert verdict.max_points == 8
    assert {check.message for check in verdict.checks} == {""}  # the reason stands once


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess; subprocess.run(['true'])",
        "from torch.utils.data import DataLoader; list(DataLoader([1, 2], num_workers=2))",
        "%%bash\ntrue",
    ],
)
def test_that_no_process_can_be_started_is_said_in_words(marks, source):
    cell = next(cell for cell in marks(cube=source).cells if cell.name == "cube")
    assert "no other process can be started" in cell.error[1]


def test_of_a_bars_states_the_last_is_kept(marks):
    bar = "import sys\nfor i in range(300): print(f'\\r{i} of 300 ' + '#' * 90, end='', file=sys.stderr)"
    cell = next(cell for cell in marks(cube=f"{bar}\nprint('done')").cells if cell.name == "cube")
    assert cell.outputs == (("stderr", "299 of 300 " + "#" * 90), ("stdout", "done\n"))


def test_grading_again_gives_the_same(marks):
    one, two = (
        marks(square="def square(x):\n    return x + x"),
        marks(square="def square(x):\n    return x + x"),
    )
    assert [c.message for c in one.checks] == [c.message for c in two.checks]


def test_the_next_submission_starts_clean(marks):
    marks(
        square="import builtins, torch\nbuiltins.planted = 1\ntorch.allclose = lambda *a: True\nopen('x', 'w').close()"
    )
    verdict = marks(
        square="import builtins, os\ndef square(x):\n"
        "    assert not hasattr(builtins, 'planted') and os.listdir() == []\n    return x * x"
    )
    assert points(verdict)["square_values"] == 2


@pytest.mark.parametrize("decorator", ["@torch.compile", "@torch.compile(fullgraph=True)"])
def test_what_is_compiled_is_a_plain_function_when_marked(marks, decorator):
    assert points(marks(square=f"import torch\n\n{decorator}\n{SQUARE}"))["square_values"] == 2


def test_what_a_check_draws_is_its_own_and_the_same_again():
    def drawn(digest, name):
        _seed(digest, name)
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    first = drawn("digest", "check")
    assert first == drawn("digest", "check")
    assert not set(first) & {*drawn("digest", "other"), *drawn("another", "check")}
