# %% [markdown]
# A picture has rows, a text has an order. A molecule has neither: number its atoms as you like, it is the same molecule. You
# will build nets that cannot be fooled by names: first of sets, then of graphs. You will train one on molecules of a kind, let
# one find out who sides with whom in a karate club, one move balls on springs; and find two graphs that none of
# them can tell apart.
#
# The chapter *Whatever you call them* of the book is the companion to this lab; nothing in it is needed that is not said
# here. Shapes: N nodes, E edges, D numbers of a node, C of an edge, H hidden ones.

# %%
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import plots
from course_utils.colab import save_artifact
from course_utils.data import cora, energies
from course_utils.training import Run, record
from course_utils.widgets import turn

Graph = tuple[Tensor, Tensor, Tensor, Tensor]  # nodes (N, D), senders (E,), receivers (E,), edges (E, C)
Example = tuple[Tensor, ...]
BATCH = 64  # graphs of a step

# %% [markdown]
# ## 1 A set has no order (5 points, 15 minutes)
#
# Three points in the plane, and a net that takes them as one row of six numbers. Rename them: swap the first and the last.
# **Predict**: will the net say the same?

# %%
torch.manual_seed(0)
points, flat = torch.randn(3, 2), nn.Linear(6, 1)
print(flat(points.flatten()).item(), "renamed:", flat(points[[2, 1, 0]].flatten()).item())

# %% [markdown]
# It could *learn* to: from every order of every set, of which ten members have three and a half million. Better it never had
# to. A sum does not know in which order it was made, so let the net be one: the same small net φ for each member, a sum,
# another net ρ of it. That is a **deep set**,
#
# $$\rho\Big(\sum_i \varphi(x_i)\Big),\qquad \varphi(x) = \mathrm{relu}(W x + b),\quad \rho(z) = V z + c.$$
#
# By hand, with one number each, W = V = 1, b = c = 0: what does it say of the set {1, −2, 3}? And of {1, 2}?

# %%
max(1, 0) + max(-2, 0) + max(3, 0), max(1, 0) + max(2, 0)

# %% solution="deep_set"
# Members are rows: W x for each of them is x @ W.T. Which axis are the members on?

