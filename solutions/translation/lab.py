# %% [markdown]
# Two heaps of pictures, or two shelves of books; nobody has said which picture belongs to which, or which sentence says the
# same as which. You will build what can still be learned: a judge that cannot tell what was made from what was found, a way
# back that must lead home, features that must survive. And you will see each of them satisfied by nonsense.
#
# The chapter *Nobody paired them* of the book is the companion to this lab; nothing in it is needed that is not said here.
# Shapes: B pictures of C channels and S×S pixels, or B sentences of T words; features and latents of D numbers.

# %%
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import cipher, house_numbers, poses
from course_utils.data.bitext import END, MARKS, PAD
from course_utils.training import Run, record
from course_utils.widgets import turn

Map = Callable[[Tensor], Tensor]
PIXELS = poses.SIDE**2
LATENT = 8  # numbers between an encoder and a decoder of small pictures
ALONE, RATE = 60, 5e-3  # steps of denoising before there is back-translation; the rate of learning

# %% [markdown]
# ## 1 A judge that can be fooled (3 points, 10 minutes)
#
# What does a good translation look like? Like a picture of the other domain; more we cannot say, since we have no pair. So a
# **discriminator** D learns to score what was found by 1 and what was made by 0, and the **generator** learns to make what is
# scored by 1. Both by squares. By hand: D scores a found picture 0.8, a made one 0.3. What does D pay, and what the generator?

# %%
round((0.8 - 1) ** 2 + 0.3**2, 4), round((0.3 - 1) ** 2, 4)

# %% [markdown]
# Mind who learns from what. If D's loss sent a gradient into the made pictures, the generator would be taught to make worse ones.

# %% solution="discriminator_loss" take="discriminator_loss, generator_loss"
# Means over all scores. tensor.detach() gives the same numbers without history.

# %% test="discriminator_loss_values" points=3
real, fake = torch.tensor([[0.8], [0.6], [1.0]]), torch.tensor([[0.3], [0.1], [0.2]])
got = student.discriminator_loss(lambda x: x, real, fake)
expected = torch.tensor(0.2 / 3 + 0.14 / 3)
what = "discriminator_loss where D scores 0.8, 0.6, 1 and 0.3, 0.1, 0.2"
mistakes = {
    "found and made have changed places": (
        torch.tensor((0.64 + 0.36 + 1) / 3 + (0.49 + 0.81 + 0.64) / 3),
        "1 for what is real, 0 for what is not",
    ),
    "what was made counts as real": (
        torch.tensor(0.2 / 3 + (0.49 + 0.81 + 0.64) / 3),
        "which score is due to what was made?",
    ),
    "it is a sum over the batch": (torch.tensor(0.34), "a mean of each"),
    "it is halved": (torch.tensor(0.17 / 3), "the sum of two means, as the docstring says"),
}
close(got, expected, what, "(0.04 + 0.16 + 0)/3 + (0.09 + 0.01 + 0.04)/3", mistakes=mistakes)
got = student.generator_loss(lambda x: x, fake)
what = "generator_loss where D scores 0.3, 0.1, 0.2"
mistakes = {"the generator wants to be found out": (torch.tensor(0.14 / 3), "it wants 1")}
close(got, torch.tensor((0.49 + 0.81 + 0.64) / 3), what, "(0.49 + 0.81 + 0.64)/3", mistakes=mistakes)
w, made = torch.tensor([0.5, -0.3], requires_grad=True), torch.tensor([[1.0, 2.0]], requires_grad=True)
got = student.discriminator_loss(lambda x: x @ w, torch.tensor([[2.0, 1.0]]), made)
flows(got, {"D's weights": w}, "discriminator_loss")
into = slopes(got, {"what was made": made}, "discriminator_loss")[0]
what = "discriminator_loss sends a gradient into what was made"
hint = "detach what was made before D sees it, not after"
holds(into is None or not into.any(), what, "none: D alone learns from it", into, hint)
hint = "the generator learns through D: nothing is detached here"
flows(student.generator_loss(lambda x: x @ w, made), {"what was made": made}, "generator_loss", hint)
### BEGIN HIDDEN TESTS
for b, d in ((4, 3), (2, 5)):
    W, real = torch.randn(d, 2, requires_grad=True), torch.randn(b + 1, d)
    fake = torch.randn(b, d, requires_grad=True)

    def judge(x, W=W):
        return torch.tanh(x @ W)

    wanted = (judge(real) - 1).square().mean() + judge(fake.detach()).square().mean()
    got = student.discriminator_loss(judge, real, fake)
    close(got, wanted, f"discriminator_loss of {b + 1} found and {b} made", "each mean over its own scores")
    follows(got, {"D's weights": W}, wanted, "discriminator_loss")
    got, wanted = student.generator_loss(judge, fake), (judge(fake) - 1).square().mean()
    close(got, wanted, f"generator_loss of {b} made", "the mean over all scores")
    follows(got, {"what was made": fake}, wanted, "generator_loss")

# %% [markdown]
# ## 2 House numbers into plain digits (11 points, 30 minutes)
#
# The first domain: digits as on houses, in any two colours, with a slice of a neighbour. They have labels. The second: plain
# digits, which have none (the labels are kept for the judge at the end). No digit stands in both.

# %% given="Config,config,strangers"

