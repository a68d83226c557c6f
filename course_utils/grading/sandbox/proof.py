"""What the sandbox really gave a process: tried inside it, before any student's code runs there."""

import errno
import mmap
import os
import resource
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.sandbox.files import PACKAGES, ROOT, View, within
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.syscalls import CLONE_NEWUSER, unshare

AROUND = ("/", "/etc", "/home", "/root", "/var", "/var/tmp", "/run", "/tmp", "/dev/shm", "/etc/passwd")
Identity = tuple[int, int]


@dataclass(frozen=True)
class Outside:
    """What was within reach before the sandbox was entered.

    `closed` may be neither read nor changed from inside, `fixed` not changed: paths with what they were, device and
    inode. `needed` must still be there: by these paths Python finds what is imported late.
    """

    closed: dict[str, Identity]
    fixed: dict[str, Identity]
    needed: tuple[str, ...]


def look(view: View, packages: bool) -> Outside:
    """Look around, in the process that starts the warm one: bubblewrap is not around it yet.

    Every package on the import path is to be looked for if `packages`, in a trial: 400 of them take 8 ms.
    """
    own = (tempfile.gettempdir(), os.path.expanduser("~"), str(ROOT), *view.hidden)
    closed = [path for path in (*AROUND, *own) if path in view.hidden or not within(path, view.pieces)]
    fixed = [path for path in view.pieces if os.path.isdir(path)]
    return Outside(_identities(closed), _identities(fixed), tuple(_needed(view, packages)))


def open_to_all(paths: Iterable[str]) -> bool:
    """Whether a user without rights may use these."""
    on_the_way = {parent for path in paths for parent in (Path(path), *Path(path).parents)}
    return all(path.stat().st_mode & (stat.S_IXOTH if path.is_dir() else stat.S_IROTH) for path in on_the_way)


def leak(outside: Outside, limits: Limits, zygote: int, serving: bool = False) -> str:
    """What this process can do that it should not, or cannot that it should, in words; "" if nothing.

    `zygote` is the process that it was forked from, `serving` a Jupyter kernel that makes sockets.
    """
    for missing in (path for path in outside.needed if not _opens(path)):
        return f"Python needs {missing}, which cannot be reached from inside"
    found = next(_leaks(outside, limits, zygote, serving), "")
    return found and f"students' code could still {found}"


def _needed(view: View, packages: bool) -> Iterator[str]:
    for entry in sys.path:
        if not _opens(entry) or not within(os.path.realpath(entry), view.pieces):
            continue
        yield entry
        if packages and entry.endswith(PACKAGES):
            yield from (found.path for found in os.scandir(entry) if _opens(found.path))


def _opens(path: str) -> bool:
    """Whether a file or folder can be read: Landlock lets all be seen."""
    return _goes(lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)))


def _identities(paths: Iterable[str]) -> dict[str, Identity]:
    found = {path: _identity(path) for path in paths}
    return {path: identity for path, identity in found.items() if identity is not None}


def _identity(path: str) -> Identity | None:
    """Device and inode of what is there, as far as it can be seen: no rights are needed for that."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    status = os.fstat(descriptor)
    os.close(descriptor)
    return status.st_dev, status.st_ino


def _leaks(outside: Outside, limits: Limits, zygote: int, serving: bool) -> Iterator[str]:
    for path, identity in outside.closed.items():
        if _identity(path) == identity:
            yield from (f"{word} {path}" for word, act in _uses(path) if _goes(act))
    for path, identity in outside.fixed.items():
        if _identity(path) == identity and _goes(lambda path=path: _write_in(path)):  # type: ignore[misc]
            yield f"write in {path}"
    if not _goes(lambda: _write_in(os.getcwd())):
        yield "not write in its own folder"
    if any(map(_is_file, range(3, 256))):
        yield "use a file that was open before"
    yield from (word for word, act in _deeds(zygote, serving) if _goes(act))
    yield from _unbound(limits)


def _uses(path: str) -> Iterator[tuple[str, Callable[[], object]]]:
    if not os.path.isdir(path):
        yield "read", lambda: os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return
    yield "list", lambda: os.listdir(path)
    yield "write in", lambda: _write_in(path)
    yield "change", lambda: os.chmod(path, stat.S_IMODE(os.stat(path).st_mode))


def _write_in(folder: str) -> None:
    path = os.path.join(folder, f".course-probe-{os.getpid()}")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(path)


def _deeds(zygote: int, serving: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "reach the network", lambda: socket.socket(socket.AF_INET).close()
    if not serving:
        yield "call at sockets", lambda: socket.socket(socket.AF_UNIX).close()
    yield "start a process", _fork
    yield "start a program", _execute
    yield "make a namespace", lambda: unshare(CLONE_NEWUSER)
    yield "send signals to others", _signal_all
    yield "look into other processes", lambda: os.close(os.open(f"/proc/{zygote}/mem", os.O_RDWR))
    yield "become another user", lambda: os.setuid(os.getuid() + 1)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _execute() -> None:
    try:
        os.execv("/", ["/"])  # never a program: only the reason of the refusal tells
    except OSError as error:
        if error.errno == errno.EPERM:
            raise


def _signal_all() -> None:
    try:
        os.kill(-1, 0)  # no signal: only the question whether one might
    except ProcessLookupError:
        return


def _unbound(limits: Limits) -> Iterator[str]:
    if _goes(lambda: mmap.mmap(-1, limits.memory + (1 << 30), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()):
        yield "take any memory"
    for kind, most, word in (
        (resource.RLIMIT_CPU, limits.cpu_seconds, "use the CPU without end"),
        (resource.RLIMIT_FSIZE, limits.file, "write files of any size"),
        (resource.RLIMIT_NOFILE, limits.open_files, "open any number of files"),
    ):
        if not 0 <= resource.getrlimit(kind)[1] <= most:
            yield word


def _is_file(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _goes(act: Callable[[], object]) -> bool:
    try:
        act()
    except (OSError, MemoryError):
        return False
    return True
