"""The reference of the topic translation: by hand, against PyTorch or a loop, by properties, and tiny trainings."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from course_utils.data import cipher, house_numbers, poses
from course_utils.data.bitext import END, PAD
from course_utils.training import Run
from solutions.translation import reference


@pytest.fixture
def draw():
    return torch.Generator().manual_seed(0)


def test_a_judge_and_who_fools_it_by_hand():
    scores = torch.tensor([[0.8], [0.6]]), torch.tensor([[0.3], [0.1]])
    assert reference.discriminator_loss(lambda x: x, *scores).item() == pytest.approx(0.1 + 0.05)
    assert reference.generator_loss(lambda x: x, scores[1]).item() == pytest.approx((0.49 + 0.81) / 2)


def test_the_judge_alone_learns_from_its_loss():
    w, fake = torch.ones(2, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    reference.discriminator_loss(lambda x: x @ w, torch.zeros(3, 2), fake).backward()
    assert w.grad.any()
    assert fake.grad is None


def test_constancy_and_identity_by_hand():
    source, target = torch.full((1, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 5.0)
    const, identity = reference.dtn_losses(
        lambda x: 2 * x.flatten(1), lambda z: z[:, :, None, None] + 1, source, target
    )
    assert (const.item(), identity.item()) == (64, 36)


def test_three_classes_are_pytorchs_cross_entropy(draw):
    W, *pictures = (torch.randn(n, 3, generator=draw) for n in (3, 4, 5, 6))
    for_D, for_g = reference.ternary_losses(lambda x: x @ W, *pictures)
    due = [F.cross_entropy(x @ W, torch.full((len(x),), k)) for k, x in enumerate(pictures)]
    torch.testing.assert_close(for_D, sum(due))
    fooled = [F.cross_entropy(x @ W, torch.full((len(x),), 2)) for x in pictures[:2]]
    torch.testing.assert_close(for_g, sum(fooled))


def test_a_cycle_by_hand_and_without_a_cost():
    x, y = torch.tensor([[5.0]]), torch.tensor([[1.0]])
    assert reference.cycle_loss(lambda x: x + 3, lambda y: y - 2, x, y).item() == 2
    assert reference.cycle_loss(lambda x: -x, lambda y: -y, x, y).item() == 0  # mirrored, and nobody objects


@pytest.mark.parametrize("shape", [poses.bars, poses.rings])
def test_a_pose_is_the_angle_that_was_drawn(shape):
    angles = torch.linspace(-1.0, 1.0, 21)
    assert (reference.pose(shape(angles)) - angles).abs().max() < 0.04


def test_a_pose_turns_with_its_picture(draw):
    ink = torch.rand(5, 9, 9, generator=draw) ** 6
    turned = reference.pose(ink.rot90(1, (1, 2))) - reference.pose(ink)
    torch.testing.assert_close(torch.cos(2 * turned), torch.full((5,), -1.0), atol=1e-3, rtol=0)


def test_correlation_of_what_never_changes_is_none():
    assert reference.correlation(torch.arange(4.0), torch.ones(4)) == 0
    assert reference.correlation(torch.arange(4.0), -torch.arange(4.0)) == pytest.approx(-1)


def test_two_paths_through_a_latent(draw):
    W, V = torch.randn(2, 4, 3, generator=draw), torch.randn(2, 3, 4, generator=draw)
    x, e = torch.randn(6, 4, generator=draw), torch.randn(6, 3, generator=draw)
    got = reference.unit_losses(lambda x, k: x @ W[k], lambda z, k: z @ V[k], x, 1, 0, e)
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(x @ W[1], 1.0), normal(0.0, 1.0)).sum(1).mean()
    z = x @ W[1] + e
    for one, wanted in zip(got, (F.l1_loss(z @ V[1], x), divergence, z @ V[0])):
        torch.testing.assert_close(one, wanted)


def test_iou_by_hand_and_of_empty_masks():
    a = torch.tensor([[[1, 1, 0]], [[0, 0, 0]], [[0, 0, 0]]], dtype=torch.bool)
    b = torch.tensor([[[0, 1, 1]], [[0, 1, 0]], [[0, 0, 0]]], dtype=torch.bool)
    torch.testing.assert_close(reference.iou(a, b), torch.tensor([1 / 3, 0.0, 1.0]))


def test_a_first_dictionary_undoes_any_renaming(draw):
    counts, renamed = torch.randperm(50, generator=draw)[:9], torch.randperm(9, generator=draw)
    second = torch.empty_like(counts)
    second[renamed] = counts
    assert torch.equal(reference.by_frequency(counts, second), renamed)


def test_noise_loses_words_and_lets_none_overtake_far(draw):
    words = torch.arange(1, 21).expand(200, 20)
    u, v = torch.rand(2, 200, 20, generator=draw)
    kept = reference.noised(words, u, v, 0.0, 3)
    assert torch.equal(kept.sort(1).values, words)
    assert (kept - words).abs().max() == 3
    assert torch.equal(reference.noised(words, u, v, 0.0, 0), words)
    lost = (reference.noised(words, u, v, 0.3, 3) == PAD).float().mean()
    assert lost.item() == pytest.approx(0.3, abs=0.02)


def test_coming_back_sends_no_gradient_through_the_writing():
    W, V = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    asked = []

    def write(x, own, other):
        asked.append((own, other, torch.is_grad_enabled()))
        return W * x

    def cost(source, of, target, to):
        asked.append((of, to))
        return (V * source - target).square().mean()

    reference.back_translation(write, cost, torch.ones(2, 2), 0, 1).backward()
    assert asked == [(0, 1, False), (1, 0)]
    assert W.grad is None
    assert V.grad.item() == pytest.approx(2 * (6 - 1) * 3)


def test_what_is_written_ends_once_and_can_be_read():
    torch.manual_seed(0)
    net = reference.Speaker(cipher.WORDS, cipher.LENGTH, 8)
    x = reference.without_end(cipher.load("mini", "val").tensors[0][:20])
    said = net.write(x, 0, 1)
    assert said.shape == (20, cipher.LENGTH)
    assert ((said == END).sum(1) <= 1).all()
    read = reference.without_end(said)
    assert (read[:, 0] != PAD).all()
    assert torch.isfinite(net.cost(read, 1, cipher.load("mini", "val").tensors[0][:20], 0))


def test_partners_begin_with_one_vector():
    net = reference.Speaker(cipher.WORDS, cipher.LENGTH, 8)
    partner = reference.dictionary(cipher.load("mini", "train"))
    net.begin(partner)
    torch.testing.assert_close(net.words[1].weight[partner], net.words[0].weight)


def test_shared_layers_are_the_same_weights():
    apart, shared = reference.Between(), reference.Between(shared=True)
    assert apart.inner[0] is not apart.inner[1]
    assert shared.inner[0] is shared.inner[1]
    assert not any(p is q for p in shared.drawing() for q in shared.judges.parameters())


def test_bars_and_rings_align_one_way_or_the_other():
    bars, _, rings, _ = poses.load("mini", "train").tensors
    net = reference.learn_between(reference.Between(), TensorDataset(bars, rings), Run(), steps=150)
    assert abs(reference.aligned(net)) > 0.8


def test_a_tiny_training_draws_better_than_the_baseline(monkeypatch):
    how = reference.Config(16, 64, 250, 80, 64, constancy=5.0, identity=40.0, adversary=0.1)
    monkeypatch.setattr(reference, "config", lambda tier: how)
    tensors = reference.train("mini", 0, Run())
    assert reference.evaluate(tensors, "mini") > reference.baseline("mini") + 0.1


def test_nets_of_another_tier_are_refused():
    tensors = reference.build("mini").state_dict()
    with pytest.raises(RuntimeError, match="size mismatch"):
        reference.evaluate(tensors | {"reads.scores.weight": torch.zeros(10, 3)}, "mini")


def test_no_digit_is_both_a_house_number_and_plain():
    pairs = reference.strangers("mini")
    numbers, labels = house_numbers.load("mini", "train").tensors
    plain, others = house_numbers.plain("mini", "train").tensors
    assert len(pairs) == len(numbers)
    chance = (labels == others[torch.arange(len(numbers)) % len(plain)]).float().mean()
    assert chance < 0.2  # no better than strangers
    assert numbers.shape[2] == plain.shape[2]
