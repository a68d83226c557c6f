# %% [markdown]
# Which letter comes next? Whoever can say that, at every place of a text, has learned to read: spelling first, then words,
# then who is spoken of. You will count, give letters places in space, build a net whose state goes with it from letter to
# letter, see why it forgets, build one that does not, train it, and let it write.
#
# The chapter *One letter at a time* of the book is the companion to this lab; nothing in it is needed that is not said
# here. Shapes: B rows of a batch, T characters of a row, K characters of the alphabet, D numbers for each of them, H
# hidden numbers.

# %%
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import shakespeare, tales
from course_utils.data.text import Text
from course_utils.training import Run, record
from course_utils.widgets import turn

ORDER = 5  # of the n-grams that are to be beaten
State = tuple[Tensor, Tensor]  # an LSTM's state and memory, (layers, B, H) each

# %% given="Config,config,load"

# %% [markdown]
# At the mini tier the text is made by a small grammar, so that something is known of it that nobody knows of a real text:
# how surprising it is to a reader who knows the grammar by heart. At the full tier it is Shakespeare's. Read a little.
# Where would you know the next letter for certain, and how far back did you have to look for it?

# %%
text = load(tier, "train")
train_text = text.decode(text.codes)
test_codes = load(tier, "test").codes
test_text = text.decode(test_codes)
print(train_text[:500])
print(f"\n{len(train_text)} characters, {len(text.alphabet)} different ones: {text.alphabet!r}")

# %% [markdown]
# ## 1 Counting (5 points, 20 minutes)
#
# Before any net: count. How often does each character stand behind each *context*, that is, behind each run of 0, 1, 2, …
# characters? Do it by hand for "abab" and contexts of up to one character:

# %%
{"": {"a": 2, "b": 2}, "a": {"b": 2}, "b": {"a": 1}}

# %% solution="counts"
# For each place of the text, and each length of a context that fits before it: one more.


# %% test="counts_values" points=2
def plain(table):
    return {context: {c: int(n) for c, n in seen.items()} for context, seen in dict(table).items()}


got = plain(student.counts("abab", 2))
hint = "contexts of 0 and of 1 character; what stands last in the text has nothing behind it"
mistakes = {
    "the empty context is missing": ({"a": {"b": 2}, "b": {"a": 1}}, "lengths begin at 0"),
    "contexts are one character too long": (
        {"": {"a": 2, "b": 2}, "a": {"b": 2}, "b": {"a": 1}, "ab": {"a": 1}, "ba": {"b": 1}},
        "n - 1 characters at most",
    ),
}
equal(got, {"": {"a": 2, "b": 2}, "a": {"b": 2}, "b": {"a": 1}}, 'counts("abab", 2)', hint, mistakes=mistakes)
got = plain(student.counts("aab", 3))
expected = {"": {"a": 2, "b": 1}, "a": {"a": 1, "b": 1}, "aa": {"b": 1}}
equal(got, expected, 'counts("aab", 3)', "near the beginning of the text only short contexts fit")
### BEGIN HIDDEN TESTS
import random

for n in (1, 2, 4):
    text = "".join(random.choice("xyz") for _ in range(40))
    wanted = {}
    for t in range(len(text)):
        for length in range(n):
            if length <= t:
                seen = wanted.setdefault(text[t - length : t], {})
                seen[text[t]] = seen.get(text[t], 0) + 1
    got = plain(student.counts(text, n))
    equal(got, wanted, f'counts("{text}", {n})', "every place, every length that fits")
equal(plain(student.counts("q", 5)), {"": {"q": 1}}, 'counts("q", 5)', "a context of length 0 always fits")

# %% [markdown]
# Shares of counts are probabilities, for contexts that were seen often. A long context says more, but was seen less: behind
# "the proud q" there has never been anything but a "u", and if it was seen once, that says little. So let shorter contexts
# smooth longer ones: begin with all characters equally likely; then mix in what was counted behind the empty context, then
# behind the last character, then behind the last two, …; the more there is to count, the more it says:
#
# $$p \leftarrow \frac{n(h, c) + t(h)\, p}{n(h) + t(h)}$$
#
# n(h, c) is how often c follows the context h, n(h) how often anything does, t(h) how many *different* characters do (Witten
# & Bell, 1991). By hand: two characters, a and b; a has been counted 3 times and b once. What becomes of 1/2 and 1/2?

# %%
(3 + 2 * 0.5) / (4 + 2), (1 + 2 * 0.5) / (4 + 2)

