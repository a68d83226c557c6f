"""Mistakes that students make on this topic, each with the check that must notice it. Read as text, never imported."""


@wrong(check="one_output_values", why="reads the index as column, row")
def one_output(x, k, i, j):
    k_h, k_w = k.shape
    return (x[j : j + k_h, i : i + k_w] * k).sum()


@wrong(check="one_output_values", why="cuts a square window, as high as wide")
def one_output(x, k, i, j):
    n = k.shape[0]
    return (x[i : i + n, j : j + n] * k[:, :n]).sum()


@wrong(check="one_output_values", why="as high a window as it is wide: a wide kernel is cut off")
def one_output(x, k, i, j):
    n = min(k.shape)
    return (x[i : i + k.shape[0], j : j + n] * k[:, :n]).sum()


@wrong(check="one_output_values", why="takes the mean for the sum")
def one_output(x, k, i, j):
    return (x[i : i + k.shape[0], j : j + k.shape[1]] * k).mean()


@wrong(check="one_output_values", why="prints the number and returns nothing")
def one_output(x, k, i, j):
    print((x[i : i + k.shape[0], j : j + k.shape[1]] * k).sum())


@wrong(check="conv2d_loop_values", why="turns the kernel round, as mathematicians do")
def conv2d_loop(x, k):
    k = k.flip(0, 1)
    y = torch.zeros(x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = one_output(x, k, i, j)
    return y


@wrong(check="conv2d_loop_values", why="forgets the + 1: the last row and column are missing")
def conv2d_loop(x, k):
    y = torch.zeros(x.shape[0] - k.shape[0], x.shape[1] - k.shape[1])
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = one_output(x, k, i, j)
    return y


@wrong(check="conv2d_loop_values", why="an output as large as the picture, its border left at zero")
def conv2d_loop(x, k):
    y = torch.zeros_like(x)
    for i in range(x.shape[0] - k.shape[0] + 1):
        for j in range(x.shape[1] - k.shape[1] + 1):
            y[i, j] = one_output(x, k, i, j)
    return y


@wrong(check="conv2d_loop_values", why="uses the kernel's height for its width")
def conv2d_loop(x, k):
    n = k.shape[0]
    y = torch.zeros(x.shape[0] - n + 1, x.shape[1] - n + 1)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + n, j : j + n] * k[:, :n]).sum()
    return y


@wrong(check="output_size_values", why="forgets the + 1")
def output_size(n, k, stride=1, padding=0):
    if n + 2 * padding < k:
        raise ValueError("the kernel does not fit")
    return (n + 2 * padding - k) // stride


@wrong(check="output_size_values", why="pads one end only")
def output_size(n, k, stride=1, padding=0):
    if n + padding < k:
        raise ValueError("the kernel does not fit")
    return (n + padding - k) // stride + 1


@wrong(check="output_size_values", why="rounds up")
def output_size(n, k, stride=1, padding=0):
    if n + 2 * padding < k:
        raise ValueError("the kernel does not fit")
    return -(-(n + 2 * padding - k) // stride) + 1


@wrong(check="output_size_values", why="does not say when the kernel does not fit")
def output_size(n, k, stride=1, padding=0):
    return (n + 2 * padding - k) // stride + 1


@wrong(check="output_size_values", why="true division gives 2.5 rows")
def output_size(n, k, stride=1, padding=0):
    if n + 2 * padding < k:
        raise ValueError("the kernel does not fit")
    return (n + 2 * padding - k) / stride + 1


@wrong(check="conv2d_values", why="exchanges input and output channels of the kernels")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    weight = weight.transpose(0, 1)
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwij,ocij->bohw", windows, weight)
    return y if bias is None else y + bias.view(-1, 1, 1)


@wrong(check="conv2d_values", why="adds the bias along the width")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwij,ocij->bohw", windows, weight)
    return y if bias is None else y + bias


@wrong(check="conv2d_values", why="forgets the bias")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    return torch.einsum("bchwij,ocij->bohw", windows, weight)


@wrong(check="conv2d_values", why="means over the input channels instead of summing")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    y = torch.einsum("bchwij,ocij->bohw", windows, weight) / x.shape[1]
    return y if bias is None else y + bias.view(-1, 1, 1)


@wrong(check="conv2d_values", why="only the first input channel is seen")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)[:, 0]
    windows = x.unfold(1, weight.shape[2], stride).unfold(2, weight.shape[3], stride)
    y = torch.einsum("bhwij,oij->bohw", windows, weight[:, 0])
    return y if bias is None else y + bias.view(-1, 1, 1)


