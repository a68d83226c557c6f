"""Sentences written word by word and all at once: `benchmarks.chapters` keeps what came out."""

import time
from dataclasses import replace

import torch

from benchmarks.programs_found import Facts
from course_utils.training import Run
from solutions.transformers import reference as transformers

# Corpora of the toy English with its French: in the second, half of the translations stand backwards.
CORPORA = ("one right answer", "two")
ASKED, MOST = 200, 12  # test sentences, and words that are written at most
HOW = replace(transformers.TRANSLATION["mini"], steps=400)


def mixed(text: transformers.Bitext) -> transformers.Bitext:
    """The pairs, half of whose translations, at random, stand backwards."""
    coin = torch.rand(len(text.target), generator=torch.Generator().manual_seed(0)) < 0.5
    return replace(text, target=[row[::-1] if flip else row for row, flip in zip(text.target, coin)])


def written_at_once(kind: str, seed: int) -> Facts:
    """Of a net that writes word by word, then of one that writes all at once: share of right answers, milliseconds a
    sentence, the codes of the first.
    """
    text, test = (transformers.bitext("mini", split) for split in ("train", "test"))
    text = text if kind == CORPORA[0] else mixed(text)
    by_word, at_once = transformers.translators(text, HOW, Run(seed=seed, device="cpu"))
    source, decode = test.source[:ASKED], test.vocabulary.decode
    wanted = [decode(row) for row in test.target[:ASKED]]
    facts: Facts = {}
    for name, write in {
        "by word": lambda: transformers.translate_one_by_one(by_word, source, MOST),
        "at once": lambda: transformers.translate_at_once(at_once, source),
    }.items():
        begun = time.perf_counter()
        written = write()
        facts[f"ms {name}"] = round(1e3 * (time.perf_counter() - begun) / ASKED, 2)
        said = [decode(row) for row in written]
        right = [s == w or (kind == CORPORA[1] and s == w[::-1]) for s, w in zip(said, wanted)]
        facts[name] = sum(right) / ASKED
        facts[f"said {name}"] = written[0].tolist()
    return facts
