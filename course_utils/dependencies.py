"""What a mark, an audit or a chapter's run depends on, followed from its sources and given as one hash.

From a piece of Python the way leads to the course's own modules that it imports or names in its strings, to data files
that they name (beside them, or as `ROOT / "folder"`), and to the records and trained nets that they ask for by a
topic's key. Of a module its program counts, not its comments, docstrings and line breaks; of a table of topics or data
sets, the rows in question.
"""

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_utils.topics import ROOT

PACKAGES = ("course_utils", "solutions")
RECORDS = ("reference.json", "reference.safetensors")
# Functions that open a topic's record or net, by its key.
READERS = {"record", "records", "reference_tensors"}
EVERY = "*"  # stands for the keys of all topics, where a module that reads records goes through the table
DATA = {".json", ".txt", ".bib"}
# Tables whose rows are looked at one by one: file and class of a row. Rows are named by their first value.
TABLES = {"course_utils/topics.py": "Topic", "course_utils/data/registry.py": "Dataset"}
# Of a row, what is only shown.
SHOWN = {"title", "part", "minutes", "minutes_cpu", "minutes_gpu", "paper", "draft"}
# Files of which a page depends on what it names alone.
KEPT = {"benchmarks/chapters.json", "benchmarks/pictures.json"}
DOTTED = re.compile(rf"\b(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")
# What speaks of modules without needing them, and what serves the command line alone.
ASIDE = {"cli.py", "commands.py", "dependencies.py"}

NAME = 100  # characters: what is longer names no file

State = tuple[int, int]


@dataclass(frozen=True)
class Source:
    """What Python source names, and its program as a hash.

    `modules` are the course's, `keys` those of records, `texts` may be names of files beside it (shorter than `NAME`),
    `paths` begin in the course's folder.
    """

    modules: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    program: str = ""


def reached(sources: Iterable[str] = (), modules: Iterable[str] = (), root: Path = ROOT) -> set[Path]:
    """Every file of the course in `root` that these texts of Python and these modules (dotted names) reach."""
    found: set[Path] = set()
    queue = [path for name in modules for path in module_files(name, root)]
    for source in sources:
        queue += _named(read(source), root)
    while queue:
        path = queue.pop()
        if path in found or path.name in ASIDE:
            continue
        found.add(path)
        if path.suffix == ".py":
            source_ = _read(path, _state(path))
            queue += _named(source_, root) | _beside(source_, path.parent)
    return found


def digest(
    files: Iterable[Path], root: Path = ROOT, keys: Iterable[str] | None = (), exact: bool = False
) -> str:
    """A hash of the files' contents; of the tables' rows those of `keys` and of the data sets among the files.

    Of what is kept for chapters (`KEPT`) the entries that `keys` name count.

    Without `keys` (None) all rows count. `exact` looks at modules as they are written, for pages that show them.
    """
    files = sorted(set(files))
    sets = {path.stem for path in files if path.parent.name == "data"}
    rows = None if keys is None else (*sorted({*keys, *sets}),)
    hashed = hashlib.sha256()
    for path in files:
        place = path.relative_to(root).as_posix()
        if place in TABLES and rows is not None:
            content = _table(path, _state(path), TABLES[place], rows, exact)
        elif place in KEPT and rows is not None:
            content = _entries(path, _state(path), rows)
        elif path.suffix == ".py" and not exact:
            content = _read(path, _state(path)).program
        else:
            content = _content(path, _state(path))
        hashed.update(f"{place}\0{content}\0".encode())
    return hashed.hexdigest()


def texts(sources: Iterable[str]) -> set[str]:
    """All short texts that these pieces of Python hold, names of what they ask for among them."""
    return {text for source in sources for text in read(source).texts}


def records_of(key: str, root: Path = ROOT) -> set[Path]:
    """A topic's record and trained net, as far as they are there."""
    return {path for name in RECORDS if (path := root / "solutions" / key / name).is_file()}


def module_files(name: str, root: Path = ROOT) -> set[Path]:
    """Files that importing a dotted name runs: the module and the packages above it; with a reference its record."""
    parts = name.split(".")
    found = {path for path in _candidates(name, root) if os.path.isfile(path)}
    return found | (records_of(parts[1], root) if parts[0] == "solutions" and "reference" in parts else set())


@cache
def _candidates(name: str, root: Path) -> tuple[Path, ...]:
    """Where a module and the packages above it would lie."""
    parts = name.split(".")
    places = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return (*(place / "__init__.py" for place in places), *(place.with_suffix(".py") for place in places[1:]))


@cache
def read(source: str) -> Source:
    """What a piece of Python names; broken Python, or a cell with magics, names nothing."""
    return _parsed(source)


def _parsed(source: str) -> Source:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return Source(program=hashlib.sha256(source.encode()).hexdigest())
    plain = _without_docstrings(tree)
    found = _Names()
    for node in _running(plain):
        found.take(node)
    return found.source(_program(plain))


