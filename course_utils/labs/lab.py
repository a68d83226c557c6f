"""From `solutions/<key>/lab.py` and `reference.py` to the instructor's notebook.

A lab is text in jupytext's `py:percent`. Its solution cells are empty: signature, docstring and body come from the
reference, so that nothing is written twice. The notebook is the same to the byte whenever it is made.
"""

import ast
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from course_utils.labs.opening import opened
from course_utils.topics import REPOSITORY, ROOT, Topic, topic

Kind = Literal["prose", "code", "solution", "test", "answer"]

SET_UP = """\
# Makes `course_utils` importable on Colab; elsewhere it is there already. Nothing that is installed is replaced.
try:
    import course_utils
except ModuleNotFoundError:
    %pip install -q --no-deps "git+{repository}"
from course_utils.colab import set_up

tier = set_up("{key}")"""

HEADER = """\
# {title}

[Open in Colab]({colab}) · {points} points · about {minutes} minutes

Run the cells from top to bottom. Write your code where a cell says `raise NotImplementedError`, then run the check \
below it: it tells you at once what is wrong and where to look. Checks are folded; open one to read it."""

# What a cell's marker may say, by its first word; "" is plain code.
MARKERS = {
    "solution": {"solution", "take", "keep"},
    "given": {"given", "trains"},
    "test": {"test", "points"},
    "answer": {"answer", "points"},
    "": {"trains"},
}
TITLE = re.compile(r"\A# @title .*\n")
# A check is run more often than read: Jupyter and VS Code fold it by the first, Colab by the second.
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}


class LabError(ValueError):
    """A lab's source is not in order; the message names the file, the cell and what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell of a lab or of any nbgrader assignment.

    `name` is nbgrader's grade id ("" for prose and plain code); `points` is 0 where nothing is marked. Plain code that
    `trains` an artifact is not run again by the engine where that artifact was handed in.
    """

    kind: Kind
    source: str
    name: str = ""
    points: float = 0
    trains: str = ""


@dataclass(frozen=True)
class Lab:
    """The cells of one topic's lab, solutions and hidden tests included."""

    key: str
    cells: tuple[Cell, ...]

    @classmethod
    def load(cls, key: str, root: Path = ROOT) -> "Lab":
        """Read `solutions/<key>/lab.py` and fill its solution cells from `reference.py`.

        Raises:
            UnknownKey: no such topic.
            LabError: the file is missing or a cell is not in order.
        """
        row = topic(key)
        folder = root / "solutions" / key
        source, reference = folder / "lab.py", folder / "reference.py"
        for path in (source, reference):
            if not path.is_file():
                raise LabError(f"{path}: no such file; a topic needs lab.py and reference.py")
        import jupytext  # with a notebook server's modules, 15 MB that a worker, who is given its labs, does without

        notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
        definitions = Definitions(reference.read_text(encoding="utf-8"), str(reference))
        opening = (Cell("prose", _header(row)), Cell("code", SET_UP.format(repository=REPOSITORY, key=key)))
        cells = opening + tuple(_cell(raw, definitions, str(source)) for raw in notebook.cells)
        _refuse_twice([cell.name for cell in cells if cell.name], str(source))
        return cls(key, cells)

    @property
    def points(self) -> float:
        """What the lab is worth."""
        return sum(cell.points for cell in self.cells)

    def refuse_other_points(self) -> None:
        """Raise LabError where the table of topics says other points than the checks give."""
        due = topic(self.key).points
        if self.points != due:
            raise LabError(
                f"solutions/{self.key}/lab.py: its checks give {self.points:g} points, its row in "
                f"course_utils/topics.py says {due:g}; make them agree"
            )

    def instructor_notebook(self) -> NotebookNode:
        """The notebook with solutions and hidden tests, as nbgrader takes it."""
        return to_notebook(self.key, self.cells)


