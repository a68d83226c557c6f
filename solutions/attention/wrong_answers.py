"""The commonest mistakes in the exercises of the lab `attention`, each with the check that must catch it."""

import math

import torch

edit(
    "dot_scores",
    check="dot_scores_values",
    why="rows and columns exchanged",
    change={"h @ e.transpose(1, 2)": "e @ h.transpose(1, 2)"},
)
edit(
    "dot_scores",
    check="dot_scores_values",
    why="divided by the root of H",
    change={"h @ e.transpose(1, 2)": "h @ e.transpose(1, 2) / h.shape[2] ** 0.5"},
)
edit(
    "dot_scores",
    check="dot_scores_values",
    why="a softmax at once",
    change={"h @ e.transpose(1, 2)": "(h @ e.transpose(1, 2)).softmax(-1)"},
)
edit(
    "dot_scores",
    check="dot_scores_values",
    why="no way back to the encoder",
    change={"h @ e.transpose(1, 2)": "h @ e.detach().transpose(1, 2)"},
)


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


edit("attention_weights", check="attention_weights_values", why="looks at padding", change={"~mask": "mask"})
edit(
    "attention_weights",
    check="attention_weights_values",
    why="over the decoder's states",
    change={"softmax(-1)": "softmax(1)"},
)
edit(
    "attention_weights",
    check="attention_weights_values",
    why="the mask of the first row for all",
    change={"~mask[:, None]": "~mask[:1, None]"},
)
edit(
    "attention_weights",
    check="attention_weights_values",
    why="no mask",
    change={"scores.masked_fill(~mask[:, None], -math.inf)": "scores"},
)
edit(
    "attention_weights",
    check="attention_weights_values",
    why="no way back",
    change={"softmax(-1)": "softmax(-1).detach()"},
)


edit("read", check="read_values", why="divided by S", change={"weights @ e": "weights @ e / e.shape[1]"})
edit("read", check="read_values", why="no way back to e", change={"weights @ e": "weights @ e.detach()"})


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


edit(
    "additive_scores",
    check="additive_scores_values",
    why="no tanh",
    change={"torch.tanh(queries[:, :, None] + keys[:, None])": "(queries[:, :, None] + keys[:, None])"},
)
edit(
    "additive_scores",
    check="additive_scores_values",
    why="tanh of each part",
    change={
        "torch.tanh(queries[:, :, None] + keys[:, None])": "(queries.tanh()[:, :, None] + keys.tanh()[:, None])"
    },
)
edit(
    "additive_scores",
    check="additive_scores_values",
    why="rows and columns exchanged",
    change={"queries[:, :, None] + keys[:, None]": "queries[:, None] + keys[:, :, None]"},
)
edit("additive_scores", check="additive_scores_values", why="v is left out", change={"@ v": ".sum(-1)"})
edit(
    "additive_scores", check="additive_scores_values", why="no way back to v", change={"@ v": "@ v.detach()"}
)
edit(
    "additive_scores",
    check="additive_scores_values",
    why="W reads the encoder's states",
    change={"h @ W.T, e @ U.T": "h @ U.T, e @ W.T"},
)
edit(
    "additive_scores",
    check="additive_scores_values",
    why="tanh of the score",
    change={
        "torch.tanh(queries[:, :, None] + keys[:, None]) @ v": "torch.tanh((queries[:, :, None] + keys[:, None]) @ v)"
    },
)


edit(
    "Decoder",
    check="decoder_values",
    why="the state before asks",
    change={
        "h = self.cell(": "old, h = h, self.cell(",
        "dot_scores(h[:, None], e)": "dot_scores(old[:, None], e)",
    },
)
edit(
    "Decoder",
    check="decoder_values",
    why="looks at padding",
    change={"e), mask)": "e), torch.ones_like(mask))"},
)
edit(
    "Decoder",
    check="decoder_values",
    why="what was read last is not read by the cell",
    change={"torch.cat([self.table(y), c], 1)": "torch.cat([self.table(y), 0 * c], 1)"},
)
edit(
    "Decoder",
    check="decoder_values",
    why="reading before word",
    change={"torch.cat([self.table(y), c], 1)": "torch.cat([c, self.table(y)], 1)"},
)
edit(
    "Decoder",
    check="decoder_values",
    why="reading before state",
    change={"torch.cat([h, c], 1)": "torch.cat([c, h], 1)"},
)
edit("Decoder", check="decoder_values", why="no tanh", change={"torch.tanh(self.mix": "(self.mix"})
edit(
    "Decoder",
    check="decoder_values",
    why="probabilities",
    change={"told @ self.table.weight.T": "(told @ self.table.weight.T).softmax(-1)"},
)
edit(
    "Decoder",
    check="decoder_values",
    why="no dropout",
    change={"self.dropout(torch.cat([h, c], 1))": "torch.cat([h, c], 1)"},
)
edit(
    "Decoder",
    check="decoder_values",
    why="drops outside training, too",
    change={
        "self.dropout(torch.cat([h, c], 1))": "nn.functional.dropout(torch.cat([h, c], 1), self.dropout.p)"
    },
)
edit(
    "Decoder",
    check="decoder_values",
    why="drops what the cell reads, too",
    change={
        "self.cell(torch.cat([self.table(y), c], 1), h)": "self.cell(torch.cat([self.dropout(self.table(y)), c], 1), h)"
    },
)
edit(
    "Decoder",
    check="decoder_values",
    why="the old reading is handed on",
    change={
        "c = read(weights, e)[:, 0]": "now = read(weights, e)[:, 0]",
        "torch.cat([h, c], 1)": "torch.cat([h, now], 1)",
    },
)
edit("Decoder", check="decoder_values", why="an axis too many", change={"weights[:, 0]": "weights"})
edit(
    "Decoder",
    check="decoder_values",
    why="four things instead of three",
    change={"(h, c), weights[:, 0]": "h, c, weights[:, 0]"},
)


