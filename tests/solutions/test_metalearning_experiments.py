"""What metalearning measures beside its record: MAML over tasks at once, and a memory."""

import pytest
import torch
import torch.nn.functional as F

from course_utils.training import Run
from solutions.metalearning import experiments, others, reference
from solutions.metalearning import maml_of_characters as maml
from solutions.metalearning import memory_of_characters as memory


def pictures(draw, classes=8, drawings=10):
    """Classes that differ in their places of ink, as drawings (C, K, 1, 28, 28) with noise."""
    means = F.interpolate(torch.rand(classes, 1, 4, 4, generator=draw), size=28)
    return (means[:, None] + 0.1 * torch.randn(classes, drawings, 1, 28, 28, generator=draw)).clamp(0, 1)


def test_tasks_at_once_are_each_on_its_own():
    draw = torch.Generator().manual_seed(0)
    weights = dict(maml.strided(4, maml.WAYS).named_parameters())
    support, query = maml.drawn(pictures(draw), 3, 2, draw)
    together = maml.of_tasks(maml.quick, weights, support, query, 2)
    alone = [maml.scores(maml.quick, weights, s, q, 2) for s, q in zip(support, query)]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-4, rtol=1e-4)


def test_the_quick_net_is_that_of_convolutions_and_so_are_its_outer_gradients():
    draw = torch.Generator().manual_seed(5)
    net = maml.strided(4, maml.WAYS).double()
    weights = {name: weight.detach() for name, weight in net.named_parameters()}
    for name in weights:  # nothing is 0 or 1, as scales and shifts are at the beginning
        weights[name] = weights[name] + 0.3 * torch.randn(weights[name].shape, generator=draw).double()
    support, query = (part.double() for part in maml.drawn(pictures(draw), 3, 2, draw))
    due = torch.arange(maml.WAYS).repeat_interleave(2).repeat(3)

    def cost(at, read, tasks):
        found = torch.stack(tasks(read, at))
        return F.cross_entropy(found.flatten(0, 1), due), found

    def at_once(read, at):
        return list(maml.of_tasks(read, at, support, query, 2))

    def one_by_one(read, at):
        return [maml.scores(read, at, s, q, 2) for s, q in zip(support, query)]

    outer = torch.func.grad(cost, has_aux=True)
    found, scores = outer(weights, maml.quick, at_once)
    expected, plain = outer(weights, lambda at, x: torch.func.functional_call(net, at, (x,)), one_by_one)
    torch.testing.assert_close(scores, plain, atol=1e-8, rtol=1e-8)
    for name in weights:
        torch.testing.assert_close(found[name], expected[name], atol=1e-8, rtol=1e-6)
    assert min(expected[name].abs().max() for name in ("0.weight", "1.bias", "9.weight")) > 1e-4


def test_an_inner_step_is_the_references():
    draw = torch.Generator().manual_seed(1)
    net = maml.strided(3, maml.WAYS)
    weights = dict(net.named_parameters())
    (support,), _ = maml.drawn(pictures(draw), 1, 2, draw)
    found = maml.adapted(maml.quick, weights, support, 1)

    def cost(params):
        scores = torch.func.functional_call(net, dict(zip(weights, params)), (support[:, 0],))
        return F.cross_entropy(scores, torch.arange(5))

    expected = reference.adapt(cost, list(weights.values()), maml.INNER, 1)
    for one, other in zip(found.values(), expected):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_the_outer_loop_lowers_the_cost(monkeypatch):
    monkeypatch.setattr(maml, "CYCLE", 12)
    monkeypatch.setattr(maml, "SETTLING", 1)
    draw = torch.Generator().manual_seed(2)
    torch.manual_seed(0)
    net, run = maml.strided(8, maml.WAYS), Run(device="cpu")
    maml.learn(net, pictures(draw), 12, run)
    costs = [value for _, value in run.curve["maml_nats"]]
    assert sum(costs[-3:]) < sum(costs[:3])
    assert maml.right(net, pictures(draw), torch.device("cpu"), 20) > 0.5  # new classes; guessing is 0.2


