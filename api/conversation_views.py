"""A conversation's page: each message with its own words, what it quotes and how it is signed, apart."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.page_links import Links
from api.page_text import Json, Spans, marked
from api.page_views import numbers, people_view
from api.pages import Pages
from memory.domain import Role

SHOWN = 6
"""Recipients that are named before the rest is folded."""

_PARAGRAPH = re.compile(r"[^\n].*?(?=\n\n|\n*\Z)", re.DOTALL)


def conversation_page(
    pages: Pages, found: Json, marks: Mapping[str, Spans] | None = None, *, query: str = "", asker: str = ""
) -> str:
    """The page of a conversation.

    :param found: as `api.conversations.conversation` gives it.
    :param marks: by a message's document, what to mark in its text.
    :param query: the search the reader came from.
    """
    first = (found["page"] - 1) * found["limit"] + 1
    messages = [
        _message(each, found, marks or {}) | {"number": number}
        for number, each in enumerate(found["messages"], start=first)
    ]
    links = Links(asker)
    return pages.render(
        "thread.html",
        asker,
        document=found["document"],
        title=str(found["title"]).strip(),
        total=found["total"],
        page=found["page"],
        pages=found["pages"],
        numbers=numbers(found["page"], found["pages"]),
        page_link=lambda number: links.thread(found["document"], query=query, page=number),
        held=any(message["current"] for message in messages),
        messages=messages,
        query=query,
    )


def _message(message: Json, found: Json, marks: Mapping[str, Spans]) -> dict[str, Any]:
    title = str(message["title"]).strip()
    current = message["document"] == found["document"]
    blocks = _blocks(message, found["view"] if current else None, marks.get(message["document"], ()))
    if current and (run := _first_in_view(blocks)):
        run["first"] = True
    people = people_view(message["people"])
    recipients = [person for person in people if person["role"] == Role.RECIPIENT]
    return {
        "document": message["document"],
        "title": title,
        "subject": "" if title.casefold().endswith(str(found["title"]).strip().casefold()) else title,
        "at": message["at"] or "",
        "language": message["language"],
        "senders": [person for person in people if person["role"] == Role.SENDER],
        "recipients": recipients[:SHOWN],
        "further": recipients[SHOWN:],
        "others": [person for person in people if person["role"] not in (Role.SENDER, Role.RECIPIENT)],
        "blocks": blocks,
        "current": current,
        "anchored": current and found["view"] is not None and _first_in_view(blocks) is not None,
        "attached": message["attached"],
    }


def _blocks(message: Json, view: Json | None, spans: Spans) -> list[dict[str, Any]]:
    """The text in its own order: stretches of one kind, each as paragraphs."""
    text = str(message["text"])
    blocks, cursor = [], 0
    for aside in [*message["asides"], {"start": len(text), "end": len(text), "kind": ""}]:
        for kind, start, end in (
            ("own", cursor, aside["start"]),
            (aside["kind"], aside["start"], aside["end"]),
        ):
            if text[start:end].strip():
                held = view if kind == "own" else None
                blocks.append({"kind": kind, "paragraphs": list(_paragraphs(text, start, end, held, spans))})
        cursor = aside["end"]
    return blocks


def _paragraphs(text: str, start: int, end: int, view: Json | None, spans: Spans) -> Iterator[dict[str, Any]]:
    """The paragraphs of ``text[start:end]``, each as runs that are in view or not."""
    for found in _PARAGRAPH.finditer(text, start, end):
        low, high = found.span()
        first = min(max(view["start"], low), high) if view else high
        last = max(first, min(view["end"], high)) if view else high
        cuts = ((low, first, False), (first, last, True), (last, high, False))
        runs = [
            {"html": marked(text, spans, begin, stop), "in_view": held, "first": False}
            for begin, stop, held in cuts
            if stop > begin
        ]
        yield {"runs": runs, "in_view": all(run["in_view"] for run in runs)}


def _first_in_view(blocks: Sequence[Json]) -> dict[str, Any] | None:
    runs = (run for block in blocks for paragraph in block["paragraphs"] for run in paragraph["runs"])
    return next((run for run in runs if run["in_view"]), None)
