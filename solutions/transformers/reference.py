"""Transformers: attention, masks, heads, positions, a block; a language model that scores a whole text in one pass and
writes with a cache; a convolutional and a recurrent one of its size; translation in one pass with fertilities.

Shapes: B rows of a batch, T or S characters or words of a row, D numbers for each of them, H heads, K codes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils.data import arithmetic, shakespeare, translation
from course_utils.data.bitext import END, PAD, Vocabulary, align, bleu, padded
from course_utils.training import Paper, Run, main

PAPER = {
    "full": Paper(1.4697, "karpathy2022", system="nanoGPT, 10.7 M parameters", data="same text and split")
}

Past = tuple[Tensor, Tensor]  # keys and values (B, H, t, D / H) of the t places that came before


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention: softmax(q kᵀ / √d) v (Vaswani et al., 2017, equation 1).

    Args:
        q: Queries (..., T, d): what each of T places looks for.
        k: Keys (..., S, d): what each of S places offers.
        v: Values (..., S, e): what each of S places gives.
        mask: Truth values that broadcast to (..., T, S): True where place t may look at place s. Each t may look at
            one s at least. None: everywhere.

    Returns:
        (..., T, e): for each place, a mean of the values that it may look at; finite, however large the scores.

    >>> attention(torch.zeros(1, 1), torch.zeros(2, 1), torch.tensor([[2.0], [4.0]]))
    tensor([[3.]])
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (..., T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


def causal_mask(length: int) -> Tensor:
    """Who may look at whom in a row that is read from left to right: truth values (length, length).

    Row t, column s is True where place t may look at place s: at itself and at what came before.

    >>> causal_mask(2)
    tensor([[ True, False],
            [ True,  True]])
    """
    return torch.ones(length, length, dtype=torch.bool).tril()


def padding_mask(lengths: Tensor, length: int) -> Tensor:
    """Nobody looks at padding: truth values (B, 1, 1, length), which broadcast to (B, H, T, length).

    Args:
        lengths: How many places at the start of each row are real, (B,), integers.
        length: How many places each row has, padding included.

    Returns:
        True where place s of row b is real, that is, where s < lengths[b].

    >>> padding_mask(torch.tensor([1, 3]), 3).flatten(1)
    tensor([[ True, False, False],
            [ True,  True,  True]])
    """
    return (torch.arange(length, device=lengths.device) < lengths[:, None])[:, None, None, :]


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Cut the D numbers of each place into `heads` neighbouring parts: (B, T, D) to (B, H, T, D / H).

    Head h gets the numbers from h · D / H up to (h + 1) · D / H of every place.

    >>> split_heads(torch.tensor([[[1, 2, 3, 4], [5, 6, 7, 8]]]), 2).tolist()
    [[[[1, 2], [5, 6]], [[3, 4], [7, 8]]]]
    """
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class MultiHead(nn.Module):
    """Multi-head self-attention: H heads look at a row, each in D / H numbers of its own (Vaswani et al., 3.2.2).

    Attributes: `heads`; `project`, a linear layer from D to 3 D that gives queries, keys and values, in this order;
    `out`, a linear layer from D to D.
    """

    def __init__(self, d: int, heads: int):
        super().__init__()
        if d % heads:
            raise ValueError(
                f"MultiHead: expected heads that divide d = {d}, got {heads}; use another number."
            )
        self.heads = heads
        self.project = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Each place of x (B, T, D) looks at all that `mask` lets it see; to (B, T, D).

        `project` the row, cut queries, keys and values into heads, let each head attend, put the heads' answers side
        by side again in their order, and pass them through `out`. `mask` broadcasts to (B, H, T, T).
        """
        q, k, v = (
            split_heads(part, self.heads) for part in self.project(x).chunk(3, dim=-1)
        )  # (B, H, T, D / H)
        y = attention(q, k, v, mask)  # (B, H, T, D / H)
        return self.out(y.transpose(1, 2).flatten(2))  # (B, T, D)


def positional_encoding(length: int, d: int) -> Tensor:
    """Sines and cosines that tell places apart (Vaswani et al., 3.5): a row for each place, (length, d).

    Number 2i of place t is sin(t / 10000^(2i / d)), number 2i + 1 is cos(t / 10000^(2i / d)); t from 0, d even.

    >>> positional_encoding(2, 2)
    tensor([[0.0000, 1.0000],
            [0.8415, 0.5403]])
    """
    if d % 2:
        raise ValueError(f"positional_encoding: expected an even d, got {d}; each sine has its cosine.")
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)  # (length, d / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def shift_matrix(offset: int, d: int) -> Tensor:
    """The matrix (d, d) that turns the encoding of any place t into that of place t + offset, whatever t is.

    For every t: `shift_matrix(offset, d) @ PE[t]` is `PE[t + offset]`. d is even, `offset` may be negative.
    """
    angles = offset / 10000 ** (torch.arange(0, d, 2) / d)  # (d / 2,)
    turns = [torch.stack([torch.stack([a.cos(), a.sin()]), torch.stack([-a.sin(), a.cos()])]) for a in angles]
    return torch.block_diag(*turns)


class Block(nn.Module):
    """One layer of a Transformer, with layer normalisation before each part ("pre-norm").

    Attributes: `norm1`, `attention`, `norm2`, `mlp` (D to 4 D, GELU, back to D), and `drop`, the dropout of what is
    about to be added.
    """

    def __init__(self, d: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = MultiHead(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, D) to (B, T, D): first attention, then the mlp, each added to what came in.

        Each of the two sees its input normalised (`norm1` before attention, `norm2` before the mlp), and what it gives
        goes through `drop` before it is added to the row as it was *before* the normalisation.
        """
        x = x + self.drop(self.attention(self.norm1(x), mask))
        return x + self.drop(self.mlp(self.norm2(x)))

    def next(self, x: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """The same for one new place x (B, 1, D), given the keys and values of those before; and these, grown."""
        y, past = attend_next(self.attention, self.norm1(x), past)
        x = x + self.drop(y)
        return x + self.drop(self.mlp(self.norm2(x))), past


class Transformer(nn.Module):
    """A language model: embeddings of codes and of places, causal blocks, a score for each code that may come next.

    It reads rows of up to `longest` codes out of `codes` different ones.
    """

    def __init__(self, codes: int, d: int, heads: int, layers: int, longest: int, dropout: float = 0.0):
        super().__init__()
        self.embed = nn.Embedding(codes, d)
        self.places = nn.Embedding(longest, d)  # learned, as GPT's are: for short rows quicker than waves
        self.blocks = nn.ModuleList(Block(d, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(d)
        self.scores = nn.Linear(d, codes)
        for table in (self.embed, self.places):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, T) to scores (B, T, K): place t scores what comes at place t + 1, from places 0 to t alone."""
        x = self.embed(codes) + self.places.weight[: codes.shape[1]]  # (B, T, D)
        mask = causal_mask(codes.shape[1]).to(codes.device)
        for block in self.blocks:
            x = block(x, mask)
        return self.scores(self.norm(x))

    def next(self, code: Tensor, past: list[Past] | None = None) -> tuple[Tensor, list[Past]]:
        """One more code (B, 1): scores (B, K) of what follows, and the grown past, keys and values of each block."""
        place = past[0][0].shape[2] if past else 0
        x = self.embed(code) + self.places.weight[place]  # (B, 1, D)
        grown = []
        for block, kept in zip(self.blocks, past or [None] * len(self.blocks)):
            x, kept = block.next(x, kept)
            grown.append(kept)
        return self.scores(self.norm(x))[:, 0], grown


def nats(scores: Tensor, codes: Tensor, counted: Tensor) -> Tensor:
    """What each counted character costs a language model, in nats: the mean of -log p(character | those before it).

    Args:
        scores: (B, T, K): `scores[:, t]` are the scores, before any softmax, of what stands at place t + 1.
        codes: The row itself (B, T), integers from 0 to K - 1.
        counted: Truth values (B, T): which characters count. Those at place 0 never do: nothing scores them.

    Returns:
        One number, which autograd can follow back to the scores: the mean over all counted characters of the batch.
    """
    costs = F.cross_entropy(scores[:, :-1].transpose(1, 2), codes[:, 1:], reduction="none")  # (B, T - 1)
    chosen = counted[:, 1:]  # as an index it would make a GPU wait
    return torch.where(chosen, costs, 0.0).sum() / chosen.sum()


def attend_next(layer: MultiHead, x: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
    """What multi-head attention gives for one new place, without computing again what it did for those before it.

    Args:
        layer: A `MultiHead`.
        x: The new place (B, 1, D).
        past: Keys and values of the t places before it, each (B, H, t, D / H); None where it is the first.

    Returns:
        (B, 1, D), equal to the last place of `layer(row, causal_mask(t + 1))` over all t + 1 places; and the keys and
        values of all t + 1 places, in their order, each (B, H, t + 1, D / H).
    """
    q, k, v = (
        split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1)
    )  # (B, H, 1, D / H)
    if past is not None:
        k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
    y = attention(q, k, v)  # (B, H, 1, D / H)
    return layer.out(y.transpose(1, 2).flatten(2)), (k, v)


def sample(net: nn.Module, prompt: Tensor, count: int, choose: Callable[[Tensor], Tensor]) -> Tensor:
    """Write on, one character at a time, reading the whole text again for each.

    Args:
        net: A language model, codes (B, T) to scores (B, T, K).
        prompt: How the texts begin, (B, T).
        count: How many characters to add.
        choose: From scores (B, K) of the next character to one code for each row (B,).

    Returns:
        Prompt and what was written, (B, T + count).
    """
    codes = prompt
    for _ in range(count):
        codes = torch.cat([codes, choose(net(codes)[:, -1])[:, None]], dim=1)
    return codes


def sample_cached(
    step: Callable[..., tuple[Tensor, Any]], prompt: Tensor, count: int, choose: Callable[[Tensor], Tensor]
) -> Tensor:
    """The same text as `sample` writes, each character read once.

    Args:
        step: `scores, past = step(code, past)`: reads one more code (B, 1) and gives the scores (B, K) of the one
            after it. The first call is given `None` for past, each further one the past that the last one gave.
        prompt: How the texts begin, (B, T), T at least 1.
        count: How many characters to add, at least 1.
        choose: From scores (B, K) to one code for each row (B,).

    Returns:
        Prompt and what was written, (B, T + count). `step` is called T + count - 1 times: the last character need not
        be read.
    """
    past = None
    for t in range(prompt.shape[1]):
        scores, past = step(prompt[:, t : t + 1], past)
    written = [choose(scores)[:, None]]
    for _ in range(count - 1):
        scores, past = step(written[-1], past)
        written.append(choose(scores)[:, None])
    return torch.cat([prompt, *written], dim=1)


def convolution_matrix(kernel: Tensor, length: int, dilation: int = 1) -> Tensor:
    """A causal dilated convolution, written as attention writes its weights: a matrix (length, length).

    Row t holds `kernel[i]` at column t - i · dilation, for each i with t - i · dilation ≥ 0, and zeros elsewhere: place
    t reads itself with `kernel[0]`, the place `dilation` before it with `kernel[1]`, and so on.

    >>> convolution_matrix(torch.tensor([1.0, 0.5]), 3).tolist()
    [[1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, 0.5, 1.0]]
    """
    matrix = torch.zeros(length, length)
    for i, weight in enumerate(kernel):
        for t in range(i * dilation, length):
            matrix[t, t - i * dilation] = weight
    return matrix


class Convolutional(nn.Module):
    """A language model of causal convolutions, kernels of two places, dilated 1, 2, 4, …, to see `longest` places."""

    def __init__(self, codes: int, d: int, longest: int):
        super().__init__()
        dilations = [2**i for i in range(math.ceil(math.log2(longest)))]
        self.embed = nn.Embedding(codes, d)
        self.layers = nn.ModuleList(nn.Conv1d(d, d, 2, dilation=dilation) for dilation in dilations)
        self.scores = nn.Linear(d, codes)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, T) to scores (B, T, K)."""
        x = self.embed(codes).transpose(1, 2)  # (B, D, T)
        for layer in self.layers:
            x = x + F.relu(layer(F.pad(x, (layer.dilation[0], 0))))
        return self.scores(x.transpose(1, 2))


class Recurrent(nn.Module):
    """A language model that carries one state of d numbers from character to character: gated recurrent units."""

    def __init__(self, codes: int, d: int):
        super().__init__()
        self.embed = nn.Embedding(codes, d)
        self.gru = nn.GRU(d, d, batch_first=True)
        self.scores = nn.Linear(d, codes)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, T) to scores (B, T, K)."""
        return self.scores(self.gru(self.embed(codes))[0])


def fertilities(alignment: Tensor, length: int) -> Tensor:
    """How many target words each source word became: integers (length,).

    Args:
        alignment: For each target word, the place of the source word that it translates, (T,), integers from 0.
        length: How many words the source has.

    >>> fertilities(torch.tensor([0, 2, 2]), 4)
    tensor([1, 0, 2, 0])
    """
    return torch.bincount(alignment, minlength=length)


def copy_by_fertility(x: Tensor, fertility: Tensor) -> tuple[Tensor, Tensor]:
    """Each source word, as often as its fertility says: what a decoder begins with that writes all words at once.

    Args:
        x: Source words (B, S, D).
        fertility: How often each is copied, (B, S), integers from 0; padding has 0.

    Returns:
        The copies (B, T, D), those of one word next to each other and words in their order; T is the largest sum of a
        row's fertilities, and shorter rows end in zeros. And these sums, (B,).

    >>> copy_by_fertility(torch.tensor([[[5.0], [7.0]]]), torch.tensor([[1, 2]]))[0].flatten()
    tensor([5., 7., 7.])
    """
    rows = [row.repeat_interleave(counts, dim=0) for row, counts in zip(x, fertility)]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), fertility.sum(1)


class NonAutoregressive(nn.Module):
    """Translates all words at once, as Gu et al. (2018) do, with one kind of attention for two.

    An encoder reads the source; a classifier says for each of its words how many words it becomes, from 0 to `most`;
    copies of the encoder's outputs, and their places, pass through a decoder that looks both ways. (In the paper the
    decoder begins with copied embeddings and attends to the encoder besides.)
    """

    def __init__(
        self, codes: int, d: int, heads: int, layers: int, longest: int, most: int = 4, dropout: float = 0.0
    ):
        super().__init__()
        self.embed = nn.Embedding(codes, d)
        self.encoder = nn.ModuleList(Block(d, heads, dropout) for _ in range(layers))
        self.decoder = nn.ModuleList(Block(d, heads, dropout) for _ in range(layers))
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.fertility = nn.Linear(d, most + 1)
        self.words = nn.Linear(d, codes)
        self.register_buffer("positions", positional_encoding(longest, d), persistent=False)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (B, S) to the encoder's outputs (B, S, D) and scores of fertilities (B, S, most + 1)."""
        mask = padding_mask((source != PAD).sum(1).clamp(min=1), source.shape[1])  # an empty row sees one
        h = self.embed(source) + self.positions[: source.shape[1]]
        for block in self.encoder:
            h = block(h, mask)
        h = self.norm1(h)
        return h, self.fertility(h)

    def decode(self, h: Tensor, fertility: Tensor) -> Tensor:
        """Scores (B, T, K) of all words at once, T the largest sum of fertilities (B, S)."""
        x, lengths = copy_by_fertility(h, fertility)  # (B, T, D)
        x = x + self.positions[: x.shape[1]]
        mask = padding_mask(lengths.clamp(min=1), x.shape[1])
        for block in self.decoder:
            x = block(x, mask)
        return self.words(self.norm2(x))

    def translate(self, source: Tensor) -> Tensor:
        """Codes (B, S) to the likeliest fertilities' likeliest words (B, T), `PAD` behind each end: one pass."""
        h, scores = self.encode(source)
        fertility = scores.argmax(-1) * (source != PAD)
        fertility[:, 0] += fertility.sum(1) == 0  # a translation has a word at least
        written = self.decode(h, fertility).argmax(-1)
        past_end = torch.arange(written.shape[1], device=written.device) >= fertility.sum(1, keepdim=True)
        return written.masked_fill(past_end, PAD)


