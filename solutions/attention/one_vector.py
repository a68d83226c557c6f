"""A source read from its end, by a net that keeps one vector of it: what Sutskever et al. (2014) gained, small.

Strings are to be written again as they are. Read forwards, the first letter that must be written was read long ago;
read from the end, it was read last.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import reversals
from course_utils.data.bitext import END, MARKS, PAD
from course_utils.training import Run
from solutions.attention.reference import cost, turned

LENGTHS = (5, 10, 15)
CODES = len(MARKS) + len(reversals.ALPHABET)


class OneVector(nn.Module):
    """Reads codes (B, S), keeps its last state, and writes from that alone."""

    def __init__(self, d: int = 16, hidden: int = 64):
        super().__init__()
        self.table = nn.Embedding(CODES, d)
        self.reads, self.writes = (nn.GRU(d, hidden, batch_first=True) for _ in range(2))
        self.scores = nn.Linear(hidden, CODES)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Scores (B, T, K) of the letters of targets (B, T), all letters before each being given."""
        states = self.reads(self.table(source))[0]
        last = states[torch.arange(len(source)), (source != PAD).sum(1) - 1]
        before = F.pad(target, (1, -1), value=END)
        return self.scores(self.writes(self.table(before), last[None])[0])


def strings(split: str, from_its_end: bool) -> tuple[Tensor, Tensor]:
    """Strings (N, S) in the order in which they are read, and as they are to be written, an end behind them."""
    source = reversals.load("mini", split).tensors[0]
    lengths = (source != PAD).sum(1)
    target = F.pad(source, (0, 1)).scatter(1, lengths[:, None], END)
    return (turned(source, lengths) if from_its_end else source), target


def rewritten(from_its_end: bool, run: Run, steps: int = 500) -> list[float]:
    """The share of new strings of each of `LENGTHS` in which a trained net foretells every letter and the end."""
    net, (source, target) = OneVector(), strings("train", from_its_end)
    optimizer = torch.optim.AdamW(net.parameters(), 7e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 7e-3, steps, pct_start=0.2)
    for _ in run.steps(steps, {}):
        rows = torch.randint(len(source), (64,))
        loss = cost(net(source[rows], target[rows]), target[rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    source, target = strings("test", from_its_end)
    with torch.no_grad():
        right = ((net(source, target).argmax(2) == target) | (target == PAD)).all(1)
    lengths = (source != PAD).sum(1)
    return [right[lengths == length].double().mean().item() for length in LENGTHS]
