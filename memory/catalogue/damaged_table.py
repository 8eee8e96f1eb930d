"""Reading what can still be read of a table whose pages are damaged, row by row."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Integer, LargeBinary, String, Table

from memory.catalogue.schema import Moment

_LEAST, _MOST = -(2**63), 2**63 - 1
_GAP = 200_000
"""Numbers of rows that are tried one by one where no index says which there are; a page has a few hundred."""

Values = tuple[Any, ...]


@dataclass(slots=True)
class Lost:
    """What could not be read of a table.

    :param rows: how many rows that are, as far as anything says.
    :param more: whether there may be more: nothing whole says how many there were.
    """

    table: str
    rows: int = 0
    more: bool = False


class DamagedTable:
    """A table in a database that may be damaged."""

    def __init__(self, database: sqlite3.Connection, table: Table) -> None:
        self.lost = Lost(table.name)
        self._database, self._table = database, table
        self._names = ", ".join(f'"{column.name}"' for column in table.columns)
        self._checks = [_kind(column) for column in table.columns]

    def rows(self) -> Iterator[Values]:
        """Every row that can be read and is what its columns hold; afterwards `lost` says what is missing."""
        below = _LEAST
        try:
            for number, values in self._between(below, _MOST):
                below = number + 1
                yield from self._sound(values)
        except sqlite3.DatabaseError:
            yield from self._behind(below)

    def _behind(self, below: int) -> Iterator[Values]:
        """What can be read behind the first damage: from the end back to the last, and one by one between them."""
        above = _MOST
        try:
            for number, values in self._between(below, _MOST, "DESC"):
                above = number - 1
                yield from self._sound(values)
        except sqlite3.DatabaseError:
            pass  # as expected: the last damage, from the other side
        known, whole = self._known(below, above)
        if not whole:
            self.lost.more = True
            if above - below < _GAP:
                known |= set(range(below, above + 1))
        for number in sorted(known):
            try:
                found = list(self._between(number, number))
            except sqlite3.DatabaseError:
                self.lost.rows += 1 if whole else 0
                continue
            for _, values in found:
                yield from self._sound(values)

    def _between(self, low: int, high: int, order: str = "ASC") -> Iterator[tuple[int, Values]]:
        query = (
            f'SELECT rowid, {self._names} FROM "{self._table.name}" NOT INDEXED'  # noqa: S608 - our own names
            f" WHERE rowid BETWEEN ? AND ? ORDER BY rowid {order}"
        )
        with closing(self._database.execute(query, (low, high))) as rows:
            for row in rows:
                yield row[0], tuple(row[1:])

    def _known(self, low: int, high: int) -> tuple[set[int], bool]:
        """Numbers of rows between two, by the table's indexes, and whether one of these could be read whole."""
        found: set[int] = set()
        for name, column in _indexes(self._database, self._table.name):
            query = f'SELECT rowid, "{column}" FROM "{self._table.name}" INDEXED BY "{name}"'  # noqa: S608 - read from the schema
            try:
                with closing(self._database.execute(query)) as rows:
                    for number, _ in rows:
                        if low <= number <= high:
                            found.add(number)
            except sqlite3.DatabaseError:
                continue
            return found, True
        return found, False

    def _sound(self, values: Values) -> Iterator[Values]:
        if all(
            _holds(kind, nullable, value)
            for (kind, nullable), value in zip(self._checks, values, strict=True)
        ):
            yield values
        else:
            self.lost.rows += 1


def _indexes(database: sqlite3.Connection, table: str) -> Sequence[tuple[str, str]]:
    """The table's indexes that have all of its rows, each with its first column."""
    found = []
    try:
        for _, name, _, _, partial in database.execute(f'PRAGMA index_list("{table}")').fetchall():
            if not partial:
                found.append((name, database.execute(f'PRAGMA index_info("{name}")').fetchone()[2]))
    except sqlite3.DatabaseError:
        pass  # then nothing says which rows there were
    return found


def _kind(column: Column[Any]) -> tuple[str, bool]:
    kinds = (
        (JSON, "json"),
        (Moment, "moment"),
        (LargeBinary, "bytes"),
        (String, "text"),
        (Integer, "number"),
    )
    found = next((kind for type_, kind in kinds if isinstance(column.type, type_)), "")
    return found, bool(column.nullable)


def _holds(kind: str, nullable: bool, value: Any) -> bool:
    """Whether a value is one that we write into such a column."""
    if value is None:
        return nullable
    if kind in _TYPES:
        return isinstance(value, _TYPES[kind])
    try:
        if kind == "json" and not isinstance(value, int | float):  # a number by itself is kept as one
            json.loads(value)
        if kind == "moment":
            datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


_TYPES = {"bytes": bytes, "text": str, "number": int}


def write(database: sqlite3.Connection, table: Table, rows: Iterable[Values]) -> tuple[int, int]:
    """Write rows into a table of a new database; says how many there are, and how many its constraints refused."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    statement = f'INSERT OR IGNORE INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - our own names
    written = refused = 0
    for values in rows:
        done = database.execute(statement, values).rowcount
        written, refused = written + done, refused + 1 - done
    return written, refused
