# %% [markdown]
# 3, 1, 2 becomes 2, 4, 6. And 5, 0, 4 becomes 0, 8, 10. You have written the program in your head already: sort, then double.
# In this lab nets help to write such programs: one that foretells which operations a search should try first, one that writes
# a program expression by expression and runs what it has written, and one that proposes the scene behind a picture.
#
# The chapter *Nets that write programs* of the book is the companion to this lab; nothing in it is needed that is not said
# here. Shapes: B problems, K examples of a problem, A attributes (operations of the list language), D numbers of an
# embedding, S steps, E expressions of the string language; N scenes.

# %%
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import list_functions, string_language, sygus_strings
from course_utils.data.list_language import (
    EXAMPLES,
    LEAST,
    MOST,
    NAMES,
    OPERATIONS,
    Program,
    Value,
    arguments,
    checked,
    draw_lists,
    draw_program,
    kind,
)
from course_utils.data.string_language import (
    END,
    EXPRESSIONS,
    LETTERS,
    SHOWN,
    Text,
    corrupted,
    rewrite,
    rewritings,
)
from course_utils.training import Run, record

Example = tuple[list[Value], Value]  # inputs, and the output that is due
SEEN = 10  # numbers of a list that the net looks at
CODES = 515  # nothing, 512 numbers, and the marks of a list and of a number
Node = tuple[int, ...]  # how much of each example's output is written
Space = dict[tuple[Node, Node], set[str]]  # from where to where, and which expressions lead there
REST = 10  # letters of what remains to be written that are looked at
Scores = Callable[[list[list[str | None]]], Tensor]
SIDE = 20  # pixels of a picture's side
STEPS = (0.6, 0.6, 0.6, 0.6, 0.12)  # how far a change of a scene goes: pixels, and radians
HELD_OUT, TESTS = 4, 100  # examples by which a string program is judged; problems that are not learned from
LINES = 3  # of the list programs among them

# %% [markdown]
# ## 1 A language of lists (5 points, 18 minutes)
#
# Programs are looked for in a small language, after that of DeepCoder (Balog et al., 2017). A value is a whole number
# ("int") or a list of them ("list"). A program is a tuple of lines, a line a tuple: an operation, then *where* its arguments
# stand. Places count from 0, first the inputs, then the result of each line. Here are the operations, and a program:

# %%
for name, operation in OPERATIONS.items():
    print(f"{name:11s} {', '.join(operation.takes):11s} -> {operation.gives}", end="   ")
    print() if NAMES.index(name) % 2 else None
program = (("filter even", 0), ("map *2", 1), ("sum", 2))  # value 0 is the input

# %% [markdown]
# By hand: the input 3, 4, 6 is value 0. What are the values 1, 2 and 3?

# %%
[x for x in [3, 4, 6] if x % 2 == 0], [2 * x for x in [4, 6]], sum([8, 12])

# %% [markdown]
# Before anything runs, **types**: ("head", 0) makes an int, and `sort` of an int makes no sense. A search that knows the types
# never tries it. Find the kinds of all values without running the program.

# %% solution="typed"
# kinds = list(kinds) makes a copy that may grow. `for name, *places in program` takes a line apart.
# What an operation takes is a tuple of kinds; compare with the kinds that stand at its places.

# %% test="typed_values" points=2
got = student.typed((("sort", 0), ("head", 1)), ["list"])
hint = "first the kinds of the inputs, then one for each line"
mistakes = {
    "the inputs' kinds are missing": (["list", "int"], "the inputs are values, too"),
    "only the output's kind": ("int", "the kinds of all values"),
}
equal(got, ["list", "list", "int"], "typed of sort, then head", hint, mistakes=mistakes)
got = student.typed((("take", 0, 1), ("zip +", 2, 1), ("sum", 3), ("drop", 4, 2)), ["int", "list"])
expected = ["int", "list", "list", "list", "int", "list"]
equal(got, expected, "typed of a program of two inputs", "places count inputs first")
hint = "compare the kinds at its places with OPERATIONS[name].takes"
raises(TypeError, lambda: student.typed((("sort", 0),), ["int"]), "sort of an int", hint)
what = "take with its arguments exchanged"
raises(TypeError, lambda: student.typed((("take", 0, 1),), ["list", "int"]), what, hint)
what = "a place that does not exist yet"
raises(TypeError, lambda: student.typed((("sum", 1),), ["list"]), what, "how many values are there so far?")
raises(
    TypeError,
    lambda: student.typed((("sum", -1),), ["list"]),
    "a negative place",
    "places count from 0: Python would take -1 for the last",
)
### BEGIN HIDDEN TESTS
import random

from course_utils.data.list_language import NAMES, OPERATIONS

raises(TypeError, lambda: student.typed((("sum", 0, 0),), ["list"]), "an argument too many", hint)
raises(TypeError, lambda: student.typed((("access", 0),), ["int", "list"]), "an argument too few", hint)
raises(TypeError, lambda: student.typed((("head", 0), ("sort", 1)), ["list"]), "sort of head's result", hint)
for _ in range(40):
    kinds = random.choices(["int", "list"], k=random.randint(1, 3))
    program = []
    for _ in range(random.randint(0, 4)):
        name = random.choice(NAMES)
        ways = reference.arguments(OPERATIONS[name].takes, reference.typed(tuple(program), kinds))
        program += [(name, *random.choice(ways))] if ways else []
    got = student.typed(tuple(program), kinds)
    expected = reference.typed(tuple(program), kinds)
    equal(got, expected, f"typed of {program} with {kinds}", "what each operation gives")

