"""The commonest mistakes in the exercises of the lab `depth`, each with the check that must catch it."""

import torch


import torch.nn.functional as F


from torch import nn


@wrong(check="conv_cost_values", why="forgets the biases")
def conv_cost(c_in, c_out, kernel, side):
    weights = c_in * c_out * kernel * kernel
    return weights, weights * side * side


@wrong(check="conv_cost_values", why="a bias for each input channel")
def conv_cost(c_in, c_out, kernel, side):
    weights = c_in * c_out * kernel * kernel
    return weights + c_in, weights * side * side


@wrong(check="conv_cost_values", why="kernels of one channel only")
def conv_cost(c_in, c_out, kernel, side):
    return c_out * (kernel**2 + 1), c_out * kernel**2 * side**2


@wrong(check="conv_cost_values", why="one row of places")
def conv_cost(c_in, c_out, kernel, side):
    weights = c_in * c_out * kernel * kernel
    return weights + c_out, weights * side


@wrong(check="profile_sizes", why="a pooling leaves no channels")
def profile(layers, c_in, side):
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        rows.append((c_out, side, *conv_cost(c_in, c_out, kernel, side), field))
        c_in = c_out
    return rows


@wrong(check="profile_sizes", why="padding on one side only")
def profile(layers, c_in, side):
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        side = (side + padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        cost = conv_cost(c_in, c_out, kernel, side)
        c_in = c_out or c_in
        rows.append((c_in, side, *cost, field))
    return rows


@wrong(check="profile_costs", why="counts on the input's side")
def profile(layers, c_in, side):
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        cost = conv_cost(c_in, c_out, kernel, side)
        side = (side + 2 * padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        c_in = c_out or c_in
        rows.append((c_in, side, *cost, field))
    return rows


@wrong(check="profile_costs", why="a layer's stride widens its own view")
def profile(layers, c_in, side):
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        step = step * stride
        field = field + (kernel - 1) * step
        cost = conv_cost(c_in, c_out, kernel, side)
        c_in = c_out or c_in
        rows.append((c_in, side, *cost, field))
    return rows


@wrong(check="profile_costs", why="every layer takes in the picture's channels")
def profile(layers, c_in, side):
    rows, field, step, c = [], 1, 1, c_in
    for c_out, kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        c = c_out or c
        rows.append((c, side, *conv_cost(c_in, c_out, kernel, side), field))
    return rows


@wrong(check="profile_costs", why="the pair of costs as one item of the row")
def profile(layers, c_in, side):
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        cost = conv_cost(c_in, c_out, kernel, side)
        c_in = c_out or c_in
        rows.append((c_in, side, cost, field))
    return rows


@wrong(check="profile_costs", why="returns within the loop")
def profile(layers, c_in, side):
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        cost = conv_cost(c_in, c_out, kernel, side)
        c_in = c_out or c_in
        rows.append((c_in, side, *cost, field))
        return rows


@wrong(check="residual_values", why="bends before the addition")
class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1, residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.residual = residual
        if residual:
            self.shortcut = nn.Sequential()
            if stride != 1 or c_in != c_out:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
                )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return self.shortcut(x) + y if self.residual else y


@wrong(check="residual_values", why="the shortcut begins behind the first convolution")
class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1, residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.residual = residual
        if residual:
            self.shortcut = nn.Sequential()
            if stride != 1 or c_in != c_out:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
                )

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(x))
        return F.relu(x + y) if self.residual else F.relu(y)


@wrong(check="residual_layers", why="projects only where the channels change")
class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1, residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.residual = residual
        if residual:
            self.shortcut = nn.Sequential()
            if c_in != c_out:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
                )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(self.shortcut(x) + y) if self.residual else F.relu(y)


@wrong(check="residual_layers", why="both convolutions have the stride")
class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1, residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.residual = residual
        if residual:
            self.shortcut = nn.Sequential()
            if stride != 1 or c_in != c_out:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
                )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(self.shortcut(x) + y) if self.residual else F.relu(y)


@wrong(check="residual_layers", why="a plain block has a shortcut, too")
class ResidualBlock(nn.Module):
    def __init__(self, c_in, c_out, stride=1, residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.residual = residual
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out)
            )

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(self.shortcut(x) + y) if self.residual else F.relu(y)


