# %%
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import fashion_mnist, signals
from course_utils.training import record, records
from course_utils.widgets import turn

# %% [markdown]
# You will make badness small. Parts 1 to 3 build the three wheels of learning: a loss, its slopes, a step. Parts 4
# and 5 keep a net of 20 layers alive; part 6 trains it.
#
# ## 1 Badness of many classes (7 points, 18 minutes)
#
# With two classes, $\sigma(z)$ was a probability. With $K$ classes a network gives $K$ logits, and *softmax* makes
# probabilities of them:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}.$$
#
# By hand: $z = (0, 0, \ln 2)$. What is $p$? And what is it for $z = (1000, 1000, 1000 + \ln 2)$? Write both down,
# then run.

# %%
for z in (torch.tensor([0, 0, 0.6931]), torch.tensor([1000, 1000, 1000.6931])):
    print(z.exp() / z.exp().sum())

# %% [markdown]
# The second answer should equal the first: multiplying each $e^{z_k}$ by the same number changes no share. Use that.

# %% solution="softmax"
# Rows are examples. Which number can you take from a row so that nothing overflows, and no share changes?

# %% test="softmax_values" points=2
got = student.softmax(torch.tensor([[0.0, 1.0, 2.0], [3.0, 3.0, 3.0]]))
expected = [[0.09003057, 0.2447285, 0.665241], [0.3333333, 0.3333333, 0.3333333]]
mistakes = {
    "it shares 1 among all examples": (
        [[0.01401, 0.03809, 0.10354], [0.28145, 0.28145, 0.28145]],
        "each *row* adds up to 1: sum over classes only",
    ),
    "it adds up over the examples": (
        [[0.04743, 0.1192, 0.26894], [0.95257, 0.8808, 0.73106]],
        "each *row* adds up to 1: which dim are the classes?",
    ),
    "it gives eᶻ itself": ([[1.0, 2.71828, 7.38906], [20.08554, 20.08554, 20.08554]], "the formula divides"),
    "it does not use e": ([[0.0, 0.33333, 0.66667], [0.33333, 0.33333, 0.33333]], "shares of eᶻ, not of z"),
    "it gives logarithms": (
        [[-2.40761, -1.40761, -0.40761], [-1.09861, -1.09861, -1.09861]],
        "the probabilities themselves",
    ),
}
close(got, expected, "softmax([[0, 1, 2], [3, 3, 3]])", "the formula, row by row", mistakes=mistakes)
far = torch.tensor([[1000.0, 1000.0], [-1000.0, -1000.0], [1000.0, -1000.0]])
hint = "∞/∞ and 0/0 are not numbers: what may be taken from all logits of a row?"
close(student.softmax(far), [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]], "softmax of ±1000", hint)
### BEGIN HIDDEN TESTS
for B, K in ((1, 1), (4, 4), (7, 3), (2, 11)):
    z = 4 * torch.randn(B, K)
    close(student.softmax(z), torch.softmax(z, 1), f"softmax of {B} examples, {K} classes", "any B and K")
z = torch.tensor([[500.0, 0.0], [0.0, -500.0], [-400.0, -900.0]])
close(student.softmax(z), torch.softmax(z, 1), "softmax of rows of very different size", "each row by itself")

# %% [markdown]
# The loss is the surprise at the true class $y$: $-\log p_y$, averaged over examples. A net that knows nothing says
# $p_k = 1/K$. What does it pay with ten classes? (Remember that number: it is where every training of ten classes
# begins.)
#
# A $p_y$ that rounds to 0 makes the loss infinite. Put the formula of softmax into $-\log p_y$ and simplify first;
# `torch.logsumexp` computes $\log \sum_j e^{z_j}$ without overflow.

# %% solution="cross_entropy"
# z.gather(1, y[:, None]) takes, in each row, the logit of the true class; z[torch.arange(len(y)), y] does too.

# %% test="cross_entropy_values" points=3
z, y = torch.tensor([[0.0, 1.0, 2.0], [1.0, -1.0, 0.0]]), torch.tensor([1, 0])
got = student.cross_entropy(z, y)
what = "cross_entropy([[0, 1, 2], [1, -1, 0]], [1, 0])"
mistakes = {
    "it adds up": (1.815212, "the loss is a *mean* over examples"),
    "it gives one number for each example": ([1.407606, 0.407606], "the loss is one number: their mean"),
    "it is negative": (-0.907606, "surprise is *minus* the logarithm"),
    "it divides by all numbers": (0.3025353, "a mean over examples, not over classes too"),
    "it leaves out the other classes": (-1.0, "what does softmax divide by?"),
    "it takes the softmax twice": (
        1.00745,
        "log_softmax, logsumexp and the like take *logits*: what do you hand them?",
    ),
    "it averages probabilities": (-0.4549847, "surprise is a *logarithm*"),
    "it pairs every example with every class of y": (
        1.65761,
        "z[:, y] has a column for each example: you want one number a row",
    ),
}
close(got, 0.907606, what, "work out the first row by hand: −log p₁", mistakes=mistakes)
hint = (
    "taking log after softmax overflows, and clamping changes the loss: simplify −log p_y before you compute"
)
for row, label, cost in (
    ([1000.0, 0.0], 0, 0.0),
    ([1000.0, 0.0], 1, 1000.0),
    ([-1000.0, -1000.0], 1, 0.6931472),
):
    got = student.cross_entropy(torch.tensor([row]), torch.tensor([label]))
    close(got, cost, f"cross_entropy of {row} for class {label}", hint)
got = student.cross_entropy(z.requires_grad_(), y)
hint = "float(), .item(), .numpy() and the module math leave PyTorch; stay with its functions"
holds(getattr(got, "requires_grad", False), "autograd cannot follow cross_entropy", hint=hint)
what = "autograd finds no way from cross_entropy back to the logits"
hint = "torch.tensor(…) begins anew, requires_grad or not; stay with what you have computed"
holds(torch.autograd.grad(got, z, allow_unused=True)[0] is not None, what, "a slope in each logit", hint=hint)
### BEGIN HIDDEN TESTS
for B, K in ((1, 2), (3, 3), (20, 10)):
    z, y = 3 * torch.randn(B, K), torch.randint(0, K, (B,))
    expected = torch.nn.functional.cross_entropy(z, y)
    close(student.cross_entropy(z, y), expected, f"cross_entropy of {B} examples, {K} classes", "any B and K")
z, y = torch.randn(6, 4, requires_grad=True), torch.randint(0, 4, (6,))
got = student.cross_entropy(z, y)
follows(got, {"the logits": z}, torch.nn.functional.cross_entropy(z, y), "cross_entropy")

# %% [markdown]
# Which way should the logits move? Take $-\log p_y = -z_y + \log \sum_j e^{z_j}$ for one example, and differentiate
# in $z_y$, then in another $z_k$. The result is short enough to remember for life. Don't forget that the loss is a
# mean.

# %% solution="cross_entropy_gradient"
# What is the derivative of log Σ e^z in z_k? You have met it above. torch.nn.functional.one_hot may help.

