"""Bounds of a process's own memory, time and files, which the kernel keeps."""

import resource

from course_utils.grading.sandbox.limits import Limits


def mapped() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def bound(limits: Limits, already: int, apart: bool = True) -> None:
    """Set this process's bounds, for good.

    `already` is the address space that it came with. Threads are bounded only where they are counted `apart`.
    """
    bounds = {
        resource.RLIMIT_AS: already + limits.memory,
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


def unbound_memory() -> None:
    """Take back the bound of the process that started this one, which is a grader's and no student's."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
