"""What `release` writes of a check, so that no author has to: its imports, and the line that ends its hidden tests."""

import ast
import symtable
from functools import cache

from course_utils.labs.hidden import BEGIN, END, visible
from course_utils.topics import ROOT

CHECKS = ROOT / "course_utils" / "checks" / "__init__.py"
# What checks import by this field's names; `{key}` is the lab's own.
MODULES = {
    "math": "import math",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
    "reference": "from solutions.{key} import reference",
}


def opened(source: str, key: str) -> str:
    """The check of lab `key` with imports of what it uses and does not bind, its hidden tests closed at the end.

    A name that is seen is imported where it is seen; what only hidden tests use is imported among them.

    Raises:
        SyntaxError: `source` is not Python.
    """
    seen = _free(visible(source))
    head, later = _imports(seen, key), _imports(_free(source) - seen, key)
    shown, begin, hidden = source.partition(BEGIN)
    if begin:
        begin += "".join(f"\n{lines}\n" for lines in later)
        hidden = hidden if END in hidden else f"{hidden.rstrip()}\n{END}"
    return "\n\n".join([*head, shown + begin + hidden])


def _imports(names: set[str], key: str) -> list[str]:
    """The paragraphs that import these names, as far as they are known."""
    modules = [line.format(key=key) for name, line in MODULES.items() if name in names]
    course = ", ".join(sorted(names & _offered()))
    return ["\n".join(modules)] * bool(modules) + [f"from course_utils.checks import {course}"] * bool(course)


def _free(source: str) -> set[str]:
    """The names that a program looks for outside of it."""
    table = symtable.symtable(source, "<check>", "exec")
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return looked_for(table) - own


def looked_for(table: symtable.SymbolTable) -> set[str]:
    """The names that this scope and those within it take from the outermost one."""
    outermost = table.get_type() == "module"
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (outermost or s.is_global())}
    return names.union(*map(looked_for, table.get_children()))


@cache
def _offered() -> frozenset[str]:
    """The names of `course_utils.checks`, read from its text: to import it takes a second, for torch."""
    for node in ast.parse(CHECKS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(node.value))
    raise AssertionError(f"{CHECKS} has no __all__")
