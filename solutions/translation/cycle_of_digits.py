"""CycleGAN between house numbers and plain digits: no label and no pair in its training, and a judge of plain digits.

Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", arXiv:1703.10593. A house
number has colours and a neighbour, of which a plain digit can tell nothing: the way back has to guess them, or to find
them where the judge of the other side does not look.
"""

import torch
from torch import Tensor, nn

from course_utils.data import house_numbers
from course_utils.training import Run
from solutions.translation.reference import (
    Reader,
    cycle_loss,
    discriminator_loss,
    generator_loss,
    judged,
    step,
    strangers,
)

BATCH, CYCLE = 32, 10.0  # pictures of a step; weight of the way back (section 4)
CHANNELS = {"house": 3, "plain": 1}


def generator(a: int, b: int, c: int = 16) -> nn.Sequential:
    """Pictures (B, a, 32, 32) to (B, b, 32, 32) in [0, 1]: down, one more look, and up again."""
    return nn.Sequential(
        nn.Conv2d(a, c, 4, 2, 1),  # (B, c, 16, 16)
        nn.ReLU(),
        nn.Conv2d(c, 2 * c, 4, 2, 1),  # (B, 2c, 8, 8)
        nn.InstanceNorm2d(2 * c),
        nn.ReLU(),
        nn.Conv2d(2 * c, 2 * c, 3, 1, 1),
        nn.InstanceNorm2d(2 * c),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * c, c, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(c, b, 4, 2, 1),
        nn.Sigmoid(),
    )


def patches(channels: int, c: int = 16) -> nn.Sequential:
    """A judge of patches: pictures (B, channels, 32, 32) to scores (B, 1, 7, 7)."""
    return nn.Sequential(
        nn.Conv2d(channels, c, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(c, 2 * c, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * c, 1, 2),
    )


def build() -> nn.ModuleDict:
    """The two generators, "there" to plain digits and "back", and a judge of each domain."""
    house, plain = CHANNELS.values()
    return nn.ModuleDict(
        {
            "there": generator(house, plain),
            "back": generator(plain, house),
            "house": patches(house),
            "plain": patches(plain),
        }
    )


def learn(nets: nn.ModuleDict, tier: str, steps: int, run: Run) -> None:
    """Judges of both domains and the way back, on house numbers and plain digits that are no pairs."""
    there, back, house, plain = (nets[name] for name in ("there", "back", "house", "plain"))
    first = torch.optim.Adam([*there.parameters(), *back.parameters()], 1e-3, (0.5, 0.99))
    second = torch.optim.Adam([*house.parameters(), *plain.parameters()], 5e-4, (0.5, 0.99))
    saved = {"nets": nets, "first": first, "second": second}
    for x, y in run.batches(strangers(tier), BATCH, steps, saved, "cyclegan"):
        made, coloured = there(x), back(y)
        step(second, discriminator_loss(plain, y, made) + discriminator_loss(house, x, coloured))
        fooled = generator_loss(plain, made) + generator_loss(house, coloured)
        home = cycle_loss(there, back, x, y)
        step(first, fooled + CYCLE * home)
        run.log(cyclegan_home=home, cyclegan_fooled=fooled)


@torch.no_grad()
def right(nets: nn.ModuleDict, reads: Reader, tier: str, device: torch.device) -> dict[str, float]:
    """Of the test pictures: translations that keep their digit, by the judge of each side, and how they come home.

    House numbers that became plain are judged as the domain transfer network's are; plain digits that became house
    numbers by `reads`, a reader of house numbers that learned from their labels.
    """
    there, back = nets["there"], nets["back"]
    x, label = house_numbers.load(tier, "test").tensors
    y, other = house_numbers.plain(tier, "test").tensors
    made = torch.cat([there(part.to(device)) for part in x.split(500)])
    coloured = [back(part.to(device)) for part in y.split(500)]
    read: Tensor = torch.cat([reads.scores(reads(part)).argmax(1).cpu() for part in coloured])
    home = torch.cat([back(part) for part in made.split(500)]).cpu()
    return {
        "cyclegan_house_to_plain": (judged(made, tier) == label).float().mean().item(),
        "cyclegan_plain_to_house": (read == other).float().mean().item(),
        "cyclegan_home": (home - x).abs().mean().item(),
    }