@dataclass(frozen=True)
class Config:
    """A tier's net and its training. `length` is the longest row that the net reads; `rate` the one-cycle's highest."""

    d: int
    heads: int
    layers: int
    length: int
    dropout: float
    steps: int
    batch: int
    rate: float
    decay: float = 0.0


CONFIG = {
    "mini": Config(d=64, heads=4, layers=1, length=9, dropout=0.0, steps=700, batch=64, rate=5e-3),
    "full": Config(
        d=192, heads=6, layers=5, length=256, dropout=0.2, steps=6000, batch=64, rate=2e-3, decay=0.1
    ),
}
# Both translators of a tier.
TRANSLATION = {
    "mini": Config(d=48, heads=4, layers=1, length=32, dropout=0.0, steps=120, batch=50, rate=6e-3),
    "full": Config(
        d=256, heads=8, layers=4, length=128, dropout=0.2, steps=8000, batch=128, rate=1e-3, decay=0.1
    ),
}
STRIDE = 16  # a training row of Shakespeare begins at each 16th character
MOST = 4  # words that one source word may become
ORDER = 5  # of the baseline's longest n-grams


def columns(sums: Tensor) -> Tensor:
    """Sums as text (N, 9), written as on paper: digits in columns, the answer from the units on.

    "23+8=31" becomes "23+08=130": a carry is known before it is needed.
    """
    rows = []
    for row in sums.tolist():
        question, _ = "".join(arithmetic.ALPHABET[code] for code in row).split("=")
        a, b = (int(number) for number in question.split("+"))
        rows.append([arithmetic.ALPHABET.index(sign) for sign in f"{a:02}+{b:02}={f'{a + b:03}'[::-1]}"])
    return torch.tensor(rows)


