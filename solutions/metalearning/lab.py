# %% [markdown]
# You see one letter of a script that you cannot read, once; shown five letters you find it again. You have not learned that
# letter, you have learned how to learn letters. In this lab nets learn to learn, in four ways: by a *metric*, by a *beginning*
# that a single step of gradient descent makes good, by *reading* a training set, and by a *learned optimiser*. Between them
# an agent is shown once what it is to do.
#
# The chapter *Learning to learn* of the book is the companion to this lab; nothing in it is needed that is not said here.
# Shapes: C classes with K examples each; N ways (classes of an episode), S shots and Q queries of each way, M queries in all,
# D numbers of an embedding; T tasks at once; B sequences of L examples; O objects of a world.

# %%
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import omniglot
from course_utils.training import Run, record
from course_utils.widgets import turn

Params = Sequence[Tensor]
Loss = Callable[[Params], Tensor]  # of weights to one number, or to one for each task (T,)
Net = Callable[[Params, Tensor], Tensor]  # of weights and inputs (T, S, 1) to outputs (T, S, 1)
Examples = tuple[Tensor, Tensor]  # inputs and what is due
World = tuple[Tensor, Tensor]  # places (B, O, 2) and marks (B, O, D) of objects
Update = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]  # a gradient and a state to a step and a state
INNER, WIDTH = 0.01, 40  # rate of the inner step, width of the hidden layers
SHOTS = 10  # points of a sine wave

# %% given="Config,config,load"

# %% [markdown]
# At the mini tier the characters are letters of twelve scripts, drawn in the fonts that come with matplotlib; at the full tier
# they are Omniglot's, handwritten in 50 alphabets (Lake et al., 2015). *Whole scripts* are held out. A row below is a class.

# %%
letters, new_letters = load(tier, "train"), load(tier, "test")
print(
    f"{len(letters)} characters to learn from, {len(new_letters)} new ones, {letters.shape[1]} drawings each"
)
rows = torch.linspace(0, len(new_letters) - 1, 6).long()
figure, ax = plots.subplots(figsize=(6, 3.6))
ax.imshow(torch.cat([torch.cat(list(new_letters[row, :10, 0]), 1) for row in rows]), cmap="Greys")
ax.axis("off")
plots.show(figure, "Six characters of scripts that are held out, ten drawings of each")

# %% [markdown]
# ## 1 Episodes (4 points, 15 minutes)
#
# In ordinary learning an example is a picture and its label. Here an example is a whole small *task*: a training set, called the
# **support**, and a test set, the **query**. It is drawn anew each time: N classes, S examples of each for the support and Q
# others for the query. That is an *episode*. Which labels do the classes get? None that would last: class 0 is whatever stands
# first in this episode.
#
# By hand: 1,000 classes with 20 examples each. How many different supports are there of 5 ways and 1 shot, with their order?

# %%
math.perm(1000, 5) * 20**5

# %% solution="episode"
# torch.randperm(n, generator=generator)[:k] draws k different ones of n.
# Each class draws its own examples: the places that sort a row of random numbers are a random order.

# %% test="episode_draws" points=4
number = 100 * torch.arange(6)[:, None] + torch.arange(7)  # 100 · class + which example
examples = torch.stack([number, -number, number], dim=2).float()  # (6, 7, 3)
same = []
for _ in range(12):
    drawn = student.episode(examples, 4, 2, 3)
    support, query = pair(drawn, "episode", "the support and the query", "see `Returns`")
    for name, part, size in (("support", support, 2), ("query", query, 3)):
        what = f"the {name} of 4 ways, 2 shots and 3 queries has the wrong shape"
        hint = "ways first, then examples, then what an example is made of"
        holds(shape_of(part) == (4, size, 3), what, (4, size, 3), shape_of(part), hint)
    both = torch.cat([support, query], dim=1)
    close(both, both[..., :1] * torch.tensor([1, -1, 1]), "an example of an episode", "whole examples")
    kind, which = both[..., 0] // 100, both[..., 0] % 100
    what = "a row of an episode mixes classes"
    hint = "draw the classes once, for support and query together"
    holds((kind == kind[:, :1]).all(), what, "support and query of row n from one class", kind.tolist(), hint)
    what = "a class stands twice in an episode"
    hint = "draw without putting back"
    holds(len(set(kind[:, 0].tolist())) == 4, what, "four different classes", kind[:, 0].tolist(), hint)
    holds(
        all(len(set(row)) == 5 for row in which.tolist()),
        "an example stands twice in an episode: the query asks for what the support shows",
        "five different examples of each class",
        which.tolist(),
        "draw S + Q different examples, then cut",
    )
    same.append(all(row == which[0].tolist() for row in which.tolist()))
holds(
    not all(same),
    "all classes of an episode get the same examples",
    "each class draws its own",
    "in each of twelve episodes the same places in all rows",
    "a random order for each row",
)
### BEGIN HIDDEN TESTS
for classes, count, ways, shots, queries in ((5, 4, 2, 1, 1), (3, 3, 3, 1, 2)):
    names = torch.arange(classes)[:, None] * count + torch.arange(count)
    drawn = [student.episode(names, ways, shots, queries) for _ in range(150)]
    for name, part, size in (("support", 0, shots), ("query", 1, queries)):
        parts = torch.stack([episode[part] for episode in drawn])
        what = f"the {name}'s shape"
        holds(shape_of(parts[0]) == (ways, size), what, (ways, size), shape_of(parts[0]), "any shape")
        seen = set(parts.flatten().tolist())
        holds(
            seen == set(range(classes * count)),
            f"some examples are never drawn for the {name}",
            f"in 150 episodes all {classes * count}",
            len(seen),
            "all classes and all examples alike",
        )
        first = set(parts[:, 0, 0].tolist())
        holds(len(first) > 1, "row 0 is always the same", "classes in random order", first, "a random order")
