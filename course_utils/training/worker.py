"""Trainings in processes of their own, forked from one that has already imported PyTorch."""

import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from torch import Tensor

from course_utils.data import DataError
from course_utils.topics import ROOT
from course_utils.training import checkpoint, devices
from course_utils.training.experiments import experiments_code
from course_utils.training.record import reference_tensors
from course_utils.training.reference import (
    NoReference,
    code_hash,
    load_module,
    load_reference,
    reference_path,
)
from course_utils.training.run import Report, Run, Stopped, TrainingError

KEPT_POINTS = 100  # of each curve
KNOWN = (TrainingError, DataError, NoReference)  # errors whose message says all
GRACE = 20.0  # seconds that a training which is asked to end has for its step and its checkpoint
TERMINATED = 128 + signal.SIGTERM
LOOK_SECONDS = 1.0  # so often it is looked whether this process was told to end

Progress = Callable[
    ["Task", int, int, dict[str, float]], object
]  # what it returns, if true, ends the training


@dataclass(frozen=True)
class Task:
    """One training to do: which topic, at which tier, from which seed, where."""

    key: str
    tier: str
    seed: int
    device: str
    folder: Path  # of all runs
    root: Path = ROOT
    compiled: bool = False
    until: float = math.inf  # when it saves and stops, by `time.monotonic`
    experiments: bool = False  # not a training, but what is measured with the recorded net of the first seed

    @property
    def name(self) -> str:
        """How bars and messages call it."""
        return f"{self.key} {self.tier} " + ("experiments" if self.experiments else f"seed {self.seed}")

    @property
    def place(self) -> Path:
        """Where its checkpoints, its result and its log lie."""
        part = "experiments" if self.experiments else str(self.seed)
        return self.folder / f"{self.key}-{self.tier}-{self.device}" / part

    @property
    def code(self) -> str:
        """A hash of what it runs."""
        trained = code_hash(reference_path(self.key, self.root))
        return trained + experiments_code(self.key, self.root) if self.experiments else trained


def finished(task: Task) -> dict[str, Any] | None:
    """The result of a training that was done with the reference as it is now."""
    result = checkpoint.load(task.place / "result.safetensors")
    return result if result is not None and result["code"] == task.code else None


def perform(task: Task, report: Report | None = None) -> dict[str, Any]:
    """Train, measure on held-out data, keep the result; or run experiments and keep theirs."""
    code = task.code
    run = Run(task.name, task.seed, task.device, task.place, report, code, task.compiled)
    result = (_experiment if task.experiments else _train)(task, run) | {"code": code}
    checkpoint.save(task.place / "result.safetensors", result)
    return result


def _experiment(task: Task, run: Run) -> dict[str, Any]:
    module = load_module(task.key, "experiments", ("experiments",), task.root)
    tensors = reference_tensors(task.key, task.tier, task.root)
    values = {name: float(value) for name, value in module.experiments(tensors, task.tier, run).items()}
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingError(f"{task.name}: {name} is {value}, expected a finite number.")
    return {"values": values, "device": devices.device_name(run.device)}


def _train(task: Task, run: Run) -> dict[str, Any]:
    reference = load_reference(task.key, task.root)
    begun = time.monotonic()
    tensors: dict[str, Tensor] = reference.train(task.tier, task.seed, run)
    run.finish()
    seconds = max(run.seconds, time.monotonic() - begun)
    return {
        "tensors": tensors,
        "value": float(reference.evaluate(tensors, task.tier, device=str(run.device))),
        "baseline": float(reference.baseline(task.tier)) if task.seed == 0 else None,
        "curve": {name: thin(points) for name, points in run.curve.items()},
        "flops": run.flops,
        "seconds": seconds,
        "memory": devices.peak_memory(run.device),
        "device": devices.device_name(run.device),
        "is_gpu": run.device.type == "cuda",
    }


