"""XML dumps as MediaWiki writes them, of pages of our own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from html import escape

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo>
    <sitename>Test wiki</sitename>
    <dbname>wiki</dbname>
    <base>https://wiki.x.example/wiki/Main_Page</base>
    <generator>MediaWiki 1.39.17</generator>
    <case>case-sensitive</case>
    <namespaces>
      <namespace key="-1" case="first-letter">Special</namespace>
      <namespace key="0" case="case-sensitive" />
      <namespace key="1" case="case-sensitive">Talk</namespace>
      <namespace key="4" case="case-sensitive">Project</namespace>
      <namespace key="10" case="case-sensitive">Template</namespace>
    </namespaces>
  </siteinfo>
"""
TAIL = "</mediawiki>\n"


@dataclass(frozen=True, slots=True)
class Paged:
    """A page to be written.

    :param versions: writer and text of each, oldest first; ``""`` is a hidden writer.
    :param number: of its first version; the next ones follow.
    """

    id: int
    title: str
    versions: tuple[tuple[str, str], ...]
    number: int
    ns: int = 0
    model: str = "wikitext"
    redirect: bool = False


def page(of: Paged) -> str:
    """A page as XML."""
    redirect = '    <redirect title="Elsewhere" />\n' if of.redirect else ""
    versions = "".join(_version(of, at, *each) for at, each in enumerate(of.versions))
    return (
        f"  <page>\n    <title>{escape(of.title)}</title>\n    <ns>{of.ns}</ns>\n    <id>{of.id}</id>\n"
        f"{redirect}{versions}  </page>\n"
    )


def dump(pages: Iterable[Paged]) -> Iterator[str]:
    """A whole dump, piece by piece."""
    yield HEAD
    yield from map(page, pages)
    yield TAIL


def _version(of: Paged, at: int, writer: str, text: str) -> str:
    number = of.number + at
    when = f"{BEGAN + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}"
    if not writer:
        who = '<contributor deleted="deleted" />'
    elif writer[0].isdigit():
        who = f"<contributor><ip>{writer}</ip></contributor>"
    else:
        who = f"<contributor><username>{escape(writer)}</username><id>{sum(map(ord, writer))}</id></contributor>"
    size, digest = len(text.encode()), sha1(text.encode(), usedforsecurity=False).hexdigest()
    return (
        f"    <revision>\n      <id>{number}</id>\n      <timestamp>{when}</timestamp>\n      {who}\n"
        f"      <model>{of.model}</model>\n      <format>text/x-wiki</format>\n"
        f'      <text bytes="{size}" sha1="{digest}" xml:space="preserve">{escape(text)}</text>\n'
        f"      <sha1>{digest}</sha1>\n    </revision>\n"
    )
