# %% [markdown]
# Two photographs of one thing: a point is marked in the first; where is it in the second? Nobody has labelled any points.
# You will let features choose, then let neighbours vote, then train a net on nothing but "this is the same, this is
# not". At the end you do without a second picture: a net's own key points, in space, and the camera's turn from them.
#
# The chapter *Which point is which* of the book is the companion to this lab; nothing in it is needed that is not said
# here. Shapes: B pairs of pictures; the first has H × W places, the second K × L; C features; N key points.

# %%
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import aeroplanes, warps
from course_utils.training import Run, pretrained, record

# %% given="Config,config,features,featured"

# %% [markdown]
# The views: a photograph, the same one through a warp and in other light, and another photograph. Of each the course's
# own net (at the full tier SqueezeNet) makes features on a grid of places.

# %%
how = config(tier)
views = warps.load(tier, "val").tensors
f, g, other, true = (part[:8] for part in featured(tier, "val").tensors)
figure, axes = plots.subplots(3, 6, figsize=(9, 4.4))
for row, pictures in zip(axes, views):
    for ax, picture in zip(row, pictures):
        ax.imshow(picture.permute(1, 2, 0))
        ax.axis("off")
print("features", tuple(f.shape), "and where each place truly went", tuple(true.shape))
plots.show(
    figure,
    "Six photographs, below each the same one warped and recoloured, and below that another photograph",
)

# %% [markdown]
# ## 1 How alike? (2 points, 6 minutes)
#
# A place of the first picture has a vector of C features, a place of the second too. How alike they are says the cosine
# of the angle between them: the scalar product, each vector divided by its length first. By hand: how alike are (3, 4)
# and (2, 0)?

# %%
(3 * 2 + 4 * 0) / (5 * 2)

# %% [markdown]
# Every place against every place: a table with *four* axes beside the batch, row and column in the first picture, row
# and column in the second. One `einsum` makes it.

# %% solution="correlation"
# First make every feature vector 1 long: along which axis do the features lie?

# %% test="correlation_values" points=2
f, g = torch.tensor([[[[3.0]], [[4.0]]]]), torch.tensor([[[[2.0, 0.0]], [[0.0, 5.0]]]])
got = student.correlation(f, g)
expected = torch.tensor([0.6, 0.8]).view(1, 1, 1, 1, 2)
what = "correlation of (3, 4) with (2, 0) and (0, 5)"
mistakes = {
    "the vectors keep their lengths": (
        torch.tensor([6.0, 20.0]).view(1, 1, 1, 1, 2),
        "divide by both lengths",
    ),
    "only one of the two is brought to length 1": (
        torch.tensor([1.2, 4.0]).view(1, 1, 1, 1, 2),
        "both pictures' features",
    ),
}
close(got, expected, what, "scalar product of vectors of length 1", mistakes=mistakes)
leaves = {name: torch.randn(1, 3, 2, 2, requires_grad=True) for name in "fg"}
flows(student.correlation(leaves["f"], leaves["g"]), leaves, "correlation")


### BEGIN HIDDEN TESTS
def cosines(f, g):
    one, two = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-6) for x in (f, g))
    return (one.flatten(2).mT @ two.flatten(2)).view(len(f), *f.shape[2:], *g.shape[2:])


for b, c, h, w, k, l in ((2, 3, 2, 4, 3, 5), (1, 6, 3, 3, 3, 3), (3, 1, 1, 2, 2, 1)):
    f, g = torch.randn(b, c, h, w), torch.randn(b, c, k, l)
    got = student.correlation(f, g)
    expected = cosines(f, g)
    hint = "(B, H, W, K, L): the first picture's row and column come first"
    mistakes = {
        "lengths are taken over places, not features": (
            lambda f=f, g=g: torch.einsum(
                "bchw,bckl->bhwkl", f / f.norm(dim=(2, 3), keepdim=True), g / g.norm(dim=(2, 3), keepdim=True)
            ),
            "one length for each place: over the C features",
        )
    }
    close(got, expected, f"correlation of {(b, c, h, w)} and {(b, c, k, l)}", hint, mistakes=mistakes)
got = student.correlation(torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 2))
expected = torch.zeros(1, 1, 1, 1, 2)
close(got, expected, "correlation with features of zero", "a length below 1e-6 counts as 1e-6")
got = student.correlation(torch.full((1, 4, 1, 1), 1e-7), torch.ones(1, 4, 1, 1))
expected = torch.full((1, 1, 1, 1, 1), 0.2)
close(got, expected, "correlation with tiny features", "a length below 1e-6 counts as 1e-6; it is not added")
got = student.correlation(torch.full((1, 1, 1, 1), 2e-6), torch.ones(1, 1, 1, 1))
expected = torch.ones(1, 1, 1, 1, 1)
close(got, expected, "correlation with small features", "only a length below 1e-6 counts as 1e-6")
f, g = leaves.values()
follows(student.correlation(f, g), leaves, cosines(f, g), "correlation")

# %% [markdown]
# ## 2 The best, and the best for both (6 points, 18 minutes)
#
# The simplest match: for each place of the first picture the place of the second that is most like it. A place is to be
# given as (x, y) from -1 to 1, x to the right, y down. In a row of 4 places, where are the middles? Count before you run.

# %%
print(warps.centres(1, 4)[0, :, 0].tolist())
print("argmax in a flattened table of 2 × 4:", torch.tensor([[0, 1, 0, 0], [0, 0, 9, 0]]).argmax().item())

# %% solution="matches"
# Flatten K and L into one axis; the number that argmax gives is row · L + column.

