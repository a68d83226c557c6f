"""Variants that are tried together are judged as each by itself, whatever one of them leaves behind."""

from pathlib import Path

import pytest

from course_utils.audit.commands import warm_processes
from course_utils.audit.forks import in_fork
from course_utils.audit.variants import Ending, Rehearsals, Variant
from course_utils.labs.lab import Cell

CHECK = "from course_utils.checks import equal, student\n\nequal(student.f(1), 2, 'f(1)', 'one more')"
CELLS = (
    Cell("code", "import os\nkept = [0]"),
    Cell("solution", "def f(x):\n    return len(kept) + x", "f"),
    Cell("test", CHECK, "f_values", 2.0),
)
SAME = "def f(x):\n    return x + len(kept)"
OFF = "def f(x):\n    return x + 2"
LEAVES = (
    "kept.append(0)\ndef f(x):\n    return x + len(kept) - 1"  # right by itself, and spoils what comes next
)
DIES = "os._exit(1)"


@pytest.fixture(scope="module")
def warm():
    with warm_processes(1) as pool:
        yield pool


@pytest.mark.parametrize("ending", ["first", "named"])
@pytest.mark.parametrize(
    ("sources", "caught"),
    [
        ({"off": OFF, "same": SAME}, {"off"}),
        ({"leaves": LEAVES, "off": OFF, "same": SAME}, {"off"}),
        ({"off": OFF, "dies": DIES, "same": SAME}, {"off", "dies"}),
    ],
)
def test_what_is_tried_together_is_judged_as_by_itself(warm, sources, caught, ending):
    assert set(warm.submit(_caught, sources, ending).result()) == caught


def _caught(sources: dict[str, str], ending: Ending) -> list[str]:
    def work() -> list[str]:
        variants = [Variant(name, {1: source}, ending, "f_values") for name, source in sources.items()]
        rehearsals = Rehearsals(CELLS, variants)
        assert not rehearsals.reference().lost()
        return [name for name, run in rehearsals.variants().items() if run.died or run.lost()]

    return in_fork(work, 60)


def test_what_one_did_to_a_second_cell_does_not_stand_there_for_the_next(warm):
    """All that a check asks for is run anew, also a cell that the next leaves as it was."""
    assert warm.submit(_caught_of_two_cells).result() == ["both", "off"]


def _caught_of_two_cells() -> list[str]:
    check = CHECK.replace("student.f(1)", "student.f(student.g())")
    cells = (
        *CELLS[:2],
        Cell("solution", "def g():\n    return 1", "g"),
        Cell("test", check, "f_values", 2.0),
    )
    changes = {"both": {1: SAME, 2: "def g():\n    return 3"}, "same": {1: SAME}, "off": {1: OFF}}

    def work() -> list[str]:
        rehearsals = Rehearsals(
            cells, [Variant(name, sources, "named", "f_values") for name, sources in changes.items()]
        )
        assert not rehearsals.reference().lost()
        return sorted(name for name, run in rehearsals.variants().items() if run.died or run.lost())

    return in_fork(work, 60)


TWO = (
    *CELLS[:2],
    Cell("solution", "def g(x):\n    return 2 * x", "g"),
    Cell("test", CHECK, "f_values", 2.0),
    Cell("test", CHECK.replace("f(1), 2", "g(1), 2"), "g_values", 2.0),
)


@pytest.mark.parametrize(
    ("changes", "caught", "runs"),
    [
        ({"f": {1: SAME}, "g": {2: "def g(x):\n    return x + x"}}, [], 1),
        ({"f": {1: SAME}, "g": {2: "def g(x):\n    return x"}}, ["g"], 3),
        ({"f": {1: DIES}, "g": {2: "def g(x):\n    return x + x"}}, ["f"], 3),
        # Each is right by itself and they spoil each other: only together does anything fail.
        ({"f": {1: "one = 1\n" + SAME}, "g": {2: "kept.append(0)\ndef g(x):\n    return 2 * x"}}, [], 3),
    ],
)
def test_of_a_company_that_fails_each_answers_for_itself(warm, changes, caught, runs):
    assert warm.submit(_of_company, changes).result() == [caught, runs]


def _of_company(changes: dict[str, dict[int, str]]) -> list:
    def work() -> list:
        alone = tuple(Variant(name, sources, draws=2) for name, sources in changes.items())
        merged = {place: text for sources in changes.values() for place, text in sources.items()}
        rehearsals = Rehearsals(TWO, [Variant("company", merged, draws=2, members=alone)])
        counted = rehearsals._part
        begun = Path("begun").resolve()

        def part(notebook, variant, start):
            with begun.open("a") as file:
                file.write(f"{variant.name}\n")
            return counted(notebook, variant, start)

        rehearsals._part = part
        assert not rehearsals.reference().lost()
        found = rehearsals.variants()
        assert set(found) == set(changes)
        lost = sorted(name for name, run in found.items() if run.died or run.errors or run.lost())
        return [lost, len(begun.read_text().split())]

    return in_fork(work, 60)