def stream(tier: str, split: str) -> tuple[Tensor, Tensor, str]:
    """One long row of characters (N,), which of them count (N,), and their alphabet.

    Mini: sums, of which the answers count. Full: Shakespeare's plays, of which all count; "test" is their last 10 %,
    as others measure it: no choice is made by the half of it that is elsewhere called "val".
    """
    if tier == "mini":
        codes = columns(arithmetic.load(tier, split).tensors[0])
        answers = torch.arange(codes.shape[1]).expand_as(codes) > 5  # behind the "="
        return codes.flatten(), answers.flatten(), arithmetic.ALPHABET
    text = shakespeare.load(tier, split)
    codes = torch.cat([shakespeare.load(tier, "val").codes, text.codes]) if split == "test" else text.codes
    return codes, torch.ones(len(codes), dtype=torch.bool), text.alphabet


def load(tier: str, split: str) -> TensorDataset:
    """Rows of characters (N, T) and which of them count (N, T): sums, or pieces of the plays of 257 characters."""
    codes, counted, _ = stream(tier, split)
    if tier == "mini":
        size = step = CONFIG[tier].length
    else:
        size = CONFIG[tier].length + 1  # the first is only read, the last only asked for
        step = STRIDE if split == "train" else size - 1
    return TensorDataset(codes.unfold(0, size, step), counted.unfold(0, size, step))


