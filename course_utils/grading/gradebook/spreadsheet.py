"""Lines of a spreadsheet, in which no text of unknown origin is taken for a formula."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from course_utils.one_line import one_line

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """Text on one line, which no spreadsheet computes."""
    return f"'{one_line(text)}" if text.startswith(FORMULA) else one_line(text)


def lines(rows: Iterable[tuple[Any, ...]]) -> list[str]:
    """Each row as a line of CSV."""
    found = []
    for row in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        found.append(text.getvalue())
    return found
