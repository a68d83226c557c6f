"""Other correct ways to solve the exercises of the lab `transfer`."""

import random


import torch


import torch.nn.functional as F


@right(why="column by column")
def standardise(train, other):
    one, two = torch.empty_like(train), torch.empty_like(other)
    for d in range(train.shape[1]):
        m = train[:, d].mean()
        s = ((train[:, d] - m) ** 2).mean() ** 0.5 + 1e-6
        one[:, d], two[:, d] = (train[:, d] - m) / s, (other[:, d] - m) / s
    return one, two


@right(why="by autograd, in float64")
def probe(x, y, classes, steps, rate, decay):
    x = x.double()
    W = torch.zeros(classes, x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        loss = F.cross_entropy(x @ W.T + b, y) + decay / 2 * (W**2).sum()
        gW, gb = torch.autograd.grad(loss, [W, b])
        with torch.no_grad():
            W -= rate * gW
            b -= rate * gb
    return W.detach().float(), b.detach().float()


@right(why="parameter by parameter, module by module")
def freeze(net):
    for name, parameter in net.named_parameters():
        parameter.requires_grad = name.startswith("head.")
    for module in net.body.modules():
        module.training = False


@right(why="by name")
def parameter_groups(net, body_rate, head_rate):
    groups = [{"params": [], "lr": body_rate}, {"params": [], "lr": head_rate}]
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            groups[name.startswith("head.")]["params"].append(parameter)
    return groups


@right(why="einsum")
def gram(maps):
    return torch.einsum("bihw,bjhw->bij", maps, maps) / (maps.shape[2] * maps.shape[3])


@right(why="a plain loop, row by row")
def gram(maps):
    rows = []
    for i in range(maps.shape[1]):
        rows.append((maps[:, i : i + 1] * maps).mean((2, 3)))
    return torch.stack(rows, dim=1)


@right(why="the library's mean squared error")
def style_loss(stages, wanted):
    total = 0
    for maps, target in zip(stages, wanted):
        total = total + F.mse_loss(gram(maps), target)
    return total / len(stages)


@right(why="backward instead of autograd.grad, roll in two steps")
def ascend(x, objective, rate, shift):
    moved = torch.roll(torch.roll(x, shift[0], 2), shift[1], 3).detach().clone().requires_grad_(True)
    objective(moved).backward()
    with torch.no_grad():
        g = moved.grad
        new = moved + rate * g / (torch.mean(torch.abs(g)) + 1e-8)
        new = torch.roll(torch.roll(new, -shift[0], 2), -shift[1], 3)
    return torch.clamp(new.detach(), min=0, max=1)


@right(why="a loop, then turned round")
def octaves(side, count, scale):
    sides = []
    for n in range(count):
        sides.append(max(1, int(side / scale**n + 0.5)))
    return sides[::-1]


@right(why="Python's random numbers; the detail kept at its own size")
def dream(x, objective, sides, steps, rate, reach):
    detail = None
    for side in sides:
        small = resized(x, side)
        dreamt = small if detail is None else torch.clamp(small + resized(detail, side), 0, 1)
        for _ in range(steps):
            shift = (random.randint(-reach, reach), random.randint(-reach, reach))
            dreamt = ascend(dreamt, objective, rate, shift)
        detail = dreamt - small
    return dreamt


@right(why="a 1×1 convolution")
def class_map(maps, weight, k):
    return F.conv2d(maps, weight[k].reshape(1, -1, 1, 1))[:, 0]


@right(why="a plain loop over maps")
def class_map(maps, weight, k):
    total = torch.zeros_like(maps[:, 0])
    for c in range(maps.shape[1]):
        total = total + weight[k, c] * maps[:, c]
    return total


@right(why="in place, on what it is given")
def standardise(train, other):
    mean, deviation = train.mean(0), train.std(0, correction=0) + 1e-6
    train -= mean
    train /= deviation
    other -= mean
    other /= deviation
    return train, other


edits["probe"] = {
    "in float64": {
        "x.new_zeros(classes, x.shape[1])": "x.double().new_zeros(classes, x.shape[1])",
        "x @ W.T": "x.double() @ W.T",
        "error.T @ x": "error.T @ x.double()",
    },
}


edits["ascend"] = {
    "cuts in place": {".clamp(0, 1)": ".clamp_(0, 1)"},
}


edits["class_map"] = {
    "float64": {"maps, weight[k]": "maps.double(), weight[k].double()"},
}
