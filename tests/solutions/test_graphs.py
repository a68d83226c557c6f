"""The reference of the topic graphs: by hand, against loops and networkx, by renaming, and a tiny training."""

import warnings

import networkx
import pytest
import torch
from torch import nn

from course_utils.data import cora, energies
from course_utils.training import Run, record, reference_tensors
from course_utils.training.devices import seed_everything
from solutions.graphs import reference
from solutions.graphs.reference import (
    batch,
    deep_set,
    equivariant,
    gcn_layer,
    ggnn,
    graph_attention,
    graph_of,
    interaction_step,
    message_pass,
    scatter_sum,
    told_apart,
    weisfeiler_lehman,
)


def undirected(n, pairs, d=2, c=3):
    """A random graph's nodes and edges for these pairs of neighbours."""
    ends = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    senders, receivers = torch.cat([ends[0], ends[1]]), torch.cat([ends[1], ends[0]])
    return torch.randn(n, d), senders, receivers, torch.randn(len(senders), c)


def drawn(n=7, chance=0.4, d=2, c=3):
    return undirected(n, (torch.rand(n, n) < chance).triu(1).nonzero().tolist(), d, c)


def renamed(graph):
    """The same graph with other names for its nodes, its edges in another order; and which old node each new one is."""
    x, senders, receivers, e = graph
    order, edges = torch.randperm(len(x)), torch.randperm(len(senders))
    name = order.argsort()
    return (x[order], name[senders][edges], name[receivers][edges], e[edges]), order


def test_sets_have_no_order():
    x = torch.randn(6, 3)
    W, b, V, c = torch.randn(4, 3), torch.randn(4), torch.randn(2, 4), torch.randn(2)
    order = torch.randperm(6)
    torch.testing.assert_close(deep_set(x[order], W, b, V, c), deep_set(x, W, b, V, c))
    torch.testing.assert_close(deep_set(x[:0], W, b, V, c), c)
    A, B = torch.randn(4, 3), torch.randn(4, 3)
    torch.testing.assert_close(equivariant(x[order], A, B), equivariant(x, A, B)[order])


def test_messages_worked_by_hand_and_against_a_loop():
    x, senders, receivers, e = drawn()
    W, b = torch.randn(4, 7), torch.randn(4)
    wanted = torch.zeros(len(x), 4)
    for w, v, edge in zip(senders.tolist(), receivers.tolist(), e):
        wanted[v] += (W @ torch.cat([x[v], x[w], edge]) + b).relu()
    torch.testing.assert_close(message_pass(x, senders, receivers, e, W, b), wanted)
    assert scatter_sum(torch.ones(3, 1), torch.tensor([2, 2, 0]), 4).flatten().tolist() == [1, 0, 2, 0]


def test_a_convolution_is_the_normalised_adjacency():
    x, senders, receivers, _ = drawn()
    A = torch.eye(len(x))
    A[receivers, senders] = 1
    root = A.sum(1).rsqrt()
    W = torch.randn(3, 2)
    torch.testing.assert_close(gcn_layer(x, senders, receivers, W), root[:, None] * A * root @ x @ W.T)


def test_attention_is_a_mean_over_neighbours_and_oneself():
    x, senders, receivers, _ = drawn()
    W, a = torch.randn(3, 2), torch.randn(6)
    A = torch.eye(len(x))
    A[receivers, senders] = 1
    z = x @ W.T
    scores = nn.functional.leaky_relu((z @ a[:3])[:, None] + z @ a[3:], 0.2)
    wanted = scores.masked_fill(A == 0, -torch.inf).softmax(1) @ z
    torch.testing.assert_close(graph_attention(x, senders, receivers, W, a), wanted)


def test_gates_go_step_by_step():
    x, senders, receivers, _ = drawn()
    kinds, A, cell = torch.randint(3, (len(senders),)), torch.randn(3, 2, 2), nn.GRUCell(2, 2)
    h = x
    for _ in range(3):
        arrived = torch.zeros_like(x)
        for w, v, k in zip(senders.tolist(), receivers.tolist(), kinds.tolist()):
            arrived[v] += A[k] @ h[w].detach()
        h = cell(arrived, h)
    torch.testing.assert_close(ggnn(x, senders, receivers, kinds, A, cell, 3), h)
    assert ggnn(x, senders, receivers, kinds, A, cell, 0) is x


def test_springs_keep_their_momentum_and_their_energy():
    ring = torch.arange(4)
    senders, receivers = torch.cat([ring, (ring + 1) % 4]), torch.cat([(ring + 1) % 4, ring])
    state = torch.randn(4, 4, dtype=torch.float64)

    def newton(ball, force, dt=1e-3):
        velocity = ball[:, 2:] + dt * force
        return torch.cat([ball[:, :2] + dt * velocity, velocity], 1)

    def energy(state):
        apart = (state[senders, :2] - state[receivers, :2]).square().sum() / 2  # each spring is met twice
        return (state[:, 2:].square().sum() + apart) / 2

    first = state
    for _ in range(1000):
        state = interaction_step(
            state,
            senders,
            receivers,
            torch.ones(8, 1).double(),
            lambda s, r, k: k * (s - r)[:, :2],
            newton,
        )
    torch.testing.assert_close(state[:, 2:].sum(0), first[:, 2:].sum(0))
    assert energy(state).item() == pytest.approx(energy(first).item(), rel=1e-2)


