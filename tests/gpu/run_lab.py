"""Labs, solved, on the emulated device as a student with a GPU runs them: the full tier, on few data, for a few steps.

    LD_PRELOAD=guard.so python -m tests.gpu.run_lab KEY …

Trainings are cut to a few steps of a few examples, nets are narrow, loops that repeat something over a hundred times
are cut to twelve rounds where no check looks. A check of what was trained is left out: it asks for a good net. Prints a
line of JSON a lab: what failed in it, and how much the device did.
"""

import builtins
import json
import os
import sys
from functools import partial

os.environ |= {"COURSE_TIER": "full", "COURSE_PICTURES": "0", "MPLBACKEND": "Agg"}

import matplotlib.pyplot  # noqa: F401 - once, before the forks

from course_utils.audit.forks import Forks
from course_utils.audit.proof import runnable
from course_utils.audit.rehearsal import Notebook
from course_utils.labs.lab import from_notebook
from course_utils.training import Run
from tests.gpu.emulated import Counts, install
from tests.gpu.small import NARROWER, narrower, stand_in
from tests.labs.filled import filled

SECONDS = 900  # for one lab, so that none hangs
LONG, SHORT = 100, 12  # rounds of a loop
FEW = 3  # steps of a training, and examples of a step
LOGGED = 40  # points of a learning curve: what a lab draws of it averages over some
TRAINED = ("student.artifact", "judge(")
steps, batches = Run.steps, Run.batches


def short_range(*bounds):
    """`range`, cut where it would train or draw for long."""
    rounds = builtins.range(*bounds)
    return rounds[:SHORT] if len(rounds) > LONG else rounds


def shorter(source):
    """A cell's text whose loops that only repeat something ask `short_range`."""
    return source.replace("for _ in range(", "for _ in short_range(")


def few_steps(self, total, saved, phase="train"):
    """`Run.steps`, but a few; the learning curve stays where they left it."""
    yield from steps(self, min(total, FEW), saved, phase)
    for line in self.curve.values():
        line.extend(line[-1:] * (LOGGED - len(line)))


def few_examples(self, data, size, *more, **named):
    """`Run.batches`, but small ones."""
    return batches(self, data, min(size, FEW), *more, **named)


def run(key: str, counts: Counts) -> dict:
    """Run the lab: {"key", "failed": what went wrong, a line each, "operations": how many ran on the device}."""
    notebook, cells = Notebook(), runnable(from_notebook(filled(key, {})))
    text = "\n".join(cell.source for cell in cells)
    failed = [
        f"small.py: {wide!r} is gone from the lab" for wide in NARROWER.get(key, {}) if wide not in text
    ]
    for place, cell in enumerate(cells):
        label = f"cell {cell.name or place}"
        notebook.names["short_range"] = range if cell.kind == "test" else short_range
        if cell.kind == "test" and not any(word in cell.source for word in TRAINED):
            outcome = notebook.check(cell, 0, SECONDS)
            failed += [f"{label}: {outcome.message}"] * outcome.lost
        elif cell.kind in ("code", "solution"):
            error = notebook.run(label, shorter(narrower(key, cell.source)), SECONDS)
            failed += [f"{label}: {error}"] * bool(error)
    return {"key": key, "failed": failed, "operations": sum(counts.operations.values())}


def main(keys: list[str]) -> None:
    """Run each lab in a fork of this process."""
    stand_in()
    Run.steps, Run.batches = few_steps, few_examples
    counts = install()
    for key in keys:
        forks = Forks(1, SECONDS)
        forks.start(key, partial(run, key, counts))
        died = {"key": key, "failed": [f"its process died, or did not end in {SECONDS} s"], "operations": 0}
        print(json.dumps(forks.finish()[key] or died), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