class Definitions:
    """The top-level functions and classes of a Python source, as text."""

    def __init__(self, source: str, path: str):
        """Parse `source`; nothing of it runs.

        Raises:
            LabError: it is not Python.
        """
        self._lines, self._path = source.splitlines(), path
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            raise LabError(f"{path}:{error.lineno}: {error.msg}") from error
        self._nodes = {
            node.name: node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        }

    def text(self, name: str, hints: list[str] | None = None, keep: tuple[str, ...] = ()) -> str:
        """The definition `name` with what a student writes between nbgrader's solution marks.

        In a function that is the body below the docstring; in a class, each method's, but for those in `keep`.
        `hints` are comment lines shown to the student inside the (first) body.
        """
        if name not in self._nodes:
            raise LabError(
                f"{self._path}: no top-level function or class {name!r}; a solution cell takes it from there"
            )
        node = self._nodes[name]
        first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
        lines = {number: self._lines[number - 1] for number in range(first, (node.end_lineno or first) + 1)}
        waiting = list(hints or [])
        for function in _functions(node):
            if function.name not in keep:
                _mark(lines, function, waiting)
                waiting = []
        return "\n".join(lines[number] for number in sorted(lines))

    def given(self, name: str) -> str:
        """The definition `name` as it stands, for a cell that is given to the student."""
        return "\n".join(self._find(name)[1].values())

    def _find(self, name: str) -> tuple[ast.stmt, dict[int, str]]:
        """The node of `name` and its lines by number."""
        if name not in self._nodes:
            raise LabError(
                f"{self._path}: no top-level function or class {name!r}; a lab's cell takes it from there"
            )
        node = self._nodes[name]
        first = min([node.lineno, *(item.lineno for item in node.decorator_list)])
        return node, {
            number: self._lines[number - 1] for number in range(first, (node.end_lineno or first) + 1)
        }


def _functions(node: ast.stmt) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    if isinstance(node, ast.ClassDef):
        return [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return [node]


def _mark(lines: dict[int, str], function: ast.FunctionDef | ast.AsyncFunctionDef, hints: list[str]) -> None:
    """Put solution marks around the body of `function`, below its docstring, in `lines` (by line number)."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        raise LabError(f"{function.name}: nothing but a docstring; there is nothing to solve")
    start, end = body[0].lineno, body[-1].end_lineno or body[-1].lineno
    after_header = (
        (function.body[0].end_lineno or 0) + 1 if body is not function.body else function.lineno + 1
    )
    while start - 1 >= after_header and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    indent = " " * body[0].col_offset
    shown = [indent + hint for hint in hints]
    lines[start] = "\n".join([*shown, f"{indent}### BEGIN SOLUTION", lines[start]])
    lines[end] = f"{lines[end]}\n{indent}### END SOLUTION"


def _header(row: Topic) -> str:
    return HEADER.format(title=row.title, colab=row.colab_url, points=row.points, minutes=row.minutes)


def _cell(raw: NotebookNode, definitions: Definitions, path: str) -> Cell:
    """One jupytext cell, whose marker carries `solution=`, `given=`, `test=`, `answer=` or `trains=`, as a `Cell`."""
    options: dict[str, Any] = raw.metadata
    trains = options.get("trains", "")
    if trains and (raw.cell_type == "markdown" or {"solution", "test"} & options.keys()):
        raise LabError(
            f"{path}: trains={trains!r} stands in front of plain or given code only; split that cell"
        )
    _refuse_misspelt(raw, path)
    points = float(options.get("points", 0))
    if raw.cell_type == "markdown":
        name = options.get("answer", "")
        return Cell("answer" if name else "prose", raw.source, name, points)
    if "solution" in options:
        name = options["solution"]
        hints = [line for line in raw.source.splitlines() if line.startswith("#")]
        taken = _names(options.get("take", name))
        keep = _names(options.get("keep", ""))
        texts = [definitions.text(item, hints if i == 0 else [], keep) for i, item in enumerate(taken)]
        return Cell("solution", "\n\n\n".join(texts), name)
    if "given" in options:
        texts = [definitions.given(name) for name in _names(options["given"])]
        return Cell("code", "\n\n\n".join(texts + [raw.source] * bool(raw.source)), trains=trains)
    if "test" in options:
        if points <= 0:
            raise LabError(
                f"{path}: the check {options['test']!r} has no points; write points=2 in its marker"
            )
        return Cell("test", _check(raw.source, options["test"], points, path), options["test"], points)
    return Cell("code", raw.source, trains=trains)


def _refuse_misspelt(raw: NotebookNode, path: str) -> None:
    """Whatever a marker says must have a meaning: a misspelt one would drop an exercise in silence."""
    options = {name for name in raw.metadata if name != "lines_to_next_cell"}
    kind = next((kind for kind in MARKERS if kind in options), "")
    allowed = set() if raw.cell_type == "markdown" and kind != "answer" else MARKERS[kind]
    shown = " ".join(f"{name}={raw.metadata[name]!r}" for name in sorted(options))
    if "incorrectly_encoded_metadata" in options:
        shown = raw.metadata["incorrectly_encoded_metadata"]
    elif options <= allowed and all(isinstance(raw.metadata[name], str) for name in options - {"points"}):
        if "points" not in options or isinstance(raw.metadata["points"], int | float):
            return
    raise LabError(
        f"{path}: the marker {shown!r} has no meaning; a marker is one of solution=, given=, test=, answer= or "
        'trains=, each with a name in quotation marks, as in `# %% test="f_values" points=2`'
    )


def _check(source: str, name: str, points: float, path: str) -> str:
    """A check as it is released; of a folded one Colab shows the title as its form's, Jupyter the first line."""
    try:
        text = opened(source, Path(path).parent.name)
        return f"# @title Check {name}: {points:g} point{'s' * (points != 1)}\n{text}"
    except SyntaxError as error:
        raise LabError(f"{path}: the check {name!r}: {error.msg}") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text))


