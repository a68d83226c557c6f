# %% [markdown]
# How likely is a picture? Nobody can list all pictures, but anybody can guess the next pixel from those before
# it. Multiply the guesses and you have the probability of the whole:
#
# $$p(x) = p(x_1)\,p(x_2 \mid x_1)\,p(x_3 \mid x_1, x_2) \cdots p(x_N \mid x_1, \ldots, x_{N-1})$$
#
# You will build a net that makes all these guesses in one call, prove that it does not cheat, let it draw digits
# one pixel at a time, and then in far fewer calls.
#
# Shapes: B pictures, C channels, H × W pixels. Pixels have an order: row by row, from left to right.

# %%
import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import binary_digits
from course_utils.training import Run, record
from course_utils.widgets import turn

Net = Callable[[Tensor], Tensor]

# %% [markdown]
# ## 1 No peeping (4 points, 18 minutes)
#
# A convolution looks around itself, and half of what it sees are the answers. Here is a 3×3 picture, its pixels
# numbered in their order, and the kernel lies on pixel 5:

# %%
print(torch.arange(1, 10).view(3, 3))

# %% [markdown]
# Which of the nine weights may be used to guess pixel 5? Write down a 3×3 grid of zeros and ones. That is **mask
# A**.
#
# In the second layer the number at place 5 no longer *is* pixel 5: it is what the first layer made of pixels 1
# to 4. Which weight may be added to the grid? That is **mask B**.
#
# A colour pixel is three numbers, and they have an order too: red, then green given red, then blue given both. So at
# the middle of the kernel it depends on the channels: write down, for mask A, a 3×3 table of which output channel
# (row) may see which input channel (column).

# %% solution="causal_mask"
# first above the middle row, then left of the middle, then the middle itself: a table of groups, output against input

# %% test="causal_mask_values" points=2
a = torch.tensor([[1.0, 1, 1], [1, 0, 0], [0, 0, 0]]).view(1, 1, 3, 3)
b = torch.tensor([[1.0, 1, 1], [1, 1, 0], [0, 0, 0]]).view(1, 1, 3, 3)
got = student.causal_mask("A", 3)
mistakes = {
    "mask A lets a pixel see itself": (b, "pixel 5 must be guessed without pixel 5"),
    "the mask is upside down": (1 - b, "ones are what may be seen: what comes earlier"),
    "rows and columns are exchanged": (
        a.transpose(2, 3),
        "the axes are (c_out, c_in, row, column), and the order is row by row",
    ),
    "the mask hides the pixel above to the right": (
        torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 0]]).view(1, 1, 3, 3),
        "is pixel 3 made before pixel 5?",
    ),
}
close(got, a, "causal_mask('A', 3)", "see your grid: pixels 1 to 4", mistakes=mistakes)
close(student.causal_mask("B", 3), b, "causal_mask('B', 3)", "mask A, and the middle")
raises(ValueError, lambda: student.causal_mask("A", 4), "an even kernel has no middle")
### BEGIN HIDDEN TESTS
for kind in "AB":
    for k, c_in, c_out in ((1, 1, 1), (5, 2, 3), (7, 4, 1)):
        order = torch.arange(k * k).view(k, k)
        middle = k * k // 2
        seen = (order < middle) if kind == "A" else (order <= middle)
        what = f"causal_mask({kind!r}, {k}, c_in={c_in}, c_out={c_out})"
        hint = "with one group all channels share one grid; any odd kernel"
        close(student.causal_mask(kind, k, c_in, c_out), seen.float().expand(c_out, c_in, k, k), what, hint)
raises(ValueError, lambda: student.causal_mask("C", 3), "a third kind of mask is refused")
raises(ValueError, lambda: student.causal_mask("B", 2), "an even kernel is refused, kind B")