examples = torch.randn(9, 5, 2)
again = [student.episode(examples, 4, 1, 2, torch.Generator().manual_seed(5)) for _ in range(2)]
for name, one, other in zip(("support", "query"), *again):
    close(one, other, f"the {name}, drawn again from the same generator", "hand `generator` to each draw")
others = [student.episode(examples, 4, 1, 2, torch.Generator().manual_seed(seed))[0] for seed in range(6)]
holds(
    any(not torch.equal(others[0], other) for other in others[1:]),
    "six generators give the same episode",
    "other seeds, other episodes",
    "the same support",
    "use the generator that is given",
)

# %% [markdown]
# ## 2 A learned metric (6 points, 20 minutes)
#
# The simplest learner that needs no training: keep the support, and give a query the class of what is nearest to it. *Nearest in
# what?* Not in pixels, as you will see below, but in an embedding, and that is what is learned.
#
# A **prototypical network** (Snell et al., 2017) takes the mean of each class's embeddings, its prototype, and scores a query by
# minus the *squared* distance. By hand: class 0 has embeddings 0 and 2, class 1 has 5 and 5; the query is at 2.

# %%
-((2 - 1) ** 2), -((2 - 5) ** 2)

# %% solution="prototype_scores"
# query[:, None] is (M, 1, D); against prototypes (N, D) that gives (M, N, D).

# %% test="prototype_values" points=3
support = torch.tensor([[[0.0, 1.0], [2.0, 1.0]], [[5.0, 1.0], [5.0, 1.0]], [[2.0, 6.0], [2.0, 4.0]]])
query = torch.tensor([[2.0, 1.0], [5.0, 3.0]])
wanted = torch.tensor([[-1.0, -9.0, -16.0], [-20.0, -4.0, -13.0]])
apart = (query[:, None, None] - support).square().sum(-1)  # (M, N, S)
got = student.prototype_scores(support, query)
what = "prototype_scores of 2 queries and 3 classes with 2 examples each"
mistakes = {
    "near classes get low scores": (-wanted, "a softmax wants the highest score for the nearest"),
    "the distance is not squared": (-((-wanted) ** 0.5), "the squared distance"),
    "rows are classes": (wanted.T, "(M, N): a row for each query"),
    "it is the mean of the distances to the examples": (-apart.mean(-1), "first the mean, then the distance"),
    "it is the distance to the nearest example": (-apart.amin(-1), "to the mean"),
    "distances are averaged over numbers": (wanted / 2, "add up over the D numbers"),
    "examples are added up, not averaged": (
        -(query[:, None] - support.sum(1)).square().sum(-1),
        "a prototype is a mean",
    ),
}
close(got, wanted, what, "minus the squared distance to the mean of a class", mistakes=mistakes)
leaves = {"the support": torch.randn(3, 2, 4, requires_grad=True)}
leaves["the queries"] = torch.randn(5, 4, requires_grad=True)
flows(student.prototype_scores(*leaves.values()), leaves, "prototype_scores")
### BEGIN HIDDEN TESTS
for n, s, m, d in ((3, 2, 5, 4), (2, 1, 1, 3), (4, 3, 2, 1)):
    leaves = {"the support": torch.randn(n, s, d).requires_grad_()}
    leaves["the queries"] = torch.randn(m, d, requires_grad=True)
    support, query = leaves.values()
    mean = torch.einsum("nsd->nd", support) / s
    wanted = 2 * query @ mean.T - (mean**2).sum(1) - (query**2).sum(1, keepdim=True)
    got = student.prototype_scores(support, query)
    close(got, wanted, f"prototype_scores of {m} queries, {n} ways, {s} shots", rtol=1e-3, atol=1e-4)
    follows(got, leaves, wanted, "prototype_scores", rtol=1e-3, atol=1e-3)

# %% [markdown]
# Everything is differentiable, down to the support. Which way does the gradient push a prototype? Predict: one query of class 0
# lies at (1, 0), the prototypes at (0, 1) and (0, −1). After a step *against* the gradient, where have they gone?

# %%
prototypes = torch.tensor([[[0.0, 1.0]], [[0.0, -1.0]]], requires_grad=True)
F.cross_entropy(prototype_scores(prototypes, torch.tensor([[1.0, 0.0]])), torch.tensor([0])).backward()
print(-prototypes.grad[:, 0])  # towards the query, and away from it

# %% [markdown]
# **Matching networks** (Vinyals et al., 2016) came before, and look at each example of the support for itself: a softmax over
# all N·S cosines, whose weights are then added up for each class. It is attention, with examples as keys and labels as
# values. What comes out are probabilities already.

# %% solution="matching"
# F.normalize(x, dim=-1) makes lengths 1. The softmax goes over all N·S examples at once: flatten first.

