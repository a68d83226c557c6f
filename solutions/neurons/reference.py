"""Neurons: one neuron, activations, a layer, layers stacked, how bad the answers are, and a net that learns the spiral.

Shapes: B examples, D inputs of a layer, M neurons of a layer. A network is a list of layers, each a pair (W, b).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from course_utils.data import points
from course_utils.training import Run, main

Layer = tuple[Tensor, Tensor]


def neuron(x: Tensor, w: Tensor, b: Tensor | float) -> Tensor:
    """The weighted sum of one neuron, before any activation: z = w₁x₁ + … + w_D x_D + b.

    Args:
        x: Inputs (D,).
        w: Weights (D,), one an input.
        b: The bias, one number.

    Returns:
        One number.

    >>> neuron(torch.tensor([1.0, 2.0]), torch.tensor([10.0, -1.0]), 0.5)
    tensor(8.5000)
    """
    return w @ x + b


def sigmoid(z: Tensor) -> Tensor:
    """σ(z) = 1 / (1 + e⁻ᶻ), for each number of a tensor of any shape.

    Its slope, as autograd takes it, is a finite number for every z ≠ 0, also for z = −200 and z = 200.
    """
    return (1 + torch.tanh(z / 2)) / 2


def relu(z: Tensor) -> Tensor:
    """max(0, z), for each number of a tensor of any shape. Autograd can follow it.

    >>> relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return z.clamp(min=0)


def elu(z: Tensor) -> Tensor:
    """z where z > 0, eᶻ − 1 elsewhere, for each number of a tensor of any shape.

    Finite for every z, and so is the slope that autograd finds. Clevert et al. (2016), with α = 1.
    """
    return torch.where(z > 0, z, torch.expm1(z.clamp(max=0)))


