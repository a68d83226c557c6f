"""The reference of the topic attention: by hand, against PyTorch and loops, by its properties, a tiny training."""

import math
from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
import torch
import torch.nn.functional as F

from course_utils.data import bitext, reversals, spoken_digits
from course_utils.data.bitext import END, PAD
from course_utils.training import Run, reference_tensors
from solutions.attention import listening, reference
from solutions.attention.reference import (
    Decoder,
    Encoder,
    Translator,
    additive_scores,
    attention_weights,
    beam_search,
    bleu,
    build,
    dot_scores,
    greedy,
    matches,
    read,
    turned,
)


def test_i_am_a_cat_worked_by_hand():
    e = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [3.0, 0.0]]])  # I, am, a, cat
    h = torch.tensor([[[1.0, 2.0]]])
    scores = dot_scores(h, e)
    assert scores.tolist() == [[[1, 2, 6, 3]]]
    whole = sum(math.exp(s) for s in (1, 2, 6, 3))
    weights = attention_weights(scores, torch.ones(1, 4, dtype=torch.bool))
    assert weights[0, 0].tolist() == pytest.approx([math.exp(s) / whole for s in (1, 2, 6, 3)])
    by_hand = [
        (math.exp(1) * 1 + math.exp(6) * 2 + math.exp(3) * 3) / whole,
        (math.exp(2) + math.exp(6) * 2) / whole,
    ]
    assert read(weights, e)[0, 0].tolist() == pytest.approx(by_hand)


def test_dot_product_attention_is_pytorchs():
    h, e = torch.randn(3, 4, 6), torch.randn(3, 5, 6)
    mask = torch.arange(5) < torch.tensor([5, 1, 3])[:, None]
    ours = read(attention_weights(dot_scores(h, e), mask), e)
    library = F.scaled_dot_product_attention(h, e, e, attn_mask=mask[:, None], scale=1.0)
    torch.testing.assert_close(ours, library)
    weights = attention_weights(1e4 * dot_scores(h, e), mask)
    assert weights.isfinite().all()
    assert not weights[1, :, 1:].any()


def test_additive_scores_are_a_plain_loop():
    h, e = torch.randn(2, 3, 4), torch.randn(2, 5, 6)
    W, U, v = torch.randn(7, 4), torch.randn(7, 6), torch.randn(7)
    scores = additive_scores(h, e, W, U, v)
    for b, t, s in product(range(2), range(3), range(5)):
        torch.testing.assert_close(scores[b, t, s], v @ torch.tanh(W @ h[b, t] + U @ e[b, s]))


def test_rows_are_turned_up_to_their_length():
    x = torch.arange(24).view(2, 4, 3)
    got = turned(x, torch.tensor([3, 4]))
    assert torch.equal(got, torch.stack([x[0][[2, 1, 0, 3]], x[1][[3, 2, 1, 0]]]))
    assert torch.equal(turned(got, torch.tensor([3, 4])), x)


def test_an_encoder_is_pytorchs_both_ways_and_padding_changes_nothing():
    encoder, source = Encoder(9, 3, 8), torch.randint(3, 9, (2, 5))
    library = torch.nn.GRU(3, 4, batch_first=True, bidirectional=True)
    ours = {f"{name}": value for name, value in encoder.forth.state_dict().items()}
    ours |= {f"{name}_reverse": value for name, value in encoder.back.state_dict().items()}
    library.load_state_dict(ours)
    states, last = library(encoder.table(source))
    e, mask, end = encoder(source)
    torch.testing.assert_close(e, states)
    torch.testing.assert_close(end, torch.cat([last[0], last[1]], 1))
    assert mask.all()
    longer = F.pad(source, (0, 3), value=PAD)
    e_longer, mask, end_longer = encoder(longer)
    torch.testing.assert_close(e_longer[:, :5], e)
    torch.testing.assert_close(end_longer, end)
    assert mask.sum(1).tolist() == [5, 5]


def test_a_decoders_step_piece_by_piece():
    decoder = Decoder(7, 3, 4)
    y, h, c = torch.tensor([2, 6]), torch.randn(2, 4), torch.randn(2, 4)
    e, mask = torch.randn(2, 5, 4), torch.arange(5) < torch.tensor([5, 2])[:, None]
    scores, (state, told), weights = decoder(y, (h, c), e, mask)
    for b in range(2):
        now = decoder.cell(torch.cat([decoder.table.weight[y[b]], c[b]])[None], h[b][None])[0]
        real = e[b, mask[b]]
        share = torch.softmax(real @ now, 0)
        mean = share @ real
        told_b = torch.tanh(decoder.mix.weight @ torch.cat([now, mean]) + decoder.mix.bias)
        torch.testing.assert_close(state[b], now)
        torch.testing.assert_close(told[b], mean)
        torch.testing.assert_close(weights[b, mask[b]], share)
        torch.testing.assert_close(scores[b], decoder.table.weight @ told_b)


