"""The commonest mistakes in the exercises of the lab `attention`, each with the check that must catch it."""

import math


import torch


edits["dot_scores", "dot_scores_values"] = {
    "rows and columns exchanged": {"h @ e.transpose(1, 2)": "e @ h.transpose(1, 2)"},
    "divided by the root of H": {"h @ e.transpose(1, 2)": "h @ e.transpose(1, 2) / h.shape[2] ** 0.5"},
    "a softmax at once": {"h @ e.transpose(1, 2)": "(h @ e.transpose(1, 2)).softmax(-1)"},
    "no way back to the encoder": {"h @ e.transpose(1, 2)": "h @ e.detach().transpose(1, 2)"},
}


@wrong(check="dot_scores_values", why="rows of the batch get mixed up")
def dot_scores(h, e):
    return torch.einsum("bth,bsh->bts", h, e.flip(0))


@wrong(check="attention_weights_values", why="padding has the score 0")
def attention_weights(scores, mask):
    return (scores * mask[:, None]).softmax(-1)


@wrong(check="attention_weights_values", why="padding is taken out after the softmax")
def attention_weights(scores, mask):
    return scores.softmax(-1) * mask[:, None]


@wrong(check="attention_weights_values", why="a softmax of its own that overflows")
def attention_weights(scores, mask):
    powers = scores.exp() * mask[:, None]
    return powers / powers.sum(-1, keepdim=True)


@wrong(check="attention_weights_values", why="a score for padding that is not below every other")
def attention_weights(scores, mask):
    return scores.masked_fill(~mask[:, None], -100.0).softmax(-1)


@wrong(check="attention_weights_values", why="a thousand off what padding has, which others may be far below")
def attention_weights(scores, mask):
    return (scores - 1000 * ~mask[:, None]).softmax(-1)


edits["attention_weights", "attention_weights_values"] = {
    "looks at padding": {"~mask": "mask"},
    "over the decoder's states": {"softmax(-1)": "softmax(1)"},
    "the mask of the first row for all": {"~mask[:, None]": "~mask[:1, None]"},
    "no mask": {"scores.masked_fill(~mask[:, None], -math.inf)": "scores"},
    "no way back": {"softmax(-1)": "softmax(-1).detach()"},
}


edits["read", "read_values"] = {
    "divided by S": {"weights @ e": "weights @ e / e.shape[1]"},
    "no way back to e": {"weights @ e": "weights @ e.detach()"},
}


@wrong(check="read_values", why="the place that has the largest share, alone")
def read(weights, e):
    best = weights.argmax(-1)
    return (
        e[torch.arange(len(e))[:, None], best]
        * weights.amax(-1, keepdim=True)
        / weights.amax(-1, keepdim=True)
    )


@wrong(check="read_values", why="the sum over states, not over places")
def read(weights, e):
    return weights.sum(-1, keepdim=True) * e.mean(1, keepdim=True)


edits["additive_scores", "additive_scores_values"] = {
    "no tanh": {"torch.tanh(queries[:, :, None] + keys[:, None])": "(queries[:, :, None] + keys[:, None])"},
    "tanh of each part": {
        "torch.tanh(queries[:, :, None] + keys[:, None])": "(queries.tanh()[:, :, None] + keys.tanh()[:, None])"
    },
    "rows and columns exchanged": {
        "queries[:, :, None] + keys[:, None]": "queries[:, None] + keys[:, :, None]"
    },
    "v is left out": {"@ v": ".sum(-1)"},
    "no way back to v": {"@ v": "@ v.detach()"},
    "W reads the encoder's states": {"h @ W.T, e @ U.T": "h @ U.T, e @ W.T"},
    "tanh of the score": {
        "torch.tanh(queries[:, :, None] + keys[:, None]) @ v": "torch.tanh((queries[:, :, None] + keys[:, None]) @ v)"
    },
}


edits["Decoder", "decoder_values"] = {
    "the state before asks": {
        "h = self.cell(": "old, h = h, self.cell(",
        "dot_scores(h[:, None], e)": "dot_scores(old[:, None], e)",
    },
    "looks at padding": {"e), mask)": "e), torch.ones_like(mask))"},
    "what was read last is not read by the cell": {
        "torch.cat([self.table(y), c], 1)": "torch.cat([self.table(y), 0 * c], 1)"
    },
    "reading before word": {"torch.cat([self.table(y), c], 1)": "torch.cat([c, self.table(y)], 1)"},
    "reading before state": {"torch.cat([h, c], 1)": "torch.cat([c, h], 1)"},
    "no tanh": {"torch.tanh(self.mix": "(self.mix"},
    "probabilities": {"told @ self.table.weight.T": "(told @ self.table.weight.T).softmax(-1)"},
    "no dropout": {"self.dropout(torch.cat([h, c], 1))": "torch.cat([h, c], 1)"},
    "drops outside training, too": {
        "self.dropout(torch.cat([h, c], 1))": "nn.functional.dropout(torch.cat([h, c], 1), self.dropout.p)"
    },
    "drops what the cell reads, too": {
        "self.cell(torch.cat([self.table(y), c], 1), h)": "self.cell(torch.cat([self.dropout(self.table(y)), c], 1), h)"
    },
    "the old reading is handed on": {
        "c = read(weights, e)[:, 0]": "now = read(weights, e)[:, 0]",
        "torch.cat([h, c], 1)": "torch.cat([h, now], 1)",
    },
    "an axis too many": {"weights[:, 0]": "weights"},
    "four things instead of three": {"(h, c), weights[:, 0]": "h, c, weights[:, 0]"},
}


