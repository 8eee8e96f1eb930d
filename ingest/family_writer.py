"""Writing families: a document and what is attached to it stand in the catalogue together or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from ingest.assemble import assemble, threaded
from ingest.items import Broken, Divided, Fetched, Gone, Kept, Outcome, Skipped
from ingest.split import embedding_text
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import NewPassage
from memory.catalogue.ledger import LedgerRow
from memory.catalogue.vectors import text_digest
from memory.courtesy import COURTESY
from memory.domain import Document, SourceRef, Stage
from memory.words import WordAnalyser


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A document ready to be written, analysed before the catalogue is locked for it."""

    outcome: Divided
    document: Document
    passages: list[NewPassage]


class FamilyWriter:
    """Writes what became of documents, each with what is attached to it in one transaction.

    A sync that is killed therefore never leaves a document without its attachments, or the other way round.
    """

    def __init__(self, catalogue: Catalogue, words: WordAnalyser) -> None:
        self._catalogue = catalogue
        self._words = words

    def write(self, outcomes: Iterable[Outcome]) -> None:
        """Write the outcomes of some families."""
        ordered = sorted(outcomes, key=_root)
        for _, family in groupby(ordered, key=_root):
            self._write(list(family))

    def _write(self, family: Sequence[Outcome]) -> None:
        # Where the document itself could not be read, what is known of its attachments is as old as its text.
        old = any(isinstance(each, Broken) and each.fetched.parent is None for each in family)
        written = {
            each.fetched.content.ref: each.fetched.document for each in family if isinstance(each, Divided)
        }
        prepared = [self._prepare(each, written) for each in family if isinstance(each, Divided)]
        with self._catalogue.transaction() as connection:
            for each in family:
                if isinstance(each, Gone):
                    self._remove(connection, each.row)
                elif not isinstance(each, Kept) and each.fetched.replaces:
                    self._catalogue.ledger.drop(connection, each.fetched.replaces)
            for ready in prepared:
                self._replace(connection, ready)
            for each in family:
                if isinstance(each, Kept):
                    self._keep(connection, each, written, narrow=old)
                elif isinstance(each, Skipped):
                    # It had text once and has none now: what was found of it is no longer true.
                    self._catalogue.documents.remove(connection, each.fetched.document)
                    self._note(
                        connection,
                        each.fetched,
                        Stage.SKIPPED,
                        each.reason,
                        # Of a scan that has changed only the text is still to come: it stays the same document.
                        document=each.fetched.document if each.unread else None,
                        unread=each.unread,
                    )
                elif isinstance(each, Broken):
                    self._fail(connection, each)

    def _prepare(self, item: Divided, written: dict[SourceRef, str]) -> _Prepared:
        document = assemble(item, parent=_nearest(item.fetched.parent, written))
        found = []
        for piece in item.pieces:
            COURTESY.give_way()
            text = embedding_text(document.title, piece.location.heading, piece.text)
            length = self._words.length(text, document.language)
            found.append(NewPassage(piece.text, piece.location, length, text_digest(text)))
        return _Prepared(item, document, found)

    def _replace(self, connection: Connection, ready: _Prepared) -> None:
        document, outcome = ready.document, ready.outcome
        if (message := threaded(outcome.read.parsed)) is not None:
            thread = self._catalogue.threads.join(connection, document.id, document.ref.source, message)
            document = replace(document, thread=thread)
        self._catalogue.documents.replace(connection, document, outcome.text, ready.passages, outcome.asides)
        if message is not None:
            self._catalogue.threads.note(connection, document.id, message)
        fetched, parsed = outcome.fetched, outcome.read.parsed
        self._catalogue.scans.place(connection, document.id, fetched.digest, outcome.scans)
        self._note(connection, fetched, Stage.PARSED, parsed.remark, unread=len(parsed.unread))

    def _remove(self, connection: Connection, row: LedgerRow) -> None:
        if row.document:
            self._catalogue.documents.remove(connection, row.document)
        self._catalogue.ledger.drop(connection, row.ref)

    def _keep(
        self, connection: Connection, kept: Kept, written: dict[SourceRef, str], *, narrow: bool
    ) -> None:
        row, fetched = kept.row, kept.fetched
        if row.document:
            parent = written.get(row.parent) if row.parent else None
            self._catalogue.documents.restate(
                connection, row.document, fetched.access, parent=parent, narrow=narrow
            )
        self._catalogue.ledger.write(
            connection, row.ref, row.stage, version=fetched.version, reason=row.reason
        )

    def _fail(self, connection: Connection, broken: Broken) -> None:
        """What was found of it from before stays found, under the access it has now."""
        fetched, failure = broken.fetched, broken.failure
        ref = fetched.content.ref if fetched.parent else None
        self._catalogue.documents.restate(
            connection, fetched.document, fetched.access, ref=ref, narrow=fetched.parent is None
        )
        self._note(connection, fetched, Stage.FAILED, failure.reason, retryable=failure.retryable)

    def _note(
        self, connection: Connection, fetched: Fetched, stage: Stage, reason: str = "", **values: Any
    ) -> None:
        known = {
            "document": fetched.document,
            "parent": str(fetched.parent.content.ref) if fetched.parent else None,
            "version": fetched.version,
            "fingerprint": fetched.fingerprint,
            "content": fetched.digest,
            "retryable": False,
            "unread": 0,
        }
        self._catalogue.ledger.write(
            connection, fetched.content.ref, stage, reason=reason, **(known | values)
        )


def _nearest(fetched: Fetched | None, written: dict[SourceRef, str]) -> str | None:
    """The closest document above that has text of its own: one without has only a ledger row."""
    while fetched is not None:
        if document := written.get(fetched.content.ref):
            return document
        fetched = fetched.parent
    return None


def _root(outcome: Outcome) -> str:
    return str(outcome.fetched.root)
