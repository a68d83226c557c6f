"""Chapters run side by side in forked kernels: what they leave in the cache is what a reader of the page asks for."""

import asyncio
import sys
from types import SimpleNamespace

import pytest

from course_utils.topics import ROOT

pytest.importorskip("myst_nb", reason="myst-nb is not installed: chapters are not run")
sys.path.append(str(ROOT / "book" / "_ext"))
from course_book import runs
from jupyter_cache import get_cache
from myst_nb.core.config import NbParserConfig
from myst_parser.config.main import MdParserConfig

FRONT = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n"


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder of pages as Sphinx's environment shows it; kernels are forked from a process that imported little."""
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    runs.FORKS.set_forkserver_preload(["ipykernel.kernelapp"])
    pages = {
        "one": "# One\n\n```{code-cell}\nfirst = 1\n```\n\n```{code-cell}\nfirst + 1\n```\n",
        # Sphinx, imported in every kernel, took as long as many a chapter's cells.
        "other": '# Other\n\n```{code-cell}\nimport sys\n"first" in globals(), "sphinx" in sys.modules\n```\n',
        "broken": "# Broken\n\n```{code-cell}\n1 / 0\n```\n",
        "words": "# Words\n\nNo cells.\n",
    }
    for name, text in pages.items():
        (tmp_path / f"{name}.md").write_text(FRONT + text)
    (tmp_path / "plain.md").write_text("# Plain Markdown\n")
    return SimpleNamespace(
        names=[*pages, "plain"],
        myst_config=MdParserConfig(),
        mystnb_config=NbParserConfig(execution_cache_path=str(tmp_path / "cache"), execution_timeout=60),
        doc2path=lambda name: tmp_path / f"{name}.md",
    )


def waiting(book):
    return {page.stem for page in runs.waiting(book, book.names)}


def test_each_page_runs_once_in_a_kernel_of_its_own_and_a_failed_one_still_waits(book):
    pages = runs.waiting(book, book.names)
    assert {page.stem for page in pages} == {"one", "other", "broken"}
    asyncio.run(runs.run_all(pages, book.mystnb_config))
    assert waiting(book) == {"broken"}
    found = {}
    for record in get_cache(book.mystnb_config.execution_cache_path).list_cache_records():
        notebook = get_cache(book.mystnb_config.execution_cache_path).get_cache_bundle(record.pk).nb
        found[record.uri.rsplit("/", 1)[1]] = notebook.cells[-1].outputs[0].data["text/plain"]
    assert found == {"one.md": "2", "other.md": "(False, False)"}


def test_a_changed_cell_waits_again_and_changed_words_do_not(book):
    asyncio.run(runs.run_all(runs.waiting(book, book.names), book.mystnb_config))
    page = book.doc2path("one")
    page.write_text(page.read_text().replace("# One", "# Number one"))
    assert waiting(book) == {"broken"}
    page.write_text(page.read_text().replace("first + 1", "first + 2"))
    assert waiting(book) == {"broken", "one"}


def test_the_longest_page_comes_first(book):
    sizes = [page.stat().st_size for page in runs.waiting(book, book.names)]
    assert sizes == sorted(sizes, reverse=True)


def test_a_kernel_that_dies_does_not_end_the_others(book):
    book.doc2path("broken").write_text(FRONT + "# Dies\n\n```{code-cell}\nimport os; os._exit(1)\n```\n")
    asyncio.run(runs.run_all(runs.waiting(book, book.names), book.mystnb_config))
    assert waiting(book) == {"broken"}
