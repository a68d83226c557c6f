"""What must be true of every topic's reference and record."""

import ast
import doctest
import importlib
import json

import pytest

from course_utils.topics import KEYS, ROOT, topic

# scikit-learn, which every student has, is there for baselines.
ALLOWED_IMPORTS = {"torch", "numpy", "math", "sklearn", "course_utils", "solutions"}


@pytest.mark.parametrize("key", KEYS)
def test_the_examples_in_the_docstrings_run(key):
    failed, tried = doctest.testmod(importlib.import_module(f"solutions.{key}.reference"))
    assert tried > 0, f"solutions/{key}/reference.py: no docstring holds an example"
    assert failed == 0


@pytest.mark.parametrize("key", KEYS)
def test_a_reference_needs_little(key):
    tree = ast.parse((topic(key).solution_folder / "reference.py").read_text(encoding="utf-8"))
    standard = {
        "collections",
        "copy",
        "dataclasses",
        "functools",
        "itertools",
        "typing",
        "random",
        "heapq",
        "time",
        "re",
    }
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            assert name.split(".")[0] in ALLOWED_IMPORTS | standard, f"line {node.lineno} imports {name}"


@pytest.mark.parametrize("key", KEYS)
def test_the_public_names_of_a_reference_are_documented(key):
    tree = ast.parse((topic(key).solution_folder / "reference.py").read_text(encoding="utf-8"))
    bare = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert not bare, f"solutions/{key}/reference.py: without a docstring: {bare}"


@pytest.mark.parametrize("key", KEYS)
def test_the_record_stands_beside_it_small_and_plain(key):
    folder = topic(key).solution_folder
    record = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    assert "mini" in json.dumps(record)
    assert (folder / "reference.safetensors").stat().st_size <= 5e6


def test_every_folder_of_solutions_is_a_topic():
    found = {path.name for path in (ROOT / "solutions").iterdir() if path.is_dir() and path.name[0].isalpha()}
    assert found <= set(KEYS), f"without a row in course_utils/topics.py: {sorted(found - set(KEYS))}"
