# %%
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import densities
from course_utils.training import Run, record
from course_utils.widgets import turn

Map = Callable[[Tensor], Tensor]
Field = Callable[[Tensor, Tensor], Tensor]
State = tuple[Tensor, Tensor]

# %% [markdown]
# Here are points. How probable is a new one? And can you make more of them? A *flow* answers both: a map that carries the
# points to plain Gaussian noise, and that can be run backwards.
#
# You will build three kinds: layers made to be invertible, residual layers that happen to be, and a differential
# equation, which always is.

# %%
points, kind = densities.load(tier, "train").tensors
moons = points[kind == 0]
figure, ax = plots.subplots(figsize=(4.5, 3.4))
ax.scatter(*moons[:1500].T, s=3)
ax.set(aspect="equal")
plots.show(figure, "Points drawn from two half moons")


# %% [markdown]
# ## 1 Change of variables (6 points, 20 minutes)
#
# Noise $z$ spread evenly from 0 to 1 has density 1. Let $x = 2z$. Which density has $x$? (It reaches from 0 to 2, and
# its mass is still 1.) So: where a map stretches, density falls by as much.
#
# In $D$ dimensions the noise is a standard normal,
# $\log N(z) = -\tfrac12 |z|^2 - \tfrac D2 \log 2\pi$. By hand, in nats: $\log N$ at the origin, in one dimension, in two?

# %%
-0.5 * math.log(2 * math.pi), -math.log(2 * math.pi)

# %% solution="log_normal"
# One number for each point: a sum over its D numbers.

# %% test="log_normal_values" points=1
z = torch.tensor([[0.0, 0.0], [1.0, -2.0], [3.0, 0.5]])
half = -0.5 * (z**2).sum(1)
constant = 0.5 * math.log(2 * math.pi)
got = student.log_normal(z)
what = "log_normal at (0, 0), (1, -2) and (3, 0.5)"
mistakes = {
    "log_normal forgets the constant": (half, "at the origin it is -D/2 · log 2π"),
    "log_normal has the constant of one dimension": (half - constant, "once for each of the D numbers"),
    "log_normal misses the ½": (2 * half - 2 * constant, "minus *half* the squared length"),
    "log_normal keeps the dimensions apart": (
        -0.5 * z**2 - constant,
        "the logarithm of a product is a sum: (B,)",
    ),
    "this is the density, not its logarithm": ((half - 2 * constant).exp(), "log N"),
}
close(got, half - 2 * constant, what, "the formula above, a point at a time", mistakes=mistakes)
z = torch.randn(2, 5, requires_grad=True)
got, wanted = student.log_normal(z), -0.5 * (z**2).sum(1) - 5 * constant
close(got, wanted, "log_normal of two points of five dimensions", "D/2 · log 2π")
follows(got, {"the points": z}, wanted, "log_normal")

# %% [markdown]
# A map of the plane stretches by different amounts in different directions. Near a point it is a matrix: the *Jacobian*,
# $J_{ij} = \partial f_i / \partial x_j$. By hand: $f(x_1, x_2) = (x_1 x_2,\; x_1 + x_2^2)$ at $(2, 3)$. What is $J$?

# %%
torch.autograd.functional.jacobian(
    lambda x: torch.stack([x[0] * x[1], x[0] + x[1] ** 2]), torch.tensor([2.0, 3.0])
)

# %% [markdown]
# That was one point. Now a batch: since each row goes its own way, *one* call of `torch.autograd.grad` gives row $i$ of all $B$
# matrices. And since we shall train on what is made of $J$, autograd must be able to follow it once more: `create_graph=True`.

# %% solution="jacobian"
# with torch.enable_grad():   (others may call this under no_grad)
# x must require its gradient: a leaf does after x.detach().requires_grad_()


# %% test="jacobian_values" points=3
def bent(x):
    """(x₁ x₂, x₁ + x₂²)."""
    return torch.stack([x[:, 0] * x[:, 1], x[:, 0] + x[:, 1] ** 2], dim=1)


x = torch.tensor([[2.0, 3.0], [-1.0, 0.5]])
J = torch.tensor([[[3.0, 2.0], [1.0, 6.0]], [[0.5, -1.0], [1.0, 1.0]]])
y, got = pair(student.jacobian(bent, x), "jacobian", "f(x) and its Jacobian", "see `Returns`")
expected = bent(x)
mistakes = {"jacobian gives the matrices first": (J, "see `Returns`: in which order?")}
close(y, expected, "the first of the two results of jacobian", "f(x)", mistakes=mistakes)
what = "the batch of Jacobians of (x₁ x₂, x₁ + x₂²) at (2, 3) and at (-1, 0.5)"
mistakes = {
    "the Jacobian is transposed": (
        J.mT,
        "[b, i, j] is the slope of result i in x[b, j]: on which axis do you stack?",
    ),
    "jacobian stacks along the batch": (J.transpose(0, 1), "the points come first: (B, D, D)"),
    "jacobian adds up the rows": (J.sum(1), "one result at a time: y[:, i].sum()"),
}
close(got, J, what, "row i: the gradient of y[:, i].sum() in x, for all points at once", mistakes=mistakes)
x = torch.randn(4, 2, requires_grad=True)
wanted = torch.stack([torch.stack([x[:, 1], x[:, 0]], 1), torch.stack([torch.ones(4), 2 * x[:, 1]], 1)], 1)
hint = "create_graph=True keeps the graph; and keep the x that you were given, if it requires its gradient"
follows(student.jacobian(bent, x)[1], {"the points": x}, wanted, "the Jacobian", hint)
with torch.no_grad():
    found = student.jacobian(bent, torch.tensor([[2.0, 3.0]]))[1]
what = "the Jacobian where jacobian is called under no_grad"
close(found, J[:1], what, "with torch.enable_grad(): around it all")
### BEGIN HIDDEN TESTS
for b, d in ((1, 1), (3, 4), (5, 3)):
    A, x = torch.randn(d, d), torch.randn(b, d)
    y, J = student.jacobian(lambda x, A=A: torch.tanh(x @ A.T), x)
    z = torch.tanh(x @ A.T)
    close(y, z, f"f(x) from jacobian, {b} points of {d} numbers")
    close(J, (1 - z**2)[:, :, None] * A, f"the Jacobian, {b} points of {d} numbers", "any B, any D")
W, x = torch.randn(2, 2, requires_grad=True), torch.randn(3, 2)
J = student.jacobian(lambda x: torch.sin(x @ W.T), x)[1]
wanted = torch.cos(x @ W.T)[:, :, None] * W
follows(J, {"what f holds": W}, wanted, "the Jacobian", "create_graph=True")

