"""How the documents that were found divide by source, type, language, author and year."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from memory.catalogue.cards import Card
from memory.domain import AUTHORING
from search.names import language_label
from search.query import Query

MOST = 20
"""Values a facet shows."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value to narrow a search by.

    :param query: the search with it, in canonical form.
    """

    value: str
    label: str
    count: int
    query: str


_REMEMBERED = 200_000

Facets = dict[str, tuple[FacetValue, ...]]
"""Values by the facet's name: most frequent first, years newest first."""


class FacetCounter:
    """Counts facets; remembers who wrote each document, which is most of the work. Safe for threads."""

    def __init__(self) -> None:
        self._authors: dict[str, tuple[Card, tuple[str, ...]]] = {}
        self._names: dict[str, str] = {}

    def count(self, query: Query, cards: Sequence[Card]) -> Facets:
        """The facets of a search.

        :param cards: one of each document that was found and may be seen.
        """
        return {
            "source": _values(query, "source", Counter([card.source for card in cards])),
            "type": _values(query, "type", Counter([card.type for card in cards])),
            "language": _languages(query, Counter([card.language for card in cards])),
            "author": self._by_author(query, cards),
            "year": _years(query, Counter([card.modified.year for card in cards if card.modified])),
        }

    def _by_author(self, query: Query, cards: Sequence[Card]) -> tuple[FacetValue, ...]:
        """Persons in an authoring role; who shares a name with another is asked for by id."""
        known = self._authors
        authors = []
        for card in cards:
            held = known.get(card.document)
            authors.append(held[1] if held is not None and held[0] is card else self._read(card))
        counted = Counter(chain.from_iterable(authors))
        names = self._names
        bearers = Counter([names[person] for person in counted])
        values = []
        for person, count in _most(counted):
            name = names[person]
            asked = name if bearers[name] == 1 and name and '"' not in name else person
            values.append(FacetValue(person, name, count, str(query.with_filter("author", asked))))
        return tuple(values)

    def _read(self, card: Card) -> tuple[str, ...]:
        """A document's authors, each once; a changed document has a new card."""
        names = {link.id: link.name for link in card.people if link.role in AUTHORING}
        if len(self._authors) >= _REMEMBERED:
            self._authors = {}
        self._names.update(names)
        authors = tuple(names)
        self._authors[card.document] = (card, authors)
        return authors


def _values(query: Query, field: str, counted: Counter[str]) -> tuple[FacetValue, ...]:
    return tuple(
        FacetValue(value, value, count, str(query.with_filter(field, value)))
        for value, count in _most(counted)
        if value
    )


def _languages(query: Query, counted: Counter[str]) -> tuple[FacetValue, ...]:
    return tuple(
        FacetValue(code, language_label(code), count, str(query.with_filter("lang", code)))
        for code, count in _most(counted)
        if code
    )


def _years(query: Query, counted: Counter[int]) -> tuple[FacetValue, ...]:
    return tuple(
        FacetValue(str(year), str(year), counted[year], str(query.with_year(year)))
        for year in sorted(counted, reverse=True)[:MOST]
    )


def _most(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:MOST]
