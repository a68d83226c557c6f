"""Whether marking is linear in the size of the class, and its memory flat: 10, 100 and 1,000 synthetic submissions.

    python -m benchmarks.class_size

The lab is one line and one check, so that what is measured is the engine and the gradebook around it.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat

from benchmarks.cpu import counted
from benchmarks.engine import hand_in
from course_utils.grading.classroom.cluster import Cluster
from course_utils.labs.lab import Cell, Lab, to_notebook

KEY = "synthetic"
SIZES = (10, 100, 1000)
WORKERS = 2
RESULTS = Path(__file__).with_name("class_size.json")
CHECK = """\
from course_utils.checks import equal, student
equal(student.double(3), 6, "double(3)")"""
LAB = Lab(
    KEY, (Cell("solution", "def double(x):\n    return 2 * x", "double"), Cell("test", CHECK, "doubled", 1))
)


def submission(number: int) -> dict[str, bytes]:
    """A right notebook that is like no other, so that nothing is known of it."""
    cells = (Cell("code", f"number = {number}"), *LAB.cells)
    return {f"{KEY}.ipynb": nbformat.writes(to_notebook(KEY, cells)).encode()}


def main() -> None:
    """Measure, print, and write the figures for the book."""
    # Here, as in `course grade`: what this module imports at its top, every worker imports with it.
    from course_utils.grading.classroom.coordinator import Settings

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N")
    args = parser.parse_args()
    before, rows = os.getloadavg()[0], []
    columns = (
        ("wall s", 9),
        ("s each", 9),
        ("CPU-s each", 12),
        ("coordinator MB", 16),
        ("a worker MB", 13),
        ("peak", 6),
    )
    print(f"{'submissions':>12}" + "".join(f"{name:>{width}}" for name, width in columns))
    with (
        tempfile.TemporaryDirectory(prefix="course-class-") as folder,
        counted() as cpu,
        Cluster(workers=WORKERS).client() as client,
    ):
        settings = Settings(cluster=Cluster(client.scheduler.address))
        _measured(Path(folder) / "first", WORKERS, settings, cpu)  # starts the warm processes
        for size in args.sizes:
            rows.append(_measured(Path(folder) / str(size), size, settings, cpu) | _of_workers(client))
            print(shown(rows[-1]), flush=True)
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    facts = {"cores": os.cpu_count(), "load": load, "date": time.strftime("%Y-%m-%d"), "rows": rows}
    RESULTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"load {load[0]} before, {load[1]} after")


def _measured(room: Path, size: int, settings: Any, cpu: Any) -> dict[str, float]:
    from course_utils.grading.classroom.coordinator import mark_class

    hand_in(room, KEY, {f"{n:04}": submission(n) for n in range(size)})
    start, busy = time.monotonic(), cpu()
    summary = mark_class(LAB, room, settings)
    wall, busy = time.monotonic() - start, cpu() - busy
    if summary.failed or sum(summary.points.values()) != size:
        raise RuntimeError(f"class_size: expected {size} points, got {summary.points}; {summary.failed}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"submissions": size, "wall": wall, "each": wall / size, "cpu": busy / size, "memory": memory}


def _of_workers(client: Any) -> dict[str, float]:
    """What the largest worker holds now, and what it held at most, in MB."""
    found = client.run(_held).values()
    return {name: max(one[name] for one in found) for name in ("worker", "worker_peak")}


def _held() -> dict[str, float]:
    """This process's resident memory now and at most, in MB, as Linux counts it."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    status = {words[0]: float(words[1]) / 1024 for words in lines if words[0] in ("VmRSS:", "VmHWM:")}
    return {"worker": status["VmRSS:"], "worker_peak": status["VmHWM:"]}


def shown(row: dict[str, float]) -> str:
    """A line of the table."""
    return (
        f"{row['submissions']:12}{row['wall']:9.1f}{row['each']:9.3f}{row['cpu']:12.3f}{row['memory']:16.0f}"
        f"{row['worker']:13.1f}{row['worker_peak']:6.1f}"
    )


if __name__ == "__main__":
    main()
