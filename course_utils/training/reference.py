"""Finding a topic's reference, importing it, and telling whether its code has changed."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from course_utils.dependencies import program
from course_utils.topics import ROOT

NEEDED = ("train", "evaluate", "baseline")


class NoReference(ValueError):
    """A reference that is missing or lacks a part."""


def reference_path(key: str, root: Path = ROOT) -> Path:
    """`solutions/<key>/reference.py`."""
    return root / "solutions" / key / "reference.py"


def load_reference(key: str, root: Path = ROOT) -> ModuleType:
    """The module `solutions.<key>.reference`, with `train`, `evaluate` and `baseline`."""
    return load_module(key, "reference", NEEDED, root)


def load_module(key: str, part: str, needed: tuple[str, ...], root: Path = ROOT) -> ModuleType:
    """The module `solutions.<key>.<part>`, with the functions that it must have."""
    path, name = root / "solutions" / key / f"{part}.py", f"solutions.{key}.{part}"
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
    lacking = [name for name in needed if not callable(getattr(module, name, None))]
    if lacking:
        raise NoReference(
            f"{path}: lacks the function {', '.join(lacking)}; see course_utils/training/__init__.py."
        )
    return module


def code_hash(path: Path) -> str:
    """A hash of what a Python file does: comments, docstrings and layout do not count."""
    return program(path.read_text(encoding="utf-8"))
