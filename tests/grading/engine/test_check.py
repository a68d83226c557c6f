"""A check's points: what its last expression says, to two decimals, with the reason where one is given."""

import numpy as np
import pytest
import torch

from course_utils.audit import rehearsal
from course_utils.checks.credit import Earned, credit
from course_utils.grading.engine.check import run_check


def test_points_have_two_decimals():
    check = run_check("1 / 3", "thirds", 2)
    assert (check.status, check.points, check.message) == ("partial", 0.33, "0.33 of 2 points")


def test_full_points_say_nothing():
    assert run_check("2.0", "all", 2) == ("passed", 2.0, "")
    assert run_check("x = 0", "no number", 2) == ("passed", 2.0, "")


def test_the_reason_stands_behind_the_points():
    source = "from course_utils.checks.credit import Earned\nEarned(1.2, 'a mini net')"
    assert run_check(source, "judged", 2).message == "1.2 of 2 points: a mini net"
    assert Earned(1.234).why == ""


@pytest.mark.parametrize(
    "said", ["True", "'0.5'", "None", "[1, 2]", "torch.tensor([True])", "np.bool_(1)", "print"]
)
def test_what_is_no_number_says_nothing(said):
    assert run_check(f"import numpy as np, torch\n{said}", "no number", 2).points == 2


@pytest.mark.parametrize(
    ("said", "earned"),
    [
        ("np.mean([0., 0.])", 0),
        ("torch.zeros(4).mean()", 0),
        ("np.int64(0)", 0),
        ("np.float32(1.5)", 1.5),
        ("torch.tensor([[1]])", 1),
        ("np.array([0.25])", 0.25),
        ("torch.tensor(1.0, requires_grad=True)", 1),
        ("fractions.Fraction(1, 2)", 0.5),
        ("0", 0),
        ("2.0000001", 2),
        ("torch.tensor(2.0)", 2),
    ],
)
def test_a_number_of_any_library_is_what_is_earned(said, earned):
    check = run_check(f"import fractions\nimport numpy as np\nimport torch\n{said}", "number", 2)
    assert check.points == earned
    assert check.status == {0: "failed", 2: "passed"}.get(earned, "partial")


@pytest.mark.parametrize(
    "said",
    [
        *(
            "float('nan')",
            "np.nan",
            "-0.5",
            "2.1",
            "1j",
            "np.inf",
            "torch.ones(2)",
            "np.zeros(0)",
            "10 ** 400",
        ),
        *("False", "torch.tensor([True, False])", "np.bool_(0)"),
    ],
)
def test_a_value_that_is_no_share_is_an_error_that_names_it(said):
    check = run_check(f"import numpy as np\nimport torch\n{said}", "no share", 2)
    assert (check.status, check.points) == ("error", 0)
    value = repr(eval(said, {"np": np, "torch": torch}))[:40]
    assert check.message.startswith(f"this check is not in order, tell your teacher: it ends in {value}")


@pytest.mark.parametrize(
    ("value", "status"), [("0.997", "passed"), ("0.994", "partial"), ("0.004", "failed")]
)
def test_credit_is_rounded_before_it_is_judged_here_and_in_an_audit(value, status):
    assert run_check(value, "near", 1).status == status
    assert rehearsal.credit is credit


def test_points_of_three_decimals_can_be_earned_in_full():
    assert run_check("None", "small", 0.125) == ("passed", 0.125, "")


def test_a_net_that_writes_into_its_input_is_told_so():
    source = "import torch\nx = torch.ones(2, requires_grad=True)\ntorch.nn.ReLU(inplace=True)(x)"
    check = run_check(source, "relu", 2)
    assert check.status == "failed"
    assert "inplace=True" in check.message
    assert "make a new one" in check.message
