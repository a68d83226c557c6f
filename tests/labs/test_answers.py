"""Files of answers are read as text, and say what is wrong with them."""

from pathlib import Path

import pytest

from course_utils.labs.answers import AnswerError, read


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "wrong_answers.py"
    path.write_text(text)
    return path


def test_each_definition_is_an_answer_with_the_imports_in_front(tmp_path):
    path = write(
        tmp_path,
        "import math\n\n@wrong(check='f_values', why='one too many')\ndef f(x):\n    return math.pi\n\n"
        "@wrong(check='f_shape', why='a list')\ndef f(x):\n    return [x]\n",
    )
    first, second = read(path, "wrong")
    assert first.source == "import math\n\ndef f(x):\n    return math.pi"
    assert (second.cell, second.check, second.why) == ("f", "f_shape", "a list")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(x): return x", "needs @wrong"),
        ("@wrong(why='no check')\ndef f(x): return x", "takes check, why"),
        ("def f(x: return x", "wrong_answers.py:1"),
    ],
)
def test_what_is_not_in_order_is_said_with_its_line(tmp_path, text, message):
    with pytest.raises(AnswerError, match=message):
        read(write(tmp_path, text), "wrong")


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(AnswerError, match="no such file"):
        read(tmp_path / "right_answers.py", "right")


REFERENCE = '''
def scale(x, by=2):
    """x * by, by default x * 2."""
    y = x * by
    return y


class Net:
    """A net: a.

    >>> a + 1
    """

    def first(self, a):
        """a + 1"""
        return a + 1

    def second(self, a):
        return a - 1
'''


RIGHT = """import math

@right(why="a sum")
def scale(x, by=2): return math.fsum([x] * by)
"""


def edited(tmp_path: Path, text: str, kind="wrong"):
    (tmp_path / "reference.py").write_text(REFERENCE)
    (tmp_path / "right_answers.py").write_text(RIGHT)
    return read(write(tmp_path, text), kind)


def test_an_edit_changes_text_of_the_reference(tmp_path):
    (answer,) = edited(
        tmp_path, "edits['scale', 's'] = {'adds': {'x * by': 'x + by', 'return y': 'return -y'}}"
    )
    names = {}
    exec(answer.source, names)
    assert (names["scale"](5), answer.cell, answer.check, answer.why) == (-7, "scale", "s", "adds")
    assert "x * by, by default x * 2." in answer.source, (
        "a docstring is no code: it neither counts nor changes"
    )


def test_a_right_answer_is_edited_in_the_place_of_the_reference_and_brings_its_imports(tmp_path):
    (answer,) = edited(tmp_path, "edits['scale', 's', 'a sum'] = {'one too many': {'* by': '* (by + 1)'}}")
    names = {}
    exec(answer.source, names)
    assert (names["scale"](5), answer.check, answer.why) == (15, "s", "one too many")


def test_an_edit_of_a_class_keeps_its_other_methods_and_brings_the_imports(tmp_path):
    first, second = edited(
        tmp_path,
        "import math\n\nedits['Net in nets'] = {'by pi': {'a + 1': 'a + math.pi'}}\n\n"
        "@right(why='another way')\ndef scale(x, by=2): return by * x\n",
        "right",
    )
    names = {}
    exec(first.source, names)
    net = names["Net"]()
    assert (round(net.first(1), 2), net.second(1), first.cell, first.check) == (4.14, 0, "nets", "")
    assert second.cell == "scale"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("edits['Net', 's'] = {'w': {'a * 1': 'a'}}", r"answers.py:2: edits of Net: 'a \* 1' is not in it"),
        ("edits['Net', 's'] = {'w': {'self, a': 'a'}}", ":2: edits of Net: 'self, a' stands in it 2 times"),
        ("edits['None', 's'] = {'w': {'a': 'b'}}", ":2: edits of 'None': .*reference.py: no top-level"),
        ("edits['Net', 's'] = {'w': {'a + 1': '(a'}}", ":2: Net, 'w': not Python"),
        ("edits['Net', 's'] = {'w': {'a + 1': 'a + 1'}}", ":2: edits of Net: {"),
        ("edits['Net', 's'] = {'w': {'a + 1': 'a', 'return a + 1': 'b'}}", "overlap"),
        ("edits['Net', 's'] = {'w': {}}", ":2: edits of Net: {"),
        ("edits['Net', 's'] = {}", ":2: edits of Net: {"),
        ("edits['Net'] = {'w': {'a + 1': 'a'}}", ':2: edits are written edits."name", "check"'),
        ("edits['Net', 's', 'r', 't'] = {'w': {'a + 1': 'a'}}", ":2: edits are written"),
        ("edits['Net', 's'] = {w: {'a + 1': 'a'}}", ":2: a plain value is due here"),
        ("edti['Net', 's'] = {'w': {'a + 1': 'a'}}", ":2: edits are written"),
        ("edits['Net', 's', 'r'] = {'w': {'a + 1': 'a'}}", ":2: edits of Net: 0 right answers say 'r'"),
        ("edit('Net')", ":2: only imports, definitions and edits"),
        ("NUMBER = 3", ":2: edits are written"),
    ],
)
def test_an_edit_that_is_not_in_order_is_said_with_its_line(tmp_path, text, message):
    with pytest.raises(AnswerError, match=message):
        edited(tmp_path, f'"""Mistakes."""\n{text}')
