"""Transfer: a trained net's features on a new task, fine-tuning, style, dreams and maps of classes.

Yosinski et al., "How transferable are features in deep neural networks?", arXiv:1411.1792; Gatys, Ecker & Bethge, "A
neural algorithm of artistic style", arXiv:1508.06576; Mordvintsev, Olah & Tyka, "Inceptionism", 2015; Zhou et al.,
"Learning deep features for discriminative localization", arXiv:1512.04150.

Shapes: B pictures, C maps (channels) of H × W places, K classes, N examples of D features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import cifar10, coloured_digits
from course_utils.training import Run, main, pretrained

Objective = Callable[[Tensor], Tensor]


def standardise(train: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Each feature with mean 0 and standard deviation 1 *on the training examples*.

    Args:
        train: Features of the training examples (N, D).
        other: Features of other examples (M, D).

    Returns:
        Both, each column minus the mean of `train`'s column and divided by the standard deviation of `train`'s column
        (whose square is the mean of the squared differences, so divide by N) plus 1e-6: features that never change
        come to 0.

    >>> standardise(torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0]]))[1].round()
    tensor([[3.]])
    """
    mean, deviation = train.mean(0), train.std(0, correction=0) + 1e-6
    return (train - mean) / deviation, (other - mean) / deviation


def probe(x: Tensor, y: Tensor, classes: int, steps: int, rate: float, decay: float) -> tuple[Tensor, Tensor]:
    """A linear classifier of features, by gradient descent on all examples at once from W = 0 and b = 0.

    Each of `steps` steps changes W and b, both at once, by -`rate` times the gradient of

        mean cross-entropy of softmax(x Wᵀ + b) + decay / 2 · (the sum of all W²);

    the biases do not decay. The features stay as they are.

    Args:
        x: Features (N, D).
        y: Classes (N,), integers from 0 to classes - 1.
        classes: K.
        steps, rate, decay: As above.

    Returns:
        W (K, D) and b (K,), without a graph.
    """
    W, b, truth = x.new_zeros(classes, x.shape[1]), x.new_zeros(classes), F.one_hot(y, classes)
    for _ in range(steps):
        error = (torch.softmax(x @ W.T + b, dim=1) - truth) / len(x)  # (N, K)
        W, b = W - rate * (error.T @ x + decay * W), b - rate * error.sum(0)
    return W, b


