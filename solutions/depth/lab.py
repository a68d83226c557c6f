# %%
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import cifar10, figures, shapes
from course_utils.training import Run, record

Layer = tuple[int, int, int, int]  # output channels (0: a pooling), kernel, stride, padding

# %% [markdown]
# You will count what layers cost, build the blocks that made deep nets possible, colour pictures pixel by pixel, make
# a net blind to rotations, and see twenty layers with and without a way around them.
#
# Shapes: B pictures, C channels, H × W pixels.
#
# ## 1 What a layer costs (7 points, 15 minutes)
#
# A 3×3 convolution makes 8 channels out of 3, on 10×10 places. On paper: how many weights has one of its 8 kernels?
# How many multiplications make *one* output number? How many output numbers are there? Then run.

# %%
layer = nn.Conv2d(3, 8, 3, padding=1)
y = layer(torch.randn(1, 3, 10, 10))
print(tuple(layer.weight.shape), tuple(layer.bias.shape), tuple(y.shape), y.numel())

# %% solution="conv_cost"
# Count the weights first: the multiplications are these, at every place.

# %% test="conv_cost_values" points=2
from course_utils.checks import equal, student, unlike

got = student.conv_cost(3, 8, 3, 10)
unlike(got, (216, 21600), "conv_cost leaves out the biases", "one for each output channel")
unlike(got, (219, 21600), "conv_cost counts a bias for each input channel", "how long is layer.bias above?")
unlike(got, (224, 22400), "conv_cost multiplies by the biases", "a bias is added")
unlike(got, (224, 216), "conv_cost multiplies at one place only", "how many output numbers are there?")
unlike(got, (224, 2160), "conv_cost counts one row of places", "`side` rows of `side` places")
unlike(
    got, (80, 7200), "conv_cost forgets that a kernel spans all input channels", "print layer.weight.shape"
)
unlike(got, (32, 2400), "conv_cost takes a kernel for a row", "a kernel has `kernel` rows and columns")
equal(got, (224, 21600), "conv_cost(3, 8, 3, 10)", "your three numbers on paper")
### BEGIN HIDDEN TESTS
from torch import nn

for c_in, c_out, kernel, side in ((1, 1, 1, 1), (5, 2, 3, 7), (4, 9, 5, 12), (64, 128, 1, 56)):
    parameters = sum(p.numel() for p in nn.Conv2d(c_in, c_out, kernel).parameters())
    equal(
        student.conv_cost(c_in, c_out, kernel, side),
        (parameters, (parameters - c_out) * side * side),
        f"conv_cost({c_in}, {c_out}, {kernel}, {side})",
        "as PyTorch counts",
    )
### END HIDDEN TESTS

# %% [markdown]
# A net is a list of layers `(c_out, kernel, stride, padding)`; `c_out = 0` stands for a pooling. Follow one through:
# the channels, the side, the cost, and how much of the picture a number sees. (A kernel widens the view by kernel − 1
# *steps*; a step is as many pixels as the strides before it multiply to. You know this from the lab on convolution.)

# %% solution="profile"
# Carry four things from layer to layer: channels, side, field, step.

# %% test="profile_sizes" points=2
from course_utils.checks import equal, holds, student, unlike


def numbers(row):
    """How many plain numbers stand in a row; none in what is no row, and none in a pair within it."""
    if not hasattr(row, "__len__") or isinstance(row, dict | str):
        return 0
    return sum(not isinstance(item, list | tuple | dict | None) for item in row)


rows = student.profile([(8, 3, 1, 1), (0, 2, 2, 0), (4, 5, 2, 0)], 3, 10)
holds(
    isinstance(rows, list | tuple) and [numbers(row) for row in rows] == [5] * 3,
    "profile gives something else than a row of five numbers for each of three layers",
    "[(channels, side, parameters, multiplications, field), …]",
    rows,
    "a row of the docstring's example, number by number",
)
sizes = [(row[0], row[1]) for row in rows]
unlike(
    sizes,
    [(8, 10), (0, 5), (4, 1)],
    "profile lets a pooling end with no channels",
    "0 only marks it; it keeps its input's channels",
)
equal(
    sizes,
    [(8, 10), (8, 5), (4, 1)],
    "channels and sides after a convolution, a pooling and a convolution of stride 2",
    "how often does the kernel fit along the padded side, in steps of `stride`?",
)
### BEGIN HIDDEN TESTS
import torch
from torch import nn

for layers in (
    [(6, 5, 1, 0), (0, 2, 2, 0), (16, 5, 1, 0), (0, 3, 2, 0)],
    [(4, 7, 3, 3), (0, 3, 2, 1), (5, 1, 1, 0)],
):
    x, expected = torch.zeros(1, 2, 47, 47), []
    for c_out, kernel, stride, padding in layers:
        part = (
            nn.Conv2d(x.shape[1], c_out, kernel, stride, padding)
            if c_out
            else nn.MaxPool2d(kernel, stride, padding)
        )
        x = part(x)
        expected.append((x.shape[1], x.shape[2]))
    got = [(row[0], row[1]) for row in student.profile(layers, 2, 47)]
    equal(got, expected, f"channels and sides of {layers} on 47 × 47", "as PyTorch's layers; no half steps")
### END HIDDEN TESTS

# %% test="profile_costs" points=3
from course_utils.checks import equal, holds, student, unlike


