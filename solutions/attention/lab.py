# %% [markdown]
# Read a sentence in one language, write it in another. A net that reads keeps a state, and a net that writes goes on from a
# state: put one behind the other, and you have a translator. Its whole sentence, though, must pass through one vector.
# You will measure what gets lost there, then build what lets the writer **look back** at all that was read; train it with
# and without; search for better sentences than the first that comes to mind; and judge translations as the field does.
#
# The chapter *Looking back* of the book is the companion to this lab; nothing in it is needed that is not said here.
# Shapes: B rows of a batch, S places of a source, T places of a target, H numbers of a state, K words.

# %%
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import reversals, translation
from course_utils.data.bitext import END, MARKS, PAD, Vocabulary, padded
from course_utils.training import Run, record
from course_utils.widgets import turn

LEAST = 5  # times that a word of the full tier occurs in the training part, or else it is unknown
State = tuple[Tensor, Tensor]  # what a decoder carries: its state (B, H), and what it read last (B, H)
Step = Callable[[int, Any], tuple[Sequence[float], Any]]

# %% given="Config,config,vocabularies,load"

# %% [markdown]
# At the mini tier the "languages" are strings and the same strings backwards; at the full tier English and French. Read a
# few. What must be known before the first letter of a reversed string can be written?

# %%
data, test = load(tier, "train"), load(tier, "test")
source_words, target_words = vocabularies(tier)
for source, target in zip(test.tensors[0][:6], test.tensors[1][:6]):
    print(" ".join(source_words.decode(source)), " -> ", " ".join(target_words.decode(target)))
print(f"{len(data)} pairs, {len(source_words)} words on the left and {len(target_words)} on the right")

# %% [markdown]
# ## 1 I am a cat (7 points, 25 minutes)
#
# A net has read *I am a cat* and has a state for each word, e₁ to e₄. Another has begun to write and is in state h. Which of
# the four does h need? The simplest answer is a product: **h · e** is large where both point the same way. Here with two
# numbers each. Work out all four products, then run the cell.

# %%
e = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [3.0, 0.0]])  # I, am, a, cat
h = torch.tensor([1.0, 2.0])
for word, state in zip(("I", "am", "a", "cat"), e):
    print(f"{word:4} {(h * state).sum():.0f}")

# %% [markdown]
# Now for many at once: T states of a decoder and S of an encoder, in each of B rows.

# %% solution="dot_scores"
# A product of matrices, in each row. Which of the two has to be turned over?

# %% test="dot_scores_values" points=2
e = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [3.0, 0.0]]])
h = torch.tensor([[[1.0, 2.0], [0.0, -1.0], [1.0, 1.0]]])
got = student.dot_scores(h, e)
expected = [[[1.0, 2.0, 6.0, 3.0], [0.0, -1.0, -2.0, 0.0], [1.0, 1.0, 4.0, 3.0]]]
hint = "a row for each state of the decoder, a column for each word that was read"
mistakes = {
    "rows and columns are exchanged": (
        [[[1.0, 0.0, 1.0], [2.0, -1.0, 1.0], [6.0, -2.0, 4.0], [3.0, 0.0, 3.0]]],
        "(B, T, S): the decoder's states come first",
    ),
    "it is divided by the root of H": (
        lambda: h @ e.mT / 2**0.5,
        "that will come with Transformers; here it is the product alone",
    ),
    "it is a softmax already": (lambda: (h @ e.mT).softmax(-1), "scores may be any number; shares come next"),
}
close(got, expected, "dot_scores of three states with I, am, a, cat", hint, mistakes=mistakes)
leaves = {"h": torch.randn(2, 3, 4, requires_grad=True), "e": torch.randn(2, 5, 4, requires_grad=True)}
flows(student.dot_scores(*leaves.values()), leaves, "dot_scores")
### BEGIN HIDDEN TESTS
for b, t, s, n in ((2, 3, 5, 4), (3, 1, 2, 6), (1, 4, 1, 3)):
    h, e = torch.randn(b, t, n, requires_grad=True), torch.randn(b, s, n, requires_grad=True)
    wanted = torch.einsum("bth,bsh->bts", h, e)
    got = student.dot_scores(h, e)
    close(got, wanted, f"dot_scores of {t} states with {s}, in {b} rows", "each row by itself")
    follows(student.dot_scores(h, e), {"h": h, "e": e}, wanted, "dot_scores")

# %% [markdown]
# A softmax makes shares of scores. The scores were 1, 2, 6 and 3: guess the shares. Turn the knob, by which the scores are
# multiplied first. What do you get at 0? When is it as good as a choice?


# %%
def shares(sharpness=1.0):
    """Draw the softmax of the four scores, multiplied by `sharpness`."""
    weights = torch.softmax(sharpness * torch.tensor([1.0, 2.0, 6.0, 3.0]), 0)
    figure, ax = plots.subplots(figsize=(4, 2.5))
    ax.bar(("I", "am", "a", "cat"), weights)
    ax.set(ylim=(0, 1), ylabel="share")
    return plots.show(
        figure,
        "Shares of I, am, a, cat: " + ", ".join(f"{w:.2f}" for w in weights) + f" at sharpness {sharpness}",
    )


turn(shares, "from where on does it look at one word alone?", sharpness=(0.0, 2.0, 0.25))

# %% [markdown]
# Sentences of one batch have different lengths; the short ones are filled up. Nobody may look at the filling. Suppose that
# only *I am a* is real, and a fourth place is padding. Which score has to stand there, so that a softmax gives it nothing? 0?

