"""The commonest mistakes in the exercises of the lab `training`, each with the check that must catch it."""

edits["softmax", "softmax_values"] = {
    "as the formula stands: overflows": {" - z.amax(dim=1, keepdim=True)": ""},
    "takes off the largest of all rows: small rows become 0/0": {"z.amax(dim=1, keepdim=True)": "z.max()"},
    "the wrong axis": {"amax(dim=1": "amax(dim=0", "sum(dim=1": "sum(dim=0"},
    "no keepdim": {"e.sum(dim=1, keepdim=True)": "e.sum(dim=1)"},
    "takes the largest score of the first row off all rows": {"z.amax": "z[:1].amax"},
}


edits["cross_entropy", "cross_entropy_values"] = {
    "in two steps: infinite for large logits": {
        "z.logsumexp(dim=1) - z": "-softmax(z)",
        "[:, 0]": "[:, 0].log()",
    },
    "caps the loss with an epsilon": {
        "z.logsumexp(dim=1) - z": "-softmax(z)",
        "[:, 0]": "[:, 0].add(1e-9).log()",
    },
    "sum for mean": {"mean()": "sum()"},
    "a column for each example": {"z.gather(1, y[:, None])[:, 0]": "z[:, y]"},
    "softmax twice: probabilities where logits are due": {"return": "z = softmax(z)\n    return"},
    "a tensor that asks for gradients, but hangs on nothing": {"mean()": "mean().detach().requires_grad_()"},
    "nothing is learned about the true class: its logit is detached": {"z.gather": "z.detach().gather"},
    "nothing is learned about the others: their sum is detached": {"z.log": "z.detach().log"},
    "the class of the first example stands for all": {"y[:, None]": "y[:1].expand(len(y))[:, None]"},
    "leaves out class 0, as if it were padding": {".mean()": "[y > 0].mean()"},
    "leaves gradients switched off": {"return": "torch.set_grad_enabled(False)\n    return"},
    "answers in half precision": {"mean()": "mean().half()"},
}


edits["cross_entropy_gradient", "cross_entropy_slopes"] = {
    "forgets that the loss is a mean": {" / len(y)": ""},
    "the sign": {"return p": "return -p"},
    "takes 1 from the column of every class of y": {"torch.arange(len(y)), y]": ":, y]"},
    "divides by all numbers": {"p / len(y)": "p / p.numel()"},
    "the class of the first example stands for all": {"y]": "y[0]]"},
    "takes 1 off in every row of the class": {"torch.arange(len(y)), y]": ":, y.unique()]"},
}


edits["multiply", "multiply_slopes"] = {
    "slopes exchanged": {"(b.data, a.data)": "(a.data, b.data)"},
    "copied from add": {"(b.data, a.data)": "(1.0, 1.0)"},
    "hands over Values where numbers are due": {"(b.data, a.data)": "(b, a)"},
    "forgets the parents": {", parents=(a, b), slopes=(b.data, a.data)": ""},
    "numbers for parents": {"(a, b)": "(a.data, b.data)"},
    "the slopes are those of the absolute values": {"(b.data, a.data)": "(abs(b.data), abs(a.data))"},
}


edits["power", "power_slopes"] = {
    "forgets the factor k": {"k * a": "a"},
    "keeps the exponent": {" ** (k - 1)": "**k"},
    "squares only": {"k * a.data ** (k - 1)": "2 * a.data"},
    "a number for its parent": {"(a,)": "(a.data,)"},
    "the exponent becomes a parent": {"(a,)": "(a, as_value(k))"},
}


edits["tanh", "tanh_slopes"] = {
    "1 - a² for 1 - tanh² a": {"t * t": "a.data**2"},
    "the sigmoid's slope": {"1 - t * t": "t * (1 - t)"},
    "1 / cosh without its square": {"1 - t * t": "1 / math.cosh(a.data)"},
    "a number for its parent": {"(a,)": "(a.data,)"},
}


edits["topological", "topological_order"] = {
    "the result first": {"seen.add(value)": "order.append(value)", "order.append(value)": "seen.add(value)"},
    "remembers nothing: values come twice": {"value not in seen": "True"},
    "gives the value that the walk ends at": {"return order": "return order[-1]"},
    "tells values apart by their numbers": {"value not": "value.data not", "add(value)": "add(value.data)"},
    "walks every way, and drops what comes twice at the end: the ways are exponentially many": {
        "value not in seen": "True",
        "order.append(value)": "value in order or order.append(value)",
    },
    "looks only at the first parent": {"value.parents": "value.parents[:1]"},
    "keeps what it has seen from call to call": {"set()": "topological.__dict__.setdefault('seen', set())"},
}


