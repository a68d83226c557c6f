"""A class spread over processes by Dask: a cluster on this machine, or a scheduler that runs already.

Workers get a submission's files and return a verdict; they see neither the classroom nor the gradebook. A submission
that takes its worker down is tried again by itself, and does not take its neighbours along.
"""

import logging
import multiprocessing
import os
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import dask
from distributed import Client, Future, LocalCluster, wait
from distributed.scheduler import KilledWorker
from distributed.utils import get_mp_context

CONNECT = 10  # seconds for a scheduler to answer
PATIENCE = 60  # seconds without any worker before the run is given up; what is done is kept

SETTINGS = {
    # A death is blamed on every task that the worker held: it holds one, and is blamed at once.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    # The sandbox bounds memory; Dask's own guards would pause or kill a worker for a neighbour's use.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    # Workers fork from one process that has imported PyTorch, instead of each importing it.
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.comm.timeouts.connect": "10s",
    "distributed.admin.large-graph-warning-threshold": "1GiB",  # a task is a submission with its bounded files
    # Nobody looks at a profile, at a hundred samples a second, or at the load of a process that marks.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.diagnostics.nvml": False,
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
}


class ClusterError(OSError):
    """The workers cannot be reached or do not fit; the message says what to do."""


@dataclass(frozen=True)
class Cluster:
    """Where submissions run.

    `scheduler` is the address of a running one; "" starts `workers` processes here (0: one a core).
    """

    scheduler: str = ""
    workers: int = 0

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A connection to the workers, which a local cluster does not outlive.

        Raises:
            ClusterError: there is no scheduler, or no worker appears.
        """
        for name in ("distributed", "distributed.nanny", "distributed.worker", "distributed.scheduler"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with dask.config.set(SETTINGS):
            if self.scheduler:
                with self._remote() as client:
                    yield client
                return
            count = self.workers or os.cpu_count() or 1
            get_mp_context()  # Dask sets its own list of modules here, once; ours holds them
            multiprocessing.set_forkserver_preload(["course_utils.grading.classroom.preload"])
            with (
                LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # None would take port 8787 on every address
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                ) as cluster,
                Client(cluster) as client,
            ):
                yield client

    @contextmanager
    def _remote(self) -> Iterator[Client]:
        try:
            client = Client(self.scheduler, timeout=CONNECT)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"{self.scheduler}: no scheduler answers there; start one with `dask scheduler` and workers with "
                f"`dask worker {self.scheduler} --nthreads 1`"
            ) from error
        with client:
            _wait_for_workers(client, self.scheduler)
            yield client


@dataclass(frozen=True)
class Kept(Cluster):
    """A cluster for several labs: it starts when the first is marked, and ends with `until`."""

    until: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def _client(self) -> Client:
        return self.until.enter_context(super().client())

    @contextmanager
    def client(self) -> Iterator[Client]:
        """The one connection, which outlives this block."""
        yield self._client


def _wait_for_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise ClusterError(
            f"{address}: no worker joined it; start some with `dask worker {address} --nthreads 1`"
        ) from error


class Task(NamedTuple):
    """A name, and what a worker calls to get its result: a function that Dask can send, with its arguments."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Dead(NamedTuple):
    """Takes the place of a result: the task took its worker down twice, or its function failed."""

    reason: str
    error: BaseException | None = None


def spread(client: Client, tasks: Iterator[Task]) -> Iterator[tuple[str, Any]]:
    """(name, result) of every task as it is ready; `Dead` stands for a result that could not be had.

    A worker gets its next task when it is done with the one before: none waits behind a loop that never ends while
    another worker is idle. Only a few wait here, so that a class of a thousand takes no more memory than one of ten.
    """
    killers: list[Task] = []
    for task, result in _run(client, tasks):
        if isinstance(result, KilledWorker):
            killers.append(task)
        else:
            yield task.name, result
    # By itself, each: what dies now dies by its own hand.
    for task in killers:
        for _, result in _run(client, iter([task])):
            yield (
                task.name,
                Dead("it killed the process that ran it, twice")
                if isinstance(result, KilledWorker)
                else result,
            )


def _run(client: Client, tasks: Iterator[Task]) -> Iterator[tuple[Task, Any]]:
    held: dict[Future, Task] = {}
    group, begun = f"task-{os.urandom(6).hex()}", 0

    def fill() -> None:
        nonlocal begun
        workers = max(1, len(client.nthreads()))
        while len(held) < _room(workers, begun) and (task := next(tasks, None)) is not None:
            begun += 1
            key = (group, begun)  # not its name, which may be text that Dask cannot send
            held[client.submit(task.function, *task.arguments, key=key, pure=False)] = task

    fill()
    while held:
        for future in _done(client, list(held)):
            if not future.done():  # its result went down with the worker that held it, and is computed again
                continue
            task = held.pop(future)
            yield task, _result(future)
            future.release()
        fill()


def _room(workers: int, begun: int) -> int:
    """How many tasks may be held. Dask's scheduler keeps a task until a worker is free (`worker-saturation`) only once
    its group has more than two for each worker; until then a task is not begun before a worker is free.
    """
    return workers if begun < 2 * workers else 3 * workers


def _result(future: Future) -> Any:
    try:
        return future.result()
    except KilledWorker as error:
        return error
    except (Exception, CancelledError) as error:
        return Dead(f"{type(error).__name__}: {error}", error)


def _done(client: Client, held: list[Future]) -> set[Future]:
    """Those of `held` that are done, at least one; waits for a new worker only so long.

    Raises:
        ClusterError: all workers are gone.
    """
    while True:
        try:
            return wait(held, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            if not client.nthreads():
                raise ClusterError("no worker is left; start one and run it again to go on") from None
