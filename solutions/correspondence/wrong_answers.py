"""The commonest mistakes in the exercises of the lab `correspondence`, each with the check that must catch it."""

import torch


import torch.nn.functional as F


edits["correlation", "correlation_values"] = {
    "the vectors keep their lengths": {
        "f, g = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-6) for x in (f, g))": "pass"
    },
    "lengths over places": {"x.norm(dim=1, keepdim=True)": "x.norm(dim=(2, 3), keepdim=True)"},
    "the second picture comes first": {"bchw,bckl->bhwkl": "bchw,bckl->bklhw"},
    "divides by zero where there are no features": {".clamp(min=1e-6)": ""},
}


@wrong(check="correlation_values", why="only one picture's vectors are brought to length 1")
def correlation(f, g):
    return torch.einsum("bchw,bckl->bhwkl", F.normalize(f, dim=1, eps=1e-6), g)


edits["matches", "matches_values"] = {
    "y before x": {
        "(2 * column + 1) / L - 1, (2 * row + 1) / K - 1": "(2 * row + 1) / K - 1, (2 * column + 1) / L - 1"
    },
    "divides by the number of rows": {"best // L, best % L": "best // K, best % K"},
    "corners instead of middles": {"(2 * column + 1)": "(2 * column)", "(2 * row + 1)": "(2 * row)"},
    "the best first place for each second one": {
        "K, L = c.shape[3:]": "c = c.permute(0, 3, 4, 1, 2)\n    K, L = c.shape[3:]"
    },
}


