"""Other correct ways to do the exercises. Read as text, never imported."""

import numpy as np


import torch.nn.functional as functional


@right(why="a double loop, a Python float")
def one_output(x, k, i, j):
    total = 0.0
    for a in range(k.shape[0]):
        for b in range(k.shape[1]):
            total += float(x[i + a, j + b]) * float(k[a, b])
    return total


@right(why="a scalar product of the flattened window and kernel, in float64")
def one_output(x, k, i, j):
    window = x[i : i + k.shape[0], j : j + k.shape[1]]
    return window.reshape(-1).double() @ k.reshape(-1).double()


@right(why="lists of rows, without one_output")
def conv2d_loop(x, k):
    a, b = k.shape
    rows = range(x.shape[0] - a + 1)
    columns = range(x.shape[1] - b + 1)
    return torch.tensor([[(x[i : i + a, j : j + b] * k).sum().item() for j in columns] for i in rows])


@right(why="a loop over the kernel, adding shifted pictures")
def conv2d_loop(x, k):
    h, w = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    y = torch.zeros(h, w)
    for a in range(k.shape[0]):
        for b in range(k.shape[1]):
            y += k[a, b] * x[a : a + h, b : b + w]
    return y


@right(why="NumPy")
def conv2d_loop(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), tuple(k.shape))
    return torch.from_numpy(np.einsum("hwij,ij->hw", windows, k.numpy()))


@right(why="counts the positions")
def output_size(n, k, stride=1, padding=0):
    count = len(range(0, n + 2 * padding - k + 1, stride))
    if count == 0:
        raise ValueError("the kernel does not fit")
    return count


@right(why="floor of a true quotient; a class derived from ValueError")
def output_size(n, k, stride=1, padding=0):
    class TooLarge(ValueError):
        pass

    if k > n + 2 * padding:
        raise TooLarge("kernel too large")
    return int(np.floor((n + 2 * padding - k) / stride)) + 1


@right(why="PyTorch's own")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight, bias, stride, padding)


@right(why="im2col: F.unfold and one matrix product")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    h = (x.shape[2] + 2 * padding - weight.shape[2]) // stride + 1
    columns = functional.unfold(x, weight.shape[2:], padding=padding, stride=stride)
    y = (weight.flatten(1) @ columns).view(len(x), len(weight), h, -1)
    return y if bias is None else y + bias[:, None, None]


@right(why="a loop over output places")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    a, b = weight.shape[2:]
    rows = []
    for i in range(0, x.shape[2] - a + 1, stride):
        row = [
            torch.einsum("bcij,ocij->bo", x[:, :, i : i + a, j : j + b], weight)
            for j in range(0, x.shape[3] - b + 1, stride)
        ]
        rows.append(torch.stack(row, dim=-1))
    y = torch.stack(rows, dim=-2)
    return y if bias is None else y + bias.view(1, -1, 1, 1)


@right(why="a loop over the kernel, written into zeros, in float64")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    b, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    big = torch.zeros(b, c, h + 2 * padding, w + 2 * padding, dtype=torch.float64)
    big[:, :, padding : padding + h, padding : padding + w] = x
    out_h, out_w = (h + 2 * padding - kh) // stride + 1, (w + 2 * padding - kw) // stride + 1
    y = torch.zeros(b, o, out_h, out_w, dtype=torch.float64)
    for i in range(kh):
        for j in range(kw):
            part = big[:, :, i : i + out_h * stride : stride, j : j + out_w * stride : stride][
                :, :, :out_h, :out_w
            ]
            y = y + torch.einsum("bchw,oc->bohw", part, weight[:, :, i, j].double())
    return y if bias is None else y + bias.double().reshape(1, o, 1, 1)


@right(why="asks PyTorch's layers; a list for a tuple")
def parameter_counts(side, c_in, c_out, k):
    def count(layer):
        return sum(p.numel() for p in layer.parameters())

    s = output_size(side, k)
    dense = count(nn.Linear(c_in * side * side, c_out * s * s))
    return [dense, s * s * count(nn.Linear(c_in * k * k, c_out)), count(nn.Conv2d(c_in, c_out, k))]


@right(why="a tensor of three numbers")
def parameter_counts(side, c_in, c_out, k):
    inputs, outputs = (
        torch.tensor([c_in * side**2, c_in * k**2, c_in * k**2]),
        c_out * output_size(side, k) ** 2,
    )
    return torch.tensor([outputs, outputs, c_out]) * (inputs + 1)


@right(why="PyTorch's own")
def max_pool2d(x, size):
    return F.max_pool2d(x, size)


@right(why="a view with two more axes")
def max_pool2d(x, size):
    h, w = x.shape[2] // size, x.shape[3] // size
    x = x[:, :, : h * size, : w * size]
    return x.reshape(*x.shape[:2], h, size, w, size).max(5).values.max(3).values


@right(why="a loop over places, from minus infinity")
def max_pool2d(x, size):
    h, w = x.shape[2] // size, x.shape[3] // size
    y = torch.full((x.shape[0], x.shape[1], h, w), -float("inf"))
    for i in range(h):
        for j in range(w):
            y[:, :, i, j] = x[:, :, i * size : (i + 1) * size, j * size : (j + 1) * size].amax((2, 3))
    return y


