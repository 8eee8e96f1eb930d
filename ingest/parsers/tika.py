"""Office, PDF, RTF, OpenDocument, e-books and mail, by Apache Tika.

`TikaParser` runs Tika as native code in this process (`iscc-tika`, no Java); with a URL it asks a
Tika server for the same XHTML. Either way unstructured types the elements and the rest is ours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ingest.parsers import attached, opendocument, properties
from ingest.parsers.base import Attachment, Element, ElementKind, Parsed
from ingest.parsers.decode import decode
from ingest.parsers.headings import heading_levels
from ingest.parsers.pages import tidy
from ingest.parsers.people import bylines, distinct, signatories
from ingest.parsers.scans import NO_TEXT
from ingest.parsers.tables import labelled_text, rows_text
from ingest.parsers.tika_engines import ENCRYPTED, ask
from ingest.parsers.typed import Place, body_of, elements_of, mark
from memory.errors import ParseError

NO_TEXT_AT_ALL = "no text in it"

MAX_PAGES = 50_000
"""Pages of a PDF that are looked at for pictures; what says that it has more exaggerates."""

_PAGED = ("application/pdf", "application/illustrator")
_PACKAGES = "application/vnd.openxmlformats-officedocument."
_SLIDES = ("slide", "slide-content")
_HIDDEN_GROUP = re.compile(rb"\{[\r\n]+\\\*")
_XML_ENCODING = re.compile(r"""(?<=<\?xml)([^>]*?)\s+encoding=["'][\w.-]+["']""")
_MESSAGE = re.compile(r"message/|application/(?:vnd\.ms-outlook|mbox)")
_TEMPLATE_HINT = re.compile(
    r"^\s*(?:click to (?:edit|add)|klicken sie|cliquez pour|klik for at).*", re.IGNORECASE
)


class TikaParser:
    """Reads what Tika reads. Pictures are left to `ingest.parsers.scans`.

    :param url: a Tika server to ask instead of the built-in one.
    :param timeout_s: how long the server may take.
    """

    def __init__(self, url: str = "", *, timeout_s: float = 60) -> None:
        self._url = url
        self._timeout_s = timeout_s

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes.

        :param name: the file's name.
        :param media_type: already detected; Tika's own finding is what `Parsed` says.
        :raises ParseError: where they cannot be read, need a password or hold too much text.
        """
        if not data:
            return Parsed(media_type, title=properties.title({}, (), name), empty_reason="empty file")
        files, data = attachments(data, media_type)
        answers = ask(_readable(data, media_type), self._url, self._timeout_s)
        known = answers[0][1]
        if any(
            "EncryptedDocumentException" in said
            for key in known
            if key.startswith("X-TIKA")
            for said in known[key]
        ):
            raise ParseError(ENCRYPTED)
        found = next(iter(known.get("Content-Type", ())), media_type).partition(";")[0].strip() or media_type
        if files:
            # What is attached is read on its own: not as text of this document too.
            answers = [(attached.without_attached(answers[0][0]), known)]
        answers = [(attached.without_names(xhtml), said) for xhtml, said in answers]
        if found.startswith(opendocument.FAMILY):
            known = {**known, **opendocument.people(data)}
        elements: list[Element] = []
        for place, (xhtml, _) in enumerate(answers):
            elements.extend(_elements(xhtml, found, data) if place == 0 else _elements(xhtml))
        return replace(_parsed(found, name, elements, known), attachments=tuple(files))


def attachments(data: bytes, media_type: str) -> tuple[list[Attachment], bytes]:
    """The files inside a file, and the file as Tika is to read it."""
    if media_type.startswith(_PACKAGES):
        return attached.of_package(data)
    if media_type not in _PAGED:
        return [], data
    try:
        return attached.of_pdf(data), data
    except ParseError as error:
        return [Attachment("attachments", b"", problem=error.message)], data


def _readable(data: bytes, media_type: str) -> bytes:
    """The bytes, mended where Tika would take what is written about the text for the text."""
    if media_type == "application/rtf":
        # A line end before `\*` keeps Tika from seeing that the group is to be ignored: style names appear as text.
        return _HIDDEN_GROUP.sub(rb"{\\*", data)
    if media_type == "application/xml" and not data.startswith(b"<"):
        # In UTF-16, or with a mark in front, Tika takes XML for plain text and shows its tags.
        return _XML_ENCODING.sub(r"\1", decode(data).lstrip("\ufeff"), count=1).encode("utf-8", "replace")
    return data


def _elements(xhtml: str, media_type: str = "", data: bytes = b"") -> list[Element]:
    """The typed elements of one XHTML, with their places.

    :param data: the file, for what Tika leaves out.
    """
    if media_type == opendocument.PRESENTATION:
        xhtml = opendocument.slides(data) or xhtml
    if not xhtml.strip():
        return []
    body = body_of(xhtml)
    if media_type in _PAGED:
        tidy(body)
    if media_type == opendocument.SPREADSHEET:
        opendocument.name_sheets(data, body)
    places = list(_mark_places(body))
    found = [
        element
        for element in elements_of(body, places, _table)
        if not (element.slide is not None and _TEMPLATE_HINT.fullmatch(element.text))
    ]
    if places and places[0].slide is not None:
        return _slide_titles(found)
    if any(element.kind is ElementKind.HEADING for element in found) or _MESSAGE.match(media_type):
        return found
    return _with_headings(found)


def _mark_places(body: Any) -> Iterator[Place]:
    """Number the pages, sheets and slides; what is attached stands nowhere."""
    number = slide = page = 0
    shows = [node for node in body if node.get("class") == "slideShow"]
    for node in [child for show in shows for child in show] + [child for child in body if child not in shows]:
        kind = node.get("class") or ""
        heading = node.find("h1") if kind in ("page", "sheet") else None
        if kind == "sheet" or (
            heading is not None and node.find("table") is not None and node.find("p") is None
        ):
            yield Place(sheet="".join(heading.itertext()).strip() if heading is not None else "")
        elif kind == "page":
            page += 1
            yield Place(page=page)
        elif kind in _SLIDES:
            slide += 1
            yield Place(slide=slide)
        elif slide and kind in ("slide-notes", "slide-comments", "notes", "notes-content"):
            yield Place(slide=slide)
        else:
            continue
        mark(node, number)
        number += 1


def _table(rows: list[list[str]], place: Place) -> str:
    return labelled_text(rows) if place.sheet is not None else rows_text(rows)


def _slide_titles(elements: Sequence[Element]) -> list[Element]:
    """The first short text of a slide is its title."""
    titled: list[Element] = []
    seen: set[int | None] = {None}
    for element in elements:
        if element.slide not in seen and element.kind is ElementKind.TEXT:
            seen.add(element.slide)
            if len(element.text) <= 100 and element.text[-1] not in ".;,":
                titled.append(Element(ElementKind.HEADING, element.text, 1, slide=element.slide))
                continue
        titled.append(element)
    return titled


def _with_headings(elements: Sequence[Element]) -> list[Element]:
    """Headings by our own rule, for documents whose mark-up has none."""
    texts = [
        element.text if element.kind in (ElementKind.TEXT, ElementKind.LIST) else "" for element in elements
    ]
    return [
        Element(ElementKind.HEADING, element.text, level, element.page, element.sheet, element.slide)
        if level and element.kind is ElementKind.TEXT
        else element
        for element, level in zip(elements, heading_levels(texts), strict=True)
    ]


def _parsed(media_type: str, name: str, elements: Sequence[Element], known: properties.Properties) -> Parsed:
    created, modified = properties.dates(known)
    people = properties.people(known)
    if not _MESSAGE.match(media_type):
        text = "\n".join(element.text for element in elements)
        named = bylines(element.text for element in elements[:60] if element.kind is not ElementKind.TABLE)
        people = distinct([*people, *named, *signatories(text)])
    reason = ""
    if not elements:
        reason = NO_TEXT if media_type in _PAGED or media_type.startswith("image/") else NO_TEXT_AT_ALL
    return Parsed(
        media_type=media_type,
        title=properties.title(known, elements, name),
        elements=tuple(elements),
        created=created,
        modified=modified,
        contributions=people,
        empty_reason=reason,
        pages=_pages(known) if media_type in _PAGED else 0,
    )


def _pages(known: properties.Properties) -> int:
    stated = next(iter(known.get("xmpTPg:NPages", ())), "")
    return min(int(stated), MAX_PAGES) if stated.isascii() and stated.isdigit() else 0
