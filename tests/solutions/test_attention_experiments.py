"""What attention measures beside its record."""

from dataclasses import replace

import torch

from course_utils.data.bitext import PAD
from course_utils.training import Run
from solutions.attention import experiments
from solutions.attention.reference import build, config, load


def test_batches_hold_pairs_of_about_one_length_and_all_their_words():
    data = load("mini", "train")
    for source, target in experiments.Alike(Run(device="cpu")).batches(data, 64, 20, {}):
        lengths = (source != PAD).sum(1)
        assert lengths.max() == source.shape[1]
        assert lengths.max() - lengths.min() <= 1
        assert torch.equal((target != PAD).sum(1), lengths + 1)  # the end mark is one more


def test_an_order_depends_on_the_seed_alone():
    data = load("mini", "train")

    def drawn(seed):
        run = experiments.Alike(Run(seed=seed, device="cpu"))
        return [source.shape[1] for source, _ in run.batches(data, 64, 30, {})]

    assert drawn(0) == drawn(0) != drawn(1)


def test_a_net_that_knows_the_task_has_a_bleu_of_one_at_every_length(monkeypatch):
    source, target = load("mini", "test").tensors
    monkeypatch.setattr(experiments, "written", lambda net, asked, most: target)
    found = experiments.by_length(build("mini"), "mini")
    lengths = (source != PAD).sum(1)
    there = [part for part in experiments.LENGTHS if ((lengths >= part[0]) & (lengths <= part[1])).any()]
    assert list(found) == ["", *(f"_{low}_{high}" for low, high in there)]
    assert all(abs(value - 1) < 1e-9 for value in found.values())


def test_three_nets_of_either_kind_are_measured_over_all_lengths(monkeypatch):
    how = replace(config("mini"), steps=2)
    monkeypatch.setattr(experiments, "config", lambda tier: how)
    found = experiments.experiments({}, "mini", Run(device="cpu"))
    names = [f"{kind}_{seed}" for seed in range(3) for kind in ("looks_back", "last_state")]
    assert set(names) <= set(found)
    assert len(found) == 6 * (1 + len(experiments.LENGTHS))
    assert all(0 <= value <= 1 for value in found.values())