# %% [markdown]
# A little square of side $\epsilon$ becomes a parallelogram of area $\epsilon^2 |\det J|$. Its mass stays. So, for a map $f$
# from data to noise,
#
# $$\log p(x) = \log N(f(x)) + \log \left| \det \frac{\partial f}{\partial x} \right|.$$
#
# Why plus? Why the absolute value? Think of $f(x) = 2x$ in the plane, and of a mirror.

# %%
(
    torch.linalg.slogdet(torch.tensor([[2.0, 0.0], [0.0, 2.0]])),
    torch.linalg.slogdet(torch.tensor([[0.0, 1.0], [1.0, 0.0]])),
)

# %% solution="log_density"
# torch.linalg.slogdet gives sign and log |det|. It knows batches.

# %% test="log_density_values" points=2
A = torch.tensor([[0.5, 2.0], [1.5, 1.0]])  # turns the plane over: its determinant is -2.5
x = torch.tensor([[0.3, -0.2], [1.0, 0.4]])
inner = -0.5 * ((x @ A.T) ** 2).sum(1) - math.log(2 * math.pi)
volume = math.log(2.5)
got = student.log_density(lambda x: x @ A.T, x)
what = "log_density where f is a linear map of determinant -2.5"
mistakes = {
    "log_density forgets how the map stretches": (inner, "which term of the formula is missing?"),
    "log_density subtracts the log-determinant": (
        inner - volume,
        "f(x) = 2x squeezes the data from a larger area of noise",
    ),
    "log_density adds the determinant": (inner + 2.5, "its *logarithm*"),
    "log_density adds the signed determinant": (inner - 2.5, "log |det J|"),
    "log_density asks for the noise's density at x": (
        -0.5 * (x**2).sum(1) - math.log(2 * math.pi) + volume,
        "log N(f(x))",
    ),
    "log_density takes log det, which a mirror has not": (
        inner + math.nan,
        "slogdet's second result is log |det|",
    ),
    "log_density adds slogdet's sign": (inner - 1, "slogdet gives sign and log |det|"),
}
close(got, inner + volume, what, "log N(f(x)) plus log |det J|", mistakes=mistakes)
### BEGIN HIDDEN TESTS
side = torch.linspace(-4, 4, 21)
grid = torch.cartesian_prod(side, side)


def sheared(x):
    """An invertible bent map."""
    return torch.stack([1.5 * x[:, 0] + torch.sin(x[:, 1]), x[:, 1].sinh()], dim=1)


mass = student.log_density(sheared, grid).detach().exp().sum() * 0.4**2
close(mass, 1.0, "the mass of a density, added up over a grid", atol=1e-3)
x, W = torch.randn(3, 4), torch.randn(4, 4, requires_grad=True)
wanted = -0.5 * ((x @ W.T) ** 2).sum(1) - 2 * math.log(2 * math.pi) + torch.linalg.slogdet(W).logabsdet
got = student.log_density(lambda x: x @ W.T, x)
close(got, wanted, "log_density in four dimensions", rtol=1e-3, atol=1e-3)
follows(got, {"the map's weights": W}, wanted, "log_density", rtol=1e-2, atol=1e-2)

# %% [markdown]
# Two questions are left. Is $f$ invertible? And a determinant costs $D^3$ steps, after $D$ calls of autograd for the Jacobian: for
# a picture of 784 pixels that is hopeless. All that follows is about these two.
#
# ## 2 Couplings (4 points, 15 minutes)
#
# The first answer: layers made for the purpose. Keep one half of the numbers. Let it tell how to scale and move the other
# half: $z_2 = x_2\, e^{s(x_1)} + t(x_1)$. The way back needs no inverse of any net, and the Jacobian is a triangle:
#
# $$\begin{pmatrix} I & 0 \\ * & \operatorname{diag}(e^{s}) \end{pmatrix}.$$
#
# What is its log-determinant? Which halves are kept is said by a mask of ones and zeros.

# %%
x, mask = torch.tensor([[1.0, 10.0]]), torch.tensor([1.0, 0.0])
mask * x, (1 - mask) * x

# %% solution="Coupling" keep="__init__"
# What the net is shown must be the same on both ways: mask * x is mask * z.

# %% test="coupling_values" points=4
A, B = torch.randn(3, 3), torch.randn(3, 3)
mask = torch.tensor([1.0, 0.0, 1.0])


def net(x):
    """s before the bend, then t."""
    points = shape_of(x)
    what = "the net is not asked about points"
    hint = "net(mask · x)"
    holds(len(points) == 2 and points[1] == 3, what, "(B, 3): what is kept of each point", points, hint)
    return torch.cat([x @ A + 0.3, x @ B + 0.7], dim=1)


def made(x, seen, bend=torch.tanh, mask=mask):
    """z by the formula, and the logarithms of its scales."""
    s, t = net(seen).chunk(2, dim=1)
    s = bend(s)
    return mask * x + (1 - mask) * (x * torch.exp(s) + t), (1 - mask) * s, s, t


