"""Sentences and their translations as numbers: words, who translates whom (alignment), and BLEU.

Chapters and labs on translation share it.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MARKS = ("<pad>", "<end>", "<unknown>")
PAD, END, UNKNOWN = range(3)
TENSION = 1.0  # how strongly `align` prefers places near the diagonal (the λ of Dyer et al., 2013)


def tokens(sentence: str) -> list[str]:
    """Lower-case words and punctuation marks; an elided article keeps its apostrophe.

    >>> tokens("L'oiseau ne voit pas.")
    ["l'", 'oiseau', 'ne', 'voit', 'pas', '.']
    """
    return re.findall(r"\w+['’]?|[^\w\s]", sentence.lower().replace("’", "'"))


@dataclass(frozen=True)
class Vocabulary:
    """Words by their codes; codes 0, 1 and 2 are padding, the end of a sentence, and any unknown word."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Sequence[str], least: int = 1) -> "Vocabulary":
        """All words that occur at least `least` times, the commonest first."""
        counts = Counter(word for sentence in sentences for word in tokens(sentence))
        kept = sorted((-count, word) for word, count in counts.items() if count >= least)
        return cls(MARKS + tuple(word for _, word in kept))

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentences: Sequence[str]) -> list[list[int]]:
        """Each sentence as a list of codes, without an end mark."""
        place = {word: code for code, word in enumerate(self.words)}
        return [[place.get(word, UNKNOWN) for word in tokens(sentence)] for sentence in sentences]

    def decode(self, codes: Sequence[int] | Tensor) -> list[str]:
        """The words up to the first end mark or padding."""
        words = []
        for code in codes:
            if int(code) in (PAD, END):
                break
            words.append(self.words[int(code)])
        return words


def padded(rows: Sequence[Sequence[int]], length: int | None = None) -> Tensor:
    """Lists of codes as one tensor (N, length), filled up with `PAD`; the longest list gives the length."""
    width = max(map(len, rows), default=0) if length is None else length
    return torch.tensor([[*row[:width], *[PAD] * (width - len(row))] for row in rows])


def align(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], rounds: int = 5
) -> list[Tensor]:
    """For each word of a target, the place of the source word that it most likely translates.

    Word probabilities p(target | source) are found by expectation maximisation: IBM's model 1 (Brown et al., 1993)
    with a preference for the diagonal (fast_align: Dyer et al., 2013).

    Args:
        sources: Codes of each source sentence, at least one word each.
        targets: Codes of each target sentence, at least one word each.
        rounds: Of expectation maximisation.

    Returns:
        One tensor (T,) of int64 for each pair, each number from 0 to the source's length - 1.
    """
    s, t = padded(sources), padded(targets)  # (N, S), (N, T)
    lengths = [torch.tensor([len(row) for row in rows]) for rows in (sources, targets)]
    key = s[:, None, :] * (int(t.max()) + 1) + t[:, :, None]  # (N, T, S): a number for each pair of words
    pairs, place = key.unique(return_inverse=True)
    word = pairs // (int(t.max()) + 1)
    j, i = torch.arange(s.shape[1]), torch.arange(t.shape[1])
    away = (j / lengths[0][:, None])[:, None, :] - (i / lengths[1][:, None])[:, :, None]
    prior = torch.exp(-TENSION * away.abs()) * (s != PAD)[:, None, :] * (t != PAD)[:, :, None]
    p = torch.ones(len(pairs))
    for _ in range(rounds):
        share = p[place] * prior
        share = share / share.sum(-1, keepdim=True).clamp(min=1e-30)
        p = torch.zeros(len(pairs)).index_add(0, place.flatten(), share.flatten())
        p = p / torch.zeros(int(word.max()) + 1).index_add(0, word, p)[word].clamp(min=1e-30)
    best = (p[place] * prior).argmax(-1)  # (N, T)
    return [row[:length] for row, length in zip(best, lengths[1].tolist())]


def bleu(outputs: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """BLEU-4 of a corpus with one reference a sentence, from 0 to 100 (Papineni et al., 2002).

    The geometric mean of the shares of 1- to 4-grams that occur in the reference, times exp(1 - r / c) where the
    outputs' length c is below the references' r.

    Raises:
        ValueError: there are more outputs than references, or fewer.

    >>> bleu([["a", "b", "c", "d", "e"]], [["a", "b", "c", "d", "e"]])
    100.0
    """
    if len(outputs) != len(references):
        counts = f"{len(outputs)} and {len(references)}"
        raise ValueError(
            f"bleu: expected as many references as outputs, got {counts}; give one for each sentence."
        )
    logarithms = []
    for n in range(1, 5):
        right = total = 0
        for output, reference in zip(outputs, references):
            found, wanted = _ngrams(output, n), _ngrams(reference, n)
            right += sum((found & wanted).values())
            total += sum(found.values())
        if right == 0:
            return 0.0
        logarithms.append(math.log(right / total))
    c, r = (sum(map(len, sentences)) for sentences in (outputs, references))
    return 100 * math.exp(sum(logarithms) / 4 + min(0.0, 1 - r / c))


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
