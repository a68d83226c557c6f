"""The course in one picture: every chapter is there, below all that it needs, and no box covers another."""

import re
import sys

import pytest

from course_utils.plots import COLOURS
from course_utils.topics import KEYS, ROOT, TOPICS

pytest.importorskip("sphinx", reason="sphinx is not installed: no book is built")
sys.path.append(str(ROOT / "book/_ext"))

from course_book import needs


def test_every_chapter_stands_once():
    assert sorted(key for row in needs.ROWS for key in row) == sorted(KEYS)
    assert set(needs.NEEDS) == set(KEYS) - {"neurons"}


def test_a_chapter_needs_what_is_above_it_in_the_picture_and_before_it_in_the_table():
    level = {key: number for number, row in enumerate(needs.ROWS) for key in row}
    for key, needed in needs.NEEDS.items():
        assert max(level[need] for need in needed) < level[key], key
        assert all(KEYS.index(need) < KEYS.index(key) for need in needed), key


def test_boxes_lie_beside_each_other_within_the_picture():
    at = needs.places(set(KEYS))
    for row in needs.ROWS:
        edges = [edge for key in row for edge in (at[key][0] - at[key][2] / 2, at[key][0] + at[key][2] / 2)]
        assert edges == sorted(edges)
        assert edges[0] > 0
        assert edges[-1] < needs.WIDTH


def test_each_box_leads_to_its_page_and_each_part_has_its_colour():
    svg = needs.drawn(set(KEYS))
    assert re.findall(r'href="(\w+)\.html"', svg) == [key for row in needs.ROWS for key in row]
    assert COLOURS[: len({row.part for row in TOPICS})] == needs.COLOURS
    assert len(set(re.findall(r'stroke="(#\w+)"', svg))) == len(needs.COLOURS)


def test_a_chapter_that_is_not_written_is_left_out_with_its_lines():
    svg = needs.drawn({"neurons", "convolution"})
    assert svg.count("<a ") == 2
    assert svg.count("M") == 1
