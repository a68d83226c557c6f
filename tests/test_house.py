"""The house's measures: how long a function and a file may be. Complexity is ruff's affair."""

import ast

import pytest

from course_utils.topics import ROOT

FUNCTION, FILE = 45, 350  # lines of code; lines
ROOMS = ("course_utils", "book", "benchmarks", "solutions", "tests")
WRITTEN = (".py", ".js", ".css", ".cpp")  # by hand
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
    files = [path for suffix in WRITTEN for path in (ROOT / room).rglob(f"*{suffix}")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files}
    assert files
    assert {name: lines for name, lines in lengths.items() if lines > FILE} == {}
