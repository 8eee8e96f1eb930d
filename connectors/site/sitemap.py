"""Sitemaps: which pages a site has, and when each changed last (https://www.sitemaps.org/protocol.html)."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

from lxml import etree

from connectors.http import Web
from memory.errors import NotFound, SourceError, SourceUnavailable

MOST_BYTES = 52_428_800
"""Of one sitemap, unpacked; the protocol allows no more."""
_MOST_MAPS = 10_000
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that a sitemap names.

    :param changed: when it changed last, as the site writes it; ``""`` where it does not say.
    """

    url: str
    changed: str = ""


@dataclass(slots=True)
class Sitemaps:
    """All sitemaps that a site names, and those that these name.

    :param found: whether there is any: one that could be read, or names pages at least.
    :param unread: why one could not be read to its end; ``""`` where all were.
    """

    web: Web
    found: bool = False
    unread: str = ""
    _seen: set[str] = field(default_factory=set)

    def entries(self, first: list[str]) -> Iterator[Entry]:
        """Every page that they name.

        :param first: addresses to begin with; where there are none, the usual one is tried.
        :raises SourceUnavailable: where the site does not answer.
        """
        guessed = not first
        waiting = list(reversed(first)) or ["/sitemap.xml"]
        while waiting:
            url = waiting.pop()
            if url in self._seen:
                continue
            self._seen.add(url)
            if len(self._seen) > _MOST_MAPS:
                self.unread = f"The site has more than {_MOST_MAPS:,} sitemaps."
                return
            try:
                data = self.web.ask("GET", url, max_bytes=MOST_BYTES).body
                inner: list[str] = []
                for entry in read_sitemap(data, inner):
                    self.found = True
                    yield entry
                self.found = True
                waiting += reversed(inner)
            except NotFound:
                if not guessed or self.found:
                    self.unread = f"The site names a sitemap that is not there: {url}."
            except SourceUnavailable:
                raise
            except SourceError as error:
                if not guessed or self.found:  # many a site answers anything with a page
                    self.unread = error.message


def read_sitemap(data: bytes, inner: list[str]) -> Iterator[Entry]:
    """The pages that a sitemap names, in XML or as lines of text, packed by gzip or not.

    :param inner: gets the sitemaps that it names.
    :raises SourceError: where it cannot be read to its end; what came before counts.
    """
    if data.startswith(_GZIP):
        data = _unpacked(data)
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = map(str.strip, data.decode("utf-8", "replace").splitlines())
        yield from (Entry(line) for line in lines if line.startswith(("http://", "https://")))
        return
    yield from _in_xml(data, inner)


def _in_xml(data: bytes, inner: list[str]) -> Iterator[Entry]:
    told: dict[str, str] = {}
    try:
        for _, element in etree.iterparse(
            BytesIO(data), events=("end",), resolve_entities=False, no_network=True, load_dtd=False
        ):
            name = etree.QName(element).localname if isinstance(element.tag, str) else ""
            if name in ("loc", "lastmod"):
                told.setdefault(name, (element.text or "").strip())
            elif name in ("url", "sitemap"):
                place, changed, told = told.get("loc", ""), told.get("lastmod", ""), {}
                if place and name == "url":
                    yield Entry(place, changed)
                elif place:
                    inner.append(place)
                _let_go(element)
    except etree.XMLSyntaxError as error:
        raise SourceError(
            f"A sitemap is no XML from line {error.lineno} on.", hint="The site's makers have to mend it."
        ) from error


def _let_go(element: etree._Element) -> None:
    """Free what was read, and what stands before it."""
    element.clear()
    above = element.getparent()
    while above is not None and element.getprevious() is not None:
        del above[0]


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj(31)
    try:
        found = unpacking.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise SourceError("A sitemap is packed, and cannot be unpacked.") from error
    if not unpacking.eof:
        raise SourceError("A sitemap breaks off, or is larger than 50 MB.")
    return found