# %% [markdown]
# Now run it. Numbers must stay between -256 and 255 and lists at 20 numbers: `checked(value)` gives the value back, or raises
# ValueError. An operation without an answer (the first number of an empty list) raises ValueError by itself. A program that
# is not well typed must raise TypeError *before* any of it runs.

# %% solution="execute"
# kind(value) says "int" or "list". OPERATIONS[name].do is the function; *… hands a list over as arguments. The list `inputs`
# stays as it is: other programs will be run on it.


# %%
def execute_again(program: Program, inputs: list[Value]) -> list[Value]:
    """What `execute` gives for inputs that a program has been run on before."""
    execute(program, inputs)
    return execute(program, inputs)


# %% test="execute_values" points=3
got = student.execute((("filter even", 0), ("map *2", 1), ("sum", 2)), [[3, 4, 6]])
expected = [[3, 4, 6], [4, 6], [8, 12], 20]
what = "execute of the program above on 3, 4, 6"
mistakes = {
    "the inputs are missing": ([[4, 6], [8, 12], 20], "the inputs are values, too"),
    "only the output": (20, "all values, in order"),
}
equal(got, expected, what, "all values: the input, then a result a line", mistakes=mistakes)
got = student.execute((("take", 0, 1), ("zip -", 1, 2)), [2, [5, 7, 9]])
expected = [2, [5, 7, 9], [5, 7], [0, 0]]
equal(got, expected, "execute of take and zip - on 2 and 5, 7, 9", "arguments in the order of their places")
got = student.execute_again((("sort", 0), ("head", 1)), [[5, 3]])
expected = [[5, 3], [3, 5], 3]
hint = "the list of inputs must not grow: list(inputs) is another one with the same values"
mistakes = {
    "the inputs have become more": (
        [[5, 3], [3, 5], 3, [3, 5], 3],
        "list(inputs) is another list with the same values",
    )
}
equal(got, expected, "execute of sort, then head, on 5, 3, the second time", hint, mistakes=mistakes)
what = "256, which is out of range"
raises(ValueError, lambda: student.execute((("map **2", 0),), [[16]]), what, "checked(value)")
what = "head of an empty list"
raises(ValueError, lambda: student.execute((("head", 0),), [[]]), what, "let the error pass")
hint = "is the program well typed for these inputs?"
raises(TypeError, lambda: student.execute((("sort", 0),), [3]), "sort of an int", hint)
what = "a program that is not well typed and would fail in its first line"
hint = "types first: nothing of it may run"
raises(TypeError, lambda: student.execute((("head", 0), ("sort", 1)), [[]]), what, hint)
### BEGIN HIDDEN TESTS
import numpy as np


rng, ran = np.random.RandomState(np.random.randint(10**6)), 0
while ran < 40:
    program, (inputs,) = reference.draw_program(rng, 4), reference.draw_lists(rng, 1)
    try:
        wanted = reference.execute(program, inputs)
    except ValueError:
        what = f"{program} on {inputs}"
        raises(ValueError, lambda p=program, i=inputs: student.execute(p, i), what, "checked(value)")
        continue
    ran += 1
    equal(student.execute(program, inputs), wanted, f"execute of {program} on {inputs}", "line by line")
what = "400 on the way"
raises(ValueError, lambda: student.execute((("map *2", 0), ("map /2", 1)), [[200]]), what, "check every line")

# %% [markdown]
# ## 2 Problems to learn from (3 points, 10 minutes)
#
# Nobody has written a million such programs, but they can be drawn at random, and inputs for them, too. Not every program
# makes a good problem, though. Sorting twice is the same as once: a net that is told "sort, sort" learns something wrong. And
# a program that always says 0 says nothing. A program is **informative** on some inputs if
#
# - it fails on none of them,
# - its outputs are not all the same,
# - no two of its values (inputs and results of lines) equal each other on *every* input: else a shorter one would do.
#
# On the inputs 3, 1, 2 and 5, 4, 6: is "sort, then head" informative? "sort, then sort"? "count >0"?

# %%
for words in ("1 and 4", "value 2 is value 1, each time", "3 and 3"):
    print(words)

# %% solution="informative"
# `try: … except ValueError: return None`. zip(*rows) turns rows of values into columns: one value on all inputs.

# %% test="informative_values" points=3
inputs = [[[3, 1, 2]], [[5, 4, 6]]]
got = student.informative((("sort", 0), ("head", 1)), inputs)
what = "informative of sort, then head"
hint = "the outputs, one for each of the inputs"
equal(got, [1, 4], what, hint, mistakes={"it says only whether": (True, "give the outputs, or None")})
got = student.informative((("sort", 0), ("sort", 1)), inputs)
equal(got, None, "informative of sort, sort", "values 1 and 2 are equal on every input")
equal(student.informative((("count >0", 0),), inputs), None, "informative of count >0", "all outputs are 3")
got = student.informative((("map **2", 0),), [[[3]], [[200]], [[4]]])
equal(got, None, "informative of a program that fails on one of three inputs", "ValueError")
got = student.informative((("reverse", 0), ("reverse", 1), ("head", 2)), inputs)
what = "informative of reverse, reverse, head"
equal(got, None, what, "any two values, not only the output: value 2 is the input again")
got = student.informative((("sort", 0), ("head", 1)), [[[1, 2]], [[5, 4]]])
what = "informative of sort, then head, where one input is sorted already"
equal(got, [1, 4], what, "equal on *every* input")
### BEGIN HIDDEN TESTS
import numpy as np


rng = np.random.RandomState(np.random.randint(10**6))
for n in range(150):
    program, inputs = reference.draw_program(rng, 1 + n % 4), reference.draw_lists(rng, 1 + n % 3)
    got = student.informative(program, inputs)
    hint = "outputs, or None: fails, all the same, or a value twice"
    equal(got, reference.informative(program, inputs), f"informative of {program} on {inputs}", hint)