# %% test="matches_values" points=2
c = torch.zeros(1, 1, 2, 2, 4)
c[0, 0, 0, 1, 2], c[0, 0, 1, 0, 3] = 1, 1
got = student.matches(c)
what = "matches where (row 1, column 2) and (row 0, column 3) of 2 × 4 places are the best"
hint = "(x, y) for each place of the first picture; the middle of column j of L is (2j + 1) / L - 1"
mistakes = {
    "y comes before x": ([[[[0.5, 0.25], [-0.5, 0.75]]]], "(x, y): the column makes x"),
    "corners instead of middles": ([[[[0.0, 0.0], [0.5, -1.0]]]], "add half a place"),
    "the first and the last place are at -1 and 1": (
        [[[[1 / 3, 1.0], [1.0, -1.0]]]],
        "-1 and 1 are the picture's borders, not the middles of its outer places",
    ),
}
close(got, [[[[0.25, 0.5], [0.75, -0.5]]]], what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape in ((2, 3, 2, 4, 5), (1, 1, 4, 3, 3), (2, 2, 2, 1, 6), (1, 2, 1, 5, 2)):
    c = torch.randn(*shape)
    got = student.matches(c)
    hint = "row · L + column: divide by the number of columns; K makes y, L makes x"
    mistakes = {
        "the best of the first picture for each place of the second": (
            lambda c=c: reference.matches(c.permute(0, 3, 4, 1, 2)),
            "the result has a place for each (i, j) of the first picture",
        )
    }
    close(got, reference.matches(c), f"matches of correlations {shape}", hint, mistakes=mistakes)

# %% [markdown]
# A place that is chosen need not choose back. Draw arrows for this table of 3 places against 3 (rows choose columns):
# which of the three rows are chosen back?

# %%
table = torch.tensor([[0.9, 0.1, 0.3], [0.8, 0.2, 0.4], [0.2, 0.3, 0.7]])
print("rows choose columns", table.argmax(1).tolist(), "and columns choose rows", table.argmax(0).tolist())

# %% solution="is_mutual"
# Write the table of H · W against K · L places; whom does each row choose, and whom does that one choose?

# %% test="is_mutual_values" points=2
table = torch.tensor([[0.9, 0.1, 0.3], [0.8, 0.2, 0.4], [0.2, 0.3, 0.7]])
got = student.is_mutual(table.view(1, 1, 3, 1, 3))
hint = "rows 0 and 1 choose column 0, which chooses row 0"
mistakes = {
    "all are chosen back": (torch.tensor([[[True, True, True]]]), "whom does the chosen place choose?")
}
equal(got, torch.tensor([[[True, False, True]]]), "is_mutual of the table above", hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for b, h, w, k, l in ((2, 3, 4, 2, 5), (1, 4, 4, 4, 4), (3, 1, 5, 3, 2)):
    c = torch.randn(b, h, w, k, l)
    wanted = torch.zeros(b, h, w, dtype=torch.bool)
    for n in range(b):
        for i in range(h):
            for j in range(w):
                p, q = divmod(c[n, i, j].argmax().item(), l)
                wanted[n, i, j] = c[n, i, j, p, q] == c[n, :, :, p, q].max()
    what = f"is_mutual of correlations {(b, h, w, k, l)}"
    equal(student.is_mutual(c), wanted, what, "for each place of the first picture; each pair by itself")
c = -1 - torch.rand(1, 3, 3, 2, 2)
what = "is_mutual of negative correlations: whether anything is mutual"
equal(student.is_mutual(c).sum().item() > 0, True, what, "the largest of all is always mutual")

# %% [markdown]
# How good are matches? The usual measure is the **share of correct points** (PCK): a match counts as correct if it is no
# farther from the true one than a given share of the picture's side. A side is 2 long here.

# %% solution="pck"

# %% test="pck_values" points=2
found = torch.tensor([[0.0, 0.0], [0.9, 0.0], [0.375, 0.5], [0.0, 0.0]])
true = torch.tensor([[0.1, 0.0], [0.0, 0.0], [0.0, 0.0], [1.2, 0.0]])
got = student.pck(found, true, 0.1)
what = "pck of four points, reach 0.1: one is 0.1 away, one 0.9, one 0.625, and one's true match is outside"
mistakes = {
    "a place whose true match is outside counts": (0.25, "it is `true`, with both coordinates, that decides")
}
close(got, 1 / 3, what, "one of the three that count", mistakes=mistakes)
got = student.pck(found, true, 0.3125)
what = "pck of the same points, reach 0.3125"
mistakes = {
    "a distance of exactly 0.625 is left out": (1 / 3, "is a side 2 long for you, and does `exactly` count?"),
    "x and y are judged apart": (1.0, "the distance is the root of the sum of squares"),
}
close(got, 2 / 3, what, "0.3125 of a side of 2 is 0.625, and exactly that far counts", mistakes=mistakes)
### BEGIN HIDDEN TESTS
true, found = 2.4 * torch.rand(2, 3, 50, 2) - 1.2, torch.rand(2, 3, 50, 2) - 0.5
for reach in (0.05, 0.2, 0.4):
    inside = (true.abs() < 1).all(-1)
    near = ((found - true) ** 2).sum(-1).sqrt() <= 2 * reach
    expected = (near & inside).sum().item() / inside.sum().item()
    hint = "both coordinates of the true match must be inside; divide by the number of points that count"
    close(student.pck(found, true, reach), expected, f"pck of 300 points, reach {reach}", hint, atol=1e-6)
edge = torch.tensor([[1.0, 0.0], [0.0, -1.0], [0.5, 0.0]])
got = student.pck(torch.tensor([[1.0, 0.0], [0.0, -1.0], [-0.5, 0.0]]), edge, 0.1)
close(got, 0.0, "pck where two true matches lie on the border", "strictly between -1 and 1")

# %%
c = correlation(f, g)
chosen_back = is_mutual(c)
print(f"standing still  {pck(warps.centres(how.grid, how.grid).expand_as(true), true, how.reach):.3f}")
print(f"the best        {pck(matches(c), true, how.reach):.3f}")
print(f"mutual ones     {pck(matches(c)[chosen_back], true[chosen_back], how.reach):.3f}, ", end="")
print(f"but only {chosen_back.float().mean():.0%} of the places are")

# %% [markdown]
# Features alone are a poor guide: skin is like skin. That both choose each other helps, and leaves most places without a
# match. Look at the matches of one pair: a line for every fourth place, from where it is to where it should have been.


# %%
def draw(ax, found, place, title):
    """Where the places of a photograph are found in the warped one, and a line from there to where they truly are."""
    shown = range(0, how.grid * how.grid, 5)
    ax.imshow(views[1][place].permute(1, 2, 0), extent=(-1, 1, 1, -1))
    for n in shown:
        a, b = found[place].flatten(0, 1)[n], true[place].flatten(0, 1)[n]
        if (b.abs() < 1).all():
            ax.plot(*torch.stack([a, b]).T, color=plots.COLOURS[1], linestyle="-", linewidth=1.2)
            ax.plot(*a, ".", color=plots.COLOURS[0])
    ax.set(title=title, xlim=(-1, 1), ylim=(1, -1))
    ax.axis("off")


figure, axes = plots.subplots(1, 3, figsize=(9, 3))
for ax, place in zip(axes, (0, 1, 2)):
    draw(ax, matches(c), place, f"pair {place}")
plots.show(
    figure, "Three warped photographs; long lines run from where a place was found to where it should be"
)

# %% [markdown]
# ## 3 A softer mutual (3 points, 8 minutes)
#
# "Chosen back or not" has no gradient. Softly: multiply each number of the table by how close it comes to the best of its
# row and by how close it comes to the best of its column. On paper: what becomes of 0.8 in the table of exercise 2?

# %%
0.8 * (0.8 / 0.9) * (0.8 / 0.8)

# %% solution="soft_mutual"
# amax over two axes at once, keepdim=True.

# %% test="soft_mutual_values" points=3
table = torch.tensor([[0.9, 0.1, 0.3], [0.8, 0.2, 0.4], [0.2, 0.3, 0.7]])
soft = [[0.9, 1 / 270, 3 / 70], [32 / 45, 1 / 30, 4 / 35], [4 / 315, 9 / 70, 0.7]]  # by hand
got = student.soft_mutual(table.view(1, 1, 3, 1, 3))
hint = "compare with what you worked out for 0.8, the first number of the second row"
mistakes = {
    "the ratios are there, the number itself is not": (
        torch.tensor([[1, 1 / 27, 1 / 7], [8 / 9, 1 / 6, 2 / 7], [4 / 63, 3 / 7, 1]]).view(1, 1, 3, 1, 3),
        "two ratios, and what do they weaken?",
    ),
    "only rows are compared": (
        torch.tensor([[0.9, 1 / 90, 0.1], [0.8, 0.05, 0.2], [2 / 35, 9 / 70, 0.7]]).view(1, 1, 3, 1, 3),
        "the best of its column counts as well",
    ),
    "only columns are compared": (
        torch.tensor([[0.9, 1 / 30, 9 / 70], [32 / 45, 2 / 15, 8 / 35], [2 / 45, 0.3, 0.7]]).view(
            1, 1, 3, 1, 3
        ),
        "the best of its row counts as well",
    ),
}
close(got, torch.tensor(soft).view(1, 1, 3, 1, 3), "soft_mutual of the table above", hint, mistakes=mistakes)
c = torch.rand(1, 2, 3, 2, 2, requires_grad=True)
flows(student.soft_mutual(c), {"c": c}, "soft_mutual")


### BEGIN HIDDEN TESTS
def softened(c):
    table = c.flatten(3).flatten(1, 2)
    of_second, of_first = table.amax(1, keepdim=True) + 1e-6, table.amax(2, keepdim=True) + 1e-6
    return (table**3 / of_second / of_first).view_as(c)


follows(student.soft_mutual(c), {"c": c}, softened(c), "soft_mutual")
for shape in ((2, 3, 2, 4, 3), (1, 1, 4, 2, 2), (3, 2, 2, 1, 5)):
    c = torch.rand(*shape)
    got = student.soft_mutual(c)
    expected = softened(c)
    hint = "the largest over *both* axes of a picture, of each pair by itself"
    mistakes = {
        "the largest of the whole batch": (
            lambda c=c: (
                c**3 / (c.amax((0, 1, 2), keepdim=True) + 1e-6) / (c.amax((0, 3, 4), keepdim=True) + 1e-6)
            ),
            "pairs do not know each other",
        ),
        "sums instead of the largest": (
            lambda c=c: c**3 / c.sum((1, 2), keepdim=True) / c.sum((3, 4), keepdim=True),
            "over the *largest* of the row and of the column",
        ),
    }
    close(got, expected, f"soft_mutual of correlations {shape}", hint, mistakes=mistakes)
got = student.soft_mutual(torch.zeros(1, 2, 2, 2, 2))
close(got, torch.zeros(1, 2, 2, 2, 2), "soft_mutual of zeros", "0 / 0: add 1e-6 to the largest")
got = student.soft_mutual(torch.full((1, 1, 1, 1, 1), 1e-6)) * 1e6
expected = torch.full((1, 1, 1, 1, 1), 0.25)
close(got, expected, "soft_mutual of 0.000001, times a million", "1e-6 is added to both largest ones")

# %% [markdown]
# Does the softened table have other *best* matches? For most places it has not: it weakens, it does not think. What it
# lacks is a look to the side.
#
# ## 4 Neighbours (6 points, 25 minutes)
#
# If the tip of an ear in one photograph is the tip of an ear in the other, then what is *left* of it must match what is
# left of it there. In the table: the entry (i, j, k, l) is supported by (i, j - 1, k, l - 1). Neighbours in four
# dimensions; so a convolution in four dimensions can see them.
#
# PyTorch has none. Ours goes in two steps: a 2-D convolution over the first picture's axes, as if every place of the
# second were another example; then one over the second picture's axes. (Enough channels in between, and every 4-D
# kernel is such a sum.) So the work is to bring the right axes to the right place: what is batch, what is channel?

# %% solution="conv4d"
# permute, reshape, F.conv2d; and back. Write the shape beside each line: mixed-up axes give no error here.

# %% test="conv4d_values" points=4
c = torch.zeros(1, 1, 3, 3, 3, 3)
c[0, 0, 1, 1, 1, 1] = 1.0
right, down = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
right[0, 0, 1, 2], down[0, 0, 2, 1] = 1.0, 1.0
wanted = torch.zeros(1, 1, 3, 3, 3, 3)
wanted[0, 0, 1, 0, 0, 1] = 1.0
got = student.conv4d(c, right, down)
what = "conv4d of a single 1 in the middle, first looking right, second looking down"
hint = "each output looks right in the first picture and down in the second: which one sees the 1?"
mistakes = {
    "the kernels are turned round": (
        wanted.flip(3, 4),
        "conv2d does not flip kernels, and neither should you",
    ),
    "the pictures are exchanged": (
        wanted.permute(0, 1, 4, 5, 2, 3),
        "`first` runs over H and W, `second` over K and L",
    ),
}
close(got, wanted, what, hint, mistakes=mistakes)
got = student.conv4d(torch.ones(1, 1, 1, 2, 3, 3), torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3))[0, 0, 0, 0]
what = "conv4d of ones with kernels of ones, at the first place of a 1 × 2 picture"
close(got, [[8.0, 12, 8], [12, 18, 12], [8, 12, 8]], what, "sizes stay: zeros stand around both pictures")
shapes = ((1, 2, 2, 3, 3, 2), (2, 2, 3, 3), (1, 2, 3, 3))
tensors = [torch.randn(*shape, requires_grad=True) for shape in shapes]
leaves = dict(zip(("c", "first", "second"), tensors))
flows(student.conv4d(*tensors), leaves, "conv4d")
### BEGIN HIDDEN TESTS
import itertools


def slow(c, first, second):
    """All offsets of a full 4-D kernel, one by one."""
    s, (h, w, k, l) = first.shape[-1], c.shape[2:]
    kernel = torch.einsum("miab,ompq->oiabpq", first, second)
    padded, total = F.pad(c, (s // 2,) * 8), 0
    for a, b, p, q in itertools.product(range(s), repeat=4):
        part = padded[:, :, a : a + h, b : b + w, p : p + k, q : q + l]
        total = total + torch.einsum("bihwkl,oi->bohwkl", part, kernel[:, :, a, b, p, q])
    return total


for b, i, m, o, s, size in (
    (2, 1, 3, 2, 3, (2, 3, 4, 2)),
    (1, 2, 2, 1, 5, (3, 3, 2, 4)),
    (2, 3, 1, 2, 1, (2, 1, 3, 3)),
    (1, 2, 5, 3, 3, (4, 2, 1, 3)),
):
    c, first, second = torch.randn(b, i, *size), torch.randn(m, i, s, s), torch.randn(o, m, s, s)
    what = f"conv4d of {tuple(c.shape)}, kernels {tuple(first.shape)} and {tuple(second.shape)}"
    hint = "all sizes differ here: does every reshape undo the permute before it?"
    close(student.conv4d(c, first, second), slow(c, first, second), what, hint, rtol=1e-3, atol=1e-3)
follows(student.conv4d(*tensors), leaves, slow(*tensors), "conv4d", rtol=1e-3, atol=1e-3)

# %% [markdown]
# Before anything is learned, set the kernels by hand: all nine neighbours that step aside *equally* in both pictures
# vote, and the mean of their votes counts. Nine channels in between are enough: the m-th looks at the m-th neighbour
# only, first in one picture, then in the other. Which of 3 · 3 · 3 · 3 = 81 offsets is that?

# %% solution="votes"
# Kernel m of `first` is all zeros but for one 1; torch.eye makes all of them at once.


# %% test="votes_values" points=2
def kernel_of(s):
    """The 4-D kernel (s, s, s, s) that conv4d makes of votes(s)."""
    first, second = pair(student.votes(s), f"votes({s})", "first and second")
    first = shaped(first, (s * s, 1, s, s), f"first of votes({s})", "s · s channels in between")
    second = shaped(second, (1, s * s, s, s), f"second of votes({s})", "s · s channels in between")
    return torch.einsum("miab,ompq->abpq", first.float(), second.float())


window = torch.rand(3, 3, 3, 3)  # the neighbours of an entry, itself in the middle
kernel = kernel_of(3)
inner = window.diagonal(dim1=0, dim2=2).diagonal(dim1=0, dim2=1)  # nine neighbours, in step
what = "the vote of an entry's neighbours: the mean over the nine that step aside equally in both pictures"
hint = "kernel m of `second` must look at the same neighbour as kernel m of `first`"
mistakes = {
    "the sum of the votes": (inner.sum(), "the mean: divide by nine, once"),
    "all 81 offsets vote": (window.mean(), "both places step aside by the same offset"),
    "divided twice": (inner.mean() / 9, "the mean: divide by nine, once"),
    "divided in both kernels, and once more": (inner.mean() / 81, "the mean: divide by nine, once"),
}
close((window * kernel).sum(), inner.mean(), what, hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for s in (1, 3, 5):
    wanted = torch.eye(s * s).view(s, s, s, s) / (s * s)
    what = f"the 4-D kernel of votes({s})"
    close(kernel_of(s), wanted, what, "which offsets vote, and how much does each count?")

# %%
kernels = votes(3)
voted = soft_mutual(c)[:, None]
for turn in range(3):
    voted = conv4d(voted, *kernels)
    print(f"the best after {turn + 1} rounds of votes {pck(matches(voted[:, 0]), true, how.reach):.3f}")
figure, axes = plots.subplots(1, 3, figsize=(9, 3))
for ax, place in zip(axes, (0, 1, 2)):
    draw(ax, matches(voted[:, 0]), place, f"pair {place}, after votes")
plots.show(figure, "The same three photographs after three rounds of votes: most of the long lines are gone")

# %% [markdown]
# ## 5 A net of votes (3 points, 10 minutes)
#
# Which neighbours to trust, and how much, can be learned: `Consensus` is two layers of `conv4d`. One thing must not be
# left to learning: which of the two photographs comes first says nothing. So run the layers on the table *and* on the
# table with the pictures exchanged, change the second result back, and add.


# %% given="swap,near_identity"

# %% solution="Consensus" keep="__init__,one_way"
# one_way takes and gives (B, 1, H, W, K, L): the axis of channels must come and go.

# %% test="Consensus_forward" points=3
net = student.Consensus()
c = torch.rand(2, 3, 2, 4, 3, requires_grad=True)
got = shaped(net(c), (2, 3, 2, 4, 3), "the filtered correlations", "(B, H, W, K, L), as they came")
swapped = net(c.detach().permute(0, 3, 4, 1, 2))
close(
    shaped(swapped, (2, 4, 3, 3, 2), "those of exchanged pictures").permute(0, 3, 4, 1, 2),
    got,
    "the filtered correlations of exchanged pictures, exchanged back",
    "the same whichever picture comes first: which of the two ways is missing, or not changed back?",
    rtol=1e-3,
    atol=1e-6,
)
flows(net(c), {"c": c} | dict(net.named_parameters()), "Consensus")
### BEGIN HIDDEN TESTS
for channels, between, s in (((1, 4, 1), 9, 3), ((1, 1), 2, 5), ((1, 2, 3, 1), 4, 3)):
    net, model = student.Consensus(channels, between, s), reference.Consensus(channels, between, s)
    model.load_state_dict(net.state_dict())
    c = torch.rand(2, 3, 4, 2, 3)

    def both(x, model=model):
        return model.one_way(x) + reference.swap(model.one_way(reference.swap(x)))

    def own(c):
        return reference.soft_mutual(c)[:, None]

    got = torch.as_tensor(net(c)) * 100
    expected = model(c) * 100
    what = f"filtered correlations, times 100, of a net with channels {channels}, kernels {s} × {s}"
    mistakes = {
        "the first soft_mutual is missing": (
            lambda c=c, both=both: reference.soft_mutual(both(c[:, None])[:, 0]) * 100,
            "soft_mutual before the layers too",
        ),
        "the last soft_mutual is missing": (
            lambda c=c, both=both, own=own: both(own(c))[:, 0] * 100,
            "soft_mutual after the layers too",
        ),
        "the mean of both ways instead of their sum": (
            lambda c=c, both=both, own=own: reference.soft_mutual(both(own(c))[:, 0] / 2) * 100,
            "add, do not average",
        ),
    }
    close(got, expected, what, "soft_mutual, both ways, soft_mutual", rtol=1e-3, atol=1e-4, mistakes=mistakes)
c = torch.rand(1, 2, 2, 3, 2, requires_grad=True)
net, model = student.Consensus(), reference.Consensus()
model.load_state_dict(net.state_dict())
ours, theirs = ({"c": c, **dict(m.named_parameters())} for m in (net, model))
follows(net(c), ours, model(c), "Consensus", others=theirs, rtol=1e-3, atol=1e-5)

# %% [markdown]
# ## 6 This is a cat, this is not (3 points, 12 minutes)
#
# Nobody tells the net a single match. It is only told: these two show the same, those two do not. What can it make of
# that? A place that is *sure* of its partner has one large probability, and one that is not has many small ones. Let the
# sureness of pairs of the same thing grow, and that of other pairs fall; the only way to do both is to find the true
# matches. Predict the score of a table of 2 × 2 places against 2 × 2 in which all correlations are equal.

# %% solution="pair_score"

# %% solution="weak_loss"

# %% test="weak_loss_values" points=3
got = student.pair_score(torch.zeros(3, 2, 2, 1, 2))
expected = torch.full((3,), 0.75)
hint = "each of the four is sure of one of two by 1/2, each of the two of one of four by 1/4"
mistakes = {
    "one direction only": (torch.full((3,), 0.5), "the places of the second picture choose too"),
    "the other direction only": (torch.full((3,), 0.25), "the places of the first picture choose too"),
    "the mean of both directions": (torch.full((3,), 0.375), "the *sum* of the two means"),
    "a number for the whole batch": (torch.tensor(0.75), "one score a pair"),
}
close(got, expected, "pair_score of equal correlations, 2 × 2 places against 1 × 2", hint, mistakes=mistakes)
got = student.weak_loss(torch.zeros(3, 2, 2, 1, 2), torch.zeros(2, 2, 2, 2, 2))
what = "weak_loss of equal correlations, 4 places against 2 (same) and 4 against 4 (other)"
hint = "the mean score of `other` minus that of `same`"
close(got, -0.25, what, hint, mistakes={"the wrong way round": (0.25, "what is to fall, what is to grow?")})
leaves = {name: torch.randn(3, 2, 2, 2, 3, requires_grad=True) for name in ("same", "other")}
flows(student.pair_score(leaves["same"]), {"c": leaves["same"]}, "pair_score")
flows(student.weak_loss(leaves["same"], leaves["other"]), leaves, "weak_loss")
### BEGIN HIDDEN TESTS
for shape in ((2, 3, 2, 2, 4), (1, 1, 1, 3, 2), (4, 2, 2, 2, 2)):
    c = 3 * torch.randn(*shape)
    b, h, w, k, l = shape
    table = c.reshape(b, h * w, k * l)
    there = torch.softmax(table, 2).max(2)[0].mean(1)
    back = torch.softmax(table, 1).max(1)[0].mean(1)
    got = student.pair_score(c)
    hint = "softmax over all places of the *partner's* picture, both of its axes at once"
    mistakes = {
        "means over the probabilities, not over the largest": (
            lambda h=h, w=w, k=k, l=l, b=b: torch.full((b,), 1 / (k * l) + 1 / (h * w)),
            "first the largest of each place, then the mean",
        ),
        "the largest over places, not their mean": (
            lambda table=table: torch.softmax(table, 2).amax((1, 2)) + torch.softmax(table, 1).amax((1, 2)),
            "the mean over all places that choose",
        ),
    }
    close(got, there + back, f"pair_score of correlations {shape}", hint, mistakes=mistakes)

same, other = (2 * torch.randn(3, 2, 2, 2, 3) for _ in range(2))
got = student.weak_loss(same, other)
expected = reference.weak_loss(same, other)
close(got, expected, "weak_loss of random correlations", "the mean over pairs", atol=1e-5)
same, other = leaves.values()
follows(student.pair_score(same), {"c": same}, reference.pair_score(same), "pair_score", atol=1e-5)
wanted = reference.weak_loss(same, other)
follows(student.weak_loss(same, other), leaves, wanted, "weak_loss", atol=1e-5)

# %% [markdown]
# ## 7 Train it (3 points, 8 minutes)
#
# The net has some eight hundred weights. Predict: will it come closer to the best match of the features, or to the votes that
# you set by hand?

# %% given="measured"

# %% trains="correspondence"
run = Run("correspondence", seed=0)
net = Consensus().to(run.device)
optimizer = torch.optim.Adam(net.parameters(), how.rate)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
first, second, third, _ = featured(tier, "train", run.device).tensors
for one, same, other in run.batches(TensorDataset(first, second, third), how.batch, how.steps, saved):
    loss = weak_loss(net(correlation(one, same)), net(correlation(one, other)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    run.log(loss=loss)
    if run.every(10):
        print(f"step {run.step + 1} of {how.steps}: loss {loss.item():.3f}", flush=True)
save_artifact("correspondence", net, tier)

# %% trains="correspondence"
steps, losses = zip(*run.curve["loss"])
figure, ax = plots.subplots()
ax.plot(torch.tensor(losses).unfold(0, 10, 5).mean(1))
ax.set(xlabel="steps / 5", ylabel="weak loss")
plots.show(figure, "The weak loss over the steps: it falls from about zero")

# %% trains="correspondence"
entry = record("correspondence", tier)
test = featured(tier, "test")
print(f"the best of the features {measured(test, how):.3f}")
print(f"your net                 {measured(test, how, net.cpu()):.3f}")
print(f"the reference            {entry.value:.3f} ± {entry.std:.3f} over {len(entry.seeds)} seeds")
with torch.no_grad():
    filtered = net(correlation(f, g))
figure, axes = plots.subplots(1, 3, figsize=(9, 3))
for ax, place in zip(axes, (0, 1, 2)):
    draw(ax, matches(filtered), place, f"pair {place}, your net")
plots.show(figure, "The same three photographs with the matches of the trained net: most lines are short")

# %% test="trained" points=3
tensors = student.artifact("correspondence")
holds(
    "first.0" in tensors and "second.0" in tensors and all(torch.isfinite(t).all() for t in tensors.values()),
    "correspondence.safetensors does not hold a trained net",
    "finite tensors first.0, second.0, bias.0, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `net`",
)
### BEGIN HIDDEN TESTS
judge("correspondence", tensors, 3)

# %% [markdown]
# ## 8 Points of one's own (5 points, 16 minutes)
#
# Now the other paper. A net looks at *one* view of a thing and names N points of it, with their depths, and is told only
# how the camera moved to a second view. Its points must be where the second view has them too: that alone makes it choose
# points that are easy to find again.
#
# A point must have a gradient. Not the argmax of a map, but the *expected* place: softmax makes probabilities, and the
# mean over places is weighted by them. What comes out for two equal peaks, left and right?

# %% solution="keypoints"
# A softmax over both axes at once; then three expectations: of x, of y and of the depth.

# %% test="keypoints_values" points=3
scores = torch.full((1, 1, 2, 4), -100.0)
scores[0, 0, 1, 3] = 100.0
depths = torch.arange(8.0).view(1, 1, 2, 4)
got = student.keypoints(scores, depths)
what = "keypoints of a single peak in row 1, column 3 of 2 × 4 pixels"
mistakes = {
    "y comes before x": ([[[0.5, 0.75, 7.0]]], "(x, y, depth): columns make x"),
    "the outer pixels are at -1 and 1": ([[[1.0, 1.0, 7.0]]], "the middle of column j is (2j + 1) / W - 1"),
}
close(got, [[[0.75, 0.5, 7.0]]], what, "the middle of that pixel, x first, and its depth", mistakes=mistakes)
scores[0, 0, 1, 0] = 100.0
got = student.keypoints(scores, depths)
close(got, [[[0.0, 0.5, 5.5]]], "keypoints of two equal peaks, left and right in row 1", "half of each")
leaves = {name: torch.randn(1, 2, 3, 4, requires_grad=True) for name in ("scores", "depths")}
flows(student.keypoints(*leaves.values()), leaves, "keypoints", "an argmax has no gradient")
### BEGIN HIDDEN TESTS
for b, n, h, w in ((2, 3, 4, 5), (1, 1, 1, 6), (3, 2, 5, 2)):
    scores, depths = 2 * torch.randn(b, n, h, w), torch.randn(b, n, h, w)
    p = torch.softmax(scores.reshape(b, n, -1), -1).view(b, n, h, w)
    x, y = (2 * torch.arange(w) + 1) / w - 1, (2 * torch.arange(h) + 1) / h - 1
    wanted = torch.stack(
        [torch.einsum("bnhw,w->bn", p, x), torch.einsum("bnhw,h->bn", p, y), (p * depths).sum((2, 3))], -1
    )
    hint = "a softmax over all H · W pixels, of each key point by itself"
    close(student.keypoints(scores, depths), wanted, f"keypoints of scores {(b, n, h, w)}", hint)

wanted = reference.keypoints(*leaves.values())
follows(student.keypoints(*leaves.values()), leaves, wanted, "keypoints")

# %% [markdown]
# From the picture into space and back. A point (x, y, z) is seen at u = focal · x / z, v = focal · y / z: twice as far
# away, half as far from the middle. Write both ways.

# %% solution="lift"

# %% solution="project"

# %% test="lift_project_values" points=2
got = student.project(torch.tensor([2.0, -1.0, 4.0]), 2.0)
what = "project of (2, -1, 4), focal 2"
mistakes = {
    "focal divides": ([0.25, -0.125, 4.0], "focal · x / z"),
    "z is divided too": ([1.0, -0.5, 2.0], "the third number stays z"),
}
close(got, [1.0, -0.5, 4.0], what, "u = focal · x / z, and z comes along", mistakes=mistakes)
got = student.lift(torch.tensor([1.0, -0.5, 4.0]), 2.0)
close(got, [2.0, -1.0, 4.0], "lift of (1, -0.5, 4), focal 2", "solve u = focal · x / z for x")
p = torch.tensor([[0.5, -1.0, 3.0], [0.2, 0.4, 4.0]], requires_grad=True)
flows(student.project(p, 2.0), {"the points": p}, "project")
flows(student.lift(p, 2.0), {"what is seen": p}, "lift")
### BEGIN HIDDEN TESTS
follows(student.project(p, 2.0), {"the points": p}, reference.project(p, 2.0), "project")
follows(student.lift(p, 2.0), {"what is seen": p}, reference.lift(p, 2.0), "lift")
for shape in ((3,), (5, 3), (2, 4, 3)):
    points, focal = torch.randn(*shape), 0.5 + 3 * torch.rand(()).item()
    points[..., 2] = 2 + points[..., 2].abs()
    seen = torch.stack(
        [focal * points[..., 0] / points[..., 2], focal * points[..., 1] / points[..., 2], points[..., 2]], -1
    )
    close(student.project(points, focal), seen, f"project of points {shape}", "any shape that ends in 3")
    close(student.lift(seen, focal), points, f"lift of points {shape}", "the way back of project")

# %% [markdown]
# ## 9 The same points from elsewhere (9 points, 30 minutes)
#
# The camera turns by R and moves by t, both known: a point p becomes R p + t. So the points of the first view, lifted
# into space, moved and projected, tell where the second view should see them; and the other way round, with the inverse.
# R is a rotation: what is its inverse?

# %% solution="consistency"
# Points are rows here: R p for each of them is p @ R.mT. The way back: first take off t.

# %% test="consistency_values" points=3
a, b = torch.tensor([[[0.5, 0.0, 2.0]]]), torch.tensor([[[0.0, 0.5, 2.0]]])
quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])  # x becomes y
got = student.consistency(a, b, quarter, torch.zeros(1, 3), 1.0)
hint = "lift, turn, shift, project, in this order? the columns of R say where the axes go"
mistakes = {"the turn goes the wrong way": (2.0, "for points in rows, R p is p @ R.mT")}
close(got, 0.0, "consistency of a point that turns from x to y, as it should", hint, mistakes=mistakes)
got = student.consistency(a, a, torch.eye(3)[None], torch.tensor([[0.0, 0.0, -1.0]]), 1.0)
what = "consistency of a point that comes nearer by 1 and is seen where it was"
hint = "there it is seen at 1, back at 1/3: squared gaps of 1/4 and 1/36, added"
mistakes = {
    "one direction only": (0.25, "and the same for b in the first view"),
    "the other direction only": (1 / 36, "and the same for a in the second view"),
    "the mean of both directions": ((0.25 + 1 / 36) / 2, "the sum of the two means"),
    "gaps are not squared": (0.5 + 1 / 6, "squared distances"),
}
close(got, 0.25 + 1 / 36, what, hint, mistakes=mistakes)
leaves = {name: (torch.rand(1, 2, 3) + torch.tensor([0.0, 0.0, 2.0])).requires_grad_() for name in "ab"}
flows(student.consistency(*leaves.values(), quarter, torch.zeros(1, 3), 1.0), leaves, "consistency")
### BEGIN HIDDEN TESTS
for b_, n in ((1, 1), (3, 4), (2, 6)):
    R = torch.linalg.qr(torch.randn(b_, 3, 3))[0]
    R = R * torch.linalg.det(R).sign()[:, None, None]
    p, t, focal = 0.5 * torch.randn(b_, n, 3) + torch.tensor([0.0, 0.0, 5.0]), 0.3 * torch.randn(b_, 3), 2.5
    t = t + torch.tensor([0.0, 0.0, 5.0]) - (R @ torch.tensor([0.0, 0.0, 5.0]))
    a, b = reference.project(p, focal), reference.project(p @ R.mT + t[:, None], focal)
    got = student.consistency(a, b, R, t, focal)
    what = f"consistency of {n} exact points in {b_} pairs"
    close(got, 0.0, what, "exact points agree exactly: is t taken off before the turn back?", atol=1e-6)
    a, b = (x + 0.1 * torch.randn_like(x) for x in (a, b))
    got = student.consistency(a, b, R, t, focal)
    what = f"consistency of {n} inexact points in {b_} pairs"
    hint = "the mean over pairs and points of squared distances in the picture: u and v, summed, without z"
    mistakes = {
        "the mean over u and v too": (
            lambda a=a, b=b, R=R, t=t, focal=focal: reference.consistency(a, b, R, t, focal) / 2,
            "a squared distance is the *sum* over u and v",
        )
    }
    close(got, reference.consistency(a, b, R, t, focal), what, hint, rtol=1e-3, mistakes=mistakes)
leaves = {"a": a.requires_grad_(), "b": b.requires_grad_()}
wanted = reference.consistency(a, b, R, t, focal)
follows(student.consistency(a, b, R, t, focal), leaves, wanted, "consistency", atol=1e-5)

# %% [markdown]
# If points are good, the camera's turn can be *recovered* from them. Which rotation brings points p closest to points q?
# Take off both means, write the 3 × 3 matrix of sums of products, M = Σ q pᵀ, and take its singular value decomposition
# M = U S Vᵀ: of all orthogonal matrices U Vᵀ is the best. It may be a mirror image, though. Then the direction that
# matters least is turned over: U diag(1, 1, -1) Vᵀ.

# %%
p = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.5]])
q = p * torch.tensor([1.0, 1.0, -1.0])  # mirrored
U, S, Vh = torch.linalg.svd(q.mT @ p)
print("singular values", S.tolist(), "determinant of U Vᵀ", torch.linalg.det(U @ Vh).item())

# %% solution="procrustes"
# torch.linalg.svd gives Vᵀ, not V. The sign of det(U Vᵀ) tells whether it is a mirror image.

# %% test="procrustes_values" points=4
p = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]])
quarter = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
got = student.procrustes(p, p @ quarter.mT + 5)
what = "procrustes of points and the same points, turned by a quarter and moved"
hint = "are both means taken off? q ≈ R p: which of Σ q pᵀ and Σ p qᵀ is it?"
close(got, quarter, what, hint, atol=1e-4, mistakes={"it turns q to p": (quarter.mT, "R brings p to q")})
R = shaped(
    student.procrustes(p, p * torch.tensor([1.0, 1.0, -1.0])),
    (1, 3, 3),
    "procrustes of mirrored points",
    "(B, 3, 3)",
)
got = torch.linalg.det(R.float())
what = "the determinant of what procrustes gives for mirrored points"
close(got, torch.ones(1), what, "a mirror image is no rotation: turn the last direction over", atol=1e-4)
leaves = {"p": p.clone().requires_grad_(), "q": (p @ quarter.mT + 5).requires_grad_()}
flows(student.procrustes(*leaves.values()), leaves, "procrustes")