# %%
(
    torch.softmax(torch.tensor([1.0, 2.0, 6.0, 0.0]), 0),
    torch.softmax(torch.tensor([1.0, 2.0, 6.0, -math.inf]), 0),
)

# %% solution="attention_weights"
# The mask says (B, S), the scores are (B, T, S): a new axis in the middle lets every t have the mask of its row.

# %% test="attention_weights_values" points=3
scores = torch.tensor([[[1.0, 2.0, 6.0, 3.0]]])
every, three = torch.ones(1, 4, dtype=torch.bool), torch.tensor([[True, True, True, False]])
got = student.attention_weights(scores, every)
expected = [[[0.0063, 0.0171, 0.9307, 0.0459]]]
what = "attention_weights of the scores 1, 2, 6, 3"
mistakes = {
    "every share is 1": (torch.ones(1, 1, 4), "along the last axis: which one counts the source's places?")
}
close(got, expected, what, "a softmax over the source's places", atol=2e-3, rtol=0, mistakes=mistakes)
got = student.attention_weights(scores, three)
expected = [[[0.0066, 0.0179, 0.9756, 0.0]]]
what = "the same where the last place is padding"
mistakes = {
    "padding has a share": (
        lambda: (scores * three[:, None]).softmax(-1),
        "exp(0) is 1: which score has no share?",
    ),
    "the shares do not add up to 1": (
        lambda: scores.softmax(-1) * three[:, None],
        "take padding out before the softmax, not after it",
    ),
    "it looks at padding alone": ([[[0.0, 0.0, 0.0, 1.0]]], "the mask is True where a place is real"),
}
close(got, expected, what, "the three others share everything", atol=2e-3, rtol=0, mistakes=mistakes)
two = torch.tensor([[[1.0, 2.0, 6.0]], [[1.0, 2.0, 6.0]]])
got = student.attention_weights(two, torch.tensor([[True, True, True], [True, True, False]]))
expected = [[[0.0066, 0.0179, 0.9755]], [[0.2689, 0.7311, 0.0]]]
what = "two rows of the scores 1, 2 and 6, the second with one place of padding"
close(got, expected, what, "each row has its own mask", atol=2e-3, rtol=0)
got = student.attention_weights(torch.tensor([[[900.0, 899.0, 5.0]]]), torch.tensor([[True, True, False]]))
what = "attention_weights of the scores 900 and 899, and padding"
close(got, [[[0.7311, 0.2689, 0.0]]], what, "exp(900) is no number: torch.softmax knows how", atol=1e-3)
got = student.attention_weights(
    torch.tensor([[[-9000.0, -8999.0, 900.0]]]), torch.tensor([[True, True, False]])
)
what = "attention_weights of the scores -9000 and -8999, and padding with the score 900"
hint = "before the softmax, padding needs a score below every other, whatever it had"
close(got, [[[0.2689, 0.7311, 0.0]]], what, hint, atol=1e-3)
leaf = torch.randn(2, 3, 4, requires_grad=True)
got = student.attention_weights(leaf, torch.tensor([[True] * 4, [True] * 2 + [False] * 2]))
flows(got, {"the scores": leaf}, "attention_weights")
### BEGIN HIDDEN TESTS
for b, t, s in ((3, 2, 5), (2, 4, 3), (4, 1, 6)):
    scores = (3 * torch.randn(b, t, s)).requires_grad_()
    lengths = torch.randint(1, s + 1, (b,))
    lengths[0], lengths[1] = s, 1
    mask = torch.arange(s) < lengths[:, None]
    wanted = torch.where(mask[:, None], scores, -torch.inf).softmax(-1)
    got = student.attention_weights(scores, mask)
    what = f"attention_weights of {b} rows of the lengths {lengths.tolist()}"
    close(got, wanted, what, "each row has its own mask, which all its states share")
    follows(got, {"the scores": scores}, wanted, "attention_weights")
    holds(
        not shaped(got, (b, t, s), "attention_weights")[~mask[:, None].expand(b, t, s)].any(),
        "padding has a share",
        "exactly 0",
        "more",
        "a score of minus infinity",
    )

# %% [markdown]
# With these shares the states are **read**: their mean, weighted. By hand: a quarter of (0, 4) and three quarters of (8, 4)?

# %%
0.25 * torch.tensor([0.0, 4.0]) + 0.75 * torch.tensor([8.0, 4.0])

# %% solution="read"

# %% test="read_values" points=2
e = torch.tensor([[[0.0, 4.0, 1.0], [8.0, 4.0, 1.0]]])
got = student.read(torch.tensor([[[0.25, 0.75], [1.0, 0.0]]]), e)
expected = [[[6.0, 4.0, 1.0], [0.0, 4.0, 1.0]]]
what = "read with the shares 1/4 and 3/4, and with 1 and 0"
mistakes = {
    "it is divided by the number of places": (
        [[[3.0, 2.0, 0.5], [0.0, 2.0, 0.5]]],
        "the shares add up to 1 already",
    )
}
close(got, expected, what, "for each state of the decoder a mean of the encoder's", mistakes=mistakes)
leaves = {"the weights": torch.rand(2, 3, 4).requires_grad_(), "e": torch.randn(2, 4, 5).requires_grad_()}
flows(student.read(*leaves.values()), leaves, "read")
### BEGIN HIDDEN TESTS
for b, t, s, n in ((2, 3, 4, 5), (3, 1, 2, 6), (1, 4, 1, 3)):
    h, e = torch.randn(b, t, n), torch.randn(b, s, n)
    library = torch.nn.functional.scaled_dot_product_attention(h, e, e, scale=1.0)
    got = student.read((h @ e.mT).softmax(-1), e)
    what = f"read with the right shares, {t} states and {s} places, against scaled_dot_product_attention"
    close(got, library, what, "for each state of the decoder a mean of the encoder's")
    weights = torch.rand(b, t, s).requires_grad_()
    e = e.requires_grad_()
    wanted = torch.einsum("bts,bsh->bth", weights, e)
    got = student.read(weights, e)
    close(got, wanted, f"read with {s} shares of each of {t} states", "each row by itself")
    follows(student.read(weights, e), {"the weights": weights, "e": e}, wanted, "read")