# %% given="problems"

# %%
for program, examples in islice(problems(np.random.RandomState(0), (2, 3)), 3):
    print(" | ".join(" ".join(map(str, line)) for line in program))
    for (given,), due in examples[:3]:
        print("   ", given, "->", due)

# %% [markdown]
# ## 3 Which operations does it use? (4 points, 10 minutes)
#
# A net sees the examples and is to say, of each operation by itself, whether the program uses it: its **attributes**. Values
# go in as codes: 513 marks a list, 514 a number, then come the numbers plus 257, then zeros.

# %% given="codes,coded,properties,uses,likeliest"

# %%
print(coded([([[3, 1, 2]], 6)]))
print(
    "shape",
    tuple(
        coded([([[3, 1, 2]], 6)]).shape,
    ),
    "= K, input and output, 1 + SEEN",
)

# %% [markdown]
# Embed every code; lay an example's embeddings in one row; three layers with ReLU; **the mean over examples**; then a score for
# each operation. Why the mean? Turn the examples round: should anything change? Add them a second time?

# %% solution="AttributeNet" keep="__init__"
# (B, K, 2, 1 + SEEN) embeds to (B, K, 2, 1 + SEEN, D); flatten(2) makes one row of each example.

# %% test="attributes_values" points=4
net = student.AttributeNet(7, 12, 5)
x = torch.randint(0, 515, (2, 3, 2, 11))
got = shaped(
    net(x),
    (2, 5),
    "the scores of 2 problems and 5 attributes",
    "one row a problem: what becomes of the examples?",
)
what = "scores with the examples in another order"
close(net(x[:, [2, 0, 1]]), got, what, "the mean over examples, axis 1")
close(net(torch.cat([x, x], dim=1)), got, "scores with every example given twice", "the mean, not the sum")
flows(net(x), dict(net.named_parameters()), "the scores")
p = {name: value.detach() for name, value in net.state_dict().items()}


def by_hand(x, relu=torch.relu, early=False, last=True):
    """The scores from the weights alone, and what some mistakes make of them."""
    h = p["embed.weight"][x].reshape(*x.shape[:2], -1)
    h = h.mean(1, keepdim=True) if early else h
    for name in ("one", "two", "three"):
        h = h @ p[f"{name}.weight"].T + p[f"{name}.bias"]
        h = relu(h) if last or name != "three" else h
    return h.mean(1) @ p["scores.weight"].T + p["scores.bias"]


