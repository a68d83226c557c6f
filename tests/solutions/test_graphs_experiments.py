"""Graphs' experiments without files: exact where counts suffice, blind to names, right after a little learning."""

from dataclasses import replace

import pytest
import torch

from course_utils.data import babi_graphs, molecules
from course_utils.data.many_graphs import Graphs
from solutions.graphs import graph_classes, heat_capacity, stories


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


def test_nets_do_not_care_for_names():
    torch.manual_seed(0)
    graphs = molecules.load("mini", "val").take(torch.arange(20))
    net = heat_capacity.MessagePassing(sum(molecules.COLUMNS), molecules.BONDS, 8, 2)
    other = renamed(graphs)
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
