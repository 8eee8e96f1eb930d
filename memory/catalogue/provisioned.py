"""What a directory that is told of, one entry after the other, has been told: read back as it was said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, Text, and_, cast, func, or_, select

from memory.catalogue.directory_schema import directory_groups, group_members, listings
from memory.catalogue.engine import transaction
from memory.catalogue.group_members import parts


@dataclass(frozen=True, slots=True)
class Kept:
    """A person or a group.

    :param about: as `ListedPerson.about` and `ListedGroup.about` have it.
    :param members: of a group: ids of people and groups.
    :param whole: whether all that was said of it holds; not where an address was somebody else's.
    """

    id: str
    about: dict[str, Any]
    members: frozenset[str] = frozenset()
    whole: bool = True


class Provisioned:
    """The entries of one directory. Whom it has said to be gone is not there, though their work stays theirs."""

    def __init__(self, engine: Engine, directory: str) -> None:
        self._engine = engine
        self._directory = directory

    def people(
        self, *, ids: Sequence[str] | None = None, login: str = "", having: Sequence[str] = ()
    ) -> list[Kept]:
        """Everybody in the order of their ids, or those of these ids, or with this login.

        :param login: in lower case.
        :param having: plain texts in ASCII, all of which what is kept of somebody has somewhere, whatever their case.
        """
        query = select(*_PERSON).where(self._there())
        if ids is not None:
            query = query.where(listings.c.id.in_(ids))
        if login:
            query = query.where(listings.c.login == login)
        for text in having:
            query = query.where(cast(listings.c.about, Text).icontains(text, autoescape=True))
        # Not in order yet: SQLite would go through everybody by their id instead of looking the login up.
        return sorted(map(_person, self._rows(query)), key=lambda each: each.id)

    def some_people(self, first: int, count: int) -> tuple[int, list[Kept]]:
        """How many people there are, and some of them in the order of their ids; `first` counts from 0."""
        query = select(*_PERSON).where(self._there())
        [(total,)] = self._rows(select(func.count()).select_from(listings).where(self._there()))
        page = query.order_by(listings.c.id).offset(first).limit(count)
        return total, [_person(row) for row in self._rows(page)]

    def groups(self, *, ids: Sequence[str] | None = None) -> list[Kept]:
        """Every group in the order of their ids, or those of these ids, without their members."""
        query = select(directory_groups.c.id, directory_groups.c.about).where(
            directory_groups.c.directory == self._directory
        )
        if ids is not None:
            query = query.where(directory_groups.c.id.in_(ids))
        return [Kept(row.id, row.about) for row in self._rows(query.order_by(directory_groups.c.id))]

    def with_members(self, groups: Sequence[Kept]) -> list[Kept]:
        """The same groups with their members."""
        found: dict[str, set[str]] = {each.id: set() for each in groups}
        for some in parts(list(found)):
            query = select(group_members.c.in_group, group_members.c.member).where(
                group_members.c.directory == self._directory, group_members.c.in_group.in_(some)
            )
            for row in self._rows(query):
                found[row.in_group].add(row.member)
        return [replace(each, members=frozenset(found[each.id])) for each in groups]

    def groups_of(self, members: Sequence[str]) -> dict[str, list[Kept]]:
        """The groups that people, or groups, are in themselves, by member, without their members."""
        found: dict[str, list[Kept]] = {}
        for some in parts(members):
            query = (
                select(group_members.c.member, directory_groups.c.id, directory_groups.c.about)
                .join(
                    directory_groups,
                    and_(
                        group_members.c.directory == directory_groups.c.directory,
                        group_members.c.in_group == directory_groups.c.id,
                    ),
                )
                .where(group_members.c.directory == self._directory, group_members.c.member.in_(some))
                .order_by(directory_groups.c.id)
            )
            for row in self._rows(query):
                found.setdefault(row.member, []).append(Kept(row.id, row.about))
        return found

    def _there(self) -> ColumnElement[bool]:
        return (listings.c.directory == self._directory) & or_(listings.c.active, listings.c.digest != "")

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with transaction(self._engine) as connection:
            return connection.execute(query).all()


_PERSON = listings.c.id, listings.c.about, listings.c.digest


def _person(row: Any) -> Kept:
    return Kept(row.id, row.about, whole=row.digest != "")
