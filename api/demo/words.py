"""The words a document says about itself, in its own language."""

from datetime import datetime

from api.demo.source import Source, Writer

COMPANY = "Skagerlys Instruments"

_LABELS = {
    "en": ("Author", "Edited by", "Approved by", "Owner", "Updated"),
    "de": ("Autor", "Bearbeitet von", "Freigegeben von", "Verantwortlich", "Stand"),
    "fr": ("Auteur", "Révisé par", "Approuvé par", "Responsable", "Mise à jour"),
    "da": ("Forfatter", "Redigeret af", "Godkendt af", "Ansvarlig", "Opdateret"),
}
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "da": "januar februar marts april maj juni juli august september oktober november december",
}
_PAGES = {
    "en": "Page {} of {}",
    "de": "Seite {} von {}",
    "fr": "Page {} sur {}",
    "da": "Side {} af {}",
}


def day(moment: datetime, language: str) -> str:
    """A date as it is written in a language."""
    month = _MONTHS[language].split()[moment.month - 1]
    number = f"{moment.day}." if language in ("de", "da") else str(moment.day)
    if language == "fr" and moment.day == 1:
        number = "1er"
    return f"{number} {month} {moment.year}"


def byline(source: Source) -> tuple[tuple[str, str], ...]:
    """Label and names of everybody who made the document, and its date."""
    if not source.byline:
        return ()
    author, editor, approver, owner, updated = _LABELS[source.language]
    lines: list[tuple[str, tuple[Writer, ...]]] = [
        (author, source.authors),
        (editor, source.roles.get("editor", ())),
        (approver, source.roles.get("approver", ())),
        (owner, source.roles.get("owner", ())),
    ]
    named = [(label, ", ".join(writer.name for writer in writers)) for label, writers in lines if writers]
    return (*named, (updated, day(source.modified, source.language)))


def labelled(source: Source) -> tuple[str, ...]:
    """The by-line as lines of text, the colon set as the language wants it."""
    colon = "\u00a0:" if source.language == "fr" else ":"
    return tuple(f"{label}{colon} {value}" for label, value in byline(source))


def page_of(language: str, number: int, total: int) -> str:
    """The page number in a footer."""
    return _PAGES[language].format(number, total)
