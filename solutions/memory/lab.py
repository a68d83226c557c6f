# %% [markdown]
# Where is the lamp? Anna took it, and then she went to the garden; to say so, one must look up two sentences of a story, in
# the right order. A net whose memory is one vector finds that hard. In this lab you give nets memories with addresses:
# first one that is read, in several looks; then a tape on which a net writes and from which it reads.
#
# The chapter *Machines that read and write* of the book is the companion to this lab; nothing in it is needed that is not
# said here. Shapes: B stories, M memories (sentences) of a story, S different sentences, J words of a sentence, V words
# that are known, D numbers of an embedding, K hops; N slots of a tape, W numbers in a slot, T steps.

# %%
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import babi
from course_utils.data.babi import Stories
from course_utils.training import Run, record
from course_utils.widgets import turn

Cell = Callable[
    [Tensor, Tensor], Tensor
]  # what is read (B, D) and the state before (B, H) to the state after
BITS, WIDTH = 4, 6  # of a row to be copied, and of a slot
TRIES = 8  # beginnings of a copy machine, at most
INCLINED = 1.0  # what scores of a head's first habit begin with

# %% given="Config,config,load,with_nothing"

# %% [markdown]
# Each different sentence is kept once, with a number; a story is a row of such numbers, the newest last, and 0 where a short
# story has nothing. At the mini tier the stories are made by a small program, at the full tier they are the twenty bAbI
# tasks (Weston et al., 2015). Read two, and answer before you look at the answer.

