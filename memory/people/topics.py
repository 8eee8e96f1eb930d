"""What somebody writes about: words that stand in many of their documents and in few of others'."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from memory.words import WordAnalyser

Beginning = tuple[str, str, str]
"""A document's id, its language, and how it begins."""

_LENGTH = 1_500
_WORD = re.compile(r"[^\W\d_]{4,}")


def topics(
    theirs: Sequence[Beginning],
    others: Sequence[Beginning],
    words: WordAnalyser,
    *,
    without: Iterable[str] = (),
    limit: int = 10,
) -> list[str]:
    """The most distinctive words of some documents, the most telling first.

    A word's weight is its share of their documents times the logarithm of how rare it is in the others.

    :param without: words that are names and no topics.
    """
    if not theirs:
        return []
    own = {which for which, _, _ in theirs}
    here = [_terms(words, each) for each in theirs]
    there = [_terms(words, each) for each in others if each[0] not in own]
    found, elsewhere = (
        Counter(term for each in here for term in each),
        Counter(term for each in there for term in each),
    )
    names = {name.casefold() for name in without}
    shown = _spellings(here)
    least = 2 if len(theirs) > 3 else 1
    weights = {
        term: count / len(theirs) * math.log((len(there) + 1) / (elsewhere[term] + 0.5))
        for term, count in found.items()
        if count >= least and shown[term] not in names
    }
    ranked = sorted(
        (term for term in weights if weights[term] > 0), key=lambda term: (-weights[term], shown[term])
    )
    return [shown[term] for term in ranked[:limit]]


def _terms(words: WordAnalyser, beginning: Beginning) -> Mapping[int, Counter[str]]:
    """Of each term of a text the words it stands for."""
    _, language, text = beginning
    found: dict[int, Counter[str]] = {}
    for word, count in Counter(_WORD.findall(text[:_LENGTH].casefold())).items():
        if (term := words.term(word, language)) is not None:
            found.setdefault(term, Counter())[word] += count
    return found


def _spellings(texts: Iterable[Mapping[int, Counter[str]]]) -> dict[int, str]:
    counted: dict[int, Counter[str]] = {}
    for text in texts:
        for term, spelt in text.items():
            counted.setdefault(term, Counter()).update(spelt)
    return {term: min(spelt, key=lambda word: (-spelt[word], word)) for term, spelt in counted.items()}