# %% test="deep_set_values" points=3
one = torch.ones(1, 1)
got = student.deep_set(torch.tensor([[1.0], [-2.0], [3.0]]), one, torch.zeros(1), one, torch.zeros(1))
what = "deep_set of {1, -2, 3} where W = V = 1 and b = c = 0"
mistakes = {
    "relu is missing, or it sees the sum": (
        [2.0],
        "φ looks at each member by itself, and relu is a part of it",
    ),
    "the mean instead of the sum": ([4 / 3], "{1, 1} is not {1}: only a sum can say so"),
    "the largest instead of the sum": ([3.0], "add them up"),
}
close(got, [4.0], what, "relu of each, then the sum", mistakes=mistakes)
got = student.deep_set(torch.tensor([[1.0], [2.0]]), one, torch.ones(1), 2 * one, torch.full((1,), 5.0))
what = "deep_set of {1, 2} where W = 1, b = 1, V = 2 and c = 5"
mistakes = {
    "c is added once for each member": ([20.0], "ρ looks at the sum, once"),
    "b is added to the sum": ([13.0], "b belongs to φ: once for each member"),
}
close(got, [15.0], what, "φ gives 2 and 3, their sum is 5, and ρ of it 2 · 5 + 5", mistakes=mistakes)
shapes = {"x": (5, 3), "W": (4, 3), "b": (4,), "V": (2, 4), "c": (2,)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
flows(student.deep_set(*leaves.values()), leaves, "deep_set")
### BEGIN HIDDEN TESTS
for n, d, h, k in ((5, 3, 4, 2), (1, 2, 6, 3), (7, 1, 3, 1), (0, 2, 3, 4)):
    x, W, b, V, c = (torch.randn(*shape) for shape in ((n, d), (h, d), (h,), (k, h), (k,)))
    wanted = sum((torch.relu(W @ member + b) for member in x), torch.zeros(h))
    got = student.deep_set(x, W, b, V, c)
    expected = V @ wanted + c
    close(got, expected, f"deep_set of {n} members of {d} numbers, {h} hidden, {k} results", "ρ(Σ φ(x))")
    what = f"deep_set of the same {n} members in another order"
    close(student.deep_set(x[torch.randperm(n)], W, b, V, c), got, what, "the order must not matter")
x, W, b, V, c = leaves.values()
follows(student.deep_set(x, W, b, V, c), leaves, V @ torch.relu(x @ W.T + b).sum(0) + c, "deep_set")

# %% [markdown]
# One answer for the set is **invariant**. Often each member wants its own: then the answers should be renamed as the members
# are, which is called **equivariant**. A linear layer that is so can do two things only: look at the member itself, and at the
# sum of all, which is the same for everybody. By hand, A = 1 and B = 10 with the members 1, 2, 3: what are the three answers?

# %%
1 + 10 * 6, 2 + 10 * 6, 3 + 10 * 6

# %% solution="equivariant"

# %% test="equivariant_values" points=2
x = torch.tensor([[1.0], [2.0], [3.0]])
got = student.equivariant(x, torch.ones(1, 1), torch.full((1, 1), 10.0))
what = "equivariant of 1, 2, 3 where A = 1 and B = 10"
mistakes = {
    "the member itself is not in its sum": ([[51.0], [42.0], [33.0]], "Σ is over all"),
    "the mean instead of the sum": ([[21.0], [22.0], [23.0]], "add them up"),
    "one answer for all": ([[66.0], [66.0], [66.0]], "an answer for each: A x is not summed"),
}
close(got, [[61.0], [62.0], [63.0]], what, "A x + B Σ x for each of them", mistakes=mistakes)
shapes = {"x": (5, 3), "A": (4, 3), "B": (4, 3)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
flows(student.equivariant(*leaves.values()), leaves, "equivariant")
### BEGIN HIDDEN TESTS
for n, d, k in ((4, 3, 2), (1, 2, 5), (6, 1, 3)):
    x, A, B = torch.randn(n, d), torch.randn(k, d), torch.randn(k, d)
    wanted = torch.stack([A @ member + B @ x.sum(0) for member in x])
    close(student.equivariant(x, A, B), wanted, f"equivariant of {n} members, {d} numbers to {k}", "(N, K)")
x, A, B = leaves.values()
follows(student.equivariant(x, A, B), leaves, x @ A.T + (x.sum(0) @ B.T).expand(5, 4), "equivariant")

# %% [markdown]
# ## 2 Messages (7 points, 20 minutes)
#
# In a graph not everybody is next to everybody. Write it down as a list of edges: edge number k leads from node `senders[k]` to
# node `receivers[k]`, and what has no direction stands there twice. Here is a path of three nodes, 0 – 1 – 2:

# %%
senders, receivers = torch.tensor([0, 1, 1, 2]), torch.tensor([1, 0, 2, 1])

# %% [markdown]
# Each edge carries a message, a row of numbers, and each node **adds up** what it receives: node 1 hears two, the others one.
# A loop over edges would be right, but the training at the end has a thousand of them in each of its 4,000 steps: let PyTorch
# do all at once. By hand: along the four edges go 1, 2, 4 and 8. What has each of the three nodes?

# %%
[2, 1 + 8, 4]

# %% solution="scatter_sum"
# Zeros for everybody; then add each message to the row of its receiver. `index_add` does it in one line.

# %% test="scatter_sum_values" points=3
messages, receivers = torch.tensor([[1.0], [2.0], [4.0], [8.0]]), torch.tensor([1, 0, 2, 1])
got = student.scatter_sum(messages, receivers, 3)
what = "scatter_sum of 1, 2, 4, 8 to the nodes 1, 0, 2, 1"
mistakes = {
    "only the last message counts": (
        [[2.0], [8.0], [4.0]],
        "sums[receivers] += … writes each row once, however often it is named",
    ),
    "only the first message counts": ([[2.0], [1.0], [4.0]], "add them up"),
    "the mean": ([[2.0], [4.5], [4.0]], "add them up"),
}
close(got, [[2.0], [9.0], [4.0]], what, "node 1 receives two messages", mistakes=mistakes)
expected = [[2.0], [9.0], [4.0], [0.0], [0.0]]
what = "the same where there are five nodes"
close(student.scatter_sum(messages, receivers, 5), expected, what, "who receives nothing has 0")
leaf = torch.randn(4, 2, requires_grad=True)
flows(student.scatter_sum(leaf, receivers, 3), {"the messages": leaf}, "scatter_sum")
### BEGIN HIDDEN TESTS
for e, h, n in ((7, 2, 4), (1, 3, 5), (40, 1, 3), (0, 4, 2)):
    messages, receivers = torch.randn(e, h, requires_grad=True), torch.randint(n, (e,))
    wanted = torch.nn.functional.one_hot(receivers, n).float().T @ messages
    got = student.scatter_sum(messages, receivers, n)
    close(got, wanted, f"scatter_sum of {e} messages of {h} numbers to {n} nodes", "(count, H)")
    if e:
        follows(got, {"the messages": messages}, wanted, "scatter_sum")

# %% [markdown]
# What does an edge say? That is for a small net M to decide, from the receiver's state, the sender's, and what the edge itself
# is, a single or a double bond for instance:
#
# $$m_v = \sum_{w \to v} M(h_v, h_w, e_{vw}), \qquad M = \mathrm{relu}(W\,[h_v, h_w, e_{vw}] + b).$$
#
# This is all of **message passing**, together with an update of each state by what arrived, and, at the end, a readout: a sum
# over all nodes. By hand: two nodes with states 1 and 3, an edge in both directions with e = 10, W = (1, 2, 1), b = 0. What
# arrives at node 0, and at node 1?

# %%
1 * 1 + 2 * 3 + 10, 1 * 3 + 2 * 1 + 10

# %% solution="message_pass"
# h[receivers] has a row for each edge. Put the three parts side by side, in the order of W's columns.

# %% test="message_pass_values" points=4
h, e = torch.tensor([[1.0], [3.0]]), torch.tensor([[10.0], [10.0]])
senders, receivers = torch.tensor([1, 0]), torch.tensor([0, 1])
W, b = torch.tensor([[1.0, 2.0, 1.0]]), torch.zeros(1)
got = student.message_pass(h, senders, receivers, e, W, b)
what = "message_pass of the example above"
mistakes = {
    "sender and receiver are exchanged": ([[15.0], [17.0]], "[h_v, h_w, e]: the receiver first"),
    "messages come back to their senders": ([[15.0], [17.0]], "they are for the receivers"),
}
close(got, [[17.0], [15.0]], what, "1 · own + 2 · sender's + 1 · edge", mistakes=mistakes)
senders, receivers, e = torch.tensor([1, 2]), torch.tensor([0, 0]), torch.tensor([[0.0], [0.0]])
h, W, b = torch.tensor([[0.0], [5.0], [-4.0]]), torch.tensor([[0.0, 1.0, 0.0]]), torch.ones(1)
got = student.message_pass(h, senders, receivers, e, W, b)
what = "message_pass where 5 and -4 are sent to node 0 and b = 1"
mistakes = {
    "relu is missing, or comes after the sum": (
        [[3.0], [0.0], [0.0]],
        "M makes each message by itself, and relu is a part of it",
    ),
    "b is added after relu": ([[7.0], [0.0], [0.0]], "relu(W […] + b)"),
    "b is added to what arrives": (
        [[6.0], [1.0], [1.0]],
        "b belongs to each message: who hears nothing has 0",
    ),
}
close(got, [[6.0], [0.0], [0.0]], what, "relu(5 + 1) and relu(-4 + 1), then the sum", mistakes=mistakes)
shapes = {"h": (4, 3), "e": (6, 2), "W": (5, 8), "b": (5,)}
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in shapes.items()}
senders, receivers = torch.tensor([0, 1, 2, 3, 3, 2]), torch.tensor([1, 0, 3, 2, 0, 1])
got = student.message_pass(leaves["h"], senders, receivers, leaves["e"], leaves["W"], leaves["b"])
flows(got, leaves, "message_pass")


### BEGIN HIDDEN TESTS
def loop(h, senders, receivers, e, W, b):
    """The same with a loop over nodes and edges."""
    rows = []
    for v in range(len(h)):
        arrived = torch.zeros(len(b))
        for k in range(len(senders)):
            if receivers[k] == v:
                arrived = arrived + torch.relu(W @ torch.cat([h[v], h[senders[k]], e[k]]) + b)
        rows.append(arrived)
    return torch.stack(rows)


for n, m, d, c, hidden in ((5, 9, 3, 2, 4), (2, 1, 1, 3, 2), (6, 12, 2, 1, 7)):
    h, e, W, b = (torch.randn(*s) for s in ((n, d), (m, c), (hidden, 2 * d + c), (hidden,)))
    senders, receivers = torch.randint(n, (2, m))
    what = f"message_pass of {n} nodes and {m} edges against a loop"
    hint = "own state, sender's state, edge, in this order; (N, H)"
    close(
        student.message_pass(h, senders, receivers, e, W, b), loop(h, senders, receivers, e, W, b), what, hint
    )
senders, receivers = torch.tensor([0, 1, 2, 3, 3, 2]), torch.tensor([1, 0, 3, 2, 0, 1])
wanted = loop(leaves["h"], senders, receivers, leaves["e"], leaves["W"], leaves["b"])
follows(got, leaves, wanted, "message_pass")

# %% [markdown]
# Now rename the nodes of a graph, the path of above. `order[i]` says which old node has the new name i; an edge's ends need
# their new names. **Predict**: which of the three lines below are equal?

# %%
torch.manual_seed(0)
h, e, W, b = torch.randn(3, 2), torch.randn(4, 1), torch.randn(2, 5), torch.zeros(2)
senders, receivers = torch.tensor([0, 1, 1, 2]), torch.tensor([1, 0, 2, 1])
order = torch.tensor([2, 0, 1])
new_name = order.argsort()
before = message_pass(h, senders, receivers, e, W, b)
after = message_pass(h[order], new_name[senders], new_name[receivers], e, W, b)
print("before         ", before.flatten())
print("after renaming ", after.flatten())
print("before, renamed", before[order].flatten())

# %% [markdown]
# ## 3 Many graphs at once (4 points, 15 minutes)
#
# The talk that this topic follows calls it *extremely tricky*: ten graphs of ten sizes have to be one tensor. One way pads
# them all to the size of the largest. The other sees that ten graphs *are* one graph, of ten parts between which no edge leads:
# put the nodes below each other, count their names on, and remember for each node which graph it came from.
#
# By hand: a graph of 2 nodes with the edge 0 → 1, then one of 3 nodes with the edges 2 → 0 and 1 → 2. Which are the senders of
# the whole?

# %%
[0, 2 + 2, 2 + 1]

# %% solution="batch"
# How many nodes stand before each graph? `repeat_interleave` makes the last of the five. The graphs that come in stay as
# they are: they will be batched again, with others.


# %%
def batch_again(graphs: Sequence[Graph]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """What `batch` makes of graphs that it has been given once before."""
    batch(graphs)
    return batch(graphs)


# %% test="batch_values" points=4
one = (torch.tensor([[1.0], [2.0]]), torch.tensor([0]), torch.tensor([1]), torch.tensor([[0.5, 0.5]]))
other = (
    torch.tensor([[3.0], [4.0], [5.0]]),
    torch.tensor([2, 1]),
    torch.tensor([0, 2]),
    torch.tensor([[0.1, 0.2], [0.3, 0.4]]),
)


def batched(graphs, what):
    """The five parts of what the student makes of graphs."""
    got = student.batch(graphs)
    several = isinstance(got, tuple | list)
    holds(
        several and len(got) == 5,
        f"batch of {what} must give five things",
        "nodes, senders, receivers, edges, and each node's graph",
        f"{len(got)} things" if several else type(got).__name__,
    )
    return got


x, senders, receivers, e, graph = batched([one, other], "two graphs")
close(x, [[1.0], [2.0], [3.0], [4.0], [5.0]], "the nodes of two graphs", "below each other")
hint = "the second graph's node 0 is node 2 of the whole"
mistakes = {
    "names begin again at 0": (torch.tensor([0, 2, 1]), "two graphs would share their nodes"),
    "names are counted on by edges": (torch.tensor([0, 3, 2]), "how many *nodes* stand before?"),
}
equal(senders, torch.tensor([0, 4, 3]), "the senders of two graphs", hint, mistakes=mistakes)
equal(receivers, torch.tensor([1, 2, 4]), "the receivers of two graphs", "as for the senders")
close(e, [[0.5, 0.5], [0.1, 0.2], [0.3, 0.4]], "the edges of two graphs", "below each other")
expected = torch.tensor([0, 0, 1, 1, 1])
mistakes = {"numbers begin at 1": (torch.tensor([1, 1, 2, 2, 2]), "the first graph is number 0")}
equal(graph, expected, "each node's graph", "one number for each node", mistakes=mistakes)
whole = not torch.as_tensor(graph).is_floating_point()
holds(whole, "each node's graph is a float", "whole numbers", graph, "nodes are counted and picked by them")
expected = torch.tensor([0, 4, 3, 5])
hint = "how many nodes stand before the third, in both others?"
equal(batched([one, other, one], "three graphs")[1], expected, "the senders of three graphs", hint)
again = student.batch_again([one, other])
for name, got, wanted in zip(("senders", "receivers"), again[1:3], (senders, receivers)):
    hint = "+=, -= and functions with an underscore at their end change the graphs that came in: make new tensors"
    equal(got, wanted, f"the {name} of the same two graphs, the second time", hint)


### BEGIN HIDDEN TESTS
def drawn():
    """A random graph of 1 to 6 nodes and 0 to 8 edges."""
    n, m = int(torch.randint(1, 7, ())), int(torch.randint(0, 9, ()))
    return torch.randn(n, 3), torch.randint(n, (m,)), torch.randint(n, (m,)), torch.randn(m, 2)


names = ("the nodes", "the senders", "the receivers", "the edges", "each node's graph")
for count in (1, 2, 5):
    graphs = [drawn() for _ in range(count)]
    wanted = reference.batch(graphs)
    for name, one_part, other_part in zip(names, batched(graphs, f"{count} graphs"), wanted):
        what = f"{name} of {count} graphs of {[len(g[0]) for g in graphs]} nodes and {[len(g[1]) for g in graphs]} edges"
        close(one_part, other_part, what, "names are counted on by the nodes of all graphs before")

# %% [markdown]
# Do they really not mix? Autograd knows. Below, three random graphs are put together and messages are passed twice; then we ask
# how much the states of each graph owe to the nodes of each graph. What must this table look like? Change `batch` so that names
# begin again at 0, and look once more.

# %%
torch.manual_seed(1)
graphs = [
    (torch.randn(n, 2), torch.randint(n, (3 * n,)), torch.randint(n, (3 * n,)), torch.randn(3 * n, 1))
    for n in (3, 5, 4)
]
x, senders, receivers, e, graph = batch(graphs)
x.requires_grad_()
W, b = torch.randn(2, 5), torch.zeros(2)
h = message_pass(message_pass(x, senders, receivers, e, W, b), senders, receivers, e, W, b)
for number in range(3):
    slope = torch.autograd.grad(h[graph == number].sum(), x, retain_graph=True)[0].abs()
    owed = scatter_sum(slope, graph, 3).sum(1)
    print(f"states of graph {number} owe to graphs 0, 1, 2:", [round(v, 2) for v in owed.tolist()])

# %% [markdown]
# ## 4 Graph convolution, and a club that split (4 points, 15 minutes)
#
# The plainest message is the sender's state, scaled. In a **graph convolution** each node hears its neighbours and itself, and
# what goes from w to v is divided by the root of both degrees, so that the popular do not drown the others:
#
# $$h'_v = \sum_{w \in N(v) \cup \{v\}} \frac{W h_w}{\sqrt{d_v d_w}}, \qquad d_v = 1 + \text{number of neighbours}.$$
#
# By hand for the path 0 – 1 – 2 with states 1, 0, 0 and W = 1. What has each node afterwards?

# %%
1 / (2 * 2) ** 0.5, 1 / (3 * 2) ** 0.5, 0.0

# %% solution="gcn_layer"
# Degrees are a scatter_sum of ones, plus one. Scale by the senders' roots, add up, scale by the receivers' roots.

# %% test="gcn_layer_values" points=4
h, one = torch.tensor([[1.0], [0.0], [0.0]]), torch.ones(1, 1)
senders, receivers = torch.tensor([0, 1, 1, 2]), torch.tensor([1, 0, 2, 1])
root = 6**-0.5
got = student.gcn_layer(h, senders, receivers, one)
expected = [[0.5], [root], [0.0]]
what = "gcn_layer of the path with states 1, 0, 0"
mistakes = {
    "nobody hears itself": ([[0.0], [2**-0.5], [0.0]], "A + I: a loop at each node"),
    "nobody hears itself, though the degrees count it": ([[0.0], [root], [0.0]], "add what stays"),
    "the degrees do not count the node itself": ([[1.0], [2**-0.5], [0.0]], "d is 1 + neighbours"),
    "a mean over those who are heard": ([[0.5], [1 / 3], [0.0]], "the roots of *both* degrees"),
    "a sum without scaling": ([[1.0], [1.0], [0.0]], "divide by √(d_v d_w)"),
    "degrees without their root": ([[0.25], [1 / 6], [0.0]], "√(d_v d_w)"),
}
close(got, expected, what, "1/2 stays at node 0, 1/√6 goes to node 1", atol=1e-3, mistakes=mistakes)
got = student.gcn_layer(h, senders, receivers, -one)
what = "gcn_layer of the same path where W = -1"
mistakes = {"a relu": (torch.zeros(3, 1), "the nonlinearity is no part of this layer")}
close(got, [[-0.5], [-root], [0.0]], what, "the sign turns, and nothing else", mistakes=mistakes)
got = student.gcn_layer(torch.tensor([[1.0], [0.0], [0.0], [5.0]]), senders, receivers, one)
expected = [[0.5], [root], [0.0], [5.0]]
hint = "who receives nothing has a degree, too: 1; `count` is how many nodes there are"
close(got, expected, "gcn_layer of the path, with a fourth node that is alone", hint, atol=1e-3)
leaves = {name: torch.randn(shape, requires_grad=True) for name, shape in {"h": (3, 4), "W": (2, 4)}.items()}
flows(student.gcn_layer(leaves["h"], senders, receivers, leaves["W"]), leaves, "gcn_layer")


### BEGIN HIDDEN TESTS
def dense(h, senders, receivers, W):
    """The same with the normalised adjacency written out."""
    A = torch.eye(len(h))
    A[receivers, senders] = 1.0
    D = torch.diag(A.sum(1) ** -0.5)
    return D @ A @ D @ h @ W.T


for n, d, k in ((6, 3, 2), (9, 1, 4), (4, 5, 3)):
    adjacent = (torch.rand(n, n) < 0.4).triu(1)
    adjacent = adjacent | adjacent.T
    receivers, senders = adjacent.nonzero().T
    mixed = torch.randperm(len(senders))
    senders, receivers = senders[mixed], receivers[mixed]
    h, W = torch.randn(n, d, requires_grad=True), torch.randn(k, d, requires_grad=True)
    wanted, got = dense(h, senders, receivers, W), student.gcn_layer(h, senders, receivers, W)
    close(got, wanted, f"gcn_layer of {n} nodes against D^-½ (A + I) D^-½ h Wᵀ written out", "(N, K)")
    follows(got, {"h": h, "W": W}, wanted, "gcn_layer")

# %% given="GCN"

# %% [markdown]
# In the early 1970s an anthropologist wrote down who of a karate club met whom outside it. Then the club split: some followed the instructor
# (node 0), some the president (node 33). Tell a net of two graph convolutions *these two labels* and who knows whom, nothing
# else. For how many of the others will it be right?

# %%
club = cora.load("mini", "train")
torch.manual_seed(0)
net = GCN(34, 8, 2)
optimizer = torch.optim.Adam(net.parameters(), 0.02, weight_decay=5e-3)
for _ in range(100):
    loss = F.cross_entropy(net(club.x, club.senders, club.receivers)[club.nodes], club.y[club.nodes])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    scores = net.eval()(club.x, club.senders, club.receivers)
right = scores.argmax(1) == club.y
print(f"right for {int(right.sum()) - 2} of the 32 others")
angle = torch.arange(34) * 2 * torch.pi / 34
place = torch.stack([(scores[:, 1] - scores[:, 0]), angle.sin()], 1)
figure, ax = plots.subplots(figsize=(6, 3.4))
for v, w in zip(club.senders, club.receivers):
    ax.plot(*place[[int(v), int(w)]].T, color=plots.INK, linewidth=0.3, linestyle="-")
for side, (colour, mark) in enumerate(plots.MARKS):
    ax.scatter(*place[club.y == side].T, color=colour, marker=mark, s=40, zorder=2)
ax.set(xlabel="the net: the instructor's side … the president's side", yticks=[])
plots.show(
    figure, "The club's members by the side on which the net sees them; colours say whom they followed"
)

# %% [markdown]
# ## 5 Gates, and kinds of edges (4 points, 15 minutes)
#
# Where an edge has a kind rather than numbers, give each kind a matrix: along an edge of kind k the sender w sends $A_k h_w$.
# And where messages are passed many times, use the same weights each time and a cell with gates for the update: a **gated graph
# net** is a recurrent net whose time is the number of rounds.
#
# $$m_v = \sum_{w \to v} A_{k(v,w)}\, h_w, \qquad h_v \leftarrow \mathrm{GRU}(m_v, h_v)$$
#
# By hand, with a cell that simply adds: states 1 and 0, an edge 0 → 1 of kind 1, A₀ = 5, A₁ = 2. After one step? After two?

# %%
[1, 0 + 2 * 1], [1, 2 + 2 * 1]

# %% solution="ggnn"
# A[kinds] has a matrix for each edge. All nodes go through the cell, also those who hear nothing.

# %% test="ggnn_values" points=4
h, A = torch.tensor([[1.0], [0.0]]), torch.tensor([[[5.0]], [[2.0]]])
senders, receivers, kinds = torch.tensor([0]), torch.tensor([1]), torch.tensor([1])


def adds(arrived, state):
    return arrived + state


got = student.ggnn(h, senders, receivers, kinds, A, adds, 1)
expected = [[1.0], [2.0]]
mistakes = {"the wrong kind's matrix": ([[1.0], [5.0]], "A[kinds] has one for each edge")}
close(got, expected, "ggnn of the example above after one step", "node 1 hears A₁ · 1", mistakes=mistakes)
got = student.ggnn(h, senders, receivers, kinds, A, adds, 2)
what = "the same after two steps"
mistakes = {"both steps begin with the first states": ([[1.0], [2.0]], "hand the states on")}
close(got, [[1.0], [4.0]], what, "the second step begins with the states of the first", mistakes=mistakes)
ends, of_kind = (torch.tensor([0, 0, 1]), torch.tensor([1, 2, 2])), torch.tensor([1, 0, 1])
got = student.ggnn(torch.tensor([[1.0], [0.0], [0.0]]), *ends, of_kind, A, adds, 2)
what = (
    "ggnn of the states 1, 0, 0 after two steps, with edges 0 → 1 of kind 1, 0 → 2 of kind 0, 1 → 2 of kind 1"
)
mistakes = {
    "the same messages in both steps": (
        [[1.0], [4.0], [10.0]],
        "who sends has a new state in the second step",
    ),
    "only one message counts": ([[1.0], [4.0], [4.0]], "node 2 hears two: add them up"),
}
close(got, [[1.0], [4.0], [14.0]], what, "after one step 1, 2 and 5", mistakes=mistakes)
got = student.ggnn(h, *(ends.repeat(2) for ends in (senders, receivers, kinds)), A, adds, 1)
hint = "two edges are two messages, also between the same two nodes: a table of who hears whom must count"
close(got, [[1.0], [4.0]], "ggnn of the first example after one step, with its edge given twice", hint)
turned = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])
got = student.ggnn(torch.tensor([[0.0, 3.0], [0.0, 0.0]]), senders, receivers, 0 * kinds, turned, adds, 1)
what = "ggnn of the states (0, 3) and (0, 0), with an edge 0 → 1 and A = (0 1; 0 0)"
mistakes = {"A is turned over": ([[0.0, 3.0], [0.0, 0.0]], "Σ over A's *second* axis")}
close(got, [[0.0, 3.0], [3.0, 0.0]], what, "A times the state, a column", mistakes=mistakes)