def thin(points: list[tuple[int, float]]) -> list[list[float]]:
    """At most `KEPT_POINTS` points of a curve: means of neighbours, at the last step of each group."""
    size = -(-len(points) // KEPT_POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [[group[-1][0], round(sum(value for _, value in group) / len(group), 6)] for group in groups]


def first(waiting: list[Task]) -> Task:
    """The next training to begin: in the order that they have."""
    return waiting[0]


class Told:
    """Whether this process was told to end. The handler's exception alone will not do: a finaliser may swallow it."""

    to_end = False
    busy = False  # what is being started or written would be lost: the news waits

    @classmethod
    def end(cls, number: int, frame: object) -> None:
        """A handler of signals."""
        cls.to_end = True
        if not cls.busy:
            raise KeyboardInterrupt


def work(
    tasks: Sequence[Task],
    jobs: int,
    progress: Progress,
    done: Callable[[Task], object] = lambda task: None,
    pick: Callable[[list[Task]], Task | None] = first,
    until: float = math.inf,
) -> dict[Task, str]:
    """Perform all tasks, `jobs` at a time; returns one line for each that failed. The others are not disturbed.

    `done` is called for each as soon as its result is there. `pick` chooses the next of those that wait, or None for
    none of them. At `until`, by `time.monotonic`, and where this process is interrupted, those under way save and end.
    """
    context: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if hasattr(context, "set_forkserver_preload"):
        context.set_forkserver_preload([__name__, "course_utils.data.digits"])
    waiting = list(tasks)
    failed: dict[Task, str] = {}
    active: dict[Any, tuple[BaseProcess, Task]] = {}  # by the end of the pipe that we read
    try:
        while time.monotonic() < until:
            while not Told.to_end and waiting and len(active) < jobs and (task := pick(waiting)):
                waiting.remove(task)
                _start(context, task, active)
            if Told.to_end:
                raise KeyboardInterrupt
            if not active:
                break
            for ours in wait(list(active), max(0.0, min(LOOK_SECONDS, until - time.monotonic()))):
                process, task = active[ours]
                if not _heard(ours, process, task, progress, failed):
                    del active[ours]
                    _undisturbed(done, task)
    finally:
        _end([process for process, _ in active.values()])
        for _, task in active.values():
            done(task)
    return failed


def _start(context: Any, task: Task, active: dict[Any, tuple[BaseProcess, Task]]) -> None:
    """Start a training and note it among the active ones; who is told to end meanwhile hears of it afterwards."""
    Told.busy = True
    try:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(task, theirs))
        process.start()
        active[ours] = (process, task)
        theirs.close()
    finally:
        Told.busy = False


def _undisturbed(done: Callable[[Task], object], task: Task) -> None:
    """Say that a training is done; who is told to end meanwhile hears of it afterwards."""
    Told.busy = True
    try:
        done(task)
    finally:
        Told.busy = False


def _heard(ours: Any, process: BaseProcess, task: Task, progress: Progress, failed: dict[Task, str]) -> bool:
    """Take what a training says; False when it has ended."""
    try:
        message = ours.recv()
    except EOFError:
        process.join()
        if process.exitcode not in (0, TERMINATED) and task not in failed:
            failed[task] = _ending(process, task)
        return False
    if isinstance(message, str):
        failed[task] = message
    elif progress(task, *message):
        process.terminate()
    return True


def _end(processes: list[BaseProcess]) -> None:
    """Ask trainings to save and end; they have `GRACE` seconds for that, all together."""
    for process in processes:
        process.terminate()
    limit = time.monotonic() + GRACE
    for process in processes:
        process.join(max(0.0, limit - time.monotonic()))
        process.kill()
        process.join()


def _ending(process: BaseProcess, task: Task) -> str:
    if process.exitcode == -9:
        return "was killed; the machine may be out of memory: try fewer --jobs"
    return f"ended with code {process.exitcode}; see {task.place / 'log.txt'}"


def _child(task: Task, out: Connection) -> None:
    """Perform `task`, printing to its log; send progress, and the error if there is one."""
    Run.until = task.until
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: who started this one ends it
    if Told.to_end:  # before it had a handler of its own: a fork begins with that of who started it
        os._exit(TERMINATED)
    task.place.mkdir(parents=True, exist_ok=True)
    log = os.open(task.place / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        perform(task, lambda step, total, values: out.send((step, total, values)))
    except Stopped:
        pass
    except KNOWN as error:
        out.send(str(error))
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        out.send(f"{type(error).__name__}: {error} (traceback in {task.place / 'log.txt'})")
        sys.exit(1)


def _stop(number: int, frame: object) -> None:
    """End at the next step, with a checkpoint; at once where nothing is in a loop."""
    if not Run.looping:
        os._exit(TERMINATED)
    Run.until = 0.0