@wrong(check="matches_values", why="outer places at -1 and 1")
def matches(c):
    K, L = c.shape[3:]
    best = c.flatten(3).argmax(3)
    x, y = torch.linspace(-1, 1, L), torch.linspace(-1, 1, K)
    return torch.stack([x[best % L], y[best // L]], dim=-1)


@wrong(check="is_mutual_values", why="everything is mutual")
def is_mutual(c):
    return torch.ones(c.shape[:3], dtype=torch.bool)


@wrong(check="is_mutual_values", why="places of the second picture that are chosen back")
def is_mutual(c):
    B, H, W, K, L = c.shape
    table = c.reshape(B, H * W, K * L)
    there, back = table.argmax(2), table.argmax(1)
    return (there.gather(1, back) == torch.arange(K * L)).view(B, K, L)


@wrong(check="is_mutual_values", why="best of its row or of its column")
def is_mutual(c):
    B, H, W, K, L = c.shape
    table = c.reshape(B, H * W, K * L)
    best = table == table.amax(1, keepdim=True)
    return best.any(2).view(B, H, W)


edits["pck", "pck_values"] = {
    "a side is 1 long": {"2 * reach": "reach"},
    "exactly at the reach does not count": {"<= 2": "< 2"},
    "places outside count too": {"near[counts]": "near"},
    "looks at where places were found": {"true.abs() < 1": "found.abs() < 1"},
    "one coordinate inside is enough": {".all(-1)": ".any(-1)"},
    "x and y apart": {"(found - true).norm(dim=-1)": "(found - true).abs().amax(-1)"},
    "divides by all places": {
        "near[counts].double().mean().item()": "(near & counts).double().mean().item()"
    },
}


edits["soft_mutual", "soft_mutual_values"] = {
    "the ratios without c": {"return c *": "return"},
    "one ratio only": {" * (c / of_first)": ""},
    "the other ratio only": {" * (c / of_second)": ""},
    "0 / 0": {"c.amax((1, 2), keepdim=True) + 1e-6": "c.amax((1, 2), keepdim=True)"},
    "the largest of a row, not of a picture": {"c.amax((3, 4), keepdim=True)": "c.amax(4, keepdim=True)"},
    "the largest of the batch": {"c.amax((1, 2), keepdim=True)": "c.amax((0, 1, 2), keepdim=True)"},
    "the largest ones are constants": {
        "c.amax((3, 4), keepdim=True)": "c.detach().amax((3, 4), keepdim=True)"
    },
    "leaves PyTorch": {"return c": "return c.detach()"},
}


edits["conv4d", "conv4d_values"] = {
    "reshapes without bringing the axes back": {
        ".permute(0, 3, 1, 2, 4, 5)": ".reshape(B, C_out, H, W, K, L)"
    },
    "reshapes instead of permuting": {
        "c.permute(0, 4, 5, 1, 2, 3).reshape(B * K * L, -1, H, W)": "c.reshape(B * K * L, -1, H, W)"
    },
    "the pictures are exchanged": {
        "B, _, H, W, K, L = c.shape": "c = c.permute(0, 1, 4, 5, 2, 3)\n    B, _, H, W, K, L = c.shape",
        ".permute(0, 3, 1, 2, 4, 5)": ".permute(0, 3, 4, 5, 1, 2)",
    },
    "kernels turned round": {
        "rows, first, padding": "rows, first.flip(2, 3), padding",
        "rows, second, padding": "rows, second.flip(2, 3), padding",
    },
    "no padding around the second picture": {", padding=second.shape[-1] // 2": ""},
    "padding of 1 whatever the kernel": {"padding=first.shape[-1] // 2": "padding=1"},
}


edits["votes", "votes_values"] = {
    "a sum of votes": {" / n": ""},
    "divides twice": {"torch.eye(n).view(n, 1, s, s)": "torch.eye(n).view(n, 1, s, s) / n"},
    "all offsets vote": {"torch.eye(n).view(n, 1, s, s)": "torch.ones(n, 1, s, s) / s"},
    "opposite offsets": {"each.transpose(0, 1) / n": "each.transpose(0, 1).flip(2, 3) / n"},
    "columns aside where rows should": {"each.transpose(0, 1) / n": "each.transpose(0, 1).mT / n"},
    "second has first's shape": {"each.transpose(0, 1) / n": "each / n"},
}


edits["Consensus", "Consensus_forward"] = {
    "one way only": {"self.one_way(c) + swap(self.one_way(swap(c)))": "self.one_way(c)"},
    "the second result is not changed back": {"swap(self.one_way(swap(c)))": "self.one_way(swap(c))"},
    "no soft_mutual at the end": {"return soft_mutual(both[:, 0])": "return both[:, 0]"},
    "no soft_mutual at the start": {"soft_mutual(c)[:, None]": "c[:, None]"},
    "keeps the axis of channels": {
        "return soft_mutual(both[:, 0])": "return soft_mutual(both[:, 0])[:, None]"
    },
    "a mean of both ways": {
        "self.one_way(c) + swap(self.one_way(swap(c)))": "(self.one_way(c) + swap(self.one_way(swap(c)))) / 2"
    },
    "detaches one way": {"swap(self.one_way(swap(c)))": "swap(self.one_way(swap(c.detach())))"},
}


edits["pair_score", "weak_loss_values"] = {
    "one direction only": {" + table.softmax(1).amax(1).mean(1)": ""},
    "one number for the batch": {"amax(2).mean(1)": "amax(2).mean()", "amax(1).mean(1)": "amax(1).mean()"},
    "the mean of both directions": {
        "amax(2).mean(1)": "amax(2).mean(1) / 2",
        "amax(1).mean(1)": "amax(1).mean(1) / 2",
    },
    "softmax over columns alone": {
        "table = c.flatten(3).flatten(1, 2)": "table = c.softmax(4).flatten(3).flatten(1, 2)"
    },
    "the softmax runs over those who choose": {"softmax(2)": "softmax(1)", "softmax(1)": "softmax(2)"},
}


edits["weak_loss", "weak_loss_values"] = {
    "the wrong way round": {
        "pair_score(other).mean() - pair_score(same).mean()": "pair_score(same).mean() - pair_score(other).mean()"
    },
    "sums over pairs": {
        "pair_score(other).mean() - pair_score(same).mean()": "pair_score(other).sum() - pair_score(same).sum()"
    },
    "forgets the other pairs": {"pair_score(other).mean() - ": "-"},
    "a number without a graph": {"pair_score(same).mean()": "pair_score(same).mean().item()"},
}


edits["keypoints", "keypoints_values"] = {
    "y before x": {"(p.sum(2) * x)": "(p.sum(3) * y)", "(p.sum(3) * y)": "(p.sum(2) * x)"},
    "outer pixels at -1 and 1": {
        "(2 * torch.arange(n, device=p.device) + 1) / n - 1": "torch.linspace(-1, 1, n)"
    },
    "softmax over columns alone": {"scores.flatten(2).softmax(2).view_as(scores)": "scores.softmax(3)"},
    "softmax over keypoints": {"scores.flatten(2).softmax(2).view_as(scores)": "scores.softmax(1)"},
    "a plain mean of depths": {"(p * depths).sum((2, 3))": "depths.mean((2, 3))"},
}


@wrong(check="keypoints_values", why="the place of the highest score")
def keypoints(scores, depths):
    H, W = scores.shape[2:]
    best = scores.flatten(2).argmax(2)
    x, y = (2 * (best % W) + 1) / W - 1, (2 * (best // W) + 1) / H - 1
    return torch.stack([x, y, depths.flatten(2).gather(2, best[..., None])[..., 0]], dim=-1)


edits["lift", "lift_project_values"] = {
    "focal multiplies": {"/ focal": "* focal"},
    "forgets the depth": {"seen[..., :2] * seen[..., 2:] / focal": "seen[..., :2] / focal"},
}


edits["project", "lift_project_values"] = {
    "focal divides": {
        "focal * points[..., :2] / points[..., 2:]": "points[..., :2] / points[..., 2:] / focal"
    },
    "z becomes focal": {
        "/ points[..., 2:], points[..., 2:]]": "/ points[..., 2:], focal + 0 * points[..., 2:]]"
    },
}


edits["consistency", "consistency_values"] = {
    "the turn goes the wrong way": {
        "lift(a, focal) @ R.mT": "lift(a, focal) @ R",
        "(lift(b, focal) - t[:, None]) @ R": "(lift(b, focal) - t[:, None]) @ R.mT",
    },
    "turns back before the shift is taken off": {
        "(lift(b, focal) - t[:, None]) @ R": "lift(b, focal) @ R - t[:, None]"
    },
    "one direction only": {"((there, b), (back, a))": "((there, b),)"},
    "distances are not squared": {"(gap**2).sum(-1).mean()": "gap.norm(dim=-1).mean()"},
    "depths count too": {"[..., :2]": ""},
    "a mean over u and v": {"(gap**2).sum(-1).mean()": "(gap**2).mean()"},
    "does not lift": {"there = lift(a, focal) @": "there = a @"},
}


edits["procrustes", "procrustes_values"] = {
    "mirror images": {"U @ (flip[..., None] * Vh)": "U @ Vh"},
    "means stay": {"p, q = (x - x.mean(1, keepdim=True) for x in (p, q))": "pass"},
    "turns q to p": {"q.mT @ p": "p.mT @ q"},
    "takes Vᵀ for V": {"U @ (flip[..., None] * Vh)": "U @ (flip[..., None] * Vh.mT)"},
    "turns the first direction over": {
        "[torch.ones_like(sign), torch.ones_like(sign), sign]": "[sign, sign**2, sign**2]"
    },
    "one sign for the batch": {"torch.linalg.det(U @ Vh)": "torch.linalg.det(U @ Vh)[:1].expand(len(U))"},
    "turns everything over: mirrored all the same": {
        "U @ (flip[..., None] * Vh)": "sign[:, None, None] * U @ Vh"
    },
    "no gradient": {"q.mT @ p": "q.detach().mT @ p.detach()"},
}


edits["angle", "angle_values"] = {
    "half of it": {"2 * torch.asin": "torch.asin"},
    "the trace's arccosine, with other slopes": {
        "2 * torch.asin(gap.clamp(max=1 - 1e-6))": (
            "torch.acos((((R * S).sum((1, 2)) - 1) / 2).clamp(-1 + 1e-6, 1 - 1e-6))"
        )
    },
    "degrees": {
        "2 * torch.asin(gap.clamp(max=1 - 1e-6))": "torch.rad2deg(2 * torch.asin(gap.clamp(max=1 - 1e-6)))"
    },
    "the norm of each row": {".flatten(1).norm(dim=1)": ".norm(dim=2).amax(1)"},
    "one norm for the batch": {"(R - S).flatten(1).norm(dim=1)": "(R - S).norm()"},
    "an infinite gradient at half a turn": {".clamp(max=1 - 1e-6)": ""},
}
