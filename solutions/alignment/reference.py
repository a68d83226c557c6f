"""Alignment: a shared top, a distance between domains, a gradient that is turned round, and when that does harm.

Castrejón et al., "Learning aligned cross-modal representations from weakly aligned data", arXiv:1607.07295; Sun &
Saenko, "Deep CORAL", arXiv:1607.01719; Ben-David et al., "A theory of learning from different domains", 2010; Ganin et
al., "Domain-adversarial training of neural networks" (DANN), arXiv:1505.07818.

Shapes: B examples of a batch, N and M of two sets, D features, K classes. The source domain has labels, the target has
none; a domain logit above 0 says "target".

The full tier takes 1,200 steps of some 140 operations: 2 s of an H100 for a seed by launches of 9 µs, and 3·10¹²
floating-point operations. Its source-only twin does about half as much. Three seeds of both: below 10 s.
"""

import copy
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import mnist_m
from course_utils.training import Paper, Run, main

PAPER = {"full": Paper(0.7666, "ganin2016", system="DANN", data="all of MNIST-M")}


class SharedTop(nn.Module):
    """An encoder for each modality, and above them layers that all modalities share (Castrejón et al., section 4).

    Args:
        encoders: By modality's name, a net from its own inputs to (B, E).
        top: From (B, E) to the features (B, D).
        classes: From the features to class scores (B, K).
    """

    def __init__(self, encoders: dict[str, nn.Module], top: nn.Module, classes: nn.Module):
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.top, self.classes = top, classes

    def features(self, modality: str, x: Tensor) -> Tensor:
        """Inputs of one modality to the features that all share, (B, D)."""
        return self.top(self.encoders[modality](x))

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Inputs of some modalities, by name, to their class scores (B, K), by the same names."""
        return {name: self.classes(self.features(name, x)) for name, x in batch.items()}


def mean_average_precision(scores: Tensor, asked: Tensor, found: Tensor) -> Tensor:
    """How far in front the right answers of a search stand: mAP, one number from 0 to 1.

    A query's answers are put in order, highest score first. The precision at rank r is the share of right ones among
    the first r. A query's average precision is the mean of the precisions at the ranks of all its right answers. mAP is
    the mean over queries; one whose class nothing in the gallery has is left out.

    Args:
        scores: Of each query (row) with each thing in the gallery, (M, N); no two of a row are equal.
        asked: The queries' classes (M,).
        found: The gallery's classes (N,).

    >>> scores = torch.tensor([[0.9, 0.8, 0.1]])  # right, wrong, right: (1/1 + 2/3) / 2
    >>> round(mean_average_precision(scores, torch.tensor([4]), torch.tensor([4, 5, 4])).item(), 4)
    0.8333
    """
    order = scores.argsort(dim=1, descending=True)
    right = (found[order] == asked[:, None]).float()  # (M, N), in order
    precision = right.cumsum(1) / torch.arange(1, right.shape[1] + 1, device=right.device)
    count = right.sum(1)
    average = (precision * right).sum(1) / count.clamp(min=1)
    return average[count > 0].mean()


def coral(a: Tensor, b: Tensor) -> Tensor:
    """How differently the features of two sets vary together: |C_a - C_b|² / (4 D²) (Deep CORAL, eq. 1).

    |·|² is the sum of all squared entries, and C a covariance matrix, with N - 1 in its denominator. Autograd follows.

    Args:
        a: Features (N, D).
        b: Features (M, D).

    >>> coral(torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [5.0]]))  # (2 - 0)² / 4
    tensor(1.)
    """
    covariances = []
    for x in (a, b):
        away = x - x.mean(0)
        covariances.append(away.T @ away / (len(x) - 1))
    return ((covariances[0] - covariances[1]) ** 2).sum() / (4 * a.shape[1] ** 2)


def domain_loss(source: Tensor, target: Tensor) -> Tensor:
    """What a domain classifier pays: the mean of its two domains' mean cross-entropies, in nats.

    A logit z says "target" with probability σ(z). Both domains count alike, however many examples each has.

    Args:
        source: Logits of source examples (N,), any size; finite results too.
        target: Logits of target examples (M,).

    >>> domain_loss(torch.zeros(3), torch.zeros(1))  # who knows nothing pays log 2
    tensor(0.6931)
    """
    return (F.softplus(source).mean() + F.softplus(-target).mean()) / 2


def proxy_distance(a: Tensor, b: Tensor, steps: int = 200, rate: float = 0.5) -> float:
    """How well a linear classifier tells two sets apart: 2 (1 - 2 ε), near 0 for twins, 2 for strangers.

    The classifier learns on the first half of either set (rounded down): from weights and a bias of 0, `steps` steps
    of gradient descent on `domain_loss`, with all examples at once. ε is its error on the other halves: the mean of
    the two sets' shares of examples on the wrong side; a logit of 0 counts as a's side (Ben-David et al., 2007).

    Args:
        a: Features (N, D), at least 2; b's side is that of logits above 0.
        b: Features (M, D), at least 2.
        steps, rate: Of the descent.

    >>> proxy_distance(torch.zeros(8, 1), torch.ones(8, 1))
    2.0
    """
    (a_train, a_test), (b_train, b_test) = (
        (x[: len(x) // 2], x[len(x) // 2 :]) for x in (a.detach(), b.detach())
    )
    w, c = a.new_zeros(a.shape[1]), a.new_zeros(())
    for _ in range(steps):
        toward_a = torch.sigmoid(a_train @ w + c) / (2 * len(a_train))  # slopes of the loss in each logit
        toward_b = -torch.sigmoid(-(b_train @ w + c)) / (2 * len(b_train))
        w = w - rate * (toward_a @ a_train + toward_b @ b_train)
        c = c - rate * (toward_a.sum() + toward_b.sum())
    error = ((a_test @ w + c > 0).float().mean() + (b_test @ w + c <= 0).float().mean()) / 2
    return 2 * (1 - 2 * error.item())


class Reversal(torch.autograd.Function):
    """Nothing on the way there; on the way back the gradient, times -strength (DANN, eqs. 16 and 17)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strength: float) -> Tensor:
        """x as it is."""
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        """The slope in x, turned round; none in the strength."""
        return -ctx.strength * slopes[0], None


