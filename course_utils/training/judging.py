"""Points for what a student trained: nothing at the baseline, all in the reference's band, linear between."""

import math
from pathlib import Path

from course_utils.chapters import ROOT
from course_utils.training.record import MINI_SHARE, Record, record, records


def points(entry: Record, value: float, maximum: float) -> float:
    """Points of `maximum` for a metric of `value` against a record of the same tier.

    At or below the baseline: 0. In the band (two standard deviations from the mean over seeds, or better): all.
    """
    if not math.isfinite(value) or maximum <= 0:
        return 0.0
    reach = entry.band - entry.baseline
    sign = 1 if entry.higher_is_better else -1
    if sign * reach <= 0:  # a reference that is no better than its baseline gives no scale
        return maximum if sign * (value - entry.band) >= 0 else 0.0
    return maximum * min(1.0, max(0.0, (value - entry.baseline) / reach))


def artifact_points(key: str, tier: str, value: float, maximum: float, root: Path = ROOT) -> float:
    """Points for an artifact trained at `tier`.

    A mini-tier artifact can earn `MINI_SHARE` of the points where the reference has a full tier, all where it has none.
    """
    share = MINI_SHARE if tier == "mini" and "full" in records(key, root) else 1.0
    return points(record(key, tier, root), value, maximum * share)
