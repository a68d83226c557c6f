"""The mistakes that students make in `waveforms`; read as text, never imported."""

edits["compand", "compand_values"] = {
    "forgets to scale to [-1, 1]": {" / math.log1p(mu)": ""},
    "loses the sign": {"x.sign() * ": ""},
    "the logarithm of a negative number": {"x.sign() * ": "", "x.abs()": "x"},
    "µ is always 255": {"mu *": "255 *", "log1p(mu)": "log1p(255)"},
}

edits["expand", "expand_values"] = {
    "e instead of 1 + µ as the base": {" * math.log1p(mu)": ""},
    "forgets to divide by µ": {" / mu": ""},
    "loses the sign": {"y.sign() * ": ""},
}

edits["encode", "encode_values"] = {
    "rounds down": {" + 0.5": ""},
    "µ is the number of levels, and one level too many": {
        ", levels - 1)": ", levels)",
        "(levels - 1)": "levels",
    },
    "bends with µ = levels": {", levels - 1)": ", levels)"},
    "does not bend": {"compand(x.clamp(-1, 1), levels - 1)": "x.clamp(-1, 1)"},
    "codes beyond the ends": {"x.clamp(-1, 1)": "x"},
    "floats": {" + 0.5).floor().long()": ").round()"},
    "codes of eight bits": {".long()": ".to(torch.uint8).long()"},
}

edits["decode", "decode_values"] = {
    "stays bent": {"expand(2 * codes / (levels - 1) - 1, levels - 1)": "2 * codes / (levels - 1) - 1"},
    "µ is the number of levels": {", levels - 1": ", levels"},
    "divides by the number of levels": {"(levels - 1)": "levels"},
    "float64, which no net takes": {"2 * codes": "2 * codes.double()"},
}

edits["causal_conv", "causal_conv_values"] = {
    "zeros on both sides: looks into the future": {"(past, 0)": "(past // 2, past - past // 2)"},
    "zeros on the right": {"(past, 0)": "(0, past)"},
    "k · d zeros": {"(weight.shape[2] - 1)": "weight.shape[2]"},
    "d zeros whatever the kernel": {"(past, 0)": "(dilation, 0)"},
    "flips the kernel": {"weight, bias": "weight.flip(2), bias"},
    "no dilation": {" * dilation": "", ", dilation=dilation": ""},
    "no bias": {" bias,": ""},
    "the weights do not learn": {"weight, bias": "weight.detach(), bias"},
    "the bias does not learn": {"weight, bias": "weight, bias.detach()"},
    "the sound is cut off": {"F.pad(x": "F.pad(x.detach()"},
}

edits["causal_conv", "field_proved"] = {
    "zeros on the right": {"(past, 0)": "(0, past)"},
}

edits["receptive_field", "receptive_field_values"] = {
    "without the present sample": {"1 + ": ""},
    "two to the number of layers": {"1 + (k - 1) * sum(dilations)": "k ** len(dilations)"},
    "the last layer only": {"1 + (k - 1) * sum(dilations)": "(k - 1) * dilations[-1]"},
    "k · d a layer": {"(k - 1)": "k"},
    "two weights always": {"(k - 1) * ": ""},
}

edits["heard", "heard_values"] = {
    "all times at once": {"net(x)[0, :, t]": "net(x)"},
    "positive gradients only": {"!= 0": "> 0"},
    "the first input channel only": {"(gradient[0] != 0).any(0)": "gradient[0, 0] != 0"},
    "channels that cancel": {"(gradient[0] != 0).any(0)": "gradient[0].sum(0).abs() > 1e-6"},
    "the first output channel only": {"[0, :, t].sum()": "[0, 0, t]"},
    "feeds silence: at 0 some gradients are 0": {"torch.randn": "torch.zeros"},
    "a seed of its own": {"x = torch.randn": "torch.manual_seed(0)\n    x = torch.randn"},
}

edits["conditioned", "conditioned_values"] = {
    "repeats the whole curve": {"repeat_interleave(": "repeat(1, 1, ", ", dim=2": ""},
    "for whole sounds only": {"if h.ndim == 2:\n        ": ""},
    "forgets z": {"z + ": ""},
    "multiplies": {"z +": "z *"},
    "the features are cut off": {"return z +": "return z.detach() +"},
    "the projection does not learn": {"(V @ h)": "(V.detach() @ h)"},
    "what h is made from does not learn": {"(V @ h)": "(V @ h.detach())"},
    "the first sound tells all what to be": {"(V @ h)": "(V @ h[:1])"},
    "tells a curve by its width": {"h.ndim == 2": "h.shape[-1] == V.shape[1]"},
}

