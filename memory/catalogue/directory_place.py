"""Where a directory puts somebody: department, whom they report to, and whether they have left."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from memory.catalogue.directories import standing
from memory.catalogue.directory_schema import listings
from memory.catalogue.schema import entries, identities

_HIGHEST = 20
"""Managers of managers that are followed; a directory may have them in a ring."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in an organisation.

    :param managers: persons' ids with the names that the directory has, the nearest first.
    :param left: whether they have no access any more.
    """

    department: str
    managers: tuple[tuple[str, str], ...]
    left: bool


def place_of(connection: Connection, entry: int) -> Place:
    """The place of somebody listed."""
    department = connection.execute(select(entries.c.department).where(entries.c.id == entry)).scalar_one()
    above: list[tuple[str, str]] = []
    met, at = {entry}, _manager(connection, entry)
    while at is not None and at not in met and len(above) < _HIGHEST:
        met.add(at)
        query = (
            select(identities.c.person, entries.c.name)
            .join(entries, entries.c.id == identities.c.entry)
            .where(entries.c.id == at)
            .order_by(identities.c.id)
            .limit(1)
        )
        above += [(row.person, row.name) for row in connection.execute(query)]
        at = _manager(connection, at)
    return Place(department, tuple(above), standing(connection, entry) is None)


def _manager(connection: Connection, entry: int) -> int | None:
    """The entry of whom somebody reports to, by a directory in which they are active, if by any."""
    above = listings.alias()
    query = (
        select(above.c.entry)
        .join(listings, (listings.c.directory == above.c.directory) & (listings.c.manager == above.c.id))
        .where(listings.c.entry == entry, listings.c.manager != "")
        .order_by(listings.c.active.desc(), listings.c.directory.desc())
        .limit(1)
    )
    return connection.execute(query).scalar()
