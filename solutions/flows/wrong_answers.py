"""The mistakes that students make in `flows`; read as text, never imported."""

import torch


edits["log_normal", "log_normal_values"] = {
    "no constant": {" - 0.5 * z.shape[1] * math.log(2 * math.pi)": ""},
    "the constant of one dimension": {"z.shape[1] * ": ""},
    "no ½": {"-0.5 * (z": "-(z"},
    "counts points, not numbers": {"z.shape[1]": "len(z)"},
    "the numbers apart": {".sum(1)": ""},
    "cuts the graph": {"(z**2)": "(z.detach() ** 2)"},
}


edits["jacobian", "jacobian_values"] = {
    "transposed": {"torch.stack(rows, dim=1)": "torch.stack(rows, dim=2)"},
    "stacked before the points": {", dim=1)": ", dim=0)"},
    "no graph of the graph": {"create_graph=True": "retain_graph=True"},
    "fails under no_grad": {"torch.enable_grad()": "torch.set_grad_enabled(torch.is_grad_enabled())"},
    "cuts the thread to the x that it was given": {
        "x if x.requires_grad else x.detach().requires_grad_()": "x.detach().requires_grad_()"
    },
    "matrices first": {"return y, torch.stack(rows, dim=1)": "return torch.stack(rows, dim=1), y"},
    "all results at once, in each row": {"y[:, i].sum()": "y.sum()"},
}


edits["log_density", "log_density_values"] = {
    "forgets the stretch": {" + torch.linalg.slogdet(J).logabsdet": ""},
    "subtracts": {"log_normal(z) + ": "log_normal(z) - "},
    "adds the determinant": {"torch.linalg.slogdet(J).logabsdet": "torch.linalg.det(J).abs()"},
    "log of a signed determinant": {"torch.linalg.slogdet(J).logabsdet": "torch.logdet(J)"},
    "adds the sign": {"logabsdet": "sign"},
    "the noise's density at x": {"log_normal(z)": "log_normal(x)"},
}


edits["Coupling", "coupling_values"] = {
    "the net sees all": {"self.net(self.mask * x)": "self.net(x)"},
    "no bend": {"torch.tanh(s)\n": "s\n", "torch.exp(-torch.tanh(s))": "torch.exp(-s)"},
    "all numbers change": {"self.mask * x + free * (x * torch.exp(s) + t)": "x * torch.exp(s) + t"},
    "drops what is kept": {"return self.mask * x + free": "return free"},
    "counts all scales": {"(free * s).sum(1)": "s.sum(1)"},
    "log-determinant of the way back": {"(free * s).sum(1)": "-(free * s).sum(1)"},
    "one log-determinant a batch": {"(free * s).sum(1)": "(free * s).sum()"},
    "the determinant": {"(free * s).sum(1)": "(free * torch.exp(s)).prod(1)"},
    "moves, then scales": {"(x * torch.exp(s) + t)": "(x + t) * torch.exp(s)"},
    "multiplies by s": {"x * torch.exp(s)": "x * s"},
    "t before s": {"s, t = self.net(self.mask * x)": "t, s = self.net(self.mask * x)"},
    "the inverse scales the wrong way": {"torch.exp(-torch.tanh(s))": "torch.exp(torch.tanh(s))"},
    "the inverse moves last": {"(z - t) * torch.exp(-torch.tanh(s))": "(z * torch.exp(-torch.tanh(s)) - t)"},
    "the inverse asks about all of z": {"self.net(self.mask * z)": "self.net(z)"},
    "cuts the graph": {
        "free, s = 1 - self.mask, torch.tanh(s)": "free, s = 1 - self.mask, torch.tanh(s).detach()"
    },
}


edits["spectral_norm", "spectral_norm_values"] = {
    "no lengths": {"F.normalize(W.T @ u, dim=0)": "W.T @ u", "F.normalize(W @ v, dim=0)": "W @ v"},
    "always one step": {"range(steps)": "range(1)"},
    "a step too many": {"range(steps)": "range(steps + 1)"},
    "differentiates the vectors too": {"torch.no_grad()": "torch.enable_grad()"},
    "no gradient at all": {"u @ W @ v": "u @ W.detach() @ v"},
    "u first": {"return u @ W @ v, u": "return u, u @ W @ v"},
    "gives v": {"u @ W @ v, u": "u @ W @ v, v"},
}


@wrong(check="spectral_norm_values", why="the size of all entries")
def spectral_norm(W, u, steps):
    return (W**2).sum().sqrt(), u


edits["contracted", "contracted_values"] = {
    "also stretches": {"torch.clamp(c / sigma, max=1.0)": "(c / sigma)"},
    "to 1, not to c": {"c / sigma": "1 / sigma"},
    "the wrong way round": {"c / sigma": "sigma / c"},
    "min for max": {"max=": "min="},
    "σ as a bare number": {"c / sigma": "c / sigma.detach()"},
}


