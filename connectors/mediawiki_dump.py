"""A MediaWiki's XML dump, or what its page Special:Export gives, as one file."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from connectors.base import OUT_OF_REACH, Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.file_tree import key_of
from connectors.mediawiki.choice import Choice
from connectors.mediawiki.dump_file import Dumped, DumpFile
from connectors.mediawiki.shapes import Page, Site
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import NotFound, SourceError, SourceUnavailable

KEPT = 2_000
"""Pages that were told last and can be fetched without reading the dump again: a sync decides on 500 at a time."""

_KEY = re.compile(r"[1-9][0-9]{0,17}")
_ENDING = {"wikitext": ".wiki", "css": ".css", "sanitized-css": ".css", "javascript": ".js", "json": ".json"}
_PAGE = TypeAdapter(Dumped)


class MediaWikiDump:
    """Pages in a MediaWiki's XML dump (.xml, .xml.gz or .xml.bz2), with everybody who wrote them.

    The location is the file's path; options are ``namespaces`` (names with commas between, ``*`` for all). The text is the newest
    version's wikitext: what templates add is not in it. Everybody is named whose versions the dump has (``dumpBackup.php --full``
    writes all). The key is the page's number; patterns and access rules are about titles. Redirects are no documents.

    :raises InvalidInput: where a pattern or an option cannot be understood.
    """

    kind = "mediawiki_dump"
    reads_files_of_others = True
    reports_deletions = True

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=("namespaces",))
        self._name = config.name
        self._path = Path(config.location).expanduser()
        self._choice = Choice(config)
        self._shelf = _Shelf()

    def check(self) -> str:
        """Say whose dump it is.

        :raises SourceError: where it cannot be read, or is none.
        """
        size = self._identity()[0]
        with DumpFile(self._path) as dump:
            site = self._learn(dump)
        return f"{self._path.name} is a dump of {site.general.sitename} with {size / 1e6:,.1f} MB."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Every page; nothing where the file is the one that was read before.

        :raises SourceError: where it cannot be read to its end, or becomes another one meanwhile.
        """
        identity = self._identity()
        with DumpFile(self._path) as dump:
            self._learn(dump)
            cursor = json.dumps({"file": identity, "settings": self._choice.digest})
            if since == cursor:
                yield Checkpoint(cursor)
                return
            self._shelf.begin(identity, keep=KEPT)
            yield from self._told(dump)
        if self._identity() != identity:
            raise SourceUnavailable(f"{self._path} was replaced while it was read.")
        yield Checkpoint(cursor, whole=since is not None)

    def fetch(self, ref: SourceRef) -> Content:
        """The newest version's text.

        :raises NotFound: where the dump does not have the page.
        :raises SourceError: where it cannot be read.
        """
        page = self._page(ref)
        if page.too_long:
            raise SourceError(f"The text of page {ref.key} is longer than any that is read.")
        ending = _ENDING.get(page.model, ".txt")
        return Content(
            ref,
            page.title.removesuffix(ending) + ending,
            page.text.encode("utf-8", "replace"),
            "text/x-wiki" if page.model == "wikitext" else "text/plain",
            url=page.url,
            created=page.history.created,
            modified=page.history.modified,
            contributions=page.history.contributions,
            title=page.title,
        )

    def access(self, ref: SourceRef) -> Access:
        """What the last rule says that matches the title, else what the source starts with.

        :raises NotFound: where the dump does not have the page.
        """
        return self._choice.access(_as_page(self._page(ref)))

    def close(self) -> None:
        """Let go of what was kept."""
        self._shelf.close()

    def _learn(self, dump: DumpFile) -> Site:
        site = dump.header().site
        self._choice.learn(site)
        return site

    def _wanted(self, dump: DumpFile) -> Iterator[Dumped]:
        return (page for page in dump.pages(self._name) if self._choice.takes(_as_page(page)))

    def _told(self, dump: DumpFile) -> Iterator[Change]:
        told: set[int] = set()
        for page in self._wanted(dump):
            ref = SourceRef(self.kind, self._name, str(page.pageid))
            if page.pageid in told:
                twice = SourceRef(self.kind, self._name, f"{page.pageid} {key_of(page.title[:200])}")
                yield Failed(twice, Stage.SEEN, "the dump has another page of this number", retryable=True)
                continue
            told.add(page.pageid)
            self._shelf.put(page)
            yield Upserted(ref, self._choice.version(_as_page(page), str(page.lastrevid)))

    def _page(self, ref: SourceRef) -> Dumped:
        """A page; where it is not at hand the dump is read once more, and all of it put on the shelf."""
        if (ref.kind, ref.source) != (self.kind, self._name) or not _KEY.fullmatch(ref.key):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        identity = self._identity()
        if self._shelf.of != identity or not (self._shelf.whole or self._shelf.has(ref.key)):
            self._shelf.begin(identity, keep=None)
            with DumpFile(self._path) as dump:
                self._learn(dump)
                for page in self._wanted(dump):
                    self._shelf.put(page)
            self._shelf.whole = True
        found = self._shelf.get(ref.key)
        if found is None:
            raise NotFound(f"There is no document {ref}.")
        return found

    def _identity(self) -> list[int]:
        """What differs where the file is another one.

        :raises SourceError: where there is none.
        """
        try:
            found = self._path.stat()
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error.strerror}.", hint=OUT_OF_REACH) from error
        return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


@dataclass(slots=True)
class _Shelf:
    """Pages of one dump in a temporary database, so that what waits to be fetched needs no memory."""

    of: list[int] | None = None
    whole: bool = False
    """Whether every page of the dump is on it."""
    _keep: int | None = None
    _put: int = 0
    _database: sqlite3.Connection | None = None

    def begin(self, of: list[int], *, keep: int | None) -> None:
        """Clear it.

        :param of: which dump the pages will be of.
        :param keep: so many of the newest stay; None: all.
        """
        self.close()
        # An empty name: a file of SQLite's own, which ends with the connection.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("CREATE TABLE pages (number INTEGER PRIMARY KEY, key TEXT UNIQUE, page BLOB)")
        self.of, self.whole, self._keep, self._put = of, False, keep, 0

    def put(self, page: Dumped) -> None:
        """Put a page on it, unless one of its key is there."""
        assert self._database is not None  # noqa: S101  `begin` comes first
        self._put += 1
        row = (self._put, str(page.pageid), _PAGE.dump_json(page))
        self._database.execute("INSERT OR IGNORE INTO pages VALUES (?, ?, ?)", row)
        if self._keep and self._put % 500 == 0:
            self._database.execute("DELETE FROM pages WHERE number <= ?", (self._put - self._keep,))

    def has(self, key: str) -> bool:
        """Whether it is at hand."""
        return self._row("SELECT 1 FROM pages WHERE key = ?", key) is not None

    def get(self, key: str) -> Dumped | None:
        """A page."""
        row = self._row("SELECT page FROM pages WHERE key = ?", key)
        return _PAGE.validate_json(row[0]) if row else None

    def close(self) -> None:
        """Let go of it."""
        if self._database:
            self._database.close()
        self.of, self._database = None, None

    def _row(self, query: str, key: str) -> tuple[bytes] | None:
        if self._database is None:
            return None
        found: tuple[bytes] | None = self._database.execute(query, (key,)).fetchone()
        return found


def _as_page(page: Dumped) -> Page:
    return Page(pageid=page.pageid, ns=page.ns, title=page.title[:2_000], redirect=page.redirect)
