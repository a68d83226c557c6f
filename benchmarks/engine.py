"""How fast a class is marked: stock nbgrader, this engine, and the floor, on the same submissions in one run.

    python -m benchmarks.engine --submissions 40 --stock 8

The floor runs the same cells and checks in bare forks of a warm process: no kernel, no sandbox, no gradebook. Engine
and floor take turns, three times each, and the median counts: a machine's speed changes while it is measured.
"""

import argparse
import contextlib
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cpu import counted
from course_utils.topics import ROOT

WORKERS = 2
ROUNDS = 3
# Of the sample class: what hangs, crashes or cannot be read is no measure of speed.
ASIDE = ("cut-off", "endless-loop", "crash", "checks-deleted", "checks-edited")
CELL_SECONDS = 300
Files = dict[str, bytes]
Clock = Callable[[], float]
HEAD = f"{'':16}{'submissions':>12}{'start-up s':>12}{'wall s':>9}{'s each':>9}{'a minute':>10}{'CPU-s each':>12}"
RESULTS = Path(__file__).with_name("engine.json")


@dataclass(frozen=True)
class Measured:
    """One way to mark: how many, in how long (s), after what start (s), points by student, and CPU seconds in all."""

    name: str
    count: int
    wall: float
    start: float
    points: dict[str, float]
    cpu: float = float("nan")

    @property
    def rate(self) -> float:
        """Submissions a second."""
        return self.count / self.wall


def class_of(key: str, size: int) -> dict[str, Files]:
    """`size` submissions, files by student: the sample class's readable ones, again and again."""
    from course_utils.grading.classroom.sample import sample

    kinds = [(name, files) for name, files in sample(key) if name not in ASIDE]
    return {f"{n:04}-{name}": files for n, (name, files) in zip(range(size), itertools.cycle(kinds))}


def hand_in(room: Path, key: str, those: dict[str, Files]) -> None:
    """Put the class into a classroom."""
    for student, files in those.items():
        folder = room / "submitted" / student / key
        folder.mkdir(parents=True)
        write(folder, files)


def write(folder: Path, files: Files) -> None:
    """Put a submission's files into `folder`."""
    for name, data in files.items():
        (folder / name).write_bytes(data)


def floor(key: str, those: dict[str, Files], cpu: Clock) -> dict[str, Any]:
    """Wall time of bare forks, two at a time, and where the CPU time goes. It runs in its own process."""
    start = time.monotonic()
    from course_utils.audit.forks import Forks
    from course_utils.grading.classroom import preload  # noqa: F401 - imports what the engine's workers import
    from course_utils.grading.kernel.zygote import preload as warm_up
    from course_utils.labs.lab import Lab

    lab = Lab.load(key)
    sys.path.append(str(ROOT))
    __import__(f"solutions.{key}.reference")
    __import__("course_utils.audit.rehearsal")
    warm_up(())
    ready, busy = time.monotonic(), cpu()
    forks = Forks(WORKERS, seconds=CELL_SECONDS)
    for student, files in those.items():
        forks.start(student, lambda files=files: in_one_fork(lab, files))
    done = forks.finish()
    return {"start": ready - start, "wall": time.monotonic() - ready, "done": done, "cpu": cpu() - busy}


def in_one_fork(lab: Any, files: Files) -> dict[str, float]:
    """Run a submission's cells and the lab's checks; CPU seconds by kind, and the points."""
    from course_utils.audit.rehearsal import Notebook
    from course_utils.grading.engine.plan import plan
    from course_utils.grading.engine.submission import read_submission

    write(Path.cwd(), files)
    os.environ["COURSE_PICTURES"] = "0"  # as in the engine
    checks = {cell.name: cell for cell in lab.cells if cell.kind == "test"}
    submission = read_submission(Path.cwd(), lab.key)
    steps, _ = plan(lab.cells, submission.cells, submission.whole)
    notebook, spent = Notebook(), dict.fromkeys(("cell", "check", "manual", "trained", "points"), 0.0)
    for step in steps:
        start = time.process_time()
        if step.kind == "cell":
            notebook.run(step.label, step.source, CELL_SECONDS)
        elif step.kind == "check":
            spent["points"] += notebook.check(checks[step.name], 0, CELL_SECONDS).earned
        spent[step.kind] += time.process_time() - start
    return spent


def run_floor(key: str, those: dict[str, Files], cpu: Clock) -> tuple[Measured, str]:
    """The floor, and what its time goes into."""
    from course_utils.audit.forks import in_fork

    found = in_fork(lambda: floor(key, those, cpu), seconds=3600)
    lost = [student for student, spent in found["done"].items() if spent is None]
    if lost:
        raise RuntimeError(f"floor: expected every fork to end, {len(lost)} did not, first {lost[0]}")
    cells, checks = (sum(s[kind] for s in found["done"].values()) / len(those) for kind in ("cell", "check"))
    points = {student: spent["points"] for student, spent in found["done"].items()}
    words = f"CPU a submission: {cells:.2f} s in the student's cells, {checks:.2f} s in the checks"
    return Measured("floor", len(those), found["wall"], found["start"], points, found["cpu"]), words


