"""The catalogue: everything Mneme knows, in one SQL database."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from memory.catalogue.alike import Alike
from memory.catalogue.api_keys import ApiKeys
from memory.catalogue.audit import Audit
from memory.catalogue.cards import Cards
from memory.catalogue.decisions import Decisions
from memory.catalogue.directories import Directories
from memory.catalogue.documents import Documents
from memory.catalogue.engine import open_engine, transaction
from memory.catalogue.events import Events
from memory.catalogue.holds import Holds
from memory.catalogue.integrity import integrity, mend_indexes
from memory.catalogue.judging import Judging
from memory.catalogue.keeping import Keeping
from memory.catalogue.ledger import Ledger
from memory.catalogue.passages import Passages
from memory.catalogue.people import People
from memory.catalogue.person_page import PersonPages
from memory.catalogue.provisioned import Provisioned
from memory.catalogue.saved import SavedSearches
from memory.catalogue.scans import Scans
from memory.catalogue.schema import meta
from memory.catalogue.sessions import Sessions
from memory.catalogue.snapshot import snapshot
from memory.catalogue.sources import Sources
from memory.catalogue.threads import Threads
from memory.catalogue.upsert import upsert
from memory.catalogue.users import Users
from memory.catalogue.vectors import VectorCache
from memory.catalogue.who_is_who import WhoIsWho

MAIN_LANGUAGE = "main_language"
"""The fact about the memory that whoever writes the index keeps: an ISO 639-1 code."""

NO_MAIN_LANGUAGE = "und"
"""Stands for one where texts of an unknown language are read in none (ISO 639-2: undetermined)."""


class Catalogue:
    """One database with a store for each subject.

    :param url: an SQLAlchemy URL: ``sqlite:///path`` or ``postgresql+psycopg://...``.
    :param keep_events: how long searches are remembered; None for not at all.
    :param keep_audit: how long it is kept who saw what; None for not at all.
    :raises CatalogueError: where the database cannot be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        keep_events: timedelta | None = timedelta(days=365),
        keep_audit: timedelta | None = None,
    ) -> None:
        self._engine = open_engine(url)
        self.facts_lock = threading.Lock()
        """Held from reading a document's facts until the index has them, so that older ones never come after newer."""
        self.cards = Cards(self._engine)
        self.sources = Sources(self._engine)
        self.ledger = Ledger(self._engine)
        self.people = People(self._engine)
        self.directories = Directories(self._engine)
        self.holds = Holds(self._engine)
        self.keeping = Keeping(self._engine)
        self.who_is_who = WhoIsWho(self._engine, self.cards.forget)
        self.person_pages = PersonPages(self._engine, self.people)
        self.decisions = Decisions(self._engine, self.people, self.who_is_who)
        self.documents = Documents(self._engine, self.people, self.cards.forget)
        self.passages = Passages(self._engine, self.cards.forget_passages)
        self.threads = Threads(self._engine)
        self.vectors = VectorCache(self._engine)
        self.scans = Scans(self._engine)
        self.saved = SavedSearches(self._engine)
        self.alike = Alike(self._engine)
        self.events = Events(self._engine, keep_events)
        self.audit = Audit(self._engine, keep_audit)
        self.judging = Judging(self._engine)
        self.api_keys = ApiKeys(self._engine)
        self.sessions = Sessions(self._engine)
        self.users = Users(self._engine)

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction over several stores: ``with catalogue.transaction() as connection:``."""
        return transaction(self._engine)

    def get_meta(self, key: str) -> Any:
        """A fact about the memory itself, or None."""
        with transaction(self._engine) as connection:
            return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()

    def set_meta(self, key: str, value: Any) -> None:
        """Remember a fact about the memory itself, as JSON."""
        with transaction(self._engine) as connection:
            upsert(connection, meta, {"key": key}, {"value": value})

    def main_language(self) -> str:
        """What texts of an unknown language (a title, a list) are read in: most of the memory's, ``""`` at first."""
        return str(self.get_meta(MAIN_LANGUAGE) or "")

    def snapshot(self) -> AbstractContextManager[Callable[[Path], None]]:
        """Hold the catalogue as it is now; what is given writes it to a file, which is checked.

        :raises InvalidSettings: where the catalogue is not in SQLite.
        """
        self.events.flush()
        return snapshot(self._engine)

    def provisioned(self, directory: str) -> Provisioned:
        """What a directory that is told of entry by entry has been told."""
        return Provisioned(self._engine, directory)

    def check(self) -> list[str]:
        """What the database finds wrong with itself; empty when all is well."""
        return integrity(self._engine)

    def mend_indexes(self) -> bool:
        """Make the database's indexes anew, where nothing is wrong but what these have; says whether that was so."""
        return mend_indexes(self._engine)

    def close(self) -> None:
        """Write what still waits, and let go of the database."""
        self.events.close()
        self._engine.dispose()