@right(why="from the last layer backwards")
def receptive_field(layers):
    seen = 1
    for kernel, stride in reversed(layers):
        seen = (seen - 1) * stride + kernel
    return seen


@right(why="NumPy's cumulative product; a NumPy number")
def receptive_field(layers):
    if not layers:
        return 1
    kernels, strides = np.array(layers).T
    return 1 + ((kernels - 1) * np.cumprod([1, *strides[:-1]])).sum()


@right(why="PyTorch's own")
def softmax(z):
    return torch.softmax(z, dim=-1)


@right(why="by way of logarithms")
def softmax(z):
    return torch.exp(z - torch.logsumexp(z, dim=-1, keepdim=True))


@right(why="max instead of amax, float64")
def softmax(z):
    z = z.double()
    e = (z - z.max(-1, keepdim=True)[0]).exp()
    return e / e.sum(-1, keepdim=True)


@right(why="PyTorch's own")
def dropout(x, p, training=True):
    return F.dropout(x, p, training)


@right(why="Bernoulli draws of what is kept")
def dropout(x, p, training=True):
    if training:
        return x * torch.bernoulli(torch.full_like(x, 1 - p)) / (1 - p)
    return x


@right(why="zeros written where the draw is below p")
def dropout(x, p, training=True):
    y = x.clone()
    if training:
        y[torch.rand(x.shape, device=x.device) < p] = 0
        y = y / (1 - p)
    return y


@right(why="pools before the ReLU, which changes nothing; indices for zip")
class ConvNet(nn.Module):
    def __init__(self, side, widths=(16, 32), p=0.3):
        super().__init__()
        inputs = (1, *widths[:-1])
        self.first = nn.ModuleList(nn.Conv2d(c, w, 3, padding=1) for c, w in zip(inputs, widths))
        self.second = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths)
        self.dense = nn.Linear(widths[-1] * (side // 2 ** len(widths)) ** 2, 10)
        self.p = p

    def forward(self, x):
        for i in range(len(self.first)):
            x = torch.relu(self.first[i](x))
            x = max_pool2d(self.second[i](x), 2).clamp(min=0)
        x = dropout(x.reshape(len(x), -1), self.p, self.training)
        return self.dense(x)


@right(why="the student's own conv2d, and PyTorch's dropout")
class ConvNet(nn.Module):
    def __init__(self, side, widths=(16, 32), p=0.3):
        super().__init__()
        inputs = (1, *widths[:-1])
        self.first = nn.ModuleList(nn.Conv2d(c, w, 3, padding=1) for c, w in zip(inputs, widths))
        self.second = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths)
        self.dense = nn.Linear(widths[-1] * (side // 2 ** len(widths)) ** 2, 10)
        self.p = p

    def forward(self, x):
        for first, second in zip(self.first, self.second):
            x = F.relu(conv2d(x, first.weight, first.bias, padding=1))
            x = F.relu(conv2d(x, second.weight, second.bias, padding=1))
            x = F.max_pool2d(x, 2)
        return self.dense(F.dropout(x.flatten(1), self.p, self.training))


edits["conv2d"] = {
    "adds the bias in place": {
        "return y if bias is None else y + bias.view(-1, 1, 1)": (
            "if bias is not None:\n        y += bias[:, None, None]\n    return y"
        )
    },
    "shifted pictures added up in place of a tensor of zeros": {
        'y = torch.einsum("bchwij,ocij->bohw", windows, weight)': (
            "y = torch.zeros(len(x), len(weight), *windows.shape[2:4])\n"
            "    for i in range(k_h):\n"
            "        for j in range(k_w):\n"
            '            y += torch.einsum("bchw,oc->bohw", windows[..., '
            "i, j], weight[:, :, i, j])"
        )
    },
}


edits["softmax"] = {
    "in place: work on the scores that were handed in": {
        "e = torch.exp(z - z.amax(dim=-1, keepdim=True))": "z -= z.amax(dim=-1, keepdim=True)\n    e = z.exp_()"
    },
}


edits["max_pool2d"] = {
    "in place: what is given is used as its own storage": {
        "tiles = x.unfold": "x += 0\n    tiles = x.unfold"
    },
}


edits["dropout"] = {
    "in place: masked_fill_ and div_ on what was handed in": {
        ("kept = torch.rand_like(x) >= p\n    return x * kept / (1 - p)"): (
            "return x.masked_fill_(torch.rand_like(x) < p, 0).div_(1 - p)"
        )
    },
}


edits["ConvNet"] = {
    "ReLU in place, dropout before the numbers are put in a row": {
        "F.relu(second(F.relu(first(x))))": "F.relu_(second(F.relu_(first(x))))",
        "dropout(x.flatten(1), self.p, self.training)": "dropout(x, self.p, self.training).reshape(len(x), -1)",
    },
}


edits["receptive_field"] = {
    "counts in place: takes the last layer off the list": {
        (
            "seen, step = 1, 1\n"
            "    for kernel, stride in layers:\n"
            "        seen += (kernel - 1) * step\n"
            "        step *= stride"
        ): (
            "seen = 1\n"
            "    while layers:\n"
            "        kernel, stride = layers.pop()\n"
            "        seen = (seen - 1) * stride + kernel"
        )
    },
}
