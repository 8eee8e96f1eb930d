"""Which words of a passage matched, as offsets into its text."""

import re
from collections.abc import Iterable
from functools import cached_property

from memory.words import WordAnalyser

Spans = tuple[tuple[int, int], ...]
"""Stretches of a text as start and end, in order, none touching another."""

_WORDS = re.compile(r"[^\W_]+")
_BETWEEN = re.compile(r"[\s\-'’]*")


class Highlighter:
    """Marks words whose terms are among the query's, and exact phrases whole; stop words have no terms.

    In a text of an unknown language only the query's very words are marked. It is found by their stems in the
    memory's main language; but which that is can hang on documents the asker may not see.

    :param text: the query's words and phrases.
    :param terms: the query's term ids, in the languages of the memory.
    :param phrases: the query's exact phrases.
    """

    def __init__(
        self, analyser: WordAnalyser, text: str, terms: Iterable[int], phrases: Iterable[str] = ()
    ) -> None:
        self._analyser = analyser
        self._text = text
        self._terms = frozenset(terms)
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
        terms = self._terms if language else self._very_words
        if terms:
            found = self._analyser.matches(text, language, terms)
        for phrase in self._phrases:
            found += [match.span() for match in phrase.finditer(text)]
        return _merged(text, found)

    @cached_property
    def _very_words(self) -> frozenset[int]:
        return frozenset(self._analyser.query(self._text, [""]).terms)


def _merged(text: str, spans: list[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and (start <= merged[-1][1] or _BETWEEN.fullmatch(text, merged[-1][1], start)):
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)
