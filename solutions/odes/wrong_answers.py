"""The mistakes that students make in the lab `odes`."""

import torch


edits["euler", "euler_values"] = {
    "the change alone": {"return y + h * f(t, y)": "return h * f(t, y)"},
    "forgets h": {"return y + h * f(t, y)": "return y + f(t, y)"},
    "the arrow of time 0": {"return y + h * f(t, y)": "return y + h * f(0.0, y)"},
    "the arrow of the end": {"return y + h * f(t, y)": "return y + h * f(t + h, y)"},
    "state and time swapped": {"return y + h * f(t, y)": "return y + h * f(y, t)"},
    "no history": {"return y + h * f(t, y)": "return (y + h * f(t, y)).detach()"},
    "looks twice": {"return y + h * f(t, y)": "return y + h * (f(t, y) + f(t, y)) / 2"},
}


edits["rk4", "rk4_values"] = {
    "Euler": {"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h * k1"},
    "midpoint": {"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h * k2"},
    "equal weights": {"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h / 4 * (k1 + k2 + k3 + k4)"},
    "weights add up to six": {"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h * (k1 + 2 * k2 + 2 * k3 + k4)"},
    "k3 along k1": {"k3 = f(t + h / 2, y + h / 2 * k2)": "k3 = k2"},
    "k4 half-way": {"k4 = f(t + h, y": "k4 = f(t + h / 2, y", "+ h * k3": "+ h / 2 * k3"},
    "all places at the time t": {
        "k2 = f(t + h / 2": "k2 = f(t",
        "k3 = f(t + h / 2": "k3 = f(t",
        "k4 = f(t + h,": "k4 = f(t,",
    },
    "no history": {"h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)": "h / 6 * (k1 + 2 * k2 + 2 * k3 + k4).detach()"},
}


@wrong(check="rk4_values", why="the 3/8 rule")
def rk4(f, t, y, h):
    k1 = f(t, y)
    k2 = f(t + h / 3, y + h / 3 * k1)
    k3 = f(t + 2 * h / 3, y + h * (k2 - k1 / 3))
    k4 = f(t + h, y + h * (k1 - k2 + k3))
    return y + h / 8 * (k1 + 3 * k2 + 3 * k3 + k4)


edits["integrate", "integrate_values"] = {
    "every step has the whole size": {"h = (end - start) / substeps": "h = end - start"},
    "all steps at the start's time": {"start + n * h": "start"},
    "one step too many": {"range(substeps)": "range(substeps + 1)"},
    "no first state": {"states = [y]": "states = []"},
    "the last state alone": {"torch.stack(states)": "states[-1]"},
    "never goes back": {"h = (end - start) / substeps": "h = abs(end - start) / substeps"},
    "times as plain numbers": {"h = (end - start) / substeps": "h = (end - start).item() / substeps"},
    "no history": {"torch.stack(states)": "torch.stack(states).detach()"},
    "all steps as long as the first": {
        "h = (end - start) / substeps": "h = (times[1] - times[0]) / substeps"
    },
}


edits["order", "order_values"] = {
    "through the origin": {"x, z = x - x.mean(), z - z.mean()": "pass"},
    "swapped": {"/ (x * x).sum()": "/ (z * z).sum()"},
    "no logarithms": {"sizes.log(), errors.log()": "sizes, errors"},
    "the wrong sign": {"(x * z).sum()": "-(x * z).sum()"},
}


@wrong(check="order_values", why="the first and the last alone")
def order(sizes, errors):
    return float((errors[-1] / errors[0]).log() / (sizes[-1] / sizes[0]).log())


@wrong(check="order_values", why="the mean of slopes between neighbours")
def order(sizes, errors):
    return float((errors.log().diff() / sizes.log().diff()).mean())


