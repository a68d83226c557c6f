"""`course train --seconds N --out FOLDER`: what a slot of N seconds on a device can do, and what is left for the next.

A topic is worth as much as any other, so what takes least comes first; of those that fit together, the longest begins
first. How long a training takes is known from its own steps; one that has never run is tried after those that are known
to fit. What will not fit is not begun, unless no slot of this length could hold it: then its checkpoints add up.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from course_utils.topics import ROOT, topic
from course_utils.training import commands
from course_utils.training.record import Record
from course_utils.training.slot import pack
from course_utils.training.worker import Progress, Task, finished, work

PACKING = 0.04  # of the slot, for the archives, at its end
JUDGING = 0.1  # before that, for what was trained to the end and has yet to be evaluated
AT_MOST = 30.0  # seconds, of either


class Pace:
    """How far each training is and how fast, kept beside its checkpoints for the next slot."""

    def __init__(self) -> None:
        self._first: dict[Task, tuple[int, float]] = {}  # what came before is warming up

    def note(self, task: Task, step: int, total: int) -> None:
        """A training says that `step` of `total` steps are done."""
        now = time.monotonic()
        begun, at = self._first.setdefault(task, (step, now))
        known = _read(task)
        pace = (now - at) / (step - begun) if step > begun else known.get("pace")
        text = json.dumps({"step": step, "total": total, "pace": pace})
        _path(task).write_text(text, encoding="utf-8")

    def left(self, task: Task) -> float | None:
        """Seconds that a training will still take, from its own pace or another seed's; None where nobody knows."""
        own = _read(task)
        known = [own, *(_read(replace(task, seed=seed)) for seed in range(10))]
        pace = next((found for found in known if found.get("pace")), None)
        return None if pace is None else (pace["total"] - own.get("step", 0)) * pace["pace"]


def _path(task: Task) -> Path:
    return task.place / "pace.json"


