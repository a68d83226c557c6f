"""Mistakes that the checks of the lab `memory` must see."""

import torch
import torch.nn.functional as F

edit(
    "position_encoding",
    check="position_encoding_values",
    why="words are counted from 0",
    change={"torch.arange(1, words + 1)[:, None]": "torch.arange(words)[:, None]"},
)
edit(
    "position_encoding",
    check="position_encoding_values",
    why="numbers are counted from 0",
    change={"torch.arange(1, d + 1)": "torch.arange(d)"},
)
edit(
    "position_encoding",
    check="position_encoding_values",
    why="plus for minus",
    change={"(1 - j) - k": "(1 - j) + k"},
)


@wrong(check="position_encoding_values", why="rows are numbers")
def position_encoding(words, d):
    j, k = torch.arange(1, words + 1) / words, torch.arange(1, d + 1)[:, None] / d
    return (1 - j) - k * (1 - 2 * j)


edit(
    "encode",
    check="encode_values",
    why="no word counts as a word",
    change={" * (sentences > 0)[..., None]": ""},
)
edit(
    "encode",
    check="encode_values",
    why="places do not count",
    change={"(words * weights).sum(-2)": "words.sum(-2)"},
)
edit("encode", check="encode_values", why="the mean", change={".sum(-2)": ".mean(-2)"})
edit("encode", check="encode_values", why="the sum over numbers", change={".sum(-2)": ".sum(-1)"})
edit(
    "encode",
    check="encode_values",
    why="the thread is cut",
    change={"table[sentences]": "table.detach()[sentences]"},
)

edit(
    "last_state",
    check="last_state_values",
    why="reads what is not there",
    change={"torch.where(read[:, None], cell(x, h), h)": "cell(x, h)"},
)
edit(
    "last_state",
    check="last_state_values",
    why="reads 0 at an empty place",
    change={"torch.where(read[:, None], cell(x, h), h)": "cell(x * read[:, None], h)"},
)
edit(
    "last_state",
    check="last_state_values",
    why="begins anew at an empty place",
    change={"cell(x, h), h)": "cell(x, h), torch.zeros_like(h))"},
)
edit(
    "last_state",
    check="last_state_values",
    why="begins with 0",
    change={"    for x, read": "    h = torch.zeros_like(h)\n    for x, read"},
)
edit(
    "last_state",
    check="last_state_values",
    why="the other way round",
    change={"cell(x, h), h)": "h, cell(x, h))"},
)


@wrong(check="last_state_values", why="stops at the first empty place of any row")
def last_state(cell, xs, there, h):
    for n in range(xs.shape[1]):
        if not there[:, n].all():
            break
        h = cell(xs[:, n], h)
    return h


edit(
    "hop",
    check="hop_values",
    why="what is not there gets attention",
    change={".masked_fill(~there, -torch.inf)": ""},
)
edit("hop", check="hop_values", why="its score is 0", change={"-torch.inf": "0.0"})
edit("hop", check="hop_values", why="its score is low, but not below all", change={"-torch.inf": "-100.0"})
edit("hop", check="hop_values", why="the mask is turned over", change={"~there": "there"})
edit("hop", check="hop_values", why="u is missing", change={"return u + (p": "return (p"})
edit("hop", check="hop_values", why="m is summed", change={"p[:, None] @ c": "p[:, None] @ m"})
edit(
    "hop",
    check="hop_values",
    why="divided by the root of D",
    change={"[..., 0]  #": "[..., 0] / u.shape[1] ** 0.5  #"},
)
edit(
    "hop",
    check="hop_values",
    why="attention and answer exchanged",
    change={"return u + (p[:, None] @ c)[:, 0], p": "return p, u + (p[:, None] @ c)[:, 0]"},
)


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


edit("answer", check="answer_values", why="no times", change={"v[story] + time for v": "v[story] for v"})
edit("answer", check="answer_values", why="the first table scores", change={"tables[-1].T": "tables[0].T"})
edit(
    "answer",
    check="answer_values",
    why="c from the same table as m",
    change={"in pairwise(memories)": "in zip(memories[:-1], memories)"},
)
edit(
    "answer",
    check="answer_values",
    why="the last table encodes the question",
    change={"vectors[0][question]": "vectors[-1][question]"},
)
edit("answer", check="answer_values", why="all memories are there", change={"story > 0)": "story >= 0)"})
edit(
    "answer",
    check="answer_values",
    why="hops do not build on each other",
    change={"u, p = hop(u, m, c": "u, p = hop(vectors[0][question], m, c"},
)
edit(
    "answer",
    check="answer_values",
    why="hops come first",
    change={"torch.stack(looked, dim=1)": "torch.stack(looked)"},
)
edit(
    "answer",
    check="answer_values",
    why="places of words do not count",
    change={"encode(sentences, table, weights)": "encode(sentences, table, torch.ones_like(weights))"},
)

