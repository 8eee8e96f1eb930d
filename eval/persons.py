"""Expert finding from a list of documents: each votes for the people who wrote it.

A document at rank r gives ``1 / r`` to everybody in an authoring role, each once (reciprocal rank voting, Macdonald
and Ounis 2006). Having received a document, or being named in it, is no vote.
"""

from collections.abc import Callable, Iterable, Sequence

from memory.catalogue.cards import Card
from memory.domain import AUTHORING, Person


def rank_persons(cards: Iterable[Card]) -> list[tuple[str, float]]:
    """The people behind a list of documents, best first, with their votes.

    :param cards: of the documents, best first.
    """
    votes: dict[str, float] = {}
    for rank, card in enumerate(cards, 1):
        for person in {link.id for link in card.people if link.role in AUTHORING}:
            votes[person] = votes.get(person, 0.0) + 1 / rank
    return sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))


def address_of(person: str, get: Callable[[str], Person]) -> str:
    """What judgements call a person: the first address, else the id."""
    return next((one.address for one in get(person).identities if one.address), person)


def addressed(ranked: Sequence[tuple[str, float]], get: Callable[[str], Person]) -> list[tuple[str, float]]:
    """The same list with addresses for ids."""
    return [(address_of(person, get), score) for person, score in ranked]
