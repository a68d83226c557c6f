"""KeypointNet: points that a net finds without labels, beside points that the same net learns from labels.

Suwajanakorn et al., "Discovery of latent 3D keypoints via end-to-end geometric reasoning", arXiv:1807.03146: their
comparison is the error of the turn between two views of one thing. Here on aeroplanes that no net was trained on.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import aeroplanes
from course_utils.training import Run
from solutions.correspondence.reference import (
    KeypointNet,
    aeroplane_pairs,
    angle,
    keypoint_loss,
    lift,
    procrustes,
    supervised_loss,
)

SEEDS = 3
WIDTH, STEPS, BATCH, RATE = 24, 1500, 16, 5e-3  # two minutes of a CPU for each net
NOISE = (
    0.02  # of points before they tell the turn; with 0.1, the paper's, a turn was learned later or not at all
)

Losses = dict[str, Tensor]


class Watched:
    """A net whose last points are kept, so that one more loss of them needs no second look at the pictures."""

    def __init__(self, net: KeypointNet):
        self.net, self.depth = net, net.depth

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.seen, scores = self.net(x)
        return self.seen, scores


def found_losses(net: KeypointNet, batch: tuple[Tensor, ...]) -> Losses:
    """What two views and the turn between them teach, the pose from points with little noise; no label is looked at."""
    watched = Watched(net)
    losses = keypoint_loss(watched, batch)  # type: ignore[arg-type]
    p, q = (lift(x, aeroplanes.FOCAL) + NOISE * torch.randn_like(x) for x in watched.seen.chunk(2))
    return losses | {"pose": angle(procrustes(p, q), batch[3]).mean()}


KINDS: dict[str, Callable[[KeypointNet, tuple[Tensor, ...]], Losses]] = {
    "found": found_losses,
    "labelled": supervised_loss,
}


def trained(kind: str, data: TensorDataset, run: Run, name: str, steps: int = STEPS) -> KeypointNet:
    """A net trained on pairs, in evaluation mode: AdamW, one cycle."""
    net = KeypointNet(width=WIDTH).to(
        run.device, memory_format=torch.channels_last
    )  # a quarter faster on a CPU
    optimizer = torch.optim.AdamW(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for batch in run.batches(data, BATCH, steps, saved, name):
        loss = torch.stack(list(KINDS[kind](net, batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(**{name: loss})
    return net.eval()


@torch.no_grad()
def turn_errors(net: KeypointNet, data: TensorDataset) -> Tensor:
    """Angles (N,), in degrees, between the true turns of pairs and those that the net's points give."""
    first, second, _, R, _ = (tensor.to(next(net.parameters()).device) for tensor in data.tensors)
    p, q = (lift(net(x)[0], aeroplanes.FOCAL) for x in (first, second))
    return torch.rad2deg(angle(procrustes(p, q), R))


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Median and mean error of the turn between held-out pairs, in degrees, by kind of points and seed.

    And, as "still", what is off for who says that nothing was turned.
    """
    data, held_out = aeroplane_pairs(tier, "train"), aeroplane_pairs(tier, "test")
    R = held_out.tensors[3]
    values = {"still_median": torch.rad2deg(angle(torch.eye(3).expand_as(R), R)).median().item()}
    for seed in range(SEEDS):
        for kind in KINDS:
            torch.manual_seed(seed)
            errors = turn_errors(trained(kind, data, run, f"{kind}_{seed}"), held_out)
            values |= {f"{kind}_median_{seed}": errors.median().item()}
            values |= {f"{kind}_mean_{seed}": errors.mean().item()}
    return values
