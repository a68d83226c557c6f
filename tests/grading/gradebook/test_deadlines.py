"""Times and deadlines: offsets are read or refused, and a file that is not in order says where."""

from datetime import datetime, timedelta

import pytest

from course_utils.grading.gradebook.deadlines import DeadlineError, Deadlines
from course_utils.grading.gradebook.times import TimeError, parse_time

NOON = datetime(2026, 7, 1, 12)
SAME = (
    "2026-07-01 12:00:00.000000 UTC",
    "2026-07-01 12:00",
    "2026-07-01T12:00:00Z",
    "2026-07-01 14:00:00 CEST",
    "2026-07-01 13:00:00 CET",
    "2026-07-01 14:00:00 +0200",
    "2026-07-01 14:00:00 +02:00",
    "2026-07-01T14:00:00+02",
    "2026-07-01 08:00:00 EDT",
    "2026-07-01 04:00:00 PST",
    "2026-07-01 17:30:00 +0530",
    "2026-07-01 08:30:00 -0330",
    "2026-07-01 14:00:00 Europe/Berlin",
    "2026-07-01 05:00:00.000000 America/Los_Angeles\n",
)


@pytest.mark.parametrize("text", SAME)
def test_one_moment_however_it_is_written(text):
    assert parse_time(text) == NOON


NO_DATES = (
    *("", "today", "2026-07-01", "12:00", "2026-13-01 12:00", "2026-07-01 12:00 XYZ", "2026-07-01 12:00 IST"),
    *(
        "2026-07-01 12:00 ../../etc/localtime",
        "0001-01-01 00:00:00 +1400",
        "2026-07-01 12:00 +9900",
        "9" * 500,
    ),
)


@pytest.mark.parametrize("text", NO_DATES)
def test_what_cannot_be_read_is_refused_in_one_line(text):
    with pytest.raises(TimeError) as caught:
        parse_time(text)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200


def load(tmp_path, text):
    (tmp_path / "deadlines.toml").write_text(text)
    return Deadlines.load(tmp_path)


def test_a_deadline_is_read_in_its_time_zone_and_takes_by_days_begun(tmp_path):
    found = load(
        tmp_path,
        'timezone = "Europe/Berlin"\nshare_a_day = 0.1\ncap = 0.3\ngrace_minutes = 10\n'
        "[a]\ndue = 2026-07-01T23:59:00\n[a.extensions]\nada = 3\nbob = 2026-07-02T23:59:00+00:00\n"
        "[b]\ndue = 2026-12-01T23:59:00Z\nshare_a_day = 1.0\ncap = 1.0\n",
    )
    assert not found.trusted
    first, second = found.labs["a"], found.labs["b"]
    assert (first.due, second.due) == (datetime(2026, 7, 1, 21, 59), datetime(2026, 12, 1, 23, 59))
    assert first.extensions == {"ada": timedelta(3), "bob": timedelta(1, 7200)}
    seconds = (0, 600, 601, 86_400, 86_401, 10**6)
    assert [first.penalty(10.0, late) for late in seconds] == pytest.approx([0, 0, 1, 1, 2, 3])
    assert second.penalty(7.5, 1000) == 7.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a\n", "deadlines.toml"),
        ("[a]\ngrace_minutes = 1\n", "due: expected a date"),
        ("[a]\ndue = 2026-07-01\n", "due: expected a date and a time"),
        ("[a]\ndue = 2026-07-01T12:00:00\nshare_a_day = 10\n", "from 0 to 1"),
        ("[a]\ndue = 2026-07-01T12:00:00\ndu = 1\n", "'du' is not known"),
        ('timezone = "Berlin"\n[a]\ndue = 2026-07-01T12:00:00\n', "time zone 'Berlin' is not known"),
        ("graze = 1\n", "'graze' is not known"),
    ],
)
def test_a_file_that_is_not_in_order_says_where(tmp_path, text, says):
    with pytest.raises(DeadlineError, match=says) as caught:
        load(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 1
