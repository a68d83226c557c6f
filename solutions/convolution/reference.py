"""Convolution: from one output number to a network that reads handwritten digits.

LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998 (local receptive
fields, shared weights, subsampling); Simonyan & Zisserman, arXiv:1409.1556 (pairs of 3×3 kernels); Srivastava et al.,
"Dropout", JMLR 2014.
"""

import copy
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import mnist
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.9905, "lecun1998", system="LeNet-5", data="MNIST, no distortions")}


def one_output(x: Tensor, k: Tensor, i: int, j: int) -> Tensor:
    """The output number at row `i`, column `j`: the window of `x` that starts there, times `k`, summed.

    Args:
        x: Picture (H, W).
        k: Kernel (k_h, k_w), no larger than the picture.
        i: Row of the window's upper edge, 0 ≤ i ≤ H - k_h.
        j: Column of its left edge, 0 ≤ j ≤ W - k_w.

    Returns:
        One number, shape (): Σ_{a,b} x[i + a, j + b] · k[a, b].

    >>> one_output(torch.tensor([[1., 2., 0.], [0., 1., 3.]]), torch.tensor([[1., 0.], [2., -1.]]), 0, 1)
    tensor(1.)
    """
    k_h, k_w = k.shape
    return (x[i : i + k_h, j : j + k_w] * k).sum()


def conv2d_loop(x: Tensor, k: Tensor) -> Tensor:
    """Convolution of one picture with one kernel: `one_output` wherever the whole kernel fits, row by row.

    Args:
        x: Picture (H, W).
        k: Kernel (k_h, k_w), not flipped.

    Returns:
        Picture (H - k_h + 1, W - k_w + 1).

    >>> conv2d_loop(torch.tensor([[1., 2., 0.], [0., 1., 3.], [2., 1., 1.]]), torch.tensor([[1., 0.], [2., -1.]]))
    tensor([[0., 1.],
            [3., 2.]])
    """
    height, width = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    y = torch.zeros(height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            y[i, j] = one_output(x, k, i, j)
    return y


def output_size(n: int, k: int, stride: int = 1, padding: int = 0) -> int:
    """How many times a kernel of `k` places fits along `n` places.

    Args:
        n: Places of the input along this axis.
        k: Places of the kernel.
        stride: Places between two positions of the kernel, at least 1.
        padding: Zeros added at each of the two ends.

    Raises:
        ValueError: the kernel is larger than the padded input.

    >>> output_size(28, 3), output_size(28, 3, padding=1), output_size(28, 3, stride=2)
    (26, 28, 13)
    """
    room = n + 2 * padding - k
    if room < 0:
        raise ValueError(f"output_size: expected a kernel of at most {room + k}, got {k}; add padding.")
    return room // stride + 1


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0
) -> Tensor:
    """A convolutional layer, the same sums for every picture, place and output channel.

    Args:
        x: Pictures (B, C_in, H, W).
        weight: Kernels (C_out, C_in, k_h, k_w): each output channel has one kernel that spans all input channels.
        bias: One number an output channel (C_out,), or None.
        stride: Places between two positions of the kernel, down and across.
        padding: Rows and columns of zeros added on each of the four sides.

    Returns:
        Pictures (B, C_out, H', W') with H' = output_size(H, k_h, stride, padding), W' likewise. Gradients flow to
        `x`, `weight` and `bias`.

    >>> conv2d(torch.ones(1, 3, 5, 5), torch.ones(2, 3, 3, 3), padding=1).shape
    torch.Size([1, 2, 5, 5])
    """
    k_h, k_w = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    windows = x.unfold(2, k_h, stride).unfold(3, k_w, stride)  # (B, C_in, H', W', k_h, k_w)
    y = torch.einsum("bchwij,ocij->bohw", windows, weight)  # (B, C_out, H', W')
    return y if bias is None else y + bias.view(-1, 1, 1)


