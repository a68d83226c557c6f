"""Verdicts kept in `classroom/.results/`: a killed run goes on where it stopped, and a second one has nothing to do.

A verdict is good for as long as the submission, the lab and the engine are what they were. Where only checks have
changed, the others' results stay, and only those that changed are run.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from course_utils.grading.classroom import check_digest, lab_digest, write_whole
from course_utils.grading.verdict import Verdict
from course_utils.lab import Lab


@dataclass(frozen=True)
class Kept:
    """A verdict that is still good, but for the checks in `stale`."""

    verdict: Verdict
    stale: frozenset[str]


class Results:
    """The kept verdicts of one lab, a file a student."""

    def __init__(self, room: Path, lab: Lab, sandboxed: bool = True):
        self._folder, self._lab = room / ".results" / lab.key, lab
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
        except (OSError, ValueError, KeyError, TypeError):
            return None
        stale = frozenset(name for name, known in self._checks.items() if checks.get(name) != known)
        return None if stale == set(self._checks) else Kept(verdict, stale)

    def keep(self, student: str, digest: str, verdict: Verdict) -> None:
        """Keep a verdict; the file is there whole or not at all."""
        data = {"for": self._name(digest), "checks": self._checks, "verdict": verdict.to_json()}
        write_whole(self._path(student), json.dumps(data))

    def rest(self, kept: Kept) -> Lab:
        """The lab with no other checks than the stale ones: what is left to run."""
        cells = (cell for cell in self._lab.cells if cell.kind != "test" or cell.name in kept.stale)
        return replace(self._lab, cells=tuple(cells))

    def merged(self, kept: Kept, fresh: Verdict) -> Verdict:
        """The fresh verdict on the stale checks beside the kept results of the others, in the lab's order."""
        if fresh.status != "graded":
            return fresh
        known = {check.name: check for check in kept.verdict.checks if check.name not in kept.stale}
        known |= {check.name: check for check in fresh.checks if check.name in kept.stale}
        checks = tuple(known[name] for name in self._checks if name in known)
        return replace(fresh, checks=checks)

    def stamp(self, verdict: Verdict) -> str:
        """A hash of a verdict and of the lab that it speaks of: what was made of them needs not be made again."""
        text = json.dumps([self._base, self._checks, verdict.to_json()])
        return hashlib.sha256(text.encode()).hexdigest()

    def _path(self, student: str) -> Path:
        return (
            self._folder / f"{hashlib.sha256(student.encode(errors='surrogateescape')).hexdigest()[:24]}.json"
        )

    def _name(self, digest: str) -> str:
        return hashlib.sha256(f"{self._base} {digest}".encode()).hexdigest()
