"""Other correct ways to solve the exercises of the lab `training`."""

import math


import torch


import torch.nn.functional as F


from torch import nn


@right(why="the library's")
def softmax(z):
    return torch.softmax(z, dim=-1)


@right(why="row by row")
def softmax(z):
    rows = []
    for row in z:
        e = torch.exp(row - row.max())
        rows.append(e / e.sum())
    return torch.stack(rows)


@right(why="through logarithms, in float64")
def softmax(z):
    return torch.exp(z.double() - torch.logsumexp(z.double(), dim=1, keepdim=True))


@right(why="the library's")
def cross_entropy(z, y):
    return F.cross_entropy(z, y)


@right(why="logarithms of softmax, a loop over examples")
def cross_entropy(z, y):
    logs = F.log_softmax(z, dim=1)
    total = 0.0
    for i, label in enumerate(y):
        total = total - logs[i, label]
    return total / len(y)


@right(why="the maximum taken out by hand, one-hot")
def cross_entropy(z, y):
    z = z - z.max(dim=1, keepdim=True).values
    logs = z - torch.log(torch.exp(z).sum(dim=1, keepdim=True))
    return -(F.one_hot(y, z.shape[1]) * logs).sum(dim=1).mean()


@right(why="one-hot")
def cross_entropy_gradient(z, y):
    return (torch.softmax(z, 1) - F.one_hot(y, z.shape[1])) / len(y)


@right(why="autograd, asked for it")
def cross_entropy_gradient(z, y):
    z = z.detach().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(z, y), z)[0]


@right(why="the product's slopes as a list")
def multiply(a, b):
    return Value(a.data * b.data, [a, b], [b.data, a.data])


@right(why="math.pow")
def power(a, k):
    return Value(math.pow(a.data, k), parents=[a], slopes=[k * math.pow(a.data, k - 1)])


@right(why="the slope by a quotient: a.data is not 0")
def power(a, k):
    result = a.data**k
    return Value(result, [a], [k * result / a.data])


@right(why="the slope by cosh, for what does not overflow")
def tanh(a):
    return Value(math.tanh(a.data), (a,), (1 / math.cosh(a.data) ** 2,))


@right(why="no recursion: a stack")
def topological(result):
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        value, done = stack.pop()
        if done:
            order.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            stack.append((value, True))
            stack.extend((parent, False) for parent in value.parents)
    return order


@right(why="counts uses, and takes the unused from the top")
def topological(result):
    uses, stack, values = {id(result): 0}, [result], [result]
    while stack:
        for parent in stack.pop().parents:
            if id(parent) not in uses:
                uses[id(parent)] = 0
                stack.append(parent)
                values.append(parent)
            uses[id(parent)] += 1
    order, free = [], [result]
    while free:
        value = free.pop()
        order.append(value)
        for parent in value.parents:
            uses[id(parent)] -= 1
            if uses[id(parent)] == 0:
                free.append(parent)
    return order[::-1]


@right(why="slopes in a dictionary first")
def backward(result):
    order = topological(result)
    slopes = {id(value): 0.0 for value in order}
    slopes[id(result)] = 1.0
    for value in order[::-1]:
        for parent, slope in zip(value.parents, value.slopes):
            slopes[id(parent)] += slope * slopes[id(value)]
    for value in order:
        value.grad = slopes[id(value)]


@right(why="in place")
def momentum_step(theta, g, v, lr, beta=0.9):
    v.mul_(beta).add_(g)
    theta.sub_(lr * v)
    return theta, v


@right(why="a list, float64")
def rmsprop_step(theta, g, s, lr, alpha=0.99, eps=1e-8):
    theta, g, s = theta.double(), g.double(), s.double()
    s = s + (1 - alpha) * (g * g - s)
    return [theta - lr * g / (torch.sqrt(s) + eps), s]


@right(why="in place, as PyTorch does")
def adam_step(theta, g, m, s, t, lr, betas=(0.9, 0.999), eps=1e-8):
    m.lerp_(g, 1 - betas[0])
    s.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
    size = s.sqrt() / math.sqrt(1 - betas[1] ** t) + eps
    return theta.addcdiv(m, size, value=-lr / (1 - betas[0] ** t)), m, s


@right(why="a norm, divided by the root of the count; tensors")
def signal(x, weights):
    sizes = []
    for W in weights:
        x = F.relu(F.linear(x, W))
        sizes.append(torch.linalg.norm(x) / math.sqrt(x.numel()))
    return torch.stack(sizes)


@right(why="the library's")
def he_weights(m, d, generator):
    W = torch.empty(m, d)
    nn.init.kaiming_normal_(W, nonlinearity="relu", generator=generator)
    return W


