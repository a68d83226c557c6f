"""Layers without number: solvers, the adjoint method, ODE nets and series at irregular times.

Chen, Rubanova, Bettencourt & Duvenaud, "Neural ordinary differential equations", arXiv:1806.07366; Dormand &
Prince, "A family of embedded Runge-Kutta formulae", Journal of Computational and Applied Mathematics 6, 1980
(adaptive steps); Rubanova, Chen & Duvenaud, "Latent ODEs for irregularly-sampled time series",
arXiv:1907.03907 (ODE-RNN).

Shapes: B examples, T times, D numbers of a state, P numbers of all parameters. A field f(t, y) gives dy/dt,
of y's shape.

The full tier trains the paper's ODE-Net on MNIST: 2,140 steps of 256 pictures, some 70 TFLOP and 420
launches a step with three Runge-Kutta steps forward. By launches of 9 µs that is 9 s of an H100 for a seed; the
first seed also trains the ResNet beside it, 3 to 8 s more, and three times both nets for series with holes: 300
steps of some 5,600 launches on patients, 200 of some 2,700 on lynxes, and the rivals', 24 s each time. All three
seeds: some 105 s.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector
from torch.utils.data import TensorDataset

from course_utils.data import mnist, spirals
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.0042, "chen2018", system="ODE-Net, 0.22 M parameters", data="MNIST")}

Field = Callable[[Tensor, Tensor], Tensor]  # (t, y) to dy/dt
ParametricField = Callable[[Tensor, Tensor, Tensor], Tensor]  # (t, y, θ) to dy/dt
Step = Callable[[Field, Tensor, Tensor, Tensor], Tensor]  # (f, t, y, h) to y at t + h

# --------------------------------------------------------------------------------------------- steps of fixed size


def euler(f: Field, t: Tensor, y: Tensor, h: Tensor) -> Tensor:
    """One step of Euler's method: go straight on for a time h, along the slope at t.

    Args:
        f: A field.
        t: The time now.
        y: The state now, of any shape.
        h: The step's size, negative for a step back. Numbers, or tensors that broadcast with y.

    Returns:
        The state at t + h. One evaluation of f.

    >>> euler(lambda t, y: 3 * y, 0.0, torch.tensor([1.0, 2.0]), 0.5)
    tensor([2.5000, 5.0000])
    """
    return y + h * f(t, y)


def rk4(f: Field, t: Tensor, y: Tensor, h: Tensor) -> Tensor:
    """One step of the classical Runge-Kutta method, of order 4 (Kutta, 1901); arguments as `euler`'s.

    Four slopes: k₁ at t and y; k₂ at the middle of a step along k₁; k₃ at the middle of a step along k₂; k₄
    at the end of a step along k₃. The step is taken along (k₁ + 2k₂ + 2k₃ + k₄) / 6. Four evaluations of f.

    >>> rk4(lambda t, y: y, 0.0, torch.tensor([1.0]), 1.0)  # e is 2.71828…
    tensor([2.7083])
    """
    k1 = f(t, y)
    k2 = f(t + h / 2, y + h / 2 * k1)
    k3 = f(t + h / 2, y + h / 2 * k2)
    k4 = f(t + h, y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def integrate(step: Step, f: Field, y: Tensor, times: Tensor, substeps: int = 1) -> Tensor:
    """The states at all times, from the state at the first: `substeps` equal steps from each time to the next.

    Args:
        step: A step, such as `euler`.
        f: A field.
        y: The state at times[0], of any shape.
        times: (T,), rising or falling; or (T, …), where the times of each part of y broadcast with it.
        substeps: Steps between two times.

    Returns:
        States (T, …), the first of which is y. Gradients flow to y and to what f is made of.

    >>> integrate(euler, lambda t, y: y, torch.ones(1), torch.tensor([0.0, 1.0, 2.0]))[:, 0]
    tensor([1., 2., 4.])
    """
    states = [y]
    for start, end in pairwise(times):
        h = (end - start) / substeps
        for n in range(substeps):
            y = step(f, start + n * h, y, h)
        states.append(y)
    return torch.stack(states)


def order(sizes: Tensor, errors: Tensor) -> float:
    """The order p of errors that fall like C · hᵖ: the slope of log error over log h, by least squares.

    Args:
        sizes: Step sizes h, (N,), N at least 2.
        errors: The error with each of them, (N,), above 0.

    >>> round(order(torch.tensor([1.0, 0.1]), torch.tensor([3.0, 0.0003])), 4)
    4.0
    """
    x, z = sizes.log(), errors.log()
    x, z = x - x.mean(), z - z.mean()
    return float((x * z).sum() / (x * x).sum())


# ------------------------------------------------------------------------------------------- steps of fitting size

# Dormand and Prince's method of order 5. Slope n + 2 is taken at t + NODES[n] · h; the row WEIGHTS[n] says how the
# slopes before it are added up to get there. ERROR weighs all seven: the solution of order 5 minus one of order 4.
NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
WEIGHTS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def dormand_prince(f: Field, t: float, y: Tensor, h: float, first: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One step of Dormand and Prince's method, with an estimate of its error.

    The slopes are k₁ = `first`, and for each node c and row a of `NODES` and `WEIGHTS`: f at time t + c · h and place
    y + h · Σ aᵢ kᵢ. The last of these places is the new state. The error is h · Σ eᵢ kᵢ with `ERROR`.

    Args:
        f, t, y, h: As `euler`'s.
        first: f(t, y), of y's shape, which is known from the step before.

    Returns:
        The state at t + h, the estimated error of each of its numbers, and the slope there, the next step's
        `first`. Six evaluations of f.

    >>> y, error, last = dormand_prince(lambda t, y: y, 0.0, torch.ones(1), 0.1, torch.ones(1))
    >>> round(y.item(), 6), torch.equal(y, last)
    (1.105171, True)
    """
    slopes, place = [first], y
    for c, row in zip(NODES, WEIGHTS):
        place = y + h * sum(a * k for a, k in zip(row, slopes))
        slopes.append(f(t + c * h, place))
    error = h * sum(e * k for e, k in zip(ERROR, slopes))
    return place, error, slopes[-1]


