"""A page's fingerprint changes with every module that its cells reach, and with nothing else."""

import sys

import pytest

from course_utils.dependencies import read
from course_utils.topics import ROOT

pytest.importorskip("jupyter_cache", reason="jupyter-cache is not installed: chapters are not run")
sys.path.append(str(ROOT / "book" / "_ext"))
from course_book import freshness

PAGE = """# A page

```{code-cell}
:tags: [hide-input]
from solutions.neurons.reference import layer
import torch
```
"""


@pytest.fixture
def course(tmp_path):
    files = {
        "book/page.md": PAGE,
        "solutions/neurons/reference.py": "from course_utils.data import points\n",
        "solutions/neurons/reference.json": "{}",
        "course_utils/__init__.py": "",
        "course_utils/data/__init__.py": "",
        "course_utils/data/points.py": "import course_utils.topics\n",
        "course_utils/topics.py": "TOPICS = ()\n",
        "course_utils/grading.py": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_page_that_shows_measurements_changes_with_them(course):
    (course / "book/page.md").write_text(
        PAGE.replace("solutions.neurons.reference", "course_utils.benchmark_tables")
    )
    (course / "course_utils/grading.py").unlink()
    for name in (
        "course_utils/grading/__init__.py",
        "course_utils/benchmark_tables.py",
        "benchmarks/engine.json",
    ):
        (course / name).parent.mkdir(exist_ok=True)
        (course / name).write_text('FOLDER = ROOT / "benchmarks"\n')
    before = fingerprint(course)
    (course / "benchmarks/engine.json").write_text("{}")
    assert fingerprint(course) != before


def fingerprint(course):
    return freshness.fingerprint(course / "book" / "page.md", course)


@pytest.mark.parametrize(
    "changed",
    [
        "solutions/neurons/reference.py",
        "solutions/neurons/reference.json",
        "course_utils/data/points.py",
        "course_utils/topics.py",
        "course_utils/__init__.py",
    ],
)
def test_what_a_page_reaches_changes_its_fingerprint(course, changed):
    before = fingerprint(course)
    with (course / changed).open("a") as file:
        file.write("# changed\n")
    assert fingerprint(course) != before


def test_what_a_page_does_not_reach_leaves_it(course):
    before = fingerprint(course)
    (course / "course_utils/grading.py").write_text("changed = True\n")
    assert fingerprint(course) == before


def test_a_page_that_imports_nothing_of_the_course_has_none(course):
    (course / "book/page.md").write_text("# Words\n\n```{code-cell}\nimport torch\n```\n")
    assert fingerprint(course) == ""


def test_options_of_a_cell_are_not_read_as_python():
    page = "```{code-cell} python\n---\ntags: [a]\n---\nimport course_utils\n```\n\n```python\nimport solutions\n```\n"
    assert [set(read(cell).modules) for cell in freshness.cells(page)] == [{"course_utils"}]
