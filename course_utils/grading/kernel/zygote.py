"""The warm process itself: it imports what students use, and forks a kernel whenever it is asked."""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import signal
import socket
import tempfile
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from course_utils.grading.sandbox.limits import Limits

if TYPE_CHECKING:
    from course_utils.grading.sandbox.enter import Isolation

HOMES = ("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR")
MODULES = (
    "importlib.readers",  # what reads a package's data, on first use
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
    "course_utils.progress",
    "course_utils.training",
    "course_utils.grading.kernel.agent",
)
# Pays once for what is lazy: looking for magics, the printing of values, a figure with its fonts, a convolution, an
# optimiser (2 s).
FIRST_CELL = """
import matplotlib.pyplot as plt, torch
if not torch:
    %pip list
_, axes = plt.subplots(figsize=(2, 1.5))
axes.set_title("warm")
axes.plot([0, 1])
plt.show()
torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)), repr(torch.ones(2))
weight = torch.nn.Parameter(torch.ones(1))
weight.grad = torch.ones(1)
torch.optim.SGD([weight], 0.1).step()
"""


def main(descriptor: int, modules: tuple[str, ...]) -> None:
    """Serve fork requests on a control socket until it closes.

    The first message tells of the sandbox, or null: then there is none.
    """
    control = socket.socket(fileno=descriptor)
    os.chdir("/")
    told = json.loads(control.recv(1 << 20))
    try:
        isolation = _sandbox(told) if told else None
    except OSError as error:
        control.send(json.dumps({"refused": str(error)}).encode())
        os._exit(1)
    place = isolation.place if isolation else tempfile.mkdtemp(prefix="course-unsandboxed-")
    _at_home(modules, place or (told or {}).get("temp"))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels are reaped by themselves
    control.send(json.dumps({"place": place}).encode())
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not request or not descriptors:
            if place:
                shutil.rmtree(place, ignore_errors=True)
            os._exit(0)
        wanted = json.loads(request)
        pid = isolation.fork() if isolation else os.fork()
        if pid == 0:
            control.close()
            if not isolation:
                os.chdir(tempfile.mkdtemp(dir=place))
            connection = socket.socket(fileno=descriptors[0])
            limits, nets = Limits(**wanted["limits"]), tuple(wanted["nets"])
            kernel(connection, limits, isolation, nets, wanted["jupyter"])
        os.close(descriptors[0])
        pidfd = os.pidfd_open(pid)
        socket.send_fds(control, [b"forked"], [pidfd])
        if isolation:
            isolation.watch(control, pidfd, wanted["limits"]["scratch"])
        os.close(pidfd)


def _at_home(modules: tuple[str, ...], temp: str | None) -> None:
    """Import and try all with a home folder in `temp` that is gone afterwards: each kernel has its own."""
    with tempfile.TemporaryDirectory(prefix="course-warm-", dir=temp) as home:
        os.environ.update(dict.fromkeys(HOMES, home))
        preload(modules)
    for name in HOMES:
        del os.environ[name]
    tempfile.tempdir = None


def _sandbox(told: dict[str, Any]) -> Isolation:
    from course_utils.grading.sandbox.bounds import unbound_memory
    from course_utils.grading.sandbox.layers import ready

    unbound_memory()
    return ready(told)


def preload(more: tuple[str, ...]) -> None:
    """Import what labs use and run each part once, without starting a thread."""
    for name in MODULES + more:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    torch.compile = as_written
    _shell()
    if threading.active_count() > 1 or len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("the warm process has more than one thread; a fork of it would not be sound")
    gc.collect()
    gc.freeze()  # what is imported stays shared between the forks


def as_written(model: Any = None, **_: Any) -> Any:
    """Stands for `torch.compile`, as a function or a decorator: a sandbox has no compiler, and a mark needs none."""
    return (lambda function: function) if model is None else model


def _shell():
    """The one shell, made before any fork, after a first cell that pays for what is lazy."""
    from course_utils.grading.kernel.shell import make_shell

    shell = make_shell()
    result = shell.run(FIRST_CELL, "warm")
    if not result["ok"]:
        raise RuntimeError(f"the warm process's first cell failed: {result['error']}")
    shell.reset(new_session=False)
    return shell


def kernel(
    connection: socket.socket,
    limits: Limits,
    isolation: Isolation | None,
    nets: tuple[str, ...],
    jupyter: dict[str, Any] | None,
) -> NoReturn:
    """A student's process: enter the sandbox, then serve the trusted side until it hangs up."""
    from course_utils.grading.kernel import agent, shell
    from course_utils.grading.sandbox import enter as sandbox
    from course_utils.grading.wire.channel import Channel

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel = Channel(connection)
    try:
        layers = sandbox.enter(limits, isolation, nets, jupyter) if isolation else []
    except sandbox.Unavailable as error:
        channel.send({"refused": str(error)}, [])
        os._exit(1)
    try:
        _silence()
        channel.send({"layers": layers}, [])
        if jupyter:
            _serve_jupyter(jupyter["connection"], bool(isolation and isolation.spaces))
        else:
            own = shell.CellShell.instance()
            shell.capture(own, limits.pictures)
            agent.serve(channel, own)
    finally:  # nothing of the warm process may run on in a kernel
        os._exit(0)


def _silence() -> None:
    """What a kernel writes to its descriptors is not the teacher's terminal's business."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _serve_jupyter(connection: dict[str, Any], spaces: bool) -> None:
    """Be an ordinary IPython kernel, on sockets in a folder that only its client shares."""
    from ipykernel.iostream import IOPubThread
    from ipykernel.kernelapp import IPKernelApp

    from course_utils.grading.kernel.shell import CellShell
    from course_utils.grading.sandbox.namespaces import SOCKETS

    CellShell.clear_instance()
    if spaces:
        connection = {**connection, "ip": f"{SOCKETS}/{os.path.basename(connection['ip'])}"}
    file = os.path.abspath("connection.json")
    with open(file, "w") as out:
        json.dump(connection, out)
    # Its TCP pipe takes what subprocesses print; there are none here, and ZeroMQ aborts where TCP is refused.
    setattr(IOPubThread, "_setup_pipe_in", lambda thread: setattr(thread, "_pipe_flag", False))  # noqa: B010
    app = IPKernelApp.instance()
    app.initialize(["-f", file, "--HistoryManager.enabled=False"])
    os.unlink(file)
    app.start()