edit(
    "content",
    check="content_values",
    why="a product, no cosine",
    change={"F.cosine_similarity(memory, key[:, None], dim=-1)": "(memory * key[:, None]).sum(-1)"},
)
edit("content", check="content_values", why="no strength", change={"strength[:, None] * alike": "alike"})
edit("content", check="content_values", why="no softmax", change={".softmax(-1)": ""})
edit(
    "content",
    check="content_values",
    why="the key's length counts",
    change={
        "F.cosine_similarity(memory, key[:, None], dim=-1)": "(memory * key[:, None]).sum(-1) / memory.norm(dim=-1)"
    },
)
edit("content", check="content_values", why="a softmax over keys", change={".softmax(-1)": ".softmax(0)"})

edit(
    "shift",
    check="shift_values",
    why="the other way round",
    change={"w.roll(-1, 1)": "w.roll(1, 1)", "* w.roll(1, 1)": "* w.roll(-1, 1)"},
)
edit(
    "shift",
    check="shift_values",
    why="along the rows",
    change={"w.roll(-1, 1)": "w.roll(-1, 0)", "* w.roll(1, 1)": "* w.roll(1, 0)"},
)


@wrong(check="shift_values", why="what leaves the tape is lost")
def shift(w, s):
    wide = F.pad(w, (1, 1))
    return s[:, :1] * wide[:, 2:] + s[:, 1:2] * w + s[:, 2:] * wide[:, :-2]


@wrong(check="shift_values", why="every head with the first one's shares")
def shift(w, s):
    return s[0, 0] * w.roll(-1, 1) + s[0, 1] * w + s[0, 2] * w.roll(1, 1)


edit(
    "sharpen",
    check="sharpen_values",
    why="does not add up to 1",
    change={"return power / power.sum(1, keepdim=True)": "return power"},
)
edit(
    "sharpen",
    check="sharpen_values",
    why="the sum of all rows",
    change={"power.sum(1, keepdim=True)": "power.sum()"},
)


@wrong(check="sharpen_values", why="slopes that are no numbers where a weight is 0")
def sharpen(w, gamma):
    return (gamma[:, None] * w.log()).softmax(1)


edit("sharpen", check="sharpen_values", why="a product", change={"** gamma[:, None]": "* gamma[:, None]"})


@wrong(check="sharpen_values", why="a softmax")
def sharpen(w, gamma):
    return (gamma[:, None] * w).softmax(1)


edit(
    "write",
    check="write_values",
    why="nothing is erased",
    change={"memory * (1 - w * erase[:, None])": "memory"},
)
edit(
    "write",
    check="write_values",
    why="adds first",
    change={
        "memory * (1 - w * erase[:, None]) + w * add[:, None]": "(memory + w * add[:, None]) * (1 - w * erase[:, None])"
    },
)
edit(
    "write",
    check="write_values",
    why="erases everywhere",
    change={"(1 - w * erase[:, None])": "(1 - erase[:, None])"},
)
edit("write", check="write_values", why="adds everywhere", change={"+ w * add[:, None]": "+ add[:, None]"})


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


edit(
    "tape",
    check="tape_values",
    why="heads exchanged",
    change={
        "shifts[:, n, 0]), gammas[:, n, 0]": "shifts[:, n, 1]), gammas[:, n, 1]",
        "shift(reader, shifts[:, n, 1]), gammas[:, n, 1]": "shift(reader, shifts[:, n, 0]), gammas[:, n, 0]",
    },
)
edit(
    "tape",
    check="tape_values",
    why="never sharpened",
    change={"sharpen(shift(writer, shifts[:, n, 0]), gammas[:, n, 0])": "shift(writer, shifts[:, n, 0])"},
)
edit(
    "tape",
    check="tape_values",
    why="reads with the writer's attention",
    change={"(reader[:, None] @ memory)": "(writer[:, None] @ memory)"},
)
edit(
    "tape",
    check="tape_values",
    why="sharpened before it is shifted",
    change={
        "reader = sharpen(shift(reader, shifts[:, n, 1]), gammas[:, n, 1])": (
            "reader = shift(sharpen(reader, gammas[:, n, 1]), shifts[:, n, 1])"
        )
    },
)


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


edit(
    "tape",
    check="tape_values",
    why="the tape forgets",
    change={"write(memory, writer": "write(torch.zeros_like(memory), writer"},
)
edit(
    "tape",
    check="tape_values",
    why="the thread is cut at every step",
    change={"reads.append(": "memory = memory.detach()\n        reads.append("},
)
edit(
    "tape",
    check="tape_values",
    why="steps come first",
    change={"torch.stack(reads, dim=1)": "torch.stack(reads)"},
)
