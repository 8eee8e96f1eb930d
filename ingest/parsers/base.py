"""The contract of a parser: bytes in, typed elements with their places out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from memory.domain import Contribution
from memory.scanned import Span


class Aside(StrEnum):
    """What stands in a message, or above it, without being its writer's words in it."""

    QUOTED = "quoted"
    SIGNATURE = "signature"
    BYLINE = "byline"
    """Who wrote a message of a thread, when it was written and edited, and how many reacted to it."""


class ElementKind(StrEnum):
    """What an element is to a reader."""

    TITLE = "title"
    HEADING = "heading"
    TEXT = "text"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Element:
    """One block of a document in reading order.

    :param text: the block's text, without leading or trailing blanks, never empty.
    :param level: depth of a heading, from 1.
    :param aside: what it is, where it is not its author's own text: it is kept and shown, but not found.
    :param message: the message of a thread that it stands in, where the document holds several.
    :param words: of text that was recognised on a picture, the span of each word in `text`, in the page's order.
    """

    kind: ElementKind
    text: str
    level: int = 0
    page: int | None = None
    sheet: str | None = None
    slide: int | None = None
    aside: Aside | None = None
    message: str | None = None
    words: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageHead:
    """What a message says about its place in a conversation.

    :param id: its Message-ID without angle brackets, ``""`` where it has none.
    :param references: the messages it answers, by their ids: the first of the conversation first, its parent last.
    :param topic: the subject without ``Re:`` and the like, folded for comparison.
    :param answer: whether the subject says that it is an answer.
    """

    id: str
    references: tuple[str, ...] = ()
    topic: str = ""
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a file, to become a child document.

    :param data: empty where `problem` says why it was not taken out.
    :param digest: SHA-256 of the whole file in hex; ``""`` where it was not read to its end.
    :param problem: why it cannot become a document, as the ledger says it.
    :param message: the message of a thread that it hangs on: whoever wrote that has sent it.
    """

    name: str
    data: bytes
    media_type: str = ""
    digest: str = ""
    problem: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file says.

    :param elements: empty where the file holds no text layer.
    :param language: ISO 639-1, ``""`` where it cannot be told.
    :param message: of a message, where it stands in its conversation.
    :param empty_reason: why there are no elements, for the ledger (``no text layer, needs OCR``).
    :param pages: how many pages a PDF has, 0 where that is not known.
    :param unread: the pages that are pictures and were not recognised yet, by number from 1.
    :param remark: what of it is not among the elements, for the ledger; ``""`` where all of it is.
    """

    media_type: str
    title: str = ""
    elements: tuple[Element, ...] = ()
    language: str = ""
    created: datetime | None = None
    modified: datetime | None = None
    contributions: tuple[Contribution, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    empty_reason: str = ""
    message: MessageHead | None = None
    pages: int = 0
    unread: tuple[int, ...] = ()
    remark: str = ""


class Parser(Protocol):
    """Reads one family of media types.

    Rules: text comes in reading order; nothing is fetched over the network and nothing downloaded; broken
    input raises `ParseError` with a reason a reader of the ledger understands.
    """

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes.

        :param name: the file's name.
        :param media_type: already detected, never empty.
        :raises ParseError: where they cannot be read.
        """
        ...