class Transfer(nn.Module):
    """A trained `body` from pictures to C maps, and a new `head`: a linear layer on the maps' means.

    A mean is taken over each quarter of a map, so that the head knows roughly where something was seen.
    """

    def __init__(self, body: nn.Module, channels: int, classes: int):
        super().__init__()
        self.body = body
        self.head = nn.Linear(4 * channels, classes)

    def features(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to features (B, 4 · channels)."""
        return F.adaptive_avg_pool2d(self.body(x), 2).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to scores (B, classes)."""
        return self.head(self.features(x))


def freeze(net: Transfer) -> None:
    """Only `net.head` learns from now on; `net.body` stays as it is, whatever is run through it.

    Afterwards no parameter of `net.body` takes a gradient, every parameter of `net.head` does (also if it did not
    before), and `net.body` is in evaluation mode, so that a forward pass does not move its batch normalisation's
    statistics.
    """
    net.body.requires_grad_(False)
    net.body.eval()
    net.head.requires_grad_(True)


def parameter_groups(net: Transfer, body_rate: float, head_rate: float) -> list[dict]:
    """What a `torch.optim` optimiser takes to learn with two rates.

    Returns:
        Two dictionaries, first the body's, then the head's, each {"params": a list of parameters, "lr": the rate}.
        Parameters that take no gradient are left out; if that leaves a list empty, its dictionary stays.
    """
    parts = ((net.body, body_rate), (net.head, head_rate))
    return [{"params": [p for p in part.parameters() if p.requires_grad], "lr": rate} for part, rate in parts]


def gram(maps: Tensor) -> Tensor:
    """How much each pair of maps is active at the same places: their style (Gatys et al., eq. 3).

    Args:
        maps: (B, C, H, W).

    Returns:
        (B, C, C): of each picture, entry i, j is the *mean* over all H · W places of map i times map j.

    >>> gram(torch.tensor([[[[1.0, 0.0]], [[2.0, 4.0]]]]))
    tensor([[[ 0.5000,  1.0000],
             [ 1.0000, 10.0000]]])
    """
    rows = maps.flatten(2)  # (B, C, H · W)
    return rows @ rows.mT / rows.shape[2]


def style_loss(stages: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """How far the style of a picture is from the wanted one (Gatys et al., eq. 4 and 5, with means for their factors).

    Args:
        stages: Maps of several layers, each (B, C, H, W) with its own C, H and W.
        wanted: For each of them the Gram matrix to have, (B, C, C), as `gram` gives it.

    Returns:
        One number: the mean over layers of the mean squared difference of Gram matrices. Autograd can follow it back
        to the maps.
    """
    each = [((gram(maps) - target) ** 2).mean() for maps, target in zip(stages, wanted)]
    return torch.stack(each).mean()


def ascend(x: Tensor, objective: Objective, rate: float, shift: tuple[int, int]) -> Tensor:
    """One step of gradient ascent on a picture that is moved aside first, and back afterwards.

    The picture is rolled by `shift` = (rows down, columns to the right): what leaves on one side comes in on the other.
    Of the rolled picture the objective and its gradient are taken, and the gradient is divided by the mean of its
    absolute values plus 1e-8. `rate` times this is added, the picture is rolled back and cut to [0, 1].

    Args:
        x: Pictures (B, 3, H, W) in [0, 1]; it is not changed.
        objective: From pictures (B, 3, H, W) to one number, which is to grow.
        rate: How much pixels change, on average.
        shift: As above; any integers.

    Returns:
        The new pictures, without a graph.
    """
    moved = x.detach().roll(shift, dims=(2, 3)).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(moved), moved)
    step = rate * gradient / (gradient.abs().mean() + 1e-8)
    back = (-shift[0], -shift[1])
    return (moved.detach() + step).roll(back, dims=(2, 3)).clamp(0, 1)


def octaves(side: int, count: int, scale: float) -> list[int]:
    """Sides of a picture's smaller copies, from the smallest to the whole: side / scaleⁿ, n = count - 1, …, 1, 0.

    Each is rounded to the nearest integer, and is at least 1.

    >>> octaves(100, 3, 2.0)
    [25, 50, 100]
    """
    return [max(1, round(side / scale**n)) for n in reversed(range(count))]


def resized(x: Tensor, side: int) -> Tensor:
    """Pictures (B, C, H, W) as (B, C, side, side), smoothly."""
    return F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)


def dream(x: Tensor, objective: Objective, sides: list[int], steps: int, rate: float, reach: int) -> Tensor:
    """Gradient ascent from coarse to fine (DeepDream: Mordvintsev et al., 2015).

    `detail`, what the dream has added, is nothing at first. At each side in turn: begin with x, resized to it, plus
    `detail`, resized to it, cut to [0, 1]; take `steps` steps of `ascend`, each with a `shift` of two integers drawn
    evenly from -reach to reach; then `detail` is what came of it minus x, resized.

    Args:
        x: Pictures (B, 3, S, S) in [0, 1]; they are not changed.
        objective: From pictures of any side to one number.
        sides: From the smallest to the largest, at least one.
        steps, rate: Of each octave.
        reach: How far jitter goes, in pixels; 0 for none.

    Returns:
        What came of the last side, (B, 3, sides[-1], sides[-1]), without a graph.
    """
    detail = torch.zeros_like(x)
    for side in sides:
        small = resized(x, side)
        dreamt = (small + resized(detail, side)).clamp(0, 1)
        for _ in range(steps):
            rows, columns = torch.randint(-reach, reach + 1, (2,)).tolist()
            dreamt = ascend(dreamt, objective, rate, (rows, columns))
        detail = dreamt - small
    return dreamt


def class_map(maps: Tensor, weight: Tensor, k: int) -> Tensor:
    """Where a net sees class k (class activation mapping: Zhou et al., eq. 2).

    Args:
        maps: The last layer's maps (B, C, H, W).
        weight: Weights (K, C) of the linear layer that scores the classes from each map's mean over all places.
        k: The class, from 0 to K - 1.

    Returns:
        (B, H, W): at each place the sum over maps of weight times map. Its mean over places is the class's score,
        but for the bias.
    """
    return torch.einsum("bchw,c->bhw", maps, weight[k])


@dataclass(frozen=True)
class Config:
    """Of fine-tuning: examples a class, their number in a step, steps, and the highest rate of body and head.

    Whether half of a step's pictures are mirrored: digits must not be, photographs of things may.
    """

    each: int
    batch: int
    steps: int
    body_rate: float
    head_rate: float
    mirror: bool = False