# %%
numbers, plain = (part(tier, "train").tensors for part in (house_numbers.load, house_numbers.plain))
figure, axes = plots.subplots(2, 10, figsize=(8, 1.9))
for k, (above, below) in enumerate(axes.T):
    above.imshow(numbers[0][k].permute(1, 2, 0))
    below.imshow(plain[0][k, 0], cmap="gray")
    above.axis("off")
    below.axis("off")
plots.show(figure, "Ten house numbers in colours above ten plain digits, which are others")

# %% [markdown]
# A **domain transfer network** (Taigman et al., 2017) has a reader f, which learned from the labels and then stays as it is, and
# a painter g, which makes a plain digit from f's features. What must hold, without any pair?
#
# - *f-constancy*: read what was painted from a house number, and find the features again: f(g(f(s))) = f(s).
# - *identity*: a picture that is a plain digit already is painted as it is: g(f(t)) = t.
#
# By hand, with numbers for pictures: f doubles, g adds one. Source 3, target 5. Both squares?

# %%
(2 * (2 * 3 + 1) - 2 * 3) ** 2, ((2 * 5 + 1) - 5) ** 2

# %% solution="dtn_losses"
# Read each once, paint, and read again what was painted from the source. Both are means over all numbers.

# %% test="dtn_losses_values" points=3
source, target = torch.tensor([[[[3.0]]], [[[1.0]]]]), torch.tensor([[[[5.0]]], [[[2.0]]]])
const, identity = pair(
    student.dtn_losses(lambda x: 2 * x.flatten(1), lambda z: z[:, :, None, None] + 1, source, target),
    "dtn_losses",
    "L_CONST and L_TID",
    "see `Returns`",
)
expected = torch.tensor(((14 - 6) ** 2 + (6 - 2) ** 2) / 2)
what = "L_CONST where f doubles and g adds one, for the sources 3 and 1"
mistakes = {
    "pictures are compared, not features": (torch.tensor(10.0), "f of what g painted, against f(source)"),
    "the target is compared": (
        torch.tensor(((22 - 10) ** 2 + (10 - 4) ** 2) / 2),
        "L_CONST is about the source",
    ),
    "it is a sum": (torch.tensor(80.0), "the mean over all numbers"),
}
close(const, expected, what, "features 6 and 2, painted 7 and 3, read again 14 and 6", mistakes=mistakes)
expected = torch.tensor(((11 - 5) ** 2 + (5 - 2) ** 2) / 2)
mistakes = {
    "the source is compared with the target": (
        torch.tensor(((7 - 5) ** 2 + (3 - 2) ** 2) / 2),
        "they are no pairs: L_TID knows only the target",
    ),
    "absolute errors": (torch.tensor(4.5), "squares"),
    "it is a sum": (torch.tensor(45.0), "the mean over all numbers"),
}
close(identity, expected, "L_TID for the targets 5 and 2", "painted 11 and 5", mistakes=mistakes)
G = torch.randn(4, 2, requires_grad=True)
A = torch.randn(2, 4)
got = pair(
    student.dtn_losses(
        lambda x: x.mean(1).flatten(1) @ A.T,
        lambda z: (z @ G.T).unflatten(1, (1, 2, 2)),
        torch.randn(3, 3, 2, 2),
        torch.randn(3, 1, 2, 2),
    ),
    "dtn_losses",
    "L_CONST and L_TID",
)
for name, loss in zip(("L_CONST", "L_TID"), got):
    flows(loss, {"the weights of g": G}, name, "the way back to g leads through f: no detach, no no_grad")
### BEGIN HIDDEN TESTS
for b, c, side, d in ((2, 3, 2, 3), (4, 1, 3, 2)):
    A, G = torch.randn(d, side**2), torch.randn(side**2, d, requires_grad=True)

    def f(x, A=A):
        return torch.tanh(x.mean(1).flatten(1) @ A.T)

    def g(z, G=G, side=side):
        return torch.sigmoid(z @ G.T).unflatten(1, (1, side, side))

    source, target = torch.rand(b + 1, c, side, side), torch.rand(b, 1, side, side)
    wanted = (f(g(f(source))) - f(source)).square().mean(), (g(f(target)) - target).square().mean()
    got = pair(student.dtn_losses(f, g, source, target), "dtn_losses", "L_CONST and L_TID")
    for name, one, other in zip(("L_CONST", "L_TID"), got, wanted):
        close(one, other, f"{name} of {b + 1} sources and {b} targets", "means over all numbers")
        follows(one, {"the weights of g": G}, other, name)

# %% [markdown]
# Its judge has *three* classes: painted from a source, painted from a target, found. D learns to tell the three apart; the
# painter wants to be taken for the third in both cases. By hand: D gives a picture that was painted from a source the
# probabilities 1/2, 1/4, 1/4. What does D pay for it, and what the painter, in nats?

# %%
torch.log(torch.tensor([2.0, 4.0]))

# %% solution="ternary_losses"
# scores.log_softmax(1)[:, k] is log p of class k. In D's loss, what was painted has no history.

# %% test="ternary_losses_values" points=4
p = torch.tensor([[0.5, 0.25, 0.25], [0.125, 0.25, 0.625], [0.1, 0.1, 0.8]])
ones = [torch.full((n, 1), float(k)) for k, n in enumerate((2, 3, 1))]


def judge(x):
    return p.log()[x[:, 0].long()] + 0.0 * x


