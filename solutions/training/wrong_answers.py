"""The commonest mistakes in the exercises of the lab `training`, each with the check that must catch it."""

import math


import torch


import torch.nn.functional as F


from torch import nn


@wrong(check="softmax_values", why="as the formula stands: overflows")
def softmax(z):
    return z.exp() / z.exp().sum(dim=1, keepdim=True)


@wrong(check="softmax_values", why="takes off the largest of all rows: small rows become 0/0")
def softmax(z):
    e = (z - z.max()).exp()
    return e / e.sum(dim=1, keepdim=True)


@wrong(check="softmax_values", why="the wrong axis")
def softmax(z):
    return torch.softmax(z, dim=0)


@wrong(check="softmax_values", why="no keepdim")
def softmax(z):
    e = (z - z.amax(dim=1, keepdim=True)).exp()
    return e / e.sum(dim=1)


@wrong(check="cross_entropy_values", why="in two steps: infinite for large logits")
def cross_entropy(z, y):
    return -torch.log(softmax(z)[torch.arange(len(y)), y]).mean()


@wrong(check="cross_entropy_values", why="caps the loss with an epsilon")
def cross_entropy(z, y):
    return -torch.log(softmax(z)[torch.arange(len(y)), y] + 1e-9).mean()


@wrong(check="cross_entropy_values", why="sum for mean")
def cross_entropy(z, y):
    return F.cross_entropy(z, y, reduction="sum")


@wrong(check="cross_entropy_values", why="a column for each example")
def cross_entropy(z, y):
    return -F.log_softmax(z, dim=1)[:, y].mean()


@wrong(check="cross_entropy_values", why="softmax twice: probabilities where logits are due")
def cross_entropy(z, y):
    return -F.log_softmax(softmax(z), dim=1)[torch.arange(len(y)), y].mean()


@wrong(check="cross_entropy_values", why="a new tensor that asks for gradients, but hangs on nothing")
def cross_entropy(z, y):
    return torch.tensor(F.cross_entropy(z, y).item(), requires_grad=True)


@wrong(check="cross_entropy_slopes", why="forgets that the loss is a mean")
def cross_entropy_gradient(z, y):
    return torch.softmax(z, 1) - F.one_hot(y, z.shape[1])


@wrong(check="cross_entropy_slopes", why="the sign")
def cross_entropy_gradient(z, y):
    return (F.one_hot(y, z.shape[1]) - torch.softmax(z, 1)) / len(y)


@wrong(check="cross_entropy_slopes", why="takes 1 from the column of every class of y")
def cross_entropy_gradient(z, y):
    p = torch.softmax(z, 1)
    p[:, y] -= 1
    return p / len(y)


@wrong(check="cross_entropy_slopes", why="divides by all numbers")
def cross_entropy_gradient(z, y):
    return (torch.softmax(z, 1) - F.one_hot(y, z.shape[1])) / z.numel()


@wrong(check="multiply_slopes", why="slopes exchanged")
def multiply(a, b):
    return Value(a.data * b.data, (a, b), (a.data, b.data))


@wrong(check="multiply_slopes", why="copied from add")
def multiply(a, b):
    return Value(a.data * b.data, (a, b), (1.0, 1.0))


@wrong(check="multiply_slopes", why="hands over Values where numbers are due")
def multiply(a, b):
    return Value(a.data * b.data, (a, b), (b, a))


@wrong(check="multiply_slopes", why="forgets the parents")
def multiply(a, b):
    return Value(a.data * b.data)


@wrong(check="multiply_slopes", why="numbers for parents")
def multiply(a, b):
    return Value(a.data * b.data, (a.data, b.data), (b.data, a.data))


@wrong(check="power_slopes", why="forgets the factor k")
def power(a, k):
    return Value(a.data**k, (a,), (a.data ** (k - 1),))


@wrong(check="power_slopes", why="keeps the exponent")
def power(a, k):
    return Value(a.data**k, (a,), (k * a.data**k,))


@wrong(check="power_slopes", why="squares only")
def power(a, k):
    return Value(a.data**k, (a,), (2 * a.data,))


@wrong(check="power_slopes", why="a number for its parent")
def power(a, k):
    return Value(a.data**k, (a.data,), (k * a.data ** (k - 1),))


