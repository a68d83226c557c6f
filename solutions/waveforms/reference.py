"""Waveforms: sound made one sample at a time by dilated causal convolutions, with queues, and by a parallel student.

Van den Oord et al., "WaveNet: a generative model for raw audio", arXiv:1609.03499 (µ-law, dilated causal convolutions,
gated blocks, conditioning); Le Paine et al., "Fast WaveNet generation algorithm", arXiv:1611.09482 (queues); van den
Oord et al., "Parallel WaveNet: fast high-fidelity speech synthesis", arXiv:1711.10433 (distillation).

Shapes: B sounds, T samples, C channels, Q levels, D numbers that describe what is to be heard.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import spoken_digits
from course_utils.training import Run, main

Net = Callable[[Tensor], Tensor]
Queues = list[Tensor]


def compand(x: Tensor, mu: float) -> Tensor:
    """The µ-law: sign(x) ln(1 + µ|x|) / ln(1 + µ), for each number of a tensor (section 2.2 of WaveNet).

    Args:
        x: Samples in [-1, 1], of any shape.
        mu: How much quiet sounds are spread out, above 0.

    Returns:
        Numbers in [-1, 1] of the same shape, steep around 0.

    >>> compand(torch.tensor([-1.0, 0.0, 1.0]), 255)
    tensor([-1.,  0.,  1.])
    """
    return x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)


def expand(y: Tensor, mu: float) -> Tensor:
    """The way back: expand(compand(x, mu), mu) is x, for each number in [-1, 1] of a tensor of any shape."""
    return y.sign() * torch.expm1(y.abs() * math.log1p(mu)) / mu


def encode(x: Tensor, levels: int) -> Tensor:
    """Samples as whole numbers: compand with µ = levels - 1, then the nearest of `levels` evenly spaced values.

    The values lie from -1 (code 0) to 1 (code levels - 1), both included. Samples beyond ±1 get the codes at the ends.

    Args:
        x: Samples, of any shape.
        levels: How many codes there are, at least 2.

    Returns:
        Codes from 0 to levels - 1, int64, of the same shape.

    >>> encode(torch.tensor([-1.0, -0.01, 0.01, 2.0]), 256)
    tensor([  0,  98, 157, 255])
    """
    y = compand(x.clamp(-1, 1), levels - 1)
    return ((y + 1) / 2 * (levels - 1) + 0.5).floor().long()


def decode(codes: Tensor, levels: int) -> Tensor:
    """Codes from 0 to levels - 1, of any shape, as samples in [-1, 1], float32: the middle of what `encode` rounds.

    >>> decode(torch.tensor([0, 1, 2]), 3)
    tensor([-1.,  0.,  1.])
    """
    return expand(2 * codes / (levels - 1) - 1, levels - 1)


def causal_conv(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """A causal dilated convolution: y[t] = bias + Σ_j weight[j] x[t - (k - 1 - j) · dilation], j from 0 to k - 1.

    The last weight belongs to the present sample. Before the sound begins there are zeros, and no sample is lost.

    Args:
        x: (B, C, T).
        weight: (M, C, k), as `nn.Conv1d` keeps it.
        bias: (M,).
        dilation: Samples from one weight to the next, at least 1.

    Returns:
        (B, M, T).

    >>> causal_conv(torch.arange(5.0).view(1, 1, 5), torch.ones(1, 1, 2), torch.zeros(1), 2)
    tensor([[[0., 1., 2., 4., 6.]]])
    """
    past = (weight.shape[2] - 1) * dilation
    return F.conv1d(F.pad(x, (past, 0)), weight, bias, dilation=dilation)


def receptive_field(dilations: Sequence[int], k: int) -> int:
    """How many input samples, the present one included, one output of a stack of causal convolutions hears.

    Args:
        dilations: One for each layer.
        k: Weights of each layer's kernel.

    >>> receptive_field([1, 2], 2)
    4
    """
    return 1 + (k - 1) * sum(dilations)


def heard(net: Net, shape: tuple[int, int], t: int) -> Tensor:
    """Which input samples the output at time t depends on, found by gradients.

    Feed a random sound, add up the output channels at time t, and take the gradient of that sum with respect to the
    sound. A sample is heard if the gradient of any of its channels differs from 0.

    Args:
        net: A function of (1, C, T) with values (1, M, T).
        shape: (C, T) of a sound.
        t: The output's time, from 0.

    Returns:
        Truth values (T,).

    >>> heard(lambda x: x + x.roll(1, dims=2), (1, 4), 2)
    tensor([False,  True,  True, False])
    """
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, :, t].sum(), x)
    return (gradient[0] != 0).any(0)


def conditioned(z: Tensor, h: Tensor, V: Tensor) -> Tensor:
    """Add V h to every sample: what is to be heard (van den Oord et al., 2016, section 2.5).

    Args:
        z: (B, M, T).
        h: (B, D), the same for the whole sound (a speaker), or (B, D, N), N numbers over time (a pitch curve), where
            N divides T: each of the N holds for T / N samples, one after the other.
        V: (M, D).

    Returns:
        z plus V h, (B, M, T).

    >>> z, V = torch.zeros(1, 1, 4), torch.ones(1, 1)
    >>> conditioned(z, torch.tensor([[[1.0, 2.0]]]), V)
    tensor([[[1., 1., 2., 2.]]])
    """
    if h.ndim == 2:
        h = h[:, :, None]  # (B, D, 1)
    return z + (V @ h).repeat_interleave(z.shape[2] // h.shape[2], dim=2)


class Block(nn.Module):
    """A gated residual block (van den Oord et al., 2016, equation 2 and figure 4) with two weights a kernel.

    `conv` makes 2c channels: the first c are the filter, the last c the gate.
    """

    def __init__(self, c: int, skips: int, dilation: int, d: int = 0):
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(c, 2 * c, 2, dilation=dilation)
        self.condition = nn.Linear(d, 2 * c, bias=False) if d else None
        self.residual = nn.Conv1d(c, c, 1)
        self.skip = nn.Conv1d(c, skips, 1)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Features (B, c, T) to new ones (B, c, T) and to what this block says to the output, (B, skips, T).

        h is what `conditioned` takes: (B, d), or a curve (B, d, N).

        z: the causal convolution of x with the weight, bias and dilation of `conv`, conditioned on h, if there is
            one, with the weight of `condition`.
        y: tanh of z's first c channels times the sigmoid of the others.

        The new features are x plus `residual` of y; to the output goes `skip` of y.
        """
        z = causal_conv(x, self.conv.weight, self.conv.bias, self.dilation)  # (B, 2c, T)
        if h is not None:
            z = conditioned(z, h, self.condition.weight)
        a, b = z.chunk(2, dim=1)
        y = torch.tanh(a) * torch.sigmoid(b)  # (B, c, T)
        return x + self.residual(y), self.skip(y)