for_D, for_g = pair(student.ternary_losses(judge, *ones), "ternary_losses", "D's loss and the generator's")


def log(*values):
    return -torch.tensor(values).log().sum()


expected = log(0.5, 0.25, 0.8)
what = "D's loss where it gives the three kinds their true class by 1/2, 1/4 and 4/5"
mistakes = {
    "classes are in another order": (log(0.25, 0.125, 0.8), "0: from a source, 1: from a target, 2: found"),
    "all that was painted is one class": (log(0.5, 0.125, 0.8), "three classes, not two"),
    "probabilities, not their logarithms": (torch.tensor(-1.55), "-log p"),
    "the three are averaged": (log(0.5, 0.25, 0.8) / 3, "their sum"),
    "batches are added up, not averaged": (2 * log(0.5) + 3 * log(0.25) + log(0.8), "the mean of each class"),
}
close(for_D, expected, what, "-log of each, added up", mistakes=mistakes)
expected = log(0.25, 0.625)
what = "the generator's loss where D takes the painted for found by 1/4 and 5/8"
mistakes = {
    "what was found counts as well": (log(0.25, 0.625, 0.8), "the generator has not made it"),
    "only sources count": (log(0.25), "both must be taken for found"),
    "it wants to be found out": (log(0.5, 0.25), "class 2"),
}
close(for_g, expected, what, "-log of each, added up", mistakes=mistakes)
W = torch.randn(2, 3, requires_grad=True)
leaves = {
    name: torch.randn(2, 2, requires_grad=True) for name in ("what was painted from sources", "from targets")
}
for_D, for_g = pair(
    student.ternary_losses(lambda x: x @ W, *leaves.values(), torch.randn(2, 2)),
    "ternary_losses",
    "D's loss and the generator's",
)
flows(for_D, {"D's weights": W}, "D's loss")
flows(for_g, leaves, "the generator's loss", "the generator learns through D: detach nothing here")
into = slopes(for_D, leaves, "D's loss")
holds(
    all(slope is None or not slope.any() for slope in into),
    "D's loss sends a gradient into what was painted",
    "none: D alone learns from it",
    "some",
    "detach what was painted before D sees it",
)
### BEGIN HIDDEN TESTS
for b, d in ((3, 2), (1, 4)):
    W, target = torch.randn(d, 3, requires_grad=True), torch.randn(b + 1, d)
    leaves = {
        name: torch.randn(b + n, d, requires_grad=True)
        for n, name in enumerate(("from sources", "from targets"))
    }

    def judge(x, W=W):
        return 2 * torch.tanh(x @ W) + 30

    wanted = reference.ternary_losses(judge, *leaves.values(), target)
    got = pair(student.ternary_losses(judge, *leaves.values(), target), "ternary_losses", "two losses")
    what = "D's loss of a judge whose scores are large"
    close(got[0], wanted[0], what, "softmax does not mind what all scores share")
    close(got[1], wanted[1], "the generator's loss of a judge whose scores are large", "log_softmax")
    follows(got[0], {"D's weights": W}, wanted[0], "D's loss")
    follows(got[1], leaves, wanted[1], "the generator's loss")

# %% given="Reader,painter,discriminator,step,build,learn_to_read,learn_to_draw,judged,right,read_right"

# %% [markdown]
# **Predict.** A judge that knows plain digits alone looks at house numbers in grey: how many does it read right? And after
# translation? The reader f itself, who knows house numbers, is right in more than nine of ten cases.

# %% trains="translation"
how, run = config(tier), Run("translation", seed=0)
nets = build(tier).to(run.device)
learn_to_read(nets["reads"], house_numbers.load(tier, "train"), how, run)
learn_to_draw(nets, tier, run)
nets = nets.eval().cpu()
save_artifact("translation", nets, tier)

# %% trains="translation"
entry = record("translation", tier)
print(f"the judge, in grey      {entry.baseline:.1%}")
print(f"the judge, translated   {right(nets, tier, 'test'):.1%}")
print(f"the reference           {entry.value:.1%} ± {entry.std:.1%} over {len(entry.seeds)} seeds")
print(f"f on the house numbers  {read_right(nets, tier, 'test'):.1%}")
x, label = (tensor[:10] for tensor in house_numbers.load(tier, "test").tensors)
with torch.no_grad():
    drawn = nets["draws"](nets["reads"](x))
figure, axes = plots.subplots(2, 10, figsize=(8, 1.9))
for k, (above, below) in enumerate(axes.T):
    above.imshow(x[k].permute(1, 2, 0))
    below.imshow(drawn[k, 0], cmap="gray", vmin=0, vmax=1)
    above.axis("off")
    below.axis("off")
plots.show(figure, "Ten house numbers, and the plain digits that were painted from their features")

# %% test="trained" points=4
tensors = student.artifact("translation")
holds(
    "reads.scores.weight" in tensors
    and "draws.0.weight" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "translation.safetensors does not hold the trained reader and painter",
    "finite tensors reads.features.0.weight, …, draws.0.weight, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `nets`",
)
### BEGIN HIDDEN TESTS
judge("translation", tensors, 4)

# %% [markdown]
# ## 3 There and back (6 points, 30 minutes)
#
# No labels in either domain now: bars, and rings, each at some angle. What was learned from labels before must come from
# elsewhere: **whoever goes there and comes back must be at home** (cycle consistency: CycleGAN, DiscoGAN, both 2017).

