# %% [markdown]
# A net has learned to read digits in colour. Then all digits are white. Nobody labels the new ones, and nobody says which white
# three belongs to which coloured one. In this lab you make domains agree that nobody paired: first with labels and one top for
# all, then with a classifier that is told to fail. At the end you make it fail on purpose.
#
# The chapter *The same in other clothes* of the book is the companion to this lab; nothing in it is needed that is not said here.
# Shapes: B examples of a batch, N and M of two sets, D features, K classes. The *source* domain has labels, the *target* has none.

# %%
import copy
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import digits, font_digits, mnist_m, signals
from course_utils.training import Run, record
from course_utils.widgets import turn

# %% [markdown]
# ## 1 One top for all (9 points, 30 minutes)
#
# Three *modalities*: handwriting, print, and curves of 40 numbers. Each has ten classes, and class 3 of one means the same as class 3
# of the others: that is all the three have in common. Nobody says which picture belongs to which curve.

# %%
kinds = {"handwriting": digits, "print": font_digits, "curve": signals}
learned = {name: [v[:1000] for v in kind.load("mini", "train").tensors] for name, kind in kinds.items()}
held_out = {name: [v[:300] for v in kind.load("mini", "test").tensors] for name, kind in kinds.items()}
figure, axes = plots.subplots(3, 10, figsize=(9, 2.6))
for row, (name, (x, y)) in zip(axes, learned.items()):
    for k, ax in enumerate(row):
        one = x[y == k][0]
        ax.plot(one) if name == "curve" else ax.imshow(one[0], cmap="gray_r")
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plots.show(figure, "Ten classes in three modalities: handwritten digits, printed digits, curves")

# %% [markdown]
# Their inputs have different sizes, so each modality needs an encoder of its own. Above, one net for all: `top`, then `classes`.
#
# **Predict.** The scores of the curves have a gradient. In which of the parts below is it not zero: the encoder of print, the encoder of
# curves, `top`, `classes`?

# %% solution="SharedTop" keep="__init__"
# self.encoders is a dictionary of nets. `forward` says by which way a batch goes; `features` stops below `classes`.


# %%
def tiny_modalities():
    """Three numbers or six, to four, to the five features that are shared, to two classes."""
    encoders = {"short": nn.Linear(3, 4), "long": nn.Sequential(nn.Linear(6, 4), nn.Tanh())}
    return SharedTop(encoders, nn.Sequential(nn.Linear(4, 5), nn.Tanh()), nn.Linear(5, 2))


net = tiny_modalities()
{name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}

# %% test="shared_top_values" points=4
net = student.tiny_modalities()
W = {name: tensor.detach() for name, tensor in net.state_dict().items()}
holds(
    {"encoders.short.weight", "encoders.long.0.weight", "top.0.weight", "classes.weight"} <= W.keys(),
    "the net does not know all of its parts",
    "encoders.short.weight, encoders.long.0.weight, top.0.weight, classes.weight and biases",
    sorted(W),
    "leave `__init__` as it was given: a plain dictionary hides nets from their owner, nn.ModuleDict does not",
)
short, long = torch.randn(2, 3), torch.randn(7, 6)


def encoded(x, name):
    """What the encoder's linear layer gives."""
    return x @ W[f"encoders.{name}.weight"].T + W[f"encoders.{name}.bias"]


def above(e):
    """What the shared top makes of it."""
    return torch.tanh(e @ W["top.0.weight"].T + W["top.0.bias"])


def classified(f):
    """The scores."""
    return f @ W["classes.weight"].T + W["classes.bias"]


codes = {"short": encoded(short, "short"), "long": torch.tanh(encoded(long, "long.0"))}
for name, x in (("short", short), ("long", long)):
    features = above(codes[name])
    what = f"the features of modality {name!r}"
    mistakes = {
        "the top is missing": (codes[name], "the encoder's result goes through self.top"),
        "the classes are in it": (classified(features), "features stop below self.classes"),
        "the top comes twice": (
            lambda f=features: above(f) if f.shape[1] == 4 else f + math.nan,
            "once is enough",
        ),
    }
    close(net.features(name, x), features, what, "its own encoder, then the top", mistakes=mistakes)
got = net({"long": long, "short": short})
holds(
    hasattr(got, "keys") and set(got) == {"short", "long"},
    "forward must give a dictionary by modality",
    "short, long",
    sorted(got) if hasattr(got, "keys") else type(got).__name__,
    "the same names as the batch",
)
for name in ("short", "long"):
    expected = classified(above(codes[name]))
    what = f"the scores of modality {name!r}"
    mistakes = {"these are features": (above(codes[name]), "self.classes of them")}
    close(got[name], expected, what, "self.classes of the features", mistakes=mistakes)
only = net({"long": long})
equal(sorted(only), ["long"], "the list of modalities where one is given", "those of the batch, no others")
### BEGIN HIDDEN TESTS
x = torch.randn(4, 6, requires_grad=True)
got = net.features("long", x)
follows(got, {"the inputs": x}, above(torch.tanh(encoded(x, "long.0"))), "SharedTop.features")
got = net({"long": x})["long"]
follows(got, {"the inputs": x}, classified(above(torch.tanh(encoded(x, "long.0")))), "SharedTop.forward")

