"""English sentences with their French: Multi30k (full), or a small grammar (mini).

Full: task 1 of Multi30k (Elliott et al., 2016, arXiv:1605.00459; French by Elliott et al., 2017),
29,000 / 1,014 / 1,000 captions.
Mini: generated sentences whose French has to move adjectives and to agree in gender, as real French does.
"""

import gzip
from dataclasses import dataclass
from itertools import product

import numpy as np

from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import check, take

SIZES = {"train": 4000, "val": 400, "test": 800}
_FILES = {"train": "train", "val": "val", "test": "test_2016_flickr"}


@dataclass(frozen=True)
class Pairs:
    """Line i of `target` translates line i of `source`. Lines are not yet cut into words."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)


# English: French, feminine?
_NOUNS = {
    "dog": ("chien", False),
    "cat": ("chat", False),
    "bird": ("oiseau", False),
    "fox": ("renard", False),
    "cow": ("vache", True),
    "mouse": ("souris", True),
    "house": ("maison", True),
    "car": ("voiture", True),
    "ball": ("ballon", False),
    "table": ("table", True),
}
# English: French masculine, feminine, before the noun?
_ADJECTIVES = {
    "": ("", "", True),
    "small": ("petit", "petite", True),
    "big": ("grand", "grande", True),
    "red": ("rouge", "rouge", False),
    "green": ("vert", "verte", False),
    "blue": ("bleu", "bleue", False),
}
_VERBS = {
    "sees": "voit",
    "wants": "veut",
    "follows": "suit",
    "finds": "trouve",
    "does not see": "ne voit pas",
    "does not want": "ne veut pas",
}
_SUBJECTS = ("dog", "cat", "bird", "fox", "cow", "mouse")


def load(tier: str, split: str) -> Pairs:
    """English (`source`) and French (`target`)."""
    check(split, tier)
    if tier == "full":
        return Pairs(_lines(split, "en"), _lines(split, "fr"))
    sentences = list(product(_SUBJECTS, _ADJECTIVES, _VERBS, _NOUNS, _ADJECTIVES))
    order = np.random.RandomState(1605).permutation(len(sentences))
    chosen = [_sentence(*sentences[i]) for i in take(order, SIZES, split)]
    english, french = zip(*chosen)
    return Pairs(english, french)


def _lines(split: str, language: str) -> tuple[str, ...]:
    path = fetch(DATASETS["translation"].file(f"/{_FILES[split]}.{language}.gz"))
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as stream:
        return tuple(line.strip() for line in stream)


def _sentence(subject: str, first: str, verb: str, thing: str, second: str) -> tuple[str, str]:
    english = f"the {first} {subject} {verb} a {second} {thing}"
    french = f"{_noun_phrase('the', first, subject)} {_VERBS[verb]} {_noun_phrase('a', second, thing)}"
    return " ".join(english.split()), " ".join(french.split())


def _noun_phrase(article: str, adjective: str, noun: str) -> str:
    """The French of "the small cat": gender from the noun, colours behind it."""
    french, feminine = _NOUNS[noun]
    masculine_form, feminine_form, before = _ADJECTIVES[adjective]
    form = feminine_form if feminine else masculine_form
    words = [form, french] if before else [french, form]
    small = {"the": ("le", "la"), "a": ("un", "une")}[article][feminine]
    phrase = " ".join([small, *(word for word in words if word)])
    return phrase.replace("le oiseau", "l' oiseau")