# %%
bars, _, rings, _ = poses.load(tier, "train").tensors
apart = TensorDataset(bars, rings)
figure, axes = plots.subplots(2, 8, figsize=(7, 2))
for k, (above, below) in enumerate(axes.T):
    above.imshow(bars[k], cmap="gray")
    below.imshow(rings[k], cmap="gray")
    above.axis("off")
    below.axis("off")
plots.show(figure, "Eight bars at some angles above eight rings at other angles")

# %% [markdown]
# By hand, with numbers for pictures: `there` adds 3, `back` takes 2 away. x = 5, y = 1. How far from home is each?

# %%
abs((5 + 3 - 2) - 5) + abs((1 - 2 + 3) - 1)

# %% solution="cycle_loss"
# Two means of absolute differences, added up.

# %% test="cycle_loss_values" points=3
x, y = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[4.0, 0.0], [1.0, 1.0], [2.0, 6.0]])
got = student.cycle_loss(lambda x: 3 * x, lambda y: y - 1, x, y)
expected = torch.tensor((1 + 3 + 5 + 9) / 4 + (5 + 3 + 1 + 1 + 1 + 9) / 6)
hint = "|3x - 1 - x| on the way from X, |3(y - 1) - y| on the way from Y"
mistakes = {
    "only X comes home": (torch.tensor(18 / 4), "Y has a way there and back, too"),
    "only Y comes home": (torch.tensor(20 / 6), "X has a way there and back, too"),
    "squares": (torch.tensor((1 + 9 + 25 + 81) / 4 + (25 + 9 + 1 + 1 + 1 + 81) / 6), "absolute differences"),
    "sums over the batch": (torch.tensor(38.0), "a mean for each"),
    "the two are averaged": (torch.tensor((18 / 4 + 20 / 6) / 2), "the sum of the two means"),
    "x is compared with what it became": (
        lambda: (3 * x - x).abs().mean() + (y - 1 - y).abs().mean(),
        "there, and back again",
    ),
}
close(got, expected, "cycle_loss where `there` is 3x and `back` is y - 1", hint, mistakes=mistakes)
a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(0.3, requires_grad=True)
flows(student.cycle_loss(lambda x: a * x, lambda y: b * y, x, y), {"`there`": a, "`back`": b}, "cycle_loss")
### BEGIN HIDDEN TESTS
for n, d in ((2, 3), (5, 2)):
    A, B = torch.randn(d, d, requires_grad=True), torch.randn(d, d, requires_grad=True)
    x, y = torch.randn(n, d), torch.randn(n + 1, d)
    there, back = (lambda x, A=A: torch.tanh(x @ A)), (lambda y, B=B: torch.sin(y @ B) + y)
    wanted = (back(there(x)) - x).abs().mean() + (there(back(y)) - y).abs().mean()
    got = student.cycle_loss(there, back, x, y)
    close(got, wanted, f"cycle_loss of {n} and {n + 1} rows", "there and back, back and there")
    follows(got, {"`there`": A, "`back`": B}, wanted, "cycle_loss")

# %% [markdown]
# What will a bar become? A ring, the judge sees to that. At which angle? To find out, measure it: the **axis of inertia** of the
# ink. Weigh each pixel by its ink; take the mean place, the variances of x and y about it, and their covariance; then
#
# $$\text{angle} = \tfrac12 \operatorname{atan2}(2\operatorname{cov}, \operatorname{var}_x - \operatorname{var}_y).$$
#
# Three pixels of ink on the diagonal from the lower left to the upper right: which signs has the covariance, y being *up*?

# %%
place = torch.tensor([-1.0, 0.0, 1.0])
var, cov = (place**2).mean(), (place * place).mean()
torch.rad2deg(torch.atan2(2 * cov, var - var) / 2)

# %% solution="pose"
# Rows of a picture run down: y is minus their number. Ink over its sum makes weights; means and variances are weighted sums.

# %% test="pose_values" points=3
pictures = torch.zeros(4, 5, 5)
for k in range(5):
    pictures[0, 4 - k, k] = 1.0
    pictures[1, 2, k] = 2.0
    pictures[2, k, 3] = 1.0
pictures[3, 1, 0], pictures[3, 2, 2], pictures[3, 3, 4] = 1.0, 1.0, 1.0
degrees = torch.rad2deg(
    shaped(student.pose(pictures), (4,), "pose of four pictures", "an angle for each: (B,)")
)
what = "pose, in degrees, of a line that rises to the right, a level one, and one that falls by 1 in 2"
hint = "y is up; half of atan2(2 cov, var x - var y)"
mistakes = {
    "it turns the other way": ([-45.0, 0.0, 26.5651], "rows run down, y runs up"),
    "the whole angle, not half": ([90.0, 0.0, -53.1301], "half of atan2"),
    "x and y have changed places": ([45.0, 90.0, -63.4349], "var x - var y"),
}
close(degrees[[0, 1, 3]], [45.0, 0.0, -26.5651], what, hint, atol=1e-2, mistakes=mistakes)
what = "pose, in degrees, of an upright line"
mistakes = {"it lies down": (torch.tensor(0.0), "atan2 of two numbers: atan of their quotient loses a sign")}
close(degrees[2].abs(), torch.tensor(90.0), what, "90 or -90", atol=1e-2, mistakes=mistakes)
corner = torch.zeros(1, 5, 5)
corner[0, 0, :2] = 1.0
got = torch.rad2deg(shaped(student.pose(corner), (1,), "pose of a picture", "(B,)"))
what = "pose, in degrees, of a level line in the upper left corner"
hint = "variances and covariance are about the mean place of the ink, wherever that is"
mistakes = {"about the middle of the picture": ([-52.0181], "the mean place of the *ink*")}
close(got, torch.zeros(1), what, hint, atol=1e-2, mistakes=mistakes)
what = "pose of the same pictures with seven times the ink"
close(student.pose(7 * pictures), student.pose(pictures), what, "ink over the sum of its picture", atol=1e-4)
### BEGIN HIDDEN TESTS
from course_utils.data import poses

