"""Files that were handed in, in a folder and its folders or in archives: found, bounded, read when they are asked for.

Nothing is unpacked and no link is followed: one that leads to another's submission must not bring its marks.
"""

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from course_utils.grading.sandbox.limits import Limits

# A link is not followed, a pipe not waited for; not every system has all of these.
FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    FLAGS |= getattr(os, _flag, 0)
DEPTH = 5  # folders below the one that is handed in
ENTRIES = 500  # files that are looked at
MEMBERS = 200  # files of an archive
ASIDE = {"__MACOSX", "node_modules"}
# What browsers, Colab, Jupyter, Windows and learning platforms make of a name that is there already.
COPY = re.compile(r"^(?:copy of )+|(?: ?\(\d+\)| ?-copy\d*|[-_]\d+| - copy| copy(?: \d+)?)+$")


class SubmissionError(ValueError):
    """A submission that cannot be graded; the message is one line that its author understands."""


class Found(NamedTuple):
    """A file that was handed in, by its place below the folder; `time` is when it was written, for an archive's too."""

    place: str
    time: int
    read: Callable[[int, str], bytes]  # (most bytes, advice for who hands in more)

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(self.place).name


def plain_name(name: str) -> str:
    """A name without capitals and the marks of copies: `Copy of Neurons (1)` is `neurons`."""
    return COPY.sub("", unicodedata.normalize("NFC", name).strip().casefold()).strip()


def is_called(name: str, key: str) -> bool:
    """Whether a file or folder is called `key`, but for capitals and the marks of copies."""
    return (
        unicodedata.normalize("NFC", name).casefold() == key.casefold() or plain_name(name) == key.casefold()
    )


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
        _check_size(path.name, status.st_size, most, advice)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(most + 1)[:most]
    except OSError as error:
        raise SubmissionError(f"{path.name} cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def walk(folder: Path, skip: Iterable[str] = (), depth: int = DEPTH) -> Iterator[Found]:
    """Files in `folder` and below it, links and pipes included: reading one of those refuses it.

    Args:
        folder: Where to look.
        skip: Folders at its top that are somebody else's business.
        depth: How many folders further down.
    """
    return islice(_walk(folder, "", frozenset(skip), depth), ENTRIES)


def _walk(folder: Path, place: str, skip: frozenset[str], depth: int) -> Iterator[Found]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in ASIDE or entry.name in skip:
            continue
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder and depth > 0:
            yield from _walk(Path(entry.path), f"{place}{entry.name}/", frozenset(), depth - 1)
        if not is_folder or entry.name.casefold().endswith(
            (".ipynb", ".safetensors")
        ):  # a folder in a file's place
            time = entry.stat(follow_symlinks=False).st_mtime_ns
            yield Found(place + entry.name, time, partial(read_plain, Path(entry.path)))


def opened(archive: Found, limits: Limits) -> Iterator[Found]:
    """The notebooks and artifacts in an archive, under their own names.

    Raises:
        SubmissionError: it is too large or no archive.
    """
    data = archive.read(limits.notebook + limits.artifact, "hand in the notebook and its net alone")
    if data.count(b"PK\x01\x02") > MEMBERS:  # before a list of so many is made
        raise SubmissionError(
            f"{archive.name} holds more than {MEMBERS} files; hand in the notebook and its net"
        )
    try:
        book = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError):
        raise SubmissionError(f"{archive.name} is no archive that can be opened; pack it again") from None
    for member in book.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        hidden = any(part.startswith(".") or part in ASIDE for part in parts)
        if member.is_dir() or hidden or not parts or parts[0] == "/":
            continue
        if parts[-1].casefold().endswith((".ipynb", ".safetensors")):
            yield Found(f"{archive.place}/{parts[-1]}", archive.time, partial(_member, book, member))


def _member(book: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, advice: str) -> bytes:
    name = PurePosixPath(member.filename).name
    if stat.S_ISLNK(member.external_attr >> 16):
        raise SubmissionError(f"{name} is a link in its archive; hand in the file itself")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SubmissionError(f"{name} is packed in a way that is not read; make a plain zip")
    _check_size(name, member.file_size, most, advice)
    try:
        with book.open(member) as file:
            data = file.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError):
        raise SubmissionError(f"{name} cannot be read from its archive; pack it again") from None
    _check_size(name, len(data), most, advice)
    return data


def _check_size(name: str, size: int, most: int, advice: str) -> None:
    if size > most:
        raise SubmissionError(
            f"{name} has {size / 1e6:.0f} MB, at most {most / 1e6:.0f} MB are read; {advice}"
        )
