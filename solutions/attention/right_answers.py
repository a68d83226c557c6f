"""Other correct ways to solve the exercises of the lab `attention`."""

import heapq


import math


import torch


import torch.nn.functional as F


@right(why="einsum")
def dot_scores(h, e):
    return torch.einsum("bth,bsh->bts", h, e)


@right(why="a batched product")
def dot_scores(h, e):
    return torch.bmm(h, e.mT)


@right(why="a large negative number instead of minus infinity")
def attention_weights(scores, mask):
    return torch.softmax(scores.masked_fill(mask.unsqueeze(1) == 0, -1e9), dim=2)


@right(why="over the real places alone, for each pattern of them that occurs")
def attention_weights(scores, mask):
    shares = torch.zeros_like(scores)
    for real in mask.unique(dim=0):
        rows = (mask == real).all(1).nonzero()
        shares[rows, :, real.nonzero()[:, 0]] = scores[rows, :, real.nonzero()[:, 0]].softmax(1)
    return shares


@right(why="powers, of differences to the highest")
def attention_weights(scores, mask):
    real = mask[:, None].to(scores.dtype)
    low = torch.where(mask[:, None], scores, scores.min() - 1)
    powers = (low - low.amax(-1, keepdim=True)).exp() * real
    return powers / powers.sum(-1, keepdim=True)


@right(why="a sum of products")
def read(weights, e):
    return (weights.unsqueeze(-1) * e.unsqueeze(1)).sum(2)


@right(why="a loop over the decoder's states")
def additive_scores(h, e, W, U, v):
    keys = F.linear(e, U)
    return torch.stack([torch.tanh(F.linear(one, W)[:, None] + keys) @ v for one in h.unbind(1)], dim=1)


@right(why="einsum throughout")
def additive_scores(h, e, W, U, v):
    inner = torch.einsum("bth,ah->bta", h, W).unsqueeze(2) + torch.einsum("bsh,ah->bsa", e, U).unsqueeze(1)
    return torch.einsum("btsa,a->bts", inner.tanh(), v)


edits["Decoder"] = {
    "squeezed, and the product as a linear map": {
        "h[:, None]": "h.unsqueeze(1)",
        "c = read(weights, e)[:, 0]": "c = read(weights, e).squeeze(1)",
        "told @ self.table.weight.T, (h, c), weights[:, 0]": (
            "torch.nn.functional.linear(told, self.table.weight), [h, c], weights.squeeze(1)"
        ),
    },
}


@right(why="a heap of all continuations; done and going in one list")
def beam_search(step, state, width, most):
    alive = [(0.0, (), state)]
    for _ in range(most):
        pool = []
        for worth, words, before in alive:
            if words and words[-1] == END:
                continue
            chances, after = step(words[-1] if words else END, before)
            for word in range(len(chances)):
                pool.append((worth + chances[word], (*words, word), after))
        ended = [one for one in alive if one[1] and one[1][-1] == END]
        if not pool:
            break
        alive = ended + heapq.nlargest(width, pool, key=lambda one: one[0])
    worth, words, _ = max(alive, key=lambda one: one[0])
    return list(words), worth


@right(
    why="what has ended keeps its place in the beam: whoever is dropped for it is worth less, and gains nothing"
)
def beam_search(step, state, width, most):
    beams = [(0.0, [], state)]
    for _ in range(most):
        pool = [one for one in beams if one[1][-1:] == [END]]
        for worth, words, before in beams:
            if words[-1:] != [END]:
                chances, after = step(words[-1] if words else END, before)
                pool += [(worth + float(p), [*words, word], after) for word, p in enumerate(chances)]
        beams = sorted(pool, key=lambda one: -one[0])[:width]
    worth, words, _ = beams[0]
    return words, worth


@right(why="as numbers of torch")
def beam_search(step, state, width, most):
    beams, done = [([], torch.zeros((), dtype=torch.float64), state)], []
    for _ in range(most):
        worths, places, states = [], [], []
        for words, worth, before in beams:
            chances, after = step(words[-1] if words else END, before)
            for word, p in enumerate(chances):
                worths.append(float(worth) + p)
                places.append(words + [word])
                states.append(after)
        ranked = torch.tensor(worths, dtype=torch.float64).argsort(descending=True)[:width].tolist()
        beams = []
        for n in ranked:
            if places[n][-1] == END:
                done.append((places[n], worths[n]))
            else:
                beams.append((places[n], torch.tensor(worths[n], dtype=torch.float64), states[n]))
        if not beams:
            break
    done += [(words, float(worth)) for words, worth, _ in beams]
    return max(done, key=lambda pair: pair[1])


@right(why="crosses out what has been counted")
def matches(output, reference, n):
    left = [list(reference[i : i + n]) for i in range(len(reference) - n + 1)]
    right, total = 0, max(0, len(output) - n + 1)
    for i in range(total):
        gram = list(output[i : i + n])
        if gram in left:
            left.remove(gram)
            right += 1
    return right, total


@right(why="the fourth root of a product")
def bleu(outputs, references):
    product, zeros = 1.0, 0
    for n in (1, 2, 3, 4):
        right = total = 0
        for output, reference in zip(outputs, references):
            a, b = matches(output, reference, n)
            right, total = right + a, total + b
        if not total or (n == 1 and not right):
            return 0.0
        zeros += right == 0
        product *= right / total if right else 1 / (2**zeros * total)
    c, r = sum(len(words) for words in outputs), sum(len(words) for words in references)
    return 100 * product**0.25 * (1.0 if c >= r else math.exp(1 - r / c))