layer, x = student.Coupling(mask, net), torch.randn(5, 3)
z, scales, s, t = made(x, mask * x)
got, log_det = pair(layer(x.clone()), "Coupling", "z and log |det|", "see `forward`'s docstring")
free = 1 - mask
hint = "mask · x stays; elsewhere x · exp(s) + t, where (s, t) = net(mask · x)"
mistakes = {
    "the coupling moves what it should keep": (made(x, free * x, mask=free)[0], "ones of the mask stay"),
    "the net sees the numbers that it is to change": (made(x, x)[0], "net(mask · x)"),
    "the coupling does not bend s": (made(x, mask * x, bend=lambda s: s)[0], "tanh, before exp"),
    "the coupling changes all numbers": (x * torch.exp(s) + t, "only where the mask is 0"),
    "the coupling drops what it keeps": (free * (x * torch.exp(s) + t), "mask · x is part of z"),
    "the coupling multiplies by s": (mask * x + free * (x * s + t), "x · exp(s)"),
    "the coupling moves before it scales": (mask * x + free * (x + t) * torch.exp(s), "scale, then move"),
    "the coupling takes t for s": (
        mask * x + free * (x * torch.exp(torch.tanh(t)) + net(mask * x).chunk(2, dim=1)[0]),
        "s are the first D numbers of the net",
    ),
}
close(got, z, "a coupling of three numbers, the middle one free", hint, mistakes=mistakes)
what = "the log-determinant of a coupling"
mistakes = {
    "the log-determinant counts numbers that are kept": (s.sum(1), "a kept number has the scale 1"),
    "this is the determinant": (scales.sum(1).exp(), "its logarithm: a sum of s"),
    "the log-determinant is one for the whole batch": (scales.sum(), "one for each point: (B,)"),
    "the log-determinant is that of the way back": (-scales.sum(1), "of z in x"),
}
close(log_det, scales.sum(1), what, "the logarithms of the diagonal, summed", mistakes=mistakes)
hint = "solve z = x · exp(s) + t for x; the net is asked the same question as before"
mistakes = {
    "the inverse divides before it moves back": (
        mask * z + free * (z * torch.exp(-s) - t),
        "(z - t) · exp(-s)",
    ),
    "the inverse is forward once more": (made(z, mask * z)[0], "solve for x"),
    "the inverse asks the net about all of z": (
        mask * z + free * (z - made(z, z)[3]) * torch.exp(-made(z, z)[2]),
        "the net may see only what is the same on both ways",
    ),
}
close(layer.inverse(z), x, "a coupling's inverse of what its forward gives", hint, mistakes=mistakes)
x = torch.randn(4, 3, requires_grad=True)
z, scales, _, _ = made(x, mask * x)
got, log_det = layer(x)
follows(got, {"x": x}, z, "a coupling's z")
follows(log_det, {"x": x}, scales.sum(1), "a coupling's log-determinant")
### BEGIN HIDDEN TESTS
mask = torch.tensor([0.0, 1.0, 1.0])
layer, x = student.Coupling(mask, net), torch.randn(1, 3)
z, scales, _, _ = made(x, mask * x, mask=mask)
got, log_det = layer(x)
close(got, z, "a coupling with another mask")
close(log_det, scales.sum(1), "the log-determinant with another mask")
close(layer.inverse(z), x, "the inverse with another mask")
A, B = torch.randn(3, 3, requires_grad=True), torch.randn(3, 3, requires_grad=True)
z, scales, s, t = made(x, mask * x, mask=mask)
got, log_det = layer(x)
follows(got, {"the net's s": A, "the net's t": B}, z, "a coupling's z")
follows(log_det, {"the net's s": A}, scales.sum(1), "a coupling's log-determinant")
z = z.detach()
back = mask * z + (1 - mask) * (z - t) * torch.exp(-s)
follows(layer.inverse(z), {"the net's s": A, "the net's t": B}, back, "a coupling's inverse")

# %% [markdown]
# One layer leaves half of the numbers as they are; so the next keeps the other half. Eight of them, trained to make
# the points probable: their loss is the mean of $-\log p$. A Gaussian fitted to the moons needs 2.73 nats a point. The truth
# itself needs `densities.entropy("moons")`, and nothing can need less. What will eight couplings reach?

# %% given="chain,unchain,perceptron"

# %% trains="flows"
torch.manual_seed(0)
test_points, test_kind = densities.load(tier, "test").tensors
held_out = test_points[test_kind == 0][:2000]