def error_ratio(error: Tensor, y: Tensor, new: Tensor, rtol: float, atol: float) -> float:
    """How large an error is beside what is tolerated: up to 1 is good enough.

    Each number may err by atol + rtol · max(|y|, |new|), where y and `new` are its values before and after
    the step. Divide each error by that, and take the root of the mean of the squares over all numbers.

    >>> error_ratio(torch.tensor([0.2, 0.0]), torch.tensor([1.0, 0.0]), torch.zeros(2), 0.1, 0.1)
    0.7071067690849304
    """
    tolerated = atol + rtol * torch.maximum(y.abs(), new.abs())
    return (error / tolerated).square().mean().sqrt().item()


def next_size(h: float, ratio: float) -> float:
    """The next step's size, after a step of size h whose error was `ratio` times the tolerated one.

    The error of a step of order 5 falls like h⁵, so the size 0.9 · h · ratio^(-1/5) would have made it good
    with a little to spare. No size changes by more than a factor of 10 upwards or 5 downwards; an error of 0
    allows the 10.

    >>> next_size(1.0, 1.0), next_size(1.0, 1e9), next_size(1.0, 0.0)
    (0.9, 0.2, 10.0)
    """
    factor = 10.0 if ratio == 0 else 0.9 * ratio**-0.2
    return h * min(10.0, max(0.2, factor))


