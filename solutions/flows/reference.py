"""Flows: densities by a change of variables, through couplings, residual layers and differential equations.

Dinh et al., "Density estimation using Real NVP", arXiv:1605.08803 (couplings); Behrmann et al., "Invertible residual
networks", arXiv:1811.00995; Chen et al., "Neural ordinary differential equations", arXiv:1806.07366 (instantaneous
change of variables); Grathwohl et al., "FFJORD", arXiv:1810.01367 (its trace estimated).

Shapes: B points of D numbers. A map acts on each row of (B, D) on its own; a field f(t, z) gives the velocities
(B, D) of points z (B, D) at time t. Noise is a standard normal at time 0, data stand at time 1.

The full tier learns four densities in 1,200 steps of some 2,890 launches, 31 s of an H100 for a seed by launches of
9 µs. Three seeds, and the pictures that are learned beside (5 s, see experiments.py): 99 s.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import densities
from course_utils.training import Run, main

Map = Callable[[Tensor], Tensor]
Field = Callable[[Tensor, Tensor], Tensor]
State = tuple[Tensor, Tensor]


def log_normal(z: Tensor) -> Tensor:
    """log density, in nats, of a standard normal in D dimensions: -|z|²/2 - D/2 · log 2π.

    Args:
        z: Points (B, D).

    Returns:
        (B,).

    >>> log_normal(torch.zeros(1, 2))
    tensor([-1.8379])
    """
    return -0.5 * (z**2).sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def jacobian(f: Map, x: Tensor) -> tuple[Tensor, Tensor]:
    """What f makes of each point, and how that changes with the point.

    f is any function that autograd can follow; its results at one point do not depend on the other points. The results
    can be differentiated again, in x and in what f holds, also where the call stands in `torch.no_grad()`.

    Args:
        f: From (B, D) to (B, D).
        x: Points (B, D).

    Returns:
        f(x), (B, D), and the Jacobian (B, D, D): entry [b, i, j] is the slope of f(x)[b, i] in x[b, j].

    >>> jacobian(lambda x: x**2, torch.tensor([[3.0, 5.0]]))[1].tolist()
    [[[6.0, 0.0], [0.0, 10.0]]]
    """
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        y = f(x)
        rows = [torch.autograd.grad(y[:, i].sum(), x, create_graph=True)[0] for i in range(x.shape[1])]
    return y, torch.stack(rows, dim=1)


def log_density(f: Map, x: Tensor) -> Tensor:
    """log p(x) where f carries data to standard normal noise: log N(f(x)) + log |det ∂f/∂x|, (B,).

    Args:
        f: An invertible map from (B, D) to (B, D).
        x: Points (B, D).

    >>> round(log_density(lambda x: 2 * x, torch.zeros(1, 2)).item(), 4)  # -log 2π + log 4: on a quarter of the area
    -0.4516
    """
    z, J = jacobian(f, x)
    return log_normal(z) + torch.linalg.slogdet(J).logabsdet


class Coupling(nn.Module):
    """An affine coupling: numbers under the mask stay, and say how the others are scaled and moved (Real NVP, eq. 9).

    Where the mask is 1, z = x. Elsewhere z = x · exp(s) + t, and both s and t depend on mask · x alone:
    (s, t) = net(mask · x), with s bent by tanh so that no scale is extreme.

    Args:
        mask: Ones and zeros (D,).
        net: From (B, D) to (B, 2D): the numbers s before the bend, then t.
    """

    def __init__(self, mask: Tensor, net: nn.Module):
        super().__init__()
        self.register_buffer("mask", mask.float())
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Data (B, D) to z (B, D), and log |det ∂z/∂x| (B,)."""
        s, t = self.net(self.mask * x).chunk(2, dim=1)
        free, s = 1 - self.mask, torch.tanh(s)
        return self.mask * x + free * (x * torch.exp(s) + t), (free * s).sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        """The x of which forward makes z: (B, D) to (B, D), by one call of the net."""
        s, t = self.net(self.mask * z).chunk(2, dim=1)
        return self.mask * z + (1 - self.mask) * (z - t) * torch.exp(-torch.tanh(s))


