"""What the student's code does in place to what a check gave it, seen through the wire."""

import numpy as np
import pytest
import torch

from course_utils.checks.failure import StudentError

IN_PLACE = """
import torch
from torch import nn
def lowered(z):
    z -= z.max(1, keepdim=True).values
    return z.exp()
class Adds(nn.Module):
    def forward(self, x):
        x += 1
        return x
"""


def test_a_function_may_work_in_place_on_its_input_and_the_checks_own_stays(student):
    s = student(IN_PLACE)
    for z in (torch.randn(2, 3), torch.randn(2, 3, requires_grad=True)):
        before = z.detach().clone()
        got = s.lowered(z)
        assert torch.equal(got, (before - before.max(1, keepdim=True).values).exp())
        assert torch.equal(z, before)
    got.sum().backward()
    assert z.grad is not None


def test_what_a_module_does_to_its_input_reaches_the_checks_own_as_in_a_notebook(student):
    net, x = student(IN_PLACE).Adds(), torch.zeros(2)
    assert net(x).tolist() == [1, 1]
    assert x.tolist() == [1, 1]
    with pytest.raises(StudentError, match="leaf"):
        net(torch.zeros(2, requires_grad=True))


UNSEEN = """
from torch import nn
class Hidden(nn.Module):
    def forward(self, x):
        x.data.add_(1)
        return x * 2
class Array(nn.Module):
    def forward(self, x):
        x += 1
        return x.sum()
class Looks(nn.Module):
    def forward(self, x):
        return x * 2
"""


@pytest.mark.parametrize("grad", [False, True])
def test_what_autograd_does_not_see_reaches_the_checks_own_too(student, grad):
    s = student(UNSEEN)
    x = torch.tensor([0.0, float("nan")], requires_grad=grad)
    s.Looks()(x)
    assert x[0] == 0
    s.Hidden()(x)
    assert x[0] == 1


def test_work_in_place_on_an_array_reaches_the_checks_own(student):
    x, kept = np.zeros((2, 3)), np.zeros((2, 3))
    kept.flags.writeable = False
    s = student(UNSEEN)
    assert s.Array()(x) == s.Array()(kept) == 6
    assert x.tolist() == np.ones((2, 3)).tolist()
    assert kept.sum() == 0


def test_work_in_place_on_what_a_function_of_the_check_was_given_keeps_the_gradients(student):
    s = student("def f(nets, z):\n    for net in nets:\n        z *= net(z)\n        z += 1\n    return z")
    z = torch.tensor([0.5, 2.0], requires_grad=True)

    def right(z):
        for _ in range(2):
            z = z * z.sin() + 1
        return z

    (got,) = torch.autograd.grad(s.f([lambda z: z.sin()] * 2, z).sum(), z)
    (wanted,) = torch.autograd.grad(right(z).sum(), z)
    assert torch.allclose(got, wanted)


def test_work_in_place_on_one_of_two_results_keeps_the_gradients_of_both(student):
    s = student(
        "from torch import nn\ndef two(x): return 2 * x, 3 * x\n"
        "class Net(nn.Module):\n    def forward(self, a, b):\n        b += a\n        return a * b"
    )
    x = torch.tensor([[0.5, 2.0]], requires_grad=True)
    (got,) = torch.autograd.grad(s.Net()(*s.two(x)).sum(), x)
    assert torch.allclose(got, 20 * x)  # 2x · (3x + 2x)
