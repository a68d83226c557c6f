"""nbgrader's commands, typed in this folder, work on the course's classroom and mark with the course's engine."""

from course_utils.chapters import ROOT
from course_utils.release import classroom, find_alembic

c = get_config()  # noqa: F821 - nbgrader puts it here

find_alembic()
room = classroom()

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = str(room / "source")
c.CourseDirectory.release_directory = str(ROOT / "labs")
c.CourseDirectory.submitted_directory = str(room / "submitted")
c.CourseDirectory.autograded_directory = str(room / "autograded")
c.CourseDirectory.feedback_directory = str(room / "feedback")
c.CourseDirectory.db_url = f"sqlite:///{room / 'gradebook.db'}"

c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}

# How a submission is read, run and marked: course_utils/grading/preprocessors.py says why.
c.Autograde.exporter_class = "course_utils.grading.preprocessors.SubmissionExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "course_utils.grading.preprocessors.Grade",
    "course_utils.grading.preprocessors.SaveVerdict",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# A page that shows a student its own work and no hidden test: course_utils/grading/feedback.py.
c.GenerateFeedback.exporter_class = "course_utils.grading.feedback.FeedbackExporter"
c.GenerateFeedback.preprocessors = ["course_utils.grading.feedback.GetMarks"]
