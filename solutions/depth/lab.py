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
from course_utils.widgets import turn

Layer = tuple[int, int, int, int]  # output channels (0: a pooling), kernel, stride, padding

# %% [markdown]
# You will count what layers cost, build the blocks that made deep nets possible, colour pictures pixel by pixel, make
# a net blind to rotations, and see twenty layers with and without a way around them.
#
# Shapes: B pictures, C channels, H × W pixels.
#
# ## 1 What a layer costs (7 points, 20 minutes)
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
got = student.conv_cost(3, 8, 3, 10)
mistakes = {
    "conv_cost leaves out the biases": ((216, 21600), "one for each output channel"),
    "conv_cost counts a bias for each input channel": ((219, 21600), "how long is layer.bias above?"),
    "conv_cost multiplies by the biases": ((224, 22400), "a bias is added"),
    "conv_cost multiplies at one place only": ((224, 216), "how many output numbers are there?"),
    "conv_cost counts one row of places": ((224, 2160), "`side` rows of `side` places"),
    "conv_cost forgets that a kernel spans all input channels": ((80, 7200), "print layer.weight.shape"),
    "conv_cost takes a kernel for a row": ((32, 2400), "a kernel has `kernel` rows and columns"),
}
equal(got, (224, 21600), "conv_cost(3, 8, 3, 10)", "your three numbers on paper", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for c_in, c_out, kernel, side in ((1, 1, 1, 1), (5, 2, 3, 7), (4, 9, 5, 12), (64, 128, 1, 56)):
    parameters = sum(p.numel() for p in nn.Conv2d(c_in, c_out, kernel).parameters())
    got = student.conv_cost(c_in, c_out, kernel, side)
    expected = (parameters, (parameters - c_out) * side * side)
    equal(got, expected, f"conv_cost({c_in}, {c_out}, {kernel}, {side})", "as PyTorch counts")

# %% [markdown]
# A net is a list of layers `(c_out, kernel, stride, padding)`; `c_out = 0` stands for a pooling. Follow one through:
# the channels, the side, the cost, and how much of the picture a number sees. (A kernel widens the view by kernel − 1
# *steps*; a step is as many pixels as the strides before it multiply to. You know this from the lab on convolution.)

# %% solution="profile"
# Carry four things from layer to layer: channels, side, field, step.


# %% test="profile_sizes" points=2
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
what = "channels and sides after a convolution, a pooling and a convolution of stride 2"
hint = "how often does the kernel fit along the padded side, in steps of `stride`?"
mistakes = {
    "profile lets a pooling end with no channels": (
        [(8, 10), (0, 5), (4, 1)],
        "0 only marks it; it keeps its input's channels",
    )
}
equal(sizes, [(8, 10), (8, 5), (4, 1)], what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
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


# %% test="profile_costs" points=3
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
got = costs[1]
mistakes = {"the field stands before the cost": ((4, 0), "the docstring's order")}
equal(got, (0, 0), "the cost of a pooling", "it has no weights and multiplies nothing", mistakes=mistakes)
expected = [(224, 21600), (0, 0), (804, 800), (10, 8)]
mistakes = {
    "multiplications are counted on the layer's input": (
        [(224, 21600), (0, 0), (804, 20000), (10, 8)],
        "on its output's side",
    ),
    "every layer takes in the picture's channels": (
        [(224, 21600), (0, 0), (304, 300), (8, 6)],
        "what does layer 2 take in?",
    ),
}
equal(costs, expected, "parameters and multiplications", "conv_cost, with which side?", mistakes=mistakes)
hint = "kernel − 1 steps more; a step is the product of the strides before"
mistakes = {
    "the receptive field forgets strides": ([3, 4, 8, 8], "how far apart are neighbours after the pooling?"),
    "a layer's stride widens its own view": ([3, 5, 21, 21], "its stride counts for the layers *behind* it"),
    "the receptive field is the kernel": ([3, 2, 5, 1], "the layer before has seen something already"),
}
equal(fields, [3, 4, 12, 12], "the receptive fields", hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for _ in range(5):
    layers = [
        (
            int(torch.randint(1, 9, ())) * int(torch.rand(()) < 0.7),
            *(int(torch.randint(1, 4, ())) for _ in range(2)),
            1,
        )
        for _ in range(5)
    ]
    got = student.profile(layers, 3, 200)
    equal(got, reference.profile(layers, 3, 200), f"profile of {layers} on 3 × 200 × 200", "layer by layer")

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
# **Play with it.** Below, *your* `profile` counts a net of your own making. You have 1,000,000 parameters and must see
# at least 100 pixels at 64×64. What is the cheapest way: larger kernels, more layers, more poolings? And where do the
# products go when you pool earlier?


# %%
def spend(kernel=3, layers_a_stage=2, stages=3, width=16):
    """The cost of a net with so many stages, each twice as wide as the one before and followed by a pooling."""
    stack = []
    for stage in range(stages):
        stack += [(width * 2**stage, kernel, 1, kernel // 2)] * layers_a_stage + [(0, 2, 2, 0)]
    rows = profile(stack, 3, 64)
    figure, ax = plots.subplots(figsize=(7, 2.8))
    ax.bar(range(len(rows)), [row[3] / 1e6 for row in rows])
    parameters, field = sum(row[2] for row in rows), rows[-1][4]
    ax.set(
        xlabel="layer",
        ylabel="million products",
        title=f"{parameters:,} parameters, sees {field} × {field} pixels",
    )
    products = sum(row[3] for row in rows) / 1e6
    return plots.show(
        figure, f"{parameters:,} parameters, {products:.0f} million products, a view of {field} pixels."
    )


turn(
    spend,
    "Keep the view at 100 pixels or more and the parameters below a million: which knob makes the bars small?",
    kernel=[1, 3, 5, 7],
    layers_a_stage=(1, 6, 1),
    stages=(1, 5, 1),
    width=(4, 64, 4),
)

# %% [markdown]
# ## 2 A way around (6 points, 20 minutes)
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
def layers(*arguments):
    """The layers of a block, each named once."""
    return sorted({name.rpartition(".")[0] for name in student.ResidualBlock(*arguments).state_dict()})


inside, projection = ["conv1", "conv2", "norm1", "norm2"], ["shortcut.0", "shortcut.1"]
biased = [
    name
    for name in student.ResidualBlock(4, 6).state_dict()
    if name.endswith(("conv1.bias", "conv2.bias", "t.0.bias"))
]
what = "the list of convolutions' biases"
equal(biased, [], what, "normalisation takes off the mean, and with it any bias: bias=False")
hint = "an empty nn.Sequential has none; each layer stands in one attribute only, under the docstring's name"
equal(layers(4, 4), inside, "the list of layers of ResidualBlock(4, 4)", hint)
hint = "other channels: x needs a projection (1×1 convolution, then normalisation) before it can be added"
equal(layers(4, 6), inside + projection, "the list of layers of ResidualBlock(4, 6)", hint)
hint = "the same channels, but half the size: can x be added as it is?"
equal(layers(4, 4, 2), inside + projection, "the list of layers of ResidualBlock(4, 4, stride=2)", hint)
shapes = {
    name: tuple(t.shape) for name, t in student.ResidualBlock(4, 6, 2).state_dict().items() if t.ndim == 4
}
expected = {"conv1.weight": (6, 4, 3, 3), "conv2.weight": (6, 6, 3, 3), "shortcut.0.weight": (6, 4, 1, 1)}
what = "the kernels of ResidualBlock(4, 6, stride=2)"
equal(shapes, expected, what, "which of them sees 4 channels, which 6?")
for stride, side in ((1, 9), (2, 5), (3, 3)):
    block = student.ResidualBlock(4, 6, stride)
    got = block(torch.randn(2, 4, 9, 9))
    what = "forward gives no tensor"
    holds(hasattr(got, "shape"), what, "a tensor", type(got).__name__, "does it `return` one?")
    what = f"the shape for 9 × 9 pixels and stride {stride}"
    equal(tuple(got.shape), (2, 6, side, side), what, "one convolution has the stride")
### BEGIN HIDDEN TESTS
got = layers(4, 6, 2, False)
equal(got, inside, "the list of layers of a plain block, residual=False", "no shortcut at all")
what = "the list of layers of a block with stride 3"
equal(layers(3, 3, 3), inside + projection, what, "any stride but 1 needs a projection")
block = student.ResidualBlock(2, 2)
block(5 + torch.randn(4, 2, 6, 6))
what = "a normalisation is not used in training mode"
holds(all((block.state_dict()[f"norm{i}.running_mean"] != 0).any() for i in (1, 2)), what, "both see numbers")


# %% test="residual_values" points=3
def by_hand(net, values):
    """The net with kernels that look at one pixel only and normalisations that only add: arithmetic for paper."""
    tensors = net.state_dict()
    what = "the list of tensors that the net lacks"
    equal(sorted(set(values) - set(tensors)), [], what, "first the names of the docstring")
    for name, old in tensors.items():
        scale = name.endswith("running_var") or (old.ndim == 1 and name.endswith("weight"))
        tensors[name] = (
            torch.full_like(old, 1 - 1e-5 * name.endswith("var")) if scale else torch.zeros_like(old)
        )
    for name, value in values.items():
        one = tensors[name].shape[-1] // 2 if tensors[name].ndim == 4 else 0
        place = (slice(None), slice(None), one, one) if tensors[name].ndim == 4 else slice(None)
        tensors[name][place] = torch.tensor(value)
    net.load_state_dict(tensors)
    net.eval()
    return net


block = by_hand(
    student.ResidualBlock(1, 1),
    {"conv1.weight": -1.0, "norm1.bias": 1.0, "conv2.weight": -2.0, "norm2.bias": 1.0},
)
x = torch.tensor([2.0, -1.0, 0.5, 3.0]).view(4, 1, 1, 1)
before = x.clone()
got = block(x)
hint = "+= and relu_ write into x, which autograd still needs: make a new tensor"
holds(torch.equal(x, before), "the block changes its input", "x as it was", hint=hint)


def pixels(*numbers):
    return torch.tensor(numbers).view(4, 1, 1, 1)


expected = pixels(3.0, 0.0, 0.5, 4.0)
mistakes = {
    "the block does not bend at its end": (pixels(3.0, -4.0, 0.5, 4.0), "relu comes after the addition too"),
    "the block bends before it adds": (pixels(3.0, -1.0, 0.5, 4.0), "add first, then relu: see the formula"),
    "the block leaves out the way around": (pixels(1.0, 0.0, 0.0, 1.0), "what is added to F(x)?"),
    "the way around begins too late": (pixels(1.0, 0.0, 0.5, 1.0), "at the block's input, not behind conv1"),
    "there is no relu between the two convolutions": (pixels(5.0, 0.0, 0.5, 8.0), "F(x) in the docstring"),
}
what = "ResidualBlock(1, 1) on four pictures of one pixel, 2, −1, ½ and 3, where F(x) = 1 − 2 relu(1 − x)"
close(got, expected, what, "the docstring's two formulas, in this order", mistakes=mistakes)
block = by_hand(
    student.ResidualBlock(1, 2),
    {
        "conv1.weight": 1.0,
        "conv2.weight": [[1.0, 0.0], [0.0, 1.0]],
        "shortcut.0.weight": [[3.0], [-2.0]],
        "shortcut.1.bias": [10.0, 20.0],
    },
)
got = block(torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
expected = torch.tensor([[14.0, 19.0], [18.0, 18.0]]).view(2, 2, 1, 1)
what = (
    "ResidualBlock(1, 2) on the pixels 1 and 2, where F(x) = (x, x) and the projection is (3x + 10, 20 − 2x)"
)
mistakes = {
    "the projection is not normalised": (
        torch.tensor([[4.0, 0.0], [8.0, 0.0]]).view(2, 2, 1, 1),
        "shortcut[1] is a batch normalisation",
    ),
    "the way around is left out": (torch.tensor([[1.0, 1.0], [2.0, 2.0]]).view(2, 2, 1, 1), "shortcut(x)"),
}
close(got, expected, what, "conv1 and the projection have the stride, conv2 has not", mistakes=mistakes)
x = torch.randn(2, 1, 3, 3, requires_grad=True)
flows(block(x), {"x": x} | dict(block.named_parameters()), "ResidualBlock(1, 2)")


### BEGIN HIDDEN TESTS
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


for arguments, side in (
    ((4, 4, 1, False), 6),
    ((2, 5, 2, False), 7),
    ((2, 5, 1), 4),
    ((3, 3, 3), 8),
    ((6, 2, 2), 9),
    ((4, 4, 1), 5),
):
    block, t = filled(*arguments)
    ours = reference.ResidualBlock(*arguments)
    got = sorted(set(t) ^ set(ours.state_dict()))
    hint = "first the check of the layers, above"
    equal(got, [], f"the list of tensors that ResidualBlock{arguments} lacks or has too many", hint)
    ours.load_state_dict(t)
    x = torch.randn(3, arguments[0], side, side, requires_grad=True)
    got, wanted = block(x), ours.eval()(x)
    close(got, wanted, f"ResidualBlock{arguments} on {side} × {side} pixels", "stride, projection, residual")
    leaves, others = ({"x": x} | dict(sorted(net.named_parameters())) for net in (block, ours))
    follows(got, leaves, wanted, f"ResidualBlock{arguments}", others=others)
    block.train()
    got, wanted = block(x), ours.train()(x)
    close(got, wanted, f"ResidualBlock{arguments} in training mode", "the same in both modes")
    follows(got, leaves, wanted, f"ResidualBlock{arguments} in training mode", others=others)

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
what = "the kernels of Inception(3, (2, 4, 5, 6, 7, 8))"
equal(kernels, expected, what, "conv3 takes in what reduce3 gives")
biases = sorted(name for name in net.state_dict() if name.endswith("bias"))
what = "the list of Inception's biases"
hint = "here no normalisation takes them away"
equal(biases, sorted(name.replace("weight", "bias") for name in expected), what, hint)
x = torch.randn(2, 3, 6, 6)
got = net(x)
hint = "join the branches along the channels, 2 + 5 + 7 + 8; padding keeps the size"
shaped(got, (2, 22, 6, 6), "Inception(3, (2, 4, 5, 6, 7, 8)) on 6 × 6 pixels", hint)


def by_hand(net, values):
    """The net with kernels that look at one pixel only and normalisations that only add: arithmetic for paper."""
    tensors = net.state_dict()
    got = sorted(set(values) - set(tensors))
    equal(got, [], "the list of tensors that the net lacks", "first the names of the docstring")
    for name, old in tensors.items():
        scale = name.endswith("running_var") or (old.ndim == 1 and name.endswith("weight"))
        tensors[name] = (
            torch.full_like(old, 1 - 1e-5 * name.endswith("var")) if scale else torch.zeros_like(old)
        )
    for name, value in values.items():
        one = tensors[name].shape[-1] // 2 if tensors[name].ndim == 4 else 0
        place = (slice(None), slice(None), one, one) if tensors[name].ndim == 4 else slice(None)
        tensors[name][place] = torch.tensor(value)
    net.load_state_dict(tensors)
    net.eval()
    return net


net = by_hand(
    student.Inception(1, (1, 1, 1, 1, 1, 1)),
    {
        "conv1.weight": -1.0,
        "conv1.bias": 2.5,
        "reduce3.weight": 1.0,
        "reduce3.bias": -2.0,
        "conv3.weight": -2.0,
        "conv3.bias": 1.0,
        "reduce5.weight": 2.0,
        "reduce5.bias": -3.0,
        "conv5.weight": 1.0,
        "conv5.bias": -1.0,
        "project.weight": 1.0,
        "project.bias": -2.0,
    },
)


def branches(*rows):
    return torch.tensor(rows).view(1, 4, 1, 2)


close(
    net(torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)),
    branches([1.5, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 1.0]),
    "Inception on a picture of two pixels, 1 and 3, where conv1 is 2½ − x, reduce3 x − 2, conv3 1 − 2x, reduce5 "
    "2x − 3, conv5 x − 1 and project x − 2",
    "each convolution is followed by relu; the four branches in the docstring's order",
    mistakes={
        "the last convolutions of the branches are not followed by relu": (
            branches([1.5, -0.5], [1.0, -1.0], [-1.0, 2.0], [1.0, 1.0]),
            "*each* convolution is",
        ),
        "the reductions are not followed by relu": (
            branches([1.5, 0.0], [3.0, 0.0], [0.0, 2.0], [1.0, 1.0]),
            "*each* convolution is",
        ),
        "no convolution is followed by relu": (
            branches([1.5, -0.5], [3.0, -1.0], [-2.0, 2.0], [1.0, 1.0]),
            "each is",
        ),
        "the pooling takes the mean": (
            branches([1.5, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, 0.0]),
            "the largest number of each window",
        ),
        "the fourth branch does not pool": (
            branches([1.5, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, 1.0]),
            "3×3 max pooling, stride 1, padding 1",
        ),
        "the pooling branch comes first": (
            branches([1.0, 1.0], [1.5, 0.0], [1.0, 0.0], [0.0, 2.0]),
            "the order of the branches in the docstring",
        ),
        "the branches of 3×3 and 5×5 are exchanged": (
            branches([1.5, 0.0], [0.0, 2.0], [1.0, 0.0], [1.0, 1.0]),
            "the order of the branches in the docstring",
        ),
    },
)
x = torch.randn(2, 1, 4, 4, requires_grad=True)
flows(net(x), {"x": x} | dict(net.named_parameters()), "Inception")
### BEGIN HIDDEN TESTS
for c_in, widths, size in ((1, (1, 1, 1, 1, 1, 1), (5, 8)), (6, (3, 2, 4, 1, 2, 5), (9, 3))):
    ours, theirs, x = (
        reference.Inception(c_in, widths),
        student.Inception(c_in, widths),
        (torch.randn(2, c_in, *size) - 1).requires_grad_(),  # zeros would beat most of them
    )
    theirs.load_state_dict(ours.state_dict())
    got, wanted = theirs(x), ours(x)
    close(got, wanted, f"Inception({c_in}, {widths}) on {size[0]} × {size[1]} pixels", "any size and widths")
    leaves, others = ({"x": x} | dict(sorted(net.named_parameters())) for net in (theirs, ours))
    follows(got, leaves, wanted, f"Inception({c_in}, {widths})", others=others)

# %% [markdown]
# A residual block *adds* what it has found. A dense block *keeps* everything: each layer sees all channels that were
# there before it, and puts a few of its own behind them. Fill in by hand: a block with 6 input channels, growth 4 and
# 3 layers. How many channels goes each layer's convolution into? How many come out at the end?

# %% solution="DenseBlock"
# How wide is the input of layer l?

# %% test="dense_values" points=4
net = student.DenseBlock(6, 4, 3)
kernels = {k: tuple(v.shape) for k, v in net.state_dict().items() if k.startswith("convs")}
expected = ["convs.0.weight", "convs.1.weight", "convs.2.weight"]
hint = "an nn.ModuleList called convs, without biases; a plain list hides its layers from PyTorch"
equal(sorted(kernels), expected, "the convolutions of DenseBlock(6, 4, 3)", hint)
got = [kernels[name] for name in sorted(kernels)]
hint = "each layer takes in 4 channels more than the one before, and gives 4"
equal(got, [(4, 6, 3, 3), (4, 10, 3, 3), (4, 14, 3, 3)], "the list of their kernels", hint)
means = {k: tuple(v.shape) for k, v in net.state_dict().items() if k.endswith("running_mean")}
expected = ["norms.0.running_mean", "norms.1.running_mean", "norms.2.running_mean"]
hint = "an nn.ModuleList called norms; in a plain list PyTorch neither trains nor saves them"
equal(sorted(means), expected, "the running means of DenseBlock(6, 4, 3)", hint)
affine = {f"norms.{layer}.{name}" for layer in range(3) for name in ("weight", "bias")}
what = "the list of tensors that the normalisations lack"
equal(sorted(affine - set(net.state_dict())), [], what, "nn.BatchNorm2d as it comes has a scale and a shift")
x = torch.randn(2, 6, 5, 5)
got = net(x)
got = shaped(
    got,
    (2, 18, 5, 5),
    "DenseBlock(6, 4, 3) on 5 × 5 pixels",
    "6 + 3 · 4 channels: join what there is along the channels, and `return` it",
)
close(got[:, :6], x, "the first 6 channels, which are x itself", "x first, new channels behind")
hint = "they stand *before* the convolutions"
equal([means[name] for name in sorted(means)], [(6,), (10,), (14,)], "the widths of the normalisations", hint)


def by_hand(net, values):
    """The net with kernels that look at one pixel only and normalisations that only add: arithmetic for paper."""
    tensors = net.state_dict()
    got = sorted(set(values) - set(tensors))
    equal(got, [], "the list of tensors that the net lacks", "first the names of the docstring")
    for name, old in tensors.items():
        scale = name.endswith("running_var") or (old.ndim == 1 and name.endswith("weight"))
        tensors[name] = (
            torch.full_like(old, 1 - 1e-5 * name.endswith("var")) if scale else torch.zeros_like(old)
        )
    for name, value in values.items():
        one = tensors[name].shape[-1] // 2 if tensors[name].ndim == 4 else 0
        place = (slice(None), slice(None), one, one) if tensors[name].ndim == 4 else slice(None)
        tensors[name][place] = torch.tensor(value)
    net.load_state_dict(tensors)
    net.eval()
    return net


net = by_hand(
    student.DenseBlock(1, 1, 2),
    {
        "convs.0.weight": -1.0,
        "norms.0.bias": 1.0,
        "convs.1.weight": [[1.0, 10.0]],
        "norms.1.bias": [0.0, 4.0],
    },
)


def channels(*rows):
    return torch.tensor(rows).view(3, 3, 1, 1)


got = net(torch.tensor([2.0, -3.0, 0.5]).view(3, 1, 1, 1))
expected = channels([2.0, -3.0, 12.0], [-3.0, 0.0, 40.0], [0.5, -1.5, 25.5])
what = "DenseBlock(1, 1, 2) on the pixels 2, −3 and ½, where layer 0 is y = −relu(x + 1), layer 1 relu(x) + 10 relu(y + 4)"
hint = "each layer: normalisation, relu, convolution; then what there was and what is new side by side"
mistakes = {
    "there is no relu": (
        channels([2.0, -3.0, 12.0], [-3.0, 2.0, 57.0], [0.5, -1.5, 25.5]),
        "normalisation, relu, convolution",
    ),
    "the normalisation is not used": (
        channels([2.0, -2.0, 2.0], [-3.0, 0.0, 0.0], [0.5, -0.5, 0.5]),
        "normalisation, relu, convolution",
    ),
    "relu stands behind the convolution too": (
        channels([2.0, 0.0, 42.0], [-3.0, 0.0, 40.0], [0.5, 0.0, 40.5]),
        "only before it",
    ),
}
close(got, expected, what, hint, mistakes=mistakes)
x = torch.randn(2, 1, 4, 4, requires_grad=True)
flows(net(x), {"x": x} | dict(net.named_parameters()), "DenseBlock")
### BEGIN HIDDEN TESTS
for arguments, size in (((3, 2, 4), (4, 7)), ((1, 5, 1), (3, 3)), ((8, 1, 5), (6, 5))):
    ours, theirs = reference.DenseBlock(*arguments), student.DenseBlock(*arguments)
    theirs.load_state_dict(ours.state_dict())
    x = (2 + torch.randn(4, arguments[0], *size)).requires_grad_()
    got, wanted = theirs(x), ours(x)
    close(got, wanted, f"DenseBlock{arguments} in training mode", "each layer sees all channels so far")
    leaves, others = ({"x": x} | dict(sorted(net.named_parameters())) for net in (theirs, ours))
    follows(got, leaves, wanted, f"DenseBlock{arguments}", others=others)
    ours.eval()
    theirs.eval()
    got = theirs(x)
    close(got, ours(x), f"DenseBlock{arguments} in evaluation mode", "each layer sees all channels so far")

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
def by_hand(net, values):
    """The net with kernels that look at one pixel only and normalisations that change nothing: arithmetic for paper."""
    tensors = net.state_dict()
    for name, old in tensors.items():
        scale = name.endswith("running_var") or (old.ndim == 1 and name.endswith("weight"))
        tensors[name] = (
            torch.full_like(old, 1 - 1e-5 * name.endswith("var")) if scale else torch.zeros_like(old)
        )
        if old.ndim == 4:
            middle = (
                tensors[name]
                if name.startswith("up")
                else tensors[name][:, :, old.shape[2] // 2, old.shape[3] // 2]
            )
            middle[:] = torch.tensor(values.get(name, 1.0))
    net.load_state_dict(tensors)
    net.eval()
    return net


def scores(*pixels):
    first = torch.tensor(pixels).view(1, 1, 2, 2)
    return torch.cat([first, -first], dim=1)


x = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 2, 2)
net = by_hand(
    student.UNet(1, 2, (1, 1)),
    {"bottom.0.weight": 2.0, "merge.0.0.weight": [[1.0, 10.0]], "head.weight": [[1.0], [-1.0]]},
)
got = net(x)
expected = scores(81.0, 82.0, 83.0, 84.0)
what = "UNet(1, 2, (1, 1)) on the pixels 1, 2, 3, 4, where bottom doubles, merge is kept + 10 · what comes up, and head ±"
hint = "down, bottom, up, across, merge, head: what is 4, the largest, on its way down and up?"
mistakes = {
    "what was kept stands behind what comes up": (
        scores(18.0, 28.0, 38.0, 48.0),
        "the docstring's order: kept output in front",
    ),
    "nothing is brought across": (scores(88.0, 88.0, 88.0, 88.0), "what was kept on the way down?"),
    "nothing comes up from the bottom": (scores(11.0, 22.0, 33.0, 44.0), "up[i](x)"),
    "the pooling takes means": (scores(51.0, 52.0, 53.0, 54.0), "max pooling"),
    "forward ends in a softmax": (
        torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2),
        "scores: the loss takes them as they are",
    ),
}
close(got, expected, what, hint, mistakes=mistakes)
net = student.UNet(1, 3, (4, 8))
what = "the scores for 6 × 10 pixels"
shaped(net(torch.randn(2, 1, 6, 10)), (2, 3, 6, 10), what, "as large as the picture, 3 classes")
deep = student.UNet(2, 4)
what = "the scores of a UNet of three levels"
shaped(deep(torch.randn(1, 2, 12, 8)), (1, 4, 12, 8), what, "the coarsest comes up first")
x = torch.randn(2, 2, 4, 8, requires_grad=True)
flows(deep(x), {"x": x} | dict(deep.named_parameters()), "UNet")
### BEGIN HIDDEN TESTS
for widths, size in (((4, 6, 10), (8, 12)), ((3, 5, 2, 7), (16, 8)), ((2, 3), (2, 4))):
    ours, theirs = reference.UNet(2, 3, widths), student.UNet(2, 3, widths)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 2, *size, requires_grad=True)
    got, wanted = theirs(x), ours(x)
    close(got, wanted, f"UNet(2, 3, {widths}) in training mode", "any number of levels", rtol=1e-3, atol=1e-4)
    leaves, others = ({"x": x} | dict(sorted(net.named_parameters())) for net in (theirs, ours))
    follows(got, leaves, wanted, f"UNet(2, 3, {widths})", others=others, rtol=1e-2, atol=1e-3)
    ours.eval()
    theirs.eval()
    what = f"UNet(2, 3, {widths}) in evaluation mode"
    close(theirs(x), ours(x), what, "any number of levels", rtol=1e-3, atol=1e-4)

for size in ((6, 8), (8, 6), (2, 4)):
    net, refused = student.UNet(1, 2, (2, 2, 2)), "nothing"
    try:
        net(torch.randn(1, 1, *size))
    except StudentError as error:
        refused = error.kinds[0]
    except (ValueError, RuntimeError) as error:
        refused = type(error).__name__
    what = f"UNet with three levels takes {size[0]} × {size[1]} pixels"
    hint = "after two poolings, is something left over? Check before you begin, and `raise ValueError(...)`"
    holds(refused == "ValueError", what, "ValueError", refused, hint)

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
a, b = torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 0], [1, 1]]])
got = student.iou(a, b, 2)
what = "iou of the two masks above"
mistakes = {
    "this is the Dice coefficient": ([2 / 3, 4 / 5], "the union counts each pixel once"),
    "pixels that are in both are counted twice in the union": ([1 / 3, 2 / 5], "a union counts each once"),
    "iou divides by the predicted pixels": ([1.0, 2 / 3], "by those that are c in at least one"),
    "iou divides by the target's pixels": ([0.5, 1.0], "by those that are c in at least one"),
    "this is the share of right pixels": ([0.75, 0.75], "class by class"),
    "iou gives the mean of the classes": ((1 / 2 + 2 / 3) / 2, "one number a class"),
}
close(got, [1 / 2, 2 / 3], what, "how many pixels are 0 in both? In at least one?", mistakes=mistakes)
what = "iou where nobody has named class 2"
close(student.iou(a, b, 3), [1 / 2, 2 / 3, 1.0], what, "0 / 0: the docstring says what it is to be")
### BEGIN HIDDEN TESTS
for shape, classes in (((3, 5, 4), 2), ((2, 7, 7), 5), ((4, 2, 3), 9)):
    a, b = torch.randint(0, classes, shape), torch.randint(0, classes, shape)
    expected = []
    for c in range(classes):
        pairs = [(p == c, q == c) for p, q in zip(a.flatten().tolist(), b.flatten().tolist())]
        union = sum(p or q for p, q in pairs)
        expected.append(sum(p and q for p, q in pairs) / union if union else 1.0)
    got = student.iou(a, b, classes)
    close(got, torch.tensor(expected), f"iou of {classes} classes, shape {shape}", "over the whole batch")
