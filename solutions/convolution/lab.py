# %% [markdown]
# A dense layer does not know that two pixels are neighbours. A convolutional layer does: each of its numbers
# looks at a small window, and all windows are judged by the same weights. You will write one such number,
# then the layer, then everything else that stands between a picture and the words "this is a 7", and let it
# read digits.
#
# The chapter *Convolution* of the book is the companion to this lab; nothing in it is needed that is not said
# here.

# %%
import math
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import mnist
from course_utils.progress import bar
from course_utils.training import record
from course_utils.widgets import turn

# %% [markdown]
# ## 1 One number (1 point, 3 minutes)
#
# A picture `x`, a **kernel** `k` of weights. Lay the kernel on a window of the picture, multiply what lies on
# top of each other, add up:
#
# $$y_{ij} = \sum_{a,b} x_{i+a,\,j+b}\; k_{ab}$$

# %%
x = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 1.0, 1.0]])
k = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
print("window at (0, 0):", x[0:2, 0:2].tolist())
print("its output:      ", 1 * 1 + 2 * 0 + 0 * 2 + 1 * -1)

# %% [markdown]
# What is the output at row 1, column 0? Work it out on paper, then write the function.

# %% solution="one_output"

# %% test="one_output_values" points=1
x = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 1.0, 1.0]])
k = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
got = student.one_output(x, k, 0, 0)
close(got, 0.0, "the output at (0, 0)", "the window's upper left corner is at row i, column j")
got = student.one_output(x, k, 1, 0)
close(got, 3.0, "the output at (1, 0)", "a sum of products; i counts rows (down), j counts columns (across)")
### BEGIN HIDDEN TESTS
x = torch.randn(6, 9)
for rows, columns, places in ((3, 2, ((0, 0), (3, 7), (2, 5), (0, 6))), (2, 4, ((4, 5), (0, 3)))):
    k = torch.randn(rows, columns)
    for i, j in places:
        expected = sum(x[i + a, j + b] * k[a, b] for a in range(rows) for b in range(columns))
        got = student.one_output(x, k, i, j)
        hint = "the window is as high and as wide as the kernel, which need not be square"
        close(got, expected, f"the output at ({i}, {j}) with a {rows}×{columns} kernel", hint)

# %% [markdown]
# ## 2 A picture (3 points, 8 minutes)
#
# Now slide: one output for each place where the *whole* kernel fits. A plain double loop will do; the fast
# form comes later, and this one will tell us whether it is right.
#
# How many rows and columns has the output for our 3×3 picture and 2×2 kernel? And for 28×28 and 3×3? Write it
# down first.

# %% solution="conv2d_loop"
# How many rows does the output have? Take zeros of that shape, then fill them one by one.

# %% test="conv2d_loop_values" points=3
x = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 1.0, 1.0]])
k = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
got = student.conv2d_loop(x, k)
expected = [[0.0, 1.0], [3.0, 2.0]]
what = "conv2d_loop of the 3×3 picture and the 2×2 kernel"
mistakes = {
    "it turns the kernel round": (
        [[4.0, 1.0], [3.0, 6.0]],
        "k[0, 0] meets the window's upper left number: networks do not flip the kernel, see the sum above",
    ),
    "it is as large as the picture": (
        [[0.0, 1.0, 0.0], [3.0, 2.0, 0.0], [0.0, 0.0, 0.0]],
        "in how many places does the whole kernel fit?",
    ),
}
close(got, expected, what, "compare with one_output(x, k, i, j) at the place that differs", mistakes=mistakes)
got = student.conv2d_loop(torch.ones(4, 7), torch.ones(2, 3))
hint = "in how many places does a kernel of 2 fit along 4? and one of 3 along 7? rows and columns differ"
close(got, torch.full((3, 5), 6.0), "conv2d_loop of a 4×7 picture of ones and a 2×3 kernel of ones", hint)
### BEGIN HIDDEN TESTS
for (h, w), (a, b) in (((6, 5), (3, 3)), ((5, 8), (1, 4)), ((4, 4), (4, 4)), ((7, 3), (2, 1))):
    x, k = torch.randn(h, w), torch.randn(a, b)
    expected = F.conv2d(x[None, None], k[None, None])[0, 0]
    hint = "the last window ends at the last row and column; the kernel need not be square"
    close(student.conv2d_loop(x, k), expected, f"conv2d_loop of a {h}×{w} picture and a {a}×{b} kernel", hint)

# %% [markdown]
# Now look at a digit through three kernels. Predict: where will the second picture be bright (positive),
# where dark?

# %%
pictures, labels = mnist.load("mini", "train").tensors
digit = F.interpolate(pictures[9:10], scale_factor=4, mode="bilinear")[0, 0]  # (32, 32), easier to see
kernels = {
    "the digit": torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]),
    "right minus left": torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]),
    "below minus above": torch.tensor([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]]),
    "mean of 9": torch.full((3, 3), 1 / 9),
}
figure, axes = plots.subplots(1, 4, figsize=(10, 2.8))
for ax, (name, kernel) in zip(axes, kernels.items()):
    y = conv2d_loop(digit, kernel)
    ax.imshow(y.numpy(), cmap="gray", vmin=-y.abs().max(), vmax=y.abs().max())
    ax.set_title(name)
    ax.axis("off")
