"""Mistakes that students make on this topic, each with the check that must notice it. Read as text, never imported."""

import math


import torch


import torch.nn.functional as F


@wrong(check="causal_mask_values", why="mask A shows the pixel itself")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in "AB" or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2 + 1] = 1
    return mask


@wrong(check="causal_mask_values", why="cuts off all columns to the right, above as well")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in "AB" or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2 + 1, : k // 2 + 1] = 1
    mask[:, :, k // 2, k // 2] = float(kind == "B")
    return mask


@wrong(check="causal_mask_values", why="the lower half, not the upper one")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in "AB" or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    order = torch.arange(k * k).view(k, k)
    mask = order > k * k // 2 if kind == "A" else order >= k * k // 2
    return mask.float().expand(c_out, c_in, k, k).clone()


@wrong(check="causal_mask_values", why="an even kernel passes")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2] = 1
    source, target = torch.arange(c_in) * groups // c_in, torch.arange(c_out)[:, None] * groups // c_out
    mask[:, :, k // 2, k // 2] = (source < target if kind == "A" else source <= target).float()
    return mask


@wrong(check="causal_mask_groups", why="exchanges input and output channels")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in ("A", "B") or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2] = 1
    source, target = torch.arange(c_in) * groups // c_in, torch.arange(c_out)[:, None] * groups // c_out
    mask[:, :, k // 2, k // 2] = (source > target if kind == "A" else source >= target).float()
    return mask


@wrong(check="causal_mask_groups", why="deals channels out to the groups one by one")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in ("A", "B") or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2] = 1
    source, target = torch.arange(c_in) % groups, torch.arange(c_out)[:, None] % groups
    mask[:, :, k // 2, k // 2] = (source < target if kind == "A" else source <= target).float()
    return mask


@wrong(check="causal_mask_groups", why="forgets the groups")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in ("A", "B") or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2] = 1
    mask[:, :, k // 2, k // 2] = float(kind == "B")
    return mask


@wrong(check="causal_mask_groups", why="colours of earlier pixels are masked as well")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in ("A", "B") or k % 2 == 0 or c_in % groups or c_out % groups:
        raise ValueError("causal_mask: a wrong argument")
    order = torch.arange(k * k).view(k, k)
    source, target = torch.arange(c_in) * groups // c_in, torch.arange(c_out)[:, None] * groups // c_out
    colours = (source < target if kind == "A" else source <= target)[:, :, None, None]
    if groups == 1:
        seen = order < k * k // 2 if kind == "A" else order <= k * k // 2
        return seen.float().expand(c_out, c_in, k, k).clone()
    return (colours & (order <= k * k // 2)).float()


@wrong(check="causal_mask_groups", why="channels that cannot be grouped pass")
def causal_mask(kind, k, c_in=1, c_out=1, groups=1):
    if kind not in ("A", "B") or k % 2 == 0:
        raise ValueError("causal_mask: a wrong argument")
    mask = torch.zeros(c_out, c_in, k, k)
    mask[:, :, : k // 2] = 1
    mask[:, :, k // 2, : k // 2] = 1
    source, target = torch.arange(c_in) * groups // c_in, torch.arange(c_out)[:, None] * groups // c_out
    mask[:, :, k // 2, k // 2] = (source < target if kind == "A" else source <= target).float()
    return mask


@wrong(check="receptive_field_values", why="reads the index as column, row")
def receptive_field(net, shape, i, j):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, j, i].sum(), x)
    return (gradient[0] != 0).any(0)


@wrong(check="receptive_field_values", why="gives the gradient, not where it is")
def receptive_field(net, shape, i, j):
    x = torch.randn(1, *shape, requires_grad=True)
    return torch.autograd.grad(net(x)[0, :, i, j].sum(), x)[0][0, 0]


@wrong(check="receptive_field_values", why="adds up the channels' gradients, which may cancel")
def receptive_field(net, shape, i, j):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, i, j].sum(), x)
    return gradient[0].sum(0) != 0


@wrong(check="receptive_field_values", why="only positive gradients count")
def receptive_field(net, shape, i, j):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, i, j].sum(), x)
    return (gradient[0] > 0).any(0)


