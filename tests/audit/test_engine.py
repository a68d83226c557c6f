"""Which submissions of an audit train through the engine, and which are handed nets that are trained already."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils.audit import engine
from course_utils.labs.answers import Answer
from course_utils.labs.fill import sources
from tests.grading.sample_lab import answers, sample_lab

NETS = [Path("line.safetensors")]


@pytest.fixture
def graded(monkeypatch):
    """What was graded: for each submission the changed cells, and whether nets were handed in.

    All pass, but those in which `graded.short` says so.
    """
    seen = SimpleNamespace(submissions=[], short=lambda changed, nets: False)

    def grade(lab, changed, warm, nets=()):
        seen.submissions.append((changed, bool(nets)))
        earned = 0.0 if not changed or seen.short(changed, nets) else 1.0
        check = SimpleNamespace(name="c", points=earned, max_points=1.0, status="", message="lost")
        return SimpleNamespace(reason="", cells=[], checks=[check])

    monkeypatch.setattr(engine, "_graded", grade)
    monkeypatch.setattr(engine, "standing", lambda: SimpleNamespace(spent=0.0))
    return seen


@pytest.fixture
def lab(monkeypatch):
    return sample_lab(monkeypatch)


def another(answer: Answer, why: str) -> Answer:
    return Answer(answer.kind, answer.cell, answer.source, why)


def findings(lab, right):
    found, _ = engine.engine_findings(lab, [], right, NETS)
    return found[2:]  # after reference and release


def test_the_first_company_trains_and_the_others_are_handed_nets(lab, graded):
    answer = answers()[1][0]
    found = findings(lab, [answer, another(answer, "second"), another(answer, "third")])
    assert [nets for _, nets in graded.submissions[2:]] == [False, True, True]
    assert all(finding.passed for finding in found)
    assert [finding.title.split(": ")[1] for finding in found[1:]] == ["second", "third"]


def test_who_falls_short_with_a_handed_in_net_trains(lab, graded):
    answer = answers()[1][0]
    graded.short = lambda changed, nets: bool(nets)
    found = findings(lab, [answer, another(answer, "its weights have other names")])
    assert [nets for _, nets in graded.submissions[2:]] == [False, True, False]
    assert all(finding.passed for finding in found)


def test_a_right_answer_that_falls_short_is_named(lab, graded):
    first, second = answers()[1][0], another(answers()[1][0], "second")
    bad = Answer("right", "Line", "class Line:\n    pass", "bad")
    places = sources(lab.cells, bad)
    graded.short = lambda changed, nets: changed.items() >= places.items()
    found = findings(lab, [first, second, bad])
    assert [finding.title for finding in found if not finding.passed] == ["Line: bad"]
