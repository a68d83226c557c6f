"""Other correct ways to solve the exercises of the lab `neurons`."""

import random


import numpy as np


import torch


import torch.nn.functional as F


@right(why="a plain loop")
def neuron(x, w, b):
    z = b
    for x_i, w_i in zip(x, w):
        z = z + w_i * x_i
    return z


@right(why="Python numbers in float64")
def neuron(x, w, b):
    return sum(float(p) * float(q) for p, q in zip(x, w)) + float(b)


@right(why="einsum")
def neuron(x, w, b):
    return torch.einsum("d,d->", x, w) + b


@right(why="the library's")
def sigmoid(z):
    return torch.sigmoid(z)


@right(why="two formulas, each where its exponent is negative")
def sigmoid(z):
    positive = 1 / (1 + torch.exp(-z.clamp(min=0)))
    negative = torch.exp(z.clamp(max=0)) / (1 + torch.exp(z.clamp(max=0)))
    return torch.where(z >= 0, positive, negative)


@right(why="e to the minus absolute value never overflows")
def sigmoid(z):
    small = torch.exp(-torch.abs(z))
    return torch.where(z > 0, 1 / (1 + small), small / (1 + small))


@right(why="exponent kept in float64, where 200 does not overflow")
def sigmoid(z):
    return 1 / (1 + torch.exp(-z.double()))


@right(why="by mask")
def relu(z):
    return z * (z > 0)


@right(why="a maximum of two tensors")
def relu(z):
    return torch.maximum(z, torch.zeros_like(z))


@right(why="half of z + |z|")
def relu(z):
    return 0.5 * (z + z.abs())


@right(why="the library's")
def elu(z):
    return F.elu(z)


@right(why="the sum of two halves")
def elu(z):
    return z.clamp(min=0) + torch.exp(z.clamp(max=0)) - 1


@right(why="the library's")
def layer(x, W, b):
    return F.linear(x, W, b)


@right(why="einsum")
def layer(x, W, b):
    return torch.einsum("bd,md->bm", x, W) + b


@right(why="neuron by neuron")
def layer(x, W, b):
    return torch.stack([x @ w + bias for w, bias in zip(W, b)], dim=1)


@right(why="transposed twice")
def layer(x, W, b):
    return (W @ x.T + b.unsqueeze(1)).T


@right(why="by place")
def mlp(x, layers, activation):
    for i in range(len(layers)):
        x = x @ layers[i][0].T + layers[i][1]
        if i < len(layers) - 1:
            x = activation(x)
    return x


@right(why="recursion")
def mlp(x, layers, activation):
    W, b = layers[0]
    z = F.linear(x, W, b)
    return z if len(layers) == 1 else mlp(activation(z), layers[1:], activation)


@right(why="folded, with the bend before each layer but the first")
def mlp(x, layers, activation):
    z = F.linear(x, *layers[0])
    for W, b in layers[1:]:
        z = torch.addmm(b, activation(z), W.t())
    return z


@right(why="takes layers out of a list of its own")
def mlp(x, layers, activation):
    rest = list(layers)
    last = rest.pop()
    while rest:
        x = activation(layer(x, *rest.pop(0)))
    return layer(x, *last)


@right(why="one neuron for each corner of the answer")
def xor_layers():
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    b1 = torch.tensor([-1.0, -1.0])
    return [(W1, b1), (torch.tensor([[2.0, 2.0]]), torch.tensor([-1.0]))]


@right(why="whole numbers in plain lists")
def xor_layers():
    return [([[1, -1], [-1, 1]], [0, 0]), ([[1, 1]], [-1])]


@right(why="counts the ones, and takes both away twice; lists for pairs, float64")
def xor_layers():
    W1 = torch.ones(2, 2, dtype=torch.float64)
    b1 = torch.tensor([2.0, 0.0], dtype=torch.float64)
    return [
        [W1, b1],
        [torch.tensor([[1.0, -2.0]], dtype=torch.float64), torch.tensor([-1.0], dtype=torch.float64)],
    ]