def adaptive(
    f: Field, y: Tensor, start: float, end: float, rtol: float = 1e-6, atol: float = 1e-6, h: float = 0.1
) -> tuple[Tensor, list[float]]:
    """Follow f from `start` to `end` with steps of `dormand_prince` that are as large as the tolerances allow.

    Try a step of size h, or to the end if that is nearer. If its `error_ratio` is at most 1 it is taken,
    else it is tried again. Either way `next_size` gives the size to try next.

    Args:
        f: A field.
        y: The state at `start`.
        start, end: Times, start < end.
        rtol, atol: Relative and absolute tolerance of a step's error.
        h: The first size to try.

    Returns:
        The state at `end`, and the times that were reached, from `start` to `end`. f is evaluated once, and
        six times more for each step that is tried.

    Raises:
        RuntimeError: the step has become so small that t + h is t: the solution leaves all bounds, or f is
            not finite.

    >>> y, times = adaptive(lambda t, y: -y, torch.ones(1, dtype=torch.float64), 0.0, 1.0)
    >>> round(y.item(), 5), times[0], times[-1]
    (0.36788, 0.0, 1.0)
    """
    t, first, times = start, f(start, y), [start]
    while t < end:
        h = min(h, end - t)
        if t + h == t:
            raise RuntimeError(
                f"adaptive: no step is small enough at t = {t:g}; is the solution finite there?"
            )
        new, error, last = dormand_prince(f, t, y, h, first)
        ratio = error_ratio(error, y, new, rtol, atol)
        if ratio <= 1:
            t, y, first = (end if h == end - t else t + h), new, last
            times.append(t)
        h = next_size(h, ratio)
    return y, times


def crossing(
    step: Step, f: Field, g: Callable[[Tensor], Tensor], t: float, y: Tensor, h: float, within: float = 1e-6
) -> float:
    """The size of the step from t and y at which g of the state falls to 0, by halving the interval.

    Args:
        step: A step, such as `rk4`.
        f: A field.
        g: A state to one number; above 0 at y, and not above 0 after a step of size h.
        t, y: Time and state now.
        h: A step's size.
        within: How near the answer must come.

    Returns:
        A size between 0 and h at most `within` above that of the crossing: g is not above 0 there.

    >>> fall = lambda t, y: torch.stack([y[1], torch.tensor(-2.0)])  # height and speed
    >>> round(crossing(rk4, fall, lambda y: y[0], 0.0, torch.tensor([1.0, 0.0]), 3.0), 3)
    1.0
    """
    low, high = 0.0, h
    while high - low > within:
        middle = (low + high) / 2
        if g(step(f, t, y, middle)) > 0:
            low = middle
        else:
            high = middle
    return high


# ----------------------------------------------------------------------------------------------------- the adjoint