got = student.iou(a * 0, a * 0 + 1, 2)
close(got, torch.zeros(2), "iou of masks that have nothing in common", "0 of a union")

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
x = torch.arange(18.0).view(1, 2, 3, 3)
got = student.symmetries(x)
holds(
    isinstance(got, list | tuple) and len(got) == 8,
    "symmetries gives something else than eight tensors",
    "a list of 8",
    len(got) if isinstance(got, list | tuple) else type(got).__name__,
    "four quarter turns, and the four of the mirror image",
)
what = "symmetries lists something else than tensors"
hint = "the pictures themselves, in PyTorch"
holds(all(isinstance(y, torch.Tensor) for y in got), what, "8 tensors", [type(y).__name__ for y in got], hint)
what = "the list of their shapes"
equal([tuple(y.shape) for y in got], [(1, 2, 3, 3)] * 8, what, "turn rows and columns, dimensions 2 and 3")
holds(
    all(torch.equal(y[:, 1] - y[:, 0], torch.full((1, 3, 3), 9.0)) for y in got),
    "channels are mixed up",
    "red stays red",
    hint="dimensions 2 and 3 are rows and columns",
)
different = len({tuple(y.flatten().tolist()) for y in got})
what = "some of the eight are the same"
hint = "mirroring up-down is mirroring left-right and half a turn: which of your pictures come twice?"
holds(different == 8, what, "8 different pictures", f"{different} different ones", hint)
square = torch.arange(4).view(1, 1, 2, 2)
expected = [
    [0, 1, 2, 3],
    [0, 2, 1, 3],
    [1, 0, 3, 2],
    [1, 3, 0, 2],
    [2, 0, 3, 1],
    [2, 3, 0, 1],
    [3, 1, 2, 0],
    [3, 2, 1, 0],
]
what = "the list of the eight pictures of 0 1 above 2 3, sorted"
hint = "each keeps neighbours together: turns by quarters and mirror images only"
equal(sorted(y.flatten().tolist() for y in student.symmetries(square)), expected, what, hint)
### BEGIN HIDDEN TESTS
x = torch.randn(3, 2, 4, 4)
expected = {tuple(y.flatten().tolist()) for y in reference.symmetries(x)}
holds(
    {tuple(y.flatten().tolist()) for y in student.symmetries(x)} == expected,
    "symmetries of a batch of three pictures is not right",
    "all pictures of a batch are turned alike, and stay in their order",
)

