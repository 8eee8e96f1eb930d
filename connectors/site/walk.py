"""One walk through a site: by its sitemaps, along its links, and to what was there before."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from connectors.base import UNASKED, Change, Checkpoint, Upserted
from connectors.http import Answer, Web
from connectors.http_errors import Refused
from connectors.patterns import AccessRules, Patterns
from connectors.site.addresses import Scope, normal
from connectors.site.page import told_by
from connectors.site.robots import Robots
from connectors.site.sitemap import Sitemaps
from connectors.site.visited import Known, Visited
from memory.domain import Failed, SourceRef, Stage
from memory.errors import NotFound, RateLimited, SourceError, SourceUnavailable

NOT_MODIFIED = 304
TRUSTED_S = 30 * 86_400.0
"""For so long a sitemap is believed that a page has not changed; then the server is asked."""
_SAVED_EVERY = 100
_CHAIN = 5
"""Pages that send one to the next, at most."""
_LOST = 1_000
"""So many pages that no notes, no sitemap and no link lead to any more are asked for in one walk."""


@dataclass(frozen=True, slots=True)
class Taste:
    """What a source takes of a site.

    :param links: whether links are followed: ``auto`` only where there is no sitemap, ``yes``, ``no``.
    :param trusts: whether what sitemaps say about changes is believed.
    :param pages, depth: so many pages, so many links from the start, at most.
    :param delay_s: seconds between two requests, if the site asks for no longer pause.
    """

    include: Patterns
    exclude: Patterns
    access: AccessRules
    links: str
    trusts: bool
    pages: int
    depth: int
    delay_s: float
    sitemaps: tuple[str, ...] = ()

    def wants(self, key: str) -> bool:
        """Whether a page of that key is a document of the source."""
        return self.include.matches(key) and not self.exclude.matches(key)


def validating(etag: str, modified: str) -> dict[str, str]:
    """Headers that ask for a page only if it has changed (RFC 9110, 13.1); none where the server told no version."""
    if etag:
        return {"If-None-Match": etag}
    return {"If-Modified-Since": modified} if modified else {}


@dataclass(slots=True)
class Walk:
    """A walk.

    :param ref: makes a document's ref of its key.
    :param remember: is given each answer that a page came with.
    """

    web: Web
    scope: Scope
    robots: Robots
    taste: Taste
    visited: Visited
    ref: Callable[[str], SourceRef]
    remember: Callable[[str, Answer], None]
    _met: set[str] = field(default_factory=set, init=False)
    _queue: deque[tuple[str, int]] = field(default_factory=deque, init=False)
    _queued: set[str] = field(default_factory=set, init=False)
    _follow: bool = field(default=False, init=False)
    _asked: int = field(default=0, init=False)
    _last: float = field(default=0.0, init=False)
    _lost: int = field(default=0, init=False)

    def changes(self) -> Iterator[Change]:
        """Every page, then the checkpoint.

        :raises SourceError: where the site does not answer any more.
        """
        maps = Sitemaps(self.web)
        for url, changed in self.named(maps):
            yield from self._page(url, 0, changed)
        self._follow = self.taste.links == "yes" or (self.taste.links == "auto" and not maps.found)
        if self._follow:
            self._queue.appendleft((self.scope.start, 0))
            for url in sorted(self._met):  # what the sitemaps named leads on as well
                self._wait_for(self._links(url), 1)
        yield from self._waiting()
        # A page stays for as long as it answers, whether or not anything leads there any more.
        for url in self.visited.documents():
            yield from self._page(url, self.taste.depth)
        yield from self._waiting()
        self.visited.save()
        yield Checkpoint("", doubt=self._doubt(maps), doubts=self._doubt_of)

    def named(self, maps: Sitemaps) -> Iterator[tuple[str, str]]:
        """The pages of the site that its sitemaps name, and when these say that they changed."""
        for entry in maps.entries(list(self.taste.sitemaps) or self.robots.sitemaps):
            url = normal(entry.url, self.scope.start)
            if url is not None and self.scope.key(url) is not None:
                yield url, entry.changed

    def _doubt(self, maps: Sitemaps) -> str:
        if len(self._met) >= self.taste.pages:
            return f"The site has more than {self.taste.pages:,} pages; the option pages lets more be read."
        return maps.unread

    def _doubt_of(self, key: str) -> str:
        """Why a page that was not met is there all the same, ``""`` where it is gone: the notes may be lost, and lead there no more."""
        url = self.scope.url(key)
        if url in self._met or not self.taste.wants(key) or not self.robots.allow(url):
            return ""
        if self._lost >= _LOST:
            return f"{UNASKED}more than {_LOST:,} pages are named by nothing any more"
        self._lost += 1
        try:
            found = self._tried(url, "")
        except SourceError as error:
            return error.message
        if isinstance(found, NotFound):
            self.visited.forget(url)
        if isinstance(found, NotFound | Refused):
            return ""
        if isinstance(found, SourceError):
            return found.message
        self.visited.save()
        return f"{url} answers, though nothing leads there any more." if self._stands(url) else ""

    def _waiting(self) -> Iterator[Change]:
        while self._queue:
            yield from self._page(*self._queue.popleft())

    def _wait_for(self, links: tuple[str, ...], depth: int) -> None:
        new = [link for link in links if link not in self._queued and link not in self._met]
        self._queued.update(new)
        self._queue += [(link, depth) for link in new]

    def _links(self, url: str) -> tuple[str, ...]:
        known = self.visited.get(url)
        return known.links if known else ()

    def _page(self, url: str, depth: int, changed: str = "", chain: int = 0) -> Iterator[Change]:
        """A page, unless it was met, lies elsewhere, or is to be left alone.

        :param chain: how many pages before it wanted to be known by the next one's address.
        """
        key = self.scope.key(url)
        if key is None or url in self._met or len(self._met) >= self.taste.pages:
            return
        if not (self.taste.wants(key) or self._follow) or not self.robots.allow(url):
            return
        self._met.add(url)
        found = self._tried(url, changed)
        if isinstance(found, Known):
            yield from self._as_it_is(found, key, depth, chain)
        elif isinstance(found, NotFound):
            self.visited.forget(url)
        elif isinstance(found, Refused) and self.visited.get(url):
            return  # It could be read before: a right was taken away. Where that is most of the site, its removal is held.
        elif self.taste.wants(key):
            passing = isinstance(found, SourceUnavailable)
            yield Failed(self.ref(key), Stage.FETCHED, found.message, retryable=passing)

    def _as_it_is(self, known: Known, key: str, depth: int, chain: int) -> Iterator[Change]:
        if known.leads_to:
            if chain < _CHAIN:
                yield from self._page(known.leads_to, depth, chain=chain + 1)
            if not known.digest or self._stands(known.leads_to):
                return
            self.visited.put(replace(known, leads_to=""))
        if self._follow and depth < self.taste.depth:
            self._wait_for(known.links, depth + 1)
        if known.digest and self.taste.wants(key):
            yield Upserted(self.ref(key), f"{known.digest}-{self.taste.access.digest(key)}")

    def _stands(self, url: str) -> bool:
        """Whether a page is a document, so that others may stand back for it: not where it is gone, or stands back for them."""
        known, key = self.visited.get(url), self.scope.key(url)
        return bool(known and known.digest and not known.leads_to and key and self.taste.wants(key))

    def _tried(self, url: str, changed: str) -> Known | SourceError | NotFound:
        """A page, asked for twice where the rest of the site can be had; or why it cannot.

        :raises SourceUnavailable: where the site does not answer, or asks for a pause.
        """
        try:
            return self._look(url, changed)
        except RateLimited:
            raise
        except SourceUnavailable:
            Robots.read(self.web)  # raises where nothing can be had
        except (SourceError, NotFound) as error:
            return error
        try:
            return self._look(url, changed)
        except RateLimited:
            raise
        except (SourceError, NotFound) as error:
            return error

    def _look(self, url: str, changed: str) -> Known:
        """What a page is now: as the sitemap says unchanged, as the server says unchanged, or as it is sent."""
        before = self.visited.get(url)
        now = time.time()
        # A clock that is set right makes nothing old; what was looked at in years to come was not.
        believed = self.taste.trusts and before is not None and abs(now - before.checked) < TRUSTED_S
        if (
            before
            and believed
            and changed
            and before.changed == changed
            and not (self._follow and not before.links)
        ):
            return before
        answer = self._ask(url, before)
        if answer.status == NOT_MODIFIED and before:
            known = replace(before, changed=changed or before.changed, checked=now)
        else:
            known = self._read(url, answer, changed, now)
        self.visited.put(known)
        if not self._asked % _SAVED_EVERY:
            self.visited.save()
        return known

    def _ask(self, url: str, before: Known | None) -> Answer:
        pause = max(self.robots.delay_s, self.taste.delay_s) - (time.monotonic() - self._last)
        if self._asked and pause > 0:
            time.sleep(pause)
        headers = validating(before.etag, before.modified) if before else {}
        self._asked += 1
        try:
            return self.web.ask("GET", url, headers=headers, also=(NOT_MODIFIED,) if headers else ())
        finally:
            self._last = time.monotonic()

    def _read(self, url: str, answer: Answer, changed: str, now: float) -> Known:
        place = normal(answer.url) or url
        told = told_by(place, answer.headers, answer.body)
        known = Known(
            url,
            etag=answer.headers.get("etag", ""),
            modified=answer.headers.get("last-modified", ""),
            changed=changed,
            checked=now,
            links=tuple(told.links),
        )
        if place != url:
            return replace(known, leads_to=place, links=())
        if told.hidden:
            return known
        self.remember(url, answer)
        # What it names outside of the site counts for nothing.
        elsewhere = "" if told.canonical == url or self.scope.key(told.canonical) is None else told.canonical
        return replace(known, digest=blake2b(answer.body, digest_size=12).hexdigest(), leads_to=elsewhere)