edits["Block", "block_values"] = {
    "filter and gate changed over": {"torch.tanh(a) * torch.sigmoid(b)": "torch.sigmoid(a) * torch.tanh(b)"},
    "no residual": {"return x + self": "return self"},
    "the skip takes the new features": {
        "return x": "x = x",
        ", self.skip(y)": "\n        return x, self.skip(x)",
    },
    "does not listen to h": {"if h is not None": "if False"},
    "forgets the dilation": {"self.conv.bias, self.dilation": "self.conv.bias, 1"},
    "one tensor instead of two: nothing goes to the output": {", self.skip(y)": ""},
    "the two results exchanged": {"x + self.residual(y), self.skip(y)": "self.skip(y), x + self.residual(y)"},
    "cannot take a curve": {"conditioned(z, h, self.condition.weight)": "z + self.condition(h)[:, :, None]"},
    "the residual does not reach the weights before it": {"self.residual(y)": "self.residual(y.detach())"},
    "the features that come in are cut off": {"return x +": "return x.detach() +"},
    "the convolution's bias does not learn": {"self.conv.bias,": "self.conv.bias.detach(),"},
    "the condition's weights do not learn": {"self.condition.weight": "self.condition.weight.detach()"},
}

edits["WaveNet", "wavenet_values"] = {
    "hears the sample that it is to predict": {"F.pad(x, (1, -1))": "x"},
    "shifts to the left": {"(1, -1)": "(-1, 1)"},
    "the last block's skip only": {"total = total + skip": "total = skip"},
    "every block begins from the wave: in parallel, not in a row": {"x, skip =": "_, skip ="},
    "blocks do not get h": {"block(x, h)": "block(x)"},
    "blocks do not learn from those after them": {"block(x, h)": "block(x.detach(), h)"},
    "the skips do not learn": {"total + skip": "total + skip.detach()"},
    "the sum of the skips stays in the net from call to call": {
        "total = 0": "total = getattr(self, 'total', 0)",
        "return": "self.total = total\n        return",
    },
}

edits["bits", "bits_values"] = {
    "nats": {" / math.log(2)": ""},
    "counts the filling": {"torch.where(counted, surprise, 0.0).sum() / counted.sum()": "surprise.mean()"},
    "divides by the filling too": {"counted.sum()": "counted.numel()"},
    "a mean of means": {
        "return torch": "return (torch",
        ".sum() / counted.sum()": ".sum(1) / length).mean()",
    },
    "one sample too many": {"< length": "<= length"},
    "a sum": {" / counted.sum()": ""},
    "autograd cannot follow": {"(logits, codes": "(logits.detach(), codes"},
    "the first sound ends for all": {"length[:, None]": "length[:1, None].expand(len(codes), 1)"},
    "codes of eight bits": {"logits, codes, red": "logits, codes.to(torch.uint8).long(), red"},
}

edits["draw", "draw_values"] = {
    "floats for classes": {".sum(1)": ".float().sum(1)"},
    "the most probable code": {
        "(reached <= u[:, None]).sum(1).clamp(max=logits.shape[1] - 1)": "logits.argmax(1)"
    },
    "one code too high": {".clamp(max=logits.shape[1] - 1)": " + 1"},
    "codes that do not exist": {".clamp(max=logits.shape[1] - 1)": ""},
    "counts the pieces above u": {"<=": ">"},
    "its own random numbers": {"u[:, None]": "torch.rand_like(u)[:, None]"},
    "the softmax overflows": {"torch.softmax(logits, dim=1)": "(logits.exp() / logits.exp().sum(1, True))"},
    "a code of probability 0 at the end of the one before": {"reached <= u": "reached < u"},
    "the first number decides for all": {"u[:, None]": "u[0]"},
    "codes of eight bits": {".sum(1)": ".sum(1, dtype=torch.uint8).long()"},
}

edits["generate", "generate_values"] = {
    "the logits of the sample before": {": t + 1])[:, :, t]": ": max(t, 1)])[:, :, -1]"},
    "the net gets no sample at first, and one too few after": {": t + 1])[:, :, t]": ":t])[:, :, -1]"},
    "feeds codes": {"decode(draw(logits, u[:, t]), levels)": "draw(logits, u[:, t]).float()"},
    "all at once": {"for t": "said = net(x[:, None])\n    for t", "net(x[:, None, : t + 1])": "said"},
    "one random number for all samples": {"u[:, t]": "u[:, 0]"},
    "asks twice a sample": {"logits =": "net(x[:, None])\n        logits ="},
    "gradients stay switched off": {"@torch.no_grad()": "", "x =": "torch.set_grad_enabled(False)\n    x ="},
    "a seed and numbers of its own": {"x =": "torch.manual_seed(0)\n    u = torch.rand_like(u)\n    x ="},
}