def tells(arrived, state):
    return 10 * arrived + state / 2


got = student.ggnn(h, senders, receivers, kinds, A, tells, 1)
what = "ggnn with a cell that makes 10 · arrived + state / 2"
mistakes = {
    "who hears nothing is left out": ([[1.0], [20.0]], "node 0 hears 0, and is updated by it"),
    "state and message are exchanged": ([[10.0], [1.0]], "cell(arrived, state)"),
}
close(got, [[0.5], [20.0]], what, "cell(arrived, state), in this order, for all nodes", mistakes=mistakes)
cell = torch.nn.GRUCell(3, 3)
leaves = {"h": torch.randn(4, 3, requires_grad=True), "A": torch.randn(2, 3, 3, requires_grad=True)}
senders = torch.tensor([0, 1, 2, 3, 1])
receivers = torch.tensor([1, 2, 3, 0, 3])
kinds = torch.tensor([0, 1, 1, 0, 0])
got = student.ggnn(leaves["h"], senders, receivers, kinds, leaves["A"], cell, 2)
flows(got, leaves, "ggnn")


### BEGIN HIDDEN TESTS
def loop(h, senders, receivers, kinds, A, cell, steps):
    """The same, edge by edge."""
    for _ in range(steps):
        rows = [torch.zeros(h.shape[1]) for _ in h]
        for w, v, k in zip(senders.tolist(), receivers.tolist(), kinds.tolist()):
            rows[v] = rows[v] + A[k] @ h[w]
        h = cell(torch.stack(rows), h)
    return h


