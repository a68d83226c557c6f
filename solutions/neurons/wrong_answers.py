"""The commonest mistakes in the exercises of the lab `neurons`, each with the check that must catch it."""

import numpy as np


import torch


import torch.nn.functional as F


from torch import nn


@wrong(check="neuron_values", why="does not add up")
def neuron(x, w, b):
    return w * x + b


@wrong(check="neuron_values", why="forgets the bias")
def neuron(x, w, b):
    return (w * x).sum()


@wrong(check="neuron_values", why="adds the bias once for each input")
def neuron(x, w, b):
    z = 0
    for i in range(len(x)):
        z += w[i] * x[i] + b
    return z


@wrong(check="neuron_values", why="knows two inputs only")
def neuron(x, w, b):
    return w[0] * x[0] + w[1] * x[1] + b


@wrong(check="neuron_values", why="prints instead of returning")
def neuron(x, w, b):
    z = w @ x + b
    print(z)


@wrong(check="neuron_values", why="loop stops one input early")
def neuron(x, w, b):
    z = b
    for i in range(len(x) - 1):
        z = z + w[i] * x[i]
    return z


@wrong(check="sigmoid_values", why="the sign of the exponent")
def sigmoid(z):
    return 1 / (1 + torch.exp(z))


@wrong(check="sigmoid_values", why="overflows to nan for large z")
def sigmoid(z):
    return torch.exp(z) / (1 + torch.exp(z))


@wrong(check="sigmoid_slope", why="right values, but the slope is nan at -200")
def sigmoid(z):
    return 1 / (1 + torch.exp(-z))


@wrong(check="sigmoid_slope", why="computes both branches: the slope is nan")
def sigmoid(z):
    return torch.where(z >= 0, 1 / (1 + torch.exp(-z)), torch.exp(z) / (1 + torch.exp(z)))


@wrong(check="sigmoid_values", why="drops axes of length 1")
def sigmoid(z):
    return torch.sigmoid(z).squeeze()


@wrong(check="sigmoid_slope", why="leaves PyTorch")
def sigmoid(z):
    return torch.from_numpy(np.asarray(1 / (1 + np.exp(-z.detach().double().numpy()))))


@wrong(check="relu_values", why="the absolute value")
def relu(z):
    return z.abs()


@wrong(check="relu_values", why="drops axes of length 1")
def relu(z):
    return z.clamp(min=0).squeeze()


@wrong(check="relu_values", why="a step")
def relu(z):
    return (z > 0).float()


@wrong(check="relu_values", why="the largest of all numbers")
def relu(z):
    return torch.clamp(z.max(), min=0)


@wrong(check="elu_values", why="forgets the -1")
def elu(z):
    return torch.where(z > 0, z, torch.exp(z))


@wrong(check="elu_values", why="the masks multiply an infinity by zero")
def elu(z):
    return (z > 0) * z + (z <= 0) * (torch.exp(z) - 1)


@wrong(check="elu_values", why="right values, but autograd meets an infinity in the half that is not chosen")
def elu(z):
    return torch.where(z > 0, z, torch.exp(z) - 1)


@wrong(check="elu_values", why="the condition the other way round")
def elu(z):
    return torch.where(z < 0, z, torch.exp(z) - 1)


@wrong(check="layer_values", why="takes columns of W for neurons")
def layer(x, W, b):
    return x @ W + b


@wrong(check="layer_values", why="multiplies from the left")
def layer(x, W, b):
    return W @ x + b


@wrong(check="layer_values", why="a bias for each example")
def layer(x, W, b):
    return x @ W.T + b[:, None]


@wrong(check="layer_values", why="forgets the bias")
def layer(x, W, b):
    return x @ W.T


@wrong(check="layer_values", why="elementwise product")
def layer(x, W, b):
    return (x * W).sum(1) + b


@wrong(check="mlp_values", why="bends the output too")
def mlp(x, layers, activation):
    for W, b in layers:
        x = activation(layer(x, W, b))
    return x


@wrong(check="mlp_values", why="never bends")
def mlp(x, layers, activation):
    for W, b in layers:
        x = layer(x, W, b)
    return x


@wrong(check="mlp_values", why="leaves out the last layer")
def mlp(x, layers, activation):
    for W, b in layers[:-1]:
        x = activation(layer(x, W, b))
    return x


