"""The mistakes that students make in `alignment`; read as text, never imported."""

edits["SharedTop", "shared_top_values"] = {
    "the top is missing": {"self.top(self.encoders[modality](x))": "self.encoders[modality](x)"},
    "features are scores": {
        "return self.top(self.encoders[modality](x))": "return self.classes(self.top(self.encoders[modality](x)))",
        "self.classes(self.features(name, x))": "self.features(name, x)",
    },
    "scores are features": {"self.classes(self.features(name, x))": "self.features(name, x)"},
    "all modalities, wanted or not": {
        "self.features(name, x)) for name, x in batch.items()": "self.features(name, batch[name])) "
        "for name in self.encoders"
    },
    "a list of scores": {
        "{name: self.classes(self.features(name, x))": "[self.classes(self.features(name, x))",
        "batch.items()}": "batch.items()]",
    },
    "features without a gradient": {
        "return self.top(self.encoders[modality](x))": "return self.top(self.encoders[modality](x)).detach()"
    },
}


edits["mean_average_precision", "map_values"] = {
    "the lowest score first": {"descending=True": "descending=False"},
    "the gallery as it lies": {"found[order]": "found.expand(scores.shape)"},
    "the mean over all ranks": {"(precision * right).sum(1) / count.clamp(min=1)": "precision.mean(1)"},
    "divided by the size of the gallery": {"/ count.clamp(min=1)": "/ right.shape[1]"},
    "without right answers counts as 0": {"average[count > 0].mean()": "average.mean()"},
    "0/0 for who has no right answers": {
        "count.clamp(min=1)": "count",
        "average[count > 0].mean()": "average.mean()",
    },
    "precision of all answers": {"(precision * right).sum(1) / count.clamp(min=1)": "precision[:, -1]"},
    "ranks begin at 0": {
        "torch.arange(1, right.shape[1] + 1, device": "torch.arange(0, right.shape[1], device"
    },
}


edits["coral", "coral_values"] = {
    "divided by N": {"(len(x) - 1)": "len(x)"},
    "not centred": {"away = x - x.mean(0)": "away = x"},
    "one mean for all features": {"x.mean(0)": "x.mean()"},
    "D instead of D squared": {"a.shape[1] ** 2": "a.shape[1]"},
    "no quarter": {"(4 * a.shape[1] ** 2)": "a.shape[1] ** 2"},
    "variances only": {
        "((covariances[0] - covariances[1]) ** 2).sum()": "((covariances[0] - covariances[1]).diagonal() ** 2).sum()"
    },
    "cuts the graph": {"away = x - x.mean(0)": "away = x.detach() - x.detach().mean(0)"},
}


edits["domain_loss", "domain_loss_values"] = {
    "the domains exchanged": {
        "F.softplus(source)": "F.softplus(-source)",
        "F.softplus(-target)": "F.softplus(target)",
    },
    "a sum of the two": {") / 2": ")"},
    "all examples alike": {
        "(F.softplus(source).mean() + ": "torch.cat([F.softplus(source), ",
        "F.softplus(-target).mean()) / 2": "F.softplus(-target)]).mean()",
    },
    "only the target pays": {
        "(F.softplus(source).mean() + F.softplus(-target).mean()) / 2": "F.softplus(-target).mean()"
    },
    "overflows": {"F.softplus(source)": "(1 + source.exp()).log()"},
    "cuts the graph": {"F.softplus(source)": "F.softplus(source.detach())"},
}


