"""The attack suite against this engine and against stock nbgrader: who gains points, who does harm.

    python -m benchmarks.attacks

Stock nbgrader runs in a container (bubblewrap) without the network and with the machine's files read-only, so that this
machine takes no harm; what would only hurt files outside is then refused by the container, and not counted against it.
Results are kept in `benchmarks/attacks.json` as they come: a run that is stopped goes on where it was.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from course_utils.progress import bar
from course_utils.topics import ROOT
from tests.grading.attacks.attacks import ATTACKS

TABLE = Path(__file__).with_name("attacks.json")
PATIENCE = 300  # seconds without a finished attack, after which stock nbgrader counts as stopped by it
BATCH = 12  # attacks that one container sees, each with a classroom of its own
ENDED = "ended the run: nobody after it is marked"
LATE = f"was not done within {PATIENCE} s"


def table() -> dict[str, dict[str, Any]]:
    """What is known: for each attack's name a row of `engine` and `stock`."""
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}


def enter(name: str, side: str, found: dict[str, Any]) -> None:
    """Write one result into the table, rows in the suite's order."""
    rows = table()
    rows.setdefault(name, {})[side] = found
    ordered = {attack.name: rows[attack.name] for attack in ATTACKS if attack.name in rows}
    TABLE.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def waiting(side: str) -> list[str]:
    """The attacks that have not been tried."""
    known = table()
    return [attack.name for attack in ATTACKS if side not in known.get(attack.name, {})]


def stock(names: list[str]) -> None:
    """Try `names` on stock nbgrader; whichever ends a container has ended the run."""
    with bar(len(names), "stock nbgrader", "attack") as progress:
        while names:
            before = len(names)
            done, ended = _container(names[:BATCH])
            for found in done:
                enter(found.pop("attack"), "stock", found)
            names = names[len(done) :]
            if ended and names:
                earns = next(attack.earns for attack in ATTACKS if attack.name == names[0])
                enter(names[0], "stock", {"points": 0.0, "earns": earns, "harm": [ended]})
                names = names[1:]
            progress.update(before - len(names))


def _container(names: list[str]) -> tuple[list[dict[str, Any]], str]:
    """The results of `names`, until one ends the process or takes too long, and which of the two."""
    with tempfile.TemporaryDirectory(prefix="course-attacks-") as folder:
        results = Path(folder) / "results"
        results.touch()
        command = [*_walls(folder), sys.executable, "-W", "ignore", "-m", "benchmarks.stock_attacks"]
        with open(os.devnull, "w") as nowhere:
            process = subprocess.Popen([*command, str(results), *names], stdout=nowhere, stderr=nowhere)
        size, since = 0, time.monotonic()
        while process.poll() is None and time.monotonic() - since < PATIENCE:
            time.sleep(0.2)
            if results.stat().st_size != size:
                size, since = results.stat().st_size, time.monotonic()
        late = process.poll() is None
        process.kill()
        process.wait()
        done = [json.loads(line) for line in results.read_text().splitlines()]
        whole = len(done) == len(names)
        return done, "" if whole else LATE if late else ENDED


def _walls(folder: str) -> list[str]:
    """bubblewrap's command: own processes and network, nothing writable but memory and `folder`."""
    program = shutil.which("bwrap")
    if program is None:
        raise SystemExit("benchmarks.attacks: hostile code needs a container; install bubblewrap")
    memory = [
        part
        for path in ("/tmp", "/var/tmp", "/dev/shm")
        for part in ("--size", str(1 << 30), "--tmpfs", path)
    ]
    apart = [
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
        "--new-session",
    ]
    return [
        *(program, *apart, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *memory),
        *("--bind", folder, folder, "--chdir", str(ROOT), "--setenv", "HOME", "/tmp"),
        *("--setenv", "OMP_NUM_THREADS", "1", "--setenv", "PYTHONDONTWRITEBYTECODE", "1", "--"),
    ]


def engine(names: list[str]) -> None:
    """Try `names` on this engine, by the suite's own test: an attack that passes it gained and harmed nothing."""
    with bar(len(names), "this engine", "attack") as progress:
        for start in range(0, len(names), BATCH):
            for name, held in _suite(names[start : start + BATCH]).items():
                enter(name, "engine", {"held": held})
                progress.update()


def _suite(names: list[str]) -> dict[str, bool]:
    """Whether each attack's test passes."""
    test = "tests/grading/attacks/test_attacks.py"
    cases = [f"{test}::test_an_attack_gains_nothing_and_harms_nobody[{name}]" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", f"--junit-xml={report}", *cases]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        return _passed(report.read_text(encoding="utf-8"), names)


def _passed(report: str, names: list[str]) -> dict[str, bool]:
    from xml.etree import ElementTree

    found = {}
    for case in ElementTree.fromstring(report).iter("testcase"):
        name = case.get("name", "").partition("[")[2].removesuffix("]")
        if name in names:
            found[name] = case.find("failure") is None and case.find("error") is None
    return found


def main() -> None:
    """Try what has not been tried, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--fresh", action="store_true", help="forget what is known")
    parser.add_argument("--only", choices=("engine", "stock"), help="one side")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="stop after N attacks a side")
    args = parser.parse_args()
    if args.fresh:
        TABLE.unlink(missing_ok=True)
    for side, attempt in (("engine", engine), ("stock", stock)):
        if args.only in (None, side):
            attempt(waiting(side)[: args.most or None])
    print("\n".join(summary(table())))


def summary(rows: dict[str, dict[str, Any]]) -> list[str]:
    """The table in two lines."""
    tried = [row["stock"] for row in rows.values() if "stock" in row]
    held = [row["engine"]["held"] for row in rows.values() if "engine" in row]
    gained = sum(found["points"] > found["earns"] for found in tried)
    harmed = sum(bool(found["harm"]) for found in tried)
    return [
        f"this engine: {sum(held)} of {len(held)} attacks gained nothing and did no harm",
        f"stock nbgrader: of {len(tried)} attacks {gained} gained points, {harmed} did harm",
    ]


if __name__ == "__main__":
    main()
