"""The feedback page: the student's own work, points and reasons; no hidden test, nothing that runs or calls out."""

import os
import re
import shutil
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbformat import NotebookNode

from course_utils.cli import main
from course_utils.grading.engine.notebook import Attachment, StudentCell
from course_utils.grading.engine.submission import Submission
from course_utils.grading.engine.verdict import CellResult, CheckResult, Verdict
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook import pages as pages_module
from course_utils.grading.gradebook.feedback import _part, _title, coloured
from course_utils.grading.gradebook.marked_notebook import inert, marked_notebook, notebook_of
from course_utils.grading.gradebook.pages import FeedbackError, write_feedback
from tests.grading.room import DESERVED, make_room, marked_room
from tests.grading.tiny import LAB

EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Tags(HTMLParser):
    """The elements of a page, its text and its ids."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.ids, self.links = [], "", [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The sample class's pages by student."""
    room, _ = marked_room(tmp_path_factory.mktemp("room"))
    count = write_feedback("tiny", room)
    found = {
        path.parent.parent.name: path.read_text() for path in (room / "feedback").glob("*/tiny/tiny.html")
    }
    assert len(found) == count == 12
    return found


def test_a_page_shows_work_points_and_reasons(pages):
    page = Tags(pages["mistake-in-add"])
    assert "a - b" in page.text.replace("\n", " ")
    assert re.search(r"4\.5\s+of 7\.5 points", page.text)
    assert "what does + do?" in page.text
    assert {"add_values", "scale_values", "mean_values", "why_divide"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_a_note_above_the_title_does_not_hide_it():
    first, title = (
        NotebookNode(cell_type="markdown", source=text) for text in ("**stopped**", "# A lab\n\nWords")
    )
    assert _title(NotebookNode(cells=[first, title]), "tiny") == "A lab"
    assert _title(NotebookNode(cells=[first]), "tiny") == "tiny"


def test_no_page_shows_a_hidden_test(pages):
    for page in pages.values():
        assert "SECRET" not in page
        assert "HIDDEN TESTS" not in page


def test_a_notebook_that_could_not_be_read_says_why(pages):
    assert "invalid JSON" in Tags(pages["cut-off"]).text


def test_a_page_has_no_script_and_calls_nobody(pages):
    for page in pages.values():
        tags = Tags(page)
        assert not [
            tag for tag, _ in tags.tags if tag in ("script", "iframe", "link", "object", "base", "form")
        ]
        assert not [name for _, attrs in tags.tags for name in attrs if name.startswith("on")]
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in tags.links)
        assert "default-src 'none'" in page


def hostile_room(tmp_path):
    """A classroom with one submission that would run scripts wherever it could."""
    room = make_room(tmp_path)
    cells = (
        StudentCell(True, "add", f"# {EVIL}\ndef add(a, b): ..."),
        StudentCell(False, "why_divide", f"{EVIL} [x](javascript:alert(1))"),
        StudentCell(False, "", f"my notes {EVIL}"),
        StudentCell(True, "", f"print({EVIL!r})"),
    )
    outputs = (("stdout", EVIL), ("text", EVIL), ("png", PIXEL), ("png", EVIL))
    results = tuple(
        CellResult(cell.name, cell.source, "error", outputs, (EVIL, EVIL, EVIL))
        for cell in cells
        if cell.code
    )
    checks = tuple(
        CheckResult(cell.name, 0.0, cell.points, "failed", EVIL) for cell in LAB.cells if cell.points
    )
    verdict = Verdict("tiny", "0", "graded", "", checks, results, (EVIL,))
    path = room / "autograded/eve/tiny/tiny.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebook_of(LAB, Submission(cells, "0"), verdict))
    with gradebook.opened(room) as book:
        gradebook.enter_submission(book, "tiny", "eve", {"why_divide": None}, frozenset())
    return room, marked_notebook(LAB, Submission(cells, "0"), verdict)


def test_what_a_student_wrote_or_printed_stands_on_the_page_as_text(tmp_path):
    room, _ = hostile_room(tmp_path)
    write_feedback("tiny", room)
    page = Tags((room / "feedback/eve/tiny/tiny.html").read_text())
    assert not [tag for tag, _ in page.tags if tag == "script"]
    pictures = [attrs["src"] for tag, attrs in page.tags if tag == "img"]
    assert pictures == [f"data:image/png;base64,{PIXEL}"] * 2
    # Code, answer, own notes, outputs, error, the checks' messages and the note: everywhere as it was written.
    assert page.text.count("<script>alert(1)</script>") >= 8


