"""Saved searches and their feeds: what is new of it, as far as its owner may see it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

from api.witness import saw, tell
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.saved import SavedSearch
from memory.domain import Asker
from search.answer import Result
from search.request import MOST
from search.searcher import Searcher, SearchRequest

ENTRIES = 50
"""Entries of a feed, newest first."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, not even escaped."""

_ATOM = "http://www.w3.org/2005/Atom"


@dataclass(frozen=True, slots=True)
class News:
    """A saved search with what it finds now, newest first by when it was first found."""

    search: SavedSearch
    results: list[tuple[datetime, Result]]

    @property
    def fresh(self) -> list[Result]:
        """What was first found since its owner last looked."""
        return [result for moment, result in self.results if moment > self.search.looked]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "id": self.search.id,
            "name": self.search.name,
            "query": self.search.query,
            "created": self.search.created.isoformat(),
            "looked": self.search.looked.isoformat(),
            "new": [{"document": each.card.document, "title": each.card.title} for each in self.fresh],
        }


class Saved:
    """The saved searches of whoever asks.

    A search finds more the further one reads; what is new among its first hundred results is news.
    """

    def __init__(self, catalogue: Catalogue, searcher: Searcher) -> None:
        self._saved = catalogue.saved
        self._searcher = searcher

    def add(self, asker: Asker, query: str, name: str = "") -> dict[str, Any]:
        """Save a search under a name, or under itself.

        :raises InvalidQuery: where it cannot be understood.
        """
        found = [result.card.document for result in self._find(asker, query)]
        return News(self._saved.add(asker.key, name or query, query, found), []).to_json()

    def all(self, asker: Asker) -> list[dict[str, Any]]:
        """The asker's searches with what is new."""
        return [self._news(search, asker).to_json() for search in self._saved.of(asker.key)]

    def look(self, asker: Asker, identity: str) -> str:
        """Note that the asker looks at a search; gives the search."""
        search = self._saved.get(identity, asker.key)
        self._news(search, asker)
        self._saved.look(search)
        return search.query

    def remove(self, asker: Asker, identity: str) -> None:
        """Forget a search."""
        self._saved.remove(self._saved.get(identity, asker.key))

    def feed(self, asker: Asker, identity: str, base: str, suffix: str) -> bytes:
        """A search as an Atom feed (RFC 4287).

        :param base: where the service answers, for addresses.
        :param suffix: what every address ends with, to stay in somebody's place.
        """
        return _atom(self._news(self._saved.get(identity, asker.key), asker), base.rstrip("/"), suffix)

    def _news(self, search: SavedSearch, asker: Asker) -> News:
        results = self._find(asker, search.query)
        search = self._saved.note(search, [result.card.document for result in results])
        dated = [(search.found[result.card.document], result) for result in results]
        return News(search, sorted(dated, key=lambda each: each[0], reverse=True))

    def _find(self, asker: Asker, query: str) -> tuple[Result, ...]:
        found = self._searcher.search(SearchRequest(query, asker, limit=MOST)).results
        tell(query=query)
        saw(result.card.document for result in found)
        return found


def _atom(news: News, base: str, suffix: str) -> bytes:
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    newest = news.results[0][0] if news.results else news.search.created
    address = f"{base}/saved/{news.search.id}/feed{suffix}"
    _text(feed, "id", f"urn:mneme:saved-search:{news.search.id}")
    _text(feed, "title", f"{news.search.name} – Mneme")
    _text(feed, "updated", newest.astimezone(UTC).isoformat())
    ET.SubElement(feed, f"{{{_ATOM}}}link", rel="self", href=address)
    for moment, result in news.results[:ENTRIES]:
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _text(entry, "id", f"urn:mneme:document:{result.card.document}")
        _text(entry, "title", result.card.title)
        _text(entry, "updated", moment.astimezone(UTC).isoformat())
        ET.SubElement(entry, f"{{{_ATOM}}}link", href=f"{base}/documents/{result.card.document}{suffix}")
        names = dict.fromkeys(link.name for link in result.people) or {"Mneme": None}
        for name in names:
            _text(ET.SubElement(entry, f"{{{_ATOM}}}author"), "name", name)
        _text(entry, "summary", result.passages[0].passage.text if result.passages else "")
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
