"""What translation measures beside its record: a CycleGAN, words laid over each other, captions without pairs."""

import pytest
import torch

from course_utils.data import translation
from course_utils.data.bitext import PAD, Vocabulary
from course_utils.training import Run
from solutions.translation import captions_without_pairs as captions
from solutions.translation import cycle_of_digits as cycle
from solutions.translation import laid_over as words


def test_pictures_go_there_and_back_in_their_shapes():
    nets = cycle.build()
    x, y = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    assert nets["there"](x).shape == y.shape
    assert nets["back"](y).shape == x.shape
    assert nets["house"](x).shape == nets["plain"](y).shape == (2, 1, 7, 7)


def test_a_cycle_of_digits_learns_its_way_home(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    data = torch.utils.data.TensorDataset(
        torch.rand(64, 3, 32, 32, generator=draw).round(), torch.rand(64, 1, 32, 32, generator=draw).round()
    )
    monkeypatch.setattr(cycle, "strangers", lambda tier: data)
    torch.manual_seed(0)
    run = Run(device="cpu")
    cycle.learn(cycle.build(), "full", 6, run)
    home = [value for _, value in run.curve["cyclegan_home"]]
    assert home[-1] < home[0]


def test_a_hidden_turn_is_found_from_a_few_pairs(monkeypatch):
    monkeypatch.setattr(words, "COMMON", 60)
    draw = torch.Generator().manual_seed(1)
    y = words.unit(torch.randn(80, 12, generator=draw))
    turned, _ = torch.linalg.qr(torch.randn(12, 12, generator=draw))
    x = y @ turned.T
    pairs = torch.arange(20), torch.arange(20)
    assert torch.allclose(x @ words.turn(x, y, pairs), y, atol=1e-4)
    found = words.laid_over(x, y, (torch.arange(6), torch.arange(6)))
    assert (words.likeness(found, y).argmax(1) == torch.arange(80)).float().mean() > 0.95


def test_words_that_stand_in_the_same_places_have_vectors_alike():
    lines = [
        "the cat sleeps here",
        "the dog sleeps here",
        "a boat sails far away",
        "a ship sails far away",
    ] * 5
    known = Vocabulary.of(lines)
    found = dict(zip(known.words[3:], words.vectors(known, lines, 4)))
    assert found["cat"] @ found["dog"] > 0.8 > found["cat"] @ found["boat"]


def test_what_is_spelled_alike():
    first, second = Vocabulary.of(["a tennis ball", "a ball"]), Vocabulary.of(["une balle de tennis"])
    a, b = words.alike(first, second)
    assert [(first.words[i + 3], second.words[j + 3]) for i, j in zip(a, b)] == [("tennis", "tennis")]


@pytest.fixture
def grammar(monkeypatch):
    """Captions of the small grammar, each with a full stop, in place of Multi30k's."""
    whole = {}
    for split in ("train", "test"):
        pairs = translation.load("mini", split)
        whole[split] = translation.Pairs(
            *(tuple(f"{line} ." for line in side) for side in (pairs.source, pairs.target))
        )
    monkeypatch.setattr(translation, "load", lambda tier, split: whole[split])
    monkeypatch.setattr(captions, "WORDS", 29)
    monkeypatch.setattr(captions, "D", 8)
    monkeypatch.setattr(captions, "BATCH", 8)
    monkeypatch.setattr(words, "COMMON", 20)
    monkeypatch.setattr(words, "NEAR", 3)
    kept = captions.halves, captions.vocabularies, captions.word_vectors, captions.short_test
    for function in kept:
        function.cache_clear()
    yield
    for function in kept:
        function.cache_clear()


@pytest.mark.usefixtures("grammar")
def test_captions_are_no_pairs_and_are_learned_from():
    english, french = captions.halves()
    pairs = translation.load("full", "train")
    assert english == pairs.source[:2000]
    assert french == pairs.target[2000:]
    run, net = Run(device="cpu"), captions.speaker()
    captions.learn(net, run, 2, "captions alone", coming_back=False)
    captions.learn(net, run, 2, "captions together")
    twins = captions.branched(net, run, 2)
    assert set(twins) == {"likelihood", "adversary"}
    rows, due = captions.short_test()
    for outputs in (captions.written(net.eval(), torch.device("cpu")), captions.word_by_word()):
        assert len(outputs) == len(rows) == len(due)


@pytest.mark.usefixtures("grammar")
def test_the_encoder_is_told_to_hide_its_language():
    net, judge = captions.speaker(), torch.nn.Linear(captions.D, 1)
    batch = tuple(part[:4] for part in captions.texts().tensors)
    slopes = {}
    for strength in (1.0, -1.0):
        net.zero_grad()
        captions.told_apart(net, judge, batch, strength).backward()
        slopes[strength] = net.language.grad, net.place.grad.clone()
    torch.testing.assert_close(slopes[1.0][1], -slopes[-1.0][1])
    assert slopes[1.0][1].abs().max() > 0
    assert (batch[0] != PAD).any()