plots.show(figure, "A digit, its vertical borders, its horizontal borders, and the digit blurred")

# %% [markdown]
# "Right minus left" answers to strokes' vertical borders: bright where ink begins (from left to right), dark
# where it ends. If yours is the other way round, the kernel is flipped. Nobody will choose kernels by hand
# from here on: they are weights, and they will be learned.
#
# ## 3 How often does it fit? (2 points, 5 minutes)
#
# Two knobs. **Stride**: move the kernel by more than one place. **Padding**: put zeros around the picture, so
# that its border is seen too. Count the rows of the drawings before you look for a formula.


# %%
def positions(n, k, stride, padding):
    """Draw every position of a kernel (#) along n places (o), with padding (.)."""
    row = "." * padding + "o" * n + "." * padding
    for start in range(0, len(row) - k + 1, stride):
        print(row[:start] + "#" * k + row[start + k :])
    print()


for case in ((5, 3, 1, 0), (5, 3, 1, 1), (7, 3, 2, 0), (6, 3, 2, 0)):
    print("n = {}, k = {}, stride {}, padding {}".format(*case))
    positions(*case)

# %% solution="output_size"

# %% test="output_size_values" points=2
equal(student.output_size(5, 3), 3, "output_size(5, 3)", "count the rows of the first drawing")
got = student.output_size(5, 3, padding=1)
equal(got, 5, "output_size(5, 3, padding=1)", "padding is added at both ends")
got = student.output_size(7, 3, stride=2)
equal(got, 3, "output_size(7, 3, stride=2)", "count the rows of the third drawing")
hint = "a position counts only if the whole kernel fits; the answer is a whole number"
equal(student.output_size(6, 3, stride=2), 2, "output_size(6, 3, stride=2)", hint)
hint = "see `Raises` in the docstring"
what = "a kernel of 3 does not fit 2 places without padding"
raises(ValueError, lambda: student.output_size(2, 3), what, hint)
### BEGIN HIDDEN TESTS
import random


cases = [  # one place; fits only padded, not even padded, just padded; places left over; the whole input
    *((1, 1, 1, 0), (2, 3, 1, 1), (4, 7, 2, 1), (5, 7, 4, 1), (10, 3, 3, 0), (17, 2, 4, 0), (6, 6, 2, 0)),
    *(
        (random.randint(1, 40), random.randint(1, 7), random.randint(1, 4), random.randint(0, 3))
        for _ in range(12)
    ),
]
for n, k, s, p in cases:
    what = f"output_size({n}, {k}, stride={s}, padding={p})"
    if n + 2 * p < k:
        hint = "the kernel does not fit"
        raises(ValueError, lambda n=n, k=k, s=s, p=p: student.output_size(n, k, s, p), what, hint)
    else:
        expected = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=p).shape[-1]
        got = student.output_size(n, k, s, p)
        equal(got, expected, what, "draw it with positions(n, k, stride, padding)")
got = student.output_size(3, 5, 1, 1)
equal(got, 1, "output_size(3, 5, padding=1)", "a kernel as large as the padded input fits once")
what = "a kernel of 9 does not fit 3 places"
raises(ValueError, lambda: student.output_size(1, 9, 3, 1), what, "whatever the stride")

# %% [markdown]
# ## 4 The layer (5 points, 20 minutes)
#
# A colour picture has three channels, so a kernel has three too: a 3×3×3 block, 27 products, one sum, **one**
# number. One kernel gives one output channel; to get many, take many kernels:
#
# $$y_{b,o,i,j} = \beta_o + \sum_{c}\sum_{a,b'} x_{b,\,c,\,si+a,\,sj+b'}\; w_{o,c,a,b'}$$
#
# The kernels of a layer are one tensor `(C_out, C_in, k_h, k_w)`. Predict: 3 channels in, 16 out, 3×3: how
# many weights?

# %%
w = torch.zeros(16, 3, 3, 3)
print(w.numel(), "weights;", w[0].numel(), "products for each output number")

# All windows of a row at once: unfold(axis, size, step) makes no copy, it only looks again.
row = torch.tensor([0, 1, 2, 3, 4])
print(row.unfold(0, 3, 1).tolist(), row.unfold(0, 3, 2).tolist())

# %% [markdown]
# Loops would do here as well, but Python would spend its day in them. Take all windows with `Tensor.unfold`,
# once for rows and once for columns, then let one `torch.einsum` multiply and add: name every axis, leave out
# of the result those that are summed.

# %% solution="conv2d"
# Pad with F.pad; unfold axis 2, then axis 3; write the shape beside each line.

