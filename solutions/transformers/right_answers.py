"""Other correct ways to do the exercises. Read as text, never imported."""

import numpy as np


@right(why="PyTorch's own")
def attention(q, k, v, mask=None):
    return F.scaled_dot_product_attention(
        q, k, v, None if mask is None else mask.expand(*q.shape[:-1], k.shape[-2])
    )


@right(why="einsum, a softmax by hand that takes the largest score away, float64")
def attention(q, k, v, mask=None):
    scores = torch.einsum("...td,...sd->...ts", q.double(), k.double()) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = torch.where(mask, scores, torch.tensor(float("-inf"), dtype=torch.float64))
    powers = torch.exp(scores - scores.amax(-1, keepdim=True))
    return torch.einsum("...ts,...se->...te", powers / powers.sum(-1, keepdim=True), v.double()).to(v.dtype)


@right(why="a comparison of places")
def causal_mask(length):
    t = torch.arange(length)
    return t[:, None] >= t


@right(why="a list of lists")
def causal_mask(length):
    return torch.tensor([[s <= t for s in range(length)] for t in range(length)])


@right(why="a loop over rows")
def padding_mask(lengths, length):
    mask = torch.zeros(len(lengths), 1, 1, length, dtype=torch.bool, device=lengths.device)
    for b, real in enumerate(lengths):
        mask[b, ..., :real] = True
    return mask


@right(why="NumPy")
def padding_mask(lengths, length):
    return torch.from_numpy(np.arange(length) < lengths.cpu().numpy()[:, None, None, None]).to(lengths.device)