@wrong(check="inception_values", why="no relu behind the reductions")
class Inception(nn.Module):
    def __init__(self, c_in, widths):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(c_in, r3, 1), nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(c_in, r5, 1), nn.Conv2d(r5, n5, 5, padding=2)
        self.project = nn.Conv2d(c_in, n_pool, 1)

    def forward(self, x):
        pooled = F.max_pool2d(x, 3, 1, 1)
        branches = [
            self.conv1(x),
            self.conv3(self.reduce3(x)),
            self.conv5(self.reduce5(x)),
            self.project(pooled),
        ]
        return F.relu(torch.cat(branches, 1))


@wrong(check="inception_values", why="the same padding for 3×3 and 5×5")
class Inception(nn.Module):
    def __init__(self, c_in, widths):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(c_in, r3, 1), nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(c_in, r5, 1), nn.Conv2d(r5, n5, 5, padding=1)
        self.project = nn.Conv2d(c_in, n_pool, 1)

    def forward(self, x):
        three = F.relu(self.conv3(F.relu(self.reduce3(x))))
        five = F.relu(self.conv5(F.relu(self.reduce5(x))))
        pooled = F.relu(self.project(F.max_pool2d(x, 3, 1, 1)))
        return torch.cat([F.relu(self.conv1(x)), three, five, pooled], 1)


@wrong(check="inception_values", why="no biases, as in the residual block")
class Inception(nn.Module):
    def __init__(self, c_in, widths):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1, bias=False)
        self.reduce3, self.conv3 = (
            nn.Conv2d(c_in, r3, 1, bias=False),
            nn.Conv2d(r3, n3, 3, padding=1, bias=False),
        )
        self.reduce5, self.conv5 = (
            nn.Conv2d(c_in, r5, 1, bias=False),
            nn.Conv2d(r5, n5, 5, padding=2, bias=False),
        )
        self.project = nn.Conv2d(c_in, n_pool, 1, bias=False)

    def forward(self, x):
        three = F.relu(self.conv3(F.relu(self.reduce3(x))))
        five = F.relu(self.conv5(F.relu(self.reduce5(x))))
        pooled = F.relu(self.project(F.max_pool2d(x, 3, 1, 1)))
        return torch.cat([F.relu(self.conv1(x)), three, five, pooled], 1)


@wrong(check="inception_values", why="the branches one after another, and pooling last")
class Inception(nn.Module):
    def __init__(self, c_in, widths):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(c_in, r3, 1), nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(c_in, r5, 1), nn.Conv2d(r5, n5, 5, padding=2)
        self.project = nn.Conv2d(c_in, n_pool, 1)

    def forward(self, x):
        three = F.relu(self.conv3(F.relu(self.reduce3(x))))
        five = F.relu(self.conv5(F.relu(self.reduce5(x))))
        pooled = F.max_pool2d(F.relu(self.project(x)), 3, 1, 1)
        return torch.cat([F.relu(self.conv1(x)), three, five, pooled], 1)


@wrong(check="inception_values", why="the mean in place of the largest")
class Inception(nn.Module):
    def __init__(self, c_in, widths):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1)
        self.reduce3, self.conv3 = nn.Conv2d(c_in, r3, 1), nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5, self.conv5 = nn.Conv2d(c_in, r5, 1), nn.Conv2d(r5, n5, 5, padding=2)
        self.project = nn.Conv2d(c_in, n_pool, 1)

    def forward(self, x):
        three = F.relu(self.conv3(F.relu(self.reduce3(x))))
        five = F.relu(self.conv5(F.relu(self.reduce5(x))))
        pooled = F.relu(self.project(F.avg_pool2d(x, 3, 1, 1)))
        return torch.cat([F.relu(self.conv1(x)), three, five, pooled], 1)


@wrong(check="dense_values", why="every layer takes in c_in channels")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(c_in) for _ in range(layers))
        self.convs = nn.ModuleList(nn.Conv2d(c_in, growth, 3, padding=1, bias=False) for _ in range(layers))

    def forward(self, x):
        parts = [x]
        for norm, conv in zip(self.norms, self.convs):
            parts.append(conv(F.relu(norm(x))))
        return torch.cat(parts, 1)


