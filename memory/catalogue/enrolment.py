"""Whose entry of the directory somebody listed is: found by id and address, made where there is none."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from memory.catalogue.directory_schema import listings
from memory.catalogue.identities import block_all, keys_of, register, touch
from memory.catalogue.schema import aliases, entries, identities
from memory.catalogue.upsert import insert_missing
from memory.errors import InvalidInput
from memory.people.directory import ListedPerson, Told
from memory.people.names import any_order, display_name, name_key
from memory.people.profile import Node

AT_ONCE = 200
"""People whose rows are written at a time."""

_OWN = update(identities).where(identities.c.id == bindparam("which")).values(entry=bindparam("whose"))
_DESCRIBE = (
    update(entries)
    .where(entries.c.id == bindparam("which"))
    .values(name=bindparam("called"), department=bindparam("part"))
)


@dataclass(slots=True)
class Listing:
    """That a directory lists somebody."""

    directory: str
    id: str
    entry: int
    active: bool
    digest: str = ""
    identities: tuple[int, ...] = ()


@dataclass(slots=True)
class _Placed:
    """Somebody listed, with the identities that are theirs and the entry these lead to."""

    person: ListedPerson
    ids: list[int]
    entry: int | None
    main: int
    stolen: set[int] = field(default_factory=set)
    refused: bool = False


class Enrolment:
    """Enrols people of one directory, some at a time, within a transaction.

    :param known: how the directory had them before, by id; kept up to date.
    :param strict: refuse what is somebody else's instead of leaving it out.
    """

    def __init__(
        self, connection: Connection, directory: str, told: Told, known: dict[str, Listing], *, strict: bool
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._whole, self._lasting = told.whole, told.lasting
        self._told = {each.id: each for each in told.people}
        self._known = known
        self._strict = strict
        self._owners: dict[int, int | None] = {}
        self._rows: dict[int, Any] = {}
        self._listed: dict[int, list[Listing]] = {}
        self.problems: list[str] = []
        self.skipped = 0
        self.renamed: dict[str, str] = {}
        """Old ids of people with their new ones."""

    def enrol(self, people: Sequence[ListedPerson]) -> None:
        """Take in people. Who belongs to the organisation goes first: who left keeps no address that they use.

        :raises InvalidInput: where an address belongs to somebody else in the directory, and that is to be refused.
        """
        ordered = sorted(people, key=lambda each: not each.active)
        for start in range(0, len(ordered), AT_ONCE):
            self._enrol(ordered[start : start + AT_ONCE])

    def _enrol(self, people: Sequence[ListedPerson]) -> None:
        addressed = [
            [name for name in each.names if name is each.names[0] or name.address or name.account]
            for each in people
        ]
        met = register(self._connection, [name for names in addressed for name in names])
        self._read({each.identity for each in met}, people)
        following = iter(met)
        placed = []
        for person, names in zip(people, addressed, strict=True):
            ids = list(dict.fromkeys(next(following).identity for _ in names))
            placed.append(self._place(person, ids))
        placed = [each for each in placed if self._is_somebody(each)]
        if not placed:
            return
        self._write(placed)
        self._call(placed)
        touch(self._connection, [which for each in placed for which in each.ids])

    def _read(self, ids: set[int], people: Sequence[ListedPerson]) -> None:
        query = select(identities).where(identities.c.id.in_(ids))
        for row in self._connection.execute(query):
            self._owners[row.id], self._rows[row.id] = row.entry, row
        held = {owner for which in ids if (owner := self._owners[which]) is not None}
        held |= {self._known[each.id].entry for each in people if each.id in self._known}
        held -= self._listed.keys()
        self._listed |= {entry: [] for entry in held}
        for row in self._connection.execute(select(listings).where(listings.c.entry.in_(held))):
            listing = listing_of(row)
            same = self._known.setdefault(row.id, listing) if row.directory == self._directory else listing
            self._listed[row.entry].append(same)

    def _place(self, person: ListedPerson, ids: list[int]) -> _Placed:
        before = self._known.get(person.id)
        placed = _Placed(person, [], before.entry if before else None, ids[0])
        for which in ids:
            owner = self._owners[which]
            if owner is None or owner == placed.entry:
                placed.ids.append(which)
            elif placed.entry is None and self._joins(owner):
                placed.entry = owner
                placed.ids.append(which)
            elif self._is_free(owner, which):
                placed.ids.append(which)
                placed.stolen.add(which)
            else:
                self._refuse(placed, which)
        # At once: the next of the same batch may ask for it. A number below 0 stands for an entry that is made later.
        mine = placed.entry if placed.entry is not None else -1 - len(self._owners)
        self._owners |= dict.fromkeys(placed.ids, mine)
        return placed

    def _is_somebody(self, placed: _Placed) -> bool:
        """Whether there is anything by which this person can be told from the others."""
        if placed.ids or placed.entry is not None:
            return True
        if placed.person.active:
            self.skipped += 1
        return False

    def _joins(self, entry: int) -> bool:
        """Whether somebody new to this directory is whose entry this is: known to others only, or here by an id that went."""
        here = [each for each in self._listed.get(entry, ()) if each.directory == self._directory]
        return entry >= 0 and all(
            each.id not in self._told and (not self._lasting or (self._whole and each.active))
            for each in here
        )

    def _is_free(self, entry: int, which: int) -> bool:
        """Whether nobody needs an identity of this entry any more: all who list it say that they left, or no more name it."""
        listed = self._listed.get(entry, ())
        return bool(listed) and not any(self._needs(each, which) for each in listed)

    def _needs(self, listing: Listing, which: int) -> bool:
        told = self._told.get(listing.id) if listing.directory == self._directory else None
        if told is None:
            return listing.active and which in listing.identities
        row = self._rows[which]
        return told.active and any((row.kind, row.value) in keys_of(name) for name in told.names)

    def _refuse(self, placed: _Placed, which: int) -> None:
        person, main, shown = placed.person, placed.person.names[0], self._rows[which].shown
        placed.refused = True
        if not person.active:
            return  # who left needs no address
        if self._strict:
            where = f"{person.where}: " if person.where else ""
            raise InvalidInput(
                f"{where}{shown} belongs to somebody else in the directory than {main.address or main.name}.",
                hint="Let each address stand in one row only.",
            )
        self.problems.append(f"{shown} is listed for two people: {main.name or person.id} is not given it.")

    def _write(self, placed: Sequence[_Placed]) -> None:
        new = [each for each in placed if each.entry is None]
        old = [each for each in placed if each.entry is not None]
        if new:
            keys = self._keys(new)
            rows = [self._described(each.person) | {"key": key} for each, key in zip(new, keys, strict=True)]
            made = insert(entries).returning(entries.c.id, sort_by_parameter_order=True)
            for each, entry in zip(new, self._connection.execute(made, rows).scalars(), strict=True):
                each.entry = entry
        if old:
            self._connection.execute(
                _DESCRIBE,
                [
                    {"which": each.entry, "called": told["name"], "part": told["department"]}
                    for each in old
                    for told in [self._described(each.person)]
                ],
            )
        owned = {which: each.entry for each in placed for which in each.ids}
        dropped = self._list(placed)
        self._owners |= owned
        changes = [{"which": which, "whose": entry} for which, entry in owned.items()]
        changes += [{"which": which, "whose": None} for which in sorted(dropped - owned.keys())]
        if changes:
            self._connection.execute(_OWN, changes)
        touch(self._connection, dropped)

    def _list(self, placed: Sequence[_Placed]) -> set[int]:
        """Write the listings; gives the identities that nobody lists for these people any more."""
        dropped: set[int] = set()
        for each in placed:
            assert each.entry is not None  # noqa: S101 - just made
            around = self._listed.setdefault(each.entry, [])
            before = next((old for old in around if old.directory == self._directory), None)
            kept = {which for old in around if old is not before for which in old.identities}
            if before is not None:
                dropped |= {
                    which
                    for which in set(before.identities) - set(each.ids) - kept
                    if self._owners.get(which, each.entry) == each.entry  # else somebody has it by now
                }
                around.remove(before)
                if before.id != each.person.id:
                    self._rename(before.id, each.person.id)
            listing = Listing(
                self._directory,
                each.person.id,
                each.entry,
                each.person.active,
                "" if each.refused else each.person.digest,  # what is refused is asked for again next time
                tuple(each.ids),
            )
            around.append(listing)
            self._known[listing.id] = listing
        ids = [each.person.id for each in placed]
        there = listings.c.directory == self._directory
        self._connection.execute(listings.delete().where(there, listings.c.id.in_(ids)))
        self._connection.execute(insert(listings), [_row(self._known[i.person.id], i.person) for i in placed])
        return dropped

    def _rename(self, old: str, new: str) -> None:
        self.renamed[old] = new
        self._known.pop(old, None)
        there = (listings.c.directory == self._directory) & (listings.c.id == old)
        self._connection.execute(listings.delete().where(there))

    def _keys(self, placed: Sequence[_Placed]) -> list[str]:
        """Under what is kept what is theirs: of the oldest identity, since what they kept before a directory knew them stays.

        Never what is somebody's who had one of these addresses before.
        """
        own = [
            [str(self._rows[which].founded) for which in sorted(set(each.ids) - each.stolen)]
            for each in placed
        ]
        asked = select(entries.c.key).where(entries.c.key.in_({key for keys in own for key in keys}))
        taken = set(self._connection.execute(asked).scalars())
        return [next((key for key in keys if key not in taken), uuid.uuid4().hex) for keys in own]

    @staticmethod
    def _described(person: ListedPerson) -> dict[str, str]:
        main = person.names[0]
        name = display_name(main.name) or main.address or main.account
        return {"name": name, "department": person.department}

    def _call(self, placed: Iterable[_Placed]) -> None:
        """Note every name the directory gives under the first identity."""
        rows, nodes = [], []
        for each in placed:
            if not each.ids:
                continue
            first = each.main if each.main in each.ids else each.ids[0]
            names = each.person.names
            shown = {name_key(name.name): display_name(name.name) for name in names if name_key(name.name)}
            rows += [
                {"identity": first, "key": key, "sorted": any_order(key), "shown": name}
                for key, name in shown.items()
            ]
            row = self._rows[first]
            nodes.append(Node(first, row.kind, row.value, dict.fromkeys(shown, 1)))
        insert_missing(self._connection, aliases, rows)
        block_all(self._connection, nodes)


def listing_of(row: Any) -> Listing:
    """A row of `listings`."""
    return Listing(row.directory, row.id, row.entry, row.active, row.digest, tuple(row.identities))


def _row(listing: Listing, person: ListedPerson) -> Mapping[str, Any]:
    return {
        "directory": listing.directory,
        "id": listing.id,
        "entry": listing.entry,
        "active": listing.active,
        "manager": person.manager,
        "login": person.login,
        "digest": listing.digest,
        "identities": list(listing.identities),
        "about": person.about,
    }
