"""The house's measures: how long a function and a file may be. Complexity is ruff's affair."""

import ast
from pathlib import Path

import pytest

from course_utils.topics import ROOT

FUNCTION, FILE = 45, 350  # lines of code; lines
ROOMS = ("course_utils", "book", "benchmarks", "solutions", "tests")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def code_lines(function: ast.AST, lines: list[str]) -> int:
    """Lines of a function without blank ones, comments and docstrings."""
    prose = set()
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            prose |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    numbers = range(function.lineno, function.end_lineno + 1)
    return sum(
        bool(lines[n - 1].strip()) and not lines[n - 1].lstrip().startswith("#")
        for n in numbers
        if n not in prose
    )


def test_no_function_is_long():
    long = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = code_lines(node, text.splitlines())
                long += [f"{path.relative_to(ROOT)}: {node.name}: {count}"] * (count > FUNCTION)
    assert not long


# A topic's own texts are as long as they are: a lab, a reference from layer to whole, lists of answers.
@pytest.mark.parametrize("room", ["course_utils", "book", "benchmarks", "tests"])
def test_no_file_is_long(room):
    files = [path for path in SOURCES if path.is_relative_to(ROOT / room)]
    long = {str(path.relative_to(ROOT)): _length(path) for path in files if _length(path) > FILE}
    assert not long


def _length(path: Path) -> int:
    """Lines of a file; a table in a string that a call is given is one, and so is a row, a call with constants."""
    source = path.read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    strings = [arg for call in calls for arg in call.args if isinstance(arg, ast.Constant)]
    rows = [call for call in calls if getattr(call.func, "id", "")[:1].isupper() and _constant(call)]
    return len(source.splitlines()) - sum(node.end_lineno - node.lineno for node in strings + rows)


def _constant(call: ast.Call) -> bool:
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(value, ast.Constant | ast.Name) for value in values)
