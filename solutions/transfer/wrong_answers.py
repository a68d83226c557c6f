"""The commonest mistakes in the exercises of the lab `transfer`, each with the check that must catch it."""

import torch


import torch.nn.functional as F


@wrong(check="standardise_values", why="the other examples by their own statistics")
def standardise(train, other):
    return (train - train.mean(0)) / (train.std(0, correction=0) + 1e-6), (other - other.mean(0)) / (
        other.std(0, correction=0) + 1e-6
    )


@wrong(check="standardise_values", why="divides by N - 1")
def standardise(train, other):
    m, s = train.mean(0), train.std(0) + 1e-6
    return (train - m) / s, (other - m) / s


@wrong(check="standardise_values", why="one mean and deviation for all")
def standardise(train, other):
    m, s = train.mean(), train.std(correction=0) + 1e-6
    return (train - m) / s, (other - m) / s


@wrong(check="standardise_values", why="divides by 0 where a feature never changes")
def standardise(train, other):
    m, s = train.mean(0), train.std(0, correction=0)
    return (train - m) / s, (other - m) / s


@wrong(check="standardise_values", why="statistics of training and other examples together")
def standardise(train, other):
    both = torch.cat([train, other])
    m, s = both.mean(0), both.std(0, correction=0) + 1e-6
    return (train - m) / s, (other - m) / s


@wrong(check="standardise_values", why="gives the training features alone")
def standardise(train, other):
    return (train - train.mean(0)) / (train.std(0, correction=0) + 1e-6)


@wrong(check="probe_values", why="adds the losses up")
def probe(x, y, classes, steps, rate, decay):
    W, b, truth = torch.zeros(classes, x.shape[1]), torch.zeros(classes), F.one_hot(y, classes)
    for _ in range(steps):
        error = torch.softmax(x @ W.T + b, 1) - truth
        W, b = W - rate * (error.T @ x + decay * W), b - rate * error.sum(0)
    return W, b


@wrong(check="probe_values", why="decays twice as fast: decay · W², not half of it")
def probe(x, y, classes, steps, rate, decay):
    W, b, truth = torch.zeros(classes, x.shape[1]), torch.zeros(classes), F.one_hot(y, classes)
    for _ in range(steps):
        error = (torch.softmax(x @ W.T + b, 1) - truth) / len(x)
        W, b = W - rate * (error.T @ x + 2 * decay * W), b - rate * error.sum(0)
    return W, b


@wrong(check="probe_values", why="the biases decay too")
def probe(x, y, classes, steps, rate, decay):
    W, b, truth = torch.zeros(classes, x.shape[1]), torch.zeros(classes), F.one_hot(y, classes)
    for _ in range(steps):
        error = (torch.softmax(x @ W.T + b, 1) - truth) / len(x)
        W, b = W - rate * (error.T @ x + decay * W), b - rate * (error.sum(0) + decay * b)
    return W, b


@wrong(check="probe_values", why="softmax over examples instead of classes")
def probe(x, y, classes, steps, rate, decay):
    W, b, truth = torch.zeros(classes, x.shape[1]), torch.zeros(classes), F.one_hot(y, classes)
    for _ in range(steps):
        error = (torch.softmax(x @ W.T + b, 0) - truth) / len(x)
        W, b = W - rate * (error.T @ x + decay * W), b - rate * error.sum(0)
    return W, b


@wrong(check="probe_values", why="forgets to return b")
def probe(x, y, classes, steps, rate, decay):
    W, b, truth = torch.zeros(classes, x.shape[1]), torch.zeros(classes), F.one_hot(y, classes)
    for _ in range(steps):
        error = (torch.softmax(x @ W.T + b, 1) - truth) / len(x)
        W, b = W - rate * (error.T @ x + decay * W), b - rate * error.sum(0)
    return W


@wrong(check="freeze_parts", why="batch normalisation keeps counting")
def freeze(net):
    for p in net.body.parameters():
        p.requires_grad_(False)
    for p in net.head.parameters():
        p.requires_grad_(True)


@wrong(check="freeze_parts", why="evaluation mode alone: the weights still learn")
def freeze(net):
    net.body.eval()


@wrong(check="freeze_parts", why="freezes the head too")
def freeze(net):
    net.requires_grad_(False)
    net.body.eval()


@wrong(check="groups_rates", why="the rates are swapped")
def parameter_groups(net, body_rate, head_rate):
    parts = ((net.body, head_rate), (net.head, body_rate))
    return [{"params": [p for p in part.parameters() if p.requires_grad], "lr": rate} for part, rate in parts]


