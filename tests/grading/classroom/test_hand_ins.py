"""Nothing is unmarked in silence: the same perfect notebook, handed in as people hand in, and what lies astray."""

import io
import json
import os
import zipfile

import nbformat
import pytest

from course_utils.grading.classroom import cluster, commands
from course_utils.grading.classroom.hand_ins import submitted
from course_utils.grading.sandbox.limits import Limits
from course_utils.labs.lab import to_notebook
from course_utils.topics import KEYS
from tests.grading.room import DESERVED, make_room, mark, marks, release_text, sample_texts
from tests.grading.tiny import CELLS, LAB

PERFECT = sample_texts()["perfect"]


@pytest.fixture(scope="module")
def scheduler():
    """The address of a worker that is warm already."""
    with cluster.Cluster(workers=1).client() as client:
        yield client.scheduler.address


def bare(text: str) -> str:
    """The notebook as an editor leaves it that drops what it does not know."""
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        cell.metadata = {}
    return nbformat.writes(notebook)


def packed(files: dict[str, str]) -> bytes:
    """A zip of texts by name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


# student -> what lies below its folder, by place; and what its line says.
WAYS = {
    "level": ({"tiny.ipynb": PERFECT}, None),
    "case": ({"Tiny/TINY.ipynb": PERFECT}, "TINY.ipynb was taken"),
    "copy": ({"tiny/Copy of tiny.ipynb": PERFECT}, "Copy of tiny.ipynb was taken"),
    "browser": ({"tiny/tiny (1).ipynb": PERFECT}, "tiny (1).ipynb was taken"),
    "platform": ({"tiny/tiny-1.ipynb": PERFECT}, "tiny-1.ipynb was taken"),
    "nested": ({"tiny/my work/final/tiny.ipynb": PERFECT}, "final/tiny.ipynb was taken"),
    "archive": ({"tiny/tiny.zip": packed({"tiny.ipynb": PERFECT, "manifest.json": "{}"})}, "tiny.zip/tiny.ipynb"),
    "two": ({"tiny/tiny.ipynb": sample_texts()["untouched"], "tiny/tiny (2).ipynb": PERFECT}, "newest of 2"),
    "renamed": ({"tiny/homework of week 3.ipynb": PERFECT}, "homework of week 3.ipynb was taken"),
    "bare": ({"tiny/tiny.ipynb": bare(PERFECT)}, None),
    "bare-copy": ({"tiny/Copy of tiny.ipynb": bare(PERFECT)}, "Copy of tiny.ipynb was taken"),
    "loose-archive": ({"tiny.zip": packed({"tiny/tiny.ipynb": PERFECT})}, "tiny.zip/tiny.ipynb"),
}


def lay(folder, files):
    """Write files by place, each a second younger than the one before."""
    for second, (place, text) in enumerate(files.items()):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (1_700_000_000 + second,) * 2)


def test_the_same_perfect_notebook_gets_all_points_however_it_is_handed_in(tmp_path, scheduler):
    room = make_room(tmp_path)
    for student, (files, _) in WAYS.items():
        lay(room / "submitted" / student, files)
    summary = mark(room, scheduler=scheduler)
    assert marks(room) == dict.fromkeys(sorted(WAYS), DESERVED["perfect"])
    assert summary.left == []
    said = "\n".join(summary.lines())
    for student, (_, words) in WAYS.items():
        assert (f"{student}: " in said) == (words is not None), student
        assert words is None or any(words in note for note in summary.notes[student]), student


def test_what_lies_astray_is_listed_and_the_exit_status_says_so(tmp_path, monkeypatch, capsys):
    room = make_room(tmp_path)
    other = next(iter(KEYS))
    base = room / "submitted"
    lay(base, {"tiny.ipynb": PERFECT, "all.zip": packed({"x/tiny.ipynb": PERFECT}), "readme.txt": "hello"})
    lay(base / "tiny", {"ada/tiny.ipynb": PERFECT, "bob.ipynb": PERFECT})
    lay(base / "carl", {f"{other}/tiny.ipynb": PERFECT, f"{other}/{other}.ipynb": release_text()})
    (base / "dora").mkdir()
    (base / "dora/tiny").symlink_to(base / "tiny/ada")
    lay(base / "emil", {f"{other}/{other}.ipynb": "{}", "notes/other.ipynb": "{}"})
    found, left = submitted(room, LAB, Limits())
    assert found == []
    for place in ("submitted/tiny.ipynb", "all.zip", "tiny/ada/tiny.ipynb", "tiny/bob.ipynb", f"carl/{other}/tiny.ipynb"):
        assert any(place in line for line in left), (place, left)
    assert any("dora/tiny is a link" in line for line in left)
    assert len(left) == 6
    monkeypatch.setenv("COURSE_CLASSROOM", str(room))
    monkeypatch.setattr(commands, "chosen", lambda args, drafts: ("tiny",))
    monkeypatch.setattr(commands.Lab, "load", lambda key: LAB)
    assert commands.grade.run(arguments()) == 3
    assert capsys.readouterr().out.count("  not marked: ") == 6


def arguments():
    """Those of `course grade tiny`."""
    import argparse

    parser = argparse.ArgumentParser()
    commands.grade.add_arguments(parser)
    return parser.parse_args(["tiny"])


def test_who_handed_in_nothing_for_this_lab_is_no_hand_in(tmp_path):
    room = make_room(tmp_path)
    lay(room / "submitted/ada", {"tiny/tiny.ipynb": PERFECT})
    lay(room / "submitted/bob", {f"{KEYS[0]}/{KEYS[0]}.ipynb": "{}", "photo.zip": packed({"a.txt": "a"})})
    found, left = submitted(room, LAB, Limits())
    assert [one.student for one in found] == ["ada"]
    assert left == []


def test_one_student_in_two_forms_of_unicode_is_one(tmp_path):
    room = make_room(tmp_path)
    lay(room / "submitted/Jose\u0301", {"tiny/tiny.ipynb": PERFECT})
    found, _ = submitted(room, LAB, Limits())
    assert [one.student for one in found] == ["Jos\u00e9"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"tiny/tiny.zip": b"PK\x03\x04 no archive"}, "no archive that can be opened"),
        ({"tiny/tiny.zip": packed({f"{n}.txt": "" for n in range(300)})}, "more than 200 files"),
        ({"tiny/a.ipynb": "{}", "tiny/b.ipynb": "{}"}, "its cells are in none of: a.ipynb, b.ipynb"),
        ({"tiny/tiny (1).ipynb": "{"}, "invalid JSON"),
        ({"tiny/readme.txt": ""}, "not in the submission"),
    ],
)
def test_what_cannot_be_marked_has_a_line_that_says_why(tmp_path, files, says, scheduler):
    room = make_room(tmp_path)
    lay(room / "submitted/ada", files)
    assert says in mark(room, scheduler=scheduler).failed["ada"]


def test_an_archives_links_and_sizes_are_refused_before_they_are_read(tmp_path):
    room = make_room(tmp_path)
    link = zipfile.ZipInfo("tiny.ipynb")
    link.external_attr = 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(link, "/etc/hostname")
    lay(room / "submitted/ada", {"tiny/tiny.zip": data.getvalue()})
    (hand_in,), _ = submitted(room, LAB, Limits())
    with pytest.raises(ValueError, match="link in its archive"):
        hand_in.read(LAB, Limits())
    lay(room / "submitted/ada", {"tiny/tiny.zip": packed({"tiny.ipynb": " " * 1000})})
    with pytest.raises(ValueError, match="MB"):
        hand_in.read(LAB, Limits(notebook=999))


def test_one_cell_that_cannot_be_read_costs_that_cell_alone(tmp_path, scheduler):
    room = make_room(tmp_path)
    notebook = json.loads(PERFECT)
    extra = {"cell_type": "markdown", "metadata": {}, "id": "x", "source": "y" * 600_000}
    notebook["cells"] += [{"cell_type": "code", "metadata": {}, "id": "z"}, extra, {"cell_type": "code", "source": 3}]
    lay(room / "submitted/ada", {"tiny/tiny.ipynb": json.dumps(notebook)})
    mark(room, scheduler=scheduler)
    assert marks(room)["ada"] == DESERVED["perfect"]
    text = (room / "autograded/ada/tiny/tiny.ipynb").read_text()
    assert "longer than 500000 characters" in text
    assert "its source is no text" in text


PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize("way", ["Jupyter", "Colab"])
def test_a_picture_pasted_into_an_answer_is_kept_and_shown(tmp_path, scheduler, way):
    from course_utils.grading.gradebook.pages import write_feedback

    room = make_room(tmp_path)
    notebook = json.loads(PERFECT)
    answer = next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "why_divide")
    if way == "Jupyter":
        answer["source"] = "See ![my proof](attachment:proof.png)"
        answer["attachments"] = {"proof.png": {"image/png": PNG}, "page.html": {"text/html": "<b>no</b>"}}
    else:
        answer["source"] = f"See ![my proof](data:image/png;base64,{PNG})"
    lay(room / "submitted/ada", {"tiny/tiny.ipynb": json.dumps(notebook)})
    mark(room, scheduler=scheduler)
    marked = nbformat.read(room / "autograded/ada/tiny/tiny.ipynb", as_version=4)
    nbformat.validate(marked)
    cell = next(c for c in marked.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "why_divide")
    assert [list(kinds.values()) for kinds in cell.attachments.values()] == [[PNG]]
    assert f"(attachment:{next(iter(cell.attachments))})" in cell.source
    write_feedback("tiny", room)
    assert f'src="data:image/png;base64,{PNG}"' in (room / "feedback/ada/tiny/tiny.html").read_text()


def test_an_answer_without_its_name_is_found_below_its_question():
    from course_utils.grading.engine.notebook import read_cells
    from course_utils.grading.engine.recognise import fits, recognised

    cells = read_cells(bare(PERFECT).encode(), "tiny.ipynb", Limits())
    named = {cell.name: cell.source for cell in recognised(CELLS, cells) if cell.name}
    assert set(named) == {cell.name for cell in CELLS if cell.name}
    assert named["why_divide"] == next(cell.source for cell in cells if "small pattern" in cell.source)
    foreign = json.dumps(to_notebook("other", (CELLS[0], CELLS[1])))
    assert not fits(CELLS, read_cells(foreign.encode(), "other.ipynb", Limits()))
