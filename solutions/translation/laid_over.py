"""Vectors of words of two languages, each from its own sentences, laid over each other with no pair of sentences.

Words' vectors are of how often words stand near each other. Those words that are spelled alike in both languages give a
first turn of the one set of vectors, and from then on each turn gives a dictionary, and each dictionary a turn (Artetxe
et al., "A robust self-learning method for fully unsupervised cross-lingual mappings", arXiv:1805.06297).

Shapes: K words of a language, D numbers of a vector; the marks of `bitext` have none.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from course_utils.data.bitext import MARKS, UNKNOWN, Vocabulary, padded

WINDOW, ROUNDS, COMMON = 4, 50, 400  # words that are near; turns; words that vote on a turn
HELD, VOTES = 20, 5  # turns in which words spelled alike have a vote too, and how many each
BEGINNINGS = 8  # tries, of which the one whose words lie nearest is taken
NEAR = 10  # neighbours that make a hub


def vectors(words: Vocabulary, sentences: Sequence[str], d: int) -> Tensor:
    """Vectors of length 1 from counts of neighbours: the d largest parts of their positive information, (K, d)."""
    k, rows = len(words), padded(words.encode(sentences))
    counts = torch.zeros(k * k)
    for away in range(1, WINDOW + 1):
        a, b = rows[:, :-away].flatten(), rows[:, away:].flatten()
        known = (a > UNKNOWN) & (b > UNKNOWN)
        counts.index_add_(0, (a * k + b)[known], torch.full((int(known.sum()),), 1 / away))
    near = (counts.view(k, k) + counts.view(k, k).T)[len(MARKS) :, len(MARKS) :]
    often = near.sum(0).clamp(min=1e-9) ** 0.75
    information = (
        (near / near.sum(1, keepdim=True).clamp(min=1e-9) / (often / often.sum())).clamp(min=1).log()
    )
    parts, sizes, _ = torch.svd_lowrank(information, d, niter=3)
    return unit(parts * sizes.sqrt())


def unit(x: Tensor) -> Tensor:
    """Rows of length 1, then about 0, then of length 1 again."""
    for centred in (False, True):
        x = x - x.mean(0) if centred else x
        x = x / x.norm(dim=1, keepdim=True).clamp(min=1e-9)
    return x


def likeness(a: Tensor, b: Tensor) -> Tensor:
    """Cosines of rows, twice, less the mean of each one's nearest: what is near to all counts for less, (K, K)."""
    cosine = a @ b.T
    hubs = (
        cosine.topk(NEAR, 1).values.mean(1, keepdim=True),
        cosine.topk(NEAR, 0).values.mean(0, keepdim=True),
    )
    return 2 * cosine - hubs[0] - hubs[1]


def alike(first: Vocabulary, second: Vocabulary) -> tuple[Tensor, Tensor]:
    """Places, among the words without marks, of those that are spelled alike."""
    place = {word: n for n, word in enumerate(second.words[len(MARKS) :])}
    pairs = [(n, place[w]) for n, w in enumerate(first.words[len(MARKS) :]) if w in place]
    a, b = torch.tensor(pairs).T
    return a, b


def turn(x: Tensor, y: Tensor, pairs: tuple[Tensor, Tensor]) -> Tensor:
    """The turn W (D, D) that lays x[a] W best over y[b] (Procrustes)."""
    u, _, v = torch.linalg.svd(x[pairs[0]].T @ y[pairs[1]])
    return u @ v


def laid_over(x: Tensor, y: Tensor, pairs: tuple[Tensor, Tensor]) -> Tensor:
    """x turned until its words lie where those of y do that mean the same, as far as this can find out, (K, D)."""
    tries = [tried(x, y, pairs, seed) for seed in range(BEGINNINGS)]
    return x @ max(tries, key=lambda found: found[0])[1]


def tried(x: Tensor, y: Tensor, pairs: tuple[Tensor, Tensor], seed: int) -> tuple[float, Tensor]:
    """How near words lie in the end, and the turn that brought them there.

    Early dictionaries leave out candidates at random, so that a wrong beginning is not held on to.
    """
    draw, every = torch.Generator().manual_seed(seed), torch.arange(COMMON)
    spelled_alike = pairs
    for n in range(ROUNDS):
        W = turn(x, y, pairs)
        near = likeness(x[:COMMON] @ W, y[:COMMON])
        left_out = torch.rand(near.shape, generator=draw) > 0.1 * 1.06**n
        kept = near.masked_fill(left_out, -100.0)
        votes = VOTES if n < HELD else 0
        first, second = spelled_alike
        pairs = (
            torch.cat([every, kept.argmax(0), *[first] * votes]),
            torch.cat([kept.argmax(1), every, *[second] * votes]),
        )
    return near.amax(1).mean().item(), W
