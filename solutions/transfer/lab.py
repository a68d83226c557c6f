# %% [markdown]
# Somebody has trained a net on ten kinds of figures. You have two hundred pictures of something else. Here you put the
# net's features to work on them, teach it a little, and then look inside: its style, its dreams, and where it looks.
#
# Shapes: B pictures, C maps (channels) of H × W places, K classes, N examples of D features.

# %%
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.training import pretrained
from course_utils.colab import save_artifact
from course_utils.data import cifar10, coloured_digits, figures
from course_utils.data import pictures as photographs
from course_utils.training import Run, record
from course_utils.widgets import turn

Objective = Callable[[Tensor], Tensor]

body = pretrained.load(tier)
for maps in body.stages(torch.rand(1, 3, 128, 128)):
    print("maps", tuple(maps.shape))

# %% [markdown]
# That was all: weights, loaded. On its own task the net is good; it has never seen a digit.

# %% given="pictures,few"

# %%
x_train, y_train = few(*pictures(tier, "train").tensors, each=20)
x_val, y_val = (part[:500] for part in pictures(tier, "val").tensors)
figure, axes = plots.subplots(2, 10, figsize=(10, 2.2))
for row, shown in zip(axes, (figures.load("val").tensors[0][:10], x_train[::20])):
    for ax, picture in zip(row, shown):
        ax.imshow(picture.permute(1, 2, 0))
        ax.axis("off")
plots.show(
    figure,
    "Above ten figures that the course's own net was trained on; below one picture of each class of the new task.",
)

# %% [markdown]
# ## 1 A linear probe (6 points, 20 minutes)
#
# Freeze the net, take its features as they are, and learn one linear layer on them. Features come in all sizes, so
# first bring them to mean 0 and standard deviation 1. By hand: the training examples are 1 and 3. What becomes of a
# test example 5?

# %%
train, test = torch.tensor([1.0, 3.0]), torch.tensor([5.0])
(test - train.mean()) / train.std(correction=0)

# %% solution="standardise"
# Two statistics a column; of which examples?

# %% test="standardise_values" points=2
train, other = torch.tensor([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]]), torch.tensor([[5.0, 0.0], [2.0, 60.0]])
one, two = pair(
    student.standardise(train, other),
    "standardise",
    "the training features and the other features",
    "what does `return` stand in front of? The docstring says: both",
)
TOGETHER = "the others stand for examples that nobody has seen yet: of which may you use the statistics?"
right = torch.tensor([[1.224745, -2.449490], [-0.612372, 4.898980]])
expected = [[-1.224745, -1.224745], [0.0, 1.224745], [1.224745, 0.0]]
what = "the training features of [1, 10], [3, 30], [5, 20]: means 3 and 20, deviations 1.633 and 8.165"
mistakes = {
    "the statistics are those of training and other examples together": (
        [[-1.375, -0.6799], [-0.125, 0.29139], [1.125, -0.19426]],
        TOGETHER,
    ),
    "the statistics are those of training and other examples together, and divide by N - 1": (
        [[-1.22984, -0.60812], [-0.1118, 0.26062], [1.00623, -0.17375]],
        TOGETHER,
    ),
    "standardise gives the other examples first": (right, "in the docstring's order"),
    "the deviation divides by N - 1": ([[-1.0, -1.0], [0.0, 1.0], [1.0, 0.0]], "the docstring says which"),
    "features are divided by their variance": (
        [[-0.75, -0.15], [0.0, 0.15], [0.75, 0.0]],
        "the deviation is its root",
    ),
    "one mean and deviation for all features": (
        [[-1.01547, -0.14507], [-0.82205, 1.78916], [-0.62862, 0.82205]],
        "each column has its own",
    ),
    "statistics along the wrong axis": (
        [[-1.0, 1.0], [-1.0, 1.0], [-1.0, 1.0]],
        "a column is a feature: average over examples",
    ),
}
close(one, expected, what, "mean 0, deviation 1, column by column", mistakes=mistakes)
what = "the other features of [5, 0], [2, 60]"
mistakes = {
    "the other examples are brought to their own mean and deviation": (
        [[1.0, -1.0], [-1.0, 1.0]],
        "in production there may be one example: what is its standard deviation?",
    )
}
close(two, right, what, "the same shift and scale as for training", mistakes=mistakes)
### BEGIN HIDDEN TESTS
train, other = 3 + 5 * torch.randn(40, 7), torch.randn(9, 7)
train[:, 2] = 4.0
mean, deviation = train.mean(0), train.std(0, correction=0) + 1e-6
one, two = student.standardise(train, other)
what = "a feature that never changes"
close(one[:, 2], torch.zeros(40), what, "0 / 0 is no number: the docstring's 1e-6", atol=1.0)
keep = [0, 1, 3, 4, 5, 6]
close(one[:, keep], ((train - mean) / deviation)[:, keep], "40 training examples", rtol=1e-3, atol=1e-4)
close(two[:, keep], ((other - mean) / deviation)[:, keep], "9 other examples", rtol=1e-3, atol=1e-4)
tiny = torch.tensor([[1e-6], [-1e-6]])
got = student.standardise(tiny, tiny)[0]
close(got, [[0.5], [-0.5]], "a feature with a deviation of 1e-6", "the docstring's 1e-6 is added", rtol=0.01)

