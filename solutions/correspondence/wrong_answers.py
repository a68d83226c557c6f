"""The commonest mistakes in the exercises of the lab `correspondence`, each with the check that must catch it."""

import torch
import torch.nn.functional as F

edit(
    "correlation",
    check="correlation_values",
    why="the vectors keep their lengths",
    change={"f, g = (x / x.norm(dim=1, keepdim=True).clamp(min=1e-6) for x in (f, g))": "pass"},
)
edit(
    "correlation",
    check="correlation_values",
    why="lengths over places",
    change={"x.norm(dim=1, keepdim=True)": "x.norm(dim=(2, 3), keepdim=True)"},
)
edit(
    "correlation",
    check="correlation_values",
    why="the second picture comes first",
    change={"bchw,bckl->bhwkl": "bchw,bckl->bklhw"},
)
edit(
    "correlation",
    check="correlation_values",
    why="divides by zero where there are no features",
    change={".clamp(min=1e-6)": ""},
)


@wrong(check="correlation_values", why="only one picture's vectors are brought to length 1")
def correlation(f, g):
    return torch.einsum("bchw,bckl->bhwkl", F.normalize(f, dim=1, eps=1e-6), g)


edit(
    "matches",
    check="matches_values",
    why="y before x",
    change={
        "(2 * column + 1) / L - 1, (2 * row + 1) / K - 1": "(2 * row + 1) / K - 1, (2 * column + 1) / L - 1"
    },
)
edit(
    "matches",
    check="matches_values",
    why="divides by the number of rows",
    change={"best // L, best % L": "best // K, best % K"},
)
edit(
    "matches",
    check="matches_values",
    why="corners instead of middles",
    change={"(2 * column + 1)": "(2 * column)", "(2 * row + 1)": "(2 * row)"},
)
edit(
    "matches",
    check="matches_values",
    why="the best first place for each second one",
    change={"K, L = c.shape[3:]": "c = c.permute(0, 3, 4, 1, 2)\n    K, L = c.shape[3:]"},
)


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


edit("pck", check="pck_values", why="a side is 1 long", change={"2 * reach": "reach"})
edit("pck", check="pck_values", why="exactly at the reach does not count", change={"<= 2": "< 2"})
edit("pck", check="pck_values", why="places outside count too", change={"near[counts]": "near"})
edit(
    "pck",
    check="pck_values",
    why="looks at where places were found",
    change={"true.abs() < 1": "found.abs() < 1"},
)
edit("pck", check="pck_values", why="one coordinate inside is enough", change={".all(-1)": ".any(-1)"})
edit(
    "pck",
    check="pck_values",
    why="x and y apart",
    change={"(found - true).norm(dim=-1)": "(found - true).abs().amax(-1)"},
)
edit(
    "pck",
    check="pck_values",
    why="divides by all places",
    change={"near[counts].double().mean().item()": "(near & counts).double().mean().item()"},
)

edit(
    "soft_mutual",
    check="soft_mutual_values",
    why="the ratios without c",
    change={"return c *": "return"},
)
edit("soft_mutual", check="soft_mutual_values", why="one ratio only", change={" * (c / of_first)": ""})
edit("soft_mutual", check="soft_mutual_values", why="the other ratio only", change={" * (c / of_second)": ""})
edit(
    "soft_mutual",
    check="soft_mutual_values",
    why="0 / 0",
    change={"c.amax((1, 2), keepdim=True) + 1e-6": "c.amax((1, 2), keepdim=True)"},
)
edit(
    "soft_mutual",
    check="soft_mutual_values",
    why="the largest of a row, not of a picture",
    change={"c.amax((3, 4), keepdim=True)": "c.amax(4, keepdim=True)"},
)
edit(
    "soft_mutual",
    check="soft_mutual_values",
    why="the largest of the batch",
    change={"c.amax((1, 2), keepdim=True)": "c.amax((0, 1, 2), keepdim=True)"},
)
edit(
    "soft_mutual",
    check="soft_mutual_values",
    why="the largest ones are constants",
    change={"c.amax((3, 4), keepdim=True)": "c.detach().amax((3, 4), keepdim=True)"},
)
edit(
    "soft_mutual",
    check="soft_mutual_values",
    why="leaves PyTorch",
    change={"return c": "return c.detach()"},
)

