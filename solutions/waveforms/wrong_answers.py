"""The mistakes that students make in `waveforms`; read as text, never imported."""

import math


import torch


import torch.nn.functional as F


@wrong(check="compand_values", why="forgets to scale to [-1, 1]")
def compand(x, mu):
    return x.sign() * torch.log1p(mu * x.abs())


@wrong(check="compand_values", why="loses the sign")
def compand(x, mu):
    return torch.log1p(mu * x.abs()) / math.log1p(mu)


@wrong(check="compand_values", why="the logarithm of a negative number")
def compand(x, mu):
    return torch.log(1 + mu * x) / math.log(1 + mu)


@wrong(check="compand_values", why="µ is always 255")
def compand(x, mu):
    return x.sign() * torch.log1p(255 * x.abs()) / math.log1p(255)


@wrong(check="expand_values", why="e instead of 1 + µ as the base")
def expand(y, mu):
    return y.sign() * torch.expm1(y.abs()) / mu


@wrong(check="expand_values", why="forgets to divide by µ")
def expand(y, mu):
    return y.sign() * ((1 + mu) ** y.abs() - 1)


@wrong(check="expand_values", why="loses the sign")
def expand(y, mu):
    return ((1 + mu) ** y.abs() - 1) / mu


@wrong(check="encode_values", why="rounds down")
def encode(x, levels):
    y = compand(x.clamp(-1, 1), levels - 1)
    return ((y + 1) / 2 * (levels - 1)).long()


@wrong(check="encode_values", why="µ is the number of levels, and one level too many")
def encode(x, levels):
    y = compand(x.clamp(-1, 1), levels)
    return ((y + 1) / 2 * levels + 0.5).floor().long()


@wrong(check="encode_values", why="bends with µ = levels")
def encode(x, levels):
    y = compand(x.clamp(-1, 1), levels)
    return ((y + 1) / 2 * (levels - 1) + 0.5).floor().long()


@wrong(check="encode_values", why="does not bend")
def encode(x, levels):
    return ((x.clamp(-1, 1) + 1) / 2 * (levels - 1) + 0.5).floor().long()


@wrong(check="encode_values", why="codes beyond the ends")
def encode(x, levels):
    y = compand(x, levels - 1)
    return ((y + 1) / 2 * (levels - 1) + 0.5).floor().long()


@wrong(check="encode_values", why="floats")
def encode(x, levels):
    y = compand(x.clamp(-1, 1), levels - 1)
    return ((y + 1) / 2 * (levels - 1)).round()


@wrong(check="decode_values", why="stays bent")
def decode(codes, levels):
    return 2 * codes / (levels - 1) - 1


@wrong(check="decode_values", why="µ is the number of levels")
def decode(codes, levels):
    return expand(2 * codes / (levels - 1) - 1, levels)


@wrong(check="decode_values", why="divides by the number of levels")
def decode(codes, levels):
    return expand(2 * codes / levels - 1, levels - 1)


@wrong(check="causal_conv_values", why="zeros on both sides: looks into the future")
def causal_conv(x, weight, bias, dilation):
    past = (weight.shape[2] - 1) * dilation
    return F.conv1d(F.pad(x, (past // 2, past - past // 2)), weight, bias, dilation=dilation)


@wrong(check="causal_conv_values", why="zeros on the right")
def causal_conv(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, (0, (weight.shape[2] - 1) * dilation)), weight, bias, dilation=dilation)


@wrong(check="causal_conv_values", why="k · d zeros")
def causal_conv(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, (weight.shape[2] * dilation, 0)), weight, bias, dilation=dilation)


@wrong(check="causal_conv_values", why="d zeros whatever the kernel")
def causal_conv(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, (dilation, 0)), weight, bias, dilation=dilation)


@wrong(check="causal_conv_values", why="flips the kernel")
def causal_conv(x, weight, bias, dilation):
    past = (weight.shape[2] - 1) * dilation
    return F.conv1d(F.pad(x, (past, 0)), weight.flip(2), bias, dilation=dilation)


@wrong(check="causal_conv_values", why="no dilation")
def causal_conv(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, (weight.shape[2] - 1, 0)), weight, bias)


