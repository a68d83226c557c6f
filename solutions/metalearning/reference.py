"""Meta-learning: episodes, learned metrics, learned beginnings, nets that read a training set, learned optimisers.

Snell et al., "Prototypical networks for few-shot learning", arXiv:1703.05175; Vinyals et al., "Matching networks for
one shot learning", arXiv:1606.04080; Finn et al., "Model-agnostic meta-learning", arXiv:1703.03400; Santoro et al.,
"One-shot learning with memory-augmented neural networks", arXiv:1605.06065; Duan et al., "One-shot imitation
learning", arXiv:1703.07326; Andrychowicz et al., "Learning to learn by gradient descent by gradient descent",
arXiv:1606.04474.

Shapes: C classes with K examples each; N ways (classes of an episode), S shots and Q queries of each way, M queries
in all, D numbers of an embedding; T tasks at once; B sequences of L examples; in a grid world K objects with marks.

The full tier takes 6,000 steps of some 220 launches for characters, 12 s of an H100 for a seed by launches of 9 µs,
whose 3e13 operations take 3 s more, and twice 8,000 of some 120 for sine waves, 17 s: three seeds some 100 s. On one
thread of a CPU a seed takes a quarter of an hour.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import omniglot
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.988, "snell2017", system="prototypical network", data="1,200 classes, rotated")}

Params = Sequence[Tensor]
Loss = Callable[[Params], Tensor]  # of weights to one number, or to one for each task (T,)
Net = Callable[[Params, Tensor], Tensor]  # of weights and inputs (T, S, 1) to outputs (T, S, 1)
Examples = tuple[Tensor, Tensor]  # inputs and what is due


# ------------------------------------------------------------------------------------------------- episodes


def episode(
    examples: Tensor, ways: int, shots: int, queries: int, generator: torch.Generator | None = None
) -> Examples:
    """Draw a small task: different classes at random, and of each different examples at random.

    Args:
        examples: (C, K, ...), K of each of C classes.
        ways: N, at most C.
        shots, queries: S and Q; S + Q is at most K.
        generator: Where random numbers come from; PyTorch's own if there is none.

    Returns:
        Support (N, S, ...) and query (N, Q, ...): row n of both is of the same class, and no example is in both.
    """
    classes = torch.randperm(len(examples), generator=generator)[:ways]
    order = torch.rand(ways, examples.shape[1], generator=generator).argsort(1)[:, : shots + queries]
    drawn = examples[classes[:, None].to(examples.device), order.to(examples.device)]  # (N, S + Q, ...)
    return drawn[:, :shots], drawn[:, shots:]


# ------------------------------------------------------------------------------------------- learned metrics


def prototype_scores(support: Tensor, query: Tensor) -> Tensor:
    """Minus the squared distance of each query to the mean of each class (Snell et al., equations 1 and 2).

    Args:
        support: Embeddings (N, S, D).
        query: Embeddings (M, D).

    Returns:
        (M, N), to be given to a softmax over classes. Gradients flow to both.

    >>> prototype_scores(torch.tensor([[[0.0], [2.0]], [[5.0], [5.0]]]), torch.tensor([[2.0]]))
    tensor([[-1., -9.]])
    """
    prototypes = support.mean(1)  # (N, D)
    return -(query[:, None] - prototypes).square().sum(-1)


def matching(support: Tensor, query: Tensor) -> Tensor:
    """Attention over all examples of the support, added up for each class (Vinyals et al., equation 1).

    The attention is a softmax over all N S examples of the cosine of query and example (section 2.1.1).

    Args:
        support: Embeddings (N, S, D), none of length 0.
        query: Embeddings (M, D), none of length 0.

    Returns:
        Probabilities (M, N). Gradients flow to both.
    """
    ways, shots, _ = support.shape
    cosine = F.normalize(query, dim=-1) @ F.normalize(support, dim=-1).flatten(0, 1).T  # (M, N S)
    return cosine.softmax(-1).view(-1, ways, shots).sum(-1)


# ---------------------------------------------------------------------------------------- learned beginnings


def adapt(loss: Loss, params: Params, rate: float, steps: int, first_order: bool = False) -> list[Tensor]:
    """Steps of gradient descent that themselves can be differentiated (Finn et al., section 2.2).

    Args:
        loss: Of a list of weights to a number, or to one number for each task, which depends on that task's weights
            only: then every task goes its own way.
        params: Weights; autograd knows them already.
        rate: The inner rate.
        steps: How many, from 0 on.
        first_order: Count the gradients as constants, so that no second derivative is needed (section 5.2).

    Returns:
        New weights; those that came in are not changed. Gradients flow to `params`.

    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> (new,) = adapt(lambda params: params[0] ** 2, [w], 0.25, 1)
    >>> new.item(), torch.autograd.grad(new, w)[0].item()
    (1.0, 0.5)
    """
    for _ in range(steps):
        slopes = torch.autograd.grad(loss(params).sum(), params, create_graph=not first_order)
        params = [p - rate * slope for p, slope in zip(params, slopes)]
    return list(params)


def maml_loss(
    net: Net,
    params: Params,
    support: Examples,
    query: Examples,
    rate: float,
    steps: int,
    first_order: bool = False,
) -> Tensor:
    """What one beginning costs after each of T tasks has learned from its own support (Finn et al., section 2.2).

    Args:
        net: `net(weights, x)` gives outputs (T, S, 1); weights may have an axis of tasks in front.
        params: The one beginning of all tasks.
        support: x and y, (T, S, 1) each. Each task takes `steps` steps on the mean squared error of its own.
        query: x and y, (T, Q, 1) each.
        rate, steps, first_order: As for `adapt`.

    Returns:
        The mean squared error over all queries of all tasks, one number. Gradients flow to `params`.
    """
    x, y = support
    own = [p.expand(len(x), *p.shape) for p in params]  # (T, ...): one copy for each task
    own = adapt(lambda weights: (net(weights, x) - y).square().mean((1, 2)), own, rate, steps, first_order)
    return (net(own, query[0]) - query[1]).square().mean()


def perceptron(params: Params, x: Tensor) -> Tensor:
    """ReLU layers by weights (..., in, out) and biases (..., 1, out), in turn: (T, S, in) to (T, S, out)."""
    for n in range(0, len(params), 2):
        x = (x.relu() if n else x) @ params[n] + params[n + 1]
    return x


def beginning(width: int) -> nn.ParameterList:
    """Random weights of a perceptron of two hidden layers, from one number to one."""
    params = nn.ParameterList()
    for a, b in ((1, width), (width, width), (width, 1)):
        params.append(nn.init.uniform_(torch.empty(a, b), -(a**-0.5), a**-0.5))
        params.append(torch.zeros(1, b))
    return params


def sinusoids(
    count: int, shots: int, queries: int, generator: torch.Generator | None = None
) -> tuple[Examples, Examples]:
    """Sine waves, each a task: amplitude in [0.1, 5], phase in [0, π], x in [-5, 5] (Finn et al., section 5.1).

    Returns:
        Support x and y (count, shots, 1), and query x and y (count, queries, 1).
    """
    amplitude = 0.1 + 4.9 * torch.rand(count, 1, 1, generator=generator)
    phase = math.pi * torch.rand(count, 1, 1, generator=generator)
    x = 10 * torch.rand(count, shots + queries, 1, generator=generator) - 5
    y = amplitude * torch.sin(x - phase)
    return (x[:, :shots], y[:, :shots]), (x[:, shots:], y[:, shots:])


# -------------------------------------------------------------------------------- nets that read a training set


def shifted(x: Tensor, y: Tensor, ways: int) -> Tensor:
    """What a net reads that is told each label one step too late (Santoro et al., figure 1).

    Args:
        x: Examples (B, L, D).
        y: Their labels (B, L), from 0 to ways - 1.
        ways: N.

    Returns:
        (B, L, D + N): at each place the example, and the label of the example before it as one number for each way,
        1 where it is that label and else 0; at the first place there are only zeros.
    """
    told = F.one_hot(y, ways).to(x.dtype)  # (B, L, N)
    return torch.cat([x, F.pad(told, (0, 0, 1, 0))[:, :-1]], dim=-1)


def by_presentation(y: Tensor, right: Tensor, most: int) -> Tensor:
    """Share right where a sequence shows a class for the first time, the second, … (Santoro et al., table 1).

    Args:
        y: Labels (B, L); every class comes at least `most` times in some sequence.
        right: (B, L), whether each was classified right.
        most: P.

    Returns:
        (P,): entry p is the share right of all examples that are the (p + 1)-th of their class in their sequence.

    >>> by_presentation(torch.tensor([[1, 1, 0, 1]]), torch.tensor([[True, True, False, False]]), 3)
    tensor([0.5000, 1.0000, 0.0000])
    """
    seen = F.one_hot(y).cumsum(1).gather(2, y[..., None])[..., 0]  # (B, L), from 1
    return torch.stack([right[seen == p].float().mean() for p in range(1, most + 1)])


class Reader(nn.Module):
    """An LSTM that reads examples and labels that come a step late, and scores each example's label."""

    def __init__(self, d: int, ways: int, hidden: int):
        super().__init__()
        self.ways = ways
        self.lstm, self.scores = nn.LSTM(d + ways, hidden, batch_first=True), nn.Linear(hidden, ways)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Examples (B, L, D) and labels (B, L) to scores (B, L, N)."""
        return self.scores(self.lstm(shifted(x, y, self.ways))[0])


# ------------------------------------------------------------------------------------------ one-shot imitation

GRID, OBJECTS, MARK = 7, 4, 8  # cells of a side, objects in a world, numbers of an object's mark
MOVES = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])

World = tuple[Tensor, Tensor]  # places (B, K, 2) and marks (B, K, D) of objects


def goal_now(end: Tensor, shown: World, now: World, sharpness: float | Tensor) -> Tensor:
    """Where a demonstration would have ended, had it been given in the world as it is now.

    First look in the demonstration's world: a softmax over its objects of minus `sharpness` times the squared distance
    of object and end; the weighted sum of marks says what was meant. Then look for that in the world now: a softmax
    over its objects of `sharpness` times the product of what was meant and each mark; the weighted sum of places is
    the goal.

    Args:
        end: Where the demonstration ended (B, 2).
        shown: Places (B, K, 2) and marks (B, K, D) of the objects in its world.
        now: The same of the world now; its objects may stand elsewhere and in another order.
        sharpness: Above 0.

    Returns:
        (B, 2). Gradients flow to all.
    """
    places, marks = shown
    near = (-sharpness * (places - end[:, None]).square().sum(-1)).softmax(-1)  # (B, K)
    meant = (near[..., None] * marks).sum(1)  # (B, D)
    alike = (sharpness * (now[1] @ meant[..., None])[..., 0]).softmax(-1)  # (B, K)
    return (alike[..., None] * now[0]).sum(1)


class Imitator(nn.Module):
    """A policy for a grid world, given one demonstration: where to look is learned, and how to go there."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.log_sharpness = nn.Parameter(torch.zeros(()))
        self.go = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, len(MOVES)))

    def forward(self, end: Tensor, shown: World, now: World, agent: Tensor) -> Tensor:
        """What `goal_now` takes, and where the agent is (B, 2), to scores of the four moves (B, 4)."""
        where = goal_now(end, shown, now, self.log_sharpness.exp())
        return self.go((where - agent) / GRID)


