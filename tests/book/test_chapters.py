"""The chapters' text: no visible line of code is cut, imports are folded, what they call stands on the page."""

import re
import sys

import pytest

from course_utils.topics import KEYS, ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
from course_book import reference

WIDEST = 76  # columns that a page shows at 1366 pixels
CELL = re.compile(r"^(`{3,})\{code-cell\}[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
LISTING = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FOLDED = ("hide-input", "remove-input", "remove-cell", "hide-cell")
CHAPTERS = [key for key in KEYS if (ROOT / "book" / f"{key}.md").is_file()]


def shown(page):
    """Text of a page's cells and listings that are not folded."""
    cells = [match[2] for match in CELL.finditer(page)]
    visible = [cell for cell in cells if not any(tag in cell.split("\n", 1)[0] for tag in FOLDED)]
    return visible + [match[1] for match in LISTING.finditer(page)]


@pytest.mark.parametrize("key", CHAPTERS)
def test_no_visible_line_of_code_is_cut(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    assert [line for block in shown(page) for line in block.splitlines() if len(line) > WIDEST] == []


@pytest.mark.parametrize("key", CHAPTERS)
def test_blocks_of_imports_are_folded(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    assert [block for block in shown(page) if block.count("import ") > 2] == []


@pytest.mark.parametrize("key", CHAPTERS)
def test_what_a_page_takes_from_solutions_stands_on_it(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    names = reference.imported(page)
    everything = re.search(r"^```\{reference\}$", page, re.MULTILINE)
    assert set(names) if everything else reference.shown(page) >= set(names)
    assert reference.shown(page) <= set(names)
    for name, module in names.items():
        assert name in reference.definition(module, name)


def test_a_definition_is_followed_to_where_it_stands_and_a_missing_one_is_named(tmp_path):
    folder = tmp_path / "solutions" / "one"
    folder.mkdir(parents=True)
    (folder / "reference.py").write_text("from solutions.one.parts import part\nLIMIT: int = 3\n")
    (folder / "parts.py").write_text("import functools\n\n\n@functools.cache\ndef part():\n    return 1\n")
    module = "solutions.one.reference"
    assert reference.definition(module, "LIMIT", tmp_path) == "LIMIT: int = 3"
    assert reference.definition(module, "part", tmp_path) == "@functools.cache\ndef part():\n    return 1"
    with pytest.raises(KeyError, match="defines no 'whole'"):
        reference.definition(module, "whole", tmp_path)


def test_a_long_line_is_seen_where_it_is_visible():
    cell = "```{code-cell} ipython3\n%s\nprint(1)\n```\n"
    assert shown(cell % "x = 1") == ["x = 1\nprint(1)\n"]
    assert shown(cell % ":tags: [hide-input]") == []
    assert shown("```python\nloop()\n```\n") == ["loop()\n"]


@pytest.mark.parametrize("key", CHAPTERS)
def test_the_number_of_seeds_is_said_in_words_that_fit_one_as_well(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    assert re.findall(r"\{len\(\w+\.(?:seeds|values)\)\} seed| [a-z]{3,}\(s\)(?=[ ,.])", page) == []


ENDING = ["What has become of it", "To remember", "Exercises", "Questions for yourself", "Further reading"]


@pytest.mark.parametrize("key", CHAPTERS)
def test_all_chapters_end_alike(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    ending = [heading for heading in headings if heading in ENDING]
    assert ending == [heading for heading in ENDING if heading in ending]
    assert headings[-len(ending) :] == ending
    assert {"Exercises", "Questions for yourself", "Further reading"} <= set(ending)


ASKED = re.compile(
    r"(?i)(guess first|with a guess|predict|before you (press|play|drag|click|choose)|make a guess)"
)


@pytest.mark.parametrize("key", CHAPTERS)
def test_a_demo_asks_for_a_guess(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    demos = [*re.finditer(r"^(`{3,})\{demo\}.*?^\1$", page, re.MULTILINE | re.DOTALL)]
    assert demos
    for demo in demos:  # in it, or in the two paragraphs on either side
        above, below = page[: demo.start()].split("\n\n"), page[demo.end() :].split("\n\n")
        near = "\n\n".join([*above[-3:], demo[0], *below[:3]])
        assert ASKED.search(near), demo[0]
        assert "?" in near, demo[0]


@pytest.mark.parametrize("key", CHAPTERS)
def test_six_to_ten_exercises_have_answers(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    assert 6 <= len(re.findall(r"^[`:]{3,}\{dropdown\} Answer", page, re.MULTILINE)) <= 10


@pytest.mark.parametrize("key", CHAPTERS)
def test_an_answer_has_its_exercise_s_number(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    exercises = page.partition("\n## Exercises\n")[2].partition("\n## ")[0]
    marks = re.findall(r"^(?:\*\*(\d+)\.\*\* |[`:]{3,}\{dropdown\} (.*))", exercises, re.MULTILINE)
    count = len(marks) // 2
    assert count >= 6, "six to ten exercises"
    assert marks == [mark for n in range(1, count + 1) for mark in ((str(n), ""), ("", f"Answer {n}"))]


@pytest.mark.parametrize("key", CHAPTERS)
def test_the_text_speaks_of_each_diagram_and_of_each_named_figure_by_its_number(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    diagrams = re.findall(r'^<svg class="figure"(?: id="([^"]*)")?', page, re.MULTILINE)
    named = re.findall(r"^:tags: \[.*\bfigure-([a-z-]+)", page, re.MULTILINE)
    assert diagrams
    assert "" not in diagrams, "a diagram has a name"
    assert {*diagrams, *named} <= set(re.findall(r"\{numref\}`([^`]+)`", page))


@pytest.mark.parametrize("key", CHAPTERS)
def test_each_choice_of_a_question_is_explained_and_one_is_right(key):
    page = (ROOT / "book" / f"{key}.md").read_text(encoding="utf-8")
    questions = re.findall(
        r"((?:^- [a-e]\. .+\n)+)\n[`:]{3,}\{dropdown\} Which, and why\n((?:.+\n)+?)[`:]{3,}$",
        page,
        re.MULTILINE,
    )
    assert 2 <= len(questions) <= 3
    for choices, reasons in questions:
        letters = re.findall(r"^- ([a-e])", choices, re.MULTILINE)
        assert re.findall(r"^- ([a-e]): ", reasons, re.MULTILINE) == letters
        assert reasons.count("**yes**") == 1
