"""`course train`: train references, several at once, and write their records."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

from tqdm import tqdm

from course_utils import topics
from course_utils.data.fetch import cache_folder
from course_utils.progress import bar
from course_utils.topics import KEYS, ROOT, UnknownKey, topic
from course_utils.training import devices, experiments
from course_utils.training.assemble import assemble
from course_utils.training.more_seeds import hand_over, with_experiments
from course_utils.training.record import TIERS, Record, RecordError, records, write
from course_utils.training.reference import NoReference, reference_path
from course_utils.training.report import status, table
from course_utils.training.slot import SlotError, unpack
from course_utils.training.worker import Progress, Task, Told, finished, work

SIDE_BY_SIDE = 6  # trainings on one GPU


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `course train`."""
    parser.add_argument("keys", nargs="*", metavar="key", help="topics to train")
    parser.add_argument("--all", action="store_true", help="train every topic that has a reference")
    parser.add_argument("--stale", action="store_true", help="only those whose record is missing or stale")
    parser.add_argument(
        "--seconds",
        type=float,
        help="train what is missing or stale for so long at most, and pack it into --out",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="where archives of what --seconds reached are written"
    )
    parser.add_argument(
        "--take", metavar="FOLDER", help="put the archives of a slot in their place, train nothing"
    )
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


def run(args: argparse.Namespace, root: Path = ROOT) -> int:
    """`course train`. Returns 0, or 1 where something failed, 2 where nothing could begin, 130 on Ctrl-C."""
    if args.status:
        print(status(root))
        return 0
    if args.take:
        return take_back(Path(args.take), root)
    if (args.seconds is None) != (args.out is None):
        return _refuse("train: --seconds and --out go together: how long, and where what came of it is put.")
    keys = (
        [row.key for row in topics.TOPICS if reference_path(row.key, root).is_file()]
        if args.all
        else args.keys
    )
    if not keys:
        return _refuse(f"train: name topics, or say --all; there are {', '.join(KEYS)}.")
    if args.seconds is not None:
        from course_utils.training.budget import train_in_slot  # it uses this module

        return train_in_slot(keys, args, root)
    if args.stale:
        keys = [
            key
            for key in keys
            if needs_training(key, args.tier, root) or experiments.wanted(key, args.tier, root)
        ]
    return train(keys, args, root)


def take_back(folder: Path, root: Path = ROOT) -> int:
    """`course train --take`: records into `solutions/`, results and checkpoints where the next slot looks for them."""
    try:
        for line in unpack(folder, runs_folder(), root):
            print(line)
    except SlotError as error:
        return _refuse(f"course train: {error}")
    return 0


def runs_folder() -> Path:
    """Where trainings keep what they have reached."""
    return Path(os.environ.get("COURSE_RUNS") or cache_folder() / "runs").expanduser()


def main(spec: ModuleSpec | None) -> None:
    """`python -m solutions.<key>.reference`: train that one reference. A reference ends with `main(__spec__)`."""
    if spec is None:
        sys.exit(_refuse("train: run a reference as a module: python -m solutions.<key>.reference"))
    parser = argparse.ArgumentParser(prog=f"python -m {spec.name}", description="Train this reference.")
    add_run_arguments(parser)
    sys.exit(train([spec.name.split(".")[1]], parser.parse_args()))


def train(keys: Sequence[str], args: argparse.Namespace, root: Path = ROOT) -> int:
    """Train `keys`, write each record as soon as its seeds are done, run its experiments, print the table.

    Of a record that stands only the experiments are run, where they are missing or stale.
    """
    written: dict[str, Record] = {}
    try:
        for key in keys:
            topic(key)
        tasks = tasks_for(keys, args, root)
        if args.fresh:
            _forget(tasks)
        standing = {key for key in keys if not args.fresh and _only_experiments(key, args, root)}
        for key in sorted(standing):
            print(f"{key} {args.tier}: its record stands, its experiments are run; --fresh trains it anew.")
        for key in sorted(set() if args.fresh else hand_over(tasks)):
            print(f"{key} {args.tier}: the seeds that its record has are kept; --fresh trains them anew.")
        with ending_ends_trainings():
            failed = _train([task for task in tasks if task.key not in standing], args, written)
            failed |= experiment(tasks, written)
    except (UnknownKey, NoReference, ValueError) as error:
        return _refuse(f"course train: {error}")
    except KeyboardInterrupt:
        done = f"; recorded: {', '.join(written)}" if written else ""
        print(
            f"course train: interrupted{done}; the same command goes on from the last checkpoint.",
            file=sys.stderr,
        )
        return 130
    if written:
        print(table(written.values()))
    say(failed)
    if not failed:
        _forget(tasks)
    return 1 if failed else 0


def say(failed: dict[str, str]) -> None:
    """A line for each thing that failed, by its name."""
    for name, line in failed.items():
        print(f"{name}: {line.removeprefix(f'{name}: ')}", file=sys.stderr)


