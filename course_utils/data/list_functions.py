"""List functions by example: those that DreamCoder was judged by (full; Ellis et al., 2021), or a few of ours (mini).

    [3, 1, 2] -> [1, 2, 3]      [5, 5] -> [5, 5]      ...

Full: of the 217 functions those 200 whose results are numbers or lists; 30 of their inputs are a number. Of each
task repeated examples are left out. Every fourth is `val`, others are `test`; there is nothing to train on: programs
for that are drawn.
"""

import gzip
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

Tasks = dict[str, list[tuple[Any, Any]]]  # by name: inputs and what is due

OURS: dict[str, Callable[[list[int]], Any]] = {
    "add 1": lambda xs: [x + 1 for x in xs],
    "double": lambda xs: [2 * x for x in xs],
    "keep the even": lambda xs: [x for x in xs if x % 2 == 0],
    "largest": max,
    "second smallest": lambda xs: sorted(xs)[1],
    "all but the first": lambda xs: xs[1:],
    "sum of squares": lambda xs: sum(x * x for x in xs),
    "largest first": lambda xs: sorted(xs, reverse=True),
}
EXAMPLES = 10  # of each of ours


def load(tier: str, split: str) -> Tasks:
    """The split's tasks."""
    check(split, tier)
    return _ours(split) if tier == "mini" else _real(split)


def _ours(split: str) -> Tasks:
    rng = np.random.RandomState([SPLITS.index(split), 2020])
    tasks: Tasks = {}
    for name, function in OURS.items():
        inputs = [rng.randint(0, 8, rng.randint(3, 7)).tolist() for _ in range(EXAMPLES)]
        tasks[name] = _once((xs, function(xs)) for xs in inputs)
    return tasks


def _real(split: str) -> Tasks:
    if split == "train":
        return {}
    with gzip.open(fetch(DATASETS["list_functions"].files[0]), "rt", encoding="utf-8") as stream:
        rows = [row for row in json.load(stream) if row["type"]["output"] != "bool"]
    chosen = [row for n, row in enumerate(rows) if (n % 4 == 3) == (split == "val")]
    return {row["name"]: _once((one["i"], one["o"]) for one in row["examples"]) for row in chosen}


def _once(examples: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Examples without repeated inputs, in order."""
    return list({repr(given): (given, due) for given, due in examples}.values())
