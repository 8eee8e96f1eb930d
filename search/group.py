"""From passages to documents, and who may see them."""

from collections.abc import Mapping

from memory.catalogue.cards import Card, Cards
from memory.domain import Asker
from memory.index.base import Leg
from search.flow import Shown
from search.fuse import Ranking

PASSAGES = 3
"""How many passages of a document a result shows at most."""


def admit(leg: Leg, cards: Cards, asker: Asker) -> tuple[Leg, dict[int, Card]]:
    """What of a leg the asker may see according to the catalogue, with the passages' cards.

    The index has filtered already. A revocation or a removal stands in the catalogue first, though, and
    counts from then on: whatever comes after here knows nothing of what was taken out.
    """
    ids = [one.id for one in leg]
    known = cards.of_passages(ids)
    if asker.owner:
        seen = {passage: card for passage, card in zip(ids, known, strict=True) if card is not None}
    else:
        # Passages share documents, and documents their access: each is judged once.
        distinct = {id(card): card for card in known if card is not None}
        may = {key: card.shown_to(asker) for key, card in distinct.items() if card.access.allows(asker)}
        seen = {passage: may[id(card)] for passage, card in zip(ids, known, strict=True) if id(card) in may}
    if len(seen) == len(ids):
        return leg, seen
    return tuple(one for one in leg if one.id in seen), seen


def group(ranking: Ranking, cards: Mapping[int, Card], most: int = PASSAGES) -> list[Shown]:
    """Documents in the order of their best passage, each as its best few passages.

    A document's score is its best passage's. Documents of one score keep the order of the ranking, which
    is settled by passage ids, so that the same memory always answers in the same order.

    :param cards: of the passages' documents; passages without one are left out.
    :param most: passages of a document.
    """
    best: dict[str, Shown] = {}
    for found in zip(ranking.ids, ranking.scores, strict=True):
        card = cards.get(found[0])
        if card is None:
            continue
        held = best.get(card.document)
        if held is None:
            best[card.document] = [found]
        elif len(held) < most:
            held.append(found)
    return list(best.values())
