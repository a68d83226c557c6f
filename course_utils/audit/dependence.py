"""Which cells a changed cell touches, and which others those need: nothing else has to run again."""

import ast
import builtins
import symtable
from dataclasses import dataclass
from functools import lru_cache

from course_utils.labs.lab import Cell
from course_utils.labs.opening import looked_for

# Stands for the file that a training cell saves and a check asks for.
ARTIFACT = "<artifact>"
_SAVERS = {"save_artifact", "save_file"}
_RUN = ("code", "solution", "test")


@dataclass(frozen=True)
class Names:
    """The names that a cell reads and those that it binds or may change in place."""

    reads: frozenset[str]
    writes: frozenset[str]


@lru_cache(maxsize=4096)
def names_of(kind: str, source: str) -> Names:
    """Names of a cell; `source` is plain Python (magics already transformed). Broken code reads and writes nothing."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return Names(frozenset(), frozenset())
    if kind == "test":
        return Names(_asked_of_student(tree), frozenset())
    table = symtable.symtable(source, "cell", "exec")
    bound = {
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_namespace()
    }
    bound |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}
    reads = (looked_for(table) | _augmented(tree)) - set(dir(builtins)) - _bound_before(tree)
    writes = set(bound)
    if kind == "code":
        # `net.train()` or `step(net)` changes what it is given: what a plain cell uses at its top it may have changed.
        fixed = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_imported()}
        writes |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()} - fixed
        writes -= set(dir(builtins))
    if reads & _SAVERS and kind == "code":
        writes.add(ARTIFACT)
    return Names(frozenset(reads), frozenset(writes))


def _augmented(tree: ast.Module) -> set[str]:
    """Names that `x += 1` at the top changes: Python's own table does not call them read."""
    return set().union(*(_targets(part.target) for part in tree.body if isinstance(part, ast.AugAssign)))


def _bound_before(tree: ast.Module) -> set[str]:
    """Names that a cell binds at its top before anything in it reads them: what they were does not reach it."""
    read: set[str] = set()
    sure: set[str] = set()
    bound: set[str] = set()
    for statement in tree.body:
        read |= _loaded(statement) - sure
        if isinstance(statement, ast.Assign):
            sure |= set().union(*map(_targets, statement.targets))
        bound |= sure | (_targets(statement.target) if isinstance(statement, ast.For) else set())
    return bound - read