@wrong(check="mlp_values", why="always ReLU")
def mlp(x, layers, activation):
    for W, b in layers[:-1]:
        x = torch.relu(layer(x, W, b))
    return layer(x, *layers[-1])


@wrong(check="mlp_values", why="knows two layers only")
def mlp(x, layers, activation):
    return layer(activation(layer(x, *layers[0])), *layers[1])


@wrong(check="mlp_values", why="copies the weights into modules: nothing can be learned")
def mlp(x, layers, activation):
    modules = []
    for W, b in layers:
        linear = nn.Linear(W.shape[1], W.shape[0])
        linear.weight, linear.bias = nn.Parameter(W.detach()), nn.Parameter(b.detach())
        modules.append(linear)
    for linear in modules[:-1]:
        x = activation(linear(x))
    return modules[-1](x)


@wrong(check="mlp_values", why="each layer sees the first inputs")
def mlp(x, layers, activation):
    for W, b in layers[:-1]:
        out = activation(layer(x, W, b))
    return layer(out, *layers[-1])


@wrong(check="mlp_values", why="turns the caller's list round")
def mlp(x, layers, activation):
    layers.reverse()
    *hidden, last = reversed(layers)
    for W, b in hidden:
        x = activation(layer(x, W, b))
    return layer(x, *last)


@wrong(check="mlp_values", why="takes the last layer out of the caller's list")
def mlp(x, layers, activation):
    last = layers.pop()
    for W, b in layers:
        x = activation(layer(x, W, b))
    return layer(x, *last)


@wrong(check="xor_corners", why="one line: OR")
def xor_layers():
    W1 = torch.eye(2)
    return [(W1, torch.zeros(2)), (torch.tensor([[1.0, 1.0]]), torch.tensor([-0.5]))]


@wrong(check="xor_corners", why="solves it for corners at 0 and 1")
def xor_layers():
    W1 = torch.ones(2, 2)
    return [(W1, torch.tensor([0.0, -1.0])), (torch.tensor([[1.0, -2.0]]), torch.tensor([-0.5]))]


@wrong(check="xor_corners", why="equality instead of difference")
def xor_layers():
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    return [(W1, torch.zeros(2)), (torch.tensor([[-1.0, -1.0]]), torch.tensor([1.0]))]


@wrong(check="xor_corners", why="four hidden neurons")
def xor_layers():
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    return [(W1, torch.zeros(4)), (torch.tensor([[1.0, 1.0, -1.0, -1.0]]), torch.zeros(1))]


@wrong(check="xor_corners", why="the output is 0, on no side, where the signs agree")
def xor_layers():
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    return [(W1, torch.zeros(2)), (torch.tensor([[1.0, 1.0]]), torch.zeros(1))]


@wrong(check="squared_error_values", why="sum for mean")
def squared_error(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).sum()


@wrong(check="squared_error_values", why="divides by the rows only")
def squared_error(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).sum() / len(prediction)


@wrong(check="squared_error_values", why="absolute differences")
def squared_error(prediction, target):
    if prediction.shape != target.shape:
        raise ValueError("shapes differ")
    return (prediction - target).abs().mean()


@wrong(check="squared_error_shapes", why="lets shapes be stretched")
def squared_error(prediction, target):
    return ((prediction - target) ** 2).mean()


@wrong(check="squared_error_shapes", why="compares numbers of dimensions only")
def squared_error(prediction, target):
    if prediction.ndim != target.ndim:
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).mean()


@wrong(check="squared_error_shapes", why="compares lengths only")
def squared_error(prediction, target):
    if len(prediction) != len(target):
        raise ValueError("shapes differ")
    return ((prediction - target) ** 2).mean()


@wrong(check="cross_entropy_values", why="sum for mean")
def cross_entropy(logits, target):
    return F.softplus((1 - 2 * target) * logits).sum()


@wrong(
    check="cross_entropy_values",
    why="swaps the classes",
)
def cross_entropy(logits, target):
    return F.softplus((2 * target - 1) * logits).mean()


@wrong(check="cross_entropy_values", why="ignores class 0")
def cross_entropy(logits, target):
    return -(target * F.logsigmoid(logits)).mean()


@wrong(check="cross_entropy_values", why="floats only: integer classes raise")
def cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target)


@wrong(check="cross_entropy_values", why="a mean for each class, added")
def cross_entropy(logits, target):
    p = torch.sigmoid(logits)
    return -torch.log(p[target == 1]).mean() - torch.log(1 - p[target == 0]).mean()


