"""A seccomp filter: the system calls that a student's process may make. All others fail as on a kernel without them.

The filter is libseccomp's, which knows the calls of every kind of machine by their names. There are no new processes,
no sockets but pairs of one's own, no tracing, mounts, namespaces or keys; signals, limits and priorities are one's own.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

ALLOWED = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat openat2 creat close close_range
    lseek dup dup2 dup3 stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat
    getdents getdents64 getcwd chdir fchdir umask mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2
    link linkat symlink symlinkat truncate ftruncate fallocate fadvise64 readahead fsync fdatasync flock fchmod
    copy_file_range sendfile splice getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr pipe pipe2
    eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4

    mmap munmap mprotect mremap madvise brk msync mincore membarrier get_mempolicy

    futex futex_waitv set_robust_list get_robust_list rseq set_tid_address gettid getpid getppid getpgrp getpgid getsid
    exit exit_group wait4 waitid sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
    sched_get_priority_min getcpu arch_prctl restart_syscall getpriority getrlimit setrlimit getrusage times
    getuid geteuid getgid getegid getresuid getresgid getgroups capget uname sysinfo getrandom

    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time alarm setitimer getitimer
    timer_create timer_settime timer_gettime timer_getoverrun timer_delete

    select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockopt setsockopt getsockname getpeername
"""
# Of files by their paths, which only a file system of one's own keeps from others' files: Landlock lets them pass.
BY_PATH = "chmod fchmodat fchmodat2 utime utimes futimesat utimensat"
SERVING = "bind listen accept accept4"  # a Jupyter kernel's sockets, of files in a folder of its own
# What programs try by habit: here "not permitted" says more than "not implemented".
NOT_PERMITTED = """
    fork vfork execve execveat ptrace mount umount2 pivot_root chroot unshare setns setsid setpgid mknod mknodat
    setuid setgid setreuid setregid setresuid setresgid setgroups chown lchown fchown fchownat memfd_create
    keyctl add_key bpf perf_event_open userfaultfd process_vm_readv process_vm_writev io_uring_setup
    connect tkill rt_sigqueueinfo pidfd_send_signal sethostname
"""

CLONE_THREAD, AF_UNIX, SOCK_STREAM, SOCK_KIND = 0x00010000, 1, 1, 0xF
FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032)  # duplicate, flags, locks, size of pipes
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal, how wide; bytes to read; flags
PRCTL = (3, 15, 16, 0x53564D41)  # is it dumpable, the thread's name, names of memory

ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
BAD_ARCHITECTURE = 2  # the attribute: what becomes of calls by another machine's numbers
NOT, EQUAL, MASKED = 1, 4, 7


class Compared(ctypes.Structure):
    """struct scmp_arg_cmp: an argument of a call, and what it is compared with."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class Rule(NamedTuple):
    """What becomes of a call, where its arguments are as compared."""

    action: int
    call: str
    compared: tuple[tuple[int, int, int, int], ...] = ()


@cache
def library() -> Any:
    """libseccomp.

    Raises:
        OSError: it is not installed.
    """
    try:
        found = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        raise OSError(errno.ENOENT, "libseccomp is not installed (apt install libseccomp2)") from None
    found.seccomp_init.restype = ctypes.c_void_p
    for name in ("release", "load", "attr_set", "rule_add_array"):
        getattr(found, f"seccomp_{name}").argtypes = (ctypes.c_void_p,)
    return found


def restrict(own_files: bool, serving: bool = False) -> None:
    """Filter this process's system calls, and those of all its threads to come.

    Args:
        own_files: Whether a layer shows this process a file system of its own.
        serving: Whether it makes Unix sockets for others to call at.

    Raises:
        OSError: the kernel has no seccomp, or there is no libseccomp.
    """
    seccomp = library()
    filter_ = ctypes.c_void_p(seccomp.seccomp_init(ERRNO | errno.ENOSYS))
    try:
        _checked(seccomp.seccomp_attr_set(filter_, BAD_ARCHITECTURE, ctypes.c_uint32(KILL_PROCESS)))
        for rule in rules(own_files, serving):
            number = seccomp.seccomp_syscall_resolve_name(rule.call.encode())
            if number >= 0:  # below: not of this machine, or younger than the library
                compared = (Compared * len(rule.compared))(*(Compared(*one) for one in rule.compared))
                arguments = ctypes.c_uint32(rule.action), number, len(compared), compared
                _checked(seccomp.seccomp_rule_add_array(filter_, *arguments))
        _checked(seccomp.seccomp_load(filter_))
    finally:
        seccomp.seccomp_release(filter_)


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


def rules(own_files: bool, serving: bool) -> Iterator[Rule]:
    """The filter, rule by rule; what none allows is not implemented."""
    refuse = ERRNO | errno.EPERM
    for action, calls in (
        (ALLOW, ALLOWED),
        (refuse, NOT_PERMITTED),
        (ALLOW if own_files else refuse, BY_PATH),
        (ALLOW if serving else refuse, SERVING),
    ):
        yield from (Rule(action, call) for call in calls.split())
    yield Rule(ALLOW, "clone", ((0, MASKED, CLONE_THREAD, CLONE_THREAD),))
    yield Rule(
        refuse, "clone", ((0, MASKED, CLONE_THREAD, 0),)
    )  # clone3 hides its flags: the C library does without
    for call in ("kill", "tgkill"):
        yield Rule(ALLOW, call, ((0, EQUAL, os.getpid(), 0),))
        yield Rule(refuse, call, ((0, NOT, os.getpid(), 0),))
    for pid in (0, os.getpid()):
        yield Rule(ALLOW, "prlimit64", ((0, EQUAL, pid, 0),))
    yield Rule(ALLOW, "sched_setaffinity", ((0, EQUAL, 0, 0),))
    yield Rule(ALLOW, "setpriority", ((0, EQUAL, 0, 0), (1, EQUAL, 0, 0)))
    for call, argument, values in (("fcntl", 1, FCNTL), ("ioctl", 1, IOCTL), ("prctl", 0, PRCTL)):
        for value in values:
            yield Rule(ALLOW, call, ((argument, EQUAL, value, 0),))
    if serving:  # ZeroMQ asks for the ordinary policy, and ends the process that does not get it
        yield Rule(ALLOW, "sched_setscheduler", ((1, EQUAL, 0, 0),))
    yield from _sockets(refuse, serving)


def _sockets(refuse: int, serving: bool) -> Iterator[Rule]:
    """Connected pairs of streams alone: a datagram's sender can name any socket of the machine."""
    stream = ((0, EQUAL, AF_UNIX, 0), (1, MASKED, SOCK_KIND, SOCK_STREAM))
    yield Rule(ALLOW, "socketpair", stream)
    if serving:
        yield Rule(ALLOW, "socket", stream)
        yield Rule(refuse, "socket", ((0, NOT, AF_UNIX, 0),))
    else:
        yield Rule(refuse, "socket")
