"""A folder on a web server, by WebDAV (RFC 4918)."""

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from lxml import etree
from pydantic import SecretStr

from connectors.base import SourceConfig
from connectors.http import Answer, Web
from connectors.http_errors import AnswerTooLarge, Refused, ServerFault
from connectors.http_settings import OPTIONS, basic, bearer, web_of
from connectors.share.tree import Entry, Kind
from memory.domain import Access
from memory.errors import InvalidInput, NotFound, SourceError

_D = "{DAV:}"
_OC = "{http://owncloud.org/ns}"
_ASKED = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop>'
    b"<resourcetype/><getcontentlength/><getetag/><getlastmodified/><creationdate/><oc:fileid/></prop></propfind>"
)
_SCHEMES = {"webdav": "http", "webdavs": "https"}


class WebdavTree:
    """A folder on a web server. Its files have the version that the server gives them (``ETag``), and numbers that stay when
    they are moved on Nextcloud and ownCloud only.

    The location is ``webdavs://HOST/PATH`` or ``https://HOST/PATH``. Options: ``user``, ``ca``, ``proxy``, ``tls``. Secrets:
    ``password``, or ``token``.
    """

    options = ("user", *OPTIONS)
    secrets = ("password", "token")
    tells_permissions = False
    flat = False

    def __init__(self, config: SourceConfig, permissions: bool) -> None:
        del permissions  # no server of this kind tells them in a way that is common
        scheme, _, rest = config.location.partition("://")
        scheme = _SCHEMES.get(scheme.lower(), scheme.lower())
        self._config = replace(config, location=f"{scheme}://{rest.rstrip('/')}/")
        self._secrets = _authorization(config)
        self._web: Web | None = web_of(self._config, self._secrets)
        self._base = self._web.address("")
        self.place = self._base.removesuffix("/")

    def root(self) -> str:
        """Nothing tells one folder from another that took its place: its address is all there is."""
        try:
            with self._translated():
                self._ask("", "0")
        except OSError as error:
            raise SourceError(
                f"{self.place} cannot be opened: {error.strerror}.",
                hint="Check the address, and that the server speaks WebDAV there.",
            ) from error
        return self.place

    def listed(self, folder: str, above: Access | None) -> Generator[Entry, None, None]:
        """What lies in a folder: the server sends all of it in one answer."""
        del above
        with self._translated():
            answer = self._ask(f"{folder}/" if folder else "", "1")
        yield from _children(answer)

    def look(self, path: str) -> Entry:
        """One file as it is now."""
        with self._translated():
            answer = self._ask(path, "0")
        [entry] = [each for _, each in _responses(answer)][:1] or [Entry("", Kind.OTHER)]
        return replace(entry, name=path.rpartition("/")[2])

    def access(self, path: str) -> Access:
        """Never asked for."""
        raise OSError(errno.ENOTSUP, "no permissions here", path)

    def read(self, path: str, entry: Entry) -> Path | None:
        """A copy of the file; None where it is not as long as it was said to be."""
        with self._translated():
            try:
                found = self._open().file(_quoted(path), max_bytes=max(entry.size, 1))
            except AnswerTooLarge:
                return None
        return found if found.stat().st_size == entry.size else None

    def url(self, path: str) -> str:
        """The address that a browser opens."""
        return self._base + _quoted(path)

    def close(self) -> None:
        """End the connections, and remove the copies."""
        if self._web is not None:
            self._web.close()
        self._web = None

    def _open(self) -> Web:
        if self._web is None:
            self._web = web_of(self._config, self._secrets)
        return self._web

    def _ask(self, path: str, depth: str) -> Answer:
        head = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        answer = self._open().ask("PROPFIND", _quoted(path), values=_ASKED, headers=head)
        if answer.status != 207:
            raise OSError(errno.EPROTO, f"the server answers HTTP {answer.status}, which is no listing")
        return answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except NotFound as error:
            raise FileNotFoundError(errno.ENOENT, "no such file") from error
        except Refused as error:
            if " 401" in error.message:
                raise
            raise PermissionError(errno.EACCES, "no permission") from error
        except AnswerTooLarge as error:
            raise OSError(errno.EFBIG, "too many names in one folder") from error
        except ServerFault as error:
            raise OSError(errno.EIO, "the server fails over it") from error


def _authorization(config: SourceConfig) -> dict[str, SecretStr]:
    password, token = config.secret("password"), config.secret("token")
    if password and token:
        raise InvalidInput("There are both a password and a token.", hint="Give one of them.")
    if token:
        return {"Authorization": bearer(token)}
    if password and not config.option("user"):
        raise InvalidInput("There is a password, and no user.", hint="Give --option user=NAME.")
    return {"Authorization": basic(config.option("user"), password)} if password else {}


def _children(answer: Answer) -> list[Entry]:
    """What lies in the folder that was asked for.

    Its own path is the shortest of all: a proxy in front may have another for it than was asked for. What does not lie
    right beneath it keeps a slash in its name, so that nobody takes it for something that does.
    """
    found = [(path.rstrip("/"), entry) for path, entry in _responses(answer)]
    own = min((path for path, _ in found), key=len, default="")
    return [replace(each, name=path.removeprefix(f"{own}/")) for path, each in found if path != own]


def _responses(answer: Answer) -> Iterator[tuple[str, Entry]]:
    """Each path in a multistatus (RFC 4918, 13) with what is said of it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(answer.body, parser)
    except etree.XMLSyntaxError as error:
        raise OSError(errno.EPROTO, "the server's listing is no XML") from error
    for response in root.iter(f"{_D}response"):
        path = os.fsdecode(unquote_to_bytes(urlsplit(response.findtext(f"{_D}href", "").strip()).path))
        told = {
            each.tag: each
            for block in response.iter(f"{_D}propstat")
            if " 200" in block.findtext(f"{_D}status", "")
            for prop in block.iter(f"{_D}prop")
            for each in prop
        }
        yield path, _entry(told)


def _entry(told: "dict[str, etree._Element]") -> Entry:
    def text(name: str) -> str:
        found = told.get(name)
        return "" if found is None else (found.text or "").strip()

    kind = told.get(f"{_D}resourcetype")
    folder = kind is not None and kind.find(f"{_D}collection") is not None
    size = text(f"{_D}getcontentlength")
    modified = text(f"{_D}getlastmodified")
    # Apache calls a version weak for a second after it was written, and the same one strong from then on.
    tag = text(f"{_D}getetag").removeprefix("W/")
    return Entry(
        "",
        Kind.FOLDER if folder else Kind.FILE,
        int(size) if size.isdecimal() else 0,
        f"{tag or modified}-{size}",
        text(f"{_OC}fileid"),
        _http_date(modified),
        _iso_date(text(f"{_D}creationdate")),
        trouble="" if folder or size.isdecimal() else "the server does not tell its size",
    )


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _iso_date(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _quoted(path: str) -> str:
    return quote(os.fsencode(path))
