"""What an instructor of another nbgrader course would do: its quickstart, its formgrader."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from course_utils.topics import ROOT
from tests.grading.room import DESERVED, marked_room
from tests.grading.typed import nbgrader

# What the book's page on the architecture tells a teacher to write.
ENGINE = re.search(r"```python\n(c\.Autograde.*?)```", (ROOT / "book/architecture.md").read_text(), re.DOTALL)[1]

ANSWERS = {
    "ada": {
        "squares": "def squares(n):\n    if n < 1:\n        raise ValueError('n must be positive')\n"
        "    return [i ** 2 for i in range(1, n + 1)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(squares(n))",
    },
    "bob": {
        "squares": "def squares(n):\n    return [i ** 2 for i in range(1, n + 1)]",
        "sum_of_squares": "def sum_of_squares(n):\n    return sum(squares(n)) + 1",
    },
    "eve": {},
}


def fill_in(release: Path, answers: dict[str, str]) -> str:
    """A release with answers written over its solution cells."""
    notebook = nbformat.read(release, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = answers.get(name, cell.source)
    return nbformat.writes(notebook)


@pytest.fixture
def quickstart(tmp_path):
    """nbgrader's own example course with three submissions, and a copy of it that is marked by the engine."""
    stock = tmp_path / "stock"
    nbgrader((tmp_path, "quickstart", "stock"), (stock, "generate_assignment", "ps1"))
    for student, answers in ANSWERS.items():
        folder = stock / "submitted" / student / "ps1"
        folder.mkdir(parents=True)
        for release in (stock / "release/ps1").glob("*.ipynb"):
            (folder / release.name).write_text(fill_in(release, answers))
    ours = Path(shutil.copytree(stock, tmp_path / "ours"))
    with (ours / "nbgrader_config.py").open("a") as file:
        file.write(f"\n{ENGINE}")
    return stock, ours


def grades(folder: Path) -> dict[tuple[str, str, str], float | None]:
    """Points by student, notebook and check."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        return {
            (entry.student.id, notebook.name, grade.name): grade.auto_score
            for entry in book.assignment_submissions("ps1")
            for notebook in entry.notebooks
            for grade in notebook.grades
        }


def test_nbgraders_quickstart_gets_the_marks_that_nbgrader_gives(quickstart):
    stock, ours = quickstart
    nbgrader((stock, "autograde", "ps1"), (ours, "autograde", "ps1"))
    expected = grades(stock)
    assert grades(ours) == expected
    sums = {
        student: sum(v or 0 for (who, _, _), v in expected.items() if who == student) for student in ANSWERS
    }
    assert sums["ada"] > sums["bob"] > sums["eve"] == 0, sums


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def get(url: str) -> str:
    """A page, once the server answers."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url}: {error.code} {error.read()[:500]!r}") from None
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def test_the_formgrader_opens_and_lists_the_marked_class(tmp_path):
    room, _ = marked_room(tmp_path)
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "jupyter", "server", "--allow-root", "--no-browser"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ip=127.0.0.1"]
    command += ["--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"]
    environment = os.environ | {"COURSE_CLASSROOM": str(room), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        base = f"http://127.0.0.1:{port}/formgrader"
        assert "nbgrader" in get(f"{base}/gradebook")
        listed = json.loads(get(f"{base}/api/submissions/tiny"))
        assert {entry["student"] for entry in listed} == set(DESERVED)
        assert {entry["score"] for entry in listed if entry["student"] == "perfect"} == {6.5}
        notebooks = json.loads(get(f"{base}/api/submitted_notebooks/tiny/tiny"))
        for entry in notebooks:
            assert "add_values" in get(f"{base}/submissions/{entry['id']}/")
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in (tmp_path / "log").read_text()