def test_no_word_knows_of_a_later_one_and_all_know_of_the_source():
    net = Translator((9, 7), 3, 4).eval()
    source, target = torch.randint(3, 9, (1, 4)), torch.randint(3, 7, (1, 5))
    scores, weights = net(source, target)
    changed = target.clone()
    changed[0, 3] = 3 if target[0, 3] != 3 else 4
    again, _ = net(source, changed)
    assert torch.equal(scores[:, :4], again[:, :4])
    assert not torch.equal(scores[:, 4:], again[:, 4:])
    torch.testing.assert_close(weights.sum(2), torch.ones(1, 5))
    other = net(source.flip(1) if source[0, 0] != source[0, 3] else source + 1, target)[0]
    assert not torch.equal(other[:, 0], scores[:, 0])


def test_who_does_not_look_back_has_the_last_state_alone():
    net = Translator((9, 7), 3, 4, looks=False).eval()
    source = torch.randint(3, 9, (2, 4))
    _, e, mask = net.encode(source)
    assert e.shape == (2, 1, 4)
    assert mask.tolist() == [[True], [True]]
    torch.testing.assert_close(e[:, 0], net.encoder(source)[2])


def test_greedy_writing_takes_the_likeliest_and_ends():
    net = Translator((9, 5), 3, 4).eval()
    source = torch.randint(3, 9, (6, 4))
    codes = greedy(net, source, 8)
    for row in codes.tolist():
        if END in row:
            assert set(row[row.index(END) + 1 :]) <= {PAD}
    ended = codes[:, :1]
    with torch.no_grad():
        again = net(source, codes)[0][:, :1].argmax(2)
    assert torch.equal(ended, again)


def chain(words, seed=0):
    """A model whose next word depends on the word before and on how many there were."""
    table = (
        torch.randn(9, words, words, generator=torch.Generator().manual_seed(seed)).double().log_softmax(2)
    )
    return lambda word, state: (table[state, word].tolist(), state + 1)


def worth_of(step, words):
    worth, state, before = 0.0, 0, END
    for word in words:
        chances, state = step(before, state)
        worth, before = worth + chances[word], word
    return worth


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_what_exhaustive_search_finds(seed):
    step, most = chain(4, seed), 4
    everything = [
        words
        for length in range(1, most + 1)
        for words in product(range(4), repeat=length)
        if END not in words[:-1] and (words[-1] == END or length == most)
    ]
    best = max(everything, key=lambda words: worth_of(step, words))
    words, worth = beam_search(step, 0, 4**most, most)
    assert tuple(words) == best
    assert worth == pytest.approx(worth_of(step, best))
    narrow = [beam_search(step, 0, width, most)[1] for width in (1, 2, 3)]
    assert all(value <= worth + 1e-9 for value in narrow)


def test_a_beam_of_one_is_greedy():
    step = chain(5, 1)
    words, before, state = [], END, 0
    while len(words) < 7 and (not words or words[-1] != END):
        chances, state = step(before, state)
        before = max(range(5), key=chances.__getitem__)
        words.append(before)
    assert beam_search(step, 0, 1, 7) == (words, pytest.approx(worth_of(step, words)))


def test_bleu_worked_by_hand():
    assert matches(["a", "a", "b"], ["a", "b", "a", "c"], 2) == (1, 2)
    assert matches(["a"], ["a", "b"], 2) == (0, 0)
    output, reference_ = ["the", "cat", "sat", "on", "a", "mat"], ["the", "cat", "sat", "on", "the", "mat"]
    assert bleu([output], [reference_]) == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    short = ["the", "cat", "sat", "on"]
    assert bleu([short], [reference_]) == pytest.approx(100 * math.exp(1 - 6 / 4))
    none_of_four = ["the", "cat", "on", "a", "mat", "the"]  # 5 of 6, 1 of 5, 0 of 4, 0 of 3
    assert bleu([none_of_four], [reference_]) == pytest.approx(100 * (5 / 6 * 1 / 5 / 8 / 12) ** 0.25)
    assert bleu([["x", "y", "z", "u"]], [reference_]) == 0
    assert bleu([["the", "cat"]], [["the", "cat"]]) == 0


def plainly(outputs, references):
    """The same without a Counter: every n-gram of an output crosses one off its reference's list."""
    p, power = [], 0
    for n in range(1, 5):
        right = total = 0
        for output, other in zip(outputs, references):
            left = [other[i : i + n] for i in range(len(other) - n + 1)]
            for i in range(len(output) - n + 1):
                total += 1
                if output[i : i + n] in left:
                    left.remove(output[i : i + n])
                    right += 1
        if total == 0 or (n == 1 and right == 0):
            return 0.0
        power += right == 0
        p.append(right / total if right else 1 / (2**power * total))
    c, r = sum(map(len, outputs)), sum(map(len, references))
    return 100 * math.prod(p) ** 0.25 * (1 if c >= r else math.exp(1 - r / c))