# %% test="conv2d_values" points=3
ones = torch.ones(1, 2, 4, 5)
got = student.conv2d(ones, torch.ones(3, 2, 3, 3))
hint = "each output number adds 2 channels × 3 rows × 3 columns; the result is (B, C_out, H', W')"
close(got, torch.full((1, 3, 2, 3), 18.0), "conv2d of ones, 2 channels, with three 3×3 kernels of ones", hint)
got = student.conv2d(ones, torch.ones(3, 2, 3, 3), torch.tensor([0.0, 1.0, 2.0]))
expected = torch.tensor([18.0, 19.0, 20.0]).view(1, 3, 1, 1).expand(1, 3, 2, 3)
close(got, expected, "the same with biases 0, 1, 2", "one bias an output channel")
x = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 1.0, 1.0]])
k = torch.tensor([[1.0, 0.0], [2.0, -1.0]])
got = student.conv2d(x.view(1, 1, 3, 3), k.view(1, 1, 2, 2))
hint = "the same numbers as conv2d_loop(x, k): is the kernel flipped, or are rows and columns exchanged?"
close(got, [[[[0.0, 1.0], [3.0, 2.0]]]], "conv2d of the 3×3 picture of exercise 1", hint)
tensors = [torch.randn(*s, requires_grad=True) for s in ((2, 2, 5, 5), (3, 2, 3, 3), (3,))]
leaves = dict(zip(("x", "weight", "bias"), tensors))
flows(student.conv2d(*tensors), leaves, "conv2d")
### BEGIN HIDDEN TESTS
for b, i, o, h, w, kh, kw in (
    (2, 3, 4, 7, 6, 3, 2),
    (1, 1, 5, 5, 8, 1, 3),
    (3, 4, 2, 6, 6, 4, 4),
    (2, 3, 3, 4, 9, 2, 1),
):
    x, weight, bias = torch.randn(b, i, h, w), torch.randn(o, i, kh, kw), torch.randn(o)
    what = f"conv2d of {b} pictures, {i} to {o} channels, {h}×{w} pixels, {kh}×{kw} kernels"
    got = student.conv2d(x, weight)
    close(got, F.conv2d(x, weight), what, "no bias here; height and width differ", rtol=1e-3, atol=1e-4)
    got = student.conv2d(x, weight, bias)
    hint = "the bias belongs to the output channel"
    close(got, F.conv2d(x, weight, bias), what + ", with biases", hint, rtol=1e-3, atol=1e-4)
follows(student.conv2d(*tensors), leaves, F.conv2d(*tensors), "conv2d")

# %% test="conv2d_stride_padding" points=2
x = torch.arange(25.0).view(1, 1, 5, 5)
dot = torch.ones(1, 1, 1, 1)
got = student.conv2d(x, dot, stride=2)
what = "conv2d with a 1×1 kernel of one and stride 2"
close(got, x[:, :, ::2, ::2], what, "every second pixel, beginning with the first, down and across")
corner = student.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3), padding=1)
expected = [[[[4.0, 6, 6, 4], [6, 9, 9, 6], [6, 9, 9, 6], [4, 6, 6, 4]]]]
hint = "zeros on all four sides: in a corner 4 of the 9 products have a pixel under them"
close(corner, expected, "ones, a 3×3 kernel of ones, padding 1", hint)
### BEGIN HIDDEN TESTS
for h, w, kh, kw, s, p in (
    (7, 9, 3, 3, 2, 1),
    (8, 5, 2, 3, 3, 2),
    (6, 11, 5, 1, 2, 0),
    (5, 5, 3, 3, 1, 2),
    (4, 6, 3, 3, 4, 1),
):
    x, weight, bias = torch.randn(2, 3, h, w), torch.randn(4, 3, kh, kw), torch.randn(4)
    got = student.conv2d(x, weight, bias, s, p)
    what = f"conv2d of {h}×{w} pixels, {kh}×{kw} kernels, stride {s}, padding {p}"
    hint = "pad first, on all four sides; then step by `stride` along rows and columns"
    close(got, F.conv2d(x, weight, bias, s, p), what, hint, rtol=1e-3, atol=1e-4)

# %% [markdown]
# **Same as before?** The loop of exercise 2, channel by channel, must give the same numbers; and PyTorch's
# own layer too.

# %%
x, w = torch.randn(1, 3, 24, 24), torch.randn(2, 3, 3, 3)
start = time.perf_counter()
slow = torch.stack([sum(conv2d_loop(x[0, c], w[o, c]) for c in range(3)) for o in range(2)])[None]
middle = time.perf_counter()
fast = conv2d(x, w)
end = time.perf_counter()
print("largest difference to the loop:   ", (slow - fast).abs().max().item())
print("largest difference to PyTorch's:  ", (F.conv2d(x, w) - fast).abs().max().item())
print(f"loop {1e3 * (middle - start):.0f} ms, vectorised {1e3 * (end - middle):.1f} ms")

# %% [markdown]
# **Play with it.** Below stands *your* `conv2d` with a kernel that answers to borders of one direction. Before you turn
# it: which strokes of the 5 will shine at 0 degrees, which at 90? What becomes of the picture's
# border as `padding` grows, and what does `stride` cost?

