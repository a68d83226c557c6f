"""nbgrader's gradebook, written through nbgrader's own API by one process alone.

A submission is entered in one transaction: after a power cut it is there whole or not at all, and entering it again
changes nothing. What a teacher wrote by hand (a manual score, extra credit, a comment) is never touched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from tornado.log import app_log
from traitlets.config import Config

from course_utils.labs.lab import Lab

AGAIN = "nothing is lost, run it again"
Scores = dict[str, float | None]  # a check's name -> points earned; None where a person must mark it


class GradebookError(ValueError):
    """The gradebook cannot take the marks; the message says what to do."""


def url(room: Path) -> str:
    """The database of the classroom in `room`, as SQLAlchemy calls it; a path may hold what has a meaning in a URL."""
    from sqlalchemy import URL, make_url

    path = str(room / "gradebook.db")
    plain = f"sqlite:///{path}"  # which `nbgrader db upgrade` takes apart by itself
    same = make_url(plain).database == path
    return plain if same else URL.create("sqlite", database=path).render_as_string()


def prepare(room: Path) -> None:
    """Say in a new gradebook which version its tables have: nbgrader would start another program to find out.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DatabaseError

    file = room / "gradebook.db"
    if file.is_file() and file.stat().st_size:
        return
    room.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url(room))
    try:
        with engine.begin() as connection:
            versions = ScriptDirectory(str(Path(nbgrader.__file__).with_name("alembic")))
            MigrationContext.configure(connection).stamp(versions, "head")
    except DatabaseError as error:
        raise OSError(f"{file}: {error.orig}; {AGAIN}") from error
    finally:
        engine.dispose()


@contextmanager
def opened(room: Path) -> Iterator[Gradebook]:
    """The gradebook of `room`, made where there is none.

    Raises:
        OSError: the disk is full or the file cannot be written.
    """
    from sqlalchemy.exc import DatabaseError

    prepare(room)
    app_log.disabled = True  # nbgrader prints every database error with its traceback before it raises it
    book = None
    try:
        book = Gradebook(url(room))
        yield book
    except (DatabaseError, InvalidEntry) as error:
        cause = error if isinstance(error, DatabaseError) else error.__context__
        if not isinstance(cause, DatabaseError):
            raise
        old = "no such column" in str(cause.orig) or "no such table" in str(cause.orig)
        advice = "an older nbgrader made it; keep a copy and run: nbgrader db upgrade" if old else AGAIN
        raise OSError(f"{room / 'gradebook.db'}: {cause.orig}; {advice}") from error
    finally:
        app_log.disabled = False
        if book is not None:
            book.close()


@contextmanager
def transaction(book: Gradebook) -> Iterator[None]:
    """All or nothing: nbgrader commits at every step, here its steps are only flushed until the block ends well."""
    session = book.db()
    commit = session.commit
    session.commit = session.flush
    try:
        with session.no_autoflush:
            yield
        commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        del session.commit


def enter_assignment(room: Path, lab: Lab, force: bool = False) -> None:
    """Enter the cells of `lab` as generate_assignment does, and its source in `room`; once is enough.

    Raises:
        GradebookError: checks were added or removed although marks given by hand would be lost; `force` gives them up.
    """
    source = room / "source" / lab.key / f"{lab.key}.ipynb"
    text = nbformat.writes(lab.instructor_notebook())
    if not source.is_file() or source.read_text(encoding="utf-8") != text:
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text, encoding="utf-8")
    with opened(room) as book:
        if _entered(book, lab):
            return
        if _cells_differ(book, lab):
            _forget(book, lab.key, force)
        _save_cells(book, lab, url(room))


def released(lab: Lab) -> nbformat.NotebookNode:
    """The notebook as nbgrader keeps it: solutions cleared, hidden tests in."""
    from nbgrader.preprocessors import ClearOutput, ClearSolutions, ComputeChecksums, LockCells

    config = Config()
    config.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
    notebook = lab.instructor_notebook()
    resources: Any = {"nbgrader": {}}
    for make in (LockCells, ClearSolutions, ClearOutput, ComputeChecksums):
        notebook, resources = make(config=config).preprocess(notebook, resources)
    return notebook


def _save_cells(book: Gradebook, lab: Lab, address: str) -> None:
    from nbgrader.preprocessors import SaveCells

    class SaveAtOnce(SaveCells):
        """nbgrader's own, with one commit where it has fifty."""

        def _create_notebook(self, nb: nbformat.NotebookNode) -> None:
            with transaction(self.gradebook):
                super()._create_notebook(nb)

    with transaction(book):
        book.update_or_create_assignment(lab.key)
    resources: Any = {"nbgrader": {"notebook": lab.key, "assignment": lab.key, "db_url": address}}
    SaveAtOnce().preprocess(released(lab), resources)
    book.db.expire_all()


def _entered(book: Gradebook, lab: Lab) -> bool:
    """Whether every marked cell stands in the gradebook with this very text and these points."""
    points = {cell.name: cell.points for cell in lab.cells if cell.kind in ("test", "answer")}
    try:
        notebook = book.find_notebook(lab.key, lab.key)
    except MissingEntry:
        return False
    if {cell.name: cell.max_score for cell in notebook.grade_cells} != points:
        return False
    wanted = {
        node.metadata.nbgrader.grade_id: node.source
        for node in released(lab).cells
        if "nbgrader" in node.metadata
    }
    return {cell.name: cell.source for cell in notebook.source_cells} == wanted


def _cells_differ(book: Gradebook, lab: Lab) -> bool:
    """Whether submissions are there whose lab had other cells: nbgrader refuses to change it under them."""
    try:
        notebook = book.find_notebook(lab.key, lab.key)
    except MissingEntry:
        return False
    names = {cell.name for cell in lab.cells if cell.name}
    return bool(notebook.submissions) and {cell.name for cell in notebook.source_cells} != names


def _forget(book: Gradebook, key: str, force: bool) -> None:
    """Drop the assignment, so that it can be entered anew; its due date stays."""
    assignment = book.find_assignment(key)
    grades = [grade for entry in assignment.submissions for nb in entry.notebooks for grade in nb.grades]
    if (
        any(grade.manual_score is not None or grade.extra_credit is not None for grade in grades)
        and not force
    ):
        raise GradebookError(
            f"{key}: checks were added or removed, and marks given by hand would be lost; keep a copy of gradebook.db "
            "and run with --force, or put the old checks back"
        )
    due = assignment.duedate
    with transaction(book):
        book.remove_assignment(key)
        book.update_or_create_assignment(key, duedate=due)


def released_sources(book: Gradebook, assignment: str, notebook: str) -> dict[str, str]:
    """What every named cell held when it was handed out."""
    return {cell.name: cell.source for cell in book.find_notebook(notebook, assignment).source_cells}


def enter_submission(
    book: Gradebook,
    key: str,
    student: str,
    scores: Scores,
    unchanged: frozenset[str],
    timestamp: datetime | None = None,
) -> None:
    """Enter one submission of the lab `key`, whole or not at all.

    Args:
        book: The open gradebook.
        key: The lab; its one notebook is called the same.
        student: nbgrader's student id; made where it is new.
        scores: Points by check.
        unchanged: Solution and answer cells that the student left as they were handed out.
        timestamp: When it was handed in (UTC), if that is known.
    """
    with transaction(book):
        book.update_or_create_student(student)
        known = {"timestamp": timestamp} if timestamp else {}
        try:
            book.find_submission(key, student)
        except MissingEntry:
            book.db.add(_first_entry(book, key, student, scores, unchanged, **known))
        else:
            book.update_or_create_submission(key, student, **known)
            save_scores(book, key, key, student, scores, unchanged)


def _first_entry(
    book: Gradebook, key: str, student: str, scores: Scores, unchanged: frozenset[str], **known: Any
) -> SubmittedAssignment:
    """What `add_submission` makes, with its marks in it: nothing is read again to be marked."""
    rows = (
        book.db.query(Notebook.id, Notebook.assignment_id, BaseCell.id, BaseCell.name, BaseCell.type)
        .join(Assignment, Assignment.id == Notebook.assignment_id)
        .join(BaseCell, BaseCell.notebook_id == Notebook.id)
        .filter(Assignment.name == key, Notebook.name == key)
        .all()
    )
    entry = SubmittedAssignment(assignment_id=rows[0][1], student_id=student, **known)
    notebook = SubmittedNotebook(notebook_id=rows[0][0], assignment=entry)
    for _, _, cell, name, kind in rows:
        if kind in ("GradeCell", "TaskCell"):
            _save_grade(Grade(cell_id=cell, notebook=notebook), scores.get(name))
        if kind in ("SolutionCell", "TaskCell"):
            Comment(cell_id=cell, notebook=notebook, auto_comment=_comment(name, unchanged))
    return entry


def _comment(name: str, unchanged: frozenset[str]) -> str | None:
    return "No response." if name in unchanged else None


def save_scores(
    book: Gradebook, assignment: str, notebook: str, student: str, scores: Scores, unchanged: frozenset[str]
) -> None:
    """Write the automatic marks and comments of a submission that the gradebook knows already.

    A cell without a score, such as nbgrader's tasks, is for a person to mark.
    """
    submitted = book.find_submission_notebook(notebook, assignment, student)
    for grade in submitted.grades:
        _save_grade(grade, scores.get(grade.name))
    for comment in submitted.comments:
        comment.auto_comment = _comment(comment.name, unchanged)
    book.db.commit()


def _save_grade(grade: Grade, points: float | None) -> None:
    """A new automatic mark asks a person to look again only where one has marked by hand before."""
    same = grade.auto_score == points and not (grade.needs_manual_grade and points is not None)
    if same:
        return
    grade.auto_score = points
    grade.needs_manual_grade = grade.manual_score is not None or points is None
