"""Right answers of every dress pass; wrong ones fail with the place, the expected and the got."""

import numpy as np
import pytest
import torch

from course_utils.checks import (
    CheckFailed,
    StudentError,
    close,
    equal,
    holds,
    pair,
    raises,
    shape_of,
    student,
    unlike,
)
from course_utils.checks.student import Namespace, standing_behind

WANTED = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    "got",
    [
        WANTED.double(),
        WANTED.int(),
        WANTED.numpy(),
        WANTED.tolist(),
        WANTED.clone().requires_grad_(),
        WANTED + 1e-6,
        [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])],
    ],
    ids=["float64", "int", "numpy", "list", "grad", "rounding", "list of rows"],
)
def test_close_takes_every_dress_of_the_right_answer(got):
    close(got, WANTED, "f(x)")


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (WANTED.T, r"at \[0, 1\]"),
        (WANTED[None], "wrong shape"),
        (WANTED > 0, "truth values"),
        (WANTED / 0, "not finite"),
        (None, "gave nothing"),
        ("1, 2", "not a tensor"),
        (object(), "not a tensor"),
        (WANTED * (1 + 1e-2), "4 of 4 values differ"),
    ],
)
def test_close_refuses_and_says_why(got, message):
    with pytest.raises(CheckFailed, match=message):
        close(got, WANTED, "f(x)", hint="the formula")


def test_a_number_may_be_a_float_or_a_tensor_without_dimensions():
    close(0.5, torch.tensor(0.5), "p")
    close(torch.tensor(0.5), 0.5, "p")
    close(np.float32(0.5), 0.5, "p")
    with pytest.raises(CheckFailed, match="wrong shape"):
        close(torch.tensor([0.5]), 0.5, "p")


def test_lists_of_tensors_are_compared_part_by_part():
    close((WANTED, WANTED[0]), [WANTED, WANTED[0]], "grads")
    with pytest.raises(CheckFailed, match="part 1"):
        close((WANTED, WANTED[1]), [WANTED, WANTED[0]], "grads")


@pytest.mark.parametrize(
    ("got", "expected"),
    [((3, 4), [3, 4]), (torch.tensor(3), 3), (torch.Size([2]), (2,)), (3.0, 3), (None, None)],
)
def test_equal_compares_meaning(got, expected):
    equal(got, expected, "size")


@pytest.mark.parametrize(("got", "expected"), [(True, 1), (3.5, 3), ("3", 3), ([1, 2], [2, 1]), (None, 0)])
def test_equal_refuses(got, expected):
    with pytest.raises(CheckFailed, match="expected"):
        equal(got, expected, "size")


def test_an_object_that_equals_everything_equals_nothing_here():
    class Yes:
        def __eq__(self, other):
            return True

        def __bool__(self):
            return True

    with pytest.raises(CheckFailed, match="the property"):
        holds(Yes(), "the property")
    with pytest.raises(CheckFailed, match="not a tensor"):
        close(Yes(), WANTED, "f(x)")


def test_raises_wants_the_error_it_names():
    def fails():
        raise StudentError("f", ("ValueError", "Exception"), "odd")

    raises(ValueError, fails, "an even kernel is refused")
    with pytest.raises(CheckFailed, match="no error"):
        raises(ValueError, lambda: 1, "an even kernel is refused")
    with pytest.raises(CheckFailed, match="ValueError: odd"):
        raises(TypeError, fails, "a string is refused")


def own_notebook(source):
    """A student's names, from a cell of its own."""
    names: dict = {}
    exec(compile(source, "<cell Net>", "exec"), names)
    return standing_behind(Namespace(names))


NET = """
class Net:
    def grow(self, by):
        if by < 0:
            raise ValueError("by must not be negative")
        return int("no number") if by == 9 else by
    def shrink(self):
        raise NotImplementedError
"""


def test_raises_knows_what_a_method_of_the_students_class_raises_in_its_own_notebook():
    with own_notebook(NET):
        net = student.Net()
        raises(ValueError, lambda: net.grow(-1), "growing by less than nothing")
        with pytest.raises(CheckFailed, match="no error"):
            raises(ValueError, lambda: net.grow(1), "growing by less than nothing")
        with pytest.raises(CheckFailed, match=r"expected: +KeyError(?s:.)*ValueError: by must"):
            raises(KeyError, lambda: net.grow(-1), "growing by less than nothing")
        with pytest.raises(CheckFailed, match=r"shrink.*not written yet"):
            raises(ValueError, lambda: net.shrink(), "shrinking")


def test_an_error_of_the_check_itself_is_not_the_students():
    with own_notebook(NET), pytest.raises(ValueError, match="invalid literal"):
        raises(ValueError, lambda: int("x"), "a check that breaks")


def test_unlike_names_a_known_mistake():
    x = torch.randn(3, 4)
    unlike(x.T, x, "x is turned", "the axes")
    with pytest.raises(CheckFailed, match="x is turned"):
        unlike(x.clone(), x, "x is turned", "the axes")


def test_two_things_are_a_tuple_or_a_list_of_two():
    assert pair((1, 2), "split", "both halves") == (1, 2) == pair([1, 2], "split", "both halves")


@pytest.mark.parametrize(
    ("got", "said"),
    [(None, "NoneType"), (torch.ones(2, 3), "Tensor"), ((1, 2, 3), "3 things"), ("ab", "str")],
)
def test_other_than_two_things_are_refused(got, said):
    with pytest.raises(CheckFailed, match=f"split must give two things\n.*both halves\n.*{said}\n.*`return`"):
        pair(got, "split", "both halves", "`return`")


def test_what_has_no_shape_is_called_by_its_type():
    assert shape_of(torch.ones(2, 3)) == (2, 3) == shape_of(np.ones((2, 3)))
    assert shape_of(None) == "NoneType"