expected = by_hand(x)
hint = "embed, three layers with ReLU, the mean, then `scores`"
mistakes = {
    "there is no ReLU": (lambda: by_hand(x, relu=lambda h: h), "each of the three layers has one"),
    "the third layer has no ReLU": (lambda: by_hand(x, last=False), "each of the three layers has one"),
    "the mean comes first": (lambda: by_hand(x, early=True), "each example passes the layers by itself"),
    "these are probabilities": (lambda: by_hand(x).sigmoid(), "scores: the loss has its own sigmoid"),
}
close(got, expected, "the scores of an attribute net", hint, atol=1e-4, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for d, hidden, attributes, b, k in ((8, 9, 4, 3, 2), (6, 5, 38, 1, 5), (9, 4, 3, 2, 1)):
    net, ours = student.AttributeNet(d, hidden, attributes), reference.AttributeNet(d, hidden, attributes)
    ours.load_state_dict(net.state_dict())
    x = torch.randint(0, 515, (b, k, 2, 11))
    close(net(x), ours(x), f"the scores of {b} problems of {k} examples", "any number of examples", atol=1e-4)
    theirs = dict(net.named_parameters())
    follows(net(x), theirs, ours(x), "the scores", others=dict(ours.named_parameters()))

# %% [markdown]
# ## 4 Search (8 points, 27 minutes)
#
# The net does not write the program. It says **in which order a search tries operations**. Depth first: try a line; if its
# results are the outputs, done; else try everything that can follow it; then the next line. What is counted are **nodes**:
# lines that were run on the examples. `line_on` runs one, and gives None where it fails on some example. Which places may a
# line have? `arguments(takes, kinds)` lists them: all ways to choose what an operation takes among values of these kinds.

# %% given="line_on"

# %%
rows = [[[3, 1]], [[5, 9]]]  # the values of two examples: so far, their inputs
print(arguments(OPERATIONS["take"].takes, ["list", "int", "list"]))  # an int, then a list
print(line_on("sort", (0,), rows), line_on("head", (0,), rows), line_on("map **2", (0,), [[[3]], [[99]]]))

# %% [markdown]
# By hand: examples 3, 1 -> 1, 3 and 5, 9 -> 9, 5; the order is sum, sort, reverse; one line at most. The last line must give
# the output's kind, so `sum` is not even tried. How many nodes? And with two lines at most: `sum` of value 0 comes first, then
# all that can follow it.

# %%
print("sort 0, reverse 0: 2 nodes.  Two lines: sum 0, then sort 0, then reverse 0: 3 nodes")

# %% solution="search"
# A function inside, which calls itself, does the walking; rows holds the values of each example so far:
#   def extend(program, rows):
#       nonlocal nodes                      # so that it can count
#       for name in order:                  # in the last line only what gives the output's kind
#           for places in arguments(OPERATIONS[name].takes, [kind(value) for value in rows[0]]):
#               1. nothing left of the budget: None, on every storey
#               2. count, run the line; are its results the outputs? Then the program ends with it
#               3. it failed, or was the last: go on to the next
#               4. else extend, each row with its result behind it; what is found there is handed up
#       return None
# extend((), [list(inputs) for inputs, _ in examples]) begins.

# %% test="search_values" points=5
examples = [([[3, 1]], [1, 3]), ([[5, 9]], [9, 5])]
what = "search for 3, 1 -> 1, 3 and 5, 9 -> 9, 5"


def searched(order, length, budget):
    return pair(student.search(examples, order, length, budget), "search", "a program or None, and the nodes")


found, nodes = searched(["sum", "sort", "reverse"], 1, 99)
mistakes = {"it fits the first example only": ((("sort", 0),), "all examples")}
equal(found, (("reverse", 0),), f"{what}, one line", "a tuple of lines", mistakes=mistakes)
mistakes = {"the last line may give anything": (3, "it must give the output's kind")}
equal(nodes, 2, f"the nodes of {what}, one line", "a line that is run is a node", mistakes=mistakes)
found, nodes = searched(["sum", "sort", "reverse"], 2, 99)
hint = "depth first: all that can follow `sum` comes before anything else"
mistakes = {
    "short programs come first": (
        (("reverse", 0),),
        "depth first: go on behind a line before the next is tried",
    )
}
equal(found, (("sum", 0), ("reverse", 0)), f"{what}, two lines", hint, mistakes=mistakes)
equal(nodes, 3, f"the nodes of {what}, two lines", "sum 0; then sort 0 and reverse 0")
found, nodes = searched(["sort", "sum"], 2, 99)
equal(found, None, f"{what} with sort and sum alone", "None where nothing fits")
hint = "sort 0, behind it sort 0 and sort 1; then sum 0, behind it sort 0"
mistakes = {"the last line may give anything": (8, "it must give the output's kind")}
equal(nodes, 5, f"the nodes of {what} with sort and sum alone", hint, mistakes=mistakes)
found, nodes = searched(["sum", "sort", "reverse"], 2, 2)
equal((found, nodes), (None, 2), f"{what} with a budget of 2 nodes", "no more than the budget")
found, nodes = searched(["reverse"], 3, 99)
hint = "a shorter program that fits is taken, as soon as it fits"
equal(found, (("reverse", 0),), f"{what} with reverse alone, three lines at most", hint)
equal(nodes, 1, f"the nodes of {what} with reverse alone, three lines at most", "the first line fits")
empty = [([[2, 1]], [1, 2]), ([[]], [])]
found, nodes = pair(
    student.search(empty, ["maximum", "reverse"], 2, 99), "search", "a program or None, and the nodes"
)
equal(found, (("reverse", 0),), "search for 2, 1 -> 1, 2 and nothing -> nothing", "nothing has no maximum")
what = "the nodes of search for 2, 1 -> 1, 2 and nothing -> nothing"
equal(nodes, 2, what, "every line that is run, failing ones too")
### BEGIN HIDDEN TESTS
import random

import numpy as np


drawn = reference.problems(np.random.RandomState(np.random.randint(10**6)), (1, 2, 3))
for n in range(12):
    _, examples = next(drawn)
    order = random.sample(reference.NAMES, 12 + n)
    length, budget = 1 + n % 3, (40, 150, 400)[n % 3]
    found, nodes = pair(
        student.search(examples, order, length, budget), "search", "a program or None, and the nodes"
    )
    wanted, due = reference.search(examples, order, length, budget)
    case = f"search with {length} lines and {budget} nodes at most, {examples[0]}, …"
    hint = "operations in order, arguments in order, depth first; what fails on an example ends there"
    equal(found, wanted, case, hint)
    equal(nodes, due, f"the nodes of {case}", "every line that is run, failing ones too")
examples = [([2, [1, 2, 3]], [1, 2]), ([1, [4, 5]], [4])]
found, nodes = pair(
    student.search(examples, ["drop", "take"], 1, 9), "search", "a program or None, and the nodes"
)
equal(found, (("take", 0, 1),), "search with two inputs", "inputs are values 0 and 1")

# %% [markdown]
# Depth first goes far into the first line's branch before it tries the second. **Sort and add** is the remedy: search with the
# few likeliest operations alone, to the end; if that fails, add the next few and begin anew. The nodes of all searches count.

# %% solution="sort_and_add"
# order[:size] with size = step, 2 step, … until all are in; what is left of the budget for each search?

# %% test="sort_and_add_values" points=3
examples = [([[3, 1]], [1, 3]), ([[5, 9]], [9, 5])]
order = ["sum", "sort", "reverse"]


def added(length, budget, step):
    return pair(
        student.sort_and_add(examples, order, length, budget, step),
        "sort_and_add",
        "a program or None, and the nodes",
    )


found, nodes = added(1, 99, 1)
expected = (("reverse", 0),)
equal(found, expected, "sort_and_add, one operation more each time", "the last search knows all three")
what = "the nodes of sort_and_add"
mistakes = {
    "only the last search counts, or each search knows the newest operations only": (
        2,
        "order[:size]; add up the nodes of all searches",
    )
}
equal(nodes, 3, what, "0 with sum alone, 1 with sort, 2 with reverse: 0 + 1 + 2", mistakes=mistakes)
hint = "first sum and sort, then all: the last step may be short"
equal(added(1, 99, 2), ((("reverse", 0),), 3), "sort_and_add, two more each time", hint)
what = "sort_and_add with a budget of 2"
equal(added(1, 2, 1), (None, 2), what, "what is left of the budget for the next search?")
### BEGIN HIDDEN TESTS
import random

import numpy as np


drawn = reference.problems(np.random.RandomState(np.random.randint(10**6)), (1, 2, 3))
for n in range(8):
    _, examples = next(drawn)
    order = random.sample(reference.NAMES, 9 + n)
    case = (examples, order, 2, (60, 200)[n % 2], 1 + n % 4)
    got = pair(student.sort_and_add(*case), "sort_and_add", "a program or None, and the nodes")
    expected = reference.sort_and_add(*case)
    equal(got, expected, f"sort_and_add with {case[2:]}, {examples[0]}, …", "search by search")
got = student.sort_and_add([([[1, 2]], [7, 7])], ["sort", "tail"], 1, 99, 5)
what = "sort_and_add with fewer operations than a step, where nothing fits"
equal(got, (None, 2), what, "one search with all of them, not two")

# %% [markdown]
# ## 5 Strings, and all programs at once (nothing to write, 5 minutes)
#
# "ada lovelace" -> "Lovelace, A." A second language: a program is a tuple of **expressions**, each makes a piece of text from
# the input, and the pieces are joined (after FlashFill and RobustFill: Gulwani, 2011; Devlin et al., 2017).

# %%
print(", ".join(EXPRESSIONS))
rewrite(("word -1 Proper", "const ,", "const space", "initial 1 UPPER", "const ."), "ada lovelace")

# %% [markdown]
# In so small a language one can keep *all* programs that fit an example, as a graph: a node is how much of the output is
# written, an edge the expressions that write the next piece, and each path from 0 to the end is a program. That is a **version
# space**.

# %% given="version_space"

# %%
for edge, names in version_space("a 1", "1a").items():
    print(edge, names)

# %% [markdown]
# A second example has a graph of its own. The programs that fit both are the paths that can be walked **in both graphs at
# once**: a node is a pair of places, and an edge needs an expression that leads on in both. Nodes are tuples, so that pairs
# can be joined: (3,) + (5,) is (3, 5). By hand: one edge (0,) to (1,) by {a, b}, and one (0,) to (2,) by {b, c}?

# %% given="intersect"

# %%
intersect({((0,), (1,)): {"a", "b"}}, {((0,), (2,)): {"b", "c"}})

# %% given="simplest,flash_fill"

# %% [markdown]
# `flash_fill` intersects all examples and takes a shortest path. **Predict** what it gives for the second set of examples,
# where somebody has mistyped one letter.

# %%
right = [("ada lovelace", "Lovelace A."), ("alan turing", "Turing A."), ("grace hopper", "Hopper G.")]
wrong = [*right[:2], ("grace hopper", "Hoppfr G.")]
print(flash_fill(right))
print(flash_fill(wrong))

# %% [markdown]
# ## 6 A net that writes (4 points, 15 minutes)
#
# RobustFill's net reads every example and writes the program expression by expression. What has been written can be *run*, and
# so one knows what remains to be written of each output. Our net looks at the input and at what remains, and says what comes
# next:
#
# 1. a bidirectional GRU has read each input (`read`, given): `seen`, a vector at each letter;
# 2. what remains makes a **query**;
# 3. **attention** over the letters of the same example's input: softmax(query · seen), and its weighted sum, the context;
# 4. context and query together pass a layer and tanh;
# 5. **late pooling**: over the examples the *maximum*, number by number; then scores. Examples that what has been written
#    contradicts are left out.

# %% given="letters,remains"

# %%
for written in ((), ("word 1",), ("word 1", "const ,"), ("word 2",)):
    print(written, repr(remains(written, ("ada lovelace", "ada, l."))))

# %% solution="Writer" keep="__init__, read"
# self.embed(rests).flatten(3) is (B, S, K, REST D), and becomes queries (B, S, K, 2 hidden).
# torch.einsum("bskh,bklh->bskl", …) compares each query with its own input; another einsum sums what was seen to contexts.
# A state of -inf never is the maximum: masked_fill(~there[..., None], -torch.inf), then amax.

# %% test="writer_values" points=4
net = student.Writer(3, 4, 6)
texts, rests = torch.randint(1, 96, (2, 3, 5)), torch.randint(1, 96, (2, 4, 3, 10))
there = torch.tensor([True, True, False]).expand(2, 4, 3).clone()
there[0, 1] = torch.tensor([True, True, True])
got = shaped(
    net(net.read(texts), rests, there), (2, 4, 6), "the scores of 2 problems at 4 steps", "(B, S, E)"
)
turned = net(net.read(texts[:, [1, 2, 0]]), rests[:, :, [1, 2, 0]], there[:, :, [1, 2, 0]])
what = "scores with the examples in another order"
close(turned, got, what, "the maximum over examples, axis 2", atol=1e-4)
other = rests.clone()
other[1, :, 2] = 7
what = "scores where something else remains of an example that is not there"
hint = "leave out what is contradicted before the maximum is taken"
close(net(net.read(texts), other, there)[1], got[1], what, hint)
p = {name: value.detach() for name, value in net.state_dict().items()}
seen = net.read(texts).detach()


def by_hand(pool=lambda h: h.amax(0), only=True, first="context", squash=torch.tanh):
    """Example by example, from the weights alone, and what some mistakes make of it."""
    scores = torch.zeros(2, 4, 6)
    for b in range(2):
        for s in range(4):
            states = []
            for k in range(3):
                query = p["query.weight"] @ p["embed.weight"][rests[b, s, k]].reshape(-1) + p["query.bias"]
                context = (seen[b, k] @ query).softmax(0) @ seen[b, k]
                both = torch.cat([context, query] if first == "context" else [query, context])
                states.append(squash(p["joint.weight"] @ both + p["joint.bias"]))
            kept = [h for h, here in zip(states, there[b, s]) if here or not only]
            scores[b, s] = p["scores.weight"] @ pool(torch.stack(kept)) + p["scores.bias"]
    return scores


expected = by_hand()
hint = "query, attention, joint and tanh, the maximum, scores"
mistakes = {
    "the mean over examples": (lambda: by_hand(pool=lambda h: h.mean(0)), "late pooling takes the maximum"),
    "query comes before context": (lambda: by_hand(first="query"), "context and query, in this order"),
    "there is no tanh": (lambda: by_hand(squash=lambda h: h), "joint, then tanh"),
    "examples that are not there count": (lambda: by_hand(only=False), "mask before the maximum"),
}
close(got, expected, "the scores of a writer", hint, atol=1e-4, mistakes=mistakes)
flows(net(net.read(texts), rests, there), dict(net.named_parameters()), "the scores")
### BEGIN HIDDEN TESTS
for b, s, k, length in ((1, 2, 4, 6), (3, 1, 2, 3), (2, 3, 1, 4)):
    net, ours = student.Writer(5, 3, 7), reference.Writer(5, 3, 7)
    ours.load_state_dict(net.state_dict())
    texts, rests = torch.randint(1, 96, (b, k, length)), torch.randint(0, 96, (b, s, k, 10))
    there = torch.rand(b, s, k) < 0.6
    there[..., 0] = True
    got, wanted = net(net.read(texts), rests, there), ours(ours.read(texts), rests, there)
    what = f"the scores at {s} steps of {k} examples"
    close(got, wanted, what, "each query looks at its own input", atol=1e-4)
    follows(got, dict(net.named_parameters()), wanted, "the scores", others=dict(ours.named_parameters()))

# %% [markdown]
# ## 7 A beam that executes (5 points, 20 minutes)
#
# Beam search, as for translation: keep the likeliest few programs, extend each by every expression, keep the likeliest few
# again. But here each extension can be *run at once*. Where it writes something that an output does not have, this example
# is contradicted (`remains` gives None), and a program that more than `tolerated` examples contradict is dropped, however
# likely the net finds it. With `tolerated=1` one of the examples may be wrong.
#
# By hand: examples "ada lovelace" -> "ada." and "alan turing" -> "alan."; the net always says word 2 is likeliest, then word
# 1, then the point. With a beam of one program: which are kept?

# %%
print(
    "word 2 writes 'lovelace': dropped. word 1 leaves '.' and '.'. Then word 1, const . leaves nothing: it may end"
)

# %% solution="beam"
# Keep triples: log-probability, program, what remains of each output; at first one, of no expression. Then longest + 1 rounds:
#   1. scores([what remains, of each that is kept]).tolist(): a row of log-probabilities for each
#   2. nothing ("") remains of at least len(examples) - tolerated outputs: it may end; note (how many fit, its log-probability
#      with END's, the program)
#   3. each with each expression: remains((name,), (text, rest)) of every example; it goes on if it is not longer than
#      `longest` and at most `tolerated` examples contradict it
#   4. keep the `width` likeliest of those that go on; none left: stop
# max() of what was noted compares how many fit, then log-probabilities.

# %% test="beam_values" points=5
from course_utils.data.string_language import END, NAMES


def by_table(table):
    """Scores that say the same of every step, and keep what they were asked."""
    row = torch.full((END + 1,), -20.0)
    for name, p in table.items():
        row[END if name == "end" else NAMES.index(name)] = p
    return lambda rests: row.expand(len(rests), -1)


examples = [("ada lovelace", "ada."), ("alan turing", "alan.")]
scores = by_table({"word 2": -0.1, "word 1": -1.0, "const .": -2.0, "end": -3.0})
got = student.beam(scores, examples, 1, 3)
hint = "what an output contradicts is dropped before the likeliest are kept"
mistakes = {
    "nothing is found": (
        None,
        "is a program dropped for what the examples contradict before the beam is cut to its width?",
    )
}
equal(got, ("word 1", "const ."), "a beam of one program", hint, mistakes=mistakes)
hint = "`longest` expressions at most; None where none ended"
equal(student.beam(scores, examples, 4, 1), None, "a beam where one expression is too few", hint)
examples = [("ada lovelace", "ada"), ("alan turing", "alan")]
scores = by_table({"initial 1": -0.1, "word 1": -1.0, "end": -1.0})
got = student.beam(scores, examples, 1, 3)
what = "a beam of one program whose likeliest beginning, a single letter, leads nowhere"
mistakes = {"more than one is kept": (("word 1",), "the likeliest `width` of all extensions, no more")}
equal(got, None, what, "no more than `width` programs are kept at each step", mistakes=mistakes)
hint = "the second likeliest beginning is kept, too, and can end"
equal(student.beam(scores, examples, 2, 3), ("word 1",), "the same where two programs are kept", hint)
examples = [("ada lovelace", "ada"), ("alan turing", "alxn"), ("grace hopper", "grace")]
scores = by_table({"word 1": -1.0, "end": -1.0})
got = student.beam(scores, examples, 4, 2)
equal(got, None, "a beam where one example has a mistake and none is tolerated", "tolerated=0")
got = student.beam(scores, examples, 4, 2, 1)
what = "a beam where one example has a mistake and one is tolerated"
equal(got, ("word 1",), what, "contradicted by at most `tolerated`, and ended in all but so many")
examples = [("ada ada", "ada"), ("alan turing", "alan")]
scores = by_table({"word 2": -0.5, "word 1": -1.0, "end": -1.0})
got = student.beam(scores, examples, 4, 2, 1)
what = "a beam that could end with a likelier program that fits one example, or another that fits both"
hint = "first by how many examples fit, then by log-probability"
equal(got, ("word 1",), what, hint, mistakes={"the likeliest": (("word 2",), "which fits more examples?")})
examples = [("ab c", "ab "), ("de f", "de ")]
scores = by_table({"upto space": -0.1, "word 1": -3.0, "const space": -1.0, "end": -1.0})
got = student.beam(scores, examples, 4, 2)
what = "a beam where two programs differ in their first step only"
equal(got, ("upto space", "const space"), what, "the log-probabilities of all steps are added up")
examples = [("x x", "x"), ("c d", "c"), ("e f", "f")]


def ending(rests):
    """Word 2 is likelier than word 1, but where the second example is contradicted an end is not likely."""
    rows = by_table({"word 2": -0.5, "word 1": -1.0, "end": -0.1})(rests).clone()
    rows[[row[1] is None for row in rests], END] = -3.0
    return rows


got = student.beam(ending, examples, 4, 1, 1)
what = "a beam where word 2 is likelier at first, but the end behind it is not"
mistakes = {"the end costs nothing": (("word 2",), "END's log-probability is added, too")}
equal(got, ("word 1",), what, "END is one more step: its log-probability counts", mistakes=mistakes)
### BEGIN HIDDEN TESTS
import numpy as np


drawn = reference.rewritings(np.random.RandomState(np.random.randint(10**6)), 4)
for n in range(9):
    _, examples = next(drawn)
    examples = reference.one_wrong(np.random.RandomState(n), examples) if n % 3 == 2 else examples
    table = torch.randn(END + 1, generator=torch.Generator().manual_seed(n)).log_softmax(0)

    def drawn_scores(rests, table=table):
        lengths = (
            torch.tensor([[len(rest or "") for rest in row] for row in rests]).float().mean(1, keepdim=True)
        )
        return (table + 0.1 * lengths * table.flip(0)).log_softmax(-1)

    case = (examples, (1, 3, 6)[n % 3], 2 + n % 3, int(n % 3 == 2))
    got = student.beam(drawn_scores, *case)
    what = f"a beam of {case[1]}, {case[2]} expressions at most, {case[3]} tolerated, for {examples[:2]}, …"
    equal(got, reference.beam(drawn_scores, *case), what, "sums of log-probabilities; END's counts, too")
examples = [("a b", "a"), ("c d", "c")]
scores = by_table({"word 1": -1.0, "initial 1": -1.2, "end": -1.0})
got = student.beam(scores, examples, 1, 4)
equal(got, ("word 1",), "a beam where two programs do the same", "the likeliest")
asked = []


def listening(rests):
    asked.append(rests)
    return scores(rests)


student.beam(listening, examples, 2, 2)
what = "what the net is asked first"
equal(asked[0], [["a", "c"]], what, "one program, nothing written: all of both outputs remains")

# %% given="writes"

# %% [markdown]
# ## 8 The scene behind a picture (3 points, 10 minutes)
#
# A program that draws is a program, too: given a picture, which call of `render` made it? No gradient goes through this one:
# a pixel is in or out. **Inverse graphics**: a net that has seen many rendered scenes makes a proposal; a search changes it a
# little, renders, and compares.

# %% given="render,draw_scenes,Proposals,as_raw,jitter"

# %%
figure, axes = plots.subplots(1, 4, figsize=(6, 1.7))
for ax, picture in zip(axes, render(draw_scenes(4, torch.Generator().manual_seed(3)))):
    ax.imshow(picture, cmap="Greys")
    ax.axis("off")
plots.show(figure, "Four scenes of one rectangle: its centre, half length, half width, and angle")

# %% [markdown]
# The search is Metropolis': N chains. Each changes its scene (`propose`) and renders; a change that matches better is kept; a
# worse one is kept with probability exp(new score - old score), so that a chain can leave a dead end. At each step `chance`
# holds a uniform number for each chain. Remember the best scene that any chain has ever been at.
#
# By hand: the score falls from -1 to -1.69. With which probability is the change kept?

# %%
torch.tensor(-1.69 - (-1.0)).exp()

# %% solution="explain"
# lucky < (found - scored).exp() is (N,). torch.where(keep[:, None], changed, scenes) chooses scene by scene.


# %% test="explain_values" points=3
def told(*steps):
    """Changes that were decided beforehand."""
    left = [torch.tensor(step) for step in steps]
    return lambda scenes: left.pop(0)


def near_two(scenes):
    return -(scenes[:, 0] - 2).abs()


start = torch.tensor([[1.0, 5.0], [0.0, 6.0]])
steps = ([[2.0, 7.0], [1.0, 8.0]], [[0.5, 9.0], [9.0, 9.0]], [[3.5, 1.0], [1.5, 2.0]])
best, score = pair(
    student.explain(start, near_two, told(*steps), torch.tensor([[0.9, 0.9], [0.1, 0.9], [0.9, 0.9]])),
    "explain",
    "the best scene and its score",
)
what = "the best scene of two chains"
mistakes = {"the scene at the end": ([1.5, 2.0], "remember the best on the way")}
close(best, [2.0, 7.0], what, "the best that any chain has ever been at, (P,)", mistakes=mistakes)
close(score, torch.tensor(0.0), "the best score of two chains", "the score of that scene")
stood = []


def up(scenes):
    """One step up, and a note of where the chains have stood."""
    stood.append(scenes[:, 0].clone())
    return (scenes + 1).clamp(max=2)


def stands(heights, chance):
    """Where chains from 0 stand after one step, if scene n scores heights[n]: asked at the second."""
    stood.clear()
    start = torch.zeros(chance.shape[1], 1)
    student.explain(start, lambda scenes: heights[scenes[:, 0].long()], up, chance)
    holds(len(stood) == 2, "`propose` is asked once a step", "2 times in 2 steps", f"{len(stood)} times")
    return stood[1]


got = stands(torch.tensor([0.0, -0.69, -5.0]), torch.tensor([[0.4, 0.6], [0.9, 0.9]]))
what = "what two chains stand at after a change from 0 to -0.69, with chances 0.4 and 0.6"
mistakes = {
    "a worse scene is never kept": ([0.0, 0.0], "with probability exp(new score - old score)"),
    "a worse scene is always kept": ([1.0, 1.0], "with probability exp(new score - old score)"),
    "it is kept where the chance is more": ([0.0, 1.0], "kept where chance < exp(…)"),
}
close(got, [1.0, 0.0], what, "kept where the chance is less than exp(-0.69) = 0.50", mistakes=mistakes)
### BEGIN HIDDEN TESTS
for n, t, width in ((1, 6, 3), (4, 9, 2), (3, 20, 5)):
    start, chance, centre = torch.randn(n, width), torch.rand(t, n), torch.randn(width)
    changes = torch.randn(t, n, width)

    def match(scenes, centre=centre):
        return -3 * ((scenes - centre) ** 2).sum(1)

    def walk(changes=changes):
        left = list(changes)
        return lambda scenes: scenes + left.pop(0)

    got = pair(student.explain(start, match, walk(), chance), "explain", "the best scene and its score")
    wanted = reference.explain(start, match, walk(), chance)
    close(got[0], wanted[0], f"the best scene of {n} chains over {t} steps", "each chain decides by itself")
    close(got[1], wanted[1], f"the best score of {n} chains over {t} steps", "the score of that scene")
best, score = pair(
    student.explain(torch.tensor([[2.0], [0.0]]), near_two, told([[9.0], [9.0]]), torch.ones(1, 2)),
    "explain",
    "scene and score",
)
close(best, [2.0], "the best scene where the start is best", "the start counts, too")
best, score = pair(
    student.explain(torch.tensor([[2.0], [0.0]]), near_two, told([[3.0], [0.0]]), torch.zeros(1, 2)),
    "explain",
    "scene and score",
)
what = "where the start is best and luck leads away from it"
close(best, [2.0], f"the best scene {what}", "what is best so far: the best of *all* chains")
close(score, torch.tensor(0.0), f"the best score {what}", "the score of the best scene")
got = stands(torch.tensor([0.0, -torch.inf, -torch.inf]), torch.zeros(2, 2))
what = "what two chains stand at after a change to what cannot be, whose score is -∞, with chances of 0"
close(got, [0.0, 0.0], what, "kept where the chance is *less* than exp(-∞) = 0: never")

# %% [markdown]
# ## 9 Train them (2 points, 5 minutes)
#
# Problems are drawn, the three nets learn, and search and beam use them. **Predict**: of the programs of three lines, what
# share does a search find with the net that it does not find without?

# %% given="Config,config,load_lists,load_strings,noisy,one_wrong,as_steps,build,fitted,learn_attributes,learn_to_write,learn_scenes"

# %% trains="synthesis"
how, run = config(tier), Run("synthesis", seed=0)
nets = build(tier).to(run.device)
learn_attributes(nets["attributes"], load_lists(tier), how, run)
learn_to_write(nets["writer"], load_strings(tier), how, run)
learn_scenes(nets["proposals"], how, run)
nets = nets.eval().cpu()
save_artifact("synthesis", nets, tier)

# %% given="list_tests,string_tests,guided,unguided,lines_of,nodes_taken,generalises,rewritten,by_net,share"

# %% trains="synthesis"
entry = record("synthesis", tier)
for name, order in (
    ("by chance", lambda n, _: unguided(n)),
    ("guided", lambda _, examples: guided(nets["attributes"], examples)),
):
    taken = nodes_taken(order, tier, how.budget)
    print(f"list programs found in {how.budget} nodes, {name}: {share(taken, how.budget):.0%}")
for name, learn in (("version spaces", flash_fill), ("the net", by_net(nets["writer"], how, 1))):
    whole, broken = (rewritten(learn, tier, corrupt) for corrupt in (False, True))
    print(f"strings by {name}: {whole:.0%} right, with one example mistyped {broken:.0%}")
print(f"the reference, lists and mistyped strings together: {entry.value:.1%} ± {entry.std:.1%}")

# %% test="trained" points=2
tensors = student.artifact("synthesis")
holds(
    "attributes.scores.weight" in tensors
    and "writer.scores.weight" in tensors
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "synthesis.safetensors does not hold the trained nets",
    "finite tensors attributes.embed.weight, writer.scores.weight, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `nets`",
)
### BEGIN HIDDEN TESTS
judge("synthesis", tensors, 2)

# %% [markdown]
# And the scenes: chains that begin anywhere, and chains that begin at the net's proposal, with as many renderings.

# %% trains="synthesis"
picture = render(draw_scenes(1, torch.Generator().manual_seed(11)))


def unlike(scenes):
    """Minus half the pixels that differ."""
    return -(render(scenes) - picture).abs().sum((1, 2)) / 2


with torch.no_grad():
    proposal = nets["proposals"](picture)
for name, start in (("anywhere", draw_scenes(16)), ("the proposal", proposal.expand(16, 5))):
    scene, score = explain(start, unlike, jitter, torch.rand(60, 16))
    print(f"from {name}: {-2 * score:.0f} pixels differ; scene", scene.numpy().round(1))

# %% [markdown]
# Which of the three nets could one do without, if one may run twice as many programs? And which without running any?
#
# **Hand in** this notebook and `synthesis.safetensors`; `course_utils.colab.submit("synthesis")` packs both.
