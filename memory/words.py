"""Words as the index sees them: stemmed per language, accents folded, weighted by BM25.

The analysis (split into words, fold, drop stop words, stem, hash to a term id) is qdrant-edge's
`Bm25`, so a text and a query meet in the same terms on either index. What it makes of spelling:
``Kündigung``, ``kundigung`` and ``KÜNDIGUNGEN`` are one term, so are ``Straße`` and ``strasse``,
``købt`` and ``kobt``, ``æble`` and ``aeble``; ``Kuendigung`` and ``aarhus`` (for ``Århus``) are others.
"""

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, StopwordsSet

from memory.index.base import SparseWords

K1 = 1.2
"""How soon a repeated term stops counting more."""

B = 0.75
"""How much a long passage is held back."""

LANGUAGES = {
    "ar": "arabic",
    "az": "azerbaijani",
    "bn": "bengali",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "he": "hebrew",
    "hu": "hungarian",
    "id": "indonesian",
    "it": "italian",
    "ja": "japanese",
    "kk": "kazakh",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sl": "slovene",
    "sv": "swedish",
    "tg": "tajik",
    "tr": "turkish",
    "zh": "chinese",
}
"""ISO 639-1 codes whose stop words (and, for most, stems) are known; any other is only folded."""

# A word may be written with combining marks (macOS file names, some PDFs): they belong to it.
_WORD = re.compile(r"(?:[^\W_][\u0300-\u036f]*)+")

# So great that no repetition saturates: with b = 0 the weights then are the numbers of occurrences.
_COUNTING = 1e9

Terms = frozenset[int]


class WordAnalyser:
    """BM25's side of the index: terms of texts and of queries. Safe for threads, cheap to make."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, tuple[Bm25, Bm25]] = {}
        self._word = lru_cache(maxsize=100_000)(self._analyse_word)
        self._stop = lru_cache(maxsize=20_000)(self._is_stop_word)

    def document(self, text: str, language: str, average_length: float) -> SparseWords:
        """A passage's terms, weighted by how often they occur and how long the passage is.

        :param language: ISO 639-1 code, or ``""`` where it is not known.
        :param average_length: mean of `length` over all passages of the memory.
        """
        counts = self._counts(text, language)
        slope = K1 * (1 - B + B * sum(counts.values()) / max(average_length, 1.0))
        weights = tuple(times * (K1 + 1) / (times + slope) for times in counts.values())
        return SparseWords(tuple(counts), weights)

    def query(self, text: str, languages: Iterable[str]) -> SparseWords:
        """A query's distinct terms in every language given, each with weight 1.

        Two words have no reliable language, so a query is read in all that the memory holds; with none
        it is read as unknown.
        """
        found: set[int] = set()
        for language in sorted(set(languages)) or [""]:
            found.update(self._counts(text, language))
        return SparseWords(tuple(sorted(found)), (1.0,) * len(found))

    def length(self, text: str, language: str) -> int:
        """How many words BM25 sees in a text: stop words are not among them."""
        return sum(self._counts(text, language).values())

    def matches(
        self, text: str, language: str, wanted: frozenset[int], known: dict[str, bool]
    ) -> list[tuple[int, int]]:
        """Where the words of a text stand whose term ids are among those wanted: so a result is highlighted.

        :param known: what earlier calls found out of words, for the same language and the same ids; is added to.
        """
        name, found = LANGUAGES.get(language, ""), []
        for match in _WORD.finditer(text):
            word = match[0]
            hit = known.get(word)
            if hit is None:
                hit = known[word] = not wanted.isdisjoint(self._word(word, name))
            if hit:
                found.append(match.span())
        return found

    def _counts(self, text: str, language: str) -> dict[int, int]:
        name = LANGUAGES.get(language, "")
        text = unicodedata.normalize("NFC", text)
        if not text.isascii():
            text = _WORD.sub(lambda match: "" if self._stop(match.group(), name) else match.group(), text)
        vector = self._counter(name)[0].embed_document(text)
        return {term: round(times) for term, times in zip(vector.indices, vector.values, strict=True)}

    def _analyse_word(self, word: str, name: str) -> Terms:
        word = unicodedata.normalize("NFC", word)
        if self._stop(word, name):
            return frozenset()
        return frozenset(self._counter(name)[0].embed_query(word).indices)

    def _is_stop_word(self, word: str, name: str) -> bool:
        """Whether a word with accents is a stop word: folded, as ``fur``, `Bm25` does not know ``für``."""
        return not word.isascii() and not self._counter(name)[1].embed_query(word).indices

    def _counter(self, name: str) -> tuple[Bm25, Bm25]:
        """Counts the terms of a language: with accents folded, and as written."""
        if (found := self._counters.get(name)) is None:
            with self._lock:
                found = self._counters.setdefault(name, (_bm25(name, fold=True), _bm25(name, fold=False)))
        return found


def _bm25(name: str, *, fold: bool) -> Bm25:
    if name:
        return Bm25(Bm25Config(k=_COUNTING, b=0.0, language=name, ascii_folding=fold))
    plain = Bm25Config(
        k=_COUNTING, b=0.0, ascii_folding=fold, stopwords=StopwordsSet(), stemmer=DisabledStemmer()
    )
    return Bm25(plain)
