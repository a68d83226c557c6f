"""Other correct ways to solve the exercises of the lab `recurrence`."""

import math


import torch


import torch.nn.functional as F


@right(why="plain dictionaries, context by context")
def counts(text, n):
    table = {}
    for length in range(n):
        for start in range(len(text) - length):
            context, character = text[start : start + length], text[start + length]
            seen = table.setdefault(context, {})
            seen[character] = seen.get(character, 0) + 1
    return {context: Counter(seen) for context, seen in table.items()}


@right(why="asks a Counter for what it has not counted")
def smoothed(table, context, alphabet, n):
    p = {c: 1 / len(alphabet) for c in alphabet}
    for length in range(min(n - 1, len(context)) + 1):
        h = context[len(context) - length :]
        if h in table:
            total, kinds = sum(table[h].values()), len(table[h])
            p = {c: (table[h][c] + kinds * p[c]) / (total + kinds) for c in alphabet}
    return p


@right(why="recursion from the longest context to none")
def smoothed(table, context, alphabet, n):
    def p(h):
        shorter = p(h[1:]) if h else {c: 1 / len(alphabet) for c in alphabet}
        if h not in table or not table[h]:
            return shorter
        total, kinds = sum(table[h].values()), len(table[h])
        return {c: (table[h].get(c, 0) + kinds * shorter[c]) / (total + kinds) for c in alphabet}

    return p(context[max(0, len(context) - n + 1) :] if n > 1 else "")


@right(why="one-hot vectors times the table")
def embed(codes, table):
    return F.one_hot(codes, len(table)).to(table.dtype) @ table


@right(why="the library's")
def embed(codes, table):
    return F.embedding(codes, table)


@right(why="one-hot vectors, turned over, times the gradients")
def embed_gradient(codes, upstream, count):
    return torch.einsum("btk,btd->kd", F.one_hot(codes, count).float(), upstream)


@right(why="a plain loop")
def embed_gradient(codes, upstream, count):
    gradient = torch.zeros(count, upstream.shape[2])
    for row, slopes in zip(codes, upstream):
        for code, slope in zip(row, slopes):
            gradient[code] = gradient[code] + slope
    return gradient


@right(why="as linear layers")
def rnn_step(x, h, W, U, b):
    return torch.tanh(F.linear(x, W, b) + F.linear(h, U))


@right(why="one product of both, side by side")
def rnn_step(x, h, W, U, b):
    return (torch.cat([x, h], 1) @ torch.cat([W, U], 1).mT + b).tanh()


@right(why="filled place by place")
def unroll(xs, h, W, U, b):
    out = torch.zeros(xs.shape[0], xs.shape[1], h.shape[1])
    for t in range(xs.shape[1]):
        h = rnn_step(xs[:, t], h, W, U, b)
        out[:, t] = h
    return out


@right(why="one long vector, and an if")
def clip(gradients, most=5.0):
    norm = torch.cat([g.reshape(-1) for g in gradients]).pow(2).sum().sqrt()
    return [g / norm * most for g in gradients] if norm > most else list(gradients)


@right(why="slices")
def lstm_step(x, h, c, W, U, b):
    n = h.shape[1]
    z = F.linear(x, W, b) + F.linear(h, U)
    i, f, o = (torch.sigmoid(z[:, k * n : (k + 1) * n]) for k in (0, 1, 3))
    memory = f * c + i * torch.tanh(z[:, 2 * n : 3 * n])
    return o * torch.tanh(memory), memory


@right(why="a list of both")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = torch.split(W.matmul(x.T).T + U.matmul(h.T).T + b, h.shape[1], dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return [torch.sigmoid(o) * torch.tanh(c), c]


@right(why="the library's cross entropy")
def nats(scores, codes):
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), codes.reshape(-1))


@right(why="logsumexp by hand")
def nats(scores, codes):
    right = torch.gather(scores, 2, codes.unsqueeze(2)).squeeze(2)
    return (torch.logsumexp(scores, 2) - right).mean()


@right(why="places of the highest, filled into nothing")
def chances(scores, temperature=1.0, top=None):
    if top is None:
        return torch.softmax(scores / temperature, -1)
    best = scores.topk(top, dim=-1)
    p = torch.softmax(best.values / temperature, -1)
    return torch.zeros_like(scores).scatter(-1, best.indices, p)


@right(why="the temperature first")
def chances(scores, temperature=1.0, top=None):
    scores = scores / temperature
    if top is not None:
        ranks = scores.argsort(-1, descending=True).argsort(-1)
        scores = torch.where(ranks < top, scores, torch.tensor(-math.inf))
    return torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True))


@right(why="reads the prompt first, grows one tensor")
def write(step, prompt, count, choose):
    codes = prompt
    scores, state = step(prompt, None)
    for n in range(count):
        codes = torch.cat([codes, choose(scores[:, -1, :]).reshape(-1, 1)], 1)
        if n + 1 < count:
            scores, state = step(codes[:, -1:], state)
    return codes
