"""Names as people write them, and the key under which two spellings are the same name."""

import re
import unicodedata

SIGNED = "signature"
"""The evidence of a contribution that was read in the signature of a message."""

_TITLES = frozenset(
    [
        "dr",
        "prof",
        "professor",
        "mr",
        "mrs",
        "ms",
        "mme",
        "mlle",
        "m",
        "herr",
        "frau",
        "hr",
        "fru",
        "fr",
        "ing",
        "dipl",
        "mag",
        "sir",
        "dame",
        "hon",
    ]
)
_DEGREES = frozenset(
    ["phd", "md", "mba", "jr", "sr", "ii", "iii", "iv", "esq", "dr", "msc", "bsc", "llm", "cpa"]
)
_SUFFIX = re.compile(rf"^({'|'.join(_DEGREES)}|prof|ph\.\s?d|m\.\s?d|b\.\s?sc|m\.\s?sc)\.?$", re.IGNORECASE)
_REMARK = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_VIA = re.compile(r"\s+via\s+.*$", re.IGNORECASE | re.DOTALL)
_SEVERAL = re.compile(r"\s(?:&|\+|and|und|et|og)\s", re.IGNORECASE)
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)
_UMLAUTS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
PARTICLES = frozenset(
    [
        "van",
        "von",
        "der",
        "den",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "du",
        "la",
        "le",
        "zu",
        "zur",
        "af",
        "av",
        "ten",
        "ter",
        "bin",
        "ibn",
        "al",
        "el",
        "y",
    ]
)
"""Words before a surname that tell nobody apart."""


def display_name(name: str) -> str:
    """The name in the order it is spoken: ``Doe, Jane`` becomes ``Jane Doe``.

    What a mail system or a list adds is left out: ``Doe, Jane (Legal)`` and ``Jane Doe via Board`` are Jane Doe.
    """
    plain = " ".join(name.replace('"', " ").split())
    clean = " ".join(_VIA.sub("", _REMARK.sub(" ", plain)).split()).strip(" ,;<>'")
    if not any(letter.isalnum() for letter in clean):
        return plain.strip(" ,;<>()[]'")  # all that was said stands in brackets
    parts = [part.strip() for part in clean.split(",")]
    while len(parts) > 1 and _SUFFIX.match(parts[-1]):
        parts.pop()
    return f"{parts[1]} {parts[0]}" if len(parts) == 2 and all(parts) else clean


def name_key(name: str) -> str:
    """What two spellings of one name share: order, case, accents, titles, degrees and dots aside.

    Initials are kept, so that ``J. Doe`` is not taken for Jane Doe; an empty key means no name.
    """
    folded = unicodedata.normalize("NFKD", display_name(name).translate(_LETTERS))
    plain = "".join(
        char for char in folded if not unicodedata.combining(char) and char not in "'’"
    ).casefold()
    return " ".join(_without_titles(re.findall(r"[^\W_]+", plain)))


def _without_titles(words: list[str]) -> list[str]:
    """Titles count only in front, degrees only behind: the M of Jane M. Doe is an initial."""
    start, end = 0, len(words)
    while end - start > 1 and words[start] in _TITLES:
        start += 1
    while end - start > 1 and words[end - 1] in _DEGREES:
        end -= 1
    return words[start:end]


def any_order(key: str) -> str:
    """A name key with its words sorted, for whoever writes the surname first."""
    return " ".join(sorted(key.split()))


def loose(key: str) -> str:
    """A name key with the ways to spell an umlaut made one: ``mueller`` and ``muller`` are ``muller``."""
    for written, folded in _UMLAUTS:
        key = key.replace(written, folded)
    return key


def is_forwarded(name: str) -> bool:
    """Whether a list sent on what somebody wrote: ``Jane Doe via Board`` comes with the list's address."""
    return bool(_VIA.search(name))


def is_several(name: str) -> bool:
    """Whether a name is those of several people, as ``Jane & Max Roe``."""
    return bool(_SEVERAL.search(name))


def better_spelling(one: str, other: str) -> str:
    """The one of two spellings of a name to show: with small letters and accents, whichever came first."""
    return max(
        one, other, key=lambda text: (text != text.upper() and text != text.lower(), not text.isascii(), text)
    )
