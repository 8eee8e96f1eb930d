"""Bytes of a text file as text."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SHORT = 300  # too little for statistics: Western Europe's code page is the better guess
_SAMPLE = 100_000


def decode(data: bytes, declared: str = "") -> str:
    """The text of the bytes, lines ended by ``\\n``; what no encoding explains becomes U+FFFD.

    :param declared: the encoding the file names itself, tried after UTF-8: a wrong one is common.
    """
    return _decoded(data, declared).replace("\r\n", "\n").replace("\r", "\n")


def utf16_without_mark(head: bytes) -> str:
    """The name of the UTF-16 a text is in that has no byte order mark, ``""`` where it is no such text."""
    sample = head[: len(head) // 2 * 2][:4000]
    if len(sample) < 8:
        return ""
    even, odd = sample[0::2].count(0) / (len(sample) / 2), sample[1::2].count(0) / (len(sample) / 2)
    if odd > 0.5 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.5 and odd < 0.05 else ""


def _decoded(data: bytes, declared: str) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if encoding := utf16_without_mark(data):
        return data.decode(encoding, "replace")
    for encoding in ("utf-8", declared):
        if encoding:
            try:
                return data.decode(encoding)
            except (UnicodeDecodeError, LookupError):
                continue
    return data.decode(_guessed(data), "replace")


def _guessed(data: bytes) -> str:
    if len(data) < _SHORT:
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE]).best()
    return best.encoding if best is not None else "cp1252"
