"""Mistakes that students make on this topic, each with the check that must notice it. Read as text, never imported."""


@wrong(check="attention_values", why="no division by the root of d")
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


@wrong(check="attention_values", why="divides by d, not by its root")
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / q.shape[-1]
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ v


@wrong(check="attention_values", why="the softmax runs over the queries")
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-2) @ v


@wrong(check="attention_values", why="a softmax of its own that overflows")
def attention(q, k, v, mask=None):
    powers = torch.exp(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))
    if mask is not None:
        powers = powers * mask
    return powers / powers.sum(-1, keepdim=True) @ v


@wrong(check="attention_mask", why="looks where the mask is False")
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask, -1e9)
    return scores.softmax(-1) @ v


@wrong(check="attention_mask", why="multiplies the weights with the mask after the softmax")
def attention(q, k, v, mask=None):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights if mask is None else weights * mask) @ v


@wrong(check="attention_mask", why="masked scores become 0")
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores * mask
    return scores.softmax(-1) @ v


@wrong(check="attention_mask", why="masked scores become -100, which is not below every score")
def attention(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -100.0)
    return scores.softmax(-1) @ v


@wrong(check="attention_mask", why="forgets the mask")
def attention(q, k, v, mask=None):
    return (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1) @ v


@wrong(check="causal_mask_values", why="the other triangle")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).triu()


@wrong(check="causal_mask_values", why="True means blocked, as in nn.MultiheadAttention")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


@wrong(check="causal_mask_values", why="a place does not see itself")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).tril(-1)


@wrong(check="causal_mask_values", why="ones and zeros instead of truth values")
def causal_mask(length):
    return torch.ones(length, length).tril()


@wrong(check="padding_mask_values", why="off by one")
def padding_mask(lengths, length):
    return (torch.arange(length) <= lengths[:, None])[:, None, None]


@wrong(check="padding_mask_values", why="two axes, which broadcast to the wrong ones")
def padding_mask(lengths, length):
    return torch.arange(length) < lengths[:, None]


@wrong(check="padding_mask_values", why="True at the padding")
def padding_mask(lengths, length):
    return (torch.arange(length) >= lengths[:, None])[:, None, None]


@wrong(check="padding_mask_values", why="masks the queries, not the keys")
def padding_mask(lengths, length):
    return (torch.arange(length) < lengths[:, None])[:, None, :, None]


@wrong(check="split_heads_values", why="one view straight to the last shape")
def split_heads(x, heads):
    B, T, D = x.shape
    return x.reshape(B, heads, T, D // heads)


@wrong(check="split_heads_values", why="every H-th number")
def split_heads(x, heads):
    return x.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)


@wrong(check="split_heads_values", why="forgets to exchange the axes")
def split_heads(x, heads):
    return x.unflatten(-1, (heads, -1))


@wrong(check="positional_encoding_values", why="all sines, then all cosines")
def positional_encoding(length, d):
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


@wrong(check="positional_encoding_values", why="every number has a speed of its own")
def positional_encoding(length, d):
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(d) / d)
    return torch.where(torch.arange(d) % 2 == 0, angles.sin(), angles.cos())


