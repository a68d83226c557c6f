"""The warm process itself: it imports what students use, and forks a kernel whenever it is asked."""

import gc
import json
import os
import signal
import socket
import sys
import threading
from typing import NoReturn

from course_utils.grading.limits import Limits


def main(descriptor: int, sandboxed: bool) -> None:
    """Serve fork requests on a control socket until it closes."""
    from course_utils.grading import sandbox

    control = socket.socket(fileno=descriptor)
    os.chdir("/")
    isolation = sandbox.prepare() if sandboxed else None
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels are reaped by themselves
    control.send(b"warm")
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not request or not descriptors:
            return
        limits = Limits(**json.loads(request))
        pid = isolation.fork() if isolation else os.fork()
        if pid == 0:
            control.close()
            kernel(socket.socket(fileno=descriptors[0]), limits, isolation)
        os.close(descriptors[0])
        pidfd = os.pidfd_open(pid)
        socket.send_fds(control, [b"forked"], [pidfd])
        os.close(pidfd)


def preload() -> None:
    """Import what labs use and run each part once, without starting a thread."""
    import torch
    import torch.nn.functional
    import torch.utils.data

    import course_utils.checks
    import course_utils.colab
    import course_utils.grading.agent  # noqa: F401

    torch.set_num_threads(1)
    _shell()
    if threading.active_count() > 1 or len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("the warm process has more than one thread; a fork of it would not be sound")
    gc.collect()
    gc.freeze()  # what is imported stays shared between the forks


def _shell():
    """The one shell, made before any fork, after a first cell that pays for what is lazy."""
    from course_utils.grading.shell import make_shell

    shell = make_shell()
    shell.run("1 + 1", "warm")
    return shell


def kernel(connection: socket.socket, limits: Limits, isolation) -> NoReturn:
    """A student's process: enter the sandbox, then serve the trusted side until it hangs up."""
    from course_utils.grading import agent, sandbox, shell
    from course_utils.grading.wire import Channel

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel = Channel(connection)
    try:
        layers = sandbox.enter(limits, isolation) if isolation else []
    except sandbox.Unavailable as error:
        channel.send({"refused": str(error)}, [])
        os._exit(1)
    channel.send({"layers": layers}, [])
    own = shell.CellShell.instance()
    shell.capture(own)
    try:
        agent.serve(channel, own)
    finally:
        sys.stderr.flush()
        os._exit(0)