def _read(task: Task) -> dict[str, Any]:
    try:
        found = json.loads(_path(task).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Slot:
    """A length of time, and which training begins next in it."""

    def __init__(self, seconds: float):
        if not seconds > 0:
            raise ValueError(f"--seconds: expected a positive number, got {seconds:g}.")
        begun = time.monotonic()
        self.end = begun + seconds - min(AT_MOST, PACKING * seconds)
        self.until = self.end - min(AT_MOST, JUDGING * seconds)
        self.length = self.until - begun
        self.pace = Pace()

    def order(self, tasks: Sequence[Task], jobs: int) -> list[Task]:
        """By topic, cheapest first, as many as fit together with the longest of them first; then the others."""
        costs: dict[str, float] = dict.fromkeys((task.key for task in tasks), 0.0)
        for task in tasks:
            left = self.pace.left(task)
            costs[task.key] += math.inf if left is None else left
        room, chosen = jobs * self.length, set()
        for key in sorted(costs, key=lambda key: costs[key]):
            if costs[key] <= room:
                room -= costs[key]
                chosen.add(key)
        return sorted(
            tasks, key=lambda t: (-(self.pace.left(t) or 0) if t.key in chosen else 0, costs[t.key])
        )

    def pick(self, waiting: list[Task]) -> Task | None:
        """The first that fits, else the first that nobody has measured, else one that is too long for any such slot."""
        time_left = self.until - time.monotonic()
        if time_left <= 0:
            return None
        known = [(task, self.pace.left(task)) for task in waiting]
        fits = [task for task, left in known if left is not None and left <= time_left]
        new = [task for task, left in known if left is None]
        long = [task for task, left in known if left is not None and left > self.length]
        return next(iter(fits + new + long), None)

    def gives_way(self, task: Task, waiting: Sequence[Task]) -> bool:
        """Whether a training that will not end in time should stop, because one that waits would."""
        left, time_left = self.pace.left(task), self.until - time.monotonic()
        if left is None or left <= time_left:
            return False
        others = [self.pace.left(other) for other in waiting]
        return any(other is not None and other <= time_left for other in others)


def train_in_slot(keys: Sequence[str], args: argparse.Namespace, root: Path = ROOT) -> int:
    """Train those of `keys` whose record is missing or stale for `args.seconds`; pack what came of it into `args.out`.

    Returns 0, also where something is left; 1 where something failed, 130 where it was interrupted.
    """
    for key in keys:
        topic(key)
    slot = Slot(args.seconds)
    everything = commands.tasks_for(keys, args, root)
    wanted = {key for key in keys if commands.needs_training(key, args.tier, root)}
    tasks = [replace(task, until=slot.until) for task in everything if task.key in wanted]
    written: dict[str, Record] = {}
    failed: dict[str, str] = {}
    interrupted = False
    try:
        with commands.ending_ends_trainings():
            failed |= _train(slot, tasks, args.jobs or commands.default_jobs(args.device), written, failed)
            failed |= _experiment(slot, everything, written)
    except KeyboardInterrupt:
        interrupted = True
        print("course train: interrupted; what was done is packed.", file=sys.stderr)
    # Of an earlier slot on this machine too: whoever fetches the folder may fetch only the last.
    trained = {task.key for task in everything} - {task.key for task in everything if finished(task) is None}
    trained |= {task.key for task in everything if _measured_here(task)}
    here = [key for key in keys if key in trained and not commands.needs_training(key, args.tier, root)]
    tasks = [task for task in tasks if task.key not in here] + commands.experiments_of(everything)
    left_out = pack(Path(args.out), here, tasks, root)
    commands.say(failed)
    print("\n".join(_left(tasks, slot.pace) + left_out) or "Nothing is left to train.")
    return 130 if interrupted else int(bool(failed))


def _train(
    slot: Slot, tasks: list[Task], jobs: int, written: dict[str, Record], failed: dict[str, str]
) -> dict[str, str]:
    """As the command without a budget does, but in the slot's order and in its time."""
    waiting = slot.order([task for task in tasks if finished(task) is None], jobs)

    def done(key: str) -> None:
        if key not in written:
            commands.recorded(key, tasks, written, failed)

    def pick(those: list[Task]) -> Task | None:
        waiting[:] = those
        return slot.pick(those)

    def working(show: Progress) -> dict[Task, str]:
        def progress(task: Task, step: int, total: int, values: dict[str, float]) -> bool:
            show(task, step, total, values)
            slot.pace.note(task, step, total)
            return slot.gives_way(task, waiting)

        return work(list(waiting), jobs, progress, lambda task: done(task.key), pick, slot.end)

    for key in dict.fromkeys(task.key for task in tasks):
        done(key)
    return {task.name: line for task, line in commands.with_bars(jobs, working).items()}


def _experiment(slot: Slot, tasks: Sequence[Task], written: dict[str, Record]) -> dict[str, str]:
    """What is measured beside records, in the time that their trainings left."""

    def working(todo: list[Task], show: Progress, done: Callable[[Task], object]) -> dict[Task, str]:
        def progress(task: Task, step: int, total: int, values: dict[str, float]) -> None:
            show(task, step, total, values)
            slot.pace.note(task, step, total)

        return work(todo, 1, progress, done, slot.pick, slot.end)

    return commands.experiment([replace(task, until=slot.until) for task in tasks], written, working)


def _measured_here(task: Task) -> bool:
    return task.seed == 0 and (replace(task, experiments=True).place / "result.safetensors").is_file()


def _left(tasks: Sequence[Task], pace: Pace) -> list[str]:
    """A line for each training, and each topic's experiments, that has no result yet."""
    lines = []
    for task in tasks:
        if finished(task) is None:
            seconds, known = pace.left(task), _read(task)
            about = "not begun" if not known else f"step {known['step']} of {known['total']}"
            lines.append(f"left: {task.name}, {about}" + (f", about {seconds:.0f} s" if seconds else ""))
    return lines
