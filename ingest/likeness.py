"""Finding versions and near-duplicates: candidates by meaning, then compared word by word.

Two documents are alike when they share at least `ALIKE` of their pairs of neighbouring words (Jaccard index over
word 2-shingles; Broder, "On the resemblance and containment of documents", 1997). Two versions of a contract share
0.4 and more, two contracts of one kind less than 0.05.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from memory.catalogue.catalogue import Catalogue
from memory.domain import OWNER
from memory.index.base import LegQuery, VectorIndex
from memory.index.centroid import centroid

ALIKE = 0.35
"""The share of pairs of words from which on two documents are versions of one another."""

FEWEST = 20
"""Pairs of words a document must have: below, a shared phrase would be a likeness."""

_NEAR = 50
"""Passages nearest to a document's meaning whose documents are compared with it."""

_MOST = 10
"""Documents one is compared with."""

_TOGETHER = 100
_PASSAGES = 500
_WORD = re.compile(r"\w+")


class Likeness:
    """Compares documents that are new or changed with those that mean nearly the same."""

    def __init__(self, catalogue: Catalogue, index: VectorIndex) -> None:
        self._catalogue = catalogue
        self._index = index

    def update(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Compare what waits to be compared; says how many documents that were.

        :param stopped: asked before each document, whether to leave the rest for the next time.
        """
        done = 0
        while waiting := self._catalogue.alike.waiting(_TOGETHER):
            for document, version in waiting:
                if stopped():
                    return done
                self._catalogue.alike.note(document, version, self._others(document))
                done += 1
        return done

    def _others(self, document: str) -> list[tuple[str, float]]:
        own = self._shingles(document)
        passages = self._catalogue.passages.of_document(document)[:_PASSAGES]
        meaning = centroid(self._index, [passage.id for passage in passages])
        if len(own) < FEWEST or meaning is None:
            return []
        # Everything is compared with everything; what of it is shown is filtered by who asks.
        near = self._index.search(LegQuery(vector=meaning, meaning_limit=_NEAR), OWNER).meaning
        cards = self._catalogue.cards.of_passages([one.id for one in near])
        found = dict.fromkeys(card.document for card in cards if card and card.document != document)
        shares = [(other, self._share(own, other)) for other in list(found)[:_MOST]]
        return [(other, share) for other, share in shares if share >= ALIKE]

    def _share(self, own: frozenset[str], other: str) -> float:
        return resemblance(own, self._shingles(other))

    def _shingles(self, document: str) -> frozenset[str]:
        """Of what the document says itself: an answer is no version of the message it quotes."""
        text, asides = self._catalogue.documents.bodies([document]).get(document, ("", []))
        for start, end, _ in reversed(asides):
            text = f"{text[:start]}\n{text[end:]}"
        return shingles(text)


def shingles(text: str) -> frozenset[str]:
    """A text's pairs of neighbouring words, whatever their case."""
    words = _WORD.findall(text.casefold())
    return frozenset(f"{one} {two}" for one, two in pairwise(words))


def resemblance(one: frozenset[str], two: frozenset[str]) -> float:
    """The Jaccard index of two sets: what they share of what they have together; 0 where both are empty."""
    together = len(one | two)
    return len(one & two) / together if together else 0.0
