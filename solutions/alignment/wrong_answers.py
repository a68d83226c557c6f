"""The mistakes that students make in `alignment`; read as text, never imported."""

edit(
    "SharedTop",
    check="shared_top_values",
    why="the top is missing",
    change={"self.top(self.encoders[modality](x))": "self.encoders[modality](x)"},
)

edit(
    "SharedTop",
    check="shared_top_values",
    why="features are scores",
    change={
        "return self.top(self.encoders[modality](x))": "return self.classes(self.top(self.encoders[modality](x)))",
        "self.classes(self.features(name, x))": "self.features(name, x)",
    },
)

edit(
    "SharedTop",
    check="shared_top_values",
    why="scores are features",
    change={"self.classes(self.features(name, x))": "self.features(name, x)"},
)

edit(
    "SharedTop",
    check="shared_top_values",
    why="all modalities, wanted or not",
    change={
        "self.features(name, x)) for name, x in batch.items()": "self.features(name, batch[name])) "
        "for name in self.encoders"
    },
)

edit(
    "SharedTop",
    check="shared_top_values",
    why="a list of scores",
    change={
        "{name: self.classes(self.features(name, x))": "[self.classes(self.features(name, x))",
        "batch.items()}": "batch.items()]",
    },
)

edit(
    "SharedTop",
    check="shared_top_values",
    why="features without a gradient",
    change={
        "return self.top(self.encoders[modality](x))": "return self.top(self.encoders[modality](x)).detach()"
    },
)

