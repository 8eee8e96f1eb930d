"""Words as the index sees them: stemmed per language, accents folded, weighted by BM25.

The analysis (split into words, fold, drop stop words, stem, hash to a term id) is qdrant-edge's
`Bm25`, so a text and a query meet in the same terms on either index. What it makes of spelling:
``Kündigung``, ``kundigung`` and ``KÜNDIGUNGEN`` are one term, so are ``Straße`` and ``strasse``,
``købt`` and ``kobt``, ``æble`` and ``aeble``; ``Kuendigung`` and ``aarhus`` (for ``Århus``) are others.

What is done to a query, and why (`bench/README.md` has the figures): a term that is repeated counts by the square
root of its occurrences, since long questions name again what they are about; and the stop words of the query's own
language are left out in whatever language it is read, since ``die`` of a German question is a rare and telling word
to an English text.
"""

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial

from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, Language, StopwordsSet

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

_NAMES = tuple(sorted(set(LANGUAGES.values())))

_TELLING = 2
"""So many different stop words of one language say that a query is written in it; one may be a word of another."""

# A word may be written with combining marks (macOS file names, some PDFs): they belong to it.
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")

# So great that no repetition saturates: with b = 0 the weights then are the numbers of occurrences.
_COUNTING = 1e9

_REMEMBERED = 100_000
"""Words of a language whose terms are remembered, a hundred bytes each."""

Terms = frozenset[int]


class _Remembered(dict[str, Terms]):
    """The terms of a language's words, found out once each: a page of results has thousands of words to look up."""

    def __init__(self, analyse: Callable[[str], Terms]) -> None:
        super().__init__()
        self._analyse = analyse

    def __missing__(self, word: str) -> Terms:
        if len(self) >= _REMEMBERED:
            self.clear()
        terms = self[word] = self._analyse(word)
        return terms


class WordAnalyser:
    """BM25's side of the index: terms of texts and of queries. Safe for threads, cheap to make."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, tuple[Bm25, Bm25]] = {}
        self._terms = {name: _Remembered(partial(self._analyse_word, name)) for name in ("", *_NAMES)}
        # A document's passages are counted when it is written and weighed when the index is, soon after.
        self._counts = lru_cache(maxsize=1_000)(self._count)
        self._stop = lru_cache(maxsize=20_000)(self._is_stop_word)
        self._stop_in = lru_cache(maxsize=20_000)(self._stop_word_in)
        self._content = _plain(
            fold=False, stop_words=StopwordsSet({getattr(Language, name.capitalize()) for name in _NAMES})
        )

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
        """A query's distinct terms in every language given, each weighted by the square root of its occurrences.

        Two words have no reliable language, so a query is read in all that the memory holds. Texts of an
        unknown language are read in the memory's main one, and so is a query: as unknown only where no language
        is given.
        """
        text = self._without_stop_words(text)
        counts: Counter[int] = Counter()
        for language in sorted(set(languages) - {""}) or [""]:
            counts |= Counter(self._counts(text, language))
        terms = sorted(counts)
        return SparseWords(tuple(terms), tuple(math.sqrt(counts[term]) for term in terms))

    def length(self, text: str, language: str) -> int:
        """How many words BM25 sees in a text: stop words are not among them."""
        return sum(self._counts(text, language).values())

    def matches(self, text: str, language: str, wanted: frozenset[int]) -> list[tuple[int, int]]:
        """Where the words of a text stand whose term ids are among those wanted, in order: so a result is highlighted."""
        terms, apart = self._terms[LANGUAGES.get(language, "")], wanted.isdisjoint
        words = _WORD.findall(text)
        if not any(hits := [not apart(terms[word]) for word in words]):
            return []
        found, at = [], 0
        for word, hit in zip(words, hits, strict=True):
            # Between two words stands nothing that a word could begin with: the next one is the first found.
            start = text.index(word, at)
            at = start + len(word)
            if hit:
                found.append((start, at))
        return found

    def term(self, word: str, language: str) -> int | None:
        """The id of a word's term, the same for all its forms; None for a stop word."""
        return min(self._terms[LANGUAGES.get(language, "")][word], default=None)

    def _without_stop_words(self, text: str) -> str:
        """A query without the stop words of its own language, where these tell which it is.

        Where two languages are as likely, only what is a stop word in both is left out.
        """
        text = unicodedata.normalize("NFC", text)
        stops = {word: self._stop_in(word.lower()) for word in _WORD.findall(text)}
        telling = Counter(name for word in {*map(str.lower, stops)} for name in self._stop_in(word))
        most = max(telling.values(), default=0)
        if most < _TELLING:
            return text
        own = {name for name, times in telling.items() if times == most}
        return _WORD.sub(lambda match: "" if own <= stops[match.group()] else match.group(), text)

    def _count(self, text: str, language: str) -> Mapping[int, int]:
        name = LANGUAGES.get(language, "")
        text = unicodedata.normalize("NFC", text)
        if not text.isascii():
            text = _WORD.sub(lambda match: "" if self._stop(match.group(), name) else match.group(), text)
        vector = self._counter(name)[0].embed_document(text)
        return {term: round(times) for term, times in zip(vector.indices, vector.values, strict=True)}

    def _analyse_word(self, name: str, word: str) -> Terms:
        word = unicodedata.normalize("NFC", word)
        if self._stop(word, name):
            return frozenset()
        return frozenset(self._counter(name)[0].embed_query(word).indices)

    def _is_stop_word(self, word: str, name: str) -> bool:
        """Whether a word with accents is a stop word: folded, as ``fur``, `Bm25` does not know ``für``."""
        return not word.isascii() and not self._counter(name)[1].embed_query(word).indices

    def _stop_word_in(self, word: str) -> frozenset[str]:
        """The languages in which a word is a stop word, by the names of `Bm25`."""
        if self._content.embed_query(word).indices:
            return frozenset()
        return frozenset(name for name in _NAMES if not self._terms[name][word])

    def _counter(self, name: str) -> tuple[Bm25, Bm25]:
        """Counts the terms of a language: with accents folded, and as written."""
        if (found := self._counters.get(name)) is None:
            with self._lock:
                found = self._counters.setdefault(name, (_bm25(name, fold=True), _bm25(name, fold=False)))
        return found


def _bm25(name: str, *, fold: bool) -> Bm25:
    if not name:
        return _plain(fold=fold, stop_words=StopwordsSet())
    return Bm25(Bm25Config(k=_COUNTING, b=0.0, language=name, ascii_folding=fold))


def _plain(*, fold: bool, stop_words: StopwordsSet) -> Bm25:
    return Bm25(
        Bm25Config(k=_COUNTING, b=0.0, ascii_folding=fold, stopwords=stop_words, stemmer=DisabledStemmer())
    )
