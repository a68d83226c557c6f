"""The commonest mistakes in the exercises of the lab `recurrence`, each with the check that must catch it."""

import torch

edit(
    "counts",
    check="counts_values",
    why="one character too long",
    change={"range(min(n, t + 1))": "range(min(n + 1, t + 1))"},
)
edit(
    "counts",
    check="counts_values",
    why="no empty context",
    change={"range(min(n, t + 1))": "range(1, min(n, t + 1))"},
)
edit(
    "counts",
    check="counts_values",
    why="the longest contexts alone",
    change={"range(min(n, t + 1))": "[n - 1] if t >= n - 1 else []"},
)
edit(
    "counts",
    check="counts_values",
    why="contexts wrap round at the beginning",
    change={
        "text[t - length : t]": "(text + text)[len(text) + t - length : len(text) + t]",
        "range(min(n, t + 1))": "range(n)",
    },
)
edit("counts", check="counts_values", why="sees, does not count", change={"+= 1": "= 1"})


edit(
    "smoothed",
    check="smoothed_values",
    why="counts alone",
    change={"kinds * share": "0", "(total + kinds)": "total"},
)
edit(
    "smoothed",
    check="smoothed_values",
    why="the empty context is left out",
    change={"range(min(n, len(context) + 1))": "range(1, min(n, len(context) + 1))"},
)
edit(
    "smoothed",
    check="smoothed_values",
    why="one character too few",
    change={"range(min(n, len(context) + 1))": "range(min(n - 1, len(context) + 1))"},
)
edit(
    "smoothed",
    check="smoothed_values",
    why="contexts from the beginning of the text",
    change={"context[len(context) - length :]": "context[:length]"},
)
edit(
    "smoothed",
    check="smoothed_values",
    why="context[-0:] is everything",
    change={"context[len(context) - length :]": "context[-length:]"},
)
edit(
    "smoothed",
    check="smoothed_values",
    why="counts everything as kinds",
    change={"sum(seen.values()), len(seen)": "sum(seen.values()), sum(seen.values())"},
)


@wrong(check="smoothed_values", why="writes what it finds into the table's own counts")
def smoothed(table, context, alphabet, n):
    p = dict.fromkeys(alphabet, 1 / len(alphabet))
    for length in range(min(n, len(context) + 1)):
        h = context[len(context) - length :]
        if h in table:
            total, kinds = sum(table[h].values()), len(table[h])
            for c in alphabet:
                table[h][c] = (table[h][c] + kinds * p[c]) / (total + kinds)
            p = table[h]
    return p


edit("smoothed", check="smoothed_values", why="begins with nothing", change={"1 / len(alphabet)": "0.0"})
edit(
    "smoothed",
    check="smoothed_values",
    why="only characters that were seen",
    change={"for c, share in p.items()": "for c, share in p.items() if c in seen"},
)
edit(
    "smoothed",
    check="smoothed_values",
    why="the longest first",
    change={
        "for length in range(min(n, len(context) + 1))": "for length in reversed(range(min(n, len(context) + 1)))"
    },
)


@wrong(check="embed_values", why="a product with one-hot vectors that has no way back to the table")
def embed(codes, table):
    return torch.nn.functional.one_hot(codes, len(table)).float() @ table.detach()


@wrong(check="embed_values", why="columns instead of rows")
def embed(codes, table):
    return table.T[codes % table.shape[1]]


@wrong(check="embed_gradient_values", why="a row that is named twice is written once")
def embed_gradient(codes, upstream, count):
    gradient = torch.zeros(count, upstream.shape[-1])
    gradient[codes] += upstream
    return gradient


@wrong(check="embed_gradient_values", why="the mean over the places that took a row")
def embed_gradient(codes, upstream, count):
    one_hot = torch.nn.functional.one_hot(codes.flatten(), count).float()
    return one_hot.T @ upstream.flatten(0, 1) / one_hot.sum(0).clamp(min=1)[:, None]


@wrong(check="embed_gradient_values", why="as many rows as the largest code needs")
def embed_gradient(codes, upstream, count):
    one_hot = torch.nn.functional.one_hot(codes.flatten()).float()
    return one_hot.T @ upstream.flatten(0, 1)


