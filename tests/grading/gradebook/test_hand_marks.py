"""A teacher's own mark holds for the work that it was given for, and is a proposal for any other."""

import pytest

from course_utils.grading.engine.notebook import StudentCell
from course_utils.grading.engine.submission import Submission
from course_utils.grading.engine.work import work_of
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.hand_marks import ask_again
from tests.grading.room import make_room
from tests.grading.tiny import CELLS

MARKS = {"add_values": 2.0, "scale_values": 0.0, "mean_values": 1.0, "why_divide": None}
FIRST, SECOND = {"why_divide": "a", "scale_values": "s"}, {"why_divide": "b", "scale_values": "s"}


@pytest.fixture
def class_of_one(tmp_path):
    """A function that asks again for ada, from one work to another; and ada's grade."""
    room = make_room(tmp_path)
    with gradebook.opened(room) as book:
        gradebook.enter_submission(book, "tiny", "ada", MARKS, frozenset())
        notebook = book.find_submission_notebook("tiny", "tiny", "ada")

        def ask(before, now):
            return ask_again(book, notebook, before, now, tmp_path / "hand/ada.json")

        def by_hand(name, score):
            grade = book.find_grade(name, "tiny", "tiny", "ada")
            grade.manual_score, grade.needs_manual_grade = score, False
            book.db.commit()
            return grade

        yield ask, by_hand


def test_nothing_is_asked_where_nobody_has_marked_by_hand(class_of_one):
    ask, _ = class_of_one
    assert ask(FIRST, SECOND) == []


def test_unchanged_work_keeps_its_mark_and_changed_work_is_looked_at_again(class_of_one):
    ask, by_hand = class_of_one
    grade = by_hand("why_divide", 1.0)
    assert ask(FIRST, FIRST) == []
    assert not grade.needs_manual_grade
    assert ask(FIRST, SECOND) == ["why_divide"]
    assert (grade.manual_score, grade.needs_manual_grade) == (1.0, True)
    assert ask(SECOND, SECOND) == ["why_divide"]  # for as long as nobody has looked
    assert ask(SECOND, FIRST) == []  # what was judged is back
    assert not grade.needs_manual_grade


@pytest.mark.parametrize("score", [1.0, 0.5])
def test_whoever_confirms_or_changes_the_mark_has_judged_the_new_work(class_of_one, score):
    ask, by_hand = class_of_one
    by_hand("why_divide", 1.0)
    ask(FIRST, SECOND)
    grade = by_hand("why_divide", score)  # in formgrader
    assert ask(SECOND, SECOND) == []
    assert not grade.needs_manual_grade
    assert ask(SECOND, FIRST) == ["why_divide"]


def test_an_override_of_a_check_asks_again_when_its_exercise_changes(class_of_one):
    ask, by_hand = class_of_one
    grade = by_hand("scale_values", 1.5)
    assert ask(FIRST, SECOND) == []
    assert ask(SECOND, SECOND | {"scale_values": "t"}) == ["scale_values"]
    assert (grade.manual_score, grade.needs_manual_grade) == (1.5, True)


def test_work_that_cannot_be_read_any_more_asks_again(class_of_one):
    ask, by_hand = class_of_one
    by_hand("why_divide", 1.0)
    assert ask(FIRST, {}) == ["why_divide"]


def submission(**sources):
    cells = tuple(
        StudentCell(cell.kind != "answer", cell.name, sources.get(cell.name, cell.source))
        for cell in CELLS
        if cell.kind in ("solution", "answer")
    )
    return Submission(cells, "")


def test_the_work_of_a_check_is_what_it_names_and_an_answer_its_own_text():
    before = work_of(CELLS, submission())

    def moved(**sources):
        now = work_of(CELLS, submission(**sources))
        return {name for name in before if before[name] != now[name]}

    assert set(before) == set(MARKS)
    assert moved(scale="def scale(x, factor):\n    return x") == {"scale_values"}
    assert moved(why_divide="Because.") == {"why_divide"}
    assert moved(mean="def mean(x):\n    return add(x, x)") == {"mean_values"}
    assert moved(add="def add(a, b):\n    return a") == {"add_values"}
    chained = submission(mean="def mean(x):\n    return add(x, x)")
    other = submission(mean="def mean(x):\n    return add(x, x)", add="def add(a, b):\n    return a")
    assert work_of(CELLS, chained)["mean_values"] != work_of(CELLS, other)["mean_values"]