@wrong(check="groups_rates", why="the head is in both groups")
def parameter_groups(net, body_rate, head_rate):
    parts = ((net, body_rate), (net.head, head_rate))
    return [{"params": [p for p in part.parameters() if p.requires_grad], "lr": rate} for part, rate in parts]


@wrong(check="groups_rates", why="takes frozen parameters too")
def parameter_groups(net, body_rate, head_rate):
    return [
        {"params": list(net.body.parameters()), "lr": body_rate},
        {"params": list(net.head.parameters()), "lr": head_rate},
    ]


@wrong(check="groups_rates", why="leaves the head's rate to the optimiser")
def parameter_groups(net, body_rate, head_rate):
    body, head = ([p for p in part.parameters() if p.requires_grad] for part in (net.body, net.head))
    return [{"params": body, "lr": body_rate}, {"params": head}]


@wrong(check="groups_rates", why="names and parameters in pairs")
def parameter_groups(net, body_rate, head_rate):
    parts = ((net.body, body_rate), (net.head, head_rate))
    return [
        {"params": [pair for pair in part.named_parameters() if pair[1].requires_grad], "lr": rate}
        for part, rate in parts
    ]


@wrong(check="gram_values", why="a sum over places")
def gram(maps):
    rows = maps.flatten(2)
    return rows @ rows.mT


@wrong(check="gram_values", why="a covariance")
def gram(maps):
    rows = maps.flatten(2)
    rows = rows - rows.mean(2, keepdim=True)
    return rows @ rows.mT / rows.shape[2]


@wrong(check="gram_values", why="also divides by the number of maps")
def gram(maps):
    rows = maps.flatten(2)
    return rows @ rows.mT / rows[0].numel()


@wrong(check="gram_values", why="mixes maps and places up")
def gram(maps):
    b, c, h, w = maps.shape
    rows = maps.permute(0, 2, 3, 1).reshape(b, c, h * w)
    return rows @ rows.mT / (h * w)


@wrong(check="style_values", why="adds the layers up")
def style_loss(stages, wanted):
    return sum(F.mse_loss(gram(maps), target) for maps, target in zip(stages, wanted))


@wrong(check="style_values", why="leaves PyTorch")
def style_loss(stages, wanted):
    each = [((gram(maps) - target) ** 2).mean().item() for maps, target in zip(stages, wanted)]
    return torch.tensor(each).mean()


@wrong(check="style_values", why="all entries alike, so wide layers count for more")
def style_loss(stages, wanted):
    return torch.cat([((gram(m) - t) ** 2).flatten() for m, t in zip(stages, wanted)]).mean()


@wrong(check="style_values", why="a new tensor that asks for gradients, but hangs on nothing")
def style_loss(stages, wanted):
    each = [((gram(maps) - target) ** 2).mean() for maps, target in zip(stages, wanted)]
    return torch.tensor([loss.item() for loss in each], requires_grad=True).mean()


@wrong(check="ascend_step", why="does not roll back")
def ascend(x, objective, rate, shift):
    moved = x.detach().roll(shift, dims=(2, 3)).requires_grad_()
    (g,) = torch.autograd.grad(objective(moved), moved)
    return (moved.detach() + rate * g / (g.abs().mean() + 1e-8)).clamp(0, 1)


@wrong(check="ascend_step", why="does not scale the gradient")
def ascend(x, objective, rate, shift):
    moved = x.detach().roll(shift, dims=(2, 3)).requires_grad_()
    (g,) = torch.autograd.grad(objective(moved), moved)
    return (moved.detach() + rate * g).roll((-shift[0], -shift[1]), dims=(2, 3)).clamp(0, 1)


@wrong(check="ascend_step", why="does not cut to [0, 1]")
def ascend(x, objective, rate, shift):
    moved = x.detach().roll(shift, dims=(2, 3)).requires_grad_()
    (g,) = torch.autograd.grad(objective(moved), moved)
    step = rate * g / (g.abs().mean() + 1e-8)
    return (moved.detach() + step).roll((-shift[0], -shift[1]), dims=(2, 3))


@wrong(check="ascend_step", why="gives an array of NumPy")
def ascend(x, objective, rate, shift):
    moved = x.detach().roll(shift, dims=(2, 3)).requires_grad_()
    (g,) = torch.autograd.grad(objective(moved), moved)
    step = rate * g / (g.abs().mean() + 1e-8)
    return (moved.detach() + step).roll((-shift[0], -shift[1]), dims=(2, 3)).clamp(0, 1).numpy()


@wrong(check="octaves_sides", why="from the largest to the smallest")
def octaves(side, count, scale):
    return [max(1, round(side / scale**n)) for n in range(count)]


