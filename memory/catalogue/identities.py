"""The identities documents name, written down as they are met; who they are is settled afterwards."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, update

from memory.catalogue.schema import aliases, blocks, exact_pairs, identities, persons
from memory.catalogue.upsert import insert_missing
from memory.domain import Identity
from memory.people.blocks import stored_blocks, surname_range, surnames_of
from memory.people.names import any_order, better_spelling, display_name, is_forwarded, is_several, name_key
from memory.people.profile import Node, Profile
from memory.people.surnames import COMMON_FROM, is_common

Key = tuple[str, str]
"""Kind and value: ``address``, ``account`` or ``name``, and what it is."""


_KNOWN = (
    select(identities.c.kind, identities.c.value, identities.c.id, identities.c.person)
    .where(
        or_(
            *(
                and_(identities.c.kind == kind, identities.c.value.in_(bindparam(kind, expanding=True)))
                for kind in ("address", "account", "name")
            )
        ),
        or_(identities.c.document == "", identities.c.document == bindparam("here")),
    )
    .order_by(identities.c.document)
)
_ALIASES = select(aliases.c.identity, aliases.c.key, aliases.c.shown).where(
    aliases.c.identity.in_(bindparam("those", expanding=True))
)
_AT_ONCE = 1000
_TOUCH = (
    update(identities)
    .where(identities.c.id.in_(bindparam("those", expanding=True)), identities.c.pending.is_(False))
    .values(pending=True)
)
_STANDING = select(blocks.c.block).where(blocks.c.block.in_(bindparam("those", expanding=True))).distinct()


_BORNE = (
    select(aliases.c.sorted, func.count())
    .where(aliases.c.sorted.in_(bindparam("those", expanding=True)))
    .group_by(aliases.c.sorted)
)

CROWDED = 30
"""Identities of one name, from beyond which it is a program's or a placeholder and tells nobody apart."""


@dataclass(frozen=True, slots=True)
class Met:
    """An identity in the catalogue, and whose it is for now."""

    identity: int
    person: str


def register(connection: Connection, found: Sequence[Identity], document: str = "") -> list[Met]:
    """Write down the identities a document names.

    A new one is a person of its own until `WhoIsWho.settle` has looked at it.

    :param document: where they were met; an identity that is somebody else's in this document stays so.
    """
    keys = [keys_of(each) for each in found]
    wanted = {key: shown for several in keys for key, shown in several.items()}
    rows = _known(connection, wanted, document)
    new = {key: shown for key, shown in wanted.items() if key not in rows}
    if new:
        _found(connection, new)
        rows = _known(connection, wanted, document)
    named: dict[Met, dict[str, str]] = {}
    for each, several in zip(found, keys, strict=True):
        shown = display_name(each.name)
        for key in several:
            names = named.setdefault(rows[key], {})
            if (name := name_key(each.name)) and not is_several(each.name):
                names[name] = better_spelling(names[name], shown) if name in names else shown
        if len(several) > 1:
            one, other = sorted(rows[key].identity for key in several)
            insert_missing(connection, exact_pairs, [{"one": one, "other": other}])
    aliased = _name(connection, {met.identity: names for met, names in named.items()})
    here = {met.identity: (key, named[met]) for key, met in rows.items()}
    fresh = aliased | {rows[key].identity for key in new}
    block_all(
        connection,
        [Node(which, *here[which][0], dict.fromkeys(here[which][1], 1)) for which in sorted(fresh)],
    )
    touch(connection, [met.identity for met in named])
    return [rows[next(iter(several))] for several in keys]


def keys_of(identity: Identity) -> dict[Key, str]:
    """What an identity is known by and how it is shown, the strongest first; a name only where nothing else is."""
    keys: dict[Key, str] = {}
    if identity.account:
        keys["account", identity.account] = identity.account
    # A list that sends on what somebody wrote puts its own address beside their name.
    if identity.address and not is_forwarded(identity.name):
        keys["address", identity.address.casefold()] = identity.address
    if not keys:
        shown = display_name(identity.name) or identity.address
        keys["name", name_key(identity.name) or shown.casefold()] = shown
    return keys


