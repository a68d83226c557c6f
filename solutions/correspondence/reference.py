"""Correspondence: which point of one picture is which of another, learned without labels.

Rocco et al., "Neighbourhood consensus networks", arXiv:1810.10510; Suwajanakorn et al., "Discovery of latent 3D
keypoints via end-to-end geometric reasoning", arXiv:1807.03146.

Shapes: B pairs of pictures; the first has H × W places, the second K × L; C features; N keypoints. Places in a picture
are (x, y) from -1 to 1, x to the right and y down; the middle of column j of W is (2j + 1) / W - 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import aeroplanes, warps
from course_utils.training import Run, main, pretrained


def correlation(f: Tensor, g: Tensor) -> Tensor:
    """How alike each place of one picture and each of the other are (Rocco et al.): the cosine.

    Args:
        f: Features of the first pictures (B, C, H, W).
        g: Features of the second (B, C, K, L).

    Returns:
        (B, H, W, K, L): at b, i, j, k, l the scalar product of f[b, :, i, j] and g[b, :, k, l], each divided by its
        length first. A length below 1e-6 counts as 1e-6, so that features of nothing are like nothing. Gradients flow
        to f and g.

    >>> correlation(torch.tensor([[[[3.0]], [[4.0]]]]), torch.tensor([[[[2.0, 0.0]], [[0.0, 5.0]]]])).flatten()
    tensor([0.6000, 0.8000])
    """
    f, g = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-6) for x in (f, g))
    return torch.einsum("bchw,bckl->bhwkl", f, g)


def soft_mutual(c: Tensor) -> Tensor:
    """Weaken what is not the best for both (Rocco et al., soft mutual nearest neighbours).

    Args:
        c: Correlations (B, H, W, K, L), none of them negative.

    Returns:
        (B, H, W, K, L): each c times two ratios: c over the largest of all correlations that the same place of the
        *second* picture has, and c over the largest that the same place of the *first* has. To both largest ones
        1e-6 is added. Gradients flow to c, through the largest ones too.
    """
    of_second = c.amax((1, 2), keepdim=True) + 1e-6  # (B, 1, 1, K, L)
    of_first = c.amax((3, 4), keepdim=True) + 1e-6  # (B, H, W, 1, 1)
    return c * (c / of_second) * (c / of_first)


def matches(c: Tensor) -> Tensor:
    """For each place of the first picture, where the second is most like it.

    Args:
        c: (B, H, W, K, L).

    Returns:
        (B, H, W, 2): the middle (x, y) of the best of the K × L places, in [-1, 1].
    """
    K, L = c.shape[3:]
    best = c.flatten(3).argmax(3)  # (B, H, W), row · L + column
    row, column = best // L, best % L
    return torch.stack([(2 * column + 1) / L - 1, (2 * row + 1) / K - 1], dim=-1)


def is_mutual(c: Tensor) -> Tensor:
    """Which places of the first picture are chosen back by the place that they choose.

    Args:
        c: (B, H, W, K, L), no two of them equal.

    Returns:
        Truth values (B, H, W).
    """
    B, H, W, K, L = c.shape
    table = c.reshape(B, H * W, K * L)
    there, back = table.argmax(2), table.argmax(1)  # (B, H · W), (B, K · L)
    return (back.gather(1, there) == torch.arange(H * W, device=c.device)).view(B, H, W)


def pck(found: Tensor, true: Tensor, reach: float) -> float:
    """Share of correct points: how many matches lie within `reach` sides of a picture of the true one.

    A side is 2 long. Only places whose true match lies within the picture count (both coordinates strictly between
    -1 and 1); at least one does.

    Args:
        found: Matches (..., 2).
        true: True matches (..., 2).
        reach: As above; a match exactly that far away counts.

    >>> pck(torch.tensor([[0.0, 0.0], [0.9, 0.0]]), torch.tensor([[0.1, 0.0], [0.0, 0.0]]), 0.1)
    0.5
    """
    counts = (true.abs() < 1).all(-1)
    near = (found - true).norm(dim=-1) <= 2 * reach
    return near[counts].double().mean().item()


def swap(c: Tensor) -> Tensor:
    """The pictures change places: (B, C, H, W, K, L) to (B, C, K, L, H, W)."""
    return c.permute(0, 1, 4, 5, 2, 3)


def conv4d(c: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """A 4-D convolution in two steps: over the first picture's places, then over the second's.

    Zeros stand around both pictures, so that their sizes stay. Kernels are not flipped: one of C_in = M = C_out = 1
    gives at i, j, k, l the sum over a, b, p, q of c[i + a, j + b, k + p, l + q] · first[a, b] · second[p, q], with
    offsets counted from the kernels' middles.

    Args:
        c: (B, C_in, H, W, K, L).
        first: (M, C_in, s, s), s odd: from C_in to M channels, for every place of the second picture by itself.
        second: (C_out, M, s, s): from M to C_out channels, for every place of the first picture by itself.

    Returns:
        (B, C_out, H, W, K, L). Gradients flow to c, first and second.
    """
    B, _, H, W, K, L = c.shape
    M, C_out = len(first), len(second)
    rows = c.permute(0, 4, 5, 1, 2, 3).reshape(B * K * L, -1, H, W)
    rows = F.conv2d(rows, first, padding=first.shape[-1] // 2)  # (B · K · L, M, H, W)
    rows = rows.view(B, K, L, M, H, W).permute(0, 4, 5, 3, 1, 2).reshape(B * H * W, M, K, L)
    rows = F.conv2d(rows, second, padding=second.shape[-1] // 2)  # (B · H · W, C_out, K, L)
    return rows.view(B, H, W, C_out, K, L).permute(0, 3, 1, 2, 4, 5)


def votes(s: int) -> tuple[Tensor, Tensor]:
    """Kernels for `conv4d` with which neighbours vote: a match counts as much as its s · s neighbours on average.

    Returns:
        first (s · s, 1, s, s) and second (1, s · s, s, s) with which `conv4d` gives at i, j, k, l the mean over all
        s · s offsets (a, b) of c[i + a, j + b, k + a, l + b]: both places step aside by the *same* offset.
    """
    n = s * s
    each = torch.eye(n).view(n, 1, s, s)  # kernel m looks at offset m alone
    return each, each.transpose(0, 1) / n


class Consensus(nn.Module):
    """Neighbours decide which matches hold: 4-D convolutions on correlations, the same whichever picture is first."""

    def __init__(self, channels: tuple[int, ...] = (1, 4, 1), between: int = 9, s: int = 3):
        super().__init__()
        pairs = list(pairwise(channels))
        self.first = nn.ParameterList(near_identity(between, i, s) for i, _ in pairs)
        self.second = nn.ParameterList(near_identity(o, between, s) for _, o in pairs)
        self.bias = nn.ParameterList(torch.zeros(o) for _, o in pairs)

    def one_way(self, c: Tensor) -> Tensor:
        """The layers on (B, 1, H, W, K, L), as large as before: `conv4d`, bias and ReLU for each of them, in order."""
        for first, second, bias in zip(self.first, self.second, self.bias):
            c = F.relu(conv4d(c, first, second) + bias.view(-1, 1, 1, 1, 1))
        return c

    def forward(self, c: Tensor) -> Tensor:
        """Correlations (B, H, W, K, L) to filtered ones of the same shape (Rocco et al.).

        `soft_mutual`; then `one_way` of that, plus what it gives when the pictures change places, changed back; then
        `soft_mutual` once more. Gradients flow to c and to all parameters.
        """
        c = soft_mutual(c)[:, None]  # (B, 1, H, W, K, L)
        both = self.one_way(c) + swap(self.one_way(swap(c)))
        return soft_mutual(both[:, 0])


def near_identity(c_out: int, c_in: int, s: int) -> Tensor:
    """Kernels (c_out, c_in, s, s) that pass on the mean of their inputs, and noise: votes begin with each one's own."""
    noise = 0.3 * torch.randn(c_out, c_in, s, s) / (c_in * s * s) ** 0.5
    noise[:, :, s // 2, s // 2] += 1 / c_in
    return noise


def pair_score(c: Tensor) -> Tensor:
    """How surely the places of two pictures find each other (Rocco et al., weakly supervised training).

    The correlations of each place of the first picture become probabilities of its K · L partners, by softmax; the
    largest of them counts, and of these the mean over all H · W places is taken. The same for the places of the second
    picture, among its H · W partners. The score is the sum of the two means.

    Args:
        c: (B, H, W, K, L).

    Returns:
        (B,). Gradients flow to c.
    """
    table = c.flatten(3).flatten(1, 2)  # (B, H · W, K · L)
    return table.softmax(2).amax(2).mean(1) + table.softmax(1).amax(1).mean(1)


def weak_loss(same: Tensor, other: Tensor) -> Tensor:
    """Pairs of the same thing should score high, pairs of different things low (Rocco et al., weak supervision).

    Args:
        same: Filtered correlations (B, H, W, K, L) of pairs that show the same.
        other: Those of pairs that do not.

    Returns:
        One number: the mean score of `other` minus the mean score of `same`. Gradients flow to both.
    """
    return pair_score(other).mean() - pair_score(same).mean()


def keypoints(scores: Tensor, depths: Tensor) -> Tensor:
    """Points that a net sees, by spatial softmax (Suwajanakorn et al., KeypointNet).

    Args:
        scores: (B, N, H, W); a softmax over the H · W places makes probabilities of them, for each keypoint by itself.
        depths: (B, N, H, W), how far away the point would be at each place.

    Returns:
        (B, N, 3): the expected x, the expected y and the expected depth. Places are the middles of pixels, (x, y) from
        -1 to 1. Gradients flow to scores and depths.
    """
    p = scores.flatten(2).softmax(2).view_as(scores)
    y, x = ((2 * torch.arange(n, device=p.device) + 1) / n - 1 for n in p.shape[2:])
    return torch.stack([(p.sum(2) * x).sum(2), (p.sum(3) * y).sum(2), (p * depths).sum((2, 3))], dim=-1)


def lift(seen: Tensor, focal: float) -> Tensor:
    """Where points are, (..., 3) as (x, y, z), that a camera sees at (..., 3), as (u, v, z): u is focal · x / z.

    v is focal · y / z, with the same `focal`. Gradients flow to `seen`.

    >>> lift(torch.tensor([1.0, 0.0, 3.0]), 3.0)
    tensor([1., 0., 3.])
    """
    return torch.cat([seen[..., :2] * seen[..., 2:] / focal, seen[..., 2:]], dim=-1)


def project(points: Tensor, focal: float) -> Tensor:
    """The way back of `lift`: points (..., 3), as (x, y, z), to (u, v, z). Gradients flow to `points`."""
    return torch.cat([focal * points[..., :2] / points[..., 2:], points[..., 2:]], dim=-1)


def consistency(a: Tensor, b: Tensor, R: Tensor, t: Tensor, focal: float) -> Tensor:
    """How badly two views of the same points agree, where the motion is known (Suwajanakorn et al.).

    A point p (x, y, z) of the first camera is R p + t for the second.

    Args:
        a: Keypoints in the first view (B, N, 3), as (u, v, z).
        b: The same in the second.
        R: Rotations (B, 3, 3).
        t: Shifts (B, 3).
        focal: Of both cameras.

    Returns:
        One number: the mean over B and N of the squared distance *in the picture* (u and v, not z) between b and where
        the second camera would see a, plus the same between a and where the first camera would see b. Gradients flow
        to a and b.
    """
    there = lift(a, focal) @ R.mT + t[:, None]  # (B, N, 3)
    back = (lift(b, focal) - t[:, None]) @ R
    gaps = [(project(p, focal) - q)[..., :2] for p, q in ((there, b), (back, a))]
    return sum((gap**2).sum(-1).mean() for gap in gaps)


def procrustes(p: Tensor, q: Tensor) -> Tensor:
    """The rotation that brings points closest to others (orthogonal Procrustes: Schönemann, 1966; Kabsch, 1976).

    Args:
        p: Points (B, N, 3), not all on a line.
        q: Points (B, N, 3).

    Returns:
        R (B, 3, 3), of all rotations the one with the least sum of squared distances of R (p - mean of p) to
        (q - mean of q). A rotation has determinant 1: mirror images are not allowed, also where one would fit better.
        Gradients flow to p and q.
    """
    p, q = (x - x.mean(1, keepdim=True) for x in (p, q))
    U, _, Vh = torch.linalg.svd(q.mT @ p)
    sign = torch.linalg.det(U @ Vh)  # -1 where the best fit is a mirror image
    flip = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], dim=1)
    return U @ (flip[..., None] * Vh)