# %% [markdown]
# ## 2 A small net that compares (4 points, 15 minutes)
#
# The first translators that looked back had no product of states but a net of one layer (Bahdanau et al., 2014):
#
# $$\text{score}(h, e) = v \cdot \tanh(W h + U e)$$
#
# h and e may have different sizes here, and v, W and U are learned. By hand with one number each: W = 1, U = 2, v = 3, h = 1
# and e = 0; then e = −0.5?

# %%
3 * math.tanh(1.0), 3 * math.tanh(1.0 + 2 * -0.5)

# %% [markdown]
# Every state of the decoder meets every state of the encoder: T · S sums of A numbers. First W h for each t and U e for each
# s; then put axes in so that they add up to (B, T, S, A).

# %% solution="additive_scores"
# queries[:, :, None] and keys[:, None]: which shapes are that, and what is their sum?

# %% test="additive_scores_values" points=4
h, e = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[0.0, 1.0], [-0.5, 1.0], [1.0, 1.0]]])
W, U, v = torch.tensor([[1.0], [0.0]]), torch.tensor([[2.0, 0.0], [0.0, 0.5]]), torch.tensor([3.0, 1.0])
a, b, c = 3 * 0.76159, 3 * 0.99505, 3 * 0.96403  # 3 tanh(1), 3 tanh(3), 3 tanh(2)
k = 0.46212  # tanh(0.5)
got = student.additive_scores(h, e, W, U, v)
expected = [[[a + k, k, b + k], [k, k - a, c + k]]]
what = "additive_scores where W h is 1 or 0 and U e is 0, -1 or 2 in the first number, and 0.5 in the second"
mistakes = {
    "tanh is missing": ([[[3.5, 0.5, 9.5], [0.5, -2.5, 6.5]]], "v · tanh(…)"),
    "tanh is taken of each part": (
        [[[a + k, a - a + k, a + c + k], [k, k - a, c + k]]],
        "first the sum of both, then tanh",
    ),
    "rows and columns are exchanged": (
        [[[a + k, k], [k, k - a], [b + k, c + k]]],
        "(B, T, S): the decoder's states come first",
    ),
    "v is left out": (
        [[[a / 3 + k, k, b / 3 + k], [k, k - a / 3, c / 3 + k]]],
        "a product with v, not a sum",
    ),
}
close(got, expected, what, "tanh of the sum, then v · that", atol=1e-3, mistakes=mistakes)
shapes = {"h": (2, 3, 4), "e": (2, 5, 6), "W": (7, 4), "U": (7, 6), "v": (7,)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
flows(student.additive_scores(*leaves.values()), leaves, "additive_scores")
### BEGIN HIDDEN TESTS
for rows, t, s, n, m, size in ((2, 3, 5, 4, 6, 7), (3, 1, 2, 2, 5, 1), (1, 4, 1, 3, 3, 4)):
    leaves = {
        "h": torch.randn(rows, t, n),
        "e": torch.randn(rows, s, m),
        "W": torch.randn(size, n),
        "U": torch.randn(size, m),
        "v": torch.randn(size),
    }
    h, e, W, U, v = (leaf.requires_grad_() for leaf in leaves.values())
    inner = torch.einsum("an,btn->bta", W, h).unsqueeze(2) + torch.einsum("am,bsm->bsa", U, e).unsqueeze(1)
    wanted = (v * inner.tanh()).sum(-1)
    got = student.additive_scores(h, e, W, U, v)
    what = f"additive_scores of {t} states of {n} with {s} of {m}, in {rows} rows"
    close(got, wanted, what, "(B, T, S)", atol=1e-4)
    follows(got, leaves, wanted, "additive_scores")

# %% [markdown]
# ## 3 A writer that looks back (6 points, 25 minutes)
#
# The encoder reads from both ends, so that the state of each place knows what stands before it and behind. It is given; read
# how it takes care of padding.

# %% given="turned,Encoder"

# %% [markdown]
# The decoder writes one word at a time. Before each it does three things: it reads the word before, together with what it
# read from the source last; with its new state it looks back; and from state and reading together it says what comes next.
# The scores of the words are products with the rows of the table from which words are read as well: what means the same,
# need not be learned twice.
#
# A detail that is easy to get wrong: *which* state asks, the one before the word or the one after? Which is it in the text
# of the docstring?

# %% solution="Decoder" keep="__init__"
# dot_scores wants (B, T, H): one state is T = 1. Take that axis away again at the end.


# %% test="decoder_values" points=6
def three(got, who):
    """The scores, the state and the weights of a step."""
    several = isinstance(got, tuple | list)
    holds(
        several and len(got) == 3,
        f"{who} must give three things",
        "scores, the pair of state and reading, weights",
        f"{len(got)} things" if several else type(got).__name__,
        "see `Returns`",
    )
    return (
        got[0],
        pair(got[1], who, "the state and what was read", "see `Returns`: the two are one thing"),
        got[2],
    )


def by_hand(p, y, h, c, e, mask):
    """A step from the weights alone; `old` gives what comes out where the state before asks."""
    x, n = torch.cat([p["table.weight"][y], c], 1), h.shape[1]
    into, kept = x @ p["cell.weight_ih"].T + p["cell.bias_ih"], h @ p["cell.weight_hh"].T + p["cell.bias_hh"]
    r, z = (into[:, : 2 * n] + kept[:, : 2 * n]).sigmoid().chunk(2, 1)
    new = (1 - z) * torch.tanh(into[:, 2 * n :] + r * kept[:, 2 * n :]) + z * h

    def rest(asks, looked=True, squash=torch.tanh):
        scores = (e * asks[:, None]).sum(2)
        weights = torch.where(mask, scores, -torch.inf).softmax(1) if looked else scores.softmax(1)
        reading = (weights[:, :, None] * e).sum(1)
        told = squash(torch.cat([new, reading], 1) @ p["mix.weight"].T + p["mix.bias"])
        return told @ p["table.weight"].T, reading, weights

    return new, rest, h


decoder = student.Decoder(7, 3, 4).eval()
p = {name: value.detach() for name, value in decoder.state_dict().items()}
y, h, c, e = torch.tensor([2, 6]), torch.randn(2, 4), torch.randn(2, 4), 2 * torch.randn(2, 5, 4)
mask = torch.arange(5) < torch.tensor([5, 3])[:, None]
new, rest, old = by_hand(p, y, h, c, e, mask)
scores, (state, reading), weights = three(decoder(y, (h, c), e, mask), "Decoder")
wanted, wanted_reading, wanted_weights = rest(new)
equal(shape_of(state), (2, 4), "the shape of the new state", "(B, H)")
what = "the new state of a decoder"
hint = "the cell reads the embedding of the word and, behind it, what was read last"
close(state, new, what, hint, atol=1e-4, mistakes={"it is the old one": (h, "the cell makes a new state")})
what = "where the decoder looks, two rows, of which the second has two places of padding"
hint = "dot products of the new state with e; one row of weights for each row of the batch, (B, S)"
mistakes = {
    "the state before asks": (lambda: rest(old)[2], "the cell comes first, then its new state asks"),
    "padding is looked at": (lambda: rest(new, looked=False)[2], "hand the mask on"),
    "an axis of one state is left over": (lambda: wanted_weights[:, None], "take it away: (B, S)"),
}
close(weights, wanted_weights, what, hint, atol=1e-4, mistakes=mistakes)
hint = "the weighted mean of e, (B, H); it is the second of the pair"
close(reading, wanted_reading, "what was read", hint, atol=1e-4)
hint = "state and, behind it, the reading; `mix`; tanh; a product with each row of `table`"
mistakes = {
    "tanh is missing": (lambda: rest(new, squash=lambda v: v)[0], "step 3 of the docstring"),
    "they are probabilities already": (lambda: wanted.softmax(1), "scores: the loss takes the softmax"),
}
close(scores, wanted, "the scores of the seven words", hint, atol=1e-4, mistakes=mistakes)
dropping = student.Decoder(6, 3, 4, 1 - 1e-9).train()
e, mask = torch.randn(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)
y, h, c = torch.tensor([1, 2]), torch.randn(2, 4), torch.randn(2, 4)
p = {name: value.detach() for name, value in dropping.state_dict().items()}
scores, (state, _), _ = three(dropping(y, (h, c), e, mask), "Decoder")
expected = (torch.tanh(p["mix.bias"]) @ p["table.weight"].T).expand(2, 6)
what = "the scores of a decoder that drops everything"
close(scores, expected, what, "state and reading go through `dropout` before `mix`", atol=1e-4)
new, rest, _ = by_hand(p, y, h, c, e, mask)
what = "its new state"
close(state, new, what, "`dropout` stands before `mix` alone: the cell reads everything", atol=1e-4)
what = "its scores once it is told to `eval()`"
hint = "nothing is dropped then: `self.dropout` knows, F.dropout must be told"
close(three(dropping.eval()(y, (h, c), e, mask), "Decoder")[0], rest(new)[0], what, hint, atol=1e-4)
### BEGIN HIDDEN TESTS
for k, d, n, b, s in ((5, 2, 6, 3, 4), (9, 4, 3, 1, 1), (6, 5, 2, 4, 3)):
    decoder, ours = student.Decoder(k, d, n).eval(), reference.Decoder(k, d, n).eval()
    ours.load_state_dict(decoder.state_dict())
    e, y = torch.randn(b, s, n, requires_grad=True), torch.randint(k, (b,))
    h, c = torch.randn(b, n, requires_grad=True), torch.randn(b, n, requires_grad=True)
    mask = torch.arange(s) < torch.randint(1, s + 1, (b,))[:, None]
    one, other = three(decoder(y, (h, c), e, mask), "Decoder"), ours(y, (h, c), e, mask)
    leaves = {"the state": h, "what was read last": c, "e": e}
    for name, left, right in (
        ("scores", one[0], other[0]),
        ("new state", one[1][0], other[1][0]),
        ("reading", one[1][1], other[1][1]),
        ("weights", one[2], other[2]),
    ):
        what = f"the {name} of Decoder({k}, {d}, {n}), {b} rows, {s} places"
        close(left, right, what, "any sizes", atol=1e-4)
    follows(
        one[0],
        leaves | dict(decoder.named_parameters()),
        other[0],
        "the scores of the decoder",
        others=leaves | dict(ours.named_parameters()),
    )

# %% [markdown]
# ## 4 With and without (3 points, 15 minutes)
#
# Encoder, decoder, and how one that must *not* look back is made of the same parts: it gets a single place to look at, the
# last state. Everything that it knows of the sentence has to fit in there.

# %% given="Translator,greedy,build,cost,written"

# %% [markdown]
# A step takes pairs of about one length: hardly anything is padding then, and short ones cost little, a trick of Sutskever et
# al. (2014). Guess before you train: up to which length will each of the two reverse a string without an error?


# %% trains="attention"
def filled(rows):
    """Codes (B, S) without the columns at their end that hold padding alone."""
    return rows[:, : int((rows != PAD).sum(1).max())]


def trained(looks):
    """A net with or without a look back, trained with the right words before each."""
    run, how = Run("attention" if looks else "last_state", seed=0), config(tier)
    net = build(tier, looks).to(run.device)
    steps = how.steps // 2 if tier == "mini" else how.steps  # strings need no more where hardly any is padded
    optimizer = torch.optim.AdamW(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, steps, pct_start=0.2)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    by_length = (data.tensors[0] != PAD).sum(1).argsort(stable=True).split(how.batch)
    alike = [run.to(*(filled(part[rows]) for part in data.tensors)) for rows in by_length]
    turns = torch.randint(len(alike), (steps,), generator=run.generator("turns")).tolist()
    for step in run.steps(steps, saved):
        source, target = alike[turns[step]]
        with run.autocast():
            scores, _ = net(source, target)
        loss = cost(scores.float(), target)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(nats=loss)
        if run.every(steps // 5):
            print(f"step {step + 1} of {steps}: {loss.item():.3f} nats a word", flush=True)
    return net.eval(), run.curve["nats"]


print("looks back")
net, curve = trained(True)
save_artifact("attention", net, tier)

# %% trains="attention"
print("has the last state alone")
blind, blind_curve = trained(False)
figure, ax = plots.subplots()
for line, name in ((curve, "looks back"), (blind_curve, "last state alone")):
    ax.plot(*zip(*line), label=name)
ax.set(xlabel="step", ylabel="nats a word", ylim=(0, None))
ax.legend()
plots.show(figure, "What a word costs over the steps of training, with and without a look back")

# %% trains="attention"
sources, targets = test.tensors
lengths = (sources != PAD).sum(1)
right = {}
for name, model in (("looks back", net), ("last state alone", blind)):
    rows = written(model, sources, targets.shape[1])
    right[name] = (rows == targets).all(1)
for low, high in ((1, 5), (6, 10), (11, 15), (16, 20), (21, 60)):
    chosen = (lengths >= low) & (lengths <= high)
    if chosen.any():
        shares = ", ".join(f"{name} {ok[chosen].float().mean():.0%}" for name, ok in right.items())
        print(f"{low:2} to {high:2} words, written without an error: {shares}")

# %% [markdown]
# Strings of twenty letters are longer than any that was seen in training. And where does it look? A row for each word that is
# written, a column for each that was read. What should the picture look like for a reversed string? And what for French?

# %% trains="attention"
good = right["looks back"] & (lengths >= 8)
n = int(good.nonzero()[-1]) if good.any() else 0
source, target = sources[n : n + 1, : lengths[n]].cpu(), targets[n : n + 1]
target = target[:, : int((target != PAD).sum())]
with torch.no_grad():
    seen = net.cpu()(source, target)[1][0]
figure, ax = plots.subplots(figsize=(5, 5))
ax.imshow(seen, cmap="Blues", vmin=0, vmax=1)
ax.set_xticks(range(source.shape[1]), source_words.decode(source[0]))
ax.set_yticks(range(target.shape[1]), [*target_words.decode(target[0]), "end"])
ax.set(xlabel="read", ylabel="written")
plots.show(figure, "Where the decoder looks as it writes: one row a word, dark where it looks")

# %% test="trained" points=3
tensors = student.artifact("attention")
holds(
    "decoder.cell.weight_ih" in tensors
    and "encoder.table.weight" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "attention.safetensors does not hold a trained translator",
    "finite tensors decoder.cell.weight_ih, encoder.table.weight, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `net`",
)
### BEGIN HIDDEN TESTS
judge("attention", tensors, 3)

# %% [markdown]
# ## 5 Not the first that comes to mind (6 points, 25 minutes)
#
# So far the likeliest word was written at each place. The likeliest *sentence* may begin with another. By hand: the first word
# is A with 0.6 or B with 0.4. After A, C and D have 0.5 each; after B, C has 0.9. Which two words are likeliest together?

# %%
0.6 * 0.5, 0.4 * 0.9

# %% [markdown]
# All sentences cannot be tried. A **beam search** keeps a few beginnings alive: each round continues every one of them by
# every word, and keeps the best. Logarithms are added, since products of many small numbers are 0 to a computer.

# %% solution="beam_search"
# A beginning is three things: its worth, its words, and the state after all but the last of them.
# Which state belongs to a continuation: the one before `step`, or the one after?

# %% test="beam_search_values" points=6
import itertools

END = 1


def search(step, state, width, most):
    """The words as a list, and their worth."""
    words, worth = pair(
        student.beam_search(step, state, width, most), "beam_search", "the words and their worth"
    )
    holds(
        isinstance(words, list | tuple) or len(getattr(words, "shape", ())) == 1,
        "the first of the two results of beam_search are no words",
        "codes, such as [3, 2, 1]",
        words,
        "the words come first, their worth second",
    )
    return [int(word) for word in words], worth


def logs(*chances):
    return [math.log(p) for p in chances]


def small(word, state):
    """Words 2 and 3 stand first with 0.6 and 0.4; after 2 both are as likely, after 3 it is 2 with 0.9; then END."""
    if state == 2:
        return logs(0.001, 0.997, 0.001, 0.001), 3
    if word == END:
        return logs(1e-6, 1e-7, 0.6, 0.4), 1
    return (logs(1e-6, 1e-7, 0.52, 0.48) if word == 2 else logs(1e-6, 1e-7, 0.9, 0.1)), 2


got = search(small, 0, 1, 3)[0]
what = "the words that a beam of 1 finds in the example: 2 and 3 with 0.6 and 0.4 first"
equal(got, [2, 2, END], what, "one beginning is kept: the likeliest word each time, its END included")
words, worth = search(small, 0, 2, 3)
what = "the words that a beam of 2 finds there"
mistakes = {
    "what one word alone is worth counts": ([2, 2, END], "worths add up along a beginning"),
    "the first that is read is written down": ([END, 3, 2, END], "nothing is written at first"),
    "END is left out": ([3, 2], "its END is one of the words"),
}
equal(words, [3, 2, END], what, "two beginnings are kept, by the worth of all their words", mistakes=mistakes)
expected = math.log(0.4 * 0.9 * 0.997)
mistakes = {"a probability": (0.4 * 0.9 * 0.997, "log probabilities, added up")}
close(worth, expected, "their worth", "log 0.4 + log 0.9 + log 0.997", atol=1e-4, mistakes=mistakes)
what = "the words where only two rounds are allowed"
equal(search(small, 0, 2, 2)[0], [3, 2], what, "what is not ended then, counts as it stands")


def early(word, state):
    """END is likely at once, but what goes on is likelier in the end."""
    return (logs(1e-9, 0.45, 0.55) if state == 0 else logs(1e-9, 0.99, 0.01)), state + 1


got = search(early, 0, 2, 4)[0]
what = "the words where END has 0.45 at first, and 2 then END has 0.55 · 0.99"
equal(got, [2, END], what, "a sentence that has ended is no reason to stop while others go on")


def worse(word, state):
    """END is likely at once, and nothing that goes on is as good."""
    return (logs(1e-9, 0.6, 0.4) if state == 0 else logs(1e-9, 0.1, 0.9)), state + 1


what = "the words where END has 0.6 at first, and everything else is worse"
equal(search(worse, 0, 2, 3)[0], [END], what, "keep what has ended, and compare at the end")


def tempting(word, state):
    """END has 0.4 at first and is not the likeliest; what follows is no better."""
    return (logs(1e-9, 0.4, 0.6) if state == 0 else logs(0.1, 0.35, 0.55)), state + 1


got = search(tempting, 0, 1, 2)[0]
what = "the words that a beam of 1 finds where 2 has 0.6 at first and END 0.4"
equal(got, [2, 2], what, "what is not among the best of its round is dropped, an END as well")


def unended(word, state):
    """END has 0.3 at first; what goes on instead is likelier, and does not end."""
    return (logs(1e-9, 0.3, 0.7) if state == 0 else logs(1e-9, 0.1, 0.9)), state + 1


got = search(unended, 0, 2, 2)[0]
what = "the words of two rounds where END has 0.3 at first, and 2 then 2 has 0.7 · 0.9"
equal(got, [2, 2], what, "after the last round what goes on is compared with what has ended")


def late(word, state):
    """END is second at first; of what follows 2, the second is the better one in the end."""
    if state == (0,):
        return logs(1e-9, 0.15, 0.8, 0.05), (1,)
    if len(state) == 1:
        return logs(1e-9, 1e-9, 0.45, 0.55), (1, 1)
    return (logs(1e-9, 0.99, 0.005, 0.005) if word == 2 else logs(0.3, 0.2, 0.3, 0.2)), (1, 1, 1)


got = search(late, (0,), 2, 3)[0]
what = "the words that a beam of 2 finds where END is second in the first round, and is done"
equal(got, [2, 2, END], what, "`width` are kept of each round's continuations, however many are done already")


def longer(word, state):
    """END is never the likeliest, until the third round."""
    return logs(1e-9, *((0.3, 0.7), (0.45, 0.55), (0.9, 0.1))[state]), state + 1


got = search(longer, 0, 2, 3)[0]
hint = "it is over when nothing goes on, or after the last round: not when `width` have ended"
equal(got, [2, 2, END], "the words that a beam of 2 finds where END has 0.3, then 0.45, then 0.9", hint)
read = []


def noted(word, state):
    read.append(int(word))
    return early(word, state)


search(noted, 0, 3, 4)
equal(read[1:].count(END), 0, "how often END is read after the beginning", "what has ended is not continued")
### BEGIN HIDDEN TESTS
for K, most, seed in ((3, 3, 0), (4, 3, 1), (5, 4, 2), (4, 4, 3), (3, 5, 4)):
    table = torch.randn(most + 1, K, K).double()
    table[0, :, END] -= 2 * (seed % 2)
    table = table.log_softmax(2)
    asked = []

    def step(word, state, table=table, asked=asked):
        asked.append((int(word), int(state)))
        return table[int(state), int(word)].tolist(), int(state) + 1

    def worth_of(words, table=table):
        return sum(
            table[t, before, word].item() for t, (before, word) in enumerate(zip((END, *words), words))
        )

    ends = [
        words
        for length in range(1, most + 1)
        for words in itertools.product(range(K), repeat=length)
        if END not in words[:-1] and (words[-1] == END or length == most)
    ]
    best = max(ends, key=worth_of)
    words, worth = search(step, 0, K**most, most)
    what = f"the words that a beam finds that keeps everything, among {len(ends)} sentences of {K} words"
    equal(words, list(best), what, "the same as trying all of them; what has ended stays in the race")
    close(worth, worth_of(best), "their worth", "the sum of log probabilities", atol=1e-4)
    what = "what is asked for first: END, in the first state"
    equal((END, 0) in asked[:1], True, what, "nothing is written yet, so END is read")
for K, most, seed in itertools.product((3, 4, 5), (3, 4, 6), range(3)):
    table = (2 * torch.randn(most + 1, K, K)).double().log_softmax(2)

    def step(word, state, table=table):
        return table[int(state), int(word)].tolist(), int(state) + 1

    width = seed + 1
    words, worth = search(step, 0, width, most)
    wanted = reference.beam_search(step, 0, width, most)
    hint = "the `width` best of all continuations, ended ones among them; ended ones are done"
    equal(words, wanted[0], f"the words that a beam of {width} finds, {K} words, at most {most} rounds", hint)
    close(worth, wanted[1], "their worth", "the sum of log probabilities", atol=1e-4)

# %% [markdown]
# Let it search with your net. Does a wider beam find sentences of a higher worth? Are they better?


# %%
@torch.no_grad()
def words_of(net, source, width):
    """The best sentence that a beam finds for one source (1, S)."""
    state, e, mask = net.encode(source)

    def step(word, state):
        scores, state, _ = net.decoder(torch.tensor([word]), state, e, mask)
        return scores[0].log_softmax(0).tolist(), state

    return beam_search(step, state, width, 30)


if "net" in globals():
    for n in range(2, 8):
        source = sources[n : n + 1, : lengths[n]].cpu()
        print(" ".join(source_words.decode(source[0])))
        for width in (1, 4):
            words, worth = words_of(net.cpu(), source, width)
            print(f"  a beam of {width}: {' '.join(target_words.decode(words))} ({worth:.3f})")

# %% [markdown]
# ## 6 How good is a translation? (6 points, 20 minutes)
#
# "Without an error" is no measure for French: there are many right translations. **BLEU** counts how much of an output stands
# in a translation that a human made: single words, pairs, runs of three and of four. An output "the the the the" must not win
# by that: what is said more often than in the reference counts only as often. By hand: of "the the the cat", how many single
# words does "the cat sat on the mat" have? And how many pairs?

# %%
2 + 1, 0 + 0 + 1  # "the" twice and "cat"; "the the" twice not, "the cat" once

# %% solution="matches"
# Counter(a) & Counter(b) keeps of each key the smaller count.


# %% test="matches_values" points=2
def asked(output, reference, n):
    got = student.matches(output.split(), reference.split(), n)
    try:
        return [int(part) for part in got] if isinstance(got, tuple | list) else got
    except (TypeError, ValueError):  # no numbers: `equal` shows what they are
        return got


long = "the cat sat on the mat"
got = asked("the the the cat", long, 1)
what = 'matches("the the the cat", "the cat sat on the mat", 1)'
mistakes = {
    "each word counts that is in the reference at all": (
        [4, 4],
        "as often as the reference has it, not more",
    ),
    "different words are counted": ([2, 2], "every one of them, not every kind"),
    "the reference's are counted": ([3, 6], "the second number is how many the output has"),
}
equal(got, [3, 4], what, "the reference has two `the`: the third counts for nothing", mistakes=mistakes)
got = asked("the the the cat", long, 2)
mistakes = {"one pair too many or too few": ([1, 4], "four words have three pairs")}
equal(got, [1, 3], "the same for pairs", "the the, the the, the cat", mistakes=mistakes)
what = 'matches("mat the", …, 2)'
equal(asked("mat the", long, 2), [0, 1], what, "the reference has `the mat`: order counts")
what = 'matches("a bc", "ab c", 2)'
equal(asked("a bc", "ab c", 2), [0, 1], what, "a run is of words: their letters do not matter")
equal(asked("the cat", long, 4), [0, 0], "runs of four in two words", "there are none: not fewer than none")
### BEGIN HIDDEN TESTS
import random


for n in (1, 2, 3, 4):
    for _ in range(4):
        output = [random.choice("abc") for _ in range(random.randint(1, 9))]
        wanted = [random.choice("abc") for _ in range(random.randint(1, 9))]
        expected = list(reference.matches(output, wanted, n))
        what = f"matches({' '.join(output)!r}, {' '.join(wanted)!r}, {n})"
        hint = "runs of neighbouring words, in their order"
        equal(asked(" ".join(output), " ".join(wanted), n), expected, what, hint)

# %% [markdown]
# BLEU is the geometric mean of the four shares, over the whole corpus: add up first, divide then. An output that is too short
# would have it too easy, so it is multiplied by exp(1 − r / c), where c, the outputs' length, is below r, that of the
# references. By hand: "the cat sat on a mat" against "the cat sat on the mat" has 5 of 6, 3 of 5, 2 of 4 and 1 of 3.

# %%
100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** (1 / 4)

# %% solution="bleu"
# A geometric mean is the exponential of the mean of logarithms.

# %% test="bleu_values" points=4
long = ["the", "cat", "sat", "on", "the", "mat"]


def asked(*outputs, references=None):
    return student.bleu([text.split() for text in outputs], references or [long] * len(outputs))


got = asked("the cat sat on a mat")
what = "bleu of 'the cat sat on a mat'"
mistakes = {
    "from 0 to 1": (0.537285, "times 100"),
    "the arithmetic mean": (56.6667, "the fourth root of the product of all four"),
    "up to three words only": (62.9961, "n = 1, 2, 3, 4"),
}
close(got, 53.7285, what, "compare with the cell above", atol=1e-2, mistakes=mistakes)
close(asked("the cat sat on the mat"), 100.0, "bleu of the reference itself", "100", atol=1e-2)
got = asked("the cat sat on")
what = "bleu of 'the cat sat on', of which everything is right"
mistakes = {
    "it is not punished": (100.0, "the output has four words, the reference six"),
    "by the quotient alone": (66.6667, "exp(1 - r / c)"),
    "r and c are exchanged": (139.5612, "r is the reference's length"),
}
close(got, 60.6531, what, "too short: times exp(1 - 6 / 4)", atol=1e-2, mistakes=mistakes)
got = asked("the cat sat on the mat on the mat")
expected = 100 * (6 / 9 * 5 / 8 * 4 / 7 * 3 / 6) ** 0.25
what = "bleu of an output that is too long"
mistakes = {
    "it is punished, or rewarded": (
        100 * (6 / 9 * 5 / 8 * 4 / 7 * 3 / 6) ** 0.25 * math.exp(1 - 6 / 9),
        "only where c is below r",
    )
}
close(got, expected, what, "nothing is added for length, and nothing taken", atol=1e-2, mistakes=mistakes)
got = asked("the cat sat on a mat", "the cat sat on the mat")
expected = 100 * (11 / 12 * 8 / 10 * 6 / 8 * 4 / 6) ** 0.25
hint = "add up matches and totals of all sentences, then divide"
mistakes = {"the mean of both sentences": ((53.7285 + 100) / 2, "a corpus has one BLEU, not a mean of many")}
close(got, expected, "bleu of two sentences", hint, atol=1e-2, mistakes=mistakes)
got = asked("the cat on a mat the")
what = "bleu where no run of three matches, of four, and none of four, of three"
hint = "such shares are 1 / (2 · 4) and then 1 / (4 · 3): see the docstring"
mistakes = {
    "it is 0": (0.0, "what does the docstring say of an n where nothing matches?"),
    "halved once only": (100 * (5 / 6 * 1 / 5 / 8 / 6) ** 0.25, "2 the first time, 4 the second, then 8"),
}
close(got, 100 * (5 / 6 * 1 / 5 / 8 / 12) ** 0.25, what, hint, atol=1e-2, mistakes=mistakes)
close(asked("we saw no such thing"), 0.0, "bleu where no word matches", "0", atol=1e-6)
got = asked("the cat", references=[["the", "cat"]])
close(got, 0.0, "bleu of two words", "no output has four words: 0", atol=1e-6)
### BEGIN HIDDEN TESTS
import random


for k in range(16):
    letters = "abcd"[: random.randint(2, 4)]
    outputs, references = (
        [[random.choice(letters) for _ in range(random.randint(1, 9))] for _ in range(k % 3 + 1)]
        for _ in range(2)
    )
    what = f"bleu of {[' '.join(words) for words in outputs]} against {[' '.join(words) for words in references]}"
    hint = "as sacrebleu computes it: see the docstring"
    close(student.bleu(outputs, references), reference.bleu(outputs, references), what, hint, atol=1e-3)

# %%
if "net" in globals():
    humans = [target_words.decode(row) for row in targets]
    for name, model in (("looks back", net), ("last state alone", blind)):
        outputs = [target_words.decode(row) for row in written(model.cpu(), sources, targets.shape[1])]
        print(f"{name:16} BLEU {bleu(outputs, humans):.1f}; by the words of the source:", end=" ")
        for low, high in ((1, 8), (9, 11), (12, 15), (16, 60)):
            chosen = [n for n, length in enumerate(lengths.tolist()) if low <= length <= high]
            if chosen:
                part = bleu([outputs[n] for n in chosen], [humans[n] for n in chosen])
                print(f"{low} to {high}: {part:.1f}", end="  ")
        print()
    entry = record("attention", tier)
    print(f"the reference: {entry.metric} {entry.value:.3f} ± {entry.std:.3f} over {len(entry.seeds)} seeds")

# %% [markdown]
# BLEU of strings backwards says less than "without an error" did: can you say why one wrong letter costs so little? For
# French it is the other way round.
#
# **Hand in** this notebook and `attention.safetensors`; `course_utils.colab.submit("attention")` packs both.
