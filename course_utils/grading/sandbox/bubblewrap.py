"""bubblewrap around the warm process, where namespaces are reserved to it: files, processes and a network of its own.

All kernels of the warm process are within; what lies between them is Landlock's.
"""

import shutil

from course_utils.grading.sandbox.files import View

SCRATCH = "/scratch"
SCRATCH_BYTES = 256 << 20  # of all kernels together


def program() -> str | None:
    """The path of `bwrap`, if it is installed."""
    return shutil.which("bwrap")


def command(view: View, shown: list[str]) -> list[str]:
    """The start of a command line that runs the rest inside, as the first process there."""
    line = [program() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
    for path in view.pieces:
        line += ["--ro-bind", path, path]
    for path in view.hidden:
        line += ["--tmpfs", path]
    for path in shown:
        line += ["--ro-bind", path, path]
    for path in view.hidden:
        line += ["--remount-ro", path]
    line += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    line += ["--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH]
    for path, target in view.links.items():
        if not any(path.startswith(f"{piece}/") for piece in view.pieces):
            line += ["--symlink", target, path]
    return [*line, "--dir", "/tmp", "--remount-ro", "/", "--chdir", "/"]
