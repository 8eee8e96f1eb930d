"""Opening the catalogue's database: write-ahead logging, migrations, and errors that instruct."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Executable, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError

from memory.errors import CatalogueAway, CatalogueError, DiskFull, InvalidInput, MnemeError

log = logging.getLogger("mneme")

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0020"
"""The newest migration; a test compares it with the files."""


def open_engine(url: str) -> Engine:
    """Open the database and bring its tables up to date.

    :param url: an SQLAlchemy URL; ``sqlite:///...`` needs nothing else, PostgreSQL the extra ``postgresql``.
    :raises CatalogueError: where it cannot be opened, is damaged, or was made by a newer Mneme.
    """
    try:
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except ModuleNotFoundError as error:
        raise CatalogueError(
            f"The database driver {error.name} is not installed.",
            hint='Run: pip install "mneme[postgresql]".',
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    try:
        with database_errors():
            _migrate(engine)
    except BaseException as error:
        engine.dispose()
        if isinstance(error, CatalogueAway):
            said = str(getattr(error.__cause__, "orig", "")).strip().partition("\n")[0]
            raise CatalogueAway(
                f"The catalogue's database does not let us in: {said}.",
                hint="Check that it runs and that MNEME_CATALOGUE__URL is right.",
            ) from error
        raise
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # A process may die at any moment without loss; only a power cut can undo the last transactions,
    # which the next sync repeats.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        known = inspect(connection).has_table("alembic_version")
        now = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    if now == HEAD:
        return  # importing Alembic costs more than everything else here
    if now is not None and now > HEAD:
        raise CatalogueError(
            f"The catalogue was made by a newer Mneme (schema {now}, this one knows {HEAD}).",
            hint="Install that version again, or name another folder in MNEME_HOME.",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Python's driver begins no transaction for changes of tables: a process that dies amid them would leave half.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn the database's errors into ours.

    :raises DiskFull: where the disk is full.
    :raises CatalogueAway: where it cannot be reached, or is restarting.
    :raises CatalogueError: for anything else the database says.
    """
    try:
        yield
    except DBAPIError as error:
        raise _ours(error) from error


def _ours(error: DBAPIError) -> MnemeError:
    said = str(error.orig)
    if _is_away(error):
        log.warning(
            "The catalogue's database is away: %s", said.partition("\n")[0]
        )  # where it is, is nobody's business
        return CatalogueAway()
    if "NUL (0x00)" in said:  # PostgreSQL has no such character
        return InvalidInput("A text with the character NUL cannot be kept or looked for.")
    if "disk is full" in said or "No space left" in said:
        return DiskFull("The catalogue cannot be written: the disk is full.")
    return _unusable(said, operational=isinstance(error, OperationalError))


def _unusable(said: str, *, operational: bool) -> CatalogueError:
    if "malformed" in said or "not a database" in said or "disk image" in said:
        return CatalogueError(
            f"The catalogue is damaged: {said}.",
            hint="Restore it from a backup, or where there is none, run `mneme salvage`; or move it and the folder `index` away, add the sources again and run `mneme sync`.",
        )
    if "disk I/O error" in said:
        return CatalogueError(
            "The catalogue cannot be read or written: the disk refuses.",
            hint="Free some space if the disk is full, and run the same command again; else have the disk checked.",
        )
    if operational and "unable to open" in said:
        return CatalogueError(
            "The catalogue cannot be opened.",
            hint="Check that its folder exists and may be written, or set MNEME_HOME.",
        )
    return CatalogueError(f"The catalogue answered: {said}.")


def _is_away(error: DBAPIError) -> bool:
    """Whether a server broke off or refuses connections, by the classes 08 and 57P of its error codes, or where it says nothing any more."""
    if not type(error.orig).__module__.startswith("psycopg"):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or isinstance(error, OperationalError)
    return str(state).startswith(("08", "57P"))


def transaction(engine: Engine) -> AbstractContextManager[Connection]:
    """One transaction, with our errors: ``with transaction(engine) as connection:``."""
    return _Transaction(engine)


def note(engine: Engine, change: Executable) -> None:
    """Write what is good to know and what nothing hangs on; where that cannot be, whoever asked goes on all the same."""
    try:
        with transaction(engine) as connection:
            connection.execute(change)
    except MnemeError as error:
        log.warning("When something was last used is not noted: %s", error.message)


_AFTER = "mneme_after_commit"


def after_commit(connection: Connection, call: Callable[[], None]) -> None:
    """Call once the connection's transaction has been committed, or may have been; never where it is undone.

    What is kept at hand must be dropped after the commit: dropped earlier, it would be read again as it was.
    """
    connection.info.setdefault(_AFTER, []).append(call)


class _Transaction:
    """A class rather than a generator: entering costs a third, and every query enters one."""

    def __init__(self, engine: Engine) -> None:
        self._begin = engine.begin()

    def __enter__(self) -> Connection:
        try:
            self._connection = self._begin.__enter__()
        except DBAPIError as error:
            raise _ours(error) from error
        return self._connection

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        lost = (
            self._connection.invalidated
        )  # then what was to be called is gone with it, and so is what was written
        waiting = () if lost else self._connection.info.pop(_AFTER, ())
        try:
            self._begin.__exit__(kind, error, trace)
        except DBAPIError as failure:
            for call in waiting:  # nobody knows whether it was committed: the answer may have been lost
                call()
            raise _ours(failure) from failure
        if error is None:
            for call in waiting:
                call()
        if isinstance(error, DBAPIError):
            raise _ours(error) from error
        if isinstance(error, OverflowError):  # SQLite's driver has no error of its own for it
            raise InvalidInput("A number is too large to be looked for.") from error
