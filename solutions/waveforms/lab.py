# %%
import math
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import spoken_digits
from course_utils.progress import bar
from course_utils.sounds import Sound, play
from course_utils.training import record
from course_utils.widgets import turn

Net = Callable[[Tensor], Tensor]
Queues = list[Tensor]
Step = Callable[[Tensor, Queues], tuple[Tensor, Queues]]

# %% [markdown]
# A second of speech is some 16,000 numbers. WaveNet makes them one after another, each from thousands before it.
# You will build it, teach it to make sounds on demand, make it fast, and then train a second net that makes all
# samples at once.
#
# Our sounds: ten kinds (tones, chirps, a beat, a hum, noise) in four voices; on a GPU, spoken digits. Listen.

# %%
waves, sound, speaker, length = spoken_digits.load(tier, "train").tensors
rate = spoken_digits.RATE[tier]
print(f"{len(waves)} sounds of up to {waves.shape[1]} samples, {rate} a second")
play(waves[:10], rate, "one sound of each kind, in order")

# %% [markdown]
# ## 1 The µ-law (4 points, 20 minutes)
#
# To choose a sample as one of $Q$ classes, cut the range from −1 to 1 into $Q$ levels. But most samples are
# quiet, and ears hear small differences best where it is quiet. So bend first, cut afterwards. The bend is the
# *µ-law* of the telephone:
#
# $$F(x) = \operatorname{sign}(x)\, \frac{\ln(1 + \mu |x|)}{\ln(1 + \mu)}.$$
#
# By hand, with $\mu = 3$: what becomes of $1$, of $\frac13$, of $-\frac13$?

# %%
[math.log(1 + 3 * x) / math.log(1 + 3) for x in (0, 1 / 3, 1)]

# %% solution="compand"
# Signs first: the logarithm only ever sees |x|. torch.log1p(a) is log(1 + a).

# %% test="compand_values" points=1
x = torch.tensor([-1.0, -1 / 3, 0.0, 1 / 3, 1.0])
got = student.compand(x, 3)
expected = [-1.0, -0.5, 0.0, 0.5, 1.0]
mistakes = {
    "compand is not scaled, and lost the sign": (
        [1.38629, 0.69315, 0.0, 0.69315, 1.38629],
        "the formula has a denominator",
    ),
    "compand is not scaled to [-1, 1]": (
        [-1.38629, -0.69315, 0.0, 0.69315, 1.38629],
        "what does the formula divide by?",
    ),
    "compand loses the sign": ([1.0, 0.5, 0.0, 0.5, 1.0], "F(-1) is -1: which factor brings the sign?"),
}
close(got, expected, "compand([-1, -1/3, 0, 1/3, 1], 3)", "the formula, term by term", mistakes=mistakes)
got = student.compand(torch.tensor(1 / 3), 3)
close(got, torch.tensor(0.5), "compand of one number, a tensor of shape ()", "tensors of any shape")
### BEGIN HIDDEN TESTS
for mu, shape in ((255, (50,)), (7, (2, 3, 4)), (0.5, ())):
    x = 2 * torch.rand(shape) - 1
    y = x.sign() * torch.log1p(mu * x.abs()) / torch.log1p(torch.tensor(float(mu)))
    close(student.compand(x, mu), y, f"compand with µ = {mu}", "µ is an argument; any shape", atol=1e-4)

# %% [markdown]
# `expand` is the way back: solve $y = F(x)$ for $x$. Which $x$ has $F(x) = -0.5$, with $\mu = 3$?

# %% solution="expand"
# First |x|, then its sign. torch.expm1(a) is exp(a) - 1.

# %% test="expand_values" points=1
y = torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0])
got = student.expand(y, 3)
what = "expand([-1, -0.5, 0, 0.5, 1], 3)"
mistakes = {
    "expand bends the same way again": ([-1.0, -0.660964, 0.0, 0.660964, 1.0], "solve y = F(x) for x"),
    "expand is not scaled back": ([-3.0, -1.0, 0.0, 1.0, 3.0], "expand(1, µ) is 1: put y = 1 into yours"),
    "expand loses the sign": ([1.0, 1 / 3, 0.0, 1 / 3, 1.0], "the way back of -1 is -1"),
}
close(got, [-1.0, -1 / 3, 0.0, 1 / 3, 1.0], what, "(1 + µ)^|y| = 1 + µ|x|: now for |x|", mistakes=mistakes)
got = student.expand(torch.tensor(0.5), 3)
close(got, torch.tensor(1 / 3), "expand of one number, a tensor of shape ()", "tensors of any shape")
### BEGIN HIDDEN TESTS
for mu, shape in ((255, (50,)), (7, (2, 3, 4)), (0.5, ())):
    x = 2 * torch.rand(shape) - 1
    y = x.sign() * torch.log1p(mu * x.abs()) / torch.log1p(torch.tensor(float(mu)))
    close(student.expand(y, mu), x, f"expand with µ = {mu}", "the way back of compand", atol=1e-4)

# %% [markdown]
# Now cut. `encode` with $Q$ levels takes $\mu = Q - 1$, bends, and takes the nearest of $Q$ evenly spaced values.
# With $Q = 3$ these are $-1, 0, 1$. Which codes have 0.1 and 0.5? (Bent with µ = 2: 0.17 and 0.63.)

# %% solution="encode"
# Move [-1, 1] to [0, Q - 1], then round.

# %% test="encode_values" points=1
x = torch.tensor([-1.0, -0.5, 0.1, 0.5, 1.0])
got = student.encode(x, 3)
what = "encode([-1, -0.5, 0.1, 0.5, 1], 3)"
mistakes = {
    "encode always rounds down": (torch.tensor([0, 0, 1, 1, 2]), "0.5 bent is 0.63: is 0 or 1 nearer?"),
    "encode has a level too many": (torch.tensor([0, 0, 1, 2, 3]), "the codes of Q levels are 0 to Q - 1"),
}
equal(got, torch.tensor([0, 0, 1, 2, 2]), what, "bend, move to [0, Q - 1], round", mistakes=mistakes)
holds(
    getattr(got, "dtype", None) == torch.int64,
    "codes are classes",
    "a tensor of torch.int64",
    f"{type(got).__name__} {getattr(got, 'dtype', '')}",
    "what does .long() do?",
)
got = student.encode(torch.tensor([0.01, 0.1]), 256)
expected = torch.tensor([157, 203])
mistakes = {"encode cuts without bending": (torch.tensor([129, 140]), "compand first")}
equal(got, expected, "encode([0.01, 0.1], 256)", "µ is levels - 1, then the nearest code", mistakes=mistakes)
got = student.encode(torch.tensor([-3.0, 1.5]), 8)
equal(got, torch.tensor([0, 7]), "encode([-3, 1.5], 8)", "samples beyond ±1 get the codes at the ends")
### BEGIN HIDDEN TESTS
for levels, shape in ((256, (300,)), (64, (5, 7)), (5, (2, 3, 4)), (3, (500,)), (1000, (200,))):
    codes = torch.randint(levels, shape)
    got = student.encode(reference.decode(codes, levels), levels)
    what = f"encode of the middle of each of {levels} levels"
    equal(got, codes, what, "the codes they came from; any shape, any number of levels")
    near = (2 * (codes + 0.96 * torch.rand(shape) - 0.48) / (levels - 1) - 1).clamp(-1, 1)
    x = reference.expand(near, levels - 1)
    equal(student.encode(x, levels), codes, f"encode near the middle of {levels} levels", "the nearest level")
got = student.encode(torch.ones(1), 1000)
equal(got, torch.tensor([999]), "encode of 1 with 1,000 levels", "no type of 8 bits")

# %% [markdown]
# And back: a code stands for the middle of what was cut to it. With $Q = 3$, which samples do 0, 1 and 2 stand for?

# %% solution="decode"
# Back from [0, Q - 1] to [-1, 1], then the way back of compand. Nets want float32, as torch's division gives it.

