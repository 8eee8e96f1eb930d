"""The directories of a memory: the one place that takes in whole ones and single entries, and what somebody holds by them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, select, tuple_, update

from memory.catalogue.directory_schema import directory_groups, group_members, listings
from memory.catalogue.engine import transaction
from memory.catalogue.enrolment import Enrolment, Listing, listing_of
from memory.catalogue.group_members import Groups, Pairs, grouped, parts
from memory.catalogue.schema import entries
from memory.domain import HELD_SHARE
from memory.people.directory import BY_HAND, ListedPerson, Told

_FEW = 5
"""So many may go at once without a person's word, unless nobody is left: in a small firm one is soon a fifth."""


@dataclass(slots=True)
class TakenIn:
    """What became of what a directory told.

    ``known`` is everybody it told of or had told of before, each once, and equals
    ``changed + unchanged + skipped + left + held``.

    :param changed: people who are new, or said to be otherwise than before.
    :param left: people who belonged to the organisation before, and do no more.
    :param held: people and groups that are missing, whose going waits for confirmation.
    :param access: what changed about who may see what, as `Directories.take_in` says.
    """

    known: int = 0
    changed: int = 0
    unchanged: int = 0
    skipped: int = 0
    left: int = 0
    held: int = 0
    groups: int = 0
    problems: list[str] = field(default_factory=list)
    access: list[dict[str, Any]] = field(default_factory=list)