# %% [markdown]
# Are the three aligned now? Ask the net: here is a curve, find me handwriting that means the same. A *search* gives every thing in the
# gallery a score and puts the highest first. How good is it? The *average precision* of a query: at the rank of each right answer,
# which share of all answers so far was right? Then the mean of these.
#
# By hand: the answers, best first, are right, wrong, right, wrong. What is the average precision? And if only the last of the four is right?

# %%
(1 / 1 + 2 / 3) / 2, 1 / 4

# %% solution="mean_average_precision"
# found[order] has the classes of all answers in order, (M, N). A running count of right ones over the rank: all precisions.
# Then only those at the ranks of right answers count.

# %% test="map_values" points=5
scores = torch.tensor([[0.9, 0.8, 0.7, 0.6]])
found = torch.tensor([3, 1, 3, 1])
got = student.mean_average_precision(scores, torch.tensor([3]), found)
what = "mAP of one query whose answers are right, wrong, right, wrong"
mistakes = {
    "the mean goes over all ranks": ((1 + 1 / 2 + 2 / 3 + 2 / 4) / 4, "only at ranks of right answers"),
    "the sum is divided by all ranks": ((1 + 2 / 3) / 4, "by the number of right answers"),
    "nothing is divided": (1 + 2 / 3, "the mean over the right answers"),
    "this is the precision of all answers": (0.5, "their order must count"),
    "the lowest score comes first": ((1 / 2 + 2 / 4) / 2, "descending=True"),
    "ranks begin at 0": (math.inf, "the first answer has rank 1"),
}
close(got, 5 / 6, what, "(1/1 + 2/3) / 2", mistakes=mistakes)
scores = torch.tensor([[0.1, 0.9, 0.5, 0.2], [0.3, 0.9, 0.1, 0.2], [0.4, 0.3, 0.2, 0.1]])
asked = torch.tensor([3, 1, 7])
got = student.mean_average_precision(scores[:1], asked[:1], found)
what = "mAP where the scores are not in order"
mistakes = {"the gallery is not put in order": (5 / 6, "which order have the *scores*?")}
close(got, (1 / 2 + 2 / 4) / 2, what, "sort the gallery by this query's scores", mistakes=mistakes)
got = student.mean_average_precision(scores, asked, found)
what = "mAP of three queries, of which the third has no right answer anywhere"
mistakes = {
    "a query without right answers counts as 0": ((1 / 2 + 5 / 6) / 3, "it is left out"),
    "this is not a number": (math.nan, "0/0: leave that query out before you take the mean"),
}
close(got, (1 / 2 + 5 / 6) / 2, what, "who has no right answer is left out of the mean", mistakes=mistakes)


### BEGIN HIDDEN TESTS
def loop(scores, asked, found):
    """The same, one answer at a time."""
    each = []
    for row, query in zip(scores, asked):
        right, precisions = 0, []
        for rank, place in enumerate(sorted(range(len(found)), key=lambda n, row=row: -row[n]), 1):
            if found[place] == query:
                right += 1
                precisions.append(right / rank)
        if precisions:
            each.append(sum(precisions) / len(precisions))
    return sum(each) / len(each)


for m, n, k in ((5, 12, 3), (1, 3, 1), (9, 4, 6), (3, 40, 4)):
    scores = torch.stack([torch.randperm(n) for _ in range(m)]) / n - 0.4
    found = torch.randint(k, (n,))
    asked = torch.cat([found[:1], torch.randint(k, (m - 1,))])
    got = student.mean_average_precision(scores, asked, found)
    hint = "a mean for each query, then their mean; negative scores are scores too"
    close(got, loop(scores, asked, found), f"mAP of {m} queries in a gallery of {n}, against a loop", hint)

# %% [markdown]
# Now let the three learn: first each with a top of its own, then with one for all. Both are trained alike, to name classes, and
# nobody tells them to align. **Predict** both mAPs, for curves that look for handwriting. What would chance give?


# %%
def encoder(inputs: int) -> nn.Module:
    """A modality's own net."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())


def modalities(names: list[str]) -> SharedTop:
    """An encoder for each name, and one top."""
    encoders = {name: encoder(learned[name][0][0].numel()) for name in names}
    return SharedTop(encoders, nn.Sequential(nn.Linear(64, 32), nn.ReLU()), nn.Linear(32, 10))


def learn_classes(net: SharedTop, steps: int = 300, gap=None) -> SharedTop:
    """Name the classes of all modalities; `gap` of the features of each pair of them is made small too."""
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(steps):
        loss, features = 0, []
        for name in net.encoders:
            x, y = learned[name]
            rows = torch.randint(len(x), (64,))
            features.append(net.features(name, x[rows]))
            loss = loss + F.cross_entropy(net.classes(features[-1]), y[rows])
        if gap:
            loss = loss + sum(gap(a, b) for i, a in enumerate(features) for b in features[:i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


def search(nets: dict[str, SharedTop], ask: str, find: str) -> float:
    """mAP of held-out queries of one modality in another's held-out gallery, by cosines of features."""
    with torch.no_grad():
        a, b = (F.normalize(nets[name].features(name, held_out[name][0]), dim=1) for name in (ask, find))
    return float(mean_average_precision(a @ b.T, held_out[ask][1], held_out[find][1]))


