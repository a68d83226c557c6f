"""`follows` asks for the gradients that must flow, and says which do not."""

import pytest
import torch

from course_utils.checks import CheckFailed, follows

X, W = (torch.randn(2, 3, requires_grad=True) for _ in range(2))
LEAVES = {"its input": X, "its weights": W}
RIGHT = (X * W).exp() + 0 * X


def test_the_same_function_written_otherwise_passes_in_any_float_type():
    follows(torch.exp(W * X), LEAVES, RIGHT, "f")
    follows(torch.exp(W.double() * X), LEAVES, RIGHT, "f")


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (RIGHT.detach(), "cannot follow f back\n(?s:.)*no_grad"),
        (None, "cannot follow f back\n(?s:.)*NoneType"),
        ((X * W.detach()).exp(), "cannot follow f back to its weights\n(?s:.)*none"),
        ((X * (W + W.detach()) / 2).exp(), "the gradient of f in its weights is not right"),
    ],
)
def test_a_cut_is_named(got, said):
    with pytest.raises(CheckFailed, match=said):
        follows(got, LEAVES, RIGHT, "f")


def test_a_leaf_that_the_right_way_does_not_use_or_that_changes_nothing_need_not_be_followed():
    unused = torch.ones(2, requires_grad=True)
    follows(X.exp(), {"x": X, "nothing": unused}, X.exp(), "f")
    follows(X.exp(), {"x": X, "nothing": unused}, X.exp() + 0 * unused.sum(), "f")


def test_the_leaves_of_the_right_way_may_be_others():
    other = X.detach().clone().requires_grad_()
    follows(X**2, {"x": X}, other**2, "f", others={"x": other})
    with pytest.raises(CheckFailed, match="gradient of f in x"):
        follows(X**2 / 2, {"x": X}, other**2, "f", others={"x": other})
