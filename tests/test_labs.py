"""What must be true of every topic's lab: its checks, its release, its row in the tables.

That its checks are good is proved by `course audit`, which continuous integration runs beside the tests.
"""

import argparse
import ast
import builtins
import re
import sys

import nbformat
import pytest

from course_utils.audit.mutants import solution_lines
from course_utils.audit.mutation_score import committed, complaint
from course_utils.labs import release
from course_utils.labs.answers import right_answers, wrong_answers
from course_utils.labs.lab import Cell, Lab
from course_utils.topics import KEYS, ROOT, TOPICS, topic

HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
# What a visible half may import: it runs in the student's notebook, where only the course's package is installed.
VISIBLE_IMPORTS = {"course_utils", "torch", "numpy", *sys.stdlib_module_names}


@pytest.fixture(params=KEYS)
def lab(request) -> Lab:
    return Lab.load(request.param)


def halves(check: Cell) -> tuple[str, str]:
    """The visible lines of a check, as text, and the hidden ones."""
    visible, hidden, inside = [], [], False
    for line in check.source.splitlines():
        if line.strip() in HIDDEN:
            inside = line.strip() == HIDDEN[0]
        else:
            (hidden if inside else visible).append(line)
    return "\n".join(visible), "\n".join(hidden)


def checks(lab: Lab) -> list[Cell]:
    return [cell for cell in lab.cells if cell.kind == "test"]


def test_points_are_those_of_the_table(lab):
    assert lab.points == topic(lab.key).points


def test_a_heading_says_what_its_section_gives(lab):
    said, given = [], []
    for cell in lab.cells:
        for points in re.findall(r"^## .*\((\d+) points?", cell.source, re.M) if cell.kind == "prose" else ():
            said.append(int(points))
            given.append(0)
        if cell.points:
            given[-1] += cell.points
    assert said == given


def test_there_are_exercises_and_answers_for_each(lab):
    cells = {cell.name for cell in lab.cells if cell.kind == "solution"}
    assert len(cells) >= 3
    missed = cells - {answer.cell for answer in wrong_answers(lab.key)}
    assert not missed, f"wrong_answers.py: no mistake in {', '.join(sorted(missed))}"
    assert len(right_answers(lab.key)) >= 2


def free_names(source: str) -> set[str]:
    """Names that a cell uses and neither binds nor finds among Python's own."""
    import symtable

    table_ = symtable.symtable(source, "check", "exec")
    bound = {
        symbol.get_name() for symbol in table_.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    bound |= {symbol.get_name() for symbol in table_.get_symbols() if symbol.is_namespace()}

    def used(scope) -> set[str]:
        names = {s.get_name() for s in scope.get_symbols() if s.is_referenced() and s.is_global()}
        return names.union(*(used(child) for child in scope.get_children()))

    top = {symbol.get_name() for symbol in table_.get_symbols() if symbol.is_referenced()}
    return (top | used(table_)) - bound - set(dir(builtins))


def test_checks_import_all_they_need_and_touch_the_work_only_through_student(lab):
    for check in checks(lab):
        for half in (halves(check)[0], check.source):
            loose = free_names(half)
            assert not loose, f"{check.name}: {', '.join(sorted(loose))}: import it, or write student.<name>"


def test_visible_halves_run_where_only_the_package_is_installed(lab):
    for check in checks(lab):
        for node in ast.walk(ast.parse(halves(check)[0])):
            if isinstance(node, ast.Import):
                roots = {item.name.split(".")[0] for item in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots = {(node.module or "").split(".")[0]}
            else:
                continue
            assert roots <= VISIBLE_IMPORTS, (
                f"{check.name}: the visible half imports {', '.join(roots - VISIBLE_IMPORTS)}"
            )


def lines_of(text: str) -> set[str]:
    """Lines that say something: too long to be anybody's."""
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 20}


def test_the_release_holds_nothing_of_solutions_hidden_tests_or_the_reference(lab):
    text = topic(lab.key).release.read_text(encoding="utf-8")
    for mark in (*HIDDEN, "### BEGIN SOLUTION", "### END SOLUTION", "solutions."):
        assert mark not in text, f"{mark} in the release"
    notebook = nbformat.reads(text, as_version=4)
    released = lines_of("\n".join(cell.source for cell in notebook.cells))
    secret: set[str] = set()
    given: set[str] = set()
    for cell in lab.cells:
        lines = cell.source.splitlines()
        if cell.kind == "solution":
            inside = solution_lines(cell.source)
            secret |= lines_of("\n".join(lines[number - 1] for number in inside))
            given |= lines_of("\n".join(line for number, line in enumerate(lines, 1) if number not in inside))
        elif cell.kind == "test":
            visible, hidden = halves(cell)
            secret |= lines_of(hidden)
            given |= lines_of(visible)
        elif cell.kind in ("prose", "code"):
            given |= lines_of(cell.source)
    leaked = released & (secret - given)
    assert not leaked, f"the release shows: {sorted(leaked)[:5]}"
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_nothing_but_releases_lies_under_labs():
    found = {path.relative_to(ROOT / "labs") for path in (ROOT / "labs").rglob("*") if path.is_file()}
    expected = {row.release.relative_to(ROOT / "labs") for row in TOPICS}
    assert {path for path in found if ".ipynb_checkpoints" not in path.parts} == expected


@pytest.mark.filterwarnings("ignore")  # nbgrader's own, from its dependencies
def test_making_the_releases_again_changes_nothing(capsys):
    parser = argparse.ArgumentParser()
    release.add_arguments(parser)
    assert release.run(parser.parse_args(["--all", "--check"])) == 0, capsys.readouterr().out


@pytest.mark.parametrize("key", KEYS)
def test_the_mutation_score_is_high(key):
    if committed(key) is None:
        pytest.skip(f"{key}: its mutants have not been measured yet; run: course audit {key} --mutants")
    if "has changed since" in complaint(key):
        pytest.skip(complaint(key))
    assert complaint(key) == ""
