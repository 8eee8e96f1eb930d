"""What a search answers."""

from dataclasses import dataclass
from typing import Any

from memory.catalogue.cards import Card
from memory.catalogue.passages import Progress
from memory.domain import Asker, Location, Passage, PersonLink
from search.facets import Facets
from search.fuse import LegRank
from search.highlight import Spans
from search.query import Query
from search.request import Value


@dataclass(frozen=True, slots=True)
class Ready:
    """How far the memory can be searched.

    :param words: by words.
    :param meaning: whether questions are embedded, so that they are searched by meaning.
    :param percent: of the passages how many have a vector, rounded down, from 0 to 100.
    :param passages, embedded: how many passages there are and have a vector; None to all but the owner, for the
        whole memory is counted, whoever may see it.
    """

    words: bool
    meaning: bool
    percent: int
    passages: int | None = None
    embedded: int | None = None

    @classmethod
    def told(cls, asker: Asker, progress: Progress, *, meaning: bool) -> "Ready":
        """What the asker may know of it."""
        counts = (progress.passages, progress.by_meaning) if asker.owner else (None, None)
        return cls(True, meaning, progress.percent, *counts)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in ("words", "meaning", "percent", "passages", "embedded")}


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that is on.

    :param query: the search without it, in canonical form.
    :param field: the filter's name as it is written, ``-`` for an exclusion, ``year`` for a whole year.
    :param value: what it keeps, as people call it; a language as its code.
    """

    label: str
    query: str
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage that was found, with what matched in its text."""

    passage: Passage
    score: float
    highlights: Spans = ()
    people: tuple[PersonLink, ...] = ()
    """Who wrote it, where it is a message of a thread and so has writers of its own."""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        location = self.passage.location
        return {
            "id": self.passage.id,
            "ordinal": self.passage.ordinal,
            "text": self.passage.text,
            "highlights": [list(span) for span in self.highlights],
            "location": location.to_json() | {"label": location_label(location)},
            "score": round(self.score, 6),
            "people": [_person_json(link) for link in self.people],
        }


@dataclass(frozen=True, slots=True)
class Result:
    """A document that was found.

    :param explain: how each leg ranked its best passage; None unless it was asked for.
    """

    card: Card
    score: float
    passages: tuple[FoundPassage, ...]
    explain: tuple[LegRank, ...] | None = None

    @property
    def people(self) -> tuple[PersonLink, ...]:
        """Whoever is behind it: who wrote the passage that was found first, where it has writers of its own."""
        return self.card.behind(self.passages[0].passage.location.message if self.passages else None)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        card = self.card
        told: dict[str, Any] = {
            "document": card.document,
            "ref": card.ref,
            "title": card.title,
            "url": card.url,
            "source": card.source,
            "type": card.type,
            "media_type": card.media_type,
            "language": card.language,
            "modified": card.modified and card.modified.isoformat(),
            "formality": card.formality.value,
            "score": round(self.score, 6),
            "people": [_person_json(link) for link in self.people],
            "passages": [passage.to_json() for passage in self.passages],
        }
        if self.explain is not None:
            told["explain"] = [_leg_json(leg) for leg in self.explain]
        return told


@dataclass(frozen=True, slots=True)
class Answer(Value):
    """The answer to a search.

    :param total: documents found; with `total_is_exact` False there are more.
    :param page: of `pages`, from 1.
    :param notes: what the reader should know, one sentence each.
    """

    query: Query
    total: int
    total_is_exact: bool
    page: int
    pages: int
    ready: Ready
    results: tuple[Result, ...]
    facets: Facets
    filters: tuple[ActiveFilter, ...] = ()
    notes: tuple[str, ...] = ()
    took_ms: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "query": str(self.query),
            "total": self.total,
            "total_is_exact": self.total_is_exact,
            "took_ms": round(self.took_ms, 2),
            "page": self.page,
            "pages": self.pages,
            "ready": self.ready.to_json(),
            "notes": list(self.notes),
            "results": [result.to_json() for result in self.results],
            "facets": {
                name: [
                    {"value": one.value, "label": one.label, "count": one.count, "query": one.query}
                    for one in values
                ]
                for name, values in self.facets.items()
            },
            "filters": [
                {"label": one.label, "query": one.query, "field": one.field, "value": one.value}
                for one in self.filters
            ],
        }


def location_label(location: Location) -> str:
    """Where a passage stands, for people: ``page 3 · 4.2 Termination``; ``""`` where nothing is known."""
    parts = [f"{word} {value}" for word in ("page", "sheet", "slide") if (value := getattr(location, word))]
    return " · ".join([*parts, *location.heading[-1:]])


def _person_json(link: PersonLink) -> dict[str, Any]:
    return {
        "id": link.id,
        "name": link.name,
        "role": link.role.value,
        "at": link.at and link.at.isoformat(),
        "evidence": link.evidence,
    }


def _leg_json(leg: LegRank) -> dict[str, Any]:
    return {
        "leg": leg.leg,
        "rank": leg.rank,
        "score": None if leg.score is None else round(leg.score, 6),
        "normalised": round(leg.normalised, 6),
        "weight": round(leg.weight, 6),
        "shared": leg.shared,
        "agreed": None if leg.agreed is None else round(leg.agreed, 6),
    }
