# %%
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import perf_counter

import torch
from torch import Tensor

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import points
from course_utils.plots import plane
from course_utils.training import record
from course_utils.widgets import turn

Layer = tuple[Tensor, Tensor]  # weights (M, D) and biases (M,) of M neurons with D inputs each

# %% [markdown]
# You will build a neuron, join neurons into layers and layers into a network, measure how bad its answers are, and
# let it learn to tell two arms of a spiral apart.
#
# ## 1 A neuron (2 points, 12 minutes)
#
# A neuron weighs its inputs, adds them up, and adds a *bias*:
#
# $$z = w_1 x_1 + w_2 x_2 + \dots + w_D x_D + b.$$
#
# Take two inputs. Work out $z$ on paper, then run the cell.

# %%
x = torch.tensor([2.0, -1.0])
w = torch.tensor([0.5, 3.0])
b = 1.5

w[0] * x[0] + w[1] * x[1] + b

# %% [markdown]
# Now for any number of inputs. A loop is fine here.

# %% solution="neuron"
# Begin with the bias, then go through inputs and weights together.

# %% test="neuron_values" points=2
got = student.neuron(torch.tensor([2.0, -1.0, 4.0]), torch.tensor([0.5, 3.0, 0.25]), 1.5)
what = "neuron([2, -1, 4], [0.5, 3, 0.25], 1.5)"
mistakes = {
    "it gives a number for each input": ([2.5, -1.5, 2.5], "a neuron gives one number: where do you add up?"),
    "it gives a product for each input": ([1.0, -3.0, 1.0], "a neuron gives one number: where do you add?"),
    "it leaves out the bias": (-1.0, "the formula's last term"),
    "it adds the bias once for each input": (3.5, "how often does b stand in the formula?"),
    "it uses two inputs of three": (-0.5, "take as many as there are"),
}
close(got, 0.5, what, "work out this one by hand and print your steps", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for size in (1, 2, 7, 50):
    x, w, b = torch.randn(size), torch.randn(size), torch.randn(())
    got = student.neuron(x, w, b)
    close(got, (w * x).sum() + b, f"neuron with {size} inputs", "any number of inputs, any sign")

# %% [markdown]
# What do the weights *do*? Let a neuron with two inputs look at every place of the plane: blue where $z$ is large,
# orange where it is very negative, a line where it is 0.
#
# Before you run: pictures 1 and 2 differ in the size of $\mathbf{w}$, 2 and 3 in its direction, 3 and 4 in $b$.
# What changes?


# %%
def look(w: tuple[float, float], b: float) -> Callable[[Tensor], Tensor]:
    """One neuron, asked at each of many places, one after another."""
    return lambda places: torch.tensor([float(neuron(place, torch.tensor(w), b)) for place in places])


clusters = points.load("mini", "train", "clusters").tensors
figure, axes = plots.subplots(1, 4, figsize=(12, 3.2))
for ax, (w, b) in zip(axes, [((1.0, 0.0), 0.0), ((6.0, 0.0), 0.0), ((-4.0, -4.0), 0.0), ((-4.0, -4.0), 3.0)]):
    plane(look(w, b), *clusters, ax, f"w = {w}, b = {b}", cells=30)
plots.show(figure, "Four neurons' views of the plane, over two clusters of points: straight edges.")

# %% [markdown]
# A neuron draws a straight edge. The direction of $\mathbf{w}$ turns it, the length of $\mathbf{w}$ sharpens it,
# $b$ shifts it.
#
# **Play with it.** Below stands *your* `neuron`, with its weights in your hand. Part the two clusters: how many of the
# points can you get right? Then leave the edge where it is and make it soft, then sharp. Which knobs do you turn
# together for that, and which alone?


# %%
def edge(w1=1.0, w2=0.0, b=0.0):
    """The plane as a neuron with these weights sees it."""
    figure, ax = plots.subplots(figsize=(3.4, 3.4))
    view, (x, y) = look((w1, w2), b), clusters
    right = float(((view(x) > 0) == (y == 1)).float().mean())
    plane(view, x, y, ax, f"{right:.0%} of the points on their own side", cells=30)
    return plots.show(
        figure, f"A neuron with weights {w1:g}, {w2:g} and bias {b:g} colours the plane; {right:.0%} right."
    )


turn(
    edge,
    "Turn w1 and w2: the edge turns too, and stands square to the arrow (w1, w2). Turn b: it moves along that arrow.",
    w1=(-6.0, 6.0, 0.5),
    w2=(-6.0, 6.0, 0.5),
    b=(-6.0, 6.0, 0.5),
)

# %% [markdown]
# ## 2 Activations (4 points, 12 minutes)
#
# What a neuron passes on is its sum, bent by an *activation*:
#
# | | | |
# | --- | --- | --- |
# | linear | $z$ | passes everything |
# | sigmoid | $\sigma(z) = \dfrac{1}{1 + e^{-z}}$ | squeezes into $(0, 1)$ |
# | tanh | $\tanh z = 2\sigma(2z) - 1$ | squeezes into $(-1, 1)$ |
# | ReLU | $\max(0, z)$ | cuts off what is negative |
# | ELU | $z$ if $z > 0$, else $e^z - 1$ | the same, with a soft landing |
#
# Guess $\sigma$ at $-2$, $0$, $2$ and $200$ to one decimal, then run.

# %%
[1 / (1 + 2.718 ** (-z)) for z in (-2, 0, 2, 200)]

# %% solution="sigmoid"
# For a tensor: torch.exp works on every number at once.

# %% test="sigmoid_values" points=1
got = student.sigmoid(torch.tensor([-2.0, 0.0, 2.0]))
mistakes = {
    "it falls where it should rise": ([0.8808, 0.5, 0.1192], "the sign in the exponent"),
    "this is tanh": ([-0.9640, 0.0, 0.9640], "sigmoid lies between 0 and 1: the table above ties the two"),
}
close(got, [0.1192, 0.5, 0.8808], "sigmoid([-2, 0, 2])", "the table above", atol=1e-4, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape in ((), (5,), (3, 1), (2, 3, 4)):
    z = 3 * torch.randn(shape)
    got = student.sigmoid(z)
    close(got, torch.sigmoid(z), f"sigmoid of a tensor of shape {shape}", "each number by itself")
z = torch.tensor([-200.0, -50.0, 50.0, 200.0])
close(student.sigmoid(z), [0.0, 0.0, 1.0, 1.0], f"sigmoid({z.tolist()})", "∞/∞ is not a number")

# %% [markdown]
# Learning follows slopes. The slope of $\sigma$ far out is almost 0; is yours, or is it `nan`? One `nan` ruins
# every weight that it touches.

# %%
z = torch.tensor([-200.0, 0.5, 200.0], requires_grad=True)
torch.autograd.grad(sigmoid(z.clone()).sum(), z)

# %% test="sigmoid_slope" points=1
z = torch.tensor([-200.0, -2.0, 0.5, 200.0], requires_grad=True)
(slope,) = slopes(
    student.sigmoid(z),
    {"z": z},
    "sigmoid",
    "float(), .item(), .numpy() and math.exp leave PyTorch; stay with its functions",
)
holds(slope is not None, "autograd finds no way from sigmoid back to z", "a slope in each z", "none")
holds(
    torch.isfinite(slope).all(),
    "the slope of sigmoid is not a number",
    "finite slopes at z = -200, -2, 0.5, 200",
    [round(s, 4) for s in slope.tolist()],
    "print torch.exp(torch.tensor(200.0)). Which function of the table does not overflow? (torch.where computes "
    "both of its branches: an overflow in the one not taken still ruins the slope.)",
)
what = "the slope of sigmoid at [-200, -2, 0.5, 200]"
close(slope, [0.0, 0.1049936, 0.2350037, 0.0], what, "does anything in your code cut off large z?")
### BEGIN HIDDEN TESTS
z = (60 * torch.randn(200)).requires_grad_()
(slope,) = slopes(student.sigmoid(z), {"z": z}, "sigmoid")
s = torch.sigmoid(z.detach())
close(slope, s * (1 - s), "the slope of sigmoid at many places", "slopes far from 0 are finite, and almost 0")

# %% solution="relu"
# One call is enough.

# %% test="relu_values" points=1
got = student.relu(torch.tensor([-3.0, 0.0, 2.5]))
mistakes = {
    "it folds what is negative upwards": ([3.0, 0.0, 2.5], "max(0, z) of -3 is not 3"),
    "it gives 0 or 1": ([0.0, 0.0, 1.0], "it tells *whether* z is positive; max(0, z) also tells how much"),
    "one number stands everywhere": (torch.full((3,), 2.5), "compare each number with 0, not with others"),
}
close(got, [0.0, 0.0, 2.5], "relu([-3, 0, 2.5])", "max(0, z), number by number", mistakes=mistakes)
z = torch.tensor([-1.0, 2.0], requires_grad=True)
flows(student.relu(z), {"z": z}, "relu")
### BEGIN HIDDEN TESTS
far = torch.tensor([-400.0, 7.0, 400.0])
close(student.relu(far), [0.0, 7.0, 400.0], "relu([-400, 7, 400])", "max(0, z), however far")
for shape in ((), (7,), (3, 1), (2, 3, 4)):
    z = 5 * torch.randn(shape)
    close(student.relu(z), torch.relu(z), f"relu of a tensor of shape {shape}", "each number by itself")
z = torch.randn(40, requires_grad=True)
follows(student.relu(z), {"z": z}, torch.relu(z), "relu")

# %% solution="elu"
# torch.where(condition, a, b) chooses number by number. Autograd goes through both a and b: is each finite for all z?

# %% test="elu_values" points=1
got = student.elu(torch.tensor([-3.0, -1.0, 0.0, 2.5]))
expected = [-0.9502, -0.6321, 0.0, 2.5]
mistakes = {
    "it jumps at 0": ([0.0498, 0.3679, 1.0, 2.5], "what must be taken from eᶻ so that the halves meet?"),
    "it bends on both sides": ([-0.9502, -0.6321, 0.0, 11.1825], "it is z itself where z > 0"),
}
close(got, expected, "elu([-3, -1, 0, 2.5])", "the table's last row", atol=1e-4, mistakes=mistakes)
z = torch.tensor([-200.0, -1.0, 1.0, 200.0], requires_grad=True)
(slope,) = slopes(student.elu(z), {"z": z}, "elu", "stay with PyTorch's functions")
hint = "e²⁰⁰ is infinite here, and 0 · ∞ is not a number, also in a half that is not chosen: what may e be raised to?"
close(slope, [0.0, 0.3678794, 1.0, 1.0], "the slope of elu at -200, -1, 1 and 200", hint)
### BEGIN HIDDEN TESTS
for shape in ((), (7,), (3, 1), (2, 3, 4)):
    z = 5 * torch.randn(shape)
    got = student.elu(z)
    close(got, torch.nn.functional.elu(z), f"elu of a tensor of shape {shape}", "each number by itself")
z = torch.tensor([-200.0, 200.0])
close(student.elu(z), [-1.0, 200.0], "elu([-200, 200])", "e²⁰⁰ is infinite here, and 0 · ∞ is not a number")
z = torch.randn(40, requires_grad=True)
follows(student.elu(z), {"z": z}, torch.nn.functional.elu(z), "elu")

# %% [markdown]
# The five and, dashed, their slopes. Where is a slope 0? A neuron that sits there learns nothing.

# %%
curves = {"linear": lambda z: z, "sigmoid": sigmoid, "tanh": torch.tanh, "ReLU": relu, "ELU": elu}
figure, axes = plots.subplots(1, 5, figsize=(12, 2.4), sharey=True)
z = torch.linspace(-4, 4, 200, requires_grad=True)
for ax, (name, f) in zip(axes, curves.items()):
    y = f(z.clone())
    (slope,) = torch.autograd.grad(y.sum(), z)
    ax.plot(z.detach(), y.detach())
    ax.plot(z.detach(), slope, "--")
    ax.set(title=name, ylim=(-1.6, 3))
plots.show(figure, "Five activations and their slopes, from -4 to 4.")

# %% [markdown]
# ## 3 Layers (6 points, 15 minutes)
#
# A *layer* is several neurons that see the same inputs. Its weights are a matrix $\mathbf{W}$ with **a row for
# each neuron**. Below are three examples and two neurons. Which shape will come out, and which number stands in
# row 0, column 1?

# %%
x = torch.tensor([[1.0, 2.0], [0.0, 1.0], [-1.0, 0.0]])  # (B, D): a row an example
W = torch.tensor([[1.0, 0.0], [1.0, -1.0]])  # (M, D): a row a neuron
b = torch.tensor([0.0, 10.0])  # (M,)

torch.tensor([[neuron(example, w, bias) for w, bias in zip(W, b)] for example in x])

# %% [markdown]
# Two nested loops of products and sums are a matrix product. Write the layer without a loop.

# %% solution="layer"
# Write down the shapes of x, W and of what is to come out. How must W stand for `@`?

# %% test="layer_values" points=3
x = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
W = torch.tensor([[1.0, 0.0], [3.0, -1.0]])
b = torch.tensor([10.0, 20.0])
got = student.layer(x, W, b)
what = "layer([[1, 2], [0, 1]], [[1, 0], [3, -1]], [10, 20])"
hint = "compare one number with neuron(x[0], W[0], b[0])"
mistakes = {
    "it uses W the other way round": (
        [[17.0, 18.0], [13.0, 19.0]],
        "neurons are the rows of W; what does `x @ W` pair up?",
    ),
    "it multiplies in the wrong order": (
        [[11.0, 22.0], [13.0, 25.0]],
        "rows of the result are examples: what must stand left?",
    ),
    "neurons stand as rows": ([[11.0, 10.0], [21.0, 19.0]], "the docstring's last line: row i is an example"),
    "it leaves out the biases": ([[1.0, 1.0], [0.0, -1.0]], "the sum has a last term"),
    "it gives each example a bias": ([[11.0, 11.0], [20.0, 19.0]], "b has one number a neuron: a column"),
}
close(got, [[11.0, 21.0], [10.0, 19.0]], what, hint, mistakes=mistakes)
got = student.layer(torch.ones(2, 3), torch.ones(4, 3), torch.zeros(4))
what = "layer of 2 examples, 3 inputs and 4 neurons, all weights 1"
close(got, torch.full((2, 4), 3.0), what, "print the shapes of x and W, then that of your result")
leaves = {"x": x.requires_grad_(), "W": W.requires_grad_(), "b": b.requires_grad_()}
flows(student.layer(x, W, b), leaves, "layer")
### BEGIN HIDDEN TESTS
for B, D, M in ((1, 1, 1), (1, 4, 2), (5, 3, 4), (4, 5, 4), (9, 2, 1)):
    x, W, b = torch.randn(B, D), torch.randn(M, D), torch.randn(M)
    expected = torch.nn.functional.linear(x, W, b)
    got = student.layer(x, W, b)
    close(got, expected, f"layer with {B} examples, {D} inputs, {M} neurons", "B, D and M may differ")
x, W, b = (torch.randn(shape, requires_grad=True) for shape in ((5, 3), (4, 3), (4,)))
wanted = torch.nn.functional.linear(x, W, b)
follows(student.layer(x, W, b), {"x": x, "W": W, "b": b}, wanted, "layer")

# %% [markdown]
# Same as before? And how much faster?

# %%
x, W, b = torch.randn(40, 50), torch.randn(10, 50), torch.randn(10)
begun = perf_counter()
by_loop = torch.tensor([[neuron(example, w, bias) for w, bias in zip(W, b)] for example in x])
looped = perf_counter()
at_once = layer(x, W, b)
done = perf_counter()

same = torch.allclose(by_loop, at_once, atol=1e-4)
print(f"Same as before? {same}. {(looped - begun) / (done - looped):.0f} times faster.")

# %% [markdown]
# Stacked, each layer takes what the one before gives: a *multilayer perceptron*. The layers between inputs and
# outputs are *hidden*; the activation bends what they pass on. The last layer stays unbent: its sums are the
# network's answers.

# %% solution="mlp"
# Carry one tensor from layer to layer. Which layers are followed by the activation?


# %%
def layers_left(x: Tensor, layers: list[Layer], activation: Callable[[Tensor], Tensor]) -> list[int]:
    """The neurons of each layer that stands in the list once `mlp` has used it, in its order."""
    mlp(x, layers, activation)
    return [len(b) for _, b in layers]


# %% test="mlp_values" points=3
def square(z):
    return z * z


x = torch.tensor([[1.0, -2.0], [0.0, 1.0]])
layers = [
    (torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, -1.0]]), torch.tensor([0.0, 1.0, -1.0])),
    (torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, 1.0]]), torch.tensor([2.0, -1.0])),
    (torch.tensor([[1.0, -2.0]]), torch.tensor([3.0])),
]
got = student.mlp(x, layers, square)
expected = [[-123.0], [-25.0]]
hint = "print the shape and the numbers after each layer, and follow the first example by hand"
mistakes = {
    "it bends the last layer too": ([[15129.0], [625.0]], "every layer *but the last*"),
    "it leaves out the last layer": ([[36.0, 81.0], [4.0, 16.0]], "the answer comes from it"),
    "it does not use the activation": ([[-5.0], [9.0]], "what happens between layers?"),
    "it bends once": ([[-21.0], [-3.0]], "after each layer but the last"),
    "it always uses ReLU": ([[-3.0], [5.0]], "which activation is passed in?"),
}
close(got, expected, "mlp with widths 2, 3, 2, 1 and z² for its activation", hint, mistakes=mistakes)
leaves = {f"{name} of layer {i}": t for i, pair in enumerate(layers) for name, t in zip("Wb", pair)}
for tensor in leaves.values():
    tensor.requires_grad_()
