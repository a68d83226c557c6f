"""Tables of records as text, for `course train`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from course_utils.topics import ROOT, TOPICS
from course_utils.training import experiments
from course_utils.training.record import TIERS, Record, records

HEADINGS = (
    "topic",
    "tier",
    "metric",
    "ours (± std)",
    "baseline",
    "paper",
    "target",
    "minutes",
    "MB",
    "T4 minutes (estimate)",
    "device",
)


def table(entries: Iterable[Record]) -> str:
    """One line a record: metric, baseline, paper's figure, spread over seeds, minutes, memory."""
    return columns([HEADINGS, *(_row(entry) for entry in entries)])


def _row(entry: Record) -> tuple[str, ...]:
    target = "" if entry.target is None else entry.show(entry.target) + (" met" if entry.met else " MISSED")
    return (
        entry.key,
        entry.tier,
        entry.metric,
        f"{entry.show(entry.value)} ± {entry.show(entry.std)} ({len(entry.seeds)})",
        entry.show(entry.baseline),
        entry.show(entry.paper.value) if entry.paper else "–",
        target or "–",
        f"{entry.minutes:.2f}",
        f"{entry.memory / 1e6:.0f}",
        "–" if entry.t4_minutes is None else f"{entry.t4_minutes:.1f}",
        entry.device if entry.is_gpu else "CPU",
    )


def status(root: Path = ROOT) -> str:
    """Which records are missing, stale or not from a GPU, and their experiments; one line a topic and tier."""
    rows = [("topic", "tier", "state", "experiments", "ours", "date", "commit")]
    for row in TOPICS:
        found = records(row.key, root)
        for tier in TIERS:
            entry = found.get(tier)
            if entry is None:
                rows.append((row.key, tier, "missing", "", "", "", ""))
            else:
                beside, value = experiments.state(entry, root), entry.show(entry.value)
                rows.append((row.key, tier, state(entry, root), beside, value, entry.date, entry.commit))
    return columns(rows)


def state(entry: Record, root: Path = ROOT) -> str:
    """In a few words: does the record still hold, and where was it made?"""
    words = ["stale: the reference's code has changed since"] if entry.stale(root) else []
    words += [] if entry.is_gpu else ["from a CPU"]
    return ", ".join(words) or "good"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows as aligned text."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )
