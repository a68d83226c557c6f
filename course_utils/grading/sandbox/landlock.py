"""Landlock: the files and sockets that a process may use, enforced by the kernel without any privilege."""

import ctypes
import os
import struct

from course_utils.grading.sandbox.syscalls import LANDLOCK_ADD, LANDLOCK_CREATE, LANDLOCK_RESTRICT, syscall

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_FILE = 1 << 5
MAKE_CHAR, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
TCP_BIND, TCP_CONNECT = 1, 2
ABSTRACT_SOCKETS, SIGNALS = 1, 2
RIGHTS = {
    1: (1 << 13) - 1,
    2: (1 << 14) - 1,
    3: (1 << 15) - 1,
    5: (1 << 16) - 1,
}  # by version of the interface
BENEATH = 1


def version() -> int:
    """The kernel's version of Landlock's interface.

    Raises:
        OSError: it has none, or it is switched off.
    """
    return syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)


def restrict(readable: list[str], writable: list[str], sockets: str | None = None) -> None:
    """From now on only `readable` can be read and only `writable` written; no TCP; signals reach only this process.

    In the folder `sockets` Unix sockets may be made.

    Raises:
        OSError: the kernel has no Landlock.
    """
    abi = version()
    handled = RIGHTS[max(known for known in RIGHTS if known <= abi)]
    network = TCP_BIND | TCP_CONNECT if abi >= 4 else 0
    scope = ABSTRACT_SOCKETS | SIGNALS if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    attributes = struct.pack("<QQQ", handled, network, scope)[:size]
    ruleset = syscall(LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0)
    special = MAKE_CHAR | MAKE_BLOCK | MAKE_SOCK | MAKE_FIFO
    try:
        for path in readable:
            _allow(ruleset, path, READ & handled)
        for path in writable:
            _allow(ruleset, path, handled & ~special & ~EXECUTE)
        if sockets:
            _allow(ruleset, sockets, handled & (READ | WRITE_FILE | REMOVE_FILE | MAKE_SOCK))
        syscall(LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not there: nothing to allow
        return
    try:
        if not os.path.isdir(path):
            rights &= OF_FILES
        syscall(LANDLOCK_ADD, ruleset, BENEATH, struct.pack("<Qi", rights, place), 0)
    finally:
        os.close(place)
