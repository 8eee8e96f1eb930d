"""A damaged catalogue in SQLite: what of it can be read is written into a new one, and what is lost is told."""

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.damaged_table import DamagedTable, Lost, write
from memory.catalogue.engine import HEAD
from memory.catalogue.holds import HoldKind
from memory.catalogue.schema import metadata
from memory.errors import CatalogueError

_MADE_AGAIN = {"vectors", "recognised_pages", "events", "compared", "alike", "sessions"}
"""What syncs and searches make anew by themselves, or what nobody misses."""

_OWN = {
    "audit",
    "saved_searches",
    "pools",
    "pool_queries",
    "pool_items",
    "judgements",
    "users",
    "api_keys",
    "meta",
}
_KEPT = {"holds", "held", "kept", "kept_pieces"}

_WHO_MAY_SEE = {"access", "entries", "listings", "directory_groups", "group_members"}
"""A row that is missing here may have been the one that keeps somebody from seeing a document."""

_BACKUP = "Restore it from a backup; or move it and the folder `index` away, add the sources again and run `mneme sync`."


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of a damaged catalogue.

    :param rows: how many rows were read, by table.
    :param lost: tables with rows that could not be.
    :param done: what was done about it, each a sentence.
    """

    rows: dict[str, int]
    lost: list[Lost]
    done: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rows": sum(self.rows.values()),
            "lost": [asdict(each) for each in self.lost],
            "done": self.done,
        }


def salvage(damaged: Path, new: Path) -> Salvaged:
    """Write what can be read of a catalogue into a new file; the damaged one is only read.

    :param new: where nothing is yet.
    :raises CatalogueError: where too little can be read to go on from.
    """
    with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as old:
        _need_readable(old)
        Catalogue(f"sqlite:///{new}", keep_events=None).close()
        with closing(sqlite3.connect(new)) as made, made:
            made.execute("PRAGMA foreign_keys=OFF")
            told = _copied(old, made)
            _number_on(old, made)
            _set_right(made, told)
    _follow(new, told)
    return told


def _need_readable(old: sqlite3.Connection) -> None:
    try:
        [(known,)] = old.execute("SELECT version_num FROM alembic_version").fetchall()
    except (sqlite3.DatabaseError, ValueError) as error:
        raise CatalogueError(
            "The catalogue is damaged where it says what is in it, and nothing can be salvaged.", hint=_BACKUP
        ) from error
    if known != HEAD:
        raise CatalogueError(
            f"The catalogue is damaged and of another version (schema {known}, this one knows {HEAD}).",
            hint="Salvage it with the Mneme that wrote it.",
        )


def _copied(old: sqlite3.Connection, made: sqlite3.Connection) -> Salvaged:
    told = Salvaged({}, [])
    for table in metadata.sorted_tables:
        made.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - our own names; what migrations put there
        reading = DamagedTable(old, table)
        told.rows[table.name], refused = write(made, table, reading.rows())
        reading.lost.rows += refused
        if reading.lost.rows or reading.lost.more:
            told.lost.append(reading.lost)
    return told


def _number_on(old: sqlite3.Connection, made: sqlite3.Connection) -> None:
    """No id is given twice: not to what comes after rows that were lost, either."""
    known: dict[str, int] = {}
    jump = 0
    try:
        known = dict(old.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    except sqlite3.DatabaseError:
        jump = 1_000_000
    for name, now in made.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
        made.execute(
            "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (max(now, known.pop(name, 0)) + jump, name)
        )
    made.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", known.items())


def _set_right(made: sqlite3.Connection, told: Salvaged) -> None:
    """Make of the rows that were read a catalogue in which nothing points nowhere."""
    missing = made.execute(
        "SELECT source FROM documents UNION SELECT source FROM ledger EXCEPT SELECT name FROM sources"
    ).fetchall()
    if missing:
        names = ", ".join(sorted(str(name) for (name,) in missing)[:5])
        raise CatalogueError(
            f"What was set up for the sources {names} is lost, and their documents cannot be kept without.",
            hint=_BACKUP,
        )
    lost = {each.table for each in told.lost}
    made.execute(
        "INSERT OR IGNORE INTO persons (id, name) SELECT person, shown FROM identities UNION SELECT founded, shown FROM identities"
    )
    made.execute("UPDATE identities SET entry = NULL WHERE entry NOT IN (SELECT id FROM entries)")
    _drop_children(made, told)
    if lost & _WHO_MAY_SEE:
        made.execute("DELETE FROM access")
        told.done.append(
            "Nobody but the owner sees any document before it has been synced: who may see which is not known for sure."
        )
    if lost & {"entries", "listings", "directory_groups", "group_members"}:
        told.done.append(
            "Of the people and groups some are lost: import them again, or sync their directory."
        )
    if lost - _MADE_AGAIN - _OWN - _KEPT:
        _read_again(made)
        told.done.append("The next sync reads every document again.")
    made.execute("DELETE FROM sessions")


def _drop_children(made: sqlite3.Connection, told: Salvaged) -> None:
    """Delete rows that belong to what was lost, until there are none."""
    while orphans := {(row[0], row[1]) for row in made.execute("PRAGMA foreign_key_check").fetchall()}:
        for table, number in orphans:
            made.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (number,))  # noqa: S608 - our own names
            known = next((each for each in told.lost if each.table == table), None)
            if known is None:
                told.lost.append(known := Lost(table))
            known.rows += 1


def _read_again(made: sqlite3.Connection) -> None:
    """Forget of which version everything is. What has no row in the ledger gets one, and keeps its id."""
    made.execute("UPDATE sources SET cursor = NULL")
    made.execute("UPDATE ledger SET version = '', content = ''")
    made.execute(
        "UPDATE ledger SET stage = 'seen' WHERE document IS NOT NULL AND document NOT IN (SELECT id FROM documents)"
    )
    made.execute(
        "INSERT OR IGNORE INTO ledger (ref, source, document, parent, stage, at)"
        " SELECT one.ref, one.source, one.id, above.ref, 'seen', ? FROM documents AS one"
        " LEFT JOIN documents AS above ON above.id = one.parent"
        " WHERE NOT one.removed AND one.id NOT IN (SELECT document FROM ledger WHERE document IS NOT NULL)",
        (datetime.now(UTC).replace(tzinfo=None).isoformat(" "),),
    )


def _follow(new: Path, told: Salvaged) -> None:
    """What has to be seen of it ever after: in the audit, and by a hold in place of those that may be lost."""
    lost = {each.table for each in told.lost}
    catalogue = Catalogue(f"sqlite:///{new}", keep_events=None)
    try:
        if lost & {"holds", "held"}:
            _hold_all(catalogue)
            told.done.append(
                "Holds may be lost: the hold `salvaged` is on every document until they are placed again and it is ended."
            )
        catalogue.audit.note_salvage({each.table: each.rows for each in told.lost}, gap="audit" in lost)
        if "audit" in lost:
            told.done.append("Entries of the audit are lost: `mneme audit verify` shows where it breaks off.")
    finally:
        catalogue.close()


def _hold_all(catalogue: Catalogue) -> None:
    why = "Holds were lost with damaged pages of the catalogue."
    hold = catalogue.holds.place(
        _free_name(each.name for each in catalogue.holds.active()),
        why,
        HoldKind.DOCUMENTS,
        target="",
        said="",
        by="owner",
    )
    last, found = "", list[str]()
    while part := catalogue.documents.after(last, 1000):
        found += part
        last = part[-1]
    catalogue.holds.cover(hold, found)


def _free_name(taken: Collection[str] | Any) -> str:
    known = set(taken)
    return next(name for number in range(len(known) + 1) if (name := f"salvaged{number or ''}") not in known)
