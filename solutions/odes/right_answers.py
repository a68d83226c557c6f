"""Other correct ways to solve the exercises of the lab `odes`."""

import math


import numpy as np


import torch


from torch import nn


edits["euler"] = {
    "in place on a copy": {"return y + h * f(t, y)": "return torch.add(y, f(t, y) * h)"},
}


@right(why="places by name, weights as sixths")
def rk4(f, t, y, h):
    middle = t + 0.5 * h
    k1 = f(t, y)
    k2 = f(middle, y + 0.5 * h * k1)
    k3 = f(middle, y + 0.5 * h * k2)
    k4 = f(t + h, y + h * k3)
    return y + h * (k1 / 6 + k2 / 3 + k3 / 3 + k4 / 6)


@right(why="indices, and the time carried along")
def integrate(step, f, y, times, substeps=1):
    states = [y]
    for i in range(1, len(times)):
        h = (times[i] - times[i - 1]) / substeps
        t = times[i - 1]
        for _ in range(substeps):
            y = step(f, t, y, h)
            t = t + h
        states.append(y)
    return torch.stack(states, dim=0)


@right(why="NumPy's fit of a line")
def order(sizes, errors):
    return float(np.polyfit(np.log(np.asarray(sizes)), np.log(np.asarray(errors)), 1)[0])


@right(why="a least-squares problem with a column of ones")
def order(sizes, errors):
    columns = torch.stack([sizes.log(), torch.ones_like(sizes)], dim=1)
    return torch.linalg.lstsq(columns, errors.log()[:, None]).solution[0, 0]


@right(why="loops instead of sums")
def dormand_prince(f, t, y, h, first):
    slopes = [first]
    for c, row in zip(NODES, WEIGHTS):
        place = y
        for a, k in zip(row, slopes):
            place = place + h * a * k
        slopes.append(f(t + h * c, place))
    error = torch.zeros_like(y)
    for e, k in zip(ERROR, slopes):
        error = error + h * e * k
    return place, error, slopes[6]


@right(why="a tensor of one number")
def error_ratio(error, y, new, rtol, atol):
    scale = atol + rtol * torch.where(y.abs() > new.abs(), y.abs(), new.abs())
    return torch.sqrt(torch.mean((error / scale) ** 2))


@right(why="a norm over the root of the count")
def error_ratio(error, y, new, rtol, atol):
    tolerated = rtol * torch.max(y.abs(), new.abs()) + atol
    return (error / tolerated).norm().item() / math.sqrt(error.numel())


@right(why="cases, one after another")
def next_size(h, ratio):
    if ratio == 0:
        return 10 * h
    factor = 0.9 / ratio ** (1 / 5)
    if factor > 10:
        factor = 10
    elif factor < 0.2:
        factor = 0.2
    return h * factor


@right(why="forgets the last arrow: seven looks a step")
def adaptive(f, y, start, end, rtol=1e-6, atol=1e-6, h=0.1):
    t, times = start, [start]
    while t < end:
        h = min(h, end - t)
        if t + h <= t:
            raise RuntimeError("the step is too small")
        new, error, _ = dormand_prince(f, t, y, h, f(t, y))
        ratio = error_ratio(error, y, new, rtol, atol)
        if ratio <= 1:
            t, y = t + h, new
            times.append(t)
        h = next_size(h, ratio)
    return y, times


@right(why="floats that stop a little early are moved to the end; a tuple of lists", cell="adaptive")
def adaptive(f, y, start, end, rtol=1e-6, atol=1e-6, h=0.1):
    t, first, times = float(start), f(start, y), [float(start)]
    while end - t > 1e-12 * abs(end - start):
        h = min(h, end - t)
        if h < 1e-14:
            raise RuntimeError("no step is small enough")
        new, error, last = dormand_prince(f, t, y, h, first)
        ratio = float(error_ratio(error, y, new, rtol, atol))
        good = ratio <= 1
        if good:
            y, first = new, last
            t += h
            times.append(t)
        h = next_size(h, ratio)
    return [y, times]


