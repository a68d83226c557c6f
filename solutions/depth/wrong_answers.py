"""The commonest mistakes in the exercises of the lab `depth`, each with the check that must catch it."""

edits["conv_cost", "conv_cost_values"] = {
    "forgets the biases": {"weights + c_out": "weights"},
    "a bias for each input channel": {"+ c_out": "+ c_in"},
    "kernels of one channel only": {" * c_in": ""},
    "one row of places": {"side**2": "side"},
    "multiplies the biases too": {"weights * side**2": "(weights + c_out) * side**2"},
}

edits["profile", "profile_sizes"] = {
    "a pooling leaves no channels": {"c_out or c_in": "c_out"},
    "padding on one side only": {"2 * padding": "padding"},
    "rounds half a step up": {"= (side": "= -(-(side", "// stride": "// stride)"},
}

edits["profile", "profile_costs"] = {
    "counts on the input's side": {
        "side = (side": "before, side = side, (side",
        "conv_cost(c_in, c_out, kernel, side)": "conv_cost(c_in, c_out, kernel, before)",
    },
    "a layer's stride widens its own view": {"(kernel - 1) * step": "(kernel - 1) * step * stride"},
    "every layer takes in the picture's channels": {
        "rows, field, step = [], 1, 1": "rows, field, step, c = [], 1, 1, c_in",
        "conv_cost(c_in": "conv_cost(c",
    },
    "the costs as one pair in the row": {"parameters, multiplications, ": "(parameters, multiplications), "},
    "returns within the loop": {"    return": "        return"},
    "knows a pooling by its kernel of 2": {
        "in layers:": "in layers:\n        c_out = kernel != 2 and (c_out or c_in)"
    },
}

edits["ResidualBlock", "residual_values"] = {
    "bends before the addition": {"F.relu(self.shortcut(x) + y)": "self.shortcut(x) + F.relu(y)"},
    "the shortcut begins behind the first convolution": {
        "y = F.relu(": "x = y = F.relu(",
        "self.shortcut(x)": "x",
    },
    "nothing goes back along the way around: x is detached": {"shortcut(x)": "shortcut(x.detach())"},
    "F(x) cannot learn: it is detached": {"+ y)": "+ y.detach())"},
    "the first convolution cannot learn: no_grad around it": {
        "y = F.relu(": "with torch.no_grad():\n            y = F.relu("
    },
    "conv2 cannot learn: it uses .data": {"self.conv2(y)": "F.conv2d(y, self.conv2.weight.data, padding=1)"},
    "adds in place: x is changed for all that use it": {"self.shortcut(x) + y": "self.shortcut(x).add_(y)"},
    "relu in place on what came in, before it is used": {"self.conv1(x)": "self.conv1(F.relu_(x))"},
    "projects where the shapes of x and F(x) differ, and nowhere else, whatever was built": {
        "self.shortcut(x) +": "(x if x.shape == y.shape else self.shortcut(x)) +",
        "if stride != 1 or c_in != c_out:": "if True:",
    },
    "a plain block adds x if it fits": {"else F.relu(y)": "else F.relu(y + x if x.shape == y.shape else y)"},
    "always normalises as in evaluation mode": {"self.norm2(": "self.norm2.eval()("},
    "no relu between the convolutions": {"F.relu(self.norm1(self.conv1(x)))": "self.norm1(self.conv1(x))"},
    "the projection is not normalised": {"self.shortcut(x)": "self.shortcut[:1](x)"},
}

edits["ResidualBlock", "residual_layers"] = {
    "projects only where the channels change": {"stride != 1 or ": ""},
    "both convolutions have the stride": {"c_out, 3, padding": "c_out, 3, stride, padding"},
    "a plain block has a shortcut, too": {"if residual:": "if True:"},
    "convolutions with biases": {"stride, padding=1, bias=False)": "stride, padding=1)"},
}

edits["Inception", "inception_values"] = {
    "no relu behind the reductions": {"conv3(F.relu(": "conv3((", "conv5(F.relu(": "conv5(("},
    "the same padding for 3×3 and 5×5": {"padding=2": "padding=1"},
    "no biases, as in the residual block": {
        "n_pool, 1)": "n_pool, 1)\n        for layer in self.children():\n            layer.bias = None"
    },
    "the branches one after another, and pooling last": {
        "self.project(F.max_pool2d(x, 3, stride=1, padding=1))": "F.max_pool2d(self.project(x), 3, 1, padding=1)"
    },
    "the mean in place of the largest": {"max_pool2d": "avg_pool2d"},
    "the reductions cannot learn: what they give is detached": {"reduce3(x)": "reduce3(x).detach()"},
    "nothing goes back through the pooling": {"max_pool2d(x": "max_pool2d(x.data"},
    "the 5×5 branch cannot learn: no_grad around it": {
        "five = F.relu(": "with torch.no_grad():\n            five = F.relu("
    },
    "pads the pooling with zeros, which beat negative numbers": {
        "F.max_pool2d(x, 3, stride=1, padding=1)": "F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, stride=1)"
    },
}

