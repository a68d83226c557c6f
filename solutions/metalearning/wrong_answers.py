"""Mistakes that the checks of the lab `metalearning` must see."""

import torch
import torch.nn.functional as F

edit(
    "episode",
    check="episode_draws",
    why="classes may come twice",
    change={
        "torch.randperm(len(examples), generator=generator)[:ways]": (
            "torch.randint(len(examples), (ways,), generator=generator)"
        )
    },
)
edit(
    "episode",
    check="episode_draws",
    why="the query repeats the support",
    change={"drawn[:, shots:]": "drawn[:, :queries]"},
)
edit(
    "episode",
    check="episode_draws",
    why="always the first classes",
    change={"torch.randperm(len(examples), generator=generator)[:ways]": "torch.arange(ways)"},
)
edit(
    "episode",
    check="episode_draws",
    why="one order for all classes",
    change={
        "torch.rand(ways, examples.shape[1], generator=generator)": (
            "torch.rand(1, examples.shape[1], generator=generator).expand(ways, -1)"
        )
    },
)
edit(
    "episode",
    check="episode_draws",
    why="always the same examples",
    change={
        "[:, : shots + queries]": "[:, : shots + queries].sort(1)[0] * 0 + torch.arange(shots + queries)"
    },
)
edit(
    "episode",
    check="episode_draws",
    why="examples are drawn with putting back",
    change={
        "torch.rand(ways, examples.shape[1], generator=generator).argsort(1)[:, : shots + queries]": (
            "torch.randint(examples.shape[1], (ways, shots + queries), generator=generator)"
        )
    },
)
edit(
    "episode",
    check="episode_draws",
    why="the generator is not used",
    change={"len(examples), generator=generator": "len(examples)"},
)
edit(
    "episode",
    check="episode_draws",
    why="query before support",
    change={"drawn[:, :shots], drawn[:, shots:]": "drawn[:, shots:], drawn[:, :shots]"},
)


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


edit(
    "prototype_scores",
    check="prototype_values",
    why="distances, not minus distances",
    change={"-(query[:, None]": "(query[:, None]"},
)
edit("prototype_scores", check="prototype_values", why="not squared", change={".sum(-1)": ".sum(-1).sqrt()"})
edit(
    "prototype_scores",
    check="prototype_values",
    why="the mean over numbers",
    change={".sum(-1)": ".mean(-1)"},
)
edit(
    "prototype_scores",
    check="prototype_values",
    why="a sum for a mean",
    change={"support.mean(1)": "support.sum(1)"},
)
edit(
    "prototype_scores",
    check="prototype_values",
    why="the first example alone",
    change={"support.mean(1)": "support[:, 0]"},
)
edit(
    "prototype_scores",
    check="prototype_values",
    why="prototypes count as constants",
    change={"support.mean(1)": "support.mean(1).detach()"},
)


@wrong(check="prototype_values", why="the mean of the distances to the examples")
def prototype_scores(support, query):
    return -(query[:, None, None] - support).square().sum(-1).mean(-1)


@wrong(check="prototype_values", why="rows are classes")
def prototype_scores(support, query):
    return -(support.mean(1)[:, None] - query).square().sum(-1)


edit(
    "matching",
    check="matching_values",
    why="lengths of the support matter",
    change={"F.normalize(support, dim=-1)": "support"},
)
edit(
    "matching",
    check="matching_values",
    why="lengths of the query matter",
    change={"F.normalize(query, dim=-1)": "query"},
)
edit("matching", check="matching_values", why="no softmax", change={".softmax(-1)": ""})
edit("matching", check="matching_values", why="weights are averaged", change={".sum(-1)": ".mean(-1)"})
edit(
    "matching",
    check="matching_values",
    why="a softmax for each class",
    change={".softmax(-1).view(-1, ways, shots)": ".view(-1, ways, shots).softmax(-1)"},
)
edit(
    "matching",
    check="matching_values",
    why="shots and ways exchanged",
    change={".view(-1, ways, shots).sum(-1)": ".view(-1, shots, ways).sum(1)"},
)
edit(
    "matching",
    check="matching_values",
    why="a softmax of sums of cosines",
    change={".softmax(-1).view(-1, ways, shots).sum(-1)": ".view(-1, ways, shots).sum(-1).softmax(-1)"},
)
edit(
    "matching", check="matching_values", why="a softmax over queries", change={".softmax(-1)": ".softmax(0)"}
)


