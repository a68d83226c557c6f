"""The sandbox around a student's process, in layers, by what the machine offers.

    files       namespaces (a root folder of its own) or Landlock
    network     namespaces or seccomp
    processes   seccomp (no new ones); namespaces end all of them at once
    resources   rlimits: memory, CPU time, size of files, open files, threads

A layer counts when the kernel has accepted it; `layers` tries them.
"""

import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from course_utils.grading.sandbox import landlock, namespaces, seccomp
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.syscalls import (
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    drop_capabilities,
    prctl,
)

ADVICE = (
    "no sandbox for students' code on this machine: {missing} cannot be closed off. Install bubblewrap "
    "(apt install bubblewrap), allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or pass "
    "--unsandboxed if you trust every submission."
)


class Unavailable(RuntimeError):
    """The layers that hold do not make a sandbox; the message says what to install."""


@dataclass
class Isolation:
    """What the warm process found; `spaces` is None where there are no namespaces.

    Then each kernel's scratch folder lies on disk, and is removed once the kernel is gone.
    """

    spaces: namespaces.Namespaces | None
    wrapped: bool = False  # in bubblewrap
    why: str = ""  # there are no namespaces, or none for this kernel
    folders: dict[int, str] = field(default_factory=dict)

    def fork(self) -> int:
        """Fork a process that is to become a kernel; it starts in a scratch folder of its own."""
        if self.spaces:
            return self.spaces.fork()
        self.sweep()
        folder = tempfile.mkdtemp(prefix="course-scratch-")
        if os.geteuid() == 0:
            os.chown(folder, namespaces.NOBODY, namespaces.NOBODY)
        pid = os.fork()
        if pid == 0:
            os.chdir(folder)
        self.folders[pid] = folder
        return pid

    def sweep(self, everything: bool = False) -> None:
        """Remove the folders of kernels that are gone."""
        for pid in list(self.folders):
            if everything or not _alive(pid):
                shutil.rmtree(self.folders.pop(pid), ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def prepare(wrapped: bool = False) -> Isolation:
    """What can be done once, in the warm process; `wrapped` if bubblewrap is around it."""
    try:
        return Isolation(namespaces.prepare(), wrapped)
    except OSError as error:
        return Isolation(None, wrapped, str(error))


def enter(
    limits: Limits, isolation: Isolation, key: str = "", jupyter: dict[str, Any] | None = None
) -> list[str]:
    """Put this process into the sandbox, for good; the names of the layers that hold.

    A Jupyter kernel also gets the folder of its sockets, and sees the notebook's folder, which it cannot change. Where
    namespaces fail, `isolation.why` says by what.

    Raises:
        Unavailable: they are too few.
    """
    prctl(PR_SET_PDEATHSIG, 9)
    held = ["bubblewrap"] if isolation.wrapped else []
    _bound_oom()
    folder, sockets = (jupyter["folder"], jupyter["sockets"]) if jupyter else (None, None)
    spaces = lambda: namespaces.enter(limits.scratch, key, folder, sockets)  # noqa: E731
    if isolation.spaces is not None:
        isolation.why = _holds("namespaces", held, spaces)
    if "namespaces" in held:
        work, readable, writable = namespaces.WORK, ["/"], [namespaces.SCRATCH, "/dev"]
        sockets = sockets and namespaces.SOCKETS
    else:
        work = os.getcwd()
        readable, writable = [*namespaces.readable(key), "/dev", "/proc/self"], [work, "/dev/null"]
    os.environ.update(HOME=work, TMPDIR=work, MPLCONFIGDIR=work, IPYTHONDIR=work)
    tempfile.tempdir = work
    apart = namespaces.leave_root()
    bound(limits, apart)  # after it: the bound on threads is then on this kernel's alone
    held.append("rlimits")
    drop_capabilities()
    prctl(PR_SET_PDEATHSIG, 9)  # a change of user takes it back
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _holds("landlock", held, lambda: landlock.restrict(readable, writable, sockets))
    _holds("seccomp", held, seccomp.restrict)
    require(held)
    return held


def _holds(name: str, held: list[str], layer: Callable[[], None]) -> str:
    """Enter a layer, and its name in `held`; why it does not hold, "" where it does."""
    try:
        layer()
    except OSError as error:
        return str(error)
    held.append(name)
    return ""


def require(held: list[str]) -> None:
    """Refuse to go on where `held` leaves a way out.

    Raises:
        Unavailable: with advice.
    """
    missing = []
    if not {"namespaces", "bubblewrap", "landlock"} & set(held):
        missing.append("files")
    if "seccomp" not in held:
        missing.append("new processes")
        if not {"namespaces", "bubblewrap"} & set(held):
            missing.append("the network")
    if missing:
        raise Unavailable(ADVICE.format(missing=" and ".join(missing)))


def _bound_oom() -> None:
    """If memory runs out, this process goes first."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return


def bound(limits: Limits, apart: bool = True) -> None:
    """Set this process's resource limits; threads are bounded only where they are counted apart from others'."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    bounds = {
        resource.RLIMIT_AS: mapped + limits.memory,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if apart:
        bounds[resource.RLIMIT_NPROC] = limits.threads
    for kind, most in bounds.items():
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))
