"""Kernels forked from a process that has imported everything already.

    with Warm() as warm:
        kernel = warm.fork(Limits())

The warm process holds no secret: it is started with a clean environment and imports what students use, and nothing
of the checks or the solutions. It has one thread, so that a fork of it is sound.
"""

import dataclasses
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from course_utils.grading.sandbox.files import ROOT, import_path, nets, view
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.wire.channel import Channel
from course_utils.grading.wire.values import WireError

START_SECONDS = 120
FORK_SECONDS = 20
CLOSE_SECONDS = 3
TOLD_BYTES = 1 << 20
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ENTRY = (
    "import sys; sys.path[:] = {path!r}; from course_utils.grading.kernel.zygote import main; "
    "main({fd}, {modules!r})"
)


class SandboxError(RuntimeError):
    """This machine offers no sandbox; the message says what to install."""


class Kernel:
    """A student's process: the channel to it, and the means to end it."""

    def __init__(self, channel: Channel, pidfd: int):
        self.channel, self._pidfd, self._stat = channel, pidfd, _open_stat(pidfd)
        self.layers: tuple[str, ...] = ()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.signal(signal.SIGINT)

    def close(self) -> None:
        """End the process, and with it everything that it started; what remains to be tidied is the kernel's work."""
        if self._pidfd < 0:
            return
        self.channel.close()
        self.signal(signal.SIGKILL)
        os.close(self._pidfd)
        if self._stat >= 0:
            os.close(self._stat)
        self._pidfd = self._stat = -1

    def cpu_seconds(self) -> float:
        """What it has used so far; it starts no processes of its own. 0 where it has ended."""
        try:
            fields = os.pread(self._stat, 4096, 0).rpartition(b")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def poll(self, seconds: float = 0) -> bool:
        """Whether the process has ended, waiting for that up to so long."""
        return self._pidfd < 0 or bool(select.select([self._pidfd], [], [], seconds)[0])

    def signal(self, number: int) -> None:
        """Send a signal, if the process is still there."""
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return


def _open_stat(pidfd: int) -> int:
    """The open `/proc/<pid>/stat`, which no later process of that id answers; -1 if the process is gone."""
    try:
        known = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
        pid = next(line.split()[1] for line in known.splitlines() if line.startswith("Pid:"))
        return os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, StopIteration):
        return -1


class Warm:
    """The warm process; it is started at the first fork, and again if it dies."""

    def __init__(
        self, sandboxed: bool = True, kinds: tuple[str, ...] | None = None, modules: tuple[str, ...] = ()
    ):
        """Nothing starts yet.

        Args:
            sandboxed: False runs students' code with this user's own rights: only where the code is trusted.
            kinds: Which kinds of sandbox will do, best first; by default all (`course_utils.grading.sandbox.layers`).
            modules: What to import beside what labs use.
        """
        self._sandboxed, self._kinds, self._modules = sandboxed, kinds, modules
        self._place = ""  # where the warm process keeps its kernels' folders
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = threading.Lock()
        self._said = False

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the warm process and all its kernels."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._place:  # left behind by one that was killed
            shutil.rmtree(self._place, ignore_errors=True)
        self._process, self._control, self._place = None, None, ""

    @property
    def pid(self) -> int | None:
        """The process's id; None before it starts and when it has died."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and alive else None

    def fork(self, limits: Limits, key: str = "", jupyter: dict[str, Any] | None = None) -> Kernel:
        """A fresh kernel.

        Args:
            limits: Its bounds.
            key: The topic of the lab that is graded: of the references' nets those that it builds on are shown.
            jupyter: With connection, folder and sockets it speaks Jupyter's protocol instead of the wire's.

        Raises:
            SandboxError: the sandbox that was asked for cannot be had.
        """
        request = {"limits": dataclasses.asdict(limits), "nets": nets(key), "jupyter": jupyter}
        for last in (False, True):  # a warm process that was killed comes back
            try:
                with self._lock:
                    return self._fork(request)
            except (OSError, ValueError, WireError) as error:
                self.close()
                if last:
                    raise SandboxError(f"a kernel did not start: {error}") from None
        raise AssertionError

    def _fork(self, request: dict[str, Any]) -> Kernel:
        ours, theirs = socket.socketpair()
        try:
            pidfd = self._ask(request, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        kernel = Kernel(Channel(ours), pidfd)
        try:
            hello, _ = kernel.channel.receive(time.monotonic() + FORK_SECONDS)
        except WireError:
            kernel.close()
            raise
        if "refused" in hello:
            kernel.close()
            raise SandboxError(f"the sandbox does not hold: {hello['refused']}; see `course doctor`")
        kernel.layers = tuple(hello.get("layers", ()))
        return kernel

    def _ask(self, request: dict[str, Any], theirs: socket.socket) -> int:
        control = self._control or self._start()
        socket.send_fds(control, [json.dumps(request).encode()], [theirs.fileno()])
        data, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not data or not descriptors:
            raise OSError("the warm process is gone")
        return descriptors[0]

    def _start(self) -> socket.socket:
        around, told = self._chosen() if self._sandboxed else ([], None)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        entry = ENTRY.format(path=self._path(), fd=theirs.fileno(), modules=self._modules)
        with theirs:
            self._process = subprocess.Popen(
                [*around, sys.executable, "-I", "-c", entry],
                pass_fds=[theirs.fileno()],
                env=environment(),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours
        ours.settimeout(START_SECONDS)
        try:
            ours.send(json.dumps(told).encode())
            answer = json.loads(ours.recv(TOLD_BYTES) or b"{}")
        except ConnectionError:  # it had not even read what it was told
            answer = {}
        self._place = answer.get("place", "")
        if "refused" in answer:
            self.close()
            raise SandboxError(f"the warm process did not start; {answer['refused']}")
        if "place" not in answer:
            raise OSError("the warm process ended as it started; its message stands above")
        return ours

    def _chosen(self) -> tuple[list[str], dict[str, Any]]:
        """The kind of sandbox that holds here; the teacher is told, once, if it is not the first."""
        from course_utils.grading.sandbox import layers
        from course_utils.grading.sandbox.enter import Unavailable

        try:
            kind, failed = layers.choose(self._kinds or tuple(layers.KINDS))
        except Unavailable as error:
            raise SandboxError(str(error)) from None
        if failed and not self._said:
            self._said = True
            why = "; ".join(f"no {tried.kind} here ({tried.why})" for tried in failed)
            print(f"sandbox: {why}; what holds is {', '.join(kind.held)}", file=sys.stderr)
        return layers.start(kind.kind)

    def _path(self) -> list[str]:
        """This process's import path, without the working folder; in a sandbox, as far as it can be seen there."""
        if self._sandboxed:
            return import_path(view())
        return [entry for entry in sys.path if os.path.isabs(entry) and entry != os.getcwd()] + [str(ROOT)]


def environment() -> dict[str, str]:
    """What a student's process sees of the environment; it has a home as soon as it has a folder."""
    names: dict[str, str] = dict.fromkeys(THREADS, "1")
    return names | {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "COURSE_TIER": "mini",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        # Of larger pages a fork has fewer to copy the table of: 6 ms instead of 11.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
