"""Points for what a student trained: nothing at the baseline, all in the reference's band, linear between."""

import math
from pathlib import Path

from course_utils.chapters import ROOT
from course_utils.training.record import MINI_SHARE, Record, records


def points(entry: Record, value: float, maximum: float, root: Path = ROOT) -> float:
    """Points of `maximum` for a metric of `value`, against the record of the tier that it was trained at.

    At the baseline or worse: 0. In the band (two standard deviations from the mean over seeds, or better): all. Where
    the topic has a record of the full tier too, an artifact of the mini tier can earn `MINI_SHARE` of the maximum.
    """
    if entry.tier == "mini" and "full" in records(entry.key, root):
        maximum *= MINI_SHARE
    if not math.isfinite(value):
        return 0.0
    reach = entry.band - entry.baseline
    sign = 1 if entry.higher_is_better else -1
    if sign * reach <= 0:  # a reference that is no better than its baseline gives no scale
        return maximum if sign * (value - entry.band) >= 0 else 0.0
    return maximum * min(1.0, max(0.0, (value - entry.baseline) / reach))
