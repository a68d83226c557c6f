# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
# ---

# %% [markdown]
# A deep net is trained all at once: every step runs through all its layers and back. In 2018 Belilovsky, Eickenberg and
# Oyallon trained one layer at a time instead, each with a small head of its own that nobody keeps, and beat AlexNet on
# ImageNet. Here you build that: a head, a step, a cache, a bill, a probe and a pair of scissors.
#
# Shapes: B examples, C channels, H × W places, K classes. A signal is a picture of height 1.

# %%
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import cifar10, signals
from course_utils.training import Run, record
from course_utils.widgets import turn

Size = tuple[int, int]

# %% [markdown]
# ## One layer
#
# This block is given: one convolution, batch normalisation, ReLU. It is all that we train at a time.

# %% given="Block"
block = Block(1, 4, kernel=(1, 3), stride=2)
print(block(torch.randn(5, 1, 1, 40)).shape)

# %% [markdown]
# **Predict.** What shape do four such blocks in a row, all of stride 2, make of `(5, 1, 1, 40)`, if each has 4 channels?
# Write it down, then run.

# %%
x = torch.randn(5, 1, 1, 40)
for part in (block, Block(4, 4, (1, 3), 2), Block(4, 4, (1, 3), 2), Block(4, 4, (1, 3), 2)):
    x = part(x)
print(tuple(x.shape))

# %% [markdown]
# ## 1 · An auxiliary problem (5 points, 10 minutes)
#
# A block has nothing to learn from until somebody asks it a question. The auxiliary head asks: *which class?* It may be
# linear (k = 1), or have k − 1 blocks of its own, so that the layer below need not make the classes separable by itself.
# Averaging over a coarse grid first keeps the linear layer small. By hand, for one channel of eight numbers and a grid of
# two cells:

# %%
features = torch.tensor([[[[1.0, 3.0, 2.0, 2.0, 0.0, 0.0, 4.0, 0.0]]]])  # (B, C, H, W) = (1, 1, 1, 8)
print(F.adaptive_avg_pool2d(features, (1, 2)))  # the mean of the first four, the mean of the last four

# %% solution="AuxiliaryHead"
# k - 1 blocks in an nn.Sequential, which may be empty

# %% test="head_linear" points=2
from torch import randn

head = student.AuxiliaryHead(4, 3, 1, (1, 3), (1, 2))
got = head(randn(5, 4, 1, 8))
what = "the shape of the logits for 5 examples and 3 classes"
equal(shape_of(got), (5, 3), what, "(B, K): does `forward` return them?")
got = sorted(head.state_dict())
hint = "with k = 1 there is a linear layer and nothing else; see the attributes in the docstring"
equal(got, ["linear.bias", "linear.weight"], "the names of the tensors of a head with k = 1", hint)
x = randn(2, 4, 1, 8)
weight, bias = randn(3, 8), randn(3)
head.load_state_dict({"linear.weight": weight, "linear.bias": bias})
means = x.reshape(2, 4, 2, 4).mean(3).flatten(1)  # channel by channel, left cell before right cell
got = head(x)
what = "the logits of a head with k = 1"
mistakes = {
    "the head ends in a softmax": ((means @ weight.T + bias).softmax(1), "logits: the loss takes these")
}
close(got, means @ weight.T + bias, what, "average over the grid, flatten, then linear", mistakes=mistakes)
### BEGIN HIDDEN TESTS
head = student.AuxiliaryHead(3, 5, 1, (3, 3), (2, 2))
got = tuple(head.state_dict()["linear.weight"].shape)
what = "the shape of the linear layer's weights for 3 channels and a grid of 2 × 2"
equal(got, (5, 12), what, "a number for each channel in each cell, rows and columns")
x, weight, bias = randn(2, 3, 6, 6), randn(5, 12), randn(5)
head.load_state_dict({"linear.weight": weight, "linear.bias": bias})
means = x.reshape(2, 3, 2, 3, 2, 3).mean((3, 5)).flatten(1)
close(head(x), means @ weight.T + bias, "the logits for pictures of 6 × 6 on a grid of 2 × 2")

