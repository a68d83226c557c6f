"""Mistakes that the checks of the lab `metalearning` must see."""

import torch


import torch.nn.functional as F


edits["episode", "episode_draws"] = {
    "classes may come twice": {
        "torch.randperm(len(examples), generator=generator)[:ways]": (
            "torch.randint(len(examples), (ways,), generator=generator)"
        )
    },
    "the query repeats the support": {"drawn[:, shots:]": "drawn[:, :queries]"},
    "always the first classes": {
        "torch.randperm(len(examples), generator=generator)[:ways]": "torch.arange(ways)"
    },
    "one order for all classes": {
        "torch.rand(ways, examples.shape[1], generator=generator)": (
            "torch.rand(1, examples.shape[1], generator=generator).expand(ways, -1)"
        )
    },
    "always the same examples": {
        "[:, : shots + queries]": "[:, : shots + queries].sort(1)[0] * 0 + torch.arange(shots + queries)"
    },
    "examples are drawn with putting back": {
        "torch.rand(ways, examples.shape[1], generator=generator).argsort(1)[:, : shots + queries]": (
            "torch.randint(examples.shape[1], (ways, shots + queries), generator=generator)"
        )
    },
    "the generator is not used": {"len(examples), generator=generator": "len(examples)"},
    "query before support": {"drawn[:, :shots], drawn[:, shots:]": "drawn[:, shots:], drawn[:, :shots]"},
}


@wrong(check="episode_draws", why="draws the query's classes anew")
def episode(examples, ways, shots, queries, generator=None):
    parts = []
    for count in (shots, queries):
        classes = torch.randperm(len(examples), generator=generator)[:ways]
        order = torch.rand(ways, examples.shape[1], generator=generator).argsort(1)[:, :count]
        parts.append(examples[classes[:, None], order])
    return tuple(parts)


@wrong(check="episode_draws", why="draws support and query each for itself, from the same classes")
def episode(examples, ways, shots, queries, generator=None):
    classes = torch.randperm(len(examples), generator=generator)[:ways]
    parts = []
    for count in (shots, queries):
        order = torch.rand(ways, examples.shape[1], generator=generator).argsort(1)[:, :count]
        parts.append(examples[classes[:, None], order])
    return tuple(parts)


edits["prototype_scores", "prototype_values"] = {
    "distances, not minus distances": {"-(query[:, None]": "(query[:, None]"},
    "not squared": {".sum(-1)": ".sum(-1).sqrt()"},
    "the mean over numbers": {".sum(-1)": ".mean(-1)"},
    "a sum for a mean": {"support.mean(1)": "support.sum(1)"},
    "the first example alone": {"support.mean(1)": "support[:, 0]"},
    "prototypes count as constants": {"support.mean(1)": "support.mean(1).detach()"},
}


@wrong(check="prototype_values", why="the mean of the distances to the examples")
def prototype_scores(support, query):
    return -(query[:, None, None] - support).square().sum(-1).mean(-1)


@wrong(check="prototype_values", why="rows are classes")
def prototype_scores(support, query):
    return -(support.mean(1)[:, None] - query).square().sum(-1)


edits["matching", "matching_values"] = {
    "lengths of the support matter": {"F.normalize(support, dim=-1)": "support"},
    "lengths of the query matter": {"F.normalize(query, dim=-1)": "query"},
    "no softmax": {".softmax(-1)": ""},
    "weights are averaged": {".sum(-1)": ".mean(-1)"},
    "a softmax for each class": {".softmax(-1).view(-1, ways, shots)": ".view(-1, ways, shots).softmax(-1)"},
    "shots and ways exchanged": {".view(-1, ways, shots).sum(-1)": ".view(-1, shots, ways).sum(1)"},
    "a softmax of sums of cosines": {
        ".softmax(-1).view(-1, ways, shots).sum(-1)": ".view(-1, ways, shots).sum(-1).softmax(-1)"
    },
    "a softmax over queries": {".softmax(-1)": ".softmax(0)"},
}


@wrong(check="matching_values", why="attends to the means")
def matching(support, query):
    means = F.normalize(support.mean(1), dim=-1)
    return (F.normalize(query, dim=-1) @ means.T).softmax(-1)


edits["adapt", "adapt_values"] = {
    "uphill": {"p - rate": "p + rate"},
    "no rate": {"rate * slope": "slope"},
    "always first order": {"create_graph=not first_order": "retain_graph=True"},
    "never first order": {"create_graph=not first_order": "create_graph=True"},
    "first order the other way round": {
        "create_graph=not first_order": "create_graph=first_order, retain_graph=True"
    },
    "one step": {"range(steps)": "range(min(steps, 1))"},
    "the mean over tasks": {".sum()": ".mean()"},
    "cuts the way back": {"p - rate": "p.detach() - rate"},
}


@wrong(check="adapt_values", why="all steps from the first place")
def adapt(loss, params, rate, steps, first_order=False):
    slopes = torch.autograd.grad(loss(params).sum(), params, create_graph=not first_order)
    return [p - steps * rate * slope for p, slope in zip(params, slopes)]


@wrong(check="adapt_values", why="changes the weights that came in")
def adapt(loss, params, rate, steps, first_order=False):
    for _ in range(steps):
        slopes = torch.autograd.grad(loss(params).sum(), params)
        with torch.no_grad():
            for p, slope in zip(params, slopes):
                p -= rate * slope
    return list(params)


