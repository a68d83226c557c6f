"""What the record does not hold: harder episodes, and two other learners on Omniglot, each over three seeds.

MAML and the net with a memory learn from all thirty background alphabets: none is kept for validation.
"""

import torch
from torch import Tensor

from course_utils.training import Run
from course_utils.training.of_seed import OfSeed
from solutions.metalearning import maml_of_characters, memory_of_characters
from solutions.metalearning.reference import build, config, harder, learn_metric, load, turned

SEEDS = 3
STEPS = {
    "maml": 2300,
    "memory": 500,
}  # as many as a quarter of an hour of one thread has for both, and no more


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """Shares right, by name and seed: of prototypes on harder episodes, of MAML, of a memory by presentation."""
    found: dict[str, float] = {}
    for seed in range(SEEDS):
        own = OfSeed(run, seed)
        measured = prototypes(tensors if seed == 0 else None, tier, own) | maml(own) | memory(own)
        found |= {f"{name}_{seed}": value for name, value in measured.items()}
    return found


def prototypes(tensors: dict[str, Tensor] | None, tier: str, run: Run) -> dict[str, float]:
    """Five shots, twenty ways and Omniglot's own runs: of the record's net, or of one trained like it."""
    nets = build(tier).to(run.device)
    if tensors is None:
        how = config(tier)
        drawings = turned(load(tier, "train"), how.turned).to(run.device)
        learn_metric(nets["embedding"], drawings, how, run)
    else:
        nets.load_state_dict(tensors)
    return harder(nets["embedding"].eval())


def maml(run: Run) -> dict[str, float]:
    """MAML's share right of five ways and one shot."""
    torch.manual_seed(run.seed)
    net = maml_of_characters.strided(32, maml_of_characters.WAYS).to(run.device)
    maml_of_characters.learn(net, background(run), STEPS["maml"], run)
    return {"maml_five_ways_one_shot": maml_of_characters.right(net, load("full", "test"), run.device)}


def memory(run: Run) -> dict[str, float]:
    """A memory's shares right by presentation of a class."""
    torch.manual_seed(run.seed)
    reader = memory_of_characters.MemoryReader().to(run.device)
    memory_of_characters.learn(reader, background(run), STEPS["memory"], run)
    shares = memory_of_characters.presentations(reader, load("full", "test"), run.device).tolist()
    return {f"memory_presentation_{n}": share for n, share in enumerate(shares, 1)}


def background(run: Run) -> Tensor:
    """All drawings to learn from, and their quarter turns as classes of their own."""
    return turned(torch.cat([load("full", part) for part in ("train", "val")]), 4).to(run.device)
