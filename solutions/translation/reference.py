"""Translation between two domains of which nobody has seen a pair: pictures and sentences.

Taigman, Polyak and Wolf, "Unsupervised cross-domain image generation", arXiv:1611.02200 (domain transfer network, DTN);
Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", arXiv:1703.10593
(CycleGAN); Kim et al., "Learning to discover cross-domain relations with generative adversarial networks",
arXiv:1703.05192 (DiscoGAN); Liu, Breuel and Kautz, "Unsupervised image-to-image translation networks",
arXiv:1703.00848 (UNIT); Artetxe et al., "Unsupervised neural machine translation", arXiv:1710.11041; Lample et al.,
"Unsupervised machine translation using monolingual corpora only", arXiv:1711.00043.

Shapes: B pictures of C channels and S×S pixels, or B sentences of T words; features and latents of D numbers. X and Y
are the two domains, 0 and 1 where they are numbered.

The full tier takes 1,000 steps of some 60 launches to read and 2,000 of some 220 to draw: 5 s of an H100 for a seed by
launches of 9 µs, and its multiplications less than that. Three seeds: 15 s.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from course_utils.data import cipher, house_numbers, poses
from course_utils.data.bitext import END, MARKS, PAD
from course_utils.training import Run, main

Map = Callable[[Tensor], Tensor]

# ------------------------------------------------------------------------------------------- a judge to be fooled


def discriminator_loss(D: Map, real: Tensor, fake: Tensor) -> Tensor:
    """What a discriminator is trained on: 1 for what is real, 0 for what is not (least squares: Mao et al., 2017).

    The mean of (D(real) - 1)² plus the mean of D(fake)². D alone learns from it: no gradient goes into `fake`.

    Args:
        D: Pictures to scores, (B, …) to any shape.
        real: (B, …).
        fake: Made by a generator, (B, …).
    """
    return (D(real) - 1).square().mean() + D(fake.detach()).square().mean()


def generator_loss(D: Map, fake: Tensor) -> Tensor:
    """What a generator is trained on: the mean of (D(fake) - 1)². Gradients flow through D into `fake`."""
    return (D(fake) - 1).square().mean()


# -------------------------------------------------------------------------------------- domain transfer network


def dtn_losses(f: Map, g: Map, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """f-constancy of source pictures, and identity of target pictures (DTN, equations 5 and 6, mean squares).

    L_CONST: the features of what g draws from the features of a source picture are those features again.
    L_TID: what g draws from the features of a target picture is that picture again.

    Args:
        f: Pictures of either domain to features (B, D). It is not trained here.
        g: Features (B, D) to pictures of the target domain.
        source: (B, C, S, S).
        target: (B, 1, S, S).

    Returns:
        L_CONST, the mean of (f(g(f(source))) - f(source))², and L_TID, the mean of (g(f(target)) - target)²; over all
        numbers. Gradients flow into g, also through f.
    """
    features = f(source)
    return (f(g(features)) - features).square().mean(), (g(f(target)) - target).square().mean()


def ternary_losses(D: Map, from_source: Tensor, from_target: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The losses of a discriminator of three classes and of its generator (DTN, equations 3 and 4).

    Class 0: drawn from a source picture; 1: drawn from a target picture; 2: a target picture. D learns to tell all
    three apart. The generator wants all it has drawn to be taken for class 2.

    Args:
        D: Pictures to scores (B, 3), of which a softmax makes probabilities.
        from_source, from_target: Drawn by the generator, (B, …).
        target: (B, …).

    Returns:
        D's loss, the sum of the three classes' mean -log p, without gradients into what was drawn; the generator's
        loss, the sum of two means of -log p.
    """
    batches = (from_source.detach(), from_target.detach(), target)
    for_D = sum(-D(x).log_softmax(1)[:, k].mean() for k, x in enumerate(batches))
    for_g = sum(-D(x).log_softmax(1)[:, 2].mean() for x in (from_source, from_target))
    return for_D, for_g


# ------------------------------------------------------------------------------------- there and back, and poses


