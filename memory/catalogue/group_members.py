"""The groups of a directory and who is in them: brought to what it tells, row by row where something changed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select

from memory.catalogue.directory_schema import directory_groups, group_members
from memory.catalogue.upsert import insert_missing
from memory.errors import InvalidInput
from memory.people.directory import ListedGroup, Told, apart

Pairs = set[tuple[str, str]]
"""Who is in which group: the group's id, then the member's."""

_PART = 1000
_Each = TypeVar("_Each")


class Groups:
    """The groups of one directory, within a transaction.

    :param told: what the directory tells now.
    :param strict: whether a group called like another is refused, so that all of them are to be known.
    """

    def __init__(self, connection: Connection, directory: str, told: Told, *, strict: bool) -> None:
        self._connection = connection
        self._directory = directory
        self._told = told
        self._here = directory_groups.c.directory == directory
        self._strict = strict
        query = select(directory_groups.c.id, directory_groups.c.token, directory_groups.c.digest)
        query = query.where(self._here)
        if not (told.whole or strict):
            query = query.where(directory_groups.c.id.in_({each.id for each in told.groups} | told.gone))
        self.known = {row.id: row for row in connection.execute(query)}
        self.problems: list[str] = []
        self._now: dict[str, str] = {}

    def missing(self) -> set[str]:
        """The ids of those that the whole directory no longer has."""
        told = {each.id for each in self._told.groups}
        return self.known.keys() - told if self._told.whole else set()

    def write(self, kept: set[str]) -> None:
        """Bring the groups up to date.

        :param kept: the ids of missing ones that stay.
        :raises InvalidInput: where one is called like another, and that is to be refused.
        """
        groups, told = apart(self._told.groups)
        self.problems += told
        if self._strict:
            self._refuse_doubles(groups, told)
        gone = (self.missing() - kept) | (self._told.gone & self.known.keys())
        fresh = [each for each in groups if self._is_news(each)]
        for part in parts(sorted(gone | {each.id for each in fresh})):
            self._connection.execute(
                delete(directory_groups).where(self._here, directory_groups.c.id.in_(part))
            )
        rows = [
            {
                "directory": self._directory,
                "id": each.id,
                "token": each.token,
                "digest": each.digest,
                "about": each.about,
            }
            for each in fresh
        ]
        insert_missing(self._connection, directory_groups, rows)
        self._now = {each.id: each.token for each in groups}

    def write_members(self, kept: set[str]) -> tuple[Pairs, Pairs]:
        """Bring who is in which group up to date; gives those that came and those that went.

        :param kept: ids of missing people and groups whose places stay.
        """
        wanted = {
            (each.id, member)
            for each in self._told.groups
            for member in each.members or ()
            if member != each.id
        }
        wanted |= {(group, member) for member, groups in self._told.within.items() for group in groups}
        held = self._held()
        lost = {pair for pair in held - wanted if not kept.intersection(pair)}
        gained = wanted - held
        here = group_members.c.directory == self._directory
        remove = delete(group_members).where(
            here,
            group_members.c.in_group == bindparam("group"),
            group_members.c.member == bindparam("whom"),
        )
        if lost:
            self._connection.execute(remove, [{"group": group, "whom": whom} for group, whom in lost])
        if gained:
            rows = [
                {"directory": self._directory, "in_group": group, "member": whom} for group, whom in gained
            ]
            self._connection.execute(insert(group_members), rows)
        return gained, lost

    def tokens(self, ids: Iterable[str]) -> dict[str, str]:
        """The tokens of some groups, also of those that are gone now, by id; what is no group is left out."""
        found = {which: row.token for which, row in self.known.items()}
        for part in parts(sorted(set(ids) - found.keys() - self._now.keys())):
            query = select(directory_groups.c.id, directory_groups.c.token)
            query = query.where(self._here, directory_groups.c.id.in_(part))
            found |= {row.id: row.token for row in self._connection.execute(query)}
        return found | {which: token or found.get(which, "") for which, token in self._now.items()}

    def _is_news(self, group: ListedGroup) -> bool:
        before = self.known.get(group.id)
        return before is None or before.digest != group.digest

    def _refuse_doubles(self, groups: Sequence[ListedGroup], told: Sequence[str]) -> None:
        if told:
            raise InvalidInput(told[0], hint="Let each group have a name of its own.")
        for each in groups:
            if any(row.token == each.token and which != each.id for which, row in self.known.items()):
                raise InvalidInput(
                    f"There is another group that gives {each.token}.",
                    hint="Let each group have a name of its own.",
                )

    def _held(self) -> Pairs:
        """The pairs that are there and of which this telling says something."""
        pair = group_members.c.in_group, group_members.c.member
        query = select(*pair).where(group_members.c.directory == self._directory)
        if self._told.whole:
            return {(group, whom) for group, whom in self._connection.execute(query)}
        found: Pairs = set()
        said = {each.id for each in self._told.groups if each.members is not None} | self._told.gone
        for column, ids in ((pair[0], said), (pair[1], self._told.within.keys() | self._told.gone)):
            for part in parts(sorted(ids)):
                found.update(
                    (group, whom) for group, whom in self._connection.execute(query.where(column.in_(part)))
                )
        return found


def parts(values: Sequence[_Each]) -> Iterator[Sequence[_Each]]:
    """Values, a thousand at a time."""
    for start in range(0, len(values), _PART):
        yield values[start : start + _PART]


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """What is paired with each first value."""
    found: dict[str, list[str]] = {}
    for one, other in pairs:
        found.setdefault(one, []).append(other)
    return found
