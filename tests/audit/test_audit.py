"""The audit passes a sound lab and finds every defect that a lab's author may leave."""

import os
import time
from datetime import date

import pytest

from course_utils.audit import commands as audit_command
from course_utils.audit import drawn, kept
from course_utils.audit.apart import audit_apart, graded_apart, rehearsed_apart
from course_utils.audit.commands import warm_processes
from course_utils.audit.companies import companies, together
from course_utils.audit.dependence import ARTIFACT, Dependence, names_of
from course_utils.audit.findings import Finding, Report, shown
from course_utils.audit.forks import Forks
from course_utils.audit.mutation_score import Score, Survivor
from course_utils.labs.answer import Answer
from course_utils.labs.lab import Cell
from course_utils.topics import KEYS
from tests.grading.sample_lab import answers, changed


def failures(pool, lab, wrong=(), right=()) -> dict[str, str]:
    """Title -> text of what failed, without the engine."""
    report = pool.submit(rehearsed_apart, lab, list(wrong), list(right), 2).result()
    return {finding.title: finding.text for finding in report.findings if not finding.passed}


def test_a_sound_lab_passes_in_its_own_process_and_through_the_engine(warm, lab):
    report = warm.submit(audit_apart, lab, *answers(), 2).result()
    assert report.passed, shown(report, messages=True)
    assert {finding.group for finding in report.findings} == {
        "reference",
        "release",
        "wrong",
        "right",
        "engine",
    }
    caught = {finding.title: finding.text for finding in report.findings if finding.group == "wrong"}
    assert "expected: -1" in caught["centred: the mean of each column"]


def test_wrong_answers_that_get_through_or_lose_elsewhere_are_found(warm, lab):
    wrong, _ = answers()
    weak = changed(lab, "spread_values", "x.var(dim=1, correction=0)", "student.spread(x)")
    weak = changed(weak, "spread_values", "torch.tensor([1.0, 4.0])", "student.spread(x)")
    found = failures(warm, weak, wrong)
    assert found == {"spread: the sum for the mean": "loses nothing in spread_values"}
    elsewhere = [Answer("wrong", "centred", wrong[0].source, "columns", "line_fit")]
    assert "does not depend on centred" in failures(warm, lab, elsewhere)["centred: columns"]


def test_a_check_that_refuses_a_right_answer_is_found_with_its_message(warm, lab):
    _, right = answers()
    exact = "assert student.spread(x).dtype == torch.float32\n### END HIDDEN TESTS"
    strict = changed(lab, "spread_values", "### END HIDDEN TESTS", exact)
    found = failures(warm, strict, right=right)
    assert list(found) == ["spread: NumPy"]
    assert "spread_values 0/3" in found["spread: NumPy"]


def test_of_answers_graded_together_the_engine_names_the_one_that_fails(warm, lab):
    _, right = answers()
    worse = "class Line:\n    def fit(self, x, y):\n        return 3.0 if len(x) < 50 else 2.0"
    found, _ = warm.submit(
        graded_apart, lab, [], [*right[:2], Answer("right", "Line", worse, "two at scale")]
    ).result()
    failed = [finding for finding in found if not finding.passed]
    assert [finding.title for finding in failed] == ["Line: two at scale"]
    assert "sample_trained 0/1" in failed[0].text


def test_a_wrong_answer_that_the_engine_lets_pass_is_named(warm, lab):
    lucky = (
        "def centred(x):\n    import torch\n    return x - x.mean(1, keepdim=True) + (torch.rand(()) < 0.5)"
    )
    wrong, _ = answers()
    answer = Answer(
        "wrong",
        "centred",
        "def centred(x):\n    return x - x.mean(1, keepdim=True)",
        "no mistake",
        wrong[0].check,
    )
    found, _ = warm.submit(graded_apart, lab, [answer], []).result()
    (failed,) = [finding for finding in found if not finding.passed]
    assert failed.title == "centred: no mistake"
    assert failed.text == f"loses nothing in 3 of 3 draws of {wrong[0].check}"
    unlucky = Answer("wrong", "centred", lucky, "wrong now and then", wrong[0].check)
    found = warm.submit(rehearsed_apart, lab, [unlucky] * 6, [], 1).result()
    assert not found.passed


