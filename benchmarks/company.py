"""An honest class by itself, and again among hostile and clumsy submissions: are its marks the same, at what price?

    python -m benchmarks.company

The hostile and the clumsy ones are the attack suite's. Printed are the CPU time a submission with and without company,
the largest resident memory of a worker, and whether a page of feedback was made for everybody.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.cpu import counted
from course_utils.grading.classroom.cluster import Cluster
from course_utils.grading.classroom.coordinator import Settings, Summary, mark_class
from course_utils.grading.gradebook.pages import FeedbackError, write_feedback
from tests.grading.attacks.attack import FULL, KEY, LAB, SQUARE, TOTAL, Attack
from tests.grading.attacks.attacks import ATTACKS, CLUMSY
from tests.grading.attacks.world import World, hand_in, made

WORKERS = 2
RESULTS = Path(__file__).with_name("company.json")
WRONG = "def square(x):\n    return x + x"
KINDS: tuple[dict[str, str], ...] = (
    {},
    {"square": WRONG},
    {"total": "def total(numbers):\n    return 6"},
    {"train": ""},
)


def honest(count: int) -> dict[str, Attack]:
    """Right answers and ordinary mistakes, no two submissions alike."""
    found = {}
    for number in range(count):
        wrong = KINDS[number % len(KINDS)]
        cells = {"square": SQUARE, "total": TOTAL} | wrong
        cells["square"] += f"\n# attempt {number}"
        found[f"honest-{number:02}"] = Attack(f"honest {number}", cells)
    return found


@dataclass
class Memory:
    """The largest resident memory that a worker has had, bytes."""

    peak: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look every fifth of a second, until it is over."""
        while not self.over.wait(0.2):
            for process in psutil.Process().children(recursive=True):
                try:
                    if "multiprocessing" in " ".join(process.cmdline()):
                        self.peak = max(self.peak, process.memory_info().rss)
                except psutil.Error:
                    continue


@contextmanager
def watched() -> Iterator[Memory]:
    """The workers' memory while the block runs."""
    memory = Memory()
    thread = threading.Thread(target=memory.watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.over.set()
        thread.join()


def classroom(room: Path, those: dict[str, Attack], world: World) -> Path:
    """A classroom where `those` are handed in."""
    for student, attack in those.items():
        (room / "submitted" / student).mkdir(parents=True)
        hand_in(attack, room / "submitted" / student / KEY, world)
    return room


def feedback(room: Path, count: int) -> str:
    """How many pages there are, and why others are not."""
    try:
        return f"{write_feedback(KEY, room)} of {count} pages"
    except FeedbackError as error:
        return str(error)


def run(honest_count: int, others: dict[str, Attack], folder: Path) -> dict[str, object]:
    """Mark both classes with the same workers, the second with a page for everybody; the figures."""
    alone, together = honest(honest_count), honest(honest_count) | others
    with (
        made(folder / "world") as world,
        counted() as cpu,
        watched() as memory,
        Cluster(workers=WORKERS).client() as client,
    ):
        settings = Settings(cluster=Cluster(client.scheduler.address))
        mark_class(LAB, classroom(folder / "first", honest(WORKERS), world), settings)  # workers get warm

        def measured(name: str, those: dict[str, Attack]) -> tuple[Summary, float]:
            room, before = classroom(folder / name, those, world), cpu()
            return mark_class(LAB, room, settings), (cpu() - before) / len(those)

        quiet, cpu_alone = measured("alone", alone)
        print(f"alone: {len(alone)} in {quiet.wall:.1f} s, {cpu_alone:.2f} CPU-s each", flush=True)
        loud, cpu_together = measured("together", together)
        pages = feedback(folder / "together", len(together))
    # Under a class's limits, longer than the attack suite's, what sleeps may awake, and its right answer counts.
    gained = [s for s, attack in others.items() if loud.points[s] > (FULL if attack.hangs else attack.earns)]
    return {
        "honest": len(alone),
        "others": len(others),
        "cpu": [round(cpu_alone, 3), round(cpu_together, 3)],
        "wall": [round(quiet.wall, 1), round(loud.wall, 1)],
        "same_marks": all(loud.points[student] == points for student, points in quiet.points.items()),
        "gained": gained,
        "broken": {student: loud.failed[student] for student in sorted(loud.broken)},
        "worker_memory": memory.peak,
        "feedback": pages,
        "load": round(os.getloadavg()[0], 1),
        "date": time.strftime("%Y-%m-%d"),
    }


def main() -> None:
    """Run it and write `company.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--honest", type=int, default=20, metavar="N")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="of the others every Nth alone")
    args = parser.parse_args()
    others = {f"{n:03}": attack for n, attack in enumerate((*ATTACKS, *CLUMSY)) if n % args.every == 0}
    with tempfile.TemporaryDirectory(prefix="course-company-") as folder:
        facts = run(args.honest, others, Path(folder))
    print(json.dumps(facts, indent=1, ensure_ascii=False))
    RESULTS.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
