"""Names and addresses in the header of a message: RFC 5322 addresses with RFC 2047 names, and what clients make of them."""

import re
from collections.abc import Iterable, Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import getaddresses

from ingest.parsers.decode import decode
from memory.domain import Identity

MAX_PEOPLE = 500
"""People taken from one header: a longer list is a list server's, not somebody's choice."""

_ENCODED = re.compile(r"=\?[^?\s]+\?[bq]\?[^?]*\?=", re.IGNORECASE)
_BROKEN_WORD = re.compile(r"(=\?[^?\s]+\?q\?)([^?]*)(\?=)", re.IGNORECASE)
_OBSCURED = r"(?P<local>[^\s@<>(),;]+) at (?P<domain>[\w-]+(?:\.[\w-]+)+)"
_ARCHIVED = re.compile(rf"^\s*{_OBSCURED}\s*(?P<name>\(.*\))\s*$", re.DOTALL)
_NAMELESS = re.compile(rf"\(\s*{_OBSCURED}\s*\)")
_ADDRESS = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_GROUP = re.compile(r"^[^:<@\"]+:\s*;?\s*$")


def header_text(raw: str) -> str:
    """A header's value as people read it: unfolded, encoded words decoded, 8-bit bytes as the text they are.

    Two encoded words side by side are one text, whatever blank or fold stands between them (RFC 2047, 6.2).
    """
    plain = " ".join(_bytes_as_text(raw).split())
    if "=?" not in plain:
        return plain
    # A blank inside a Q word is not allowed, and some write it.
    plain = _BROKEN_WORD.sub(lambda word: word[1] + word[2].replace(" ", "_") + word[3], plain)
    try:
        parts = decode_header(plain)
    except HeaderParseError:
        return plain
    said = (part if isinstance(part, str) else _decoded(part, charset) for part, charset in parts)
    return " ".join("".join(said).split())


def identities(raw: str) -> list[Identity]:
    """The people in an address header, each once.

    Splitting comes before decoding: a comma inside an encoded name divides nothing.
    """
    found: dict[tuple[str, str], Identity] = {}
    for name, address in _pairs(raw):
        if len(found) >= MAX_PEOPLE:
            break
        identity = _identity(name, address)
        if identity is not None:
            found.setdefault((identity.address or identity.name, ""), identity)
    return list(found.values())


def _pairs(raw: str) -> Iterable[tuple[str, str]]:
    plain = " ".join(_bytes_as_text(raw).split())
    if archived := _ARCHIVED.match(plain):
        # Pipermail writes `jane at x.example (Jane Doe)` against those who gather addresses, and repeats the address
        # where there is no name. Without the brackets it is a name: `Desk at x.example <desk@x.example>`.
        name = "" if _NAMELESS.fullmatch(archived["name"]) else archived["name"]
        plain = f"{archived['local']}@{archived['domain']} {name}"
    if "@" not in plain and not _ENCODED.search(plain):
        return [("", plain)]
    pairs = getaddresses([plain])
    if len(pairs) == 1 and not _ADDRESS.search(pairs[0][1]) and (loose := list(_loose(plain))):
        return loose
    return pairs


def _loose(plain: str) -> Iterator[tuple[str, str]]:
    """Addresses picked out of a header that follows no rule, each with what stands before it as its name."""
    start = 0
    for match in _ADDRESS.finditer(plain):
        yield plain[start : match.start()].strip(" ,;<>\"'"), match[0]
        start = match.end()


def _identity(name: str, address: str) -> Identity | None:
    name = header_text(name).strip(" '\"<>,;")
    address = header_text(address) if _ENCODED.search(address) else address
    address = address.strip(" '\"<>")
    if "@" not in address:
        # `From: Jane Doe`: what cannot be an address is a name.
        name, address = name or ("" if _GROUP.match(address) else address), ""
    address = address.lower()
    if address and name.strip("'\" <>").lower() == address:
        name = ""
    return Identity(name=name[:200], address=address[:320]) if name or address else None


def _decoded(part: bytes, charset: str | None) -> str:
    if charset is None:
        return _bytes_as_text(part.decode("ascii", "surrogateescape"))
    try:
        return part.decode(
            charset.partition("*")[0], "replace"
        )  # RFC 2231 lets a language follow the charset
    except (LookupError, UnicodeError):
        return decode(part)


def _bytes_as_text(text: str) -> str:
    """Bytes above 127, which the email package hands on as surrogates, as UTF-8 or what comes nearest."""
    if text.isascii():
        return text
    try:
        return decode(text.encode("ascii", "surrogateescape"))
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
