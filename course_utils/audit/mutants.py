"""Mutants of a lab's solutions: one slip each, in the lines that a student writes.

Messages of errors, docstrings, annotations and what is given to the student stay as they are.
"""

import ast
import difflib
import hashlib
import types
from collections.abc import Iterator
from dataclasses import dataclass

from course_utils.audit.mutation_operators import expression_slips, statement_slips
from course_utils.labs.lab import Cell

MOST = 300  # a lab with more mutants is judged by a sample of this size, the same each time


@dataclass(frozen=True)
class Mutant:
    """A solution cell with one slip; `name` is a hash of the cell's name and of `diff`, the lines that changed."""

    cell: str
    source: str
    diff: str

    @property
    def name(self) -> str:
        """Eight hexadecimal digits, the same as long as the slip is the same."""
        return hashlib.sha256(f"{self.cell}\n{self.diff}".encode()).hexdigest()[:8]


def mutants_of(cell: Cell) -> list[Mutant]:
    """All mutants of a solution cell, in the order of their lines, none compiling to the same code as another."""
    tree = ast.parse(cell.source)
    seen = {_code(compile(tree, "", "exec"))}
    found = []
    for source in _mutated(cell.source, tree, solution_lines(cell.source)):
        try:
            code = _code(compile(source, "", "exec"))
        except SyntaxError:  # a slip in what is assigned to, such as f(x)[0] = 1 without its f
            continue
        if code not in seen:
            seen.add(code)
            found.append(Mutant(cell.name, source, _diff(cell.source, source)))
    return found


def sample(mutants: list[Mutant], most: int = MOST) -> list[Mutant]:
    """At most `most` of them, chosen by their names alone."""
    chosen = {mutant.name for mutant in sorted(mutants, key=lambda mutant: mutant.name)[:most]}
    return [mutant for mutant in mutants if mutant.name in chosen]


def solution_lines(source: str) -> set[int]:
    """Numbers of the lines between nbgrader's solution marks."""
    inside, found = False, set()
    for number, line in enumerate(source.splitlines(), 1):
        if line.strip() == "### END SOLUTION":
            inside = False
        if inside:
            found.add(number)
        if line.strip() == "### BEGIN SOLUTION":
            inside = True
    return found


def _mutated(source: str, tree: ast.Module, lines: set[int]) -> Iterator[str]:
    """The source once for each slip."""
    for node, parent, before in _changeable(tree, set(), tree):
        if node.lineno not in lines:
            continue
        if isinstance(node, ast.expr):
            for other in expression_slips(node, parent):
                yield _with_expression(source, node, ast.unparse(ast.fix_missing_locations(other)))
        elif isinstance(node, ast.stmt):
            for others in statement_slips(node, before):
                texts = [ast.unparse(ast.fix_missing_locations(item)) for item in others]
                yield _spliced(source, node, _indented("\n".join(texts), node.col_offset))


def _changeable(
    node: ast.AST, before: set[str], parent: ast.AST
) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST, set[str]]]:
    """Nodes that a slip may change, each with its parent and the names bound before it in its function."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node, parent, set(before)
    if isinstance(node, ast.FunctionDef):
        before = {item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg)}
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "msg"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _changeable(child, before, node)
                before |= _bound(child)


def _bound(node: ast.AST) -> set[str]:
    """Names that an assignment binds."""
    if isinstance(node, ast.Assign):
        return {item.id for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)}
    return set()


def _with_expression(source: str, node: ast.expr, text: str) -> str:
    """The source with `text` for `node`, in brackets where its neighbours would tear it apart."""
    bare = _spliced(source, node, text)
    bracketed = _spliced(source, node, f"({text})")
    return bare if _dump(bare) == _dump(bracketed) else bracketed


def _dump(source: str) -> str:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return ""


def _spliced(source: str, node: ast.expr | ast.stmt, text: str) -> str:
    """The source with `text` in the node's place (columns count bytes)."""
    lines = source.encode().split(b"\n")
    last = (node.end_lineno or node.lineno) - 1
    head, tail = lines[node.lineno - 1][: node.col_offset], lines[last][node.end_col_offset :]
    return b"\n".join([*lines[: node.lineno - 1], head + text.encode() + tail, *lines[last + 1 :]]).decode()


def _indented(text: str, columns: int) -> str:
    return text.replace("\n", "\n" + " " * columns)


def _diff(before: str, after: str) -> str:
    """The lines that left and the lines that came, marked - and +."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _code(code: types.CodeType) -> tuple[object, ...]:
    """What the compiler made of a source, without lines and names of files: equal for equal programs."""
    constants = tuple(
        _code(item) if isinstance(item, types.CodeType) else (type(item).__name__, repr(item))
        for item in code.co_consts
    )
    return code.co_code, constants, code.co_names, code.co_varnames