# %% test="cross_entropy_slopes" points=2
z, y = torch.tensor([[0.0, 1.0, 2.0], [1.0, -1.0, 0.0]]), torch.tensor([1, 0])
got = student.cross_entropy_gradient(z, y)
expected = [[0.04501529, -0.3776358, 0.3326205], [-0.1673795, 0.04501529, 0.1223642]]
what = "cross_entropy_gradient of the example above"
mistakes = {
    "it belongs to a sum of losses": (
        [[0.09003, -0.75527, 0.66524], [-0.33476, 0.09003, 0.24473]],
        "`cross_entropy` is a mean: divide by what?",
    ),
    "it is divided by all numbers": (
        [[0.01501, -0.12588, 0.11087], [-0.05579, 0.01501, 0.04079]],
        "the loss is a mean over examples only",
    ),
    "it points downhill": (
        [[-0.04502, 0.37764, -0.33262], [0.16738, -0.04502, -0.12236]],
        "raising a wrong class's logit makes the loss *larger*",
    ),
    "it leaves out the true class": (
        [[0.04502, 0.12236, 0.33262], [0.33262, 0.04502, 0.12236]],
        "−z_y has a derivative, too",
    ),
    "it takes the softmax twice": (
        [[0.12675, -0.35205, 0.2253], [-0.2747, 0.12675, 0.14795]],
        "of the logits, once",
    ),
    "it takes 1 off in every column of y": (
        [[-0.45498, -0.37764, 0.33262], [-0.16738, -0.45498, 0.12236]],
        "in each row, the true class's only",
    ),
    "it uses logits for probabilities": (
        [[0.0, 0.0, 1.0], [0.0, -0.5, 0.0]],
        "the derivative of log Σ eᶻ is not z",
    ),
}
close(got, expected, what, "nudge one logit by 0.01: how does the loss change?", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for B, K in ((1, 2), (3, 3), (9, 5)):
    z, y = 3 * torch.randn(B, K), torch.randint(0, K, (B,))
    expected = (torch.softmax(z, 1) - torch.nn.functional.one_hot(y, K)) / B
    got = student.cross_entropy_gradient(z, y)
    close(got, expected, f"the gradient for {B} examples, {K} classes", "any B and K")

# %% [markdown]
# *What you said, minus the truth.* Compare with PyTorch, which found it on its own:

# %%
z, y = torch.randn(4, 3, requires_grad=True), torch.tensor([2, 0, 1, 1])
(by_autograd,) = torch.autograd.grad(cross_entropy(z.clone(), y), z)
largest = (by_autograd - cross_entropy_gradient(z.detach().clone(), y)).abs().max()
print("Same as before?", bool(largest < 1e-6))

# %% [markdown]
# ## 2 Slopes for everything (8 points, 30 minutes)
#
# How did it? Not by formulas for whole networks: every operation knows its own slopes, and the *chain rule* joins
# them. You will now build such an engine for plain numbers. It is small, and it is all there is to it.
#
# On paper first: $c = a \cdot b$, $d = c + a$ with $a = 2$, $b = 3$. If $a$ grows by a tiny 0.001, by how much does
# $d$ grow? There are *two* ways from $a$ to $d$: which slope has each?
#
# A `Value` remembers its number, the values it was made from (*parents*), and its slope in each of them.

# %% given="Value,as_value,add,exp"

# %%
a = Value(2.0)
b = add(a, exp(a))
print(b.data, b.slopes, [parent.data for parent in b.parents])

# %% [markdown]
# Three operations are yours. A line or two each, in the manner of `add` and `exp`.

# %% solution="multiply"
# If a grows by a little, by how many times as much does a·b grow?

# %% test="multiply_slopes" points=1
c = student.multiply(student.Value(2.0), student.Value(5.0))
what = "multiply gives no Value"
holds(hasattr(c, "data"), what, "a Value with parents and slopes", c, "see how add returns")
close(c.data, 10.0, "multiply(2, 5)", "the product")
what = "a parent of a · b is a plain number"
hint = "backward wants to write into the parents: compare with add"
holds(all(hasattr(parent, "parents") for parent in c.parents), what, "Values", hint=hint)
got = [parent.data for parent in c.parents]
equal(got, [2.0, 5.0], "the list of parents of a · b", "(a, b), in this order")
what = "a slope of a · b is a Value"
hint = "which attribute of a Value holds its number?"
holds(not any(hasattr(slope, "parents") for slope in c.slopes), what, "plain numbers", hint=hint)
what = "the slopes of a · b at a = 2, b = 5"
mistakes = {
    "they are exchanged": ([2.0, 5.0], "a grows by 0.01: the product grows by 0.01 times …?"),
    "they are those of a sum": ([1.0, 1.0], "a grows by 0.01: the product grows by 0.01 times …?"),
}
close(list(c.slopes), [5.0, 2.0], what, "one for each parent, in their order", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for p, q in torch.randn(5, 2).tolist():
    c = student.multiply(student.Value(p), student.Value(q))
    close([c.data, *c.slopes], [p * q, q, p], "the list of a product and its slopes", "any signs")

# %% solution="power"
# k is a plain number, so there is one parent.

# %% test="power_slopes" points=1
try:
    c = student.power(student.Value(3.0), 2)
except StudentError as error:
    what = "power hands a Value what is no row"
    expected = "parents and slopes in rows, also where there is only one"
    hint = "brackets alone make no row of one: compare with `exp`, sign by sign"
    holds("not iterable" not in error.message, what, expected, error.message, hint)
    raise
holds(hasattr(c, "data"), "power gives no Value", "a Value with parents and slopes", c, "see how add returns")
close(c.data, 9.0, "power(3, 2)", "aᵏ")
got = [getattr(parent, "data", parent) for parent in c.parents]
equal(got, [3.0], "the list of parents of aᵏ", "a alone: k is no Value")
what = "the parent of aᵏ is a plain number"
hint = "backward wants to write into the parents: compare with exp"
holds(all(hasattr(parent, "parents") for parent in c.parents), what, "a Value", hint=hint)
what = "a slope of aᵏ is a Value"
hint = "which attribute of a Value holds its number?"
holds(not any(hasattr(slope, "parents") for slope in c.slopes), what, "plain numbers", hint=hint)
mistakes = {
    "it leaves out k": ([3.0], "differentiate a²"),
    "it keeps the exponent": ([18.0], "which power is left?"),
}
close(list(c.slopes), [6.0], "the slope of a² at 3", "differentiate aᵏ in a", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for p, k in ((2.0, 3), (4.0, 0.5), (-2.0, -1), (1.7, -2.5), (-3.0, 1)):
    c = student.power(student.Value(p), k)
    close([c.data, *c.slopes], [p**k, k * p ** (k - 1)], f"{p} to the power {k} and its slope", "any k")

# %% solution="tanh"
# math.tanh gives the number. The slope of tanh can be written with tanh itself.

# %% test="tanh_slopes" points=1
try:
    c = student.tanh(student.Value(0.5))
except StudentError as error:
    what = "tanh hands a Value what is no row"
    expected = "parents and slopes in rows, also where there is only one"
    hint = "brackets alone make no row of one: compare with `exp`, sign by sign"
    holds("not iterable" not in error.message, what, expected, error.message, hint)
    raise
what = "tanh gives no Value"
holds(hasattr(c, "data"), what, "a Value with its parent and slope", c, "see how exp returns")
close(c.data, 0.46211716, "tanh(0.5)", "math.tanh")
what = "the parent of tanh a is a plain number"
hint = "backward wants to write into the parents: compare with exp"
holds(all(hasattr(parent, "parents") for parent in c.parents), what, "a Value", hint=hint)
equal([parent.data for parent in c.parents], [0.5], "the list of parents of tanh a", "a alone")
what = "a slope of tanh a is a Value"
hint = "which attribute of a Value holds its number?"
holds(not any(hasattr(slope, "parents") for slope in c.slopes), what, "plain numbers", hint=hint)
hint = "look up the derivative, or nudge a by 0.001"
mistakes = {
    "it uses a for tanh a": ([0.75], "1 minus the square of which number?"),
    "that is the sigmoid's formula": ([0.2485649], "tanh has another"),
    "it lacks a square": ([0.5378828], "at 0 it is 1, and it is the same on both sides"),
}
close(list(c.slopes), [0.7864477], "the slope of tanh at 0.5", hint, rtol=1e-5, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for p in (-30.0, -1.3, 0.0, 0.2, 30.0):
    c = student.tanh(student.Value(p))
    got = [c.data, *c.slopes]
    close(got, [math.tanh(p), 1 - math.tanh(p) ** 2], f"tanh of {p} and its slope", "also far out")

# %% [markdown]
# Now Python can write graphs for us: `Value` sends `+`, `*`, `**`, `-` and `/` to these functions.
#
# To send slopes back from the result, go through the graph in an order in which a value comes only when everything
# that *uses* it has been done. Turned round: list the values so that each stands after all of its parents, a
# *topological* order, and walk it backwards. In which orders can you list $a, b, c, d$ of the example above?

# %% solution="topological"
# A function inside that visits a value: first its parents, then itself. What must it do on meeting a value again?

# %% test="topological_order" points=2
a, b = student.Value(2.0), student.Value(3.0)
c = student.multiply(a, b)
d = student.add(c, a)
got = student.topological(d)
holds(got is not None, "topological gave nothing", "a list", None, "does it `return`?")
holds(
    hasattr(got, "__len__") and not isinstance(got, set),
    "topological gives no list",
    "a list of Values, in their order",
    type(got).__name__,
    "what do you `return`? A set has no order",
)
what = "topological lists something else than Values"
holds(all(hasattr(value, "parents") for value in got), what, "the Values themselves, not their numbers")
order = [value.data for value in got]
got = sorted(order)
what = "the set of values that d = a · b + a is made from"
mistakes = {
    "a stands in it twice": ([2.0, 2.0, 3.0, 6.0, 8.0], "each value once, though a is used by c and by d")
}
equal(got, [2.0, 3.0, 6.0, 8.0], what, "d itself and all below", mistakes=mistakes)
what = "the end of the order of d = a · b + a"
mistakes = {
    "it begins with the result": (
        [order[2], 2.0 if order[2] == 3.0 else 3.0],
        "when does visit append a value: before or after its parents?",
    )
}
equal(order[2:], [6.0, 8.0], what, "a value stands after its parents", mistakes=mistakes)
### BEGIN HIDDEN TESTS
# Equal numbers are not the same value: places tell them apart.
p, q = student.Value(1.0), student.Value(1.0)
r = student.multiply(p, q)
what = "the list of values of 1 · 1"
equal([v.data for v in student.topological(r)], [1.0, 1.0, 1.0], what, "two inputs may be equal numbers")
# A ladder: each rung uses both rungs below, so that ways from the top to the bottom are many.
below, top = student.Value(1.0), student.Value(2.0)
for _ in range(16):
    below, top = top, student.add(below, top)
order = [v.data for v in student.topological(top)]
expected = sorted(order[2:])
equal(order[2:], expected, "the order of a ladder of sums", "after *all* of its parents, not only the first")
equal(len(order), 18, "the number of values in a ladder of 16 sums", "each once")
below, top = student.Value(0.0), student.Value(0.0)
for _ in range(250):
    below, top = top, student.add(below, top)
what = "the number of values in a ladder with more ways through it than anybody can walk"
equal(len(student.topological(top)), 252, what, "on meeting a value again, do not walk below it again")
chain = student.Value(0.0)
one = student.Value(1.0)
for _ in range(200):
    chain = student.add(chain, one)
equal(len(student.topological(chain)), 202, "the number of values in a chain of 200 sums", "long chains")
equal(len(student.topological(one)), 1, "the number of values that an input is made from", "itself")

# %% [markdown]
# And back: the result's slope in itself is 1; each value hands its own slope, times the local one, to its parents. A
# parent may be handed several: what does the example on paper say that it must do with them?

# %% solution="backward"
# Zeros first, 1 at the result, then the topological order backwards.

# %% given="gradients"

# %%
gradients("a * b + a", a=2.0, b=3.0)

# %% test="backward_values" points=3
value, slopes = student.gradients("a * b + a", a=2.0, b=3.0)
what = "a grad is a Value"
hint = "slopes are numbers: does a Value stand among what you multiply or add?"
holds(not any(hasattr(slope, "parents") for slope in slopes.values()), what, "plain numbers", hint=hint)
what = "a * b + a and its slopes at a = 2, b = 3"
mistakes = {
    "no slope arrives anywhere": ([8.0, 0.0, 0.0], "what is the result's slope in itself? Begin with it"),
    "no slope arrives at b, two operations from the result": (
        [8.0, 1.0, 0.0],
        "from which end must the walk begin?",
    ),
    "a is used twice, and only its first use counts": (
        [8.0, 1.0, 2.0],
        "both ways from a to the result count: does the second slope replace the first?",
    ),
    "a is used twice, and only its last use counts": (
        [8.0, 3.0, 2.0],
        "both ways from a to the result count: does the second slope replace the first?",
    ),
}
close([value, slopes["a"], slopes["b"]], [8.0, 4.0, 2.0], what, "compare with your paper", mistakes=mistakes)
value, slopes = student.gradients("tanh(a * b) ** 2", a=0.5, b=2.0)
hint = "local slope times the value's own grad, all the way"
mistakes = {"a value hands down its local slope alone": (0.5, "local slope *times* what?")}
close(slopes["b"], 0.3198500, "the slope of tanh(a * b) ** 2 in b", hint, rtol=1e-5, mistakes=mistakes)
a = student.Value(3.0)
cube = student.multiply(student.multiply(a, a), a)
student.backward(cube)
student.backward(cube)
close(cube.grad, 1.0, "the grad of the result itself", "it grows by 1 when it grows by 1")
hint = "what an earlier call left is forgotten, and the slopes of the graph stay as they are"
mistakes = {"the two calls add up": (54.0, "what an earlier call left is forgotten")}
close(a.grad, 27.0, "the grad of a in a · a · a, after two calls of backward", hint, mistakes=mistakes)
c = student.multiply(a, student.Value(2.0))
student.backward(student.add(c, c))
what = "the grad of a in c + c, where c = a · 2"
mistakes = {
    "c is used twice, and hands its grad down before it is whole": (
        6.0,
        "a value's turn comes when *all* that uses it is done: which order has that?",
    )
}
close(a.grad, 4.0, what, "local slope times the value's own, whole grad", mistakes=mistakes)
### BEGIN HIDDEN TESTS
import random


NAMES = ("a", "b", "c")


def expression(depth):
    """A random expression of a, b and c that is finite everywhere."""
    if depth == 0:
        return random.choice(NAMES)
    p, q = expression(depth - 1), expression(depth - 1)
    return random.choice(
        [
            f"({p} + {q})",
            f"({p} * {q})",
            f"({p} - {q})",
            f"tanh({p})",
            f"exp(tanh({p}))",
            f"({p} / (2 + tanh({q})))",
            f"(2 * {p} - 1)",
            f"-({p})",
            f"(1 / (2 + tanh({q})) ** 2)",
        ]
    )


for depth in (1, 2, 3, 3, 4, 4, 5):
    text = expression(depth)
    numbers = {name: random.uniform(-1.5, 1.5) for name in NAMES}
    value, slopes = student.gradients(text, **numbers)
    leaves = {
        name: torch.tensor(number, dtype=torch.float64, requires_grad=True)
        for name, number in numbers.items()
    }
    expected = eval(text, {"exp": torch.exp, "tanh": torch.tanh}, leaves)
    grads = torch.autograd.grad(expected, list(leaves.values()), allow_unused=True)
    close(value, expected, f"the value of {text}", "compare with PyTorch")
    for name, grad in zip(leaves, grads):
        got = slopes[name]
        close(got, 0.0 if grad is None else grad, f"the slope in {name} of {text}", "compare with PyTorch")
p, q = student.Value(2.0), student.Value(5.0)
one, other = student.multiply(p, q), student.add(p, q)
student.backward(one)
student.backward(other)
got = [p.grad, q.grad]
close(got, [1.0, 1.0], "grads after backward of a · b, then of a + b", "of the last result alone")

# %% [markdown]
# One neuron, its loss, and the slope of the loss in each weight: your engine against PyTorch's.

# %%
text = "(tanh(w1 * 2 + w2 * -1 + b) - 0.5) ** 2"
start = {"w1": 0.3, "w2": 0.8, "b": 0.1}
leaves = {name: torch.tensor(number, requires_grad=True) for name, number in start.items()}
eval(text, {"tanh": torch.tanh}, leaves).backward()
print("yours  ", {name: round(slope, 4) for name, slope in gradients(text, **start)[1].items()})
print("PyTorch", {name: round(leaf.grad.item(), 4) for name, leaf in leaves.items()})

# %% [markdown]
# One walk forward, one back, and *every* slope is there, however many weights. That is *backpropagation*.
#
# ## 3 Steps (7 points, 25 minutes)
#
# With slopes in hand, how to step? Plain descent, $\theta \leftarrow \theta - \eta g$, zigzags across valleys and
# crawls along them. Below, the valley $f = \frac12(\theta_1^2 + 50\,\theta_2^2)$, with two learning rates. Guess:
# which of the two runs away, and what is the largest $\eta$ that does not?


# %%
def valley_slope(theta: Tensor) -> Tensor:
    return theta * torch.tensor([1.0, 50.0])


for lr in (0.03, 0.041):
    theta = torch.tensor([10.0, 1.0])
    for _ in range(60):
        theta = theta - lr * valley_slope(theta)
    print(f"η = {lr}: after 60 steps at {theta.tolist()}")

# %% [markdown]
# *Momentum* lets the step roll: zigzags cancel, what keeps its direction adds up. The docstring has the rule.

# %% solution="momentum_step"
# First the velocity, then the step with the new velocity.

# %% test="momentum_steps" points=2
theta, g, v = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.0]), torch.tensor([2.0, 0.0])
parts = student.momentum_step(theta, g, v, 0.1, 0.5)
what = "momentum_step gives something else than two tensors"
holds(isinstance(parts, list | tuple) and len(parts) == 2, what, "(θ, v)", type(parts).__name__)
got, velocity = parts
mistakes = {
    "θ stands in the place of v": ([0.85, -2.1], "the docstring's order"),
    "it is a mean": ([1.25, 0.5], "here the gradient is added whole"),
    "lr and beta are mixed up": ([0.7, 1.0], "which of the two belongs to v?"),
    "beta is ignored": ([2.3, 1.0], "it is an argument"),
}
close(velocity, [1.5, 1.0], "the velocity after a step", "v ← βv + g", mistakes=mistakes)
mistakes = {
    "v stands in the place of θ": ([1.5, 1.0], "the docstring's order"),
    "the velocity is not used": ([0.95, -2.1], "θ moves by the velocity"),
    "it moves by the old velocity": ([0.8, -2.0], "v first, then θ"),
    "it climbs": ([1.15, -1.9], "downhill is against the gradient"),
}
close(got, [0.85, -2.1], "θ after a step of momentum", "θ ← θ − ηv, with the new v", mistakes=mistakes)
### BEGIN HIDDEN TESTS
target, ours = torch.randn(3, 4), [torch.zeros(3, 4), torch.zeros(3, 4)]
theirs = ours
for _ in range(50):
    ours = student.momentum_step(ours[0], ours[0] - target, ours[1], 0.05)
    theirs = reference.momentum_step(theirs[0], theirs[0] - target, theirs[1], 0.05)
got = ours[0]
close(got, theirs[0], "θ after 50 steps of momentum with the default beta", "any shape, 50 steps", rtol=1e-3)
for _ in range(2):  # what an earlier call left behind is none of this one's business
    parts = [torch.randn(5) for _ in range(3)]
    close(
        list(student.momentum_step(*parts, 0.1))[1:],
        list(reference.momentum_step(*parts, 0.1))[1:],
        "v of two rides of momentum, step by step in turn",
        "what is kept from step to step is handed in and handed back: the function itself remembers nothing",
    )

# %% [markdown]
# The valley's trouble is that one $\eta$ must do for a flat and for a steep direction. *RMSProp* divides each
# parameter's step by the usual size of its own gradient.

# %% solution="rmsprop_step"
# Everything is number by number; ε stands outside of the root.

# %% test="rmsprop_steps" points=2
theta, g, s = torch.tensor([1.0, -2.0]), torch.tensor([0.5, -3.0]), torch.tensor([1.0, 4.0])
parts = student.rmsprop_step(theta, g, s, 0.1, 0.75, 0.5)
what = "rmsprop_step gives something else than two tensors"
holds(isinstance(parts, list | tuple) and len(parts) == 2, what, "(θ, s)", type(parts).__name__)
got, mean = parts
mistakes = {
    "θ stands in the place of s": ([0.9643211, -1.892523], "the docstring's order"),
    "it averages gradients": ([0.875, 2.25], "their *squares*"),
    "α is taken for the share of the new": ([0.4375, 7.75], "α is how much of s is *kept*"),
    "it adds up for ever": ([1.25, 13.0], "that is AdaGrad: RMSProp forgets"),
    "alpha is ignored": ([0.9925, 4.05], "it is an argument"),
}
close(mean, [0.8125, 5.25], "s after a step", "s ← αs + (1 − α)g²", mistakes=mistakes)
expected = [0.9643211, -1.892523]
mistakes = {
    "s stands in the place of θ": ([0.8125, 5.25], "the docstring's order"),
    "the root is missing": ([0.9619048, -1.947826], "the size of g is √s, not s"),
    "ε stands under the root": ([0.9563564, -1.874891], "√s + ε"),
    "it divides by the old s": ([0.9666667, -1.88], "s first, then θ"),
    "eps is ignored": ([0.94453, -1.869069], "it is an argument"),
    "the gradient's sign and size are lost": ([0.9286422, -2.035826], "ηg stands above"),
}
close(got, expected, "θ after a step of RMSProp", "the docstring's second formula", mistakes=mistakes)
### BEGIN HIDDEN TESTS
target, ours = torch.randn(3, 4), [torch.zeros(3, 4), torch.zeros(3, 4)]
theirs = ours
for _ in range(50):
    ours = student.rmsprop_step(ours[0], ours[0] - target, ours[1], 0.01)
    theirs = reference.rmsprop_step(theirs[0], theirs[0] - target, theirs[1], 0.01)
close(ours[0], theirs[0], "θ after 50 steps of RMSProp with defaults", "any shape, 50 steps", rtol=1e-3)
got, _ = student.rmsprop_step(torch.ones(2), torch.zeros(2), torch.zeros(2), 0.1)
close(got, torch.ones(2), "θ where every gradient was 0", "0 / ε is 0")
for _ in range(2):  # what an earlier call left behind is none of this one's business
    parts = [torch.randn(5) for _ in range(3)]
    parts[2] = parts[2].abs()
    close(
        list(student.rmsprop_step(*parts, 0.1))[1:],
        list(reference.rmsprop_step(*parts, 0.1))[1:],
        "s of two rides of RMSProp, step by step in turn",
        "what is kept from step to step is handed in and handed back: the function itself remembers nothing",
    )

# %% [markdown]
# *Adam* has both: a running mean of gradients above, of squares below. Both begin at 0, so at first they are too
# small. After one step with $\beta_1 = 0.9$, which share of the gradient is in $m$? Dividing by $1 - \beta_1^t$ puts
# that right.

# %% solution="adam_step"
# The corrected m̂ and ŝ serve for this step only; what do you return?

# %% test="adam_steps" points=3
theta, g = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.5, -3.0, 0.001])
m, s, betas = torch.tensor([0.2, -1.0, 0.0]), torch.tensor([1.0, 4.0, 0.01]), (0.5, 0.75)
parts = student.adam_step(theta, g, m, s, 3, 0.1, betas, 0.5)
what = "adam_step gives something else than three tensors"
holds(isinstance(parts, list | tuple) and len(parts) == 3, what, "(θ, m, s)", type(parts).__name__)
got, mean, squares = parts
mistakes = {
    "s stands in the place of m": ([0.8125, 5.25, 0.00750025], "the docstring's order"),
    "it is the corrected one": (
        [0.4, -2.28571, 0.0005714286],
        "the correction is for the step only; m goes on uncorrected",
    ),
    "it uses β₂": ([0.275, -1.5, 0.00025], "betas are (β₁, β₂)"),
    "it adds the gradient whole": ([0.6, -3.5, 0.001], "(1 − β₁)g"),
}
close(mean, [0.35, -2.0, 0.0005], "m after a step", "m ← β₁m + (1 − β₁)g, not corrected", mistakes=mistakes)
expected = [0.8125, 5.25, 0.00750025]
mistakes = {
    "it is the corrected one": (
        [1.40541, 9.08108, 0.01297],
        "the correction is for the step only; s goes on uncorrected",
    ),
    "it uses β₁": ([0.625, 6.5, 0.0050005], "betas has two numbers"),
    "it averages gradients": ([0.875, 2.25, 0.00775], "their *squares*"),
}
close(squares, expected, "s after a step", "s ← β₂s + (1 − β₂)g², not corrected", mistakes=mistakes)
expected = [0.9762681, -1.934944, 0.4999069]
mistakes = {
    "m stands in the place of θ": ([0.35, -2.0, 0.0005], "the docstring's order"),
    "nothing is corrected": ([0.9750248, -1.928348, 0.4999148], "m̂ and ŝ, not m and s"),
    "m is corrected and s is not": ([0.9714569, -1.918113, 0.4999026], "m̂ and ŝ"),
    "ε stands under the root": ([0.9710221, -1.926156, 0.4999202], "√ŝ + ε"),
    "the root is missing": ([0.9790071, -1.976143, 0.4998886], "√ŝ"),
    "it moves by the gradient": ([0.9703352, -1.914615, 0.4998371], "by its running mean"),
    "every step is corrected as if it were the first": ([0.9696019, -1.9213, 0.4998515], "1 − β₁ᵗ: which t?"),
    "it counts one step too many": ([0.9765231, -1.934786, 0.4999118], "t is 1 at the first step"),
}
close(got, expected, "θ after the third step of Adam", "the docstring's last line", mistakes=mistakes)
### BEGIN HIDDEN TESTS
target, zero = torch.randn(3, 4), torch.zeros(3, 4)
ours = theirs = (zero, zero, zero)
for t in range(1, 51):
    ours = student.adam_step(ours[0], ours[0] - target, ours[1], ours[2], t, 0.05)
    theirs = reference.adam_step(theirs[0], theirs[0] - target, theirs[1], theirs[2], t, 0.05)