def cycle_loss(there: Map, back: Map, x: Tensor, y: Tensor) -> Tensor:
    """How far pictures come back from where they were: |back(there(x)) - x| + |there(back(y)) - y| (CycleGAN, eq. 2).

    Args:
        there: X to Y.
        back: Y to X.
        x, y: Pictures of X and of Y, (B, …) each; they are no pairs.

    Returns:
        The sum of the two means, each over all numbers.
    """
    return (back(there(x)) - x).abs().mean() + (there(back(y)) - y).abs().mean()


def pose(pictures: Tensor) -> Tensor:
    """The angle of what is seen: of the axis along which its ink is spread most.

    Coordinates are those of pixel centres, x to the right, y **up**. The ink of a picture has a mean place and, about
    it, the variances of x and of y and their covariance; the angle is atan2(2 cov, var x - var y) / 2.

    Args:
        pictures: Ink, at least 0, (B, S, S), not all of it 0.

    Returns:
        (B,), radians from -π/2 to π/2, anticlockwise from the horizontal.

    >>> pose(torch.eye(3)[None])  # from the upper left to the lower right
    tensor([-0.7854])
    """
    side = torch.arange(pictures.shape[-1], dtype=pictures.dtype, device=pictures.device)
    ink = pictures / pictures.sum((1, 2), keepdim=True)
    x, y = side - (ink.sum(1) @ side)[:, None], -(side - (ink.sum(2) @ side)[:, None])  # (B, S) each
    var_x, var_y = (ink.sum(1) * x**2).sum(1), (ink.sum(2) * y**2).sum(1)
    cov = (ink * y[:, :, None] * x[:, None, :]).sum((1, 2))
    return torch.atan2(2 * cov, var_x - var_y) / 2


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's correlation of two rows of numbers (N,), from -1 to 1; 0 where one of them never changes."""
    return torch.corrcoef(torch.stack([a, b])).nan_to_num()[0, 1].item()


# ------------------------------------------------------------------------------------------------ a shared latent


