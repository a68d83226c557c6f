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
    shaped,
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


def test_a_mistake_chooses_the_words_of_a_comparison_that_failed():
    mistakes = {"its axes are exchanged": (WANTED.T, "which axis is which?")}
    with pytest.raises(CheckFailed) as failed:
        close(WANTED.T, WANTED, "f(x)", "the formula", mistakes=mistakes)
    assert str(failed.value).splitlines() == [
        "f(x) is not right at [0, 1]: its axes are exchanged",
        "  expected: 2",
        "  got:      3 (2 of 4 values differ)",
        "  look at:  which axis is which?",
    ]
    with pytest.raises(CheckFailed, match=r"at \[0, 0\]\n(?s:.)*the formula"):
        close(WANTED + 1, WANTED, "f(x)", "the formula", mistakes=mistakes)


def test_a_mistake_never_takes_a_point_and_is_not_even_computed_where_the_answer_is_right():
    def dear():
        raise AssertionError("computed for nothing")

    close(WANTED, WANTED, "f(x)", mistakes={"that is right": (WANTED, ""), "dear": (dear, "")})
    equal([1, 2], (1, 2), "size", mistakes={"that is right": ([1, 2], ""), "dear": (dear, "")})
    holds(True, "so it is", mistakes={"that is right": (True, ""), "dear": (dear, "")})


def test_mistakes_of_plain_values_and_of_properties():
    with pytest.raises(CheckFailed, match=r"size is not right: one too many\n(?s:.)*the ends"):
        equal(
            4, 3, "size", mistakes={"one too few": (2, "the ends"), "one too many": (lambda: 4, "the ends")}
        )
    with pytest.raises(CheckFailed, match=r"the mean is 1: it is 0\n.*about 1\n.*0.001\n.*the factor"):
        holds(
            False,
            "the mean is 1",
            "about 1",
            0.001,
            "?",
            {"it is 0": (lambda: abs(0.001) < 0.1, "the factor")},
        )
    with pytest.raises(CheckFailed, match=r"^the mean is 1$"):
        holds(False, "the mean is 1", mistakes={"it is 0": (torch.tensor(False), "the factor")})


def test_a_mistake_of_another_shape_is_named_too():
    with pytest.raises(CheckFailed, match="wrong shape: the last row is missing"):
        close(WANTED[:1], WANTED, "f(x)", mistakes={"the last row is missing": (WANTED[:1], "the + 1")})


def test_half_precision_passes_only_where_its_values_are_near_enough_or_where_it_is_expected():
    close(WANTED.half(), WANTED, "f(x)")
    for half in (torch.float16, torch.bfloat16):
        third = WANTED / 3
        with pytest.raises(CheckFailed, match=f"too coarse\n.*float32\n.*{half}"):
            close(third.to(half), third, "f(x)")
        close(third, third.to(half), "f(x)")
        with pytest.raises(CheckFailed, match="is not right at"):
            close((third * 1.2).to(half), third, "f(x)")


def test_numbers_that_differ_are_shown_to_differ():
    with pytest.raises(CheckFailed, match=r"expected: 171.625\n  got:      171.6252$"):
        close(171.6252, 171.625, "the mean")
    with pytest.raises(CheckFailed, match=r"expected: 1\n  got:      1.0000000000000002$"):
        close(1 + 2**-52, 1.0, "one", rtol=0, atol=0)


def test_numbers_in_any_dress_become_a_tensor_of_the_shape_that_is_due():
    for got in (WANTED, WANTED.numpy(), WANTED.tolist()):
        assert torch.equal(shaped(got, (2, 2), "f(x)"), WANTED.to(shaped(got, (2, 2), "f(x)")))
    for got, said in [(None, "gave nothing"), ("ab", "not a tensor"), (WANTED[0], r"\(2, 2\)\n.*\(2,\)")]:
        with pytest.raises(CheckFailed, match=said):
            shaped(got, (2, 2), "f(x)", "the axes")


@pytest.mark.parametrize("compare", [equal, close])
def test_large_integers_are_not_rounded(compare):
    big = 2**53
    for got, expected in ((big + 1, big), (big, big + 1)):
        with pytest.raises(CheckFailed, match="is not right"):
            compare(torch.tensor([got]), torch.tensor([expected]), "the count")
        compare(torch.tensor([got]), torch.tensor([got], dtype=torch.int64), "the count")
    compare(torch.tensor([1, 0]), torch.tensor([1, 0], dtype=torch.int8), "the count")


def test_a_float_near_a_large_integer_is_not_that_integer():
    with pytest.raises(CheckFailed, match="is not right"):
        equal(torch.tensor([2.0**53]), torch.tensor([2**53 + 1]), "the count")
    equal(torch.tensor([3.0]), torch.tensor([3]), "the count")


def test_complex_numbers_are_equal_in_both_parts():
    with pytest.raises(CheckFailed, match="is not right"):
        equal(torch.tensor([1 + 2j]), torch.tensor([1 + 3j]), "the root")
    with pytest.raises(CheckFailed, match="is not right"):
        equal(torch.tensor([1 + 2j]), torch.tensor([1.0]), "the root")
    equal(torch.tensor([1 + 2j]), torch.tensor([1 + 2j]), "the root")