# %%
across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def filtered(angle=0, stride=1, padding=0):
    """The digit through a kernel turned by `angle` degrees, as your `conv2d` sees it."""
    turned = math.radians(angle)
    kernel = math.cos(turned) * across + math.sin(turned) * across.T
    y = conv2d(digit[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0].detach()
    figure, axes = plots.subplots(1, 3, figsize=(8, 3.0))
    shown = (digit, "the digit"), (kernel, "kernel"), (y, f"{y.shape[0]} × {y.shape[1]}")
    for ax, (picture, name) in zip(axes, shown):
        most = float(picture.abs().max())
        ax.imshow(picture.numpy(), cmap="gray", vmin=-most, vmax=most)
        ax.set_title(name)
        ax.axis("off")
    return plots.show(figure, f"The digit, a kernel turned by {angle} degrees, and what conv2d makes of them")


turn(
    filtered,
    "Turn the kernel: a border lights up where the kernel's dark-to-bright direction crosses it, and goes out along it.",
    angle=(0, 345, 15),
    stride=(1, 4, 1),
    padding=(0, 6, 1),
)

# %% [markdown]
# Differences of about 0.00001 to PyTorch's own layer are another order of adding, no error. From here on `F.conv2d` and `nn.Conv2d`,
# which do the same and are quicker still, may stand for yours.
#
# One property comes free with sharing. Shift the picture, then convolve; or convolve, then shift: predict the
# third picture below.

# %%
picture = F.pad(digit, (8, 8, 8, 8))[None, None]  # room to move
edges = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).view(1, 1, 3, 3)
one = conv2d(picture.roll((5, 6), dims=(2, 3)), edges)
other = conv2d(picture, edges).roll((5, 6), dims=(2, 3))
figure, axes = plots.subplots(1, 3, figsize=(8, 3.0))
for ax, y, name in zip(axes, (one, other, one - other), ("shift, convolve", "convolve, shift", "difference")):
    ax.imshow(y[0, 0].numpy(), cmap="gray", vmin=-4, vmax=4)
    ax.set_title(name)
    ax.axis("off")
plots.show(figure, "A digit moved and then filtered, filtered and then moved, and the difference of the two")

# %% [markdown]
# ## 5 What sharing saves (2 points, 6 minutes)
#
# Three layers between the same input and output: **dense** (all see all), **locally connected** (each number
# its own window, with weights of its own), **convolutional** (the same windows, shared weights). For 28×28
# pixels, 1 channel in, 16 out, 3×3 windows: guess the three numbers of parameters to within a factor of ten.

# %% solution="parameter_counts"

# %% test="parameter_counts_values" points=2
got = student.parameter_counts(3, 1, 1, 2)
what = "parameter_counts does not give three numbers"
expected = "(dense, local, shared)"
hint = "return dense, local, shared"
holds(len(got) == 3 if isinstance(got, tuple | list) else shape_of(got) == (3,), what, expected, got, hint)
hints = (
    "3×3 = 9 numbers in, 2×2 = 4 numbers out: 4 neurons, each with 9 weights and a bias",
    "2×2 = 4 places, each with a 2×2 kernel of its own and a bias of its own",
    "one 2×2 kernel and one bias for all places",
)
for name, one, other, hint in zip(("dense", "local", "shared"), got, (40, 20, 5), hints):
    equal(one, other, f"{name} for a 3×3 input, 1 channel to 1, 2×2 windows", hint)
### BEGIN HIDDEN TESTS
for side, c_in, c_out, k in ((5, 2, 3, 3), (6, 3, 4, 2), (4, 3, 2, 4), (7, 1, 5, 1)):
    s = side - k + 1
    count = [
        sum(p.numel() for p in layer.parameters())
        for layer in (
            nn.Linear(c_in * side**2, c_out * s**2),
            nn.Linear(c_in * k**2, c_out),
            nn.Conv2d(c_in, c_out, k),
        )
    ]
    count[1] *= s**2
    case = f"a {side}×{side} input, {c_in} to {c_out} channels, {k}×{k} windows"
    for name, one, other in zip(
        ("dense", "local", "shared"), student.parameter_counts(side, c_in, c_out, k), count
    ):
        hint = "inputs: all channels of what a number sees; biases: one a number, or one a channel where places share"
        equal(one, other, f"{name} for {case}", hint)

# %%
for name, count in zip(("dense", "locally connected", "shared"), parameter_counts(28, 1, 16, 3)):
    print(f"{name:>18}: {count:>10,}")

# %% [markdown]
# ## 6 Pooling (3 points, 8 minutes)
#
# Whether an edge is here or one pixel further does not matter for reading a 7. **Max pooling** keeps the
# largest number of each tile and forgets where in the tile it was; the picture shrinks.

# %% solution="max_pool2d"
# The windows of exercise 4 again, with which stride?

