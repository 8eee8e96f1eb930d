"""From a collection's documents to documents of a memory, and back to their names in the collection."""

import hashlib
import re

from connectors.base import Content
from eval.collections.model import CorpusDocument
from ingest.items import Fetched, Read
from ingest.language import language_of
from ingest.parsers.base import Element, ElementKind, Parsed
from memory.domain import PUBLIC, Access, SourceRef

SOURCE = "collection"
"""The kind of the sources that a collection's documents come from."""

_EVERYBODY = Access(frozenset({PUBLIC}))
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def read_document(document: CorpusDocument) -> Read:
    """A document as a parser would give it: paragraphs between blank lines, everybody may see it.

    Its language is the one its metadata name, else the one its text is in.
    """
    blocks = [block for part in _PARAGRAPHS.split(document.text) if (block := part.strip())]
    elements = [Element(ElementKind.TEXT, block) for block in blocks]
    title = " ".join(document.title.split())
    if not elements:
        elements = [Element(ElementKind.TITLE, title, level=1)]
    language = document.metadata.get("language") or language_of([title, *blocks])
    ref = SourceRef(SOURCE, source_name(document), document.id)
    identity = hashlib.blake2b(str(ref).encode(), digest_size=16).hexdigest()
    fetched = Fetched(Content(ref, "", b""), identity, "1", "", "", _EVERYBODY)
    return Read(fetched, Parsed("text/plain", title, tuple(elements), language))


def source_name(document: CorpusDocument) -> str:
    """The source a document's metadata name, as the name of a source can be written."""
    return _NO_NAME.sub("-", document.metadata.get("source", "")).strip("-._") or SOURCE


def collection_id(ref: str) -> str:
    """A document's name in its collection: the key of the ref for one made here, else the whole ref."""
    known = SourceRef.parse(ref)
    return known.key if known.kind == SOURCE else ref
