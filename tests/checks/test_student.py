"""`student` opens onto a namespace: inputs are copied, errors name the student's own line."""

from collections import Counter, defaultdict

import pytest
import torch

from course_utils.checks import CheckFailed, StudentError, student
from course_utils.checks.student import Namespace, from_a_cell, standing_behind


def behind(source: str):
    names: dict = {"torch": torch}
    exec(compile(source, "<cell f>", "exec"), names)
    return standing_behind(Namespace(names))


def test_work_in_place_does_not_reach_the_checks_own_tensor():
    x = torch.ones(3)
    with behind("def f(x):\n    x += 1\n    return x"):
        assert student.f(x).tolist() == [2, 2, 2]
    assert x.tolist() == [1, 1, 1]


def test_a_generator_is_copied():
    draw = torch.Generator().manual_seed(1)
    with behind("def f(draw):\n    return torch.rand(3, generator=draw)"):
        assert torch.equal(student.f(draw), student.f(draw))
    assert torch.equal(draw.get_state(), torch.Generator().manual_seed(1).get_state())


def test_a_dictionary_of_another_kind_stays_one():
    counts, default = Counter("aab"), defaultdict(list, a=[1])
    with behind(
        "def f(x):\n    return x.most_common(1)\ndef g(x):\n    x['b'].append(2)\n    return dict(x)"
    ):
        assert student.f(counts) == [("a", 2)]
        assert student.g(default) == {"a": [1], "b": [2]}
    assert default == {"a": [1]}


def test_an_error_in_a_comprehension_names_the_function():
    code = (
        "class Net:\n    def total(self, x):\n        return {k: 1 / v for k, v in x.items()}\nmade = Net()"
    )
    with behind(code):
        try:
            student.made.total({1: 0})
        except ZeroDivisionError as error:
            found = from_a_cell(error, "<check>")
    assert str(found).startswith("total(…) raised ZeroDivisionError")


def test_gradients_pass_through_the_copy():
    x = torch.ones(3, requires_grad=True)
    with behind("def f(x):\n    return (x ** 2).sum()"):
        student.f(x).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2, 2]


def test_an_unwritten_exercise_says_so():
    with (
        behind("def f(x):\n    raise NotImplementedError"),
        pytest.raises(StudentError, match="not written yet"),
    ):
        student.f(1)


def test_pytorchs_own_refusal_is_not_taken_for_an_unwritten_exercise():
    with (
        behind("def f(x):\n    raise NotImplementedError('not for integers')"),
        pytest.raises(StudentError, match="not for integers"),
    ):
        student.f(1)


def test_an_error_comes_with_its_kind_and_text():
    with (
        behind("def f(x):\n    return 1 / x"),
        pytest.raises(StudentError, match="ZeroDivisionError") as caught,
    ):
        student.f(0)
    assert "ArithmeticError" in caught.value.kinds


def test_a_missing_name_says_which_cell_to_run():
    with behind(""), pytest.raises(CheckFailed, match="run the cell that defines `g`"):
        student.g(1)


def test_a_missing_artifact_says_how_to_make_it(tmp_path):
    resolver = Namespace({}, folder=tmp_path)
    with standing_behind(resolver), pytest.raises(CheckFailed, match=r"no neurons\.safetensors"):
        student.artifact("neurons")


def test_a_function_that_leaves_gradients_switched_off_is_told_so_and_they_are_on_again():
    with (
        behind("def f(x):\n    torch.set_grad_enabled(False)\n    return x"),
        pytest.raises(StudentError, match="leaves gradients switched off"),
    ):
        student.f(torch.ones(3))
    assert torch.is_grad_enabled()
    with behind("def f(x):\n    with torch.no_grad():\n        return 2 * x"):
        assert student.f(torch.ones(1)).tolist() == [2]
