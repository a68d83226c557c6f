"""Experiments of chapters that take longer than a page may: each over three seeds, kept in `chapters.json`.

    python -m benchmarks.chapters            # what is not kept yet
    python -m benchmarks.chapters adding     # one experiment, anew

Pages draw and judge what is kept (`course_utils.measured.experiment`). A run that was cut off goes on where it stopped.
"""

import argparse
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from benchmarks.at_once import CORPORA, written_at_once
from benchmarks.kept_in_mind import asked, copying, pronouns
from benchmarks.programs_found import Facts, asking, mistyped, searching
from benchmarks.programs_run import calling, long_sums
from benchmarks.stacked import KINDS, stacked
from benchmarks.translated import SPEAKING, speaking
from course_utils.data import cora, mnist, signals, spoken_digits
from course_utils.training import Run
from solutions.attention import listening as sounds
from solutions.attention import one_vector
from solutions.attention import reference as attention
from solutions.autoregressive import labelled
from solutions.autoregressive import reference as autoregressive
from solutions.depth import reference as depth
from solutions.graphs import bodies
from solutions.graphs.beside import beside_geometric
from solutions.metalearning import others
from solutions.metalearning import reference as metalearning
from solutions.odes import experiments as odes
from solutions.training import reference as training
from solutions.transformers import others as two_stacks
from solutions.transformers import reference as transformers
from solutions.waveforms import reference as waveforms

SEEDS = (0, 1, 2)
RESULTS = Path(__file__).with_name("chapters.json")
WINDOW = 20  # steps that are averaged to one point of a curve


def smooth(curve: list[tuple[int, float]], window: int = WINDOW) -> list[float]:
    """Means of each `window` steps of a run's curve."""
    values = [value for _, value in curve]
    parts = [values[n : n + window] for n in range(0, len(values), window)]
    return [round(sum(part) / len(part), 4) for part in parts]


def adding(kind: str, seed: int) -> Facts:
    """A small language model of sums, trained as the lab's reference is; kinds: the three of `build`, and "waves"."""
    run = Run(seed=seed, device="cpu")
    net = transformers.build("mini", "attention" if kind == "waves" else kind)
    if kind == "waves":
        net.places.weight = nn.Parameter(transformers.positional_encoding(9, 64), requires_grad=False)
    sums, fresh = (transformers.load("mini", split) for split in ("train", "test"))
    transformers.fit(net, transformers.language_cost, sums, transformers.CONFIG["mini"], run)
    weights = sum(p.numel() for p in net.parameters())
    right = transformers.exact(net, fresh)
    return {"weights": weights, "right": round(right, 4), "curve": smooth(run.curve["nats"])}


def depths(kind: str, seed: int) -> Facts:
    """A plain or residual net, "plain 3" of 6 · 3 + 2 layers: its training loss and its accuracy on new pictures."""
    name, n = kind.split()
    run = Run(seed=seed, device="cpu")
    right = depth.compare("mini", int(n), name == "residual", run)
    curve = smooth(run.curve[f"{name}{6 * int(n) + 2}_loss"])
    return {"layers": 6 * int(n) + 2, "right": round(right, 4), "curve": curve}


def reading(kind: str, seed: int) -> Facts:
    """One of three nets that read a sentence and write another: weights, BLEU, sentences all right, nats of a word."""
    run = Run(seed=seed, device="cpu")
    found = two_stacks.translated(kind, run)
    return found | {"curve": smooth(run.curve[f"{kind}_nats"])}


BEGINNINGS = {"small": training.small_weights, "He": training.he_weights}


def twenty_layers(kind: str, seed: int) -> Facts:
    """A net of 20 layers on signals, begun in one of two ways, normalised or not: its loss over a hundred steps."""
    begin, _, normalised = kind.partition(", ")
    x, y = signals.load("mini", "train").tensors
    generator = torch.Generator().manual_seed(seed)
    net = training.DeepNet([40] + [64] * 19 + [10], BEGINNINGS[begin], bool(normalised), generator)
    adam, losses = torch.optim.Adam(net.parameters(), 1.5e-3), []
    for step in range(100):
        rows = torch.randint(len(x), (128,), generator=generator)
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append((step, loss.item()))
    return {"curve": smooth(losses, 5)}


