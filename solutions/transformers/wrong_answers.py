"""Mistakes that students make on this topic, each with the check that must notice it. Read as text, never imported."""

edits["attention", "attention_values"] = {
    "no division by the root of d": {" / math.sqrt(q.shape[-1])": ""},
    "divides by d, not by its root": {"math.sqrt(q.shape[-1])": "q.shape[-1]"},
    "the softmax runs over the queries": {"softmax(-1)": "softmax(-2)"},
    "a softmax by hand that overflows": {"scores.softmax(-1)": "(scores.exp() / scores.exp().sum(-1, True))"},
    "keys do not learn": {"q @ k.transpose": "q @ k.detach().transpose"},
    "queries do not learn": {"q @ k.transpose": "q.detach() @ k.transpose"},
    "values do not learn": {"softmax(-1) @ v": "softmax(-1) @ v.detach()"},
    "half precision inside": {".softmax(-1)": ".softmax(-1).half().to(v.dtype)"},
}

edits["attention", "attention_mask"] = {
    "looks where the mask is False": {"~mask, -math.inf": "mask, -1e9"},
    "multiplies the weights with the mask after the softmax": {
        "scores = scores.masked_fill(~mask, -math.inf)": "return scores.softmax(-1) * mask @ v"
    },
    "masked scores become 0": {"-math.inf": "0"},
    "masked scores become -100, which is not below every score": {"-math.inf": "-100"},
    "forgets the mask": {".masked_fill(~mask, -math.inf)": ""},
    "the first query's mask for all": {"~mask": "~mask[..., :1, :]"},
}

edits["causal_mask", "causal_mask_values"] = {
    "the other triangle": {"tril()": "triu()"},
    "True means blocked, as in nn.MultiheadAttention": {"tril()": "triu(1)"},
    "a place does not see itself": {"tril()": "tril(-1)"},
    "ones and zeros instead of truth values": {", dtype=torch.bool": ""},
}

edits["padding_mask", "padding_mask_values"] = {
    "off by one": {" < ": " <= "},
    "two axes, which broadcast to the wrong ones": {"[:, None, None, :]": ""},
    "True at the padding": {" < ": " >= "},
    "masks the queries, not the keys": {"[:, None, None, :]": "[:, None, :, None]"},
    "as wide as the longest row": {"torch.arange(length,": "torch.arange(lengths.max(),"},
    "every row ends where the first does": {"lengths[:, None]": "lengths[:1, None].expand(len(lengths), 1)"},
}

edits["split_heads", "split_heads_values"] = {
    "one view straight to the last shape": {".transpose(1, 2)": ".reshape(len(x), heads, x.shape[1], -1)"},
    "every H-th number": {"(heads, -1)).transpose(1, 2)": "(-1, heads)).permute(0, 3, 1, 2)"},
    "forgets to exchange the axes": {".transpose(1, 2)": ""},
    "cuts the thread": {"x.unflatten": "x.detach().unflatten"},
}

edits["MultiHead", "multihead_values"] = {
    "does not pass through out": {"return self.out(": "return ("},
    "joins the heads without exchanging the axes back": {".transpose(1, 2).flatten(2)": ".reshape(x.shape)"},
    "keys, queries, values: exchanged": {"q, k, v = (": "k, q, v = ("},
    "one head of all the numbers": {"split_heads(part, self.heads)": "split_heads(part, 1)"},
    "does not hand the mask on": {"attention(q, k, v, mask)": "attention(q, k, v)"},
    "the first row's mask for all": {"mask)": "mask if mask is None or mask.ndim < 4 else mask[:1])"},
    "the first head's mask for all": {"mask)": "mask if mask is None or mask.ndim < 4 else mask[:, :1])"},
    "keys and values do not learn": {"k, v, mask)": "k.detach(), v.detach(), mask)"},
    "`out` is all that learns": {"self.out(y.": "self.out(y.detach()."},
}

edits["positional_encoding", "positional_encoding_values"] = {
    "all sines, then all cosines": {"dim=-1": "dim=1"},
    "every number has a speed of its own": {
        "torch.arange(0, d, 2)": "torch.arange(d)",
        "angles.sin(), angles.cos()": "angles.sin()[:, ::2], angles.cos()[:, 1::2]",
    },
    "the exponent lacks its 2: i / d for 2i / d": {"0, d, 2": "d // 2"},
    "counts places from 1": {"torch.arange(length)": "torch.arange(1, length + 1)"},
}

edits["shift_matrix", "shift_matrix_values"] = {
    "turns the other way": {"angles = offset": "angles = -offset"},
    "the same angle for every hand": {"torch.arange(0, d, 2)": "torch.zeros(d // 2)"},
}