@pytest.mark.parametrize("first", ["import os\nos._exit(1)", "import torch\ntorch.Tensor.mean = None"])
def test_what_one_wrong_answer_leaves_to_the_next_speaks_against_none(warm, lab, first):
    """Wrong answers share a kernel; one that ends it, or spoils it, is judged again without the others."""
    fine = "def centred(x):\n    return x - x.mean(1, keepdim=True)"
    worse = "def centred(x):\n    return x - x.mean()"
    given = [Answer("wrong", "centred", f"{first}\n{worse}", "spoils", "centred_values")]
    given += [Answer("wrong", "centred", fine, f"no mistake {n}", "centred_values") for n in range(2)]
    given += [Answer("wrong", "centred", worse, "one mean", "centred_values")]
    found, spent = warm.submit(graded_apart, lab, given, []).result()
    assert [f.title for f in found if not f.passed] == ["centred: no mistake 0", "centred: no mistake 1"]
    assert spent > 0.1  # of kernels


def test_answers_of_different_cells_are_tried_together():
    a, b, c, d = {1: "x"}, {1: "y"}, {4: "z"}, {2: "u", 4: "w"}
    assert companies([a, b, c, d]) == [[0, 2], [1, 3]]
    assert together([a, b, c, d], [1, 3]) == {1: "y", 2: "u", 4: "w"}
    assert companies([d, c, b]) == [[0, 2], [1]]


def test_a_check_that_breaks_instead_of_explaining_is_found(warm, lab):
    rude = changed(lab, "centred_values", "student.centred(x), torch", "student.centred(x)[9], torch")
    assert "IndexError" in failures(warm, rude)["centred_values: 0 of 2"]
    nothing = [Answer("wrong", "centred", "def centred(x):\n    return None", "none", "centred_values")]
    rude = changed(lab, "centred_values", "student.centred(x), torch", "+student.centred(x), torch")
    found = failures(warm, rude, nothing)["centred: none"]
    assert "the check itself broke" in found
    assert "TypeError" in found


def test_points_for_nothing_are_found(warm, lab):
    open_handed = changed(lab, "sample_trained", "from course_utils", "1.0\n'''\nfrom course_utils")
    open_handed = changed(open_handed, "sample_trained", "### END HIDDEN TESTS", "'''")
    assert "sample_trained gives 1 points for nothing" in failures(warm, open_handed)


def test_answers_that_fit_nowhere_are_said_in_one_line(warm, lab):
    lost = [Answer("wrong", "centred", "def centred(x): return x", "x", "no_such_check")]
    assert "no check is called 'no_such_check'" in failures(warm, lab, lost)["the lab"]
    lost = [Answer("right", "centre", "def centre(x): return x", "x")]
    assert (
        "no solution cell is called 'centre'; the lab has centred, spread, Line"
        in failures(warm, lab, right=lost)["the lab"]
    )


def test_a_cell_that_never_ends_is_stopped_by_its_cpu_time(warm):
    message, seconds = warm.submit(_endless).result()
    assert message == "still running after 0.2 s of CPU time"
    assert seconds < 2


def _endless():
    from course_utils.audit.rehearsal import Notebook

    started = time.process_time()
    source = "while True:\n    try:\n        pass\n    except Exception:\n        pass"
    return Notebook().run("endless", source, 0.2), time.process_time() - started


def test_a_fork_that_dies_or_hangs_costs_its_own_result_only(warm):
    assert warm.submit(_forks).result() == {"fine": [1], "dead": None, "hung": None}


def _forks():
    forks = Forks(2, seconds=600)
    forks.start("dead", lambda: os._exit(1))
    forks.start("fine", lambda: [1])
    hanging = Forks(1, seconds=0.5)
    hanging.start("hung", lambda: time.sleep(600))
    return forks.finish() | hanging.finish()


