"""The reference of the topic correspondence: by hand, against plain loops, by its properties, and tiny trainings."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from course_utils.data import aeroplanes, warps
from course_utils.data.registry import DATASETS, DataError
from course_utils.training import Run, reference_tensors
from course_utils.training.devices import seed_everything
from solutions.correspondence import experiments, reference
from solutions.correspondence.reference import (
    Consensus,
    KeypointNet,
    angle,
    consistency,
    conv4d,
    correlation,
    is_mutual,
    keypoint_loss,
    keypoints,
    lift,
    matches,
    measured,
    pair_score,
    pck,
    procrustes,
    project,
    soft_mutual,
    swap,
    votes,
    weak_loss,
)


def turned(b: int) -> torch.Tensor:
    """Random rotations (b, 3, 3)."""
    R = torch.linalg.qr(torch.randn(b, 3, 3, dtype=torch.float64))[0]
    return R * torch.linalg.det(R).sign()[:, None, None]


def test_correlation_is_pytorchs_cosine():
    f, g = torch.randn(2, 5, 3, 4), torch.randn(2, 5, 2, 6)
    c = correlation(f, g)
    for i, j, k, l in itertools.product(range(3), range(4), range(2), range(6)):
        torch.testing.assert_close(c[:, i, j, k, l], F.cosine_similarity(f[:, :, i, j], g[:, :, k, l]))
    assert correlation(torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 1)).item() == 0


def test_matches_and_mutual_ones_worked_by_hand():
    table = torch.tensor([[0.9, 0.1, 0.3], [0.8, 0.2, 0.4], [0.2, 0.3, 0.7]])
    c = table.view(1, 1, 3, 1, 3)
    torch.testing.assert_close(matches(c)[0, 0, :, 0], torch.tensor([-2 / 3, -2 / 3, 2 / 3]))
    assert is_mutual(c).tolist() == [[[True, False, True]]]
    torch.testing.assert_close(soft_mutual(c)[0, 0, 1, 0, 0], torch.tensor(0.8 * 8 / 9), atol=1e-5, rtol=0)


def test_a_permutation_is_found_by_everybody():
    order = torch.randperm(12)
    f = torch.randn(1, 8, 3, 4)
    g = f.flatten(2)[:, :, order].reshape(1, 8, 3, 4)
    c = correlation(f, g)
    assert is_mutual(c).all()
    place = warps.centres(3, 4).flatten(0, 1)[order.argsort()].view(1, 3, 4, 2)
    torch.testing.assert_close(matches(c), place)
    assert pck(matches(c), place, 0.01) == 1


def test_pck_counts_only_what_can_be_found():
    true = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.5, 0.5]])
    assert pck(torch.zeros(3, 2), true, 0.1) == 0.5
    assert pck(torch.zeros(3, 2), true, 0.5) == 1


def test_conv4d_is_a_full_4d_convolution():
    c, first, second = torch.randn(2, 2, 3, 4, 2, 3), torch.randn(4, 2, 3, 3), torch.randn(3, 4, 3, 3)
    kernel = torch.einsum("miab,ompq->oiabpq", first, second)
    padded, expected = F.pad(c, (1,) * 8), torch.zeros(2, 3, 3, 4, 2, 3)
    for b, o, i, j, k, l in itertools.product(*map(range, expected.shape)):
        window = padded[b, :, i : i + 3, j : j + 3, k : k + 3, l : l + 3]
        expected[b, o, i, j, k, l] = (window * kernel[o]).sum()
    torch.testing.assert_close(conv4d(c, first, second), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(swap(conv4d(swap(c), first, second)), conv4d_first_second(c, first, second))


def conv4d_first_second(c, first, second):
    """The same with the kernels' roles exchanged, by PyTorch's conv2d on every slice."""
    half = torch.stack(
        [
            torch.stack([F.conv2d(c[:, :, i, j], first, padding=1) for j in range(c.shape[3])], 2)
            for i in range(c.shape[2])
        ],
        2,
    )
    rows = [
        torch.stack([F.conv2d(half[..., k, l], second, padding=1) for l in range(c.shape[5])], -1)
        for k in range(c.shape[4])
    ]
    return torch.stack(rows, -2)


def test_votes_are_the_mean_of_neighbours_in_step():
    c = torch.rand(1, 1, 4, 4, 4, 4)
    got = conv4d(c, *votes(3))
    steps = itertools.product((-1, 0, 1), repeat=2)
    expected = sum(c[0, 0, 1 + a, 2 + b, 2 + a, 1 + b] for a, b in steps) / 9
    torch.testing.assert_close(got[0, 0, 1, 2, 2, 1], expected)
    torch.testing.assert_close(conv4d(c, *votes(1)), c)


def test_consensus_does_not_know_which_picture_is_first():
    net, c = Consensus(), torch.rand(2, 3, 4, 5, 2)
    one, other = net(c), net(c.permute(0, 3, 4, 1, 2)).permute(0, 3, 4, 1, 2)
    torch.testing.assert_close(one, other)
    assert one.shape == c.shape


def test_scores_of_sure_and_of_unsure_pairs():
    sure = 50 * torch.eye(6).view(1, 2, 3, 2, 3)
    torch.testing.assert_close(pair_score(sure), torch.tensor([2.0]))
    torch.testing.assert_close(pair_score(torch.zeros(1, 2, 3, 2, 2)), torch.tensor([1 / 4 + 1 / 6]))
    assert weak_loss(sure, torch.zeros(1, 2, 3, 2, 3)) < -1.6


def test_keypoints_of_a_peak_and_their_gradient():
    scores = torch.full((1, 1, 4, 4), -50.0)
    scores[0, 0, 1, 2] = 50
    torch.testing.assert_close(keypoints(scores, scores), torch.tensor([[[0.25, -0.25, 50.0]]]))
    scores = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda s: keypoints(s, s**2).float().double(), scores, eps=1e-3, atol=1e-2
    )


def test_lift_is_the_way_back_of_project():
    points = torch.rand(2, 5, 3) + torch.tensor([0.0, 0.0, 3.0])
    torch.testing.assert_close(lift(project(points, 2.5), 2.5), points)


def test_exact_points_are_consistent_and_their_turn_is_recovered():
    R, t = turned(3), torch.randn(3, 3, dtype=torch.float64)
    p = torch.randn(3, 5, 3, dtype=torch.float64)
    far = torch.tensor([0.0, 0.0, 9.0], dtype=torch.float64)
    a, b = project(p + far, 2.0), project(p @ R.mT + t[:, None] + far, 2.0)
    assert consistency(a, b, R, t + far - R @ far, 2.0) < 1e-20
    torch.testing.assert_close(procrustes(p, p @ R.mT + t[:, None]), R)
    assert consistency(a + 0.1, b, R, t + far - R @ far, 2.0) > 1e-3


def test_procrustes_is_the_best_of_many_rotations_and_never_a_mirror():
    p = torch.randn(1, 6, 3, dtype=torch.float64)
    q = p * torch.tensor([1.0, -1.0, 1.0]) + 0.1 * torch.randn(1, 6, 3)
    R = procrustes(p, q)
    assert torch.linalg.det(R).item() == pytest.approx(1)
    p, q = p - p.mean(1, keepdim=True), q - q.mean(1, keepdim=True)
    cost = lambda R: ((p @ R.mT - q) ** 2).sum()  # noqa: E731 - a formula
    assert all(cost(R) <= cost(other[None]) for other in turned(2000))


def test_the_angle_of_a_turn():
    c, s = math.cos(0.7), math.sin(0.7)
    R = torch.tensor([[[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]])
    torch.testing.assert_close(angle(R, torch.eye(3)[None]), torch.tensor([0.7]))
    half = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))[None].requires_grad_()
    angle(half, torch.eye(3)[None]).sum().backward()
    assert torch.isfinite(half.grad).all()


def test_a_keypoint_net_learns_to_agree_without_labels():
    torch.manual_seed(0)
    data, net = aeroplanes.load("mini", "train").tensors, KeypointNet(width=8)
    adam, values = torch.optim.Adam(net.parameters(), 1e-2), []
    for step in range(40):
        rows = torch.arange(8) + 8 * (step % 40)
        losses = keypoint_loss(net, tuple(part[rows] for part in data))
        adam.zero_grad()
        sum(losses.values()).backward()
        adam.step()
        values.append((losses["consistency"] + losses["outside"]).item())
    assert sum(values[20:]) < sum(values[:20])


def test_the_full_tiers_aeroplanes_are_as_small_as_the_mini_tiers():
    small, pairs = aeroplanes.load("full", "val").tensors, reference.aeroplane_pairs("full", "val").tensors
    assert [tuple(part.shape[-2:]) for part in pairs[:3]] == [(24, 24)] * 3
    torch.testing.assert_close(pairs[0][:, :, 3, 5], small[0][:, :, 6:8, 10:12].mean((2, 3)))
    assert torch.equal(pairs[3], small[3])
    mini = aeroplanes.load("mini", "val").tensors
    assert all(torch.equal(*both) for both in zip(reference.aeroplane_pairs("mini", "val").tensors, mini))


def test_points_learn_from_labels_too(monkeypatch):
    few = TensorDataset(*(part[:16] for part in aeroplanes.load("mini", "train").tensors))
    monkeypatch.setattr(reference, "aeroplane_pairs", lambda tier, split: few)
    monkeypatch.setattr(reference, "KeypointNet", lambda: KeypointNet(width=8))
    steps = Run.steps
    monkeypatch.setattr(Run, "steps", lambda run, total, *rest: steps(run, 40, *rest))
    run = Run(seed=0, device="cpu")
    errors = reference.beside("mini", run)
    assert all(0 < error < 180 for error in errors.values())
    for name in ("keypoints", "supervised"):
        losses = [loss for _, loss in run.curve[name]]
        assert sum(losses[-10:]) < sum(losses[:10])


def test_found_points_see_no_label_and_tell_the_turn_with_little_noise(monkeypatch):
    monkeypatch.setattr(experiments, "NOISE", 0.0)
    batch = tuple(part[:8] for part in aeroplanes.load("mini", "train").tensors)
    net = KeypointNet(width=8).eval()
    losses = experiments.found_losses(net, batch)
    blind = experiments.found_losses(net, (*batch[:4], torch.full_like(batch[4], torch.nan)))
    assert losses.keys() == keypoint_loss(net, batch).keys()
    assert all(torch.equal(losses[name], blind[name]) for name in losses)
    p, q = (lift(net(x)[0], aeroplanes.FOCAL) for x in batch[:2])
    torch.testing.assert_close(losses["pose"], angle(procrustes(p, q), batch[3]).mean())


def test_experiments_tell_errors_of_both_kinds_for_each_seed(monkeypatch):
    few = TensorDataset(*(part[:16] for part in aeroplanes.load("mini", "train").tensors))
    monkeypatch.setattr(experiments, "aeroplane_pairs", lambda tier, split: few)
    monkeypatch.setattr(experiments, "WIDTH", 8)
    train = experiments.trained
    monkeypatch.setattr(experiments, "trained", lambda *given: train(*given, steps=2))
    values = experiments.experiments({}, "full", Run(seed=0, device="cpu"))
    kinds = {
        f"{kind}_{what}_{seed}"
        for kind in ("found", "labelled")
        for what in ("median", "mean")
        for seed in range(3)
    }
    assert values.keys() == kinds | {"still_median"}
    assert all(0 < value < 180 for value in values.values())


def test_labels_teach_the_points_of_experiments():
    few = TensorDataset(*(part[:16] for part in aeroplanes.load("mini", "train").tensors))
    run = Run(seed=0, device="cpu")
    experiments.trained("labelled", few, run, "labelled_0", steps=30)
    losses = [loss for _, loss in run.curve["labelled_0"]]
    assert sum(losses[-10:]) < sum(losses[:10])


def test_true_points_have_no_loss_of_geometry():
    _, _, _, R, labels = aeroplanes.load("mini", "val").tensors
    a, b = (project(points, aeroplanes.FOCAL) for points in labels.unbind(1))
    middle = torch.tensor([0.0, 0.0, aeroplanes.DISTANCE])
    assert consistency(a, b, R, middle - R @ middle, aeroplanes.FOCAL) < 1e-9
    assert torch.rad2deg(angle(procrustes(*labels.unbind(1)), R)).max() < 0.2
    assert torch.rad2deg(angle(torch.eye(3).expand_as(R), R)).max() <= 60.01


def test_the_record_beats_its_baseline_and_the_votes_beat_likeness():
    tensors = reference_tensors("correspondence", "mini")
    data, how = reference.featured("mini", "test"), reference.config("mini")

    class Voting(torch.nn.Module):
        def forward(self, c):
            return conv4d(soft_mutual(c)[:, None], *votes(3))[:, 0]

    net = Consensus()
    net.load_state_dict(tensors)
    alone, voted, learnt = measured(data, how), measured(data, how, Voting()), measured(data, how, net)
    assert alone == reference.baseline("mini")
    assert learnt == pytest.approx(reference.evaluate(tensors, "mini"))
    assert alone + 0.2 < voted < learnt


def test_a_tiny_training_is_repeatable_and_falls(monkeypatch):
    short = replace(reference.config("mini"), steps=8, batch=2)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    runs = [Run(seed=1, device="cpu") for _ in range(2)]
    trained = []
    for run in runs:
        seed_everything(1)
        trained.append(reference.train("mini", 1, run))
    first, second = trained
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert runs[0].curve["loss"][-1][1] < runs[0].curve["loss"][0][1]
    with pytest.raises(RuntimeError):
        reference.evaluate({"first.0": torch.ones(1)}, "mini")


@pytest.mark.real_data
def test_a_few_steps_of_the_full_tier(monkeypatch):
    try:
        data = warps.load("full", "train")
        first, second, homography = warps.wall(64)
    except DataError as error:
        pytest.skip(f"needs {DATASETS['warps'].name}: {error}")
    assert len(data) == 240
    back = F.grid_sample(second, warps.moved(warps.centres(64, 64), homography), align_corners=False)
    seen = (warps.moved(warps.centres(64, 64), homography).abs() < 1).all(-1)
    assert (back - first).abs().mean(1)[seen].mean() < (second - first).abs().mean(1)[seen].mean() / 2
    short = replace(reference.config("full"), steps=2, batch=2, grid=6)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    try:
        tensors = reference.train("full", 1, Run(device="cpu"))
    except DataError as error:
        pytest.skip(f"needs squeezenet: {error}")
    net = Consensus()
    net.load_state_dict(tensors)
    found = reference.on_the_wall(net, replace(short, grid=16))
    assert found["wall_mutual"] > found["wall_likeness"] + 0.05
