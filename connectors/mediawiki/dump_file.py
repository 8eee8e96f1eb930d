"""An XML dump of MediaWiki (export format 0.3 to 0.11), read from its beginning to its end without ever being held.

The format: https://www.mediawiki.org/wiki/Help:Export#Export_format. What is no part of it is passed over. A document type, and with it
any entity, is refused: MediaWiki writes none.
"""

import bz2
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Self
from urllib.parse import quote
from xml.parsers import expat

from connectors.base import OUT_OF_REACH
from connectors.mediawiki.history import History, Written
from connectors.mediawiki.shapes import General, Namespace, Site
from memory.errors import SourceError

PIECE = 1 << 18
TEXT_CHARS = 20_000_000
"""No text is longer: MediaWiki's own bound is 2 MB unless its settings say otherwise."""
_FIELD_CHARS = 10_000
"""No title, name or moment is longer."""
_SAFE = ";@$!*(),/~:"
"""What MediaWiki leaves as it is in an address (`wfUrlencode`)."""
_NO_DUMP = "Give a file that MediaWiki's dumpBackup.php or its page Special:Export wrote."

_DEPTH = 20
_PAGE = ("mediawiki", "page")
_REVISION = (*_PAGE, "revision")
_TEXT = (*_REVISION, "text")
_LONG = (*_TEXT, "long")
"""No element: where it is noted that a text is too long."""
_NAMESPACE = ("mediawiki", "siteinfo", "namespaces", "namespace")
_OF_REVISION = (
    *((*_REVISION, name) for name in ("id", "timestamp", "model", "sha1")),
    *((*_REVISION, "contributor", name) for name in ("username", "ip", "id")),
)
_FIELDS = frozenset(
    {
        _NAMESPACE,
        *(("mediawiki", "siteinfo", name) for name in ("sitename", "generator", "base")),
        *((*_PAGE, name) for name in ("title", "ns", "id")),
        *_OF_REVISION,
    }
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a dump says of its wiki.

    :param base: the address of its main page.
    """

    site: Site
    base: str

    def address(self, title: str) -> str:
        """Where a page is shown; ``""`` where the dump does not say where its wiki is."""
        if not self.base.startswith(("https://", "http://")):
            return ""
        name = quote(title.replace(" ", "_"), safe=_SAFE)
        before, sign, _ = self.base.rpartition("title=")
        return f"{before}{sign}{name}" if sign else f"{self.base.rpartition('/')[0]}/{name}"


@dataclass(frozen=True, slots=True)
class Dumped:
    """A page as a dump has it.

    :param lastrevid: the number of its newest version.
    :param model: what its text is written in, ``wikitext`` most often.
    :param too_long: more than is read; then there is no text.
    """

    pageid: int
    ns: int
    title: str
    redirect: bool
    lastrevid: int
    model: str
    text: str
    too_long: bool
    history: Written
    url: str


class DumpFile:
    """An open dump.

    :raises SourceError: where it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._file = _opened(path)
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read: {error.strerror or error}.", hint=OUT_OF_REACH
            ) from error
        self._reader = _Reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def header(self) -> Header:
        """What the dump says of its wiki: read first.

        :raises SourceError: where it is no dump.
        """
        while self._reader.header is None:
            if self._reader.begun or not self._feed():
                raise SourceError(f"{self._name} is no dump of a MediaWiki.", hint=_NO_DUMP)
        return self._reader.header

    def pages(self, source: str) -> Iterator[Dumped]:
        """Every page in the order of the file.

        :param source: its name, for account ids.
        :raises SourceError: where the file is broken or breaks off.
        """
        self._reader.source = source
        while True:
            yield from self._reader.taken()
            if not self._feed():
                return

    def _feed(self) -> bool:
        """Read on; False at the end."""
        if self._reader.ended:
            return False
        try:
            piece = self._file.read(PIECE)
            self._reader.feed(piece)
        except expat.ExpatError as error:
            raise SourceError(
                f"{self._name} is broken or breaks off, in line {error.lineno:,}: {expat.ErrorString(error.code)}.",
                hint=_NO_DUMP,
            ) from error
        except (OSError, EOFError, zlib.error, ValueError, LookupError) as error:
            raise SourceError(f"{self._name} is broken or breaks off: {error}.", hint=_NO_DUMP) from error
        return True


@dataclass(slots=True)
class _Version:
    """The newest version of a page that was met."""

    at: datetime
    number: int
    model: str
    text: str
    too_long: bool