# %% test="causal_mask_groups" points=2
a = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0]])
got = student.causal_mask("A", 3, 3, 3, groups=3)
hint = "a grid for each pair of channels: (c_out, c_in, k, k)"
equal(shape_of(got), (3, 3, 3, 3), "the shape of causal_mask('A', 3, 3, 3, groups=3)", hint)
got = got[:, :, 1, 1]
hint = "red sees nobody there, green red, blue red and green"
mistakes = {
    "output and input channels are exchanged": (a.T, "the first axis is the output's"),
    "at the middle no channel sees another": (torch.zeros(3, 3), "green may see its pixel's red, blue both"),
}
close(got, a, "mask A at the middle, red, green, blue", hint, mistakes=mistakes)
got = student.causal_mask("B", 3, 3, 3, groups=3)[:, :, 1, 1]
hint = "as mask A, and each channel its own group"
close(got, a + torch.eye(3), "mask B at the middle, red, green, blue", hint)
six = student.causal_mask("A", 3, 3, 6, groups=3)[:, :, 1, 1]
hint = "a group is a run of neighbours"
mistakes = {
    "groups are dealt out one channel at a time": (
        torch.cat([a, a]),
        "six channels are red, red, green, green, blue, blue: neighbours form a group",
    )
}
close(six, a.repeat_interleave(2, 0), "mask A from 3 to 6 channels", hint, mistakes=mistakes)
what = "three groups do not divide four channels"
raises(ValueError, lambda: student.causal_mask("A", 3, 3, 4, groups=3), what)
### BEGIN HIDDEN TESTS
for kind in "AB":
    for c_in, c_out, groups in ((6, 3, 3), (4, 8, 2), (4, 4, 4), (9, 12, 3)):
        mask = torch.as_tensor(student.causal_mask(kind, 5, c_in, c_out, groups))
        source = torch.arange(groups).repeat_interleave(c_in // groups)
        target = torch.arange(groups).repeat_interleave(c_out // groups)[:, None]
        expected = source < target if kind == "A" else source <= target
        what = f"causal_mask({kind!r}, 5, {c_in}, {c_out}, groups={groups})"
        close(mask[:, :, 2, 2], expected.float(), what + " at the middle", "which group is channel c in?")
        flat = mask.flatten(2)
        got = flat[:, :, :12]
        close(got, torch.ones(c_out, c_in, 12), what + " before the middle", "all channels see them")
        close(flat[:, :, 13:], torch.zeros(c_out, c_in, 12), what + " after the middle", "nobody sees them")
what = "three groups do not divide four input channels"
raises(ValueError, lambda: student.causal_mask("B", 3, 4, 3, groups=3), what)

# %% [markdown]
# A masked convolution is a convolution whose kernel is multiplied by the mask at every call. It is given:

# %% given="MaskedConv2d"

# %% [markdown]
# ## 2 The proof (2 points, 12 minutes)
#
# A leak of one pixel is enough to make a likelihood worthless, and the loss will look *wonderful*. So prove it: if the
# output at (i, j) does not depend on a pixel, its gradient there is exactly 0. A tiny example, worked with pencil and
# paper first: $y_j = x_j + 2x_{j-1}$, four pixels. What is the gradient of $y_2$?

# %%
x = torch.randn(4, requires_grad=True)
y = x + 2 * F.pad(x, (1, -1))
print(torch.autograd.grad(y[2], x)[0])

# %% solution="receptive_field"
# torch.autograd.grad gives a tuple, one gradient for each input

# %% test="receptive_field_values" points=2
left = student.receptive_field(lambda x: x + 2 * x.roll(1, dims=3), (1, 1, 4), 0, 2)
expected = torch.tensor([[False, True, True, False]])
what = "receptive_field of y[j] = x[j] + 2 x[j - 1], at j = 2"
equal(left, expected, what, "truth values (H, W): where is the gradient of the output at (i, j) not 0?")
down = shaped(
    student.receptive_field(lambda x: x.roll(1, dims=2), (2, 4, 3), 3, 1),
    (4, 3),
    "receptive_field of a net of pictures with two channels, (H, W) = (4, 3),",
    "a pixel is seen if any of its channels is",
)
expected = torch.zeros(4, 3, dtype=torch.bool)
expected[2, 1] = True
what = "receptive_field of y[i] = x[i - 1], at row 3, column 1"
mistakes = {
    "no pixel is seen": (
        torch.zeros(4, 3, dtype=torch.bool),
        "i counts rows, j columns; which axis of the output is which?",
    )
}
equal(down, expected, what, "i counts rows, j columns", mistakes=mistakes)
### BEGIN HIDDEN TESTS
hint = "each channel has its own gradient; a pixel counts if one of them is not 0"
opposite = torch.zeros(1, 2, 3, 3)
opposite[0, 0, 0, 2], opposite[0, 1, 0, 2], opposite[0, 1, 1, 1] = 1.0, -1.0, -3.0
got = student.receptive_field(lambda x: F.conv2d(x, opposite, padding=1), (2, 5, 6), 2, 3)
expected = torch.zeros(5, 6, dtype=torch.bool)
expected[1, 4] = expected[2, 3] = True
equal(got, expected, "the field of a net whose channels see one pixel with opposite signs", hint)
second = torch.zeros(3, 1, 3, 3)
second[2, 0, 2, 1] = -0.5
got = student.receptive_field(lambda x: F.conv2d(x, second, padding=1), (1, 4, 5), 1, 2)
expected = torch.zeros(4, 5, dtype=torch.bool)
expected[2, 2] = True
equal(got, expected, "the field of a net of three output channels", "all output channels count")
squared = student.receptive_field(lambda x: x**2, (1, 3, 3), 0, 1)
expected = torch.zeros(3, 3, dtype=torch.bool)
expected[0, 1] = True
equal(squared, expected, "the field of y = x²", "take a random picture: at 0 the gradient of x² is 0")
pictures = []


def listening(x):
    """A net that remembers what it was fed."""
    pictures.append(x.detach().clone())
    return x


for _ in range(2):
    student.receptive_field(listening, (1, 2, 3), 0, 1)
what = "receptive_field feeds the same picture at every call"
expected = "another random picture each time"
hint = "a seed of your own also makes all that is random after it the same"
holds(not torch.equal(pictures[0], pictures[-1]), what, expected, "twice the same", hint)

# %% [markdown]
# **Predict.** Four layers with 3×3 masks, A then B, B, B, seen from the middle of the bottom. Earlier pixels in reach
# form a rectangle above and a strip to the left. Are all of them seen? Draw it, then run.


# %%
def show_field(ax, seen: Tensor, i: int, j: int, title: str) -> None:
    """Seen pixels dark, the pixel itself marked."""
    ax.imshow(seen.float(), cmap="Blues", vmin=0, vmax=1.4)
    ax.plot(j, i, "o", color=plots.COLOURS[1])
    ax.set_title(title)


one_stack = nn.Sequential(MaskedConv2d("A", 1, 8, 3), *(MaskedConv2d("B", 8, 8, 3) for _ in range(3)))
figure, ax = plots.subplots(figsize=(3, 3))
show_field(ax, receptive_field(one_stack, (1, 11, 11), 9, 5), 9, 5, "one stack of masked kernels")
plots.show(
    figure, "The pixels that a stack of four masked convolutions sees: a slope on the right is missing"
)

# %% [markdown]
# Nothing on the far side, so no cheating. But a triangle to the upper right is missing: the **blind spot**. Masked kernels go
# one row up and one column to the right at most, then must go on from there.
#
# ## 3 Two stacks (5 points, 32 minutes)
#
# The cure of gated PixelCNN: two stacks of features.
#
# - **vertical** v: an ordinary convolution, its kernel cut off below the middle row. Row i of v sees whole rows
#   up to *and with* row i.
# - **horizontal** h: a kernel of one row, to the left.
#
# v may speak to h, h never to v. But v at row i has seen row i, with the pixel that h has to guess. So before h listens, v is
# **shifted down by one row**.

# %% given="gate"

# %%
column = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1)
print("above:     ", column.flatten().tolist())
print("F.pad with rows above and below: ", F.pad(column, (0, 0, 2, 1)).flatten().tolist())

# %% [markdown]
# `F.pad(x, (left, right, top, bottom))` takes negative numbers too: they cut.

# %% solution="shift_down"
# F.pad(x, (left, right, top, bottom))

# %% test="shift_down_values" points=1
x = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1)
got = student.shift_down(x)
expected = torch.tensor([0.0, 1.0, 2.0]).view(1, 1, 3, 1)
what = "shift_down of a column 1, 2, 3"
mistakes = {
    "the last row comes back in at the top": (x.roll(1, dims=2), "what falls out is gone; zeros come in"),
    "the rows move up": (torch.tensor([2.0, 3.0, 0.0]).view(1, 1, 3, 1), "row 0 goes to row 1"),
}
close(got, expected, what, "row i of the result is row i - 1 of x", mistakes=mistakes)
### BEGIN HIDDEN TESTS
x = torch.randn(2, 3, 4, 5)
expected = torch.zeros(2, 3, 4, 5)
for row in range(3):
    expected[:, :, row + 1] = x[:, :, row]
close(student.shift_down(x), expected, "shift_down of (2, 3, 4, 5) numbers", "rows are axis 2")

# %% [markdown]
# Now the layer. It needs no more than `F.pad`, your `shift_down` and the four convolutions that are there already.

# %% solution="GatedLayer" keep="__init__"
# which sides of v, and which of h, need zeros?


# %% test="gated_layer_sees" points=2
def field(k, count, i, j, side=11):
    """Which pixels h of `count` layers sees through the picture given to h, and to v; and which ones v sees through either."""
    layers = [student.GatedLayer(1 if n == 0 else 4, 4, k, first=n == 0) for n in range(count)]
    to_v, to_h = (torch.randn(1, 1, side, side, requires_grad=True) for _ in "vh")
    v, h = to_v, to_h
    for layer in layers:
        answer = pair(layer(v, h), "GatedLayer", "the new v and the new h", "the last line of `forward`")
        v, h = answer
        what = "autograd cannot follow the new v and h back to the old ones"
        hint = ".detach(), .numpy() and torch.no_grad cut the thread; is one of them None?"
        holds(all(getattr(y, "requires_grad", False) for y in answer), what, hint=hint)
    seen = []
    for y, x in ((h, to_h), (h, to_v), (v, to_v), (v, to_h)):
        gradient = torch.autograd.grad(y[0, :, i, j].sum(), x, retain_graph=True, allow_unused=True)[0]
        seen.append(torch.zeros(side, side, dtype=torch.bool) if gradient is None else gradient[0, 0] != 0)
    return seen