torch.manual_seed(0)
apart = {name: learn_classes(modalities([name])) for name in kinds}
together = dict.fromkeys(kinds, learn_classes(modalities(list(kinds))))
print("                            own tops   one top")
for ask, find in (("curve", "handwriting"), ("print", "handwriting"), ("handwriting", "curve")):
    print(f"{ask:>11} → {find:11} {search(apart, ask, find):10.2f} {search(together, ask, find):9.2f}")

# %% [markdown]
# All that has changed is that `top` and `classes` are shared. A feature that speaks for class 3 must do so whoever asks.
#
# Look into a few of the shared neurons: how strongly do they fire for each class, in each modality?

# %%
figure, axes = plots.subplots(1, 2, figsize=(9, 2.8))
for ax, nets, title in zip(axes, (apart, together), ("own tops", "one top")):
    with torch.no_grad():
        mean = torch.cat(
            [
                torch.stack([nets[name].features(name, x)[y == k].mean(0) for k in range(10)])
                for name, (x, y) in held_out.items()
            ]
        )  # (30, 32)
    order = mean[:10].argmax(0).argsort()  # neurons, by the class of handwriting that they like best
    ax.imshow(mean[:, order], aspect="auto")
    ax.set(title=title, xlabel="neuron", yticks=[4.5, 14.5, 24.5], yticklabels=list(kinds))
plots.show(
    figure,
    "How strongly 32 neurons fire for ten classes in three modalities: without order between the modalities where "
    "each has its own top; where it is shared, handwriting's diagonal again in print, and faintly in curves",
)

# %% [markdown]
# ## 2 How far apart? (11 points, 35 minutes)
#
# The rest of the lab has no labels in one of its domains. So alignment must be *measured* without them: two clouds of features, how
# different are they?
#
# First idea: compare how the features vary together. The *covariance* of features $x$ is
# $C = \frac{1}{N-1} \sum_n (x_n - \bar x)(x_n - \bar x)^\top$, and CORAL (Sun and Saenko, 2016) is
#
# $$\frac{1}{4 D^2} \sum_{ij} \left( C^a_{ij} - C^b_{ij} \right)^2.$$
#
# By hand for one feature, D = 1: the sets (0, 2) and (5, 5). And what if 100 is added to all of the second set?

# %%
(2 - 0) ** 2 / 4

# %% solution="coral"
# Take each set's own mean away; a matrix product of what is left with itself is (D, D).

# %% test="coral_values" points=3
a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [5.0], [5.0]])
got = student.coral(a, b)
mistakes = {
    "the covariance is divided by N": (0.25, "N - 1 in its denominator"),
    "the covariance is a sum": (1.0001, "divided by N - 1"),
    "each set's mean is not taken away": ((4 - 37.5) ** 2 / 4, "x minus its own mean"),
    "the 4 is missing": (4.0, "1/(4 D²)"),
    "the difference is not squared": (0.5, "the sum of squared entries"),
}
close(got, 1.0, "coral of (0, 2) and (5, 5, 5)", "variances 2 and 0: (2 - 0)² / 4", mistakes=mistakes)
a = torch.tensor(
    [[1.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]]
)  # variances 1, covariance 1
b = torch.tensor(
    [[1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]]
)  # variances 1, covariance -1
got = student.coral(a, b)
what = "coral of two sets with variances 1 and covariances 1 and -1"
mistakes = {
    "it looks at variances only": (0.0, "all D · D entries of the matrix"),
    "it is divided by D, not D²": (8 / 8, "1/(4 D²)"),
    "each pair of features counts once": (4 / 16, "all entries, ij and ji"),
    "the root is taken": (8**0.5 / 16, "the sum of squares itself"),
}
close(got, 8 / 16, what, "two entries of the matrix differ, by 2 each; D = 2", mistakes=mistakes)
leaves = {
    "the first set": torch.randn(6, 3, requires_grad=True),
    "the second": torch.randn(4, 3, requires_grad=True),
}
### BEGIN HIDDEN TESTS
for n, m, d in ((6, 4, 3), (2, 9, 1), (5, 5, 7)):
    a, b = torch.randn(n, d) + 3, 2 * torch.randn(m, d)
    wanted = ((torch.cov(a.T) - torch.cov(b.T)) ** 2).sum() / (4 * d * d)
    close(student.coral(a, b), wanted, f"coral of {n} and {m} examples of {d} features", rtol=1e-3)
wanted = ((torch.cov(leaves["the first set"].T) - torch.cov(leaves["the second"].T)) ** 2).sum() / 36
follows(student.coral(*leaves.values()), leaves, wanted, "coral")

# %% [markdown]
# It can be made small like any loss. Does that help the three modalities, whose top is shared already? **Predict**, then run.

# %%
torch.manual_seed(0)
drawn_near = dict.fromkeys(kinds, learn_classes(modalities(list(kinds)), gap=coral))
for ask, find in (("curve", "handwriting"), ("print", "handwriting"), ("handwriting", "curve")):
    print(f"{ask:>11} → {find:11} {search(together, ask, find):.2f} → {search(drawn_near, ask, find):.2f}")

