"""Other correct ways through the exercises of the lab `depth`; none may lose a point."""

from itertools import accumulate


import numpy as np


import torch


import torch.nn.functional as F


from torch import nn


@right(why="asks PyTorch")
def conv_cost(c_in, c_out, kernel, side):
    layer = nn.Conv2d(c_in, c_out, kernel)
    return layer.weight.numel() + layer.bias.numel(), layer.weight.numel() * side**2


@right(why="the field backwards from the layer; lists for tuples")
def profile(layers, c_in, side):
    rows, before = [], []
    for c_out, kernel, stride, padding in layers:
        before.append((kernel, stride))
        side = 1 + (side + 2 * padding - kernel) // stride
        field = 1
        for k, s in reversed(before):
            field = (field - 1) * s + k
        if c_out > 0:
            rows.append([c_out, side, *conv_cost(c_in, c_out, kernel, side), field])
            c_in = c_out
        else:
            rows.append([c_in, side, 0, 0, field])
    return rows


@right(why="all modules in place, F(x) in a method, relu as a module")
class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1, residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(c_out, c_out, kernel_size=3, padding="same", bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        if residual:
            same = stride == 1 and c_in == c_out
            parts = (
                [] if same else [nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False), nn.BatchNorm2d(c_out)]
            )
            self.shortcut = nn.Sequential(*parts)

    def change(self, x):
        return self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))

    def forward(self, x):
        if not hasattr(self, "shortcut"):
            return self.relu(self.change(x))
        return torch.clamp(self.change(x) + self.shortcut(x), min=0)


@right(why="one relu over all branches' ends; the pooling as a module")
class Inception(nn.Module):
    def __init__(self, c_in, widths):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(c_in, r3, 1), nn.Conv2d(r3, n3, 3, padding="same")
        self.reduce5, self.conv5 = nn.Conv2d(c_in, r5, 1), nn.Conv2d(r5, n5, 5, padding="same")
        self.pool, self.project = nn.MaxPool2d(3, 1, 1), nn.Conv2d(c_in, n_pool, 1)

    def forward(self, x):
        three = self.conv3(self.reduce3(x).relu())
        five = self.conv5(self.reduce5(x).relu())
        return torch.cat((self.conv1(x), three, five, self.project(self.pool(x))), dim=-3).relu()


@right(why="keeps a list, joins it anew for each layer")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        self.norms, self.convs = nn.ModuleList(), nn.ModuleList()
        for _ in range(layers):
            self.norms.append(nn.BatchNorm2d(c_in))
            self.convs.append(nn.Conv2d(c_in, growth, 3, 1, 1, bias=False))
            c_in += growth

    def forward(self, x):
        kept = [x]
        for i in range(len(self.convs)):
            kept.append(self.convs[i](torch.relu(self.norms[i](torch.cat(kept, 1)))))
        return torch.cat(kept, 1)


@right(why="pops what was kept")
class UNet(nn.Module):
    def __init__(self, c_in, classes, widths=(8, 16, 32)):
        super().__init__()
        finer, coarser = widths[:-1], widths[1:]
        self.down = nn.ModuleList(double_conv(a, b) for a, b in zip((c_in, *finer), finer))
        self.bottom = double_conv(finer[-1], widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in zip(finer, coarser))
        self.merge = nn.ModuleList(double_conv(2 * a, a) for a in finer)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        kept = []
        for down in self.down:
            kept += [down(x)]
            if any(side % 2 for side in kept[-1].shape[2:]):
                raise ValueError("an odd side cannot be halved")
            x = nn.functional.max_pool2d(kept[-1], kernel_size=2, stride=2)
        x = self.bottom(x)
        for up, merge in zip(list(self.up)[::-1], list(self.merge)[::-1]):
            x = merge(torch.cat((kept.pop(), up(x)), dim=1))
        return self.head(x)


@right(why="one-hot masks, float64")
def iou(predicted, target, classes):
    a, b = (F.one_hot(y.long(), classes).flatten(0, 2).double() for y in (predicted, target))
    both, union = (a * b).sum(0), torch.maximum(a, b).sum(0)
    return torch.where(union == 0, torch.ones_like(union), both / union.clamp(min=1))


