"""What a page costs on a phone: kilobytes on the line, as hosts send them, and whether it moves while it loads."""

import functools
import gzip
import http.server
import threading
from pathlib import Path
from typing import ClassVar

import pytest

from .conftest import PHONE, Quiet
from .test_pages import PAGES, ROOT_PAGE, scroll_through

pytestmark = pytest.mark.browser

KILOBYTES, FIRST_KILOBYTES = 300, 200
SHIFT = 0.1  # cumulative layout shift, "good" by web.dev's measure
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}
NOTE_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().filter((e) => !e.hadRecentInput)
  .forEach((e) => { window.shifted += e.value; }))
  .observe({ type: 'layout-shift', buffered: true });"""


class Compressing(Quiet):
    """Sends text as hosts do, compressed, and notes in `sent` how many bytes each file took."""

    sent: ClassVar[dict[str, int]] = {}

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in COMPRESSED or not path.is_file():
            self.sent[str(path)] = path.stat().st_size if path.is_file() else 0
            super().do_GET()
            return
        content = gzip.compress(path.read_bytes(), mtime=0)
        self.sent[str(path)] = len(content)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
def host(built_book):
    """Address of the book on a server that compresses."""
    handler = functools.partial(Compressing, directory=str(built_book))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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