edits["topological", "topological_order", "counts uses, and takes the unused from the top"] = {
    "layer by layer from the result, then turned round: a parent may come too late": {
        "stack.pop()": "stack.pop(0)",
        "order[::-1]": "values[::-1]",
    },
}


edits["backward", "backward_values"] = {
    "replaces where it should add": {"+=": "="},
    "keeps what an earlier call left": {"value.grad = 0.0": "pass"},
    "walks forward": {"reversed(order)": "order"},
    "recursion without an order: a shared value hands down too early": {
        "for value in reversed(order):": "def walk(value):",
        "slope * value.grad": "slope * value.grad\n            walk(parent)\n\n    walk(result)",
    },
    "forgets to multiply by the value's own grad": {" * value.grad": ""},
    "sets only the result's grad to 0": {"for value in order:\n        value": "result"},
    "leaves the grad of inputs from an earlier call": {"= 0.0": "= 0.0 if value.parents else value.grad"},
    "changes the slopes in the graph: a second call multiplies twice": {
        "* value.grad": "* value.grad\n        value.slopes = [slope * value.grad for slope in value.slopes]"
    },
    "begins with the result's number for its slope": {"= 1.0": "= result.data"},
}


edits["momentum_step", "momentum_steps"] = {
    "moves by the old velocity": {"v = beta": "old, v = v, beta", "lr * v": "lr * old"},
    "averages the gradient in": {"+ g": "+ (1 - beta) * g"},
    "climbs": {"theta - lr": "theta + lr"},
    "plain descent": {"lr * v": "lr * g"},
    "v before θ": {"theta - lr * v, v": "v, theta - lr * v"},
    "remembers the velocity itself instead of taking the one handed in": {
        "beta * v": "momentum_step.__dict__[theta.shape] = beta * momentum_step.__dict__.get(theta.shape, v)"
    },
    "looks ahead, as Nesterov did": {"lr * v": "lr * (g + beta * v)"},
}


edits["rmsprop_step", "rmsprop_steps"] = {
    "no root": {"s.sqrt()": "s"},
    "epsilon under the root": {"(s.sqrt() + eps)": "(s + eps).sqrt()"},
    "AdaGrad": {"alpha * s + (1 - alpha) * g**2": "s + g**2"},
    "alpha the other way round": {"alpha * s + (1 - alpha)": "(1 - alpha) * s + alpha"},
    "remembers the mean square itself": {
        "alpha * s": "rmsprop_step.__dict__[theta.shape] = alpha * rmsprop_step.__dict__.get(theta.shape, s)"
    },
    "one mean square for all parameters": {"g**2": "(g**2).mean()"},
}


edits["adam_step", "adam_steps"] = {
    "no correction": {"m_hat / (s_hat": "m / (s"},
    "keeps the corrected means": {"m, s": "m_hat, s_hat"},
    "corrects every step as if it were the first": {"[0] ** t": "[0]", "[1] ** t": "[1]"},
    "squares without the root": {"s_hat.sqrt()": "s_hat"},
    "counts the steps itself": {
        "m_hat,": "seen = adam_step.__dict__\n    t = seen[theta.shape] = seen.get(theta.shape, t - 1) + 1\n    m_hat,"
    },
    "remembers the means itself": {
        "betas[0] * m": "adam_step.__dict__[theta.shape] = betas[0] * adam_step.__dict__.get(theta.shape, m)"
    },
    "one mean square for all parameters": {"g**2": "(g**2).mean()"},
    "the betas exchanged": {"m = betas": "betas = betas[::-1]\n    m = betas"},
}


edits["signal", "signal_sizes"] = {
    "each layer sees the first inputs": {"x = (x @ W.T)": "y = (x @ W.T[: x.shape[1]])", "x.pow": "y.pow"},
    "forgets the ReLU": {".clamp(min=0)": ""},
    "the standard deviation": {"x.pow(2).mean().sqrt()": "x.std()"},
    "only the last layer's": {"return sizes": "return sizes[-1]"},
    "the mean of each example's size": {".mean().sqrt()": ".mean(dim=1).sqrt().mean()"},
}


