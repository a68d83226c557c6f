"""A seccomp filter: what a student's process may not ask of the kernel, whoever it has become.

Refused with EPERM: new processes, sockets other than Unix ones, tracing, mounts, namespaces, keys, BPF, modules,
clocks, shared memory outside the process's own limits. Threads are allowed.
"""

import ctypes
import errno
import platform
import struct

from course_utils.grading.sandbox.syscalls import PR_SET_SECCOMP, prctl

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Numbers of <asm/unistd.h>: x86_64, aarch64 (None where it has no such call).
REFUSED = {
    "ptrace": (101, 117), "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "syslog": (103, 116),
    "quotactl": (179, 60), "clock_settime": (227, 112), "settimeofday": (164, 170), "adjtimex": (159, 171),
    "sethostname": (170, 161), "setdomainname": (171, 162), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "fanotify_init": (300, 262), "vmsplice": (278, 75), "personality": (135, 92), "mknod": (133, None),
    "mknodat": (259, 33), "iopl": (172, None), "ioperm": (173, None),
}  # fmt: skip
CLONE, CLONE3, SOCKET, SOCKETPAIR = (56, 220), (435, 435), (41, 198), (53, 199)
CLONE_THREAD, AF_UNIX = 0x00010000, 1

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCH, ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def restrict() -> None:
    """Filter this process's system calls, and those of all its threads to come.

    Raises:
        OSError: the kernel has no seccomp, or this machine is of another kind.
    """
    if platform.machine() not in ARCHITECTURE:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {platform.machine()}")
    code = program(platform.machine())
    filter_mode = 2
    prctl(PR_SET_SECCOMP, filter_mode, ctypes.byref(Program(len(code) // 8, code)))


def program(machine: str) -> bytes:
    """The filter in classic BPF, eight bytes an instruction."""
    column = list(ARCHITECTURE).index(machine)
    refuse, absent, allow = _return(ERRNO | errno.EPERM), _return(ERRNO | errno.ENOSYS), _return(ALLOW)
    code = [_load(ARCH), _jump(EQUAL, ARCHITECTURE[machine], 1, 0), _return(KILL), _load(NUMBER)]
    if machine == "x86_64":
        x32 = 0x40000000
        code += [_jump(AT_LEAST, x32, 0, 1), _return(KILL)]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            code += [_jump(EQUAL, number, 0, 1), refuse]
    code += [
        _jump(EQUAL, CLONE3[column], 0, 1),
        absent,
    ]  # the C library falls back to clone, which can be judged
    code += [
        _jump(EQUAL, CLONE[column], 0, 4),
        _load(ARGUMENT),
        _jump(ANY_BIT, CLONE_THREAD, 1, 0),
        refuse,
        allow,
    ]
    for numbers in (SOCKET, SOCKETPAIR):
        code += [
            _jump(EQUAL, numbers[column], 0, 4),
            _load(ARGUMENT),
            _jump(EQUAL, AF_UNIX, 1, 0),
            refuse,
            allow,
        ]
    return b"".join([*code, allow])


def _load(offset: int) -> bytes:
    return struct.pack("<HBBI", LOAD, 0, 0, offset)


def _jump(test: int, value: int, yes: int, no: int) -> bytes:
    return struct.pack("<HBBI", test, yes, no, value)


def _return(value: int) -> bytes:
    return struct.pack("<HBBI", RETURN, 0, 0, value)
