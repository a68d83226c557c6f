"""Pages and demos in the system's Chromium, with the network cut: what is asked of another host fails the test.

A demo's own test asks for `demo_page`:

    def test_it_reacts(demo_page):
        page = demo_page("neurons", layers=2)
        page.get_by_role("button", name="Step").click()
        ...
"""

import functools
import http.server
import os
import shutil
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from filelock import FileLock

from course_utils import book as course_book
from course_utils import demos
from course_utils.topics import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PHONE = {"width": 375, "height": 800}
DESK = {"width": 1200, "height": 900}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """Path of a Chromium on this machine; COURSE_CHROMIUM names one that is not on the path."""
    return os.environ.get("COURSE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="package")
def browser():
    """One Chromium for the tests of this folder. Playwright's event loop runs as long as it does: it ends with them."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(NAMES)} and COURSE_CHROMIUM)")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        running.close()


class Faults(list):
    """What a page asked of other hosts, its console errors and its uncaught exceptions."""

    def watch(self, context) -> None:
        """Block and note requests that leave this machine; note errors of every page of the context."""
        context.route("**/*", self.judge)
        context.on("console", lambda said: said.type == "error" and self.append(f"console: {said.text}"))
        context.on("weberror", lambda thrown: self.append(f"exception: {thrown.error}"))

    def judge(self, route) -> None:
        """Let through what stays here."""
        address = urlsplit(route.request.url)
        if address.scheme in ("file", "data", "blob") or address.hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            self.append(f"request: {route.request.url}")
            route.abort()


class Windows:
    """Pages by theme and size, led from one address to the next: a new one is a process of its own, with its start."""

    def __init__(self, browser):
        self.browser, self.faults, self.idle = browser, Faults(), {}

    def take(self, theme: str, size: dict):
        """An empty page in a theme that no test holds."""
        idle = self.idle.setdefault((theme, *size.values()), [])
        return idle.pop() if idle else self._new(theme, size)

    def _new(self, theme: str, size: dict):
        context = self.browser.new_context(viewport=size, color_scheme=theme)
        self.faults.watch(context)
        context.add_init_script(
            f"try {{ localStorage.mode = '{theme}'; localStorage.theme = '{theme}'; }} catch {{}}"
        )
        return context.new_page()

    def give_back(self, page, theme: str, size: dict) -> None:
        """End what runs in a page, and leave nothing of it to the next test."""
        page.evaluate("() => { try { localStorage.clear(); sessionStorage.clear(); } catch {} }")
        page.goto("about:blank")
        page.mouse.move(0, 0)
        page.set_viewport_size(size)
        self.idle[(theme, *size.values())].append(page)


@pytest.fixture(scope="package")
def windows(browser):
    """The pages of all tests, and their faults."""
    return Windows(browser)


@pytest.fixture
def faults(windows):
    """Faults noted so far; what is left at the end of a test fails it."""
    windows.faults.clear()
    yield windows.faults
    assert windows.faults == []


@pytest.fixture
def open_page(windows, faults):
    """`open_page(address, theme="light", size=DESK)`: a page of its own in a theme, with faults noted."""
    taken = []

    def opened(address: str, theme: str = "light", size: dict = DESK):
        page = windows.take(theme, size)
        taken.append((page, theme, size))
        page.goto(address, wait_until="load")
        return page

    yield opened
    for held in taken:
        windows.give_back(*held)


@pytest.fixture(scope="session")
def built_book(tmp_path_factory) -> Path:
    """Folder of the course's book, built now if anything has changed; COURSE_BOOK names one to take as it is.

    Of several processes that share a run's tests the first one builds: another build would write what is being read.
    """
    given = os.environ.get("COURSE_BOOK")
    if given:
        return Path(given).resolve()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return course_book.build(ROOT).parent
    built = tmp_path_factory.getbasetemp().parent / "book"  # the run's, not the process's
    with FileLock(f"{built}.lock"):
        if not built.is_file():
            built.write_text(str(course_book.build(ROOT).parent), encoding="utf-8")
    return Path(built.read_text(encoding="utf-8"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="session")
def served_book(built_book):
    """Address of the book on a server of this machine."""
    handler = functools.partial(Quiet, directory=str(built_book))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


BARE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root {{ --pst-color-text-base: {ink}; --pst-color-border: #888; --pst-color-text-muted: {ink}; }}
body {{ margin: 1rem; background: {paper}; color: {ink}; font-family: sans-serif; }}
{style}</style></head><body><main class="demo">{before}{after}</main><script>{script}</script></body></html>"""


@pytest.fixture
def demo_page(open_page, tmp_path):
    """`demo_page(name, theme="light", size=DESK, **traits)`: a demo alone in a page, started, with faults noted."""
    sys.path.append(str(ROOT / "book" / "_ext"))
    import json

    from course_book.demo import stage

    def opened(name: str, theme: str = "light", size: dict = DESK, **traits):
        before, after = stage(name, demos.source(name), f"The demo {name}.", json.dumps(traits))
        ink, paper = ("#111", "#fff") if theme == "light" else ("#ced6dd", "#121212")
        static = ROOT / "book" / "_static"
        style, script = (static / "course.css").read_text(), (static / "demo.js").read_text()
        file = tmp_path / f"{name}-{theme}.html"
        # The book's pages bring the formulas' font; a demo alone does without.
        style = style.replace('url("formulas.woff2")', 'local("STIX Two Math")')
        file.write_text(
            BARE.format(theme=theme, name=name, ink=ink, paper=paper, style=style, script=script,
                        before=before, after=after),
            encoding="utf-8",
        )  # fmt: skip
        page = open_page(file.as_uri(), theme, size)
        page.wait_for_selector(".demo-started", timeout=15_000)
        return page

    return opened