@right(why="a uniform distribution of the same variance")
def he_weights(m, d, generator):
    return (2 * torch.rand(m, d, generator=generator) - 1) * (6 / d) ** 0.5


@right(why="signs alone")
def he_weights(m, d, generator):
    return (2 * torch.randint(0, 2, (m, d), generator=generator) - 1) * math.sqrt(2 / d)


@right(why="the library's")
def batch_norm(x, gamma, beta, eps=1e-5):
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)


@right(why="E[x²] − E[x]²")
def batch_norm(x, gamma, beta, eps=1e-5):
    mean = x.mean(0)
    var = (x**2).mean(0) - mean**2
    return gamma * ((x - mean) * torch.rsqrt(var + eps)) + beta


@right(why="the three ways one by one")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    B = len(x)
    mean = x.mean(0)
    var = ((x - mean) ** 2).mean(0)
    std = torch.sqrt(var + eps)
    x_hat = (x - mean) / std
    dx_hat = g * gamma
    dvar = (dx_hat * (x - mean)).sum(0) * -0.5 * (var + eps) ** -1.5
    dmean = -dx_hat.sum(0) / std
    dx = dx_hat / std + dvar * 2 * (x - mean) / B + dmean / B
    return dx, (g * x_hat).sum(0), g.sum(0)


@right(why="autograd through the library's; a list")
def batch_norm_backward(x, gamma, g, eps=1e-5):
    x, gamma = x.detach().requires_grad_(), gamma.detach().requires_grad_()
    beta = torch.zeros_like(gamma).requires_grad_()
    y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    return list(torch.autograd.grad(y, (x, gamma, beta), g))


@right(why="the library's function, with both phases")
class BatchNorm(nn.Module):
    def __init__(self, d, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x):
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.gamma,
            self.beta,
            self.training,
            self.momentum,
            self.eps,
        )


@right(why="new buffers instead of changed ones")
class BatchNorm(nn.Module):
    def __init__(self, d, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))
        self.register_buffer("running_mean", torch.zeros(d))
        self.register_buffer("running_var", torch.ones(d))

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            B = x.shape[0]
            mean, var = x.mean(0), x.var(0, unbiased=False)
            keep = 1 - self.momentum
            self.running_mean = keep * self.running_mean + self.momentum * mean.detach()
            self.running_var = keep * self.running_var + self.momentum * var.detach() * B / (B - 1)
        return self.gamma * (x - mean) / torch.sqrt(var + self.eps) + self.beta


edits["softmax"] = {
    "in place: on the logits that were handed in": {
        "e = (z - z.amax(dim=1, keepdim=True)).exp()  #": "z -= z.amax(dim=1, keepdim=True)\n    e = z.exp_()  #"
    },
}


edits["cross_entropy"] = {
    "in place: takes the largest logit off what was handed in": {
        "return (z.logsumexp(dim=1)": (
            "z -= z.max(1, keepdim=True).values\n    return (z.exp().sum(dim=1).log()"
        )
    },
    "in place: divides by the temperature 1": {"return (": "z /= 1.0\n    return ("},
}


edits["cross_entropy_gradient"] = {
    "in place: works on the logits that were handed in": {
        "p = softmax(z)  #": "z -= z.logsumexp(1, keepdim=True)\n    p = z.exp_()  #"
    },
}


edits["batch_norm_backward"] = {
    "in place: on what was handed in": {
        "x_hat = (x - x.mean(dim=0)) / std  #": "x -= x.mean(dim=0)\n    x_hat = x.div_(std)  #"
    },
}


edits["rmsprop_step"] = {
    "in place: on what was handed in": {
        ("s = alpha * s + (1 - alpha) * g**2\n    return theta - lr * g / (s.sqrt() + eps), s"): (
            "s.mul_(alpha).add_(g * g, alpha=1 - alpha)\n"
            "    theta -= lr * g / (s.sqrt() + eps)\n"
            "    return theta, s"
        )
    },
}


edits["signal"] = {
    "in place: ReLU and all": {"x = (x @ W.T).clamp(min=0)  #": "x = (x @ W.T).relu_()  #"},
}


edits["topological"] = {
    "values told apart by id": {
        "seen: set[Value] = set()": "seen: dict = {}",
        "value not in seen": "id(value) not in seen",
        "seen.add(value)": "seen[id(value)] = value",
    },
}


edits["backward"] = {
    "clears the grads in the same walk that collects them": {
        ("for value in order:\n        value.grad = 0.0\n    result.grad = 1.0"): (
            "for value in order:\n        value.grad = float(value is result)"
        )
    },
}