@right(why="a fixed number of halvings")
def crossing(step, f, g, t, y, h, within=1e-6):
    low, high = 0.0, h
    for _ in range(math.ceil(math.log2(h / within)) + 1):
        middle = 0.5 * (low + high)
        if g(step(f, t, y, middle)) <= 0:
            high = middle
        else:
            low = middle
    return high


@right(why="a vector-Jacobian product")
def adjoint_dynamics(f, theta, t, y, a):
    with torch.enable_grad():
        dy, product = torch.func.vjp(lambda y, theta: f(t, y, theta), y.detach(), theta.detach())
    da, dg = product(a.detach())
    return dy.detach(), -da.detach(), -dg.detach()


@right(why="unused parts by hand")
def adjoint_dynamics(f, theta, t, y, a):
    with torch.enable_grad():
        y, theta = y.detach().clone().requires_grad_(True), theta.detach().clone().requires_grad_(True)
        dy = f(t, y, theta)
        da, dg = torch.autograd.grad(dy, (y, theta), a, allow_unused=True)
    da = torch.zeros_like(y) if da is None else -da
    dg = torch.zeros_like(theta) if dg is None else -dg
    return dy.detach(), da, dg


@right(why="slices instead of split, and two times in a new tensor")
def adjoint(step, f, theta, times, states, slopes, substeps=1):
    shape, n = states[0].shape, states[0].numel()

    def together(t, packed):
        y, a = packed[:n].reshape(shape), packed[n : 2 * n].reshape(shape)
        dy, da, dg = adjoint_dynamics(f, theta, t, y, a)
        return torch.cat([dy.reshape(-1), da.reshape(-1), dg.reshape(-1)])

    a, g = torch.zeros_like(states[0]), torch.zeros_like(theta)
    for i in reversed(range(1, len(times))):
        a = a + slopes[i]
        packed = torch.cat([states[i].reshape(-1), a.reshape(-1), g])
        packed = integrate(step, together, packed, torch.stack([times[i], times[i - 1]]), substeps)[-1]
        a, g = packed[n : 2 * n].reshape(shape), packed[2 * n :]
    return a + slopes[0], g


@right(why="times made of x")
class ODEBlock(nn.Module):
    def __init__(self, f, step=rk4, steps=1):
        super().__init__()
        self.f, self.step, self.steps = f, step, steps

    def forward(self, x):
        h = 1 / self.steps
        for n in range(self.steps):
            x = self.step(self.f, torch.as_tensor(n * h).to(x), x, torch.as_tensor(h).to(x))
        return x


@right(why="a time for every step")
class ODEBlock(nn.Module):
    def __init__(self, f, step=rk4, steps=1):
        super().__init__()
        self.f, self.step, self.steps = f, step, steps

    def forward(self, x):
        return integrate(self.step, self.f, x, torch.linspace(0, 1, self.steps + 1).to(x))[self.steps]


@right(why="nan_to_num, and a product with the mask")
def ode_rnn(step, f, cell, times, values, seen, h):
    for n in range(len(times)):
        if n > 0:
            h = step(f, times[n - 1], h, times[n] - times[n - 1])
        mask = seen[:, n].to(h.dtype).unsqueeze(1)
        h = mask * cell(torch.nan_to_num(values[:, n]), h) + (1 - mask) * h
    return h


@right(why="drifts at the loop's end")
def ode_rnn(step, f, cell, times, values, seen, h):
    filled = values.masked_fill(~seen.unsqueeze(2), 0.0)
    for n in range(len(times)):
        jumped = cell(filled[:, n], h)
        h = torch.where(seen[:, n].unsqueeze(1), jumped, h)
        if n + 1 < len(times):
            h = step(f, times[n], h, times[n + 1] - times[n])
    return h
