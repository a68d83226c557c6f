"""A class is marked once, as it deserves, and what is known is not done again."""

import json
import os
from dataclasses import replace

import pytest

from course_utils.grading import Limits
from course_utils.grading.classroom import cluster
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.entries import entries
from course_utils.grading.classroom.folders import only_writer, write_whole
from course_utils.grading.classroom.hand_ins import HandIn, NoSubmissions
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
    summary = mark(room, scheduler=scheduler)
    assert path.read_text() == text
    assert summary.seconds == {}, "what is only shown anew is not counted as marked now"


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


def folders_for_files(room):
    """A notebook and an artifact that are folders; returns who handed them in."""
    (room / "submitted/nina/tiny/tiny.ipynb").mkdir(parents=True)
    (hand_in(room, "rita", sample_texts()["perfect"]) / "tiny.safetensors").mkdir()
    return "nina", "rita"


def test_whatever_goes_wrong_with_one_submission_costs_only_its_author(tmp_path, monkeypatch, scheduler):
    room = make_room(tmp_path)
    nina, rita = folders_for_files(room)
    # An id that the gradebook cannot hold, a notebook that cannot be written, a date that its parser cannot bear.
    nameless, walled, dated = os.fsdecode(b"ida-\xff"), "walter", "doris"
    for student in (nameless, walled, dated, "perfect"):
        hand_in(room, student, sample_texts()["perfect"])
    (room / "submitted" / dated / "tiny/timestamp.txt").write_text("today")
    (room / "autograded").mkdir()
    (room / "autograded" / walled).write_text("a file where a folder is due")
    monkeypatch.setattr("nbgrader.utils.parse_utc", lambda _: 1 // 0)
    summary = mark(room, scheduler=scheduler)
    assert {student: marks(room)[student] for student in (rita, dated, "perfect")} == dict.fromkeys(
        (rita, dated, "perfect"), DESERVED["perfect"]
    )
    assert set(marks(room)[nina].values()) == {0.0}
    assert summary.failed[nina] == "tiny.ipynb is not a regular file; hand in the file itself"
    assert summary.broken == {nameless, walled} <= set(summary.failed)
    assert summary.points[nameless] == summary.points[walled] == 0
    assert "marked without that file" in "".join(kept(room, rita)["notes"])
    assert any(line.startswith("  ida-\\udcff: this submission") for line in summary.lines())


def test_an_error_of_the_run_is_no_submissions_line(tmp_path, monkeypatch, no_workers):
    room, _ = marked_room(tmp_path)
    monkeypatch.setattr(gradebook, "enter_submission", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    (room / "gradebook.db").unlink()
    with pytest.raises(OSError, match="full"):
        mark(room)


def test_what_lies_beside_is_not_read_and_named_in_a_note(tmp_path, scheduler):
    room = make_room(tmp_path)
    folder = hand_in(room, "ada", sample_texts()["perfect"])
    for name in ("best.safetensors", "a\x1b[31m.pt", "notes.txt", "other.ipynb", ".hidden", "timestamp.txt"):
        (folder / name).write_bytes(bytes(8))
    (folder / "pictures").mkdir()
    mark(room, scheduler=scheduler)
    assert marks(room)["ada"] == DESERVED["perfect"]
    assert kept(room, "ada")["notes"] == [
        "not read, since only tiny.ipynb and tiny.safetensors are: a\\x1b[31m.pt, best.safetensors, notes.txt and 1 more"
    ]


def test_an_artifact_that_is_too_large_costs_its_own_points_alone(tmp_path):
    folder = hand_in(tmp_path, "ada", "{}")
    (folder / "tiny.safetensors").write_bytes(bytes(100))
    found = HandIn("ada", (folder,)).read(LAB, Limits(artifact=99))
    assert (found.notebook, found.artifact) == (b"{}", None)
    assert "at most" in found.notes[0]
    assert found.digest != HandIn("ada", (folder,)).read(LAB, Limits(artifact=100)).digest


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
        assert entries(book, "tiny") == {}


def test_limits_of_the_tests_are_those_of_a_class_but_shorter():
    from course_utils.grading.sandbox.limits import CLASS

    assert LIMITS.check_seconds < CLASS.check_seconds
    assert LIMITS.memory == CLASS.memory
