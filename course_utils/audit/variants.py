"""Variants of a lab, each with some solution cells filled otherwise, run from forks taken where they part."""

import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from course_utils.audit.dependence import Dependence
from course_utils.audit.forks import Forks, in_fork
from course_utils.audit.rehearsal import Notebook, Outcome, bound_memory
from course_utils.labs.lab import Cell
from course_utils.progress import bar

CELL_SECONDS = 120.0  # CPU time of a cell where the reference's own time is not known yet
SLOW = 1.0  # CPU seconds above which a plain cell runs only where something depends on it
HANGING = 1800.0  # wall seconds after which a fork is given up

Ending = Literal["quick", "named", "first"]


@dataclass(frozen=True)
class Variant:
    """A lab with other sources in some cells (by place).

    `ending` says how far it runs: what is affected and "quick"; that and whatever the check `named` needs; or all that
    is affected until the "first" lost point. `draws` is how often a quick check is repeated with other random inputs.
    """

    name: str
    sources: dict[int, str]
    ending: Ending = "quick"
    named: str = ""
    draws: int = 1


@dataclass
class Run:
    """What became of a variant: its checks by name, errors of other cells by place; `died` where nothing came back."""

    checks: dict[str, Outcome] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    died: bool = False

    @property
    def earned(self) -> float:
        """Points of the checks that ran."""
        return sum(outcome.earned for outcome in self.checks.values())

    def lost(self) -> list[str]:
        """Names of the checks that lost points."""
        return [name for name, outcome in self.checks.items() if outcome.lost]

    def plain(self) -> dict[str, Any]:
        """As JSON's types."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: dict[str, Any] | None) -> "Run":
        """`plain`'s inverse; None is a run that died."""
        if data is None:
            return cls(died=True)
        checks = {name: Outcome(**outcome) for name, outcome in data["checks"].items()}
        errors = {int(place): text for place, text in data["errors"].items()}
        seconds = {int(place): value for place, value in data["seconds"].items()}
        return cls(checks, errors, seconds, data["died"])


class Rehearsals:
    """Runs the variants of one lab. Make it in a process of its own: it becomes the lab's `__main__`."""

    def __init__(self, cells: tuple[Cell, ...], jobs: int = 1, what: str = ""):
        """`what` stands at the progress bar."""
        self._cells, self._jobs, self._what = cells, jobs, what
        self._places = [
            place for place, cell in enumerate(cells) if cell.kind in ("code", "solution", "test")
        ]
        self._dependence = Dependence(cells)
        self._usual: dict[int, float] = {}
        self._slow: set[int] = set()

    def whole(self, variant: Variant) -> Run:
        """Run every cell from the first on, in a fork."""
        run = Run.from_plain(
            in_fork(lambda: self._execute(Notebook(), variant, self._places).plain(), HANGING)
        )
        if not variant.sources:
            self._usual = run.seconds
            self._slow = {place for place, seconds in run.seconds.items() if seconds > SLOW}
        return run

    def parting(self, variants: list[Variant]) -> dict[str, Run]:
        """Run each variant from the first cell that it changes, forked from the reference's run up to there."""
        starts: dict[int, list[Variant]] = {}
        for variant in variants:
            starts.setdefault(min(variant.sources), []).append(variant)
        notebook = Notebook()
        with bar(len(variants), self._what, "variant") as progress:
            forks = Forks(self._jobs, HANGING, progress.update)
            for place in self._places:
                if place > max(starts, default=-1):
                    break
                for variant in starts.get(place, []):
                    # What earlier cells have saved lies beside the fork's notebook too.
                    forks.start(variant.name, partial(self._part, notebook, variant, place), Path.cwd())
                if self._cells[place].kind != "test":
                    notebook.run(self._label(place), self._cells[place].source, CELL_SECONDS)
            return {name: Run.from_plain(data) for name, data in forks.finish().items()}

    def _part(self, notebook: Notebook, variant: Variant, start: int) -> dict[str, Any]:
        needed, quick = self._needed(variant, start)
        if variant.ending == "quick" or quick == needed:
            return self._execute(notebook, variant, quick).plain()
        if variant.ending == "named":
            asked = [place for place in needed if self._cells[place].name == variant.named]
            places = quick if set(asked) <= set(quick) else needed
            return self._execute(notebook, variant, places).plain()
        # Until the first lost point: the quick cells in a fork; only where they see nothing, all of them here.
        found = in_fork(lambda: self._execute(notebook, variant, quick).plain(), HANGING, Path.cwd())
        run = Run.from_plain(found)
        return run.plain() if run.died or run.lost() else self._execute(notebook, variant, needed).plain()

    def _needed(self, variant: Variant, start: int) -> tuple[list[int], list[int]]:
        """The places to run from `start` on, and those of them that are quick and need nothing slow."""
        needed = self._dependence.needed(start, variant.sources)
        return needed, self._dependence.without(needed, self._slow - set(variant.sources))

    def _execute(self, notebook: Notebook, variant: Variant, places: list[int]) -> Run:
        bound_memory()
        run = Run()
        for place in places:
            cell, started = self._cells[place], time.process_time()
            if cell.kind == "test":
                run.checks[cell.name] = self._draw(notebook, cell, variant, self._limit(place))
                run.seconds[place] = run.checks[cell.name].seconds
                if variant.ending == "first" and run.checks[cell.name].lost:
                    break
            else:
                error = notebook.run(
                    self._label(place), variant.sources.get(place, cell.source), self._limit(place)
                )
                if error:
                    run.errors[place] = error
                run.seconds[place] = time.process_time() - started
        return run

    def _draw(self, notebook: Notebook, cell: Cell, variant: Variant, seconds: float) -> Outcome:
        """The check's worst outcome over the variant's draws, or its best where a mistake must be seen on every draw.

        A slow check is drawn once.
        """
        mistake = variant.ending == "named"
        found = notebook.check(cell, 0, seconds)
        draws = 1 if found.seconds >= SLOW or (mistake and cell.name != variant.named) else variant.draws
        for draw in range(1, draws):
            if found.lost is not mistake:
                break
            found = notebook.check(cell, draw, seconds)
        return found

    def _limit(self, place: int) -> float:
        """CPU seconds that a cell may take: ten times the reference's, and some to spare."""
        return 2.0 + 10 * self._usual[place] if place in self._usual else CELL_SECONDS

    def _label(self, place: int) -> str:
        return self._cells[place].name or str(place)
