"""The rooms of the engine: each imports from those below it, and no two from each other."""

import ast
from functools import cache
from pathlib import Path

import pytest

import course_utils.grading

HOME = Path(course_utils.grading.__file__).parent
STOREYS = ("sandbox", "wire", "kernel", "engine", "gradebook", "classroom")


@cache
def arrows() -> dict[str, set[str]]:
    """What each module of the engine imports from it, by `room.module`; imports for type checkers apart."""
    found = {}
    for path in sorted(HOME.glob("*/*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                node.body = []
        found[f"{path.parent.name}.{path.stem}"] = {
            target
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_utils.grading.")
            for target in _targets(node)
        }
    return found


def _targets(node: ast.ImportFrom) -> list[str]:
    inside = (node.module or "").removeprefix("course_utils.grading.")
    return [inside] if "." in inside else [f"{inside}.{item.name}" for item in node.names]


@pytest.mark.parametrize("module", arrows())
def test_nothing_is_imported_from_a_higher_storey(module):
    room = module.split(".")[0]
    higher = STOREYS[STOREYS.index(room) + 1 :]
    assert not [target for target in arrows()[module] if target.split(".")[0] in higher]


def test_there_is_no_circle():
    waiting = dict(arrows())
    while waiting:
        free = {module for module, targets in waiting.items() if not targets & waiting.keys()}
        assert free, f"a circle among {sorted(waiting)}"
        waiting = {module: targets for module, targets in waiting.items() if module not in free}


def test_the_engine_knows_nothing_of_the_audit():
    for path in HOME.rglob("*.py"):
        assert "course_utils.audit" not in path.read_text(encoding="utf-8"), path
