"""Asking Apache Tika for a file's XHTML and properties: native code in this process, or a Tika server."""

import re
from collections.abc import Mapping, Sequence

from memory.errors import ParseError

MAX_CHARACTERS = 50_000_000
"""A longer text is refused: never cut silently."""

ENCRYPTED = "encrypted: needs a password"

Answer = tuple[str, Mapping[str, Sequence[str]]]
"""XHTML and the properties under Tika's names."""

_LOST = "\N{REPLACEMENT CHARACTER}"


def ask(data: bytes, url: str, timeout_s: float) -> list[Answer]:
    """What Tika says of a file; a server says the same of what is attached to it, after it.

    :param url: a Tika server, ``""`` for the built-in Tika.
    :raises ParseError: where the file cannot be read or holds too much text.
    """
    answers = _from_server(data, url, timeout_s) if url else [_native(data)]
    if sum(len(xhtml) for xhtml, _ in answers) >= MAX_CHARACTERS:
        raise ParseError(f"more than {MAX_CHARACTERS // 1_000_000} million characters of text")
    return answers


def _native(data: bytes) -> Answer:
    import iscc_tika

    extractor = iscc_tika.Extractor().set_xml_output(True).set_extract_string_max_length(MAX_CHARACTERS)
    try:
        xhtml, known = extractor.extract_bytes_to_string(bytearray(data))
    except TypeError as error:  # iscc-tika's binding wraps Tika's errors in this one
        raise ParseError(_reason(str(error))) from error
    damaged = {name for name, said in known.items() if any(_LOST in value for value in said)}
    if (_LOST in xhtml or damaged) and (streamed := _streamed(data)):
        stated = _stated(streamed)
        return streamed, {**known, **{name: stated[name] for name in damaged if name in stated}}
    return xhtml, known


def _streamed(data: bytes) -> str:
    """The XHTML once more, as a stream.

    A string comes out of Java in its own form of UTF-8, in which a character beyond the basic plane (an
    emoji, a rarer Chinese name) cannot be read; the stream is true UTF-8, but tells less of errors and properties.
    """
    import iscc_tika

    try:
        stream, _ = iscc_tika.Extractor().set_xml_output(True).extract_bytes(bytearray(data))
        read = bytearray()
        while len(read) < 4 * MAX_CHARACTERS and (part := stream.read(1 << 20)):
            read += part
    except (OSError, TypeError):
        return ""
    return read.decode("utf-8", "replace")


def _stated(xhtml: str) -> dict[str, list[str]]:
    """The properties that stand in the head of a streamed XHTML."""
    from lxml import etree

    head = xhtml.partition("<body")[0]
    root = etree.fromstring(head.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8"))
    stated: dict[str, list[str]] = {}
    for node in root.iter("meta") if root is not None else ():
        if node.get("name") and node.get("content"):
            stated.setdefault(node.get("name"), []).append(node.get("content"))
    return stated


def _from_server(data: bytes, url: str, timeout_s: float) -> list[Answer]:
    import json

    import requests
    from tika import parser, tika  # type: ignore[import-untyped]

    tika.TikaClientOnly = True  # else the client downloads a jar and starts it
    try:
        status, body = parser.from_buffer(
            data,
            serverEndpoint=url,
            xmlContent=True,
            raw_response=True,
            requestOptions={"timeout": timeout_s},
        )
    except requests.RequestException as error:
        raise ParseError(f"the Tika server at {url} does not answer: {error}") from error
    if status != 200:
        raise ParseError(f"the Tika server refused it (status {status})")
    answers: list[Answer] = []
    for part in json.loads(body):
        xhtml = part.pop("X-TIKA:content", "") or ""
        answers.append(
            (xhtml, {key: said if isinstance(said, list) else [str(said)] for key, said in part.items()})
        )
    failed = (
        " ".join(answers[0][1].get("X-TIKA:EXCEPTION:container_exception", ())) if answers else "no answer"
    )
    if failed and "EncryptedDocumentException" not in failed and not answers[0][0].strip():
        raise ParseError(_reason(failed))
    return answers


def _reason(error: str) -> str:
    if "Encrypted" in error or "password" in error.lower():
        return ENCRYPTED
    if "zip bomb" in error.lower():
        return "it unpacks to far more than it holds (a zip bomb)"
    plain = re.sub(
        r"@[0-9a-f]+|^ParseError\(\"|\"\)$|Parse error occurred : |org\.apache\.[\w.]*\.(?=\w)", "", error
    )
    return f"broken file: {plain.splitlines()[0][:200]}" if plain.strip() else "broken file"
