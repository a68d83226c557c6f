"""Who handed in what for a lab, and what lies under `submitted/` that looks like it and makes nobody's mark.

nbgrader's place is `submitted/<student>/<key>/<key>.ipynb`. Below a student's folder the lab's notebook is found under
another name, in another folder or in an archive; what has no student above it is listed for the teacher.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from course_utils.grading.engine.found import Found, SubmissionError, is_called, opened, walk
from course_utils.grading.engine.handed_in import TIMESTAMP, HandedIn, read_handed_in, read_plain
from course_utils.grading.engine.recognise import belongs
from course_utils.grading.gradebook.times import parse_time
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import Lab
from course_utils.topics import KEYS


class NoSubmissions(ValueError):
    """Nothing was handed in for this lab; the message says where it is looked for."""


@dataclass(frozen=True)
class HandIn:
    """Where one student's work for one lab lies: usually `submitted/<student>/<key>/`.

    `skip` names folders in it that hold other labs.
    """

    student: str
    folders: tuple[Path, ...]
    skip: frozenset[str] = frozenset()

    def read(self, lab: Lab, limits: Limits) -> HandedIn:
        """The notebook and the artifact.

        Raises:
            SubmissionError: the notebook cannot be read; the message is for its author.
        """
        return read_handed_in(self.folders, lab.key, limits, belongs(lab.cells, limits), self.skip)

    @property
    def timestamp(self) -> datetime | None:
        """When it was handed in (UTC), as nbgrader's `timestamp.txt` says; None where there is none.

        Raises:
            TimeError: it holds no date.
        """
        try:
            text = read_plain(self.folders[0] / TIMESTAMP, 200, "").decode(errors="replace").strip()
        except SubmissionError:
            return None
        return parse_time(text) if text else None


def submitted(room: Path, lab: Lab, limits: Limits) -> tuple[list[HandIn], list[str]]:
    """What was handed in for `lab` by students' names, and a line for all that looks like it and is not marked.

    Raises:
        NoSubmissions: there is neither.
    """
    base = room / "submitted"
    search = _Search(base, lab, limits)
    for place in sorted(base.iterdir()) if base.is_dir() else []:
        if not place.name.startswith("."):
            search.look(place)
    if not search.found and not search.left:
        key = lab.key
        raise NoSubmissions(
            f"{key}: nothing was handed in; submissions go to {base}/<student>/{key}/{key}.ipynb "
            f"(course sample {key} makes a class to try)"
        )
    return [search.found[student] for student in sorted(search.found)], search.left


class _Search:
    """One look through `submitted/` for one lab."""

    def __init__(self, base: Path, lab: Lab, limits: Limits):
        self._base, self._lab, self._limits = base, lab, limits
        self._holds: Callable[[bytes], bool] = belongs(lab.cells, limits)
        self.found: dict[str, HandIn] = {}
        self.left: list[str] = []

    def look(self, place: Path) -> None:
        """Look at one entry of `submitted/`, a student's folder or something astray."""
        right = f"expected submitted/<student>/{self._lab.key}/; move it there"
        if is_called(place.name, self._lab.key) and place.is_dir():
            self.left += [f"{self._near(place)}/{one}: {right}" for one in self._these(walk(place))]
        elif place.is_dir():
            self._student(place)
        else:
            alone = Found(place.name, 0, lambda *bounds: read_plain(place, *bounds))
            self.left += [f"submitted/{one}: {right}" for one in self._these(iter([alone]))]

    def _student(self, place: Path) -> None:
        """One student's folder: the lab's own in it, and without one whatever in it holds the lab's cells."""
        folders = [entry for entry in sorted(place.iterdir()) if entry.is_dir()]
        mine = [entry for entry in folders if is_called(entry.name, self._lab.key)]
        links = [entry for entry in mine if entry.is_symlink()]
        self.left += [f"{self._near(link)} is a link; put the folder itself there" for link in links]
        mine = [entry for entry in mine if entry not in links]
        others = {entry.name for entry in folders if self._anothers(entry.name)}
        for name in sorted(others):
            astray = (found for found in walk(place / name) if not is_called(Path(found.name).stem, name))
            self.left += [
                f"{self._near(place / name)}/{one} holds the cells of {self._lab.key}; move it to "
                f"{self._near(place)}/{self._lab.key}/"
                for one in self._these(astray)
            ]
        skip = frozenset(others | {link.name for link in links})
        if not any(_may_hold(found) for folder in mine for found in walk(folder)) and any(
            True for _ in self._these(walk(place, skip | {entry.name for entry in mine}))
        ):
            mine = [place]  # beside the lab's folder, or without one
        if mine:
            student = unicodedata.normalize("NFC", place.name)
            known = self.found.get(student)
            self.found[student] = HandIn(student, (*(known.folders if known else ()), *mine), skip)

    def _anothers(self, name: str) -> bool:
        return any(is_called(name, key) for key in KEYS if key != self._lab.key)

    def _these(self, files: Iterator[Found]) -> Iterator[str]:
        """The places of those that hold the lab's cells, or that nobody can look into although they are called so."""
        for found in files:
            if not _may_hold(found):
                continue
            try:
                inside = list(opened(found, self._limits)) if found.name.casefold().endswith(".zip") else [found]
                notebooks = [one for one in inside if one.name.casefold().endswith(".ipynb")]
                if any(self._holds(one.read(self._limits.notebook, "")) for one in notebooks):
                    yield found.place
            except SubmissionError:
                if is_called(Path(found.name).stem, self._lab.key):
                    yield found.place

    def _near(self, path: Path) -> str:
        return f"submitted/{path.relative_to(self._base)}"


def _may_hold(found: Found) -> bool:
    return found.name.casefold().endswith((".ipynb", ".zip"))
