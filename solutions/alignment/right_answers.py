"""Other correct ways to solve the exercises of the lab `alignment`."""

import torch
import torch.nn.functional as F


@right(why="a sum over the coordinates")
def logits(x, weight, bias):
    return (x * weight).sum(dim=1) + bias


@right(why="the library's")
def surprise(z, y):
    return F.binary_cross_entropy_with_logits(z, y.to(z.dtype))


@right(why="autograd")
def descend(x, y, weight, bias, rate):
    weight, bias = weight.detach().requires_grad_(), bias.detach().requires_grad_()
    slopes = torch.autograd.grad(surprise(logits(x, weight, bias), y), [weight, bias])
    return (weight - rate * slopes[0]).detach(), (bias - rate * slopes[1]).detach()