@right(why="NumPy's confusion matrix")
def iou(predicted, target, classes):
    pairs = np.bincount((predicted * classes + target).flatten().numpy(), minlength=classes**2)
    table = pairs.reshape(classes, classes)
    union = table.sum(0) + table.sum(1) - table.diagonal()
    return [1.0 if u == 0 else float(hit / u) for hit, u in zip(table.diagonal(), union)]


@right(why="flips and the transpose")
def symmetries(x):
    return [z for y in (x, x.transpose(2, 3)) for z in (y, y.flip(2), y.flip(3), y.flip((2, 3)))]


@right(why="turn by turn")
def symmetries(x):
    turned = list(accumulate([x, 1, 1, 1], lambda y, _: torch.rot90(y, 1, (-2, -1))))
    return turned + [torch.flip(y, [-2]) for y in turned]


@right(why="one large batch")
def averaged(net, x):
    answers = net(torch.cat(symmetries(x)))
    return answers.view(8, len(x), -1).mean(0)


@right(why="a running sum")
def averaged(net, x):
    total = 0
    for y in symmetries(x):
        total = total + net(y)
    return total / 8


edits["averaged"] = {
    "a running mean, which rounds otherwise": {
        ("return torch.stack([net(y) for y in symmetries(x)]).mean(0)"): (
            "mean = 0\n"
            "    for count, y in enumerate(symmetries(x), 1):\n"
            "        mean = mean + (net(y) - mean) / count\n"
            "    return mean"
        )
    },
    "an eighth of each answer": {
        "torch.stack([net(y) for y in symmetries(x)]).mean(0)": "sum(net(y) / 8 for y in symmetries(x))"
    },
}


edits["ResidualBlock"] = {
    "in place, on its own tensors": {
        "F.relu(self.norm1(self.conv1(x)))": "F.relu_(self.norm1(self.conv1(x)))",
        ("return F.relu(self.shortcut(x) + y) if self.residual else F.relu(y)"): (
            "if self.residual:\n            y += self.shortcut(x)\n        return y.relu_()"
        ),
    },
    "the convolutions first, then the normalisations": {
        "        self.norm1 = nn.BatchNorm2d(c_out)\n": "",
        "        self.norm2 = nn.BatchNorm2d(c_out)\n": (
            "        self.norm1, self.norm2 = nn.BatchNorm2d(c_out), nn.BatchNorm2d(c_out)\n"
        ),
    },
}


edits["Inception"] = {
    "in place, on its own tensors": {"pooled], dim=1)": "pooled], dim=1).relu_()"},
}


edits["DenseBlock"] = {
    "relu in place on its own tensor": {"F.relu(norm(x))": "norm(x).relu_()"},
    "the convolutions stand before the normalisations in __init__": {
        "        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)\n": "",
        "for width in widths)\n\n    def forward": (
            "for width in widths)\n"
            "        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)\n\n    def forward"
        ),
    },
}


edits["UNet"] = {
    "a dictionary of what was kept": {
        "kept = []": "kept = {}",
        (
            "for down in self.down:\n"
            "            kept.append(down(x))  # (B, widths[i], H / 2ⁱ, "
            "W / 2ⁱ)\n"
            "            x = F.max_pool2d(kept[-1], 2)"
        ): (
            "for i, down in enumerate(self.down):\n"
            "            kept[i] = down(x)\n"
            "            x = F.max_pool2d(kept[i], 2)"
        ),
    },
}


edits["iou"] = {
    "Python numbers": {
        (
            "(a & b).sum() / union if union else torch.tensor(1.0, device=target.device)"
        ): "float((a & b).sum()) / float(union) if union else 1.0",
        "torch.stack(shares)": "shares",
    },
}


edits["profile"] = {
    "takes the layers off the list": {
        "for c_out, kernel, stride, padding in layers:\n": (
            "while layers:\n        c_out, kernel, stride, padding = layers.pop(0)\n"
        )
    },
}