edit("rnn_step", check="rnn_step_values", why="no bias", change={" + b)": ")"})
edit("rnn_step", check="rnn_step_values", why="no state", change={" + h @ U.T": ""})
edit("rnn_step", check="rnn_step_values", why="U is turned over", change={"h @ U.T": "h @ U"})
edit(
    "rnn_step",
    check="rnn_step_values",
    why="no tanh",
    change={"torch.tanh(x @ W.T + h @ U.T + b)": "x @ W.T + h @ U.T + b"},
)
edit("rnn_step", check="rnn_step_values", why="a sigmoid", change={"torch.tanh": "torch.sigmoid"})
edit(
    "rnn_step",
    check="rnn_step_values",
    why="tanh of the parts",
    change={"torch.tanh(x @ W.T + h @ U.T + b)": "torch.tanh(x @ W.T + b) + torch.tanh(h @ U.T)"},
)

edit(
    "unroll",
    check="unroll_values",
    why="each step from the first state",
    change={
        "h = rnn_step(x, h, W, U, b)\n        states.append(h)": "states.append(rnn_step(x, h, W, U, b))"
    },
)
edit(
    "unroll",
    check="unroll_values",
    why="the last state alone",
    change={"return torch.stack(states, dim=1)": "return h"},
)
edit(
    "unroll",
    check="unroll_values",
    why="places come first",
    change={"torch.stack(states, dim=1)": "torch.stack(states)"},
)
edit(
    "unroll",
    check="unroll_values",
    why="rows are taken for places",
    change={"xs.unbind(1)": "xs.transpose(0, 1).unbind(1)"},
)
edit(
    "unroll",
    check="unroll_values",
    why="begins with a state of 0",
    change={"    states = []": "    states = []\n    h = torch.zeros_like(h)"},
)
edit(
    "unroll",
    check="unroll_values",
    why="the thread is cut at every step",
    change={"states.append(h)": "states.append(h)\n        h = h.detach()"},
)
edit(
    "unroll",
    check="unroll_values",
    why="the state before each place",
    change={
        "h = rnn_step(x, h, W, U, b)\n        states.append(h)": "states.append(h)\n        h = rnn_step(x, h, W, U, b)"
    },
)


@wrong(check="clip_values", why="each by itself")
def clip(gradients, most=5.0):
    return [g * (most / g.norm().clamp(min=most)) for g in gradients]


@wrong(check="clip_values", why="each number is cut")
def clip(gradients, most=5.0):
    return [g.clamp(-most, most) for g in gradients]


edit("clip", check="clip_values", why="short ones are made longer", change={"norm.clamp(min=most)": "norm"})
edit(
    "clip",
    check="clip_values",
    why="the sum of norms",
    change={"for gradient in gradients]).norm()": "for gradient in gradients]).sum()"},
)
edit(
    "clip",
    check="clip_values",
    why="always at most 5",
    change={"(most / norm.clamp(min=most))": "(5.0 / norm.clamp(min=5.0))"},
)
edit(
    "clip",
    check="clip_values",
    why="divides by the norm alone",
    change={"(most / norm.clamp(min=most))": "(1 / norm.clamp(min=most))"},
)


edit(
    "lstm_step",
    check="lstm_step_values",
    why="memory and state exchanged",
    change={"return o.sigmoid() * c.tanh(), c": "return c, o.sigmoid() * c.tanh()"},
)
edit("lstm_step", check="lstm_step_values", why="i and f exchanged", change={"i, f, g, o =": "f, i, g, o ="})
edit("lstm_step", check="lstm_step_values", why="g and o exchanged", change={"i, f, g, o =": "i, f, o, g ="})
edit(
    "lstm_step", check="lstm_step_values", why="the candidate is no tanh", change={"g.tanh()": "g.sigmoid()"}
)
edit(
    "lstm_step",
    check="lstm_step_values",
    why="the memory is shown as it is",
    change={"o.sigmoid() * c.tanh()": "o.sigmoid() * c"},
)
edit(
    "lstm_step",
    check="lstm_step_values",
    why="the state of the old memory",
    change={
        "    c = f.sigmoid()": "    old = c\n    c = f.sigmoid()",
        "o.sigmoid() * c.tanh(), c": "o.sigmoid() * old.tanh(), c",
    },
)
edit("lstm_step", check="lstm_step_values", why="nothing is forgotten", change={"f.sigmoid() * c": "c"})
edit("lstm_step", check="lstm_step_values", why="i is 1 - f", change={"i.sigmoid() *": "(1 - f.sigmoid()) *"})
edit("lstm_step", check="lstm_step_values", why="the state is not read", change={" + h @ U.T": ""})
edit(
    "lstm_step",
    check="lstm_step_values",
    why="the memory's thread is cut",
    change={"f.sigmoid() * c +": "f.sigmoid() * c.detach() +"},
)
edit(
    "lstm_step",
    check="lstm_step_values",
    why="parts along the rows",
    change={".chunk(4, dim=1)": ".T.reshape(-1, 4, len(x)).permute(1, 2, 0)"},
)

