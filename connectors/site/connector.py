"""The pages of a site, public or of an intranet, as its sitemaps and links tell them."""

import ssl
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from urllib.parse import unquote

import httpx

from connectors.base import Change, Content, Coverage, SourceConfig
from connectors.http import Answer
from connectors.http_settings import basic, bearer, web_of
from connectors.internet_address import certificates
from connectors.patterns import AccessRules, Patterns
from connectors.site.addresses import Scope, normal
from connectors.site.guard import PublicOnly
from connectors.site.page import is_page, told_by
from connectors.site.robots import Robots
from connectors.site.sitemap import Sitemaps
from connectors.site.visited import Visited
from connectors.site.walk import NOT_MODIFIED, Taste, Walk, validating
from memory.domain import Access, SourceRef
from memory.errors import InvalidInput, NotFound

KEPT_BYTES = 64_000_000
"""Of pages that a walk was sent, for `fetch` to give without asking again."""

_OWN = ("depth", "delay", "lastmod", "links", "networks", "pages", "robots", "sitemap", "user")


class Site:
    """The pages of a site, and the files that these lead to.

    The location is where it begins; what lies beneath that folder belongs to it. Options: ``sitemap`` (addresses with blanks between, if
    ``robots.txt`` names none and there is no ``/sitemap.xml``), ``links`` (``auto`` follows them where there is no sitemap, ``yes``, ``no``), ``pages`` and ``depth`` (how
    many, how far), ``delay`` (seconds between requests), ``lastmod=ignore`` (sitemaps say nothing true about changes), ``robots=ignore`` (one's own
    site), ``networks`` (private addresses that may be asked), ``user`` with the secret ``password`` or ``token``, ``ca`` and ``tls``.

    :raises InvalidInput: where the settings name no site, or an option cannot be understood.
    """

    kind = "site"
    reports_deletions = False

    def __init__(self, config: SourceConfig) -> None:
        config.only(options=("ca", "tls", *_OWN), secrets=("password", "token"))
        user, password, token = config.option("user"), config.secret("password"), config.secret("token")
        if bool(user) != bool(password) or (password and token):
            raise InvalidInput(
                "To log in, a user and a password are needed, or a token alone.",
                hint="Give --option user=NAME with --secret password, or --secret token.",
            )
        secrets = {}
        if password:
            secrets = {"Authorization": basic(user, password)}
        elif token:
            secrets = {"Authorization": bearer(token)}
        context: ssl.SSLContext = certificates(config.option("ca"))
        self._web = web_of(config, secrets, transport=PublicOnly(context, config.option("networks")))
        self._name = config.name
        self._scope = Scope(config.location)
        self._obeys = _choice(config, "robots", "obey", "ignore") == "obey"
        self._taste = Taste(
            include=Patterns(config.include or ("**",)),
            exclude=Patterns(config.exclude),
            access=AccessRules(config.access, config.rules),
            links=_choice(config, "links", "auto", "yes", "no"),
            trusts=_choice(config, "lastmod", "trust", "ignore") == "trust",
            pages=int(_number(config, "pages", 100_000)),
            depth=int(_number(config, "depth", 20)),
            delay_s=_number(config, "delay", 0),
            sitemaps=tuple(config.option("sitemap").split()),
        )
        self._state = config.state
        self._visited: Visited | None = None
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._held = 0

    def check(self) -> str:
        """Say how the site tells its pages.

        :raises SourceError: where it cannot be asked.
        """
        walk, maps = self._walk(Robots.read(self._web, obeyed=self._obeys)), Sitemaps(self._web)
        named = sum(1 for _ in walk.named(maps))
        if maps.found:
            return f"{self._web.host} has sitemaps that name {named:,} pages beneath {self._scope.start}."
        self._web.ask("GET", self._scope.start)
        return f"{self._web.host} has no sitemap; its links are followed from {self._scope.start}."

    def changes(self, since: str | None) -> Iterator[Change]:
        """Walk over all pages, whatever the cursor: what has not changed is not sent again.

        :raises SourceError: where the site does not answer.
        """
        del since
        return self._walk(Robots.read(self._web, obeyed=self._obeys)).changes()

    def fetch(self, ref: SourceRef) -> Content:
        """A page as it is now.

        :raises NotFound: where it is gone, wants not to be found, or has moved.
        :raises SourceError: where it cannot be read.
        """
        url = self._url(ref)
        answer = self._now(url)
        told = told_by(url, answer.headers, answer.body)
        if told.hidden or normal(answer.url) != url:
            raise NotFound(f"There is no document {ref}.")
        return Content(
            ref,
            _file_name(url, answer.headers),
            answer.body,
            answer.headers.get("content-type", ""),
            url=url,
            modified=_moment(answer.headers.get("last-modified", "")),
        )

    def access(self, ref: SourceRef) -> Access:
        """What the last rule that matches the key says.

        :raises NotFound: where the key is none of this source.
        """
        self._url(ref)
        return self._taste.access.of(ref.key)

    def covers(self, text: str) -> Coverage | None:
        """What the source makes of an address or a key; None where it does not lie there."""
        url = normal(text) if text.startswith(("http://", "https://")) else self._scope.url(text)
        key = self._scope.key(url) if url else None
        if url is None or key is None:
            return None
        rule = ""
        if not self._taste.wants(key):
            rule = "exclude" if self._taste.exclude.matches(key) else "include"
        visited = self._open()
        return Coverage(key, visited.get(url) is not None, rule)

    def close(self) -> None:
        """End the connections, and keep what is known of the pages."""
        self._web.close()
        if self._visited:
            self._visited.close()
            self._visited = None

    def _open(self) -> Visited:
        if self._visited is None:
            self._visited = Visited(self._state)
        return self._visited

    def _walk(self, robots: Robots) -> Walk:
        return Walk(self._web, self._scope, robots, self._taste, self._open(), self._ref, self._remember)

    def _ref(self, key: str) -> SourceRef:
        return SourceRef(self.kind, self._name, key)

    def _remember(self, url: str, answer: Answer) -> None:
        self._kept[url] = answer
        self._held += len(answer.body)
        while self._held > KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._held -= len(oldest.body)

    def _now(self, url: str) -> Answer:
        """What the site answers now; what a walk was just sent is not sent again if it still holds."""
        kept = self._kept.pop(url, None)
        if kept is None:
            return self._web.ask("GET", url)
        self._held -= len(kept.body)
        validators = validating(kept.headers.get("etag", ""), kept.headers.get("last-modified", ""))
        answer = self._web.ask("GET", url, headers=validators, also=(NOT_MODIFIED,) if validators else ())
        return kept if answer.status == NOT_MODIFIED else answer

    def _url(self, ref: SourceRef) -> str:
        url = self._scope.url(ref.key)
        if (ref.kind, ref.source) != (self.kind, self._name) or self._scope.key(url) != ref.key:
            raise NotFound(f"{ref} is not a document of {self.kind}:{self._name}.")
        if not self._taste.wants(ref.key):
            raise NotFound(f"There is no document {ref}.")
        return url


def _choice(config: SourceConfig, name: str, *values: str) -> str:
    """The value of an option that has these; the first unless given."""
    given = config.option(name, values[0])
    if given not in values:
        raise InvalidInput(f"{name} is {', '.join(values[:-1])} or {values[-1]}, not {given}.")
    return given


def _number(config: SourceConfig, name: str, default: float) -> float:
    given = config.option(name)
    try:
        number = float(given) if given else float(default)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e7:
        raise InvalidInput(f"{name} is a number, not {given}.")
    return number


def _file_name(url: str, headers: httpx.Headers) -> str:
    """The last part of an address; of what is HTML with an ending that says so."""
    name = PurePosixPath(unquote(url.partition("?")[0])).name or "index"
    if is_page(headers) and not name.lower().endswith((".html", ".htm", ".xhtml")):
        name += ".html"
    return name


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return moment if moment.tzinfo else None