def _refuse_twice(names: list[str], path: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise LabError(
                f"{path}: two cells are called {name!r}; a cell's name is its grade id and must be its own"
            )


def to_notebook(key: str, cells: tuple[Cell, ...]) -> NotebookNode:
    """Cells as a notebook with nbgrader's metadata and ids that depend on nothing but key, name and place."""
    notebook = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for place, cell in enumerate(cells):
        node = (prose_node if cell.kind in ("prose", "answer") else code_node)(cell.source)
        node["id"] = hashlib.sha256(f"{key}/{cell.name or place}".encode()).hexdigest()[:12]
        if cell.name:
            node.metadata["nbgrader"] = _nbgrader(cell)
        if cell.kind == "test":
            node.metadata |= FOLDED
        if cell.trains:
            node.metadata["course"] = {"trains": cell.trains}
        notebook.cells.append(node)
    return notebook


def code_node(source: str) -> NotebookNode:
    """A code cell. nbformat's own would check it against the format's schema, cell by cell, for milliseconds each."""
    fields: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
    return nbformat.from_dict({"id": "", "metadata": {}, "source": source, **fields})


def prose_node(source: str) -> NotebookNode:
    """A Markdown cell."""
    return nbformat.from_dict({"id": "", "cell_type": "markdown", "metadata": {}, "source": source})


def _nbgrader(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata, schema 3, of a solution, test or answer cell."""
    metadata: dict[str, Any] = {
        "schema_version": 3,
        "grade_id": cell.name,
        "solution": cell.kind != "test",
        "grade": cell.kind != "solution",
        "locked": cell.kind == "test",
        "task": False,
    }
    if cell.kind != "solution":
        metadata["points"] = int(cell.points) if cell.points == int(cell.points) else cell.points
    return metadata


def from_notebook(notebook: NotebookNode) -> tuple[Cell, ...]:
    """The cells of an nbgrader notebook, whoever made it; `to_notebook`'s inverse."""
    return tuple(_from_node(node) for node in notebook.cells)


def trains(metadata: object) -> str:
    """The artifact that a cell trains, as its metadata says; "" for others, and for metadata of any other form."""
    marks = metadata.get("course") if isinstance(metadata, dict) else None
    name = marks.get("trains") if isinstance(marks, dict) else None
    return name if isinstance(name, str) and len(name) <= 200 else ""


def _from_node(node: NotebookNode) -> Cell:
    marks = node.metadata.get("nbgrader", {})
    name, points = marks.get("grade_id", ""), float(marks.get("points", 0) or 0)
    solution, grade = bool(marks.get("solution")), bool(marks.get("grade"))
    kinds: dict[tuple[bool, bool], Kind] = {
        (True, True): "answer",
        (True, False): "solution",
        (False, True): "test",
    }
    kind = kinds.get((solution, grade), "code" if node.cell_type == "code" else "prose")
    if kind in ("code", "prose"):
        return Cell(kind, node.source, trains=trains(node.metadata))
    return Cell(kind, node.source, name, points)