edits["dormand_prince", "dormand_prince_values"] = {
    "each row from the place before": {
        "place = y + h * sum(a * k for a, k in zip(row, slopes))": (
            "place = place + h * sum(a * k for a, k in zip(row, slopes))"
        ),
    },
    "one time for all": {"slopes.append(f(t + c * h, place))": "slopes.append(f(t, place))"},
    "nodes not scaled": {"slopes.append(f(t + c * h, place))": "slopes.append(f(t + c, place))"},
    "an error without h": {
        "error = h * sum(e * k for e, k in zip(ERROR, slopes))": "error = sum(e * k for e, k in zip(ERROR, slopes))"
    },
    "the sign": {
        "error = h * sum(e * k for e, k in zip(ERROR, slopes))": (
            "error = -h * sum(e * k for e, k in zip(ERROR, slopes))"
        ),
    },
    "looks at the start again": {"[first], y": "[f(t, y)], y"},
    "the sixth arrow": {"slopes[-1]": "slopes[-2]"},
    "two things": {"return place, error, slopes[-1]": "return place, error"},
    "no history": {
        "place = y + h * sum(a * k for a, k in zip(row, slopes))": (
            "place = y + h * sum(a * k.detach() for a, k in zip(row, slopes))"
        ),
    },
}


edits["error_ratio", "error_ratio_values"] = {
    "y alone": {"torch.maximum(y.abs(), new.abs())": "y.abs()"},
    "the new state alone": {"torch.maximum(y.abs(), new.abs())": "new.abs()"},
    "no absolute values": {"torch.maximum(y.abs(), new.abs())": "torch.maximum(y, new)"},
    "swapped": {"atol + rtol": "rtol + atol"},
    "a sum": {"square().mean()": "square().sum()"},
    "no root": {".sqrt()": ""},
    "the worst": {".square().mean().sqrt()": ".abs().max()"},
    "a mean of sizes": {".square().mean().sqrt()": ".abs().mean()"},
    "one scale for all": {"torch.maximum(y.abs(), new.abs())": "torch.maximum(y.abs(), new.abs()).max()"},
}


edits["next_size", "next_size_values"] = {
    "grows with the error": {"**-0.2": "**0.2"},
    "nothing to spare": {"0.9 * ratio": "ratio"},
    "a fourth root": {"**-0.2": "**-0.25"},
    "forgets h": {"return h * min": "return min"},
    "no upper bound": {"min(10.0, max(0.2, factor))": "max(0.2, factor)"},
    "no lower bound": {"min(10.0, max(0.2, factor))": "min(10.0, factor)"},
    "divides by 0": {"10.0 if ratio == 0 else ": ""},
    "bounds the size, not the factor": {"h * min(10.0, max(0.2, factor))": "min(10.0, max(0.2, h * factor))"},
}


edits["adaptive", "adaptive_values"] = {
    "takes every step": {"if ratio <= 1:": "if True:"},
    "takes the bad ones": {"if ratio <= 1:": "if ratio > 1:"},
    "goes beyond the end": {"h = min(h, end - t)": "pass"},
    "the first arrow stays": {
        "t, y, first = (end if h == end - t else t + h), new, last": "t, y = (end if h == end - t else t + h), new"
    },
    "the state changes also if refused": {
        "new, error, last = dormand_prince(f, t, y, h, first)\n        ratio = "
        "error_ratio(error, y, new, rtol, atol)": (
            "old = y\n        y, error, last = new, _, _ = dormand_prince(f, t, y, h, first)\n "
            "       ratio = error_ratio(error, old, new, rtol, atol)"
        ),
    },
    "never gives up": {"if t + h == t:": "if False:"},
    "a step never grows": {"h = next_size(h, ratio)": "h = min(h, next_size(h, ratio))"},
    "the tolerances are swapped": {"rtol, atol)\n        if": "atol, rtol)\n        if"},
    "the last state alone": {"return y, times": "return y"},
    "no beginning": {"f(start, y), [start]": "f(start, y), []"},
    "begins at 0": {"t, first, times = start, f(start, y)": "t, first, times = 0.0, f(0.0, y)"},
    "no history": {"return y, times": "return y.detach(), times"},
}


edits["crossing", "crossing_values"] = {
    "the other half": {"> 0": "< 0"},
    "above the ground": {"return high": "return low"},
    "the time": {"return high": "return t + high"},
    "halves once": {"while high - low > within:": "if True:"},
    "goes on from where it was": {
        "if g(step(f, t, y, middle)) > 0:": "if g(y := step(f, t, y, middle)) > 0:"
    },
    "its own tolerance": {"> within": "> 1e-2"},
}


