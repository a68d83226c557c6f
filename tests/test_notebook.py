"""A check in a student's notebook: a line when it passes, and nothing left behind."""

import random
import sys
import warnings

import numpy as np
import pytest
import torch

from course_utils.checks import CheckFailed
from course_utils.checks.student import Namespace, standing_behind
from course_utils.notebook import apart, check

TITLE = "# @title Check f_values: 2 points\n"
MEDDLING = """\
import random, warnings
import matplotlib.pyplot as plt
import numpy as np
import torch
torch.manual_seed(1); np.random.seed(1); random.seed(1)
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(True)
warnings.simplefilter("ignore")
np.seterr(all="raise")
plt.rcParams["figure.figsize"] = (1, 1)
plt.figure()
"""


def state():
    import matplotlib.pyplot as plt

    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),
        "random": random.getstate(),
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warnings": list(warnings.filters),
        "errors": np.geterr(),
        "size": plt.rcParams["figure.figsize"],
        "figures": plt.get_fignums(),
        "main": set(sys.modules["__main__"].__dict__),
    }


@pytest.mark.parametrize("end", ["", "assert False\n", "0.5\n"])
def test_it_leaves_nothing_behind_whether_it_passes_fails_or_gives_a_part(end, capsys):
    before = state()
    try:
        check(TITLE + MEDDLING + end)
    except CheckFailed:
        assert end.startswith("assert")
    assert state() == before


def test_it_says_one_line_when_it_passes(capsys):
    assert check(TITLE + "x = 1\n") is None
    assert capsys.readouterr().out == "✓ f_values: 2 of 2\n"


def test_a_part_of_the_points_is_said_and_given_as_nbgrader_takes_it(capsys):
    assert check(TITLE + "1.5\n") == 1.5
    assert capsys.readouterr().out == "◐ f_values: 1.5 of 2 points\n"


def test_its_random_inputs_are_new_every_time(capsys):
    torch.manual_seed(0)
    for _ in range(2):
        check(TITLE + "import torch\nprint(torch.rand(()).item())\n")
    first, _, second, _ = capsys.readouterr().out.splitlines()
    assert first != second


def test_a_failure_is_shown_without_a_traceback():
    with pytest.raises(CheckFailed) as caught:
        check(TITLE + "from course_utils.checks import equal\nequal(1, 2, 'f(x)', 'the sign')\n")
    assert caught.value._render_traceback_() == [f"✗ {caught.value}"]
    assert "look at:  the sign" in str(caught.value)


def test_an_error_in_a_method_of_the_students_names_the_students_line():
    cell = "class Net:\n    def forward(self, x):\n        return 1 / x\n"
    names: dict = {}
    exec(compile(cell, "ipykernel_1/2.py", "exec"), names)
    behind = standing_behind(Namespace(names))
    with behind, pytest.raises(CheckFailed, match=r"forward.* raised ZeroDivisionError"):
        check(TITLE + "from course_utils.checks import student\nstudent.Net().forward(0)\n")


def test_only_checks_run_apart():
    for cell in (["x = 1\n"], ["# @title My own form\n", "x = 1\n"]):
        assert apart(cell) == cell
    (line,) = apart([TITLE, "x = '''\n", "'''\n"])
    names: dict = {}
    exec(line, names)
    assert "x" not in names
