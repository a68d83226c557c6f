"""The commonest mistakes in the exercises of the lab `transfer`, each with the check that must catch it."""

edits["standardise", "standardise_values"] = {
    "the other examples by their own statistics": {
        "(other - mean) / deviation": "(other - other.mean(0)) / (other.std(0, correction=0) + 1e-6)"
    },
    "divides by N - 1": {"0, correction=0": "0"},
    "one mean and deviation for all": {"mean(0)": "mean()", "0, correction": "correction"},
    "divides by 0 where a feature never changes": {" + 1e-6": ""},
    "statistics of training and other examples together": {
        "train.mean(0), train.std": "torch.cat([train, other]).mean(0), torch.cat([train, other]).std"
    },
    "gives the training features alone": {", (other - mean) / deviation": ""},
}

edits["probe", "probe_values"] = {
    "adds the losses up": {" / len(x)": ""},
    "decays twice as fast: decay · W², not half of it": {"decay * W": "2 * decay * W"},
    "the biases decay too": {"error.sum(0)": "(error.sum(0) + decay * b)"},
    "softmax over examples instead of classes": {"dim=1": "dim=0"},
    "forgets to return b": {"return W, b": "return W"},
    "a step of W first, then one of b at the new W": {
        "W, b = W": "W = W",
        "W), b": "W)\n        error = (torch.softmax(x @ W.T + b, dim=1) - truth) / len(x)\n        b = b",
    },
}

edits["freeze", "freeze_parts"] = {
    "batch normalisation keeps counting": {"    net.body.eval()\n": ""},
    "evaluation mode alone: the weights still learn": {"    net.body.requires_grad_(False)\n": ""},
    "freezes the head too": {"True": "False"},
    "the head as it was": {"net.head.requires_grad_(True)": "pass"},
    "the body's flag alone: its parts stay in training": {"net.body.eval()": "net.body.training = False"},
    "knows the head by its width": {
        "net.head": "for p in net.parameters():\n        p",
        "True": "p.shape[0] == net.head.out_features",
    },
}

edits["parameter_groups", "groups_rates"] = {
    "the rates are swapped": {"body, body_rate": "body, head_rate", "head, head_rate": "head, body_rate"},
    "the head is in both groups": {"net.body": "net"},
    "takes frozen parameters too": {" if p.requires_grad": ""},
    "the optimiser's rate for the head": {'"lr": rate': '**({"lr": rate} if part is net.body else {})'},
    "names and parameters in pairs": {"parameters() if p.": "named_parameters() if p[1]."},
    "copies of the parameters": {"[p for p in part": "[nn.Parameter(p.detach().clone()) for p in part"},
}

edits["parameter_groups", "groups_rates", "by name"] = {
    "knows the head by its width": {
        'name.startswith("head.")': "parameter.shape[0] == net.head.out_features"
    },
}

edits["gram", "gram_values"] = {
    "a sum over places": {" / rows.shape[2]": ""},
    "a covariance": {"return": "rows = rows - rows.mean(2, keepdim=True)\n    return"},
    "also divides by the number of maps": {"rows.shape[2]": "rows[0].numel()"},
    "mixes maps and places up": {"maps.f": "maps.permute(0, 2, 3, 1).reshape(maps.shape).f"},
    "the maps are cut off": {"maps.f": "maps.detach().f"},
    "one side is cut off": {"rows @ rows.mT": "rows @ rows.detach().mT"},
}

edits["style_loss", "style_values"] = {
    "adds the layers up": {"torch.stack(each).mean()": "sum(each)"},
    "leaves PyTorch": {"mean() for": "mean().item() for", "stack": "tensor"},
    "all entries alike, so wide layers count for more": {"mean() for": "flatten() for", "stack": "cat"},
    "a new tensor that asks for gradients, but hangs on nothing": {
        "stack(each)": "tensor([loss.item() for loss in each], requires_grad=True)"
    },
    "the first layer alone is learned": {"(maps)": "(maps if maps is stages[0] else maps.detach())"},
}

edits["ascend", "ascend_step"] = {
    "does not roll back": {".roll(back, dims=(2, 3))": ""},
    "does not scale the gradient": {" / (gradient.abs().mean() + 1e-8)": ""},
    "does not cut to [0, 1]": {".clamp(0, 1)": ""},
    "gives an array of NumPy": {"clamp(0, 1)": "clamp(0, 1).numpy()"},
    "gradients stay switched off": {"    step = rate": "    torch.set_grad_enabled(False)\n    step = rate"},
}

edits["octaves", "octaves_sides"] = {
    "from the largest to the smallest": {"reversed(range(count))": "range(count)"},
    "cuts instead of rounding": {"round": "int"},
}

edits["dream", "dream_octaves"] = {
    "loses the detail of earlier octaves": {"(small + resized(detail, side)).clamp(0, 1)": "small"},
    "enlarges the small dream instead of the picture": {"detail = dreamt - small": "x = dreamt"},
    "rounds numbers: the largest shifts come half as often": {
        "torch.randint(-reach, reach + 1, (2,))": "((2 * torch.rand(2) - 1) * reach).round().int()"
    },
    "never moves up or left, nor by reach": {"-reach, reach + 1": "0, max(reach, 1)"},
    "a seed of its own": {"detail = torch": "torch.manual_seed(0)\n    detail = torch"},
}

edits["class_map", "class_map_values"] = {
    "a column instead of a row": {"weight[k]": "weight[:, k]"},
    "a mean over maps": {"weight[k])": "weight[k]) / maps.shape[1]"},
    "cuts off what speaks against the class": {"weight[k])": "weight[k]).relu()"},
}
