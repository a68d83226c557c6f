"""A student's feedback page: its own work, its points, what each check said. No hidden test, nothing that runs.

nbgrader's `generate_feedback` makes the pages; this module gives it the page's form (see `nbgrader_config.py`). What a
check said and what the student wrote are the marked notebook's data, the points and comments the gradebook's. A page
is one file without scripts or links to elsewhere, and what the student wrote or printed stands in it as text.
"""

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Grade
from nbgrader.preprocessors import GetGrades
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_utils.credit import rounded
from course_utils.grading.gradebook.exchange_files import carry
from course_utils.grading.gradebook.pictures import picture
from course_utils.labs.hidden import visible

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COLOURED = 10_000  # characters
EARLIER = "Marked by an earlier version of the course: to see what this check said, grade it again."


@dataclass
class Part:
    """One cell of the page: a heading, code, an answer in words or a check."""

    kind: str
    source: str = ""
    name: str = ""
    points: float = 0.0
    most: float = 0.0
    waiting: bool = False
    changed: bool = False
    comment: str = ""
    given: bool = False
    texts: list[tuple[str, str]] = field(default_factory=list)  # (class, text)
    pictures: list[str] = field(default_factory=list)  # type and base64, as in a data URL

    @property
    def state(self) -> str:
        """How a marked cell went: full, part, none, or waiting for a person."""
        if self.waiting:
            return "waiting"
        if self.points >= self.most:
            return "full"
        return "part" if self.points > 0 else "none"

    @property
    def code(self) -> Markup:
        """The source, coloured."""
        return coloured(self.source)

    @property
    def summary(self) -> str:
        """The first line of what the check said."""
        said = next((text for _, text in self.texts), "").strip()
        return said.splitlines()[0] if said else ""


@lru_cache(maxsize=1024)  # most cells of a class are the ones that were handed out
def coloured(source: str) -> Markup:
    """Python as HTML, coloured where it is no longer than people write; everything in it is escaped."""
    if len(source) > COLOURED:  # the lexer's time may grow with the square of the length
        return escape(source)
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