close(ours[0], theirs[0], "θ after 50 steps of Adam with defaults", "any shape, 50 steps", rtol=1e-3)
first, _, _ = student.adam_step(zero, target, zero, zero, 1, 0.05)
expected = -0.05 * target.sign()
close(first, expected, "θ after the first step of Adam from 0", "its length is η, whatever the gradient")
for t in (40, 2):  # what an earlier call left behind is none of this one's business
    parts = [torch.randn(5), torch.randn(5), torch.randn(5), torch.rand(5)]
    got = list(student.adam_step(*parts, t, 0.1))
    hint = (
        "m, s and t are handed in, and m and s handed back: the function itself remembers and counts nothing"
    )
    close(got, list(reference.adam_step(*parts, t, 0.1)), f"step {t} of Adam", hint)

# %% [markdown]
# Are these PyTorch's? Fifty steps side by side in the valley.

# %%
rules = {
    "momentum": (lambda p, lr: torch.optim.SGD([p], lr, momentum=0.9), momentum_step, 1, 0.01),
    "RMSProp": (torch.optim.RMSprop, rmsprop_step, 1, 0.2),
    "Adam": (torch.optim.Adam, adam_step, 2, 0.5),
}
figure, ax = plots.subplots(figsize=(8, 2.6))
for name, (make, step, memories, lr) in rules.items():
    p = torch.tensor([10.0, 1.0], requires_grad=True)
    optimizer = make(p, lr) if name == "momentum" else make([p], lr)
    theta, memory, path = p.detach().clone(), [torch.zeros(2) for _ in range(memories)], []
    for t in range(1, 51):
        p.grad = valley_slope(p.detach())
        optimizer.step()
        count = [t] if name == "Adam" else []
        theta, *memory = step(theta, valley_slope(theta), *memory, *count, lr)
        path.append(theta.tolist())
    print(f"{name:9} same as before? {bool((theta - p.detach()).abs().max() < 1e-3)}")
    ax.plot(*zip(*path), label=name)