# %% [markdown]
# The probe itself: softmax, cross-entropy, and a pull of W towards 0. You know the gradient of the cross-entropy in the
# scores: (probability − truth) / N.

# %% solution="probe"
# Begin with zeros. The error has shape (N, K); which product of it with x has W's shape?

# %% test="probe_values" points=4
x, y = torch.tensor([[1.0, 2], [3, 0], [0, 1], [2, 2]]), torch.tensor([0, 1, 1, 2])
W, b = pair(student.probe(x, y, 3, 2, 0.5, 0.2), "probe", "W and b", "what does `return` stand in front of?")
what = "probe gives something else than two tensors"
got = f"({type(W).__name__}, {type(b).__name__})"
hint = ".numpy() and .tolist() leave PyTorch; the cells below multiply W with tensors"
holds(isinstance(W, torch.Tensor) and isinstance(b, torch.Tensor), what, "(W, b), two tensors", got, hint)
right = torch.tensor([[-0.169890, 0.102432], [0.161518, -0.175681], [0.008372, 0.073250]])
what = (
    "W after 2 steps from 0, rate 0.5, decay 0.2, features [1, 2], [3, 0], [0, 1], [2, 2], classes 0, 1, 1, 2"
)
hint = (
    "the first step gives [[-0.125, 0.0417], [0.125, -0.0833], [0, 0.0417]]; W and b change at once, both by the "
    "gradient at the old ones"
)
mistakes = {
    "W lies on its side": (right.T, "a row a class: (K, D)"),
    "probe gives b in the place of W": ([-0.055787, 0.137882, -0.082095], "(W, b): the docstring's order"),
    "probe goes uphill": (
        [[0.337302, -0.062376], [-0.328637, 0.157799], [-0.008665, -0.095424]],
        "the sign of the step",
    ),
    "probe adds the losses up": (
        [[-0.227163, 0.628685], [-0.075340, -0.896868], [0.302503, 0.268183]],
        "the docstring's loss is a *mean* over examples",
    ),
    "W decays twice as fast as it should": (
        [[-0.157390, 0.098265], [0.149018, -0.167348], [0.008372, 0.069083]],
        "what is the slope of decay / 2 · W²?",
    ),
    "W does not decay": (
        [[-0.182390, 0.106598], [0.174018, -0.184015], [0.008372, 0.077417]],
        "the loss has a second term",
    ),
}
close(W, right, what, hint, atol=1e-4, mistakes=mistakes)
hint = "the sum of the error over examples"
mistakes = {
    "the biases decay": ([-0.051620, 0.129549, -0.077928], "only W is pulled to 0"),
    "the biases do not learn": (torch.zeros(3), "a step changes W *and* b"),
}
close(b, [-0.055787, 0.137882, -0.082095], "b after 2 steps from 0", hint, atol=1e-4, mistakes=mistakes)
what = "what probe gives has no graph"
holds(not W.requires_grad and not b.requires_grad, what, hint=".detach() at the end")


### BEGIN HIDDEN TESTS
def by_autograd(x, y, classes, steps, rate, decay):
    W, b = torch.zeros(classes, x.shape[1], requires_grad=True), torch.zeros(classes, requires_grad=True)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(x @ W.T + b, y)
        loss = loss + decay / 2 * W.square().sum()
        gW, gb = torch.autograd.grad(loss, [W, b])
        W, b = (W - rate * gW).detach().requires_grad_(), (b - rate * gb).detach().requires_grad_()
    return W.detach(), b.detach()


for n, d, classes, steps in ((1, 1, 2, 1), (20, 6, 5, 30), (7, 4, 3, 0)):
    x, y = torch.randn(n, d), torch.randint(0, classes - 1, (n,))  # of the last class there is no example
    got, want = student.probe(x, y, classes, steps, 0.3, 0.1), by_autograd(x, y, classes, steps, 0.3, 0.1)
    what = f"W for {n} examples, {d} features, {classes} classes, {steps} steps"
    close(got[0], want[0], what, "any sizes", atol=1e-4)
    what = f"b for {n} examples, {d} features, {classes} classes, {steps} steps"
    close(got[1], want[1], what, "any sizes", atol=1e-4)

# %% [markdown]
# The same classifier on pixels, and on features of the trained net and of one with random weights. How many of a hundred
# will each get right from 20 examples a class? Write down three numbers, then run.

# %% given="Transfer"


# %%
def share(inputs: tuple[Tensor, Tensor], each: int, rate: float, decay: float) -> float:
    """Validation accuracy of a probe that learned from `each` examples a class."""
    rows = torch.cat([(y_train == k).nonzero()[:each, 0] for k in range(10)])
    x, other = standardise(inputs[0][rows], inputs[1])
    W, b = probe(x, y_train[rows], 10, 100, rate, decay)
    return ((other.to(W) @ W.T + b).argmax(1) == y_val).float().mean().item()


