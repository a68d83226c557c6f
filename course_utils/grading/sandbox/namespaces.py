"""Namespaces: a student's process sees a file system, processes and a network of its own.

The warm process enters a user namespace (unless it is root) and a PID namespace of its own, so that everything it
forks dies with it. Each kernel then gets its own PID, mount, network, IPC and UTS namespaces, and a root folder made
of read-only pieces with one small writable file system in memory.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from course_utils.grading.sandbox.files import View
from course_utils.grading.sandbox.syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    PR_SET_DUMPABLE,
    PR_SET_PDEATHSIG,
    mount,
    mount_setattr,
    pivot_root,
    prctl,
    setns,
    unmount,
    unshare,
)

ROOT = "/sys"  # where the new root is put together; nobody keeps files there
SCRATCH = "/scratch"
WORK = f"{SCRATCH}/work"
SOCKETS = "/sockets"
NOBODY = 65534
INODES = 10_000
DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True)
class Namespaces:
    """What the warm process holds: kernels are forked into PID namespaces of their own."""

    own_pids: int  # descriptor of the warm process's PID namespace

    def fork(self) -> int:
        """Like `os.fork`; the child is PID 1 of a namespace, and its end is the end of all in it."""
        unshare(CLONE_NEWPID)
        pid = os.fork()
        if pid:
            # A process may unshare it once; this makes it the first time again.
            setns(self.own_pids, CLONE_NEWPID)
        else:
            os.close(self.own_pids)
        return pid


def prepare() -> Namespaces:
    """Go on in a child of this process, in a PID namespace of one's own; the parent only waits for it.

    Raises:
        OSError: this machine does not let us.
    """
    try:
        unshare(CLONE_NEWPID)
    except OSError:
        _new_user(CLONE_NEWPID)
    pid = os.fork()
    if pid:
        _wait(pid)
    prctl(PR_SET_PDEATHSIG, 9)
    return Namespaces(os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC))


def _wait(pid: int) -> NoReturn:
    """Stand for the warm process towards its parent: when one ends, so does the other."""
    for descriptor in range(3, 256):
        try:
            os.close(descriptor)
        except OSError:
            continue
    os.waitpid(pid, 0)
    os._exit(0)


def _new_user(more: int = 0) -> None:
    """A user namespace in which this user stays who it is."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | more)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def enter(
    view: View, shown: list[str], scratch_bytes: int, folder: str | None = None, sockets: str | None = None
) -> None:
    """Give this process its own file system, network, IPC and host name.

    Args:
        view: What is shown of the machine.
        shown: Files that are shown even where they lie in a folder that is not.
        scratch_bytes: Size of the one writable folder.
        folder: What that folder shows at first; changes stay in memory.
        sockets: A folder that is shared with the world outside, at `SOCKETS`.

    Raises:
        OSError: this machine does not let us.
    """
    unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
    mount("", "/", "", MS_REC | MS_PRIVATE)
    mount("tmpfs", ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,mode=755")
    for path in view.pieces:
        _bind(path)
    _hide(view.hidden, shown)
    _devices()
    _fresh(scratch_bytes)
    if folder:
        _lay_over(folder)
    if sockets:
        os.mkdir(ROOT + SOCKETS)
        mount(sockets, ROOT + SOCKETS, "", MS_BIND)
    _link(view.links)
    os.mkdir(f"{ROOT}/old")
    pivot_root(ROOT, f"{ROOT}/old")
    os.chdir("/")
    unmount("/old")
    os.rmdir("/old")
    mount("", "/", "", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir(WORK)


def nobody() -> tuple[int, int]:
    """The user and group that students' code runs as: root's becomes nobody, where this user namespace has one."""
    known = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    has_one = any(int(first) <= NOBODY < int(first) + int(count) for first, _, count in known)
    return (NOBODY, NOBODY) if os.geteuid() == 0 and has_one else (os.geteuid(), os.getegid())


def leave_root(ids: tuple[int, int]) -> bool:
    """From root to a user without rights, and to a user namespace of one's own.

    Returns:
        Whether this process's threads are counted apart from others'.

    Raises:
        OSError: the user cannot be changed.
    """
    uid, gid = ids
    if uid != os.geteuid():
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    prctl(PR_SET_DUMPABLE, 1)
    if not os.path.exists("/proc/self/uid_map"):
        return False
    try:
        _new_user()
    except OSError:  # then the address space bounds the number of threads
        return False
    return True


def _bind(path: str) -> None:
    target = ROOT + path
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(path, target, "", MS_BIND | MS_REC)
    _read_only(target, MS_RDONLY | MS_NOSUID | MS_NODEV)


def _read_only(target: str, flags: int) -> None:
    try:
        mount_setattr(target, flags)
    except OSError:  # before Linux 5.12: one mount at a time, keeping the flags that it has
        kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | 1024 | 2048)
        relatime = 1 << 21 if os.statvfs(target).f_flag & 4096 else 0
        mount("", target, "", MS_REMOUNT | MS_BIND | flags | kept | relatime)


def _hide(hidden: list[str], shown: list[str]) -> None:
    """Cover private folders, and show in them what is public."""
    for path in hidden:
        mount("tmpfs", ROOT + path, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in shown:
        _bind(path)
    for path in hidden:
        _read_only(ROOT + path, MS_RDONLY | MS_NOSUID | MS_NODEV)


def _link(links: dict[str, str]) -> None:
    """Make links as they are outside; their folders' paths hold none, and what is there already is not touched."""
    for path, target in links.items():
        if not os.path.lexists(ROOT + path):
            os.makedirs(os.path.dirname(ROOT + path), exist_ok=True)
            os.symlink(target, ROOT + path)


def _lay_over(folder: str) -> None:
    """Show `folder` as the working folder; what is changed there stays in the scratch folder's memory."""
    for name in ("changes", "overlay"):
        os.mkdir(f"{ROOT}{SCRATCH}/{name}")
        os.chown(f"{ROOT}{SCRATCH}/{name}", *nobody())
    changes, own = f"{ROOT}{SCRATCH}/changes", f"{ROOT}{SCRATCH}/overlay"
    mount(
        "overlay",
        ROOT + WORK,
        "overlay",
        MS_NOSUID | MS_NODEV,
        f"lowerdir={folder},upperdir={changes},workdir={own}",
    )


def _devices() -> None:
    os.mkdir(f"{ROOT}/dev")
    for name in DEVICES:
        os.close(os.open(f"{ROOT}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        mount(f"/dev/{name}", f"{ROOT}/dev/{name}", "", MS_BIND)


def _fresh(scratch_bytes: int) -> None:
    """What is each kernel's own: /proc, the scratch folder, a user's name."""
    os.mkdir(f"{ROOT}/proc")
    # In some containers /proc may not be mounted again: PyTorch does without.
    with contextlib.suppress(OSError):
        mount("proc", f"{ROOT}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    os.makedirs(f"{ROOT}/etc", exist_ok=True)
    uid, gid = nobody()
    Path(f"{ROOT}/etc/passwd").write_text(f"student:x:{uid}:{gid}::{WORK}:/bin/false\n")
    os.mkdir(ROOT + SCRATCH)
    options = f"size={scratch_bytes},nr_inodes={INODES},mode=700,uid={uid},gid={gid}"
    mount("tmpfs", ROOT + SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    for name in ("work", "tmp"):
        os.mkdir(f"{ROOT}{SCRATCH}/{name}")
        os.chown(f"{ROOT}{SCRATCH}/{name}", uid, gid)
    if not os.path.exists(f"{ROOT}/tmp"):  # a course that lies below /tmp is shown there
        os.symlink(f"{SCRATCH}/tmp", f"{ROOT}/tmp")