# %% test="matching_values" points=3
support = torch.tensor([[[2.0, 0.0], [0.0, 1.0]], [[-3.0, 0.0], [0.0, -1.0]], [[1.0, 1.0], [5.0, 0.0]]])
query = torch.tensor([[4.0, 0.0]])
r = 0.5**0.5
e = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [r, 1.0]]).exp()
wanted = (e.sum(1) / e.sum())[None]
raw = (support @ query[0]).exp()
means = torch.nn.functional.cosine_similarity(support.mean(1), query, dim=-1)
got = student.matching(support, query)
what = "matching of a query that points along the first axis; cosines 1 and 0, -1 and 0, 0.7071 and 1"
mistakes = {
    "lengths matter": ((raw.sum(1) / raw.sum())[None], "the cosine: over both lengths"),
    "weights are not added up by class": ((e / e.sum()).reshape(1, -1), "(M, N)"),
    "it attends to means": (means.softmax(0)[None], "to each example"),
    "the softmax goes over classes, of sums of cosines": (
        torch.tensor([[1.0, -1.0, 1 + r]]).softmax(1),
        "first the softmax, then the sum",
    ),
    "each class has a softmax of its own": (torch.ones(1, 3), "over all N·S examples at once"),
    "the softmax is missing": ([[1.0, -1.0, 1 + r]], "weights add up to 1"),
    "weights are averaged": (wanted / 2, "add them up"),
}
close(got, wanted, what, "a softmax over all six cosines, then add up for each class", mistakes=mistakes)
leaves = {"the support": torch.randn(3, 2, 4, requires_grad=True)}
leaves["the queries"] = torch.randn(5, 4, requires_grad=True)
flows(student.matching(*leaves.values()), leaves, "matching")
### BEGIN HIDDEN TESTS
for n, s, m, d in ((3, 2, 5, 4), (2, 1, 1, 3), (4, 3, 2, 2)):
    leaves = {"the support": torch.randn(n, s, d).requires_grad_()}
    leaves["the queries"] = torch.randn(m, d, requires_grad=True)
    support, query = leaves.values()
    product = torch.einsum("md,nsd->mns", query, support)
    cosine = product / query.norm(dim=1)[:, None, None] / support.norm(dim=2)
    wanted = (cosine - cosine.flatten(1).logsumexp(1)[:, None, None]).exp().sum(2)
    got = student.matching(support, query)
    close(got, wanted, f"matching of {m} queries, {n} ways, {s} shots")
    follows(got, leaves, wanted, "matching")

# %% given="embedding,embedded,accuracy"

# %% [markdown]
# How good are pixels, and a net that has learned nothing? Guess first: five ways, so chance is 0.2.

# %%
torch.manual_seed(0)
untrained = embedded(embedding(config(tier).channels).eval(), new_letters)
for name, scores in (("prototypes", prototype_scores), ("matching", matching)):
    pixels = accuracy(new_letters.flatten(2), 5, 1, 100, scores)
    print(f"{name}: pixels {pixels:.2f}, an untrained net {accuracy(untrained, 5, 1, 100, scores):.2f}")

# %% [markdown]
# ## 3 A beginning that learns fast (8 points, 30 minutes)
#
# Now another way: keep gradient descent as the learner, and learn *where it begins*. From a good beginning one step on ten points
# is enough. **MAML** (Finn et al., 2017) finds such a beginning by gradient descent, too: on what the weights cost *after* the step. So
# the step itself must be differentiated, and in it stands a gradient: second derivatives.
#
# By hand: the inner loss is $w^2$, the rate 1/4, and $w = 2$. One step gives $w' = w - \tfrac14 \cdot 2w = w/2 = 1$. What is
# $dw'/dw$? And what would it be if the gradient in the step counted as a constant (*first-order* MAML)?

# %%
1 - 0.25 * 2, 1.0

# %% [markdown]
# One trick makes T tasks go at once: let weights have an axis of tasks in front, and let the loss be T numbers. The gradient of their
# *sum* holds, in row t, the gradient of task t alone, since no other task's loss depends on row t.

# %% solution="adapt"
# torch.autograd.grad(loss, list of weights, create_graph=…) gives a gradient for each. create_graph=True if it is to be
# differentiated itself. Make new lists; -= would change the weights that came in.


# %%
def old_and_new(loss: Loss, params: Params, rate: float) -> tuple[Params, Params]:
    """The weights that `adapt` was given, as they are after a step of it, and those that it made."""
    new = adapt(loss, params, rate, 1)
    return params, new


# %% test="adapt_values" points=4
w = torch.tensor(2.0, requires_grad=True)
got = student.adapt(lambda params: params[0] ** 2, [w], 0.25, 1)
what = "adapt must give the new weights"
expected = "a list of one tensor"
holds(isinstance(got, list | tuple) and len(got) == 1, what, expected, shape_of(got), "as many as came in")
expected = torch.tensor(1.0)
mistakes = {
    "the step goes up": (torch.tensor(3.0), "against the gradient"),
    "the rate is missing": (torch.tensor(-2.0), "rate · gradient"),
    "no step is made": (torch.tensor(2.0), "`steps` of them"),
}
close(got[0], expected, "one step on w² from 2 at rate 1/4", "w - rate · gradient", mistakes=mistakes)
close(
    student.adapt(lambda params: params[0] ** 2, [w], 0.25, 3)[0],
    torch.tensor(0.25),
    "three steps: 2, 1, 1/2, 1/4",
    "each step begins where the last one ended",
    mistakes={"one step only": (torch.tensor(1.0), "`steps` of them")},
)
close(student.adapt(lambda params: params[0] ** 2, [w], 0.25, 0)[0], torch.tensor(2.0), "no step at all")
old, _ = student.old_and_new(lambda params: params[0] ** 2, [w], 0.25)
hint = "every task begins there: make new weights; -= and functions with an underscore at their end change it"
close(old[0], torch.tensor(2.0), "the weight that came in, after a step from it", hint)
hint = "shall autograd be able to walk through the gradient in the step?"
flows(got[0], {"the weight": w}, "adapt", hint)
slopes = {}
for first in (False, True):
    new = student.adapt(lambda params: params[0] ** 4, [w], 0.01, 1, first)[0]
    flows(new, {"the weight": w}, "adapt", "from p itself the way back is always open")
    slopes[first] = torch.autograd.grad(new, w)[0]
