"""Other answers to a lab's exercises: `wrong_answers.py` and `right_answers.py`, read as text and never imported.

    edits["conv2d", "conv2d_values"] = {
        "turns the kernel round": {"x, weight": "x, weight.flip(2, 3)"},
    }

    @wrong(check="conv2d_values", why="turns the kernel round")
    def conv2d(x, k): ...

Edits say which definition of `reference.py` they change and, where they are wrong, which check must see it; then of
each why, and what becomes of which text: every old text stands in the definition's code (docstrings apart) exactly
once. A last name in the brackets is the `why` of a right answer that is edited in the reference's place. Whole
definitions are for another way altogether, and are decorated: @wrong in one file, @right in the other. The
definition's name is the solution cell that it fills, unless `cell=` or "… in cell" says another. Imports at the file's
top go in front of it, and those of `right_answers.py` where that is edited.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from course_utils.labs.answer import Answer
from course_utils.labs.lab import Definitions, LabError
from course_utils.topics import ROOT


class AnswerError(ValueError):
    """A file of answers is not in order; the message names file and line."""


def wrong_answers(key: str, root: Path = ROOT) -> list[Answer]:
    """The plausible mistakes of `solutions/<key>/wrong_answers.py`, in their order."""
    return read(root / "solutions" / key / "wrong_answers.py", "wrong")


def right_answers(key: str, root: Path = ROOT) -> list[Answer]:
    """The other correct ways of `solutions/<key>/right_answers.py`, in their order."""
    return read(root / "solutions" / key / "right_answers.py", "right")


def read(path: Path, kind: Literal["wrong", "right"]) -> list[Answer]:
    """The edits and decorated definitions of `path`, in their order.

    Raises:
        AnswerError: the file is missing, is not Python, holds something else, a definition lacks its decorator, or the
            text that an edit changes does not stand in what it edits, or stands there twice.
    """
    if not path.is_file():
        raise AnswerError(f"{path}: no such file; every lab has one")
    return _Reader(path, kind).answers()


class _Reader:
    """One file of answers, parsed."""

    def __init__(self, path: Path, kind: Literal["wrong", "right"]):
        self._path, self._kind = path, kind
        source = path.read_text(encoding="utf-8")
        try:
            self._body = ast.parse(source).body
        except SyntaxError as error:
            raise AnswerError(f"{path}:{error.lineno}: {error.msg}") from error
        self._lines = source.splitlines()
        self._imports = [
            ast.unparse(node) for node in self._body if isinstance(node, ast.Import | ast.ImportFrom)
        ]

    def answers(self) -> list[Answer]:
        """All of them; docstring and imports are none."""
        found = []
        for node in self._body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.append(self._definition(node))
            elif isinstance(node, ast.Assign):
                found += self._edits(node)
            elif (
                not isinstance(node, ast.Import | ast.ImportFrom) and ast.get_docstring(_module(node)) is None
            ):
                raise self._error(node, "only imports, definitions and edits[…] = {…} have a meaning here")
        return found

    def _definition(self, node: ast.FunctionDef | ast.ClassDef) -> Answer:
        mark = node.decorator_list[0] if node.decorator_list else None
        if not (isinstance(mark, ast.Call) and _called(mark) == self._kind):
            raise self._error(node, f"{node.name} needs @{self._kind}(…) above it")
        options = self._options(mark, f"@{self._kind}")
        text = "\n".join(self._lines[_first_line(node) - 1 : node.end_lineno])
        return self._answer(node.name, text, options)

    def _edits(self, node: ast.Assign) -> Iterator[Answer]:
        names = self._names(node)
        name, _, cell = names[0].partition(" in ")
        begun, table = self._begun(node, name, names), self._literal(node.value)
        if not isinstance(table, dict) or not table:
            raise self._error(node, f'edits of {name}: {{"why": {{"old": "new"}}, …}} says what they are')
        for why, change in table.items():
            text = self._changed(node, name, begun, change)
            try:
                ast.parse(text)
            except SyntaxError as error:
                raise self._error(node, f"{name}, {why!r}: not Python: {error.msg}") from error
            check = names[1] if self._kind == "wrong" else ""
            yield self._answer(name, text, {"cell": cell or name, "why": why, "check": check})

    def _names(self, node: ast.Assign) -> list[str]:
        """What stands in the brackets: a definition, a check where answers are wrong, perhaps a right answer's why."""
        target, least = node.targets[0], 2 if self._kind == "wrong" else 1
        if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "edits":
            named = self._literal(target.slice)
            names = list(named) if isinstance(named, tuple) else [named]
            if least <= len(names) <= least + 1 and all(isinstance(name, str) for name in names):
                return names
        what = '"name", "check"' if self._kind == "wrong" else '"name"'
        raise self._error(node, f'edits are written edits[{what}] = {{"why": {{"old": "new"}}, …}}')

    def _begun(self, node: ast.Assign, name: str, names: list[str]) -> str:
        """The definition that is edited: the reference's, or a right answer's with its imports."""
        if len(names) > (2 if self._kind == "wrong" else 1):
            right = read(self._path.with_name("right_answers.py"), "right")
            found = [answer.source for answer in right if (answer.cell, answer.why) == (name, names[-1])]
            if len(found) != 1:
                raise self._error(node, f"edits of {name}: {len(found)} right answers say {names[-1]!r}; one must")
            return found[0]
        reference = self._path.with_name("reference.py")
        try:
            return Definitions(reference.read_text(encoding="utf-8"), str(reference)).given(name)
        except (LabError, OSError) as error:
            raise self._error(node, f"edits of {name!r}: {error}") from error

    def _changed(self, node: ast.Assign, name: str, text: str, change: object) -> str:
        if not isinstance(change, dict) or not change or any(old == new for old, new in change.items()):
            raise self._error(node, f'edits of {name}: {{"old": "new"}} names what becomes of what')
        spans = []
        for old, new in change.items():
            starts = _occurrences(text, old)
            if len(starts) != 1:
                count = "is not in it" if not starts else f"stands in it {len(starts)} times"
                raise self._error(node, f"edits of {name}: {old!r} {count}")
            spans.append((starts[0], starts[0] + len(old), new))
        spans.sort(reverse=True)
        if any(end > later for (_, end, _), (later, _, _) in zip(spans[1:], spans)):
            raise self._error(node, f"edits of {name}: two of its old texts overlap")
        for start, end, new in spans:
            text = text[:start] + new + text[end:]
        return text

    def _options(self, call: ast.Call, what: str) -> dict:
        """The keyword arguments of a mark."""
        options = {item.arg: self._literal(item.value) for item in call.keywords}
        needed = {"why"} | ({"check"} if self._kind == "wrong" else set())
        if not needed <= set(options) <= needed | {"cell"}:
            raise self._error(call, f"{what} takes {', '.join(sorted(needed))} and perhaps cell")
        return options

    def _answer(self, name: str, text: str, options: dict) -> Answer:
        source = "\n".join([*self._imports, "", text]).lstrip("\n")
        return Answer(self._kind, options.get("cell", name), source, options["why"], options.get("check", ""))

    def _literal(self, node: ast.expr) -> Any:
        try:
            return ast.literal_eval(node)
        except ValueError:
            raise self._error(node, f"a plain value is due here, got {ast.unparse(node)}") from None

    def _error(self, node: ast.stmt | ast.expr, message: str) -> AnswerError:
        return AnswerError(f"{self._path}:{node.lineno}: {message}")


def _module(node: ast.stmt) -> ast.Module:
    return ast.Module(body=[node], type_ignores=[])


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> int:
    """The first line below the mark: the next decorator's, or the definition's own."""
    others = [decorator.lineno for decorator in node.decorator_list[1:]]
    return min([node.lineno, *others])


def _occurrences(text: str, part: str) -> list[int]:
    """Where `part` begins in a definition's text, docstrings apart."""
    lengths = [len(line) for line in text.splitlines(keepends=True)]
    starts = [sum(lengths[:number]) for number in range(len(lengths) + 1)]
    prose = [
        (starts[node.body[0].lineno - 1], starts[node.body[0].end_lineno or 0])
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None
    ]
    places = [place for place in range(len(text)) if text.startswith(part, place)]
    return [place for place in places if not any(first <= place < last for first, last in prose)]
