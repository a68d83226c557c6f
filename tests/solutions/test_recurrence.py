"""The reference of the topic recurrence: by hand, against PyTorch, by its properties, and a tiny training."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.data import tales
from course_utils.data.text import Text, encode
from course_utils.training import Run, reference_tensors
from course_utils.training.devices import seed_everything
from solutions.recurrence import reference
from solutions.recurrence.reference import (
    chances,
    clip,
    counts,
    embed,
    embed_gradient,
    gru_step,
    lstm_step,
    nats,
    rnn_step,
    smoothed,
    surprise,
    unroll,
    write,
)


def test_counting_and_smoothing_worked_by_hand():
    table = counts("aab", 2)
    assert table == {"": {"a": 2, "b": 1}, "a": {"a": 1, "b": 1}}
    p = smoothed(table, "", "ab", 2)
    assert p == pytest.approx({"a": (2 + 2 / 2) / 5, "b": (1 + 2 / 2) / 5})
    q = smoothed(table, "xa", "ab", 2)
    assert q == pytest.approx({c: (1 + 2 * p[c]) / 4 for c in "ab"})
    assert smoothed(table, "b", "ab", 2) == p


def test_smoothed_chances_add_up_to_one_and_surprise_is_their_logarithm():
    text, alphabet = "the hare sees the hares", " aehrst"
    table = counts(text, 4)
    for context in ("", "the", " h", "zz"):
        assert sum(smoothed(table, context, alphabet, 4).values()) == pytest.approx(1)
    plain = -sum(math.log(smoothed(table, text[:t], alphabet, 4)[c]) for t, c in enumerate(text)) / len(text)
    assert surprise(table, text, alphabet, 4) == pytest.approx(plain)


def test_embedding_is_a_product_and_its_gradient_autograds():
    codes, table = torch.randint(5, (3, 7)), torch.randn(5, 4, requires_grad=True)
    upstream = torch.randn(3, 7, 4)
    torch.testing.assert_close(embed(codes, table), F.one_hot(codes, 5).float() @ table)
    wanted = torch.autograd.grad(embed(codes, table), table, upstream)[0]
    torch.testing.assert_close(embed_gradient(codes, upstream, 5), wanted)


def test_cells_are_pytorchs():
    x, h, c = torch.randn(3, 4), torch.randn(3, 5), torch.randn(3, 5)
    rnn, lstm, gru = nn.RNNCell(4, 5), nn.LSTMCell(4, 5), nn.GRUCell(4, 5)
    weights = rnn.weight_ih, rnn.weight_hh, rnn.bias_ih + rnn.bias_hh
    torch.testing.assert_close(rnn_step(x, h, *weights), rnn(x, h))
    weights = lstm.weight_ih, lstm.weight_hh, lstm.bias_ih + lstm.bias_hh
    torch.testing.assert_close(lstm_step(x, h, c, *weights), lstm(x, (h, c)))
    with torch.no_grad():
        gru.bias_hh.zero_()
    torch.testing.assert_close(gru_step(x, h, gru.weight_ih, gru.weight_hh, gru.bias_ih), gru(x, h))


def test_unrolled_steps_are_pytorchs_net():
    net, xs, h = nn.RNN(3, 4, batch_first=True), torch.randn(2, 6, 3), torch.randn(2, 4)
    weights = net.weight_ih_l0, net.weight_hh_l0, net.bias_ih_l0 + net.bias_hh_l0
    torch.testing.assert_close(unroll(xs, h, *weights), net(xs, h[None])[0])


def test_clipping_is_pytorchs():
    parameters = [torch.zeros(3, requires_grad=True), torch.zeros(2, 2, requires_grad=True)]
    for scale in (0.1, 10.0):
        gradients = [scale * torch.randn_like(p) for p in parameters]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        nn.utils.clip_grad_norm_(parameters, 5.0)
        for ours, parameter in zip(clip(gradients), parameters):
            torch.testing.assert_close(ours, parameter.grad, rtol=1e-4, atol=1e-5)
    assert clip([torch.zeros(2)])[0].tolist() == [0, 0]


def test_nats_are_cross_entropy():
    scores, codes = torch.randn(2, 3, 4), torch.randint(4, (2, 3))
    torch.testing.assert_close(nats(scores, codes), F.cross_entropy(scores.flatten(0, 1), codes.flatten()))
    assert nats(1e4 * torch.eye(4)[None], torch.tensor([[1, 1, 1, 1]])).isfinite()


def test_chances_follow_temperature_and_rank():
    scores = torch.randn(3, 6)
    torch.testing.assert_close(chances(scores, 0.5), torch.softmax(2 * scores, -1))
    few = chances(scores, top=2)
    assert (few > 0).sum(1).tolist() == [2, 2, 2]
    torch.testing.assert_close(few.sum(1), torch.ones(3))
    drawn = (
        torch.multinomial(chances(scores[0], 1.3), 20_000, replacement=True).bincount(minlength=6) / 20_000
    )
    torch.testing.assert_close(drawn, torch.softmax(scores[0] / 1.3, 0), atol=0.02, rtol=0)


def test_writing_goes_on_from_the_state():
    net = reference.LanguageModel(7, 4, 8).eval()
    prompt = torch.randint(7, (2, 3))
    got = write(net, prompt, 5, lambda scores: scores.argmax(-1))
    plain = prompt
    with torch.no_grad():
        for _ in range(5):
            plain = torch.cat([plain, net(plain)[0][:, -1].argmax(-1, keepdim=True)], 1)
    assert torch.equal(got, plain)


def test_spans_walk_along_the_rows_and_begin_again():
    text = reference.rows(torch.arange(23), 2)
    assert text.tolist() == [list(range(11)), list(range(11, 22))]
    starts = [reference.span(text, step, 3) for step in range(4)]
    assert [read[0, 0].item() for read, _ in starts] == [0, 3, 6, 0]
    assert all(torch.equal(follows, read + 1) for read, follows in starts)


def test_a_text_is_measured_in_one_go():
    net, codes = reference.LanguageModel(7, 4, 8).eval(), torch.randint(7, (40,))
    with torch.no_grad():
        whole = nats(net(codes[None, :-1])[0], codes[None, 1:]).item()
    assert reference.measured(net, codes, length=9) == pytest.approx(whole, rel=1e-4)


def test_tales_keep_to_their_grammar_and_their_entropy_is_a_floor():
    text = tales.load("mini", "val")
    lines = text.decode(text.codes).split(". ")[:-1]
    assert len(lines) == tales.SENTENCES["val"]
    known = {form: (noun[2], many) for noun in tales.NOUNS for many, form in enumerate(noun[:2])}
    for line in lines:
        pronoun, many = known[line.split()[2]]
        assert line.split(", and ")[1].startswith("they are" if many else f"{pronoun} is")
    train = tales.load("mini", "train")
    best = surprise(counts(train.decode(train.codes), 8), text.decode(text.codes), text.alphabet, 8)
    assert 0.15 < tales.entropy("val") < best < 0.3
    with pytest.raises(ValueError, match="alphabet"):
        encode("Q", tales.ALPHABET)


def test_the_record_beats_counting_and_no_net_beats_the_grammar():
    tensors = reference_tensors("recurrence", "mini")
    value = reference.evaluate(tensors, "mini")
    assert tales.entropy("test") < value < reference.baseline("mini") - 0.1
    with pytest.raises(RuntimeError):
        reference.evaluate({"table": torch.ones(1)}, "mini")


def test_a_tiny_training_is_repeatable_and_falls(monkeypatch):
    short = reference.Config(d=4, hidden=8, layers=1, dropout=0.0, batch=4, span=16, steps=30, rate=3e-2)
    text = tales.load("mini", "val")
    few = Text(text.codes[:2000], text.alphabet)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    monkeypatch.setattr(reference, "load", lambda tier, split: few)
    runs = [Run(seed=1, device="cpu") for _ in range(2)]
    trained = []
    for run in runs:
        seed_everything(1)
        trained.append(reference.train("mini", 1, run))
    first, second = trained
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [value for _, value in runs[0].curve["nats"]]
    assert losses[-1] < losses[0] - 0.5