edit(
    "conv4d",
    check="conv4d_values",
    why="reshapes without bringing the axes back",
    change={".permute(0, 3, 1, 2, 4, 5)": ".reshape(B, C_out, H, W, K, L)"},
)
edit(
    "conv4d",
    check="conv4d_values",
    why="reshapes instead of permuting",
    change={"c.permute(0, 4, 5, 1, 2, 3).reshape(B * K * L, -1, H, W)": "c.reshape(B * K * L, -1, H, W)"},
)
edit(
    "conv4d",
    check="conv4d_values",
    why="the pictures are exchanged",
    change={
        "B, _, H, W, K, L = c.shape": "c = c.permute(0, 1, 4, 5, 2, 3)\n    B, _, H, W, K, L = c.shape",
        ".permute(0, 3, 1, 2, 4, 5)": ".permute(0, 3, 4, 5, 1, 2)",
    },
)
edit(
    "conv4d",
    check="conv4d_values",
    why="kernels turned round",
    change={
        "rows, first, padding": "rows, first.flip(2, 3), padding",
        "rows, second, padding": "rows, second.flip(2, 3), padding",
    },
)
edit(
    "conv4d",
    check="conv4d_values",
    why="no padding around the second picture",
    change={", padding=second.shape[-1] // 2": ""},
)
edit(
    "conv4d",
    check="conv4d_values",
    why="padding of 1 whatever the kernel",
    change={"padding=first.shape[-1] // 2": "padding=1"},
)

edit("votes", check="votes_values", why="a sum of votes", change={" / n": ""})
edit(
    "votes",
    check="votes_values",
    why="divides twice",
    change={"torch.eye(n).view(n, 1, s, s)": "torch.eye(n).view(n, 1, s, s) / n"},
)
edit(
    "votes",
    check="votes_values",
    why="all offsets vote",
    change={"torch.eye(n).view(n, 1, s, s)": "torch.ones(n, 1, s, s) / s"},
)
edit(
    "votes",
    check="votes_values",
    why="opposite offsets",
    change={"each.transpose(0, 1) / n": "each.transpose(0, 1).flip(2, 3) / n"},
)
edit(
    "votes",
    check="votes_values",
    why="columns aside where rows should",
    change={"each.transpose(0, 1) / n": "each.transpose(0, 1).mT / n"},
)
edit(
    "votes",
    check="votes_values",
    why="second has first's shape",
    change={"each.transpose(0, 1) / n": "each / n"},
)

edit(
    "Consensus",
    check="Consensus_forward",
    why="one way only",
    change={"self.one_way(c) + swap(self.one_way(swap(c)))": "self.one_way(c)"},
)
edit(
    "Consensus",
    check="Consensus_forward",
    why="the second result is not changed back",
    change={"swap(self.one_way(swap(c)))": "self.one_way(swap(c))"},
)
edit(
    "Consensus",
    check="Consensus_forward",
    why="no soft_mutual at the end",
    change={"return soft_mutual(both[:, 0])": "return both[:, 0]"},
)
edit(
    "Consensus",
    check="Consensus_forward",
    why="no soft_mutual at the start",
    change={"soft_mutual(c)[:, None]": "c[:, None]"},
)
edit(
    "Consensus",
    check="Consensus_forward",
    why="keeps the axis of channels",
    change={"return soft_mutual(both[:, 0])": "return soft_mutual(both[:, 0])[:, None]"},
)
edit(
    "Consensus",
    check="Consensus_forward",
    why="a mean of both ways",
    change={
        "self.one_way(c) + swap(self.one_way(swap(c)))": "(self.one_way(c) + swap(self.one_way(swap(c)))) / 2"
    },
)
edit(
    "Consensus",
    check="Consensus_forward",
    why="detaches one way",
    change={"swap(self.one_way(swap(c)))": "swap(self.one_way(swap(c.detach())))"},
)

