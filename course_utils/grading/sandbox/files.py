"""Which files a student's process sees: Python, its packages and the course's modules, wherever links lead to them."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils.topics import CLASSROOM

COURSE = Path(__file__).parents[2]  # course_utils, by the path that this Python knows it by
ROOT = COURSE.parent
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin")
ETC = ("ld.so.cache", "localtime", "fonts", "nsswitch.conf", "mime.types", "alternatives")
PRIVATE = ("solutions", CLASSROOM, "labs", "tests", ".git")  # of the course's folder
PACKAGES = ("site-packages", "dist-packages")
LINKS = 40  # as many as Linux follows on one path
NET = re.compile(r'reference_tensors\("(\w+)"')
LOADS_NETS = re.compile(r"^(?:from|import) .*\bpretrained\b", re.MULTILINE)


@dataclass(frozen=True)
class View:
    """What is shown of the machine; all paths are free of links.

    `hidden` are folders within `pieces` that stay out of sight; `links` are the links by which Python and the course
    are reached, with what each says.
    """

    pieces: list[str]
    links: dict[str, str]
    hidden: list[str]

    def around(self) -> list[str]:
        """The pieces cut up so that nothing hidden is within any: for a layer that can only add up."""
        return [part for piece in self.pieces for part in _around(piece, self.hidden)]


@cache
def view() -> View:
    """What this Python and this course need here."""
    packages = [entry for entry in sys.path if entry.endswith(PACKAGES) and os.path.isdir(entry)]
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    wanted = [*SYSTEM, *sorted(prefixes), str(COURSE), *packages, *(f"/etc/{name}" for name in ETC)]
    links: dict[str, str] = {}
    real = {_followed(path, links) for path in wanted if os.path.exists(path)}
    real |= {_followed(path, links) for folder in packages for path in _linked(folder)}
    pieces = _outermost(real - {"/"})
    return View(pieces, links, [path for path in private() if within(path, pieces)])


def records(nets: Iterable[str] = ()) -> list[str]:
    """The references' records, which are public, and the trained nets of the topics `nets`."""
    solutions = Path(os.path.realpath(ROOT)) / "solutions"
    found = [
        *solutions.glob("*/reference.json"),
        *(solutions / key / "reference.safetensors" for key in nets),
    ]
    return sorted(str(path) for path in found if path.is_file())


def nets(key: str) -> list[str]:
    """The topics whose trained nets the lab on `key` builds on; never its own, which it asks for itself."""
    text = _text(ROOT / "solutions" / key / "lab.py") if key.isidentifier() else ""
    if LOADS_NETS.search(text):
        text += _text(COURSE / "training" / "pretrained.py")
    return sorted(set(NET.findall(text)) - {key})


def private() -> list[str]:
    """The course's private folders and the classroom."""
    own = [str(ROOT / name) for name in PRIVATE]
    classroom = os.environ.get("COURSE_CLASSROOM")
    wanted = {os.path.realpath(path) for path in [*own, *([classroom] if classroom else [])]}
    return sorted(path for path in wanted if os.path.isdir(path))


def import_path(shown: View) -> list[str]:
    """This process's import path, as far as it is shown, and the course's folder at its end."""
    known = [entry for entry in sys.path if os.path.isabs(entry) and os.path.exists(entry)]
    return [entry for entry in known if within(os.path.realpath(entry), shown.pieces)] + [str(ROOT)]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _followed(path: str, links: dict[str, str]) -> str:
    """The path without links; those on the way are put into `links`."""
    at, left, followed = "/", path.split("/"), 0
    while left:
        part = left.pop(0)
        step = os.path.normpath(os.path.join(at, part))
        if part in ("", ".", "..") or not os.path.islink(step) or followed == LINKS:
            at = step
            continue
        followed += 1
        links[step] = os.readlink(step)
        at = "/" if links[step].startswith("/") else at
        left = links[step].split("/") + left
    return at


def _linked(folder: str) -> set[str]:
    """Where links below a folder of packages lead; a package made of links to its files counts as one folder."""
    found, left = set(), [folder]
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    target = os.path.join(os.path.dirname(entry.path), os.readlink(entry.path))
                    below = os.path.relpath(entry.path, folder).partition("/")[2]
                    found.add(os.path.normpath(target).removesuffix(f"/{below}" if below else ""))
                elif entry.is_dir():
                    left.append(entry.path)
    return {path for path in found if os.path.exists(path)}


def _outermost(paths: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted(paths):
        if not within(path, kept):
            kept.append(path)
    return kept


def within(path: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of the folders or in one; neither has links."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _around(piece: str, hidden: list[str]) -> Iterator[str]:
    if not any(within(path, [piece]) for path in hidden):
        yield piece
    elif piece not in hidden:
        for entry in sorted(os.scandir(piece), key=lambda entry: entry.name):
            yield from _around(entry.path, hidden)