# %% [markdown]
# But CORAL does not see *where* a cloud stands, nor any shape beyond its ellipse. Second idea: ask somebody who would know. Let a
# classifier tell the two sets apart; if it cannot, they are alike. It gives each example a logit $z$ and says "target" with probability
# $\sigma(z)$. It pays $\log(1 + e^{z})$ for a source example and $\log(1 + e^{-z})$ for one of the target.
#
# By hand, in nats: what does somebody pay who always says $z = 0$? And who is sure and right, or sure and wrong, with $z = 100$?

# %%
math.log(2), math.log1p(math.exp(-100)), math.log1p(math.exp(100))

# %% solution="domain_loss"
# A mean for each domain, then the mean of the two. F.softplus(z) is log(1 + e^z) and never overflows.

# %% test="domain_loss_values" points=3
source, target = torch.zeros(4), torch.full((1,), math.log(3))
low, high = math.log(2), math.log(4 / 3)
got = student.domain_loss(source, target)
what = "domain_loss of four source logits of 0 and one target logit of log 3"
mistakes = {
    "all examples count alike": ((4 * low + high) / 5, "the mean of two means"),
    "the two means are added": (low + high, "their mean"),
    "the domains are exchanged": (
        (low + math.log(4)) / 2,
        "a logit above 0 speaks for the target, which is right here",
    ),
    "the examples are added up": (4 * low + high, "means"),
    "only the source pays": (low, "both domains do"),
    "only the target pays": (high, "both domains do"),
}
close(got, (low + high) / 2, what, "½ (log 2 + log 4/3): both domains count alike", mistakes=mistakes)
big = torch.tensor([1000.0])
close(student.domain_loss(big, big), 500.0, "domain_loss of a logit of 1000 in both domains", "F.softplus")
leaves = {
    "the source's logits": torch.randn(5, requires_grad=True),
    "the target's": torch.randn(3, requires_grad=True),
}
### BEGIN HIDDEN TESTS
cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
for n, m in ((5, 3), (1, 8)):
    a, b = 3 * torch.randn(n), 3 * torch.randn(m)
    wanted = (cross_entropy(a, torch.zeros(n)) + cross_entropy(b, torch.ones(m))) / 2
    close(student.domain_loss(a, b), wanted, f"domain_loss of {n} and {m} logits")
a, b = leaves.values()
wanted = (cross_entropy(a, torch.zeros(5)) + cross_entropy(b, torch.ones(3))) / 2
follows(student.domain_loss(a, b), leaves, wanted, "domain_loss")

# %% [markdown]
# The error $\varepsilon$ of such a classifier makes a distance: $2\,(1 - 2\varepsilon)$, the *proxy A-distance* (Ben-David et al.). Half of the time
# wrong: 0, the domains are twins. Never wrong: 2. Its error must be measured on examples that it did not learn from. Why?
#
# Yours is linear: $z = w \cdot x + c$, from $w = 0$, $c = 0$, by gradient descent on `domain_loss` of the first halves. You may write the slopes
# down, or let autograd find them.
#
# By hand: three of four held-out source examples are on their side, and one of two of the target. What is the distance?

# %%
2 * (1 - 2 * (1 / 4 + 1 / 2) / 2)

# %% solution="proxy_distance"
# len(x) // 2 examples to learn from, the others to be asked about. A share of errors for each set, then their mean.

