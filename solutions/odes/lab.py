# %%
import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import mnist, spirals
from course_utils.progress import bar
from course_utils.training import record

Field = Callable[[Tensor, Tensor], Tensor]  # (t, y) to dy/dt
ParametricField = Callable[[Tensor, Tensor, Tensor], Tensor]  # (t, y, θ) to dy/dt
Step = Callable[[Field, Tensor, Tensor, Tensor], Tensor]  # (f, t, y, h) to y at t + h

# %% [markdown]
# A residual layer adds something to what it gets: $h_{t+1} = h_t + f(h_t, \theta_t)$. Take a *fraction* $\delta$ of a layer,
# $h_{t+\delta} = h_t + \delta\, f(h_t, \theta_t)$, let $\delta$ shrink, and a differential equation is left:
#
# $$\frac{dh}{dt} = f(h, \theta, t).$$
#
# The net is now a *field* of arrows, and a forward pass is a boat that drifts through it. In this lab you build the engine of
# that boat, then its way back, and then you let it find the field from a few noisy sightings of boats.
#
# Our first field turns everything in circles and, slowly, inwards.


# %%
def whirl(t: Tensor, y: Tensor) -> Tensor:
    """At (a, b) the arrow is (-0.1 a - 2 b, 2 a - 0.1 b)."""
    return y @ torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=y.dtype)


figure, ax = plots.subplots(figsize=(3.6, 3.6))
grid = torch.cartesian_prod(torch.linspace(-2, 2, 13), torch.linspace(-2, 2, 13))
ax.quiver(*grid.T, *whirl(0, grid).T, color=plots.COLOURS[0], width=0.004)
ax.plot(2, 0, "o", color=plots.COLOURS[1])
ax.set(aspect="equal", title="Where does the boat at (2, 0) go?")
plots.show(figure, "Arrows that run round the origin and slightly inwards, and a boat at (2, 0).")

# %% [markdown]
# ## 1 Steps (8 points, 20 minutes)
#
# The simplest engine: look at the arrow where you are, go along it for a time $h$, look again. With $\frac{dy}{dt} = y$, from
# $y = 1$, in two steps of 1: where do you end? The truth is $e^2 \approx 7.39$.

# %%
y = 1.0
for _ in range(2):
    y = y + 1.0 * y
    print(y)

# %% solution="euler"
# One line. The arrow may depend on the time.


# %% test="euler_values" points=1
def f(t, y):
    return 3 * y + t


y = torch.tensor([1.0, -2.0])
got = student.euler(f, 2.0, y, 0.5)
expected = y + 0.5 * f(2.0, y)
what = "euler(f, 2, [1, -2], 0.5) with f(t, y) = 3y + t"
mistakes = {
    "euler gives the way, and not where it leads": (0.5 * f(2.0, y), "where does the step begin?"),
    "euler goes the whole arrow, whatever h": (y + f(2.0, y), "for a time h only"),
    "euler asks for the arrow of time 0": (y + 0.5 * f(0.0, y), "f takes the time first"),
    "euler asks for the arrow of the step's end": (y + 0.5 * f(2.5, y), "look before you go"),
    "euler goes backwards": (y - 0.5 * f(2.0, y), "along the arrow"),
}
close(got, expected, what, "where you are, and h times the arrow there", mistakes=mistakes)
### BEGIN HIDDEN TESTS
calls = []


def g(t, y):
    calls.append(t)
    return torch.sin(y) * t


for shape, t, h in (((), 0.3, 0.2), ((2, 3), -1.0, 0.5), ((4, 1), 2.0, -0.25)):
    y = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    calls.clear()
    got = student.euler(g, t, y, h)
    close(got, y + h * t * torch.sin(y), f"euler with a step of {h}", "any shape, also steps back")
    holds(len(calls) == 1, "euler asks f once", 1, len(calls))
    follows(got, {"y": y}, y + h * t * torch.sin(y), "euler")

# %% [markdown]
# Euler looks once and goes. Kutta's classic looks four times: here; half-way along the first arrow; half-way again, along
# the second arrow; and at the end, along the third. It then starts over from here, along a weighted mean of the four.

# %% solution="rk4"
# Name the arrows k1 to k4. Each place where you look is y plus a part of h times the arrow before.

# %% test="rk4_values" points=2
calls = []


def f(t, y):
    calls.append(t)
    return y * y + t


def numbers(a, b):
    return torch.tensor([a, b], dtype=torch.float64)


y = numbers(1.0, -0.5)
got = student.rk4(f, 0.5, y, 0.4)
asked = len(calls)
expected = numbers(2.1725197, -0.1699509)
hint = "by hand, for the first number: k1 = 1.5, so k2 = 1.3² + 0.7; print yours"
mistakes = {
    "this is Euler's step": (numbers(1.6, -0.2), "four arrows"),
    "this is the midpoint method: it goes along k2 alone": (numbers(1.956, -0.171), "a mean of all four"),
    "rk4 goes along k3 alone": (numbers(2.1537936, -0.1749759), "a mean of all four"),
    "k3 looks along k1 again": (numbers(2.0523957, -0.1687173), "half-way along the *second* arrow"),
    "k4 looks half-way": (numbers(2.0157048, -0.1777321), "the last place is the step's end"),
    "all places are asked at the time t": (numbers(2.041665, -0.2442439), "each place has its own time"),
    "k2 and k3 look at the end of a step": (numbers(3.1679823, -0.1896944), "half-way: half of h"),
    "all four arrows weigh the same": (numbers(2.2313311, -0.1684323), "the middle ones count twice"),
    "the weights do not add up to 1": (numbers(8.0351179, 1.4802948), "a *mean* of the arrows"),
    "this is the 3/8 rule, another method of order 4": (
        numbers(2.1730231, -0.1699181),
        "the docstring's places: the start, the middle twice, the end",
    ),
}
close(got, expected, "rk4(f, 0.5, [1, -0.5], 0.4) with f(t, y) = y² + t", hint, atol=1e-6, mistakes=mistakes)
holds(asked == 4, "rk4 asks f four times", 4, asked, "keep each arrow in a name of its own")
### BEGIN HIDDEN TESTS
for shape, t, h in (((), 0.3, 0.2), ((2, 3), -1.0, 0.5), ((4, 1), 2.0, -0.25)):
    y = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    got, expected = student.rk4(f, t, y, h), reference.rk4(f, t, y, h)
    what = f"rk4 with a step of {h} from t = {t}"
    close(got, expected, what, "the times at which you look, and negative h too")
    follows(got, {"y": y}, expected, "rk4")

# %% [markdown]
# Now whole journeys. `times` says when we want to know where the boat is; between two times it makes `substeps` equal steps. If
# $f$ depends on the time, it must be told the right one at every step.

# %% solution="integrate"
# `for start, end in pairwise(times)`, and within it a loop over the steps. Collect the states; torch.stack makes one tensor.

# %% test="integrate_values" points=3
visited = []


def along(f, t, y, h):
    visited.append((round(float(t), 4), round(float(h), 4)))
    return y + h * f(t, y)


def f(t, y):
    return t * torch.ones_like(y)


