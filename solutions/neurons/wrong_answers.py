"""The commonest mistakes in the exercises of the lab `neurons`, each with the check that must catch it."""

edits["neuron", "neuron_values"] = {
    "does not add up": {"w @ x": "w * x"},
    "forgets the bias": {" + b": ""},
    "adds the bias once for each input": {"w @ x + b": "(w * x + b).sum()"},
    "knows two inputs only": {"w @ x": "w[0] * x[0] + w[1] * x[1]"},
    "prints instead of returning": {"return w @ x + b": "print(w @ x + b)"},
    "stops one input early": {"w @ x": "w[:-1] @ x[:-1]"},
}

edits["sigmoid", "sigmoid_values"] = {
    "the sign of the exponent": {"z / 2": "-z / 2"},
    "overflows to nan for large z": {"(1 + torch.tanh(z / 2)) / 2": "torch.exp(z) / (1 + torch.exp(z))"},
    "drops axes of length 1": {"z / 2": "z.squeeze() / 2"},
    "leaves gradients switched off": {"return": "torch.set_grad_enabled(False)\n    return"},
}

edits["sigmoid", "sigmoid_slope"] = {
    "right values, but the slope is nan at -200": {"(1 + torch.tanh(z / 2)) / 2": "1 / (1 + torch.exp(-z))"},
    "computes both branches: the slope is nan": {
        "(1 + torch.tanh(z / 2)) / 2": "torch.where(z >= 0, 1 / (1 + torch.exp(-z)), torch.exp(z) / (1 + torch.exp(z)))"
    },
    "leaves PyTorch": {"torch.tanh(z / 2)": "torch.as_tensor(z.detach().numpy() / 2).tanh()"},
    "the slope is that of a straight line: cut off at both ends": {
        "(1 + torch.tanh(z / 2)) / 2": "torch.sigmoid(z).detach() + (z - z.detach()) / 4"
    },
    "in place: writes into what the slope needs": {
        "(1 + torch.tanh(z / 2)) / 2": "z.div_(2).tanh_().add_(1).div_(2)"
    },
}

edits["relu", "relu_values"] = {
    "the absolute value": {"z.clamp(min=0)": "z.abs()"},
    "drops axes of length 1": {"z.clamp": "z.squeeze().clamp"},
    "a step": {"z.clamp(min=0)": "(z > 0).float()"},
    "the largest of all numbers": {"z.clamp": "z.max().clamp"},
    "nothing before it can learn": {"z.clamp": "z.detach().clamp"},
    "also cuts off at 6": {"min=0": "min=0, max=6"},
}

edits["elu", "elu_values"] = {
    "forgets the -1": {"expm1": "exp"},
    "the masks multiply an infinity by zero": {", torch": ", 0) + (z <= 0) * torch", ".clamp(max=0))": ""},
    "right values, but autograd meets an infinity in the half that is not chosen": {".clamp(max=0)": ""},
    "the condition the other way round": {"z > 0": "z < 0", ".clamp(max=0)": ""},
    "nothing can learn below 0: that half is detached": {"expm1(z": "expm1(z.detach()"},
    "nothing can learn above 0": {"z > 0, z": "z > 0, z.data"},
}

edits["layer", "layer_values"] = {
    "takes columns of W for neurons": {"W.T": "W"},
    "multiplies from the left": {"x @ W.T": "W @ x"},
    "a bias for each example": {"+ b": "+ b[:, None]"},
    "forgets the bias": {" + b": ""},
    "elementwise product": {"x @ W.T": "(x * W).sum(1)"},
    "the biases cannot learn": {"+ b": "+ b.detach()"},
    "the weights cannot learn": {"W.T": "W.data.T"},
    "nothing is handed on to the layer before": {"x @": "x.detach() @"},
    "knows by the shapes which way W stands": {"W.T": "(W if x.shape[1] == W.shape[0] else W.T)"},
}

edits["mlp", "mlp_values"] = {
    "bends the output too": {"layer(x, *last)": "activation(layer(x, *last))"},
    "never bends": {"activation(layer(x, W, b))": "layer(x, W, b)"},
    "leaves out the last layer": {"layer(x, *last)": "x"},
    "always ReLU": {"activation(": "torch.relu("},
    "knows two layers only": {"*hidden, last = layers": "hidden, last = layers[:1], layers[1]"},
    "copies the weights into parameters of its own: nothing can be learned": {
        "= layers": "= [[torch.nn.Parameter(tensor.detach()) for tensor in pair] for pair in layers]"
    },
    "each layer sees the first inputs": {"x = act": "out = act", "x, *last": "out, *last"},
    "turns the caller's list round": {"= layers": "= layers\n    layers.reverse()"},
    "takes the last layer out of the caller's list": {
        "*hidden, last = layers": "hidden, last = layers, layers.pop()"
    },
    "the biases cannot learn": {"W, b))": "W, b.detach()))"},
    "the last layer cannot learn": {"layer(x, *last)": "layer(x, last[0].detach(), last[1].detach())"},
    "only the last layer can learn: the hidden numbers are detached": {"x, *last": "x.detach(), *last"},
    "only the last layer can learn: no_grad around those before": {"x = a": "with torch.no_grad(): x = a"},
    "knows the last layer by its width": {"= act": "= layer(x, W, b) if len(b) == len(last[1]) else act"},
    "takes a layer of one neuron for the last": {"= act": "= layer(x, W, b) if len(b) == 1 else act"},
}