def test_bleu_is_a_plain_loop_and_the_courses_where_nothing_is_smoothed():
    pick = torch.Generator().manual_seed(0)

    def sentences(most):
        lengths = torch.randint(1, most, (3,), generator=pick).tolist()
        return [[str(w) for w in torch.randint(3, (n,), generator=pick).tolist()] for n in lengths]

    kinds = Counter()
    for _ in range(200):
        outputs, references = sentences(8), sentences(8)
        value = bleu(outputs, references)
        assert value == pytest.approx(plainly(outputs, references))
        plain = bitext.bleu(outputs, references)
        kinds["smoothed" if plain == 0 < value else "plain"] += 1
        if plain:
            assert value == pytest.approx(plain)
    assert min(kinds.values()) > 10


def test_strings_come_back_and_splits_share_none():
    seen = Counter()
    for split, size in reversals.SIZES.items():
        source, target = reversals.load("mini", split).tensors
        assert len(source) == size
        for s, t in zip(source[:200], target[:200]):
            assert reversals.decode(s)[::-1] == reversals.decode(t)
            assert (t == END).sum() == 1
        seen.update(text for row in source if len(text := reversals.decode(row)) > 3)
    assert max(seen.values()) == 1
    assert reversals.encode("abl").tolist() == [3, 4, 14]
    with pytest.raises(ValueError, match="'z'"):
        reversals.encode("az")


def test_the_record_looks_back_and_holds_what_it_says():
    net = build("mini")
    net.load_state_dict(reference_tensors("attention", "mini"))
    assert reference.evaluate(net.state_dict(), "mini") > 0.9
    with pytest.raises(RuntimeError):
        reference.evaluate({"first.weight": torch.ones(1)}, "mini")
    source, target = reversals.load("mini", "test").tensors
    rows = (source != PAD).sum(1) == 15
    with torch.no_grad():
        weights = net.eval()(source[rows, :15], target[rows, :16])[1]
    at = weights[:, :15].argmax(2)
    backwards = torch.arange(14, -1, -1)
    assert ((at - backwards).abs() <= 1).double().mean() > 0.9


@pytest.fixture
def tiny(monkeypatch):
    """The mini tier, small enough for seconds."""
    how = replace(reference.config("mini"), d=8, hidden=16, steps=25, batch=16)
    monkeypatch.setattr(reference, "config", lambda tier: how)


def test_a_tiny_training_is_repeatable_and_falls(tiny):
    trained, runs = [], [Run(seed=1, device="cpu") for _ in range(2)]
    for run in runs:
        torch.manual_seed(1)
        trained.append(reference.train("mini", 1, run))
    first, second = trained
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [loss for _, loss in runs[0].curve["nats"]]
    assert losses[-1] < losses[0] - 0.1


def test_the_baseline_trains_a_net_that_does_not_look_back(tiny):
    assert reference.baseline("mini") == 0


def test_sounds_in_a_row_begin_where_they_are_said_to():
    x, real, names, bounds = listening.heard("mini", "test", seed=0, count=4)
    waves, sound, _, duration = spoken_digits.load("mini", "test").tensors
    chosen = torch.randint(len(waves), (4, 3), generator=torch.Generator().manual_seed(0))
    assert torch.equal(real.sum(1), bounds[:, 3])
    assert torch.equal(names, torch.cat([sound[chosen] + 3, torch.full((4, 1), END)], 1))
    second = waves[chosen[2, 1], : duration[chosen[2, 1]]]
    own = listening.frames(second, listening.HEARING["mini"])
    assert torch.equal(x[2, bounds[2, 1] : bounds[2, 2]], own)


def test_frames_are_louder_where_the_pitch_lies():
    how = listening.HEARING["full"]
    wave = torch.sin(2 * math.pi * 1000 * torch.arange(2000) / 8000)  # 1 kHz at 8 kHz
    assert how.bands == 42
    loudest = listening.frames(wave, how).argmax(1)  # bin 31.25 of 125, three to a band
    assert loudest.shape == (15,)
    assert (loudest == 10).all()


def test_a_listener_looks_at_real_frames_alone_and_learns():
    x, real, names, _ = listening.heard("mini", "train", seed=0, count=32)
    net = listening.Listener(replace(listening.HEARING["mini"], hidden=24))
    adam, losses = torch.optim.Adam(net.parameters(), 1e-2), []
    for _ in range(25):
        scores, weights = net(x, real, names)
        losses.append(reference.cost(scores, names))
        adam.zero_grad()
        losses[-1].backward()
        adam.step()
    assert weights.shape == (32, 4, x.shape[1])
    assert (weights.masked_select(~real[:, None].expand_as(weights)) == 0).all()
    assert losses[-1] < losses[0] - 0.3
    right, within, _ = listening.understood(net.eval(), "mini", count=8)
    assert 0 <= right <= 1
    assert len(within) == 3
    assert all(0 <= share <= 1 for share in within)


@pytest.mark.real_data("translation")
def test_the_full_tier_reads_multi30k():
    source, target = reference.load("full", "test").tensors
    assert len(source) == 1000
    assert (target == END).sum() == 1000
    words = reference.vocabularies("full")[1]
    assert 2500 < len(words) < 4500
    assert reference.score(reference.french("test")) == pytest.approx(100)
    assert 5 < reference.score(reference.word_for_word()) < 40
