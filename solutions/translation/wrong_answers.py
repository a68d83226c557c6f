"""Mistakes that the checks of the lab `translation` must see."""

import torch

edit(
    "discriminator_loss",
    check="discriminator_loss_values",
    why="found and made have changed places",
    change={
        "(D(real) - 1).square()": "D(real).square()",
        "D(fake.detach()).square()": "(D(fake.detach()) - 1).square()",
    },
)
edit(
    "discriminator_loss",
    check="discriminator_loss_values",
    why="teaches the generator as well",
    change={"fake.detach()": "fake"},
)
edit(
    "discriminator_loss",
    check="discriminator_loss_values",
    why="detaches what D says",
    change={"D(fake.detach())": "D(fake).detach()"},
)
edit(
    "generator_loss",
    check="discriminator_loss_values",
    why="the generator learns nothing",
    change={"D(fake)": "D(fake.detach())"},
    cell="discriminator_loss",
)
edit(
    "generator_loss",
    check="discriminator_loss_values",
    why="wants to be found out",
    change={"(D(fake) - 1)": "D(fake)"},
    cell="discriminator_loss",
)

edit(
    "dtn_losses",
    check="dtn_losses_values",
    why="compares pictures",
    change={"(f(g(features)) - features)": "(g(features).flatten(1).mean(1) - source.flatten(1).mean(1))"},
)
edit(
    "dtn_losses",
    check="dtn_losses_values",
    why="the source is to be the target",
    change={"(g(f(target)) - target)": "(g(features) - target)"},
)
edit(
    "dtn_losses",
    check="dtn_losses_values",
    why="absolute errors",
    change={"(g(f(target)) - target).square()": "(g(f(target)) - target).abs()"},
)
edit(
    "dtn_losses",
    check="dtn_losses_values",
    why="the way back to g is cut",
    change={"f(g(features))": "f(g(features).detach())"},
)


@wrong(check="dtn_losses_values", why="one for the other")
def dtn_losses(f, g, source, target):
    const = (f(g(f(source))) - f(source)).square().mean()
    return (g(f(target)) - target).square().mean(), const


edit(
    "ternary_losses",
    check="ternary_losses_values",
    why="all that was painted is one class",
    change={"[:, k]": "[:, max(k, 1)]"},
)
edit(
    "ternary_losses",
    check="ternary_losses_values",
    why="classes the other way round",
    change={"[:, k]": "[:, 2 - k]"},
)
edit(
    "ternary_losses",
    check="ternary_losses_values",
    why="teaches the painter as well",
    change={"(from_source.detach(), from_target.detach(), target)": "(from_source, from_target, target)"},
)
edit(
    "ternary_losses",
    check="ternary_losses_values",
    why="only sources must fool",
    change={"for x in (from_source, from_target))": "for x in (from_source,))"},
)
edit(
    "ternary_losses",
    check="ternary_losses_values",
    why="log of a softmax that overflows",
    change={"-D(x).log_softmax(1)[:, k].mean()": "-(D(x).exp() / D(x).exp().sum()).log()[:, k].mean()"},
)

edit(
    "cycle_loss",
    check="cycle_loss_values",
    why="only X comes home",
    change={" + (there(back(y)) - y).abs().mean()": ""},
)
edit(
    "cycle_loss",
    check="cycle_loss_values",
    why="squares",
    change={"(back(there(x)) - x).abs()": "(back(there(x)) - x).square()"},
)
edit(
    "cycle_loss",
    check="cycle_loss_values",
    why="the same way twice",
    change={"back(there(x))": "there(there(x))"},
)
edit(
    "cycle_loss",
    check="cycle_loss_values",
    why="the way back is not taught",
    change={"back(there(x))": "back(there(x)).detach()"},
)

edit(
    "pose",
    check="pose_values",
    why="y runs down",
    change={"-(side - (ink.sum(2) @ side)[:, None])": "(side - (ink.sum(2) @ side)[:, None])"},
)
edit("pose", check="pose_values", why="the whole angle", change={"var_x - var_y) / 2": "var_x - var_y)"})
edit("pose", check="pose_values", why="x for y", change={"var_x - var_y": "var_y - var_x"})
edit(
    "pose",
    check="pose_values",
    why="not about the mean place",
    change={"side - (ink.sum(1) @ side)[:, None]": "(side - side.mean()).expand(len(ink), -1)"},
)
edit(
    "pose",
    check="pose_values",
    why="ink of all pictures together",
    change={"pictures.sum((1, 2), keepdim=True)": "pictures.sum()"},
)
edit("pose", check="pose_values", why="cov once", change={"2 * cov": "cov"})
edit(
    "pose",
    check="pose_values",
    why="atan of the quotient",
    change={"torch.atan2(2 * cov, var_x - var_y)": "torch.atan(2 * cov / (var_x - var_y))"},
)

