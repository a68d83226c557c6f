"""What a run over a class did, in words for the teacher."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from course_utils.grading.classroom.changes import FILE as CHANGES
from course_utils.grading.classroom.changes import Change
from course_utils.grading.gradebook.deadlines import FILE as DEADLINES
from course_utils.grading.gradebook.exchange_files import TIMESTAMP
from course_utils.one_line import one_line

NOTES = 20  # lines about the choice of files; the rest stands in the feedback


@dataclass
class Summary:
    """What a run did. Keys are students: `seconds` a submission's own, `failed` why it has no marks, `notes` what was
    chosen among files, `again` hand marks whose work has changed. `left` are lines about what looks like a hand-in and
    was not marked, `changes` whose sum moved; `untimed` hand-ins have no time that counts although there is a deadline.
    """

    key: str
    points: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    again: dict[str, list[str]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    untimed: int = 0
    broken: set[str] = field(default_factory=set)
    max_points: float = 0.0
    wall: float = 0.0

    def lines(self) -> list[str]:
        """The summary in words: what was done, the slowest, and what could not be read or marked."""
        total, fresh = len(self.points), len(self.seconds)
        mean = sum(self.points.values()) / max(1, total)
        lines = [
            f"{self.key}: {total} submissions, {fresh} marked now, {total - fresh} known, in {self.wall:.1f} s; "
            f"mean {mean:.1f} of {self.max_points:g} points"
        ]
        slowest = sorted(self.seconds.items(), key=lambda item: -item[1])[:3]
        if slowest:
            lines.append(
                "  slowest: " + ", ".join(f"{one_line(student)} {seconds:.1f} s" for student, seconds in slowest)
            )
        lines += [f"  {one_line(student)}: {one_line(reason)}" for student, reason in sorted(self.failed.items())]
        notes = [f"  {one_line(who)}: {one_line(note)}" for who in sorted(self.notes) for note in self.notes[who]]
        more = [f"  … and {len(notes) - NOTES} more such notes, in the feedback"] if len(notes) > NOTES else []
        lines += notes[:NOTES] + more + list(self._moved())
        for student, checks in sorted(self.again.items()):
            lines.append(f"  look again: {one_line(student)}: {', '.join(checks)}, changed since it was marked by hand")
        return lines + [f"  not marked: {one_line(line)}" for line in self.left]

    def _moved(self) -> Iterator[str]:
        """Whose sum moved, and why; and of how many nobody can say when they were handed in."""
        moved = [change for change in self.changes if change.before is not None]
        for change in moved[:NOTES]:
            yield f"  moved: {one_line(change.student)} {change.before:g} → {change.after:g} ({change.why})"
        if len(moved) > NOTES:
            yield f"  … and {len(moved) - NOTES} more that moved, in {CHANGES}"
        if self.untimed:
            yield (
                f"  {self.untimed} hand-ins have no time that counts, and count as in time; where nbgrader's exchange or "
                f'collector wrote {TIMESTAMP}, say times = "exchange" in {DEADLINES}'
            )