x = randn(2, 3, 6, 6, requires_grad=True)
means = x.reshape(2, 3, 2, 3, 2, 3).mean((3, 5)).flatten(1)
follows(head(x), {"the features": x}, means @ weight.T + bias, "a head with k = 1")
what = "k = 0 is refused with a ValueError"
raises(ValueError, lambda: student.AuxiliaryHead(3, 5, 0, (3, 3), (2, 2)), what)

# %% test="head_deep" points=3
from torch import randn

head = student.AuxiliaryHead(4, 3, 3, (1, 3), (1, 2))
blocks = {name.split(".")[1] for name in head.state_dict() if name.startswith("blocks.")}
what = "PyTorch finds no tensors called blocks.… in a head with k = 3"
hint = "a plain list hides its layers from PyTorch: they would neither learn nor be saved"
holds(len(blocks) > 0, what, "an nn.Sequential called blocks", hint=hint)
equal(len(blocks), 2, "the number of blocks in a head with k = 3", "k counts the linear layer too")
hint = "the file that you hand in is read by these names: nn.Sequential(*…) and append number them from 0"
equal(sorted(blocks), ["0", "1"], "the names of the blocks in `blocks`", hint)
tensors = head.state_dict()
expected = ["linear.bias", "linear.weight"]
what = "the names of the tensors that are not the blocks'"
hint = "one linear layer; see the attributes in the docstring"
equal(sorted(name for name in tensors if not name.startswith("blocks.")), expected, what, hint)
what = "the shape of the linear layer's weights for 4 channels and a grid of 1 × 2"
equal(tuple(tensors["linear.weight"].shape), (3, 8), what, "a number for each channel in each cell")
what = "the shape of a block's kernels: the head keeps the number of channels"
equal(tuple(getattr(tensors.get("blocks.0.conv.weight"), "shape", ())), (4, 4, 1, 3), what)
first, second = (tensors[f"blocks.{i}.conv.weight"] for i in (0, 1))
what = "whether the two blocks share their weights"
equal(bool((first == second).all()), False, what, "two blocks, not one twice")
### BEGIN HIDDEN TESTS
for k, kernel, grid, size in ((2, (1, 3), (1, 2), (1, 8)), (3, (3, 3), (2, 2), (5, 7))):
    ours = reference.AuxiliaryHead(4, 3, k, kernel, grid)
    theirs = student.AuxiliaryHead(4, 3, k, kernel, grid)
    for name, tensor in ours.state_dict().items():
        if name.endswith("running_mean"):
            tensor += 0.3  # not what a new block has
    theirs.load_state_dict(ours.state_dict())
    x = randn(6, 4, *size, requires_grad=True)
    got, wanted = theirs(x), ours(x)
    close(got, wanted, f"the logits of a head with k = {k}, in training mode", "blocks, averages, linear")
    leaves = {"the features": x} | dict(sorted(theirs.named_parameters()))
    what = f"a head with k = {k}"
    follows(got, leaves, wanted, what, others={"the features": x} | dict(sorted(ours.named_parameters())))
    ours.eval()
    theirs.eval()
    close(theirs(x), ours(x), f"the logits of a head with k = {k}, in evaluation mode")

# %% [markdown]
# ## 2 · One greedy step (4 points, 8 minutes)
#
# The block and its head learn together, as a net of their own. Their inputs are features that somebody else made: nothing
# below them moves. The optimiser is given.

# %% given="optimizer_for"

# %% [markdown]
# **Predict.** In one step on the loss of the head: which of these change — the block's kernels, the head's weights, the
# inputs?

# %% solution="greedy_step"
# the usual four lines of training, and the two modules in training mode

