"""What nets keep in mind: a story, rows to be copied, a subject; `benchmarks.chapters` keeps what came out."""

import torch

from benchmarks.programs_found import Facts
from course_utils.data.text import Text
from course_utils.training import Run
from solutions.memory import reference as memory
from solutions.recurrence import reference as recurrence

LENGTHS = (6, 12, 40, 80)  # of rows to be copied: the longest that were learned, and longer ones


def asked(kind: str, seed: int) -> Facts:
    """Two RNNs, trained as the baseline of `memory` is: shares of questions of its two tasks that come out right."""
    shares = memory.right(memory.two_rnns(seed), memory.load("mini", "test"))
    return {"right": round(sum(shares) / len(shares), 4), "by_task": [round(share, 4) for share in shares]}


def copying(kind: str, seed: int) -> Facts:
    """A tape whose controller has learned to copy at most six rows: shares of wrong bits, by the number of rows."""
    run, net = Run(seed=seed, device="cpu"), memory.CopyMachine(memory.BITS, memory.WIDTH)
    memory.learn_to_copy(net, memory.config("mini"), run)
    return {"wrong": [round(memory.bits_wrong(net, length), 4) for length in LENGTHS]}


def pronouns(kind: str, seed: int) -> Facts:
    """A language model of tales, trained as the lab's reference is: how often it writes the pronoun of a subject."""
    text, test = (recurrence.load("mini", split) for split in ("train", "test"))
    model = recurrence.build("mini", len(text.alphabet))
    model.load_state_dict(recurrence.train("mini", seed, Run(seed=seed, device="cpu")))
    return {"right": round(of_subjects(model.eval(), test), 4)}


@torch.no_grad()
def of_subjects(model: recurrence.LanguageModel, text: Text) -> float:
    """The share of a text's sentences in which the likeliest letter behind ", and " is right: it begins a pronoun."""
    hits = []
    for line in text.decode(text.codes).split(". "):
        before, mark, after = line.partition(", and ")
        if after:
            scores, _ = model(text.encode(before + mark)[None])
            hits.append(text.alphabet[int(scores[0, -1].argmax())] == after[0])
    return sum(hits) / len(hits)
