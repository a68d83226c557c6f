"""Mistakes that students make on this topic, each with the check that must notice it. Read as text, never imported."""

edits["causal_mask", "causal_mask_values"] = {
    "mask A shows the pixel itself": {'(source < target if kind == "A" else source <= target).float()': "1"},
    "cuts off all columns to the right, above as well": {"[:, :, :middle]": "[:, :, :middle, : middle + 1]"},
    "the lower half, not the upper one": {
        ":, :middle]": ":, middle + 1 :]",
        "e, :middle]": "e, middle + 1 :]",
    },
    "an even kernel passes": {"k % 2 == 0": "k < 1"},
}

edits["causal_mask", "causal_mask_groups"] = {
    "exchanges input and output channels": {"source < target": "source > target", "<= target": ">= target"},
    "deals channels out to the groups one by one": {
        "* groups // c_in": "% groups",
        "* groups // c_out": "% groups",
    },
    "forgets the groups": {'(source < target if kind == "A" else source <= target).float()': 'kind == "B"'},
    "colours of earlier pixels are masked as well": {
        "return mask": "return mask if groups == 1 else mask * mask[:, :, middle, middle, None, None]"
    },
    "channels that cannot be grouped pass": {"c_in % groups or c_out % groups": "groups < 1"},
}

edits["receptive_field", "receptive_field_values"] = {
    "reads the index as column, row": {"i, j]": "j, i]"},
    "gives the gradient, not where it is": {"(gradient[0] != 0).any(0)": "gradient[0, 0]"},
    "adds up the channels' gradients, which may cancel": {" != 0).any(0)": ".sum(0) != 0)"},
    "only positive gradients count": {"!= 0": "> 0"},
    "asks the first output channel only": {":, i, j].sum()": "0, i, j]"},
    "feeds an empty picture": {"randn": "zeros"},
    "a seed of its own": {"x = torch.randn": "torch.manual_seed(0)\n    x = torch.randn"},
}

edits["shift_down", "shift_down_values"] = {
    "rolls: the last row comes in at the top": {"F.pad(x, (0, 0, 1, -1))": "x.roll(1, dims=2)"},
    "shifts up": {"1, -1": "-1, 1"},
    "shifts to the right": {"0, 0, 1, -1": "1, -1"},
    "one row more than before": {"1, -1": "1, 0"},
}

edits["GatedLayer", "gated_layer_sees"] = {
    "h listens to v without the shift": {"shift_down(above)": "above"},
    "the first layer sees the pixel itself": {"-1 if self.first else 0": "0"},
    "h never listens to v": {"left + self.link(shift_down(above))": "left"},
    "hands h on as v too: the blind spot is back": {"gate(above)": "(y if self.first else h + y)"},
    "h alone": {"gate(above), ": ""},
    "h first, then v": {"gate(above), y": "(y", "else h + y": "else h + y), gate(above)"},
    "v is padded below, not above": {"(r, r, r, 0)": "(r, r, 0, r)"},
}

edits["GatedLayer", "gated_layer_values"] = {
    "adds the old h in the first layer too": {"y if self.first else h + y": "h + y"},
    "forgets the old h": {"y if self.first else h + y": "y"},
    "two gates where one is due": {"left + self.link": "left) + gate(self.link"},
    "the old h is cut off": {"else h + y": "else h.detach() + y"},
    "v does not learn from what it says to h": {"shift_down(above)": "shift_down(above.detach())"},
    "the horizontal stack does not learn": {"gate(left +": "gate(left.detach() +"},
}