def angle(R: Tensor, S: Tensor) -> Tensor:
    """The angle between rotations (B, 3, 3), in radians from 0 to π: (B,) (Suwajanakorn et al., relative pose).

    2 · arcsin(q), where q is the Frobenius norm of R - S divided by 2√2, cut to at most 1 - 1e-6. Gradients flow to R
    and S.
    """
    gap = (R - S).flatten(1).norm(dim=1) / 8**0.5
    return 2 * torch.asin(gap.clamp(max=1 - 1e-6))


class KeypointNet(nn.Module):
    """N points of a picture, with depths: dilated convolutions (Suwajanakorn et al.)."""

    def __init__(self, points: int = 6, width: int = 24, depth: float = aeroplanes.DISTANCE):
        super().__init__()
        layers: list[nn.Module] = []
        for c_in, dilation in zip((3, *[width] * 4), (1, 2, 4, 8, 1)):
            layers += [nn.Conv2d(c_in, width, 3, padding=dilation, dilation=dilation)]
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.1)]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, 2 * points, 3, padding=1))
        self.depth = depth

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, H, W) to keypoints (B, N, 3), as (u, v, z), and their scores (B, N, H, W)."""
        scores, depths = self.body(x).float().chunk(2, dim=1)
        return keypoints(scores, self.depth + depths), scores


def keypoint_loss(net: KeypointNet, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """The losses of KeypointNet on pairs of `aeroplanes`, weighted; no label is looked at (Suwajanakorn et al.).

    Consistency of both views; the angle between the known turn and the one that noisy points give; no two points closer
    than the root of 0.05; points on the thing, not beside it; each point's probabilities in one place.
    """
    first, second, masks, R = batch[:4]
    seen, scores = net(torch.cat([first, second]))
    a, b = seen.chunk(2)
    middle = seen.new_tensor([0.0, 0.0, net.depth])
    p, q = (lift(x, aeroplanes.FOCAL) + 0.1 * torch.randn_like(x) for x in (a, b))
    points, N = lift(seen, aeroplanes.FOCAL), seen.shape[1]
    apart = ((points[:, None] - points[:, :, None]) ** 2).sum(-1) + torch.eye(N, device=seen.device)
    mask = masks.transpose(0, 1).flatten(0, 1)[:, None]  # (2B, 1, H, W)
    chance = scores.flatten(2).softmax(2).view_as(scores)
    y, x = ((2 * torch.arange(n, device=seen.device) + 1) / n - 1 for n in scores.shape[2:])
    spread = chance * ((x - seen[..., :1, None]) ** 2 + (y[:, None] - seen[..., 1:2, None]) ** 2)
    return {
        "consistency": consistency(a, b, R, middle - R @ middle, aeroplanes.FOCAL),
        "pose": angle(procrustes(p, q), R).mean(),
        "apart": (0.05 - apart).clamp(min=0).sum((1, 2)).mean() / N,
        "outside": -((chance * mask).sum((2, 3)) + 1e-6).log().mean(),
        "spread": 0.5 * spread.sum((2, 3)).mean(),
    }


# ------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class Config:
    """The body's stage that gives features, places along a side, pairs in a step, steps, rate, and PCK's reach."""

    stage: int
    grid: int
    batch: int
    steps: int
    rate: float
    reach: float = 0.1


def config(tier: str) -> Config:
    """A tier's recipe; chosen on the validation pictures."""
    return Config(1, 12, 2, 50, 3e-2) if tier == "mini" else Config(1, 16, 4, 60, 3e-2, 0.05)


