"""The book's build, on a small book with the course's own settings: what it makes, and what it refuses."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
import yaml

from course_utils import book
from course_utils.topics import KEYS, ROOT, TOPICS

pytest.importorskip("jupyter_book", reason="jupyter-book is not installed: no book is built")

INTRO = """# A small book

A page with enough words in its first paragraph to serve as the description of the whole page to search engines.

```{topics}
```
"""

CHAPTER = """# Neurons

```{lab} neurons
```

A formula in the line, $\\hat y = \\sigma(\\mathbf{w}^\\top \\mathbf{x})$, and one with a number:

$$
a &= b \\\\ &= c
$$ (sum)

Equation {eq}`sum` and {cite:t}`rumelhart1986`; see {numref}`points` and {numref}`drawn`.

<svg class="figure" id="drawn" role="img" viewBox="0 0 9 9" width="9" aria-label="A dot">
<path d="M0 0"/></svg>

```{demo} dial
:alt: A dial that turns when it is dragged.
:height: 240
:state: {"turn": 3}
Turn the *dial*.
```

```{code-cell}
from course_utils import sample
print("value", sample.VALUE)
```

```{code-cell}
:tags: [hide-input, figure-points]

from IPython.display import HTML
HTML('<svg class="figure" role="img" aria-label="Three points on a line"><path d="M0 0"/></svg>')
```

```{code-cell}
from solutions.neurons.reference import double, half
```

```{reference} double
```

```{reference}
```

