"""A slot of seconds: what it does first, what it does not begin, what is left, and nothing trained twice."""

import argparse
import json
import random
import subprocess
import sys
import tarfile
from dataclasses import replace

import pytest

from course_utils.topics import ROOT
from course_utils.training import budget, records, slot
from course_utils.training.budget import Slot
from course_utils.training.checkpoint import save
from course_utils.training.commands import add_arguments, run
from course_utils.training.reference import code_hash
from course_utils.training.worker import Task, Told, work

STEPS, KEYS = 60, ("one", "two", "three", "four")
# Each step leaves a line. Whoever leaves the line that was drawn interrupts the coordinator; until the news has come
# round, nobody goes on.
WATCHED = """
_train = train
def train(tier, seed, run):
    import json, os, signal, sys, time
    from pathlib import Path
    place = Path(__file__).parents[2]
    steps = run.steps
    def watched(total, saved, phase="train"):
        for step in steps(total, saved, phase):
            yield step
            with open(place / "trace", "a") as lines:
                lines.write(f"{Path(__file__).parent.name} {seed} {step}\\n")
            said = json.loads((place / "interrupt").read_text())
            count = len((place / "trace").read_text().splitlines())
            if count >= said["at"]:
                try:
                    os.close(os.open(place / "interrupted", os.O_CREAT | os.O_EXCL))
                    os.kill(said["pid"], said["signal"])
                except FileExistsError:
                    pass
                while type(run).until > 0:
                    time.sleep(0.001)
    run.steps = watched
    return _train(tier, seed, run)
"""
DRIVER = """
import argparse, json, multiprocessing, os, signal, sys
from dataclasses import replace
from pathlib import Path
from course_utils import topics
from course_utils.training.commands import add_arguments, run

root, keys = Path(sys.argv[1]), sys.argv[3:]
row = replace(topics.TOPICS[0], data_mini="points", metric="squared error", higher_is_better=False)
topics.TOPICS = tuple(replace(row, key=key) for key in keys)
fork = multiprocessing.get_context("fork")
multiprocessing.get_context = lambda method: fork  # PyTorch is imported once for all turns
# Python forgets in a fork what signal came before its first line; a fork server's child would have ended by it.
start = fork.Process.start
def started(process):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    start(process)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
fork.Process.start = started
os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM]))
os.environ["COURSE_RUNS"] = str(root / "runs")
parser = argparse.ArgumentParser()
add_arguments(parser)
args = parser.parse_args(["--all", "--seconds", "600", "--out", str(root / "out"), "--device", "cpu", "--jobs", "2"])
for turn, at in enumerate(json.loads(sys.argv[2])):
    child = os.fork()
    if not child:
        number = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        (root / "interrupted").unlink(missing_ok=True)
        (root / "interrupt").write_text(json.dumps({"at": at, "pid": os.getpid(), "signal": number}))
        code = run(args, root)
        sys.stdout.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done = [key for key in keys if len(list((root / "runs" / f"{key}-mini-cpu").glob("*/result.safetensors"))) == 3]
    recorded = [key for key in keys if (root / "solutions" / key / "reference.json").is_file()]
    print("TURN", json.dumps([code, done, recorded]), flush=True)
"""


@pytest.fixture
def four(course, tmp_path):
    """A course of four topics that leave a trace."""
    text = (course(steps=STEPS, extra=WATCHED) / "solutions/line/reference.py").read_text()
    for key in KEYS:
        folder = tmp_path / "solutions" / key
        folder.mkdir()
        (folder / "reference.py").write_text(text)
    return tmp_path


def test_ten_interruptions_lose_nothing_and_repeat_nothing(four):
    whole = len(KEYS) * 3 * STEPS
    moments = sorted(random.Random(20).sample(range(1, whole - 10), 10))
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(four), json.dumps([*moments, 10 * whole]), *KEYS],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    turns = [
        json.loads(line.removeprefix("TURN ")) for line in done.stdout.splitlines() if line[:5] == "TURN "
    ]
    assert [code for code, _, _ in turns] == [130] * 10 + [0], done.stderr[-3000:]
    assert all(set(trained) <= set(recorded) for _, trained, recorded in turns)
    steps = (four / "trace").read_text().splitlines()
    assert len(steps) == len(set(steps)) == whole
    for key in KEYS:
        assert records(key, four)["mini"].seeds == [0, 1, 2]
    assert "Nothing is left to train." in done.stdout


def test_being_told_to_end_is_noticed_where_the_exception_was_lost(course, monkeypatch):
    root = course(steps=10**6)
    (task,) = (replace(task, root=root) for task in tasks(root, "line"))
    said = []

    def progress(*step):
        said.append(step)
        monkeypatch.setattr(Told, "to_end", True)  # as the handler does, whose exception a finaliser swallows

    with pytest.raises(KeyboardInterrupt):
        work([task], 1, progress)
    assert said


def tasks(tmp_path, *keys, seeds=1):
    return [
        Task(key, "mini", seed, "cpu", tmp_path / "runs", tmp_path) for key in keys for seed in range(seeds)
    ]


def measured(task, step, total, pace):
    task.place.mkdir(parents=True)
    (task.place / "pace.json").write_text(json.dumps({"step": step, "total": total, "pace": pace}))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [1000.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: now[0])
    return now


def test_cheap_topics_come_first_and_of_those_that_fit_the_longest(tmp_path, clock):
    short, middle, long, new = tasks(tmp_path, "short", "middle", "long", "new")
    for task, seconds in ((short, 10), (middle, 40), (long, 900)):
        measured(task, 0, 100, seconds / 100)
    ordered = Slot(100).order([new, long, short, middle], jobs=1)
    assert ordered[:3] == [middle, short, long]


