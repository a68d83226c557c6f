"""The commonest mistakes in the exercises of the lab `graphs`, each with the check that must catch it."""

import torch

edit("deep_set", check="deep_set_values", why="the mean", change={".sum(0)": ".mean(0)"})
edit("deep_set", check="deep_set_values", why="the largest", change={".sum(0)": ".amax(0)"})
edit(
    "deep_set",
    check="deep_set_values",
    why="the sum comes before φ",
    change={"(x @ W.T + b).relu().sum(0)": "(x.sum(0) @ W.T + b).relu()"},
)
edit("deep_set", check="deep_set_values", why="no relu", change={".relu()": ""})
edit("deep_set", check="deep_set_values", why="relu of the sum", change={".relu().sum(0)": ".sum(0).relu()"})
edit(
    "deep_set",
    check="deep_set_values",
    why="sums up the wrong axis",
    change={"V @ (x": "V[:, :1] @ (x", ".sum(0)": ".sum(1)[:1]"},
)
edit(
    "deep_set",
    check="deep_set_values",
    why="c for each member",
    change={"+ c": "+ len(x) * c"},
)
edit("deep_set", check="deep_set_values", why="no c", change={" + c": ""})


@wrong(check="deep_set_values", why="members one after another: the order matters")
def deep_set(x, W, b, V, c):
    z = torch.zeros(len(b))
    for member in x:
        z = torch.relu(W @ member + b) + 0.9 * z
    return V @ z + c


edit("equivariant", check="equivariant_values", why="the mean", change={"x.sum(0)": "x.mean(0)"})
edit("equivariant", check="equivariant_values", why="others only", change={"x.sum(0)": "(x.sum(0) - x)"})
edit(
    "equivariant",
    check="equivariant_values",
    why="A and B exchanged",
    change={"x @ A.T": "x @ B.T", "@ B.T": "@ A.T"},
)
edit(
    "equivariant",
    check="equivariant_values",
    why="sums numbers",
    change={"x.sum(0)": "x.sum(1, keepdim=True).expand_as(x)"},
)
edit(
    "equivariant",
    check="equivariant_values",
    why="one answer for all",
    change={"x @ A.T +": "x.sum(0) @ A.T +"},
)


@wrong(check="scatter_sum_values", why="a row that is named twice is written once")
def scatter_sum(messages, receivers, count):
    sums = torch.zeros(count, messages.shape[1])
    sums[receivers] += messages
    return sums


@wrong(check="scatter_sum_values", why="the mean")
def scatter_sum(messages, receivers, count):
    one_hot = F.one_hot(receivers, count).float()
    return one_hot.T @ messages / one_hot.sum(0).clamp(min=1)[:, None]


@wrong(check="scatter_sum_values", why="as many rows as somebody receives")
def scatter_sum(messages, receivers, count):
    return F.one_hot(receivers).float().T @ messages


@wrong(check="scatter_sum_values", why="no way back to the messages")
def scatter_sum(messages, receivers, count):
    return torch.zeros(count, messages.shape[1]).index_add(0, receivers, messages.detach())


edit(
    "message_pass",
    check="message_pass_values",
    why="sender and receiver are exchanged",
    change={"h[receivers], h[senders], e": "h[senders], h[receivers], e"},
)
edit(
    "message_pass",
    check="message_pass_values",
    why="back to the senders",
    change={".relu(), receivers,": ".relu(), senders,"},
)


@wrong(check="message_pass_values", why="relu of the sum")
def message_pass(h, senders, receivers, e, W, b):
    messages = torch.cat([h[receivers], h[senders], e], 1) @ W.T + b
    return scatter_sum(messages, receivers, len(h)).relu()


edit("message_pass", check="message_pass_values", why="no relu", change={".relu()": ""})
edit("message_pass", check="message_pass_values", why="no bias", change={" + b)": ")"})
edit(
    "message_pass",
    check="message_pass_values",
    why="edges come first",
    change={"h[receivers], h[senders], e]": "e, h[receivers], h[senders]]"},
)
edit(
    "message_pass",
    check="message_pass_values",
    why="a node hears itself twice and never its neighbour",
    change={"h[receivers], h[senders]": "h[receivers], h[receivers]"},
)
edit(
    "message_pass",
    check="message_pass_values",
    why="the bias once for each node",
    change={
        "(both_and_edge @ W.T + b).relu(), receivers, len(h))": "(both_and_edge @ W.T).relu(), receivers, len(h)) + b"
    },
)

