"""Run whole labs and references where their users meet them: what has changed since it passed, and what the day draws.

    python -m tests.runs [--drawn | --again] [--jobs 2] [KEY …]

Every lab is run, solved, in an ordinary kernel and on an emulated GPU, and every reference on the emulated GPU. What
passes is kept in `solutions/<key>/runs.json` as it ends; a run that is stopped goes on from there.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from course_utils.audit import drawn
from course_utils.topics import KEYS, PROVEN, ROOT
from tests.gpu.process import Device, missing
from tests.runs import ways
from tests.runs.kept import WAYS, content_hash, keep, passed

NOTEBOOKS = ROOT / "_build" / "notebooks"


def due(keys: tuple[str, ...], again: bool) -> list[tuple[str, str, str]]:
    """(key, way, content hash) of each run that is to be done: all, or those that have changed since they passed."""
    runs = [
        (key, way, content_hash(key, way))
        for way in WAYS
        for key in keys
        if way == "notebook" or key in PROVEN
    ]
    return [run for run in runs if again or passed(run[0]).get(run[1]) != run[2]]


def perform(runs: list[tuple[str, str, str]], jobs: int) -> int:
    """Do these runs, some at once; how many of them failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        calls = _calls(Path(folder), {way for _, way, _ in runs})
        started = {pool.submit(_timed, calls[way], key): (key, way, content) for key, way, content in runs}
        for number, future in enumerate(as_completed(started), 1):
            key, way, content = started[future]
            said, seconds = future.result()
            failed += bool(said)
            verdict = "FAILED" if said else "passed"
            print(f"[{number}/{len(runs)}] {key}, {way}: {verdict} in {seconds:.0f} s", flush=True)
            print("".join(f"  {line}\n" for text in said for line in text.splitlines()), end="", flush=True)
            keep(key, way, "" if said else content)  # what failed is due until it passes
    return failed


def _calls(folder: Path, needed: set[str]) -> dict:
    shutil.rmtree(NOTEBOOKS, ignore_errors=True)  # what an earlier run saved beside its notebook is not there
    calls = {"notebook": partial(ways.notebook, folder=NOTEBOOKS)}
    if needed - {*calls}:
        device = Device(folder)
        calls["lab on a GPU"] = partial(ways.lab_on_a_gpu, device=device)
        calls["reference on a GPU"] = partial(ways.reference_on_a_gpu, device=device)
    return calls


def _timed(call, key: str) -> tuple[list[str], float]:
    begun = time.monotonic()
    return call(key), time.monotonic() - begun


def main(words: list[str] | None = None) -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.runs", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("keys", nargs="*", metavar="KEY", help="topics; all without")
    parser.add_argument("--again", action="store_true", help="also what has not changed since it passed")
    parser.add_argument("--drawn", action="store_true", help="again, two topics of these, drawn by the date")
    parser.add_argument("--jobs", type=int, default=2, help="runs at once")
    args = parser.parse_args(words)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two at once on two cores
    if unknown := sorted({*args.keys} - {*KEYS}):
        parser.error(f"no such topic: {', '.join(unknown)} (there are {', '.join(KEYS)})")
    keys = tuple(args.keys) or KEYS
    if args.drawn:
        day = datetime.now(UTC).date()
        keys = drawn.topics(keys, day)
        print(f"drawn for {day}: {', '.join(keys)}", flush=True)
    runs = due(keys, args.again or args.drawn)
    if missing() and any(way != "notebook" for _, way, _ in runs):
        print(f"not run on an emulated GPU: {missing()}", flush=True)
        runs = [run for run in runs if run[1] == "notebook"]
    print(f"{len(runs)} runs to do; the others passed as they are.", flush=True)
    try:
        failed = perform(runs, args.jobs)
    except OSError as error:  # a full disk, a file in a folder's place
        print(f"tests.runs: {error}; what passed before is kept", file=sys.stderr)
        return 2
    if failed:
        print(f"{failed} of {len(runs)} runs failed.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
