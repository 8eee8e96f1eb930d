"""Decisions by hand as the resolver takes them: those that nobody has undone."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, select

from memory.catalogue.schema import decided, decisions, entries, identities
from memory.people.resolver import HandRule

_PART = 400


def rules_about(connection: Connection, members: Iterable[int]) -> list[HandRule]:
    """The decisions in force that concern some identities, oldest first."""
    found: dict[int, Any] = {}
    wanted = sorted(members)
    undone = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))
    for start in range(0, len(wanted), _PART):
        asked = select(decided.c.decision).where(decided.c.identity.in_(wanted[start : start + _PART]))
        query = select(decisions).where(decisions.c.id.in_(asked), decisions.c.id.not_in(undone))
        found |= {row.id: row for row in connection.execute(query)}
    return [
        HandRule(row.action == "merge", frozenset(row.left), frozenset(row.right))
        for _, row in sorted(found.items())
        if row.action in {"merge", "split", "not me"}
    ]


def names_told(connection: Connection, persons: Iterable[str]) -> dict[str, str]:
    """The names that everybody may know: given by hand, else the directory's."""
    found: dict[str, str] = {}
    wanted = sorted(persons)
    for start in range(0, len(wanted), _PART):
        part = wanted[start : start + _PART]
        listed = (
            select(identities.c.person, entries.c.name)
            .join(entries, entries.c.id == identities.c.entry)
            .where(identities.c.person.in_(part), entries.c.name != "")
            .order_by(identities.c.id.desc())
        )
        found |= dict(connection.execute(listed).all()) | names_given(connection, part)
    return found


def names_given(connection: Connection, persons: Iterable[str]) -> dict[str, str]:
    """The names that were given by hand, the latest of each person.

    A name is theirs who have the oldest of the identities it was given to, which their person was named by: whoever is
    split off from them is called as their own papers have it.
    """
    undone = select(decisions.c.undoes).where(decisions.c.undoes.is_not(None))
    query = (
        select(identities.c.id, identities.c.person, decisions.c.value, decisions.c.left)
        .join(decided, decided.c.identity == identities.c.id)
        .join(decisions, decisions.c.id == decided.c.decision)
        .where(
            decisions.c.action == "rename",
            decisions.c.id.not_in(undone),
            identities.c.person.in_(list(persons)),
        )
        .order_by(decisions.c.id)
    )
    return {row.person: row.value for row in connection.execute(query) if row.id == min(row.left)}