# %% test="max_pool2d_values" points=3
x = torch.tensor([[1.0, 2, 0, 1], [3, 0, 5, 1], [0, 0, -2, -1], [0, 4, -3, -4]]).view(1, 1, 4, 4)
got = student.max_pool2d(x, 2)
hint = "2×2 tiles side by side, not overlapping; the largest of -2, -1, -3, -4 is -1, not 0"
mistakes = {
    "it takes the mean": ([[[[1.0, 1.75], [1.0, -2.5]]]], "the largest number of each tile"),
    "a zero beats the negative numbers": (
        [[[[3.0, 5.0], [4.0, 0.0]]]],
        "with what do you begin, or pad, before you compare?",
    ),
}
close(got, [[[[3.0, 5.0], [4.0, -1.0]]]], "max_pool2d of the 4×4 picture", hint, mistakes=mistakes)
got = student.max_pool2d(torch.ones(2, 3, 5, 7), 2)
hint = "a row or column that fills no whole tile is left out; batch and channels stay"
close(got, torch.ones(2, 3, 2, 3), "max_pool2d of 5×7 pixels, size 2", hint)
x = torch.randn(2, 3, 4, 4, requires_grad=True)
flows(student.max_pool2d(x, 2), {"x": x}, "max_pool2d")
### BEGIN HIDDEN TESTS
for shape, size in (
    ((2, 3, 6, 8), 2),
    ((1, 2, 9, 6), 3),
    ((2, 1, 7, 5), 2),
    ((1, 4, 5, 5), 1),
    ((2, 2, 11, 8), 4),
):
    x = torch.randn(*shape) - 1
    got = student.max_pool2d(x, size)
    hint = "tiles of size × size, side by side, from the upper left; each channel for itself"
    close(got, F.max_pool2d(x, size), f"max_pool2d of {tuple(shape)}, size {size}", hint)
x = torch.randn(2, 3, 7, 6, requires_grad=True)
follows(student.max_pool2d(x, 3), {"x": x}, F.max_pool2d(x, 3), "max_pool2d")

# %% [markdown]
# ## 7 Receptive field (3 points, 8 minutes)
#
# How much of the picture does a number deep in the network see? Two 3×3 layers: the second sees 3×3 numbers
# of the first, and each of those 3×3 pixels. Draw it: how wide is the union? And if a 2×2 pooling comes
# first?
#
# Keep two numbers as you walk through the layers: the width seen so far, and how many *pixels* one step of
# this layer is.

# %% solution="receptive_field"

# %% test="receptive_field_values" points=3
equal(student.receptive_field([]), 1, "receptive_field([])", "without layers a number sees its own pixel")
equal(student.receptive_field([(3, 1)]), 3, "receptive_field([(3, 1)])", "one 3×3 layer")
hint = "windows of neighbours overlap: draw two rows of dots and count"
equal(student.receptive_field([(3, 1), (3, 1)]), 5, "receptive_field([(3, 1), (3, 1)])", hint)
got = student.receptive_field([(2, 2), (3, 1)])
equal(got, 6, "receptive_field([(2, 2), (3, 1)])", "behind a stride of 2 one step is 2 pixels")
hint = "a layer's stride widens the steps of the layers behind it, not its own"
equal(student.receptive_field([(3, 1), (2, 2)]), 4, "receptive_field([(3, 1), (2, 2)])", hint)
### BEGIN HIDDEN TESTS
import random


drawn = [
    [(random.randint(1, 4), random.randint(1, 3)) for _ in range(random.randint(2, 4))] for _ in range(8)
]
for layers in [[(3, 2), (2, 2), (3, 1)], [(2, 3), (3, 2), (2, 1), (4, 1)], *drawn]:
    x = torch.zeros(1, 1, 200, requires_grad=True)
    y = x
    for k, s in layers:
        y = F.conv1d(y, torch.ones(1, 1, k), stride=s)
    seen = torch.autograd.grad(y[0, 0, 0], x)[0].nonzero()[:, -1]
    got = student.receptive_field(layers)
    hint = "multiply the strides before a layer, all of them; then add (kernel - 1) of such steps"
    equal(got, int(seen.max() - seen.min()) + 1, f"receptive_field({layers})", hint)

# %% [markdown]
# Do the pixels agree? The gradient of one output number with respect to the picture is zero wherever it sees
# nothing. The bright square's side should be your number.

# %%
stacks = {"one 5×5": [(5, 1)], "two 3×3": [(3, 1)] * 2, "3×3, pool, 3×3": [(3, 1), (2, 2), (3, 1)]}
figure, axes = plots.subplots(1, 3, figsize=(8, 2.8))
for ax, (name, layers) in zip(axes, stacks.items()):
    x = torch.zeros(1, 1, 13, 13, requires_grad=True)
    y = F.pad(x, (1, 1, 1, 1)) if name.startswith("one") else x
    for k, s in layers:
        y = F.conv2d(y, torch.ones(1, 1, k, k), stride=s)
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()
    ax.imshow((x.grad[0, 0] > 0).numpy(), cmap="gray")
    ax.set_title(f"{name}: {receptive_field(layers)}")
    ax.axis("off")