@wrong(check="conv2d_values", why="turns the kernels round")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight.flip(2, 3), bias, stride, padding)


@wrong(check="conv2d_values", why="exchanges rows and columns of the kernels")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight.transpose(2, 3), bias, stride, padding)


@wrong(check="conv2d_values", why="detaches: the layer cannot learn")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    bias = None if bias is None else bias.detach()
    return F.conv2d(x.detach(), weight.detach(), bias, stride, padding)


@wrong(check="conv2d_stride_padding", why="ignores the stride")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight, bias, 1, padding)


@wrong(check="conv2d_stride_padding", why="strides across, not down")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight, bias, (1, stride), padding)


@wrong(check="conv2d_stride_padding", why="pads left and right only")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(F.pad(x, (padding, padding)), weight, bias, stride)


@wrong(check="conv2d_stride_padding", why="pads with copies of the border")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(F.pad(x, (padding,) * 4, mode="replicate"), weight, bias, stride)


@wrong(check="conv2d_stride_padding", why="uses the stride as dilation")
def conv2d(x, weight, bias=None, stride=1, padding=0):
    return F.conv2d(x, weight, bias, 1, padding, dilation=stride)


@wrong(check="parameter_counts_values", why="forgets all biases")
def parameter_counts(side, c_in, c_out, k):
    s = side - k + 1
    return c_in * side**2 * c_out * s**2, s**2 * c_in * c_out * k**2, c_in * c_out * k**2


@wrong(check="parameter_counts_values", why="one bias a channel for the locally connected layer")
def parameter_counts(side, c_in, c_out, k):
    s = side - k + 1
    dense = c_out * s**2 * (c_in * side**2 + 1)
    return dense, c_out * (s**2 * c_in * k**2 + 1), c_out * (c_in * k**2 + 1)


@wrong(check="parameter_counts_values", why="takes an output as large as the input")
def parameter_counts(side, c_in, c_out, k):
    kernel = c_in * k**2 + 1
    return c_out * side**2 * (c_in * side**2 + 1), c_out * side**2 * kernel, c_out * kernel


@wrong(check="parameter_counts_values", why="a kernel spans one input channel only")
def parameter_counts(side, c_in, c_out, k):
    s = side - k + 1
    return c_out * s**2 * (c_in * side**2 + 1), c_out * s**2 * (k**2 + 1), c_out * (k**2 + 1)


@wrong(check="max_pool2d_values", why="takes the mean")
def max_pool2d(x, size):
    return F.avg_pool2d(x, size)


@wrong(check="max_pool2d_values", why="the tiles overlap: stride 1")
def max_pool2d(x, size):
    return F.max_pool2d(x, size, stride=1)


@wrong(check="max_pool2d_values", why="pads with zeros, which beat negative numbers")
def max_pool2d(x, size):
    h, w = x.shape[2] // size, x.shape[3] // size
    y = torch.zeros(*x.shape[:2], h, w)
    for a in range(size):
        for b in range(size):
            y = torch.maximum(y, x[:, :, a : h * size : size, b : w * size : size])
    return y


@wrong(check="max_pool2d_values", why="keeps the tiles that are not whole")
def max_pool2d(x, size):
    return F.max_pool2d(x, size, ceil_mode=True)


@wrong(check="max_pool2d_values", why="the maximum over channels too")
def max_pool2d(x, size):
    y = F.max_pool2d(x, size)
    return y.amax(1, keepdim=True).expand_as(y)


@wrong(check="max_pool2d_values", why="tiles are always 2×2")
def max_pool2d(x, size):
    return F.max_pool2d(x, 2)


@wrong(check="receptive_field_values", why="adds up the kernels")
def receptive_field(layers):
    return sum(k for k, _ in layers) or 1


@wrong(check="receptive_field_values", why="forgets the strides")
def receptive_field(layers):
    return 1 + sum(k - 1 for k, _ in layers)


@wrong(check="receptive_field_values", why="a layer's own stride already counts for itself")
def receptive_field(layers):
    seen, step = 1, 1
    for k, s in layers:
        step *= s
        seen += (k - 1) * step
    return seen


@wrong(check="receptive_field_values", why="takes only the stride of the layer just before")
def receptive_field(layers):
    seen, step = 1, 1
    for k, s in layers:
        seen += (k - 1) * step
        step = s
    return seen


