"""How a limited process answers: a JSON object and, where there is more, bytes."""

import json
import re
import socket
import struct
from collections.abc import Mapping
from typing import Any

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""Behind an even number of backslashes: an odd one is part of a text about it."""

LENGTHS = struct.Struct("!IQ")
"""Before each answer: how long its JSON and its bytes are."""

MAX_HEAD = 16 << 20
"""Bytes of that JSON: a page of a hundred thousand editors has as much."""


class TooLong(ValueError):
    """More is said than is taken."""


def tell(connection: socket.socket, told: Mapping[str, Any], raw: bytes = b"") -> None:
    """Answer.

    :raises TooLong: where that is too much; then nothing was said.
    """
    head = packed(told)
    if len(head) > MAX_HEAD:
        raise TooLong
    connection.sendall(LENGTHS.pack(len(head), len(raw)) + head)
    if raw:
        connection.sendall(raw)


def packed(told: Any) -> bytes:
    """As JSON; NUL and half characters, which no database keeps, are replaced."""
    said = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return _NUL.sub(rb"\1\\ufffd", said) if b"\\u0000" in said else said
