# %% [markdown]
# A net that adds numbers of up to twelve bits: will it add numbers of ninety-six? A table of examples would not, a *program*
# would. In this lab you build three nets that are programs: one whose weights are an algorithm, one that calls subprograms and
# does what they say, and a program with a blank that gradients fill in.
#
# The chapter *The net is the program* of the book is the companion to this lab; nothing in it is needed that is not said
# here. Shapes: B examples, L places of a sum (its lowest bit first), C channels; H numbers of a state, P programs; N cells of
# a stack, K values, I lines of a program.

# %%
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import binary_sums, small_programs
from course_utils.training import Run, record
from course_utils.widgets import turn

PROGRAMS = ("ADD", "ADD1", "CARRY", "LSHIFT", "OUT", "MARK", "LEFT", "RIGHT")
ACTS = PROGRAMS[4:]  # they change the sheet, others call; OUT has an argument, the digit that is written
BLANK = 10
SEEN = 2 * (BLANK + 1) + 2  # numbers of an observation
VALUES = 10  # of a cell: 0 to 9
LOOK = 10  # steps between two looks whether a net can do what it learns
Column = tuple[int, int, int]  # a digit of a and of b, `BLANK` beyond their ends; a carry
Steps = list[
    tuple[Column, int, int, int]
]  # what is seen, whether to return, what to call, with which argument
Step = Callable[[int, Tensor, Any], tuple[bool, int, int, Any]]
Stacks = tuple[Tensor, Tensor, Tensor, Tensor]  # cells (B, N, K), top (B, N); those of the return stack
BUBBLE = (  # words and the lines to which they may jump; 0 is no number but lies below all
    ("blank", 0),  # 0  exchange the two on top, or not
    (">r", 0),  # 1  move the top to the return stack
    ("more?", 0),  # 2  back to line 0 unless a 0 is on top
    ("r>", 0),  # 3  move it back
    ("more r?", 3),  # 4  back to line 3 unless the return stack has a 0 on top
)

# %% given="Config,config"

# %% [markdown]
# ## 1 Easy first? (3 points, 12 minutes)
#
# In 2014 an LSTM read small Python programs, character by character, and wrote down what they print: *learning to execute*
# (Zaremba & Sutskever). It did not learn that from difficult programs alone. But what to show it, and when? Read two of them
# and say what they print before you look.

# %%
rng = random.Random(7)
for level in (1, 3):
    text, printed = small_programs.loop(level, rng)
    print(text, "->", printed, sep="\n", end="\n\n")

# %% [markdown]
# Three strategies, for a net that has reached some level of difficulty: **naive** shows only that level; **mix** shows all
# levels from 1 to the highest, equally likely; **combined** does for each example one or the other, with equal chances.
# The naive one is the usual curriculum, and it proved ineffective; the combined one was what helped. Why could that be?
#
# Each example has two numbers drawn between 0 and 1. The first picks a level of the mix: with five levels, which one does
# 0.39 pick, if 0 to 0.2 is level 1?

# %%
1 + int(0.39 * 5)

# %% solution="curriculum"
# .long() cuts off what is behind the point. All examples at once: torch.full makes equal levels, torch.where chooses.


# %% test="curriculum_values" points=3
def levels(*asked):
    """What curriculum gives, if it is of a type that one can count up to."""
    found = student.curriculum(*asked)
    holds(
        isinstance(found, torch.Tensor) and found.dtype in (torch.int64, torch.int32),
        f"curriculum, {asked[0]}: levels must be whole numbers",
        "a tensor of type torch.int64",
        getattr(found, "dtype", type(found).__name__),
        "a program of level 4 is made by counting to 4, and nothing counts to 4.0: .long() cuts off the rest",
    )
    return found


draws = torch.tensor([[0.1, 0.9], [0.39, 0.1], [0.99, 0.6], [0.99, 0.4], [0.0, 0.7]])
close(levels("naive", 4, 5, draws), [4, 4, 4, 4, 4], "curriculum, naive", "all at the level")
got = levels("mix", 4, 5, draws)
what = "curriculum, mix of five levels, drawn 0.1, 0.39, 0.99, 0.99 and 0"
mistakes = {
    "it begins with level 0": ([0, 1, 4, 4, 0], "levels are counted from 1"),
    "it ends at the level that was reached": ([1, 2, 4, 4, 1], "up to the highest of all, `top`"),
    "it is rounded": ([1, 3, 6, 6, 1], "cut off what is behind the point, do not round"),
}
close(got, [1, 2, 5, 5, 1], what, "a fifth of all draws for each level, from 1 to 5", mistakes=mistakes)
got = levels("combined", 4, 5, draws)
expected = [1, 4, 5, 4, 1]
hint = "naive where the second draw is below a half, mix where it is not"
mistakes = {
    "the two are exchanged": ([4, 2, 4, 5, 4], "naive where the second draw is below a half"),
    "one choice for the whole batch": ([1, 2, 5, 5, 1], "each example by itself"),
    "the first draw chooses": ([4, 4, 5, 5, 4], "the second column chooses the strategy"),
}
close(got, expected, "curriculum, combined, second draws 0.9, 0.1, 0.6, 0.4 and 0.7", hint, mistakes=mistakes)
what = "curriculum, combined, second draws of exactly a half"
hint = "naive where the second draw is *below* a half"
close(levels("combined", 4, 5, torch.tensor([[0.1, 0.5], [0.9, 0.5]])), [1, 5], what, hint)
### BEGIN HIDDEN TESTS
for level, top, b in ((2, 7, 40), (1, 3, 30), (9, 9, 50)):
    draws = torch.rand(b, 2)
    for strategy in ("naive", "mix", "combined"):
        wanted = reference.curriculum(strategy, level, top, draws)
        got = levels(strategy, level, top, draws)
        what = f"curriculum, {strategy}, level {level} of {top}, {b} examples"
        close(got, wanted, what, "see the docstring")