@wrong(check="receptive_field_values", why="asks the first output channel only")
def receptive_field(net, shape, i, j):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, 0, i, j], x)
    return (gradient[0] != 0).any(0)


@wrong(check="receptive_field_values", why="feeds an empty picture")
def receptive_field(net, shape, i, j):
    x = torch.zeros(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, i, j].sum(), x)
    return (gradient[0] != 0).any(0)


@wrong(check="shift_down_values", why="rolls: the last row comes in at the top")
def shift_down(x):
    return x.roll(1, dims=2)


@wrong(check="shift_down_values", why="shifts up")
def shift_down(x):
    return F.pad(x, (0, 0, -1, 1))


@wrong(check="shift_down_values", why="shifts to the right")
def shift_down(x):
    return F.pad(x, (1, -1))


@wrong(check="shift_down_values", why="one row more than before")
def shift_down(x):
    return F.pad(x, (0, 0, 1, 0))


@wrong(check="logistic_values", why="no edge bins: what lies beyond is lost")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(-log_scale)
    upper, lower = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate
    return F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))


@wrong(check="logistic_values", why="the upper edge is 255, whatever the levels")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(-log_scale)
    upper, lower = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate
    inside = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))
    return torch.where(x == 255, F.logsigmoid(-lower), torch.where(x == 0, F.logsigmoid(upper), inside))


@wrong(check="logistic_values", why="multiplies by the scale")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(log_scale)
    upper, lower = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate
    inside = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))
    return torch.where(
        x == levels - 1, F.logsigmoid(-lower), torch.where(x == 0, F.logsigmoid(upper), inside)
    )


@wrong(check="logistic_values", why="takes the log of the scale for the scale")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = 1 / (log_scale + 1)
    upper, lower = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate
    inside = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))
    return torch.where(
        x == levels - 1, F.logsigmoid(-lower), torch.where(x == 0, F.logsigmoid(upper), inside)
    )


@wrong(check="logistic_values", why="gives the masses, not their logarithms")
def logistic_log_prob(x, mean, log_scale, levels=256):
    upper, lower = (torch.sigmoid((x + d - mean) * torch.exp(-log_scale)) for d in (0.5, -0.5))
    return torch.where(x == levels - 1, 1 - lower, torch.where(x == 0, upper, upper - lower))


@wrong(check="logistic_values", why="the bin goes from x to x + 1")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(-log_scale)
    upper, lower = (x + 1 - mean) * rate, (x - mean) * rate
    inside = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))
    return torch.where(
        x == levels - 1, F.logsigmoid(-lower), torch.where(x == 0, F.logsigmoid(upper), inside)
    )


@wrong(check="logistic_tails", why="the difference of two sigmoids: log 0 in the tails")
def logistic_log_prob(x, mean, log_scale, levels=256):
    upper, lower = (torch.sigmoid((x + d - mean) * torch.exp(-log_scale)) for d in (0.5, -0.5))
    return torch.where(x == levels - 1, 1 - lower, torch.where(x == 0, upper, upper - lower)).log()


@wrong(check="logistic_tails", why="the difference, kept above 1e-12: the tails are flat")
def logistic_log_prob(x, mean, log_scale, levels=256):
    upper, lower = (torch.sigmoid((x + d - mean) * torch.exp(-log_scale)) for d in (0.5, -0.5))
    inside = torch.log((upper - lower).clamp(min=1e-12))
    rate = torch.exp(-log_scale)
    below, above = F.logsigmoid((x + 0.5 - mean) * rate), F.logsigmoid(-(x - 0.5 - mean) * rate)
    return torch.where(x == levels - 1, above, torch.where(x == 0, below, inside))


