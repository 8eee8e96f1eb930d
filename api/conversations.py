"""The conversation a message belongs to, as a whole, within what the asker may see.

It is asked for by one of its documents: the name of a conversation is the id of one of its messages, which may be
one the asker must not hear of.
"""

from datetime import datetime
from typing import Any

from api.attached import attached_to
from api.wiring import Memory
from api.witness import saw
from memory.catalogue.cards import Card
from memory.catalogue.documents import Aside
from memory.catalogue.events import EventKind
from memory.domain import Asker, Document
from memory.errors import NotFound
from memory.media_types import MESSAGES

PAGE = 50
"""Messages on a page: those of automata go on for thousands."""


def size(memory: Memory, document: Document, asker: Asker) -> int:
    """How many messages of its conversation the asker may see; 0 for what is neither a message nor attached to one."""
    message = _message(memory, document, asker)
    return len(_members(memory, message, asker)) if message else 0


def conversation(
    memory: Memory,
    document: str,
    asker: Asker,
    *,
    passage: int | None = None,
    page: int | None = None,
    limit: int = PAGE,
    query: str = "",
) -> dict[str, Any]:
    """The messages of a document's conversation, oldest first, as far as the asker may see them.

    :param document: a message, or what is attached to one.
    :param passage: the ordinal of its passage that is to be in view.
    :param page: from 1; the page that holds the document, where none is given.
    :param limit: messages on a page.
    :param query: the search that led there.
    :raises NotFound: where there is no such document, the asker may not see it, or it is no message.
    """
    catalogue = memory.catalogue
    known = catalogue.documents.get(document, asker)
    message = _message(memory, known, asker)
    if message is None:
        raise NotFound("This document is no message.", hint="Open the document itself.")
    members = _members(memory, message, asker)
    pages = -(-len(members) // limit)
    page = min(max(1, page or members.index(message.id) // limit + 1), pages)
    shown = members[(page - 1) * limit : page * limit]
    first = catalogue.cards.of_documents(members[:1]).get(members[0])
    catalogue.events.record(EventKind.OPEN, asker, query, [document])
    saw(shown)
    return {
        "document": message.id,
        "title": first.title if first else message.title,
        "total": len(members),
        "page": page,
        "pages": pages,
        "limit": limit,
        "view": _view(memory, message, passage) if message.id == document else None,
        "messages": _messages(memory, shown, asker),
    }


def _message(memory: Memory, document: Document, asker: Asker) -> Document | None:
    """The document where it is a message, else the closest message that it is attached to."""
    seen: Document | None = document
    while seen is not None and seen.media_type not in MESSAGES:
        try:
            seen = memory.catalogue.documents.get(seen.parent, asker) if seen.parent else None
        except NotFound:
            return None
    return seen


def _members(memory: Memory, message: Document, asker: Asker) -> list[str]:
    found = memory.catalogue.threads.of(message.thread, asker, message.id) if message.thread else []
    return found if message.id in found else [message.id]


def _view(memory: Memory, message: Document, ordinal: int | None) -> dict[str, int] | None:
    """Where in the message's text the passage in view stands."""
    for passage in memory.catalogue.passages.of_document(message.id):
        if passage.ordinal == ordinal:
            return {"ordinal": ordinal, "start": passage.location.start, "end": passage.location.end}
    return None


def _messages(memory: Memory, members: list[str], asker: Asker) -> list[dict[str, Any]]:
    catalogue = memory.catalogue
    documents: list[Document] = []
    for each in members:
        try:
            documents.append(catalogue.documents.get(each, asker))
        except NotFound:
            continue  # removed since it was listed
    cards = catalogue.cards.of_documents(members)
    bodies = catalogue.documents.bodies(members)
    files = attached_to(memory, [each.ref for each in documents], asker)
    return [
        _told(each, cards[each.id].shown_to(asker), bodies.get(each.id, ("", [])), files[each.ref])
        for each in documents
        if each.id in cards
    ]


def _told(
    document: Document, card: Card, body: tuple[str, list[Aside]], files: list[dict[str, Any]]
) -> dict[str, Any]:
    text, asides = body
    return {
        "document": document.id,
        "ref": str(document.ref),
        "title": document.title,
        "language": document.language,
        "at": _iso(document.created or document.modified),
        "people": [
            {"id": p.id, "name": p.name, "role": p.role.value, "at": _iso(p.at), "evidence": p.evidence}
            for p in card.people
        ],
        "text": text,
        "asides": [{"start": start, "end": end, "kind": kind} for start, end, kind in asides],
        "attached": files,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
