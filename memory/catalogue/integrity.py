"""What SQLite finds wrong with its file, and mending what costs no row: indexes that lack some."""

import re

from sqlalchemy import Connection, Engine, text

from memory.catalogue.engine import transaction

_OF_INDEX = re.compile(r"(?:row \d+ missing from|wrong # of entries in|non-unique entry in) index \S+")


def integrity(engine: Engine) -> list[str]:
    """What the database finds wrong with itself, a line each; nothing of a server."""
    with transaction(engine) as connection:
        return _integrity(connection, 20)


def _integrity(connection: Connection, most: int) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    said = "\n".join(row[0] for row in connection.execute(text(f"PRAGMA integrity_check({most})")))
    return [] if said == "ok" else [line for line in said.split("\n") if not line.startswith("*** in ")]


def mend_indexes(engine: Engine) -> bool:
    """Make the indexes anew where nothing is wrong but that they lack rows or have too many; says whether that was so.

    Where a page cannot be read, nothing is written: it may be taken for a free one. That is for `memory/catalogue/salvage.py`.
    """
    with transaction(engine) as connection:
        if not all(_OF_INDEX.fullmatch(line) for line in _integrity(connection, 1_000_000)):
            return False
        connection.execute(text("REINDEX"))
        return True