@wrong(check="cross_entropy_far", why="in two steps: infinite for large logits")
def cross_entropy(logits, target):
    p = torch.sigmoid(logits)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()


@wrong(check="cross_entropy_far", why="caps the loss with an epsilon")
def cross_entropy(logits, target):
    p = torch.sigmoid(logits)
    return -(target * torch.log(p + 1e-12) + (1 - target) * torch.log(1 - p + 1e-12)).mean()


@wrong(check="cross_entropy_far", why="log(1 + e^z) as it stands")
def cross_entropy(logits, target):
    return (torch.log(1 + torch.exp(logits)) - target * logits).mean()


@wrong(check="accuracy_values", why="cuts logits at 0.5")
def accuracy(logits, target):
    return ((logits > 0.5) == (target == 1)).float().mean()


@wrong(check="accuracy_values", why="counts")
def accuracy(logits, target):
    return ((logits > 0) == (target == 1)).sum()


@wrong(check="accuracy_values", why="the share of wrong answers")
def accuracy(logits, target):
    return ((logits > 0) != (target == 1)).float().mean()


@wrong(check="accuracy_values", why="the share of class 1")
def accuracy(logits, target):
    return (logits > 0).float().mean()


@wrong(check="accuracy_values", why="rounds the logit")
def accuracy(logits, target):
    return (logits.round() == target).float().mean()


@wrong(check="split_parts", why="no shuffling")
def split(x, y, held_out, seed):
    return (x[held_out:], y[held_out:]), (x[:held_out], y[:held_out])


@wrong(check="split_parts", why="two orders, one for x and one for y")
def split(x, y, held_out, seed):
    torch.manual_seed(seed)
    x, y = x[torch.randperm(len(x))], y[torch.randperm(len(y))]
    return (x[held_out:], y[held_out:]), (x[:held_out], y[:held_out])


@wrong(check="split_parts", why="the parts the other way round")
def split(x, y, held_out, seed):
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return (x[order[:held_out]], y[order[:held_out]]), (x[order[held_out:]], y[order[held_out:]])


@wrong(check="split_parts", why="validation examples stay in training")
def split(x, y, held_out, seed):
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return (x[order], y[order]), (x[order[:held_out]], y[order[:held_out]])


@wrong(check="split_parts", why="ignores the seed")
def split(x, y, held_out, seed):
    order = torch.randperm(len(x))
    return (x[order[held_out:]], y[order[held_out:]]), (x[order[:held_out]], y[order[:held_out]])


@wrong(check="split_parts", why="draws with repetition")
def split(x, y, held_out, seed):
    g = torch.Generator().manual_seed(seed)
    train, val = (
        torch.randint(len(x), (len(x) - held_out,), generator=g),
        torch.randint(len(x), (held_out,), generator=g),
    )
    return (x[train], y[train]), (x[val], y[val])


edits["relu", "relu_values"] = {
    "nothing before it can learn": {"z.clamp": "z.detach().clamp"},
    "also cuts off at 6": {"z.clamp(min=0)": "z.clamp(min=0, max=6)"},
}


edits["elu", "elu_values"] = {
    "nothing can learn below 0: that half is detached": {
        "torch.expm1(z.clamp(max=0))": "torch.expm1(z.detach().clamp(max=0))"
    },
    "nothing can learn above 0": {"torch.where(z > 0, z,": "torch.where(z > 0, z.data,"},
}


edits["sigmoid", "sigmoid_slope"] = {
    "the slope is that of a straight line: cut off at both ends": {
        "(1 + torch.tanh(z / 2)) / 2": "torch.sigmoid(z).detach() + (z - z.detach()) / 4"
    },
    "in place: writes into what the slope needs": {
        "(1 + torch.tanh(z / 2)) / 2": "z.div_(2).tanh_().add_(1).div_(2)"
    },
}


edits["sigmoid", "sigmoid_values"] = {
    "leaves gradients switched off": {"return": "torch.set_grad_enabled(False)\n    return"},
}


edits["layer", "layer_values"] = {
    "the biases cannot learn": {"W.T + b": "W.T + b.detach()"},
    "the weights cannot learn": {"x @ W.T": "x @ W.data.T"},
    "nothing is handed on to the layer before": {"x @ W.T": "x.detach() @ W.T"},
    "knows by the shapes which way W stands": {
        "return x @ W.T + b": ("return (x @ W if x.shape[1] == W.shape[0] else x @ W.T) + b")
    },
}


