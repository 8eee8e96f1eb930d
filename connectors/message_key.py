"""What a message is known by, in whatever kind of mailbox it lies: its Message-ID, else a digest of what it says."""

import hashlib
import re

MAX_MESSAGE = 512 * 1024 * 1024
"""A larger message is a failure, with its size as the reason."""

_HEAD = 65_536
_ID = re.compile(rb"^message-id:\s*(?:\(.*?\)\s*)?<?([^<>\s]+)>?", re.IGNORECASE | re.MULTILINE)
_SAME = re.compile(rb"^(?:from|date|subject):[^\n]*", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile("[%\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]|(?<=/)/|/$")


def message_id(plain: bytes) -> bytes:
    """The Message-ID in a message or its header, without angle brackets; empty where it has none."""
    found = _ID.search(plain[:_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0])
    return found[1] if found else b""


def message_key(known: bytes, same: bytes) -> str:
    """The key of a message: no space or control character in it, no slash at its end.

    :param known: its `message_id`.
    :param same: its `sameness`; not needed where it has an ID.
    """
    if not known:
        return f"sha256-{same.hex()}"
    return _UNSAFE.sub(_percent, known.decode("utf-8", "replace")[:400])


def told_apart(key: str, same: bytes) -> str:
    """The key of another message under the same Message-ID."""
    return f"{key}~{same.hex()}"


def sameness(plain: bytes) -> bytes:
    """What a message and its copy in another folder share, in 8 bytes: who, when, what about and the text."""
    head, _, body = plain.replace(b"\r\n", b"\n").partition(b"\n\n")
    said = b"\n".join(sorted(_SAME.findall(head)))
    return hashlib.sha256(said + b"\n\n" + body.strip()).digest()[:8]


def _percent(found: "re.Match[str]") -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
