"""Facts of documents: what the index filters by, as the catalogue has it."""

from itertools import islice

from memory.catalogue.cards import Card
from memory.catalogue.catalogue import Catalogue
from memory.domain import AUTHORING
from memory.index.base import Facts, VectorIndex

_AT_ONCE = 500


def facts_of(card: Card) -> Facts:
    """What the index is to be told of a document."""
    return Facts(
        document=card.document,
        access=card.access,
        source=card.source,
        type=card.type,
        language=card.language,
        people=tuple(dict.fromkeys(link.id for link in card.people if link.role in AUTHORING)),
        modified=int(card.modified.timestamp()) if card.modified else None,
    )


def outdated(catalogue: Catalogue, index: VectorIndex) -> list[str]:
    """Documents of which the index has other facts than the catalogue, though none is waiting to be written.

    Reads every passage of the index. Those that a newer version has replaced keep their facts until they leave it.
    """
    leaving = catalogue.passages.leaving()
    wrong: set[str] = set()
    ids = iter(index.ids())
    while part := list(islice(ids, _AT_ONCE)):
        held = index.facts(part)
        cards = catalogue.cards.fresh({facts.document for facts in held.values()})
        for passage, facts in held.items():
            if passage in leaving:
                continue
            if (card := cards.get(facts.document)) is not None and facts_of(card) != facts:
                wrong.add(facts.document)
    return sorted(wrong - catalogue.documents.facts_pending().keys())