@wrong(check="positional_encoding_values", why="the exponent lacks its 2: i / d for 2i / d")
def positional_encoding(length, d):
    angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(d // 2) / d)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@wrong(check="positional_encoding_values", why="counts places from 1")
def positional_encoding(length, d):
    angles = torch.arange(1, length + 1)[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


@wrong(check="shift_matrix_values", why="turns the other way")
def shift_matrix(offset, d):
    angles = -offset / 10000 ** (torch.arange(0, d, 2) / d)
    turns = [torch.stack([torch.stack([a.cos(), a.sin()]), torch.stack([-a.sin(), a.cos()])]) for a in angles]
    return torch.block_diag(*turns)


@wrong(check="shift_matrix_values", why="the same angle for every hand")
def shift_matrix(offset, d):
    a = torch.tensor(float(offset))
    turn = torch.stack([torch.stack([a.cos(), a.sin()]), torch.stack([-a.sin(), a.cos()])])
    return torch.block_diag(*[turn] * (d // 2))


@wrong(check="nats_values", why="off by one: asks each place for its own character")
def nats(scores, codes, counted):
    costs = F.cross_entropy(scores.transpose(1, 2), codes, reduction="none")
    return costs[counted].mean()


@wrong(check="nats_values", why="counts every character")
def nats(scores, codes, counted):
    return F.cross_entropy(scores[:, :-1].transpose(1, 2), codes[:, 1:])


@wrong(check="nats_values", why="zeroes what does not count, then takes the mean over all")
def nats(scores, codes, counted):
    costs = F.cross_entropy(scores[:, :-1].transpose(1, 2), codes[:, 1:], reduction="none")
    return (costs * counted[:, 1:]).mean()


@wrong(check="nats_values", why="shifts the codes and not what counts")
def nats(scores, codes, counted):
    costs = F.cross_entropy(scores[:, :-1].transpose(1, 2), codes[:, 1:], reduction="none")
    return costs[counted[:, :-1]].mean()


@wrong(check="nats_values", why="log of softmax underflows")
def nats(scores, codes, counted):
    p = scores[:, :-1].softmax(-1).gather(-1, codes[:, 1:, None])[..., 0]
    return -torch.log(p)[counted[:, 1:]].mean()


@wrong(check="nats_values", why="leaves autograd with .item()")
def nats(scores, codes, counted):
    costs = F.cross_entropy(scores[:, :-1].transpose(1, 2), codes[:, 1:], reduction="none")
    return torch.tensor(costs[counted[:, 1:]].mean().item())


@wrong(check="attend_next_values", why="attends to the new place only")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    y = attention(q, k, v)
    if past is not None:
        k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
    return layer.out(y.transpose(1, 2).flatten(2)), (k, v)


@wrong(check="attend_next_values", why="gives the old past, which is None at first")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    if past is not None:
        k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
    return layer.out(attention(q, k, v).transpose(1, 2).flatten(2)), past


@wrong(check="attend_next_values", why="gives the answer alone")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    if past is not None:
        k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
    return layer.out(attention(q, k, v).transpose(1, 2).flatten(2))


@wrong(check="attend_next_values", why="puts the new place first")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    if past is not None:
        k, v = torch.cat([k, past[0]], dim=2), torch.cat([past[1], v], dim=2)
    return layer.out(attention(q, k, v).transpose(1, 2).flatten(2)), (k, v)


@wrong(check="attend_next_values", why="grows along the heads' axis")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    if past is not None:
        k, v = torch.cat([past[0], k], dim=1), torch.cat([past[1], v], dim=1)
    return layer.out(attention(q, k, v).transpose(1, 2).flatten(2)), (k, v)


@wrong(check="attend_next_values", why="keeps values and keys in the wrong order, consistently")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    if past is not None:
        k, v = torch.cat([past[1], k], dim=2), torch.cat([past[0], v], dim=2)
    return layer.out(attention(q, k, v).transpose(1, 2).flatten(2)), (v, k)


@wrong(check="sample_cached_values", why="takes what step gives in the wrong order")
def sample_cached(step, prompt, count, choose):
    past = None
    for t in range(prompt.shape[1]):
        past, scores = step(prompt[:, t : t + 1], past)
    written = [choose(scores)[:, None]]
    for _ in range(count - 1):
        past, scores = step(written[-1], past)
        written.append(choose(scores)[:, None])
    return torch.cat([prompt, *written], dim=1)


@wrong(check="sample_cached_values", why="reads only the prompt's last character")
def sample_cached(step, prompt, count, choose):
    codes, past = prompt, None
    for _ in range(count):
        scores, past = step(codes[:, -1:], past)
        codes = torch.cat([codes, choose(scores)[:, None]], dim=1)
    return codes


@wrong(check="sample_cached_values", why="reads everything again at each step, without a past")
def sample_cached(step, prompt, count, choose):
    codes = prompt
    for _ in range(count):
        past = None
        for t in range(codes.shape[1]):
            scores, past = step(codes[:, t : t + 1], past)
        codes = torch.cat([codes, choose(scores)[:, None]], dim=1)
    return codes


@wrong(check="sample_cached_values", why="reads the last character as well")
def sample_cached(step, prompt, count, choose):
    codes, past = prompt, None
    for t in range(prompt.shape[1] + count):
        scores, past = step(codes[:, t : t + 1], past)
        if prompt.shape[1] - 1 <= t < prompt.shape[1] + count - 1:
            codes = torch.cat([codes, choose(scores)[:, None]], dim=1)
    return codes


@wrong(check="sample_cached_values", why="gives only what it wrote")
def sample_cached(step, prompt, count, choose):
    past = None
    for t in range(prompt.shape[1]):
        scores, past = step(prompt[:, t : t + 1], past)
    written = [choose(scores)[:, None]]
    for _ in range(count - 1):
        scores, past = step(written[-1], past)
        written.append(choose(scores)[:, None])
    return torch.cat(written, dim=1)


@wrong(check="convolution_matrix_values", why="reads what comes after")
def convolution_matrix(kernel, length, dilation=1):
    matrix = torch.zeros(length, length)
    for t in range(length):
        for i, weight in enumerate(kernel):
            if t + i * dilation < length:
                matrix[t, t + i * dilation] = weight
    return matrix


@wrong(check="convolution_matrix_values", why="wraps round at the row's start: a negative index")
def convolution_matrix(kernel, length, dilation=1):
    matrix = torch.zeros(length, length)
    for t in range(length):
        for i, weight in enumerate(kernel):
            matrix[t, (t - i * dilation) % length] += weight
    return matrix


@wrong(check="convolution_matrix_values", why="forgets the dilation")
def convolution_matrix(kernel, length, dilation=1):
    matrix = torch.zeros(length, length)
    for t in range(length):
        for i, weight in enumerate(kernel):
            if t - i >= 0:
                matrix[t, t - i] = weight
    return matrix


@wrong(check="fertilities_values", why="as many numbers as the largest place says")
def fertilities(alignment, length):
    return torch.bincount(alignment)


@wrong(check="fertilities_values", why="floats, by which nothing can be copied")
def fertilities(alignment, length):
    return torch.bincount(alignment, minlength=length).float()


@wrong(check="fertilities_values", why="leaves out what never occurs")
def fertilities(alignment, length):
    return torch.unique(alignment, return_counts=True)[1]


@wrong(check="copy_values", why="repeats the whole row instead of each word")
def copy_by_fertility(x, fertility):
    most = int(fertility.sum(1).max())
    copies = x.new_zeros(len(x), most, x.shape[2])
    for b in range(len(x)):
        words = [
            x[b, s] for r in range(int(fertility[b].max())) for s in range(x.shape[1]) if fertility[b, s] > r
        ]
        copies[b, : len(words)] = torch.stack(words)
    return copies, fertility.sum(1)


@wrong(check="copy_values", why="cuts all rows to the shortest")
def copy_by_fertility(x, fertility):
    rows = [row.repeat_interleave(counts, dim=0) for row, counts in zip(x, fertility)]
    least = min(map(len, rows))
    return torch.stack([row[:least] for row in rows]), fertility.sum(1)


@wrong(check="copy_values", why="detaches: the encoder cannot learn")
def copy_by_fertility(x, fertility):
    rows = [row.repeat_interleave(counts, dim=0) for row, counts in zip(x.detach(), fertility)]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), fertility.sum(1)


@wrong(check="copy_values", why="takes the number of source words for the length")
def copy_by_fertility(x, fertility):
    rows = [row.repeat_interleave(counts, dim=0) for row, counts in zip(x, fertility)]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), (fertility > 0).sum(1)


@wrong(check="copy_values", why="a row of which nothing is left gets a word")
def copy_by_fertility(x, fertility):
    rows = [row.repeat_interleave(n, dim=0) if n.any() else row[:1] for row, n in zip(x, fertility)]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), fertility.sum(1)


@wrong(check="attend_next_values", why="keeps keys and values in the layer")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    if past is not None:
        k, v = torch.cat([layer.kept[0], k], dim=2), torch.cat([layer.kept[1], v], dim=2)
    layer.kept = (k, v)
    return layer.out(attention(q, k, v).transpose(1, 2).flatten(2)), layer.kept


edits["MultiHead", "multihead_values"] = {
    "does not pass through out": {
        "return self.out(y.transpose(1, 2).flatten(2))": "return y.transpose(1, 2).flatten(2)"
    },
    "joins the heads without exchanging the axes back": {
        "y.transpose(1, 2).flatten(2)": "y.reshape(x.shape)"
    },
    "keys, queries, values: exchanged": {"q, k, v = (": "k, q, v = ("},
    "one head of all the numbers": {"split_heads(part, self.heads)": "split_heads(part, 1)"},
    "does not hand the mask on": {"attention(q, k, v, mask)": "attention(q, k, v)"},
    "the first row's mask for all": {
        "attention(q, k, v, mask)": "attention(q, k, v, mask if mask is None or mask.ndim < 4 else mask[:1])"
    },
    "the first head's mask for all": {
        "attention(q, k, v, mask)": (
            "attention(q, k, v, mask if mask is None or mask.ndim < 4 else mask[:, :1])"
        )
    },
    "keys and values do not learn": {
        "attention(q, k, v, mask)": "attention(q, k.detach(), v.detach(), mask)"
    },
    "`out` is all that learns": {"self.out(y.": "self.out(y.detach()."},
}


edits["attention", "attention_values"] = {
    "keys do not learn": {"q @ k.transpose": "q @ k.detach().transpose"},
    "queries do not learn": {"q @ k.transpose": "q.detach() @ k.transpose"},
    "values do not learn": {"softmax(-1) @ v": "softmax(-1) @ v.detach()"},
    "half precision inside": {".softmax(-1)": ".softmax(-1).half().to(v.dtype)"},
}


edits["attention", "attention_mask"] = {
    "the first query's mask for all": {"~mask": "~mask[..., :1, :]"},
}


edits["padding_mask", "padding_mask_values"] = {
    "as wide as the longest row": {"torch.arange(length,": "torch.arange(lengths.max(),"},
    "every row ends where the first does": {"lengths[:, None]": "lengths[:1, None].expand(len(lengths), 1)"},
}


edits["split_heads", "split_heads_values"] = {
    "cuts the thread": {"x.unflatten": "x.detach().unflatten"},
}


edits["Block", "block_values"] = {
    "normalises after adding: post-norm": {
        "x = x + self.drop(self.attention(self.norm1(x), mask))": (
            "x = self.norm1(x + self.drop(self.attention(x, mask)))"
        ),
        "return x + self.drop(self.mlp(self.norm2(x)))\n": "return self.norm2(x + self.drop(self.mlp(x)))\n",
    },
    "adds to what was normalised": {
        "x = x + self.drop(self.attention(self.norm1(x), mask))": (
            "x = self.norm1(x)\n        x = self.norm2(x + self.drop(self.attention(x, mask)))"
        ),
        "return x + self.drop(self.mlp(self.norm2(x)))\n": "return x + self.drop(self.mlp(x))\n",
    },
    "both parts see the same input, side by side": {
        "x = x + self.drop(self.attention(self.norm1(x), mask))": (
            "y = self.drop(self.attention(self.norm1(x), mask))"
        ),
        "return x + self.drop(self.mlp(self.norm2(x)))\n": (
            "return x + y + self.drop(self.mlp(self.norm2(x)))\n"
        ),
    },
    "adds in place: the caller's row changes, and autograd needs it": {
        "x = x + self.drop(self.attention": "x += self.drop(self.attention"
    },
    "drops in eval too": {
        "self.drop(self.attention(self.norm1(x), mask))": (
            "nn.functional.dropout(self.attention(self.norm1(x), mask), self.drop.p)"
        )
    },
    "drops what the attention gives, and not what the mlp gives": {
        "self.drop(self.mlp(self.norm2(x)))\n": "self.mlp(self.norm2(x))\n"
    },
    "drops the sum": {
        "x = x + self.drop(self.attention(self.norm1(x), mask))": (
            "x = self.drop(x + self.attention(self.norm1(x), mask))"
        )
    },
    "the residual is cut off": {
        "x = x + self.drop(self.attention": "x = x.detach() + self.drop(self.attention"
    },
    "the attention does not learn": {
        "self.drop(self.attention(self.norm1(x), mask))": (
            "self.drop(self.attention(self.norm1(x), mask).detach())"
        )
    },
}


edits["nats", "nats_values"] = {
    "place 0 counts among them": {"chosen.sum()": "counted.sum()"},
    "the first row says which count, for all": {
        "chosen = counted[:, 1:]": "chosen = counted[:1, 1:].expand(len(codes), -1)"
    },
    "the scores are cut off where it counts": {
        "scores[:, :-1].transpose": "scores[:, :-1].detach().transpose"
    },
}


edits["sample_cached", "sample_cached_values"] = {
    "gradients stay switched off": {"past = None\n": "torch.set_grad_enabled(False)\n    past = None\n"},
}


edits["copy_by_fertility", "copy_values"] = {
    "the first row's fertilities for all": {
        "zip(x, fertility)": "zip(x, fertility[:1].expand_as(fertility))"
    },
}