def test_a_sequence_shows_every_class_equally_often():
    draw = torch.Generator().manual_seed(3)
    x, y = memory.sequences(pictures(draw), 4, draw)
    assert x.shape == (4, memory.LENGTH, 1, 28, 28)
    assert all(row.bincount().tolist() == [memory.PRESENTED] * memory.WAYS for row in y)


def test_a_memory_sees_labels_one_step_late_and_never_its_own():
    net = memory.MemoryReader(ways=3, channels=2, d=4)
    x, y = torch.rand(2, 6, 1, 28, 28), torch.randint(3, (2, 6))
    scores = net(x, y)
    other = y.clone()
    other[:, 3] = (y[:, 3] + 1) % 3
    changed = (net(x, other) - scores).abs().amax((0, 2)) > 1e-6
    assert not changed[:4].any()  # what is told of step 3 is known from step 4 on
    assert changed[4:].any()


def test_what_was_seen_is_found_again():
    key = torch.eye(3)[torch.tensor([[0, 1, 0, 1]])]
    told = F.one_hot(torch.tensor([[0, 2, 1, 2]]), 3).float()  # labels 2, 1, 2, one step late
    net = memory.MemoryReader(ways=3)
    with torch.no_grad():
        net.log_sharpness.fill_(4.0)
        found = net.read(key, told)
    assert found[0, 0].sum() == 0
    assert found[0, 2].argmax() == 2
    assert found[0, 3].argmax() == 1
    assert found[0, 2:].amax(1).min() > 0.99


def test_a_memory_learns_to_bind(monkeypatch):
    monkeypatch.setattr(memory, "SEQUENCES", 2)
    draw = torch.Generator().manual_seed(4)
    torch.manual_seed(0)
    net, run = memory.MemoryReader(channels=4, d=16), Run(device="cpu")
    memory.learn(net, pictures(draw), 25, run)
    shares = memory.presentations(net, pictures(draw), torch.device("cpu"), 20)
    assert shares.shape == (memory.PRESENTED,)
    assert shares[1] > shares[0] + 0.3


def test_a_new_last_layer_and_prototypes_find_classes_that_lie_apart_and_guess_where_none_do():
    draw = torch.Generator().manual_seed(3)
    middles = 10 * torch.randn(12, 1, 6, generator=draw)
    apart = middles + 0.1 * torch.randn(12, 10, 6, generator=draw)
    assert others.fine_tuned(apart, 1) == (1.0, 1.0)
    for share in others.fine_tuned(torch.randn(12, 10, 6, generator=draw), 1):
        assert 0.1 < share < 0.3


def test_a_beginning_that_says_0_costs_as_much_as_saying_0_and_steps_lower_it():
    zero = [torch.zeros_like(p).requires_grad_() for p in reference.beginning(8)]
    at_once, one, ten, always = others.faster(zero, 2.0)
    assert at_once == pytest.approx(always)
    assert max(one, ten) < 1.05 * always  # only the last bias can learn
    at_once, *_ = others.other_half(zero)
    assert 3 < at_once < 6  # the mean square of such waves is 4.2


def test_waves_are_those_of_their_frequency():
    wave = others.some_waves(3, torch.Generator().manual_seed(0))
    x = torch.linspace(-2, 2, 9).view(1, 9, 1).expand(3, -1, -1)
    torch.testing.assert_close(wave(x, 2.0), wave(2 * x, 1.0))
    torch.testing.assert_close(wave(x, 1.0), wave(x + 2 * torch.pi, 1.0), atol=1e-4, rtol=1e-4)


def test_each_seed_has_its_own_nets_and_numbers(monkeypatch):
    tried = []
    for name in ("prototypes", "maml", "memory"):
        monkeypatch.setattr(
            experiments, name, lambda *given, name=name: tried.append((name, given[-1].seed)) or {name: 0.5}
        )
    found = experiments.experiments({}, "full", Run(device="cpu"))
    assert set(found) == {f"{name}_{n}" for name in ("prototypes", "maml", "memory") for n in range(3)}
    assert len(set(tried)) == 9
