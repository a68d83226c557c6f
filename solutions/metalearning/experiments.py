"""Two other learners on Omniglot, with its own split of alphabets: MAML, and a net with a memory.

They learn from all thirty background alphabets: none is kept for validation.
"""

import torch
from torch import Tensor

from course_utils.training import Run
from solutions.metalearning import maml_of_characters, memory_of_characters
from solutions.metalearning.reference import load, turned

STEPS = {
    "maml": 2300,
    "memory": 500,
}  # as many as a quarter of an hour of one thread has for both, and no more


def experiments(tensors: dict[str, Tensor], tier: str, run: Run) -> dict[str, float]:
    """MAML's share right of five ways and one shot, and that of a memory by presentation of a class."""
    background = torch.cat([load(tier, part) for part in ("train", "val")])
    known, new = turned(background, 4).to(run.device), load(tier, "test")
    torch.manual_seed(run.seed)
    net = maml_of_characters.strided(32, maml_of_characters.WAYS).to(run.device)
    maml_of_characters.learn(net, known, STEPS["maml"], run)
    found = {"maml_five_ways_one_shot": maml_of_characters.right(net, new, run.device)}
    torch.manual_seed(run.seed)
    reader = memory_of_characters.MemoryReader().to(run.device)
    memory_of_characters.learn(reader, known, STEPS["memory"], run)
    shares = memory_of_characters.presentations(reader, new, run.device).tolist()
    return found | {f"memory_presentation_{n}": share for n, share in enumerate(shares, 1)}
