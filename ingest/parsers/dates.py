"""Dates as documents write them, made aware of their time zone; absurd ones are dropped."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier",
            "feb february februar février fevrier févr",
            "mar march märz maerz mars marts mär",
            "apr april avril avr",
            "may mai maj",
            "jun june juni juin",
            "jul july juli juillet juil",
            "aug august août aout",
            "sep sept september septembre",
            "oct october oktober okt octobre",
            "nov november novembre",
            "dec december dezember dez décembre decembre déc",
        ),
        start=1,
    )
    for name in names.split()
}
_DAY_FIRST = re.compile(r"(\d{1,2})\.?[\s-]([^\W\d_]{3,9})\.?[\s-](\d{4})")
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,9})\.?\s(\d{1,2}),?\s(\d{4})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# A clock that is further back is wrong, and must cost no document its date.
_INSTALLED = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)


def moment(value: object) -> datetime | None:
    """A date out of a property or a text, in UTC where it names no zone.

    :return: None where it cannot be read, lies before 1970 or over a day in the future.
    """
    try:
        read = value if isinstance(value, datetime) else _read(" ".join(str(value).split()))
        if read is None:
            return None
        latest = max(datetime.now(UTC), _INSTALLED) + timedelta(days=1)
        aware = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
        # Epoch zero is what a missing date looks like.
        return aware if _EARLIEST < aware <= latest else None
    except (ValueError, OverflowError):
        return None


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass  # not written as ISO 8601 has it: perhaps as people or mail programs do
    if match := _DOTTED.fullmatch(text):
        day, month, year = (int(part) for part in match.groups())
        return datetime(year, month, day, tzinfo=UTC)
    if match := _DAY_FIRST.fullmatch(text):
        return _named(match[1], match[2], match[3])
    if match := _MONTH_FIRST.fullmatch(text):
        return _named(match[2], match[1], match[3])
    return parsedate_to_datetime(text)


def _named(day: str, month: str, year: str) -> datetime | None:
    number = _MONTHS.get(month.casefold())
    return datetime(int(year), number, int(day), tzinfo=UTC) if number else None
