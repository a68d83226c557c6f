"""The sample class is made of what the lab's authors wrote, and of what every teacher has seen."""

import json

import nbformat
import pytest

from course_utils.topics import PROVEN
from course_utils.grading.classroom.sample import make_sample, sample
from course_utils.labs.lab import LabError
from tests.grading.room import sample_texts
from tests.grading.tiny import LAB, WRONG


def cells(text):
    """Sources by name."""
    nodes = nbformat.reads(text, as_version=4).cells
    return {node.metadata.nbgrader.grade_id: node.source for node in nodes if "nbgrader" in node.metadata}


def test_perfect_is_the_reference_without_nbgraders_marks():
    assert cells(sample_texts()["perfect"])["add"].splitlines()[-1] == "    return a + b"
    assert "SOLUTION" not in sample_texts()["perfect"]


def test_another_way_takes_the_right_answers_and_a_mistake_one_wrong_one():
    assert "torch.add" in cells(sample_texts()["another-way"])["add"]
    mistaken = cells(sample_texts()["mistake-in-scale"])
    assert mistaken["scale"] == WRONG[1].source
    assert mistaken["add"] == cells(sample_texts()["perfect"])["add"]


def test_untouched_is_the_release():
    written = cells(sample_texts()["untouched"])
    assert all("raise NotImplementedError" in written[name] for name in ("add", "scale", "mean"))
    assert written["why_divide"] == "YOUR ANSWER HERE"


def test_half_done_stops_in_the_middle():
    written = cells(sample_texts()["half-done"])
    assert ["NotImplementedError" in written[name] for name in ("add", "scale", "mean")] == [
        False,
        False,
        True,
    ]


def test_crash_and_loop_stand_in_the_body_of_one_exercise():
    for student, statement in (("crash", "os._exit(1)"), ("endless-loop", "while True: pass")):
        written = cells(sample_texts()[student])
        compile(written["mean"], "mean", "exec")
        assert f"    {statement}" in written["mean"].splitlines()


def test_cut_off_is_no_json_and_deleted_checks_are_gone():
    with pytest.raises(json.JSONDecodeError):
        json.loads(sample_texts()["cut-off"])
    assert not set(cells(sample_texts()["checks-deleted"])) & {"add_values", "scale_values", "mean_values"}
    assert "100.0" in cells(sample_texts()["checks-edited"])["add_values"]


def test_no_hidden_test_is_handed_out():
    assert not [student for student, text in sample_texts().items() if "SECRET" in text]


@pytest.mark.parametrize("key", PROVEN)
def test_every_lab_has_its_sample_class(key, tmp_path):
    paths = make_sample(key, tmp_path)
    students = {path.parent.parent.name for path in paths}
    assert len(students) >= 8
    assert {
        "perfect",
        "another-way",
        "untouched",
        "half-done",
        "crash",
        "endless-loop",
        "cut-off",
    } <= students
    assert any(student.startswith("mistake-in-") for student in students)
    assert all(
        path == tmp_path / "submitted" / path.parent.parent.name / key / f"{key}.ipynb" for path in paths
    )


def test_a_lab_without_release_says_how_to_make_it(tmp_path):
    with pytest.raises(LabError, match="course release neurons"):
        list(sample("neurons", tmp_path))


def test_the_tiny_lab_has_a_mistake_in_each_exercise():
    assert {answer.cell for answer in WRONG} == {cell.name for cell in LAB.cells if cell.kind == "solution"}
