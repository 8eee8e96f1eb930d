"""Messages that Outlook saved (.msg), turned into the form mail has everywhere else and read as such."""

import re
from email import policy
from email.message import EmailMessage
from email.parser import HeaderParser
from email.utils import format_datetime, formataddr
from typing import Any

from ingest.parsers.base import Parsed
from ingest.parsers.mail import MailParser
from ingest.parsers.tika import TikaParser
from memory.errors import ParseError

# Properties by their number in [MS-OXPROPS].
_HEADERS, _MESSAGE_ID, _IN_REPLY_TO, _REFERENCES = 0x007D, 0x1035, 0x1042, 0x1039
_RECIPIENT_TYPE = 0x0C15
_FIELDS = {1: "To", 2: "Cc", 3: "Bcc"}
_EMBEDDED = "__substg1.0_3701000D"
_EMBEDDED_OFFSET = 24  # [MS-OXMSG] 2.4.1.2: shorter than that of a message by itself
_DEPTH = 5
_OF_PARTS = re.compile(r"(?:content-|mime-version)", re.IGNORECASE)
# Folded to a width, an id that is longer becomes an encoded word, which is none to whoever reads References.
_AS_IT_IS = policy.SMTP.clone(refold_source="none", max_line_length=None)
_UNREADABLE = (ValueError, OSError, LookupError, AssertionError, TypeError, AttributeError)


class OutlookParser:
    """Reads .msg files; one that keeps its text in a way only Tika knows is read by it."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes.

        :raises ParseError: where they are no Outlook message.
        """
        from oxmsg import Message

        try:
            loaded = Message.load(data)
            message = _as_mail(loaded)
            readable = bool(loaded.body or loaded.html_body)
        except _UNREADABLE:
            return TikaParser().parse(data, name=name, media_type=media_type)
        parsed = MailParser().parse(message.as_bytes(policy=_AS_IT_IS), name=name, media_type=media_type)
        if readable or parsed.attachments:
            return parsed
        try:
            read = TikaParser().parse(data, name=name, media_type=media_type)
        except ParseError:
            return parsed
        return read if read.elements else parsed


def _as_mail(message: Any, depth: int = 0) -> EmailMessage:
    """The message with its header, its body in both forms and what is attached to it."""
    made = EmailMessage(policy=policy.SMTP.clone(refold_source="none"))
    for name, value in _header(message):
        if not _OF_PARTS.match(name):
            made[name] = " ".join(str(value).replace("\0", "").split())
    if text := (message.body or "").replace("\0", ""):
        made.set_content(text)
    if html := message.html_body:
        if text:
            made.add_alternative(html, subtype="html")
        else:
            made.set_content(html, subtype="html")
    for attached in message.attachments if depth < _DEPTH else ():
        _attach(made, attached, depth)
    return made


def _header(message: Any) -> list[tuple[str, str]]:
    """As it came over the network, or made from what Outlook keeps of it."""
    known = message.properties
    stated = known.str_prop_value(_HEADERS) or ""
    fields = list(HeaderParser().parsestr(stated).raw_items()) if ":" in stated else []
    names = {name.lower() for name, _ in fields}
    for name, value in _kept(message):
        if value and name.lower() not in names:
            fields.append((name, value))
    single = {
        "from",
        "sender",
        "to",
        "cc",
        "bcc",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "reply-to",
    }
    seen: set[str] = set()
    once = []
    for name, value in fields:
        if name.lower() not in single or name.lower() not in seen:
            once.append((name, value))
        seen.add(name.lower())
    return once


def _kept(message: Any) -> list[tuple[str, str]]:
    known = message.properties
    recipients: dict[str, list[str]] = {}
    for each in message.recipients:
        field = _FIELDS.get(each.properties.int_prop_value(_RECIPIENT_TYPE) or 1, "To")
        recipients.setdefault(field, []).append(_address(each.name, each.email_address))
    return [
        ("From", _address(*_split(message.sender or ""))),
        *((field, ", ".join(people)) for field, people in recipients.items()),
        ("Subject", message.subject),
        ("Date", format_datetime(message.sent_date) if message.sent_date else ""),
        ("Message-ID", known.str_prop_value(_MESSAGE_ID) or ""),
        ("In-Reply-To", known.str_prop_value(_IN_REPLY_TO) or ""),
        ("References", known.str_prop_value(_REFERENCES) or ""),
    ]


def _split(sender: str) -> tuple[str, str]:
    name, bracket, address = sender.rpartition("<")
    return (name.strip(' "'), address.rstrip("> ")) if bracket else (sender, "")


def _address(name: str, address: str) -> str:
    """A mailbox; Exchange's own addresses are none, so there a name stands alone."""
    name, address = (text.replace("\0", "").strip(" '\"") for text in (name or "", address or ""))
    if "@" not in address or " " in address:
        return name
    return formataddr((name, address)) if name.isascii() else f'"{name}" <{address}>'


def _attach(made: EmailMessage, attached: Any, depth: int) -> None:
    from oxmsg import Message

    class Embedded(Message):
        """A message in a message: its properties begin elsewhere."""

        @property
        def properties(self) -> Any:
            from oxmsg.properties import Properties

            return Properties(self._storage, properties_header_offset=_EMBEDDED_OFFSET)

    inner = next((each for each in attached._storage.storages if each.name == _EMBEDDED), None)
    if inner is not None:
        made.add_attachment(_as_mail(Embedded(inner), depth + 1))
        return
    main, _, sub = (attached.mime_type or "").replace("\0", "").partition("/")
    name = (attached.file_name or "attachment").replace("\0", "")
    if main in ("message", "multipart") or not sub:
        main, sub = "application", "octet-stream"
    made.add_attachment(attached.file_bytes or b"", maintype=main, subtype=sub, filename=name)