edits["logistic_log_prob", "logistic_values"] = {
    "no edge bins: mass is lost": {"torch.where(x == levels - 1, F.logsigmoid(-lower), below)": "inside"},
    "the upper edge is 255, whatever the levels": {"levels - 1": "255"},
    "multiplies by the scale": {"-log_scale": "log_scale"},
    "takes the log of the scale for the scale": {"torch.exp(-log_scale)": "1 / (log_scale + 1)"},
    "gives the masses, not their logarithms": {"below)": "below).exp()"},
    "the bin goes from x to x + 1": {"x + 0.5": "x + 1", "x - 0.5": "x"},
    "the log scale does not learn": {"torch.exp(-log_scale)": "torch.exp(-log_scale.detach())"},
    "the mean does not learn from below its bin": {"(x - 0.5 - mean)": "(x - 0.5 - mean.detach())"},
    "the bin's width does not learn": {"torch.expm1(-rate)": "torch.expm1(-rate.detach())"},
}

edits["logistic_log_prob", "logistic_tails"] = {
    "the edges by log(1 - sigmoid)": {"F.logsigmoid(-lower), ": "(1 - lower.sigmoid() + 1e-12).log(), "},
    "the density in the middle of the bin stands for a small mass": {
        "    below =": (
            "    z = (x - mean) * rate\n"
            "    density = F.logsigmoid(z) + F.logsigmoid(-z) - log_scale\n"
            "    inside = torch.where(inside > math.log(1e-5), inside, density)\n    below ="
        )
    },
    "the difference, kept above 1e-12: the tails are flat": {
        "    below =": "    inside = (upper.sigmoid() - lower.sigmoid()).clamp(min=1e-12).log()\n    below ="
    },
}

edits["logistic_log_prob", "logistic_tails", "both edges at infinity, then one formula for all bins"] = {
    "the difference of two sigmoids: log 0 in the tails": {
        "F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-width))": (
            "torch.log(torch.sigmoid(upper) - torch.sigmoid(lower))"
        )
    },
}

edits["mixture_log_prob", "mixture_values"] = {
    "scores for weights: they do not add up to 1": {"F.log_softmax(logits, dim=-1)": "logits"},
    "the mean of the logarithms": {"logsumexp": "sum", "log_softmax": "softmax", "+ parts": "* parts"},
    "exp, sum, log: log 0 far from all means": {"logsumexp": "exp", "parts, dim=-1": "parts).sum(-1).log("},
    "forgets to pass the levels on": {"log_scale, levels": "log_scale"},
    "softmax over the wrong axis": {"logits, dim=-1": "logits, dim=0"},
    "the logits do not learn": {"logits, dim": "logits.detach(), dim"},
    "the parts do not learn": {"+ parts": "+ parts.detach()"},
    "the density in the middle of the bin for its mass": {
        "    return": (
            "    v = (x.unsqueeze(-1) - mean) * torch.exp(-log_scale)\n"
            "    parts = F.logsigmoid(v) + F.logsigmoid(-v) - log_scale\n    return"
        )
    },
}

edits["nats", "nats_values"] = {
    "the mean over the pixels": {"sum": "mean"},
    "one number for the whole batch": {'"none").flatten(1).sum(1)': '"sum")'},
    "forgets the minus": {"return F": "return -F"},
    "the logits are cut off": {"(logits, x": "(logits.detach(), x"},
}

edits["nats", "nats_values", "logsigmoid"] = {
    "log of sigmoid: infinite where the net is sure and wrong": {
        "F.logsigmoid(logits)": "torch.sigmoid(logits).log()",
        "F.logsigmoid(-logits)": "(1 - torch.sigmoid(logits)).log()",
    },
    "takes logits for probabilities of ones only": {" - (1 - x) * F.logsigmoid(-logits)": ""},
}

edits["bits_per_dim", "bits_per_dim_values"] = {
    "multiplies by log 2": {"(math.prod(shape) * math.log(2))": "math.prod(shape) * math.log(2)"},
    "counts pixels, not numbers: channels are forgotten": {"(shape)": "(shape[-2:])"},
    "nats for each number": {" * math.log(2)": ""},
}

