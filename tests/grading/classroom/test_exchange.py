"""A lab's whole way through nbgrader's file exchange: release, fetch, submit, collect, grade, and the feedback back."""

import os

import pytest
from nbgrader.utils import get_username

from course_utils.grading.classroom.coordinator import Settings, mark_class
from course_utils.grading.gradebook.pages import write_feedback
from course_utils.topics import ROOT
from tests.grading.room import LIMITS, hand_in, make_room, marks, release_text, sample_texts
from tests.grading.tiny import LAB
from tests.grading.typed import nbgrader

ALL = {"add_values": 2.0, "scale_values": 1.5, "mean_values": 3.0, "why_divide": None}


@pytest.fixture
def exchange(tmp_path, monkeypatch):
    """An exchange, a student's home, and a classroom with the tiny lab released."""
    for name in ("exchange", "home", "cache", "release/tiny"):
        (tmp_path / name).mkdir(parents=True)
    os.chmod(tmp_path / "exchange", 0o777)
    (tmp_path / "release/tiny/tiny.ipynb").write_text(release_text())
    room = make_room(tmp_path)
    monkeypatch.setenv("COURSE_CLASSROOM", str(room))
    return tmp_path, room


def words(folder, *command):
    """A command with the folders of this exchange."""
    places = (f"--Exchange.root={folder / 'exchange'}", f"--Exchange.cache={folder / 'cache'}")
    more = (f"--Exchange.assignment_dir={folder / 'home'}", f"--CourseDirectory.release_directory={folder / 'release'}")
    return (ROOT, *command, "tiny", "--course", "course", *places, *more)


def test_a_lab_goes_out_and_its_feedback_comes_back(exchange):
    folder, room = exchange
    student = get_username()
    nbgrader(words(folder, "release_assignment"), words(folder, "fetch_assignment"))
    assert (folder / "home/tiny/tiny.ipynb").read_text() == release_text()
    (folder / "home/tiny/tiny.ipynb").write_text(sample_texts()["perfect"])
    nbgrader(words(folder, "submit"), words(folder, "collect"))
    hand_in(room, "by-mail", sample_texts()["perfect"])  # without the exchange's files: it must not stop the others
    summary = mark_class(LAB, room, Settings(limits=LIMITS))
    assert marks(room) == {student: ALL, "by-mail": ALL}
    assert summary.left == []
    assert write_feedback("tiny", room) == 2
    nbgrader(words(folder, "release_feedback"), words(folder, "fetch_feedback"))
    pages = list((folder / "home/tiny/feedback").glob("*/tiny.html"))
    assert len(pages) == 1
    assert pages[0].read_text() == (room / f"feedback/{student}/tiny/tiny.html").read_text()
    assert "of 7.5 points" in pages[0].read_text()


def test_the_same_with_nbgraders_own_autograde_and_generate_feedback(exchange):
    folder, room = exchange
    (folder / "home/tiny").mkdir()
    (folder / "home/tiny/tiny.ipynb").write_text(sample_texts()["perfect"])
    nbgrader(
        words(folder, "release_assignment"),
        words(folder, "submit"),
        words(folder, "collect"),
        (ROOT, "autograde", "tiny"),
        (ROOT, "generate_feedback", "tiny"),
        words(folder, "release_feedback"),
        words(folder, "fetch_feedback"),
    )
    assert marks(room) == {get_username(): ALL}
    assert len(list((folder / "home/tiny/feedback").glob("*/tiny.html"))) == 1