# %% test="decode_values" points=1
got = student.decode(torch.tensor([0, 1, 2, 3]), 4)
hint = "back to [-1, 1], then the way back of compand"
mistakes = {
    "decode stays bent": ([-1.0, -1 / 3, 1 / 3, 1.0], "expand last"),
    "decode divides by the number of levels": ([-1.0, -1 / 3, 0.0, 1 / 3], "code 3 of 4 is a sample of 1"),
}
close(got, [-1.0, -0.195800, 0.195800, 1.0], "decode([0, 1, 2, 3], 4)", hint, atol=1e-4, mistakes=mistakes)
holds(
    getattr(got, "dtype", None) == torch.float32,
    "decode gives samples that no net of float32 takes",
    "a tensor of torch.float32",
    f"{type(got).__name__} {getattr(got, 'dtype', '')}",
    "does a step make float64 of it (NumPy, .double())? `.float()` makes float32",
)
### BEGIN HIDDEN TESTS
for levels, shape in ((256, (300,)), (64, (5, 7)), (5, (2, 3, 4)), (3, ()), (1000, (200,))):
    codes = torch.randint(levels, shape)
    x = reference.decode(codes, levels)
    close(student.decode(codes, levels), x, f"decode with {levels} levels", "any shape, any number of levels")

# %% [markdown]
# Sixteen levels, evenly cut and bent before. Which sounds worse, and where?

# %%
levels = 16
even = ((waves[:10] + 1) / 2 * (levels - 1)).round() / (levels - 1) * 2 - 1
bent = decode(encode(waves[:10], levels), levels)
figure, axes = plots.subplots(2, 1, figsize=(9, 3.4), sharex=True)
for ax, cut, name in zip(axes, (even, bent), ("16 even levels", "16 levels of the µ-law")):
    ax.plot(waves[8, :160], label="recorded")
    ax.step(range(160), cut[8, :160], where="mid", label=name)
    ax.legend(loc="upper right")
plots.show(
    figure, "A wave and its quantised version, evenly and by the µ-law: the µ-law follows the quiet parts."
)

# %%
play(torch.cat([even[[8]], bent[[8]]]), rate, "a sound in 16 even levels, then in 16 levels of the µ-law")


# %%
def cut(levels: int = 16, kind: int = 8) -> Sound:
    """One sound through your `encode` and `decode`."""
    return play(decode(encode(waves[[kind]], levels), levels), rate, f"sound {kind} in {levels} levels")


turn(
    cut,
    "Your µ-law, to be heard: with how few levels do you still know the sound? Do loud or quiet ones suffer first?",
    levels=(2, 256, 1),
    kind=list(range(10)),
)

# %% [markdown]
# ## 2 Causal dilated convolution (6 points, 25 minutes)
#
# A sample may look at earlier samples only, and should see *far*. Let the kernel skip: with dilation $d$ its
# weights stand $d$ samples apart.
#
# $$y_t = b + \sum_{j=0}^{k-1} w_j\, x_{t - (k - 1 - j)\, d}$$
#
# The last weight is the present's. Here is that formula as loops; the sound 0, 1, 2, 3, 4, both weights 1,
# $d = 2$. What will it print?