hint = "use W and b as they come: .detach(), .numpy() and new nn.Parameters cut the thread"
flows(student.mlp(x, layers, square), leaves, "mlp", hint)
what = "mlp with a single layer"
hint = "the only layer is the last one"
close(student.mlp(x, layers[:1], square), [[-1.0, 3.0, 1.0], [1.0, 1.0, -2.0]], what, hint)
what = "the list of the layers' neurons once mlp has used it, of layers of 3, 2 and 1"
hint = "a network is asked again and again: .pop() and del take layers out of the caller's own list, .reverse() turns it"
equal(student.layers_left(x, layers, square), [3, 2, 1], what, hint)
### BEGIN HIDDEN TESTS
from itertools import pairwise

for widths in ([3, 2], [1, 5, 2], [4, 3, 3, 3, 2], [3, 2, 2, 2], [2, 1, 1], [2, 1, 3, 1]):
    layers = [(torch.randn(m, d) / math.sqrt(d), torch.randn(m)) for d, m in pairwise(widths)]
    x = torch.randn(6, widths[0])
    leaves = {"x": x} | {
        f"{name} of layer {i}": t for i, pair in enumerate(layers) for name, t in zip("Wb", pair)
    }
    for tensor in leaves.values():
        tensor.requires_grad_()
    expected = x
    for place, (W, b) in enumerate(layers):
        expected = expected @ W.T + b
        if place < len(layers) - 1:
            expected = square(expected)
    got = student.mlp(x, layers, square)
    close(got, expected, f"mlp with widths {widths}, squaring", "any number of layers, of any width")
    follows(got, leaves, expected, f"mlp with widths {widths}")