def numbers(row):
    """How many plain numbers stand in a row; none in what is no row, and none in a pair within it."""
    if not hasattr(row, "__len__") or isinstance(row, dict | str):
        return 0
    return sum(not isinstance(item, list | tuple | dict | None) for item in row)


rows = student.profile([(8, 3, 1, 1), (0, 2, 2, 0), (4, 5, 2, 0), (2, 1, 1, 0)], 3, 10)
holds(
    isinstance(rows, list | tuple) and [numbers(row) for row in rows] == [5] * 4,
    "profile gives something else than a row of five numbers for each of four layers",
    "[(channels, side, parameters, multiplications, field), …]",
    rows,
    "a row of the docstring's example, number by number",
)
costs, fields = [(row[2], row[3]) for row in rows], [row[4] for row in rows]
unlike([row[2] for row in rows], [3, 4, 12, 12], "the field stands before the cost", "the docstring's order")
unlike(costs[2], (804, 20000), "profile counts multiplications on the layer's input", "on its output's side")
unlike(
    costs[2], (304, 300), "profile uses the picture's channels in every layer", "what does layer 2 take in?"
)
equal(costs[1], (0, 0), "the cost of a pooling", "it has no weights and multiplies nothing")
equal(
    costs,
    [(224, 21600), (0, 0), (804, 800), (10, 8)],
    "parameters and multiplications",
    "conv_cost, with which side?",
)
unlike(
    fields,
    [3, 4, 8, 8],
    "the receptive field forgets strides",
    "how far apart are two neighbours after the pooling?",
)
unlike(
    fields,
    [3, 5, 21, 21],
    "a layer's own stride widens its own view",
    "its stride counts for the layers *behind* it",
)
unlike(
    fields, [3, 2, 5, 1], "the receptive field is the kernel", "the layer before has seen something already"
)
equal(
    fields,
    [3, 4, 12, 12],
    "the receptive fields",
    "kernel − 1 steps more; a step is the product of the strides before",
)
### BEGIN HIDDEN TESTS
import torch
from solutions.depth import reference

for _ in range(5):
    layers = [
        (
            int(torch.randint(1, 9, ())) * int(torch.rand(()) < 0.7),
            *(int(torch.randint(1, 4, ())) for _ in range(2)),
            1,
        )
        for _ in range(5)
    ]
    equal(
        student.profile(layers, 3, 200),
        reference.profile(layers, 3, 200),
        f"profile of {layers} on 3 × 200 × 200",
        "layer by layer",
    )
### END HIDDEN TESTS

# %% [markdown]
# Now read some history with it. **Predict**: does AlexNet's first layer (11×11, 96 kernels, stride 4) cost more than
# VGG's *second* (3×3, 64 to 64 channels)? Where do most of VGG's multiplications happen, early or late?

# %%
vgg = [
    layer
    for c, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    for layer in [(c, 3, 1, 1)] * times + [(0, 2, 2, 0)]
]
for name, layers in {"AlexNet's first layer": [(96, 11, 4, 2)], "the convolutions of VGG-16": vgg}.items():
    print(name)
    for c, side, parameters, products, field in profile(layers, 3, 224):
        cost = f"{parameters:10,} parameters {products / 1e6:8.1f} M products"
        print(f"  {c:4} × {side:3} × {side:3} {cost}, sees {field:3} pixels")

# %% [markdown]
# ## 2 A way around (6 points, 15 minutes)
#
# Take a deep net that works and put more layers on top. It cannot get worse: the new layers could just hand on what
# they get. In practice it did get worse, even on the training pictures: *handing on* is hard to learn for a stack of
# convolutions and ReLUs. He and others (2015) gave it for nothing:
#
# $$\mathbf{y} = \mathrm{relu}(\mathbf{x} + F(\mathbf{x})).$$
#
# With $F = 0$ the block hands on. In numbers: $F$ gives −1 for every input. What do four plain layers
# $x \leftarrow \mathrm{relu}(F(x))$ make of 5? And four residual ones?

# %%
plain = residual = torch.tensor(5.0)
for _ in range(4):
    plain, residual = F.relu(torch.tensor(-1.0)), F.relu(residual - 1.0)
plain, residual

# %% [markdown]
# **x** and $F(\mathbf{x})$ can only be added if they have the same shape. Where a block changes channels or size, the
# way around becomes a *projection*: a 1×1 convolution with the same stride.

# %% solution="ResidualBlock"
# Build the layers in __init__, under the names of the docstring; use them in forward.

# %% test="residual_layers" points=3
import torch
from course_utils.checks import equal, holds, student


def layers(*arguments):
    """The layers of a block, each named once."""
    return sorted({name.rpartition(".")[0] for name in student.ResidualBlock(*arguments).state_dict()})


