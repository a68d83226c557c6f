"""The sample class of the model labs gets the marks of a table that a person has read, check by check.

Who brings a trained net brings the reference's, and its points are known but for the tier that counts; what a training
in the sandbox earns depends on its luck too: there the table holds a range. Marking two labs takes minutes; verdicts
are kept in `build/sample-class`, so that only what has changed is run again.
"""

import json
import os
from pathlib import Path

import pytest

from course_utils.topics import ROOT
from course_utils.grading.classroom.cluster import Cluster
from course_utils.grading.classroom.coordinator import Settings, mark_class
from course_utils.grading.classroom.sample import make_sample
from course_utils.labs.lab import Lab
from tests.grading.room import marks

TABLE = json.loads((Path(__file__).parent / "sample_gradebook.json").read_text())


@pytest.mark.parametrize("key", TABLE)
def test_the_sample_class_gets_what_it_deserves(key):
    room = Path(os.environ.get("COURSE_SAMPLE_CLASS", ROOT / "build/sample-class"))
    make_sample(key, room)
    mark_class(Lab.load(key), room, Settings(cluster=Cluster()))
    found = marks(room, key)
    assert set(found) == set(TABLE[key])
    wrong = {
        (student, check): (expected, found[student].get(check))
        for student, checks in TABLE[key].items()
        for check, expected in checks.items()
        if not fits(expected, found[student].get(check))
    }
    assert wrong == {}, "(student, check): (expected, found)"


def fits(expected: float | list[float] | None, found: float | None) -> bool:
    """The very points, a range of them, or None where a person marks."""
    if isinstance(expected, list):
        return found is not None and expected[0] <= found <= expected[1]
    return found == expected


def test_the_table_knows_every_check_and_gives_each_its_points_to_the_perfect_student():
    for key, students in TABLE.items():
        points = {cell.name: cell.points for cell in Lab.load(key).cells if cell.kind == "test"}
        assert {name for name in students["perfect"] if name in points} == set(points)
        for name, most in points.items():
            given = students["perfect"][name]
            assert (given[1] if isinstance(given, list) else given) == most
            assert students["untouched"][name] == 0