# %% [markdown]
# Three tiny networks. The first has two ReLU neurons with weights 1 and −1, no biases, and adds them up. Which
# function of $x$ is it? Write down its values at $-3, 0, 2$, then run.

# %%
x = torch.tensor([[-3.0], [0.0], [2.0]])
folded = [(torch.tensor([[1.0], [-1.0]]), torch.zeros(2)), (torch.tensor([[1.0, 1.0]]), torch.zeros(1))]
mlp(x, folded, relu)[:, 0]

# %% [markdown]
# And two layers with the *linear* activation against a single layer with weights $\mathbf{W}_2\mathbf{W}_1$. Same?

# %%
x, (W1, b1), (W2, b2) = (
    torch.randn(5, 2),
    (torch.randn(8, 2), torch.randn(8)),
    (torch.randn(3, 8), torch.randn(3)),
)
two = mlp(x, [(W1, b1), (W2, b2)], lambda z: z)
one = layer(x, W2 @ W1, W2 @ b1 + b2)
print("Same as before?", torch.allclose(two, one, atol=1e-4))

# %% [markdown]
# Without a bend, depth is worth nothing.
#
# ## 4 XOR by hand (2 points, 10 minutes)
#
# *Exclusive or*: at the corners $(\pm 1, \pm 1)$, is the sign of $x_1$ another than the sign of $x_2$?
#
# | $x_1$ | $x_2$ | output |
# | --- | --- | --- |
# | −1 | −1 | below 0 |
# | −1 | +1 | above 0 |
# | +1 | −1 | above 0 |
# | +1 | +1 | below 0 |
#
# Try to part the two kinds of corners with one straight line. It can't be done, so one neuron can't do it. Two
# hidden ReLU neurons and an output can: find weights, with pencil and paper. (What is $|x_1 - x_2|$ at the
# corners? You saw an absolute value being built.)