@wrong(check="tanh_slopes", why="1 - a² for 1 - tanh² a")
def tanh(a):
    return Value(math.tanh(a.data), (a,), (1 - a.data**2,))


@wrong(check="tanh_slopes", why="the sigmoid's slope")
def tanh(a):
    t = math.tanh(a.data)
    return Value(t, (a,), (t * (1 - t),))


@wrong(check="tanh_slopes", why="1 / cosh without its square")
def tanh(a):
    return Value(math.tanh(a.data), (a,), (1 / math.cosh(a.data),))


@wrong(check="tanh_slopes", why="a number for its parent")
def tanh(a):
    t = math.tanh(a.data)
    return Value(t, (a.data,), (1 - t * t,))


@wrong(check="topological_order", why="the result first")
def topological(result):
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            order.append(value)
            for parent in value.parents:
                visit(parent)

    visit(result)
    return order


@wrong(check="topological_order", why="remembers nothing: values come twice")
def topological(result):
    order = []
    for parent in result.parents:
        order += topological(parent)
    return [*order, result]


@wrong(check="topological_order", why="gives the value that the walk ends at")
def topological(result):
    seen = set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for parent in value.parents:
                visit(parent)
        return value

    return visit(result)


@wrong(check="topological_order", why="tells values apart by their numbers")
def topological(result):
    order, seen = [], set()

    def visit(value):
        if value.data not in seen:
            seen.add(value.data)
            for parent in value.parents:
                visit(parent)
            order.append(value)

    visit(result)
    return order


@wrong(
    check="topological_order",
    why="layer by layer from the result, then turned round: a parent may come too late",
)
def topological(result):
    order, queue = [], [result]
    while queue:
        value = queue.pop(0)
        if value not in order:
            order.append(value)
            queue += value.parents
    return order[::-1]


@wrong(check="backward_values", why="replaces where it should add")
def backward(result):
    order = topological(result)
    for value in order:
        value.grad = 0.0
    result.grad = 1.0
    for value in reversed(order):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad = slope * value.grad


@wrong(check="backward_values", why="keeps what an earlier call left")
def backward(result):
    result.grad = 1.0
    for value in reversed(topological(result)):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad


@wrong(check="backward_values", why="walks forward")
def backward(result):
    order = topological(result)
    for value in order:
        value.grad = 0.0
    result.grad = 1.0
    for value in order:
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad


@wrong(check="backward_values", why="recursion without an order: a shared value hands down too early")
def backward(result):
    for value in topological(result):
        value.grad = 0.0
    result.grad = 1.0

    def walk(value):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope * value.grad
            walk(parent)

    walk(result)


@wrong(check="backward_values", why="forgets to multiply by the value's own grad")
def backward(result):
    order = topological(result)
    for value in order:
        value.grad = 0.0
    result.grad = 1.0
    for value in reversed(order):
        for parent, slope in zip(value.parents, value.slopes):
            parent.grad += slope


@wrong(check="momentum_steps", why="moves by the old velocity")
def momentum_step(theta, g, v, lr, beta=0.9):
    return theta - lr * v, beta * v + g


@wrong(check="momentum_steps", why="averages the gradient in")
def momentum_step(theta, g, v, lr, beta=0.9):
    v = beta * v + (1 - beta) * g
    return theta - lr * v, v


@wrong(check="momentum_steps", why="climbs")
def momentum_step(theta, g, v, lr, beta=0.9):
    v = beta * v + g
    return theta + lr * v, v


@wrong(check="momentum_steps", why="plain descent")
def momentum_step(theta, g, v, lr, beta=0.9):
    return theta - lr * g, beta * v + g


@wrong(check="momentum_steps", why="v before θ")
def momentum_step(theta, g, v, lr, beta=0.9):
    v = beta * v + g
    return v, theta - lr * v


@wrong(check="rmsprop_steps", why="no root")
def rmsprop_step(theta, g, s, lr, alpha=0.99, eps=1e-8):
    s = alpha * s + (1 - alpha) * g**2
    return theta - lr * g / (s + eps), s