class WaveNet(nn.Module):
    """A stack of blocks, one for each dilation: waves (B, 1, T) to `c_out` numbers that describe each sample."""

    def __init__(self, c: int, skips: int, dilations: Sequence[int], c_out: int, d: int = 0):
        super().__init__()
        self.first = nn.Conv1d(1, c, 1)
        self.blocks = nn.ModuleList(Block(c, skips, dilation, d) for dilation in dilations)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(skips, skips, 1), nn.ReLU(), nn.Conv1d(skips, c_out, 1)
        )

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        """What comes at each time, given the samples *before* it: (B, 1, T) to (B, c_out, T).

        The wave moves one sample to the right (a zero comes in, the last sample falls out), so that the output at time
        t depends on samples 0 to t - 1 only. Then `first`, then the blocks, one after another, each with h. The skips
        of all blocks are added up and go through `head`.
        """
        x = self.first(F.pad(x, (1, -1)))  # (B, c, T)
        total = 0
        for block in self.blocks:
            x, skip = block(x, h)
            total = total + skip  # (B, skips, T)
        return self.head(total)


def bits(logits: Tensor, codes: Tensor, length: Tensor) -> Tensor:
    """Bits a sample: the mean of -log₂ p(code), with p = softmax(logits), over all samples before the sounds' ends.

    Args:
        logits: (B, Q, T).
        codes: What was there, (B, T), from 0 to Q - 1.
        length: Samples of each sound, (B,): those from there on are filling and do not count.

    Returns:
        One number, which autograd can follow back to the logits. Every counted sample weighs the same.

    >>> bits(torch.zeros(1, 8, 5), torch.zeros(1, 5, dtype=torch.long), torch.tensor([5]))
    tensor(3.)
    """
    surprise = F.cross_entropy(logits, codes, reduction="none") / math.log(2)  # (B, T)
    # As an index, what counts would make a GPU wait.
    counted = torch.arange(codes.shape[1], device=codes.device) < length[:, None]
    return torch.where(counted, surprise, 0.0).sum() / counted.sum()


