"""A small language of lists of whole numbers, after that of DeepCoder (Balog et al., arXiv:1611.01989, appendix F).

A program is a tuple of lines. A line is a tuple: the name of an operation, then where its arguments stand, counted from
0 over the program's inputs and the results of the lines before. With one input, the program

    (("filter even", 0), ("map *2", 1), ("sum", 2))

keeps the even numbers of the input (number 0), doubles what was kept (number 1), and adds that up (number 2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, product
from typing import Any

import numpy as np

LEAST, MOST = -256, 255  # a number that leaves this range is an error
LONGEST = 20  # a list that is longer is an error
EXAMPLES = 5  # of a drawn problem

Value = int | list[int]
Line = tuple[Any, ...]  # name, places of arguments
Program = tuple[Line, ...]


@dataclass(frozen=True)
class Operation:
    """What an operation takes and gives ("int" or "list"), and what it does.

    `do` raises ValueError where there is no answer, such as the first number of an empty list.
    """

    takes: tuple[str, ...]
    gives: str
    do: Callable[..., Value]


def kind(value: Value) -> str:
    """ "list" or "int"."""
    return "list" if isinstance(value, list) else "int"


def checked(value: Value) -> Value:
    """The value as it is.

    Raises:
        ValueError: a number is outside -256 to 255, or a list longer than 20.
    """
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) > LONGEST:
        raise ValueError(f"a list of {len(numbers)} numbers: at most {LONGEST} are allowed")
    for number in numbers:
        if not LEAST <= number <= MOST:
            raise ValueError(f"{number} is outside {LEAST} to {MOST}")
    return value


def _at(numbers: list[int], place: int) -> int:
    if not 0 <= place < len(numbers):
        raise ValueError(f"no number at place {place} of {len(numbers)}")
    return numbers[place]


def _some(numbers: list[int], do: Callable[[list[int]], int]) -> int:
    if not numbers:
        raise ValueError("an empty list has none")
    return do(numbers)


MAPS: dict[str, Callable[[int], int]] = {
    "+1": lambda x: x + 1,
    "-1": lambda x: x - 1,
    "*2": lambda x: x * 2,
    "/2": lambda x: x // 2,
    "*3": lambda x: x * 3,
    "/3": lambda x: x // 3,
    "*4": lambda x: x * 4,
    "/4": lambda x: x // 4,
    "*-1": lambda x: -x,
    "**2": lambda x: x * x,
}
TESTS: dict[str, Callable[[int], bool]] = {
    ">0": lambda x: x > 0,
    "<0": lambda x: x < 0,
    "even": lambda x: x % 2 == 0,
    "odd": lambda x: x % 2 == 1,
}
PAIRS: dict[str, Callable[[int, int], int]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "min": min,
    "max": max,
}


def _operations() -> dict[str, Operation]:
    one, two = ("list",), ("int", "list")
    table = {
        "head": Operation(one, "int", lambda xs: _at(xs, 0)),
        "last": Operation(one, "int", lambda xs: _at(xs, len(xs) - 1)),
        "minimum": Operation(one, "int", lambda xs: _some(xs, min)),
        "maximum": Operation(one, "int", lambda xs: _some(xs, max)),
        "sum": Operation(one, "int", sum),
        "access": Operation(two, "int", lambda n, xs: _at(xs, n)),
        "take": Operation(two, "list", lambda n, xs: xs[: max(n, 0)]),
        "drop": Operation(two, "list", lambda n, xs: xs[max(n, 0) :]),
        "tail": Operation(one, "list", lambda xs: xs[1:]),
        "reverse": Operation(one, "list", lambda xs: xs[::-1]),
        "sort": Operation(one, "list", sorted),
    }
    for name, f in MAPS.items():
        table[f"map {name}"] = Operation(one, "list", lambda xs, f=f: [f(x) for x in xs])
    for name, f in TESTS.items():
        table[f"filter {name}"] = Operation(one, "list", lambda xs, f=f: [x for x in xs if f(x)])
    for name, f in TESTS.items():
        table[f"count {name}"] = Operation(one, "int", lambda xs, f=f: sum(map(f, xs)))
    for name, g in PAIRS.items():
        table[f"zip {name}"] = Operation(
            ("list", "list"), "list", lambda xs, ys, g=g: [g(x, y) for x, y in zip(xs, ys)]
        )
    for name, g in PAIRS.items():
        table[f"scan {name}"] = Operation(one, "list", lambda xs, g=g: list(accumulate(xs, g)))
    return table


OPERATIONS: dict[str, Operation] = _operations()
NAMES: tuple[str, ...] = tuple(OPERATIONS)


def arguments(takes: tuple[str, ...], kinds: list[str]) -> list[tuple[int, ...]]:
    """All ways to choose arguments of the kinds `takes` among values of these kinds, by place."""
    return list(product(*([n for n, k in enumerate(kinds) if k == due] for due in takes)))


def draw_program(rng: np.random.RandomState, length: int) -> Program:
    """A well-typed program of one list, each line of which uses the line before it."""
    kinds = ["list"]
    lines: list[Line] = []
    while len(lines) < length:
        name = NAMES[rng.randint(len(NAMES))]
        takes = OPERATIONS[name].takes
        ways = [w for w in arguments(takes, kinds) if len(kinds) - 1 in w]
        if ways:
            lines.append((name, *ways[rng.randint(len(ways))]))
            kinds.append(OPERATIONS[name].gives)
    return tuple(lines)


def draw_lists(rng: np.random.RandomState, count: int) -> list[list[Value]]:
    """Inputs of so many examples: one list each, of 4 to 8 numbers, all problem's numbers from one range."""
    least, most = ((0, 8), (-8, 9), (-30, 31))[rng.randint(3)]
    return [[rng.randint(least, most, rng.randint(4, 9)).tolist()] for _ in range(count)]
