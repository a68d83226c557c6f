"""The files that a student handed in, read once and within bounds: the notebook, and the artifact beside it.

Whatever else lies there is not opened. A link, a device, a pipe or a folder in a file's place is refused before a byte
of it is read: one that leads to another's submission must not bring its marks.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.sandbox.limits import Limits
from course_utils.one_line import one_line

NAMED = 3  # files that were not read and are named in the note on them
# A link is not followed, a pipe not waited for; not every system has all of these.
FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    FLAGS |= getattr(os, _flag, 0)
TIMESTAMP = "timestamp.txt"  # nbgrader's: when it was handed in


class SubmissionError(ValueError):
    """A submission that cannot be graded; the message is one line that its author understands."""


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


def read_handed_in(place: Path, key: str, limits: Limits) -> HandedIn:
    """The notebook of the lab `key` and its artifact, in the folder `place`, or beside a notebook of another name.

    An artifact that cannot be read costs its own points alone: the notebook is marked as if there were none.

    Raises:
        SubmissionError: there is no such notebook, or it cannot be read.
    """
    whole = place.is_dir()
    folder, notebook, artifact = place if whole else place.parent, f"{key}.ipynb", f"{key}.safetensors"
    path = folder / notebook if whole else place
    data = read_plain(path, limits.notebook, "clear the outputs and save it again")
    tensors, notes = None, []
    if os.path.lexists(folder / artifact):
        try:
            tensors = read_plain(
                folder / artifact, limits.artifact, "hand in the file that the training cell saved"
            )
        except SubmissionError as error:
            notes.append(f"{error}; the notebook was marked without that file")
    beside = list(_beside(folder, {notebook, artifact, TIMESTAMP})) if whole else []
    if beside:
        names = ", ".join(beside[:NAMED]) + (
            f" and {len(beside) - NAMED} more" if len(beside) > NAMED else ""
        )
        notes.append(f"not read, since only {notebook} and {artifact} are: {names}")
    return HandedIn(key, data, tensors, tuple(notes))


def _beside(folder: Path, known: set[str]) -> Iterator[str]:
    """The names of other files in `folder`, and of folders that are called as artifacts are."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in sorted(found):
        if name not in known and not name.startswith(".") and (not is_folder or "safetensors" in name):
            yield one_line(name, 80)


def read_plain(path: Path, most: int, advice: str) -> bytes:
    """A regular file's bytes.

    Raises:
        SubmissionError: it is missing, something else, or has over `most` bytes; `advice` says what to do then.
    """
    try:
        descriptor = os.open(path, FLAGS)
    except FileNotFoundError:
        raise SubmissionError(f"{path.name} is not in the submission; hand in that file") from None
    except OSError:
        raise SubmissionError(f"{path.name} is a link or cannot be read; hand in the file itself") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SubmissionError(f"{path.name} is not a regular file; hand in the file itself")
        if status.st_size > most:
            raise SubmissionError(
                f"{path.name} has {status.st_size / 1e6:.0f} MB, at most {most / 1e6:.0f} MB are read; {advice}"
            )
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(most + 1)[:most]
    except OSError as error:
        raise SubmissionError(f"{path.name} cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