# %%
def conv_loop(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """The formula, number by number: (B, C, T) to (B, M, T)."""
    k = weight.shape[2]
    y = bias[None, :, None].repeat(x.shape[0], 1, x.shape[2])
    for t in range(x.shape[2]):
        for j in range(k):
            before = t - (k - 1 - j) * dilation
            if before >= 0:
                y[:, :, t] += x[:, :, before] @ weight[:, :, j].T
    return y


conv_loop(torch.arange(5.0).view(1, 1, 5), torch.ones(1, 1, 2), torch.zeros(1), 2)

# %% [markdown]
# Without a loop: where must zeros be put, and how many?

# %% solution="causal_conv"
# F.conv1d knows dilation. F.pad(x, (left, right)) adds zeros to the last axis.

# %% test="causal_conv_values" points=2
x, weight, bias = torch.randn(2, 3, 12), torch.randn(4, 3, 2), torch.randn(4)
got = student.causal_conv(x, weight, bias, 3)
hint = "no sample is lost and none comes in: as many zeros as the kernel reaches back; does it `return` one tensor?"
equal(shape_of(got), (2, 4, 12), "the shape of causal_conv of (2, 3, 12) to 4 channels", hint)
sound, two = torch.tensor([[[1.0, 2, 4, 8, 16]]]), torch.tensor([[[10.0, 1]]])
half = torch.tensor([0.5])
close(
    student.causal_conv(sound, two, half, 2),
    [[[1.5, 2.5, 14.5, 28.5, 56.5]]],
    "causal_conv of [1, 2, 4, 8, 16] with weights [10, 1], bias 0.5, dilation 2",
    "write the formula down for t = 2; compare with conv_loop",
    mistakes={
        "it looks into the future": ([[[14.5, 28.5, 56.5, 80.5, 160.5]]], "on which side do zeros belong?"),
        "there are zeros on both sides: it looks into the future": (
            [[[2.5, 14.5, 28.5, 56.5, 80.5]]],
            "zeros belong before the sound",
        ),
        "the weights stand in the wrong order": (
            [[[10.5, 20.5, 41.5, 82.5, 164.5]]],
            "the last weight is the present's",
        ),
        "the dilation is forgotten": ([[[1.5, 12.5, 24.5, 48.5, 96.5]]], "weights stand d apart"),
        "the bias is forgotten": ([[[1.0, 2, 14, 28, 56]]], "the formula's b"),
    },
)
close(got, student.conv_loop(x, weight, bias, 3), "causal_conv, dilation 3", "compare with conv_loop")
### BEGIN HIDDEN TESTS
for b, c, m, k, d, t in ((1, 1, 1, 3, 1, 9), (2, 3, 5, 3, 4, 11), (3, 2, 2, 2, 8, 5), (1, 4, 1, 1, 2, 6)):
    x, weight, bias = (torch.randn(shape).requires_grad_() for shape in ((b, c, t), (m, c, k), (m,)))
    got = student.causal_conv(x, weight, bias, d)
    wanted = F.conv1d(F.pad(x, ((k - 1) * d, 0)), weight, bias, dilation=d)
    what = f"causal_conv of {t} samples, {k} weights, dilation {d}"
    close(got, wanted, what, "any kernel and dilation, also sounds shorter than the reach")
    follows(got, {"the sound": x, "the weights": weight, "the bias": bias}, wanted, "causal_conv")

# %% [markdown]
# Same as before? And how much faster?

# %%
x, weight, bias = torch.randn(2, 8, 400), torch.randn(8, 8, 2), torch.randn(8)
causal_conv(x, weight, bias, 16)  # a first call takes longer
begun = perf_counter()
by_loop = conv_loop(x, weight, bias, 16)
looped = perf_counter()
at_once = causal_conv(x, weight, bias, 16)
done = perf_counter()
print("Same as before?", torch.allclose(by_loop, at_once, atol=1e-4))
print(f"{(looped - begun) / (done - looped):.0f} times faster")

# %% [markdown]
# Stack such layers. Two weights each, dilations 1, 2, 4: how many samples does one output hear? Draw it: the last
# layer looks at two places, 4 apart; each of these looks at two, 2 apart; and so on. Then for any dilations and any $k$.

# %% solution="receptive_field"
# How much farther back does each layer reach?

# %% test="receptive_field_values" points=1
got = student.receptive_field([1, 2, 4], 2)
mistakes = {
    "only the past is counted": (7, "the present sample counts too: dilations [1], k = 2 make two"),
    "only the last layer is counted": (4, "each layer reaches on from the one below"),
}
equal(got, 8, "receptive_field([1, 2, 4], 2)", "count in your drawing", mistakes=mistakes)
got = student.receptive_field([1, 2], 3)
equal(got, 7, "receptive_field([1, 2], 3)", "k weights, d apart, reach (k - 1) d back")
### BEGIN HIDDEN TESTS
import random

for k in (1, 2, 3, 5):
    dilations = [random.randint(1, 20) for _ in range(random.randint(1, 6))]
    got = student.receptive_field(dilations, k)
    equal(got, 1 + (k - 1) * sum(dilations), f"receptive_field({dilations}, {k})")
got = student.receptive_field([2**i for i in range(10)] * 3, 2)
equal(got, 3070, "three times 1, 2, …, 512", "sums, not powers")

# %% [markdown]
# Do not believe the formula: ask the net. An output that depends on a sample has a gradient in it.

# %% solution="heard"
# A sound that requires its gradient, in; one number, out; torch.autograd.grad.


# %% test="heard_values" points=2
def older(x):
    """The sum of the samples one and three before, twice over in two channels."""
    y = torch.nn.functional.pad(x, (1, -1)) + torch.nn.functional.pad(x, (3, -3))
    return torch.cat([y, 2 * y], dim=1)


got = student.heard(older, (1, 6), 4)
what = "heard of a net that adds the samples one and three before, at t = 4"
hint = "True where the gradient of the output at t is not 0; mind t, and that the sound must require its gradient"
equal(got, torch.tensor([False, True, False, True, False, False]), what, hint)
got = student.heard(lambda x: x[:, 1:] - x[:, :1].roll(2, dims=2), (2, 5), 3)
what = "heard of a net of two input channels, the second minus what the first was, at t = 3"
hint = "a sample is heard if *any* of its channels is; also where the gradient is negative"
equal(got, torch.tensor([False, True, False, True, False]), what, hint)
### BEGIN HIDDEN TESTS
for lag, t in ((0, 2), (4, 7), (5, 5)):
    expected = torch.zeros(9, dtype=torch.bool)
    expected[t - lag] = True
    got = student.heard(lambda x, lag=lag: (3 * x).roll(lag, dims=2), (1, 9), t)
    equal(got, expected, f"heard with a lag of {lag} at {t}")
got = student.heard(lambda x: x**2, (1, 3), 1)
expected = torch.tensor([False, True, False])
equal(got, expected, "heard of a net that squares", "take a random sound: at 0 the gradient of x² is 0")
got = student.heard(lambda x: torch.cat([x, x.roll(1, dims=2)], 1), (1, 4), 2)
expected = torch.tensor([False, True, True, False])
equal(got, expected, "heard of a net with two output channels", "all output channels count")
got = student.heard(lambda x: (x[:, :1] - x[:, 1:]).roll(1, dims=2), (2, 4), 2)
what = "heard of a net that takes the difference of two channels"
equal(got, torch.tensor([False, True, False, False]), what, "their gradients add up to 0, and are not 0")
sounds = []


def listening(x):
    """A net that remembers what it was fed."""
    sounds.append(x.detach().clone())
    return x


for _ in range(2):
    student.heard(listening, (1, 4), 2)
what = "heard feeds the same sound at every call"
hint = "a seed of your own also makes all that is random after it the same"
holds(not torch.equal(sounds[0], sounds[-1]), what, "another random sound each time", "twice the same", hint)

# %% [markdown]
# Four layers, dilations 1, 2, 4, 8 and 1, 1, 1, 1 and 1, 8, 8, 8. Which reach farthest? Which have *holes*?


# %%
def stack(x: Tensor, dilations: list[int]) -> Tensor:
    """Causal convolutions of one channel and two weights, one after another."""
    for dilation in dilations:
        x = causal_conv(x, torch.ones(1, 1, 2), torch.zeros(1), dilation)
    return x


figure, axes = plots.subplots(3, 1, figsize=(9, 2.6), sharex=True)
for ax, dilations in zip(axes, ([1, 2, 4, 8], [1, 1, 1, 1], [1, 8, 8, 8])):
    seen = heard(partial(stack, dilations=dilations), (1, 32), 30)
    ax.imshow(seen[None].numpy(), aspect="auto", vmin=0, vmax=1)
    ax.set(
        yticks=[],
        title=f"{dilations}: {int(seen.sum())} heard, the formula says {receptive_field(dilations, 2)}",
    )
plots.show(
    figure, "Which of 32 samples the output at 30 hears, for three stacks: 16, 5, and 8 with holes between."
)


# %% test="field_proved" points=1
def stacked(x, dilations, k):
    """The student's convolutions, one after another, with positive weights."""
    expected = tuple(x.shape)
    for dilation in dilations:
        x = student.causal_conv(x, torch.rand(1, 1, k) + 0.5, torch.zeros(1), dilation)
        shape = shape_of(x)
        holds(shape == expected, f"causal_conv with {k} weights changes the shape", expected, shape)
    what = "autograd cannot follow causal_conv back to the sound"
    hint = ".detach(), .numpy() and torch.no_grad cut the thread"
    holds(getattr(x, "requires_grad", False), what, hint=hint)
    return x


for dilations, k in (([1, 2, 4], 2), ([1, 3], 3)):
    x = torch.randn(1, 1, 24, requires_grad=True)
    (gradient,) = torch.autograd.grad(stacked(x, dilations, k)[0, 0, 20], x)
    seen = gradient[0, 0] != 0
    field = student.receptive_field(dilations, k)
    holds(field is not None, "receptive_field gave nothing", "a number", field, "does it `return` one?")
    field = int(field)
    expected = torch.zeros(24, dtype=torch.bool)
    expected[20 - field + 1 : 21] = True
    what = f"the samples heard at t = 20 by your stack with dilations {dilations}, k = {k}"
    hint = "the gradient says what is heard: it must be the last receptive_field samples, and nothing later"
    equal(seen, expected, what, hint)
### BEGIN HIDDEN TESTS
x = torch.randn(1, 1, 80, requires_grad=True)
(gradient,) = torch.autograd.grad(stacked(x, [1, 2, 4, 8, 16], 2)[0, 0, 70], x)
equal(gradient[0, 0].nonzero().flatten(), torch.arange(39, 71), "the samples heard by dilations 1 to 16")

# %% [markdown]
# Doubling reaches exponentially far with layers, and leaves no hole.
#
# ## 3 What to say, and how to bend it (6 points, 25 minutes)
#
# A net that has heard many sounds makes *some* sound. To ask for one, add a projection $V h$ to every sample, where $h$
# describes what is to be heard. It may hold for the whole sound (a speaker) or change, at a slower pace (a pitch curve).

# %% solution="conditioned"
# Give h a time axis first. `V @ h` multiplies a matrix with each of B matrices.

# %% test="conditioned_values" points=2
z, V, h = torch.zeros(1, 1, 6), torch.tensor([[10.0, 1]]), torch.tensor([[2.0, 3]])
got = student.conditioned(z + 0.5, h, V)
expected = torch.full((1, 1, 6), 23.5)
what = "conditioned with one h for the whole sound: z = 0.5 everywhere, V h = 23"
mistakes = {"it does not listen to h": (z + 0.5, "z plus V h"), "it forgets z": (z + 23, "z *plus* V h")}
close(got, expected, what, "V h has shape (B, M): which axis is missing?", mistakes=mistakes)
h = torch.tensor([[[1.0, 2, 3], [0, 0, 5]]])
got = student.conditioned(z, h, V)
what = "conditioned with three values of h over six samples: V h = 10, 20, 35"
mistakes = {
    "the whole curve is repeated": (
        [[[10.0, 20, 35, 10, 20, 35]]],
        "each value is held, *then* comes the next: 1, 1, 2, 2",
    )
}
close(got, [[[10.0, 10, 20, 20, 35, 35]]], what, "each holds for T / N samples", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for b, m, d, n, t in ((1, 1, 1, 1, 1), (3, 4, 2, 4, 8), (2, 6, 5, 5, 5), (2, 2, 3, 1, 7), (2, 3, 4, 3, 6)):
    z, V, h = (torch.randn(shape).requires_grad_() for shape in ((b, m, t), (m, d), (b, d, n)))
    wanted = z + torch.einsum("md,bdn->bmn", V, h)[:, :, torch.arange(t) * n // t]
    got = student.conditioned(z, h, V)
    close(got, wanted, f"conditioned with {n} values over {t} samples, D = {d}")
    follows(got, {"z": z, "h": h, "V": V}, wanted, "conditioned")
for b, m, t, d in ((3, 4, 5, 3), (2, 3, 6, 4)):
    z, V, h = (torch.randn(shape).requires_grad_() for shape in ((b, m, t), (m, d), (b, d)))
    got, wanted = student.conditioned(z, h, V), z + (h @ V.T)[:, :, None]
    close(got, wanted, f"conditioned of {b} sounds, D = {d}", "rows of h are sounds")
    follows(got, {"z": z, "h": h, "V": V}, wanted, "conditioned, one h for a whole sound,")

# %% [markdown]
# WaveNet's block. One convolution makes two things: a *filter*, bent by tanh, and a *gate*, by a sigmoid: how much of it passes.
# The product goes two ways: added to the features (residual), and straight to the output (skip). What comes out of the gate
# below?

# %%
a, b = torch.tensor([2.0, 2.0, -2.0]), torch.tensor([-9.0, 9.0, 0.0])
torch.tanh(a) * torch.sigmoid(b)

# %% solution="Block" keep="__init__"
# z, then y, then the two results. .chunk(2, dim=1) halves the channels.

# %% test="block_values" points=4
block = student.Block(3, 5, 2)
w, x = block.state_dict(), torch.randn(2, 3, 10)


def dense(name, y):
    """A convolution with kernels of one sample."""
    return torch.nn.functional.conv1d(y, w[f"{name}.weight"], w[f"{name}.bias"])


def blocks(z, order=(0, 1)):
    """What follows the convolution: y, its residual and its skip."""
    parts = z.chunk(2, dim=1)
    y = torch.tanh(parts[order[0]]) * torch.sigmoid(parts[order[1]])
    return y, dense("residual", y), dense("skip", y)


z = student.conv_loop(x, w["conv.weight"], w["conv.bias"], 2)
y, residual, skip = blocks(z)
out, said = pair(
    block(x.clone()),
    "a block",
    "the pair (new features, what goes to the output)",
    "the last line of `forward`: what goes on to the next block, and what to the output?",
)
swapped = blocks(z, (1, 0))
near = student.conv_loop(x, w["conv.weight"], w["conv.bias"], 1)
mistakes = {
    "the gate is where the filter should be": (swapped[2], "the first c channels are the filter: tanh"),
    "the skip takes the new features": (dense("skip", x + residual), "`skip` of y, before anything is added"),
    "the block's convolution is not dilated": (blocks(near)[2], "self.dilation"),
}
close(said, skip, "what the block says to the output", "z, then y, then `skip` of y", mistakes=mistakes)
mistakes = {
    "the block's two results are exchanged": (skip, "the new features come first: see the docstring"),
    "the residual block leaves out x": (residual, "x *plus* …"),
    "the residual goes around its 1×1 convolution": (x + y, "`residual` of y"),
}
close(out, x + residual, "the block's new features", "x plus `residual` of y", mistakes=mistakes)
block = student.Block(3, 5, 2, 4)
w, h = block.state_dict(), torch.randn(2, 4)
z = student.conv_loop(x, w["conv.weight"], w["conv.bias"], 2)
bare = blocks(z)[2]
skip = blocks(z + (h @ w["condition.weight"].T)[:, :, None])[2]
said = block(x.clone(), h)[1]
mistakes = {"the block does not listen to h": (bare, "z is conditioned where h is not None")}
close(said, skip, "the skip of a conditioned block", "condition z, before it is bent", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for c, skips, dilation, d, b, t in ((2, 3, 1, 0, 1, 4), (4, 4, 8, 3, 3, 5), (1, 2, 3, 1, 2, 9)):
    block, ours = student.Block(c, skips, dilation, d), reference.Block(c, skips, dilation, d)
    ours.load_state_dict(block.state_dict())
    x, h = torch.randn(b, c, t, requires_grad=True), torch.randn(b, d, requires_grad=True) if d else None
    wanted = ours(x, h)
    got = block(x.clone(), h) if d else block(x.clone())
    for one, other, name in zip(got, wanted, ("new features", "skip")):
        what = f"a block's {name}: {c} channels, {skips} of skip, dilation {dilation}, D = {d}"
        close(one, other, what, rtol=1e-3, atol=1e-4)
        given = {"x": x} | ({"h": h} if d else {})
        leaves = given | dict(block.named_parameters())
        follows(one, leaves, other, f"a block's {name}", others=given | dict(ours.named_parameters()))
block, ours = student.Block(2, 3, 2, 2), reference.Block(2, 3, 2, 2)
ours.load_state_dict(block.state_dict())
x, h = torch.randn(2, 2, 6), torch.randn(2, 2, 3)
got = block(x.clone(), h)[1]
what = "the skip of a block given a curve, three values of h over six samples"
close(got, ours(x, h)[1], what, "`conditioned` knows what to do with either kind of h", rtol=1e-3, atol=1e-4)

# %% [markdown]
# ## 4 WaveNet (5 points, 20 minutes)
#
# Blocks on blocks. One trap: a causal convolution sees the *present* sample. Whoever is to predict it must not. So the
# wave first moves one to the right.

# %% solution="WaveNet" keep="__init__"
# F.pad with a negative number cuts off. Walk through self.blocks, and add up what they say.

# %% test="wavenet_values" points=3
net = student.WaveNet(4, 6, [1, 2], 5)
w = {name: tensor.clone() for name, tensor in net.state_dict().items()}
for name in ("blocks.0.skip.bias", "blocks.1.skip.bias", "head.1.bias"):
    w[name] += 3.0  # no ReLU of the head is silent
net.load_state_dict(w)
x = torch.randn(1, 1, 8, requires_grad=True)
got = net(x)
shape = shape_of(got)
what = "WaveNet gives the wrong shape"
holds(shape == (1, 5, 8), what, (1, 5, 8), shape, "(B, c_out, T), and does `forward` return it?")
what = "autograd cannot follow WaveNet back to the wave"
holds(getattr(got, "requires_grad", False), what, hint=".detach(), .numpy() and torch.no_grad cut the thread")
gradients = [
    torch.autograd.grad(got[0, :, t].sum(), x, retain_graph=True, allow_unused=True)[0] for t in range(8)
]
seen = (
    torch.stack([torch.zeros(8) if g is None else g[0, 0] for g in gradients]) != 0
)  # (output's time, sample)
what = "the output at t hears later samples"
holds(not seen.triu(1).any(), what, hint="to the right means: a zero comes in at the left")
what = "the output at t hears sample t: it will copy, not predict"
hint = "move the wave one to the right before `first`"
holds(not seen.diagonal().any(), what, "samples before t only", "sample t itself", hint)
what = "the output at 7 of dilations 1, 2 hears the wrong samples"
hint = "each block takes the features of the one before; shift the wave once, not in each block; is a thread cut?"
got = seen[7].nonzero().flatten().tolist()
holds(seen[7, 3:7].all() and not seen[7, :3].any(), what, "3 to 6", got, hint)
x = x.detach()
before = net(x)
w["blocks.0.skip.weight"] *= -3.0
w["blocks.0.skip.bias"] += 3.0
net.load_state_dict(w)
what = "what the first block says does not reach the output"
holds((net(x) - before).abs().max() > 1e-6, what, hint="add up the skips of *all* blocks")
### BEGIN HIDDEN TESTS
for c, skips, dilations, c_out, d, t in (
    (2, 3, [1], 4, 0, 5),
    (4, 5, [1, 2, 4], 2, 3, 12),
    (3, 3, [4, 1], 7, 2, 6),
):
    net = student.WaveNet(c, skips, dilations, c_out, d)
    ours = reference.WaveNet(c, skips, dilations, c_out, d)
    ours.load_state_dict(net.state_dict())
    x, h = torch.randn(2, 1, t, requires_grad=True), torch.randn(2, d, requires_grad=True) if d else None
    got, wanted = net(x.clone(), h) if d else net(x.clone()), ours(x, h)
    what = f"WaveNet with dilations {dilations}, {c} channels, {skips} of skip, D = {d}"
    hint = "`first`, then each block with h, the sum of all skips, `head`"
    close(got, wanted, what, hint, rtol=1e-3, atol=1e-4)
    given = {"the wave": x} | ({"h": h} if d else {})
    leaves = given | dict(net.named_parameters())
    follows(got, leaves, wanted, "WaveNet", others=given | dict(ours.named_parameters()))
    hint = "does something stay in `self` from the call before?"
    close(net(x, h) if d else net(x), wanted, "WaveNet at its second call", hint, rtol=1e-3, atol=1e-4)
x, h = torch.randn(2, 1, 8), torch.randn(2, 3, 4)
net, ours = student.WaveNet(4, 5, [1, 2], 3, 3), reference.WaveNet(4, 5, [1, 2], 3, 3)
ours.load_state_dict(net.state_dict())
what = "WaveNet given a curve: four values of h over eight samples"
close(net(x, h), ours(x, h), what, "hand h on", rtol=1e-3, atol=1e-4)

# %% [markdown]
# How surprised is it? In bits a sample: the mean of $-\log_2$ of the probability that it gave to what came. Knowing
# nothing about 64 levels costs 6 bits. Sounds are filled up with silence to one length; that must not count.

# %% solution="bits"
# F.cross_entropy(…, reduction="none") gives nats for each sample. Which samples count?

# %% test="bits_values" points=2
cost = torch.tensor(
    [[1.0, 2, 3, 2], [6, 9, 9, 9]]
)  # bits that each sample costs; the second sound is one sample long
codes, length = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 1]]), torch.tensor([4, 1])
p = 0.5 ** cost[:, None]  # of the code that came; the rest is the other's
logits = torch.where(codes[:, None] == torch.arange(2).view(1, 2, 1), p, 1 - p).log()
got = student.bits(logits, codes, length)
what = "bits of a sound of four samples that cost 1, 2, 3, 2 and of one of one sample that costs 6"
mistakes = {
    "these are nats": (1.940812, "log₂ p = ln p / ln 2"),
    "the filling is counted": (5.125, "samples from `length` on do not count"),
    "the sum is divided by all samples": (1.75, "divide by how many count"),
    "it is a sum": (14.0, "a mean over the samples"),
    "sounds are averaged, not samples": (4.0, "counted samples weigh the same: a long sound weighs more"),
    "one sample too many is counted": (23 / 6, "a sound of length 1 has the sample 0 alone"),
}
close(got, 2.8, what, "-log₂ softmax(logits) at the codes", mistakes=mistakes)
what = "bits of knowing nothing about 64 levels"
close(student.bits(torch.zeros(1, 64, 4), torch.zeros(1, 4, dtype=torch.long), torch.tensor([3])), 6.0, what)
### BEGIN HIDDEN TESTS
for q, t, length in ((2, 1, [1]), (64, 30, [7, 30, 1, 12]), (300, 9, [2, 9]), (5, 8, [8, 2, 5])):
    logits = (4 * torch.randn(len(length), q, t)).requires_grad_()
    codes = torch.randint(q, (len(length), t))
    codes[:, 0] = q - 1
    each = F.cross_entropy(logits, codes, reduction="none") / math.log(2)
    wanted = each[torch.arange(t) < torch.tensor(length)[:, None]].mean()
    got = student.bits(logits, codes, torch.tensor(length))
    close(got, wanted, f"bits of sounds of {length} samples, {q} levels", "each sound ends at its own length")
    follows(got, {"the logits": logits}, wanted, "bits")

# %% [markdown]
# ## 5 One sample at a time (4 points, 20 minutes)
#
# To draw from probabilities, lay them end to end on a stick of length 1 and point at it with a random number $u$. With
# probabilities 0.2, 0.5, 0.3, which codes do $u = 0.1$, $0.2$, $0.65$ and $0.9$ point at?

# %%
torch.tensor([0.2, 0.5, 0.3]).cumsum(0)

# %% solution="draw"
# How many codes end at u or before it?

# %% test="draw_values" points=2
logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(4, 3)
u = torch.tensor([0.1, 0.3, 0.65, 0.9])
got = student.draw(logits, u)
what = "draw with probabilities 0.2, 0.5, 0.3 and u = 0.1, 0.3, 0.65, 0.9"
mistakes = {
    "it takes the most probable code": (torch.ones(4), "u decides: print the cumulative sums"),
    "it is one code too high": (torch.tensor([1, 2, 2, 3]), "u = 0.1 points at the first piece: code 0"),
}
equal(got, torch.tensor([0, 1, 1, 2]), what, "the stick", mistakes=mistakes)
got = student.draw(torch.zeros(4, 4), torch.tensor([0.0, 0.25, 0.5, 0.75]))
hint = "u = 0.25 is where code 0 ends: the first sum that is *above* u is code 1's"
equal(got, torch.tensor([0, 1, 2, 3]), "draw with four equal pieces and u = 0, 0.25, 0.5, 0.75", hint)
never = torch.tensor([0.0, 0.5, 0.0, 0.5]).log()
got = student.draw(never.expand(3, 4), torch.tensor([0.0, 0.25, 0.5]))
hint = "a code of probability 0 has no piece of the stick, also where u is its end"
equal(got, torch.tensor([1, 1, 3]), "draw with probabilities 0, 0.5, 0, 0.5 and u = 0, 0.25, 0.5", hint)
got = student.draw(torch.randn(500, 200), torch.full((500,), 1 - 2**-24))
holds(
    not torch.as_tensor(got).is_floating_point(),
    "codes are classes",
    "whole numbers, torch.int64",
    getattr(got, "dtype", type(got).__name__),
    "does a step make floats of them? .long() makes whole numbers",
)
top = int(torch.as_tensor(got).max())
what = "draw gives a code that does not exist"
holds(top <= 199, what, "0 to 199", top, "sums of floats may end below 1, and below u")
### BEGIN HIDDEN TESTS
for b, q in ((1, 2), (300, 64), (50, 1000)):
    logits, u = 3 * torch.randn(b, q), torch.rand(b)
    ends = torch.softmax(logits.double(), dim=1).cumsum(1)
    safe = ((ends - u[:, None].double()).abs() > 1e-5).all(1)
    expected = (ends <= u[:, None]).sum(1).clamp(max=q - 1)
    got = torch.as_tensor(student.draw(logits, u))
    close(got[safe], expected[safe], f"draw of {b} from {q} codes", "each row has its own u")
got = student.draw(100 * torch.eye(4) - 1000, torch.tensor([0.2, 0.9, 0.3, 0.5]))
expected = torch.arange(4)
equal(got, expected, "draw where one code is certain, logits of -1000", "torch.softmax does not overflow")
sure = torch.full((1, 1000), -1000.0)
sure[0, 999] = 0
got = student.draw(sure, torch.tensor([0.5]))
equal(got, torch.tensor([999]), "draw where code 999 is certain", "any number of codes")

# %% [markdown]
# Now a sound: ask for the logits of the first sample, draw, write it down; ask again. All randomness comes in as `u`, so
# that two ways of generating can be compared.

# %% solution="generate"
# What stands in x at t and later does not matter: the net does not hear it.

# %% test="generate_values" points=2
levels, calls = 5, []
bent = torch.linspace(-1, 1, levels)
values = bent.sign() * (levels ** bent.abs() - 1) / (levels - 1)  # what the codes sound like


def counting(x):
    """Sure that each code is 2 more than the one before, modulo 5; the silence before the start is code 2."""
    calls.append(tuple(x.shape))
    if x.ndim != 3 or not x.numel():  # told apart below
        return x.new_zeros(len(x), levels, max(x.shape[-1], 1))
    codes = (torch.nn.functional.pad(x[:, 0], (1, -1))[:, :, None] - values).abs().argmin(2)
    return 50.0 * torch.nn.functional.one_hot((codes + 2) % levels, levels).transpose(1, 2).float()


got = student.generate(counting, torch.rand(2, 6), levels)
codes = torch.tensor([4, 1, 3, 0, 2, 4])
odd = [shape for shape in calls if len(shape) != 3 or 0 in shape]
hint = "the net takes (B, 1, n); the logits at time t need a sample to stand at t, whatever it is"
holds(not odd, "generate gives the net the wrong shape", "(2, 1, n), n at least 1", odd[:1], hint)
shape = shape_of(got)
holds(shape == (2, 6), "generate gives the wrong shape", (2, 6), shape, "(B, T), and does it `return` it?")
expected = values[codes].expand(2, 6)
hint = "logits at t, which the net makes from samples before t; decode, then write the sample down at t"
mistakes = {"generate gives codes": (codes.expand(2, 6), "samples: decode what was drawn")}
close(got, expected, "a sound by a net that is sure of each sample", hint, mistakes=mistakes)
what = "generate calls the net too often, or not often enough"
holds(len(calls) == 6, what, 6, len(calls), "one call a sample")
### BEGIN HIDDEN TESTS
kernel = torch.randn(7, 1, 3)


def remembering(x):
    return 3 * torch.nn.functional.conv1d(torch.nn.functional.pad(x, (3, -1)), kernel)


for b, t in ((1, 1), (3, 20)):
    u = torch.rand(b, t)
    got = student.generate(remembering, u, 7)
    expected = reference.generate(remembering, u, 7)
    close(got, expected, f"{b} sounds of {t} samples", "u[:, t] for sample t, each sound with its own")

# %% [markdown]
# What does *one* sample cost, when 100, 1,000 or 10,000 came before it? Guess, then run (an untrained net).

# %%
torch.manual_seed(0)
net = WaveNet(16, 32, [1, 2, 4, 8, 16, 32], 64).eval()


def milliseconds(call: Callable[[], object]) -> float:
    """The fastest of five calls."""
    times = []
    for _ in range(5):
        begun = perf_counter()
        with torch.no_grad():
            call()
        times.append(perf_counter() - begun)
    return 1000 * min(times)


for before in (100, 1_000, 10_000):
    x = torch.zeros(1, 1, before + 1)
    print(f"after {before:6,} samples, the next takes {milliseconds(lambda x=x: net(x)[:, :, -1]):5.1f} ms")

# %% [markdown]
# ## 6 Queues (5 points, 25 minutes)
#
# For each new sample the net computes everything again from the start: work like $1 + 2 + 3 + \dots$ But nearly all of it was
# computed a moment ago. A layer with dilation $d$ and two weights needs one old number: its own input $d$ samples ago. So it
# keeps its last $d$ inputs in a *queue*: the oldest leaves, the newest joins.
#
# Dilation 3, queue [7, 8, 9], weights [1, 10], the input is now 5. What is the output, and what is in the queue after?

# %%
window = torch.tensor([7.0, 8, 9, 5])  # the queue and the present
1 * window[0] + 10 * window[3], window[1:]

# %% solution="conv_step"
# Join queue and present along time. Which of them do the weights meet?

# %% test="conv_step_values" points=3
x, queue = torch.tensor([[5.0]]), torch.tensor([[[7.0, 8, 9]]])
y, after = pair(
    student.conv_step(x, queue, torch.tensor([[[1.0, 10]]]), torch.zeros(1), 3),
    "conv_step",
    "the output now and the queue for the next sample",
    "see `Returns`",
)
what = "conv_step of 5 with queue [7, 8, 9], weights [1, 10], dilation 3"
mistakes = {
    "conv_step gives the queue first": ([[[8.0, 9, 5]]], "see `Returns`: in which order?"),
    "the output of conv_step still has an axis of time": ([[[57.0]]], "(B, M)"),
    "conv_step meets the newest of the queue": ([[59.0]], "the first weight is d samples back: the oldest"),
    "conv_step uses the weights in the wrong order": ([[75.0]], "the last weight is the present's"),
}
close(y, [[57.0]], what, "by hand, above", mistakes=mistakes)
what = "the queue after the step"
mistakes = {
    "the queue stays as it was": (queue, "the oldest leaves, the present joins"),
    "the queue runs backwards": ([[[5.0, 7, 8]]], "oldest first: the present joins at the end"),
}
close(after, [[[8.0, 9, 5]]], what, "as long as before, oldest first", mistakes=mistakes)
x, weight, bias = torch.randn(2, 3, 9), torch.randn(4, 3, 2), torch.randn(4)
queue, steps = torch.zeros(2, 3, 2), []
for t in range(9):
    y, queue = student.conv_step(x[:, :, t], queue, weight, bias, 2)
    steps.append(y)
what = "conv_step, sample by sample, against the convolution of the whole"
hint = "channels are added up; the bias comes once"
close(torch.stack(steps, dim=2), F.conv1d(F.pad(x, (2, 0)), weight, bias, dilation=2), what, hint)
### BEGIN HIDDEN TESTS
for b, c, m, k, d in ((1, 1, 1, 2, 1), (2, 3, 4, 3, 2), (3, 2, 5, 2, 8), (1, 2, 2, 4, 3)):
    x, weight, bias = torch.randn(b, c, 12), torch.randn(m, c, k), torch.randn(m)
    expected = F.conv1d(F.pad(x, ((k - 1) * d, 0)), weight, bias, dilation=d)
    queue = torch.zeros(b, c, (k - 1) * d)
    for t in range(12):
        y, queue = student.conv_step(x[:, :, t], queue, weight, bias, d)
        what = f"conv_step {t + 1} of kernel {k}, dilation {d}, {c} to {m} channels"
        close(y, expected[:, :, t], what, "any kernel: its weights meet every d-th input, the present last")
        what = "the queue changes its length"
        holds(tuple(queue.shape) == (b, c, (k - 1) * d), what, (k - 1) * d, queue.shape[-1])
weight, bias = torch.randn(3, 2, 2), torch.randn(3)
sounds, queues = torch.randn(2, 1, 2, 8), [torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)]
for t in range(8):
    for i in range(2):
        y, queues[i] = student.conv_step(sounds[i, :, :, t], queues[i], weight, bias, 2)
        expected = F.conv1d(F.pad(sounds[i], (2, 0)), weight, bias, dilation=2)[:, :, t]
        what = "conv_step of two sounds in turns"
        close(y, expected, what, "all that is known of the past comes in as `queue`")