wanted = loop(leaves["h"], senders, receivers, kinds, leaves["A"], cell, 2)
close(got, wanted, "ggnn of 4 nodes with a GRU, two steps, against a loop", "A[k] @ h[w] for each edge")
follows(got, leaves, wanted, "ggnn")
for n, m, d, k, steps in ((5, 8, 2, 3, 3), (3, 4, 4, 1, 1), (4, 6, 3, 2, 0)):
    cell = torch.nn.GRUCell(d, d)
    h, A = torch.randn(n, d), torch.randn(k, d, d)
    (senders, receivers), kinds = torch.randint(n, (2, m)), torch.randint(k, (m,))
    got = student.ggnn(h, senders, receivers, kinds, A, cell, steps)
    expected = loop(h, senders, receivers, kinds, A, cell, steps)
    what = f"ggnn of {n} nodes, {m} edges of {k} kinds, {steps} steps, against a loop"
    close(got, expected, what, "nobody is left out of the update; no step, no change")

# %% [markdown]
# ## 6 Balls and springs (4 points, 15 minutes)
#
# Objects act on each other, and each moves by the sum of what acts on it. That is message passing in a physicist's words, an
# **interaction network**: a model of *relations* makes an effect of each edge, and a model of *objects* makes of an object, and
# of all effects on it, what becomes of it. Both are nets that would be learned. Here you are given them from outside.
#
# By hand: two balls at 0 and 3, a spring of stiffness 2 in both directions, effect = stiffness · (sender − receiver), and the
# new place = place + effects. Where are they?

