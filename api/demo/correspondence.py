"""The demo company's mail: conversations as they are written down in ``mail/``, made into messages.

A file is one conversation: its language and subject, then its messages, each with headers and a body and divided by
``====``. A message answers the one before it and quotes it, as mail programs do, unless it says ``quotes: no``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from api.demo.words import day

MAIL = Path(__file__).parent / "mail"
DOMAIN = "skagerlys.example"

_WROTE = {
    "en": "On {day} at {hour}, {name} wrote:",
    "de": "Am {day} um {hour} schrieb {name}:",
    "fr": "Le {day} à {hour}, {name} a écrit :",
    "da": "Den {day} kl. {hour} skrev {name}:",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A message before it is written as one.

    :param folder: where it is kept: ``open``, ``legal`` or ``finance``.
    :param body: the writer's own words with their signature.
    :param before: the messages of the conversation up to it, oldest first.
    :param attach: names of what is attached, as in ``attachments/``.
    """

    id: str
    folder: str
    language: str
    subject: str
    sender: str
    to: str
    cc: str
    at: datetime
    body: str
    quotes: bool
    attach: tuple[str, ...]
    before: tuple["Mail", ...] = field(repr=False)

    @property
    def message_id(self) -> str:
        """Its Message-ID without angle brackets."""
        return f"{self.id}@{DOMAIN}"

    @property
    def written(self) -> str:
        """The body as it was sent: own words, then what is quoted."""
        if not (self.quotes and self.before):
            return self.body + "\n"
        last = self.before[-1]
        name = last.sender.partition("<")[0].strip(' "')
        said = _WROTE[self.language].format(
            day=day(last.at, self.language), hour=f"{last.at:%H:%M}", name=name
        )
        quoted = "\n".join(f"> {line}".rstrip() for line in last.body.split("\n"))
        return f"{self.body}\n\n{said}\n{quoted}\n"


def read_mail() -> tuple[Mail, ...]:
    """Every message, conversation by conversation, oldest first in each."""
    return tuple(mail for path in sorted(MAIL.rglob("*.txt")) for mail in _conversation(path))


def message(mail: Mail, files: dict[str, tuple[str, bytes]]) -> bytes:
    """A message as it travels; the same bytes every time.

    :param files: name and bytes of what may be attached, by its name in ``attachments/``.
    """
    made = EmailMessage(policy=SMTP)
    made["Message-ID"] = f"<{mail.message_id}>"
    made["Date"] = format_datetime(mail.at)
    made["From"], made["To"] = mail.sender, mail.to
    if mail.cc:
        made["Cc"] = mail.cc
    made["Subject"] = mail.subject
    if mail.before:
        made["In-Reply-To"] = f"<{mail.before[-1].message_id}>"
        made["References"] = " ".join(f"<{each.message_id}>" for each in mail.before)
    made.set_content(mail.written, cte="quoted-printable")
    for name in mail.attach:
        file, data = files[name]
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=file)
    if made.is_multipart():
        made.set_boundary(f"=={mail.id}==")
    return made.as_bytes()


def mailbox(messages: list[tuple[datetime, bytes]]) -> bytes:
    """An mbox file (RFC 4155), its messages in the order of their times."""
    written = []
    for at, data in sorted(messages):
        text = re.sub(rb"(?m)^(>*From )", rb">\1", data.replace(b"\r\n", b"\n"))
        written.append(f"From office {at:%a %b %d %H:%M:%S %Y}\n".encode() + text.rstrip(b"\n") + b"\n\n")
    return b"".join(written)


def _conversation(path: Path) -> Iterator[Mail]:
    head, _, rest = path.read_text(encoding="utf-8").partition("\n\n")
    facts = _headers(head)
    before: list[Mail] = []
    for part in rest.split("\n====\n"):
        top, _, body = part.strip("\n").partition("\n\n")
        known = _headers(top)
        prefix = ("AW: " if facts["language"] == "de" else "Re: ") if before else ""
        mail = Mail(
            id=known["id"],
            folder=path.parent.name,
            language=facts["language"],
            subject=prefix + facts["subject"],
            sender=known["from"],
            to=known["to"],
            cc=known.get("cc", ""),
            at=datetime.fromisoformat(known["date"]),
            body=body.strip("\n"),
            quotes=known.get("quotes") != "no",
            attach=tuple(known.get("attach", "").split()),
            before=tuple(before),
        )
        before.append(mail)
        yield mail


def _headers(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.split("\n"))}