for angle in (torch.linspace(-1.0, 1.0, 7), torch.tensor([0.3])):
    for draw in (poses.bars, poses.rings):
        got = student.pose(draw(angle))
        close(got, reference.pose(draw(angle)), f"pose of {len(angle)} turned shapes", atol=1e-4)
ink = torch.rand(6, 7, 7) ** 8
what = "pose of scattered ink, its mean not in the middle"
close(student.pose(ink), reference.pose(ink), what, "about the mean place", atol=1e-3)

# %% given="correlation,perceptron,Between,learn_between,aligned"

# %% [markdown]
# **Predict.** Angles run from -60° to 60° in both domains, none more often than another. A bar at 40°: at which angle will the
# ring be? Is there more than one answer that fools both judges *and* comes home? Train from three beginnings, and look.

# %% trains="translation"
between = [learn_between(Between(), apart, Run("between", seed, "cpu")) for seed in range(3)]
held, held_angles, *_ = poses.load(tier, "test").tensors
figure, axes = plots.subplots(1, 3, figsize=(8, 2.8), sharey=True)
for ax, net in zip(axes, between):
    with torch.no_grad():
        became = pose(net.there(held))
    ax.scatter(torch.rad2deg(held_angles), torch.rad2deg(became), s=4)
    ax.set(xlabel="angle of the bar", title=f"correlation {aligned(net):.3f}")
axes[0].set_ylabel("angle of its ring")
plots.show(
    figure, "Angles of rings over angles of the bars they were made from, for nets from three beginnings"
)

# %% [markdown]
# Each found an order in which nobody had put them: angle goes to angle. But *which* angle is left to chance: up for up, or up
# for down. Both come home, and both fool the judges. In the chapter: what may decide it.

# %% [markdown]
# Not marked: `learn_between(…, pairs=(some bars, their rings))` knows a few pairs. How many does it take to decide the direction?
# `poses.bars(torch.tensor([0.8]))` draws one bar.

# %% [markdown]
# ## 4 A latent space that both share (4 points, 20 minutes)
#
# Instead of coming home in pixels, let both domains pass through **one latent space** (UNIT, Liu et al., 2017). A picture is
# encoded; from the same latent z one path leads back to its own domain, another one to the other. Around the encoder's mean
# there is noise of variance 1, and means far from 0 cost |mean|²/2 nats, as in a variational autoencoder. By hand: mean
# (3, 4), noise (0, 1). What is z, and how many nats?

# %%
(3 + 0, 4 + 1), (3**2 + 4**2) / 2

# %% solution="unit_losses"
# One z for both paths. The divergence: a sum over D, a mean over the batch.

# %% test="unit_losses_values" points=4
asked = []


def encode(x, domain):
    asked.append(("encode", int(domain)))
    return torch.cat([x + domain, x], dim=1)


def decode(z, domain):
    asked.append(("decode", int(domain)))
    return z[:, :1] * (1 + domain) + z[:, 1:]


