"""Settling who is who: what the resolver decides is written down, and everything that hangs on a person follows."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, or_, select, update

from memory.catalogue.engine import after_commit, transaction
from memory.catalogue.neighbourhood import Neighbourhood, bearers_in
from memory.catalogue.rules import names_given, rules_about
from memory.catalogue.schema import aliases, contributions, documents, entries, identities, joins, persons
from memory.people.groups import Join
from memory.people.likeness import is_full
from memory.people.names import name_key
from memory.people.resolver import resolve

AT_ONCE = 20_000
"""Identities settled in one transaction."""

_PART = 400
_GIVE_IDENTITY = (
    update(identities).where(identities.c.id == bindparam("which")).values(person=bindparam("whose"))
)
_GIVE_CONTRIBUTIONS = (
    update(contributions)
    .where(contributions.c.identity == bindparam("which"))
    .values(person=bindparam("whose"))
)
_GIVE_NAME = update(persons).where(persons.c.id == bindparam("which")).values(name=bindparam("called"))


class WhoIsWho:
    """Keeps every identity with the person it belongs to.

    :param changed: called with the id of every document whose people are others or called otherwise now.
    """

    def __init__(self, engine: Engine, changed: Callable[[str], None]) -> None:
        self._engine = engine
        self._changed = changed
        self.lock = threading.RLock()
        """Held while identities are settled or decided upon, so that two do not answer from what the other changes."""

    def settle(self) -> int:
        """Decide who the identities are that were met since the last time; says how many.

        Documents of a person who is another now are left pending for the index.
        """
        settled = 0
        with self.lock:
            while True:
                with transaction(self._engine) as connection:
                    seeds = self._take(connection)
                    if not seeds:
                        return settled
                    self.settle_these(connection, seeds)
                settled += len(seeds)

    def _take(self, connection: Connection) -> list[int]:
        pending = (
            select(identities.c.id)
            .where(identities.c.pending.is_(True))
            .order_by(identities.c.id)
            .limit(AT_ONCE)
        )
        taken = (
            update(identities)
            .where(identities.c.id.in_(pending))
            .values(pending=False)
            .returning(identities.c.id)
        )
        return list(connection.execute(taken).scalars())

    def settle_these(self, connection: Connection, seeds: Iterable[int]) -> None:
        """Decide who some identities are, with everybody whose answer depends on theirs."""
        around = Neighbourhood(connection, seeds)
        rules = rules_about(connection, around.members)
        found = resolve(around.nodes(), around.exact, rules, bearers_in(connection))
        moved = self._assign(connection, found.oldest)
        _write_joins(connection, around.members, found.joins)
        renamed = _rename(
            connection, {person for person, _ in moved.values()} | _persons_of(connection, around.members)
        )
        self._follow(connection, set(moved), renamed)

    def _assign(self, connection: Connection, oldest: Mapping[int, int]) -> dict[int, tuple[str, str]]:
        """Give each identity the person its oldest companion founded; says who was another before."""
        rows: dict[int, Any] = {}
        for part in _parts(oldest):
            query = select(identities.c.id, identities.c.person, identities.c.founded).where(
                identities.c.id.in_(part)
            )
            rows |= {row.id: row for row in connection.execute(query)}
        moved = {
            which: (rows[which].person, rows[first].founded)
            for which, first in oldest.items()
            if rows[which].person != rows[first].founded
        }
        if moved:
            new = [{"which": which, "whose": person} for which, (_, person) in moved.items()]
            connection.execute(_GIVE_IDENTITY, new)
            connection.execute(_GIVE_CONTRIBUTIONS, new)
        return moved

    def _follow(self, connection: Connection, moved: set[int], renamed: set[str]) -> None:
        elsewhere: set[str] = set()
        for part in _parts(moved):
            query = select(contributions.c.document).where(contributions.c.identity.in_(part)).distinct()
            elsewhere.update(connection.execute(query).scalars())
        self.follow(connection, elsewhere)
        for part in _parts(renamed):
            query = select(contributions.c.document).where(contributions.c.person.in_(part)).distinct()
            self._read_anew(connection, set(connection.execute(query).scalars()) - elsewhere)

    def follow(self, connection: Connection, changed: set[str]) -> None:
        """Documents with other people: cards are read anew at once, the index learns with the next facts."""
        for part in _parts(changed):
            connection.execute(
                update(documents)
                .where(documents.c.id.in_(part))
                .values(facts_behind=documents.c.facts_behind + 1)
            )
        self._read_anew(connection, changed)

    def _read_anew(self, connection: Connection, changed: set[str]) -> None:
        if changed:
            after_commit(connection, lambda: self._forget(changed))

    def _forget(self, changed: Iterable[str]) -> None:
        for document in changed:
            self._changed(document)


def _write_joins(connection: Connection, members: Iterable[int], found: Iterable[Join]) -> None:
    for part in _parts(members):
        connection.execute(delete(joins).where(or_(joins.c.one.in_(part), joins.c.other.in_(part))))
    rows = [
        {
            "one": min(join.one, join.other),
            "other": max(join.one, join.other),
            "made_by": join.made_by,
            "score": join.score,
            "reasons": [asdict(reason) for reason in join.reasons],
        }
        for join in found
    ]
    if rows:
        connection.execute(insert(joins), rows)


def _persons_of(connection: Connection, members: Iterable[int]) -> set[str]:
    found: set[str] = set()
    for part in _parts(members):
        query = select(identities.c.person).where(identities.c.id.in_(part)).distinct()
        found.update(connection.execute(query).scalars())
    return found


def _rename(connection: Connection, those: Iterable[str]) -> set[str]:
    """Give each person the name to show; says who got another."""
    renamed: list[dict[str, str]] = []
    for part in _parts(those):
        query = select(persons.c.id, persons.c.name).where(persons.c.id.in_(part))
        before = dict(connection.execute(query).all())
        best = _best_names(connection, part)
        renamed += [{"which": which, "called": name} for which, name in best.items() if name != before[which]]
    if renamed:
        connection.execute(_GIVE_NAME, renamed)
    return {row["which"] for row in renamed}


def _best_names(connection: Connection, those: list[str]) -> dict[str, str]:
    """The name to show: given by hand, the directory's, or the fullest and most frequent that came with an identity."""
    query = select(
        identities.c.id, identities.c.person, identities.c.shown, entries.c.name, identities.c.founded
    ).join(entries, entries.c.id == identities.c.entry, isouter=True)
    rows = connection.execute(query.where(identities.c.person.in_(those)).order_by(identities.c.id)).all()
    counted = _counted(connection, [row.id for row in rows])
    best: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        names = counted.get(row.id) or {row.shown: (0, "")}
        for shown, (count, key) in names.items():
            rank = (is_full(key), count, len(key), shown)
            if rank > best.get(row.person, ((False, -1, 0, ""), ""))[0]:
                best[row.person] = (rank, shown)
    listed = {row.person: row.name for row in reversed(rows) if row.name}
    return {person: shown for person, (_, shown) in best.items()} | listed | names_given(connection, those)


def _counted(connection: Connection, ids: list[int]) -> dict[int, dict[str, tuple[int, str]]]:
    """Of each identity the spellings shown of its names, how often each came, and its key."""
    found: dict[int, dict[str, tuple[int, str]]] = {}
    for part in _parts(ids):
        query = select(contributions.c.identity, contributions.c.name, func.count()).group_by(
            contributions.c.identity, contributions.c.name
        )
        counts: dict[int, Counter[str]] = {}
        for identity, name, count in connection.execute(query.where(contributions.c.identity.in_(part))):
            counts.setdefault(identity, Counter())[name_key(name)] += count
        for row in connection.execute(select(aliases).where(aliases.c.identity.in_(part))):
            count = counts.get(row.identity, Counter())[row.key]
            found.setdefault(row.identity, {})[row.shown] = (count, row.key)
    return found


def _parts(values: Iterable[Any]) -> Iterable[list[Any]]:
    everything = sorted(values)
    for start in range(0, len(everything), _PART):
        yield everything[start : start + _PART]
