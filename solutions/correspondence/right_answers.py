"""Other correct ways to solve the exercises of the lab `correspondence`."""

import math


import torch


import torch.nn.functional as F


@right(why="the library's normalize, a matrix product")
def correlation(f, g):
    B, _, H, W = f.shape
    K, L = g.shape[2:]
    one, two = F.normalize(f, dim=1, eps=1e-6).flatten(2), F.normalize(g, dim=1, eps=1e-6).flatten(2)
    return (one.transpose(1, 2) @ two).reshape(B, H, W, K, L)


@right(why="unravelled by the library, NumPy-free")
def matches(c):
    B, H, W, K, L = c.shape
    row, column = torch.unravel_index(c.reshape(B, H, W, -1).argmax(-1), (K, L))
    return torch.stack(((column + 0.5) * 2 / L - 1, (row + 0.5) * 2 / K - 1), -1)


@right(why="a plain loop")
def matches(c):
    B, H, W, K, L = c.shape
    out = torch.zeros(B, H, W, 2)
    for b in range(B):
        for i in range(H):
            for j in range(W):
                k, l = divmod(int(c[b, i, j].argmax()), L)
                out[b, i, j, 0], out[b, i, j, 1] = (2 * l + 1) / L - 1, (2 * k + 1) / K - 1
    return out


@right(why="the largest of its row is the largest of its column")
def is_mutual(c):
    best = (c == c.amax((3, 4), keepdim=True)) & (c == c.amax((1, 2), keepdim=True))
    return best.flatten(3).any(3)


@right(why="counts with Python")
def pck(found, true, reach):
    right = total = 0
    for f, t in zip(found.reshape(-1, 2).tolist(), true.reshape(-1, 2).tolist()):
        if abs(t[0]) < 1 and abs(t[1]) < 1:
            total += 1
            right += math.hypot(f[0] - t[0], f[1] - t[1]) <= 2 * reach
    return right / total


@right(why="a tensor instead of a number")
def pck(found, true, reach):
    counts = (true.abs() < 1).all(-1)
    gap = (found - true)[counts]
    return ((gap**2).sum(-1).sqrt() <= 2 * reach).float().mean()


@right(why="as a table")
def soft_mutual(c):
    B, H, W, K, L = c.shape
    table = c.reshape(B, H * W, K * L)
    rows, columns = table.max(2, keepdim=True)[0] + 1e-6, table.max(1, keepdim=True)[0] + 1e-6
    return (table**3 / rows / columns).view(B, H, W, K, L)


@right(why="dimensions moved, flattened and brought back")
def conv4d(c, first, second):
    pad, (H, W, K, L) = first.shape[-1] // 2, c.shape[2:]
    half = F.conv2d(c.movedim((4, 5), (1, 2)).flatten(0, 2), first, padding=pad)
    half = half.unflatten(0, (-1, K, L)).movedim((1, 2), (4, 5))
    whole = F.conv2d(half.movedim((2, 3), (1, 2)).flatten(0, 2), second, padding=pad)
    return whole.unflatten(0, (-1, H, W)).movedim((1, 2), (2, 3))


