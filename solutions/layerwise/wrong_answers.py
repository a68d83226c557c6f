"""The mistakes that students make in `layerwise`; read as text, never imported."""

edits["AuxiliaryHead", "head_deep"] = {
    "k blocks instead of k − 1": {"range(k - 1)": "range(k if k > 1 else 0)"},
    "the same block twice": {"*(Block": "*[Block", " for _ in range(k - 1))": "] * (k - 1)"},
    "the linear layer takes a number a channel, whatever the grid": {" * grid[0] * grid[1]": ""},
    "averages before the blocks": {"self.blocks(x)": "self.blocks(F.adaptive_avg_pool2d(x, self.grid))"},
    "the head's own blocks do not learn": {"x.flatten(1)": "x.detach().flatten(1)"},
}

edits["AuxiliaryHead", "head_linear"] = {
    "ends in a softmax": {"x.flatten(1))": "x.flatten(1)).softmax(1)"},
    "the largest value of each cell instead of the mean": {"adaptive_avg_pool2d": "adaptive_max_pool2d"},
    "k = 0 passes": {"if k < 1": "if k < 0"},
    "the features below do not learn": {"self.blocks(x)": "self.blocks(x.detach())"},
}

edits["greedy_step", "step_exact"] = {
    "old gradients are not cleared": {"    optimizer.zero_grad()\n": ""},
    "steps twice": {"optimizer.step()": "optimizer.step()\n    optimizer.step()"},
    "a new optimiser at each step": {"loss =": "optimizer = optimizer_for(block, head, 0.1)\n    loss ="},
}

edits["greedy_step", "step_learns"] = {
    "the block is frozen while its head learns": {"block(x)": "block(x).detach()"},
    "never in training mode": {"    block.train()\n    head.train()\n": ""},
    "the head is never in training mode": {"    head.train()\n": ""},
    "the sum instead of the mean": {", y)": ', y, reduction="sum")'},
    "the loss keeps its history": {"loss.detach()": "loss"},
    "the loss after the step": {"return loss.detach()": "return F.cross_entropy(head(block(x)), y).detach()"},
}

edits["cache", "cache_values"] = {
    "the block stays in training mode": {"    block.eval()\n": ""},
    "a list of batches": {"torch.cat([": "[", "])": "]"},
    "keeps the graph": {"with torch.no_grad():\n        ": ""},
    "drops the last batch": {"split(size)": "split(size)[: max(1, len(x) // size)]"},
}

edits["cache", "cache_batches"] = {
    "everything at once": {"torch.cat([block(part) for part in x.split(size)])": "block(x)"},
    "builds the graph, then detaches": {"with torch.no_grad():\n        ": "", "(part)": "(part).detach()"},
    "takes the size for the number of batches": {"split": "chunk"},
    "gradients stay switched off": {"with torch.no_grad():\n    ": "torch.set_grad_enabled(False)\n"},
}

edits["conv_macs", "macs_one"] = {
    "forgets the input channels": {"c_in * ": ""},
    "squares one side of the kernel": {"kernel[1]": "kernel[0]"},
}

edits["training_macs", "macs_training"] = {
    "layer by layer first": {"return end_to_end, layerwise": "return layerwise, end_to_end"},
    "fills the cache every epoch": {"+ block for": "+ epochs * block for"},
    "pays for every head end to end": {"heads[-1]": "sum(heads)"},
    "forgets to fill the cache": {" + block for": " for"},
}

edits["linear_probe", "probe_values"] = {
    "no column of ones": {"F.pad(part": "part", ", (0, 1), value=1.0)": ""},
    "measures on the examples that it was fitted to": {"phi_new @": "phi @", "== y_new": "== y"},
    "ridge is always 1": {"ridge * torch.eye": "1.0 * torch.eye"},
    "the ones are not held back": {"weights =": "gram[-1, -1] -= ridge\n    weights ="},
}

edits["strongest", "strongest_filters"] = {
    "sums with their signs": {".abs()": ""},
    "by squares": {"abs()": "square()"},
    "truth values, not indices": {"return": "return strength >=", ".indices.sort().values": ".values[-1]"},
    "in order of strength": {".sort().values": ""},
    "the weakest": {"topk(keep)": "topk(keep, largest=False)"},
    "the first input channel decides": {"weight.abs": "weight[:, 0].abs", "1, 2, 3": "1, 2"},
    "more than there are passes": {" <= len(weight)": "", "topk(keep)": "topk(min(keep, len(weight)))"},
}

edits["prune", "prune_block"] = {
    "leaves the normalisation as wide as it was": {"tensor.ndim": 'name == "conv.weight"'},
    "a list of tensors, without their names": {"{": "list({", "}": "}.values())"},
    "sets weak filters to 0 and keeps the rows": {
        "tensor[rows]": "torch.zeros_like(tensor).index_copy(0, rows, tensor[rows])",
        "tensor.ndim": 'name == "conv.weight"',
    },
    "the first channels instead of the strongest": {"[rows]": "[:keep]"},
    "the counter of batches is cut too": {"else tensor": "else tensor * 0"},
}
