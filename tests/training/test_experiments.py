"""Experiments come after the record, are a field of it, and have code of their own."""

from dataclasses import replace

import pytest

from course_utils import topics
from course_utils.topics import KEYS
from course_utils.training import experiments, records, reference_tensors, report, results
from course_utils.training.commands import run, train
from tests.training.test_commands import arguments
from tests.training.test_record import ENTRY

MEASURES = '''
"""How steep the line is; whether its record was there before."""
from pathlib import Path

from solutions.line import more


def experiments(tensors, tier, run):
    there = (Path(__file__).parent / "reference.json").is_file()
    for _ in run.steps(60, {}, "beside"):
        pass
    with open(Path(__file__).parent / "runs.txt", "a") as lines:
        lines.write("measured\\n")
    return {"slope": tensors["weight"].item(), "after": float(there), "seed": run.seed, "more": more.MORE}
'''


@pytest.fixture
def measured(course):
    """A course with experiments: `measured(text)` writes it and gives its folder."""

    def write(text=MEASURES, **how):
        root = course(**how)
        (root / "solutions/line/experiments.py").write_text(text)
        (root / "solutions/line/more.py").write_text("MORE = 7\n")
        return root

    return write


def full(root):
    return records("line", root)["full"]


def runs(root):
    return (root / "solutions/line/runs.txt").read_text().count("measured")


def test_experiments_come_after_the_record_and_are_a_field_of_it(measured):
    root = measured()
    assert train(["line"], arguments("--seeds", "2", "--tier", "full"), root) == 0
    slope = reference_tensors("line", "full", root)["weight"].item()
    assert full(root).experiments == {"slope": pytest.approx(slope), "after": 1, "seed": 0, "more": 7}
    assert full(root).experiments_from["device"].startswith("CPU")
    assert train(["line"], arguments("--seeds", "1"), root) == 0
    assert records("line", root)["mini"].experiments == {}
    assert runs(root) == 1


def test_an_edited_experiment_runs_again_and_trains_nothing(measured, capsys, monkeypatch):
    monkeypatch.setattr(report, "TOPICS", topics.TOPICS)
    root, full_tier = measured(), arguments("--seeds", "1", "--tier", "full")
    assert train(["line"], full_tier, root) == 0
    trained = full(root)
    assert experiments.state(trained, root) == experiments.MEASURED
    (root / "solutions/line/more.py").write_text("MORE = 7 + 1\n")
    assert experiments.state(trained, root) == experiments.STALE
    assert not trained.stale(root)
    assert report.status(root).splitlines()[2].split()[:6] == ["line", "full", "from", "a", "CPU", "stale"]
    assert train(["line"], full_tier, root) == 0
    assert "its record stands" in capsys.readouterr().out
    assert full(root).experiments["more"] == 8
    assert full(root).date == trained.date
    assert (full(root).minutes, full(root).curve) == (trained.minutes, trained.curve)  # not trained again
    assert runs(root) == 2


def test_a_new_record_has_its_experiments_measured_anew(measured):
    root, full_tier = measured(), arguments("--seeds", "1", "--tier", "full")
    assert train(["line"], full_tier, root) == 0
    slope = full(root).experiments["slope"]
    measured(rate="0.05")
    assert not experiments.wanted("line", "full", root)  # first its seeds
    assert train(["line"], full_tier, root) == 0
    assert full(root).experiments["slope"] != slope


def test_stale_names_topics_whose_experiments_are_missing(measured):
    root = measured()
    experiments.experiments_path("line", root).unlink()
    words = "line", "--stale", "--seeds", "1", "--tier", "full"
    assert run(arguments(*words), root) == 0
    assert experiments.state(full(root), root) == experiments.NONE
    measured()
    assert experiments.state(full(root), root) == experiments.MISSING
    assert run(arguments(*words), root) == 0
    assert experiments.state(full(root), root) == experiments.MEASURED


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("raise ValueError('no such bird')", "line full experiments: ValueError: no such bird"),
        ("return {'birds': float('nan')}", "line full experiments: birds is nan, expected a finite number."),
    ],
)
def test_an_experiment_that_fails_leaves_the_record(measured, capsys, does, said):
    root = measured(f"def experiments(tensors, tier, run):\n    {does}\n")
    assert train(["line"], arguments("--seeds", "1", "--tier", "full"), root) == 1
    assert full(root).seeds == [0]
    assert full(root).experiments == {}
    assert said in capsys.readouterr().err


def test_a_slot_runs_them_after_the_seeds_and_brings_them_back(measured, tmp_path, capsys):
    root = measured()
    words = "line", "--seconds", "600", "--out", str(tmp_path / "out"), "--seeds", "1", "--tier", "full"
    assert run(arguments(*words), root) == 0
    assert "Nothing is left to train." in capsys.readouterr().out
    (root / "solutions/line/more.py").write_text("MORE = 7 + 1\n")
    assert run(arguments(*words), root) == 0  # of a record that stands
    assert full(root).experiments["more"] == 8
    brought = full(root)
    for path in (root / "solutions/line").glob("reference.*[jrs]s*"):
        path.unlink()
    assert run(arguments("--take", str(tmp_path / "out")), root) == 0
    assert full(root) == brought


def test_what_a_slot_has_no_time_for_is_left(measured, tmp_path, capsys):
    waits = MEASURES.replace("pass", "__import__('time').sleep(0.15)")
    root, out = measured(waits), str(tmp_path / "out")
    assert train(["line"], arguments("--seeds", "1", "--tier", "full"), measured("", steps=200)) == 1
    assert records("line", root)["full"].seeds == [0]
    measured(waits)
    words = "line", "--tier", "full", "--seeds", "1", "--out", out, "--seconds"
    assert run(arguments(*words, "6"), root) == 0
    said = capsys.readouterr().out
    assert "left: line full experiments, step " in said
    assert run(arguments("--take", out), root) == 0
    assert "line-full-cpu experiments: taken up by the next run" in capsys.readouterr().out
    assert run(arguments(*words, "600"), root) == 0
    assert experiments.state(full(root), root) == experiments.MEASURED


def test_the_page_of_results_shows_them():
    entry = replace(
        ENTRY, key=KEYS[0], experiments={"scales_nats": 81.4321}, experiments_from={"device": "CPU"}
    )
    assert "Measured beside it, on CPU: scales nats 81.43." in results.details(entry)
