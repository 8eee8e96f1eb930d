"""A message of an Outlook archive in the form of RFC 822; runs only in the limited process.

The same message gives the same bytes each time, so that a digest of them says whether it changed. Property numbers
are those of MS-OXPROPS.
"""

import base64
import hashlib
import re
from datetime import UTC
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Any

from connectors.message_key import MAX_MESSAGE

_SUBJECT, _SENDER, _SENDER_ADDRESS, _SENT_FOR, _SENT_FOR_ADDRESS = 0x0037, 0x0C1A, 0x0C1F, 0x0042, 0x0065
_MESSAGE_ID, _REFERENCES, _IN_REPLY_TO = 0x1035, 0x1039, 0x1042
_SENDER_SMTP, _SENT_FOR_SMTP, _SMTP, _ADDRESS, _NAME = 0x5D01, 0x5D02, 0x39FE, 0x3003, 0x3001
_RECIPIENT_TYPE, _CODE_PAGE, _METHOD, _MEDIA_TYPE, _CONTENT_ID = 0x0C15, 0x3FDE, 0x3705, 0x370E, 0x3712
_LONG_NAME, _SHORT_NAME = 0x3707, 0x3704
_EMBEDDED = 5
_DEPTH = 8
"""How deep messages may lie in messages."""

_TO = {1: "To", 2: "Cc", 3: "Bcc"}
_PAGES = {65001: "utf-8", 20127: "us-ascii", 28591: "iso-8859-1", 28605: "iso-8859-15", 20866: "koi8-r"}
_FIELD = re.compile(r"^([!-9;-~]+):[ \t]*(.*(?:\n[ \t]+.*)*)$", re.MULTILINE)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)


class TooLarge(Exception):
    """The message is larger than any that is read."""


def compose(message: Any, depth: int = 0) -> bytes:
    """The message with its headers, its text and what is attached to it.

    :param message: as libpff gives it.
    :raises TooLarge: where it comes to more than `MAX_MESSAGE`.
    :raises OSError: where the archive is broken at this place.
    """
    body = _joined("mixed", [*_text(message), *_attachments(message, depth)])
    if len(body) > MAX_MESSAGE:
        raise TooLarge
    return "".join(f"{name}: {value}\n" for name, value in _headers(message)).encode("utf-8", "replace") + (
        b"MIME-Version: 1.0\n" + body
    )


def _headers(message: Any) -> list[tuple[str, str]]:
    """Those it was sent with, and what the properties know besides."""
    text = (message.transport_headers or "").replace("\r\n", "\n").partition("\n\n")[0]
    headers = [
        (found[1], found[2].rstrip())
        for found in _FIELD.finditer(text)
        if not found[1].lower().startswith(("content-", "mime-version"))
    ]
    there = {name.lower() for name, _ in headers}
    known = [(name, value) for name, value in _known(message) if value and name.lower() not in there]
    return headers + known


def _known(message: Any) -> list[tuple[str, str]]:
    of = _properties(message)
    name, address = of(_SENT_FOR), of(_SENT_FOR_SMTP) or of(_SENT_FOR_ADDRESS)
    if not (name or address):
        name, address = of(_SENDER), of(_SENDER_SMTP) or of(_SENDER_ADDRESS)
    sent = message.client_submit_time or message.delivery_time
    found = [
        ("From", _who(name, address)),
        ("Subject", _encoded(message.subject or "")),
        ("Date", format_datetime(sent.replace(tzinfo=UTC)) if sent else ""),
        ("Message-ID", of(_MESSAGE_ID)),
        ("In-Reply-To", of(_IN_REPLY_TO)),
        ("References", of(_REFERENCES)),
    ]
    people: dict[str, list[str]] = {}
    for row in message.recipients.record_sets if message.recipients else ():
        get = _values(row)
        who = _who(get(_NAME), get(_SMTP) or get(_ADDRESS))
        if who:
            people.setdefault(_TO.get(_number(row, _RECIPIENT_TYPE), "To"), []).append(who)
    return found + [(field, ", ".join(each)) for field, each in people.items()]