edit(
    "mean_average_precision",
    check="map_values",
    why="the lowest score first",
    change={"descending=True": "descending=False"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="the gallery as it lies",
    change={"found[order]": "found.expand(scores.shape)"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="the mean over all ranks",
    change={"(precision * right).sum(1) / count.clamp(min=1)": "precision.mean(1)"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="divided by the size of the gallery",
    change={"/ count.clamp(min=1)": "/ right.shape[1]"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="without right answers counts as 0",
    change={"average[count > 0].mean()": "average.mean()"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="0/0 for who has no right answers",
    change={"count.clamp(min=1)": "count", "average[count > 0].mean()": "average.mean()"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="precision of all answers",
    change={"(precision * right).sum(1) / count.clamp(min=1)": "precision[:, -1]"},
)

edit(
    "mean_average_precision",
    check="map_values",
    why="ranks begin at 0",
    change={"torch.arange(1, right.shape[1] + 1, device": "torch.arange(0, right.shape[1], device"},
)

edit(
    "coral",
    check="coral_values",
    why="divided by N",
    change={"(len(x) - 1)": "len(x)"},
)

edit(
    "coral",
    check="coral_values",
    why="not centred",
    change={"away = x - x.mean(0)": "away = x"},
)

edit(
    "coral",
    check="coral_values",
    why="one mean for all features",
    change={"x.mean(0)": "x.mean()"},
)

edit(
    "coral",
    check="coral_values",
    why="D instead of D squared",
    change={"a.shape[1] ** 2": "a.shape[1]"},
)

edit(
    "coral",
    check="coral_values",
    why="no quarter",
    change={"(4 * a.shape[1] ** 2)": "a.shape[1] ** 2"},
)

edit(
    "coral",
    check="coral_values",
    why="variances only",
    change={
        "((covariances[0] - covariances[1]) ** 2).sum()": "((covariances[0] - covariances[1]).diagonal() ** 2).sum()"
    },
)

edit(
    "coral",
    check="coral_values",
    why="cuts the graph",
    change={"away = x - x.mean(0)": "away = x.detach() - x.detach().mean(0)"},
)

edit(
    "domain_loss",
    check="domain_loss_values",
    why="the domains exchanged",
    change={"F.softplus(source)": "F.softplus(-source)", "F.softplus(-target)": "F.softplus(target)"},
)

edit(
    "domain_loss",
    check="domain_loss_values",
    why="a sum of the two",
    change={") / 2": ")"},
)

edit(
    "domain_loss",
    check="domain_loss_values",
    why="all examples alike",
    change={
        "(F.softplus(source).mean() + ": "torch.cat([F.softplus(source), ",
        "F.softplus(-target).mean()) / 2": "F.softplus(-target)]).mean()",
    },
)

edit(
    "domain_loss",
    check="domain_loss_values",
    why="only the target pays",
    change={"(F.softplus(source).mean() + F.softplus(-target).mean()) / 2": "F.softplus(-target).mean()"},
)

edit(
    "domain_loss",
    check="domain_loss_values",
    why="overflows",
    change={"F.softplus(source)": "(1 + source.exp()).log()"},
)

edit(
    "domain_loss",
    check="domain_loss_values",
    why="cuts the graph",
    change={"F.softplus(source)": "F.softplus(source.detach())"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="measured on what was learned",
    change={"(x[: len(x) // 2], x[len(x) // 2 :])": "(x[: len(x) // 2], x[: len(x) // 2])"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="learned from the second half",
    change={"(x[: len(x) // 2], x[len(x) // 2 :])": "(x[len(x) // 2 :], x[: len(x) // 2])"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="learned and measured on all",
    change={"(x[: len(x) // 2], x[len(x) // 2 :])": "(x, x)"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="the error itself",
    change={"2 * (1 - 2 * error.item())": "error.item()"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="the share of right answers",
    change={"2 * (1 - 2 * error.item())": "1 - error.item()"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="the sides exchanged",
    change={"(a_test @ w + c > 0)": "(a_test @ w + c <= 0)", "(b_test @ w + c <= 0)": "(b_test @ w + c > 0)"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="all held-out examples alike",
    change={
        "((a_test @ w + c > 0).float().mean() + (b_test": "torch.cat([a_test @ w + c > 0, b_test",
        "c <= 0).float().mean()) / 2": "c <= 0]).float().mean()",
    },
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="uphill",
    change={"w = w - rate": "w = w + rate"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="always the same rate",
    change={"w = w - rate": "w = w - 0.5", "c = c - rate": "c = c - 0.5"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="no bias",
    change={"c = c - rate * (toward_a.sum() + toward_b.sum())": "c = c"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="downhill on the sum of the two means, twice as fast",
    change={
        "/ (2 * len(a_train))  # slopes of the loss in each logit": "/ len(a_train)",
        "/ (2 * len(b_train))": "/ len(b_train)",
    },
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="halves are rounded up",
    change={"(x[: len(x) // 2], x[len(x) // 2 :])": "x.tensor_split(2)"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="the first of those held out is learned from, too",
    change={"(x[: len(x) // 2], x": "(x[: len(x) // 2 + 1], x"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="a step too many",
    change={"range(steps)": "range(steps + 1)"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="always 200 steps",
    change={"range(steps)": "range(200)"},
)

edit(
    "proxy_distance",
    check="proxy_distance_values",
    why="the examples weigh alike while it learns",
    change={
        "/ (2 * len(a_train))": "/ (len(a_train) + len(b_train))",
        "/ (2 * len(b_train))": "/ (len(a_train) + len(b_train))",
    },
)

edit(
    "Reversal",
    check="reverse_values",
    why="not turned round",
    change={"return -ctx.strength": "return ctx.strength"},
    cell="reverse",
)

edit(
    "Reversal",
    check="reverse_values",
    why="the strength is forgotten",
    change={"-ctx.strength * slopes[0]": "-slopes[0]"},
    cell="reverse",
)

edit(
    "Reversal",
    check="reverse_values",
    why="x is turned round on the way there",
    change={"x.view_as(x)": "-strength * x"},
    cell="reverse",
)

edit(
    "Reversal",
    check="reverse_values",
    why="what comes from above is forgotten",
    change={"-ctx.strength * slopes[0]": "-ctx.strength * torch.ones_like(slopes[0])"},
    cell="reverse",
)

edit(
    "reverse",
    check="reverse_values",
    why="x as it is",
    change={"Reversal.apply(x, strength)": "x"},
)

edit(
    "reverse",
    check="reverse_values",
    why="cut off",
    change={"Reversal.apply(x, strength)": "x.detach()"},
)

edit(
    "reverse",
    check="reverse_values",
    why="minus the strength, both ways",
    change={"Reversal.apply(x, strength)": "-strength * x"},
)

edit(
    "strength",
    check="schedule_values",
    why="begins at a half",
    change={"2 / (1 + math.exp(-10 * progress)) - 1": "1 / (1 + math.exp(-10 * progress))"},
)

edit(
    "strength",
    check="schedule_values",
    why="falls",
    change={"-10 * progress": "10 * progress"},
)

edit(
    "strength",
    check="schedule_values",
    why="no 10",
    change={"math.exp(-10 * progress)": "math.exp(-progress)"},
)

edit(
    "slowed",
    check="schedule_values",
    why="grows",
    change={"rate / (1": "rate * (1"},
    cell="strength",
)

edit(
    "slowed",
    check="schedule_values",
    why="no power",
    change={" ** 0.75": ""},
    cell="strength",
)

edit(
    "slowed",
    check="schedule_values",
    why="no 10",
    change={"10 * progress": "progress"},
    cell="strength",
)

edit(
    "DANN",
    check="dann_values",
    why="nothing turned round",
    change={"reverse(features, strength)": "features"},
)

edit(
    "DANN",
    check="dann_values",
    why="classes turned round as well",
    change={"self.classes(features)": "self.classes(reverse(features, strength))"},
)

edit(
    "DANN",
    check="dann_values",
    why="reversal below the body, which learns straight on",
    change={"reverse(features, strength)": "self.body(reverse(x, strength))"},
)
edit(
    "DANN",
    check="dann_values",
    why="reversal above the head",
    change={
        "self.domains(reverse(features, strength))[:, 0]": "reverse(self.domains(features)[:, 0], strength)"
    },
)

edit(
    "DANN",
    check="dann_values",
    why="always at full strength",
    change={"reverse(features, strength)": "reverse(features, 1.0)"},
)

edit(
    "DANN",
    check="dann_values",
    why="a second axis",
    change={"[:, 0]": ""},
)

edit(
    "DANN",
    check="dann_values",
    why="no axis left of a single example",
    change={"[:, 0]": ".squeeze()"},
)

edit(
    "DANN",
    check="dann_values",
    why="probabilities",
    change={"strength))[:, 0]": "strength))[:, 0].sigmoid()"},
)

edit(
    "DANN",
    check="dann_values",
    why="domains first",
    change={
        "return self.classes(features), ": "return ",
        "strength))[:, 0]": "strength))[:, 0], self.classes(features)",
    },
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="no domain loss",
    change={" + domain_loss(of_source, of_target)": ""},
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="subtracted",
    change={" + domain_loss": " - domain_loss"},
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="weighted once more",
    change={" + domain_loss": " + strength * domain_loss"},
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="the domains exchanged",
    change={"domain_loss(of_source, of_target)": "domain_loss(of_target, of_source)"},
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="the source at full strength",
    change={"net(source, strength)": "net(source, 1.0)"},
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="the target without reversal",
    change={"net(target, strength)": "net(target, 0.0)"},
)

edit(
    "dann_loss",
    check="dann_loss_values",
    why="the classes are forgotten",
    change={"F.cross_entropy(scores, labels) + ": ""},
)

edit(
    "least_errors",
    check="least_errors_values",
    why="no half",
    change={" / 2": ""},
)

edit(
    "least_errors",
    check="least_errors_values",
    why="differences cancel",
    change={".abs()": ""},
)

edit(
    "least_errors",
    check="least_errors_values",
    why="the mean",
    change={".sum() / 2": ".mean() / 2"},
)

edit(
    "least_errors",
    check="least_errors_values",
    why="squared",
    change={"(p - q).abs().sum()": "((p - q) ** 2).sum()"},
)
