"""One other answer to an exercise, wrong or right."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Answer:
    """One way to fill one solution cell.

    `check` is the test cell in which a wrong answer must lose points ("" for a right one); `why` says what it does.
    """

    kind: Literal["wrong", "right"]
    cell: str
    source: str
    why: str
    check: str = ""
