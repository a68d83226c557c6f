"""Every page of the built book: alone, without a network, in both themes, on a desk and on a phone."""

import itertools
import re

import pytest

from course_utils import book, demos

from .accessibility import AXE, COLOUR_RULES, EACH_LOOK_ONCE, violations
from .conftest import DESK, PHONE

pytestmark = pytest.mark.browser

ROOT_PAGE = "book/intro"
PAGES = [ROOT_PAGE, *(entry["file"] for part in book.contents()["parts"] for entry in part["chapters"])]
MADE = ["index", "search", "genindex"]

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
STICKING_OUT = """() => [...document.querySelectorAll('article *')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest('math, svg, pre, .math, table, .demo-stage'))
  .map((e) => `${e.tagName}.${e.className}`).slice(0, 5)"""
# Visible blocks that are wider than the page lets them be: a reader sees their lines cut.
CUT = """() => { const shown = 'section { content-visibility: visible !important }';
  document.head.append(Object.assign(document.createElement('style'), { textContent: shown }));
  return [...document.querySelectorAll('article :is(pre, table, .math, .figure-box)')]
    .filter((e) => e.getClientRects().length && !e.closest('details:not([open])') && e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.textContent.slice(0, 70)); }"""
# Printed blocks that scroll where no key reaches, and columns whose lines go on below.
UNREACHED = """() => { const shown = 'section { content-visibility: visible !important }';
  document.head.append(Object.assign(document.createElement('style'), { textContent: shown }));
  return [...document.querySelectorAll('article .cell_output pre')]
  .filter((e) => (e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0)
    || (e.matches('.columns') && getComputedStyle(e).whiteSpace !== 'pre'))
  .map((e) => e.textContent.slice(0, 70)); }"""
# Names of printed rows that leave the view when their box is scrolled to its end, or let figures show through.
LOST_NAMES = """() => [...document.querySelectorAll('article pre.columns')]
  .filter((e) => e.getClientRects().length && e.scrollWidth > e.clientWidth + 1).flatMap((box) => {
    box.scrollLeft = box.scrollWidth;
    const left = box.getBoundingClientRect().left;
    const lost = [...box.querySelectorAll('.name')].filter((name) => {
      const place = name.getBoundingClientRect();
      return place.left > left + 1 || place.right < left + 10
        || getComputedStyle(name).backgroundColor === 'rgba(0, 0, 0, 0)'; });
    box.scrollLeft = 0;
    return lost.map((name) => name.textContent); })"""
# Printed lines whose second row begins where a next line would, and sentences with line breaks of their own: where a
# phone breaks those once more, a stump is left.
RAGGED = """() => [...document.querySelectorAll('article .cell_output pre:not(.columns)')]
  .filter((e) => e.getClientRects().length).flatMap((box) => {
    const text = box.lastChild, lines = text.textContent.split('\\n'), range = document.createRange();
    let begin = 0;
    return lines.filter((line, n) => {
      range.setStart(text, begin);
      range.setEnd(text, begin + line.length);
      begin += line.length + 1;
      const [first, ...rest] = range.getClientRects(), next = lines[n + 1] ?? '';
      const below = rest.filter(({ top }) => top > first.top + 5);
      const filled = /^[a-z]/i.test(line) && /^[a-z]/.test(next)
        && line.length <= 76 && line.length + next.split(' ')[0].length >= 76;
      const flush = below.some(({ left }) => left < first.left + 5);
      return below.length && (flush || filled || line.endsWith(',')); }); })"""
SMALL_WORDS = """() => [...document.querySelectorAll('figure.drawn svg text')]
  .map((text) => { const { a, b } = text.getScreenCTM(), of = text.querySelector('tspan') ?? text;
    return [parseFloat(getComputedStyle(of).fontSize) * Math.hypot(a, b), text.textContent]; })
  .filter(([size]) => size < 8.99)"""
UNNAMED_PICTURES = """() => [...document.querySelectorAll('article img, article svg')]
  .filter((e) => !e.closest('a.headerlink, button, .demo-live, [aria-hidden=true]') && !e.closest('[role=img]:not(svg)')
    && (e.getAttribute('alt') ?? e.getAttribute('aria-label') ?? '').split(' ').length < 3)
  .map((e) => e.outerHTML.slice(0, 120))"""
BROKEN_PICTURES = "() => [...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src)"
# A demo's place is reserved: one that needs another height leaves a gap, or moves the page when it starts.
MISPLACED = """() => [...document.querySelectorAll('.demo-stage')].map((stage) => {
  const reserved = parseFloat(getComputedStyle(stage).minHeight);
  stage.style.minHeight = '0';
  const needed = stage.getBoundingClientRect().height;
  stage.style.minHeight = '';
  return { demo: stage.dataset.demo, reserved, needed };
}).filter(({ reserved, needed }) => Math.abs(reserved - needed) > 0.15 * needed)"""
MATH_FONT = """() => document.fonts.ready.then(
  () => [...document.fonts].some((f) => f.family.includes('Book Math') && f.status === 'loaded'))"""


def scroll_through(page):
    """Pass every demo, so that each one starts."""
    for stage in page.locator(".demo-stage").all():
        stage.scroll_into_view_if_needed()
        stage.locator("xpath=self::*[contains(@class, 'demo-started')]").wait_for(timeout=15_000)


