"""The parts of a collection that are measured on their own: by language, source, kind of query.

A slice prints and parses as ``language=de``; ``all`` is the whole collection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from eval.collections.model import Collection, Query
from memory.errors import InvalidInput, NotFound

DIMENSIONS = ("language", "source", "type", "department", "band")
"""What a query's metadata may put it into a slice by; ``type`` is told from the text where it is not given."""

_MOST = 50  # values of a dimension: more are names, not slices


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """One value of one dimension, or the whole collection."""

    dimension: str = ""
    value: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``language=de`` or ``all``.

        :raises InvalidInput: where it is neither.
        """
        if text == "all":
            return cls()
        dimension, equals, value = text.partition("=")
        if not equals or dimension not in DIMENSIONS or not value:
            raise InvalidInput(
                f"{text!r} is no slice.",
                hint=f"Write all, or for instance language=de; there are {', '.join(DIMENSIONS)}.",
            )
        return cls(dimension, value)

    def __str__(self) -> str:
        return f"{self.dimension}={self.value}" if self.dimension else "all"

    def of(self, collection: Collection) -> frozenset[str]:
        """The ids of its queries among those that can be answered.

        :raises NotFound: where there is none.
        """
        if not self.dimension:
            return frozenset(query.id for query in collection.answerable())
        found = slices(collection).get(self.dimension, {}).get(self.value)
        if not found:
            raise NotFound(f"No query of {collection.name} that can be answered is in {self}.")
        return found


def slices(collection: Collection) -> dict[str, dict[str, frozenset[str]]]:
    """Ids of the queries that can be answered, by dimension and value; dimensions without values are left out."""
    found: dict[str, dict[str, set[str]]] = {}
    for query in collection.answerable():
        for dimension, value in described(query).items():
            found.setdefault(dimension, {}).setdefault(value, set()).add(query.id)
    return {
        dimension: {value: frozenset(found[dimension][value]) for value in sorted(found[dimension])}
        for dimension in DIMENSIONS
        if dimension in found and len(found[dimension]) <= _MOST
    }


def described(query: Query) -> Mapping[str, str]:
    """What puts a query into slices."""
    known = {name: query.metadata[name] for name in DIMENSIONS if query.metadata.get(name)}
    return {"type": kind(query.text), **known}


def kind(text: str) -> str:
    """What a query looks like: ``question``, ``keywords`` (three words at most) or ``sentence``."""
    if text.rstrip(' "»”').endswith(("?", "？", "؟")):
        return "question"
    return "keywords" if len(text.split()) <= 3 else "sentence"