# %% test="proxy_distance_values" points=5
zeros, ones = torch.zeros(8, 1), torch.ones(8, 1)
got = student.proxy_distance(zeros, ones)
mistakes = {
    "this is the error": (0.0, "2 (1 - 2 ε)"),
    "this is the share of right answers": (1.0, "2 (1 - 2 ε)"),
    "the sides are exchanged": (-2.0, "a logit above 0 says b"),
}
close(got, 2.0, "the distance of eight zeros and eight ones", "no error: 2 (1 - 2 · 0)", mistakes=mistakes)
close(student.proxy_distance(ones, ones), 0.0, "the distance of eight ones and eight ones", "ε is a half")
a = torch.tensor([[0.0]] * 4 + [[9.0], [0.0], [0.0], [0.0]])
b = torch.tensor([[1.0]] * 2 + [[-8.0], [1.0]])
got = student.proxy_distance(a, b)
what = "the distance where one of four held-out examples of a, and one of two of b, is on the wrong side"
mistakes = {
    "it is measured on the half that was learned": (2.0, "on the other half"),
    "all held-out examples count alike": (2 * (1 - 2 / 3), "a share for each set, then their mean"),
    "the second half is learned, the first measured": (-2.0, "learn from the first half"),
    "learned and measured on all": (2 * (1 - 2 * (1 / 8 + 1 / 4) / 2), "two halves"),
}
close(got, 0.5, what, "ε is the mean of 1/4 and 1/2", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for n, m, d in ((400, 1200, 3), (1200, 400, 2)):
    a, b = torch.randn(n, d), torch.randn(m, d) + 0.5
    got, wanted = student.proxy_distance(a, b), reference.proxy_distance(a, b)
    close(got, wanted, f"the distance of {n} and {m} examples, half a step apart", "domain_loss", atol=0.03)
a, b = 1 + torch.rand(40, 2) / 2, 3 + torch.rand(40, 2) / 2  # both on one side of 0, where a line begins
for steps, rate, wanted in ((1, 0.5, 0.0), (200, 1e-3, 0.0), (300, 0.5, 2.0)):
    what = f"the distance of sets around 1¼ and 3¼ after {steps} steps of {rate}"
    close(student.proxy_distance(a, b, steps, rate), wanted, what, "steps and rate are arguments")
places = torch.linspace(-2, 4, 1001)[
    :, None
]  # where a's held-out examples lie: their error says where the line is
for steps, rate in ((2, 0.5), (5, 1.0), (12, 0.6)):
    a = torch.cat([torch.randn(1001, 1), places])
    b = torch.cat([torch.randn(300, 1) / 2 + 2, torch.full((300, 1), 9.0)])
    got = student.proxy_distance(a, b, steps, rate)
    what = f"the distance of 1001 and 300 examples to learn from after {steps} steps of {rate}"
    hint = "the slope of domain_loss, which is half of either mean; `steps` steps of `rate` times it, from 0"
    close(got, reference.proxy_distance(a, b, steps, rate), what, hint, atol=0.004)
a, b = torch.tensor([[0.0], [0.0], [9.0], [0.0], [0.0]]), torch.tensor([[1.0], [-8.0], [1.0]])
got = student.proxy_distance(a, b)
hint = "halves are rounded down: two of five are learned from, and one of three"
close(got, 2 * (1 - (1 / 3 + 1 / 2)), "the distance of 0, 0, 9, 0, 0 and 1, -8, 1", hint)

# %% [markdown]
# Here are the domains that this lab is about. At the mini tier: digits in colour, most of them in their class's own (source), and
# white ones (target). At the full tier: MNIST, and MNIST on patches of photographs. How far apart are their pixels?

# %%
source, target = mnist_m.load(tier, "train"), mnist_m.load(tier, "train", "target")
figure, axes = plots.subplots(2, 10, figsize=(9, 2))
for row, (x, y), name in zip(axes, (source.tensors, target.tensors), ("source", "target")):
    for k, ax in enumerate(row):
        ax.imshow(x[y == k][0].permute(1, 2, 0))
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name)
plots.show(figure, "Digits of the source domain and of the target domain")
print(
    "distance of pixels:        ", proxy_distance(*(d.tensors[0][:600].flatten(1) for d in (source, target)))
)
x = source.tensors[0][:600].flatten(1)
print("of the source from itself: ", proxy_distance(x[::2], x[1::2]))

# %% [markdown]
# ## 3 Turn the gradient round (6 points, 20 minutes)
#
# A domain classifier on top of a net's *features* learns to tell the domains apart. Its gradient also says how the features would have to change
# to make that easier. So take the gradient, flip its sign, and give *that* to the layers below: they learn to make it impossible. The
# operation between them does nothing on the way there; on the way back it multiplies by $-\lambda$.
#
# By hand: $y = \text{reverse}(x)^2$ with $\lambda = 0.5$, at $x = 3$. What is $y$, and what does autograd say is its slope?

# %%
3**2, -0.5 * 2 * 3

# %% [markdown]
# PyTorch has no such layer; you tell it by a `torch.autograd.Function`. `forward(ctx, x, strength)` computes, and may leave in `ctx` what
# the way back needs. `backward(ctx, *slopes)` is given the slope in each result, and gives one for each argument of `forward`: None where there
# is none. `.apply` calls it. (Another way to the same is welcome too.)

# %% solution="reverse" take="Reversal, reverse"
# slopes[0] is the slope in what forward returned. Return a view of x: x.view_as(x).

# %% test="reverse_values" points=4
x = torch.tensor([1.0, -2.0, 4.0], requires_grad=True)
got = student.reverse(x, 0.5)
mistakes = {
    "x is scaled on the way there": ([0.5, -1.0, 2.0], "only the gradient is"),
    "x is turned round on the way there": ([-0.5, 1.0, -2.0], "only the gradient is"),
    "x changes its sign": ([-1.0, 2.0, -4.0], "only the gradient does"),
}
close(got, [1.0, -2.0, 4.0], "reverse of (1, -2, 4)", "on the way there nothing happens", mistakes=mistakes)
probe = torch.tensor([1.0, 10.0, 100.0])


def slope_of(got, probe=None):
    """The slope in x."""
    return slopes(got, {"x": x}, "reverse", "what does backward return?", probe)[0]


found = slope_of(got, probe)
what = "autograd cannot follow reverse back to x"
holds(found is not None, what, "a gradient", "none", "what does backward return?")
what = "the gradient through reverse(x, 0.5) where (1, 10, 100) comes from above"
mistakes = {
    "the gradient is not turned round": (0.5 * probe, "minus"),
    "the strength is forgotten": (-probe, "times the strength"),
    "the gradient goes through as it is": (probe, "backward says what goes on"),
    "what comes from above is forgotten": ([-0.5, -0.5, -0.5], "slopes[0] times …"),
    "what comes from above is multiplied by x": (-0.5 * probe * torch.tensor([1.0, -2.0, 4.0]), "not by x"),
}
close(found, -0.5 * probe, what, "what comes from above, times minus the strength", mistakes=mistakes)
### BEGIN HIDDEN TESTS
x = torch.randn(2, 3, 4, requires_grad=True)
for strength in (1.0, 0.2, 3.0):
    found = slope_of((student.reverse(x.sin(), strength) ** 2).sum())
    expected = -strength * 2 * x.detach().sin() * x.detach().cos()
    close(found, expected, f"the gradient through reverse(…, {strength})")