inside, projection = ["conv1", "conv2", "norm1", "norm2"], ["shortcut.0", "shortcut.1"]
biased = [
    name
    for name in student.ResidualBlock(4, 6).state_dict()
    if name.endswith(("conv1.bias", "conv2.bias", "t.0.bias"))
]
equal(
    biased,
    [],
    "the list of convolutions' biases",
    "normalisation takes off the mean, and with it any bias: bias=False",
)
equal(layers(4, 4), inside, "the list of layers of ResidualBlock(4, 4)", "an empty nn.Sequential has none")
equal(
    layers(4, 6),
    inside + projection,
    "the list of layers of ResidualBlock(4, 6)",
    "other channels: x needs a projection (1×1 convolution, then normalisation) before it can be added",
)
equal(
    layers(4, 4, 2),
    inside + projection,
    "the list of layers of ResidualBlock(4, 4, stride=2)",
    "the same channels, but half the size: can x be added as it is?",
)
shapes = {
    name: tuple(t.shape) for name, t in student.ResidualBlock(4, 6, 2).state_dict().items() if t.ndim == 4
}
equal(
    shapes,
    {"conv1.weight": (6, 4, 3, 3), "conv2.weight": (6, 6, 3, 3), "shortcut.0.weight": (6, 4, 1, 1)},
    "the kernels of ResidualBlock(4, 6, stride=2)",
    "which of them sees 4 channels, which 6?",
)
for stride, side in ((1, 9), (2, 5), (3, 3)):
    block = student.ResidualBlock(4, 6, stride)
    got = block(torch.randn(2, 4, 9, 9))
    holds(
        hasattr(got, "shape"),
        "forward gives no tensor",
        "a tensor",
        type(got).__name__,
        "does it `return` one?",
    )
    equal(
        tuple(got.shape),
        (2, 6, side, side),
        f"the shape for 9 × 9 pixels and stride {stride}",
        "one convolution has the stride",
    )
### BEGIN HIDDEN TESTS
equal(
    layers(4, 6, 2, False),
    inside,
    "the list of layers of a plain block, residual=False",
    "no shortcut at all",
)
equal(
    layers(3, 3, 3),
    inside + projection,
    "the list of layers of a block with stride 3",
    "any stride but 1 needs a projection",
)
block = student.ResidualBlock(2, 2)
block(5 + torch.randn(4, 2, 6, 6))
holds(
    all((block.state_dict()[f"norm{i}.running_mean"] != 0).any() for i in (1, 2)),
    "a normalisation is not used in training mode",
    "both see numbers",
)
### END HIDDEN TESTS

# %% test="residual_values" points=3
import torch
import torch.nn.functional as F
from course_utils.checks import close, equal, holds, student, unlike


def filled(*arguments):
    """A block whose tensors are all random, and these tensors."""
    block = student.ResidualBlock(*arguments)
    tensors = {
        k: torch.rand(v.shape) + 0.1 if v.is_floating_point() else v for k, v in block.state_dict().items()
    }
    tensors |= {k: 0.5 * torch.randn(v.shape) for k, v in tensors.items() if v.ndim == 4}
    block.load_state_dict(tensors)
    block.eval()
    return block, tensors


def norm(z, t, name):
    return F.batch_norm(
        z, t[f"{name}.running_mean"], t[f"{name}.running_var"], t[f"{name}.weight"], t[f"{name}.bias"]
    )


def complete(t, convs, norms):
    """Only layers of the docstring's names can be compared."""
    names = {f"{name}.weight" for name in convs} | {f"{name}.running_mean" for name in norms}
    equal(sorted(names - set(t)), [], "the list of tensors that the block lacks", "first the check above")


block, t = filled(3, 3)
complete(t, ("conv1", "conv2"), ("norm1", "norm2"))
x = torch.randn(2, 3, 5, 5)
before = x.clone()
inner = norm(F.conv2d(x, t["conv1.weight"], padding=1), t, "norm1")
y = norm(F.conv2d(F.relu(inner), t["conv2.weight"], padding=1), t, "norm2")
got = block(x)
holds(
    torch.equal(x, before),
    "the block changes its input",
    "x as it was",
    hint="+= and relu_ write into x, which autograd still needs: make a new tensor",
)
unlike(got, x + y, "the block does not bend at its end", "relu comes after the addition as well")
unlike(got, x + F.relu(y), "the block bends before it adds", "add first, then relu: see the formula")
unlike(got, F.relu(y), "the block leaves out the way around", "what is added to F(x)?")
unlike(
    got, F.relu(inner.relu() + y), "the way around begins too late", "at the block's input, not behind conv1"
)
linear = norm(F.conv2d(inner, t["conv2.weight"], padding=1), t, "norm2")
unlike(got, F.relu(x + linear), "there is no relu between the two convolutions", "F(x) in the docstring")
close(
    got, F.relu(x + y), "ResidualBlock(3, 3) on 5 × 5 pixels", "the docstring's two formulas, in this order"
)

block, t = filled(3, 4, 2)
complete(t, ("shortcut.0",), ("shortcut.1",))
y = F.relu(norm(F.conv2d(x, t["conv1.weight"], stride=2, padding=1), t, "norm1"))
y = norm(F.conv2d(y, t["conv2.weight"], padding=1), t, "norm2")
bare = F.conv2d(x, t["shortcut.0.weight"], stride=2)
unlike(block(x), F.relu(bare + y), "the projection is not normalised", "shortcut[1] is a batch normalisation")
close(
    block(x),
    F.relu(norm(bare, t, "shortcut.1") + y),
    "ResidualBlock(3, 4, stride=2) on 5 × 5 pixels",
    "conv1 and the projection have the stride, conv2 has not",
)
### BEGIN HIDDEN TESTS
from solutions.depth import reference

