"""Other correct ways to solve the exercises of the lab `programs`."""

import torch


import torch.nn.functional as F


@right(why="example by example, as a list")
def curriculum(strategy, level, top, draws):
    levels = []
    for first, second in draws.tolist():
        naive = strategy == "naive" or (strategy == "combined" and second < 0.5)
        levels.append(level if naive else 1 + int(first * top))
    return torch.tensor(levels)


@right(why="floor, one comparison for all strategies, and a whole type at the end")
def curriculum(strategy, level, top, draws):
    mix = torch.floor(draws[:, 0] * top) + 1
    share = {"naive": 1.0, "mix": 0.0, "combined": 0.5}[strategy]
    return torch.where(draws[:, 1] < share, level, mix).int()


@right(why="F.embedding and permute")
def mental_image(bits, table):
    return sum(F.embedding(bits[:, n], table[n]).permute(0, 2, 1) for n in range(2))


@right(why="one-hot vectors and an einsum")
def mental_image(bits, table):
    return torch.einsum("bnlk,nkc->bcl", F.one_hot(bits, 2).to(table.dtype), table)


@right(why="three convolutions")
def cgru(s, W, b, blur=0.0):
    c = s.shape[1]
    parts = [(W[k * c : (k + 1) * c], b[k * c : (k + 1) * c]) for k in range(3)]
    u, r = (cutoff(blurred(F.conv1d(s, *part, padding="same"), blur)) for part in parts[:2])
    new = torch.tanh(blurred(F.conv1d(r * s, *parts[2], padding="same"), blur))
    return new + u * (s - new)


@right(why="padded by hand, a sum over windows, noise of its own")
def cgru(s, W, b, blur=0.0):
    c, k = s.shape[1], W.shape[2]

    def conv(x, weight, bias):
        windows = F.pad(x, (k // 2, k // 2)).unfold(2, k, 1)
        out = torch.einsum("bilk,oik->bol", windows, weight) + bias[:, None]
        return out + blur * torch.randn(out.shape)

    u = (1.2 * torch.sigmoid(conv(s, W[:c], b[:c])) - 0.1).clamp(0, 1)
    r = (1.2 * torch.sigmoid(conv(s, W[c : 2 * c], b[c : 2 * c])) - 0.1).clamp(0, 1)
    return u * s + (1 - u) * torch.tanh(conv(r * s, W[2 * c :], b[2 * c :]))


@right(why="calls itself")
def iterate(s, W, b, steps, blur=0.0):
    return s if steps == 0 else iterate(cgru(s, W, b, blur), W, b, steps - 1, blur)


@right(why="F.linear, as a list")
def decode(h, W_end, W_key, keys, W_arg):
    scores = torch.einsum("bd,pd->bp", F.linear(h, W_key), keys)
    return [torch.sigmoid((h * W_end).sum(-1)), scores, F.linear(h, W_arg)]


@right(why="recursion, with one count for all calls")
def execute(step, see, act, acts, program, most):
    trace, left = [], [most]

    def run(current, depth):
        state = None
        while left[0] > 0:
            left[0] -= 1
            returns, called, argument, state = step(current, see(), state)
            if returns:
                return
            trace.append((depth, called, argument))
            if called in acts:
                act(called, argument)
            else:
                run(called, depth + 1)

    run(program, 1)
    return trace


@right(why="two lists, programs and states, and a for loop")
def execute(step, see, act, acts, program, most):
    programs, states, trace = [program], [None], []
    for _ in range(most):
        if not programs:
            break
        over, called, argument, states[-1] = step(programs[-1], see(), states[-1])
        if over:
            programs.pop()
            states.pop()
            continue
        trace.append([len(programs), called, argument])
        if called in acts:
            act(called, argument)
        else:
            programs.append(called)
            states.append(None)
    return trace


@right(why="erase, then add")
def push(cells, top, value):
    top = torch.roll(top, 1, dims=-1)
    return cells * (1 - top.unsqueeze(-1)) + torch.einsum("bn,bk->bnk", top, value), top


@right(cell="push", why="a sum of products, and the ring by concatenation")
def pop(cells, top):
    return (cells * top.unsqueeze(-1)).sum(1), torch.cat([top[:, 1:], top[:, :1]], dim=1)


@right(why="the table row by row")
def swap_or_not(above, below, table):
    p = ((above @ torch.sigmoid(table)) * below).sum(1, keepdim=True)
    new = above + p * (below - above)
    return [new, above + below - new]


@right(why="a plain loop over lines")
def advance(counter, jumps, targets):
    lines = jumps.shape[1]
    places = [torch.zeros(len(counter)) for _ in range(lines)] + [counter[:, lines]]
    for i in range(lines):
        t = int(targets[i])
        places[t] = places[t] + counter[:, i] * jumps[:, i]
        places[i + 1] = places[i + 1] + counter[:, i] * (1 - jumps[:, i])
    return torch.stack(places, dim=1)


@right(why="a matrix of jumps")
def advance(counter, jumps, targets):
    at, lines = counter[:, :-1], jumps.shape[1]
    jumped = (at * jumps) @ F.one_hot(targets, lines + 1).to(at.dtype)
    onward = (at * (1 - jumps)) @ torch.eye(lines + 1)[1:]
    return jumped + onward + counter * torch.eye(lines + 1)[-1]


@right(why="a loop over outcomes")
def superpose(counter, outcomes):
    total = 0
    for n, outcome in enumerate(outcomes):
        weight = counter[:, n].reshape(-1, *[1] * (outcome.dim() - 1))
        total = total + weight * outcome
    return total
