"""The mistakes that students make in `flows`; read as text, never imported."""

import torch

edit(
    "log_normal",
    check="log_normal_values",
    why="no constant",
    change={" - 0.5 * z.shape[1] * math.log(2 * math.pi)": ""},
)
edit(
    "log_normal", check="log_normal_values", why="the constant of one dimension", change={"z.shape[1] * ": ""}
)
edit("log_normal", check="log_normal_values", why="no ½", change={"-0.5 * (z": "-(z"})
edit(
    "log_normal", check="log_normal_values", why="counts points, not numbers", change={"z.shape[1]": "len(z)"}
)
edit("log_normal", check="log_normal_values", why="the numbers apart", change={".sum(1)": ""})
edit("log_normal", check="log_normal_values", why="cuts the graph", change={"(z**2)": "(z.detach() ** 2)"})

edit(
    "jacobian",
    check="jacobian_values",
    why="transposed",
    change={"torch.stack(rows, dim=1)": "torch.stack(rows, dim=2)"},
)
edit("jacobian", check="jacobian_values", why="stacked before the points", change={", dim=1)": ", dim=0)"})
edit(
    "jacobian",
    check="jacobian_values",
    why="no graph of the graph",
    change={"create_graph=True": "retain_graph=True"},
)
edit(
    "jacobian",
    check="jacobian_values",
    why="fails under no_grad",
    change={"torch.enable_grad()": "torch.set_grad_enabled(torch.is_grad_enabled())"},
)
edit(
    "jacobian",
    check="jacobian_values",
    why="cuts the thread to the x that it was given",
    change={"x if x.requires_grad else x.detach().requires_grad_()": "x.detach().requires_grad_()"},
)
edit(
    "jacobian",
    check="jacobian_values",
    why="matrices first",
    change={"return y, torch.stack(rows, dim=1)": "return torch.stack(rows, dim=1), y"},
)
edit(
    "jacobian",
    check="jacobian_values",
    why="all results at once, in each row",
    change={"y[:, i].sum()": "y.sum()"},
)

edit(
    "log_density",
    check="log_density_values",
    why="forgets the stretch",
    change={" + torch.linalg.slogdet(J).logabsdet": ""},
)
edit(
    "log_density",
    check="log_density_values",
    why="subtracts",
    change={"log_normal(z) + ": "log_normal(z) - "},
)
edit(
    "log_density",
    check="log_density_values",
    why="adds the determinant",
    change={"torch.linalg.slogdet(J).logabsdet": "torch.linalg.det(J).abs()"},
)
edit(
    "log_density",
    check="log_density_values",
    why="log of a signed determinant",
    change={"torch.linalg.slogdet(J).logabsdet": "torch.logdet(J)"},
)
edit("log_density", check="log_density_values", why="adds the sign", change={"logabsdet": "sign"})
edit(
    "log_density",
    check="log_density_values",
    why="the noise's density at x",
    change={"log_normal(z)": "log_normal(x)"},
)

