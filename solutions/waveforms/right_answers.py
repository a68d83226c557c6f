"""Other correct ways to solve the exercises of the lab `waveforms`."""

import math


import torch


import torch.nn.functional as F


from torch import nn


@right(why="the formula as it stands, with log")
def compand(x, mu):
    return torch.sign(x) * torch.log(1 + mu * torch.abs(x)) / math.log(1 + mu)


@right(why="float64, by copysign")
def compand(x, mu):
    return torch.copysign(torch.log1p(mu * x.double().abs()) / math.log1p(mu), x.double())


@right(why="a power of 1 + µ")
def expand(y, mu):
    return torch.sign(y) * ((1 + mu) ** torch.abs(y) - 1) / mu


@right(why="rounds to even")
def encode(x, levels):
    y = compand(x.clamp(-1, 1), levels - 1)
    return torch.round((y + 1) / 2 * (levels - 1)).to(torch.int64)


@right(why="the nearest of all levels, clipped by the search itself")
def encode(x, levels):
    centres = torch.linspace(-1, 1, levels)
    return (compand(x.clamp(-1, 1), levels - 1)[..., None] - centres).abs().argmin(-1)


@right(why="a table")
def decode(codes, levels):
    return expand(torch.linspace(-1, 1, levels), levels - 1)[codes]


@right(why="pads on both sides by the library, and cuts")
def causal_conv(x, weight, bias, dilation):
    past = (weight.shape[2] - 1) * dilation
    return F.conv1d(x, weight, bias, padding=past, dilation=dilation)[:, :, : x.shape[2]]


@right(why="a sum of shifted products")
def causal_conv(x, weight, bias, dilation):
    k = weight.shape[2]
    y = bias[None, :, None].expand(x.shape[0], len(bias), x.shape[2])
    for j in range(k):
        back = (k - 1 - j) * dilation
        shifted = F.pad(x, (back, 0))[:, :, : x.shape[2]]
        y = y + torch.einsum("bct,mc->bmt", shifted, weight[:, :, j])
    return y


@right(why="layer by layer")
def receptive_field(dilations, k):
    field = 1
    for d in dilations:
        field += (k - 1) * d
    return field


@right(why="backward() and .grad")
def heard(net, shape, t):
    x = torch.randn(1, *shape)
    x.requires_grad_()
    net(x)[0, :, t].sum().backward()
    return x.grad[0].abs().sum(0) > 0


@right(why="torch.func.jacrev of all output channels")
def heard(net, shape, t):
    slopes = torch.func.jacrev(lambda x: net(x[None])[0, :, t])(torch.randn(*shape))  # (M, C, T)
    return slopes.ne(0).flatten(0, 1).any(0)


@right(why="einsum and an index")
def conditioned(z, h, V):
    if h.dim() == 2:
        return z + (h @ V.T).unsqueeze(-1)
    steps = torch.einsum("md,bdn->bmn", V, h)
    hold = z.shape[2] // h.shape[2]
    return z + steps[:, :, torch.arange(z.shape[2]) // hold]


@right(why="interpolates to the nearest")
def conditioned(z, h, V):
    h = h.unsqueeze(2) if h.ndim == 2 else h
    return z + F.interpolate(torch.matmul(V, h), size=z.shape[2], mode="nearest")


@right(why="slices for halves, the library's linear layer for h")
class Block(nn.Module):
    def __init__(self, c, skips, dilation, d=0):
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(c, 2 * c, 2, dilation=dilation)
        self.condition = nn.Linear(d, 2 * c, bias=False) if d else None
        self.residual = nn.Conv1d(c, c, 1)
        self.skip = nn.Conv1d(c, skips, 1)

    def forward(self, x, h=None):
        c = x.shape[1]
        z = self.conv(F.pad(x, (self.dilation, 0)))
        if h is not None:
            h = h[:, :, None] if h.ndim == 2 else h
            steps = self.condition(h.transpose(1, 2)).transpose(1, 2)
            z = z + F.interpolate(steps, size=z.shape[2])
        y = z[:, :c].tanh() * z[:, c:].sigmoid()
        return x + self.residual(y), self.skip(y)


@right(why="a list of skips; zeros joined on the left")
class WaveNet(nn.Module):
    def __init__(self, c, skips, dilations, c_out, d=0):
        super().__init__()
        self.first = nn.Conv1d(1, c, 1)
        self.blocks = nn.ModuleList(Block(c, skips, dilation, d) for dilation in dilations)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(skips, skips, 1), nn.ReLU(), nn.Conv1d(skips, c_out, 1)
        )

    def forward(self, x, h=None):
        features = self.first(torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, :-1]], dim=2))
        said = []
        for block in self.blocks:
            features, skip = block(features, h)
            said.append(skip)
        return self.head(torch.stack(said).sum(0))