def layer(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The weighted sums of M neurons for B examples, before any activation.

    Args:
        x: Inputs (B, D), a row an example.
        W: Weights (M, D), a row a neuron.
        b: Biases (M,), one a neuron.

    Returns:
        (B, M): row i, column j is neuron j's weighted sum of example i. Autograd can follow it back to x, W and b.

    >>> layer(torch.ones(5, 2), torch.ones(3, 2), torch.zeros(3)).shape
    torch.Size([5, 3])
    """
    return x @ W.T + b


def mlp(x: Tensor, layers: list[Layer], activation: Callable[[Tensor], Tensor]) -> Tensor:
    """Layers stacked: each takes what the one before gives. A multilayer perceptron.

    Args:
        x: Inputs (B, D).
        layers: Pairs (W, b), at least one, the first for the inputs.
        activation: Applied to the sums of every layer but the last.

    Returns:
        The last layer's sums (B, M), M its neurons. Autograd can follow them back to every W and b.
    """
    *hidden, last = layers
    for W, b in hidden:
        x = activation(layer(x, W, b))  # (B, M of this layer)
    return layer(x, *last)


def xor_layers() -> list[Layer]:
    """Weights, found by hand, of two ReLU neurons and one output that tell at (±1, ±1) whether the signs differ.

    Returns:
        [(W1, b1), (W2, b2)]: float tensors (2, 2), (2,), (1, 2), (1,). The output is above 0 where the signs differ
        and below 0 where they agree.
    """
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])  # how much x₁ is above x₂, and x₂ above x₁
    W2 = torch.tensor([[1.0, 1.0]])
    return [(W1, torch.zeros(2)), (W2, torch.tensor([-1.0]))]


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error: the mean over all places of (prediction − target)².

    Args:
        prediction, target: Tensors of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    if prediction.shape != target.shape:
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        raise ValueError(f"squared_error: expected two equal shapes, got {shapes}; reshape one of them.")
    return ((prediction - target) ** 2).mean()


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy, in nats: the mean of −y log σ(z) − (1 − y) log(1 − σ(z)).

    Exact for any logit: a z of −1000 for y = 1 costs 1000.

    Args:
        logits: The network's outputs z (B,).
        target: Classes y (B,), 0 or 1, as integers or floats.

    Returns:
        One number, which autograd can follow back to the logits.
    """
    return (torch.logaddexp(logits, torch.zeros_like(logits)) - target * logits).mean()


def accuracy(logits: Tensor, target: Tensor) -> float:
    """Share of right answers, from 0 to 1: class 1 is answered where the logit is above 0, class 0 elsewhere.

    Args:
        logits: (B,).
        target: Classes 0 or 1 (B,).
    """
    return ((logits > 0) == (target == 1)).float().mean().item()


def split(
    x: Tensor, y: Tensor, held_out: int, seed: int
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Cut examples at random into a training part and a validation part.

    Args:
        x: Examples (N, D).
        y: Their classes (N,).
        held_out: How many go to validation.
        seed: The same seed gives the same split, another seed another.

    Returns:
        (x_train, y_train), (x_val, y_val): every example in one of the parts, once, beside its own class.
    """
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    val, train = order[:held_out], order[held_out:]
    return (x[train], y[train]), (x[val], y[val])


@dataclass(frozen=True)
class Config:
    """A net and how long it learns: its widths from inputs to output, steps and learning rate."""

    widths: tuple[int, ...]
    steps: int
    rate: float


CONFIG = {"mini": Config((2, 32, 32, 1), 2500, 0.5), "full": Config((2, 64, 64, 1), 6000, 0.5)}


def new_layers(widths: Sequence[int], generator: torch.Generator) -> list[Layer]:
    """Layers to begin with, ready to learn: weights drawn from a normal distribution of variance 1/D, biases 0.

    `widths` counts neurons from the inputs to the output: two inputs, three hidden neurons and an output are

    >>> [W.shape for W, b in new_layers([2, 3, 1], torch.Generator())]
    [torch.Size([3, 2]), torch.Size([1, 3])]
    """
    layers = []
    for d, m in pairwise(widths):
        W = torch.randn(m, d, generator=generator) / d**0.5
        layers.append((W.requires_grad_(), torch.zeros(m, requires_grad=True)))
    return layers


def descend(parameters: Sequence[Tensor], loss: Tensor, rate: float) -> None:
    """One step of gradient descent: each parameter goes a little against the slope of the loss in it, in place."""
    gradients = torch.autograd.grad(loss, list(parameters))  # one number for each weight and bias
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients):
            parameter -= rate * gradient


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A tanh net with two hidden layers, gradient descent on three quarters of the training points at once."""
    config = CONFIG[tier]
    everything = points.load(tier, "train", "spiral").tensors
    (x, y), (x_val, y_val) = (run.to(*part) for part in split(*everything, len(everything[0]) // 4, seed))
    begin = new_layers(config.widths, run.generator("weights"))
    parameters = nn.ParameterList(tensor for pair in begin for tensor in pair).to(run.device)
    layers = list(zip(parameters[::2], parameters[1::2]))
    for _ in run.steps(config.steps, {"net": parameters}):
        loss = cross_entropy(mlp(x, layers, torch.tanh)[:, 0], y)  # (B, 1) -> (B,)
        descend(parameters, loss, config.rate)
        run.log(loss=loss)
        if run.every(100):
            with torch.no_grad():
                run.log(accuracy=accuracy(mlp(x_val, layers, torch.tanh)[:, 0], y_val))
    return {
        f"{i}.{name}": tensor.detach() for i, pair in enumerate(layers) for name, tensor in zip("Wb", pair)
    }


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the test points of the spiral that get their right class, by a tanh net of any depth and width.

    Args:
        tensors: "0.W" (M, 2), "0.b" (M,), "1.W", … to the last layer, which has one neuron.
        tier: Which test points.
        device: Where to compute.

    Raises:
        ValueError: The tensors are no such net.
    """
    x, y = (tensor.to(device) for tensor in points.load(tier, "test", "spiral").tensors)
    layers = _as_layers(tensors, x.shape[1], device)
    with torch.no_grad():
        return accuracy(mlp(x, layers, torch.tanh)[:, 0], y)


def _as_layers(tensors: dict[str, Tensor], width: int, device: str) -> list[Layer]:
    """Named tensors as a list of layers that fit each other, from `width` inputs to one output."""
    names = {f"{i}.{name}" for i in range(max(1, len(tensors) // 2)) for name in "Wb"}
    if set(tensors) != names:
        raise ValueError(f"evaluate: expected tensors called 0.W, 0.b, 1.W, …, got {sorted(tensors)[:8]}.")
    layers = [(tensors[f"{i}.W"], tensors[f"{i}.b"]) for i in range(len(names) // 2)]
    for i, (W, b) in enumerate(layers):
        if W.ndim != 2 or W.shape[1] != width or b.shape != W.shape[:1]:
            shapes = f"{tuple(W.shape)} and {tuple(b.shape)}"
            raise ValueError(f"evaluate: expected {i}.W (M, {width}) and {i}.b (M,), got {shapes}.")
        width = len(b)
    if width != 1:
        raise ValueError(f"evaluate: expected one neuron in the last layer, got {width}.")
    return [(W.to(device).float(), b.to(device).float()) for W, b in layers]


def baseline(tier: str) -> float:
    """What a single neuron reaches: logistic regression, by the same descent."""
    x, y = points.load(tier, "train", "spiral").tensors
    layers = [(torch.zeros(1, 2, requires_grad=True), torch.zeros(1, requires_grad=True))]
    for _ in range(200):
        descend(layers[0], cross_entropy(mlp(x, layers, torch.tanh)[:, 0], y), rate=0.5)
    W, b = layers[0]
    return evaluate({"0.W": W.detach(), "0.b": b.detach()}, tier)


if __name__ == "__main__":
    main(__spec__)