@pytest.fixture(scope="module")
def leaf(request, windows, built_book):
    """A page of the book in a theme, opened once from its file and scrolled through, for all that is asked of it."""
    name, theme = request.param
    windows.faults.clear()
    page = windows.take(theme, DESK)
    page.goto((built_book / f"{name}.html").as_uri(), wait_until="load")
    if name == "index":  # it only leads on
        page.wait_for_url(f"**/{ROOT_PAGE}.html")
    page.wait_for_load_state("load")
    scroll_through(page)
    yield page
    windows.give_back(page, theme, DESK)


def leaves(names):
    """Each page in each theme; a test's list begins as the others' do, so that pytest opens each page once."""
    both = [(name, theme) for name in names for theme in ("light", "dark")]
    return pytest.mark.parametrize("leaf", both, indirect=True, ids=map("-".join, both))


@leaves([*PAGES, *MADE])
def test_a_page_opens_from_a_file(leaf, windows, request):
    assert leaf.evaluate("document.documentElement.dataset.theme") == request.node.callspec.params["leaf"][1]
    assert leaf.evaluate(MISPLACED) == []
    assert windows.faults == []


@leaves(PAGES)
def test_a_page_is_accessible(leaf, windows, request):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    dark = request.node.callspec.params["leaf"][1] == "dark"
    options = AXE | {"runOnly": COLOUR_RULES if dark else ["wcag2a", "wcag2aa"], "preload": False}
    leaf.evaluate(EACH_LOOK_ONCE)
    results = axe.run(leaf, options=options).response
    leaf.evaluate("putBack()")
    assert violations(results) == {}
    assert windows.faults == []


FAINT = """<article><details><summary>More</summary><pre><span style="color: #eee">hidden</span></pre></details>
<pre><span style="color: #eee">first</span> <span style="color: #eee">same</span>
<span style="color: #ddd">other</span></pre></article>"""


def test_a_word_of_code_that_cannot_be_read_is_found_once_for_each_look(open_page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    page, options = open_page("about:blank"), AXE | {"runOnly": COLOUR_RULES, "preload": False}
    page.set_content(FAINT)
    for once, words in ((EACH_LOOK_ONCE, ["first", "other"]), ("putBack()", ["first", "same", "other"])):
        page.evaluate(once)
        found = violations(axe.run(page, options=options).response)["color-contrast"]
        assert re.findall(r">(\w+)<", " ".join(found)) == words


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_its_pictures_have_words(open_page, served_book, name, theme):
    page = open_page(f"{served_book}/{name}.html", theme, PHONE)
    scroll_through(page)
    assert page.evaluate(WIDER) <= 0, page.evaluate(STICKING_OUT)
    assert page.evaluate(STICKING_OUT) == []
    assert page.evaluate(UNNAMED_PICTURES) == []
    assert page.evaluate(BROKEN_PICTURES) == []
    assert page.evaluate(SMALL_WORDS) == []
    assert page.evaluate(MISPLACED) == []
    assert page.evaluate(UNREACHED) == []
    assert page.evaluate(RAGGED) == []
    assert page.evaluate(LOST_NAMES) == []


@leaves(PAGES)
def test_no_visible_block_is_cut_on_a_desk(leaf):
    leaf.set_viewport_size({"width": 1366, "height": 900})
    assert leaf.evaluate(CUT) == []
    assert leaf.evaluate(MISPLACED) == []
    leaf.set_viewport_size(DESK)


def test_formulas_are_set_in_the_book_s_font(open_page, built_book):
    page = open_page((built_book / "book/notation.html").as_uri())
    assert page.locator("math").count() > 10
    assert page.evaluate(MATH_FONT)


def test_every_icon_has_its_glyph(open_page, built_book):
    page = open_page((built_book / "book/intro.html").as_uri())
    icons = page.locator("i.fa-solid:visible, i.fas:visible, i.fa-brands:visible")
    assert icons.count() > 0
    widths = icons.evaluate_all("(all) => all.map((icon) => icon.getBoundingClientRect().width)")
    assert min(widths) > 4


def test_the_search_finds_a_word_from_a_file(open_page, built_book):
    page = open_page((built_book / "search.html").as_uri() + "?q=neuron")
    page.wait_for_selector("#search-results li a", timeout=15_000)


def test_without_scripts_a_page_still_reads(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((built_book / "book/notation.html").as_uri())
    assert page.locator("math").first.is_visible()
    context.close()


def test_without_scripts_a_still_picture_holds_a_demos_place(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    page, seen = context.new_page(), {}
    for name in PAGES:
        page.goto((built_book / f"{name}.html").as_uri(), wait_until="domcontentloaded")
        for size, stage in itertools.product((DESK, PHONE), page.locator(".demo-stage").all()):
            page.set_viewport_size(size)
            picture, place = (spot.bounding_box() for spot in (stage.locator(".demo-still svg"), stage))
            _, phone = re.findall(r"(\d+)px", stage.get_attribute("style"))
            seen[stage.get_attribute("data-demo"), size["width"]] = picture["width"], picture["height"]
            assert picture["height"] < place["height"]
            assert size is DESK or place["height"] <= int(phone) + 1, name
    context.close()
    assert {name for name, _ in seen} == set(demos.names())
    assert {name: box for name, box in seen.items() if box[0] < 250 or box[1] < 12} == {}
