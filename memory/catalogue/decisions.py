"""Decisions by hand about who is who: they outrank the resolver, are never lost, and can each be undone.

The table is only ever added to. What is in force is what no later row undoes; the resolver is then asked anew, so that
undoing gives back exactly what the evidence and the other decisions say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, delete, func, insert, or_, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.identities import block_all, found_person
from memory.catalogue.people import People
from memory.catalogue.schema import aliases, contributions, decided, decisions, identities
from memory.catalogue.who_is_who import WhoIsWho
from memory.errors import InvalidInput, NotFound
from memory.people.profile import Node


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the trail.

    :param action: ``merge``, ``split``, ``not me``, ``rename`` or ``undo``.
    :param left, right: the identities on both sides, as they are shown.
    :param value: the name given, or the document that is not theirs.
    :param undoes: the decision this one undoes.
    :param undone: whether a later one undoes this.
    """

    id: int
    at: datetime
    by: str
    action: str
    reason: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    value: str = ""
    undoes: int | None = None
    undone: bool = False


class Decisions:
    """Merging, splitting and naming persons by hand, with a trail."""

    def __init__(self, engine: Engine, people: People, who_is_who: WhoIsWho) -> None:
        self._engine = engine
        self._people = people
        self._who_is_who = who_is_who

    def merge(self, one: str, other: str, *, by: str, reason: str = "") -> int:
        """Make two persons one; gives the decision's id.

        What either may see stays as it was: tokens belong to the directory's entries, see `People.asker`.

        :raises NotFound: where one of them is not known.
        :raises InvalidInput: where they are one already.
        """
        with self._who_is_who.lock, transaction(self._engine) as connection:
            a, b = (self._people.current(connection, person) for person in (one, other))
            if a == b:
                raise InvalidInput("These two are one person already.")
            return self._decide(
                connection, "merge", self._ids(connection, a), self._ids(connection, b), by, reason
            )

    def split(self, person: str, identities_: Iterable[int], *, by: str, reason: str = "") -> int:
        """Take some identities away from a person, to be another person from now on.

        :raises NotFound: where the person is not known.
        :raises InvalidInput: where the identities are none or all of theirs.
        """
        with self._who_is_who.lock, transaction(self._engine) as connection:
            everything = self._ids(connection, self._people.current(connection, person))
            taken = sorted(set(identities_))
            kept = [which for which in everything if which not in taken]
            if not taken or not kept or not set(taken) <= set(everything):
                raise InvalidInput(
                    "Name some of this person's identities, not all of them.",
                    hint="Their numbers stand on the person's page.",
                )
            return self._decide(connection, "split", taken, kept, by, reason)

    def not_me(self, person: str, document: str, *, by: str, reason: str = "") -> int:
        """Say that a document names somebody else than this person.

        :raises NotFound: where the person is not known, or has no part in the document.
        """
        with self._who_is_who.lock, transaction(self._engine) as connection:
            current = self._people.current(connection, person)
            mine = contributions.c.person == current, contributions.c.document == document
            base = (
                connection.execute(select(contributions.c.identity).where(*mine).distinct()).scalars().all()
            )
            if not base:
                raise NotFound("This person has no part in that document.")
            everything = self._ids(connection, current)
            apart = [_stand_apart(connection, identity, document) for identity in base]
            others = [which for which in everything if which not in apart]
            made = self._decide(connection, "not me", apart, others, by, reason, document)
            # Who else is in it has other company now, by which they may have been known.
            self._who_is_who.settle_these(connection, _in_document(connection, document))
            self._who_is_who.follow(connection, {document})
            return made

    def rename(self, person: str, name: str, *, by: str, reason: str = "") -> int:
        """Give a person the name to be shown by.

        :raises InvalidInput: where the name is empty or longer than 200 characters.
        :raises NotFound: where the person is not known.
        """
        shown = " ".join(name.split())
        if not shown or len(shown) > 200:
            raise InvalidInput("A name has between 1 and 200 characters.")
        with self._who_is_who.lock, transaction(self._engine) as connection:
            everything = self._ids(connection, self._people.current(connection, person))
            return self._decide(connection, "rename", everything, [], by, reason, shown)

    def undo(self, decision: int, *, by: str, reason: str = "") -> int:
        """Take a decision back; gives the id of the undoing.

        :raises NotFound: where there is no such decision.
        :raises InvalidInput: where it is undone already, or an undoing itself.
        """
        with self._who_is_who.lock, transaction(self._engine) as connection:
            row = connection.execute(select(decisions).where(decisions.c.id == decision)).one_or_none()
            if row is None:
                raise NotFound(f"There is no decision {decision}.")
            done = select(decisions.c.id).where(decisions.c.undoes == decision)
            if row.action == "undo" or connection.execute(done).scalar() is not None:
                raise InvalidInput(
                    "This is undone already, or an undoing itself.", hint="Decide anew instead."
                )
            undoing = self._write(
                connection, "undo", row.left, row.right, by, reason, row.value, undoes=decision
            )
            companions: set[int] = set()
            if row.action == "not me":
                companions = _stand_together(connection, row.left) | _in_document(connection, row.value)
                self._who_is_who.follow(connection, {row.value})
            self._who_is_who.settle_these(
                connection, _there(connection, {*row.left, *row.right, *companions})
            )
            return undoing

    def trail(self, person: str | None = None, limit: int = 200) -> list[Decision]:
        """The decisions about a person's identities, or all of them, newest first."""
        query = select(decisions).order_by(decisions.c.id.desc()).limit(limit)
        if person is not None:
            theirs = (
                select(decided.c.decision)
                .join(identities, identities.c.id == decided.c.identity)
                .where(or_(identities.c.person == person, identities.c.founded == person))
            )
            query = query.where(or_(decisions.c.id.in_(theirs), decisions.c.undoes.in_(theirs)))
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
            undone = set(
                connection.execute(
                    select(decisions.c.undoes).where(decisions.c.undoes.in_([row.id for row in rows]))
                ).scalars()
            )
            shown = _shown(connection, {which for row in rows for which in (*row.left, *row.right)})
        return [_decision(row, shown, undone) for row in rows]

    def made_by(self, decision: int) -> str:
        """Who took a decision.

        :raises NotFound: where there is no such decision.
        """
        with transaction(self._engine) as connection:
            who = connection.execute(select(decisions.c.by).where(decisions.c.id == decision)).scalar()
        if who is None:
            raise NotFound(f"There is no decision {decision}.")
        return str(who)

    def _decide(
        self,
        connection: Connection,
        action: str,
        left: Sequence[int],
        right: Sequence[int],
        by: str,
        reason: str,
        value: str = "",
    ) -> int:
        decision = self._write(connection, action, left, right, by, reason, value)
        connection.execute(
            insert(decided), [{"identity": which, "decision": decision} for which in sorted({*left, *right})]
        )
        self._who_is_who.settle_these(connection, [*left, *right])
        return decision

    @staticmethod
    def _write(
        connection: Connection,
        action: str,
        left: Sequence[int],
        right: Sequence[int],
        by: str,
        reason: str,
        value: str = "",
        undoes: int | None = None,
    ) -> int:
        row = {
            "at": datetime.now(UTC),
            "by": by,
            "action": action,
            "reason": reason[:2000],
            "left": sorted(left),
        }
        row |= {"right": sorted(right), "value": value, "undoes": undoes}
        return int(connection.execute(insert(decisions).values(**row).returning(decisions.c.id)).scalar_one())

    @staticmethod
    def _ids(connection: Connection, person: str) -> list[int]:
        query = select(identities.c.id).where(identities.c.person == person).order_by(identities.c.id)
        return list(connection.execute(query).scalars())


