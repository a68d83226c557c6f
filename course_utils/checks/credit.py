"""Points of a check: what its last expression gives, judged here and nowhere else."""

import math
import numbers
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.credit import rounded

TRUTH = (torch.bool, np.dtype(bool))


class NoShare(ValueError):
    """A check ends in a value that is no part of its points: its author's mistake, and no student's."""


class Earned(float):
    """Points, to two decimals, with the reason why they are not all, "" where the value alone says it."""

    why: str

    def __new__(cls, points: float, why: str = "") -> "Earned":
        """Points as they are given."""
        earned = super().__new__(cls, rounded(points))
        earned.why = why
        return earned


def credit(value: object, points: float) -> Earned:
    """What a check of `points` earns whose last expression gave `value`.

    A number of Python, NumPy or PyTorch is what is earned; what is no number, such as None or the answer True, says
    nothing, as in nbgrader, and all is earned.

    Raises:
        NoShare: a number that is not between 0 and `points`, several numbers, or False.
    """
    if isinstance(value, Earned):
        return value
    number = _number(value)
    if number is None:
        if _false(value):
            raise NoShare(_said(value, points))
        return Earned(points)
    if isinstance(number, complex) or not math.isfinite(number) or not 0 <= rounded(number) <= points:
        raise NoShare(_said(value, points))
    return Earned(min(float(number), points))


def _number(value: object) -> Any:
    """`value` as Python's number; None where it is no number, NaN where it is several."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
    if isinstance(value, Tensor | np.ndarray | np.generic):
        found = value.tolist()
        while isinstance(found, list) and len(found) == 1:
            found = found[0]
        return math.nan if isinstance(found, list) and value.dtype not in TRUTH else _number(found)
    if isinstance(value, bool) or not isinstance(value, numbers.Number):
        return None
    try:
        return value if isinstance(value, complex) else float(value)  # type: ignore[arg-type]  # a Fraction, …
    except OverflowError:
        return math.inf


def _false(value: object) -> bool:
    if isinstance(value, Tensor | np.ndarray | np.generic):
        return value.dtype in TRUTH and not bool(value.all())
    return value is False


def _said(value: object, points: float) -> str:
    return f"it ends in {repr(value)[:80]}, which is no share of its {points:g} points"