for arguments, side in (
    ((4, 4, 1, False), 6),
    ((2, 5, 2, False), 7),
    ((2, 5, 1), 4),
    ((3, 3, 3), 8),
    ((6, 2, 2), 9),
):
    block, t = filled(*arguments)
    ours = reference.ResidualBlock(*arguments)
    equal(
        sorted(set(t) ^ set(ours.state_dict())),
        [],
        f"the list of tensors that ResidualBlock{arguments} lacks or has too many",
        "first the check of the layers, above",
    )
    ours.load_state_dict(t)
    x = torch.randn(3, arguments[0], side, side)
    close(
        block(x),
        ours.eval()(x),
        f"ResidualBlock{arguments} on {side} × {side} pixels",
        "stride, projection, residual",
    )
    block.train()
    close(block(x), ours.train()(x), f"ResidualBlock{arguments} in training mode", "the same in both modes")
### END HIDDEN TESTS

# %% [markdown]
# ## 3 Side by side (7 points, 18 minutes)
#
# Which kernel size is right, 1, 3 or 5? GoogLeNet's answer: all of them, side by side. Dear, unless 1×1 convolutions
# reduce the channels first. Its first module takes 192 channels on 28×28 places. **Predict**: what share of the 5×5
# branch's multiplications is left if 16 channels go in instead of 192?

# %%
direct = conv_cost(192, 32, 5, 28)[1]
reduced = conv_cost(192, 16, 1, 28)[1] + conv_cost(16, 32, 5, 28)[1]
print(f"{direct / 1e6:.0f} M products, or {reduced / 1e6:.0f} M: {reduced / direct:.0%}")

# %% solution="Inception"
# Six convolutions; which padding keeps the size for 3×3, which for 5×5?

# %% test="inception_values" points=3
import torch
import torch.nn.functional as F
from course_utils.checks import close, equal, holds, student, unlike

net = student.Inception(3, (2, 4, 5, 6, 7, 8))
kernels = {k: tuple(v.shape) for k, v in net.state_dict().items() if k.endswith("weight")}
expected = {
    "conv1.weight": (2, 3, 1, 1),
    "reduce3.weight": (4, 3, 1, 1),
    "conv3.weight": (5, 4, 3, 3),
    "reduce5.weight": (6, 3, 1, 1),
    "conv5.weight": (7, 6, 5, 5),
    "project.weight": (8, 3, 1, 1),
}
equal(
    kernels, expected, "the kernels of Inception(3, (2, 4, 5, 6, 7, 8))", "conv3 takes in what reduce3 gives"
)
biases = sorted(name for name in net.state_dict() if name.endswith("bias"))
equal(
    biases,
    sorted(name.replace("weight", "bias") for name in expected),
    "the list of Inception's biases",
    "here no normalisation takes them away",
)
x = torch.randn(2, 3, 6, 6)
got = net(x)
holds(
    isinstance(got, torch.Tensor),
    "Inception gives no tensor",
    "one tensor",
    type(got).__name__,
    "join the branches, and `return` what they give",
)
equal(
    tuple(got.shape),
    (2, 22, 6, 6),
    "the shape for 6 × 6 pixels",
    "2 + 5 + 7 + 8 channels; padding keeps the size",
)
t = {k: 0.5 * torch.randn(v.shape) for k, v in net.state_dict().items()}
net.load_state_dict(t)
got = net(x)


def conv(x, name, padding=0):
    return F.conv2d(x, t[f"{name}.weight"], t[f"{name}.bias"], padding=padding)


pooled = F.max_pool2d(x, 3, 1, 1)
one, three = conv(x, "conv1"), conv(conv(x, "reduce3").relu(), "conv3", 1)
five, last = conv(conv(x, "reduce5").relu(), "conv5", 2), conv(pooled, "project")
hard = torch.cat([one, three, five, last], 1)
soft = torch.cat([one, conv(conv(x, "reduce3"), "conv3", 1), conv(conv(x, "reduce5"), "conv5", 2), last], 1)
unlike(got, hard, "the last convolutions of the branches are not followed by relu", "*each* convolution is")
unlike(got, soft.relu(), "the reductions are not followed by relu", "*each* convolution is")
unlike(got, soft, "no convolution is followed by relu", "each is")
close(
    got[:, :2], one.relu(), "the 1×1 branch, channels 0 and 1", "the order of the branches in the docstring"
)
close(got[:, 2:7], three.relu(), "the 3×3 branch, channels 2 to 6", "reduce3, relu, conv3, relu")
close(got[:, 7:14], five.relu(), "the 5×5 branch, channels 7 to 13", "reduce5, relu, conv5, relu")
means = conv(F.avg_pool2d(x, 3, 1, 1), "project").relu()
unlike(got[:, 14:], means, "the pooling takes the mean", "the largest number of each window")
unlike(
    got[:, 14:],
    conv(x, "project").relu(),
    "the fourth branch does not pool",
    "3×3 max pooling, stride 1, padding 1",
)
close(
    got[:, 14:], last.relu(), "the pooling branch, channels 14 to 21", "pool first, then the 1×1 convolution"
)
### BEGIN HIDDEN TESTS
from solutions.depth import reference

for c_in, widths, size in ((1, (1, 1, 1, 1, 1, 1), (5, 8)), (6, (3, 2, 4, 1, 2, 5), (9, 3))):
    ours, theirs, x = (
        reference.Inception(c_in, widths),
        student.Inception(c_in, widths),
        torch.randn(2, c_in, *size),
    )
    theirs.load_state_dict(ours.state_dict())
    close(
        theirs(x),
        ours(x),
        f"Inception({c_in}, {widths}) on {size[0]} × {size[1]} pixels",
        "any size and widths",
    )
### END HIDDEN TESTS

