"""Forks give back data, and leave nothing behind, killed or not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from course_utils.audit.forks import TERMINATED, Standing, end_with_parent, in_fork, tidied
from course_utils.topics import ROOT

SLEEPER = """
import multiprocessing, sys, tempfile, time
from concurrent.futures import ProcessPoolExecutor
from course_utils.audit.forks import end_with_parent, in_fork, tidied

def work():
    print("at work", flush=True)
    in_fork(lambda: open("begun", "w").close() or time.sleep(60), 60)

if __name__ == "__main__":
    with tidied(), ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), end_with_parent) as pool:
        pool.submit(work).result()
"""


def test_what_a_fork_returns_comes_back_and_its_folder_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = os.environ["TMPDIR"]
    with tidied():
        assert in_fork(lambda: {"pid": os.getpid()}, 20)["pid"] != os.getpid()
        assert in_fork(lambda: os._exit(3), 20) is None
        inside = Path(os.environ["TMPDIR"])
        assert list(inside.iterdir()) == []
    assert not inside.exists()
    assert os.environ["TMPDIR"] == before


def test_sigterm_ends_the_forks_and_removes_their_folders(tmp_path):
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    place = tmp_path / "tmp"
    place.mkdir()
    environment = os.environ | {"TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "at work\n"
    until = time.monotonic() + 30
    while not list(place.glob("*/audit-*/work/begun")) and time.monotonic() < until:
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    assert list(place.glob("*/audit-*/work/begun"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == TERMINATED
    process.stdout.close()
    assert list(place.iterdir()) == []
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_a_standing_fork_knows_what_was_when_it_was_taken(tmp_path):
    (tmp_path / "early").write_text("")
    seen = ["early"]

    def work(told, done):
        done()
        done()
        return [told, seen, sorted(path.name for path in Path.cwd().iterdir())]

    standing, other = Standing(work, tmp_path), Standing(lambda told, done: os._exit(3), tmp_path)
    seen.append("late")
    (tmp_path / "late").write_text("")
    pieces = []
    assert standing.go("told", lambda: pieces.append(1)) == ["told", ["early"], ["early"]]
    assert len(pieces) == 2
    assert other.go("told") == {}
    never = Standing(lambda told, done: None, tmp_path)
    never.dismiss()
    never.dismiss()


def test_a_fork_whose_parent_has_ended_goes_no_further(monkeypatch):
    def orphaned():
        monkeypatch.setattr(os, "getppid", lambda: 1)
        end_with_parent()
        return "went on"

    assert in_fork(orphaned, 20) is None