@wrong(check="receptive_field_values", why="adds the strides up")
def receptive_field(layers):
    seen, step = 1, 1
    for k, s in layers:
        seen += (k - 1) * step
        step += s - 1
    return seen


@wrong(check="softmax_values", why="along the wrong axis")
def softmax(z):
    e = torch.exp(z - z.max())
    return e / e.sum(dim=0, keepdim=True)


@wrong(check="softmax_values", why="over all numbers at once")
def softmax(z):
    e = torch.exp(z - z.max())
    return e / e.sum()


@wrong(check="softmax_values", why="overflows")
def softmax(z):
    e = torch.exp(z)
    return e / e.sum(dim=-1, keepdim=True)


@wrong(check="softmax_values", why="takes off the largest score of all rows, and small rows underflow")
def softmax(z):
    e = torch.exp(z - z.max())
    return e / e.sum(dim=-1, keepdim=True)


@wrong(check="softmax_values", why="forgets keepdim")
def softmax(z):
    e = torch.exp(z - z.amax(dim=-1, keepdim=True))
    return e / e.sum(dim=-1)


@wrong(check="softmax_values", why="forgets to divide")
def softmax(z):
    return torch.exp(z - z.amax(dim=-1, keepdim=True))


@wrong(check="softmax_values", why="clips the scores")
def softmax(z):
    e = torch.exp(z.clamp(-50, 50))
    return e / e.sum(dim=-1, keepdim=True)


@wrong(check="dropout_phases", why="does not scale what is kept")
def dropout(x, p, training=True):
    return x * (torch.rand_like(x) >= p) if training else x


@wrong(check="dropout_phases", why="keeps with probability p")
def dropout(x, p, training=True):
    return x * (torch.rand_like(x) < p) / p if training else x


@wrong(check="dropout_phases", why="divides by p")
def dropout(x, p, training=True):
    return x * (torch.rand_like(x) >= p) / max(p, 1e-9) if training else x


@wrong(check="dropout_phases", why="scales in production instead, as the paper of 2014 did")
def dropout(x, p, training=True):
    return x * (torch.rand_like(x) >= p) if training else x * (1 - p)


@wrong(check="dropout_phases", why="drops in production as well")
def dropout(x, p, training=True):
    return x * (torch.rand_like(x) >= p) / (1 - p)


@wrong(check="dropout_phases", why="one draw for a whole column")
def dropout(x, p, training=True):
    return x * (torch.rand(x.shape[-1]) >= p) / (1 - p) if training else x


@wrong(check="dropout_phases", why="one draw for a whole row")
def dropout(x, p, training=True):
    return x * (torch.rand(x.shape[0], *[1] * (x.dim() - 1)) >= p) / (1 - p) if training else x


@wrong(check="dropout_phases", why="seeds the draw, so that it is always the same")
def dropout(x, p, training=True):
    torch.manual_seed(0)
    return x * (torch.rand_like(x) >= p) / (1 - p) if training else x


edits["ConvNet", "ConvNet_forward"] = {
    "forgets the second ReLU of a stage": {"F.relu(second(F.relu(first(x))))": "second(F.relu(first(x)))"},
    "forgets the first ReLU of a stage": {"second(F.relu(first(x)))": "second(first(x))"},
    "drops in production too: the phase is not passed on": {"self.p, self.training": "self.p"},
    "drops in production too: a new nn.Dropout is always in training": {
        "dropout(x.flatten(1), self.p, self.training)": "nn.Dropout(self.p)(x.flatten(1))"
    },
    "forgets dropout": {
        "self.dense(dropout(x.flatten(1), self.p, self.training))": "self.dense(x.flatten(1))"
    },
    "drops the scores instead of what the dense layer sees": {
        "self.dense(dropout(x.flatten(1), self": "dropout(self.dense(x.flatten(1)), self",
        "self.training))": "self.training)",
    },
    "drops after every stage": {
        "x = F.max_pool2d(x, 2)  #": "x = dropout(F.max_pool2d(x, 2), self.p, self.training)  #",
        "self.dense(dropout(x.flatten(1), self.p, self.training))": "self.dense(x.flatten(1))",
    },
    "drops after every stage and before the dense layer": {
        "x = F.max_pool2d(x, 2)  #": "x = dropout(F.max_pool2d(x, 2), self.p, self.training)  #"
    },
    "ends in a softmax": {
        "return self.dense(": "return softmax(self.dense(",
        "self.training))": "self.training)))",
    },
    "pools between the two convolutions of a stage": {
        "second(F.relu(first(x)))": "second(F.max_pool2d(F.relu(first(x)), 2))",
        "x = F.max_pool2d(x, 2)  #": "pass  #",
    },
    "flattens the batch as well": {"x.flatten(1)": "x.flatten()"},
    "drops the pictures as well": {
        "for first, second": ("x = dropout(x, self.p, self.training)\n        for first, second")
    },
    "drops whole channels": {
        "x.flatten(1), self.p, self.training)": (
            "torch.ones_like(x[:, :, :1, :1]), self.p, self.training).mul(x).flatten(1)"
        )
    },
}