@wrong(check="octaves_sides", why="cuts instead of rounding")
def octaves(side, count, scale):
    return [max(1, int(side / scale**n)) for n in reversed(range(count))]


@wrong(check="dream_octaves", why="loses the detail of earlier octaves")
def dream(x, objective, sides, steps, rate, reach):
    for side in sides:
        dreamt = resized(x, side)
        for _ in range(steps):
            dreamt = ascend(dreamt, objective, rate, tuple(torch.randint(-reach, reach + 1, (2,)).tolist()))
    return dreamt


@wrong(check="dream_octaves", why="enlarges the small dream instead of beginning with the picture")
def dream(x, objective, sides, steps, rate, reach):
    dreamt = x
    for side in sides:
        dreamt = resized(dreamt, side)
        for _ in range(steps):
            dreamt = ascend(dreamt, objective, rate, tuple(torch.randint(-reach, reach + 1, (2,)).tolist()))
    return dreamt


@wrong(check="dream_octaves", why="rounds numbers: the largest shifts come half as often")
def dream(x, objective, sides, steps, rate, reach):
    detail = torch.zeros_like(x)
    for side in sides:
        small = resized(x, side)
        dreamt = (small + resized(detail, side)).clamp(0, 1)
        for _ in range(steps):
            shift = ((2 * torch.rand(2) - 1) * reach).round().int().tolist()
            dreamt = ascend(dreamt, objective, rate, tuple(shift))
        detail = dreamt - small
    return dreamt


@wrong(check="dream_octaves", why="never moves up or left, nor by reach")
def dream(x, objective, sides, steps, rate, reach):
    detail = torch.zeros_like(x)
    for side in sides:
        small = resized(x, side)
        dreamt = (small + resized(detail, side)).clamp(0, 1)
        for _ in range(steps):
            dreamt = ascend(dreamt, objective, rate, tuple(torch.randint(0, max(reach, 1), (2,)).tolist()))
        detail = dreamt - small
    return dreamt


@wrong(check="class_map_values", why="a column instead of a row")
def class_map(maps, weight, k):
    return torch.einsum("bchw,c->bhw", maps, weight[:, k])


@wrong(check="class_map_values", why="a mean over maps")
def class_map(maps, weight, k):
    return (maps * weight[k].reshape(1, -1, 1, 1)).mean(1)


@wrong(check="class_map_values", why="cuts off what speaks against the class")
def class_map(maps, weight, k):
    return (maps * weight[k].reshape(1, -1, 1, 1)).sum(1).relu()


@wrong(check="groups_rates", why="knows the head by its width")
def parameter_groups(net, body_rate, head_rate):
    groups = [{"params": [], "lr": body_rate}, {"params": [], "lr": head_rate}]
    for p in net.parameters():
        if p.requires_grad:
            groups[p.shape[0] == net.head.out_features]["params"].append(p)
    return groups


edits["probe", "probe_values"] = {
    "a step of W first, then one of b at the new W": {
        "        W, b = W - rate * (error.T @ x + decay * W), b - rate * error.sum(0)": (
            "        W = W - rate * (error.T @ x + decay * W)\n"
            "        error = (torch.softmax(x @ W.T + b, dim=1) - truth) / len(x)\n"
            "        b = b - rate * error.sum(0)"
        )
    },
}


edits["freeze", "freeze_parts"] = {
    "the head as it was": {"net.head.requires_grad_(True)": "pass"},
    "the body's flag alone: what is in it stays in training mode": {
        "net.body.eval()": "net.body.training = False"
    },
    "knows the head by its width": {
        "net.body.requires_grad_(False)": (
            "for p in net.parameters():\n        p.requires_grad_(p.shape[0] == net.head.out_features)"
        ),
        "    net.head.requires_grad_(True)": "    pass",
    },
}


edits["parameter_groups", "groups_rates"] = {
    "copies of the parameters": {"[p for p in part": "[nn.Parameter(p.detach().clone()) for p in part"},
}


edits["gram", "gram_values"] = {
    "the maps are cut off": {"maps.flatten(2)": "maps.detach().flatten(2)"},
    "one side is cut off": {"rows @ rows.mT": "rows @ rows.detach().mT"},
}


edits["style_loss", "style_values"] = {
    "the first layer alone is learned": {
        "gram(maps) - target": "gram(maps if maps is stages[0] else maps.detach()) - target"
    },
}


edits["dream", "dream_octaves"] = {
    "a seed of its own": {
        "detail = torch.zeros_like(x)": "torch.manual_seed(0)\n    detail = torch.zeros_like(x)"
    },
}


edits["ascend", "ascend_step"] = {
    "gradients stay switched off": {"    step = rate": "    torch.set_grad_enabled(False)\n    step = rate"},
}