back = student.reverse(student.reverse(x, 4.0), 0.25)
expected = torch.ones(2, 3, 4)
close(slope_of(back), expected, "the gradient through reverse(reverse(x, 4), ¼)", "minus times minus")
plain = torch.randn(3)
close(student.reverse(plain, 0.7), plain, "reverse of what needs no gradient", "it must pass too")

# %% [markdown]
# `gradcheck` compares autograd with finite differences. What must it say of `reverse`, which lies about its slope on purpose? And of reverse
# twice, with 2 and with ½?

# %%
x = torch.randn(4, dtype=torch.float64, requires_grad=True)
quietly = {"raise_exception": False, "check_undefined_grad": False}
print("once: ", torch.autograd.gradcheck(lambda x: reverse(x.sin(), 1.0), x, **quietly))
print(
    "twice:",
    torch.autograd.gradcheck(lambda x: reverse(reverse(x.sin(), 2.0), 0.5), x, **quietly),
)

# %% [markdown]
# At first the domain classifier knows nothing, and to turn its gradient round would be noise. So the strength grows from 0 to 1 with the
# *progress* $p$, the share of the training that is done, and the rate of learning falls (Ganin et al., 2016):
#
# $$\lambda(p) = \frac{2}{1 + e^{-10 p}} - 1, \qquad \mu(p) = \frac{\mu_0}{(1 + 10 p)^{0.75}}.$$

# %% solution="strength" take="strength, slowed"
# Both take and give plain numbers.


# %% test="schedule_values" points=2
def slowed(rate, p):
    """The student's, a real number."""
    got = student.slowed(rate, p)
    real, hint = not isinstance(got, complex), "is what you take to the power 0.75 ever below 0?"
    holds(real, f"slowed({rate}, {p}) must be a real number", "a float", got, hint)
    return float(got)


for p in (0.0, 0.1, 0.5, 1.0):
    wanted = math.tanh(5 * p)
    got = float(student.strength(p))
    mistakes = {
        "it falls": (-wanted, "the sign in the exponent"),
        "it begins at 1": (1 + wanted, "what is subtracted?"),
        "it begins at a half": ((1 + wanted) / 2, "2/(…) - 1"),
        "the 10 is missing": (math.tanh(p / 2), "e^(-10 p)"),
    }
    close(got, wanted, f"strength({p})", "2 / (1 + e^(-10 p)) - 1: from 0 to nearly 1", mistakes=mistakes)
close(slowed(0.2, 0.0), 0.2, "slowed(0.2, 0)", "the rate at first")
got = slowed(0.2, 1.5)
mistakes = {
    "it grows": (0.2 * 8, "divided by"),
    "the power is missing": (0.2 / 16, "to the power 0.75"),
    "the 10 is missing": (0.2 / 2.5**0.75, "1 + 10 p"),
    "the rate is missing": (1 / 8, "times the first rate"),
}
close(got, 0.2 / 8, "slowed(0.2, 1.5)", "16 to the power 0.75 is 8", mistakes=mistakes)
### BEGIN HIDDEN TESTS
close(slowed(3.0, 0.3), 3 / 4**0.75, "slowed(3, 0.3)")

# %% [markdown]
# ## 4 A net that is told to forget (6 points, 20 minutes)
#
# Put together: a body makes features; one head names the class; another names the domain, *through the reversal*. All three minimise one
# loss, by plain gradient descent, and the reversal makes it a game.

# %% solution="DANN" keep="__init__"
# Two heads on the same features. Only one of them is behind `reverse`. The domain head gives (B, 1); (B,) is due.


# %%
def tiny_dann():
    """Three numbers, four features, five classes."""
    return DANN(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), nn.Linear(4, 5), nn.Linear(4, 1))


