"""Beside the record: the paper's residual net on the same digits, and series with holes, of patients and of lynxes."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.data import lynx_hare, physionet
from course_utils.training import Run
from solutions.odes.reference import (
    CONFIG,
    RIVALS,
    GapRNN,
    LatentODE,
    digit_error,
    digit_net,
    fit_digits,
    gaussian_elbo,
)


@dataclass(frozen=True)
class Series:
    """A set of series with holes, and how it is learned.

    `span`: the time from its first to its last moment, in units of the models' own. `drop`: the share of moments that
    are hidden from whoever reads, anew at each step. `noise`: as in `gaussian_elbo`. `latent`, `hidden`, `width`: as in
    `LatentODE`; the rival has `rival` hidden numbers.
    """

    data: Any  # a module of course_utils.data
    span: float
    drop: float
    noise: float
    latent: int
    hidden: int
    width: int
    rival: int
    steps: int
    batch: int
    rate: float


SERIES = {
    "physionet": Series(physionet, 1.0, 0.0, 0.6, 16, 40, 50, 64, 300, 100, 1e-2),
    "lynx_hare": Series(lynx_hare, 1.1, 0.3, 0.2, 4, 16, 24, 16, 200, 64, 1e-2),
}


def moments(values: Tensor, span: float) -> Tensor:
    """The times (T,) of series (B, T, D)."""
    return torch.linspace(0, span, values.shape[1], device=values.device)


def rnn_surprise(net: GapRNN, times: Tensor, values: Tensor, seen: Tensor, known: Tensor) -> Tensor:
    """Mean squared error of the rival on what was seen after the first moment; arguments as `gaussian_elbo`'s."""
    error = net.foretell(times, values, known) - values[:, 1:]
    return torch.where(seen[:, 1:], error, 0.0).square().sum() / seen[:, 1:].sum()


def series_models(how: Series, d: int) -> dict[str, tuple[nn.Module, Callable[..., Tensor]]]:
    """The two that compete for series of D numbers, and their losses of (net, times, values, seen, known)."""
    return {
        "latent": (
            LatentODE(d, how.latent, how.hidden, how.width),
            lambda *given: -gaussian_elbo(*given, how.noise),
        ),
        "rnn": (GapRNN(d, how.rival, holes=True), rnn_surprise),
    }


def fit_series(
    net: nn.Module, loss: Callable[..., Tensor], how: Series, tier: str, run: Run, phase: str
) -> nn.Module:
    """Train on whole series of which the first part is read: Adam, one cycle."""
    net, (values, seen) = net.to(run.device), run.to(*how.data.load(tier, "train").tensors)
    times, early = moments(values, how.span), early_part(how, run.device)
    optimizer = torch.optim.Adam(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for _ in run.steps(how.steps, saved, phase):
        rows = torch.randint(len(values), (how.batch,), device=run.device)
        kept = torch.rand(how.batch, len(times), 1, device=run.device) >= how.drop
        value = loss(net, times, values[rows], seen[rows], seen[rows] & early & kept)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(**{f"{phase}_loss": value})
    return net


def early_part(how: Series, device: torch.device | str) -> Tensor:
    """Which moments may be read, truth values (T, 1): the others are to be foretold."""
    count = how.data.load("mini", "train").tensors[0].shape[1]
    return (torch.arange(count, device=device) < how.data.SEEN)[:, None]


@torch.no_grad()
def series_missed(net: nn.Module, how: Series, tier: str, device: torch.device | str) -> float:
    """Squared error on what was seen of the test series' later parts, over that of saying the training mean, 0."""
    values, seen = (part.to(device) for part in how.data.load(tier, "test").tensors)
    known = seen & early_part(how, device)
    later = values.shape[1] - how.data.SEEN
    said = net.foretell(moments(values, how.span), values, known)[:, -later:]
    values, seen = values[:, -later:], seen[:, -later:]
    error = torch.where(seen, said - values, 0.0).square().sum()
    return float(error / torch.where(seen, values, 0.0).square().sum())


def holes(run: Run, tier: str = "full", name: str = "") -> dict[str, float]:
    """What a latent ODE and a recurrent net that is told gaps and holes miss of patients, and of lynxes and hares.

    Args:
        run, tier: As for `train`.
        name: Ends the phases' names, where this is done more than once.
    """
    found = {}
    for what, how in SERIES.items():
        d = how.data.load(tier, "train").tensors[0].shape[2]
        for kind, (net, loss) in series_models(how, d).items():
            fit_series(net, loss, how, tier, run, f"{what}_{kind}{name}")
            found[f"{what}_{kind}_missed"] = series_missed(net, how, tier, run.device)
    return found


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """The residual net's share of wrong digits; what both readers of series miss, mean and spread over trainings."""
    resnet = fit_digits(digit_net("resnet", CONFIG[tier].width), run, "resnet")
    found = {"resnet_error": digit_error(resnet, run.device)}
    rounds = [holes(run, tier, f"_{number}") for number in range(RIVALS)]
    for name in rounds[0]:
        values = [values[name] for values in rounds]
        found |= {name: statistics.fmean(values), f"{name}_std": statistics.stdev(values)}
    return found
