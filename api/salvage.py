"""Going on from a damaged catalogue: what can be read of it takes its place, and it is kept beside."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.doctor import examine
from api.home_folder import CATALOGUE, SALVAGING, clear
from api.lock import OwnerLock
from api.settings import Settings
from api.wiring import open_memory
from memory.catalogue.salvage import salvage as read
from memory.errors import CatalogueError, InvalidInput, InvalidSettings, MnemeError
from memory.index.edge_shard import need_space


def salvage(settings: Settings) -> dict[str, Any]:
    """Put what can be read of a damaged catalogue in its place, make the index anew, and say what is lost.

    The damaged file stays, under the name that is told. Killed at any moment, the catalogue is the old one or the new one.

    :raises InvalidInput: where there is no catalogue, or nothing is wrong with it.
    :raises CatalogueError: where too little can be read; then nothing changes.
    """
    if settings.catalogue.url.get_secret_value():
        raise InvalidSettings(
            "The catalogue is in a database server.", hint="Its own tools mend it, or bring back a backup."
        )
    lock = OwnerLock(settings.home, "mneme salvage")
    file, staged = settings.home / CATALOGUE, settings.home / SALVAGING
    try:
        if not file.is_file():
            raise InvalidInput(f"There is no catalogue in {settings.home}.")
        _need_damaged(file)
        clear(staged)
        need_space(settings.home, 2 * file.stat().st_size, "what is salvaged")
        staged.mkdir(mode=0o700)
        try:
            told = read(file, staged / CATALOGUE)
            kept = _free(file)
            # A second name first: at no moment is there no catalogue.
            kept.hardlink_to(file)
            (staged / CATALOGUE).replace(file)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    finally:
        lock.release()
    settled, found = _settled(settings), told.to_json()
    return {"damaged": str(kept), **found, **settled, "done": found["done"] + settled.get("done", [])}


def _need_damaged(file: Path) -> None:
    """Take in what waits in the write-ahead log, and see that something is wrong."""
    try:
        with closing(sqlite3.connect(file)) as database:
            busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            said = [row[0] for row in database.execute("PRAGMA integrity_check(1)")]
    except sqlite3.DatabaseError:
        busy, said = 0, ["damaged"]
    if said == ["ok"]:
        raise InvalidInput(
            "Nothing is wrong with the catalogue's file.", hint="`mneme doctor --repair` mends the index."
        )
    left = file.with_name(file.name + "-wal")
    if busy or (left.exists() and left.stat().st_size):
        raise CatalogueError(
            "What was written last cannot be taken into the catalogue.", hint="Restore it from a backup."
        )


def _free(file: Path) -> Path:
    """A name for the damaged file that nothing has yet."""
    day = f"{file.stem}.damaged-{datetime.now(UTC):%Y-%m-%d}"
    names = (file.with_name(f"{day}{(number and f'-{number}') or ''}{file.suffix}") for number in range(1000))
    return next(name for name in names if not name.exists())


def _settled(settings: Settings) -> dict[str, Any]:
    try:
        memory = open_memory(settings, "mneme salvage")
        try:
            return {**examine(memory, repair=True, rebuild=True, ungated=True), "trouble": ""}
        finally:
            memory.close()
    except MnemeError as error:
        return {"well": False, "trouble": str(error)}