seen = {"pixels": ((x_train.flatten(1), x_val.flatten(1)), 0.005, 0.1)}
for name, source in {"random net": pretrained.untrained(tier).eval(), "trained net": body}.items():
    with torch.no_grad():
        net = Transfer(source, body.channels, 10)
        seen[name] = (
            tuple(torch.cat([net.features(p) for p in x.split(100)]) for x in (x_train, x_val)),
            0.2,
            0.01,
        )
figure, ax = plots.subplots()
for name, (inputs, rate, decay) in seen.items():
    shares = [share(inputs, each, rate, decay) for each in (1, 2, 5, 10, 20)]
    ax.semilogx((1, 2, 5, 10, 20), shares, label=name)
    print(f"{name}: {shares[-1]:.3f}")
ax.set(xlabel="examples a class", ylabel="validation accuracy", ylim=(0, 1))
ax.legend()
plots.show(
    figure, "Accuracy against examples a class: features of the trained net gain most from each example."
)

# %% [markdown]
# ## 2 Freeze and fine-tune (5 points, 15 minutes)
#
# Now as a net: a body and a new head. Two ways to learn: the head alone, or all of it, but the body gently. Here is a
# tiny net to try both on. Which of its tensors would a forward pass change, without any optimiser?


# %%
def tiny() -> Transfer:
    """Three maps with batch normalisation, three classes."""
    return Transfer(nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.ReLU()), 3, 3)


print({name: tuple(tensor.shape) for name, tensor in tiny().state_dict().items()})

# %% solution="freeze"
# Gradients are one thing, batch normalisation's running statistics another.


# %% test="freeze_parts" points=3
def state(net):
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


net = student.tiny()
net.train()
student.freeze(net)
learning = sorted(name for name, p in net.named_parameters() if p.requires_grad)
what = "the list of parameters that still learn"
equal(learning, ["head.bias", "head.weight"], what, "requires_grad of the body's, and of the head's")
before = state(net)
net(5 + torch.randn(4, 3, 8, 8))
after = state(net)
got = after["body.1.running_mean"]
hint = "frozen weights are not enough: in which mode does batch normalisation keep its statistics?"
close(got, before["body.1.running_mean"], "the body's running mean after a forward pass", hint)
### BEGIN HIDDEN TESTS
for name, tensor in before.items():
    close(after[name], tensor, f"{name} after freeze and a forward pass", "freeze must not change any value")
net.requires_grad_(False)
student.freeze(net)
student.freeze(net)
got = sorted(name for name, p in net.named_parameters() if p.requires_grad)
what = "the list of parameters that learn where before none did"
equal(got, ["head.bias", "head.weight"], what, "the docstring's words in brackets")
net = student.tiny()
first = state(net)
student.freeze(net)
for name, tensor in state(net).items():
    close(tensor, first[name], f"{name} after freeze", "freeze must not change any value")
scores = net(torch.randn(4, 3, 8, 8))
holds(scores.requires_grad, "the head of a frozen net must still learn", hint="autograd must reach it")
holds(
    not any(module.training for module in net.body.modules()),
    "a part of the body of a frozen net is still in training mode",
    "evaluation mode, in every layer",
    hint="batch normalisation may stand deep inside: .eval() reaches all",
)

# %% [markdown]
# PyTorch's optimisers take a list of *groups*, each with its own rate.

# %% solution="parameter_groups"
# Which parameters does an optimiser have no business with?

# %% test="groups_rates" points=2
net = student.tiny()
groups = student.parameter_groups(net, 0.01, 0.1)
listed = isinstance(groups, list | tuple)
holds(
    listed and all(isinstance(group, dict) for group in groups),
    "parameter_groups gives something else than a list of dictionaries",
    "a list of two dictionaries",
    [type(group).__name__ for group in groups] if listed else type(groups).__name__,
    "what the docstring's Returns says; does the function `return` it?",
)
equal(len(groups), 2, "the number of groups", "the body's and the head's")
for part, group in zip(("body", "head"), groups):
    what = f"the {part}'s group lacks a key"
    hint = "an optimiser goes by these names; without lr a group learns at the optimiser's default rate, not at yours"
    holds("params" in group and "lr" in group, what, "params, lr", ", ".join(map(str, group)), hint)
got = [group["lr"] for group in groups]
equal(got, [0.01, 0.1], "the list of the groups' rates", "first the body's, then the head's")
held = [list(group["params"]) for group in groups]
holds(
    all(hasattr(p, "shape") for group in held for p in group),
    "a group holds something else than parameters",
    "the net's own tensors",
    sorted({type(p).__name__ for group in held for p in group}),
    "what do .parameters() and .named_parameters() give?",
)
sizes = [[tuple(p.shape) for p in group] for group in held]
got = sizes[1]
equal(got, [(3, 12), (3,)], "the list of shapes in the head's group", "weights and biases of net.head, once")
hint = "all of net.body's parameters, and none of the head's"
equal(sizes[0], [(3, 3, 3, 3), (3,), (3,), (3,)], "the list of shapes in the body's group", hint)
student.freeze(net)
groups = student.parameter_groups(net, 0.01, 0.1)
what = "the list of numbers of parameters in a frozen net's groups"
equal([len(list(group["params"])) for group in groups], [0, 2], what, "those without a gradient are left out")
### BEGIN HIDDEN TESTS
net = student.tiny()
groups = student.parameter_groups(net, 0.5, 0.25)
equal([group["lr"] for group in groups], [0.5, 0.25], "the list of rates, the body's larger")
for p, q in zip(groups[0]["params"], [p for n, p in net.named_parameters() if n.startswith("body.")]):
    close(p, q, "a parameter in the body's group", "the net's own, in their order")
before = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
with torch.no_grad():
    for group in groups:
        for p in group["params"]:
            p += 1.0
after = net.state_dict()
for name, _ in net.named_parameters():
    what = f"the net's {name}, after 1 was added to every parameter of both groups"
    hint = "the net's own parameters, not copies: an optimiser changes what it is given"
    close(after[name], before[name] + 1, what, hint)

# %% [markdown]
# ## 3 Style (5 points, 15 minutes)
#
# Which maps are active *together*? Multiply two maps place by place, take the mean, and where things were is forgotten.
# What remains is texture. Here are two maps of two places. Which four means come out?

# %%
maps = torch.tensor([[[[1.0, 0.0]], [[2.0, 4.0]]]])  # (B, C, H, W) = (1, 2, 1, 2)
[[(maps[0, i] * maps[0, j]).mean().item() for j in range(2)] for i in range(2)]

# %% solution="gram"
# Put a map's places in a row: then a matrix product does it.

# %% test="gram_values" points=3
first = torch.tensor([[[1.0, 0], [2, 1]], [[0.0, 2], [2, 0]]])  # two maps of 2 × 2
second = torch.tensor([[[1.0, 1], [1, 1]], [[0.0, 0], [0, 4]]])
got = student.gram(torch.stack([first, second]))
expected = [[[1.5, 1], [1, 2]], [[1, 1], [1, 4]]]
what = "gram of two pictures with two maps of 2 × 2 each; the first map of the first is 1, 0, 2, 1, the second 0, 2, 2, 0"
mistakes = {
    "it adds up over places": (
        [[[6.0, 4], [4, 8]], [[4, 4], [4, 16]]],
        "a *mean*: a larger picture has no more style",
    ),
    "it also divides by the number of maps": (
        [[[0.75, 0.5], [0.5, 1]], [[0.5, 0.5], [0.5, 2]]],
        "a mean over the H · W places, no more",
    ),
    "it is a covariance": ([[[0.5, 0], [0, 1]], [[0, 0], [0, 3]]], "the docstring takes off no mean"),
    "the pictures of a batch are mixed": ([[1.25, 1], [1, 3]], "each has its own matrix"),
    "pictures are compared": ([[1.75, 0.5], [0.5, 2.5]], "it compares maps of one picture"),
}
close(got, expected, what, "compare one entry with the cell above", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape in ((1, 1, 1, 1), (3, 5, 2, 7), (1, 4, 6, 6), (2, 3, 4, 5)):
    maps = torch.randn(shape, requires_grad=True)
    want = torch.einsum("bihw,bjhw->bij", maps, maps) / (shape[2] * shape[3])
    got = student.gram(maps)
    close(got, want, f"gram of maps of shape {shape}", "any sizes")
    follows(got, {"the maps": maps}, want, "gram")
maps = torch.randn(1, 3, 4, 4)
shuffled = maps.flatten(2)[:, :, torch.randperm(16)].reshape(1, 3, 4, 4)
got = student.gram(shuffled)
close(got, student.gram(maps), "gram of the same places in another order", "style does not know where")

# %% solution="style_loss"
# One number a layer, then their mean.

# %% test="style_values" points=2
stages = [torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 5, 2, 2, requires_grad=True)]
wanted = [student.gram(torch.randn(2, 3, 6, 6)), student.gram(torch.randn(2, 5, 3, 3))]
grams = [student.gram(maps) for maps in stages]
squares = [(own - target).square() for own, target in zip(grams, wanted)]
twice = [(own - student.gram(target[..., None])).square().mean() for own, target in zip(grams, wanted)]
got = student.style_loss(stages, wanted)
hint = "gram of each layer's maps, minus the wanted"
mistakes = {
    "it adds the layers up": (squares[0].mean() + squares[1].mean(), "their *mean*"),
    "it adds up the entries of a Gram matrix": (
        (squares[0].sum() + squares[1].sum()) / 2,
        "the mean squared difference of each layer",
    ),
    "layers with many maps count for more": (
        torch.cat([s.flatten() for s in squares]).mean(),
        "first a mean for each layer, then the mean of these",
    ),
    "it forgets a layer": (squares[0].mean() / 2, "all of them"),
    "it takes the Gram matrix of a Gram matrix": (sum(twice) / 2, "what does `wanted` hold?"),
}
close(got, squares[0].mean() / 2 + squares[1].mean() / 2, "style_loss of two layers", hint, mistakes=mistakes)
what = "autograd cannot follow style_loss"
holds(getattr(got, "requires_grad", False), what, hint="float() and .item() leave PyTorch")
slopes = torch.autograd.grad(got, stages, allow_unused=True)
holds(
    all(slope is not None for slope in slopes),
    "autograd finds no way from style_loss back to the maps",
    "a slope in the maps of each layer",
    f"none in layers {[place for place, slope in enumerate(slopes) if slope is None]}",
    "torch.tensor(…) begins anew, requires_grad or not, and .detach() ends a way",
)
### BEGIN HIDDEN TESTS
for sizes in (((1, 3, 4, 4), (1, 5, 2, 2)), ((2, 2, 3, 5), (2, 4, 2, 2), (2, 1, 4, 4))):
    stages = [torch.randn(size, requires_grad=True) for size in sizes]
    wanted = [reference.gram(torch.randn_like(maps)) for maps in stages]
    got, want = student.style_loss(stages, wanted), reference.style_loss(stages, wanted)
    close(got, want, f"style_loss of {len(sizes)} layers")
    leaves = {f"the maps of layer {place}": maps for place, maps in enumerate(stages)}
    follows(got, leaves, want, "style_loss")
