"""Which words of a passage matched, as offsets into its text."""

import re
from collections.abc import Iterable

from memory.words import WordAnalyser

Spans = tuple[tuple[int, int], ...]
"""Stretches of a text as start and end, in order, none touching another."""

_WORDS = re.compile(r"[^\W_]+")
_BETWEEN = re.compile(r"[\s\-'’]*")


class Highlighter:
    """Marks words whose terms are among the query's, and exact phrases whole; stop words have no terms.

    :param terms: the query's term ids.
    :param phrases: the query's exact phrases.
    """

    def __init__(self, analyser: WordAnalyser, terms: Iterable[int], phrases: Iterable[str] = ()) -> None:
        self._analyser = analyser
        self._terms = frozenset(terms)
        self._known: dict[str, dict[str, bool]] = {}
        written = [_WORDS.findall(phrase) for phrase in phrases]
        self._phrases = [
            re.compile(r"\b" + r"[\W_]+".join(map(re.escape, words)) + r"\b", re.IGNORECASE)
            for words in written
            if words
        ]

    def spans(self, text: str, language: str) -> Spans:
        """What matched in a text, words with only a blank, hyphen or apostrophe between them as one.

        :param language: the text's, as ISO 639-1 code, or ``""``.
        """
        found: list[tuple[int, int]] = []
        if self._terms:
            known = self._known.setdefault(language, {})
            found = self._analyser.matches(text, language, self._terms, known)
        for phrase in self._phrases:
            found += [match.span() for match in phrase.finditer(text)]
        return _merged(text, found)


def _merged(text: str, spans: list[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and (start <= merged[-1][1] or _BETWEEN.fullmatch(text, merged[-1][1], start)):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