@wrong(check="causal_conv_values", why="no bias")
def causal_conv(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, ((weight.shape[2] - 1) * dilation, 0)), weight, dilation=dilation)


@wrong(check="field_proved", why="zeros on the right")
def causal_conv(x, weight, bias, dilation):
    return F.conv1d(F.pad(x, (0, (weight.shape[2] - 1) * dilation)), weight, bias, dilation=dilation)


@wrong(check="receptive_field_values", why="without the present sample")
def receptive_field(dilations, k):
    return (k - 1) * sum(dilations)


@wrong(check="receptive_field_values", why="two to the number of layers")
def receptive_field(dilations, k):
    return k ** len(dilations)


@wrong(check="receptive_field_values", why="the last layer only")
def receptive_field(dilations, k):
    return (k - 1) * dilations[-1]


@wrong(check="receptive_field_values", why="k · d a layer")
def receptive_field(dilations, k):
    return 1 + k * sum(dilations)


@wrong(check="receptive_field_values", why="two weights always")
def receptive_field(dilations, k):
    return 1 + sum(dilations)


@wrong(check="heard_values", why="all times at once")
def heard(net, shape, t):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x).sum(), x)
    return (gradient[0] != 0).any(0)


@wrong(check="heard_values", why="positive gradients only")
def heard(net, shape, t):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, t].sum(), x)
    return (gradient[0] > 0).any(0)


@wrong(check="heard_values", why="the first input channel only")
def heard(net, shape, t):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, t].sum(), x)
    return gradient[0, 0] != 0


@wrong(check="heard_values", why="channels that cancel")
def heard(net, shape, t):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, t].sum(), x)
    return gradient[0].sum(0).abs() > 1e-6


@wrong(check="heard_values", why="the first output channel only")
def heard(net, shape, t):
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, 0, t], x)
    return (gradient[0] != 0).any(0)


@wrong(check="heard_values", why="feeds silence: at 0 some gradients are 0")
def heard(net, shape, t):
    x = torch.zeros(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, t].sum(), x)
    return (gradient[0] != 0).any(0)