@wrong(check="rmsprop_steps", why="epsilon under the root")
def rmsprop_step(theta, g, s, lr, alpha=0.99, eps=1e-8):
    s = alpha * s + (1 - alpha) * g**2
    return theta - lr * g / (s + eps).sqrt(), s


@wrong(check="rmsprop_steps", why="AdaGrad")
def rmsprop_step(theta, g, s, lr, alpha=0.99, eps=1e-8):
    s = s + g**2
    return theta - lr * g / (s.sqrt() + eps), s


@wrong(check="rmsprop_steps", why="alpha the other way round")
def rmsprop_step(theta, g, s, lr, alpha=0.99, eps=1e-8):
    s = (1 - alpha) * s + alpha * g**2
    return theta - lr * g / (s.sqrt() + eps), s


@wrong(check="adam_steps", why="no correction")
def adam_step(theta, g, m, s, t, lr, betas=(0.9, 0.999), eps=1e-8):
    m = betas[0] * m + (1 - betas[0]) * g
    s = betas[1] * s + (1 - betas[1]) * g**2
    return theta - lr * m / (s.sqrt() + eps), m, s


@wrong(check="adam_steps", why="keeps the corrected means")
def adam_step(theta, g, m, s, t, lr, betas=(0.9, 0.999), eps=1e-8):
    m = (betas[0] * m + (1 - betas[0]) * g) / (1 - betas[0] ** t)
    s = (betas[1] * s + (1 - betas[1]) * g**2) / (1 - betas[1] ** t)
    return theta - lr * m / (s.sqrt() + eps), m, s


@wrong(check="adam_steps", why="corrects by the number of steps, not its power")
def adam_step(theta, g, m, s, t, lr, betas=(0.9, 0.999), eps=1e-8):
    m = betas[0] * m + (1 - betas[0]) * g
    s = betas[1] * s + (1 - betas[1]) * g**2
    return theta - lr * m / (1 - betas[0]) / ((s / (1 - betas[1])).sqrt() + eps), m, s


@wrong(check="adam_steps", why="squares without the root")
def adam_step(theta, g, m, s, t, lr, betas=(0.9, 0.999), eps=1e-8):
    m = betas[0] * m + (1 - betas[0]) * g
    s = betas[1] * s + (1 - betas[1]) * g**2
    return theta - lr * m / (1 - betas[0] ** t) / (s / (1 - betas[1] ** t) + eps), m, s


@wrong(check="signal_sizes", why="each layer sees the first inputs")
def signal(x, weights):
    return [(x @ W.T[: x.shape[1]]).clamp(min=0).pow(2).mean().sqrt().item() for W in weights]


@wrong(check="signal_sizes", why="forgets the ReLU")
def signal(x, weights):
    sizes = []
    for W in weights:
        x = x @ W.T
        sizes.append(x.pow(2).mean().sqrt().item())
    return sizes


@wrong(check="signal_sizes", why="the standard deviation")
def signal(x, weights):
    sizes = []
    for W in weights:
        x = (x @ W.T).clamp(min=0)
        sizes.append(x.std().item())
    return sizes


@wrong(check="signal_sizes", why="only the last layer's")
def signal(x, weights):
    for W in weights:
        x = (x @ W.T).clamp(min=0)
    return x.pow(2).mean().sqrt().item()


@wrong(check="he_weights_keep", why="forgets the ReLU's half")
def he_weights(m, d, generator):
    return torch.randn(m, d, generator=generator) / d**0.5


@wrong(check="he_weights_keep", why="a variance for a standard deviation")
def he_weights(m, d, generator):
    return torch.randn(m, d, generator=generator) * (2 / d)


@wrong(check="he_weights_keep", why="counts neurons")
def he_weights(m, d, generator):
    return torch.randn(m, d, generator=generator) * (2 / m) ** 0.5


@wrong(check="he_weights_keep", why="begins at the generator's seed each time")
def he_weights(m, d, generator):
    torch.manual_seed(generator.initial_seed())
    return torch.randn(m, d) * math.sqrt(2 / d)


@wrong(check="he_weights_keep", why="ignores the generator")
def he_weights(m, d, generator):
    return torch.randn(m, d) * (2 / d) ** 0.5