got = slopes[False]
expected = torch.tensor(0.52)
what = "the slope of w - 0.01 · 4w³ in w at 2"
mistakes = {"the gradient counts as a constant": (torch.tensor(1.0), "what should first_order decide?")}
close(got, expected, what, "1 - 0.01 · 12 w²: the gradient in the step is differentiated", mistakes=mistakes)
what = "the same slope with first_order=True"
mistakes = {"the second derivative is in it": (torch.tensor(0.52), "what should first_order decide?")}
close(slopes[True], torch.tensor(1.0), what, "the gradient counts as a constant", mistakes=mistakes)


### BEGIN HIDDEN TESTS
def two_tasks(params):
    """Two tasks, each with its own weights: |A_t w_t + b_t|² / 2."""
    w, b = params
    return ((A * w[:, None]).sum(-1) + b).square().sum(-1) / 2


A = torch.randn(2, 3, 4)
leaves = {"w": torch.randn(2, 4, requires_grad=True), "b": torch.randn(2, 1, requires_grad=True)}
for steps in (1, 3):
    for first in (False, True):
        w, b = leaves.values()
        for _ in range(steps):
            r = torch.einsum("tij,tj->ti", A, w) + b  # the gradients by hand
            slope_w, slope_b = torch.einsum("tij,ti->tj", A, r), r.sum(1, keepdim=True)
            if first:
                slope_w, slope_b = slope_w.detach(), slope_b.detach()
            w, b = w - 0.1 * slope_w, b - 0.1 * slope_b
        new = student.adapt(two_tasks, list(leaves.values()), 0.1, steps, first)
        for name, one, other in zip(leaves, new, (w, b)):
            what = f"{name} of two tasks after {steps} steps"
            close(one, other, what, "the sum of the losses: each task goes its own way", rtol=1e-3, atol=1e-4)
            follows(one, leaves, other, what + (", first order" if first else ""), hint, rtol=1e-3, atol=1e-3)

# %% [markdown]
# Now MAML's loss. Each of T tasks gets its own copy of the one beginning, learns from its support, and pays for its *query*. Weights
# with an axis of tasks in front go through `net` as they are: `x @ W` multiplies (T, S, in) by (T, in, out).
#
# Predict: if the inner step learned from the *query* as well, what would the beginning learn?

# %% solution="maml_loss"
# p.expand(T, *p.shape) makes T copies without memory; gradients of all of them flow back to the one.
# One loss for each task: a mean over its points, not over tasks.


# %% test="maml_loss_values" points=4
def line(params, x):
    """A slope and a height, with or without an axis of tasks."""
    return x * params[0][..., None] + params[1][..., None]


zero = torch.zeros
x, y = torch.tensor([[[1.0], [-1.0]], [[1.0], [-1.0]]]), torch.tensor([[[2.0], [-2.0]], [[-1.0], [1.0]]])
u, v = torch.tensor([[[2.0]], [[2.0]]]), torch.tensor([[[4.0]], [[-2.0]]])
params = [zero(1, requires_grad=True), zero(1, requires_grad=True)]
got = student.maml_loss(line, params, (x, y), (u, v), 0.25, 1)
what = "maml_loss of two lines through 0, slopes 2 and -1, from a flat one; rate 1/4, one step"
hint = "by hand: the slopes become 1 and -1/2; the queries at 2 then cost (2 - 4)² and (-1 + 2)²"
mistakes = {
    "nothing is learned from the support": (torch.tensor(10.0), "adapt, then the query"),
    "tasks share one step": (torch.tensor(9.0), "each task its own copy, with its own step"),
    "tasks share one mean step": (torch.tensor(9.25), "each task its own copy, with its own step"),
    "the support is paid for": (torch.tensor(0.625), "learn from the support, pay for the query"),
    "each task's step is too small": (
        torch.tensor(5.625),
        "a loss for each task: the mean over its points only, not over tasks",
    ),
    "each task's step is too large": (torch.tensor(0.0), "the *mean* over a task's points"),
    "it learns from the query": (torch.tensor(22.5), "adapt on the support"),
    "costs are added up": (torch.tensor(5.0), "the mean over all queries"),
}
close(got, torch.tensor(2.5), what, hint, mistakes=mistakes)
flows(got, {"the beginning": params[0]}, "maml_loss")
expected = torch.tensor(10.0)
hint = "steps=0: the beginning itself"
got = student.maml_loss(line, params, (x, y), (u, v), 0.25, 0)
close(got, expected, "maml_loss after no step at all", hint)
### BEGIN HIDDEN TESTS
for tasks, s, q, steps in ((3, 4, 2, 1), (2, 3, 5, 2)):
    x = torch.randn(tasks, s, 1)
    y = torch.randn(tasks, s, 1)
    u = torch.randn(tasks, q, 1)
    v = torch.randn(tasks, q, 1)
    leaves = {
        "the slope": torch.randn(1, requires_grad=True),
        "the height": torch.randn(1, requires_grad=True),
    }
    for first in (False, True):
        total = 0
        for t in range(tasks):
            a, b = leaves.values()
            for _ in range(steps):
                r = x[t] * a + b - y[t]
                slope_a, slope_b = (2 * r * x[t]).mean(0), (2 * r).mean(0)
                if first:
                    slope_a, slope_b = slope_a.detach(), slope_b.detach()
                a, b = a - 0.1 * slope_a, b - 0.1 * slope_b
            total = total + (u[t] * a + b - v[t]).square().mean() / tasks
        got = student.maml_loss(line, list(leaves.values()), (x, y), (u, v), 0.1, steps, first)
        what = f"maml_loss of {tasks} tasks, {steps} steps" + (", first order" if first else "")
        close(got, total, what, rtol=1e-3)
        follows(got, leaves, total, what, "hand first_order on to adapt", rtol=1e-3, atol=1e-3)