def adjoint_dynamics(
    f: ParametricField, theta: Tensor, t: Tensor, y: Tensor, a: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """How state, adjoint and gradient change with time (Chen et al., 2018, algorithm 1).

    The adjoint a(t) is the loss's gradient in the state at t. Then dy/dt = f, da/dt = -aᵀ ∂f/∂y, and the
    gradient in the parameters, gathered backwards in time from 0, has dg/dt = -aᵀ ∂f/∂θ.

    Args:
        f: A field with parameters, f(t, y, θ).
        theta: All its parameters, (P,).
        t: The time.
        y: The state, of any shape.
        a: The adjoint, of y's shape.

    Returns:
        dy/dt and da/dt, of y's shape, and dg/dt, (P,), all without history. f is evaluated once.

    >>> rates = adjoint_dynamics(lambda t, y, w: w * y, torch.tensor([3.0]), 0.0, torch.ones(1), torch.tensor([2.0]))
    >>> [rate.item() for rate in rates]
    [3.0, -6.0, -2.0]
    """
    with torch.enable_grad():
        y, theta = y.detach().requires_grad_(), theta.detach().requires_grad_()
        dy = f(t, y, theta)
        da, dg = torch.autograd.grad(dy, (y, theta), -a, materialize_grads=True)
    return dy.detach(), da, dg


def adjoint(
    step: Step,
    f: ParametricField,
    theta: Tensor,
    times: Tensor,
    states: Tensor,
    slopes: Tensor,
    substeps: int = 1,
) -> tuple[Tensor, Tensor]:
    """A loss's gradients in the first state and in θ, by solving one equation backwards in time.

    Begin at the last time, with its slope for the adjoint and zeros for the gradient in θ. Solve for state,
    adjoint and gradient, as one long vector, back to the time before, with `substeps` steps. There the
    adjoint grows by that time's slope, and the state is set to what is known of it; and so on, to the first time.

    Args:
        step, f, theta: As above.
        times: (T,), as in the solution forward.
        states: What the solution was at these times, (T, …).
        slopes: The loss's gradient in each of these states, (T, …): what arrives in a backward pass.
        substeps: Steps between two times.

    Returns:
        The gradients in states[0], of its shape, and in θ, (P,). Nothing is kept but one state, adjoint and gradient.
    """
    shape, size = states.shape[1:], states[0].numel()

    def together(t: Tensor, packed: Tensor) -> Tensor:
        y, a, _ = packed.split([size, size, theta.numel()])
        return torch.cat(
            [rate.flatten() for rate in adjoint_dynamics(f, theta, t, y.view(shape), a.view(shape))]
        )

    a, g = slopes[-1].flatten(), torch.zeros_like(theta)
    for n in range(len(times) - 1, 0, -1):
        packed = torch.cat([states[n].flatten(), a, g])
        packed = integrate(step, together, packed, times[[n, n - 1]], substeps)[-1]
        _, a, g = packed.split([size, size, theta.numel()])
        a = a + slopes[n - 1].flatten()
    return a.view(shape), g


class SolveAdjoint(torch.autograd.Function):
    """`integrate`, whose backward pass is `adjoint`: of all states, those at the times asked for are kept."""

    @staticmethod
    def forward(ctx, step, f, theta, y, times, substeps):
        """States (T, …) at the times (T,)."""
        with torch.no_grad():
            states = integrate(step, lambda t, y: f(t, y, theta), y, times, substeps)
        ctx.save_for_backward(theta, times, states)
        ctx.how = step, f, substeps
        return states

    @staticmethod
    def backward(ctx, slopes):
        """Gradients in theta and y."""
        (theta, times, states), (step, f, substeps) = ctx.saved_tensors, ctx.how
        a, g = adjoint(step, f, theta, times, states, slopes, substeps)
        return None, None, g, a, None, None


def solve_adjoint(
    step: Step, f: ParametricField, theta: Tensor, y: Tensor, times: Tensor, substeps: int = 1
) -> Tensor:
    """As `integrate`, for a field f(t, y, θ), with gradients by the adjoint method."""
    return SolveAdjoint.apply(step, f, theta, y, times, substeps)


def solve_directly(
    step: Step, f: ParametricField, theta: Tensor, y: Tensor, times: Tensor, substeps: int = 1
) -> Tensor:
    """As `solve_adjoint`, with gradients by backpropagation through every step."""
    return integrate(step, lambda t, y: f(t, y, theta), y, times, substeps)


def kept(call: Callable[..., Tensor], *arguments: object) -> int:
    """How many numbers autograd keeps for the way back while `call(*arguments)` runs."""
    count = 0

    def note(tensor: Tensor) -> Tensor:
        nonlocal count
        count += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        call(*arguments)
    return count


def as_function(net: nn.Module) -> tuple[ParametricField, Tensor]:
    """A net that takes t and y, as a field f(t, y, θ), and its parameters as one vector θ, (P,)."""
    names, shapes = zip(*((name, p.shape) for name, p in net.named_parameters()))
    sizes = [shape.numel() for shape in shapes]

    def f(t: Tensor, y: Tensor, theta: Tensor) -> Tensor:
        parts = (part.view(shape) for part, shape in zip(theta.split(sizes), shapes))
        return functional_call(net, dict(zip(names, parts)), (t, y))

    return f, parameters_to_vector(net.parameters()).detach()


# ------------------------------------------------------------------------------------------- layers without number


class ODEBlock(nn.Module):
    """A stack of residual layers that has become continuous: from h(0) = x to h(1) along dh/dt = f(t, h)."""

    def __init__(self, f: nn.Module, step: Step = rk4, steps: int = 1):
        super().__init__()
        self.f, self.step, self.steps = f, step, steps

    def forward(self, x: Tensor) -> Tensor:
        """x, of any shape, to h(1), of the same: `steps` equal steps of `step` from t = 0 to t = 1.

        One step of `euler` makes it a residual block, x + f(0, x).
        """
        times = torch.tensor([0.0, 1.0], dtype=x.dtype, device=x.device)
        return integrate(self.step, self.f, x, times, self.steps)[-1]


class Flow(nn.Module):
    """A field that is a small net of the state alone: (t, y) to dy/dt, both (B, d)."""

    def __init__(self, d: int, width: int):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, d)
        )

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """dy/dt at places y; it does not depend on t."""
        return self.net(y)


