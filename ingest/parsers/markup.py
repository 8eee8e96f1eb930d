"""HTML, Markdown and tables of values, read without Tika: their own mark-up says more than its XHTML."""

import csv
import io
import re
from typing import Any

from ingest.parsers import properties
from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.parsers.decode import decode
from ingest.parsers.front import Front, yaml_front
from ingest.parsers.people import bylines, distinct
from ingest.parsers.plain import NO_TEXT, built
from ingest.parsers.tables import labelled_text
from ingest.parsers.typed import body_of, clean, elements_of
from memory.errors import ParseError

_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Where pages say it, under the names Tika gives the same properties.
_META = {
    "dc:creator": (
        "author",
        "article:author",
        "dc.creator",
        "dcterms.creator",
        "citation_author",
        "parsely-author",
        "dc:creator",
    ),
    "dcterms:created": (
        "article:published_time",
        "dc.date",
        "dcterms.created",
        "dcterms.date",
        "date",
        "pubdate",
        "citation_date",
    ),
    "dcterms:modified": (
        "article:modified_time",
        "dcterms.modified",
        "last-modified",
        "og:updated_time",
        "revised",
    ),
    "dc:title": ("dc.title", "dcterms.title", "og:title", "citation_title"),
}
_PROPERTY = {name: key for key, names in _META.items() for name in names}
_DELIMITERS = ",;\t|"


class HtmlParser:
    """Reads HTML pages; navigation, scripts and styles are left out."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes.

        :raises ParseError: where the mark-up cannot be read.
        """
        declared = _DECLARED.search(data[:4096])
        body = body_of(decode(data, declared[1].decode("ascii", "replace") if declared else ""))
        root = body.getroottree().getroot()
        known = _stated(data, declared[1].decode("ascii", "replace") if declared else "")
        elements = list(elements_of(body))
        created, modified = properties.dates(known)
        top = [element.text for element in elements[:60] if element.kind is not ElementKind.TABLE]
        language = (root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")[
            :2
        ].lower()
        return Parsed(
            media_type=media_type,
            title=properties.title(known, elements, name),
            elements=tuple(elements),
            language=language if len(language) == 2 and language.isalpha() else "",
            created=created,
            modified=modified,
            contributions=distinct([*properties.people(known), *bylines(top)]),
            empty_reason="" if elements else NO_TEXT,
        )


class MarkdownParser:
    """Reads Markdown (CommonMark with tables) and its YAML front matter."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes."""
        from markdown_it import MarkdownIt

        front, body = yaml_front(decode(data))
        html = MarkdownIt("commonmark").enable("table").render(body)
        elements = list(elements_of(body_of(f"<html><body>{html}</body></html>"))) if html.strip() else []
        return built(name, media_type, elements, front, body)


class DelimitedParser:
    """Reads CSV and TSV: each row with the names of its columns, so that it makes sense alone."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes.

        :raises ParseError: where they are no table of values.
        """
        text = decode(data)
        csv.field_size_limit(len(text) + 1)
        try:
            rows = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text, media_type)))
        except csv.Error as error:
            raise ParseError(f"not readable as a table: {error}") from error
        written = clean(labelled_text([[" ".join(cell.split()) for cell in row] for row in rows]))
        elements = [Element(ElementKind.TABLE, written)] if written else []
        return built(name, media_type, elements, Front())


def _delimiter(text: str, media_type: str) -> str:
    if media_type == "text/tab-separated-values":
        return "\t"
    lines = [line for line in text[:20_000].splitlines()[:20] if line.strip()]
    # The one that stands equally often in most lines, and often.
    return max(_DELIMITERS, key=lambda mark: (_regular([line.count(mark) for line in lines]), mark == ","))


def _regular(counts: list[int]) -> float:
    used = [count for count in counts if count]
    if not used:
        return 0
    usual = max(set(used), key=used.count)
    return used.count(usual) / len(counts) + min(usual, 20) / 100


def _stated(data: bytes, declared: str) -> dict[str, list[str]]:
    """Title and meta fields; a tree of its own, for `body_of` takes them out."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)
    head = decode(data[:200_000], declared)
    root: Any = etree.fromstring(head.encode("utf-8", "replace"), parser) if head.strip() else None
    known: dict[str, list[str]] = {}
    if root is None:
        return known
    for title in root.iter("title"):
        known.setdefault("dc:title", []).append("".join(title.itertext()))
        break
    for meta in root.iter("meta"):
        field = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").lower()
        content = (meta.get("content") or "").strip()
        if content and (key := _PROPERTY.get(field)):
            known.setdefault(key, []).append(content)
    return known
