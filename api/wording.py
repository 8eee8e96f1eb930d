"""The language of the interface: which one a reader gets, and how texts, dates and numbers are written in it.

Texts are looked up by their English wording in ``api/locales/*.po`` (gettext catalogues, read with Babel).
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from api.page_text import Json
from memory.catalogue.ledger import HELD_BACK, without_hold

LOCALES = Path(__file__).parent / "locales"
"""The folder of the catalogues, one ``.po`` file for each language."""

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "da": "Dansk"}
"""The languages of the interface, each by its own name; the first is the language of the source."""

_REGIONS = {"en": "en_GB"}  # a day before its month, as in the rest of Europe
_QUALITY = re.compile(r"q=([01](?:\.\d{0,3})?)")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def msg(text: str) -> str:
    """Mark a text for the catalogues where it is written down; it is translated where it is shown."""
    return text


def negotiate(accepted: str) -> str:
    """The language for an ``Accept-Language`` header (RFC 9110, 12.5.4); English where none fits."""
    wanted = []
    for place, part in enumerate(accepted.split(",")[:50]):
        tag, _, parameters = part.partition(";")
        quality = _QUALITY.search(parameters)
        code = tag.strip().lower().partition("-")[0]
        wanted.append((-float(quality[1]) if quality else -1.0, place, code))
    for refused, _, code in sorted(wanted):
        if refused and code in LANGUAGES:
            return code
    return next(iter(LANGUAGES))


class Wording:
    """How the interface is worded in one language. Safe for threads.

    :param code: one of `LANGUAGES`.
    :param translations: of the texts; the language's catalogue unless given.
    """

    def __init__(self, code: str = "en", translations: NullTranslations | None = None) -> None:
        self.code = code
        self.translations = translations if translations is not None else _catalogue(code)
        self._locale = Locale.parse(_REGIONS.get(code, code))
        self._patterns: list[tuple[re.Pattern[str], str]] | None = None
        self.date: Callable[[str | None], str] = lru_cache(maxsize=4096)(self._date)
        self.number: Callable[[int], str] = lru_cache(maxsize=1024)(self._number)
        self.language_name: Callable[[str], str] = lru_cache(maxsize=256)(self._language_name)

    def _date(self, moment: str | None) -> str:
        """``12 Mar 2026`` for an ISO moment; what is no date comes back as it is."""
        day = _moment(moment)
        return format_date(day, "medium", locale=self._locale) if day else moment or ""

    def time(self, moment: str | None) -> str:
        """``12 Mar 2026, 09:30`` for an ISO moment; what is no date comes back as it is."""
        at = _moment(moment)
        if at is None:
            return moment or ""
        return f"{self.date(moment)}, {format_time(at, 'short', locale=self._locale)}"

    def _number(self, count: int) -> str:
        """A count with separated thousands."""
        return format_decimal(count, locale=self._locale)

    def _language_name(self, code: str) -> str:
        """What a language is called in this one; an unknown code stays as it is."""
        try:
            name = Locale.parse(code.replace("-", "_")).get_language_name(self._locale)
        except (UnknownLocaleError, ValueError):
            return code
        return name[:1].upper() + name[1:] if name else code

    def term(self, text: str) -> str:
        """A word of ours, such as a role or a stage, in this language; what is not ours stays as it is."""
        return str(self.translations.gettext(text)) if text else ""

    def said(self, text: str) -> str:
        """A sentence of the service in this language, whatever it names; others stay as they are."""
        if not text or self.translations.gettext(text) != text:
            return self.term(text)
        if rest := without_hold(text) if text.startswith(HELD_BACK) else "":
            return f"{self.term(HELD_BACK)}; {self.said(rest)}"
        if self._patterns is None:
            self._patterns = [(_pattern(known), known) for known in _sentences() if "{" in known]
        for pattern, known in self._patterns:
            if found := pattern.fullmatch(text):
                return str(self.translations.gettext(known)).format(**found.groupdict())
        return text

    def place(self, location: Json) -> str:
        """Where a passage stands: ``page 3 · 4.2 Termination``."""
        words = {"page": msg("page"), "slide": msg("slide"), "sheet": msg("sheet")}
        known = [
            f"{self.term(word)} {value}"
            for name, word in words.items()
            if (value := location.get(name)) is not None
        ]
        known[1:1] = list(location.get("heading") or ())[-1:]
        return " · ".join(known) or str(location.get("label") or "").strip() or self.term(msg("text"))


@cache
def wording(code: str) -> Wording:
    """The wording of one of `LANGUAGES`."""
    return Wording(code)


def _catalogue(code: str) -> NullTranslations:
    if code == next(iter(LANGUAGES)):
        return NullTranslations()
    compiled = BytesIO()
    with (LOCALES / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)


def _sentences() -> tuple[str, ...]:
    from api.said import SAID

    return SAID


def _pattern(sentence: str) -> re.Pattern[str]:
    pieces = _PLACEHOLDER.split(sentence)
    pieces[::2] = map(re.escape, pieces[::2])
    pieces[1::2] = [f"(?P<{name}>.+?)" for name in pieces[1::2]]
    return re.compile("".join(pieces), re.DOTALL)


def _moment(moment: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(moment) if moment else None
    except ValueError:
        return None
