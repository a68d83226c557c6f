"""Other learners that the chapter compares with the lab's: siamese pairs, a plain classifier, Reptile.

Koch et al., "Siamese neural networks for one-shot image recognition", 2015; Chen et al., "A closer look at few-shot
classification", arXiv:1904.04232; Nichol et al., "On first-order meta-learning algorithms", arXiv:1803.02999.

Shapes as in the lab's reference: episodes of N ways, a support (N, 1, …) and a query (N, Q, …).
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.training import Run
from solutions.metalearning.reference import (
    INNER,
    Config,
    Examples,
    Params,
    adapt,
    beginning,
    embedding,
    episode,
    learn_beginning,
    load,
    maml_loss,
    matching,
    perceptron,
    prototype_loss,
    prototype_scores,
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


def few_shot(kind: str, seed: int, steps: int = 300, channels: int = 16) -> nn.Module:
    """An embedding of characters that has seen 60 drawings a step.

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
    return net.eval()


def fine_tuned(z: Tensor, shots: int, episodes: int = 40, steps: int = 40) -> tuple[float, float]:
    """Shares right of five ways: by a linear layer fitted to each support by gradient descent, and by prototypes.

    Args:
        z: Embeddings (C, K, D).
        shots: Examples of each class in a support.
        episodes, steps: How many tasks; how many steps on each.
    """
    draw, queries = torch.Generator().manual_seed(2), 4
    parts = zip(*(episode(z, 5, shots, queries, draw) for _ in range(episodes)))
    s, q = (torch.stack(part).flatten(1, 2) for part in parts)  # (E, 5 S, D), (E, 5 Q, D)
    scale = s.norm(dim=-1).mean()
    due = torch.arange(5).repeat_interleave(shots).expand(episodes, -1)
    first = [torch.zeros(episodes, z.shape[-1], 5, requires_grad=True)]

    def cost(weights: Params) -> Tensor:
        return F.cross_entropy((s / scale @ weights[0]).mT, due, reduction="none").mean(1)

    (layer,) = adapt(cost, first, 5.0, steps, first_order=True)
    right = torch.arange(5).repeat_interleave(queries)
    near = torch.stack([prototype_scores(a.unflatten(0, (5, shots)), b) for a, b in zip(s, q)])
    tuned, means = (
        (scores.argmax(-1) == right).float().mean().item() for scores in (q / scale @ layer, near)
    )
    return tuned, means


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


def begun(kind: str, seed: int, updates: int = 1500) -> nn.ParameterList:
    """A beginning for sine waves of one of four kinds.

    Kinds: "MAML", "first order", "Reptile", and "jointly", trained on all waves together.
    """
    run, params = Run(kind, seed, "cpu"), beginning(40)
    if kind == "Reptile":
        reptile(params, seed, updates)
    else:
        how = Config(0, 0, 0, 0, 0.0, 0, sine_steps=updates)
        learn_beginning(params, how, run, inner=int(kind != "jointly"), first_order=kind == "first order")
    return params


def some_waves(count: int, draw: torch.Generator) -> Callable[[Tensor, float], Tensor]:
    """Sine waves as `sinusoids` draws them: a function of places (count, S, 1) and a frequency."""
    amplitude = 0.1 + 4.9 * torch.rand(count, 1, 1, generator=draw)
    phase = math.pi * torch.rand(count, 1, 1, generator=draw)
    return lambda x, frequency: amplitude * torch.sin(frequency * x - phase)


def after_steps(params: Params, support: Examples, query: Examples) -> list[float]:
    """Squared errors on the queries at once, after one step on the support and after ten."""
    cost = partial(maml_loss, perceptron, list(params), support, query, INNER, first_order=True)
    return [cost(steps=steps).item() for steps in (0, 1, 10)]


def faster(params: Params, frequency: float, count: int = 400) -> list[float]:
    """`after_steps` on ten points of new waves of another frequency; and the error of saying 0 always."""
    draw = torch.Generator().manual_seed(4)
    (x, _), (u, _) = sinusoids(count, 10, 50, draw)
    wave = some_waves(count, draw)
    y, v = (wave(part, frequency) for part in (x, u))
    return [*after_steps(params, (x, y), (u, v)), v.square().mean().item()]


def other_half(params: Params, count: int = 400) -> list[float]:
    """`after_steps` on five points left of 0 of new waves, for places right of 0."""
    draw = torch.Generator().manual_seed(8)
    x, u = (-5 * torch.rand(count, 5, 1, generator=draw), 5 * torch.rand(count, 50, 1, generator=draw))
    wave = some_waves(count, draw)
    return after_steps(params, (x, wave(x, 1.0)), (u, wave(u, 1.0)))