print(f"weights, 32 channels to 32: one 5×5 {25 * 32 * 32:,}, two 3×3 {2 * 9 * 32 * 32:,}")
plots.show(figure, "The pixels that one number depends on, for three stacks of layers: white on black")

# %% [markdown]
# Two 3×3 layers see what one 5×5 sees, with 28 % fewer weights, and with a ReLU more between. That is why
# nets since 2014 are built of 3×3.
#
# ## 8 From scores to probabilities (2 points, 5 minutes)
#
# The last dense layer gives ten scores. Softmax makes them positive and lets them add up to 1: $p_k = e^{z_k}
# / \sum_c e^{z_c}$. In the machine `exp(1000)` is infinite. What happens to $p$ if the same number is taken
# off every score? Try it on paper with two scores; it is the way out.

# %% solution="softmax"
# Which number can be taken off the scores so that no exponent is above 0? `keepdim=True` keeps shapes fitting.

# %% test="softmax_values" points=2
got = student.softmax(torch.tensor([0.0, 0.0]))
close(got, [0.5, 0.5], "softmax of two equal scores", "do the results add up to 1?")
got = student.softmax(torch.tensor([[0.0, 0.0], [0.0, 1.0986123]]))
what = "softmax of the rows [0, 0] and [0, log 3]"
mistakes = {
    "its columns add up to 1": (
        [[0.5, 0.25], [0.5, 0.75]],
        "each row holds the scores of one picture: along which axis do you add?",
    ),
    "all four add up to 1": (torch.tensor([[1.0, 1.0], [1.0, 3.0]]) / 6, "each row for itself"),
    "it is not divided by the sum": ([[1.0, 1.0], [1 / 3, 1.0]], "rows must add up to 1"),
}
close(got, [[0.5, 0.5], [0.25, 0.75]], what, "along the last axis: each row adds up to 1", mistakes=mistakes)
got = student.softmax(torch.tensor([1000.0, 0.0]))
close(got, [1.0, 0.0], "softmax of [1000, 0]", "exp(1000) overflows: take something off all scores first")
### BEGIN HIDDEN TESTS
for shape in ((7,), (3, 5), (4, 4), (2, 3, 6)):
    z = 3 * torch.randn(*shape)
    got = student.softmax(z)
    close(got, torch.softmax(z, -1), f"softmax of scores {tuple(shape)}", "along the last axis")
    got = student.softmax(z + 500)
    hint = "the same number added to all scores changes nothing"
    close(got, torch.softmax(z + 500, -1), f"softmax of scores around 500, {tuple(shape)}", hint, rtol=1e-3)
got = student.softmax(torch.full((2, 4), -2000.0))
what = "softmax of equal scores of -2000"
close(got, torch.full((2, 4), 0.25), what, "0 / 0: take off the largest score, not a fixed number")
got = student.softmax(torch.tensor([[900.0, 900.0], [-900.0, -900.0]]))
what = "softmax of the rows [900, 900] and [-900, -900]"
close(got, torch.full((2, 2), 0.5), what, "each row needs its own largest score")

# %% [markdown]
# ## 9 Dropout and its two phases (3 points, 8 minutes)
#
# While **training**, each number is set to 0 with probability $p$, so that no neuron can rely on one other.
# In **production** nothing is dropped. If you only drop, the next layer meets larger sums in production than
# it was trained on: by which factor, for $p = 0.5$? Mend it in the training phase, so that production has
# nothing to do.

# %% solution="dropout"

# %% test="dropout_phases" points=3
x = torch.rand(40, 50) + 1
got = student.dropout(x, 0.5, training=False)
equal(got, x, "dropout in production (training=False)", "nothing is dropped or scaled there")
y = shaped(
    student.dropout(torch.ones(300, 300), 0.2),
    (300, 300),
    "dropout of 300×300 numbers",
    "dropped numbers become 0, they are not taken out",
)
zero = (y == 0).double()
for axis, name in ((0, "column"), (1, "row")):
    holds(
        bool((zero.mean(axis) - zero.mean()).abs().max() < 0.2),
        f"the numbers of a {name} share one fate",
        "every number has a draw of its own",
        f"some {name}s are dropped or kept as one",
        "the draw has the shape of x",
    )