class LinearFlow(nn.Module):
    """dy/dt = W y: all that a linear differential equation can be."""

    def __init__(self, d: int):
        super().__init__()
        self.matrix = nn.Linear(d, d, bias=False)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """dy/dt at places y (B, d)."""
        return self.matrix(y)


def ode_rnn(
    step: Step,
    f: Field,
    cell: Callable[[Tensor, Tensor], Tensor],
    times: Tensor,
    values: Tensor,
    seen: Tensor,
    h: Tensor,
) -> Tensor:
    """Read series with gaps: the hidden state flows along f between times, and jumps where something was seen.

    From each time to the next, one `step` of f. At each time, the first included, the new hidden state of
    every example that was seen there is cell(value, h); the others keep theirs (Rubanova et al., 2019, algorithm 1).

    Args:
        step, f: A step, and the hidden state's field.
        cell: Values (B, D) and hidden states (B, M) to new hidden states (B, M), such as `nn.GRUCell`. It is
            called once a time.
        times: (T,), rising or falling: those of all examples together.
        values: What was seen, (B, T, D). Where nothing was seen there may be anything, nan included: neither
            result nor gradients may depend on it.
        seen: Which were seen, truth values (B, T).
        h: The hidden states before the first time, (B, M).

    Returns:
        The hidden states after the last time, (B, M).
    """
    values = torch.where(seen[:, :, None], values, 0.0)
    for n, t in enumerate(times):
        if n > 0:
            h = step(f, times[n - 1], h, t - times[n - 1])
        h = torch.where(seen[:, n, None], cell(values[:, n], h), h)
    return h


