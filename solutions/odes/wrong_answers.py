"""The mistakes that students make in the lab `odes`."""

import torch

edit(
    "euler",
    check="euler_values",
    why="the change alone",
    change={"return y + h * f(t, y)": "return h * f(t, y)"},
)
edit("euler", check="euler_values", why="forgets h", change={"return y + h * f(t, y)": "return y + f(t, y)"})
edit(
    "euler",
    check="euler_values",
    why="the arrow of time 0",
    change={"return y + h * f(t, y)": "return y + h * f(0.0, y)"},
)
edit(
    "euler",
    check="euler_values",
    why="the arrow of the end",
    change={"return y + h * f(t, y)": "return y + h * f(t + h, y)"},
)
edit(
    "euler",
    check="euler_values",
    why="state and time swapped",
    change={"return y + h * f(t, y)": "return y + h * f(y, t)"},
)
edit(
    "euler",
    check="euler_values",
    why="no history",
    change={"return y + h * f(t, y)": "return (y + h * f(t, y)).detach()"},
)
edit(
    "euler",
    check="euler_values",
    why="looks twice",
    change={"return y + h * f(t, y)": "return y + h * (f(t, y) + f(t, y)) / 2"},
)
edit("rk4", check="rk4_values", why="Euler", change={"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h * k1"})
edit("rk4", check="rk4_values", why="midpoint", change={"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h * k2"})
edit(
    "rk4",
    check="rk4_values",
    why="equal weights",
    change={"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h / 4 * (k1 + k2 + k3 + k4)"},
)
edit(
    "rk4",
    check="rk4_values",
    why="weights add up to six",
    change={"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h * (k1 + 2 * k2 + 2 * k3 + k4)"},
)
edit("rk4", check="rk4_values", why="k3 along k1", change={"k3 = f(t + h / 2, y + h / 2 * k2)": "k3 = k2"})
edit(
    "rk4",
    check="rk4_values",
    why="k4 half-way",
    change={"k4 = f(t + h, y": "k4 = f(t + h / 2, y", "+ h * k3": "+ h / 2 * k3"},
)
edit(
    "rk4",
    check="rk4_values",
    why="all places at the time t",
    change={"k2 = f(t + h / 2": "k2 = f(t", "k3 = f(t + h / 2": "k3 = f(t", "k4 = f(t + h,": "k4 = f(t,"},
)
edit(
    "rk4",
    check="rk4_values",
    why="no history",
    change={"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h / 6 * (k1 + 2 * k2 + 2 * k3 + k4).detach()"},
)


@wrong(check="rk4_values", why="the 3/8 rule")
def rk4(f, t, y, h):
    k1 = f(t, y)
    k2 = f(t + h / 3, y + h / 3 * k1)
    k3 = f(t + 2 * h / 3, y + h * (k2 - k1 / 3))
    k4 = f(t + h, y + h * (k1 - k2 + k3))
    return y + h / 8 * (k1 + 3 * k2 + 3 * k3 + k4)


edit(
    "integrate",
    check="integrate_values",
    why="every step has the whole size",
    change={"h = (end - start) / substeps": "h = end - start"},
)
edit(
    "integrate",
    check="integrate_values",
    why="all steps at the start's time",
    change={"start + n * h": "start"},
)
edit(
    "integrate",
    check="integrate_values",
    why="one step too many",
    change={"range(substeps)": "range(substeps + 1)"},
)
edit("integrate", check="integrate_values", why="no first state", change={"states = [y]": "states = []"})
edit(
    "integrate",
    check="integrate_values",
    why="the last state alone",
    change={"torch.stack(states)": "states[-1]"},
)
edit(
    "integrate",
    check="integrate_values",
    why="never goes back",
    change={"h = (end - start) / substeps": "h = abs(end - start) / substeps"},
)
edit(
    "integrate",
    check="integrate_values",
    why="times as plain numbers",
    change={"h = (end - start) / substeps": "h = (end - start).item() / substeps"},
)
edit(
    "integrate",
    check="integrate_values",
    why="no history",
    change={"torch.stack(states)": "torch.stack(states).detach()"},
)
edit(
    "integrate",
    check="integrate_values",
    why="all steps as long as the first",
    change={"h = (end - start) / substeps": "h = (times[1] - times[0]) / substeps"},
)
edit(
    "order",
    check="order_values",
    why="through the origin",
    change={"x, z = x - x.mean(), z - z.mean()": "pass"},
)
edit("order", check="order_values", why="swapped", change={"/ (x * x).sum()": "/ (z * z).sum()"})
edit(
    "order", check="order_values", why="no logarithms", change={"sizes.log(), errors.log()": "sizes, errors"}
)
edit("order", check="order_values", why="the wrong sign", change={"(x * z).sum()": "-(x * z).sum()"})


