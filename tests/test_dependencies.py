"""What a mark, an audit, a mutation score and a page depend on, computed: a file of each kind is changed in a copy."""

import re
import shutil
import sys

import pytest

from course_utils.audit.kept import content_hash
from course_utils.audit.mutation_score import measured
from course_utils.authoring.new import END_OF_TABLE
from course_utils.dependencies import digest, reached, read
from course_utils.grading.engine.digests import Rules, check_digest, engine_digest, lab_digest
from course_utils.labs.lab import Lab
from course_utils.topics import ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
UNRELATED = "neurons"
# A file of each kind, the topic whose marks it decides, and one of which it decides nothing.
DECIDING = [
    ("solutions/transfer/reference.py", "transfer", UNRELATED),
    ("solutions/transfer/reference.json", "transfer", UNRELATED),
    ("solutions/transfer/reference.safetensors", "transfer", UNRELATED),
    ("solutions/depth/reference.safetensors", "transfer", UNRELATED),
    ("solutions/depth/reference.safetensors", "correspondence", UNRELATED),
    ("course_utils/training/pretrained.py", "transfer", UNRELATED),
    ("course_utils/data/bitext.py", "transformers", UNRELATED),
    ("course_utils/data/sonnets.txt", "transformers", "transfer"),
    ("course_utils/data/figures.py", "transfer", UNRELATED),
    ("course_utils/data/points.py", "neurons", "transfer"),
]
ENGINE = [
    "course_utils/checks/comparisons.py",
    "course_utils/checks/judge.py",
    "course_utils/training/judging.py",
    "course_utils/grading/engine/runner.py",
    "course_utils/grading/kernel/agent.py",
    "course_utils/grading/sandbox/limits.py",
    "course_utils/grading/wire/peer.py",
    "course_utils/labs/lab.py",
    "course_utils/notebook.py",
]
SHOWING = [
    "course_utils/grading/gradebook/table.py",
    "course_utils/grading/gradebook/feedback.py",
    "course_utils/grading/classroom/summary.py",
    "course_utils/training/report.py",
    "course_utils/cli.py",
    "course_utils/book.py",
    "course_utils/demos/neurons.js",
    "solutions/odes/reference.py",
    "solutions/odes/reference.safetensors",
    "book/neurons.md",
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for name in ("course_utils", "solutions", "book", "benchmarks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.ipynb"))
    return root


class Course:
    """A copy of the course, and what its changed files were before."""

    def __init__(self, root):
        self.root, self._kept = root, {}

    def change(self, name, old=None, new=None):
        """Put `new` for `old`, or something more at the file's end."""
        path = self.root / name
        self._kept.setdefault(path, path.read_bytes())
        if old is not None:
            text = path.read_text()
            assert old in text, f"{name} does not hold {old!r}"
            path.write_text(text.replace(old, new))
        else:
            path.write_bytes(path.read_bytes() + (b"\nchanged = True\n" if path.suffix == ".py" else b" "))
        engine_digest.cache_clear()

    def restore(self):
        for path, content in self._kept.items():
            path.write_bytes(content)
        engine_digest.cache_clear()


@pytest.fixture
def course(copy):
    found = Course(copy)
    yield found
    found.restore()


def hashes(key, root):
    """Of all who ask: kept marks, a worker's version, kept audits, mutation scores; and each check's."""
    root = root.root
    lab = Lab.load(key, root)
    checks = [check_digest(cell, root) for cell in lab.cells if cell.kind == "test"]
    return (
        lab_digest(lab, root),
        Rules.of(lab, root).version,
        content_hash(key, root),
        measured(lab, root),
        checks,
    )


@pytest.mark.parametrize(("name", "decided", "free"), DECIDING)
def test_a_file_that_decides_marks_is_in_the_hashes_of_its_topics_alone(course, name, decided, free):
    before, apart = hashes(decided, course), hashes(free, course)
    course.change(name)
    after = hashes(decided, course)
    assert all(old != new for old, new in zip(before[:4], after[:4]))
    assert hashes(free, course) == apart


@pytest.mark.parametrize("name", ENGINE)
def test_the_code_that_marks_is_in_the_hash_of_every_lab(course, name):
    before = hashes("neurons", course)
    course.change(name)
    after = hashes("neurons", course)
    assert all(old != new for old, new in zip(before[:3], after[:3]))


@pytest.mark.parametrize("name", SHOWING)
def test_what_only_shows_and_another_topic_leave_everything_kept(course, name):
    before = hashes("neurons", course)
    course.change(name)
    assert hashes("neurons", course) == before


