"""CycleGAN on the digits of the domain transfer network, and captions in two languages without a pair."""

import torch
from torch import Tensor

from course_utils.training import Run, reference_tensors
from course_utils.training.of_seed import OfSeed
from solutions.attention import reference as attention
from solutions.translation import captions_without_pairs as captions
from solutions.translation import cycle_of_digits as cycle
from solutions.translation.reference import build

SEEDS = 3
# What some ten minutes of one thread have time for, a seed.
STEPS = {"cyclegan": 500, "alone": 150, "together": 300, "branch": 100}


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Shares of digits that a CycleGAN keeps and BLEU (0 to 100) of short captions, by way to translate them and seed.

    What learns nothing here has no seed in its name.
    """
    found = without_learning()
    for seed in range(SEEDS):
        own = OfSeed(run, seed)
        measured = digits(tensors, tier, own) | sentences(own)
        found |= {f"{name}_{seed}": value for name, value in measured.items()}
    return found


def digits(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """What a CycleGAN of house numbers and plain digits keeps; f of the trained transfer network reads for it."""
    reader = build(tier)
    reader.load_state_dict(tensors)
    torch.manual_seed(run.seed)
    nets = cycle.build().to(run.device)
    cycle.learn(nets, tier, STEPS["cyclegan"], run)
    return cycle.right(nets.eval(), reader["reads"].to(run.device).eval(), tier, run.device)


def sentences(run: Run) -> dict[str, float]:
    """BLEU of short English captions in French, by two nets that have seen no pair."""
    torch.manual_seed(run.seed)
    net = captions.speaker().to(run.device)
    captions.learn(net, run, STEPS["alone"], "captions alone", coming_back=False)
    captions.learn(net, run, STEPS["together"], "captions together")
    twins = captions.branched(net, run, STEPS["branch"])
    _, due = captions.short_test()
    outputs = {name: captions.written(twin.eval(), run.device) for name, twin in twins.items()}
    return {f"bleu_{name}": attention.bleu(lines, due) for name, lines in outputs.items()}


def without_learning() -> dict[str, float]:
    """The same by word vectors alone, and twice by pairs: word for word, and by the net of `attention`'s record."""
    rows, due = captions.short_test()
    everything = attention.word_for_word()
    outputs = {
        "word_by_word": captions.word_by_word(),
        "word_for_word_of_pairs": [everything[n] for n in rows],
        "supervised": captions.with_pairs(reference_tensors("attention", "full")),
    }
    found = {f"bleu_{name}": attention.bleu(lines, due) for name, lines in outputs.items()}
    return found | {"captions_tested": float(len(rows))}
