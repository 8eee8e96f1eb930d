"""The condition that keeps what an asker may see; every query that goes out has it inside."""

from sqlalchemy import FromClause, select
from sqlalchemy.sql import ColumnElement

from memory.catalogue.schema import access, documents
from memory.domain import Asker


def visible(asker: Asker, among: FromClause = documents) -> tuple[ColumnElement[bool], ...]:
    """Conditions on `documents` that keep what the asker may see: deny wins, nothing granted is nobody's.

    :param among: `documents`, or an alias of it.
    """
    if asker.owner:
        return ()
    held = select(access.c.document).where(access.c.document == among.c.id, access.c.token.in_(asker.tokens))
    return (
        held.where(access.c.deny.is_(False)).exists(),
        ~held.where(access.c.deny.is_(True)).exists(),
    )