edits["mlp", "mlp_values"] = {
    "the biases cannot learn": {"layer(x, W, b))": "layer(x, W, b.detach()))"},
    "the last layer cannot learn": {"layer(x, *last)": "layer(x, last[0].detach(), last[1].detach())"},
    "only the last layer can learn: the hidden numbers are detached": {
        "layer(x, *last)": "layer(x.detach(), *last)"
    },
    "only the last layer can learn: no_grad around the hidden ones": {
        ("for W, b in hidden:\n        x = activation(layer(x, W, b))"): (
            "with torch.no_grad():\n        for W, b in hidden:\n            x = activation(layer(x, W, b))"
        )
    },
    "knows the last layer by its width": {
        (
            "*hidden, last = layers\n"
            "    for W, b in hidden:\n"
            "        x = activation(layer(x, W, b))  # (B, M of this "
            "layer)\n"
            "    return layer(x, *last)"
        ): (
            "for W, b in layers:\n"
            "        x = layer(x, W, b)\n"
            "        x = x if len(b) == len(layers[-1][1]) else "
            "activation(x)\n"
            "    return x"
        )
    },
    "takes a layer of one neuron for the last": {
        (
            "*hidden, last = layers\n"
            "    for W, b in hidden:\n"
            "        x = activation(layer(x, W, b))  # (B, M of this "
            "layer)\n"
            "    return layer(x, *last)"
        ): (
            "for W, b in layers[:-1]:\n"
            "        x = layer(x, W, b)\n"
            "        x = x if len(b) == 1 else activation(x)\n"
            "    return layer(x, *layers[-1])"
        )
    },
}


edits["squared_error", "squared_error_values"] = {
    "half of it, as some books have it": {"** 2).mean()": "** 2).mean() / 2"},
}


edits["cross_entropy", "cross_entropy_values"] = {
    "nothing can learn from class 0": {
        "torch.logaddexp(logits, torch.zeros_like(logits))": (
            "torch.logaddexp(torch.where(target == 1, logits, logits.detach()), torch.zeros_like(logits))"
        )
    },
    "the slope leaves out half: one of the two logits is detached": {
        "target * logits": "target * logits.detach()"
    },
    "in place: writes into what the slope needs": {
        ("return (torch.logaddexp(logits, torch.zeros_like(logits)) - target * logits).mean()"): (
            "loss = -target * logits\n"
            "    small = torch.exp(-logits.abs())\n"
            "    return (loss + logits.clamp_(min=0) + "
            "torch.log1p(small)).mean()"
        )
    },
}


edits["accuracy", "accuracy_values"] = {
    "a logit of 0 counts as class 1": {"logits > 0": "logits >= 0"},
}


edits["split", "split_parts"] = {
    "turns the order round to a random place instead of shuffling it": {
        ("torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))"): (
            "torch.arange(len(x)).roll(int(torch.randint(len(x), (), "
            "generator=torch.Generator().manual_seed(seed))))"
        )
    },
    "takes every so many, beginning at a random place": {
        ("order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))"): (
            "start = int(torch.randint(len(x), (), "
            "generator=torch.Generator().manual_seed(seed)))\n"
            "    order = torch.arange(len(x))\n"
            "    order = ((order - start) * (len(x) // held_out) % "
            "len(x)).argsort(stable=True).roll(-start)\n"
            "    order = (start + torch.cat([order[order % (len(x) // "
            "held_out) == 0], order[order % (len(x) // held_out) != "
            "0]])) % len(x)"
        )
    },
    "the last example never comes to validation": {
        ("torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))"): (
            "torch.cat([torch.randperm(len(x) - 1, "
            "generator=torch.Generator().manual_seed(seed)), "
            "torch.tensor([len(x) - 1])])"
        )
    },
    "a seed of its own": {"manual_seed(seed)": "manual_seed(0)"},
    "draws once and keeps that order": {
        ("order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))"): (
            "orders = split.__dict__\n"
            "    order = orders.setdefault(len(x), "
            "torch.randperm(len(x), "
            "generator=torch.Generator().manual_seed(seed)))"
        )
    },
    "the seed only decides whether to turn the order round": {
        ("torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))"): (
            "torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).roll(7 * (seed % 2))"
        )
    },
}