@right(why="the library's, after the shapes")
def squared_error(prediction, target):
    if prediction.size() != target.size():
        raise ValueError("shapes differ")
    return F.mse_loss(prediction, target)


@right(why="a loop in float64")
def squared_error(prediction, target):
    if list(prediction.shape) != list(target.shape):
        raise ValueError("shapes differ")
    total = 0.0
    for p, t in zip(prediction.flatten().tolist(), target.flatten().tolist()):
        total += (p - t) ** 2
    return total / prediction.numel()


@right(why="the library's")
def cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype))


@right(why="log σ of both signs")
def cross_entropy(logits, target):
    return -(target * F.logsigmoid(logits) + (1 - target) * F.logsigmoid(-logits)).mean()


@right(why="softplus of the sign that is wrong")
def cross_entropy(logits, target):
    return F.softplus(torch.where(target == 1, -logits, logits)).mean()


@right(why="the maximum taken out")
def cross_entropy(logits, target):
    largest = logits.clamp(min=0)
    return (largest - target * logits + torch.log1p(torch.exp(-logits.abs()))).mean()


@right(why="a count")
def accuracy(logits, target):
    right = 0
    for z, y in zip(logits, target):
        right += int((z > 0) == (y == 1))
    return right / len(target)


@right(why="through the sigmoid, a tensor")
def accuracy(logits, target):
    return ((torch.sigmoid(logits) > 0.5).float() == target).float().mean()


@right(why="NumPy's random numbers")
def split(x, y, held_out, seed):
    order = np.random.RandomState(seed).permutation(len(x))
    return (x[order[held_out:]], y[order[held_out:]]), (x[order[:held_out]], y[order[:held_out]])


@right(why="Python's random numbers and a mask")
def split(x, y, held_out, seed):
    chosen = random.Random(seed).sample(range(len(x)), held_out)
    mask = torch.zeros(len(x), dtype=torch.bool)
    mask[chosen] = True
    return [x[~mask], y[~mask]], [x[mask], y[mask]]


@right(why="PyTorch's own seed")
def split(x, y, held_out, seed):
    torch.manual_seed(seed)
    order = torch.randperm(x.shape[0])
    x, y = x[order], y[order]
    return (x[:-held_out], y[:-held_out]), (x[-held_out:], y[-held_out:])


edits["cross_entropy"] = {
    "in place: turns the sign of the logits of class 1": {
        ("return (torch.logaddexp(logits, torch.zeros_like(logits)) - target * logits).mean()"): (
            "logits[target == 1] *= -1\n    return torch.nn.functional.softplus(logits).mean()"
        )
    },
}


edits["elu"] = {
    "in place: the library's": {
        "torch.where(z > 0, z, torch.expm1(z.clamp(max=0)))": "torch.nn.functional.elu(z, inplace=True)"
    },
}


edits["relu"] = {
    "in place: on the tensor that was handed in": {"z.clamp(min=0)": "z.clamp_(min=0)"},
}


edits["layer"] = {
    "in place: adds the biases to the product": {
        "return x @ W.T + b": "z = x @ W.T\n    z += b\n    return z"
    },
}


edits["squared_error"] = {
    "in place: subtracts the target from the prediction": {
        "return ((prediction - target) ** 2).mean()": (
            "prediction -= target\n    return (prediction * prediction).mean()"
        )
    },
}


edits["split"] = {
    "in place: shuffles x and y where they stand": {
        (
            "val, train = order[:held_out], order[held_out:]\n"
            "    return (x[train], y[train]), (x[val], y[val])"
        ): (
            "x[:], y[:] = x[order], y[order]\n"
            "    return (x[held_out:], y[held_out:]), (x[:held_out], "
            "y[:held_out])"
        )
    },
}


edits["accuracy"] = {
    "counts with NumPy": {
        "logits > 0": "logits.numpy() > 0",
        "(target == 1)).float().mean().item()": "(target.numpy() == 1)).mean()",
    },
}