# %% solution="smoothed"
# The last `length` characters of a text: what does text[-0:] give? text[len(text) - length :] is safer.


# %%
def likely(
    table: Mapping[str, Mapping[str, int]], contexts: list[str], alphabet: str, n: int
) -> list[dict[str, float]]:
    """`smoothed` behind one context after another, with one table; its counts may stand in plain dictionaries."""
    same = {h: Counter(seen) for h, seen in table.items()}
    return [smoothed(same, context, alphabet, n) for context in contexts]


# %% test="smoothed_values" points=3
from collections import Counter

table = {"": Counter(a=3, b=1), "a": Counter(b=1)}


def asked(table, context, alphabet, n):
    """The probabilities as a list, in the alphabet's order."""
    (p,) = student.likely(table, [context], alphabet, n)
    got = sorted(p)
    equal(got, sorted(alphabet), "the characters that smoothed speaks of", "every character has its share")
    return [p[c] for c in alphabet]


got = asked(table, "", "ab", 1)
what = "smoothed behind nothing, a counted 3 times and b once"
hint = "compare with the cell above"
close(got, [2 / 3, 1 / 3], what, hint, mistakes={"the counts alone": ([3 / 4, 1 / 4], "t(h) · p is missing")})
got = asked(table, "a", "ab", 2)
hint = "first the empty context, as before; then p of that becomes (0 + 1 · 2/3) / 2 and (1 + 1 · 1/3) / 2"
mistakes = {
    "the empty context is left out": ([1 / 4, 3 / 4], "contexts grow from length 0"),
    "the longer context is left out": ([2 / 3, 1 / 3], "n = 2 looks at one character"),
}
close(got, [1 / 3, 2 / 3], 'smoothed behind "a", where b was counted once', hint, mistakes=mistakes)
hint = "a context that the table does not know changes nothing"
close(asked(table, "bb", "ab", 3), [2 / 3, 1 / 3], 'smoothed behind "bb", of which nothing is known', hint)
_, again = student.likely(table, ["a", "a"], "ab", 2)
hint = "the table is what was counted: does smoothed write into it?"
close([again[c] for c in "ab"], [1 / 3, 2 / 3], 'smoothed behind "a" when it is asked a second time', hint)
### BEGIN HIDDEN TESTS
import random


for n in (1, 2, 3, 5):
    text = "".join(random.choice("aabc ") for _ in range(60))
    known = reference.counts(text, n)
    for context in ("", "a", "ba", "c ab", text[-9:], "zzz"):
        p = reference.smoothed(known, context, "abc d", n)
        what = f"smoothed behind {context!r} with n = {n}, counted in {text!r}"
        hint = "the last n - 1 characters of the context at most, the shortest first"
        close(asked(known, context, "abc d", n), [p[c] for c in "abc d"], what, hint)

# %% given="surprise"

# %% [markdown]
# How well does counting foretell? The measure is **surprise**: -log p of the character that came, in nats, on average over
# a text in which nothing was counted. Guess: from which n on do longer contexts help no more?

# %%
counted = [surprise(counts(train_text, n), test_text, text.alphabet, n) for n in range(1, 9)]
for n, cost in enumerate(counted, 1):
    print(f"{n}-grams: {cost:.3f} nats a character")
if tier == "mini":
    print(f"who knows the grammar: {tales.entropy('test'):.3f}")

# %% [markdown]
# Counting sees n - 1 characters and nothing before them. That is its *Markov assumption*, and it costs something: who was
# proud, the king or the foxes, stands thirty characters back.
#
# ## 2 A place for each letter (4 points, 15 minutes)
#
# A net wants numbers. Write character k as a **one-hot** vector, all zeros but a 1 in place k, and multiply it with a table of
# K rows:

# %%
table = torch.tensor([[5.0, 6.0], [7.0, 8.0], [9.0, 1.0]])
one_hot = torch.tensor([0.0, 0.0, 1.0])
print(one_hot @ table, "which is row 2:", table[2])

# %% [markdown]
# So nobody multiplies: a row is looked up, and it is called the character's **embedding**.

# %% solution="embed"