def test_nothing_in_the_marked_notebook_can_run_in_nbgraders_formgrader(tmp_path):
    _, notebook = hostile_room(tmp_path)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"<\s*(script|img)", cell.source)
        for output in cell.get("outputs", []):
            assert set(output.get("data", {})) <= {"text/plain", "image/png"}


PASTED = Attachment("shot.png", "image/png", PIXEL)


def test_words_hide_no_link_and_load_nothing_in_nbgraders_formgrader():
    words = (
        "[a](javascript:alert(1)) ![b](https://elsewhere.example/b.png) [c]: javascript:alert(1)\n"
        r"$\href{javascript:alert(1)}{x} \frac{a}{b}$ ![d](attachment:other.png) ![e](attachment:shot.png)"
    )
    html = Tags(markdown2html(inert(words, {"shot.png"}).replace("attachment:", "kept:")))
    assert [attrs["src"] for tag, attrs in html.tags if tag == "img"] == ["kept:shot.png"]
    assert [attrs["href"] for tag, attrs in html.tags if tag == "a"] == ["https://elsewhere.example/b.png"]
    assert (
        "https://elsewhere.example/b.png" in html.text
    )  # an address that is spelled out leads where it says
    assert r"\href" not in inert(words)
    assert r"\frac" in inert(words)


def test_pictures_pasted_into_an_answer_are_shown_and_nothing_else_under_their_name(tmp_path):
    words = "See ![the shot](attachment:shot.png) and ![forged](attachment:forged.png)"
    forged = Attachment("forged.png", "image/png", "PHN2Zz4=")
    cells = (StudentCell(False, "why_divide", words, attachments=(PASTED, forged)),)
    notebook = marked_notebook(LAB, Submission(cells, "0"), Verdict("tiny", "0", "graded"))
    answer = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "why_divide")
    assert answer.attachments == {"shot.png": {"image/png": PIXEL}}
    nbformat.validate(notebook)
    assert (
        Tags(HTMLExporter().from_notebook_node(notebook)[0]).links.count(f"data:image/png;base64,{PIXEL}")
        == 1
    )
    part = _part(answer)
    assert (part.source, part.pictures) == (words, [f"image/png;base64,{PIXEL}"])


def test_a_forged_picture_is_no_picture_in_nbgraders_formgrader_either(tmp_path):
    _, notebook = hostile_room(tmp_path)
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [data["image/png"] for data in outputs if "image/png" in data]
    assert shown == [PIXEL] * 2


def test_a_changed_mark_is_said_to_be_the_teachers(tmp_path):
    room, _ = marked_room(tmp_path)
    with gradebook.opened(room) as book:
        book.find_grade("add_values", "tiny", "tiny", "mistake-in-add").manual_score = 1.5
        book.db.commit()
    write_feedback("tiny", room)
    text = {
        s: Tags((room / f"feedback/{s}/tiny/tiny.html").read_text()).text
        for s in ("mistake-in-add", "perfect")
    }
    assert text["mistake-in-add"].count("changed by your teacher") == 2  # in the table and at the check
    assert "changed by your teacher" not in text["perfect"]


def test_a_refused_submission_says_its_reason_once(pages):
    assert Tags(pages["cut-off"]).text.count("invalid JSON") == 1


@pytest.mark.parametrize(
    "text", ["a < b", "<b>bold</b>", "$x<y$", "&lt; as written", "<!-- c -->", "2<3 and <br/>"]
)
def test_words_stand_on_the_page_as_they_were_written(text):
    cells = (StudentCell(False, "why_divide", text), StudentCell(False, "", text))
    notebook = marked_notebook(LAB, Submission(cells, "0"), Verdict("tiny", "0", "graded", notes=(text,)))
    parts = [part for cell in notebook.cells if (part := _part(cell)) and part.source == text]
    assert [part.kind for part in parts] == ["note", "answer", "words"]
    assert not re.search(r"<[A-Za-z/!?]", inert(text))