def test_a_batch_of_graphs_is_each_by_itself():
    graphs = [drawn(n) for n in (3, 6, 1, 4)]
    x, senders, receivers, e, number = batch(graphs)
    assert number.tolist() == [0] * 3 + [1] * 6 + [2] + [3] * 4
    W, b = torch.randn(4, 7), torch.randn(4)
    x.requires_grad_()
    together = message_pass(x, senders, receivers, e, W, b)
    torch.testing.assert_close(together, torch.cat([message_pass(*graph, W, b) for graph in graphs]))
    slope = torch.autograd.grad(together[number == 1].sum(), x)[0]
    assert not slope[number != 1].any()


def test_a_net_of_messages_does_not_care_for_names():
    net, graph = reference.MessagePassing(2, 3, 8, 2), drawn()
    other, order = renamed(graph)
    one, two = (net(*batch([g]), 1) for g in (graph, other))
    torch.testing.assert_close(one, two)
    gcn = reference.GCN(2, 5, 3).eval()
    torch.testing.assert_close(gcn(*other[:3]), gcn(*graph[:3])[order])


def test_colours_are_those_of_networkx():
    assert weisfeiler_lehman(3, torch.tensor([0, 1]), torch.tensor([1, 0])) == [1, 1, 0]
    for _ in range(6):
        one, other = drawn(6), drawn(6)
        assert not told_apart(one, renamed(one)[0])
        hashes = []
        for graph in (one, other):
            made = networkx.Graph(list(zip(graph[1].tolist(), graph[2].tolist())))
            made.add_nodes_from(range(6))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                hashes.append(networkx.weisfeiler_lehman_graph_hash(made, iterations=6))
        assert told_apart(one, other) == (hashes[0] != hashes[1])
    hexagon = undirected(6, [(v, (v + 1) % 6) for v in range(6)])
    triangles = undirected(6, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)])
    assert not told_apart(hexagon, triangles)


def test_energies_worked_by_hand():
    pair, path = energies.tables()
    kinds = torch.full((1, energies.MOST), -1)
    kinds[0, :3] = torch.tensor([2, 0, 1])
    edges = torch.zeros(1, energies.MOST, energies.MOST, dtype=torch.long)
    edges[0, 0, 1] = edges[0, 1, 0] = 2
    edges[0, 1, 2] = edges[0, 2, 1] = 1
    found = energies.energies(kinds.numpy(), edges.numpy())
    assert found.tolist() == [pair[2, 0, 1] + pair[0, 1, 0] + path[2, 1]]


def test_a_graph_of_the_data_is_whole():
    kinds, edges, _ = energies.load("mini", "val").tensors
    x, senders, receivers, e = graph_of(kinds[0], edges[0])
    assert len(x) == int((kinds[0] >= 0).sum())
    assert x.argmax(1).tolist() == kinds[0][kinds[0] >= 0].tolist()
    assert (e.argmax(1) + 1).tolist() == edges[0][receivers, senders].tolist()
    assert {(w, v) for w, v in zip(senders.tolist(), receivers.tolist())} == {
        (v, w) for w, v in zip(senders.tolist(), receivers.tolist())
    }


def test_two_labels_of_the_club_suffice_for_most():
    club = cora.load("mini", "train")
    right = []
    for seed in range(3):
        torch.manual_seed(seed)
        net = reference.GCN(34, 8, 2)
        adam = torch.optim.Adam(net.parameters(), 0.02, weight_decay=5e-3)
        for _ in range(100):
            scores = net(club.x, club.senders, club.receivers)
            loss = nn.functional.cross_entropy(scores[club.nodes], club.y[club.nodes])
            adam.zero_grad()
            loss.backward()
            adam.step()
        guessed = net.eval()(club.x, club.senders, club.receivers).argmax(1)
        right.append(int((guessed == club.y).sum()) - 2)
    assert sum(right) / 3 >= 27  # of 32


def test_the_record_foretells_energies_that_counts_do_not():
    tensors = reference_tensors("graphs", "mini")
    assert reference.evaluate(tensors, "mini") < 0.06
    assert reference.baseline("mini") == pytest.approx(record("graphs", "mini").baseline, rel=1e-4)
    with pytest.raises(RuntimeError):
        reference.evaluate({"embed.weight": torch.ones(1)}, "mini")


def test_a_tiny_training_is_repeatable_and_falls(monkeypatch):
    short = reference.Config(hidden=8, rounds=2, steps=80, rate=2e-2, decay=0.0, look=10)
    few = reference.examples("mini", "val", "cpu", size=50)
    monkeypatch.setattr(reference, "config", lambda tier: short)
    monkeypatch.setattr(reference, "examples", lambda *args: few)
    runs = [Run(seed=1, device="cpu") for _ in range(2)]
    trained = []
    for run in runs:
        seed_everything(1)
        trained.append(reference.train("mini", 1, run))
    first, second = trained
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [value for _, value in runs[0].curve["cost"]]
    assert sum(losses[-6:]) < 0.6 * sum(losses[:6])


@pytest.mark.real_data("cora")
def test_cora_is_cora():
    parts = {split: cora.load("full", split) for split in ("train", "val", "test")}
    network = parts["train"]
    assert network.x.shape == (2708, 1433)
    assert torch.bincount(network.y).tolist() == [351, 217, 418, 818, 426, 298, 180]
    assert len(network.senders) == 2 * 5278
    assert torch.bincount(network.y[network.nodes]).tolist() == [20] * 7
    assert [len(part.nodes) for part in parts.values()] == [140, 500, 1000]
    together = torch.cat([part.nodes for part in parts.values()])
    assert len(together.unique()) == 1640
