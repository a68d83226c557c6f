"""Searches for programs and nets that write them, as `synthesis` compares them: `benchmarks.chapters` keeps them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import islice

import numpy as np
import torch

from course_utils.data.string_language import END, LONGEST, NAMES, Text, rewritings
from course_utils.training import Run
from solutions.synthesis import asked
from solutions.synthesis import reference as synthesis

Facts = dict[str, float | list[float]]

NODES = 5000  # that a search for a list program may take


@cache
def attributes(seed: int) -> synthesis.AttributeNet:
    """A net that has learned which operations programs use, as the lab's reference has."""
    net = synthesis.build("mini")["attributes"]
    run = Run(seed=seed, device="cpu")
    synthesis.learn_attributes(net, synthesis.load_lists("mini", seed), synthesis.config("mini"), run)
    return net


def searching(kind: str, seed: int) -> Facts:
    """Searches for the held-out list programs in three orders: the nodes of each, 0 where none was found."""
    if kind == "by frequency":
        frequent = synthesis.likeliest(synthesis.load_lists("mini", seed).tensors[1].mean(0))
    taken = []
    for n, examples in enumerate(synthesis.list_tests("mini")):
        if kind == "by chance":
            order = synthesis.unguided(1000 * seed + n)
        else:
            order = frequent if kind == "by frequency" else synthesis.guided(attributes(seed), examples)
        look = synthesis.sort_and_add if kind == "sort and add" else synthesis.search
        found, nodes = look(examples, order, synthesis.LINES, NODES)
        taken.append(0.0 if found is None else float(nodes))
    return {"right": round(sum(nodes > 0 for nodes in taken) / len(taken), 4), "nodes": taken}


@cache
def writer(seed: int) -> synthesis.Writer:
    """A net that has learned to write string programs, as the lab's reference has."""
    net, run = synthesis.build("mini")["writer"], Run(seed=seed, device="cpu")
    synthesis.learn_to_write(net, synthesis.load_strings("mini", seed), synthesis.config("mini"), run)
    return net


SHOWN = (1, 2, 3, 4, 6)  # examples of a string problem


def mistyped(kind: str, seed: int) -> Facts:
    """String programs learned from few examples, all right or one of them mistyped: the share that generalises.

    Kinds: version spaces, and beams of 1 or 4 with a net or with none, where all expressions are as likely; and the net
    alone, which takes what it finds likeliest, whatever the examples say.
    """
    rng = np.random.RandomState([seed, 2011])
    tasks = [examples for _, examples in islice(rewritings(rng, max(SHOWN) + synthesis.HELD_OUT), 60)]
    facts: Facts = {}
    for corrupt in (False, True):
        shares = []
        for shown in SHOWN[corrupt:]:
            learn = learner(kind, seed, int(corrupt))
            hits = 0
            for examples in tasks:
                given, held_out = examples[:shown], examples[max(SHOWN) :]
                given = synthesis.one_wrong(rng, given) if corrupt else given
                hits += synthesis.generalises(learn(given), held_out)
            shares.append(round(hits / len(tasks), 4))
        facts["one wrong" if corrupt else "all right"] = shares
    return facts | {"right": facts["one wrong"][2]}  # type: ignore[index]


def learner(kind: str, seed: int, tolerated: int) -> Callable[[list[Text]], tuple[str, ...] | None]:
    """What makes a program of examples, by `mistyped`'s kind."""
    if kind == "version spaces":
        return synthesis.flash_fill
    if kind == "net alone":
        return lambda shown: alone(writer(seed), shown)
    name, width = kind.rsplit(" ", 1)
    if name == "net":
        return synthesis.by_net(writer(seed), replace(synthesis.config("mini"), width=int(width)), tolerated)

    def alike(rests: list[list[str | None]]) -> torch.Tensor:
        return torch.zeros(len(rests), END + 1)

    return lambda shown: synthesis.beam(alike, shown, int(width), LONGEST, tolerated)


def asking(kind: str, seed: int) -> Facts:
    """What people ask of spreadsheets, by a beam of a net's.

    For each of `TASKS`: from how many examples on it is right; of three times with a mistyped one of four, how often.
    """
    width = int(kind.split()[1])
    needed, mended = [], []
    for task in asked.TASKS.values():
        rows = asked.rows_of(task)
        learn, wary = (asked.by_net(writer(seed), width, tolerated) for tolerated in (0, 1))
        needed.append(float(asked.enough(learn, rows)))
        right = [synthesis.generalises(wary(shown), rows[4:]) for shown in asked.three_mistakes(rows)]
        mended.append(float(sum(right)))
    return {"needed": needed, "mended": mended}


def alone(net: synthesis.Writer, shown: list[Text]) -> tuple[str, ...] | None:
    """The likeliest expression, again and again, until the net ends the program or contradicts every example."""
    scores, program = synthesis.writes(net, shown), ()
    for _ in range(LONGEST + 1):
        rests = [synthesis.remains(program, example) for example in shown]
        if not any(rest is not None for rest in rests):
            return None
        code = int(scores([rests])[0].argmax())
        if code == END:
            return program
        program = (*program, NAMES[code])
    return None
