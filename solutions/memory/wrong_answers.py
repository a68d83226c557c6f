"""Mistakes that the checks of the lab `memory` must see."""

import torch


import torch.nn.functional as F


edits["position_encoding", "position_encoding_values"] = {
    "words are counted from 0": {"torch.arange(1, words + 1)[:, None]": "torch.arange(words)[:, None]"},
    "numbers are counted from 0": {"torch.arange(1, d + 1)": "torch.arange(d)"},
    "plus for minus": {"(1 - j) - k": "(1 - j) + k"},
}


@wrong(check="position_encoding_values", why="rows are numbers")
def position_encoding(words, d):
    j, k = torch.arange(1, words + 1) / words, torch.arange(1, d + 1)[:, None] / d
    return (1 - j) - k * (1 - 2 * j)


edits["encode", "encode_values"] = {
    "no word counts as a word": {" * (sentences > 0)[..., None]": ""},
    "places do not count": {"(words * weights).sum(-2)": "words.sum(-2)"},
    "the mean": {".sum(-2)": ".mean(-2)"},
    "the sum over numbers": {".sum(-2)": ".sum(-1)"},
    "the thread is cut": {"table[sentences]": "table.detach()[sentences]"},
}


edits["last_state", "last_state_values"] = {
    "reads what is not there": {"torch.where(read[:, None], cell(x, h), h)": "cell(x, h)"},
    "reads 0 at an empty place": {"torch.where(read[:, None], cell(x, h), h)": "cell(x * read[:, None], h)"},
    "begins anew at an empty place": {"cell(x, h), h)": "cell(x, h), torch.zeros_like(h))"},
    "begins with 0": {"    for x, read": "    h = torch.zeros_like(h)\n    for x, read"},
    "the other way round": {"cell(x, h), h)": "h, cell(x, h))"},
}


@wrong(check="last_state_values", why="stops at the first empty place of any row")
def last_state(cell, xs, there, h):
    for n in range(xs.shape[1]):
        if not there[:, n].all():
            break
        h = cell(xs[:, n], h)
    return h


edits["hop", "hop_values"] = {
    "what is not there gets attention": {".masked_fill(~there, -torch.inf)": ""},
    "its score is 0": {"-torch.inf": "0.0"},
    "its score is low, but not below all": {"-torch.inf": "-100.0"},
    "the mask is turned over": {"~there": "there"},
    "u is missing": {"return u + (p": "return (p"},
    "m is summed": {"p[:, None] @ c": "p[:, None] @ m"},
    "divided by the root of D": {"[..., 0]  #": "[..., 0] / u.shape[1] ** 0.5  #"},
    "attention and answer exchanged": {
        "return u + (p[:, None] @ c)[:, 0], p": "return p, u + (p[:, None] @ c)[:, 0]"
    },
}


@wrong(check="hop_values", why="leaves out behind the softmax")
def hop(u, m, c, there):
    p = torch.einsum("bd,bmd->bm", u, m).softmax(1) * there
    return u + torch.einsum("bm,bmd->bd", p, c), p


@wrong(check="hop_values", why="exponentials that overflow")
def hop(u, m, c, there):
    p = torch.einsum("bd,bmd->bm", u, m).exp() * there
    p = p / p.sum(1, keepdim=True)
    return u + torch.einsum("bm,bmd->bd", p, c), p


@wrong(check="hop_values", why="leaves out behind the softmax, and adds a little to the sum")
def hop(u, m, c, there):
    p = torch.einsum("bd,bmd->bm", u, m).softmax(1) * there
    p = p / (p.sum(1, keepdim=True) + 1e-8)
    return u + torch.einsum("bm,bmd->bd", p, c), p


edits["answer", "answer_values"] = {
    "no times": {"v[story] + time for v": "v[story] for v"},
    "the first table scores": {"tables[-1].T": "tables[0].T"},
    "c from the same table as m": {"in pairwise(memories)": "in zip(memories[:-1], memories)"},
    "the last table encodes the question": {"vectors[0][question]": "vectors[-1][question]"},
    "all memories are there": {"story > 0)": "story >= 0)"},
    "hops do not build on each other": {"u, p = hop(u, m, c": "u, p = hop(vectors[0][question], m, c"},
    "hops come first": {"torch.stack(looked, dim=1)": "torch.stack(looked)"},
    "places of words do not count": {
        "encode(sentences, table, weights)": "encode(sentences, table, torch.ones_like(weights))"
    },
}


