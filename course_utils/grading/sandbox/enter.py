"""The sandbox around a student's process. It is of one of three kinds, and each has several layers:

    namespaces   a root folder, processes and a network of its own; Landlock in it where the kernel has that
    bubblewrap   the same around the warm process and all its kernels, and Landlock between these
    landlock     Landlock alone

Every kind has seccomp (no new processes, no sockets), rlimits (memory, CPU time, files, threads) and no privileges.
`enter` goes into all layers of a kind or fails; then it tries what they are to prevent. Nothing stands in for a layer
that fails: which kind a machine offers is found out before (`choose`).
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course_utils.grading.sandbox import bubblewrap, landlock, namespaces, proof, seccomp
from course_utils.grading.sandbox.bounds import bound, mapped
from course_utils.grading.sandbox.files import View, records
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.syscalls import (
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    drop_capabilities,
    prctl,
)

LOOK_SECONDS, BLOCK = 0.2, 4096


class Unavailable(RuntimeError):
    """A layer does not hold; the message says which, and why."""


@dataclass
class Isolation:
    """What the warm process made ready for its kernels.

    `spaces` are there for the kind `namespaces` alone. For the others each kernel's scratch folder lies in `place`:
    it is removed once the kernel is gone, and the kernel is ended once there is too much in it.
    """

    kind: str
    view: View
    outside: proof.Outside
    spaces: namespaces.Namespaces | None = None
    place: str = ""
    ids: tuple[int, int] = field(default_factory=namespaces.nobody)
    work: str = namespaces.WORK  # a kernel's own scratch folder, in the kernel
    # By descriptor: a kernel's folder, and the bytes that it may take.
    kernels: dict[int, tuple[str, int]] = field(default_factory=dict)

    def fork(self) -> int:
        """Fork a process that is to become a kernel."""
        if self.spaces:
            return self.spaces.fork()
        self.work = tempfile.mkdtemp(prefix="kernel-", dir=self.place)
        if os.geteuid() == 0:
            os.chown(self.work, *self.ids)
        return os.fork()

    def watch(self, control: socket.socket, pidfd: int, scratch: int) -> None:
        """Look after the kernel that was forked last, and those before it, until `control` has something to say."""
        if not self.spaces:
            self.kernels[os.dup(pidfd)] = self.work, scratch
        while True:
            for kernel, (folder, most) in list(self.kernels.items()):
                if select.select([kernel], [], [], 0)[0]:
                    os.close(kernel)
                    del self.kernels[kernel]
                    shutil.rmtree(folder, ignore_errors=True)
                elif _size(folder) > most:
                    signal.pidfd_send_signal(kernel, signal.SIGKILL)
            if not self.kernels or select.select([control], [], [], LOOK_SECONDS)[0]:
                return

    def close(self) -> None:
        """Remove all that was made ready."""
        if self.place:
            shutil.rmtree(self.place, ignore_errors=True)


def _size(folder: str) -> int:
    """Bytes that a folder takes on its disk, as far as they can be counted; an empty file counts for a block."""
    total = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(OSError):
                total += max(BLOCK, os.lstat(os.path.join(place, name)).st_blocks * 512)
    return total


def prepare(kind: str, view: View, outside: proof.Outside, temp: str) -> Isolation:
    """What is done once, in the warm process, before it has imported anything. Of the kind `bubblewrap` it is inside.

    `temp` is where folders may be made outside.

    Raises:
        OSError: this machine does not let us.
    """
    seccomp.library()
    if kind == "namespaces":
        spaces = namespaces.prepare()
        prctl(PR_SET_DUMPABLE, 0)  # no kernel may look into the process that all kernels come from
        return Isolation(kind, view, outside, spaces)
    landlock.version()
    place = tempfile.mkdtemp(
        prefix="course-scratch-", dir=bubblewrap.SCRATCH if kind == "bubblewrap" else temp
    )
    os.chmod(place, 0o711)
    prctl(PR_SET_DUMPABLE, 0)
    ids = namespaces.nobody()
    if not proof.open_to_all(
        [*view.pieces, place]
    ):  # Landlock and the want of capabilities bind root as well
        ids = os.geteuid(), os.getegid()
    return Isolation(kind, view, outside, None, place, ids)


def enter(
    limits: Limits, isolation: Isolation, nets: tuple[str, ...] = (), jupyter: dict[str, Any] | None = None
) -> list[str]:
    """Put this process into the sandbox, for good; the names of the layers, all of which hold.

    A Jupyter kernel also gets the folder of its sockets, and sees the notebook's folder, which it cannot change.

    Args:
        limits: Its bounds.
        isolation: What the warm process made ready.
        nets: Topics whose trained nets are shown.
        jupyter: A Jupyter kernel's `folder` and `sockets`.

    Raises:
        Unavailable: a layer does not hold.
    """
    held: list[str] = []
    try:
        zygote = os.getppid()
        _enter(held, limits, isolation, records(nets), jupyter)
        found = proof.leak(isolation.outside, limits, zygote, serving=jupyter is not None)
    except OSError as error:
        found = f"{error.strerror or error} {error.filename or ''}".strip()
    if found:
        raise Unavailable(found)
    return held


def _enter(
    held: list[str], limits: Limits, isolation: Isolation, shown: list[str], jupyter: dict[str, Any] | None
) -> None:
    prctl(PR_SET_PDEATHSIG, 9)
    prctl(PR_SET_DUMPABLE, 1)
    already, work = mapped(), isolation.work
    _bound_oom()
    places = _own_files(held, limits, isolation, shown, jupyter)
    os.chdir(work)
    os.environ.update(HOME=work, TMPDIR=work, MPLCONFIGDIR=work, IPYTHONDIR=work)
    tempfile.tempdir = work
    _bind_user(held, limits, isolation.ids, already)
    _landlock(held, isolation.kind, places)
    own = isolation.kind == "namespaces"
    _go(held, "seccomp", lambda: seccomp.restrict(own, serving=jupyter is not None))


def _own_files(
    held: list[str], limits: Limits, isolation: Isolation, shown: list[str], jupyter: dict[str, Any] | None
) -> tuple[list[str], list[str], str | None]:
    """A file system of its own, where the kind has that; what Landlock is to let it read, write and listen at."""
    folder, sockets = (jupyter["folder"], jupyter["sockets"]) if jupyter else (None, None)
    if isolation.kind == "namespaces":
        enter_them = lambda: namespaces.enter(isolation.view, shown, limits.scratch, folder, sockets)  # noqa: E731
        _go(held, "namespaces", enter_them)
        return ["/"], [namespaces.SCRATCH, "/dev"], sockets and namespaces.SOCKETS
    if isolation.kind == "bubblewrap":
        held.append("bubblewrap")
    devices = [f"/dev/{name}" for name in namespaces.DEVICES]
    if folder:
        _copy(folder, isolation.work, isolation.ids)
    seen = [*isolation.view.around(), *shown, *devices, "/proc/self"]
    return seen, [isolation.work, "/dev/null"], sockets


def _copy(folder: str, work: str, ids: tuple[int, int]) -> None:
    """Put what a notebook finds beside it into its scratch folder."""
    shutil.copytree(folder, work, symlinks=True, dirs_exist_ok=True)
    if os.geteuid() == 0:
        for place, folders, files in os.walk(work):
            for name in (*folders, *files):
                os.chown(os.path.join(place, name), *ids, follow_symlinks=False)


def _bind_user(held: list[str], limits: Limits, ids: tuple[int, int], already: int) -> None:
    """Become a user without any rights, within bounds."""

    def rlimits() -> None:
        apart = namespaces.leave_root(ids)
        bound(limits, already, apart)  # after it: the bound on threads is then on this kernel's alone
        drop_capabilities()
        prctl(PR_SET_PDEATHSIG, 9)  # a change of user takes it back
        prctl(PR_SET_NO_NEW_PRIVS, 1)

    _go(held, "rlimits", rlimits)


def _landlock(held: list[str], kind: str, places: tuple[list[str], list[str], str | None]) -> None:
    """Landlock: one more layer in a root folder of one's own, and the only one on files without."""
    try:
        _go(held, "landlock", lambda: landlock.restrict(*places))
    except Unavailable:
        if kind != "namespaces":
            raise


def _go(held: list[str], name: str, layer: Callable[[], None]) -> None:
    """Enter a layer; its name is then in `held`."""
    try:
        layer()
    except OSError as error:
        raise Unavailable(f"{name}: {error.strerror or error}") from None
    held.append(name)


def _bound_oom() -> None:
    """If memory runs out, this process goes first."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return
