"""The reference of `transformers`: worked by hand, against PyTorch, properties, a tiny training run."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils.data import arithmetic
from course_utils.data.bitext import END, PAD
from course_utils.training import Run
from solutions.transformers import reference
from solutions.transformers.reference import (
    Block,
    Fused,
    MultiHead,
    NonAutoregressive,
    Transformer,
    attention,
    bitext,
    build,
    causal_mask,
    columns,
    convolution_matrix,
    copy_by_fertility,
    exact,
    for_one_by_one,
    for_one_pass,
    fuse,
    language_cost,
    nats,
    padding_mask,
    positional_encoding,
    sample,
    sample_cached,
    shift_matrix,
    translate_at_once,
    translate_one_by_one,
)


def greedy(scores):
    return scores.argmax(-1)


def test_attention_by_hand():
    q, k, v = (
        torch.tensor([[2.0, 0.0]]),
        torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
        torch.tensor([[10.0], [20.0]]),
    )
    a = math.exp(math.sqrt(2))
    assert attention(q, k, v).item() == pytest.approx((10 * a + 20) / (a + 1))


def test_attention_against_pytorch_with_a_mask():
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 4, 8), torch.randn(2, 3, 5, 8), torch.randn(2, 3, 5, 6)
    mask = torch.rand(2, 1, 4, 5) < 0.5
    mask[..., 0] = True
    torch.testing.assert_close(
        attention(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, mask.expand(2, 3, 4, 5))
    )


def test_multihead_against_pytorch_with_copied_weights():
    torch.manual_seed(1)
    layer, theirs, x = MultiHead(12, 3), nn.MultiheadAttention(12, 3, batch_first=True), torch.randn(2, 7, 12)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = layer.project.weight.data, layer.project.bias.data
    theirs.out_proj.load_state_dict(layer.out.state_dict())
    torch.testing.assert_close(layer(x), theirs(x, x, x)[0])
    torch.testing.assert_close(layer(x, causal_mask(7)), theirs(x, x, x, attn_mask=~causal_mask(7))[0])


def test_heads_must_divide():
    with pytest.raises(ValueError, match=r"expected heads that divide d = 10, got 3"):
        MultiHead(10, 3)


@pytest.mark.parametrize("offset", [-4, 0, 1, 23])
def test_a_shift_of_positions_is_one_matrix(offset):
    encoding = positional_encoding(60, 16)
    t = torch.arange(10, 30)
    torch.testing.assert_close(
        encoding[t] @ shift_matrix(offset, 16).T, encoding[t + offset], atol=2e-5, rtol=1e-4
    )


def test_positions_of_an_odd_width_are_refused():
    with pytest.raises(ValueError, match="expected an even d, got 5"):
        reference.positional_encoding(3, 5)


def test_without_positions_a_shuffle_goes_through():
    torch.manual_seed(2)
    block, x, order = Block(8, 2), torch.randn(1, 6, 8), torch.randperm(6)
    torch.testing.assert_close(block(x)[:, order], block(x[:, order]))


@pytest.mark.parametrize("kind", ["attention", "convolution", "recurrence"])
def test_no_language_model_sees_the_future(kind):
    torch.manual_seed(3)
    net, codes = build("mini", kind), torch.randint(13, (1, 8))
    before = net(codes)
    codes[0, 5] = (codes[0, 5] + 1) % 13
    after = net(codes)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().amax(-1).min() > 1e-6


def test_the_three_models_have_one_size():
    sizes = [
        sum(p.numel() for p in build("full", kind, 65).parameters())
        for kind in ("attention", "convolution", "r")
    ]
    assert max(sizes) / min(sizes) < 1.1


def test_padding_changes_nothing():
    torch.manual_seed(4)
    block, x = Block(8, 2), torch.randn(2, 5, 8)
    mask = padding_mask(torch.tensor([3, 5]), 5)
    torch.testing.assert_close(block(x, mask)[0, :3], block(x[:1, :3])[0])


def test_nats_by_hand():
    scores = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [1.0, 1.0, 1.0]]]))
    codes, counted = torch.tensor([[2, 1, 2]]), torch.ones(1, 3, dtype=torch.bool)
    assert nats(scores, codes, counted).item() == pytest.approx(-(math.log(0.25) + math.log(0.8)) / 2)


@pytest.mark.parametrize(("prompt", "count"), [(1, 12), (4, 1), (3, 9)])
def test_a_cache_writes_the_same_text(prompt, count):
    torch.manual_seed(5)
    net = Transformer(11, 16, 4, 3, 20).eval()
    codes = torch.randint(11, (3, prompt))
    assert torch.equal(sample(net, codes, count, greedy), sample_cached(net.next, codes, count, greedy))
    generators = [torch.Generator().manual_seed(6) for _ in range(2)]
    draws = [lambda s, g=g: torch.multinomial(s.softmax(-1), 1, generator=g)[:, 0] for g in generators]
    assert torch.equal(sample(net, codes, count, draws[0]), sample_cached(net.next, codes, count, draws[1]))


def test_a_convolution_as_a_matrix_against_pytorch():
    kernel, x = torch.randn(3), torch.randn(9)
    theirs = F.conv1d(F.pad(x, (4, 0))[None, None], kernel.flip(0)[None, None], dilation=2)[0, 0]
    torch.testing.assert_close(convolution_matrix(kernel, 9, 2) @ x, theirs)


def test_copies_by_hand_and_their_gradient():
    x = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]], requires_grad=True)
    copies, lengths = copy_by_fertility(x, torch.tensor([[0, 2, 1], [1, 0, 0]]))
    assert copies[..., 0].tolist() == [[2, 2, 3], [4, 0, 0]]
    assert lengths.tolist() == [3, 1]
    copies.sum().backward()
    assert x.grad[..., 0].tolist() == [[0, 2, 1], [1, 0, 0]]


def test_sums_are_written_in_columns():
    rows = torch.tensor(
        [[arithmetic.ALPHABET.index(sign) for sign in text] for text in ("23+8=31  ", "99+99=198")]
    )
    written = ["".join(arithmetic.ALPHABET[code] for code in row) for row in columns(rows)]
    assert written == ["23+08=130", "99+99=891"]


def test_only_the_answer_of_a_sum_counts():
    codes, counted = (tensor[0] for tensor in reference.load("mini", "val").tensors)
    assert codes[5] == arithmetic.ALPHABET.index("=")
    assert counted.tolist() == [False] * 6 + [True] * 3


def test_ngrams_of_a_text_by_hand():
    codes, p = torch.tensor([0, 1, 0, 1, 1]), torch.full((3,), 0.5, dtype=torch.double)
    p = reference._with_longer(p, codes, torch.tensor([0, 1, 1]), 1, 2)
    assert p.tolist() == pytest.approx([(2 + 2 * 0.5) / 7, (3 + 1) / 7, (3 + 1) / 7])
    p = reference._with_longer(p, codes, torch.tensor([0, 1, 1]), 2, 2)
    # after 0 came 1 twice; after 1 came 0 once and 1 once
    assert p[1:].tolist() == pytest.approx([(2 + 4 / 7) / 3, (1 + 2 * 4 / 7) / 4])


def test_exact_is_what_greedy_writing_gets_right():
    torch.manual_seed(6)
    net = build("mini").eval()
    codes, counted = (tensor[:40] for tensor in reference.load("mini", "val").tensors)
    written = sample_cached(net.next, codes[:, :6], 3, greedy)
    data = TensorDataset(torch.cat([written[:20], codes[20:]]), counted)
    share = ((written[20:] == codes[20:]).all(1).sum().item() + 20) / 40
    assert exact(net, data) == pytest.approx(share)


def test_a_row_of_both_languages_counts_the_target_and_its_end():
    text = replace(bitext("mini", "val"), source=[[5, 6], [7]], target=[[8], [9, 10]])
    rows, counted = for_one_by_one(text).tensors
    assert rows.tolist() == [[5, 6, END, 8, END], [7, END, 9, 10, END]]
    assert counted.tolist() == [[False, False, False, True, True], [False, False, True, True, True]]


def test_fertilities_of_a_corpus_add_up_to_its_targets():
    source, fertility, target = for_one_pass(bitext("mini", "val")).tensors
    assert torch.equal(fertility.sum(1), (target != PAD).sum(1))
    assert (fertility[source == PAD] == 0).all()


def test_padding_changes_no_translation():
    torch.manual_seed(7)
    net = NonAutoregressive(20, 16, 4, 1, 64).eval()
    sources = [[5, 6, 7], [8, 9, 10, 11, 12, 13]]
    alone = [translate_at_once(net, [source])[0] for source in sources]
    for one, other in zip(alone, translate_at_once(net, sources)):
        words = other[other != PAD]
        assert torch.equal(one[one != PAD], words)


def test_a_source_without_words_leaves_every_gradient_finite():
    net = reference.NonAutoregressive(9, 8, 2, 1, longest=20)
    source, fertility = torch.tensor([[3, 4], [PAD, PAD]]), torch.tensor([[1, 2], [0, 0]])
    reference.one_pass_cost(net, source, fertility, torch.tensor([[5, 6, 7], [PAD, PAD, PAD]])).backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in net.parameters())


def test_other_tensors_are_refused():
    with pytest.raises(
        ValueError, match=r"expected blocks\.0\.attention\.out\.bias of shape \(64,\), got None"
    ):
        reference.evaluate({"w": torch.zeros(2)}, "mini")


def test_a_tiny_training_passes_the_baseline_and_its_tensors_give_it_back(monkeypatch):
    monkeypatch.setitem(reference.CONFIG, "mini", replace(reference.CONFIG["mini"], steps=60))
    run = Run()
    tensors = reference.train("mini", 0, run)
    costs = [value for _, value in run.curve["nats"]]
    assert costs[-1] < 0.8 * costs[0]
    assert (
        reference.evaluate(tensors, "mini") < 1.75
    )  # ten digits, ten digits and two: 1.77 nats each without learning


def test_both_translators_learn(monkeypatch):
    text = bitext("mini", "train")
    chosen = replace(reference.TRANSLATION["mini"], steps=25)
    run = Run()
    one_by_one, at_once = reference.translators(text, chosen, run)
    for name in ("one_by_one_nats", "at_once_nats"):
        costs = [value for _, value in run.curve[name]]
        assert costs[-1] < 0.6 * costs[0], name
    some = text.source[:5]
    assert len(translate_one_by_one(one_by_one, some, 6)) == len(translate_at_once(at_once, some)) == 5


@pytest.mark.real_data("shakespeare")
def test_two_steps_at_the_full_tier(monkeypatch):
    monkeypatch.setitem(reference.CONFIG, "full", replace(reference.CONFIG["full"], steps=2, batch=2))
    codes, counted = reference.load("full", "test").tensors
    assert codes.shape == ((111_540 - 1) // 256, 257)
    assert counted.all()
    train = reference.load("full", "train")
    net = build("full", codes=65)
    reference.fit(net, language_cost, train, reference.CONFIG["full"], Run())
    assert math.isfinite(reference.measured(net, TensorDataset(codes[:2], counted[:2])))
    half = sum(p.numel() for p in net.parameters()) * 2
    assert half < 4.6e6  # with the mini tier's net, a record of at most five megabytes


@pytest.mark.real_data("translation")
def test_real_captions_translate_both_ways_for_two_steps():
    text = bitext("full", "train")
    assert 28_000 < len(text.source) <= 29_000
    some = replace(text, source=text.source[:300], target=text.target[:300])
    chosen = replace(reference.TRANSLATION["full"], steps=2, batch=4, d=32, heads=4, layers=1)
    one_by_one, at_once = reference.translators(some, chosen, Run())
    asked = bitext("full", "test").source[:3]
    assert len(translate_one_by_one(one_by_one, asked, 5)) == len(translate_at_once(at_once, asked)) == 3


def test_what_is_fused_attends_as_before():
    torch.manual_seed(0)
    net, codes = build("mini"), torch.randint(12, (3, 9))
    before = net(codes)
    assert type(fuse(net).blocks[0].attention) is Fused
    torch.testing.assert_close(net(codes), before)
    kept = torch.autograd.grad(before.square().sum(), list(net.parameters()))
    now = torch.autograd.grad(net(codes).square().sum(), list(net.parameters()))
    for a, b in zip(now, kept):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