# %% [markdown]
# A residual block *adds* what it has found. A dense block *keeps* everything: each layer sees all channels that were
# there before it, and puts a few of its own behind them. Fill in by hand: a block with 6 input channels, growth 4 and
# 3 layers. How many channels goes each layer's convolution into? How many come out at the end?

# %% solution="DenseBlock"
# How wide is the input of layer l?

# %% test="dense_values" points=4
import torch
import torch.nn.functional as F
from course_utils.checks import close, equal, holds, student, unlike

net = student.DenseBlock(6, 4, 3)
kernels = {k: tuple(v.shape) for k, v in net.state_dict().items() if k.startswith("convs")}
equal(
    sorted(kernels),
    ["convs.0.weight", "convs.1.weight", "convs.2.weight"],
    "the convolutions of DenseBlock(6, 4, 3)",
    "an nn.ModuleList called convs, without biases; a plain list hides its layers from PyTorch",
)
equal(
    [kernels[name] for name in sorted(kernels)],
    [(4, 6, 3, 3), (4, 10, 3, 3), (4, 14, 3, 3)],
    "their kernels",
    "each layer takes in 4 channels more than the one before, and gives 4",
)
means = {k: tuple(v.shape) for k, v in net.state_dict().items() if k.endswith("running_mean")}
equal(
    sorted(means),
    ["norms.0.running_mean", "norms.1.running_mean", "norms.2.running_mean"],
    "the running means of DenseBlock(6, 4, 3)",
    "an nn.ModuleList called norms; in a plain list PyTorch neither trains nor saves them",
)
affine = {f"norms.{layer}.{name}" for layer in range(3) for name in ("weight", "bias")}
equal(
    sorted(affine - set(net.state_dict())),
    [],
    "the list of tensors that the normalisations lack",
    "nn.BatchNorm2d as it comes has a scale and a shift",
)
x = torch.randn(2, 6, 5, 5)
got = net(x)
holds(
    hasattr(got, "shape"),
    "DenseBlock gives no tensor",
    "one tensor",
    type(got).__name__,
    "join what there is along the channels, and `return` it",
)
equal(tuple(got.shape), (2, 18, 5, 5), "the shape for 5 × 5 pixels", "6 + 3 · 4 channels")
close(got[:, :6], x, "the first 6 channels, which are x itself", "x first, new channels behind")
equal(
    [means[name] for name in sorted(means)],
    [(6,), (10,), (14,)],
    "the widths of the normalisations",
    "they stand *before* the convolutions",
)
net.eval()
tensors = {k: 0.3 + torch.rand(v.shape) if v.ndim == 1 else v for k, v in net.state_dict().items()}
net.load_state_dict(tensors)
first = F.batch_norm(x, *(tensors[f"norms.0.{k}"] for k in ("running_mean", "running_var", "weight", "bias")))
got = net(x)[:, 6:10]
kernel = tensors["convs.0.weight"]
unlike(got, F.conv2d(first, kernel, padding=1), "there is no relu", "normalisation, relu, convolution")
unlike(
    got,
    F.conv2d(x.relu(), kernel, padding=1),
    "the normalisation is not used",
    "normalisation, relu, convolution",
)
unlike(
    got,
    F.conv2d(first.relu(), kernel, padding=1).relu(),
    "relu stands behind the convolution too",
    "only before it",
)
close(
    got,
    F.conv2d(first.relu(), kernel, padding=1),
    "the channels of layer 0",
    "normalisation, relu, convolution",
)
### BEGIN HIDDEN TESTS
from solutions.depth import reference

for arguments, size in (((3, 2, 4), (4, 7)), ((1, 5, 1), (3, 3)), ((8, 1, 5), (6, 5))):
    ours, theirs = reference.DenseBlock(*arguments), student.DenseBlock(*arguments)
    theirs.load_state_dict(ours.state_dict())
    x = 2 + torch.randn(4, arguments[0], *size)
    close(
        theirs(x), ours(x), f"DenseBlock{arguments} in training mode", "each layer sees all channels so far"
    )
    ours.eval()
    theirs.eval()
    close(
        theirs(x), ours(x), f"DenseBlock{arguments} in evaluation mode", "each layer sees all channels so far"
    )
### END HIDDEN TESTS

# %% [markdown]
# ## 4 Every pixel (6 points, 15 minutes)
#
# Is this pixel tumour or tissue, galaxy or ground? *Segmentation* gives a class to each pixel. To know *what* it is, a
# net must see far, and pooling makes it see far; to know *where*, it needs the pixels that pooling has thrown away.
# The U-Net goes down and up again, and at each level brings back what was there on the way down. Its layers are given,
# the way is yours.

# %% given="double_conv"

# %% solution="UNet" keep="__init__"
# Keep a list on the way down. Which of its items is needed first on the way up?

# %% test="unet_forward" points=4
import torch
import torch.nn.functional as F
from course_utils.checks import close, equal, holds, student, unlike

net = student.UNet(1, 3, (4, 8))
net.eval()
x = torch.randn(2, 1, 6, 10)
got = net(x)
holds(
    hasattr(got, "shape"), "UNet gives no tensor", "the scores", type(got).__name__, "does it `return` them?"
)
equal(
    tuple(got.shape),
    (2, 3, 6, 10),
    "the shape of the scores for 6 × 10 pixels",
    "as large as the picture, 3 classes",
)
t = net.state_dict()