@right(why="view and permute")
def split_heads(x, heads):
    B, T, D = x.shape
    return x.view(B, T, heads, D // heads).permute(0, 2, 1, 3)


@right(why="chunks, stacked")
def split_heads(x, heads):
    return torch.stack(x.chunk(heads, dim=-1), dim=1)


@right(why="one head after the other, in a loop")
class MultiHead(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x, mask=None):
        q, k, v = (split_heads(part, self.heads) for part in self.project(x).chunk(3, dim=-1))
        B, T, _ = x.shape
        if mask is not None:
            mask = mask.expand(B, self.heads, T, T)
        parts = [
            attention(q[:, h], k[:, h], v[:, h], None if mask is None else mask[:, h])
            for h in range(self.heads)
        ]
        return self.out(torch.cat(parts, dim=-1))


@right(why="strided assignment, exp of logarithms, as in many tutorials")
def positional_encoding(length, d):
    encoding = torch.zeros(length, d)
    place = torch.arange(length).float().unsqueeze(1)
    speed = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
    encoding[:, 0::2] = torch.sin(place * speed)
    encoding[:, 1::2] = torch.cos(place * speed)
    return encoding


@right(why="two loops")
def positional_encoding(length, d):
    return torch.tensor(
        [
            [(math.cos if n % 2 else math.sin)(t / 10000 ** ((n - n % 2) / d)) for n in range(d)]
            for t in range(length)
        ]
    )


@right(why="a loop that fills in four numbers a hand")
def shift_matrix(offset, d):
    matrix = torch.zeros(d, d)
    for n in range(0, d, 2):
        angle = offset / 10000 ** (n / d)
        matrix[n, n] = matrix[n + 1, n + 1] = math.cos(angle)
        matrix[n, n + 1] = math.sin(angle)
        matrix[n + 1, n] = -math.sin(angle)
    return matrix


@right(why="names for both sums")
class Block(nn.Module):
    def __init__(self, d, heads, dropout=0.0):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention = MultiHead(d, heads)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.drop = nn.Dropout(dropout)

    def forward(self, x, mask=None):
        looked = self.drop(self.attention(self.norm1(x), mask)) + x
        thought = self.drop(self.mlp(self.norm2(looked)))
        return looked + thought

    def next(self, x, past=None):
        y, past = attend_next(self.attention, self.norm1(x), past)
        x = x + self.drop(y)
        return x + self.drop(self.mlp(self.norm2(x))), past


@right(why="log_softmax and gather, a weighted mean")
def nats(scores, codes, counted):
    logp = scores[:, :-1].log_softmax(-1).gather(-1, codes[:, 1:].unsqueeze(-1)).squeeze(-1)
    return -(logp * counted[:, 1:]).sum() / counted[:, 1:].sum()


@right(why="what does not count is ignored by its label")
def nats(scores, codes, counted):
    wanted = codes[:, 1:].masked_fill(~counted[:, 1:], -100)
    return F.cross_entropy(scores[:, :-1].reshape(-1, scores.shape[-1]), wanted.reshape(-1))


@right(why="PyTorch's attention; a list for a pair")
def attend_next(layer, x, past=None):
    q, k, v = layer.project(x).chunk(3, dim=-1)
    q, k, v = split_heads(q, layer.heads), split_heads(k, layer.heads), split_heads(v, layer.heads)
    if past is not None:
        old_k, old_v = past
        k, v = torch.cat((old_k, k), -2), torch.cat((old_v, v), -2)
    y = F.scaled_dot_product_attention(q, k, v)
    return layer.out(y.transpose(1, 2).reshape(x.shape)), [k, v]


@right(why="one loop over all places, stopping before the last")
def sample_cached(step, prompt, count, choose):
    codes, past = prompt, None
    for t in range(prompt.shape[1] + count - 1):
        scores, past = step(codes[:, t : t + 1], past)
        if t >= prompt.shape[1] - 1:
            codes = torch.cat([codes, choose(scores)[:, None]], dim=1)
    return codes


@right(why="diagonal by diagonal")
def convolution_matrix(kernel, length, dilation=1):
    matrix = torch.zeros(length, length)
    for i, weight in enumerate(kernel):
        if i * dilation < length:
            matrix.diagonal(-i * dilation).fill_(weight)
    return matrix


@right(why="PyTorch's convolution of unit vectors")
def convolution_matrix(kernel, length, dilation=1):
    rows = F.pad(torch.eye(length)[:, None], ((len(kernel) - 1) * dilation, 0))
    return F.conv1d(rows, kernel.flip(0)[None, None], dilation=dilation)[:, 0].T


@right(why="a list of counts")
def fertilities(alignment, length):
    places = alignment.tolist()
    return torch.tensor([places.count(s) for s in range(length)])


@right(why="zeros, filled in word by word")
def copy_by_fertility(x, fertility):
    lengths = fertility.sum(1)
    copies = x.new_zeros(len(x), int(lengths.max()), x.shape[2])
    for b in range(len(x)):
        t = 0
        for s in range(x.shape[1]):
            for _ in range(int(fertility[b, s])):
                copies[b, t] = x[b, s]
                t += 1
    return copies, lengths


@right(why="a matrix of places, multiplied")
def copy_by_fertility(x, fertility):
    end = fertility.cumsum(1)
    t = torch.arange(int(end[:, -1].max()), device=x.device)
    chosen = (t[None, :, None] < end[:, None, :]) & (t[None, :, None] >= (end - fertility)[:, None, :])
    return chosen.to(x.dtype) @ x, end[:, -1]


@right(why="keys and values in one tensor")
def attend_next(layer, x, past=None):
    q, k, v = (split_heads(part, layer.heads) for part in layer.project(x).chunk(3, dim=-1))
    kept = torch.stack([k, v])
    if past is not None:
        kept = torch.cat([past, kept], dim=3)
    return layer.out(attention(q, *kept).transpose(1, 2).flatten(2)), kept


@right(why="float64 within, for long texts")
def positional_encoding(length, d):
    speeds = 10000.0 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * speeds
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


@right(why="float64, a list of rows")
def shift_matrix(offset, d):
    rows = [[0.0] * d for _ in range(d)]
    for n in range(0, d, 2):
        b = offset / 10000 ** (n / d)
        rows[n][n : n + 2] = [math.cos(b), math.sin(b)]
        rows[n + 1][n : n + 2] = [-math.sin(b), math.cos(b)]
    return torch.tensor(rows, dtype=torch.float64)


edits["attention"] = {
    "in place": {"scores.masked_fill(": "scores.masked_fill_("},
}


edits["nats"] = {
    "scores turned over in place": {"scores[:, :-1].transpose(1, 2)": "scores[:, :-1].transpose_(1, 2)"},
}


edits["Block"] = {
    "dropout of PyTorch's functions": {
        "self.drop(self.attention(self.norm1(x), mask))": (
            "F.dropout(self.attention(self.norm1(x), mask), self.drop.p, self.training)"
        )
    },
}
