"""Verdicts kept in `classroom/.results/`: a killed run goes on where it stopped, and a second one has nothing to do.

A verdict is good for as long as the submission, the lab and the engine are what they were. Where only checks have
changed, the others' results stay, and only those that changed are run.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.grading.classroom.folders import write_whole
from course_utils.grading.engine.digests import Rules, engine_digest
from course_utils.grading.engine.verdict import Verdict
from course_utils.labs.lab import Lab


@dataclass(frozen=True)
class Kept:
    """A verdict that is still good, but for the checks in `stale`; `unchanged` are cells left as handed out.

    `work` is what each mark is about (`engine.work`).
    """

    verdict: Verdict
    unchanged: frozenset[str]
    stale: frozenset[str]
    work: dict[str, str] = field(default_factory=dict)


class Results:
    """The kept verdicts of one lab, a file a student."""

    def __init__(self, room: Path, lab: Lab, sandboxed: bool = True, rules: Rules | None = None):
        """`rules` are those of `lab`, where they are known already."""
        rules = rules or Rules.of(lab)
        self._folder = room / ".results" / lab.key
        self._base, self._checks = f"{rules.common} {sandboxed}", rules.checks

    def find(self, student: str, digest: str) -> Kept | None:
        """What is known of the submission whose hash is `digest`; None where it has to be marked from the start."""
        try:
            data = json.loads(self._path(student).read_text(encoding="utf-8"))
            if data["for"] != self._name(digest):
                return None
            verdict, checks = Verdict.from_json(data["verdict"]), data["checks"]
            unchanged, work = frozenset(data["unchanged"]), dict(data["work"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        stale = frozenset(name for name, known in self._checks.items() if checks.get(name) != known)
        gone = set(checks) - set(self._checks)
        return None if stale == set(self._checks) or gone else Kept(verdict, unchanged, stale, work)

    def work(self, student: str) -> dict[str, str]:
        """What the marks of the last verdict were about, whether it is still good or not."""
        try:
            return dict(json.loads(self._path(student).read_text(encoding="utf-8"))["work"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def hand_marks(self, student: str) -> Path:
        """The file that says what a teacher's own marks were given for."""
        return self._folder / "hand" / self._path(student).name

    def keep(
        self,
        student: str,
        digest: str,
        verdict: Verdict,
        unchanged: frozenset[str],
        work: dict[str, str] | None = None,
    ) -> None:
        """Keep a verdict; the file is there whole or not at all."""
        data = {
            "for": self._name(digest),
            "checks": self._checks,
            "unchanged": sorted(unchanged),
            "work": work or {},
            "verdict": verdict.to_json(),
        }
        write_whole(self._path(student), json.dumps(data))

    def _path(self, student: str) -> Path:
        name = hashlib.sha256(student.encode(errors="surrogateescape")).hexdigest()[:24]
        return self._folder / f"{name}.json"

    def _name(self, digest: str) -> str:
        return hashlib.sha256(f"{self._base} {digest}".encode()).hexdigest()
