"""Other correct ways to solve the lab's exercises. Every check must accept them all. Read as text, never imported."""

import itertools


import math


import numpy as np


import torch


import torch.nn.functional as F


from torch import nn


@right(why="the order of the kernel's places, and a table of colours at the middle")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in {"A", "B"} or k % 2 != 1 or c_in % groups != 0 or c_out % groups != 0:
        raise ValueError(f"causal_mask: cannot make a mask {kind} of {k}, {c_in}, {c_out}, {groups}")
    order = torch.arange(k * k).view(k, k)
    mask = (order < k * k // 2).expand(c_out, c_in, k, k).clone()
    source = torch.arange(groups).repeat_interleave(c_in // groups)
    target = torch.arange(groups).repeat_interleave(c_out // groups)
    mask[:, :, k // 2, k // 2] = source[None] < target[:, None] + (kind == "B")
    return mask.float()


@right(why="doubles")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in "AB" or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError(f"causal_mask: no mask {kind} of {k}, {c_in}, {c_out}, {groups}")
    mask = np.zeros((c_out, c_in, k, k))
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2] = 1
    source, target = (np.arange(c) // (c // groups) for c in (c_in, c_out))
    compare = np.less if kind == "A" else np.less_equal
    mask[:, :, k // 2, k // 2] = compare(source[None], target[:, None])
    return torch.from_numpy(mask)


@right(why="six loops")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in ("A", "B") or not k % 2 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: wrong arguments")
    mask = torch.zeros(c_out, c_in, k, k)
    for o, i, a, b in itertools.product(range(c_out), range(c_in), range(k), range(k)):
        green = i // (c_in // groups), o // (c_out // groups)
        here = (a, b) == (k // 2, k // 2)
        allowed = green[0] < green[1] or (kind == "B" and green[0] == green[1])
        mask[o, i, a, b] = 1.0 if (allowed if here else (a, b) < (k // 2, k // 2)) else 0.0
    return mask


@right(why="backward and .grad")
def receptive_field(net, shape, i, j):
    x = torch.rand(1, *shape).requires_grad_()
    net(x)[0, :, i, j].sum().backward()
    return x.grad[0].abs().amax(0) > 0


@right(why="torch.func.grad")
def receptive_field(net, shape, i, j):
    slope = torch.func.grad(lambda x: net(x)[0, :, i, j].sum())(torch.randn(1, *shape))
    return (slope[0] != 0).any(0)


@right(why="torch.func.jacrev of all output channels")
def receptive_field(net, shape, i, j):
    slopes = torch.func.jacrev(lambda x: net(x[None])[0, :, i, j])(torch.randn(*shape))  # (C', C, H, W)
    return slopes.ne(0).flatten(0, 1).any(0)


@right(why="one output channel after the other, truth values by or")
def receptive_field(net, shape, i, j):
    x = torch.randn((1, *shape), dtype=torch.float32, requires_grad=True)
    y = net(x)
    seen = torch.zeros(shape[1:], dtype=torch.bool)
    for c in range(y.shape[1]):
        seen |= torch.autograd.grad(y[0, c, i, j], x, retain_graph=True)[0][0].ne(0).any(dim=0)
    return seen


@right(why="concatenates a row of zeros")
def shift_down(x):
    return torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, :-1]], dim=2)


@right(why="pads on all sides, then cuts")
class GatedLayer(nn.Module):
    def __init__(self, c_in, c, k, first=False):
        super().__init__()
        self.reach, self.first = k // 2, first
        self.vertical = nn.Conv2d(c_in, 2 * c, (self.reach + 1, k))
        self.horizontal = nn.Conv2d(c_in, 2 * c, (1, self.reach if first else self.reach + 1))
        self.link = nn.Conv2d(2 * c, 2 * c, 1)
        self.out = nn.Conv2d(c, c, 1)

    def forward(self, v, h):
        height, width, r = v.shape[2], v.shape[3], self.reach
        above = F.conv2d(v, self.vertical.weight, self.vertical.bias, padding=(r, r))[:, :, :height]
        left = F.conv2d(h, self.horizontal.weight, self.horizontal.bias, padding=(0, r))[..., :width]
        a, b = torch.chunk(left + self.link(shift_down(above)), 2, dim=1)
        y = self.out(torch.tanh(a) * torch.sigmoid(b))
        if not self.first:
            y = y + h
        return gate(above), y


@right(why="a link without padding at its first row: the bias alone")
class GatedLayer(nn.Module):
    def __init__(self, c_in, c, k, first=False):
        super().__init__()
        self.reach, self.first = k // 2, first
        self.vertical = nn.Conv2d(c_in, 2 * c, (self.reach + 1, k))
        self.horizontal = nn.Conv2d(c_in, 2 * c, (1, self.reach if first else self.reach + 1))
        self.link = nn.Conv2d(2 * c, 2 * c, 1)
        self.out = nn.Conv2d(c, c, 1)

    def forward(self, v, h):
        above = self.vertical(nn.ZeroPad2d((self.reach, self.reach, self.reach, 0))(v))
        row = F.pad(h, (self.reach, 0))
        left = self.horizontal(row[..., :-1]) if self.first else self.horizontal(row)
        y = self.out(gate(self.link(shift_down(above)) + left))
        return gate(above), y + h * (not self.first) if not self.first else y


@right(why="the log of the difference by softplus, in float64")
def logistic_log_prob(x, mean, log_scale, levels=256):
    s = torch.exp(log_scale.double())
    b, a = (x + 0.5 - mean).double() / s, (x - 0.5 - mean).double() / s
    inside = -F.softplus(-b) - F.softplus(a) + torch.log1p(-torch.exp(-1 / s))
    inside = torch.where(x <= 0, -F.softplus(-b), inside)
    return torch.where(x >= levels - 1, -F.softplus(a), inside)


@right(why="both edges at infinity, then one formula for all bins")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(-log_scale)
    upper, lower = (x - mean + 0.5) * rate, (x - mean - 0.5) * rate
    width = torch.where((x == 0) | (x == levels - 1), torch.full_like(upper, 1e9), rate.expand_as(upper))
    upper = torch.where(x == levels - 1, torch.full_like(upper, 1e9), upper)
    lower = torch.where(x == 0, torch.full_like(lower, -1e9), lower)
    return F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-width))


@right(why="logaddexp, component by component")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    total = None
    weights = torch.log_softmax(logits, dim=-1)
    for k in range(logits.shape[-1]):
        part = weights[..., k] + logistic_log_prob(x, mean[..., k], log_scale[..., k], levels)
        total = part if total is None else torch.logaddexp(total, part)
    return total


@right(why="divides by the sum of exponentials at the end")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    parts = logistic_log_prob(x[..., None], mean, log_scale, levels)
    return (logits + parts).logsumexp(-1) - logits.logsumexp(-1)


@right(why="logsigmoid")
def nats(logits, x):
    surprise = -x * F.logsigmoid(logits) - (1 - x) * F.logsigmoid(-logits)
    return surprise.sum(dim=(1, 2, 3))


@right(why="softplus: one formula for both colours, in float64")
def nats(logits, x):
    z = logits.double()
    return (F.softplus(z) - x * z).reshape(len(x), -1).sum(-1)


@right(why="log2")
def bits_per_dim(nats, shape):
    return nats * math.log2(math.e) / np.prod(shape)


@right(why="Torch's Size")
def bits_per_dim(nats, shape):
    return nats / torch.Size(shape).numel() / torch.log(torch.tensor(2.0))


@right(why="one loop over places, a new picture at each")
def sample(net, u, start=None, row=0):
    b, _, height, width = u.shape
    x = torch.zeros(b, height * width)
    if row:
        x[:, : row * width] = start.flatten(1)[:, : row * width]
    for n in range(row * width, height * width):
        with torch.no_grad():
            z = net(x.view(b, 1, height, width)).flatten(1)[:, n]
        x = x.clone()
        x[:, n] = (u.flatten(1)[:, n] < 1 / (1 + torch.exp(-z))).float()
    return x.view(b, 1, height, width)


@right(why="begins with the given rows and zeros below; torch.where")
def sample(net, u, start=None, row=0):
    with torch.no_grad():
        x = torch.zeros_like(u) if start is None else start * (torch.arange(u.shape[2]) < row)[:, None]
        for i, j in itertools.product(range(row, u.shape[2]), range(u.shape[3])):
            chance = net(x)[:, 0, i, j].sigmoid()
            x[:, 0, i, j] = torch.where(u[:, 0, i, j] < chance, 1.0, 0.0)
        return x


@right(why="the convolution with padding on its sides")
def layer_row(layer, v):
    return F.conv2d(v, layer.vertical.weight, layer.vertical.bias, padding=(0, layer.reach))


@right(why="a product and a sum instead of a convolution")
def layer_pixel(layer, h, link):
    weight = layer.horizontal.weight
    window = h[..., : weight.shape[-1]]
    left = torch.einsum("bcij,ocij->bo", window, weight) + layer.horizontal.bias
    y = layer.out(gate(left[:, :, None, None] + link))
    if layer.first:
        return y
    return y + h[:, :, :, -1, None]


@right(why="reshape instead of slices; a tuple")
def split(x):
    b, c, h, w = x.shape
    blocks = x.reshape(b, c, h // 2, 2, w // 2, 2)
    return tuple(blocks[:, :, :, i, :, j] for i in (0, 1) for j in (0, 1))


@right(why="pixel_shuffle")
def merge(parts):
    b, c, h, w = parts[0].shape
    return F.pixel_shuffle(torch.stack(list(parts), dim=2).view(b, 4 * c, h, w), 2)


@right(why="a loop from the largest picture down")
def multiscale_nats(base, scales, x):
    total = torch.zeros(len(x))
    for right, lower, corner in reversed(list(scales)):
        a, b, c, d = split(x)
        total = total + nats(right(a), b)
        total = total + nats(lower(torch.cat((a, b), 1)), c)
        total = total + nats(corner(torch.cat((a, b, c), 1)), d)
        x = a
    return total + nats(base(x), x)


@right(why="a loop from the smallest picture up")
def sample_multiscale(base, scales, u):
    noise = [u]
    for _ in scales:
        noise.append(noise[-1][:, :, ::2, ::2])
    with torch.no_grad():
        x = sample(base, noise.pop())
        for nets in scales:
            others = split(noise.pop())[1:]
            parts = [x]
            for net, chance in zip(nets, others):
                parts.append((chance < torch.sigmoid(net(torch.cat(parts, dim=1)))).float())
            x = merge(parts)
    return x


edits["GatedLayer"] = {
    "adds to the old h in place": {"else h + y": "else h.add_(y)"},
}


edits["sample"] = {
    "draws into `start`": {"x[:, :, :row] = start[:, :, :row]": "x = start\n        x[:, :, row:] = 0"},
}


edits["nats"] = {
    "float64": {"(logits, x": "(logits.double(), x.double()"},
}


edits["causal_mask"] = {
    "float64": {"mask = torch.zeros(c_out, c_in, k, k)": "mask = torch.zeros(c_out, c_in, k, k).double()"},
}