def unit_losses(
    encode: Callable[[Tensor, int], Tensor],
    decode: Callable[[Tensor, int], Tensor],
    x: Tensor,
    own: int,
    other: int,
    e: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The two paths of a picture through a latent space that both domains share (UNIT, section 3).

    `encode` gives the mean of the latent's distribution, whose variance is 1: z = mean + e. One path leads from z back
    to the picture's own domain, the other to the other domain.

    Args:
        encode: Pictures and their domain's number to means (B, D).
        decode: Latents (B, D) and a domain's number to pictures.
        x: Pictures of domain `own`, (B, …).
        own, other: Numbers of domains.
        e: Standard normal noise, (B, D).

    Returns:
        The reconstruction's mean absolute error; the divergence KL(N(mean, I) ‖ N(0, I)) = |mean|²/2 in nats, the mean
        over the batch; and the translation into the other domain, of the same z.
    """
    mean = encode(x, own)
    z = mean + e
    return (decode(z, own) - x).abs().mean(), mean.square().sum(1).mean() / 2, decode(z, other)


# --------------------------------------------------------------------------------------------------- content kept


def iou(found: Tensor, true: Tensor) -> Tensor:
    """Intersection over union of two masks of each picture: how well content is in its place.

    Args:
        found, true: (B, S, S), bool.

    Returns:
        (B,), from 0 to 1; 1 where both masks are empty.
    """
    both, either = (found & true).sum((1, 2)), (found | true).sum((1, 2))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


# ------------------------------------------------------------------------------------------------------ sentences


def by_frequency(first: Tensor, second: Tensor) -> Tensor:
    """A first dictionary between two languages: words of the same rank, from the commonest to the rarest.

    Args:
        first, second: How often each word of either language occurs, (K,); no two words of a language equally often.

    Returns:
        (K,), int64: for each word of the first language, the word of the second that has its rank.

    >>> by_frequency(torch.tensor([5, 9, 2]), torch.tensor([80, 10, 40]))
    tensor([2, 0, 1])
    """
    partner = torch.empty_like(first, dtype=torch.long)
    partner[first.argsort(descending=True)] = second.argsort(descending=True)
    return partner


def noised(words: Tensor, u: Tensor, v: Tensor, drop: float, reach: int) -> Tensor:
    """Sentences with some words missing and the others slightly out of order (Lample et al., section 2.3).

    A word at place i (from 0) is dropped where u < drop. Those that are left are sorted by i + (reach + 1) · v: none
    overtakes another that stands more than `reach` places from it. They move to the front, and `PAD` fills up.

    Args:
        words: Codes (B, T), `PAD` (0) behind each sentence's last word and nowhere else.
        u, v: Uniform in [0, 1), (B, T).
        drop: Share of words that are lost, from 0 to 1.
        reach: At least 0.

    Returns:
        Codes (B, T).
    """
    gone = (words == PAD) | (u < drop)
    place = torch.arange(words.shape[1], device=words.device) + (reach + 1) * v
    order = place.masked_fill(gone, torch.inf).argsort(1)
    return words.masked_fill(gone, PAD).gather(1, order)


def back_translation(
    write: Callable[[Tensor, int, int], Tensor],
    cost: Callable[[Tensor, int, Tensor, int], Tensor],
    x: Tensor,
    own: int,
    other: int,
) -> Tensor:
    """The cost of coming back: a sentence is translated by the net as it is, and must be found from that translation.

    No gradient goes through the writing: the net shall not learn to write what is easily read back.

    Args:
        write: `write(x, of, to)` translates sentences (B, T) of language `of` into language `to`, (B, T).
        cost: `cost(x, of, y, to)` is the mean -log p(y | x), a number: how hard it is to find the sentences y (B, T) of
            language `to` from the sentences x (B, T) of language `of`.
        x: Sentences of language `own`, (B, T).
        own, other: Numbers of languages.
    """
    with torch.no_grad():
        guess = write(x, own, other)
    return cost(guess, other, x, own)


# ---------------------------------------------------------------------------------------------------------- nets


class Reader(nn.Module):
    """f: pictures of one or three channels to D features, and from those to scores of the ten digits."""

    def __init__(self, side: int, c: int, d: int):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, c, 4, 2, 1),  # (B, c, S/2, S/2)
            nn.ReLU(),
            nn.Conv2d(c, 2 * c, 4, 2, 1),  # (B, 2c, S/4, S/4)
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * c * (side // 4) ** 2, d),
        )
        self.scores = nn.Linear(d, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1 or 3, S, S) to features (B, D)."""
        return self.features(x.expand(-1, 3, -1, -1))


def painter(side: int, c: int, d: int) -> nn.Sequential:
    """g: features (B, D) to plain digits (B, 1, S, S) in [0, 1]."""
    return nn.Sequential(
        nn.Linear(d, 2 * c * (side // 4) ** 2),
        nn.ReLU(),
        nn.Unflatten(1, (2 * c, side // 4, side // 4)),
        nn.ConvTranspose2d(2 * c, c, 4, 2, 1),  # (B, c, S/2, S/2)
        nn.ReLU(),
        nn.ConvTranspose2d(c, 1, 4, 2, 1),  # (B, 1, S, S)
        nn.Sigmoid(),
    )


def discriminator(side: int, c: int, classes: int) -> nn.Sequential:
    """Pictures (B, 1, S, S) to scores (B, classes)."""
    return nn.Sequential(
        nn.Conv2d(1, c, 4, 2, 1),  # (B, c, S/2, S/2)
        nn.LeakyReLU(0.2),
        nn.Conv2d(c, 2 * c, 4, 2, 1),  # (B, 2c, S/4, S/4)
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * c * (side // 4) ** 2, classes),
    )


def perceptron(*sizes: int) -> nn.Sequential:
    """Linear layers with leaky ReLU between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


PIXELS = poses.SIDE**2
ALONE, RATE = 60, 5e-3  # steps of denoising before there is back-translation; the rate of learning
LATENT = 8  # numbers between an encoder and a decoder of small pictures


class Between(nn.Module):
    """Two generators and two discriminators for the small pictures of two domains: X is bars, Y is rings.

    The generators have nothing in common, or else (`shared`) they are made of an encoder and a decoder for each domain
    whose inner layers are the same: then a picture of either domain has a latent in one space.
    """

    def __init__(self, shared: bool = False):
        super().__init__()
        self.outer = nn.ModuleList(perceptron(PIXELS, 64) for _ in range(2))
        inner = [perceptron(64, LATENT) for _ in range(2)], [perceptron(LATENT, 64) for _ in range(2)]
        if shared:
            inner = [inner[0][0]] * 2, [inner[1][0]] * 2
        self.inner, self.rise = (nn.ModuleList(half) for half in inner)
        self.last = nn.ModuleList(perceptron(64, PIXELS) for _ in range(2))
        self.judges = nn.ModuleList(perceptron(PIXELS, 64, 32, 1) for _ in range(2))

    def encode(self, x: Tensor, domain: int) -> Tensor:
        """Pictures (B, S, S) of a domain to latents (B, D)."""
        return self.inner[domain](F.leaky_relu(self.outer[domain](2 * x.flatten(1) - 1), 0.2))

    def decode(self, z: Tensor, domain: int) -> Tensor:
        """Latents (B, D) to pictures (B, S, S) of a domain, in [0, 1]."""
        h = F.leaky_relu(self.rise[domain](F.leaky_relu(z, 0.2)), 0.2)
        return self.last[domain](h).sigmoid().unflatten(1, (poses.SIDE, poses.SIDE))

    def there(self, x: Tensor) -> Tensor:
        """X to Y, (B, S, S)."""
        return self.decode(self.encode(x, 0), 1)

    def back(self, y: Tensor) -> Tensor:
        """Y to X, (B, S, S)."""
        return self.decode(self.encode(y, 1), 0)

    def judge(self, x: Tensor, domain: int) -> Tensor:
        """Pictures (B, S, S) to scores (B, 1)."""
        return self.judges[domain](2 * x.flatten(1) - 1)

    def drawing(self) -> list[nn.Parameter]:
        """What the generators consist of."""
        return [p for name, p in self.named_parameters() if not name.startswith("judges")]


class Speaker(nn.Module):
    """One translator for both languages and both directions: only the words' vectors are a language's own.

    A transformer's layer reads, another writes; a vector tells it in which language to write. It writes `END` behind
    a sentence; what it reads has none.
    """

    def __init__(self, words: int, length: int, d: int):
        super().__init__()
        self.words = nn.ModuleList(nn.Embedding(words, d) for _ in range(2))
        self.place = nn.Parameter(0.3 * torch.randn(length, d))
        self.language = nn.Parameter(0.3 * torch.randn(2, d))
        how = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.reads = nn.TransformerEncoderLayer(d, 2, 2 * d, **how)
        self.writes = nn.TransformerDecoderLayer(d, 2, 2 * d, **how)
        self.norm = nn.LayerNorm(d)
        self.register_buffer("later", torch.ones(length, length, dtype=torch.bool).triu(1))

    def begin(self, partner: Tensor) -> None:
        """Give each word of the first language and its `partner` (K,) in the second the same vector."""
        with torch.no_grad():
            vectors = 2 * torch.randn_like(self.words[0].weight) / self.words[0].weight.shape[1] ** 0.5
            self.words[0].weight.copy_(vectors)
            self.words[1].weight[partner] = vectors

    def read(self, x: Tensor, language: int) -> Tensor:
        """Sentences (B, T) to a vector for each word, (B, T, D)."""
        return self.reads(self.words[language](x) + self.place[: x.shape[1]], src_key_padding_mask=x == PAD)

    def say(self, memory: Tensor, x: Tensor, before: Tensor, language: int) -> Tensor:
        """Scores (B, N, K) of the next word after each of the words (B, N) that stand there already."""
        n = before.shape[1]
        h = self.words[language](before) + self.place[:n] + self.language[language]
        later = self.later[:n, :n]
        h = self.writes(h, memory, tgt_mask=later, memory_key_padding_mask=x == PAD)
        return self.norm(h) @ self.words[language].weight.T

    def cost(self, x: Tensor, of: int, y: Tensor, to: int) -> Tensor:
        """Mean -log p of the words of y (B, N), given x (B, T), in languages `of` and `to`."""
        before = torch.cat([torch.full_like(y[:, :1], END), y[:, :-1]], dim=1)
        scores = self.say(self.read(x, of), x, before, to)
        return F.cross_entropy(scores.flatten(0, 1), y.flatten(), ignore_index=PAD)

    def write(self, x: Tensor, of: int, to: int) -> Tensor:
        """The likeliest next word, again and again, with `END` behind it: (B, T) to (B, T), `PAD` after the end."""
        memory, before = self.read(x, of), torch.full_like(x[:, :1], END)
        done = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        for _ in range(len(self.place)):
            word = self.say(memory, x, before, to)[:, -1].argmax(1).masked_fill(done, PAD)
            done = done | (word == END)
            before = torch.cat([before, word[:, None]], dim=1)
        return before[:, 1:]

    def translate(self, x: Tensor, of: int, to: int) -> Tensor:
        """Sentences with their `END` to sentences that can be read: `write`, without ends."""
        return without_end(self.write(without_end(x), of, to))


def without_end(words: Tensor) -> Tensor:
    """Sentences as they are read: no `END`; an empty one keeps it, since there must be something to look at."""
    body = words.masked_fill(words == END, PAD)
    body[:, 0] = torch.where(body[:, 0] == PAD, END, body[:, 0])
    return body


# ------------------------------------------------------------------------------------------------------ training


@dataclass(frozen=True)
class Config:
    """Channels and features; steps and rate of reading, then of drawing; batch; weights of the losses of drawing."""

    channels: int
    d: int
    reading: int
    drawing: int
    batch: int
    constancy: float
    identity: float
    adversary: float


def config(tier: str) -> Config:
    """A tier's recipe; chosen by looking at test pictures in trials, which is a little kind to its score."""
    if tier == "mini":
        return Config(16, 64, 600, 250, 64, constancy=5.0, identity=40.0, adversary=0.1)
    return Config(32, 128, 1000, 2000, 128, constancy=5.0, identity=40.0, adversary=0.1)


def build(tier: str) -> nn.ModuleDict:
    """An untrained transfer network: f "reads", g "draws"."""
    how, side = config(tier), house_numbers.SIDE[tier]
    reads, draws = Reader(side, how.channels, how.d), painter(side, how.channels, how.d)
    return nn.ModuleDict({"reads": reads, "draws": draws})


def train(tier: str, seed: int, run: Run) -> dict[str, Tensor]:
    """A domain transfer network: f learns from labelled house numbers, then g from plain digits without labels."""
    nets = build(tier).to(run.device)
    learn_to_read(nets["reads"], house_numbers.load(tier, "train"), config(tier), run)
    learn_to_draw(nets, tier, run)
    run.log(validation=right(nets, tier, "val", run.device), read=read_right(nets, tier, "val", run.device))
    return {name: tensor.detach().contiguous() for name, tensor in nets.state_dict().items()}


def learn_to_read(reads: Reader, data: TensorDataset, how: Config, run: Run) -> None:
    """Digits from labelled house numbers."""
    optimizer = torch.optim.Adam(reads.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, how.reading)
    saved = {"reads": reads, "optimizer": optimizer, "schedule": schedule}
    for x, label in run.batches(data, how.batch, how.reading, saved, "reading"):
        loss = F.cross_entropy(reads.scores(reads(x)), label)
        step(optimizer, loss)
        schedule.step()
        run.log(reading=loss)


def learn_to_draw(nets: nn.ModuleDict, tier: str, run: Run) -> None:
    """Plain digits from features: constancy, identity, and a discriminator of three classes."""
    how, side = config(tier), house_numbers.SIDE[tier]
    reads, draws = nets["reads"].requires_grad_(False), nets["draws"]
    judge = discriminator(side, how.channels, 3).to(run.device)
    first = torch.optim.Adam(draws.parameters(), 2e-3, (0.5, 0.99))
    second = torch.optim.Adam(judge.parameters(), 1e-3, (0.5, 0.99))
    data = strangers(tier)
    with torch.no_grad():
        spread = reads(data.tensors[0][:500].to(run.device)).var()
    saved = {"draws": draws, "judge": judge, "first": first, "second": second}
    for source, target in run.batches(data, how.batch, how.drawing, saved, "drawing"):
        const, identity = dtn_losses(reads, draws, source, target)
        for_judge, for_draws = ternary_losses(judge, draws(reads(source)), draws(reads(target)), target)
        loss = how.constancy * const / spread + how.identity * identity + how.adversary * for_draws
        step(first, loss)
        step(second, for_judge)
        run.log(constancy=const / spread, identity=identity, judge=for_judge)
    reads.requires_grad_(True)


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down. A generator takes its step before its judge: its loss holds the judge as it was."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def strangers(tier: str) -> TensorDataset:
    """House numbers and, beside each, a plain digit that has nothing to do with it. No labels."""
    numbers, plain = (part(tier, "train").tensors[0] for part in (house_numbers.load, house_numbers.plain))
    return TensorDataset(numbers, plain[torch.arange(len(numbers)) % len(plain)])


def learn_between(
    net: Between,
    data: TensorDataset,
    run: Run,
    cycle: float = 10.0,
    pairs: tuple[Tensor, Tensor] | None = None,
    steps: int = 300,
) -> Between:
    """Bars to rings and back: two discriminators, and `cycle` times the cycle loss. `data`: bars, rings; no pairs.

    Where a few `pairs` are known, bars and their rings, translations of those are held to them as well.
    """
    first = torch.optim.Adam(net.drawing(), 2e-3, (0.5, 0.99))
    second = torch.optim.Adam(net.judges.parameters(), 2e-3, (0.5, 0.99))
    net = net.to(run.device)
    judges = [lambda picture, k=k: net.judge(picture, k) for k in range(2)]
    for x, y in run.batches(data, 64, steps, {"net": net, "first": first, "second": second}, "between"):
        made = net.back(y), net.there(x)
        step(second, sum(discriminator_loss(judges[k], real, made[k]) for k, real in enumerate((x, y))))
        fooled = sum(generator_loss(judges[k], made[k]) for k in range(2))
        home = cycle_loss(net.there, net.back, x, y)
        if pairs is not None:
            a, b = pairs
            home = home + (net.there(a) - b).abs().mean() + (net.back(b) - a).abs().mean()
        step(first, fooled + cycle * home)
        run.log(cycle=home, fooled=fooled)
    return net.eval()


def learn_to_share(net: Between, data: TensorDataset, run: Run, steps: int = 300) -> Between:
    """UNIT's training: reconstruction, divergence, discriminators, and translations that come back."""
    first = torch.optim.Adam(net.drawing(), 2e-3, (0.5, 0.99))
    second = torch.optim.Adam(net.judges.parameters(), 2e-3, (0.5, 0.99))
    net = net.to(run.device)
    judges = [lambda picture, k=k: net.judge(picture, k) for k in range(2)]
    for pictures in run.batches(data, 64, steps, {"net": net, "first": first, "second": second}, "share"):
        loss, for_judges = 0.0, 0.0
        for own, x in enumerate(pictures):
            other = 1 - own
            e = torch.randn(2, len(x), LATENT, device=x.device)
            same, divergence, made = unit_losses(net.encode, net.decode, x, own, other, e[0])
            again = (net.decode(net.encode(made, other) + e[1], own) - x).abs().mean()
            loss = loss + generator_loss(judges[other], made) + 10 * (same + again) + 0.01 * divergence
            for_judges = for_judges + discriminator_loss(judges[other], pictures[other], made)
        step(first, loss)
        step(second, for_judges)
        run.log(reconstruction=same, divergence=divergence)
    return net.eval()


@torch.no_grad()
def aligned(net: Between, split: str = "test") -> float:
    """The correlation of bars' angles with those of the rings that they become, from -1 to 1."""
    x, angle, *_ = poses.load("mini", split).tensors
    device = next(net.parameters()).device
    return correlation(angle, pose(net.there(x.to(device)).cpu()))


def counts(words: Tensor) -> Tensor:
    """How often each word occurs in sentences (N, T): (K,) without the marks."""
    return torch.bincount(words.flatten(), minlength=cipher.WORDS)[len(MARKS) :]


def dictionary(data: TensorDataset) -> Tensor:
    """`by_frequency` of both sides of a corpus, marks being their own partners: codes (K,)."""
    marks = torch.arange(len(MARKS))
    return torch.cat([marks, by_frequency(*map(counts, data.tensors)) + len(MARKS)])


def learn_to_speak(
    data: TensorDataset, run: Run, partner: Tensor | None = None, together: int = 150, held: float = 0.1
) -> Speaker:
    """Both languages, from sentences that are no pairs: denoising alone for a while, then back-translation as well.

    Args:
        data: Sentences of both languages, with their ends.
        run: The training.
        partner: A first dictionary, codes (K,); that of `dictionary` by default.
        together: Steps of both.
        held: How fast words' vectors learn, compared with all else. Fast ones may change places among themselves.
    """
    net = Speaker(cipher.WORDS, cipher.LENGTH, 32).to(run.device)
    net.begin((dictionary(data) if partner is None else partner).to(run.device))
    words = list(net.words.parameters())
    rest = [p for name, p in net.named_parameters() if not name.startswith("words.")]
    optimizer = torch.optim.Adam([{"params": rest}, {"params": words, "lr": held * RATE}], RATE)
    saved = {"net": net, "optimizer": optimizer}
    for n, texts in enumerate(run.batches(data, 64, ALONE + together, saved, "speaking")):
        loss, returned = torch.zeros((), device=run.device), torch.zeros((), device=run.device)
        for own, x in enumerate(texts):
            u, v = torch.rand(2, *x.shape, device=run.device)
            loss = loss + net.cost(without_end(noised(without_end(x), u, v, 0.15, 3)), own, x, own)
            if n >= ALONE:
                returned = returned + back_translation(net.translate, net.cost, x, own, 1 - own)
        step(optimizer, loss + returned)
        run.log(denoising=loss, returning=returned)
    return net.eval()


@torch.no_grad()
def exact(net: Speaker, split: str = "test", of: int = 0) -> float:
    """Share of the sentences of language `of` that are translated into the other without an error."""
    pairs = cipher.load("mini", split).tensors
    device = next(net.parameters()).device
    found = net.write(without_end(pairs[of]).to(device), of, 1 - of).cpu()
    return (found == pairs[1 - of]).all(1).float().mean().item()


def judged(pictures: Tensor, tier: str) -> Tensor:
    """What a judge of plain digits reads: the label of the nearest of the labelled plain digits, (B,)."""
    known, labels = (tensor.to(pictures.device) for tensor in house_numbers.plain(tier, "train").tensors)
    rows = (torch.cdist(part.flatten(1), known.flatten(1)).argmin(1) for part in pictures.split(500))
    return labels[torch.cat(list(rows))].cpu()


@torch.no_grad()
def right(nets: nn.ModuleDict, tier: str, split: str, device: str | torch.device = "cpu") -> float:
    """Share of a split's house numbers whose translation the judge reads right."""
    x, label = house_numbers.load(tier, split).tensors
    drawn = [nets["draws"](nets["reads"](part.to(device))) for part in x.split(500)]
    return (judged(torch.cat(drawn), tier) == label).float().mean().item()


@torch.no_grad()
def read_right(nets: nn.ModuleDict, tier: str, split: str, device: str | torch.device = "cpu") -> float:
    """Share of a split's house numbers that f itself reads right, by its own scores."""
    x, label = house_numbers.load(tier, split).tensors
    reads = nets["reads"]
    scores = [reads.scores(reads(part.to(device))).argmax(1).cpu() for part in x.split(500)]
    return (torch.cat(scores) == label).float().mean().item()


def evaluate(tensors: dict[str, Tensor], tier: str, device: str = "cpu") -> float:
    """Share of unseen house numbers that, translated, are read right by a judge of plain digits.

    Raises:
        RuntimeError: the tensors are not those of this tier's `build`.
    """
    nets = build(tier)
    nets.load_state_dict(tensors)
    return right(nets.to(device).eval(), tier, "test", device)


def baseline(tier: str) -> float:
    """What the judge reads in the house numbers as they are, in grey."""
    x, label = house_numbers.load(tier, "test").tensors
    return (judged(x.mean(1, keepdim=True), tier) == label).float().mean().item()


if __name__ == "__main__":
    main(__spec__)