def test_what_a_check_said_is_read_from_data_and_not_from_an_output():
    check = CheckResult("add_values", 0.0, 3.0, "failed", "add(2, 3): expected 5, got 6")
    notebook = marked_notebook(LAB, Submission((), "0"), Verdict("tiny", "0", "graded", checks=(check,)))
    node = next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "add_values")
    node.outputs[0].evalue = "another text"
    assert _part(node).texts == [("check", "add(2, 3): expected 5, got 6")]
    node.metadata["course"] = "a string, as an earlier version wrote it"
    assert "grade it again" in _part(node).texts[0][1]


def test_a_teachers_remark_and_mark_stand_on_the_page(tmp_path):
    room, _ = marked_room(tmp_path)
    with gradebook.opened(room) as book:
        grade = book.find_grade("why_divide", "tiny", "tiny", "perfect")
        grade.manual_score, grade.needs_manual_grade = 0.5, False
        book.find_comment(
            "why_divide", "tiny", "tiny", "perfect"
        ).manual_comment = "Say it in your own words."
        book.db.commit()
    write_feedback("tiny", room)
    text = Tags((room / "feedback/perfect/tiny/tiny.html").read_text()).text
    assert "Say it in your own words." in text
    assert re.search(r"0\.5\s+of 1", text)
    assert "not marked yet" not in text


def test_an_id_that_is_a_pattern_gets_its_page_in_a_folder_that_is_one(tmp_path):
    marked, _ = marked_room(tmp_path)
    room = (tmp_path / "room [1]?").resolve()
    marked.rename(room)
    odd = ["[ada]", " bob ", "c*", "new\nline"]
    with gradebook.opened(room) as book:
        for student in odd:
            shutil.copytree(room / "autograded/perfect", room / "autograded" / student)
            gradebook.enter_submission(book, "tiny", student, {"add_values": 2.0}, frozenset())
    assert write_feedback("tiny", room) == 12 + len(odd)
    for student in odd:
        assert re.search(r"2\s+of 7\.5 points", (room / "feedback" / student / "tiny/tiny.html").read_text())


def test_pages_are_written_for_all_and_what_failed_is_listed_with_words_that_help(tmp_path):
    room, _ = marked_room(tmp_path)
    shutil.copytree(room / "autograded/perfect", room / "autograded/a-stranger")
    (room / "autograded/half-done/tiny/tiny.ipynb").chmod(0o644)
    (room / "autograded/half-done/tiny/tiny.ipynb").write_text("{")
    with pytest.raises(
        FeedbackError, match=r"11 pages are written, none for a-stranger \(MissingEntry.*half-done"
    ):
        write_feedback("tiny", room)
    assert len(list((room / "feedback").glob("*/tiny/tiny.html"))) == 11


@pytest.mark.parametrize(
    ("act", "says"),
    [(lambda: os.read(*os.pipe()[:1], 1), "took more than 4 s"), (lambda: os._exit(1), "process .* ended")],
    ids=["waits", "ends"],
)
def test_a_page_that_never_ends_costs_its_own_author_alone(tmp_path, monkeypatch, act, says):
    room, _ = marked_room(tmp_path)
    made = pages_module._why_not
    monkeypatch.setattr(pages_module, "PAGE_SECONDS", 4)
    monkeypatch.setattr(
        pages_module,
        "_why_not",
        lambda key, room, student: act() if student == "crash" else made(key, room, student),
    )
    for student in set(DESERVED) - {"another-way", "crash", "perfect"}:
        shutil.rmtree(room / "autograded" / student)
    with pytest.raises(FeedbackError, match=rf"2 pages are written, none for crash \(.*{says}"):
        write_feedback("tiny", room)


def test_the_command_goes_on_with_the_next_lab(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_CLASSROOM", str(tmp_path))
    monkeypatch.setattr(
        pages_module, "write_feedback", lambda key, _: failing(key) if key == "neurons" else 3
    )
    assert main(["feedback", "neurons", "training"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("training: 3 pages")
    assert err == "course feedback: neurons: no\n"


def failing(key):
    raise FeedbackError(f"{key}: no")


def test_code_longer_than_people_write_is_shown_without_colours():
    assert "<span" in coloured("x = 1\n")
    assert coloured("x = '<'\n" * 2000) == "x = &#39;&lt;&#39;\n" * 2000


def test_nothing_marked_is_one_line(tmp_path):
    with pytest.raises(FeedbackError, match="course grade tiny"):
        write_feedback("tiny", make_room(tmp_path))
