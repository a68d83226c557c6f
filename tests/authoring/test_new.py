"""A new topic is green from its first minute: made in a copy of the course, it trains, audits, builds and passes."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from course_utils.authoring.new import NewTopicError, create
from course_utils.topics import ROOT

PARTS = ("course_utils", "solutions/neurons", "book/_ext", "book/_static", "tests/solutions/__init__.py")
FILES = ("_config.yml", "pyproject.toml", "book/references.bib", "book/neurons.md", "tests/__init__.py")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The parts of the course that one topic needs."""
    root = tmp_path_factory.mktemp("course")
    for name in (*PARTS, *FILES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, root / name)
    return root


def course_command(root, *words, program=("course_utils",)):
    """Run a command in the copy, as if it were the only course on this machine."""
    place = {"PYTHONPATH": str(root), "COURSE_RUNS": str(root / "runs"), "HOME": str(root / "home")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COURSE_")}
    done = subprocess.run(
        [sys.executable, "-m", *program, *words],
        cwd=root,
        env=environment | place,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def made(course):
    """The copy with a new topic in it, and what its making said."""
    code, said = course_command(course, "new", "line", "--title", "A line")
    assert code == 0, said
    return course, said


def test_it_trains_releases_and_audits_with_its_mutants_and_lacks_nothing(made):
    root, said = made
    assert "course topic line" in said
    code, said = course_command(root, "topic", "line")
    assert code == 0, said
    assert "line: nothing is missing" in said
    score = json.loads((root / "solutions/line/mutation_score.json").read_text())
    assert score["score"] >= 0.95
    proof = json.loads((root / "solutions/line/audit.json").read_text())
    assert proof["counts"]["wrong"] == 6
    assert proof["counts"]["engine"] >= 10
    assert 'course_utils.colab.submit(\\"line\\")' in (root / "labs/line/line.ipynb").read_text()


def test_what_is_proved_is_not_run_again(made):
    root, _ = made
    code, said = course_command(root, "audit", "line")
    assert code == 0, said
    assert "variant" not in said, "no bar of an audit that runs"


def test_its_page_is_built_alone_and_a_build_that_was_moved_is_noticed(made):
    root, _ = made
    code, said = course_command(root, "build", "line", "--output", str(root / "here"))
    assert code == 0, said
    (root / "here").rename(root / "there")
    code, said = course_command(root, "build", "line", "--output", str(root / "there"))
    assert code == 0, said
    assert f"was built as {root}/here/_build" in said
    page = root / "there/_build/pages/line/_build/html/book/line.html"
    assert "right: 100.00 %" in page.read_text()


def test_its_own_tests_pass(made):
    root, _ = made
    options = ("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest")
    code, said = course_command(root, "tests/solutions/test_line.py", program=options)
    assert code == 0, said
    assert said.startswith("....")


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("neurons", "there is a topic 'neurons' already"),
        ("Two words", "expected a key of small letters"),
        ("../line", "expected a key of small letters"),
    ],
)
def test_a_key_that_will_not_do_writes_nothing(tmp_path, key, complaint):
    with pytest.raises(NewTopicError, match=complaint):
        create(key, "Title", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_stays(course):
    (course / "book/circle.md").write_text("mine")
    with pytest.raises(NewTopicError, match=r"book/circle\.md is there already"):
        create("circle", "Circle", course)
    assert not (course / "solutions/circle").exists()
