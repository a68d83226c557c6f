"""Environments that machines offer, made here: `enter(*WORDS)` in a child process before it goes on.

user        an ordinary user, if this one is root
userns      root of a user namespace that knows one user alone, as in many containers
masked      a part of /proc is covered, as in a container: it may not be mounted again
bare        no bubblewrap
forbidden   neither namespaces nor mounts, as in a container with the usual filter
unmounted   namespaces may be made, but nothing mounted in them
no-landlock, no-seccomp
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

from course_utils.grading.sandbox import seccomp, syscalls

USER = 12345
MAKING = ("mount", "pivot_root", "move_mount", "mount_setattr")
REFUSED = {
    "forbidden": ("unshare", "setns", *MAKING),
    "unmounted": MAKING,
    "no-landlock": ("landlock_create_ruleset",),
    "no-seccomp": ("seccomp",),
}
NAMESPACES = (
    syscalls.CLONE_NEWUSER | syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWNET
) & 0xFFFFFFFF


def enter(*words: str) -> None:
    """Go on in an environment; its words are above."""
    if "userns" in words:
        _one_user()
    if "masked" in words:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
        syscalls.mount("tmpfs", "/proc/tty", "tmpfs", 0)
    if "user" in words and os.geteuid() == 0:
        _open_way_to_python()
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # as it is for a user who has logged in
    if "bare" in words:
        os.environ["PATH"] = "/nonexistent"
    refused = [call for word in words for call in REFUSED.get(word, ())]
    if refused:
        _refuse(refused, "forbidden" in words, "no-seccomp" in words)


def _one_user() -> None:
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _open_way_to_python() -> None:
    """Where this Python lies in a private folder (/root/…), show it at the same path in a mount namespace of ours."""
    prefix = Path(sys.base_prefix).resolve()
    private = [p for p in reversed(prefix.parents) if p != Path("/") and not p.stat().st_mode & 1]
    if not private:
        return
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount(str(prefix), "/mnt", "", syscalls.MS_BIND | syscalls.MS_REC)
    syscalls.mount("tmpfs", str(private[0]), "tmpfs", 0, "mode=755")
    prefix.mkdir(parents=True)
    syscalls.mount("/mnt", str(prefix), "", syscalls.MS_BIND | syscalls.MS_REC)


def _refuse(calls: list[str], namespaces: bool, filters: bool) -> None:
    """Refuse system calls from now on, programs that are started included."""
    library, refuse = seccomp.library(), seccomp.ERRNO | errno.EPERM
    filter_ = ctypes.c_void_p(library.seccomp_init(seccomp.ALLOW))
    rules = [seccomp.Rule(refuse, call) for call in calls]
    if namespaces:
        rules.append(seccomp.Rule(seccomp.ERRNO | errno.ENOSYS, "clone3"))
        flags = (1 << bit for bit in range(32) if NAMESPACES >> bit & 1)
        rules += [seccomp.Rule(refuse, "clone", ((0, seccomp.MASKED, flag, flag),)) for flag in flags]
    if filters:
        rules.append(seccomp.Rule(refuse, "prctl", ((0, seccomp.EQUAL, syscalls.PR_SET_SECCOMP, 0),)))
    for rule in rules:
        number = library.seccomp_syscall_resolve_name(rule.call.encode())
        compared = (seccomp.Compared * len(rule.compared))(*(seccomp.Compared(*one) for one in rule.compared))
        arguments = ctypes.c_uint32(rule.action), number, len(compared), compared
        assert library.seccomp_rule_add_array(filter_, *arguments) == 0, rule
    assert library.seccomp_load(filter_) == 0
    library.seccomp_release(filter_)


if __name__ == "__main__":
    # python -m tests.grading.sandbox.environment WORD… -- COMMAND…
    split = sys.argv.index("--")
    enter(*sys.argv[1:split])
    os.execv(sys.argv[split + 1], sys.argv[split + 1 :])
