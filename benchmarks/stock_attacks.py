"""Inside a container: stock nbgrader marks attacks, one class of two after another, and says what became of each.

`python -m benchmarks.stock_attacks <results> <attack>...` writes a line of JSON a finished attack.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from course_utils.topics import ROOT
from tests.grading.attacks.attack import FULL, KEY, LAB, NEEDLE, TOLD, Attack
from tests.grading.attacks.attacks import ATTACKS
from tests.grading.attacks.world import World, descendants, hand_in, made, remains

MEMORY = 8 << 30  # bytes of address space a process; PyTorch alone maps several
FILE = 256 << 20
CELL_SECONDS = {True: 10, False: 60}  # whether the attack hangs


def main() -> None:
    """Mark the attacks that the command line names."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
    results, *names = sys.argv[1:]
    os.environ["PYTHONPATH"] = str(ROOT)
    place = Path(tempfile.mkdtemp())
    with made(place / "world") as world:
        empty = _classroom(place / "empty")
        for attack in (attack for attack in ATTACKS if attack.name in names):
            room = Path(shutil.copytree(empty, place / "room"))
            os.chdir(room)
            found = _tried(attack, room, world)
            with Path(results).open("a") as file:
                file.write(json.dumps({"attack": attack.name, **found}) + "\n")
            os.chdir(place)
            shutil.rmtree(room, ignore_errors=True)


def _classroom(room: Path) -> Path:
    from course_utils.grading.gradebook import database as gradebook

    gradebook.enter_assignment(room, LAB)
    return room


def _tried(attack: Attack, room: Path, world: World) -> dict[str, Any]:
    """Points of the attack, and the harm that it did, in words."""
    (room / "submitted/mallory").mkdir(parents=True)
    (room / "submitted/zoe").mkdir()
    hand_in(attack, room / "submitted/mallory" / KEY, world)
    hand_in(Attack("right"), room / "submitted/zoe" / KEY, world)
    before, state = descendants(os.getpid()), world.state()
    _autograde(room, CELL_SECONDS[attack.hangs])
    points = _points(room)
    harm = []
    shown = _shown(room / "autograded/mallory" / KEY / f"{KEY}.ipynb")
    if NEEDLE in shown or TOLD in shown:
        harm.append("read or reached what it must not")
    if any(text in shown for text in attack.harm):
        harm.append("filled the notebook with its output")
    if world.state() != state or list(room.rglob("planted*")):
        harm.append("left files or changed others'")
    if world.visited():
        harm.append("reached the network or a socket")
    if remains(before):
        harm.append("left processes behind")
    if points.get("zoe", 0) < FULL:
        harm.append("cost the next submission its points")
    return {"points": points.get("mallory", 0.0), "earns": attack.earns, "harm": harm}


def _autograde(room: Path, seconds: int) -> None:
    """`nbgrader autograde` on the class, as it comes, but for a time limit on a cell."""
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config import Config

    from course_utils.grading.gradebook import database as gradebook

    config = Config()
    config.CourseDirectory.root = str(room)
    config.CourseDirectory.db_url = gradebook.url(room)
    config.ExecutePreprocessor.timeout = seconds
    config.Execute.timeout = seconds
    NbGraderAPI(config=config).autograde(KEY, "*", force=True)


def _points(room: Path) -> dict[str, float]:
    from course_utils.grading.gradebook import database as gradebook

    with gradebook.opened(room) as book:
        entries = gradebook.entries(book, KEY)
    return {student: sum(p or 0.0 for p in entry.auto.values()) for student, entry in entries.items()}


def _shown(path: Path) -> str:
    """What the student's own cells printed and raised; a failed check shows its hidden half in any case."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError):
        return ""
    own = [c for c in cells if not c["metadata"].get("nbgrader", {}).get("grade")]
    return json.dumps(
        [[out.get("text", out.get("evalue", out.get("data"))) for out in c.get("outputs", [])] for c in own]
    )


if __name__ == "__main__":
    main()