# %% solution="xor_layers"
# W1 has a row for each hidden neuron. Then look at what they give at the corners, and choose W2 and b2.

# %% test="xor_corners" points=2
layers = student.xor_layers()
holds(
    isinstance(layers, list | tuple)
    and [len(pair) if isinstance(pair, list | tuple) else 0 for pair in layers] == [2, 2],
    "xor_layers gives something else than two layers",
    "[(W1, b1), (W2, b2)]",
    layers,
)
layers = [[torch.as_tensor(part).detach().double() for part in pair] for pair in layers]
shapes = [list(part.shape) for pair in layers for part in pair]
expected = [[2, 2], [2], [1, 2], [1]]
equal(shapes, expected, "the list of shapes of W1, b1, W2, b2", "two hidden neurons, one output")
(W1, b1), (W2, b2) = layers
for corner in ([-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]):
    hidden = torch.relu(W1 @ torch.tensor(corner).double() + b1)
    z = float(W2 @ hidden + b2)
    holds(
        z > 0 if corner[0] != corner[1] else z < 0,
        f"the output at {corner} is on the wrong side",
        "above 0" if corner[0] != corner[1] else "below 0",
        f"{z:.4g}, from hidden values {[round(h, 4) for h in hidden.tolist()]}",
        "which hidden value should be large here, which 0? Then the output's weights and bias",
    )

