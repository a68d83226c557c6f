"""Checks written for plain nbgrader: nbgrader's own quickstart assignment, right and wrong."""

import json
from pathlib import Path

import nbformat
import nbgrader
import pytest

from course_utils.grading import Limits, grade
from course_utils.grading.engine.names import defined, imports, uses_student
from course_utils.labs.lab import Cell, Lab, from_notebook

SOURCE = Path(nbgrader.__file__).parent / "docs/source/user_guide/source/ps1/problem1.ipynb"
RIGHT = {
    "correct_squares": 1,
    "squares_invalid_input": 1,
    "correct_sum_of_squares": 0.5,
    "sum_of_squares_uses_squares": 0.5,
}


@pytest.mark.parametrize(
    ("name", "old", "new", "lost"),
    [
        ("", "", "", set()),
        ("squares", "i ** 2", "i", {"correct_squares", "correct_sum_of_squares"}),
        ("squares", "raise ValueError", "raise KeyError", {"squares_invalid_input"}),
        (
            "sum_of_squares",
            "sum(squares(n))",
            "n * (n + 1) * (2 * n + 1) // 6",
            {"sum_of_squares_uses_squares"},
        ),
        ("squares", "def squares", "def cubes", set(RIGHT)),
    ],
)
def test_nbgraders_quickstart(warm, tmp_path, name, old, new, lost):
    notebook = nbformat.read(SOURCE, as_version=4)
    lab = Lab("problem1", from_notebook(notebook))
    submitted = json.loads(json.dumps(notebook))
    for cell in submitted["cells"]:
        if name and cell["metadata"].get("nbgrader", {}).get("grade_id") == name:
            assert old in cell["source"]
            cell["source"] = cell["source"].replace(old, new)
    (tmp_path / "problem1.ipynb").write_text(json.dumps(submitted))
    verdict = grade(lab, tmp_path, Limits(), warm)
    got = {check.name: check.points for check in verdict.checks if check.status != "manual"}
    assert got == {check: 0 if check in lost else points for check, points in RIGHT.items()}


def test_only_the_solutions_names_are_shared():
    cells = [
        Cell("solution", "def f():\n    x = 1\ny = 2\nclass C: pass", "a"),
        Cell("code", "z = 3\nimport math\n%pip"),
    ]
    assert defined(cells) == {"f", "y", "C"}
    assert (
        imports([Cell("code", "import math\nfrom os import path\nx = 1")])
        == "import math\nfrom os import path"
    )
    assert imports(cells) == ""
    assert uses_student("close(student.f(1), 2)")
    assert not uses_student("assert f(1) == 2  # student.f")