edits["Block", "block_values"] = {
    "normalises after adding: post-norm": {
        "self.norm1(x), mask))": "x, mask))\n        x = self.norm1(x)",
        "x + self.drop(self.mlp(self.norm2(x)))\n": "self.norm2(x + self.drop(self.mlp(x)))\n",
    },
    "adds to what was normalised": {
        "x + self.drop(self.attention(self.norm1(x)": "(x := self.norm1(x)) + self.drop(self.attention(x",
        "x + self.drop(self.mlp(self.norm2(x)))\n": "(x := self.norm2(x)) + self.drop(self.mlp(x))\n",
    },
    "adds in place: the caller's row changes, and autograd needs it": {
        "= x + self.drop(self.a": "+= self.drop(self.a"
    },
    "drops in eval too": {"self.drop(self.a": "F.dropout(self.a", "mask))": "mask), self.drop.p)"},
    "drops the sum": {"x + self.drop(self.a": "self.drop(x + self.a"},
    "the residual is cut off": {"x + self.drop(self.a": "x.detach() + self.drop(self.a"},
    "the attention does not learn": {"mask))": "mask).detach())"},
}

edits["Block", "block_values", "names for both sums"] = {
    "both parts see the same input, side by side": {"self.norm2(looked)": "self.norm2(x)"},
    "drops what the attention gives, and not what the mlp gives": {"thought = self.drop(": "thought = ("},
}

edits["nats", "nats_values"] = {
    "off by one: asks each place for its own character": {"[:, :-1]": "", "s[:, 1:]": "s", "d[:, 1:]": "d"},
    "counts every character": {"counted[:, 1:]": "torch.ones_like(costs, dtype=torch.bool)"},
    "zeroes what does not count, then takes the mean over all": {".sum() / chosen.sum()": ".mean()"},
    "shifts the codes and not what counts": {"counted[:, 1:]": "counted[:, :-1]"},
    "log(softmax) underflows": {"cross_entropy(scores[:, :-1]": "nll_loss(scores[:, :-1].softmax(-1).log()"},
    "leaves autograd with .item()": {
        "torch.where(chosen, costs, 0.0).sum() / chosen.sum()": "torch.tensor(costs[chosen].mean().item())"
    },
    "place 0 counts among them": {"chosen.sum()": "counted.sum()"},
    "the first row says which count, for all": {"counted[:, 1:]": "counted[:1, 1:].expand(len(codes), -1)"},
    "the scores are cut off where it counts": {"scores[:, :-1]": "scores[:, :-1].detach()"},
}

edits["attend_next", "attend_next_values"] = {
    "attends to the new place only": {"attention(q, k, v)": "attention(q, k[:, :, -1:], v[:, :, -1:])"},
    "gives the old past, which is None at first": {", (k, v)": ", past"},
    "gives the answer alone": {", (k, v)": ""},
    "puts the new place first": {"[past[0], k]": "[k, past[0]]"},
    "grows along the heads' axis": {"k], dim=2": "k], dim=1", "v], dim=2": "v], dim=1"},
    "keeps values and keys in the wrong order, consistently": {
        "if past is not None:": "if past is not None:\n        past = past[1], past[0]",
        "(k, v)": "(v, k)",
    },
    "keeps keys and values in the layer": {
        "if past is not None:": "if past is not None:\n        past = layer.kept",
        "y = attention": "layer.kept = k, v\n    y = attention",
    },
}

edits["sample_cached", "sample_cached_values", "one loop over all places, stopping before the last"] = {
    "takes what step gives in the wrong order": {"scores, past = step": "past, scores = step"},
    "reads only the prompt's last character": {"range(": "range(prompt.shape[1] - 1, "},
    "reads everything again at each step, without a past": {
        "range(": "range(prompt.shape[1] - 1, ",
        "scores, past =": "past = None\n        for t in range(t + 1):\n            scores, past =",
    },
}

edits["sample_cached", "sample_cached_values"] = {
    "reads the last character as well": {"    return": "    step(written[-1], past)\n    return"},
    "gives only what it wrote": {"[prompt, *written]": "written"},
    "gradients stay switched off": {"past = None": "torch.set_grad_enabled(False)\n    past = None"},
}

edits["convolution_matrix", "convolution_matrix_values"] = {
    "reads what comes after": {"t, t - i * dilation": "t - i * dilation, t"},
    "wraps round at the row's start: a negative index": {
        "range(i * dilation, ": "range(",
        "t - i * dilation] =": "(t - i * dilation) % length] +=",
    },
    "forgets the dilation": {"range(i * dilation": "range(i", "t - i * dilation": "t - i"},
}

edits["fertilities", "fertilities_values"] = {
    "as many numbers as the largest place says": {", minlength=length": ""},
    "floats, by which nothing can be copied": {"=length)": "=length).float()"},
    "leaves out what never occurs": {"bincount": "unique", "minlength=length)": "return_counts=True)[1]"},
}

edits["copy_by_fertility", "copy_values"] = {
    "repeats the whole row instead of each word": {
        ".repeat_interleave(counts, dim=0)": "[torch.where(counts > torch.arange(counts.max())[:, None])[1]]"
    },
    "cuts all rows to the shortest": {"batch_first=True)": "batch_first=True)[:, : min(map(len, rows))]"},
    "detaches: the encoder cannot learn": {"zip(x,": "zip(x.detach(),"},
    "takes the number of source words for the length": {"fertility.sum": "(fertility > 0).sum"},
    "a row of which nothing is left gets a word": {"dim=0)": "dim=0) if counts.any() else row[:1]"},
    "the first row's fertilities for all": {"zip(x, fertility)": "zip(x, fertility[:1].expand(len(x), -1))"},
}
