"""Mistakes that the checks of the lab `programs` must see."""

import torch
import torch.nn.functional as F

edit(
    "curriculum",
    check="curriculum_values",
    why="levels are counted from 0",
    change={"1 + (draws": "(draws"},
)
edit(
    "curriculum",
    check="curriculum_values",
    why="up to the level that was reached",
    change={"* top).long()": "* level).long()"},
)
edit(
    "curriculum",
    check="curriculum_values",
    why="rounds",
    change={"(draws[:, 0] * top).long()": "(draws[:, 0] * top).round().long()"},
)
edit(
    "curriculum",
    check="curriculum_values",
    why="naive and mix are exchanged",
    change={"< 0.5, naive, mix": "< 0.5, mix, naive"},
)
edit(
    "curriculum",
    check="curriculum_values",
    why="a half is taken for below a half",
    change={"draws[:, 1] < 0.5": "draws[:, 1] <= 0.5"},
)
edit(
    "curriculum",
    check="curriculum_values",
    why="the first draw chooses the strategy",
    change={"draws[:, 1] < 0.5": "draws[:, 0] < 0.5"},
)
edit(
    "curriculum",
    check="curriculum_values",
    why="one choice for the whole batch",
    change={"draws[:, 1] < 0.5": "draws[0, 1] < 0.5"},
)


@wrong(check="curriculum_values", why="numbers that are not whole by type: no program can be made of them")
def curriculum(strategy, level, top, draws):
    mix = torch.floor(draws[:, 0] * top) + 1
    share = {"naive": 1.0, "mix": 0.0, "combined": 0.5}[strategy]
    return torch.where(draws[:, 1] < share, float(level), mix)


edit(
    "mental_image",
    check="mental_image_values",
    why="places come before channels",
    change={").mT": ")"},
)
edit(
    "mental_image",
    check="mental_image_values",
    why="both numbers with the first table",
    change={"table[1][bits[:, 1]]": "table[0][bits[:, 1]]"},
)
edit(
    "mental_image",
    check="mental_image_values",
    why="only the first number",
    change={" + table[1][bits[:, 1]]": ""},
)
edit(
    "mental_image",
    check="mental_image_values",
    why="the thread is cut",
    change={"return (table": "table = table.detach()\n    return (table"},
)


@wrong(check="mental_image_values", why="reshaped, not turned over")
def mental_image(bits, table):
    image = table[0][bits[:, 0]] + table[1][bits[:, 1]]
    return image.reshape(len(bits), -1, bits.shape[2])


edit(
    "cgru",
    check="cgru_values",
    why="a sigmoid that is not cut off",
    change={"cutoff(blurred(gates, blur))": "blurred(gates, blur).sigmoid()"},
)
edit(
    "cgru",
    check="cgru_values",
    why="old and new are exchanged",
    change={"return u * s + (1 - u) *": "return (1 - u) * s + u *"},
)
edit("cgru", check="cgru_values", why="no reset", change={"F.conv1d(r * s,": "F.conv1d(s,"})
edit("cgru", check="cgru_values", why="the gates are exchanged", change={"    u, r =": "    r, u ="})
edit(
    "cgru",
    check="cgru_values",
    why="the candidate has no tanh",
    change={"blurred(candidate, blur).tanh()": "blurred(candidate, blur)"},
)
edit(
    "cgru",
    check="cgru_values",
    why="the candidate has no bias",
    change={"W[2 * c :], b[2 * c :], padding": "W[2 * c :], padding"},
)
edit(
    "cgru",
    check="cgru_values",
    why="no noise in the gates",
    change={"cutoff(blurred(gates, blur))": "cutoff(gates)"},
)
edit(
    "cgru",
    check="cgru_values",
    why="no noise in the candidate",
    change={"blurred(candidate, blur).tanh()": "candidate.tanh()"},
)
edit(
    "cgru",
    check="cgru_values",
    why="noise behind tanh and gates",
    change={
        "cutoff(blurred(gates, blur))": "blurred(cutoff(gates), blur)",
        "blurred(candidate, blur).tanh()": "blurred(candidate.tanh(), blur)",
    },
)


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


edit("iterate", check="iterate_values", why="one step too many", change={"range(steps)": "range(steps + 1)"})
edit(
    "iterate",
    check="iterate_values",
    why="always begins anew",
    change={"s = cgru(s, W": "result = cgru(s, W"},
)
edit("iterate", check="iterate_values", why="the blur is not handed on", change={"b, blur)": "b)"})
edit(
    "iterate",
    check="iterate_values",
    why="the thread is cut at every step",
    change={"s = cgru(s, W": "s = cgru(s.detach(), W"},
)

edit("decode", check="decode_values", why="no sigmoid", change={"(h @ W_end).sigmoid()": "h @ W_end"})
edit(
    "decode",
    check="decode_values",
    why="the key itself",
    change={"h @ W_key.T @ keys.T": "h @ W_key.T"},
)
edit(
    "decode",
    check="decode_values",
    why="chances instead of scores",
    change={"h @ W_key.T @ keys.T": "(h @ W_key.T @ keys.T).softmax(-1)"},
)
edit(
    "decode",
    check="decode_values",
    why="programs and arguments are exchanged",
    change={"h @ W_key.T @ keys.T, h @ W_arg.T": "h @ W_arg.T, h @ W_key.T @ keys.T"},
)
edit(
    "decode",
    check="decode_values",
    why="by the cosine",
    change={
        "h @ W_key.T @ keys.T": "F.cosine_similarity((h @ W_key.T)[:, None], keys[None], dim=-1)",
    },
)