# %% given="Executor,executed"

# %% [markdown]
# ## 2 An algorithm in the weights (10 points, 35 minutes)
#
# An LSTM's state does not grow with its task, so it cannot hold an algorithm for numbers of any length. The **Neural GPU**
# (Kaiser & Sutskever, 2016) has a state as long as its input, and lets it develop: the same small convolution, over and over, as
# many steps as there are places. The first state, the *mental image*, is made of the input: at each place the embedding
# of a bit of the one number plus that of the bit of the other. With one channel, 0 and 1 of the first number embedded as 10
# and 20, and of the second as 1 and 2: what is the image of 1, 0 above 1, 1?

# %%
[20 + 2, 10 + 2]

# %% solution="mental_image"
# table[0][bits[:, 0]] is (B, L, C). Channels come before places: .mT turns the last two axes over.

# %% test="mental_image_values" points=3
table = torch.tensor([[[10.0], [20.0]], [[1.0], [2.0]]])
got = student.mental_image(torch.tensor([[[1, 0], [1, 1]]]), table)
expected = [[[22.0, 12.0]]]
mistakes = {
    "places come before channels": ([[[22.0], [12.0]]], "(B, C, L)"),
    "both numbers with the first table": ([[[40.0, 30.0]]], "table 1 is the second number's"),
    "only the first number": ([[[20.0, 10.0]]], "the sum of both"),
}
close(got, expected, "mental_image of 1, 0 above 1, 1", "20 + 2, then 10 + 2; (B, C, L)", mistakes=mistakes)
two = torch.tensor([[[10.0, 11.0], [20.0, 21.0]], [[1.0, 2.0], [3.0, 4.0]]])
got = student.mental_image(torch.tensor([[[1, 0, 0], [1, 1, 0]]]), two)
expected = [[[23.0, 13.0, 11.0], [25.0, 15.0, 13.0]]]
what = "mental_image of 1, 0, 0 above 1, 1, 0 with two channels"
mistakes = {
    "channels and places are mixed up": (
        [[[23.0, 25.0, 13.0], [15.0, 11.0, 13.0]]],
        "turn the axes over; `view` and `reshape` leave the numbers in their old order",
    )
}
close(got, expected, what, "a row for each channel, a column for each place", mistakes=mistakes)
leaf = torch.randn(2, 2, 3, requires_grad=True)
flows(student.mental_image(torch.randint(2, (2, 2, 5)), leaf), {"the table": leaf}, "mental_image")
### BEGIN HIDDEN TESTS
for b, length, c in ((3, 4, 5), (1, 7, 2), (4, 2, 3)):
    bits, leaf = torch.randint(2, (b, 2, length)), torch.randn(2, 2, c, requires_grad=True)
    one_hot = torch.nn.functional.one_hot(bits, 2).float()
    wanted = torch.einsum("bnlk,nkc->bcl", one_hot, leaf)
    got = student.mental_image(bits, leaf)
    close(got, wanted, f"mental_image of {b} pairs of {length} bits, {c} channels", "(B, C, L)")
    follows(got, {"the table": leaf}, wanted, "mental_image")

# %% [markdown]
# The cell is a GRU whose products are convolutions, a **CGRU**. Each place sees itself and its neighbours:
#
# $$u = \varsigma(U * s + B_u), \qquad r = \varsigma(R * s + B_r), \qquad s \leftarrow u \odot s + (1 - u) \odot \tanh\big(W * (r \odot s) + B\big).$$
#
# Two things are unusual. The sigmoid ς is **cut off**, so that a gate can be *wholly* open or shut; what is kept is then
# kept through a thousand steps. And while it learns, noise (`blur`) is added to what goes into the gates and into tanh: only a
# state that noise cannot change survives, and that is a symbol.

# %% given="cutoff,blurred"

# %% [markdown]
# By hand: one channel, state 2, 4; the kernels of both gates are zeros, biases too; the candidate's kernel is 1, 0, 0, so that it
# sees its left neighbour; its bias is 0. What does the state become?

# %%
u = r = cutoff(torch.tensor(0.0))
u * 2 + (1 - u) * torch.tensor(0.0).tanh(), u * 4 + (1 - u) * (r * 2).tanh()

# %% solution="cgru"
# W holds 3 C kernels: the first 2 C make both gates in one F.conv1d (padding keeps the length), .chunk(2, dim=1) parts them.