edits["output_size", "output_size_values"] = {
    "rounds to the nearest": {"room // stride": "round(room / stride)"},
    "raises for a kernel as large as the input": {"room < 0": "room <= 0"},
}


edits["conv2d", "conv2d_values"] = {
    "the kernels cannot learn: weight is detached": {"windows, weight)": "windows, weight.detach())"},
    "the biases cannot learn: .data": {"bias.view(": "bias.data.view("},
    "nothing is handed on to the layer before: x is detached": {"F.pad(x, (": "F.pad(x.detach(), ("},
    "the bias is added to every product": {
        'torch.einsum("bchwij,ocij->bohw", windows, weight)': (
            'torch.einsum("bchwij,ocij->bohw", windows, weight) + (0 if '
            "bias is None else (k_h * k_w - 1) * bias.view(-1, 1, 1))"
        )
    },
    "the first picture stands for all": {
        "weight)  # (B, C_out, H', W')": ("weight)[:1].expand(len(x), -1, -1, -1)  # (B, C_out, H', W')")
    },
}


edits["max_pool2d", "max_pool2d_values"] = {
    "nothing behind it can learn: by way of NumPy": {
        "x.unfold(2, size, size)": "torch.from_numpy(x.detach().numpy()).unfold(2, size, size)"
    },
    "nothing behind it can learn: .data": {"x.unfold(2": "x.data.unfold(2"},
    "the largest by its absolute value": {
        "tiles.amax(dim=(-2, -1))": (
            "torch.where(tiles.amax((-2, -1)) > -tiles.amin((-2, -1)), "
            "tiles.amax((-2, -1)), tiles.amin((-2, -1)))"
        )
    },
    "the median of each tile": {"tiles.amax(dim=(-2, -1))": "tiles.flatten(-2).median(-1).values"},
}


edits["receptive_field", "receptive_field_values"] = {
    "pooling does not count as a layer": {
        "seen += (kernel - 1) * step": "seen += (kernel - 1) * step * (stride == 1)"
    },
}


edits["softmax", "softmax_values"] = {
    "takes off the largest score of the first row": {
        "z.amax(dim=-1, keepdim=True)": "z.reshape(-1, z.shape[-1])[0].max()"
    },
    "rounds to four places": {
        "return e / e.sum(dim=-1, keepdim=True)": "return (e / e.sum(dim=-1, keepdim=True)).half().float()"
    },
}


edits["dropout", "dropout_phases"] = {
    "nothing before it can learn": {"x * kept": "x.detach() * kept"},
    "nothing before it can learn in production": {"return x\n": "return x.data\n"},
    "all pictures share one draw": {"torch.rand_like(x)": "torch.rand(x.shape[1:])"},
    "drops whole channels: one draw for the last axis": {
        "torch.rand_like(x)": "torch.rand(*x.shape[:-1], 1)"
    },
    "a generator of its own, begun anew at every call": {
        "torch.rand_like(x)": ("torch.rand(x.shape, generator=torch.Generator().manual_seed(1))")
    },
    "drops exactly that share, not each by its own draw": {
        "torch.rand_like(x) >= p": ("(torch.randperm(x.numel()) >= round(p * x.numel())).view(x.shape)")
    },
    "keeps the draw of the first call in the function": {
        "kept = torch.rand_like(x) >= p": (
            "masks = dropout.__dict__\n    kept = masks.setdefault((x.shape, p), torch.rand_like(x) >= p)"
        )
    },
    "drops the smallest numbers": {
        "torch.rand_like(x) >= p": ("x >= x.flatten().kthvalue(max(1, round(p * x.numel()))).values")
    },
    "makes up for the share that was dropped by chance": {
        "/ (1 - p)": "/ kept.float().mean().clamp(min=1e-9)"
    },
    "leaves gradients switched off": {"kept = ": "torch.set_grad_enabled(False)\n    kept = "},
}
