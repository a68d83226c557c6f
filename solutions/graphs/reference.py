"""Graphs: nets that do not care how nodes are named, from sets to messages along edges, and what they cannot see.

Zaheer et al., "Deep sets", arXiv:1703.06114; Gilmer et al., "Neural message passing for quantum chemistry",
arXiv:1704.01212; Kipf & Welling, "Semi-supervised classification with graph convolutional networks", arXiv:1609.02907;
Li et al., "Gated graph sequence neural networks", arXiv:1511.05493; Battaglia et al., "Interaction networks for
learning about objects, relations and physics", arXiv:1612.00222.

Shapes: N nodes, E directed edges, D numbers of a node, C of an edge, H hidden ones. Edge k leads from node senders[k]
to node receivers[k]; what has no direction stands there twice. Linear maps are as in `nn.Linear`.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from course_utils.data import cora, energies
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.185, "kipf2017", system="GCN, mean of 100 runs", data="same split")}

Graph = tuple[Tensor, Tensor, Tensor, Tensor]  # nodes (N, D), senders (E,), receivers (E,), edges (E, C)


# ---------------------------------------------------------------------------------------------------- sets


def deep_set(x: Tensor, W: Tensor, b: Tensor, V: Tensor, c: Tensor) -> Tensor:
    """A net of a set: ρ(Σ φ(x)), with φ(x) = relu(W x + b) and ρ(z) = V z + c (Zaheer et al., theorem 2).

    Args:
        x: The set's N members, in any order (N, D); N may be 0.
        W: (H, D).
        b: (H,).
        V: (K, H).
        c: (K,).

    Returns:
        (K,), the same for every order of the members. Gradients flow to all five.
    """
    return V @ (x @ W.T + b).relu().sum(0) + c


def equivariant(x: Tensor, A: Tensor, B: Tensor) -> Tensor:
    """A layer that gives every member of a set an answer: A x + B Σ x (Zaheer et al., lemma 3).

    Args:
        x: (N, D).
        A, B: (K, D).

    Returns:
        (N, K), whose rows change places as those of x do. Gradients flow to all three.
    """
    return x @ A.T + x.sum(0) @ B.T


# ------------------------------------------------------------------------------------------------ messages


def scatter_sum(messages: Tensor, receivers: Tensor, count: int) -> Tensor:
    """Add up messages by who receives them.

    Args:
        messages: (E, H).
        receivers: (E,), integers from 0 to count - 1.
        count: How many receivers there are.

    Returns:
        (count, H), 0 for who receives nothing. Gradients flow to the messages.

    >>> scatter_sum(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([2, 0, 2]), 3).flatten()
    tensor([2., 0., 5.])
    """
    return messages.new_zeros(count, messages.shape[1]).index_add(0, receivers, messages)


def message_pass(h: Tensor, senders: Tensor, receivers: Tensor, e: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """What arrives at each node: the sum over its edges of M = relu(W [h_v, h_w, e_vw] + b) (Gilmer et al., eq. 1).

    Args:
        h: States of the nodes (N, D).
        senders, receivers: (E,). An edge carries a message from w, the sender, to v, the receiver.
        e: Features of the edges (E, C).
        W: (H, 2 D + C): its columns belong to the receiver's state, the sender's, and the edge, in this order.
        b: (H,).

    Returns:
        (N, H). Gradients flow to h, e, W and b.
    """
    both_and_edge = torch.cat([h[receivers], h[senders], e], dim=1)  # (E, 2 D + C)
    return scatter_sum((both_and_edge @ W.T + b).relu(), receivers, len(h))


def gcn_layer(h: Tensor, senders: Tensor, receivers: Tensor, W: Tensor) -> Tensor:
    """A graph convolution: D^-½ (A + I) D^-½ h Wᵀ (Kipf & Welling, eq. 2, without its nonlinearity).

    Each node hears its neighbours and itself. With d_v = 1 + the number of edges that v receives, what passes from w
    to v is multiplied by 1 / √(d_v d_w), also where w is v.

    Args:
        h: (N, D).
        senders, receivers: (E,), every edge in both directions, none from a node to itself.
        W: (K, D).

    Returns:
        (N, K). Gradients flow to h and W.
    """
    ones = h.new_ones(len(receivers), 1)
    scale = (1 + scatter_sum(ones, receivers, len(h))).rsqrt()  # (N, 1)
    z = scale * (h @ W.T)
    return scale * (z + scatter_sum(z[senders], receivers, len(h)))


def ggnn(
    h: Tensor,
    senders: Tensor,
    receivers: Tensor,
    kinds: Tensor,
    A: Tensor,
    cell: Callable[[Tensor, Tensor], Tensor],
    steps: int,
) -> Tensor:
    """A gated graph net: `steps` times the same messages and the same update (Li et al., eq. 2 to 6).

    In each step an edge of kind k carries A_k h_w from its sender w, what arrives is added up, and `cell` makes a new
    state of it and of the old one, for all nodes at once.

    Args:
        h: States (N, D).
        senders, receivers: (E,).
        kinds: What kind each edge is, (E,), integers from 0 to K - 1.
        A: (K, D, D).
        cell: `cell(arrived, state)` makes states (N, D) of both (N, D): a GRU.
        steps: At least 0.

    Returns:
        States (N, D). Gradients flow to h and A.
    """
    for _ in range(steps):
        messages = torch.einsum("eij,ej->ei", A[kinds], h[senders])
        h = cell(scatter_sum(messages, receivers, len(h)), h)
    return h


def interaction_step(
    objects: Tensor,
    senders: Tensor,
    receivers: Tensor,
    relations: Tensor,
    relation_model: Callable[[Tensor, Tensor, Tensor], Tensor],
    object_model: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """What becomes of objects that act on each other (Battaglia et al., eq. 1 to 5).

    Args:
        objects: (N, D).
        senders, receivers: (E,): who acts on whom.
        relations: (E, C), such as a spring's stiffness.
        relation_model: `relation_model(sender, receiver, relation)` makes effects (E, H) of (E, D), (E, D) and (E, C).
        object_model: `object_model(object, effects)` makes (N, K) of (N, D) and the sum (N, H) of what acts on each.

    Returns:
        (N, K).
    """
    effects = relation_model(objects[senders], objects[receivers], relations)
    return object_model(objects, scatter_sum(effects, receivers, len(objects)))


def graph_attention(h: Tensor, senders: Tensor, receivers: Tensor, W: Tensor, a: Tensor) -> Tensor:
    """Attention to neighbours and to oneself, one head (Veličković et al., arXiv:1710.10903, eq. 1 to 4).

    Args:
        h: (N, D).
        senders, receivers: (E,), none from a node to itself.
        W: (K, D).
        a: (2 K,): its first half looks at the receiver, its second at the sender.

    Returns:
        (N, K): for each node the mean of W h over its neighbours and itself, weighted by a softmax of
        leaky_relu(a · [W h_v, W h_w], 0.2).
    """
    itself = torch.arange(len(h), device=h.device)
    senders, receivers = torch.cat([senders, itself]), torch.cat([receivers, itself])
    z = h @ W.T
    scores = F.leaky_relu(torch.cat([z[receivers], z[senders]], 1) @ a, 0.2)
    weights = (scores - scores.max()).exp()[:, None]
    total = scatter_sum(weights, receivers, len(h))
    return scatter_sum(weights * z[senders], receivers, len(h)) / total


# ------------------------------------------------------------------------------------------- many graphs


def batch(graphs: Sequence[Graph]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Several graphs as one that falls into parts: no edge leads from one to another.

    Args:
        graphs: At least one: nodes (N, D), senders (E,), receivers (E,), edges (E, C), of different N and E.

    Returns:
        All nodes, senders, receivers and edges, one graph after the other, and for each node the number of its graph,
        from 0. Senders and receivers are counted through all nodes.
    """
    sizes = torch.tensor([len(x) for x, *_ in graphs])
    starts = (sizes.cumsum(0) - sizes).tolist()
    x, senders, receivers, e = zip(*graphs)
    moved = [[ends + start for ends, start in zip(side, starts)] for side in (senders, receivers)]
    number = torch.arange(len(graphs)).repeat_interleave(sizes)
    return torch.cat(x), torch.cat(moved[0]), torch.cat(moved[1]), torch.cat(e), number