ax.set(xlabel="θ₁", ylabel="θ₂")
ax.legend()
plots.show(
    figure,
    "Paths of momentum, RMSProp and Adam through a valley that is fifty times steeper across than along.",
)

# %% [markdown]
# **Play with it.** Below run *your* rules, 60 steps each from the same place. Find for each rule the largest η that
# still comes to rest in the middle. Which rule hardly minds how steep the valley is? And what does β do to momentum: from
# which β on does the path swing past the middle and back?


# %%
def ride(rule="momentum", log10_rate=-2.0, beta=0.9, steepness=50):
    """The path of one of your rules through a valley, 60 steps of it."""
    slope = torch.tensor([1.0, float(steepness)])
    theta, memory, path = torch.tensor([10.0, 1.0]), [torch.zeros(2) for _ in range(1 + (rule == "Adam"))], []
    for t in range(1, 61):
        path.append(theta.tolist())
        g, lr = slope * theta, 10**log10_rate
        if rule == "momentum":
            theta, *memory = momentum_step(theta, g, *memory, lr, beta)
        elif rule == "RMSProp":
            theta, *memory = rmsprop_step(theta, g, *memory, lr, beta)
        else:
            theta, *memory = adam_step(theta, g, *memory, t, lr, (beta, 0.999))
    loss = float((slope * theta**2).sum() / 2)
    figure, ax = plots.subplots(figsize=(7, 2.8))
    one, other = torch.linspace(-12, 12, 80), torch.linspace(-1.5, 1.5, 60)
    depth = (slope[0] * one**2 + slope[1] * other[:, None] ** 2) / 2
    ax.contour(one, other, depth, levels=10, linewidths=0.5)
    ax.plot(*zip(*path), marker=".")
    ax.set(
        xlim=(-12, 12), ylim=(-1.5, 1.5), xlabel="θ₁", ylabel="θ₂", title=f"loss after 60 steps: {loss:.2g}"
    )
    return plots.show(figure, f"Path of {rule} through the valley; after 60 steps its loss is {loss:.2g}.")