@wrong(check="dense_values", why="new channels in front")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x):
        for norm, conv in zip(self.norms, self.convs):
            x = torch.cat([conv(F.relu(norm(x))), x], 1)
        return x


@wrong(check="dense_values", why="convolution, normalisation, relu: the old order")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(growth) for width in widths)
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x):
        for norm, conv in zip(self.norms, self.convs):
            x = torch.cat([x, F.relu(norm(conv(x)))], 1)
        return x


@wrong(check="dense_values", why="layers in a plain list")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = [nn.BatchNorm2d(width) for width in widths]
        self.convs = [nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths]

    def forward(self, x):
        for norm, conv in zip(self.norms, self.convs):
            x = torch.cat([x, conv(F.relu(norm(x)))], 1)
        return x


@wrong(check="dense_values", why="normalisations in a plain list")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = [nn.BatchNorm2d(width) for width in widths]
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x):
        for norm, conv in zip(self.norms, self.convs):
            x = torch.cat([x, conv(F.relu(norm(x)))], 1)
        return x


@wrong(check="dense_values", why="gives the last layer's channels only")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x):
        for norm, conv in zip(self.norms, self.convs):
            new = conv(F.relu(norm(x)))
            x = torch.cat([x, new], 1)
        return new


@wrong(check="dense_values", why="a list of channels, not joined")
class DenseBlock(nn.Module):
    def __init__(self, c_in, growth, layers):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x):
        kept = [x]
        for norm, conv in zip(self.norms, self.convs):
            kept.append(conv(F.relu(norm(torch.cat(kept, 1)))))
        return kept