def learn(layers: nn.ModuleList, steps: int, rate: float) -> float:
    """Train layers from data to noise on the moons; returns the nats a point on held-out points."""
    optimizer = torch.optim.Adam(layers.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for _ in range(steps):
        z, log_det = chain(layers, moons[torch.randint(len(moons), (256,))])
        loss = -(log_normal(z) + log_det).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(layers.parameters(), 5.0)
        optimizer.step()
        schedule.step()
    z, log_det = chain(layers.eval(), held_out)
    return -(log_normal(z) + log_det).mean().item()


halves = (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
couplings = nn.ModuleList(Coupling(halves[i % 2], perceptron(2, 32, 4)) for i in range(8))
print(
    f"eight couplings {learn(couplings, 300, 1e-2):.3f} nats a point, the truth {densities.entropy('moons'):.3f}"
)


# %% trains="flows"
def picture(ax, log_p: Callable[[Tensor], Tensor], title: str) -> None:
    """A density in the plane."""
    side = torch.linspace(-2.2, 2.2, 90)
    p = log_p(torch.cartesian_prod(side, side)).detach().exp().reshape(90, 90).T
    ax.imshow(p, origin="lower", extent=(-2.2, 2.2, -2.2, 2.2))
    ax.set(title=title, xticks=[], yticks=[])


def by_layers(layers: Sequence[nn.Module]) -> Callable[[Tensor], Tensor]:
    """log p of layers from data to noise."""

    def log_p(x: Tensor) -> Tensor:
        z, log_det = chain(layers, x)
        return log_normal(z) + log_det

    return log_p


figure, axes = plots.subplots(1, 3, figsize=(9, 3))
picture(axes[0], partial(densities.log_density, "moons"), "the truth")
picture(axes[1], by_layers(couplings), "eight couplings")
axes[2].scatter(*unchain(couplings, torch.randn(1000, 2)).detach().T, s=3)
axes[2].set(title="drawn from the couplings", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), xticks=[], yticks=[])
plots.show(
    figure,
    "The true density of the moons, that of eight couplings, and points that the couplings made of noise",
)

# %% [markdown]
# A first flow. Look between the moons: where does mass lie that should not?
#
# ## 3 A ResNet, run backwards (10 points, 35 minutes)
#
# Couplings look like no net that you know. What about an ordinary residual layer, $z = x + g(x)$: can it be inverted? In
# one dimension, with $g(x) = a \sin x$: for which $a$ does every $z$ have exactly one $x$? Guess, then look.

# %%
x = torch.linspace(-6, 6, 200)
figure, ax = plots.subplots()
for a in (0.5, 1.0, 3.0):
    ax.plot(x, x + a * torch.sin(x), label=f"a = {a}")
ax.set(xlabel="x", ylabel="x + a sin x")
ax.legend()
plots.show(
    figure, "x + a sin x for three values of a: it rises everywhere for a below 1, and turns back for a = 3"
)

# %% [markdown]
# If $g$ stretches no distance by more than some $L < 1$ (its *Lipschitz constant*), $x + g(x)$ never turns back. How much can a
# linear layer stretch? By its largest singular value $\sigma$, its *spectral norm*. Computing all singular values at every step of a
# training is dear. *Power iteration* finds the largest: multiply by $W^\top$ and $W$ again and again, and the direction that is
# stretched most wins.
#
# One step by hand: $W = \operatorname{diag}(3, 2)$, $u = (1, 1)$. Then $v = W^\top u / |W^\top u| = (3, 2)/\sqrt{13}$, and the
# new $u$ points along $(9, 4)$. What is $u^\top W v$? And after many steps?

# %%
u, v = torch.tensor([9.0, 4.0]), torch.tensor([3.0, 2.0])
(u / u.norm()) @ torch.diag(torch.tensor([3.0, 2.0])) @ (v / v.norm())

# %% solution="spectral_norm"
# F.normalize(a, dim=0) is a / |a|. For u and v: with torch.no_grad(); for the value: not.

# %% test="spectral_norm_values" points=3
W, u = torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.ones(2)
sigma, after = pair(
    student.spectral_norm(W, u, 1), "spectral_norm", "the value and the last u", "see `Returns`"
)
last = torch.tensor([9.0, 4.0]) / 97**0.5
what = "spectral_norm of diag(3, 2) from u = (1, 1), one step"
mistakes = {
    "spectral_norm gives u first": (last, "see `Returns`: in which order?"),
    "spectral_norm does not normalise": (35.0 + 62.0, "divide v, and then u, by its length"),
    "the value stands in a matrix": (
        torch.tensor([[97 / 13]]).sqrt(),
        "one number, without axes: u @ W @ v of two vectors is",
    ),
    "√13 is uᵀ W v with the old u (and the size of all entries)": (13**0.5, "v, then a new u, then uᵀ W v"),
    "spectral_norm makes no step": (5.0, "as many as `steps` says"),
    "spectral_norm makes a step too many": (
        (W @ F.normalize(W.T @ last, dim=0)).norm(),
        "as many as `steps` says",
    ),
}
close(sigma, (97 / 13) ** 0.5, what, "v from the old u, the new u from v, then uᵀ W v", mistakes=mistakes)
mistakes = {"this is v": (torch.tensor([3.0, 2.0]) / 13**0.5, "u has M numbers")}
close(after, last, "the u after one step", "W v / |W v|", mistakes=mistakes)
W = torch.randn(4, 6, requires_grad=True)
sigma, after = student.spectral_norm(W, torch.randn(4), 300)
expected = torch.linalg.matrix_norm(W.detach(), 2)
close(sigma, expected, "spectral_norm of a 4×6 matrix, 300 steps", "Wᵀ u, then W v", rtol=1e-2)
what = "the u that comes back drags a history along"
holds(not getattr(after, "requires_grad", True), what, hint="find u under torch.no_grad()")
### BEGIN HIDDEN TESTS
for m, n, steps in ((3, 2, 1), (2, 5, 2), (4, 4, 3)):
    W, u = torch.randn(m, n, requires_grad=True), torch.randn(m)
    sigma, after = student.spectral_norm(W, u, steps)
    with torch.no_grad():
        for _ in range(steps):
            v = F.normalize(W.T @ u, dim=0)
            u = F.normalize(W @ v, dim=0)
    close(sigma, u @ W.detach() @ v, f"spectral_norm of a {m}×{n} matrix after {steps} steps")
    close(after, u, f"u after {steps} steps")
    follows(sigma, {"W": W}, u @ W @ v, "spectral_norm", "only u and v are found under no_grad")

# %% [markdown]
# A layer that stretches too much is scaled down; one that does not is left alone.

# %% solution="contracted"
# torch.clamp(…, max=1.0)

# %% test="contracted_values" points=1
W = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
got = student.contracted(W, torch.tensor(3.0), 0.9)
what = "contracted diag(3, 2) with σ = 3 and the bound 0.9"
mistakes = {
    "contracted forgets c": (W / 3, "cW/σ"),
    "contracted stretches": (W * 3 / 0.9, "c/σ, not σ/c"),
    "contracted changes nothing": (W, "σ is above c here"),
    "contracted cuts the entries off": (W.clamp(max=0.9), "scale the whole matrix"),
}
close(got, 0.3 * W, what, "its largest singular value must become c", mistakes=mistakes)
got = student.contracted(W, torch.tensor(3.0), 5.0)
mistakes = {"contracted stretches a matrix that is small enough": (W * 5 / 3, "scale by 1 at most")}
close(got, W, "contracted where σ is below the bound", "nothing is to be done", mistakes=mistakes)
### BEGIN HIDDEN TESTS
W, sigma = torch.randn(3, 4, requires_grad=True), torch.tensor(2.5, requires_grad=True)
got = student.contracted(W, sigma, 0.5)
follows(got, {"W": W, "σ": sigma}, 0.5 / sigma * W, "contracted")
close(student.contracted(W, torch.tensor(0.4), 0.5), W, "contracted where σ is a little below the bound")

# %% [markdown]
# Now backwards. Given $z$, which $x$ has $x + g(x) = z$? Guess $x = z$. Better: $x = z - g(x)$, with the guess on the right. Again, and
# again. By hand: $g(x) = x/2$ and $z = 3$. The answer is 2. What are the first guesses?

# %%
x = 3.0
for _ in range(6):
    x = 3.0 - x / 2
    print(x)

# %% solution="fixed_point"
# z stays what it is; x changes.

# %% test="fixed_point_values" points=2
calls = []


def half(x):
    """g(x) = x/2, and who asked."""
    calls.append(x)
    return x / 2


z = torch.tensor([[3.0, -6.0]])
got = student.fixed_point(half, z, 3)
what = "fixed_point of g(x) = x/2 at z = (3, -6), three steps"
mistakes = {
    "fixed_point adds g": (z * 1.875, "x + g(x) = z: solve for the first x"),
    "fixed_point subtracts from x": (z * 0.125, "z - g(x): z stays what it is"),
    "fixed_point makes a step too few": (z * 0.75, "`steps` times"),
    "fixed_point makes a step too many": (z * 0.6875, "`steps` times"),
    "fixed_point asks always about z": (z * 0.5, "g of the newest x"),
}
close(got, z * 0.625, what, "as by hand: 3, then 1.5, then 2.25, then 1.875", mistakes=mistakes)
holds(len(calls) == 3, "fixed_point calls g too often, or not often enough", 3, len(calls), "once a step")
close(student.fixed_point(half, z, 0), z, "fixed_point without a step", "the first guess is z")
### BEGIN HIDDEN TESTS
A = torch.randn(3, 3)
A = (0.8 * A / torch.linalg.matrix_norm(A, 2)).requires_grad_()
x = torch.randn(4, 3)


def g(x):
    """Stretches by 0.8 at most."""
    return torch.sin(x @ A.T)


z = (x + g(x)).detach()
got = student.fixed_point(g, z, 120)
close(got, x, "fixed_point of a bent g that stretches by 0.8 at most", rtol=1e-3, atol=1e-4)
got = student.fixed_point(g, z, 2)
follows(got, {"what g holds": A}, z - g(z - g(z)), "fixed_point")

# %% [markdown]
# How fast? Each step brings $x$ nearer by a factor $L$. Predict the two slopes.

# %%
figure, ax = plots.subplots()
for size in (0.5, 0.9):
    x = torch.randn(100, 2)
    z = x + size * torch.sin(x)
    errors = [
        (fixed_point(lambda x, size=size: size * torch.sin(x), z, n) - x).abs().max() for n in range(25)
    ]
    ax.semilogy(errors, label=f"L = {size}")
ax.set(xlabel="steps", ylabel="largest error")
ax.legend()
plots.show(
    figure,
    "The error of the fixed-point iteration falls by a constant factor a step, faster for L = 0.5 than for 0.9",
)

# %% [markdown]
# The density needs $\log\det(I + J)$, with $J$ the Jacobian of $g$. As $\log(1 + a) = a - \frac{a^2}2 + \frac{a^3}3 - \dots$,
#
# $$\log \det (I + J) = \operatorname{tr} J - \tfrac12 \operatorname{tr} J^2 + \tfrac13 \operatorname{tr} J^3 - \dots$$
#
# which converges because $g$ contracts. And a trace can be *guessed*: for random signs $e$, the mean of $e^\top A e$ is
# $\operatorname{tr} A$. By hand: $A = \begin{pmatrix} a & b \\ c & d \end{pmatrix}$ and all four $e$, $(\pm1, \pm1)$. What is each
# $e^\top A e$, and what is their mean?

# %%
A = torch.tensor([[1.0, 10.0], [20.0, 3.0]])
for e in product((1.0, -1.0), repeat=2):
    print(e, (torch.tensor(e) @ A @ torch.tensor(e)).item())

# %% [markdown]
# The rest is a gift of autograd: `torch.autograd.grad(y, x, w)` is $w^\top J$, for the price of one gradient. No Jacobian is
# formed. What is $e^\top J^2$, then? And $e^\top J^3$?

# %% solution="log_det_series"
# w begins as e, and becomes eᵀJ, eᵀJ², … Mind signs, and create_graph=True.

# %% test="log_det_series_values" points=4
from itertools import product

A = torch.tensor([[0.3, 0.4], [-0.2, 0.5]])
x, e = torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.tensor([[1.0, -1.0], [1.0, 1.0]])
turns = [torch.einsum("bi,ij,bj->b", e, torch.linalg.matrix_power(A, k), e) for k in range(1, 5)]
z, got = pair(
    student.log_det_series(lambda x: x @ A.T, x, e, 3),
    "log_det_series",
    "x + g(x) and the estimate",
    "see `Returns`",
)
mistakes = {"log_det_series gives g(x), without x": (x @ A.T, "the layer is x *plus* g(x)")}
close(z, x + x @ A.T, "the first of the two results of log_det_series", "x + g(x)", mistakes=mistakes)
what = "three terms of the series for a linear g"
mistakes = {
    "log_det_series does not alternate": (turns[0] + turns[1] / 2 + turns[2] / 3, "plus, minus, plus"),
    "log_det_series has the signs the wrong way round": (
        -turns[0] + turns[1] / 2 - turns[2] / 3,
        "it begins with plus tr J",
    ),
    "log_det_series does not divide by k": (turns[0] - turns[1] + turns[2], "log(1 + a) = a - a²/2 + a³/3"),
    "log_det_series takes no powers of J": (
        turns[0] * (1 - 1 / 2 + 1 / 3),
        "multiply what you have, not e, by J again",
    ),
    "log_det_series stops a term early": (turns[0] - turns[1] / 2, "`terms` terms"),
    "log_det_series goes a term too far": (
        turns[0] - turns[1] / 2 + turns[2] / 3 - turns[3] / 4,
        "`terms` terms",
    ),
    "log_det_series adds up the batch": (
        (turns[0] - turns[1] / 2 + turns[2] / 3).sum(),
        "one for each point: (B,)",
    ),
}
close(got, turns[0] - turns[1] / 2 + turns[2] / 3, what, "eᵀJe - eᵀJ²e / 2 + eᵀJ³e / 3", mistakes=mistakes)
J = torch.cos(x @ A.T)[:, :, None] * A
_, got = pair(
    student.log_det_series(lambda x: torch.sin(x @ A.T), x, e, 2),
    "log_det_series",
    "x + g(x) and the estimate",
)
expected = torch.einsum("bi,bij,bj->b", e, J, e) - torch.einsum("bi,bij,bjk,bk->b", e, J, J, e) / 2
hint = "grad(y, x, w) weighs y by w; the gradient of (y * w).sum() would differentiate w as well, which has come from x"
close(got, expected, "two terms of the series for a bent g", hint)
W = torch.randn(3, 3)
W = (0.5 * W / torch.linalg.matrix_norm(W, 2)).requires_grad_()
x = torch.randn(1, 3).expand(8, 3)
e = torch.tensor(list(product((1.0, -1.0), repeat=3)))
_, got = student.log_det_series(lambda x: torch.tanh(x @ W.T), x, e, 25)
J = (1 - torch.tanh(x[0] @ W.T) ** 2)[:, None] * W
wanted = torch.linalg.slogdet(torch.eye(3) + J).logabsdet
shaped(got, (8,), "the estimate of log_det_series", "one for each point: (B,)")
got = got.mean()
what = "the mean over all eight signs in three dimensions, 25 terms, against slogdet"
close(got, wanted, what, "the mean of eᵀJᵏe over all signs is exactly tr Jᵏ", atol=1e-4)
leaves = {"g's weights": W}
follows(got, leaves, wanted, "log_det_series", "create_graph=True in every step", rtol=1e-2, atol=1e-3)
### BEGIN HIDDEN TESTS
for b, d, terms in ((1, 1, 1), (3, 4, 2), (2, 3, 6)):
    A, x, e = 0.5 * torch.randn(d, d), torch.randn(b, d), torch.randn(b, d)
    J = torch.cos(x @ A.T)[:, :, None] * A
    powers, wanted = torch.eye(d).expand(b, d, d), torch.zeros(b)
    for k in range(1, terms + 1):
        powers = powers @ J
        wanted = wanted - (-1) ** k / k * torch.einsum("bi,bij,bj->b", e, powers, e)
    z, got = student.log_det_series(lambda x, A=A: torch.sin(x @ A.T), x, e, terms)
    close(got, wanted, f"{terms} terms of the series, {b} points of {d} numbers", rtol=1e-3, atol=1e-4)
    close(z, x + torch.sin(x @ A.T), f"x + g(x), {b} points of {d} numbers")
x = torch.randn(2, 2, requires_grad=True)
_, got = student.log_det_series(lambda x: 0.3 * torch.sin(x), x, torch.ones(2, 2), 1)
hint = "keep the x that you were given, if it requires its gradient"
follows(got, {"the points": x}, 0.3 * torch.cos(x).sum(1), "log_det_series", hint)
with torch.no_grad():
    got = student.log_det_series(lambda x: x * 0.5, torch.zeros(1, 2), torch.ones(1, 2), 2)[1]
close(got, [0.75], "the series where it is called under no_grad", "with torch.enable_grad(): around it all")

# %% [markdown]
# How many terms are enough? The last column is the bias that is left; signs cannot help against it.

# %%
x, e = torch.randn(1, 2).expand(4, 2), torch.tensor(list(product((1.0, -1.0), repeat=2)))
for size in (0.5, 0.9):
    exact = torch.log(1 + size * torch.cos(x[0])).sum().item()
    for terms in (1, 3, 10):
        _, guess = log_det_series(lambda x, size=size: size * torch.sin(x), x, e, terms)
        print(
            f"L = {size}  {terms:2} terms  {guess.mean().item():7.4f}  exact {exact:7.4f}  {abs(guess.mean().item() - exact):.4f}"
        )

# %% [markdown]
# The layer that uses your four functions; in the plane its determinant is computed exactly. Six of them, on the moons (some
# seconds). Before you run it: will they do better than the couplings?

# %% given="Residual"

# %% trains="flows"
torch.manual_seed(0)
residual = nn.ModuleList(Residual(2, 32) for _ in range(6))
print(f"six residual layers {learn(residual, 200, 1e-2):.3f} nats a point")
back = unchain(residual, chain(residual, held_out[:200])[0])
print(f"there and back, largest error {(back - held_out[:200]).abs().max().item():.1e}")

# %% [markdown]
# It is a ResNet, free in all but its Lipschitz constant. Its densities are smooth, because no layer may bend much: real ones
# are many layers deep.
#
# ## 4 The trace, guessed (4 points, 12 minutes)
#
# Make the layers thinner and thinner, $z \leftarrow z + \epsilon f(z)$. For small $\epsilon$ it is always invertible, and of the series
# only its first term is left: $\log\det(I + \epsilon J) \approx \epsilon \operatorname{tr} J$. In the limit nothing else is needed: no
# determinant at all.

# %%
J = torch.tensor([[0.3, 2.0], [1.0, 0.5]])
for epsilon in (1.0, 0.1, 0.01):
    print(epsilon, torch.logdet(torch.eye(2) + epsilon * J).item() / epsilon, "against", J.trace().item())

# %% [markdown]
# First exactly, from your Jacobian.

# %% solution="exact_trace"
# .diagonal(dim1=1, dim2=2)


# %% test="exact_trace_values" points=1
def bent(x):
    """(x₁ x₂, x₁ + x₂²): its trace is x₂ + 2 x₂."""
    return torch.stack([x[:, 0] * x[:, 1], x[:, 0] + x[:, 1] ** 2], dim=1)


x = torch.tensor([[2.0, 3.0], [-1.0, 0.5]], requires_grad=True)
v, trace = pair(student.exact_trace(bent, x), "exact_trace", "f(z) and the trace", "see the docstring")
close(v, bent(x), "the first of the two results of exact_trace", "f(z)")
what = "the trace of the Jacobian of (x₁ x₂, x₁ + x₂²)"
mistakes = {
    "exact_trace adds up the whole Jacobian": (3 * x[:, 1] + x[:, 0] + 1, "the diagonal only"),
    "exact_trace gives the diagonal": (torch.stack([x[:, 1], 2 * x[:, 1]], dim=1), "its sum"),
    "exact_trace adds up the batch": (3 * x[:, 1].sum(), "one for each point: (B,)"),
}
close(trace, 3 * x[:, 1], what, "the sum of the diagonal, for each point", mistakes=mistakes)
follows(trace, {"the points": x}, 3 * x[:, 1], "the trace")

# %% [markdown]
# Random signs are the usual $e$.

# %% given="signs"

# %% [markdown]
# The exact trace took $D$ calls of autograd. Hutchinson's guess takes one, whatever $D$: $e^\top J e$.

# %% solution="hutchinson"
# As the first term of the series.

# %% test="hutchinson_values" points=3
from itertools import product

A, calls = torch.tensor([[1.0, 10.0], [20.0, 3.0]]), []


def linear(z):
    """A linear field, and who asked."""
    calls.append(z)
    return z @ A.T


z, e = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([[1.0, 1.0], [1.0, -1.0]])
v, got = pair(student.hutchinson(linear, z, e), "hutchinson", "f(z) and the estimate", "see `Returns`")
mistakes = {"hutchinson gives the estimate first": ([34.0, -26.0], "see `Returns`: in which order?")}
close(v, z @ A.T, "the first of the two results of hutchinson", "f(z)", mistakes=mistakes)
what = "hutchinson for the matrix (1, 10; 20, 3) with e = (1, 1) and e = (1, -1)"
mistakes = {
    "hutchinson adds up eᵀJ": ((e @ A).sum(1), "times e, number by number, then the sum"),
    "hutchinson keeps the numbers apart": ((e @ A) * e, "the sum over D: (B,)"),
    "hutchinson multiplies e by f": (((z @ A.T) * e).sum(1), "by the Jacobian of f"),
    "this is the exact trace": ([4.0, 4.0], "an estimate with the e that is given"),
    "hutchinson takes the mean": ([17.0, -13.0], "a sum over the D numbers"),
    "hutchinson adds up the batch": (torch.tensor(8.0), "one for each point: (B,)"),
}
close(got, [34.0, -26.0], what, "eᵀ J, by one call of autograd; then times e", mistakes=mistakes)
what = "hutchinson calls f more than once"
holds(len(calls) == 1, what, 1, len(calls), "what it made of z is what you differentiate")
x = torch.randn(1, 3).expand(8, 3)
e = torch.tensor(list(product((1.0, -1.0), repeat=3)))
W = torch.randn(3, 3, requires_grad=True)
got = student.hutchinson(lambda z: torch.sin(z @ W.T), x, e)[1]
trace = (torch.cos(x[0] @ W.T) * W.diagonal()).sum()
shaped(got, (8,), "the estimate of hutchinson", "one for each point: (B,)")
got = got.mean()
close(got, trace, "the mean of hutchinson over all eight signs", "it must be exactly the trace", atol=1e-4)
follows(got, {"f's weights": W}, trace, "hutchinson", "create_graph=True")
### BEGIN HIDDEN TESTS
for b, d in ((1, 1), (4, 6)):
    A, z, e = torch.randn(d, d), torch.randn(b, d), torch.randn(b, d)
    wanted = torch.einsum("bi,bi,ij,bj->b", e, torch.cos(z @ A.T), A, e)
    got = student.hutchinson(lambda z, A=A: torch.sin(z @ A.T), z, e)
    close(got[1], wanted, f"hutchinson of {b} points of {d} numbers, e not signs", rtol=1e-3, atol=1e-4)
z = torch.randn(2, 2, requires_grad=True)
v, got = student.hutchinson(lambda z: z**3, z, torch.ones(2, 2))
hint = "keep the z that you were given, if it requires its gradient"
follows(v, {"the points": z}, z**3, "the first result of hutchinson", hint)
follows(got, {"the points": z}, 3 * (z**2).sum(1), "the estimate", hint)
with torch.no_grad():
    got = student.hutchinson(lambda z: z**2, torch.ones(1, 2), torch.ones(1, 2))[1]
close(got, [4.0], "hutchinson where it is called under no_grad", "with torch.enable_grad(): around it all")

# %% [markdown]
# Right on average. How far off is one guess? Turn the knob: does the spread grow like $D$, like $\sqrt D$, or not at all?


# %%
def guessed(D: int = 50):
    """1,000 guesses, by your function, of the trace of a field in D dimensions."""
    W, z = torch.randn(D, D) / D**0.5, torch.randn(1, D).repeat(1000, 1)
    exact = exact_trace(lambda z: torch.tanh(z @ W.T), z[:1])[1].item()
    guesses = hutchinson(lambda z: torch.tanh(z @ W.T), z, signs(z))[1].detach()
    figure, ax = plots.subplots(figsize=(5.4, 2.6))
    ax.hist(guesses.numpy(), 40)
    ax.axvline(exact, color=plots.COLOURS[1])
    said = f"D = {D}: exact {exact:.2f}, mean {guesses.mean():.2f}, spread {guesses.std():.2f}"
    ax.set(xlabel="estimate", title=said)
    return plots.show(figure, f"Estimates of a trace around the exact value. {said}")


guessed()

# %%
turn(guessed, "does the spread grow like D, like its root, or not at all?", D=(2, 200, 2))

# %% [markdown]
# ## 5 A flow in time (7 points, 28 minutes)
#
# A field $f(t, z)$ moves every point: $\frac{dz}{dt} = f(t, z)$, noise at $t = 0$, data at $t = 1$. Along the way its density
# changes,
#
# $$\frac{d \log p(z(t))}{dt} = -\operatorname{tr} \frac{\partial f}{\partial z}.$$
#
# By hand, in one dimension: $f(t, z) = z$. A point goes from $z$ to $e\,z$, and all its neighbours too. By how much has
# $\log p$ changed, at each of them? Both are one differential equation, for the pair $(z, \log p)$. Its solver is given: it takes any
# pair, any function that gives the pair's slopes, and runs in either direction.

# %% given="_moved,rk4"

# %%
print("e =", math.e)
for steps in (1, 2, 4, 8):
    print(steps, rk4(lambda t, state: state, (torch.tensor(1.0),), 0.0, 1.0, steps)[0].item())

# %% solution="with_log_density"
# partial(f, t) is the map z -> f(t, z). Return the inner function itself.

# %% test="with_log_density_values" points=3
A, asked = torch.tensor([[1.0, 10.0], [20.0, 3.0]]), []


def field(t, z):
    """A linear field that grows with time."""
    asked.append(float(t))
    return (1 + t) * z @ A.T


z, log_p, t = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([5.0, 6.0]), torch.tensor(0.5)
slopes = student.with_log_density(field)
what = "with_log_density does not return a function"
hint = "`return slopes`, without brackets"
holds(callable(slopes), what, "a function of t and the pair", type(slopes).__name__, hint)
v, change = pair(
    slopes(t, (z, log_p)),
    "the function that with_log_density returns",
    "dz/dt and d log p/dt",
    "see `Returns`",
)
mistakes = {"the time is not t": (z @ A.T, "f(t, z) with the t that the solver asks for")}
close(v, 1.5 * z @ A.T, "dz/dt at t = 0.5", "f(t, z)", mistakes=mistakes)
mistakes = {
    "log p rises where the field spreads points": ([6.0, 6.0], "minus the trace"),
    "log p itself is added to its slope": (log_p - 6, "the slope does not depend on log p"),
}
close(change, [-6.0, -6.0], "d log p/dt at t = 0.5, exactly", "minus the trace", mistakes=mistakes)
e = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
got = student.with_log_density(field, e)(t, (z, log_p))[1]
what = "d log p/dt at t = 0.5, with e = (1, 1) and e = (1, -1)"
mistakes = {
    "e is not used": ([-6.0, -6.0], "which of your two traces, when?"),
    "log p rises where the field spreads points": ([51.0, -39.0], "minus the trace"),
}
close(got, [-51.0, 39.0], what, "where there is an e, hutchinson's estimate", mistakes=mistakes)
### BEGIN HIDDEN TESTS
W, z = torch.randn(3, 3, requires_grad=True), torch.randn(4, 3)
e = 2.0 * torch.randint(2, (4, 3)) - 1
for given in (None, e):
    v, change = student.with_log_density(lambda t, z: torch.sin(z @ W.T + t), given)(
        torch.tensor(0.3), (z, torch.zeros(4))
    )
    J = torch.cos(z @ W.T + 0.3)[:, :, None] * W
    trace = J.diagonal(dim1=1, dim2=2).sum(1) if given is None else torch.einsum("bi,bij,bj->b", e, J, e)
    close(v, torch.sin(z @ W.T + 0.3), "dz/dt of a bent field")
    close(change, -trace, "d log p/dt of a bent field", rtol=1e-3, atol=1e-4)
    follows(v, {"the field's weights": W}, torch.sin(z @ W.T + 0.3), "dz/dt")
    follows(change, {"the field's weights": W}, -trace, "d log p/dt")

# %% [markdown]
# And so: to know $\log p(x)$ of a data point, run it back to noise, where the density is known, and keep account of the change on the
# way. Mind the direction: time runs from 1 to 0, so is the change that you find $\log p(1) - \log p(0)$, or the opposite?

# %% solution="cnf_log_density"
# Begin with (x, zeros). What does the second of the pair hold at the end?

# %% test="cnf_log_density_values" points=3
A = torch.tensor([[0.5, 0.3], [-0.2, -0.1]])
x = torch.tensor([[0.3, -0.4], [1.0, 0.5], [-0.2, 2.0]])
back = x @ torch.linalg.matrix_exp(-A).T


def normal(z):
    """log N(z)."""
    return -0.5 * (z**2).sum(1) - math.log(2 * math.pi)


got = student.cnf_log_density(lambda t, z: z @ A.T, x, 10)
ahead = x @ torch.linalg.matrix_exp(A).T
expected = normal(back) - 0.4
hint = "the noise's density where the point came from, and what was lost on the way"
mistakes = {
    "the change has the wrong sign": (
        normal(back) + 0.4,
        "this field spreads points on its way to the data: is p lower or higher there?",
    ),
    "the change is forgotten": (normal(back), "log p changed on the way"),
    "time runs from 0 to 1": (normal(ahead) + 0.4, "the data stand at time 1, the noise at 0"),
    "time runs from 0 to 1, and the sign is wrong": (
        normal(ahead) - 0.4,
        "the data stand at time 1, the noise at 0",
    ),
    "the noise is asked about x": (normal(x) - 0.4, "about the point that x came from"),
    "only the change is returned": (torch.full((3,), 0.4), "log N of where the point came from is missing"),
}
close(got, expected, "log p of a linear field with the trace 0.4", hint, mistakes=mistakes, atol=1e-4)
times = set()


def later(t, z):
    """A field that spreads more and more, 3t² z; who asked, when."""
    times.add(round(float(t), 4))
    return 3 * t**2 * z


got = student.cnf_log_density(later, x, 8)
close(got, normal(x / math.e) - 2, "log p of the field 3t² z", "the solver hands t on", atol=1e-3)
what = "the solver is not run with `steps` steps"
holds(len(times) == 17, what, "8 steps: 17 times", f"{len(times)} times", "rk4's last argument")
got = student.cnf_log_density(lambda t, z: z @ A.T, x, 10, torch.tensor([[1.0, 1.0]]).expand(3, 2))
expected = normal(back) - 0.5
what = "log p of the linear field, its trace estimated with e = (1, 1)"
mistakes = {"e is not used": (normal(back) - 0.4, "hand e on to with_log_density")}
close(got, expected, what, "hand e on", mistakes=mistakes, atol=1e-4)
### BEGIN HIDDEN TESTS
W, V = torch.randn(8, 2) / 2, (torch.randn(2, 8) / 6).requires_grad_()


def bent(t, z):
    """A field that changes with time."""
    return torch.tanh(z @ W.T + t) @ V.T


side = torch.linspace(-5, 5, 26)
p = student.cnf_log_density(bent, torch.cartesian_prod(side, side), 6).exp()
close(p.sum() * 0.4**2, 1.0, "the mass of a continuous flow's density, over a grid", atol=1e-2)

x, e = torch.randn(5, 2), torch.randn(5, 2)
for given in (None, e):
    got, wanted = (who.cnf_log_density(bent, x, 3, given) for who in (student, reference))
    close(got, wanted, "log p of a bent field, three steps", rtol=1e-3, atol=1e-4)
    follows(got, {"the field's weights": V}, wanted, "cnf_log_density", rtol=1e-2, atol=1e-3)

# %% [markdown]
# The other direction makes data of noise.

# %% solution="cnf_sample"
# The solver takes any tuple: here of one, (z,).

# %% test="cnf_sample_values" points=1
A, times = torch.tensor([[0.5, 0.3], [-0.2, -0.1]]), set()
z = torch.tensor([[0.3, -0.4], [1.0, 0.5]])


def field(t, z):
    """A linear field; who asked, when."""
    times.add(round(float(t), 4))
    return z @ A.T


got = student.cnf_sample(field, z, 10)
what = "cnf_sample does not give points"
holds(shape_of(got) == (2, 2), what, (2, 2), shape_of(got), "the first (and only) of the tuple")
what = "points carried by a linear field from 0 to 1"
mistakes = {
    "time runs from 1 to 0": (z @ torch.linalg.matrix_exp(-A).T, "noise stands at time 0"),
    "the points are moved by the field once": (z + z @ A.T, "rk4 solves it"),
}
close(got, z @ torch.linalg.matrix_exp(A).T, what, "rk4 from time 0 to time 1", mistakes=mistakes, atol=1e-4)
what = "the solver is not run with `steps` steps"
holds(len(times) == 21, what, "10 steps: 21 times", f"{len(times)} times", "rk4's last argument")
grown = student.cnf_sample(lambda t, z: 3 * t**2 * z, z, 10)
close(grown, torch.e * z, "points carried by the field 3t² z", "the solver hands t on", atol=1e-3)

# %% [markdown]
# ## 6 Noise into moons (4 points, 5 minutes and the machine's)
#
# The field is a small net, in the plane and in time. It learns what you built: the mean of `-cnf_log_density`, its traces
# guessed with one random sign vector for each point.

# %% given="PlaneField,Config,config,plane_field,given_kind,fit,nats"

# %% [markdown]
# **Predict.** Look up what the couplings took, and what the truth takes. And the flow in time?

# %% trains="flows"
run = Run("flows", seed=0)
net = fit(
    plane_field(tier),
    lambda net, x, kind: nats(net, x, kind, tier, signs(x)),
    densities.load(tier, "train"),
    run,
    config(tier),
)
save_artifact("flows", net, tier)

# %% trains="flows"
figure, ax = plots.subplots()
ax.plot(*zip(*run.curve["nats"]))
ax.set(xlabel="step", ylabel="nats a point", ylim=(1.4, 3.2))
plots.show(figure, "Nats a point of the training batches, falling over the steps")

# %% trains="flows"
entry = record("flows", tier)
with torch.no_grad():
    parts = [
        nats(net, x, k, tier).item() * len(x)
        for x, k in zip(*(v.to(run.device).split(1000) for v in (test_points, test_kind)))
    ]
print(f"your flow           {sum(parts) / len(test_points):.3f} nats a point")
print(f"the reference       {entry.value:.3f} ± {entry.std:.3f}, {entry.device}")
print(f"Gaussians           {entry.baseline:.3f}")
print(
    f"the truth           {sum(map(densities.entropy, densities.KINDS[tier])) / len(densities.KINDS[tier]):.3f}"
)

# %% [markdown]
# What did it learn? Noise on its way, and the density that it gives.

# %% trains="flows"
net = net.cpu()
zeros = torch.zeros(8100, dtype=torch.long)
noise = torch.randn(1500, 2)
figure, axes = plots.subplots(1, 5, figsize=(11, 2.5))
for ax, end in zip(axes, (0.0, 0.35, 0.7, 1.0)):
    with torch.no_grad():
        f = given_kind(net, zeros[:1500], tier)
        moved = rk4(lambda t, state, f=f: (f(t, state[0]),), (noise,), 0.0, end, 10)[0]
    ax.scatter(*moved.T, s=1)
    ax.set(title=f"t = {end}", xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), xticks=[], yticks=[], aspect="equal")
with torch.no_grad():
    picture(axes[4], lambda x: cnf_log_density(given_kind(net, zeros[: len(x)], tier), x, 10), "its density")
plots.show(
    figure, "Gaussian noise at four times on its way into two moons, and the density of the trained flow"
)

# %% test="trained" points=4
tensors = student.artifact("flows")
what = "flows.safetensors holds another net"
got = ", ".join(list(tensors)[:4])
hint = "run the training cell: it saves `net`"
holds("net.0.weight" in tensors and "net.4.weight" in tensors, what, "the tensors of PlaneField", got, hint)
### BEGIN HIDDEN TESTS
judge("flows", tensors, 4)

# %% [markdown]
# Your points for the file: none at a Gaussian, all at the reference's level, on points that your flow has not seen.
#
# **Hand in** this notebook and `flows.safetensors`. Not marked: does a field that learns with exact traces do better, and how much longer
# does it take?
