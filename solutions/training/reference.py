"""Training: a loss and its gradient, reverse-mode differentiation, optimisers, initialisation, normalisation.

Shapes: B examples, D inputs of a layer, M neurons of a layer, K classes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import fashion_mnist, signals
from course_utils.training import Run, main


def softmax(z: Tensor) -> Tensor:
    """Probabilities of K classes: eᶻ, divided by the sum of eᶻ over the classes.

    Args:
        z: Logits (B, K) of any size; 1000 and −1000 are welcome.

    Returns:
        (B, K), finite, each row adds up to 1.

    >>> softmax(torch.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    """
    e = (z - z.amax(dim=1, keepdim=True)).exp()  # (B, K), at most 1
    return e / e.sum(dim=1, keepdim=True)


def cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """Mean surprise at the true classes, in nats: the mean over examples of −log softmax(z)[y].

    Exact for any logits: where the true class lies 1000 below another, it costs 1000.

    Args:
        z: Logits (B, K).
        y: True classes (B,), integers from 0 to K − 1.

    Returns:
        One number, which autograd can follow back to the logits.
    """
    return (z.logsumexp(dim=1) - z.gather(1, y[:, None])[:, 0]).mean()


def cross_entropy_gradient(z: Tensor, y: Tensor) -> Tensor:
    """The gradient of `cross_entropy(z, y)` in the logits, as a formula, without autograd.

    Args:
        z: Logits (B, K).
        y: True classes (B,), integers from 0 to K − 1.

    Returns:
        (B, K), shaped like z.
    """
    p = softmax(z)  # (B, K)
    p[torch.arange(len(y)), y] -= 1
    return p / len(y)


class Value:
    """A number that remembers how it was made.

    Attributes:
        data: The number.
        parents: The values that it was computed from.
        slopes: Its derivative in each of the parents.
        grad: The derivative of the result in this value, once `backward` has run; 0 before.
    """

    def __init__(self, data: float, parents: Sequence["Value"] = (), slopes: Sequence[float] = ()):
        self.data, self.parents, self.slopes = data, tuple(parents), tuple(slopes)
        self.grad = 0.0

    def __add__(self, other: "Value | float") -> "Value":
        return add(self, as_value(other))

    def __mul__(self, other: "Value | float") -> "Value":
        return multiply(self, as_value(other))

    def __pow__(self, k: float) -> "Value":
        return power(self, k)

    def __sub__(self, other: "Value | float") -> "Value":
        return self + as_value(other) * -1.0

    def __rsub__(self, other: float) -> "Value":
        return as_value(other) - self

    def __truediv__(self, other: "Value | float") -> "Value":
        return self * as_value(other) ** -1.0

    def __rtruediv__(self, other: float) -> "Value":
        return as_value(other) / self

    def __neg__(self) -> "Value":
        return self * -1.0

    __radd__, __rmul__ = __add__, __mul__


def as_value(x: "Value | float") -> Value:
    """Numbers may stand in expressions, too."""
    return x if isinstance(x, Value) else Value(x)


def add(a: Value, b: Value) -> Value:
    """a + b: it grows by 1 when a grows by 1, and by 1 when b does."""
    return Value(a.data + b.data, parents=(a, b), slopes=(1.0, 1.0))


def exp(a: Value) -> Value:
    """eᵃ, its own slope."""
    e = math.exp(a.data)
    return Value(e, parents=(a,), slopes=(e,))


def multiply(a: Value, b: Value) -> Value:
    """The value a · b, with its parents and slopes.

    >>> c = multiply(Value(2.0), Value(5.0))
    >>> c.data, len(c.parents), len(c.slopes)
    (10.0, 2, 2)
    """
    return Value(a.data * b.data, parents=(a, b), slopes=(b.data, a.data))


def power(a: Value, k: float) -> Value:
    """The value aᵏ with its parent a and its slope; k is a plain number, a.data is not 0.

    >>> power(Value(3.0), 2).data
    9.0
    """
    return Value(a.data**k, parents=(a,), slopes=(k * a.data ** (k - 1),))


def tanh(a: Value) -> Value:
    """The value tanh a with its parent a and its slope."""
    t = math.tanh(a.data)
    return Value(t, parents=(a,), slopes=(1 - t * t,))


def topological(result: Value) -> list[Value]:
    """Everything that `result` was made from, and `result` itself: each value once, and after all of its parents.

    The longest way through the graph has at most 300 values. The ways may be many: no value is walked through twice.

    >>> a = Value(1.0)
    >>> [value.data for value in topological(a + a)]
    [1.0, 2.0]
    """
    order: list[Value] = []
    seen: set[Value] = set()

    def visit(value: Value) -> None:
        if value not in seen:
            seen.add(value)
            for parent in value.parents:
                visit(parent)
            order.append(value)

    visit(result)
    return order


def backward(result: Value) -> None:
    """Set `grad` of every value that `result` was made from to the derivative of `result` in it.

    The `grad` of `result` itself is 1. What an earlier call has left in `grad` is forgotten.
    """
    order = topological(result)
    for value in order:
        value.grad = 0.0
    result.grad = 1.0
    for value in reversed(order):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad


def gradients(expression: str, **inputs: float) -> tuple[float, dict[str, float]]:
    """An expression's value and its slope in each input.

    >>> gradients("a * b + a", a=2.0, b=3.0)
    (8.0, {'a': 4.0, 'b': 2.0})
    """
    values = {name: Value(number) for name, number in inputs.items()}
    result = eval(expression, {"exp": exp, "tanh": tanh}, values)
    backward(result)
    return result.data, {name: value.grad for name, value in values.items()}


def momentum_step(theta: Tensor, g: Tensor, v: Tensor, lr: float, beta: float = 0.9) -> tuple[Tensor, Tensor]:
    """One step of gradient descent with momentum: v ← βv + g, then θ ← θ − ηv.

    Args:
        theta: Parameters θ, of any shape.
        g: The gradient of the loss there, shaped like θ.
        v: The velocity after the step before, shaped like θ; zeros before the first.
        lr: The learning rate η.
        beta: How much velocity is kept, in [0, 1).

    Returns:
        (θ, v) after the step.
    """
    v = beta * v + g
    return theta - lr * v, v


def rmsprop_step(
    theta: Tensor, g: Tensor, s: Tensor, lr: float, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Tensor, Tensor]:
    """One step of RMSProp: s ← αs + (1 − α)g², then θ ← θ − ηg / (√s + ε), number by number.

    Tieleman and Hinton (2012).

    Args:
        theta, g, lr: As in `momentum_step`.
        s: The running mean of squared gradients after the step before, shaped like θ; zeros before the first.
        alpha: How much of s is kept, in [0, 1).
        eps: ε, keeps the step finite where s is 0.

    Returns:
        (θ, s) after the step.
    """
    s = alpha * s + (1 - alpha) * g**2
    return theta - lr * g / (s.sqrt() + eps), s


def adam_step(
    theta: Tensor,
    g: Tensor,
    m: Tensor,
    s: Tensor,
    t: int,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of Adam (Kingma and Ba, 2015, algorithm 1), with s for the paper's v.

    m ← β₁m + (1 − β₁)g,  s ← β₂s + (1 − β₂)g²,  θ ← θ − η m̂ / (√ŝ + ε),
    where m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ).

    Args:
        theta, g, lr: As in `momentum_step`.
        m, s: Running means of gradients and of their squares, not corrected; zeros before the first step.
        t: The number of this step, from 1.
        betas: β₁ and β₂.
        eps: ε.

    Returns:
        (θ, m, s) after the step; m and s not corrected.
    """
    m = betas[0] * m + (1 - betas[0]) * g
    s = betas[1] * s + (1 - betas[1]) * g**2
    m_hat, s_hat = m / (1 - betas[0] ** t), s / (1 - betas[1] ** t)
    return theta - lr * m_hat / (s_hat.sqrt() + eps), m, s


def signal(x: Tensor, weights: Sequence[Tensor]) -> list[float]:
    """How large the signal is after each ReLU layer x ← max(0, x Wᵀ): the root of the mean of x², over all its numbers.

    Args:
        x: Inputs (B, D).
        weights: A matrix W (M, D) for each layer.

    Returns:
        A number for each layer.
    """
    sizes = []
    for W in weights:
        x = (x @ W.T).clamp(min=0)  # (B, M)
        sizes.append(x.pow(2).mean().sqrt().item())
    return sizes


def he_weights(m: int, d: int, generator: torch.Generator) -> Tensor:
    """Weights with which a ReLU layer keeps the mean of x², whatever its width (He et al., 2015, equation 10).

    Args:
        m: Neurons.
        d: Inputs of each.
        generator: All numbers are drawn from it, so that an equal generator gives equal weights.

    Returns:
        (M, D), drawn independently from a distribution of mean 0.
    """
    return torch.randn(m, d, generator=generator) * math.sqrt(2 / d)


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Batch normalisation while training (Ioffe and Szegedy, 2015, algorithm 1).

    Each feature loses its mean over the batch, is divided by √(σ² + ε), where σ² is the mean of the squared rest,
    and is then scaled by γ and shifted by β.

    Args:
        x: A batch (B, D).
        gamma, beta: γ and β (D,).
        eps: ε.

    Returns:
        (B, D). Autograd can follow it back to x, γ and β.
    """
    centred = x - x.mean(dim=0)
    return gamma * centred / (centred.pow(2).mean(dim=0) + eps).sqrt() + beta


def batch_norm_backward(
    x: Tensor, gamma: Tensor, g: Tensor, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of a loss in x, γ and β, from its gradient g in the output of `batch_norm`; formulas, no autograd.

    Args:
        x: The batch that went in (B, D).
        gamma: γ (D,).
        g: The gradient of the loss in the output (B, D).
        eps: ε, as it was in the forward pass.

    Returns:
        (gradient in x (B, D), in γ (D,), in β (D,)).
    """
    std = (x.var(dim=0, correction=0) + eps).sqrt()  # (D,)
    x_hat = (x - x.mean(dim=0)) / std  # (B, D)
    direct, shared = g.mean(dim=0), (g * x_hat).mean(dim=0)  # (D,)
    return gamma / std * (g - direct - x_hat * shared), (g * x_hat).sum(dim=0), g.sum(dim=0)


class BatchNorm(nn.Module):
    """Batch normalisation of D features, with its two phases.

    In training mode (`.train()`): `batch_norm` with the batch's own mean and variance, and the running ones move:
    running ← (1 − momentum) · running + momentum · the batch's, the batch's variance being the unbiased one (the sum of
    squared deviations over B − 1, B at least 2). In evaluation mode (`.eval()`): γ and β, but with the running mean and
    variance in place of the batch's, which stay as they are. As PyTorch's.

    Attributes: parameters `gamma`, `beta` (D,); buffers `running_mean`, `running_var` (D,); `momentum`, `eps`.
    """

    def __init__(self, d: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, D) -> (B, D)"""
        if not self.training:
            x_hat = (x - self.running_mean) / (self.running_var + self.eps).sqrt()
            return self.gamma * x_hat + self.beta
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(dim=0), self.momentum)
            self.running_var.lerp_(x.var(dim=0), self.momentum)
        return batch_norm(x, self.gamma, self.beta, self.eps)


def small_weights(m: int, d: int, generator: torch.Generator) -> Tensor:
    """Weights (M, D) from N(0, 0.01²), whatever the number of inputs, as was once usual."""
    return 0.01 * torch.randn(m, d, generator=generator)


class DeepNet(nn.Module):
    """ReLU layers, with or without batch normalisation before each ReLU; the last layer is linear.

    Args:
        widths: Neurons from the inputs to the outputs.
        draw: Makes the weights of a layer of m neurons with d inputs.
        norm: Whether to normalise.
        generator: What the weights are drawn from.
    """

    def __init__(
        self,
        widths: Sequence[int],
        draw: Callable[[int, int, torch.Generator], Tensor],
        norm: bool,
        generator: torch.Generator,
    ):
        super().__init__()
        self.weights = nn.ParameterList(draw(m, d, generator) for d, m in pairwise(widths))
        self.biases = nn.ParameterList(torch.zeros(m) for m in widths[1:])
        self.norms = nn.ModuleList(BatchNorm(m) if norm else nn.Identity() for m in widths[1:-1])

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (B, D) -> logits (B, K)"""
        for W, b, norm in zip(self.weights, self.biases, self.norms):
            x = norm(x @ W.T + b).clamp(min=0)  # (B, M)
        return x @ self.weights[-1].T + self.biases[-1]


@dataclass(frozen=True)
class Config:
    """A net of `depth` layers of `width` neurons, and how it is trained: steps, batch, first learning rate."""

    width: int
    depth: int
    steps: int
    batch: int
    lr: float

    def widths(self, inputs: int, classes: int = 10) -> list[int]:
        """Neurons from the inputs to the outputs."""
        return [inputs] + [self.width] * (self.depth - 1) + [classes]


CONFIG = {"mini": Config(64, 20, 300, 128, 2.5e-3), "full": Config(256, 20, 6000, 256, 1e-3)}


def data(tier: str, split: str) -> TensorDataset:
    """Inputs (N, D) and classes (N,): signals of 40 samples, or photographs of clothes of 784 pixels."""
    if tier == "mini":
        return signals.load(tier, split)
    x, y = fashion_mnist.load(tier, split).tensors
    return TensorDataset((x.flatten(1) - 0.286) / 0.353, y)  # mean and spread of the training pixels


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A plain net of 20 ReLU layers, begun with He's weights; Adam with a learning rate that falls to 0."""
    config, examples = CONFIG[tier], data(tier, "train")
    widths = config.widths(examples.tensors[0].shape[1])
    net = DeepNet(widths, he_weights, False, run.generator("weights")).to(run.device)
    optimizer = torch.optim.Adam(net.parameters(), config.lr)
    saved = {"net": net, "optimizer": optimizer}
    held_out = run.to(*data(tier, "val").tensors)
    for x, y in run.batches(examples, config.batch, config.steps, saved):
        optimizer.param_groups[0]["lr"] = config.lr * (1 - run.step / config.steps)
        loss = cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log(loss=loss)
        if run.every(100):
            run.log(accuracy=_accuracy(net, *held_out))
    # Half precision keeps the full tier's record small.
    return {name: tensor.detach().half() for name, tensor in net.state_dict().items()}


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the test examples that get their right class, by a net of 20 layers.

    Args:
        tensors: The state of a `DeepNet` of any widths, normalised or not.
        tier: Which test examples.
        device: Where to compute.

    Raises:
        ValueError: The tensors are no such net.
    """
    x, y = (tensor.to(device) for tensor in data(tier, "test").tensors)
    depth = CONFIG[tier].depth
    weights = [tensors[f"weights.{i}"] for i in range(depth) if f"weights.{i}" in tensors]
    if len(weights) != depth or any(W.ndim != 2 for W in weights):
        raise ValueError(
            f"evaluate: expected {depth} matrices, weights.0 to weights.{depth - 1}, got {len(weights)}."
        )
    widths = [x.shape[1], *(len(W) for W in weights)]
    if [W.shape[1] for W in weights] != widths[:-1]:
        raise ValueError(
            f"evaluate: expected each layer to take what the one before gives, got {widths[:5]}, …."
        )
    if widths[-1] != 10:
        raise ValueError(f"evaluate: expected 10 outputs of the last layer, got {widths[-1]}.")
    net = DeepNet(widths, lambda m, d, _: torch.zeros(m, d), "norms.0.gamma" in tensors, torch.Generator())
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"evaluate: not the state of a DeepNet: {error}") from None
    return _accuracy(net.to(device), x, y)


def _accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    net.eval()
    with torch.no_grad():
        right = [(net(part).argmax(dim=1) == truth) for part, truth in zip(x.split(1000), y.split(1000))]
        share = torch.cat(right).float().mean().item()
    net.train()
    return share


def baseline(tier: str) -> float:
    """What a linear classifier reaches: softmax regression, 200 steps of momentum on all examples at once."""
    x, y = data(tier, "train").tensors
    theta = torch.zeros(10, x.shape[1] + 1)  # a column of ones takes the biases
    v = torch.zeros_like(theta)
    x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    for _ in range(200):
        theta, v = momentum_step(theta, cross_entropy_gradient(x @ theta.T, y).T @ x, v, lr=0.02)
    x_test, y_test = data(tier, "test").tensors
    z = torch.cat([x_test, torch.ones(len(x_test), 1)], dim=1) @ theta.T
    return (z.argmax(dim=1) == y_test).float().mean().item()


if __name__ == "__main__":
    main(__spec__)
