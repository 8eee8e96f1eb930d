"""Mail of our own making, laid down in each of the ways mail is kept."""

import mailbox
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

JANE, BO, EVE = "Jane Doe <jane@x.example>", "Bo Madsen <bo@x.example>", "Eve Blanc <eve@x.example>"
_FIRST = datetime(2025, 3, 3, 9, 30, tzinfo=UTC)


def message(
    identity: str,
    sender: str,
    to: str,
    subject: str,
    text: str,
    *,
    answers: Iterable[str] = (),
    day: float = 0,
    files: Mapping[str, bytes] | None = None,
) -> EmailMessage:
    """A message as a client writes it.

    :param answers: the messages it refers to, the first of the conversation first.
    :param day: days after the first of all.
    :param files: what is attached, by name.
    """
    made = EmailMessage()
    made["Message-ID"] = f"<{identity}>"
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = format_datetime(_FIRST + timedelta(days=day))
    if references := [f"<{each}>" for each in answers]:
        made["In-Reply-To"], made["References"] = references[-1], " ".join(references)
    made.set_content(text)
    for name, data in (files or {}).items():
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return made


def as_files(folder: Path, messages: Iterable[EmailMessage | bytes]) -> Path:
    """A folder of message files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(messages):
        (folder / f"{number:03}.eml").write_bytes(bytes(each))
    return folder


def as_mbox(path: Path, messages: Iterable[EmailMessage | bytes]) -> Path:
    """An mbox file; more messages are added to one that is there."""
    box = mailbox.mbox(path)
    for each in messages:
        box.add(bytes(each))
    box.close()
    return path


def as_maildir(folder: Path, messages: Iterable[EmailMessage | bytes]) -> Path:
    """A Maildir."""
    box = mailbox.Maildir(folder)
    for each in messages:
        box.add(bytes(each))
    box.close()
    return folder