def draw(logits: Tensor, u: Tensor) -> Tensor:
    """A code for each row: the first whose probability, added to those of all codes before it, is above u.

    Args:
        logits: (B, Q).
        u: Uniform random numbers in [0, 1), (B,).

    Returns:
        Codes from 0 to Q - 1, (B,), int64.

    >>> draw(torch.zeros(3, 4), torch.tensor([0.1, 0.4, 0.9]))
    tensor([0, 1, 3])
    """
    reached = torch.softmax(logits, dim=1).cumsum(1)  # (B, Q), up to 1
    return (reached <= u[:, None]).sum(1).clamp(max=logits.shape[1] - 1)


@torch.no_grad()
def generate(net: Net, u: Tensor, levels: int) -> Tensor:
    """Sounds drawn sample by sample, each from a call of `net` on the sound so far.

    Sample t is `decode` of the code that `draw` takes from the logits at time t and u[:, t].

    Args:
        net: Waves (B, 1, n), any n, to logits (B, levels, n), where those at time t depend on samples before t only.
        u: Uniform random numbers in [0, 1), (B, T).
        levels: Codes of the µ-law.

    Returns:
        Waves (B, T). The net is called T times.
    """
    x = torch.zeros_like(u)
    for t in range(u.shape[1]):
        logits = net(x[:, None, : t + 1])[:, :, t]  # (B, Q): what stands at t itself is not heard
        x[:, t] = decode(draw(logits, u[:, t]), levels)
    return x