def grey_cost(kind: str, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Nats of pictures of 17 greys (B, 1, H, W), by a softmax or by three logistics."""
    if kind == "softmax":
        return nn.functional.cross_entropy(z, x[:, 0].long(), reduction="none").flatten(1).sum(1)
    logits, means, scales = z.unflatten(1, (3, 3)).movedim(2, -1).unbind(1)  # (B, H, W, 3) each
    log_p = autoregressive.mixture_log_prob(x[:, 0], logits, 8 + 8 * means, scales.clamp(min=-4), levels=17)
    return -log_p.flatten(1).sum(1)


def greys(kind: str, seed: int) -> Facts:
    """A PixelCNN of grey digits that learns from few or all pictures: nats of a new one."""
    kind, count = kind.split()
    parts = (mnist.load("mini", split).tensors[0] for split in ("train", "test"))
    x, test = ((16 * part).round() for part in parts)
    torch.manual_seed(seed)
    x = x[torch.randperm(len(x))[: int(count)]]
    net = autoregressive.PixelCNN(8, c=24, k=5, layers=3, c_out=17 if kind == "softmax" else 9)
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=300)
    for _ in range(300):
        rows = x[torch.randint(len(x), (32,))]
        loss = grey_cost(kind, net(rows / 8 - 1), rows).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        found = grey_cost(kind, net.eval()(test / 8 - 1), test).mean().item()
    return {"nats": round(found, 2)}


def on_demand(kind: str, seed: int) -> Facts:
    """Digits drawn by label: shares of drawn and of real ones that a reader takes for what they should be."""
    which = {"a rate of their own": "vectors", "the net's rate": "net"}[kind]
    drawn, real = labelled.obeyed(labelled.schooled(seed, rate=labelled.RATES[which]))
    return {"drawn": round(drawn, 4), "real": round(real, 4)}


def segmenting(kind: str, seed: int) -> Facts:
    """A U-Net on pictures of shapes: intersection over union of each class on new ones."""
    _, shares = depth.segment("mini", Run(seed=seed, device="cpu"))
    return {
        "right": round(shares.mean().item(), 4),
        "by_class": [round(share, 4) for share in shares.tolist()],
    }


def looking_back(kind: str, seed: int) -> Facts:
    """A net that reverses strings, with a look back or the last state alone: right ones by length."""
    run = Run(seed=seed, device="cpu")
    net = attention.build("mini", looks=kind == "looks back")
    attention.fit(net, attention.load("mini", "train"), attention.config("mini"), run)
    by_length = [round(attention.exact(net, length), 4) for length in (5, 10, 15, 20)]
    return {"right": by_length[2], "by_length": by_length, "curve": smooth(run.curve["nats"])}


def one_end(kind: str, seed: int) -> Facts:
    """Strings written again by a net that keeps one vector, read in one of two orders: right ones by length."""
    found = one_vector.rewritten(kind == "from its end", Run(seed=seed, device="cpu"))
    return {"by_length": [round(share, 4) for share in found]}


def listening(kind: str, seed: int) -> Facts:
    """A net that names three sounds in a row: right names, where it looks; of spoken ones with seed 0 one recording."""
    tier = {"generated sounds": "mini", "spoken digits": "full"}[kind]
    net = sounds.taught_to_hear(tier, seed)
    right, within, weights = sounds.understood(net, tier)
    facts: Facts = {"right": round(right, 4), "within": [round(value, 4) for value in within]}
    if tier == "full" and seed == 0:
        x, _, names, bounds = sounds.heard(tier, "test", 1, 300)
        count = int(bounds[0, 3])
        facts |= {f"looks {n}": [round(v, 3) for v in weights[0, n, :count].tolist()] for n in range(3)}
        spectrum = x[0, :count].unflatten(1, (-1, 2)).mean(2)  # half as many bands
        facts["spectrum"] = [round(v, 1) for v in spectrum.flatten().tolist()]
        facts["digits"] = (names[0, :3] - sounds.MARKS).tolist()
        facts["bounds"] = bounds[0].tolist()
    return facts


def geometric(layer: str, seed: int) -> Facts:
    """One of our layers beside PyTorch Geometric's on the karate club: how far outputs differ, and by which version."""
    club = cora.load("mini", "train")
    torch.manual_seed(seed)
    differs = beside_geometric(club.senders, club.receivers, len(club.x))[layer]
    return {"differs": differs, "version": [int(n) for n in version("torch_geometric").split(".")]}


def orbits(kind: str, seed: int) -> Facts:
    """A star's planets by an interaction network, or by a guess: how far astray they are, as a share of their way."""
    run = Run(seed=seed, device="cpu")
    models = bodies.LAWS.get(kind) or bodies.learned(seed, run)
    return {"astray": [round(bodies.astray(models, count), 4) for count in bodies.ASKED]}


def holes(kind: str, seed: int) -> Facts:
    """What a net misses of the later part of real series with holes, as a share of what saying the mean misses.

    Kinds name the set and the net; "longer": four times the steps, on a clock six times as fast.
    """
    what, net_kind, *longer = kind.split()
    how = odes.SERIES[what]
    if longer:
        how = replace(how, steps=4 * how.steps, span=6 * how.span)
    run = Run(seed=seed, device="cpu")
    net, loss = odes.series_models(how, how.data.load("full", "train").tensors[0].shape[2])[net_kind]
    odes.fit_series(net, loss, how, "full", run, "series")
    return {"missed": round(odes.series_missed(net, how, "full", "cpu"), 4)}


@torch.no_grad()
def obeying(kind: str, seed: int) -> Facts:
    """Whether a small WaveNet obeys: bits a sample of each kind of sound told each kind; the pitch of five it made."""
    net = waveforms.wavenet("mini")
    with torch.enable_grad():
        net.load_state_dict(waveforms.train("mini", seed, Run(seed=seed, device="cpu")))
    waves, sound, speaker, length = spoken_digits.load("mini", "test").tensors
    bits = []
    for rows in (torch.where(sound == n)[0][:8] for n in range(10)):
        told = (waveforms.said(torch.full_like(rows, n), speaker[rows], "mini") for n in range(10))
        costs = (waveforms.surprise(net.eval(), waves[rows], h, length[rows], 64) for h in told)
        bits.append([round(cost.item(), 3) for cost in costs])
    kinds = torch.tensor([0, 2, 3, 4, 9]).repeat_interleave(4)  # four tones, and noise
    h = waveforms.said(kinds, torch.zeros_like(kinds), "mini")
    u = torch.rand(20, 400, generator=torch.Generator().manual_seed(1))
    step = partial(waveforms.net_step, net, h=h)
    made = waveforms.generate_fast(step, waveforms.empty_queues(net, 20), u, levels=64)
    up = ((made[:, :-1] < 0) & (made[:, 1:] >= 0)).double().mean(1) * spoken_digits.RATE["mini"]
    facts: Facts = {f"told {n}": [row[n] for row in bits] for n in range(10)}
    return facts | {"hertz": [round(pitch) for pitch in up.view(5, 4).mean(1).tolist()]}


def few_shot(kind: str, seed: int) -> Facts:
    """An embedding of letters, trained in one of four ways at the same cost: share right of five new ones, one shot.

    Of what learned by prototypes also, in some episodes of one shot and of five, a new last layer beside prototypes.
    """
    z = metalearning.embedded(others.few_shot(kind, seed), metalearning.load("mini", "test"))
    facts: Facts = {"right": round(metalearning.accuracy(z, 5, 1, 300), 4)}
    for shots in (1, 5) if kind == "prototypes" else ():
        facts[f"tuned, {shots}"] = [round(share, 4) for share in others.fine_tuned(z, shots)]
    return facts


def beginnings(kind: str, seed: int) -> Facts:
    """A beginning for sine waves, learned in one of four ways: errors after 0, 1 and 10 steps.

    MAML's also on waves of other frequencies, and in the half of a wave of which no point is known.
    """
    params = others.begun(kind, seed)
    found = {"errors": [metalearning.sine_error(params, steps) for steps in (0, 1, 10)]}
    if kind == "MAML":
        found |= {f"frequency {times}": others.faster(params, times) for times in (1.0, 1.5, 2.0)}
        found["other half"] = others.other_half(params)
    return {name: [round(error, 4) for error in errors] for name, errors in found.items()}


EXPERIMENTS: dict[str, tuple[Callable[[str, int], Facts], tuple[str, ...]]] = {
    "adding": (adding, ("convolution", "recurrence", "attention", "waves")),
    "listening": (listening, ("generated sounds", "spoken digits")),
    "looking_back": (looking_back, ("looks back", "last state")),
    "geometric": (
        geometric,
        ("graph convolution", "attention", "gated, three rounds", "messages", "readout"),
    ),
    "orbits": (orbits, ("messages", *bodies.LAWS)),
    "one_end": (one_end, ("as it stands", "from its end")),
    "holes": (
        holes,
        tuple(f"lynx_hare {net}" for net in ("latent", "latent longer", "rnn")),
    ),
    "searching": (searching, ("by chance", "by frequency", "guided", "sort and add")),
    "mistyped": (mistyped, ("version spaces", "net 1", "net 4", "none 1", "none 4", "net alone")),
    "asking": (asking, ("net 4", "net 8")),
    "calling": (calling, ("flat", "loop", "recursive")),
    "long_sums": (long_sums, ("12 bits",)),
    "asked": (asked, ("two RNNs",)),
    "copying": (copying, ("six rows",)),
    "pronouns": (pronouns, ("LSTM",)),
    "stacked": (stacked, KINDS),
    "depths": (depths, tuple(f"{name} {n}" for n in (1, 3, 5, 7) for name in ("plain", "residual"))),
    "twenty_layers": (twenty_layers, ("small", "small, normalised", "He", "He, normalised")),
    "at_once": (written_at_once, CORPORA),
    "reading": (reading, tuple(two_stacks.NETS)),
    "obeying": (obeying, ("ten kinds",)),
    "greys": (greys, tuple(f"{kind} {count}" for count in (100, 1197) for kind in ("softmax", "logistics"))),
    "on_demand": (on_demand, ("a rate of their own", "the net's rate")),
    "segmenting": (segmenting, ("U-Net",)),
    "speaking": (speaking, tuple(SPEAKING)),
    "few_shot": (few_shot, ("siamese", "matching", "prototypes", "classifier")),
    "beginnings": (beginnings, ("MAML", "first order", "Reptile", "jointly")),
}


def kept() -> dict[str, dict[str, list[Facts]]]:
    """What was run: for each experiment its kinds, for each kind what each seed gave."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}


def brief(value: float | list[float]) -> bool:
    """Whether a fact is short enough to be printed: no picture."""
    return not isinstance(value, list) or len(value) <= 20


def keep(facts: dict) -> None:
    """Write what was run, each list of numbers on one line."""
    text = json.dumps(facts, indent=1)
    rows = re.sub(r"\[[^\[\]{}]*\]", lambda numbers: " ".join(numbers[0].split()), text)
    RESULTS.write_text(rows + "\n", encoding="utf-8")


def main() -> None:
    """Run what is asked for, seed by seed, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help="experiments to run anew")
    args = parser.parse_args()
    if unknown := set(args.names) - set(EXPERIMENTS):
        parser.error(
            f"no experiment is called {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}"
        )
    facts = {name: found for name, found in kept().items() if name not in args.names}
    for name in args.names or EXPERIMENTS:
        run, kinds = EXPERIMENTS[name]
        for kind in kinds:
            found = facts.setdefault(name, {}).setdefault(kind, [])
            for seed in SEEDS[len(found) :]:
                found.append(run(kind, seed))
                said = {fact: value for fact, value in found[-1].items() if fact != "curve" and brief(value)}
                print(name, kind, f"seed {seed}: {said}", flush=True)
                keep(facts)


if __name__ == "__main__":
    main()
