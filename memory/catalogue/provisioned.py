"""What a directory that is told of, one entry after the other, has been told: read back as it was said."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, and_, or_, select

from memory.catalogue.directory_schema import directory_groups, group_members, listings
from memory.catalogue.engine import transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """A person or a group.

    :param about: as `ListedPerson.about` and `ListedGroup.about` have it.
    :param members: of a group: ids of people and groups.
    """

    id: str
    about: dict[str, Any]
    members: frozenset[str] = frozenset()


class Provisioned:
    """The entries of one directory. Whom it has said to be gone is not there, though their work stays theirs."""

    def __init__(self, engine: Engine, directory: str) -> None:
        self._engine = engine
        self._directory = directory

    def people(self, *, which: str = "", login: str = "") -> list[Kept]:
        """Everybody in the order of their ids, or who has an id or a login.

        :param login: in lower case.
        """
        query = select(listings.c.id, listings.c.about).where(
            listings.c.directory == self._directory, or_(listings.c.active, listings.c.digest != "")
        )
        if which:
            query = query.where(listings.c.id == which)
        if login:
            query = query.where(listings.c.login == login)
        return [Kept(row.id, row.about) for row in self._rows(query.order_by(listings.c.id))]

    def groups(self, *, which: str = "") -> list[Kept]:
        """Every group in the order of their ids, or the one of an id."""
        query = (
            select(directory_groups.c.id, directory_groups.c.about, group_members.c.member)
            .outerjoin(
                group_members,
                and_(
                    group_members.c.directory == directory_groups.c.directory,
                    group_members.c.in_group == directory_groups.c.id,
                ),
            )
            .where(directory_groups.c.directory == self._directory)
            .order_by(directory_groups.c.id, group_members.c.member)
        )
        if which:
            query = query.where(directory_groups.c.id == which)
        found: dict[str, tuple[dict[str, Any], set[str]]] = {}
        for row in self._rows(query):
            members = found.setdefault(row.id, (row.about, set()))[1]
            if row.member:
                members.add(row.member)
        return [Kept(each, about, frozenset(members)) for each, (about, members) in found.items()]

    def named(self) -> list[Kept]:
        """Every group in the order of their ids, without its members: what a look at names needs."""
        query = (
            select(directory_groups.c.id, directory_groups.c.about)
            .where(directory_groups.c.directory == self._directory)
            .order_by(directory_groups.c.id)
        )
        return [Kept(row.id, row.about) for row in self._rows(query)]

    def groups_of(self, member: str) -> list[Kept]:
        """The groups that somebody is in themselves, without their members."""
        query = (
            select(directory_groups.c.id, directory_groups.c.about)
            .join(
                group_members,
                and_(
                    group_members.c.directory == directory_groups.c.directory,
                    group_members.c.in_group == directory_groups.c.id,
                ),
            )
            .where(directory_groups.c.directory == self._directory, group_members.c.member == member)
            .order_by(directory_groups.c.id)
        )
        return [Kept(row.id, row.about) for row in self._rows(query)]

    def _rows(self, query: Select[Any]) -> Iterator[Any]:
        with transaction(self._engine) as connection:
            return iter(connection.execute(query).all())