@wrong(check="logistic_tails", why="the edges by log(1 - sigmoid)")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(-log_scale)
    upper, lower = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate
    inside = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-rate))
    above = torch.log(1 - torch.sigmoid(lower) + 1e-12)
    return torch.where(x == levels - 1, above, torch.where(x == 0, F.logsigmoid(upper), inside))


@wrong(check="logistic_tails", why="the density in the middle of the bin stands for its mass")
def logistic_log_prob(x, mean, log_scale, levels=256):
    rate = torch.exp(-log_scale)
    upper, lower, middle = (x + 0.5 - mean) * rate, (x - 0.5 - mean) * rate, (x - mean) * rate
    mass = torch.sigmoid(upper) - torch.sigmoid(lower)
    density = F.logsigmoid(middle) + F.logsigmoid(-middle) - log_scale
    inside = torch.where(mass > 1e-5, mass.clamp(min=1e-12).log(), density)
    return torch.where(
        x == levels - 1, F.logsigmoid(-lower), torch.where(x == 0, F.logsigmoid(upper), inside)
    )


@wrong(check="mixture_values", why="scores for weights: they do not add up to 1")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    return torch.logsumexp(logits + logistic_log_prob(x.unsqueeze(-1), mean, log_scale, levels), dim=-1)


@wrong(check="mixture_values", why="the mean of the logarithms")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    parts = logistic_log_prob(x.unsqueeze(-1), mean, log_scale, levels)
    return (torch.softmax(logits, dim=-1) * parts).sum(-1)


@wrong(check="mixture_values", why="multiplies and takes the logarithm: log 0 far from all means")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    parts = logistic_log_prob(x.unsqueeze(-1), mean, log_scale, levels)
    return (torch.softmax(logits, dim=-1) * parts.exp()).sum(-1).log()


@wrong(check="mixture_values", why="forgets to pass the levels on")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    parts = logistic_log_prob(x.unsqueeze(-1), mean, log_scale)
    return torch.logsumexp(F.log_softmax(logits, dim=-1) + parts, dim=-1)


@wrong(check="mixture_values", why="softmax over the wrong axis")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    parts = logistic_log_prob(x.unsqueeze(-1), mean, log_scale, levels)
    return torch.logsumexp(F.log_softmax(logits, dim=0) + parts, dim=-1)


@wrong(check="nats_values", why="the mean over the pixels")
def nats(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).mean(1)


@wrong(check="nats_values", why="one number for the whole batch")
def nats(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum")


@wrong(check="nats_values", why="forgets the minus")
def nats(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)


@wrong(check="nats_values", why="log of sigmoid: infinite where the net is sure and wrong")
def nats(logits, x):
    p = torch.sigmoid(logits)
    return -(x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1)


@wrong(check="nats_values", why="takes logits for probabilities of ones only")
def nats(logits, x):
    return -(x * F.logsigmoid(logits)).flatten(1).sum(1)


@wrong(check="bits_per_dim_values", why="multiplies by log 2")
def bits_per_dim(nats, shape):
    return nats / math.prod(shape) * math.log(2)


@wrong(check="bits_per_dim_values", why="counts pixels, not numbers: channels are forgotten")
def bits_per_dim(nats, shape):
    return nats / math.prod(shape[-2:]) / math.log(2)


@wrong(check="bits_per_dim_values", why="nats for each number")
def bits_per_dim(nats, shape):
    return nats / math.prod(shape)


@wrong(check="sample_values", why="one call for all pixels: none sees what was drawn")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u)
    if start is not None:
        x[:, :, :row] = start[:, :, :row]
    new = (u < torch.sigmoid(net(x))).float()
    x[:, :, row:] = new[:, :, row:]
    return x


@wrong(check="sample_values", why="takes the likelier value instead of drawing")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u)
    if start is not None:
        x[:, :, :row] = start[:, :, :row]
    with torch.no_grad():
        for i in range(row, u.shape[2]):
            for j in range(u.shape[3]):
                x[:, :, i, j] = (net(x)[:, :, i, j] > 0).float()
    return x