times = torch.tensor([0.0, 1.0, 3.0])
got = student.integrate(along, f, torch.zeros(2), times, 2)
what = "integrate must give a state for each time"
hint = "the state at the first time belongs to it; torch.stack"
holds(shape_of(got) == (3, 2), what, "shape (3, 2): three times, states of two numbers", shape_of(got), hint)
what = "integrate's steps, as (time, size), for times 0, 1, 3 and two substeps"
hint = "how long is each of the substeps between `start` and `end`, and at which time does each begin?"
equal(visited, [(0.0, 0.5), (0.5, 0.5), (1.0, 1.0), (2.0, 1.0)], what, hint)
what = "the states at 0, 1 and 3 with f(t, y) = t, in two Euler steps between"
close(got[:, 0], [0.0, 0.25, 3.25], what, "each state is where the next step begins")
what = "one step back from 1 to 0"
hint = "h is end - start, also where that is negative"
close(student.integrate(along, f, torch.ones(1), torch.tensor([1.0, 0.0]))[:, 0], [1.0, 0.0], what, hint)


### BEGIN HIDDEN TESTS
def bent(t, y):
    return torch.sin(y) + t


y = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
for shape, substeps in (((4,), 1), ((5,), 3), ((4, 3, 1), 2), ((1,), 2)):
    times = torch.rand(shape, dtype=torch.float64).cumsum(0)
    got = student.integrate(reference.euler, bent, y, times, substeps)
    expected = reference.integrate(reference.euler, bent, y, times, substeps)
    what = f"integrate with times of shape {shape} and {substeps} substeps"
    close(got, expected, what, "see `times` in `Args`")
    follows(got, {"the first state": y}, expected, "integrate")

# %% [markdown]
# The boat, from (2, 0), for a time of 10: with Euler's engine and with Kutta's, both with 40 looks at the field.

