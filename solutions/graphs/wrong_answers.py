"""The commonest mistakes in the exercises of the lab `graphs`, each with the check that must catch it."""

import torch


edits["deep_set", "deep_set_values"] = {
    "the mean": {".sum(0)": ".mean(0)"},
    "the largest": {".sum(0)": ".amax(0)"},
    "the sum comes before φ": {"(x @ W.T + b).relu().sum(0)": "(x.sum(0) @ W.T + b).relu()"},
    "no relu": {".relu()": ""},
    "relu of the sum": {".relu().sum(0)": ".sum(0).relu()"},
    "sums up the wrong axis": {"V @ (x": "V[:, :1] @ (x", ".sum(0)": ".sum(1)[:1]"},
    "c for each member": {"+ c": "+ len(x) * c"},
    "no c": {" + c": ""},
}


@wrong(check="deep_set_values", why="members one after another: the order matters")
def deep_set(x, W, b, V, c):
    z = torch.zeros(len(b))
    for member in x:
        z = torch.relu(W @ member + b) + 0.9 * z
    return V @ z + c


edits["equivariant", "equivariant_values"] = {
    "the mean": {"x.sum(0)": "x.mean(0)"},
    "others only": {"x.sum(0)": "(x.sum(0) - x)"},
    "A and B exchanged": {"x @ A.T": "x @ B.T", "@ B.T": "@ A.T"},
    "sums numbers": {"x.sum(0)": "x.sum(1, keepdim=True).expand_as(x)"},
    "one answer for all": {"x @ A.T +": "x.sum(0) @ A.T +"},
}


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


edits["message_pass", "message_pass_values"] = {
    "sender and receiver are exchanged": {"h[receivers], h[senders], e": "h[senders], h[receivers], e"},
    "back to the senders": {".relu(), receivers,": ".relu(), senders,"},
    "no relu": {".relu()": ""},
    "no bias": {" + b)": ")"},
    "edges come first": {"h[receivers], h[senders], e]": "e, h[receivers], h[senders]]"},
    "a node hears itself twice and never its neighbour": {
        "h[receivers], h[senders]": "h[receivers], h[receivers]"
    },
    "the bias once for each node": {
        "(both_and_edge @ W.T + b).relu(), receivers, len(h))": "(both_and_edge @ W.T).relu(), receivers, len(h)) + b"
    },
}


@wrong(check="message_pass_values", why="relu of the sum")
def message_pass(h, senders, receivers, e, W, b):
    messages = torch.cat([h[receivers], h[senders], e], 1) @ W.T + b
    return scatter_sum(messages, receivers, len(h)).relu()


edits["batch", "batch_values"] = {
    "names begin again at 0": {"ends + start": "ends"},
    "counted on by the graph's own size": {"sizes.cumsum(0) - sizes": "sizes.cumsum(0)"},
    "counted on by edges": {
        "(sizes.cumsum(0) - sizes).tolist()": "[sum(len(g[1]) for g in graphs[:n]) for n in range(len(graphs))]"
    },
    "counted on by the first graph alone": {
        "(sizes.cumsum(0) - sizes).tolist()": "[n * len(graphs[0][0]) for n in range(len(graphs))]"
    },
    "counts the graphs' own names on, in place": {"ends + start": "ends.add_(start)"},
    "senders stay": {"torch.cat(moved[0])": "torch.cat(senders)"},
    "receivers stay": {"torch.cat(moved[1])": "torch.cat(receivers)"},
    "sides exchanged": {
        "torch.cat(moved[0]), torch.cat(moved[1])": "torch.cat(moved[1]), torch.cat(moved[0])"
    },
    "numbers from 1": {"torch.arange(len(graphs))": "(1 + torch.arange(len(graphs)))"},
    "a number for each edge": {
        ".repeat_interleave(sizes)": ".repeat_interleave(torch.tensor([len(s) for s in senders]))"
    },
    "numbers that cannot pick anything": {"torch.arange(len(graphs))": "torch.arange(float(len(graphs)))"},
    "counted on by the graph before alone": {
        "(sizes.cumsum(0) - sizes).tolist()": "[0, *sizes[:-1].tolist()]"
    },
}