# %% [markdown]
# You solved the corners. What did you do to the rest of the plane?

# %%
xor = points.load("mini", "train", "xor").tensors
by_hand = [(torch.as_tensor(W).float(), torch.as_tensor(b).float()) for W, b in xor_layers()]
figure, ax = plots.subplots(figsize=(3.2, 3.2))
plane(lambda x: mlp(x, by_hand, relu), *xor, ax, "XOR by hand")
plots.show(
    figure, "The plane as the network with hand-set weights colours it, over points of four quadrants."
)

# %% [markdown]
# ## 5 Badness (5 points, 12 minutes)
#
# To improve weights, we first need one number that says how bad the answers are: the *loss*. For numbers
# (*regression*), take the mean of squared differences. For predictions $(2, 0)$ and targets $(1, 3)$, what is it?
#
# There is a trap. Guess the shape, then run:

# %%
prediction = torch.tensor([[1.0], [2.0], [3.0]])  # as a network with one output gives it: (3, 1)
target = torch.tensor([1.0, 2.0, 3.0])  # (3,)
(prediction - target).shape

# %% [markdown]
# Every prediction was compared with every target, and nothing complained. Yours will.

# %% solution="squared_error"
# The shapes first.

# %% test="squared_error_values" points=1
got = student.squared_error(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0]))
what = "squared_error([2, 0], [1, 3])"
mistakes = {
    "it adds up": (10.0, "a *mean* does not grow with the number of examples"),
    "it takes a root": (2.2360680, "the mean of the squares is all"),
    "it takes absolute differences": (2.0, "squares"),
    "it gives one number for each example": ([1.0, 9.0], "the loss is one number"),
}
close(got, 5.0, what, "differences, their squares, the mean of these", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape in ((1,), (7,), (4, 3), (2, 3, 2)):
    p, t = torch.randn(shape), torch.randn(shape)
    expected = sum((a - b) ** 2 for a, b in zip(p.flatten(), t.flatten())) / p.numel()
    got = student.squared_error(p, t)
    close(got, expected, f"squared_error of shape {shape}", "the mean over *all* places")

# %% test="squared_error_shapes" points=1
what = "squared_error compares (3, 1) with (3,)"
hint = "compare .shape of both before you subtract, and `raise ValueError(...)` if they differ"
raises(ValueError, lambda: student.squared_error(torch.randn(3, 1), torch.randn(3)), what, hint)
### BEGIN HIDDEN TESTS
for one, other in (((3,), (3, 1)), ((4, 2), (2,)), ((1,), (5,)), ((2, 3), (1, 3))):
    raises(
        ValueError,
        lambda one=one, other=other: student.squared_error(torch.randn(one), torch.randn(other)),
        f"squared_error compares {one} with {other}",
        "every unequal pair of shapes, also where the number of dimensions is the same",
    )

# %% [markdown]
# For classes (*classification*) the network's output $z$, a *logit*, becomes a probability $\sigma(z)$ of class 1,
# and the loss is the surprise at the true class $y$: $-\log \sigma(z)$ if $y = 1$, $-\log(1 - \sigma(z))$ if $y =
# 0$. What does a network pay that always says $z = 0$?
#
# Where $\sigma(z)$ rounds to 0, the logarithm is $-\infty$. Write both cases with $e^{z}$ and simplify before you
# compute: PyTorch has `logaddexp`, `logsigmoid` and `softplus`, which never overflow.

# %% solution="cross_entropy"
# -log σ(z) = log(1 + e^-z), and 1 - σ(z) = σ(-z).

# %% test="cross_entropy_values" points=2
z, y = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([1.0, 0.0, 0.0])
got = student.cross_entropy(z, y)
what = "cross_entropy([0, 2, -1], [1, 0, 0])"
mistakes = {
    "it adds up": (3.1333369, "the loss is a *mean* over examples"),
    "it gives one number for each example": ([0.69315, 2.12693, 0.31326], "a loss is one number: the mean"),
    "it takes class 0 for class 1": (0.7111123, "σ(z) is the probability of class 1"),
    "it is negative": (-1.0444456, "surprise is −log of a probability"),
    "it ignores class 0": (0.2310491, "examples with y = 0 pay too"),
    "it counts in bits": (1.5068166, "the natural logarithm"),
}
close(got, 1.0444456, what, "the first example alone pays log 2 ≈ 0.6931", mistakes=mistakes)
got = student.cross_entropy(z.requires_grad_(), y)
hint = "float(), .item(), .numpy() and the module math leave PyTorch; stay with its functions"
holds(getattr(got, "requires_grad", False), "autograd cannot follow cross_entropy", hint=hint)
### BEGIN HIDDEN TESTS
for size in (1, 4, 33):
    z, y = 3 * torch.randn(size), torch.randint(0, 2, (size,))
    expected = torch.nn.functional.binary_cross_entropy_with_logits(z, y.float())
    got = student.cross_entropy(z, y)
    close(got, expected, f"cross_entropy of {size} integer classes", "integers are welcome as classes")
    got = student.cross_entropy(z, y.float())
    close(got, expected, f"cross_entropy of {size} examples", "both classes at once")
z, y = torch.randn(20, requires_grad=True), torch.randint(0, 2, (20,)).float()
wanted = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
follows(student.cross_entropy(z, y), {"the logits": z}, wanted, "cross_entropy")

# %% test="cross_entropy_far" points=1
hint = "log(σ(z)) in two steps overflows, and clamping changes the loss: use one function for log(1 + e^z)"
for z, y, cost in ((-1000.0, 1.0, 1000.0), (1000.0, 0.0, 1000.0), (1000.0, 1.0, 0.0), (-1000.0, 0.0, 0.0)):
    got = student.cross_entropy(torch.tensor([z]), torch.tensor([y]))
    close(got, cost, f"cross_entropy of z = {z:g} for y = {y:g}", hint)
### BEGIN HIDDEN TESTS
z, y = 300 * torch.randn(50), torch.randint(0, 2, (50,)).float()
expected = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
close(student.cross_entropy(z, y), expected, "cross_entropy of large logits", hint)

# %% [markdown]
# ## 6 Two modes (3 points, 10 minutes)
#
# In *development* we change the network and look at what happens. In *production* it answers about examples that
# nobody has seen. To know in development how production will go, keep some examples out of training: *validation*.
#
# For people, badness is better told as the share of right answers.

# %% solution="accuracy"
# A logit is not a probability: where is the border?

# %% test="accuracy_values" points=1
z, y = torch.tensor([0.3, 2.0, -1.0, -0.2, -3.0]), torch.tensor([1, 1, 0, 1, 0])
got = student.accuracy(z, y)
what = "accuracy([0.3, 2, -1, -0.2, -3], [1, 1, 0, 1, 0])"
mistakes = {
    "it cuts at 0.5": (0.6, "logits are not probabilities: at which z is σ(z) = 0.5?"),
    "it is the share of *wrong* answers": (0.2, "which class does a logit above 0 answer?"),
    "it is the share of answers of class 1": (0.4, "an answer of class 0 can be right, too"),
    "it counts": (4.0, "a *share* lies between 0 and 1"),
    "it is in per cent": (80.0, "a share from 0 to 1"),
}
close(got, 0.8, what, "which of the five are right?", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for size in (1, 3, 40):
    z, y = torch.randn(size), torch.randint(0, 2, (size,))
    expected = sum((a > 0) == (c == 1) for a, c in zip(z.tolist(), y.tolist())) / size
    got = student.accuracy(z, y)
    close(got, expected, f"accuracy of {size} examples", "class 1 where the logit is above 0")
got = student.accuracy(torch.ones(4), torch.ones(4))
close(got, 1.0, "accuracy with classes as floats", "all are right here")
got = student.accuracy(torch.zeros(4), torch.zeros(4))
close(got, 1.0, "accuracy where the logit is 0", "0 is not above 0")

# %% solution="split"
# Draw one order of all examples, for x and y alike.

# %% test="split_parts" points=2
y = torch.arange(20)
x = torch.stack([y + 0.25, -1.0 * y], dim=1)  # each row tells its own class
parts = student.split(x, y, 6, seed=0)
what = "split gives something else than two pairs"
expected = "(x_train, y_train), (x_val, y_val)"
got = f"{type(parts).__name__} of {len(parts) if isinstance(parts, list | tuple) else 'no parts'}"
holds(isinstance(parts, list | tuple) and [len(part) for part in parts] == [2, 2], what, expected, got)
holds(
    all(isinstance(part, torch.Tensor) for pair in parts for part in pair),
    "split gives something else than tensors",
    "four tensors, in two pairs",
    [type(part).__name__ for pair in parts for part in pair],
    ".numpy() and .tolist() leave PyTorch; the cells below compute with tensors",
)
(x_train, y_train), (x_val, y_val) = parts
got = [len(x_train), len(y_train), len(x_val), len(y_val)]
equal(got, [14, 14, 6, 6], "the list of sizes of x_train, y_train, x_val, y_val", "`held_out` is 6 of 20")
for part, (rows, classes) in {"training": (x_train, y_train), "validation": (x_val, y_val)}.items():
    own = torch.stack([classes + 0.25, -1.0 * classes], dim=1)
    what = f"the pairing in the {part} part"
    equal(rows, own, what, "has an example lost its own class? One order, used for x and y")
got = sorted([*y_train.tolist(), *y_val.tolist()])
equal(got, list(range(20)), "the list of all examples in the two parts", "each once: cut *one* order in two")
what = "split takes the first or the last examples"
expected = "a random choice: files are often sorted by class"
holds(y_val.sort().values.tolist() not in ([*range(6)], [*range(14, 20)]), what, expected, y_val.tolist())
again, other = student.split(x, y, 6, seed=0), student.split(x, y, 6, seed=1)
what = "split, called again with the same seed,"
equal(again[1][1], y_val, what, "draw from torch.Generator().manual_seed(seed), inside split")
what = "split ignores its seed"
holds(not torch.equal(other[1][1], y_val), what, "another choice with seed 1", other[1][1].tolist())
### BEGIN HIDDEN TESTS
for size, held_out in ((2, 1), (31, 8), (100, 99)):
    x, y = torch.randn(size, 3), torch.arange(size)
    (x_train, y_train), (x_val, y_val) = student.split(x, y, held_out, seed=size)
    got = list(x_val.shape)
    equal(got, [held_out, 3], f"the validation part of {size} examples", "its size is `held_out`")
    got = torch.cat([x_train, x_val])
    equal(got, x[torch.cat([y_train, y_val]).long()], f"pairs of {size} examples", "kept together")
    got = sorted([*y_train.tolist(), *y_val.tolist()])
    equal(got, list(range(size)), f"{size} examples in two parts", "each once")
chosen = torch.stack([student.split(x, y, 20, seed)[1][1] for seed in range(100)]).long()  # (seeds, 20)
what = "of 100 examples, how many come to validation in 100 splits"
hint = "which indices can your draw give?"
holds(len(chosen.unique()) == 100, what, "all: every example has the same chance", len(chosen.unique()), hint)
held = torch.zeros(100, 100).scatter_(1, chosen, 1.0)
together = ((held * held.roll(1, 1)).sum(1) / 20).mean().item()
what = "how many of the validation examples stand next to another one in the file"
hint = "draw the order by chance, not only the place where you cut: files are often sorted"
holds(0.1 < together < 0.3, what, "about 20 %, as chance has it", f"{together:.0%}", hint)

# %% [markdown]
# ## 7 The spiral (2 points, 8 minutes)
#
# Learning itself is given, for now: PyTorch finds the slope of the loss in every weight, and each weight goes a
# little way downhill.


# %% given="new_layers,descend"


# %%
def learn(layers: list[Layer], x: Tensor, y: Tensor, steps: int) -> list[float]:
    """Go `steps` steps downhill; returns the loss at each of them."""
    parameters = [tensor for pair in layers for tensor in pair]
    losses = []
    for _ in range(steps):
        loss = cross_entropy(mlp(x, layers, torch.tanh)[:, 0], y)
        descend(parameters, loss, rate=0.5)
        losses.append(loss.item())
    return losses


# %% [markdown]
# Four data sets, three networks, 500 steps each. Before you run: which of the twelve will do little better than
# guessing, 0.5?

# %% trains="neurons"
generator = torch.Generator().manual_seed(0)
figure, axes = plots.subplots(3, 4, figsize=(10, 8))
for column, kind in enumerate(["clusters", "xor", "circle", "spiral"]):
    x, y = points.load("mini", "train", kind).tensors
    (x_train, y_train), (x_val, y_val) = split(x, y, len(x) // 4, seed=0)
    for row, widths in enumerate([[2, 1], [2, 3, 1], [2, 16, 16, 1]]):
        layers = new_layers(widths, generator)
        learn(layers, x_train, y_train, steps=500)
        with torch.no_grad():
            share = accuracy(mlp(x_val, layers, torch.tanh)[:, 0], y_val)
        title = f"{kind} {widths}: {float(share):.2f}"
        plane(
            lambda x, layers=layers: mlp(x, layers, torch.tanh),
            x_val,
            y_val,
            axes[row, column],
            title,
            cells=40,
        )
plots.show(
    figure, "Three networks on four data sets: what each answers over the plane, with validation points."
)

# %% [markdown]
# Now the spiral, for longer. Change `widths` and `steps` as you like, and go by the *validation* accuracy.

# %% trains="neurons"
x, y = points.load(tier, "train", "spiral").tensors
(x_train, y_train), (x_val, y_val) = split(x, y, len(x) // 4, seed=0)

widths = [2, 32, 32, 1]
layers, losses = new_layers(widths, torch.Generator().manual_seed(0)), []
for _ in range(6):
    losses += learn(layers, x_train, y_train, steps=500)
    with torch.no_grad():
        share = float(accuracy(mlp(x_val, layers, torch.tanh)[:, 0], y_val))
    print(f"{len(losses)} steps: loss {losses[-1]:.3f}, validation accuracy {share:.3f}")

# %% trains="neurons"
figure, (left, right) = plots.subplots(1, 2, figsize=(8, 3.4))
left.semilogy(losses)
left.set(xlabel="step", ylabel="training loss")
plane(lambda x: mlp(x, layers, torch.tanh), x_val, y_val, right, "validation points")
plots.show(
    figure, "Left, the training loss falls over the steps; right, the network's answers over the plane."
)

# %% [markdown]
# What do hidden neurons see? Above, six neurons of the first layer; below, six of the last hidden one. Nobody told
# them.

# %% trains="neurons"
figure, axes = plots.subplots(2, 6, figsize=(12, 4.2))
for row, stop in zip(axes, (1, len(layers) - 1)):
    for j, ax in enumerate(row):
        last = [(W[j : j + 1], b[j : j + 1]) for W, b in layers[stop - 1 : stop]]
        net = layers[: stop - 1] + last
        plane(lambda x, net=net: mlp(x, net, torch.tanh), x_val, y_val, ax, cells=40)
plots.show(
    figure,
    "What single hidden neurons give over the plane: straight edges in the first layer, bent shapes in the last.",
)

# %% [markdown]
# Save the weights and look, once, at points that took no part in anything: production.

# %% trains="neurons"
save_artifact(
    "neurons", {f"{i}.{name}": t for i, pair in enumerate(layers) for name, t in zip("Wb", pair)}, tier
)
x_test, y_test = points.load(tier, "test", "spiral").tensors
with torch.no_grad():
    share = float(accuracy(mlp(x_test, layers, torch.tanh)[:, 0], y_test))
reference = record("neurons")
print(f"Yours {reference.show(share)}, the reference {reference.show(reference.value)}.")
print(f"A single neuron: {reference.show(reference.baseline)}.")

# %% test="spiral_artifact" points=2
tensors = student.artifact("neurons")
holds(
    "0.W" in tensors and all(torch.isfinite(tensor).all() for tensor in tensors.values()),
    "neurons.safetensors does not hold a trained network",
    "finite weights called 0.W, 0.b, 1.W, …",
    sorted(tensors),
    "run section 7 from its start, with every check above passed",
)
### BEGIN HIDDEN TESTS
judge("neurons", tensors, 2)

# %% [markdown]
# Save the notebook, then hand in `neurons.ipynb` and `neurons.safetensors`; `course_utils.colab.submit("neurons")`
# packs both.
