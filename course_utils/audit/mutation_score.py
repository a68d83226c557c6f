"""How many mutants of a lab's solutions its checks catch, and the committed scores."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.audit.mutants import Mutant, mutants_of, sample
from course_utils.dependencies import digest, program, reached
from course_utils.labs.lab import Cell, Lab
from course_utils.topics import ROOT

FILE = "mutation_score.json"  # in a topic's folder
LEAST = 0.95  # share of the mutants that a lab's checks must catch
# What makes mutants and tries them starts here.
MEASURING = ("course_utils.audit.mutation_score",)


class EquivalentsError(ValueError):
    """A line of `equivalent_mutants.txt` is not in order."""


@dataclass(frozen=True)
class Survivor:
    """A mutant that lost no point; `reason` says why it is no other program, where the lab declares so."""

    name: str
    cell: str
    diff: str
    reason: str = ""


@dataclass(frozen=True)
class Score:
    """A lab's mutation score. `generated` is more than `tried` where a sample was taken; `broken` names one mutant
    that a check met with an error of its own instead of a message."""

    key: str
    generated: int
    tried: int
    killed: int
    survivors: tuple[Survivor, ...]
    broken: tuple[str, ...] = ()

    @property
    def declared(self) -> int:
        """Survivors that the lab declares equivalent: they do not count."""
        return sum(bool(survivor.reason) for survivor in self.survivors)

    @property
    def share(self) -> float:
        """Killed of all that count; 1 where nothing does."""
        counted = self.tried - self.declared
        return self.killed / counted if counted else 1.0

    @classmethod
    def from_plain(cls, data: dict) -> "Score":
        """`asdict`'s inverse."""
        survivors = tuple(Survivor(**survivor) for survivor in data["survivors"])
        return cls(**{**data, "survivors": survivors, "broken": tuple(data["broken"])})


def score(lab: Lab, equivalents: dict[str, str], jobs: int, few: set[str] | None = None) -> Score:
    """Try the lab's mutants, or those called as in `few`. Run it in a process of its own (see `audit.commands`).

    Raises:
        EquivalentsError: a declared mutant does not exist, or a check catches it.
    """
    from course_utils.audit.proof import runnable
    from course_utils.audit.variants import Rehearsals, Variant

    cells = runnable(lab.cells)
    everything = _everything(cells)
    unknown = set(equivalents) - {mutant.name for _, mutant in everything}
    if unknown:
        raise EquivalentsError(
            f"{lab.key}: equivalent_mutants.txt: no mutant is called {min(unknown)}; remove its line"
        )
    chosen = {mutant.name for mutant in sample([mutant for _, mutant in everything])}
    chosen &= chosen if few is None else few
    tried = [(place, mutant) for place, mutant in everything if mutant.name in chosen]
    variants = [Variant(mutant.name, {place: mutant.source}, "first") for place, mutant in tried]
    rehearsals = Rehearsals(cells, variants, jobs, f"{lab.key}, mutants")
    rehearsals.reference()
    runs = rehearsals.variants()
    survived = [mutant for _, mutant in tried if not runs[mutant.name].died and not runs[mutant.name].lost()]
    caught = set(equivalents) & chosen - {mutant.name for mutant in survived}
    if caught:
        raise EquivalentsError(
            f"{lab.key}: equivalent_mutants.txt: {min(caught)} is caught by a check; remove its line"
        )
    survivors = tuple(Survivor(m.name, m.cell, m.diff, equivalents.get(m.name, "")) for m in survived)
    broken = tuple(
        f"{mutant.diff}\n{name}: {outcome.message}"
        for _, mutant in tried
        for name, outcome in runs[mutant.name].checks.items()
        if not outcome.honest
    )
    return Score(lab.key, len(everything), len(tried), len(tried) - len(survived), survivors, broken)


def _everything(cells: tuple[Cell, ...]) -> list[tuple[int, Mutant]]:
    """All mutants, each with the place of its cell."""
    return [
        (place, mutant)
        for place, cell in enumerate(cells)
        if cell.kind == "solution"
        for mutant in mutants_of(cell)
    ]