edits["gcn_layer", "gcn_layer_values"] = {
    "nobody hears itself": {
        "(z + scatter_sum(z[senders], receivers, len(h)))": "scatter_sum(z[senders], receivers, len(h))"
    },
    "degrees without oneself": {
        "(1 + scatter_sum(ones, receivers, len(h)))": "scatter_sum(ones, receivers, len(h)).clamp(min=1)"
    },
    "no root": {".rsqrt()": ".reciprocal()"},
    "a mean": {"z = scale * (h @ W.T)": "z = h @ W.T", "return scale * (": "return scale**2 * ("},
    "the sender's degree alone": {
        "z = scale * (h @ W.T)": "z = scale**2 * (h @ W.T)",
        "return scale * (": "return (",
    },
    "W is not used": {"h @ W.T": "h[:, :1].expand(-1, len(W)) + 0 * (h @ W.T)"},
    "the thread is cut": {"z[senders]": "z[senders].detach()"},
}


edits["ggnn", "ggnn_values"] = {
    "each step from the first states": {
        "h = cell(": "after = cell(",
        "    for _": "    after = h\n    for _",
        "return h": "return after",
    },
    "the first kind's matrix for all": {"A[kinds]": "A[torch.zeros_like(kinds)]"},
    "matrices turned over": {"eij,ej->ei": "eij,ei->ej"},
    "the cell is given state and message": {
        "cell(scatter_sum(messages, receivers, len(h)), h)": "cell(h, scatter_sum(messages, receivers, len(h)))"
    },
    "the receiver's own state": {"h[senders]": "h[receivers]"},
    "messages to the senders": {"messages, receivers": "messages, senders"},
    "one step too many": {"range(steps)": "range(steps + 1)"},
    "one step only": {"range(steps)": "range(min(steps, 1))"},
}


@wrong(check="ggnn_values", why="who hears nothing is left out")
def ggnn(h, senders, receivers, kinds, A, cell, steps):
    hears = torch.isin(torch.arange(len(h)), receivers)[:, None]
    for _ in range(steps):
        messages = torch.einsum("eij,ej->ei", A[kinds], h[senders])
        h = torch.where(hears, cell(scatter_sum(messages, receivers, len(h)), h), h)
    return h


edits["interaction_step", "interaction_step_values"] = {
    "sender and receiver exchanged": {
        "objects[senders], objects[receivers]": "objects[receivers], objects[senders]"
    },
    "effects on the senders": {"effects, receivers": "effects, senders"},
    "effects without objects": {
        "return object_model(objects, scatter_sum(": "return object_model(torch.zeros_like(objects), scatter_sum("
    },
    "each effect by itself": {
        "scatter_sum(effects, receivers, len(objects))": "scatter_sum(effects, receivers, len(objects)).clamp(max=1)"
    },
}


@wrong(check="interaction_step_values", why="the objects come after the effects")
def interaction_step(objects, senders, receivers, relations, relation_model, object_model):
    effects = relation_model(objects[senders], objects[receivers], relations)
    return object_model(scatter_sum(effects, receivers, len(objects)), objects)


edits["weisfeiler_lehman", "weisfeiler_lehman_values"] = {
    "one round only": {"while len(set(colours)) > known:": "for _ in range(1):"},
    "three rounds": {"while len(set(colours)) > known:": "for _ in range(3):"},
    "kinds are seen, not counted": {
        "sorted(colours[w] for w in near[v])": "sorted({colours[w] for w in near[v]})"
    },
    "the sum of colours": {"tuple(sorted(colours[w] for w in near[v]))": "sum(colours[w] for w in near[v])"},
    "the order of the edges matters": {
        "tuple(sorted(colours[w] for w in near[v]))": "tuple(w for w in near[v])"
    },
    "degrees alone": {"(colours[v], tuple(sorted(colours[w] for w in near[v])))": "len(near[v])"},
    "names are colours": {"[0] * count, 0": "list(range(count)), 0"},
}


@wrong(check="told_apart_values", why="each is coloured by itself, and the kinds of colours are compared")
def told_apart(one, other):
    first, second = (weisfeiler_lehman(len(g[0]), g[1], g[2]) for g in (one, other))
    return set(first) != set(second)


edits["told_apart", "told_apart_values"] = {
    "colours in the order of the nodes": {
        "sorted(colours[:first]) != sorted(colours[first:])": "list(colours[:first]) != list(colours[first:])"
    },
    "seen, not counted": {
        "sorted(colours[:first]) != sorted(colours[first:])": "set(colours[:first]) != set(colours[first:])"
    },
    "the other way round": {
        "sorted(colours[:first]) != sorted(colours[first:])": "sorted(colours[:first]) == sorted(colours[first:])"
    },
}


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