@wrong(check="order_values", why="the first and the last alone")
def order(sizes, errors):
    return float((errors[-1] / errors[0]).log() / (sizes[-1] / sizes[0]).log())


@wrong(check="order_values", why="the mean of slopes between neighbours")
def order(sizes, errors):
    return float((errors.log().diff() / sizes.log().diff()).mean())


edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="each row from the place before",
    change={
        "place = y + h * sum(a * k for a, k in zip(row, slopes))": (
            "place = place + h * sum(a * k for a, k in zip(row, slopes))"
        ),
    },
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="one time for all",
    change={"slopes.append(f(t + c * h, place))": "slopes.append(f(t, place))"},
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="nodes not scaled",
    change={"slopes.append(f(t + c * h, place))": "slopes.append(f(t + c, place))"},
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="an error without h",
    change={
        "error = h * sum(e * k for e, k in zip(ERROR, slopes))": "error = sum(e * k for e, k in zip(ERROR, slopes))"
    },
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="the sign",
    change={
        "error = h * sum(e * k for e, k in zip(ERROR, slopes))": (
            "error = -h * sum(e * k for e, k in zip(ERROR, slopes))"
        ),
    },
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="looks at the start again",
    change={"[first], y": "[f(t, y)], y"},
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="the sixth arrow",
    change={"slopes[-1]": "slopes[-2]"},
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="two things",
    change={"return place, error, slopes[-1]": "return place, error"},
)
edit(
    "dormand_prince",
    check="dormand_prince_values",
    why="no history",
    change={
        "place = y + h * sum(a * k for a, k in zip(row, slopes))": (
            "place = y + h * sum(a * k.detach() for a, k in zip(row, slopes))"
        ),
    },
)
edit(
    "error_ratio",
    check="error_ratio_values",
    why="y alone",
    change={"torch.maximum(y.abs(), new.abs())": "y.abs()"},
)
edit(
    "error_ratio",
    check="error_ratio_values",
    why="the new state alone",
    change={"torch.maximum(y.abs(), new.abs())": "new.abs()"},
)
edit(
    "error_ratio",
    check="error_ratio_values",
    why="no absolute values",
    change={"torch.maximum(y.abs(), new.abs())": "torch.maximum(y, new)"},
)
edit("error_ratio", check="error_ratio_values", why="swapped", change={"atol + rtol": "rtol + atol"})
edit("error_ratio", check="error_ratio_values", why="a sum", change={"square().mean()": "square().sum()"})
edit("error_ratio", check="error_ratio_values", why="no root", change={".sqrt()": ""})
edit(
    "error_ratio",
    check="error_ratio_values",
    why="the worst",
    change={".square().mean().sqrt()": ".abs().max()"},
)
edit(
    "error_ratio",
    check="error_ratio_values",
    why="a mean of sizes",
    change={".square().mean().sqrt()": ".abs().mean()"},
)
edit(
    "error_ratio",
    check="error_ratio_values",
    why="one scale for all",
    change={"torch.maximum(y.abs(), new.abs())": "torch.maximum(y.abs(), new.abs()).max()"},
)
edit("next_size", check="next_size_values", why="grows with the error", change={"**-0.2": "**0.2"})
edit("next_size", check="next_size_values", why="nothing to spare", change={"0.9 * ratio": "ratio"})
edit("next_size", check="next_size_values", why="a fourth root", change={"**-0.2": "**-0.25"})
edit("next_size", check="next_size_values", why="forgets h", change={"return h * min": "return min"})
edit(
    "next_size",
    check="next_size_values",
    why="no upper bound",
    change={"min(10.0, max(0.2, factor))": "max(0.2, factor)"},
)
edit(
    "next_size",
    check="next_size_values",
    why="no lower bound",
    change={"min(10.0, max(0.2, factor))": "min(10.0, factor)"},
)
edit("next_size", check="next_size_values", why="divides by 0", change={"10.0 if ratio == 0 else ": ""})
edit(
    "next_size",
    check="next_size_values",
    why="bounds the size, not the factor",
    change={"h * min(10.0, max(0.2, factor))": "min(10.0, max(0.2, h * factor))"},
)
edit("adaptive", check="adaptive_values", why="takes every step", change={"if ratio <= 1:": "if True:"})
edit(
    "adaptive", check="adaptive_values", why="takes the bad ones", change={"if ratio <= 1:": "if ratio > 1:"}
)
edit("adaptive", check="adaptive_values", why="goes beyond the end", change={"h = min(h, end - t)": "pass"})
edit(
    "adaptive",
    check="adaptive_values",
    why="the first arrow stays",
    change={
        "t, y, first = (end if h == end - t else t + h), new, last": "t, y = (end if h == end - t else t + h), new"
    },
)
edit(
    "adaptive",
    check="adaptive_values",
    why="the state changes also if refused",
    change={
        "new, error, last = dormand_prince(f, t, y, h, first)\n        ratio = "
        "error_ratio(error, y, new, rtol, atol)": (
            "old = y\n        y, error, last = new, _, _ = dormand_prince(f, t, y, h, first)\n "
            "       ratio = error_ratio(error, old, new, rtol, atol)"
        ),
    },
)
edit("adaptive", check="adaptive_values", why="never gives up", change={"if t + h == t:": "if False:"})
edit(
    "adaptive",
    check="adaptive_values",
    why="a step never grows",
    change={"h = next_size(h, ratio)": "h = min(h, next_size(h, ratio))"},
)
edit(
    "adaptive",
    check="adaptive_values",
    why="the tolerances are swapped",
    change={"rtol, atol)\n        if": "atol, rtol)\n        if"},
)
edit("adaptive", check="adaptive_values", why="the last state alone", change={"return y, times": "return y"})
edit(
    "adaptive",
    check="adaptive_values",
    why="no beginning",
    change={"f(start, y), [start]": "f(start, y), []"},
)
edit(
    "adaptive",
    check="adaptive_values",
    why="begins at 0",
    change={"t, first, times = start, f(start, y)": "t, first, times = 0.0, f(0.0, y)"},
)
edit(
    "adaptive",
    check="adaptive_values",
    why="no history",
    change={"return y, times": "return y.detach(), times"},
)
edit("crossing", check="crossing_values", why="the other half", change={"> 0": "< 0"})
edit("crossing", check="crossing_values", why="above the ground", change={"return high": "return low"})
edit("crossing", check="crossing_values", why="the time", change={"return high": "return t + high"})
edit(
    "crossing", check="crossing_values", why="halves once", change={"while high - low > within:": "if True:"}
)
edit(
    "crossing",
    check="crossing_values",
    why="goes on from where it was",
    change={"if g(step(f, t, y, middle)) > 0:": "if g(y := step(f, t, y, middle)) > 0:"},
)
edit("crossing", check="crossing_values", why="its own tolerance", change={"> within": "> 1e-2"})
edit("adjoint_dynamics", check="adjoint_dynamics_values", why="no minus", change={"-a, mat": "a, mat"})
edit(
    "adjoint_dynamics",
    check="adjoint_dynamics_values",
    why="forgets a",
    change={"-a, mat": "-torch.ones_like(a), mat"},
)
edit(
    "adjoint_dynamics",
    check="adjoint_dynamics_values",
    why="keeps the history",
    change={"dy.detach(), da": "dy, da"},
)
edit(
    "adjoint_dynamics",
    check="adjoint_dynamics_values",
    why="unused parameters",
    change={", materialize_grads=True": ""},
)
edit(
    "adjoint_dynamics",
    check="adjoint_dynamics_values",
    why="nothing for unused parameters",
    change={"materialize_grads=True": "allow_unused=True"},
)
edit(
    "adjoint_dynamics",
    check="adjoint_dynamics_values",
    why="the order",
    change={"dy.detach(), da, dg": "dy.detach(), dg, da"},
)
edit(
    "adjoint_dynamics",
    check="adjoint_dynamics_values",
    why="the time 0",
    change={"f(t, y, theta)": "f(0.0, y, theta)"},
)
edit(
    "adjoint_dynamics",
    check="adjoint_memory",
    why="gradients are off",
    change={"with torch.enable_grad():": "if True:"},
)
edit(
    "adjoint",
    check="adjoint_values",
    why="the last time only",
    change={"a = a + slopes[n - 1].flatten()": "pass"},
)
edit(
    "adjoint",
    check="adjoint_values",
    why="never the first time",
    change={"a = a + slopes[n - 1].flatten()": "a = a + slopes[n - 1].flatten() if n > 1 else a"},
)
edit("adjoint", check="adjoint_values", why="forwards", change={"times[[n, n - 1]]": "times[[n - 1, n]]"})
edit(
    "adjoint",
    check="adjoint_values",
    why="one step",
    change={"times[[n, n - 1]], substeps": "times[[n, n - 1]], 1"},
)
edit(
    "adjoint",
    check="adjoint_values",
    why="the gradient starts anew",
    change={
        "_, a, g = packed.split([size, size, theta.numel()])\n        a": (
            "_, a, g = packed.split([size, size, theta.numel()])\n        g = "
            "torch.zeros_like(g) if n > 1 else g\n        a"
        ),
    },
)
edit(
    "adjoint",
    check="adjoint_values",
    why="the state of its own",
    change={
        "packed = torch.cat([states[n].flatten(), a, g])": (
            "packed = torch.cat([states[n].flatten() if n == len(times) - 1 else packed[:size], a, g])"
        ),
    },
)
edit(
    "adjoint",
    check="adjoint_values",
    why="the order",
    change={"return a.view(shape), g": "return g, a.view(shape)"},
)
edit(
    "adjoint",
    check="adjoint_values",
    why="the sign",
    change={"return a.view(shape), g": "return a.view(shape), -g"},
)
edit(
    "adjoint",
    check="adjoint_values",
    why="one state for all times",
    change={"states[n].flatten()": "states[-1].flatten()"},
)


