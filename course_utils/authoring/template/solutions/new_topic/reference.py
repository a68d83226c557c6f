"""A neuron that learns to tell two clusters of points apart: logistic regression, by gradient descent.

A topic to begin with. Replace it, piece by piece, by yours.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.data import points
from course_utils.training import Run, main

STEPS = {"mini": 50, "full": 200}
RATE = 0.5


def logits(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """How far each of the points `x` (N, 2) lies on the side of class 1, (N,).

    >>> logits(torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, 1.0]), torch.tensor(-4.0))
    tensor([1.])
    """
    return x @ weight + bias  # (N, 2) @ (2,) -> (N,)


def surprise(z: Tensor, y: Tensor) -> Tensor:
    """Mean of −log of the probability that the logits `z` (N,) give to the true classes `y` (N,), 0 or 1.

    >>> surprise(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor(0.6931)
    """
    return (F.softplus(z) - y * z).mean()


def descend(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """New `weight` (2,) and `bias` () after one step of gradient descent on the surprise at `x` (N, 2), `y` (N,)."""
    wrong = torch.sigmoid(logits(x, weight, bias)) - y  # (N,), the surprise's slope in each logit, times N
    return weight - rate * (wrong @ x) / len(x), bias - rate * wrong.mean()


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Weights that tell the clusters apart, from random ones."""
    x, y = run.to(*points.load(tier, "train", "clusters").tensors)
    begin = {"weight": torch.randn(2, generator=run.generator("weights")), "bias": torch.zeros(())}
    net = nn.ParameterDict(begin).to(run.device).requires_grad_(False)
    for _ in run.steps(STEPS[tier], {"net": net}):
        net["weight"][:], net["bias"][...] = descend(x, y, net["weight"], net["bias"], RATE)
        run.log(loss=surprise(logits(x, net["weight"], net["bias"]), y))
    return net.state_dict()


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the test points that get their right class.

    Raises:
        ValueError: The tensors are not "weight" (2,) and "bias" ().
    """
    if {name: tensor.shape for name, tensor in tensors.items()} != {"weight": (2,), "bias": ()}:
        raise ValueError("evaluate: expected weight (2,) and bias ().")
    x, y = (tensor.to(device) for tensor in points.load(tier, "test", "clusters").tensors)
    z = logits(x, tensors["weight"].to(device), tensors["bias"].to(device))
    return ((z > 0) == (y == 1)).float().mean().item()


def baseline(tier: str) -> float:
    """What the larger class alone would get."""
    share = points.load(tier, "test", "clusters").tensors[1].float().mean().item()
    return max(share, 1 - share)


if __name__ == "__main__":
    main(__spec__)