# %%
stories = load(tier, "train")
for number in (0, len(stories.story) // 2):
    told = [stories.say(s) for s in stories.story[number].tolist()]
    print(". ".join(sentence for sentence in told if sentence), end=".\n")
    print(
        stories.say(int(stories.question[number])) + "?",
        stories.words[int(stories.answer[number])],
        end="\n\n",
    )

# %% [markdown]
# ## 1 Sentences (5 points, 18 minutes)
#
# A sentence becomes a vector when the embeddings of its words are added up. But then "ben saw anna" is "anna saw ben". So
# let each word count by its *place*, and in each number of the vector differently (Sukhbaatar et al., 2015): word j of J has
# in number k of D the weight
#
# $$l_{kj} = (1 - j/J) - (k/D)\,(1 - 2j/J), \qquad j, k \text{ counted from } 1.$$
#
# By hand, two words and two numbers: which of the four weights is not 1/2?

# %%
[[(1 - j / 2) - (k / 2) * (1 - 2 * j / 2) for k in (1, 2)] for j in (1, 2)]

# %% solution="position_encoding"
# arange(1, …) counts from 1; one of the two as a column.

# %% test="position_encoding_values" points=2
got = student.position_encoding(2, 2)
hint = "compare with the cell above: a row for each word"
mistakes = {"words and numbers are counted from 0": ([[1.0, 0.5], [0.5, 0.5]], "j and k begin at 1")}
close(got, [[0.5, 0.5], [0.5, 1.0]], "position_encoding of 2 words and 2 numbers", hint, mistakes=mistakes)
close(
    student.position_encoding(4, 1),
    [[0.25], [0.5], [0.75], [1.0]],
    "position_encoding of 4 words and 1 number",
    "a row for each word, a column for each number",
    mistakes={"rows are numbers": ([[0.25, 0.5, 0.75, 1.0]], "(J, D)")},
)
### BEGIN HIDDEN TESTS
for words, d in ((3, 5), (7, 2), (1, 4)):
    wanted = [
        [(1 - j / words) - (k / d) * (1 - 2 * j / words) for k in range(1, d + 1)]
        for j in range(1, words + 1)
    ]
    got = student.position_encoding(words, d)
    what = f"position_encoding of {words} words and {d} numbers"
    close(got, torch.tensor(wanted), what, "the formula, j over J and k over D")

# %% [markdown]
# Now the sentence: look its words up, weight them, add them up. Code 0 stands for no word and must add nothing, whatever
# stands in row 0 of the table. With embeddings of one number, 5 for word 1 and 7 for word 2, and weights 2 and 3: what is
# the sentence "1 2", and what is "2" alone?

# %%
5 * 2 + 7 * 3, 7 * 2

# %% solution="encode"
# (..., J) looks up to (..., J, D). A mask of 0 and 1 of shape (..., J, 1) leaves words out.

# %% test="encode_values" points=3
table = torch.tensor([[100.0], [5.0], [7.0]])
got = student.encode(torch.tensor([[1, 2], [2, 0], [2, 1]]), table, torch.tensor([[2.0], [3.0]]))
what = 'encode of the sentences "1 2", "2" and "2 1"'
mistakes = {
    "no word counts as a word": ([[31.0], [314.0], [29.0]], "code 0 adds nothing"),
    "places do not count": ([[12.0], [7.0], [12.0]], "each word times its place's weight"),
}
close(got, [[31.0], [14.0], [29.0]], what, "5 · 2 + 7 · 3; 7 · 2; 7 · 2 + 5 · 3", mistakes=mistakes)
leaf = torch.randn(4, 3, requires_grad=True)
flows(student.encode(torch.tensor([[1, 2], [3, 0]]), leaf, torch.rand(2, 3)), {"the table": leaf}, "encode")
### BEGIN HIDDEN TESTS
for shape, v, d in (((2, 3), 5, 4), ((2, 4, 3), 6, 2), ((5,), 4, 3)):
    codes, weights = torch.randint(v, shape), torch.randn(shape[-1], d)
    codes[..., -1] = 0
    leaf = torch.randn(v, d, requires_grad=True)
    one_hot = torch.nn.functional.one_hot(codes, v).float() * (codes > 0)[..., None]
    wanted = torch.einsum("...jv,vd,jd->...d", one_hot, leaf, weights)
    got = student.encode(codes, leaf, weights)
    close(got, wanted, f"encode of codes {shape}, embeddings of {d} numbers", "any shape (..., J) of codes")
    follows(got, {"the table": leaf}, wanted, f"encode of codes {shape}")

# %% [markdown]
# ## 2 Two RNNs, and why they are not enough (3 points, 15 minutes)
#
# The plain way, a baseline of 2015: one RNN reads the story word by word, another the question; their last states, side by
# side, go into a layer that scores the answers. Stories are padded, though, and what is not there must not be read: at an
# empty place the state **stays as it is**. With the cell h + x, beginning at 1, and places 2, nothing, 3: which state is
# the last?

# %%
1 + 2 + 3

# %% solution="last_state"
# A loop over places, as in `recurrence`. torch.where(condition[:, None], new, old) chooses row by row.

# %% test="last_state_values" points=3
seen = []


def cell(x, h):
    seen.append(1)
    return 2 * h + x


xs = torch.tensor([[[2.0], [50.0], [3.0]], [[2.0], [1.0], [50.0]]])
there = torch.tensor([[True, False, True], [True, True, False]])
got = student.last_state(cell, xs, there, torch.ones(2, 1))
expected = [[11.0], [9.0]]
what = "last_state with the cell 2 h + x from 1, of 2, nothing, 3, and of 2, 1, nothing"
mistakes = {
    "what is not there is read": ([[119.0], [68.0]], "keep the old state where `there` is False"),
    "an empty place is read as 0": ([[19.0], [18.0]], "the state stays as it is: no step at all"),
    "the state is 0 at an empty place": ([[3.0], [0.0]], "the old state, not nothing"),
    "it begins with 0": ([[7.0], [5.0]], "h is given"),
}
close(got, expected, what, "first 4, then 4 again, then 11; and 4, then 9, then 9 again", mistakes=mistakes)
leaves = {"xs": torch.randn(2, 3, 1, requires_grad=True), "h": torch.randn(2, 1, requires_grad=True)}
flows(student.last_state(cell, leaves["xs"], there, leaves["h"]), leaves, "last_state")
### BEGIN HIDDEN TESTS
for b, length, d in ((3, 5, 2), (1, 4, 3), (4, 1, 2)):
    W = torch.randn(d, d)

    def mixed(x, h, W=W):
        return torch.tanh(h @ W + x)

    xs, h = torch.randn(b, length, d, requires_grad=True), torch.randn(b, d, requires_grad=True)
    there = torch.rand(b, length) < 0.6
    got, wanted = student.last_state(mixed, xs, there, h), reference.last_state(mixed, xs, there, h)
    close(got, wanted, f"last_state of {b} rows of {length} places", "each row by itself")
    follows(got, {"xs": xs, "h": h}, wanted, f"last_state of {b} rows of {length} places")

# %% given="TwoRNNs,right"

# %% [markdown]
# What does the story's state know? It holds whatever the RNN has kept of the story *before it knows what will be asked*. With
# four people and three things that is much for a vector. How good it gets is in the record of this course: you need
# not train it here.

# %%
entry = record("memory", tier)
print(f"two RNNs or the commonest answer: {entry.baseline:.1%} of held-out questions right")

# %% [markdown]
# ## 3 A memory that is looked into (8 points, 30 minutes)
#
# Keep all sentences, each as a vector, and look once the question is known. Each memory has two: **m**, by which it is found,
# and **c**, what it says. The question u is compared with every m; a softmax over memories makes attention of that; the
# answer o is the sum of the c by attention; and u + o is what one knows then:
#
# $$p_i = \mathrm{softmax}(u \cdot m_i), \qquad o = \sum_i p_i\, c_i, \qquad u \leftarrow u + o$$
#
# Memories that are not there get no attention at all. By hand: u = 1, two memories with m = 0 and m = log 3, and c = 4 and 8.

# %%
p = torch.tensor([0.0, 1.0986]).softmax(0)
print(p, "o =", (p * torch.tensor([4.0, 8.0])).sum(), "u + o =", 1 + (p * torch.tensor([4.0, 8.0])).sum())

# %% solution="hop"
# A score of -inf has no chance in a softmax. Give both: u + o, and p.

# %% test="hop_values" points=4
u, m = torch.tensor([[1.0]]), torch.tensor([[[0.0], [1.0986], [9.0]]])
c, there = torch.tensor([[[4.0], [8.0], [100.0]]]), torch.tensor([[True, True, False]])
got, p = pair(student.hop(u, m, c, there), "hop", "u + o and p")
expected = [[0.25, 0.75, 0.0]]
what = "the attention of the example, with a third memory that is not there"
mistakes = {
    "what is not there gets attention": ([[1.23e-4, 3.70e-4, 0.9995]], "a score of -inf"),
    "its score is 0": ([[0.2, 0.6, 0.2]], "exp(0) is 1: which score has no chance?"),
    "it does not add up to 1": (
        lambda: torch.tensor([[1.23e-4, 3.70e-4, 0.0]]),
        "leave out before the softmax",
    ),
}
close(p, expected, what, "exp(0) : exp(log 3), and nothing for the third", atol=1e-3, mistakes=mistakes)
mistakes = {
    "u is missing": ([[7.0]], "the question goes on: u + o"),
    "m is summed instead of c": ([[1.824]], "found by m, says c"),
}
close(got, [[8.0]], "u + o of the example", "1 + 0.25 · 4 + 0.75 · 8", atol=1e-2, mistakes=mistakes)
far = torch.tensor([[[-300.0], [9.0]]])
_, p = pair(student.hop(u, far, c[:, :2], there[:, 1:]), "hop", "u + o and p")
what = "the attention of two memories with scores of -300 and 9, of which the second is not there"
hint = "nothing, however low the others score: below every other score, before the softmax"
close(p, [[1.0, 0.0]], what, hint, atol=1e-3)
shapes = {"u": (2, 4), "m": (2, 3, 4), "c": (2, 3, 4)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
there = torch.tensor([[True, False, True], [True, True, True]])
flows(pair(student.hop(*leaves.values(), there), "hop", "u + o and p")[0], leaves, "u + o of hop")
### BEGIN HIDDEN TESTS
for b, n, d in ((3, 5, 2), (1, 2, 4), (2, 1, 3)):
    leaves = {"u": torch.randn(b, d), "m": torch.randn(b, n, d), "c": torch.randn(b, n, d)}
    leaves = {name: leaf.requires_grad_() for name, leaf in leaves.items()}
    there = torch.rand(b, n) < 0.6
    there[:, 0] = True
    u, m, c = leaves.values()
    scores = torch.einsum("bd,bnd->bn", u, m)
    wanted_p = torch.where(there, scores.exp(), 0.0)
    wanted_p = wanted_p / wanted_p.sum(1, keepdim=True)
    wanted = u + torch.einsum("bn,bnd->bd", wanted_p, c)
    got, p = pair(student.hop(u, m, c, there), "hop", "u + o and p")
    close(p, wanted_p, f"the attention of {b} questions to {n} memories", "each question by itself")
    close(got, wanted, f"u + o of {b} questions and {n} memories", "u + the sum of p c")
    follows(got, leaves, wanted, "u + o of hop")
big, _ = pair(
    student.hop(
        torch.full((1, 1), 300.0), m[:1, :1, :1] * 0 + 1, m[:1, :1, :1] * 0 + 2, there[:1, :1] | True
    ),
    "hop",
    "u + o and p",
)
close(big, [[302.0]], "u + o where scores are large", "softmax knows how to stay finite")

# %% [markdown]
# One look finds "anna took the lamp". The second looks for Anna: **hops**. Each hop has its own m and c, and the tables are
# shared between neighbours: with K hops there are K + 1 tables; table k makes the m of hop k, table k + 1 its c, and so the m
# of the next. The first encodes the question, too; the last one scores the words: its rows · u. One thing is still missing:
# *when* was a sentence said? To the vector of the sentence at place i, table k adds `times[k, i]`.

# %% solution="answer"
# position_encoding, encode each table's sentences once, pick the rows of the stories: vectors[story] is (B, M, D).
# K + 1 of these; `pairwise` gives neighbours. Where is a memory there?

# %% test="answer_values" points=4
tables, times = torch.zeros(2, 5, 4), torch.zeros(2, 3, 4)
tables[0, 1:3], tables[1, 3:5] = 9 * torch.eye(4)[:2], torch.eye(4)[2:]
sentences = torch.tensor([[0, 0], [1, 3], [2, 4], [1, 0], [2, 0]])  # 1 anna, 2 ben, 3 attic, 4 garden
what = "answer with one hop: anna attic, ben garden, and who is asked for"
story, question = torch.tensor([[0, 1, 2], [0, 1, 2]]), torch.tensor([3, 4])
scores, p = pair(student.answer(sentences, story, question, tables, times), "answer", "scores and attention")
hint = "(B, K, M): found by the first table; memory 0 is not there"
close(p, [[[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]], f"attention of {what}", hint, atol=1e-3)
expected = [[0.0, 0.0, 0.0, 0.75, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]
close(scores, expected, f"scores of {what}", "(B, V): rows of the last table · u", atol=1e-2)
shapes = {"the tables": (3, 5, 4), "the times": (3, 3, 4)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
got = pair(student.answer(sentences, story, question, *leaves.values()), "answer", "scores and attention")
flows(got[0], leaves, "the scores of answer")
### BEGIN HIDDEN TESTS
for hops, b, m, d in ((1, 3, 4, 2), (2, 2, 3, 5), (3, 1, 5, 4)):
    v, s, j = 6, 7, 3
    tables, times = 0.7 * torch.randn(hops + 1, v, d), 0.7 * torch.randn(hops + 1, m, d)
    sentences, question = torch.randint(v, (s, j)), torch.randint(1, s, (b,))
    sentences[0] = 0
    story = torch.randint(s, (b, m))
    story[:, -1] = s - 1
    story[0, 1] = 0
    leaves = {"the tables": tables.requires_grad_(), "the times": times.requires_grad_()}
    got = pair(student.answer(sentences, story, question, tables, times), "answer", "scores and attention")
    wanted = reference.answer(sentences, story, question, tables, times)
    names = (f"scores with {hops} hops", f"attention of {hops} hops")
    hints = (
        "rows of the last table · u; m from table k, c from k + 1, times to both",
        "(B, K, M), hop by hop",
    )
    for name, hint, one, other in zip(names[::-1], hints[::-1], got[::-1], wanted[::-1]):
        close(one, other, name, hint, rtol=1e-3)
    follows(got[0], leaves, wanted[0], names[0])

# %% [markdown]
# ## 4 A tape with addresses (12 points, 40 minutes)
#
# So far the memory was only read. A **neural Turing machine** (Graves et al., 2014) has heads that read *and write*, and
# everything about them is soft, so that gradients flow: a head is not at one slot, it attends to all of them, with weights w
# that add up to 1. It finds its place in two ways. The first is by **content**: a key is compared with every slot by the
# cosine, times a strength; a softmax makes w. Guess: which strength makes the head look at one slot only?

# %%
for strength in (0.0, 1.0, 20.0):
    print(strength, (strength * torch.tensor([1.0, 0.0, -1.0])).softmax(0))

# %% solution="content"
# The cosine: the product over both lengths. F.cosine_similarity knows it, along an axis `dim`.

# %% test="content_values" points=3
memory = torch.tensor([[[2.0, 0.0], [0.0, 5.0], [-1.0, 0.0]]])
got = student.content(memory, torch.tensor([[3.0, 0.0]]), torch.tensor([1.0]))
expected = [[0.6652, 0.2447, 0.0900]]
what = "content of slots that point along, across and against the key, strength 1"
mistakes = {
    "lengths matter": ([[0.9974, 0.0025, 0.0001]], "over the length of the slot and of the key"),
    "the key's length matters": ([[0.9503, 0.0473, 0.0024]], "over both lengths"),
    "it is no softmax": ([[1.0, 0.0, -1.0]], "weights add up to 1"),
}
close(got, expected, what, "softmax of 1, 0, -1: lengths do not matter", atol=1e-3, mistakes=mistakes)
shapes = {"the memory": (2, 3, 2), "the key": (2, 2)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
leaves["the strength"] = (1 + torch.rand(2)).requires_grad_()
flows(student.content(*leaves.values()), leaves, "content")
### BEGIN HIDDEN TESTS
for b, n, width in ((3, 5, 2), (1, 4, 3), (2, 3, 6)):
    memory, key = torch.randn(b, n, width), torch.randn(b, width)
    leaves = {"the memory": memory, "the key": key, "the strength": 1 + 5 * torch.rand(b)}
    leaves = {name: leaf.requires_grad_() for name, leaf in leaves.items()}
    product = torch.einsum("bnw,bw->bn", memory, key)
    cosine = product / memory.norm(dim=2) / key.norm(dim=1, keepdim=True)
    wanted = (leaves["the strength"][:, None] * cosine).softmax(1)
    got = student.content(*leaves.values())
    close(got, wanted, f"content of {b} keys and {n} slots", "softmax over slots of strength · cosine")
    follows(got, leaves, wanted, "content")

# %% [markdown]
# The second way is by **location**: from where the head is, one slot back, stay, or one slot on, on a ring. The controller gives
# three shares s that add up to 1. By hand: a head at slot 0 of four, with shares 1/4, 1/2, 1/4. Where does it look next?

# %%
[0.5, 0.25, 0, 0.25]

# %% solution="shift"
# w.roll(1, 1) moves everything one slot on; what falls out behind comes in at the front.

# %% test="shift_values" points=3
w = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
got = student.shift(w, torch.tensor([[0.1, 0.2, 0.7]]))
hint = "a tenth one slot back, two tenths stay, the rest one slot on"
mistakes = {"it goes the other way round": ([[0.7, 0.2, 0.1, 0.0]], "the first share goes back")}
close(got, [[0.1, 0.2, 0.7, 0.0]], "shift of a head at slot 1, shares 0.1, 0.2, 0.7", hint, mistakes=mistakes)
got = student.shift(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[0.25, 0.5, 0.25]]))
what = "shift of a head at slot 0"
mistakes = {"what leaves the tape is lost": ([[0.5, 0.25, 0.0, 0.0]], "slots lie in a ring")}
close(got, [[0.5, 0.25, 0.0, 0.25]], what, "a ring: before slot 0 lies the last one", mistakes=mistakes)
leaves = {"w": torch.rand(2, 5, requires_grad=True), "s": torch.rand(2, 3, requires_grad=True)}
flows(student.shift(*leaves.values()), leaves, "shift")
### BEGIN HIDDEN TESTS
for b, n in ((2, 3), (3, 7), (1, 5)):
    w, s = torch.rand(b, n).softmax(1).requires_grad_(), torch.randn(b, 3).softmax(1).requires_grad_()
    kernel = torch.zeros(b, n)
    kernel[:, -1], kernel[:, 0], kernel[:, 1] = s[:, 0], s[:, 1], s[:, 2]
    places = (torch.arange(n)[:, None] - torch.arange(n)) % n
    wanted = (kernel[:, places] @ w[..., None])[..., 0]
    got = student.shift(w, s)
    what = f"shift of {b} heads over {n} slots"
    close(got, wanted, what, "circular convolution, each head with its own shares")
    follows(got, {"w": w, "s": s}, wanted, "shift")

# %% [markdown]
# Each shift blurs. After forty of them a head would be everywhere. Against that attention is **sharpened**: every weight to
# the power gamma, at least 1, and then over their sum. By hand: 1/4 and 3/4 with gamma 2.

# %%
(1 / 16) / (1 / 16 + 9 / 16), (9 / 16) / (1 / 16 + 9 / 16)

# %% solution="sharpen"
# A weight may be 0. If you take its logarithm on the way, clamp it first: w.clamp(min=1e-8) is near enough.

# %% test="sharpen_values" points=3
w = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
got = student.sharpen(w, torch.tensor([2.0, 5.0]))
what = "sharpen of 1/4 and 3/4 with gamma 2, and of halves with gamma 5"
mistakes = {
    "it does not add up to 1": ([[0.0625, 0.5625], [0.0313, 0.0313]], "over the sum of the row"),
    "a softmax": (lambda: (torch.tensor([[2.0], [5.0]]) * w).softmax(1), "a power, not an exponential"),
}
close(got, [[0.1, 0.9], [0.5, 0.5]], what, "each row with its own gamma", mistakes=mistakes)
leaves = {"w": w.clone().requires_grad_(), "gamma": torch.tensor([2.0, 1.5], requires_grad=True)}
flows(student.sharpen(*leaves.values()), leaves, "sharpen")
edge = {
    "w": torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True),
    "gamma": torch.tensor([1.5], requires_grad=True),
}
for name, slope in zip(edge, slopes(student.sharpen(*edge.values()), edge, "sharpen")):
    what = f"the gradient of sharpen in {name} where a weight is 0"
    hint = "what is the slope of log w at 0? clamp first"
    holds(slope is not None and torch.isfinite(slope).all(), what, "finite numbers", slope, hint)
### BEGIN HIDDEN TESTS
for b, n in ((2, 4), (3, 3), (1, 6)):
    w, gamma = torch.randn(b, n).softmax(1).requires_grad_(), (1 + 3 * torch.rand(b)).requires_grad_()
    wanted = (gamma[:, None] * w.log()).softmax(1)
    got = student.sharpen(w, gamma)
    what = f"sharpen of {b} heads over {n} slots"
    close(got, wanted, what, "w to the power gamma, over its sum", rtol=1e-3)
    follows(got, {"w": w, "gamma": gamma}, wanted, "sharpen")
small = torch.tensor([[1 - 3e-5, 2e-5, 1e-5, 0.0]])
got = student.sharpen(small, torch.ones(1))
hint = "nothing changes: a clamp much above 1e-8 would lift small weights"
close(got, small, "sharpen of weights near 0 with gamma 1", hint, rtol=1e-4, atol=2e-6)

# %% [markdown]
# Turn both knobs: a head is shifted forty times with half of it staying and a quarter to each side. Which gamma is enough to
# keep it in place?


# %%
def forty(gamma=1.0, stays=0.5):
    """Draw where a head looks over forty shifts that should leave it where it is."""
    w, seen = torch.eye(15)[7:8], []
    for _ in range(40):
        s = torch.tensor([[(1 - stays) / 2, stays, (1 - stays) / 2]])
        w = sharpen(shift(w, s), torch.tensor([gamma]))
        seen.append(w[0])
    figure, ax = plots.subplots()
    ax.imshow(torch.stack(seen).T, aspect="auto", vmin=0, vmax=1)
    ax.set(xlabel="step", ylabel="slot")
    return plots.show(figure, f"Attention of a head over forty steps, gamma {gamma:.1f}, {stays:.0%} stays")


turn(forty, "which gamma keeps a head in place?", gamma=(1.0, 4.0, 0.2), stays=(0.2, 1.0, 0.1))

# %% [markdown]
# **Reading** is a sum of slots by attention, as in a hop. **Writing** is two things: first erase, as much as the head is there
# and as the erase vector says; then add. By hand: a slot holds 10, the head is half there, erase is 1, and 4 is added.

# %%
10 * (1 - 0.5 * 1) + 0.5 * 4

# %% solution="write"
# Outer products: w[..., None] is (B, N, 1), erase[:, None] is (B, 1, W). Make a new memory; do not write into the old one.


# %%
def old_and_new(memory: Tensor, w: Tensor, erase: Tensor, add: Tensor) -> tuple[Tensor, Tensor]:
    """The memory that `write` was given, as it is afterwards, and the memory that `write` made."""
    new = write(memory, w, erase, add)
    return memory, new


# %% test="write_values" points=3
memory, w = torch.tensor([[[10.0, 1.0], [20.0, 2.0], [30.0, 3.0]]]), torch.tensor([[0.5, 0.0, 1.0]])
erase, add = torch.tensor([[1.0, 0.0]]), torch.tensor([[4.0, 5.0]])
got = student.write(memory, w, erase, add)
what = "write with a head half at slot 0 and wholly at slot 2: erase the first number, add 4 and 5"
mistakes = {
    "nothing is erased": ([[[12.0, 3.5], [20.0, 2.0], [34.0, 8.0]]], "first erase"),
    "it is erased wherever the head is, wholly or not": (
        [[[2.0, 3.5], [20.0, 2.0], [4.0, 8.0]]],
        "as much as the head is there: w times erase",
    ),
    "all slots are written alike": ([[[4.0, 6.0], [4.0, 7.0], [4.0, 8.0]]], "w says where"),
}
close(got, [[[7.0, 3.5], [20.0, 2.0], [4.0, 8.0]]], what, "memory · (1 - w erase) + w add", mistakes=mistakes)
old, _ = student.old_and_new(memory, w, erase, add)
hint = (
    "*=, += and functions with an underscore at their end change what came in, and what was read from it needs it for "
    "its gradients: make a new tensor"
)
close(old, memory, "the old memory, after write", hint)
shapes = {"the memory": (2, 3, 4), "w": (2, 3), "erase": (2, 4), "add": (2, 4)}
leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
flows(student.write(*leaves.values()), leaves, "write")
### BEGIN HIDDEN TESTS
for b, n, width in ((2, 3, 4), (3, 5, 2), (1, 4, 1)):
    shapes = {"the memory": (b, n, width), "w": (b, n), "erase": (b, width), "add": (b, width)}
    leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
    memory, w, erase, add = leaves.values()
    wanted = memory - memory * torch.einsum("bn,bw->bnw", w, erase) + torch.einsum("bn,bw->bnw", w, add)
    got = student.write(*leaves.values())
    close(got, wanted, f"write into {b} memories of {n} slots", "memory · (1 - w erase) + w add")
    follows(got, leaves, wanted, "write")

# %% [markdown]
# ## 5 A machine that copies (7 points, 17 minutes)
#
# Put them together. Two heads begin at slot 0 of an empty tape. At each step both move (shift, then sharpen); the first one
# writes; then the second reads. The controller, one linear layer, has told for every step what the heads are to do.

# %% solution="tape"
# The tape is zeros (B, N, W). F.one_hot makes the first attention. Shares and gammas of head h at step t: [:, t, h].

# %% test="tape_values" points=4
stay, on = [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
shifts = torch.tensor([[[on, stay], [on, stay], [stay, on], [stay, on]]])
add = torch.tensor([[[5.0], [7.0], [0.0], [0.0]]])
reads = student.tape(shifts, torch.ones(1, 4, 2), torch.zeros(1, 4, 1), add, 4)
expected = [[[0.0], [0.0], [5.0], [7.0]]]
what = "tape where the first head goes on twice, writing 5 and 7, and then the second goes on twice"
mistakes = {
    "nothing comes out again": (
        torch.zeros(1, 4, 1),
        "the first head writes, the second reads; is what was written handed on to the next step?",
    ),
    "it writes before it moves": ([[[5.0], [5.0], [7.0], [0.0]]], "first move"),
}
close(reads, expected, what, "move, then write, then read: 5 stands at slot 1", atol=1e-3, mistakes=mistakes)
shapes = {"add": (2, 4, 3)}
leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
leaves["shifts"] = torch.rand(2, 4, 2, 3).softmax(-1).requires_grad_()
leaves["gammas"] = (1 + torch.rand(2, 4, 2)).requires_grad_()
leaves["erase"] = torch.rand(2, 4, 3, requires_grad=True)
flows(student.tape(leaves["shifts"], leaves["gammas"], leaves["erase"], leaves["add"], 5), leaves, "tape")
### BEGIN HIDDEN TESTS
for b, t, width, slots in ((2, 4, 3, 5), (1, 6, 2, 3), (3, 1, 2, 4)):
    leaves = {
        "shifts": torch.randn(b, t, 2, 3).softmax(-1).requires_grad_(),
        "gammas": (1 + 2 * torch.rand(b, t, 2)).requires_grad_(),
        "erase": torch.rand(b, t, width, requires_grad=True),
        "add": torch.randn(b, t, width, requires_grad=True),
    }
    wanted = reference.tape(*leaves.values(), slots)
    got = student.tape(*leaves.values(), slots)
    close(got, wanted, f"tape of {t} steps over {slots} slots", "shift, sharpen, write, read", rtol=1e-3)
    follows(got, leaves, wanted, f"tape of {t} steps")

# %% given="CopyMachine,to_copy,bits_wrong"

# %% [markdown]
# The task: rows of bits, then a mark; after the mark they are to come out again. The controller has no memory of its own, it
# only sees whether the mark has passed. Below, both nets are trained: the memory network on questions, the machine on
# copying rows of at most six. **Predict**: will it copy forty? (At the full tier the reference has learned longer, and without
# softmax at first: the chapter says how.)

# %% given="MemN2N,build,strewn,learn_to_answer,practise,learn_to_copy,far"

# %% trains="memory"
how, run = config(tier), Run("memory", seed=0)
nets = build(tier, stories).to(run.device)
learn_to_answer(nets["answers"], stories, how, run)
learn_to_copy(nets["copies"], how, run)
nets = nets.eval().cpu()
save_artifact("memory", nets, tier)

# %% trains="memory"
held_out = load(tier, "test")
for task, share in enumerate(right(nets["answers"], held_out), 1):
    print(f"task {task}: {share:.1%} right")
print(f"the reference: {entry.value:.1%} ± {entry.std:.1%} over {len(entry.seeds)} seeds")
for length in (how.longest, 2 * how.longest, far(tier)):
    print(f"copying {length} rows: {bits_wrong(nets['copies'], length):.2%} of the bits wrong")

# %% test="trained" points=3
tensors = student.artifact("memory")
holds(
    "answers.tables" in tensors
    and "copies.bits.weight" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "memory.safetensors does not hold both trained nets",
    "finite tensors answers.tables, answers.times, copies.controller.weight, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `nets`",
)
### BEGIN HIDDEN TESTS
judge("memory", tensors, 3)

# %% [markdown]
# What did it look at? For a question about a thing: first the sentence that says who took it, then where they went. The
# columns are sentences, the rows are hops.

# %% trains="memory"
number = int((held_out.question == held_out.question[-1]).nonzero()[-1])
one = slice(number, number + 1)
with torch.no_grad():
    scores, looked = answer(
        held_out.sentences,
        held_out.story[one],
        held_out.question[one],
        nets["answers"].tables,
        nets["answers"].times,
    )
for m, sentence in enumerate(held_out.story[number].tolist()):
    if sentence:
        print(" ".join(f"{p:4.2f}" for p in looked[0, :, m].tolist()), held_out.say(sentence))
asked, said = held_out.say(int(held_out.question[number])), held_out.words[int(scores.argmax())]
print(f"{asked}? {said} ({held_out.words[int(held_out.answer[number])]} is right)")

# %% [markdown]
# Does it look at the right sentences in every case? And could one tell from its attention when it is wrong?
#
# **Hand in** this notebook and `memory.safetensors`; `course_utils.colab.submit("memory")` packs both.