def double(x, name):
    """double_conv by hand, in evaluation mode."""
    for i in (0, 3):
        x = F.conv2d(x, t[f"{name}.{i}.weight"], padding=1)
        x = F.batch_norm(
            x, *(t[f"{name}.{i + 1}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        ).relu()
    return x


def head(x):
    return F.conv2d(x, t["head.weight"], t["head.bias"])


fine = double(x, "down.0")
bottom = double(F.max_pool2d(fine, 2), "bottom")
up = F.conv_transpose2d(bottom, t["up.0.weight"], t["up.0.bias"], stride=2)
swapped = head(double(torch.cat([up, fine], 1), "merge.0"))
unlike(
    got, swapped, "what was kept stands behind what comes up", "the docstring's order: kept output in front"
)
unlike(
    got,
    head(double(torch.cat([up, up], 1), "merge.0")),
    "nothing is brought across",
    "what was kept on the way down?",
)
unlike(
    got, head(double(torch.cat([fine, fine], 1), "merge.0")), "nothing comes up from the bottom", "up[i](x)"
)
mean = F.conv_transpose2d(double(F.avg_pool2d(fine, 2), "bottom"), t["up.0.weight"], t["up.0.bias"], stride=2)
unlike(got, head(double(torch.cat([fine, mean], 1), "merge.0")), "the pooling takes means", "max pooling")
right = head(double(torch.cat([fine, up], 1), "merge.0"))
unlike(got, right.softmax(1), "forward ends in a softmax", "scores: the loss takes them as they are")
close(got, right, "UNet(1, 3, (4, 8))", "down, bottom, up, across, merge, head")
deep = student.UNet(2, 4)
equal(
    tuple(deep(torch.randn(1, 2, 12, 8)).shape),
    (1, 4, 12, 8),
    "the shape with three levels",
    "the coarsest level comes up first",
)
### BEGIN HIDDEN TESTS
from solutions.depth import reference

for widths, size in (((4, 6, 10), (8, 12)), ((3, 5, 2, 7), (16, 8)), ((2, 3), (2, 4))):
    ours, theirs = reference.UNet(2, 3, widths), student.UNet(2, 3, widths)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 2, *size)
    close(
        theirs(x),
        ours(x),
        f"UNet(2, 3, {widths}) in training mode",
        "any number of levels",
        rtol=1e-3,
        atol=1e-4,
    )
    ours.eval()
    theirs.eval()
    close(
        theirs(x),
        ours(x),
        f"UNet(2, 3, {widths}) in evaluation mode",
        "any number of levels",
        rtol=1e-3,
        atol=1e-4,
    )
from course_utils.checks import StudentError

for size in ((6, 8), (8, 6), (2, 4)):
    net, refused = student.UNet(1, 2, (2, 2, 2)), "nothing"
    try:
        net(torch.randn(1, 1, *size))
    except StudentError as error:
        refused = error.kinds[0]
    except (ValueError, RuntimeError) as error:
        refused = type(error).__name__
    holds(
        refused == "ValueError",
        f"UNet with three levels takes {size[0]} × {size[1]} pixels",
        "ValueError",
        refused,
        "after two poolings, is something left over? Check before you begin, and `raise ValueError(...)`",
    )
### END HIDDEN TESTS

# %% [markdown]
# How good is a mask? If nine pixels of ten are ground, "all is ground" is right at 90 % of them. *Intersection over
# union* does not fall for it. By hand: the IoU of class 0, and of class 1?
#
# | predicted | | | target | |
# | --- | --- | --- | --- | --- |
# | 0 | 1 | | 0 | 0 |
# | 1 | 1 | | 1 | 1 |

# %% solution="iou"
# predicted == c is a tensor of truth values; & is "and", | is "or".

# %% test="iou_values" points=2
import torch
from course_utils.checks import close, student, unlike

a, b = torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 0], [1, 1]]])
got = student.iou(a, b, 2)
unlike(got, torch.tensor([2 / 3, 4 / 5]), "this is the Dice coefficient", "the union counts each pixel once")
unlike(
    got,
    torch.tensor([1 / 3, 2 / 5]),
    "pixels that are in both are counted twice in the union",
    "a union counts each once",
)
unlike(
    got,
    torch.tensor([1.0, 2 / 3]),
    "iou divides by the predicted pixels",
    "by those that are c in at least one",
)
unlike(
    got, torch.tensor([0.5, 1.0]), "iou divides by the target's pixels", "by those that are c in at least one"
)
unlike(got, torch.tensor([0.75, 0.75]), "this is the share of right pixels", "class by class")
unlike(got, (1 / 2 + 2 / 3) / 2, "iou gives the mean of the classes", "one number a class")
close(
    got,
    torch.tensor([1 / 2, 2 / 3]),
    "iou of the two masks above",
    "how many pixels are 0 in both? In at least one?",
)
close(
    student.iou(a, b, 3),
    torch.tensor([1 / 2, 2 / 3, 1.0]),
    "iou where nobody has named class 2",
    "0 / 0: the docstring says what it is to be",
)
### BEGIN HIDDEN TESTS
for shape, classes in (((3, 5, 4), 2), ((2, 7, 7), 5), ((4, 2, 3), 9)):
    a, b = torch.randint(0, classes, shape), torch.randint(0, classes, shape)
    expected = []
    for c in range(classes):
        pairs = [(p == c, q == c) for p, q in zip(a.flatten().tolist(), b.flatten().tolist())]
        union = sum(p or q for p, q in pairs)
        expected.append(sum(p and q for p, q in pairs) / union if union else 1.0)
    close(
        student.iou(a, b, classes),
        torch.tensor(expected),
        f"iou of {classes} classes, shape {shape}",
        "over the whole batch",
    )