# %% test="dann_values" points=3
net = student.tiny_dann()
W = {name: tensor.detach() for name, tensor in net.state_dict().items()}
x = torch.randn(7, 3, requires_grad=True)
features = torch.tanh(x @ W["body.0.weight"].T + W["body.0.bias"])
due = features @ W["classes.weight"].T + W["classes.bias"]
domain = (features @ W["domains.weight"].T + W["domains.bias"])[:, 0]
scores, logits = pair(net(x, 0.7), "DANN", "class scores and domain logits", "see `forward`'s docstring")
mistakes = {"the domain logits come first": (domain, "see `forward`'s docstring: in which order?")}
close(scores, due, "the class scores", "classes(body(x))", mistakes=mistakes)
mistakes = {
    "they have a second axis": (domain[:, None], "(B, 1) to (B,)"),
    "they are probabilities": (torch.sigmoid(domain), "logits, before any sigmoid"),
}
close(logits, domain, "the domain logits", "domains(body(x)), one number for each example", mistakes=mistakes)
got = pair(net(x[:1], 0.7), "DANN", "class scores and domain logits")[1]
hint = "(B,), also where B is 1: squeeze() without an axis takes all axes of length 1 away"
close(got, domain[:1], "the domain logit of a single example", hint)
leaves = {"the inputs": x}
follows(scores, leaves, due, "the class scores", "nothing is turned round on the way to the classes")
(straight,) = slopes(domain.sum(), {"x": x}, "DANN")
(found,) = slopes(logits.sum(), {"x": x}, "the domain logits")
what = "the gradient of the domain logits in the inputs, strength 0.7"
mistakes = {
    "it is not turned round": (straight, "reverse(features, strength)"),
    "the strength is not used": (-straight, "the strength that forward is given"),
    "it is turned round twice": (0.49 * straight, "once"),
}
close(found, -0.7 * straight, what, "the features go through reverse first", mistakes=mistakes)
net.zero_grad()
net(x.detach(), 2.0)[1].sum().backward()
grads = {name: p.grad for name, p in net.named_parameters()}
below = ((1 - features.detach() ** 2) * W["domains.weight"]).sum(0)
what = "the gradient of the domain logits in the body's bias, strength 2"
hint = "what goes into the domain head is reverse(features, strength)"
mistakes = {"it is not turned round": (below, "turn round what the *body* learns: it stands below reverse")}
close(grads["body.0.bias"], -2 * below, what, hint, mistakes=mistakes)
what = "the gradient of the domain logits in the domain head's own bias, strength 2"
mistakes = {"it is turned round": ([-14.0], "reverse stands below the head, not above")}
close(grads["domains.bias"], [7.0], what, "the head itself learns straight on", mistakes=mistakes)
### BEGIN HIDDEN TESTS
net.zero_grad()
net(torch.randn(5, 3), 2.0)[1].sum().backward()
grads = {name: p.grad for name, p in net.named_parameters()}
hint = "the head itself learns straight on: reverse stands below it, not above"
close(grads["domains.bias"], [5.0], "the gradient of the domain head's own bias, strength 2", hint)

# %% [markdown]
# The loss: cross-entropy of the source's classes, and the domain loss of both domains. The target has no labels, so it says nothing
# about classes. Where would $\lambda$ stand in this sum?

# %% solution="dann_loss"
# Ask the net about the source and about the target. Of the target's two answers only one is used.

# %% test="dann_loss_values" points=3
A, b, asked = torch.randn(3, 5, requires_grad=True), torch.randn(3, requires_grad=True), []


def net(x, strength):
    """Linear scores and logits; who asked about how many examples, how strongly."""
    asked.append((len(x), float(strength)))
    return x @ A, x @ b


source, labels, target = torch.randn(4, 3), torch.tensor([0, 4, 2, 2]), torch.randn(9, 3) + 1
entropy = F.cross_entropy(source @ A, labels)
pays = (F.softplus(source @ b).mean() + F.softplus(-(target @ b)).mean()) / 2
exchanged = (F.softplus(target @ b).mean() + F.softplus(-(source @ b)).mean()) / 2
got = student.dann_loss(net, source, labels, target, 0.3)
hint = "cross-entropy of the source's classes + domain_loss(source's logits, target's logits)"
mistakes = {
    "the domain loss is missing": (entropy, "plus domain_loss"),
    "the classes are missing": (pays, "plus the cross-entropy of the source"),
    "the domain loss is subtracted": (entropy - pays, "the reversal turns the gradient already"),
    "the domain loss is weighted": (entropy + 0.3 * pays, "the strength works in the reversal, nowhere else"),
    "the weighted domain loss is subtracted": (entropy - 0.3 * pays, "the reversal does that"),
    "the domains are exchanged": (entropy + exchanged, "domain_loss(source, target)"),
}
close(got, entropy + pays, "dann_loss of four source and nine target examples", hint, mistakes=mistakes)
holds(
    all(abs(strength - 0.3) < 1e-6 for _, strength in asked),
    "the net is not asked with the strength that dann_loss is given",
    0.3,
    sorted({strength for _, strength in asked}),
    "hand it on, for both domains",
)
follows(got, {"the class weights": A, "the domain weights": b}, entropy + pays, "dann_loss")
### BEGIN HIDDEN TESTS
source, labels, target = torch.randn(6, 3), torch.randint(5, (6,)), torch.randn(2, 3)
wanted = F.cross_entropy(source @ A, labels) + (
    (F.softplus(source @ b).mean() + F.softplus(-(target @ b)).mean()) / 2
)
got = student.dann_loss(net, source, labels, target, 1.0)
close(got, wanted, "dann_loss of six source and two target examples")

# %% [markdown]
# ## 5 White digits (4 points, 5 minutes and the machine's)
#
# The nets, and the loop. At the mini tier half of the features sleep at each step (dropout), so that no single neuron becomes
# indispensable. At the full tier half of a layer's maps do. There each domain is normalised by its own batches, at the end
# by the target, and the weights of the last steps are averaged: the source alone too. With the reversal the net there is
# also asked, late and gently, to be sure of what it says about the target (`doubt`).

# %% given="_layers,plain_net,picture_net,build,Config,config,drawn,late,doubt,follow,adapt,settled,accuracy"

# %% [markdown]
# First without the target: the same net learns the source alone. **Predict** its accuracy on held-out source digits, and on the target.

