"""Who wrote what and when, from one pass over a repository's history, kept so that the next pass is short."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from connectors.gitwiki.log import Commit, Contact, commits
from connectors.gitwiki.program import Git
from memory.errors import SourceError

_TABLES = """
CREATE TABLE IF NOT EXISTS state (commit_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS names (name BLOB PRIMARY KEY, past INTEGER NOT NULL, gone INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pasts (id INTEGER PRIMARY KEY, past TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contacts (name TEXT, mail TEXT, PRIMARY KEY (name, mail)) WITHOUT ROWID;
"""


@dataclass(slots=True)
class Past:
    """How a document came about.

    :param created, changed: seconds since 1970 of the first and the last commit that changed its text.
    :param authors: whoever made the first commit.
    :param editors: whoever made a later one, and when their last one was.
    """

    created: int
    changed: int
    authors: list[Contact]
    editors: dict[Contact, int] = field(default_factory=dict)

    def edit(self, people: Iterable[Contact], at: int) -> None:
        """Another commit changed it."""
        self.changed = max(self.changed, at)
        for each in people:
            self.editors[each] = max(at, self.editors.get(each, at))

    def to_json(self) -> str:
        """As text."""
        editors = [[*each, at] for each, at in self.editors.items()]
        return json.dumps([self.created, self.changed, self.authors, editors])

    @classmethod
    def from_json(cls, text: str) -> "Past":
        """Read back what `to_json` gave."""
        created, changed, authors, editors = json.loads(text)
        return cls(
            created, changed, [(name, mail) for name, mail in authors], {(n, m): at for n, m, at in editors}
        )


class History:
    """The past of each document of a branch.

    A name stands for one past from its creation to its removal; a rename gives the past another name, and whoever
    edits the old one on another branch meanwhile edits the same document. A rename that changes no text makes nobody
    an editor.

    :param file: where it is kept; None: for this run.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._names: dict[bytes, tuple[int, bool]] = {}
        self._pasts: dict[int, Past] = {}
        self._changed: set[int] = set()
        self._met: set[Contact] = set()
        self._next = 0
        self._database = self._open()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def of(self, name: bytes) -> Past | None:
        """The past of the document that has this name now; None where no commit made it."""
        row = self._database.execute(
            "SELECT pasts.past FROM names JOIN pasts ON pasts.id = names.past WHERE name = ?", (name,)
        ).fetchone()
        return Past.from_json(row[0]) if row else None

    def contacts(self) -> list[Contact]:
        """Everybody who ever committed."""
        return [(name, mail) for name, mail in self._database.execute("SELECT name, mail FROM contacts")]

    def bring_to(self, git: Git, commit: str, *, within: bool) -> None:
        """Read what was committed since it was last read.

        :param within: whether the commit at which it stands is one of this one's forebears; else all is read anew.
        """
        known = self.commit
        if known == commit:
            return
        if not within or not known:
            for table in ("state", "names", "pasts", "contacts"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
            known = ""
        self._next = self._database.execute("SELECT coalesce(max(id), 0) FROM pasts").fetchone()[0]
        span = f"{known}..{commit}" if known else commit
        for each in commits(git, span):
            self._take(each)
        self._write(commit)

    @property
    def commit(self) -> str:
        """The commit at which it stands; ``""`` for none."""
        row = self._database.execute("SELECT commit_id FROM state").fetchone()
        return str(row[0]) if row else ""

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            database = sqlite3.connect(":memory:", check_same_thread=False)
            database.executescript(_TABLES)
            return database
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                return _opened(self._file)
            except sqlite3.DatabaseError:  # whatever it is: it can be made again
                self._file.unlink()
                return _opened(self._file)
        except (OSError, sqlite3.Error) as error:
            raise SourceError(
                f"{self._file} cannot be written: {error}.", hint="Make room, or allow writing there."
            ) from error

    def _take(self, commit: Commit) -> None:
        self._met.update(commit.people)
        for status, alike, old, name in commit.changes:
            if status == "D":
                if found := self._find(name):
                    self._names[name] = (found[0], True)
            elif status == "R" and (found := self._find(old)):
                self._names[old] = (found[0], True)
                self._names[name] = (found[0], False)
                if alike < 100:
                    self._edit(found[0], commit)
            elif (found := self._find(name)) and not (status == "A" and found[1]):
                # A file that two branches begin, or that one edits while another renames it, is one.
                self._edit(found[0], commit)
            else:
                self._next += 1
                self._names[name] = (self._next, False)
                self._pasts[self._next] = Past(commit.at, commit.at, list(commit.people))
                self._changed.add(self._next)

    def _find(self, name: bytes) -> tuple[int, bool] | None:
        if name not in self._names:
            row = self._database.execute("SELECT past, gone FROM names WHERE name = ?", (name,)).fetchone()
            if row is None:
                return None
            self._names[name] = (row[0], bool(row[1]))
        return self._names[name]

    def _edit(self, number: int, commit: Commit) -> None:
        if number not in self._pasts:
            [text] = self._database.execute("SELECT past FROM pasts WHERE id = ?", (number,)).fetchone()
            self._pasts[number] = Past.from_json(text)
        self._pasts[number].edit(commit.people, commit.at)
        self._changed.add(number)

    def _write(self, commit: str) -> None:
        with self._database as database:
            database.executemany(
                "INSERT OR REPLACE INTO names VALUES (?, ?, ?)",
                ((name, past, gone) for name, (past, gone) in self._names.items()),
            )
            database.executemany(
                "INSERT OR REPLACE INTO pasts VALUES (?, ?)",
                ((number, self._pasts[number].to_json()) for number in self._changed),
            )
            database.executemany("INSERT OR IGNORE INTO contacts VALUES (?, ?)", self._met)
            database.execute("DELETE FROM state")
            database.execute("INSERT INTO state VALUES (?)", (commit,))
        self._names, self._pasts, self._changed, self._met = {}, {}, set(), set()


def _opened(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, check_same_thread=False, timeout=30)
    try:
        database.executescript(_TABLES)
        database.execute("SELECT count(*) FROM state").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database