class Directories:
    """Who is listed where, and in which groups."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_in(
        self, directory: str, told: Told, *, accept_removals: bool = False, strict: bool = False
    ) -> TakenIn:
        """Take in what a directory told, all of it or nothing.

        What changed about access is said in parts of at most 1,000: ``joined`` and ``left`` by the lasting keys of people,
        ``gained`` and ``lost`` by the access token of a group with the keys, or tokens, of its members.

        :param directory: the source's name, or `BY_HAND`.
        :param accept_removals: let also more than a fifth of it go.
        :param strict: refuse an address that belongs to two people, and a group called like another.
        :raises InvalidInput: where that is to be refused.
        """
        with transaction(self._engine) as connection:
            return self.take_in_within(
                connection, directory, told, accept_removals=accept_removals, strict=strict
            )

    def take_in_within(
        self,
        connection: Connection,
        directory: str,
        told: Told,
        *,
        accept_removals: bool = False,
        strict: bool = False,
    ) -> TakenIn:
        """The same within a transaction."""
        return _Intake(connection, directory, told, strict=strict).run(accept_removals=accept_removals)

    def forget(self, connection: Connection, directory: str) -> None:
        """Have a directory that is no source any more say nothing."""
        for table in (group_members, directory_groups, listings):
            connection.execute(delete(table).where(table.c.directory == directory))

    def counts(self) -> dict[str, dict[str, int]]:
        """By directory: how many people belong to the organisation, how many have left, and how many groups there are."""
        people = select(listings.c.directory, listings.c.active, func.count()).group_by(
            listings.c.directory, listings.c.active
        )
        groups = select(directory_groups.c.directory, func.count()).group_by(directory_groups.c.directory)
        found: dict[str, dict[str, int]] = {}
        with transaction(self._engine) as connection:
            for directory, active, count in connection.execute(people):
                told = found.setdefault(directory, {"people": 0, "left": 0, "groups": 0})
                told["people" if active else "left"] = count
            for directory, count in connection.execute(groups):
                found.setdefault(directory, {"people": 0, "left": 0, "groups": 0})["groups"] = count
        return found


def standing(connection: Connection, entry: int) -> frozenset[str] | None:
    """The access tokens that somebody listed holds by their groups and by the groups that these are in; None: they left.

    Who is in one of the directories is whom that says they are, whatever a file had that somebody imported. Who is in
    several has left once all of these say so.
    """
    rows = connection.execute(select(listings).where(listings.c.entry == entry)).all()
    named = [row for row in rows if row.directory != BY_HAND] or rows
    if rows and not any(row.active for row in named):
        return None
    spots = [(row.directory, row.id) for row in rows if row.active]
    if not spots:
        return frozenset()
    within = (
        select(group_members.c.directory, group_members.c.in_group)
        .where(tuple_(group_members.c.directory, group_members.c.member).in_(spots))
        .cte("within", recursive=True)
    )
    # A union keeps each group once, so that groups within each other come to an end.
    within = within.union(
        select(group_members.c.directory, group_members.c.in_group).join(
            within,
            and_(
                group_members.c.directory == within.c.directory,
                group_members.c.member == within.c.in_group,
            ),
        )
    )
    held = select(directory_groups.c.token).join(
        within,
        and_(directory_groups.c.directory == within.c.directory, directory_groups.c.id == within.c.in_group),
    )
    return frozenset(token for token in connection.execute(held).scalars() if token)


class _Intake:
    """One directory's telling, taken in within a transaction."""

    def __init__(self, connection: Connection, directory: str, told: Told, *, strict: bool) -> None:
        self._connection = connection
        self._directory = directory
        self._told = told
        self._strict = strict
        self._people: dict[str, ListedPerson] = {}
        for each in told.people:
            self._people.setdefault(each.id, each)
        self._known = self._listed()
        self._was_active = {each.id for each in self._known.values() if each.active}
        self._groups = Groups(connection, directory, told, strict=strict)
        self._done = TakenIn(problems=list(told.problems))

    def run(self, *, accept_removals: bool) -> TakenIn:
        """Take everything in."""
        done = self._done
        if doubled := len(self._told.people) - len(self._people):
            done.problems.append(f"{doubled} people have the id of another: the first is taken.")
        fresh = [each for each in self._people.values() if self._is_news(each)]
        enrolment = Enrolment(self._connection, self._directory, self._told, self._known, strict=self._strict)
        enrolment.enrol(fresh)
        self._was_active = {enrolment.renamed.get(each, each) for each in self._was_active}
        missing = self._was_active - self._people.keys() if self._told.whole else set()
        gone = self._was_active & self._told.gone
        kept = set() if accept_removals else held_back(missing, self._was_active)
        lost_groups = self._groups.missing()
        kept_groups = set() if accept_removals else held_back(lost_groups, self._groups.known)
        self._mark_left((missing | gone) - kept)
        self._groups.write(kept_groups)
        gained, lost = self._groups.write_members(kept | kept_groups)
        done.problems += [*enrolment.problems, *self._groups.problems]
        self._sum(fresh, missing, kept, enrolment.skipped)
        done.held = len(kept) + len(kept_groups)
        done.known += len(kept_groups)
        done.groups = len(self._told.groups)
        done.access = list(self._parts(gained, lost))
        return done

    def _listed(self) -> dict[str, Listing]:
        query = select(listings).where(listings.c.directory == self._directory)
        if not self._told.whole:
            query = query.where(listings.c.id.in_(self._people.keys() | self._told.gone))
        return {row.id: listing_of(row) for row in self._connection.execute(query)}

    def _is_news(self, person: ListedPerson) -> bool:
        before = self._known.get(person.id)
        return before is None or before.digest != person.digest or before.active != person.active

    def _mark_left(self, those: set[str]) -> None:
        for part in parts(sorted(those)):
            # Without a digest they are news once they are told of again.
            self._connection.execute(
                update(listings)
                .where(listings.c.directory == self._directory, listings.c.id.in_(part))
                .values(active=False, digest="")
            )

    def _sum(self, fresh: list[ListedPerson], missing: set[str], kept: set[str], skipped: int) -> None:
        done = self._done
        gone = (self._was_active & self._told.gone) - self._people.keys()
        said = {each.id for each in fresh if not each.active} & self._was_active
        self._left = said | (missing - kept) | (self._was_active & self._told.gone)
        self._joined = {
            each.id for each in fresh if each.active and each.id in self._known
        } - self._was_active
        done.known = len(self._people) + len(missing) + len(gone)
        done.left, done.skipped = len(self._left), skipped
        done.changed = len(fresh) - skipped - len(said)
        done.unchanged = done.known - done.changed - done.left - done.skipped - len(kept)

    def _parts(self, gained: Pairs, lost: Pairs) -> Iterator[dict[str, Any]]:
        """What changed about access, in parts small enough to be written as one entry each."""
        ids = sorted({member for _, member in gained | lost} | self._joined | self._left)
        tokens = self._groups.tokens(each for pair in gained | lost for each in pair)
        keys: dict[str, str] = {}
        for part in parts(ids):
            query = (
                select(listings.c.id, entries.c.key)
                .join(entries, entries.c.id == listings.c.entry)
                .where(listings.c.directory == self._directory, listings.c.id.in_(part))
            )
            keys |= dict(self._connection.execute(query).all())
        for what, whom in (("joined", self._joined), ("left", self._left)):
            for part in parts(sorted(keys[each] for each in whom if each in keys)):
                yield {what: part}
        for what, pairs in (("gained", gained), ("lost", lost)):
            told = sorted(
                (tokens.get(group, ""), keys.get(member) or tokens.get(member) or "")
                for group, member in pairs
            )
            for some in parts([each for each in told if all(each)]):
                yield {what: grouped(some)}


def held_back(missing: set[str], known: Collection[str]) -> set[str]:
    """Those of the missing who stay until somebody confirms: all of them, where they are too many."""
    many = len(missing) > max(_FEW, HELD_SHARE * len(known)) or len(missing) == len(known)
    return missing if many else set()
