"""Beside the record: densities of handwritten digits, by a continuous flow of convolutions and by couplings.

Both are small, and trained briefly, for a CPU: some seven minutes for three seeds of each. On a GPU their steps take
some 630 and 470 launches: 5 s of an H100 for all six, by launches of 9 µs.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import mnist
from course_utils.training import Run
from solutions.flows.reference import (
    SHRINK,
    Config,
    Coupling,
    bits_per_number,
    chain,
    cnf_log_density,
    fit,
    log_normal,
    signs,
)

SIDE, LEVELS = 28, 256
SEEDS = 3
JUDGED = 2000  # of the test pictures, the first: a third decimal is not asked for
HOW = Config(32, 160, 64, 5e-3, 2, 2)  # solver steps: two judge as four do, to the fourth decimal


class Gaussianised(nn.Module):
    """The first layer of a flow of pictures: each pixel, on its own, becomes a standard normal.

    A logit goes through the distribution function of its pixel's grey levels (a histogram of the training pictures, and
    of one more, in which every level is as likely), then through the inverse of the normal's.
    """

    def __init__(self, pixels: Tensor):
        super().__init__()
        level = (255 * pixels).round().long().T  # (D, N)
        counts = torch.full((len(level), LEVELS), 1 / LEVELS, dtype=torch.float64)
        counts.scatter_add_(1, level, torch.ones_like(level, dtype=torch.float64))
        share = counts / counts.sum(1, keepdim=True)  # (D, 256), of each level
        self.register_buffer("share", share)
        self.register_buffer("below", share.cumsum(1) - share)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, D) to z (B, D), and log |det ∂z/∂y| (B,)."""
        y = y.double()
        x = LEVELS * ((y.sigmoid() - SHRINK) / (1 - 2 * SHRINK)).clamp(0, 1 - 1e-9)
        level = x.long().T
        share, below = self.share.gather(1, level).T, self.below.gather(1, level).T
        z = torch.special.ndtri((below + share * x.frac()).clamp(1e-9, 1 - 1e-9))
        slope = share.log() + math.log(LEVELS / (1 - 2 * SHRINK)) + F.logsigmoid(y) + F.logsigmoid(-y)
        return z.float(), (slope.sum(1) - log_normal(z)).float()

    def black(self) -> Tensor:
        """(D,): the z below which a pixel is black; what nets are shown, since it is another at every pixel."""
        return torch.special.ndtri(self.share[:, 0].clamp(0.01, 0.99)).float()


def convolutions(c_in: int, c: int, c_out: int) -> nn.Sequential:
    """Three 3×3 convolutions with tanh between; the last begins with zeros."""
    layers = (
        nn.Conv2d(c_in, c, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(c, c, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(c, c_out, 3, padding=1),
    )
    nn.init.zeros_(layers[-1].weight)
    nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)


def folded(x: Tensor) -> Tensor:
    """(B, D) of pictures to four channels of half their side: each has one pixel of every 2×2."""
    return F.pixel_unshuffle(x.view(len(x), -1, SIDE, SIDE), 2)  # (B, 4, SIDE/2, SIDE/2)


class PictureNet(nn.Module):
    """Convolutions of the folded picture, which are shown where black ends: (B, D) to `out` numbers a pixel."""

    def __init__(self, black: Tensor, c: int, out: int, more: int = 0):
        super().__init__()
        self.net = convolutions(4 + 4 + more, c, 4 * out)
        self.register_buffer("black", folded(black[None]))

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        """(B, D), and numbers that are the same at all places, to (B, out · D)."""
        x = folded(x)
        extra = [value.expand_as(x[:, :1]) for value in more]
        x = torch.cat([x, self.black.expand_as(x), *extra], dim=1)
        return F.pixel_shuffle(self.net(x), 2).flatten(1)


class ContinuousPictures(nn.Module):
    """log density of logits by a continuous flow of convolutions, its trace estimated: (B, D) to (B,)."""

    def __init__(self, pixels: Tensor, how: Config = HOW):
        super().__init__()
        self.first, self.steps = Gaussianised(pixels), how.solver
        self.net = PictureNet(self.first.black(), how.width, 1, more=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B,)."""
        z, log_det = self.first(x)
        return log_det + cnf_log_density(lambda t, z: self.net(z, t), z, self.steps, signs(z))


class CoupledPictures(nn.Module):
    """log density of logits by couplings that keep, by turns, the black and the white squares of a checkerboard."""

    def __init__(self, pixels: Tensor, how: Config = HOW, count: int = 8):
        super().__init__()
        first = Gaussianised(pixels)
        odd = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)).flatten() % 2
        nets = [PictureNet(first.black(), how.width, 2) for _ in range(count)]
        kept = [odd if i % 2 else 1 - odd for i in range(count)]
        self.layers = nn.ModuleList([first, *map(Coupling, kept, nets)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B,)."""
        z, log_det = chain(self.layers, x)
        return log_normal(z) + log_det


KINDS = {"continuous": ContinuousPictures, "coupling": CoupledPictures}


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Bits for each pixel of held-out handwritten digits, by both flows and by their first layer alone.

    Beside them each flow's count of trained numbers.
    """
    x, y = mnist.load(tier, "train").tensors
    data, held_out = TensorDataset(x.flatten(1), y), mnist.load(tier, "test").tensors[0][:JUDGED].flatten(1)
    found = {"alone_bits": bits(CoupledPictures(x.flatten(1), count=0).to(run.device), held_out, run)}
    for seed in range(SEEDS):
        for name, kind in KINDS.items():
            torch.manual_seed(seed)
            net = fit(kind(x.flatten(1)), picture_bits, data, run, HOW, f"{name}_{seed}")
            found[f"{name}_bits_{seed}"] = bits(net, held_out, run)
            found[f"{name}_weights"] = sum(weight.numel() for weight in net.parameters())
    return found


def picture_bits(net: nn.Module, x: Tensor, _: Tensor) -> Tensor:
    """Mean bits a pixel of a batch, with fresh noise: what both are trained on."""
    return bits_per_number(net, x, torch.rand_like(x)).mean()


@torch.no_grad()
def bits(net: nn.Module, pixels: Tensor, run: Run) -> float:
    """Mean bits a pixel of pictures (N, D); traces are guessed once for each picture, which leaves the mean right."""
    parts = pixels.to(run.device).split(500)
    return torch.cat([bits_per_number(net, part, torch.rand_like(part)) for part in parts]).mean().item()
