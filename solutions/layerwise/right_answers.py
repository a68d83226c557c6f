"""Other correct ways through `layerwise`; read as text, never imported."""

import torch


from torch import nn


from torch.nn import functional as F


@right(why="a loop, and an average by hand with unequal cells left to PyTorch's module")
class AuxiliaryHead(nn.Module):
    def __init__(self, channels, classes, k, kernel, grid):
        super().__init__()
        if k <= 0:
            raise ValueError(f"AuxiliaryHead: k must be 1 or more, not {k}")
        blocks = []
        for _ in range(1, k):
            blocks.append(Block(channels, channels, kernel, stride=1))
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.linear = nn.Linear(channels * grid[0] * grid[1], classes)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.linear(torch.flatten(self.pool(x), start_dim=1))


@right(why="clears the gradients last, gives a Python number")
def greedy_step(block, head, optimizer, x, y):
    net = nn.Sequential(block, head).train()
    loss = nn.CrossEntropyLoss()(net(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@right(why="log-softmax written out")
def greedy_step(block, head, optimizer, x, y):
    block.train(), head.train()
    optimizer.zero_grad(set_to_none=False)
    logits = head(block(x))
    loss = -(logits - logits.logsumexp(1, keepdim=True))[torch.arange(len(y)), y].mean()
    loss.backward()
    optimizer.step()
    return loss.detach().clone()


@right(why="a loop over starts, written into one tensor")
@torch.no_grad()
def cache(block, x, size=512):
    block.eval()
    parts = []
    for start in range(0, len(x), size):
        parts.append(block(x[start : start + size]))
    return torch.cat(parts, dim=0)


@right(why="inference mode, and cloned out of it")
def cache(block, x, size=512):
    block.train(False)
    with torch.inference_mode():
        out = torch.cat([block(part) for part in torch.split(x, size)])
    return out.clone()


@right(why="counts the weights of a real convolution")
def conv_macs(c_in, c_out, kernel, places):
    return nn.Conv2d(c_in, c_out, kernel, bias=False).weight.numel() * places


@right(why="adds up in a loop")
def training_macs(blocks, heads, epochs):
    end_to_end, layerwise = 0, 0
    for epoch in range(epochs):
        for block, head in zip(blocks, heads):
            end_to_end += 3 * block
            layerwise += 3 * (block + head)
        end_to_end += 3 * heads[-1]
    return end_to_end, layerwise + sum(blocks)


@right(why="scikit-learn, the column of ones penalised like the others")
def linear_probe(x, y, x_new, y_new, ridge=1.0):
    from sklearn.linear_model import Ridge

    def features(t):
        return torch.cat([t.reshape(len(t), -1), torch.ones(len(t), 1)], dim=1).double().numpy()

    model = Ridge(alpha=ridge, fit_intercept=False).fit(features(x), F.one_hot(y).numpy())
    return float((model.predict(features(x_new)).argmax(1) == y_new.numpy()).mean())


@right(why="least squares on an augmented matrix")
def linear_probe(x, y, x_new, y_new, ridge=1.0):
    phi = torch.cat([x.flatten(1), torch.ones(len(x), 1)], 1).double()
    phi_new = torch.cat([x_new.flatten(1), torch.ones(len(x_new), 1)], 1).double()
    targets = torch.zeros(len(y), int(y.max()) + 1, dtype=torch.double)
    targets[torch.arange(len(y)), y] = 1
    root = ridge**0.5 * torch.eye(phi.shape[1], dtype=torch.double)
    stacked, wanted = (
        torch.cat([phi, root]),
        torch.cat([targets, torch.zeros(len(root), targets.shape[1]).double()]),
    )
    weights = torch.linalg.lstsq(stacked, wanted).solution
    return float(((phi_new @ weights).argmax(dim=1) == y_new).float().mean())


@right(why="sorts, then a Python list")
def strongest(weight, keep):
    if keep < 1 or keep > weight.shape[0]:
        raise ValueError(f"strongest: keep must be from 1 to {weight.shape[0]}, not {keep}")
    strength = [float(kernel.abs().sum()) for kernel in weight]
    order = sorted(range(len(strength)), key=strength.__getitem__, reverse=True)
    return sorted(order[:keep])


@right(why="names the tensors")
def prune(tensors, keep):
    rows = strongest(tensors["conv.weight"], keep)
    less = dict(tensors)
    for name in ("conv.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"):
        less[name] = tensors[name].index_select(0, torch.as_tensor(rows))
    return less


@right(why="puts the block back into the mode that it was in")
def cache(block, x, size=512):
    training = block.training
    block.eval()
    with torch.no_grad():
        parts = [block(part) for part in x.split(size)]
    block.train(training)
    return torch.cat(parts)


edits["strongest"] = {
    "by the mean": {"weight.abs().sum(dim=(1, 2, 3))": "weight.abs().mean(dim=(1, 2, 3))"},
}


edits["AuxiliaryHead"] = {
    "the linear layer stands first in __init__": {
        "        self.linear = nn.Linear(channels * grid[0] * grid[1], classes)\n": "",
        "        self.blocks = nn.Sequential(": (
            "        self.linear = nn.Linear(channels * grid[0] * grid[1], classes)\n"
            "        self.blocks = nn.Sequential("
        ),
    },
}