def reverse(x: Tensor, strength: float) -> Tensor:
    """x, of any shape; but whatever learns through it is told to go the other way, `strength` times as fast.

    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> (reverse(x, 0.5) ** 2).backward()  # d(x²)/dx = 6
    >>> x.grad
    tensor(-3.)
    """
    return Reversal.apply(x, strength)


def strength(progress: float) -> float:
    """How strongly to reverse, from 0 towards 1: 2 / (1 + exp(-10 p)) - 1 at progress p from 0 to 1 (DANN, 5.2.2)."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


def slowed(rate: float, progress: float) -> float:
    """The rate of learning at progress p from 0 to 1, `rate` at first: rate / (1 + 10 p)^0.75 (DANN, section 5.2.2)."""
    return rate / (1 + 10 * progress) ** 0.75


class DANN(nn.Module):
    """Features, and two heads on them: one names the class, the other the domain, through a reversed gradient.

    Args:
        body: From inputs to features (B, D).
        classes: From features to class scores (B, K).
        domains: From features to (B, 1): a logit, above 0 for the target.
    """

    def __init__(self, body: nn.Module, classes: nn.Module, domains: nn.Module):
        super().__init__()
        self.body, self.classes, self.domains = body, classes, domains

    def forward(self, x: Tensor, strength: float) -> tuple[Tensor, Tensor]:
        """Inputs to class scores (B, K) and domain logits (B,)."""
        features = self.body(x)
        return self.classes(features), self.domains(reverse(features, strength))[:, 0]


def dann_loss(net: DANN, source: Tensor, labels: Tensor, target: Tensor, strength: float) -> Tensor:
    """Mean cross-entropy of the source's classes, plus the domain loss of source and target (DANN, eq. 18).

    Args:
        net: Gives class scores and domain logits for inputs and a strength.
        source: Inputs with labels (N, …).
        labels: Their classes (N,).
        target: Inputs without (M, …).
        strength: Of the reversal.
    """
    scores, of_source = net(source, strength)
    _, of_target = net(target, strength)
    return F.cross_entropy(scores, labels) + domain_loss(of_source, of_target)


def least_errors(p: Tensor, q: Tensor) -> Tensor:
    """What errors on source and target add up to, at least, where no feature tells the domains apart.

    A classifier on such features calls the same share of both domains "three", whatever its weights. If p and q say
    how frequent the classes really are, its two error rates add up to half the sum of |p_k - q_k| at least.

    Args:
        p: Shares of the K classes in the source, (K,), adding up to 1.
        q: The same of the target, (K,).

    >>> least_errors(torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75]))
    tensor(0.2500)
    """
    return (p - q).abs().sum() / 2


# ------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class Config:
    """Examples of each domain in a step, steps, the first rate of learning and how far reversal grows."""

    batch: int
    steps: int
    rate: float
    most: float = 1.0
    doubted: float = 0.0  # weight of the target's `doubt` at the end
    memory: float = 0.0  # of the running average of the weights, a step; at 0 it is the net as it stands


def config(tier: str) -> Config:
    """A tier's recipe."""
    return Config(128, 1000, 0.1) if tier == "mini" else Config(64, 1200, 0.03, doubted=0.2, memory=0.99)


