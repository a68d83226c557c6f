"""Build the book: contents from the table of topics, chapters run, pages that read with the network off.

Sphinx does the work through Jupyter Book; the directives and the formulas are in `book/_ext/`. Any warning fails the
build, after all of them have been printed.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml
from filelock import FileLock

from course_utils.topics import ROOT, TOPICS

# Pages that belong to no topic, in their order; one that is not written is not listed.
BACK_MATTER = ("results", "teaching", "notation", "glossary", "references")
HEADER = "# Made by `course build` from course_utils/topics.py; only pages that exist are listed.\n"


class BookError(ValueError):
    """The book was not built; the message says what to do."""


def contents(root: Path = ROOT) -> dict:
    """Jupyter Book's table of contents: the parts and chapters whose pages exist under `root`."""
    parts: dict[str, list[str]] = {}
    for row in TOPICS:
        parts.setdefault(row.part, []).append(row.key)
    parts["Beside the chapters"] = list(BACK_MATTER)
    listed = {
        caption: [{"file": f"book/{name}"} for name in names if (root / "book" / f"{name}.md").is_file()]
        for caption, names in parts.items()
    }
    return {
        "format": "jb-book",
        "root": "book/intro",
        "parts": [{"caption": caption, "chapters": pages} for caption, pages in listed.items() if pages],
    }


def contents_text(root: Path = ROOT) -> str:
    """What `_toc.yml` says."""
    return HEADER + yaml.safe_dump(contents(root), sort_keys=False)


def lock_file(place: Path) -> Path:
    """Held while the book is built there: two builds at once would spoil each other's cache."""
    folder = place / "_build"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "book.lock"


def build(root: Path = ROOT, output: Path | None = None) -> Path:
    """Build the book of the course in `root` into `<output>/_build/html`; returns the page to open.

    Prints each page as it is run and written.

    Raises:
        BookError: a page is missing, a cell or a formula failed, or there was any warning.
    """
    root = root.resolve()
    if not (root / "_config.yml").is_file():
        raise BookError(f"build: expected _config.yml in {root}; run it in the course's folder")
    toc, text = root / "_toc.yml", contents_text(root)
    if not toc.is_file() or toc.read_text(encoding="utf-8") != text:
        toc.write_text(text, encoding="utf-8")
    place = (output or root).resolve()
    began = time.monotonic()
    program = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command = [*program, "build", str(root), "-W", "-n", "--keep-going", "--path-output", str(place)]
    # One thread a kernel: the nets are small, and threads that wait for each other cost more than they bring.
    settings = {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "COURSE_TIER": "mini",
        "PYTHONPATH": str(root),
    }
    with FileLock(lock_file(place)):
        done = subprocess.run(command, cwd=root, env={**os.environ, **settings}, check=False)
    page = place / "_build" / "html" / "index.html"
    if done.returncode or not page.is_file():
        # Else the next build would not read the faulty pages again, and pass.
        (place / "_build" / ".doctrees" / "environment.pickle").unlink(missing_ok=True)
        raise BookError("build: the book has warnings or errors, printed above; mend them and build again")
    print(f"The book is built in {time.monotonic() - began:.0f} s. Open {page}")
    return page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`course build [--output FOLDER]`."""
    parser.add_argument(
        "--output", type=Path, help="where _build/html is made (default: the course's folder)"
    )


def run(args: argparse.Namespace) -> int:
    """Build the book of this checkout."""
    build(ROOT, args.output)
    return 0
