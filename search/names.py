"""What people call languages and file types, and what the memory calls them."""

from memory.media_types import short_type
from memory.words import LANGUAGES

_OTHER_NAMES = {
    "ar": "العربية",
    "cs": "czech čeština",
    "da": "dansk dänisch danois",
    "de": "deutsch allemand tysk aleman",
    "el": "ελληνικά griechisch",
    "en": "englisch anglais engelsk inglese",
    "es": "español espanol spanisch espagnol spansk castellano",
    "et": "estonian eesti",
    "fi": "suomi finnisch finnois finsk",
    "fr": "français francais französisch fransk",
    "hu": "magyar ungarisch",
    "it": "italiano italienisch italien italiensk",
    "ja": "日本語 japanisch",
    "ko": "korean 한국어",
    "lt": "lithuanian lietuvių",
    "lv": "latvian latviešu",
    "nb": "bokmål norwegisch",
    "nl": "nederlands niederländisch néerlandais hollandsk",
    "nn": "nynorsk",
    "no": "norsk norwegisch",
    "pl": "polish polski polnisch polonais polsk",
    "pt": "português portugues portugiesisch portugais portugisisk",
    "ru": "русский russisch russe russisk",
    "sk": "slovak slovenčina",
    "sv": "svenska schwedisch suédois svensk",
    "tr": "türkçe türkisch",
    "uk": "ukrainian українська",
    "zh": "中文 chinesisch",
}
_FAMILIES = {
    "email": ("eml", "msg"),
    "e-mail": ("eml", "msg"),
    "excel": ("xlsx", "xls"),
    "htm": ("html",),
    "jpg": ("jpeg",),
    "mail": ("eml", "msg"),
    "markdown": ("md",),
    "powerpoint": ("pptx", "ppt"),
    "presentation": ("pptx", "ppt", "odp"),
    "spreadsheet": ("xlsx", "xls", "ods", "csv", "tsv"),
    "text": ("txt", "md", "rst"),
    "web": ("html",),
    "word": ("docx", "doc"),
}


def _codes() -> dict[str, tuple[str, ...]]:
    known: dict[str, list[str]] = {}
    for code, name in LANGUAGES.items():
        known.setdefault(name, []).append(code)
    for code, names in _OTHER_NAMES.items():
        for name in names.split():
            known.setdefault(name.casefold(), []).append(code)
    return {name: tuple(dict.fromkeys(codes)) for name, codes in known.items()}


_CODES = _codes()


def language_codes(name: str) -> tuple[str, ...]:
    """The ISO 639-1 codes a language is filtered by; empty where no language is called that.

    :param name: a code, or the name in English, in the language itself, or in one of its neighbours'.
    """
    folded = name.casefold()
    if codes := _CODES.get(folded):
        return codes
    code = folded.partition("-")[0]
    return (code,) if len(code) == 2 and code.isalpha() and code.isascii() else ()


def language_label(code: str) -> str:
    """A language's English name; an unknown code stays as it is, and none is said to be unknown."""
    if not code:
        return "Unknown"
    if name := LANGUAGES.get(code):
        return name.capitalize()
    return _OTHER_NAMES[code].split()[0].capitalize() if code in _OTHER_NAMES else code


def short_types(name: str) -> tuple[str, ...]:
    """The types a filter means: ``word`` is docx and doc too, a media type its short name, else the name itself."""
    folded = name.casefold()
    if "/" in folded:
        return (short_type(folded),)
    return (folded, *_FAMILIES.get(folded, ()))