@torch.no_grad()
def features(body: nn.Module, pictures: Tensor, how: Config) -> Tensor:
    """Pictures (N, 3, S, S) to the maps (N, C, grid, grid) of one of the body's stages, averaged over cells."""
    parts = [body.stages(part)[how.stage] for part in pictures.split(64)]
    return torch.cat([F.adaptive_avg_pool2d(maps, how.grid) for maps in parts])


def featured(tier: str, split: str, device: str | torch.device = "cpu") -> TensorDataset:
    """Features of the views of `warps` (N, C, grid, grid): the first, the second, the other's; and true matches."""
    how, body = config(tier), pretrained.load(tier).to(device)
    *views, homography = (tensor.to(device) for tensor in warps.load(tier, split).tensors)
    places = warps.centres(how.grid, how.grid).to(device)
    return TensorDataset(*(features(body, x, how) for x in views), warps.moved(places, homography))


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """4-D convolutions that learn from pairs alone: this is the same photograph, this is another one."""
    how, data = config(tier), TensorDataset(*featured(tier, "train", run.device).tensors[:3])
    net = fitted(data, how, run)
    if tier == "full" and seed == 0:
        run.log(mutual=mutual_ones(featured(tier, "test", run.device), how))
        for one in (net, fitted(data, how, run, "second"), fitted(data, how, run, "third")):
            run.log(**on_the_wall(one, how))
        if run.device.type == "cuda":  # on a CPU it would take longer than all else
            run.log(**beside(tier, run))
    return {name: tensor.detach().contiguous() for name, tensor in net.state_dict().items()}


