"""How the documents that were found divide by source, type, language, author and year."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

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
_CALLED = "\0"

Facets = dict[str, tuple[FacetValue, ...]]
"""Values by the facet's name: most frequent first, years newest first."""

Counted = list[tuple[str, int]]
"""Values of a facet with the number of documents that have each."""


class FacetCounter:
    """Counts facets. Safe for threads.

    Each value there is has a number, and of each document its values' numbers are remembered: so a
    thousand documents are counted as one array.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Card, tuple[int, ...]]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._values: list[tuple[str, str]] = []
        self._reading = threading.Lock()

    def count(self, query: Query, cards: Sequence[Card]) -> Facets:
        """The facets of a search.

        :param cards: one of each document that was found and may be seen.
        """
        counted = self._counted(cards)
        return {
            "source": _narrowing(query, "source", _most(counted["source"])),
            "type": _narrowing(query, "type", _most(counted["type"])),
            "language": _narrowing(query, "lang", _most(counted["language"]), language_label),
            "author": self._authors(query, counted["author"]),
            "year": _years(query, counted["year"]),
        }

    def _counted(self, cards: Sequence[Card]) -> dict[str, Counted]:
        known, rows = self._known, []
        for card in cards:
            held = known.get(card.document)
            rows.append(held[1] if held is not None and held[0] is card else self._read(card))
        counts = np.bincount(np.fromiter(chain.from_iterable(rows), dtype=np.int32))
        counted: dict[str, Counted] = {name: [] for name in ("source", "type", "language", "author", "year")}
        there = np.flatnonzero(counts)
        for number, count in zip(there.tolist(), counts[there].tolist(), strict=True):
            facet, value = self._values[number]
            counted[facet].append((value, count))
        return counted

    def _read(self, card: Card) -> tuple[int, ...]:
        """The numbers of a document's values; a changed document has a new card."""
        authors = {link.id: link.name for link in card.people if link.role in AUTHORING}
        values = [("source", card.source), ("type", card.type), ("language", card.language)]
        values += [("author", f"{person}{_CALLED}{name}") for person, name in authors.items()]
        if card.modified:
            values.append(("year", str(card.modified.year)))
        with self._reading:
            row = tuple(self._number(facet, value) for facet, value in values if value)
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[card.document] = (card, row)
        return row

    def _number(self, facet: str, value: str) -> int:
        if (number := self._numbers.get((facet, value))) is None:
            number = self._numbers[facet, value] = len(self._values)
            self._values.append((facet, value))
        return number

    def _authors(self, query: Query, counted: Counted) -> tuple[FacetValue, ...]:
        """Persons in an authoring role; who shares a name with another is asked for by id."""
        totals: Counter[str] = Counter()
        names: dict[str, str] = {}
        # By what the cards at hand call them: what they are called elsewhere may not be for this asker.
        for value, count in sorted(counted, key=lambda item: (item[1], item[0])):
            person, _, name = value.partition(_CALLED)
            totals[person] += count
            names[person] = name
        bearers = Counter(names.values())
        narrowed, values = query.narrowed("author"), []
        for person, count in _most(list(totals.items())):
            name = names[person]
            asked = name if bearers[name] == 1 and name and '"' not in name else person
            values.append(FacetValue(person, name, count, narrowed(asked)))
        return tuple(values)


def _narrowing(
    query: Query, field: str, counted: Counted, label: Callable[[str], str] = str
) -> tuple[FacetValue, ...]:
    narrowed = query.narrowed(field)
    return tuple(FacetValue(value, label(value), count, narrowed(value)) for value, count in counted)


def _years(query: Query, counted: Counted) -> tuple[FacetValue, ...]:
    newest = sorted(counted, key=lambda item: -int(item[0]))[:MOST]
    return tuple(FacetValue(year, year, count, str(query.with_year(int(year)))) for year, count in newest)


def _most(counted: Counted) -> Counted:
    return sorted(counted, key=lambda item: (-item[1], item[0]))[:MOST]
