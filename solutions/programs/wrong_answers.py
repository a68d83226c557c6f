"""Mistakes that the checks of the lab `programs` must see."""

import torch


import torch.nn.functional as F


edits["curriculum", "curriculum_values"] = {
    "levels are counted from 0": {"1 + (draws": "(draws"},
    "up to the level that was reached": {"* top).long()": "* level).long()"},
    "rounds": {"(draws[:, 0] * top).long()": "(draws[:, 0] * top).round().long()"},
    "naive and mix are exchanged": {"< 0.5, naive, mix": "< 0.5, mix, naive"},
    "a half is taken for below a half": {"draws[:, 1] < 0.5": "draws[:, 1] <= 0.5"},
    "the first draw chooses the strategy": {"draws[:, 1] < 0.5": "draws[:, 0] < 0.5"},
    "one choice for the whole batch": {"draws[:, 1] < 0.5": "draws[0, 1] < 0.5"},
}


@wrong(check="curriculum_values", why="numbers that are not whole by type: no program can be made of them")
def curriculum(strategy, level, top, draws):
    mix = torch.floor(draws[:, 0] * top) + 1
    share = {"naive": 1.0, "mix": 0.0, "combined": 0.5}[strategy]
    return torch.where(draws[:, 1] < share, float(level), mix)


edits["mental_image", "mental_image_values"] = {
    "places come before channels": {").mT": ")"},
    "both numbers with the first table": {"table[1][bits[:, 1]]": "table[0][bits[:, 1]]"},
    "only the first number": {" + table[1][bits[:, 1]]": ""},
    "the thread is cut": {"return (table": "table = table.detach()\n    return (table"},
}


@wrong(check="mental_image_values", why="reshaped, not turned over")
def mental_image(bits, table):
    image = table[0][bits[:, 0]] + table[1][bits[:, 1]]
    return image.reshape(len(bits), -1, bits.shape[2])


edits["cgru", "cgru_values"] = {
    "a sigmoid that is not cut off": {"cutoff(blurred(gates, blur))": "blurred(gates, blur).sigmoid()"},
    "old and new are exchanged": {"return u * s + (1 - u) *": "return (1 - u) * s + u *"},
    "no reset": {"F.conv1d(r * s,": "F.conv1d(s,"},
    "the gates are exchanged": {"    u, r =": "    r, u ="},
    "the candidate has no tanh": {"blurred(candidate, blur).tanh()": "blurred(candidate, blur)"},
    "the candidate has no bias": {"W[2 * c :], b[2 * c :], padding": "W[2 * c :], padding"},
    "no noise in the gates": {"cutoff(blurred(gates, blur))": "cutoff(gates)"},
    "no noise in the candidate": {"blurred(candidate, blur).tanh()": "candidate.tanh()"},
    "noise behind tanh and gates": {
        "cutoff(blurred(gates, blur))": "blurred(cutoff(gates), blur)",
        "blurred(candidate, blur).tanh()": "blurred(candidate.tanh(), blur)",
    },
}


@wrong(check="cgru_values", why="a ring")
def cgru(s, W, b, blur=0.0):
    c, reach = s.shape[1], W.shape[2] // 2

    def conv(x, part):
        return F.conv1d(F.pad(x, (reach, reach), mode="circular"), W[part], b[part])

    u, r = cutoff(blurred(conv(s, slice(0, 2 * c)), blur)).chunk(2, dim=1)
    return u * s + (1 - u) * blurred(conv(r * s, slice(2 * c, None)), blur).tanh()


@wrong(check="cgru_values", why="the reset gate comes after the convolution")
def cgru(s, W, b, blur=0.0):
    c, reach = s.shape[1], W.shape[2] // 2
    parts = F.conv1d(s, W, b, padding=reach)
    u, r = cutoff(blurred(parts[:, : 2 * c], blur)).chunk(2, dim=1)
    return u * s + (1 - u) * blurred(r * parts[:, 2 * c :], blur).tanh()


edits["iterate", "iterate_values"] = {
    "one step too many": {"range(steps)": "range(steps + 1)"},
    "always begins anew": {"s = cgru(s, W": "result = cgru(s, W"},
    "the blur is not handed on": {"b, blur)": "b)"},
    "the thread is cut at every step": {"s = cgru(s, W": "s = cgru(s.detach(), W"},
}


edits["decode", "decode_values"] = {
    "no sigmoid": {"(h @ W_end).sigmoid()": "h @ W_end"},
    "the key itself": {"h @ W_key.T @ keys.T": "h @ W_key.T"},
    "chances instead of scores": {"h @ W_key.T @ keys.T": "(h @ W_key.T @ keys.T).softmax(-1)"},
    "programs and arguments are exchanged": {
        "h @ W_key.T @ keys.T, h @ W_arg.T": "h @ W_arg.T, h @ W_key.T @ keys.T"
    },
    "by the cosine": {
        "h @ W_key.T @ keys.T": "F.cosine_similarity((h @ W_key.T)[:, None], keys[None], dim=-1)",
    },
}