edit(
    "unit_losses",
    check="unit_losses_values",
    why="the noise is missing",
    change={"z = mean + e": "z = mean"},
)
edit(
    "unit_losses",
    check="unit_losses_values",
    why="the divergence of z",
    change={"mean.square()": "z.square()"},
)
edit(
    "unit_losses",
    check="unit_losses_values",
    why="a mean over D",
    change={".sum(1).mean() / 2": ".mean() / 2"},
)
edit(
    "unit_losses",
    check="unit_losses_values",
    why="stays in its own domain",
    change={"decode(z, other)": "decode(z, own)"},
)
edit(
    "unit_losses",
    check="unit_losses_values",
    why="encoded as the other domain",
    change={"encode(x, own)": "encode(x, other)"},
)
edit(
    "unit_losses",
    check="unit_losses_values",
    why="translated without the noise",
    change={"decode(z, other)": "decode(mean, other)"},
)

edit("iou", check="iou_values", why="over the true mask", change={"(found | true)": "true"})
edit("iou", check="iou_values", why="nothing counts as wrong", change={"1.0)": "0.0)"})
edit(
    "iou",
    check="iou_values",
    why="all pictures at once",
    change={"(found & true).sum((1, 2))": "(found & true).sum()"},
)


@wrong(check="iou_values", why="0/0")
def iou(found, true):
    return (found & true).sum((1, 2)) / (found | true).sum((1, 2))


@wrong(check="iou_values", why="pixels that agree")
def iou(found, true):
    return (found == true).float().mean((1, 2))


edit(
    "by_frequency",
    check="by_frequency_values",
    why="the second's words in order of rank",
    change={"partner[first.argsort(descending=True)]": "partner[:]"},
)
edit(
    "by_frequency",
    check="by_frequency_values",
    why="from the rarest on",
    change={"= second.argsort(descending=True)": "= second.argsort()"},
)


@wrong(check="by_frequency_values", why="from the second to the first")
def by_frequency(first, second):
    partner = torch.empty_like(first)
    partner[second.argsort(descending=True)] = first.argsort(descending=True)
    return partner


edit("noised", check="noised_values", why="drops the others", change={"u < drop": "u >= drop"})
edit(
    "noised",
    check="noised_values",
    why="a share of 0 drops words",
    change={"u < drop": "u <= drop"},
)
edit(
    "noised",
    check="noised_values",
    why="padding is no word to drop",
    change={"(words == PAD) | (u < drop)": "u < drop"},
)
edit("noised", check="noised_values", why="reach for reach + 1", change={"(reach + 1) * v": "reach * v"})
edit("noised", check="noised_values", why="holes", change={"place.masked_fill(gone, torch.inf)": "place"})
edit(
    "noised",
    check="noised_values",
    why="the order the other way round",
    change={".argsort(1)": ".argsort(1).argsort(1)"},
)
edit("noised", check="noised_values", why="backwards", change={".argsort(1)": ".argsort(1, descending=True)"})


@wrong(check="noised_values", why="places are counted anew after words were dropped")
def noised(words, u, v, drop, reach):
    rows = torch.full_like(words, PAD)
    for row, sentence, early, late in zip(rows, words, u, v):
        kept = (sentence != PAD) & (early >= drop)
        place = torch.arange(int(kept.sum())) + (reach + 1) * late[kept]
        row[: len(place)] = sentence[kept][place.argsort()]
    return rows


edit(
    "back_translation",
    check="back_translation_values",
    why="the guess is to be found from x",
    change={"cost(guess, other, x, own)": "cost(x, own, guess, other)"},
)
edit(
    "back_translation",
    check="back_translation_values",
    why="languages have changed places",
    change={"cost(guess, other, x, own)": "cost(guess, own, x, other)"},
)
edit(
    "back_translation",
    check="back_translation_values",
    why="writes into its own language",
    change={"write(x, own, other)": "write(x, own, own)"},
)


@wrong(check="back_translation_values", why="a gradient through the writing")
def back_translation(write, cost, x, own, other):
    return cost(write(x, own, other), other, x, own)


@wrong(check="back_translation_values", why="nothing can be learned from it")
def back_translation(write, cost, x, own, other):
    with torch.no_grad():
        return cost(write(x, own, other), other, x, own)
