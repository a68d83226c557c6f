"""What a cell prints: columns are told from sentences, and keys reach those that are wider than a phone."""

import sys

import pytest

from course_utils.topics import ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
from course_book import columns

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
    assert '<pre class="columns"><span></span>a   1' in columns.marked(OUTPUT.format(narrow))
    assert '<pre class="columns" tabindex="0"><span></span>a ' in columns.marked(OUTPUT.format(wide))


def test_what_is_escaped_counts_once():
    line = f"{'&lt;' * 30}  &amp;\n"  # 33 characters
    assert "tabindex" not in columns.marked(OUTPUT.format(2 * line))


def test_sentences_code_and_marked_columns_stay_as_they_are():
    sentence = OUTPUT.format("a long day\nand a night\n")
    code = '<div class="highlight"><pre>x  = 1\ny  = 2\n</pre></div>'
    assert columns.marked(sentence + code) == sentence + code
    once = columns.marked(OUTPUT.format("a   1\nb   2\n"))
    assert columns.marked(once) == once
