"""Nets that are trained side by side become what each becomes alone."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from course_utils.side_by_side import side_by_side


class Twice(nn.Module):
    """The same inner layer at two places."""

    def __init__(self) -> None:
        super().__init__()
        inner = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.parts, self.last = nn.ModuleList([inner, inner]), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Rows (B, 4) to rows (B, 2)."""
        return self.last(self.parts[1](self.parts[0](x)))


def descend(net: nn.Module, x: Tensor, y: Tensor, rate: float) -> None:
    """Twenty steps of gradient descent with momentum."""
    optimizer = torch.optim.SGD(net.parameters(), rate, momentum=0.9)
    for _ in range(20):
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()


def test_each_net_learns_as_if_it_were_alone() -> None:
    torch.manual_seed(0)
    nets, x, y = [Twice() for _ in range(3)], torch.randn(3, 8, 4), torch.randn(3, 8, 2)
    alone = deepcopy(nets)
    for net, inputs, due in zip(alone, x, y):
        descend(net, inputs, due, 0.05)
    together = side_by_side(nets, lambda whole: descend(whole, x.flatten(0, 1), y.flatten(0, 1), 0.15))
    assert all(one is other for one, other in zip(together, nets))
    for one, other, inputs in zip(alone, together, x):
        assert torch.allclose(one(inputs), other(inputs), atol=1e-5)
        assert not torch.allclose(other(inputs), nets[0](x[1]), atol=0.1)


def test_a_layer_that_two_places_share_stays_one() -> None:
    torch.manual_seed(0)
    counted = []
    side_by_side([Twice(), Twice()], lambda whole: counted.append(sum(p.numel() for p in whole.parameters())))
    assert counted == [2 * sum(p.numel() for p in Twice().parameters())]


def test_weights_elsewhere_are_refused() -> None:
    nets = [nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)) for _ in range(2)]
    with pytest.raises(ValueError, match="one by one"):
        side_by_side(nets, lambda whole: None)
