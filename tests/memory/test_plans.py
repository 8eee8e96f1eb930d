"""Nothing that is asked again and again walks through a whole table, as SQLite plans it: it would grow with the memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import NewPassage, new_document_id
from memory.catalogue.sources import Source
from memory.catalogue.vectors import text_digest
from memory.domain import OWNER, Access, Document, Location, SourceRef, Stage

LARGE = {"passages", "documents", "ledger", "identities", "contributions", "access", "texts", "listings"}


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    opened = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}")
    opened.sources.add(Source("s", "folder", "/x", {}))
    yield opened
    opened.close()


@contextmanager
def planned(catalogue: Catalogue) -> Iterator[list[str]]:
    """How SQLite goes about what it is asked meanwhile; filled in at the end."""
    asked: dict[str, Any] = {}
    plans: list[str] = []

    def note(*told: Any) -> None:
        statement, values, many = told[2], told[3], told[5]
        asked[statement] = values[0] if many else values

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    with catalogue.transaction() as connection:
        for statement, values in asked.items():
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
                plans.append(str(row[-1]))


def walks(plans: list[str]) -> list[str]:
    """Steps that look at every row of a large table; through an index, they look at those that are in it."""
    return [
        plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in LARGE and "INDEX" not in plan
    ]


def test_writing_and_reading_a_document_walks_through_nothing(catalogue: Catalogue) -> None:
    ref, known = SourceRef("folder", "s", "a.txt"), new_document_id()
    document = Document(known, ref, "A", "text/plain", "en", access=Access(frozenset({"public"})))
    new = [NewPassage("hello", Location(0, 5), 1, text_digest("hello"))]
    with planned(catalogue) as plans:
        for _ in range(2):
            with catalogue.transaction() as connection:
                catalogue.documents.replace(connection, document, "hello", new)
                catalogue.ledger.write(connection, ref, Stage.PARSED, document=known, version="1")
            catalogue.who_is_who.settle()
            ids = [each.passage.id for each in catalogue.passages.unindexed()]
            catalogue.passages.indexed(ids, [])
            catalogue.passages.drop(catalogue.passages.stale())
            catalogue.documents.facts_pending()
            catalogue.documents.removed()
            catalogue.passages.unembedded()
            catalogue.passages.embedded(ids)
            catalogue.passages.of_document(known)
            catalogue.passages.get(ids)
            catalogue.cards.fresh([known])
            catalogue.passages.after(0)
            catalogue.ledger.unread("s")
            catalogue.documents.get(known, OWNER)
    assert not walks(plans), walks(plans)
    for index in (
        "ix_passages_unindexed",
        "ix_passages_unembedded",
        "ix_documents_behind",
        "ix_identities_pending",
    ):
        assert [plan for plan in plans if index in plan], (index, plans)
    # It stands for what can be told without the rows, and is no way to them.
    assert not [plan for plan in plans if "SEARCH" in plan and "ix_passages_state" in plan]
    assert not [plan for plan in plans if "ix_ledger_stage" in plan]


def test_how_far_the_memory_is_is_told_without_its_texts(catalogue: Catalogue) -> None:
    with planned(catalogue) as plans:
        catalogue.passages.progress()
        catalogue.passages.average_length()
        catalogue.documents.languages(OWNER)
    assert not walks(plans), walks(plans)
    assert any("COVERING INDEX ix_passages_state" in plan for plan in plans)


def test_who_logs_in_is_found_by_an_index(catalogue: Catalogue) -> None:
    with planned(catalogue) as plans:
        catalogue.provisioned("hr").people(login="jane@x.example")
    assert not walks(plans), walks(plans)
    assert any("ix_listings_login" in plan for plan in plans)