edits["xor_layers", "xor_corners"] = {
    "one line: OR": {"torch.tensor([[1.0, -1.0], [-1.0, 1.0]])": "torch.eye(2)", "[-1.0])": "[-0.5])"},
    "equality instead of difference": {"[[1.0, 1.0]]": "[[-1.0, -1.0]]", "[-1.0])": "[1.0])"},
    "four hidden neurons": {
        "1.0]])  #": "1.0], [1.0, 1.0], [-1.0, -1.0]])  #",
        "zeros(2)": "zeros(4)",
        "[[1.0, 1.0]]": "[[1.0, 1.0, -1.0, -1.0]]",
    },
    "the output is 0, on no side, where the signs agree": {"torch.tensor([-1.0])": "torch.zeros(1)"},
}

edits["xor_layers", "xor_corners", "counts the ones, and takes both away twice; lists for pairs, float64"] = {
    "solves it for corners at 0 and 1": {"[2.0, 0.0]": "[0.0, -1.0]", "[-1.0]": "[-0.5]"},
}

edits["squared_error", "squared_error_values"] = {
    "sum for mean": {".mean()": ".sum()"},
    "divides by the rows only": {".mean()": ".sum() / len(prediction)"},
    "absolute differences": {"((prediction - target) ** 2)": "(prediction - target).abs()"},
    "half of it, as some books have it": {".mean()": ".mean() / 2"},
}

edits["squared_error", "squared_error_shapes"] = {
    "lets shapes be stretched": {"prediction.shape != target.shape": "False"},
    "compares numbers of dimensions only": {
        "prediction.shape != target.shape": "prediction.ndim != target.ndim"
    },
    "compares lengths only": {"prediction.shape != target.shape": "len(prediction) != len(target)"},
}

edits["cross_entropy", "cross_entropy_values"] = {
    "sum for mean": {".mean()": ".sum()"},
    "swaps the classes": {"- target": "- (1 - target)"},
    "ignores class 0": {"(torch.logaddexp": "(target * torch.logaddexp"},
    "a mean for each class, added": {
        "return": "loss =",
        ".mean()": "\n    return loss[target == 1].mean() + loss[target == 0].mean()",
    },
    "nothing can learn from class 0": {"addexp(logits": "addexp(logits.where(target == 1, logits.detach())"},
    "the slope leaves out half: one of the two logits is detached": {"* logits": "* logits.detach()"},
    "in place: writes into what the slope needs": {"target * logits": "logits.mul_(target)"},
}

edits["cross_entropy", "cross_entropy_values", "the library's"] = {
    "floats only: integer classes raise": {".to(logits.dtype)": ""},
}

edits["cross_entropy", "cross_entropy_far"] = {
    "log(1 + e^z) as it stands": {"logaddexp(logits, torch.zeros_like(logits))": "log(1 + logits.exp())"},
}

edits["cross_entropy", "cross_entropy_far", "log σ of both signs"] = {
    "in two steps: infinite for large logits": {
        "F.logsigmoid(logits)": "torch.log(torch.sigmoid(logits))",
        "F.logsigmoid(-logits)": "torch.log(1 - torch.sigmoid(logits))",
    },
    "caps the loss with an epsilon": {
        "F.logsigmoid(logits)": "torch.log(torch.sigmoid(logits) + 1e-12)",
        "F.logsigmoid(-logits)": "torch.log(1 - torch.sigmoid(logits) + 1e-12)",
    },
}

edits["accuracy", "accuracy_values"] = {
    "cuts logits at 0.5": {"> 0": "> 0.5"},
    "counts": {".float().mean().item()": ".sum()"},
    "the share of wrong answers": {"0) ==": "0) !="},
    "the share of class 1": {" == (target == 1)": ""},
    "rounds the logit": {"(logits > 0) == (target == 1)": "logits.round() == target"},
    "a logit of 0 counts as class 1": {"> 0": ">= 0"},
}

edits["split", "split_parts"] = {
    "no shuffling": {"randperm(len(x), generator=torch.Generator().manual_seed(seed))": "arange(len(x))"},
    "the parts the other way round": {"val, train =": "train, val ="},
    "validation examples stay in training": {"order[held_out:]": "order"},
    "ignores the seed": {", generator=torch.Generator().manual_seed(seed)": ""},
    "draws with repetition": {"randperm(len(x)": "randint(len(x), (len(x),)"},
    "turns the order round to a random place instead of shuffling it": {
        "val, train": "order = torch.arange(len(x)).roll(int(order[0]))\n    val, train"
    },
    "takes every so many, beginning at a random place": {
        "val, train": "order = order[((order - order[0]) % len(x) % (len(x) // held_out)).argsort()]\n    val, train"
    },
    "the last example never comes to validation": {
        "val, train": "order = order[(order == len(x) - 1).int().argsort(stable=True)]\n    val, train"
    },
    "a seed of its own": {"manual_seed(seed)": "manual_seed(0)"},
    "draws once and keeps that order": {"val, ": "order = vars(split).setdefault(len(x), order)\n    val, "},
    "the seed only decides whether to turn the order round": {"(seed))": "(0)).roll(7 * (seed % 2))"},
}

edits["split", "split_parts", "PyTorch's own seed"] = {
    "two orders, one for x and one for y": {"y[order]": "y[torch.randperm(len(y))]"},
}
