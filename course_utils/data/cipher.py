"""Sentences of a small language, and of its cipher: words have their letters backwards and stand in another order.

    the red cat finds the old boat   ->   eht tac der eht taob dlo sdnif

The cipher's adjectives stand behind their nouns, and its verbs at the end. Generated. The sentences of the training
part's two sides are not the same ones; those of the other parts are pairs.
"""

import numpy as np
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.bitext import END, MARKS, padded
from course_utils.data.splits import SPLITS, check

# Each kind of word: how often its words occur, and the share of phrases that have one.
SUBJECTS = {"cat": 0.40, "dog": 0.27, "fox": 0.16, "crow": 0.11, "mouse": 0.06}
VERBS = {"finds": 0.46, "wants": 0.25, "follows": 0.20, "hides": 0.09}
THINGS = {"boat": 0.33, "lamp": 0.225, "drum": 0.188, "apple": 0.137, "key": 0.12}
ADJECTIVES = {"red": 0.48, "old": 0.27, "small": 0.16, "green": 0.09}
ADORNED = (0.5, 0.6)  # subjects and things that have an adjective
SIZES = {"train": 12000, "val": 300, "test": 500}
LENGTH = 8  # words of the longest sentence, and its end

PLAIN_WORDS = ("the", *sorted([*SUBJECTS, *VERBS, *THINGS, *ADJECTIVES]))
SECRET_WORDS = tuple(sorted(word[::-1] for word in PLAIN_WORDS))
LANGUAGES = (MARKS + PLAIN_WORDS, MARKS + SECRET_WORDS)  # words by their codes
WORDS = len(LANGUAGES[0])


def load(tier: str, split: str) -> TensorDataset:
    """Sentences of the language (N, 8) and of the cipher (N, 8), int64, `END` behind each, padded.

    Row i of the one translates row i of the other in val and test, not in train. Both tiers are the same set.
    """
    check(split, tier)
    rng = np.random.RandomState([SPLITS.index(split), 1711])
    plain = _sentences(rng, SIZES[split])
    secret = _sentences(rng, SIZES[split]) if split == "train" else plain
    return TensorDataset(
        _codes([_plain(*parts) for parts in plain], 0), _codes([_secret(*parts) for parts in secret], 1)
    )


def say(codes: Tensor, language: int) -> str:
    """The words of a row of codes up to its end, in language 0 or 1."""
    words = []
    for code in codes.tolist():
        if code < len(MARKS):
            break
        words.append(LANGUAGES[language][code])
    return " ".join(words)


def partners() -> list[int]:
    """For each code of the language the code of the cipher that it stands for: the truth that nobody is told."""
    return [
        *range(len(MARKS)),
        *(LANGUAGES[1].index(word[::-1]) for word in PLAIN_WORDS),
    ]


def _sentences(rng: np.random.RandomState, n: int) -> list[tuple[list[str], str, list[str]]]:
    """n times a subject and a thing, each with its adjective if it has one, and the verb between them."""
    phrases = []
    for nouns, share in zip((SUBJECTS, THINGS), ADORNED):
        adorned, adjective, noun = rng.rand(n) < share, _draws(ADJECTIVES, rng, n), _draws(nouns, rng, n)
        phrases.append([[a, word] if has else [word] for has, a, word in zip(adorned, adjective, noun)])
    return list(zip(phrases[0], _draws(VERBS, rng, n), phrases[1]))


def _draws(words: dict[str, float], rng: np.random.RandomState, n: int) -> list[str]:
    return list(rng.choice(list(words), n, p=list(words.values())))


def _plain(subject: list[str], verb: str, thing: list[str]) -> list[str]:
    return ["the", *subject, verb, "the", *thing]


def _secret(subject: list[str], verb: str, thing: list[str]) -> list[str]:
    words = ["the", *subject[::-1], "the", *thing[::-1], verb]
    return [word[::-1] for word in words]


def _codes(sentences: list[list[str]], language: int) -> Tensor:
    place = {word: code for code, word in enumerate(LANGUAGES[language])}
    return padded([[*(place[word] for word in words), END] for words in sentences], LENGTH)
