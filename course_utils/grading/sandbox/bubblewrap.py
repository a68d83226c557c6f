"""bubblewrap around the warm process: where namespaces are reserved to it, it is the layer that closes off files."""

import os
import shutil

from course_utils.grading.sandbox import namespaces


def program() -> str | None:
    """The path of `bwrap`, if it is installed."""
    return shutil.which("bwrap")


def command(scratch_bytes: int) -> list[str]:
    """The start of a command line that runs the rest inside."""
    line = [program() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    for path in namespaces.SYSTEM:
        if os.path.islink(path):
            line += ["--symlink", os.readlink(path), path]
    line += ["--size", str(scratch_bytes), "--tmpfs", "/tmp"]  # before the course, which may lie below /tmp
    for path in namespaces.readable():
        line += ["--ro-bind", path, path]
    for path in namespaces.private():
        line += ["--tmpfs", path, "--remount-ro", path]
    line += ["--proc", "/proc", "--dev", "/dev", "--dir", "/sys", "--dir", "/mnt"]
    return [*line, "--chdir", "/"]
