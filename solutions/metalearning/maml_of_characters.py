"""MAML on Omniglot: a beginning of a convolutional net that learns five new characters in a step or three.

Finn et al., "Model-agnostic meta-learning", arXiv:1703.03400, section 5.2. All tasks of a batch take their inner steps
at once, by `torch.func.vmap`: a task is a function of the one beginning and of its own pictures.

Time goes not so much into products as into passes over a layer's output and its derivatives. So the first layer, whose
output is three quarters of all numbers, is normalised through its weights: see `first_layer`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad, grad_and_value, vmap

from course_utils.training import Run
from solutions.metalearning.reference import episode

WAYS, QUERIES, TASKS = 5, 2, 16  # of an episode of one shot; episodes of an outer step
INNER, STEPS_LEARNING, STEPS_TESTED = 0.4, 1, 3  # the inner rate, and steps (Finn et al., appendix A.1)

RATE, CYCLE, SETTLING = 3e-3, 6000, 400  # of the outer steps, see `learn`
EPSILON = 1e-5  # of batch normalisation

Weights = dict[str, Tensor]
Net = Callable[[Weights, Tensor], Tensor]  # of weights and pictures (B, 1, 28, 28) to scores (B, N)


def strided(channels: int, outputs: int) -> nn.Sequential:
    """Four convolutions of stride 2 with the batch's own statistics, (B, 1, 28, 28) to (B, outputs)."""
    layers: list[nn.Module] = []
    for a, b in zip((1, channels, channels, channels), (channels,) * 4):
        norm = nn.BatchNorm2d(b, track_running_stats=False)
        layers += [nn.Conv2d(a, b, 3, stride=2, padding=1), norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * channels, outputs))


def first_layer(weights: Weights, pictures: Tensor) -> Tensor:
    """The first convolution of `strided` and its batch normalisation, (B, 1, S, S) to (B, C, S / 2, S / 2).

    Each output is a sum of nine pixels by weights w, so that over a batch its variance is w·V w, with V the covariance
    (9, 9) of pixels in a window: dividing w by its root normalises every output before there is one.
    """
    windows = F.unfold(pictures, 3, padding=1, stride=2)  # (B, 9, L)
    windows = windows - windows.mean((0, 2))[:, None]
    covariance = torch.einsum("bil,bjl->ij", windows, windows) / (len(windows) * windows.shape[2])
    w = weights["0.weight"].flatten(1)  # (C, 9)
    scale = weights["1.weight"] * ((w @ covariance * w).sum(1) + EPSILON).rsqrt()
    out = (scale[:, None] * w) @ windows + weights["1.bias"][:, None]
    return out.unflatten(2, (-1, (pictures.shape[3] + 1) // 2))


def normalised(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Batch normalisation of (B, C, H, W) by the batch's own statistics, step by step.

    Not `F.batch_norm`: under `vmap` its second derivatives were false, without a word (PyTorch 2.13).
    """
    x = x - x.mean((0, 2, 3), keepdim=True)
    scale = scale[:, None, None] * (x.square().mean((0, 2, 3), keepdim=True) + EPSILON).rsqrt()
    return scale * x + shift[:, None, None]


def quick(weights: Weights, pictures: Tensor) -> Tensor:
    """What `strided` gives with these weights, in less time. What its convolutions add, normalisation takes away."""
    x = first_layer(weights, pictures).relu()
    for n in (3, 6, 9):
        x = F.conv2d(x, weights[f"{n}.weight"], stride=2, padding=1)
        x = normalised(x, weights[f"{n + 1}.weight"], weights[f"{n + 1}.bias"]).relu()
    return F.linear(x.flatten(1), weights["13.weight"], weights["13.bias"])


def adapted(net: Net, weights: Weights, support: Tensor, steps: int) -> Weights:
    """One task's weights after `steps` steps on its support (N, 1, 1, 28, 28), a drawing of each of its ways."""
    due = torch.arange(len(support), device=support.device)

    def cost(at: Weights) -> Tensor:
        return F.cross_entropy(net(at, support[:, 0]), due)

    for _ in range(steps):
        slopes = grad(cost)(weights)
        weights = {name: weight - INNER * slopes[name] for name, weight in weights.items()}
    return weights


def scores(net: Net, weights: Weights, support: Tensor, query: Tensor, steps: int) -> Tensor:
    """A task's scores (N Q, N) of its queries (N, Q, 1, 28, 28), after it has learned from its support."""
    return net(adapted(net, weights, support, steps), query.flatten(0, 1))


def of_tasks(net: Net, weights: Weights, support: Tensor, query: Tensor, steps: int) -> Tensor:
    """`scores` of T tasks at once: supports (T, N, 1, …) and queries (T, N, Q, …) to (T, N Q, N)."""
    return vmap(lambda s, q: scores(net, weights, s, q, steps))(support, query)


def drawn(drawings: Tensor, tasks: int, queries: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Supports and queries of `tasks` episodes, stacked."""
    parts = [episode(drawings, WAYS, 1, queries, generator) for _ in range(tasks)]
    support, query = (torch.stack(part) for part in zip(*parts))
    return support, query


def learn(net: nn.Module, drawings: Tensor, steps: int, run: Run) -> None:
    """The outer loop: Adam on the queries' cost after each task's inner step, second derivatives and all.

    The rate rises to `RATE` and falls slowly, as if there were `CYCLE` steps, and to 0 in the last `SETTLING` of those
    that there are.
    """
    adam = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, CYCLE, pct_start=0.1)
    due = torch.arange(WAYS, device=run.device).repeat_interleave(QUERIES).repeat(TASKS)
    for step in run.steps(steps, {"net": net, "adam": adam, "schedule": schedule}, "maml"):
        pictures = run.to(*drawn(drawings, TASKS, QUERIES, run.generator(f"maml {step}")))

        def cost(weights: Weights, pictures: tuple[Tensor, Tensor] = pictures) -> Tensor:
            return F.cross_entropy(of_tasks(quick, weights, *pictures, STEPS_LEARNING).flatten(0, 1), due)

        slopes, value = grad_and_value(cost)(dict(net.named_parameters()))
        for name, weight in net.named_parameters():
            weight.grad = slopes[name].detach()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        adam.step()
        schedule.step()
        adam.param_groups[0]["lr"] *= min(1.0, (steps - 1 - step) / SETTLING)
        run.log(maml_nats=value.detach())


@torch.no_grad()
def right(net: nn.Module, drawings: Tensor, device: torch.device, episodes: int = 600) -> float:
    """Share of queries right over new episodes of five queries a way, after the steps of the test."""
    draw, hits = torch.Generator().manual_seed(1), []
    weights = dict(net.named_parameters())
    due = torch.arange(WAYS).repeat_interleave(5)
    for _ in range(episodes // 20):
        support, query = (part.to(device) for part in drawn(drawings, 20, 5, draw))
        hits.append(
            (of_tasks(quick, weights, support, query, STEPS_TESTED).argmax(-1).cpu() == due).float().mean()
        )
    return torch.stack(hits).mean().item()