@wrong(check="batch_norm_values", why="squares over B - 1")
def batch_norm(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / (x.var(0) + eps).sqrt() + beta


@wrong(check="batch_norm_values", why="over features: layer normalisation")
def batch_norm(x, gamma, beta, eps=1e-5):
    mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    return gamma * (x - mean) / (var + eps).sqrt() + beta


@wrong(check="batch_norm_values", why="divides by the variance")
def batch_norm(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / (x.var(0, correction=0) + eps) + beta


@wrong(check="batch_norm_values", why="right values, but statistics without history")
def batch_norm(x, gamma, beta, eps=1e-5):
    mean, var = x.detach().mean(0), x.detach().var(0, correction=0)
    return gamma * (x - mean) / (var + eps).sqrt() + beta


@wrong(check="batch_norm_values", why="right values without any history")
def batch_norm(x, gamma, beta, eps=1e-5):
    with torch.no_grad():
        return gamma * (x - x.mean(0)) / (x.var(0, correction=0) + eps).sqrt() + beta


@wrong(check="batch_norm_values", why="writes into what the gradient needs")
def batch_norm(x, gamma, beta, eps=1e-5):
    x -= x.mean(0)
    x /= (x.var(0, correction=0) + eps).sqrt()
    return gamma * x + beta


@wrong(check="batch_norm_gradients", why="statistics taken for constants")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    std = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / std
    return gamma / std * g, (g * x_hat).sum(0), g.sum(0)


@wrong(check="batch_norm_gradients", why="forgets the way through the variance")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    std = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / std
    return gamma / std * (g - g.mean(0)), (g * x_hat).sum(0), g.sum(0)


@wrong(check="batch_norm_gradients", why="means for sums in gamma and beta")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    std = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / std
    dx = gamma / std * (g - g.mean(0) - x_hat * (g * x_hat).mean(0))
    return dx, (g * x_hat).mean(0), g.mean(0)


@wrong(check="batch_norm_gradients", why="forgets gamma")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    std = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / std
    dx = (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / std
    return dx, (g * x_hat).sum(0), g.sum(0)


@wrong(check="batch_norm_gradients", why="beta before gamma")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    std = (x.var(0, correction=0) + eps).sqrt()
    x_hat = (x - x.mean(0)) / std
    dx = gamma / std * (g - g.mean(0) - x_hat * (g * x_hat).mean(0))
    return dx, g.sum(0), (g * x_hat).sum(0)


@wrong(check="batch_norm_phases", why="the batch's own statistics in evaluation, too")
class BatchNorm(nn.Module):
    def __init__(self, d, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x):
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(0), self.momentum)
            self.running_var.lerp_(x.var(0), self.momentum)
        return batch_norm(x, self.gamma, self.beta, self.eps)


@wrong(check="batch_norm_phases", why="momentum the other way round")
class BatchNorm(nn.Module):
    def __init__(self, d, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(x.mean(0), 1 - self.momentum)
                self.running_var.lerp_(x.var(0), 1 - self.momentum)
            return batch_norm(x, self.gamma, self.beta, self.eps)
        return self.gamma * (x - self.running_mean) / (self.running_var + self.eps).sqrt() + self.beta


@wrong(check="batch_norm_phases", why="the biased variance for the running one")
class BatchNorm(nn.Module):
    def __init__(self, d, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.running_mean.lerp_(x.mean(0), self.momentum)
                self.running_var.lerp_(x.var(0, correction=0), self.momentum)
            return batch_norm(x, self.gamma, self.beta, self.eps)
        return self.gamma * (x - self.running_mean) / (self.running_var + self.eps).sqrt() + self.beta


@wrong(check="batch_norm_phases", why="evaluation moves the running statistics")
class BatchNorm(nn.Module):
    def __init__(self, d, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x):
        old_mean, old_var = self.running_mean.clone(), self.running_var.clone()
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(0), self.momentum)
            if len(x) > 1:
                self.running_var.lerp_(x.var(0), self.momentum)
        if self.training:
            return batch_norm(x, self.gamma, self.beta, self.eps)
        return self.gamma * (x - old_mean) / (old_var + self.eps).sqrt() + self.beta


edits["softmax", "softmax_values"] = {
    "takes the largest score of the first row off all rows": {
        "z.amax(dim=1, keepdim=True)": "z[:1].amax(dim=1, keepdim=True)"
    },
}


edits["cross_entropy", "cross_entropy_values"] = {
    "nothing is learned about the true class: its logit is detached": {"z.gather": "z.detach().gather"},
    "nothing is learned about the others: their sum is detached": {
        "z.logsumexp(dim=1)": "z.detach().logsumexp(dim=1)"
    },
    "the class of the first example stands for all": {"y[:, None]": "y[:1].expand(len(y))[:, None]"},
    "leaves out class 0, as if it were padding": {
        ("(z.logsumexp(dim=1) - z.gather(1, y[:, None])[:, 0]).mean()"): (
            "(z.logsumexp(dim=1) - z.gather(1, y[:, None])[:, 0])[y > 0].mean()"
        )
    },
    "leaves gradients switched off": {"return": "torch.set_grad_enabled(False)\n    return"},
    "answers in half precision": {"[:, 0]).mean()": "[:, 0]).mean().half()"},
}


edits["cross_entropy_gradient", "cross_entropy_slopes"] = {
    "the class of the first example stands for all": {
        "torch.arange(len(y)), y]": "torch.arange(len(y)), y[0]]"
    },
    "takes 1 off in every row of the class": {"p[torch.arange(len(y)), y] -= 1": "p[:, y.unique()] -= 1"},
}


edits["multiply", "multiply_slopes"] = {
    "the slopes are those of the absolute values": {
        "slopes=(b.data, a.data)": "slopes=(abs(b.data), abs(a.data))"
    },
}


edits["power", "power_slopes"] = {
    "the exponent becomes a parent": {"parents=(a,)": "parents=(a, as_value(k))"},
}


edits["topological", "topological_order"] = {
    "walks every way, and drops what comes twice at the end: the ways are exponentially many": {
        (
            "        if value not in seen:\n"
            "            seen.add(value)\n"
            "            for parent in value.parents:\n"
            "                visit(parent)\n"
            "            order.append(value)"
        ): (
            "        for parent in value.parents:\n"
            "            visit(parent)\n"
            "        if value not in seen:\n"
            "            seen.add(value)\n"
            "            order.append(value)"
        )
    },
    "looks only at the first parent": {"in value.parents": "in value.parents[:1]"},
    "keeps what it has seen from call to call": {
        "seen: set[Value] = set()": "seen = topological.__dict__.setdefault('seen', set())"
    },
}


edits["backward", "backward_values"] = {
    "sets only the result's grad to 0": {
        "for value in order:\n        value.grad = 0.0\n    result": "result"
    },
    "leaves the grad of inputs from an earlier call": {
        "        value.grad = 0.0": "        value.grad = 0.0 if value.parents else value.grad"
    },
    "changes the slopes in the graph: a second call multiplies twice": {
        "parent.grad += slope * value.grad": (
            "parent.grad += slope * value.grad\n"
            "        value.slopes = tuple(slope * value.grad for slope "
            "in value.slopes)"
        )
    },
    "begins with the result's number for its slope": {"result.grad = 1.0": "result.grad = result.data"},
}


edits["momentum_step", "momentum_steps"] = {
    "remembers the velocity itself instead of taking the one handed in": {
        "v = beta * v + g": (
            "v = beta * momentum_step.__dict__.get(theta.shape, v) + g\n"
            "    momentum_step.__dict__[theta.shape] = v"
        )
    },
    "looks ahead, as Nesterov did": {"theta - lr * v, v": "theta - lr * (g + beta * v), v"},
}


edits["rmsprop_step", "rmsprop_steps"] = {
    "remembers the mean square itself": {
        "s = alpha * s": "s = alpha * rmsprop_step.__dict__.get(theta.shape, s)",
        "return theta": "rmsprop_step.__dict__[theta.shape] = s\n    return theta",
    },
    "one mean square for all parameters": {"(1 - alpha) * g**2": "(1 - alpha) * (g**2).mean()"},
}


edits["adam_step", "adam_steps"] = {
    "counts the steps itself": {
        "m_hat, s_hat": (
            "t = adam_step.__dict__[theta.shape] = "
            "adam_step.__dict__.get(theta.shape, t - 1) + 1\n"
            "    m_hat, s_hat"
        )
    },
    "remembers the means itself": {
        "m = betas[0] * m": "m = betas[0] * adam_step.__dict__.get(theta.shape, m)",
        "m_hat, s_hat": "adam_step.__dict__[theta.shape] = m\n    m_hat, s_hat",
    },
    "one mean square for all parameters": {"(1 - betas[1]) * g**2": "(1 - betas[1]) * (g**2).mean()"},
    "the betas exchanged": {
        "betas[0] * m + (1 - betas[0])": "betas[1] * m + (1 - betas[1])",
        "betas[1] * s + (1 - betas[1])": "betas[0] * s + (1 - betas[0])",
    },
}


edits["signal", "signal_sizes"] = {
    "the mean of each example's size": {
        "x.pow(2).mean().sqrt().item()": "x.pow(2).mean(dim=1).sqrt().mean().item()"
    },
}


edits["he_weights", "he_weights_keep"] = {
    "equal inputs: one draw for a row": {
        "torch.randn(m, d, generator=generator)": "torch.randn(m, 1, generator=generator).expand(m, d)"
    },
    "equal neurons: one draw for a column": {
        "torch.randn(m, d, generator=generator)": "torch.randn(1, d, generator=generator).expand(m, d)"
    },
    "a seed of its own": {"generator=generator": "generator=torch.Generator().manual_seed(0)"},
    "positive weights only": {
        "torch.randn(m, d, generator=generator)": "torch.randn(m, d, generator=generator).abs()"
    },
}


edits["batch_norm", "batch_norm_values"] = {
    "γ and β cannot learn": {"gamma * centred": "gamma.detach() * centred", "+ beta": "+ beta.data"},
    "the mean is taken for a constant": {"x.mean(dim=0)": "x.mean(dim=0).detach()"},
    "the statistics of the first call serve for all": {
        "centred = x - x.mean(dim=0)": (
            "x = x / 1\n"
            "    mean = batch_norm.__dict__.setdefault(x.shape, "
            "x.mean(dim=0).detach())\n"
            "    centred = x - mean"
        )
    },
}


edits["batch_norm_backward", "batch_norm_gradients"] = {
    "statistics over the features": {"x.var(dim=0, correction=0)": "x.var(dim=0, correction=1)"},
}


edits["BatchNorm", "batch_norm_phases"] = {
    "γ and β cannot learn": {
        "batch_norm(x, self.gamma, self.beta": "batch_norm(x, self.gamma.data, self.beta.data"
    },
    "γ and β cannot learn in evaluation mode": {
        "return self.gamma * x_hat + self.beta": "return self.gamma.data * x_hat + self.beta.data"
    },
    "γ and β are left out in evaluation mode": {"return self.gamma * x_hat + self.beta": "return x_hat"},
    "the running statistics drag the history of all batches behind them": {
        (
            "        with torch.no_grad():\n"
            "            self.running_mean.lerp_(x.mean(dim=0), "
            "self.momentum)\n"
            "            self.running_var.lerp_(x.var(dim=0), "
            "self.momentum)"
        ): (
            "        keep, moves = 1 - self.momentum, self.momentum\n"
            "        self.running_mean = keep * self.running_mean + "
            "moves * x.mean(dim=0)\n"
            "        self.running_var = keep * self.running_var + moves "
            "* x.var(dim=0)"
        )
    },
    "a mean of all batches instead of a running one": {
        "self.running_mean.lerp_(x.mean(dim=0), self.momentum)": (
            "self.count = getattr(self, 'count', 0) + 1\n"
            "            self.running_mean.lerp_(x.mean(dim=0), 1 / "
            "self.count)"
        )
    },
    "leaves gradients switched off": {
        "with torch.no_grad():": "torch.set_grad_enabled(False)\n        if True:"
    },
    "in place: writes into its input": {
        "return batch_norm(x": "x.copy_(batch_norm(x",
        "self.beta, self.eps)": "self.beta, self.eps))\n        return x",
    },
}


edits["batch_norm", "batch_norm_phases"] = {
    "takes the mean off what was handed in: BatchNorm changes its input": {
        "centred = x - x.mean(dim=0)": "x -= x.mean(dim=0)\n    centred = x"
    },
}
