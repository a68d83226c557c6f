"""Binary numbers and their sums, the lowest bit first: for nets that learn an algorithm. Generated.

     1 1 0 0        3
    +1 0 1 0       +5
     0 0 0 1        8

What is learned from is short; what a net is tried on is far longer. Half of the pairs hold exactly one 1 at most
places, so that a carry goes far.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import TensorDataset

from course_utils.data.splits import SPLITS, check

BITS = {"mini": {"train": 12, "val": 24, "test": 96}, "full": {"train": 20, "val": 40, "test": 2000}}
SIZES = {"mini": {"train": 1000, "val": 100, "test": 100}, "full": {"train": 1000, "val": 100, "test": 20}}


def load(tier: str, split: str) -> TensorDataset:
    """Bits (N, 2, L + 1) and those of the sums (N, L + 1), int64, of numbers with L bits, as `BITS` has it."""
    check(split, tier)
    generator = torch.Generator().manual_seed(1511 + SPLITS.index(split))
    return TensorDataset(*draw(SIZES[tier][split], BITS[tier][split], generator))


def draw(count: int, length: int, generator: torch.Generator, chains: float = 0.5) -> tuple[Tensor, Tensor]:
    """Pairs of numbers with `length` bits, and their sums; one place more has room for the sum.

    Args:
        count: N.
        length: L, at least 1.
        generator: What is drawn comes from it.
        chains: Share of pairs in which nine of ten places hold exactly one 1.

    Returns:
        Bits (N, 2, L + 1), and those of the sums (N, L + 1).
    """
    bits = torch.randint(2, (count, 2, length), generator=generator)
    rare = torch.rand(count, 1, generator=generator) < chains
    opposite = rare & (torch.rand(count, length, generator=generator) < 0.9)
    bits[:, 1] = torch.where(opposite, 1 - bits[:, 0], bits[:, 1])
    bits = F.pad(bits, (0, 1))
    return bits, added(bits)


def added(bits: Tensor) -> Tensor:
    """Sums (N, L) of bits (N, 2, L), place by place with a carry; what is carried out of the last place is lost.

    >>> added(torch.tensor([[[1, 1, 0, 0], [1, 0, 1, 0]]]))
    tensor([[0, 0, 0, 1]])
    """
    carry, places = torch.zeros_like(bits[:, 0, 0]), []
    for a, b in zip(bits[:, 0].T, bits[:, 1].T):
        here = a + b + carry
        places.append(here % 2)
        carry = here // 2
    return torch.stack(places, dim=1)
