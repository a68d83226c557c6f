"""What a page costs on a phone: kilobytes on the line, as hosts send them, and whether it moves while it loads."""

import pytest

from benchmarks.host import Compressing, serving

from .conftest import PHONE
from .test_pages import PAGES, ROOT_PAGE, scroll_through

pytestmark = pytest.mark.browser

KILOBYTES, FIRST_KILOBYTES = 300, 200
SHIFT = 0.1  # cumulative layout shift, "good" by web.dev's measure
NOTE_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().filter((e) => !e.hadRecentInput)
  .forEach((e) => { window.shifted += e.value; }))
  .observe({ type: 'layout-shift', buffered: true });"""


@pytest.fixture(scope="module")
def host(built_book):
    """Address of the book on a server that compresses."""
    with serving(built_book) as address:
        yield address


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light_and_stands_still(browser, host, name):
    Compressing.sent.clear()
    context = browser.new_context(viewport=PHONE)  # nothing is in its cache
    context.add_init_script(NOTE_SHIFTS)
    page = context.new_page()
    page.goto(f"{host}/{name}.html", wait_until="load")
    scroll_through(page)
    shifted = page.evaluate("window.shifted")
    context.close()
    kilobytes = sum(Compressing.sent.values()) / 1000
    print(f"{name}: {kilobytes:.0f} kB, shift {shifted:.3f}")
    most = FIRST_KILOBYTES if name == ROOT_PAGE else KILOBYTES
    assert kilobytes <= most, sorted(Compressing.sent.items(), key=lambda one: -one[1])[:6]
    assert shifted < SHIFT
