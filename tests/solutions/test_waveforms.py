"""The reference of the topic waveforms: by hand, against loops and PyTorch, by its properties, and tiny trainings."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from course_utils.data import spoken_digits
from course_utils.training import Run
from solutions.waveforms import experiments, reference
from solutions.waveforms.reference import (
    Block,
    LinearStudent,
    WaveNet,
    bits,
    causal_conv,
    compand,
    conditioned,
    conv_step,
    decode,
    distillation_loss,
    doubling,
    draw,
    empty_queues,
    encode,
    expand,
    flow,
    generate,
    generate_fast,
    heard,
    logistic_log_density,
    net_step,
    noise,
    receptive_field,
    resonator,
    said,
)


def small(c_out=8, d=0):
    """A net that hears 8 samples, and says something with all its blocks."""
    return WaveNet(4, 6, doubling(3), c_out, d).eval()


def test_the_mu_law_worked_by_hand_and_back():
    torch.testing.assert_close(compand(torch.tensor([-1 / 3, 1 / 3]), 3), torch.tensor([-0.5, 0.5]))
    x = torch.linspace(-1, 1, 101)
    torch.testing.assert_close(expand(compand(x, 255), 255), x)


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_every_code_comes_back_and_the_nearest_level_is_taken(levels):
    codes = torch.arange(levels)
    assert torch.equal(encode(decode(codes, levels), levels), codes)
    x = 2 * torch.rand(500) - 1
    distance = (compand(x, levels - 1)[:, None] - torch.linspace(-1, 1, levels)).abs()
    chosen = distance.gather(1, encode(x, levels)[:, None])[:, 0]
    torch.testing.assert_close(chosen, distance.min(1).values, atol=1e-6, rtol=0)


def test_a_causal_convolution_is_its_loop():
    x, weight, bias = torch.randn(2, 3, 11), torch.randn(4, 3, 3), torch.randn(4)
    y = bias[None, :, None].repeat(2, 1, 11)
    for t in range(11):
        for j in range(3):
            before = t - (2 - j) * 4
            if before >= 0:
                y[:, :, t] += x[:, :, before] @ weight[:, :, j].T
    torch.testing.assert_close(causal_conv(x, weight, bias, 4), y)


@pytest.mark.parametrize("dilations", [(1,), (1, 2, 4, 8), (1, 1, 1), (1, 2, 1, 2)])
def test_the_receptive_field_is_what_gradients_say(dilations):
    net = WaveNet(3, 3, dilations, 2)
    seen = heard(net, (1, 40), 38)
    # The net predicts: it hears the samples before, as far back as the field of its stack reaches.
    assert seen.nonzero().flatten().tolist() == list(range(38 - receptive_field(dilations, 2), 38))


def test_conditions_are_held_one_after_another():
    z, V, h = torch.zeros(1, 2, 6), torch.eye(2), torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])
    assert conditioned(z, h, V)[0].tolist() == [[1, 1, 2, 2, 3, 3], [4, 4, 5, 5, 6, 6]]
    assert conditioned(z, h[:, :, 0], V)[0].tolist() == [[1] * 6, [4] * 6]


def test_a_block_whose_gate_is_shut_passes_its_input_on():
    block = Block(3, 2, 4)
    with torch.no_grad():
        block.conv.bias[3:] = -1000
        block.residual.bias.zero_()
    x = torch.randn(2, 3, 9)
    out, skip = block(x)
    torch.testing.assert_close(out, x)
    torch.testing.assert_close(skip, block.skip.bias[None, :, None].expand(2, 2, 9))


def test_bits_count_samples_and_not_the_filling():
    logits = torch.zeros(2, 4, 3)
    logits[0, 0] = 1000.0  # certain of code 0 throughout
    codes = torch.tensor([[0, 0, 3], [1, 2, 3]])
    assert bits(logits, codes, torch.tensor([2, 1])).item() == pytest.approx(2 / 3)  # 0, 0 and 2 bits


def test_codes_are_drawn_as_often_as_they_are_probable():
    p = torch.tensor([0.2, 0.5, 0.3])
    u = (torch.arange(1000) + 0.5) / 1000
    got = torch.bincount(draw(p.log().expand(1000, 3), u), minlength=3)
    assert (got - 1000 * p).abs().max() <= 1


def test_queues_make_the_same_sounds():
    net, u, h = small(d=3), torch.rand(2, 30), torch.randn(2, 3)
    slow = generate(lambda x: net(x, h), u, 8)
    fast = generate_fast(lambda x, queues: net_step(net, x, queues, h), empty_queues(net, 2), u, 8)
    torch.testing.assert_close(slow, fast)
    assert len(slow.unique()) > 3


def test_a_step_keeps_as_much_as_the_convolution_reaches_back():
    queue = torch.zeros(1, 2, 6)
    for _ in range(9):
        _, queue = conv_step(torch.randn(1, 2), queue, torch.randn(3, 2, 3), torch.randn(3), 3)
        assert queue.shape == (1, 2, 6)


def test_the_logistic_density_is_the_slope_of_its_distribution_function():
    x = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
    mean, log_scale = torch.tensor(0.5), torch.tensor(-0.3)
    (slope,) = torch.autograd.grad(torch.sigmoid((x - mean) / log_scale.exp()).sum(), x)
    torch.testing.assert_close(logistic_log_density(x, mean, log_scale).exp(), slope)


def test_a_flows_log_scale_is_the_slope_in_its_own_noise():
    nets = [WaveNet(4, 6, doubling(2), 2) for _ in range(2)]
    z = torch.randn(1, 1, 6, requires_grad=True)
    sound, log_scale = flow(nets, z)
    jacobian = torch.stack([torch.autograd.grad(x, z, retain_graph=True)[0][0, 0] for x in sound[0, 0]])
    torch.testing.assert_close(jacobian.diagonal().log(), log_scale[0, 0])
    assert not jacobian.triu(1).any()  # no noise from later


def test_a_perfect_student_loses_nothing():
    turn, decay, log_scale = 0.4, 0.9, -1.0
    student, n = LinearStudent(150), torch.arange(1, 151)
    with torch.no_grad():
        ringing = decay**n * torch.sin((n + 1) * turn) / math.sin(turn)
        student.conv.weight.copy_((math.exp(log_scale) * ringing).flip(0).view(1, 1, -1))
        student.log_scale.fill_(log_scale)
        z = noise(torch.rand(200, 1, 120))
        right = distillation_loss([student], lambda x: resonator(x, turn, decay, log_scale), z)
        off = distillation_loss([student], lambda x: resonator(x, turn + 0.5, decay, log_scale), z)
    assert right.abs() < 0.03
    assert off > 0.3


def test_a_student_learns_the_string_from_scores_alone():
    student = LinearStudent(30)
    optimizer = torch.optim.Adam(student.parameters(), 0.05)
    losses = []
    for _ in range(60):
        z = noise(torch.rand(8, 1, 60))
        loss = distillation_loss([student], lambda x: resonator(x, 0.4, 0.8, -1.0), z)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 < 1.5 < losses[0]


def test_what_is_asked_for_stands_at_its_place():
    h = said(torch.tensor([3]), torch.tensor([1]), "mini")
    assert h.shape == (1, 10 + len(spoken_digits.SPEAKERS["mini"]))
    assert h[0].nonzero().flatten().tolist() == [3, 11]


@pytest.fixture
def tiny(monkeypatch):
    """Both tiers, small enough for seconds."""
    for tier, length in (("mini", 500), ("full", 8000)):
        how = replace(
            reference.CONFIG["mini"], c=4, skips=4, dilations=(1, 2), steps=6, batch=4, student=(1, 2)
        )
        monkeypatch.setitem(reference.CONFIG, tier, replace(how, student_steps=3))
        assert spoken_digits.LENGTH[tier] == length


def test_a_tiny_training_is_repeatable_and_learns(tiny, monkeypatch):
    monkeypatch.setitem(reference.CONFIG, "mini", replace(reference.CONFIG["mini"], steps=15))
    first = reference.train("mini", 1, Run(seed=1, device="cpu"))
    run = Run(seed=1, device="cpu")
    second = reference.train("mini", 1, run)
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [loss for _, loss in run.curve["bits"]]
    assert losses[-1] < losses[0]
    assert reference.evaluate(first, "mini") == pytest.approx(6, abs=0.6)


def test_evaluate_weighs_samples(tiny):
    tensors = reference.wavenet("mini").state_dict()
    net = reference.wavenet("mini")
    net.load_state_dict(tensors)
    waves, sound, speaker, length = spoken_digits.load("mini", "test").tensors
    with torch.no_grad():
        at_once = reference.surprise(net, waves, said(sound, speaker, "mini"), length, 64)
    assert reference.evaluate(tensors, "mini") == pytest.approx(at_once.item(), abs=1e-4)


def test_evaluate_refuses_what_is_no_net():
    tensors = reference.wavenet("mini").state_dict()
    tensors.pop("first.bias")
    with pytest.raises(RuntimeError, match=r"first\.bias"):
        reference.evaluate(tensors, "mini")


def test_the_baseline_is_a_table_of_neighbours():
    waves, _, _, length = spoken_digits.load("mini", "test").tensors
    inside = torch.arange(waves.shape[1]) < length[:, None]
    share = torch.bincount(encode(waves[inside], 64), minlength=64) / inside.sum()
    unigram = -(share[share > 0] * share[share > 0].log2()).sum().item()
    assert 4 < reference.baseline("mini") < unigram


def test_what_stands_beside_the_metric_runs(tiny):
    run = Run(seed=0, device="cpu")
    values = experiments.experiments(reference.wavenet("mini").state_dict(), "mini", run, each=1)
    assert set(values) == {"recognised", "recordings_recognised", "teacher_rtf", "student_rtf"}
    assert values["student_rtf"] < values["teacher_rtf"]
    assert 0 <= values["recognised"] <= 1
    assert {"reader", "teacher", "student"} <= set(run.curve) | {name for _, name, _ in run._pending}


@pytest.mark.real_data("spoken_digits")
def test_a_few_steps_on_spoken_digits(tiny):
    run = Run(seed=1, device="cpu")
    tensors = reference.train("full", 1, run)
    losses = [loss for _, loss in run.curve["bits"]]
    assert all(math.isfinite(loss) for loss in losses)
    assert tensors["first.weight"].dtype == torch.float16


def test_pytorchs_convolution_gives_what_a_block_gives():
    block = Block(3, 5, 2)
    x = torch.randn(1, 3, 8)
    a, b = block.conv(F.pad(x, (2, 0))).chunk(2, dim=1)
    y = torch.tanh(a) * torch.sigmoid(b)
    for got, expected in zip(block(x), (x + block.residual(y), block.skip(y))):
        torch.testing.assert_close(got, expected)


def test_a_net_told_otherwise_says_otherwise():
    net, x = small(d=2), torch.randn(1, 1, 20)
    one, other = (net(x, torch.tensor([h])) for h in ([1.0, 0.0], [0.0, 1.0]))
    assert (one - other).abs().max() > 1e-4
    assert partial(net, h=torch.zeros(1, 2))(x).shape == (1, 8, 20)