@wrong(check="sample_values", why="1 where u is above the chance")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u)
    if start is not None:
        x[:, :, :row] = start[:, :, :row]
    with torch.no_grad():
        for i in range(row, u.shape[2]):
            for j in range(u.shape[3]):
                x[:, :, i, j] = (u[:, :, i, j] > torch.sigmoid(net(x)[:, :, i, j])).float()
    return x


@wrong(check="sample_values", why="compares u with the logit")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u)
    if start is not None:
        x[:, :, :row] = start[:, :, :row]
    with torch.no_grad():
        for i in range(row, u.shape[2]):
            for j in range(u.shape[3]):
                x[:, :, i, j] = (u[:, :, i, j] < net(x)[:, :, i, j]).float()
    return x


@wrong(check="sample_values", why="column by column")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u)
    if start is not None:
        x[:, :, :row] = start[:, :, :row]
    with torch.no_grad():
        for j in range(u.shape[3]):
            for i in range(row, u.shape[2]):
                x[:, :, i, j] = (u[:, :, i, j] < torch.sigmoid(net(x)[:, :, i, j])).float()
    return x


@wrong(check="sample_values", why="draws the given rows anew")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u) if start is None else start.clone()
    with torch.no_grad():
        for i in range(u.shape[2]):
            for j in range(u.shape[3]):
                x[:, :, i, j] = (u[:, :, i, j] < torch.sigmoid(net(x)[:, :, i, j])).float()
    return x


@wrong(check="sample_values", why="begins with all of `start`: the net sees rows not drawn yet")
def sample(net, u, start=None, row=0):
    x = torch.zeros_like(u) if start is None else start.clone()
    with torch.no_grad():
        for i in range(row, u.shape[2]):
            for j in range(u.shape[3]):
                x[:, :, i, j] = (u[:, :, i, j] < torch.sigmoid(net(x)[:, :, i, j])).float()
    return x


@wrong(check="layer_row_values", why="pads the window at the top as well")
def layer_row(layer, v):
    r = layer.reach
    return layer.vertical(F.pad(v, (r, r, r, 0)))


@wrong(check="layer_row_values", why="pads one side only")
def layer_row(layer, v):
    return layer.vertical(F.pad(v, (2 * layer.reach, 0, 0, 0)))


@wrong(check="layer_row_values", why="gates already")
def layer_row(layer, v):
    y = gate(layer.vertical(F.pad(v, (layer.reach, layer.reach, 0, 0))))
    return torch.cat([y, y], dim=1)


@wrong(check="layer_pixel_values", why="forgets the old h")
def layer_pixel(layer, h, link):
    left = layer.horizontal(h[..., :-1] if layer.first else h)
    return layer.out(gate(left + link))


@wrong(check="layer_pixel_values", why="adds the window's first column, not its last")
def layer_pixel(layer, h, link):
    left = layer.horizontal(h[..., :-1] if layer.first else h)
    y = layer.out(gate(left + link))
    return y if layer.first else h[..., :1] + y


@wrong(check="layer_pixel_values", why="the first layer drops the wrong column")
def layer_pixel(layer, h, link):
    left = layer.horizontal(h[..., 1:] if layer.first else h)
    y = layer.out(gate(left + link))
    return y if layer.first else h[..., -1:] + y


@wrong(check="cached_sampling", why="forgets what the vertical stack says")
def layer_pixel(layer, h, link):
    left = layer.horizontal(h[..., :-1] if layer.first else h)
    y = layer.out(gate(left))
    return y if layer.first else h[..., -1:] + y


@wrong(check="split_values", why="quarters of the picture")
def split(x):
    h, w = x.shape[2] // 2, x.shape[3] // 2
    return [x[:, :, i : i + h, j : j + w] for i in (0, h) for j in (0, w)]


@wrong(check="split_values", why="upper right and lower left exchanged")
def split(x):
    return [x[:, :, i::2, j::2] for j in (0, 1) for i in (0, 1)]


@wrong(check="merge_values", why="puts the groups side by side")
def merge(parts):
    return torch.cat([torch.cat(list(parts[:2]), 3), torch.cat(list(parts[2:]), 3)], 2)


