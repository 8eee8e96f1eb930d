"""`Parsed` as JSON, and frames over a socket: how a worker process answers.

JSON and not pickle, so that a worker a hostile file has taken over can say nothing but values.
"""

import base64
import binascii
import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

from ingest.parsers.base import Aside, Attachment, Element, ElementKind, MessageHead, Parsed
from memory.domain import Contribution, Identity, Role
from memory.errors import InvalidInput, ParseError
from memory.scanned import ScannedPage, Span

MAX_FRAME = 256 * 1024 * 1024
"""Above what 50 million characters of text take."""


class Task(StrEnum):
    """What a worker is to do with a file."""

    READ = "read"
    ATTACHMENTS = "attachments"
    """Only take out the files inside it."""
    RECOGNISE = "recognise"
    """Read some of its pages as pictures."""
    DRAW = "draw"
    """Draw one of its pages."""


_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 18


def parsed_to_json(parsed: Parsed) -> dict[str, Any]:
    """A parsed file as JSON values."""
    return {
        "media_type": parsed.media_type,
        "title": parsed.title,
        "language": parsed.language,
        "created": parsed.created.isoformat() if parsed.created else None,
        "modified": parsed.modified.isoformat() if parsed.modified else None,
        "empty_reason": parsed.empty_reason,
        "pages": parsed.pages,
        "unread": list(parsed.unread),
        "remark": parsed.remark,
        "elements": [
            [
                element.kind.value,
                element.text,
                element.level,
                element.page,
                element.sheet,
                element.slide,
                element.aside.value if element.aside else None,
                element.message,
                list(chain.from_iterable(element.words)),
            ]
            for element in parsed.elements
        ],
        "contributions": [
            [
                [part.person.name, part.person.address, part.person.account],
                part.role.value,
                part.at.isoformat() if part.at else None,
                part.evidence,
                part.message,
            ]
            for part in parsed.contributions
        ],
        "message": _head_json(parsed.message),
        "attachments": [
            [
                part.name,
                base64.b64encode(part.data).decode("ascii"),
                part.media_type,
                part.digest,
                part.problem,
                part.message,
            ]
            for part in parsed.attachments
        ],
    }


def parsed_from_json(values: Any) -> Parsed:
    """Read back what `parsed_to_json` gave.

    :raises ParseError: where it is something else.
    """
    try:
        return Parsed(
            media_type=_text(values["media_type"]),
            title=_text(values["title"]),
            elements=tuple(map(_element, values["elements"])),
            language=_text(values["language"]),
            created=_moment(values["created"]),
            modified=_moment(values["modified"]),
            contributions=tuple(map(_contribution, values["contributions"])),
            attachments=tuple(map(_attachment, values["attachments"])),
            empty_reason=_text(values["empty_reason"]),
            message=_head(values["message"]),
            pages=_whole(values["pages"]) or 0,
            unread=tuple(_page(number) for number in values["unread"]),
            remark=_text(values["remark"]),
        )
    except (KeyError, TypeError, ValueError, binascii.Error, InvalidInput) as error:
        raise ParseError("the parser gave no usable answer") from error


def pages_from_json(values: Any) -> dict[int, ScannedPage]:
    """Recognised pages out of a worker's answer.

    :raises ParseError: where it is something else.
    """
    try:
        return {_page(int(number)): ScannedPage.from_json(page) for number, page in values.items()}
    except (AttributeError, TypeError, ValueError, InvalidInput) as error:
        raise ParseError("the parser gave no usable answer") from error


def picture_from_json(value: Any) -> bytes:
    """A drawn page out of a worker's answer.

    :raises ParseError: where it is something else.
    """
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise ParseError("the parser gave no usable answer") from error


def send(connection: socket.socket, *parts: bytes, tick: Callable[[], None] = lambda: None) -> None:
    """Write one frame.

    :param tick: called whenever the other side is not ready, on a socket with a timeout.
    """
    for part in (_LENGTH.pack(sum(map(len, parts))), *parts):
        view = memoryview(part)
        while view:
            with suppress(TimeoutError):
                view = view[connection.send(view[:_CHUNK]) :]
            tick()


def receive(connection: socket.socket, tick: Callable[[], None] = lambda: None) -> bytes:
    """Read one frame.

    :raises EOFError: where the other side has gone.
    :raises ParseError: where the frame is larger than `MAX_FRAME`.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, tick))
    if length > MAX_FRAME:
        raise ParseError(f"more than {MAX_FRAME // 1024**2} MB came out of it")
    return _exactly(connection, length, tick)


def pack(values: Any) -> bytes:
    """JSON values as the bytes of a frame."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _exactly(connection: socket.socket, size: int, tick: Callable[[], None]) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        try:
            part = connection.recv(min(_CHUNK, size - len(parts)))
            if not part:
                raise EOFError
            parts += part
        except TimeoutError:
            pass  # the other side is still at work: `tick` decides how long that may take
        tick()
    return bytes(parts)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError
    return value


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value is not None else None


def _element(values: Any) -> Element:
    kind, text, level, page, sheet, slide, aside, message, words = values
    return Element(
        ElementKind(kind),
        _text(text),
        _whole(level) or 0,
        _whole(page),
        _text(sheet) if sheet is not None else None,
        _whole(slide),
        Aside(aside) if aside is not None else None,
        _text(message) if message is not None else None,
        _spans(words, len(text)),
    )


def _spans(flat: Any, length: int) -> tuple[Span, ...]:
    found = tuple(zip(flat[::2], flat[1::2], strict=True))
    if any(not 0 <= _page(start + 1) - 1 <= _page(end + 1) - 1 <= length for start, end in found):
        raise ValueError
    return found


def _page(value: Any) -> int:
    number = _whole(value)
    if number is None or number < 1:
        raise TypeError
    return number


def _head_json(head: MessageHead | None) -> list[Any] | None:
    return [head.id, list(head.references), head.topic, head.answer] if head else None


def _head(values: Any) -> MessageHead | None:
    if values is None:
        return None
    identity, references, topic, answer = values
    return MessageHead(_text(identity), tuple(map(_text, references)), _text(topic), bool(answer))


def _attachment(values: Any) -> Attachment:
    name, data, media_type, digest, problem, message = values
    raw = base64.b64decode(data, validate=True)
    return Attachment(_text(name), raw, _text(media_type), _text(digest), _text(problem), _text(message))


def _contribution(values: Any) -> Contribution:
    person, role, at, evidence, message = values
    identity = Identity(
        **dict(zip((each.name for each in fields(Identity)), map(_text, person), strict=True))
    )
    return Contribution(identity, Role(role), _moment(at), _text(evidence), _text(message))