# %% test="cgru_values" points=5
W, b = torch.zeros(3, 1, 3), torch.zeros(3)
W[2, 0, 0] = 1.0
s = torch.tensor([[[2.0, 4.0]]])
got = student.cgru(s, W, b)
hint = "half of 2 and half of tanh 0; half of 4 and half of tanh 1"
mistakes = {
    "the reset gate does nothing": ([[[1.0, 2.4820]]], "the candidate sees r · s, not s"),
    "beyond the left end lies the right one": ([[[1.4820, 2.3808]]], "beyond the ends are zeros"),
    "the kernel is turned round": ([[[1.4820, 2.0]]], "F.conv1d, as in the chapter on convolution"),
    "the reset gate comes after the convolution": (
        lambda: torch.tensor([[[1.0, 2.0 + 0.5 * 0.5 * 0.9640]]]),
        "first r · s, then the convolution of it, then tanh",
    ),
}
close(got, [[[1.0, 2.3808]]], "cgru of the example", hint, atol=1e-3, mistakes=mistakes)
b[:] = torch.tensor([3.0, -20.0, 1.0])
u = torch.tensor(3.0).sigmoid()
got = student.cgru(s, W, b)
what = "cgru with the update gate wholly open, bias 3"
mistakes = {
    "a gate is a plain sigmoid": (u * s + (1 - u) * torch.tensor(1.0).tanh(), "gates go through `cutoff`"),
    "the gates are exchanged": ([[[0.7616, 0.9951]]], "the first C kernels are those of u"),
    "old and new are exchanged": ([[[0.7616, 0.7616]]], "u keeps what was there"),
}
close(got, s, what, "u is 1 there, so the old state stays, to the last digit", mistakes=mistakes)
b[:] = torch.tensor([-20.0, -20.0, 1.0])
expected = [[[0.7616, 0.7616]]]
hint = "u = 0: all is new; r = 0: the candidate sees nothing but its bias"
close(student.cgru(s, W, b), expected, "cgru with both gates shut, candidate's bias 1", hint, atol=1e-3)
shapes = {"s": (2, 4, 5), "W": (12, 4, 3), "b": (12,)}
leaves = {name: (torch.randn(shape) / 2).requires_grad_() for name, shape in shapes.items()}
flows(student.cgru(*leaves.values()), leaves, "cgru")
still, zero = torch.zeros(50, 2, 40), torch.zeros(6, 2, 3)
for what, bias, due in (("tanh", [-20.0, -20.0, 0.0], 0.1), ("the gates", [0.0, 0.0, 20.0], 0.03)):
    b = torch.tensor(bias).repeat_interleave(2)
    got = shaped(student.cgru(still, zero, b, 0.1), (50, 2, 40), "cgru with a blur of 0.1").float()
    what = f"the noise of a blur of 0.1 where only {what} should feel it"
    hint = "blurred(…, blur) for what goes into `cutoff` and for what goes into tanh, anew for every number"
    holds(
        abs(got.std() / due - 1) < 0.15, what, f"a deviation of about {due}", round(got.std().item(), 4), hint
    )
### BEGIN HIDDEN TESTS
for rows, c, length, k in ((3, 2, 7, 3), (1, 5, 4, 5), (2, 3, 6, 1)):
    shapes = {"s": (rows, c, length), "W": (3 * c, c, k), "b": (3 * c,)}
    leaves = {name: (torch.randn(shape) / 2).requires_grad_() for name, shape in shapes.items()}
    got, wanted = student.cgru(*leaves.values()), reference.cgru(*leaves.values())
    close(got, wanted, f"cgru of {rows} states, {c} channels, {length} places, kernels of {k}", "(B, C, L)")
    follows(got, leaves, wanted, "cgru")

# %% [markdown]
# Now let it run.

# %% solution="iterate"
# A loop of as many steps; each has the state of the one before, and the blur is handed on.

# %% test="iterate_values" points=2
W, b = torch.zeros(3, 1, 3), torch.tensor([-20.0, 20.0, 0.0])
W[2, 0, 0] = 20.0  # everything new, tanh of twenty times the left neighbour: a 1 walks
s = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
for steps in (0, 1, 3):
    what = f"iterate of {steps} steps with a cell that hands a 1 on to the right"
    hint = "as many steps as are asked for; none leave the state as it is"
    close(student.iterate(s, W, b, steps), torch.eye(4)[steps].view(1, 1, 4), what, hint, atol=1e-4)
shapes = {"s": (2, 3, 5), "W": (9, 3, 3), "b": (9,)}
leaves = {name: (torch.randn(shape) / 2).requires_grad_() for name, shape in shapes.items()}
flows(student.iterate(*leaves.values(), 3), leaves, "iterate")
b = torch.tensor([-20.0, 0.0, 0.0])
got = shaped(student.iterate(torch.zeros(40, 1, 50), torch.zeros(3, 1, 3), b, 2, 0.1), (40, 1, 50), "iterate")
what = "iterate does not hand its blur on to cgru"
hint = "cgru(s, W, b, blur)"
holds(0.08 < got.std() < 0.12, what, "noise of a deviation of 0.1", round(got.float().std().item(), 4), hint)
### BEGIN HIDDEN TESTS
for rows, c, length, steps in ((2, 3, 6, 4), (1, 2, 5, 2)):
    shapes = {"s": (rows, c, length), "W": (3 * c, c, 3), "b": (3 * c,)}
    leaves = {name: (torch.randn(shape) / 2).requires_grad_() for name, shape in shapes.items()}
    got, wanted = student.iterate(*leaves.values(), steps), reference.iterate(*leaves.values(), steps)
    close(got, wanted, f"iterate of {steps} steps", "the same cell every time", rtol=1e-3)
    follows(got, leaves, wanted, "iterate")

