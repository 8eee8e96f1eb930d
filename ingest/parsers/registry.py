"""Which parser reads what, and why some files are not read at all."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from ingest.language import language_of
from ingest.parsers import pictures, properties
from ingest.parsers.attached import bounded
from ingest.parsers.base import Attachment, Parsed, Parser
from ingest.parsers.detect import HEAD, OLE_UNKNOWN, UNKNOWN, detect
from ingest.parsers.scans import NO_TEXT, Known, completed
from ingest.parsers.whole import CUT_OFF, cut_off
from memory.errors import ParseError
from memory.media_types import CONFLUENCE, THREAD

EMPTY = "empty file"

_OFFICE = (
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
    "application/vnd.ms-",
    "application/x-tika-",
)
FAMILIES: dict[str, tuple[str, ...]] = {
    "mail": ("message/rfc822", "application/vnd.ms-outlook", "application/mbox"),
    "tika": (
        "application/pdf", "application/msword", "application/rtf", "application/epub+zip", "application/xml",
        OLE_UNKNOWN, *_OFFICE,
    ),
    "thread": (THREAD,),
    "confluence": (CONFLUENCE,),
    "pictures": tuple(sorted(pictures.IMAGES)),
    "html": ("text/html", "application/xhtml+xml"),
    "markdown": ("text/markdown", "text/x-web-markdown"),
    "rst": ("text/x-rst",),
    "dokuwiki": ("text/x-dokuwiki",),
    "wikitext": ("text/x-wiki",),
    "delimited": ("text/csv", "text/tab-separated-values"),
    "text": ("text/plain", "text/org"),
    "code": ("text/", "application/json", "application/yaml", "application/javascript", "application/toml"),
}  # fmt: skip
"""The families that are read, each by its media types or their beginnings."""


def family(media_type: str) -> str:
    """The family a media type belongs to, ``""`` where nothing reads it."""
    plain = media_type.partition(";")[0].strip().lower()
    for exact in (True, False):
        for name, kinds in FAMILIES.items():
            if any(
                plain == kind if exact else kind[-1] in "/.-" and plain.startswith(kind) for kind in kinds
            ):
                return name
    return ""


def skip_reason(media_type: str, *, ocr: bool) -> str:
    """Why a file of this type is not read, ``""`` where it is.

    :param ocr: whether text is recognised on pictures.
    """
    kind = family(media_type)
    if kind == "pictures" and not ocr:
        return NO_TEXT
    return "" if kind else f"no parser for {media_type}"


@cache
def parser_for(media_type: str, tika_url: str = "") -> Parser:
    """The parser of a media type.

    :param tika_url: a Tika server to use instead of the built-in Tika.
    :raises ParseError: where nothing reads it.
    """
    if reason := skip_reason(media_type, ocr=True):
        raise ParseError(reason)
    kind = family(media_type)
    if kind in ("html", "markdown", "delimited"):
        from ingest.parsers import markup

        made: dict[str, type[Parser]] = {
            "html": markup.HtmlParser,
            "markdown": markup.MarkdownParser,
            "delimited": markup.DelimitedParser,
        }
        return made[kind]()
    if kind in ("text", "code"):
        from ingest.parsers.plain import TextParser

        return TextParser(code=kind == "code")
    if kind == "mail":
        return _mail_parser(media_type)
    if kind == "pictures":
        from ingest.parsers.picture import PictureParser

        return PictureParser()
    if kind in ("rst", "dokuwiki", "wikitext", "thread", "confluence"):
        return _written_parser(kind)
    from ingest.parsers.tika import TikaParser

    return TikaParser(tika_url)


def _written_parser(kind: str) -> Parser:
    """Of a language that people write pages in, or of the posts of a conversation."""
    if kind == "thread":
        from ingest.parsers.thread import ThreadParser

        return ThreadParser()
    if kind == "confluence":
        from ingest.parsers.confluence import ConfluenceParser

        return ConfluenceParser()
    if kind == "rst":
        from ingest.parsers.rst import RstParser

        return RstParser()
    if kind == "dokuwiki":
        from ingest.parsers.dokuwiki import DokuWikiParser

        return DokuWikiParser()
    from ingest.parsers.wikitext import WikitextParser

    return WikitextParser()


def _mail_parser(media_type: str) -> Parser:
    if media_type == "application/vnd.ms-outlook":
        from ingest.parsers.outlook import OutlookParser

        return OutlookParser()
    if media_type == "application/mbox":
        from ingest.parsers.mbox import MboxParser

        return MboxParser()
    from ingest.parsers.mail import MailParser

    return MailParser()


def media_type_of(name: str, head: bytes, stated: str = "") -> str:
    """What a file is: the bytes and the name say, and the source where both leave it open."""
    found = detect(name, head)
    if found in (UNKNOWN, OLE_UNKNOWN, "text/plain") and family(stated):
        return stated.partition(";")[0].strip().lower()
    return found


def read(
    data: bytes,
    *,
    name: str,
    media_type: str = "",
    tika_url: str = "",
    ocr: bool = False,
    known: Known | None = None,
) -> Parsed:
    """Read a file in this process: detect, parse, tell the language.

    :param media_type: as the source declares it; ``""`` lets the bytes decide.
    :param ocr: whether text is recognised on pictures: here they are only found, see `ingest.parsers.scans`.
    :param known: what was recognised in it before.
    :raises ParseError: where it cannot be read.
    """
    kind = media_type_of(name, data[:HEAD], media_type)
    if not data:
        return skipped(name, kind, EMPTY)
    if reason := skip_reason(kind, ocr=ocr):
        return skipped(name, kind, reason)
    if cut_off(data):
        raise ParseError(CUT_OFF)
    parsed = parser_for(kind, tika_url).parse(data, name=name, media_type=kind)
    if pictures.is_pictured(parsed.media_type):
        parsed = completed(parsed, data, known or {}, on=ocr, name=name)
    language = parsed.language
    if not language and parsed.elements:
        language = language_of(element.text for element in parsed.elements)
    return replace(parsed, language=language, attachments=_taken(parsed.attachments, ocr))


def attachments(data: bytes, *, name: str, media_type: str = "", ocr: bool = False) -> Parsed:
    """The files inside a file and nothing else of it: quicker than `read`, and the same files.

    :raises ParseError: where it cannot be read.
    """
    kind = media_type_of(name, data[:HEAD], media_type)
    found: Iterable[Attachment] = ()
    if family(kind) == "tika":
        from ingest.parsers import tika

        found, _ = tika.attachments(data, kind)
    elif family(kind) in ("mail", "thread"):
        found = parser_for(kind).parse(data, name=name, media_type=kind).attachments
    return Parsed(kind, attachments=_taken(found, ocr))


def _taken(found: Iterable[Attachment], ocr: bool) -> tuple[Attachment, ...]:
    def unread(part: Attachment, head: bytes) -> str:
        kind = media_type_of(part.name, head, part.media_type)
        return skip_reason(kind, ocr=ocr) if head else EMPTY

    return tuple(bounded(found, unread))


def skipped(name: str, media_type: str, reason: str) -> Parsed:
    """A file that holds nothing to read, and why."""
    unread = (1,) if reason == NO_TEXT else ()  # how many pages it has is not known
    return Parsed(media_type, title=properties.title({}, (), name), empty_reason=reason, unread=unread)
