"""MUTAG and PROTEINS by ten-fold cross-validation: the lab's net beside linear models of counts.

In each fold nine tenths are for learning, of which one tenth chooses when to stop, and one tenth is asked, once; an
accuracy chosen on the asked tenth itself, as it often stands in papers, is higher.
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn

from course_utils.data import tudataset
from course_utils.data.many_graphs import Graphs
from course_utils.training import Run
from solutions.graphs.reference import MessagePassing, scatter_sum

HIDDEN, ROUNDS, BATCH, RATE, DECAY = 32, 3, 32, 3e-3, 1e-3
STEPS, LOOK = {"MUTAG": 600, "PROTEINS": 400}, 20
FOLDS = 10


def given(graphs: Graphs, kinds: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, int]:
    """Graphs as the net takes them: kinds of nodes and how many edges they have; edges have no features."""
    degree = scatter_sum(torch.ones(len(graphs.receivers), 1), graphs.receivers, len(graphs.nodes))
    x = torch.cat([F.one_hot(graphs.nodes[:, 0], kinds), degree.log1p()], 1)
    none = torch.zeros(len(graphs.senders), 0)
    return x, graphs.senders, graphs.receivers, none, graphs.graph, len(graphs)


def score(net: nn.Module, graphs: Graphs, kinds: int) -> Tensor:
    """For each graph a score for the second class; the sum over nodes is divided by the root of their number."""
    return net(*given(graphs, kinds)) / graphs.sizes.sqrt()


def learned(train: Graphs, held_out: Graphs, name: str, run: Run, phase: str) -> nn.Module:
    """The net that is best on what is held out, looked at now and then."""
    kinds, steps, draw = tudataset.KINDS[name], STEPS[name], run.generator(phase)
    net = MessagePassing(kinds + 1, 0, HIDDEN, ROUNDS)
    adam = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    best, least = copy.deepcopy(net), torch.inf
    for step in range(steps):
        rows = train.take(torch.randint(len(train), (BATCH,), generator=draw))
        loss = F.binary_cross_entropy_with_logits(score(net, rows, kinds), rows.y.float())
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        if (step + 1) % LOOK == 0:
            with torch.no_grad():
                found = F.binary_cross_entropy_with_logits(
                    score(net, held_out, kinds), held_out.y.float()
                ).item()
            if found < least:
                best, least = copy.deepcopy(net), found
    return best


def counted(graphs: Graphs, kinds: int) -> Tensor:
    """How many nodes of each kind, and edges, each also as its logarithm: (G, 2 kinds + 2)."""
    nodes = scatter_sum(F.one_hot(graphs.nodes[:, 0], kinds).float(), graphs.graph, len(graphs))
    many = torch.cat([nodes, graphs.edges[:, None]], 1)
    return torch.cat([many / many.mean(0).clamp(min=1), many.log1p()], 1)


def fold_right(
    graphs: Graphs, name: str, inside: Tensor, asked: Tensor, run: Run, phase: str
) -> tuple[float, float]:
    """Share right of a fold's asked graphs: by the net, and by logistic regression on counts."""
    kinds = tudataset.KINDS[name]
    order = inside[torch.randperm(len(inside), generator=run.generator(f"{phase}, held out"))]
    held_out, train = order[: len(order) // 9], order[len(order) // 9 :]
    net = learned(graphs.take(train), graphs.take(held_out), name, run, phase)
    x, y = counted(graphs, kinds).numpy(), graphs.y.numpy()
    regression = LogisticRegression(max_iter=3000).fit(x[inside], y[inside])
    with torch.no_grad():
        right = (score(net, graphs.take(asked), kinds) > 0).long() == graphs.y[asked]
    return right.float().mean().item(), float(regression.score(x[asked], y[asked]))


def graph_classes(run: Run, repeats: int = 3) -> dict[str, float]:
    """Means over ten folds, and over several ways to cut them; the deviation is between these ways."""
    found = {}
    for name in tudataset.NAMES:
        graphs, rows = tudataset.whole(name), []
        for seed in range(repeats):
            torch.manual_seed(seed)
            cut = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(graphs.y, graphs.y)
            folds = [
                fold_right(graphs, name, *map(torch.from_numpy, parts), run, f"{name}, {seed}, {fold}")
                for fold, parts in enumerate(cut)
            ]
            rows.append(torch.tensor(folds).mean(0))
        net, counts = torch.stack(rows).T
        found |= {
            f"{name}, messages": net.mean().item(),
            f"{name}, messages, deviation": net.std().item(),
            f"{name}, counts": counts.mean().item(),
            f"{name}, the larger class": (graphs.y.bincount().max() / len(graphs)).item(),
        }
    return found
