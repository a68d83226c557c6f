"""Four of bAbI's tasks as graphs, by gated graph nets.

Li et al., "Gated graph sequence neural networks", arXiv:1511.05493: a net for each task, and for task 19, where two
steps are due, a second net that begins from what the first one left.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import babi_graphs
from course_utils.data.many_graphs import Graphs
from course_utils.training import Run
from solutions.graphs.reference import ggnn, scatter_sum

HIDDEN, ROUNDS, BATCH, STEPS, RATE = 16, 5, 50, 600, 1e-2
GIVEN = {15: 50, 16: 50, 18: 50, 19: 250}  # questions to learn from


class Gated(nn.Module):
    """Messages with a matrix for each kind of edge and direction; scores of nodes, or of answers by a gated sum."""

    def __init__(self, kinds: int, answers: int, asks_nodes: bool):
        super().__init__()
        self.A = nn.Parameter(torch.randn(2 * kinds, HIDDEN, HIDDEN) / HIDDEN**0.5)
        self.cell = nn.GRUCell(HIDDEN, HIDDEN)
        self.scores = nn.Linear(2 * HIDDEN, 1 if asks_nodes else answers)
        self.gate = nn.Linear(2 * HIDDEN, 1)
        self.kinds, self.asks_nodes = kinds, asks_nodes

    def forward(self, graphs: Graphs, begun: Tensor) -> tuple[Tensor, Tensor]:
        """States (N, H) at the beginning; gives scores (G, answers) and the states at the end."""
        senders = torch.cat([graphs.senders, graphs.receivers])
        receivers = torch.cat([graphs.receivers, graphs.senders])
        kinds = torch.cat([graphs.kinds, graphs.kinds + self.kinds])
        h = ggnn(begun, senders, receivers, kinds, self.A, self.cell, ROUNDS)
        both = torch.cat([h, begun], 1)
        said = self.scores(both)
        if self.asks_nodes:
            return said.view(len(graphs), -1), h  # all graphs of a task have as many nodes
        return scatter_sum(self.gate(both).sigmoid() * said, graphs.graph, len(graphs)), h


class Answers(nn.Module):
    """As many gated nets as answers are due, one after the other."""

    def __init__(self, task: int):
        super().__init__()
        many = 2 if task == 19 else 1
        shape = babi_graphs.KINDS[task], babi_graphs.ANSWERS[task], task in (15, 16)
        self.nets = nn.ModuleList(Gated(*shape) for _ in range(many))

    def forward(self, graphs: Graphs) -> Tensor:
        """Scores (G, answers, A)."""
        h, said = F.pad(F.one_hot(graphs.nodes[:, 0], 3).float(), (0, HIDDEN - 3)), []
        for net in self.nets:
            scores, h = net(graphs, h)
            said.append(scores)
        return torch.stack(said, 2)


def answered(task: int, seed: int, run: Run) -> float:
    """Share of a task's test questions that are answered right, wholly, by a net that saw `GIVEN` of them."""
    torch.manual_seed(seed)
    train, test = (babi_graphs.load("full", split, task) for split in ("train", "test"))
    draw = torch.Generator().manual_seed(seed)
    train = train.take(torch.randperm(len(train), generator=draw)[: GIVEN[task]])
    net = Answers(task).to(run.device)
    adam = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, STEPS)
    saved = {"net": net, "optimizer": adam, "schedule": schedule}
    for _ in run.steps(STEPS, saved, f"bAbI {task}, {seed}"):
        rows = train.take(torch.randint(len(train), (BATCH,), generator=draw)).to(run.device)
        loss = F.cross_entropy(net(rows), rows.y)
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        schedule.step()
    with torch.no_grad():
        right = net.eval()(test.to(run.device)).argmax(1).cpu() == test.y
    return right.all(1).float().mean().item()


def stories(run: Run, seeds: int = 3) -> dict[str, float]:
    """Share right of each task, and what always giving the commonest answer would be."""
    found = {}
    for task in babi_graphs.TASKS["full"]:
        shares = torch.tensor([answered(task, seed, run) for seed in range(seeds)])
        found[f"bAbI {task} from {GIVEN[task]} questions"] = shares.mean().item()
        found[f"bAbI {task}, deviation"] = shares.std().item()
        found[f"bAbI {task}, the commonest answer"] = commonest(task)
    return found


def commonest(task: int) -> float:
    """Share of the test questions with the answer that is the commonest among them."""
    y = babi_graphs.load("full", "test", task).y
    return (y.unique(dim=0, return_counts=True)[1].max() / len(y)).item()
