"""Comparisons that teach: each raises `CheckFailed` saying what was checked, expected, got and where to look.

`mistakes={sentence: (value, hint)}` names what well-known mistakes give. It is looked at only after the comparison
has failed, to choose the words: a mistake whose value happens to be right takes no point. A value may be a function
of nothing, called only then; for `holds` it is a condition. The first that fits is named.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils.checks.failure import CheckFailed, StudentError
from course_utils.checks.student import raised_by_student

# Relative and absolute tolerance by type: room for another order of summation, none for a wrong formula.
TOLERANCE = {
    torch.float64: (1e-6, 1e-8),
    torch.float32: (1e-4, 1e-5),
    torch.bfloat16: (3e-2, 1e-2),
    torch.float16: (5e-3, 1e-3),
}
HALF = {torch.bfloat16, torch.float16}

Mistakes = Mapping[str, tuple[Any, str]]  # by the sentence that names it: what it gives, where to look


def close(
    got: object,
    expected: object,
    what: str,
    hint: str = "",
    rtol: float | None = None,
    atol: float | None = None,
    mistakes: Mistakes | None = None,
) -> None:
    """Numbers, arrays or tensors of the same shape and nearly the same values.

    Any float type is taken for any other as long as its values are near enough, integers for floats of equal value,
    arrays and lists for tensors; a wrong shape, a NaN, an infinity or a truth value where a number is due is not.
    A list of numbers is expected as `torch.tensor` of it; lists and tuples of tensors are compared item by item.

    Raises:
        CheckFailed: they differ; the message shows the first place where they do.
    """
    with _explained(mistakes, lambda mistake: close(got, mistake, what, "", rtol, atol)):
        _close(got, expected, what, hint, rtol, atol)


def _close(
    got: object, expected: object, what: str, hint: str, rtol: float | None, atol: float | None
) -> None:
    if isinstance(expected, list | tuple) and any(isinstance(item, Tensor | np.ndarray) for item in expected):
        _items(got, expected, what, hint, rtol, atol)
        return
    # Numbers that an author wrote have six digits: no answer of float64 is held to more of them.
    wanted = torch.tensor(expected) if isinstance(expected, list) else _tensor(expected)
    given = _given(got, what, hint)
    if given.shape != wanted.shape:
        raise CheckFailed(f"{what} has the wrong shape", tuple(wanted.shape), tuple(given.shape), hint)
    if wanted.dtype != torch.bool and given.dtype == torch.bool:
        raise CheckFailed(f"{what} has the wrong type", "numbers", "truth values (torch.bool)", hint)
    if wanted.dtype == torch.bool:
        _same(given, wanted, what, hint)
        return
    if given.is_complex() != wanted.is_complex():
        raise CheckFailed(f"{what} has the wrong type", wanted.dtype, given.dtype, hint)
    _near(given, wanted, what, hint, rtol, atol)


def equal(got: object, expected: object, what: str, hint: str = "", mistakes: Mistakes | None = None) -> None:
    """The same plain value (int, str, bool, None, shape, list, dict), or tensors equal in every place.

    Raises:
        CheckFailed: they differ.
    """
    with _explained(mistakes, lambda mistake: equal(got, mistake, what)):
        _equal(got, expected, what, hint)


def _equal(got: object, expected: object, what: str, hint: str) -> None:
    if isinstance(expected, Tensor | np.ndarray):
        wanted, given = _tensor(expected), _given(got, what, hint)
        if given.shape != wanted.shape:
            raise CheckFailed(f"{what} has the wrong shape", tuple(wanted.shape), tuple(given.shape), hint)
        _same(given, wanted, what, hint)
        return
    plain, wanted_plain = _plain(got), _plain(expected)
    if isinstance(plain, bool) != isinstance(wanted_plain, bool) or plain != wanted_plain:
        raise CheckFailed(f"{what} is not right", _short(expected), _short(got), hint)


def pair(got: Any, who: str, expected: str, hint: str = "") -> tuple[Any, Any]:
    """Both things that `who` has to give, `expected` in words; a tensor of two rows is not two things.

    Raises:
        CheckFailed: there are not two.
    """
    several = isinstance(got, tuple | list)
    what = f"{len(got)} things" if several else type(got).__name__
    holds(several and len(got) == 2, f"{who} must give two things", expected, what, hint)
    return got[0], got[1]


def shape_of(got: Any) -> tuple[int, ...] | str:
    """The shape, to be compared with another; of what has none, the name of its type."""
    return tuple(getattr(got, "shape", ())) or type(got).__name__


def holds(
    condition: object,
    what: str,
    expected: object = "",
    got: object = "",
    hint: str = "",
    mistakes: Mistakes | None = None,
) -> None:
    """A property that must be true; `what` says it in words.

    Raises:
        CheckFailed: it is not.
    """
    with _explained(mistakes, lambda mistake: holds(mistake, what)):
        if not _truth(condition):
            raise CheckFailed(what, expected, got, hint)


@contextmanager
def _explained(mistakes: Mistakes | None, compare: Callable[[Any], None]):
    """A comparison whose failure is said in the words of the first mistake that `compare` lets pass."""
    try:
        yield
    except CheckFailed as failed:
        for sentence, (value, hint) in (mistakes or {}).items():
            if _passes(compare, value() if callable(value) else value):
                raise CheckFailed(f"{failed.what}: {sentence}", failed.expected, failed.got, hint) from None
        raise


def _passes(compare: Callable[[Any], None], value: object) -> bool:
    try:
        compare(value)
    except CheckFailed:
        return False
    return True


def shaped(got: object, shape: tuple[int, ...], what: str, hint: str = "") -> Tensor:
    """`got`, which must hold numbers of this shape, as a tensor: for properties that are asked of it afterwards.

    Raises:
        CheckFailed: it is nothing, no numbers or of another shape.
    """
    given = _given(got, what, hint)
    if tuple(given.shape) != tuple(shape):
        raise CheckFailed(f"{what} has the wrong shape", tuple(shape), tuple(given.shape), hint)
    return given


def raises(error: type[Exception], call: Callable[[], object], what: str, hint: str = "see `Raises`") -> None:
    """The student's code, run by `call`, raises `error` or a class derived from it.

    Raises:
        CheckFailed: it raises nothing, or something else.
    """
    try:
        call()
    except Exception as raised:
        # In the student's own notebook a method of the student's class raises what it raises.
        own = raised if isinstance(raised, CheckFailed) else raised_by_student(raised, call)
        if own is None:
            raise
        _raised(own, error, what, hint)
    else:
        raise CheckFailed(what, error.__name__, "no error", hint)


def _raised(raised: CheckFailed, error: type[Exception], what: str, hint: str) -> None:
    """Whether what was raised is the `error` that was due."""
    if not isinstance(raised, StudentError) or "NotImplementedError" in raised.kinds:
        raise raised
    if error.__name__ not in raised.kinds:
        raise CheckFailed(what, error.__name__, f"{raised.kinds[0]}: {raised.message}", hint) from raised


def unlike(got: object, mistake: object, what: str, hint: str) -> None:
    """Not what a well-known mistake gives; `what` names that mistake. `mistakes=` of a comparison is the better way.

    Raises:
        CheckFailed: `got` is close to `mistake`.
    """
    try:
        close(got, mistake, what)
    except CheckFailed:
        return
    raise CheckFailed(what, hint=hint)


def _items(
    got: object, expected: list | tuple, what: str, hint: str, rtol: float | None, atol: float | None
) -> None:
    if not isinstance(got, list | tuple) or len(got) != len(expected):
        size = len(got) if isinstance(got, list | tuple) else type(got).__name__
        raise CheckFailed(f"{what} has the wrong number of parts", len(expected), size, hint)
    for place, (one, other) in enumerate(zip(got, expected)):
        close(one, other, f"{what}, part {place}", hint, rtol, atol)


def _given(value: object, what: str, hint: str) -> Tensor:
    """The student's value as a tensor, or a `CheckFailed` that says what it is instead."""
    if value is None:
        raise CheckFailed(
            f"{what} gave nothing", "numbers", "None", "does the function `return` what it has computed?"
        )
    try:
        return _tensor(value)
    except (TypeError, ValueError, RuntimeError):
        raise CheckFailed(
            f"{what} is not a tensor of numbers", "a tensor", type(value).__name__, hint
        ) from None


