"""A trained artifact, judged on data that the student has not seen, against the reference's record."""

import importlib
from types import ModuleType

from course_utils.checks.artifact import Artifact
from course_utils.checks.credit import Earned
from course_utils.checks.failure import CheckFailed

MINI = "a net trained at the mini tier earns at most {most:g} of {points:g} here; train it at the full tier (on a GPU)"

# How large a net may be: where its tier has a record, so many times the reference's size, or a million numbers.
TIMES, ELEMENTS, WIDTH = 20, 8_000_000, 10_000


def judge(key: str, tensors: Artifact, points: float) -> Earned:
    """Points of an artifact, to two decimals: 0 at the baseline, all at the reference's band, linear between.

    Args:
        key: The topic whose `reference.evaluate` measures the artifact.
        tensors: What `student.artifact(key)` gave, with the tier that it was trained at.
        points: The most that can be earned.

    Raises:
        CheckFailed: the tensors are not those of the lab's net, or the metric does not pass the baseline.
        DataError: the data to judge it on cannot be had here; that is the teacher's trouble, not the student's.
    """
    from course_utils.topics import topic

    if tensors.tier not in ("mini", "full"):
        raise CheckFailed(
            f"{key}.safetensors names no tier", "mini or full", tensors.tier, "save it with save_artifact"
        )
    _bounded(key, tensors)
    reference = importlib.import_module(f"solutions.{key}.reference")
    value = _measured(reference, key, tensors)
    earned, baseline = _earned(reference, key, tensors.tier, value, points)
    if earned <= 0:
        raise CheckFailed(
            f"{key}.safetensors: {topic(key).metric} is no better than the baseline",
            f"better than {baseline:.4g}",
            f"{value:.4g}",
            "train longer, or look at the loss curve: does it go down?",
        )
    most = points * _ceiling(key, tensors.tier)
    return Earned(earned, MINI.format(most=most, points=points) if most < points else "")


def _bounded(key: str, tensors: Artifact) -> None:
    """Refuse a net so large that measuring it would take memory that other work needs."""
    from course_utils.training import records

    entry = records(key).get(tensors.tier)
    most = ELEMENTS if entry is None else max(ELEMENTS // 8, TIMES * entry.parameters)
    elements = sum(tensor.numel() for tensor in tensors.values())
    widest = max((size for tensor in tensors.values() for size in tensor.shape), default=0)
    for what, got, limit in (("numbers in all", elements, most), ("numbers in a row", widest, WIDTH)):
        if got > limit:
            raise CheckFailed(
                f"{key}.safetensors is too large to be measured",
                f"at most {limit:,} {what}",
                f"{got:,}",
                "a net of the size that the lab suggests earns all points",
            )


def _ceiling(key: str, tier: str) -> float:
    from course_utils.training import records
    from course_utils.training.judging import ceiling

    entry = records(key).get(tier)
    return 1.0 if entry is None else ceiling(entry)


def _measured(reference: ModuleType, key: str, tensors: Artifact) -> float:
    from course_utils.data import DataError

    try:
        return float(reference.evaluate(tensors, tensors.tier))
    except DataError:
        raise
    except (KeyError, IndexError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise CheckFailed(f"{key}.safetensors does not fit the lab's net", hint=reason) from None


def _earned(reference: ModuleType, key: str, tier: str, value: float, most: float) -> tuple[float, float]:
    """Points and baseline. Where the reference has not been trained at this tier, the table's target is the band."""
    from course_utils.topics import topic
    from course_utils.training import points, records
    from course_utils.training.judging import share

    entry, row = records(key).get(tier), topic(key)
    if entry is not None:
        return points(entry, value, most), entry.baseline
    baseline = float(reference.baseline(tier))
    band = baseline if row.target is None else row.target
    return most * share(value, baseline, band, row.higher_is_better), baseline