@right(why="log softmax and gather, a weighted sum")
def bits(logits, codes, length):
    p = torch.log_softmax(logits, dim=1).gather(1, codes[:, None])[:, 0] / math.log(2)
    counts = (torch.arange(codes.shape[1]) < length[:, None]).to(p.dtype)
    return -(p * counts).sum() / counts.sum()


@right(why="sound by sound")
def bits(logits, codes, length):
    parts = [
        F.cross_entropy(logits[i, :, :n].T, codes[i, :n], reduction="none") for i, n in enumerate(length)
    ]
    return torch.cat(parts).mean() / math.log(2)


@right(why="the library's search")
def draw(logits, u):
    ends = torch.softmax(logits, 1).cumsum(1).contiguous()
    return torch.searchsorted(ends, u[:, None].contiguous(), right=True)[:, 0].clamp(max=logits.shape[1] - 1)


@right(why="a loop in float64")
def draw(logits, u):
    chosen = []
    for row, number in zip(torch.softmax(logits.double(), 1).tolist(), u.tolist()):
        end, code = row[0], 0
        while end <= number and code < len(row) - 1:
            code += 1
            end += row[code]
        chosen.append(code)
    return torch.tensor(chosen)


@right(why="the whole buffer at every step")
def generate(net, u, levels):
    x = torch.zeros(u.shape[0], 1, u.shape[1])
    with torch.no_grad():
        for t in range(u.shape[1]):
            x[:, 0, t] = decode(draw(net(x)[:, :, t], u[:, t]), levels)
    return x[:, 0]


@right(why="grows a list, with a place for what is to come")
def generate(net, u, levels):
    b, t = u.shape
    x = torch.zeros(b, 1)
    for i in range(t):
        sample = decode(draw(net(x[:, None])[:, :, -1], u[:, i]), levels)
        x = torch.cat([x[:, :-1], sample[:, None], torch.zeros(b, 1)], 1)
    return x[:, :-1]


@right(why="the library's convolution of the window")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat((queue, x.unsqueeze(-1)), dim=-1)
    return F.conv1d(window, weight, bias, dilation=dilation)[:, :, 0], window[:, :, 1:]


@right(why="weight by weight, the queue rolled")
def conv_step(x, queue, weight, bias, dilation):
    k = weight.shape[2]
    y = bias + x @ weight[:, :, k - 1].T
    for j in range(k - 1):
        y = y + queue[:, :, j * dilation] @ weight[:, :, j].T
    queue = queue.roll(-1, dims=2)
    queue[:, :, -1] = x
    return y, queue


@right(why="writes into a buffer")
def generate_fast(step, queues, u, levels):
    out = torch.zeros_like(u)
    x = torch.zeros(u.shape[0], 1)
    with torch.no_grad():
        for t, row in enumerate(u.T):
            logits, queues = step(x, queues)
            out[:, t] = decode(draw(logits, row), levels)
            x = out[:, t : t + 1].clone()
    return out


@right(why="softplus")
def logistic_log_density(x, mean, log_scale):
    v = (x - mean) / log_scale.exp()
    return -v - 2 * F.softplus(-v) - log_scale


@right(why="slices, and a product of scales at the end")
def flow(nets, z):
    x, scale = z, torch.ones_like(z)
    for net in nets:
        said = net(x)
        x = said[:, :1] + x * said[:, 1:].exp()
        scale = scale * said[:, 1:].exp()
    return x, scale.log()


@right(why="two means")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    entropy = log_scale.mean() + 2
    return -teacher(x).mean() - entropy


@right(why="works on the noise in place")
def flow(nets, z):
    total = torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(z).chunk(2, dim=1)
        z *= log_scale.exp()
        z += mean
        total += log_scale
    return z, total


@right(why="moves the queue on in place")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([queue, x[:, :, None]], 2)
    queue[:, :, :-1] = window[:, :, 1:-1]
    queue[:, :, -1] = x
    return F.conv1d(window, weight, bias, dilation=dilation)[:, :, 0], queue


edits["Block"] = {
    "adds to the features in place": {
        "return x + self.residual(y)": "x += self.residual(y)\n        return x"
    },
}


edits["encode"] = {
    "clips the input in place": {"compand(x.clamp(-1, 1)": "compand(x.clamp_(-1, 1)"},
}