def check(k, count, i, j, side=11):
    """No peeping and no hole."""
    across, down, v, heard = field(k, count, i, j, side)
    reach = count * (k // 2)
    rows, columns = torch.arange(side)[:, None], torch.arange(side)
    earlier = (rows < i) | ((rows == i) & (columns < j))
    near = (columns - j).abs() <= reach
    case = f"{count} layers, k = {k}, seen from ({i}, {j})"
    hint = "what is the new v made of? and which of the two does `forward` give first?"
    holds(not heard.any(), f"v hears from h ({case})", "h never speaks to v", hint=hint)
    below = (v & (rows > i)).nonzero().tolist()
    holds(not below, f"v sees rows below its own ({case})", "none", below[:3], "pad v at the top, not below")
    peeped = (down & (rows >= i)).nonzero().tolist()
    what = f"h hears from v of its own row or later ones ({case})"
    hint = "v at row i has seen row i: who shifts `above` down before `link`?"
    holds(not peeped, what, "rows above only", peeped[:3], hint)
    what = f"h sees the pixel itself, and not by way of v ({case})"
    holds(not across[i, j], what, hint="the first layer: how is h padded, and is the old h added?")
    later = (across & ~earlier).nonzero().tolist()
    what = f"h sees later pixels, and not by way of v ({case})"
    holds(not later, what, "none", later[:3], "pad h on the left")
    blind = (earlier & near & (rows >= i - 1 - reach) & ~(across | down)).nonzero().tolist()
    what = f"h does not see earlier pixels in its reach ({case})"
    hint = "does h listen to v in every layer? is the new v gate(above)? `reach` columns on either side?"
    holds(not blind, what, "all of them", f"{len(blind)} missing, such as {blind[:3]}", hint)


check(3, 1, 5, 4)
check(3, 3, 8, 5)
### BEGIN HIDDEN TESTS
check(5, 2, 9, 4)
check(7, 1, 6, 6, side=9)
check(3, 4, 9, 1)
check(5, 2, 3, 10)

# %% test="gated_layer_values" points=2
v, h = torch.randn(2, 1, 5, 6), torch.randn(2, 1, 5, 6)
first = student.GatedLayer(1, 3, 3, first=True)
new_v, new_h = pair(first(v, h), "GatedLayer", "the new v and the new h", "the last line of `forward`")
equal(shape_of(new_v), (2, 3, 5, 6), "the shape of the new v", "gate halves the channels")
got = shape_of(new_h)
equal(got, (2, 3, 5, 6), "the shape of the new h in the first layer", "the picture keeps its size")
zero = {name: torch.zeros_like(tensor) for name, tensor in first.state_dict().items()}
same = student.GatedLayer(3, 3, 3)
same.load_state_dict({name: torch.zeros_like(tensor) for name, tensor in same.state_dict().items()})
first.load_state_dict(zero)
h = torch.randn(2, 3, 5, 6)
got = same(h.clone(), h.clone())[1]
close(got, h, "with all weights 0, the new h of a layer that is not the first", "y is added to the old h")
hint = "the first layer's h is the picture itself: it must not be added"
close(first(v, v)[1], torch.zeros(2, 3, 5, 6), "with all weights 0, the new h of the first layer", hint)
### BEGIN HIDDEN TESTS
for c_in, c, k, is_first in (
    (1, 4, 3, True),
    (3, 3, 5, False),
    (4, 4, 7, False),
    (2, 5, 5, True),
    (4, 4, 1, False),
):
    ours = reference.GatedLayer(c_in, c, k, is_first)
    theirs = student.GatedLayer(c_in, c, k, is_first)
    theirs.load_state_dict(ours.state_dict())
    v, h = (torch.randn(2, c_in, 6, 7, requires_grad=True) for _ in "vh")
    for name, one, other in zip("vh", theirs(v.clone(), h.clone()), ours(v, h)):
        case = f"the new {name} of a layer with k = {k}" + (", the first" if is_first else "")
        close(one, other, case, "above, left, shift_down, link, gate, out: in that order?")
        given = {"the old v": v, "the old h": h}
        leaves = given | dict(theirs.named_parameters())
        follows(one, leaves, other, case, others=given | dict(ours.named_parameters()))

# %%
layers = [GatedLayer(1, 8, 3, first=True), *(GatedLayer(8, 8, 3) for _ in range(3))]


def two_stacks(x: Tensor) -> Tensor:
    v = h = x
    for layer in layers:
        v, h = layer(v, h)
    return h


figure, axes = plots.subplots(1, 2, figsize=(6, 3))
show_field(axes[0], receptive_field(one_stack, (1, 11, 11), 9, 5), 9, 5, "one stack")
show_field(axes[1], receptive_field(two_stacks, (1, 11, 11), 9, 5), 9, 5, "two stacks")
plots.show(
    figure,
    "What one stack of masked kernels sees, with its blind spot, and what two stacks see: a whole rectangle",
)

# %% [markdown]
# No hole, no leak. The whole net is layers of this kind, a bias for each place, and two 1×1 convolutions that look at one
# place only. It is given:

# %% given="PixelCNN"

# %% [markdown]
# ## 4 256 shades (7 points, 35 minutes)
#
# For black and white one logit a pixel will do. A grey pixel has 256 values. A softmax over 256 classes works, but it does
# not know that 127 and 128 are neighbours, and learns each shade by itself. PixelCNN++ says it with a *continuous* bump,
# the logistic distribution, whose distribution function is the sigmoid, and cuts it into bins:
#
# $$P(x) = \sigma\Big(\frac{x + \frac12 - \mu}{s}\Big) - \sigma\Big(\frac{x - \frac12 - \mu}{s}\Big)$$
#
# Take $\mu = 1$, $s = 1$ and the four values 0, 1, 2, 3. **Predict:** do the four masses add up to 1?

# %%
x = torch.arange(4.0)
masses = torch.sigmoid(x + 0.5 - 1) - torch.sigmoid(x - 0.5 - 1)
print([round(mass, 3) for mass in masses.tolist()], "sum:", round(masses.sum().item(), 3))

# %% [markdown]
# What lies below −½ and above 3½ is missing. So the two edge bins take all that lies beyond them. It is more than
# bookkeeping: real pictures have many pixels that are exactly 0 or 255, and a bump that leans over the edge says just that.
#
# Now the trouble. Far from the mean:

# %%
far = torch.tensor([2.0, 10.0, 20.0, 120.0])
print(torch.log(torch.sigmoid(far + 0.5) - torch.sigmoid(far - 0.5)))

# %% [markdown]
# The difference of two numbers that are both 1 is 0, and its logarithm ends the training. A little algebra saves us. With
# $a < b$,
#
# $$\sigma(b) - \sigma(a) = \sigma(b)\,\sigma(-a)\,\big(1 - e^{-(b - a)}\big)$$
#
# (try it with $a = 0$). A product: its logarithm is a sum of three terms, none of which ever cancels. PyTorch has `F.logsigmoid(z)`,
# and `torch.expm1(z)` is $e^z - 1$ without rounding. What is $b - a$ here?

# %% solution="logistic_log_prob"
# the inside with the formula above; the two edges are one logsigmoid each

# %% test="logistic_values" points=2
x, mean = torch.arange(4.0), torch.tensor(1.0)
got = student.logistic_log_prob(x, mean, torch.tensor(0.0), levels=4)
what = "the shape of log P of four values"
equal(shape_of(got), (4,), what, "a logarithm for each value of x; does the function `return` them?")
masses = torch.tensor(
    [0.377541, 0.244919, 0.195115, 0.182426]
)  # σ(-½), σ(½) - σ(-½), σ(1½) - σ(½), 1 - σ(1½)
hint = "inside the formula; 0 takes all below ½, levels - 1 all above levels - 1½"
mistakes = {
    "the edge bins end at their edges": (
        torch.tensor([0.195025, 0.244919, 0.195115, 0.106567]).log(),
        "0 takes all below ½, levels - 1 all above",
    ),
    "these are the masses themselves": (masses, "return their logarithms"),
}
close(got, masses.log(), "log P of 0, 1, 2, 3 for mean 1, scale 1, 4 levels", hint, mistakes=mistakes)
wide = student.logistic_log_prob(x, mean, torch.tensor(1.0), levels=4)
expected = torch.tensor(-2.389108)
close(wide[1], expected, "log P(1) for mean 1, log_scale 1", "log_scale is the logarithm of s, and s divides")
### BEGIN HIDDEN TESTS
from torch import float64


for levels, mean, log_scale in ((256, 127.3, 2.0), (256, 3.0, 1.0), (16, 30.0, 1.5), (4, -2.0, 0.3)):
    x = torch.arange(levels, dtype=float64)
    got = torch.as_tensor(
        student.logistic_log_prob(
            x, torch.tensor(mean, dtype=float64), torch.tensor(log_scale, dtype=float64), levels
        )
    )
    case = f"{levels} levels, mean {mean}, log_scale {log_scale}"
    close(got.exp().sum(), torch.tensor(1.0), f"the sum over all values ({case})", "edge bins")
    t = torch.linspace(-0.5, 0.5, 2001, dtype=float64) + x[1:-1, None]  # numerical integration, bin by bin
    z = (t - mean) / torch.tensor(log_scale, dtype=float64).exp()
    density = torch.sigmoid(z) * torch.sigmoid(-z) / torch.tensor(log_scale, dtype=float64).exp()
    mass = torch.trapezoid(density, t, dim=1)
    got = got[1:-1].exp()
    close(got, mass, f"the masses inside, by numerical integration ({case})", "the formula", 1e-3, 1e-9)
x = torch.randint(0, 256, (2, 3, 4)).float()
mean, log_scale = torch.randn(2, 3, 4) * 30 + 128, torch.randn(3, 1)
got = torch.as_tensor(student.logistic_log_prob(x, mean, log_scale))
s = log_scale.double().exp()
mass = torch.sigmoid((x + 0.5 - mean).double() / s) - torch.sigmoid((x - 0.5 - mean).double() / s)
safe = (mass > 1e-9) & (x > 0) & (x < 255)
expected = mass.log()[safe]
close(got[safe], expected, "log P of (2, 3, 4) values, each with a mean of its own", "256 levels", 1e-3, 1e-3)
x = torch.arange(16.0).repeat(2, 1)
mean, log_scale = (8 + 4 * torch.randn(2, 16)).requires_grad_(), torch.randn(2, 1, requires_grad=True)
got = student.logistic_log_prob(x, mean, log_scale, 16)
leaves = {"the means": mean, "the log scales": log_scale}
follows(got, leaves, reference.logistic_log_prob(x, mean, log_scale, 16), "log P")

# %% test="logistic_tails" points=3
x = torch.tensor([30.0, 120.0, 0.0, 255.0])
mean = torch.tensor([10.0, 0.0, 90.0, 60.0])
got = student.logistic_log_prob(x, mean, torch.tensor(0.0))
what = "the shape of log P of four values"
equal(shape_of(got), (4,), what, "a logarithm for each value of x; does the function `return` them?")
hint = (
    "σ - σ is 0 in the tails: use the product; for the edges logsigmoid, not log(sigmoid) or log(1 - sigmoid)"
)
close(got[:2], [-19.958675, -119.958675], "log P, 20 and 120 scales above the mean", hint, rtol=1e-3)
close(got[2:], [-89.5, -194.5], "log P at both edges, far from the mean", hint, rtol=1e-3)
### BEGIN HIDDEN TESTS
x = torch.tensor([250.0, 5.0, 3.0, 255.0, 0.0])
mean = torch.tensor([5.0, 250.0, 200.0, -40.0, 300.0])
log_scale = torch.tensor(-1.0, requires_grad=True)
mean.requires_grad_()
got = student.logistic_log_prob(x, mean, log_scale)
rate = torch.tensor(1.0).exp()
expected = -rate * torch.tensor([245.0, 245.0, 197.0, 294.5, 299.5])
expected = expected + torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]) * (rate / 2 + torch.log1p(-torch.exp(-rate)))
close(got, expected, "log P on either side of the mean, scale e⁻¹", hint, rtol=1e-3)
hint = ".detach(), .item(), float() and torch.no_grad cut the thread"
holds(getattr(got, "requires_grad", False), "autograd cannot follow log P back to the mean", hint=hint)
got = torch.autograd.grad(got.sum(), mean)[0]
expected = rate * torch.tensor([1.0, -1.0, -1.0, 1.0, -1.0])
what = "the gradient for the mean, far from it"
close(got, expected, what, "in the tails it is ±1/s: training must be able to get back", rtol=1e-3)
wide = student.logistic_log_prob(torch.arange(256.0), torch.tensor(100.0), torch.tensor(14.0))
got = wide.exp().sum()
close(got, torch.tensor(1.0), "the sum over all values, scale e¹⁴", "nearly all mass is beyond the edges")
got = wide[1:255]
hint = "1 - exp(-z) rounds to 0 for tiny z; expm1 does not"
close(got, torch.full((254,), -14.0) - torch.tensor(4.0).log(), "log P inside, scale e¹⁴", hint, rtol=1e-3)