# %%
0 + 2 * (3 - 0), 3 + 2 * (0 - 3)

# %% solution="interaction_step"

# %% test="interaction_step_values" points=4
objects, relations = torch.tensor([[0.0], [3.0], [7.0]]), torch.tensor([[2.0], [2.0], [1.0]])
senders, receivers = torch.tensor([1, 0, 2]), torch.tensor([0, 1, 0])
seen = []


def pull(sender, receiver, relation):
    seen.append((shape_of(sender), shape_of(receiver), shape_of(relation)))
    return relation * (sender - receiver)


def moved(object, effects):
    return torch.cat([object + effects, 100 * object], 1)


got = student.interaction_step(objects, senders, receivers, relations, pull, moved)
expected = [[13.0, 0.0], [-3.0, 300.0], [7.0, 700.0]]
what = "interaction_step of balls at 0, 3 and 7"
mistakes = {
    "sender and receiver are exchanged": (
        [[-13.0, 0.0], [9.0, 300.0], [7.0, 700.0]],
        "relation_model(sender, receiver, relation)",
    ),
    "effects go to the senders": ([[-6.0, 0.0], [9.0, 300.0], [14.0, 700.0]], "an effect is on the receiver"),
}
close(got, expected, what, "ball 0 is pulled by two: 2 · 3 + 1 · 7; ball 2 by nobody", mistakes=mistakes)
what = "what relation_model was called with, once: shapes of sender, receiver, relation"
equal(seen, [((3, 1), (3, 1), (3, 1))], what, "all edges at once")
### BEGIN HIDDEN TESTS
for n, m, d, c, h in ((5, 9, 4, 2, 3), (2, 1, 3, 1, 5), (4, 12, 1, 3, 2)):
    relate, act = torch.nn.Linear(2 * d + c, h), torch.nn.Linear(d + h, 2)
    objects, relations = torch.randn(n, d), torch.randn(m, c)
    senders, receivers = torch.randint(n, (2, m))

    def relation_model(sender, receiver, relation, net=relate):
        return torch.tanh(net(torch.cat([sender, receiver, relation], 1)))

    def object_model(object, effects, net=act):
        return net(torch.cat([object, effects], 1))

    rows = []
    for v in range(n):
        total = torch.zeros(1, h)
        for k in range(m):
            if receivers[k] == v:
                w = int(senders[k])
                total = total + relation_model(objects[None, w], objects[None, v], relations[None, k])
        rows.append(object_model(objects[None, v], total))
    got = student.interaction_step(objects, senders, receivers, relations, relation_model, object_model)
    what = f"interaction_step of {n} objects and {m} relations, against a loop"
    close(got, torch.cat(rows), what, "effects are added up by who receives them, 0 for who receives none")

