"""Checks of other courses name the student's functions directly: `assert squares(1) == [1]`, without `student.`.

The names that the assignment's solution cells define, and no others, resolve to proxies; binding or deleting one
does so in the student's process, as a check does that asks whether one function uses another.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from course_utils.grading.engine.proxy import Trusted
from course_utils.labs.lab import Cell


class StudentNames(dict[str, Any]):
    """A check's namespace in which some names are the student's."""

    def __init__(self, peer: Trusted, shared: frozenset[str], imports: str = ""):
        """`imports` are the assignment's own import statements: its checks may rely on them."""
        super().__init__(__name__="__check__")
        self._peer, self._shared = peer, shared
        exec(imports, self)

    def __missing__(self, name: str) -> Any:
        if name in self._shared and self._peer.ask("defined", name):
            return self._peer.resolve(name)
        raise KeyError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self._shared:
            self._peer.bind(name, value)
        else:
            super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        if name in self._shared:
            self._peer.unbind(name)
        else:
            super().__delitem__(name)


@lru_cache(maxsize=1000)  # the same checks, submission after submission
def uses_student(check: str) -> bool:
    """Whether a check speaks through `student`, as this course's do."""
    return any(isinstance(node, ast.Name) and node.id == "student" for node in _nodes(check))


def defined(cells: Iterable[Cell]) -> frozenset[str]:
    """The names that the solution cells of an assignment define."""
    return frozenset(
        name for cell in cells if cell.kind in ("solution", "answer") for name in _bound(cell.source)
    )


def imports(cells: Iterable[Cell]) -> str:
    """The import statements of an assignment's plain cells."""
    found = [
        node
        for cell in cells
        if cell.kind == "code"
        for node in _nodes(cell.source)
        if isinstance(node, ast.Import | ast.ImportFrom) and node.col_offset == 0
    ]
    return "\n".join(ast.unparse(node) for node in found)


def _bound(source: str) -> Iterator[str]:
    for node in _nodes(source):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and node.col_offset == 0:
            yield node.name
        elif isinstance(node, ast.Assign) and node.col_offset == 0:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _nodes(source: str) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(source))
    except SyntaxError:  # a cell in words, or with a magic
        return