def names(lab: Lab) -> set[str]:
    """Of the mutants that a score tries."""
    return {mutant.name for mutant in sample([mutant for _, mutant in _everything(lab.cells)])}


def equivalents(key: str, root: Path = ROOT) -> dict[str, str]:
    """Reasons by mutant, from `solutions/<key>/equivalent_mutants.txt`: lines `<name> <reason>`, `#` for remarks.

    Raises:
        EquivalentsError: a line lacks its reason.
    """
    path = root / "solutions" / key / "equivalent_mutants.txt"
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        name, _, reason = line.strip().partition(" ")
        if name and not name.startswith("#"):
            if len(reason.split()) < 3:
                raise EquivalentsError(f"{path}: {name} needs a reason of some words behind it")
            found[name] = reason.strip()
    return found


def measured(lab: Lab, root: Path = ROOT) -> str:
    """Hash of what a score measures: solutions, checks, all that they reach, and how mutants are made."""
    hashed = hashlib.sha256()
    for cell in lab.cells:
        if cell.kind in ("solution", "test"):
            hashed.update(f"{cell.kind} {cell.name} {cell.points:g}\n{program(cell.source)}\0".encode())
    sources = [cell.source for cell in lab.cells if cell.kind != "prose"]
    files = reached(sources, (f"solutions.{lab.key}.reference", *MEASURING), root)
    declared = root / "solutions" / lab.key / "equivalent_mutants.txt"
    files |= {declared} if declared.is_file() else set()
    hashed.update(digest(files, root, (lab.key,)).encode())
    return hashed.hexdigest()


def committed(key: str, root: Path = ROOT) -> dict | None:
    """A topic's committed score; None where its mutants have not been measured."""
    path = root / "solutions" / key / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def enter(result: Score, content: str, root: Path = ROOT) -> None:
    """Write the topic's committed score."""
    row = {
        "score": math.floor(1000 * result.share) / 1000,
        "killed": result.killed,
        "tried": result.tried,
        "generated": result.generated,
        "declared_equivalent": result.declared,
        "survivors": sorted(survivor.name for survivor in result.survivors),
        "measured": content,
    }
    path = root / "solutions" / result.key / FILE
    part = path.with_suffix(".part")
    part.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def complaint(key: str, root: Path = ROOT) -> str:
    """Why a topic's committed score will not do, "" where it does: missing, stale or short."""
    row = committed(key, root)
    again = f"run: course audit {key} --mutants"
    if row is None:
        return f"{key}: no mutation score in solutions/{key}/{FILE}; {again}"
    if row["measured"] != measured(Lab.load(key, root), root):
        return f"{key}: its lab has changed since its mutation score was measured; {again}"
    if row["score"] < LEAST:
        return f"{key}: its checks catch {row['score']:.1%} of the mutants, {LEAST:.0%} are due; {again}"
    return ""


def plain(result: Score) -> dict:
    """As JSON's types."""
    return asdict(result)


def shown_score(result: Score) -> str:
    """The score, each survivor with its diff, and the checks that broke."""
    sampled = f", a sample of {result.generated}" if result.tried < result.generated else ""
    lines = [
        f"  mutants   {result.killed}/{result.tried - result.declared} caught, {result.share:.1%}{sampled}"
    ]
    for survivor in sorted(result.survivors, key=lambda survivor: bool(survivor.reason)):
        head = f"declared equivalent, {survivor.reason}" if survivor.reason else "survived"
        lines += [f"    {survivor.name} {survivor.cell}: {head}", *_inset(survivor.diff)]
    if result.broken:
        lines.append(
            f"    {len(result.broken)} met a check that broke instead of saying what is wrong; the first:"
        )
        lines += _inset(result.broken[0])
    return "\n".join(lines)


def _inset(text: str) -> list[str]:
    return [f"        {line}" for line in text.splitlines()]
