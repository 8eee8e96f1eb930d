"""Which language a text is in."""

from collections.abc import Iterable
from functools import cache
from typing import Any

LANGUAGES = (
    "ENGLISH",
    "GERMAN",
    "FRENCH",
    "DANISH",
    "SPANISH",
    "ITALIAN",
    "PORTUGUESE",
    "DUTCH",
    "SWEDISH",
    "BOKMAL",
    "FINNISH",
    "POLISH",
    "CZECH",
    "ROMANIAN",
    "HUNGARIAN",
    "GREEK",
)
"""The languages told apart, by lingua's names; a text in another one is taken for the nearest of its script."""

MIN_LETTERS = 40
"""A shorter text has no reliable language."""

SAMPLE = 6000
_PARTS = 3
# Titles have few letters: of 1,200 English ones 79 were taken for another language, mostly French, 29 of them this
# surely, and 37 right ones are less sure. What is unknown is read in the memory's main language, so that does no harm.
_CERTAIN = 0.9
_SURE = 0.8  # the least probability: below, a short text could be in another of them


def language_of(texts: Iterable[str]) -> str:
    """The language most of a document is in, told from samples of its beginning, middle and end.

    :return: ISO 639-1, ``""`` where there is too little text to tell.
    """
    longest = [text for text in texts if sum(letter.isalpha() for letter in text[:400]) >= 20]
    if len(longest) > 60:
        third = len(longest) // _PARTS
        longest = longest[:20] + longest[third : third + 20] + longest[2 * third : 2 * third + 20]
    return detect_language(" ".join(text[:400] for text in longest)[:SAMPLE])


def detect_language(text: str) -> str:
    """The language of a text as ISO 639-1, ``""`` where it is too short to be sure, or in no language known here."""
    if sum(letter.isalpha() for letter in text) < MIN_LETTERS:
        return ""
    likeliest = _detector().compute_language_confidence_values(text)
    if not likeliest or likeliest[0].value < _CERTAIN:
        return ""
    code = str(likeliest[0].language.iso_code_639_1.name).lower()
    return "no" if code == "nb" else code


def likeliest_language(text: str, among: Iterable[str]) -> str:
    """The likeliest of a few languages, for texts as short as a query.

    :param among: ISO 639-1 codes, for instance of the languages a memory holds; those that are not told apart are ignored.
    :return: one of them, ``""`` where none is likelier than the others.
    """
    known = tuple(sorted(set(among) & _codes().keys()))
    if len(known) < 2:
        return known[0] if known else ""
    best = _detector_among(known).compute_language_confidence_values(text)[0]
    return next((code for code in known if best.value >= _SURE and _codes()[code] == best.language), "")


@cache
def _codes() -> dict[str, Any]:
    from lingua import Language

    told = [getattr(Language, name) for name in LANGUAGES]
    codes = {str(one.iso_code_639_1.name).lower(): one for one in told}
    return {"no" if code == "nb" else code: one for code, one in codes.items()}


@cache
def _detector_among(codes: tuple[str, ...]) -> Any:
    from lingua import LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_languages(*(_codes()[code] for code in codes))
    return builder.with_low_accuracy_mode().build()


@cache
def _detector() -> Any:
    # Low accuracy means trigrams only: 30 MB and 0.3 s to load instead of 480 MB and 5 s, and the same
    # answers from MIN_LETTERS on.
    from lingua import Language, LanguageDetectorBuilder

    languages = [getattr(Language, name) for name in LANGUAGES]
    return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()