close(
    student.iou(a * 0, a * 0 + 1, 2),
    torch.zeros(2),
    "iou of masks that have nothing in common",
    "0 of a union",
)
### END HIDDEN TESTS

# %% [markdown]
# Let your U-Net learn to find discs, squares and triangles, of any brightness. Three pixels of four are ground, so a
# mistake there counts for less in the loss. A shape with neat edges and the wrong class, or the right class and frayed
# edges: which kind of mistake do you expect first? And which two classes will it take for each other? (The machine
# takes some ten seconds.)

# %% given="Config,config,thin,segmenting,distort,optimizer_for,fit,answers,accuracy,segment"

# %% trains="depth"
run = Run("depth", seed=0)
unet, shares = segment(tier, run)
print("IoU:", ", ".join(f"{name} {share:.2f}" for name, share in zip(shapes.CLASSES, shares)))

# %% trains="depth"
x, y = shapes.load(tier, "test").tensors
guesses = answers(unet, x[:8], run.device)
figure, axes = plots.subplots(3, 8, figsize=(10, 4))
for column in range(8):
    for ax, picture in zip(axes[:, column], (x[column, 0], y[column], guesses[column])):
        ax.imshow(
            picture,
            vmin=0,
            vmax=1 if picture.is_floating_point() else 3,
            cmap="gray" if picture.is_floating_point() else None,
        )
        ax.axis("off")
plots.show(
    figure, "Eight test pictures, the true class of each pixel below, and the U-Net's answer at the bottom."
)

# %% [markdown]
# ## 5 What must not matter (6 points, 12 minutes)
#
# A galaxy has no upper side. The winners of two contests, on galaxies and on plankton, let their nets see each
# picture turned and mirrored, and averaged. By hand: how many of the eight symmetries of a square leave an X as it is?
# An L?

# %% solution="symmetries"
# torch.rot90 and flip: along which dimensions?

# %% test="symmetries_all" points=3
import torch
from course_utils.checks import equal, holds, student

x = torch.arange(18.0).view(1, 2, 3, 3)
got = student.symmetries(x)
holds(
    isinstance(got, list | tuple) and len(got) == 8,
    "symmetries gives something else than eight tensors",
    "a list of 8",
    len(got) if isinstance(got, list | tuple) else type(got).__name__,
    "four quarter turns, and the four of the mirror image",
)
holds(
    all(isinstance(y, torch.Tensor) for y in got),
    "symmetries lists something else than tensors",
    "8 tensors",
    [type(y).__name__ for y in got],
    "the pictures themselves, in PyTorch",
)
equal(
    [tuple(y.shape) for y in got],
    [(1, 2, 3, 3)] * 8,
    "their shapes",
    "turn rows and columns, dimensions 2 and 3",
)
holds(
    all(torch.equal(y[:, 1] - y[:, 0], torch.full((1, 3, 3), 9.0)) for y in got),
    "channels are mixed up",
    "red stays red",
    hint="dimensions 2 and 3 are rows and columns",
)
different = len({tuple(y.flatten().tolist()) for y in got})
holds(
    different == 8,
    "some of the eight are the same",
    "8 different pictures",
    f"{different} different ones",
    "mirroring up-down is mirroring left-right and half a turn: which of your pictures come twice?",
)
corners = {tuple(y[0, 0].flatten().tolist()) for y in got}
equal(
    sorted(corners),
    sorted(tuple(torch.rot90(y, k).flatten().tolist()) for k in range(4) for y in (x[0, 0], x[0, 0].T)),
    "the eight pictures",
    "each keeps neighbours together: turns by quarters and mirror images only",
)
### BEGIN HIDDEN TESTS
from solutions.depth import reference

x = torch.randn(3, 2, 4, 4)
expected = {tuple(y.flatten().tolist()) for y in reference.symmetries(x)}
holds(
    {tuple(y.flatten().tolist()) for y in student.symmetries(x)} == expected,
    "symmetries of a batch of three pictures is not right",
    "all pictures of a batch are turned alike, and stay in their order",
)
### END HIDDEN TESTS

# %% [markdown]
# And the mean. No training, no assumption on the net: *any* function becomes invariant. Why? (Turn the picture: what
# becomes of the list of its symmetries?)

# %% solution="averaged"

# %% test="averaged_exactly" points=3
import torch
from course_utils.checks import close, equal, student, unlike

weight = torch.randint(-5, 6, (48, 2)).float()


def net(x):
    """Integers, whose sums are exact, so that nothing may differ, not even in the last bit."""
    z = x.flatten(1) @ weight
    return z.relu() + (z % 7)


x = torch.randint(0, 9, (2, 3, 4, 4)).float()
got = student.averaged(net, x)
turned = [torch.rot90(y, k, dims=(2, 3)) for k in range(4) for y in (x, x.flip(2))]
mean = sum(net(y) for y in turned) / 8
unlike(got, 8 * mean, "averaged adds up", "the mean of eight answers")
unlike(
    got,
    net(sum(turned) / 8),
    "averaged gives the net the mean *picture*",
    "mean of the answers, not answer to the mean",
)
unlike(got, torch.stack([net(y) for y in turned]).amax(0), "averaged takes the largest answer", "the mean")
unlike(got, mean.mean(0), "averaged takes the mean over the batch", "each picture has its own answer")
quarters = sum(net(torch.rot90(x, k, dims=(2, 3))) for k in range(4)) / 4
unlike(got, quarters, "averaged leaves out the mirror images", "all that `symmetries` gives")
close(got, mean, "averaged(net, x)", "the mean of the answers to all eight symmetries")
for place, y in enumerate(turned):
    equal(
        student.averaged(net, y),
        mean,
        f"the answer to the picture in position {place}",
        "the same for all positions, exactly",
    )
