"""Variants of a lab, each with some solution cells filled otherwise, run from forks taken where they part.

The reference is run once. Wherever variants part from it a fork is left standing. Once the reference has passed, and
it is known how long its cells take, these forks are let go one after another, and fork in their turn for each variant.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from course_utils.audit.dependence import Dependence
from course_utils.audit.forks import Forks, Standing, in_fork
from course_utils.audit.rehearsal import Notebook, Outcome, bound_memory
from course_utils.labs.lab import Cell
from course_utils.progress import bar

CELL_SECONDS = 120.0  # CPU time of a cell where the reference's own time is not known yet
SLOW = 1.0  # CPU seconds above which a plain cell runs only where something depends on it, and a check is drawn once
HANGING = 1800.0  # wall seconds after which a fork is given up

Ending = Literal["all", "quick", "named", "first"]


@dataclass(frozen=True)
class Variant:
    """A lab with other sources in some cells (by place).

    `ending` says how far it runs: to the end ("all"); the affected checks that are "quick"; the check `named`, and
    more only where that loses nothing; or all affected checks until the "first" lost point. Of other cells those run
    that these checks depend on: what no check asks for says nothing here, and the engine runs it with right answers.
    `draws` is how often a quick check is repeated with other random inputs. Where it has `members`, it stands for them:
    they are run by themselves, and reported, only where it loses anything.
    """

    name: str
    sources: dict[int, str]
    ending: Ending = "quick"
    named: str = ""
    draws: int = 1
    members: tuple["Variant", ...] = ()

    @property
    def alone(self) -> tuple["Variant", ...]:
        """What is reported: its members, or itself."""
        return self.members or (self,)


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

    def __init__(
        self,
        cells: tuple[Cell, ...],
        variants: list[Variant],
        jobs: int = 1,
        what: str = "",
        nets: Path | None = None,
    ):
        """`what` stands at the progress bar. A net that lies in `nets` is not trained again by the reference."""
        self._cells, self._jobs, self._what, self._nets = cells, jobs, what, nets
        self._places = [
            place for place, cell in enumerate(cells) if cell.kind in ("code", "solution", "test")
        ]
        self._dependence = Dependence(cells)
        self._starts: dict[int, list[Variant]] = {}
        for variant in variants:
            self._starts.setdefault(min(variant.sources), []).append(variant)
        self._standing: list[Standing] = []
        self._usual: dict[int, float] = {}
        self._slow: set[int] = set()

    def reference(self, draws: int = 1) -> Run:
        """Run every cell from the first to the last, each check in a fork; forks stay standing where variants part."""
        run, notebook, trained = Run(), Notebook(), set()
        checks = Forks(self._jobs, HANGING)
        variant = Variant("reference", {}, draws=draws)
        for place in self._places:
            cell = self._cells[place]
            if place in self._starts:
                work = partial(self._parted, notebook, self._starts[place], place)
                self._standing.append(Standing(work, Path.cwd()))
            if cell.kind == "test":
                # What earlier cells have saved lies beside the fork's notebook too.
                drawn = partial(self._drawn, notebook, cell, variant)
                checks.start(str(place), drawn, Path.cwd())
                continue
            if self._laid(cell.trains):
                trained.add(place)
                continue
            started = time.process_time()
            error = notebook.run(self._label(place), cell.source, CELL_SECONDS)
            run.seconds[place] = time.process_time() - started
            if error:
                run.errors[place] = error
        for name, data in checks.finish().items():
            outcome = Outcome(**data) if data else Outcome(1, 0, "the check's process died or hung", False)
            run.checks[self._cells[int(name)].name] = outcome
            run.seconds[int(name)] = outcome.seconds
        self._usual = run.seconds
        self._slow = trained | {place for place, seconds in run.seconds.items() if seconds > SLOW}
        return run

    def _laid(self, name: str) -> bool:
        """Lay a net that is trained already where the cell that trains it would save it: only from here on."""
        file = f"{name}.safetensors"
        if not name or self._nets is None or not (self._nets / file).is_file():
            return False
        shutil.copy(self._nets / file, file)
        return True

    def _drawn(self, notebook: Notebook, cell: Cell, variant: Variant) -> dict[str, Any]:
        bound_memory()
        return asdict(self._draw(notebook, cell, variant, CELL_SECONDS))

    def variants(self) -> dict[str, Run]:
        """Run each variant from the first cell that it changes; once, after the reference."""
        found: dict[str, Run] = {}
        reported = [
            one.name for variants in self._starts.values() for variant in variants for one in variant.alone
        ]
        known = {"usual": self._usual, "slow": sorted(self._slow)}
        with bar(len(reported), self._what, "variant") as progress:
            for standing in self._standing:
                results = standing.go(known, progress.update)
                found |= {name: Run.from_plain(data) for name, data in results.items()}
        return found | {name: Run(died=True) for name in reported if name not in found}

    def _parted(
        self,
        notebook: Notebook,
        variants: list[Variant],
        place: int,
        known: dict[str, Any],
        done: Callable[[], object],
    ) -> dict[str, Any]:
        """In a fork that stood at `place`: fork for each of its variants that is not decided with the others."""
        self._usual = {int(where): seconds for where, seconds in known["usual"].items()}
        self._slow = set(known["slow"])
        decided = self._in_company(notebook, variants, place)
        decided |= self._together(notebook, [variant for variant in variants if not variant.members], place)
        forks = Forks(self._jobs, HANGING, done)
        for one in [one for variant in variants for one in variant.alone]:
            if one.name in decided:
                done()
            else:
                forks.start(one.name, partial(self._part, notebook, one, place), Path.cwd())
        return decided | forks.finish()

    def _in_company(self, notebook: Notebook, variants: list[Variant], start: int) -> dict[str, Any]:
        """The members of those that lose nothing and end without an error: what became of them all."""
        forks = Forks(self._jobs, HANGING)
        standing_for = {variant.name: variant.members for variant in variants if variant.members}
        for variant in variants:
            if variant.members:
                forks.start(variant.name, partial(self._part, notebook, variant, start), Path.cwd())
        runs = {name: Run.from_plain(data) for name, data in forks.finish().items()}
        return {
            member.name: run.plain()
            for name, run in runs.items()
            if not (run.died or run.errors or run.lost())
            for member in standing_for[name]
        }

    def _together(self, notebook: Notebook, variants: list[Variant], start: int) -> dict[str, Any]:
        """Try the first check of many in one fork, one after another: a fork costs ten times as much as most checks.

        Those that lose a point there are decided. At last the reference must pass in the same fork, so that nothing
        that one has left behind speaks against the next; else all are left to forks of their own, as is what is slow.
        """
        tried = {
            variant.name: (variant, places)
            for variant in variants
            if (places := self._first(variant, start)) and not set(places) & self._slow - set(variant.sources)
        }

        def work() -> dict[str, Any]:
            found = {
                name: self._execute(notebook, variant, places) for name, (variant, places) in tried.items()
            }
            every = sorted({place for _, places in tried.values() for place in places})
            again = self._execute(notebook, Variant("reference", {}, "first"), every)
            sound = not again.lost() and not again.errors
            return {name: run.plain() for name, run in found.items() if sound and run.lost()}

        return (in_fork(work, HANGING, Path.cwd()) or {}) if len(tried) > 1 else {}

    def dismiss(self) -> None:
        """End the standing forks."""
        for standing in self._standing:
            standing.dismiss()

    def _part(self, notebook: Notebook, variant: Variant, start: int) -> dict[str, Any]:
        if variant.ending == "all":
            places = [place for place in self._places if place >= start or self._cells[place].kind == "test"]
            return self._execute(notebook, variant, places).plain()
        # The check that must see it, and what that needs; only where it sees nothing, the others too.
        first = self._first(variant, start)
        run = self._tried(notebook, variant, first) if first else Run()
        if run.died or run.lost():
            return run.plain()
        needed, quick = self._needed(variant, start)
        if variant.ending == "quick" or (quick == needed and not first):
            return self._execute(notebook, variant, quick).plain()
        if variant.ending == "named":
            asked = [place for place in needed if self._cells[place].name == variant.named]
            places = quick if set(asked) <= set(quick) else needed
            return self._execute(notebook, variant, places).plain()
        run = self._tried(notebook, variant, quick)
        if run.died or run.lost() or quick == needed:
            return run.plain()
        return self._execute(notebook, variant, needed).plain()

    def _tried(self, notebook: Notebook, variant: Variant, places: list[int]) -> Run:
        """Run these places in a fork, so that others can be run after them as if nothing had been."""
        return Run.from_plain(
            in_fork(lambda: self._execute(notebook, variant, places).plain(), HANGING, Path.cwd())
        )

    def _first(self, variant: Variant, start: int) -> list[int]:
        """What the named check needs (or the first that is quick), and that check; nothing where it is not affected."""
        if variant.ending not in ("named", "first"):
            return []
        checks = [
            place
            for place in self._dependence.affected(start, variant.sources)
            if self._cells[place].kind == "test"
            and (variant.ending == "first" or self._cells[place].name == variant.named)
        ]
        if not checks:
            return []
        places = [place for place in self._dependence.asked(checks[0], variant.sources) if place >= start]
        slow = set(places) & self._slow - set(variant.sources)
        return [] if slow and variant.ending == "first" else places

    def _needed(self, variant: Variant, start: int) -> tuple[list[int], list[int]]:
        """The places to run from `start` on, and those of them that are quick and need nothing slow."""
        needed = self._dependence.judged(start, variant.sources)
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
