"""`follows` asks for the gradients that must flow, and says which do not."""

import pytest
import torch

from course_utils.checks import CheckFailed, flows, follows, slopes

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


def test_the_other_leaves_go_by_their_names():
    x, y = (torch.tensor([value], requires_grad=True) for value in (2.0, 3.0))
    follows(x * y, {"x": x, "y": y}, x * y, "f", others={"y": y, "x": x})


def test_a_result_that_autograd_cannot_walk_back_is_said_in_the_students_words():
    x = torch.randn(3, requires_grad=True)
    y = x.exp()
    result = 2 * y
    y += 1  # exp's slope is its own result
    with pytest.raises(CheckFailed, match="has been written into since"):
        slopes(result, {"x": x}, "f(x)")
    with pytest.raises(CheckFailed, match="a tensor with a history"):
        slopes(torch.ones(3), {"x": x}, "f(x)")


class Wrong(torch.autograd.Function):
    """Gives as gradient what it was told to give."""

    @staticmethod
    def forward(ctx, x, given):
        ctx.given = given
        return x.view_as(x)

    @staticmethod
    def backward(ctx, slope):
        return ctx.given(slope)


@pytest.mark.parametrize(
    "given", [lambda slope: slope, lambda slope: (slope[:1], None), lambda slope: (1.0, None)]
)
def test_a_backward_that_gives_wrong_things_is_said_in_a_sentence(given):
    x = torch.randn(3, requires_grad=True)
    with pytest.raises(CheckFailed, match="cannot walk back through f"):
        slopes(Wrong.apply(x, given), {"x": x}, "f")


def test_what_a_backward_raises_itself_keeps_its_own_line():
    x = torch.randn(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="size of tensor"):
        slopes(Wrong.apply(x, lambda slope: (slope + torch.ones(2), None)), {"x": x}, "f")


def test_slopes_are_one_a_leaf_and_none_where_there_is_no_way():
    x, w = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    along_x, along_w = slopes(2 * x, {"x": x, "w": w}, "f(x)")
    assert along_x.tolist() == [2, 2, 2]
    assert along_w is None


def test_flows_names_the_leaf_that_no_way_leads_to():
    x, w = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    flows(2 * x + 0 * w, {"x": x, "w": w}, "f(x)")
    with pytest.raises(CheckFailed, match="back to w"):
        flows(2 * x, {"x": x, "w": w}, "f(x)")