got = student.style_loss(stages[:1], [reference.gram(stages[0]).detach()])
close(got, 0.0, "style_loss of one layer and its own Gram matrix", atol=1e-6)

# %% [markdown]
# Paint: begin with one photograph, and change its *pixels* until its Gram matrices are those of another. The body only
# looks. Does the loss come near 0? What is left of the photograph?

# %%
side = 96 if tier == "mini" else 224
content, style = photographs.load("flower", side), photographs.load("china", side)
body.requires_grad_(False).eval()
with torch.no_grad():
    wanted = [gram(maps) for maps in body.stages(style)]
painting = content.clone().requires_grad_()
adam = torch.optim.Adam([painting], 0.02)
losses = []
for _ in range(40 if tier == "mini" else 200):
    loss = style_loss(body.stages(painting), wanted)
    adam.zero_grad()
    loss.backward()
    adam.step()
    painting.data.clamp_(0, 1)
    losses.append(loss.item())
print(f"style loss {losses[0]:.3f} -> {losses[-1]:.3f}")
figure, axes = plots.subplots(1, 3, figsize=(9, 3))
for ax, (name, picture) in zip(
    axes, {"content": content, "style": style, "painting": painting.detach()}.items()
):
    ax.imshow(picture[0].permute(1, 2, 0))
    ax.set_title(name)
    ax.axis("off")
plots.show(
    figure, "A flower, a temple's roof, and the flower painted with the colours and strokes of the roof."
)

# %% [markdown]
# ## 4 Dreams (8 points, 25 minutes)
#
# The same ascent with another aim: let a layer see *more* of what it sees. Plain gradients make noise, so the picture is
# moved about between steps (*jitter*), and dreamt coarse first, then fine (*octaves*). Rolling by hand:

# %%
row = torch.tensor([[1, 2, 3, 4]])
print(row.roll(1, dims=1), row.roll(1, dims=1).roll(-1, dims=1))

# %% solution="ascend"
# Roll, gradient of the rolled picture, scale, add, roll back, cut.

# %% test="ascend_step" points=3
weights = torch.randn(1, 3, 4, 5)


def weighed(x):
    return (weights * x).sum()


x = 0.4 + 0.2 * torch.rand(1, 3, 4, 5)
step = 0.05 * weights / weights.abs().mean()
got = student.ascend(x, weighed, 0.05, (0, 0))
what = "ascend gives no tensor"
hint = "does it `return` them? .numpy() leaves PyTorch"
holds(isinstance(got, torch.Tensor), what, "the new pictures, a tensor", type(got).__name__, hint)
mistakes = {
    "ascend gives the picture as it was": (x, "what is added to it?"),
    "ascend gives the step alone": (step, "the docstring's Returns: the new *pictures*"),
    "ascend goes down": ((x - step).clamp(0, 1), "the objective is to *grow*"),
    "the gradient is not scaled": (
        (x + 0.05 * weights).clamp(0, 1),
        "divide by the mean of its absolute values",
    ),
    "the gradient is divided by its length": (
        (x + 0.05 * weights / weights.norm()).clamp(0, 1),
        "by the *mean absolute value*",
    ),
    "every pixel changes by the same": (
        (x + 0.05 * weights.sign()).clamp(0, 1),
        "scale the gradient, don't take its sign",
    ),
}
close(got, (x + step).clamp(0, 1), "ascend without a shift", "the docstring, step by step", mistakes=mistakes)
holds(not got.requires_grad, "what ascend gives has no graph", hint=".detach()")
got = student.ascend(x, weighed, 0.05, (1, 2))
expected = (x + step.roll((-1, -2), (2, 3))).clamp(0, 1)
what = "ascend with the shift (1, 2)"
mistakes = {
    "it is not rolled back": ((x.roll((1, 2), (2, 3)) + step).clamp(0, 1), "the docstring's last lines"),
    "the objective sees the picture unmoved": ((x + step).clamp(0, 1), "roll before the gradient"),
    "the picture is rolled the other way": (
        (x + step.roll((1, 2), (2, 3))).clamp(0, 1),
        "down and to the right is positive",
    ),
}
close(got, expected, what, "rows are dimension 2, columns dimension 3", mistakes=mistakes)
### BEGIN HIDDEN TESTS
bright = torch.rand(2, 3, 6, 4)
big = student.ascend(bright, lambda x: (x**2).sum(), 3.0, (-2, 1))
gradient = 2 * bright
expected = (bright + 3 * gradient / gradient.abs().mean()).clamp(0, 1)
close(big, expected, "a large step", "pixels stay in [0, 1]")
dark = student.ascend(bright, lambda x: -x.sum(), 0.3, (1, 1))
close(dark, (bright - 0.3).clamp(0, 1), "a step to the dark", "pixels stay in [0, 1]")
still = student.ascend(bright, lambda x: (0 * x).sum(), 0.1, (0, 1))
close(still, bright, "a step where the gradient is 0", "0 / 0 is no number: the docstring's 1e-8")
grey = torch.full((1, 3, 4, 4), 0.5)
slight = student.ascend(grey, lambda x: (1e-8 * x).sum(), 0.2, (0, 0))
close(slight, grey + 0.1, "a step where the gradient is 1e-8", "the docstring's 1e-8 is added", rtol=0.01)

