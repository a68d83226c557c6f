"""Bring a file of the registry into the cache: resumable, checked, whole or not at all.

The cache is the folder `COURSE_DATA` (by default `~/.cache/neurons-to-neural-odes`). `COURSE_DATA_MIRROR`, a folder or
an address, is asked before the canonical addresses. A file is first written beside its place as `<name>.part`, which
the next try continues; it gets its name only once its length and sha256 are right.
"""

import errno
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from course_utils.data.registry import DataError, RemoteFile
from course_utils.progress import bar

CHUNK = 1 << 18  # bytes read at a time
ATTEMPTS = 3  # an address that cuts off is asked to go on this often
TIMEOUT = 20.0  # seconds without a byte
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the disk is full",
}
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def cache_folder() -> Path:
    """Where data sets are kept on this machine."""
    default = Path.home() / ".cache" / "neurons-to-neural-odes"
    return Path(os.environ.get("COURSE_DATA") or default).expanduser()


def place(file: RemoteFile) -> Path:
    """Where `file` lies, or would lie, in the cache."""
    return cache_folder() / file.path


def sha256(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def intact(file: RemoteFile) -> bool:
    """Whether the cache holds `file` with the right length and hash."""
    path = place(file)
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256


def at_hand(file: RemoteFile) -> bool:
    """Whether `file` can be had without the network: in the cache, or in a mirror that is a folder."""
    mirror = os.environ.get("COURSE_DATA_MIRROR", "")
    in_folder = bool(mirror) and "://" not in mirror and (Path(mirror).expanduser() / file.path).is_file()
    return intact(file) or in_folder


def fetch(file: RemoteFile) -> Path:
    """The path of `file` in the cache, fetched if need be.

    Raises `DataError`, one line, when it cannot be had; what was received of it stays for the next try.
    """
    path = place(file)
    with _writable(path):
        if intact(file):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not intact(file):
                _fetch_from_any(file, path)
    return path


def _fetch_from_any(file: RemoteFile, path: Path) -> None:
    reasons = []
    for source in _sources(file):
        try:
            _fetch_from(source, file, path)
            return
        except _Refused as reason:
            reasons.append(f"{source}: {reason}")
    tried = "; ".join(reasons) or "it has no public address"
    raise DataError(
        f"{file.path}: could not be fetched ({tried}). Put the file at {path} (sha256 {file.sha256[:16]}…), "
        "or set COURSE_DATA_MIRROR to a folder or an address that holds it."
    )


class _Refused(Exception):
    """Why one source did not give the file."""


def _sources(file: RemoteFile) -> list[str]:
    mirror = os.environ.get("COURSE_DATA_MIRROR", "").rstrip("/")
    return ([f"{mirror}/{file.path}"] if mirror else []) + list(file.urls)


def _fetch_from(source: str, file: RemoteFile, path: Path) -> None:
    """Fill `<path>.part` from one source, going on after a cut, and give it its name when it is right."""
    part = path.with_name(path.name + ".part")
    continued = part.is_file() and part.stat().st_size > 0
    for _ in range(ATTEMPTS):
        reason = _receive(source, file, part)
        if part.stat().st_size >= file.size:
            break
    if part.stat().st_size < file.size:
        raise _Refused(reason or f"cut off at {part.stat().st_size:,} of {file.size:,} bytes")
    got = sha256(part)
    if part.stat().st_size == file.size and got == file.sha256:
        os.replace(part, path)
        return
    part.unlink()
    if continued:  # the part may have come from another source, or an older version
        _fetch_from(source, file, path)
        return
    raise _Refused(f"wrong content, expected sha256 {file.sha256[:16]}…, got {got[:16]}…")


def _receive(source: str, file: RemoteFile, part: Path) -> str:
    """Append what `source` gives to `part`; returns why it ended early, if it did."""
    part.touch()
    try:
        with _open(source, part.stat().st_size) as (stream, start), part.open("r+b") as out:
            out.truncate(start)
            out.seek(start)
            with bar(file.size, file.path, "B", scale=True) as shown:
                shown.update(start)
                while out.tell() <= file.size and (chunk := stream.read(CHUNK)):
                    out.write(chunk)
                    shown.update(len(chunk))
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        return _explain(error)
    except FileNotFoundError:
        return "no such file"
    return ""


@contextmanager
def _open(source: str, start: int) -> Iterator[tuple[BinaryIO, int]]:
    """A stream of `source` and the offset at which it begins: `start` where it can be continued, else 0."""
    if "://" not in source:
        with Path(source).expanduser().open("rb") as stream:
            stream.seek(start)
            yield stream, start
        return
    headers = {"User-Agent": "neurons-to-neural-odes"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(source, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        yield answer, start if answer.status == 206 else 0


def _explain(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
        return f"no answer for {TIMEOUT:.0f} seconds"
    if isinstance(error, urllib.error.URLError):
        return f"no network or no such server ({error.reason})"
    return f"the connection broke ({error or type(error).__name__})"


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Turn what a disk can do to us into one line; on a full disk the unfinished part is taken away."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            path.with_name(path.name + ".part").unlink(missing_ok=True)
            raise DataError(
                f"{path}: {_FULL[error.errno]}; make room there, or set COURSE_DATA to another folder."
            ) from None
        if error.errno in _CLOSED or isinstance(error, FileExistsError):
            raise DataError(
                f"{path}: cannot be written ({error.strerror}); put the file there yourself, or set COURSE_DATA to "
                "a folder that you may write to."
            ) from None
        raise
