"""Graphs' experiments without files: exact where counts suffice, blind to names, right after a little learning."""

from dataclasses import replace

import pytest
import torch

from course_utils.data import babi_graphs, molecules
from course_utils.data.many_graphs import Graphs
from course_utils.training import Run
from solutions.graphs import bodies, graph_classes, heat_capacity, stories
from solutions.graphs.beside import beside_geometric


def renamed(graphs: Graphs) -> Graphs:
    """The same graphs, with the nodes of each in another order."""
    order = torch.cat(
        [
            part[torch.randperm(len(part))]
            for part in torch.arange(len(graphs.nodes)).split(graphs.sizes.tolist())
        ]
    )
    name = order.argsort()
    return replace(
        graphs, nodes=graphs.nodes[order], senders=name[graphs.senders], receivers=name[graphs.receivers]
    )


def test_a_linear_model_finds_what_counts_decide():
    graphs = molecules.load("mini", "val")
    decided = replace(graphs, y=heat_capacity.counted(graphs, bonds=True) @ torch.arange(10.0).double())
    assert heat_capacity.linear(decided, decided, bonds=True) == pytest.approx(0, abs=1e-6)
    assert heat_capacity.linear(decided, decided, bonds=False) > 0.1


def test_what_counts_leave_is_added_to_what_they_say():
    graphs = molecules.load("mini", "val")
    weights = heat_capacity.fitted(graphs, bonds=True)
    rest = heat_capacity.left(graphs, weights)
    assert rest.y.std() < graphs.y.std()
    said = (heat_capacity.counted(graphs, bonds=True) @ weights).float()
    torch.testing.assert_close(rest.y + said, graphs.y, rtol=1e-4, atol=1e-5)


def test_the_net_learns_what_counts_leave():
    graphs = molecules.load("mini", "val")
    rest, run = heat_capacity.left(graphs, heat_capacity.fitted(graphs, bonds=True)), Run("energies")
    net = heat_capacity.learned("energies", rest, run, steps=60)
    assert heat_capacity.error(net, rest, rest, run) < 0.8 * rest.y.abs().mean()


def test_nets_do_not_care_for_names():
    torch.manual_seed(0)
    graphs = molecules.load("mini", "val").take(torch.arange(20))
    other = renamed(graphs)
    net = heat_capacity.MessagePassing(sum(molecules.COLUMNS), molecules.BONDS, 8, 2)
    torch.testing.assert_close(net(*heat_capacity.given(graphs)), net(*heat_capacity.given(other)))
    classes = graph_classes.MessagePassing(5, 0, 8, 2)
    torch.testing.assert_close(
        graph_classes.score(classes, graphs, 4), graph_classes.score(classes, other, 4)
    )


def test_a_gated_net_learns_to_deduce():
    torch.manual_seed(0)
    train, test = (babi_graphs.load("mini", split) for split in ("train", "test"))
    net = stories.Answers(15)
    adam = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(80):
        rows = train.take(torch.randint(len(train), (50,)))
        loss = torch.nn.functional.cross_entropy(net(rows), rows.y)
        adam.zero_grad()
        loss.backward()
        adam.step()
    right = (net(test).argmax(1) == test.y).float().mean().item()
    assert right > 0.9


def test_pulls_of_bodies_on_each_other_cancel_out():
    state, ends = bodies.drawn(5, 3, torch.Generator().manual_seed(0)), bodies.everybody(5, 3)
    pulled = bodies.interaction_step(state, *ends, bodies.pull, bodies.given_up)
    assert pulled.norm(dim=1).min() > 1e-3
    changed = (state[:, :1] * pulled).view(3, 5, 2)
    torch.testing.assert_close(changed.sum(1), torch.zeros(3, 2), atol=1e-5, rtol=0)


def test_a_planet_that_weighs_nothing_comes_round(monkeypatch):
    monkeypatch.setattr(bodies, "SOFT", 0.0)
    star, planet = [1.0, 0, 0, 0, 0], [0.0, 1, 0, 0, 1]
    steps = round(2 * torch.pi / bodies.DT)
    places = bodies.rollout(
        torch.tensor([star, planet]), bodies.everybody(2, 1), (bodies.pull, bodies.given_up), steps
    )
    assert (places[steps // 2, 1] - places[0, 1]).norm() == pytest.approx(2, abs=0.1)
    assert (places[-1, 1] - places[0, 1]).norm() < 0.1


def test_who_knows_the_law_does_not_go_astray_and_a_net_learns_it():
    assert bodies.astray((bodies.pull, bodies.given_up), 4, 5) == 0
    straight = bodies.astray((bodies.no_pull, bodies.given_up), 6, 20)
    torch.manual_seed(0)
    net = bodies.learned(0, bodies.Run("bodies", 0, "cpu"), 300)
    assert bodies.astray(net, 6, 20) < 0.7 * straight


def test_our_layers_say_what_pytorch_geometric_s_say():
    pytest.importorskip("torch_geometric", reason="PyTorch Geometric is not installed")
    senders, receivers = torch.tensor([0, 1, 1, 2, 2, 3]), torch.tensor([1, 0, 2, 1, 3, 2])
    found = beside_geometric(senders, receivers, 4)
    assert len(found) == 5
    assert max(found.values()) < 1e-5
