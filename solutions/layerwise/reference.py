"""Greedy layerwise learning: one block at a time, each with a small net of its own that tells how good it is.

After Belilovsky, Eickenberg and Oyallon (2018, arXiv:1812.11446). Shapes: B examples, C channels, H × W places, K
classes. A signal is a picture of height 1, so that the same code learns signals (mini) and photographs (full).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils.data import cifar10, signals
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.917, "belilovsky2018", system="greedy, k = 3", data="CIFAR-10, all 50,000 pictures")}

Size = tuple[int, int]


class Block(nn.Module):
    """One layer of the net: convolution, batch normalisation, ReLU.

    x (B, c_in, H, W) -> (B, c_out, ⌈H / stride⌉, ⌈W / stride⌉), for a kernel of odd height and width.
    """

    def __init__(self, c_in: int, c_out: int, kernel: Size, stride: int = 1):
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, c_in, H, W) -> (B, c_out, H', W')"""
        return F.relu(self.norm(self.conv(x)))


class AuxiliaryHead(nn.Module):
    """The auxiliary problem of one block: k − 1 further blocks of stride 1, a grid of means, a linear layer.

    Attributes: `blocks`, an nn.Sequential of the k − 1 blocks, which it numbers from 0; `linear`, an nn.Linear.

    Args:
        channels: C of the features, kept by the k − 1 blocks.
        classes: K.
        k: Depth of the head, at least 1; 1 is a linear classifier of averaged features.
        kernel: Of the blocks, height and width.
        grid: The features are averaged over a grid of so many cells, height and width.

    Raises:
        ValueError: k is below 1.
    """

    def __init__(self, channels: int, classes: int, k: int, kernel: Size, grid: Size):
        super().__init__()
        if k < 1:
            raise ValueError(f"AuxiliaryHead: expected k of at least 1, got {k}; 1 is a linear head.")
        self.blocks = nn.Sequential(*(Block(channels, channels, kernel) for _ in range(k - 1)))
        self.grid = grid
        self.linear = nn.Linear(channels * grid[0] * grid[1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Features x (B, C, H, W) -> logits (B, K)"""
        x = self.blocks(x)  # (B, C, H, W)
        x = F.adaptive_avg_pool2d(x, self.grid)  # (B, C, grid height, grid width)
        return self.linear(x.flatten(1))


def optimizer_for(block: nn.Module, head: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Adam over the parameters of a block and its head."""
    return torch.optim.Adam([*block.parameters(), *head.parameters()], rate)


def greedy_step(
    block: nn.Module, head: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor
) -> Tensor:
    """One step of training a block with its head, both in training mode, on a batch of features that stay as they are.

    Args:
        block, head: Modules; the head takes what the block gives.
        optimizer: Over the parameters of both.
        x: Cached features (B, C, H, W).
        y: Classes (B,).

    Returns:
        The batch's mean cross-entropy before the step, one number without history.
    """
    block.train()
    head.train()
    loss = F.cross_entropy(head(block(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def cache(block: nn.Module, x: Tensor, size: int = 512) -> Tensor:
    """What the finished, frozen block makes of all examples: the next block's inputs, computed once.

    The block computes in evaluation mode, at most `size` examples at a time, keeps its statistics and builds no graph.

    Args:
        block: A trained module.
        x: Features (N, C, H, W).
        size: Examples a batch, at least 1.

    Returns:
        Features (N, C', H', W') that require no gradient.
    """
    block.eval()
    with torch.no_grad():
        return torch.cat([block(part) for part in x.split(size)])


def conv_macs(c_in: int, c_out: int, kernel: Size, places: int) -> int:
    """Multiplications of one convolution for one example.

    Args:
        c_in, c_out: Channels.
        kernel: Height and width.
        places: Places of the output, H' × W'.

    >>> conv_macs(3, 8, (3, 3), 100)  # 27 products a number, 800 numbers
    21600
    """
    return c_in * c_out * kernel[0] * kernel[1] * places


def training_macs(blocks: Sequence[int], heads: Sequence[int], epochs: int) -> tuple[int, int]:
    """Multiplications to train a net, for each example: end to end, and layer by layer with cached features.

    A backward pass is counted as two forward passes. End to end, every epoch runs all blocks and the last head,
    forward and backward. Layer by layer, block j and head j run so for `epochs` epochs; then block j runs forward once
    more, to fill the cache.

    Args:
        blocks: Multiplications of a forward pass of each block.
        heads: Those of the head that belongs to each block.
        epochs: Epochs end to end, and of each layer.

    Returns:
        (end to end, layer by layer).

    >>> training_macs([10, 20], [1, 2], epochs=1)
    (96, 129)
    """
    end_to_end = 3 * epochs * (sum(blocks) + heads[-1])
    layerwise = sum(3 * epochs * (block + head) + block for block, head in zip(blocks, heads))
    return end_to_end, layerwise


def linear_probe(x: Tensor, y: Tensor, x_new: Tensor, y_new: Tensor, ridge: float = 1.0) -> float:
    """Share of new examples that a linear classifier of frozen features gets right: how separable the classes are.

    Ridge regression on one-hot classes, in closed form: features with a 1 appended, Φ (N, D + 1);
    W = (ΦᵀΦ + ridge · I)⁻¹ ΦᵀY; the class with the largest output is answered.

    Args:
        x: Features (N, …), flattened to (N, D).
        y: Classes (N,), 0 to K − 1.
        x_new, y_new: Other examples, in the same form.
        ridge: Keeps the matrix invertible, above 0.

    Returns:
        Accuracy on the new examples, from 0 to 1.
    """
    phi, phi_new = (F.pad(part.flatten(1).double(), (0, 1), value=1.0) for part in (x, x_new))  # (N, D + 1)
    targets = F.one_hot(y).double()  # (N, K)
    gram = phi.T @ phi + ridge * torch.eye(phi.shape[1]).to(phi)
    weights = torch.linalg.solve(gram, phi.T @ targets)  # (D + 1, K)
    return ((phi_new @ weights).argmax(1) == y_new).double().mean().item()


def strongest(weight: Tensor, keep: int) -> Tensor:
    """Which output channels of a convolution to keep: those whose filters have the largest sums of absolute weights.

    Args:
        weight: (c_out, c_in, height, width).
        keep: How many, from 1 to c_out.

    Returns:
        Their indices (keep,), in ascending order.

    Raises:
        ValueError: `keep` is not from 1 to c_out.
    """
    if not 1 <= keep <= len(weight):
        raise ValueError(f"strongest: expected keep from 1 to {len(weight)}, got {keep}.")
    strength = weight.abs().sum(dim=(1, 2, 3))  # (c_out,)
    return strength.topk(keep).indices.sort().values


def prune(tensors: dict[str, Tensor], keep: int) -> dict[str, Tensor]:
    """A block's tensors with only its `keep` strongest output channels, before the next block is trained on them.

    Args:
        tensors: "conv.weight" (c_out, c_in, height, width); "norm.weight", "norm.bias", "norm.running_mean" and
            "norm.running_var", each (c_out,); "norm.num_batches_tracked", one number.
        keep: How many.

    Returns:
        The same names; every tensor with a row a channel keeps the rows of `strongest`, the others stay as they are.
    """
    rows = strongest(tensors["conv.weight"], keep)
    return {name: tensor[rows] if tensor.ndim else tensor for name, tensor in tensors.items()}


@dataclass(frozen=True)
class Config:
    """A net of blocks, their heads, and how each is trained."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    kernel: Size
    grid: Size
    k: int
    steps: int  # a layer
    batch: int
    rate: float
    shift: int = 0  # pixels that training pictures are moved by, at most; unless 0 they are also mirrored


def config(tier: str) -> Config:
    """The net of each tier: four blocks for signals, six for photographs."""
    if tier == "mini":
        return Config((12, 12, 12, 12), (1, 2, 2, 2), (1, 5), (1, 5), k=2, steps=200, batch=100, rate=0.01)
    return Config(
        (128,) * 6, (1, 1, 2, 1, 2, 1), (3, 3), (2, 2), k=3, steps=4000, batch=128, rate=0.002, shift=4
    )


def load(tier: str, split: str) -> tuple[Tensor, Tensor]:
    """Pictures (N, C, H, W) and classes (N,): signals of height 1 (mini) or CIFAR-10 (full)."""
    if tier == "full":
        x, y = cifar10.load(tier, split).tensors
        return x, y
    x, y = signals.load(tier, split).tensors
    return x[:, None, None], y  # (N, 40) -> (N, 1, 1, 40)


def build(net: Config, c_in: int, classes: int = 10) -> tuple[list[Block], list[AuxiliaryHead]]:
    """The blocks of a net, each beside its head."""
    widths = (c_in, *net.channels)
    blocks = [Block(a, b, net.kernel, stride) for a, b, stride in zip(widths, net.channels, net.strides)]
    heads = [AuxiliaryHead(c, classes, net.k, net.kernel, net.grid) for c in net.channels]
    return blocks, heads


def net_tensors(blocks: Sequence[nn.Module], head: nn.Module) -> dict[str, Tensor]:
    """The finished net with its last head as named tensors: "blocks.0.conv.weight", …, "head.linear.bias"."""
    net = nn.ModuleDict({"blocks": nn.ModuleList(blocks), "head": head})
    # A counter of batches is no part of the net.
    return {name: tensor for name, tensor in net.state_dict().items() if tensor.ndim}


def predict(blocks: Sequence[nn.Module], head: nn.Module, x: Tensor) -> Tensor:
    """Logits (N, K) of a finished net for x (N, C, H, W), in evaluation mode, 512 examples at a time."""
    return cache(nn.Sequential(*blocks, head), x)


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Blocks trained one after another, each with an auxiliary head, on the features of those before."""
    net = config(tier)
    x, y = load(tier, "train")
    blocks, heads = build(net, c_in=x.shape[1])
    for depth, (block, head) in enumerate(zip(blocks, heads)):
        block, head = block.to(run.device), head.to(run.device)
        below, phase = blocks[:depth], f"layer {depth}"
        train_layer(block, head, x, y, net.steps, net.batch, net.rate, run, phase, below, net.shift)
    return net_tensors(blocks, heads[-1])


def train_layer(
    block: nn.Module,
    head: nn.Module,
    x: Tensor,
    y: Tensor,
    steps: int,
    batch: int,
    rate: float,
    run: Run,
    phase: str,
    below: Sequence[nn.Module] = (),
    shift: int = 0,
) -> None:
    """Train one block with its head on what the finished blocks `below` make of x (N, C, H, W).

    They do so batch by batch: of all photographs of the full tier, the features of one layer alone take 23.6 GB. The
    rate falls as half a cosine. With a `shift` each step sees other pictures, moved and mirrored.
    """
    finished = nn.Sequential(*below)
    optimizer = optimizer_for(block, head, rate)
    saved = {"block": block, "head": head, "optimizer": optimizer}
    for step, (x_batch, y_batch) in enumerate(run.batches(TensorDataset(x, y), batch, steps, saved, phase)):
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
        if shift:
            x_batch = distort(x_batch, shift)
        with run.autocast():
            loss = greedy_step(block, head, optimizer, cache(finished, x_batch), y_batch)
        run.log(loss=loss)


def distort(x: Tensor, shift: int) -> Tensor:
    """Each picture moved by up to `shift` pixels, zeros coming in, and mirrored or not: (B, C, H, W) to the same."""
    windows = F.pad(x, (shift,) * 4).unfold(2, x.shape[2], 1).unfold(3, x.shape[3], 1)  # (B, C, …, …, H, W)
    rows, columns = torch.randint(2 * shift + 1, (2, len(x)), device=x.device)
    x = windows[torch.arange(len(x), device=x.device), :, rows, columns]
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the test examples that the finished net, with its last head, puts in their class.

    Args:
        tensors: As `net_tensors` names them; widths, depth of the net and depth k of the head are read from them.
        tier: Which test examples, kernel, strides and grid.
        device: Where to compute.

    Raises:
        ValueError: The tensors are no such net.
    """
    net = config(tier)
    x, y = load(tier, "test")
    depth, k = _depth(tensors, "blocks."), 1 + _depth(tensors, "head.blocks.")
    if not 1 <= depth <= len(net.strides):
        raise ValueError(f"evaluate: expected 1 to {len(net.strides)} blocks called blocks.0.…, got {depth}.")
    channels = tuple(len(tensors[f"blocks.{i}.conv.weight"]) for i in range(depth))
    with torch.device("meta"):  # shapes without numbers: they are compared before a net of that size is made
        blocks, heads = build(replace(net, channels=channels, strides=net.strides[:depth], k=k), x.shape[1])
        whole = nn.ModuleDict({"blocks": nn.ModuleList(blocks), "head": heads[-1]})
    whole.load_state_dict(_counters(whole) | {name: t.float() for name, t in tensors.items()}, assign=True)
    whole.to(device)
    logits = predict(blocks, heads[-1], x.to(device))
    return (logits.argmax(1).cpu() == y).double().mean().item()


def _depth(tensors: dict[str, Tensor], start: str) -> int:
    """How many blocks have names that begin with `start` and a number."""
    return sum(name.startswith(start) and name.endswith(".conv.weight") for name in tensors)


def _counters(net: nn.Module) -> dict[str, Tensor]:
    """The tensors without dimensions, which an artifact leaves out: all 0."""
    return {name: torch.zeros_like(t, device="cpu") for name, t in net.state_dict().items() if t.ndim == 0}


def baseline(tier: str) -> float:
    """What a linear classifier of the raw inputs reaches."""
    return linear_probe(*load(tier, "train"), *load(tier, "test"))


if __name__ == "__main__":
    main(__spec__)