def fitted(data: TensorDataset, how: Config, run: Run, phase: str = "train") -> Consensus:
    """A net that has been told of triples of pictures which two are the same, and nothing else."""
    net = Consensus().to(run.device)
    optimizer = torch.optim.Adam(net.parameters(), how.rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, how.steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for first, second, other in run.batches(data, how.batch, how.steps, saved, phase):
        loss = weak_loss(net(correlation(first, second)), net(correlation(first, other)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        run.log(**{"loss" if phase == "train" else f"{phase}_loss": loss})
    return net


@torch.no_grad()
def measured(data: TensorDataset, how: Config, net: nn.Module | None = None) -> float:
    """PCK of the best matches of correlations, as they are or filtered by a net, on what `featured` gave."""
    first, second, _, true = data.tensors
    found = []
    for f, g in zip(first.split(8), second.split(8)):
        c = correlation(f, g)
        found.append(matches(net(c) if net else c))
    return pck(torch.cat(found), true, how.reach)


def mutual_ones(data: TensorDataset, how: Config) -> float:
    """PCK of those places alone that the place which is most like them is most like, on what `featured` gave."""
    first, second, _, true = data.tensors
    c = torch.cat([correlation(f, g) for f, g in zip(first.split(8), second.split(8))])
    kept = is_mutual(c)
    return pck(matches(c)[kept], true[kept], how.reach)


@torch.no_grad()
def on_the_wall(net: nn.Module, how: Config) -> dict[str, float]:
    """PCK on a real pair of photographs, of all places by likeness, of the mutual ones alone, and of all by a net."""
    device = next(net.parameters()).device
    first, second, homography = (tensor.to(device) for tensor in warps.wall(warps.SIDE["full"]))
    body = pretrained.load("full").to(device)
    c = correlation(features(body, first, how), features(body, second, how))
    true, kept = warps.moved(warps.centres(how.grid, how.grid).to(device), homography), is_mutual(c)
    return {
        "wall_likeness": pck(matches(c), true, how.reach),
        "wall_mutual": pck(matches(c)[kept], true[kept], how.reach),
        "wall_learnt": pck(matches(net(c)), true, how.reach),
    }


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of places of held-out photographs that find their true match in the warped view (PCK), after consensus.

    Raises:
        RuntimeError: the tensors are not those of `Consensus`.
    """
    net = Consensus()
    net.load_state_dict(tensors)
    return measured(featured(tier, "test", device), config(tier), net.to(device))


def baseline(tier: str) -> float:
    """What the best match of the features alone reaches."""
    return measured(featured(tier, "test"), config(tier))


# ------------------------------------------------------------------------------------ beside, at the full tier


def supervised_loss(net: KeypointNet, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """What labels would teach: the squared distance of both views' points to the middles of the six parts."""
    first, second, _, _, labels = batch
    seen = net(torch.cat([first, second]))[0]
    true = project(labels.transpose(0, 1).flatten(0, 1), aeroplanes.FOCAL)  # (2B, 6, 3)
    return {"labels": ((seen - true) ** 2).sum(-1).mean()}


def aeroplane_pairs(tier: str, split: str) -> TensorDataset:
    """What `aeroplanes` gives, pictures and masks 24 pixels wide at both tiers: a CPU trains on them in minutes."""
    pairs = aeroplanes.load(tier, split)
    if tier == "mini":
        return pairs
    *views, R, labels = pairs.tensors
    return TensorDataset(*(F.avg_pool2d(view, 2) for view in views), R, labels)


def train_keypoints(
    loss: Callable[[KeypointNet, tuple[Tensor, ...]], dict[str, Tensor]], tier: str, run: Run, name: str
) -> KeypointNet:
    """A net trained on pairs of `aeroplanes`, in evaluation mode: AdamW, one cycle."""
    steps = 600 if tier == "mini" else 4000
    net = KeypointNet().to(run.device).train()
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, steps)
    saved = {"net": net, "optimizer": optimizer, "schedule": schedule}
    for batch in run.batches(aeroplane_pairs(tier, "train"), 16, steps, saved, name):
        value = torch.stack(list(loss(net, batch).values())).sum()
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        run.log(**{name: value})
    return net.eval()


@torch.no_grad()
def turn_error(net: KeypointNet, tier: str) -> float:
    """Mean angle, in degrees, between the true turn of held-out pairs of `aeroplanes` and the one that points give."""
    device = next(net.parameters()).device
    first, second, _, R, _ = (tensor.to(device) for tensor in aeroplane_pairs(tier, "test").tensors)
    p, q = (lift(net(x)[0], aeroplanes.FOCAL) for x in (first, second))
    return torch.rad2deg(angle(procrustes(p, q), R)).mean().item()


def beside(tier: str, run: Run) -> dict[str, float]:
    """Errors of the turn, in degrees, from points found without labels and from points learned with labels."""
    names = {"keypoints": keypoint_loss, "supervised": supervised_loss}
    return {
        f"{name}_degrees": turn_error(train_keypoints(loss, tier, run, name), tier)
        for name, loss in names.items()
    }


if __name__ == "__main__":
    main(__spec__)