edit(
    "pair_score",
    check="weak_loss_values",
    why="one direction only",
    change={" + table.softmax(1).amax(1).mean(1)": ""},
)
edit(
    "pair_score",
    check="weak_loss_values",
    why="one number for the batch",
    change={"amax(2).mean(1)": "amax(2).mean()", "amax(1).mean(1)": "amax(1).mean()"},
)
edit(
    "pair_score",
    check="weak_loss_values",
    why="the mean of both directions",
    change={"amax(2).mean(1)": "amax(2).mean(1) / 2", "amax(1).mean(1)": "amax(1).mean(1) / 2"},
)
edit(
    "pair_score",
    check="weak_loss_values",
    why="softmax over columns alone",
    change={"table = c.flatten(3).flatten(1, 2)": "table = c.softmax(4).flatten(3).flatten(1, 2)"},
)
edit(
    "pair_score",
    check="weak_loss_values",
    why="the softmax runs over those who choose",
    change={"softmax(2)": "softmax(1)", "softmax(1)": "softmax(2)"},
)
edit(
    "weak_loss",
    check="weak_loss_values",
    why="the wrong way round",
    change={
        "pair_score(other).mean() - pair_score(same).mean()": "pair_score(same).mean() - pair_score(other).mean()"
    },
)
edit(
    "weak_loss",
    check="weak_loss_values",
    why="sums over pairs",
    change={
        "pair_score(other).mean() - pair_score(same).mean()": "pair_score(other).sum() - pair_score(same).sum()"
    },
)
edit(
    "weak_loss",
    check="weak_loss_values",
    why="forgets the other pairs",
    change={"pair_score(other).mean() - ": "-"},
)
edit(
    "weak_loss",
    check="weak_loss_values",
    why="a number without a graph",
    change={"pair_score(same).mean()": "pair_score(same).mean().item()"},
)

edit(
    "keypoints",
    check="keypoints_values",
    why="y before x",
    change={"(p.sum(2) * x)": "(p.sum(3) * y)", "(p.sum(3) * y)": "(p.sum(2) * x)"},
)
edit(
    "keypoints",
    check="keypoints_values",
    why="outer pixels at -1 and 1",
    change={"(2 * torch.arange(n, device=p.device) + 1) / n - 1": "torch.linspace(-1, 1, n)"},
)
edit(
    "keypoints",
    check="keypoints_values",
    why="softmax over columns alone",
    change={"scores.flatten(2).softmax(2).view_as(scores)": "scores.softmax(3)"},
)
edit(
    "keypoints",
    check="keypoints_values",
    why="softmax over keypoints",
    change={"scores.flatten(2).softmax(2).view_as(scores)": "scores.softmax(1)"},
)
edit(
    "keypoints",
    check="keypoints_values",
    why="a plain mean of depths",
    change={"(p * depths).sum((2, 3))": "depths.mean((2, 3))"},
)


