"""Marks that a teacher gave, and the work that they were given for.

A mark by hand, for an answer or over a check's, stays for as long as that work does. When the work changes it becomes a
proposal: nbgrader asks a person to look again. Whoever confirms it in formgrader has judged the new work.
"""

import json
from pathlib import Path
from typing import Any

from nbgrader.api import Grade, Gradebook, SubmittedNotebook

Work = dict[str, str]  # a check's name -> a hash of the work that it is about


def ask_again(book: Gradebook, notebook: SubmittedNotebook, before: Work, now: Work, kept: Path) -> list[str]:
    """Turn hand marks into proposals where their work has changed; returns the checks that a person must look at.

    Args:
        book: The open gradebook.
        notebook: The submission, as the gradebook has it.
        before: The work that the teacher has seen so far.
        now: The work that is there now.
        kept: The file that holds what each mark was given for.
    """
    by_hand = {g.name: g for g in notebook.grades if g.manual_score is not None or g.extra_credit is not None}
    if not by_hand:
        return []
    records = _read(kept)
    fresh = {name: _judged(grade, records.get(name), before, now) for name, grade in by_hand.items()}
    for name, record in fresh.items():
        changed = record["work"] != now.get(name)
        if changed or record["asked"]:  # or the work that was judged is back
            by_hand[name].needs_manual_grade = changed
        record["asked"] = changed
    book.db.commit()
    if fresh != records:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(".part").write_text(json.dumps(fresh), encoding="utf-8")
        kept.with_suffix(".part").replace(kept)
    return sorted(name for name, record in fresh.items() if record["asked"])


def _judged(grade: Grade, record: dict[str, Any] | None, before: Work, now: Work) -> dict[str, Any]:
    """What the mark was given for: what is on record, or what was there before, where it is new or was confirmed."""
    mark = [grade.manual_score, grade.extra_credit]
    if (
        record is not None
        and record["mark"] == mark
        and not (record["asked"] and not grade.needs_manual_grade)
    ):
        return dict(record)
    return {"mark": mark, "work": before.get(grade.name, now.get(grade.name)), "asked": False}


def _read(kept: Path) -> dict[str, dict[str, Any]]:
    try:
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
