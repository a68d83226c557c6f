"""Every student's feedback page of a lab, made by nbgrader's own `generate_feedback`."""

import logging
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_utils.grading.gradebook.database import url
from course_utils.grading.gradebook.feedback import FeedbackExporter, GetMarks
from course_utils.one_line import one_line
from course_utils.progress import bar

PAGE_SECONDS = 60  # of wall time; a page takes a tenth of one
_CONTEXT = multiprocessing.get_context("fork")


class FeedbackError(ValueError):
    """There is nothing to give feedback on, or a page cannot be made; the message says what to do."""


def write_feedback(key: str, room: Path) -> int:
    """Write `feedback/<student>/<key>/<key>.html` for all who are marked; returns the number of pages.

    Raises:
        FeedbackError: nobody is marked, or a page could not be made; the others' are written.
    """
    marked = [path for path in (room / "autograded").glob(f"*/{key}/{key}.ipynb") if path.is_file()]
    students = sorted(path.parent.parent.name for path in marked)
    if not students:
        raise FeedbackError(f"{key}: nothing is marked yet; run: course grade {key}")
    failed = []
    with bar(len(students), f"Feedback on {key}") as progress:
        for student, why in _made(key, room, students):
            if why:
                failed.append(f"{one_line(student)} ({one_line(why)})")
            progress.update()
    if failed:
        raise FeedbackError(
            f"{key}: {len(students) - len(failed)} pages are written, none for {', '.join(failed)}; "
            f"open their notebooks in {room / 'autograded'}, or mark them again with: course grade {key} --force"
        )
    return len(students)


def _made(key: str, room: Path, students: list[str]) -> Iterator[tuple[str, str]]:
    """Each student with why there is no page, "" where there is one.

    The pages are made in a process that is ended where one takes too long, and then begun again with the next.
    """
    left = list(students)
    while left:
        ours, theirs = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_make, args=(key, room, left, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            while left and ours.poll(PAGE_SECONDS):
                why = ours.recv_bytes().decode(errors="replace")
                yield left.pop(0), why
            if left:
                yield left.pop(0), f"its page took more than {PAGE_SECONDS} s"
        except EOFError:
            yield left.pop(0), "the process that made its page ended"
        finally:
            process.kill()
            process.join()
            ours.close()


def _make(key: str, room: Path, students: list[str], told: Connection) -> None:
    for student in students:
        told.send_bytes(_why_not(key, room, student).encode(errors="backslashreplace"))


def _why_not(key: str, room: Path, student: str) -> str:
    """Write a page; why that failed, "" where it did not."""
    config = Config()
    config.CourseDirectory.update(root=str(room), assignment_id=key, db_url=url(room))
    config.GenerateFeedback.update(exporter_class=FeedbackExporter, preprocessors=[GetMarks], force=True)
    page = _Page(student, coursedir=CourseDirectory(config=config), config=config)
    page.log.setLevel(logging.CRITICAL)
    try:
        page.start()
    except (Exception, SystemExit) as error:
        return page.why or f"{type(error).__name__}: {error}"
    return ""


class _Page(GenerateFeedback):
    """nbgrader's converter on one student's notebook, whose id may hold what nbgrader takes for a pattern."""

    def __init__(self, student: str, **kwargs: object):
        super().__init__(**kwargs)
        self._student, self.why = student, ""

    def init_notebooks(self) -> None:
        key = self.coursedir.assignment_id
        folder = Path(self._format_source(key, self._student))
        self.assignments = {str(folder): [str(folder / f"{key}.ipynb")]}

    def _format_source(self, assignment_id: str, student_id: str, escape: bool = False) -> str:
        names = [name.replace(".*", "[^/]*") if escape else name for name in (assignment_id, student_id)]
        return super()._format_source(*names, escape=escape)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.why = f"{type(error).__name__}: {error}"
            raise
