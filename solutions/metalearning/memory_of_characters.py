"""A net with a memory on Omniglot: it reads a sequence of drawings whose labels come one step late.

Santoro et al., "One-shot learning with memory-augmented neural networks", arXiv:1605.06065: classes get their labels
anew for each sequence, so that nothing but what stands in memory can tell them. As there, rows are read by content; a
row is written at every step, and none has to be overwritten in sequences this short.

Shapes: B sequences of L drawings, N labels, D numbers of a key.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils.training import Run
from solutions.metalearning.maml_of_characters import strided
from solutions.metalearning.reference import by_presentation, shifted

WAYS, LENGTH, SEQUENCES = 5, 50, 8  # classes and drawings of a sequence (section 4.2); sequences of a step
PRESENTED = 10  # times that each class comes: all are shown equally often, in random order


class MemoryReader(nn.Module):
    """Keys are embeddings of drawings; beside each key stands the label that was told one step after it."""

    def __init__(self, ways: int = WAYS, channels: int = 32, d: int = 64):
        super().__init__()
        self.ways, self.embed = ways, strided(channels, d)
        self.log_sharpness = nn.Parameter(torch.tensor(2.0))
        self.doubt = nn.Parameter(torch.zeros(()))  # likeness of a row that says nothing
        self.say = nn.Sequential(nn.Linear(ways + 1, 64), nn.ReLU(), nn.Linear(64, ways))

    def read(self, key: Tensor, told: Tensor) -> Tensor:
        """What each step finds in memory by cosine (B, L, N): shares of labels, which add up to 1 or less.

        Args:
            key: (B, L, D).
            told: What is told at each step, the label of the step before (B, L, N).
        """
        unit = F.normalize(key, dim=-1)
        like = self.log_sharpness.exp() * unit @ unit.mT  # (B, L, L)
        length = key.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool, device=key.device).tril(-1)
        like = like.masked_fill(~earlier, -torch.inf)
        doubt = self.doubt.expand(*like.shape[:2], 1)
        weights = torch.cat([like, doubt], -1).softmax(-1)[..., :-1]  # (B, L, L)
        label = F.pad(told, (0, 0, 0, 1))[:, 1:]  # beside each key, what was told a step later
        return weights @ label

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Drawings (B, L, 1, 28, 28) and labels (B, L) to scores (B, L, N); each sees labels before it alone."""
        key = self.embed(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        told = shifted(key, y, self.ways)[..., key.shape[-1] :]  # (B, L, N)
        found = self.read(key, told)
        return self.say(torch.cat([found, found.sum(-1, keepdim=True)], -1)) + 4 * found


def sequences(drawings: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences of `PRESENTED` drawings of each of `WAYS` characters, in random order, and their labels.

    Args:
        drawings: (C, K, 1, S, S), K at least `PRESENTED`.

    Returns:
        (count, LENGTH, 1, S, S) and (count, LENGTH).
    """
    order = torch.rand(count, LENGTH, generator=generator).argsort(1)
    y = torch.arange(WAYS).repeat_interleave(PRESENTED)[order]  # (B, L)
    character = torch.stack([torch.randperm(len(drawings), generator=generator)[:WAYS] for _ in range(count)])
    hands = torch.rand(count, WAYS, drawings.shape[1], generator=generator).argsort(-1)[..., :PRESENTED]
    hand = hands.flatten(1).gather(1, order)
    return drawings[character.gather(1, y).to(drawings.device), hand.to(drawings.device)], y


def learn(net: MemoryReader, drawings: Tensor, steps: int, run: Run) -> None:
    """Cross-entropy of every drawing's label, at its first presentation too."""
    adam = torch.optim.Adam(net.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, steps, pct_start=0.1)
    for step in run.steps(steps, {"net": net, "adam": adam, "schedule": schedule}, "memory"):
        x, y = run.to(*sequences(drawings, SEQUENCES, run.generator(f"memory {step}")))
        loss = F.cross_entropy(net(x, y).flatten(0, 1), y.flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        run.log(memory_nats=loss)


@torch.no_grad()
def presentations(net: MemoryReader, drawings: Tensor, device: torch.device, count: int = 400) -> Tensor:
    """Share right at the first presentation of a class, the second, … (`PRESENTED`,), over new sequences."""
    draw, labels, hits = torch.Generator().manual_seed(1), [], []
    for _ in range(count // 20):
        x, y = sequences(drawings, 20, draw)
        labels.append(y)
        hits.append(net(x.to(device), y.to(device)).argmax(-1).cpu() == y)
    return by_presentation(torch.cat(labels), torch.cat(hits), PRESENTED)
