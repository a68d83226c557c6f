"""The attack suite against this engine: who gains points, who does harm.

    python -m benchmarks.attacks

Results are kept in `benchmarks/attacks.json` as they come: a run that is stopped goes on where it was.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from course_utils.progress import bar
from course_utils.topics import ROOT
from tests.grading.attacks.attacks import ATTACKS

TABLE = Path(__file__).with_name("attacks.json")
BATCH = 40  # attacks that one run of the suite tries


def table() -> dict[str, bool]:
    """Whether each attack that was tried gained nothing and did no harm."""
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else {}


def enter(found: dict[str, bool]) -> None:
    """Write results into the table, in the suite's order; an attack that is no more there goes."""
    known = table() | found
    ordered = {attack.name: known[attack.name] for attack in ATTACKS if attack.name in known}
    TABLE.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def waiting() -> list[str]:
    """The attacks that have not been tried."""
    known = table()
    return [attack.name for attack in ATTACKS if attack.name not in known]


def suite(names: list[str]) -> dict[str, bool]:
    """Whether each attack passes the suite's own test: such a one gained and harmed nothing."""
    test = "tests/grading/attacks/test_attacks.py"
    cases = [f"{test}::test_an_attack_gains_nothing_and_harms_nobody[{name}]" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-p", "no:randomly", "-p", "no:xdist", f"--junit-xml={report}"]
        subprocess.run(
            [sys.executable, "-m", "pytest", *options, *cases],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        return passed(report.read_text(encoding="utf-8"), names)


def passed(report: str, names: list[str]) -> dict[str, bool]:
    """What pytest's report in JUnit's form says of the attacks `names`."""
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
    args = parser.parse_args()
    if args.fresh:
        TABLE.unlink(missing_ok=True)
    names = waiting()
    with bar(len(names), "this engine", "attack") as progress:
        for start in range(0, len(names), BATCH):
            found = suite(names[start : start + BATCH])
            enter(found)
            progress.update(len(found))
    held = table().values()
    print(f"this engine: {sum(held)} of {len(held)} attacks gained nothing and did no harm")


if __name__ == "__main__":
    main()