class GetMarks(GetGrades):
    """nbgrader's marks and comments, and whether a person has still to mark the cell."""

    def _get_score(self, cell: NotebookNode, resources: Any) -> None:
        super()._get_score(cell, resources)
        grade = self.gradebook.find_grade(
            cell.metadata.nbgrader.grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        marks = cell.metadata.nbgrader
        marks["waiting"] = grade.auto_score is None and grade.manual_score is None
        marks["changed"] = grade.manual_score is not None and grade.auto_score not in (
            None,
            grade.manual_score,
        )
        marks["by_hand"] = _by_hand(grade)


def _by_hand(grade: Grade) -> str:
    """What a student is to be told of a mark that a teacher has touched."""
    said = []
    if grade.manual_score is not None and grade.auto_score not in (None, grade.manual_score):
        said.append(f"Points changed by your teacher, from {grade.auto_score:g} to {grade.manual_score:g}.")
    if grade.extra_credit and (grade.manual_score, grade.auto_score) != (None, None):
        said.append(f"With {grade.extra_credit:g} points of extra credit.")
    if grade.manual_score is not None and grade.needs_manual_grade:
        said.append("Your work has changed since it was marked by hand: your teacher will look at it again.")
    return " ".join(said)


class FeedbackExporter(Exporter):
    """Writes a marked notebook as a feedback page."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        course = getattr(self.parent, "coursedir", None)
        if course is not None:
            # nbgrader would copy whatever else was handed in beside the page, links to others' files included.
            course.ignore = ["*"]

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: Any = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, as text, once the preprocessors have put the marks into the notebook."""
        marked, resources = super().from_notebook_node(nb, resources, **kwargs)
        converter: Any = self.parent
        if getattr(converter, "coursedir", None) is not None:
            place = (resources["nbgrader"]["assignment"], resources["nbgrader"]["student"])
            carry(Path(converter._format_source(*place)), Path(converter._format_dest(*place)))
        return page(marked, resources["nbgrader"]), resources


def page(notebook: NotebookNode, facts: dict[str, Any]) -> str:
    """The page of a marked notebook.

    Args:
        notebook: With `score` and `points` in the metadata of its marked cells, as `GetMarks` puts them.
        facts: nbgrader's resources: student, assignment, score, max_score, late_penalty.
    """
    parts = [part for cell in notebook.cells if (part := _part(cell)) is not None]
    return _template().render(
        parts=parts,
        marked=[part for part in parts if part.kind in ("check", "answer")],
        title=_title(notebook, facts["assignment"]),
        facts=facts,
        colours=colours(),
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["points"] = lambda value: f"{rounded(value):g}"
    return environment.get_template("feedback.html.j2")


@cache
def colours() -> Markup:
    """CSS of the coloured code, for a light and for a dark screen."""
    light = HtmlFormatter(style="default").get_style_defs("pre.code")
    dark = HtmlFormatter(style="github-dark").get_style_defs("pre.code")
    return Markup(f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}")


def _title(notebook: NotebookNode, key: str) -> str:
    """The first heading; above it stand the teacher's notes."""
    headings = (re.match(r"#\s+(.+)", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    found = next(filter(None, headings), None)
    return found.group(1).strip() if found else key


def _part(cell: NotebookNode) -> Part | None:
    """What a cell becomes on the page; None where there is nothing of the student's to show."""
    marks, told = cell.metadata.get("nbgrader", {}), _told(cell)
    if not marks and cell.cell_type == "markdown":
        return _words(cell, told)
    part = Part("code", cell.source, marks.get("grade_id", ""), given=not marks)
    if utils.is_grade(cell):
        part.kind = "answer" if utils.is_solution(cell) else "check"
        part.points, part.most = float(marks.get("score") or 0), float(marks.get("points") or 0)
        part.waiting, part.changed = bool(marks.get("waiting")), bool(marks.get("changed"))
    part.comment = "\n".join(filter(None, [marks.get("by_hand"), marks.get("comment")]))
    if part.kind == "check":
        part.source = visible(cell.source)
        part.texts.append(("check", ANSI.sub("", told.get("text", EARLIER))))
    elif part.kind == "answer":
        part.source = told.get("text", cell.source)
    else:
        for output in cell.get("outputs", []):
            _show(part, output)
    return _with_attached(part, cell)


def _told(cell: NotebookNode) -> dict[str, str]:
    """What is to be told of a cell, as data; earlier versions of the course kept less of it."""
    told = cell.metadata.get("course")
    return told if isinstance(told, dict) else {}


def _words(cell: NotebookNode, told: dict[str, str]) -> Part | None:
    """The grader's notes, the student's own prose, and of the lab's prose the headings."""
    if told:
        kind = "note" if told["kind"] == "notice" else "words"
        return _with_attached(Part(kind, told["text"]), cell)
    heading = re.search(r"^##+\s+(.+)$", cell.source, re.M)
    return Part("heading", heading.group(1).strip()) if heading else None


def _show(part: Part, output: NotebookNode) -> None:
    """Add an output to its cell: text as text, pictures that are PNG; nothing else is shown."""
    if output.output_type == "stream":
        part.texts.append((output.name, ANSI.sub("", output.text)))
    elif output.output_type == "error":
        text = "\n".join(output.traceback) or output.evalue
        part.texts.append(("error", ANSI.sub("", text)))
    elif "image/png" in output.get("data", {}):
        _add_picture(part, "image/png", output.data["image/png"])
    elif "text/plain" in output.get("data", {}):
        part.texts.append(("value", output.data["text/plain"]))


def _with_attached(part: Part, cell: NotebookNode) -> Part:
    """The part with the pictures that were pasted into its cell."""
    for kinds in cell.get("attachments", {}).values():
        for kind, text in kinds.items():
            _add_picture(part, kind, text)
    return part


def _add_picture(part: Part, kind: str, text: str) -> None:
    found = picture(kind, text)
    if found:
        part.pictures.append(f"{kind};base64,{found}")