@wrong(check="multiscale_nats_values", why="the coarse picture is not counted")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    return sum(nats(net(torch.cat(parts[:n], dim=1)), parts[n]) for n, net in enumerate(scales[-1], 1))


@wrong(check="multiscale_nats_values", why="no end: never comes to the smallest picture")
def multiscale_nats(base, scales, x):
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
    return total


@wrong(check="multiscale_nats_values", why="no end: the scales do not get fewer")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales, parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
    return total


@wrong(check="multiscale_nats_values", why="ends a scale too early")
def multiscale_nats(base, scales, x):
    if len(scales) <= 1:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
    return total


@wrong(check="multiscale_nats_values", why="one scale only: the smaller picture is not split again")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = nats(base(parts[0]), parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
    return total


@wrong(check="multiscale_nats_values", why="forgets the last group")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for n in (1, 2):
        total = total + nats(scales[-1][n - 1](torch.cat(parts[:n], dim=1)), parts[n])
    return total


@wrong(check="multiscale_nats_values", why="returns inside the loop")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
        return total


@wrong(check="multiscale_nats_values", why="every group is guessed from the upper left one alone")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for net, part, n in zip(scales[-1], parts[1:], (1, 2, 3)):
        total = total + nats(net(parts[0].repeat(1, n, 1, 1)), part)
    return total


@wrong(check="multiscale_nats_values", why="the nets see the group that they guess")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[:-1], parts[0])
    for n, net in enumerate(scales[-1], 1):
        total = total + nats(net(torch.cat(parts[1 : n + 1], dim=1)), parts[n])
    return total


@wrong(check="multiscale_nats_values", why="takes the largest scale's nets for the smallest picture")
def multiscale_nats(base, scales, x):
    if not scales:
        return nats(base(x), x)
    parts = split(x)
    total = multiscale_nats(base, scales[1:], parts[0])
    for n, net in enumerate(scales[0], 1):
        total = total + nats(net(torch.cat(parts[:n], dim=1)), parts[n])
    return total


@wrong(check="sample_multiscale_values", why="no end: never comes to the smallest picture")
def sample_multiscale(base, scales, u):
    coarse, *others = split(u)
    parts = [sample_multiscale(base, scales[:-1], coarse)]
    for net, chance in zip(scales[-1], others):
        parts.append((chance < torch.sigmoid(net(torch.cat(parts, dim=1)))).float())
    return merge(parts)


@wrong(check="sample_multiscale_values", why="uses one corner of u for all groups")
def sample_multiscale(base, scales, u):
    if not scales:
        return sample(base, u)
    coarse = split(u)[0]
    parts = [sample_multiscale(base, scales[:-1], coarse)]
    for net in scales[-1]:
        parts.append((coarse < torch.sigmoid(net(torch.cat(parts, dim=1)))).float())
    return merge(parts)


@wrong(check="sample_multiscale_values", why="the smallest picture in one call")
def sample_multiscale(base, scales, u):
    if not scales:
        return (u < torch.sigmoid(base(torch.zeros_like(u)))).float()
    coarse, *others = split(u)
    parts = [sample_multiscale(base, scales[:-1], coarse)]
    for net, chance in zip(scales[-1], others):
        parts.append((chance < torch.sigmoid(net(torch.cat(parts, dim=1)))).float())
    return merge(parts)


@wrong(check="sample_multiscale_values", why="all groups from the upper left one alone")
def sample_multiscale(base, scales, u):
    if not scales:
        return sample(base, u)
    coarse, *others = split(u)
    first = sample_multiscale(base, scales[:-1], coarse)
    parts = [first]
    for n, (net, chance) in enumerate(zip(scales[-1], others), 1):
        parts.append((chance < torch.sigmoid(net(first.repeat(1, n, 1, 1)))).float())
    return merge(parts)