```{bibliography}
```
"""

DIAL = """
export const angle = (turn) => 30 * turn;
export function still() {
  return `<svg viewBox="0 0 10 10"><path data-angle="${angle(3)}"/></svg>`;
}
export default { render({ model, el }) { el.textContent = `angle ${angle(model.get("turn"))}`; } };
"""


REFERENCE = "from operator import neg\n\n\ndef double(x):\n    return 2 * x\n\n\nhalf = 0.5\n"


class Elements(HTMLParser):
    """Start tags of a page, as (tag, attributes)."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course of one chapter, with the real settings and extensions and a package of its own to import."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "_config.yml", root)
    for folder in ("book/_ext", "book/_static", "course_utils/demos"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "dependencies.py", "topics.py"):
        shutil.copy(ROOT / "course_utils" / name, root / "course_utils")
    shutil.copy(ROOT / "book/references.bib", root / "book")
    (root / "course_utils/demos/dial.js").write_text(DIAL)
    (root / "course_utils/sample.py").write_text("VALUE = 1\n")
    (root / "solutions/neurons").mkdir(parents=True)
    for name in ("solutions", "solutions/neurons"):
        (root / name / "__init__.py").touch()
    (root / "solutions/neurons/reference.py").write_text(REFERENCE)
    (root / "book/intro.md").write_text(INTRO)
    (root / "book/neurons.md").write_text(FRONT + CHAPTER)
    (root / "book/convolution.md").write_text("# Convolution\n\n```{lab} convolution\n```\n")
    (root / "labs/neurons").mkdir(parents=True)
    (root / "labs/neurons/neurons.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    return root


FRONT = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n"


@pytest.fixture(scope="module")
def page(course):
    """The built chapter's HTML."""
    book.build(course)
    return (course / "_build/html/book/neurons.html").read_text()


def test_contents_list_what_exists_in_the_order_of_the_table():
    listed = [entry["file"] for part in book.contents()["parts"] for entry in part["chapters"]]
    written = [f"book/{key}" for key in KEYS if (ROOT / "book" / f"{key}.md").is_file()]
    assert listed[: len(written)] == written
    assert all((ROOT / f"{name}.md").is_file() for name in listed)


def test_the_committed_contents_are_those_of_the_table():
    assert (ROOT / "_toc.yml").read_text(encoding="utf-8") == book.contents_text()


def test_no_page_of_the_book_is_left_out():
    listed = {entry["file"] for part in book.contents()["parts"] for entry in part["chapters"]} | {
        "book/intro"
    }
    assert {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")} == listed


def test_the_address_of_the_repository_stands_in_one_place():
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert "repository" not in settings
    assert "github.com" not in json.dumps(settings)


def test_nothing_is_asked_of_another_host(page):
    elements = Elements(page)
    sources = [item.get("src", "") for tag in ("script", "img", "iframe") for item in elements.of(tag)]
    styles = [item["href"] for item in elements.of("link")]
    assert not [address for address in sources + styles if re.match(r"(https?:)?//", address or "")]
    for unwanted in ("thebe", "require.js", "mathjax", "fontawesome/6.5.2/js", "unpkg", "jsdelivr"):
        assert unwanted not in page.lower(), unwanted


def test_a_folded_cell_is_called_by_the_words_that_it_shows(page):
    folded = Elements(page).of("summary")
    assert folded
    assert not [item for item in folded if "aria-label" in item]


def test_formulas_are_mathml_with_a_number_that_the_text_cites(page):
    assert page.count("<math") == 2
    assert "\\(" not in re.sub(r"<annotation.*?</annotation>", "", page)
    assert re.search(r'href="#equation-sum"[^>]*>(<span[^>]*>)?\(?1\)?', page)


def test_the_bar_tells_points_and_minutes_and_leads_to_the_lab(course, page):
    row = TOPICS[0]
    assert f"{row.points} points" in page
    assert f"{row.minutes} min of work" in page
    assert f'href="{row.colab_url}"' in page
    links = [item.get("href", "") for item in Elements(page).of("a")]
    download = next(link for link in links if link.endswith("neurons.ipynb") and "colab" not in link)
    assert (course / "_build/html/book" / download).is_file()


def test_a_lab_that_is_not_released_has_no_link(course, page):
    other = (course / "_build/html/book/convolution.html").read_text()
    assert f"{TOPICS[1].points} points" in other
    assert "Open in Colab" not in other
    assert "no lab yet" in (course / "_build/html/book/intro.html").read_text()


def test_a_demo_stands_with_its_module_its_height_and_its_still(page):
    stage = next(item for item in Elements(page).of("div") if item.get("class") == "demo-stage")
    assert stage["data-demo"] == "dial"
    assert stage["style"] == "--desk: 240px; --phone: 240px"
    assert json.loads(stage["data-state"]) == {"turn": 3}
    assert stage["aria-label"] == "A dial that turns when it is dragged."
    assert 'data-angle="90"' in page, "the still picture is drawn by the module itself"
    assert "export default { render(" in page
    assert "<em>dial</em>" in page


def test_figures_have_numbers_and_their_words_as_captions(page):
    assert page.count("<figcaption") == 2
    assert "<b>Figure 1.</b> A dot.</figcaption>" in page
    assert "<b>Figure 2.</b> Three points on a line.</figcaption>" in page
    assert 'aria-label="Three points on a line"' in page


def test_text_refers_to_figures_by_name(page):
    found = [item.get("id") for item in Elements(page).of("figure")]
    assert found == ["drawn", "points"]
    assert re.search(r'see <a[^>]* href="#points">figure 2</a> and <a[^>]* href="#drawn">figure 1</a>', page)
    assert page.count('id="drawn"') == 1, "a name stands once in a page"


def test_a_page_describes_itself(course, page):
    intro = (course / "_build/html/book/intro.html").read_text()
    metas = {
        item.get("name") or item.get("property"): item.get("content") for item in Elements(intro).of("meta")
    }
    assert metas["description"].startswith("A page with enough words")
    assert metas["og:title"] == "A small book"
    assert any("favicon.svg" in item["href"] for item in Elements(intro).of("link"))


def test_fonts_are_cut(course, page):
    static = course / "_build/html/_static"
    assert 2_000 < (static / "formulas.woff2").stat().st_size < 60_000
    icons = [path.stat().st_size for path in static.glob("vendor/fontawesome/*/webfonts/*")]
    assert icons
    assert sum(icons) < 20_000


def test_a_changed_module_runs_its_chapter_again_and_nothing_else_does(course, page, capfd):
    assert "value 1" in page
    book.build(course)
    assert "Executing notebook" not in "".join(capfd.readouterr())
    (course / "course_utils/sample.py").write_text("VALUE = 22\n")
    book.build(course)
    assert "value 22" in (course / "_build/html/book/neurons.html").read_text()


def test_the_references_definitions_stand_folded_where_they_are_asked_for(page):
    folds = re.findall(r'<details class="reference">(.*?)</details>', page, re.DOTALL)
    bare = [re.sub(r"<[^>]+>", "", fold) for fold in folds]
    assert "One way to write it: double" in bare[0]
    assert "def double(x):\n    return 2 * x" in bare[0]
    assert [fold.strip() for fold in bare[1:]] == ["halfhalf = 0.5"]  # its name, then its source


MISTAKES = {
    "$\\frac{1}{$": "Unexpected end of input",
    "```{demo} dail\n:alt: A dial.\n```": "no demo is called 'dail'",
    "```{demo} dial\n```": "expected an :alt:",
    "```{lab} neuron\n```": "no topic is called 'neuron'",
    "[](nowhere.md)": "nowhere",
    "See {numref}`lost`.": "no figure is called 'lost'",
    "```{reference} treble\n```": "expected a name that this page imports",
}


def test_mistakes_of_an_author_fail_the_build_and_are_all_named_at_once(course, page, capfd):
    intro = course / "book/intro.md"
    intro.write_text("\n\n".join([INTRO, *MISTAKES]))
    try:
        for _ in range(2):  # a second build of the same faulty page fails too
            with pytest.raises(book.BookError, match="warnings or errors"):
                book.build(course)
            output = "".join(capfd.readouterr())
            assert [named for named in MISTAKES.values() if named not in output] == []
    finally:
        intro.write_text(INTRO)


CLAIM = """
The mean is above a half.

```{code-cell}
:tags: [remove-cell]

share = 0.4
assert share > 0.5, f"claimed above a half, found {share}"
```
"""


def test_a_false_claim_fails_the_build_and_is_named(course, page, capfd):
    """An assert beside the cell that it speaks of, hidden or not, is how a chapter's claims are kept true."""
    chapter = course / "book/neurons.md"
    chapter.write_text(FRONT + CHAPTER + CLAIM)
    try:
        with pytest.raises(book.BookError, match="warnings or errors"):
            book.build(course)
        output = "".join(capfd.readouterr())
        assert "book/neurons.md" in output
        assert "claimed above a half, found 0.4" in output
    finally:
        chapter.write_text(FRONT + CHAPTER)


ELSEWHERE = (
    "\n\nThe [other chapter](convolution.md) stands on a page of its own, as do the works that are cited.\n"
)


def test_a_page_alone_is_held_to_what_the_book_is_held_to(course, page, capfd):
    """But for what other pages hold: a link to one and a citation are no mistakes."""
    chapter = course / "book/neurons.md"
    whole = FRONT + CHAPTER.replace("```{bibliography}\n```\n", "") + ELSEWHERE
    here = {mistake: named for mistake, named in MISTAKES.items() if named != "nowhere"}
    try:
        chapter.write_text(whole)
        assert "value " in book.build_page("neurons", course).read_text()
        for faults, said in (([*here], [*here.values()]), ([CLAIM], ["claimed above a half, found 0.4"])):
            chapter.write_text("\n\n".join([whole, *faults]))
            for _ in range(2):  # a second build of the same faulty page fails too
                with pytest.raises(book.BookError, match="the page of neurons has errors"):
                    book.build_page("neurons", course)
                output = "".join(capfd.readouterr())
                assert [named for named in said if named not in output] == []
    finally:
        chapter.write_text(FRONT + CHAPTER)


def test_a_folder_that_holds_no_book_is_named(tmp_path):
    with pytest.raises(book.BookError, match=re.escape(str(tmp_path))):
        book.build(tmp_path)