# %% [markdown]
# And the mean. No training, no assumption on the net: *any* function becomes invariant. Why? (Turn the picture: what
# becomes of the list of its symmetries?)

# %% solution="averaged"


# %% test="averaged_exactly" points=3
def net(x):
    """The square of the pixel in the upper left corner, times the pixel to its right: no symmetry at all."""
    return x[:, 0, 0, :1] ** 2 * x[:, 0, 0, 1:2]


x = torch.tensor([[[[1.0, 2.0], [3.0, 10.0]]], [[[1.0, 1.0], [1.0, 2.0]]]])
got = student.averaged(net, x)
what = (
    "averaged(net, x) of the pictures 1 2 above 3 10 and 1 1 above 1 2, where net is the square of the upper left "
    "pixel times the upper right one"
)
mistakes = {
    "it adds up": ([[648.0], [16.0]], "the mean of eight answers"),
    "the net is given the mean *picture*": ([[64.0], [1.95312]], "mean of answers, not answer to the mean"),
    "it takes the largest answer": ([[300.0], [4.0]], "the mean"),
    "it takes the mean over the batch": ([41.5], "each picture has its own answer"),
    "it leaves out the mirror images": ([[87.75], [2.0]], "all that `symmetries` gives"),
}
close(got, [[81.0], [2.0]], what, "the mean of the answers to all eight symmetries", mistakes=mistakes)
for a, b, c, d in (
    (3, 1, 10, 2),
    (10, 3, 2, 1),
    (2, 10, 1, 3),
    (2, 1, 10, 3),
    (1, 3, 2, 10),
    (3, 10, 1, 2),
    (10, 2, 3, 1),
):
    got = student.averaged(net, torch.tensor([[[[float(a), float(b)], [float(c), float(d)]]]]))
    what = f"the answer to the first picture, turned or mirrored to {a} {b} above {c} {d}"
    close(got, [[81.0]], what, "the same for all positions")
