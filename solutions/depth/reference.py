"""Depth: what layers cost, residual, Inception and dense blocks, U-Net, and nets averaged over symmetries.

He, Zhang, Ren & Sun, "Deep residual learning for image recognition", arXiv:1512.03385; Szegedy et al., "Going deeper
with convolutions", arXiv:1409.4842; Huang et al., "Densely connected convolutional networks", arXiv:1608.06993;
Ronneberger, Fischer & Brox, "U-Net", arXiv:1505.04597; Dieleman, Willett & Dambre, arXiv:1503.07077 (symmetries).

The net trained here is the course's own pretrained backbone: `ResNet.features`, with the tensors of its record.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import cifar10, shapes
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.9125, "he2016", system="ResNet-20", data="CIFAR-10, all 50,000 training pictures")}

Layer = tuple[int, int, int, int]  # output channels (0: a pooling), kernel, stride, padding


def conv_cost(c_in: int, c_out: int, kernel: int, side: int) -> tuple[int, int]:
    """What a convolution with square kernels costs.

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
        kernel: Rows and columns of a kernel.
        side: Rows and columns of the *output*.

    Returns:
        (parameters, multiplications): the weights and a bias for each output channel; and the products of one
        picture, where each of the c_out · side · side output numbers is a sum over a whole kernel (biases are added,
        not multiplied).

    >>> conv_cost(3, 8, 3, 10)
    (224, 21600)
    """
    weights = c_out * c_in * kernel**2
    return weights + c_out, weights * side**2


def profile(layers: list[Layer], c_in: int, side: int) -> list[tuple[int, int, int, int, int]]:
    """Sizes, cost and receptive field after each layer of a net.

    Args:
        layers: (c_out, kernel, stride, padding) of each layer, the first at the picture. c_out = 0 is a pooling: it
            keeps its input's channels, has no parameters and multiplies nothing.
        c_in: Channels of the picture.
        side: Its rows and columns.

    Returns:
        For each layer (channels, side, parameters, multiplications, field): the channels and the side of its output,
        its own cost as in `conv_cost`, and the side of the square of pixels that one of its output numbers sees
        (padding is not a pixel, but counts as if it were one).

    >>> profile([(8, 3, 1, 1), (0, 2, 2, 0)], c_in=3, side=10)
    [(8, 10, 224, 21600, 3), (8, 5, 0, 0, 4)]
    """
    rows, field, step = [], 1, 1
    for c_out, kernel, stride, padding in layers:
        side = (side + 2 * padding - kernel) // stride + 1
        field, step = field + (kernel - 1) * step, step * stride
        parameters, multiplications = conv_cost(c_in, c_out, kernel, side)
        c_in = c_out or c_in
        rows.append((c_in, side, parameters, multiplications, field))
    return rows


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a way around them: relu(shortcut(x) + F(x)) (He et al., eq. 1 and 2, fig. 2).

    F(x) = norm2(conv2(relu(norm1(conv1(x))))). `conv1` has the stride; both have padding 1 and no bias, since the
    normalisation behind them would take it away. `shortcut` is an `nn.Sequential`: empty where x already has the
    shape of F(x), else (the *projection*) a 1×1 convolution with that stride and no bias, then a batch normalisation.

    With `residual=False` there is no shortcut, nor an attribute of that name: relu(F(x)), a *plain* block.
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1, residual: bool = True):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(c_out)
        self.residual = residual
        if residual:
            self.shortcut = nn.Sequential()
            if stride != 1 or c_in != c_out:
                projection = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
                self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, c_in, H, W) to (B, c_out, ⌈H / stride⌉, ⌈W / stride⌉)."""
        y = F.relu(self.norm1(self.conv1(x)))  # (B, c_out, H', W')
        y = self.norm2(self.conv2(y))
        return F.relu(self.shortcut(x) + y) if self.residual else F.relu(y)


