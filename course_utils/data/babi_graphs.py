"""bAbI's stories as graphs: four tasks (full; Li et al., 2016), or one, generated (mini).

    wolf is afraid of cat; emily is a wolf; what is emily afraid of?      nodes emily, wolf, cat; edges is, has_fear

Nodes are what a sentence speaks of, edges what it says, by kind. Tasks 15 (deduction) and 16 (induction) ask for a
node, 18 (size) for yes or no, 19 (finding a path) for two steps. Of the 1,000 graphs for training the last 100 are
`val`. Mini: task 15 alone.
"""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from course_utils.data.fetch import fetch
from course_utils.data.many_graphs import Graph, Graphs, joined
from course_utils.data.registry import DATASETS
from course_utils.data.splits import SPLITS, check

TASKS = {"mini": (15,), "full": (15, 16, 18, 19)}
NODES = {15: 8, 16: 13, 18: 6, 19: 6}  # of every graph; those of which nothing is said have no edges
KINDS = {15: 2, 16: 2, 18: 1, 19: 4}  # of edges
ANSWERS = {15: 8, 16: 13, 18: 2, 19: 4}  # nodes, or yes and no, or directions
COUNTS = {"train": 300, "val": 100, "test": 200}  # generated
_HELD_OUT = 100


def load(tier: str, split: str, task: int = 15) -> Graphs:
    """One graph for each of the split's questions.

    Nodes (N, 1): 1 and 2 for the node that is asked about first and second, else 0. An edge stands once, as it is
    said. y (G, A), integers from 0: one answer, or two steps (task 19).

    Raises:
        ValueError: the tier has no such task.
    """
    check(split, tier)
    if task not in TASKS[tier]:
        raise ValueError(f"load: expected a task of {TASKS[tier]} at the {tier} tier, got {task}.")
    graphs = joined(_drawn(split) if tier == "mini" else list(_read(split, task)))
    return replace(graphs, y=graphs.y.long())


def _drawn(split: str) -> list[Graph]:
    """Nodes 0 to 3 are animals, 4 to 7 are somebody's; who is afraid of what?"""
    rng = np.random.RandomState([SPLITS.index(split), 15])
    graphs: list[Graph] = []
    for _ in range(COUNTS[split]):
        fears = [int(rng.choice([w for w in range(4) if w != v])) for v in range(4)]
        animals = rng.randint(0, 4, 4).tolist()
        edges = [(4 + who, what, 0) for who, what in enumerate(animals)]
        edges += [(what, feared, 1) for what, feared in enumerate(fears)]
        asked = rng.randint(0, 4)
        marks = [[int(v == 4 + asked)] for v in range(8)]
        graphs.append((marks, edges, [fears[animals[asked]]]))
    return graphs


def _read(split: str, task: int) -> Iterator[Graph]:
    """Blocks of lines `node kind node`, then `? 1 node(s) answer(s)`, all counted from 1."""
    name = f"processed_1/{'test' if split == 'test' else 'train'}/{task}_graphs.txt"
    with tarfile.open(fetch(DATASETS["babi_graphs"].files[0])) as archive:
        stream = archive.extractfile(name)
        if stream is None:
            raise ValueError(f"babi_graphs: {name} is no file in the archive.")
        blocks = io.TextIOWrapper(stream, encoding="ascii").read().strip().split("\n\n")
    kept = {"train": blocks[:-_HELD_OUT], "val": blocks[-_HELD_OUT:], "test": blocks}[split]
    for block in kept:
        lines = [line.split() for line in block.splitlines()]
        edges = [(int(v) - 1, int(w) - 1, int(kind) - 1) for v, kind, w in (x for x in lines if x[0] != "?")]
        for _, _, *numbers in (line for line in lines if line[0] == "?"):
            yield _asked(task, edges, [int(number) - 1 for number in numbers])


def _asked(task: int, edges: list[tuple[int, int, int]], numbers: list[int]) -> Graph:
    ends = 1 if task in (15, 16) else 2
    marks = [[numbers[:ends].index(v) + 1 if v in numbers[:ends] else 0] for v in range(NODES[task])]
    return marks, edges, [float(number) for number in numbers[ends:]]