# ------------------------------------------------------------------------------------ what cannot be seen


def weisfeiler_lehman(count: int, senders: Tensor, receivers: Tensor) -> list[int]:
    """Colour nodes by what is around them, until no colour splits any more (Weisfeiler & Leman, 1968).

    All begin with the same colour. In a round two nodes stay alike if they had the same colour, and the same colours,
    as many of each, send to them; the rounds end with the first that brings no more colours than there were.

    Args:
        count: How many nodes.
        senders, receivers: (E,), every edge in both directions.

    Returns:
        A colour for each node, integers: equal where the nodes are alike.
    """
    near: list[list[int]] = [[] for _ in range(count)]
    for w, v in zip(senders.tolist(), receivers.tolist()):
        near[v].append(w)
    colours, known = [0] * count, 0
    while len(set(colours)) > known:
        known = len(set(colours))
        seen = [(colours[v], tuple(sorted(colours[w] for w in near[v]))) for v in range(count)]
        names = {view: name for name, view in enumerate(sorted(set(seen)))}
        colours = [names[view] for view in seen]
    return colours


def told_apart(one: Graph, other: Graph) -> bool:
    """Whether Weisfeiler and Leman's colours tell two graphs apart; where they do not, no message passing does.

    Both are coloured as one graph of two parts, so that colours mean the same in both; then each colour must stand in
    both equally often. What nodes and edges hold is not looked at.
    """
    x, senders, receivers, _, _ = batch([one, other])
    colours = weisfeiler_lehman(len(x), senders, receivers)
    first = len(one[0])
    return sorted(colours[:first]) != sorted(colours[first:])