# %% test="step_learns" points=2
x, y = torch.randn(16, 1, 1, 12), torch.randint(0, 3, (16,))
block, head = student.Block(1, 4, (1, 3)), student.AuxiliaryHead(4, 3, 1, (1, 3), (1, 2))
optimizer = student.optimizer_for(block, head, 0.1)
before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
logits = head(block(x))
loss = student.greedy_step(block, head, optimizer, x, y)
expected = torch.nn.functional.cross_entropy(logits, y)
mistakes = {
    "greedy_step adds up the examples' losses": (
        torch.nn.functional.cross_entropy(logits, y, reduction="sum"),
        "the mean: a batch of another size is to give numbers that can be compared with these",
    )
}
close(loss, expected, "the loss of the first step", "mean cross-entropy, before the step", mistakes=mistakes)
what = "the loss that greedy_step gives has a history"
hint = ".detach(): who keeps it would keep the whole graph"
holds(not getattr(loss, "requires_grad", False), what, "a number without history", hint=hint)
moved = (block.state_dict()["conv.weight"] - before["conv.weight"]).abs().max() > 0
holds(moved, "the block's kernels must change in a step", hint="backward fills .grad; who uses it?")
losses = [float(student.greedy_step(block, head, optimizer, x, y)) for _ in range(60)]
what = "60 steps on the same 16 examples must lower the loss"
holds(losses[-1] < 0.7 * losses[0], what, "a lower loss", f"{losses[0]:.3f} -> {losses[-1]:.3f}")
### BEGIN HIDDEN TESTS
block.eval()
head.eval()
student.greedy_step(block, head, optimizer, 5 + x, y)
mean = block.state_dict()["norm.running_mean"].clone()
student.greedy_step(block, head, optimizer, 5 + x, y)
changed = (block.state_dict()["norm.running_mean"] - mean).abs().max() > 0
what = "a step must put the block in training mode"
holds(changed, what, "statistics of the batch are noted", "they stay", "block.train()")
head = student.AuxiliaryHead(4, 3, 2, (1, 3), (1, 2))
head.eval()
mean = head.state_dict()["blocks.0.norm.running_mean"].clone()
student.greedy_step(block, head, student.optimizer_for(block, head, 0.1), x, y)
holds(
    (head.state_dict()["blocks.0.norm.running_mean"] - mean).abs().max() > 0,
    "a step must put the head in training mode too",
    "statistics of the batch are noted",
    "they stay",
    "a head with k = 2 has a normalisation of its own",
)

# %% test="step_exact" points=2
x, y = torch.randn(8, 2, 1, 6), torch.randint(0, 3, (8,))
block, head = student.Block(2, 4, (1, 3)), student.AuxiliaryHead(4, 3, 1, (1, 3), (1, 2))
states = [{name: t.clone() for name, t in part.state_dict().items()} for part in (block, head)]
kernels = []
for other in (None, 9 * torch.randn(8, 2, 1, 6)):
    if other is not None:  # a step on something else comes first, and is taken back
        student.greedy_step(block, head, student.optimizer_for(block, head, 0.1), other, y)
    block.load_state_dict(states[0])
    head.load_state_dict(states[1])
    student.greedy_step(block, head, student.optimizer_for(block, head, 0.1), x, y)
    kernels.append(block.state_dict()["conv.weight"].clone())