# %% [markdown]
# With your step, one sample of a block and of the whole net are only book-keeping.

# %% given="block_step,empty_queues,net_step"

# %% [markdown]
# And the sound once more. `step` is any function that takes the sample before and the queues.

# %% solution="generate_fast"
# The first step is given silence. What does the next one need from this one?

# %% test="generate_fast_values" points=2
levels, given, steps = 5, [], []
bent = torch.linspace(-1, 1, levels)
values = bent.sign() * (levels ** bent.abs() - 1) / (levels - 1)


def counting_step(x, queues):
    """Sure that the code is the number of this step modulo 5: the queue counts."""
    given.append(x)
    steps.append(int(queues[0][0]))
    code = torch.full((len(x),), steps[-1] % levels)
    return 50.0 * torch.nn.functional.one_hot(code, levels).float(), [queues[0] + 1]


got = student.generate_fast(counting_step, [torch.zeros(1)], torch.rand(2, 7), levels)
what = "generate_fast calls `step` too often, or not often enough"
holds(len(given) == 7, what, 7, len(given), "one call a sample")
holds(
    all(hasattr(x, "shape") for x in given),
    "`step` is not given a sample first",
    "the sample before, then the queues",
    type(given[0]).__name__,
    "in which order does `step` take them?",
)
what = "the queues do not move on"
holds(steps == list(range(7)), what, list(range(7)), steps, "the next step takes the queues of this one")
what = "`step` gets the wrong shape"
hint = "the one sample before, (B, 1)"
holds(all(tuple(x.shape) == (2, 1) for x in given), what, (2, 1), [tuple(x.shape) for x in given], hint)
close(given[0], torch.zeros(2, 1), "the first step's sample", "before the first there was silence")
expected = values[torch.arange(7) % levels].expand(2, 7)
close(got, expected, "a sound by a step that is sure of each sample", "decode what was drawn; (B, T)")
got = torch.cat(given[1:], 1)
close(got, expected[:, :-1], "the samples that `step` was given", "the sample drawn before, decoded")


