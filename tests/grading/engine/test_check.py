"""A check's points: what its last expression says, to two decimals, with the reason where one is given."""

from course_utils.checks.judge import Earned
from course_utils.grading.engine.check import run_check


def test_points_have_two_decimals():
    check = run_check("1 / 3", "thirds", 2)
    assert (check.status, check.points, check.message) == ("partial", 0.33, "0.33 of 2 points")


def test_full_points_say_nothing():
    assert run_check("2.0", "all", 2) == ("passed", 2.0, "")
    assert run_check("x = 0", "no number", 2) == ("passed", 2.0, "")


def test_the_reason_stands_behind_the_points():
    source = "from course_utils.checks.judge import Earned\nEarned(1.2, 'a mini net')"
    assert run_check(source, "judged", 2).message == "1.2 of 2 points: a mini net"
    assert Earned(1.234).why == ""


def test_what_only_looks_like_a_number_earns_no_part():
    assert run_check("True", "truth", 2).points == 2
    assert run_check("float('nan')", "nan", 2).points == 2
