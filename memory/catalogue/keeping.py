"""What is kept of held documents: each version that was met, with its text, people, access and original.

A memory keeps no originals else: they lie at their sources, where they may be changed or deleted. So the original of what is held
is fetched once and kept here, in pieces, beside the text that was read from it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, insert, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.hold_schema import is_held, kept, kept_pieces
from memory.catalogue.ledger import BATCH
from memory.catalogue.schema import access, contributions, documents, ledger, texts
from memory.domain import Access, SourceRef

PIECE = 1 << 20
"""Bytes of an original that are written and read at once."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """One version of a document that is kept.

    :param root: what the source lists: the document itself, or what it is attached to; `original` is its.
    :param content: SHA-256 of what was read, as the ledger has it.
    :param facts: ``ref``, ``title``, ``media_type``, ``language``, ``url``, ``created``, ``modified``, ``formality``,
        ``people``, ``grant`` and ``deny`` as JSON values.
    :param original: SHA-256 of the original, or None where it is not kept.
    :param name: the original's file name.
    :param lost: whether the original of this version cannot be had any more, and `problem` says why.
    """

    id: int
    document: str
    version: str
    at: datetime
    root: SourceRef
    content: str
    facts: dict[str, Any]
    text: str
    original: str | None
    name: str
    lost: bool
    problem: str

    @property
    def access(self) -> Access:
        """Who could see it when it was kept."""
        return Access(frozenset(self.facts["grant"]), frozenset(self.facts["deny"]))


class Keeping:
    """The versions that are kept in a memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def versions(self, of: Sequence[str]) -> Iterator[KeptVersion]:
        """The versions of some documents, the oldest of each first."""
        for start in range(0, len(of), BATCH):
            query = select(kept).where(kept.c.document.in_(of[start : start + BATCH]))
            with transaction(self._engine) as connection:
                rows = connection.execute(query.order_by(kept.c.document, kept.c.id)).all()
            yield from map(_version, rows)

    def counts(self, of: Sequence[str]) -> dict[str, int]:
        """How many versions of some documents have their original, wait for it, and have lost it."""
        found = {"kept": 0, "waiting": 0, "lost": 0}
        for start in range(0, len(of), BATCH):
            part = kept.c.document.in_(of[start : start + BATCH])
            with transaction(self._engine) as connection:
                for row in connection.execute(select(kept.c.original, kept.c.lost).where(part)):
                    found["kept" if row.original else "lost" if row.lost else "waiting"] += 1
        return found

    def waiting(self) -> list[tuple[SourceRef, str]]:
        """What sources list and is to be kept, with the SHA-256 of what was read of it."""
        query = select(kept.c.root, kept.c.content).where(kept.c.original.is_(None), kept.c.lost.is_(False))
        with transaction(self._engine) as connection:
            rows = connection.execute(query.distinct().order_by(kept.c.root)).all()
        return [(SourceRef.parse(row.root), row.content) for row in rows]

    def give(self, root: SourceRef, content: str, name: str, pieces: Iterable[bytes]) -> str:
        """Keep the original of what a source lists, once for all versions that came from it; gives its SHA-256."""
        digest = hashlib.sha256()
        with transaction(self._engine) as connection:
            for number, piece in enumerate(pieces):
                digest.update(piece)
                connection.execute(insert(kept_pieces).values(original=_WRITING, number=number, bytes=piece))
            original = digest.hexdigest()
            there = select(kept_pieces.c.number).where(kept_pieces.c.original == original).limit(1)
            written = kept_pieces.c.original == _WRITING
            if connection.execute(there).first():
                connection.execute(delete(kept_pieces).where(written))
            else:
                connection.execute(update(kept_pieces).where(written).values(original=original))
            connection.execute(
                update(kept)
                .where(kept.c.root == str(root), kept.c.content == content, kept.c.original.is_(None))
                .values(original=original, name=name, problem="")
            )
        return original

    def lose(self, root: SourceRef, content: str, problem: str, *, lost: bool) -> None:
        """Note why an original is not kept.

        :param lost: whether it never will be.
        """
        with transaction(self._engine) as connection:
            connection.execute(
                update(kept)
                .where(kept.c.root == str(root), kept.c.content == content, kept.c.original.is_(None))
                .values(lost=lost, problem=problem)
            )

    def pieces(self, original: str) -> Iterator[bytes]:
        """An original, piece by piece."""
        number = 0
        while True:
            query = select(kept_pieces.c.bytes).where(
                kept_pieces.c.original == original, kept_pieces.c.number == number
            )
            with transaction(self._engine) as connection:
                piece = connection.execute(query).scalar()
            if piece is None:
                return
            yield piece
            number += 1