# %% [markdown]
# One bump is not enough: next to a border a pixel is black *or* white, seldom in between. Take K bumps with weights
# $\pi_k = \mathrm{softmax}(\text{logits})_k$:
#
# $$\log P(x) = \log \sum_k \pi_k P_k(x) = \operatorname{logsumexp}_k \big(\log \pi_k + \log P_k(x)\big)$$

# %% solution="mixture_log_prob"
# x needs an axis for the K components

# %% test="mixture_values" points=2
x = torch.tensor([2.0, 0.0, 3.0])
logits = torch.tensor([[0.0, 1.0], [0.0, 0.0], [2.0, -1.0]])
mean, log_scale = torch.tensor([1.0, 3.0]).expand(3, 2), torch.tensor([0.0, -1.0]).expand(3, 2)
got = student.mixture_log_prob(x, logits, mean, log_scale, levels=4)
expected = [-1.662298, -1.664269, -1.553498]
hint = "the formula above, each P_k by your logistic_log_prob; pass `levels` on"
mistakes = {
    "the weights do not add up to 1": (
        [-0.34904, -0.97112, 0.49509],
        "the logits are scores: softmax (or log_softmax) first",
    ),
    "this is the mean of the logarithms": (
        [-1.66245, -3.88545, -1.63156],
        "the logarithm of the mean is asked for: logsumexp",
    ),
    "`levels` is not passed on": ([-1.662298, -1.664269, -2.043662], "with 4 levels, 3 is an edge"),
    "these are the masses themselves": ([0.189703, 0.189329, 0.211507], "their logarithms"),
}
close(got, expected, "mixture_log_prob of three pixels and two components, 4 levels", hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape, k, levels in (((2, 3, 4), 5, 256), ((7,), 1, 16), ((5, 5), 5, 8)):
    x = torch.randint(0, levels, shape).float()
    logits, mean, log_scale = (torch.randn(*shape, k) for _ in range(3))
    mean = (1 + mean) * levels / 2
    leaves = {"the logits": logits, "the means": mean, "the log scales": log_scale}
    for leaf in leaves.values():
        leaf.requires_grad_()
    got = student.mixture_log_prob(x, logits, mean, log_scale, levels)
    wanted = reference.mixture_log_prob(x, logits, mean, log_scale, levels)
    what = f"mixture_log_prob of {shape} pixels and {k} components"
    close(got, wanted, what, "the components are the last axis of the parameters", rtol=1e-3, atol=1e-4)
    follows(got, leaves, wanted, "log P of a mixture", rtol=1e-2, atol=1e-3)
x, parameters = torch.arange(256.0), [torch.randn(1, 3), torch.tensor([[0.0, 80.0, 255.0]]), torch.ones(1, 3)]
total = student.mixture_log_prob(x, *(part.expand(256, 3) for part in parameters)).exp().sum()
hint = "weights that add up to 1, and parts that do: each is a mass, not a density"
close(total, torch.tensor(1.0), "the sum over all 256 values", hint)
far = student.mixture_log_prob(
    torch.tensor([250.0]), torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)
)
expected = torch.tensor([-246.0]) - torch.tensor(2.0).log() + torch.log1p(torch.exp(torch.tensor(-1.0)))
expected = expected + (torch.tensor(0.5).exp() - torch.tensor(-0.5).exp()).log()
hint = "logsumexp of logarithms; and is each part the mass of a bin (your logistic_log_prob), not a density?"
close(far, expected, "log P far from all means", hint, rtol=1e-3)

# %% [markdown]
# Here are your bumps. Every bar is one of 256 values.

# %%
values = torch.arange(256.0)
examples = {
    "one bump": (torch.zeros(1), torch.tensor([100.0]), torch.tensor([2.5])),
    "black or white": (torch.tensor([0.5, 0.0]), torch.tensor([15.0, 240.0]), torch.tensor([2.0, 2.5])),
    "over the edge": (torch.zeros(1), torch.tensor([262.0]), torch.tensor([2.0])),
}
figure, axes = plots.subplots(1, 3, figsize=(10, 2.4))
for ax, (name, parameters) in zip(axes, examples.items()):
    ax.bar(values, mixture_log_prob(values, *(part.expand(256, -1) for part in parameters)).exp(), width=1)
    ax.set_title(name)
