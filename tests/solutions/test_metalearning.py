"""The reference of the topic metalearning: by hand, against PyTorch, by its properties, and tiny trainings."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_utils.data import omniglot
from course_utils.labs.answers import right_answers
from course_utils.training import Run
from solutions.metalearning import reference
from solutions.metalearning.reference import (
    GRID,
    MOVES,
    Imitator,
    LearnedOptimiser,
    Reader,
    adapt,
    beginning,
    by_presentation,
    config,
    episode,
    expert,
    goal_now,
    maml_loss,
    marks,
    matching,
    perceptron,
    prototype_scores,
    quadratics,
    shifted,
    sine_error,
    sinusoids,
    turned,
    unroll,
    worlds,
)


def numbered(classes, examples):
    """Each example says which it is: 100 · class + number."""
    return 100 * torch.arange(classes)[:, None] + torch.arange(examples)


# ------------------------------------------------------------------------------------------------ data


def test_no_letter_stands_in_two_splits_and_none_looks_like_another():
    kept = omniglot.letters()
    every = [letter for split in kept.values() for letter in split]
    assert len(set(every)) == len(every)
    pictures = {omniglot._print(omniglot._font("Sans"), letter) for letter in every}
    assert len(pictures) == len(every)
    scripts = [{omniglot.script_of(letter) for letter in split} for split in kept.values()]
    assert not scripts[0] & scripts[2]
    assert not scripts[1] & scripts[2]
    assert not scripts[0] & scripts[1]


@pytest.mark.parametrize(("split", "characters"), [("train", 1012), ("val", 106), ("test", 412)])
def test_letters_are_drawn_ten_times_each(split, characters):
    drawings, script = omniglot.load("mini", split).tensors
    assert drawings.shape == (characters, 10, 1, 20, 20)
    assert script.unique().tolist() == list(range(len(omniglot.SCRIPTS[split])))
    assert drawings.min() >= 0
    assert drawings.max() <= 1
    assert (drawings.flatten(2).sum(-1) > 1).all()  # none is empty
    assert not (drawings[:, 0] == drawings[:, 7]).flatten(1).all(1).any()  # the same face, moved otherwise


@pytest.mark.real_data("omniglot")
def test_omniglot_is_all_there():
    parts = [omniglot.load("full", split).tensors for split in ("train", "val", "test")]
    assert len(parts[0][0]) + len(parts[1][0]) == 964
    assert parts[2][0].shape == (659, 20, 1, 28, 28)
    assert [len(script.unique()) for _, script in parts] == [25, 5, 20]
    support, query, due = omniglot.one_shot_runs()
    assert support.shape == query.shape == (20, 20, 1, 28, 28)
    assert all(sorted(row) == list(range(20)) for row in due.tolist())


# --------------------------------------------------------------------------------------------- episodes


def test_an_episode_holds_different_classes_and_different_examples():
    for _ in range(20):
        support, query = episode(numbered(7, 6), 4, 2, 3)
        assert support.shape == (4, 2)
        assert query.shape == (4, 3)
        both = torch.cat([support, query], 1)
        assert both.unique().numel() == 20  # no example twice
        assert (both // 100 == both[:, :1] // 100).all()  # a row is a class
        assert (both[:, 0] // 100).unique().numel() == 4


def test_every_class_and_every_example_is_drawn_alike():
    drawn = torch.stack([torch.cat(episode(numbered(5, 4), 2, 1, 1), 1) for _ in range(2000)])
    counts = torch.bincount((drawn // 100 * 4 + drawn % 100).flatten(), minlength=20)
    assert (counts / counts.sum()).sub(1 / 20).abs().max() < 0.008


def test_an_episode_comes_again_with_the_same_generator():
    examples = torch.randn(6, 5, 3)
    pair = [episode(examples, 3, 1, 2, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(pair[0][0], pair[1][0])
    assert torch.equal(pair[0][1], pair[1][1])


def test_quarter_turns_make_new_classes():
    x = torch.randn(3, 2, 1, 4, 4)
    more = turned(x, 4)
    assert more.shape == (12, 2, 1, 4, 4)
    assert torch.equal(more[:3], x)
    assert torch.equal(turned(more[3:6], 4)[9:], x)  # one and three are four


# --------------------------------------------------------------------------------------------- metrics


def test_prototypes_against_two_loops():
    support, query = torch.randn(3, 4, 5), torch.randn(6, 5)
    got = prototype_scores(support, query)
    for m in range(6):
        for n in range(3):
            torch.testing.assert_close(got[m, n], -((query[m] - support[n].mean(0)) ** 2).sum())


def test_prototypes_of_one_shot_are_a_linear_layer():
    support, query = torch.randn(4, 2, 3), torch.randn(5, 3)
    means = support.mean(1)
    linear = F.linear(query, 2 * means, -means.square().sum(1))  # |query|² is the same for all classes
    torch.testing.assert_close(prototype_scores(support, query).softmax(1), linear.softmax(1))


def test_matching_is_pytorchs_attention():
    support, query = torch.randn(3, 4, 5), torch.randn(6, 5)
    labels = torch.eye(3).repeat_interleave(4, 0)
    keys = F.normalize(support.flatten(0, 1), dim=1)
    wanted = F.scaled_dot_product_attention(
        F.normalize(query, dim=1)[None], keys[None], labels[None], scale=1.0
    )
    torch.testing.assert_close(matching(support, query), wanted[0])
    torch.testing.assert_close(matching(support, query).sum(1), torch.ones(6))


# ------------------------------------------------------------------------------------------- beginnings


def test_a_step_is_sgds():
    weights = [torch.randn(3, 2, requires_grad=True), torch.randn(1, 2, requires_grad=True)]
    copies = [w.detach().clone().requires_grad_() for w in weights]
    x, y = torch.randn(5, 3), torch.randn(5, 2)

    def loss(params):
        return (x @ params[0] + params[1] - y).square().mean()

    optimizer = torch.optim.SGD(copies, 0.3)
    for _ in range(4):
        optimizer.zero_grad()
        loss(copies).backward()
        optimizer.step()
    for got, wanted in zip(adapt(loss, weights, 0.3, 4), copies):
        torch.testing.assert_close(got, wanted)


def test_the_outer_gradient_is_that_of_finite_differences():
    params = [p.detach().double().requires_grad_() for p in beginning(3)]
    support, query = (tuple(t.double() for t in e) for e in sinusoids(2, 4, 3))

    def outer(*weights):
        smooth = lambda ps, x: ((x @ ps[0] + ps[1]).tanh() @ ps[2] + ps[3]).tanh() @ ps[4] + ps[5]  # noqa: E731
        return maml_loss(smooth, weights, support, query, 0.1, 2)

    assert torch.autograd.gradcheck(outer, params)


def test_first_order_leaves_out_the_second_derivative():
    w = torch.tensor(2.0, requires_grad=True)
    losses = [adapt(lambda p: p[0] ** 4, [w], 0.01, 1, first)[0] ** 2 for first in (False, True)]
    slopes = [torch.autograd.grad(value, w)[0].item() for value in losses]
    new = 2 - 0.01 * 32
    assert slopes == pytest.approx([2 * new * (1 - 0.01 * 48), 2 * new])


def test_many_tasks_at_once_are_each_on_its_own():
    params = list(beginning(8))
    support, query = sinusoids(5, 6, 7)
    together = maml_loss(perceptron, params, support, query, 0.05, 3)
    apart = [
        maml_loss(perceptron, params, *[tuple(t[n : n + 1] for t in e) for e in (support, query)], 0.05, 3)
        for n in range(5)
    ]
    torch.testing.assert_close(together, torch.stack(apart).mean())


TRAINS = ("episode", "prototype_scores", "adapt", "maml_loss")


@pytest.mark.parametrize(
    "answer",
    [answer for answer in right_answers("metalearning") if answer.cell in TRAINS],
    ids=lambda answer: f"{answer.cell}: {answer.why}",
)
def test_nets_learn_the_same_by_other_right_answers(answer, monkeypatch):
    def learned():
        torch.manual_seed(0)
        params, net, run = beginning(8), reference.embedding(4), Run("test", 0, "cpu")
        how = reference.Config(4, 3, 2, steps=3, rate=1e-2, turned=1, sine_steps=4, sine_tasks=3)
        reference.learn_beginning(params, how, run)
        reference.learn_metric(net, torch.rand(5, 4, 1, 16, 16), how, run)
        return torch.tensor([value for _, value in run.curve["error_after_1"] + run.curve["nats"]])

    expected = learned()  # the costs on the way
    names = vars(reference).copy()
    exec(answer.source, names)
    monkeypatch.setattr(reference, answer.cell, names[answer.cell])
    got = learned()
    assert got.shape == (4 + 3,)
    assert torch.isfinite(got).all()
    if answer.cell != "episode":  # which may draw others with the same generator
        torch.testing.assert_close(got, expected, rtol=1e-2, atol=1e-3)


def test_waves_are_waves():
    (x, y), (u, v) = sinusoids(200, 3, 2)
    assert x.abs().max() <= 5
    assert y.abs().max() <= 5
    assert u.shape == v.shape == (200, 2, 1)
    assert not torch.equal(x[:, :2], u)


# ----------------------------------------------------------------------------------------------- readers


def test_labels_come_one_step_late():
    x, y = torch.tensor([[[5.0], [6.0], [7.0]]]), torch.tensor([[1, 0, 1]])
    assert shifted(x, y, 2).tolist() == [[[5, 0, 0], [6, 0, 1], [7, 1, 0]]]


def test_a_reader_cannot_see_the_label_that_it_is_to_say():
    net, x, y = Reader(3, 4, 5), torch.randn(1, 6, 3), torch.randint(4, (1, 6))
    other = y.clone()
    other[0, 3] = (other[0, 3] + 1) % 4
    before, after = net(x, y), net(x, other)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


def test_presentations_against_a_loop():
    y, right = torch.randint(3, (4, 20)), torch.rand(4, 20) < 0.5
    hits = [[] for _ in range(3)]
    for labels, good in zip(y.tolist(), right.tolist()):
        seen = [0, 0, 0]
        for label, hit in zip(labels, good):
            if seen[label] < 3:
                hits[seen[label]].append(hit)
            seen[label] += 1
    wanted = torch.tensor([sum(h) / len(h) for h in hits])
    torch.testing.assert_close(by_presentation(y, right, 3), wanted)


# ---------------------------------------------------------------------------------------------- imitation


def test_a_sharp_look_finds_the_same_object():
    shown, now, there, here, agent = worlds(
        64, marks(20, torch.Generator().manual_seed(0)), torch.Generator()
    )
    rows = torch.arange(64)
    torch.testing.assert_close(shown[1][rows, there], now[1][rows, here])
    found = goal_now(shown[0][rows, there], shown, now, 50.0)
    torch.testing.assert_close(found, now[0][rows, here])
    assert not (now[0] == agent[:, None]).all(-1).any()


def test_an_experts_moves_lead_to_the_goal():
    goal, agent = torch.tensor([[5.0, 1.0], [0.0, 6.0]]), torch.tensor([[1.0, 3.0], [4.0, 0.0]])
    for _ in range(2 * GRID):
        far = (goal != agent).any(1, keepdim=True)
        agent = agent + far * MOVES[expert(goal, agent)]
    assert torch.equal(agent, goal)


def test_an_imitator_learns_where_to_look():
    draw, net = torch.Generator().manual_seed(0), Imitator()
    kinds, optimizer = marks(30, draw), torch.optim.Adam(net.parameters(), 2e-2)
    for _ in range(150):
        shown, now, there, here, agent = worlds(64, kinds, draw)
        rows = torch.arange(64)
        scores = net(shown[0][rows, there], shown, now, agent)
        loss = F.cross_entropy(scores, expert(now[0][rows, here], agent))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5
    assert net.log_sharpness > 0


# --------------------------------------------------------------------------------------- learned optimisers


def test_an_unrolled_optimiser_by_hand():
    rate = torch.tensor(0.25, requires_grad=True)
    theta, cost = unroll(
        lambda slope, state: (-rate * slope, state + 1),
        lambda t: (t**2).sum(),
        torch.tensor([4.0]),
        torch.zeros(()),
        2,
    )
    assert theta.item() == 1  # 4, 2, 1
    assert cost.item() == 2**2 + 1**2
    # θ₁ = 4 - 8r; θ₂ = θ₁ - r · 4 with the gradient 4 as a constant: slopes -8 and -12
    assert torch.autograd.grad(cost, rate)[0].item() == 2 * 2 * -8 + 2 * 1 * -12


def test_an_optimiser_learns_to_optimise():
    draw, net = torch.Generator().manual_seed(0), LearnedOptimiser()
    learner, costs = torch.optim.Adam(net.parameters(), 2e-2), []
    for _ in range(60):
        theta = torch.zeros(4, 5)
        _, cost = unroll(net, quadratics(4, 5, draw), theta, net.begin(theta), 10)
        learner.zero_grad()
        cost.backward()
        learner.step()
        costs.append(cost.item())
    assert sum(costs[-10:]) < 0.8 * sum(costs[:10])


# ---------------------------------------------------------------------------------------------- training


def test_a_tiny_training_beats_pixels_and_joint_training(monkeypatch):
    tiny = replace(config("mini"), steps=100, sine_steps=300, channels=16)
    monkeypatch.setattr(reference, "config", lambda tier: tiny)
    run = Run()
    tensors = reference.train("mini", 0, run)
    run.finish()
    assert reference.evaluate(tensors, "mini") > reference.baseline("mini") + 0.15
    assert run.curve["maml_error"][-1][1] < run.curve["joint_error"][-1][1]


def test_steps_from_a_random_beginning_do_not_explode():
    assert math.isfinite(sine_error(beginning(8), 5))
