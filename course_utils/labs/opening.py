"""What a check opens with: the imports that `release` writes, so that no author has to."""

import ast
from functools import cache

from course_utils.topics import ROOT

CHECKS = ROOT / "course_utils" / "checks" / "__init__.py"


def opened(source: str) -> str:
    """A check's cell behind the imports of torch and of `course_utils.checks` whose names it uses and does not import.

    What only hidden tests import is theirs: a name that is seen is imported where it is seen.

    Raises:
        SyntaxError: `source` is not Python.
    """
    hidden = _hidden(source)
    used, imported = {True: set[str](), False: set[str]()}, {True: set[str](), False: set[str]()}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            used[node.lineno in hidden].add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            imported[node.lineno in hidden] |= bound
    needed = (used[False] | used[True] - imported[True]) - imported[False]
    names = ", ".join(sorted(needed & _offered()))
    lines = ["import torch"] * ("torch" in needed) + [f"from course_utils.checks import {names}"] * bool(names)
    return "\n\n".join([*lines, source])


def _hidden(source: str) -> set[int]:
    """The numbers of the lines that a student does not get."""
    found, within = set(), False
    for number, line in enumerate(source.splitlines(), 1):
        within = (within or "### BEGIN HIDDEN TESTS" in line) and "### END HIDDEN TESTS" not in line
        if within:
            found.add(number)
    return found


@cache
def _offered() -> frozenset[str]:
    """The names of `course_utils.checks`, read from its text: to import it takes a second, for torch."""
    for node in ast.parse(CHECKS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    raise AssertionError(f"{CHECKS} has no __all__")
