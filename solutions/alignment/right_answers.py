"""Other right ways through `alignment`; read as text, never imported."""

import math


import torch


import torch.nn.functional as F


from torch import nn


@right(why="a loop that fills a dictionary; getattr of the encoder")
class SharedTop(nn.Module):
    def __init__(self, encoders, top, classes):
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.top, self.classes = top, classes

    def features(self, modality, x):
        code = self.encoders[modality](x)
        return self.top(code)

    def forward(self, batch):
        scores = {}
        for name in batch:
            scores[name] = self.classes(self.top(self.encoders[name](batch[name])))
        return scores


@right(why="a loop over queries, one answer at a time")
def mean_average_precision(scores, asked, found):
    each = []
    for row, query in zip(scores, asked):
        right, precisions = 0, []
        for rank, place in enumerate(torch.argsort(-row).tolist(), start=1):
            if found[place] == query:
                right += 1
                precisions.append(right / rank)
        if precisions:
            each.append(sum(precisions) / len(precisions))
    return torch.tensor(sum(each) / len(each))


@right(why="sort and gather, NaN left out of the mean")
def mean_average_precision(scores, asked, found):
    _, order = torch.sort(scores, dim=1, descending=True)
    hit = torch.gather((found == asked[:, None]).double(), 1, order)
    ranks = torch.arange(1, hit.shape[1] + 1)
    return ((hit.cumsum(1) / ranks * hit).sum(1) / hit.sum(1)).nanmean()


@right(why="PyTorch's covariance")
def coral(a, b):
    gap = torch.cov(a.T) - torch.cov(b.T)
    return gap.square().sum() / (4 * a.shape[1] ** 2)


@right(why="the norm squared; second moments minus the product of the means")
def coral(a, b):
    def covariance(x):
        n = len(x)
        return (x.T @ x - n * torch.outer(x.mean(0), x.mean(0))) / (n - 1)

    return torch.linalg.matrix_norm(covariance(a) - covariance(b)) ** 2 / (2 * a.shape[1]) ** 2


@right(why="PyTorch's cross-entropy of logits")
def domain_loss(source, target):
    bce = F.binary_cross_entropy_with_logits
    return 0.5 * bce(source, torch.zeros_like(source)) + 0.5 * bce(target, torch.ones_like(target))


@right(why="log-sigmoid")
def domain_loss(source, target):
    return -(F.logsigmoid(-source).mean() + F.logsigmoid(target).mean()) / 2


@right(why="autograd and an optimiser")
def proxy_distance(a, b, steps=200, rate=0.5):
    a, b = a.detach(), b.detach()
    line = nn.Linear(a.shape[1], 1)
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    n, m = len(a) // 2, len(b) // 2
    sgd = torch.optim.SGD(line.parameters(), rate)
    for _ in range(steps):
        sgd.zero_grad()
        domain_loss(line(a[:n])[:, 0], line(b[:m])[:, 0]).backward()
        sgd.step()
    with torch.no_grad():
        wrong = (line(a[n:]) > 0).double().mean() + (line(b[m:]) <= 0).double().mean()
    return 2 - 2 * wrong.item()


@right(why="autograd.grad; a tensor for a number")
def proxy_distance(a, b, steps=200, rate=0.5):
    w = torch.zeros(a.shape[1] + 1, requires_grad=True)
    a, b = (torch.cat([x.detach(), torch.ones(len(x), 1)], dim=1) for x in (a, b))
    for _ in range(steps):
        loss = domain_loss(a[: len(a) // 2] @ w, b[: len(b) // 2] @ w)
        w = (w - rate * torch.autograd.grad(loss, w)[0]).detach().requires_grad_()
    missed = ((a[len(a) // 2 :] @ w > 0).float().mean() + (b[len(b) // 2 :] @ w <= 0).float().mean()) / 2
    return 2 * (1 - 2 * missed)


@right(why="detach: the value of x, the slope of -strength x")
def reverse(x, strength):
    return x.detach() + strength * (x.detach() - x)


@right(why="a hook on a copy")
def reverse(x, strength):
    y = x.view_as(x)
    if y.requires_grad:
        y.register_hook(lambda slope: -strength * slope)
    return y


@right(why="tanh is the same curve")
def strength(progress):
    return math.tanh(5 * progress)


@right(cell="strength", why="a negative power")
def slowed(rate, progress):
    return rate * (10 * progress + 1) ** -0.75


@right(why="squeeze, features computed once")
class DANN(nn.Module):
    def __init__(self, body, classes, domains):
        super().__init__()
        self.body, self.classes, self.domains = body, classes, domains

    def forward(self, x, strength):
        h = self.body(x)
        turned = reverse(h, strength)
        return [self.classes(h), self.domains(turned).squeeze(1)]


@right(why="source and target in one call")
def dann_loss(net, source, labels, target, strength):
    n = len(source)
    scores, logits = net(torch.cat([source, target]), strength)
    picked = torch.log_softmax(scores[:n], 1).gather(1, labels[:, None])
    return -picked.mean() + domain_loss(logits[:n], logits[n:])


@right(why="only where p is larger")
def least_errors(p, q):
    return torch.relu(p - q).sum()


@right(why="one minus what they share")
def least_errors(p, q):
    return 1 - torch.minimum(p, q).sum()
