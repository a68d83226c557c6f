"""Other correct ways to solve the exercises of the lab `memory`."""

import torch


import torch.nn.functional as F


@right(why="two plain loops")
def position_encoding(words, d):
    weights = torch.zeros(words, d)
    for j in range(words):
        for k in range(d):
            weights[j, k] = (1 - (j + 1) / words) - (k + 1) / d * (1 - 2 * (j + 1) / words)
    return weights


@right(why="one-hot vectors, the first of them left out")
def encode(sentences, table, weights):
    hot = F.one_hot(sentences, len(table)).to(table.dtype)[..., 1:]
    return torch.einsum("...jv,vd,jd->...d", hot, table[1:], weights)


@right(why="a loop over words")
def encode(sentences, table, weights):
    total = 0
    for j in range(sentences.shape[-1]):
        code = sentences[..., j]
        total = total + F.embedding(code, table) * weights[j] * (code != 0).unsqueeze(-1)
    return total


@right(why="as a sum of new and old")
def last_state(cell, xs, there, h):
    for n in range(xs.shape[1]):
        read = there[:, n, None].to(h.dtype)
        h = read * cell(xs[:, n], h) + (1 - read) * h
    return h


@right(why="row by row, only what is there")
def last_state(cell, xs, there, h):
    last = []
    for row in range(len(xs)):
        state = h[row : row + 1]
        for n in range(xs.shape[1]):
            if there[row, n]:
                state = cell(xs[row : row + 1, n], state)
        last.append(state)
    return torch.cat(last)


@right(why="PyTorch's attention, and the weights by einsum")
def hop(u, m, c, there):
    mask = torch.zeros(there.shape).masked_fill(there.logical_not(), float("-inf"))
    p = torch.softmax(torch.einsum("bd,bmd->bm", u, m) + mask, dim=1)
    return [u + torch.einsum("bm,bmd->bd", p, c), p]


@right(why="a very low score, and sums of products")
def hop(u, m, c, there):
    scores = (m * u.unsqueeze(1)).sum(2)
    p = torch.where(there, scores, torch.full_like(scores, -1e9)).softmax(dim=1)
    return u + (p.unsqueeze(2) * c).sum(1), p


@right(why="encodes the sentences of each story, hop by hop")
def answer(sentences, story, question, tables, times):
    weights = position_encoding(sentences.shape[1], tables.shape[2])
    u = encode(sentences[question], tables[0], weights)
    attention = []
    for k in range(len(tables) - 1):
        m = encode(sentences[story], tables[k], weights) + times[k]
        c = encode(sentences[story], tables[k + 1], weights) + times[k + 1]
        u, p = hop(u, m, c, story != 0)
        attention.append(p)
    return torch.einsum("bd,vd->bv", u, tables[-1]), torch.stack(attention, 1)


@right(why="normalised vectors")
def content(memory, key, strength):
    alike = torch.einsum("bnw,bw->bn", F.normalize(memory, dim=2), F.normalize(key, dim=1))
    return torch.softmax(alike * strength.unsqueeze(1), dim=1)


@right(why="a padded ring and slices")
def shift(w, s):
    ring = torch.cat([w[:, -1:], w, w[:, :1]], dim=1)
    n = w.shape[1]
    return sum(s[:, k : k + 1] * ring[:, 2 - k : 2 - k + n] for k in range(3))


@right(why="the library's convolution, a group a row")
def shift(w, s):
    ring = F.pad(w[None], (1, 1), mode="circular")
    return F.conv1d(ring, s.flip(1)[:, None], groups=len(w))[0]


@right(why="PyTorch's power, which knows its slopes at 0")
def sharpen(w, gamma):
    power = w ** gamma[:, None]
    return power / power.sum(1, keepdim=True)


@right(why="a softmax of logarithms")
def sharpen(w, gamma):
    return (gamma.unsqueeze(1) * torch.log(w + 1e-9)).softmax(dim=1)


@right(why="the library's normalising")
def sharpen(w, gamma):
    return F.normalize(torch.pow(w.clamp_min(1e-7), gamma.reshape(-1, 1)), p=1, dim=1)


@right(why="outer products by einsum")
def write(memory, w, erase, add):
    return memory - memory * torch.einsum("bn,bw->bnw", w, erase) + torch.einsum("bn,bw->bnw", w, add)


@right(why="first attention of all steps, then the tape")
def tape(shifts, gammas, erase, add, slots):
    b, t, width = erase.shape
    attention = []
    for head in range(2):
        w = torch.zeros(b, slots)
        w[:, 0] = 1
        places = []
        for n in range(t):
            w = sharpen(shift(w, shifts[:, n, head]), gammas[:, n, head])
            places.append(w)
        attention.append(places)
    memory, reads = torch.zeros(b, slots, width), torch.zeros(b, t, width)
    for n in range(t):
        memory = write(memory, attention[0][n], erase[:, n], add[:, n])
        reads[:, n] = torch.einsum("bn,bnw->bw", attention[1][n], memory)
    return reads