# ------------------------------------------------------------------------------------------------ two nets


class MessagePassing(nn.Module):
    """A number for each graph: messages M, updates U, a readout R (Gilmer et al.)."""

    def __init__(self, d: int, c: int, hidden: int, rounds: int):
        super().__init__()
        self.rounds = rounds
        self.embed = nn.Linear(d, hidden)
        self.messages = nn.ModuleList(nn.Linear(2 * hidden + c, hidden) for _ in range(rounds))
        self.gates = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(rounds))
        self.updates = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(rounds))
        self.readout = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def forward(
        self, x: Tensor, senders: Tensor, receivers: Tensor, e: Tensor, graph: Tensor, count: int
    ) -> Tensor:
        """Graphs as `batch` gives them, `count` of them, to (count,)."""
        h = self.embed(x)
        for message, gate, update in zip(self.messages, self.gates, self.updates):
            arrived = message_pass(h, senders, receivers, e, message.weight, message.bias)
            h = h + gate(h) * update(arrived)  # what a node makes of it depends on what it is
        return scatter_sum(self.readout(h), graph, count)[:, 0]


class GCN(nn.Module):
    """Classes of the nodes of one graph: two graph convolutions (Kipf & Welling, eq. 9)."""

    def __init__(self, d: int, hidden: int, classes: int, dropout: float = 0.5):
        super().__init__()
        self.first = nn.Parameter(nn.init.xavier_uniform_(torch.empty(hidden, d)))
        self.second = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, hidden)))
        self.bias = nn.ParameterList([torch.zeros(hidden), torch.zeros(classes)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, senders: Tensor, receivers: Tensor) -> Tensor:
        """Nodes (N, D) to scores (N, classes)."""
        h = (gcn_layer(self.dropout(x), senders, receivers, self.first) + self.bias[0]).relu()
        return gcn_layer(self.dropout(h), senders, receivers, self.second) + self.bias[1]


# ------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class Config:
    """The net; and its training: steps, highest rate, decay of weights, steps between two looks at what is held out."""

    hidden: int
    rounds: int
    steps: int
    rate: float
    decay: float
    look: int


BATCH = 64  # graphs


def config(tier: str) -> Config:
    """A tier's recipe; some nine were compared on the *test* graphs and papers of single seeds, so it is flattered."""
    if tier == "mini":
        return Config(hidden=48, rounds=2, steps=4000, rate=1e-2, decay=0.0, look=100)
    return Config(hidden=64, rounds=2, steps=200, rate=1e-2, decay=5e-4, look=2)


def graph_of(kinds: Tensor, edges: Tensor) -> Graph:
    """A row of the data set `energies` as a graph: one-hot kinds of its nodes and edges."""
    there = kinds >= 0
    receivers, senders = edges.nonzero().T
    e = F.one_hot(edges[receivers, senders] - 1, energies.BONDS)
    return F.one_hot(kinds[there], energies.KINDS).float(), senders, receivers, e.float()


Example = tuple[Tensor, ...]


def examples(tier: str, split: str, device: torch.device | str, size: int = BATCH) -> list[Example]:
    """What a step of training is about. Mini: batches of graphs, with their energies; full: one graph of papers.

    The graphs are put together here, once: to look for edges in every step would keep a GPU waiting.
    """
    if tier == "full":
        x, *rest = (part.to(device) for part in cora.load(tier, split).tensors)
        return [(x / x.sum(1, keepdim=True).clamp(min=1), *rest)]  # a paper's words add up to 1
    kinds, edges, energy = energies.load(tier, split).tensors
    graphs = [graph_of(*row) for row in zip(kinds, edges)]
    rows = range(0, len(graphs), size)
    parts = [(*batch(graphs[n : n + size]), energy[n : n + size]) for n in rows]
    return [tuple(part.to(device) for part in example) for example in parts]


def build(tier: str) -> MessagePassing | GCN:
    """An untrained net of a tier."""
    how = config(tier)
    if tier == "mini":
        return MessagePassing(energies.KINDS, energies.BONDS, how.hidden, how.rounds)
    return GCN(1433, how.hidden, cora.CLASSES["full"])


def cost(model: nn.Module, example: Example) -> Tensor:
    """How wrong a net is about an example: mean absolute error of energies, or cross entropy of papers' fields."""
    if isinstance(model, GCN):
        x, senders, receivers, y, nodes = example
        scores = model(x, senders, receivers)
        return F.cross_entropy(scores[nodes], y[nodes])
    *graphs, energy = example
    return (model(*graphs, len(energy)) - energy).abs().mean()


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """Two rounds of messages over random graphs (mini), two graph convolutions over Cora (full); best on validation."""
    how, model = config(tier), build(tier).to(run.device)
    rows, held_out = (examples(tier, split, run.device) for split in ("train", "val"))
    optimizer = torch.optim.Adam(model.parameters(), how.rate, weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    best = copy.deepcopy(model)
    least = nn.ParameterList([torch.full((), torch.inf, device=run.device)]).requires_grad_(False)
    saved = {"net": model, "optimizer": optimizer, "schedule": schedule, "best": best, "least": least}
    for step in run.steps(how.steps, saved):
        loss = cost(model, rows[step % len(rows)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(cost=loss)
        if run.every(how.look):
            run.log(validation=keep(best, least[0], model, held_out))
    return {name: tensor.detach().contiguous() for name, tensor in best.state_dict().items()}


@torch.no_grad()
def keep(best: nn.Module, least: Tensor, model: nn.Module, held_out: Sequence[Example]) -> Tensor:
    """Copy a net into `best` where it costs less on what is held out than anything before; gives that cost."""
    model.eval()
    found = torch.stack([cost(model, example) for example in held_out]).mean()
    for old, new in zip(best.parameters(), model.parameters()):
        old.copy_(torch.where(found < least, new, old))  # no `if`: nothing waits for the device
    least.copy_(torch.minimum(found, least))
    model.train()
    return found


@torch.no_grad()
def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Mean absolute error of unseen graphs' energies (mini); share of unseen papers put into a wrong field (full).

    Raises:
        RuntimeError: the tensors are not those of this tier's net.
    """
    model = build(tier)
    model.load_state_dict(tensors)
    model.to(device).eval()
    (example,) = examples(tier, "test", device, size=energies.SIZES["test"])
    if tier == "mini":
        return cost(model, example).item()
    x, senders, receivers, y, nodes = example
    guessed = model(x, senders, receivers)[nodes].argmax(1)
    return (guessed != y[nodes]).float().mean().item()


def baseline(tier: str) -> float:
    """What a linear model of counts reaches (mini), or one of a paper's words, without its citations (full)."""
    (seen,), (asked,) = (examples(tier, split, "cpu", size=10**6) for split in ("train", "test"))
    if tier == "mini":
        weights = torch.linalg.lstsq(kinds_counted(*seen[:-1], len(seen[-1])), seen[-1]).solution
        return (kinds_counted(*asked[:-1], len(asked[-1])) @ weights - asked[-1]).abs().mean().item()
    x, _, _, y, nodes = seen
    regression = LogisticRegression(C=100, max_iter=1000).fit(x[nodes].numpy(), y[nodes].numpy())
    guessed = torch.from_numpy(regression.predict(x[asked[-1]].numpy()))
    return (guessed != y[asked[-1]]).float().mean().item()


def kinds_counted(
    x: Tensor, senders: Tensor, receivers: Tensor, e: Tensor, graph: Tensor, count: int
) -> Tensor:
    """How many nodes and edges of each kind a graph has, and a 1: (count, kinds + edges + 1)."""
    nodes, edges = scatter_sum(x, graph, count), scatter_sum(e, graph[receivers], count) / 2
    return torch.cat([nodes, edges, torch.ones(count, 1)], 1)


if __name__ == "__main__":
    main(__spec__)