# %% trains="alignment"
run = Run("source only", seed=0)
white = target.tensors[0]  # without labels
before = adapt(build(tier), source, white, replace(config(tier), most=0.0), run)
print(f"source {accuracy(before, mnist_m.load(tier, 'val')):.3f}")
print(f"target {accuracy(before, mnist_m.load(tier, 'test', 'target')):.3f}")

# %% [markdown]
# And now with the domain classifier, which sees pictures of the target, and no label of theirs.

# %% trains="alignment"
run = Run("alignment", seed=0)
net = adapt(build(tier), source, white, config(tier), run)
save_artifact("alignment", net, tier)
entry = record("alignment", tier)
print(f"source         {accuracy(net, mnist_m.load(tier, 'val')):.3f}")
print(f"target         {accuracy(net, mnist_m.load(tier, 'test', 'target')):.3f}")
print(f"the reference  {entry.value:.3f} ± {entry.std:.3f}, {entry.device}")

# %% trains="alignment"
distances = {}
for name, trained in (("source alone", before), ("with the reversal", net)):
    with torch.no_grad():
        a, b = (trained.cpu().body(d.tensors[0][:500].float()) for d in (source, target))
    distances[name] = proxy_distance(a, b)
distances

# %% test="trained" points=4
tensors = student.artifact("alignment")
holds(
    any(name.startswith("body.") for name in tensors) and "domains.0.weight" in tensors,
    "alignment.safetensors holds another net",
    "the tensors of a DANN",
    ", ".join(list(tensors)[:4]),
    "run the training cell: it saves `net`",
)
### BEGIN HIDDEN TESTS
judge("alignment", tensors, 4)

# %% [markdown]
# Your points for the file: none at the level of a net that learned from the source alone, all at the reference's, on white digits that
# your net has not seen.
#
# ## 6 When it does harm (2 points, 10 minutes)
#
# Suppose that it works perfectly: nothing can tell the domains' features apart. Then a classifier on these features calls *the same share* of
# both domains "three". If threes are frequent in the source and rare in the target, it must be wrong somewhere. With shares $p_k$ and $q_k$ of the
# classes, its error on the source and its error on the target add up to at least $\tfrac12 \sum_k |p_k - q_k|$, whatever its weights.
#
# By hand: ten classes, equally frequent in the source; the target has three of them, equally frequent.

# %%
(3 * (1 / 3 - 1 / 10) + 7 * (1 / 10)) / 2

# %% solution="least_errors"
# One line.

# %% test="least_errors_values" points=2
p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
got = student.least_errors(p, q)
mistakes = {
    "the half is missing": (0.8, "½ Σ"),
    "the differences cancel": (0.0, "|p - q|, each by itself"),
    "the mean instead of the sum": (0.4 / 3, "½ Σ, not the mean"),
    "the differences are squared": (0.16, "|p - q|"),
}
close(got, 0.4, "least_errors of (0.5, 0.3, 0.2) and (0.1, 0.3, 0.6)", "½ (0.4 + 0 + 0.4)", mistakes=mistakes)
### BEGIN HIDDEN TESTS
p, q = torch.rand(6).softmax(0), torch.rand(6).softmax(0)
close(student.least_errors(p, q), (p - q).clamp(min=0).sum(), "least_errors of six classes")
close(student.least_errors(p, p), 0.0, "least_errors of equal shares", "nothing forces an error")

# %% [markdown]
# Let us do it: the target has the first three digits only, in training and in the test. The source has all ten. Nobody tells the net. **Predict**
# who is better there now, the net that saw the target or the one that did not.


# %% trains="alignment"
def only(data: TensorDataset, classes: int) -> TensorDataset:
    """The examples of the first classes."""
    x, y = data.tensors
    return TensorDataset(x[y < classes], y[y < classes])


few, asked = only(target, 3), only(mnist_m.load(tier, "test", "target"), 3)
misled = adapt(build(tier), source, few.tensors[0], config(tier), Run("misled", seed=0)).cpu()
print(f"source alone      {accuracy(before, asked):.3f}")
print(f"with the reversal {accuracy(misled, asked):.3f}")
with torch.no_grad():
    said = misled(asked.tensors[0][:300], 0.0)[0].argmax(1).bincount(minlength=10) / len(
        asked.tensors[0][:300]
    )
print("what it says, as shares of ten classes:", [round(v, 2) for v in said.tolist()])

# %% [markdown]
# The net was told to spread the target over what the source has, and it obeyed: it calls digits "three" to "nine" that are none, for otherwise the
# domain classifier would see a difference. Nothing in the loss knows that this is wrong. The loss went down all the same.


# %%
def bound(rare: float = 0.1):
    """Two classes, half and half in the source; the first is rare in the target."""
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([rare, 1 - rare])
    print(f"errors add up to {float(least_errors(p, q)):.2f} at least")


turn(bound, "from which share on would you rather not align?", rare=(0.0, 1.0, 0.05))

# %% [markdown]
# **Hand in** this notebook and `alignment.safetensors`. Not marked: does `dann_loss` with `coral` of the features in place of the domain loss do
# as well? What does the distance of the features say about the misled net, and should you trust it?