plots.show(
    figure,
    "Three mixtures of logistics over 256 values: one bump, one at each end, and one whose mass piles up at 255",
)


# %%
def bumps(mean: float = 200.0, log_scale: float = 2.5, share_of_black: float = 0.2) -> plots.Picture:
    """The masses that your `mixture_log_prob` gives 256 values: one bump, and one at black."""
    logits = torch.tensor([1 - share_of_black, share_of_black]).log()
    parts = (logits, torch.tensor([mean, 0.0]), torch.tensor([log_scale, 0.0]))
    p = mixture_log_prob(values, *(part.expand(256, 2) for part in parts)).exp()
    figure, ax = plots.subplots(figsize=(6, 2.4))
    ax.bar(values, p, width=1)
    ax.set(title=f"sum {p.sum():.4f}, the last bar {p[-1]:.4f}")
    return plots.show(figure, "The masses of a mixture of two logistics over 256 values.")


turn(
    bumps,
    "Your mixture: push the bump over the right edge. Where does its mass go, and does the sum stay 1?",
    mean=(0.0, 300.0, 5.0),
    log_scale=(-2.0, 5.0, 0.25),
    share_of_black=(0.0, 1.0, 0.05),
)

# %% [markdown]
# ## 5 How good is it? (3 points, 12 minutes)
#
# The score of a picture is $-\log p(x)$: the sum of the surprises of all pixels, in nats. For black and white, a pixel
# that is 1 costs $-\log \sigma(z)$, one that is 0 costs $-\log(1 - \sigma(z))$. A net that knows nothing says
# $z = 0$ everywhere. **Predict:** how many nats is that for 8×8 pixels?

# %%
print(64 * math.log(2))

# %% solution="nats"
# one picture, one number; a logit of 1000 must not give infinity

# %% test="nats_values" points=2
logits = torch.tensor([[0.0, 2.0], [-1.0, 3.0]]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
x = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).view(1, 1, 2, 2).repeat(3, 1, 1, 1)
chance = torch.sigmoid(logits)
each = -(x * chance.log() + (1 - x) * (1 - chance).log()).flatten(1)
got = student.nats(logits, x)
what = "nats of three equal pictures of four pixels"
mistakes = {
    "the mean over the pixels comes back": (each.mean(1), "log p(x) is the log of a product: a sum"),
    "one number for the whole batch comes back": (each.sum(), "one number for each picture, (B,)"),
    "log p(x) comes back": (-each.sum(1), "-log p(x): surprise is not negative"),
}
close(got, each.sum(1), what, "see the formula above", mistakes=mistakes)
### BEGIN HIDDEN TESTS
logits, x = (3 * torch.randn(4, 1, 5, 3)).requires_grad_(), torch.randint(0, 2, (4, 1, 5, 3)).float()
chance = torch.sigmoid(logits.double())
expected = -(x * chance.log() + (1 - x) * (1 - chance).log()).flatten(1).sum(1)
got = student.nats(logits, x)
close(got, expected, "nats of four pictures of 5×3 pixels", "sum over all axes but the first")
follows(got, {"the logits": logits}, expected, "nats")
far = student.nats(
    torch.tensor([1000.0, -1000.0]).view(1, 1, 1, 2), torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
)
what = "nats where the net is sure, and wrong"
close(far, [2000.0], what, "log(sigmoid(-1000)) is log 0; F has a better way")

# %% [markdown]
# Pictures of other sizes cannot be compared in nats a picture. So colour pictures are scored in **bits per dimension**: bits
# instead of nats (one bit is $\log 2$ nats), for each number of the picture. A softmax that knows nothing of 256 values
# costs how many?

# %% solution="bits_per_dim"

# %% test="bits_per_dim_values" points=1
got = student.bits_per_dim(torch.tensor([12 * math.log(256.0), 0.0]), (3, 2, 2))
close(got, [8.0, 0.0], "twelve numbers of 256 equally likely values", "8 bits each; three channels count")
### BEGIN HIDDEN TESTS
total = torch.rand(5) * 100
got = student.bits_per_dim(total, (1, 7, 9))
close(got, total / 63 / math.log(2), "bits for each of 63 numbers", "1 bit = log 2 nats")
close(student.bits_per_dim(total, (4,)), total / 4 / math.log(2), "bits for each of 4 numbers", "any shape")

# %% [markdown]
# ## 6 Draw (7 points, 32 minutes)
#
# Scoring takes one call, since all pixels are there. Drawing does not: pixel 2 needs pixel 1. Start with an empty
# picture, call the net, draw pixel 1 from its logit, call the net again, draw pixel 2 … **Predict:** how many calls
# for 28×28?
#
# To draw a 1 with probability 0.3, take a uniform number u in [0, 1): it is below 0.3 in three cases of ten. Let
# the caller bring all the u: then the same u give the same picture.

# %% solution="sample"
# two loops, one call of net inside; `@torch.no_grad()` above spares you the gradients

# %% test="sample_values" points=3
calls = []


def follow(x):
    """A pixel is like its left neighbour, and the first of a row like the one above: sure of it."""
    calls.append(x)
    left = torch.nn.functional.pad(x, (1, -1))
    above = torch.nn.functional.pad(x, (0, 0, 1, -1))
    return 60 * (torch.where(torch.arange(x.shape[3]) > 0, left, above) - 0.5)


def even(x):
    """1 with 70 %, whatever came before."""
    calls.append(x)
    return torch.full_like(x, 0.7).logit()


u = torch.rand(2, 1, 3, 4)
got = student.sample(even, u)
made, again = len(calls), student.sample(even, u)
what = "the same u give two different pictures"
hint = "u brings all the chance there is: draw no numbers of your own"
holds(not isinstance(got, torch.Tensor) or torch.equal(got, again), what, hint=hint)
close(got, (u < 0.7).float(), "sample where every pixel is 1 with 70 %", "1 where u < σ(logit)")
what = "the number of calls of the net for 3×4 pixels"
equal(made, 12, what, "one call for each pixel, each for the whole batch")
sure = torch.tensor([-1000.0, 0.0, 1000.0]).view(1, 1, 1, 3)
got = student.sample(lambda x: sure, torch.tensor([0.0, 0.5, 1 - 2**-24]).view(1, 1, 1, 3))
expected = torch.tensor([0.0, 0, 1]).view(1, 1, 1, 3)
what = "three pixels with the chances 0, ½ and 1, and u = 0, ½ and just below 1"
close(got, expected, what, "1 where u is *below* the chance: never with chance 0, always with chance 1")
start = torch.zeros(2, 1, 3, 4)
start[0, :, 0] = 1
got = student.sample(follow, u, start, 1)
expected = torch.zeros(2, 1, 3, 4)
expected[0] = 1
what = "sample of a net that copies the pixel before, below a first row of ones"
close(got, expected, what, "does the net see what you have drawn?")
### BEGIN HIDDEN TESTS
calls.clear()
student.sample(even, u, start, 2)
equal(len(calls), 4, "the number of calls for the last of three rows", "kept rows need no call")


def slanted(x):
    """A pixel is like the one above to the right, and 0 at the end of a row: sure of it."""
    return 60 * (torch.nn.functional.pad(x, (-1, 1, 1, -1)) - 0.5)


got = student.sample(slanted, u, start, 1)
what = "sample of a net that copies the pixel above to the right, below a first row of ones"
close(got, reference.sample(slanted, u, start, 1), what, "a row is whole before the next one begins")
weight = torch.randn(1, 1, 5, 5) * torch.tensor([1.0] * 12 + [0.0] * 13).view(5, 5)