class LatentODE(nn.Module):
    """Series with gaps to a latent state at their first time, and from there, along an ODE, to any time at all.

    Chen et al., 2018, section 5, with the encoder of Rubanova et al., 2019.
    """

    def __init__(self, d: int, latent: int = 4, hidden: int = 16, width: int = 24):
        super().__init__()
        self.hidden_flow, self.cell = Flow(hidden, width), nn.GRUCell(2 * d, hidden)
        self.start, self.flow, self.read = (
            nn.Linear(hidden, 2 * latent),
            Flow(latent, width),
            nn.Linear(latent, d),
        )

    def encode(self, times: Tensor, values: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log deviation, (B, latent) each, of the state at times[0]: the series is read backwards.

        Args:
            times: (T,), rising.
            values: (B, T, D), of which those are read that were `seen`.
            seen: Truth values (B, T, D).
        """
        told = torch.cat([torch.where(seen, values, 0.0), seen.to(values.dtype)], dim=2)  # (B, T, 2D)
        h, visited = values.new_zeros(len(values), self.cell.hidden_size), seen.any(2)
        h = ode_rnn(
            euler, self.hidden_flow, self.cell, times.flip(0), told.flip(1), visited.flip(1), h
        )  # (B, M)
        return self.start(h).chunk(2, dim=1)

    def decode(self, z: Tensor, times: Tensor) -> Tensor:
        """States (B, latent) at times[0] to series (B, T, D)."""
        return self.read(integrate(rk4, self.flow, z, times)).transpose(0, 1)

    def foretell(self, times: Tensor, values: Tensor, known: Tensor) -> Tensor:
        """The series (B, T, D) of the likeliest first state, arguments as `encode`'s."""
        return self.decode(self.encode(times, values, known)[0], times)


def gaussian_elbo(
    model: LatentODE, times: Tensor, values: Tensor, seen: Tensor, known: Tensor, noise: float
) -> Tensor:
    """The bound on log p of what was `seen`, of which the encoder reads what is `known`; nats a number, to maximise.

    Args:
        model: A latent ODE.
        times, values, seen: As `encode`'s.
        known: Which of the seen values the encoder may read, truth values (B, T, D).
        noise: The deviation of a value around what the model says.
    """
    mean, log_deviation = model.encode(times, values, known)
    z = mean + log_deviation.exp() * torch.randn_like(mean)
    surprise = ((model.decode(z, times) - torch.where(seen, values, 0.0)) / noise).square() / 2
    surprise = surprise + math.log(noise * math.sqrt(2 * math.pi))
    divergence = (mean.square() + (2 * log_deviation).exp() - 1).sum() / 2 - log_deviation.sum()
    return -(torch.where(seen, surprise, 0.0).sum() + divergence) / seen.sum()


class GapRNN(nn.Module):
    """The rival: a GRU that is told the newest values and the time until the next, which it foretells.

    With `holes` it is told, too, which of the values it hears; for the others it hears its own.
    """

    def __init__(self, d: int, hidden: int, holes: bool = False):
        super().__init__()
        self.cell, self.change, self.holes = (
            nn.GRUCell(2 * d + 1 if holes else d + 1, hidden),
            nn.Linear(hidden, d),
            holes,
        )

    def forward(self, times: Tensor, values: Tensor, known: Tensor) -> Tensor:
        """Foretell the values at times 1 to T - 1.

        Args:
            times: (B, T).
            values: (B, T, D), of which those are heard that are `known`.
            known: Truth values (B, T, D), or what broadcasts with them.

        Returns:
            (B, T - 1, D).
        """
        known, said = known.expand(values.shape), []
        h = values.new_zeros(len(values), self.cell.hidden_size)
        value = torch.where(known[:, 0], values[:, 0], 0.0)
        for n, gap in enumerate((times[:, 1:] - times[:, :-1]).T, start=1):
            heard = [known[:, n - 1].to(value.dtype)] if self.holes else []
            h = self.cell(torch.cat([value, gap[:, None], *heard], dim=1), h)
            said.append(value + self.change(h))
            value = torch.where(known[:, n], values[:, n], said[-1])
        return torch.stack(said, dim=1)

    def foretell(self, times: Tensor, values: Tensor, known: Tensor) -> Tensor:
        """As `forward`, for times (T,) that all examples share."""
        return self(times.expand(len(values), -1), values, known)


# ------------------------------------------------------------------------------------------------ the mini tier


WINDOW = 8  # samples of a window: the first is where a solution begins, the others what it must meet


def windows() -> TensorDataset:
    """All stretches of `WINDOW` training samples of first halves: times (N, 8) and noisy places (N, 8, 2)."""
    times, noisy, _ = spirals.load("mini", "train").tensors
    times, noisy = times[:, : spirals.SEEN], noisy[:, : spirals.SEEN]
    cut = times.unfold(1, WINDOW, 1).flatten(0, 1), noisy.unfold(1, WINDOW, 1).flatten(0, 1)
    return TensorDataset(cut[0], cut[1].transpose(1, 2).contiguous())


def follow(f: Field, times: Tensor, y: Tensor, substeps: int = 1) -> Tensor:
    """Each curve at its own times (B, T), from its place (B, D) at the first: (B, T, D), by `rk4`."""
    return integrate(rk4, f, y, times.T[..., None], substeps).transpose(0, 1)


def fit_flow(f: nn.Module, run: Run, steps: int, rate: float, batch: int = 64) -> nn.Module:
    """Train a field on windows: begin at the first sample, meet the others. Adam, one cycle."""
    f = f.to(run.device)
    optimizer = torch.optim.Adam(f.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    saved = {"net": f, "optimizer": optimizer, "schedule": schedule}
    for times, places in run.batches(windows(), batch, steps, saved):
        loss = (follow(f, times, places[:, 0])[:, 1:] - places[:, 1:]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(loss=loss)
    return f


def fit_rnn(net: GapRNN, run: Run, steps: int, rate: float, phase: str = "rnn") -> GapRNN:
    """Train the rival on the same half curves, hearing more or fewer of their samples before its own."""
    net = net.to(run.device)
    times, noisy, _ = (part[:, : spirals.SEEN] for part in run.to(*spirals.load("mini", "train").tensors))
    optimizer = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    known = torch.randint(1, spirals.SEEN, (steps,), generator=run.generator(phase)).tolist()
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for step in run.steps(steps, saved, phase):
        heard = (torch.arange(spirals.SEEN, device=run.device) < known[step])[:, None]  # (T, 1)
        loss = (net(times, noisy, heard) - noisy[:, 1:]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(rnn_loss=loss)
        if step + 1 == steps:
            run.log(rnn_missed=missed(rnn_foretold(net)))
    return net


def foretold(f: Field) -> Tensor:
    """The test curves' second halves, (N, 20, 2), from the last noisy sample of their first halves on, along f."""
    times, noisy, _ = spirals.load("mini", "test").tensors
    last = spirals.SEEN - 1
    return follow(f, times[:, last:], noisy[:, last], substeps=2)[:, 1:]


def missed(said: Tensor) -> float:
    """Mean squared distance of what is said of the test curves' second halves, (N, 20, 2), over their variance."""
    true = spirals.load("mini", "test").tensors[2][:, spirals.SEEN :]
    return float((said - true).square().mean() / (true - true.mean((0, 1))).square().mean())


@torch.no_grad()
def rnn_foretold(net: GapRNN) -> Tensor:
    """The test curves' second halves as the rival says them, having heard the first halves' noisy samples."""
    times, noisy, _ = (
        part.to(next(net.parameters()).device) for part in spirals.load("mini", "test").tensors
    )
    heard = (torch.arange(times.shape[1], device=times.device) < spirals.SEEN)[:, None]  # (T, 1)
    return net(times, noisy, heard)[:, spirals.SEEN - 1 :].cpu()


# ------------------------------------------------------------------------------------------------ the full tier


def norm(c: int) -> nn.GroupNorm:
    """Group normalisation in up to 32 groups: what an example is does not depend on its batch."""
    return nn.GroupNorm(min(32, c), c)


class ConvFlow(nn.Module):
    """The paper's field of pictures: normalise, ReLU, convolve, twice, with the time as one more channel."""

    def __init__(self, c: int):
        super().__init__()
        self.norms = nn.ModuleList(norm(c) for _ in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(c + 1, c, 3, padding=1) for _ in range(2))

    def forward(self, t: Tensor, h: Tensor) -> Tensor:
        """dh/dt, (B, c, H, W), of features h (B, c, H, W) at the time t."""
        for normalise, conv in zip(self.norms, self.convs):
            h = F.relu(normalise(h))
            h = conv(torch.cat([h, t.to(h.dtype).expand(len(h), 1, *h.shape[2:])], dim=1))
        return self.norms[2](h)


class ResidualBlock(nn.Module):
    """What the ODE stands against: x + f(x) with weights of its own, normalised first."""

    def __init__(self, c: int):
        super().__init__()
        self.norms = nn.ModuleList(norm(c) for _ in range(2))
        self.convs = nn.ModuleList(nn.Conv2d(c, c, 3, padding=1, bias=False) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, c, H, W) to the same."""
        h = x
        for normalise, conv in zip(self.norms, self.convs):
            h = conv(F.relu(normalise(h)))
        return x + h


class DigitNet(nn.Module):
    """Pictures (B, 1, 28, 28) to scores (B, 10): two halvings, a `middle` on (B, c, 6, 6), a mean, a dense layer."""

    def __init__(self, middle: nn.Module, c: int = 64):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, c, 3),
            norm(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 4, 2, 1),
            norm(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 4, 2, 1),
        )
        self.middle, self.norm, self.scores = middle, norm(c), nn.Linear(c, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the ten digits."""
        h = F.relu(self.norm(self.middle(self.down(x))))
        return self.scores(h.mean((2, 3)))


@dataclass(frozen=True)
class Config:
    """How a tier is trained: steps, batch, the one-cycle schedule's highest rate; the field's width, or channels."""

    steps: int
    batch: int
    rate: float
    width: int


RIVALS = 3  # times that what stands beside is trained, all with the first seed
CONFIG = {"mini": Config(1000, 64, 2e-2, 32), "full": Config(2140, 256, 4e-3, 64)}
SOLVER_STEPS = 3  # of Runge-Kutta, in the digits' ODE block


def digit_net(kind: str = "ode", c: int = 64) -> DigitNet:
    """The paper's net with an ODE block of one field ("ode") or with six residual blocks ("resnet") in its middle."""
    if kind == "ode":
        return DigitNet(ODEBlock(ConvFlow(c), rk4, SOLVER_STEPS), c)
    return DigitNet(nn.Sequential(*(ResidualBlock(c) for _ in range(6))), c)


def shifted(x: Tensor, most: int = 2) -> Tensor:
    """Each picture (B, 1, H, W) moved by up to `most` pixels, as cropping a padded one does."""
    b, _, h, w = x.shape
    padded = F.pad(x, (most,) * 4)
    down, right = torch.randint(2 * most + 1, (2, b, 1), device=x.device)
    rows, columns = (
        torch.arange(h, device=x.device) + down,
        torch.arange(w, device=x.device) + right,
    )  # (B, H), (B, W)
    return padded[torch.arange(b, device=x.device)[:, None, None], 0, rows[:, :, None], columns[:, None]][
        :, None
    ]


def fit_digits(net: DigitNet, run: Run, phase: str = "train") -> DigitNet:
    """AdamW, one cycle, pictures moved by up to two pixels."""
    how, net = CONFIG["full"], net.to(run.device)
    optimizer = torch.optim.AdamW(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    forward = run.compile(net)
    for x, y in run.batches(mnist.load("full", "train"), how.batch, how.steps, saved, phase):
        with run.autocast():
            loss = F.cross_entropy(forward(shifted(x)).float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(**{f"{phase}_loss": loss})
        if run.every(how.steps):
            run.log(**{f"{phase}_error": digit_error(net, run.device)})
    return net.eval()


@torch.no_grad()
def digit_error(net: nn.Module, device: str | torch.device = "cpu") -> float:
    """Share of MNIST's test digits that get another digit."""
    x, y = mnist.load("full", "test").tensors
    wrong = [
        (net(part.to(device)).argmax(1) != label.to(device)).sum()
        for part, label in zip(x.split(500), y.split(500))
    ]
    return torch.stack(wrong).sum().item() / len(y)


# ----------------------------------------------------------------------------------------------------- training


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Mini: a field of 1,218 weights through spirals. Full: the paper's ODE-Net on MNIST, three Runge-Kutta steps."""
    how = CONFIG[tier]
    if tier == "mini":
        net = fit_flow(Flow(2, how.width), run, how.steps, how.rate, how.batch)
        if seed == 0:
            for rival in range(RIVALS):
                fit_rnn(GapRNN(2, 32), run, 600, 1e-2, f"rnn_{rival}")
    else:
        net = fit_digits(digit_net("ode", how.width), run)
    return {name: value.detach().contiguous() for name, value in net.state_dict().items()}


@torch.no_grad()
def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Mini: squared distance from the test spirals' second halves over their variance. Full: share of digits wrong.

    Raises:
        RuntimeError: the tensors are not those of the tier's net.
    """
    net: nn.Module = Flow(2, CONFIG[tier].width) if tier == "mini" else digit_net("ode", CONFIG[tier].width)
    net.load_state_dict(tensors)
    return missed(foretold(net)) if tier == "mini" else digit_error(net.to(device).eval(), device)


def baseline(tier: str) -> float:
    """Mini: the best linear differential equation, trained alike. Full: a linear classifier, by least squares."""
    if tier == "mini":
        with torch.random.fork_rng(devices=[]):
            run = Run(seed=0, device="cpu")
            flow = fit_flow(LinearFlow(2), run, 400, 3e-2)
        with torch.no_grad():
            return missed(foretold(flow))
    from solutions.convolution import reference as convolution

    return 1 - convolution.baseline(tier)


if __name__ == "__main__":
    main(__spec__)
