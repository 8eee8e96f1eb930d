"""The pages of a Confluence, from an export of one of its spaces."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from connectors.base import Change, Checkpoint, Content, SourceConfig, Upserted
from connectors.confluence import page as pages
from connectors.confluence.access import Permissions
from connectors.confluence.entities import NO_EXPORT, entities
from connectors.confluence.exported import Exported
from connectors.confluence.people import People
from connectors.confluence.shapes import Content as Found
from connectors.confluence.shelf import Shelf
from connectors.confluence.walk import Choice, chosen, kind_and_number, part_of, path_of, version_of
from connectors.file_tree import key_of
from connectors.social.archive import Archive, open_archive
from memory.domain import Access, Failed, SourceRef, Stage
from memory.errors import InvalidInput, NotFound, SourceError, SourceUnavailable
from memory.media_types import CONFLUENCE

_ENTITIES = "entities.xml"
_OWN = ("comments", "domain", "everybody", "files", "space", "spaces", "url")
_FILE_BYTES = 1_000_000_000
_LONGEST_ID = 64


class ConfluenceExport:
    """Pages, blog posts and attached files in an XML export of a Confluence (a zip, or the folder that it was unpacked into).

    The location is its path. Options are those of `confluence` that are not about a server, and ``url`` (the address that pages of the wiki begin with, for
    links). Keys are those of `confluence`, so that documents of a wiki and of its export are called the same.

    :raises InvalidInput: where a pattern or an option cannot be understood.
    """

    kind = "confluence_export"
    reads_files_of_others = True
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=_OWN)
        url = config.option("url")
        if url and not url.startswith(("https://", "http://")):
            raise InvalidInput("The option url is an address that begins with https:// or http://.")
        self._name, self._location, self._url = config.name, config.location, url.rstrip("/")
        self._choice = Choice(config)
        self._files, self._comments = (
            chosen(config, name, "yes", "no") == "yes" for name in ("files", "comments")
        )
        self._shelf = Shelf(config.state)
        self._export = Exported(self._shelf)
        self._people = People(self._export, config.name, config.option("domain"))
        follows = chosen(config, "spaces", "follow", "source") == "follow"
        self._permissions = Permissions(
            self._people,
            config.access,
            config.option("everybody").split(","),
            self._export.viewers if follows else None,
        )
        self._archive: Archive | None = None

    def check(self) -> str:
        """Say what the export holds.

        :raises SourceError: where it cannot be read, or is none.
        """
        self._open()
        rows = self._shelf.rows("SELECT kind, count(*) FROM content WHERE status = 'current' GROUP BY kind")
        held = dict(rows)
        spaces = ", ".join(key for (key,) in self._shelf.rows("SELECT key FROM space ORDER BY key LIMIT 20"))
        return f"The export of {spaces} has {held.get('page', 0):,} pages, {held.get('blogpost', 0):,} posts and {held.get('attachment', 0):,} files."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Everything that the export holds, whatever the cursor: what has not changed keeps its version.

        :raises SourceError: where it cannot be read, or becomes another one meanwhile.
        """
        del since
        self._close_archive()
        stamp = self._open()
        kinds = (*pages.PAGES, *(("attachment",) if self._files else ()))
        for kind, number in self._shelf.each(*kinds):
            yield from self._told(kind, number)
        if self._open() != stamp:
            raise SourceUnavailable(f"{self._location} was replaced while it was read.")
        yield Checkpoint(stamp)

    def fetch(self, ref: SourceRef) -> Content:
        """A page as it is written with its comments, or a file.

        :raises NotFound: where the export does not have it, or the settings leave it out.
        :raises SourceError: where it cannot be read.
        """
        kind, _ = self._place(ref)
        found = self._found(ref)
        said = self._export.comments(found.id) if self._comments and kind != "attachment" else []
        is_file = kind == "attachment"
        page = self._page_of(found)
        return Content(
            ref,
            found.title if is_file else "page",
            self._bytes(found) if is_file else pages.written(found, said, self._people),
            found.extensions.media_type if is_file else CONFLUENCE,
            url=f"{self._url}/pages/viewpage.action?pageId={quote(page.id)}" if self._url else "",
            created=found.history.created,
            modified=max(
                (at for at in (found.version.when, *(each.version.when for each in said)) if at), default=None
            ),
            contributions=pages.contributions(found, said, self._people),
            title="" if is_file else found.title,
        )

    def access(self, ref: SourceRef) -> Access:
        """What the last rule of the source says that matches, else what the export says.

        :raises NotFound: where the export does not have it.
        :raises SourceError: where it does not say.
        """
        return self._access(self._found(ref))

    def close(self) -> None:
        """Let go of the export."""
        self._close_archive()
        self._shelf.close()

    def _told(self, kind: str, number: str) -> Iterator[Change]:
        ref = SourceRef(self.kind, self._name, f"{kind}/{number}")
        if not (number.isascii() and number.isalnum()) or len(number) > _LONGEST_ID:
            odd = SourceRef(self.kind, self._name, f"{kind}?{key_of(number[:_LONGEST_ID])}")
            yield Failed(odd, Stage.SEEN, "its id is none that a Confluence gives", retryable=True)
            return
        try:
            found = self._export.content(number)
            if found is None or not self._takes(found):
                return
            said = self._export.said(number) if self._comments and kind != "attachment" else ""
            version = version_of(found, self._path(found), self._access(found), said)
            yield Upserted(ref, version, size=found.extensions.size)
        except SourceError as error:
            yield Failed(ref, Stage.FETCHED, error.message.rstrip("."), retryable=True)

    def _takes(self, found: Found) -> bool:
        return self._choice.in_space(self._page_of(found).space.key) and self._choice.wants(self._path(found))

    def _access(self, found: Found) -> Access:
        page = self._page_of(found)
        above = self._choice.access(path_of(page), lambda: self._permissions.of(page))
        return above if page is found else self._choice.access(self._path(found), lambda: above)

    def _path(self, found: Found) -> str:
        page = self._page_of(found)
        return path_of(page) if page is found else f"{path_of(page)}/{part_of(found.title)}"

    def _page_of(self, found: Found) -> Found:
        """The page that something belongs to, or it itself.

        :raises SourceError: where the export does not have it.
        """
        if found.type != "attachment":
            return found
        page = self._export.content(found.container.id) if found.container else None
        if page is None:
            raise SourceError(f"The page of file {found.id} is not in the export.")
        return page

    def _found(self, ref: SourceRef) -> Found:
        kind, number = self._place(ref)
        self._open()
        found = self._export.content(number, whole=True)
        if found is None or found.type != kind or not self._takes(found):
            raise NotFound(f"There is no document {ref}.")
        return found

    def _place(self, ref: SourceRef) -> tuple[str, str]:
        if (ref.kind, ref.source) != (self.kind, self._name):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        return kind_and_number(ref.key)

    def _bytes(self, file: Found) -> bytes:
        """``attachments/PAGE/FILE/VERSION``."""
        page = file.container.id if file.container else ""
        name = f"attachments/{page}/{file.id}/{file.version.number}"
        archive = self._archive or open_archive(self._location)
        if archive.sizes.get(name, 0) > _FILE_BYTES:
            raise SourceError(f"File {file.id} is larger than any file that is read.")
        try:
            with archive.open(name) as opened:
                return opened.read(_FILE_BYTES)
        except OSError as error:
            raise SourceError(
                f"File {file.id} is not in the export.", hint="Export the space with its attachments."
            ) from error

    def _open(self) -> str:
        """Make sure that the shelf holds the export that lies there now; gives its stamp.

        :raises SourceError: where there is none that can be read.
        """
        archive = self._archive or open_archive(self._location)
        stamp = archive.stamp(_ENTITIES)
        if not stamp and self._archive is not None:  # it was replaced, or is gone
            self._close_archive()
            archive = open_archive(self._location)
            stamp = archive.stamp(_ENTITIES)
        self._archive = archive
        if not stamp:
            raise SourceError(
                f"{self._location} has no {_ENTITIES}: it is no export of a Confluence.", hint=NO_EXPORT
            )
        if not self._shelf.has(stamp):
            self._forget()
            name = f"{self._location}: {_ENTITIES}"
            self._shelf.fill(stamp, entities(partial(archive.open, _ENTITIES), name))
        return stamp

    def _forget(self) -> None:
        self._export.forget()
        self._permissions.forget()

    def _close_archive(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None
