"""Styles cut to what pages use: what may find something stays, in order; a later build begins with the whole."""

import sys

import pytest

from course_utils.topics import ROOT

pytest.importorskip("sphinx", reason="sphinx is not installed: no book is built")
sys.path.append(str(ROOT / "book/_ext"))

from course_book.styles import CUT, Used, cut, whole

PAGE = '<nav class="menu open"><p class=note>A note</p></nav><script>add("shown", "kind-" + kind)</script>'
USED = Used([PAGE], ["toggle('folded')"])


@pytest.mark.parametrize(
    "rule",
    [
        "p{margin:0}",
        ".menu .note{margin:0}",
        ".menu:not(.never){margin:0}",
        ".shown,.folded{margin:0}",  # given by a script of the page, by one of its own file
        ".kind-odd{margin:0}",
        '[title=".never"]{margin:0}',
        ":is(.never,.menu){margin:0}",
        "@font-face{font-family:never}",
        "@keyframes never{to{margin:0}}",
        ":root{--never:1}",
        '@import "never.css";',
        '.note{content:"} .never {"}',
        "@media print{@supports (margin:0){.note{margin:0}}}",
    ],
)
def test_a_rule_that_may_find_something_stays_as_it_is(rule):
    assert cut(rule, USED) == rule


@pytest.mark.parametrize(
    "rule",
    [
        ".never{margin:0}",
        ".menu .never{margin:0}",
        ".menu.never:hover::after{margin:0}",
        "@media print{.never{margin:0}}",
        "/* .menu */",
    ],
)
def test_a_rule_that_finds_nothing_goes(rule):
    assert cut(rule, USED) == ""


def test_of_several_selectors_those_stay_that_may_find_something():
    style = ".never,.note:is(.a, p:not(.b)) > a , .never p{margin:0}b{top:0}"
    assert cut(style, USED) == ".note:is(.a, p:not(.b)) > a{margin:0}b{top:0}"


def test_a_style_sheet_that_was_cut_is_cut_from_the_whole_and_a_new_one_from_itself(tmp_path):
    style, kept = tmp_path / "theme.css", tmp_path / "kept"
    for text in (
        ".never{margin:0}p{margin:0}",
        "p{margin:1}",
    ):  # the second one, of a newer theme, is shorter
        style.write_text(text)
        for _ in range(2):
            assert whole(style, kept) == text
            style.write_text(cut(text, USED) + CUT)
