"""Exceptions of the student's code, as the trusted side raises them."""

import builtins
import functools

from course_utils.checks.failure import StudentError


def student_error(kinds: tuple[str, ...], text: str, line: str, what: str = "your code") -> StudentError:
    """A `StudentError` that `except ValueError` catches too, if it was one there."""
    return _error_class(kinds)(what, kinds, text, line)


@functools.lru_cache(maxsize=256)
def _error_class(kinds: tuple[str, ...]) -> type[StudentError]:
    for kind in kinds:
        base = getattr(builtins, kind, None)
        if isinstance(base, type) and issubclass(base, Exception) and not issubclass(base, StopIteration):
            try:
                return type("StudentError", (StudentError, base), {})
            except TypeError:  # some built-in exceptions do not combine
                break
    return StudentError