def run_engine(key: str, those: dict[str, Files], folder: Path, cpu: Clock) -> Measured:
    """`course grade`'s path with two workers; its start is the cluster and two submissions' warm processes."""
    from course_utils.grading.classroom.cluster import Cluster
    from course_utils.grading.classroom.coordinator import Settings, mark_class
    from course_utils.labs.lab import Lab

    lab = Lab.load(key)
    rooms = {"first": dict(list(those.items())[:WORKERS]), "class": those}
    for name, some in rooms.items():
        hand_in(folder / name, key, some)
    start = time.monotonic()
    with Cluster(workers=WORKERS).client() as client:
        settings = Settings(cluster=Cluster(client.scheduler.address))
        mark_class(lab, folder / "first", settings)
        ready, busy = time.monotonic(), cpu()
        summary = mark_class(lab, folder / "class", settings)
        wall, busy = time.monotonic() - ready, cpu() - busy
    if summary.failed:
        raise RuntimeError(f"engine: {summary.failed}")
    return Measured("engine", len(those), wall, ready - start, summary.points, busy)


def in_turn(key: str, those: dict[str, Files], folder: Path, cpu: Clock) -> tuple[Measured, Measured]:
    """The median rounds of floor and engine."""
    lows, engines = [], []
    for turn in range(ROUNDS):
        low, words = run_floor(key, those, cpu)
        print(row(low) if turn else f"{words}\n{HEAD}\n{row(low)}", flush=True)
        lows.append(low)
        engines.append(run_engine(key, those, folder / f"engine-{turn}", cpu))
        print(row(engines[-1]), flush=True)
    return median(lows), median(engines)


def median(rounds: list[Measured]) -> Measured:
    """The one whose wall time is the median."""
    return sorted(rounds, key=lambda one: one.wall)[len(rounds) // 2]


def run_stock(key: str, those: dict[str, Files], folder: Path, cpu: Clock) -> Measured:
    """nbgrader as it comes, one submission after another in one process; its start is the import and the gradebook."""
    start = time.monotonic()
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config import Config

    from course_utils.grading.gradebook import database as gradebook
    from course_utils.grading.gradebook.entries import entries
    from course_utils.labs.lab import Lab

    hand_in(folder, key, those)
    gradebook.enter_assignment(folder, Lab.load(key))
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.db_url = gradebook.url(folder)
    api = NbGraderAPI(config=config)
    os.environ["PYTHONPATH"] = str(ROOT)  # hidden tests import the reference
    ready, busy = time.monotonic(), cpu()
    for student in those:
        result = api.autograde(key, student, force=True)
        if not result["success"]:
            raise RuntimeError(f"stock nbgrader: {student}: {result.get('error') or result.get('log')}")
    wall, busy = time.monotonic() - ready, cpu() - busy
    with gradebook.opened(folder) as book:
        points = {student: sum(p or 0 for p in e.auto.values()) for student, e in entries(book, key).items()}
    return Measured("stock nbgrader", len(those), wall, ready - start, points, busy)


@contextlib.contextmanager
def load_around() -> Iterator[None]:
    """Print the machine's load before and after: figures of a busy machine are no figures."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before", flush=True)
    yield
    print(f"load {os.getloadavg()[0]:.1f} after")


def row(one: Measured) -> str:
    """A line under `HEAD`."""
    each = one.wall / one.count
    shown = f"{one.name:16}{one.count:12}{one.start:12.1f}{one.wall:9.1f}{each:9.2f}{60 * one.rate:10.1f}"
    return f"{shown}{one.cpu / one.count:12.2f}"


def keep(key: str, loads: tuple[float, float], measured: list[Measured]) -> None:
    """Write the run's figures for the book, with the machine's load before and after it."""
    rows = {
        one.name: {"submissions": one.count, "seconds": one.wall / one.count, "cpu": one.cpu / one.count}
        for one in measured
    }
    facts = {"key": key, "cores": os.cpu_count(), "load": [round(load, 1) for load in loads]}
    text = json.dumps(facts | {"date": time.strftime("%Y-%m-%d"), "rows": rows}, indent=1)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def report(stock: Measured, engine: Measured, low: Measured) -> Iterator[str]:
    """The last row, the ratios against their targets, and whether the marks agree."""
    yield row(stock)
    yield f"engine / stock nbgrader: {engine.rate / stock.rate:.1f} times the throughput (target: at least 12)"
    yield f"engine / floor: {low.rate / engine.rate:.2f} times the time (target: at most 1.3)"
    cpu = {one.name: one.cpu / one.count for one in (stock, engine, low)}
    yield (
        f"by CPU time, which other work on the machine changes less: {cpu[stock.name] / cpu['engine']:.1f} times less "
        f"than stock nbgrader, {cpu['engine'] / cpu['floor']:.2f} times the floor"
    )
    for other in (stock, low):
        shared = engine.points.keys() & other.points.keys()
        same = sum(abs(engine.points[s] - other.points[s]) < 1e-6 for s in shared)
        yield f"the same points from engine and {other.name}: {same} of {len(shared)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--key", default="convolution")
    parser.add_argument("--submissions", type=int, default=40, metavar="N")
    parser.add_argument(
        "--stock", type=int, default=0, metavar="N", help="stock nbgrader marks the first N alone"
    )
    args = parser.parse_args()
    if args.submissions < WORKERS:
        parser.error(f"--submissions: expected at least {WORKERS}, got {args.submissions}")
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "COURSE_TIER": "mini"}
    those = class_of(args.key, args.submissions)
    first = dict(list(those.items())[: args.stock or args.submissions])
    before = os.getloadavg()[0]
    with (
        load_around(),
        counted() as cpu,
        tempfile.TemporaryDirectory(prefix="course-benchmark-") as folder,
    ):
        low, engine = in_turn(args.key, those, Path(folder), cpu)
        stock = run_stock(args.key, first, Path(folder) / "stock", cpu)
        print("\n".join(report(stock, engine, low)))
    keep(args.key, (before, os.getloadavg()[0]), [stock, engine, low])


if __name__ == "__main__":
    main()