### BEGIN HIDDEN TESTS
def remembering_step(x, queues):
    new = 0.5 * queues[0] + x @ mix
    return 3 * new, [new]


mix = torch.randn(1, 7)
for b, t in ((1, 1), (3, 20)):
    u, queues = torch.rand(b, t), [torch.randn(b, 7)]
    expected = reference.generate_fast(remembering_step, queues, u, 7)
    got = student.generate_fast(remembering_step, queues, u, 7)
    what = f"{b} sounds of {t} samples, with memory"
    close(got, expected, what, "u[:, t] for sample t; the queues of the step before")

# %% [markdown]
# Same as before? And what does a sample cost now?

# %%
u = torch.rand(2, 60)
fast = generate_fast(partial(net_step, net), empty_queues(net, 2), u, 64)
print("Same as before?", torch.allclose(fast, generate(net, u, 64), atol=1e-4))
x, queues = torch.zeros(1, 1), empty_queues(net, 1)
print(f"after any number of samples, the next takes {milliseconds(lambda: net_step(net, x, queues)):.1f} ms")

# %% [markdown]
# As much for the last sample as for the first. But still one after another, while a GPU waits.
#
# ## 7 A student in parallel (6 points, 30 minutes)
#
# Turn it round. A *flow* starts from noise $z$, all of it there at once, and makes each sample from its own noise and the noise
# *before* it:
#
# $$x_t = z_t\, e^{s(z_{<t})} + \mu(z_{<t}).$$
#
# Nothing waits: one call of a net gives all $\mu$ and $s$. The noise is logistic, a bell with the distribution function $\sigma$.