def chain(x):
    """A logit that depends on earlier pixels within reach."""
    return 2 * torch.nn.functional.conv2d(x, weight, padding=2) - 0.3


def nosy(x):
    """A logit that depends on all pixels, later ones too: they must still be 0."""
    return 3 * (x.sum((1, 2, 3), keepdim=True) - 5) + torch.zeros_like(x)


for size in ((3, 1, 5, 4), (1, 1, 2, 6)):
    u, start = torch.rand(size), torch.randint(0, 2, size).float()
    for net in (chain, nosy):
        hint = "row by row, left to right; later pixels are 0"
        close(student.sample(net, u), reference.sample(net, u), f"sample of {size} pixels", hint)
        got = student.sample(net, u, start, 1)
        hint = "rows above `row` are those of `start`, the others are drawn anew"
        close(got, reference.sample(net, u, start, 1), f"sample of {size} pixels below a given row", hint)

# %% [markdown]
# 784 calls, and each works out again what the call before already knew. Keep it instead. When pixel (i, j) is drawn
#
# - the **vertical** stack has nothing new until row i is complete. Then each layer makes *one row* from the last
#   reach + 1 rows of its input;
# - the **horizontal** stack makes *one pixel* from the last reach + 1 columns of its input.
#
# Write these two small pieces: the same convolutions as in `forward`, on a window that just fits. The loop around them,
# which keeps the windows, is given below. First the row.

# %% solution="layer_row"
# the window has its rows already: only the sides are missing

# %% test="layer_row_values" points=1
layer, v = student.GatedLayer(3, 3, 5), torch.randn(2, 3, 6, 7)
new_v, _ = layer(v, v.clone())
above = student.layer_row(layer, v[:, :, 2:5])
hint = "(B, 2c, 1, W): one row, before its gate; the window has its rows, so pad the sides only"
equal(shape_of(above), (2, 6, 1, 7), "the shape of layer_row of rows 2 to 4", hint)
a, b = above.detach().chunk(2, dim=1)
what = "gate(layer_row) of rows 2 to 4, against row 4 of the new v"
close(torch.tanh(a) * torch.sigmoid(b), new_v[:, :, 4:5], what, "pad the sides only; the gate comes later")
### BEGIN HIDDEN TESTS
for c_in, c, k, first in ((1, 2, 3, True), (4, 4, 7, False), (3, 3, 7, True), (2, 2, 1, False)):
    ours, theirs = reference.GatedLayer(c_in, c, k, first), student.GatedLayer(c_in, c, k, first)
    theirs.load_state_dict(ours.state_dict())
    v = torch.randn(3, c_in, k // 2 + 1, 6)
    case = f"k = {k}" + (", the first layer" if first else "")
    got = student.layer_row(theirs, v)
    close(got, reference.layer_row(ours, v), f"layer_row, {case}", "`vertical`, sides padded")

# %% [markdown]
# And the pixel. The window ends at the pixel's own column j. What may the first layer do with it, whose h is the picture?

# %% solution="layer_pixel"
# `horizontal` of the window, then as in `forward`: which column is the old h?

# %% test="layer_pixel_values" points=1
for first in (True, False):
    layer, h = student.GatedLayer(3, 3, 5, first), torch.randn(2, 3, 6, 7)
    state = layer.state_dict()
    layer.load_state_dict({name: torch.zeros_like(t) if "link" in name else t for name, t in state.items()})
    case = "first layer" if first else "another layer"
    got = student.layer_pixel(layer, h[:, :, 4:5, 1:4], torch.zeros(2, 6, 1, 1))
    equal(shape_of(got), (2, 3, 1, 1), f"the shape of layer_pixel ({case})", "one pixel, after its gate")
    what = f"layer_pixel of columns 1 to 3, against the new h at column 3, with a link of 0 ({case})"
    hint = "the window ends at column j: what does the first layer do with it? what is added in the others?"
    close(got, layer(h.clone(), h.clone())[1][:, :, 4:5, 3:4], what, hint)
### BEGIN HIDDEN TESTS
for c_in, c, k, first in (
    (1, 2, 3, True),
    (4, 4, 7, False),
    (2, 2, 3, False),
    (3, 3, 7, True),
    (2, 2, 1, False),
):
    ours, theirs = reference.GatedLayer(c_in, c, k, first), student.GatedLayer(c_in, c, k, first)
    theirs.load_state_dict(ours.state_dict())
    h, link = torch.randn(3, c_in, 1, k // 2 + 1), torch.randn(3, 2 * c, 1, 1)
    what = f"layer_pixel, k = {k}" + (", the first layer" if first else "")
    hint = "out(gate(left + link)), plus the old h in all layers but the first"
    close(student.layer_pixel(theirs, h, link), reference.layer_pixel(ours, h, link), what, hint)

# %% given="sample_cached"

# %% [markdown]
# Same pictures? And how much work? Count multiplications and additions. **Predict** the ratio for 8×8.


# %%
def operations(call, *args) -> int:
    """Multiplications and additions in the convolutions and matrix products of `call(*args)`."""
    with FlopCounterMode(display=False) as counter:
        call(*args)
    return counter.get_total_flops()


untrained, u = PixelCNN(8, c=8, k=5, layers=2).eval(), torch.rand(4, 1, 8, 8)
print("the same pictures:", sample(untrained, u).equal(sample_cached(untrained, u)))
print(f"sample        {operations(sample, untrained, u):>12,}")
print(f"sample_cached {operations(sample_cached, untrained, u):>12,}")
print(f"one call      {operations(untrained, u):>12,}")

# %% test="cached_sampling" points=2
net = student.PixelCNN(6, 4, 5, 2).eval()
net.load_state_dict({name: tensor + torch.randn_like(tensor) for name, tensor in net.state_dict().items()})
u = torch.rand(3, 1, 6, 6)
slow, fast = student.sample(net, u), student.sample_cached(net, u)
different = (slow != fast).sum().item()
what = "the number of pixels in which sample and sample_cached differ"
equal(different, 0, what, "are both windows right?")
spent = [student.operations(call, net, u) for call in (student.sample, student.sample_cached)]
what = "sample_cached saves too little"
expected = "less than a tenth of sample's operations"
hint = "layer_row makes one row from its window, layer_pixel one pixel"
holds(spent[1] * 10 < spent[0], what, expected, f"{spent[1]:,} against {spent[0]:,}", hint)
### BEGIN HIDDEN TESTS
for side, c, k, layers in ((5, 3, 3, 3), (7, 2, 7, 1), (4, 2, 3, 2)):
    net = student.PixelCNN(side, c, k, layers).eval()
    net.load_state_dict(
        {name: tensor + torch.randn_like(tensor) for name, tensor in net.state_dict().items()}
    )
    u = torch.rand(2, 1, side, side)
    different = (student.sample(net, u) != student.sample_cached(net, u)).sum().item()
    equal(different, 0, f"differing pixels with {layers} layers, k = {k}", "are both windows right?")

# %% [markdown]
# As many operations as *one* call, spread over 64 steps. The work is gone; the waiting is not: each pixel still waits for the
# one before it. A GPU that could do all at once idles.
#
# ## 7 Fewer steps (7 points, 34 minutes)
#
# Give up some dependence. Draw a small picture pixel by pixel. Let its pixels be the *upper left* ones of a picture
# twice as large. Draw all upper right ones in **one** call, given those; then all lower left, then all lower right.
# Pixels of one group do not see each other. Then double again:
#
# $$p(x) = p(x^{\ulcorner})\; p(x^{\urcorner} \mid x^{\ulcorner})\; p(x^{\llcorner} \mid x^{\ulcorner}, x^{\urcorner})\; p(x^{\lrcorner} \mid x^{\ulcorner}, x^{\urcorner}, x^{\llcorner})$$
#
# It is the chain rule as before, with other groups and another order. From 2×2 to 8×8: how many calls? And to 256×256?

# %%
picture = torch.arange(16).view(1, 1, 4, 4)
print(picture[0, 0])
print("every other number of row 0, from column 1 on:", picture[0, 0, 0, 1::2].tolist())

# %% solution="split"
# slices with a step of 2

# %% test="split_values" points=1
x = torch.arange(1.0, 17.0).view(1, 1, 4, 4)
parts = student.split(x)
several = isinstance(parts, tuple | list | torch.Tensor)
expected = "a list: upper left, upper right, lower left, lower right"
got = f"{len(parts)} things" if several else type(parts).__name__
holds(several and len(parts) == 4, "split must give four groups", expected, got, "see `Returns`")
expected = [[1, 3, 9, 11], [2, 4, 10, 12], [5, 7, 13, 15], [6, 8, 14, 16]]
for name, part, numbers in zip(("upper left", "upper right", "lower left", "lower right"), parts, expected):
    what = f"the group of {name} pixels"
    close(part, torch.tensor(numbers).view(1, 1, 2, 2), what, "every other row, every other column")
### BEGIN HIDDEN TESTS
x = torch.randn(2, 3, 6, 4)
for n, (part, other) in enumerate(zip(student.split(x), reference.split(x))):
    close(part, other, f"group {n} of (2, 3, 6, 4) numbers", "axes 2 and 3 are rows and columns")

# %% [markdown]
# And back: each group to the places that it came from.

# %% solution="merge"
# an empty picture of twice the size, and the same slices on the left of the equals sign

# %% test="merge_values" points=1
groups = [torch.tensor(numbers).view(1, 1, 1, 2) for numbers in ([1.0, 3], [2.0, 4], [5.0, 7], [6.0, 8])]
got = student.merge(groups)
expected = torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]).view(1, 1, 2, 4)
what = "merge of [1, 3], [2, 4], [5, 7] and [6, 8], groups of a picture of two rows"
mistakes = {
    "the groups stand side by side": (
        torch.tensor([[1.0, 3, 2, 4], [5, 7, 6, 8]]).view(1, 1, 2, 4),
        "every other row, every other column",
    ),
    "upper right and lower left are exchanged": (
        torch.tensor([[1.0, 5, 3, 7], [2, 6, 4, 8]]).view(1, 1, 2, 4),
        "in which order does `split` give them?",
    ),
}
close(got, expected, what, "the inverse of split: each group goes back to its places", mistakes=mistakes)
### BEGIN HIDDEN TESTS
parts = [torch.randn(2, 3, 4, 5) for _ in range(4)]
got = student.merge(parts)
close(got, reference.merge(parts), "merge of four (2, 3, 4, 5) groups", "the inverse of split")
whole = torch.arange(24).view(1, 2, 6, 2)
close(student.merge(reference.split(whole)), whole, "merge of the groups of a picture of whole numbers")

