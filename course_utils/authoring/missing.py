"""What a topic still lacks, and where what it says contradicts itself: a line each, with what to do."""

import re
from collections.abc import Iterator
from pathlib import Path

from course_utils.data.registry import DATASETS
from course_utils.labs.answers import AnswerError, right_answers, wrong_answers
from course_utils.labs.lab import Lab, LabError
from course_utils.topics import ROOT, Topic, topic
from course_utils.training.record import RecordError, records

LEAST_EXERCISES = 3
LEAST_RIGHT = 2
SOURCES = ("lab.py", "reference.py", "wrong_answers.py", "right_answers.py")


def missing(key: str, root: Path = ROOT) -> list[str]:
    """Everything that a topic in `root` lacks; nothing where it is whole."""
    row = topic(key)
    lines = [
        f"solutions/{key}/{name} is missing"
        for name in SOURCES
        if not (root / "solutions" / key / name).is_file()
    ]
    lines += _row(row, root)
    if not lines:
        lines += [*_lab(row, root), *_record(row, root)]
    return [f"{key}: {line}" for line in [*lines, *_page(row, root)]]


def _row(row: Topic, root: Path) -> Iterator[str]:
    for tier, names in (("mini", row.data_mini), ("full", row.data_full)):
        for name in re.split(r",\s*", names):
            if name not in DATASETS:
                yield f"its row's data_{tier} {name!r} is no data set; add it to course_utils/data/registry.py"
    if f"{{{row.paper}," not in (root / "book" / "references.bib").read_text(encoding="utf-8"):
        yield f"its row's paper {row.paper!r} is not in book/references.bib"
    if row.margin <= 0:
        yield f"its row's margin is {row.margin:g}; it says how far from the baseline counts as learned"


def _lab(row: Topic, root: Path) -> Iterator[str]:
    try:
        lab = Lab.load(row.key, root)
        lab.refuse_other_points()
        wrong, right = wrong_answers(row.key, root), right_answers(row.key, root)
    except (LabError, AnswerError) as error:
        yield str(error)
        return
    exercises = [cell.name for cell in lab.cells if cell.kind == "solution"]
    # A check that judges a net is proved by the references' own training and by the release.
    checks = {cell.name for cell in lab.cells if cell.kind == "test" and "judge(" not in cell.source}
    if len(exercises) < LEAST_EXERCISES:
        yield f"lab.py has {len(exercises)} exercises; at least {LEAST_EXERCISES} are due"
    if len(right) < LEAST_RIGHT:
        yield f"right_answers.py has {len(right)}; at least {LEAST_RIGHT} are due"
    for name in exercises:
        if name not in {answer.cell for answer in wrong}:
            yield f"wrong_answers.py: no mistake in {name}"
    for name in sorted(checks - {answer.check for answer in wrong}):
        yield f"wrong_answers.py: nothing that the check {name} must see"
    for answer in [*wrong, *right]:
        if answer.cell not in exercises:
            yield f"{answer.kind}_answers.py: no solution cell is called {answer.cell!r}"
    if not any(cell.trains for cell in lab.cells):
        yield f'lab.py: no cell trains an artifact; mark the training cells `trains="{row.key}"`'


def _record(row: Topic, root: Path) -> Iterator[str]:
    try:
        found = records(row.key, root)
    except RecordError as error:
        yield str(error)
        return
    entry = found.get("mini")
    if entry is None:
        yield f"no record of the mini tier; run: course train {row.key}"
        return
    if entry.stale(root):
        yield f"its reference has changed since it was trained; run: course train {row.key}"
    ahead = (entry.value - entry.baseline) * (1 if row.higher_is_better else -1)
    if ahead < row.margin:
        yield (
            f"the mini record stands {ahead:.3g} from its baseline, its row's margin asks for {row.margin:g}; "
            "train better, or change the row"
        )
    if entry.metric != row.metric:
        yield f"the record's metric is {entry.metric!r}, the row's {row.metric!r}; train it again"


def _page(row: Topic, root: Path) -> Iterator[str]:
    path = root / "book" / f"{row.key}.md"
    if not path.is_file():
        yield f"book/{row.key}.md is missing"
        return
    text = path.read_text(encoding="utf-8")
    if f"{{lab}} {row.key}" not in text:
        yield f"book/{row.key}.md: no `{{lab}} {row.key}`, the link to the lab"
    if not (root / "tests" / "solutions" / f"test_{row.key}.py").is_file():
        yield f"tests/solutions/test_{row.key}.py is missing"
    if not (root / "labs" / row.key / f"{row.key}.ipynb").is_file():
        yield f"labs/{row.key}/{row.key}.ipynb is missing; run: course release {row.key}"
