"""Shakespeare, character by character: Tiny Shakespeare (full; Karpathy, 2015), or eight sonnets (mini).

Full: the first 90 % of 1,115,394 characters are `train`, the next 5 % `val`, the last 5 % `test`. What others call
its validation set is the last 10 %: `val` and `test` together. Mini: sonnets 18, 29, 30, 55, 60, 73, 116 and
130, cut at 80 and 90 %.
"""

from importlib.resources import files

from course_utils.data.fetch import fetch
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check
from course_utils.data.text import Text, encode

_CUTS = {"mini": (0, 80, 90, 100), "full": (0, 90, 95, 100)}  # per cent


def load(tier: str, split: str) -> Text:
    """The split's characters as codes; the alphabet is that of the whole text, in the order of Unicode."""
    check(split, tier)
    text = whole(tier)
    alphabet = "".join(sorted(set(text)))
    place = SPLITS.index(split)
    start, end = (len(text) * cut // 100 for cut in _CUTS[tier][place : place + 2])
    return Text(encode(text[start:end], alphabet), alphabet)


def whole(tier: str) -> str:
    """All of the text."""
    if tier == "mini":
        return files("course_utils.data").joinpath("sonnets.txt").read_text(encoding="utf-8")
    return fetch(DATASETS["shakespeare"].files[0]).read_text(encoding="utf-8")
