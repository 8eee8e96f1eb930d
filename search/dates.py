"""Days as people write them in a search: a year, a month or a day."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from memory.errors import InvalidQuery

_WRITTEN = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """``2024``, ``2024-03`` or ``2024-03-15``: stands for its first moment, in UTC.

    :param month: 1 to 12, or 0 where only the year was written.
    :param day: 1 to 31, or 0 where only the month was written.
    """

    year: int
    month: int = 0
    day: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what was written.

        :raises InvalidQuery: where it is no day.
        """
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise _no_day(text)
        year, month, day = (int(part) if part else 0 for part in match.groups())
        try:
            datetime(year, month if match[2] else 1, day if match[3] else 1, tzinfo=UTC)
        except ValueError as error:
            raise _no_day(text) from error
        return cls(year, month, day)

    @property
    def seconds(self) -> int:
        """Its first moment, in seconds since 1970."""
        return int(datetime(self.year, self.month or 1, self.day or 1, tzinfo=UTC).timestamp())

    def __str__(self) -> str:
        text = f"{self.year:04}"
        for part in (self.month, self.day):
            text += f"-{part:02}" if part else ""
        return text


def _no_day(text: str) -> InvalidQuery:
    return InvalidQuery(f"{text!r} is no day.", hint="Write it as in 2024, 2024-03 or 2024-03-15.")
