"""Points for what a student trained: nothing at the baseline, all in the reference's band, linear between."""

import math
import os
from pathlib import Path

from course_utils.topics import ROOT
from course_utils.training.record import MINI_SHARE, TIERS, Record, records

LEAST_WIDTH = 0.15  # of the distance between the reference's mean and its baseline


def counting_tier() -> str:
    """The tier that earns all points: "full", or what COURSE_COUNTS says; a class without GPUs sets it to "mini".

    Raises:
        ValueError: COURSE_COUNTS is neither.
    """
    tier = os.environ.get("COURSE_COUNTS", "full")
    if tier not in TIERS:
        raise ValueError(f"COURSE_COUNTS: expected mini or full, got {tier!r}; unset it or choose one")
    return tier


def points(entry: Record, value: float, maximum: float, root: Path = ROOT) -> float:
    """Points of `maximum` for a metric of `value`, against the record of the tier that it was trained at.

    At the baseline or worse: 0. In the band (two standard deviations from the mean over seeds, or better): all. The
    band is at least `LEAST_WIDTH` of the way from the mean to the baseline wide: a few seeds may agree by chance, and
    a student's net, as good as the reference's, must not lose a point by that. Where the full tier counts and the
    topic has a record of it, an artifact of the mini tier can earn `MINI_SHARE` of the maximum.
    """
    maximum *= ceiling(entry, root)
    lenient = entry.value - LEAST_WIDTH * (entry.value - entry.baseline)
    band = min(entry.band, lenient) if entry.higher_is_better else max(entry.band, lenient)
    return maximum * share(value, entry.baseline, band, entry.higher_is_better)


def ceiling(entry: Record, root: Path = ROOT) -> float:
    """The share of the points that the best net of this tier earns."""
    reduced = entry.tier == "mini" and counting_tier() == "full" and "full" in records(entry.key, root)
    return MINI_SHARE if reduced else 1.0


def share(value: float, baseline: float, band: float, higher_is_better: bool) -> float:
    """0 at the baseline or worse, 1 at the band or better, linear between; 0 for what is no number."""
    if not math.isfinite(value):
        return 0.0
    sign = 1 if higher_is_better else -1
    if sign * (band - baseline) <= 0:  # a reference that is no better than its baseline gives no scale
        return 1.0 if sign * (value - band) >= 0 else 0.0
    return min(1.0, max(0.0, (value - baseline) / (band - baseline)))