### BEGIN HIDDEN TESTS
from functools import partial


def remainder(weight, x):
    """Integers again, of no symmetry at all."""
    return (x.flatten(1) @ weight) % 11


for c, side, k in ((1, 5, 1), (2, 6, 4)):
    function = partial(remainder, torch.randint(-5, 6, (c * side * side, k)).float())
    x = torch.randint(0, 5, (3, c, side, side)).float()
    got = student.averaged(function, x)
    turned = [torch.rot90(y, i, dims=(2, 3)) for i in range(4) for y in (x, x.flip(2))]
    equal(got, sum(function(y) for y in turned) / 8, f"averaged on {c} × {side} × {side} pixels")
    for y in turned:
        equal(student.averaged(function, y), got, "the answer to a turned picture", "exactly the same")
### END HIDDEN TESTS

# %% [markdown]
# ## 6 Twenty layers (4 points, 12 minutes and the machine's)
#
# The nets of He and others for small pictures: one convolution, three stages of n blocks, a mean over all places, one
# dense layer. 6n + 2 layers. The blocks are yours.

# %% given="ResNet,build,compare"

# %% [markdown]
# **Predict**: plain and residual, 20 layers each, the same number of weights but for the projections, the same
# training. Which loss falls faster, and by how much? (Mini: thin nets on generated figures, a few seconds each. Full:
# the nets of the paper, 20 and 56 layers: is deeper better?)

# %% trains="depth"
depths = (3,) if tier == "mini" else (3, 9)
shares = {}
for n in depths:
    for residual in (False, True):
        shares[n, residual] = compare(tier, n, residual, run)
        print(
            f"{'residual' if residual else 'plain':>8}, {6 * n + 2} layers: accuracy {shares[n, residual]:.3f}",
            flush=True,
        )

# %% trains="depth"
figure, ax = plots.subplots()
for n in depths:
    for name in ("plain", "residual"):
        losses = torch.tensor([loss for _, loss in run.curve[f"{name}{6 * n + 2}_loss"]])
        ax.plot(losses.unfold(0, 20, 10).mean(1), label=f"{name}, {6 * n + 2} layers")
ax.set(xlabel="steps / 10", ylabel="training loss")
ax.legend()
plots.show(
    figure,
    "Training loss over the steps: the residual net's falls much further than that of the plain one.",
)

# %% [markdown]
# The loss that you see is the *training* loss. So what goes wrong in the deep plain net? Not enough pictures, too many
# weights, or something else? Two sentences.

# %% [markdown] answer="why_plain_fails" points=2

# %% [markdown]
# Last, a wider net of your blocks, the one that you hand in. Its `features` will serve you again: in the lab on
# transfer the course's copy of this net is the one that has "seen" pictures before.

# %% trains="depth"
net = build(tier).to(run.device)
fit(net, cifar10.load(tier, "train"), config(tier), run)
save_artifact("depth", net, tier)

test = cifar10.load(tier, "test").tensors
share, reference = accuracy(net, test, run.device), record("depth")
print(f"Yours {reference.show(share)}, the reference {reference.show(reference.value)}.")
print(f"A linear classifier of the pixels: {reference.show(reference.baseline)}.")

# %% [markdown]
# What does the average over symmetries make of it? The figures of the mini tier stand almost upright: one class is
# vertical bars, one is wavy rows. **Predict**: does the mean help on pictures as they are? On pictures that somebody
# has turned by 90 degrees? Which classes pay for it?

# %% trains="depth"
x, y = test
for name, pictures in {"as they are": x, "turned": torch.rot90(x, 1, dims=(2, 3))}.items():
    alone = accuracy(net, (pictures, y), run.device)
    with torch.no_grad():
        votes = (
            torch.cat([averaged(net.eval(), part.to(run.device)) for part in pictures.split(250)])
            .argmax(1)
            .cpu()
        )
    print(f"{name:>11}: the net {alone:.3f}, its mean over symmetries {(votes == y).double().mean():.3f}")
classes = figures.CLASSES if tier == "mini" else cifar10.CLASSES
print(
    "of the turned, by class:",
    {name: round((votes[y == c] == c).double().mean().item(), 2) for c, name in enumerate(classes)},
)

# %% test="trained_net" points=4
import torch
from course_utils.checks import holds, student

tensors = student.artifact("depth")
holds(
    "blocks.0.conv1.weight" in tensors and all(torch.isfinite(tensor).all() for tensor in tensors.values()),
    "depth.safetensors does not hold a trained net",
    "finite tensors called conv.weight, blocks.0.conv1.weight, …",
    sorted(tensors)[:6],
    "run section 6 from its start, with every check above passed",
)
### BEGIN HIDDEN TESTS
from course_utils.checks import judge

judge("depth", tensors, 4)
### END HIDDEN TESTS

# %% [markdown]
# Save the notebook, then hand in `depth.ipynb` and `depth.safetensors`; `course_utils.colab.submit("depth")` packs
# both.