# %% solution="logistic_log_density"
# F.logsigmoid does not overflow.

# %% test="density_values" points=1
x, mean, scale = torch.tensor([3.0]), torch.tensor([1.0]), torch.tensor([2.0])
got = student.logistic_log_density(x, mean, scale.log())
what = "log p at 3 of a logistic distribution with mean 1 and scale 2"
mistakes = {
    "it forgets the scale": ([-1.626523], "p(x) = σ(v) σ(-v) / s: what is the logarithm of 1/s?"),
    "it grows with the scale": ([-0.933376], "wide bells are low"),
    "this is p, not log p": ([0.098306], "its logarithm"),
    "this is not a bell": ([-1.006409], "σ(v) *and* σ(-v)"),
}
close(got, [-2.319671], what, "log of σ(v) σ(-v) / s, with v = 1", mistakes=mistakes)
got = student.logistic_log_density(torch.tensor([1000.0, -500.0]), torch.tensor(0.0), torch.tensor(0.0))
hint = "σ(-1000) is 0 in floats, and its logarithm infinite: never form σ itself"
close(got, [-1000.0, -500.0], "log p far out", hint)
### BEGIN HIDDEN TESTS
for shape in ((2, 3, 5), (1, 1, 1)):
    x, mean, log_scale = (torch.randn(size).requires_grad_() for size in ((2, 3, 5), (2, 3, 5), shape))
    v = (x - mean) / log_scale.exp()
    wanted = torch.nn.functional.logsigmoid(v) + torch.nn.functional.logsigmoid(-v) - log_scale
    got = student.logistic_log_density(x, mean, log_scale)
    close(got, wanted, "log p, also with one scale for all", "shapes broadcast")
    follows(got, {"x": x, "the mean": mean, "the log scale": log_scale}, wanted, "log p")
