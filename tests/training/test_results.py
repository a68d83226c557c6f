"""The page of results shows what the records say, and works with any of them missing."""

from dataclasses import replace

from course_utils.topics import KEYS
from course_utils.training import Paper, results
from tests.training.test_record import ENTRY

HERE = replace(ENTRY, key=KEYS[0])


def test_a_page_without_records_says_so():
    assert "course train --all" in results.overview([])


def test_a_row_holds_value_spread_baseline_paper_and_target():
    full = replace(HERE, tier="full", paper=Paper(0.995, "no_such_key", "LeNet|5"), target=0.95)
    header, rule, first, second = results.overview([HERE, full]).splitlines()
    assert first.count(" | ") == second.count(" | ") == header.count(" | ") == rule.count(" | ")
    assert (
        "| **90.00\N{NO-BREAK SPACE}%**\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}2.00\N{NO-BREAK SPACE}% |"
        in first
    )
    assert "| 50.00\N{NO-BREAK SPACE}% |" in first
    assert "99.50\N{NO-BREAK SPACE}% LeNet\\|5 (no_such_key)" in second
    assert "(target 95.00\N{NO-BREAK SPACE}% **missed**)" in second


def test_a_row_says_what_was_measured_and_one_seed_has_no_spread():
    row = results.overview([replace(HERE, metric="nats a point", seeds=[0], values=[0.5])]).splitlines()[-1]
    assert ": nats a point |" in row
    assert "** (one seed) |" in row
    assert "±" not in row


def test_the_details_say_where_it_was_trained():
    text = results.details(replace(HERE, t4_minutes=3.2))
    assert (
        "mini.** a line; 2 parameters. Measured: share of right answers. Over 3 seeds from 88.00 % to" in text
    )
    assert "Trained on CPU, 0.10 minutes a seed, on a Colab T4 about 3.2 minutes (estimate)" in text


def test_a_paper_in_the_bibliography_is_cited():
    entry = replace(HERE, paper=Paper(0.99, "rumelhart1986"))
    assert "99.00\N{NO-BREAK SPACE}% {cite:p}`rumelhart1986`" in results.overview([entry])


def test_curves_are_drawn_with_words_for_those_who_cannot_see_them():
    lines = {name: [[1, 2.0], [9, 0.5]] for name in ("loss", "nats", "error", "rate")}
    picture = results.curves(replace(HERE, curve=lines | {"accuracy": [[9, 0.75]]}))
    assert "loss goes from 2 to 0.5, nats goes from 2 to 0.5" in picture.svg
    assert "accuracy" not in picture.svg


def test_what_was_logged_once_is_said_and_not_drawn():
    text = results.details(replace(HERE, curve={"loss": [[1, 2.0], [9, 0.5]], "own_runs": [[9, 0.75]]}))
    assert "Logged at the end: own runs 0.75." in text
    assert results.lines_of(replace(HERE, curve={"own_runs": [[9, 0.75]]})) == {}
    three_nets = [[9, 0.75], [9, 0.5], [9, 0.25]]
    assert results.lines_of(replace(HERE, curve={"own_runs": three_nets})) == {}
    assert "own runs 0.75, 0.5, 0.25" in results.details(replace(HERE, curve={"own_runs": three_nets}))


def test_records_come_in_the_order_of_the_course():
    keys = [entry.key for entry in results.entries()]
    assert keys == sorted(keys, key=KEYS.index)
