"""Looking back: an encoder, a decoder, attention between them; beam search; BLEU.

Sutskever et al., "Sequence to sequence learning with neural networks", arXiv:1409.3215; Bahdanau et al., "Neural
machine translation by jointly learning to align and translate", arXiv:1409.0473; Luong et al., "Effective approaches to
attention-based neural machine translation", arXiv:1508.04025.

Shapes: B rows of a batch, S places of a source, T places of a target, D numbers for a word, H numbers of a state, K
words. Linear maps are as in `nn.Linear`: a weight has (outputs, inputs).
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils.data import reversals, translation
from course_utils.data.bitext import END, MARKS, PAD, Vocabulary, align, padded
from course_utils.training import Run, main

State = tuple[Tensor, Tensor]  # what a decoder carries: its state (B, H), and what it read last (B, H)


# ---------------------------------------------------------------------------------------------- attention


def dot_scores(h: Tensor, e: Tensor) -> Tensor:
    """How well each state of a decoder goes with each of an encoder, as a product: h · e (Luong et al., section 3.1).

    Args:
        h: The decoder's states, the queries (B, T, H).
        e: The encoder's states (B, S, H).

    Returns:
        (B, T, S). Gradients flow to both.

    >>> dot_scores(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[3.0, 0.0], [0.0, 5.0]]]))
    tensor([[[ 3., 10.]]])
    """
    return h @ e.transpose(1, 2)


def additive_scores(h: Tensor, e: Tensor, W: Tensor, U: Tensor, v: Tensor) -> Tensor:
    """The same by a small net: v · tanh(W h + U e) (Bahdanau et al., appendix A.1.2). H and H' may differ.

    Args:
        h: The decoder's states (B, T, H).
        e: The encoder's states (B, S, H').
        W: (A, H).
        U: (A, H').
        v: (A,).

    Returns:
        (B, T, S). Gradients flow to all five.
    """
    queries, keys = h @ W.T, e @ U.T  # (B, T, A), (B, S, A)
    return torch.tanh(queries[:, :, None] + keys[:, None]) @ v


def attention_weights(scores: Tensor, mask: Tensor) -> Tensor:
    """Scores as shares that add up to 1 over the places of the source; padding gets none.

    Args:
        scores: (B, T, S).
        mask: Truth values (B, S): which places of each source are real. At least one of each row is.

    Returns:
        (B, T, S): a softmax over the real places, exactly 0 elsewhere; finite, however large the scores. Gradients flow
        to the scores.

    >>> attention_weights(torch.zeros(1, 1, 3), torch.tensor([[True, True, False]]))
    tensor([[[0.5000, 0.5000, 0.0000]]])
    """
    return scores.masked_fill(~mask[:, None], -math.inf).softmax(-1)


def read(weights: Tensor, e: Tensor) -> Tensor:
    """What is read from the source: the mean of its states, weighted.

    Args:
        weights: (B, T, S).
        e: (B, S, H).

    Returns:
        (B, T, H). Gradients flow to both.

    >>> read(torch.tensor([[[0.25, 0.75]]]), torch.tensor([[[0.0, 4.0], [8.0, 4.0]]]))
    tensor([[[6., 4.]]])
    """
    return weights @ e


# ------------------------------------------------------------------------------------- encoder and decoder


def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Rows (B, S, …) read backwards, each up to its length (B,); what lies behind stays where it is.

    >>> turned(torch.tensor([[1, 2, 0], [3, 4, 5]]), torch.tensor([2, 3]))
    tensor([[2, 1, 0],
            [5, 4, 3]])
    """
    t = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - t
    place = torch.where(mirrored >= 0, mirrored, t)  # (B, S)
    return x[torch.arange(len(x), device=x.device)[:, None], place]


class Encoder(nn.Module):
    """Reads a source from both ends: a state of H numbers for each place, half of them from either direction."""

    def __init__(self, codes: int, d: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.table = nn.Embedding(codes, d)
        self.forth = nn.GRU(d, hidden // 2, batch_first=True)
        self.back = nn.GRU(d, hidden // 2, batch_first=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, source: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes (B, S), padded at their ends, to states (B, S, H), which are real (B, S), and the last ones (B, H).

        The last state of each direction: of the one at the source's last word, of the other at its first. Padding
        changes nothing.
        """
        mask = source != PAD
        lengths = mask.sum(1)
        x = self.dropout(self.table(source))
        forth = self.forth(x)[0]
        back = turned(self.back(turned(x, lengths))[0], lengths)
        end = forth[torch.arange(len(x), device=x.device), lengths - 1]
        return torch.cat([forth, back], 2), mask, torch.cat([end, back[:, 0]], 1)


class Decoder(nn.Module):
    """Writes one word at a time, and looks at the encoder's states before each.

    Attributes: `table`, an embedding of K words in D numbers; `cell`, a GRU cell that reads D + H numbers; `mix`, a
    linear layer from 2 H numbers to D; `dropout`.
    """

    def __init__(self, codes: int, d: int, hidden: int, dropout: float = 0.0):
        super().__init__()
        self.table = nn.Embedding(codes, d)
        self.cell = nn.GRUCell(d + hidden, hidden)
        self.mix = nn.Linear(2 * hidden, d)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y: Tensor, state: State, e: Tensor, mask: Tensor) -> tuple[Tensor, State, Tensor]:
        """One step: read the word before, look back, and say what comes next.

        1. The cell reads the word's embedding and, behind it, what was read last, (B, D + H); it makes a new state h.
        2. h asks: dot-product scores with e, weights of real places alone, and what is read by them, c.
        3. h and, behind it, c (B, 2 H) go through `dropout`, `mix` and tanh; the product with each word's row of
           `table` is its score.

        Args:
            y: Codes of the words before (B,).
            state: The cell's state (B, H) and what was read last (B, H).
            e: The encoder's states (B, S, H).
            mask: Which of them are real (B, S).

        Returns:
            Scores of the next word (B, K); the new state, h and c; the weights (B, S).
        """
        h, c = state
        h = self.cell(torch.cat([self.table(y), c], 1), h)
        weights = attention_weights(dot_scores(h[:, None], e), mask)  # (B, 1, S)
        c = read(weights, e)[:, 0]
        told = torch.tanh(self.mix(self.dropout(torch.cat([h, c], 1))))  # (B, D)
        return told @ self.table.weight.T, (h, c), weights[:, 0]


class Translator(nn.Module):
    """An encoder and a decoder. One that does not look back is given a single place to look at: the last state."""

    def __init__(self, codes: tuple[int, int], d: int, hidden: int, dropout: float = 0.0, looks: bool = True):
        super().__init__()
        self.encoder = Encoder(codes[0], d, hidden, dropout)
        self.decoder = Decoder(codes[1], d, hidden, dropout)
        self.first = nn.Linear(hidden, hidden)
        self.looks = looks

    def encode(self, source: Tensor) -> tuple[State, Tensor, Tensor]:
        """Codes (B, S) to the decoder's first state, and to what it may look at (B, S, H) and where (B, S)."""
        e, mask, last = self.encoder(source)
        begin = torch.tanh(self.first(last)), torch.zeros_like(last)
        return (begin, e, mask) if self.looks else (begin, last[:, None], mask[:, :1])

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, T, K) of each word of a target, all words before it being given; and the weights (B, T, S)."""
        state, e, mask = self.encode(source)
        begin = torch.full_like(target[:, :1], END)
        scores, weights = [], []
        for y in torch.cat([begin, target[:, :-1]], 1).unbind(1):
            now, state, seen = self.decoder(y, state, e, mask)
            scores.append(now)
            weights.append(seen)
        return torch.stack(scores, 1), torch.stack(weights, 1)


@torch.no_grad()
def greedy(net: Translator, source: Tensor, most: int) -> Tensor:
    """The likeliest word, `most` times, for each source (B, S): codes (B, most); what follows an end is padding."""
    state, e, mask = net.encode(source)
    y = torch.full_like(source[:, 0], END)
    written, over = [], torch.zeros_like(y, dtype=torch.bool)
    for _ in range(most):
        scores, state, _ = net.decoder(y, state, e, mask)
        y = scores.argmax(1).masked_fill(over, PAD)
        over = over | (y == END)
        written.append(y)
    return torch.stack(written, 1)


# --------------------------------------------------------------------------------------------- beam search

Step = Callable[[int, Any], tuple[Sequence[float], Any]]


def beam_search(step: Step, state: Any, width: int, most: int) -> tuple[list[int], float]:
    """The likeliest sequence that can be found while only `width` beginnings are kept (Sutskever et al., section 3.2).

    All beginnings start with nothing written. In each round every beginning is continued by every word; a
    beginning's worth is the sum of its words' log probabilities. Of all continuations only the `width` best are
    kept. Those that end with `END` are done and are not continued; the others go on. The search is over when nothing
    goes on, or after `most` rounds, when the rest counts as done as it stands.

    Args:
        step: `step(word, state)` reads one word and gives the K log probabilities of the next and the state after;
            the first word that is read is `END`.
        state: The state before it.
        width: How many are kept, at least 1.
        most: How many words are written at most, at least 1.

    Returns:
        The words of the best that is done, its `END` included if it has one, and its worth. No two worths are equal.
    """
    going: list[tuple[float, list[int], Any]] = [(0.0, [], state)]
    done: list[tuple[float, list[int]]] = []
    for _ in range(most):
        longer = []
        for worth, words, before in going:
            chances, after = step(words[-1] if words else END, before)
            longer += [(worth + float(p), [*words, word], after) for word, p in enumerate(chances)]
        best = sorted(longer, key=lambda one: one[0], reverse=True)[:width]
        done += [(worth, words) for worth, words, _ in best if words[-1] == END]
        going = [one for one in best if one[1][-1] != END]
        if not going:
            break
    worth, words = max(done + [(worth, words) for worth, words, _ in going], key=lambda one: one[0])
    return words, worth


# ---------------------------------------------------------------------------------------------------- BLEU


def matches(output: Sequence[str], reference: Sequence[str], n: int) -> tuple[int, int]:
    """How many n-grams of an output its reference has as well, and how many the output has (Papineni et al., 2.1).

    An n-gram is a run of n neighbouring words. One that the output has more often than the reference counts as often
    as the reference has it.

    >>> matches("the the the cat".split(), "the cat sat on the mat".split(), 1)
    (3, 4)
    """
    found, wanted = (
        Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (output, reference)
    )
    return sum((found & wanted).values()), sum(found.values())


def bleu(outputs: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """BLEU of a corpus, from 0 to 100, as sacrebleu defines it (Papineni et al., 2002; Post, 2018).

    For n = 1, 2, 3, 4 let p be the share of n-grams that match, counted over all sentences together. Where none does
    though there are some, p is 1 / (2 · total), at the next n of this kind 1 / (4 · total), then 1 / (8 · total).
    BLEU is 100 times the geometric mean of the four, times exp(1 - r / c) where the outputs' length c is below that of
    the references r. It is 0 where no single word matches, or where no output has four words.

    Args:
        outputs: Sentences as lists of words, at least one.
        references: As many sentences.

    >>> round(bleu(["the cat sat on a mat".split()], ["the cat sat on the mat".split()]), 2)
    53.73
    """
    logs, halves = 0.0, 1
    for n in range(1, 5):
        counts = [matches(output, reference, n) for output, reference in zip(outputs, references)]
        right, total = (sum(column) for column in zip(*counts))
        if total == 0 or (n == 1 and right == 0):
            return 0.0
        if right == 0:
            halves *= 2
        logs += math.log((right or 1 / halves) / total) / 4
    c, r = (sum(map(len, sentences)) for sentences in (outputs, references))
    return 100 * math.exp(logs + min(0.0, 1 - r / c))


# ------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class Config:
    """The net; and its training: sentences of a step, steps, highest rate, words of a sentence at most."""

    d: int
    hidden: int
    dropout: float
    batch: int
    steps: int
    rate: float
    longest: int


def config(tier: str) -> Config:
    """A tier's recipe; chosen on the validation part."""
    if tier == "mini":
        return Config(d=16, hidden=64, dropout=0.0, batch=64, steps=700, rate=7e-3, longest=20)
    return Config(d=128, hidden=256, dropout=0.3, batch=128, steps=2000, rate=3e-3, longest=22)


LENGTH = 15  # of the strings that are measured at the mini tier
LEAST = 5  # times that a word of the full tier occurs in the training part, or else it is unknown


@cache
def vocabularies(tier: str) -> tuple[Vocabulary, Vocabulary]:
    """The words of the sources and of the targets."""
    if tier == "mini":
        letters = Vocabulary(MARKS + tuple(reversals.ALPHABET))
        return letters, letters
    pairs = translation.load(tier, "train")
    return Vocabulary.of(pairs.source, LEAST), Vocabulary.of(pairs.target, LEAST)


def load(tier: str, split: str) -> TensorDataset:
    """Sources (N, S) and targets with their ends (N, T), int64, padded: strings, or English and French.

    At the full tier pairs that are longer than the recipe's `longest` are left out of the training part.
    """
    if tier == "mini":
        return reversals.load(tier, split)
    pairs, longest = translation.load(tier, split), config(tier).longest
    source, target = (
        words.encode(lines) for words, lines in zip(vocabularies(tier), (pairs.source, pairs.target))
    )
    kept = [
        (s, [*t, END])
        for s, t in zip(source, target)
        if split != "train" or (len(s) <= longest and len(t) < longest)
    ]
    return TensorDataset(padded([s for s, _ in kept]), padded([t for _, t in kept]))


def build(tier: str, looks: bool = True) -> Translator:
    """An untrained net of a tier."""
    how, (source, target) = config(tier), vocabularies(tier)
    return Translator((len(source), len(target)), how.d, how.hidden, how.dropout, looks)


def cost(scores: Tensor, target: Tensor) -> Tensor:
    """Mean -log p of the words of targets (B, T), padding left out, from scores (B, T, K)."""
    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=PAD)


def fit(net: Translator, data: TensorDataset, how: Config, run: Run, phase: str = "train") -> Translator:
    """Train `net` in place, the words before each being the right ones; one cycle of the rate, gradients clipped."""
    optimizer = torch.optim.AdamW(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps, pct_start=0.2)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for source, target in run.batches(data, how.batch, how.steps, saved, phase):
        with run.autocast():
            scores, _ = net(source, target)
        loss = cost(scores.float(), target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(**{"nats" if phase == "train" else f"{phase}_nats": loss})
    return net.eval()


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A net that looks back (kept as float16 at the full tier)."""
    net = fit(build(tier).to(run.device), load(tier, "train"), config(tier), run)
    run.log(validation_nats=held_out(net, load(tier, "val")))
    kind = torch.float16 if tier == "full" else torch.float32
    return {name: tensor.detach().to(kind).contiguous() for name, tensor in net.state_dict().items()}


@torch.no_grad()
def held_out(net: Translator, data: TensorDataset) -> float:
    """`cost` of a whole data set, in parts of 200."""
    device, total, count = net.first.weight.device, 0.0, 0
    for source, target in zip(*(tensor.split(200) for tensor in data.tensors)):
        words = int((target != PAD).sum())
        total += cost(net(source.to(device), target.to(device))[0], target.to(device)).item() * words
        count += words
    return total / count


def written(net: Translator, source: Tensor, most: int) -> Tensor:
    """`greedy`, in parts of 200, on the net's device; codes (N, most) on the CPU."""
    device = net.first.weight.device
    return torch.cat([greedy(net, part.to(device), most).cpu() for part in source.split(200)])


def exact(net: Translator, length: int, split: str = "test") -> float:
    """The share of the strings of a length that are written backwards without an error."""
    source, target = reversals.load("mini", split).tensors
    rows = (source != PAD).sum(1) == length
    source, target = source[rows, :length], target[rows, : length + 1]
    return (written(net, source, length + 1) == target).all(1).double().mean().item()


def score(outputs: Sequence[Sequence[str]], split: str = "test") -> float:
    """BLEU of French sentences against those of Multi30k, as words; from 0 to 100."""
    return bleu(outputs, french(split))


def french(split: str) -> list[list[str]]:
    """Multi30k's French as lists of words; none of them is unknown to a judge."""
    lines = translation.load("full", split).target
    everything = Vocabulary.of(lines)
    return [everything.decode(row) for row in everything.encode(lines)]


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Mini: the share of strings of 15 letters that come back without an error. Full: BLEU / 100 of the test part.

    Raises:
        RuntimeError: the tensors are not those of this tier's `Translator`.
    """
    net = build(tier)
    net.load_state_dict(tensors)
    net = net.to(device).eval()
    if tier == "mini":
        return exact(net, LENGTH)
    rows = written(net, load(tier, "test").tensors[0], 60)
    return score([vocabularies(tier)[1].decode(row) for row in rows]) / 100


def baseline(tier: str) -> float:
    """Mini: the same net, trained in the same way, that is given the last state alone. Full: word for word."""
    if tier == "mini":
        run = Run(seed=0, device="cpu")
        return exact(fit(build(tier, looks=False), load(tier, "train"), config(tier), run), LENGTH)
    return score(word_for_word()) / 100


def word_for_word() -> list[list[str]]:
    """Each English word of the test part as the French word that stands opposite it most often in the training part."""
    english, words = vocabularies("full")
    pairs = translation.load("full", "train")
    source, target = english.encode(pairs.source), words.encode(pairs.target)
    opposite: dict[int, Counter[int]] = {}
    for s, t, places in zip(source, target, align(source, target)):
        for code, place in zip(t, places.tolist()):
            opposite.setdefault(s[place], Counter())[code] += 1
    best = {code: seen.most_common(1)[0][0] for code, seen in opposite.items()}
    lines = english.encode(translation.load("full", "test").source)
    return [words.decode([best[code] for code in line if code in best]) for line in lines]


if __name__ == "__main__":
    main(__spec__)
