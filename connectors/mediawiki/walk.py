"""What changed in a wiki: by its recent changes and logs where they reach back far enough, else by listing every page."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from connectors.base import Change, Checkpoint, Deleted, Upserted
from connectors.mediawiki.api import Api
from connectors.mediawiki.choice import FILES, Choice
from connectors.mediawiki.shapes import Happened, Page, Site, shaped
from memory.domain import SourceRef

OVERLAP = timedelta(minutes=10)
"""How long a change may take from the moment it bears until it can be seen; what was seen before is known by its number."""
WHOLE_DAYS = 30
"""After so many days every page is listed, for what no log tells: imports by a script, a page that was suppressed."""
TOGETHER = 50
"""Pages that one request may name (500 for users with `apihighlimits`, who need no more)."""

ABOUT = {
    "prop": "info|imageinfo",
    "inprop": "protection|url",
    "iiprop": "timestamp|user|userid|sha1|url|size|mime",
}
"""What is asked of a page to know its version and who may see it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a source has been read.

    :param at: by the wiki's own clock.
    :param whole: when every page was listed last.
    :param settings: `Choice.digest`.
    :param seen: what happened within `OVERLAP` before `at`, or since, and is known.
    """

    at: datetime
    whole: datetime
    settings: str
    seen: frozenset[str] = frozenset()

    @classmethod
    def decode(cls, text: str) -> Self | None:
        """Read back what `encode` wrote; None where it is something else."""
        try:
            told = json.loads(text)
            at, whole = (datetime.fromisoformat(told[name]) for name in ("at", "whole"))
            return cls(at, whole, told["settings"], frozenset(told["seen"]))
        except (ValueError, KeyError, TypeError):
            return None

    def encode(self) -> str:
        """As text."""
        told = {"at": self.at.isoformat(), "whole": self.whole.isoformat(), "settings": self.settings}
        return json.dumps({**told, "seen": sorted(self.seen)})


@dataclass(slots=True)
class Walk:
    """One walk through a wiki.

    :param ref: makes a document's ref of its key.
    :param remember: is told each page before it is yielded.
    """

    api: Api
    choice: Choice
    ref: Callable[[str], SourceRef]
    remember: Callable[[Page], None]
    _told: set[int] = field(default_factory=set, init=False)

    def changes(self, site: Site, since: Cursor | None, *, begin_anew: bool) -> Iterator[Change]:
        """Everything that changed, then the checkpoint.

        :param since: None where nothing is known.
        :param begin_anew: somebody counts on going on from a cursor.
        :raises SourceError: where the wiki cannot be read to the end.
        """
        now = site.general.time.astimezone(UTC)
        if since is None or not self._reaches(since, now):
            seen = {each.id for each in self._happened(now - OVERLAP)}
            yield from self._everything(now)
            cursor = Cursor(now, now, self.choice.digest, frozenset(seen))
            yield Checkpoint(cursor.encode(), whole=begin_anew)
            return
        happened = list(self._happened(since.at - OVERLAP))
        news = [each for each in happened if each.id not in since.seen]
        for page in self._now(news):
            yield from self._as_it_is(page)
        seen = {each.id for each in happened if each.timestamp >= now - OVERLAP}
        yield Checkpoint(Cursor(now, since.whole, since.settings, frozenset(seen)).encode())

    def _reaches(self, since: Cursor, now: datetime) -> bool:
        """Whether the logs tell everything since then.

        Recent changes are kept for a while (90 days, unless a wiki's settings say otherwise). Where one is left that is older
        than the cursor, none that followed it has been cut off. Should the wiki's clock have been set back, what happened in
        between bears moments that were read already.
        """
        if since.settings != self.choice.digest or now < since.at - timedelta(minutes=1):
            return False
        if now - since.whole > timedelta(days=WHOLE_DAYS):
            return False
        params = {"list": "recentchanges", "rcdir": "newer", "rclimit": "1", "rcprop": "ids|timestamp"}
        oldest = next(iter(self.api.rows(params)), None)
        return oldest is not None and shaped(Happened, oldest).timestamp < since.at

    def _happened(self, start: datetime) -> Iterator[Happened]:
        """Edits and lines of logs since then."""
        begin = f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        changes = {
            "rcdir": "newer",
            "rcstart": begin,
            "rctype": "edit|new",
            "rcprop": "ids|timestamp",
            "rclimit": "max",
        }
        logs = {"ledir": "newer", "lestart": begin, "leprop": "ids|timestamp|title|details", "lelimit": "max"}
        rows = self.api.rows({"list": "recentchanges|logevents", **changes, **logs})
        return (shaped(Happened, row) for row in rows)

    def _everything(self, now: datetime) -> Iterator[Change]:
        """Every page; then those that were moved or made meanwhile, so that the list, which is by title, has missed them.

        What was told already and changed since is left to the next walk, which begins at the same moment.
        """
        for number in self.choice.listed:
            every = {"generator": "allpages", "gapnamespace": str(number), "gapfilterredir": "nonredirects"}
            for row in self.api.pages({**every, "gaplimit": "max", **ABOUT}):
                yield from self._tell(shaped(Page, row))
        for page in self._now(self._happened(now - OVERLAP)):
            yield from self._tell(page)

    def _now(self, happened: Iterable[Happened]) -> Iterator[Page]:
        """The pages that something happened to, as they are now, each once."""
        ids, titles = dict[int, None](), dict[str, None]()
        for each in happened:
            ids.update(dict.fromkeys(number for number in (each.pageid, each.logpage) if number > 0))
            if each.logid:
                titles.update(dict.fromkeys(each.titles))
        found: set[int] = set()
        asked = [("pageids", list(map(str, ids))), ("titles", list(titles))]
        for name, values in asked:
            for at in range(0, len(values), TOGETHER):
                for row in self.api.pages({name: "|".join(values[at : at + TOGETHER]), **ABOUT}):
                    page = shaped(Page, row)
                    if page.pageid > 0 and page.pageid not in found:
                        found.add(page.pageid)
                        yield page

    def _tell(self, page: Page) -> Iterator[Change]:
        """A page and its file, unless they were told or are no documents."""
        if page.pageid in self._told:
            return
        self._told.add(page.pageid)
        if self.choice.takes(page) or self.choice.takes_file(page):
            self.remember(page)
        if self.choice.takes(page):
            yield Upserted(self.ref(str(page.pageid)), self.choice.version(page, str(page.lastrevid)))
        if self.choice.takes_file(page):
            yield Upserted(
                self.ref(file_key(page.pageid)), self.choice.version(page, page.imageinfo[0].sha1 or "")
            )

    def _as_it_is(self, page: Page) -> Iterator[Change]:
        """The same, and what is no document any more is gone."""
        yield from self._tell(page)
        if not self.choice.takes(page):
            yield Deleted(self.ref(str(page.pageid)))
        # A page that is missing does not say what it was.
        if self.choice.files and (page.missing or page.ns == FILES) and not self.choice.takes_file(page):
            yield Deleted(self.ref(file_key(page.pageid)))


def file_key(number: int) -> str:
    """The key of the file that a page describes."""
    return f"{number}/file"
