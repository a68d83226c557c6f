"""Other correct ways to solve the exercises of the lab `translation`."""

import math


import torch


import torch.nn.functional as F


@right(why="PyTorch's mean squares")
def discriminator_loss(D, real, fake):
    scores, others = D(real), D(fake.detach())
    return F.mse_loss(scores, torch.ones_like(scores)) + F.mse_loss(others, torch.zeros_like(others))


@right(why="f of the source without history, losses by PyTorch")
def dtn_losses(f, g, source, target):
    with torch.no_grad():
        features = f(source)
    return [F.mse_loss(f(g(features)), features), F.mse_loss(g(f(target)), target)]


@right(why="reads everything anew")
def dtn_losses(f, g, source, target):
    const = torch.mean((f(source) - f(g(f(source)))) ** 2)
    identity = torch.mean((target - g(f(target))) ** 2)
    return const, identity


@right(why="PyTorch's cross entropy")
def ternary_losses(D, from_source, from_target, target):
    def entropy(x, k):
        return F.cross_entropy(D(x), torch.full((len(x),), k, dtype=torch.long, device=x.device))

    for_D = entropy(from_source.detach(), 0) + entropy(from_target.detach(), 1) + entropy(target, 2)
    return for_D, entropy(from_source, 2) + entropy(from_target, 2)


@right(why="PyTorch's absolute errors")
def cycle_loss(there, back, x, y):
    made, other = there(x), back(y)
    return F.l1_loss(back(made), x) + F.l1_loss(there(other), y)


@right(why="coordinates from a grid, moments about 0")
def pose(pictures):
    n, height, width = pictures.shape
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=pictures.dtype), torch.arange(width, dtype=pictures.dtype), indexing="ij"
    )
    x, y = columns - width / 2, height / 2 - rows
    mass = pictures.sum((1, 2))

    def mean(values):
        return (pictures * values).sum((1, 2)) / mass

    xx, yy, xy = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2, mean(x * y) - mean(x) * mean(y)
    return 0.5 * torch.atan2(2 * xy, xx - yy)


@right(why="the axis by its eigenvector")
def pose(pictures):
    angles = []
    for picture in pictures:
        places = torch.cartesian_prod(
            -torch.arange(picture.shape[0], dtype=torch.float),
            torch.arange(picture.shape[1], dtype=torch.float),
        )[:, [1, 0]]
        C = torch.cov(places.T, correction=0, aweights=picture.flatten())
        x, y = torch.linalg.eigh(C).eigenvectors[:, -1].tolist()
        angle = math.atan2(y, x)
        angles.append((angle + math.pi / 2) % math.pi - math.pi / 2)
    return torch.tensor(angles)


@right(why="the divergence by torch.distributions")
def unit_losses(encode, decode, x, own, other, e):
    mean = encode(x, own)
    z = e + mean
    ours, plain = torch.distributions.Normal(mean, 1.0), torch.distributions.Normal(0.0, 1.0)
    divergence = torch.distributions.kl_divergence(ours, plain).sum(dim=1).mean()
    return [F.l1_loss(decode(z, own), x), divergence, decode(z, other)]


@right(why="picture by picture")
def iou(found, true):
    values = []
    for a, b in zip(found, true):
        union = int((a | b).sum())
        values.append(int((a & b).sum()) / union if union else 1.0)
    return torch.tensor(values)


@right(why="by sorted lists")
def by_frequency(first, second):
    ranked = sorted(range(len(second)), key=lambda word: -second[word].item())
    order = sorted(range(len(first)), key=lambda word: -first[word].item())
    return torch.tensor([ranked[order.index(word)] for word in range(len(first))])


@right(why="ranks by a second sort")
def by_frequency(first, second):
    rank = (-first).argsort().argsort()
    return (-second).argsort()[rank]


@right(why="row by row, in lists")
def noised(words, u, v, drop, reach):
    rows = []
    for row in range(len(words)):
        kept = [
            (n + (reach + 1) * v[row, n].item(), words[row, n].item())
            for n in range(words.shape[1])
            if words[row, n] != 0 and u[row, n] >= drop
        ]
        line = [word for _, word in sorted(kept, key=lambda pair: pair[0])]
        rows.append(line + [0] * (words.shape[1] - len(line)))
    return torch.tensor(rows)


@right(why="the guess is detached as well")
@torch.enable_grad()
def back_translation(write, cost, x, own, other):
    with torch.no_grad():
        guess = write(x, own, other).detach()
    return cost(guess, other, x, own)


@right(why="the guess is detached, whatever was kept for it")
def back_translation(write, cost, x, own, other):
    guess = write(x, own, other)
    return cost(guess.detach(), other, x, own)