def chain(layers: Sequence[nn.Module], x: Tensor) -> tuple[Tensor, Tensor]:
    """Layers one after another, each giving (z, log |det|): the last z (B, D), and the sum of all log |det| (B,)."""
    total = x.new_zeros(len(x))
    for layer in layers:
        x, log_det = layer(x)
        total = total + log_det
    return x, total


def unchain(layers: Sequence[nn.Module], z: Tensor) -> Tensor:
    """The way back through all layers: (B, D) to (B, D)."""
    for layer in reversed(layers):
        z = layer.inverse(z)
    return z


def spectral_norm(W: Tensor, u: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The largest singular value of a matrix, by power iteration (Miyato et al., arXiv:1802.05957, algorithm 1).

    A step is v = Wᵀu / |Wᵀu|, then u = W v / |W v|; after `steps` of them the value is uᵀ W v. Autograd follows the
    value to W; the vectors u and v count as constants.

    Args:
        W: (M, N).
        u: Where to begin, (M,).
        steps: At least 1.

    Returns:
        The value, and the last u (M,) without history, to begin with next time.

    >>> spectral_norm(torch.diag(torch.tensor([3.0, 2.0])), torch.ones(2), 20)[0]
    tensor(3.)
    """
    with torch.no_grad():
        for _ in range(steps):
            v = F.normalize(W.T @ u, dim=0)
            u = F.normalize(W @ v, dim=0)
    return u @ W @ v, u


def contracted(W: Tensor, sigma: Tensor, c: float) -> Tensor:
    """W, scaled so that it stretches no vector by more than c: cW/σ where σ is above c, else W (i-ResNet, eq. 8).

    Args:
        W: (M, N).
        sigma: Its largest singular value, a tensor with one number; autograd follows it too.
        c: The bound, above 0.
    """
    return W * torch.clamp(c / sigma, max=1.0)


def fixed_point(g: Map, z: Tensor, steps: int) -> Tensor:
    """The x with x + g(x) = z, where g has a Lipschitz constant below 1 (i-ResNet, algorithm 1).

    Begin with x = z, then put x = z - g(x), `steps` times.

    >>> fixed_point(lambda x: x / 2, torch.tensor([[3.0]]), 3)  # 3, 1.5, 2.25, 1.875: on its way to 2
    tensor([[1.8750]])
    """
    x = z
    for _ in range(steps):
        x = z - g(x)
    return x


def log_det_series(g: Map, x: Tensor, e: Tensor, terms: int) -> tuple[Tensor, Tensor]:
    """x + g(x), and an estimate of log det(I + J), with J the Jacobian of g (i-ResNet, eqs. 4 and 6).

    log det(I + J) = tr J - tr J²/2 + tr J³/3 - …, cut after `terms` terms; each trace tr Jᵏ is estimated by eᵀ Jᵏ e,
    with the same e for all. A vector is multiplied by J by one call of autograd: no Jacobian is ever formed. The
    results can be differentiated again.

    Args:
        g: From (B, D) to (B, D), with a Lipschitz constant below 1.
        x: Points (B, D).
        e: Random vectors (B, D) with mean 0 and covariance I.
        terms: At least 1.

    Returns:
        x + g(x), (B, D), and the estimate (B,).
    """
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        y, w, total = g(x), e, torch.zeros(len(x), device=x.device)
        for k in range(1, terms + 1):
            (w,) = torch.autograd.grad(y, x, w, create_graph=True)  # w becomes eᵀ Jᵏ
            total = total - (-1) ** k / k * (w * e).sum(1)
        return x + y, total


class Residual(nn.Module):
    """An invertible residual layer z = x + g(x): g has three linear layers and stretches by at most c.

    Each linear layer is contracted to the cube root of c; ELU between them stretches nothing. `e` may be set to random
    vectors (B, D), by which the log-determinant is then estimated; without them it is exact.
    """

    def __init__(self, d: int, width: int, c: float = 0.9, terms: int = 8):
        super().__init__()
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in ((d, width), (width, width), (width, d)))
        for i, layer in enumerate(self.linear):
            self.register_buffer(f"u{i}", torch.randn(layer.out_features))
        self.bound, self.terms = c ** (1 / 3), terms
        self.e: Tensor | None = None

    def weights(self) -> list[Tensor]:
        """The contracted weights; the vectors of the power iteration go on from where they were."""
        found = []
        for i, layer in enumerate(self.linear):
            sigma, u = spectral_norm(layer.weight, getattr(self, f"u{i}"), 2 if self.training else 50)
            setattr(self, f"u{i}", u)
            found.append(contracted(layer.weight, sigma, self.bound))
        return found

    def g(self, x: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """(B, D) to (B, D)."""
        for i, (W, layer) in enumerate(zip(weights, self.linear)):
            x = F.linear(F.elu(x) if i else x, W, layer.bias)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Data (B, D) to z (B, D), and log |det ∂z/∂x| (B,)."""
        g = partial(self.g, weights=self.weights())
        if self.e is not None:
            return log_det_series(g, x, self.e, self.terms)
        z, J = jacobian(lambda x: x + g(x), x)
        return z, torch.linalg.slogdet(J).logabsdet

    def inverse(self, z: Tensor, steps: int = 100) -> Tensor:
        """The x of which forward makes z, by fixed-point iteration."""
        return fixed_point(partial(self.g, weights=self.weights()), z, steps)


def exact_trace(f: Map, z: Tensor) -> tuple[Tensor, Tensor]:
    """f(z), (B, D), and the trace of the Jacobian of f at each point, (B,): the divergence of a field.

    The results can be differentiated again, as those of `jacobian`.
    """
    v, J = jacobian(f, z)
    return v, J.diagonal(dim1=1, dim2=2).sum(1)


def hutchinson(f: Map, z: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """f(z), and an unbiased estimate of the trace of its Jacobian J: eᵀ J e (Hutchinson, 1989).

    One call of autograd multiplies e by J, whatever D: no Jacobian is formed. The results can be differentiated again,
    also where the call stands in `torch.no_grad()`.

    Args:
        f: From (B, D) to (B, D).
        z: Points (B, D).
        e: Random vectors (B, D) with mean 0 and covariance I, such as random signs.

    Returns:
        f(z), (B, D), and the estimates (B,).
    """
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        v = f(z)
        (eJ,) = torch.autograd.grad(v, z, e, create_graph=True)
    return v, (eJ * e).sum(1)


def rk4(f: Callable[[Tensor, State], State], state: State, start: float, end: float, steps: int) -> State:
    """Solve d state/dt = f(t, state) from time `start` to `end`, which may lie before it, by equal steps of RK4."""
    h = (end - start) / steps
    for n in range(steps):
        t = torch.full((), start + n * h, device=state[0].device)  # made there: nothing waits for a copy
        k1 = f(t, state)
        k2 = f(t + h / 2, _moved(state, k1, h / 2))
        k3 = f(t + h / 2, _moved(state, k2, h / 2))
        k4 = f(t + h, _moved(state, k3, h))
        state = tuple(s + h / 6 * (a + 2 * b + 2 * c + d) for s, a, b, c, d in zip(state, k1, k2, k3, k4))
    return state


def _moved(state: State, slope: State, h: float) -> State:
    return tuple(s + h * k for s, k in zip(state, slope))


def with_log_density(f: Field, e: Tensor | None = None) -> Callable[[Tensor, State], State]:
    """The differential equation of points and of the log density that they carry with them.

    dz/dt = f(t, z), and d log p/dt = -tr ∂f/∂z (Chen et al., theorem 1).

    Args:
        f: A field.
        e: Random vectors (B, D): the trace is then estimated with them, else it is exact.

    Returns:
        A function of t and the pair (z (B, D), log p (B,)) that gives the pair (dz/dt, d log p/dt), of the same shapes.
    """

    def slopes(t: Tensor, state: State) -> State:
        z, _ = state
        here = partial(f, t)
        v, trace = exact_trace(here, z) if e is None else hutchinson(here, z, e)
        return v, -trace

    return slopes


def cnf_log_density(f: Field, x: Tensor, steps: int, e: Tensor | None = None) -> Tensor:
    """log p(x) of a continuous flow, (B,): run time back from data at 1 to noise at 0, and keep account.

    Args:
        f: A field.
        x: Points (B, D) at time 1.
        steps: Of RK4.
        e: Random vectors (B, D), the same at all times, for an estimate (FFJORD, eq. 8); else the traces are exact.
    """
    z, change = rk4(with_log_density(f, e), (x, x.new_zeros(len(x))), 1.0, 0.0, steps)
    return log_normal(z) - change


def cnf_sample(f: Field, z: Tensor, steps: int) -> Tensor:
    """Noise (B, D) at time 0 carried to time 1, (B, D), by RK4. No density is asked for, so no trace is computed."""
    return rk4(lambda t, state: (f(t, state[0]),), (z,), 0.0, 1.0, steps)[0]


def perceptron(d_in: int, width: int, d_out: int) -> nn.Sequential:
    """Two hidden tanh layers; the last layer begins with zeros, so that a flow begins as the identity."""
    layers = (
        nn.Linear(d_in, width),
        nn.Tanh(),
        nn.Linear(width, width),
        nn.Tanh(),
        nn.Linear(width, d_out),
    )
    nn.init.zeros_(layers[-1].weight)
    nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)


class PlaneField(nn.Module):
    """A field in the plane that changes with time, one of several: f(t, z, kind), kinds as one-hot rows (B, K).

    With `gates`, time and kind also scale what each linear layer gives, by 2σ(s), and move it, by m, where s and m are
    linear in them: what the layers "squash" and "concat" of FFJORD's own code do with time, at once; 2σ(0) is 1.
    """

    def __init__(self, width: int, kinds: int, gates: bool = False):
        super().__init__()
        self.net = perceptron(2 + 1 + kinds, width, 2)
        outputs = [layer.out_features for layer in self.net[::2]] if gates else []
        self.gates = nn.ModuleList(nn.Linear(1 + kinds, 2 * n) for n in outputs)
        if gates:
            nn.init.zeros_(self.gates[-1].weight)  # the flow still begins as the identity
            nn.init.zeros_(self.gates[-1].bias)

    def forward(self, t: Tensor, z: Tensor, kind: Tensor) -> Tensor:
        """Time (a number), points (B, 2), kinds (B, K) to velocities (B, 2)."""
        about = torch.cat([t.expand(len(z), 1), kind], dim=1)  # (B, 1 + K)
        x = torch.cat([z, about], dim=1)
        for i, layer in enumerate(self.net):
            x = layer(x)
            if self.gates and i % 2 == 0:  # linear; between these stands tanh
                s, m = self.gates[i // 2](about).chunk(2, dim=1)
                x = 2 * torch.sigmoid(s) * x + m
        return x


@dataclass(frozen=True)
class Config:
    """The field's width; steps, points in a batch and rate of learning; solver steps to learn and to judge; gates."""

    width: int
    steps: int
    batch: int
    rate: float
    solver: int
    judged: int
    gates: bool = False


def config(tier: str) -> Config:
    """The settings of a tier."""
    if tier == "mini":
        return Config(64, 500, 256, 3e-2, 4, 10)
    return Config(128, 1200, 1024, 1e-2, 6, 12, gates=True)


def plane_field(tier: str) -> PlaneField:
    """The field of a tier, untrained."""
    return PlaneField(config(tier).width, len(densities.KINDS[tier]), config(tier).gates)


def given_kind(net: PlaneField, kind: Tensor, tier: str) -> Field:
    """The field f(t, z) for points of these kinds (B,)."""
    return partial(net, kind=F.one_hot(kind, len(densities.KINDS[tier])).float())


def signs(x: Tensor) -> Tensor:
    """Random signs, as many as there are numbers in x, on its device."""
    return 2.0 * torch.randint(2, x.shape, device=x.device, dtype=x.dtype) - 1


def fit(
    net: nn.Module,
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor],
    data: TensorDataset,
    run: Run,
    how: Config,
    name: str = "nats",
) -> nn.Module:
    """Minimise `loss(net, x, kind)` on batches of points and their kinds: Adam, one cycle of rates."""
    net = net.to(run.device).train()
    optimizer = torch.optim.Adam(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for x, kind in run.batches(data, how.batch, how.steps, saved, name):
        value = loss(net, x, kind)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        run.log(**{name: value})
    return net.eval()


def nats(net: PlaneField, x: Tensor, kind: Tensor, tier: str, e: Tensor | None = None) -> Tensor:
    """Mean of -log p over points of given kinds: what a flow is trained on."""
    steps = config(tier).judged if e is None else config(tier).solver
    return -cnf_log_density(given_kind(net, kind, tier), x, steps, e).mean()


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A continuous flow on points of the plane, its traces estimated with one random vector for each point."""
    data = densities.load(tier, "train")
    net = fit(
        plane_field(tier),
        lambda net, x, kind: nats(net, x, kind, tier, signs(x)),
        data,
        run,
        config(tier),
    )
    return {name: value.detach().contiguous() for name, value in net.state_dict().items()}


@torch.no_grad()
def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Nats a point, -log p, mean over the test points; the traces are exact.

    Raises:
        RuntimeError: the tensors are not those of a `PlaneField` of this tier.
    """
    net = plane_field(tier)
    net.load_state_dict(tensors)
    net, values = net.to(device).eval(), []
    x, kind = densities.load(tier, "test").tensors
    for part, its in zip(x.to(device).split(2000), kind.to(device).split(2000)):
        values.append(nats(net, part, its, tier).expand(len(part)))
    return torch.cat(values).mean().item()


def baseline(tier: str) -> float:
    """What one Gaussian a kind reaches, with the mean and the covariance of the training points."""
    x, kind = densities.load(tier, "train").tensors
    held_out, its = densities.load(tier, "test").tensors
    total = 0.0
    for k in range(len(densities.KINDS[tier])):
        found = torch.distributions.MultivariateNormal(x[kind == k].mean(0), x[kind == k].T.cov())
        total -= found.log_prob(held_out[its == k]).sum().item()
    return total / len(held_out)


# ------------------------------------------------------------------------------------------------ densities of pictures

SHRINK = 1e-6  # keeps a pixel's logit finite


def logits(pixels: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels of 256 levels, spread over the line: noise is added (dequantisation), then their logit is taken.

    Args:
        pixels: Multiples of 1/255 from 0 to 1, (B, D).
        u: Uniform noise in [0, 1), (B, D).

    Returns:
        y (B, D), and log |det ∂y/∂x| (B,), where x = (255 · pixel + u) / 256 has densities in [0, 1].
    """
    x = SHRINK + (1 - 2 * SHRINK) * (255 * pixels + u) / 256
    slopes = math.log(1 - 2 * SHRINK) - x.log() - (1 - x).log()
    return torch.logit(x), slopes.sum(1)


def bits_per_number(log_p: Map, pixels: Tensor, u: Tensor) -> Tensor:
    """Bits that a density over logits needs for each pixel, (B,): 8 for one that knows nothing (Real NVP, section 4).

    Args:
        log_p: log density of logits, (B, D) to (B,).
        pixels, u: As for `logits`.
    """
    y, log_det = logits(pixels, u)
    return 8 - (log_p(y) + log_det) / (pixels.shape[1] * math.log(2))


if __name__ == "__main__":
    main(__spec__)