def test_what_will_not_fit_is_not_begun_and_gives_way(tmp_path, clock):
    fits, too_long, new = tasks(tmp_path, "fits", "long", "new")
    measured(fits, 0, 100, 0.1)
    measured(too_long, 0, 100, 0.8)  # 80 s: another slot holds it
    slot_ = Slot(100)
    assert slot_.pick([too_long]) is too_long
    clock[0] += 30
    assert slot_.pick([too_long]) is None
    assert slot_.pick([too_long, fits, new]) is fits
    assert slot_.pick([too_long, new]) is new
    assert slot_.gives_way(too_long, [fits])
    assert not slot_.gives_way(too_long, [new])
    assert not slot_.gives_way(fits, [too_long])
    clock[0] += 60
    assert slot_.pick([fits, new]) is None


def test_what_no_slot_can_hold_is_done_in_parts(tmp_path, clock):
    (endless,) = tasks(tmp_path, "endless")
    measured(endless, 0, 1000, 1.0)
    assert Slot(100).pick([endless]) is endless


def test_a_pace_is_measured_after_the_warm_up_and_serves_the_other_seeds(tmp_path, clock):
    first, second = tasks(tmp_path, "one", seeds=2)
    first.place.mkdir(parents=True)
    pace = budget.Pace()
    assert pace.left(first) is None
    clock[0] += 60  # the first steps are slow
    pace.note(first, 50, 1000)
    assert pace.left(first) is None
    clock[0] += 5
    pace.note(first, 100, 1000)
    assert pace.left(first) == pytest.approx(90)
    assert pace.left(second) == pytest.approx(100)


def arguments(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([*words, "--device", "cpu"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["line", "--seconds", "5"], "--seconds and --out go together"),
        (["line", "--out", "here"], "--seconds and --out go together"),
        (["--take", "nowhere"], "expected archives slot-0.tar"),
    ],
)
def test_half_a_command_is_one_line(course, capsys, words, said):
    root = course()
    assert run(arguments(*words), root) == 2
    assert said in capsys.readouterr().err


def test_a_slot_must_be_longer_than_nothing(course, tmp_path):
    with pytest.raises(ValueError, match="expected a positive number, got 0"):
        run(arguments("line", "--seconds", "0", "--out", str(tmp_path / "out")), course())


def test_a_record_comes_back_into_another_clone(course, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_COMMIT", "0123456789ab")
    root = course()
    words = ["line", "--seconds", "600", "--out", str(tmp_path / "out"), "--seeds", "1"]
    assert run(arguments(*words), root) == 0
    other = tmp_path / "other"
    (other / "solutions/line").mkdir(parents=True)
    (other / "solutions/line/reference.py").write_text((root / "solutions/line/reference.py").read_text())
    assert run(arguments("--take", str(tmp_path / "out")), other) == 0
    assert records("line", other) == records("line", root)
    assert records("line", other)["mini"].commit == "0123456789ab"
    assert "line mini: recorded" in capsys.readouterr().out

    (other / "solutions/line/reference.json").unlink()
    with open(other / "solutions/line/reference.py", "a") as code:
        code.write("\nMORE = 1\n")
    assert run(arguments("--take", str(tmp_path / "out")), other) == 0
    assert records("line", other) == {}
    assert "its reference has changed" in capsys.readouterr().out


def test_checkpoints_come_back_to_where_the_next_slot_looks(course, tmp_path):
    root = course()
    (task,) = (replace(task, key="line") for task in tasks(tmp_path, "line"))
    phase = "line 2, slope.safetensors"  # references name their phases as they like
    save(task.place / phase, {"code": code_hash(root / "solutions/line/reference.py"), "step": 7})
    assert slot.pack(tmp_path / "out", [], [task], root) == []
    list(slot.unpack(tmp_path / "out", tmp_path / "elsewhere", root))
    came = tmp_path / "elsewhere/line-mini-cpu/0" / phase
    assert came.read_bytes() == (task.place / phase).read_bytes()


def test_archives_are_few_and_small_and_say_what_they_lack(course, tmp_path, monkeypatch):
    root, (task,) = course(), tasks(tmp_path, "line")
    monkeypatch.setattr(slot, "LARGEST", 40_000)
    task.place.mkdir(parents=True)
    for number in range(12):
        (task.place / f"phase{number}.safetensors").write_bytes(bytes(25_000))
    (task.place / "pace.json").write_text("{}")
    left_out = slot.pack(tmp_path / "out", [], [task], root)
    archives = sorted((tmp_path / "out").iterdir())
    assert len(archives) == 8
    assert all(path.stat().st_size <= 40_000 for path in archives)
    assert len(left_out) == 4
    assert "no room: runs/line-mini-cpu/0/phase" in left_out[0]
    with tarfile.open(archives[0]) as first:
        assert first.getnames()[0] == "runs/line-mini-cpu/0/pace.json"


def test_a_broken_archive_is_said(course, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/slot-0.tar").write_bytes(b"no archive")
    assert run(arguments("--take", str(tmp_path / "out")), course()) == 2
    assert "slot-0.tar: not an archive of a slot" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["README.md", "solutions/line/reference.py", "runs/line-mini-cpu/log.txt"])
def test_what_no_slot_writes_is_not_taken_from_an_archive(course, tmp_path, capsys, name):
    root = course()
    code = (root / "solutions/line/reference.py").read_text()
    (tmp_path / "out").mkdir()
    with tarfile.open(tmp_path / "out/slot-0.tar", "w") as archive:
        archive.add(__file__, name)
    assert run(arguments("--take", str(tmp_path / "out")), root) == 2
    assert f"{name} is none of a slot's files" in capsys.readouterr().err
    assert (root / "solutions/line/reference.py").read_text() == code
