"""Python as on macOS and Windows: `python -m tests.labs.elsewhere WORDS…` is `course WORDS…` without what only Linux has.

Hidden are `resource` and `fcntl` (Windows), pidfds and sequenced sockets (macOS, Windows), `os.fork` (Windows) and /proc.
"""

import builtins
import os
import pathlib
import select
import socket
import sys

PROC = "/proc"


def hide() -> None:
    """Take away, in this process, what other systems lack."""
    for module in ("resource", "fcntl"):
        sys.modules[module] = None  # type: ignore[assignment]
    for owner, name in (
        (os, "pidfd_open"),
        (os, "fork"),
        (socket, "SOCK_SEQPACKET"),
        (select, "poll"),
    ):
        delattr(owner, name)
    for owner, name in ((builtins, "open"), (os, "open"), (os, "stat"), (os, "listdir")):
        setattr(owner, name, _without_proc(getattr(owner, name)))
    pathlib.Path.exists = lambda path: os.path.exists(path)  # type: ignore[method-assign]


def _without_proc(call):
    def guarded(path, *args, **kwargs):
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(PROC):
            raise FileNotFoundError(2, "No such file or directory", os.fspath(path))
        return call(path, *args, **kwargs)

    return guarded


if __name__ == "__main__":
    # What the interpreter's own libraries have imported by now stays usable; the course has imported nothing yet.
    import asyncio
    import multiprocessing
    import subprocess

    import IPython
    import torch

    assert not any(name.startswith("course_utils") for name in sys.modules)
    assert all((asyncio, multiprocessing, subprocess, IPython, torch))
    hide()
    from course_utils.cli import main

    sys.exit(main(sys.argv[1:]))
