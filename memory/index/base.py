"""The contract of a vector index: where passages are found by words, by meaning and by filters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from memory.domain import Access, Asker
from memory.embedding.base import ModelIdentity, Vectors


@dataclass(frozen=True, slots=True)
class SparseWords:
    """A text as weighted terms: parallel term ids and weights (BM25; the index applies IDF)."""

    terms: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is filtered by, alike for every passage of a document; it changes without the text.

    :param document: the document's lasting id.
    :param people: ids of the persons linked to the document in an authoring role.
    :param modified: seconds since 1970 UTC, or None where unknown.
    """

    document: str
    access: Access
    source: str = ""
    type: str = ""
    language: str = ""
    people: tuple[str, ...] = ()
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the index holds it.

    :param id: the passage's id, positive; also breaks ties.
    :param text: the passage's text, for exact phrases and excluded words.
    :param words: the sparse vector.
    :param facts: those of its document.
    :param vector: the dense vector, or None until it has been embedded.
    """

    id: int
    text: str
    words: SparseWords
    facts: Facts
    vector: Vectors | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a passage must satisfy; within one field any value will do, between fields all must hold.

    :param after, before: bounds of `Entry.modified`, in seconds since 1970: after <= modified < before.
    :param phrases: each must stand in the text, word for word, case folded.
    :param without: none of these words may stand in the text.
    """

    documents: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    after: int | None = None
    before: int | None = None
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


class Scored(NamedTuple):
    """One passage in one leg's list; a tuple, because every search makes a thousand of them."""

    id: int
    score: float


Leg = tuple[Scored, ...]
"""What one way of searching found, best first, ties in order of passage id."""


@dataclass(frozen=True, slots=True)
class Legs:
    """What each way of searching found."""

    words: Leg = ()
    meaning: Leg = ()


@dataclass(frozen=True, slots=True)
class LegQuery:
    """One search over both legs, answered in one batch call; a leg without a vector is left out.

    With neither leg, the newest passages that satisfy the filters are listed in `Legs.words`
    with score 0 (a search made of filters only).
    """

    words: SparseWords | None = None
    vector: Vectors | None = None
    filters: Filters = field(default_factory=Filters)
    words_limit: int = 1000
    meaning_limit: int = 200


class VectorIndex(Protocol):
    """Passages under their ids, findable by words and meaning, only by those who may see them.

    Rules, each a test in `memory.testing`:

    1. Access and filters hold inside the query: the limit counts only what the asker may see.
       Deny wins; nothing granted is nobody's; an owner sees all.
    2. `upsert` replaces a passage whole, `set_vectors` only its dense vector and ignores unknown ids.
    3. What `upsert` and `delete` did is seen by the next query, and survives the death of the process.
    4. A second process that opens the same embedded index gets `MemoryInUse`; an index made by another
       model gives `ModelMismatch`; a damaged one gives `IndexUnavailable`.
    5. How rare a word is counts all passages there are. An index opened with ``own_statistics`` counts those only that
       the asker may see: then nothing of what it finds moves with passages that are hidden from them.
    """

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Write passages, replacing those with the same ids."""
        ...

    def set_vectors(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Give passages that are already there their dense vectors, shape (len(ids), size)."""
        ...

    def set_words(self, ids: Sequence[int], words: Sequence[SparseWords]) -> None:
        """Give passages that are already there new sparse vectors."""
        ...

    def set_facts(self, facts: Facts) -> None:
        """Change what is filtered by on every passage of a document, without touching its vectors."""
        ...

    def delete(self, ids: Sequence[int]) -> None:
        """Remove passages; unknown ids are ignored."""
        ...

    def search(self, query: LegQuery, asker: Asker) -> Legs:
        """Each leg's scored list, best first."""
        ...

    def count(self, filters: Filters, asker: Asker) -> int:
        """Exactly how many passages satisfy the filters and may be seen."""
        ...

    def ids(self) -> Iterable[int]:
        """Every passage id held, ascending; to compare with the catalogue."""
        ...

    def words(self, ids: Sequence[int]) -> dict[int, SparseWords]:
        """Sparse vectors of those passages that have terms."""
        ...

    def facts(self, ids: Sequence[int]) -> dict[int, Facts]:
        """What these passages are filtered by; unknown ids are missing."""
        ...

    def vectors(self, ids: Sequence[int]) -> dict[int, Vectors]:
        """Dense vectors of those passages that have one."""
        ...

    @property
    def model(self) -> ModelIdentity:
        """The model whose vectors it holds."""
        ...

    def flush(self) -> None:
        """Write everything to disk."""
        ...

    def close(self) -> None:
        """Flush and let go of the files, so that another process may open them."""
        ...
