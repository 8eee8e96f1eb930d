"""A copy of the catalogue as it was at one moment, while others go on changing it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from memory.errors import CatalogueError, DiskFull, InvalidSettings


@contextmanager
def snapshot(engine: Engine) -> Iterator[Callable[[Path], None]]:
    """Hold the catalogue as it is now; what is given writes it to a file, however much has changed meanwhile.

    Write-ahead logging keeps what an open reading transaction sees, and nobody waits for it
    (https://www.sqlite.org/isolation.html); SQLite's backup reads within that transaction.

    :raises InvalidSettings: where the catalogue is not in SQLite.
    """
    if engine.dialect.name != "sqlite":
        raise InvalidSettings(
            f"The catalogue is in {engine.dialect.name}, which Mneme does not copy.",
            hint="Use that database's own means: pg_dump, or a snapshot of its disk.",
        )
    pooled = engine.raw_connection()
    try:
        held = pooled.driver_connection
        if not isinstance(held, sqlite3.Connection):
            raise CatalogueError("The catalogue's driver cannot copy it.")
        held.execute("BEGIN")
        held.execute("SELECT count(*) FROM meta").fetchone()  # the moment is that of the first reading
        yield lambda target: _write(held, target)
    finally:
        pooled.rollback()
        pooled.close()


def _write(held: sqlite3.Connection, target: Path) -> None:
    """Write what a connection sees to a file of its own, and have that checked.

    :raises DiskFull: where it does not fit.
    :raises CatalogueError: where the catalogue is damaged: a copy of that is no backup.
    """
    try:
        with closing(sqlite3.connect(target)) as copy:
            held.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            wrong = [row[0] for row in copy.execute("PRAGMA integrity_check(20)")]
    except sqlite3.Error as error:
        if "disk is full" in str(error) or "disk I/O error" in str(error):
            raise DiskFull(
                f"The copy of the catalogue does not fit on the disk of {target.parent}."
            ) from error
        raise CatalogueError(f"The catalogue cannot be copied: {error}.") from error
    if wrong != ["ok"]:
        raise CatalogueError(
            f"The catalogue is damaged: {wrong[0]}.",
            hint="Restore an older backup; `mneme doctor` says more.",
        )