dropped = zero.mean().item()
holds(
    abs(dropped - 0.2) < 0.02,
    "the share of dropped numbers for p = 0.2",
    "about 0.2",
    f"{dropped:.3f}",
    "p is the probability to be dropped",
    mistakes={
        "they are the kept ones": (abs(dropped - 0.8) < 0.02, "p is the probability to be dropped, not kept")
    },
)
mean = y.double().mean().item()
holds(
    abs(mean - 1) < 0.02,
    "the mean over a picture of ones after dropout, p = 0.2",
    "about 1",
    f"{mean:.3f}",
    "those kept must make up for those dropped: by which factor?",
    mistakes={
        "those kept stay as they are": (
            abs(mean - 0.8) < 0.02,
            "the next layer's sums are smaller than in production",
        ),
        "those kept are divided by p": (abs(mean - 4) < 0.2, "which share of the numbers is left?"),
    },
)
x = torch.randn(20, 30, requires_grad=True)
flows(student.dropout(x, 0.5), {"x": x}, "dropout while training")
flows(student.dropout(x, 0.5, False), {"x": x}, "dropout in production")
### BEGIN HIDDEN TESTS
for p in (0.0, 0.1, 0.5, 0.75):
    x = torch.rand(60, 4, 250) + 0.5
    y = student.dropout(x, p, True)
    hint = "each is either 0 or its own value, scaled by the same factor"
    close(y, torch.where(y == 0, torch.zeros(()), x / (1 - p)), f"the numbers kept, p = {p}", hint)
    share = (y == 0).double().mean().item()
    what = f"the share of dropped numbers for p = {p}"
    holds(abs(share - p) < 0.02, what, f"about {p}", f"{share:.3f}", "p is the probability to be dropped")
holds(
    not torch.equal(
        *(shaped(student.dropout(torch.ones(200, 300), 0.5), (200, 300), "dropout") for _ in range(2))
    ),
    "two calls drop the same numbers",
    "a new draw at every call",
    "the same",
    "is a seed set, or a draw kept, inside?",
)
counts = {int((shaped(student.dropout(torch.ones(12), 0.5), (12,), "dropout") == 0).sum()) for _ in range(15)}
what = "dropout of 12 numbers, 15 times: how many are dropped"
hint = "each number has a draw of its own, whatever the others' is"
holds(len(counts) > 1, what, "now more, now fewer", f"always {min(counts)}", hint)
x = torch.randn(40, 30, requires_grad=True)
follows(student.dropout(x, 0.5, False), {"x": x}, x, "dropout in production")
y = student.dropout(x, 0.5)
follows(y, {"x": x}, x * (y != 0) * 2, "dropout while training")

# %% [markdown]
# ## 10 The net (3 points, 10 minutes)
#
# All parts are there: stages of two 3×3 convolutions (padding 1: the size stays) with ReLU and a pooling,
# then dropout and a dense layer. The layers are given; write how a picture passes through them. Use your own
# functions or PyTorch's (`F.relu`, `F.max_pool2d`), but *your* dropout, and mind its phase.

# %% solution="ConvNet" keep="__init__"
# x.flatten(1) lays the numbers of each picture in one row.

# %% test="ConvNet_forward" points=3
net = student.ConvNet(8)
net.eval()
x = torch.rand(5, 1, 8, 8)
y = shaped(
    net(x),
    (5, 10),
    "the scores of 5 pictures",
    "follow the shape through the stages: print it behind each line",
)
what = "the scores in production, asked twice"
equal(net(x), y, what, "net.eval() sets self.training to False: does dropout know?")
what = "forward gives scores, not probabilities"
hint = "the loss works on scores"
holds(bool((y.sum(1) - 1).abs().max() > 1e-3), what, "no softmax", "rows that add up to 1", hint)
net.train()
what = "in training two passes over the same pictures give the same scores"
hint = "is dropout there, and does it know the phase?"
holds(not torch.equal(net(x), net(x)), what, "different ones", "the same", hint)
flows(net(x), dict(net.named_parameters()), "the scores")
### BEGIN HIDDEN TESTS
for side, widths in ((8, (16, 32)), (12, (3, 5)), (28, (4,)), (10, (2, 3))):
    net, model = student.ConvNet(side, widths, 0.0), reference.ConvNet(side, widths, 0.0)
    model.load_state_dict(net.state_dict())
    x = torch.randn(3, 1, side, side, requires_grad=True)
    what = f"the scores for {side}×{side} pixels, stages of {widths} channels, no dropout"
    hint = "first, ReLU, second, ReLU, pooling; for every stage, in order"
    y, expected = net(x), model(x)
    close(y, expected, what, hint, rtol=1e-3, atol=1e-4)
    parameters, theirs = ({"x": x, **dict(m.named_parameters())} for m in (net, model))
    follows(y, parameters, expected, "the scores", others=theirs)
net = student.ConvNet(8, (4,), 1 - 1e-12)
x = torch.rand(4, 1, 8, 8)
net.train()
expected = net.state_dict()["dense.bias"].expand(4, 10)
hint = "dropout stands directly before the dense layer: then only that layer's biases are left"
close(net(x), expected, "the scores when (almost) everything is dropped", hint)
# What reaches the dense layer, read through weights that pass on one number for each score.
net, p = student.ConvNet(8, (5, 4), 0.25), 0.25
tensors = net.state_dict()
tensors["dense.weight"] = torch.eye(10, tensors["dense.weight"].shape[1])
tensors["dense.bias"] = torch.zeros(10)
tensors["second.1.bias"] = torch.full((4,), 3.0)  # no zeros but those that dropout makes
net.load_state_dict(tensors)
x = torch.rand(400, 1, 8, 8)
net.eval()
all_of_it = net(x)
net.train()
y = shaped(net(x), (400, 10), "the scores of 400 pictures")
expected = torch.where(y == 0, 0.0, all_of_it / (1 - p))
hint = "each number of a picture's row is dropped or kept, once, directly before the dense layer: not between stages"
close(y, expected, "what is left of the last stage's numbers in training", hint, rtol=1e-3, atol=1e-4)
dropped = (y == 0) & (all_of_it != 0)
share = dropped.double().mean().item()
what = f"the share of dropped numbers for p = {p}"
holds(abs(share - p) < 0.07, what, f"about {p}", f"{share:.3f}", "self.p")
for axis, said in ((0, "of two pictures"), (1, "side by side in a picture")):
    holds(
        (dropped == dropped.roll(1, axis)).double().mean() < 0.75,
        f"the numbers {said} are dropped or kept together",
        "each number has a draw of its own",
        "they share their fate",
        "does the draw have the shape of the rows, (B, numbers)?",
    )

