"""A check's hidden tests: where they stand, between nbgrader's own marks, and what is left without them."""

import re

BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
HIDDEN = re.compile(rf"^[ \t]*{BEGIN}[ \t]*$.*?(?:^[ \t]*{END}[ \t]*$\n?|\Z)", re.DOTALL | re.MULTILINE)


def visible(source: str) -> str:
    """A check as the student sees it."""
    return HIDDEN.sub("", source).strip()


def is_hidden(lines: list[str]) -> bool:
    """Whether the last of a check's first `lines` belongs to its hidden tests."""
    marks = [mark for line in lines if (mark := line.strip()) in (BEGIN, END)]
    return marks[-1:] == [BEGIN]
