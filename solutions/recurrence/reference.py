"""Recurrence: embeddings, recurrent cells and language models that read one character at a time.

Mikolov et al., "Recurrent neural network based language model", Interspeech 2010; Hochreiter & Schmidhuber, "Long
short-term memory", Neural Computation 1997; Pascanu et al., "On the difficulty of training recurrent neural networks",
arXiv:1211.5063.

Shapes: B rows of a batch, T characters of a row, K characters of the alphabet, D numbers for each of them, H hidden
numbers. Linear maps are as in `nn.Linear`: a weight has (outputs, inputs).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.data import shakespeare, tales
from course_utils.data.text import Text
from course_utils.training import Paper, Run, main

PAPER = {
    "full": Paper(
        1.4697, "karpathy2022", system="nanoGPT, 10.7 M parameters", data="same text, its last tenth held out"
    )
}


# ------------------------------------------------------------------------------------------------ counting


def counts(text: str, n: int) -> dict[str, Counter[str]]:
    """What follows what: how often each character stands behind each context of 0 to n - 1 characters.

    Args:
        text: A text to count in.
        n: At least 1.

    Returns:
        For each context that has something behind it, how often each character follows it; the context of length 0,
        the empty text, has them all.

    >>> table = counts("abab", 2)
    >>> dict(table[""]), dict(table["a"]), dict(table["b"])
    ({'a': 2, 'b': 2}, {'b': 2}, {'a': 1})
    """
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for t, character in enumerate(text):
        for length in range(min(n, t + 1)):
            table[text[t - length : t]][character] += 1
    return dict(table)


def smoothed(table: Mapping[str, Counter[str]], context: str, alphabet: str, n: int) -> dict[str, float]:
    """How likely each character is to come next, by n-grams that shorter ones smooth (Witten & Bell, 1991).

    It begins with all K characters equally likely. Then contexts are looked at that grow backwards from the end of
    `context`: the empty one, the last character, the last two, up to n - 1. Where the table knows a context h, each
    probability p becomes (n(h, c) + t(h) · p) / (n(h) + t(h)), with n(h, c) how often c follows h, n(h) how often
    anything does, and t(h) how many different characters do. A context that the table does not know changes nothing.

    Args:
        table: What `counts` gave.
        context: The text so far, of any length.
        alphabet: The K characters.
        n: As for `counts`.

    >>> smoothed({"": Counter(a=3, b=1)}, "", "ab", 1)
    {'a': 0.6666666666666666, 'b': 0.3333333333333333}
    """
    p = dict.fromkeys(alphabet, 1 / len(alphabet))
    for length in range(min(n, len(context) + 1)):
        seen = table.get(context[len(context) - length :])
        if seen:
            total, kinds = sum(seen.values()), len(seen)
            p = {c: (seen.get(c, 0) + kinds * share) / (total + kinds) for c, share in p.items()}
    return p


def surprise(table: Mapping[str, Counter[str]], text: str, alphabet: str, n: int) -> float:
    """Mean nats of a text's characters, each given the n - 1 before it, by `smoothed`."""
    known: dict[str, dict[str, float]] = {}
    total = 0.0
    for t, character in enumerate(text):
        context = text[max(0, t - n + 1) : t]
        if context not in known:
            known[context] = smoothed(table, context, alphabet, n)
        total -= math.log(known[context][character])
    return total / len(text)


# ---------------------------------------------------------------------------------------------- embeddings


def embed(codes: Tensor, table: Tensor) -> Tensor:
    """The product of one-hot vectors with a table, without writing the vectors down: rows are looked up.

    Args:
        codes: Integers from 0 to K - 1, of any shape (...).
        table: (K, D).

    Returns:
        (..., D): row k of the table wherever the code is k. Gradients flow to the table.

    >>> embed(torch.tensor([1, 0]), torch.tensor([[5.0, 6.0], [7.0, 8.0]]))
    tensor([[7., 8.],
            [5., 6.]])
    """
    return table[codes]


def embed_gradient(codes: Tensor, upstream: Tensor, count: int) -> Tensor:
    """The gradient of a table of which `embed` took rows, by hand.

    Args:
        codes: (B, T), integers from 0 to count - 1.
        upstream: (B, T, D), the gradient of what was taken.
        count: How many rows the table has.

    Returns:
        (count, D): for each row the sum of the gradients of all places that took it; 0 for a row that nobody took.

    >>> embed_gradient(torch.tensor([[1, 1]]), torch.tensor([[[2.0], [3.0]]]), 3).flatten()
    tensor([0., 5., 0.])
    """
    gradient = upstream.new_zeros(count, upstream.shape[-1])
    return gradient.index_add(0, codes.flatten(), upstream.flatten(0, 1))


# --------------------------------------------------------------------------------------------------- cells


