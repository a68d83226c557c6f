"""Autoregressive images: masks, two stacks, mixtures of logistics, sampling with a cache, growing scales.

Van den Oord, Kalchbrenner & Kavukcuoglu, "Pixel recurrent neural networks", arXiv:1601.06759 (masks, PixelCNN);
van den Oord et al., "Conditional image generation with PixelCNN decoders", arXiv:1606.05328 (two gated stacks);
Salimans et al., "PixelCNN++", arXiv:1701.05517 (discretised mixture of logistics); Ramachandran et al., "Fast
generation for convolutional autoregressive models", arXiv:1704.06001 (cache); Reed et al., "Parallel multiscale
autoregressive density estimation", arXiv:1703.03664 (growing scales).
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import binary_digits
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(81.30, "oord2016pixel", system="PixelCNN", data="MNIST, binarised")}

Net = Callable[[Tensor], Tensor]


def causal_mask(kind: str, k: int, c_in: int = 1, c_out: int = 1, groups: int = 1) -> Tensor:
    """Ones where a kernel may look, zeros where it must not: masks A and B (van den Oord et al., 2016, section 3.4).

    Pixels are made row by row, from left to right, and the kernel's middle lies on the pixel itself. Weights above the
    middle row see earlier pixels, as do those left of the middle; below and to the right everything is later. At the
    middle, channels are made in `groups` (3 for red, green, blue): an output channel of group g sees there the input
    channels of the groups before g (kind "A", the first layer) or up to and with g (kind "B", all others). A group
    is a run of neighbouring channels, all of one size: channel c of C belongs to group c * groups // C.

    Args:
        kind: "A" or "B".
        k: Rows and columns of the kernel, odd.
        c_in: Input channels, a multiple of `groups`.
        c_out: Output channels, a multiple of `groups`.
        groups: How many groups of channels a pixel has.

    Returns:
        Zeros and ones (c_out, c_in, k, k), as floats.

    Raises:
        ValueError: another kind, an even k, or channels that `groups` does not divide.

    >>> causal_mask("A", 3)[0, 0]
    tensor([[1., 1., 1.],
            [1., 0., 0.],
            [0., 0., 0.]])
    """
    if kind not in ("A", "B"):
        raise ValueError(f"causal_mask: expected kind A or B, got {kind!r}.")
    if k % 2 == 0:
        raise ValueError(f"causal_mask: expected an odd kernel, got {k}; use {k - 1} or {k + 1}.")
    if c_in % groups or c_out % groups:
        raise ValueError(f"causal_mask: expected multiples of {groups} channels, got {c_in} and {c_out}.")
    middle = k // 2
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, :middle] = 1
    mask[:, :, middle, :middle] = 1
    source = torch.arange(c_in) * groups // c_in
    target = torch.arange(c_out)[:, None] * groups // c_out
    mask[:, :, middle, middle] = (source < target if kind == "A" else source <= target).float()
    return mask


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees earlier pixels only: (B, c_in, H, W) to (B, c_out, H, W)."""

    def __init__(self, kind: str, c_in: int, c_out: int, k: int, groups: int = 1):
        super().__init__(c_in, c_out, k, padding=k // 2)
        self.register_buffer("mask", causal_mask(kind, k, c_in, c_out, groups).float())

    def forward(self, x: Tensor) -> Tensor:
        """The kernels times their mask, slid over the picture padded with zeros."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


def receptive_field(net: Net, shape: tuple[int, int, int], i: int, j: int) -> Tensor:
    """Which input pixels one output pixel depends on, found by gradients.

    Feed a random picture, add up the output channels at row i and column j, and take the gradient of that sum with
    respect to the picture. A pixel is seen if the gradient of any of its channels differs from 0.

    Args:
        net: A function of pictures (1, C, H, W) with values (1, C', H, W).
        shape: (C, H, W) of a picture.
        i: Row of the output pixel.
        j: Its column.

    Returns:
        Truth values (H, W).

    >>> receptive_field(lambda x: x + x.roll(1, dims=3), (1, 1, 4), 0, 2)
    tensor([[False,  True,  True, False]])
    """
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, i, j].sum(), x)
    return (gradient[0] != 0).any(0)


def gate(x: Tensor) -> Tensor:
    """tanh of the first half of the channels times σ of the second: (B, 2C, H, W) to (B, C, H, W)."""
    a, b = x.chunk(2, dim=1)
    return torch.tanh(a) * torch.sigmoid(b)


def shift_down(x: Tensor) -> Tensor:
    """Each row moves down by one: zeros come in at the top, the last row falls out. (B, C, H, W) to (B, C, H, W).

    >>> shift_down(torch.tensor([1., 2., 3.]).view(1, 1, 3, 1)).flatten()
    tensor([0., 1., 2.])
    """
    return F.pad(x, (0, 0, 1, -1))


class GatedLayer(nn.Module):
    """Two stacks without a blind spot (van den Oord et al., 2016b, figure 2).

    The vertical stack v sees the rows above and its own row, the horizontal stack h its own row to the left. v speaks
    to h, one row late; h never speaks to v. `reach` is k // 2.
    """

    def __init__(self, c_in: int, c: int, k: int, first: bool = False):
        super().__init__()
        self.reach, self.first = k // 2, first
        self.vertical = nn.Conv2d(c_in, 2 * c, (self.reach + 1, k))
        self.horizontal = nn.Conv2d(c_in, 2 * c, (1, self.reach if first else self.reach + 1))
        self.link = nn.Conv2d(2 * c, 2 * c, 1)
        self.out = nn.Conv2d(c, c, 1)

    def forward(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, c_in, H, W) of both stacks to new ones (B, c, H, W).

        above: `vertical` of v, padded with zeros so that row i sees rows i - reach to i, and column j sees columns
            j - reach to j + reach.
        left: `horizontal` of h, padded so that column j sees columns j - reach to j; in the first layer, whose kernel
            is one shorter, to j - 1.

        The new v is gate(above). The new h is `out` of gate(left + `link` of `above` shifted down), plus the old h
        in every layer but the first.
        """
        r = self.reach
        above = self.vertical(F.pad(v, (r, r, r, 0)))  # (B, 2c, H, W)
        left = self.horizontal(F.pad(h, (r, -1 if self.first else 0, 0, 0)))  # (B, 2c, H, W)
        y = self.out(gate(left + self.link(shift_down(above))))  # (B, c, H, W)
        return gate(above), y if self.first else h + y


class PixelCNN(nn.Module):
    """Gated PixelCNN: pictures (B, 1, side, side) to `c_out` numbers that describe each pixel given the earlier ones.

    `place` is a bias of its own for each pixel and layer: digits stand in the middle of their picture.
    """

    def __init__(self, side: int, c: int, k: int, layers: int, c_out: int = 1, p: float = 0.0):
        super().__init__()
        sizes = [1] + [c] * (layers - 1)
        self.layers = nn.ModuleList(GatedLayer(n, c, k, first=i == 0) for i, n in enumerate(sizes))
        self.place = nn.Parameter(torch.zeros(layers, c, side, side))
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.Dropout(p),
            nn.Conv2d(c, 2 * c, 1),
            nn.ReLU(),
            nn.Dropout(p),
            nn.Conv2d(2 * c, c_out, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, c_out, side, side); those of a pixel depend on earlier pixels only."""
        v = h = x
        for layer, place in zip(self.layers, self.place):
            v, h = layer(v, h)
            h = h + place.to(h.dtype)
        return self.head(h)


def logistic_log_prob(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256) -> Tensor:
    """log P(x) of a logistic distribution rounded to 0, 1, …, levels - 1 (Salimans et al., 2017, equation 2).

    P(x) is the mass between x - ½ and x + ½, a difference of the distribution function σ((t - mean) / s). The edge
    bins take what lies beyond them: 0 has all the mass below ½, levels - 1 all above levels - 1½. So the masses of
    all levels add up to 1.

    Args:
        x: Whole numbers from 0 to levels - 1, of any shape (...).
        mean: Means, broadcast against x.
        log_scale: Logarithms of the scale s, broadcast against x.
        levels: How many values there are.

    Returns:
        Natural logarithms (...): finite and right within 1 in 1000 however far x is from the mean.

    >>> logistic_log_prob(torch.tensor([0., 1.]), torch.tensor(0.5), torch.tensor(0.), levels=2).exp()
    tensor([0.5000, 0.5000])
    """
    rate = torch.exp(-log_scale)
    upper, lower = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate
    # σ(b) - σ(a) = σ(b) σ(-a) (1 - exp(a - b)): a product, so that nothing cancels.
    inside = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))
    below = torch.where(x == 0, F.logsigmoid(upper), inside)
    return torch.where(x == levels - 1, F.logsigmoid(-lower), below)


def mixture_log_prob(x: Tensor, logits: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256) -> Tensor:
    """log P(x) of a mixture of K rounded logistics: log Σ_k softmax(logits)_k P_k(x).

    Args:
        x: Whole numbers from 0 to levels - 1, (...).
        logits: Scores of the components (..., K).
        mean: Their means (..., K).
        log_scale: Logarithms of their scales (..., K).
        levels: How many values there are.

    Returns:
        Natural logarithms (...), finite however far x is from all means.
    """
    parts = logistic_log_prob(x.unsqueeze(-1), mean, log_scale, levels)  # (..., K)
    return torch.logsumexp(F.log_softmax(logits, dim=-1) + parts, dim=-1)


def nats(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x) of each black and white picture: the sum over its pixels, with p(pixel is 1) = σ(logit).

    Args:
        logits: (B, 1, H, W), of any size: ±1000 must not overflow.
        x: Pictures (B, 1, H, W) of zeros and ones.

    Returns:
        Nats (B,).

    >>> nats(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    tensor([2.7726])
    """
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


def bits_per_dim(nats: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Nats a picture (B,) as bits for each of its numbers (B,); `shape` is one picture's, such as (3, 32, 32).

    >>> bits_per_dim(torch.tensor([math.log(256.0) * 12]), (3, 2, 2))
    tensor([8.])
    """
    return nats / (math.prod(shape) * math.log(2))


@torch.no_grad()
def sample(net: Net, u: Tensor, start: Tensor | None = None, row: int = 0) -> Tensor:
    """Pictures drawn pixel by pixel, row by row from left to right: ancestral sampling.

    Pixel (i, j) becomes 1 where u[:, :, i, j] < σ(logit), else 0. Its logit comes from a call of `net` on the pictures
    as far as they are drawn; pixels not drawn yet are 0. One call for each pixel drawn.

    Args:
        net: Pictures (B, 1, H, W) to logits (B, 1, H, W).
        u: Uniform random numbers in [0, 1), (B, 1, H, W).
        start: Pictures (B, 1, H, W) whose rows above `row` are kept, or None.
        row: The first row that is drawn.

    Returns:
        Pictures (B, 1, H, W) of zeros and ones, floats.
    """
    x = torch.zeros_like(u)
    if start is not None:
        x[:, :, :row] = start[:, :, :row]
    for i in range(row, u.shape[2]):
        for j in range(u.shape[3]):
            logit = net(x)[:, :, i, j]  # (B, 1)
            x[:, :, i, j] = (u[:, :, i, j] < torch.sigmoid(logit)).to(x.dtype)
    return x


def layer_row(layer: GatedLayer, v: Tensor) -> Tensor:
    """One row of a layer's vertical stack: `above` of `GatedLayer.forward` at row i, from no more than it needs.

    Args:
        layer: The layer; r is its `reach`.
        v: Rows i - r to i of its vertical input, (B, c_in, r + 1, W); zeros where the picture has no such row.

    Returns:
        (B, 2c, 1, W).
    """
    return layer.vertical(F.pad(v, (layer.reach, layer.reach, 0, 0)))


def layer_pixel(layer: GatedLayer, h: Tensor, link: Tensor) -> Tensor:
    """One pixel of a layer's horizontal stack: the new h of `GatedLayer.forward` at (i, j).

    Args:
        layer: The layer; r is its `reach`.
        h: Columns j - r to j of row i of its horizontal input, (B, c_in, 1, r + 1). The first layer does not look at
            column j, which is not drawn yet.
        link: What the vertical stack says here: `link` of `above` shifted down, at (i, j), (B, 2c, 1, 1).

    Returns:
        (B, c, 1, 1).
    """
    left = layer.horizontal(h[..., :-1] if layer.first else h)  # (B, 2c, 1, 1)
    y = layer.out(gate(left + link))
    return y if layer.first else h[..., -1:] + y


@torch.no_grad()
def sample_cached(net: PixelCNN, u: Tensor) -> Tensor:
    """The pictures of `sample(net, u)`, with every feature computed once and kept: (B, 1, H, W) to (B, 1, H, W)."""
    x, (b, _, height, width), r = torch.zeros_like(u), u.shape, net.layers[0].reach
    sizes = [layer.vertical.in_channels for layer in net.layers]
    v = [u.new_zeros(b, c, height + r, width) for c in sizes]  # the vertical inputs, r rows of zeros on top
    above = [u.new_zeros(b, layer.link.in_channels, 1, width) for layer in net.layers]  # of the row before
    for i in range(height):
        links = [layer.link(row) for layer, row in zip(net.layers, above)]
        h = [
            u.new_zeros(b, c, 1, width + r) for c in sizes
        ]  # this row's horizontal inputs, r zeros to the left
        for j in range(width):
            for n, layer in enumerate(net.layers):
                y = layer_pixel(layer, h[n][..., j : j + r + 1], links[n][..., j : j + 1])
                y = y + net.place[n, :, i : i + 1, j : j + 1]
                if n + 1 < len(h):
                    h[n + 1][..., j + r : j + r + 1] = y
            chance = torch.sigmoid(net.head(y)[..., 0, 0])  # (B, 1)
            x[:, :, i, j] = h[0][..., 0, j + r] = (u[:, :, i, j] < chance).to(x.dtype)
        y = x[:, :, i : i + 1]
        for n, layer in enumerate(net.layers):  # the row is complete: let it through the vertical stack
            v[n][:, :, i + r : i + r + 1] = y
            above[n] = layer_row(layer, v[n][:, :, i : i + r + 1])
            y = gate(above[n])
    return x


def split(x: Tensor) -> list[Tensor]:
    """Four groups of pixels of (B, C, 2h, 2w): upper left, upper right, lower left and lower right of each 2×2 block.

    Returns:
        Four tensors (B, C, h, w). The first is the picture at half its size.

    >>> [part.item() for part in split(torch.tensor([[1., 2.], [3., 4.]]).view(1, 1, 2, 2))]
    [1.0, 2.0, 3.0, 4.0]
    """
    return [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]


def merge(parts: Sequence[Tensor]) -> Tensor:
    """The inverse of `split`: four groups (B, C, h, w) to pictures (B, C, 2h, 2w)."""
    b, c, h, w = parts[0].shape
    x = parts[0].new_empty(b, c, 2 * h, 2 * w)
    for target, part in zip(split(x), parts):
        target.copy_(part)
    return x


def multiscale_nats(base: Net, scales: Sequence[Sequence[Net]], x: Tensor) -> Tensor:
    """-log p(x) by growing scales (Reed et al., 2017): the coarse picture, then three groups of pixels a scale.

    p(x) = p(upper left) p(upper right | upper left) p(lower left | both) p(lower right | all three). The upper left
    pixels are themselves a picture of half the size, taken apart in the same way, until no scale is left.

    Args:
        base: Smallest pictures to their logits, as `PixelCNN` does.
        scales: For each doubling, the smallest first, three nets: for the upper right, lower left and lower right
            pixels. Each takes the groups before its own as channels, (B, 1, h, w), (B, 2, h, w) and (B, 3, h, w) in
            the order of `split`, and gives its group's logits (B, 1, h, w).
        x: Pictures (B, 1, H, W) of zeros and ones.

    Returns:
        Nats (B,).
    """
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
    return total


@torch.no_grad()
def sample_multiscale(base: Net, scales: Sequence[Sequence[Net]], u: Tensor) -> Tensor:
    """Pictures drawn by growing scales: the smallest by `sample`, then each group of pixels in one call of its net.

    Args:
        base: As in `multiscale_nats`.
        scales: As in `multiscale_nats`.
        u: Uniform random numbers (B, 1, H, W); a pixel is 1 where its own number is below σ(its logit).

    Returns:
        Pictures (B, 1, H, W) of zeros and ones, floats.
    """
    if not scales:
        return sample(base, u)
    coarse, *others = split(u)
    parts = [sample_multiscale(base, scales[:-1], coarse)]
    for net, chance in zip(scales[-1], others):
        logits = net(torch.cat(parts, dim=1))  # (B, 1, h, w)
        parts.append((chance < torch.sigmoid(logits)).to(u.dtype))
    return merge(parts)


class Upscaler(nn.Module):
    """A group of pixels given those before: (B, n, side, side) to logits (B, 1, side, side). It needs no mask."""

    def __init__(self, n: int, side: int, c: int):
        super().__init__()
        self.first, self.second = nn.Conv2d(n, c, 5, padding=2), nn.Conv2d(c, c, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(c, side, side))
        self.last = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """All logits at once."""
        h = F.relu(self.first(x) + self.place)
        return self.last(h + F.relu(self.second(h)))


class Multiscale(nn.Module):
    """The nets of `multiscale_nats` for pictures of side × side pixels, which grow from base × base by doubling."""

    def __init__(self, side: int, base: int, c: int):
        super().__init__()
        self.base = PixelCNN(base, c, 3, 2)
        sides = [base * 2**n for n in range(int(math.log2(side // base)))]
        self.scales = nn.ModuleList(nn.ModuleList(Upscaler(n, half, c) for n in (1, 2, 3)) for half in sides)

    def forward(self, x: Tensor) -> Tensor:
        """Nats (B,) of pictures (B, 1, side, side)."""
        return multiscale_nats(self.base, self.scales, x)


@dataclass(frozen=True)
class Config:
    """How a tier is trained: `c`, `k`, `layers` and dropout `p` of the net; steps, batch, highest learning rate."""

    side: int
    base: int  # side of the smallest picture of growing scales
    c: int
    k: int
    layers: int
    p: float
    steps: int
    batch: int
    rate: float
    memory: float  # of the running average of the weights, a step


def config(tier: str) -> Config:
    """The settings of "mini" (8×8 pixels, seconds on a CPU) or "full" (28×28, a GPU)."""
    if tier == "mini":
        return Config(8, 2, c=24, k=7, layers=2, p=0.1, steps=420, batch=24, rate=1.2e-2, memory=0.98)
    return Config(28, 7, c=64, k=5, layers=8, p=0.3, steps=20_000, batch=128, rate=2e-3, memory=0.9995)


def pixel_cnn(tier: str, c_out: int = 1) -> PixelCNN:
    """The tier's untrained PixelCNN."""
    size = config(tier)
    return PixelCNN(size.side, size.c, size.k, size.layers, c_out, size.p)


def fit(
    net: nn.Module,
    loss: Callable[[nn.Module, Tensor], Tensor],
    data: TensorDataset,
    how: Config,
    run: Run,
    name: str = "nats",
) -> nn.Module:
    """Train on `loss(net, x)`, nats of each picture (B,): AdamW, one cycle. Gives the running average of the net."""
    net = net.to(run.device)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps, pct_start=0.15)
    saved = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
    for x, *_ in run.batches(data, how.batch, how.steps, saved, name):
        with run.autocast():
            value = loss(net, x).mean()
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - how.memory)
        run.log(**{name: value})
    return average


@torch.no_grad()
def mean_nats(loss: Net, x: Tensor, device: str | torch.device = "cpu") -> float:
    """Mean of `loss`, nats (B,) of pictures (B, 1, H, W), over x, in batches."""
    return torch.cat([loss(part.to(device)).cpu() for part in x.split(500)]).double().mean().item()


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Gated PixelCNN with a bias for each place, dropout and averaged weights."""
    data = binary_digits.load(tier, "train")
    net = fit(pixel_cnn(tier), lambda net, x: nats(net(x), x), data, config(tier), run)
    # Half precision keeps the record small.
    return {name: value.detach().half().contiguous() for name, value in net.state_dict().items()}


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Nats a picture, -log p(x), mean over the test digits.

    Raises:
        RuntimeError: the tensors are not those of a `PixelCNN` of this tier.
    """
    net = pixel_cnn(tier)
    net.load_state_dict(tensors)
    net = net.to(device).eval()
    return mean_nats(lambda x: nats(net(x), x), binary_digits.load(tier, "test").tensors[0], device)


def baseline(tier: str) -> float:
    """What independent pixels reach: each with its own share of white in the training digits."""
    x, test = (binary_digits.load(tier, split).tensors[0] for split in ("train", "test"))
    chance = (x.sum(0) + 1) / (len(x) + 2)  # (1, H, W)
    return mean_nats(lambda part: nats(torch.logit(chance).expand_as(part), part), test)


if __name__ == "__main__":
    main(__spec__)
