"""`course train`: records from several seeds, side by side; what fails is said and disturbs nothing else."""

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from course_utils import topics
from course_utils.training import records, reference_tensors
from course_utils.training.commands import add_arguments, main, run, train
from course_utils.training.worker import Task, finished, perform, thin


def arguments(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([*words, "--device", "cpu"])


def test_three_seeds_make_a_record(course, capsys, tmp_path):
    root = course()
    assert train(["line"], arguments("--seeds", "3", "--jobs", "2"), root) == 0
    entry = records("line", root)["mini"]
    assert entry.seeds == [0, 1, 2]
    assert len(set(entry.values)) == 3
    assert entry.value < 0.01 < entry.baseline == pytest.approx(1 / 3)
    assert entry.definition == "Mean squared error at 11 places."
    assert entry.system == "A line, by gradient descent."
    assert (entry.parameters, entry.is_gpu, entry.t4_minutes) == (2, False, None)
    assert entry.flops > 0
    assert "CPU" in entry.device
    assert len(entry.data_sha256["points"]) == 64
    assert len(entry.curve["loss"]) == 100
    assert reference_tensors("line", "mini", root)["weight"].shape == (1, 1)
    assert "squared error" in capsys.readouterr().out
    assert not list((tmp_path / "runs").rglob("*.safetensors"))  # nothing is left to resume


def test_a_record_names_the_form_of_its_data_that_was_read(course, monkeypatch):
    monkeypatch.setattr("course_utils.data.points.form", lambda: "spirals", raising=False)
    root = course()
    assert train(["line"], arguments("--tier", "full", "--seeds", "1"), root) == 0
    entry = records("line", root)["full"]
    assert (entry.data, list(entry.data_sha256)) == ("spirals", ["spirals"])
    assert train(["line"], arguments("--tier", "mini", "--seeds", "1"), root) == 0
    assert records("line", root)["mini"].data == "points"


def test_the_paper_and_the_target_belong_to_the_full_tier(course):
    root = course()
    assert train(["line"], arguments("--tier", "full", "--seeds", "1"), root) == 0
    entry = records("line", root)["full"]
    assert entry.paper is not None
    assert (entry.paper.cite, entry.target) == ("gauss1809", 0.01)


def test_a_diverging_reference_is_said_in_one_line(course, capsys):
    root = course(rate=1e6, steps=300)
    assert train(["line"], arguments("--seeds", "1"), root) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("line mini seed 0: loss became ")
    assert "try a smaller learning rate" in lines[0]
    assert records("line", root) == {}


def test_one_seed_that_fails_keeps_the_others_for_the_next_try(course, capsys):
    broken = """
    _train = train
    def train(tier, seed, run):
        if seed == 1:
            raise KeyError("no such weight")
        return _train(tier, seed, run)
    """
    root = course(extra=broken)
    assert train(["line"], arguments("--seeds", "2"), root) == 1
    line = capsys.readouterr().err.strip()
    assert line.startswith("line mini seed 1: KeyError: 'no such weight' (traceback in ")
    log = line.split("traceback in ")[1].rstrip(")")
    with open(log) as text:
        assert "Traceback" in text.read()
    assert records("line", root) == {}


def test_a_process_that_dies_is_said(course, capsys):
    root = course(extra="\ndef train(tier, seed, run):\n    import os; os.kill(os.getpid(), 9)\n")
    assert train(["line"], arguments("--seeds", "1"), root) == 1
    assert "was killed; the machine may be out of memory" in capsys.readouterr().err


def test_an_interrupted_training_goes_on(course, tmp_path):
    """Seed 0 is done already; only seed 1 is trained, and the record has both."""
    root = course()
    task = Task("line", "mini", 0, "cpu", tmp_path / "runs", root)
    first = perform(task)
    before = (task.place / "result.safetensors").stat().st_mtime_ns
    assert finished(task) is not None
    assert train(["line"], arguments("--seeds", "2"), root) == 0
    assert records("line", root)["mini"].values[0] == first["value"]
    assert before  # the file itself is gone: the record was written
    perform(task)
    course(rate=0.1)
    assert finished(task) is None  # the code has changed


def test_what_is_measured_after_the_last_loop_is_kept(course, tmp_path):
    beside = """
    first = train


    def train(tier, seed, run):
        tensors = first(tier, seed, run)
        for number in range(2):
            run.step += 1
            run.log(beside=7.0 + number)
        return tensors
    """
    result = perform(Task("line", "mini", 0, "cpu", tmp_path / "runs", course(extra=beside, steps=20)))
    assert [value for _, value in result["curve"]["beside"]] == [7.0, 8.0]
    assert len(result["curve"]["loss"]) == 20


def test_a_killed_coordinator_loses_no_finished_seed(course, tmp_path):
    slow = """
    _train = train
    def train(tier, seed, run):
        import time
        time.sleep(600 * seed)
        return _train(tier, seed, run)
    """
    root = course(extra=slow)
    script = (
        "import signal; from pathlib import Path\n"
        # A shell's background jobs, and what they start, ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from course_utils.training.worker import Task, work\n"
        "if __name__ == '__main__':\n"
        f"    runs, root = Path({str(tmp_path / 'runs')!r}), Path({str(root)!r})\n"
        "    work([Task('line', 'mini', s, 'cpu', runs, root) for s in (0, 1)], 2, print)\n"
    )
    (tmp_path / "script.py").write_text(script)
    process = subprocess.Popen([sys.executable, tmp_path / "script.py"], stdout=subprocess.DEVNULL)
    done = Task("line", "mini", 0, "cpu", tmp_path / "runs", root)
    deadline = time.monotonic() + 300
    while finished(done) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.wait(120)
    assert finished(done) is not None
    assert process.returncode != 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "no topic is called 'nonsense'"),
        ([], "train: name topics, or say --all"),
        (["line", "--seeds", "0"], "expected at least one seed, got 0"),
        (["line", "--device", "cuda"], "expected a GPU"),
    ],
)
def test_bad_input_is_one_line(course, capsys, words, said, monkeypatch):
    course()
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(words)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_reference_without_a_part_is_said(course, capsys):
    root = course()
    (root / "solutions/line/reference.py").write_text("def train(tier, seed, run): pass\n")
    assert train(["line"], arguments("--seeds", "1"), root) == 1
    assert "lacks the function evaluate, baseline" in capsys.readouterr().err