# %% test="embed_values" points=1
table = torch.tensor([[5.0, 6.0], [7.0, 8.0], [9.0, 1.0]], requires_grad=True)
codes = torch.tensor([[2, 0, 2]])
hint = "for each code its row, in a new last axis"
close(student.embed(codes, table), [[[9.0, 1.0], [5.0, 6.0], [9.0, 1.0]]], "embed of the codes 2, 0, 2", hint)
flows(student.embed(codes, table), {"the table": table}, "embed")
### BEGIN HIDDEN TESTS
for shape, k, d in (((4,), 5, 3), ((2, 6), 3, 1), ((2, 2, 2), 7, 4), ((), 4, 2)):
    codes, table = torch.randint(k, shape), torch.randn(k, d, requires_grad=True)
    wanted = torch.nn.functional.one_hot(codes, k).float() @ table
    got = student.embed(codes, table)
    close(got, wanted, f"embed of codes {shape}, {k} rows of {d}", "any shape of codes")
    follows(student.embed(codes, table), {"the table": table}, wanted, f"embed of codes {shape}")

# %% [markdown]
# And backwards? Suppose the codes are 2, 0, 2 and the loss tells each of the three places, as a row of `upstream`, how it
# should change. What does it tell row 2 of the table, which two places have taken? And row 1, which none has? Write it
# without autograd.

# %% solution="embed_gradient"
# Zeros of the table's shape; then add each place's gradient to the row that it took. `index_add` does it in one line.

# %% test="embed_gradient_values" points=3
codes = torch.tensor([[2, 0, 2]])
upstream = torch.tensor([[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]])
got = student.embed_gradient(codes, upstream, 3)
expected = [[2.0, 20.0], [0.0, 0.0], [5.0, 50.0]]
what = "embed_gradient of the codes 2, 0, 2"
mistakes = {
    "only the last place that took a row counts": (
        [[2.0, 20.0], [0.0, 0.0], [4.0, 40.0]],
        "gradient[codes] += … writes each row once, however often it is named",
    ),
    "it is averaged": (
        [[2.0, 20.0], [0.0, 0.0], [2.5, 25.0]],
        "the loss's change is the sum over all the ways in which a row has a say",
    ),
}
close(got, expected, what, "rows that were taken twice are told twice", mistakes=mistakes)
### BEGIN HIDDEN TESTS
few = torch.tensor([[0, 1]])
got = student.embed_gradient(few, torch.ones(1, 2, 3), 4)
expected = torch.tensor([[1.0], [1.0], [0.0], [0.0]]).expand(4, 3)
what = "embed_gradient where the last rows were never taken"
close(got, expected, what, "a table of `count` rows has a gradient of `count` rows")
for b, t, k, d in ((3, 5, 4, 2), (1, 1, 6, 3), (2, 30, 3, 1), (4, 2, 9, 5)):
    codes, table = torch.randint(k, (b, t)), torch.randn(k, d, requires_grad=True)
    upstream = torch.randn(b, t, d)
    wanted = torch.autograd.grad(table[codes], table, upstream)[0]
    got = student.embed_gradient(codes, upstream, k)
    what = f"embed_gradient of codes {(b, t)} in a table of {k} rows"
    close(got, wanted, what, "(K, D): rows that nobody took are 0, and there are `count` of them", rtol=1e-3)

# %% [markdown]
# ## 3 A state that goes along (5 points, 18 minutes)
#
# Instead of a window of fixed width: keep a **state** h, and at each character update it. The same weights at every place,
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b),$$
#
# so the state may know of anything that was ever read. By hand, with one number each: W = 1, U = 0.5, b = 0, h = 0, and x = 1,
# 0, 0. Which states follow?

# %%
h = math.tanh(1.0)
print(f"{h:.4f}", f"{math.tanh(0.5 * h):.4f}", f"{math.tanh(0.5 * math.tanh(0.5 * h)):.4f}")

# %% solution="rnn_step"
# Points are rows: W x for each of them is x @ W.T.