def config(tier: str) -> Config:
    """A tier's recipe. The mini tier's rates were chosen on the validation pictures."""
    if tier == "mini":
        return Config(20, 25, 160, 0.02, 0.03)
    return Config(200, 50, 250, 0.0003, 0.005, mirror=True)


def pictures(tier: str, split: str) -> TensorDataset:
    """The new task: digits in colour (mini), or CIFAR-10, of whose test pictures the first 2,000 count (full)."""
    if tier == "mini":
        return coloured_digits.load(tier, split)
    return TensorDataset(
        *(part[:2000] if split == "test" else part for part in cifar10.load(tier, split).tensors)
    )


def few(x: Tensor, y: Tensor, each: int) -> tuple[Tensor, Tensor]:
    """The first `each` examples of every class."""
    rows = torch.cat([(y == k).nonzero()[:each, 0] for k in y.unique()])
    return x[rows], y[rows]


def optimiser(
    groups: list[dict], steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """SGD with momentum, and a schedule that lets its rates fall to 0 in a straight line over `steps` steps."""
    sgd = torch.optim.SGD([group for group in groups if group["params"]], momentum=0.9, weight_decay=5e-4)
    return sgd, torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: 1 - step / steps)


class CalmSqueezeBody(pretrained.SqueezeBody):
    """SqueezeNet for a head that learns: sides under 128 pixels are enlarged to that, and its last maps are tamed.

    They are 10 on average and 20 around it: sums of 2,048 such numbers would need rates a thousand times smaller.
    """

    least = 128

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to maps (B, 512, about H / 16, about W / 16)."""
        return (super().forward(x) - 10) / 20


def tamed(body: pretrained.Body) -> pretrained.Body:
    """`body` as it is to be fine-tuned: SqueezeNet as `CalmSqueezeBody`, the course's own net as it is."""
    if not isinstance(body, pretrained.SqueezeBody):
        return body
    calm = CalmSqueezeBody()
    calm.load_state_dict(body.state_dict())
    return calm


def new_net(tier: str) -> Transfer:
    """A tier's pretrained body under a new head for ten classes."""
    body = tamed(pretrained.load(tier))
    return Transfer(body, body.channels, 10)


def mirrored(x: Tensor) -> Tensor:
    """Pictures (B, 3, H, W), each turned left to right with a chance of one half."""
    return torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)


@torch.no_grad()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of pictures (N, 3, H, W) whose highest score is at their class (N,), in evaluation mode."""
    net.eval()
    right = [net(part).argmax(1) == truth for part, truth in zip(x.split(200), y.split(200))]
    return torch.cat(right).double().mean().item()


def fine_tune(net: Transfer, data: TensorDataset, chosen: Config, run: Run, phase: str = "train") -> None:
    """Train in place what takes gradients, on pictures (N, 3, H, W) and classes (N,), with the rates of `chosen`."""
    optimizer, schedule = optimiser(parameter_groups(net, chosen.body_rate, chosen.head_rate), chosen.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for x, y in run.batches(data, chosen.batch, chosen.steps, saved, phase):
        loss = F.cross_entropy(net(mirrored(x) if chosen.mirror else x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(**{"loss" if phase == "train" else f"{phase}_loss": loss})


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A pretrained body under a new head, fine-tuned on a few examples a class, the body with a smaller rate."""
    net = new_net(tier).to(run.device).train()
    examples = few(*pictures(tier, "train").tensors, config(tier).each)
    fine_tune(net, TensorDataset(*examples), config(tier), run)
    return {name: tensor.detach().contiguous() for name, tensor in net.state_dict().items()}


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the new task's test pictures whose highest score is at their own class.

    Raises:
        RuntimeError: the tensors are not those of this tier's net.
    """
    body = tamed(pretrained.untrained(tier))
    net = Transfer(body, body.channels, 10)
    net.load_state_dict(tensors)
    return accuracy(net.to(device), *(part.to(device) for part in pictures(tier, "test").tensors))


def baseline(tier: str) -> float:
    """What a linear classifier of the pixels reaches, given the same few examples."""
    x, y = few(*pictures(tier, "train").tensors, config(tier).each)
    x_test, y_test = pictures(tier, "test").tensors
    rows, test_rows = standardise(x.flatten(1), x_test.flatten(1))
    W, b = probe(rows, y, 10, steps=100, rate=0.005, decay=0.1)
    return ((test_rows @ W.T + b).argmax(1) == y_test).double().mean().item()


if __name__ == "__main__":
    main(__spec__)
