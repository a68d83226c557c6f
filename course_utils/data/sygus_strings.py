"""Strings rewritten by example: tasks of the SyGuS competition (full), or a few of ours (mini).

    Nancy FreeHafer -> N.F.      Andrew Cencici -> A.C.      ...

Full: of the 210 files those that make a string of strings and hold at least five different examples; several inputs
are joined by a space, and of files that begin with the same two examples the longest is kept. Every fourth task is
`val`, others are `test`; there is nothing to train on: programs for that are drawn.
"""

import io
import re
import tarfile
from collections.abc import Callable

import numpy as np

from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

Tasks = dict[str, list[tuple[str, str]]]  # by name: inputs and what is due

FIRST = ("Ada", "Alan", "Grace", "Emmy", "Edsger", "Barbara", "Kurt", "Sofia", "Noam", "Rosa")
LAST = ("Lovelace", "Turing", "Hopper", "Noether", "Dijkstra", "Liskov", "Godel", "Kovalevskaya")
OURS: dict[str, Callable[[str, str, int], tuple[str, str]]] = {
    "last name first": lambda a, b, n: (f"{a} {b}", f"{b}, {a}"),
    "initials": lambda a, b, n: (f"{a} {b}", f"{a[0]}.{b[0]}."),
    "mail": lambda a, b, n: (f"{a.lower()}.{b.lower()}@mail", f"{a} {b}"),
    "year": lambda a, b, n: (f"{a} {b} ({n})", f"{n}"),
    "label": lambda a, b, n: (f"{a}/{b}:{n}", f"{b.upper()}-{n}"),
}
EXAMPLES = 8  # of each of ours
LEAST = 5  # different examples of a real task

_CONSTRAINT = re.compile(r"\(constraint \(= \(f ((?:\"(?:[^\"]|\"\")*\" ?)+)\) (\"(?:[^\"]|\"\")*\")\)\)")
_STRING = re.compile(r"\"((?:[^\"]|\"\")*)\"")


def load(tier: str, split: str) -> Tasks:
    """The split's tasks."""
    check(split, tier)
    return _ours(split) if tier == "mini" else _real(split)


def _ours(split: str) -> Tasks:
    rng = np.random.RandomState([SPLITS.index(split), 2011])
    tasks: Tasks = {}
    for name, function in OURS.items():
        drawn: dict[str, str] = {}
        while len(drawn) < EXAMPLES:
            first, last = FIRST[rng.randint(len(FIRST))], LAST[rng.randint(len(LAST))]
            drawn.update([function(first, last, rng.randint(1800, 2000))])
        tasks[name] = list(drawn.items())
    return tasks


def _real(split: str) -> Tasks:
    kept: dict[tuple[tuple[str, str], ...], tuple[str, list[tuple[str, str]]]] = {}
    for name, text in _files():
        examples = list({given: (given, due) for given, due in _examples(text)}.values())
        if len(examples) >= LEAST:
            mark = tuple(examples[:2])
            if mark not in kept or len(kept[mark][1]) < len(examples):
                kept[mark] = (name, examples)
    chosen = sorted(kept.values())
    return {
        name: examples
        for n, (name, examples) in enumerate(chosen)
        if split != "train" and (n % 4 == 3) == (split == "val")
    }


def _files() -> list[tuple[str, str]]:
    found = []
    with tarfile.open(fetch(DATASETS["sygus_strings"].files[0])) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member) if member.name.endswith(".sl") else None
            if stream is not None:
                name = member.name.rpartition("/")[2].removesuffix(".sl")
                found.append((name, io.TextIOWrapper(stream, encoding="utf-8").read()))
    return sorted(found)


def _examples(text: str) -> list[tuple[str, str]]:
    found = _CONSTRAINT.findall(text)
    return [(_plain(" ".join(_STRING.findall(given))), _plain(due[1:-1])) for given, due in found]


def _plain(text: str) -> str:
    """A quotation mark stands twice within a string of SMT-LIB."""
    return text.replace('""', '"')