# %% [markdown]
# ## 11 Hello, world (3 points, 10 minutes)
#
# Handwritten digits, the "hello world" of deep learning: 8×8 pixels at the mini tier, MNIST's 28×28 at the
# full one. Against your net stands a dense net with as many parameters, trained in the same way. Predict who
# wins, and by how much, before you run it.

# %%
train_set, test_set = mnist.load(tier, "train").tensors, mnist.load(tier, "test").tensors
side, device = train_set[0].shape[-1], "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
net = ConvNet(side)
parameters = sum(p.numel() for p in net.parameters())
hidden = parameters // (side * side + 11)
dense = nn.Sequential(nn.Flatten(), nn.Linear(side * side, hidden), nn.ReLU(), nn.Linear(hidden, 10))
print(
    f"{parameters:,} parameters; the dense net: {sum(p.numel() for p in dense.parameters()):,}, {hidden} hidden neurons"
)


def fit(net, epochs, batch=64, rate=4e-3):
    """Train `net` on the training pictures, in place; returns the loss at every step."""
    net.to(device).train()
    x, y = train_set[0].to(device), train_set[1].to(device)
    steps = epochs * (len(x) // batch)
    optimizer = torch.optim.AdamW(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)  # slow, fast, slow
    losses = []
    with bar(steps, "training", "step") as progress:
        for _ in range(epochs):
            for rows in torch.randperm(len(x), device=device).split(batch)[: steps // epochs]:
                loss = F.cross_entropy(net(x[rows]), y[rows])  # softmax and -log p of the right digit in one
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.detach())
                progress.update()
    return torch.stack(losses).cpu()


@torch.no_grad()
def accuracy(net, shift=0):
    """Share of the test digits that are read right, all of them moved to the right by `shift` pixels."""
    net.to(device).eval()  # production: nothing is dropped
    x = F.pad(test_set[0], (shift, 0))[..., :side]
    scores = torch.cat([net(part.to(device)) for part in x.split(1000)])
    return (scores.argmax(1).cpu() == test_set[1]).float().mean().item()


# %% trains="convolution"
epochs = 20 if tier == "mini" else 8
curves = {"dense": fit(dense, epochs), "convolutional": fit(net, epochs)}
save_artifact("convolution", net, tier)
figure, ax = plots.subplots()
for name, losses in curves.items():
    smooth = losses.unfold(0, 20, 20).mean(1)
    ax.semilogy(range(0, 20 * len(smooth), 20), smooth.numpy(), label=name)
ax.set(xlabel="step", ylabel="training loss (nats)")
ax.legend()
plots.show(figure, "The training loss of the dense and of the convolutional net over the steps")

# %% trains="convolution"
entry = record("convolution", tier)
print(f"linear classifier     {entry.baseline:.2%}")
print(f"your dense net        {accuracy(dense):.2%}")
print(f"your convolutional net {accuracy(net):.2%}")
print(
    f"the reference         {entry.value:.2%} ± {entry.std:.2%} over {len(entry.seeds)} seeds, {entry.device}"
)
for shift in range(4 if tier == "full" else 3):
    print(
        f"moved by {shift} pixels: dense {accuracy(dense, shift):.1%}, convolutional {accuracy(net, shift):.1%}"
    )

# %% test="trained" points=3
tensors = student.artifact("convolution")
what = "convolution.safetensors holds another net"
got = ", ".join(list(tensors)[:4])
hint = "run the training cell: it saves `net`"
holds("dense.weight" in tensors and "first.0.weight" in tensors, what, "the tensors of ConvNet", got, hint)
### BEGIN HIDDEN TESTS
judge("convolution", tensors, 3)

# %% [markdown]
# The check above looks at the file; how many of its points you get depends on how well your net reads digits
# that it has never seen: none at the linear classifier, all at the reference's level. You may train longer,
# or otherwise; only the layers and their widths must stay, so that the file fits `ConvNet(side)`.
#
# **Hand in** this notebook and `convolution.safetensors`. On the full tier the reference also turns, shifts
# and scales its training digits at random and averages its weights over the last steps: a good afternoon's
# work to try.
