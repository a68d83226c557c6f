"""Stacks of LSTM layers, plain and residual, after a short training; `benchmarks.chapters` keeps what came out."""

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.programs_found import Facts
from solutions.recurrence import reference as recurrence

KINDS = ("1 plain", "2 plain", "6 plain", "6 residual")
STEPS, SPAN = 50, 25


class Stack(nn.Module):
    """Scores of next letters (B, T, K) by layers that may add to what they read, as the page has it."""

    def __init__(self, letters: int, layers: int, skips: bool, d: int = 24):
        super().__init__()
        self.letters, self.skips = nn.Embedding(letters, d), skips
        self.layers = nn.ModuleList(nn.LSTM(d, d, batch_first=True) for _ in range(layers))
        self.scores = nn.Linear(d, letters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Read letters (B, T)."""
        x = self.letters(x)
        for layer in self.layers:
            y = layer(x)[0]
            x = x + y if self.skips else y
        return self.scores(x)


def cost(net: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """Surprise a letter in spans (B, T), of which the first is given."""
    return F.cross_entropy(net(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())


def stacked(kind: str, seed: int) -> Facts:
    """One stack: its weights, and its surprise at new letters before and after a short training."""
    layers, name = kind.split()
    text, test = (recurrence.load("mini", split) for split in ("train", "test"))
    spans, fresh = (
        codes[: len(codes) // SPAN * SPAN].view(-1, SPAN) for codes in (text.codes, test.codes[:4000])
    )
    torch.manual_seed(seed)
    net = Stack(len(text.alphabet), int(layers), name == "residual")
    adam = torch.optim.Adam(net.parameters(), 0.01)
    with torch.no_grad():
        before = cost(net, fresh).item()
    for _ in range(STEPS):
        loss = cost(net, spans[torch.randint(len(spans), (16,))])
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        adam.step()
    with torch.no_grad():
        after = cost(net, fresh).item()
    return {
        "weights": sum(p.numel() for p in net.parameters()),
        "before": round(before, 4),
        "after": round(after, 4),
    }