x = torch.randn(2, 1, 3, 3, requires_grad=True)
flows(student.averaged(net, x), {"x": x}, "averaged")
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
    mean = sum(function(y) for y in turned) / 8
    near = {"rtol": 1e-5, "atol": 1e-4}  # another order of adding is right
    close(got, mean, f"averaged on {c} × {side} × {side} pixels", "the mean of all eight answers", **near)
    for y in turned:
        close(student.averaged(function, y), mean, "the answer to a turned picture", "the same", **near)


def smooth(x):
    """No symmetry, and a slope everywhere."""
    return (x.flatten(1) @ weight).tanh()


x, weight = torch.randn(2, 2, 3, 3, requires_grad=True), torch.randn(18, 2) / 4
turned = [torch.rot90(y, i, dims=(2, 3)) for i in range(4) for y in (x, x.flip(2))]
follows(student.averaged(smooth, x), {"x": x}, sum(smooth(y) for y in turned) / 8, "averaged")

# %% [markdown]
# ## 6 Twenty layers (6 points, 12 minutes and the machine's)
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
# Last, a wider net of your blocks, the one that you hand in. Train it as you like, but leave its layers and widths as
# `build` makes them: only then does the file fit the net that it is judged in. Its `features` will serve you again: in the lab on
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
tensors = student.artifact("depth")
holds(
    "blocks.0.conv1.weight" in tensors and all(torch.isfinite(tensor).all() for tensor in tensors.values()),
    "depth.safetensors does not hold a trained net",
    "finite tensors called conv.weight, blocks.0.conv1.weight, …",
    sorted(tensors)[:6],
    "run section 6 from its start, with every check above passed",
)
### BEGIN HIDDEN TESTS
judge("depth", tensors, 4)

# %% [markdown]
# Save the notebook, then hand in `depth.ipynb` and `depth.safetensors`; `course_utils.colab.submit("depth")` packs
# both.
