"""Build the book: contents from the table of topics, chapters run, pages that read with the network off.

Sphinx does the work through Jupyter Book; the directives and the formulas are in `book/_ext/`. Any warning fails the
build, after all of them have been printed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from filelock import FileLock

from course_utils.topics import ROOT, TOPICS, topic

# Pages that belong to no topic, in their order; one that is not written is not listed.
BACK_MATTER = ("results", "teaching", "architecture", "notation", "glossary", "references")
# Behind a title in the menu: the words that people look for, where the title does not say them.
SOUGHT = {
    "neurons": "perceptrons, layers, activations",
    "convolution": "kernels, pooling, dropout",
    "training": "backpropagation, optimisers, normalisation",
    "transfer": "fine-tuning, style transfer, DeepDream",
    "layerwise": "greedy training, linear probes",
    "autoregressive": "autoregressive models, PixelCNN",
    "waveforms": "WaveNet, dilated convolutions",
    "recurrence": "embeddings, RNN, LSTM",
    "attention": "sequence to sequence, beam search, BLEU",
    "transformers": "attention, language models, translation",
    "memory": "memory networks, neural Turing machines",
    "odes": "neural ODEs",
    "flows": "normalising flows, flow matching",
    "correspondence": "matching, keypoints",
    "graphs": "message passing, graph nets",
    "programs": "Neural GPU, NPI, differentiable Forth",
    "alignment": "domain alignment, gradient reversal",
    "translation": "domain transfer, CycleGAN, unsupervised translation",
    "synthesis": "DeepCoder, RobustFill, inverse graphics",
    "metalearning": "few shots, prototypes, MAML",
}
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
        caption: [_entry(name) for name in names if (root / "book" / f"{name}.md").is_file()]
        for caption, names in parts.items()
    }
    return {
        "format": "jb-book",
        "root": "book/intro",
        "parts": [{"caption": caption, "chapters": pages} for caption, pages in listed.items() if pages],
    }


def _entry(name: str) -> dict[str, str]:
    """A page in the contents, with its words in the menu where they are more than its title."""
    page = {"file": f"book/{name}"}
    if name not in SOUGHT:
        return page
    return page | {"title": f"{topic(name).title}: {SOUGHT[name]}"}


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
    root = _course(root)
    toc, text = root / "_toc.yml", contents_text(root)
    if not toc.is_file() or toc.read_text(encoding="utf-8") != text:
        toc.write_text(text, encoding="utf-8")
    place = (output or root).resolve()
    began = time.monotonic()
    with FileLock(lock_file(place)):
        _forget_if_moved(root, place / "_build")
        failed = _jupyter_book(root, place)
    page = place / "_build" / "html" / "index.html"
    if failed or not page.is_file():
        raise BookError("build: the book has warnings or errors, printed above; mend them and build again")
    print(f"The book is built in {time.monotonic() - began:.0f} s. Open {page}")
    return page


def build_page(key: str, root: Path = ROOT, output: Path | None = None) -> Path:
    """Build one topic's page alone into `<output>/_build/pages/<key>`; returns the page to open.

    Links and citations lead to other pages, which are not there: of these alone nothing is said.

    Raises:
        BookError: there is no such page, a cell or a formula failed, or there was any other warning.
    """
    root = _course(root)
    if not (root / "book" / f"{key}.md").is_file():
        raise BookError(f"build: book/{key}.md: no such page; write it first")
    place = (output or root).resolve() / "_build" / "pages" / key
    began = time.monotonic()
    with FileLock(lock_file(place)), tempfile.TemporaryDirectory() as folder:
        _forget_if_moved(root, place / "_build")
        failed = _jupyter_book(root, place, *_alone(key, root, Path(folder)))
    page = place / "_build" / "html" / "book" / f"{key}.html"
    if failed or not page.is_file():
        raise BookError(f"build: the page of {key} has errors, printed above; mend them and build again")
    print(f"The page is built in {time.monotonic() - began:.0f} s. Open {page}")
    return page


# What Sphinx says of links to pages and works that are not on the page which is built.
ELSEWHERE = ("myst.xref_missing", "bibtex.key_not_found")


def _alone(key: str, root: Path, folder: Path) -> list[str]:
    """Options that build one page: its contents and the course's settings, changed for it, written to `folder`."""
    toc, config = folder / "toc.yml", folder / "config.yml"
    settings = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    local = settings["sphinx"]["local_extensions"]  # found from where the settings lie
    settings["sphinx"]["local_extensions"] = {name: str(root / path) for name, path in local.items()}
    settings["sphinx"]["config"]["suppress_warnings"] = list(ELSEWHERE)
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    toc.write_text(yaml.safe_dump({"format": "jb-book", "root": f"book/{key}"}), encoding="utf-8")
    return ["--toc", str(toc), "--config", str(config)]


def _course(root: Path) -> Path:
    if not (root / "_config.yml").is_file():
        raise BookError(f"build: expected _config.yml in {root}; run it in the course's folder")
    return root.resolve()


def _jupyter_book(root: Path, place: Path, *options: str) -> int:
    """Run `jupyter-book build` on the course in `root`, every warning an error; its exit code."""
    program = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    strict = ["-W", "-n", "--keep-going"]
    command = [*program, "build", str(root), *strict, *options, "--path-output", str(place)]
    # One thread a kernel: the nets are small, and threads that wait for each other cost more than they bring.
    settings = {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "COURSE_TIER": "mini",
        "PYTHONPATH": str(root),
    }
    code = subprocess.run(command, cwd=root, env={**os.environ, **settings}, check=False).returncode
    if code:
        # Else the next build would not read the faulty pages again, and pass.
        (place / "_build" / ".doctrees" / "environment.pickle").unlink(missing_ok=True)
    return code


def _forget_if_moved(root: Path, build: Path) -> None:
    """Remove what was built at another place: its runs and pages are kept under paths that are gone."""
    mark, here = build / "built_at.txt", f"{root}\n{build}\n"
    known = mark.read_text(encoding="utf-8") if mark.is_file() else None
    if known != here:
        if known is not None:
            print(f"build: {build} was built as {known.splitlines()[1]}; it is built anew here")
        for name in (".doctrees", ".jupyter_cache", "html"):
            shutil.rmtree(build / name, ignore_errors=True)
        mark.write_text(here, encoding="utf-8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`course build [KEY …] [--output FOLDER]`."""
    parser.add_argument("keys", nargs="*", metavar="KEY", help="build these topics' pages alone")
    parser.add_argument(
        "--output", type=Path, help="where _build/html is made (default: the course's folder)"
    )


def run(args: argparse.Namespace) -> int:
    """Build the book of this checkout, or some of its pages."""
    for key in args.keys:
        build_page(topic(key).key, ROOT, args.output)
    if not args.keys:
        build(ROOT, args.output)
    return 0