def build(tier: str, kind: str = "attention", codes: int = len(arithmetic.ALPHABET)) -> nn.Module:
    """An untrained language model of a tier: attention, convolution or recurrence, with about as many weights each."""
    chosen = CONFIG[tier]
    size = 12 * chosen.layers * chosen.d**2  # weights of the blocks
    if kind == "attention":
        return Transformer(codes, chosen.d, chosen.heads, chosen.layers, chosen.length, chosen.dropout)
    if kind == "convolution":
        return Convolutional(
            codes, round(math.sqrt(size / 2 / math.ceil(math.log2(chosen.length)))), chosen.length
        )
    return Recurrent(codes, round(math.sqrt(size / 6)))


def fit(
    net: nn.Module,
    cost: Callable[..., Tensor],
    data: TensorDataset,
    chosen: Config,
    run: Run,
    phase: str = "train",
) -> nn.Module:
    """Train `net` in place by `cost(net, *batch)`: AdamW, one cycle of the learning rate, gradients clipped at 1."""
    optimizer = torch.optim.AdamW(net.parameters(), chosen.rate, (0.9, 0.98), weight_decay=chosen.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, chosen.rate, total_steps=chosen.steps, pct_start=0.1
    )
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    forward = run.compile(net) if phase == "train" else net
    for batch in run.batches(data, chosen.batch, chosen.steps, saved, phase):
        with run.autocast():
            loss = cost(forward, *batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(**{"nats" if phase == "train" else f"{phase}_nats": loss})
    return net.eval()


def language_cost(net: nn.Module, codes: Tensor, counted: Tensor) -> Tensor:
    """`nats` of a language model that reads all of a row but its last character."""
    return nats(F.pad(net(codes[:, :-1]), (0, 0, 0, 1)), codes, counted)


@torch.no_grad()
def measured(net: nn.Module, data: TensorDataset, device: str | torch.device = "cpu") -> float:
    """Mean nats of the counted characters of all rows."""
    total, count = 0.0, 0
    for codes, counted in zip(*(tensor.split(64) for tensor in data.tensors)):
        asked = int(counted[:, 1:].sum())
        total += float(language_cost(net, codes.to(device), counted.to(device))) * asked
        count += asked
    return total / count


@torch.no_grad()
def exact(net: nn.Module, data: TensorDataset) -> float:
    """Share of the rows whose counted characters are all the likeliest ones: what writing greedily gets right."""
    codes, counted = data.tensors
    right = net(codes[:, :-1]).argmax(-1) == codes[:, 1:]
    return (right | ~counted[:, 1:]).all(1).double().mean().item()


class Fused(MultiHead):
    """The same layer by one kernel of PyTorch, which never writes the scores (B, H, T, T): in long rows they are most
    of what a GPU would move.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """As `MultiHead.forward`."""
        q, k, v = (split_heads(part, self.heads) for part in self.project(x).chunk(3, dim=-1))
        return self.out(F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).flatten(2))


def fuse(net: nn.Module) -> nn.Module:
    """Turn the `MultiHead` layers of a net, in place, into `Fused` ones with the same weights."""
    for layer in net.modules():
        if type(layer) is MultiHead:
            layer.__class__ = Fused
    return net


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A pre-norm Transformer with learned positions, one block of 64 (mini) or 5 of 192 (full, kept as float16)."""
    net = build(tier, codes=len(stream(tier, "val")[2])).to(run.device)
    if tier == "full":
        fuse(net)
    fit(net, language_cost, load(tier, "train"), CONFIG[tier], run)
    run.log(validation_nats=measured(net, load(tier, "val"), run.device))
    half = torch.float16 if tier == "full" else torch.float32  # five megabytes is what a record may weigh
    return {name: value.detach().to(half).contiguous() for name, value in net.state_dict().items()}


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Mean nats of a held-out character given those before it: of sums' answers (mini), of the last tenth of the plays.

    Raises:
        ValueError: the tensors are not those of this tier's Transformer.
    """
    net = build(tier, codes=len(stream(tier, "val")[2]))
    wanted = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    got = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in sorted(wanted.keys() | got.keys()):
        if wanted.get(name) != got.get(name):
            raise ValueError(f"evaluate: expected {name} of shape {wanted.get(name)}, got {got.get(name)}.")
    net.load_state_dict({name: value.float() for name, value in tensors.items()})
    return measured(net.to(device).eval(), load(tier, "test"), device)


def baseline(tier: str) -> float:
    """What counting reaches: each column's digits (mini); n-grams (full) that shorter ones smooth, n by validation."""
    if tier == "mini":
        codes, answers = load(tier, "train").tensors
        test = load(tier, "test").tensors[0]
        shares = F.one_hot(codes, len(arithmetic.ALPHABET)).double().mean(0)  # (T, K)
        return -shares.log().gather(1, test.T)[answers[0]].mean().item()
    costs = {split: _counted_nats(tier, split) for split in ("val", "test")}
    return costs["test"][costs["val"].index(min(costs["val"]))]


def _counted_nats(tier: str, split: str) -> list[float]:
    """Nats a counted character of n-grams for n from 1 to `ORDER`, smoothed as Witten and Bell (1991) do."""
    (codes, _, alphabet), (text, counted, _) = stream(tier, "train"), stream(tier, split)
    p, costs = torch.full((len(text),), 1 / len(alphabet), dtype=torch.double), []
    for order in range(1, ORDER + 1):
        p = _with_longer(p, codes, text, order, len(alphabet))
        costs.append(-p[counted].log().mean().item())
    return costs


def _with_longer(p: Tensor, codes: Tensor, test: Tensor, order: int, k: int) -> Tensor:
    """Probabilities of the test's characters from one more of those before: p = (n(hc) + t(h) p) / (n(h) + t(h)).

    n counts in the training text; t(h) is how many different characters followed h there.
    """
    place = k ** torch.arange(order - 1, -1, -1)
    grams, counts = (codes.unfold(0, order, 1) * place).sum(1).unique(return_counts=True)
    contexts, kinds = (grams // k).unique(return_counts=True)
    totals = torch.zeros(len(contexts)).double()
    totals.index_add_(0, torch.searchsorted(contexts, grams // k), counts.double())
    asked = (F.pad(test, (order - 1, 0)).unfold(0, order, 1) * place).sum(1)
    n, t, total = (
        _found(keys, values.double(), wanted)
        for keys, values, wanted in (
            (grams, counts, asked),
            (contexts, kinds, asked // k),
            (contexts, totals, asked // k),
        )
    )
    return torch.where(total > 0, (n + t * p) / (total + t).clamp(min=1), p)


def _found(keys: Tensor, values: Tensor, wanted: Tensor) -> Tensor:
    """The value of each wanted key; 0 where it is not among the keys, which are sorted."""
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == wanted, values[place], 0.0)


@dataclass(frozen=True)
class Bitext:
    """Sentence pairs as lists of codes of one vocabulary for both languages."""

    vocabulary: Vocabulary
    source: list[list[int]]
    target: list[list[int]]


def bitext(tier: str, split: str) -> Bitext:
    """English and French, words that occur twice or more (full) or at all (mini) in the training part."""
    train, pairs = translation.load(tier, "train"), translation.load(tier, split)
    vocabulary = Vocabulary.of(train.source + train.target, least=1 if tier == "mini" else 2)
    source, target = vocabulary.encode(pairs.source), vocabulary.encode(pairs.target)
    longest = TRANSLATION[tier].length // 2 - 1 if split == "train" else 10**6
    kept = [
        i for i, (s, t) in enumerate(zip(source, target)) if 0 < len(s) <= longest and 0 < len(t) <= longest
    ]
    return Bitext(vocabulary, [source[i] for i in kept], [target[i] for i in kept])


def for_one_pass(text: Bitext, most: int = MOST) -> TensorDataset:
    """Source (N, S), fertilities (N, S) and target (N, T) of the pairs whose words become `most` words at the most."""
    alignments = align(text.source, text.target)
    counts = [fertilities(alignment, len(s)).tolist() for alignment, s in zip(alignments, text.source)]
    kept = [i for i, row in enumerate(counts) if max(row) <= most]
    return TensorDataset(*(padded([rows[i] for i in kept]) for rows in (text.source, counts, text.target)))


def one_pass_cost(net: NonAutoregressive, source: Tensor, fertility: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the words, copies placed by the true fertilities, plus that of the fertilities, in nats."""
    h, scores = net.encode(source)
    words = net.decode(h, fertility)  # (B, T', K), T' the longest target of this batch
    of_words = F.cross_entropy(words.transpose(1, 2), target[:, : words.shape[1]], ignore_index=PAD)
    hidden = fertility.masked_fill(source == PAD, -100)
    return of_words + F.cross_entropy(scores.transpose(1, 2), hidden, ignore_index=-100)


def for_one_by_one(text: Bitext) -> TensorDataset:
    """Rows "source, end, target, end" (N, L) for a language model, and where the target stands, with its end (N, L)."""
    rows = padded([[*s, END, *t, END] for s, t in zip(text.source, text.target)])
    begun = (rows == END).cumsum(1) - (rows == END).long() > 0  # behind the first end
    return TensorDataset(rows, begun & (rows != PAD))


@torch.no_grad()
def translate_one_by_one(net: Transformer, sources: Sequence[Sequence[int]], count: int) -> list[Tensor]:
    """The likeliest next word, `count` times at the most, for each source; sources of one length go together."""
    device = next(net.parameters()).device
    written: dict[int, Tensor] = {}
    for length in sorted(set(map(len, sources))):
        places = [i for i, source in enumerate(sources) if len(source) == length]
        prompt = torch.tensor([[*sources[i], END] for i in places], device=device)
        room = min(count, net.places.num_embeddings - length - 1)
        codes = sample_cached(net.next, prompt, room, lambda scores: scores.argmax(-1))
        written |= dict(zip(places, codes[:, length + 1 :].cpu()))
    return [written[i] for i in range(len(sources))]


@torch.no_grad()
def translate_at_once(
    net: NonAutoregressive, sources: Sequence[Sequence[int]], batch: int = 100
) -> list[Tensor]:
    """All words of each source's translation in one pass."""
    device = next(net.parameters()).device
    parts = [sources[i : i + batch] for i in range(0, len(sources), batch)]
    return [row for part in parts for row in net.translate(padded(part).to(device)).cpu()]


def translators(text: Bitext, chosen: Config, run: Run) -> tuple[Transformer, NonAutoregressive]:
    """Both ways to translate, of one size, trained on the same pairs: word by word, and all words at once."""
    sizes = (len(text.vocabulary), chosen.d, chosen.heads)
    one_by_one = Transformer(*sizes, 2 * chosen.layers, chosen.length, chosen.dropout).to(run.device)
    at_once = NonAutoregressive(*sizes, chosen.layers, chosen.length * MOST, MOST, chosen.dropout).to(
        run.device
    )
    fit(one_by_one, language_cost, for_one_by_one(text), chosen, run, "one_by_one")
    fit(at_once, one_pass_cost, for_one_pass(text), chosen, run, "at_once")
    return one_by_one, at_once


def bleu_of(written: Sequence[Tensor], text: Bitext) -> float:
    """BLEU of translations as codes against a bitext's targets."""
    decode = text.vocabulary.decode
    return bleu([decode(row) for row in written], [decode(row) for row in text.target])


if __name__ == "__main__":
    main(__spec__)