edit("nats", check="nats_values", why="the sign is missing", change={"return -scores": "return scores"})
edit("nats", check="nats_values", why="bits", change={".mean()": ".mean() / 0.6931471805599453"})
edit("nats", check="nats_values", why="a sum", change={".mean()": ".sum()"})
edit(
    "nats",
    check="nats_values",
    why="the sum over places, the mean over rows",
    change={"gather(-1, codes[..., None]).mean()": "gather(-1, codes[..., None]).sum(1).mean()"},
)
edit(
    "nats",
    check="nats_values",
    why="infinite where it is sure and wrong",
    change={"log_softmax(-1)": "softmax(-1).log()"},
)
edit("nats", check="nats_values", why="a softmax over places", change={"log_softmax(-1)": "log_softmax(1)"})
edit("nats", check="nats_values", why="scores as they are", change={".log_softmax(-1)": ""})
edit("nats", check="nats_values", why="a plain number", change={".mean()": ".mean().item()"})

edit(
    "chances",
    check="chances_values",
    why="multiplies by the temperature",
    change={"scores / temperature": "scores * temperature"},
)
edit("chances", check="chances_values", why="the others have a score of 0", change={"-math.inf": "0.0"})
edit(
    "chances",
    check="chances_values",
    why="divides the chances",
    change={"(scores / temperature).softmax(-1)": "scores.softmax(-1) / temperature"},
)


@wrong(check="chances_values", why="chooses behind the softmax")
def chances(scores, temperature=1.0, top=None):
    p = (scores / temperature).softmax(-1)
    return p if top is None else p * (scores >= scores.topk(top, dim=-1).values[..., -1:])


edit(
    "chances",
    check="chances_values",
    why="the k-th itself has none",
    change={"scores < least": "scores <= least"},
)
edit(
    "chances",
    check="chances_values",
    why="the least of all rows",
    change={"values[..., -1:]": "values[..., -1:].amin()"},
)


edit(
    "write",
    check="write_values",
    why="reads all again, from the state behind it",
    change={
        "read = choose(scores[:, -1])[:, None]": "read = torch.cat([read, choose(scores[:, -1])[:, None]], dim=1)",
        "written.append(read)": "written.append(read[:, -1:])",
    },
)
edit("write", check="write_values", why="forgets the state", change={"step(read, state)": "step(read, None)"})
edit(
    "write",
    check="write_values",
    why="the scores of the first place",
    change={"scores[:, -1]": "scores[:, 0]"},
)
edit(
    "write",
    check="write_values",
    why="leaves the prompt out",
    change={"written, read, state = [prompt], prompt, None": "written, read, state = [], prompt, None"},
)
edit("write", check="write_values", why="one too few", change={"range(count)": "range(count - 1)"})


@wrong(check="write_values", why="never reads what it wrote")
def write(step, prompt, count, choose):
    written = [prompt]
    for _ in range(count):
        written.append(choose(step(prompt, None)[0][:, -1])[:, None])
    return torch.cat(written, 1)


edit(
    "write",
    check="write_values",
    why="begins with the prompt's last character",
    change={
        "written, read, state = [prompt], prompt, None": "written, read, state = [prompt], prompt[:, -1:], None"
    },
)