# %% [markdown]
# With Hooke's law for relations and Newton's for objects your step *is* a simulator. Five balls on a ring of springs, and one of
# them was pushed. Which motion do you expect with stiff springs?


# %%
def shaken(stiffness=4.0):
    """Draw how five balls on a ring of springs move."""
    ring = torch.arange(5)
    senders, receivers = torch.cat([ring, (ring + 1) % 5]), torch.cat([(ring + 1) % 5, ring])
    angle = ring * 2 * torch.pi / 5
    place = torch.stack([angle.cos(), angle.sin()], 1)
    rest = (place[0] - place[1]).norm()
    state = torch.cat([place, torch.zeros(5, 2)], 1)  # place and velocity
    state[0, 2] = 1.0

    def hooke(sender, receiver, k):
        apart = sender[:, :2] - receiver[:, :2]
        length = apart.norm(dim=1, keepdim=True)
        return k * (length - rest) * apart / length

    def newton(ball, force, dt=0.02):
        velocity = ball[:, 2:] + dt * force
        return torch.cat([ball[:, :2] + dt * velocity, velocity], 1)

    passed = [state]
    for _ in range(250):
        state = interaction_step(state, senders, receivers, torch.full((10, 1), stiffness), hooke, newton)
        passed.append(state)
    paths = torch.stack(passed)
    figure, ax = plots.subplots(figsize=(4.5, 3.4))
    for ball in range(5):
        ax.plot(*paths[:, ball, :2].T)
    ax.set(aspect="equal")
    return plots.show(
        figure,
        f"The paths of five balls on springs of stiffness {stiffness:.0f} after one of them was pushed",
    )


