"""Strings of letters, and the same strings read backwards: for encoders and decoders. Generated.

    abcad  ->  dacba

The whole string must be known before its first letter can be written, and no letter follows from those before it.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.bitext import END, MARKS, padded
from course_utils.data.splits import check

ALPHABET = "abcdefghijkl"  # coded from 3 on: padding, the end and the unknown come first
SIZES = {"train": 8000, "val": 400, "test": 1000}
LENGTHS = {"train": range(2, 16), "val": range(2, 16), "test": (5, 10, 15, 20)}  # in turn


def load(tier: str, split: str) -> TensorDataset:
    """Strings (N, S) and the same backwards with `END` behind them (N, S + 1), int64, padded at their ends.

    S is the longest length of the split. No string of four letters or more stands twice, in whatever splits.
    """
    check(split, tier)
    rng, seen = np.random.RandomState(1409), set()
    rows: dict[str, list[tuple[int, ...]]] = {name: [] for name in SIZES}
    for name, size in SIZES.items():
        while len(rows[name]) < size:
            length = LENGTHS[name][len(rows[name]) % len(LENGTHS[name])]
            row = tuple(rng.randint(len(MARKS), len(MARKS) + len(ALPHABET), length).tolist())
            if length < 4 or row not in seen:  # there are few short ones
                seen.add(row)
                rows[name].append(row)
    return TensorDataset(padded(rows[split]), padded([(*row[::-1], END) for row in rows[split]]))


def decode(codes: Tensor) -> str:
    """The letters of a row of codes, up to its end.

    >>> decode(torch.tensor([3, 4, END, 3]))
    'ab'
    """
    letters = []
    for code in codes.tolist():
        if code < len(MARKS):
            break
        letters.append(ALPHABET[code - len(MARKS)])
    return "".join(letters)


def encode(text: str) -> Tensor:
    """Codes of letters, (S,).

    Raises:
        ValueError: a letter is not of `ALPHABET`.

    >>> encode("ab")
    tensor([3, 4])
    """
    strange = sorted(set(text) - set(ALPHABET))
    if strange:
        raise ValueError(f"encode: expected letters of {ALPHABET!r}, got {strange[0]!r}; use only those.")
    return torch.tensor([len(MARKS) + ALPHABET.index(letter) for letter in text])
