"""Finding a topic's reference, importing it, and telling whether its code has changed."""

import ast
import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from course_utils.topics import ROOT

NEEDED = ("train", "evaluate", "baseline")


class NoReference(ValueError):
    """A reference that is missing or lacks a part."""


def reference_path(key: str, root: Path = ROOT) -> Path:
    """`solutions/<key>/reference.py`."""
    return root / "solutions" / key / "reference.py"


def load_reference(key: str, root: Path = ROOT) -> ModuleType:
    """The module `solutions.<key>.reference`, with `train`, `evaluate` and `baseline`."""
    path, name = reference_path(key, root), f"solutions.{key}.reference"
    if not path.is_file():
        raise NoReference(f"{key}: there is no {path}; references are trained in the course's repository.")
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path):
        return sys.modules[name]
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))  # one reference may use another's net
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    lacking = [part for part in NEEDED if not callable(getattr(module, part, None))]
    if lacking:
        raise NoReference(
            f"{path}: lacks the function {', '.join(lacking)}; see course_utils/training/__init__.py."
        )
    return module


def code_hash(path: Path) -> str:
    """A hash of what a Python file does: comments, docstrings and layout do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [line for line in node.body if not _is_text(line)]
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()


def _is_text(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def _plain(node: Any) -> Any:
    """A syntax tree as nested tuples, without what differs between versions of Python."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        return (type(node).__name__, *((name, _plain(value)) for name, value in fields))
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return node
