"""Mutants are one slip each, in what a student writes; their score is measured, entered and judged."""

import pytest

from course_utils.audit import mutation_score
from course_utils.audit.commands import score_apart
from course_utils.audit.mutants import mutants_of, sample, solution_lines
from course_utils.audit.mutation_score import (
    EquivalentsError,
    Score,
    Survivor,
    committed,
    complaint,
    enter,
    equivalents,
    shown_score,
)
from course_utils.labs.lab import Cell, Definitions
from tests.grading.sample_lab import changed, sample_lab

SOURCE = '''
def weights(x, y, given=1):
    """Adds 1 to 2."""
    if len(x) != len(y):
        raise ValueError(f"weights: expected {len(y) + 1} rows")
    scale: int = 2
    with torch.no_grad():
        z = (x - y).detach().mean(dim=-1, keepdim=True)
    out = torch.zeros(len(x), device="cpu")
    for i in range(len(x)):
        out[i] += z[i] * scale
    return torch.where(out > 0, out[1:], out)
'''


@pytest.fixture(scope="module")
def mutated() -> str:
    """The new lines of all mutants."""
    cell = Cell("solution", Definitions(SOURCE, "r.py").text("weights"), "weights")
    return "\n".join(
        line[1:].strip() for m in mutants_of(cell) for line in m.diff.splitlines() if line[0] == "+"
    )


@pytest.mark.parametrize(
    "line",
    [
        "if len(x) == len(y):",
        "scale: int = 3",
        "z = (x + y).detach().mean(dim=-1, keepdim=True)",
        "z = (y - x).detach().mean(dim=-1, keepdim=True)",
        "z = (x - y).mean(dim=-1, keepdim=True)",
        "z = (x - y).detach().sum(dim=-1, keepdim=True)",
        "z = (x - y).detach().mean(dim=1, keepdim=True)",
        "z = (x - y).detach().mean(dim=-1)",
        'out = torch.ones(len(x), device="cpu")',
        "for i in range(len(x) + 1):",
        "for i in range(len(x) - 1):",
        "out[i] -= z[i] * scale",
        "out[i] = z[i] * scale",
        "out[i] += z[i] / scale",
        "out[i] += z[i]",
        "return torch.where(out >= 0, out[1:], out)",
        "return torch.where(out > 0, out[2:], out)",
        "return torch.where(out[1:], out > 0, out)",
    ],
)
def test_the_slips_of_students_are_among_the_mutants(mutated, line):
    assert line in mutated.splitlines()


def test_what_is_given_and_what_is_said_stays(mutated):
    assert "given" not in mutated
    assert "Adds" not in mutated
    assert "expected" not in mutated
    assert 'device="cpu"' in mutated
    assert "torch.zeros(len(x))" not in mutated


def test_mutants_differ_from_the_source_and_from_each_other_once_compiled():
    cell = Cell(
        "solution", "def f(x):\n    ### BEGIN SOLUTION\n    return x[0] * (1 + 1)\n    ### END SOLUTION", "f"
    )
    mutants = mutants_of(cell)
    assert not any("2 * 1" in mutant.diff for mutant in mutants)
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        compile(mutant.source, "", "exec")


def test_text_beyond_ascii_keeps_its_place():
    cell = Cell(
        "solution", 'def f(x):\n    ### BEGIN SOLUTION\n    return "θθθ", x + 1\n    ### END SOLUTION', "f"
    )
    assert '+    return "θθθ", x - 1' in "\n".join(mutant.diff for mutant in mutants_of(cell))
    assert solution_lines(cell.source) == {3}


def test_a_sample_is_the_same_each_time_and_keeps_the_order():
    cell = Cell("solution", Definitions(SOURCE, "r.py").text("weights"), "weights")
    mutants = mutants_of(cell)
    few = sample(mutants, 10)
    assert len(few) == 10
    assert few == sample(list(mutants), 10) == [mutant for mutant in mutants if mutant in few]


def test_a_weak_lab_shows_its_survivors_and_a_sound_one_refuses_to_declare_them(warm, monkeypatch):
    lab = sample_lab(monkeypatch)
    full = warm.submit(score_apart, lab, {}, 2).result()
    assert full.share >= 0.95, shown_score(full)
    assert full.tried == full.generated > 30
    guard = _without_guard(lab)
    weak = changed(lab, "spread_values", "raises(ValueError", "0 and raises(ValueError")
    short = warm.submit(score_apart, weak, {guard: "no caller passes that"}, 2).result()
    assert short.killed < full.killed
    assert short.declared == 1
    assert short.share == short.killed / (short.tried - 1)
    assert '-        raise ValueError("spread: expected at least one column, got none")' in shown_score(short)
    with pytest.raises(EquivalentsError, match="is caught by a check; remove its line"):
        warm.submit(score_apart, lab, {guard: "no caller passes that"}, 2).result()
    with pytest.raises(EquivalentsError, match="no mutant is called 00000000"):
        warm.submit(score_apart, lab, {"00000000": "no caller passes that"}, 2).result()


def _without_guard(lab) -> str:
    """The name of the mutant of `spread` that raises nothing."""
    cell = next(cell for cell in lab.cells if cell.name == "spread")
    return next(mutant.name for mutant in mutants_of(cell) if mutant.diff.endswith("+    pass"))


def test_declared_equivalents_need_a_reason(tmp_path):
    folder = tmp_path / "solutions" / "sample"
    folder.mkdir(parents=True)
    assert equivalents("sample", tmp_path) == {}
    (folder / "equivalent_mutants.txt").write_text("# remark\n\n12345678 both are zero there\n")
    assert equivalents("sample", tmp_path) == {"12345678": "both are zero there"}
    (folder / "equivalent_mutants.txt").write_text("12345678 because\n")
    with pytest.raises(EquivalentsError, match="12345678 needs a reason"):
        equivalents("sample", tmp_path)


def test_rows_that_are_missing_stale_or_short_are_complained_of(tmp_path, monkeypatch):
    (tmp_path / "solutions" / "neurons").mkdir(parents=True)
    monkeypatch.setattr(mutation_score, "measured", lambda lab, root: "now")
    monkeypatch.setattr(mutation_score.Lab, "load", classmethod(lambda cls, key, root: None))
    assert "no mutation score" in complaint("neurons", tmp_path)
    enter(Score("neurons", 10, 10, 10, ()), "before", tmp_path)
    assert "has changed since" in complaint("neurons", tmp_path)
    survivors = tuple(Survivor(str(n), "f", "- x\n+ y") for n in range(6))
    enter(Score("neurons", 100, 100, 94, survivors), "now", tmp_path)
    assert "catch 94.0% of the mutants, 95% are due" in complaint("neurons", tmp_path)
    declared = (*survivors[:5], Survivor("5", "f", "", "the same by algebra"))
    enter(Score("neurons", 100, 100, 94, declared), "now", tmp_path)
    assert "94.9%" in complaint("neurons", tmp_path)
    enter(Score("neurons", 100, 100, 96, survivors[:4]), "now", tmp_path)
    assert complaint("neurons", tmp_path) == ""
    row = committed("neurons", tmp_path)
    assert (row["killed"], row["survivors"]) == (96, ["0", "1", "2", "3"])
