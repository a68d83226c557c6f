"""Three nets that read a sentence and write another, for the chapter: ByteNet's dilated convolutions, the gated ones
with attention of ConvS2S, and the encoder and decoder of the first Transformer. All are small and share what they can.

Shapes as in `reference.py`: B sentences, S source words, T written words, D numbers for each, K codes. Each net takes a
source (B, S) and what is written so far (B, T), which begins with `END`, and scores each next word (B, T, K).
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils.data.bitext import END, PAD, padded
from course_utils.training import Run
from solutions.transformers.reference import (
    TRANSLATION,
    Bitext,
    Block,
    MultiHead,
    attention,
    bitext,
    bleu_of,
    causal_mask,
    fit,
    padding_mask,
    positional_encoding,
    split_heads,
)

DILATIONS = (1, 2, 4)
LONGEST = 40


class Dilated(nn.Module):
    """x + convolution of three places, `dilation` apart, of relu(norm(x)); a causal one sees none that come later.

    (Kalchbrenner et al., 2016, fig. 3, without the narrowing to half the channels.)
    """

    def __init__(self, d: int, dilation: int, causal: bool):
        super().__init__()
        self.norm, self.conv = nn.LayerNorm(d), nn.Conv1d(d, d, 3, dilation=dilation)
        self.padding = (2 * dilation, 0) if causal else (dilation, dilation)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Rows (B, T, D) to rows; `real` (B, T, 1) is 0 at padding, which is then read as nothing."""
        y = (F.relu(self.norm(x)) * real).transpose(1, 2)  # (B, D, T)
        return x + self.conv(F.pad(y, self.padding)).transpose(1, 2)


class ByteNet(nn.Module):
    """One stack reads, a causal one writes; it stands on the first: place t of the one hears place t of the other."""

    def __init__(self, codes: int, d: int):
        super().__init__()
        self.embed = nn.Embedding(codes, d)
        self.reads = nn.ModuleList(Dilated(d, dilation, causal=False) for dilation in DILATIONS)
        self.writes = nn.ModuleList(Dilated(d, dilation, causal=True) for dilation in DILATIONS)
        self.norm, self.scores = nn.LayerNorm(d), nn.Linear(d, codes)

    def forward(self, source: Tensor, written: Tensor) -> Tensor:
        """Scores (B, T, K)."""
        real = (source != PAD).unsqueeze(2)
        h = self.embed(source)
        for layer in self.reads:
            h = layer(h, real)
        h = h * real  # (B, S, D)
        T = written.shape[1]
        x = self.embed(written) + F.pad(h, (0, 0, 0, max(0, T - h.shape[1])))[:, :T]
        for layer in self.writes:
            x = layer(x, torch.ones_like(x[..., :1]))
        return self.scores(self.norm(x))


class Gated(nn.Module):
    """x + a · σ(b), where a and b are a convolution's two halves (Gehring et al., 2017, section 3.2)."""

    def __init__(self, d: int, causal: bool):
        super().__init__()
        self.norm, self.conv = nn.LayerNorm(d), nn.Conv1d(d, 2 * d, 3)
        self.padding = (2, 0) if causal else (1, 1)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """Rows (B, T, D) to rows; `real` as in `Dilated`."""
        y = (self.norm(x) * real).transpose(1, 2)
        return x + F.glu(self.conv(F.pad(y, self.padding)), dim=1).transpose(1, 2)


class ConvS2S(nn.Module):
    """Gated convolutions with places; behind each layer that writes, attention to what was read."""

    def __init__(self, codes: int, d: int):
        super().__init__()
        self.embed = nn.Embedding(codes, d)
        self.reads = nn.ModuleList(Gated(d, causal=False) for _ in range(2))
        self.writes = nn.ModuleList(Gated(d, causal=True) for _ in range(2))
        self.ask = nn.ModuleList(nn.Linear(d, d) for _ in range(2))
        self.norm, self.scores = nn.LayerNorm(d), nn.Linear(d, codes)
        self.register_buffer("positions", positional_encoding(LONGEST, d), persistent=False)

    def forward(self, source: Tensor, written: Tensor) -> Tensor:
        """Scores (B, T, K)."""
        real = (source != PAD).unsqueeze(2)
        begun = self.embed(source) + self.positions[: source.shape[1]]
        h = begun
        for layer in self.reads:
            h = layer(h, real)
        x = self.embed(written) + self.positions[: written.shape[1]]
        for layer, ask in zip(self.writes, self.ask):
            x = layer(x, torch.ones_like(x[..., :1]))
            # Keys are what the encoder made of the words, values have the words themselves beside it.
            x = x + attention(ask(x), h, h + begun, real.transpose(1, 2))
        return self.scores(self.norm(x))


