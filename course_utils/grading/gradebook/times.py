"""When something was handed in: a date with its zone, read by a rule that can be looked up, or refused.

A date's parser that guesses loses the offset of `CEST` and reads `+0200` as seconds: hours of lateness, either way.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DATE = re.compile(r"(\d{4}-\d\d-\d\d)[T ]+(\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)\s*(.*)", re.S)
OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?")
# Hours from UTC: the zones of RFC 5322 and Europe's. Others mean different hours in different countries.
ZONES = {
    **dict.fromkeys(("", "Z", "UTC", "GMT", "UT", "WET"), 0),
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
}


class TimeError(ValueError):
    """A date that cannot be read; the message says what one looks like."""


def parse_time(text: str) -> datetime:
    """The moment in UTC, without a zone as nbgrader keeps it.

    Args:
        text: `2026-11-20 23:59:00.000000 CEST`, `2026-11-20T23:59+02:00`, `… Europe/Berlin`; without a zone it is UTC.

    Raises:
        TimeError: the date is none, or its zone is not known.
    """
    match = DATE.fullmatch(text.strip())
    if match is None:
        raise TimeError(f"{text.strip()[:60]!r} is no date; expected one such as 2026-11-20 23:59:00 +02:00")
    date, clock, zone = match.groups()
    whole, _, part = clock.replace(",", ".").partition(".")
    try:
        moment = datetime.fromisoformat(f"{date} {whole}") + timedelta(
            microseconds=int(f"{part:0<6}"[:6] or 0)
        )
        return utc(moment.replace(tzinfo=zone_of(zone.strip())))
    except (ValueError, OverflowError) as error:
        raise (
            error if isinstance(error, TimeError) else TimeError(f"{text.strip()[:60]!r}: {error}")
        ) from None


def zone_of(name: str) -> tzinfo:
    """The zone that an offset (`+0200`, `-03:30`), an abbreviation (`CEST`) or a name (`Europe/Berlin`) stands for.

    Raises:
        TimeError: none.
    """
    offset = OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if name.upper() in ZONES:
        return timezone(timedelta(hours=ZONES[name.upper()]))
    try:
        if "/" not in name:
            raise ZoneInfoNotFoundError
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeError(f"the time zone {name[:40]!r} is not known; write an offset such as +02:00") from None


def utc(moment: datetime) -> datetime:
    """A moment with a zone as UTC without one."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def teach_nbgrader() -> None:
    """Let nbgrader read `timestamp.txt` by the same rule.

    Its formgrader takes a submission for unmarked where its own reading of the file is not the gradebook's, and its
    list of submissions ends in an error where one student's file holds no date.
    """
    import nbgrader.apps.api
    import nbgrader.coursedir
    import nbgrader.exchange.default.collect
    import nbgrader.utils

    theirs = nbgrader.utils.parse_utc

    def parse_utc(told: datetime | str | None) -> datetime | None:
        if not isinstance(told, str):
            return theirs(told)
        try:
            return parse_time(told)
        except TimeError:
            return None

    for module in (nbgrader.apps.api, nbgrader.coursedir, nbgrader.exchange.default.collect):
        module.parse_utc = parse_utc