edits["fixed_point", "fixed_point_values"] = {
    "adds": {"z - g(x)": "z + g(x)"},
    "walks on from x": {"z - g(x)": "x - g(x)"},
    "g of z": {"g(x)": "g(z)"},
    "begins at 0": {"x = z\n": "x = torch.zeros_like(z)\n"},
    "a step too few": {"range(steps)": "range(1, steps)"},
    "under no_grad": {"x = z - g(x)": "x = z - g(x).detach()"},
}


edits["log_det_series", "log_det_series_values"] = {
    "what the vector has come from is differentiated, too": {
        "torch.autograd.grad(y, x, w, create_graph=True)": "torch.autograd.grad((y * w).sum(), x, create_graph=True)"
    },
    "no signs": {"total - (-1) ** k / k": "total + 1 / k"},
    "signs the wrong way round": {"total - (-1)": "total + (-1)"},
    "no 1/k": {"(-1) ** k / k": "(-1) ** k"},
    "no powers": {"autograd.grad(y, x, w,": "autograd.grad(y, x, e,"},
    "a term too few": {"range(1, terms + 1)": "range(1, terms)"},
    "without x": {"return x + y": "return y"},
    "factorials, as in exp": {"(-1) ** k / k": "(-1) ** k / math.factorial(k)"},
    "no graph of the graph": {"create_graph=True": "retain_graph=True"},
    "forgets e at the end": {"(w * e).sum(1)": "w.sum(1)"},
    "one number a batch": {"(w * e).sum(1)": "(w * e).sum()"},
}


edits["exact_trace", "exact_trace_values"] = {
    "the whole matrix": {"J.diagonal(dim1=1, dim2=2).sum(1)": "J.sum((1, 2))"},
    "the diagonal itself": {".sum(1)": ""},
    "the diagonal of the wrong axes": {"dim1=1, dim2=2": "dim1=0, dim2=1"},
    "cuts the graph": {"return v, J": "return v, J.detach()"},
}


edits["hutchinson", "hutchinson_values"] = {
    "forgets e at the end": {"(eJ * e).sum(1)": "eJ.sum(1)"},
    "multiplies by f": {"(eJ * e)": "(v * e)"},
    "a mean": {"(eJ * e).sum(1)": "(eJ * e).mean(1)"},
    "one number a batch": {"(eJ * e).sum(1)": "(eJ * e).sum()"},
    "no graph of the graph": {"create_graph=True": "retain_graph=True"},
    "draws its own signs": {"v = f(z)": "v, e = f(z), torch.sign(torch.randn_like(z))"},
    "fails under no_grad": {"torch.enable_grad()": "torch.set_grad_enabled(torch.is_grad_enabled())"},
}


@wrong(check="hutchinson_values", why="the exact trace")
def hutchinson(f, z, e):
    return exact_trace(f, z)


edits["with_log_density", "with_log_density_values"] = {
    "plus the trace": {"return v, -trace": "return v, trace"},
    "e is never used": {" if e is None else hutchinson(here, z, e)": ""},
    "time stands still": {"partial(f, t)": "partial(f, torch.tensor(0.0))"},
    "the two the wrong way round": {"return v, -trace": "return -trace, v"},
    "adds to log p": {"z, _ = state": "z, log_p = state", "return v, -trace": "return v, log_p - trace"},
    "cuts the graph": {"return v, -trace": "return v, -trace.detach()"},
}


edits["cnf_log_density", "cnf_log_density_values"] = {
    "the wrong sign": {"log_normal(z) - change": "log_normal(z) + change"},
    "time from 0 to 1": {"1.0, 0.0": "0.0, 1.0"},
    "forgets the change": {"log_normal(z) - change": "log_normal(z)"},
    "the noise is asked about x": {"log_normal(z)": "log_normal(x)"},
    "e is not handed on": {"with_log_density(f, e)": "with_log_density(f)"},
    "a fixed number of steps": {"0.0, steps": "0.0, 10"},
    "begins with log N(x)": {"x.new_zeros(len(x))": "log_normal(x)"},
}


edits["cnf_sample", "cnf_sample_values"] = {
    "time from 1 to 0": {"0.0, 1.0": "1.0, 0.0"},
    "a tuple": {"steps)[0]": "steps)"},
    "time stands still": {"f(t, state[0])": "f(torch.tensor(0.0), state[0])"},
}


@wrong(check="cnf_sample_values", why="one step of Euler")
def cnf_sample(f, z, steps):
    return z + f(torch.tensor(0.0), z)
