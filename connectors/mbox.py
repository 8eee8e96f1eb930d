"""Where the messages of an mbox file begin, and their bytes (RFC 4155 and its older kin)."""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

# A blank line, the line of the envelope, and the first line of a header: a sentence that begins with `From` has no
# header after it.
# It begins with plain characters, which are searched for five times as fast as a look behind.
_BEGINS = re.compile(rb"\nFrom [^\r\n]*\r?\n(?=[!-9;-~]+:|>From )")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER = 1 << 16
_MULTIPART = re.compile(
    rb"^content-type:[ \t\n]{0,9}multipart/[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)
_BOUNDARY = re.compile(rb'boundary="?([^"\n;]+)', re.IGNORECASE)
_CHUNK = 1 << 20
_OVERLAP = 4096
"""Longer than the line of an envelope and the name of a header field."""


def spans(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Start and end of each message with its envelope line, read in pieces of a megabyte."""
    begun: int | None = None
    for start in _starts(file):
        if begun is not None:
            yield begun, start
        begun = start
    if begun is not None:
        yield begun, file.seek(0, io.SEEK_END)


def messages(data: bytes) -> Iterator[bytes]:
    """The messages of a mailbox, each as `message` gives it."""
    for start, end in spans(io.BytesIO(data)):
        yield message(data[start:end])


def message(raw: bytes) -> bytes:
    """A message as it was before it was put into the mailbox: without envelope line, mark of quotation and last blank line.

    ``>From`` loses one mark, as the variant mboxrd writes it.
    """
    body = raw.partition(b"\n")[2]
    if body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    elif body.endswith(b"\n\n"):
        body = body[:-1]
    return _QUOTED.sub(rb"\1", body) if b">From " in body else body


def looks_like(head: bytes) -> bool:
    """Whether a file that begins like this is a mailbox."""
    return _BEGINS.match(b"\n" + head.lstrip(b"\r\n")) is not None


def cut_off(last: bytes) -> bool:
    """Whether the last message of a mailbox seems to end before its end: the file is not whole."""
    if not last.endswith(b"\n"):
        return True
    head, _, body = last.replace(b"\r\n", b"\n").partition(b"\n\n")
    kind = _MULTIPART.search(head[:_HEADER])
    boundary = _BOUNDARY.search(kind[0]) if kind else None
    return boundary is not None and b"--" + boundary[1].strip() + b"--" not in body


def _starts(file: BinaryIO) -> Iterator[int]:
    """Offsets of the envelope lines; whoever takes them may read elsewhere in the file meanwhile."""
    buffer, base, position = b"\n\n", -2, 0
    while True:
        file.seek(base + len(buffer))
        piece = file.read(_CHUNK)
        buffer += piece
        for match in _BEGINS.finditer(buffer, position):
            if piece and match.end() > len(buffer) - _OVERLAP // 2:
                break  # its header may be cut: it is met again with the next piece
            if buffer.endswith((b"\n", b"\n\r"), max(0, match.start() - 2), match.start()):
                yield base + match.start() + 1
            position = match.end() - 1
        if not piece:
            return
        keep = max(position - 3, len(buffer) - _OVERLAP, 0)
        buffer, base, position = buffer[keep:], base + keep, max(0, position - keep)