edits["execute", "execute_values"] = {
    "what is said together with 'return' counts": {
        "        if returns:\n            continue\n        calls.append((current, state))\n": (
            "        if not returns:\n            calls.append((current, state))\n"
        )
    },
    "a call does not come back": {
        "        else:\n            calls.append((called, None))": (
            "        else:\n            calls[-1] = (called, None)"
        )
    },
    "the state is not kept": {"calls.append((current, state))": "calls.append((current, None))"},
    "a new call has the old one's state": {"calls.append((called, None))": "calls.append((called, state))"},
    "depth begins with 0": {"(len(calls), called": "(len(calls) - 1, called"},
    "acts without their argument": {"act(called, argument)": "act(called, 0)"},
    "never stops by itself": {"while calls and most > 0:": "while calls and most > -1000:"},
    "steps that return are not counted": {
        "        most -= 1\n": "",
        "            continue\n": "            continue\n        most -= 1\n",
    },
    "the newest call is run last": {"calls.append((called, None))": "calls.insert(0, (called, None))"},
    "looks once": {
        "trace, calls = [], [(program, None)]": "trace, calls, seen = [], [(program, None)], see()",
        "step(current, see(), state)": "step(current, seen, state)",
    },
}


edits["push", "stack_values"] = {
    "the top goes back": {"top.roll(1, 1)": "top.roll(-1, 1)"},
    "nothing is erased": {"(value[:, None] - cells)": "value[:, None]"},
    "written before the top moves": {
        "    top = top.roll(1, 1)\n    return cells + top[..., None] * (value[:, None] - cells), top": (
            "    return cells + top[..., None] * (value[:, None] - cells), top.roll(1, 1)"
        )
    },
    "written into the old cells": {
        "return cells + top[..., None] * (value[:, None] - cells), top": (
            "return cells.data.add_(top[..., None] * (value[:, None] - cells)), top"
        )
    },
    "changes the old cells, with right numbers and gradients": {
        "return cells + top[..., None] * (value[:, None] - cells), top": (
            "cells += top[..., None] * (value[:, None] - cells)\n    return cells, top"
        )
    },
}


edits["pop in push", "stack_values"] = {
    "the top moves first": {
        "(top[:, None] @ cells)[:, 0], top.roll(-1, 1)": "(top.roll(-1, 1)[:, None] @ cells)[:, 0], top.roll(-1, 1)"
    },
    "a hard choice of the cell": {
        "(top[:, None] @ cells)[:, 0]": "cells[torch.arange(len(top)), top.argmax(1)]"
    },
}


edits["swap_or_not", "swap_or_not_values"] = {
    "the score is the chance": {"table.sigmoid()": "table"},
    "above and below are exchanged in the table": {'"bi,ij,bj->b", above': '"bj,ij,bi->b", above'},
    "exchanges where it should not": {
        "return p * below + (1 - p) * above, p * above + (1 - p) * below": (
            "return p * above + (1 - p) * below, p * below + (1 - p) * above"
        )
    },
    "the sigmoid of the mean score": {
        '"bi,ij,bj->b", above, table.sigmoid(), below)[:, None]': (
            '"bi,ij,bj->b", above, table, below)[:, None].sigmoid()'
        )
    },
    "a hard choice: no slope leads to the table": {
        "p = torch": "p = 0.0 + torch",
        "below)[:, None]": "below)[:, None].round()",
    },
}


edits["advance", "advance_values"] = {
    "what jumps goes on as well": {"at * (1 - jumps)": "at + 0 * jumps"},
    "the end loses what it had": {"onward[:, -1:] + counter[:, -1:]": "onward[:, -1:]"},
    "what does not jump stays": {"(1, 0))": "(0, 1))"},
    "nothing jumps": {"onward.index_add(1, targets, at * jumps)": "onward"},
}


@wrong(check="advance_values", why="one of two that jump to the same line is lost")
def advance(counter, jumps, targets):
    at = counter[:, :-1]
    onward = F.pad(at * (1 - jumps), (1, 0))
    onward[:, -1] += counter[:, -1]
    jumped = torch.zeros_like(counter)
    jumped[:, targets] = at * jumps
    return onward + jumped


@wrong(check="advance_values", why="behind the last line comes the first")
def advance(counter, jumps, targets):
    at = counter[:, :-1]
    onward = F.pad((at * (1 - jumps)).roll(1, 1), (0, 1))
    return onward.index_add(1, targets, at * jumps)


edits["superpose", "superpose_values"] = {
    "the mean, wherever the counter is": {
        'torch.einsum("bi,ib...->b...", counter, torch.stack(list(outcomes)))': (
            "(torch.stack(list(outcomes)) + 0 * counter.sum()).mean(0)"
        )
    },
    "every example with the first one's counter": {
        '"bi,ib...->b...", counter': '"i,ib...->b...", counter[0]'
    },
}


@wrong(check="superpose_values", why="only the likeliest line")
def superpose(counter, outcomes):
    return torch.stack(list(outcomes))[counter.argmax(1), torch.arange(len(counter))]
