"""Indexes on a part of a table or on several columns, each with the question that needs it.

A part is told in the very words in which it is asked for, as `is_(False)` writes them: SQLite takes no index for a question that it
cannot see to be about that part, and compares words (https://www.sqlite.org/partialindex.html, section 3). A value that is bound
is unknown to it; where a number is asked for, it stands in the question itself (`NONE`).
"""

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, literal_column

from memory.catalogue.schema import documents, identities, ledger, passages

NONE: ColumnElement[int] = literal_column("0")
"""Zero, as it stands in the questions."""


def _part(name: str, *columns: "Column[Any]", of: ColumnElement[bool]) -> None:
    Index(name, *columns, sqlite_where=of, postgresql_where=of)


# What the index has yet to learn, and to lose.
_part("ix_passages_unindexed", passages.c.id, passages.c.document, of=passages.c.indexed.is_(False))
_part("ix_passages_unembedded", passages.c.id, of=passages.c.embedded.is_(False))
_part("ix_passages_stale", passages.c.id, of=passages.c.stale.is_(True))
_part("ix_documents_removed", documents.c.id, of=documents.c.removed.is_(True))
_part("ix_documents_behind", documents.c.id, of=documents.c.facts_behind != NONE)
# Whose persons are to be settled.
_part("ix_identities_pending", identities.c.id, of=identities.c.pending.is_(True))
# Pages that are pictures and wait.
_part("ix_ledger_unread", ledger.c.source, of=ledger.c.unread != NONE)
# How far the memory is and how long its passages are on average, counted often: the rows themselves hold the texts. Nobody asks for
# a length, so it stands first: the flags there, the planner would take this index for one document's passages, too, and walk through all.
Index("ix_passages_state", passages.c.length, passages.c.stale, passages.c.indexed, passages.c.embedded)
# How many documents are in each language.
Index("ix_documents_language", documents.c.language, documents.c.removed)
