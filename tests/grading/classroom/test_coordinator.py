"""A class is marked once, as it deserves, and what is known is not done again."""

import json
import os
from dataclasses import replace

import pytest

from course_utils.grading.classroom import cluster
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.classroom.folders import NoSubmissions, only_writer, write_whole
from course_utils.grading.classroom.results import Results
from tests.grading.room import DESERVED, LIMITS, hand_in, make_room, mark, marked_room, marks, sample_texts
from tests.grading.tiny import LAB


@pytest.fixture
def no_workers(monkeypatch):
    """Whoever starts a cluster fails."""
    monkeypatch.setattr(cluster.Cluster, "client", lambda self: pytest.fail("a cluster was started"))


@pytest.fixture(scope="module")
def scheduler():
    """The address of a worker that is warm already: whoever marks a single submission need not start its own."""
    with cluster.Cluster(workers=1).client() as client:
        yield client.scheduler.address


def kept(room, student):
    """The kept verdict of a student."""
    paths = list((room / ".results/tiny").glob("*.json"))
    found = [json.loads(path.read_text()) for path in paths]
    digest = dict(zip(paths, found))
    name = Results(room, LAB)._path(student)
    return digest[name]["verdict"]


def test_everybody_gets_what_is_deserved_and_a_reason_that_helps(tmp_path):
    room, summary = marked_room(tmp_path)
    assert marks(room) == DESERVED
    assert "invalid JSON" in summary.failed["cut-off"]
    assert not summary.broken
    reasons = {
        student: {c["name"]: c["message"] for c in kept(room, student)["checks"]} for student in DESERVED
    }
    assert "not written yet" in reasons["untouched"]["add_values"]
    assert "what does + do?" in reasons["mistake-in-add"]["add_values"]
    assert "never end" in reasons["endless-loop"]["mean_values"]
    assert "ended" in reasons["crash"]["mean_values"]
    assert "SECRET" not in json.dumps(reasons)


def test_a_second_run_starts_nothing_and_changes_nothing(tmp_path, no_workers):
    room, _ = marked_room(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (room / "autograded").rglob("*.ipynb")}
    summary = mark(room)
    assert summary.seconds == {}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert marks(room) == DESERVED


def test_a_lost_gradebook_is_written_again_without_running_anything(tmp_path, no_workers):
    room, _ = marked_room(tmp_path)
    (room / "gradebook.db").unlink()
    mark(room)
    assert marks(room) == DESERVED


def test_a_lost_notebook_is_made_again_from_the_kept_verdict(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    path = room / "autograded/perfect/tiny/tiny.ipynb"
    text = path.read_text()
    path.unlink()
    mark(room, scheduler=scheduler)
    assert path.read_text() == text


def test_only_a_changed_submission_is_run_again(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    hand_in(room, "untouched", sample_texts()["perfect"])
    assert set(mark(room, scheduler=scheduler).seconds) == {"untouched"}
    assert marks(room) == DESERVED | {"untouched": DESERVED["perfect"]}


def test_only_a_changed_check_is_run_again(tmp_path, scheduler):
    room, _ = marked_room(tmp_path)
    for student in set(DESERVED) - {"perfect", "cut-off"}:
        (room / "submitted" / student / "tiny/tiny.ipynb").unlink()
        (room / "submitted" / student / "tiny").rmdir()
    before = {check["name"]: check["seconds"] for check in kept(room, "perfect")["checks"]}
    cells = tuple(replace(c, source="1 / 0") if c.name == "scale_values" else c for c in LAB.cells)
    mark(room, replace(LAB, cells=cells), scheduler=scheduler)
    after = {check["name"]: check["seconds"] for check in kept(room, "perfect")["checks"]}
    assert marks(room)["perfect"] == DESERVED["perfect"] | {"scale_values": 0.0}
    # A check that is not run again keeps the very time that it took.
    assert {name for name in before if before[name] != after[name]} == {"scale_values"}


def test_a_link_to_anothers_work_brings_nothing(tmp_path, scheduler):
    room = make_room(tmp_path)
    folder = hand_in(room, "ada", sample_texts()["perfect"])
    thief = room / "submitted/eve/tiny"
    thief.mkdir(parents=True)
    (thief / "tiny.ipynb").symlink_to(folder / "tiny.ipynb")
    (room / "submitted/mallory/tiny").mkdir(parents=True)
    os.mkfifo(room / "submitted/mallory/tiny/tiny.ipynb")
    (room / "submitted/empty/tiny").mkdir(parents=True)
    summary = mark(room, scheduler=scheduler)
    assert sum(points or 0 for points in marks(room)["ada"].values()) == 6.5
    for student, reason in (("eve", "link"), ("mallory", "regular file"), ("empty", "not in the submission")):
        assert set(marks(room)[student].values()) == {0.0}
        assert reason in summary.failed[student]


def test_nothing_handed_in_is_one_line(tmp_path):
    with pytest.raises(NoSubmissions, match="course sample tiny"):
        mark(make_room(tmp_path))


def test_a_second_writer_is_refused(tmp_path):
    room = make_room(tmp_path)
    hand_in(room, "ada", "{}")
    with only_writer(room), pytest.raises(OSError, match="another `course grade`"):
        mark(room)


def test_a_torn_result_is_no_result(tmp_path):
    results = Results(tmp_path, LAB)
    results._path("ada").parent.mkdir(parents=True)
    results._path("ada").write_text('{"for": ')
    assert results.find("ada", "0") is None


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, "before")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_gradebook_knows_what_nbgrader_would_read_from_the_notebook(tmp_path):
    import nbformat
    from nbgrader.utils import determine_grade, is_grade

    room, _ = marked_room(tmp_path)
    for student, deserved in DESERVED.items():
        notebook = nbformat.read(room / "autograded" / student / "tiny/tiny.ipynb", as_version=4)
        nbformat.validate(notebook)
        checks = [cell for cell in notebook.cells if is_grade(cell) and cell.cell_type == "code"]
        read = {cell.metadata.nbgrader.grade_id: determine_grade(cell)[0] for cell in checks}
        assert read == {name: points for name, points in deserved.items() if name != "why_divide"}


def test_a_class_that_cannot_be_sandboxed_says_so_at_once(tmp_path, monkeypatch):
    from course_utils.grading.classroom import coordinator
    from course_utils.grading.kernel.warm import SandboxError

    room = make_room(tmp_path)
    hand_in(room, "ada", sample_texts()["perfect"])
    refusal = cluster.Dead("no", SandboxError("no sandbox here; install bubblewrap"))
    monkeypatch.setattr(coordinator, "spread", lambda client, tasks: ((task.name, refusal) for task in tasks))
    with pytest.raises(OSError, match="install bubblewrap"):
        mark(room)
    with gradebook.opened(room) as book:
        assert gradebook.entries(book, "tiny") == {}


def test_limits_of_the_tests_are_those_of_a_class_but_shorter():
    from course_utils.grading.classroom.worker import LIMITS as CLASS

    assert LIMITS.check_seconds < CLASS.check_seconds
    assert LIMITS.memory == CLASS.memory