class _Names:
    """Collects what a module's nodes name."""

    def __init__(self) -> None:
        self._modules: set[str] = set()
        self._keys: set[str] = set()
        self._texts: set[str] = set()
        self._paths: set[str] = set()
        self._parts: set[int] = set()  # of longer paths

    def take(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self._modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            self._modules |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if len(node.value) < NAME:
                self._texts.add(node.value)
            self._modules |= set(DOTTED.findall(node.value))
        elif isinstance(node, ast.Call) and _called(node) in READERS and node.args:
            first = node.args[0]
            self._keys.add(first.value if _is_text(first) else EVERY)  # type: ignore[attr-defined]
        elif isinstance(node, ast.BinOp):
            self._parts.add(id(node.left))
            if id(node) not in self._parts:
                self._paths.add("/".join(_below_root(node)))

    def source(self, program: str) -> Source:
        readers = {f"course_utils.training{part}.{name}" for part in ("", ".record") for name in READERS}
        through = {"course_utils.topics.TOPICS", "course_utils.topics.KEYS"}
        every = self._modules & through and self._modules & readers
        keys = self._keys if every else self._keys - {EVERY}
        own = {name for name in self._modules if name.split(".")[0] in PACKAGES}
        return Source(
            frozenset(own), frozenset(keys), frozenset(self._texts), frozenset(self._paths - {""}), program
        )


def _below_root(node: ast.AST) -> list[str]:
    """`["a", "b"]` of `ROOT / "a" / "b"`, nothing of all else."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_text(node.right)):
        return []
    before = _below_root(node.left)
    at_root = isinstance(node.left, ast.Name) and node.left.id == "ROOT"
    return [*before, node.right.value] if before or at_root else []  # type: ignore[attr-defined]


def program(source: str) -> str:
    """A hash of Python's syntax tree without docstrings: a comment or a line break changes no verdict."""
    return read(source).program


def _named(source: Source, root: Path) -> set[Path]:
    found = set().union(*(module_files(name, root) for name in source.modules))
    for name in source.paths:
        found |= {
            path for path in (root / name, *(root / name).glob("*")) if path.suffix in DATA and path.is_file()
        }
    keys = (
        {path.parent.name for path in root.glob("solutions/*/lab.py")}
        if EVERY in source.keys
        else source.keys
    )
    return found.union(*(records_of(key, root) for key in keys if key.isidentifier()))


def _beside(source: Source, folder: Path) -> set[Path]:
    """Files in a module's own folder that it names."""
    names = (text for text in source.texts if "." in text[1:-1] and "\0" not in text)
    return {path for name in names if "/" not in name and (path := folder / name).is_file()}


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in (
            getattr(node.test, "id", ""),
            getattr(node.test, "attr", ""),
        ):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                line for line in node.body if not (isinstance(line, ast.Expr) and _is_text(line.value))
            ]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _program(tree: ast.AST) -> str:
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()


def _plain(node: Any) -> Any:
    """A syntax tree as nested tuples, without what differs between versions of Python."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        return (type(node).__name__, *((name, _plain(value)) for name, value in fields))
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return node


def _state(path: Path) -> State:
    """Another where a file has changed since it was read."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


@cache
def _read(path: Path, state: State) -> Source:
    return _parsed(path.read_text(encoding="utf-8"))  # kept by its path: its text need not be


@cache
def _content(path: Path, state: State) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _table(path: Path, state: State, kind: str, names: tuple[str, ...], shown: bool) -> str:
    """A hash of a module with a table, without the rows that are not in `names`, and what only those use."""
    tree = _Rows(kind, {*names}, shown).visit(ast.parse(path.read_text(encoding="utf-8")))
    used = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    tree.body = [node for node in tree.body if not _private(node) or _private(node) in used]
    return _program(_without_docstrings(tree))


@cache
def _entries(path: Path, state: State, names: tuple[str, ...]) -> str:
    """The entries of a file of JSON that are in `names`."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return json.dumps([[name, kept[name]] for name in names if name in kept])


class _Rows(ast.NodeTransformer):
    """Leaves rows out of the tables."""

    def __init__(self, kind: str, names: set[str], shown: bool):
        self._kind, self._names, self._shown = kind, names, shown

    def visit_Tuple(self, node: ast.Tuple) -> ast.Tuple:
        """A table is a tuple of rows."""
        node.elts = [item for item in node.elts if not self._is_row(item) or self._name(item) in self._names]
        for item in node.elts:
            if self._is_row(item) and not self._shown:
                item.keywords = [word for word in item.keywords if word.arg not in SHOWN]  # type: ignore[attr-defined]
        return node

    def _is_row(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and _called(node) == self._kind

    def _name(self, row: ast.expr) -> object:
        assert isinstance(row, ast.Call)
        values = [*row.args, *(word.value for word in row.keywords)]
        return values[0].value if values and isinstance(values[0], ast.Constant) else None


def _private(node: ast.stmt) -> str:
    """The private name that a statement gives a value to, else nothing."""
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) and target.id.startswith("_") else ""
