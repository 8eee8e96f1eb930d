"""What flows through the ingest pipelines, one shape per stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from connectors.base import Content
from ingest.parsers.base import Parsed
from ingest.split import Piece
from memory.catalogue.ledger import LedgerRow
from memory.domain import Access, Failed, SourceRef
from memory.scanned import Span


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document's bytes, and what the ledger knows of it.

    :param document: its lasting id, given before anything is written.
    :param digest: SHA-256 of the bytes in hex.
    :param parent: the document it is attached to.
    :param replaces: the ref it had as an attached file before its document changed.
    :param attached: what the ledger holds of files attached to it, at all depths; only where the source lists it.
    """

    content: Content
    document: str
    version: str
    fingerprint: str
    digest: str
    access: Access
    parent: Self | None = None
    replaces: SourceRef | None = None
    attached: tuple[LedgerRow, ...] = ()

    @property
    def root(self) -> SourceRef:
        """The document of this family that the source itself lists."""
        return self.parent.root if self.parent else self.content.ref


@dataclass(frozen=True, slots=True)
class Read:
    """A document that a parser has read."""

    fetched: Fetched
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Divided:
    """A document as canonical text and passages.

    :param scans: of each page that was recognised as a picture, the span of every word in the text.
    """

    read: Read
    text: str
    pieces: tuple[Piece, ...]
    asides: tuple[tuple[int, int, str], ...] = ()
    scans: Mapping[int, list[Span]] = field(default_factory=dict)

    @property
    def fetched(self) -> Fetched:
        """Its bytes, and what the ledger knows of it."""
        return self.read.fetched


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that holds nothing to find, and why.

    :param unread: how many of its pages are pictures that were not recognised yet.
    """

    fetched: Fetched
    reason: str
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """A document that could not be read, and why."""

    fetched: Fetched
    failure: Failed


@dataclass(frozen=True, slots=True)
class Kept:
    """An attached file that its changed document still holds as it was: nothing of it is read again.

    :param fetched: the document that the source lists.
    """

    fetched: Fetched
    row: LedgerRow


@dataclass(frozen=True, slots=True)
class Gone:
    """An attached file that its changed document no longer holds.

    :param fetched: the document that the source lists.
    """

    fetched: Fetched
    row: LedgerRow


Outcome = Divided | Skipped | Broken | Kept | Gone
"""What became of a document by the time it is written."""