def _tensor(value: object) -> Tensor:
    """Numbers of any container as a tensor on the CPU, without history."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if type(value) in (bool, int, float, complex) or isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return (
            torch.from_numpy(np.array(array))
            if array.ndim
            else torch.tensor(array.item(), dtype=_wide(array))
        )
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, Tensor | np.ndarray) for item in value):
            return torch.stack([_tensor(item) for item in value])
        array = np.asarray([item.item() if isinstance(item, Tensor) else item for item in value])
        if array.dtype.kind not in "bifc":
            raise TypeError(f"no numbers: {array.dtype}")
        return torch.from_numpy(array)
    raise TypeError(f"no numbers: {type(value).__name__}")


def _wide(array: np.ndarray) -> torch.dtype:
    return {"b": torch.bool, "i": torch.int64, "u": torch.int64, "f": torch.float64}.get(
        array.dtype.kind, torch.complex128
    )


def _near(
    given: Tensor, wanted: Tensor, what: str, hint: str, rtol: float | None, atol: float | None
) -> None:
    default_r, default_a = _tolerance(given.dtype, wanted.dtype)
    r, a = (default_r if rtol is None else rtol), (default_a if atol is None else atol)
    if r == a == 0 and _whole(given) and _whole(wanted):
        _same(given, wanted, what, hint)
        return
    kind = torch.complex128 if wanted.is_complex() else torch.float64
    one, other = given.to(kind), wanted.to(kind)
    unreal = ~torch.isfinite(one) & torch.isfinite(other)
    if unreal.any():
        place = _first(unreal)
        raise CheckFailed(f"{what} is not finite{_at(place)}", "a finite number", one[place].item(), hint)
    same = torch.isclose(one, other, rtol=r, atol=a, equal_nan=True)
    if not same.all():
        if given.dtype in HALF and torch.allclose(one, other, *TOLERANCE[given.dtype], equal_nan=True):
            raise CheckFailed(
                f"{what} is too coarse",
                "numbers as exact as torch.float32",
                given.dtype,
                "the type of the result",
            )
        _report(one, other, ~same, what, hint)


def _tolerance(given: torch.dtype, wanted: torch.dtype) -> tuple[float, float]:
    """Relative and absolute, by the coarser type; a half type counts only where it is what was expected."""
    kinds = {given, wanted} if wanted in HALF else {given, wanted} - HALF
    return max((TOLERANCE[kind] for kind in kinds if kind in TOLERANCE), default=(0.0, 0.0))


def _same(given: Tensor, wanted: Tensor, what: str, hint: str) -> None:
    """Equal as numbers: integers are too fine for float64, and complex numbers have two parts."""
    whole = _whole(given), _whole(wanted)
    kind = torch.complex128 if given.is_complex() or wanted.is_complex() else torch.float64
    different = torch.zeros_like(given, dtype=torch.bool)
    if not all(whole):
        different |= given.to(kind) != wanted.to(kind)
    if any(whole) and kind == torch.float64:  # a float near a large integer is another number
        different |= given.to(torch.int64) != wanted.to(torch.int64)
    if different.any():
        _report(given, wanted, different, what, hint)


def _whole(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex())


def _report(one: Tensor, other: Tensor, different: Tensor, what: str, hint: str) -> None:
    place = _first(different)
    count = f" ({int(different.sum())} of {different.numel()} values differ)" if different.numel() > 1 else ""
    wanted, given = _apart(other[place].item(), one[place].item())
    raise CheckFailed(f"{what} is not right{_at(place)}", wanted, f"{given}{count}", hint)


def _first(mask: Tensor) -> tuple[int, ...]:
    return tuple(mask.nonzero()[0].tolist())


def _at(place: tuple[int, ...]) -> str:
    return f" at {list(place)}" if place else ""


def _apart(one: object, other: object) -> tuple[str, str]:
    """Two different numbers with as many digits as it takes to see that they differ, six at least."""
    if not isinstance(one, float) or not isinstance(other, float):
        return str(one), str(other)
    texts = ((f"{one:.{digits}g}", f"{other:.{digits}g}") for digits in range(6, 18))
    return next((pair for pair in texts if pair[0] != pair[1]), (repr(one), repr(other)))


def _plain(value: object) -> Any:
    """Tuples as lists, one-value tensors and NumPy numbers as Python's, so that meaning alone is compared."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().tolist()
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _truth(condition: object) -> bool:
    """A truth value of Python, NumPy or PyTorch; anything else is no proof."""
    if isinstance(condition, Tensor):
        return condition.dtype == torch.bool and bool(condition.all())
    return isinstance(condition, bool | np.bool_) and bool(condition)


def _short(value: object, limit: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
