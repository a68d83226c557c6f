"""The sample class: for each lab the submissions that every teacher has seen, made from its right and wrong answers.

Each goes to `classroom/submitted/<student>/<key>/`, where nbgrader expects what students hand in. A student's name says
what it did, so that a gradebook of the sample class can be read.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.labs.answer import Answer
from course_utils.labs.answers import right_answers, wrong_answers
from course_utils.topics import ROOT, topic
from course_utils.labs.lab import Lab, LabError, from_notebook

Sources = dict[str, str]  # a cell's name -> what the student wrote in it

TRAINED = (
    "perfect",
    "another-way",
)  # and whoever made one mistake; the others' notebooks train when they are run
WRITTEN_ANSWER = "Because the same small pattern may appear anywhere; I checked it with the picture above."


def make_sample(key: str, room: Path) -> list[Path]:
    """Write the sample class of `key` into `room`; returns the notebooks in order of the students' names.

    Raises:
        LabError: the lab has not been released.
    """
    made = []
    for student, files in sample(key):
        folder = room / "submitted" / student / key
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.safetensors"):
            old.unlink()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        made.append(folder / f"{key}.ipynb")
    return sorted(made)


def sample(key: str, root: Path = ROOT) -> Iterator[tuple[str, dict[str, bytes]]]:
    """(student, its files by name) for every submission of the sample class of `key`.

    Who has been through the lab to its end hands in what it trained: here the reference's net of the mini tier.
    """
    release = root / "labs" / key / f"{key}.ipynb"
    if not release.is_file():
        raise LabError(f"{release}: no such file; make it with: course release {topic(key).key}")
    lab = Lab.load(key, root)
    text, right, wrong = (
        release.read_text(encoding="utf-8"),
        right_answers(key, root),
        wrong_answers(key, root),
    )
    trained = artifact(key, root)
    for student, notebook in submissions(lab, text, right, wrong):
        brought = trained if student in TRAINED or student.startswith("mistake-in-") else {}
        yield student, {f"{key}.ipynb": notebook.encode()} | brought


def artifact(key: str, root: Path = ROOT) -> dict[str, bytes]:
    """What the reference learned at the mini tier, as a student's file by its name; empty where there is no record."""
    from safetensors.torch import save

    from course_utils.training.record import RecordError, reference_tensors

    try:
        tensors = reference_tensors(key, "mini", root)
    except RecordError:
        return {}
    return {f"{key}.safetensors": save(tensors, metadata={"tier": "mini"})}


def submissions(
    lab: Lab, release: str, right: list[Answer], wrong: list[Answer]
) -> Iterator[tuple[str, str]]:
    """As `sample`, from the parts: the lab, the text of its release and its answers."""
    solved = solutions(lab)
    names = list(solved)
    # Where a loop without end keeps the fewest other cells waiting.
    exercise = min(reversed(names), key=lambda name: _uses(lab, name))

    def filled(sources: Sources, change: Callable[[NotebookNode], None] | None = None) -> str:
        return _write(release, lab, sources, change)

    yield "untouched", _write(release, lab, {}, answered=False)
    yield "perfect", filled(solved)
    yield "another-way", filled(solved | _first(right))
    yield "half-done", filled({name: solved[name] for name in names[: (len(names) + 1) // 2]})
    for name, source in _first(wrong).items():
        yield f"mistake-in-{name.replace('_', '-').lower()}", filled(solved | {name: source})
    yield "crash", filled(solved | {exercise: _first_line(solved[exercise], "os._exit(1)", "import os")})
    yield "endless-loop", filled(solved | {exercise: _first_line(solved[exercise], "while True: pass")})
    yield "cut-off", filled(solved)[: len(filled(solved)) // 2]
    yield "checks-deleted", filled(solved, _delete_checks)
    yield "checks-edited", filled({}, _edit_checks)


def solutions(lab: Lab) -> Sources:
    """The reference's text for each solution cell, as a student would have written it: without nbgrader's marks."""
    return {
        cell.name: "\n".join(
            line for line in cell.source.splitlines() if not line.lstrip().startswith("### ")
        )
        for cell in lab.cells
        if cell.kind == "solution"
    }


def _uses(lab: Lab, name: str) -> int:
    """In how many cells that are not checks the name stands."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return sum(bool(word.search(cell.source)) for cell in lab.cells if cell.kind in ("code", "solution"))


def _first(answers: list[Answer]) -> Sources:
    """The first answer for each cell, in the order of the file."""
    found: Sources = {}
    for answer in answers:
        found.setdefault(answer.cell, answer.source)
    return found


def _write(
    release: str,
    lab: Lab,
    sources: Sources,
    change: Callable[[NotebookNode], None] | None = None,
    answered: bool = True,
) -> str:
    """The release with `sources` in its solution cells, words in its answer cells, and then `change`."""
    notebook = nbformat.reads(release, as_version=4)
    words = {cell.name: WRITTEN_ANSWER for cell in lab.cells if cell.kind == "answer"} if answered else {}
    written = sources | words
    for node, cell in zip(notebook.cells, from_notebook(notebook)):
        node.source = written.get(cell.name, node.source) if cell.name else node.source
    if change is not None:
        change(notebook)
    return nbformat.writes(notebook)


def _first_line(source: str, statement: str, before: str = "") -> str:
    """`source` with `statement` as the first line of its first function's body, and `before` in front of all."""
    tree = ast.parse(source)
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    first, lines = function.body[0], source.splitlines()
    lines.insert(first.lineno - 1, " " * first.col_offset + statement)
    return "\n".join([before, *lines] if before else lines)


def _delete_checks(notebook: NotebookNode) -> None:
    notebook.cells = [node for node in notebook.cells if not _is_check(node)]


def _edit_checks(notebook: NotebookNode) -> None:
    """Every check says that all is well, and is worth more."""
    for node in filter(_is_check, notebook.cells):
        node.source = "print('all tests passed')\n100.0"
        node.metadata.nbgrader["points"] = 100


def _is_check(node: NotebookNode) -> bool:
    marks = node.metadata.get("nbgrader", {})
    return bool(marks.get("grade")) and not marks.get("solution")