@wrong(check="matching_values", why="attends to the means")
def matching(support, query):
    means = F.normalize(support.mean(1), dim=-1)
    return (F.normalize(query, dim=-1) @ means.T).softmax(-1)


edit("adapt", check="adapt_values", why="uphill", change={"p - rate": "p + rate"})
edit("adapt", check="adapt_values", why="no rate", change={"rate * slope": "slope"})
edit(
    "adapt",
    check="adapt_values",
    why="always first order",
    change={"create_graph=not first_order": "retain_graph=True"},
)
edit(
    "adapt",
    check="adapt_values",
    why="never first order",
    change={"create_graph=not first_order": "create_graph=True"},
)
edit(
    "adapt",
    check="adapt_values",
    why="first order the other way round",
    change={"create_graph=not first_order": "create_graph=first_order, retain_graph=True"},
)
edit("adapt", check="adapt_values", why="one step", change={"range(steps)": "range(min(steps, 1))"})
edit("adapt", check="adapt_values", why="the mean over tasks", change={".sum()": ".mean()"})
edit("adapt", check="adapt_values", why="cuts the way back", change={"p - rate": "p.detach() - rate"})


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


edit(
    "maml_loss",
    check="maml_loss_values",
    why="learns nothing",
    change={"own, rate, steps, first": "own, rate, 0, first"},
)
edit(
    "maml_loss",
    check="maml_loss_values",
    why="pays for the support",
    change={"(net(own, query[0]) - query[1])": "(net(own, x) - y)"},
)
edit(
    "maml_loss",
    check="maml_loss_values",
    why="learns from the query",
    change={"x, y = support": "x, y = query"},
)
edit("maml_loss", check="maml_loss_values", why="a mean over tasks, too", change={"mean((1, 2))": "mean()"})
edit("maml_loss", check="maml_loss_values", why="a sum over points", change={"mean((1, 2))": "sum((1, 2))"})
edit(
    "maml_loss",
    check="maml_loss_values",
    why="all tasks share one copy",
    change={"[p.expand(len(x), *p.shape) for p in params]": "list(params)"},
)
edit(
    "maml_loss",
    check="maml_loss_values",
    why="first_order is dropped",
    change={"rate, steps, first_order)": "rate, steps)"},
)
edit(
    "maml_loss",
    check="maml_loss_values",
    why="one step",
    change={"rate, steps, first": "rate, min(steps, 1), first"},
)
edit(
    "maml_loss",
    check="maml_loss_values",
    why="costs are added up",
    change={").square().mean()": ").square().sum()"},
)
edit(
    "maml_loss",
    check="maml_loss_values",
    why="the beginning is cut off",
    change={"p.expand(len(x), *p.shape)": "p.detach().expand(len(x), *p.shape).requires_grad_()"},
)

edit(
    "shifted",
    check="shifted_values",
    why="the own label comes along",
    change={"F.pad(told, (0, 0, 1, 0))[:, :-1]": "told"},
)
edit(
    "shifted",
    check="shifted_values",
    why="one step early",
    change={"F.pad(told, (0, 0, 1, 0))[:, :-1]": "F.pad(told, (0, 0, 0, 1))[:, 1:]"},
)
edit(
    "shifted",
    check="shifted_values",
    why="the last label comes first",
    change={"F.pad(told, (0, 0, 1, 0))[:, :-1]": "told.roll(1, 1)"},
)
edit(
    "shifted",
    check="shifted_values",
    why="two steps late",
    change={"F.pad(told, (0, 0, 1, 0))[:, :-1]": "F.pad(told, (0, 0, 2, 0))[:, :-2]"},
)
edit(
    "shifted",
    check="shifted_values",
    why="labels in front",
    change={"[x, F.pad(told, (0, 0, 1, 0))[:, :-1]]": "[F.pad(told, (0, 0, 1, 0))[:, :-1], x]"},
)
edit("shifted", check="shifted_values", why="ways are guessed from the labels", change={"(y, ways)": "(y)"})
edit("shifted", check="shifted_values", why="examples are cut off", change={"[x, ": "[x.detach(), "})


@wrong(check="shifted_values", why="labels as numbers")
def shifted(x, y, ways):
    return torch.cat([x, F.pad(y, (1, 0))[:, :-1, None].to(x.dtype)], dim=-1)


