"""The shell that runs a student's cells: what it passes on as Python is what IPython makes of it."""

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from course_utils.grading.kernel.shell import is_python
from course_utils.labs.lab import Lab
from course_utils.topics import KEYS

TRANSFORM = TransformerManager().transform_cell


@pytest.mark.parametrize("key", KEYS)
def test_cells_that_are_not_looked_through_are_python_as_they_stand(key):
    cells = [cell.source for cell in Lab.load(key).cells if cell.kind in ("code", "solution")]
    plain = [cell for cell in cells if is_python(cell)]
    assert len(plain) > 0.9 * len(cells)
    assert [TRANSFORM(cell) for cell in plain] == [cell.rstrip("\n") + "\n" for cell in plain]


@pytest.mark.parametrize(
    "cell",
    [
        "%time f()",
        "%%time\nf()",
        "if True:\n    !ls",
        "x = !ls",
        "x = %env HOME",
        "x = \\\n    !ls",
        "a, b = !ls",
        "f?",
        "f.g??",
        "?f",
        "x = 1\nf?",
        ",f a b",
        ";f a b",
        "/f a",
        ">>> f()",
        "In [1]: f()\n   ...: g()",
        "  f()\n  g()",
        "\n\nf()",
    ],
)
def test_what_ipython_sees_more_in_is_left_to_it(cell):
    assert TRANSFORM(cell) != cell + "\n"
    assert not is_python(cell)


def test_a_string_with_prompts_in_it_stays_as_it_was_written(student):
    cell = 'page = """\n>>> 1 + 1\n2\n"""\n'
    assert is_python(cell)
    assert student(cell + "def read(): return page").read() == "\n>>> 1 + 1\n2\n"
