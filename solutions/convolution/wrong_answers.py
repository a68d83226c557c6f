"""Mistakes that students make on this topic, each with the check that must notice it. Read as text, never imported."""

edits["one_output", "one_output_values"] = {
    "reads the index as column, row": {"i : i + k_h, j : j + k_w": "j : j + k_h, i : i + k_w"},
    "cuts a square window, as high as wide": {"j + k_w": "j + k_h", "* k)": "* k[:, :k_h])"},
    "no wider than high: a wide kernel is cut off": {"j + k_w": "j + min(k.shape)", "* k)": "* k[:, :k_h])"},
    "takes the mean for the sum": {"sum()": "mean()"},
    "prints the number and returns nothing": {"return ": "print(", "sum()": "sum())"},
}


edits["conv2d_loop", "conv2d_loop_values"] = {
    "turns the kernel round, as mathematicians do": {"(x, k, ": "(x, k.flip(0, 1), "},
    "forgets the + 1: the last row and column are missing": {"[0] + 1": "[0]", "[1] + 1": "[1]"},
    "an output as large as the picture, its border left at zero": {
        "(height, width, dtype=x.dtype)": "_like(x)"
    },
    "uses the kernel's height for its width": {"k.shape[1]": "k.shape[0]", "(x, k, ": "(x, k[:, : len(k)], "},
}


edits["output_size", "output_size_values"] = {
    "forgets the + 1": {" + 1": ""},
    "pads one end only": {"2 * padding": "padding"},
    "rounds up": {"room // stride": "-(-room // stride)"},
    "does not say when the kernel does not fit": {"room < 0": "False"},
    "true division gives 2.5 rows": {"//": "/"},
    "rounds to the nearest": {"room // stride": "round(room / stride)"},
    "raises for a kernel as large as the input": {"room < 0": "room <= 0"},
}


edits["conv2d", "conv2d_values"] = {
    "exchanges input and output channels of the kernels": {"ocij": "coij"},
    "adds the bias along the width": {"bias.view(-1, 1, 1)": "bias"},
    "forgets the bias": {" if bias is None else y + bias.view(-1, 1, 1)": ""},
    "means over the input channels instead of summing": {"weight)": "weight) / x.shape[1]"},
    "only the first input channel is seen": {"windows, weight": "windows[:, :1], weight[:, :1]"},
    "turns the kernels round": {"windows, weight": "windows, weight.flip(2, 3)"},
    "exchanges rows and columns of the kernels": {"k_h, k_w =": "weight = weight.mT\n    k_h, k_w ="},
    "detaches: the layer cannot learn": {"weight)": "weight).detach()", "bias.view": "bias.detach().view"},
    "the kernels cannot learn: weight is detached": {"weight)": "weight.detach())"},
    "the biases cannot learn: .data": {"bias.view": "bias.data.view"},
    "nothing is handed on to the layer before: x is detached": {"pad(x": "pad(x.detach()"},
    "the bias is added to every product": {"+ bias": "+ k_h * k_w * bias"},
    "the first picture stands for all": {"weight)": "weight)[:1].expand(len(x), -1, -1, -1)"},
}


edits["conv2d", "conv2d_stride_padding", "PyTorch's own"] = {
    "ignores the stride": {"stride, padding)": "1, padding)"},
    "strides across, not down": {"stride, padding)": "(1, stride), padding)"},
    "pads left and right only": {"stride, padding)": "stride, (0, padding))"},
    "pads with copies of the border": {
        "x, weight, bias, stride, padding)": "F.pad(x, (padding,) * 4, 'replicate'), weight, bias, stride)"
    },
    "uses the stride as dilation": {"stride, padding)": "1, padding, dilation=stride)"},
}


edits["parameter_counts", "parameter_counts_values"] = {
    "forgets all biases": {"k * k + 1": "k * k", "side * side + 1": "side * side"},
    "one bias a channel for the locally connected layer": {"places * kernel": "(places * (kernel - 1) + 1)"},
    "takes an output as large as the input": {"output_size(side, k)": "side"},
    "a kernel spans one input channel only": {"c_in * k": "k"},
}


edits["max_pool2d", "max_pool2d_values"] = {
    "takes the mean": {"amax": "mean"},
    "begins at zero, which beats negative numbers": {"-1))": "-1)).clamp(min=0)"},
    "the maximum over channels too": {"-1))": "-1)).amax(1, keepdim=True).expand(tiles.shape[:4])"},
    "nothing behind it can learn: by way of NumPy": {"= x.": "= torch.from_numpy(x.detach().numpy())."},
    "nothing behind it can learn: .data": {"= x.": "= x.data."},
    "the largest by its absolute value": {
        "amax(dim=(-2, -1))": "flatten(-2).gather(-1, tiles.flatten(-2).abs().argmax(-1, True))[..., 0]"
    },
    "the median of each tile": {"amax(dim=(-2, -1))": "flatten(-2).median(-1).values"},
}


edits["max_pool2d", "max_pool2d_values", "PyTorch's own"] = {
    "the tiles overlap: stride 1": {"F.max_pool2d(x, size": "F.max_pool2d(x, size, stride=1"},
    "keeps the tiles that are not whole": {"F.max_pool2d(x, size": "F.max_pool2d(x, size, ceil_mode=True"},
    "tiles are always 2×2": {"F.max_pool2d(x, size": "F.max_pool2d(x, 2"},
}