turn(
    ride,
    "Raise the rate until the path leaves the picture, then make the valley steeper: which rule must be slowed down?",
    rule=["momentum", "RMSProp", "Adam"],
    log10_rate=(-4.0, 0.5, 0.25),
    beta=(0.0, 0.99, 0.01),
    steepness=(1, 400, 1),
)

# %% [markdown]
# ## 4 A beginning (4 points, 12 minutes)
#
# A signal of size 1 goes through 50 ReLU layers of 100 neurons whose weights come from $N(0, 0.01^2)$. What size
# comes out: about 1, about 0.01, or…?

# %% solution="signal"
# The root of the mean of the squares, after the ReLU, of all numbers of the batch at once. `.item()` makes it plain.

# %% test="signal_sizes" points=2
x, weights = torch.tensor([[1.0, -2.0], [3.0, 0.5]]), [torch.tensor([[1.0, 1.0], [0.0, -2.0]]), torch.eye(2)]
got = student.signal(x, weights)
hint = "a number for each layer; each layer takes what the one before gives"
mistakes = {
    "it gives squares": ([7.0625, 7.0625], "the *root* of the mean of squares"),
    "it gives the standard deviation, with B − 1": ([2.17467, 2.17467], "of x: don't take its mean off"),
    "it gives the standard deviation": ([1.883315, 1.883315], "of x: don't take its mean off"),
    "it gives the mean": ([1.875, 1.875], "the root of the mean of x²"),
    "it leaves out the ReLU": ([2.75, 2.75], "max(0, x Wᵀ) first"),
    "it turns W round": ([3.122499, 3.122499], "a row a neuron: x Wᵀ"),
    "it gives the last layer's size only": (2.657536, "a number for each layer"),
    "it measures before the ReLU": ([2.75, 2.657536], "after it"),
}
close(got, [2.657536, 2.657536], "signal of two layers, the second an identity", hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
x, weights = torch.randn(7, 3), [torch.randn(5, 3), torch.randn(4, 5), torch.randn(6, 4)]
sizes, h = [], x
for W in weights:
    h = torch.relu(h @ W.T)
    sizes.append(float(h.pow(2).mean().sqrt()))
what = "signal of three layers of unequal widths"
close(student.signal(x, weights), torch.tensor(sizes), what, "each takes what the one before gives")

# %% given="small_weights"

# %%
g = torch.Generator().manual_seed(0)
x = torch.randn(200, 100, generator=g)
sizes = signal(x, [small_weights(100, 100, g) for _ in range(50)])
print([f"{size:.0e}" for size in sizes[::7]])

# %% [markdown]
# Nothing gets through, and no gradient gets back. What size must weights have?
#
# One neuron adds $D$ products: $z = \sum_{i=1}^{D} w_i x_i$, with independent weights of mean 0 and variance $v$.
# Then $\E[z^2] = D\, v\, \E[x^2]$. ReLU sets half of the $z$ to 0, and so halves the mean square. Which $v$ makes
# what leaves the layer as large as what came in?

# %% solution="he_weights"
# torch.randn takes generator=…; its numbers have variance 1. Times c, they have which?


# %%
def two_layers(m: int, d: int, seed: int) -> tuple[Tensor, Tensor]:
    """The weights of two layers, drawn one after the other from the same generator."""
    generator = torch.Generator().manual_seed(seed)
    return he_weights(m, d, generator), he_weights(m, d, generator)


# %% test="he_weights_keep" points=2
def draw(m, d, seed=0):
    W = student.he_weights(m, d, torch.Generator().manual_seed(seed))
    holds(isinstance(W, torch.Tensor), "he_weights gives no tensor", "a tensor (M, D)", type(W).__name__)
    return W.detach()


W = draw(500, 1000)
equal(list(W.shape), [500, 1000], "the shape of he_weights(500, 1000, …)", "(M, D): a row a neuron")
spread = float(W.std())
look = "solve D · v / 2 = 1 for the variance v; by which number do you multiply to *get* a variance of v?"
holds(
    abs(spread**2 * 1000 / 2 - 1) < 0.06,
    "he_weights has another variance",
    "v from D · v / 2 = 1",
    f"{spread**2:.3g}, in 500 neurons of 1000 inputs",
    look,
    mistakes={
        mistake: (abs(spread**2 / value - 1) < 0.06, look)
        for mistake, value in {
            "it forgets the ReLU": 1 / 1000,
            "it stands where its root should": (2 / 1000) ** 2,
            "it counts the neurons, not their inputs": 2 / 500,
            "it is that of Glorot and Bengio, who had no ReLU": 2 / 1500,
            "it is 1": 1.0,
        }.items()
    },
)
what = "he_weights with an equal generator"
equal(draw(3, 4, seed=1), draw(3, 4, seed=1), what, "draw from `generator`, and from nothing else")
what = "he_weights ignores its generator"
holds(not torch.equal(draw(3, 4, seed=1), draw(3, 4, seed=2)), what, "other weights from another generator")
below, above = student.two_layers(3, 4, 1)
what = "two layers that are drawn from one generator, one after the other, have the same weights"
hint = "hand `generator` itself to what draws: each draw moves it on. A seed taken from it stays"
expected = "other weights for each"
holds(not torch.equal(torch.as_tensor(below), torch.as_tensor(above)), what, expected, hint=hint)
### BEGIN HIDDEN TESTS
what = "the mean of he_weights is not 0"
holds(abs(float(W.mean())) < 0.001, what, "0", float(W.mean()), "draw both signs alike")
for m, d in ((2000, 25), (200, 200), (10, 5000)):
    v = float(draw(m, d).pow(2).mean())
    what = f"he_weights({m}, {d}) has another variance"
    holds(abs(v * d / 2 - 1) < 0.1, what, "v from D · v / 2 = 1", v, "it depends on D alone")
W = draw(300, 300)
for what, one, other in (("rows", W[0], W[1]), ("columns", W[:, 0], W[:, 1])):
    likeness = float((one @ other).abs() / one.norm() / other.norm())
    got = f"a cosine of {likeness:.2f} between the first two"
    hint = "equal neurons learn the same, and equal inputs count the same"
    holds(likeness < 0.3, f"{what} of he_weights are alike", "each weight drawn by itself", got, hint)
x = torch.randn(64, 128)
for layer in range(50):
    x = (x @ draw(128, 128, seed=7 + layer).float().T).clamp(min=0)
size = float(x.pow(2).mean().sqrt())
what = "a signal does not keep its size through 50 layers"
holds(0.02 < size < 50, what, "between 0.02 and 50", size, "any error is raised to the power 50")

# %% [markdown]
# Fifty layers, five beginnings. A line that leaves the picture is a net that cannot learn; where should yours run?

# %%
figure, ax = plots.subplots(figsize=(6, 3))
for factor in (0.5, 0.8, 1.0, 1.2, 2.0):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(200, 100, generator=g)
    ax.semilogy(signal(x, [factor * he_weights(100, 100, g) for _ in range(50)]), label=f"{factor:g} ×")
ax.set(xlabel="layer", ylabel="size of the signal", ylim=(1e-8, 1e8))
ax.legend()
plots.show(
    figure, "Size of a signal through 50 layers: kept with He's weights, lost or exploding with others."
)

# %% [markdown]
# A fifth too much or too little, and after 50 layers nothing is left, or everything is too much.
#
# ## 5 Batch normalisation (8 points, 30 minutes)
#
# A good beginning is kept only at the beginning: weights move. *Batch normalisation* puts every feature back to mean
# 0 and variance 1, in every layer, at every step, over the batch at hand. Then the net chooses its own size and place
# with $\gamma$ and $\beta$.
#
# By hand: a batch of three examples with one feature, $x = (1, 2, 6)$, $\gamma = 1$, $\beta = 0$. What comes out?
# (Mean 3; squares of the rest 4, 1, 9.)

# %% solution="batch_norm"
# x.mean(dim=?) over examples. Is x.var(dim=?) the mean of squares, or is it divided by B − 1?

# %% test="batch_norm_values" points=2
x = torch.tensor([[1.0, 10.0], [2.0, 30.0], [6.0, -10.0]])
gamma, beta = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0])
got = student.batch_norm(x, gamma, beta, 0.1)
what = "batch_norm of three examples, two features"
hint = "compute one column by hand"
mistakes = {
    "squares are divided by B − 1": (
        [[-1.00117, 3.0], [-0.25059, 2.00013], [2.75176, 3.99987]],
        "σ² is their *mean*: torch's var has an argument `correction`",
    ),
    "each example is normalised": (
        [[-1.49508, 2.00246], [-1.49949, 2.00026], [2.49844, 3.99922]],
        "each *feature*, over the batch (the other way is layer normalisation)",
    ),
    "one mean serves all": (
        [[-0.40414, 2.71232], [-0.23975, 1.06842], [0.41781, 4.35621]],
        "each feature has its own",
    ),
    "it divides by the variance": ([[-0.33916, 3.0], [0.08042, 2.92503], [1.75874, 3.07497]], "by its root"),
    "ε stands outside of the root": ([[-1.26972, 3.0], [-0.38486, 1.78271], [3.15458, 4.21729]], "√(σ² + ε)"),
    "γ and β are left out": (
        [[-0.91606, 0.0], [-0.45803, 1.22452], [1.37409, -1.22452]],
        "the docstring's last step",
    ),
    "γ multiplies β, too": (
        [[-0.83211, -3.0], [0.08394, -4.22452], [3.74817, -1.77548]],
        "scaled by γ first, then shifted by β",
    ),
    "γ and β are exchanged": (
        [[1.54197, -1.0], [1.77099, 2.67355], [2.68704, -4.67355]],
        "the docstring's order of arguments",
    ),
    "eps is ignored": ([[-1.351638, 3.0], [-0.4258191, 1.775255], [3.277457, 4.224745]], "it is an argument"),
}
close(got, [[-1.332114, 3.0], [-0.4160572, 1.775485], [3.248172, 4.224515]], what, hint, mistakes=mistakes)
leaves = [part.clone().requires_grad_() for part in (x, gamma, beta)]
flows(student.batch_norm(*leaves, 0.1), dict(zip("xγβ", leaves)), "batch_norm")
### BEGIN HIDDEN TESTS
for B, D in ((2, 1), (5, 5), (5, 5), (30, 4)):
    x = 0.1 * torch.randn(B, D) + torch.arange(B)[:, None] - 1  # never two alike: rounding would decide
    gamma, beta = torch.randn(D), torch.randn(D)
    expected = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)
    got = student.batch_norm(x, gamma, beta)
    close(got, expected, f"batch_norm of {B} examples, {D} features", "any B and D", atol=1e-4)
