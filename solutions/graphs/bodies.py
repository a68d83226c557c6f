"""A star and its planets by an interaction network: learned from single steps of six bodies, then left to itself.

Battaglia et al., "Interaction networks for learning about objects, relations and physics", arXiv:1612.00222. Masses are
in stars, distances in units in which a planet at a distance of 1 goes once round in a time of 2π.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.training import Run
from solutions.graphs.reference import interaction_step

DT, SOFT = 0.05, 0.1  # time of a step; a pull grows no more within this distance
BODIES = 6  # of the groups that are learned from
ASKED = (3, 6, 9)  # of those that are asked about
FAR = 120  # steps of a rollout, about once round at a distance of 1
BATCH, STEPS, RATE = 32, 5000, 5e-3


def drawn(bodies: int, count: int, generator: torch.Generator) -> Tensor:
    """`count` stars with planets round them: mass, place and velocity of every body, (count · bodies, 5)."""
    planets = count, bodies - 1
    distance, angle, speed, mass = (torch.rand(planets, generator=generator) for _ in range(4))
    distance, angle = 0.6 + 1.6 * distance, 2 * math.pi * angle
    speed = (0.85 + 0.3 * speed) / distance.sqrt()  # 1 for a circle
    around = torch.stack([0.001 + 0.089 * mass, distance * angle.cos(), distance * angle.sin()], 2)
    planet = torch.cat([around, torch.stack([-speed * angle.sin(), speed * angle.cos()], 2)], 2)
    star = torch.tensor([1.0, 0, 0, 0, 0]).expand(count, 1, 5)
    return torch.cat([star, planet], 1).flatten(0, 1)


def everybody(bodies: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Senders and receivers, each body of a group with each other one of it; relations hold nothing, (E, 0)."""
    receivers, senders = (~torch.eye(bodies, dtype=torch.bool)).nonzero().T
    first = bodies * torch.arange(count)[:, None]
    return (first + senders).flatten(), (first + receivers).flatten(), torch.zeros(count * len(senders), 0)


def pull(sender: Tensor, receiver: Tensor, _: Tensor) -> Tensor:
    """Newton's: what a sender's mass does to a receiver's velocity, in a unit of time (E, 2)."""
    apart = sender[:, 1:3] - receiver[:, 1:3]
    return sender[:, :1] * apart / (apart.square().sum(1, keepdim=True) + SOFT**2) ** 1.5


def pull_of_stars(sender: Tensor, receiver: Tensor, relation: Tensor) -> Tensor:
    """The same, as if planets did not pull."""
    return pull(sender, receiver, relation) * (sender[:, :1] == 1)


def no_pull(sender: Tensor, receiver: Tensor, _: Tensor) -> Tensor:
    """Everything goes straight on."""
    return torch.zeros_like(sender[:, :2])


def given_up(_: Tensor, effects: Tensor) -> Tensor:
    """The object's model where effects are accelerations already."""
    return effects


class Learned(nn.Module):
    """Both models as nets: an effect of who pulls and from where, and an acceleration of the sum of effects."""

    def __init__(self, hidden: int = 128, effects: int = 16):
        super().__init__()
        self.relation = nn.Sequential(
            nn.Linear(3, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, effects)
        )
        self.object = nn.Linear(effects, 2, bias=False)  # no bias: who feels nothing is not moved

    def pull(self, sender: Tensor, receiver: Tensor, _: Tensor) -> Tensor:
        """An effect (E, 16)."""
        return self.relation(torch.cat([sender[:, :1], sender[:, 1:3] - receiver[:, 1:3]], 1))

    def moved(self, _: Tensor, effects: Tensor) -> Tensor:
        """An acceleration (N, 2)."""
        return self.object(effects)


Models = tuple[Callable[..., Tensor], Callable[..., Tensor]]  # of relations, of objects


def learned(seed: int, run: Run, steps: int = STEPS) -> Models:
    """Nets that saw single steps of groups of `BODIES`."""
    torch.manual_seed(seed)
    net, draw = Learned().to(run.device), torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, RATE, steps)
    ends = run.to(*everybody(BODIES, BATCH))
    saved = {"net": net, "optimizer": adam, "schedule": schedule}
    for _ in run.steps(steps, saved, f"bodies {seed}"):
        (state,) = run.to(drawn(BODIES, BATCH, draw))
        due = interaction_step(state, *ends, pull, given_up)
        loss = (interaction_step(state, *ends, net.pull, net.moved) - due).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    net = net.cpu().eval()
    return net.pull, net.moved


@torch.no_grad()
def rollout(state: Tensor, ends: tuple[Tensor, ...], models: Models, steps: int = FAR) -> Tensor:
    """Places (steps + 1, N, 2) of bodies that go on from a state, each step from where the last one ended."""
    places = [state[:, 1:3]]
    for _ in range(steps):
        velocity = state[:, 3:] + DT * interaction_step(state, *ends, *models)
        state = torch.cat([state[:, :1], state[:, 1:3] + DT * velocity, velocity], 1)
        places.append(state[:, 1:3])
    return torch.stack(places)


LAWS = {"the star alone": (pull_of_stars, given_up), "straight on": (no_pull, given_up)}  # two guesses


def astray(models: Models, bodies: int, groups: int = 100) -> float:
    """How far from where they should be bodies are after `FAR` steps, on average, by the way that they have gone."""
    state = drawn(bodies, groups, torch.Generator().manual_seed(bodies))
    ends = everybody(bodies, groups)
    right, said = rollout(state, ends, (pull, given_up)), rollout(state, ends, models)
    gone = right.diff(dim=0).norm(dim=2).sum(0).mean()
    return ((said[-1] - right[-1]).norm(dim=1).mean() / gone).item()