def test_names_that_cells_read_and_write():
    assert names_of("test", "student.f(x) + student.artifact('a')['w']").reads == {"f", ARTIFACT}
    function = names_of("solution", "def g(x):\n    y = f(x)\n    return y + torch.pi")
    assert function.reads == {"f", "torch"}
    assert function.writes == {"g"}
    training = names_of(
        "code", "import torch\nfor x in data:\n    step(net, x)\nsave_artifact('a', net, tier)"
    )
    assert {"net", "x", ARTIFACT} <= training.writes
    assert "torch" in training.writes


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("figure, ax = subplots()\nax.plot(f(x))", {"subplots", "f", "x"}),
        ("for ax, name in zip(axes, names):\n    ax.set_title(name)", {"axes", "names"}),
        ("def show(ax, size=ax):\n    ax.plot(size)\nax = show", {"ax", "show"}),
        ("def show():\n    return ax\nax = show()", {"ax", "show"}),
        ("ax = ax + 1", {"ax"}),
        ("ax += 1\nax = 3", {"ax"}),
        ("for ax in axes:\n    pass\nprint(ax)", {"axes", "ax"}),
        ("if late:\n    ax = 1\nprint(ax)", {"late", "ax"}),
    ],
)
def test_a_name_that_a_cell_binds_before_it_reads_it_comes_from_nowhere_else(source, reads):
    assert names_of("code", source).reads == reads


def test_only_what_depends_on_a_changed_cell_runs_again():
    cells = (
        Cell("solution", "def f(): return 1", "f"),
        Cell("solution", "def g(): return 2", "g"),
        Cell("test", "student.f()", "f_values", 1),
        Cell("test", "student.g()", "g_values", 1),
        Cell("code", "net = make()"),
        Cell("code", "train(net, f)"),
        Cell("code", "save_artifact('k', net, tier)"),
        Cell("test", "student.artifact('k')", "trained", 1),
    )
    dependence = Dependence(cells)
    assert dependence.affected(1, {1: cells[1].source}) == [1, 3]
    assert dependence.affected(0, {0: cells[0].source}) == [0, 2, 5, 6, 7]
    assert dependence.needed(0, {0: cells[0].source}) == [0, 2, 4, 5, 6, 7]
    assert dependence.without([0, 2, 4, 5, 6, 7], {5}) == [0, 2, 4]


def test_what_an_earlier_definition_calls_is_needed_though_it_is_written_later():
    cells = (
        Cell("code", "class Value:\n    def __mul__(self, k):\n        return multiply(self, k)"),
        Cell("solution", "def add(a, b):\n    return a", "add"),
        Cell("solution", "def multiply(a, b):\n    return b", "multiply"),
        Cell("solution", "def apart(a):\n    return a", "apart"),
        Cell("code", "b = add(Value(), 3) * 2"),
        Cell("test", "student.b\nstudent.add", "b_values", 1),
    )
    dependence = Dependence(cells)
    assert dependence.needed(1, {1: cells[1].source}) == [1, 2, 4, 5]
    assert dependence.affected(2, {2: cells[2].source}) == [2, 4, 5]


def test_a_proof_is_committed_and_stands_until_something_changes(monkeypatch, tmp_path):
    (tmp_path / "solutions" / "neurons").mkdir(parents=True)
    content = ["one"]
    monkeypatch.setattr(kept, "content_hash", lambda key, root: content[0])
    passed = (Finding("reference", "earns 24", True), Finding("wrong", "relu: min", True, "what is read"))
    report = Report("neurons", 24, passed, 1.5, "f, 0.1 s")
    assert kept.known("neurons", tmp_path) is None
    kept.keep(report, "one", tmp_path)
    found = kept.known("neurons", tmp_path)
    assert (found.points, found.seconds, found.passed) == (24, 1.5, True)
    assert kept.differences(report, found) == []
    content[0] = "two"
    assert kept.known("neurons", tmp_path) is None
    kept.keep(Report("neurons", 24, (Finding("wrong", "relu: min", False),)), "two", tmp_path)
    assert kept.known("neurons", tmp_path) is None
    (tmp_path / "solutions" / "neurons" / "audit.json").write_text("{")
    assert kept.committed("neurons", tmp_path) == (None, "")