@contextlib.contextmanager
def ending_ends_trainings() -> Iterator[None]:
    """In this block SIGTERM, and Ctrl-C where a shell has it ignored, are a KeyboardInterrupt."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if threading.current_thread() is not threading.main_thread():
        kept = {}  # only there can signals be handled
    Told.to_end = False
    for number in kept:
        signal.signal(number, Told.end)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def tasks_for(keys: Sequence[str], args: argparse.Namespace, root: Path) -> list[Task]:
    """Every topic's seeds, as the options say."""
    if args.seeds < 1:
        raise ValueError(f"train: expected at least one seed, got {args.seeds}.")
    where = devices.device(args.device).type
    missing = [str(reference_path(key, root)) for key in keys if not reference_path(key, root).is_file()]
    if missing:
        raise NoReference(
            f"train: there is no {missing[0]}; references are trained in a clone of the course."
        )
    return [
        Task(key, args.tier, seed, where, runs_folder(), root, args.compile)
        for key in keys
        for seed in range(args.seeds)
    ]


def _train(tasks: list[Task], args: argparse.Namespace, written: dict[str, Record]) -> dict[str, str]:
    """Do what is not yet done; what failed, by name. Each topic whose seeds are done is added to `written` at once."""
    todo = [task for task in tasks if finished(task) is None]
    failed: dict[str, str] = {}

    def done(key: str) -> None:
        if key not in written:
            recorded(key, tasks, written, failed)

    for key in dict.fromkeys(task.key for task in tasks):
        done(key)
    jobs = args.jobs or default_jobs(args.device)
    lost = with_bars(jobs, lambda progress: work(todo, jobs, progress, lambda task: done(task.key)))
    return {task.name: line for task, line in lost.items()} | failed


def _only_experiments(key: str, args: argparse.Namespace, root: Path) -> bool:
    entry = records(key, root).get(args.tier)
    return entry is not None and len(entry.seeds) >= args.seeds and experiments.wanted(key, args.tier, root)


Working = Callable[[list[Task], Progress, Callable[[Task], object]], dict[Task, str]]


def one_by_one(tasks: list[Task], progress: Progress, done: Callable[[Task], object]) -> dict[Task, str]:
    """Perform all: nothing runs beside them, so that times that they measure are theirs."""
    return work(tasks, 1, progress, done)


def experiment(
    tasks: Sequence[Task], written: dict[str, Record], working: Working = one_by_one
) -> dict[str, str]:
    """Run the experiments of those topics whose record stands, into the record; what failed, by name."""

    def done(task: Task) -> None:
        if (result := finished(task)) is not None:
            written[task.key] = experiments.add(task.key, result, task.root)

    extra = experiments_of(tasks)
    for task in extra:
        done(task)
    todo = [task for task in extra if finished(task) is None]
    lost = with_bars(1, lambda progress: working(todo, progress, done))
    return {task.name: line for task, line in lost.items()}


def experiments_of(tasks: Sequence[Task]) -> list[Task]:
    """What is still to be measured with the nets of these trainings, as far as they are recorded."""
    return [
        replace(task, experiments=True)
        for task in tasks
        if task.seed == 0 and experiments.wanted(task.key, task.tier, task.root)
    ]


def recorded(key: str, tasks: list[Task], written: dict[str, Record], failed: dict[str, str]) -> None:
    """Write the record of a topic whose seeds are all done, and note it, or what kept it from being written."""
    own = [task for task in tasks if task.key == key]
    results = [result for task in own if (result := finished(task)) is not None]
    if len(results) < len(own):
        return
    try:
        entry = with_experiments(assemble(topic(key), own[0].tier, results, own[0].root), own[0])
        write(entry, results[0]["tensors"], own[0].root)
    except (RecordError, NoReference) as error:
        failed[f"{key} {own[0].tier}"] = str(error).removeprefix(f"{key}: ")
    else:
        written[key] = entry


def default_jobs(device: str | None) -> int:
    """How many trainings run at once where nobody says."""
    return SIDE_BY_SIDE if devices.device(device).type == "cuda" else _cores()


def with_bars(jobs: int, working: Callable[[Progress], dict[Task, str]]) -> dict[Task, str]:
    """`working`, with one bar a training that is under way."""
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
        return working(progress)
    finally:
        for shown in bars.values():
            shown.close()


def needs_training(key: str, tier: str, root: Path = ROOT) -> bool:
    """Whether a topic's record is missing or stale."""
    entry = records(key, root).get(tier)
    return entry is None or entry.stale(root)


def _forget(tasks: Sequence[Task]) -> None:
    for task in tasks:
        shutil.rmtree(task.place, ignore_errors=True)
        shutil.rmtree(replace(task, experiments=True).place, ignore_errors=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _refuse(line: str) -> int:
    print(line, file=sys.stderr)
    return 2