moves = (kernels[0] - states[0]["conv.weight"]).abs()
what = "how far Adam's first step with rate 0.1 moves a kernel's weight"
close(moves.max(), 0.1, what, "one step, by the optimiser that is given", rtol=1e-2)
what = "the kernels after a step, when a step on other features came before and was taken back"
close(kernels[1], kernels[0], what, "are old gradients cleared?")
### BEGIN HIDDEN TESTS
x, y = torch.randn(8, 2, 1, 6), torch.randint(0, 3, (8,))
block, head = student.Block(2, 4, (1, 3)), student.AuxiliaryHead(4, 3, 1, (1, 3), (1, 2))
optimizer = student.optimizer_for(block, head, 0.1)
net = torch.nn.Sequential(
    torch.nn.Conv2d(2, 4, (1, 3), padding=(0, 1), bias=False),
    torch.nn.BatchNorm2d(4),
    torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d((1, 2)),
    torch.nn.Flatten(),
    torch.nn.Linear(8, 3),
)  # the same net, in one piece
net[0].weight.data.copy_(block.state_dict()["conv.weight"])
net[5].weight.data.copy_(head.state_dict()["linear.weight"])
net[5].bias.data.copy_(head.state_dict()["linear.bias"])
adam = torch.optim.Adam(net.parameters(), 0.1)
for step in range(3):
    loss = torch.nn.functional.cross_entropy(net(x), y)
    adam.zero_grad()
    loss.backward()
    adam.step()
    got = student.greedy_step(block, head, optimizer, x, y)
    hint = (
        "are old gradients cleared, and the new ones used once?"
        if step
        else "mean cross-entropy of the head's logits, before the step"
    )
    close(got, loss, f"the loss of step {step}", hint, rtol=1e-3, atol=1e-4)
close(block.state_dict()["conv.weight"], net[0].weight, "the kernels after three steps", rtol=1e-2, atol=1e-3)

# %% [markdown]
# ## 3 · Freeze and cache (5 points, 8 minutes)
#
# Now the trick that makes it cheap. A finished block never changes again, so what it says of each example is computed
# *once* and kept. Evaluation mode, no graph, a batch at a time.
#
# **Predict.** What goes wrong if the block is left in training mode? (Think of what batch normalisation does there.)


# %%
class Watch(nn.Module):
    """A block that changes nothing and writes down how many examples it is given, and whether a graph is built."""

    def __init__(self):
        super().__init__()
        self.sizes, self.grads = [], []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        self.grads.append(torch.is_grad_enabled())
        return x


# %% solution="cache"
# Tensor.split cuts along the examples; torch.cat puts together again

# %% test="cache_values" points=3
block = student.Block(2, 3, (1, 3), 2)
for _ in range(3):
    block(1 + torch.randn(20, 2, 1, 8))  # the statistics move away from their first values
statistics = block.state_dict()["norm.running_mean"].clone()
x = torch.randn(7, 2, 1, 8)
all_at_once = student.cache(block, x, 100)
got = type(all_at_once).__name__
hint = "does it `return`? are the batches put together again?"
holds(isinstance(all_at_once, torch.Tensor), "cache gives no tensor", "one tensor (N, C', H', W')", got, hint)
equal(tuple(all_at_once.shape), (7, 3, 1, 4), "the shape of the cache", "batches stand one behind the other")
got = block.state_dict()["norm.running_mean"]
close(got, statistics, "the block's statistics after caching", "is the block frozen?")
holds(not all_at_once.requires_grad, "a cache has no history", "requires_grad False", "True", "torch.no_grad")
what = "no net can be trained on this cache"
hint = "torch.no_grad builds no graph either; or .clone() it outside of inference_mode"
holds(not all_at_once.is_inference(), what, "an ordinary tensor", "one of torch.inference_mode", hint)
what = "the cache in batches of 3, which is what it is in one batch"
close(student.cache(block, x, 3), all_at_once, what, "which mode? and are the last few examples in it?")
### BEGIN HIDDEN TESTS
block.eval()
want = block(x).detach()
block.train()
close(student.cache(block, x, 2), want, "the cache of a block that was in training mode", "which mode?")
close(student.cache(block, x), want, "the cache with the default size")
close(student.cache(block, x, 7), want, "the cache when the size is the number of examples")

# %% test="cache_batches" points=2
watch = student.Watch()
student.cache(watch, torch.randn(10, 1, 1, 4), 4)
hint = "`size` counts the examples of a batch, not the batches: the memory holds so many"
equal(max(watch.sizes), 4, "the largest batch that the block is given for size 4", hint)
equal(sum(watch.sizes), 10, "how many examples the block is given in all", "once each, the last few as well")
### BEGIN HIDDEN TESTS
watch = student.Watch()
student.cache(watch, torch.randn(9, 1, 1, 4), 3)
equal(sorted(watch.sizes), [3, 3, 3], "the batches of 9 examples for size 3")
got = any(watch.grads)
equal(got, False, "whether a graph is built while caching", "torch.no_grad must cover the block's own work")