# %% test="rnn_step_values" points=2
x, h = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.5, 0.0]])
W, b = torch.tensor([[1.0, 9.0], [0.0, 9.0], [2.0, 9.0]]), torch.tensor([0.0, 0.0, 1.0])
U = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 7.0], [0.0, 0.0, 7.0]])
got = student.rnn_step(x, h, W, U, b)
what = "rnn_step where W x = (1, 0, 2), U h = (1, 0, 0) and b = (0, 0, 1)"
hint = "tanh of the sum, (2, 0, 3); rows of W and U belong to the new state's numbers"
mistakes = {
    "the bias is missing": ([[0.9640, 0.0, 0.9640]], "W x + U h + b"),
    "the old state is missing": ([[0.7616, 0.0, 0.9951]], "W x + U h + b"),
    "U is turned over": ([[0.7616, 0.0, 1.0]], "rows of U belong to the *new* state"),
    "tanh is missing": ([[2.0, 0.0, 3.0]], "a state lies between -1 and 1"),
    "tanh of each part": ([[1.5232, 0.0, 0.9951]], "first the sum"),
}
close(got, [[0.9640, 0.0, 0.9951]], what, hint, atol=1e-3, mistakes=mistakes)
shapes = {"x": (2, 2), "h": (2, 3), "W": (3, 2), "U": (3, 3), "b": (3,)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
flows(student.rnn_step(*leaves.values()), leaves, "rnn_step")
### BEGIN HIDDEN TESTS
for n, d, k in ((3, 2, 4), (1, 5, 1), (2, 3, 3)):
    cell = torch.nn.RNNCell(d, k)
    x, h = torch.randn(n, d), torch.randn(n, k)
    W, U, b = cell.weight_ih.detach(), cell.weight_hh.detach(), (cell.bias_ih + cell.bias_hh).detach()
    what = f"rnn_step of {n} rows, {d} numbers read, {k} hidden, against nn.RNNCell"
    close(student.rnn_step(x, h, W, U, b), cell(x, h), what, "tanh(W x + U h + b)")
x, h, W, U, b = leaves.values()
follows(student.rnn_step(x, h, W, U, b), leaves, torch.tanh(x @ W.T + h @ U.T + b), "rnn_step")

# %% solution="unroll"
# A loop over the places; each step gets the state of the one before.

# %% test="unroll_values" points=3
one, half, none = torch.ones(1, 1), torch.full((1, 1), 0.5), torch.zeros(1)
got = student.unroll(torch.tensor([[[1.0], [0.0], [0.0]]]), torch.zeros(1, 1), one, half, none)
expected = [[[0.7616], [0.3634], [0.1797]]]
hint = "(B, T, H): a state for each place; each step starts from the state of the one before"
mistakes = {"each step starts from the first state": ([[[0.7616], [0.0], [0.0]]], "hand the new state on")}
close(got, expected, "the states of the example above", hint, atol=1e-3, mistakes=mistakes)
shapes = {"xs": (2, 4, 2), "h": (2, 3), "W": (3, 2), "U": (3, 3), "b": (3,)}
leaves = {name: (torch.randn(shape) / 2).requires_grad_() for name, shape in shapes.items()}
flows(student.unroll(*leaves.values()), leaves, "unroll")
### BEGIN HIDDEN TESTS
for n, t, d, k in ((3, 6, 2, 4), (1, 1, 3, 2), (2, 5, 1, 1)):
    net = torch.nn.RNN(d, k, batch_first=True)
    xs, h = torch.randn(n, t, d), torch.randn(n, k)
    W, U = net.weight_ih_l0.detach(), net.weight_hh_l0.detach()
    b = (net.bias_ih_l0 + net.bias_hh_l0).detach()
    what = f"unroll of {n} rows of {t} places, against nn.RNN"
    hint = "the states, (B, T, H), the first after the first place; h is not always 0"
    close(student.unroll(xs, h, W, U, b), net(xs, h[None])[0], what, hint, rtol=1e-3, atol=1e-4)

follows(student.unroll(*leaves.values()), leaves, reference.unroll(*leaves.values()), "unroll")

# %% [markdown]
# How far back does it learn? Ask autograd how much the last state would change with what was read t places before. Turn the
# size of U: below 1, at 1, above. **Predict** the three curves on a logarithmic axis first.


# %%
def reach(size=1.0):
    """Draw the gradient of the last state in what was read 0, 1, 2, … places before."""
    torch.manual_seed(0)
    xs = (0.1 * torch.randn(1, 60, 32)).requires_grad_()
    U = size * torch.linalg.qr(torch.randn(32, 32))[0]
    last = unroll(xs, torch.zeros(1, 32), torch.eye(32), U, torch.zeros(32))[:, -1]
    slope = torch.autograd.grad(last, xs, torch.randn_like(last))[0].norm(dim=2)[0].flip(0)
    figure, ax = plots.subplots()
    ax.semilogy(slope)
    ax.set(xlabel="places back", ylabel="size of the gradient", ylim=(1e-12, 1e4))
    return plots.show(
        figure, f"What the last state owes to earlier places where U is {size:.1f} times a rotation"
    )


turn(reach, "from which size on do far places count more than near ones?", size=(0.5, 1.5, 0.1))

# %% [markdown]
# A product of sixty equal factors: below 1 it **vanishes**, above 1 it **explodes** (until tanh saturates). The first makes the
# net forget; the second makes training jump.
#
# ## 4 Not so fast (3 points, 8 minutes)
#
# Against jumps there is a plain remedy. Take all gradients of a net as one long vector. If it is longer than 5, shorten it to
# 5. By hand: a net of two numbers has the gradients 30 and 40. How long are they together?

# %% solution="clip"

# %% test="clip_values" points=3
got = student.clip([torch.tensor([30.0]), torch.tensor([40.0])])
expected = [torch.tensor([3.0]), torch.tensor([4.0])]
what = "clip of the gradients 30 and 40, which are 50 long together"
mistakes = {
    "each is shortened by itself": (
        [torch.tensor([5.0]), torch.tensor([5.0])],
        "that turns the step: one norm for all of them",
    ),
    "each number is cut": ([torch.tensor([5.0]), torch.tensor([5.0])], "shorten, do not cut"),
}
close(got, expected, what, "both are shortened by the same factor", mistakes=mistakes)
got = student.clip([torch.tensor([0.3]), torch.tensor([[0.4]])])
expected = [torch.tensor([0.3]), torch.tensor([[0.4]])]
mistakes = {"they are made longer": ([torch.tensor([3.0]), torch.tensor([[4.0]])], "only shorten")}
close(got, expected, "clip of short gradients", "what is short enough stays", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for most, scale in ((5.0, 10.0), (1.0, 0.01), (2.5, 3.0)):
    gradients = [scale * torch.randn(*shape) for shape in ((3, 4), (5,), (2, 1, 2))]
    norm = sum((g**2).sum() for g in gradients) ** 0.5
    wanted = [g * min(1.0, most / norm.item()) for g in gradients]
    for place, (one, other) in enumerate(zip(student.clip(gradients, most), wanted)):
        what = f"clip of three gradients of norm {norm:.3g}, at most {most}: part {place}"
        close(one, other, what, "the norm of all numbers together: the root of the sum of all their squares")
got = student.clip([torch.zeros(3)])
close(got, [torch.zeros(3)], "clip of gradients of 0", "0 / 0: what is short enough is not divided at all")

# %% [markdown]
# ## 5 A memory with gates (5 points, 25 minutes)
#
# Against forgetting it takes another cell. Keep a **memory** c beside the state, and let nothing happen to it but this:
#
# $$c_t = f \cdot c_{t-1} + i \cdot g, \qquad h_t = o \cdot \tanh c_t$$
#
# The forget gate f, between 0 and 1, says how much of it stays; the input gate i how much of the candidate g comes in; the
# output gate o how much of it is shown. Where f is 1, a gradient goes back unchanged, as far as you like. All four come from
# what is read and from the state, by one product: W x + U h + b has 4 H numbers, for i, f, g and o in this order; a sigmoid
# makes gates of three of them, tanh the candidate of one. By hand, c = 2 and gates half open: what comes out with g = 1?

# %%
c = 0.5 * 2 + 0.5 * 1
print("memory", c, "state", 0.5 * math.tanh(c))

# %% solution="lstm_step"
# chunk(4, dim=1) cuts the product. Which of the four parts go through a sigmoid?

# %% test="lstm_step_values" points=5
x, h, c = torch.zeros(1, 2), torch.zeros(1, 1), torch.full((1, 1), 2.0)
W, U = torch.zeros(4, 2), torch.zeros(4, 1)
big = 30.0


def lstm(b, what):
    return pair(
        student.lstm_step(x, h, c, W, U, torch.tensor(b)), f"lstm_step with {what}", "state and memory"
    )


state, memory = lstm([0.0, 0.0, big, 0.0], "gates half open, candidate 1")
what = "the memory where it was 2, all gates are half open and the candidate is 1"
mistakes = {
    "state and memory are exchanged": ([[0.4526]], "the state comes first"),
    "the candidate goes through a sigmoid as well and a gate through tanh": (
        [[0.5]],
        "the third of the four is the candidate",
    ),
}
close(memory, [[1.5]], what, "0.5 · 2 + 0.5 · 1", mistakes=mistakes)
close(state, [[0.4526]], "the state there", "0.5 · tanh(1.5)", atol=1e-3)
close(lstm([-big, big, big, 0.0], "i shut, f open")[1], [[2.0]], "the memory with i shut and f open")
close(lstm([big, -big, big, 0.0], "i open, f shut")[1], [[1.0]], "the memory with i open and f shut")
hint = "what is in the memory, is not shown"
close(lstm([0.0, 0.0, big, -big], "o shut")[0], torch.zeros(1, 1), "the state with o shut", hint, atol=1e-4)
shapes = {"x": (2, 2), "h": (2, 3), "c": (2, 3), "W": (12, 2), "U": (12, 3), "b": (12,)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
state, memory = pair(student.lstm_step(*leaves.values()), "lstm_step", "state and memory")
flows(state, leaves, "the state of lstm_step")
flows(memory, leaves, "the memory of lstm_step")
### BEGIN HIDDEN TESTS
for n, d, k in ((3, 2, 6), (1, 4, 1), (2, 3, 3)):
    cell = torch.nn.LSTMCell(d, k)
    x, h, c = torch.randn(n, d), torch.randn(n, k), torch.randn(n, k)
    W, U, b = cell.weight_ih.detach(), cell.weight_hh.detach(), (cell.bias_ih + cell.bias_hh).detach()
    got = pair(student.lstm_step(x, h, c, W, U, b), "lstm_step", "state and memory")
    for name, one, other in zip(("state", "memory"), got, cell(x, (h, c))):
        what = f"the {name} of lstm_step, {n} rows, {d} numbers read, {k} hidden, against nn.LSTMCell"
        close(one, other, what, "i, f, g, o in this order; the new state is made from the new memory")
for name, one, other in zip(("state", "memory"), (state, memory), reference.lstm_step(*leaves.values())):
    follows(one, leaves, other, f"the {name} of lstm_step")

# %% [markdown]
# The same picture as above for this cell, where the forget gate is nearly open. Turn its bias. Where does the gradient of
# sixty places ago come through?


# %%
def reach_of_memory(bias=1.0):
    """Draw the gradient of the last memory in what was read 0, 1, 2, … places before."""
    torch.manual_seed(0)
    xs = (0.1 * torch.randn(1, 60, 32)).requires_grad_()
    W, U = 0.3 * torch.randn(128, 32), 0.05 * torch.randn(128, 32)
    b = torch.zeros(128)
    b[32:64] = bias
    h = c = torch.zeros(1, 32)
    for x in xs.unbind(1):
        h, c = lstm_step(x, h, c, W, U, b)
    slope = torch.autograd.grad(c, xs, torch.randn_like(c))[0].norm(dim=2)[0].flip(0)
    figure, ax = plots.subplots()
    ax.semilogy(slope)
    ax.set(xlabel="places back", ylabel="size of the gradient", ylim=(1e-12, 1e4))
    return plots.show(
        figure, f"What the last memory owes to earlier places where the forget gate's bias is {bias:.1f}"
    )


turn(reach_of_memory, "which bias lets sixty places through?", bias=(-2.0, 6.0, 1.0))

# %% [markdown]
# ## 6 Surprise (3 points, 8 minutes)
#
# A net gives scores; a softmax makes probabilities of them, and -log p of what came is its surprise, in **nats**. Divided by
# log 2 it is in bits, and its exponential is the **perplexity**: as many equally likely characters would be as surprising.
# Which surprise has a net of four equal scores?

# %%
math.log(4), math.log(4) / math.log(2), math.exp(math.log(4))

# %% solution="nats"
# log_softmax is finite where log(softmax(…)) is not. `gather` picks the number of the character that came.

# %% test="nats_values" points=3
scores, codes = torch.zeros(1, 2, 4), torch.tensor([[3, 0]])
got = student.nats(scores, codes)
mistakes = {
    "bits": (2.0, "the natural logarithm"),
    "the sum over places": (2.7726, "the mean"),
    "the sign is missing": (-1.3863, "surprise is not negative"),
}
close(got, 1.3863, "nats of four equal scores", "-log(1/4)", atol=1e-3, mistakes=mistakes)
scores[0, 0, 3] = scores[0, 1, 0] = 500.0
close(student.nats(scores, codes), 0.0, "nats of a net that is sure, and right", "0", atol=1e-4)
got = student.nats(scores, torch.tensor([[0, 1]]))
close(got, 500.0, "nats of a net that is sure, and wrong", "finite: log_softmax knows how")
leaf = torch.randn(2, 3, 5, requires_grad=True)
flows(student.nats(leaf, torch.randint(5, (2, 3))), {"the scores": leaf}, "nats")
### BEGIN HIDDEN TESTS
for b, t, k in ((2, 3, 5), (1, 7, 2), (4, 1, 9)):
    scores, codes = (3 * torch.randn(b, t, k)).requires_grad_(), torch.randint(k, (b, t))
    wanted = torch.nn.functional.cross_entropy(scores.flatten(0, 1), codes.flatten())
    got = student.nats(scores, codes)
    close(got, wanted, f"nats of scores {(b, t, k)}", "the mean over all places of all rows")
    follows(student.nats(scores, codes), {"the scores": scores}, wanted, "nats")

# %% [markdown]
# ## 7 Train it (3 points, 5 minutes)
#
# A table, an LSTM (PyTorch's, for speed: you have just seen that it is yours) and scores. The text is cut into rows that lie
# side by side; a step reads the next few dozen characters of each. The *state* goes on from step to step, and so the net may
# know what stands far back; *gradients* stay within a step, which is called **truncated backpropagation**. Where in the cell
# below is the thread cut?

# %% given="LanguageModel,build,rows,span,measured"

# %% trains="recurrence"
how = config(tier)
run = Run("recurrence", seed=0)
model = build(tier, len(text.alphabet)).to(run.device)
optimizer = torch.optim.AdamW(model.parameters(), how.rate, weight_decay=how.decay)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps, pct_start=0.1)
side_by_side, state = rows(text.codes, how.batch).to(run.device), None
for step in run.steps(how.steps, {"net": model, "optimizer": optimizer, "schedule": schedule}):
    read, follows = span(side_by_side, step, how.span)
    with run.autocast():
        scores, state = model(read, state)
        loss = nats(scores.float(), follows)
    state = tuple(part.detach() for part in state)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    schedule.step()
    run.log(nats=loss)
    if run.every(how.steps // 5):
        print(f"step {run.step + 1} of {how.steps}: {loss.item():.3f} nats a character", flush=True)
model.eval()
save_artifact("recurrence", model, tier)

# %% trains="recurrence"
entry = record("recurrence", tier)
net_nats = measured(model, test_codes)
print(
    f"{ORDER}-grams       {counted[ORDER - 1]:.3f} nats a character, perplexity {math.exp(counted[ORDER - 1]):.2f}"
)
print(f"your net      {net_nats:.3f} nats a character, perplexity {math.exp(net_nats):.2f}")
print(f"the reference {entry.value:.3f} ± {entry.std:.3f} over {len(entry.seeds)} seeds")
steps, values = zip(*run.curve["nats"])
figure, ax = plots.subplots()
ax.plot(steps, values)
ax.axhline(counted[ORDER - 1], color=plots.COLOURS[1])
ax.set(xlabel="step", ylabel="nats a character", ylim=(0, 3))
plots.show(figure, "Surprise over the steps of training, and a line where counting stands")

# %% test="trained" points=3
tensors = student.artifact("recurrence")
holds(
    "table" in tensors
    and "lstm.weight_hh_l0" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "recurrence.safetensors does not hold a trained net",
    "finite tensors table, lstm.weight_ih_l0, lstm.weight_hh_l0, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `model`",
)
### BEGIN HIDDEN TESTS
judge("recurrence", tensors, 3)

# %% [markdown]
# ## 8 Let it write (6 points, 20 minutes)
#
# Scores become chances by a softmax, and two knobs change them. The **temperature**: divide the scores by it first. And
# **top-k**: only the k likeliest have a chance at all. What do temperatures near 0 give? And very large ones?

# %% solution="chances"
# Where only some may be drawn: which score is the lowest of those? What is a score that has no chance?

# %% test="chances_values" points=3
scores = torch.tensor([0.0, 1.3863, 0.6931])  # log 1, log 4, log 2
what = "chances of the scores log 1, log 4, log 2"
close(student.chances(scores), [1 / 7, 4 / 7, 2 / 7], what, "in the ratio 1 : 4 : 2", atol=1e-3)
got = student.chances(scores, temperature=0.5)
expected = [1 / 21, 16 / 21, 4 / 21]
mistakes = {
    "scores are multiplied by the temperature": (
        torch.tensor([1.0, 2.0, 1.4142]) / 4.4142,
        "cold makes the likely likelier",
    )
}
close(got, expected, "the same at temperature 0.5", "1 : 16 : 4", atol=1e-3, mistakes=mistakes)
got = student.chances(scores, top=2)
what = "the same where only two have a chance"
mistakes = {
    "they do not add up to 1": ([0.0, 4 / 7, 2 / 7], "choose before the softmax, not after"),
    "the others have a score of 0": ([1 / 7, 4 / 7, 2 / 7], "exp(0) is 1: which score has no chance?"),
}
close(got, [0.0, 2 / 3, 1 / 3], what, "4 : 2, and they add up to 1", atol=1e-3, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for shape, temperature, top in (((2, 5), 0.7, 3), ((4,), 2.0, 1), ((3, 2, 6), 1.0, 6), ((2, 7), 1.3, None)):
    above = 20.0 * torch.arange(len(torch.empty(shape).view(-1, shape[-1])))  # rows lie far from each other
    scores = 2 * torch.randn(*shape) + above.view(*shape[:-1], 1)
    k = shape[-1] if top is None else top
    least = scores.sort(dim=-1).values[..., -k, None]
    wanted = torch.softmax(torch.where(scores >= least, scores / temperature, -torch.inf), -1)
    what = f"chances of scores {shape}, temperature {temperature}, top {top}"
    close(student.chances(scores, temperature, top), wanted, what, "each row by itself")
got = student.chances(torch.tensor([-5.0, -4.0, -3.0]), top=2)
expected = torch.softmax(torch.tensor([-torch.inf, -4.0, -3.0]), 0)
close(got, expected, "chances of negative scores, top 2", "0 is higher than all of them")

# %% [markdown]
# Now write. The model reads the prompt and gives scores and its state. Choose a character by the *last* place's scores; then
# it need read only that one, in the state that it is in.

# %% solution="write"
# What is read first is the prompt, then each character alone. Which place's scores count? Hand the state on.

# %% test="write_values" points=3
read, strange = [], []


def step(codes, state):
    """A model whose state is the sum of what it has read; it prefers that sum plus 1, modulo 11, at each place."""
    read.append((shape_of(codes), state is None))
    if state is not None and shape_of(state) != (len(codes),):
        strange.append(shape_of(state))
        state = None
    before = torch.zeros(len(codes), dtype=torch.long) if state is None else state
    sums = before[:, None] + codes.reshape(len(codes), -1).cumsum(1)
    return torch.nn.functional.one_hot((sums + 1) % 11, 11).float(), sums[:, -1]


def plainly(prompt, count):
    for _ in range(count):
        prompt = torch.cat([prompt, (prompt.sum(1, keepdim=True) + 1) % 11], 1)
    return prompt


seen = []


def likeliest(scores):
    seen.append(shape_of(scores))
    return scores.reshape(2, -1, 11)[:, -1].argmax(-1)


prompt = torch.tensor([[1, 5, 2], [0, 3, 10]])
got = student.write(step, prompt, 4, likeliest)
what = "step is given something that is no state"
hint = "`step` gives two things: in which order?"
holds(not strange, what, "what the call before gave second", strange[:1], hint)
what = "the shape of a prompt of 3 and 4 more"
equal(shape_of(got), (2, 7), what, "the prompt, and what was written behind it")
expected = [(2, 11)]
equal(seen[:1], expected, "the shape of the scores that `choose` is given", "those of the last place, (B, K)")
hint = "does it read each character once, and in the state that the last call gave?"
close(got, plainly(prompt, 4), "a prompt of 3 and 4 more, from a model that adds up what it reads", hint)
expected = [((2, 3), True)]
equal(read[:1], expected, "what step is called with first: shape of the codes, state is None", "the prompt")
what = "what step is called with later: shape of the codes, state is None"
equal(read[1:], [((2, 1), False)] * (len(read) - 1), what, "one character, (B, 1), and the state")
### BEGIN HIDDEN TESTS
for n, length, count in ((1, 1, 1), (3, 1, 6), (2, 5, 1), (4, 3, 9)):
    prompt = torch.randint(11, (n, length))
    got = student.write(step, prompt, count, lambda scores: scores.argmax(-1))
    expected = plainly(prompt, count)
    close(got, expected, f"a prompt {(n, length)} and {count} more", "one call of `choose` a character")
chosen = iter(torch.arange(8).view(4, 2))
got = student.write(step, prompt[:2], 4, lambda scores: next(chosen))[:, 3:]
expected = torch.arange(8).view(4, 2).T
close(got, expected, "what `choose` chose", "it may draw: call it once for each character")

# %% trains="recurrence"
torch.manual_seed(0)
model = model.cpu()
prompt = text.encode("the ")[None]
for temperature, top in ((0.3, None), (1.0, None), (1.0, 3), (2.0, None)):
    codes = write(
        model, prompt, 120, lambda s, t=temperature, k=top: torch.multinomial(chances(s, t, k), 1)[:, 0]
    )
    print(f"temperature {temperature}, top {top}: {text.decode(codes[0])!r}\n")

# %% [markdown]
# Read what it writes. Are its words words? Do adjectives and places fit their nouns? And does the pronoun at the end fit
# who was named first? That last one takes memory over fifty letters: count how often it is right.
#
# **Hand in** this notebook and `recurrence.safetensors`; `course_utils.colab.submit("recurrence")` packs both.
