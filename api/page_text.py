"""Text of the pages: what stands in a document, written for people as safe HTML or plain."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

Json = Mapping[str, Any]
"""A JSON object, as the search and the catalogue hand it out."""
Spans = Sequence[Sequence[int]]
"""Stretches of a text as ``[start, end]``, in characters."""

_EXCERPT = 380


def merged(spans: Spans, length: int) -> list[tuple[int, int]]:
    """The spans in order, cut to ``0..length``, overlapping ones joined and empty ones left out."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted((max(0, int(span[0])), min(length, int(span[1]))) for span in spans):
        if high <= low:
            continue
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def marked(text: str, spans: Spans, start: int = 0, end: int | None = None) -> Markup:
    """``text[start:end]`` as safe HTML with the spans, which are offsets into `text`, in ``<mark>``."""
    end = len(text) if end is None else end
    pieces, cursor = [], start
    for low, high in merged([(max(start, int(span[0])), span[1]) for span in spans], end):
        pieces += [escape(text[cursor:low]), Markup("<mark>{}</mark>").format(text[low:high])]
        cursor = high
    return Markup("").join([*pieces, escape(text[cursor:end])])


def excerpt(text: str, spans: Spans, length: int = _EXCERPT) -> Markup:
    """The stretch of `text` that holds most highlights, cut between words, as safe HTML."""
    if len(text) <= length:
        return marked(text, spans)
    hits = merged(spans, len(text))
    starts = [max(0, low - length // 5) for low, _ in hits] or [0]
    start = max(starts, key=lambda at: (sum(at <= low and high <= at + length for low, high in hits), -at))
    start = min(start, len(text) - length)
    end = start + length
    if start and (blank := text.find(" ", start, start + 24)) >= 0:
        start = blank + 1
    if end < len(text) and (blank := text.rfind(" ", end - 24, end)) > start:
        end = blank
    lead, trail = "… " if start else "", " …" if end < len(text) else ""
    return Markup("{}{}{}").format(lead, marked(text, spans, start, end), trail)


def type_name(kind: str) -> str:
    """A file type as people write it: short ones are abbreviations."""
    return kind.upper() if len(kind) <= 4 else kind.capitalize()


def web_link(url: str | None) -> str:
    """`url` where a browser may follow it: http and https only, otherwise ``""``."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return ""
    return (url or "") if parts.scheme in {"http", "https"} and parts.netloc else ""