# %% solution="octaves"
# The smallest is divided by scale most often.

# %% test="octaves_sides" points=1
got = student.octaves(96, 4, 1.5)
hint = "does it `return` one? .reverse() turns a list round and gives nothing, reversed(…) is no list yet"
holds(isinstance(got, list | tuple), "octaves gives no list", "a list of integers", type(got).__name__, hint)
holds(sorted(got) == list(got), "the sides begin with the largest", "from coarse to fine", got)
equal(len(got), 4, "the number of octaves", "`count` of them, the whole picture is one")
equal(got, [28, 43, 64, 96], "octaves(96, 4, 1.5)", "96 / 1.5³ = 28.4, 96 / 1.5² = 42.7, 96 / 1.5, 96")
### BEGIN HIDDEN TESTS
equal(student.octaves(50, 1, 2.0), [50], "a single octave")
equal(student.octaves(3, 4, 2.0)[0], 1, "the smallest side of octaves(3, 4, 2.0)", "at least 1")
got = student.octaves(101, 3, 1.4)
equal(got, [52, 72, 101], "octaves(101, 3, 1.4)", "each from the whole, rounded to the nearest")

# %% [markdown]
# What the dream adds is carried from one octave to the next; the picture itself is taken anew each time, so that its
# details are not lost.

# %% given="resized"

# %% solution="dream"
# For each side: what to begin with, what to repeat, what to carry on.

# %% test="dream_octaves" points=4
x = torch.rand(1, 3, 12, 12)
sides = []


def noted(x):
    sides.append(x.shape[2])
    return (x**2).sum()


got = student.dream(x, noted, [6, 12], 2, 0.02, 0)
what = "the list of the sides that the objective sees"
equal(sides, [6, 6, 12, 12], what, "two steps at each side, in the given order")
small = student.resized(x, 6)
dreamt = small
for _ in range(2):
    dreamt = (dreamt + 0.02 * dreamt / dreamt.mean()).clamp(0, 1)
forgotten, carried = x, (x + student.resized(dreamt - small, 12)).clamp(0, 1)
blurred = student.resized(dreamt, 12)
for _ in range(2):
    forgotten, carried, blurred = (
        (p + 0.02 * p / p.mean()).clamp(0, 1) for p in (forgotten, carried, blurred)
    )
what = "dream of two octaves, without jitter"
mistakes = {
    "what was dreamt in the first octave is lost": (forgotten, "`detail` goes from one octave to the next"),
    "the picture is enlarged from the small one": (blurred, "begin each octave with x, and add `detail`"),
    "dream gives what it has added": (carried - x, "the docstring: what came of the last side"),
    "dream gives the picture as it was": (x, "ascend changes nothing in place: where is what it gives?"),
}
close(got, carried, what, "print the mean of `detail` after each octave", atol=1e-4, mistakes=mistakes)
seen = []
student.dream(x, lambda x: (seen.append(x.detach().clone()), x.sum())[1], [12], 12, 0.0, 3)
holds(
    any((p - x).abs().max() > 0.01 for p in seen),
    "dream does not jitter",
    "a shift of up to `reach`, at each step",
    "none",
    "what is handed to ascend?",
)
again, seen = seen, []
student.dream(x, lambda x: (seen.append(x.detach().clone()), x.sum())[1], [12], 12, 0.0, 3)
holds(
    any((p - q).abs().max() > 0.01 for p, q in zip(seen, again)),
    "two dreams are moved about in just the same way",
    "other shifts each time",
    "twice the same twelve",
    "a seed of your own also makes all that is random after it the same",
)
### BEGIN HIDDEN TESTS
x = torch.rand(2, 3, 8, 8)
moves = {(r, c): x.roll((r, c), (2, 3)) for r in range(-3, 5) for c in range(-3, 5)}
found = set()
for reach in (1, 2):
    seen.clear()
    student.dream(x, lambda x: (seen.append(x.detach().clone()), x.sum())[1], [8], 60, 0.0, reach)
    found = {move for p in seen for move, y in moves.items() if torch.allclose(p, y, atol=1e-4)}
    got = max((abs(n) for move in found for n in move), default=0)
    what = f"the largest shift of 60 with a reach of {reach}"
    equal(got, reach, what, "drawn evenly from -reach to reach, each time anew")
    holds(
        {r for r, _ in found} == {c for _, c in found} == set(range(-reach, reach + 1)),
        f"with a reach of {reach} some shifts never come",
        sorted(range(-reach, reach + 1)),
        sorted(found),
        "both ends of torch.randint; rows and columns",
    )
