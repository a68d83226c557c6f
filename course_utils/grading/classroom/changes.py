"""Whose mark moved since the last run, and why: `changes.csv` in the classroom, and lines in the summary."""

import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.grading.classroom.folders import write_whole
from course_utils.grading.engine.digests import Rules
from course_utils.grading.gradebook.entries import Entry
from course_utils.grading.gradebook.spreadsheet import harmless
from course_utils.labs.lab import Lab

FILE = "changes.csv"
HEAD = ("when", "key", "student", "before", "after", "why")


@dataclass(frozen=True)
class Change:
    """A student's sum before, None where there was none, and after; and what moved it."""

    student: str
    before: float | None
    after: float
    why: str


class Changes:
    """What the last run left of one lab, to compare with."""

    def __init__(self, room: Path, lab: Lab, rules: Rules):
        """`rules` are those of `lab` now."""
        self._file = room / ".results" / lab.key / "last" / "marks.json"
        self._csv, self._key = room / FILE, lab.key
        self._checks = {cell.name: rules.checks[cell.name] for cell in lab.cells if cell.kind == "test"}
        self._engine = rules.common
        try:
            self._last: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._last = {}

    def report(self, found: dict[str, Entry], work: dict[str, str]) -> list[Change]:
        """Compare with the last run, write `changes.csv`, and keep what is there now; `work` is a hash by student."""
        marks = {student: self._told(entry, work.get(student)) for student, entry in found.items()}
        known = self._last.get("marks", {})
        for student, told in marks.items():  # who was not looked at in this run has the work of the run before
            told["work"] = told["work"] or known.get(student, {}).get("work", "")
        changes = [
            Change(student, known.get(student, {}).get("total"), told["total"], self._why(known.get(student), told))
            for student, told in sorted(marks.items())
            if student not in known or abs(known[student]["total"] - told["total"]) > 1e-9
        ]
        self._append(changes)
        write_whole(self._file, json.dumps({"engine": self._engine, "checks": self._checks, "marks": marks}))
        return changes

    def _told(self, entry: Entry, work: str | None) -> dict[str, Any]:
        marks: dict[str, dict[str, float | None]] = {"automatic": {}, "hand": {}, "extra": {}}
        for mark in entry.marks:
            marks[mark.by][mark.check] = mark.points
        return {"total": entry.score, "late": entry.late, "marks": marks, "work": work}

    def _why(self, before: dict[str, Any] | None, now: dict[str, Any]) -> str:
        if before is None:
            return "first marked"
        reasons = []
        moved = {
            (by, check)
            for by in now["marks"]
            for check in now["marks"][by].keys() | before["marks"][by].keys()
            if now["marks"][by].get(check) != before["marks"][by].get(check)
        }
        hand = sorted({check for by, check in moved if by != "automatic"})
        if hand:
            reasons.append(f"marked by hand: {', '.join(hand)}")
        checks = sorted({check for by, check in moved if by == "automatic"} - set(hand))
        edited = [check for check in checks if self._last["checks"].get(check) != self._checks.get(check)]
        if checks and before["work"] != now["work"]:
            reasons.append("new submission")
        elif edited:
            reasons.append(f"check edited: {', '.join(edited)}")
        elif checks:
            engine = self._last["engine"] != self._engine
            reasons.append("engine, data or reference changed" if engine else "marked again")
        if before["late"] != now["late"]:
            reasons.append("deadline")
        return "; ".join(reasons) or "marked again"

    def _append(self, changes: list[Change]) -> None:
        if not changes:
            return
        new = not self._csv.is_file()
        when = time.strftime("%Y-%m-%d %H:%M:%S")
        with self._csv.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([HEAD] if new else [])
            for change in changes:
                before = "" if change.before is None else f"{change.before:g}"
                writer.writerow((when, self._key, harmless(change.student), before, f"{change.after:g}", change.why))