def plain_net(inputs: int, drop: float = 0.5, width: int = 64) -> DANN:
    """Two hidden layers, the second half asleep while it learns, and a head for domains of one more."""
    body = nn.Sequential(
        nn.Flatten(), nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, width), nn.ReLU(), nn.Dropout(drop)
    )
    domains = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))
    return DANN(body, nn.Linear(width, 10), domains)


def picture_net() -> DANN:
    """Ganin et al.'s net for MNIST (their figure 4a), in colour; batch normalisation and dropout of maps are ours."""
    body = nn.Sequential(
        nn.ZeroPad2d(-2),  # cuts the margin off: 28×28 pixels
        nn.Conv2d(3, 32, 5),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 5),
        nn.BatchNorm2d(48),
        nn.Dropout2d(0.5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),  # (B, 48 · 4 · 4)
    )
    classes = nn.Sequential(*_layers(768, 100, 100), nn.Linear(100, 10))
    return DANN(body, classes, nn.Sequential(*_layers(768, 100), nn.Linear(100, 1)))


def _layers(*widths: int) -> list[nn.Module]:
    return [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]


def build(tier: str) -> DANN:
    """A tier's net, untrained."""
    return plain_net(3 * 8 * 8) if tier == "mini" else picture_net()


def adapt(
    net: DANN, source: TensorDataset, target: Tensor, how: Config, run: Run, phase: str = "train"
) -> DANN:
    """Train on labelled source and unlabelled target (M, …); where `how.most` is 0, on the source alone.

    Returns:
        A net with the running average of the weights, `settled` on the target.
    """
    net = net.to(run.device).train()
    average = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), how.rate, momentum=0.9)
    x, y, others = run.to(*source.tensors, target)
    rows, other_rows = (
        drawn(len(of), how, run, f"{phase} {name}") for of, name in ((x, "source"), (others, "target"))
    )
    for step in run.steps(how.steps, {"net": net, "average": average, "optimizer": optimizer}, phase):
        progress, batch = step / how.steps, rows[step]
        for group in optimizer.param_groups:
            group["lr"] = slowed(how.rate, progress)
        if how.most:
            there = others[other_rows[step]]
            loss = dann_loss(net, x[batch], y[batch], there, how.most * strength(progress))
            if how.doubted * late(progress):
                loss = loss + how.doubted * late(progress) * doubt(net(there, 0.0)[0])
        else:
            loss = F.cross_entropy(net(x[batch], 0.0)[0], y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        follow(average, net, how.memory)
        run.log(**{phase: loss})
    return settled(average, others)


def late(progress: float) -> float:
    """0 for the first three tenths of the training, then straight to 1."""
    return max(0.0, progress - 0.3) / 0.7


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, memory: float) -> None:
    """Move the averaged parameters towards the net's, in place: a ← memory · a + (1 - memory) · w."""
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - memory)