edit(
    "adjoint",
    check="adjoint_values",
    why="asks the field about the long vector",
    change={"y.view(shape), a.view(shape)": "y, a"},
)
edit("adjoint", check="adjoint_values", why="does not unpack at the end", change={"a.view(shape), g": "a, g"})


@wrong(check="adjoint_values", why="the slopes are never carried back")
def adjoint(step, f, theta, times, states, slopes, substeps=1):
    return slopes.sum(0), torch.zeros_like(theta)


edit(
    "ODEBlock",
    check="ode_block_values",
    why="all states",
    change={
        "integrate(self.step, self.f, x, times, self.steps)[-1]": "integrate(self.step, self.f, x, times, self.steps)"
    },
)
edit(
    "ODEBlock",
    check="ode_block_values",
    why="the first state",
    change={
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[0]"
        ),
    },
)
edit(
    "ODEBlock",
    check="ode_block_values",
    why="the change alone",
    change={
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[-1] - x"
        ),
    },
)
edit("ODEBlock", check="ode_block_values", why="one step", change={"times, self.steps": "times"})
edit("ODEBlock", check="ode_block_values", why="backwards", change={"[0.0, 1.0]": "[1.0, 0.0]"})
edit(
    "ODEBlock",
    check="ode_block_values",
    why="as long as there are steps",
    change={"[0.0, 1.0]": "[0.0, float(self.steps)]"},
)
edit("ODEBlock", check="ode_block_values", why="its own step", change={"self.step, self.f": "rk4, self.f"})
edit(
    "ODEBlock",
    check="ode_block_values",
    why="no history",
    change={
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[-1].detach()"
        ),
    },
)
edit(
    "ODEBlock",
    check="ode_block_values",
    why="another type",
    change={
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[-1].float()"
        ),
    },
)
edit(
    "ode_rnn",
    check="ode_rnn_values",
    why="nan reaches the cell",
    change={"values = torch.where(seen[:, :, None], values, 0.0)": "pass"},
)
edit(
    "ode_rnn",
    check="ode_rnn_values",
    why="unseen counts as 0",
    change={"torch.where(seen[:, n, None], cell(values[:, n], h), h)": "cell(values[:, n], h)"},
)
edit(
    "ode_rnn",
    check="ode_rnn_values",
    why="the first time is skipped",
    change={
        "h = torch.where(seen[:, n, None], cell(values[:, n], h), h)": (
            "h = torch.where(seen[:, n, None] & (n > 0), cell(values[:, n], h), h)"
        ),
    },
)
edit("ode_rnn", check="ode_rnn_values", why="steps of 1", change={"t - times[n - 1]": "torch.tensor(1.0)"})
edit(
    "ode_rnn",
    check="ode_rnn_values",
    why="the end's time",
    change={"step(f, times[n - 1], h": "step(f, t, h"},
)
edit(
    "ode_rnn",
    check="ode_rnn_values",
    why="nan to 0 for all examples",
    change={"seen[:, n, None]": "seen[:, n, None].any(0)"},
)


@wrong(check="ode_rnn_values", why="jumps before it drifts")
def ode_rnn(step, f, cell, times, values, seen, h):
    values = torch.where(seen[:, :, None], values, 0.0)
    for n, t in enumerate(times):
        h = torch.where(seen[:, n, None], cell(values[:, n], h), h)
        if n > 0:
            h = step(f, times[n - 1], h, t - times[n - 1])
    return h


@wrong(check="ode_rnn_values", why="one example after another")
def ode_rnn(step, f, cell, times, values, seen, h):
    rows = []
    for b in range(len(h)):
        state = h[b : b + 1]
        for n in range(len(times)):
            if n > 0:
                state = step(f, times[n - 1], state, times[n] - times[n - 1])
            if seen[b, n]:
                state = cell(values[b : b + 1, n], state)
        rows.append(state)
    return torch.cat(rows)
