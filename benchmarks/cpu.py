"""CPU seconds of this process and of all that it starts, also of processes that nobody waits for.

Wall time on a busy machine says how busy it was. Linux counts a group of processes (cgroup) as a whole, where this
user may make one: as root, or where systemd has delegated it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION_1 = Path("/sys/fs/cgroup/cpuacct")
VERSION_2 = Path("/sys/fs/cgroup")


@contextmanager
def counted() -> Iterator[Callable[[], float]]:
    """A function that gives the CPU seconds used since the block began; NaN where no group can be made."""
    group = _group()
    if group is None:
        yield lambda: float("nan")
        return
    home = _home(group)
    try:
        (group / "cgroup.procs").write_text(str(os.getpid()))
        start = _used(group)
        yield lambda: _used(group) - start
    finally:
        (home / "cgroup.procs").write_text(str(os.getpid()))
        _remove(group)


def _group() -> Path | None:
    for base in (VERSION_1, VERSION_2):
        if not (base / "cgroup.procs").is_file():
            continue
        group = base / f"course-benchmark-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / "cpuacct.usage").is_file() or (group / "cpu.stat").is_file():
            return group
        _remove(group)
    return None


def _home(group: Path) -> Path:
    """Where this process stands before it moves."""
    wanted = "cpuacct" if group.parent == VERSION_1 else ""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if wanted in controllers.split(","):
            return group.parent / path.lstrip("/")
    return group.parent


def _used(group: Path) -> float:
    if (group / "cpuacct.usage").is_file():
        return int((group / "cpuacct.usage").read_text()) / 1e9
    rows = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(rows["usage_usec"]) / 1e6


def _remove(group: Path) -> None:
    try:
        group.rmdir()
    except OSError:  # a process is still on its way out; an empty group costs nothing
        return
