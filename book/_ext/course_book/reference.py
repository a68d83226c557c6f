"""`{reference} name …`: the reference's own definitions, folded, where a chapter speaks of them.

Without a name: every definition that the page's cells import from `solutions/` and that no other `{reference}` of the
page shows. So nobody needs the repository to read a page, and what a page shows is what it runs.
"""

import ast
import re
from functools import cache
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_utils.topics import ROOT

IMPORT = re.compile(r"^from (solutions\.\w+\.\w+) import (\([^)]*\)|[^\n(]+)", re.MULTILINE)
SHOWN = re.compile(r"^`{3,}\{reference\} +([^\n]+)$", re.MULTILINE)


def imported(page: str) -> dict[str, str]:
    """Names that a page takes from `solutions/`, each with the module that it is taken from.

    >>> imported("from solutions.depth.reference import (\\n    ResNet, UNet,\\n)")
    {'ResNet': 'solutions.depth.reference', 'UNet': 'solutions.depth.reference'}
    """
    return {
        name: module
        for module, names in IMPORT.findall(page)
        for name in re.findall(r"\w+", re.sub(r"\w+ as ", "", names))
    }


def shown(page: str) -> set[str]:
    """Names that the page's directives show one by one."""
    return {name for names in SHOWN.findall(page) for name in names.split()}


@cache
def definition(module: str, name: str, root: Path = ROOT) -> str:
    """Source of a function, class or constant; one that its module imports from the course is followed.

    Raises:
        KeyError: the module does not define it; the message says so.
    """
    text, statements = _parsed(root.joinpath(*module.split(".")).with_suffix(".py"))
    for statement in statements:
        if name in _defined(statement):
            begins = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
            return "\n".join(text.splitlines()[begins - 1 : statement.end_lineno])
        if isinstance(statement, ast.ImportFrom) and name in {alias.name for alias in statement.names}:
            return definition(str(statement.module), name, root)
    raise KeyError(f"{module} defines no {name!r}")


@cache
def _parsed(path: Path) -> tuple[str, list[ast.stmt]]:
    text = path.read_text(encoding="utf-8")
    return text, ast.parse(text).body


def _defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        return {target.id for target in statement.targets if isinstance(target, ast.Name)}
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return {statement.target.id}
    return set()


class Reference(SphinxDirective):
    """Definitions of the page's reference, each in a fold of its own."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """For each name: a summary to open, the source, coloured."""
        page = Path(self.env.doc2path(self.env.docname)).read_text(encoding="utf-8")
        known = imported(page)
        names = self.arguments[0].split() if self.arguments else [n for n in known if n not in shown(page)]
        folds: list[nodes.Node] = []
        for name in names:
            if name not in known:
                raise self.error(f"reference {name}: expected a name that this page imports from solutions/")
            try:
                folds += fold(name, definition(known[name], name), bool(self.arguments))
            except KeyError as error:
                raise self.error(f"reference {name}: {error.args[0]}") from None
            self.env.note_dependency(str(ROOT.joinpath(*known[name].split(".")).with_suffix(".py")))
        return folds


def fold(name: str, source: str, alone: bool) -> list[nodes.Node]:
    """A definition behind its name; one that stands alone in the text says what it is."""
    said = f"One way to write it: <code>{escape(name)}</code>" if alone else f"<code>{escape(name)}</code>"
    return [
        nodes.raw("", f'<details class="reference"><summary>{said}</summary>', format="html"),
        nodes.literal_block(source, source, language="python"),
        nodes.raw("", "</details>", format="html"),
    ]


def connect(app: Sphinx) -> None:
    """Register the directive."""
    app.add_directive("reference", Reference)
