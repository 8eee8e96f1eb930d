"""Posts of Mattermost as its API tells them, kept in the source's own folder so that a sync asks for what is new only."""

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from memory.errors import SourceError

_FORM = 1
"""Counted up whenever the tables change."""
_TABLES = """
CREATE TABLE IF NOT EXISTS post(channel TEXT, id TEXT, created INTEGER, told TEXT, PRIMARY KEY(channel, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS channel(id TEXT PRIMARY KEY, seen INTEGER, whole REAL);
"""


class PostStore:
    """The posts of a server by channel, each channel whole.

    :param state: the source's own folder; None keeps them in a temporary file until this is closed.
    :param server: its address: what was kept of another one is not used.
    """

    def __init__(self, state: Path | None, server: str) -> None:
        self._own = tempfile.TemporaryDirectory(prefix="mneme-") if state is None else None
        self._folder = Path(self._own.name) if self._own else Path(state or "")
        self._server = server
        self._opened: sqlite3.Connection | None = None

    def seen(self, channel: str) -> tuple[int, float] | None:
        """Up to which change (milliseconds of the server's clock) a channel is known, and when all of it was read last (seconds of ours)."""
        row = self._base().execute("SELECT seen, whole FROM channel WHERE id = ?", (channel,)).fetchone()
        return (int(row[0]), float(row[1])) if row else None

    def replace(self, channel: str, posts: Iterable[Mapping[str, Any]], *, seen: int, whole: float) -> None:
        """Take in a channel that was read from its beginning to its end."""
        base = self._base()
        with base:
            base.execute("DELETE FROM post WHERE channel = ?", (channel,))
            self._put(base, channel, posts)
            base.execute("INSERT OR REPLACE INTO channel VALUES(?, ?, ?)", (channel, seen, whole))

    def update(self, channel: str, posts: Iterable[Mapping[str, Any]], *, seen: int) -> None:
        """Take in what changed in a channel."""
        base = self._base()
        with base:
            self._put(base, channel, posts)
            base.execute("UPDATE channel SET seen = ? WHERE id = ?", (seen, channel))

    def forget(self, channel: str) -> None:
        """A channel is gone."""
        base = self._base()
        with base:
            base.execute("DELETE FROM post WHERE channel = ?", (channel,))
            base.execute("DELETE FROM channel WHERE id = ?", (channel,))

    def channels(self) -> list[str]:
        """Ids of the channels that are known."""
        return [number for (number,) in self._base().execute("SELECT id FROM channel")]

    def posts(self, channel: str) -> Iterator[dict[str, Any]]:
        """A channel's posts, oldest first."""
        rows = self._base().execute(
            "SELECT told FROM post WHERE channel = ? ORDER BY created, id", (channel,)
        )
        for (told,) in rows:
            yield json.loads(told)

    def close(self) -> None:
        """Let go of the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._own is not None:
            self._own.cleanup()

    @staticmethod
    def _put(base: sqlite3.Connection, channel: str, posts: Iterable[Mapping[str, Any]]) -> None:
        for post in posts:
            if post.get("delete_at"):
                base.execute("DELETE FROM post WHERE channel = ? AND id = ?", (channel, post["id"]))
            else:
                told = json.dumps(post, separators=(",", ":"))
                base.execute(
                    "INSERT OR REPLACE INTO post VALUES(?, ?, ?, ?)",
                    (channel, post["id"], post["create_at"], told),
                )

    def _base(self) -> sqlite3.Connection:
        if self._opened is None:
            try:
                self._opened = self._open()
            except (sqlite3.Error, OSError) as error:
                raise SourceError(
                    f"Posts cannot be kept: {error}.", hint=f"Is {self._folder} full, or not to be written?"
                ) from error
        return self._opened

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "posts.sqlite"
        for _ in range(2):
            base = sqlite3.connect(file, check_same_thread=False)
            try:
                base.execute("PRAGMA journal_mode = WAL")
                base.execute("CREATE TABLE IF NOT EXISTS meta(form INTEGER, server TEXT)")
                kept = base.execute("SELECT form, server FROM meta").fetchone()
                if kept in (None, (_FORM, self._server)):
                    with base:
                        base.executescript(_TABLES)
                        if kept is None:
                            base.execute("INSERT INTO meta VALUES(?, ?)", (_FORM, self._server))
                    return base
            except sqlite3.DatabaseError:
                pass  # damaged: all of it can be had again
            base.close()
            for each in (file, file.with_name("posts.sqlite-wal"), file.with_name("posts.sqlite-shm")):
                each.unlink(missing_ok=True)
        raise sqlite3.DatabaseError("they cannot be kept")
