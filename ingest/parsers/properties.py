"""What a file's properties say: title, dates, people. The names of the properties are Tika's."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath

from ingest.parsers.base import Element, ElementKind
from ingest.parsers.dates import moment
from ingest.parsers.names import identities
from ingest.parsers.people import contributed, distinct
from memory.domain import Contribution, Identity, Role

Properties = Mapping[str, Sequence[str]]

_AUTHORS = (
    "dc:creator",
    "meta:author",
    "xmp:dc:creator",
    "pdf:docinfo:creator",
    "author",
    "Author",
    "initial-creator",
)
_EDITORS = ("meta:last-author",)
_RECIPIENTS = ("Message-To", "Message-Cc")
_CREATED = ("dcterms:created", "xmp:CreateDate", "pdf:docinfo:created", "mapi:client-submit-time", "date")
_MODIFIED = ("dcterms:modified", "xmp:ModifyDate", "pdf:docinfo:modified")
_TITLES = ("dc:title", "pdf:docinfo:title", "title")
_JUNK_TITLE = re.compile(
    r"microsoft (?:office )?(?:word|excel|powerpoint)\b.*|.*\.(?:docx?|xlsx?|pptx?|pdf|rtf|odt|ods|odp|html?|txt|qxd|indd|wpd|tex|dvi)"
    r"|untitled.*|unbenannt.*|sans titre.*|uden titel.*|unavngivet.*|ohne titel.*|powerpoint[ -]pr[eé]sentation|powerpoint-præsentation"
    r"|pr[eé]sentation|document\s?\d*|dokument\s?\d*|slide\s?\d+|folie\s?\d+|book\d+|mappe\d+|classeur\d+|title|titel|titre|\W*|\d+"
    r"|execution (?:version|copy).*|confidential.*|vertraulich|confidentiel|fortrolig|draft|entwurf|final|copy"
    r"|parties|parteien|parterne|recitals|background|pr[äe]ambel|preamble|whereas|table of contents|contents|index"
    r"|inhalt|inhaltsverzeichnis|sommaire|table des mati[eè]res|indhold|indholdsfortegnelse"
    r"|\[[^\]]*\]|print|fax|scan.*|layout \d+|about:blank|(?:[a-z]:|\\)\\.*|click to edit.*",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = re.compile(
    r"(?:\d+\s+)?(?:exhibit|annex|anlage|anhang|annexe|bilag|appendix|schedule|attachment)\s*(?:no\.?\s*)?[\w.]{0,6}(?:\(\w+\))*[\s:.–-]*",
    re.IGNORECASE,
)
"""``Exhibit 10.24`` says where a contract was filed, not what it is."""

MAX_TITLE = 200


def people(properties: Properties) -> tuple[Contribution, ...]:
    """Authors and editors, or sender and recipients of a message, out of the properties."""
    created, modified = dates(properties)
    if any(properties.get(name) for name in ("Message-From", "Message:From-Email", "Message:From-Name")):
        return distinct(_message(properties, created))
    written = [
        Contribution(person, Role.AUTHOR, created, "document properties")
        for person in _named(properties, _AUTHORS)
    ]
    edited = [
        Contribution(person, Role.EDITOR, modified, "document properties")
        for person in _named(properties, _EDITORS)
    ]
    return distinct([*written, *edited])


def dates(properties: Properties) -> tuple[datetime | None, datetime | None]:
    """When it was created and last changed; None where not known or absurd."""
    return _first_moment(properties, _CREATED), _first_moment(properties, _MODIFIED)


def title(properties: Properties, elements: Iterable[Element], name: str) -> str:
    """The title a reader would give: the property unless it is junk, the first heading, the file's name."""
    stem = PurePosixPath(name.replace("\\", "/")).stem
    for key in _TITLES:
        for value in properties.get(key, ()):
            stated = " ".join(value.split())
            if usable_title(stated, name):
                return stated[:MAX_TITLE]
    for place, element in enumerate(elements):
        if place >= 30:
            break
        line = _unlabelled(" ".join(element.text.split()))
        if element.sheet is not None:
            break  # a sheet is called Sheet1, its workbook has a name
        if element.kind in (ElementKind.TITLE, ElementKind.HEADING) and usable_title(line, name):
            return line[:MAX_TITLE]
        if (
            place == 0
            and element.kind is ElementKind.TEXT
            and 8 <= len(line) <= 100
            and line[-1] not in ".,;:"
            and usable_title(line, name)
        ):
            return line
    return stem or name


def usable_title(text: str, name: str) -> bool:
    """Whether a title says something: no program's default, no file name."""
    bare = PurePosixPath(name.replace("\\", "/"))
    if text.casefold() in (bare.name.casefold(), bare.stem.casefold()):
        return False
    if len(text) < 3 or _JUNK_TITLE.fullmatch(text) or moment(text) is not None:
        return False
    return any(letter.isalpha() for letter in text)


def _unlabelled(line: str) -> str:
    """The line without the label of an exhibit in front, ``""`` where it is nothing else."""
    label = _LABEL.match(line)
    if label is None or (label.end() < len(line) and not re.search(r"\d|\)|[A-Z]\b", label[0])):
        return line
    return line[label.end() :]


def _named(properties: Properties, keys: Iterable[str]) -> list[Identity]:
    return [person for key in keys for value in properties.get(key, ()) for person in identities(value)]


def _first_moment(properties: Properties, keys: Iterable[str]) -> datetime | None:
    for key in keys:
        for value in properties.get(key, ()):
            if (read := moment(value)) is not None:
                return read
    return None


def _message(properties: Properties, at: datetime | None) -> list[Contribution]:
    senders = _named(properties, ("Message-From",))
    if not any(sender.address for sender in senders):
        name = next(iter(properties.get("Message:From-Name", ())), "")
        address = next(iter(properties.get("Message:From-Email", ())), "")
        senders = _named({"from": [f"{name} <{address}>" if "@" in address else name]}, ("from",)) or senders
    received = _named(properties, _RECIPIENTS)
    return [
        *contributed(senders, Role.SENDER, "message header", at),
        *contributed(received, Role.RECIPIENT, "message header", at),
    ]
