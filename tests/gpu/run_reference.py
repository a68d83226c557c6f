"""References on the emulated device: their full tiers, on few data, for a few steps of a few examples.

    LD_PRELOAD=guard.so python -m tests.gpu.run_reference [--examples 3] [--whole] KEY …

Each trains as `course train --tier full --device cuda` does, is evaluated, and does its experiments. Prints a line of
JSON a reference: its error or "", where the host waited for the device within steps (curves are read between them), and
of each of its loops what it would be and what a step of the few cost. With `--whole` examples are as large as they are,
and a reference only trains.
"""

import argparse
import importlib
import json
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from course_utils.audit.forks import Forks
from course_utils.data import spoken_digits
from course_utils.training import Run, experiments, worker
from course_utils.training.reference import load_module, load_reference
from course_utils.training.worker import Task, perform
from tests.gpu.emulated import Counts, install
from tests.gpu.small import stand_in

SECONDS = 300  # for one reference, so that none hangs
FEW = 2  # steps of a loop
EXAMPLES = 3  # of a step
SOUND = 50  # samples: they are generated one by one
WHOLE_SOUND = spoken_digits.LENGTH["full"]
# What takes long on the host: no loop of a training depends on it.
QUICK = {
    "programs": {"digits_far": 3},
    "synthesis": {"list_problems": 300, "string_problems": 100, "budget": 30, "width": 2},
}
# What experiments measure over hundreds of episodes or sequences, over twenty.
FEWER = {
    "metalearning": {
        "maml_of_characters": {"right": {"episodes": 20}},
        "memory_of_characters": {"presentations": {"count": 20}},
    }
}
# Their experiments need data sets of which `small.py` has no stand-ins; the references are run all the same.
WITHOUT_EXPERIMENTS = {"alignment", "graphs", "translation"}
steps, batches, autocast = Run.steps, Run.batches, Run.autocast


@dataclass
class Loop:
    """One of a training's loops: what it would be, and the last of the few steps that were run."""

    steps: int
    batch: int = 0  # examples of a step, where it draws batches
    operations: int = 0  # on the device
    bytes: int = 0  # that they read and write
    flops: int = 0
    bf16: bool = False  # where the device has it


class Watch:
    """What a training's loops ask of the device, step by step."""

    def __init__(self, counts: Counts, examples: int):
        self.counts, self.examples = counts, examples
        self.loops: dict[str, Loop] = {}
        self.waits: Counter[str] = Counter()
        self.loop = Loop(0)

    def steps(self, run, total, saved, phase="train"):
        """`Run.steps`, but a few."""
        self.loop = loop = self._loop(phase, total)
        few, flops = min(total, FEW), run.flops
        for step in steps(run, few, saved, phase):
            operations, moved = self.counts.operations.total(), self.counts.bytes
            waits = Counter(self.counts.waits)
            yield step
            self.waits += self.counts.waits - waits
            loop.operations = self.counts.operations.total() - operations
            loop.bytes = self.counts.bytes - moved
        loop.flops = (run.flops - flops) // few

    def batches(self, run, data, size, total, saved, phase="train"):
        """`Run.batches`, but small ones."""
        self._loop(phase, total).batch = size
        return batches(run, data, min(size, self.examples), total, saved, phase)

    def autocast(self, run):
        """`Run.autocast`, noted."""
        self.loop.bf16 = True
        return autocast(run)

    def _loop(self, phase, total):
        return self.loops.setdefault(phase, Loop(total))


def run(key: str, counts: Counts, examples: int, whole: bool) -> dict:
    """Train and evaluate the reference: {"key", "error", "seconds" of the CPU, "waits" by place, "loops" by phase}."""
    watch, error, begun = Watch(counts, examples), "", time.process_time()
    Run.steps = lambda self, *told, **named: watch.steps(self, *told, **named)
    Run.batches = lambda self, *told, **named: watch.batches(self, *told, **named)
    Run.autocast = lambda self: watch.autocast(self)
    try:
        with tempfile.TemporaryDirectory() as folder:
            quicken(key)
            task = Task(key, "full", 0, "cuda", Path(folder))
            if whole:
                load_reference(key).train("full", 0, Run(task.name, 0, "cuda"))
            else:
                tensors = trained(task)
            if not whole and key not in WITHOUT_EXPERIMENTS and experiments.experiments_path(key).is_file():
                module = load_module(key, "experiments", ("experiments",))
                module.experiments(tensors, "full", Run("experiments", 0, "cuda"))
    except Exception:
        error = traceback.format_exc()
    loops = {phase: asdict(loop) for phase, loop in watch.loops.items()}
    seconds = round(time.process_time() - begun, 1)
    return {"key": key, "error": error, "seconds": seconds, "waits": watch.waits, "loops": loops}


def quicken(key: str) -> None:
    """A reference's configuration, with less of what `QUICK` names; its experiments' measures, of `FEWER`."""
    if key in QUICK:
        module = load_reference(key)
        how = module.config
        module.config = lambda tier: replace(how(tier), **QUICK[key])
    for part, functions in FEWER.get(key, {}).items():
        module = importlib.import_module(f"solutions.{key}.{part}")
        for name, few in functions.items():
            setattr(module, name, partial(getattr(module, name), **few))


def trained(task: Task) -> dict:
    """The tensors of a reference that went through all that its record needs, as they come out of a file."""
    perform(task)
    found = worker.finished(task)
    assert found is not None
    return found["tensors"]


def main(keys: list[str], examples: int = EXAMPLES, whole: bool = False) -> None:
    """Train each reference in a fork of this process."""
    stand_in()
    spoken_digits.LENGTH["full"] = WHOLE_SOUND if whole else SOUND
    counts = install()
    for key in keys:
        forks = Forks(1, SECONDS)
        forks.start(key, partial(run, key, counts, examples, whole))
        died = {"key": key, "error": f"its process died, or did not end in {SECONDS} s"}
        print(json.dumps(forks.finish()[key] or died), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("keys", nargs="+")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of a step")
    parser.add_argument("--whole", action="store_true", help="examples of full size; only the training")
    args = parser.parse_args()
    main(args.keys, args.examples, args.whole)
