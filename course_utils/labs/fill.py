"""A lab's cells with an answer in the place of the reference's."""

import ast

from course_utils.labs.answer import Answer
from course_utils.labs.lab import Cell, LabError


def sources(cells: tuple[Cell, ...], answer: Answer) -> dict[int, str]:
    """The cell that an answer fills, by its place, with the answer in it.

    Raises:
        LabError: the lab has no such solution cell, or that cell no such definition.
    """
    for place, cell in enumerate(cells):
        if cell.kind == "solution" and cell.name == answer.cell:
            return {place: filled(cell, answer)}
    names = ", ".join(cell.name for cell in cells if cell.kind == "solution")
    raise LabError(
        f"{answer.kind}_answers.py: no solution cell is called {answer.cell!r}; the lab has {names}"
    )


def filled(cell: Cell, answer: Answer) -> str:
    """The cell's source with the answer's definition in the place of the one of the same name.

    Raises:
        LabError: the cell defines nothing of that name.
    """
    *imports, definition = ast.parse(answer.source).body
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    for node in ast.parse(cell.source).body:
        if getattr(node, "name", None) == definition.name:
            return _spliced(cell.source, node, answer.source, imports)
    raise LabError(
        f"{answer.kind}_answers.py: cell {cell.name!r} has no definition {definition.name!r} to replace"
    )


def _spliced(source: str, node: ast.stmt, answer: str, imports: list[ast.stmt]) -> str:
    lines, given = source.splitlines(), answer.splitlines()
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
    head = imports[-1].end_lineno or 0 if imports else 0
    body = "\n".join(given[head:]).strip("\n")
    return "\n".join([*given[:head], *lines[: first - 1], body, *lines[node.end_lineno :]])