@right(why="a full 4-D kernel, offset by offset")
def conv4d(c, first, second):
    s, (H, W, K, L) = first.shape[-1], c.shape[2:]
    kernel = torch.einsum("miab,ompq->oiabpq", first, second)
    padded, total = F.pad(c, [s // 2] * 8), 0
    for a in range(s):
        for b in range(s):
            for p in range(s):
                for q in range(s):
                    part = padded[:, :, a : a + H, b : b + W, p : p + K, q : q + L]
                    total = total + torch.einsum("bihwkl,oi->bohwkl", part, kernel[:, :, a, b, p, q])
    return total


@right(why="place by place of the other picture")
def conv4d(c, first, second):
    pad, K, L = first.shape[-1] // 2, c.shape[4], c.shape[5]
    half = torch.stack(
        [torch.stack([F.conv2d(c[..., k, l], first, padding=pad) for l in range(L)], -1) for k in range(K)],
        -2,
    )
    H, W = c.shape[2:4]
    return torch.stack(
        [
            torch.stack(
                [F.conv2d(half[:, :, i, j], second, padding=second.shape[-1] // 2) for j in range(W)], 2
            )
            for i in range(H)
        ],
        2,
    )


@right(why="filled one by one")
def votes(s):
    first, second = torch.zeros(s * s, 1, s, s), torch.zeros(1, s * s, s, s)
    for m in range(s * s):
        first[m, 0, m // s, m % s] = 1 / s
        second[0, m, m // s, m % s] = 1 / s
    return first, second


edits["Consensus"] = {
    "squeeze and unsqueeze": {
        "soft_mutual(c)[:, None]": "soft_mutual(c).unsqueeze(1)",
        "both[:, 0]": "both.squeeze(1)",
    },
    "the swapped way first": {
        "self.one_way(c) + swap(self.one_way(swap(c)))": "swap(self.one_way(swap(c))) + self.one_way(c)"
    },
}


@right(why="a loop over pairs, log-softmax")
def pair_score(c):
    scores = []
    for one in c:
        table = one.reshape(one.shape[0] * one.shape[1], -1)
        there = F.log_softmax(table, 1).max(1).values.exp().mean()
        back = F.log_softmax(table.T, 1).max(1).values.exp().mean()
        scores.append(there + back)
    return torch.stack(scores)


@right(why="the means in one step")
def weak_loss(same, other):
    return torch.mean(pair_score(other)) + -1 * torch.mean(pair_score(same))


@right(why="einsum, linspace between middles")
def keypoints(scores, depths):
    B, N, H, W = scores.shape
    p = torch.softmax(scores.reshape(B, N, H * W), -1).reshape(B, N, H, W)
    x, y = torch.linspace(-1 + 1 / W, 1 - 1 / W, W), torch.linspace(-1 + 1 / H, 1 - 1 / H, H)
    u, v = torch.einsum("bnhw,w->bn", p, x), torch.einsum("bnhw,h->bn", p, y)
    return torch.stack((u, v, torch.einsum("bnhw,bnhw->bn", p, depths)), 2)


@right(why="coordinate by coordinate")
def lift(seen, focal):
    u, v, z = seen.unbind(-1)
    return torch.stack([u * z / focal, v * z / focal, z], -1)


@right(why="coordinate by coordinate")
def project(points, focal):
    x, y, z = points.unbind(-1)
    return torch.stack([x / z * focal, y / z * focal, z], -1)


@right(why="by einsum, sums divided by hand")
def consistency(a, b, R, t, focal):
    B, N, _ = a.shape
    there = torch.einsum("bij,bnj->bni", R, lift(a, focal)) + t.reshape(B, 1, 3)
    back = torch.einsum("bji,bnj->bni", R, lift(b, focal) - t.reshape(B, 1, 3))
    one = project(there, focal)[..., :2] - b[..., :2]
    two = project(back, focal)[..., :2] - a[..., :2]
    return (one.square().sum() + two.square().sum()) / (B * N)


@right(why="the decomposition of the transposed matrix, a matrix of signs")
def procrustes(p, q):
    p, q = p - p.mean(dim=1, keepdim=True), q - q.mean(dim=1, keepdim=True)
    U, S, Vh = torch.linalg.svd(torch.einsum("bni,bnj->bij", p, q))
    D = torch.eye(3).repeat(len(p), 1, 1)
    D[:, 2, 2] = torch.sign(torch.det(Vh.mT @ U.mT))
    return Vh.transpose(1, 2) @ D @ U.transpose(1, 2)


@right(why="set by set")
def procrustes(p, q):
    out = []
    for one, two in zip(p, q):
        U, _, Vh = torch.linalg.svd((two - two.mean(0)).T @ (one - one.mean(0)))
        if torch.linalg.det(U) * torch.linalg.det(Vh) < 0:
            U = U * torch.tensor([1.0, 1.0, -1.0])
        out.append(U @ Vh)
    return torch.stack(out)


@right(why="the root of the sum of squares")
def angle(R, S):
    gap = ((R - S) ** 2).sum((1, 2)).sqrt() / (2 * math.sqrt(2))
    return 2 * torch.arcsin(torch.clamp(gap, max=1 - 1e-6))
