"""The same mark in every output: the table, its CSV, the feedback page, formgrader and nbgrader's export."""

import csv
import re
import unicodedata
from dataclasses import dataclass

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins.export import CsvExportPlugin
from traitlets.config import Config

from course_utils.grading.classroom.hand_ins import HandIn
from course_utils.grading.engine.verdict import CheckResult, Verdict
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.deadlines import Deadlines, enter, refresh
from course_utils.grading.gradebook.marked_notebook import notebook_of
from course_utils.grading.gradebook.pages import write_feedback
from course_utils.grading.gradebook.table import rows, table, totals
from course_utils.grading.gradebook.times import teach_nbgrader
from tests.grading.room import make_room
from tests.grading.tiny import LAB

ALL = {"add_values": 2.0, "scale_values": 1.5, "mean_values": 3.0, "why_divide": None}
DEADLINES = """
timezone = "Europe/Berlin"
times = "exchange"
grace_minutes = 15
share_a_day = 0.1
cap = 0.5
[tiny]
due = 2026-11-20T23:59:00
[tiny.extensions]
longer = 2026-11-27T23:59:00
days = 2
"""


@dataclass(frozen=True)
class Case:
    """What the engine found, what the teacher did, when it was handed in; and what must come of it."""

    raw: float
    late: float = 0.0
    auto: dict[str, float | None] | None = None
    hand: dict[str, float] | None = None
    extra: dict[str, float] | None = None
    time: str = ""
    withdrawn: bool = False
    nothing: bool = False


CASES = {
    "plain": Case(6.5),
    "nought": Case(0.0, auto=dict.fromkeys(ALL, 0.0)),
    "part": Case(4.5, auto=ALL | {"mean_values": 1.0}),
    "third": Case(6.5 - 2 / 3, auto=ALL | {"add_values": 4 / 3}),
    "answered": Case(7.5, hand={"why_divide": 1.0}),
    "half-answered": Case(7.0, hand={"why_divide": 0.5}),
    "raised": Case(6.5, auto=ALL | {"scale_values": 0.0}, hand={"scale_values": 1.5}),
    "lowered": Case(4.5, hand={"add_values": 0.0}),
    "extra": Case(7.5, extra={"add_values": 1.0}),
    "extra-beside-a-hand-mark": Case(8.0, hand={"why_divide": 1.0}, extra={"why_divide": 0.5}),
    "extra-on-what-nobody-has-marked": Case(6.5, extra={"why_divide": 0.5}),
    "taken-off-by-hand": Case(6.0, extra={"mean_values": -0.5}),
    "in-time": Case(6.5, time="2026-11-20 23:58:59.000000 CET"),
    "in-grace": Case(6.5, time="2026-11-21 00:10:00 CET"),
    "a-day-late": Case(6.5, 0.65, time="2026-11-21 20:00:00.000000 UTC"),
    "three-days-late": Case(6.5, 1.95, time="2026-11-23T10:00:00+01:00"),
    "beyond-the-cap": Case(6.5, 3.25, time="2026-12-24 00:00:00 UTC"),
    "late-and-answered": Case(7.5, 0.75, hand={"why_divide": 1.0}, time="2026-11-21 20:00:00 UTC"),
    "late-with-nought": Case(0.0, auto=dict.fromkeys(ALL, 0.0), time="2026-11-21 20:00:00 UTC"),
    "longer": Case(6.5, time="2026-11-27 22:00:00 UTC"),
    "days": Case(6.5, 0.65, time="2026-11-23 20:00:00 UTC"),
    "in-time-in-Singapore": Case(6.5, time="2026-11-21 05:30:00 +0800"),
    "late-in-New-York": Case(6.5, 0.65, time="2026-11-20 18:30:00 EST"),
    "withdrawn": Case(6.5, withdrawn=True),
    "nothing-handed-in": Case(0.0, nothing=True),
    "Jose\u0301, =1+1": Case(6.5),
}