class Inception(nn.Module):
    """Four branches side by side, their channels put in one row (Szegedy et al., fig. 2b).

    `widths` is (n1, r3, n3, r5, n5, n_pool), the paper's columns. The convolutions, each followed by ReLU:
    `conv1`, 1×1, to n1 channels; `reduce3`, 1×1, to r3, then `conv3`, 3×3, to n3; `reduce5`, 1×1, to r5, then
    `conv5`, 5×5, to n5; and a 3×3 max pooling of stride 1 and padding 1, then `project`, 1×1, to n_pool. All keep
    height and width, and have biases.
    """

    def __init__(self, c_in: int, widths: tuple[int, int, int, int, int, int]):
        super().__init__()
        n1, r3, n3, r5, n5, n_pool = widths
        self.conv1 = nn.Conv2d(c_in, n1, 1)
        self.reduce3 = nn.Conv2d(c_in, r3, 1)
        self.conv3 = nn.Conv2d(r3, n3, 3, padding=1)
        self.reduce5 = nn.Conv2d(c_in, r5, 1)
        self.conv5 = nn.Conv2d(r5, n5, 5, padding=2)
        self.project = nn.Conv2d(c_in, n_pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, c_in, H, W) to (B, n1 + n3 + n5 + n_pool, H, W), the branches in this order."""
        one = F.relu(self.conv1(x))  # (B, n1, H, W)
        three = F.relu(self.conv3(F.relu(self.reduce3(x))))  # (B, n3, H, W)
        five = F.relu(self.conv5(F.relu(self.reduce5(x))))  # (B, n5, H, W)
        pooled = F.relu(self.project(F.max_pool2d(x, 3, stride=1, padding=1)))  # (B, n_pool, H, W)
        return torch.cat([one, three, five, pooled], dim=1)


class DenseBlock(nn.Module):
    """Each layer sees everything that was there before, and adds `growth` channels to it (Huang et al., eq. 2).

    Layer l = 0, 1, … is `norms[l]`, a batch normalisation, then ReLU, then `convs[l]`, a 3×3 convolution to `growth`
    channels with padding 1 and no bias. `norms` and `convs` are `nn.ModuleList`s of `layers` items.
    """

    def __init__(self, c_in: int, growth: int, layers: int):
        super().__init__()
        widths = [c_in + i * growth for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, c_in, H, W) to (B, c_in + layers · growth, H, W): x first, then each layer's channels."""
        for norm, conv in zip(self.norms, self.convs):
            x = torch.cat([x, conv(F.relu(norm(x)))], dim=1)  # (B, c_in + (l + 1) · growth, H, W)
        return x


def double_conv(c_in: int, c_out: int) -> nn.Sequential:
    """Two 3×3 convolutions that keep height and width, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for c in (c_in, c_out):
        layers += [nn.Conv2d(c, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Down to see far, up again to say where, and across what was there on the way (Ronneberger et al., fig. 1).

    `widths` are the channels of each level, from the finest to the coarsest. With padding and batch normalisation,
    which the paper had not: the output is as large as the picture.
    """

    def __init__(self, c_in: int, classes: int, widths: tuple[int, ...] = (8, 16, 32)):
        super().__init__()
        finer, coarser = widths[:-1], widths[1:]
        self.down = nn.ModuleList(double_conv(a, b) for a, b in zip((c_in, *finer), finer))
        self.bottom = double_conv(finer[-1], widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in zip(finer, coarser))
        self.merge = nn.ModuleList(double_conv(2 * a, a) for a in finer)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, c_in, H, W) to the scores of each pixel, (B, classes, H, W).

        Down, level by level from the finest: `down[i]`, whose output is kept, then 2×2 max pooling. `bottom`. Up,
        from the coarsest level to the finest: `up[i]`, which doubles height and width; the kept output of `down[i]`
        *in front of* it, joined along the channels; `merge[i]`. At last `head`.

        Raises:
            ValueError: H or W cannot be halved without remainder as often as there are poolings.
        """
        most = 2 ** len(self.down)
        if x.shape[2] % most or x.shape[3] % most:
            raise ValueError(
                f"UNet: expected height and width in steps of {most}, got {tuple(x.shape)}; pad it."
            )
        kept = []
        for down in self.down:
            kept.append(down(x))  # (B, widths[i], H / 2ⁱ, W / 2ⁱ)
            x = F.max_pool2d(kept[-1], 2)
        x = self.bottom(x)
        for i in reversed(range(len(self.up))):
            x = self.merge[i](torch.cat([kept[i], self.up[i](x)], dim=1))
        return self.head(x)


def iou(predicted: Tensor, target: Tensor, classes: int) -> Tensor:
    """Intersection over union of each class: how well two masks lie on each other.

    Of class c: the number of pixels that are c in both, divided by the number of those that are c in at least one,
    counted over the whole batch. Where there is no such pixel at all, 1.

    Args:
        predicted: Classes (B, H, W), integers from 0 to classes - 1.
        target: Classes of the same shape.
        classes: How many there are.

    Returns:
        One number a class, (classes,), from 0 to 1.

    >>> iou(torch.tensor([[[0, 1], [1, 1]]]), torch.tensor([[[0, 0], [1, 1]]]), 3)
    tensor([0.5000, 0.6667, 1.0000])
    """
    shares = []
    for c in range(classes):
        a, b = predicted == c, target == c
        union = (a | b).sum()
        shares.append((a & b).sum() / union if union else torch.tensor(1.0, device=target.device))
    return torch.stack(shares)


def symmetries(x: Tensor) -> list[Tensor]:
    """The eight ways in which a square lies on itself: four quarter turns, each as it is and mirrored.

    Args:
        x: Square pictures (B, C, S, S).

    Returns:
        Eight tensors (B, C, S, S), in any order; the channels stay where they are.

    >>> sorted(y.flatten().tolist() for y in symmetries(torch.arange(4).view(1, 1, 2, 2)))[:3]
    [[0, 1, 2, 3], [0, 2, 1, 3], [1, 0, 3, 2]]
    """
    return [torch.rot90(y, turns, dims=(2, 3)) for y in (x, x.flip(3)) for turns in range(4)]


def averaged(net: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A net's mean answer over all symmetries of its pictures: whatever the net, the mean is invariant.

    Args:
        net: Pictures (B, C, S, S) to answers (B, K).
        x: Pictures (B, C, S, S).

    Returns:
        Mean answers (B, K), which are the same for a picture and for any of its `symmetries`. Autograd can follow them
        back to x.

    >>> corner = lambda x: x[:, 0, 0, :1]
    >>> averaged(corner, torch.tensor([[[[4., 0.], [0., 0.]]]]))
    tensor([[1.]])
    """
    return torch.stack([net(y) for y in symmetries(x)]).mean(0)