edits["beam_search", "beam_search_values"] = {
    "one word's worth alone": {"worth + float(p)": "float(p)"},
    "the worth comes first": {"return words, worth": "return worth, words"},
    "the worst": {"reverse=True": "reverse=False"},
    "the state before, not the one after": {"[*words, word], after": "[*words, word], before"},
    "goes on behind an end": {"going = [one for one in best if one[1][-1] != END]": "going = best"},
    "stops at the first end": {"if not going:": "if done or not going:"},
    "what is done takes places away from later rounds": {
        "reverse=True)[:width]": "reverse=True)[: width - len(done)]"
    },
    "stops once as many have ended as are kept": {"if not going:": "if not going or len(done) >= width:"},
    "forgets what has ended": {
        "max(done + [(worth, words) for worth, words, _ in going]": "max([one[:2] for one in going] or done"
    },
    "what has not ended does not count": {
        "max(done + [(worth, words) for worth, words, _ in going]": "max(done or [one[:2] for one in going]"
    },
    "the best of each beginning, not of all": {
        "longer += [(worth + float(p), [*words, word], after) for word, p in enumerate(chances)]": (
            "word = max(range(len(chances)), key=lambda n: chances[n])\n"
            "            longer += [(worth + float(chances[word]), [*words, word], after)]"
        )
    },
    "the first word is read as word 0": {"words[-1] if words else END": "words[-1] if words else 0"},
    "a probability, not its logarithm": {"return words, worth": "return words, math.exp(worth)"},
    "judges by the mean of a word": {
        "words, _ in going], key=lambda one: one[0])": "words, _ in going], key=lambda one: one[0] / len(one[1]))"
    },
    "ends that are not among the best count as well": {
        "best = sorted(longer, key=lambda one: one[0], reverse=True)[:width]": (
            "longer.sort(key=lambda one: one[0], reverse=True)\n"
            "        best = [one for one in longer if one[1][-1] != END][:width]\n"
            "        best += [one for one in longer if one[1][-1] == END]"
        )
    },
    "END is left out": {"return words, worth": "return [word for word in words if word != END], worth"},
}


edits["matches", "matches_values"] = {
    "each n-gram's count, not their sum": {"sum(found.values())": "list(found.values())"},
    "words are joined without a space: a bc and ab c are one": {
        "tuple(words[i : i + n])": '"".join(words[i : i + n])'
    },
    "one run too few": {"range(len(words) - n + 1)": "range(len(words) - n)"},
    "shorter runs at the end count as well": {"range(len(words) - n + 1)": "range(len(words))"},
    "counts the reference's": {"sum(found.values())": "sum(wanted.values())"},
    "the order within a run is lost": {"tuple(words[i : i + n])": "tuple(sorted(words[i : i + n]))"},
}


@wrong(check="matches_values", why="whatever is in the reference counts")
def matches(output, reference, n):
    grams = [tuple(output[i : i + n]) for i in range(len(output) - n + 1)]
    wanted = {tuple(reference[i : i + n]) for i in range(len(reference) - n + 1)}
    return sum(gram in wanted for gram in grams), len(grams)


@wrong(check="matches_values", why="kinds, not places")
def matches(output, reference, n):
    found, wanted = (
        {tuple(words[i : i + n]) for i in range(len(words) - n + 1)} for words in (output, reference)
    )
    return len(found & wanted), len(found)


edits["bleu", "bleu_values"] = {
    "from 0 to 1": {"100 * math.exp": "math.exp"},
    "no punishment": {" + min(0.0, 1 - r / c)": ""},
    "punishes long ones too": {"min(0.0, 1 - r / c)": "-abs(1 - r / c)"},
    "rewards length": {"min(0.0, 1 - r / c)": "1 - r / c"},
    "c and r exchanged": {"1 - r / c": "1 - c / r"},
    "three at most": {"range(1, 5)": "range(1, 4)", "/ total) / 4": "/ total) / 3"},
    "halves once only": {"halves *= 2": "halves = 2"},
    "0 where an n has no match": {"if total == 0 or (n == 1 and right == 0)": "if right == 0"},
}


@wrong(check="bleu_values", why="the mean over sentences")
def bleu(outputs, references):
    total = 0.0
    for output, reference in zip(outputs, references):
        logs, halves = 0.0, 1
        for n in range(1, 5):
            right, all_ = matches(output, reference, n)
            if all_ == 0 or (n == 1 and right == 0):
                break
            if right == 0:
                halves *= 2
            logs += math.log((right or 1 / halves) / all_) / 4
        else:
            total += 100 * math.exp(logs + min(0.0, 1 - len(reference) / len(output)))
    return total / len(outputs)


@wrong(check="bleu_values", why="the arithmetic mean of the shares")
def bleu(outputs, references):
    shares = []
    for n in range(1, 5):
        counts = [matches(output, reference, n) for output, reference in zip(outputs, references)]
        right, total = (sum(column) for column in zip(*counts))
        shares.append(right / total if total else 0.0)
    c, r = (sum(map(len, sentences)) for sentences in (outputs, references))
    return 100 * sum(shares) / 4 * math.exp(min(0.0, 1 - r / c))