edit(
    "beam_search",
    check="beam_search_values",
    why="one word's worth alone",
    change={"worth + float(p)": "float(p)"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="the worth comes first",
    change={"return words, worth": "return worth, words"},
)
edit(
    "matches",
    check="matches_values",
    why="each n-gram's count, not their sum",
    change={"sum(found.values())": "list(found.values())"},
)
edit("beam_search", check="beam_search_values", why="the worst", change={"reverse=True": "reverse=False"})
edit(
    "beam_search",
    check="beam_search_values",
    why="the state before, not the one after",
    change={"[*words, word], after": "[*words, word], before"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="goes on behind an end",
    change={"going = [one for one in best if one[1][-1] != END]": "going = best"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="stops at the first end",
    change={"if not going:": "if done or not going:"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="what is done takes places away from later rounds",
    change={"reverse=True)[:width]": "reverse=True)[: width - len(done)]"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="stops once as many have ended as are kept",
    change={"if not going:": "if not going or len(done) >= width:"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="forgets what has ended",
    change={
        "max(done + [(worth, words) for worth, words, _ in going]": "max([one[:2] for one in going] or done"
    },
)
edit(
    "beam_search",
    check="beam_search_values",
    why="what has not ended does not count",
    change={
        "max(done + [(worth, words) for worth, words, _ in going]": "max(done or [one[:2] for one in going]"
    },
)
edit(
    "beam_search",
    check="beam_search_values",
    why="the best of each beginning, not of all",
    change={
        "longer += [(worth + float(p), [*words, word], after) for word, p in enumerate(chances)]": (
            "word = max(range(len(chances)), key=lambda n: chances[n])\n"
            "            longer += [(worth + float(chances[word]), [*words, word], after)]"
        )
    },
)
edit(
    "beam_search",
    check="beam_search_values",
    why="the first word is read as word 0",
    change={"words[-1] if words else END": "words[-1] if words else 0"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="a probability, not its logarithm",
    change={"return words, worth": "return words, math.exp(worth)"},
)
edit(
    "beam_search",
    check="beam_search_values",
    why="judges by the mean of a word",
    change={
        "words, _ in going], key=lambda one: one[0])": "words, _ in going], key=lambda one: one[0] / len(one[1]))"
    },
)
edit(
    "beam_search",
    check="beam_search_values",
    why="ends that are not among the best count as well",
    change={
        "best = sorted(longer, key=lambda one: one[0], reverse=True)[:width]": (
            "longer.sort(key=lambda one: one[0], reverse=True)\n"
            "        best = [one for one in longer if one[1][-1] != END][:width]\n"
            "        best += [one for one in longer if one[1][-1] == END]"
        )
    },
)
edit(
    "beam_search",
    check="beam_search_values",
    why="END is left out",
    change={"return words, worth": "return [word for word in words if word != END], worth"},
)


@wrong(check="matches_values", why="whatever is in the reference counts")
def matches(output, reference, n):
    grams = [tuple(output[i : i + n]) for i in range(len(output) - n + 1)]
    wanted = {tuple(reference[i : i + n]) for i in range(len(reference) - n + 1)}
    return sum(gram in wanted for gram in grams), len(grams)


edit(
    "matches",
    check="matches_values",
    why="words are joined without a space: a bc and ab c are one",
    change={"tuple(words[i : i + n])": '"".join(words[i : i + n])'},
)


@wrong(check="matches_values", why="kinds, not places")
def matches(output, reference, n):
    found, wanted = (
        {tuple(words[i : i + n]) for i in range(len(words) - n + 1)} for words in (output, reference)
    )
    return len(found & wanted), len(found)


edit(
    "matches",
    check="matches_values",
    why="one run too few",
    change={"range(len(words) - n + 1)": "range(len(words) - n)"},
)
edit(
    "matches",
    check="matches_values",
    why="shorter runs at the end count as well",
    change={"range(len(words) - n + 1)": "range(len(words))"},
)
edit(
    "matches",
    check="matches_values",
    why="counts the reference's",
    change={"sum(found.values())": "sum(wanted.values())"},
)
edit(
    "matches",
    check="matches_values",
    why="the order within a run is lost",
    change={"tuple(words[i : i + n])": "tuple(sorted(words[i : i + n]))"},
)


edit("bleu", check="bleu_values", why="from 0 to 1", change={"100 * math.exp": "math.exp"})
edit("bleu", check="bleu_values", why="no punishment", change={" + min(0.0, 1 - r / c)": ""})
edit(
    "bleu",
    check="bleu_values",
    why="punishes long ones too",
    change={"min(0.0, 1 - r / c)": "-abs(1 - r / c)"},
)
edit("bleu", check="bleu_values", why="rewards length", change={"min(0.0, 1 - r / c)": "1 - r / c"})
edit("bleu", check="bleu_values", why="c and r exchanged", change={"1 - r / c": "1 - c / r"})
edit(
    "bleu",
    check="bleu_values",
    why="three at most",
    change={"range(1, 5)": "range(1, 4)", "/ total) / 4": "/ total) / 3"},
)
edit("bleu", check="bleu_values", why="halves once only", change={"halves *= 2": "halves = 2"})
edit(
    "bleu",
    check="bleu_values",
    why="0 where an n has no match",
    change={"if total == 0 or (n == 1 and right == 0)": "if right == 0"},
)


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