### BEGIN HIDDEN TESTS
def turned(b):
    R = torch.linalg.qr(torch.randn(b, 3, 3))[0]
    return R * torch.linalg.det(R).sign()[:, None, None]


def spread(b, n):
    """Points whose extents differ clearly in three directions, so that rounding decides nothing."""
    points = torch.randn(b, n, 3)
    return torch.linalg.qr(points - points.mean(1, keepdim=True))[0] * torch.tensor([2.0, 1.0, 0.5]) * n**0.5


for b, n in ((1, 4), (5, 6), (2, 20)):
    R, p = turned(b), spread(b, n)
    got = student.procrustes(p, p @ R.mT + torch.randn(b, 1, 3))
    what = f"procrustes of {n} exact points, {b} at once"
    hint = "take off the means over points, of each set by itself"
    close(got, R, what, hint, atol=1e-3, mistakes={"it turns q to p": (R.mT, "R brings p to q")})
    q = p @ R.mT + 0.05 * torch.randn(b, n, 3)
    got = student.procrustes(p, q)
    expected = reference.procrustes(p, q)
    close(got, expected, f"procrustes of {n} inexact points", "U diag(1, 1, ±1) Vᵀ", rtol=1e-3, atol=1e-3)
    q = (p * torch.tensor([1.0, -1.0, 1.0])) @ R.mT + 0.02 * torch.randn(b, n, 3)
    got = student.procrustes(p, q)
    expected = reference.procrustes(p, q)
    hint = "the *last* direction, that of the smallest singular value, is turned over; decide for each set by itself"
    mistakes = {
        "a direction that matters more is turned over": (
            lambda p=p, q=q: -reference.procrustes(p, -q),
            "singular values come in falling order: which is the last?",
        )
    }
    close(got, expected, f"procrustes of {n} mirrored points", hint, rtol=1e-3, atol=1e-3, mistakes=mistakes)
