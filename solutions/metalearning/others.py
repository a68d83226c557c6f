"""Other learners that the chapter compares with the lab's: siamese pairs, a plain classifier, Reptile.

Koch et al., "Siamese neural networks for one-shot image recognition", 2015; Chen et al., "A closer look at few-shot
classification", arXiv:1904.04232; Nichol et al., "On first-order meta-learning algorithms", arXiv:1803.02999.

Shapes as in the lab's reference: episodes of N ways, a support (N, 1, …) and a query (N, Q, …).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.training import Run
from solutions.metalearning.reference import (
    Config,
    accuracy,
    adapt,
    beginning,
    embedded,
    embedding,
    episode,
    learn_beginning,
    load,
    matching,
    perceptron,
    prototype_loss,
    prototype_scores,
    sine_error,
    sinusoids,
)


def pair_loss(net: nn.Module, support: Tensor, query: Tensor) -> Tensor:
    """Siamese: is a query of the same class as a support? Cross-entropy over all pairs, by their squared distance."""
    ways, queries = query.shape[:2]
    far = -prototype_scores(net(support[:, 0])[:, None], net(query.flatten(0, 1)))  # (N Q, N)
    same = torch.eye(ways).repeat_interleave(queries, 0)
    many = torch.tensor(ways - 1.0)  # pairs of different classes for each pair of one class
    return F.binary_cross_entropy_with_logits(2 - far / far.shape[1], same, pos_weight=many)


def matching_loss(net: nn.Module, support: Tensor, query: Tensor) -> Tensor:
    """Cross-entropy of the queries, by attention over the support."""
    ways, queries = query.shape[:2]
    p = matching(net(support[:, 0])[:, None], net(query.flatten(0, 1)))
    return F.nll_loss(p.log(), torch.arange(ways).repeat_interleave(queries))


LOSSES: dict[str, Callable[[nn.Module, Tensor, Tensor], Tensor]] = {
    "siamese": pair_loss,
    "matching": matching_loss,
    "prototypes": prototype_loss,
}


def few_shot(kind: str, seed: int, steps: int = 300, channels: int = 16) -> float:
    """Share right of five new characters, one shot, by prototypes of an embedding that has seen 60 drawings a step.

    Kinds: those of `LOSSES`, and "classifier": all known characters told apart, the last layer thrown away.
    """
    run, known = Run(kind, seed, "cpu"), load("mini", "train")
    draw, net, head = run.generator("drawings"), embedding(channels), nn.Linear(channels, len(known))
    adam = torch.optim.Adam([*net.parameters(), *head.parameters()], 5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 5e-3, steps)
    for _ in range(steps):
        if kind == "classifier":
            which = torch.randint(len(known), (60,), generator=draw)
            drawing = torch.randint(known.shape[1], (60,), generator=draw)
            loss = F.cross_entropy(head(net(known[which, drawing])), which)
        else:
            loss = LOSSES[kind](net, *episode(known, 20, 1, 2, draw))
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return accuracy(embedded(net.eval(), load("mini", "test")), 5, 1, 300)


def reptile(params: nn.ParameterList, seed: int, updates: int, tasks: int = 16, steps: int = 10) -> None:
    """Learn a beginning without any query: move it towards where steps on each task end (Nichol et al., section 3)."""
    draw = torch.Generator().manual_seed(seed)
    for n in range(updates):
        (x, y), _ = sinusoids(tasks, 10, 1, draw)
        own = [p.detach().expand(tasks, *p.shape).requires_grad_() for p in params]
        ends = adapt(lambda w, x=x, y=y: (perceptron(w, x) - y).square().mean((1, 2)), own, 0.02, steps, True)
        with torch.no_grad():
            for p, end in zip(params, ends):
                p += (1 - n / updates) * (end.mean(0) - p)


def begun(kind: str, seed: int, updates: int = 1500) -> list[float]:
    """Squared error on new sine waves at once, after one step and after ten, from a beginning of one of four kinds.

    Kinds: "MAML", "first order", "Reptile", and "jointly", trained on all waves together.
    """
    run, params = Run(kind, seed, "cpu"), beginning(40)
    if kind == "Reptile":
        reptile(params, seed, updates)
    else:
        how = Config(0, 0, 0, 0, 0.0, 0, sine_steps=updates)
        learn_beginning(params, how, run, inner=int(kind != "jointly"), first_order=kind == "first order")
    return [sine_error(params, steps) for steps in (0, 1, 10)]
