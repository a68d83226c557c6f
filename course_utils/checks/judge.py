"""A trained artifact, judged on data that the student has not seen, against the reference's record."""

import importlib

from course_utils.checks.artifact import Artifact
from course_utils.checks.failure import CheckFailed


def judge(key: str, tensors: Artifact, points: float) -> float:
    """Points of an artifact: 0 at the baseline, all at the reference's band, linear between.

    Args:
        key: The topic whose `reference.evaluate` measures the artifact.
        tensors: What `student.artifact(key)` gave.
        points: The most that can be earned.

    Raises:
        CheckFailed: the tensors are not those of the lab's net, or the metric does not pass the baseline.
    """
    from course_utils.training import points as share
    from course_utils.training import record

    reference = importlib.import_module(f"solutions.{key}.reference")
    entry = record(key, tensors.tier)
    try:
        value = reference.evaluate(tensors, entry.tier)
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        raise CheckFailed(
            f"{key}.safetensors does not fit the lab's net", hint=str(error).splitlines()[0][:300]
        ) from None
    earned = share(entry, value, points)
    if earned <= 0:
        raise CheckFailed(
            f"{key}.safetensors: {entry.metric} is no better than the baseline",
            f"better than {entry.baseline:.4g}",
            f"{value:.4g}",
            "train longer, or look at the loss curve: does it go down?",
        )
    return earned