grid = torch.linspace(-60, 60, 4001)
mass = torch.trapezoid(student.logistic_log_density(grid, torch.tensor(2.0), torch.tensor(0.5)).exp(), grid)
close(mass, 1.0, "the area under the density", atol=1e-3)

# %% [markdown]
# One flow is weak, so several stand in a row: what one makes is the next one's noise. Two flows that double and add 1, from
# $z = 0$: which sound? And by how much does it change with $z$?

# %% solution="flow"
# .chunk(2, dim=1) parts means and log scales. Scales multiply; what do their logarithms do?

# %% test="flow_values" points=3
calls = []


def first(x):
    calls.append(tuple(x.shape))
    return torch.cat([x.roll(1, 2), 0.5 * torch.ones_like(x)], 1)


def second(x):
    calls.append(tuple(x.shape))
    return torch.cat([2 * torch.ones_like(x), -0.2 * x.roll(1, 2)], 1)


z = torch.randn(2, 1, 6)
middle = z * torch.exp(torch.tensor(0.5)) + z.roll(1, 2)
sound, log_scale = pair(
    student.flow([first], z), "flow", "the sound and the log scale of the whole", "see `Returns`"
)
mistakes = {
    "flow gives the log scale first": (torch.full((2, 1, 6), 0.5), "see `Returns`: in which order?"),
    "flow adds the mean first": ((z + z.roll(1, 2)) * torch.exp(torch.tensor(0.5)), "scale, then move"),
    "flow multiplies by the log scale": (0.5 * z + z.roll(1, 2), "e to the log scale"),
    "flow divides by the scale": (z * torch.exp(torch.tensor(-0.5)) + z.roll(1, 2), "x · exp(log scale) + μ"),
    "flow takes means for log scales": (0.5 + torch.exp(z.roll(1, 2)) * z, "channel 0 holds the means"),
}
close(sound, middle, "one flow", "x · exp(log scale) + μ", mistakes=mistakes)
close(log_scale, torch.full((2, 1, 6), 0.5), "one flow's log scale", "what the net gave, (B, 1, T)")
calls.clear()
sound, log_scale = student.flow([first, second], z)
expected = middle * torch.exp(-0.2 * middle.roll(1, 2)) + 2
mistakes = {
    "the second flow starts from z": (z * torch.exp(-0.2 * middle.roll(1, 2)) + 2, "what the first made"),
    "the second net hears z": (middle * torch.exp(-0.2 * z.roll(1, 2)) + 2, "ask a net about its own input"),
}
close(sound, expected, "two flows", "one after another", mistakes=mistakes)
expected = 0.5 - 0.2 * middle.roll(1, 2)
mistakes = {"the log scale is the last flow's": (-0.2 * middle.roll(1, 2), "of the whole: both scales count")}
close(log_scale, expected, "two flows' log scale", "scales multiply: their logarithms …", mistakes=mistakes)
holds(len(calls) == 2, "flow calls its nets more than once", 2, len(calls), "all samples at once")


### BEGIN HIDDEN TESTS
def shaped(kernel):
    return lambda x: 0.3 * torch.nn.functional.conv1d(torch.nn.functional.pad(x, (2, -1)), kernel)


for b, t, n in ((1, 1, 1), (3, 9, 3), (2, 4, 0)):
    nets, z = [shaped(torch.randn(2, 1, 2)) for _ in range(n)], torch.randn(b, 1, t, requires_grad=True)
    for one, other, name in zip(student.flow(nets, z), reference.flow(nets, z), ("sound", "log scale")):
        close(one, other, f"the {name} of {n} flows, {b} sounds of {t} samples")
        if n and t > 1:
            follows(one, {"the noise": z}, other, f"the {name}")
z = torch.randn(1, 1, 5, requires_grad=True)
sound, log_scale = student.flow([shaped(torch.randn(2, 1, 2)) for _ in range(2)], z)
slopes = torch.stack(
    [torch.autograd.grad(sound[0, 0, t], z, retain_graph=True)[0][0, 0, t] for t in range(5)]
)
close(slopes.log(), log_scale[0, 0], "the log scale against the slope of the sound in its own noise")

# %% [markdown]
# How does it learn? Not from recordings: asking this student how probable a *recording* is, would be slow. A *teacher* that
# scores in parallel listens to the student's own sounds and says how probable they are. Only that, and the student finds the
# single most probable sound and repeats it. So it is also paid for variety: its *entropy*,
#
# $$\mathrm{KL}(\text{student} \,\|\, \text{teacher}) = -\log p_\text{teacher}(x) - H, \qquad H_t = s_t + 2 \text{ nats}.$$

# %% solution="distillation_loss"
# Noise to sound, the teacher's opinion, the entropy; the mean over samples.


# %% test="distillation_values" points=2
def still(x):
    """A flow that halves: mean 0.1, log scale -0.7."""
    return torch.cat([0.1 * torch.ones_like(x), -0.7 * torch.ones_like(x)], 1)


def judge_sound(x):
    return 0.3 * x.roll(1, 2) - x**2 - 4


