"""nbgrader's commands, typed in this folder, work on the course's classroom and mark with the course's engine."""

from course_utils.grading.gradebook.database import url
from course_utils.grading.gradebook.times import teach_nbgrader
from course_utils.labs.release import classroom, find_alembic
from course_utils.topics import ROOT

c = get_config()  # noqa: F821 - nbgrader puts it here

find_alembic()
teach_nbgrader()
room = classroom()

c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = str(room / "source")
c.CourseDirectory.release_directory = str(ROOT / "labs")
c.CourseDirectory.submitted_directory = str(room / "submitted")
c.CourseDirectory.autograded_directory = str(room / "autograded")
c.CourseDirectory.feedback_directory = str(room / "feedback")
c.CourseDirectory.db_url = url(room)

c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}

# How a submission is read, run and marked: course_utils/grading/classroom/autograde.py says why.
c.Autograde.exporter_class = "course_utils.grading.classroom.autograde.SubmissionExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "course_utils.grading.classroom.autograde.Grade",
    "course_utils.grading.classroom.autograde.SaveVerdict",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# What lateness takes, as the classroom's deadlines.toml says.
c.AssignLatePenalties.plugin_class = "course_utils.grading.gradebook.deadlines.CourseDeadlines"

# A page that shows a student its own work and no hidden test: course_utils/grading/gradebook/feedback.py.
c.GenerateFeedback.exporter_class = "course_utils.grading.gradebook.feedback.FeedbackExporter"
c.GenerateFeedback.preprocessors = ["course_utils.grading.gradebook.feedback.GetMarks"]