def rnn_step(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """One step of a recurrent net: the new state is tanh(W x + U h + b) (Elman, 1990).

    Args:
        x: What is read (B, D).
        h: The state before (B, H).
        W: (H, D).
        U: (H, H).
        b: (H,).

    Returns:
        The state after, (B, H). Gradients flow to all five.
    """
    return torch.tanh(x @ W.T + h @ U.T + b)


def unroll(xs: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """A recurrent net along a row: the same step, with the same weights, once for each place.

    Args:
        xs: What is read (B, T, D).
        h: The state before the first place (B, H).
        W, U, b: As for `rnn_step`.

    Returns:
        The states after each place, (B, T, H). Gradients flow to all five.
    """
    states = []
    for x in xs.unbind(1):
        h = rnn_step(x, h, W, U, b)
        states.append(h)
    return torch.stack(states, dim=1)


def clip(gradients: list[Tensor], most: float = 5.0) -> list[Tensor]:
    """Gradients that are together no longer than `most` (Pascanu et al., algorithm 1).

    Their norm is that of all their numbers in one long vector. Where it is larger than `most`, all are multiplied by
    most / norm, so that the direction stays; otherwise they stay as they are.

    >>> clip([torch.tensor([6.0]), torch.tensor([8.0])])
    [tensor([3.]), tensor([4.])]
    """
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    return [gradient * (most / norm.clamp(min=most)) for gradient in gradients]


def lstm_step(x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """One step of a long short-term memory (Hochreiter & Schmidhuber, 1997, with the forget gate of Gers et al., 2000).

    W x + U h + b has 4 H numbers, H each for input gate i, forget gate f, candidate g and output gate o, in this
    order. Gates go through a sigmoid, the candidate through tanh. The memory becomes f · c + i · g, and the state
    o · tanh(memory).

    Args:
        x: What is read (B, D).
        h: The state before (B, H).
        c: The memory before (B, H).
        W: (4 H, D).
        U: (4 H, H).
        b: (4 H,).

    Returns:
        The state and the memory after, (B, H) each. Gradients flow to all six.
    """
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)  # (B, H) each
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """One step of a gated recurrent unit, (B, H) to (B, H) (Cho et al., 2014): a state that is its own memory.

    W x + b (3 H) and U h (3 H) have H numbers each for reset gate r, update gate z and candidate. The candidate is
    tanh(W x + b + r · U h), and the state becomes z · h + (1 - z) · candidate.
    """
    (r, z, g), (of_r, of_z, of_g) = (x @ W.T + b).chunk(3, dim=1), (h @ U.T).chunk(3, dim=1)
    r, z = (r + of_r).sigmoid(), (z + of_z).sigmoid()
    return z * h + (1 - z) * (g + r * of_g).tanh()


# --------------------------------------------------------------------------------------- a language model


def nats(scores: Tensor, codes: Tensor) -> Tensor:
    """Mean surprise at what came next, in nats: -log p, with p the softmax of the scores.

    Args:
        scores: (B, T, K), at place t those of the character that follows.
        codes: (B, T), that character.

    Returns:
        One number, finite however large the scores. Divided by log 2 it is bits; its exponential is the perplexity.
        Gradients flow to the scores.

    >>> nats(torch.zeros(1, 3, 4), torch.zeros(1, 3, dtype=torch.long)).exp()
    tensor(4.)
    """
    return -scores.log_softmax(-1).gather(-1, codes[..., None]).mean()


State = tuple[Tensor, Tensor]  # state and memory, (layers, B, H) each


class LanguageModel(nn.Module):
    """Reads a text and says, at each place, what comes next: a table, an LSTM, and scores of all K characters."""

    def __init__(self, codes: int, d: int, hidden: int, layers: int = 1, dropout: float = 0.0):
        super().__init__()
        self.table = nn.Parameter(torch.randn(codes, d) / 4)
        self.lstm = nn.LSTM(d, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(hidden, codes)

    def forward(self, codes: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Codes (B, T), and the state in which they are met, to scores (B, T, K) and the state after them."""
        h, state = self.lstm(self.dropout(embed(codes, self.table)), state)
        return self.scores(self.dropout(h)), state


def chances(scores: Tensor, temperature: float = 1.0, top: int | None = None) -> Tensor:
    """With what chance each character is drawn.

    Args:
        scores: (..., K).
        temperature: Scores are divided by it before the softmax: below 1 the likely becomes likelier.
        top: Only the so many highest scores of a row have a chance; None for all. No two scores are equal.

    Returns:
        (..., K), each row adding up to 1.

    >>> chances(torch.tensor([1.0, 3.0, 2.0]), top=1)
    tensor([0., 1., 0.])
    """
    if top is not None:
        least = scores.topk(top, dim=-1).values[..., -1:]
        scores = scores.masked_fill(scores < least, -math.inf)
    return (scores / temperature).softmax(-1)


@torch.no_grad()
def write(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]],
    prompt: Tensor,
    count: int,
    choose: Callable[[Tensor], Tensor],
) -> Tensor:
    """Let a language model go on writing: choose a character, read it, choose the next.

    The model reads the prompt once and after that only what it has just written, in the state that it is in.

    Args:
        step: `step(codes, state)` reads codes (B, t) and gives scores (B, t, K) and the state after them; with the
            state None it begins anew.
        prompt: Codes (B, T), T at least 1.
        count: How many characters are to be written, at least 1.
        choose: `choose(scores)` makes codes (B,) of scores (B, K); it may draw, and is called once a character.

    Returns:
        The prompt with what was written behind it, (B, T + count).
    """
    written, read, state = [prompt], prompt, None
    for _ in range(count):
        scores, state = step(read, state)
        read = choose(scores[:, -1])[:, None]  # (B, 1)
        written.append(read)
    return torch.cat(written, dim=1)


# ------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class Config:
    """The net; and its training: rows side by side, characters between two updates, updates, highest rate."""

    d: int
    hidden: int
    layers: int
    dropout: float
    batch: int
    span: int
    steps: int
    rate: float
    decay: float = 0.0


def config(tier: str) -> Config:
    """A tier's recipe; chosen on the validation text."""
    if tier == "mini":
        return Config(d=16, hidden=64, layers=1, dropout=0.0, batch=32, span=64, steps=500, rate=2e-2)
    return Config(
        d=64, hidden=384, layers=1, dropout=0.2, batch=32, span=64, steps=3430, rate=5e-3, decay=0.01
    )  # seven times through the text


ORDER = 5  # characters of the baseline's longest n-gram


def load(tier: str, split: str) -> Text:
    """The tier's text: tales, or Shakespeare, of whose last tenth ("test") nothing is seen before it is measured."""
    return (tales if tier == "mini" else shakespeare).load(tier, split)


def build(tier: str, codes: int) -> LanguageModel:
    """An untrained net of a tier."""
    how = config(tier)
    return LanguageModel(codes, how.d, how.hidden, how.layers, how.dropout)


def rows(codes: Tensor, batch: int) -> Tensor:
    """One long text as `batch` neighbouring parts side by side, (batch, N // batch); what is left over goes."""
    return codes[: len(codes) // batch * batch].view(batch, -1)


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """An LSTM, trained by truncated backpropagation: its state goes on from span to span, gradients stay in theirs."""
    how, text = config(tier), load(tier, "train")
    model = build(tier, len(text.alphabet)).to(run.device)
    optimizer = torch.optim.AdamW(model.parameters(), how.rate, weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps, pct_start=0.1)
    begin = torch.zeros(how.layers, how.batch, how.hidden, device=run.device)
    carried = nn.ParameterList([begin.clone(), begin.clone()]).requires_grad_(False)
    saved = {"net": model, "optimizer": optimizer, "schedule": schedule, "carried": carried}
    side_by_side = rows(text.codes, how.batch).to(run.device)
    for step in run.steps(how.steps, saved):
        read, follows = span(side_by_side, step, how.span)
        with run.autocast():
            scores, state = model(read, tuple(carried))
            loss = nats(scores.float(), follows)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        for kept, last in zip(carried, state):
            kept.copy_(last.detach())  # what is known goes on, how it came to be known does not
        run.log(nats=loss)
    model.eval()
    run.log(validation_nats=measured(model, load(tier, "val").codes))
    return {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}


def span(text: Tensor, step: int, length: int) -> tuple[Tensor, Tensor]:
    """What is read in a step along rows (B, N), and what follows each of it: (B, length) each; round and round."""
    start = step % ((text.shape[1] - 1) // length) * length
    return text[:, start : start + length], text[:, start + 1 : start + length + 1]


@torch.no_grad()
def measured(model: nn.Module, codes: Tensor, length: int = 512) -> float:
    """Mean nats of a text's characters but the first, read once from its beginning to its end."""
    device = next(model.parameters()).device
    codes, state, total = codes.to(device)[None], None, torch.zeros((), device=device)
    for start in range(0, codes.shape[1] - 1, length):
        follows = codes[:, start + 1 : start + length + 1]
        scores, state = model(codes[:, start : start + follows.shape[1]], state)
        total += nats(scores, follows) * follows.shape[1]
    return total.item() / (codes.shape[1] - 1)


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Mean nats of a held-out character, given all before it.

    Raises:
        RuntimeError: the tensors are not those of this tier's `LanguageModel`.
    """
    text = load(tier, "test")
    model = build(tier, len(text.alphabet))
    model.load_state_dict(tensors)
    return measured(model.to(device).eval(), text.codes)


def baseline(tier: str) -> float:
    """What counting reaches: 5-grams that shorter ones smooth."""
    train_text, test = (text.decode(text.codes) for text in (load(tier, "train"), load(tier, "test")))
    return surprise(counts(train_text, ORDER), test, load(tier, "test").alphabet, ORDER)


if __name__ == "__main__":
    main(__spec__)
