"""What flows through the ingest pipelines, one shape per stage."""

from dataclasses import dataclass

from connectors.base import Content
from ingest.parsers.base import Parsed
from ingest.split import Piece
from memory.domain import Access, Failed


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document's bytes, and what the ledger knows of it.

    :param document: its lasting id, given before anything is written.
    :param digest: SHA-256 of the bytes in hex.
    """

    content: Content
    document: str
    version: str
    fingerprint: str
    digest: str
    access: Access


@dataclass(frozen=True, slots=True)
class Read:
    """A document that a parser has read."""

    fetched: Fetched
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Divided:
    """A document as canonical text and passages."""

    read: Read
    text: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that holds nothing to find, and why."""

    fetched: Fetched
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A document that could not be read, and why."""

    fetched: Fetched
    failure: Failed


Outcome = Divided | Skipped | Broken
"""What became of a document by the time it is written."""