@wrong(check="conditioned_values", why="repeats the whole curve")
def conditioned(z, h, V):
    if h.ndim == 2:
        h = h[:, :, None]
    return z + (V @ h).repeat(1, 1, z.shape[2] // h.shape[2])


@wrong(check="conditioned_values", why="for whole sounds only")
def conditioned(z, h, V):
    return z + (h @ V.T)[:, :, None]


@wrong(check="conditioned_values", why="forgets z")
def conditioned(z, h, V):
    if h.ndim == 2:
        h = h[:, :, None]
    return (V @ h).repeat_interleave(z.shape[2] // h.shape[2], dim=2)


@wrong(check="conditioned_values", why="multiplies")
def conditioned(z, h, V):
    if h.ndim == 2:
        h = h[:, :, None]
    return z * (V @ h).repeat_interleave(z.shape[2] // h.shape[2], dim=2)


@wrong(check="bits_values", why="nats")
def bits(logits, codes, length):
    each = F.cross_entropy(logits, codes, reduction="none")
    return each[torch.arange(codes.shape[1]) < length[:, None]].mean()


@wrong(check="bits_values", why="counts the filling")
def bits(logits, codes, length):
    return F.cross_entropy(logits, codes) / math.log(2)


@wrong(check="bits_values", why="divides by the filling too")
def bits(logits, codes, length):
    each = F.cross_entropy(logits, codes, reduction="none") / math.log(2)
    return (each * (torch.arange(codes.shape[1]) < length[:, None])).mean()


@wrong(check="bits_values", why="a mean of means")
def bits(logits, codes, length):
    each = F.cross_entropy(logits, codes, reduction="none") / math.log(2)
    counts = torch.arange(codes.shape[1]) < length[:, None]
    return ((each * counts).sum(1) / length).mean()


@wrong(check="bits_values", why="one sample too many")
def bits(logits, codes, length):
    each = F.cross_entropy(logits, codes, reduction="none") / math.log(2)
    return each[torch.arange(codes.shape[1]) <= length[:, None]].mean()


@wrong(check="bits_values", why="a sum")
def bits(logits, codes, length):
    each = F.cross_entropy(logits, codes, reduction="none") / math.log(2)
    return each[torch.arange(codes.shape[1]) < length[:, None]].sum()


@wrong(check="bits_values", why="autograd cannot follow")
def bits(logits, codes, length):
    each = F.cross_entropy(logits.detach(), codes, reduction="none") / math.log(2)
    return each[torch.arange(codes.shape[1]) < length[:, None]].mean()


@wrong(check="draw_values", why="floats for classes")
def draw(logits, u):
    reached = torch.softmax(logits, dim=1).cumsum(1)
    return (reached <= u[:, None]).float().sum(1).clamp(max=logits.shape[1] - 1)


@wrong(check="draw_values", why="the most probable code")
def draw(logits, u):
    return logits.argmax(1)


@wrong(check="draw_values", why="one code too high")
def draw(logits, u):
    return (torch.softmax(logits, 1).cumsum(1) <= u[:, None]).sum(1) + 1


@wrong(check="draw_values", why="codes that do not exist")
def draw(logits, u):
    return (torch.softmax(logits, 1).cumsum(1) <= u[:, None]).sum(1)


@wrong(check="draw_values", why="counts the pieces above u")
def draw(logits, u):
    return (torch.softmax(logits, 1).cumsum(1) > u[:, None]).sum(1).clamp(max=logits.shape[1] - 1)


@wrong(check="draw_values", why="its own random numbers")
def draw(logits, u):
    return torch.multinomial(torch.softmax(logits, 1), 1)[:, 0]


@wrong(check="draw_values", why="the softmax overflows")
def draw(logits, u):
    p = torch.exp(logits)
    return ((p / p.sum(1, keepdim=True)).cumsum(1) <= u[:, None]).sum(1).clamp(max=logits.shape[1] - 1)


@wrong(check="generate_values", why="the logits of the sample before")
def generate(net, u, levels):
    x = torch.zeros_like(u)
    for t in range(u.shape[1]):
        logits = net(x[:, None, : max(t, 1)])[:, :, -1]
        x[:, t] = decode(draw(logits, u[:, t]), levels)
    return x


@wrong(check="generate_values", why="the net gets no sample at first, and one too few after")
def generate(net, u, levels):
    x = torch.zeros_like(u)
    for t in range(u.shape[1]):
        x[:, t] = decode(draw(net(x[:, None, :t])[:, :, -1], u[:, t]), levels)
    return x


@wrong(check="generate_values", why="feeds codes")
def generate(net, u, levels):
    x = torch.zeros_like(u)
    for t in range(u.shape[1]):
        x[:, t] = draw(net(x[:, None, : t + 1])[:, :, t], u[:, t]).float()
    return x


@wrong(check="generate_values", why="all at once")
def generate(net, u, levels):
    logits = net(torch.zeros_like(u)[:, None])
    return torch.stack([decode(draw(logits[:, :, t], u[:, t]), levels) for t in range(u.shape[1])], 1)


@wrong(check="generate_values", why="one random number for all samples")
def generate(net, u, levels):
    x = torch.zeros_like(u)
    for t in range(u.shape[1]):
        x[:, t] = decode(draw(net(x[:, None, : t + 1])[:, :, t], u[:, 0]), levels)
    return x


@wrong(check="generate_values", why="asks twice a sample")
def generate(net, u, levels):
    x = torch.zeros_like(u)
    for t in range(u.shape[1]):
        logits = net(x[:, None])[:, :, t] if net(x[:, None]) is not None else None
        x[:, t] = decode(draw(logits, u[:, t]), levels)
    return x


@wrong(check="conv_step_values", why="the newest of the queue")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([queue, x[:, :, None]], 2)
    return torch.einsum("bck,mck->bm", window[:, :, -weight.shape[2] :], weight) + bias, window[:, :, 1:]


@wrong(check="conv_step_values", why="the queue is not moved on")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([queue, x[:, :, None]], 2)
    return torch.einsum("bck,mck->bm", window[:, :, ::dilation], weight) + bias, queue


@wrong(check="conv_step_values", why="the queue grows")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([queue, x[:, :, None]], 2)
    reach = (weight.shape[2] - 1) * dilation
    near = window[:, :, -reach - 1 :]
    return torch.einsum("bck,mck->bm", near[:, :, ::dilation], weight) + bias, window


@wrong(check="conv_step_values", why="the queue backwards")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([x[:, :, None], queue], 2)
    return torch.einsum("bck,mck->bm", window[:, :, ::dilation], weight.flip(2)) + bias, window[:, :, :-1]


@wrong(check="conv_step_values", why="no bias")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([queue, x[:, :, None]], 2)
    return torch.einsum("bck,mck->bm", window[:, :, ::dilation], weight), window[:, :, 1:]


@wrong(check="conv_step_values", why="two weights only")
def conv_step(x, queue, weight, bias, dilation):
    y = queue[:, :, 0] @ weight[:, :, 0].T + x @ weight[:, :, -1].T + bias
    return y, torch.cat([queue, x[:, :, None]], 2)[:, :, 1:]


@wrong(check="conv_step_values", why="the output alone")
def conv_step(x, queue, weight, bias, dilation):
    window = torch.cat([queue, x[:, :, None]], 2)
    return torch.einsum("bck,mck->bm", window[:, :, ::dilation], weight) + bias


@wrong(check="generate_fast_values", why="always the first queues")
def generate_fast(step, queues, u, levels):
    x, drawn = torch.zeros_like(u[:, :1]), []
    for t in range(u.shape[1]):
        logits, _ = step(x, queues)
        x = decode(draw(logits, u[:, t]), levels)[:, None]
        drawn.append(x)
    return torch.cat(drawn, 1)


@wrong(check="generate_fast_values", why="always silence in")
def generate_fast(step, queues, u, levels):
    drawn = []
    for t in range(u.shape[1]):
        logits, queues = step(torch.zeros_like(u[:, :1]), queues)
        drawn.append(decode(draw(logits, u[:, t]), levels)[:, None])
    return torch.cat(drawn, 1)


@wrong(check="generate_fast_values", why="codes in")
def generate_fast(step, queues, u, levels):
    x, drawn = torch.zeros_like(u[:, :1]), []
    for t in range(u.shape[1]):
        logits, queues = step(x, queues)
        codes = draw(logits, u[:, t])
        x = codes[:, None].float()
        drawn.append(decode(codes, levels)[:, None])
    return torch.cat(drawn, 1)


@wrong(check="generate_fast_values", why="one step too many")
def generate_fast(step, queues, u, levels):
    x, drawn = torch.zeros_like(u[:, :1]), []
    logits, queues = step(x, queues)
    for t in range(u.shape[1]):
        logits, queues = step(x, queues)
        x = decode(draw(logits, u[:, t]), levels)[:, None]
        drawn.append(x)
    return torch.cat(drawn, 1)


@wrong(check="density_values", why="forgets the scale")
def logistic_log_density(x, mean, log_scale):
    v = (x - mean) * torch.exp(-log_scale)
    return F.logsigmoid(v) + F.logsigmoid(-v)


@wrong(check="density_values", why="plus the log scale")
def logistic_log_density(x, mean, log_scale):
    v = (x - mean) * torch.exp(-log_scale)
    return F.logsigmoid(v) + F.logsigmoid(-v) + log_scale


@wrong(check="density_values", why="overflows far out")
def logistic_log_density(x, mean, log_scale):
    v = (x - mean) * torch.exp(-log_scale)
    return torch.log(torch.sigmoid(v) * torch.sigmoid(-v)) - log_scale


@wrong(check="density_values", why="the distribution function")
def logistic_log_density(x, mean, log_scale):
    return F.logsigmoid((x - mean) * torch.exp(-log_scale)) - log_scale


@wrong(check="density_values", why="takes the log scale for the scale")
def logistic_log_density(x, mean, log_scale):
    v = (x - mean) / log_scale
    return F.logsigmoid(v) + F.logsigmoid(-v) - torch.log(log_scale.abs())


@wrong(check="flow_values", why="every net hears z")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(z).chunk(2, dim=1)
        x, total = x * torch.exp(log_scale) + mean, total + log_scale
    return x, total


@wrong(check="flow_values", why="every flow begins again")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x, total = z * torch.exp(log_scale) + mean, total + log_scale
    return x, total


@wrong(check="flow_values", why="the last flow's log scale")
def flow(nets, z):
    x, log_scale = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x = x * torch.exp(log_scale) + mean
    return x, log_scale


@wrong(check="flow_values", why="adds before it scales")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x, total = (x + mean) * torch.exp(log_scale), total + log_scale
    return x, total


@wrong(check="flow_values", why="multiplies by the log scale")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x, total = x * log_scale + mean, total + log_scale
    return x, total


@wrong(check="flow_values", why="changes mean and log scale over")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        log_scale, mean = net(x).chunk(2, dim=1)
        x, total = x * torch.exp(log_scale) + mean, total + log_scale
    return x, total


@wrong(check="flow_values", why="multiplies the log scales")
def flow(nets, z):
    x, total = z, torch.ones_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x, total = x * torch.exp(log_scale) + mean, total * log_scale
    return x, total


@wrong(check="flow_values", why="one call for each sample")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        parts = [net(x)[:, :, t] for t in range(z.shape[2])]
        mean, log_scale = torch.stack(parts, 2).chunk(2, dim=1)
        x, total = x * torch.exp(log_scale) + mean, total + log_scale
    return x, total


@wrong(check="flow_values", why="the log scale first")
def flow(nets, z):
    x, total = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x, total = x * torch.exp(log_scale) + mean, total + log_scale
    return total, x


@wrong(check="distillation_values", why="forgets the 2")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    return (-teacher(x) - log_scale).mean()


@wrong(check="distillation_values", why="forgets the entropy")
def distillation_loss(nets, teacher, z):
    return -teacher(flow(nets, z)[0]).mean()


@wrong(check="distillation_values", why="punishes variety")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    return (-teacher(x) + log_scale + 2).mean()


@wrong(check="distillation_values", why="runs from the teacher")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    return (teacher(x) - (log_scale + 2)).mean()


@wrong(check="distillation_values", why="a sum")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    return (-teacher(x) - (log_scale + 2)).sum()


@wrong(check="distillation_values", why="the teacher hears the noise")
def distillation_loss(nets, teacher, z):
    return (-teacher(z) - (flow(nets, z)[1] + 2)).mean()


@wrong(check="distillation_values", why="cuts the gradient through the teacher")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    return (-teacher(x.detach()) - (log_scale + 2)).mean()


@wrong(check="distillation_values", why="a plain number: nothing to learn from")
def distillation_loss(nets, teacher, z):
    x, log_scale = flow(nets, z)
    return (-teacher(x) - (log_scale + 2)).mean().item()


@wrong(check="conv_step_values", why="keeps the queue in the function: two sounds get mixed up")
def conv_step(x, queue, weight, bias, dilation):
    kept = getattr(conv_step, "kept", queue)
    if kept.shape != queue.shape or not queue.any():
        kept = queue
    window = torch.cat([kept, x[:, :, None]], 2)
    conv_step.kept = window[:, :, 1:]
    return torch.einsum("bck,mck->bm", window[:, :, ::dilation], weight) + bias, conv_step.kept


edits["Block", "block_values"] = {
    "filter and gate changed over": {"torch.tanh(a) * torch.sigmoid(b)": "torch.sigmoid(a) * torch.tanh(b)"},
    "no residual": {"return x + self": "return self"},
    "the skip takes the new features": {
        "return x + self.residual(y), self.skip(y)": "x = x + self.residual(y)\n        return x, self.skip(x)"
    },
    "does not listen to h": {"if h is not None": "if False"},
    "forgets the dilation": {"self.conv.bias, self.dilation": "self.conv.bias, 1"},
    "one tensor instead of two: nothing goes to the output": {", self.skip(y)": ""},
    "the two results exchanged": {"x + self.residual(y), self.skip(y)": "self.skip(y), x + self.residual(y)"},
    "cannot take a curve": {"conditioned(z, h, self.condition.weight)": "z + self.condition(h)[:, :, None]"},
    "the residual does not reach the weights before it": {"self.residual(y)": "self.residual(y.detach())"},
    "the features that come in are cut off": {"return x +": "return x.detach() +"},
    "the convolution's bias does not learn": {"self.conv.bias,": "self.conv.bias.detach(),"},
    "the condition's weights do not learn": {"self.condition.weight": "self.condition.weight.detach()"},
}


edits["WaveNet", "wavenet_values"] = {
    "hears the sample that it is to predict": {"F.pad(x, (1, -1))": "x"},
    "shifts to the left": {"(1, -1)": "(-1, 1)"},
    "the last block's skip only": {"total = total + skip": "total = skip"},
    "every block begins from the wave: in parallel, not in a row": {
        "x, skip = block(x, h)": "_, skip = block(x, h)"
    },
    "blocks do not get h": {"block(x, h)": "block(x)"},
    "blocks do not learn from those after them": {"block(x, h)": "block(x.detach(), h)"},
    "the skips do not learn": {"total + skip": "total + skip.detach()"},
    "the sum of the skips stays in the net from call to call": {
        "total = 0": "self.total = getattr(self, 'total', 0)",
        "total = total + skip": "self.total = self.total + skip",
        "self.head(total)": "self.head(self.total)",
    },
}


edits["encode", "encode_values"] = {
    "codes of eight bits": {".long()": ".to(torch.uint8).long()"},
}


edits["decode", "decode_values"] = {
    "float64, which no net takes": {"2 * codes": "2 * codes.double()"},
}


edits["causal_conv", "causal_conv_values"] = {
    "the weights do not learn": {"weight, bias": "weight.detach(), bias"},
    "the bias does not learn": {"weight, bias": "weight, bias.detach()"},
    "the sound is cut off": {"F.pad(x": "F.pad(x.detach()"},
}


edits["heard", "heard_values"] = {
    "a seed of its own": {"x = torch.randn": "torch.manual_seed(0)\n    x = torch.randn"},
}


edits["conditioned", "conditioned_values"] = {
    "the features are cut off": {"return z +": "return z.detach() +"},
    "the projection does not learn": {"(V @ h)": "(V.detach() @ h)"},
    "what h is made from does not learn": {"(V @ h)": "(V @ h.detach())"},
    "the first sound tells all what to be": {"(V @ h)": "(V @ h[:1])"},
    "tells a curve by its width": {"h.ndim == 2": "h.shape[-1] == V.shape[1]"},
}


edits["bits", "bits_values"] = {
    "the first sound ends for all": {"length[:, None]": "length[:1, None].expand(len(codes), 1)"},
    "codes of eight bits": {"logits, codes, red": "logits, codes.to(torch.uint8).long(), red"},
}


edits["draw", "draw_values"] = {
    "a code of probability 0 at the end of the one before": {"reached <= u": "reached < u"},
    "the first number decides for all": {"u[:, None]": "u[0]"},
    "codes of eight bits": {".sum(1)": ".sum(1, dtype=torch.uint8).long()"},
}


edits["generate", "generate_values"] = {
    "gradients stay switched off": {
        "@torch.no_grad()\n": "",
        "x = torch.zeros_like(u)": "torch.set_grad_enabled(False)\n    x = torch.zeros_like(u)",
    },
    "a seed and numbers of its own": {
        "x = torch.zeros_like(u)": "torch.manual_seed(0)\n    u = torch.rand_like(u)\n    x = torch.zeros_like(u)"
    },
}


edits["generate_fast", "generate_fast_values"] = {
    "gradients stay switched off": {
        "@torch.no_grad()\n": "",
        "x, drawn = ": "torch.set_grad_enabled(False)\n    x, drawn = ",
    },
}


edits["logistic_log_density", "density_values"] = {
    "the log scale does not learn from the bell": {"-log_scale)": "-log_scale.detach())"},
    "the log scale does not learn from its own term": {"- log_scale": "- log_scale.detach()"},
    "the mean does not learn": {"x - mean": "x - mean.detach()"},
}


edits["flow", "flow_values"] = {
    "the log scale of the whole is cut off": {"total + log_scale": "total + log_scale.detach()"},
    "the scales are cut off": {"torch.exp(log_scale)": "torch.exp(log_scale.detach())"},
}


edits["distillation_loss", "distillation_values"] = {
    "variety is not learned": {"(log_scale + 2)": "(log_scale.detach() + 2)"},
}