edits["proxy_distance", "proxy_distance_values"] = {
    "measured on what was learned": {
        "(x[: len(x) // 2], x[len(x) // 2 :])": "(x[: len(x) // 2], x[: len(x) // 2])"
    },
    "learned from the second half": {
        "(x[: len(x) // 2], x[len(x) // 2 :])": "(x[len(x) // 2 :], x[: len(x) // 2])"
    },
    "learned and measured on all": {"(x[: len(x) // 2], x[len(x) // 2 :])": "(x, x)"},
    "the error itself": {"2 * (1 - 2 * error.item())": "error.item()"},
    "the share of right answers": {"2 * (1 - 2 * error.item())": "1 - error.item()"},
    "the sides exchanged": {
        "(a_test @ w + c > 0)": "(a_test @ w + c <= 0)",
        "(b_test @ w + c <= 0)": "(b_test @ w + c > 0)",
    },
    "all held-out examples alike": {
        "((a_test @ w + c > 0).float().mean() + (b_test": "torch.cat([a_test @ w + c > 0, b_test",
        "c <= 0).float().mean()) / 2": "c <= 0]).float().mean()",
    },
    "uphill": {"w = w - rate": "w = w + rate"},
    "always the same rate": {"w = w - rate": "w = w - 0.5", "c = c - rate": "c = c - 0.5"},
    "no bias": {"c = c - rate * (toward_a.sum() + toward_b.sum())": "c = c"},
    "downhill on the sum of the two means, twice as fast": {
        "/ (2 * len(a_train))  # slopes of the loss in each logit": "/ len(a_train)",
        "/ (2 * len(b_train))": "/ len(b_train)",
    },
    "halves are rounded up": {"(x[: len(x) // 2], x[len(x) // 2 :])": "x.tensor_split(2)"},
    "the first of those held out is learned from, too": {"(x[: len(x) // 2], x": "(x[: len(x) // 2 + 1], x"},
    "a step too many": {"range(steps)": "range(steps + 1)"},
    "always 200 steps": {"range(steps)": "range(200)"},
    "the examples weigh alike while it learns": {
        "/ (2 * len(a_train))": "/ (len(a_train) + len(b_train))",
        "/ (2 * len(b_train))": "/ (len(a_train) + len(b_train))",
    },
}


edits["Reversal in reverse", "reverse_values"] = {
    "not turned round": {"return -ctx.strength": "return ctx.strength"},
    "the strength is forgotten": {"-ctx.strength * slopes[0]": "-slopes[0]"},
    "x is turned round on the way there": {"x.view_as(x)": "-strength * x"},
    "what comes from above is forgotten": {
        "-ctx.strength * slopes[0]": "-ctx.strength * torch.ones_like(slopes[0])"
    },
}


edits["reverse", "reverse_values"] = {
    "x as it is": {"Reversal.apply(x, strength)": "x"},
    "cut off": {"Reversal.apply(x, strength)": "x.detach()"},
    "minus the strength, both ways": {"Reversal.apply(x, strength)": "-strength * x"},
}


edits["strength", "schedule_values"] = {
    "begins at a half": {"2 / (1 + math.exp(-10 * progress)) - 1": "1 / (1 + math.exp(-10 * progress))"},
    "falls": {"-10 * progress": "10 * progress"},
    "no 10": {"math.exp(-10 * progress)": "math.exp(-progress)"},
}


edits["slowed in strength", "schedule_values"] = {
    "grows": {"rate / (1": "rate * (1"},
    "no power": {" ** 0.75": ""},
    "no 10": {"10 * progress": "progress"},
}


edits["DANN", "dann_values"] = {
    "nothing turned round": {"reverse(features, strength)": "features"},
    "classes turned round as well": {"self.classes(features)": "self.classes(reverse(features, strength))"},
    "reversal below the body, which learns straight on": {
        "reverse(features, strength)": "self.body(reverse(x, strength))"
    },
    "reversal above the head": {
        "self.domains(reverse(features, strength))[:, 0]": "reverse(self.domains(features)[:, 0], strength)"
    },
    "always at full strength": {"reverse(features, strength)": "reverse(features, 1.0)"},
    "a second axis": {"[:, 0]": ""},
    "no axis left of a single example": {"[:, 0]": ".squeeze()"},
    "probabilities": {"strength))[:, 0]": "strength))[:, 0].sigmoid()"},
    "domains first": {
        "return self.classes(features), ": "return ",
        "strength))[:, 0]": "strength))[:, 0], self.classes(features)",
    },
}


edits["dann_loss", "dann_loss_values"] = {
    "no domain loss": {" + domain_loss(of_source, of_target)": ""},
    "subtracted": {" + domain_loss": " - domain_loss"},
    "weighted once more": {" + domain_loss": " + strength * domain_loss"},
    "the domains exchanged": {"domain_loss(of_source, of_target)": "domain_loss(of_target, of_source)"},
    "the source at full strength": {"net(source, strength)": "net(source, 1.0)"},
    "the target without reversal": {"net(target, strength)": "net(target, 0.0)"},
    "the classes are forgotten": {"F.cross_entropy(scores, labels) + ": ""},
}


edits["least_errors", "least_errors_values"] = {
    "no half": {" / 2": ""},
    "differences cancel": {".abs()": ""},
    "the mean": {".sum() / 2": ".mean() / 2"},
    "squared": {"(p - q).abs().sum()": "((p - q) ** 2).sum()"},
}
