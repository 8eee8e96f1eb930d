"""Mail from anywhere: a message file, one out of a mailbox, one saved by Outlook. All come out the same.

The sender is a sender and recipients are recipients, never authors. What a message quotes and how it is signed
is kept and shown, but is not searched as its writer's words. What is attached becomes documents of its own.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from email.utils import parsedate_to_datetime

from ingest.parsers.addresses import header_text, identities
from ingest.parsers.base import Aside, Attachment, Element, ElementKind, MessageHead, Parsed
from ingest.parsers.dates import moment
from ingest.parsers.decode import decode, utf16_without_mark
from ingest.parsers.invitations import invitation
from ingest.parsers.message_body import html_elements, text_elements
from ingest.parsers.people import distinct
from ingest.parsers.replies import forwards
from ingest.parsers.signed import signed
from memory.domain import Contribution, Role
from memory.errors import ParseError

RFC822 = "message/rfc822"
EVIDENCE = "message header"
NOTHING = "a message without a word"
ENCRYPTED = "encrypted mail: needs its recipient's key"

_ID = re.compile(r"<([^<>\s]+)>")
_REPLY = re.compile(
    r"^\s*(?:(?:re|aw|antw|antwort|sv|vs|rif|ref|odp|回复)\s*(?:\[\d+\]|\(\d+\))?\s*[:：]\s*)+", re.IGNORECASE
)
_FORWARD = re.compile(r"^\s*(?:(?:fwd?|wg|tr|vb|i|rv|enc|doorst)\s*[:：]\s*)+", re.IGNORECASE)
_LIST_TAG = re.compile(r"^\s*\[[\w .+-]{2,40}\]\s*")
_PGP = re.compile(r"^-----BEGIN PGP MESSAGE-----", re.MULTILINE)


class MailParser:
    """Reads one message."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes of a message.

        :param name: not looked at: the same message under two names is the same.
        :raises ParseError: where it is encrypted or no message at all.
        """
        del name
        try:
            message = message_from_bytes(_unix_lines(data), policy=policy.compat32)
        except (MessageError, ValueError, LookupError, RecursionError) as error:
            raise ParseError(f"not readable as a message: {type(error).__name__}") from error
        if not message.keys():
            raise ParseError("not a message: it has no header")
        return _parsed(message, media_type)


@dataclass(slots=True)
class _Found:
    """What the parts of a message came to."""

    elements: list[Element] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    invited: list[Contribution] = field(default_factory=list)


def _parsed(message: Message, media_type: str) -> Parsed:
    subject = header_text(_raw(message, "Subject"))
    at = sent(message)
    found = _Found()
    _read(message, found, top=True)
    if any(part.media_type == "application/pgp-encrypted" for part in found.attachments):
        raise ParseError(ENCRYPTED)
    head = _head(message, subject)
    elements = _settled(found, head, subject)
    people = list(_people(message, at))
    return Parsed(
        media_type=media_type if media_type != "text/plain" else RFC822,
        title=subject or _untitled(found, message),
        elements=tuple(elements),
        created=at,
        modified=at,
        contributions=distinct([*people, *_signed(elements, people, at), *found.invited]),
        attachments=tuple(found.attachments),
        empty_reason="" if elements else NOTHING,
        message=head,
    )


def sent(message: Message) -> datetime | None:
    """When it was sent; where that cannot be read, when the last server received it."""
    for value in [
        _raw(message, "Date"),
        *(str(each).rpartition(";")[2] for each in message.get_all("Received", [])),
    ]:
        text = header_text(str(value)).partition("(")[0].strip()
        if not text:
            continue
        try:
            read = moment(parsedate_to_datetime(text))
        except (ValueError, TypeError, IndexError, OverflowError):
            read = moment(text)
        if read is not None:
            return read.astimezone(UTC)
    return None


def topic_of(subject: str) -> tuple[str, bool]:
    """A subject without its prefixes, folded for comparison, and whether they say that it is an answer."""
    answer, before = False, ""
    plain = subject
    while plain != before:
        before = plain
        stripped = _REPLY.sub("", plain)
        answer = answer or stripped != plain
        plain = _LIST_TAG.sub("", _FORWARD.sub("", stripped))
    return " ".join(plain.casefold().split()), answer


def _head(message: Message, subject: str) -> MessageHead:
    own = _ids(_raw(message, "Message-ID"))
    parents = _ids(_raw(message, "In-Reply-To"))
    references = _ids(" ".join(str(value) for value in message.get_all("References", [])))
    chain = dict.fromkeys([*references, *(parent for parent in parents[:1] if parent not in references)])
    identity = own[0] if own else ""
    topic, answer = topic_of(subject)
    return MessageHead(identity, tuple(each for each in chain if each != identity)[-100:], topic, answer)


def _ids(value: str) -> list[str]:
    plain = " ".join(value.split())
    found = _ID.findall(plain)
    if not found and "@" in plain and " " not in plain:
        found = [plain.strip("<>")]
    return [each[:400] for each in found]


def _people(message: Message, at: datetime | None) -> Iterator[Contribution]:
    for header in ("From", "Sender", "X-Sender", "Return-Path"):
        if senders := identities(_raw(message, header)):
            yield from (Contribution(person, Role.SENDER, at, EVIDENCE) for person in senders)
            break
    for header in ("To", "Cc", "Bcc"):
        everybody = ", ".join(str(value) for value in message.get_all(header, []))
        yield from (Contribution(person, Role.RECIPIENT, at, EVIDENCE) for person in identities(everybody))


def _signed(
    elements: Sequence[Element], people: Sequence[Contribution], at: datetime | None
) -> Iterator[Contribution]:
    senders = [part.person for part in people if part.role is Role.SENDER]
    text = "\n".join(each.text for each in elements if each.aside is Aside.SIGNATURE)
    if len(senders) == 1 and text:
        yield from signed(text, senders[0], at)


def _read(part: Message, found: _Found, *, top: bool = False) -> None:
    """One part of a message and what is in it."""
    kind = part.get_content_type()
    if kind.startswith("multipart/") and kind != "multipart/encrypted" and not part.is_multipart():
        kind = "text/plain"  # none of its parts begins: what there is, is read as it stands
    if kind == "multipart/encrypted" or (
        kind in ("application/pkcs7-mime", "application/x-pkcs7-mime") and not _is_certificate(part)
    ):
        if top:
            raise ParseError(ENCRYPTED)
        found.attachments.append(Attachment(_name(part), b"", kind, problem=ENCRYPTED))
    elif kind == "message/rfc822" and not top:
        _read_message(part, found)
    elif part.is_multipart():
        _read_parts(part, kind, found)
    elif _is_body(part, kind):
        _read_body(part, kind, found, top=top)
    elif kind in (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    ):
        return
    else:
        found.attachments.append(_attachment(part, kind))


def _read_parts(part: Message, kind: str, found: _Found) -> None:
    parts = [each for each in part.get_payload() if isinstance(each, Message)]
    if kind == "multipart/alternative":
        _read_alternatives(parts, found)
    elif kind == "multipart/related":
        _read_related(parts, found)
    else:
        for each in parts:
            _read(each, found)


def _read_alternatives(parts: list[Message], found: _Found) -> None:
    """The text where it says as much as the HTML does; invitations, and whatever is attached in there, besides."""
    read: dict[str, _Found] = {}
    for part in parts:
        each = _Found()
        _read(part, each)
        kind = part.get_content_type()
        if kind == "text/calendar" or (kind not in ("text/plain", "text/html") and not each.elements):
            read[f"{kind} {len(read)}"] = each
        else:
            read["text/plain" if kind == "text/plain" else "text/html"] = each
    plain, rich = read.pop("text/plain", _Found()), read.pop("text/html", _Found())
    chosen = plain if 3 * _length(plain) >= _length(rich) and plain.elements else rich
    found.elements += chosen.elements
    for each in (plain, rich, *read.values()):
        found.attachments += each.attachments
        found.invited += each.invited
    for each in read.values():
        found.elements += each.elements


def _length(found: _Found) -> int:
    return sum(len(element.text) for element in found.elements if element.aside is None)


def _read_related(parts: list[Message], found: _Found) -> None:
    """The first part is what is read; pictures that it shows are part of its looks, everything else is attached."""
    if not parts:
        return
    _read(parts[0], found)
    for part in parts[1:]:
        if not (part.get_content_maintype() == "image" and part.get("Content-ID")):
            _read(part, found)


def _read_message(part: Message, found: _Found) -> None:
    """A message in a message: attached, as the bytes it would have had by itself."""
    inner = part.get_payload()
    if not isinstance(inner, list) or not inner or not isinstance(inner[0], Message):
        found.attachments.append(_attachment(part, RFC822))
        return
    try:
        data = inner[0].as_bytes(policy=policy.compat32)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        found.attachments.append(Attachment(_name(part), b"", RFC822, problem=f"broken message: {error}"))
        return
    name = _stated_name(part) or f"{header_text(_raw(inner[0], 'Subject')) or 'message'}.eml"
    found.attachments.append(Attachment(name, data, RFC822))


def _is_body(part: Message, kind: str) -> bool:
    if part.get_content_disposition() == "attachment" or (_stated_name(part) and kind != "text/calendar"):
        return False
    return kind in (
        "text/plain",
        "text/html",
        "text/calendar",
        "text/enriched",
        "text/richtext",
        "message/delivery-status",
    )


def _read_body(part: Message, kind: str, found: _Found, *, top: bool) -> None:
    data = part.get_payload(decode=True)
    text = _text(
        part, data if isinstance(data, bytes) else str(part.get_payload()).encode("utf-8", "replace")
    )
    if top and _PGP.search(text[:2000]):
        raise ParseError(ENCRYPTED)
    if kind == "text/calendar":
        elements, people = invitation(text)
        found.elements += elements
        found.invited += people
    elif kind == "text/html":
        found.elements += html_elements(text) if text.strip() else []
    else:
        found.elements += text_elements(text)


def _text(part: Message, data: bytes) -> str:
    charset = part.get_content_charset() or ""
    if charset in ("us-ascii", "ascii", "utf-8", "utf8", "unknown-8bit", "default_charset"):
        charset = ""
    if charset:
        try:
            return data.decode(charset).replace("\r\n", "\n")
        except (LookupError, UnicodeError):
            pass  # what it says it is, it is not
    return decode(data, charset)


def _attachment(part: Message, kind: str) -> Attachment:
    data = part.get_payload(decode=True)
    if kind == "message/external-body":
        return Attachment(_name(part), b"", kind, problem="not in the message: it lies elsewhere")
    if not isinstance(data, bytes) or not data:
        return Attachment(_name(part), b"", kind, problem="an empty attachment")
    return Attachment(_name(part), data, kind)


def _stated_name(part: Message) -> str:
    """The file's name as the part states it (RFC 2231, or encoded words as many clients write them)."""
    try:
        name = part.get_filename()
    except (ValueError, LookupError, TypeError, UnicodeError):
        return ""
    return re.split(r"[/\\]", header_text(str(name)))[-1].strip() if name else ""