def found_person(connection: Connection, shown: str) -> str:
    """A new person; gives the lasting id."""
    person = uuid.uuid4().hex
    connection.execute(insert(persons).values(id=person, name=shown))
    return person


def touch(connection: Connection, ids: Iterable[int]) -> None:
    """Have these identities looked at by the next `WhoIsWho.settle`."""
    those = list(ids)
    for start in range(0, len(those), _AT_ONCE):
        connection.execute(_TOUCH, {"those": those[start : start + _AT_ONCE]})


def _known(connection: Connection, keys: Iterable[Key], document: str) -> dict[Key, Met]:
    """The rows of keys; one that is kept apart in this document goes before the general one."""
    wanted: dict[str, Any] = {"address": [], "account": [], "name": [], "here": document}
    for kind, value in keys:
        wanted[kind].append(value)
    return {(row.kind, row.value): Met(row.id, row.person) for row in connection.execute(_KNOWN, wanted)}


def _found(connection: Connection, new: dict[Key, str]) -> None:
    made = [(uuid.uuid4().hex, key, shown) for key, shown in new.items()]
    connection.execute(insert(persons), [{"id": person, "name": shown} for person, _, shown in made])
    rows = [
        {"kind": kind, "value": value, "shown": shown, "person": person, "founded": person}
        for person, (kind, value), shown in made
    ]
    connection.execute(insert(identities), rows)


def _name(connection: Connection, named: dict[int, dict[str, str]]) -> set[int]:
    """Note the names identities came with; says which have one that is new."""
    found = connection.execute(_ALIASES, {"those": list(named)})
    known = {(identity, key): shown for identity, key, shown in found}
    new: list[dict[str, Any]] = []
    for identity, names in named.items():
        for key, shown in names.items():
            before = known.get((identity, key))
            if before is None:
                new.append({"identity": identity, "key": key, "sorted": any_order(key), "shown": shown})
            elif (better := better_spelling(before, shown)) != before:
                connection.execute(
                    update(aliases)
                    .where(aliases.c.identity == identity, aliases.c.key == key)
                    .values(shown=better)
                )
    insert_missing(connection, aliases, new)
    _notice_crowds(connection, Counter(row["sorted"] for row in new))
    return {row["identity"] for row in new}


def _notice_crowds(connection: Connection, new: Counter[str]) -> None:
    """Have everybody looked at again whose name has just become too frequent to say anything."""
    for name, count in borne(connection, new).items():
        if count - new[name] <= CROWDED < count:
            query = select(aliases.c.identity).where(aliases.c.sorted == name)
            touch(connection, connection.execute(query).scalars())


def borne(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """By how many identities each name, its words sorted, is borne."""
    return dict(connection.execute(_BORNE, {"those": list(names)}).all())


def block_all(connection: Connection, nodes: Iterable[Node]) -> None:
    """Put identities into their blocks.

    Who bears a surname that was thought rarer until now is looked at again.
    """
    stood: dict[str, set[int]] = {}
    for node in nodes:
        for block in stored_blocks(Profile((node,))):
            stood.setdefault(block, set()).add(node.id)
    if not stood:
        return
    known = set(connection.execute(_STANDING, {"those": list(stood)}).scalars())
    rows = [
        {"block": block, "identity": identity} for block, ids in stood.items() for identity in sorted(ids)
    ]
    insert_missing(connection, blocks, rows)
    again: set[int] = set()
    for surname in surnames_of(frozenset(stood.keys() - known)):
        if not is_common(surname) and bearers(connection, surname) <= COMMON_FROM:
            first, last = surname_range(surname)
            theirs = select(blocks.c.identity).where(blocks.c.block >= first, blocks.c.block < last)
            again.update(connection.execute(theirs).scalars())
    if again:
        touch(connection, again)


_BEARERS = select(func.count(blocks.c.block.distinct())).where(
    blocks.c.block >= bindparam("first"), blocks.c.block < bindparam("last")
)


def bearers(connection: Connection, surname: str) -> int:
    """With how many first letters of first names a surname is found."""
    first, last = surname_range(surname)
    return connection.execute(_BEARERS, {"first": first, "last": last}).scalar_one()
