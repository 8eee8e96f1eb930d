"""Names as people write them, and the key under which two spellings are the same name."""

import re
import unicodedata

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
        "phd",
        "md",
        "mba",
        "jr",
        "sr",
    ]
)
_SUFFIX = re.compile(r"^(jr|sr|ii|iii|iv|phd|md|mba|esq|dr|prof)\.?$", re.IGNORECASE)
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)


def display_name(name: str) -> str:
    """The name in the order it is spoken: ``Doe, Jane`` becomes ``Jane Doe``."""
    clean = " ".join(name.replace('"', " ").split()).strip(" ,;<>")
    last, comma, first = (part.strip() for part in clean.partition(","))
    if comma and last and first and "," not in first and not _SUFFIX.match(first):
        return f"{first} {last}"
    return clean


def name_key(name: str) -> str:
    """What two spellings of one name share: order, case, accents, titles and dots aside.

    Initials are kept, so that ``J. Doe`` is not taken for Jane Doe; an empty key means no name.
    """
    folded = unicodedata.normalize("NFKD", display_name(name).translate(_LETTERS))
    plain = "".join(char for char in folded if not unicodedata.combining(char)).casefold()
    words = re.findall(r"[^\W_]+", plain)
    return " ".join(word for word in words if word not in _TITLES) or " ".join(words)