edits["sample", "sample_values"] = {
    "one call for all pixels: none sees what was drawn": {"for i": "z = net(x)\n    for i", "net(x)[": "z["},
    "takes the likelier value instead of drawing": {"u[:, :, i, j] < torch.sigmoid(logit)": "logit > 0"},
    "1 where u is above the chance": {"j] <": "j] >"},
    "1 where u equals the chance": {"j] <": "j] <="},
    "compares u with the logit": {"torch.sigmoid(logit)": "logit"},
    "column by column": {
        "i in range(row, u.shape[2])": "j in range(u.shape[3])",
        "j in range(u.shape[3])": "i in range(row, u.shape[2])",
    },
    "draws the given rows anew": {"range(row, ": "range("},
    "begins with all of `start`, later rows as well": {"x[:, :, :row] = start[:, :, :row]": "x[:] = start"},
    "gradients stay off": {"@torch.no_grad()": "", "x =": "torch.set_grad_enabled(False)\n    x ="},
    "a seed and numbers of its own": {"x =": "torch.manual_seed(0)\n    u = torch.rand_like(u)\n    x ="},
}

edits["layer_row", "layer_row_values"] = {
    "pads the window at the top as well": {"0, 0)": "layer.reach, 0)"},
    "pads one side only": {"layer.reach, layer.reach": "2 * layer.reach, 0"},
    "gates already": {"layer.vertical(": "gate(layer.vertical(", "0)))": "0)))).repeat(1, 2, 1, 1)"},
}

edits["layer_pixel", "layer_pixel_values"] = {
    "forgets the old h": {" if layer.first else h[..., -1:] + y": ""},
    "adds the window's first column, not its last": {"-1:]": ":1]"},
    "the first layer drops the wrong column": {":-1]": "1:]"},
}

edits["layer_pixel", "cached_sampling"] = {
    "forgets what the vertical stack says": {" + link": ""},
}

edits["split", "split_values"] = {
    "quarters of the picture": {
        "x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)": "q for half in x.chunk(2, 2) for q in half.chunk(2, 3)"
    },
    "upper right and lower left exchanged": {"i in (0, 1) for j": "j in (0, 1) for i"},
}

edits["merge", "merge_values"] = {
    "puts the groups side by side": {"split(x)": "[q for half in x.chunk(2, 2) for q in half.chunk(2, 3)]"},
}

edits["multiscale_nats", "multiscale_nats_values"] = {
    "the coarse picture is not counted": {"multiscale_nats(base, scales[:-1], parts[0])": "0"},
    "no end: never comes to the smallest picture": {
        "    if not scales:\n        return nats(base(x), x)\n": ""
    },
    "no end: the scales do not get fewer": {"scales[:-1]": "scales"},
    "ends a scale too early": {"not scales": "len(scales) <= 1"},
    "one scale only: the smaller picture is not split again": {"scales[:-1]": "[]"},
    "forgets the last group": {"scales[-1]": "scales[-1][:2]"},
    "returns inside the loop": {"    return total": "        return total"},
    "every group is guessed from the upper left one alone": {"parts[:n]": "parts[:1] * n"},
    "the nets see the group that they guess": {"parts[:n]": "parts[1 : n + 1]"},
    "takes the largest scale's nets for the smallest picture": {
        "scales[:-1]": "scales[1:]",
        "[-1], 1": "[0], 1",
    },
    "the coarse picture is not learned": {"parts[0])": "parts[0]).detach()"},
    "only the last group is learned": {"total = total +": "total = total.detach() +"},
}

edits["sample_multiscale", "sample_multiscale_values"] = {
    "no end: never comes to the smallest picture": {
        "    if not scales:\n        return sample(base, u)\n": ""
    },
    "uses one corner of u for all groups": {"chance <": "coarse <"},
    "the smallest picture in one call": {"sample(base, u)": "(u < base(0 * u).sigmoid()).to(u.dtype)"},
    "all groups from the upper left one alone": {"cat(parts,": "cat(parts[:1] * len(parts),"},
    "1 where u equals the chance": {"chance <": "chance <="},
    "gradients stay off": {"@torch.no_grad()": "", "coarse,": "torch.set_grad_enabled(False)\n    coarse,"},
}