def doubt(scores: Tensor) -> Tensor:
    """Mean entropy of what class scores (B, K) say, in nats, from 0 to log K: no labels needed.

    Grandvalet & Bengio, "Semi-supervised learning by entropy minimization", 2004.

    >>> doubt(torch.zeros(3, 10))  # log 10
    tensor(2.3026)
    """
    said = scores.log_softmax(1)
    return -(said.exp() * said).sum(1).mean()


@torch.no_grad()
def settled(net: DANN, pictures: Tensor) -> DANN:
    """The net, ready for one domain: its batch normalisation knows mean and variance of that domain's maps alone.

    While it learned, each domain was normalised by its own batches (Li et al., "Revisiting batch normalization for
    practical domain adaptation", arXiv:1603.04779). A net without batch normalisation stays as it is.

    Args:
        net: Trained.
        pictures: Of the domain, without labels (M, …).
    """
    norms = [layer for layer in net.eval().modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches that come
        layer.train()
    for part in pictures.split(500) if norms else ():
        net.body(part)
    return net.eval()


def drawn(count: int, how: Config, run: Run, purpose: str) -> Tensor:
    """Rows of `count` examples for each step, drawn with replacement: (steps, batch), on the run's device."""
    return torch.randint(count, (how.steps, how.batch), generator=run.generator(purpose)).to(run.device)


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """DANN: SGD with momentum on labelled source and unlabelled target pictures."""
    net = adapt(build(tier), mnist_m.load(tier, "train"), unlabelled(tier), config(tier), run)
    run.log(source_accuracy=accuracy(net, mnist_m.load(tier, "val")))
    return {name: tensor.detach().contiguous() for name, tensor in net.state_dict().items()}


def unlabelled(tier: str) -> Tensor:
    """The target's train pictures (M, 3, H, W), without their labels."""
    return mnist_m.load(tier, "train", "target").tensors[0]


@torch.no_grad()
def accuracy(net: DANN, data: TensorDataset) -> float:
    """Share of pictures whose highest score is at their class."""
    device, hits = next(net.parameters()).device, []
    for x, y in zip(*(part.split(500) for part in data.tensors)):
        hits.append(net(x.to(device), 0.0)[0].argmax(1).cpu() == y)
    return torch.cat(hits).double().mean().item()


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of the target's test pictures whose highest score is at their class.

    Raises:
        RuntimeError: the tensors are not those of this tier's net.
    """
    net = build(tier)
    net.load_state_dict(tensors)
    return accuracy(net.to(device).eval(), mnist_m.load(tier, "test", "target"))


def source_only(tier: str, seed: int) -> float:
    """What `evaluate` measures of the same net, trained alike on the source alone."""
    how = replace(config(tier), most=0.0)
    run = Run("source only", seed)
    net = adapt(build(tier), mnist_m.load(tier, "train"), unlabelled(tier), how, run)
    return accuracy(net, mnist_m.load(tier, "test", "target"))


def baseline(tier: str) -> float:
    """What the same net reaches that learned from the source alone: mean of three seeds."""
    return sum(source_only(tier, seed) for seed in range(3)) / 3


if __name__ == "__main__":
    main(__spec__)
