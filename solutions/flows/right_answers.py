"""Other right ways through `flows`; read as text, never imported."""

import torch


from torch import nn


@right(why="the library's distribution")
def log_normal(z):
    return torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(dim=-1)


@right(why="rows first, then the points in front; a product instead of a sum of one result")
def jacobian(f, x):
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().clone().requires_grad_(True)
        y = f(x)
        rows = []
        for result in y.unbind(dim=1):
            (row,) = torch.autograd.grad(result, x, torch.ones_like(result), create_graph=True)
            rows.append(row)
        return y, torch.stack(rows).transpose(0, 1)


@right(why="one backward for each result, by one-hot vectors")
def jacobian(f, x):
    with torch.enable_grad():
        x = x if x.requires_grad else x.clone().requires_grad_()
        y = f(x)
        J = torch.zeros(*x.shape, x.shape[1])
        for i in range(x.shape[1]):
            one = torch.zeros_like(y)
            one[:, i] = 1
            J[:, i] = torch.autograd.grad(y, x, one, create_graph=True, retain_graph=True)[0]
    return y, J


@right(why="torch.func: all points at once")
def jacobian(f, x):
    with torch.enable_grad():
        return f(x), torch.func.jacrev(lambda z: f(z).sum(0))(x).transpose(0, 1)


@right(why="torch.func.jacrev of its own")
def log_density(f, x):
    J = torch.func.jacrev(lambda z: f(z).sum(0))(x).transpose(0, 1)
    return log_normal(f(x)) + torch.linalg.slogdet(J)[1]


@right(why="det, abs, log")
def log_density(f, x):
    z, J = jacobian(f, x)
    return log_normal(z) + torch.log(torch.abs(torch.det(J)))


@right(why="the layer written with where")
class Coupling(nn.Module):
    def __init__(self, mask, net):
        super().__init__()
        self.register_buffer("mask", mask.float())
        self.net = net

    def forward(self, x):
        keep = self.mask.bool()
        out = self.net(torch.where(keep, x, torch.zeros_like(x)))
        D = x.shape[1]
        s, t = torch.where(keep, 0.0, out[:, :D].tanh()), torch.where(keep, 0.0, out[:, D:])
        return x * s.exp() + t, s.sum(dim=1)

    def inverse(self, z):
        keep = self.mask.bool()
        out = self.net(torch.where(keep, z, torch.zeros_like(z)))
        D = z.shape[1]
        return torch.where(keep, z, (z - out[:, D:]) / out[:, :D].tanh().exp())


@right(why="lengths by hand, vectors detached")
def spectral_norm(W, u, steps):
    fixed = W.detach()
    for _ in range(steps):
        v = fixed.t().mv(u)
        v = v / v.norm()
        u = fixed.mv(v)
        u = u / u.norm()
    return torch.dot(u.detach(), torch.mv(W, v.detach())), u.detach()


@right(why="divide by the larger of 1 and σ/c")
def contracted(W, sigma, c):
    return W / torch.clamp(sigma / c, min=1.0)


@right(why="a plain if")
def contracted(W, sigma, c):
    if sigma > c:
        return c * W / sigma
    return W


@right(why="recursion")
def fixed_point(g, z, steps):
    return z if steps == 0 else z - g(fixed_point(g, z, steps - 1))


@right(why="a sign that turns, forward products")
def log_det_series(g, x, e, terms):
    with torch.enable_grad():
        x = x.requires_grad_() if not x.requires_grad else x
        gx = g(x)
        row, sign, found = e, 1.0, []
        for k in range(terms):
            row = torch.autograd.grad(gx, x, grad_outputs=row, create_graph=True, retain_graph=True)[0]
            found.append(sign * torch.einsum("bd,bd->b", row, e) / (k + 1))
            sign = -sign
    return x + gx, torch.stack(found).sum(0)


@right(why="the Jacobian's powers")
def log_det_series(g, x, e, terms):
    y, J = jacobian(g, x)
    total, power = 0, e[:, :, None]
    for k in range(1, terms + 1):
        power = J @ power
        total = total + (-1) ** (k + 1) * (e[:, None] @ power)[:, 0, 0] / k
    return x + y, total


@right(why="one derivative at a time")
def exact_trace(f, z):
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        v, total = f(z), 0
        for i in range(z.shape[1]):
            total = total + torch.autograd.grad(v[:, i].sum(), z, create_graph=True)[0][:, i]
    return v, total


@right(why="the gradient of a product")
def hutchinson(f, z, e):
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        v = f(z)
        g = torch.autograd.grad((v * e).sum(), z, create_graph=True)[0]
    return v, (g * e).sum(dim=-1)


@right(why="a lambda in the function")
def with_log_density(f, e=None):
    def right_side(t, state):
        def here(z):
            return f(t, z)

        if e is not None:
            v, trace = hutchinson(here, state[0], e)
        else:
            v, trace = exact_trace(here, state[0])
        return (v, -1 * trace)

    return right_side


@right(why="begins with something else than 0 and takes the difference")
def cnf_log_density(f, x, steps, e=None):
    start = torch.ones(x.shape[0])
    z, end = rk4(with_log_density(f, e), (x, start), 1.0, 0.0, steps)
    return log_normal(z) + (start - end)


@right(why="the pair, traces and all")
def cnf_sample(f, z, steps):
    return rk4(with_log_density(f), (z, torch.zeros(len(z))), 0.0, 1.0, steps)[0]


@right(why="torch.func.vjp, again and again")
def log_det_series(g, x, e, terms):
    with torch.enable_grad():
        gx, pull = torch.func.vjp(g, x)
        row, total = e, 0
        for k in range(1, terms + 1):
            (row,) = pull(row)
            total = total - (-1) ** k * (row * e).sum(1) / k
    return x + gx, total


@right(why="the diagonal of torch.func.jacrev")
def exact_trace(f, z):
    with torch.enable_grad():
        J = torch.func.jacrev(lambda z: f(z).sum(0))(z)
        return f(z), torch.einsum("ibi->b", J)


@right(why="torch.func.jvp: a product from the other side")
def hutchinson(f, z, e):
    with torch.enable_grad():
        v, product = torch.func.jvp(f, (z,), (e,))
    return v, (product * e).sum(1)