edits["receptive_field", "receptive_field_values"] = {
    "adds up the kernels": {
        "1, 1": "0, 1",
        "(kernel - 1) * step": "kernel",
        "return seen": "return seen or 1",
    },
    "forgets the strides": {" * step": ""},
    "a layer's own stride already counts for itself": {"* step": "* step * stride"},
    "takes only the stride of the layer just before": {"*=": "="},
    "adds the strides up": {"*= stride": "+= stride - 1"},
    "pooling does not count as a layer": {"* step": "* step * (stride == 1)"},
}


edits["softmax", "softmax_values"] = {
    "along the wrong axis": {"amax(dim=-1": "amax(dim=0", "sum(dim=-1": "sum(dim=0"},
    "over all numbers at once": {"amax(dim=-1, keepdim=True)": "max()", "sum(dim=-1, keepdim=True)": "sum()"},
    "overflows": {" - z.amax(dim=-1, keepdim=True)": ""},
    "takes off the largest of all rows, and small rows underflow": {"amax(dim=-1, keepdim=True)": "max()"},
    "forgets keepdim": {"e.sum(dim=-1, keepdim=True)": "e.sum(dim=-1)"},
    "forgets to divide": {" / e.sum(dim=-1, keepdim=True)": ""},
    "clips the scores": {"z - z.amax(dim=-1, keepdim=True)": "z.clamp(-50, 50)"},
    "takes off the largest score of the first row": {", keepdim=True))": ").flatten()[0])"},
    "rounds to four places": {
        "e / e.sum(dim=-1, keepdim=True)": "(e / e.sum(dim=-1, keepdim=True)).half().float()"
    },
}


edits["dropout", "dropout_phases"] = {
    "does not scale what is kept": {" / (1 - p)": ""},
    "keeps with probability p": {">= p": "< p", "(1 - p)": "p"},
    "divides by p": {"(1 - p)": "max(p, 1e-9)"},
    "scales in production instead, as the paper of 2014 did": {"x\n": "x * (1 - p)\n", " / (1 - p)": ""},
    "drops in production as well": {"not training": "False"},
    "one draw for a whole column": {"rand_like(x)": "rand(x.shape[-1])"},
    "one draw for a whole row": {"rand_like(x)": "rand(x.shape[0], *[1] * (x.dim() - 1))"},
    "seeds the draw, so that it is always the same": {"kept =": "torch.manual_seed(0)\n    kept ="},
    "nothing before it can learn": {"x * kept": "x.detach() * kept"},
    "nothing before it can learn in production": {"x\n": "x.data\n"},
    "all pictures share one draw": {"rand_like(x)": "rand(x.shape[1:])"},
    "drops whole channels: one draw for the last axis": {"rand_like(x)": "rand(*x.shape[:-1], 1)"},
    "its generator begins anew at every call": {"rand_like(x)": "rand(x.shape, generator=torch.Generator())"},
    "drops exactly that share, not each by its own draw": {
        "torch.rand_like(x) >= p": "(torch.randperm(x.numel()) >= round(p * x.numel())).view(x.shape)"
    },
    "keeps the draw of the first call in the function": {
        "torch.rand_like(x) >= p": "dropout.__dict__.setdefault((x.shape, p), torch.rand_like(x) >= p)"
    },
    "drops the smallest numbers": {"torch.rand_like(x) >= p": "x >= x.quantile(p)"},
    "makes up for the share that was dropped by chance": {"(1 - p)": "kept.float().mean().clamp(min=1e-9)"},
    "leaves gradients switched off": {"kept =": "torch.set_grad_enabled(False)\n    kept ="},
}


edits["ConvNet", "ConvNet_forward"] = {
    "forgets the second ReLU of a stage": {"F.relu(second(F.relu(first(x))))": "second(F.relu(first(x)))"},
    "forgets the first ReLU of a stage": {"F.relu(first(x))": "first(x)"},
    "drops in production too: the phase is not passed on": {"self.p, self.training": "self.p"},
    "drops in production too: a new nn.Dropout is always in training": {
        "dropout(x.flatten(1), self.p, self.training)": "nn.Dropout(self.p)(x.flatten(1))"
    },
    "forgets dropout": {"dropout(x.flatten(1), self.p, self.training)": "x.flatten(1)"},
    "drops the scores instead of what the dense layer sees": {
        "self.dense(dropout(x.flatten(1),": "dropout(self.dense(x.flatten(1)),",
        "training))": "training)",
    },
    "drops after every stage": {
        "F.max_pool2d(x, 2)": "dropout(F.max_pool2d(x, 2), self.p, self.training)",
        "dropout(x.flatten(1), self.p, self.training)": "x.flatten(1)",
    },
    "drops after every stage and before the dense layer": {
        "F.max_pool2d(x, 2)": "dropout(F.max_pool2d(x, 2), self.p, self.training)"
    },
    "ends in a softmax": {"self.dense(": "softmax(self.dense(", "training))": "training)))"},
    "pools between the two convolutions of a stage": {
        "F.relu(first(x))": "F.max_pool2d(F.relu(first(x)), 2)",
        "x = F.max_pool2d(x, 2)": "pass",
    },
    "flattens the batch as well": {"x.flatten(1)": "x.flatten()"},
    "drops the pictures as well": {"for first": "x = dropout(x, self.p, self.training)\n        for first"},
    "drops whole channels": {"dropout(x.flatten(1),": "F.dropout2d(x,", "training)": "training).flatten(1)"},
}