def _loaded(node: ast.AST) -> set[str]:
    """Names of the outside that a piece of a cell may read or change in place."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Store) else {node.id}
    within = set().union(*map(_loaded, ast.iter_child_nodes(node)))
    if isinstance(node, ast.AugAssign):
        return within | _targets(node.target)
    if isinstance(node, ast.For):
        return within - _targets(node.target) | _loaded(node.iter)
    if isinstance(node, ast.FunctionDef) and not any(isinstance(part, ast.Global) for part in ast.walk(node)):
        own = {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        outside = [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.decorator_list]
        return (within - own).union(*map(_loaded, outside))
    return within


def _targets(target: ast.expr) -> set[str]:
    """The names that an assignment to `target` binds."""
    if isinstance(target, ast.Tuple | ast.List):
        return set().union(*map(_targets, target.elts))
    return {target.id} if isinstance(target, ast.Name) else set()


def _asked_of_student(tree: ast.AST) -> frozenset[str]:
    """The attributes of `student` that a check uses."""
    asked = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "student"
    }
    return frozenset(ARTIFACT if name == "artifact" else name for name in asked)


class Dependence:
    """The order of a lab's cells and what passes between them by name."""

    def __init__(self, cells: tuple[Cell, ...]):
        self._cells = cells
        self._lasting = self._definitions()
        self._defining: dict[str, list[int]] = {}
        for place in range(len(cells)):
            for name in self._defines(place, {}):
                self._defining.setdefault(name, []).append(place)

    def _definitions(self) -> frozenset[str]:
        """Imports, functions and classes of any cell: used, they do not change."""
        found: set[str] = set()
        for cell in self._cells:
            if cell.kind in ("code", "solution"):
                found |= _defined(cell.source)
        return frozenset(found)

    def affected(self, start: int, changed: dict[int, str]) -> list[int]:
        """Places from `start` on, in order, whose result may differ once the cells of `changed` have new sources."""
        stale: set[str] = set()
        found = []
        for place in range(start, len(self._cells)):
            kind = self._cells[place].kind
            if kind not in _RUN:
                continue
            reads = self._through(self._names(place, changed).reads, place, changed)
            if place in changed or reads & stale:
                found.append(place)
                stale |= self._written(place, changed) - _imported(
                    changed.get(place, self._cells[place].source)
                )
        return found

    def needed(self, start: int, changed: dict[int, str]) -> list[int]:
        """The affected places and whatever else, from `start` on, they need to be run first."""
        wanted = set(self.affected(start, changed))
        asked: set[str] = set()
        for place in range(len(self._cells) - 1, start - 1, -1):
            if self._cells[place].kind not in _RUN:
                continue
            if place in wanted or (
                self._cells[place].kind != "test" and self._written(place, changed) & asked
            ):
                wanted.add(place)
                asked |= self._through(self._names(place, changed).reads, place, changed)
        return sorted(wanted)

    def judged(self, start: int, changed: dict[int, str]) -> list[int]:
        """The changed places and, from `start` on, what the affected checks depend on, themselves included.

        Affected cells that no check asks for are left out.
        """
        checks = [place for place in self.affected(start, changed) if self._cells[place].kind == "test"]
        wanted = set(changed).union(*(self.asked(check, changed) for check in checks))
        return sorted(place for place in wanted if place >= start)

    def asked(self, check: int, changed: dict[int, str]) -> list[int]:
        """The places of the cells that a check's verdict depends on, and its own."""
        wanted, asked = {check}, self._through(self._names(check, changed).reads, check, changed)
        for place in range(check - 1, -1, -1):
            if self._cells[place].kind in ("code", "solution") and self._written(place, changed) & asked:
                wanted.add(place)
                asked |= self._through(self._names(place, changed).reads, place, changed)
        return sorted(wanted)

    def without(self, places: list[int], slow: set[int]) -> list[int]:
        """`places` less the slow ones and less all that would miss what the slow ones write."""
        missing: set[str] = set()
        kept = []
        for place in places:
            names = self._names(place, {})
            if place in slow or names.reads & missing:
                missing |= self._written(place, {})
            else:
                kept.append(place)
        return kept

    def _through(self, names: frozenset[str], before: int, changed: dict[int, str]) -> set[str]:
        """`names`, and what definitions of these names in cells `before` read in their turn once they are called."""
        found, waiting = set(names), set(names)
        while waiting:
            name = waiting.pop()
            for place in {*self._defining.get(name, ()), *changed}:
                if place < before and name in self._defines(place, changed):
                    waiting |= self._names(place, changed).reads - found
                    found |= self._names(place, changed).reads
        return found

    def _defines(self, place: int, changed: dict[int, str]) -> frozenset[str]:
        """Functions and classes of a plain or solution cell."""
        cell, source = self._cells[place], changed.get(place, self._cells[place].source)
        return _defined(source) - _imported(source) if cell.kind in ("code", "solution") else frozenset()

    def _names(self, place: int, changed: dict[int, str]) -> Names:
        cell = self._cells[place]
        return names_of(cell.kind, changed.get(place, cell.source))

    def _written(self, place: int, changed: dict[int, str]) -> set[str]:
        source = changed.get(place, self._cells[place].source)
        own = _defined(source)
        return {
            name for name in self._names(place, changed).writes if name in own or name not in self._lasting
        }


@lru_cache(maxsize=4096)
def _defined(source: str) -> frozenset[str]:
    """What a cell imports or defines at its top."""
    nodes = _top(source)
    return _imported(source) | {
        node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }


@lru_cache(maxsize=4096)
def _imported(source: str) -> frozenset[str]:
    """What a cell imports at its top: the same things wherever they are imported."""
    nodes = [node for node in _top(source) if isinstance(node, ast.Import | ast.ImportFrom)]
    return frozenset((item.asname or item.name).split(".")[0] for node in nodes for item in node.names)


def _top(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []
