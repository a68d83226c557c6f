"""Verdicts kept in `classroom/.results/`: a killed run goes on where it stopped, and a second one has nothing to do.

A verdict is good for as long as the submission, the lab and the engine are what they were. Where only checks have
changed, the others' results stay, and only those that changed are run.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from course_utils.grading.classroom.folders import check_digest, engine_digest, lab_digest, write_whole
from course_utils.grading.engine.verdict import Verdict
from course_utils.labs.lab import Lab


@dataclass(frozen=True)
class Kept:
    """A verdict that is still good, but for the checks in `stale`; `unchanged` are cells left as handed out."""

    verdict: Verdict
    unchanged: frozenset[str]
    stale: frozenset[str]


class Results:
    """The kept verdicts of one lab, a file a student."""

    def __init__(self, room: Path, lab: Lab, sandboxed: bool = True):
        self._folder = room / ".results" / lab.key
        self._base = f"{lab_digest(lab)} {sandboxed}"
        self._checks = {
            cell.name: check_digest(cell) for cell in lab.cells if cell.kind in ("test", "answer")
        }

    def find(self, student: str, digest: str) -> Kept | None:
        """What is known of the submission whose hash is `digest`; None where it has to be marked from the start."""
        try:
            data = json.loads(self._path(student).read_text(encoding="utf-8"))
            if data["for"] != self._name(digest):
                return None
            verdict, checks = Verdict.from_json(data["verdict"]), data["checks"]
            unchanged = frozenset(data["unchanged"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        stale = frozenset(name for name, known in self._checks.items() if checks.get(name) != known)
        gone = set(checks) - set(self._checks)
        return None if stale == set(self._checks) or gone else Kept(verdict, unchanged, stale)

    def keep(self, student: str, digest: str, verdict: Verdict, unchanged: frozenset[str]) -> None:
        """Keep a verdict; the file is there whole or not at all."""
        data = {
            "for": self._name(digest),
            "checks": self._checks,
            "unchanged": sorted(unchanged),
            "verdict": verdict.to_json(),
        }
        write_whole(self._path(student), json.dumps(data))

    def _path(self, student: str) -> Path:
        name = hashlib.sha256(student.encode(errors="surrogateescape")).hexdigest()[:24]
        return self._folder / f"{name}.json"

    def _name(self, digest: str) -> str:
        return hashlib.sha256(f"{self._base} {digest}".encode()).hexdigest()


def stamp(lab: Lab, verdict: Verdict) -> str:
    """A hash of all that a marked notebook is made from: one that carries it needs not be made again."""
    text = json.dumps([engine_digest(), repr(lab.cells), verdict.to_json()])
    return hashlib.sha256(text.encode()).hexdigest()
