"""`course train`: train references, several at once, and write their records."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from tqdm import tqdm

from course_utils.data.fetch import cache_folder
from course_utils.progress import bar
from course_utils.topics import KEYS, ROOT, TOPICS, UnknownKey, topic
from course_utils.training import devices
from course_utils.training.assemble import assemble
from course_utils.training.record import TIERS, Record, RecordError, records, write
from course_utils.training.reference import NoReference, reference_path
from course_utils.training.report import status, table
from course_utils.training.worker import Task, finished, work

SIDE_BY_SIDE = 6  # trainings on one GPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `course train`."""
    parser.add_argument("keys", nargs="*", metavar="key", help="topics to train")
    parser.add_argument("--all", action="store_true", help="train every topic that has a reference")
    parser.add_argument("--stale", action="store_true", help="only those whose record is missing or stale")
    parser.add_argument("--status", action="store_true", help="list the records' state and train nothing")
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that one reference's own command has too."""
    parser.add_argument(
        "--tier", choices=TIERS, default="mini", help="mini: seconds on a CPU; full: real data"
    )
    parser.add_argument("--device", help="cpu or cuda (default: the GPU if there is one)")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 (default 3)")
    parser.add_argument("--jobs", type=int, help="trainings at once (default: one a core, or 6 on a GPU)")
    parser.add_argument("--compile", action="store_true", help="compile the nets where a reference allows it")
    parser.add_argument(
        "--fresh", action="store_true", help="do not resume: begin interrupted trainings anew"
    )


def run(args: argparse.Namespace) -> int:
    """`course train`. Returns 0, or 1 where something failed, 2 where nothing could begin, 130 on Ctrl-C."""
    if args.status:
        print(status())
        return 0
    keys = [row.key for row in TOPICS if reference_path(row.key).is_file()] if args.all else args.keys
    if not keys:
        return _refuse(f"train: name topics, or say --all; there are {', '.join(KEYS)}.")
    if args.stale:
        keys = [key for key in keys if _needs_training(key, args.tier)]
    return train(keys, args)


def main(spec: ModuleSpec | None) -> None:
    """`python -m solutions.<key>.reference`: train that one reference. A reference ends with `main(__spec__)`."""
    if spec is None:
        sys.exit(_refuse("train: run a reference as a module: python -m solutions.<key>.reference"))
    parser = argparse.ArgumentParser(prog=f"python -m {spec.name}", description="Train this reference.")
    add_run_arguments(parser)
    sys.exit(train([spec.name.split(".")[1]], parser.parse_args()))


def train(keys: Sequence[str], args: argparse.Namespace, root: Path = ROOT) -> int:
    """Train `keys`, write each record as soon as its seeds are done, print the table."""
    try:
        for key in keys:
            topic(key)
        tasks = _tasks(keys, args, root)
        if args.fresh:
            _forget(tasks)
        written, failed = _train(keys, tasks, args)
    except (UnknownKey, NoReference, RecordError, ValueError) as error:
        return _refuse(f"course train: {error}")
    except KeyboardInterrupt:
        print(
            "course train: interrupted; the same command goes on from the last checkpoint.", file=sys.stderr
        )
        return 130
    if written:
        print(table(written))
    for task, line in failed.items():
        print(f"{task.name}: {line.removeprefix(f'{task.name}: ')}", file=sys.stderr)
    if not failed:
        _forget(tasks)
    return 1 if failed else 0


def _tasks(keys: Sequence[str], args: argparse.Namespace, root: Path) -> list[Task]:
    if args.seeds < 1:
        raise ValueError(f"train: expected at least one seed, got {args.seeds}.")
    where = devices.device(args.device).type
    missing = [str(reference_path(key, root)) for key in keys if not reference_path(key, root).is_file()]
    if missing:
        raise NoReference(
            f"train: there is no {missing[0]}; references are trained in a clone of the course."
        )
    place = Path(os.environ.get("COURSE_RUNS") or cache_folder() / "runs").expanduser()
    return [
        Task(key, args.tier, seed, where, place, root, args.compile)
        for key in keys
        for seed in range(args.seeds)
    ]


def _train(
    keys: Sequence[str], tasks: list[Task], args: argparse.Namespace
) -> tuple[list[Record], dict[Task, str]]:
    """Do what is not yet done; what is done becomes a record, whatever happened to the others."""
    todo = [task for task in tasks if finished(task) is None]
    jobs = args.jobs or (SIDE_BY_SIDE if tasks[0].device == "cuda" else _cores())
    failed = _work_with_bars(todo, jobs)
    written = []
    for key in keys:
        own = [task for task in tasks if task.key == key]
        results = [result for task in own if (result := finished(task)) is not None]
        if len(results) == len(own):
            entry = assemble(topic(key), args.tier, results, own[0].root)
            write(entry, results[0]["tensors"], own[0].root)
            written.append(entry)
    return written, failed


def _work_with_bars(todo: list[Task], jobs: int) -> dict[Task, str]:
    """`work`, with one bar a training that is under way."""
    bars: dict[Task, tqdm] = {}

    def progress(task: Task, step: int, total: int, values: dict[str, float]) -> None:
        if task not in bars:
            bars[task] = bar(total, task.name, "step", position=len(bars) % jobs)
        shown = bars[task]
        shown.set_postfix({name: f"{value:.4g}" for name, value in values.items()}, refresh=False)
        shown.total = total
        shown.update(step - shown.n)
        if step >= total:
            shown.close()

    try:
        return work(todo, jobs, progress)
    finally:
        for shown in bars.values():
            shown.close()


def _needs_training(key: str, tier: str) -> bool:
    entry = records(key).get(tier)
    return entry is None or entry.stale()


def _forget(tasks: Sequence[Task]) -> None:
    for task in tasks:
        shutil.rmtree(task.place, ignore_errors=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse(line: str) -> int:
    print(line, file=sys.stderr)
    return 2