def test_what_an_audit_finds_otherwise_is_said():
    before = Report("neurons", 1, (Finding("wrong", "a", True), Finding("wrong", "b", True)))
    now = Report(
        "neurons", 1, (Finding("wrong", "a", False), Finding("wrong", "b", True), Finding("right", "c", True))
    )
    assert kept.differences(now, before) == [
        "wrong: a: no longer found",
        "right: c: not among what is committed",
    ]


def test_a_day_draws_two_topics_and_twenty_mutants_and_another_day_others():
    days = [date(2026, 1, day) for day in range(1, 29)]
    pairs = {drawn.topics(KEYS, day) for day in days}
    assert all(len(set(pair)) == 2 for pair in pairs)
    assert len(pairs) > 10
    names = {f"{number:08x}" for number in range(100)}
    few = [drawn.mutants("odes", names, day) for day in days]
    assert all(len(found) == 20 and found <= names for found in few)
    assert few[0] != few[1] != drawn.mutants("flows", names, days[1])
    assert drawn.topics(KEYS, days[0]) == drawn.topics(KEYS[::-1], days[0])


def test_what_is_drawn_must_give_what_is_committed(monkeypatch):
    report = Report("neurons", 24, (Finding("wrong", "a", True),))
    monkeypatch.setattr(drawn, "content_hash", lambda key: "now")
    monkeypatch.setattr(drawn, "committed", lambda key: (Report("neurons", 24, ()), "now"))
    assert drawn.audit_complaints(report) == ["neurons: wrong: a: not among what is committed"]
    monkeypatch.setattr(drawn, "committed", lambda key: (Report("neurons", 24, ()), "before"))
    assert drawn.audit_complaints(report) == []
    monkeypatch.setattr(drawn, "measured", lambda lab: "now")
    row = {"measured": "now", "survivors": ["a", "b", "c"]}
    monkeypatch.setattr(drawn, "committed_score", lambda key: row)
    result = Score("neurons", 9, 3, 1, (Survivor("a", "f", ""), Survivor("d", "f", "")))
    assert drawn.score_complaints(result, {"a", "b", "d"}) == [
        "neurons: mutant b is caught now",
        "neurons: mutant d is not caught any more",
    ]
    row["measured"] = "before"
    assert drawn.score_complaints(result, {"a", "b", "d"}) == []


def test_what_is_proved_is_not_run_again_and_what_is_out_of_order_is(monkeypatch, tmp_path):
    report = Report("neurons", 24, (Finding("reference", "earns 24", True),))
    monkeypatch.setattr(audit_command, "known", lambda key: report)
    assert list(audit_command.reports(("neurons",))) == [report]

    def broken(key):
        raise ValueError("lab.py: no cell")

    monkeypatch.setattr(audit_command, "known", broken)
    assert audit_command._kept("neurons") is None


def test_a_failure_is_shown_with_the_message_and_gives_exit_code_1(monkeypatch, capsys):
    bad = Finding("wrong", "conv2d: turns the kernel round", False, "loses nothing in conv2d_values")
    report = Report("neurons", 24, (Finding("reference", "earns 24", True), bad))
    monkeypatch.setattr(audit_command, "reports", lambda keys, jobs, fresh: [report])
    import argparse

    parser = argparse.ArgumentParser()
    audit_command.add_arguments(parser)
    assert audit_command.run(parser.parse_args(["neurons"])) == 1
    printed = capsys.readouterr().out
    assert "✗ conv2d: turns the kernel round\n        loses nothing in conv2d_values" in printed
    assert "failed: neurons" in printed


def test_what_the_processes_are_told_stays_with_them():
    before = dict(os.environ)
    with warm_processes(1) as pool:
        assert pool.submit(os.getenv, "COURSE_PICTURES").result() == "0"
    assert dict(os.environ) == before
