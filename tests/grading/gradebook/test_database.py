"""The gradebook: whole entries, written once, a teacher's own marks untouched."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import nbgrader.api
import pytest
from nbgrader.api import Gradebook
from sqlalchemy import text

from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.entries import entries
from course_utils.labs.lab import Cell
from tests.grading.room import make_room
from tests.grading.tiny import LAB

MARKS = {"add_values": 2.0, "scale_values": 0.0, "mean_values": 1.0, "why_divide": None}


@pytest.fixture
def room(tmp_path):
    return make_room(tmp_path)


def enter(book, student="ada", marks=MARKS, unchanged=frozenset()):
    gradebook.enter_submission(book, "tiny", student, marks, unchanged)


def test_an_entry_holds_points_sum_and_what_a_person_has_to_mark(room):
    with gradebook.opened(room) as book:
        enter(book)
        entry = entries(book, "tiny")["ada"]
    assert entry.auto == MARKS
    assert (entry.score, entry.max_score, entry.needs_hand) == (3.0, 7.5, True)


def test_an_older_gradebook_says_how_it_is_brought_up_to_date(room):
    with gradebook.opened(room) as book:
        book.db.execute(text("ALTER TABLE student RENAME COLUMN lms_user_id TO before"))
        book.db.commit()
    with (
        pytest.raises(OSError, match="keep a copy and run: nbgrader db upgrade"),
        gradebook.opened(room) as book,
    ):
        enter(book)


def test_a_new_gradebook_has_nbgraders_version_and_no_program_is_started_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    newest = nbgrader.api.get_alembic_version()
    monkeypatch.setattr(
        nbgrader.api, "get_alembic_version", lambda: pytest.fail("started for a new gradebook")
    )
    with gradebook.opened(tmp_path) as book:
        assert book.db.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest]
        assert not book.students


def test_entering_twice_changes_nothing(room):
    with gradebook.opened(room) as book:
        enter(book)
        first = entries(book, "tiny")
        enter(book)
        assert entries(book, "tiny") == first
        assert len(book.find_assignment("tiny").submissions) == 1


def test_a_submission_is_entered_whole_or_not_at_all(room, monkeypatch):
    def fail(*_):
        raise KeyboardInterrupt

    with gradebook.opened(room) as book:
        monkeypatch.setattr(gradebook, "_save_grade", fail)
        with pytest.raises(KeyboardInterrupt):
            enter(book)
    with gradebook.opened(room) as book:
        assert entries(book, "tiny") == {}
        assert book.students == []


def test_a_teachers_marks_stay_and_are_looked_at_again_only_where_the_automatic_mark_changes(room):
    with gradebook.opened(room) as book:
        enter(book)
        grade = book.find_grade("scale_values", "tiny", "tiny", "ada")
        grade.manual_score, grade.needs_manual_grade = 1.0, False
        book.db.commit()
        enter(book)
        assert not book.find_grade("scale_values", "tiny", "tiny", "ada").needs_manual_grade
        enter(book, marks=MARKS | {"scale_values": 1.5})
        grade = book.find_grade("scale_values", "tiny", "tiny", "ada")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (1.5, 1.0, True)


def test_a_cell_that_was_not_touched_is_commented(room):
    with gradebook.opened(room) as book:
        enter(book, unchanged=frozenset({"mean"}))
        assert book.find_comment("mean", "tiny", "tiny", "ada").auto_comment == "No response."
        assert book.find_comment("add", "tiny", "tiny", "ada").auto_comment is None


def changed(name, source):
    cells = tuple(replace(cell, source=source) if cell.name == name else cell for cell in LAB.cells)
    return replace(LAB, cells=cells)


def test_a_changed_check_keeps_what_was_entered(room):
    with gradebook.opened(room) as book:
        enter(book)
    gradebook.enter_assignment(room, changed("scale_values", "pass"))
    with gradebook.opened(room) as book:
        assert entries(book, "tiny")["ada"].auto == MARKS
        assert book.find_source_cell("scale_values", "tiny", "tiny").source == "pass"


def test_an_added_check_is_entered_but_not_over_marks_given_by_hand(room):
    more = replace(LAB, cells=(*LAB.cells, Cell("test", "pass", "one_more", 1)))
    with gradebook.opened(room) as book:
        enter(book)
        book.find_grade("why_divide", "tiny", "tiny", "ada").manual_score = 1.0
        book.db.commit()
    with pytest.raises(gradebook.GradebookError, match="given by hand"):
        gradebook.enter_assignment(room, more)
    gradebook.enter_assignment(room, more, force=True)
    with gradebook.opened(room) as book:
        assert "one_more" in {cell.name for cell in book.find_notebook("tiny", "tiny").grade_cells}


def test_the_source_cells_are_those_that_nbgrader_itself_keeps(room):
    with Gradebook(gradebook.url(room)) as book:
        cells = {cell.name: cell for cell in book.find_notebook("tiny", "tiny").source_cells}
    assert "raise NotImplementedError" in cells["add"].source
    assert "return a + b" not in cells["add"].source
    assert "BEGIN HIDDEN TESTS" in cells["add_values"].source
    assert cells["add_values"].locked


def test_a_full_disk_is_one_line_and_loses_nothing(room):
    with gradebook.opened(room) as book:
        enter(book)
    with pytest.raises(OSError, match="nothing is lost"), gradebook.opened(room) as book:  # noqa: PT012
        pages = book.db.connection().exec_driver_sql("PRAGMA page_count").scalar()
        book.db.connection().exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for number in range(500):
            enter(book, student=f"student-{number}")
    with gradebook.opened(room) as book:
        assert entries(book, "tiny")["ada"].auto == MARKS
