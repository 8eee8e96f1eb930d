"""What the server calls the SIDs in its permissions: LsarLookupSids (MS-LSAT 3.1.4.9) over a named pipe (MS-RPCE)."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from connectors.share.descriptor import sid_bytes

_LSARPC = bytes.fromhex("785734123412cdabef000123456789ab") + struct.pack("<HH", 0, 0)
"""12345778-1234-abcd-ef00-0123456789ab, version 0.0"""
_NDR = bytes.fromhex("045d888aeb1cc9119fe808002b104860") + struct.pack("<HH", 2, 0)
"""8a885d04-1ceb-11c9-9fe8-08002b104860, version 2.0"""

_REQUEST, _RESPONSE, _BIND, _BIND_ACK = 0, 2, 11, 12
_CLOSE, _OPEN_POLICY2, _LOOKUP_SIDS = 0, 44, 15
_POLICY_LOOKUP_NAMES = 0x00000800
_SOME_NOT_MAPPED, _NONE_MAPPED = 0x00000107, 0xC0000073


class Use(IntEnum):
    """What a SID stands for (SID_NAME_USE, MS-LSAT 2.2.13), as far as it matters here."""

    USER = 1
    GROUP = 2
    ALIAS = 4
    WELL_KNOWN_GROUP = 5
    DELETED = 6
    UNKNOWN = 8
    COMPUTER = 9


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a SID means."""

    domain: str
    name: str
    use: int


class Lsa:
    """A conversation on the pipe ``lsarpc``.

    :param send, receive: write to the pipe, and read what is there.
    :raises ValueError: where the server answers something else.
    """

    def __init__(self, send: Callable[[bytes], object], receive: Callable[[], bytes]) -> None:
        self._send = send
        self._receive = receive
        self._calls = 0
        contexts = struct.pack("<B3xHBx", 1, 0, 1) + _LSARPC + _NDR
        self._write(_BIND, struct.pack("<HHI", 4280, 4280, 0) + contexts)
        if self._read()[0] != _BIND_ACK:
            raise ValueError("the server has no lsarpc")
        # No server name; no attributes (MS-LSAD 2.2.2.4).
        self._policy = self._call(
            _OPEN_POLICY2, struct.pack("<I6II", 0, 24, 0, 0, 0, 0, 0, _POLICY_LOOKUP_NAMES)
        )[:20]

    def names(self, sids: Sequence[str]) -> list[Account | None]:
        """Who each of the SIDs is; None where the server does not know."""
        body = self._policy + struct.pack("<II", len(sids), 0x20000) + struct.pack("<I", len(sids))
        body += b"".join(struct.pack("<I", 0x20004 + number) for number in range(len(sids)))
        for sid in sids:
            data = sid_bytes(sid)
            body += struct.pack("<I", data[1]) + data
        # No names yet, LsapLookupWksta: here, and where this server asks others, there.
        body += struct.pack("<IIHxxI", 0, 0, 1, 0)
        return _Answer(self._call(_LOOKUP_SIDS, body)).accounts(len(sids))

    def close(self) -> None:
        """Let go of the policy handle."""
        self._call(_CLOSE, self._policy)

    def _call(self, operation: int, body: bytes) -> bytes:
        self._write(_REQUEST, struct.pack("<IHH", len(body), 0, operation) + body)
        answer = b""
        last = False
        while not last:
            kind, last, data = self._read()
            if kind != _RESPONSE:
                raise ValueError(f"lsarpc refused operation {operation}")
            answer += data[8:]
        return answer

    def _write(self, kind: int, body: bytes) -> None:
        self._calls += 1
        head = struct.pack("<BBBB4sHHI", 5, 0, kind, 3, b"\x10\0\0\0", 16 + len(body), 0, self._calls)
        self._send(head + body)

    def _read(self) -> tuple[int, bool, bytes]:
        """Kind, whether it is the last part, and what is in it."""
        data = self._receive()
        while len(data) < 16 or len(data) < struct.unpack_from("<H", data, 8)[0]:
            more = self._receive()
            if not more:
                raise ValueError("lsarpc ended in the middle of an answer")
            data += more
        return data[2], bool(data[3] & 2), data[16:]


class _Answer:
    """Reads the answer of LsarLookupSids, which NDR writes: referenced domains, translated names, a count, a status."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def accounts(self, wanted: int) -> list[Account | None]:
        try:
            domains = self._domains()
            entries, pointer = self._take("II")
            names: list[tuple[int, ...]] = []
            if pointer:
                (count,) = self._take("I")
                names = [self._take("HxxHHIi") for _ in range(count)]
            found: list[Account | None] = []
            for use, _, _, text, domain in names:
                name = self._text() if text else ""
                known = use not in (Use.DELETED, Use.UNKNOWN, 7) and name
                found.append(
                    Account(domains[domain] if 0 <= domain < len(domains) else "", name, use)
                    if known
                    else None
                )
        except (struct.error, UnicodeDecodeError) as error:
            raise ValueError("a broken answer of lsarpc") from error
        if not names:
            return [None] * wanted
        if len(found) != wanted or entries != wanted:
            raise ValueError("lsarpc answered for other SIDs")
        return found

    def _domains(self) -> list[str]:
        (pointer,) = self._take("I")
        if not pointer:
            return []
        count, listed, _ = self._take("III")
        if not listed:
            return []
        heads = [self._take("HHII") for _ in range(self._take("I")[0])]
        names = []
        for _, _, text, sid in heads[:count]:
            names.append(self._text() if text else "")
            if sid:
                (parts,) = self._take("I")
                self._at += 8 + 4 * parts
        return names

    def _text(self) -> str:
        _, _, count = self._take("III")
        found = self._data[self._at : self._at + 2 * count].decode("utf-16-le")
        self._at += 2 * count
        return found.rstrip("\0")

    def _take(self, form: str) -> tuple[int, ...]:
        self._at += -self._at % 4
        found = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return found