@wrong(check="keypoints_values", why="the place of the highest score")
def keypoints(scores, depths):
    H, W = scores.shape[2:]
    best = scores.flatten(2).argmax(2)
    x, y = (2 * (best % W) + 1) / W - 1, (2 * (best // W) + 1) / H - 1
    return torch.stack([x, y, depths.flatten(2).gather(2, best[..., None])[..., 0]], dim=-1)


edit("lift", check="lift_project_values", why="focal multiplies", change={"/ focal": "* focal"})
edit(
    "lift",
    check="lift_project_values",
    why="forgets the depth",
    change={"seen[..., :2] * seen[..., 2:] / focal": "seen[..., :2] / focal"},
)
edit(
    "project",
    check="lift_project_values",
    why="focal divides",
    change={"focal * points[..., :2] / points[..., 2:]": "points[..., :2] / points[..., 2:] / focal"},
)
edit(
    "project",
    check="lift_project_values",
    why="z becomes focal",
    change={"/ points[..., 2:], points[..., 2:]]": "/ points[..., 2:], focal + 0 * points[..., 2:]]"},
)

edit(
    "consistency",
    check="consistency_values",
    why="the turn goes the wrong way",
    change={
        "lift(a, focal) @ R.mT": "lift(a, focal) @ R",
        "(lift(b, focal) - t[:, None]) @ R": "(lift(b, focal) - t[:, None]) @ R.mT",
    },
)
edit(
    "consistency",
    check="consistency_values",
    why="turns back before the shift is taken off",
    change={"(lift(b, focal) - t[:, None]) @ R": "lift(b, focal) @ R - t[:, None]"},
)
edit(
    "consistency",
    check="consistency_values",
    why="one direction only",
    change={"((there, b), (back, a))": "((there, b),)"},
)
edit(
    "consistency",
    check="consistency_values",
    why="distances are not squared",
    change={"(gap**2).sum(-1).mean()": "gap.norm(dim=-1).mean()"},
)
edit("consistency", check="consistency_values", why="depths count too", change={"[..., :2]": ""})
edit(
    "consistency",
    check="consistency_values",
    why="a mean over u and v",
    change={"(gap**2).sum(-1).mean()": "(gap**2).mean()"},
)
edit(
    "consistency",
    check="consistency_values",
    why="does not lift",
    change={"there = lift(a, focal) @": "there = a @"},
)

edit(
    "procrustes",
    check="procrustes_values",
    why="mirror images",
    change={"U @ (flip[..., None] * Vh)": "U @ Vh"},
)
edit(
    "procrustes",
    check="procrustes_values",
    why="means stay",
    change={"p, q = (x - x.mean(1, keepdim=True) for x in (p, q))": "pass"},
)
edit("procrustes", check="procrustes_values", why="turns q to p", change={"q.mT @ p": "p.mT @ q"})
edit(
    "procrustes",
    check="procrustes_values",
    why="takes Vᵀ for V",
    change={"U @ (flip[..., None] * Vh)": "U @ (flip[..., None] * Vh.mT)"},
)
edit(
    "procrustes",
    check="procrustes_values",
    why="turns the first direction over",
    change={"[torch.ones_like(sign), torch.ones_like(sign), sign]": "[sign, sign**2, sign**2]"},
)
edit(
    "procrustes",
    check="procrustes_values",
    why="one sign for the batch",
    change={"torch.linalg.det(U @ Vh)": "torch.linalg.det(U @ Vh)[:1].expand(len(U))"},
)
edit(
    "procrustes",
    check="procrustes_values",
    why="turns everything over: mirrored all the same",
    change={"U @ (flip[..., None] * Vh)": "sign[:, None, None] * U @ Vh"},
)
edit(
    "procrustes",
    check="procrustes_values",
    why="no gradient",
    change={"q.mT @ p": "q.detach().mT @ p.detach()"},
)

edit("angle", check="angle_values", why="half of it", change={"2 * torch.asin": "torch.asin"})
edit(
    "angle",
    check="angle_values",
    why="the trace's arccosine, with other slopes",
    change={
        "2 * torch.asin(gap.clamp(max=1 - 1e-6))": (
            "torch.acos((((R * S).sum((1, 2)) - 1) / 2).clamp(-1 + 1e-6, 1 - 1e-6))"
        )
    },
)
edit(
    "angle",
    check="angle_values",
    why="degrees",
    change={
        "2 * torch.asin(gap.clamp(max=1 - 1e-6))": "torch.rad2deg(2 * torch.asin(gap.clamp(max=1 - 1e-6)))"
    },
)
edit(
    "angle",
    check="angle_values",
    why="the norm of each row",
    change={".flatten(1).norm(dim=1)": ".norm(dim=2).amax(1)"},
)
edit(
    "angle",
    check="angle_values",
    why="one norm for the batch",
    change={"(R - S).flatten(1).norm(dim=1)": "(R - S).norm()"},
)
edit(
    "angle",
    check="angle_values",
    why="an infinite gradient at half a turn",
    change={".clamp(max=1 - 1e-6)": ""},
)