edit(
    "batch",
    check="batch_values",
    why="names begin again at 0",
    change={"ends + start": "ends"},
)
edit(
    "batch",
    check="batch_values",
    why="counted on by the graph's own size",
    change={"sizes.cumsum(0) - sizes": "sizes.cumsum(0)"},
)
edit(
    "batch",
    check="batch_values",
    why="counted on by edges",
    change={
        "(sizes.cumsum(0) - sizes).tolist()": "[sum(len(g[1]) for g in graphs[:n]) for n in range(len(graphs))]"
    },
)
edit(
    "batch",
    check="batch_values",
    why="counted on by the first graph alone",
    change={"(sizes.cumsum(0) - sizes).tolist()": "[n * len(graphs[0][0]) for n in range(len(graphs))]"},
)
edit(
    "batch",
    check="batch_values",
    why="counts the graphs' own names on, in place",
    change={"ends + start": "ends.add_(start)"},
)
edit("batch", check="batch_values", why="senders stay", change={"torch.cat(moved[0])": "torch.cat(senders)"})
edit(
    "batch",
    check="batch_values",
    why="receivers stay",
    change={"torch.cat(moved[1])": "torch.cat(receivers)"},
)
edit(
    "batch",
    check="batch_values",
    why="sides exchanged",
    change={"torch.cat(moved[0]), torch.cat(moved[1])": "torch.cat(moved[1]), torch.cat(moved[0])"},
)
edit(
    "batch",
    check="batch_values",
    why="numbers from 1",
    change={"torch.arange(len(graphs))": "(1 + torch.arange(len(graphs)))"},
)
edit(
    "batch",
    check="batch_values",
    why="a number for each edge",
    change={".repeat_interleave(sizes)": ".repeat_interleave(torch.tensor([len(s) for s in senders]))"},
)

edit(
    "batch",
    check="batch_values",
    why="numbers that cannot pick anything",
    change={"torch.arange(len(graphs))": "torch.arange(float(len(graphs)))"},
)
edit(
    "batch",
    check="batch_values",
    why="counted on by the graph before alone",
    change={"(sizes.cumsum(0) - sizes).tolist()": "[0, *sizes[:-1].tolist()]"},
)

edit(
    "gcn_layer",
    check="gcn_layer_values",
    why="nobody hears itself",
    change={"(z + scatter_sum(z[senders], receivers, len(h)))": "scatter_sum(z[senders], receivers, len(h))"},
)
edit(
    "gcn_layer",
    check="gcn_layer_values",
    why="degrees without oneself",
    change={
        "(1 + scatter_sum(ones, receivers, len(h)))": "scatter_sum(ones, receivers, len(h)).clamp(min=1)"
    },
)
edit("gcn_layer", check="gcn_layer_values", why="no root", change={".rsqrt()": ".reciprocal()"})
edit(
    "gcn_layer",
    check="gcn_layer_values",
    why="a mean",
    change={"z = scale * (h @ W.T)": "z = h @ W.T", "return scale * (": "return scale**2 * ("},
)
edit(
    "gcn_layer",
    check="gcn_layer_values",
    why="the sender's degree alone",
    change={"z = scale * (h @ W.T)": "z = scale**2 * (h @ W.T)", "return scale * (": "return ("},
)
edit(
    "gcn_layer",
    check="gcn_layer_values",
    why="W is not used",
    change={"h @ W.T": "h[:, :1].expand(-1, len(W)) + 0 * (h @ W.T)"},
)
edit(
    "gcn_layer",
    check="gcn_layer_values",
    why="the thread is cut",
    change={"z[senders]": "z[senders].detach()"},
)

edit(
    "ggnn",
    check="ggnn_values",
    why="each step from the first states",
    change={
        "h = cell(": "after = cell(",
        "    for _": "    after = h\n    for _",
        "return h": "return after",
    },
)
edit(
    "ggnn",
    check="ggnn_values",
    why="the first kind's matrix for all",
    change={"A[kinds]": "A[torch.zeros_like(kinds)]"},
)
edit("ggnn", check="ggnn_values", why="matrices turned over", change={"eij,ej->ei": "eij,ei->ej"})
edit(
    "ggnn",
    check="ggnn_values",
    why="the cell is given state and message",
    change={
        "cell(scatter_sum(messages, receivers, len(h)), h)": "cell(h, scatter_sum(messages, receivers, len(h)))"
    },
)
edit("ggnn", check="ggnn_values", why="the receiver's own state", change={"h[senders]": "h[receivers]"})
edit(
    "ggnn",
    check="ggnn_values",
    why="messages to the senders",
    change={"messages, receivers": "messages, senders"},
)
edit("ggnn", check="ggnn_values", why="one step too many", change={"range(steps)": "range(steps + 1)"})
edit("ggnn", check="ggnn_values", why="one step only", change={"range(steps)": "range(min(steps, 1))"})


