"""The commonest mistakes in the exercises of the lab `recurrence`, each with the check that must catch it."""

import torch


edits["counts", "counts_values"] = {
    "one character too long": {"range(min(n, t + 1))": "range(min(n + 1, t + 1))"},
    "no empty context": {"range(min(n, t + 1))": "range(1, min(n, t + 1))"},
    "the longest contexts alone": {"range(min(n, t + 1))": "[n - 1] if t >= n - 1 else []"},
    "contexts wrap round at the beginning": {
        "text[t - length : t]": "(text + text)[len(text) + t - length : len(text) + t]",
        "range(min(n, t + 1))": "range(n)",
    },
    "sees, does not count": {"+= 1": "= 1"},
}


edits["smoothed", "smoothed_values"] = {
    "counts alone": {"kinds * share": "0", "(total + kinds)": "total"},
    "the empty context is left out": {
        "range(min(n, len(context) + 1))": "range(1, min(n, len(context) + 1))"
    },
    "one character too few": {"range(min(n, len(context) + 1))": "range(min(n - 1, len(context) + 1))"},
    "contexts from the beginning of the text": {"context[len(context) - length :]": "context[:length]"},
    "context[-0:] is everything": {"context[len(context) - length :]": "context[-length:]"},
    "counts everything as kinds": {"sum(seen.values()), len(seen)": "sum(seen.values()), sum(seen.values())"},
    "begins with nothing": {"1 / len(alphabet)": "0.0"},
    "only characters that were seen": {"for c, share in p.items()": "for c, share in p.items() if c in seen"},
    "the longest first": {
        "for length in range(min(n, len(context) + 1))": "for length in reversed(range(min(n, len(context) + 1)))"
    },
}


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


edits["rnn_step", "rnn_step_values"] = {
    "no bias": {" + b)": ")"},
    "no state": {" + h @ U.T": ""},
    "U is turned over": {"h @ U.T": "h @ U"},
    "no tanh": {"torch.tanh(x @ W.T + h @ U.T + b)": "x @ W.T + h @ U.T + b"},
    "a sigmoid": {"torch.tanh": "torch.sigmoid"},
    "tanh of the parts": {
        "torch.tanh(x @ W.T + h @ U.T + b)": "torch.tanh(x @ W.T + b) + torch.tanh(h @ U.T)"
    },
}


edits["unroll", "unroll_values"] = {
    "each step from the first state": {
        "h = rnn_step(x, h, W, U, b)\n        states.append(h)": "states.append(rnn_step(x, h, W, U, b))"
    },
    "the last state alone": {"return torch.stack(states, dim=1)": "return h"},
    "places come first": {"torch.stack(states, dim=1)": "torch.stack(states)"},
    "rows are taken for places": {"xs.unbind(1)": "xs.transpose(0, 1).unbind(1)"},
    "begins with a state of 0": {"    states = []": "    states = []\n    h = torch.zeros_like(h)"},
    "the thread is cut at every step": {"states.append(h)": "states.append(h)\n        h = h.detach()"},
    "the state before each place": {
        "h = rnn_step(x, h, W, U, b)\n        states.append(h)": "states.append(h)\n        h = rnn_step(x, h, W, U, b)"
    },
}


@wrong(check="clip_values", why="each by itself")
def clip(gradients, most=5.0):
    return [g * (most / g.norm().clamp(min=most)) for g in gradients]


@wrong(check="clip_values", why="each number is cut")
def clip(gradients, most=5.0):
    return [g.clamp(-most, most) for g in gradients]


edits["clip", "clip_values"] = {
    "short ones are made longer": {"norm.clamp(min=most)": "norm"},
    "the sum of norms": {"for gradient in gradients]).norm()": "for gradient in gradients]).sum()"},
    "always at most 5": {"(most / norm.clamp(min=most))": "(5.0 / norm.clamp(min=5.0))"},
    "divides by the norm alone": {"(most / norm.clamp(min=most))": "(1 / norm.clamp(min=most))"},
}


edits["lstm_step", "lstm_step_values"] = {
    "memory and state exchanged": {"return o.sigmoid() * c.tanh(), c": "return c, o.sigmoid() * c.tanh()"},
    "i and f exchanged": {"i, f, g, o =": "f, i, g, o ="},
    "g and o exchanged": {"i, f, g, o =": "i, f, o, g ="},
    "the candidate is no tanh": {"g.tanh()": "g.sigmoid()"},
    "the memory is shown as it is": {"o.sigmoid() * c.tanh()": "o.sigmoid() * c"},
    "the state of the old memory": {
        "    c = f.sigmoid()": "    old = c\n    c = f.sigmoid()",
        "o.sigmoid() * c.tanh(), c": "o.sigmoid() * old.tanh(), c",
    },
    "nothing is forgotten": {"f.sigmoid() * c": "c"},
    "i is 1 - f": {"i.sigmoid() *": "(1 - f.sigmoid()) *"},
    "the state is not read": {" + h @ U.T": ""},
    "the memory's thread is cut": {"f.sigmoid() * c +": "f.sigmoid() * c.detach() +"},
    "parts along the rows": {".chunk(4, dim=1)": ".T.reshape(-1, 4, len(x)).permute(1, 2, 0)"},
}


edits["nats", "nats_values"] = {
    "the sign is missing": {"return -scores": "return scores"},
    "bits": {".mean()": ".mean() / 0.6931471805599453"},
    "a sum": {".mean()": ".sum()"},
    "the sum over places, the mean over rows": {
        "gather(-1, codes[..., None]).mean()": "gather(-1, codes[..., None]).sum(1).mean()"
    },
    "infinite where it is sure and wrong": {"log_softmax(-1)": "softmax(-1).log()"},
    "a softmax over places": {"log_softmax(-1)": "log_softmax(1)"},
    "scores as they are": {".log_softmax(-1)": ""},
    "a plain number": {".mean()": ".mean().item()"},
}


edits["chances", "chances_values"] = {
    "multiplies by the temperature": {"scores / temperature": "scores * temperature"},
    "the others have a score of 0": {"-math.inf": "0.0"},
    "divides the chances": {"(scores / temperature).softmax(-1)": "scores.softmax(-1) / temperature"},
    "the k-th itself has none": {"scores < least": "scores <= least"},
    "the least of all rows": {"values[..., -1:]": "values[..., -1:].amin()"},
}


@wrong(check="chances_values", why="chooses behind the softmax")
def chances(scores, temperature=1.0, top=None):
    p = (scores / temperature).softmax(-1)
    return p if top is None else p * (scores >= scores.topk(top, dim=-1).values[..., -1:])


edits["write", "write_values"] = {
    "reads all again, from the state behind it": {
        "read = choose(scores[:, -1])[:, None]": "read = torch.cat([read, choose(scores[:, -1])[:, None]], dim=1)",
        "written.append(read)": "written.append(read[:, -1:])",
    },
    "forgets the state": {"step(read, state)": "step(read, None)"},
    "the scores of the first place": {"scores[:, -1]": "scores[:, 0]"},
    "leaves the prompt out": {
        "written, read, state = [prompt], prompt, None": "written, read, state = [], prompt, None"
    },
    "one too few": {"range(count)": "range(count - 1)"},
    "begins with the prompt's last character": {
        "written, read, state = [prompt], prompt, None": "written, read, state = [prompt], prompt[:, -1:], None"
    },
}


@wrong(check="write_values", why="never reads what it wrote")
def write(step, prompt, count, choose):
    written = [prompt]
    for _ in range(count):
        written.append(choose(step(prompt, None)[0][:, -1])[:, None])
    return torch.cat(written, 1)