got = student.batch_norm(torch.full((4, 2), 3.0), torch.ones(2), torch.ones(2))
close(got, torch.ones(4, 2), "batch_norm of equal examples", "ε keeps 0/0 away")
x = torch.randn(6, 3, requires_grad=True)
gamma = torch.randn(3, requires_grad=True)
beta = torch.randn(3, requires_grad=True)
got = student.batch_norm(x, gamma, beta)
leaves = {"x": x, "γ": gamma, "β": beta}
wanted = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)
follows(got, leaves, wanted, "batch_norm", "the mean and the variance depend on x: don't detach them")

# %% [markdown]
# And backwards? Write $\hat x = (x - \mu)/s$ with $s = \sqrt{\sigma^2 + \varepsilon}$, so $y = \gamma \hat x +
# \beta$. In $\beta$ and $\gamma$ it is easy: each serves all $B$ examples, so their slopes add up. In $x$ there are
# three ways: directly, through $\mu$, and through $\sigma^2$. The chain rule, after much cancelling, gives
#
# $$\frac{\partial \mathcal{L}}{\partial x_i} =
# \frac{\gamma}{s}\Bigl(g_i - \frac1B\sum_j g_j - \hat x_i\,\frac1B\sum_j g_j \hat x_j\Bigr),$$
#
# where $g_i$ is the slope that arrives at $y_i$. Read it: shifting all $x$ alike changes nothing, so the mean of $g$
# is taken out; stretching all $x$ alike changes nothing, so what lies along $\hat x$ is taken out. Cover the formula
# and derive one of the two terms yourself.

