"""The commands as they are typed: exit codes that scripts can trust, one line for what a user can mend."""

import csv
import json
import subprocess
import sys
import zipfile
from contextlib import nullcontext

import nbformat
import pytest

from course_utils.topics import ROOT
from course_utils.cli import main
from course_utils.grading.engine import own_notebook
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.table import rows, table, totals
from tests.grading.room import DESERVED, make_room, marked_room, marks, release_text, sample_texts
from tests.grading.typed import nbgrader


@pytest.fixture
def room(tmp_path, monkeypatch):
    """An empty classroom, where the commands look for it."""
    monkeypatch.setenv("COURSE_CLASSROOM", str(tmp_path / "classroom"))
    return tmp_path / "classroom"


def one_line(capsys) -> str:
    """What stands on stderr: one line."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("word", ["sample", "grade", "feedback"])
def test_a_wrong_key_is_one_line_that_lists_the_keys(word, room, capsys):
    assert main([word, "alchemy"]) == 2
    assert "neurons" in one_line(capsys)


def test_nothing_handed_in_and_nothing_marked_are_one_line(room, capsys):
    assert main(["grade", "neurons"]) == 2
    assert "course sample neurons" in one_line(capsys)
    assert main(["feedback", "neurons"]) == 2
    assert "course grade neurons" in one_line(capsys)


def test_grade_refuses_a_number_of_workers_that_is_none(room, capsys):
    assert main(["grade", "neurons", "--workers", "-1"]) == 2
    assert "--workers" in one_line(capsys)


def test_an_empty_gradebook_says_what_to_do(room, capsys):
    assert main(["gradebook"]) == 0
    assert "course grade KEY" in capsys.readouterr().out


def test_the_gradebook_as_text_and_as_csv(tmp_path):
    room, _ = marked_room(tmp_path)
    lines = table(room, ("tiny",))
    assert lines[0].split() == ["student", "tiny"]
    assert "perfect           6.5/7.5*" in lines
    assert "cut-off             0/7.5 " in lines
    found = {tuple(line.split(",")) for line in rows(room, ("tiny",))[1:]}
    assert ("perfect", "", "", "", "tiny", "add_values", "2", "2", "automatic") in found
    assert ("perfect", "", "", "", "tiny", "why_divide", "", "1", "hand") in found
    assert len(found) == 4 * len(DESERVED)
    assert "perfect,,,,tiny,6.5,0,6.5,7.5,waiting" in totals(room, ("tiny",))


def test_names_of_students_reach_neither_the_terminal_nor_a_spreadsheet_raw(tmp_path):
    room = make_room(tmp_path)
    with gradebook.opened(room) as book:
        for student in ("a\x1b[31m", "=1+1", 'b,"c"', "new\nline"):
            gradebook.enter_submission(book, "tiny", student, {"add_values": 2.0}, frozenset())
    assert [line.split()[0] for line in table(room, ("tiny",))[1:-1]] == ["=1+1", "a\\x1b[31m", 'b,"c"', "new\\nline"]
    read = {row[0] for row in csv.reader(rows(room, ("tiny",)))}
    assert read == {"student", "'=1+1", "a\\x1b[31m", 'b,"c"', "new\\nline"}


@pytest.fixture
def labs(tmp_path):
    """A folder of releases with the tiny lab for `neurons`."""
    path = tmp_path / "labs/neurons/neurons.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(release_text())
    return tmp_path / "labs"


def notebook(tmp_path, text, name="neurons.ipynb"):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.fixture
def warm_already(unsandboxed, monkeypatch):
    """`course check` finds its warm process started: that takes seconds."""

    def started(sandboxed):
        assert sandboxed is False
        return nullcontext(unsandboxed)

    monkeypatch.setattr(own_notebook, "Warm", started)


@pytest.mark.usefixtures("warm_already")
def test_check_says_what_each_visible_check_says(tmp_path, labs, capsys):
    path = notebook(tmp_path, sample_texts()["mistake-in-scale"])
    assert main(["check", str(path), "--labs", str(labs)]) == 1
    out = capsys.readouterr().out
    assert "✓ add_values: 2 of 2" in out
    assert "✗ scale_values: 0 of 1.5" in out
    assert "one product" in out
    assert "why_divide: 1 points, marked by a person" in out
    assert "neurons: 3 of 6.5 points" in out  # mean's visible half gives 1 of its 3


@pytest.mark.usefixtures("warm_already")
def test_check_finds_the_lab_by_the_cells_where_the_file_has_another_name(tmp_path, labs, capsys):
    path = notebook(tmp_path, sample_texts()["untouched"], "Copy of my lab (2).ipynb")
    assert main(["check", str(path), "--labs", str(labs)]) == 1
    assert "not written yet" in capsys.readouterr().out


def without_metadata() -> str:
    """A perfect notebook that an editor has robbed of nbgrader's metadata."""
    found = nbformat.reads(sample_texts()["perfect"], as_version=4)
    for cell in found.cells:
        cell.metadata = {}
    return nbformat.writes(found)