edits["conv_step", "conv_step_values"] = {
    "the newest of the queue": {"::dilation": "-weight.shape[2] :"},
    "the queue is not moved on": {"window[:, :, 1:]": "queue"},
    "the queue grows": {"::dilation": "(1 - weight.shape[2]) * dilation - 1 :: dilation", "[:, :, 1:]": ""},
    "the queue backwards": {"[queue": "[queue.flip(2)", "1:]": "1:].flip(2)"},
    "no bias": {" + bias": ""},
    "two weights only": {"::dilation": "[0, -1]", "weight)": "weight[:, :, [0, -1]])"},
    "the output alone": {"y, window[:, :, 1:]": "y"},
    "keeps the queue in the function: two sounds get mixed up": {
        "window =": "kept = getattr(conv_step, 'kept', queue)\n    window =",
        "[queue": "[kept if kept.shape == queue.shape and queue.any() else queue",
        "return": "conv_step.kept = window[:, :, 1:]\n    return",
    },
}

edits["generate_fast", "generate_fast_values"] = {
    "always the first queues": {"logits, queues =": "logits, _ ="},
    "always silence in": {"step(x": "step(torch.zeros_like(x)"},
    "codes in": {"decode(": "(", "), levels)": ").float())", "append(x)": "append(decode(x, levels))"},
    "one step too many": {"for t": "logits, queues = step(x, queues)\n    for t"},
    "gradients stay switched off": {
        "@torch.no_grad()": "",
        "x, dr": "torch.set_grad_enabled(False)\n    x, dr",
    },
}

edits["logistic_log_density", "density_values"] = {
    "forgets the scale": {" - log_scale": ""},
    "plus the log scale": {"- log_scale": "+ log_scale"},
    "overflows far out": {"F.logsigmoid(v) + F.logsigmoid(-v)": "(v.sigmoid() * (-v).sigmoid()).log()"},
    "the distribution function": {" + F.logsigmoid(-v)": ""},
    "takes the log scale for the scale": {"v =": "log_scale = log_scale.abs().log()\n    v ="},
    "the log scale does not learn from the bell": {"-log_scale)": "-log_scale.detach())"},
    "the log scale does not learn from its own term": {"- log_scale": "- log_scale.detach()"},
    "the mean does not learn": {"x - mean": "x - mean.detach()"},
}

edits["flow", "flow_values"] = {
    "every net hears z": {"net(x)": "net(z)"},
    "every flow begins again": {"x * torch": "z * torch"},
    "the last flow's log scale": {"total + log_scale": "log_scale"},
    "adds before it scales": {"x * torch.exp(log_scale) + mean": "(x + mean) * torch.exp(log_scale)"},
    "multiplies by the log scale": {"torch.exp(log_scale)": "log_scale"},
    "changes mean and log scale over": {"mean, log_scale =": "log_scale, mean ="},
    "multiplies the log scales": {"zeros_like": "ones_like", "total + log_scale": "total * log_scale"},
    "one call for each sample": {"net(x)": "torch.stack([net(x)[:, :, t] for t in range(z.shape[2])], 2)"},
    "the log scale first": {"return x, total": "return total, x"},
    "the log scale of the whole is cut off": {"total + log_scale": "total + log_scale.detach()"},
    "the scales are cut off": {"torch.exp(log_scale)": "torch.exp(log_scale.detach())"},
}

edits["distillation_loss", "distillation_values"] = {
    "forgets the 2": {" + 2": ""},
    "forgets the entropy": {" - (log_scale + 2)": ""},
    "punishes variety": {"- (log_scale + 2)": "+ log_scale + 2"},
    "runs from the teacher": {"-teacher": "teacher"},
    "a sum": {".mean()": ".sum()"},
    "the teacher hears the noise": {"teacher(x)": "teacher(z)"},
    "cuts the gradient through the teacher": {"teacher(x)": "teacher(x.detach())"},
    "a plain number: nothing to learn from": {".mean()": ".mean().item()"},
    "variety is not learned": {"(log_scale + 2)": "(log_scale.detach() + 2)"},
}