edits["he_weights", "he_weights_keep"] = {
    "forgets the ReLU's half": {"2 / d": "1 / d"},
    "a variance for a standard deviation": {"math.sqrt": ""},
    "counts neurons": {"2 / d": "2 / m"},
    "begins at the seed each time": {"=generator": "=generator.manual_seed(generator.initial_seed())"},
    "ignores the generator": {", generator=generator": ""},
    "equal inputs: one draw for a row": {"m, d": "m, 1", " * math": ".expand(m, d) * math"},
    "equal neurons: one draw for a column": {"m, d": "1, d", " * math": ".expand(m, d) * math"},
    "a seed of its own": {"=generator": "=torch.Generator().manual_seed(0)"},
    "positive weights only": {" * math": ".abs() * math"},
}


edits["batch_norm", "batch_norm_values"] = {
    "squares over B - 1": {"centred.pow(2).mean(dim=0)": "x.var(dim=0)"},
    "over features: layer normalisation": {
        "x.mean(dim=0)": "x.mean(1, True)",
        "2).mean(dim=0)": "2).mean(1, True)",
    },
    "divides by the variance": {".sqrt()": ""},
    "right values, but statistics without history": {
        "x.mean": "x.data.mean",
        "centred.pow": "centred.data.pow",
    },
    "right values without any history": {"return": "with torch.no_grad():\n        return"},
    "writes into what the gradient needs": {
        "x - x.mean(dim=0)": "x.sub_(x.mean(dim=0))",
        "centred / (": "centred.div_((",
        "sqrt()": "sqrt())",
    },
    "γ and β cannot learn": {"gamma *": "gamma.data *", "+ beta": "+ beta.data"},
    "the mean is taken for a constant": {"x.mean(dim=0)": "x.mean(dim=0).detach()"},
    "the statistics of the first call serve for all": {
        "x.mean(dim=0)": "batch_norm.__dict__.setdefault(x.shape, x.mean(dim=0).detach())"
    },
}


edits["batch_norm_backward", "batch_norm_gradients"] = {
    "statistics taken for constants": {"(g - direct - x_hat * shared)": "g"},
    "forgets the way through the variance": {" - x_hat * shared": ""},
    "means for sums in gamma and beta": {"x_hat).sum": "x_hat).mean", "g.sum": "g.mean"},
    "forgets gamma": {"gamma / std": "1 / std"},
    "beta before gamma": {"(g * x_hat).sum(dim=0), g.sum(dim=0)": "g.sum(dim=0), (g * x_hat).sum(dim=0)"},
    "squares over B - 1": {"correction=0": "correction=1"},
}


edits["BatchNorm", "batch_norm_phases"] = {
    "the batch's own statistics in evaluation, too": {"not self.training": "False"},
    "momentum the other way round": {
        "mean(dim=0), ": "mean(dim=0), 1 - ",
        "var(dim=0), ": "var(dim=0), 1 - ",
    },
    "the biased variance for the running one": {"x.var(dim=0)": "x.var(dim=0, correction=0)"},
    "evaluation moves the running statistics": {
        "return self": "y = self",
        "x.var(dim=0)": "x.var(dim=0) if len(x) > 1 else self.running_var",
        "return batch": "return y if not self.training else batch",
    },
    "γ and β cannot learn": {"x, self.gamma, self.beta": "x, self.gamma.data, self.beta.data"},
    "γ and β cannot learn in evaluation": {"gamma * x": "gamma.data * x", "self.beta\n": "self.beta.data\n"},
    "γ and β are left out in evaluation mode": {"self.gamma * x_hat + self.beta": "x_hat"},
    "the running statistics drag the history of all batches behind them": {"with torch.no_grad()": "if True"},
    "a mean of all batches instead of a running one": {
        "with torch": "self.count = getattr(self, 'count', 0) + 1\n        with torch",
        "x.mean(dim=0), self.momentum": "x.mean(dim=0), 1 / self.count",
    },
    "leaves gradients switched off": {"with torch": "torch.set_grad_enabled(False)\n        with torch"},
    "in place: writes into its input": {
        "batch_norm(x": "x.copy_(batch_norm(x",
        "beta, self.eps)": "beta, self.eps))",
    },
}


edits["batch_norm", "batch_norm_phases"] = {
    "takes the mean off what was handed in: BatchNorm changes its input": {"= x - x": "= x\n    x -= x"},
}
