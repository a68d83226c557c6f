"""What continuous integration runs again although it is proved: two topics, and twenty mutants of each, by the date."""

import random
from datetime import date

from course_utils.audit.findings import Report
from course_utils.audit.kept import committed, content_hash, differences
from course_utils.audit.mutation_score import Score, measured
from course_utils.audit.mutation_score import committed as committed_score
from course_utils.labs.lab import Lab

TOPICS = 2
MUTANTS = 20


def topics(keys: tuple[str, ...], day: date) -> tuple[str, ...]:
    """Two of the keys, others on another day."""
    return tuple(random.Random(f"{day}").sample(sorted(keys), min(TOPICS, len(keys))))


def mutants(key: str, names: set[str], day: date) -> set[str]:
    """Twenty of a topic's mutants by their names, others on another day."""
    return set(random.Random(f"{day} {key}").sample(sorted(names), min(MUTANTS, len(names))))


def audit_complaints(report: Report) -> list[str]:
    """In what an audit differs from the committed one, a line each; nothing where that is of something else."""
    before, content = committed(report.key)
    if before is None or content != content_hash(report.key):
        return []
    return [f"{report.key}: {line}" for line in differences(report, before)]


def score_complaints(result: Score, tried: set[str]) -> list[str]:
    """In what the tried mutants' fate differs from the committed one, a line each."""
    row = committed_score(result.key)
    if row is None or row["measured"] != measured(Lab.load(result.key)):
        return []
    now = {survivor.name for survivor in result.survivors}
    then = set(row["survivors"]) & tried
    return [f"{result.key}: mutant {name} is caught now" for name in sorted(then - now)] + [
        f"{result.key}: mutant {name} is not caught any more" for name in sorted(now - then)
    ]