mixed = torch.cat([q[:1], (p @ R.mT)[1:]])
got = student.procrustes(p, mixed)
what = "procrustes of a mirrored set and one that is not"
close(got, reference.procrustes(p, mixed), what, "a sign for each set of the batch", rtol=1e-3, atol=1e-3)
p = spread(1, 6)
leaves = {"q": (p @ turned(1).mT + 0.05 * torch.randn(1, 6, 3)).requires_grad_(), "p": p.requires_grad_()}
q = leaves["q"]
follows(student.procrustes(p, q), leaves, reference.procrustes(p, q), "procrustes", rtol=1e-2, atol=1e-3)

# %% [markdown]
# How far is one rotation from another? By the angle of the turn between them.

# %% solution="angle"


# %% test="angle_values" points=2
def about_z(turn):
    c, s = math.cos(turn), math.sin(turn)
    return torch.tensor([[[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]])


got = student.angle(about_z(0.0), about_z(math.pi / 2))
what = "the angle between nothing and a quarter turn"
mistakes = {"degrees": ([90.0], "radians"), "half of it": ([math.pi / 4], "what stands before the arcsine?")}
close(got, [math.pi / 2], what, "one angle a pair, in radians: π / 2", atol=1e-4, mistakes=mistakes)
leaves = {"R": about_z(0.7).requires_grad_(), "S": about_z(0.1).requires_grad_()}
flows(student.angle(*leaves.values()), leaves, "angle")
### BEGIN HIDDEN TESTS
hint = "by the docstring's formula: another one for the angle has other slopes, away from rotations"
follows(student.angle(*leaves.values()), leaves, reference.angle(*leaves.values()), "angle", hint)
got = student.angle(about_z(0.0), about_z(0.0))
close(got, torch.zeros(1), "the angle between a rotation and itself", atol=1e-4)
for turn in (0.1, 1.0, 2.5, -2.0):
    tilt = torch.linalg.qr(torch.randn(1, 3, 3))[0]
    got = student.angle(tilt @ about_z(0.3), tilt @ about_z(0.3 + turn))
    what = f"the angle of a turn by {turn}"
    close(got, [abs(turn)], what, "the Frobenius norm: the root of the sum of all nine squares", rtol=1e-3)
several = torch.cat([about_z(0.2), about_z(1.5), about_z(-0.4)])
got = student.angle(several, about_z(0.0).expand(3, 3, 3))
close(got, [0.2, 1.5, 0.4], "three angles at once", "one angle a pair", atol=1e-4)
half = student.angle(about_z(0.0), about_z(math.pi))
close(half, [2 * math.asin(1 - 1e-6)], "the angle of half a turn", "cut the quotient to 1 - 1e-6", rtol=1e-4)
turn = about_z(math.pi).requires_grad_()
slope = slopes(student.angle(turn, about_z(0.0)), {"R": turn}, "angle")[0]
what = "the gradient of angle is not finite at half a turn"
holds(slope is not None and torch.isfinite(slope).all(), what, hint="cut the quotient before the arcsine")

# %% [markdown]
# Try it: small aeroplanes, seen by two cameras. Take the true middles of their six parts, add noise as a net would, and
# recover the turn. Predict: if the noise is twice as large, how much larger is the error?

# %%
first, second, masks, between, labels = aeroplanes.load("mini", "val").tensors
figure, axes = plots.subplots(2, 6, figsize=(8, 2.8))
for column, i in zip(axes.T, range(6)):
    for ax, view, points in zip(column, (first[i], second[i]), labels[i]):
        ax.imshow(view.permute(1, 2, 0), extent=(-1, 1, 1, -1))
        ax.plot(*project(points, aeroplanes.FOCAL)[:, :2].T, ".", color=plots.COLOURS[3])
        ax.axis("off")
for noise in (0.0, 0.02, 0.04, 0.08, 0.16):
    noisy = labels + noise * torch.randn(labels.shape, generator=torch.Generator().manual_seed(0))
    error = angle(procrustes(noisy[:, 0], noisy[:, 1]), between)
    print(f"noise {noise:4.2f}: mean error of the recovered turn {torch.rad2deg(error.mean()):5.2f}°")
plots.show(figure, "Six aeroplanes from two sides each, a dot on the middle of each of their parts")

# %% [markdown]
# That is the second half of KeypointNet's loss: points are good if the turn that they give is the camera's. The chapter
# trains such a net on these aeroplanes.
#
# **Hand in** this notebook and `correspondence.safetensors`; `course_utils.colab.submit("correspondence")` packs both.
