"""QM9's heat capacity from who is bound to whom: the lab's net, and linear models of what can be counted.

Gilmer et al., "Neural message passing for quantum chemistry", arXiv:1704.01212, whose nets also saw distances in space.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import molecules
from course_utils.data.many_graphs import Graphs
from course_utils.training import Run
from course_utils.training.of_seed import OfSeed
from solutions.graphs.reference import MessagePassing, scatter_sum

HIDDEN, ROUNDS, BATCH, STEPS, RATE = 64, 4, 128, 6000, 3e-3


def atoms(graphs: Graphs) -> Tensor:
    """What is known of each atom, one-hot, column by column: (N, 14)."""
    columns = zip(graphs.nodes.unbind(1), molecules.COLUMNS)
    return torch.cat([F.one_hot(column, values) for column, values in columns], 1).float()


def given(graphs: Graphs) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int]:
    """Graphs as the net takes them."""
    bonds = F.one_hot(graphs.kinds, molecules.BONDS).float()
    return atoms(graphs), graphs.senders, graphs.receivers, bonds, graphs.graph, len(graphs)


def counted(graphs: Graphs, bonds: bool) -> Tensor:
    """How many atoms of each element and how many hydrogens, bonds of each kind where asked, and a 1: (G, …)."""
    element = F.one_hot(graphs.nodes[:, 0], molecules.COLUMNS[0])
    what = torch.cat([element, graphs.nodes[:, 1:2]], 1).float()
    parts = [scatter_sum(what, graphs.graph, len(graphs)), torch.ones(len(graphs), 1)]
    if bonds:
        kinds = F.one_hot(graphs.kinds, molecules.BONDS).float()
        parts.append(scatter_sum(kinds, graphs.graph[graphs.senders], len(graphs)) / 2)
    return torch.cat(parts, 1).double()


def fitted(train: Graphs, bonds: bool) -> Tensor:
    """Weights of a linear model of counts, by least squares."""
    return torch.linalg.lstsq(counted(train, bonds), train.y.double(), driver="gelsd").solution


def linear(train: Graphs, test: Graphs, bonds: bool) -> float:
    """Mean absolute error of a linear model of counts."""
    return (counted(test, bonds) @ fitted(train, bonds) - test.y).abs().mean().item()


def learned(name: str, known: Graphs, run: Run, steps: int = STEPS) -> nn.Module:
    """The lab's net, trained on absolute errors: by how many deviations of `known.y` a molecule is off the mean."""
    torch.manual_seed(run.seed)
    net = MessagePassing(sum(molecules.COLUMNS), molecules.BONDS, HIDDEN, ROUNDS).to(run.device)
    adam = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, steps)
    target, draw = (known.y - known.y.mean()) / known.y.std(), torch.Generator().manual_seed(run.seed)
    saved = {"net": net, "optimizer": adam, "schedule": schedule}
    for _ in run.steps(steps, saved, f"heat capacity, {name}"):
        rows = torch.randint(len(known), (BATCH,), generator=draw)
        loss = (net(*given(known.take(rows).to(run.device))) - target[rows].to(run.device)).abs().mean()
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        schedule.step()
    return net.eval()


@torch.no_grad()
def error(net: nn.Module, known: Graphs, asked: Graphs, run: Run) -> float:
    """Mean absolute error of a net that has learned from `known`, in cal/(mol K)."""
    rows = torch.arange(len(asked)).split(1000)
    said = torch.cat([net(*given(asked.take(part).to(run.device))).cpu() for part in rows])
    return (said * known.y.std() + known.y.mean() - asked.y).abs().mean().item()


def left(graphs: Graphs, weights: Tensor) -> Graphs:
    """The same graphs, asked for what a linear model of atoms and bonds leaves."""
    return replace(graphs, y=(graphs.y - counted(graphs, bonds=True) @ weights).float())


def heat_capacity(run: Run, seeds: int = 3) -> dict[str, float]:
    """Mean absolute errors on the test molecules, in cal/(mol K)."""
    whole = [molecules.load("full", split) for split in ("train", "test")]
    train, test = whole
    rest = [left(graphs, fitted(train, bonds=True)) for graphs in whole]
    found = {
        "heat capacity, counts of atoms": linear(train, test, bonds=False),
        "heat capacity, counts of atoms and bonds": linear(train, test, bonds=True),
    }
    for name, (known, asked) in (("messages", whole), ("messages on what counts leave", rest)):
        runs = [OfSeed(run, seed) for seed in range(seeds)]
        errors = torch.tensor([error(learned(name, known, one), known, asked, one) for one in runs])
        found[f"heat capacity, {name}"] = errors.mean().item()
        found[f"heat capacity, {name}, deviation"] = errors.std().item()
    return found