turn(shaken, "do they keep together, and does the whole move on?", stiffness=(0.0, 40.0, 4.0))

# %% [markdown]
# ## 7 What no message tells (6 points, 15 minutes)
#
# All nodes begin alike. In a round each looks at its neighbours' colours and takes a new colour that names *its own colour and
# theirs, as many of each as there are*. After some rounds no colour splits any more. This is older than nets (Weisfeiler and
# Leman, 1968), and it bounds them: whatever messages a net passes, nodes of the same colour get the same state.
#
# By hand, the path 0 – 1 – 2 – 3: in the first round ends have one neighbour, the others two. Does another round split more?

# %%
ends, middles = ("own: grey", "one grey"), ("own: grey", "two grey")
print("after one round", [0, 1, 1, 0], "and after another", [0, 1, 1, 0])

# %% solution="weisfeiler_lehman"
# A node's view: (its colour, sorted colours of who sends to it). Number the different views of a round.


# %% test="weisfeiler_lehman_values" points=4
def parts(got, n, what):
    """Colours with the names that they would have if the first node's were 0, the next new one's 1, …"""
    names = {}
    rows = shaped(got, (n,), what, "a colour for each node").tolist()
    return [names.setdefault(colour, len(names)) for colour in rows]


def coloured(n, pairs, what):
    ends = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    return parts(
        student.weisfeiler_lehman(n, torch.cat([ends[0], ends[1]]), torch.cat([ends[1], ends[0]])), n, what
    )


got = coloured(4, [(0, 1), (1, 2), (2, 3)], "the colours of a path of 4")
equal(got, [0, 1, 1, 0], "who is alike in the path 0 - 1 - 2 - 3", "its ends are, and its middles")
got = coloured(5, [(0, 1), (1, 2), (2, 3), (3, 4)], "the colours of a path of 5")
hint = "the middle one has other neighbours than those beside it"
mistakes = {"one round only": ([0, 1, 1, 1, 0], "go on until no colour splits any more")}
equal(got, [0, 1, 2, 1, 0], "who is alike in the path of 5", hint, mistakes=mistakes)
got = coloured(4, [(0, 1), (0, 2), (0, 3)], "the colours of a star")
equal(got, [0, 1, 1, 1], "who is alike in a star with node 0 in the middle", "its three tips are")
got = coloured(3, [(0, 1)], "the colours of a pair and a single node")
what = "who is alike where 0 and 1 are joined and 2 is alone"
equal(got, [0, 0, 1], what, "who hears nothing has a view too")
got = coloured(6, [(0, 2), (1, 2), (3, 4), (3, 5), (4, 5)], "the colours of a path of 3 and a triangle")
hint = "the path's middle has two neighbours of one kind, a triangle's corner two of another"
mistakes = {
    "kinds are seen, not counted, or the sum of colours is taken": (
        [0, 0, 0, 0, 0, 0],
        "as many of each colour as there are",
    )
}
equal(got, [0, 0, 1, 2, 2, 2], "who is alike in a path of 3 beside a triangle", hint, mistakes=mistakes)
### BEGIN HIDDEN TESTS
for n, chance in ((7, 0.3), (9, 0.25), (12, 0.2), (8, 0.5)):
    for _ in range(4):
        pairs = (torch.rand(n, n) < chance).triu(1).nonzero().tolist()
        ends = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
        wanted = reference.weisfeiler_lehman(n, torch.cat([ends[0], ends[1]]), torch.cat([ends[1], ends[0]]))
        got = coloured(n, pairs, f"the colours of a random graph of {n} nodes")
        expected = parts(wanted, n, "")
        hint = "own colour and all neighbours' colours, round by round, until nothing splits"
        equal(got, expected, f"who is alike in the graph of {n} nodes with the edges {pairs}", hint)
long = [(v, v + 1) for v in range(19)]
got = coloured(20, long, "the colours of a path of 20")
hint = "nine rounds until no colour splits: as many as it takes"
equal(got, list(range(10)) + list(reversed(range(10))), "who is alike in a path of 20", hint)

# %% [markdown]
# Two graphs are told apart if some colour stands in one more often than in the other. But colours of two colourings cannot be
# compared: colour both *as one graph*. You have a function that makes one graph of two.

# %% solution="told_apart"


# %% test="told_apart_values" points=2
def graph(n, pairs):
    """A graph whose nodes and edges hold nothing."""
    ends = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    senders, receivers = torch.cat([ends[0], ends[1]]), torch.cat([ends[1], ends[0]])
    return torch.ones(n, 1), senders, receivers, torch.ones(len(senders), 1)


def answered(one, other):
    got = student.told_apart(one, other)
    return bool(got) if isinstance(got, torch.Tensor) and got.numel() == 1 else got


