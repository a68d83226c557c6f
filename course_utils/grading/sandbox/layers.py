"""Which layers of the sandbox hold on this machine, found out by trying each in a child process."""

import os
import socket
import subprocess
from collections.abc import Callable
from typing import NamedTuple

from course_utils.grading.sandbox import bubblewrap, landlock, namespaces, seccomp
from course_utils.grading.sandbox import enter as sandbox
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.sandbox.syscalls import PR_SET_NO_NEW_PRIVS, prctl


class Layer(NamedTuple):
    """A layer, what it is for, and whether it held when it was tried."""

    name: str
    purpose: str
    holds: bool
    remark: str = ""


def layers() -> list[Layer]:
    """Try every layer: each is entered in a child, which then does what the layer is to refuse."""
    return [
        _tried("namespaces", "own files, processes and network", _namespaces),
        _bubblewrap(),
        _tried("landlock", "read-only Python and data, one writable folder", _landlock),
        _tried("seccomp", "no new processes, no sockets, no tracing, no mounts", _seccomp),
        _tried("rlimits", "bounded memory, CPU time, files", _rlimits),
    ]


def _tried(name: str, purpose: str, attempt: Callable[[], None]) -> Layer:
    """Run `attempt` in a child: it raises where the layer does not hold."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
            os.write(write, b"holds")
        except BaseException as error:
            os.write(write, (str(error) or type(error).__name__).encode()[:300])
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode(errors="replace")
    return Layer(name, purpose, told == "holds", "" if told == "holds" else told or "it died")


def _refuses(what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except (OSError, MemoryError):
        return
    raise AssertionError(f"it did not refuse {what}")


def _namespaces() -> None:
    pid = namespaces.prepare().fork()
    if pid:
        os.waitpid(pid, 0)
        os._exit(0)
    namespaces.enter(1 << 20)
    _refuses("reading /etc/shadow", lambda: os.close(os.open("/etc/shadow", os.O_RDONLY)))
    if os.getpid() != 1 or [name for _, name in socket.if_nameindex()] != ["lo"]:
        raise AssertionError("processes or network are shared")


def _bubblewrap() -> Layer:
    purpose = "the same where namespaces are reserved to it; optional"
    if bubblewrap.program() is None:
        return Layer("bubblewrap", purpose, False, "not installed (apt install bubblewrap)")
    command = [*bubblewrap.command(1 << 20), "/usr/bin/test", "!", "-e", "/etc/shadow"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return Layer("bubblewrap", purpose, done.returncode == 0, done.stderr.strip()[:300])


def _landlock() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    landlock.restrict(["/usr"], [])
    os.close(os.open("/usr", os.O_RDONLY))
    _refuses("reading /etc", lambda: os.listdir("/etc"))


def _seccomp() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    seccomp.restrict()
    _refuses("a socket", lambda: socket.socket(socket.AF_INET))
    _refuses("a process", os.fork)


def _rlimits() -> None:
    sandbox.bound(Limits(memory=64 << 20, open_files=20))
    _refuses("a gigabyte", lambda: bytearray(1 << 30))
    _refuses("many files", lambda: [os.dup(0) for _ in range(30)])
