"""The same submission's marks in three places: the notebook's own lines, `course check` and `course grade`.

    python -m benchmarks.equal_marks [KEY …]

Each submission of the sample class whose checks are the lab's is run as a student runs it, from the first cell to the
last in one ordinary kernel; what it trained and saved there is handed in with it. Then `course check` and
`course grade` mark it. A mark of `course grade` may be lower where the half of a check that students do not see is
what found the mistake; every other difference is printed and counted, and the exit status is 1.
"""

import argparse
import contextlib
import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from course_utils.grading.classroom.cluster import Kept
from course_utils.grading.classroom.coordinator import Settings, mark_class
from course_utils.grading.classroom.sample import sample
from course_utils.grading.engine.own_notebook import check_notebook
from course_utils.grading.gradebook.table import rows
from course_utils.labs.lab import Lab, from_notebook
from course_utils.topics import PROVEN

RESULTS = Path(__file__).with_name("equal_marks.json")
LEFT_OUT = {
    "crash": "its kernel ends",
    "endless-loop": "a student interrupts it",
    "cut-off": "it is no notebook",
    "checks-deleted": "its checks are not the lab's",
    "checks-edited": "its checks are not the lab's",
}
CELL_SECONDS = 300
SAID = re.compile(r"^(?P<sign>[✓◐✗…]) (?P<name>\w+): (?:(?P<points>[\d.]+) of )?", re.MULTILINE)
Marks = dict[str, float]  # by check


def in_the_notebook(lab: Lab, path: Path) -> Marks:
    """Run the notebook where it lies, and read what its check cells say; one that says nothing gives no points."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    marks = {}
    for node, cell in zip(notebook.cells, from_notebook(notebook)):
        if cell.kind == "test":
            marks[cell.name] = _said(node).get(cell.name, 0.0)
    return {cell.name: marks[cell.name] for cell in lab.cells if cell.kind == "test"}


def _said(node: NotebookNode) -> Marks:
    text = "".join(output.get("text", "") for output in node.outputs)
    return {found["name"]: float(found["points"] or 0) for found in SAID.finditer(text)}


def by_check(path: Path) -> Marks:
    """What `course check` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        check_notebook(path)
    return {
        found["name"]: float(found["points"] or 0)
        for found in SAID.finditer(said.getvalue())
        if found["sign"] != "…"
    }


def by_grade(key: str, room: Path, settings: Settings) -> dict[str, Marks]:
    """What `course gradebook --csv` says after `course grade`, by student."""
    mark_class(Lab.load(key), room, settings)
    found: dict[str, Marks] = {}
    for row in csv.DictReader(rows(room, [key])):
        if row["points"]:
            found.setdefault(row["student"], {})[row["check"]] = float(row["points"])
    return found


def class_of(key: str, room: Path, first: int) -> Iterator[tuple[str, Path]]:
    """(student, notebook) of the sample class, written into `room` without the nets that the sample brings."""
    for student, files in islice(sample(key), first):
        if student in LEFT_OUT:
            print(f"{key}: {student} is left out: {LEFT_OUT[student]}")
            continue
        path = room / "submitted" / student / key / f"{key}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(files[path.name])
        yield student, path


def compared(key: str, room: Path, settings: Settings, first: int) -> dict[str, int]:
    """How many marks are equal in all three places, lower in the gradebook by a hidden half, or otherwise different."""
    lab = Lab.load(key)
    hidden = {cell.name for cell in lab.cells if cell.kind == "test" and "BEGIN HIDDEN" in cell.source}
    seen = {}
    for student, path in class_of(key, room, first):
        seen[student] = in_the_notebook(lab, path), by_check(path)
        print(f"{key}: {student}: {sum(seen[student][0].values()):g} points in the notebook", flush=True)
    graded = by_grade(key, room, settings)
    counts = {"equal": 0, "lower by a hidden half": 0, "different": 0}
    for student, (notebook, checked) in seen.items():
        for name, points in notebook.items():
            here, there, marked = points, checked.get(name), graded[student].get(name)
            if here == there == marked:
                counts["equal"] += 1
            elif here == there and marked is not None and marked < here and name in hidden:
                counts["lower by a hidden half"] += 1
            else:
                counts["different"] += 1
                print(
                    f"{key}: {student}: {name}: notebook {here:g}, course check {there}, course grade {marked}"
                )
    return {"submissions": len(seen)} | counts


def main() -> int:
    """Compare lab after lab; what was found is kept in `equal_marks.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keys", nargs="*", default=PROVEN, metavar="KEY")
    parser.add_argument("--first", type=int, default=100, metavar="N", help="of each class the first N alone")
    args = parser.parse_args()
    keys, first = args.keys, args.first
    os.environ |= {"COURSE_TIER": "mini", "COURSE_COUNTS": "mini", "OMP_NUM_THREADS": "1"}
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    with contextlib.ExitStack() as end:
        settings = Settings(Kept("", 1, end))
        for key in keys:
            with tempfile.TemporaryDirectory(prefix="equal-marks-") as folder:
                found[key] = compared(key, Path(folder), settings, first)
            print(f"{key}: {found[key]}", flush=True)
            RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if any(found[key]["different"] for key in keys) else 0


if __name__ == "__main__":
    raise SystemExit(main())
