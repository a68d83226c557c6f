"""What grading a submission found."""

from dataclasses import dataclass, field
from typing import Any, Literal

CheckStatus = Literal["passed", "partial", "failed", "error", "timeout", "crashed", "manual", "not run"]
CellStatus = Literal["ok", "error", "timeout", "crashed", "not run"]

KINDS = ("stdout", "stderr", "text", "png")


@dataclass(frozen=True)
class CheckResult:
    """One check, or one answer to be marked by hand (status "manual").

    `message` says what was checked, expected, got and where to look; it never shows a hidden test.
    """

    name: str
    points: float
    max_points: float
    status: CheckStatus
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class CellResult:
    """One of the student's cells, for feedback only: nothing in it is evidence of anything.

    `outputs` are [kind, text] pairs; kind is stdout, stderr, text, or png (base64). `error` is class, text and line.
    """

    name: str
    source: str
    status: CellStatus
    outputs: tuple[tuple[str, str], ...] = ()
    error: tuple[str, str, str] | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """A submission's marks and what its author and the teacher are to be told.

    `status` is "graded", or "refused" where the submission could not be read; `reason` says why in one line.
    """

    key: str
    digest: str
    status: Literal["graded", "refused"]
    reason: str = ""
    checks: tuple[CheckResult, ...] = ()
    cells: tuple[CellResult, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    layers: tuple[str, ...] = field(default=())

    @property
    def points(self) -> float:
        """Points earned."""
        return sum(check.points for check in self.checks)

    @property
    def max_points(self) -> float:
        """Points that could be earned, answers marked by hand included."""
        return sum(check.max_points for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries, for `json.dumps`."""
        checks, cells = ([{**vars(one)} for one in part] for part in (self.checks, self.cells))
        return {**vars(self), "checks": checks, "cells": cells}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Verdict":
        """`to_json`'s inverse."""
        checks = tuple(CheckResult(**check) for check in data["checks"])
        cells = tuple(_cell(cell) for cell in data["cells"])
        plain = {"notes": tuple(data["notes"]), "layers": tuple(data["layers"])}
        return cls(**{**data, **plain, "checks": checks, "cells": cells})


def _cell(data: dict[str, Any]) -> CellResult:
    outputs = tuple((kind, text) for kind, text in data["outputs"])
    error = None if data["error"] is None else tuple(data["error"])
    return CellResult(**{**data, "outputs": outputs, "error": error})


def cell_result(name: str, source: str, told: Any, late: bool, seconds: float) -> CellResult:
    """A cell's outcome from what the student's process says of it: plain types, known kinds, bounded by the wire."""
    told = told if type(told) is dict else {}
    pairs = told.get("outputs") if type(told.get("outputs")) is list else []
    outputs = tuple(
        (pair[0], pair[1])
        for pair in pairs
        if type(pair) is list and len(pair) == 2 and type(pair[1]) is str and pair[0] in KINDS
    )
    error = told.get("error")
    words = None
    if type(error) is list and len(error) == 3:
        words = (str(error[0])[:200], str(error[1])[:2000], str(error[2])[:500])
    status: CellStatus = "timeout" if late else "error" if words else "ok"
    return CellResult(name, source, status, outputs, words, seconds)