path, star = graph(4, [(0, 1), (1, 2), (2, 3)]), graph(4, [(0, 1), (0, 2), (0, 3)])
renamed = graph(4, [(3, 1), (1, 0), (0, 2)])
equal(answered(path, star), True, "whether a path of 4 and a star of 4 are told apart", "degrees differ")
what = "whether a path and the same path with other names are"
equal(answered(path, renamed), False, what, "count each colour")
ring, paths = graph(6, [(v, (v + 1) % 6) for v in range(6)]), graph(6, [(v, v + 1) for v in range(5)])
equal(answered(ring, paths), True, "whether a ring of 6 and a path of 6 are", "a path has ends")
triangle = graph(3, [(0, 1), (1, 2), (0, 2)])
what = "whether a ring of 3 and a ring of 4 are"
hint = "the same colour, but three times and four times"
equal(answered(triangle, graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)])), True, what, hint)
four = graph(4, [(0, 1), (1, 2), (2, 3), (3, 0)])
what = "whether a ring of 4 and four nodes that are all joined are"
hint = "one colour in each, but not the same: colour both as one graph"
equal(answered(four, graph(4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)])), True, what, hint)
to_others = [(v, w) for v in range(3) for w in range(3, 6)]
prism = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (0, 3), (1, 4), (2, 5)]
what = "whether two graphs are whose every node has three neighbours"
hint = "one colour, six times in each: more is not asked"
equal(answered(graph(6, to_others), graph(6, prism)), False, what, hint)


line = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
what = "whether a path of 6 with a twig at node 1 and one with a twig at node 2 are"
hint = "as many neighbours everywhere, but other neighbours of neighbours"
equal(answered(graph(7, [*line, (1, 6)]), graph(7, [*line, (2, 6)])), True, what, hint)


### BEGIN HIDDEN TESTS
import warnings

import networkx


def hashed(n, pairs):
    """networkx's hash of the same colours."""
    made = networkx.Graph(pairs)
    made.add_nodes_from(range(n))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about hashes of other versions
        return networkx.weisfeiler_lehman_graph_hash(made, iterations=n)


for _ in range(8):
    n = int(torch.randint(4, 8, ()))
    one, other = ((torch.rand(n, n) < 0.5).triu(1).nonzero().tolist() for _ in range(2))
    names = torch.randperm(n).tolist()
    for pairs in (other, [(names[v], names[w]) for v, w in one]):
        what = (
            f"whether graphs of {n} nodes with the edges {one} and {pairs} are told apart, against networkx"
        )
        hint = "colour both as one graph, then count colours in each part"
        equal(answered(graph(n, one), graph(n, pairs)), hashed(n, one) != hashed(n, pairs), what, hint)
two_rings = graph(8, [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4)])
what = "whether a ring of 8 and two rings of 4 are told apart"
hint = "every node has two neighbours like itself"
equal(answered(graph(8, [(v, (v + 1) % 8) for v in range(8)]), two_rings), False, what, hint)

# %% [markdown]
# Now find two graphs of six nodes that are different and are *not* told apart. (One is in one piece, the other is not.) Fill in
# the second one's edges, run, and see whether a net of messages is fooled too.


# %%
def undirected(pairs):
    """A graph of six nodes that hold nothing, from its pairs of neighbours."""
    ends = torch.tensor(pairs).T
    senders, receivers = torch.cat([ends[0], ends[1]]), torch.cat([ends[1], ends[0]])
    return torch.ones(6, 1), senders, receivers, torch.ones(len(senders), 1)


hexagon = undirected([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)])
yours = undirected([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)])  # change it
print("told apart:", told_apart(hexagon, yours))
torch.manual_seed(0)
W, b = torch.rand(1, 3), torch.rand(1)
for x, senders, receivers, e in (hexagon, yours):
    for _ in range(3):
        x = message_pass(x, senders, receivers, e, W, b).tanh()
    print("sum of all states after three rounds:", x.sum().item())

# %% [markdown]
# ## 8 Train it (3 points, 10 minutes)
#
# At the mini tier: random graphs with four kinds of nodes and two kinds of edges, each with an energy that is a sum over pairs of
# neighbours and over paths of two edges. Nobody tells the net what a pair is worth. Counting nodes and edges by kind leaves an
# error of about three; two rounds of messages see far enough. At the full tier: Cora, 2,708 papers that cite each
# other, of which 140 have labels; the net is the `GCN` of above.

# %% given="MessagePassing,Config,config,graph_of,examples,build,cost,keep"

# %% trains="graphs"
how = config(tier)
run = Run("graphs", seed=0)
model = build(tier).to(run.device)
rows, held_out = (examples(tier, split, run.device) for split in ("train", "val"))
optimizer = torch.optim.Adam(model.parameters(), how.rate, weight_decay=how.decay)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
best, least = copy.deepcopy(model), torch.full((), torch.inf, device=run.device)
for step in run.steps(how.steps, {"net": model, "optimizer": optimizer, "schedule": schedule}):
    loss = cost(model, rows[step % len(rows)])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    run.log(cost=loss)
    if run.every(how.look):
        run.log(validation=keep(best, least, model, held_out))
    if run.every(how.steps // 5):
        print(f"step {run.step + 1} of {how.steps}: {loss.item():.3f}", flush=True)
save_artifact("graphs", best, tier)

# %% trains="graphs"
entry = record("graphs", tier)
steps, values = zip(*run.curve["validation"])
figure, ax = plots.subplots()
ax.semilogy(steps, values)
ax.set(xlabel="step", ylabel="cost on what is held out")
print(f"your net's least cost on what is held out: {least.item():.3f}")
print(
    f"the reference's test error: {entry.value:.3f} ± {entry.std:.3f}; the baseline's: {entry.baseline:.3f}"
)
plots.show(figure, "Cost on graphs that are held out over the steps of training")

# %% test="trained" points=3
tensors = student.artifact("graphs")
holds(
    ("embed.weight" in tensors or "first" in tensors)
    and all(torch.isfinite(t).all() for t in tensors.values()),
    "graphs.safetensors does not hold a trained net",
    "finite tensors embed.weight, messages.0.weight, … or, at the full tier, first, second, …",
    sorted(tensors)[:4],
    "run the training cell: it saves `best`",
)
### BEGIN HIDDEN TESTS
judge("graphs", tensors, 3)

# %% [markdown]
# Rename the nodes of one of your graphs and ask the net again. Then take a graph of 30 nodes, larger than all that it has seen:
# is its energy still right? Why should it be?
#
# **Hand in** this notebook and `graphs.safetensors`; `course_utils.colab.submit("graphs")` packs both.
