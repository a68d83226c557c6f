"""The Linux system calls that the sandbox needs and Python does not offer."""

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38

# The same number on every architecture that has them.
MOUNT_SETATTR, LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 442, 444, 445, 446
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
CAPSET = {"x86_64": 126, "aarch64": 91}

_libc = ctypes.CDLL(None, use_errno=True)


class MountAttr(ctypes.Structure):
    """struct mount_attr of <linux/mount.h>."""

    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Enter a namespace."""
    _checked(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    args = [text.encode() for text in (source, target, kind)]
    _checked(_libc.mount(*args, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def mount_setattr(target: str, attributes: int) -> None:
    """Set flags on a mount and everything below it."""
    wanted = MountAttr(attr_set=attributes)
    at_fdcwd, at_recursive = -100, 0x8000
    result = _libc.syscall(
        MOUNT_SETATTR, at_fdcwd, target.encode(), at_recursive, ctypes.byref(wanted), ctypes.sizeof(wanted)
    )
    _checked(result, f"mount_setattr {target}")


def unmount(target: str) -> None:
    """Detach a mount."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the old one at `old`."""
    _checked(_libc.syscall(PIVOT_ROOT[platform.machine()], new.encode(), old.encode()), "pivot_root")


def prctl(option: int, argument: object, more: object = 0) -> None:
    """prctl(2)."""
    _checked(_libc.prctl(option, argument, more, 0, 0), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _checked(_libc.syscall(CAPSET[platform.machine()], header, (ctypes.c_uint32 * 6)()), "capset")


def syscall(number: int, *args: object) -> int:
    """Any system call."""
    return _checked(_libc.syscall(number, *args), f"syscall {number}")
