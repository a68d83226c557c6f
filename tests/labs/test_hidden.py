"""Hidden tests of a check: what is seen, and what is not."""

import pytest

from course_utils.labs.hidden import BEGIN, END, is_hidden, visible

CHECK = ["seen", f"  {BEGIN}", "hidden", f"  {END} ", "seen too"]


def test_what_stands_between_the_marks_is_not_seen():
    assert visible("\n".join(CHECK)) == "seen\nseen too"
    assert visible("\n".join(CHECK[:3])) == "seen"
    assert visible("\n".join(["seen", f"say('{BEGIN}')"])) == f"seen\nsay('{BEGIN}')"


@pytest.mark.parametrize("lines, hidden", [(1, False), (2, True), (3, True), (4, False), (5, False)])
def test_a_line_is_hidden_from_the_first_mark_to_the_last(lines, hidden):
    assert is_hidden(CHECK[:lines]) is hidden
