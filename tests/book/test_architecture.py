"""The page on the architecture says what is so: its settings are the code's, its rooms the engine's."""

import re

from course_utils.topics import ROOT
from tests.grading.test_rooms import STOREYS

PAGE = (ROOT / "book" / "architecture.md").read_text(encoding="utf-8")


def test_every_setting_of_the_code_stands_in_the_table_and_no_other():
    read = set()
    for path in (ROOT / "course_utils").rglob("*.py"):
        read |= set(re.findall(r'environ(?:\.get)?[\[(]"(COURSE_\w+)"', path.read_text(encoding="utf-8")))
    listed = re.findall(r"^\| `(COURSE_\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(read)


def test_the_rooms_are_drawn_from_the_top_to_the_bottom():
    assert tuple(re.findall(r'font-weight="600">(\w+)</text><text x="150"', PAGE)) == STOREYS[::-1]


def test_the_modules_that_a_submission_passes_are_there():
    for name in re.findall(r"`((?:classroom|gradebook|engine|kernel|wire|sandbox)/\w+)`", PAGE):
        assert (ROOT / "course_utils" / "grading" / f"{name}.py").is_file(), name
