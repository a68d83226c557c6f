"""The mistakes that an author makes without noticing: each is one line that names the place."""

import dataclasses
import shutil

import pytest

from course_utils import topics
from course_utils.audit.commands import _audited
from course_utils.authoring.missing import missing
from course_utils.labs.lab import Lab, LabError
from course_utils.labs.release import release
from course_utils.topics import ROOT


@pytest.fixture
def course(tmp_path):
    """A copy of what belongs to one topic."""
    for name in ("solutions/neurons", "labs/neurons"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("book/neurons.md", "book/references.bib", "tests/solutions/test_neurons.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def row(monkeypatch, **changes):
    """The row of `neurons`, changed."""
    rows = tuple(
        dataclasses.replace(one, **changes) if one.key == "neurons" else one for one in topics.TOPICS
    )
    monkeypatch.setattr(topics, "TOPICS", rows)


def test_a_whole_topic_lacks_nothing(course):
    assert missing("neurons", course) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('# %% solution="neuron"', '# %% solutions="neuron"'),
        ('# %% solution="neuron"', "# %% solution=neuron"),
        ('# %% solution="neuron"', '# %% solution="neuron" kept="x"'),
        ('# %% test="neuron_values" points=2', '# %% test="neuron_values" point=2'),
        ('# %% test="neuron_values" points=2', '# %% test="neuron_values" points="2"'),
        ('# %% trains="neurons"', '# %% train="neurons"'),
        ("# %% [markdown]\n", '# %% [markdown] answers="why"\n'),
    ],
)
def test_a_misspelt_marker_is_an_error_that_quotes_it(course, right, wrong):
    change(course / "solutions/neurons/lab.py", right, wrong)
    with pytest.raises(LabError, match="has no meaning; a marker is one of") as caught:
        Lab.load("neurons", course)
    assert "\n" not in str(caught.value)
    word = wrong.split()[-1].split("=")[0]
    assert word in str(caught.value)


def test_points_of_row_and_lab_that_differ_stop_release_and_audit(monkeypatch, tmp_path):
    row(monkeypatch, points=25)
    complaint = r"its checks give 24 points, its row in course_utils/topics\.py says 25; make them agree"
    with pytest.raises(LabError, match=complaint):
        release("neurons", tmp_path / "labs", tmp_path / "room")
    (finding,) = _audited("neurons", 1).findings
    assert not finding.passed
    assert "says 25; make them agree" in finding.text
    assert any("says 25; make them agree" in line for line in missing("neurons"))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"margin": 0.9}, "stands 0.399 from its baseline, its row's margin asks for 0.9"),
        ({"margin": 0.0}, "its row's margin is 0"),
        ({"data_full": "points, nothing"}, "data_full 'nothing' is no data set"),
        ({"paper": "nobody1900"}, "paper 'nobody1900' is not in book/references.bib"),
        ({"metric": "test error"}, "the record's metric is"),
    ],
)
def test_a_row_that_contradicts_what_stands_elsewhere_is_named(monkeypatch, course, changes, complaint):
    row(monkeypatch, **changes)
    assert any(complaint in line for line in missing("neurons", course)), missing("neurons", course)


@pytest.mark.parametrize(
    ("gone", "complaint"),
    [
        ("solutions/neurons/right_answers.py", "solutions/neurons/right_answers.py is missing"),
        ("solutions/neurons/reference.json", "no record of the mini tier; run: course train neurons"),
        ("book/neurons.md", "book/neurons.md is missing"),
        ("labs/neurons/neurons.ipynb", "run: course release neurons"),
        ("tests/solutions/test_neurons.py", "tests/solutions/test_neurons.py is missing"),
    ],
)
def test_what_is_not_there_is_named(course, gone, complaint):
    (course / gone).unlink()
    assert any(complaint in line for line in missing("neurons", course))


def test_a_reference_that_has_changed_is_named(course):
    change(course / "solutions/neurons/reference.py", "2500, 0.5)", "2500, 0.25)")
    assert any("has changed since it was trained" in line for line in missing("neurons", course))
    change(course / "book/neurons.md", "{lab} neurons", "{lab} convolution")
    assert any("the link to the lab" in line for line in missing("neurons", course))