def curved(params, x):
    """A small net: one hidden layer of tanh, with an axis of tasks or without."""
    return (x @ params[0]).tanh() @ params[1]


x, y, u, v = (torch.randn(3, 4, 1, dtype=torch.float64) for _ in range(4))
start = [torch.randn(1, 3, dtype=torch.float64), torch.randn(3, 1, dtype=torch.float64)]
way, h = [torch.randn_like(p) for p in start], 1e-4
ends = []
for sign in (-1, 1):
    there = [(p + sign * h * d).requires_grad_() for p, d in zip(start, way)]
    ends.append(student.maml_loss(curved, there, (x, y), (u, v), 0.3, 2).item())
leaves = [p.clone().requires_grad_() for p in start]
outer = student.maml_loss(curved, leaves, (x, y), (u, v), 0.3, 2)
slope = sum((g * d).sum() for g, d in zip(torch.autograd.grad(outer, leaves), way))
measured = (ends[1] - ends[0]) / (2 * h)
holds(
    abs(slope.item() - measured) < 1e-3 + 1e-3 * abs(measured),
    "the slope of maml_loss is not what two nearby beginnings cost",
    f"{measured:.6g}, by finite differences",
    f"{slope.item():.6g}",
    "the gradients inside the steps must be differentiated",
)

# %% given="perceptron,beginning,sinusoids,learn_beginning,sine_error"

# %% [markdown]
# Tasks are now sine waves of any amplitude and phase, ten points of each. The beginning is trained below, with the nets of this lab.
#
# ## 4 A net that reads its training set (5 points, 20 minutes)
#
# The third way has no metric and no gradient step: a recurrent net *reads* the training set and then answers. It reads examples one by
# one, and must name each. If it got the label along with the example, it would only have to repeat it. So the label comes **one step
# late** (Santoro et al., 2016): at each place stand the example, and the label of the one *before*.
#
# By hand: examples 5, 6, 7 with labels 1, 0, 1 of two ways.

# %%
[[5, 0, 0], [6, 0, 1], [7, 1, 0]]

# %% solution="shifted"
# F.one_hot(y, ways) has numbers of type int64: .to(x.dtype). Zeros in front, and the last label falls out.

# %% test="shifted_values" points=3
x, y = torch.tensor([[[5.0, 0.5], [6.0, 0.6], [7.0, 0.7]]]), torch.tensor([[1, 2, 0]])
wanted = torch.tensor([[[5.0, 0.5, 0, 0, 0], [6.0, 0.6, 0, 1, 0], [7.0, 0.7, 0, 0, 1]]])
hot = torch.eye(3)[y]
got = student.shifted(x, y, 3)
what = "shifted of three examples with labels 1, 2, 0 of three ways"
mistakes = {
    "each example brings its own label along": (torch.cat([x, hot], 2), "one step late"),
    "the last label comes round to the first place": (torch.cat([x, hot.roll(1, 1)], 2), "zeros at first"),
    "labels come one step early": (
        torch.cat([x, torch.cat([hot[:, 1:], torch.zeros(1, 1, 3)], 1)], 2),
        "the label of the example *before*",
    ),
    "labels stand in front": (torch.cat([wanted[..., 2:], wanted[..., :2]], 2), "(D + N): examples first"),
    "labels are numbers, not one for each way": (
        torch.cat([x, torch.tensor([[[0.0], [1.0], [2.0]]])], 2),
        "F.one_hot",
    ),
    "examples are late, too": (torch.cat([torch.zeros(1, 1, 2), x[:, :-1]], 1), "only labels"),
}
close(got, wanted, what, "the example, then the label before it; zeros at first", mistakes=mistakes)
leaves = {"the examples": torch.randn(2, 4, 3, requires_grad=True)}
flows(student.shifted(*leaves.values(), torch.tensor([[0, 1, 1, 0], [1, 0, 1, 1]]), 2), leaves, "shifted")
### BEGIN HIDDEN TESTS
for b, length, d, ways in ((2, 4, 3, 5), (3, 1, 2, 2), (1, 6, 1, 4)):
    x, y = torch.randn(b, length, d, requires_grad=True), torch.randint(ways - 1, (b, length))
    wanted = torch.zeros(b, length, d + ways)
    for row in range(b):
        for place in range(1, length):
            wanted[row, place, d + int(y[row, place - 1])] = 1
    wanted = torch.cat([x, wanted[..., d:]], dim=2)
    got = student.shifted(x, y, ways)
    what = f"shifted of {b} sequences of {length} examples, {ways} ways, where the last label never comes"
    close(got, wanted, what, "`ways` says how many there are")
    follows(got, {"the examples": x}, wanted, "shifted")

# %% [markdown]
# How is such a net measured? When a class comes for the *first* time it can only guess. When it comes for the second time it has been
# shown once, for the third time twice. So share right, **by presentation**. By hand: labels 1, 1, 0, 1, and the net was right, right,
# wrong, wrong. What is right of first, second and third presentations?

# %%
[1 / 2, 1 / 1, 0 / 1]

# %% solution="by_presentation"
# F.one_hot(y).cumsum(1) counts, for each class, how often it has come up to here; .gather picks the count of the own class.