def parameter_counts(side: int, c_in: int, c_out: int, k: int) -> tuple[int, int, int]:
    """Parameters of three layers that turn `c_in` channels into `c_out`, biases included.

    The input is (c_in, side, side). The output is (c_out, s, s) with s = output_size(side, k).

    Args:
        side: Rows and columns of the input.
        c_in: Its channels.
        c_out: Channels of the output.
        k: Rows and columns of a kernel; stride 1, no padding.

    Returns:
        (dense, local, shared).
        dense: every output number sees every input number, and has a bias.
        local: every output number sees its own window only, with a kernel of its own and a bias.
        shared: the same windows, but all places of an output channel share one kernel and one bias.

    >>> parameter_counts(3, 1, 1, 2)
    (40, 20, 5)
    """
    places = output_size(side, k) ** 2
    kernel = c_in * k * k + 1
    dense = c_out * places * (c_in * side * side + 1)
    return dense, c_out * places * kernel, c_out * kernel


def max_pool2d(x: Tensor, size: int) -> Tensor:
    """The largest number of each `size` × `size` tile. Rows and columns that fill no whole tile are left out.

    Args:
        x: Pictures (B, C, H, W).
        size: Side of a tile; tiles do not overlap.

    Returns:
        Pictures (B, C, H // size, W // size). Gradients flow to `x`.

    >>> max_pool2d(torch.arange(16.).view(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    tiles = x.unfold(2, size, size).unfold(3, size, size)  # (B, C, H', W', size, size)
    return tiles.amax(dim=(-2, -1))


def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Side of the square of input pixels that one number of the last layer depends on.

    A layer with kernel k widens the view by k - 1 of its own input's steps; a step there is as many pixels as the
    product of the strides before it.

    Args:
        layers: (kernel, stride) of each layer in order, the first at the input; pooling counts as a layer. With no
            layer at all a number sees its own pixel.

    >>> receptive_field([(3, 1), (3, 1)]), receptive_field([(2, 2), (3, 1)])
    (5, 6)
    """
    seen, step = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * step
        step *= stride
    return seen


def softmax(z: Tensor) -> Tensor:
    """Scores to probabilities: exp(z_k) / Σ_c exp(z_c) along the last axis.

    Args:
        z: Scores (..., K), of any size: 1000 must not overflow.

    Returns:
        Probabilities (..., K), which add up to 1 along the last axis.

    >>> softmax(torch.tensor([0., 0., 1000.]))
    tensor([0., 0., 1.])
    """
    e = torch.exp(z - z.amax(dim=-1, keepdim=True))
    return e / e.sum(dim=-1, keepdim=True)


def dropout(x: Tensor, p: float, training: bool = True) -> Tensor:
    """While training, drop each number with probability `p`; afterwards change nothing (Srivastava et al., 2014).

    Dropped numbers become 0. Those kept are divided by 1 - p ("inverted" dropout), so that the expected value of
    each number stays what it was. Every number has its own fate, drawn anew at every call.

    Args:
        x: Numbers of any shape.
        p: Probability of being dropped, 0 ≤ p < 1.
        training: Which of the two phases this is.

    Returns:
        Numbers of x's shape. Gradients flow to those of x that were kept.

    >>> dropout(torch.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    if not training:
        return x
    kept = torch.rand_like(x) >= p
    return x * kept / (1 - p)


class ConvNet(nn.Module):
    """Stages of two 3×3 convolutions with ReLU and a 2×2 max pooling, then dropout and one dense layer.

    `side` is the pictures' height and width, `widths` the channels of each stage, `p` the probability of dropout.
    """

    def __init__(self, side: int, widths: tuple[int, ...] = (16, 32), p: float = 0.3):
        super().__init__()
        inputs = (1, *widths[:-1])
        self.first = nn.ModuleList(nn.Conv2d(c, w, 3, padding=1) for c, w in zip(inputs, widths))
        self.second = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths)
        self.dense = nn.Linear(widths[-1] * (side // 2 ** len(widths)) ** 2, 10)
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 1, side, side) to scores (B, 10).

        Each stage in turn: its `first` convolution, ReLU, its `second` convolution, ReLU, 2×2 max pooling. Then the
        numbers of each picture in one row, dropout (only while `self.training`), the dense layer. No softmax: the
        loss works on scores.
        """
        for first, second in zip(self.first, self.second):
            x = F.relu(second(F.relu(first(x))))  # (B, C, H, W)
            x = F.max_pool2d(x, 2)  # (B, C, H / 2, W / 2)
        return self.dense(dropout(x.flatten(1), self.p, self.training))


