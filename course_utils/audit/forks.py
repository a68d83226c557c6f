"""Forks of this process as they stand: each runs one piece of work in a folder of its own and gives back plain data."""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from course_utils.grading.sandbox.syscalls import PR_SET_PDEATHSIG, prctl

TERMINATED = 128 + signal.SIGTERM  # the exit status of a process that SIGTERM ended
_CONTEXT = multiprocessing.get_context("fork")


@contextlib.contextmanager
def tidied() -> Iterator[None]:
    """Within this block the temporary files of this process and its children lie in one folder.

    It is removed at the end, and where SIGTERM ends the process: then its children are ended first.
    """
    folder = tempfile.mkdtemp(prefix="audit-")
    kept = tempfile.tempdir, os.environ.get("TMPDIR"), os.getpid()
    tempfile.tempdir = os.environ["TMPDIR"] = folder

    def end(number: int, frame: object) -> None:
        if os.getpid() == kept[2]:
            _end_children()
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        tempfile.tempdir = kept[0]
        os.environ.pop("TMPDIR")
        os.environ |= {"TMPDIR": kept[1]} if kept[1] is not None else {}
        shutil.rmtree(folder, ignore_errors=True)


def _end_children() -> None:
    """End this process's children; theirs end with them."""
    children = multiprocessing.active_children()
    for child in children:
        child.kill()
    for child in children:
        child.join(5)
    time.sleep(0.1)  # until the last of theirs has let go of its files


def end_with_parent() -> None:
    """From now on this process ends when its parent does, at once if it has ended, so that nothing goes on alone."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        os._exit(TERMINATED)


class Forks:
    """At most `jobs` forks at a time; each must end within `seconds` of wall time, a guard against hanging."""

    def __init__(self, jobs: int, seconds: float, done: Callable[[], object] = lambda: None):
        """`done` is called each time that a fork has ended."""
        self._jobs, self._seconds, self._done = jobs, seconds, done
        self._running: dict[int, tuple[BaseProcess, str, Path, float]] = {}
        self.results: dict[str, Any] = {}

    def start(self, name: str, work: Callable[[], Any], beside: Path | None = None) -> None:
        """Fork and do `work` there, once there is room; what it returns (JSON's types) lands in `results[name]`.

        The fork's folder is empty, or holds a copy of what lies in `beside`.
        """
        while len(self._running) >= self._jobs:
            self._collect()
        folder = Path(tempfile.mkdtemp(prefix="audit-"))
        if beside is None:
            (folder / "work").mkdir()
        else:
            shutil.copytree(beside, folder / "work")
        process = _CONTEXT.Process(target=_work, args=(work, folder))
        process.start()
        self._running[process.sentinel] = (process, name, folder, time.monotonic() + self._seconds)

    def finish(self) -> dict[str, Any]:
        """Wait for all; `results` has None for a fork that died or hung."""
        while self._running:
            self._collect()
        return self.results

    def _collect(self) -> None:
        ready = set(wait(list(self._running), timeout=1.0))
        now = time.monotonic()
        for sentinel, (process, name, folder, deadline) in list(self._running.items()):
            if sentinel not in ready and now < deadline:
                continue
            if sentinel not in ready:
                process.kill()
            process.join()
            del self._running[sentinel]
            path = folder / "result.json"
            self.results[name] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
            shutil.rmtree(folder, ignore_errors=True)
            self._done()


def _work(work: Callable[[], Any], folder: Path) -> None:
    end_with_parent()
    os.chdir(folder / "work")
    result = json.dumps(work())
    part = folder / "result.part"
    part.write_text(result, encoding="utf-8")
    part.rename(folder / "result.json")


class Standing:
    """A fork that waits where it was taken, in a folder of its own with a copy of `beside`, until it is let go."""

    def __init__(self, work: Callable[[Any, Callable[[], object]], Any], beside: Path):
        """`work` gets what `go` was told and a function to call for each piece done; it returns JSON's types."""
        self._folder = Path(tempfile.mkdtemp(prefix="audit-"))
        shutil.copytree(beside, self._folder / "work")
        self._line, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_stand, args=(work, theirs, self._folder))
        self._process.start()
        theirs.close()

    def go(self, told: Any, done: Callable[[], object] = lambda: None) -> Any:
        """Let it go; what its work returned, {} where it died. `done` is called here for each piece."""
        try:
            self._line.send_bytes(json.dumps(told).encode())
            while True:
                message = json.loads(self._line.recv_bytes())
                if "result" in message:
                    return message["result"]
                done()
        except (EOFError, OSError):
            return {}
        finally:
            self.dismiss()

    def dismiss(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.join()
        self._line.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _stand(work: Callable[[Any, Callable[[], object]], Any], line: Connection, folder: Path) -> None:
    end_with_parent()
    os.chdir(folder / "work")
    told = json.loads(line.recv_bytes())
    result = work(told, lambda: line.send_bytes(b"{}"))
    line.send_bytes(json.dumps({"result": result}).encode())


def in_fork(work: Callable[[], Any], seconds: float, beside: Path | None = None) -> Any:
    """What `work` returns when it is done in one fork; None where that died or hung."""
    forks = Forks(1, seconds)
    forks.start("", work, beside)
    return forks.finish()[""]
