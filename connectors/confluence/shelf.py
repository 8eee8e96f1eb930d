"""What an export of a Confluence holds, sorted so that a page can be looked up: kept in the source's own folder until the export changes."""

import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from connectors.confluence.entities import NO_EXPORT, Entity
from memory.errors import SourceError

_FORM = "1"
"""Counted up whenever the tables change."""
_KINDS = {"Page": "page", "BlogPost": "blogpost", "Comment": "comment", "Attachment": "attachment"}
_TABLES = """
CREATE TABLE content(id TEXT PRIMARY KEY, kind TEXT, title TEXT, space TEXT, parent TEXT, container TEXT, version INTEGER, status TEXT,
    creator TEXT, created TEXT, modifier TEXT, modified TEXT);
CREATE TABLE edited(content TEXT, by TEXT, at TEXT);
CREATE TABLE body(content TEXT, kind TEXT, text TEXT);
CREATE TABLE property(content TEXT, name TEXT, value TEXT);
CREATE TABLE space(id TEXT PRIMARY KEY, key TEXT, name TEXT);
CREATE TABLE account(key TEXT PRIMARY KEY, name TEXT);
CREATE TABLE person(name TEXT PRIMARY KEY, shown TEXT, email TEXT);
CREATE TABLE viewset(id TEXT PRIMARY KEY, content TEXT);
CREATE TABLE viewer(id TEXT, viewset TEXT, user TEXT, name TEXT, grp TEXT);
CREATE TABLE owned(kind TEXT, owner TEXT, id TEXT);
CREATE TABLE spaceviewer(space TEXT, user TEXT, name TEXT, grp TEXT, everybody TEXT);
CREATE TABLE meta(stamp TEXT);
"""
_INDEXES = """
CREATE INDEX of_kind ON content(kind, status, created, id); CREATE INDEX in_container ON content(container, kind); CREATE INDEX edits ON edited(content);
CREATE INDEX bodies ON body(content); CREATE INDEX properties ON property(content); CREATE INDEX sets ON viewset(content); CREATE INDEX viewers ON viewer(viewset);
CREATE INDEX accounts ON account(name);
"""
_OWNERS = """
CREATE INDEX owners ON owned(kind, id);
UPDATE viewset SET content = coalesce((SELECT owner FROM owned WHERE kind = 'viewset' AND owned.id = viewset.id), '') WHERE content = '';
UPDATE viewer SET viewset = coalesce((SELECT owner FROM owned WHERE kind = 'viewer' AND owned.id = viewer.id), '') WHERE viewset = '';
"""
"""Some exports say only on one side what belongs to what."""
_AT_ONCE = 2_000
_HALF, _FORGOTTEN_S = ".half", 86_400.0