@dataclass(slots=True)
class _Reader:
    """What expat calls: keeps the fields of the page it is in, and the text of its newest version."""

    source: str = ""
    header: Header | None = None
    begun: bool = False
    """Whether a page has begun."""
    ended: bool = False
    _path: tuple[str, ...] = ()
    _fields: dict[tuple[str, ...], str] = field(default_factory=dict)
    _pieces: list[str] = field(default_factory=list)
    _size: int = 0
    _too_long: bool = False
    _spaces: dict[str, Namespace] = field(default_factory=dict)
    _space: str = ""
    _redirect: bool = False
    _sha1: str = ""
    _newest: _Version | None = None
    _history: History | None = None
    _found: list[Dumped] = field(default_factory=list)
    _parser: expat.XMLParserType = field(default_factory=expat.ParserCreate)

    def __post_init__(self) -> None:
        self._parser.buffer_text = True
        self._parser.buffer_size = 1 << 16
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = _refuse

    def feed(self, piece: bytes) -> None:
        """Take in some more; an empty piece is the end.

        :raises expat.ExpatError: where it is no XML.
        :raises SourceError: where it is none that MediaWiki writes.
        """
        self._parser.Parse(piece, not piece)
        self.ended = not piece

    def taken(self) -> list[Dumped]:
        """The pages that are complete since this was asked last."""
        found, self._found = self._found, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path = (*self._path, name)
        if len(path) > _DEPTH or (len(path) == 1 and name != "mediawiki"):
            raise SourceError("This is no dump of a MediaWiki.", hint=_NO_DUMP)
        self._pieces, self._size, self._too_long = [], 0, False
        if path == _PAGE:
            self.begun, self._redirect, self._newest = True, False, None
            self._history = History(self.source)
        elif path == (*_PAGE, "redirect"):
            self._redirect = True
        elif path == _NAMESPACE:
            self._space = attributes.get("key", "")
        elif path == _TEXT:
            self._sha1 = attributes.get("sha1", "")

    def _characters(self, text: str) -> None:
        if self._path == _TEXT:
            self._size += len(text)
            self._too_long = self._too_long or self._size > TEXT_CHARS
            if self._too_long:
                self._pieces = []
                return
        elif self._path not in _FIELDS:
            return
        elif sum(map(len, self._pieces)) > _FIELD_CHARS:
            raise SourceError(f"The dump has a {self._path[-1]} that is too long to be one.", hint=_NO_DUMP)
        self._pieces.append(text)

    def _end(self, _name: str) -> None:
        path = self._path
        if path in _FIELDS:
            self._fields[path] = "".join(self._pieces).strip()
        if path == _NAMESPACE:
            self._end_namespace()
        elif path == ("mediawiki", "siteinfo"):
            self._end_header()
        elif path == _TEXT:
            self._fields[_TEXT] = "".join(self._pieces)
            self._fields[_LONG] = "yes" if self._too_long else ""
        elif path == _REVISION:
            self._end_revision()
        elif path == _PAGE:
            self._end_page()
        self._path = path[:-1]

    def _end_namespace(self) -> None:
        number = _number(self._space)
        if number is not None:
            name = self._fields.pop(_NAMESPACE, "")
            self._spaces[str(number)] = Namespace(id=number, name=name, canonical=name)

    def _end_header(self) -> None:
        said = {path[-1]: self._fields.pop(path, "") for path in _FIELDS if path[1:-1] == ("siteinfo",)}
        general = General(sitename=said["sitename"], generator=said["generator"], time=datetime.now(UTC))
        self.header = Header(Site(general=general, namespaces=self._spaces), said["base"])

    def _end_revision(self) -> None:
        said = {path[2:]: self._fields.pop(path, "") for path in (*_OF_REVISION, _TEXT, _LONG)}
        at, number = _moment(said["revision", "timestamp"]), _number(said["revision", "id"]) or 0
        if at is None or self._history is None:
            return
        user = said["revision", "contributor", "username"] or said["revision", "contributor", "ip"]
        account = _number(said["revision", "contributor", "id"]) or 0
        sha1 = said["revision", "sha1"] or self._sha1 or None
        self._history.add(at, user, account, sha1)
        if self._newest is None or (at, number) >= (self._newest.at, self._newest.number):
            model, too_long = said["revision", "model"] or "wikitext", bool(said["revision", "text", "long"])
            self._newest = _Version(at, number, model, said["revision", "text"], too_long)

    def _end_page(self) -> None:
        title, space, number = (self._fields.pop((*_PAGE, name), "") for name in ("title", "ns", "id"))
        newest, history = self._newest, self._history
        self._newest = self._history = None
        if not title or not _number(number) or history is None or self.header is None:
            raise SourceError(
                f"The dump has a page without a number or a title: {title or number}.", hint=_NO_DUMP
            )
        self._found.append(
            Dumped(
                pageid=_number(number) or 0,
                ns=_number(space) or 0,
                title=title,
                redirect=self._redirect,
                lastrevid=newest.number if newest else 0,
                model=newest.model if newest else "wikitext",
                text=newest.text if newest else "",
                too_long=newest is not None and newest.too_long,
                history=history.written(),
                url=self.header.address(title),
            )
        )


def _opened(path: Path) -> bz2.BZ2File | gzip.GzipFile | BufferedReader:
    """The file, unpacked as it is read."""
    with path.open("rb") as file:
        head = file.read(3)
    if head == b"BZh":
        return bz2.open(path)
    return gzip.open(path) if head[:2] == b"\x1f\x8b" else path.open("rb")


def _refuse(*_: object) -> None:
    raise SourceError("The dump declares a document type, which no MediaWiki writes.", hint=_NO_DUMP)


def _number(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 19 else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
