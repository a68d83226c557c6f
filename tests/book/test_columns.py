"""What a cell prints: columns are told from sentences, and keys reach those that are wider than a phone."""

import re
import sys

import pytest

from course_utils.topics import ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
from course_book import columns

TABLE = """               weights   sentences right     BLEU
ByteNet        47,961   100% 100% 100%  100.0
Transformer    71,769   100% 100% 100%  100.0
all of them from three beginnings
"""
OUTPUT = (
    '<div class="output stream notranslate"><div class="highlight"><pre><span></span>{}</pre></div></div>'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing known        44.36\nindependent pixels   25.21\n", True),
        ("share of the future   field 0.013\n" + " " * 22 + "recurrent net 0.131\n", True),
        ("tensor([[1, 0],\n        [0, 1]])\n", False),  # one line alone is set in
        ("the rich queen sees the queen.\nThe noble queens find the men.\n", False),
        ("digits: 17,658 weights\n   99.22 % over 3 seeds\n   LeNet-5: 99.05 %\n", False),
        ("one line  with a gap\nand one without\n", False),
    ],
)
def test_columns_are_told_from_sentences(text, expected):
    assert columns.in_columns(text) is expected


def test_columns_keep_their_lines_and_keys_reach_wide_ones():
    narrow, wide = "a   1\nb   2\n", f"{'a':40}1\n{'b':40}2\n"
    assert '<pre class="columns">a   1' in columns.marked(OUTPUT.format(narrow))
    assert '<pre class="columns" tabindex="0"><span class="lines"><span class="name">a <' in columns.marked(
        OUTPUT.format(wide)
    )


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (TABLE, 12),
        ("looks back  5 letters\nlast state  10 letters\n", 11),
        ("    dense:  8,490\nconnected:    108\n", 11),  # names may end at the same place, and begin anywhere
        ("the judge   1   2\nthe painter 3   4\n", 12),  # one row's name leaves one space
        ("right, alone: 0.689\n              (3 seeds)\nat home:  0.947\n", 0),  # no gap is shared
    ],
)
def test_the_names_of_rows_end_at_the_first_gap_that_all_rows_share(text, end):
    assert columns.names_end(text) == end


def test_names_of_rows_wider_than_a_phone_are_marked_and_no_character_is_lost():
    made = columns.marked(OUTPUT.format(TABLE))
    assert made.count('class="name"') == 3  # the header's is empty, and the sentence is no row
    assert f'<span class="name">{"ByteNet":12}</span>   47,961' in made
    assert re.sub(r"<[^>]+>", "", made) == TABLE
    assert columns.marked(made) == made


def test_a_name_that_leaves_no_place_for_figures_scrolls_with_them():
    text = f"{'a':40}1\n{'b' * 38}  2\n"
    assert columns.names_end(text) == 39
    assert 'class="name"' not in columns.marked(OUTPUT.format(text))


def test_names_are_escaped():
    made = columns.marked(OUTPUT.format(f"a &lt; b {'':40}1\nb &amp; c {'':40}2\n"))
    assert '<span class="name">a &lt; b </span>' in made
    assert '<span class="name">b &amp; c </span>' in made


def test_what_is_escaped_counts_once():
    line = f"{'&lt;' * 30}  &amp;\n"  # 33 characters
    assert "tabindex" not in columns.marked(OUTPUT.format(2 * line))


def test_sentences_code_and_marked_columns_stay_as_they_are():
    sentence = OUTPUT.format("a long day\nand a night\n")
    code = '<div class="highlight"><pre>x  = 1\ny  = 2\n</pre></div>'
    assert columns.marked(sentence + code) == sentence + code
    once = columns.marked(OUTPUT.format("a   1\nb   2\n"))
    assert columns.marked(once) == once