def _stand_apart(connection: Connection, identity: int, document: str) -> int:
    """The identity that stands for another one in one document only, made where it is missing."""
    row = connection.execute(select(identities).where(identities.c.id == identity)).one()
    if row.document:
        return identity
    person = found_person(connection, row.shown)
    values = {
        "kind": row.kind,
        "value": row.value,
        "document": document,
        "shown": row.shown,
        "pending": False,
    }
    made = insert(identities).values(**values, person=person, founded=person).returning(identities.c.id)
    apart = int(connection.execute(made).scalar_one())
    names = connection.execute(select(aliases).where(aliases.c.identity == identity)).all()
    if names:
        rows = [
            {"identity": apart, "key": each.key, "sorted": each.sorted, "shown": each.shown} for each in names
        ]
        connection.execute(insert(aliases), rows)
    block_all(connection, [Node(apart, row.kind, row.value, {each.key: 1 for each in names})])
    here = and_(contributions.c.identity == identity, contributions.c.document == document)
    connection.execute(update(contributions).where(here).values(identity=apart, person=person))
    return apart


def _stand_together(connection: Connection, apart: Iterable[int]) -> set[int]:
    """Give what stood apart in one document back to the general identity; says who was one with it."""
    companions: set[int] = set()
    for which in apart:
        row = connection.execute(select(identities).where(identities.c.id == which)).one_or_none()
        if row is None or not row.document or _in_force(connection, which):
            continue
        query = select(identities).where(
            identities.c.kind == row.kind, identities.c.value == row.value, identities.c.document == ""
        )
        general = connection.execute(query).one()
        companions.update(
            connection.execute(select(identities.c.id).where(identities.c.person == row.person)).scalars()
        )
        connection.execute(
            update(contributions)
            .where(contributions.c.identity == which)
            .values(identity=general.id, person=general.person)
        )
        connection.execute(delete(identities).where(identities.c.id == which))
    return companions


def _in_force(connection: Connection, identity: int) -> bool:
    """Whether a decision that nobody has undone is about an identity."""
    query = (
        select(func.count())
        .select_from(decided)
        .join(decisions, decisions.c.id == decided.c.decision)
        .where(decided.c.identity == identity, decisions.c.id.not_in(_UNDONE))
    )
    return bool(connection.execute(query).scalar_one())


_UNDONE = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))


def _in_document(connection: Connection, document: str) -> set[int]:
    query = select(contributions.c.identity).where(contributions.c.document == document).distinct()
    return set(connection.execute(query).scalars())


def _there(connection: Connection, ids: Iterable[int]) -> list[int]:
    return list(connection.execute(select(identities.c.id).where(identities.c.id.in_(list(ids)))).scalars())


def _shown(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    query = select(identities.c.id, identities.c.shown).where(identities.c.id.in_(list(ids)))
    return dict(connection.execute(query).all())


def _decision(row: Row[Any], shown: dict[int, str], undone: set[int]) -> Decision:
    left, right = (
        tuple(dict.fromkeys(shown[which] for which in side if which in shown))
        for side in (row.left, row.right)
    )
    return Decision(
        row.id, row.at, row.by, row.action, row.reason, left, right, row.value, row.undoes, row.id in undone
    )
