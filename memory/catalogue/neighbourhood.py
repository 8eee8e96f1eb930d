"""Reading from the catalogue what has to be known to decide who some identities are."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, case, func, or_, select

from memory.catalogue.identities import CROWDED, bearers, borne
from memory.catalogue.schema import (
    aliases,
    blocks,
    contributions,
    decided,
    documents,
    exact_pairs,
    identities,
)
from memory.domain import Role
from memory.people.blocks import probes
from memory.people.evidence import alike
from memory.people.names import SIGNED, name_key
from memory.people.profile import Node, Profile
from memory.people.surnames import Rarity, is_common, rarity

LOOKED_AT = 40
"""Documents of one identity that are looked at; always those with the smallest ids, so that two see the same ones."""

CROWD = 30
"""People of one document, from which on having been in it together says nothing."""

_AT_ONCE = 400


class Neighbourhood:
    """Some identities, with everybody whose identity may depend on theirs.

    :param seeds: ids of the identities to begin with.
    """

    def __init__(self, connection: Connection, seeds: Iterable[int]) -> None:
        self._connection = connection
        self._read: dict[int, Profile] = {}
        self._alike: set[int] = set()
        self._borne: dict[str, int] = {}
        self.exact: set[tuple[int, int]] = set()
        self.members: set[int] = set()
        waiting = set(seeds)
        while waiting:
            self._read_all(waiting)
            self.members |= waiting
            waiting = self._next(waiting) - self.members

    def nodes(self) -> list[Node]:
        """The identities; those with somebody to be compared with know where they were met."""
        plain = {which: self._read[which].nodes[0] for which in sorted(self.members)}
        compared = {which: node for which, node in plain.items() if which in self._alike}
        return [
            *self._in_context(compared),
            *(node for which, node in plain.items() if which not in compared),
        ]

    def _read_all(self, ids: Iterable[int]) -> None:
        unread = set(ids) - self._read.keys()
        rows = [row for part in _parts(unread) for row in self._rows(identities, identities.c.id, part)]
        names: dict[int, dict[str, int]] = {row.id: {} for row in rows}
        for part in _parts(names):
            known = list(self._rows(aliases, aliases.c.identity, part))
            self._count({row.sorted for row in known})
            for row in known:
                if self._borne[row.sorted] <= CROWDED:
                    names[row.identity][row.key] = 1
        for row in rows:
            self._read[row.id] = Profile((Node(row.id, row.kind, row.value, names[row.id], row.entry),))

    def _count(self, names: set[str]) -> None:
        """Find out how frequent names are: one that everybody bears joins nobody."""
        for part in _parts(names - self._borne.keys()):
            self._borne |= borne(self._connection, part)

    def _next(self, ids: set[int]) -> set[int]:
        """Whom the answer for these may depend on."""
        return self._bound(ids) | self._comparable(ids)

    def _bound(self, ids: set[int]) -> set[int]:
        """Those tied to them by an exact key, the directory or a decision by hand."""
        found: set[int] = set()
        for part in _parts(ids):
            pairs = select(exact_pairs).where(or_(exact_pairs.c.one.in_(part), exact_pairs.c.other.in_(part)))
            for one, other in self._connection.execute(pairs):
                self.exact.add((one, other))
                found |= {one, other}
            asked = select(decided.c.decision).where(decided.c.identity.in_(part))
            query = (
                select(decided.c.identity)
                .where(decided.c.decision.in_(asked))
                .join(identities, identities.c.id == decided.c.identity)
            )
            found.update(self._connection.execute(query).scalars())
        entries = {entry for which in ids if (entry := self._read[which].nodes[0].entry) is not None}
        for part in _parts(entries):
            found.update(
                self._connection.execute(
                    select(identities.c.id).where(identities.c.entry.in_(part))
                ).scalars()
            )
        return found

    def _comparable(self, ids: set[int]) -> set[int]:
        """Those whose names are like theirs."""
        asking: dict[str, list[int]] = {}
        for which in ids:
            for block in probes(self._read[which]):
                asking.setdefault(block, []).append(which)
        standing: dict[int, set[int]] = {}
        for part in _parts(asking):
            for row in self._rows(blocks, blocks.c.block, part):
                standing.setdefault(row.identity, set()).update(asking[row.block])
        self._read_all(standing)
        found = set()
        for other, several in standing.items():
            for which in several - {other}:
                if not self._listed_apart(which, other) and alike(self._read[which], self._read[other]):
                    found.add(other)
                    self._alike |= {which, other}
        return found

    def _listed_apart(self, one: int, other: int) -> bool:
        """Whether a directory lists them as two people: evidence never joins these, and there may be thousands of one surname."""
        entries = self._read[one].nodes[0].entry, self._read[other].nodes[0].entry
        return None not in entries and entries[0] != entries[1]

    def _in_context(self, nodes: dict[int, Node]) -> Iterator[Node]:
        """The same nodes with how often each name came, and where and with whom they were met."""
        for part in _parts(nodes):
            names = self._names(part)
            met = self._met(part)
            crowd = self._crowd({document for rows in met.values() for document, _, _ in rows})
            for which in part:
                rows, node = met.get(which, []), nodes[which]
                yield replace(
                    node,
                    names={
                        key: count + names.get(which, Counter())[key] for key, count in node.names.items()
                    },
                    documents=frozenset(document for document, _, _ in rows if crowd[document]),
                    threads=frozenset(thread for _, thread, _ in rows if thread),
                    company=frozenset().union(*(crowd[document] for document, _, _ in rows)),
                    sent=frozenset(document for document, _, role in rows if role == Role.SENDER),
                    received=frozenset(document for document, _, role in rows if role == Role.RECIPIENT),
                    signed=frozenset(document for document, _, role in rows if role == SIGNED),
                )

    def _names(self, ids: list[int]) -> dict[int, Counter[str]]:
        found: dict[int, Counter[str]] = {}
        query = (
            select(contributions.c.identity, contributions.c.name, func.count())
            .where(contributions.c.identity.in_(ids), contributions.c.name != "")
            .group_by(contributions.c.identity, contributions.c.name)
        )
        for identity, name, count in self._connection.execute(query):
            found.setdefault(identity, Counter())[name_key(name)] += count
        return found

    def _met(self, ids: list[int]) -> dict[int, list[tuple[str, str | None, str]]]:
        """Of each identity document, thread and role."""
        parts = (
            select(
                contributions.c.identity,
                contributions.c.document,
                contributions.c.ordinal,
                case((contributions.c.evidence == SIGNED, SIGNED), else_=contributions.c.role).label("role"),
            )
            .where(contributions.c.identity.in_(ids))
            .subquery()
        )
        # Somebody who wrote half of a long thread was met in one document.
        once = (
            select(
                parts.c.identity, parts.c.document, parts.c.role, func.min(parts.c.ordinal).label("ordinal")
            )
            .group_by(parts.c.identity, parts.c.document, parts.c.role)
            .subquery()
        )
        place = func.row_number().over(
            partition_by=once.c.identity, order_by=(once.c.document, once.c.ordinal)
        )
        few = select(once, place.label("place")).subquery()
        query = (
            select(few, documents.c.thread)
            .join(documents, documents.c.id == few.c.document)
            .where(few.c.place <= LOOKED_AT)
        )
        found: dict[int, list[tuple[str, str | None, str]]] = {}
        for row in self._connection.execute(query):
            found.setdefault(row.identity, []).append((row.document, row.thread, row.role))
        return found

    def _crowd(self, found: set[str]) -> dict[str, frozenset[int]]:
        """The identities met in each document; a crowd is nobody's company."""
        here: dict[str, set[int]] = {document: set() for document in found}
        for part in _parts(found):
            query = select(contributions.c.document, contributions.c.identity).where(
                contributions.c.document.in_(part)
            )
            for document, identity in self._connection.execute(query):
                here[document].add(identity)
        return {document: frozenset(ids if len(ids) <= CROWD else ()) for document, ids in here.items()}

    def _rows(self, table: Any, column: Any, values: list[Any]) -> Any:
        return self._connection.execute(select(table).where(column.in_(values)))


def bearers_in(connection: Connection) -> Callable[[str], Rarity]:
    """How rare surnames are in this memory, each looked up once."""
    known: dict[str, Rarity] = {}

    def look_up(surname: str) -> Rarity:
        if surname not in known:
            known[surname] = rarity(surname, 0 if is_common(surname) else bearers(connection, surname))
        return known[surname]

    return look_up


def _parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    everything = sorted(values)
    for start in range(0, len(everything), _AT_ONCE):
        yield everything[start : start + _AT_ONCE]