def test_main_wants_a_module(capsys):
    with pytest.raises(SystemExit) as end:
        main(None)
    assert end.value.code == 2
    assert "python -m solutions.<key>.reference" in capsys.readouterr().err


def test_a_thinned_curve_keeps_its_mean_and_its_end():
    points = [(i, float(i)) for i in range(1000)]
    kept = thin(points)
    assert len(kept) == 100
    assert kept[0] == [9, 4.5]
    assert kept[-1][0] == 999
    assert thin([]) == []
    assert thin([(0, 1.0)]) == [[0, 1.0]]
    assert os.environ.get("OMP_NUM_THREADS") == "1"


def test_one_topics_error_keeps_no_other_from_its_record(course, capsys, monkeypatch):
    """`line` learns, `wide` returns more than a record may hold; both orders."""
    root = course()
    text = (root / "solutions/line/reference.py").read_text()
    (root / "solutions/wide").mkdir()
    wide = (
        text
        + "\n_train = train\ndef train(*told):\n    return _train(*told) | {'more': torch.zeros(2_000_000)}\n"
    )
    (root / "solutions/wide/reference.py").write_text(wide)
    monkeypatch.setattr(topics, "TOPICS", (*topics.TOPICS, replace(topics.TOPICS[0], key="wide")))
    for keys in (["wide", "line"], ["line", "wide"]):
        (root / "solutions/line/reference.json").unlink(missing_ok=True)
        assert train(keys, arguments("--seeds", "1"), root) == 1
        assert records("line", root)["mini"].seeds == [0]
        assert records("wide", root) == {}
        said = capsys.readouterr()
        assert "wide mini: its tensors take 8,000," in said.err
        assert "line" in said.out