@pytest.mark.usefixtures("warm_already")
@pytest.mark.parametrize("way", ["neurons (1).ipynb", "archive", "folder", "no metadata"])
def test_check_takes_what_grade_takes(way, tmp_path, labs, capsys):
    text, path = sample_texts()["perfect"], tmp_path / "neurons.ipynb"
    if way == "archive":
        path = tmp_path / "neurons.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("neurons.ipynb", text)
    elif way == "folder":
        path = tmp_path / "mine"
        path.mkdir()
        notebook(path, text, "Copy of neurons.ipynb")
    else:
        bare = way == "no metadata"
        path = notebook(tmp_path, without_metadata() if bare else text, path.name if bare else way)
    assert main(["check", str(path), "--labs", str(labs)]) == 1  # the visible half of the last check gives a part
    assert "neurons: 4.5 of 6.5 points" in capsys.readouterr().out


def many_cells() -> str:
    cells = [nbformat.v4.new_code_cell("1")] * 5000
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


BAD = {
    "invalid JSON": "{",
    "has no cells": json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
    "5000 cells": many_cells(),
    "another course": json.dumps({"cells": [{"cell_type": "code", "source": "1", "metadata": {}}]}),
}


@pytest.mark.parametrize("reason", BAD)
def test_check_refuses_bad_notebooks_with_one_line(reason, tmp_path, labs, capsys):
    path = notebook(tmp_path, BAD[reason])
    assert main(["check", str(path), "--labs", str(labs)]) == 2
    assert reason in one_line(capsys)


def test_check_refuses_a_missing_file_and_a_wrong_key_with_one_line(tmp_path, labs, capsys):
    assert main(["check", str(tmp_path / "none.ipynb"), "--labs", str(labs)]) == 2
    assert "no such file" in one_line(capsys)
    path = notebook(tmp_path, sample_texts()["perfect"])
    assert main(["check", str(path), "--labs", str(labs), "--key", "alchemy"]) == 2
    assert "neurons" in one_line(capsys)
    assert main(["check", str(path), "--labs", str(labs), "--key", "convolution"]) == 2
    assert "convolution.ipynb: no such file" in one_line(capsys)


HERE = """
import os, sys
from pathlib import Path
import course_utils.grading.kernel.shell
from course_utils.grading.engine import own_notebook
from course_utils.grading.gradebook import database as gradebook
from course_utils.grading.gradebook.table import rows, table, totals
own_notebook._verdict = own_notebook.run_here
labs, *paths = map(Path, sys.argv[1:])
for path in paths:  # each in a process of its own
    if os.fork() == 0:
        sys.exit(own_notebook.check_notebook(path, None, labs))
    print("exit code", os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


def test_where_there_is_no_linux_the_notebook_runs_in_this_process(tmp_path, labs):
    paths = []
    for student in ("mistake-in-scale", "perfect"):
        (tmp_path / student).mkdir()
        paths.append(notebook(tmp_path / student, sample_texts()[student]))
    command = [sys.executable, "-c", HERE, str(labs), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    mistake, perfect, rest = done.stdout.split("exit code 1\n")
    assert (done.returncode, rest) == (0, ""), done.stderr
    assert "✓ add_values: 2 of 2" in mistake
    assert "✓ add_values: 2 of 2" in perfect
    assert "✗ scale_values" in mistake
    assert "✗ scale_values" not in perfect


# The engine's own limits would wait many seconds for the endless loop.
SHORT_LIMITS = """
from course_utils.grading.classroom import autograde as preprocessors
from tests.grading.room import LIMITS
preprocessors.LIMITS = LIMITS
"""


def test_nbgraders_own_commands_give_the_same_marks_and_the_same_pages(tmp_path, monkeypatch):
    room, _ = marked_room(tmp_path)
    fresh = make_room(tmp_path)
    (room / "submitted").rename(fresh / "submitted")
    monkeypatch.setenv("COURSE_CLASSROOM", str(fresh))
    nbgrader((ROOT, "autograde", "tiny"), (ROOT, "generate_feedback", "tiny"), before=SHORT_LIMITS)
    assert marks(fresh) == DESERVED
    pages = sorted((fresh / "feedback").glob("*/tiny/tiny.html"))
    assert len(pages) == len(DESERVED)
    assert not [page for page in pages if "SECRET" in page.read_text()]


def test_elsewhere_than_on_linux_marking_a_class_is_refused_in_a_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.platform", "darwin")
    assert main(["grade", "neurons"]) == 2
    said = capsys.readouterr().err
    assert "marked on Linux" in said and said.count("\n") == 1
