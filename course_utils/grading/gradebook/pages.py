"""Every student's feedback page of a lab, made by nbgrader's own `generate_feedback`."""

import logging
from pathlib import Path

from course_utils.progress import bar


class FeedbackError(ValueError):
    """There is nothing to give feedback on, or a page cannot be made; the message says what to do."""


def write_feedback(key: str, room: Path) -> int:
    """Write `feedback/<student>/<key>/<key>.html` for all who are marked; returns the number of pages.

    Raises:
        FeedbackError: nobody is marked, or nbgrader refuses a notebook.
    """
    students = sorted(path.parent.parent.name for path in (room / "autograded").glob(f"*/{key}/{key}.ipynb"))
    if not students:
        raise FeedbackError(f"{key}: nothing is marked yet; run: course grade {key}")
    failed = []
    with bar(len(students), f"Feedback on {key}") as progress:
        for student in students:
            if not _write(key, room, student):
                failed.append(student)
            progress.update()
    if failed:
        raise FeedbackError(
            f"{key}: no page for {', '.join(failed)}; mark them again with: course grade {key} --force"
        )
    return len(students)


def _write(key: str, room: Path, student: str) -> bool:
    from nbgrader.converters import GenerateFeedback
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    from course_utils.grading.gradebook.database import url
    from course_utils.grading.gradebook.feedback import FeedbackExporter, GetMarks

    config = Config()
    config.CourseDirectory.update(root=str(room), assignment_id=key, student_id=student, db_url=url(room))
    config.GenerateFeedback.update(exporter_class=FeedbackExporter, preprocessors=[GetMarks], force=True)
    converter = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
    converter.log.setLevel(logging.CRITICAL)
    try:
        converter.start()
    except (NbGraderException, SystemExit):
        return False
    return True
