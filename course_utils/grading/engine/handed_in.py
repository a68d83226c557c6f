"""What a student handed in for a lab, read once and within bounds: the notebook, and the trained net beside it.

They are found whatever they are called and however deep they lie; what was chosen and what was left is said in notes.
Nothing here needs PyTorch: the coordinator reads the files of a class.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from course_utils.grading.engine.found import Found, SubmissionError, is_called, opened, read_plain, walk
from course_utils.grading.sandbox.limits import Limits
from course_utils.one_line import one_line

__all__ = ["TIMESTAMP", "HandedIn", "SubmissionError", "read_handed_in", "read_plain"]

NAMED = 3  # files that were not read and are named in the note on them
TIMESTAMP = "timestamp.txt"  # nbgrader's: when it was handed in
EXCHANGED = {
    TIMESTAMP,
    "submission_secret.txt",
    "manifest.json",
}  # what an exchange and `submit` put beside the work
CLEAR = "clear the outputs and save it again"


@dataclass(frozen=True)
class HandedIn:
    """The bytes of `<key>.ipynb` and, where there is one, of `<key>.safetensors`; `notes` say what was not read."""

    key: str
    notebook: bytes
    artifact: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """A hash of all that was found."""
        parts = (self.notebook, self.artifact or b"", *(note.encode() for note in self.notes))
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def read_handed_in(
    places: Iterable[Path],
    key: str,
    limits: Limits,
    holds: Callable[[bytes], bool] | None = None,
    skip: Iterable[str] = (),
) -> HandedIn:
    """The notebook of the lab `key` and its artifact.

    An artifact that cannot be read costs its own points alone: the notebook is marked as if there were none.

    Args:
        places: Folders in which they may lie, usually one; or a notebook of any name, with the artifact beside it.
        key: The lab.
        limits: Bounds of sizes.
        holds: Whether a notebook's bytes hold the lab's cells; asked only where its name does not tell.
        skip: Folders at the top that are not looked into.

    Raises:
        SubmissionError: there is no such notebook, or it cannot be read.
    """
    files, faults, given = [], [], list(places)
    alone = given[0] if len(given) == 1 and given[0].suffix == ".ipynb" and not given[0].is_dir() else None
    for found in _all(given, skip):
        if not found.name.casefold().endswith(".zip") or alone:
            files.append(found)
            continue
        try:
            files += opened(found, limits)
        except SubmissionError as error:
            faults.append(str(error))
    rivals: list[str] = []
    if alone:
        notebook = Found(alone.name, 0, partial(read_plain, alone))
    else:
        notebook, rivals = _notebook(files, key, limits, holds, faults)
    notes = _choice(notebook, rivals, key) if not alone else []
    data = notebook.read(limits.notebook, CLEAR)
    tensors, more = _artifact(files, notebook, key, limits)
    beside = [] if alone else _not_read(files, {notebook.place, *rivals}, key)
    return HandedIn(key, data, tensors, (*notes, *more, *beside, *faults))


def _all(places: list[Path], skip: Iterable[str]) -> Iterator[Found]:
    """What lies in the folders, beside a single notebook, and the archives that were named themselves."""
    for place in places:
        if place.is_dir():
            yield from walk(place, skip)
        elif place.suffix == ".ipynb":
            yield from walk(place.parent, depth=0)
        else:
            yield Found(place.name, 0, partial(read_plain, place))


def _is_notebook(found: Found) -> bool:
    return found.name.casefold().endswith(".ipynb")


def _is_artifact(found: Found, key: str) -> bool:
    return found.name.casefold().endswith(".safetensors") and is_called(
        found.name[: -len(".safetensors")], key
    )


def _notebook(
    files: list[Found],
    key: str,
    limits: Limits,
    holds: Callable[[bytes], bool] | None,
    faults: list[str],
) -> tuple[Found, list[str]]:
    """The one notebook that holds the lab's cells, of several the newest; and the places of the others."""
    notebooks = [found for found in files if _is_notebook(found)]
    named = [found for found in notebooks if found.place == f"{key}.ipynb"]
    if len(notebooks) == 1 and named:
        return named[0], []
    if not notebooks:
        raise SubmissionError(
            faults[0] if faults else f"{key}.ipynb is not in the submission; hand in that file"
        )
    if holds is None:
        fitting = named or [found for found in notebooks if is_called(found.name[:-6], key)]
    else:
        fitting = [found for found in notebooks if _holds(found, limits, holds)]
    if not fitting and (named or len(notebooks) == 1):
        return (named or notebooks)[0], []  # whoever reads it says what is wrong with it
    if not fitting:
        names = ", ".join(one_line(found.place, 80) for found in notebooks[:NAMED])
        raise SubmissionError(f"{key}.ipynb is not in the submission, and its cells are in none of: {names}")
    chosen = max(fitting, key=lambda found: (found.time, found.place == f"{key}.ipynb", found.place))
    return chosen, [found.place for found in fitting if found is not chosen]


def _choice(notebook: Found, rivals: list[str], key: str) -> list[str]:
    """What is to be said of the notebook that was chosen."""
    name, others = one_line(notebook.place, 80), ", ".join(one_line(place, 80) for place in rivals)
    if others:
        return [f"{name} was marked, the newest of {len(rivals) + 1}; not marked: {others}"]
    return [] if notebook.place == f"{key}.ipynb" else [f"{name} was taken for {key}.ipynb"]


def _holds(found: Found, limits: Limits, holds: Callable[[bytes], bool]) -> bool:
    try:
        return holds(found.read(limits.notebook, CLEAR))
    except SubmissionError:
        return False


def _artifact(
    files: list[Found], notebook: Found, key: str, limits: Limits
) -> tuple[bytes | None, list[str]]:
    """The bytes of `<key>.safetensors`: the one beside the notebook, of several the newest."""
    beside = PurePosixPath(notebook.place).parent
    mine = [found for found in files if _is_artifact(found, key)]
    if not mine:
        return None, []
    chosen = max(
        mine, key=lambda found: (PurePosixPath(found.place).parent == beside, found.time, found.place)
    )
    name, notes = one_line(chosen.place, 80), []
    if len(mine) > 1:
        notes.append(f"{name} was read, of {len(mine)} files of that kind the newest beside the notebook")
    elif chosen.name != f"{key}.safetensors":
        notes.append(f"{name} was taken for {key}.safetensors")
    try:
        return chosen.read(limits.artifact, "hand in the file that the training cell saved"), notes
    except SubmissionError as error:
        return None, [*notes, f"{error}; the notebook was marked without that file"]


def _not_read(files: list[Found], known: set[str], key: str) -> list[str]:
    """A note on whatever else was handed in."""
    names = [
        one_line(found.place, 80)
        for found in files
        if found.place not in known and not _is_artifact(found, key) and found.name not in EXCHANGED
    ]
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"not read, since only {key}.ipynb and {key}.safetensors are: {', '.join(names[:NAMED])}{more}"]