# %% solution="batch_norm_backward"
# x̂ first. Each sum runs over the batch.

# %% test="batch_norm_gradients" points=3
x, gamma = torch.tensor([[1.0, 10.0], [2.0, 30.0], [6.0, -10.0]]), torch.tensor([2.0, -1.0])
g = torch.tensor([[1.0, 0.0], [2.0, -1.0], [-1.0, 2.0]])
parts = student.batch_norm_backward(x, gamma, g, 0.1)
what = "batch_norm_backward gives something else than three tensors"
holds(isinstance(parts, list | tuple) and len(parts) == 3, what, "in x, in γ, in β", type(parts).__name__)
dx, dgamma, dbeta = parts
mistakes = {
    "it is the one in γ": ([-3.2062, -3.673546], "in x, in γ, in β"),
    "it has a row for each example": (
        [[1.0, 0.0], [2.0, -1.0], [-1.0, 2.0]],
        "β serves them all: one number a feature",
    ),
    "it is a mean": ([0.6666667, 0.3333333], "β serves every example: what do slopes of several uses do?"),
}
close(dbeta, [2.0, 1.0], "the gradient in β", "y grows by 1 with β, in every example", mistakes=mistakes)
what = "the gradient in γ"
mistakes = {
    "it uses x": ([-1.0, -50.0], "γ multiplies x̂"),
    "x̂ divides squares by B − 1": ([-2.627053, -2.999625], "by B, as in the forward pass"),
    "it is a mean": ([-1.068733, -1.224515], "γ serves every example"),
}
close(dgamma, [-3.2062, -3.673546], what, "y grows by x̂ with γ, in every example", mistakes=mistakes)
expected = [[-0.5914868, 0.02040859], [0.77299, -0.01016987], [-0.1815032, -0.01023872]]
hint = "the formula above, term by term; sums run over the batch, for each feature by itself"
mistakes = {
    "the ways through μ and σ² are left out": (
        [[0.9160572, -0.0], [1.832114, 0.06122576], [-0.9160572, -0.1224515]],
        "all three terms",
    ),
    "the way through σ² is left out": (
        [[0.3053524, 0.02040859], [1.22141, 0.08163435], [-1.526762, -0.1020429]],
        "all three terms",
    ),
    "γ is left out": (
        [[-0.2957434, -0.02040859], [0.386495, 0.01016987], [-0.09075159, 0.01023872]],
        "what stands before the bracket?",
    ),
    "sums stand where means should": (
        [[-3.606575, 0.06122576], [-1.345259, -0.1529611], [1.287605, 0.2141869]],
        "1/B, twice",
    ),
}
close(dx, expected, "the gradient in x", hint, atol=1e-6, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for B, D in ((2, 1), (4, 4), (20, 6)):
    x, gamma, beta = (t.requires_grad_() for t in (2 * torch.randn(B, D), torch.randn(D), torch.randn(D)))
    g = torch.randn(B, D)
    y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)
    expected = torch.autograd.grad((y * g).sum(), (x, gamma, beta))
    got = student.batch_norm_backward(x.detach(), gamma.detach(), g)
    what = f"the three gradients for {B} examples, {D} features"
    close(list(got), list(expected), what, "against PyTorch", rtol=1e-3, atol=2e-4)

# %% [markdown]
# In production there may be one example only, and its answer must not hang on who else is in the batch. So a layer
# keeps *running* means and variances while it trains, and uses those in evaluation: two phases. Names are given.

# %% solution="BatchNorm" keep="__init__"
# self.training tells the phase. The running ones change in place, without history: torch.no_grad(), .copy_ or .lerp_.

