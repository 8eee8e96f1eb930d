"""The sources: what was added, with which settings, and how the last sync went."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from memory.catalogue.api_keys import revoke_those_for
from memory.catalogue.engine import transaction
from memory.catalogue.hold_schema import is_held
from memory.catalogue.ledger import held_back_reason, is_held_back
from memory.catalogue.schema import documents, ledger, sources
from memory.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Source:
    """One place documents come from.

    :param config: the connector's settings as JSON values.
    :param summary: the last sync's counts, or None before the first.
    :param every: minutes from one scheduled sync to the next; None for none.
    :param removing: whether it is on its way out; nothing of it is found any more.
    :param secrets: passwords and tokens by name, encrypted (`memory.keyring`).
    """

    name: str
    kind: str
    location: str
    config: dict[str, Any]
    paused: bool = False
    synced: datetime | None = None
    summary: dict[str, Any] | None = None
    every: int | None = None
    removing: bool = False
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def stopped(self) -> str:
        """Why its last sync stopped before the end; ``""`` where it did not."""
        return str((self.summary or {}).get("stopped", ""))


_SHOWN = [column for column in sources.c if column is not sources.c.cursor]
"""A cursor may hold as much as the source has documents, and only a sync asks for it."""


class Sources:
    """The sources of a memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, source: Source) -> None:
        """Add a source.

        :raises InvalidInput: where the name is taken.
        """
        with transaction(self._engine) as connection:
            taken = connection.execute(
                select(sources.c.removing).where(sources.c.name == source.name)
            ).scalar()
            if taken:
                raise still_removing(source.name)
            if taken is not None:
                raise InvalidInput(
                    f"There is a source named {source.name} already.", hint="Give another name with --name."
                )
            connection.execute(
                insert(sources).values(
                    name=source.name,
                    kind=source.kind,
                    location=source.location,
                    config=source.config,
                    secrets=source.secrets,
                    added=datetime.now(UTC),
                )
            )

    def get(self, name: str) -> Source:
        """One source.

        :raises NotFound: where there is none of that name.
        """
        for source in self.all():
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.all()) or "none yet"
        raise NotFound(f"There is no source named {name}.", hint=f"Known sources: {known}.")

    def all(self) -> list[Source]:
        """Every source, by name."""
        with transaction(self._engine) as connection:
            return [_source(row) for row in connection.execute(select(*_SHOWN).order_by(sources.c.name))]

    def kind_of(self, name: str) -> str:
        """The connector of a source; empty where there is none of that name."""
        with transaction(self._engine) as connection:
            kind = select(sources.c.kind).where(sources.c.name == name)
            return connection.execute(kind).scalar() or ""

    def counts(self, name: str) -> dict[str, int]:
        """How many ledger rows of a source stand at each stage."""
        query = select(ledger.c.stage, func.count()).where(ledger.c.source == name).group_by(ledger.c.stage)
        with transaction(self._engine) as connection:
            return {row.stage: row[1] for row in connection.execute(query)}

    def pause(self, name: str, paused: bool = True) -> None:
        """Leave a source out of syncs, or take it in again."""
        self.get(name)
        self._set(name, paused=paused)

    def schedule(self, name: str, every: int | None) -> None:
        """Have a source synced regularly by the service.

        :param every: minutes, at least 1; None ends it.
        :raises InvalidInput: where it is no such number.
        """
        self.get(name)
        if every is not None and every < 1:
            raise InvalidInput(f"A source is synced every minute at most, not every {every}.")
        self._set(name, every=every)

    def synced(self, name: str, summary: dict[str, Any]) -> None:
        """Note the outcome of a sync."""
        self._set(name, synced=datetime.now(UTC), summary=summary)

    def cursor(self, name: str) -> str | None:
        """Where the last complete walk ended."""
        with transaction(self._engine) as connection:
            return connection.execute(select(sources.c.cursor).where(sources.c.name == name)).scalar()

    def set_cursor(self, name: str, cursor: str | None) -> None:
        """Note how far the ledger is complete; None: it may have more than the source, so all of that is to be looked at."""
        self._set(name, cursor=cursor)

    def keep_secret(self, name: str, secret: str, sealed: str) -> None:
        """Replace a secret of a source.

        :param sealed: encrypted.
        """
        self._set(name, secrets=self.get(name).secrets | {secret: sealed})

    def reseal(self, again: Callable[[str], str]) -> int:
        """Replace every secret by what the function makes of it, all or none; says how many there are."""
        count = 0
        with transaction(self._engine) as connection:
            for row in connection.execute(select(sources.c.name, sources.c.secrets)).all():
                fresh = {name: again(sealed) for name, sealed in row.secrets.items()}
                connection.execute(update(sources).where(sources.c.name == row.name).values(secrets=fresh))
                count += len(fresh)
        return count

    def remove(self, connection: Connection, name: str) -> None:
        """Have a source leave, with its ledger; the caller removes its documents in the same transaction.

        Keys for it are worth nothing from then on. The source itself stays until the index has let go of them, see `forget_removed`; so do rows of what a hold is on.
        """
        theirs, kept = ledger.c.source == name, is_held(ledger.c.document)
        connection.execute(
            update(ledger).where(theirs, kept, ~is_held_back()).values(reason=held_back_reason())
        )
        connection.execute(delete(ledger).where(theirs, ledger.c.document.is_(None) | ~kept))
        connection.execute(update(sources).where(sources.c.name == name).values(removing=True))
        revoke_those_for(connection, name)

    def removing(self) -> list[str]:
        """The names of those that are on their way out."""
        return [source.name for source in self.all() if source.removing]

    def forget_removed(self) -> None:
        """Delete the sources on their way out whose documents are all gone."""
        held = select(documents.c.id).where(documents.c.source == sources.c.name).exists()
        with transaction(self._engine) as connection:
            connection.execute(delete(sources).where(sources.c.removing.is_(True), ~held))

    def _set(self, name: str, **values: Any) -> None:
        with transaction(self._engine) as connection:
            connection.execute(update(sources).where(sources.c.name == name).values(**values))


def _source(row: Row[Any]) -> Source:
    return Source(
        row.name,
        row.kind,
        row.location,
        row.config,
        row.paused,
        row.synced,
        row.summary,
        row.every,
        row.removing,
        row.secrets,
    )


def still_removing(name: str) -> InvalidInput:
    """The refusal of what cannot be done with a source on its way out."""
    return InvalidInput(
        f"The source {name} is being removed.",
        hint=f"To finish that, run `mneme sources remove {name}` again.",
    )