# %% [markdown]
# ## 4 · The bill (5 points, 12 minutes)
#
# Count multiplications. A convolution of a 3 × 3 kernel from 3 to 8 channels makes 8 numbers at each place, each a sum of
# 27 products. A training step costs about three forward passes: one forward, two for the gradients of inputs and weights.
#
# **Predict.** A net of four equal blocks is trained for ten epochs end to end, or each block for ten epochs with a linear
# head that costs almost nothing. Which is dearer? And if each block had a head as dear as itself?

# %% solution="conv_macs"

# %% test="macs_one" points=1
got = student.conv_macs(1, 1, (1, 3), 38)
what = "conv_macs(1, 1, (1, 3), 38): 3 products at each of 38 places"
equal(got, 114, what, "how many weights has a kernel of that height and width?")
got = student.conv_macs(3, 8, (3, 3), 100)
equal(got, 21600, "conv_macs(3, 8, (3, 3), 100)", "how many products make one number?")
### BEGIN HIDDEN TESTS
equal(student.conv_macs(5, 7, (1, 3), 11), 5 * 7 * 3 * 11, "conv_macs for a flat kernel")

# %% solution="training_macs"

# %% test="macs_training" points=4
from random import randint

bills = pair(
    student.training_macs([10, 20], [1, 2], 1),
    "training_macs",
    "the bill end to end and the bill layer by layer",
    "see `Returns`",
)
what = (
    "the bills of two blocks of 10 and 20, heads of 1 and 2, one epoch: 3 · (10 + 20 + 2) and 3 · (10 + 1) + 10, "
    "then 3 · (20 + 2) + 20"
)
hint = "which heads exist end to end? how often is the cache filled?"
mistakes = {
    "the two bills are exchanged": ((129, 96), "end to end first"),
    "all heads are paid for end to end": ((99, 129), "the heads of the lower blocks do not exist there"),
    "the cache is not filled": ((96, 99), "each finished block runs once more, forward"),
}
equal(bills, (96, 129), what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
whole, layers = student.training_macs([10, 20], [1, 2], 5)
equal(whole, 480, "end to end, five epochs")
equal(layers, 525, "layer by layer, five epochs: the cache is filled once, not every epoch")
blocks, heads, epochs = [randint(1, 99) for _ in range(4)], [randint(1, 99) for _ in range(4)], randint(2, 9)
whole, layers = student.training_macs(blocks, heads, epochs)
equal(whole, 3 * epochs * (sum(blocks) + heads[-1]), "end to end, four blocks")
equal(layers, 3 * epochs * (sum(blocks) + sum(heads)) + sum(blocks), "layer by layer, four blocks")

# %% [markdown]
# The bill as a picture. The layer-by-layer line must lie just above the other for a cheap head, far above it for a dear
# one: in multiplications nothing is saved. What is saved is memory, one layer at a time instead of all.

# %%
cheap = [training_macs([100] * 4, [2] * 4, epochs) for epochs in range(1, 11)]
dear = [training_macs([100] * 4, [100] * 4, epochs) for epochs in range(1, 11)]
figure, ax = plots.subplots()
ax.plot(range(1, 11), [whole for whole, _ in cheap], label="end to end")
for costs, name in ((cheap, "linear heads"), (dear, "heads as dear as a block")):
    ax.plot(range(1, 11), [layers for _, layers in costs], label=f"layer by layer, {name}")
ax.set(xlabel="epochs", ylabel="multiplications an example")
ax.legend()
plots.show(
    figure,
    "Cost against epochs: layer by layer just above end to end for linear heads, far above it for dear ones.",
)


# %%
def bill(blocks: int = 4, head: int = 20, epochs: int = 10) -> plots.Picture:
    """Your `training_macs` for equal blocks of 100, each with a head of so much."""
    whole, layers = training_macs([100] * blocks, [head] * blocks, epochs)
    figure, ax = plots.subplots(figsize=(5, 1.8))
    ax.barh(["layer by layer", "end to end"], [layers, whole])
    ax.set(title=f"{layers / whole:.2f} times as dear", xlabel="multiplications an example")
    return plots.show(figure, "The cost of training end to end and layer by layer.")


turn(
    bill,
    "Your bill: how dear may a head be before layer by layer costs twice as much? Does depth change that?",
    blocks=(1, 12, 1),
    head=(0, 200, 5),
    epochs=(1, 20, 1),
)

# %% [markdown]
# ## 5 · How separable are the classes? (4 points, 10 minutes)
#
# Ask the same simple question of raw signals and of each layer's features: how well does a *linear* classifier do? Ridge
# regression has a closed form, so the answer depends on no learning rate.
#
# $$W = (\Phi^\top \Phi + \lambda I)^{-1} \Phi^\top Y$$
#
# Φ is the flattened features with a column of ones, Y the one-hot classes.

# %% solution="linear_probe"
# F.one_hot, F.pad or torch.cat for the ones, torch.linalg.solve instead of an inverse; double precision

# %% test="probe_values" points=4
x, y = torch.tensor([[0.0], [1.0], [2.0], [3.0]]), torch.tensor([0, 0, 1, 1])
got = student.linear_probe(x, y, x, y, 1e-3)
what = "the accuracy on four points of a line, cut in the middle"
close(got, 1.0, what, "the share of right answers: one number, from 0 to 1")
got = student.linear_probe(x + 100, y, x + 100, y, 1e-3)
close(got, 1.0, "the same 100 further right", "is there a column of ones?")
got = student.linear_probe(x, y, x, 1 - y, 1e-3)
close(got, 0.0, "the accuracy where all new classes are the other one", "which labels?")


### BEGIN HIDDEN TESTS
def ones(t):
    return torch.cat([t.flatten(1), torch.ones(len(t), 1)], 1).double()


for ridge in (1.0, 30.0):
    x, y = torch.randn(60, 2, 1, 5), torch.randint(0, 3, (60,))
    x_new, y_new = torch.randn(40, 2, 1, 5), torch.randint(0, 3, (40,))
    # Ridge regression is least squares with √λ · I below the features and zeros below the targets.
    features = torch.cat([ones(x), ridge**0.5 * torch.eye(11).double()])
    targets = torch.cat([torch.nn.functional.one_hot(y, 3).double(), torch.zeros(11, 3).double()])
    answers = (ones(x_new) @ torch.linalg.lstsq(features, targets).solution).argmax(1)
    want = (answers == y_new).double().mean()
    got = student.linear_probe(x, y, x_new, y_new, ridge)
    close(got, want, f"the accuracy with ridge {ridge}", "see the formula")
few, classes = torch.tensor([[1.0], [1.0], [10.0]]), torch.tensor([0, 0, 1])
one = torch.tensor([[1.0]])
got = student.linear_probe(few, classes, one, torch.tensor([0]), 1.0)
close(got, 1.0, "three points with ridge 1", "the formula")
got = student.linear_probe(few, classes, one, torch.tensor([1]), 1e6)
what = "three points with ridge 1,000,000"
close(got, 1.0, what, "ridge stands at every place of the diagonal, that of the ones too")

# %% [markdown]
# ## 6 · Prune before you go on (5 points, 12 minutes)
#
# A layer that is finished can be thinned before the next one is trained on it: the next one learns to live with what is
# left. Keep the channels whose filters are strongest, in the sum of absolute weights.

# %% solution="strongest"

# %% test="strongest_filters" points=2
weight = torch.tensor([[1.0, -1.0], [3.0, 3.0], [-9.0, 1.0], [0.0, 0.5]]).reshape(4, 1, 1, 2)
hint = "the channels' indices, in ascending order; filters are compared by absolute values"
equal(student.strongest(weight, 2), [1, 2], "the two strongest of filters with sums 2, 6, 10, 0.5", hint)
equal(student.strongest(weight, 3), [0, 1, 2], "the three strongest")
weight = torch.tensor([[4.0, 0.0], [3.0, 2.0]]).reshape(2, 1, 1, 2)
got = student.strongest(weight, 1)
what = "the stronger of two filters with the weights 4 and 0, and 3 and 2"
equal(got, [1], what, "sums of absolute weights, 4 and 5; neither squares nor the largest one")
### BEGIN HIDDEN TESTS
weight = torch.randn(9, 3, 2, 2)
want = sorted(sorted(range(9), key=lambda i: -float(weight[i].abs().sum()))[:4])
equal(student.strongest(weight, 4), want, "the four strongest of nine filters with three input channels")
equal(student.strongest(weight, 9), list(range(9)), "all of them")
equal(student.strongest(weight, 1), [int(weight.abs().sum((1, 2, 3)).argmax())], "the strongest one")
raises(ValueError, lambda: student.strongest(weight, 10), "more than there are is refused with a ValueError")
raises(ValueError, lambda: student.strongest(weight, 0), "none is refused with a ValueError")

# %% solution="prune"

# %% test="prune_block" points=3
block = student.Block(2, 6, (1, 3))
for _ in range(3):
    block(1 + torch.randn(20, 2, 1, 8))
tensors = block.state_dict()
tensors["conv.weight"][[0, 3]] /= 1000  # the weakest two
less = student.prune(tensors, 4)
what = "prune gives no dictionary"
hint = "see `Returns`"
holds(isinstance(less, dict), what, "tensors by their names, as they came in", type(less).__name__, hint)
equal(sorted(less), sorted(tensors), "the names after pruning", "the same names: nothing is dropped")
what = "the kernels' shape after keeping 4 of 6 channels"
hint = "(c_out, c_in, height, width): rows that go are cut out, not set to 0"
equal(tuple(getattr(less["conv.weight"], "shape", ())), (4, 2, 1, 3), what, hint)
what = "the shape of running_var"
equal(tuple(getattr(less["norm.running_var"], "shape", ())), (4,), what, "every tensor with a row a channel")
small = student.Block(2, 4, (1, 3))
small.load_state_dict(less)
small.eval()
block.eval()
x = torch.randn(5, 2, 1, 8)
block.load_state_dict(tensors)
got = small(x)
expected = block(x)[:, [1, 2, 4, 5]]
what = "the pruned block's output, which is channels 1, 2, 4, 5 of the whole one's: 0 and 3 have the weakest filters"
hint = "the rows of `strongest`, of every tensor that has a row a channel"
mistakes = {"the first channels are kept": (lambda: block(x)[:, :4], "which does `strongest` name?")}
close(got, expected, what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
expected = tensors["norm.num_batches_tracked"]
equal(less["norm.num_batches_tracked"], expected, "the counter of batches, which stays")

for keep in (1, 3, 5):
    wanted = reference.prune(tensors, keep)
    got = student.prune(tensors, keep)
    for name in wanted:
        close(got[name], wanted[name], f"{name} when {keep} of 6 channels are kept")
again = student.prune(tensors, 6)
close(again["conv.weight"], tensors["conv.weight"], "the kernels when all channels are kept")

# %% [markdown]
# ## 7 · Grow a net, layer by layer (6 points, 10 minutes and the machine's)
#
# Everything is there. The data are signals with a shape somewhere in the noise (mini), or photographs (full). Ten of them:

# %% given="Config,config,load,build,distort,train_layer,net_tensors"
net = config(tier)
x, y = load(tier, "train")
figure, axes = plots.subplots(2, 5, figsize=(10, 3), sharex=True, sharey=True)
for label, ax in enumerate(axes.flat):
    example = x[y == label][0]
    if tier == "mini":
        ax.plot(example[0, 0])
    else:
        ax.imshow(example.permute(1, 2, 0))
    ax.set_title(f"class {label}")
plots.show(figure, "One example of each of the ten classes.")

# %% [markdown]
# **Predict.** Each block learns knowing nothing of those above it. Will the linear probe's accuracy rise from layer to
# layer, stay, or fall?

# %% trains="layerwise"
run = Run("layerwise", seed=0)
x_test, y_test = load(tier, "test")
blocks, heads = build(net, c_in=x.shape[1])


def probe(depth: int) -> float:
    """The linear separability of the features of the first blocks, averaged over a grid of cells."""
    cells = nn.Sequential(*blocks[:depth], nn.AdaptiveAvgPool2d((1, 10) if tier == "mini" else (4, 4)))
    return linear_probe(pooled(cells, x), y.to(run.device), pooled(cells, x_test), y_test.to(run.device))


def pooled(cells: nn.Module, pictures: Tensor) -> Tensor:
    """What the cells hold, part by part: features of all pictures at once could be more than a GPU takes."""
    return torch.cat([cache(cells, part.to(run.device)) for part in pictures.split(5000)])


separable, accuracies = [probe(0)], []
for depth, (block, head) in enumerate(zip(blocks, heads)):
    block, head = block.to(run.device), head.to(run.device)
    below = blocks[:depth]
    phase = f"layer {depth}"
    train_layer(block, head, x, y, net.steps, net.batch, net.rate, run, phase, below, net.shift)
    scores = pooled(nn.Sequential(*below, block, head), x_test).cpu()
    accuracies.append((scores.argmax(1) == y_test).double().mean().item())
    separable.append(probe(depth + 1))
    print(f"{depth + 1} layers: accuracy {accuracies[-1]:.3f}, linear separability {separable[-1]:.3f}")

# %% trains="layerwise"
reference = record("layerwise", tier)
print(f"Yours: {reference.show(accuracies[-1])}. The reference: {reference.show(reference.value)}.")
print(f"A linear classifier of the raw inputs: {reference.show(reference.baseline)}.")
figure, ax = plots.subplots()
ax.plot(range(1, len(accuracies) + 1), accuracies, marker="o", label="with its head")
ax.plot(range(len(separable)), separable, marker="s", label="linear probe")
ax.axhline(reference.value, linestyle=":", label="reference, all layers")
ax.set(xlabel="layers", ylabel="accuracy on new examples")
ax.legend()
plots.show(
    figure, "Accuracy on new examples against the number of layers, with its head and with a linear probe."
)

# %% [markdown]
# The step up is large at first and small at the end: with so few layers, the greedy first block has already done most of
# the work. If your curve falls, look at `cache`; if it stays at the bottom, at `greedy_step`.

# %% trains="layerwise"
save_artifact("layerwise", net_tensors(blocks, heads[-1]), tier)

# %% test="trained_net" points=6
tensors = student.artifact("layerwise")
holds(
    "head.linear.weight" in tensors and all(torch.isfinite(tensor).all() for tensor in tensors.values()),
    "layerwise.safetensors does not hold a trained net",
    "finite tensors called blocks.0.conv.weight, …, head.linear.bias",
    sorted(tensors)[:6],
    "run section 7 from its start, with every check above passed",
)
### BEGIN HIDDEN TESTS
judge("layerwise", tensors, 6)

# %% [markdown]
# Prune a finished net by half, and see what it costs when nobody above may get used to it. Then try it *before* the next
# layer is trained: how much comes back?

# %% trains="layerwise"
half = prune(blocks[0].state_dict(), len(blocks[0].conv.weight) // 2)
print({name: tuple(tensor.shape) for name, tensor in half.items()})

# %% [markdown]
# Save the notebook, then hand in `layerwise.ipynb` and `layerwise.safetensors`; `course_utils.colab.submit("layerwise")`
# packs both.
