"""What scrolls sideways fades where it goes on, and nothing else does: the page's style on boxes of known widths."""

import pytest

from course_utils.topics import ROOT

from .conftest import DESK, PHONE

pytestmark = pytest.mark.browser

WIDE, NARROW = 600, 200  # pixels of the two boxes' content
BOXES = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Boxes</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>
<body><div class="figure-box" id="wide"><p style="width: {wide}px">Columns</p></div>
<div class="figure-box" id="narrow"><p style="width: {narrow}px">Columns</p></div></body></html>"""
FADED = """(name) => new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(() => {
  const style = getComputedStyle(document.getElementById(name));
  seen([parseFloat(style.getPropertyValue('--fade')), style.maskImage]); })))"""
SCROLL = "left => { document.getElementById('wide').scrollLeft = left; }"


@pytest.fixture
def boxes(open_page, tmp_path):
    """`boxes(size)`: a page with a wide box and a narrow one."""
    style = (ROOT / "book/_static/course.css").read_text(encoding="utf-8")
    style = style.replace('url("formulas.woff2")', 'local("STIX Two Math")')
    (tmp_path / "boxes.html").write_text(BOXES.format(style=style, wide=WIDE, narrow=NARROW))

    def opened(size):
        page = open_page((tmp_path / "boxes.html").as_uri(), "light", size)
        if not page.evaluate("CSS.supports('animation-timeline', 'scroll(self inline)')"):
            pytest.skip("this Chromium knows no timelines of scrolling")
        return page

    return opened


def test_a_box_fades_until_its_end_is_in_view(boxes):
    page = boxes(PHONE)
    most, drawn = page.evaluate(FADED, "wide")
    assert most == 32
    assert "32px" in drawn
    end = page.evaluate(
        "() => { const e = document.getElementById('wide'); return e.scrollWidth - e.clientWidth; }"
    )
    assert end > 100
    page.evaluate(SCROLL, end - 10)  # ten pixels are left, and no more than these fade
    assert page.evaluate(FADED, "wide")[0] == pytest.approx(10, abs=1)
    page.evaluate(SCROLL, end)
    assert page.evaluate(FADED, "wide")[0] == pytest.approx(0, abs=1)


def test_what_fits_is_drawn_whole(boxes):
    assert boxes(PHONE).evaluate(FADED, "narrow") == [0, "none"]
    assert boxes(DESK).evaluate(FADED, "wide") == [0, "none"]
