"""What the look back is worth on real sentences: BLEU with and without it, by the length of the source."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.bitext import PAD
from course_utils.training import Run
from solutions.attention.reference import (
    Translator,
    bleu,
    build,
    config,
    fit,
    french,
    load,
    vocabularies,
    written,
)

KINDS = {"looks_back": True, "last_state": False}
SEEDS = 3
LENGTHS = ((1, 8), (9, 11), (12, 15), (16, 40))  # words of a source, from and to
MOST = 60  # words that are written at most


class Alike(Run):
    """A run as it stands, whose batches hold pairs of about one length: hardly any padding, and steps cost half."""

    def __init__(self, run: Run):
        self.__dict__ = run.__dict__

    def batches(
        self, data: TensorDataset, size: int, steps: int, saved: dict[str, Any], phase: str = "train"
    ) -> Iterator[tuple[Tensor, ...]]:
        """`steps` batches of neighbours by the length of their sources, any of them next."""
        by_length = (data.tensors[0] != PAD).sum(1).argsort(stable=True).split(size)
        alike = [self.to(*(filled(part[rows]) for part in data.tensors)) for rows in by_length]
        turns = torch.randint(len(alike), (steps,), generator=self.generator(f"{phase} turns")).tolist()
        for step in self.steps(steps, saved, phase):
            yield alike[turns[step]]


def filled(rows: Tensor) -> Tensor:
    """Codes (B, S) without the columns at their end that hold padding alone."""
    return rows[:, : int((rows != PAD).sum(1).max())]


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """BLEU / 100 of the test part, whole and by length, of three nets that look back and three that do not.

    All six learn by the record's recipe, but for their batches, which hold sentences of about one length. The names
    end with the seed; a net and its rival of one seed begin with the same numbers.
    """
    found = {}
    for seed in range(SEEDS):
        for name, looks in KINDS.items():
            torch.manual_seed(seed)
            net = build(tier, looks=looks).to(run.device)
            fit(net, load(tier, "train"), config(tier), Alike(run), f"{name} {seed}")
            found |= {f"{name}{part}_{seed}": value for part, value in by_length(net, tier).items()}
    return found


def by_length(net: Translator, tier: str) -> dict[str, float]:
    """BLEU / 100 of a net's test outputs: of all ("") and of those from one length of the source to another."""
    source, target = load(tier, "test").tensors
    words = vocabularies(tier)[1]
    outputs = [words.decode(row) for row in written(net, source, MOST)]
    humans = french("test") if tier == "full" else [words.decode(row) for row in target]
    lengths = (source != PAD).sum(1)
    parts = {f"_{low}_{high}": (lengths >= low) & (lengths <= high) for low, high in LENGTHS}
    parts = {"": lengths > 0} | {part: chosen for part, chosen in parts.items() if chosen.any()}
    return {
        part: bleu(*([rows[n] for n in chosen.nonzero()[:, 0].tolist()] for rows in (outputs, humans))) / 100
        for part, chosen in parts.items()
    }