# %% solution="multiscale_nats"
# it may call itself: the upper left pixels are a picture too

# %% test="multiscale_nats_values" points=2
asked, two, softplus = [], torch.tensor(2.0), torch.nn.functional.softplus


def fair(x):
    """Every pixel is 1 with one half."""
    asked.append(tuple(x.shape))
    return torch.zeros_like(x[:, :1])


def last(x):
    """A pixel is like that of the group before: sure to some degree."""
    return 2 * x[:, -1:] - 1


def says(logit):
    """A net that gives every pixel the same logit."""

    def net(x):
        asked.append(tuple(x.shape))
        return torch.full_like(x[:, :1], logit)

    return net


def ended(scales, x, case, hint):
    """The student's nats with the base `fair`, if the function ever comes to ask a net."""
    asked.clear()
    try:
        return student.multiscale_nats(fair, scales, x)
    except StudentError as error:
        holds(
            bool(asked) or "NotImplementedError" in error.kinds,
            f"multiscale_nats {case} ends in an error, and has asked no net",
            "`base` is asked about the smallest picture",
            f"{error.kinds[0]}: {error.message}",
            f"{hint} {error.line}".strip(),
        )
        raise


x = torch.randint(0, 2, (3, 1, 8, 8)).float()
got = ended(
    [], x, "without scales", "No scale: nothing to split, no net but `base`. What ends the recursion?"
)
what = "multiscale_nats without scales"
close(got, 64 * two.log().expand(3), what, "one number a picture: what does `base` say of the whole picture?")
names = ("upper left", "upper right", "lower left", "lower right")
cost = 4 * softplus(-torch.tensor([0.0, 1.0, 2.0, 4.0]))  # of each group of four ones
hint = "What changes from one call of itself to the next? The docstring: until no scale is left."
got = ended([[says(1.0), says(2.0), says(4.0)]], torch.ones(1, 1, 4, 4), "with one scale", hint)
mistakes = {
    "`base` guesses the whole picture, though there is a scale": (4 * cost[:1], "with no scale left, only"),
    "the sum ends after the first net": (cost[:2].sum().view(1), "three nets: where does `return` stand?"),
    "only the last group is counted": (cost[3:], "add to what was there before"),
} | {
    f"the {name} pixels are not counted": (
        (cost.sum() - missing).view(1),
        "four groups, four terms: the upper left picture's own, and one a net",
    )
    for name, missing in zip(names, cost)
}
close(
    got,
    cost.sum().view(1),
    "multiscale_nats of one picture of 4×4 ones, with one scale",
    "the upper left picture by `base`, then three groups by the three nets: each counted once",
    mistakes=mistakes,
)
got = ended([[fair] * 3] * 2, x, "with two scales", hint)
expected = 64 * two.log().expand(3)
what = "multiscale_nats of 8×8 pixels where all nets say one half"
close(got, expected, what, "every pixel is counted once: 2×2, then three groups of 2×2, then three of 4×4")
pair = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).view(1, 1, 2, 2)
surprise = softplus(torch.tensor(1.0)) + softplus(torch.tensor([1.0, -1.0])).sum()
got = student.multiscale_nats(fair, [[last] * 3], pair)
expected = (surprise + two.log()).view(1)
what = "multiscale_nats of one 2×2 picture, each group guessed from the one before"
close(got, expected, what, "each net gets the groups before its own, in the order of `split`")
ones = torch.ones(1, 1, 4, 4)
got = student.multiscale_nats(fair, [[says(3.0)] * 3, [fair] * 3], ones)
sure = softplus(torch.tensor(-3.0))
expected = (13 * two.log() + 3 * sure).view(1)
what = "multiscale_nats of 4×4 pixels, the first three nets sure and the last three not"
mistakes = {
    "with two scales, the nets of the smallest are not asked": (
        (16 * two.log()).view(1),
        "the upper left pixels are a picture too, to be taken apart by the scales that are left",
    ),
    "the nets of the smallest doubling guess the largest picture": (
        (4 * two.log() + 12 * sure).view(1),
        "`scales` begins with the smallest",
    ),
}
close(got, expected, what, "from the largest picture down: which three nets come first?", mistakes=mistakes)


### BEGIN HIDDEN TESTS
def nets(count):
    """For each doubling three nets that tell their channels and their scale apart."""
    return [[nn.Conv2d(n, 1, 3, padding=1) for n in (1, 2, 3)] for _ in range(count)]


with torch.no_grad():
    for count, size in ((1, (2, 1, 4, 6)), (2, (3, 1, 12, 8)), (3, (1, 1, 16, 8))):
        base, scales = nn.Conv2d(1, 1, 3, padding=1), nets(count)
        x = torch.randint(0, 2, size).float()
        got = student.multiscale_nats(base, scales, x)
        expected = reference.multiscale_nats(base, scales, x)
        hint = "the last three nets make the largest picture; channels in the order of `split`"
        close(got, expected, f"multiscale_nats of {size} pixels, {count} doublings", hint)