@dataclass(frozen=True)
class Config:
    """How a tier is trained. `degrees`, `pixels` and `stretch` bound the random distortions of training pictures."""

    side: int
    epochs: int
    batch: int
    rate: float  # the one-cycle schedule's highest
    degrees: float
    pixels: float
    stretch: float
    memory: float  # of the running average of the weights, a step


CONFIGS = {
    "mini": Config(side=8, epochs=40, batch=64, rate=4e-3, degrees=0, pixels=0, stretch=0, memory=0.98),
    "full": Config(side=28, epochs=8, batch=128, rate=4e-3, degrees=10, pixels=2, stretch=0.1, memory=0.995),
}


def distort(x: Tensor, degrees: float, pixels: float, stretch: float) -> Tensor:
    """Each picture turned, moved and scaled by random amounts within these bounds: (B, C, H, W) to (B, C, H, W)."""
    spread = 2 * torch.rand(4, len(x), device=x.device) - 1  # (4, B), in [-1, 1)
    angle, scale = spread[0] * math.radians(degrees), 1 + spread[1] * stretch
    cos, sin = angle.cos() * scale, angle.sin() * scale
    across, down = spread[2:] * pixels * 2 / x.shape[-1]  # the grid's unit is half a picture
    rows = torch.stack([cos, -sin, across], dim=1), torch.stack([sin, cos, down], dim=1)  # (B, 3) each
    grid = F.affine_grid(torch.stack(rows, dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Two stages of two 3×3 convolutions; AdamW, one cycle, weights averaged, distorted digits at the full tier."""
    config, data, held_out = CONFIGS[tier], mnist.load(tier, "train"), mnist.load(tier, "val").tensors
    net = ConvNet(config.side).to(run.device, memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    steps = config.epochs * (len(data) // config.batch)
    optimizer = torch.optim.AdamW(net.parameters(), config.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.rate, total_steps=steps, pct_start=0.2)
    saved = {"net": net, "average": average, "optimizer": optimizer, "schedule": schedule}
    forward = run.compile(net)
    for x, y in run.batches(data, config.batch, steps, saved):
        if config.degrees or config.pixels or config.stretch:
            x = distort(x, config.degrees, config.pixels, config.stretch)
        with run.autocast():
            loss = F.cross_entropy(forward(x.contiguous(memory_format=torch.channels_last)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        follow(average, net, config.memory)
        run.log(loss=loss)
        if run.every(max(1, steps // config.epochs)):
            run.log(validation_accuracy=accuracy(average, held_out, run.device))
    return {name: value.detach().contiguous() for name, value in average.state_dict().items()}


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, memory: float) -> None:
    """Move the averaged parameters towards the net's, in place: a ← memory · a + (1 - memory) · w."""
    for a, w in zip(average.parameters(), net.parameters()):
        a.lerp_(w, 1 - memory)


@torch.no_grad()
def accuracy(net: nn.Module, data: tuple[Tensor, ...], device: str | torch.device = "cpu") -> Tensor:
    """Share of the pictures (N, 1, H, W) whose highest score is at their label (N,): a tensor () on `device`."""
    was_training = net.training
    net.eval()
    right = [
        (net(x.to(device)).argmax(1) == y.to(device)).float().sum()
        for x, y in zip(data[0].split(1000), data[1].split(1000))
    ]
    net.train(was_training)
    return torch.stack(right).sum() / len(data[1])


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the test pictures whose highest score is at their own digit.

    Raises:
        RuntimeError: the tensors are not those of a `ConvNet` of this tier.
    """
    net = ConvNet(CONFIGS[tier].side)
    net.load_state_dict(tensors)
    return accuracy(net.to(device), mnist.load(tier, "test").tensors, device).item()


def baseline(tier: str) -> float:
    """What a linear classifier reaches, fitted by least squares."""
    (x, y), (x_test, y_test) = mnist.load(tier, "train").tensors, mnist.load(tier, "test").tensors
    rows, test_rows = (F.pad(part.flatten(1), (0, 1), value=1.0) for part in (x, x_test))  # (N, H·W + 1)
    ridge = 1e-4 * len(rows) * torch.eye(rows.shape[1])
    weights = torch.linalg.solve(rows.T @ rows + ridge, rows.T @ F.one_hot(y, 10).float())
    return ((test_rows @ weights).argmax(1) == y_test).float().mean().item()


if __name__ == "__main__":
    main(__spec__)
