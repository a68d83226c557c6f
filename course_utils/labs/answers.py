"""Other answers to a lab's exercises: `wrong_answers.py` and `right_answers.py`, read as text and never imported.

    @wrong(check="conv2d_values", why="turns the kernel round")
    def conv2d(x, k): ...

The definition's name is the solution cell that it replaces. Imports at the file's top go in front of it.
"""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from course_utils.topics import ROOT


class AnswerError(ValueError):
    """A file of answers is not in order; the message names file and line."""


@dataclass(frozen=True)
class Answer:
    """One way to fill one solution cell.

    `check` is the test cell in which a wrong answer must lose points ("" for a right one); `why` says what it does.
    """

    kind: Literal["wrong", "right"]
    cell: str
    source: str
    why: str
    check: str = ""


def wrong_answers(key: str, root: Path = ROOT) -> list[Answer]:
    """The plausible mistakes of `solutions/<key>/wrong_answers.py`, in their order."""
    return read(root / "solutions" / key / "wrong_answers.py", "wrong")


def right_answers(key: str, root: Path = ROOT) -> list[Answer]:
    """The other correct ways of `solutions/<key>/right_answers.py`, in their order."""
    return read(root / "solutions" / key / "right_answers.py", "right")


def read(path: Path, kind: Literal["wrong", "right"]) -> list[Answer]:
    """The decorated definitions of `path`.

    Raises:
        AnswerError: the file is missing, is not Python or a definition lacks its decorator.
    """
    if not path.is_file():
        raise AnswerError(f"{path}: no such file; every lab has one")
    source = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise AnswerError(f"{path}:{error.lineno}: {error.msg}") from error
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    definitions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [_answer(path, kind, node, source, imports) for node in definitions]


def _answer(
    path: Path,
    kind: Literal["wrong", "right"],
    node: ast.FunctionDef | ast.ClassDef,
    source: str,
    imports: list[str],
) -> Answer:
    mark = node.decorator_list[0] if node.decorator_list else None
    if not (isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == kind):
        raise AnswerError(f"{path}:{node.lineno}: {node.name} needs @{kind}(…) above it")
    options = {item.arg: ast.literal_eval(item.value) for item in mark.keywords}
    needed = {"why", "check"} if kind == "wrong" else {"why"}
    if not needed <= set(options) <= needed | {"cell"}:
        raise AnswerError(f"{path}:{node.lineno}: @{kind} takes {', '.join(sorted(needed))} and perhaps cell")
    lines = source.splitlines()[_first_line(node) - 1 : node.end_lineno]
    text = "\n".join([*imports, "", *lines]).lstrip("\n")
    return Answer(kind, options.get("cell", node.name), text, options["why"], options.get("check", ""))


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> int:
    """The first line below the mark: the next decorator's, or the definition's own."""
    others = [decorator.lineno for decorator in node.decorator_list[1:]]
    return min([node.lineno, *others])
