"""Small Python programs, and what they print: for nets that learn to execute. Generated, at any level of difficulty.

    a=47
    for n in range(3):a+=25
    print(a-18)

At level n numbers have up to n digits; a loop runs up to n times, at most nine. Whoever reads one from left to right
can keep what matters in a few numbers.
"""

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

ALPHABET = "0123456789abefginoprt+-*=(): \n."  # a full stop ends the printed number


SIZES = {"train": 2000, "val": 300, "test": 1000}
LEVELS = {"mini": 2, "full": 9}


def load(tier: str, split: str) -> TensorDataset:
    """Sums of two numbers of two digits (mini) or nine (full), backwards, as `encode` gives them."""
    check(split, tier)
    rng = random.Random(1410 + SPLITS.index(split))
    return TensorDataset(*encode([backwards(LEVELS[tier], rng) for _ in range(SIZES[split])]))


def encode(examples: Sequence[tuple[str, str]]) -> tuple[Tensor, Tensor]:
    """Programs and what they print, as one row of characters each.

    Returns:
        Codes (N, T), indices of `ALPHABET`: spaces, the program, a line break, its output, a full stop; all end
        together. And (N, T - 1): whether what comes behind a character belongs to the output.
    """
    texts = [f"{text}\n{printed}." for text, printed in examples]
    length = max(map(len, texts))
    codes = torch.tensor([[ALPHABET.index(c) for c in text.rjust(length)] for text in texts])
    due = torch.tensor([[False] * (length - len(out) - 2) + [True] * (len(out) + 1) for _, out in examples])
    return codes, due


def addition(level: int, rng: random.Random) -> tuple[str, str]:
    """A program that prints the sum of two numbers of `level` digits each, and what it prints.

    >>> addition(2, random.Random(0))
    ('print(59+63)', '122')
    """
    a, b = (rng.randrange(10 ** (level - 1), 10**level) for _ in range(2))
    return f"print({a}+{b})", str(a + b)


def backwards(level: int, rng: random.Random) -> tuple[str, str]:
    """A program of `addition`, and its sum from the lowest digit on, as one adds by hand.

    >>> backwards(2, random.Random(0))
    ('print(59+63)', '221')
    """
    text, printed = addition(level, rng)
    return text, printed[::-1]


def loop(level: int, rng: random.Random) -> tuple[str, str]:
    """A program with a variable and a loop, and what it prints.

    >>> print(loop(2, random.Random(1))[0])
    a=17
    for n in range(1):a-=72
    print(a+97)
    """
    a, b, c = (rng.randrange(10**level) for _ in range(3))
    times = rng.randint(1, min(level, 9))
    sign, other = rng.choice("+-"), rng.choice("+-")
    text = f"a={a}\nfor n in range({times}):a{sign}={b}\nprint(a{other}{c})"
    value = a + (b if sign == "+" else -b) * times
    return text, str(value + (c if other == "+" else -c))


KINDS = (addition, loop)