@wrong(check="adapt_values", why="writes into the weights that came in")
def adapt(loss, params, rate, steps, first_order=False):
    params = list(params)
    for _ in range(steps):
        slopes = torch.autograd.grad(loss(params).sum(), params, create_graph=not first_order)
        for p, slope in zip(params, slopes):
            p -= rate * slope
    return params


edits["maml_loss", "maml_loss_values"] = {
    "learns nothing": {"own, rate, steps, first": "own, rate, 0, first"},
    "pays for the support": {"(net(own, query[0]) - query[1])": "(net(own, x) - y)"},
    "learns from the query": {"x, y = support": "x, y = query"},
    "a mean over tasks, too": {"mean((1, 2))": "mean()"},
    "a sum over points": {"mean((1, 2))": "sum((1, 2))"},
    "all tasks share one copy": {"[p.expand(len(x), *p.shape) for p in params]": "list(params)"},
    "first_order is dropped": {"rate, steps, first_order)": "rate, steps)"},
    "one step": {"rate, steps, first": "rate, min(steps, 1), first"},
    "costs are added up": {").square().mean()": ").square().sum()"},
    "the beginning is cut off": {
        "p.expand(len(x), *p.shape)": "p.detach().expand(len(x), *p.shape).requires_grad_()"
    },
}


edits["shifted", "shifted_values"] = {
    "the own label comes along": {"F.pad(told, (0, 0, 1, 0))[:, :-1]": "told"},
    "one step early": {"F.pad(told, (0, 0, 1, 0))[:, :-1]": "F.pad(told, (0, 0, 0, 1))[:, 1:]"},
    "the last label comes first": {"F.pad(told, (0, 0, 1, 0))[:, :-1]": "told.roll(1, 1)"},
    "two steps late": {"F.pad(told, (0, 0, 1, 0))[:, :-1]": "F.pad(told, (0, 0, 2, 0))[:, :-2]"},
    "labels in front": {"[x, F.pad(told, (0, 0, 1, 0))[:, :-1]]": "[F.pad(told, (0, 0, 1, 0))[:, :-1], x]"},
    "ways are guessed from the labels": {"(y, ways)": "(y)"},
    "examples are cut off": {"[x, ": "[x.detach(), "},
}


@wrong(check="shifted_values", why="labels as numbers")
def shifted(x, y, ways):
    return torch.cat([x, F.pad(y, (1, 0))[:, :-1, None].to(x.dtype)], dim=-1)


edits["by_presentation", "by_presentation_values"] = {
    "from 0": {"range(1, most + 1)": "range(most)"},
    "up to the p-th": {"seen == p": "seen <= p"},
    "a share of all": {"right[seen == p].float().mean()": "(right & (seen == p)).float().mean()"},
    "presentations before, the first left out": {"range(1, most + 1)": "range(2, most + 2)"},
    "counts down the rows": {"cumsum(1)": "cumsum(0)"},
}


@wrong(check="by_presentation_values", why="counts on from one sequence to the next")
def by_presentation(y, right, most):
    flat = y.flatten()
    seen = F.one_hot(flat).cumsum(0).gather(1, flat[:, None])[:, 0]
    return torch.stack([right.flatten()[seen == p].float().mean() for p in range(1, most + 1)])


@wrong(check="by_presentation_values", why="by place")
def by_presentation(y, right, most):
    return right[:, :most].float().mean(0)


edits["goal_now", "goal_now_values"] = {
    "far from the end": {"(-sharpness * (places": "(sharpness * (places"},
    "the distance is not squared": {
        ".square().sum(-1)).softmax(-1)": ".square().sum(-1).sqrt()).softmax(-1)"
    },
    "the second look is not sharpened": {"(sharpness * (now[1]": "((now[1]"},
    "places of the demonstration": {"* now[0])": "* places)"},
    "objects are taken to stand in the same order": {
        "(alike[..., None] * now[0])": "(near[..., None] * now[0])"
    },
    "the second look is no softmax": {"[..., 0]).softmax(-1)": "[..., 0])"},
    "the demonstration is cut off": {
        "places, marks = shown": "places, marks = (part.detach() for part in shown)"
    },
}


@wrong(check="goal_now_values", why="hard choices, through which nothing can be learned")
def goal_now(end, shown, now, sharpness):
    rows = torch.arange(len(end))
    near = (shown[0] - end[:, None]).square().sum(-1).argmin(1)
    meant = shown[1][rows, near]
    return now[0][rows, (now[1] @ meant[..., None])[..., 0].argmax(1)]


edits["unroll", "unroll_values"] = {
    "the step is taken off": {"theta + step": "theta - step"},
    "pays before the step": {
        "        theta = theta + step\n        cost = cost + loss(theta)\n": (
            "        cost = cost + loss(theta)\n        theta = theta + step\n"
        )
    },
    "pays for the end only": {"cost = cost + loss(theta)": "cost = loss(theta)"},
    "the thread is cut at every step": {"theta = theta + step": "theta = theta.detach() + step"},
    "the state is not handed on": {"step, state = update(slope, state)": "step, _ = update(slope, state)"},
    "the state's history is cut": {"update(slope, state)": "update(slope, state.detach())"},
    "steps count as constants": {"theta + step": "theta + step.detach()"},
    "the mean": {"return theta, cost": "return theta, cost / steps"},
}


@wrong(check="unroll_values", why="differentiates the gradients, too")
def unroll(update, loss, theta, state, steps):
    cost, theta = 0, theta.clone().requires_grad_()
    for _ in range(steps):
        (slope,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
        step, state = update(slope, state)
        theta = theta + step
        cost = cost + loss(theta)
    return theta, cost
