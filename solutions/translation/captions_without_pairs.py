"""English and French captions of which no two are a pair: denoising and back-translation, and a domain adversary.

Lample et al., "Unsupervised machine translation using monolingual corpora only", arXiv:1711.00043; Artetxe et al.,
"Unsupervised neural machine translation", arXiv:1710.11041. Nothing was trained beforehand: vectors of words are made
of the same captions (`laid_over`). Of Multi30k's pairs one language sees the first half, the other the second.
"""

from copy import deepcopy
from functools import cache

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data import translation
from course_utils.data.bitext import END, MARKS, PAD, UNKNOWN, Vocabulary, padded, tokens
from course_utils.training import Run
from solutions.alignment.reference import domain_loss, reverse
from solutions.attention import reference as attention
from solutions.translation.laid_over import alike, laid_over, likeness, vectors
from solutions.translation.reference import Speaker, back_translation, noised, perceptron, step, without_end

WORDS, LONGEST, D = 1200, 12, 64  # words of a language; of a caption; numbers of a vector
BATCH, RATE, HELD = (
    48,
    2e-3,
    0.1,
)  # captions of a step; rates of learning: of all else, and of words' vectors beside it
ADVERSARY = 0.5


@cache
def halves() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """English captions of the first half of the pairs, French ones of the second."""
    pairs = translation.load("full", "train")
    middle = len(pairs) // 2
    return pairs.source[:middle], pairs.target[middle:]


@cache
def vocabularies() -> tuple[Vocabulary, Vocabulary]:
    """The commonest words of either language, marks among them."""
    first, second = (Vocabulary(Vocabulary.of(lines).words[:WORDS]) for lines in halves())
    return first, second


def texts() -> TensorDataset:
    """Short captions of both languages with their ends, side by side without being pairs, (N, T) each."""
    rows = []
    for words, lines in zip(vocabularies(), halves()):
        short = [row for row in words.encode(lines) if len(row) <= LONGEST]
        rows.append(padded([[*row, END] for row in short], LONGEST + 1))
    count = min(map(len, rows))
    return TensorDataset(*(part[:count] for part in rows))


@cache
def word_vectors() -> tuple[Tensor, Tensor]:
    """Vectors of both languages' words in one space, (K, D) each, without those of marks."""
    torch.manual_seed(0)
    x, y = (vectors(words, lines, D) for words, lines in zip(vocabularies(), halves()))
    return laid_over(x, y, alike(*vocabularies())), y


def speaker() -> Speaker:
    """A net whose words begin at their vectors, and whose marks are the same in both languages."""
    net = Speaker(WORDS, LONGEST + 1, D)
    with torch.no_grad():
        marks = torch.randn(len(MARKS), D) * 2 / D**0.5
        for table, found in zip(net.words, word_vectors()):
            table.weight.copy_(torch.cat([marks, 2 * found]))
    return net


def learn(
    net: Speaker, run: Run, steps: int, phase: str, coming_back: bool = True, adversary: float = 0.0
) -> None:
    """Denoising; if `coming_back`, back-translation; and with `adversary` a judge of languages that must be fooled."""
    judge = perceptron(D, 64, 1).to(run.device)
    words = list(net.words.parameters())
    rest = [p for name, p in net.named_parameters() if not name.startswith("words.")]
    groups = [{"params": [*rest, *judge.parameters()]}, {"params": words, "lr": HELD * RATE}]
    adam = torch.optim.Adam(groups, RATE)
    for batch in run.batches(texts(), BATCH, steps, {"net": net, "judge": judge, "adam": adam}, phase):
        loss = torch.zeros((), device=run.device)
        for own, x in enumerate(batch):
            u, v = torch.rand(2, *x.shape, device=run.device)
            loss = loss + net.cost(without_end(noised(without_end(x), u, v, 0.1, 3)), own, x, own)
            if coming_back:
                loss = loss + back_translation(net.translate, net.cost, x, own, 1 - own)
        if adversary:
            loss = loss + told_apart(net, judge, batch, adversary)
        step(adam, loss)
        run.log(**{phase.replace(" ", "_"): loss})


def told_apart(net: Speaker, judge: torch.nn.Module, batch: tuple[Tensor, ...], strength: float) -> Tensor:
    """What a judge pays that is to say of which language a read word is; what it learns from is turned round."""
    logits = []
    for own, x in enumerate(batch):
        body = without_end(x)
        logits.append(judge(reverse(net.read(body, own), strength))[body != PAD].flatten())
    return domain_loss(*logits)


@cache
def short_test() -> tuple[list[int], list[list[str]]]:
    """Which English test captions are short, and their French, as words of which none is unknown."""
    lines = translation.load("full", "test").source
    rows = [n for n, line in enumerate(lines) if len(tokens(line)) <= LONGEST]
    due = attention.french("test")
    return rows, [due[n] for n in rows]


@torch.no_grad()
def written(net: Speaker, device: torch.device) -> list[list[str]]:
    """What a net makes of the short English test captions."""
    english, french = vocabularies()
    lines = translation.load("full", "test").source
    codes = padded(english.encode([lines[n] for n in short_test()[0]]), LONGEST)
    found = torch.cat([net.write(part.to(device), 0, 1).cpu() for part in codes.split(100)])
    return [french.decode(row) for row in found]


def word_by_word() -> list[list[str]]:
    """Each word of the short English test captions as the one whose vector is most like its own."""
    english, french = vocabularies()
    nearest = likeness(*word_vectors()).argmax(1)
    lines = translation.load("full", "test").source
    codes = english.encode([lines[n] for n in short_test()[0]])
    return [
        [french.words[int(nearest[c - len(MARKS)]) + len(MARKS)] for c in row if c > UNKNOWN] for row in codes
    ]


def with_pairs(tensors: dict[str, Tensor]) -> list[list[str]]:
    """What `attention`'s net, which learned from pairs, makes of the same captions."""
    net = attention.build("full")
    net.load_state_dict(tensors)
    rows = attention.load("full", "test").tensors[0][short_test()[0]]
    return [attention.vocabularies("full")[1].decode(row) for row in attention.written(net.eval(), rows, 30)]


def branched(net: Speaker, run: Run, steps: int) -> dict[str, Speaker]:
    """The net, trained on by likelihood alone, and its twin, trained on with the adversary too."""
    twins = {"likelihood": net, "adversary": deepcopy(net)}
    for name, twin in twins.items():
        learn(twin, run, steps, f"captions {name}", adversary=ADVERSARY if name == "adversary" else 0.0)
    return twins