# %% given="NeuralGPU,exact"

# %% [markdown]
# ## 3 A net that calls (8 points, 30 minutes)
#
# You add on paper by a procedure: for each column, write a digit, carry if you must, go one to the left. A **neural
# programmer-interpreter** (Reed & de Freitas, 2016) learns such procedures from *traces*, records of who called what. Its core
# is a recurrent cell that knows which program it is in and sees what stands in the column where the pointer is. At each step it says
# whether to return, and if not, which program is called next, with which argument. Four programs call others, four act.

# %% given="one_hot,Pad,script,digits,lessons"

# %%
for program, steps in lessons(28, 5, "recursive", 2):
    print(PROGRAMS[program])
    for (a, b, carry), end, called, argument in steps:
        sees = f"   sees {a if a < BLANK else ' '} {b if b < BLANK else ' '} {carry}"
        print(
            sees, "return" if end else f"{PROGRAMS[called]} {argument if PROGRAMS[called] == 'OUT' else ''}"
        )

# %% [markdown]
# Which line shows that ADD calls itself? And can a core decide by what it sees alone, without a state? (Look at ADD1.)
#
# Programs have **keys**, vectors. The state h makes a key too, and the program is called whose key gives the largest product
# with it: attention with hard choice, as in `memory`. So a new program needs no new output, only a new key. By hand, keys
# (1, 0), (0, 1) and (2, 2), and the key that h makes is (3, −1): the scores?

# %%
[3 * 1 + -1 * 0, 3 * 0 + -1 * 1, 3 * 2 + -1 * 2]

# %% solution="decode"
# Weights are as in nn.Linear: W_key has (D, H). The chance to return is a sigmoid; scores stay scores.

