"""Several small nets trained side by side: each linear layer of all of them is one batched product.

Where nets are small a step costs its calls and hardly its arithmetic, so that three take little longer than one.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


class Layers(nn.Module):
    """Linear layers of S nets; the first B of S · B rows go through the first, the next B through the second."""

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))  # (S, in, out)
        self.bias = nn.Parameter(
            torch.stack([layer.bias.detach() for layer in layers])[:, None]
        )  # (S, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        """Rows (S · B, in) to rows (S · B, out)."""
        rows = x.unflatten(0, (len(self.weight), -1))
        return torch.baddbmm(self.bias, rows, self.weight).flatten(0, 1)


@torch.no_grad()
def side_by_side(nets: Sequence[Net], learn: Callable[[Net], object]) -> list[Net]:
    """Train nets of one kind at once, in place.

    Args:
        nets: Of one shape. All their weights are in linear layers with a bias, which are given rows (B, in).
        learn: Trains one net that stands for all S of them: batches have S times as many rows, and the first share of
            them is the first net's. What is a mean over rows counts 1 / S for each net: Adam does not mind, for SGD the
            rate has to be S times as large.

    Returns:
        The nets.

    Raises:
        ValueError: a net has weights elsewhere.
    """
    whole = deepcopy(nets[0])
    joined = {name: part for name, part in whole.named_modules() if isinstance(part, nn.Linear)}
    if sum(p.numel() for p in whole.parameters()) != sum(
        p.numel() for j in joined.values() for p in j.parameters()
    ):
        raise ValueError("side_by_side: expected all weights in linear layers; train these nets one by one")
    for name in joined:
        parent, _, last = name.rpartition(".")
        layers = Layers([net.get_submodule(name) for net in nets])  # type: ignore[misc]
        setattr(whole.get_submodule(parent), last, layers)
    with torch.enable_grad():
        learn(whole)
    for name in joined:
        learned = whole.get_submodule(name)
        for net, weight, bias in zip(nets, learned.weight, learned.bias):  # type: ignore[arg-type]
            own = net.get_submodule(name)
            own.weight.copy_(weight.T)  # type: ignore[operator]
            own.bias.copy_(bias[0])  # type: ignore[operator]
    return list(nets)