def entered(book, room, student, case):
    """What a run of the engine, a teacher in formgrader and the exchange leave of one case."""
    student = unicodedata.normalize("NFC", student)
    book.update_or_create_student(student, first_name="=A1", last_name="Müller, Jr.", email="a@b.org")
    if case.nothing:
        return
    auto = case.auto or ALL
    gradebook.enter_submission(book, "tiny", student, auto, frozenset())
    for grade in book.find_submission_notebook("tiny", "tiny", student).grades:
        grade.manual_score = (case.hand or {}).get(grade.name)
        grade.extra_credit = (case.extra or {}).get(grade.name)
        grade.needs_manual_grade = grade.auto_score is None and grade.manual_score is None
    checks = tuple(
        CheckResult(cell.name, auto[cell.name] or 0.0, cell.points, "passed")
        for cell in LAB.cells
        if cell.points
    )
    marked = room / "autograded" / student / "tiny/tiny.ipynb"
    marked.parent.mkdir(parents=True)
    marked.write_text(notebook_of(LAB, None, Verdict("tiny", "", "graded", checks=checks)))
    folder = room / "submitted" / student / "tiny"
    if not case.withdrawn:
        folder.mkdir(parents=True)
        (folder / "tiny.ipynb").write_text("{}")
        if case.time:
            (folder / "timestamp.txt").write_text(case.time)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A classroom with all cases, and their feedback."""
    room = make_room(tmp_path_factory.mktemp("truth"))
    (room / "deadlines.toml").write_text(DEADLINES)
    with gradebook.opened(room) as book:
        for student, case in CASES.items():
            entered(book, room, student, case)
        places = {path.name: path / "tiny" for path in (room / "submitted").iterdir()}
        times = {student: HandIn(student, (place,)).timestamp for student, place in places.items()}
        enter(book, Deadlines.load(room), "tiny", times)
    write_feedback("tiny", room)
    return room


def in_table(room):
    found = {}
    for line in table(room, ("tiny",))[1:]:
        match = re.fullmatch(r"(.+?) +(?:–|(\S+)/7\.5[*† ])", line)
        if match:
            found[match[1]] = float(match[2] or 0)
    return found


def in_rows(room):
    found = {}
    for line in csv.DictReader(rows(room, ("tiny",))):
        found[line["student"]] = found.get(line["student"], 0.0) + float(line["points"] or 0)
    return found


def in_totals(room):
    lines = csv.DictReader(totals(room, ("tiny",)))
    return {
        line["student"]: (float(line["raw"]), float(line["late"]), float(line["total"])) for line in lines
    }


def in_pages(room):
    found = {}
    for path in (room / "feedback").glob("*/tiny/tiny.html"):
        said = re.search(r'class="total"><strong>(.+?)</strong> of 7\.5', path.read_text())
        found[path.parent.parent.name] = float(said[1])
    return found


def in_formgrader(room):
    teach_nbgrader()  # as nbgrader_config.py does
    config = Config()
    config.CourseDirectory.update(root=str(room), db_url=gradebook.url(room))
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    return {one["student"]: one["score"] for one in api.get_submissions("tiny")}


def in_export(room, folder):
    # nbgrader's own plugin quotes nothing: names with commas are taken out for it, as they must be for anybody.
    with Gradebook(gradebook.url(room)) as book:
        CsvExportPlugin(to=str(folder / "grades.csv")).export(book)
    found = {}
    for line in (folder / "grades.csv").read_text().splitlines()[1:]:
        raw, late, score, most = line.split(",")[-4:]
        assert float(most) == 7.5
        found[line.split(",Müller, Jr.,")[0].split(",", 3)[3]] = (float(raw), float(late), float(score))
    return found


def test_every_output_says_the_same(room, tmp_path):
    expected = {unicodedata.normalize("NFC", student): case for student, case in CASES.items()}
    seen_rows, seen_totals = in_rows(room), in_totals(room)
    seen = in_table(room), in_pages(room), in_formgrader(room), in_export(room, tmp_path)
    assert len(expected) >= 20
    wrong = []
    for student, case in expected.items():
        total = case.raw - case.late
        said = [(case.raw, seen_rows.get(student, 0.0)), (total, seen[0].get(student))]
        said += list(zip((case.raw, case.late, total), seen_totals[student]))
        said += list(zip((case.raw, case.late, total), seen[3][student]))
        if not case.nothing:
            said += [(total, seen[1][student]), (case.raw, seen[2][student])]
        wrong += [(student, *pair) for pair in said if pair[1] is None or abs(pair[0] - pair[1]) > 0.0051]
    assert wrong == []


def test_the_roster_the_withdrawn_and_who_marked_are_shown(room):
    states = {line["student"]: line["state"] for line in csv.DictReader(totals(room, ("tiny",)))}
    assert states["nothing-handed-in"] == "none"
    assert states["withdrawn"] == "withdrawn"
    assert states["plain"] == "waiting"
    assert states["answered"] == "marked"
    by = {
        (line["student"], line["check"], line["by"]): line["points"]
        for line in csv.DictReader(rows(room, ("tiny",)))
    }
    assert by["raised", "scale_values", "hand"] == "1.5"
    assert by["extra", "add_values", "extra"] == "1"
    assert by["plain", "add_values", "automatic"] == "2"
    assert by["plain", "why_divide", "hand"] == ""
    text = "\n".join(table(room, ("tiny",)))
    assert "† marked once" in text
    assert re.search(r"nothing-handed-in +–", text)


def test_names_are_quoted_and_no_spreadsheet_computes_them(room):
    for line in (*csv.DictReader(rows(room, ("tiny",))), *csv.DictReader(totals(room, ("tiny",)))):
        assert (line["last_name"], line["first_name"]) == ("Müller, Jr.", "'=A1")
    assert "Jos\u00e9, =1+1" in {line["student"] for line in csv.DictReader(rows(room, ("tiny",)))}


def test_a_page_says_what_a_teacher_changed(room):
    page = (room / "feedback/raised/tiny/tiny.html").read_text()
    assert "Points changed by your teacher, from 0 to 1.5." in page
    assert "changed by your teacher" not in (room / "feedback/answered/tiny/tiny.html").read_text()
    assert "With 1 points of extra credit." in (room / "feedback/extra/tiny/tiny.html").read_text()


def test_what_lateness_takes_follows_a_mark_by_hand(room):
    with gradebook.opened(room) as book:
        grade = book.find_grade("add_values", "tiny", "tiny", "a-day-late")
        grade.manual_score = 0.0
        book.db.commit()
    refresh(room, ("tiny",))
    assert in_totals(room)["a-day-late"] == pytest.approx((4.5, 0.45, 4.05))
    with gradebook.opened(room) as book:
        book.find_grade("add_values", "tiny", "tiny", "a-day-late").manual_score = None
        book.db.commit()
    refresh(room, ("tiny",))
