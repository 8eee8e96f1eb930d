"""Documents that other programs put here by the API, kept in a database of the source's own."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from connectors.base import Change, Checkpoint, Content, Deleted, SourceConfig, Upserted
from connectors.patterns import AccessRules, Patterns, digest_of
from memory.domain import Access, Contribution, Identity, Role, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError

_TABLE = """CREATE TABLE IF NOT EXISTS documents (
    key TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, digest TEXT, facts TEXT, body BLOB)"""
_NEXT = "(SELECT coalesce(max(number), 0) + 1 FROM documents)"


@dataclass(frozen=True, slots=True)
class Pushed:
    """A document as a program gives it.

    :param facts: ``name``, ``title``, ``media_type``, ``url``, ``created``, ``modified``, ``grant``, ``deny`` and
        ``contributions`` as JSON values; those that are not known are left out.
    """

    key: str
    body: bytes
    facts: dict[str, Any]

    def digest(self) -> str:
        """Changes with anything of it."""
        return sha256(json.dumps(self.facts, sort_keys=True).encode() + b"\0" + self.body).hexdigest()[:32]


class PushStore:
    """What was pushed to one source. Each change is on the disk when it returns, whatever befalls the process.

    :param folder: where the database lies.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "pushed.db"

    def create(self) -> None:
        """Make the store, unless it is there.

        :raises SourceError: where the folder cannot be written.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(sqlite3.connect(self._file)) as database, database:
                database.execute(_TABLE)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(
                f"{self._file.parent} cannot be written: {error}.", hint="Give a folder you may write in."
            ) from error

    def put(self, pushed: Pushed) -> str:
        """Keep a document: says whether it was ``created``, ``changed`` or ``unchanged``."""
        digest = pushed.digest()
        with self._open() as database, database:
            database.execute("BEGIN IMMEDIATE")
            known = database.execute("SELECT digest FROM documents WHERE key = ?", (pushed.key,)).fetchone()
            if known == (digest,):
                return "unchanged"
            database.execute(
                f"INSERT OR REPLACE INTO documents VALUES (?, {_NEXT}, ?, ?, ?)",  # noqa: S608  no value in it
                (pushed.key, digest, json.dumps(pushed.facts), pushed.body),
            )
        return "changed" if known and known[0] else "created"

    def delete(self, key: str) -> str:
        """Take a document out: says whether it was ``deleted`` or ``absent``."""
        with self._open() as database, database:
            done = database.execute(
                f"UPDATE documents SET number = {_NEXT}, digest = NULL, facts = NULL, body = NULL"  # noqa: S608
                " WHERE key = ? AND digest IS NOT NULL",
                (key,),
            )
        return "deleted" if done.rowcount else "absent"

    def get(self, key: str) -> Pushed:
        """A document.

        :raises NotFound: where there is none of that key.
        """
        with self._open() as database:
            row = database.execute(
                "SELECT body, facts FROM documents WHERE key = ? AND digest IS NOT NULL", (key,)
            ).fetchone()
        if row is None:
            raise NotFound(f"There is no document {key!r}.")
        return Pushed(key, row[0], json.loads(row[1]))

    def after(self, number: int) -> list[tuple[str, int, str | None, dict[str, Any]]]:
        """Key, number, digest (None: deleted) and facts of what changed after a number, in that order."""
        query = "SELECT key, number, digest, facts FROM documents WHERE number > ? ORDER BY number"
        with self._open() as database:
            rows = database.execute(query, (number,)).fetchall()
        return [(key, at, digest, json.loads(facts or "{}")) for key, at, digest, facts in rows]

    def last(self) -> int:
        """The number of the newest change."""
        with self._open() as database:
            return int(database.execute("SELECT coalesce(max(number), 0) FROM documents").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(
                sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=rw", uri=True, timeout=30)
            ) as database:
                database.execute("PRAGMA synchronous=FULL")
                yield database
        except sqlite3.Error as error:
            raise SourceError(
                f"What was pushed cannot be read in {self._file.parent}: {error}.",
                hint="Nothing was taken out of the memory; put the folder back where it was.",
            ) from error


class Push:
    """Documents that other programs put here: `PUT /api/sources/NAME/documents/ID`.

    The location is the folder in which they are kept. The key is the id they are put under. A document's own tokens
    replace the access of the source, unless a rule names its id. What is deleted is deleted at once by the next sync.

    :raises InvalidInput: where there is no location or a pattern cannot be understood.
    """

    kind = "push"
    reports_deletions = True

    def __init__(self, config: SourceConfig) -> None:
        if not config.location or "\0" in config.location:
            raise InvalidInput("A push source needs the path of a folder to keep its documents in.")
        config.only()
        self._name = config.name
        self._folder = Path(config.location)
        self._store = PushStore(self._folder)
        self._include = Patterns(config.include or ("**",))
        self._exclude = Patterns(config.exclude)
        self._default = config.access
        self._rules = config.rules
        self._settings = _digest_of(config)

    def prepare(self) -> None:
        """Make the folder and what is kept in it.

        :raises SourceError: where the folder cannot be written.
        """
        self._store.create()

    def check(self) -> str:
        """Say how many documents were put here.

        :raises SourceError: where the folder is gone.
        """
        count = sum(digest is not None for _, _, digest, _ in self._store.after(0))
        return f"{self._folder} keeps {count} {'document' if count == 1 else 'documents'}."

    def changes(self, since: str | None) -> Iterator[Change]:
        """What was put or deleted after the cursor, or ever: somebody asked for each deletion.

        Where the source was told to take or to grant something else since, that is everything; as where its folder is an
        older one, brought back from a backup.

        :raises SourceError: where the folder is gone.
        """
        number, _, settings = (since or "").partition(" ")
        known = int(number or 0)
        start = known if settings == self._settings and known <= self._store.last() else 0
        rows = self._store.after(start)
        for key, _, digest, facts in rows:
            ref = SourceRef(self.kind, self._name, key)
            if not self._include.matches(key) or self._exclude.matches(key):
                continue
            if digest is not None:
                yield Upserted(ref, f"{digest}-{self._access(facts).digest(key)}")
            else:
                yield Deleted(ref, explicit=True)
        cursor = f"{rows[-1][1] if rows else start} {self._settings}"
        yield Checkpoint(cursor, whole=since is not None and start < known)

    def fetch(self, ref: SourceRef) -> Content:
        """The document as it was put here last."""
        pushed = self._store.get(self._checked(ref))
        facts = pushed.facts
        return Content(
            ref=ref,
            name=facts.get("name") or ref.key.rpartition("/")[2] or "document",
            body=pushed.body,
            media_type=facts.get("media_type", ""),
            title=facts.get("title", ""),
            url=facts.get("url", ""),
            created=_moment(facts.get("created")),
            modified=_moment(facts.get("modified")),
            contributions=tuple(_contribution(each) for each in facts.get("contributions", ())),
        )

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the id, else the document's own tokens, else those of the source."""
        return self._access(self._store.get(self._checked(ref)).facts).of(ref.key)

    def _access(self, facts: dict[str, Any]) -> AccessRules:
        own = Access(frozenset(facts.get("grant", ())), frozenset(facts.get("deny", ())))
        return AccessRules(own if own.grant or own.deny else self._default, self._rules)

    def _checked(self, ref: SourceRef) -> str:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        return ref.key


def _digest_of(config: SourceConfig) -> str:
    """Differs where what the source takes or grants does."""
    rules = [(pattern, digest_of(access)) for pattern, access in config.rules]
    said = repr((digest_of(config.access), rules, config.include, config.exclude))
    return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _contribution(told: dict[str, Any]) -> Contribution:
    person = Identity(told.get("name", ""), told.get("address", "").lower(), told.get("account", ""))
    return Contribution(person, Role(told["role"]), _moment(told.get("at")), "pushed")