x, e = torch.tensor([[2.0], [4.0], [0.0]]), torch.tensor([[0.0, 1.0], [-1.0, 0.0], [3.0, 0.0]])
got = student.unit_losses(encode, decode, x, 1, 4, e)
holds(
    isinstance(got, tuple | list) and len(got) == 3,
    "unit_losses must give three things",
    "reconstruction, divergence, translation",
    f"{len(got)} things" if isinstance(got, tuple | list) else type(got).__name__,
    "see `Returns`",
)
z = torch.tensor([[3.0, 3.0], [4.0, 4.0], [4.0, 0.0]])  # means (3, 2), (5, 4), (1, 0), and noise
expected = (2 * z[:, :1] + z[:, 1:] - x).abs().mean()
hint = "|decode(z, own) - x|, its mean; z = mean + e"
mistakes = {
    "the noise is missing": (torch.tensor((6 + 10 + 2) / 3), "z = mean + e"),
    "the other domain's picture is compared with x": (
        (5 * z[:, :1] + z[:, 1:] - x).abs().mean(),
        "reconstruction stays in its own domain",
    ),
    "squares": ((2 * z[:, :1] + z[:, 1:] - x).square().mean(), "absolute errors"),
}
close(got[0], expected, "the reconstruction's error", hint, mistakes=mistakes)
hint = "|mean|²/2 for each picture, then the mean over the batch"
mistakes = {
    "of z, not of its mean": (torch.tensor((18 + 32 + 16) / 6), "the noise is no part of it"),
    "it is not halved": (torch.tensor(55 / 3), "|mean|²/2"),
    "the mean over D": (torch.tensor(55 / 12), "a sum over the D numbers"),
    "the sum over the batch": (torch.tensor(55 / 2), "a mean over the batch"),
}
close(got[1], torch.tensor((13 + 41 + 1) / 6), "the divergence", hint, mistakes=mistakes)
mistakes = {
    "it stays in its own domain": (2 * z[:, :1] + z[:, 1:], "decode for the other"),
    "it is made without the noise": ([[17.0], [29.0], [5.0]], "the same z takes both paths"),
}
close(got[2], 5 * z[:, :1] + z[:, 1:], "the translation", "decode(z, other)", mistakes=mistakes)
hint = "x is of domain `own`"
got = [domain for what, domain in asked if what == "encode"][:1]
equal(got, [1], "the domain whose encoder is asked", hint)
W, V = torch.randn(3, 2, requires_grad=True), torch.randn(2, 3, requires_grad=True)
args = (lambda x, k: x @ W, lambda z, k: z @ V, torch.randn(2, 3), 0, 1, torch.randn(2, 2))
reconstruction, divergence, translated = student.unit_losses(*args)
flows(reconstruction, {"the encoder": W, "the decoder": V}, "the reconstruction's error")
flows(divergence, {"the encoder": W}, "the divergence")
flows(translated, {"the encoder": W, "the decoder": V}, "the translation")
### BEGIN HIDDEN TESTS
for b, n, d in ((3, 4, 2), (1, 2, 5)):
    W, V = torch.randn(2, n, d, requires_grad=True), torch.randn(2, d, n, requires_grad=True)
    encode, decode = (lambda x, k, W=W: torch.tanh(x @ W[k])), (lambda z, k, V=V: torch.sin(z @ V[k]))
    for own in (0, 1):
        args = (encode, decode, torch.randn(b, n), own, 1 - own, torch.randn(b, d))
        got, wanted = student.unit_losses(*args), reference.unit_losses(*args)
        for name, one, other in zip(
            ("the reconstruction's error", "the divergence", "the translation"), got, wanted
        ):
            close(one, other, f"{name} of {b} pictures of domain {own}")
            follows(one, {"the encoders": W, "the decoders": V}, other, name)

# %% given="learn_to_share"

# %% trains="translation"
shared = learn_to_share(
    Between(shared=True), apart, Run("share", 0, "cpu"), steps=300 if tier == "mini" else 600
)
print(f"correlation of angles {aligned(shared):.3f}")

# %% [markdown]
# ## 5 Content in its place (2 points, 8 minutes)
#
# From simulation to reality (GraspGAN, 2017): a translated scene must look real *and* keep where its objects are, or a robot that learns from
# it grasps at nothing. How well content was kept is measured by masks: **intersection over union**. By hand: a mask of 6 pixels, one of
# 4, 3 in common. And if there is nothing in either?

# %%
3 / (6 + 4 - 3)

# %% solution="iou"
# & and | of masks. Without a pixel in either: nothing is wrong, so 1; and no 0/0.