edit(
    "by_presentation",
    check="by_presentation_values",
    why="from 0",
    change={"range(1, most + 1)": "range(most)"},
)
edit(
    "by_presentation",
    check="by_presentation_values",
    why="up to the p-th",
    change={"seen == p": "seen <= p"},
)
edit(
    "by_presentation",
    check="by_presentation_values",
    why="a share of all",
    change={"right[seen == p].float().mean()": "(right & (seen == p)).float().mean()"},
)
edit(
    "by_presentation",
    check="by_presentation_values",
    why="presentations before, the first left out",
    change={"range(1, most + 1)": "range(2, most + 2)"},
)
edit(
    "by_presentation",
    check="by_presentation_values",
    why="counts down the rows",
    change={"cumsum(1)": "cumsum(0)"},
)


@wrong(check="by_presentation_values", why="counts on from one sequence to the next")
def by_presentation(y, right, most):
    flat = y.flatten()
    seen = F.one_hot(flat).cumsum(0).gather(1, flat[:, None])[:, 0]
    return torch.stack([right.flatten()[seen == p].float().mean() for p in range(1, most + 1)])


@wrong(check="by_presentation_values", why="by place")
def by_presentation(y, right, most):
    return right[:, :most].float().mean(0)


edit(
    "goal_now",
    check="goal_now_values",
    why="far from the end",
    change={"(-sharpness * (places": "(sharpness * (places"},
)
edit(
    "goal_now",
    check="goal_now_values",
    why="the distance is not squared",
    change={".square().sum(-1)).softmax(-1)": ".square().sum(-1).sqrt()).softmax(-1)"},
)
edit(
    "goal_now",
    check="goal_now_values",
    why="the second look is not sharpened",
    change={"(sharpness * (now[1]": "((now[1]"},
)
edit(
    "goal_now", check="goal_now_values", why="places of the demonstration", change={"* now[0])": "* places)"}
)
edit(
    "goal_now",
    check="goal_now_values",
    why="objects are taken to stand in the same order",
    change={"(alike[..., None] * now[0])": "(near[..., None] * now[0])"},
)
edit(
    "goal_now",
    check="goal_now_values",
    why="the second look is no softmax",
    change={"[..., 0]).softmax(-1)": "[..., 0])"},
)
edit(
    "goal_now",
    check="goal_now_values",
    why="the demonstration is cut off",
    change={"places, marks = shown": "places, marks = (part.detach() for part in shown)"},
)


@wrong(check="goal_now_values", why="hard choices, through which nothing can be learned")
def goal_now(end, shown, now, sharpness):
    rows = torch.arange(len(end))
    near = (shown[0] - end[:, None]).square().sum(-1).argmin(1)
    meant = shown[1][rows, near]
    return now[0][rows, (now[1] @ meant[..., None])[..., 0].argmax(1)]


edit("unroll", check="unroll_values", why="the step is taken off", change={"theta + step": "theta - step"})
edit(
    "unroll",
    check="unroll_values",
    why="pays before the step",
    change={
        "        theta = theta + step\n        cost = cost + loss(theta)\n": (
            "        cost = cost + loss(theta)\n        theta = theta + step\n"
        )
    },
)
edit(
    "unroll",
    check="unroll_values",
    why="pays for the end only",
    change={"cost = cost + loss(theta)": "cost = loss(theta)"},
)
edit(
    "unroll",
    check="unroll_values",
    why="the thread is cut at every step",
    change={"theta = theta + step": "theta = theta.detach() + step"},
)
edit(
    "unroll",
    check="unroll_values",
    why="the state is not handed on",
    change={"step, state = update(slope, state)": "step, _ = update(slope, state)"},
)
edit(
    "unroll",
    check="unroll_values",
    why="the state's history is cut",
    change={"update(slope, state)": "update(slope, state.detach())"},
)
edit(
    "unroll",
    check="unroll_values",
    why="steps count as constants",
    change={"theta + step": "theta + step.detach()"},
)
edit(
    "unroll",
    check="unroll_values",
    why="the mean",
    change={"return theta, cost": "return theta, cost / steps"},
)


@wrong(check="unroll_values", why="differentiates the gradients, too")
def unroll(update, loss, theta, state, steps):
    cost, theta = 0, theta.clone().requires_grad_()
    for _ in range(steps):
        (slope,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
        step, state = update(slope, state)
        theta = theta + step
        cost = cost + loss(theta)
    return theta, cost