def conv_step(x: Tensor, queue: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
    """One sample of `causal_conv`, from the inputs that it needs and no others (Le Paine et al., 2016).

    Args:
        x: The present input, (B, C).
        queue: The (k - 1) · dilation inputs before it, oldest first, (B, C, (k - 1) · dilation).
        weight: (M, C, k).
        bias: (M,).
        dilation: Samples from one weight to the next.

    Returns:
        The output now, (B, M), and the queue for the next sample, of the same shape as before: the oldest input has
        left it, the present one has joined.
    """
    window = torch.cat([queue, x[:, :, None]], dim=2)  # (B, C, (k - 1) dilation + 1)
    y = torch.einsum("bck,mck->bm", window[:, :, ::dilation], weight) + bias
    return y, window[:, :, 1:]


def block_step(block: Block, x: Tensor, queue: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """One sample of a block: features (B, c) to new ones (B, c), its skip (B, skips) and the next queue."""
    z, queue = conv_step(x, queue, block.conv.weight, block.conv.bias, block.dilation)  # (B, 2c)
    z = z[:, :, None]
    if h is not None:
        z = conditioned(z, h, block.condition.weight)
    a, b = z.chunk(2, dim=1)
    y = torch.tanh(a) * torch.sigmoid(b)  # (B, c, 1)
    return x + block.residual(y)[:, :, 0], block.skip(y)[:, :, 0], queue


def empty_queues(net: WaveNet, batch: int) -> Queues:
    """A queue of zeros for each block: nothing has been heard yet."""
    weight = net.first.weight
    return [weight.new_zeros(batch, block.conv.in_channels, block.dilation) for block in net.blocks]


def net_step(net: WaveNet, x: Tensor, queues: Queues, h: Tensor | None = None) -> tuple[Tensor, Queues]:
    """One sample of a net: the sample before, (B, 1), and the queues, to logits (B, c_out) and the next queues."""
    x, total, after = net.first(x[:, :, None])[:, :, 0], 0, []
    for block, queue in zip(net.blocks, queues):
        x, skip, queue = block_step(block, x, queue, h)
        total = total + skip
        after.append(queue)
    return net.head(total[:, :, None])[:, :, 0], after


Step = Callable[[Tensor, Queues], tuple[Tensor, Queues]]


@torch.no_grad()
def generate_fast(step: Step, queues: Queues, u: Tensor, levels: int) -> Tensor:
    """The sounds of `generate`, with every feature computed once: as much work for each sample as for the first.

    Args:
        step: The sample before, (B, 1), and the queues, to the logits of this sample, (B, levels), and the queues for
            the next. The sample before the first is 0.
        queues: Those to begin with.
        u: Uniform random numbers in [0, 1), (B, T).
        levels: Codes of the µ-law.

    Returns:
        Waves (B, T). `step` is called T times.
    """
    x, drawn = torch.zeros_like(u[:, :1]), []
    for t in range(u.shape[1]):
        logits, queues = step(x, queues)
        x = decode(draw(logits, u[:, t]), levels)[:, None]  # (B, 1)
        drawn.append(x)
    return torch.cat(drawn, dim=1)


def logistic_log_density(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """log p(x) of a logistic distribution, whose distribution function is σ(v), v = (x - mean) / s.

    p(x) = σ(v) σ(-v) / s. Finite and exact for any v: at v = ±1000 it is -1000 - log s.

    Args:
        x, mean, log_scale: Of shapes that broadcast; log_scale is log s.

    >>> logistic_log_density(torch.tensor(1000.0), torch.tensor(0.0), torch.tensor(0.0))
    tensor(-1000.)
    """
    v = (x - mean) * torch.exp(-log_scale)
    return F.logsigmoid(v) + F.logsigmoid(-v) - log_scale


def flow(nets: Sequence[Net], z: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse autoregressive flows, one after another: noise to sound in parallel (Parallel WaveNet, section 3).

    Each net says of its own input x, from the samples before t, a mean μ and a log scale at each time t; the input
    becomes x · exp(log scale) + μ, and goes to the next net. The first net's input is z. Each net is called once.

    Args:
        nets: Functions of (B, 1, T) with values (B, 2, T): channel 0 holds the means, channel 1 the log scales.
        z: Noise (B, 1, T).

    Returns:
        The sound (B, 1, T), and the log scale of the whole, (B, 1, T): the logarithm of how much the sound at t changes
        with z at t.

    >>> x, log_scale = flow([lambda x: torch.ones(1, 2, 1)] * 2, torch.zeros(1, 1, 1))
    >>> round(x.item(), 4), log_scale.item()  # 1, then e + 1
    (3.7183, 2.0)
    """
    x, total = z, torch.zeros_like(z)
    for net in nets:
        mean, log_scale = net(x).chunk(2, dim=1)
        x, total = x * torch.exp(log_scale) + mean, total + log_scale
    return x, total


def distillation_loss(nets: Sequence[Net], teacher: Net, z: Tensor) -> Tensor:
    """How far the student's sounds are from the teacher's, nats a sample: KL(student ‖ teacher), estimated from z.

    That is -log p_teacher(x) - H (Parallel WaveNet, section 4), with x the student's sound, and its
    entropy H at each time the log scale of the whole plus 2, the entropy in nats of a standard logistic. The mean over
    all samples of all sounds.

    Args:
        nets: The student, as `flow` takes it.
        teacher: Sounds (B, 1, T) to log p of each sample given those before, (B, 1, T).
        z: Noise from a standard logistic distribution, (B, 1, T).

    Returns:
        One number, which autograd can follow back to the nets' weights, also through the teacher.
    """
    x, log_scale = flow(nets, z)
    return (-teacher(x) - (log_scale + 2)).mean()


def noise(u: Tensor) -> Tensor:
    """Numbers of a standard logistic distribution from uniform ones, both of any shape."""
    return torch.logit(u.clamp(1e-6, 1 - 1e-6))


def resonator(x: Tensor, turn: float, decay: float, log_scale: float) -> Tensor:
    """A teacher without weights: a string, shaken by noise, rings at `turn` radians a sample and fades by `decay`.

    Its next sample is logistic around 2 · decay · cos(turn) · x[t - 1] - decay² · x[t - 2], with the given log scale.

    Returns:
        log p of each sample given those before, for sounds (B, 1, T): (B, 1, T).
    """
    past = F.pad(x, (2, -1))  # (B, 1, T + 1): x[t - 2] at place t, x[t - 1] at place t + 1
    mean = 2 * decay * math.cos(turn) * past[..., 1:] - decay**2 * past[..., :-1]
    return logistic_log_density(x, mean, torch.tensor(log_scale, device=x.device))


class LinearStudent(nn.Module):
    """The smallest student: means that are weighted sums of the `past` samples before, and one log scale."""

    def __init__(self, past: int):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, past, bias=False)
        nn.init.zeros_(self.conv.weight)
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor) -> Tensor:
        """(B, 1, T) to means and log scales (B, 2, T); those at t depend on samples before t."""
        mean = self.conv(F.pad(z, (self.conv.kernel_size[0], -1)))
        return torch.cat([mean, self.log_scale.expand_as(mean)], dim=1)


@dataclass(frozen=True)
class Config:
    """Levels of the µ-law; the net's channels, skips and dilations; how it learns; the student's size and steps."""

    levels: int
    c: int
    skips: int
    dilations: tuple[int, ...]
    steps: int
    batch: int
    rate: float
    student: tuple[int, ...]
    student_steps: int


def doubling(layers: int, repeats: int = 1) -> tuple[int, ...]:
    """1, 2, 4, … over `layers` layers, the whole `repeats` times."""
    return tuple(2**n for n in range(layers)) * repeats


CONFIG = {
    "mini": Config(64, 16, 32, doubling(6), 100, 8, 1e-2, doubling(4), 30),
    "full": Config(256, 64, 128, doubling(10, 2), 4000, 16, 1e-3, doubling(9), 4000),
}


def wavenet(tier: str, c_out: int | None = None, dilations: Sequence[int] | None = None) -> WaveNet:
    """The net of a tier: logits of the levels, or `c_out` numbers, given sound (or digit) and speaker."""
    how = CONFIG[tier]
    d = 10 + len(spoken_digits.SPEAKERS[tier])
    return WaveNet(how.c, how.skips, dilations or how.dilations, c_out or how.levels, d)


def said(sound: Tensor, speaker: Tensor, tier: str) -> Tensor:
    """What is to be heard, (B, D): ones at the sound's (or digit's) place and at the speaker's, zeros elsewhere."""
    voices = len(spoken_digits.SPEAKERS[tier])
    return torch.cat([F.one_hot(sound, 10), F.one_hot(speaker, voices)], dim=1).float()


def fit(
    net: nn.Module, loss: Callable[..., Tensor], data: TensorDataset, run: Run, tier: str, name: str = "bits"
) -> nn.Module:
    """Train on `loss(net, waves, h, length)`: AdamW, one cycle. Waves (B, T), h (B, D), length (B,)."""
    how, net = CONFIG[tier], net.to(run.device).train()
    optimizer = torch.optim.AdamW(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for waves, sound, speaker, length in run.batches(data, how.batch, how.steps, saved, name):
        with run.autocast():
            value = loss(net, waves, said(sound, speaker, tier), length)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        run.log(**{name: value})
    return net.eval()


def surprise(net: Callable[..., Tensor], waves: Tensor, h: Tensor, length: Tensor, levels: int) -> Tensor:
    """Bits a sample of waves (B, T) under a net of categories: quantised, and heard by the net as quantised."""
    codes = encode(waves, levels)
    return bits(net(decode(codes, levels)[:, None], h).float(), codes, length)


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """WaveNet on µ-law codes, conditioned on sound and speaker."""
    how, data = CONFIG[tier], spoken_digits.load(tier, "train")
    net = fit(
        wavenet(tier),
        lambda net, waves, h, length: surprise(net, waves, h, length, how.levels),
        data,
        run,
        tier,
    )
    # Half precision keeps the full tier's record small.
    return {name: value.detach().half().contiguous() for name, value in net.state_dict().items()}


@torch.no_grad()
def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Bits a sample, -log₂ p of its µ-law code given the samples before, sound and speaker: mean over the test sounds.

    Raises:
        RuntimeError: the tensors are not those of a `WaveNet` of this tier.
    """
    net = wavenet(tier)
    net.load_state_dict(tensors)
    net, total, count = net.to(device).eval(), 0.0, 0
    for part in zip(*(tensor.split(40) for tensor in spoken_digits.load(tier, "test").tensors)):
        waves, sound, speaker, length = (tensor.to(device) for tensor in part)
        value = surprise(net, waves, said(sound, speaker, tier), length, CONFIG[tier].levels)
        samples = int(length.sum())
        total, count = total + value.item() * samples, count + samples
    return total / count


def baseline(tier: str) -> float:
    """What an order-1 context model reaches: a table of how often each code follows each other one."""
    levels = CONFIG[tier].levels

    def pairs(split: str) -> tuple[Tensor, Tensor]:
        waves, _, _, length = spoken_digits.load(tier, split).tensors
        codes = encode(waves, levels)
        counts = torch.arange(codes.shape[1]) < length[:, None]
        before = F.pad(codes, (1, -1), value=levels // 2)
        return before[counts], codes[counts]

    before, now = pairs("train")
    table = torch.full((levels, levels), 0.1, dtype=torch.float64)
    table.index_put_((before, now), torch.ones(len(now), dtype=torch.float64), accumulate=True)
    table /= table.sum(1, keepdim=True)
    return -table[pairs("test")].log2().mean().item()


if __name__ == "__main__":
    main(__spec__)