# %% test="iou_values" points=2
found = torch.zeros(4, 2, 5, dtype=torch.bool)
true = found.clone()
found[0, 0], found[0, 1, 0], true[0, 0, 2:], true[0, 1, 4] = True, True, True, True
true[1, 0, 0], found[2], true[2] = True, True, True
got = student.iou(found, true)
expected = [3 / 7, 0.0, 1.0, 1.0]
what = "iou of masks of 6 and 4 pixels with 3 in common, of none and one, of full ones, and of two empty ones"
mistakes = {
    "over the true mask": ([0.75, 0.0, 1.0, 1.0], "over the union"),
    "the Dice coefficient": ([0.6, 0.0, 1.0, 1.0], "intersection over union"),
    "the share of pixels that agree": ([0.6, 0.9, 1.0, 1.0], "the ground does not count"),
    "two empty masks": ([3 / 7, 0.0, 1.0, 0.0], "nothing is wrong there: 1"),
    "two empty masks give 0/0": ([3 / 7, 0.0, 1.0, torch.nan], "nothing is wrong there: 1"),
    "all pictures at once": (torch.tensor(13 / 18), "one number for each picture: (B,)"),
}
close(got, expected, what, "3 of 7; 0 of 1; 10 of 10; and where both are empty, 1", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for b, side in ((3, 4), (6, 7)):
    found, true = torch.rand(2, b, side, side) < 0.4
    wanted = torch.tensor(
        [
            len(set(a) & set(c)) / max(1, len(set(a) | set(c)))
            for a, c in (
                ([tuple(p) for p in m.nonzero().tolist()] for m in both) for both in zip(found, true)
            )
        ]
    )
    wanted[~(found | true).flatten(1).any(1)] = 1.0
    close(student.iou(found, true), wanted, f"iou of {b} random masks", "picture by picture")
dot = torch.zeros(2, 3, 3, dtype=torch.bool)
dot[0, 1, 1] = True
close(student.iou(dot, dot), torch.ones(2), "iou of a dot with itself, and of nothing with itself", "1 of 1")

# %% [markdown]
# ## 6 Sentences (9 points, 22 minutes and the machine's)
#
# Two languages, and no sentence of which we have both: here a small language and its *cipher*, in which words have their letters backwards
# and stand in another order. We know the truth, and so can count how many sentences come out *without an error*.

# %%
texts = cipher.load(tier, "train")
for x, y in zip(*(words[:3] for words in texts.tensors)):
    print(f"{cipher.say(x, 0):42} {cipher.say(y, 1)}")

# %% [markdown]
# Where to begin? With what can be counted: the commonest word here is likely the commonest there. A **first dictionary**: word of
# rank r, for word of rank r. By hand: counts 5, 9, 2 in the first language, 80, 10, 40 in the second. Which goes to which?

# %%
[2, 0, 1]  # 9 and 80 are the commonest, 5 and 40 come second, 2 and 10 are the rarest

# %% solution="by_frequency"
# argsort(descending=True) gives the words in order of rank, for each language. Entry i: the partner of word i.

# %% test="by_frequency_values" points=2
first, second = torch.tensor([5, 9, 2, 7]), torch.tensor([80, 10, 40, 30])
got = student.by_frequency(first, second)
what = "by_frequency of the counts 5, 9, 2, 7 and 80, 10, 40, 30"
mistakes = {
    "the second language's words, in order of rank": (
        [0, 2, 3, 1],
        "entry i belongs to word i of the first language, not to the i-th commonest",
    ),
    "from the rarest on, on one side": ([2, 1, 0, 3], "both from the commonest on"),
    "ranks, not words": ([2, 0, 3, 1], "the word that has this rank in the second"),
    "from the second language to the first": ([1, 2, 3, 0], "the partner of the first's words"),
}
close(got, [3, 0, 1, 2], what, "9 is the commonest, it goes to 80, which is word 0", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for k in (3, 7, 12):
    first, second = torch.randperm(3 * k)[:k], torch.randperm(5 * k)[:k]
    wanted = [
        next(j for j in range(k) if (second > second[j]).sum() == (first > first[i]).sum()) for i in range(k)
    ]
    got = student.by_frequency(first, second)
    close(got, torch.tensor(wanted), f"by_frequency of {k} words", "rank for rank")

# %% [markdown]
# A dictionary does not know the order. That comes from knowing each language by itself: take a sentence, **drop** some words, let
# the others **overtake** each other a little, and learn to repair it. By hand: words a b c d at places 0 to 3; all v are 0 but b's, which is 0.9; no word may overtake one more than 1 place away, so the place of b becomes 1 + 2 · 0.9. Which order?

# %%
sorted("abcd", key={"a": 0, "b": 1 + 2 * 0.9, "c": 2, "d": 3}.get)

# %% solution="noised"
# Which words are gone? Give them a place behind all others, then sort. tensor.gather(1, order) brings columns into an order.

# %% test="noised_values" points=4
words = torch.tensor([[5, 6, 7, 8, 0], [9, 8, 7, 0, 0]])
u = torch.tensor([[0.9, 0.9, 0.9, 0.9, 0.9], [0.9, 0.1, 0.9, 0.9, 0.9]])
v = torch.tensor([[0.0, 0.9, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
got = student.noised(words, u, v, 0.2, 1)
expected = [[5, 7, 6, 8, 0], [9, 7, 0, 0, 0]]
what = "noised of 5 6 7 8, where 6 is put behind 7, and of 9 8 7, where 8 is dropped"
mistakes = {
    "nothing moves": ([[5, 6, 7, 8, 0], [9, 7, 0, 0, 0]], "place i + (reach + 1) · v"),
    "a dropped word leaves a hole": (
        [[5, 7, 6, 8, 0], [9, 0, 7, 0, 0]],
        "those that are left move to the front",
    ),
    "the others are dropped": ([[0, 0, 0, 0, 0], [8, 0, 0, 0, 0]], "dropped where u < drop"),
    "nothing is dropped": ([[5, 7, 6, 8, 0], [9, 8, 7, 0, 0]], "dropped where u < drop"),
}
close(got, expected, what, "5 7 6 8, and 9 7 with nothing behind it", mistakes=mistakes)
v = torch.tensor([[0.9, 0.0, 0.0, 0.0, 0.0]])
got = student.noised(words[:1], u[1:], v, 0.2, 1)
what = "noised with reach 1 of 5 6 7 8, where 6 is dropped and the first v is 0.9"
mistakes = {
    "places are counted anew after words were dropped": (
        [[7, 5, 8, 0, 0]],
        "i is the place in the sentence as it came in",
    )
}
close(got, [[5, 7, 8, 0, 0]], what, "5 gets the place 1.8, and 7 stands at 2 as before", mistakes=mistakes)
v = torch.tensor([[0.8, 0.0, 0.0, 0.0, 0.0], [0.0, 0.99, 0.0, 0.0, 0.0]])
got = student.noised(words, torch.ones(2, 5), v, 0.2, 2)
what = "noised with reach 2 of 5 6 7 8, the first v being 0.8, and of 9 8 7, the second being 0.99"
hint = "5 gets the place 0 + 3 · 0.8 = 2.4; padding stays behind all words, whatever its v"
mistakes = {
    "reach, not reach + 1": ([[6, 5, 7, 8, 0], [9, 7, 8, 0, 0]], "(reach + 1) · v"),
    "padding comes between words": (
        [[6, 7, 5, 8, 0], [9, 7, 0, 8, 0]],
        "whatever is no word goes behind all words",
    ),
}
close(got, [[6, 7, 5, 8, 0], [9, 7, 8, 0, 0]], what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for b, t, drop, reach in ((4, 6, 0.3, 2), (3, 9, 0.0, 1), (5, 4, 0.5, 3), (3, 5, 1.0, 2), (4, 7, 0.2, 0)):
    words, (u, v) = torch.randint(1, 30, (b, t)), torch.rand(2, b, t)
    lengths = torch.randint(0, t + 1, (b,))
    words = words.masked_fill(torch.arange(t) >= lengths[:, None], 0)
    wanted = []
    for row in range(b):
        left = [i for i in range(int(lengths[row])) if u[row, i] >= drop]
        left.sort(key=lambda i, row=row: i + (reach + 1) * v[row, i].item())
        wanted.append([int(words[row, i]) for i in left] + [0] * (t - len(left)))
    got = student.noised(words, u, v, drop, reach)
    hint = "drop where u < drop, sort the rest by i + (reach + 1) · v, fill up with 0"
    close(got, torch.tensor(wanted), f"noised of {b} sentences, drop {drop}, reach {reach}", hint)
u[:, ::2] = 0.0  # which is not below a share of 0
same = shaped(student.noised(words, u, v, 0.0, 0), (b, t), "noised with nothing dropped and reach 0")
hint = "nothing overtakes, and nothing is dropped where u is not less than drop: the same"
holds((same == words).all(), "noised with nothing dropped and reach 0", words, same, hint)

# %% [markdown]
# And between the languages: **back-translation**. The net writes a sentence of ours in the other language, as badly as it can so far.
# Then it must find *our* sentence, which is a real one, from its own bad translation. So it always learns to write good
# sentences from bad ones, never the other way round. Which way leads the cost: from the guess to x, or from x to the guess?

# %% solution="back_translation"
# with torch.no_grad(): around the writing alone keeps nothing for a gradient; .detach() throws away what was kept.

# %% test="back_translation_values" points=3
said = []
W, V = torch.tensor(3.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)


def write(x, of, to):
    said.append(("write", int(of), int(to)))
    return W * x + 10 * to


def cost(source, of, target, to):
    said.append(("cost", int(of), int(to)))
    return (V * source - target).square().mean() + 100 * of


x = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
wanted = (V * (3 * x + 40) - x).square().mean() + 400
got = student.back_translation(write, cost, x, 2, 4)
equal(said[:1], [("write", 2, 4)], "what is asked first: who, from which language, to which", "x is of `own`")
what = "the cost of coming back, with a translator of numbers"
mistakes = {
    "it is the cost of the guess, given x": (
        (V * x - (3 * x + 40)).square().mean() + 200,
        "what must be found is x: it is the target",
    ),
    "x is to be found from itself": ((V * x - x).square().mean() + 200, "from the guess"),
    "languages have changed places": (
        (V * (3 * x + 40) - x).square().mean() + 200,
        "the guess is of language `other`",
    ),
}
close(got, wanted, what, "cost(guess, other, x, own)", mistakes=mistakes)
into = slopes(got, {"the translator that learns": V, "the writing": W}, "back_translation")
what = "back_translation sends a gradient through the writing"
hint = "with torch.no_grad(): around write, or .detach() what it wrote"
holds(into[1] is None or not into[1].any(), what, "none", into[1], hint)
leaves = {"the translator that learns": V}
follows(got, leaves, wanted, "back_translation", "the cost itself must not stand under no_grad")
### BEGIN HIDDEN TESTS
for own, other in ((0, 1), (1, 0)):
    x, A = torch.randn(3, 4), torch.randn(4, 4, requires_grad=True)

    def write(x, of, to):
        return torch.sin(x + of) + 3 * to

    def cost(s, of, t, to, A=A):
        return (torch.tanh(s @ A) - t).abs().mean() + of - 2 * to

    got = student.back_translation(write, cost, x, own, other)
    wanted = cost(write(x, own, other), other, x, own)
    close(got, wanted, f"the cost of coming back to language {own}")
    follows(got, {"the translator that learns": A}, wanted, "back_translation")

# %% given="Speaker,without_end,counts,dictionary,learn_to_speak,exact"

# %% [markdown]
# One net for both languages and both directions; your dictionary gives partners the same vector to begin with. **Predict**: how many of
# 500 unseen sentences does it translate without an error, having seen no pair?

# %% trains="translation"
found = dictionary(texts)
truth = torch.tensor(cipher.partners())
run = Run("speaking", 0, "cpu")
speaker = learn_to_speak(texts, run)
print(f"first dictionary: {(found == truth)[len(MARKS) :].sum()} of {cipher.WORDS - len(MARKS)} words right")
pairs = cipher.load(tier, "test").tensors
print(
    f"word for word:    {(found[pairs[0]] == pairs[1]).all(1).float().mean():.1%} of sentences without an error"
)
print(f"after training:   {exact(speaker):.1%}, and {exact(speaker, of=1):.1%} on the way back")
with torch.no_grad():
    said = speaker.write(without_end(pairs[0][:4]), 0, 1)
for x, y in zip(pairs[0], said):
    print(f"{cipher.say(x, 0):42} {cipher.say(y, 1)}")

# %% [markdown]
# With words held as here, each of three beginnings gets there. Try `learn_to_speak(texts, Run("speaking", 0, "cpu"), held=1.0)`, where
# words are free to move from the start: about one sentence in four. Which kinds of words have changed places? And which of your losses
# could see that?
#
# **Hand in** this notebook and `translation.safetensors`; `course_utils.colab.submit("translation")` packs both.