def _text(message: Any) -> list[bytes]:
    parts = []
    if plain := message.plain_text_body:
        parts.append(_part('text/plain; charset="utf-8"', _bytes(plain)))
    if html := message.html_body:
        page = next((_number(each, _CODE_PAGE) for each in message.record_sets), 0)
        charset = _PAGES.get(page, f"windows-{page}" if page else "utf-8")
        parts.append(_part(f'text/html; charset="{charset}"', _bytes(html)))
    if not parts and (rtf := message.rtf_body):
        head = 'application/rtf; name="message.rtf"\nContent-Disposition: attachment; filename="message.rtf"'
        return [_encoded_part(head, _bytes(rtf))]
    return [_joined("alternative", parts)] if parts else []


def _attachments(message: Any, depth: int) -> list[bytes]:
    parts: list[bytes] = []
    size = 0
    for number in range(message.number_of_attachments):
        attachment = message.get_attachment(number)
        method = next((_number(each, _METHOD) for each in attachment.record_sets), 0)
        if method == _EMBEDDED and attachment.number_of_sub_items:
            if depth < _DEPTH:
                parts.append(_part("message/rfc822", compose(attachment.get_sub_item(0), depth + 1)))
            continue
        length = attachment.size if method else 0
        size += length
        if size > MAX_MESSAGE:
            raise TooLarge
        parts.append(
            _encoded_part(_described(attachment, number), attachment.read_buffer(length) if length else b"")
        )
    return parts


def _described(attachment: Any, number: int) -> str:
    of = _properties(attachment)
    name = of(_LONG_NAME) or of(_SHORT_NAME) or f"attachment-{number + 1}"
    kind = of(_MEDIA_TYPE)
    kind = (
        kind
        if _TYPE.fullmatch(kind) and not kind.startswith(("multipart/", "message/"))
        else "application/octet-stream"
    )
    quoted = _encoded(name).replace("\\", "_").replace('"', "'").replace("\n", "")
    lines = [kind, f'Content-Disposition: attachment; filename="{quoted}"']
    if known := of(_CONTENT_ID):
        lines.append(f"Content-ID: <{known.strip('<>')}>")
    return "\n".join(lines)


def _joined(kind: str, parts: list[bytes]) -> bytes:
    """Several parts as one; one as it is."""
    if not parts:
        return _part('text/plain; charset="utf-8"', b"")
    if len(parts) == 1:
        return parts[0]
    digest = hashlib.sha256(kind.encode())
    for part in parts:
        digest.update(part)
    boundary = f"=_{digest.hexdigest()[:32]}".encode()
    head = b'Content-Type: multipart/%s; boundary="%s"\n\n' % (kind.encode(), boundary)
    return head + b"".join(b"--%s\n%s\n" % (boundary, part) for part in parts) + b"--%s--\n" % boundary


def _part(kind: str, body: bytes) -> bytes:
    return b"Content-Type: %s\nContent-Transfer-Encoding: 8bit\n\n%s" % (kind.encode(), body)


def _encoded_part(head: str, body: bytes) -> bytes:
    text = base64.encodebytes(body)
    return b"Content-Type: %s\nContent-Transfer-Encoding: base64\n\n%s" % (
        head.encode("utf-8", "replace"),
        text,
    )


def _properties(item: Any) -> Any:
    sets = list(item.record_sets)
    return _values(sets[0]) if sets else lambda _: ""


def _values(record_set: Any) -> Any:
    entries = {each.entry_type: each for each in record_set.entries}

    def text(kind: int) -> str:
        entry = entries.get(kind)
        if entry is None or entry.value_type not in (0x1E, 0x1F):
            return ""
        return _BREAKS.sub(" ", entry.data_as_string or "").strip()

    return text


def _number(record_set: Any, kind: int) -> int:
    for entry in record_set.entries:
        if entry.entry_type == kind and entry.value_type == 0x03:
            return int(entry.data_as_integer)
    return 0


def _who(name: str, address: str) -> str:
    """A mailbox; an address of Exchange's own (`/O=...`) is none that anyone writes to."""
    if "@" not in address or re.search(r"[\s<>,]", address):
        address = ""
    if not address:
        return formataddr((name, "")).removesuffix(" <>") if name else ""
    if name.isascii() and address.isascii():
        return formataddr((name, address))
    return f"{_encoded(name)} <{address}>".lstrip()


def _encoded(text: str) -> str:
    text = _BREAKS.sub(" ", text).strip()
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=10_000).encode()


def _bytes(body: bytes | str) -> bytes:
    raw = body.encode("utf-8", "replace") if isinstance(body, str) else body
    return raw.replace(b"\r\n", b"\n").rstrip(b"\0")