edits["adjoint_dynamics", "adjoint_dynamics_values"] = {
    "no minus": {"-a, mat": "a, mat"},
    "forgets a": {"-a, mat": "-torch.ones_like(a), mat"},
    "keeps the history": {"dy.detach(), da": "dy, da"},
    "unused parameters": {", materialize_grads=True": ""},
    "nothing for unused parameters": {"materialize_grads=True": "allow_unused=True"},
    "the order": {"dy.detach(), da, dg": "dy.detach(), dg, da"},
    "the time 0": {"f(t, y, theta)": "f(0.0, y, theta)"},
}


edits["adjoint_dynamics", "adjoint_memory"] = {
    "gradients are off": {"with torch.enable_grad():": "if True:"},
}


edits["adjoint", "adjoint_values"] = {
    "the last time only": {"a = a + slopes[n - 1].flatten()": "pass"},
    "never the first time": {
        "a = a + slopes[n - 1].flatten()": "a = a + slopes[n - 1].flatten() if n > 1 else a"
    },
    "forwards": {"times[[n, n - 1]]": "times[[n - 1, n]]"},
    "one step": {"times[[n, n - 1]], substeps": "times[[n, n - 1]], 1"},
    "the gradient starts anew": {
        "_, a, g = packed.split([size, size, theta.numel()])\n        a": (
            "_, a, g = packed.split([size, size, theta.numel()])\n        g = "
            "torch.zeros_like(g) if n > 1 else g\n        a"
        ),
    },
    "the state of its own": {
        "packed = torch.cat([states[n].flatten(), a, g])": (
            "packed = torch.cat([states[n].flatten() if n == len(times) - 1 else packed[:size], a, g])"
        ),
    },
    "the order": {"return a.view(shape), g": "return g, a.view(shape)"},
    "the sign": {"return a.view(shape), g": "return a.view(shape), -g"},
    "one state for all times": {"states[n].flatten()": "states[-1].flatten()"},
    "asks the field about the long vector": {"y.view(shape), a.view(shape)": "y, a"},
    "does not unpack at the end": {"a.view(shape), g": "a, g"},
}


@wrong(check="adjoint_values", why="the slopes are never carried back")
def adjoint(step, f, theta, times, states, slopes, substeps=1):
    return slopes.sum(0), torch.zeros_like(theta)


edits["ODEBlock", "ode_block_values"] = {
    "all states": {
        "integrate(self.step, self.f, x, times, self.steps)[-1]": "integrate(self.step, self.f, x, times, self.steps)"
    },
    "the first state": {
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[0]"
        ),
    },
    "the change alone": {
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[-1] - x"
        ),
    },
    "one step": {"times, self.steps": "times"},
    "backwards": {"[0.0, 1.0]": "[1.0, 0.0]"},
    "as long as there are steps": {"[0.0, 1.0]": "[0.0, float(self.steps)]"},
    "its own step": {"self.step, self.f": "rk4, self.f"},
    "no history": {
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[-1].detach()"
        ),
    },
    "another type": {
        "integrate(self.step, self.f, x, times, self.steps)[-1]": (
            "integrate(self.step, self.f, x, times, self.steps)[-1].float()"
        ),
    },
}


edits["ode_rnn", "ode_rnn_values"] = {
    "nan reaches the cell": {"values = torch.where(seen[:, :, None], values, 0.0)": "pass"},
    "unseen counts as 0": {
        "torch.where(seen[:, n, None], cell(values[:, n], h), h)": "cell(values[:, n], h)"
    },
    "the first time is skipped": {
        "h = torch.where(seen[:, n, None], cell(values[:, n], h), h)": (
            "h = torch.where(seen[:, n, None] & (n > 0), cell(values[:, n], h), h)"
        ),
    },
    "steps of 1": {"t - times[n - 1]": "torch.tensor(1.0)"},
    "the end's time": {"step(f, times[n - 1], h": "step(f, t, h"},
    "nan to 0 for all examples": {"seen[:, n, None]": "seen[:, n, None].any(0)"},
}


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