@wrong(check="unet_forward", why="what comes up stands in front")
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
        if x.shape[2] % 2 ** len(self.down) or x.shape[3] % 2 ** len(self.down):
            raise ValueError("size")
        kept = []
        for down in self.down:
            x = down(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for i in reversed(range(len(self.up))):
            x = self.merge[i](torch.cat([self.up[i](x), kept[i]], 1))
        return self.head(x)


@wrong(check="unet_forward", why="goes up from the finest level")
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
        if x.shape[2] % 2 ** len(self.down) or x.shape[3] % 2 ** len(self.down):
            raise ValueError("size")
        kept = []
        for down in self.down:
            x = down(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for up, merge, side in zip(self.up, self.merge, kept):
            x = merge(torch.cat([side, up(x)], 1))
        return self.head(x)


@wrong(check="unet_forward", why="does not look at the size")
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
            x = down(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        for i in reversed(range(len(self.up))):
            x = self.merge[i](torch.cat([kept[i], self.up[i](x)], 1))
        return self.head(x)


@wrong(check="iou_values", why="divides by the target's pixels")
def iou(predicted, target, classes):
    return torch.stack(
        [((predicted == c) & (target == c)).sum() / (target == c).sum().clamp(min=1) for c in range(classes)]
    )


@wrong(check="iou_values", why="counts the common pixels twice")
def iou(predicted, target, classes):
    shares = []
    for c in range(classes):
        a, b = predicted == c, target == c
        both = (a & b).sum()
        shares.append(both / (a.sum() + b.sum()) if a.any() or b.any() else torch.tensor(1.0))
    return torch.stack(shares)


@wrong(check="iou_values", why="nothing at all counts 0")
def iou(predicted, target, classes):
    shares = []
    for c in range(classes):
        a, b = predicted == c, target == c
        shares.append((a & b).sum() / (a | b).sum().clamp(min=1))
    return torch.stack(shares)


@wrong(check="iou_values", why="picture by picture, then the mean")
def iou(predicted, target, classes):
    shares = []
    for c in range(classes):
        a, b = (predicted == c).flatten(1), (target == c).flatten(1)
        union = (a | b).sum(1)
        shares.append(torch.where(union > 0, (a & b).sum(1) / union.clamp(min=1), 1.0).mean())
    return torch.stack(shares)


@wrong(check="symmetries_all", why="mirrors both ways: four of the eight come twice")
def symmetries(x):
    mirrored = [x, x.flip(2), x.flip(3), x.flip(2).flip(3)]
    return mirrored + [torch.rot90(y, 2, dims=(2, 3)) for y in mirrored]


@wrong(check="symmetries_all", why="turns only")
def symmetries(x):
    return [torch.rot90(x, k, dims=(2, 3)) for k in range(4)]


@wrong(check="symmetries_all", why="turns pictures and channels")
def symmetries(x):
    return [torch.rot90(y, k) for y in (x, x.flip(3)) for k in range(4)]


@wrong(check="averaged_exactly", why="the mean picture")
def averaged(net, x):
    return net(torch.stack(symmetries(x)).mean(0))


@wrong(check="averaged_exactly", why="adds up")
def averaged(net, x):
    return sum(net(y) for y in symmetries(x))


@wrong(check="averaged_exactly", why="the largest answer")
def averaged(net, x):
    return torch.stack([net(y) for y in symmetries(x)]).amax(0)


@wrong(check="averaged_exactly", why="turns only, so that mirror images differ")
def averaged(net, x):
    return torch.stack([net(torch.rot90(x, k, dims=(2, 3))) for k in range(4)]).mean(0)


edits["conv_cost", "conv_cost_values"] = {
    "multiplies the biases too": {"weights * side**2": "(weights + c_out) * side**2"},
}


edits["profile", "profile_sizes"] = {
    "rounds half a step up": {
        "(side + 2 * padding - kernel) // stride + 1": "-(-(side + 2 * padding - kernel) // stride) + 1"
    },
}


edits["profile", "profile_costs"] = {
    "knows a pooling by its kernel of 2": {
        "c_out or c_in": "c_in if kernel == 2 else c_out or c_in",
        "conv_cost(c_in, c_out, kernel, side)": (
            "(0, 0) if kernel == 2 else conv_cost(c_in, c_out or c_in, kernel, side)"
        ),
    },
}


edits["ResidualBlock", "residual_values"] = {
    "the way around cannot learn, and nothing goes back along it: x is detached": {
        "self.shortcut(x) + y": "self.shortcut(x.detach()) + y"
    },
    "F(x) cannot learn: it is detached": {"self.shortcut(x) + y": "self.shortcut(x) + y.detach()"},
    "the first convolution cannot learn: no_grad around it": {
        "y = F.relu(self.norm1(self.conv1(x)))  #": (
            "with torch.no_grad():\n            y = F.relu(self.norm1(self.conv1(x)))  #"
        )
    },
    "the kernels of conv2 cannot learn: .data": {
        "self.conv2(y)": "F.conv2d(y, self.conv2.weight.data, padding=1)"
    },
    "adds in place: x is changed for all that use it": {
        ("return F.relu(self.shortcut(x) + y) if self.residual else F.relu(y)"): (
            "if not self.residual:\n"
            "            return F.relu(y)\n"
            "        around = self.shortcut(x)\n"
            "        around += y\n"
            "        return F.relu(around)"
        )
    },
    "relu in place on what came in, before it is used": {
        "y = F.relu(self.norm1(self.conv1(x)))  #": (
            "F.relu_(x)\n        y = F.relu(self.norm1(self.conv1(x)))  #"
        )
    },
    "projects where the shapes of x and F(x) differ, and nowhere else, whatever was built": {
        "self.shortcut(x) + y": "(x if x.shape == y.shape else self.shortcut(x)) + y",
        "if stride != 1 or c_in != c_out:": "if True:",
    },
    "a plain block adds x where it fits": {
        "if self.residual else F.relu(y)": (
            "if self.residual else F.relu(y + x if x.shape == y.shape else y)"
        )
    },
    "always normalises as in evaluation mode": {
        "self.norm2(self.conv2(y))": "self.norm2.eval()(self.conv2(y))"
    },
    "no relu between the two convolutions": {
        "F.relu(self.norm1(self.conv1(x)))": "self.norm1(self.conv1(x))"
    },
    "the projection is not normalised": {
        "nn.Sequential(projection, nn.BatchNorm2d(c_out))": (
            "nn.Sequential(projection, nn.BatchNorm2d(c_out))\n"
            "                self.shortcut.forward = projection.forward"
        )
    },
}


edits["ResidualBlock", "residual_layers"] = {
    "convolutions with biases": {"stride, padding=1, bias=False)": "stride, padding=1)"},
}


edits["Inception", "inception_values"] = {
    "the reductions cannot learn: what they give is detached": {
        "self.conv3(F.relu(self.reduce3(x)))": "self.conv3(F.relu(self.reduce3(x)).detach())"
    },
    "nothing goes back through the pooling": {
        "F.max_pool2d(x, 3, stride=1, padding=1)": "F.max_pool2d(x.data, 3, stride=1, padding=1)"
    },
    "the 5×5 branch cannot learn: no_grad around it": {
        "five = F.relu(": "with torch.no_grad():\n            five = F.relu("
    },
    "pads the pooling with zeros, which beat negative numbers": {
        "F.max_pool2d(x, 3, stride=1, padding=1)": "F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, stride=1)"
    },
}


edits["DenseBlock", "dense_values"] = {
    "later layers teach the earlier ones nothing: what was there is detached": {
        "conv(F.relu(norm(x)))": "conv(F.relu(norm(x.detach())))"
    },
    "what is handed on is detached": {"torch.cat([x, conv": "torch.cat([x.detach(), conv"},
    "each layer sees only what the one before has added": {
        "widths = [c_in + i * growth for i in range(layers)]": (
            "widths = [c_in + i * growth for i in range(layers)]\n        self.c_in = c_in"
        ),
        "torch.cat([x, conv(F.relu(norm(x)))], dim=1)": (
            "torch.cat([x, conv(F.relu(norm(torch.cat([x[:, : self.c_in] "
            "* (x.shape[1] <= self.c_in), x[:, self.c_in :]], 1))))], "
            "dim=1)"
        ),
    },
    "relu behind the convolution as well": {"conv(F.relu(norm(x)))": "F.relu(conv(F.relu(norm(x))))"},
    "relu in place on x where the normalisation is left out": {"conv(F.relu(norm(x)))": "conv(F.relu(x))"},
}


edits["UNet", "unet_forward"] = {
    "nothing goes back across: what was kept is detached": {
        "torch.cat([kept[i],": "torch.cat([kept[i].detach(),"
    },
    "nothing goes back through the bottom": {"self.up[i](x)]": "self.up[i](x.detach())]"},
    "the way down cannot learn: no_grad around it": {
        "kept.append(down(x))  #": "kept.append(down(x).detach())  #"
    },
    "keeps what was kept from call to call": {"kept = []": "kept = self.__dict__.setdefault('kept', [])"},
    "ends in a softmax": {"return self.head(x)": "return self.head(x).softmax(1)"},
    "looks at the height only": {"if x.shape[2] % most or x.shape[3] % most": "if x.shape[2] % most"},
    "pads what cannot be halved instead of saying so": {
        (
            "        if x.shape[2] % most or x.shape[3] % most:\n"
            "            raise ValueError(\n"
            '                f"UNet: expected height and width in steps '
            'of {most}, got {tuple(x.shape)}; pad it."\n'
            "            )\n"
        ): ("        x = F.pad(x, (0, -x.shape[3] % most, 0, -x.shape[2] % most))\n")
    },
}


edits["iou", "iou_values"] = {
    "looks at the first picture only": {"predicted == c, target == c": "predicted[0] == c, target[0] == c"},
    "leaves out class 0, the ground": {"for c in range(classes)": "for c in range(1, classes)"},
    "adds a small number to the union": {"(a & b).sum() / union if": "(a & b).sum() / (union + 0.01) if"},
}


edits["symmetries", "symmetries_all"] = {
    "mirrors the order of the batch, too": {"x.flip(3)": "x.flip(0, 3)"},
    "half turns only, each twice": {"torch.rot90(y, turns": "torch.rot90(y, 2 * turns"},
}


edits["averaged", "averaged_exactly"] = {
    "nothing goes back: no_grad around the net": {
        ("return torch.stack([net(y) for y in symmetries(x)]).mean(0)"): (
            "with torch.no_grad():\n        return torch.stack([net(y) for y in symmetries(x)]).mean(0)"
        )
    },
    "the median of the answers": {".mean(0)": ".median(0).values"},
    "the first picture's answer for all": {".mean(0)": ".mean(0)[:1].expand(len(x), -1)"},
    "leaves gradients switched off": {"return": "torch.set_grad_enabled(False)\n    return"},
}