class Shelf:
    """The objects of one export.

    :param state: the source's own folder; None keeps them in a temporary file until this is closed.
    """

    def __init__(self, state: Path | None) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="mneme-") if state is None else None
        self._folder = Path(self._own.name) if self._own else Path(state or "")
        self._file = self._folder / "export.sqlite"
        self._opened: sqlite3.Connection | None = None

    def has(self, stamp: str) -> bool:
        """Whether it holds the export of this stamp."""
        if not self._file.is_file():
            return False
        try:
            return bool(self.rows("SELECT 1 FROM meta WHERE stamp = ?", f"{_FORM}:{stamp}"))
        except sqlite3.DatabaseError:
            self.let_go()
            return False

    def fill(self, stamp: str, found: Iterable[Entity]) -> None:
        """Take in an export, whole or not at all.

        :raises SourceError: where it cannot be read, or does not say who may view what is in it.
        """
        self.let_go()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        # A name of its own: a sync and somebody who opens an original may take the same export in at once.
        half = self._folder / f"{uuid4().hex}{_HALF}"
        try:
            with closing(sqlite3.connect(half, isolation_level=None)) as into:
                into.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
                into.execute("BEGIN")
                for entity in found:
                    for statement, values in _written(entity):
                        into.execute(statement, values)
                into.execute("INSERT INTO meta VALUES(?)", (f"{_FORM}:{stamp}",))
                into.execute("COMMIT")
                into.executescript(_OWNERS + _INDEXES)
                for table, column in (("viewset", "content"), ("viewer", "viewset")):
                    if into.execute(f"SELECT 1 FROM {table} WHERE {column} = '' LIMIT 1").fetchone():  # noqa: S608 - our own words
                        raise SourceError(
                            "The export has a restriction and does not say of what.", hint=NO_EXPORT
                        )
            half.replace(self._file)
        except sqlite3.Error as error:
            raise SourceError(
                f"What the export holds cannot be kept: {error}.", hint=f"Is {self._folder} full?"
            ) from error
        finally:
            with suppress(OSError):
                half.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what a process that was killed has left."""
        for left in self._folder.glob(f"*{_HALF}"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
                    left.unlink()

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives, whole."""
        if self._opened is None:
            self._opened = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, check_same_thread=False)
        return self._opened.execute(statement, values).fetchall()

    def each(self, *kinds: str) -> Iterator[tuple[str, str]]:
        """Kind and id of what is there of these kinds, oldest first."""
        marks = ", ".join(f"'{kind}'" for kind in kinds)
        after: tuple[Any, ...] = ("", "")
        while True:
            found = self.rows(
                f"SELECT created, id, kind FROM content WHERE kind IN ({marks}) AND status = 'current' AND (created, id) > (?, ?)"  # noqa: S608 - our own words
                " ORDER BY created, id LIMIT ?",
                *after,
                _AT_ONCE,
            )
            yield from ((kind, number) for _, number, kind in found)
            if len(found) < _AT_ONCE:
                return
            after = found[-1][:2]

    def let_go(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def close(self) -> None:
        """The same, and remove what is only temporary."""
        self.let_go()
        if self._own is not None:
            self._own.cleanup()


def _written(entity: Entity) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The rows that an object becomes."""
    of = entity.text
    match entity.kind:
        case "Page" | "BlogPost" | "Comment" | "Attachment":
            yield from _content(entity)
        case "BodyContent":
            yield "INSERT INTO body VALUES(?, ?, ?)", (of("content"), of("bodyType"), of("body"))
        case "ContentProperty":
            value = of("stringValue", "longValue", "dateValue")
            yield "INSERT INTO property VALUES(?, ?, ?)", (of("content"), of("name"), value)
        case "Space":
            yield "INSERT OR REPLACE INTO space VALUES(?, ?, ?)", (entity.id, of("key"), of("name"))
        case "ConfluenceUserImpl":
            yield "INSERT OR REPLACE INTO account VALUES(?, ?)", (entity.id, of("name", "lowerName"))
        case "InternalUser" | "User":
            yield (
                "INSERT OR REPLACE INTO person VALUES(?, ?, ?)",
                (of("name").lower(), of("displayName"), of("emailAddress", "email")),
            )
        case _:
            yield from _permission(entity)


def _permission(entity: Entity) -> Iterator[tuple[str, tuple[Any, ...]]]:
    of = entity.text
    match entity.kind:
        case "ContentPermissionSet" if of("type").lower() == "view":
            yield "INSERT OR REPLACE INTO viewset VALUES(?, ?)", (entity.id, of("owningContent"))
            for each in entity.lists.get("contentPermissions", ()):
                yield "INSERT INTO owned VALUES('viewer', ?, ?)", (entity.id, each)
        case "ContentPermission" if of("type").lower() == "view":
            yield (
                "INSERT INTO viewer VALUES(?, ?, ?, ?, ?)",
                (entity.id, of("owningSet"), of("userSubject"), of("userName"), of("groupName")),
            )
        case "SpacePermission" if of("type") == "VIEWSPACE":
            who = (of("userSubject"), of("userName"), of("group"), of("allUsersSubject"))
            yield "INSERT INTO spaceviewer VALUES(?, ?, ?, ?, ?)", (of("space"), *who)


def _content(entity: Entity) -> Iterator[tuple[str, tuple[Any, ...]]]:
    of = entity.text
    creator, modifier = of("creator", "creatorName"), of("lastModifier", "lastModifierName")
    newest = of("originalVersion", "originalVersionId")
    if newest:  # an older version: who wrote it is all that is kept of it
        yield "INSERT INTO edited VALUES(?, ?, ?)", (newest, modifier or creator, of("lastModificationDate"))
        return
    version = of("version", "attachmentVersion")
    yield (
        "INSERT OR REPLACE INTO content VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entity.id,
            _KINDS[entity.kind],
            of("title", "fileName"),
            of("space"),
            of("parent"),
            of("containerContent", "content", "page", "blogpost"),
            int(version) if version.isdigit() else 1,
            of("contentStatus") or "current",
            creator,
            of("creationDate"),
            modifier or creator,
            of("lastModificationDate"),
        ),
    )
    for name, column in (("fileSize", "FILESIZE"), ("contentType", "MEDIA_TYPE")):
        if value := of(name):  # before Confluence 5.7
            yield "INSERT INTO property VALUES(?, ?, ?)", (entity.id, column, value)
    for each in entity.lists.get("contentPermissionSets", ()):
        yield "INSERT INTO owned VALUES('viewset', ?, ?)", (entity.id, each)