class ResNet(nn.Module):
    """A residual net of three stages for small pictures, 6n + 2 layers deep (He et al., section 4.2).

    The first convolution has `stem` as its stride; each stage has `n` blocks (two layers each), the later stages
    begin with a stride of 2. With `residual=False` the same net without shortcuts.
    """

    def __init__(
        self,
        n: int,
        widths: tuple[int, int, int] = (16, 32, 64),
        stem: int = 1,
        residual: bool = True,
        classes: int = 10,
    ):
        super().__init__()
        self.conv = nn.Conv2d(3, widths[0], 3, stem, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        blocks, c_in = [], widths[0]
        for stage, width in enumerate(widths):
            for place in range(n):
                stride = 2 if stage > 0 and place == 0 else 1
                blocks.append(ResidualBlock(c_in, width, stride, residual))
                c_in = width
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(c_in, classes)

    def maps(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to the last block's maps, (B, widths[2], H / (4 · stem), W / (4 · stem))."""
        return self.blocks(F.relu(self.norm(self.conv(x))))

    def features(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to one row a picture, (B, widths[2]): each map's mean over all places."""
        return self.maps(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] to scores (B, classes)."""
        return self.dense(self.features(x))


@dataclass(frozen=True)
class Config:
    """A tier's net and its training.

    `shift` bounds the random moves of training pictures, in pixels; 0 for none. `weights` says how much each class
    counts in the loss; empty: all alike.
    """

    n: int
    widths: tuple[int, int, int]
    stem: int
    epochs: int
    batch: int
    rate: float  # the one-cycle schedule's highest
    decay: float
    shift: int
    adaptive: bool = False  # AdamW instead of SGD with Nesterov momentum
    weights: tuple[float, ...] = ()


def config(tier: str) -> Config:
    """The net of the record: 8 layers at the mini tier, 20 at the full one."""
    if tier == "mini":
        return Config(
            1, (16, 32, 64), stem=2, epochs=6, batch=50, rate=0.01, decay=0.01, shift=0, adaptive=True
        )
    return Config(3, (16, 32, 64), stem=1, epochs=80, batch=128, rate=0.3, decay=5e-4, shift=4)


def thin(tier: str) -> Config:
    """The nets of `compare`."""
    if tier == "mini":
        return Config(
            3, (8, 16, 32), stem=2, epochs=2, batch=40, rate=0.01, decay=0.01, shift=0, adaptive=True
        )
    return config(tier)


def segmenting(tier: str) -> Config:
    """The U-Net of `segment`: most pixels are ground, which therefore counts for less."""
    weights = (0.3, 1.0, 1.0, 1.0)
    if tier == "mini":
        return Config(
            0, (8, 16, 32), 1, 6, batch=10, rate=0.01, decay=0.01, shift=0, adaptive=True, weights=weights
        )
    return Config(
        0, (16, 32, 64), 1, 20, batch=50, rate=0.01, decay=0.01, shift=0, adaptive=True, weights=weights
    )


def build(tier: str, residual: bool = True) -> ResNet:
    """A tier's net, untrained."""
    chosen = config(tier)
    return ResNet(chosen.n, chosen.widths, chosen.stem, residual)


def distort(x: Tensor, shift: int) -> Tensor:
    """Each picture moved by up to `shift` pixels, zeros coming in, and mirrored or not: (B, C, H, W) to the same."""
    b, _, height, width = x.shape
    x = torch.where((torch.rand(b, 1, 1, 1, device=x.device) < 0.5), x.flip(3), x)
    rows = torch.randint(2 * shift + 1, (b, 1), device=x.device) + torch.arange(height, device=x.device)
    columns = torch.randint(2 * shift + 1, (b, 1), device=x.device) + torch.arange(width, device=x.device)
    padded = F.pad(x, (shift,) * 4).permute(0, 2, 3, 1)  # (B, H + 2 · shift, W + 2 · shift, C)
    picture = torch.arange(b, device=x.device)[:, None, None]
    moved = padded[picture, rows[:, :, None], columns[:, None, :]]  # (B, H, W, C)
    return moved.permute(0, 3, 1, 2).contiguous()  # PyTorch 2.13 aborts on a few channels stored last


def optimizer_for(net: nn.Module, chosen: Config) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum, or AdamW where the tier asks for it."""
    if chosen.adaptive:
        return torch.optim.AdamW(net.parameters(), chosen.rate, weight_decay=chosen.decay)
    return torch.optim.SGD(net.parameters(), chosen.rate, 0.9, weight_decay=chosen.decay, nesterov=True)


def fit(net: nn.Module, data: TensorDataset, chosen: Config, run: Run, phase: str = "train") -> nn.Module:
    """Train `net` in place on pictures and their classes, or their pixels' classes: one cycle of the learning rate."""
    steps = chosen.epochs * (len(data) // chosen.batch)
    optimizer = optimizer_for(net, chosen)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, chosen.rate, total_steps=steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    forward = run.compile(net)
    weights = torch.tensor(chosen.weights, device=run.device) if chosen.weights else None
    for x, y in run.batches(data, chosen.batch, steps, saved, phase):
        if chosen.shift:
            x = distort(x, chosen.shift)
        with run.autocast():
            loss = F.cross_entropy(forward(x), y, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(**{"loss" if phase == "train" else f"{phase}_loss": loss})
    return net


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A residual net with projections, 8 layers (mini, AdamW) or 20 (full, SGD, moved and mirrored pictures)."""
    net = fit(build(tier).to(run.device), cifar10.load(tier, "train"), config(tier), run)
    return {name: value.detach().contiguous() for name, value in net.state_dict().items()}


@torch.no_grad()
def answers(net: nn.Module, x: Tensor, device: str | torch.device = "cpu") -> Tensor:
    """The class of the highest score of each picture (N, C, H, W), in evaluation mode: (N,); of pixels, (N, H, W)."""
    was_training = net.training
    net.eval()
    best = torch.cat([net(part.to(device)).argmax(1).cpu() for part in x.split(500)])
    net.train(was_training)
    return best


def accuracy(net: nn.Module, data: tuple[Tensor, ...], device: str | torch.device = "cpu") -> float:
    """Share of the pictures (N, 3, H, W) whose highest score is at their class (N,)."""
    return (answers(net, data[0], device) == data[1]).double().mean().item()


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the test pictures whose highest score is at their own class.

    Raises:
        RuntimeError: the tensors are not those of this tier's residual net.
    """
    net = build(tier)
    net.load_state_dict(tensors)
    return accuracy(net.to(device), cifar10.load(tier, "test").tensors, device)


def baseline(tier: str) -> float:
    """What a linear classifier of the pixels reaches, fitted by least squares."""
    (x, y), (x_test, y_test) = cifar10.load(tier, "train").tensors, cifar10.load(tier, "test").tensors
    rows, test_rows = (
        F.pad(part.flatten(1), (0, 1), value=1.0) for part in (x, x_test)
    )  # (N, 3 · H · W + 1)
    ridge = 0.01 * len(rows) * torch.eye(rows.shape[1])
    weights = torch.linalg.solve(rows.T @ rows + ridge, rows.T @ F.one_hot(y, 10).float())
    return ((test_rows @ weights).argmax(1) == y_test).double().mean().item()


def compare(tier: str, n: int, residual: bool, run: Run) -> float:
    """Test accuracy of a plain or residual net of 6n + 2 layers, thin at the mini tier (He et al., figure 6)."""
    chosen = thin(tier)
    net = ResNet(n, chosen.widths, chosen.stem, residual).to(run.device)
    fit(net, cifar10.load(tier, "train"), chosen, run, f"{'residual' if residual else 'plain'}{6 * n + 2}")
    return accuracy(net, cifar10.load(tier, "test").tensors, run.device)


def segment(tier: str, run: Run) -> tuple[UNet, Tensor]:
    """A U-Net trained on `shapes`, and its IoU of each class on the test pictures, (4,)."""
    net = UNet(1, len(shapes.CLASSES), segmenting(tier).widths).to(run.device)
    fit(net, shapes.load(tier, "train"), segmenting(tier), run, "unet")
    x, y = shapes.load(tier, "test").tensors
    return net, iou(answers(net, x, run.device), y, len(shapes.CLASSES))


if __name__ == "__main__":
    main(__spec__)