edit(
    "execute",
    check="execute_values",
    why="what is said together with 'return' counts",
    change={
        "        if returns:\n            continue\n        calls.append((current, state))\n": (
            "        if not returns:\n            calls.append((current, state))\n"
        )
    },
)
edit(
    "execute",
    check="execute_values",
    why="a call does not come back",
    change={
        "        else:\n            calls.append((called, None))": (
            "        else:\n            calls[-1] = (called, None)"
        )
    },
)
edit(
    "execute",
    check="execute_values",
    why="the state is not kept",
    change={"calls.append((current, state))": "calls.append((current, None))"},
)
edit(
    "execute",
    check="execute_values",
    why="a new call has the old one's state",
    change={"calls.append((called, None))": "calls.append((called, state))"},
)
edit(
    "execute",
    check="execute_values",
    why="depth begins with 0",
    change={"(len(calls), called": "(len(calls) - 1, called"},
)
edit(
    "execute",
    check="execute_values",
    why="acts without their argument",
    change={"act(called, argument)": "act(called, 0)"},
)
edit(
    "execute",
    check="execute_values",
    why="never stops by itself",
    change={"while calls and most > 0:": "while calls and most > -1000:"},
)
edit(
    "execute",
    check="execute_values",
    why="steps that return are not counted",
    change={"        most -= 1\n": "", "            continue\n": "            continue\n        most -= 1\n"},
)
edit(
    "execute",
    check="execute_values",
    why="the newest call is run last",
    change={"calls.append((called, None))": "calls.insert(0, (called, None))"},
)
edit(
    "execute",
    check="execute_values",
    why="looks once",
    change={
        "trace, calls = [], [(program, None)]": "trace, calls, seen = [], [(program, None)], see()",
        "step(current, see(), state)": "step(current, seen, state)",
    },
)

edit("push", check="stack_values", why="the top goes back", change={"top.roll(1, 1)": "top.roll(-1, 1)"})
edit(
    "push",
    check="stack_values",
    why="nothing is erased",
    change={"(value[:, None] - cells)": "value[:, None]"},
)
edit(
    "push",
    check="stack_values",
    why="written before the top moves",
    change={
        "    top = top.roll(1, 1)\n    return cells + top[..., None] * (value[:, None] - cells), top": (
            "    return cells + top[..., None] * (value[:, None] - cells), top.roll(1, 1)"
        )
    },
)
edit(
    "push",
    check="stack_values",
    why="written into the old cells",
    change={
        "return cells + top[..., None] * (value[:, None] - cells), top": (
            "return cells.data.add_(top[..., None] * (value[:, None] - cells)), top"
        )
    },
)
edit(
    "push",
    check="stack_values",
    why="changes the old cells, with right numbers and gradients",
    change={
        "return cells + top[..., None] * (value[:, None] - cells), top": (
            "cells += top[..., None] * (value[:, None] - cells)\n    return cells, top"
        )
    },
)
edit(
    "pop",
    cell="push",
    check="stack_values",
    why="the top moves first",
    change={
        "(top[:, None] @ cells)[:, 0], top.roll(-1, 1)": "(top.roll(-1, 1)[:, None] @ cells)[:, 0], top.roll(-1, 1)"
    },
)
edit(
    "pop",
    cell="push",
    check="stack_values",
    why="a hard choice of the cell",
    change={"(top[:, None] @ cells)[:, 0]": "cells[torch.arange(len(top)), top.argmax(1)]"},
)

edit(
    "swap_or_not",
    check="swap_or_not_values",
    why="the score is the chance",
    change={"table.sigmoid()": "table"},
)
edit(
    "swap_or_not",
    check="swap_or_not_values",
    why="above and below are exchanged in the table",
    change={'"bi,ij,bj->b", above': '"bj,ij,bi->b", above'},
)
edit(
    "swap_or_not",
    check="swap_or_not_values",
    why="exchanges where it should not",
    change={
        "return p * below + (1 - p) * above, p * above + (1 - p) * below": (
            "return p * above + (1 - p) * below, p * below + (1 - p) * above"
        )
    },
)
edit(
    "swap_or_not",
    check="swap_or_not_values",
    why="the sigmoid of the mean score",
    change={
        '"bi,ij,bj->b", above, table.sigmoid(), below)[:, None]': (
            '"bi,ij,bj->b", above, table, below)[:, None].sigmoid()'
        )
    },
)
edit(
    "swap_or_not",
    check="swap_or_not_values",
    why="a hard choice: no slope leads to the table",
    change={"p = torch": "p = 0.0 + torch", "below)[:, None]": "below)[:, None].round()"},
)

edit(
    "advance",
    check="advance_values",
    why="what jumps goes on as well",
    change={"at * (1 - jumps)": "at + 0 * jumps"},
)
edit(
    "advance",
    check="advance_values",
    why="the end loses what it had",
    change={"onward[:, -1:] + counter[:, -1:]": "onward[:, -1:]"},
)
edit(
    "advance",
    check="advance_values",
    why="what does not jump stays",
    change={"(1, 0))": "(0, 1))"},
)
edit(
    "advance",
    check="advance_values",
    why="nothing jumps",
    change={"onward.index_add(1, targets, at * jumps)": "onward"},
)


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


edit(
    "superpose",
    check="superpose_values",
    why="the mean, wherever the counter is",
    change={
        'torch.einsum("bi,ib...->b...", counter, torch.stack(list(outcomes)))': (
            "(torch.stack(list(outcomes)) + 0 * counter.sum()).mean(0)"
        )
    },
)
edit(
    "superpose",
    check="superpose_values",
    why="every example with the first one's counter",
    change={'"bi,ib...->b...", counter': '"i,ib...->b...", counter[0]'},
)


@wrong(check="superpose_values", why="only the likeliest line")
def superpose(counter, outcomes):
    return torch.stack(list(outcomes))[counter.argmax(1), torch.arange(len(counter))]
