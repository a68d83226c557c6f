"""nbgrader's autograde with this engine where its kernel stood.

`nbgrader_config.py` names these classes; `nbgrader autograde <key>` then reads a submission as the engine does, runs
it as the engine does, and enters the engine's points: what a notebook prints or forges is never read for a mark. Any
nbgrader course can use them: a lab is what stands in its source folder.
"""

from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from course_utils.grading.classroom.hand_ins import HandIn
from course_utils.grading.classroom.coordinator import scores
from course_utils.grading.gradebook.database import released_sources, save_scores, transaction
from course_utils.grading.classroom.results import Results
from course_utils.grading.engine.runner import refused
from course_utils.grading.engine.handed_in import SubmissionError
from course_utils.grading.classroom.worker import Job, Marked, mark, shown
from course_utils.grading.gradebook.exchange_files import carry
from course_utils.grading.gradebook.hand_marks import ask_again
from course_utils.grading.gradebook.times import TimeError
from course_utils.grading.sandbox.limits import CLASS
from course_utils.labs.lab import Lab, from_notebook

Resources = dict[str, Any]


class SubmissionExporter(NotebookExporter):
    """Stands where nbgrader reads notebooks, and hands on an empty one instead of the student's.

    nbgrader would read the whole file with its metadata, and end the run for everybody where that fails. The engine
    reads it later, and takes from it what the student wrote and nothing else.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        course = getattr(self.parent, "coursedir", None)
        if course is not None:
            # What else was handed in stays where it is: nbgrader would copy it, following links to others' files.
            course.ignore = ["*"]
            course.get_existing_timestamp = _timestamp

    def from_filename(  # type: ignore[override]
        self, filename: str, resources: Any = None, **kwargs: Any
    ) -> tuple[str, Resources]:
        """An empty notebook, run through the preprocessors: `Grade` fills it."""
        return self.from_notebook_node(nbformat.v4.new_notebook(), resources, **kwargs)


def _timestamp(folder: str) -> Any:
    """When a submission was handed in; nbgrader ends the whole run where a student's file holds no date."""
    try:
        return HandIn("", (Path(folder),)).timestamp
    except TimeError:
        return None


def source_lab(course: CourseDirectory, facts: Resources) -> Lab:
    """The lab whose submission nbgrader is converting, from the course's source folder.

    Raises:
        FileNotFoundError: it has no source there.
    """
    assignment, notebook = facts["assignment"], facts["notebook"]
    path = Path(course.format_path(course.source_directory, ".", assignment)) / f"{notebook}.ipynb"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; marking needs the instructor's notebook")
    return Lab(notebook, from_notebook(nbformat.read(path, as_version=4)))


class Grade(NbGraderPreprocessor):
    """Stands where `Execute` stood: marks the submission, and puts the marked notebook in its place."""

    sandboxed = Bool(
        True, help="Close the student's code off; without it, it runs with your own rights."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The verdict goes on in memory, in `resources`, where no cell can reach it."""
        facts, course = resources["nbgrader"], self.parent.parent.coursedir
        lab = source_lab(course, facts)
        folder = Path(course.format_path(course.submitted_directory, facts["student"], facts["assignment"]))
        with Gradebook(facts["db_url"]) as book:
            released = released_sources(book, facts["assignment"], facts["notebook"])
        room = Path(course.format_path(course.submitted_directory, ".", ".")).parent
        marked = _marked(
            facts,
            lab,
            HandIn(facts["student"], (folder,)),
            released,
            Results(room.resolve(), lab, self.sandboxed),
            self.sandboxed,
        )
        carry(folder, Path(course.format_path(course.autograded_directory, facts["student"], facts["assignment"])))
        resources["course"] = (lab, marked)
        return nbformat.reads(marked.notebook, as_version=4), resources


def _marked(
    facts: Resources,
    lab: Lab,
    hand_in: HandIn,
    released: dict[str, str],
    results: Results,
    sandboxed: bool,
) -> Marked:
    """Mark a submission, or take what is known of it."""
    try:
        handed_in = hand_in.read(lab, CLASS)
    except SubmissionError as error:
        return shown(lab, refused(lab, str(error)))
    found = handed_in.digest
    kept = results.find(hand_in.student, found)
    job = Job(lab, handed_in, released, CLASS, sandboxed)
    marked = mark(job if kept is None else job.going_on(kept))
    with Gradebook(facts["db_url"]) as book:
        notebook = book.find_submission_notebook(facts["notebook"], facts["assignment"], facts["student"])
        before, file = results.work(hand_in.student), results.hand_marks(hand_in.student)
        ask_again(book, notebook, before, marked.work, file)
    results.keep(hand_in.student, found, marked.verdict, marked.unchanged, marked.work)
    return marked


class SaveVerdict(NbGraderPreprocessor):
    """Stands where `SaveAutoGrades` stood: enters the verdict's points, and reads no output."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Enter what `Grade` left in `resources`."""
        facts = resources["nbgrader"]
        lab, marked = resources.pop("course")
        with Gradebook(facts["db_url"]) as book, transaction(book):
            marks = scores(marked.verdict, lab, marked.unchanged)
            save_scores(
                book, facts["assignment"], facts["notebook"], facts["student"], marks, marked.unchanged
            )
        return nb, resources
