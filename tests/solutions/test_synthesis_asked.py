"""What people ask of spreadsheets: the tasks, and how a learner is tried on them."""

import pytest

from course_utils.data.string_language import rewrite
from solutions.synthesis import asked
from solutions.synthesis.reference import build, flash_fill


@pytest.mark.parametrize("name", asked.TASKS)
def test_a_task_has_seven_different_rows_and_typing_mistakes_are_one_at_a_time(name):
    rows = asked.rows_of(asked.TASKS[name])
    assert len(rows) == 7
    assert len({given for given, _ in rows}) == 7
    assert all(given and due for given, due in rows)
    tries = asked.three_mistakes(rows)
    assert len(tries) == 3
    for shown in tries:
        assert [given for given, _ in shown] == [given for given, _ in rows[:4]]
        assert sum(one != other for one, other in zip(shown, rows)) == 1


def test_enough_is_the_least_from_which_on_it_is_right():
    rows = asked.rows_of(asked.TASKS["initials"])
    assert asked.enough(flash_fill, rows) == 3
    assert asked.enough(lambda shown: None, rows) == 5
    right = flash_fill(rows)
    assert asked.enough(lambda shown: right, rows) == 1
    assert asked.enough(lambda shown: right if len(shown) != 3 else None, rows) == 4


def test_a_wide_beam_of_an_untrained_writer_finds_what_one_expression_says():
    rows = asked.rows_of(asked.TASKS["host of an address"])
    program = asked.by_net(build("mini")["writer"], 100)(rows[:2])
    assert program is not None
    assert [rewrite(program, given) for given, _ in rows[:2]] == [due for _, due in rows[:2]]