def _name(part: Message) -> str:
    if name := _stated_name(part):
        return name
    described = header_text(_raw(part, "Content-Description"))[:80]
    return described or f"{part.get_content_maintype()} attachment"


def _is_certificate(part: Message) -> bool:
    return str(part.get_param("smime-type") or "").lower() == "certs-only"


def _settled(found: _Found, head: MessageHead, subject: str) -> list[Element]:
    """The elements as they are kept.

    What a message quotes is not searched again where it says which message that is; one that is passed on, or
    that names none, may be the only record of what it holds.
    """
    elements = found.elements
    passed_on = bool(_FORWARD.match(_REPLY.sub("", subject)))
    if not head.references or passed_on or any(forwards(each.text) for each in elements if each.aside):
        elements = [
            Element(each.kind, each.text) if each.aside is Aside.QUOTED else each for each in elements
        ]
    if all(element.aside for element in elements):
        # Nothing of its own: it is found by its subject, or by what it carries.
        named = subject or ", ".join(part.name for part in found.attachments[:20])
        if named:
            return [Element(ElementKind.TITLE, named, 1), *elements]
        return [Element(each.kind, each.text) for each in elements]
    return elements


def _untitled(found: _Found, message: Message) -> str:
    for element in found.elements:
        if element.aside is None:
            return element.text.partition("\n")[0][:80]
    senders = identities(_raw(message, "From"))
    names: Iterable[str] = (each.name for each in found.attachments)
    return (
        next(iter(names), "") or (senders[0].name or senders[0].address if senders else "") or "(no subject)"
    )


def _raw(message: Message, name: str) -> str:
    """The first header of a name as it was written."""
    return str(message.get(name) or "")


def _unix_lines(data: bytes) -> bytes:
    """The message with one kind of line end and without a mailbox's `From ` line: so it came from anywhere."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or utf16_without_mark(data[:4000]):
        # Saved by an editor: its parts say what they were encoded in, and are not any more.
        data = decode(data).encode()
    data = data.replace(b"\r\n", b"\n").lstrip(b"\n")
    if data.startswith(b"From "):
        data = data.partition(b"\n")[2]
    return data