# %% test="by_presentation_values" points=2
y = torch.tensor([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]])
right = torch.tensor([[True, True, False, False, True], [True, True, True, False, True]])
got = student.by_presentation(y, right, 3)
expected = [0.75, 1.0, 0.0]
hint = "count the presentations of a class in each sequence anew, from 1"
mistakes = {
    "counts go on from one sequence to the next": (
        [0.5, 1.0, 0.5],
        "each sequence for itself: cumsum along axis 1",
    ),
    "it counts presentations before, and misses the first": ([1.0, 0.0, 1.0], "from 1"),
    "it is the share up to then": ([3 / 4, 6 / 7, 6 / 9], "of exactly the p-th presentations"),
    "it is a share of all examples": ([0.3, 0.3, 0.0], "of the p-th presentations"),
    "it goes by place, not by presentation": ([1.0, 1.0, 0.5], "how often has *this class* come?"),
}
close(got, expected, "by_presentation of two sequences of five, three presentations", hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for b, length, ways, most in ((6, 20, 3, 4), (9, 15, 2, 3), (40, 8, 4, 2)):
    y, right = torch.randint(ways, (b, length)), torch.rand(b, length) < 0.6
    hits = [[] for _ in range(most)]
    for labels, good in zip(y.tolist(), right.tolist()):
        seen = [0] * ways
        for label, hit in zip(labels, good):
            if seen[label] < most:
                hits[seen[label]].append(float(hit))
            seen[label] += 1
    wanted = torch.tensor([sum(h) / len(h) for h in hits])
    close(student.by_presentation(y, right, most), wanted, f"by_presentation of {b} sequences of {length}")

# %% given="Reader"

# %% [markdown]
# Let an LSTM read: twelve points of two numbers near three middles, moved a little each time, with labels that are dealt anew for every
# sequence. What will it get right at the first presentation, with three ways? And at the second?

# %%
torch.manual_seed(0)


def sequences(count, ways=3, length=12):
    """Points near `ways` random middles, in random order, and labels (count, length)."""
    y = torch.randint(ways, (count, length))
    middles = 2 * torch.randn(count, ways, 2)
    return middles[torch.arange(count)[:, None], y] + 0.2 * torch.randn(count, length, 2), y


net = Reader(2, 3, 48)
optimizer = torch.optim.Adam(net.parameters(), 1e-2)
for _ in range(250):
    x, y = sequences(64)
    loss = F.cross_entropy(net(x, y).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
with torch.no_grad():
    x, y = sequences(1000)
    shares = by_presentation(y, net(x, y).argmax(-1) == y, 4)
print("share right by presentation:", ", ".join(f"{share:.2f}" for share in shares))

# %% [markdown]
# The weights do not change while it reads: what it learns about a sequence lies in its state alone.
#
# ## 5 Shown once (4 points, 15 minutes)
#
# An agent is shown a *demonstration*: somebody walks to the lamp. Then it stands in another world with the same objects, at other places,
# and is to do the same (Duan et al., 2017). Repeating the moves is no use. It must find out what was meant: not the place, but the object.
#
# Two looks. In the demonstration's world: which object is near where it ended? Softly: a softmax over objects of
# $-s\,|\text{place} - \text{end}|^2$. The weighted sum of their *marks* says what was meant. In the world now: which object has such a
# mark? A softmax of $s\,(\text{meant} \cdot \text{mark})$. The weighted sum of *places* is the goal.
#
# By hand, with $s = \ln 3$: the demonstration ended on the first of two objects, one step from the second. Their weights?

# %%
(torch.tensor([0.0, -1.0]) * math.log(3)).softmax(0)

# %% solution="goal_now"
# (B, O, 2) - (B, 1, 2). For a product of each mark with its row's meant: (marks * meant[:, None]).sum(-1).

# %% test="goal_now_values" points=4
end, places = torch.tensor([[1.0, 1.0]]), torch.tensor([[[1.0, 1.0], [2.0, 1.0]]])
marks = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
places_now, marks_now = torch.tensor([[[4.0, 0.0], [0.0, 8.0]]]), torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
root = 3**0.5
got = student.goal_now(end, (places, marks), (places_now, marks_now), math.log(3))
what = "goal_now with sharpness ln 3, two objects that have changed their order"
hint = "first weights 3/4 and 1/4, so that (3/4, 1/4) was meant; then 1 to √3 for the marks now"
mistakes = {
    "objects are taken to stand in the same order": ([[3.0, 2.0]], "look for the *mark* in the world now"),
    "it goes where the demonstration went": ([[1.25, 1.0]], "places of the world now"),
    "it looks up places of the demonstration's world": (
        [[(1 + 2 * root) / (1 + root), 1.0]],
        "places of the world now",
    ),
    "it goes to what is far from the end": (
        [[4 * root / (1 + root), 8 / (1 + root)]],
        "near: *minus* the squared distance",
    ),
    "the second look is not sharpened": (
        [[4 / (1 + math.exp(0.5)), 8 / (1 + math.exp(-0.5))]],
        "sharpness times the product",
    ),
    "the second look is no softmax": (
        math.log(3) * torch.tensor([[1.0, 6.0]]),
        "a softmax over the objects now",
    ),
}
close(got, [[4 / (1 + root), 8 * root / (1 + root)]], what, hint, rtol=1e-3, mistakes=mistakes)
shapes = {
    "end": (2, 2),
    "places": (2, 3, 2),
    "marks": (2, 3, 4),
    "places now": (2, 3, 2),
    "marks now": (2, 3, 4),
}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
leaves["the sharpness"] = torch.tensor(0.7, requires_grad=True)
a, b, c, d, e, s = leaves.values()
flows(student.goal_now(a, (b, c), (d, e), s), leaves, "goal_now")
### BEGIN HIDDEN TESTS
for batch, objects, size in ((2, 3, 4), (3, 5, 2), (1, 4, 6)):
    shapes = {
        "end": (batch, 2),
        "places": (batch, objects, 2),
        "marks": (batch, objects, size),
        "places now": (batch, objects, 2),
        "marks now": (batch, objects, size),
    }
    leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
    leaves["the sharpness"] = (0.3 + torch.rand(())).requires_grad_()
    a, b, c, d, e, s = leaves.values()
    far = ((b**2).sum(2) - 2 * torch.einsum("boi,bi->bo", b, a)) * s  # |end|² is the same for all objects
    meant = torch.einsum("bo,bod->bd", (-far).softmax(1), c)
    wanted = torch.einsum("bo,boi->bi", (s * torch.einsum("bod,bd->bo", e, meant)).softmax(1), d)
    got = student.goal_now(a, (b, c), (d, e), s)
    close(got, wanted, f"goal_now in {batch} worlds of {objects} objects", rtol=1e-3, atol=1e-4)
    follows(got, leaves, wanted, "goal_now", rtol=1e-3, atol=1e-3)

# %% [markdown]
# How sharp must the looks be? Turn the knob: too soft, and the goal is between all objects.


# %%
def shown_once(sharpness=1.0, step=1.0):
    """Draw two worlds, where the demonstration ended, and where `goal_now` would go."""
    draw = torch.Generator().manual_seed(3)
    marks = F.normalize(torch.randn(1, 4, 8, generator=draw), dim=2) * 2
    here, there = (torch.rand(1, 4, 2, generator=draw) * 6 for _ in range(2))
    end = here[:, 1] + 0.3 * step
    goal = goal_now(end, (here, marks), (there, marks.flip(1)), sharpness)
    figure, axes = plots.subplots(1, 2, figsize=(6, 2.6), sharey=True)
    for ax, places, names in zip(axes, (here, there), ("ABCD", "DCBA")):
        ax.scatter(*places[0].T)
        for name, (x, y) in zip(names, places[0].tolist()):
            ax.annotate(name, (x, y), xytext=(5, 5), textcoords="offset points")
    axes[0].scatter(*end[0], marker="x")
    axes[1].scatter(*goal[0], marker="x")
    axes[0].set(title="the demonstration ended at ×")
    axes[1].set(title="so here it should end at ×")
    return plots.show(figure, f"Two worlds with four objects; sharpness {sharpness:.1f}")


turn(shown_once, "from which sharpness on is it B?", sharpness=(0.2, 5.0, 0.2), step=(0.0, 3.0, 0.5))

# %% [markdown]
# ## 6 An optimiser that is learned (3 points, 10 minutes)
#
# Gradient descent multiplies the gradient by a number. Why by a number? Let a *net* read the gradient and say the step (Andrychowicz et
# al., 2016). It is trained by what its steps cost, so they are unrolled and added up:
#
# $$\theta_{t+1} = \theta_t + g_t, \quad (g_t, h_{t+1}) = m(\nabla f(\theta_t), h_t), \quad \text{cost} = \sum_{t=1}^{T} f(\theta_t).$$
#
# To save second derivatives the gradient that goes *into* m counts as a constant. By hand: $f = \theta^2$, $\theta_0 = 4$, and m says
# $-\tfrac14$ times the gradient. Where is θ after one step, after two? What do both cost together?

# %%
4 - 0.25 * 8, 2 - 0.25 * 4, 2**2 + 1**2

# %% solution="unroll"
# theta.detach().requires_grad_() is a leaf that stands where theta stands: take the gradient there.
# Add step and loss to theta itself, which knows its history.

# %% test="unroll_values" points=3
rate = torch.tensor(0.25, requires_grad=True)


def descent(slope, state):
    """Plain gradient descent; the state counts the steps."""
    return -rate * slope, state + 1


def square(theta):
    """f."""
    return (theta**2).sum()


got = student.unroll(descent, square, torch.tensor([4.0]), torch.zeros(()), 2)
theta, cost = pair(got, "unroll", "the last theta and the cost", "see `Returns`")
what = "theta after two steps of -1/4 times the gradient on θ² from 4"
mistakes = {
    "one step too few": ([2.0], "`steps` of them"),
    "the step is taken off": ([9.0], "add the step: it is the optimiser that knows the sign"),
    "theta stays": ([4.0], "theta + step"),
}
close(theta, [1.0], what, "4, 2, 1", mistakes=mistakes)
what = "the cost of these two steps"
mistakes = {
    "the beginning is paid for": (torch.tensor(20.0), "the loss *after* each step"),
    "only the end is paid for": (torch.tensor(1.0), "add up over all steps"),
    "the beginning is paid for, too": (torch.tensor(21.0), "the loss *after* each step, and no other"),
    "it is the mean": (torch.tensor(2.5), "the sum"),
}
close(cost, torch.tensor(5.0), what, "f after the first step plus f after the second", mistakes=mistakes)
# θ₁ = 4 - 8r and θ₂ = θ₁ - 4r, with the gradients 8 and 4 as constants
wanted = (4 - 8 * rate) ** 2 + (4 - 12 * rate) ** 2
leaves = {"the optimiser": rate}
follows(cost, leaves, wanted, "the cost", "gradients go in as constants; steps keep their history")
### BEGIN HIDDEN TESTS
weights = {"a": torch.randn(3, requires_grad=True), "b": torch.randn(3, requires_grad=True)}
A = torch.randn(4, 4)


def bent(theta):
    """A loss that is no parabola."""
    return (theta @ A).tanh().square().sum() + theta.square().sum() / 2


def with_memory(slope, state):
    """An optimiser whose steps depend on a state that changes."""
    a, b = weights.values()
    state = 0.5 * state + a[0] * slope.tanh()
    return 0.1 * (b[0] * state + b[1] * slope.tanh() + a[1]), state


for steps in (1, 3):
    begin, state = torch.randn(2, 4), torch.randn(2, 4)
    got, cost = student.unroll(with_memory, bent, begin, state, steps)
    place, total, held = begin, 0, state
    for _ in range(steps):
        here = place.detach().requires_grad_()
        step, held = with_memory(torch.autograd.grad(bent(here), here)[0], held)
        place = place + step
        total = total + bent(place)
    what = f"theta after {steps} steps of an optimiser with a memory"
    close(got, place, what, "hand the state on", rtol=1e-3)
    close(cost, total, f"the cost of {steps} steps", rtol=1e-3)
    what = f"the cost of {steps} steps"
    follows(cost, weights, total, what, "steps and states keep their history", rtol=1e-2)
    follows(got, weights, place, "the last theta", rtol=1e-2)

# %% given="LearnedOptimiser,quadratics"

# %% [markdown]
# Let it learn on random bowls of ten numbers, ten steps each. How much better than the best fixed rate can it be?

# %%
torch.manual_seed(0)
draw, net = torch.Generator().manual_seed(0), LearnedOptimiser()
learner = torch.optim.Adam(net.parameters(), 2e-2)
for _ in range(120):
    theta = torch.zeros(16, 10)
    _, cost = unroll(net, quadratics(16, 10, draw), theta, net.begin(theta), 10)
    learner.zero_grad()
    (cost / 16).backward()
    learner.step()
theta, loss = torch.zeros(256, 10), quadratics(256, 10, torch.Generator().manual_seed(1))
learned = loss(unroll(net, loss, theta, net.begin(theta), 10)[0]).item() / 256
fixed = {
    rate: loss(unroll(lambda g, h, rate=rate: (-rate * g, h), loss, theta, theta, 10)[0]).item() / 256
    for rate in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
}
best = min(fixed, key=fixed.get)
print(
    f"at first {loss(theta) / 256:.2f}; after ten steps with the best fixed rate, {best}: {fixed[best]:.2f}"
)
print(f"after ten steps of the learned optimiser: {learned:.2f}")

# %% [markdown]
# ## 7 Learn to learn (3 points, 5 minutes)
#
# Now both nets are trained: the embedding on episodes of known scripts, the beginning on sine waves. Predict: of five new letters, each seen
# once, how many does it find? And after one step on ten points, what does MAML's beginning cost, and what one that was trained on
# all waves together?

# %% given="build,turned,prototype_loss,learn_metric"

# %% trains="metalearning"
how, run = config(tier), Run("metalearning", seed=0)
nets = build(tier).to(run.device)
learn_metric(nets["embedding"], turned(letters, how.turned).to(run.device), how, run)

# %% [markdown]
# The beginning learns at twice the reference's rate, in 2,000 steps: half as many as it takes at the mini tier, and ends nearly as low.

# %% trains="metalearning"
learn_beginning(nets["sines"].to(run.device), replace(how, sine_steps=2000, sine_rate=2e-2), run)
nets = nets.eval().cpu()
save_artifact("metalearning", nets, tier)

# %% trains="metalearning"
z = embedded(nets["embedding"], new_letters)
entry = record("metalearning", tier)
print(f"5 ways, 1 shot: {accuracy(z, 5, 1):.1%}; 20 ways, 1 shot: {accuracy(z, 20, 1):.1%}")
print(
    f"the reference: {entry.value:.1%} ± {entry.std:.1%} over {len(entry.seeds)} seeds; pixels {entry.baseline:.1%}"
)
for steps in (0, 1, 5):
    print(f"sine waves after {steps} steps: {sine_error(nets['sines'], steps):.2f}")

# %% test="trained" points=3
tensors = student.artifact("metalearning")
holds(
    "embedding.0.weight" in tensors
    and "sines.0" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "metalearning.safetensors does not hold both trained nets",
    "finite tensors embedding.0.weight, …, sines.0, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `nets`",
)
### BEGIN HIDDEN TESTS
judge("metalearning", tensors, 3)

# %% [markdown]
# Ten points of a new wave, and what one step makes of the beginning: the slope everywhere, also where no point lies.

# %% trains="metalearning"
support, _ = sinusoids(3, SHOTS, 1, torch.Generator().manual_seed(11))
line = torch.linspace(-5, 5, 100)[None, :, None]
figure, axes = plots.subplots(1, 3, figsize=(9, 2.6), sharey=True)
for n, ax in enumerate(axes):
    x, y = (part[n : n + 1] for part in support)
    for steps in (0, 1, 10):
        weights = adapt(
            lambda params: (perceptron(params, x) - y).square().mean((1, 2)),  # noqa: B023 - called at once
            list(nets["sines"]),
            INNER,
            steps,
        )
        ax.plot(line.flatten(), perceptron(weights, line).detach().flatten(), label=f"{steps} steps")
    ax.scatter(x.flatten(), y.flatten(), s=12)
axes[0].legend()
plots.show(
    figure, "Three new sine waves: ten points, and MAML's beginning before a step, after one and after ten"
)

# %% [markdown]
# Where would it fail? Ask it for a wave of twice the frequency, or give it letters turned by a quarter: nothing in its tasks was like that.
#
# **Hand in** this notebook and `metalearning.safetensors`; `course_utils.colab.submit("metalearning")` packs both.