def marks(count: int, generator: torch.Generator) -> Tensor:
    """Marks of `count` kinds of objects (count, D), each of length 2."""
    return 2 * F.normalize(torch.randn(count, MARK, generator=generator), dim=-1)


def worlds(
    count: int, kinds: Tensor, generator: torch.Generator
) -> tuple[World, World, Tensor, Tensor, Tensor]:
    """Pairs of worlds with the same objects, at other places and in another order, and which one is the goal.

    Returns:
        The world of the demonstration and the world now; the goal's number in each (count,), twice; the agent's cell
        (count, 2), which is no object's.
    """
    rows = torch.arange(count)[:, None]
    drawn = kinds[torch.rand(count, len(kinds), generator=generator).argsort(1)[:, :OBJECTS]]  # (B, K, D)
    order = torch.rand(count, OBJECTS, generator=generator).argsort(1)
    cells = [torch.rand(count, GRID**2, generator=generator).argsort(1)[:, : OBJECTS + 1] for _ in range(2)]
    places = [torch.stack([cell % GRID, cell // GRID], -1).float() for cell in cells]
    goal = torch.randint(OBJECTS, (count,), generator=generator)
    shown, now = (places[0][:, :-1], drawn), (places[1][:, :-1], drawn[rows, order])
    return shown, now, goal, (order == goal[:, None]).float().argmax(1), places[1][:, -1]


def expert(goal: Tensor, agent: Tensor) -> Tensor:
    """The move that an expert makes: along the axis on which the goal is farther, (B,)."""
    way = goal - agent
    sideways = way[:, 0].abs() >= way[:, 1].abs()
    return torch.where(sideways, (way[:, 0] < 0).long(), 2 + (way[:, 1] < 0).long())


# -------------------------------------------------------------------------------------------- learned optimisers

Update = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # a gradient and a state to a step and a state


def unroll(
    update: Update, loss: Callable[[Tensor], Tensor], theta: Tensor, state: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Let a learned optimiser make steps, and keep account of its cost (Andrychowicz et al., equation 3).

    At each step: the gradient of the loss at theta, as a constant; `update(gradient, state)` gives a step and the next
    state; the step is added to theta; the loss at the new theta is added to the cost.

    Args:
        update: The optimiser.
        loss: Of theta to one number.
        theta: What is optimised.
        state: The optimiser's first state.
        steps: At least 1.

    Returns:
        The last theta and the cost, one number. Gradients flow to what `update` is made of, through steps and states,
        but not through the gradients that it is given (section 2); they flow even where theta needs none.
    """
    cost = torch.zeros((), device=theta.device)
    for _ in range(steps):
        here = theta.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(here), here)
        step, state = update(slope, state)
        theta = theta + step
        cost = cost + loss(theta)
    return theta, cost


class LearnedOptimiser(nn.Module):
    """A GRU for each number of theta, all with the same weights: reads its gradient, says its step."""

    def __init__(self, hidden: int = 8):
        super().__init__()
        self.cell, self.step = nn.GRUCell(1, hidden), nn.Linear(hidden, 1)

    def begin(self, theta: Tensor) -> Tensor:
        """The first state, zeros."""
        return theta.new_zeros(theta.numel(), self.cell.hidden_size)

    def forward(self, slope: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A gradient of any shape and the state, to a step of that shape and the next state."""
        state = self.cell(slope.reshape(-1, 1), state)
        return 0.1 * self.step(state).view_as(slope), state


def quadratics(count: int, d: int, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    """The loss of theta (count, d): the sum over problems of |W theta - y|² / 2, W and y random (section 3.1)."""
    W = torch.randn(count, d, d, generator=generator) / d**0.5
    y = torch.randn(count, d, generator=generator)
    return lambda theta: ((W @ theta[..., None])[..., 0] - y).square().sum() / 2


# ------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class Config:
    """The embedding and its episodes; the sine waves' training."""

    channels: int
    ways: int
    queries: int
    steps: int
    rate: float
    turned: int  # by how many quarter turns a character makes another class
    sine_steps: int
    sine_tasks: int = 16  # at once
    sine_rate: float = 1e-2


INNER, WIDTH = 0.01, 40  # rate of the inner step and width of the hidden layers (Finn et al., section 5.1)
SHOTS = 10  # of a sine wave


def config(tier: str) -> Config:
    """A tier's recipe; chosen on validation scripts."""
    if tier == "mini":
        return Config(channels=32, ways=20, queries=2, steps=700, rate=3e-3, turned=1, sine_steps=4000)
    return Config(channels=64, ways=30, queries=2, steps=6000, rate=2e-3, turned=4, sine_steps=8000)


def load(tier: str, split: str) -> Tensor:
    """Drawings of characters (C, K, 1, S, S)."""
    return omniglot.load(tier, split).tensors[0]


def embedding(channels: int) -> nn.Sequential:
    """Four convolutions, each with batch normalisation, ReLU and pooling (Snell et al., section 3.1)."""
    layers: list[nn.Module] = []
    for a, b in zip((1, channels, channels, channels), (channels,) * 4):
        layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


def build(tier: str) -> nn.ModuleDict:
    """Untrained nets of a tier: "embedding" of characters and "sines", a beginning for sine waves."""
    return nn.ModuleDict({"embedding": embedding(config(tier).channels), "sines": beginning(WIDTH)})


def turned(drawings: Tensor, quarters: int) -> Tensor:
    """Characters (C, ...) and, as classes of their own, the same by 1 to `quarters` - 1 quarter turns."""
    return torch.cat([torch.rot90(drawings, n, (-2, -1)) for n in range(quarters)])


def prototype_loss(net: nn.Module, support: Tensor, query: Tensor) -> Tensor:
    """Cross-entropy of the queries (N, Q, ...) of an episode, by prototypes of its support (N, S, ...)."""
    (n, s), q = support.shape[:2], query.shape[1]
    z = net(torch.cat([support, query], dim=1).flatten(0, 1)).view(n, s + q, -1)  # (N, S + Q, D)
    due = torch.arange(n, device=z.device).repeat_interleave(q)
    return F.cross_entropy(prototype_scores(z[:, :s], z[:, s:].flatten(0, 1)), due)


def learn_metric(net: nn.Module, drawings: Tensor, how: Config, run: Run) -> None:
    """Train an embedding on one-shot episodes."""
    optimizer = torch.optim.Adam(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for step in run.steps(how.steps, saved, "metric"):
        loss = prototype_loss(
            net, *episode(drawings, how.ways, 1, how.queries, run.generator(f"episode {step}"))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(nats=loss)


def learn_beginning(
    params: nn.ParameterList, how: Config, run: Run, inner: int = 1, first_order: bool = False
) -> None:
    """Train a beginning for sine waves, to be good after `inner` steps; with 0 it is trained on all waves jointly."""
    optimizer = torch.optim.Adam(params.parameters(), how.sine_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.sine_rate, how.sine_steps, pct_start=0.1)
    saved = {"params": params, "optimizer": optimizer, "schedule": schedule}
    name = f"sines after {inner}"
    for step in run.steps(how.sine_steps, saved, name):
        drawn = sinusoids(how.sine_tasks, SHOTS, SHOTS, run.generator(f"{name} {step}"))
        support, query = (run.to(*examples) for examples in drawn)
        loss = maml_loss(perceptron, list(params), support, query, INNER, inner, first_order)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        run.log(**{f"error_after_{inner}": loss})


def sine_error(params: Params, inner: int, rate: float = INNER) -> float:
    """Mean squared error on 1,000 new sine waves after `inner` steps on ten points of each."""
    drawn = sinusoids(1000, SHOTS, 50, torch.Generator().manual_seed(1))
    device = next(iter(params)).device
    support, query = (tuple(t.to(device) for t in examples) for examples in drawn)
    return maml_loss(perceptron, list(params), support, query, rate, inner, first_order=True).item()


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A prototypical network, trained on one-shot episodes; beside it a beginning for sine waves by MAML."""
    how = config(tier)
    nets = build(tier).to(run.device)
    learn_metric(nets["embedding"], turned(load(tier, "train"), how.turned).to(run.device), how, run)
    learn_beginning(nets["sines"], how, run)
    jointly = beginning(WIDTH).to(run.device)
    learn_beginning(jointly, how, run, inner=0)
    validation = partial(embedded, nets["embedding"].eval(), load(tier, "val"))
    run.log(
        validation=accuracy(validation(), 5, 1),
        maml_error=sine_error(nets["sines"], 1),
        joint_error=sine_error(jointly, 1),
    )
    if tier == "full":
        run.log(**harder(nets["embedding"]))
    return {name: tensor.detach().contiguous() for name, tensor in nets.state_dict().items()}


@torch.no_grad()
def embedded(net: nn.Module, drawings: Tensor) -> Tensor:
    """Drawings (C, K, 1, S, S) as embeddings (C, K, D), on the CPU."""
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    parts = [net(part.to(device)).cpu() for part in drawings.flatten(0, 1).split(2000)]
    return torch.cat(parts).unflatten(0, drawings.shape[:2])


def accuracy(
    examples: Tensor, ways: int, shots: int, episodes: int = 600, scores: Callable = prototype_scores
) -> float:
    """Share of queries that get their class, over episodes with five queries a way, or as many as there are."""
    draw, hits = torch.Generator().manual_seed(1), []
    queries = min(5, examples.shape[1] - shots)
    due = torch.arange(ways).repeat_interleave(queries)
    for _ in range(episodes):
        support, query = episode(examples, ways, shots, queries, draw)
        hits.append((scores(support, query.flatten(0, 1)).argmax(1) == due).float().mean())
    return torch.stack(hits).mean().item()


def harder(net: nn.Module) -> dict[str, float]:
    """The full tier's other measures: five shots, twenty ways, and Omniglot's own 20 runs within an alphabet."""
    z = embedded(net, load("full", "test"))
    support, query, due = omniglot.one_shot_runs()
    found = zip(embedded(net, support), embedded(net, query), due)
    runs = [(prototype_scores(s[:, None], q).argmax(1) == y).float().mean().item() for s, q, y in found]
    return {
        "five_ways_five_shots": accuracy(z, 5, 5),
        "twenty_ways_one_shot": accuracy(z, 20, 1),
        "own_runs": sum(runs) / len(runs),
    }


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share right of five ways and one shot, over 600 episodes of characters of held-out scripts.

    Raises:
        RuntimeError: the tensors are not those of this tier's nets.
    """
    nets = build(tier)
    nets.load_state_dict(tensors)
    return accuracy(embedded(nets["embedding"].to(device).eval(), load(tier, "test")), 5, 1)


def baseline(tier: str) -> float:
    """What the nearest drawing reaches, pixel by pixel."""
    return accuracy(load(tier, "test").flatten(2), 5, 1)


if __name__ == "__main__":
    main(__spec__)
