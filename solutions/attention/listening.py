"""Listening: a net hears three sounds in a row and writes their names, looking back at the frames.

After Chan et al., "Listen, attend and spell", arXiv:1508.01211; the decoder is the lab's. Shapes: N recordings of three
sounds, T frames of them with `bands` numbers each.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import spoken_digits
from course_utils.data.bitext import END
from solutions.attention.reference import Decoder, cost

MARKS = 3  # codes before those of the ten sounds


@dataclass(frozen=True)
class Hearing:
    """Samples in a window, from one to the next, neighbouring pitches in a band; states; recordings, steps, rate."""

    window: int
    hop: int
    width: int
    hidden: int
    count: int
    steps: int
    rate: float = 1e-2

    @property
    def bands(self) -> int:
        """Numbers in a frame."""
        return (self.window // 2 + 1) // self.width


HEARING = {"mini": Hearing(50, 25, 1, 48, 1500, 140), "full": Hearing(250, 125, 3, 96, 3000, 700, 5e-3)}


def frames(wave: Tensor, how: Hearing) -> Tensor:
    """Logarithms of the spectrum (T, bands) of a wave's windows, in bands of neighbouring pitches."""
    spectrum = torch.fft.rfft(wave.unfold(0, how.window, how.hop)).abs()
    return F.avg_pool1d(spectrum[None], how.width)[0].clamp(min=1e-3).log()


def heard(
    tier: str, split: str, seed: int, count: int | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Recordings of three sounds in a row, drawn from those of a split.

    Returns:
        Frames (N, T, bands); which of them are real (N, T); the sounds' codes with an end behind them (N, 4); the
        frames at which they begin, and the last one ends (N, 4).
    """
    how, pick = HEARING[tier], torch.Generator().manual_seed(seed)
    waves, sound, _, duration = spoken_digits.load(tier, split).tensors
    spectra = [frames(wave[:n], how) for wave, n in zip(waves, duration.tolist())]
    chosen = torch.randint(len(waves), (count or how.count, 3), generator=pick)
    rows = [torch.cat([spectra[n] for n in three]) for three in chosen.tolist()]
    lengths = torch.tensor([[len(spectra[n]) for n in three] for three in chosen.tolist()])
    x = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    bounds = F.pad(lengths.cumsum(1), (1, 0))
    names = F.pad(sound[chosen] + MARKS, (0, 1), value=END)
    return x, torch.arange(x.shape[1]) < bounds[:, 3:], names, bounds


class Listener(nn.Module):
    """An ear that hears from both ends, and a decoder that looks back at what it heard."""

    def __init__(self, how: Hearing):
        super().__init__()
        self.ear = nn.GRU(how.bands, how.hidden // 2, batch_first=True, bidirectional=True)
        self.decoder = Decoder(10 + MARKS, 16, how.hidden)

    def forward(self, x: Tensor, real: Tensor, names: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (N, T, bands), which are `real` (N, T), right names (N, M): scores (N, M, 13), weights (N, M, T)."""
        e, scores, weights = self.ear(x)[0], [], []
        state = e[:, 0], torch.zeros_like(e[:, 0])
        for y in F.pad(names, (1, -1), value=END).unbind(1):
            now, state, looks = self.decoder(y, state, e, real)
            scores.append(now)
            weights.append(looks)
        return torch.stack(scores, 1), torch.stack(weights, 1)


def taught_to_hear(tier: str, seed: int) -> Listener:
    """A listener that was told the names of recordings of the training part, and never where a sound begins."""
    how = HEARING[tier]
    torch.manual_seed(seed)
    net = Listener(how)
    optimizer = torch.optim.AdamW(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    x, real, names, _ = heard(tier, "train", seed)
    for _ in range(how.steps):
        rows = torch.randint(len(x), (32,))
        loss = cost(net(x[rows], real[rows], names[rows])[0], names[rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def understood(net: Listener, tier: str, count: int = 300) -> tuple[float, list[float], Tensor]:
    """How well new recordings are named: the share of names that are right; by place, the share of the weights that
    lie within the sound that is being named; and the weights (N, 4, T)."""
    x, real, names, bounds = heard(tier, "test", 1, count)
    scores, weights = net(x, real, names)
    right = (scores.argmax(2) == names)[:, :3].float().mean().item()
    place = torch.arange(x.shape[1])
    within = (place >= bounds[:, :3, None]) & (place < bounds[:, 1:, None])  # (N, 3, T)
    return right, (weights[:, :3] * within).sum(2).mean(0).tolist(), weights
