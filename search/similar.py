"""Documents that mean nearly what another means, as far as the asker may see them."""

from dataclasses import dataclass

from memory import registry
from memory.catalogue.cards import Card
from memory.catalogue.catalogue import Catalogue
from memory.domain import Asker
from memory.index.base import LegQuery, VectorIndex
from memory.index.centroid import centroid
from search.group import admit

_PASSAGES = 500
"""Passages of a document that say what it means."""

_NEAR = 200
"""Passages nearest to it that are looked at."""


@dataclass(frozen=True, slots=True)
class SimilarDocument:
    """A document with how near its nearest passage is: the cosine, up to 1."""

    card: Card
    score: float


def similar(memory: str, document: str, asker: Asker, limit: int = 10) -> list[SimilarDocument]:
    """The documents nearest in meaning to one that the asker may see, nearest first.

    Its other versions are left out: they are shown as such. Access is filtered inside the index's query.

    :param memory: the memory's name in the registry.
    :raises NotFound: where there is no such document, or the asker may not see it.
    """
    catalogue = registry.need(memory, Catalogue)
    index = registry.need(memory, VectorIndex)  # type: ignore[type-abstract]
    catalogue.documents.get(document, asker)
    passages = catalogue.passages.of_document(document)[:_PASSAGES]
    meaning = centroid(index, [passage.id for passage in passages])
    if meaning is None:
        return []
    limit_passages = _NEAR + len(passages)
    nearest = index.search(LegQuery(vector=meaning, meaning_limit=limit_passages), asker).meaning
    near, cards = admit(nearest, catalogue.cards, asker)
    versions = catalogue.alike.of([document], asker).get(document, [])
    left_out = {document, *(version.document for version in versions)}
    found: dict[str, SimilarDocument] = {}
    for one in near:
        card = cards[one.id]
        if card.document not in left_out and card.document not in found:
            found[card.document] = SimilarDocument(card, round(one.score, 6))
    return list(found.values())[:limit]
