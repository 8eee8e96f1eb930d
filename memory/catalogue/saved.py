"""Saved searches: what somebody wants to be told about, and what of it they have seen."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, Row, delete, insert, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.schema import saved_searches
from memory.clock import ahead
from memory.errors import InvalidInput, NotFound

MOST = 200
"""Searches one person may save: each is run when the list or a feed is read."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that somebody keeps.

    :param person: the id of the person it belongs to.
    :param looked: when they last looked at what it finds.
    :param found: when each document was first found by it, by the document's id.
    """

    id: str
    person: str
    name: str
    query: str
    created: datetime
    looked: datetime
    found: dict[str, datetime]


class SavedSearches:
    """The saved searches of a memory; each is its owner's alone, to others it does not exist."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, person: str, name: str, query: str, found: Sequence[str]) -> SavedSearch:
        """Save a search.

        :param found: the documents it finds now: these are not news.
        :raises InvalidInput: where it has no name, or the person has saved too many.
        """
        name = " ".join(name.split())[:200]
        if not name:
            raise InvalidInput("A saved search needs a name.")
        if len(self.of(person)) >= MOST:
            raise InvalidInput(f"No more than {MOST} searches can be saved.", hint="Remove one first.")
        now = datetime.now(UTC)
        made = SavedSearch(uuid.uuid4().hex, person, name, query, now, now, dict.fromkeys(found, now))
        with transaction(self._engine) as connection:
            connection.execute(
                insert(saved_searches).values(
                    id=made.id,
                    person=person,
                    name=name,
                    query=query,
                    created=now,
                    looked=now,
                    found=_written(made.found),
                )
            )
        return made

    def of(self, person: str) -> list[SavedSearch]:
        """A person's searches, by name."""
        query = select(saved_searches).where(saved_searches.c.person == person)
        with transaction(self._engine) as connection:
            rows = connection.execute(query.order_by(saved_searches.c.name, saved_searches.c.id)).all()
        return [_search(row) for row in rows]

    def get(self, identity: str, person: str) -> SavedSearch:
        """One of a person's searches.

        :raises NotFound: where it is none of theirs.
        """
        mine = (saved_searches.c.id == identity, saved_searches.c.person == person)
        with transaction(self._engine) as connection:
            row = connection.execute(select(saved_searches).where(*mine)).one_or_none()
        if row is None:
            raise NotFound("There is no such saved search.")
        return _search(row)

    def note(self, search: SavedSearch, documents: Sequence[str]) -> SavedSearch:
        """Note what a search finds now; what nobody has noted before has its time from now on."""
        now = datetime.now(UTC)
        wrong = any(ahead(moment, now) for moment in (search.looked, *search.found.values()))
        if not wrong and all(document in search.found for document in documents):
            return search
        this = saved_searches.c.id == search.id
        with transaction(self._engine) as connection:
            # Written before it is read: whoever reads the page and the feed at once waits here for the other.
            lock = update(saved_searches).where(this).values(found=saved_searches.c.found)
            held = connection.execute(
                lock.returning(saved_searches.c.found, saved_searches.c.looked)
            ).one_or_none()
            if held is None:  # it was removed meanwhile
                return replace(search, found=dict.fromkeys(documents, now) | search.found)
            looked, found = _set_right(held.looked, _read(held.found), now)
            # Never before the last look, also where the clock was put back since: else nobody would be told of it.
            found = dict.fromkeys(documents, max(now, looked + _NEXT)) | found
            connection.execute(
                update(saved_searches).where(this).values(looked=looked, found=_written(found))
            )
        return replace(search, looked=looked, found=found)

    def look(self, search: SavedSearch) -> None:
        """Note that its owner has seen what it finds."""
        self._set(search, looked=datetime.now(UTC))

    def remove(self, search: SavedSearch) -> None:
        """Forget a search."""
        with transaction(self._engine) as connection:
            connection.execute(delete(saved_searches).where(saved_searches.c.id == search.id))

    def _set(self, search: SavedSearch, **values: object) -> None:
        with transaction(self._engine) as connection:
            statement = update(saved_searches).where(saved_searches.c.id == search.id)
            connection.execute(statement.values(**values))


_NEXT = timedelta(microseconds=1)


def _set_right(
    looked: datetime, found: dict[str, datetime], now: datetime
) -> tuple[datetime, dict[str, datetime]]:
    """When somebody looked and when each was found, where the clock was wrong: what was seen stays seen, the rest is new."""
    seen = now - _NEXT if ahead(looked, now) else looked
    return seen, {
        document: min(moment, now if moment > looked else seen) if ahead(moment, now) else moment
        for document, moment in found.items()
    }


def _written(found: dict[str, datetime]) -> dict[str, str]:
    return {document: moment.isoformat() for document, moment in found.items()}


def _read(held: dict[str, str]) -> dict[str, datetime]:
    return {document: datetime.fromisoformat(moment) for document, moment in held.items()}


def _search(row: Row[tuple[object, ...]]) -> SavedSearch:
    return SavedSearch(row.id, row.person, row.name, row.query, row.created, row.looked, _read(row.found))
