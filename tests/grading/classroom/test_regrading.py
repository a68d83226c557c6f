"""A class is marked again: who has to be looked at, whose mark moved and why, and what a dry run leaves alone."""

import argparse
import csv
import hashlib
import json
from dataclasses import replace

import pytest

from course_utils.grading.classroom import cluster, commands
from course_utils.grading.classroom.coordinator import rehearsal
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.entries import entries
from course_utils.grading.gradebook.table import table
from tests.grading.room import hand_in, mark, marked_room, sample_texts
from tests.grading.tiny import LAB

EDITED = replace(
    LAB, cells=tuple(replace(c, source="1 / 0") if c.name == "scale_values" else c for c in LAB.cells)
)


@pytest.fixture(scope="module")
def scheduler():
    """The address of a worker that is warm already."""
    with cluster.Cluster(workers=1).client() as client:
        yield client.scheduler.address


def by_hand(room, student, check, score):
    """What a teacher does in formgrader."""
    with gradebook.opened(room) as book:
        grade = book.find_grade(check, "tiny", "tiny", student)
        grade.manual_score, grade.needs_manual_grade = score, False
        book.db.commit()


def entry(room, student):
    with gradebook.opened(room) as book:
        return entries(book, "tiny")[student]


def answered(text):
    """The perfect notebook with another answer in words."""
    notebook = json.loads(sample_texts()["perfect"])
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "why_divide":
            cell["source"] = text
    return json.dumps(notebook)


def reasons(summary):
    return {change.student: change.why for change in summary.changes}


