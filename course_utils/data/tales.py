"""Tales: sentences of a small grammar, one after another, character by character. Generated; their entropy is known.

    the proud queen that sees the foxes calls the boys in the castle, and she is glad.

What a reader must keep in mind stands far apart: the verb's number is that of a noun before the clause, and the pronoun
at the end is that of the first noun. Kings and queens are proud in castles, men and women busy in fields.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from torch import Tensor

from course_utils.data.splits import SPLITS, check
from course_utils.data.text import Text, encode

SENTENCES = {"train": 2000, "val": 200, "test": 300}
# Singular, plural, pronoun, and where somebody belongs.
NOUNS = (
    ("king", "kings", "he", "court"),
    ("queen", "queens", "she", "court"),
    ("prince", "princes", "he", "court"),
    ("princess", "princesses", "she", "court"),
    ("man", "men", "he", "farm"),
    ("woman", "women", "she", "farm"),
    ("boy", "boys", "he", "farm"),
    ("girl", "girls", "she", "farm"),
    ("fox", "foxes", "it", "wood"),
    ("hare", "hares", "it", "wood"),
)
ADJECTIVES = {
    "court": ("proud", "noble", "rich"),
    "farm": ("busy", "poor", "honest"),
    "wood": ("quick", "shy", "wild"),
}
PLACES = {
    "court": ("in the castle", "at the feast"),
    "farm": ("in the field", "at the market"),
    "wood": ("in the forest", "at the river"),
}
VERBS = (("sees", "see"), ("hears", "hear"), ("follows", "follow"), ("finds", "find"), ("calls", "call"))
MOODS = ("glad", "tired", "hungry", "afraid")
ALPHABET = " ,.abcdefghiklmnopqrstuvwxy"  # what the words above are written in


class Draw:
    """Choices that are all equally likely, and the surprise of those that were made, in nats."""

    def __init__(self, rng: np.random.RandomState):
        self.rng, self.nats = rng, 0.0

    def of(self, options: Sequence[Any]) -> Any:
        """One of them."""
        self.nats += math.log(len(options))
        return options[self.rng.randint(len(options))]


def load(tier: str, split: str) -> Text:
    """The split's characters as codes, of `ALPHABET`. Both tiers are the same set."""
    check(split, tier)
    return Text(_codes(split), ALPHABET)


def entropy(split: str) -> float:
    """How surprising the split's text is to who knows the grammar, in nats a character: no reader does better."""
    check(split)
    text, nats = _made(split)
    return nats / len(text)


@cache
def _codes(split: str) -> Tensor:
    return encode(_made(split)[0], ALPHABET)


@cache
def _made(split: str) -> tuple[str, float]:
    draw = Draw(np.random.RandomState([SPLITS.index(split), 1997]))
    return "".join(_sentence(draw) for _ in range(SENTENCES[split])), draw.nats


def _sentence(draw: Draw) -> str:
    noun, many = draw.of(NOUNS), draw.of((0, 1))
    pronoun, home = noun[2], noun[3]
    words = ["the", draw.of(ADJECTIVES[home]), noun[many]]
    if draw.of((True, False)):
        words += ["that", draw.of(VERBS)[many], "the", draw.of(NOUNS)[draw.of((0, 1))]]
    words += [draw.of(VERBS)[many], "the", draw.of(NOUNS)[draw.of((0, 1))], draw.of(PLACES[home])]
    feeling = "they are" if many else f"{pronoun} is"
    return f"{' '.join(words)}, and {feeling} {draw.of(MOODS)}. "
