"""The reference of the topic alignment: by hand, against scikit-learn and PyTorch, by properties, a tiny training."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.training import Run
from solutions.alignment import reference
from solutions.alignment.reference import (
    DANN,
    SharedTop,
    adapt,
    config,
    coral,
    dann_loss,
    domain_loss,
    doubt,
    follow,
    late,
    least_errors,
    mean_average_precision,
    picture_net,
    plain_net,
    proxy_distance,
    reverse,
    settled,
    slowed,
    strength,
)


def test_average_precision_worked_by_hand():
    scores = torch.tensor([[0.9, 0.8, 0.1], [0.3, 0.2, 0.1]])
    asked, found = torch.tensor([4, 5]), torch.tensor([4, 5, 4])
    assert mean_average_precision(scores, asked, found).item() == pytest.approx((5 / 6 + 1 / 2) / 2)


def test_average_precision_is_scikit_learns():
    scores, asked, found = torch.randn(6, 40), torch.randint(4, (6,)), torch.randint(4, (40,))
    wanted = [average_precision_score((found == q).numpy(), row.numpy()) for row, q in zip(scores, asked)]
    assert mean_average_precision(scores, asked, found).item() == pytest.approx(sum(wanted) / 6)


def test_a_query_without_right_answers_is_left_out():
    scores, found = torch.randn(2, 5), torch.tensor([0, 0, 1, 1, 1])
    assert mean_average_precision(scores, torch.tensor([1, 7]), found) == mean_average_precision(
        scores[:1], torch.tensor([1]), found
    )


def test_modalities_share_the_top_and_nothing_else():
    net = SharedTop({"a": nn.Linear(3, 4), "b": nn.Linear(6, 4)}, nn.Linear(4, 5), nn.Linear(5, 2))
    x, z = torch.randn(2, 3), torch.randn(7, 6)
    scores = net({"b": z, "a": x})
    assert set(scores) == {"a", "b"}
    torch.testing.assert_close(scores["a"], net.classes(net.features("a", x)))
    scores["b"].sum().backward()
    assert net.encoders["a"].weight.grad is None
    assert net.top.weight.grad is not None


def test_coral_worked_by_hand_and_by_pytorchs_covariance():
    assert coral(torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [5.0]])).item() == 1
    a, b = torch.randn(9, 3), 2 * torch.randn(5, 3)
    wanted = ((a.T.cov() - b.T.cov()) ** 2).sum() / 36
    torch.testing.assert_close(coral(a, b), wanted)
    assert coral(a, a + 5).item() == pytest.approx(0, abs=1e-9)  # it does not see where the sets are


def test_the_domain_loss_is_the_mean_of_two_means():
    source, target = 3 * torch.randn(7), 3 * torch.randn(2)
    wanted = [
        F.binary_cross_entropy_with_logits(z, torch.full_like(z, y))
        for z, y in ((source, 0.0), (target, 1.0))
    ]
    torch.testing.assert_close(domain_loss(source, target), sum(wanted) / 2)
    assert domain_loss(torch.tensor([200.0]), torch.tensor([200.0])).item() == 100


def test_the_distance_of_twins_and_of_strangers():
    a, b = torch.randn(4000, 3), torch.randn(4000, 3)
    assert abs(proxy_distance(a, b)) < 0.1
    assert proxy_distance(a, b + 20) == 2
    assert proxy_distance(torch.ones(4, 2), torch.ones(4, 2)) == 0


def test_the_distance_follows_gradient_descent():
    a, b = torch.randn(20, 2), torch.randn(11, 2) + 0.7
    w, c = torch.zeros(2, requires_grad=True), torch.zeros((), requires_grad=True)
    sgd = torch.optim.SGD([w, c], 0.5)
    for _ in range(200):
        sgd.zero_grad()
        domain_loss(a[:10] @ w + c, b[:5] @ w + c).backward()
        sgd.step()
    wrong = (a[10:] @ w + c > 0).float().mean() + (b[5:] @ w + c <= 0).float().mean()
    assert proxy_distance(a, b) == pytest.approx(2 * (1 - wrong.item()), abs=1e-6)


def test_reversal_is_nothing_on_the_way_there():
    x = torch.randn(3, 2, requires_grad=True)
    assert torch.equal(reverse(x, 0.3), x)
    (slope,) = torch.autograd.grad((reverse(x, 0.3) ** 3).sum(), x)
    torch.testing.assert_close(slope, -0.3 * 3 * x**2)


def test_twice_turned_round_is_a_true_gradient():
    x = torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: reverse(reverse(x.sin(), 2.0), 0.5), x)
    assert torch.autograd.gradgradcheck(lambda x: reverse(reverse(x.sin(), 2.0), 0.5), x)


def test_schedules():
    assert strength(0) == 0
    assert strength(1) == pytest.approx(math.tanh(5))  # 2σ(10) - 1
    assert slowed(0.1, 0) == 0.1
    assert slowed(0.1, 1) == pytest.approx(0.1 * 11**-0.75)


def test_body_and_domain_head_pull_in_opposite_directions():
    net = DANN(nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 1))
    source, labels, target = torch.randn(6, 3), torch.randint(2, (6,)), torch.randn(9, 3)

    def slopes(strength):
        net.zero_grad()
        dann_loss(net, source, labels, target, strength).backward()
        return net.body.weight.grad.clone(), net.domains.weight.grad.clone()

    body, domains = zip(*(slopes(s) for s in (0.0, 1.0, 3.0)))
    torch.testing.assert_close(domains[0], domains[2])  # the head always learns at full strength
    torch.testing.assert_close(body[2] - body[0], 3 * (body[1] - body[0]))
    z, other = (net.domains(net.body(x))[:, 0] for x in (source, target))
    (straight,) = torch.autograd.grad(domain_loss(z, other), net.body.weight)
    torch.testing.assert_close(body[1] - body[0], -straight)


def test_a_settled_net_is_normalised_by_the_target_and_a_plain_one_is_as_it_was():
    net, x = picture_net(), torch.rand(40, 3, 32, 32)
    net.body(5 * x)  # learned somewhere else
    settled(net, x)
    maps = net.body[:3](x)  # after the first normalisation
    torch.testing.assert_close(maps.mean((0, 2, 3)), torch.zeros(32), atol=1e-4, rtol=0)
    torch.testing.assert_close(maps.var((0, 2, 3)), torch.ones(32), atol=0.02, rtol=0)
    assert not any(layer.training for layer in net.modules())
    plain = plain_net(4).train()
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    settled(plain, torch.rand(40, 4))
    assert all(torch.equal(tensor, before[name]) for name, tensor in plain.state_dict().items())


def test_no_classifier_without_domains_beats_the_bound():
    p, q = torch.tensor([0.6, 0.3, 0.1]), torch.tensor([0.2, 0.2, 0.6])
    best = math.inf
    for said in torch.rand(2000, 3).softmax(1):
        agree = [torch.minimum(said, share).sum() for share in (p, q)]  # what can be right, at most
        best = min(best, 2 - sum(agree).item())
    assert best >= least_errors(p, q).item() - 1e-6
    assert least_errors(p, q).item() == pytest.approx(0.5)


def test_a_domain_that_is_moved_aside_is_found_again():
    x, y = torch.randn(400, 4), torch.arange(400) % 2
    x[:, 0] += 4.0 * y
    moved = x[200:] + torch.tensor([0.0, 0.0, 6.0, 0.0])
    how = replace(config("mini"), steps=60, rate=0.05)
    source, run = TensorDataset(x[:200], y[:200]), Run("tiny", 0)
    net = adapt(plain_net(4), source, moved, how, run)
    assert reference.accuracy(net, TensorDataset(moved, y[200:])) > 0.9
    assert run.curve["train"][-1][1] < run.curve["train"][0][1]


def test_doubt_is_the_entropy_and_comes_late():
    scores = 3 * torch.randn(6, 4)
    torch.testing.assert_close(doubt(scores), torch.distributions.Categorical(logits=scores).entropy().mean())
    assert doubt(torch.tensor([[500.0, 0.0]])).item() == pytest.approx(0)
    assert late(0.3) == 0 == late(0.0)
    assert late(0.65) == pytest.approx(0.5)
    assert late(1.0) == pytest.approx(1.0)


def test_the_average_follows_and_without_memory_is_the_net():
    net, average = nn.Linear(3, 2), nn.Linear(3, 2)
    wanted = 0.9 * average.weight.detach() + 0.1 * net.weight.detach()
    follow(average, net, 0.9)
    torch.testing.assert_close(average.weight.detach(), wanted)
    follow(average, net, 0.0)
    assert torch.equal(average.weight, net.weight)


def test_a_net_that_is_asked_to_be_sure_doubts_less():
    x, y = torch.randn(200, 4), torch.arange(200) % 2
    target = torch.randn(200, 4)
    left = []
    for weight in (0.0, 2.0):
        torch.manual_seed(0)
        how = replace(config("mini"), steps=60, rate=0.05, doubted=weight)
        net = adapt(plain_net(4, 0.0), TensorDataset(x, y), target, how, Run("tiny", 0))
        left.append(doubt(net(target, 0.0)[0]).item())
    assert left[1] < left[0] - 0.1, left