def test_a_resubmitted_answer_is_a_proposal_and_an_unchanged_one_keeps_its_mark(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    by_hand(room, "perfect", "why_divide", 1.0)
    by_hand(room, "another-way", "why_divide", 0.5)
    summary = mark(room, scheduler=scheduler)
    assert summary.again == {}
    assert reasons(summary) == {"perfect": "marked by hand: why_divide", "another-way": "marked by hand: why_divide"}
    hand_in(room, "perfect", answered("Because it says so."))
    summary = mark(room, scheduler=scheduler)
    assert summary.again == {"perfect": ["why_divide"]}
    assert any("look again: perfect: why_divide" in line for line in summary.lines())
    assert (entry(room, "perfect").score, entry(room, "perfect").needs_hand) == (7.5, True)
    assert (entry(room, "another-way").score, entry(room, "another-way").needs_hand) == (7.0, False)
    assert any(line.startswith("perfect ") and line.endswith("7.5/7.5*") for line in table(room, ("tiny",)))
    assert mark(room, scheduler=scheduler).again == {"perfect": ["why_divide"]}
    by_hand(room, "perfect", "why_divide", 0.0)
    assert mark(room, scheduler=scheduler).again == {}
    assert not entry(room, "perfect").needs_hand


def test_an_edited_check_says_whose_mark_moved_and_why(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    only_two(room)
    before = {student: entry(room, student).score for student in ("perfect", "mistake-in-scale")}
    summary = mark(room, EDITED, scheduler=scheduler)
    assert reasons(summary) == {"perfect": "check edited: scale_values"}
    assert "  moved: perfect 6.5 → 5 (check edited: scale_values)" in summary.lines()
    with (room / "changes.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["why"] != "first marked"]
    assert [(line["student"], line["before"], line["after"]) for line in lines] == [("perfect", "6.5", "5")]
    assert before["perfect"] - entry(room, "perfect").score == 1.5


def only_two(room):
    """Leave the perfect submission and one that the edited check changes nothing for."""
    for folder in (room / "submitted").iterdir():
        if folder.name not in ("perfect", "mistake-in-scale"):
            (folder / "tiny/tiny.ipynb").unlink()
            (folder / "tiny").rmdir()


def test_a_new_submission_and_a_deadline_are_told_apart(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    hand_in(room, "untouched", sample_texts()["perfect"])
    assert reasons(mark(room, scheduler=scheduler)) == {"untouched": "new submission"}
    (room / "deadlines.toml").write_text(
        'times = "exchange"\nshare_a_day = 0.5\n[tiny]\ndue = 2026-11-20T12:00:00\n'
    )
    stamp = room / "submitted/perfect/tiny/timestamp.txt"
    stamp.write_text("2026-11-20 11:00:00 UTC")
    assert mark(room, scheduler=scheduler).changes == []
    stamp.write_text("2026-11-20 12:30:00.000000 UTC")  # nothing else has changed
    assert reasons(mark(room, scheduler=scheduler)) == {"perfect": "deadline"}
    assert (entry(room, "perfect").raw, entry(room, "perfect").score) == (6.5, 3.25)
    stamp.write_text("yesterday evening")
    summary = mark(room, scheduler=scheduler)
    assert any("is no date" in note for note in summary.notes["perfect"])
    assert reasons(summary) == {"perfect": "deadline"}
    (room / "deadlines.toml").write_text("share_a_day = 0.5\n[tiny]\ndue = 2026-11-20T12:00:00\n")
    stamp.write_text("2026-11-20 12:30:00.000000 UTC")
    summary = mark(room, scheduler=scheduler)  # who wrote the file is not said: a student's own date costs nothing
    assert entry(room, "perfect").score == 6.5
    assert any('say times = "exchange"' in line for line in summary.lines())


def everything(room):
    """Every file of a classroom with a hash of it."""
    return {
        str(path.relative_to(room)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(room.rglob("*"))
        if path.is_file()
    }


def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    hand_in(room, "untouched", sample_texts()["perfect"])
    before = everything(room)
    with rehearsal(room, "tiny") as copy:
        summary = mark(copy, scheduler=scheduler)
    assert reasons(summary) == {"untouched": "new submission"}
    assert set(summary.seconds) == {"untouched"}
    assert everything(room) == before


def test_one_student_alone_is_marked(tmp_path, monkeypatch, capsys, scheduler):
    room, _ = marked_room(tmp_path)
    for student in ("untouched", "half-done"):
        hand_in(room, student, sample_texts()["perfect"])
    monkeypatch.setenv("COURSE_CLASSROOM", str(room))
    monkeypatch.setattr(commands, "chosen", lambda args, drafts: ("tiny",))
    monkeypatch.setattr(commands.Lab, "load", lambda key: LAB)
    parser = argparse.ArgumentParser()
    commands.grade.add_arguments(parser)
    words = ["tiny", "--scheduler", scheduler, "--student", "untouched"]
    assert commands.grade.run(parser.parse_args([*words, "--dry-run"])) == 0
    assert "moved: untouched 0 → 6.5 (new submission)" in capsys.readouterr().out
    assert entry(room, "untouched").score == 0
    assert commands.grade.run(parser.parse_args(words)) == 0
    assert entry(room, "untouched").score == 6.5
    assert entry(room, "half-done").score == 3.5
    with pytest.raises(ValueError, match="nobody: nothing was handed in"):
        commands.grade.run(parser.parse_args(["tiny", "--student", "nobody"]))


def test_of_several_labs_those_without_a_hand_in_cost_a_line(tmp_path, monkeypatch, capsys, scheduler):
    room, _ = marked_room(tmp_path)
    monkeypatch.setenv("COURSE_CLASSROOM", str(room))
    monkeypatch.setattr(commands, "chosen", lambda args, drafts: ("neurons", "tiny"))
    load = commands.Lab.load
    monkeypatch.setattr(commands.Lab, "load", lambda key: LAB if key == "tiny" else load(key))
    parser = argparse.ArgumentParser()
    commands.grade.add_arguments(parser)
    words = ["tiny", "--scheduler", scheduler]
    assert commands.grade.run(parser.parse_args([*words, "--student", "untouched"])) == 0
    said = capsys.readouterr().out
    assert "neurons: nothing was handed in" in said and "tiny: 1 submissions" in said
    both = ["--student", "untouched", "--student", "nobody"]
    assert commands.grade.run(parser.parse_args([*words, *both])) == commands.LEFT_OUT
    assert "not marked: nobody: nothing was handed in" in capsys.readouterr().out