# %% test="decode_values" points=3
keys = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
W_key = torch.tensor([[3.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
W_arg = torch.tensor([[0.0, 5.0, 0.0], [0.0, 7.0, 1.0]])
h = torch.tensor([[1.0, 2.0, 0.0]])
got = student.decode(h, torch.tensor([0.0, 0.0, 9.0]), W_key, keys, W_arg)
holds(
    isinstance(got, tuple | list) and len(got) == 3,
    "decode must give three things",
    "the chance to return, scores of programs, scores of arguments",
    f"{len(got)} things" if isinstance(got, tuple | list) else type(got).__name__,
)
hint = "(B,); the sigmoid of a product"
mistakes = {"no sigmoid": ([0.0], "a chance lies between 0 and 1"), "one axis too many": ([[0.5]], "(B,)")}
close(got[0], [0.5], "decode: the chance to return, W_end · h = 0", hint, mistakes=mistakes)
expected = [[3.0, -1.0, 4.0]]
hint = "the key that h makes, times each program's key"
mistakes = {
    "a softmax of the scores": (lambda: torch.tensor([[3.0, -1.0, 4.0]]).softmax(1), "scores stay scores"),
    "the key itself": ([[3.0, -1.0]], "compare it with all keys: (B, P)"),
    "by the cosine": ([[0.9487, -0.3162, 0.4472]], "the product, lengths count"),
}
close(got[1], expected, "decode: the scores of the three programs of the example", hint, mistakes=mistakes)
close(got[2], [[10.0, 14.0]], "decode: the scores of the arguments", "(B, A): W_arg times h")
shapes = {"h": (2, 3), "W_end": (3,), "W_key": (4, 3), "keys": (5, 4), "W_arg": (6, 3)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
got = student.decode(*leaves.values())
for part, names in zip(got, (("h", "W_end"), ("h", "W_key", "keys"), ("h", "W_arg"))):
    flows(part, {name: leaves[name] for name in names}, "decode")
### BEGIN HIDDEN TESTS
for b, hidden, d, p, a in ((3, 4, 5, 2, 6), (1, 6, 2, 5, 3)):
    shapes = {
        "h": (b, hidden),
        "W_end": (hidden,),
        "W_key": (d, hidden),
        "keys": (p, d),
        "W_arg": (a, hidden),
    }
    leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
    got, wanted = student.decode(*leaves.values()), reference.decode(*leaves.values())
    for what, one, other in zip(("the chance to return", "programs", "arguments"), got, wanted):
        close(one, other, f"decode of {b} states: {what}", "each state by itself")
    used = {name: leaves[name] for name in ("h", "W_key", "keys")}
    follows(got[1], used, wanted[1], "decode's scores of programs")

# %% [markdown]
# Who does what the core says? An **interpreter**, and that is no net. It keeps the calls that have not returned yet, the
# newest last, each with its program and its *own* state. In every step the newest call looks and is asked. If it says return, it
# is over. If it calls an act, the act is done. If it calls a program, that is a new call with a new state, and the old one waits.
#
# Predict the trace, as (depth, number): program 0 calls 1, then act 5, then returns; program 1 calls act 6, then returns.

# %%
[(1, 1), (2, 6), (1, 5)]

# %% solution="execute"
# A list of (program, state). Take the newest off; if it does not return, put it back with its new state, note what it calls at
# depth len(calls), then act or append the new call. Recursion works, too, but count the steps of all calls together.

# %% test="execute_values" points=5
BOOK = {0: [(1, 0), (5, 7)], 1: [(6, 3)], 2: [(2, 0)]}  # what each program calls, one after the other
log = []


def core(program, seen, state):
    place = state or 0
    log.append(("asked", program, place, int(seen)))
    over = place >= len(BOOK[program])
    called, argument = (6, 99) if over else BOOK[program][place]
    return over, called, argument, place + 1


def look():
    return torch.tensor(len(log))


def do(number, argument):
    log.append(("done", number, argument))


trace = student.execute(core, look, do, [5, 6], 0, 100)
what = "the trace of the example, with arguments 0, 3 and 7"
hint = "(depth, number, argument); a call that returns calls nothing"
mistakes = {
    "depth begins with 0": ([(0, 1, 0), (1, 6, 3), (0, 5, 7)], "what the program itself calls has depth 1"),
    "acts only": ([(2, 6, 3), (1, 5, 7)], "note calls of programs, too"),
    "what was said together with 'return' counts": (
        [(1, 1, 0), (2, 6, 3), (2, 6, 99), (1, 5, 7), (1, 6, 99)],
        "if it says to return, nothing else of it counts",
    ),
    "a call does not come back": (
        [(1, 1, 0), (2, 6, 3)],
        "the old call waits, and goes on when the new one is over",
    ),
    "the new call is run later": (
        [(1, 1, 0), (1, 5, 7), (1, 6, 3)],
        "first the new call, then the old one goes on",
    ),
}
equal([tuple(step) for step in trace], [(1, 1, 0), (2, 6, 3), (1, 5, 7)], what, hint, mistakes=mistakes)
expected = [(6, 3), (5, 7)]
hint = "acts, with their arguments, and nothing but acts"
equal([entry[1:] for entry in log if entry[0] == "done"], expected, "what was done in the example", hint)
expected = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 2)]
what = "which program was asked, in which state, in the example"
hint = "a new call begins with the state None; the old one keeps its own"
equal([entry[1:3] for entry in log if entry[0] == "asked"], expected, what, hint)
holds(
    all(entry[3] == n for n, entry in enumerate(log) if entry[0] == "asked"),
    "what the core has seen is old",
    "a new look before each step",
    hint="call see() in every step",
)
got = [tuple(step) for step in student.execute(core, look, do, [5, 6], 0, 3)]
what = "the trace of the example, stopped after 3 steps"
mistakes = {
    "only calls count as steps": ([(1, 1, 0), (2, 6, 3), (1, 5, 7)], "steps that say to return count, too")
}
equal(got, [(1, 1, 0), (2, 6, 3)], what, "the third step says that program 1 returns", mistakes=mistakes)
trace = student.execute(core, look, do, [5, 6], 2, 9)
equal(len(trace), 9, "calls of a program that calls itself for ever, with at most 9 steps", "`most` ends it")
equal(tuple(trace[-1]), (9, 2, 0), "the last of them", "each call lies one deeper")
### BEGIN HIDDEN TESTS
for seed in range(4):
    torch.manual_seed(seed)
    table = torch.randint(0, 7, (4, 5)).tolist()
    states = []

    def core(program, seen, state, table=table, states=states):
        place = 0 if state is None else state
        states.append((program, place, int(seen)))
        return place >= 2 + program % 3, table[program][min(place, 4)], 10 * program + place, place + 1

    def run(execute, most, states=states, core=core):
        states.clear()
        trace = execute(
            core, lambda: torch.tensor(len(states)), lambda n, a: states.append((n, a)), [4, 5, 6], 1, most
        )
        return [tuple(step) for step in trace], list(states)

    for most in (1, 7, 60):
        wanted, got = run(reference.execute, most), run(student.execute, most)
        what = f"the trace of programs that call each other, at most {most} steps"
        equal(got[0], wanted[0], what, "depth first")
        what = f"what was asked and done in it, at most {most} steps"
        equal(got[1], wanted[1], what, "each call has its own state")

# %% given="NPI,added,sums_right"

# %% [markdown]
# ## 4 A program with a blank (13 points, 33 minutes)
#
# The other way round: a person writes most of a program, and a net learns what was left open. That needs a machine through
# which gradients flow: a **differentiable Forth** (Bošnjak et al., 2017). Forth is a language of two stacks. Here a cell of
# a stack holds a distribution over values, and where the top is, is a distribution over cells.
#
# **Push**: the top goes one cell on (cells lie in a ring); then, as much as it is at a cell, the value replaces what was there.
# **Pop**: read the sum of the cells by where the top is; the top goes one back. By hand: of three cells that hold 10, 20, 30
# (one number for a distribution), the top is half at cell 0 and half at cell 1. Push 40.

# %%
[10, 0.5 * 20 + 0.5 * 40, 0.5 * 30 + 0.5 * 40], "and pop would have read", 0.5 * 10 + 0.5 * 20

# %% solution="push" take="push, pop"
# top.roll(1, 1) moves the top one cell on. Write as in `memory`: erase as much as you add, into new cells.


# %%
def old_and_new(cells: Tensor, top: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """The cells that `push` was given, as they are afterwards, and those that it made."""
    new, _ = push(cells, top, value)
    return cells, new


# %% test="stack_values" points=4
cells, top = torch.tensor([[[10.0], [20.0], [30.0]]]), torch.tensor([[0.5, 0.5, 0.0]])
got = pair(student.push(cells, top, torch.tensor([[40.0]])), "push", "cells and top")
hint = "half of 20 and half of 40; half of 30 and half of 40"
mistakes = {
    "it is written before the top moves": ([[[25.0], [30.0], [30.0]]], "first one cell on"),
    "nothing is erased": ([[[10.0], [40.0], [50.0]]], "the value replaces what was there"),
    "the top went back": ([[[25.0], [20.0], [35.0]]], "roll by 1 is one cell on"),
}
close(got[0], [[[10.0], [30.0], [35.0]]], "the cells after the push of the example", hint, mistakes=mistakes)
close(got[1], [[0.0, 0.5, 0.5]], "the top after the push of the example", "one cell on")
old, _ = student.old_and_new(cells, top, torch.tensor([[40.0]]))
what = "the old cells, after push"
close(old, cells, what, "make new ones: another line of the program may go on with the old")
value, new = pair(student.pop(cells, top), "pop", "a value and the top")
what = "pop of the example"
hint = "half of 10 and half of 20, read before the top moves"
close(value, [[15.0]], what, hint, mistakes={"the top moves first": ([[20.0]], "read, then go back")})
close(new, [[0.5, 0.0, 0.5]], "the top after the pop of the example", "one cell back, round the ring")
shapes = {"cells": (2, 4, 3), "top": (2, 4), "value": (2, 3)}
leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
flows(pair(student.push(*leaves.values()), "push", "cells and top")[0], leaves, "push")
del leaves["value"]
flows(pair(student.pop(*leaves.values()), "pop", "a value and the top")[0], leaves, "pop")
### BEGIN HIDDEN TESTS
for b, n, k in ((3, 4, 2), (1, 5, 3), (2, 3, 4)):
    shapes = {"cells": (b, n, k), "top": (b, n), "value": (b, k)}
    leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
    cells, top, value = leaves.values()
    got, wanted = student.push(cells, top, value), reference.push(cells, top, value)
    close(got[0], wanted[0], f"cells after a push on {b} stacks of {n} cells", "each with its own top")
    close(got[1], wanted[1], f"the top after a push on {b} stacks", "one cell on")
    follows(got[0], leaves, wanted[0], "push")
    got, wanted = student.pop(cells, top), reference.pop(cells, top)
    what = f"what pop reads of {b} stacks of {n} cells"
    close(got[0], wanted[0], what, "the sum of cells by where the top is")
    close(got[1], wanted[1], f"the top after a pop on {b} stacks", "one cell back")
    follows(got[0], {"cells": cells, "top": top}, wanted[0], "pop")

# %% [markdown]
# Below is a sketch of bubble sort. A 0 lies below the numbers. A pass moves them to the return stack one by one, and before
# each move **something** happens to the two on top; then they are moved back. What must it be, for the largest to sink to the
# bottom?

# %%
for number, (word, target) in enumerate(BUBBLE):
    print(number, word, f"-> {target}" if "?" in word else "")

# %% [markdown]
# Exchange them, or do not. Which, is to be learned: a table has a score for each pair of values (i above, j below), and the
# sigmoid of it is the chance of an exchange. The values are distributions, so the chance is the mean of the table's chances
# over both. By hand: certainly 1 above and 2 below, and the table says 1/4 there: of what is above afterwards, how much is 2?

# %%
0.25, "and 0.75 is 1"

# %% solution="swap_or_not"
# The mean over both distributions: torch.einsum("bi,ij,bj->b", …). Then a mean of both outcomes, for either place.

# %% test="swap_or_not_values" points=3
table = torch.zeros(3, 3)
table[1, 2], table[2, 1] = -1.0986, 1.0986  # chances 1/4 and 3/4
eye = torch.eye(3)
got = pair(student.swap_or_not(eye[1:2], eye[2:3], table), "swap_or_not", "above and below")
what = "what is above after the example, chance 1/4"
mistakes = {
    "rows and columns of the table are exchanged": ([[0.0, 0.25, 0.75]], "table[above, below]"),
    "the score is the chance": ([[0.0, 2.0986, -1.0986]], "the sigmoid of a score is a chance"),
}
close(got[0], [[0.0, 0.75, 0.25]], what, "a quarter of what was below", atol=1e-3, mistakes=mistakes)
got = got[1]
close(got, [[0.0, 0.25, 0.75]], "what is below after the example", "a quarter of what was above", atol=1e-3)
above, below = torch.tensor([[0.0, 0.5, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]])
table[1, 0], table[2, 0] = 20.0, -1.0986  # chances 1 and 1/4
got = pair(student.swap_or_not(above, below, table), "swap_or_not", "above and below")
expected = [[0.625, 0.1875, 0.1875]]
what = "what is above when it was 1 or 2, equally likely, over a 0; chances of an exchange 1 and 1/4"
mistakes = {
    "the chance is that of the mean score": (
        [[1.0, 0.0, 0.0]],
        "first a chance for each pair of values, then their mean",
    )
}
close(got[0], expected, what, "the chance is 5/8; then so much of each", atol=1e-3, mistakes=mistakes)
shapes = {"above": (2, 4), "below": (2, 4), "the table": (4, 4)}
leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
for part in pair(student.swap_or_not(*leaves.values()), "swap_or_not", "above and below"):
    flows(part, leaves, "swap_or_not")
### BEGIN HIDDEN TESTS
for b, k in ((3, 4), (1, 6), (5, 2)):
    leaves = {
        "above": torch.randn(b, k).softmax(1).requires_grad_(),
        "below": torch.randn(b, k).softmax(1).requires_grad_(),
        "the table": torch.randn(k, k, requires_grad=True),
    }
    got, wanted = student.swap_or_not(*leaves.values()), reference.swap_or_not(*leaves.values())
    for place, one, other in zip(("above", "below"), got, wanted):
        what = f"what is {place} afterwards, {b} rows of {k} values"
        close(one, other, what, "each row with its own chance")
        follows(one, leaves, other, "swap_or_not")

# %% [markdown]
# If what lies on top is uncertain, then so is whether a line like `more?` jumps, and after it the machine does not know at which line
# it is. So the **program counter** is a distribution over lines, too, with one place behind the last line: the end. From line i
# the share `jumps[i]` goes to `targets[i]`, the rest to line i + 1; at the end all stays. Of three lines, let the counter be half at line 1 and
# half at line 2; line 1 jumps to 0 by a quarter, line 2 never jumps. Where is it next? (Lines 0, 1, 2, and the end.)

# %%
[0.5 * 0.25, 0, 0.5 * 0.75, 0.5]

# %% solution="advance"
# counter[:, :-1] is at the lines. Two lines may have the same target: index_add adds up, plain assignment does not.

# %% test="advance_values" points=4
counter, targets = torch.tensor([[0.0, 0.5, 0.5, 0.0]]), torch.tensor([0, 0, 0])
got = student.advance(counter, torch.tensor([[0.0, 0.25, 0.0]]), targets)
hint = "an eighth to line 0, three eighths to line 2, half to the end"
mistakes = {
    "what jumps goes on as well": ([[0.125, 0.0, 0.5, 0.5]], "only the rest goes on"),
    "what does not jump stays": ([[0.125, 0.375, 0.5, 0.0]], "the rest goes to the next line"),
    "behind the last line comes the first": ([[0.625, 0.0, 0.375, 0.0]], "behind it is the end"),
}
close(got, [[0.125, 0.0, 0.375, 0.5]], "advance of the example", hint, mistakes=mistakes)
got = student.advance(
    torch.tensor([[0.25, 0.25, 0.25, 0.25]]), torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([2, 2, 0])
)
what = "advance where lines 0 and 1 both jump to line 2, and a quarter is at the end"
hint = "both quarters come to line 2; the end keeps its own and gets line 2's"
mistakes = {
    "one of two that jump to the same line is lost": ([[0.0, 0.0, 0.25, 0.5]], "add up"),
    "the end loses what it had": ([[0.0, 0.0, 0.5, 0.25]], "nothing goes away from the end"),
    "the end begins anew": ([[0.25, 0.0, 0.5, 0.25]], "nothing goes away from the end"),
}
close(got, [[0.0, 0.0, 0.5, 0.5]], what, hint, mistakes=mistakes)
leaves = {
    "the counter": torch.rand(2, 4, requires_grad=True),
    "the jumps": torch.rand(2, 3, requires_grad=True),
}
flows(student.advance(*leaves.values(), torch.tensor([2, 0, 1])), leaves, "advance")
### BEGIN HIDDEN TESTS
for b, lines in ((3, 5), (1, 2), (4, 3)):
    targets = torch.randint(lines + 1, (lines,))
    leaves = {
        "the counter": torch.randn(b, lines + 1).softmax(1).requires_grad_(),
        "the jumps": torch.rand(b, lines, requires_grad=True),
    }
    got, wanted = (way.advance(*leaves.values(), targets) for way in (student, reference))
    what = f"advance of {b} counters over {lines} lines"
    close(got, wanted, what, "each with its own jumps; a line may jump to the end")
    follows(got, leaves, wanted, "advance")

# %% [markdown]
# One step of the machine: *every* line is done, on a copy of the stacks each, and the results are superposed by how much
# of the counter is at the line. At the end nothing is done, so the last outcome is what was there before.

# %% solution="superpose"
# torch.stack(list(outcomes)) has the lines first; outcomes have any number of axes behind B: "bi,ib...->b..." is an einsum.

# %% test="superpose_values" points=2
counter = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
outcomes = [torch.tensor([[10.0, 20.0], [1.0, 2.0]]), torch.tensor([[50.0, 60.0], [5.0, 6.0]])]
got = student.superpose(counter, outcomes)
what = "superpose of two outcomes, for a counter at 1/4 and 3/4, and one wholly at line 0"
hint = "0.25 · 10 + 0.75 · 50 and so on: each example with its own counter"
mistakes = {"examples and lines are exchanged": ([[20.0, 30.0], [1.0, 2.0]], "counter is (B, I + 1)")}
close(got, [[40.0, 50.0], [1.0, 2.0]], what, hint, mistakes=mistakes)
shapes = {"the counter": (2, 3), "outcome 0": (2, 4, 5), "outcome 1": (2, 4, 5), "outcome 2": (2, 4, 5)}
leaves = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
counter, *outcomes = leaves.values()
flows(student.superpose(counter, outcomes), leaves, "superpose")
### BEGIN HIDDEN TESTS
for b, lines, shape in ((3, 4, (2,)), (2, 3, (4, 5)), (4, 2, ())):
    leaves = {"the counter": torch.randn(b, lines).softmax(1).requires_grad_()}
    leaves |= {f"outcome {n}": torch.randn(b, *shape, requires_grad=True) for n in range(lines)}
    counter, *outcomes = leaves.values()
    wanted = sum(counter[:, n].view(b, *[1] * len(shape)) * outcome for n, outcome in enumerate(outcomes))
    got = student.superpose(counter, outcomes)
    close(got, wanted, f"superpose of {lines} outcomes {(b, *shape)}", "any number of axes behind the first")
    follows(got, leaves, wanted, "superpose")

# %% given="do,wants,tick,stacked,bubbled,filled,lists_sorted"

# %% [markdown]
# Watch the counter while a list of three is passed through, with a blank of which nothing is known yet (all chances 1/2), and
# with one that is nearly sure. Turn the knob: from where on does the machine know where it is?


# %%
def passing(sure=0.0):
    """Draw a soft program counter over one pass, for a blank that exchanges the larger down, more or less surely."""
    values = torch.arange(VALUES)
    table = sure * (values[:, None] - values[None]).float().sign() * (values > 0)
    _, counters = bubbled(torch.tensor([[2, 3, 9]]), table, 1)
    figure, ax = plots.subplots(figsize=(7, 2.6))
    ax.imshow(torch.stack(counters)[:, 0].T, aspect="auto", vmin=0, vmax=1, cmap="Blues")
    ax.set_yticks(range(6), [word for word, _ in BUBBLE] + ["end"])
    ax.set(xlabel="step")
    return plots.show(figure, f"The program counter over one pass, scores of {sure:.0f}")


turn(passing, "when does the machine know where it is?", sure=(0.0, 9.0, 1.0))

# %% [markdown]
# ## 5 Three nets, far from home (3 points, 10 minutes)
#
# Now train all three: the Neural GPU on sums of up to twelve bits, one bit more whenever it has got the last ones right; the
# interpreter's core on traces of sums of up to three digits; the blank on lists of two and three, of which nothing is said but how
# they look sorted. **Predict**, before it is done: which of the three will be right at 96 bits, 100 digits, lists of eight?

# %% given="build,Blank,learn_to_add,climb,traces,wanted,drawn,learn_to_call,fill_blank,learn_to_execute"

# %% trains="programs"
how, run = config(tier), Run("programs", seed=0)
nets = build(tier).to(run.device)
learn_to_add(nets["adds"], how, run)
learn_to_call(nets["calls"], "recursive", 3, how.npi_steps, run)
fill_blank(nets["blank"], how.blank_steps, run)
if "executes" in nets:  # at the full tier
    learn_to_execute(nets["executes"], "combined", 9, how.execute_steps, run)
nets = nets.eval().cpu()
save_artifact("programs", nets, tier)

# %% trains="programs"
entry = record("programs", tier)
for split in ("train", "val", "test"):
    bits = binary_sums.BITS[tier][split]
    print(f"sums of {bits} bits: {exact(nets['adds'], binary_sums.load(tier, split)):.0%} exact")
for places in (3, 10, how.digits_far):
    print(f"sums of {places} digits: {sums_right(nets['calls'], places):.0%} written without an error")
for length in (3, 8):
    print(f"lists of {length}: {lists_sorted(nets['blank'].table.detach(), length):.0%} sorted")
if "executes" in nets:
    fresh = small_programs.load(tier, "test").tensors
    print(
        f"sums of nine digits, as programs that are read: {executed(nets['executes'], *fresh):.0%} executed"
    )
print(f"the reference, the mean of them from home: {entry.value:.1%} ± {entry.std:.1%}")

# %% test="trained" points=3
tensors = student.artifact("programs")
holds(
    all(name in tensors for name in ("adds.W", "calls.keys", "blank.table"))
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "programs.safetensors does not hold the three trained nets",
    "finite tensors adds.W, adds.b, …, calls.keys, …, blank.table",
    sorted(tensors)[:4],
    "run the training cell: it saves `nets`",
)
### BEGIN HIDDEN TESTS
judge("programs", tensors, 3)

# %% [markdown]
# What has the blank become? Rows are what is above, columns what is below; dark is an exchange.

# %% trains="programs"
figure, ax = plots.subplots(figsize=(3.4, 3.4))
ax.imshow(nets["blank"].table.detach().sigmoid(), vmin=0, vmax=1, cmap="Blues")
ax.set(xlabel="below", ylabel="above")
plots.show(figure, "Chances of an exchange by the two values on top, learned from sorted lists alone")

# %% [markdown]
# Nobody told it what "larger" means. Why does it not matter what stands on the diagonal?
#
# **Hand in** this notebook and `programs.safetensors`; `course_utils.colab.submit("programs")` packs both.