what = "rows and columns are always shifted alike"
holds(any(r != c for r, c in found), what, "two draws", "one", "draw two integers")
spot, places = torch.zeros(1, 3, 8, 8), []
spot[:, :, 4, 4] = 1
student.dream(spot, lambda x: (places.append(int(x[0, 0].argmax())), x.sum())[1], [8], 300, 0.0, 2)
ends = sum(abs(n) == 2 for place in places for n in (place // 8 - 4, place % 8 - 4)) / 600
what = "the share of -2 and 2 among 600 shifts with a reach of 2"
hint = "torch.randint draws evenly; who rounds a number between -2 and 2 gets the ends half as often"
holds(0.325 < ends < 0.475, what, "about 0.4: five shifts, drawn evenly", f"{ends:.2f}", hint)
got = student.dream(x, lambda x: (x**2).sum(), [3, 5, 8], 1, 0.05, 0)

expected = reference.dream(x, lambda x: (x**2).sum(), [3, 5, 8], 1, 0.05, 0)
what = "dream of three octaves"
close(got, expected, what, "detail is what came of an octave minus x at that side", atol=1e-4)
holds(not got.requires_grad, "what dream gives has no graph", hint="ascend gives none")
for sign in (1, -1):
    seen.clear()
    student.dream(
        x, lambda x, sign=sign: (seen.append(x.detach().clone()), sign * (x**2).sum())[1], [4, 8], 1, 0.9, 0
    )
    holds(
        all(p.min() >= 0 and p.max() <= 1 for p in seen),
        "the objective sees pixels outside [0, 1]",
        "0 to 1",
        [(round(p.min().item(), 2), round(p.max().item(), 2)) for p in seen],
        "cut after `detail` is added",
    )

# %% [markdown]
# Let each of two layers dream on the flower. Which of the two will draw finer patterns?

# %%
figure, axes = plots.subplots(1, 3, figsize=(9, 3))
for ax, layer in zip(axes, (None, 1, -1)):
    picture = content
    if layer is not None:
        picture = dream(
            content,
            lambda x, layer=layer: (body.stages(x)[layer] ** 2).mean(),
            octaves(side, 3, 1.5),
            8,
            0.02,
            4,
        )
    ax.imshow(picture[0].permute(1, 2, 0))
    ax.set_title("before" if layer is None else ("an early layer" if layer == 1 else "the last layer"))
    ax.axis("off")
plots.show(
    figure, "A flower, dreamt by an early layer in fine patterns and by the last layer in larger shapes."
)

# %% [markdown]
# ## 5 Where does it look? (3 points, 10 minutes)
#
# The net's own classes come from a linear layer on the *means* of its maps. A mean and a weighted sum can change places:
# first the weighted sum at each place, then the mean. The first half is a picture of where the class was seen.

# %% solution="class_map"
# One row of weights, one number a map.

# %% test="class_map_values" points=3
maps = torch.tensor([[[[1.0, 2]], [[10.0, 20]]]])  # (B, C, H, W) = (1, 2, 1, 2)
weight = torch.tensor([[1.0, 0.0], [0.5, -1.0]])
close(
    student.class_map(maps, weight, 1),
    [[[-9.5, -19.0]]],
    "class_map of two maps, 1, 2 and 10, 20, for the class with the weights 0.5 and -1",
    "try one place by hand",
    mistakes={
        "it takes a column of the weights": ([[[-10.0, -20.0]]], "weight is (K, C): a row a class"),
        "it takes a mean over maps": ([[[-4.75, -9.5]]], "the layer *adds* weighted maps up"),
        "it gives the map number k": ([[[10.0, 20.0]]], "k is a class, not a map"),
        "it cuts off what speaks against the class": (torch.zeros(1, 1, 2), "the docstring cuts off nothing"),
        "it gives the score": ([-14.25], "one number for each *place*"),
    },
)
### BEGIN HIDDEN TESTS
for b, c, k, h, w in ((1, 1, 1, 1, 1), (3, 6, 4, 2, 5), (2, 3, 3, 4, 4)):
    maps, weight = torch.randn(b, c, h, w), torch.randn(k, c)
    for row in {0, k - 1}:
        got = student.class_map(maps, weight, row)
        expected = (maps * weight[row][:, None, None]).sum(1)
        close(got, expected, f"class_map of maps {(b, c, h, w)}", "any sizes")
    got = torch.as_tensor(got).mean((1, 2)).float()
    close(got, maps.mean((2, 3)) @ weight[row], "the mean of a class map", "the score without its bias")

# %% [markdown]
# A scene of four figures, larger than any picture the net was trained on. The body does not mind.

# %%
course_net = pretrained.load("mini")
weight, bias = pretrained.head("mini")
x, y = figures.load("test").tensors
chosen = [3, 16, 8, 41]
scene = torch.cat([torch.cat([x[i] for i in chosen[:2]], 2), torch.cat([x[i] for i in chosen[2:]], 2)], 1)[
    None
]
with torch.no_grad():
    maps = course_net(scene)
figure, axes = plots.subplots(1, 5, figsize=(11, 2.4))
axes[0].imshow(scene[0].permute(1, 2, 0))
axes[0].set_title("scene")
for ax, i in zip(axes[1:], chosen):
    ax.imshow(class_map(maps, weight, int(y[i]))[0])
    ax.set_title(figures.CLASSES[y[i]])
for ax in axes:
    ax.axis("off")
plots.show(
    figure,
    "A scene of four figures and, for each one's class, where the net sees it: mostly in its own quarter.",
)


# %%
def where(kind: str = figures.CLASSES[0], least: float = 0.0) -> plots.Picture:
    """Your `class_map` of the scene for any kind of figure, values below `least` left out."""
    seen_here = class_map(maps, weight, figures.CLASSES.index(kind))[0]
    figure, (left, right) = plots.subplots(1, 2, figsize=(5, 2.4))
    left.imshow(scene[0].permute(1, 2, 0))
    right.imshow(seen_here.clamp(min=least))
    for ax in (left, right):
        ax.axis("off")
    return plots.show(figure, f"The scene and where the net sees {kind}.")


turn(
    where,
    "Your class map: where does the net see what is there, and where what is not? Leave out what speaks against it.",
    kind=list(figures.CLASSES),
    least=(-10.0, 10.0, 0.5),
)

# %% [markdown]
# ## 6 Your net (4 points, 10 minutes)
#
# From nothing, frozen, fine-tuned: which will be best from 20 examples a class? Rank them, then run. The loop is given,
# with the reference's own rates; change them as you like, but go by the *validation* accuracy: whoever chooses by the
# test pictures has tested nothing.

# %% given="Config,config,optimiser,accuracy,mirrored,fine_tune,CalmSqueezeBody,tamed"


# %%
def learn(net: Transfer, chosen: Config, phase: str, frozen: bool = False) -> float:
    """Train a net, or its head alone, on the few examples; gives the validation accuracy."""
    net.to(run.device).train()
    if frozen:
        freeze(net)
    fine_tune(net, examples, chosen, run, phase)
    return accuracy(net, *run.to(x_val, y_val))


# %% trains="transfer"
chosen = config(tier)
run = Run("transfer", seed=0)
examples = TensorDataset(*few(*pictures(tier, "train").tensors, chosen.each))
nothing = Transfer(tamed(pretrained.untrained(tier)), body.channels, 10)
frozen, tuned = (Transfer(tamed(pretrained.load(tier)), body.channels, 10) for _ in range(2))
print(f"from nothing {learn(nothing, chosen, 'nothing'):.3f}", flush=True)
print(f"frozen       {learn(frozen, chosen, 'frozen', frozen=True):.3f}", flush=True)
print(f"fine-tuned   {learn(tuned, chosen, 'train'):.3f}")

# %% trains="transfer"
figure, ax = plots.subplots()
for name, label in {"nothing_loss": "from nothing", "frozen_loss": "frozen", "loss": "fine-tuned"}.items():
    ax.plot(torch.tensor([loss for _, loss in run.curve[name]]).unfold(0, 10, 5).mean(1), label=label)
ax.set(xlabel="steps / 5", ylabel="training loss")
ax.legend()
plots.show(
    figure,
    "Training loss of the three nets over the steps: all fall, also that of the net from nothing.",
)

# %% [markdown]
# The training loss falls for all three, also where nothing is understood: only new pictures tell them apart. The
# fine-tuned net is the one that you hand in; now, and only now, look at the test pictures.

# %% trains="transfer"
save_artifact("transfer", tuned, tier)
x, y = run.to(*pictures(tier, "test").tensors)
reference = record("transfer", tier)
print(f"Yours {reference.show(accuracy(tuned, x, y))}, the reference {reference.show(reference.value)}.")
print(f"A probe of pixels: {reference.show(reference.baseline)}.")

# %% test="transfer_artifact" points=4
tensors = student.artifact("transfer")
holds(
    "head.weight" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values() if t.is_floating_point()),
    "transfer.safetensors does not hold a trained net",
    "finite tensors head.weight, head.bias, body.…",
    sorted(tensors)[:6],
    "run section 6 from its start, with every check above passed",
)
### BEGIN HIDDEN TESTS
judge("transfer", tensors, 4)

# %% [markdown]
# Save the notebook, then hand in `transfer.ipynb` and `transfer.safetensors`; `course_utils.colab.submit("transfer")`
# packs both.