# %%
figure, axes = plots.subplots(1, 2, figsize=(8, 3.8))
start, exact_times = torch.tensor([2.0, 0.0]), torch.linspace(0, 10, 400)
exact = (
    2 * torch.exp(-0.1 * exact_times) * torch.stack([torch.cos(2 * exact_times), torch.sin(2 * exact_times)])
)
for ax, step, steps in zip(axes, (euler, rk4), (40, 10)):
    path = integrate(step, whirl, start, torch.linspace(0, 10, steps + 1))
    ax.plot(*exact, color="grey", linewidth=1, linestyle="-", label="true")
    ax.plot(*path.T, marker="o", markersize=3, label=f"{steps} steps of {step.__name__}")
    ax.set(aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
    ax.legend(loc="upper right", fontsize="small")
plots.show(
    figure,
    "A true path that falls inwards; Euler's boat flies off, Kutta's, with as many looks, stays by it.",
)

# %% [markdown]
# *How* much better? Halve the steps and see what becomes of the error. If it falls like $C h^p$, the method has *order* $p$, and
# $\log$ error over $\log h$ is a straight line. What is its slope?

# %% solution="order"
# With centred x = log h and z = log error, the slope of the best line is Σ x z / Σ x².

# %% test="order_values" points=2
sizes = torch.tensor([0.4, 0.2, 0.1, 0.05], dtype=torch.float64)
got = student.order(sizes, 7 * sizes**3)
hint = "log(7 h³) is log 7 + 3 log h: a line over log h; mind its height"
mistakes = {
    "order fits a line through the origin": (
        2.140137,
        "the line has a height of its own, log C: centre both",
    ),
    "order has the wrong sign": (-3.0, "errors fall *with* h"),
    "order swaps the two": (1 / 3, "log error over log h"),
    "order forgets the logarithms": (1.324065, "a power becomes a slope only in logarithms"),
}
close(got, 3.0, "order of errors 7 h³", hint, rtol=1e-4, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for power, number in ((1.0, 2), (4.2, 6), (0.5, 3)):
    sizes = torch.rand(number, dtype=torch.float64).cumsum(0) + 0.01
    got = student.order(sizes, 0.3 * sizes**power)
    close(got, power, f"order of {number} errors 0.3 h^{power}", rtol=1e-4)
sizes = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)
noisy = sizes**2 * torch.tensor([1.2, 0.7, 1.1], dtype=torch.float64)
got = student.order(sizes, noisy)
close(got, reference.order(sizes, noisy), "order of errors off a line", "least squares", rtol=1e-4)
sizes = torch.tensor([1.0, 0.5, 0.45], dtype=torch.float64)
got = student.order(sizes, noisy)
close(got, reference.order(sizes, noisy), "order of uneven sizes", "least squares", rtol=1e-4)

# %% [markdown]
# Now measure your engines, in float64 and then in float32. Predict: what does the last column look like?


# %%
def errors(step: Step, counts: list[int], dtype: torch.dtype) -> Tensor:
    """How far from the truth the boat is at t = 3, for each number of steps."""
    true = 2 * math.exp(-0.3) * torch.tensor([math.cos(6), math.sin(6)], dtype=torch.float64)
    found = []
    for count in counts:
        times = torch.linspace(0, 3, count + 1, dtype=dtype)
        found.append((integrate(step, whirl, torch.tensor([2.0, 0.0], dtype=dtype), times)[-1] - true).norm())
    return torch.stack(found).double()


counts = [20, 40, 80, 160]
sizes = 3 / torch.tensor(counts).double()
figure, ax = plots.subplots()
for step in (euler, rk4):
    for dtype in (torch.float64, torch.float32):
        found, name = errors(step, counts, dtype), f"{step.__name__}, {str(dtype)[6:]}"
        ax.loglog(sizes, found, marker="o", label=name)
        print(f"{name:15} order {order(sizes, found):.2f}   errors", [f"{error:.0e}" for error in found])
ax.set(xlabel="h", ylabel="error at t = 3")
ax.legend(fontsize="small")
plots.show(
    figure,
    "Errors over step size: lines of slope 1 for Euler, 4 for Runge-Kutta, which floats of 32 bits cut off.",
)

# %% [markdown]
# Order 1 and order 4. In float32 rounding ends the line: more steps even hurt. So orders are measured in float64.
#
# ## 2 Steps that fit (10 points, 30 minutes)
#
# Who chooses $h$? You should choose the *error*, and let the engine choose $h$, small in rapids, large on the lake. For that it
# must know its error without knowing the truth. Dormand and Prince found seven looks that can be weighed in two ways, for a
# method of order 5 and for one of order 4: their difference tells about how wrong the worse one is.

# %%
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

# %% [markdown]
# The second arrow is taken at time $t + \frac15 h$ and place $y + h\,(\frac15 k_1)$, the third at $t + \frac{3}{10} h$ and
# $y + h\,(\frac{3}{40} k_1 + \frac{9}{40} k_2)$, and so on, row by row. The last row leads to the new state itself, so the last arrow
# is the next step's first: six looks a step, not seven.

# %% solution="dormand_prince"
# A list of arrows that begins with `first` and grows by one for each node and row; zip stops where the shorter one ends.

# %% test="dormand_prince_values" points=3
calls = []


def f(t, y):
    calls.append(t)
    return torch.cos(torch.as_tensor(3 * t, dtype=y.dtype)) - y * y


def numbers(a, b):
    return torch.tensor([a, b], dtype=torch.float64)


y = numbers(1.0, -0.5)
got = student.dormand_prince(f, 0.2, y, 0.3, f(0.2, y))
asked = len(calls) - 1
several = isinstance(got, tuple | list)
holds(
    several and len(got) == 3,
    "dormand_prince must give three things",
    "the new state, its error, the last arrow",
    f"{len(got)} things" if several else type(got).__name__,
    "see `Returns`",
)
error = numbers(3.015467e-06, -2.312593e-06)
expected = numbers(0.873254509, -0.413966765)
what = "the new state, with f(t, y) = cos 3t - y², t = 0.2, y = [1, -0.5], h = 0.3"
hint = "print each place, and compare the first two with the text above"
mistakes = {
    "all arrows are asked for at the same time": (numbers(0.96044479, -0.302659864), "each node is a time"),
    "each row starts from the place before": (
        numbers(0.694572689, 0.103793818),
        "every place is y plus its row",
    ),
    "the new state is the place before the last": (
        numbers(0.888800511, -0.423894939),
        "the last row's place",
    ),
    "the error comes first": (error, "see `Returns`: in which order?"),
}
close(got[0], expected, what, hint, atol=1e-7, mistakes=mistakes)
what = "the error's estimate"
mistakes = {
    "the error has the wrong sign": (-error, "h times the sum, as it stands"),
    "the error is not multiplied by h": (error / 0.3, "an arrow times h is a way"),
    "the last arrow comes before the error": (numbers(-0.691836237, -0.100631281), "see `Returns`"),
}
close(got[1], error, what, "ERROR weighs all seven arrows, and h counts", atol=1e-11, mistakes=mistakes)
expected = numbers(-0.691836237, -0.100631281)
mistakes = {
    "the last arrow is the sixth": (numbers(-0.719229148, -0.108949718), "one more look, at the new state"),
    "the last arrow is the first": (numbers(-0.174664385, 0.575335615), "the arrow at the new state"),
}
close(got[2], expected, "the last arrow", "the seventh, taken at the new state", mistakes=mistakes)
holds(asked == 6, "dormand_prince asks f six times", 6, asked, "`first` is known already")
### BEGIN HIDDEN TESTS
for shape, t, h in (((2, 3), -0.4, 0.5), ((), 1.0, 0.1)):
    y = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    got, expected = (module.dormand_prince(f, t, y, h, f(t, y)) for module in (student, reference))
    for one, other, name in zip(got, expected, ("state", "error", "arrow")):
        close(one, other, f"the {name} after a step of {h} from t = {t}, shape {shape}", atol=1e-10)
    follows(got[0], {"y": y}, expected[0], "dormand_prince")

# %% [markdown]
# An error of 0.001: is that much? For a state of 1,000, no; for one of 0.001, yes. So there are two tolerances, relative and
# absolute. Over all numbers of a state, take the root of the mean square.

# %% solution="error_ratio"
# torch.maximum takes the larger number, place by place.

# %% test="error_ratio_values" points=2
got = student.error_ratio(
    torch.tensor([0.3, -0.4]), torch.tensor([1.0, -9.0]), torch.tensor([-2.0, 4.0]), 0.2, 0.1
)
what = "error_ratio([0.3, -0.4], [1, -9], [-2, 4], rtol=0.2, atol=0.1)"
hint = "by hand: the first number may err by 0.1 + 0.2 · 2, the second by 0.1 + 0.2 · 9"
mistakes = {
    "error_ratio looks at y alone": (0.7226068, "the larger of |y| and |new|"),
    "error_ratio looks at the new state alone": (0.5279824, "the larger of |y| and |new|"),
    "error_ratio forgets that numbers can be negative": (0.7737994, "sizes: absolute values first"),
    "error_ratio swaps the tolerances": (0.5893774, "which of them is multiplied?"),
    "error_ratio adds the squares": (0.6358626, "the root of their *mean*"),
    "error_ratio forgets the root": (0.2021607, "the *root* of the mean square"),
    "error_ratio takes the worst number": (0.6, "all numbers count: root of the mean square"),
    "error_ratio takes the mean of the errors": (0.4052632, "square, mean, root"),
    "error_ratio measures all numbers by one scale": (0.1860807, "each number has its own tolerance"),
}
close(got, 0.4496228, what, hint, rtol=1e-5, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape, rtol, atol in (((), 1e-3, 1e-5), ((3, 4), 0.0, 0.1), ((2, 2, 2), 0.5, 0.0)):
    error, y, new = (torch.randn(shape, dtype=torch.float64) for _ in range(3))
    got = student.error_ratio(error, y, new, rtol, atol)
    expected = reference.error_ratio(error, y, new, rtol, atol)
    close(got, expected, f"error_ratio with rtol {rtol}, atol {atol}", rtol=1e-5)

# %% [markdown]
# A step of size $h$ was wrong by twice what is tolerated. Its error falls like $h^5$. Which size would have been just right? Aim
# a little below, and never change by too much at once.

# %% solution="next_size"
# Plain numbers, no tensors. What is 0 to a negative power?

# %% test="next_size_values" points=1
got = [student.next_size(2.0, ratio) for ratio in (1.0, 2.0, 0.1)]
expected = [1.8, 2.0 * 0.9 * 2**-0.2, 2.0 * 0.9 * 0.1**-0.2]
what = "next_size(2, ratio) for ratios 1, 2 and 0.1"
mistakes = {
    "next_size grows where the error was too large": (
        [1.8, 2.0 * 0.9 * 2**0.2, 2.0 * 0.9 * 0.1**0.2],
        "a ratio of 2 asks for a smaller step: the power's sign",
    ),
    "next_size leaves nothing to spare": ([2.0, 2.0 * 2**-0.2, 2.0 * 0.1**-0.2], "a factor of 0.9"),
    "next_size forgets h": ([0.9, 0.9 * 2**-0.2, 0.9 * 0.1**-0.2], "the step before had size h"),
    "next_size takes the fourth root": (
        [1.8, 2.0 * 0.9 * 2**-0.25, 2.0 * 0.9 * 0.1**-0.25],
        "the error falls like h⁵",
    ),
}
close(got, expected, what, "0.9 · h · ratio^(-1/5)", mistakes=mistakes)
got = [student.next_size(1.0, 1e12), student.next_size(1.0, 1e-12), student.next_size(3.0, 0.0)]
hint = "at least a fifth of h, at most ten times h; no error at all allows the ten"
close(got, [0.2, 10.0, 30.0], "next_size(1, 10¹²), next_size(1, 10⁻¹²), next_size(3, 0)", hint)
### BEGIN HIDDEN TESTS
for h, ratio in ((0.01, 1e-4), (5.0, 3000.0), (1e-3, 0.7), (0.5, 1e-5), (0.5, 1800.0)):
    close(student.next_size(h, ratio), reference.next_size(h, ratio), f"next_size({h}, {ratio})")

# %% [markdown]
# Put them together. Try a step; keep it if it was good enough, else forget it; in both cases choose the next size.
#
# One thing can go wrong. $\frac{dy}{dt} = y^2$ from $y = 1$ is $\frac{1}{1 - t}$: at $t = 1$ it is infinite. What does your engine do
# there? It must not try ever smaller steps for ever.

# %% solution="adaptive"
# A while loop. Which of t, y and `first` change if a step is refused?

# %% test="adaptive_values" points=4
from itertools import pairwise

calls = []


def pulse(t, y):
    """A lake with a short rapid at t = 2."""
    calls.append(float(t))
    what = "adaptive goes on and on"
    holds(len(calls) < 3000, what, hint="does the time move? Only a step that is good enough moves it")
    return math.exp(-(((float(t) - 2) / 0.1) ** 2)) - y


y = torch.tensor([1.0], dtype=torch.float64)
end, times = pair(
    student.adaptive(pulse, y, 0.0, 4.0, 1e-6, 1e-6),
    "adaptive",
    "the last state and the times reached",
    "see `Returns`",
)
asked = len(calls)
times = [float(t) for t in times]
holds(
    len(times) > 1 and times[0] == 0.0 and abs(times[-1] - 4.0) < 1e-9,
    "the times must go from `start` to `end`",
    "0 … 4",
    f"{times[:1]} … {times[-1:]}",
    "the last step must not go beyond: to the end, if that is nearer",
)
hint = "only a step that is taken moves the time on"
holds(all(one < other for one, other in pairwise(times)), "the times must rise", hint=hint)
rapid = math.sqrt(math.pi) * 0.1 * math.exp(-2 + 0.1**2 / 4)
expected = torch.tensor([math.exp(-4) + rapid], dtype=torch.float64)
hint = "is a step with a ratio above 1 really tried again, from the same t, y and first arrow?"
close(end, expected, "the state after the rapid, with tolerances of 10⁻⁶", hint, rtol=0, atol=5e-6)
expected = "some 27 steps tried, six looks at each"
hint = "after a good step, too, next_size says how large the next is; and the last arrow is the next step's first"
holds(asked <= 280, "adaptive asks f too often", expected, f"{asked} looks for {len(times) - 1} steps", hint)
near = min(b - a for a, b in pairwise(times) if abs(a - 2) < 0.2)
far = max(b - a for a, b in pairwise(times) if abs(a - 2) > 1)
holds(4 * near < far, "steps must be small in the rapid, large on the lake", "far / near above 4", far / near)
calls.clear()


def runaway(t, y):
    calls.append(float(t))
    what = "adaptive tries ever smaller steps for ever"
    holds(len(calls) < 3000, what, hint="what is t + h when h is tiny?")
    return y * y


raises(
    RuntimeError,
    lambda: student.adaptive(runaway, torch.ones(1, dtype=torch.float64), 0.0, 2.0, 1e-2, 1e-2),
    "adaptive must give up where a solution becomes infinite",
    "if t + h is t, no step is small enough any more: raise RuntimeError",
)


### BEGIN HIDDEN TESTS
def stretched(t, y):
    calls.append(float(t))
    return torch.stack([y[1], 3 * (1 - y[0] ** 2) * y[1] - y[0]])


for f, y, stop, rtol, atol, h in (
    (stretched, torch.tensor([2.0, 0.0], dtype=torch.float64), 3.0, 1e-3, 1e-5, 0.5),
    (stretched, torch.tensor([0.1, 0.0], dtype=torch.float64), 2.0, 1e-6, 1e-2, 5.0),
    (pulse, torch.tensor([0.0], dtype=torch.float64), 3.0, 1e-4, 1e-4, 1e-4),
):
    calls.clear()
    expected, reached = reference.adaptive(f, y, 0.5, stop, rtol, atol, h)
    needed = len(calls)
    calls.clear()
    end, times = student.adaptive(f, y, 0.5, stop, rtol, atol, h)
    close(end, expected, f"the state at {stop}, rtol {rtol}, atol {atol}", rtol=1e-5, atol=1e-7)
    got = torch.tensor([float(t) for t in times])
    close(got, torch.tensor(reached), "the times reached", "as the text says", atol=1e-6)
    hint = "reuse the last arrow"
    holds(len(calls) <= 1.2 * needed + 2, "adaptive asks f too often", f"about {needed}", len(calls), hint)
for start in (-1.0, 1.0):
    end, times = student.adaptive(lambda t, y: -y, torch.ones(1).double(), start, start + 2, 0.1, 0.1, 1.0)
    got = [float(t) for t in times]
    what = f"the times reached from {start:g} to {start + 2:g}, with a first step of 1"
    close(got, [start, start + 1, start + 2], what, "a step leads from t to t + h", rtol=0, atol=1e-6)
y = torch.ones(1, dtype=torch.float64, requires_grad=True)
end, _ = student.adaptive(lambda t, y: -y, y, 0.0, 1.0)
follows(end, {"y": y}, y * math.exp(-1), "adaptive")

# %% [markdown]
# The steps at work, on Van der Pol's oscillator, which creeps and then jumps. Each dot is a step. The stiffer (the sharper
# the jump beside the creeping), the more steps, even where the solution hardly moves: that is *stiffness*, and the weak point of
# every engine of this kind.


# %%
def van_der_pol(stiffness: float) -> Field:
    """y'' = s (1 - y²) y' - y, as an equation for y and y'."""
    return lambda t, y: torch.stack([y[1], stiffness * (1 - y[0] ** 2) * y[1] - y[0]])


figure, axes = plots.subplots(1, 3, figsize=(11, 2.8), sharey=True)
for ax, stiffness in zip(axes, (1, 4, 16)):
    y, track, reached = torch.tensor([2.0, 0.0]).double(), [(0.0, 2.0)], [0.0]
    for n in range(24):  # half a second at a time, so that there is something to draw
        y, steps = adaptive(van_der_pol(stiffness), y, n / 2, (n + 1) / 2, 1e-3, 1e-3, 0.5)
        track.append((steps[-1], float(y[0])))
        reached += steps[1:]
    ax.plot(*zip(*track))
    ax.plot(reached, [-2.6] * len(reached), "|", color=plots.COLOURS[1])
    ax.set(xlabel="t", title=f"stiffness {stiffness}: {len(reached) - 1} steps")
plots.show(
    figure,
    "Van der Pol's oscillator for three stiffnesses, with a mark for each step: the stiffest needs most.",
)

# %% [markdown]
# ## 3 Events (3 points, 10 minutes)
#
# A ball falls and *bounces*: at a moment that we do not know beforehand, the equation stops and the speed turns round. Within a
# step $g(y)$, the height, went from above 0 to below. When exactly? Halve the step until you know.

# %% solution="crossing"
# Keep two sizes: one after which g is still above 0, one after which it is not. Every try starts from t and y.


# %% test="crossing_values" points=3
def leap(f, t, y, h):
    return y + h * f(t + h / 2, y)


def f(t, y):
    return torch.stack([torch.as_tensor(-2.0 * t, dtype=y.dtype)])


y = torch.tensor([3.0], dtype=torch.float64)  # height 3 + 1 - t² from t = 1: on the ground at t = 2
got = student.crossing(leap, f, lambda y: y[0], 1.0, y, 5.0)
what = "how long after t = 1 a height of 4 - t² is 0"
hint = "which half holds the crossing? The one at whose start g is above 0, and at whose end it is not"
mistakes = {
    "crossing gives the time, not the step's size": (2.0, "a size from t on"),
    "crossing gives the whole step": (5.0, "halve, look, halve"),
    "crossing halves once": (2.5, "until the interval is short enough"),
    "crossing ends at the step's start": (0.0, "where g is still above 0, the crossing lies later"),
}
close(float(got), 1.0, what, hint, rtol=0, atol=3e-6, mistakes=mistakes)
ground = float(leap(f, 1.0, y, float(got))[0])
what = "after this step g must not be above 0 any more"
holds(ground <= 0, what, "at most 0", ground, "of the two sizes, the later")
### BEGIN HIDDEN TESTS
for height, within in ((5.0, 1e-3), (2.0, 1e-8)):
    y = torch.tensor([height], dtype=torch.float64)
    got = float(student.crossing(leap, f, lambda y: y[0], 1.0, y, 7.0, within))
    true = (height + 1) ** 0.5 - 1
    what = f"crossing within {within}"
    holds(-1e-12 <= got - true <= within, what, f"{true} or at most {within} more", got)
got = float(student.crossing(leap, f, lambda y: y[0] - 1, 1.0, torch.tensor([3.0]).double(), 2.0))
close(got, 3**0.5 - 1, "where another g crosses", rtol=0, atol=3e-6)


# %%
def falling(t: Tensor, y: Tensor) -> Tensor:
    """Height and speed change by speed and by -9.81 metres per second squared."""
    return torch.stack([y[1], torch.tensor(-9.81, dtype=y.dtype)])


t, h, y = 0.0, 0.03, torch.tensor([1.0, 2.0]).double()
track = [(t, float(y[0]))]
while t < 3:
    after = rk4(falling, t, y, h)
    if after[0] > 0:
        t, y = t + h, after
    else:
        size = crossing(rk4, falling, lambda y: y[0], t, y, h, 1e-10)
        landed = rk4(falling, t, y, size)
        t, y = t + size, torch.stack([landed[0].abs(), -0.8 * landed[1]])  # a fifth of the speed is lost
    track.append((t, float(y[0])))
figure, ax = plots.subplots(figsize=(7, 2.6))
ax.plot(*zip(*track))
ax.set(xlabel="seconds", ylabel="metres")
plots.show(figure, "The height of a ball that bounces lower and lower; no step passes below the ground.")

# %% [markdown]
# ## 4 The way back (8 points, 30 minutes)
#
# Training needs the gradient of a loss through the whole journey. Backpropagation keeps every step on the way, and a fine
# journey has thousands. The *adjoint method* keeps none. Let $a(t)$ be the loss's slope in the state at time $t$. One step of
# size $\delta$ maps $y$ to $y + \delta f$; by the chain rule
#
# $$a(t)^\top = a(t + \delta)^\top \Big(I + \delta\, \frac{\partial f}{\partial y}\Big), \qquad\text{so}\qquad
# \frac{da}{dt} = -a^\top \frac{\partial f}{\partial y}.$$
#
# Another differential equation! Start it at the end, where $a$ is the slope of the loss, and solve it *backwards*. It needs $y(t)$: solve
# that backwards too. And each moment adds $a^\top \frac{\partial f}{\partial \theta}$ to the slope in the parameters.
#
# A field of one weight: $f = \theta y$. With $y = 1$, $a = 2$, $\theta = 3$: what are $\frac{da}{dt}$ and the rate for $\theta$?
#
# From here on a field takes a third argument: all its parameters, as one vector $\theta$. Three such fields:


# %%
def growing(t: Tensor, y: Tensor, theta: Tensor) -> Tensor:
    """Each number of y grows at its own rate."""
    return theta * y


def turning(t: Tensor, y: Tensor, theta: Tensor) -> Tensor:
    """A matrix, a bend, and a clock: y (…, 2), theta (4,)."""
    return torch.tanh(y @ theta.view(2, 2)) * (1 + t)


def fading(t: Tensor, y: Tensor, theta: Tensor) -> Tensor:
    """No parameter has a say."""
    return -y


# %% solution="adjoint_dynamics"
# torch.autograd.grad(dy, (y, theta), a) is (aᵀ ∂f/∂y, aᵀ ∂f/∂θ). In a backward pass gradients are switched off: torch.enable_grad()
# switches them on. A field may depend on y or θ not at all: materialize_grads=True gives zeros then.


# %% test="adjoint_dynamics_values" points=3
def f(t, y, theta):
    return torch.tanh(y @ theta.view(2, 2)) * (1 + t)


theta = torch.tensor([0.5, -1.0, 0.3, 2.0])
y = torch.tensor([[0.2, -0.4], [1.0, 0.3]])
a = torch.tensor([[1.0, 2.0], [-1.0, 0.5]])
tracked = y.clone().requires_grad_(), theta.clone().requires_grad_()
dy = f(0.7, *tracked)
by_y, by_theta = torch.autograd.grad(dy, tracked, a)
got = student.adjoint_dynamics(student.turning, theta, 0.7, y, a)
holds(
    isinstance(got, tuple | list) and len(got) == 3,
    "adjoint_dynamics must give three things",
    "dy/dt, da/dt, dg/dt",
    f"{len(got)} things" if isinstance(got, tuple | list) else type(got).__name__,
    "see `Returns`",
)
hint = "the field itself, at t, y and θ"
close(got[0], dy, "dy/dt", hint, mistakes={"dy/dt has a minus": (-dy, "dy/dt is f")})
mistakes = {
    "da/dt lacks its minus": (by_y, "the formula above"),
    "da/dt forgets a": (
        -torch.autograd.grad(f(0.7, *tracked).sum(), tracked[0])[0],
        "the third argument of grad",
    ),
    "da/dt is the rate of the parameters": (-by_theta, "see `Returns`: in which order?"),
}
close(got[1], -by_y, "da/dt", "minus a times the slope of f in y", mistakes=mistakes)
mistakes = {"dg/dt lacks its minus": (by_theta, "it is gathered backwards in time")}
close(got[2], -by_theta, "dg/dt", "minus a times the slope of f in θ", mistakes=mistakes)  # fmt: skip
what = "the rates must have no history: nothing is to be kept"
hint = ".detach() the state before you ask for slopes, and dy/dt afterwards"
holds(not any(getattr(rate, "requires_grad", False) for rate in got), what, hint=hint)
rates = student.adjoint_dynamics(student.fading, theta, 0.7, y, a)
hint = "where nothing depends on θ, autograd.grad gives None, unless materialize_grads=True asks for zeros"
holds(rates[2] is not None, "dg/dt of a field that does not use θ is no tensor", "zeros", None, hint)
close(rates[2], torch.zeros(4), "dg/dt of a field that does not use θ", "materialize_grads=True")
### BEGIN HIDDEN TESTS
for shape in ((3, 2), (1, 5, 2)):
    y, a, theta = torch.randn(shape).double(), torch.randn(shape).double(), torch.randn(4).double()
    for t in (0.3, torch.tensor(-1.5)):
        for one, other, name in zip(
            student.adjoint_dynamics(student.turning, theta, t, y, a),
            reference.adjoint_dynamics(f, theta, t, y, a),
            ("dy", "da", "dg"),
        ):
            close(one, other, f"{name}/dt for states of shape {shape} at t = {float(t)}")
tracked = torch.randn(3, 2, requires_grad=True)
rates = student.adjoint_dynamics(
    student.turning, torch.randn(4, requires_grad=True), 0.3, 2 * tracked, torch.randn(3, 2)
)
holds(not any(rate.requires_grad for rate in rates), "the rates must have no history", hint=".detach()")

# %% [markdown]
# Now the journey back, for a loss that looks at the boat at *several* times. State, adjoint and gradient travel as one long vector, so that
# your own `integrate` can carry them: `torch.cat` packs, `.split` and `.view` unpack. At each of the times the adjoint jumps by
# that time's slope.

# %% solution="adjoint"
# Write `together(t, packed)` first: unpack, ask adjoint_dynamics, pack. times[[n, n - 1]] are two times, falling.


# %% test="adjoint_values" points=4
def middle(f, t, y, h):
    return y + h * f(t + h / 2, y + h / 2 * f(t, y))


def growing(t, y, theta):
    """Each number at its own rate; of the shape of the states at one time, or it is said here."""
    what = "f is asked about a state of another shape"
    hint = "f knows nothing of the long vector: .split and .view(states.shape[1:]) before adjoint_dynamics is asked"
    holds(y.shape == (3, 2), what, "(3, 2), as states[0]", tuple(y.shape), hint)
    return theta * y


theta = torch.tensor([0.5, -1.0], dtype=torch.float64)
times = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
y = torch.tensor([[1.0, 0.5], [-0.3, 0.2], [0.1, 2.0]], dtype=torch.float64)  # (B, 2)
growth = torch.exp(theta * times[:, None, None])  # (T, 1, 2): y grows like exp(θt)
slopes = torch.randn(3, 3, 2, dtype=torch.float64)  # of a loss in each of the states
in_y, in_theta = slopes * growth, (slopes * times[:, None, None] * growth * y).sum(1)  # what each time says
got = pair(
    student.adjoint(middle, growing, theta, times, y * growth, slopes, 20),
    "adjoint",
    "the gradient in the first state, and that in θ",
    "see `Returns`",
)
shapes = [shape_of(part) for part in got]
what = "the gradients that adjoint gives have other shapes"
hint = "what travels is one long vector: unpack what has arrived, and give it its shape back"
mistakes = {"they come in the wrong order": (shapes == [(2,), (3, 2)], "see `Returns`")}
holds(shapes == [(3, 2), (2,)], what, "(3, 2), as states[0], and (2,), as θ", shapes, hint, mistakes=mistakes)
what = "the gradient in the first state, for dy/dt = θy and three times"
hint = "print a after each stretch: it starts with the last time's slope, and jumps at every time, the first included"
mistakes = {
    "the adjoint hears of the last time only": (in_y[2], "it jumps at every time"),
    "the first time's slope is left out": (in_y[1:].sum(0), "the first state counts as well"),
    "the adjoint never moves": (slopes.sum(0), "it changes along the way, by adjoint_dynamics"),
}
close(got[0], in_y.sum(0), what, hint, rtol=0, atol=2e-3, mistakes=mistakes)
what = "the gradient in θ, for dy/dt = θy and three times"
hint = "it starts at 0, and is carried on from stretch to stretch"
mistakes = {
    "the gradient in θ has the wrong sign": (
        -in_theta.sum(0),
        "backwards in time h is negative, and so is the rate",
    ),
    "the gradient in θ hears of the last time only": (in_theta[2], "the adjoint jumps at every time"),
}
close(got[1], in_theta.sum(0), what, hint, rtol=0, atol=2e-3, mistakes=mistakes)


### BEGIN HIDDEN TESTS
def bent(t, y, theta):
    return torch.tanh(y @ theta.view(2, 2)) * (1 + t)


theta, y = torch.randn(4, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
times, slopes = torch.tensor([0.0, 0.5, 0.8], dtype=torch.float64), torch.randn(3, 3, 2, dtype=torch.float64)
tracked = y.clone().requires_grad_(), theta.clone().requires_grad_()
states = reference.solve_directly(reference.rk4, bent, tracked[1], tracked[0], times, 20)
in_y, in_theta = torch.autograd.grad(states, tracked, slopes)
got = student.adjoint(reference.rk4, student.turning, theta, times, states.detach(), slopes, 20)
close(got[0], in_y, "the gradient in the first state against backpropagation, 20 steps", rtol=0, atol=1e-5)
close(got[1], in_theta, "the gradient in θ against backpropagation, 20 steps", rtol=0, atol=1e-5)
times = torch.tensor([1.0, 0.2, -0.5], dtype=torch.float64)
states, slopes = torch.randn(3, 2, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
for substeps in (1, 3):
    ours = reference.adjoint(middle, bent, theta, times, states, slopes, substeps)
    got = student.adjoint(middle, student.turning, theta, times, states, slopes, substeps)
    for one, other, name in zip(got, ours, ("the first state", "θ")):
        what = f"the gradient in {name}, for falling times and {substeps} steps from each to the next"
        close(one, other, what, "at each time take the state that is given")
got = student.adjoint(middle, student.turning, theta, times[:1], states[:1], slopes[:1])
close(got[0], slopes[0], "the gradient in the first state, where only one time is asked for", "its own slope")
expected = torch.zeros(4)
close(got[1], expected, "the gradient in θ, where only one time is asked for", "nothing was carried back")

# %% [markdown]
# Tie it to PyTorch. A `torch.autograd.Function` is an operation with a backward pass of your own; `kept` counts the numbers that
# autograd holds on to.

# %% given="SolveAdjoint,solve_adjoint,solve_directly,kept,as_function"

# %% given="Flow,LinearFlow"


# %%
torch.manual_seed(0)
net = Flow(2, 16).double()
f, theta = as_function(net)
y0 = torch.randn(5, 2).double()
print("steps   directly  by the adjoint   the gradients differ by")
for steps in (1, 4, 16):
    found = []
    for solve in (solve_directly, solve_adjoint):
        tracked, times = theta.clone().requires_grad_(), torch.tensor([0.0, 1.0]).double()
        loss = solve(rk4, f, tracked, y0, times, steps)[-1].square().sum()
        found.append((kept(solve, rk4, f, tracked, y0, times, steps), torch.autograd.grad(loss, tracked)[0]))
    (direct, one), (constant, other) = found
    print(f"{steps:5} {direct:10,} {constant:15,}   {(one - other).abs().max():.0e}")

# %% test="adjoint_memory" points=1
theta, f = torch.randn(4, dtype=torch.float64, requires_grad=True), student.turning
y, times = torch.tensor([[1.0, 0.5]], dtype=torch.float64), torch.tensor([0.0, 1.0], dtype=torch.float64)
few, many = (student.kept(student.solve_adjoint, student.rk4, f, theta, y, times, n) for n in (2, 40))
what = "more steps must not keep more"
holds(few == many, what, f"{few} numbers with 2 steps and with 40", many, "solve_adjoint, as given")
slopes = [
    torch.autograd.grad(solve(student.rk4, f, theta, y, times, 40).sin().sum(), theta)[0]
    for solve in (student.solve_adjoint, student.solve_directly)
]
close(
    *slopes,
    "the gradient by your adjoint, within PyTorch's own backward pass",
    "gradients are off there: does adjoint_dynamics switch them on with torch.enable_grad()?",
    rtol=0,
    atol=1e-6,
)
### BEGIN HIDDEN TESTS
most = 2 * 2 + 4 + 2 + 2
holds(many <= most, "the adjoint keeps the states asked for, θ and the times only", f"at most {most}", many)

# %% [markdown]
# Four times the steps, four times the numbers kept; by the adjoint, always the same. And the gradients agree, once the steps are fine.
#
# There is a price. The state is found again *backwards*, and what forgets its past cannot be run back: predict how well $\frac{dy}{dt} =
# -20\, y$ returns from $y(1) = e^{-20}$ to $y(0) = 1$.

# %%
there = integrate(rk4, lambda t, y: -20 * y, torch.ones(1), torch.linspace(0, 1, 101))
back = integrate(rk4, lambda t, y: -20 * y, there[-1] + 1e-8, torch.linspace(1, 0, 101))
print(f"from 1 to {there[-1].item():.1e}; nudged by 1e-8, and back again: {back[-1].item():.2f}")

# %% [markdown]
# A nudge of $10^{-8}$, as rounding makes all the time, has grown to five times the whole state. Your `adjoint` defends itself at the
# times asked for, where it takes the states that are known. Keeping a few more of them, and going forward again between, is called
# *checkpointing*: some memory, exact gradients.
#
# ## 5 A block without layers (3 points, 10 minutes)
#
# Now the net. An *ODE block* takes $x$ for $h(0)$ and gives $h(1)$. With one Euler step it *is* a residual block.

# %% solution="ODEBlock" keep="__init__"
# integrate, from 0 to 1, on the device and in the type of x; the last state.


# %% test="ode_block_values" points=3
class Arrow(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.dense = nn.Linear(d, d)

    def forward(self, t, h):
        what = "the block asks f about something that is no state"
        expected = f"x's shape, {self.dense.in_features} numbers at its end"
        hint = "integrate's arguments, in their order"
        holds(shape_of(h)[-1:] == (self.dense.in_features,), what, expected, shape_of(h), hint)
        return torch.tanh(self.dense(h)) + t


def euler(f, t, y, h):
    return y + h * f(t, y)


f, x = Arrow(3), torch.randn(4, 3)
got = student.ODEBlock(f, euler, 1)(x)
residual = x + f(0.0, x)
what = "an ODE block gives what has x's shape"
holds(shape_of(got) == (4, 3), what, (4, 3), shape_of(got), "of all states that integrate gives, the last")
what = "one Euler step: a residual block"
mistakes = {
    "the block gives back its input": (x, "the state at t = 1"),
    "the block gives f(x) without x": (f(0.0, x), "the state, and not its change"),
    "the block starts at t = 1": (x + f(1.0, x), "from 0 to 1"),
    "the block runs backwards": (x - f(1.0, x), "from 0 to 1"),
}
close(got, residual, what, "h(0) is x, and the step leads from t = 0 to t = 1", mistakes=mistakes)
half = x + 0.5 * f(0.0, x)
got = student.ODEBlock(f, euler, 2)(x)
expected = half + 0.5 * f(0.5, half)
what = "two Euler steps: half a layer, twice"
mistakes = {
    "the block takes one step, whatever `steps` says": (residual, "self.steps"),
    "the block takes two whole steps": (residual + f(1.0, residual), "the steps share the time from 0 to 1"),
}
close(got, expected, what, "`steps` equal steps between the two times", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for step, steps, dtype in ((reference.rk4, 2, torch.float32), (euler, 3, torch.float64)):
    f, x = Arrow(2).to(dtype), torch.randn(2, 5, 2, dtype=dtype, requires_grad=True)
    blocks = student.ODEBlock(f, step, steps), reference.ODEBlock(f, step, steps)
    got, expected = (block(x) for block in blocks)
    close(
        got,
        expected,
        f"a block of {steps} steps",
        "the given step, and as many of them as the block was made with",
        rtol=1e-5,  # times may have been made in 32 bits
        atol=1e-6,
    )
    holds(got.dtype == dtype, "the block must keep x's type", dtype, got.dtype, "the times in the type of x")
    follows(got, {"x": x}, expected, "an ODE block")
    slopes = []
    for block, end in zip(blocks, (got, expected)):
        f.zero_grad()
        end.sin().sum().backward()
        slopes.append([weight.grad for weight in block.parameters()])
    for one, other in zip(*slopes):
        close(one, other, "the gradient through the block in the weights of f", rtol=1e-3, atol=1e-4)

# %% [markdown]
# Six layers, or one field? Below, points in the plane go through six residual blocks with weights of their own, as they are at the
# beginning of training, and through one ODE block. In which picture could you lead every point back to where it came from?

# %%
torch.manual_seed(3)
points = 1.2 * torch.randn(60, 2)
layers = [nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)) for _ in range(6)]
for layer in layers:
    for part in (layer[0], layer[2]):
        nn.init.normal_(part.weight, std=1.0)
stops = [points]
for layer in layers:
    stops.append(stops[-1] + layer(stops[-1]) / 2)
smooth = integrate(rk4, lambda t, y: 3 * layers[0](y), points, torch.linspace(0, 1, 60))
figure, axes = plots.subplots(1, 2, figsize=(8, 3.6))
for ax, path, title in zip(axes, (torch.stack(stops), smooth), ("six residual blocks", "one ODE block")):
    ax.plot(*path.detach().unbind(2), color=plots.COLOURS[0], linewidth=0.8, linestyle="-")
    ax.plot(*path[-1].detach().T, "o", color=plots.COLOURS[1], markersize=3)
    ax.set(title=title, xticks=[], yticks=[])
plots.show(
    figure,
    "Paths of points: broken lines that cross through residual blocks, smooth ones that never cross in an ODE.",
)

# %% [markdown]
# Paths of an ODE never cross: each place has one arrow. So a block can be run backwards; and so there are things that it cannot do, such as
# turning a ring inside out. The chapter shows both.
#
# ## 6 Irregular times (4 points, 20 minutes)
#
# A patient's blood is taken when the doctor comes: after 2 hours, after 3, after 11. An RNN thinks in steps and knows no hours. But a hidden state
# with a field of its own can *wait*: between two visits it drifts, at a visit it jumps. Visits of other patients do not touch it.
#
# A hidden state of 1 that halves every hour, and a cell that adds what it sees. Seen: 10 at 0 o'clock, nothing at 1, 4 at 2. What is
# the state at 2?

# %%
state = 1.0 + 10
state = state / 2  # 1 o'clock: nothing seen
state = state / 2 + 4
state

# %% solution="ode_rnn"
# torch.where(seen_now[:, None], new, old) chooses for every example. But where nothing was seen stands nan, and autograd goes
# through both sides: 0 · nan is nan. What can you put there before it reaches the cell?

# %% test="ode_rnn_values" points=4
asked = []


def drift(f, t, h, size):
    asked.append((float(t), float(size)))
    return h * torch.exp(-torch.as_tensor(float(size)))


def cell(value, h):
    return h + value @ torch.tensor([[1.0, -1.0]]) + 1


nan = float("nan")
values = torch.tensor([[[10.0], [nan], [4.0]], [[nan], [1.0], [nan]]])  # two examples, three times
seen = torch.tensor([[True, False, True], [False, True, False]])
times, h = torch.tensor([0.0, 1.0, 3.0]), torch.tensor([[1.0, 0.0], [2.0, 2.0]])
got = student.ode_rnn(drift, None, cell, times, values, seen, h)
what = "ode_rnn gives the last hidden states"
holds(shape_of(got) == (2, 2), what, "shape (2, 2)", shape_of(got), "not those of all times")
hint = "where nothing was seen, values hold nan, and the state of that example stays as it is"
holds(torch.isfinite(got).all(), "what was not seen got into the hidden states", "finite numbers", got, hint)
what = "the steps, as (time, size), between times 0, 1 and 3"
equal(asked, [(0.0, 1.0), (1.0, 2.0)], what, "from each time to the next")
e1, e2, e3 = (torch.exp(torch.tensor(-time)) for time in (1.0, 2.0, 3.0))
up = torch.tensor([1.0, -1.0])
first, second = (h[0] + 10 * up + 1) * e3 + 4 * up + 1, h[1] * e3 + (up + 1) * e2
what = "hidden states that fade by eᵗ, and a cell that adds what it sees, and 1"
hint = "first drift to the time, then look; the first time is a time as well"
mistakes = {
    "the first time is not looked at": (
        torch.stack([h[0] * e3 + 4 * up + 1, second]),
        "each time, the first included",
    ),
    "the last time is not looked at": (
        torch.stack([(h[0] + 10 * up + 1) * e3, second]),
        "each time, the last included",
    ),
    "states jump before they drift": (
        torch.stack([((h[0] + 10 * up + 1) * e1 + 4 * up + 1) * e2, (h[1] + up + 1) * e3]),
        "the value belongs to the *end* of the stretch",
    ),
    "what was not seen counts as 0 seen": (
        torch.stack([first + e2, ((h[1] + 1) * e1 + up + 1) * e2 + 1]),
        "the state of an example that was not seen stays as it is",
    ),
}
close(got, torch.stack([first, second]), what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
gru, matrix = torch.nn.GRUCell(3, 4), torch.randn(4, 4, requires_grad=True)
weights = [matrix, *gru.parameters()]


def flow(t, h):
    return torch.tanh(h @ matrix) * t


def slopes(end):
    for weight in weights:
        weight.grad = None
    end.square().sum().backward()
    return [weight.grad.clone() for weight in weights]


for rising in (True, False):
    times = torch.rand(5).cumsum(0) if rising else torch.rand(5).cumsum(0).flip(0)
    seen = torch.rand(6, 5) < 0.5
    values = torch.where(seen[:, :, None], torch.randn(6, 5, 3), nan)
    h = torch.randn(6, 4, requires_grad=True)
    got, expected = (
        m.ode_rnn(reference.rk4, flow, gru, times, values, seen, h) for m in (student, reference)
    )
    close(got, expected, f"ode_rnn with a GRU, times {'rising' if rising else 'falling'}", "see `Args`")
    out = "nan in a gradient went through the side of torch.where that was not taken: take nan out of the values first"
    follows(got, {"h": h}, expected, "ode_rnn", out)
    for one, other in zip(slopes(got), slopes(expected)):
        close(one, other, "gradients in the weights of cell and field", out, rtol=1e-3, atol=1e-4)
counted = []


def counting(value, h):
    counted.append(1)
    return h


student.ode_rnn(reference.euler, flow, counting, times, torch.randn(6, 5, 3), seen, h)
holds(len(counted) == 5, "the cell is called once a time, for all examples", 5, len(counted))

# %% [markdown]
# Read a series *backwards* with it, and the last hidden state describes the first moment. From there an ODE can be solved to any time at all, also
# between the visits and beyond the last: that is a *latent ODE*. The chapter tells how it is trained.
#
# ## 7 Find the field (4 points, 10 minutes)
#
# Your engine has to earn its keep. Forty-eight boats drift on a water that nobody has mapped. Each was seen 20 times, at odd moments,
# not quite where it was. We want to know where they will be later.

# %%
times, noisy, places = spirals.load("mini", "train").tensors
figure, axes = plots.subplots(1, 2, figsize=(8, 3.6))
for n in range(4):
    axes[0].plot(*noisy[n, :20].T, marker="o", markersize=3, linewidth=0.6)
    axes[1].plot(times[n, :20], [n] * 20, "|", markersize=14)
axes[0].set(aspect="equal", title="four boats")
axes[1].set(xlabel="time", yticks=[], title="when they were seen")
plots.show(figure, "Four boats' noisy places along spirals, and the irregular times at which they were seen.")

# %% [markdown]
# The training is short: cut what was seen into stretches of eight; begin each at its first sighting; let the field carry it on; pull at the
# weights until it passes the other seven. Your `integrate` takes each boat's own times, since they broadcast.


# %%
def follow(f: Field, times: Tensor, y: Tensor, substeps: int = 1) -> Tensor:
    """Each boat at its own times (B, T), from its place (B, 2) at the first: (B, T, 2)."""
    return integrate(rk4, f, y, times.T[..., None], substeps).transpose(0, 1)


def find(f: nn.Module, steps: int, rate: float) -> list[float]:
    """Train a field on stretches of eight sightings, in place; returns the loss of every step."""
    when = times[:, :20].unfold(1, 8, 1).flatten(0, 1)  # (N, 8)
    where = noisy[:, :20].unfold(1, 8, 1).flatten(0, 1).transpose(1, 2)  # (N, 8, 2)
    optimizer = torch.optim.Adam(f.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    losses = []
    with bar(steps, "training", "step") as progress:
        for _ in range(steps):
            rows = torch.randint(len(when), (64,))
            loss = (follow(f, when[rows], where[rows, 0])[:, 1:] - where[rows, 1:]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            progress.update()
    return losses


# %% trains="odes"
torch.manual_seed(0)
linear, net = LinearFlow(2), Flow(2, 32)
straight = find(linear, 200, 3e-2)
losses = find(net, 1000, 2e-2)
if tier == "mini":
    save_artifact("odes", net, tier)
figure, ax = plots.subplots()
ax.semilogy(losses, label="a net")
ax.semilogy(straight, label="a linear field")
ax.axhline(2 * spirals.NOISE**2, color="grey", linewidth=0.8)
ax.set(xlabel="step", ylabel="squared distance")
ax.legend()
plots.show(
    figure, "The loss of the net falls to the noise of the sightings, that of a linear field stays far above."
)

# %% [markdown]
# The grey line is what noise alone costs, at the first sighting and at the one to be met. Now the future: boats that the net has never seen, from
# their last sighting on. Drawn dark, where they really went.

# %% trains="odes"
t_test, noisy_test, true = spirals.load("mini", "test").tensors
figure, axes = plots.subplots(1, 3, figsize=(11, 3.6))
with torch.no_grad():
    said = {
        name: follow(f, t_test[:, 19:], noisy_test[:, 19], 2)
        for name, f in (("net", net), ("linear", linear))
    }
    grid = torch.cartesian_prod(torch.linspace(-2, 2, 13), torch.linspace(-2, 2, 13))
    axes[2].quiver(*grid.T, *net(0, grid).T, color=plots.COLOURS[0], width=0.005)
axes[2].set(aspect="equal", title="the field it found")
for ax, (name, path) in zip(axes, said.items()):
    for n in (0, 1, 5):
        ax.plot(*true[n, 19:].T, color="grey", linewidth=3, alpha=0.5, linestyle="-")
        ax.plot(*path[n].T, marker="o", markersize=3)
    ax.set(aspect="equal", xlim=(-2, 2), ylim=(-2, 2), title=f"foretold by the {name}")
plots.show(
    figure,
    "True futures of three boats, what net and linear field say of them, and the arrows of the field found.",
)

# %% trains="odes"
variance = (true[:, 20:] - true[:, 20:].mean((0, 1))).square().mean()
entry = record("odes", "mini")
for name, path in said.items():
    print(
        f"{name:14} {(path[:, 1:] - true[:, 20:]).square().mean() / variance:.3f} of the variance is missed"
    )
print(f"the reference  {entry.value:.3f} ± {entry.std:.3f}; its linear field {entry.baseline:.3f}")

# %% [markdown]
# It was shown half of each journey and knows the other half: what it has learned is not the paths but the *water*.
#
# On a GPU there is more: digits, through the paper's net, with your ODE block in its middle. It has hardly more than a third of the weights of six residual blocks.

# %% given="norm,ConvFlow,DigitNet"

# %% trains="odes"
if tier == "full":
    torch.manual_seed(0)
    net = DigitNet(ODEBlock(ConvFlow(64), rk4, 3)).cuda()
    x, y = (part.cuda() for part in mnist.load(tier, "train").tensors)
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, 2140)
    with bar(2140, "training", "step") as progress:
        for _ in range(2140):
            rows = torch.randint(len(x), (256,), device=x.device)
            down, right = torch.randint(-2, 3, (2,)).tolist()
            loss = F.cross_entropy(net(x[rows].roll((down, right), (2, 3))), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            progress.update()
    save_artifact("odes", net.eval(), tier)

# %% test="trained" points=4
tensors = student.artifact("odes")
holds(
    "net.0.weight" in tensors or "middle.f.convs.0.weight" in tensors,
    "odes.safetensors holds another net",
    "the tensors of Flow, or of DigitNet",
    ", ".join(list(tensors)[:4]),
    "run the training cells: they save `net`",
)
### BEGIN HIDDEN TESTS
judge("odes", tensors, 4)

# %% [markdown]
# Your points for the file: none at the linear field, all at the reference's level, on boats that your net has not seen (at the full
# tier: digits).
#
# **Hand in** this notebook and `odes.safetensors`.
