"""What is known of the pages of a site from one sync to the next: so that nothing unchanged is sent again.

It can be made again by asking for every page. Where it is lost, or damaged, that happens.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

_FORM = 1


@dataclass(frozen=True, slots=True)
class Known:
    """A page as it was met last.

    :param digest: of its bytes; ``""`` where it is no document.
    :param etag, modified: what the server calls its version, as it wrote them.
    :param changed: what the sitemap said about when it changed.
    :param checked: when the server was asked last, in seconds since 1970.
    :param leads_to: where it is to be found instead, for a redirect and for a page that wants to be known by another address.
    :param links: where it leads.
    """

    url: str
    digest: str = ""
    etag: str = ""
    modified: str = ""
    changed: str = ""
    checked: float = 0.0
    leads_to: str = ""
    links: tuple[str, ...] = ()


class Visited:
    """The pages of a source.

    :param folder: where it is kept; None keeps it for as long as this is open.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / "visited.db"
        self._open()

    def get(self, url: str) -> Known | None:
        """What is known of a page."""
        row = self._database.execute("SELECT * FROM page WHERE url = ?", (url,)).fetchone()
        return _known(row) if row else None

    def put(self, known: Known) -> None:
        """Note a page."""
        row = (*astuple(known)[:-1], json.dumps(known.links))
        self._database.execute(f"INSERT OR REPLACE INTO page VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608 - marks only

    def forget(self, url: str) -> None:
        """Note that a page is gone."""
        self._database.execute("DELETE FROM page WHERE url = ?", (url,))

    def documents(self) -> Iterator[str]:
        """Addresses of pages that were documents."""
        return iter(
            [
                row[0]
                for row in self._database.execute(
                    "SELECT url FROM page WHERE digest != '' AND leads_to = '' ORDER BY url"
                )
            ]
        )

    def save(self) -> None:
        """Keep what was noted."""
        self._database.commit()

    def close(self) -> None:
        """Keep what was noted, and let go of the file."""
        self.save()
        self._database.close()

    def _open(self) -> None:
        if self._file is None:
            self._database = sqlite3.connect(":memory:", check_same_thread=False)
            self._make()
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(self._file, check_same_thread=False)
        try:
            form = self._database.execute("PRAGMA user_version").fetchone()[0]
            if form == _FORM and self._database.execute("PRAGMA quick_check").fetchone()[0] == "ok":
                return
        except sqlite3.DatabaseError:
            pass
        self._database.close()
        for name in ("", "-journal"):
            with suppress(FileNotFoundError):
                Path(f"{self._file}{name}").unlink()
        self._database = sqlite3.connect(self._file, check_same_thread=False)
        self._make()

    def _make(self) -> None:
        columns = ", ".join(
            f"{each.name} {'PRIMARY KEY' if each.name == 'url' else ''}" for each in fields(Known)
        )
        self._database.execute(f"CREATE TABLE page ({columns})")
        self._database.execute(f"PRAGMA user_version = {_FORM}")
        self._database.commit()


def _known(row: tuple[Any, ...]) -> Known:
    told = dict(zip((each.name for each in fields(Known)), row, strict=True))
    return Known(**{**told, "links": tuple(json.loads(told["links"]))})
