"""What is attached to a document, and what it is attached to: for its page, and its bytes."""

import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from api.wiring import Memory
from connectors.base import Content
from ingest.family import taken_out
from ingest.parsers.workers import ParserPool
from memory.catalogue.cards import Card
from memory.catalogue.ledger import LedgerRow
from memory.domain import Asker, Document, SourceRef

_ONE_AT_A_TIME = threading.Lock()
"""Taking a file out of another costs a worker process; many at once would cost many."""


def relatives(memory: Memory, document: Document, asker: Asker) -> dict[str, Any]:
    """The document this one is attached to, and the files attached to it, as far as the asker may see them."""
    cards = memory.catalogue.cards.of_documents([document.parent] if document.parent else [])
    parent = next((card for card in cards.values() if card.access.allows(asker)), None)
    return {
        "parent": {"document": parent.document, "title": parent.title, "type": parent.type}
        if parent
        else None,
        "attached": attached_to(memory, [document.ref], asker)[document.ref],
    }


def attached_to(
    memory: Memory, refs: Sequence[SourceRef], asker: Asker
) -> dict[SourceRef, list[dict[str, Any]]]:
    """For each of some documents the files attached to itself, as far as the asker may see them."""
    catalogue = memory.catalogue
    held = {
        ref: [row for row in rows if row.parent == ref]
        for ref, rows in catalogue.ledger.attached(refs).items()
    }
    cards = catalogue.cards.of_documents(
        row.document for rows in held.values() for row in rows if row.document
    )
    return {
        ref: [
            _file(row, card)
            for row in rows
            if (card := cards.get(row.document or "")) is None or card.access.allows(asker)
        ]
        for ref, rows in held.items()
    }


def _file(row: LedgerRow, card: Card | None) -> dict[str, Any]:
    return {
        "document": card.document if card else None,
        "title": card.title if card else _name(row.ref),
        "type": card.type if card else "",
        "reason": row.reason,
    }


def original(memory: Memory, document: Document, fetch: Callable[[SourceRef], Content]) -> Content:
    """A document's bytes; those of an attached file are taken out of the document that the source lists.

    :param fetch: gives what the source lists, as it is now.
    :raises NotFound: where the source, or the document there, does not hold it any more.
    """
    way = memory.catalogue.ledger.way_to(document.ref)
    content = fetch(way[0])
    if len(way) == 1:
        return content
    parsing = memory.settings.parsing
    with (
        _ONE_AT_A_TIME,
        ParserPool(1, parsing.timeout_s, parsing.memory_mb << 20, ocr=memory.ocr, warm_up=False) as pool,
    ):
        for ref in way[1:]:
            content = taken_out(pool, content, ref)
    return content


def _name(ref: SourceRef) -> str:
    return unquote(ref.key.rpartition("/")[2])
