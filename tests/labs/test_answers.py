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
