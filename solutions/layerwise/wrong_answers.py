"""The mistakes that students make in `layerwise`; read as text, never imported."""

import torch


from torch.nn import functional as F


@wrong(check="step_exact", why="old gradients are not cleared")
def greedy_step(block, head, optimizer, x, y):
    block.train()
    head.train()
    loss = F.cross_entropy(head(block(x)), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@wrong(check="step_learns", why="the block is frozen while its head learns")
def greedy_step(block, head, optimizer, x, y):
    block.train()
    head.train()
    loss = F.cross_entropy(head(block(x).detach()), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@wrong(check="step_learns", why="never in training mode")
def greedy_step(block, head, optimizer, x, y):
    loss = F.cross_entropy(head(block(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@wrong(check="step_learns", why="the head is never in training mode")
def greedy_step(block, head, optimizer, x, y):
    block.train()
    loss = F.cross_entropy(head(block(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@wrong(check="step_learns", why="the sum instead of the mean")
def greedy_step(block, head, optimizer, x, y):
    block.train()
    head.train()
    loss = F.cross_entropy(head(block(x)), y, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@wrong(check="cache_values", why="the block stays in training mode")
def cache(block, x, size=512):
    with torch.no_grad():
        return torch.cat([block(part) for part in x.split(size)])


@wrong(check="cache_values", why="a list of batches")
def cache(block, x, size=512):
    block.eval()
    with torch.no_grad():
        return [block(part) for part in x.split(size)]


@wrong(check="cache_values", why="keeps the graph")
def cache(block, x, size=512):
    block.eval()
    return torch.cat([block(part) for part in x.split(size)])


@wrong(check="cache_values", why="drops the last batch")
def cache(block, x, size=512):
    block.eval()
    with torch.no_grad():
        whole = [block(x[i : i + size]) for i in range(0, len(x) - size + 1, size)]
        return torch.cat(whole) if whole else block(x)


@wrong(check="cache_batches", why="everything at once")
def cache(block, x, size=512):
    block.eval()
    with torch.no_grad():
        return block(x)


@wrong(check="cache_batches", why="detaches afterwards: the graph was built all the same")
def cache(block, x, size=512):
    block.eval()
    return torch.cat([block(part).detach() for part in x.split(size)])


@wrong(check="cache_batches", why="takes the size for the number of batches")
def cache(block, x, size=512):
    block.eval()
    with torch.no_grad():
        return torch.cat([block(part) for part in x.chunk(size)])


@wrong(check="macs_one", why="forgets the input channels")
def conv_macs(c_in, c_out, kernel, places):
    return c_out * kernel[0] * kernel[1] * places


@wrong(check="macs_one", why="squares one side of the kernel")
def conv_macs(c_in, c_out, kernel, places):
    return c_in * c_out * kernel[0] ** 2 * places


@wrong(check="macs_training", why="layer by layer first")
def training_macs(blocks, heads, epochs):
    layerwise = sum(3 * epochs * (block + head) + block for block, head in zip(blocks, heads))
    return layerwise, 3 * epochs * (sum(blocks) + heads[-1])


@wrong(check="macs_training", why="fills the cache every epoch")
def training_macs(blocks, heads, epochs):
    layers = sum(epochs * (3 * (b + h) + b) for b, h in zip(blocks, heads))
    return 3 * epochs * (sum(blocks) + heads[-1]), layers


@wrong(check="macs_training", why="pays for every head end to end")
def training_macs(blocks, heads, epochs):
    layers = sum(3 * epochs * (b + h) + b for b, h in zip(blocks, heads))
    return 3 * epochs * (sum(blocks) + sum(heads)), layers


@wrong(check="macs_training", why="forgets to fill the cache")
def training_macs(blocks, heads, epochs):
    return 3 * epochs * (sum(blocks) + heads[-1]), 3 * epochs * (sum(blocks) + sum(heads))


@wrong(check="probe_values", why="no column of ones")
def linear_probe(x, y, x_new, y_new, ridge=1.0):
    phi, phi_new = x.flatten(1).double(), x_new.flatten(1).double()
    gram = phi.T @ phi + ridge * torch.eye(phi.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, phi.T @ F.one_hot(y).double())
    return ((phi_new @ weights).argmax(1) == y_new).double().mean().item()


@wrong(check="probe_values", why="measures on the examples that it was fitted to")
def linear_probe(x, y, x_new, y_new, ridge=1.0):
    phi = F.pad(x.flatten(1).double(), (0, 1), value=1.0)
    gram = phi.T @ phi + ridge * torch.eye(phi.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, phi.T @ F.one_hot(y).double())
    return ((phi @ weights).argmax(1) == y).double().mean().item()


@wrong(check="strongest_filters", why="sums with their signs")
def strongest(weight, keep):
    if not 1 <= keep <= len(weight):
        raise ValueError("keep")
    return weight.sum(dim=(1, 2, 3)).topk(keep).indices.sort().values


@wrong(check="strongest_filters", why="truth values instead of indices")
def strongest(weight, keep):
    if not 1 <= keep <= len(weight):
        raise ValueError("keep")
    strength = weight.abs().sum(dim=(1, 2, 3))
    return strength >= strength.topk(keep).values.min()


@wrong(check="strongest_filters", why="in order of strength")
def strongest(weight, keep):
    if not 1 <= keep <= len(weight):
        raise ValueError("keep")
    return weight.abs().sum(dim=(1, 2, 3)).topk(keep).indices


@wrong(check="strongest_filters", why="the weakest")
def strongest(weight, keep):
    if not 1 <= keep <= len(weight):
        raise ValueError("keep")
    return (-weight.abs().sum(dim=(1, 2, 3))).topk(keep).indices.sort().values


@wrong(check="prune_block", why="leaves the normalisation as wide as it was")
def prune(tensors, keep):
    rows = strongest(tensors["conv.weight"], keep)
    return tensors | {"conv.weight": tensors["conv.weight"][rows]}


@wrong(check="prune_block", why="a list of tensors, without their names")
def prune(tensors, keep):
    rows = strongest(tensors["conv.weight"], keep)
    return [tensor[rows] if tensor.ndim else tensor for tensor in tensors.values()]


@wrong(check="prune_block", why="sets weak filters to 0 and keeps the rows")
def prune(tensors, keep):
    less = {name: tensor.clone() for name, tensor in tensors.items()}
    kept = set(strongest(tensors["conv.weight"], keep).tolist())
    less["conv.weight"][[i for i in range(len(less["conv.weight"])) if i not in kept]] = 0
    return less


@wrong(check="strongest_filters", why="by squares")
def strongest(weight, keep):
    if not 1 <= keep <= len(weight):
        raise ValueError(keep)
    return weight.square().sum((1, 2, 3)).topk(keep).indices.sort().values


@wrong(check="prune_block", why="the first channels instead of the strongest")
def prune(tensors, keep):
    return {name: tensor[:keep] if tensor.ndim else tensor for name, tensor in tensors.items()}


edits["AuxiliaryHead", "head_deep"] = {
    "k blocks instead of k − 1": {"range(k - 1)": "range(k if k > 1 else 0)"},
    "the same block twice": {
        "nn.Sequential(*(Block(channels, channels, kernel) for _ in range(k - 1)))": (
            "nn.Sequential(*[Block(channels, channels, kernel)] * (k - 1))"
        )
    },
    "the linear layer takes a number a channel, whatever the grid": {
        "channels * grid[0] * grid[1]": "channels"
    },
    "averages before the blocks": {
        "x = self.blocks(x)": "x = self.blocks(F.adaptive_avg_pool2d(x, self.grid))"
    },
    "the head's own blocks do not learn": {"self.linear(x.flatten(1))": "self.linear(x.detach().flatten(1))"},
}


edits["AuxiliaryHead", "head_linear"] = {
    "ends in a softmax": {"self.linear(x.flatten(1))": "self.linear(x.flatten(1)).softmax(1)"},
    "the largest value of each cell instead of the mean": {"adaptive_avg_pool2d": "adaptive_max_pool2d"},
    "k = 0 passes": {"if k < 1": "if k < 0"},
    "the features below do not learn": {"x = self.blocks(x)": "x = self.blocks(x.detach())"},
}


edits["greedy_step", "step_exact"] = {
    "steps twice": {"optimizer.step()": "optimizer.step()\n    optimizer.step()"},
    "an optimiser of its own at each step": {
        "optimizer.zero_grad()": "optimizer = optimizer_for(block, head, 0.1)\n    optimizer.zero_grad()"
    },
}


edits["greedy_step", "step_learns"] = {
    "the loss keeps its history": {"loss.detach()": "loss"},
    "the loss after the step": {"return loss.detach()": "return F.cross_entropy(head(block(x)), y).detach()"},
}


edits["cache", "cache_batches"] = {
    "gradients stay switched off": {
        "with torch.no_grad():\n        return": "torch.set_grad_enabled(False)\n    return"
    },
}


edits["linear_probe", "probe_values"] = {
    "ridge is always 1": {"ridge * torch.eye": "1.0 * torch.eye"},
    "the ones are not held back": {
        "torch.eye(phi.shape[1]).to(phi)": (
            "torch.eye(phi.shape[1]).to(phi).index_fill(0, torch.tensor([phi.shape[1] - 1]), 0)"
        )
    },
}


edits["strongest", "strongest_filters"] = {
    "the first input channel decides": {
        "weight.abs().sum(dim=(1, 2, 3))": "weight[:, 0].abs().sum(dim=(1, 2))"
    },
    "more than there are passes": {
        "1 <= keep <= len(weight)": "1 <= keep",
        "topk(keep)": "topk(min(keep, len(weight)))",
    },
}


edits["prune", "prune_block"] = {
    "the counter of batches is cut too": {
        "tensor[rows] if tensor.ndim else tensor": "tensor[rows] if tensor.ndim else tensor * 0"
    },
}
