"""A mailbox in one file (mbox): each message is a document attached to it."""

import re

from connectors.mbox import messages
from ingest.parsers.base import Attachment, Parsed
from ingest.parsers.mail import RFC822
from ingest.parsers.plain import TextParser

_ID = re.compile(rb"^message-id:\s*<?([^<>\s]+)", re.IGNORECASE | re.MULTILINE)
EMPTY = "its messages are documents of their own"


class MboxParser:
    """Divides a mailbox that lies among other files. A large one is better added as a source of kind ``mailbox``."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Divide the bytes."""
        found = [Attachment(_name(each), each, RFC822) for each in messages(data)]
        if not found:
            # No message in it has a header: what it says is all there is.
            return TextParser(code=False).parse(data, name=name, media_type=media_type)
        return Parsed(media_type, title=name, attachments=tuple(found), empty_reason=EMPTY)


def _name(message: bytes) -> str:
    """By its Message-ID: it has no place that would last."""
    found = _ID.search(message.replace(b"\r\n", b"\n").partition(b"\n\n")[0])
    return f"{found[1].decode('utf-8', 'replace')[:100] if found else 'message'}.eml"