class Cross(nn.Module):
    """Attention with queries from one row and keys and values from another (Vaswani et al., 2017, section 3.2.3)."""

    def __init__(self, d: int, heads: int):
        super().__init__()
        self.heads = heads
        self.ask, self.offer, self.mix = nn.Linear(d, d), nn.Linear(d, 2 * d), nn.Linear(d, d)

    def forward(self, x: Tensor, h: Tensor, mask: Tensor) -> Tensor:
        """x (B, T, D) asks, h (B, S, D) answers where the mask (B, 1, 1, S) lets it: (B, T, D)."""
        q = split_heads(self.ask(x), self.heads)  # (B, H, T, D / H)
        k, v = (split_heads(part, self.heads) for part in self.offer(h).chunk(2, -1))
        return self.mix(attention(q, k, v, mask).transpose(1, 2).flatten(2))


class Writes(nn.Module):
    """A decoder's block: read what was written, read the source, think; each added to what came in."""

    def __init__(self, d: int, heads: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))
        self.before, self.source = MultiHead(d, heads), Cross(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x: Tensor, h: Tensor, mask: Tensor) -> Tensor:
        """x (B, T, D) and the encoder's rows h (B, S, D) with their mask to (B, T, D)."""
        x = x + self.before(self.norms[0](x), causal_mask(x.shape[1]).to(x.device))
        x = x + self.source(self.norms[1](x), h, mask)
        return x + self.mlp(self.norms[2](x))


class EncoderDecoder(nn.Module):
    """The first Transformer, with norms before the sums."""

    def __init__(self, codes: int, d: int, heads: int = 4, layers: int = 1):
        super().__init__()
        self.embed = nn.Embedding(codes, d)
        self.encoder = nn.ModuleList(Block(d, heads) for _ in range(layers))
        self.decoder = nn.ModuleList(Writes(d, heads) for _ in range(layers))
        self.norm1, self.norm2, self.scores = nn.LayerNorm(d), nn.LayerNorm(d), nn.Linear(d, codes)
        self.register_buffer("positions", positional_encoding(LONGEST, d), persistent=False)

    def forward(self, source: Tensor, written: Tensor) -> Tensor:
        """Scores (B, T, K)."""
        mask = padding_mask((source != PAD).sum(1), source.shape[1])
        h = self.embed(source) + self.positions[: source.shape[1]]
        for block in self.encoder:
            h = block(h, mask)
        h, x = self.norm1(h), self.embed(written) + self.positions[: written.shape[1]]
        for block in self.decoder:
            x = block(x, h, mask)
        return self.scores(self.norm2(x))


NETS: dict[str, Callable[[int, int], nn.Module]] = {
    "ByteNet": ByteNet,
    "ConvS2S": ConvS2S,
    "Transformer": EncoderDecoder,
}


def rows_of(text: Bitext) -> TensorDataset:
    """Sources (N, S), and "end, target, end" (N, T + 2)."""
    return TensorDataset(padded(text.source), padded([[END, *row, END] for row in text.target]))


def cost(net: nn.Module, source: Tensor, target: Tensor) -> Tensor:
    """Nats of a word, all words of all targets scored in one pass."""
    scores = net(source, target[:, :-1])
    return F.cross_entropy(scores.transpose(1, 2), target[:, 1:], ignore_index=PAD)


@torch.no_grad()
def write(net: nn.Module, sources: list[list[int]], count: int) -> Tensor:
    """The likeliest next word, `count` times, (B, count); what stands behind an end does not count."""
    source = padded(sources)
    written = torch.full((len(source), 1), END)
    for _ in range(count):
        written = torch.cat([written, net(source, written)[:, -1:].argmax(-1)], dim=1)
    return written[:, 1:]


def translated(kind: str, run: Run) -> dict[str, float]:
    """One of `NETS`, trained on the mini tier's pairs: its weights, BLEU, and the share of test sentences all right.

    `run` keeps the curve of its cost, "<kind>_nats".
    """
    text, test = bitext("mini", "train"), bitext("mini", "test")
    net = NETS[kind](len(text.vocabulary), TRANSLATION["mini"].d)
    fit(net, cost, rows_of(text), replace(TRANSLATION["mini"], steps=300), run, kind)
    written = write(net, test.source, 12)
    decode = test.vocabulary.decode
    right = [decode(row) == decode(torch.tensor(wanted)) for row, wanted in zip(written, test.target)]
    return {
        "weights": float(sum(p.numel() for p in net.parameters())),
        "right": round(sum(right) / len(right), 4),
        "bleu": round(bleu_of(list(written), test), 2),
    }