edits["DenseBlock", "dense_values"] = {
    "every layer takes in c_in channels": {
        "c_in + i * growth": "c_in",
        "norm(x)": "norm(x[:, : len(norm.weight)])",
    },
    "new channels in front": {"[x, conv(F.relu(norm(x)))]": "[conv(F.relu(norm(x))), x]"},
    "convolution, normalisation, relu: the old order": {
        "nn.BatchNorm2d(width)": "nn.BatchNorm2d(growth)",
        "conv(F.relu(norm(x)))": "F.relu(norm(conv(x)))",
    },
    "layers in a plain list": {"nn.ModuleList(nn.B": "list(nn.B", "nn.ModuleList(nn.C": "list(nn.C"},
    "normalisations in a plain list": {"nn.ModuleList(nn.B": "list(nn.B"},
    "later layers teach earlier ones nothing: what was there is detached": {"norm(x)": "norm(x.detach())"},
    "what is handed on is detached": {"[x, conv": "[x.detach(), conv"},
    "relu behind the convolution as well": {"conv(F.relu(norm(x)))": "F.relu(conv(F.relu(norm(x))))"},
    "leaves the normalisation out": {"norm(x)": "x"},
}

edits["DenseBlock", "dense_values", "keeps a list, joins it anew for each layer"] = {
    "gives the last layer's channels only": {"return torch.cat(kept, 1)": "return kept[-1]"},
    "a list of channels, not joined": {"return torch.cat(kept, 1)": "return kept"},
    "each layer sees only what the ones before have added": {
        "torch.cat(kept, 1))": "torch.cat([0 * x, *kept[1:]] if i else kept, 1))"
    },
}

edits["UNet", "unet_forward"] = {
    "what comes up stands in front": {"[kept[i], self.up[i](x)]": "[self.up[i](x), kept[i]]"},
    "goes up from the finest level": {"reversed(range(len(self.up)))": "range(len(self.up))"},
    "does not look at the size": {"if x.shape[2] % most or x.shape[3] % most": "if False"},
    "nothing goes back across: what was kept is detached": {"[kept[i]": "[kept[i].detach()"},
    "nothing goes back through the bottom": {"self.up[i](x)": "self.up[i](x.detach())"},
    "the way down cannot learn: what it gives is detached": {"down(x))": "down(x).detach())"},
    "keeps what was kept from call to call": {"kept = []": "kept = self.__dict__.setdefault('kept', [])"},
    "ends in a softmax": {"self.head(x)": "self.head(x).softmax(1)"},
    "looks at the height only": {" or x.shape[3] % most": ""},
    "pads what cannot be halved instead of saying so": {
        "if x.shape[2]": "x = F.pad(x, (0, -x.shape[3] % most, 0, -x.shape[2] % most))\n        if x.shape[2]"
    },
}

edits["iou", "iou_values"] = {
    "divides by the target's pixels": {"/ union": "/ b.sum().clamp(min=1)"},
    "counts the common pixels twice": {"(a | b).sum()": "a.sum() + b.sum()"},
    "nothing at all counts 0": {"torch.tensor(1.0": "torch.tensor(0.0"},
    "picture by picture, then the mean": {
        "(a | b).sum()": "(a | b).sum((1, 2))",
        "(a & b).sum()": "((a & b).sum((1, 2))",
        " if union else torch.tensor(1.0, device=target.device)": ").nan_to_num(1.0).mean()",
    },
    "looks at the first picture only": {"predicted == c, target == c": "predicted[0] == c, target[0] == c"},
    "leaves out class 0, the ground": {"range(classes)": "range(1, classes)"},
    "adds a small number to the union": {"/ union": "/ (union + 0.01)"},
}

edits["symmetries", "symmetries_all"] = {
    "mirrors both ways: four of the eight come twice": {
        "x.flip(3)": "x.flip(3), x.flip(2), x.flip(2, 3)",
        "range(4)": "(0, 2)",
    },
    "turns only": {"x.flip(3)": ""},
    "turns pictures and channels": {", dims=(2, 3)": ""},
    "mirrors the order of the batch, too": {"x.flip(3)": "x.flip(0, 3)"},
    "half turns only, each twice": {"torch.rot90(y, turns": "torch.rot90(y, 2 * turns"},
}

edits["averaged", "averaged_exactly"] = {
    "the mean picture": {
        "torch.stack([net(y) for y in symmetries(x)]).mean(0)": "net(torch.stack(symmetries(x)).mean(0))"
    },
    "adds up": {".mean(0)": ".sum(0)"},
    "the largest answer": {".mean(0)": ".amax(0)"},
    "turns only, so that mirror images differ": {"symmetries(x)": "(x.rot90(k, (2, 3)) for k in range(4))"},
    "nothing goes back: no_grad around the net": {"return": "with torch.no_grad():\n        return"},
    "the median of the answers": {".mean(0)": ".median(0).values"},
    "the first picture's answer for all": {".mean(0)": ".mean(0)[:1].expand(len(x), -1)"},
    "leaves gradients switched off": {"return": "torch.set_grad_enabled(False)\n    return"},
}
