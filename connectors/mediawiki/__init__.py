"""The pages of a MediaWiki, by its API."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from html import escape

from connectors.base import Change, Content, SourceConfig
from connectors.http_errors import ServerFault
from connectors.http_settings import OPTIONS, bearer, web_of
from connectors.mediawiki.api import Api
from connectors.mediawiki.choice import Choice
from connectors.mediawiki.history import written
from connectors.mediawiki.shapes import FileVersion, Page, Site, shaped
from connectors.mediawiki.walk import ABOUT, Cursor, Walk, file_key
from memory.domain import Access, SourceRef
from memory.errors import InvalidInput, NotFound, SourceError

KEPT = 2_000
"""Pages that were told last and are remembered, so that `access` asks nobody: a sync decides on 500 at a time."""

_SITE = {"meta": "siteinfo", "siprop": "general|namespaces|namespacealiases|statistics"}
_HISTORY = {"rvdir": "newer", "rvlimit": "max", "rvprop": "ids|timestamp|user|userid|sha1"}
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_KEY = re.compile(r"[1-9][0-9]{0,17}(/file)?")
_ENTRY = re.compile(r"/(?:api|index)\.php$")


class MediaWiki:
    """Pages of a MediaWiki, by its API: as they are shown, with everybody who wrote them.

    The location is the address of ``api.php``, or of the folder in which it lies. Options are ``user``, ``namespaces`` (names with commas
    between, ``*`` for all), ``files=yes`` (uploaded files are documents too), ``levels`` (``LEVEL=TOKEN``: who may see what the
    wiki restricts to a level), ``restriction`` (the kind that counts: ``read``, or ``edit``), ``maxlag``, and those of every
    source on the web; secrets ``password`` (best a bot password) or ``token`` (OAuth 2). The key is the page's number, which moves
    keep, and ``NUMBER/file`` for its file; patterns and access rules are about titles. Redirects are no documents.

    :raises InvalidInput: where the settings do not name a wiki, or a pattern cannot be understood.
    """

    kind = "mediawiki"
    reports_deletions = True

    def __init__(self, config: SourceConfig) -> None:
        own = ("user", "namespaces", "files", "levels", "restriction", "maxlag")
        config.only(options=(*OPTIONS, *own), secrets=("password", "token"))
        user, password, token = config.option("user"), config.secret("password"), config.secret("token")
        if bool(user) != bool(password) or (password and token):
            raise InvalidInput(
                "To log in to a wiki, a user and a password are needed, or a token alone.",
                hint="Give --option user=NAME with --secret password, or --secret token.",
            )
        maxlag = config.option("maxlag", "5")
        if not re.fullmatch(r"-?[0-9]{1,4}", maxlag):
            raise InvalidInput(f"maxlag is a number of seconds, not {maxlag}.")
        self._name = config.name
        self._choice = Choice(config)
        place = replace(config, location=_ENTRY.sub("/", config.location))
        web = web_of(place, {"Authorization": bearer(token)} if token else None)
        self._api = Api(web, user, password, maxlag)
        self._site: Site | None = None
        self._pages: OrderedDict[int, Page] = OrderedDict()

    def check(self) -> str:
        """Say which wiki it is and how much there is.

        :raises SourceError: where it cannot be asked, or a namespace is not there.
        """
        site = self._learn()
        taken = len(self._choice.namespaces)
        return f"{site.general.sitename} ({site.general.generator}) has {site.statistics.pages:,} pages; {taken} namespaces are read."

    def changes(self, since: str | None) -> Iterator[Change]:
        """What changed since the cursor; everything where the wiki's recent changes do not reach back to it.

        :raises SourceError: where the wiki cannot be read to the end.
        """
        walk = Walk(self._api, self._choice, self._ref, self._remember)
        cursor = Cursor.decode(since) if since else None
        yield from walk.changes(self._learn(), cursor, begin_anew=bool(since))

    def fetch(self, ref: SourceRef) -> Content:
        """The page as it is shown, or the file.

        :raises NotFound: where it is not there, or has become a redirect.
        :raises SourceError: where it cannot be read.
        """
        number, is_file = self._place(ref)
        try:
            return self._file(ref, number) if is_file else self._text(ref, number)
        except ServerFault as error:
            self._learn()  # where nothing can be had from there, no page is to blame
            raise SourceError(f"The wiki fails over page {number}.", hint="Its log says why.") from error

    def access(self, ref: SourceRef) -> Access:
        """Who may see a page: those that the wiki's restriction stands for, else what the rules say.

        :raises NotFound: where it is not there.
        """
        number, _ = self._place(ref)
        page = self._pages.get(number)
        if page is None:
            page = self._ask(number, ABOUT)
            self._remember(page)
        return self._choice.access(page)

    def close(self) -> None:
        """End the connections."""
        self._api.close()

    def _learn(self) -> Site:
        self._site = site = shaped(Site, self._api.query(_SITE))
        self._choice.learn(site)
        return site

    def _ref(self, key: str) -> SourceRef:
        return SourceRef(self.kind, self._name, key)

    def _remember(self, page: Page) -> None:
        self._pages[page.pageid] = page
        if len(self._pages) > KEPT:
            self._pages.popitem(last=False)

    def _place(self, ref: SourceRef) -> tuple[int, bool]:
        """The number of a document's page, and whether its file is meant."""
        if (ref.kind, ref.source) != (self.kind, self._name) or not _KEY.fullmatch(ref.key):
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        if self._site is None:
            self._learn()
        number = int(ref.key.partition("/")[0])
        return number, ref.key == file_key(number)

    def _ask(self, number: int, about: dict[str, str]) -> Page:
        """A page.

        :raises NotFound: where it is not there, or is none that is taken.
        """
        page = next(iter(self._api.pages({"pageids": str(number), **about})), {"missing": True})
        found = shaped(Page, page)
        if not (self._choice.takes(found) or (self._choice.files and self._choice.takes_file(found))):
            raise NotFound(f"There is no document {self._ref(str(number))}.")
        return found

    def _text(self, ref: SourceRef, number: int) -> Content:
        page = self._ask(number, {**_HISTORY, "prop": "info|revisions", "inprop": "url"})
        told = self._api.ask(
            {
                "action": "parse",
                "pageid": str(number),
                "prop": "text",
                "disableeditsection": "1",
                "disablelimitreport": "1",
                "disabletoc": "1",
            }
        ).get("parse")
        text = told.get("text") if isinstance(told, dict) else None
        if not isinstance(text, str):
            raise SourceError(f"The wiki does not show page {number}.")
        history = written(page.revisions, self._name, self._bots)
        return Content(
            ref,
            f"{page.title}.html",
            _document(page, text).encode("utf-8", "replace"),
            "text/html",
            url=_url(page),
            created=history.created,
            modified=history.modified,
            contributions=history.contributions,
            title=page.title,
        )

    def _file(self, ref: SourceRef, number: int) -> Content:
        about = {**ABOUT, "iilimit": "max"}
        page = self._ask(number, about)
        if not page.imageinfo:
            raise NotFound(f"There is no document {ref}.")
        newest: FileVersion = page.imageinfo[0]
        server = self._site.general.server if self._site else ""
        # The wiki may call itself by another name than the one that it is asked by here.
        url = newest.url.removeprefix(server) if newest.url.startswith(f"{server}/") else newest.url
        history = written(reversed(page.imageinfo), self._name, self._bots)
        return Content(
            ref,
            page.title.partition(":")[2] or page.title,
            self._api.file(url, newest.size),
            newest.mime,
            url=_url(page),
            created=history.created,
            modified=history.modified,
            contributions=history.contributions,
            title=page.title,
        )

    @cached_property
    def _bots(self) -> frozenset[str]:
        """Names of users that are programs."""
        rows = self._api.rows({"list": "allusers", "augroup": "bot", "aulimit": "max"})
        return frozenset(str(row.get("name")) for row in rows if isinstance(row, dict))


def _document(page: Page, text: str) -> str:
    """What is shown, without what the wiki notes about its own caches.

    The language is left to the text: most wikis call every page one of their own language.
    """
    head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{escape(page.title)}</title></head>'
    return f"{head}<body>{_COMMENT.sub('', text)}</body></html>"


def _url(page: Page) -> str:
    return page.canonicalurl if page.canonicalurl.startswith(("https://", "http://")) else ""