@wrong(check="mixture_values", why="the density in the middle of the bin for its mass")
def mixture_log_prob(x, logits, mean, log_scale, levels=256):
    v = (x.unsqueeze(-1) - mean) * torch.exp(-log_scale)
    parts = F.logsigmoid(v) + F.logsigmoid(-v) - log_scale
    return torch.logsumexp(F.log_softmax(logits, dim=-1) + parts, dim=-1)


edits["GatedLayer", "gated_layer_sees"] = {
    "h listens to v without the shift": {"shift_down(above)": "above"},
    "the first layer sees the pixel itself": {"-1 if self.first else 0": "0"},
    "h never listens to v": {"left + self.link(shift_down(above))": "left"},
    "hands h on as v too: the blind spot is back": {
        "return gate(above), y if self.first else h + y": (
            "y = y if self.first else h + y\n        return y, y"
        )
    },
    "h alone": {"return gate(above), y if self.first else h + y": "return y if self.first else h + y"},
    "h first, then v": {
        "return gate(above), y if self.first else h + y": "return (y if self.first else h + y), gate(above)"
    },
    "v is padded below, not above": {"(r, r, r, 0)": "(r, r, 0, r)"},
}


edits["GatedLayer", "gated_layer_values"] = {
    "adds the old h in the first layer too": {"y if self.first else h + y": "h + y"},
    "forgets the old h": {"y if self.first else h + y": "y"},
    "two gates where one is due": {
        "gate(left + self.link(shift_down(above)))": "gate(left) + gate(self.link(shift_down(above)))"
    },
    "the old h is cut off": {"else h + y": "else h.detach() + y"},
    "v does not learn from what it says to h": {"shift_down(above)": "shift_down(above.detach())"},
    "the horizontal stack does not learn": {"gate(left +": "gate(left.detach() +"},
}


edits["receptive_field", "receptive_field_values"] = {
    "a seed of its own": {"x = torch.randn": "torch.manual_seed(0)\n    x = torch.randn"},
}


edits["logistic_log_prob", "logistic_values"] = {
    "the log scale does not learn": {"torch.exp(-log_scale)": "torch.exp(-log_scale.detach())"},
    "the mean does not learn from below its bin": {"(x - 0.5 - mean)": "(x - 0.5 - mean.detach())"},
    "the bin's width does not learn": {"torch.expm1(-rate)": "torch.expm1(-rate.detach())"},
}


edits["mixture_log_prob", "mixture_values"] = {
    "the logits do not learn": {"F.log_softmax(logits,": "F.log_softmax(logits.detach(),"},
    "the parts do not learn": {"dim=-1) + parts": "dim=-1) + parts.detach()"},
}


edits["nats", "nats_values"] = {
    "the logits are cut off": {"(logits, x": "(logits.detach(), x"},
}


edits["sample", "sample_values"] = {
    "1 where u equals the chance": {
        "u[:, :, i, j] < torch.sigmoid(logit)": "u[:, :, i, j] <= torch.sigmoid(logit)"
    },
    "gradients stay switched off": {
        "@torch.no_grad()\n": "",
        "x = torch.zeros_like(u)": "torch.set_grad_enabled(False)\n    x = torch.zeros_like(u)",
    },
    "a seed and numbers of its own": {
        "x = torch.zeros_like(u)": (
            "torch.manual_seed(0)\n    u = torch.rand_like(u)\n    x = torch.zeros_like(u)"
        )
    },
}


edits["multiscale_nats", "multiscale_nats_values"] = {
    "the coarse picture is not learned": {
        "total = multiscale_nats(base, scales[:-1], parts[0])": (
            "total = multiscale_nats(base, scales[:-1], parts[0]).detach()"
        )
    },
    "only the last group is learned": {"total = total +": "total = total.detach() +"},
}


edits["sample_multiscale", "sample_multiscale_values"] = {
    "1 where u equals the chance": {"chance < torch": "chance <= torch"},
    "gradients stay switched off": {
        "@torch.no_grad()\n": "",
        "    coarse, *others": "    torch.set_grad_enabled(False)\n    coarse, *others",
    },
}
