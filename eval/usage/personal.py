"""Taking personal data out of what people typed, before it leaves the log.

Taken out are e-mail addresses and handles, links, numbers of seven digits and more (telephone, account, identity
numbers, in whatever groups they are written), IBANs, postal addresses, names behind a form of address, and every word
of a name that the memory knows. It errs on the side of taking out too much: ``mark`` goes where a Mark is known.
"""

import re
from collections.abc import Iterable

from memory.people.names import name_key

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\S+@\S+",  # addresses of any kind, and handles
        r"(?<!\w)@\w+",
        r"(?i)\b(?:https?://|www\.)\S+",
        r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",  # IBAN
        # Streets: with the number behind (German, Danish, Dutch), or before (English, French).
        r"(?i)\b[\w.-]*(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|vej|gade|allé|laan|straat)\s+\d+\s?[a-z]?\b"
        r"(?:,?\s+\d{4,5}\s+\w+)?",
        r"(?i)\b\d+[a-z]?,?\s+(?:[\w'-]+\s+){1,3}(?:street|st|road|rd|avenue|ave|lane|drive|square)\b\.?",
        r"(?i)\b\d+,?\s+(?:bis\s+)?(?:rue|avenue|boulevard|place|chemin|quai)\s+(?:de\s+la\s+|des\s+|de\s+|du\s+)?[\w'-]+",
        r"\b\d{5}\s+[A-ZÀ-Þ][\w-]+",  # postcode and town
        r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b",  # British postcode
        r"(?i:\b(?:mr|mrs|ms|dr|prof|herrn?|frau|mme|mlle|monsieur|madame|hr|fru)\b)\.?(?:\s+[A-ZÀ-Þ][\w'-]+)+",
        r"(?i)\b(?:born|geboren|geb\.|née?|født)\s+\S*\d\S*",
    )
)
_NUMBER = re.compile(r"(?<!\w)[+(]?\d[\d\s()/.-]*\d(?!\w)")
_DATE = re.compile(
    r"\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}[./]\d{1,2}[./]\d{2,4}|(?:19|20)\d\d\s*[-/]\s*(?:19|20)\d\d"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LONG = 7  # digits: shorter numbers name years, sections and sums
_SHORTEST = 3  # letters of a name: shorter ones are initials and particles

_ROLES = frozenset(
    [
        "info",
        "office",
        "team",
        "legal",
        "sales",
        "support",
        "service",
        "board",
        "group",
        "staff",
        "admin",
        "contact",
        "help",
        "desk",
        "news",
        "committee",
        "department",
        "management",
        "council",
        "company",
        "büro",
        "vertrieb",
        "vorstand",
        "abteilung",
        "verwaltung",
        "einkauf",
        "équipe",
        "direction",
        "bestyrelse",
        "afdeling",
        "kontor",
        "the",
        "and",
        "und",
        "von",
        "van",
        "der",
        "den",
        "del",
        "for",
    ]
)
"""Words that stand in the names of mailboxes and bodies, and name nobody."""


class PersonalData:
    """Takes personal data out of texts.

    :param names: of the persons that are known, with their aliases.
    """

    def __init__(self, names: Iterable[str]) -> None:
        parts = {part for name in names if "@" not in name for part in name_key(name).split()}
        self._names = {part for part in parts if len(part) >= _SHORTEST and not part.isdigit()} - _ROLES

    def remove(self, text: str) -> str:
        """The text without them; empty where nothing to search for is left."""
        for pattern in _PATTERNS:
            text = pattern.sub(" ", text)
        text = _NUMBER.sub(lambda found: _short(found.group()), text)
        text = _WORD.sub(lambda found: "" if self._is_name(found.group()) else found.group(), text)
        words = [word for word in text.split() if any(letter.isalnum() for letter in word)]
        return " ".join(words) if any(len(word) > 1 for word in words) else ""

    def _is_name(self, word: str) -> bool:
        return any(part in self._names for part in name_key(re.sub(r"['’]s$", "", word)).split())


def _short(number: str) -> str:
    """A number that names nobody stays."""
    if _DATE.fullmatch(number.strip()) or sum(letter.isdigit() for letter in number) < _LONG:
        return number
    return " "
