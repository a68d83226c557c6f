"""Work spread over processes: what kills its worker harms nobody else, and a worker that dies costs nothing."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from course_utils.grading.classroom import cluster
from course_utils.grading.classroom.cluster import Cluster, ClusterError, Dead, Kept, Task, spread
from course_utils.grading.classroom.coordinator import Settings, mark_class
from tests.grading.room import DESERVED, LIMITS, hand_in, make_room, marks, sample_texts
from tests.grading.tiny import LAB


def square(number: int) -> int:
    """A task."""
    return number * number


def die(_: int) -> int:
    """A task that takes its worker along."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def six_and_slow_the_second_time(seen: str) -> int:
    """A task that is under way for long enough to be looked at when it is done again."""
    if Path(seen).exists():
        time.sleep(2)
    Path(seen).touch()
    return 6


def leave(file: str) -> None:
    """A task that leaves a file."""
    Path(file).touch()


def until_there_are(folder: str, many: int) -> bool:
    """A task that is slow: it waits for so many files, a minute at most; whether they came."""
    until = time.monotonic() + 60
    while len(os.listdir(folder)) < many and time.monotonic() < until:
        time.sleep(0.05)
    return len(os.listdir(folder)) == many


def fail(_: int) -> int:
    """A task whose function fails."""
    raise ValueError("no luck")


def test_tasks_that_die_or_fail_are_told_apart_and_the_others_done():
    tasks = [Task(str(number), square, (number,)) for number in range(8)]
    # A large submission is no reason for a warning, which here would be an error.
    large = Task("large", len, (bytes(11 << 20),))
    tasks[3:3] = [Task("killer", die, (0,)), Task("failing", fail, (0,)), large]
    with Cluster(workers=2).client() as client:
        results = dict(spread(client, iter(tasks)))
    killer, failing = results.pop("killer"), results.pop("failing")
    assert results.pop("large") == 11 << 20
    assert results == {str(number): number * number for number in range(8)}
    assert isinstance(killer, Dead)
    assert killer.reason == "it killed the process that ran it, twice"
    assert isinstance(failing, Dead)
    assert failing.reason == "ValueError: no luck"


def test_a_result_that_went_down_with_its_worker_is_computed_again(monkeypatch, tmp_path):
    seen = []

    def killed_before_it_is_fetched(client, held):
        done = real(client, held)
        if not seen:
            seen.append(future := next(iter(done)))
            (address,) = client.who_has(done)[future.key]
            os.kill(client.run(os.getpid)[address], signal.SIGKILL)
            until = time.monotonic() + 60
            while future.done() and time.monotonic() < until:
                time.sleep(0.01)
            assert not future.done(), "nobody noticed that the result is lost"
        return done

    real = cluster._done
    monkeypatch.setattr(cluster, "_done", killed_before_it_is_fetched)
    with Cluster(workers=2).client() as client:
        task = Task("six", six_and_slow_the_second_time, (str(tmp_path / "seen"),))
        assert dict(spread(client, iter([task]))) == {"six": 6}
    assert seen


def test_tasks_are_taken_as_there_is_room_for_them():
    taken = []

    def tasks():
        for number in range(50):
            taken.append(number)
            yield Task(str(number), square, (number,))

    with Cluster(workers=1).client() as client:
        for done, _ in enumerate(spread(client, tasks())):
            assert len(taken) - done <= 4


def test_nobody_waits_behind_a_slow_task_while_a_worker_is_idle(tmp_path):
    with Cluster(workers=2).client() as client:
        client.wait_for_workers(2)
        for place in (0, 6):  # among the first, and once tasks are held in advance
            folder = tmp_path / str(place)
            folder.mkdir()
            tasks = [Task(str(number), leave, (str(folder / str(number)),)) for number in range(12)]
            tasks.insert(place, Task("slow", until_there_are, (str(folder), 12)))
            results = dict(spread(client, iter(tasks)))
            assert results["slow"], "a task waited behind the slow one"
            assert len(results) == 13


def test_a_cluster_for_several_labs_starts_once_and_ends_with_its_block(monkeypatch):
    said = []

    @contextmanager
    def client(_):
        said.append("starts")
        yield len(said)
        said.append("ends")

    monkeypatch.setattr(Cluster, "client", client)
    with ExitStack() as end:
        kept = Kept(until=end)
        assert said == []
        for _ in range(2):
            with kept.client() as one:
                assert one == 1
        assert said == ["starts"]
    assert said == ["starts", "ends"]


def test_no_scheduler_is_one_line(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 1)
    with pytest.raises(ClusterError, match="no scheduler answers"), Cluster("tcp://127.0.0.1:9").client():
        pass


@contextmanager
def dask(*arguments: str):
    """A process of Dask's own."""
    command = [sys.executable, "-m", "dask", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        for one in [*psutil.Process(process.pid).children(recursive=True), process]:
            one.kill()
        process.communicate()


@contextmanager
def scheduler_and_two_workers(folder):
    """A scheduler and two workers as processes of their own: the scheduler's address and the workers."""
    file = folder / "scheduler.json"
    common = ["--scheduler-file", str(file)]
    alone = ["--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--local-directory", str(folder)]
    with (
        dask("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1", *common),
        dask("worker", *common, *alone) as one,
        dask("worker", *common, *alone) as two,
    ):
        yield file, (one, two)


def address(file) -> str:
    """What the scheduler wrote into its file, once it is there."""
    import json

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.is_file() and file.read_text():
            return json.loads(file.read_text())["address"]
        time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


def test_a_scheduler_and_two_workers_one_killed_in_the_middle(tmp_path, monkeypatch):
    from course_utils.grading.classroom import coordinator

    room = make_room(tmp_path)
    for student, text in sample_texts().items():
        hand_in(room, student, text)
    with scheduler_and_two_workers(tmp_path) as (file, (one, _)):
        done = []

        def spread_and_kill(client, tasks):
            client.wait_for_workers(2, timeout=60)
            for result in spread(client, tasks):
                done.append(result)
                if len(done) == 3:
                    for process in [*psutil.Process(one.pid).children(recursive=True), one]:
                        process.kill()
                yield result

        monkeypatch.setattr(coordinator, "spread", spread_and_kill)
        mark_class(LAB, room, Settings(cluster=Cluster(scheduler=address(file)), limits=LIMITS))
    assert marks(room) == DESERVED