_WRITING = ""
"""Stands for the name of an original that is being written: it is known at its end."""


def keep(connection: Connection, those: Sequence[str]) -> int:
    """Keep documents as they are now, as far as that version is not kept yet; says how many that were."""
    done = 0
    for start in range(0, len(those), BATCH):
        part = those[start : start + BATCH]
        known = {
            tuple(row)
            for row in connection.execute(
                select(kept.c.document, kept.c.version).where(kept.c.document.in_(part))
            )
        }
        rows = [
            row for row in _as_they_are(connection, part) if (row["document"], row["version"]) not in known
        ]
        if rows:
            connection.execute(insert(kept), rows)
        done += len(rows)
    return done


def forget_unheld(connection: Connection) -> None:
    """Delete what is kept of documents that no hold is on."""
    connection.execute(delete(kept).where(~is_held(kept.c.document)))
    there = select(kept.c.id).where(kept.c.original == kept_pieces.c.original)
    connection.execute(delete(kept_pieces).where(~there.exists()))


def _as_they_are(connection: Connection, part: Sequence[str]) -> list[dict[str, Any]]:
    roots = _roots(connection, part)
    people: dict[str, list[dict[str, Any]]] = {each: [] for each in part}
    said = select(contributions).where(contributions.c.document.in_(part))
    for row in connection.execute(said.order_by(contributions.c.document, contributions.c.ordinal)):
        told = {name: getattr(row, name) for name in ("name", "address", "account", "role", "evidence")}
        people[row.document].append(told | {"at": _iso(row.at)})
    tokens: dict[str, dict[bool, list[str]]] = {each: {False: [], True: []} for each in part}
    for row in connection.execute(select(access).where(access.c.document.in_(part)).order_by(access.c.token)):
        tokens[row.document][row.deny].append(row.token)
    query = (
        select(documents, texts.c.text)
        .join(texts, texts.c.document == documents.c.id)
        .where(documents.c.id.in_(part), documents.c.removed.is_(False))
    )
    found = []
    for row in connection.execute(query.order_by(documents.c.id)):
        root, content = roots.get(row.id, (row.ref, ""))
        facts = {name: getattr(row, name) for name in _FACTS}
        facts |= {"created": _iso(row.created), "modified": _iso(row.modified), "people": people[row.id]}
        facts |= {"grant": tokens[row.id][False], "deny": tokens[row.id][True]}
        found.append(
            {
                "document": row.id,
                "version": row.version,
                "at": datetime.now(UTC),
                "root": root,
                "content": content,
                "facts": facts,
                "text": row.text,
            }
        )
    return found


def _roots(connection: Connection, part: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What the source lists of each document: its ref, and the SHA-256 of what was read of it."""
    found: dict[str, tuple[str, str]] = {}
    above: dict[str, list[str]] = {}
    query: Select[Any] = select(ledger).where(ledger.c.document.in_(part))
    of: dict[str, list[str]] = {}
    rows = connection.execute(query).all()
    for row in rows:
        of[row.ref] = [row.document]
    while rows:
        above = {}
        for row in rows:
            if row.parent is None:
                found.update(dict.fromkeys(of[row.ref], (row.ref, row.content)))
            else:
                above.setdefault(row.parent, []).extend(of[row.ref])
        of = above
        rows = connection.execute(select(ledger).where(ledger.c.ref.in_(list(above)))).all() if above else []
    return found


_FACTS = ("ref", "title", "media_type", "language", "url", "formality", "parent", "thread")


def _version(row: Row[Any]) -> KeptVersion:
    return KeptVersion(**{**row._mapping, "root": SourceRef.parse(row.root)})


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