def test_a_comment_a_docstring_or_a_line_break_marks_nobody_again(course):
    before = hashes("transfer", course)
    course.change(
        "course_utils/training/pretrained.py", '"""Nets that somebody has trained already', '"""Nets'
    )
    course.change("course_utils/checks/comparisons.py", "\nimport ", "\n# Why.\nimport ")
    course.change("course_utils/data/figures.py", "\n\n\n", "\n\n\n\n\n")
    assert hashes("transfer", course) == before


def test_of_a_table_the_rows_in_question_count(course):
    names = ("neurons", "odes")
    before = [hashes(key, course) for key in names]
    table, registry = "course_utils/topics.py", "course_utils/data/registry.py"
    course.change(table, 'title="Layers without number"', 'title="Layers"')
    course.change(table, END_OF_TABLE, f'\n    Topic(key="new", title="New", points=3),{END_OF_TABLE}')
    course.change(
        registry,
        '        Dataset("points"',
        '        Dataset("new", "New", "none", _OWN),\n        Dataset("points"',
    )
    course.change(registry, "_OWN = ", '_NEW = _files("new", (), "")\n\n_OWN = ')
    assert [hashes(key, course) for key in names] == before
    course.change(table, "margin=0.2, target=0.97", "margin=0.2, target=0.5")
    assert hashes("odes", course) == before[1]
    assert hashes("neurons", course)[:3] != before[0][:3]
    course.change(registry, "curves of a hidden field", "curves of a field")
    assert hashes("odes", course) != before[1]


def test_a_check_that_changes_leaves_the_others_and_the_lab(course):
    before = hashes("neurons", course)
    lab = course.root / "solutions/neurons/lab.py"
    name = re.search(r'# %% test="(\w+)"', lab.read_text())[0]
    course.change("solutions/neurons/lab.py", f"{name} points=", f"{name} points=1")
    after = hashes("neurons", course)
    assert after[0] == before[0]
    assert sum(old != new for old, new in zip(before[4], after[4])) == 1
    assert all(old != new for old, new in zip(before[1:4], after[1:4]))


def test_answers_are_in_the_hash_of_the_audit_alone(course):
    before = hashes("neurons", course)
    course.change("solutions/neurons/wrong_answers.py")
    after = hashes("neurons", course)
    assert after[2] != before[2]
    assert (after[:2], after[3:]) == (before[:2], before[3:])


def test_pages_depend_on_what_they_show(course):
    from course_book.freshness import fingerprint

    def prints():
        return [
            fingerprint(course.root / "book" / f"{name}.md", course.root)
            for name in ("odes", "results", "teaching")
        ]

    before = prints()
    course.change("course_utils/topics.py", END_OF_TABLE, f'\n    Topic(key="new", title="N"),{END_OF_TABLE}')
    after = prints()
    assert after[0] == before[0], "a new row is no reason to run another topic's page"
    assert after[1] != before[1]
    course.change("solutions/neurons/reference.json")
    assert [old == new for old, new in zip(after, prints())] == [True, False, True]
    course.change("benchmarks/engine.json")
    assert prints()[2] != after[2]
    course.change("solutions/odes/reference.py", '"""', '"""A page may show this. ')
    assert prints()[0] != after[0]


def test_a_page_depends_on_the_experiments_that_it_names_alone(course):
    from course_book.freshness import fingerprint

    def prints():
        pages = ("depth", "transformers", "neurons")
        return [fingerprint(course.root / "book" / f"{name}.md", course.root) for name in pages]

    before = prints()
    course.change("benchmarks/lighthouse.json", "{", '{"new": 1, ')
    assert prints() == before, "what no page shows makes no page run"
    course.change("benchmarks/chapters.json", '"depths": {', '"depths": {"new": [], ')
    assert [old == new for old, new in zip(before, prints())] == [False, True, True]


def test_only_what_runs_is_followed(tmp_path):
    (tmp_path / "course_utils").mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / "course_utils" / f"{name}.py").write_text("")
    source = "if TYPE_CHECKING:\n    import course_utils.one\nimport course_utils.two\n"
    found = reached([source, "%matplotlib inline\nimport course_utils.three"], root=tmp_path)
    assert found == {tmp_path / "course_utils/two.py"}
    assert read("def f(:").modules == frozenset()
    assert digest(found, tmp_path) == digest({*found}, tmp_path)