@wrong(check="ggnn_values", why="who hears nothing is left out")
def ggnn(h, senders, receivers, kinds, A, cell, steps):
    hears = torch.isin(torch.arange(len(h)), receivers)[:, None]
    for _ in range(steps):
        messages = torch.einsum("eij,ej->ei", A[kinds], h[senders])
        h = torch.where(hears, cell(scatter_sum(messages, receivers, len(h)), h), h)
    return h


edit(
    "interaction_step",
    check="interaction_step_values",
    why="sender and receiver exchanged",
    change={"objects[senders], objects[receivers]": "objects[receivers], objects[senders]"},
)
edit(
    "interaction_step",
    check="interaction_step_values",
    why="effects on the senders",
    change={"effects, receivers": "effects, senders"},
)
edit(
    "interaction_step",
    check="interaction_step_values",
    why="effects without objects",
    change={
        "return object_model(objects, scatter_sum(": "return object_model(torch.zeros_like(objects), scatter_sum("
    },
)
edit(
    "interaction_step",
    check="interaction_step_values",
    why="each effect by itself",
    change={
        "scatter_sum(effects, receivers, len(objects))": "scatter_sum(effects, receivers, len(objects)).clamp(max=1)"
    },
)


@wrong(check="interaction_step_values", why="the objects come after the effects")
def interaction_step(objects, senders, receivers, relations, relation_model, object_model):
    effects = relation_model(objects[senders], objects[receivers], relations)
    return object_model(scatter_sum(effects, receivers, len(objects)), objects)


edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="one round only",
    change={"while len(set(colours)) > known:": "for _ in range(1):"},
)
edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="three rounds",
    change={"while len(set(colours)) > known:": "for _ in range(3):"},
)
edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="kinds are seen, not counted",
    change={"sorted(colours[w] for w in near[v])": "sorted({colours[w] for w in near[v]})"},
)
edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="the sum of colours",
    change={"tuple(sorted(colours[w] for w in near[v]))": "sum(colours[w] for w in near[v])"},
)
edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="the order of the edges matters",
    change={"tuple(sorted(colours[w] for w in near[v]))": "tuple(w for w in near[v])"},
)
edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="degrees alone",
    change={"(colours[v], tuple(sorted(colours[w] for w in near[v])))": "len(near[v])"},
)
edit(
    "weisfeiler_lehman",
    check="weisfeiler_lehman_values",
    why="names are colours",
    change={"[0] * count, 0": "list(range(count)), 0"},
)


@wrong(check="told_apart_values", why="each is coloured by itself, and the kinds of colours are compared")
def told_apart(one, other):
    first, second = (weisfeiler_lehman(len(g[0]), g[1], g[2]) for g in (one, other))
    return set(first) != set(second)


edit(
    "told_apart",
    check="told_apart_values",
    why="colours in the order of the nodes",
    change={
        "sorted(colours[:first]) != sorted(colours[first:])": "list(colours[:first]) != list(colours[first:])"
    },
)
edit(
    "told_apart",
    check="told_apart_values",
    why="seen, not counted",
    change={
        "sorted(colours[:first]) != sorted(colours[first:])": "set(colours[:first]) != set(colours[first:])"
    },
)
edit(
    "told_apart",
    check="told_apart_values",
    why="the other way round",
    change={
        "sorted(colours[:first]) != sorted(colours[first:])": "sorted(colours[:first]) == sorted(colours[first:])"
    },
)


@wrong(check="told_apart_values", why="counts nodes, edges and degrees")
def told_apart(one, other):
    degrees = [sorted(torch.bincount(g[2], minlength=len(g[0])).tolist()) for g in (one, other)]
    return degrees[0] != degrees[1]


@wrong(check="gcn_layer_values", why="degrees up to the last node that receives anything")
def gcn_layer(h, senders, receivers, W):
    scale = (1 + torch.bincount(receivers)).float().rsqrt()[:, None]
    z = scale * (h @ W.T)
    return scale * (z + scatter_sum(z[senders], receivers, len(h)))


@wrong(check="ggnn_values", why="a table of who hears whom, in which an edge that is there twice stands once")
def ggnn(h, senders, receivers, kinds, A, cell, steps):
    table = torch.zeros(len(A), len(h), len(h))
    table[kinds, receivers, senders] = 1.0
    for _ in range(steps):
        h = cell(torch.einsum("kvw,kij,wj->vi", table, A, h), h)
    return h
