"""The warm process itself: it imports what students use, and forks a kernel whenever it is asked."""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
from typing import NoReturn

from course_utils.grading.limits import Limits

MODULES = (
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib_inline.backend_inline",
    "numpy",
    "safetensors.torch",
    "sklearn.datasets",
    "torch.nn.functional",
    "torch.utils.data",
    "course_utils.checks",
    "course_utils.colab",
    "course_utils.data",
    "course_utils.plots",
    "course_utils.grading.agent",
)
# Pays once for what is lazy: the printing of values, a figure with its fonts, a convolution.
FIRST_CELL = """
import matplotlib.pyplot as plt, torch
_, axes = plt.subplots(figsize=(2, 1.5))
axes.set_title("warm")
axes.plot([0, 1])
plt.show()
torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)), repr(torch.ones(2))
"""


def main(descriptor: int, sandboxed: bool, wrapped: bool = False) -> None:
    """Serve fork requests on a control socket until it closes."""
    from course_utils.grading import sandbox

    control = socket.socket(fileno=descriptor)
    os.chdir("/")
    isolation = sandbox.prepare(wrapped) if sandboxed else None
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels are reaped by themselves
    control.send(b"warm")
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not request or not descriptors:
            if isolation:
                isolation.sweep(everything=True)
            os._exit(0)
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
    for name in MODULES:
        importlib.import_module(name)
    import torch

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
    result = shell.run(FIRST_CELL, "warm")
    if not result["ok"]:
        raise RuntimeError(f"the warm process's first cell failed: {result['error']}")
    shell.reset(new_session=False)
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
    shell.capture(own, limits.pictures)
    try:
        agent.serve(channel, own)
    finally:
        sys.stderr.flush()
        os._exit(0)