edit(
    "Coupling",
    check="coupling_values",
    why="the net sees all",
    change={"self.net(self.mask * x)": "self.net(x)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="no bend",
    change={"torch.tanh(s)\n": "s\n", "torch.exp(-torch.tanh(s))": "torch.exp(-s)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="all numbers change",
    change={"self.mask * x + free * (x * torch.exp(s) + t)": "x * torch.exp(s) + t"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="drops what is kept",
    change={"return self.mask * x + free": "return free"},
)
edit("Coupling", check="coupling_values", why="counts all scales", change={"(free * s).sum(1)": "s.sum(1)"})
edit(
    "Coupling",
    check="coupling_values",
    why="log-determinant of the way back",
    change={"(free * s).sum(1)": "-(free * s).sum(1)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="one log-determinant a batch",
    change={"(free * s).sum(1)": "(free * s).sum()"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="the determinant",
    change={"(free * s).sum(1)": "(free * torch.exp(s)).prod(1)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="moves, then scales",
    change={"(x * torch.exp(s) + t)": "(x + t) * torch.exp(s)"},
)
edit("Coupling", check="coupling_values", why="multiplies by s", change={"x * torch.exp(s)": "x * s"})
edit(
    "Coupling",
    check="coupling_values",
    why="t before s",
    change={"s, t = self.net(self.mask * x)": "t, s = self.net(self.mask * x)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="the inverse scales the wrong way",
    change={"torch.exp(-torch.tanh(s))": "torch.exp(torch.tanh(s))"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="the inverse moves last",
    change={"(z - t) * torch.exp(-torch.tanh(s))": "(z * torch.exp(-torch.tanh(s)) - t)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="the inverse asks about all of z",
    change={"self.net(self.mask * z)": "self.net(z)"},
)
edit(
    "Coupling",
    check="coupling_values",
    why="cuts the graph",
    change={"free, s = 1 - self.mask, torch.tanh(s)": "free, s = 1 - self.mask, torch.tanh(s).detach()"},
)

edit(
    "spectral_norm",
    check="spectral_norm_values",
    why="no lengths",
    change={"F.normalize(W.T @ u, dim=0)": "W.T @ u", "F.normalize(W @ v, dim=0)": "W @ v"},
)
edit(
    "spectral_norm", check="spectral_norm_values", why="always one step", change={"range(steps)": "range(1)"}
)
edit(
    "spectral_norm",
    check="spectral_norm_values",
    why="a step too many",
    change={"range(steps)": "range(steps + 1)"},
)
edit(
    "spectral_norm",
    check="spectral_norm_values",
    why="differentiates the vectors too",
    change={"torch.no_grad()": "torch.enable_grad()"},
)
edit(
    "spectral_norm",
    check="spectral_norm_values",
    why="no gradient at all",
    change={"u @ W @ v": "u @ W.detach() @ v"},
)
edit(
    "spectral_norm",
    check="spectral_norm_values",
    why="u first",
    change={"return u @ W @ v, u": "return u, u @ W @ v"},
)
edit("spectral_norm", check="spectral_norm_values", why="gives v", change={"u @ W @ v, u": "u @ W @ v, v"})


@wrong(check="spectral_norm_values", why="the size of all entries")
def spectral_norm(W, u, steps):
    return (W**2).sum().sqrt(), u


edit(
    "contracted",
    check="contracted_values",
    why="also stretches",
    change={"torch.clamp(c / sigma, max=1.0)": "(c / sigma)"},
)
edit("contracted", check="contracted_values", why="to 1, not to c", change={"c / sigma": "1 / sigma"})
edit("contracted", check="contracted_values", why="the wrong way round", change={"c / sigma": "sigma / c"})
edit("contracted", check="contracted_values", why="min for max", change={"max=": "min="})
edit(
    "contracted",
    check="contracted_values",
    why="σ as a bare number",
    change={"c / sigma": "c / sigma.detach()"},
)

edit("fixed_point", check="fixed_point_values", why="adds", change={"z - g(x)": "z + g(x)"})
edit("fixed_point", check="fixed_point_values", why="walks on from x", change={"z - g(x)": "x - g(x)"})
edit("fixed_point", check="fixed_point_values", why="g of z", change={"g(x)": "g(z)"})
edit(
    "fixed_point",
    check="fixed_point_values",
    why="begins at 0",
    change={"x = z\n": "x = torch.zeros_like(z)\n"},
)
edit(
    "fixed_point",
    check="fixed_point_values",
    why="a step too few",
    change={"range(steps)": "range(1, steps)"},
)
edit(
    "fixed_point",
    check="fixed_point_values",
    why="under no_grad",
    change={"x = z - g(x)": "x = z - g(x).detach()"},
)

edit(
    "log_det_series",
    check="log_det_series_values",
    why="what the vector has come from is differentiated, too",
    change={
        "torch.autograd.grad(y, x, w, create_graph=True)": "torch.autograd.grad((y * w).sum(), x, create_graph=True)"
    },
)
edit(
    "log_det_series",
    check="log_det_series_values",
    why="no signs",
    change={"total - (-1) ** k / k": "total + 1 / k"},
)
edit(
    "log_det_series",
    check="log_det_series_values",
    why="signs the wrong way round",
    change={"total - (-1)": "total + (-1)"},
)
edit("log_det_series", check="log_det_series_values", why="no 1/k", change={"(-1) ** k / k": "(-1) ** k"})
edit(
    "log_det_series",
    check="log_det_series_values",
    why="no powers",
    change={"autograd.grad(y, x, w,": "autograd.grad(y, x, e,"},
)
edit(
    "log_det_series",
    check="log_det_series_values",
    why="a term too few",
    change={"range(1, terms + 1)": "range(1, terms)"},
)
edit("log_det_series", check="log_det_series_values", why="without x", change={"return x + y": "return y"})
edit(
    "log_det_series",
    check="log_det_series_values",
    why="factorials, as in exp",
    change={"(-1) ** k / k": "(-1) ** k / math.factorial(k)"},
)
edit(
    "log_det_series",
    check="log_det_series_values",
    why="no graph of the graph",
    change={"create_graph=True": "retain_graph=True"},
)
edit(
    "log_det_series",
    check="log_det_series_values",
    why="forgets e at the end",
    change={"(w * e).sum(1)": "w.sum(1)"},
)
edit(
    "log_det_series",
    check="log_det_series_values",
    why="one number a batch",
    change={"(w * e).sum(1)": "(w * e).sum()"},
)

edit(
    "exact_trace",
    check="exact_trace_values",
    why="the whole matrix",
    change={"J.diagonal(dim1=1, dim2=2).sum(1)": "J.sum((1, 2))"},
)
edit("exact_trace", check="exact_trace_values", why="the diagonal itself", change={".sum(1)": ""})
edit(
    "exact_trace",
    check="exact_trace_values",
    why="the diagonal of the wrong axes",
    change={"dim1=1, dim2=2": "dim1=0, dim2=1"},
)
edit(
    "exact_trace",
    check="exact_trace_values",
    why="cuts the graph",
    change={"return v, J": "return v, J.detach()"},
)

edit(
    "hutchinson",
    check="hutchinson_values",
    why="forgets e at the end",
    change={"(eJ * e).sum(1)": "eJ.sum(1)"},
)
edit("hutchinson", check="hutchinson_values", why="multiplies by f", change={"(eJ * e)": "(v * e)"})
edit("hutchinson", check="hutchinson_values", why="a mean", change={"(eJ * e).sum(1)": "(eJ * e).mean(1)"})
edit(
    "hutchinson",
    check="hutchinson_values",
    why="one number a batch",
    change={"(eJ * e).sum(1)": "(eJ * e).sum()"},
)
edit(
    "hutchinson",
    check="hutchinson_values",
    why="no graph of the graph",
    change={"create_graph=True": "retain_graph=True"},
)
edit(
    "hutchinson",
    check="hutchinson_values",
    why="draws its own signs",
    change={"v = f(z)": "v, e = f(z), torch.sign(torch.randn_like(z))"},
)
edit(
    "hutchinson",
    check="hutchinson_values",
    why="fails under no_grad",
    change={"torch.enable_grad()": "torch.set_grad_enabled(torch.is_grad_enabled())"},
)


@wrong(check="hutchinson_values", why="the exact trace")
def hutchinson(f, z, e):
    return exact_trace(f, z)


edit(
    "with_log_density",
    check="with_log_density_values",
    why="plus the trace",
    change={"return v, -trace": "return v, trace"},
)
edit(
    "with_log_density",
    check="with_log_density_values",
    why="e is never used",
    change={" if e is None else hutchinson(here, z, e)": ""},
)
edit(
    "with_log_density",
    check="with_log_density_values",
    why="time stands still",
    change={"partial(f, t)": "partial(f, torch.tensor(0.0))"},
)
edit(
    "with_log_density",
    check="with_log_density_values",
    why="the two the wrong way round",
    change={"return v, -trace": "return -trace, v"},
)
edit(
    "with_log_density",
    check="with_log_density_values",
    why="adds to log p",
    change={"z, _ = state": "z, log_p = state", "return v, -trace": "return v, log_p - trace"},
)
edit(
    "with_log_density",
    check="with_log_density_values",
    why="cuts the graph",
    change={"return v, -trace": "return v, -trace.detach()"},
)

edit(
    "cnf_log_density",
    check="cnf_log_density_values",
    why="the wrong sign",
    change={"log_normal(z) - change": "log_normal(z) + change"},
)
edit(
    "cnf_log_density", check="cnf_log_density_values", why="time from 0 to 1", change={"1.0, 0.0": "0.0, 1.0"}
)
edit(
    "cnf_log_density",
    check="cnf_log_density_values",
    why="forgets the change",
    change={"log_normal(z) - change": "log_normal(z)"},
)
edit(
    "cnf_log_density",
    check="cnf_log_density_values",
    why="the noise is asked about x",
    change={"log_normal(z)": "log_normal(x)"},
)
edit(
    "cnf_log_density",
    check="cnf_log_density_values",
    why="e is not handed on",
    change={"with_log_density(f, e)": "with_log_density(f)"},
)
edit(
    "cnf_log_density",
    check="cnf_log_density_values",
    why="a fixed number of steps",
    change={"0.0, steps": "0.0, 10"},
)
edit(
    "cnf_log_density",
    check="cnf_log_density_values",
    why="begins with log N(x)",
    change={"x.new_zeros(len(x))": "log_normal(x)"},
)

edit("cnf_sample", check="cnf_sample_values", why="time from 1 to 0", change={"0.0, 1.0": "1.0, 0.0"})
edit("cnf_sample", check="cnf_sample_values", why="a tuple", change={"steps)[0]": "steps)"})
edit(
    "cnf_sample",
    check="cnf_sample_values",
    why="time stands still",
    change={"f(t, state[0])": "f(torch.tensor(0.0), state[0])"},
)


@wrong(check="cnf_sample_values", why="one step of Euler")
def cnf_sample(f, z, steps):
    return z + f(torch.tensor(0.0), z)
