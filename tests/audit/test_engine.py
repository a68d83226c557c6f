"""Which submissions of an audit train through the engine, and which are handed nets that are trained already."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils.audit import engine
from course_utils.labs.answer import Answer
from course_utils.labs.fill import sources
from course_utils.labs.lab import Cell
from tests.grading.sample_lab import answers

NETS = [Path("line.safetensors")]


@pytest.fixture
def graded(monkeypatch):
    """What was graded: for each submission the changed cells, and whether nets were handed in; and `labs`, the labs.

    All pass, but those in which `graded.short` says so.
    """
    seen = SimpleNamespace(submissions=[], labs=[], short=lambda changed, nets: False)

    def grade(lab, changed, warm, nets=(), limits=None, kept=None):
        seen.submissions.append((changed, bool(nets)))
        seen.labs.append(lab)
        earned = 0.0 if not changed or seen.short(changed, nets) else 1.0
        check = SimpleNamespace(name="c", points=earned, max_points=1.0, status="", message="lost")
        return SimpleNamespace(reason="", cells=[], checks=[check])

    monkeypatch.setattr(engine, "_graded", grade)
    monkeypatch.setattr(engine, "standing", lambda: SimpleNamespace(spent=0.0))
    return seen


def another(answer: Answer, why: str) -> Answer:
    return Answer(answer.kind, answer.cell, answer.source, why)


def findings(lab, right, **given):
    found, _ = engine.engine_findings(lab, [], right, NETS, **given)
    return found[2:]  # after reference and release


def test_the_first_company_trains_and_the_others_are_handed_nets(lab, graded):
    answer = answers()[1][0]
    found = findings(lab, [answer, another(answer, "second"), another(answer, "third")])
    assert [nets for _, nets in graded.submissions[2:]] == [False, True, True]
    assert all(finding.passed for finding in found)
    assert [finding.title.split(": ")[1] for finding in found[1:]] == ["second", "third"]


def test_a_first_company_that_has_passed_is_not_tried_again(lab, graded):
    answer = answers()[1][0]
    found = findings(lab, [answer, another(answer, "second")], first=True)
    assert [nets for _, nets in graded.submissions[2:]] == [True]
    assert [finding.title.split(": ")[1] for finding in found] == [answer.why, "second"]
    assert all(finding.passed for finding in found)


def test_of_later_companies_only_that_runs_which_may_go_otherwise(lab, graded):
    """A plain cell that calls the answer is run though no check asks for it, what has nothing to do with it is not."""
    answer = answers()[1][2]  # Line
    shown = (Cell("code", "print(Line())"), Cell("code", "print(spread)"))
    lab = replace(lab, cells=(*lab.cells, *shown))
    findings(lab, [answer, another(answer, "second")])
    whole, few = graded.labs[2:]
    assert whole.cells == lab.cells
    kept = {cell.name or cell.source for cell in few.cells if cell.kind != "prose"}
    assert kept > {"Line", "line_fit", "sample_trained", lab.cells[0].source, shown[0].source}
    assert not kept & {"centred", "centred_values", "spread", "spread_values", shown[1].source}
    assert [len(cells) for cells in (whole.cells, few.cells)] == [len(lab.cells)] * 2


def test_a_check_that_takes_long_is_drawn_once_of_a_wrong_answer(lab, graded):
    wrong, _ = answers()
    graded.short = lambda changed, nets: True
    engine.engine_findings(lab, wrong[:2], [], slow={1})
    drawn = [[cell.name for cell in lab.cells if cell.kind == "test"] for lab in graded.labs[2:]]
    assert sorted(map(len, drawn)) == [1, engine.DRAWS]
    assert ["spread_values_draw0_1"] in drawn


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