edits["content", "content_values"] = {
    "a product, no cosine": {
        "F.cosine_similarity(memory, key[:, None], dim=-1)": "(memory * key[:, None]).sum(-1)"
    },
    "no strength": {"strength[:, None] * alike": "alike"},
    "no softmax": {".softmax(-1)": ""},
    "the key's length counts": {
        "F.cosine_similarity(memory, key[:, None], dim=-1)": "(memory * key[:, None]).sum(-1) / memory.norm(dim=-1)"
    },
    "a softmax over keys": {".softmax(-1)": ".softmax(0)"},
}


edits["shift", "shift_values"] = {
    "the other way round": {"w.roll(-1, 1)": "w.roll(1, 1)", "* w.roll(1, 1)": "* w.roll(-1, 1)"},
    "along the rows": {"w.roll(-1, 1)": "w.roll(-1, 0)", "* w.roll(1, 1)": "* w.roll(1, 0)"},
}


@wrong(check="shift_values", why="what leaves the tape is lost")
def shift(w, s):
    wide = F.pad(w, (1, 1))
    return s[:, :1] * wide[:, 2:] + s[:, 1:2] * w + s[:, 2:] * wide[:, :-2]


@wrong(check="shift_values", why="every head with the first one's shares")
def shift(w, s):
    return s[0, 0] * w.roll(-1, 1) + s[0, 1] * w + s[0, 2] * w.roll(1, 1)


edits["sharpen", "sharpen_values"] = {
    "does not add up to 1": {"return power / power.sum(1, keepdim=True)": "return power"},
    "the sum of all rows": {"power.sum(1, keepdim=True)": "power.sum()"},
    "a product": {"** gamma[:, None]": "* gamma[:, None]"},
}


@wrong(check="sharpen_values", why="slopes that are no numbers where a weight is 0")
def sharpen(w, gamma):
    return (gamma[:, None] * w.log()).softmax(1)


@wrong(check="sharpen_values", why="a softmax")
def sharpen(w, gamma):
    return (gamma[:, None] * w).softmax(1)


edits["write", "write_values"] = {
    "nothing is erased": {"memory * (1 - w * erase[:, None])": "memory"},
    "adds first": {
        "memory * (1 - w * erase[:, None]) + w * add[:, None]": "(memory + w * add[:, None]) * (1 - w * erase[:, None])"
    },
    "erases everywhere": {"(1 - w * erase[:, None])": "(1 - erase[:, None])"},
    "adds everywhere": {"+ w * add[:, None]": "+ add[:, None]"},
}


@wrong(check="write_values", why="changes the old memory, with right numbers and gradients")
def write(memory, w, erase, add):
    memory *= 1 - w[..., None] * erase[:, None]
    memory += w[..., None] * add[:, None]
    return memory


@wrong(check="write_values", why="writes into the old memory")
def write(memory, w, erase, add):
    with torch.no_grad():
        memory.mul_(1 - w[..., None] * erase[:, None]).add_(w[..., None] * add[:, None])
    return memory


edits["tape", "tape_values"] = {
    "heads exchanged": {
        "shifts[:, n, 0]), gammas[:, n, 0]": "shifts[:, n, 1]), gammas[:, n, 1]",
        "shift(reader, shifts[:, n, 1]), gammas[:, n, 1]": "shift(reader, shifts[:, n, 0]), gammas[:, n, 0]",
    },
    "never sharpened": {
        "sharpen(shift(writer, shifts[:, n, 0]), gammas[:, n, 0])": "shift(writer, shifts[:, n, 0])"
    },
    "reads with the writer's attention": {"(reader[:, None] @ memory)": "(writer[:, None] @ memory)"},
    "sharpened before it is shifted": {
        "reader = sharpen(shift(reader, shifts[:, n, 1]), gammas[:, n, 1])": (
            "reader = shift(sharpen(reader, gammas[:, n, 1]), shifts[:, n, 1])"
        )
    },
    "the tape forgets": {"write(memory, writer": "write(torch.zeros_like(memory), writer"},
    "the thread is cut at every step": {"reads.append(": "memory = memory.detach()\n        reads.append("},
    "steps come first": {"torch.stack(reads, dim=1)": "torch.stack(reads)"},
}


@wrong(check="tape_values", why="reads before it is written")
def tape(shifts, gammas, erase, add, slots):
    b, t, width = erase.shape
    memory, reads = torch.zeros(b, slots, width), []
    writer = reader = F.one_hot(torch.zeros(b, dtype=torch.long), slots).to(erase)
    for n in range(t):
        writer = sharpen(shift(writer, shifts[:, n, 0]), gammas[:, n, 0])
        reader = sharpen(shift(reader, shifts[:, n, 1]), gammas[:, n, 1])
        reads.append((reader[:, None] @ memory)[:, 0])
        memory = write(memory, writer, erase[:, n], add[:, n])
    return torch.stack(reads, dim=1)