# %% test="batch_norm_phases" points=3
norm = student.BatchNorm(2, momentum=0.25)
norm.train()
x = torch.tensor([[1.0, 10.0], [2.0, 30.0], [6.0, -10.0]])
before = x.clone()
got = norm(x)
hint = "-= and /= write into x, which others still need: make a new tensor"
holds(torch.equal(x, before), "BatchNorm changes its input", "x as it was", hint=hint)
expected = [[-0.9258191, 0.0], [-0.4629096, 1.224745], [1.388729, -1.224745]]
what = "BatchNorm in training mode"
mistakes = {"it uses the running statistics": (x, "in training, the batch's own")}
close(got, expected, what, "the batch's own mean and variance", atol=1e-4, mistakes=mistakes)
state = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
what = "the running mean after one batch"
mistakes = {
    "it does not move in training": ([0.0, 0.0], "self.running_mean must change, in place"),
    "momentum is taken for the share of the old": ([2.25, 7.5], "the share of the *new*, as in PyTorch"),
    "it forgets everything": ([3.0, 10.0], "it moves by a share `momentum`"),
}
close(state["running_mean"], [0.75, 2.5], what, "(1 − momentum) · old + momentum · new", mistakes=mistakes)
what = "the running variance after one batch"
mistakes = {
    "the batch's variance is biased": (
        [1.91667, 67.41667],
        "squares over B − 1: the docstring says which variance moves",
    ),
    "it does not move in training": ([1.0, 1.0], "self.running_var must change, in place"),
}
close(state["running_var"], [2.5, 100.75], what, "(1 − momentum) · old + momentum · new", mistakes=mistakes)
norm.eval()
got = norm(torch.tensor([[1.75, 12.5]]))
what = "BatchNorm of one example in evaluation mode"
mistakes = {
    "it uses the batch's own mean": ([[0.0, 0.0]], "an example alone is its own mean: use the running ones")
}
close(got, [[0.6324543, 0.9962709]], what, "running mean and variance", mistakes=mistakes)
got = norm.state_dict()["running_mean"]
close(got, state["running_mean"], "the running mean after evaluation", "it stays as it is")
### BEGIN HIDDEN TESTS
for D, momentum, eps in ((1, 0.1, 1e-5), (4, 0.5, 0.1)):
    ours = student.BatchNorm(D, momentum=momentum, eps=eps)
    theirs = torch.nn.BatchNorm1d(D, momentum=momentum, eps=eps)
    gamma, beta = torch.randn(D), torch.randn(D)
    ours.load_state_dict(dict(ours.state_dict()) | {"gamma": gamma, "beta": beta})
    theirs.load_state_dict(theirs.state_dict() | {"weight": gamma, "bias": beta})
    for phase in ("train", "train", "train", "eval", "train", "eval"):
        getattr(ours, phase)()
        getattr(theirs, phase)()
        x = torch.randn(5, D) * 3 + 1
        what = f"BatchNorm({D}, momentum={momentum}, eps={eps}) in {phase}"
        close(ours(x), theirs(x), what, "as PyTorch's: γ and β serve in both phases", atol=1e-4)
        for name in ("running_mean", "running_var"):
            got = ours.state_dict()[name]
            close(got, theirs.state_dict()[name], f"{name} after {phase}", "as PyTorch's", atol=1e-4)
x = torch.randn(4, D, requires_grad=True)
for phase in ("train", "eval"):
    getattr(ours, phase)()
    getattr(theirs, phase)()
    leaves, others = (
        {"x": x} | dict(zip("γβ", parts)) for parts in ((ours.gamma, ours.beta), (theirs.weight, theirs.bias))
    )
    hint = "only the running statistics are without history: use γ and β as they come"
    follows(ours(x), leaves, theirs(x), f"BatchNorm in {phase}", hint, others=others)
for name in ("running_mean", "running_var"):
    what = f"{name} drags the history of all batches behind it"
    expected = "numbers without history"
    hint = "with torch.no_grad(): around what moves it"
    holds(not getattr(ours, name).requires_grad, what, expected, "a tensor that requires its gradient", hint)

# %% [markdown]
# ## 6 Twenty layers (2 points, 10 minutes)
#
# Everything together: your loss, your optimiser, your beginnings, your normalisation. PyTorch keeps the slopes, as
# your engine would.

# %% given="DeepNet"


# %%
def learn(net: nn.Module, x: Tensor, y: Tensor, steps: int, batch: int, lr: float) -> list[float]:
    """Adam with a learning rate that falls to 0; returns the loss of each step's batch."""
    parameters, dice, losses = list(net.parameters()), torch.Generator().manual_seed(0), []
    theta = torch.cat([p.detach().flatten() for p in parameters])  # every number of the net in one row
    m, s = torch.zeros_like(theta), torch.zeros_like(theta)
    for t in range(1, steps + 1):
        rows = torch.randint(len(x), (batch,), generator=dice).to(x.device)
        loss = cross_entropy(net(x[rows]), y[rows])
        g = torch.cat([slope.flatten() for slope in torch.autograd.grad(loss, parameters)])
        theta, m, s = adam_step(theta, g, m, s, t, lr * (1 - (t - 1) / steps))
        with torch.no_grad():
            for p, part in zip(parameters, theta.split([p.numel() for p in parameters])):
                p.copy_(part.view_as(p))
        losses.append(loss.item())
    return losses


def load(split: str) -> tuple[Tensor, Tensor]:
    """Signals of 40 samples; on a GPU, photographs of clothes of 784 pixels."""
    x, y = (signals if tier == "mini" else fashion_mnist).load(tier, split).tensors
    x = x if tier == "mini" else (x.flatten(1) - 0.286) / 0.353
    return x.to(device), y.to(device)


@torch.no_grad()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of right answers in evaluation mode."""
    net.eval()
    share = (net(x).argmax(1) == y).float().mean().item()
    net.train()
    return share


# %% [markdown]
# Three nets of 20 layers, signals of ten classes: weights from $N(0, 0.01^2)$; the same weights, but normalised; He's
# weights. Before you run: which will still pay $\ln 10 \approx 2.30$ at the end? How many steps will the others need
# to come below 1.5?

# %%
device = "cuda" if tier == "full" and torch.cuda.is_available() else "cpu"
width, batch = (64, 128) if tier == "mini" else (256, 256)
(x_train, y_train), (x_val, y_val) = load("train"), load("val")
widths = [x_train.shape[1]] + [width] * 19 + [10]


# %% trains="training"
def compare(steps: int, lr: float) -> plots.Picture:
    """Train three nets of 20 layers for a short while; print what each reaches and draw their losses."""
    figure, ax = plots.subplots(figsize=(6.5, 3))
    for name, draw, norm in (
        ("N(0, 0.01²)", small_weights, False),
        ("N(0, 0.01²), normalised", small_weights, True),
        ("He", he_weights, False),
    ):
        net = DeepNet(widths, draw, norm, torch.Generator().manual_seed(0)).to(device)
        losses = torch.tensor(learn(net, x_train, y_train, steps, batch, lr))
        smooth = losses.unfold(0, 10, 1).mean(1)  # of 10 steps each
        below = (smooth < 1.5).nonzero()
        told = f"below 1.5 after {int(below[0]) + 10} steps" if len(below) else "never below 1.5"
        print(f"{name:24} loss {float(smooth[-1]):.2f}, {told}")
        ax.plot(smooth, label=name)
    ax.axhline(math.log(10), color="grey", linewidth=0.8)
    ax.set(xlabel="step", ylabel="loss")
    ax.legend()
    return plots.show(
        figure, "Loss of three nets of 20 layers: one stays at ln 10, the normalised one and He's fall."
    )


compare(60, 3e-3) if tier == "mini" else compare(150, 1e-3)

# %% [markdown]
# The first net is no smaller and no less clever than the others: it was only begun badly. Normalisation repairs a bad
# beginning, at the price of slower steps; here a good one does without.
#
# Train one for longer. Change what you like (learning rate? steps? `norm`?), go by *validation* accuracy, and keep 20
# layers.

# %% trains="training"
steps, lr = (300, 2.5e-3) if tier == "mini" else (6000, 1e-3)
best = DeepNet(widths, he_weights, norm=False, generator=torch.Generator().manual_seed(0)).to(device)
losses = learn(best, x_train, y_train, steps, batch, lr)
print(f"loss {sum(losses[-20:]) / 20:.2f}, validation accuracy {accuracy(best, x_val, y_val):.3f}")

# %% [markdown]
# Save it, and look once at the test data.

# %% trains="training"
save_artifact("training", best, tier)
share = accuracy(best, *load("test"))
reference = records("training").get(tier) or record("training")
print(
    f"Yours {reference.show(share)}; the reference, {reference.tier} tier, {reference.show(reference.value)}."
)
print(f"A linear classifier: {reference.show(reference.baseline)}.")

# %% test="deep_artifact" points=2
tensors = student.artifact("training")
holds(
    "weights.19" in tensors and all(torch.isfinite(tensor).all() for tensor in tensors.values()),
    "training.safetensors does not hold a trained net of 20 layers",
    "finite tensors called weights.0 to weights.19, biases.0, …",
    sorted(tensors)[:8],
    "run section 6 from its start, with every check above passed",
)
### BEGIN HIDDEN TESTS
judge("training", tensors, 2)

# %% [markdown]
# Save the notebook, then hand in `training.ipynb` and `training.safetensors`; `course_utils.colab.submit("training")`
# packs both.