slopes = []
for f in (student.multiscale_nats, reference.multiscale_nats):
    leaves = [torch.tensor(0.5, requires_grad=True) for _ in range(7)]
    tilted = [lambda x, a=a: a * (2 * x[:, -1:] - 1) for a in leaves]
    picture = torch.randint(0, 2, (2, 1, 8, 8), generator=torch.Generator().manual_seed(1)).float()
    total = f(tilted[0], [tilted[1:4], tilted[4:]], picture)
    what = "autograd cannot follow multiscale_nats back to the nets"
    hint = ".detach(), .item(), float() and torch.no_grad cut the thread"
    holds(getattr(total, "requires_grad", False), what, hint=hint)
    total.sum().backward()
    slopes.append(torch.stack([torch.tensor(0.0) if a.grad is None else a.grad for a in leaves]))
close(*slopes, "the gradients of multiscale_nats in what its seven nets learn", "is a term cut off?")

# %% solution="sample_multiscale"
# u can be split as well; `sample` draws the smallest picture

# %% test="sample_multiscale_values" points=3
calls = []


def chances(share):
    """A net that is sure of nothing but a share of ones."""

    def net(x):
        calls.append(tuple(x.shape))
        return torch.full_like(x[:, :1], share).logit()

    return net


u = torch.rand(2, 1, 8, 8)
try:
    got = student.sample_multiscale(chances(0.5), [], u)
except StudentError as error:
    holds(
        bool(calls) or "NotImplementedError" in error.kinds,
        "sample_multiscale without scales stops with an error before it asks `base`",
        "a picture drawn with `base` alone",
        f"{error.kinds[0]}: {error.message}",
        f"Without scales there is nothing to split: what ends the recursion? {error.line}".strip(),
    )
    raise
close(got, (u < 0.5).float(), "sample_multiscale without scales", "then the whole picture is the base's")
calls.clear()
got = student.sample_multiscale(chances(0.5), [[chances(0.5)] * 3] * 2, u)
what = "sample_multiscale where every pixel is 1 with one half"
close(got, (u < 0.5).float(), what, "a pixel uses its own place's u")
what = "the number of calls from 2×2 to 8×8"
equal(len(calls), 4 + 3 + 3, what, "one for each pixel of the smallest, then one a group")
got = calls[4:]
expected = [(2, 1, 2, 2), (2, 2, 2, 2), (2, 3, 2, 2), (2, 1, 4, 4), (2, 2, 4, 4), (2, 3, 4, 4)]
equal(got, expected, "what the nets of the two doublings are given", "the groups drawn before, as channels")
four = [chances(share) for share in (0.2, 0.4, 0.6, 0.8)]
got = student.sample_multiscale(four[0], [four[1:]], torch.full((1, 1, 2, 2), 0.5))
expected = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).view(1, 1, 2, 2)
what = "one 2×2 picture, chances 0.2, 0.4, 0.6, 0.8 and all u = 0.5"
close(got, expected, what, "upper left, upper right, lower left, lower right")
scales = [[chances(0.8)] * 3, [chances(0.2)] * 3]
got = student.sample_multiscale(chances(0.8), scales, torch.full((1, 1, 4, 4), 0.5))
coarse = torch.zeros(1, 1, 4, 4)
coarse[:, :, ::2, ::2] = 1
swapped = 1 - coarse
swapped[:, :, 0, 0] = 1
what = "4×4 pixels, the first doubling's chances 0.8, the second's 0.2, all u = 0.5"
hint = "the smaller picture first, of the nets that are left; then the last three nets"
mistakes = {
    "the smallest doubling's nets draw the largest picture": (swapped, "`scales` begins with the smallest")
}
close(got, coarse, what, hint, mistakes=mistakes)


### BEGIN HIDDEN TESTS
def strong(n):
    """A net whose word counts."""
    net = nn.Conv2d(n, 1, 3, padding=1)
    with torch.no_grad():
        net.weight.mul_(8)
    return net


for count, size in ((0, (2, 1, 3, 4)), (1, (3, 1, 4, 6)), (2, (2, 1, 8, 12))):
    base, scales = strong(1), [[strong(n) for n in (1, 2, 3)] for _ in range(count)]
    u = torch.rand(size)
    got = student.sample_multiscale(base, scales, u)
    expected = reference.sample_multiscale(base, scales, u)
    what = f"sample_multiscale of {size} pixels, {count} doublings"
    close(got, expected, what, "each group sees those drawn before it; merge them at the end")
half = [lambda x: torch.zeros_like(x[:, :1])] * 3
got = student.sample_multiscale(half[0], [half], torch.full((1, 1, 4, 4), 0.5))
expected = torch.zeros(1, 1, 4, 4)
close(got, expected, "4×4 pixels with the chance ½ and u = ½", "1 where u is *below* the chance")

# %% [markdown]
# ## 8 Digits (4 points, 15 minutes and the machine's)
#
# Everything is there. The data are handwritten digits in black and white: 8×8 pixels (mini) or 28×28 (full). The net, its
# settings and the training loop are given; what it minimises is your `nats`.

# %% given="Config, config, pixel_cnn, fit, mean_nats"

# %%
digits, held_out = (binary_digits.load(tier, split) for split in ("train", "test"))
pictures = held_out.tensors[0]
side = pictures.shape[-1]


def grid(ax, x: Tensor, title: str) -> None:
    """Pictures side by side."""
    ax.imshow(
        F.pad(x, (1, 1, 1, 1), value=0.5)[:, 0].permute(1, 0, 2).flatten(1), cmap="gray", vmin=0, vmax=1
    )
    ax.set_title(title)
    ax.axis("off")


figure, ax = plots.subplots(figsize=(8, 1.2))
grid(ax, pictures[:10], "ten digits")
plots.show(figure, "Ten handwritten digits in black and white")

# %% [markdown]
# **Predict.** A net that knows nothing takes 44.4 nats for 8×8 pixels. One that knows how often each pixel is white,
# and nothing else, takes about 25. What will yours take?

# %% trains="autoregressive"
run = Run("autoregressive", seed=0)
net = fit(pixel_cnn(tier), lambda net, x: nats(net(x), x), digits, config(tier), run)
mine = mean_nats(lambda x: nats(net(x), x), pictures, run.device)
save_artifact("autoregressive", net, tier)

# %% trains="autoregressive"
entry = record("autoregressive", tier)
print(f"independent pixels  {entry.baseline:6.2f} nats a digit")
print(f"your PixelCNN       {mine:6.2f}")
print(
    f"the reference       {entry.value:6.2f} ± {entry.std:.2f} over {len(entry.seeds)} seeds, {entry.device}"
)
u = torch.rand(10, 1, side, side, device=run.device)
drawn = sample_cached(net, u).cpu()
half = side // 2
completed = sample(net, u, pictures[:10].to(run.device), row=half).cpu()
figure, axes = plots.subplots(2, 1, figsize=(8, 2.6))
grid(axes[0], drawn, "drawn by your net")
grid(axes[1], completed, "upper half given, lower half drawn")
plots.show(
    figure,
    "Ten digits drawn by the trained net, and ten whose upper half was given and whose lower half was drawn",
)

# %% test="trained" points=4
tensors = student.artifact("autoregressive")
holds(
    "place" in tensors and "layers.0.vertical.weight" in tensors,
    "autoregressive.safetensors holds another net",
    "the tensors of PixelCNN",
    ", ".join(list(tensors)[:4]),
    "run the training cell: it saves `net`",
)
### BEGIN HIDDEN TESTS
judge("autoregressive", tensors, 4)

# %% [markdown]
# How many of the four points you get depends on the nats on digits that the net has never seen: none at independent
# pixels, all at the reference's level.
#
# Can you complete a digit whose *lower* half is given, with `sample`? Try it in your head before you try it in code. The
# chapter *Autoregressive images* takes it from there.
#
# **Hand in** this notebook and `autoregressive.safetensors`. Not marked, but worth an hour: train the nets of section 7 with `fit`,
# on your `multiscale_nats`. How many nats do the saved calls cost?