z = torch.linspace(-2, 3, 15).view(3, 1, 5)
x = z * torch.exp(torch.tensor(-0.7)) + 0.1
got = student.distillation_loss([still], judge_sound, z)
badness = -judge_sound(x)
what = "the loss of a student of one flow"
mistakes = {
    "the loss forgets the 2": ((badness - (-0.7)).mean(), "the entropy of a standard logistic is 2 nats"),
    "the loss forgets the entropy": (badness.mean(), "without it all sounds become one"),
    "the loss punishes variety": ((badness + (-0.7 + 2)).mean(), "minus the entropy"),
    "the loss runs from the teacher": ((-badness - (-0.7 + 2)).mean(), "minus log p"),
    "the loss is a sum": ((badness - (-0.7 + 2)).sum(), "a mean over all samples"),
    "the teacher hears the noise": ((-judge_sound(z) - (-0.7 + 2)).mean(), "it judges the student's *sound*"),
}
close(got, (badness - (-0.7 + 2)).mean(), what, "-log p_teacher(x) - H, the mean", mistakes=mistakes)
loss = student.distillation_loss([still], judge_sound, z.clone().requires_grad_())
hint = ".detach(), .item(), float() and torch.no_grad cut the thread"
holds(getattr(loss, "requires_grad", False), "autograd cannot follow the loss back to the noise", hint=hint)
### BEGIN HIDDEN TESTS
# Weights of one sign: what two of them say of the scale cannot cancel.
kernel, z = 0.5 + torch.rand(2, 1, 2), torch.randn(4, 1, 7)


def bent_flow(x):
    return 0.2 * torch.nn.functional.conv1d(torch.nn.functional.pad(x, (2, -1)), kernel)


nets = [bent_flow, bent_flow]
z = z.requires_grad_()
got, wanted = (f(nets, judge_sound, z) for f in (student.distillation_loss, reference.distillation_loss))
close(got, wanted, "the loss of two flows")
follows(got, {"the noise": z}, wanted, "the loss, through teacher, flow and entropy,")

# %% [markdown]
# A small teacher whose secret we know: a string. Pluck it and it rings and fades; here noise plucks it all the time. The
# smallest student makes each mean from a weighted sum of 48 old noises. It never hears the string, only the teacher's
# scores. What must its weights become?

# %% given="resonator,LinearStudent"

# %%
turn, decay, log_scale = 0.4, 0.9, -1.0
torch.manual_seed(0)
string = LinearStudent(48)
optimizer = torch.optim.Adam(string.parameters(), 0.1)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 200)
losses = []
for _ in range(200):
    z = torch.logit(torch.rand(16, 1, 100).clamp(1e-6, 1 - 1e-6))  # logistic noise
    loss = distillation_loss([string], lambda x: resonator(x, turn, decay, log_scale), z)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())

n = torch.arange(1, 49)
ringing = math.exp(log_scale) * decay**n * torch.sin((n + 1) * turn) / math.sin(turn)
figure, (left, right) = plots.subplots(1, 2, figsize=(9, 3))
left.plot(losses)
left.set(xlabel="step", ylabel="nats a sample", title="student against teacher", ylim=(-0.5, 4))
right.plot(n, string.conv.weight.detach().flatten().flip(0), label="student's weights")
right.plot(n, ringing, label="the string, plucked once")
right.set(xlabel="samples ago")
right.legend()
plots.show(
    figure, "The loss falls to 0; the student's weights over time are the sound of the string, plucked once."
)

# %% [markdown]
# It found the string's answer to one pluck. Its loss, a divergence, ends near 0: nothing is left to learn.
#
# ## 8 Make sounds (3 points, 15 minutes)
#
# Now the real thing: your WaveNet, told which sound and which voice.

# %% given="said"
sizes = {
    "mini": {"levels": 64, "c": 16, "skips": 32, "dilations": [2**i for i in range(6)]},
    "full": {"levels": 256, "c": 64, "skips": 128, "dilations": [2**i for i in range(10)] * 2},
}[tier]
levels = sizes["levels"]
device = "cuda" if torch.cuda.is_available() else "cpu"
print(f"An output hears {receptive_field(sizes['dilations'], 2)} samples.")


def surprise(net: nn.Module, waves: Tensor, h: Tensor, length: Tensor) -> Tensor:
    """Bits a sample of waves (B, T)."""
    codes = encode(waves, levels)
    return bits(net(decode(codes, levels)[:, None], h), codes, length)


def learn(net: nn.Module, steps: int, batch: int, top: float) -> list[float]:
    """Train `net` on the training sounds, in place; returns the bits a sample at every step."""
    data = [part.to(device) for part in (waves, said(sound, speaker, tier), length)]
    optimizer = torch.optim.AdamW(net.parameters(), top)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, top, steps)
    losses = []
    with bar(steps, "training", "step") as progress:
        for _ in range(steps):
            rows = torch.randperm(len(waves), device=device)[:batch]
            loss = surprise(net, *(part[rows] for part in data))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            progress.update()
    return losses


# %% trains="waveforms"
torch.manual_seed(0)
h = said(sound, speaker, tier)
net = WaveNet(sizes["c"], sizes["skips"], sizes["dilations"], levels, h.shape[1]).to(device)
losses = learn(net, *{"mini": (100, 8, 1e-2), "full": (4000, 16, 1e-3)}[tier])
save_artifact("waveforms", net.eval(), tier)
figure, ax = plots.subplots()
ax.plot(losses)
ax.set(xlabel="step", ylabel="bits a sample")
plots.show(figure, "Bits a sample of the training sounds, falling over the steps.")

# %% [markdown]
# Does it listen to $h$? Tell it the wrong sound, and see.

# %% trains="waveforms"
tests = [part[:80].to(device) for part in spoken_digits.load(tier, "test").tensors]
with torch.no_grad():
    right = surprise(net, tests[0], said(tests[1], tests[2], tier), tests[3]).item()
    wrong = surprise(net, tests[0], said((tests[1] + 1) % 10, tests[2], tier), tests[3]).item()
entry = record("waveforms", tier)
print(f"your net, 80 test sounds  {right:.2f} bits a sample; told the wrong sound: {wrong:.2f}")
print(f"the reference             {entry.value:.2f} ± {entry.std:.2f}, {entry.device}")
print(f"a table of neighbours     {entry.baseline:.2f}")

# %% [markdown]
# Listen. First recordings, then yours; five kinds (digits, at the full tier). A net that learned for three seconds will not fool
# you; which kinds are nearly right?

# %% trains="waveforms"
kinds = torch.tensor([0, 2, 3, 5, 6])
size = min(400, waves.shape[1]) if tier == "mini" else 4000
asked = said(kinds, torch.zeros_like(kinds), tier).to(device)
u = torch.rand(len(kinds), size, generator=torch.Generator().manual_seed(1)).to(device)
made = generate_fast(partial(net_step, net, h=asked), empty_queues(net, len(kinds)), u, levels).cpu()
figure, axes = plots.subplots(2, len(kinds), figsize=(11, 3), sharex=True, sharey=True)
for (top, bottom), kind, wave in zip(axes.T, kinds, made):
    top.plot(waves[(sound == kind) & (speaker == 0)][0, :150])
    bottom.plot(wave[:150])
    top.set(title=spoken_digits.SOUNDS[kind] if tier == "mini" else str(int(kind)))
plots.show(
    figure, "Above the first 150 samples of a recording of each of five kinds, below of a generated sound."
)

# %% trains="waveforms"
recorded = torch.stack([waves[(sound == kind) & (speaker == 0)][0, :size] for kind in kinds])
play(torch.cat([recorded, made]), rate, "five recordings, then five generated sounds of the same kinds")

# %% test="trained" points=3
tensors = student.artifact("waveforms")
holds(
    "first.weight" in tensors and "blocks.0.conv.weight" in tensors,
    "waveforms.safetensors holds another net",
    "the tensors of WaveNet",
    ", ".join(list(tensors)[:4]),
    "run the training cell: it saves `net`",
)
### BEGIN HIDDEN TESTS
judge("waveforms", tensors, 3)

# %% [markdown]
# Your points for the file: none at the table of neighbours, all at the reference's level, on sounds that your net has not heard.
# Train longer if you like, but keep the sizes.
#
# **Hand in** this notebook and `waveforms.safetensors`.
