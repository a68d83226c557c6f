"""Mistakes that the checks of the lab `translation` must see."""

import torch


edits["discriminator_loss", "discriminator_loss_values"] = {
    "found and made have changed places": {
        "(D(real) - 1).square()": "D(real).square()",
        "D(fake.detach()).square()": "(D(fake.detach()) - 1).square()",
    },
    "teaches the generator as well": {"fake.detach()": "fake"},
    "detaches what D says": {"D(fake.detach())": "D(fake).detach()"},
}


edits["generator_loss in discriminator_loss", "discriminator_loss_values"] = {
    "the generator learns nothing": {"D(fake)": "D(fake.detach())"},
    "wants to be found out": {"(D(fake) - 1)": "D(fake)"},
}


edits["dtn_losses", "dtn_losses_values"] = {
    "compares pictures": {
        "(f(g(features)) - features)": "(g(features).flatten(1).mean(1) - source.flatten(1).mean(1))"
    },
    "the source is to be the target": {"(g(f(target)) - target)": "(g(features) - target)"},
    "absolute errors": {"(g(f(target)) - target).square()": "(g(f(target)) - target).abs()"},
    "the way back to g is cut": {"f(g(features))": "f(g(features).detach())"},
}


@wrong(check="dtn_losses_values", why="one for the other")
def dtn_losses(f, g, source, target):
    const = (f(g(f(source))) - f(source)).square().mean()
    return (g(f(target)) - target).square().mean(), const


edits["ternary_losses", "ternary_losses_values"] = {
    "all that was painted is one class": {"[:, k]": "[:, max(k, 1)]"},
    "classes the other way round": {"[:, k]": "[:, 2 - k]"},
    "teaches the painter as well": {
        "(from_source.detach(), from_target.detach(), target)": "(from_source, from_target, target)"
    },
    "only sources must fool": {"for x in (from_source, from_target))": "for x in (from_source,))"},
    "log of a softmax that overflows": {
        "-D(x).log_softmax(1)[:, k].mean()": "-(D(x).exp() / D(x).exp().sum()).log()[:, k].mean()"
    },
}


edits["cycle_loss", "cycle_loss_values"] = {
    "only X comes home": {" + (there(back(y)) - y).abs().mean()": ""},
    "squares": {"(back(there(x)) - x).abs()": "(back(there(x)) - x).square()"},
    "the same way twice": {"back(there(x))": "there(there(x))"},
    "the way back is not taught": {"back(there(x))": "back(there(x)).detach()"},
}


edits["pose", "pose_values"] = {
    "y runs down": {"-(side - (ink.sum(2) @ side)[:, None])": "(side - (ink.sum(2) @ side)[:, None])"},
    "the whole angle": {"var_x - var_y) / 2": "var_x - var_y)"},
    "x for y": {"var_x - var_y": "var_y - var_x"},
    "not about the mean place": {
        "side - (ink.sum(1) @ side)[:, None]": "(side - side.mean()).expand(len(ink), -1)"
    },
    "ink of all pictures together": {"pictures.sum((1, 2), keepdim=True)": "pictures.sum()"},
    "cov once": {"2 * cov": "cov"},
    "atan of the quotient": {"torch.atan2(2 * cov, var_x - var_y)": "torch.atan(2 * cov / (var_x - var_y))"},
}


edits["unit_losses", "unit_losses_values"] = {
    "the noise is missing": {"z = mean + e": "z = mean"},
    "the divergence of z": {"mean.square()": "z.square()"},
    "a mean over D": {".sum(1).mean() / 2": ".mean() / 2"},
    "stays in its own domain": {"decode(z, other)": "decode(z, own)"},
    "encoded as the other domain": {"encode(x, own)": "encode(x, other)"},
    "translated without the noise": {"decode(z, other)": "decode(mean, other)"},
}


edits["iou", "iou_values"] = {
    "over the true mask": {"(found | true)": "true"},
    "nothing counts as wrong": {"1.0)": "0.0)"},
    "all pictures at once": {"(found & true).sum((1, 2))": "(found & true).sum()"},
}


@wrong(check="iou_values", why="0/0")
def iou(found, true):
    return (found & true).sum((1, 2)) / (found | true).sum((1, 2))


@wrong(check="iou_values", why="pixels that agree")
def iou(found, true):
    return (found == true).float().mean((1, 2))


edits["by_frequency", "by_frequency_values"] = {
    "the second's words in order of rank": {"partner[first.argsort(descending=True)]": "partner[:]"},
    "from the rarest on": {"= second.argsort(descending=True)": "= second.argsort()"},
}


@wrong(check="by_frequency_values", why="from the second to the first")
def by_frequency(first, second):
    partner = torch.empty_like(first)
    partner[second.argsort(descending=True)] = first.argsort(descending=True)
    return partner


edits["noised", "noised_values"] = {
    "drops the others": {"u < drop": "u >= drop"},
    "a share of 0 drops words": {"u < drop": "u <= drop"},
    "padding is no word to drop": {"(words == PAD) | (u < drop)": "u < drop"},
    "reach for reach + 1": {"(reach + 1) * v": "reach * v"},
    "holes": {"place.masked_fill(gone, torch.inf)": "place"},
    "the order the other way round": {".argsort(1)": ".argsort(1).argsort(1)"},
    "backwards": {".argsort(1)": ".argsort(1, descending=True)"},
}


@wrong(check="noised_values", why="places are counted anew after words were dropped")
def noised(words, u, v, drop, reach):
    rows = torch.full_like(words, PAD)
    for row, sentence, early, late in zip(rows, words, u, v):
        kept = (sentence != PAD) & (early >= drop)
        place = torch.arange(int(kept.sum())) + (reach + 1) * late[kept]
        row[: len(place)] = sentence[kept][place.argsort()]
    return rows


edits["back_translation", "back_translation_values"] = {
    "the guess is to be found from x": {"cost(guess, other, x, own)": "cost(x, own, guess, other)"},
    "languages have changed places": {"cost(guess, other, x, own)": "cost(guess, own, x, other)"},
    "writes into its own language": {"write(x, own, other)": "write(x, own, own)"},
}


@wrong(check="back_translation_values", why="a gradient through the writing")
def back_translation(write, cost, x, own, other):
    return cost(write(x, own, other), other, x, own)


@wrong(check="back_translation_values", why="nothing can be learned from it")
def back_translation(write, cost, x, own, other):
    with torch.no_grad():
        return cost(write(x, own, other), other, x, own)
