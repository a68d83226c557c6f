"""Beside the record: densities of handwritten digits, by a continuous flow of convolutions and by couplings."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import mnist
from course_utils.training import Run
from solutions.flows.reference import (
    Config,
    Coupling,
    bits_per_number,
    chain,
    cnf_log_density,
    fit,
    log_normal,
    logits,
    signs,
)

SIDE = 28
HOW = Config(0, 800, 256, 2e-3, 4, 4)


class Standard(nn.Module):
    """The first layer of a flow of pictures: takes each number's own mean off and divides by its own spread."""

    def __init__(self, x: Tensor):
        super().__init__()
        self.register_buffer("mean", x.mean(0))
        self.register_buffer("spread", x.std(0) + 0.1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D) to z (B, D), and log |det ∂z/∂x| (B,)."""
        return (x - self.mean) / self.spread, -self.spread.log().sum().expand(len(x))

    def inverse(self, z: Tensor) -> Tensor:
        """(B, D) to (B, D)."""
        return self.mean + self.spread * z


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
    """What a coupling asks about a picture: (B, D) to s and t, (B, 2D), by convolutions of the folded picture."""

    def __init__(self, c: int = 64):
        super().__init__()
        self.net = convolutions(4, c, 8)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B, 2D)."""
        return F.pixel_shuffle(self.net(folded(x)), 2).flatten(1)


class PictureField(nn.Module):
    """A field over pictures that changes with time: convolutions of the folded picture, time as a fifth channel."""

    def __init__(self, c: int = 64):
        super().__init__()
        self.net = convolutions(5, c, 4)

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Time (a number) and pictures (B, D) to velocities (B, D)."""
        x = folded(z)
        x = torch.cat([x, t.expand_as(x[:, :1])], dim=1)
        return F.pixel_shuffle(self.net(x), 2).flatten(1)


def picture_couplings(count: int) -> nn.ModuleList:
    """Couplings that keep, by turns, the black and the white squares of a checkerboard of pixels."""
    black = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)).flatten() % 2
    return nn.ModuleList(Coupling(black if i % 2 else 1 - black, PictureNet()) for i in range(count))


class ContinuousPictures(nn.Module):
    """log density of logits by a continuous flow of convolutions, its trace estimated: (B, D) to (B,)."""

    def __init__(self, x: Tensor, steps: int = 4):
        super().__init__()
        self.standard, self.field, self.steps = Standard(x), PictureField(), steps

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B,)."""
        z, log_det = self.standard(x)
        return log_det + cnf_log_density(self.field, z, self.steps, signs(z))


class CoupledPictures(nn.Module):
    """log density of logits by couplings: (B, D) to (B,)."""

    def __init__(self, x: Tensor, count: int = 10):
        super().__init__()
        self.layers = nn.ModuleList([Standard(x), *picture_couplings(count)])

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B,)."""
        z, log_det = chain(self.layers, x)
        return log_normal(z) + log_det


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Bits for each pixel of held-out handwritten digits, by a continuous flow and by couplings, trained alike."""
    x, y = mnist.load(tier, "train").tensors
    held_out = mnist.load(tier, "test").tensors[0].flatten(1)
    data, some = TensorDataset(x.flatten(1), y), x[:2000].flatten(1)
    start = logits(some, torch.rand_like(some))[0]
    parts, found = held_out.to(run.device).split(1000), {}
    for name, make in (("continuous", ContinuousPictures), ("coupling", CoupledPictures)):
        net = fit(make(start), picture_bits, data, run, HOW, f"{name}_training")
        with torch.no_grad():
            bits = torch.cat([bits_per_number(net, part, torch.rand_like(part)) for part in parts])
        found[f"{name}_bits"] = bits.mean().item()
    return found


def picture_bits(net: nn.Module, x: Tensor, _: Tensor) -> Tensor:
    """Mean bits a pixel of a batch, with fresh noise: what both are trained on."""
    return bits_per_number(net, x, torch.rand_like(x)).mean()
