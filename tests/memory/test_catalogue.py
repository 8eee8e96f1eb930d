"""The catalogue: what is written stays, what is pending is found again, what is hidden stays hidden."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text

from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import NewPassage, new_document_id
from memory.catalogue.engine import HEAD, MIGRATIONS
from memory.catalogue.events import EventKind
from memory.catalogue.judging import Judgement, Pool
from memory.catalogue.schema import metadata
from memory.catalogue.sources import Source
from memory.catalogue.vectors import text_digest
from memory.domain import (
    OWNER,
    Access,
    Asker,
    Contribution,
    Document,
    Identity,
    Location,
    Role,
    SourceRef,
    Stage,
)
from memory.embedding.base import ModelIdentity
from memory.errors import CatalogueError, InvalidInput, NotFound
from tests.directories import enrol
from tests.memory.conftest import Databases

NOBODY = Access()
JANE = Identity("Doe, Jane", "jane@x.example")


@pytest.fixture
def catalogue(address: str):
    opened = Catalogue(address)
    opened.sources.add(Source("s", "folder", "/x", {}))
    yield opened
    opened.close()


def write(
    catalogue: Catalogue, key: str, text: str = "hello world", access: Access = NOBODY, **more
) -> Document:
    ref = SourceRef("folder", "s", key)
    document = Document(
        more.pop("id", None) or new_document_id(),
        ref,
        f"About {key}",
        "text/plain",
        "en",
        access=access,
        **more,
    )
    passages = [NewPassage(text, Location(0, len(text)), 2, text_digest(text))]
    with catalogue.transaction() as connection:
        catalogue.documents.replace(connection, document, text, passages)
        catalogue.ledger.write(connection, ref, Stage.PARSED, document=document.id, version="1")
    return document


def index_all(catalogue: Catalogue, embedded: bool = False) -> list[int]:
    ids = [stored.passage.id for stored in catalogue.passages.unindexed()]
    catalogue.passages.indexed(ids, ids if embedded else [])
    return ids


def test_a_document_is_read_back_as_it_was_written(catalogue: Catalogue) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    parts = (Contribution(JANE, Role.AUTHOR, at, "by-line"),)
    access = Access(frozenset({"group:a"}), frozenset({"group:b"}))
    document = write(catalogue, "a.txt", access=access, modified=at, contributions=parts)
    assert catalogue.documents.get(document.id, OWNER) == document
    assert catalogue.documents.text(document.id) == "hello world"


def test_who_may_not_see_a_document_is_told_the_same_as_of_none(catalogue: Catalogue) -> None:
    document = write(catalogue, "a.txt", access=Access(frozenset({"group:a"}), frozenset({"person:x"})))
    assert catalogue.documents.get(document.id, Asker("p", frozenset({"group:a"})))
    told = []
    for asked, asker in [
        (document.id, Asker()),
        (document.id, Asker("x", frozenset({"group:a", "person:x"}))),
        ("0", OWNER),
    ]:
        with pytest.raises(NotFound) as caught:
            catalogue.documents.get(asked, asker)
        told.append(str(caught.value))
    assert len(set(told)) == 1


def test_old_passages_stay_until_the_new_ones_are_indexed(catalogue: Catalogue) -> None:
    document = write(catalogue, "a.txt", "first words")
    old = index_all(catalogue)
    write(catalogue, "a.txt", "second words", id=document.id)
    assert catalogue.passages.stale() == []
    assert set(catalogue.passages.get(old)) == set(old)
    new = index_all(catalogue)
    assert catalogue.passages.stale() == old
    assert [p.text for p in catalogue.passages.of_document(document.id)] == ["second words"]
    catalogue.passages.drop(old)
    assert catalogue.passages.ids() == set(new)


def test_passage_ids_are_never_used_again(catalogue: Catalogue) -> None:
    document = write(catalogue, "a.txt")
    first = index_all(catalogue)
    with catalogue.transaction() as connection:
        catalogue.documents.remove(connection, document.id)
    catalogue.passages.drop(catalogue.passages.stale())
    catalogue.documents.forget(document.id)
    write(catalogue, "b.txt")
    assert min(index_all(catalogue)) > max(first)


def test_the_ledger_follows_the_last_passage(catalogue: Catalogue) -> None:
    document = write(catalogue, "a.txt")
    stages = [catalogue.ledger.find([document.ref])[document.ref].stage]
    ids = index_all(catalogue)
    stages.append(catalogue.ledger.find([document.ref])[document.ref].stage)
    catalogue.passages.embedded(ids)
    stages.append(catalogue.ledger.find([document.ref])[document.ref].stage)
    assert stages == [Stage.PARSED, Stage.INDEXED, Stage.EMBEDDED]


def test_a_text_that_no_database_holds_is_the_askers_mistake(catalogue: Catalogue) -> None:
    with suppress(InvalidInput):  # PostgreSQL holds no NUL; SQLite does, and finds nothing
        assert catalogue.documents.named("a\x00b", OWNER) == []
    with suppress(InvalidInput):
        assert catalogue.person_pages.find("a\x00b", OWNER) == []
    catalogue.documents.named("a", OWNER)


def test_a_revocation_counts_from_its_commit(catalogue: Catalogue) -> None:
    held = Asker("p", frozenset({"group:a"}))
    document = write(catalogue, "a.txt", access=Access(frozenset({"group:a"})))
    passage = index_all(catalogue)[0]
    card = catalogue.cards.of_passages([passage])[0]
    assert card is not None
    assert card.access.allows(held)
    with catalogue.transaction() as connection:
        catalogue.documents.restate(connection, document.id, Access(frozenset({"group:b"})))
        during = catalogue.cards.of_passages([passage])[0]
    after = catalogue.cards.of_passages([passage])[0]
    assert during is not None
    assert after is not None
    assert during.access.allows(held)
    assert not after.access.allows(held)


def test_cards_are_remembered_while_others_change(catalogue: Catalogue) -> None:
    read, changing = write(catalogue, "a.txt"), write(catalogue, "b.txt")
    with amid_reading("contributions", lambda: revoke(catalogue, changing)):
        catalogue.cards.of_documents([read.id, changing.id])
    with statements() as asked:
        assert catalogue.cards.of_documents([read.id])
    assert asked == []
    assert catalogue.cards.of_documents([changing.id])[changing.id].access.grant == {"group:b"}


def test_passages_that_are_gone_are_not_kept_at_hand(catalogue: Catalogue) -> None:
    document = write(catalogue, "a.txt")
    old = index_all(catalogue)
    assert catalogue.cards.of_passages(old)[0] is not None
    write(catalogue, "a.txt", "another", id=document.id)
    assert catalogue.cards.warm() == 1
    index_all(catalogue)
    catalogue.passages.drop(catalogue.passages.stale())
    with statements() as asked:
        assert catalogue.cards.of_passages(old) == [None]
    assert asked  # it had to look: nothing was left of them


@contextmanager
def statements() -> Iterator[list[str]]:
    """What databases are asked meanwhile."""
    asked: list[str] = []

    def note(*args: Any) -> None:
        asked.append(args[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@contextmanager
def amid_reading(table: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something once, right after a database was asked for rows of a table."""
    left = [act]

    def then(*args: Any) -> None:
        if f"FROM {table}" in args[2] and left:
            left.pop()()

    event.listen(Engine, "after_cursor_execute", then)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", then)
    assert not left


def revoke(catalogue: Catalogue, document: Document) -> None:
    with catalogue.transaction() as connection:
        catalogue.documents.restate(connection, document.id, Access(frozenset({"group:b"})))


def test_what_is_rolled_back_was_never_said(catalogue: Catalogue) -> None:
    document = write(catalogue, "a.txt", access=Access(frozenset({"group:a"})))
    transaction = catalogue.transaction()
    catalogue.documents.restate(transaction.__enter__(), document.id, Access())
    failure = RuntimeError()
    transaction.__exit__(RuntimeError, failure, None)
    assert catalogue.documents.get(document.id, OWNER).access.grant == {"group:a"}


def test_a_directory_gives_people_their_groups(catalogue: Catalogue) -> None:
    enrol(catalogue, [JANE, Identity("J. Doe")], "Legal", ["group:legal"])
    asker = catalogue.people.asker("J. Doe")
    assert [asker.person] == catalogue.people.find("jane@x.example")
    assert asker.tokens == {"group:legal", "person:jane@x.example", "public"}
    with pytest.raises(NotFound, match="not known"):
        catalogue.people.asker("somebody else")


def test_vectors_are_kept_exactly_and_by_model(catalogue: Catalogue) -> None:
    one, other = ModelIdentity("a", "1", 4), ModelIdentity("b", "2", 4)
    vector = np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32)
    catalogue.vectors.put(one, {"d": vector})
    assert np.array_equal(catalogue.vectors.get(one, ["d", "e"])["d"], vector)
    assert catalogue.vectors.get(other, ["d"]) == {}


def test_what_is_found_first_keeps_its_date_whoever_reads_beside(catalogue: Catalogue) -> None:
    """A page and a feed that are read at once each know the search as it was before either."""
    before = catalogue.saved.add("jane", "leases", "lease", ["old"])
    first = catalogue.saved.note(before, ["old", "new"]).found
    readers = [f"by {number}" for number in range(8)]
    with ThreadPoolExecutor(len(readers)) as pool:
        noted = list(pool.map(lambda own: catalogue.saved.note(before, ["old", "new", own]).found, readers))
    kept = catalogue.saved.get(before.id, "jane").found
    assert set(kept) == {"old", "new", *readers}
    for found in noted:
        assert {**kept, **found} == kept, "each reader was told the date that is kept"
    assert (kept["old"], kept["new"]) == (first["old"], first["new"])


def test_events_hide_who_asked_and_end(address: str) -> None:
    kept = Catalogue(address, keep_events=timedelta(days=1))
    kept.events.record(EventKind.SEARCH, Asker("jane"), "budget", ["d1"], 3.0)
    event = kept.events.all()[0]
    assert (event.query, event.documents) == ("budget", ("d1",))
    assert "jane" not in event.asker
    assert event.asker == kept.events.pseudonym(Asker("jane"))
    assert kept.events.expire() == 0
    kept.close()
    brief = Catalogue(address, keep_events=timedelta(microseconds=1))
    brief.events.record(EventKind.SEARCH, Asker("jane"), "heating", ["d1"], 3.0)
    assert brief.events.all() == [], "what is older than its time goes when the first is written"
    brief.close()


def test_a_log_that_is_off_records_nothing_and_keeps_nothing(address: str) -> None:
    on = Catalogue(address)
    on.events.record(EventKind.SEARCH, Asker("jane"), "budget", ["d1"], 3.0)
    on.close()
    off = Catalogue(address, keep_events=None)
    off.events.record(EventKind.SEARCH, OWNER, "budget", [], 3.0)
    assert [event.query for event in off.events.all()] == ["budget"]
    assert off.events.expire() == 1
    assert off.events.all() == []
    off.close()


def test_the_migrations_make_the_tables_the_code_knows(address: str) -> None:
    made = inspect(create_engine(address))
    assert set(made.get_table_names()) - {"alembic_version"} == set(metadata.tables)
    for name, table in metadata.tables.items():
        assert {column["name"] for column in made.get_columns(name)} == set(table.columns.keys())
        indexes = [each for each in made.get_indexes(name) if not each.get("duplicates_constraint")]
        assert {each["name"]: each["column_names"] for each in indexes} == {
            each.name: each.columns.keys() for each in table.indexes
        }
    assert max(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py")) == HEAD
    made.engine.dispose()


OLD_FILES = (
    "INSERT INTO sources (name, kind, location, config, added)"
    " VALUES ('files', 'folder', '/f', '{}', '2026-01-01 00:00:00')"
)
OLD_PEOPLE = """\
INSERT INTO persons (id, name, department) VALUES ('jane', 'Jane Doe', 'Legal'), ('max', 'Max Roe', '');
INSERT INTO identities (kind, value, person, shown, evidence) VALUES
 ('address', 'jane@x.example', 'jane', 'jane@x.example', 'same address'),
 ('address', 'jane.doe@x.example', 'jane', 'Jane.Doe@x.example', 'directory'),
 ('name', 'jane doe', 'jane', 'Jane Doe', 'same name'), ('name', 'j doe', 'jane', 'J. Doe', 'directory'),
 ('name', 'max roe', 'max', 'Max Roe', 'same name');
INSERT INTO memberships (person, token) VALUES ('jane', 'group:legal');
INSERT INTO documents (id, ref, source, title, media_type, type, language, url, version, formality, facts_pending)
 VALUES ('d', 'folder:files/a', 'files', 'A', 'text/plain', 'txt', 'en', '', '1', 'page', true),
 ('e', 'folder:files/b', 'files', 'B', 'text/plain', 'txt', 'en', '', '1', 'page', false);
INSERT INTO contributions (document, ordinal, person, identity, role, evidence) VALUES
 ('d', 0, 'jane', '{"name": "Doe, Jane", "address": "jane@x.example", "account": ""}', 'sender', 'From'),
 ('d', 1, 'max', '{"name": "Max Roe", "address": "", "account": ""}', 'recipient', 'To')"""


@contextmanager
def migrating(url: str) -> Iterator[tuple[Connection, Config]]:
    """A transaction in which Alembic's commands change a catalogue that nobody has open."""
    engine, config = create_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        yield connection, config
    engine.dispose()


def test_an_older_catalogue_is_brought_up_to_date_with_what_it_holds(databases: Databases) -> None:
    """Every migration, from the first tables with a document in them, and back again."""
    url = databases.new()
    with migrating(url) as (connection, config):
        command.upgrade(config, "0001")
        connection.exec_driver_sql(OLD_FILES)
        connection.execute(
            text(
                "INSERT INTO ledger (ref, source, stage, at) VALUES ('folder:files/a', 'files', 'seen', :at)"
            ),
            {"at": "2026-01-01 00:00:00"},
        )
        for statement in OLD_PEOPLE.split(";\n"):
            connection.exec_driver_sql(statement)
    held = Catalogue(url)
    assert [source.name for source in held.sources.all()] == ["files"]
    ref = SourceRef("folder", "files", "a")
    assert held.ledger.find([ref])[ref].parent is None
    held.judging.add(Pool("pool", 2, {}, {"q": "text"}, {"q": {"d": str(ref)}}))
    held.judging.judge("pool", Judgement("q", "d", "owner", 1))
    held.judging.remove("pool")
    assert held.judging.judgements("pool") == []
    assert held.documents.facts_pending() == {"d": 1, "e": 1}, "the index knew the persons of then"
    held.who_is_who.settle()
    own = {"person:jane@x.example", "person:jane.doe@x.example"}
    assert held.people.asker("jane@x.example").tokens == {"group:legal", "public"} | own
    assert held.people.get("jane").name == "Jane Doe"
    assert held.people.find("J. Doe") == held.people.find("jane.doe@x.example") == ["jane"]
    assert held.people.find("Max Roe") == ["max"]
    parts = held.documents.get("d", OWNER).contributions
    assert [(part.person, part.role) for part in parts] == [
        (Identity("Doe, Jane", "jane@x.example"), Role.SENDER),
        (Identity("Max Roe"), Role.RECIPIENT),
    ]
    held.close()
    with migrating(url) as (connection, config):
        command.downgrade(config, "0001")
        assert connection.execute(text("SELECT ref FROM ledger")).scalar() == str(ref)
        people = connection.exec_driver_sql(
            "SELECT person, role, identity FROM contributions ORDER BY ordinal"
        )
        named = [
            (person, role, told if isinstance(told, dict) else json.loads(told))
            for person, role, told in people
        ]
        assert [(person, role, told["name"]) for person, role, told in named] == [
            ("jane", "sender", "Doe, Jane"),
            ("max", "recipient", "Max Roe"),
        ]
        known = "SELECT value, department, token FROM identities JOIN persons ON id = person JOIN memberships USING (person)"
        assert ("jane.doe@x.example", "Legal", "group:legal") in connection.exec_driver_sql(known).all()


def test_an_upgrade_keeps_what_is_somebodys_under_their_lasting_key(databases: Databases) -> None:
    """Before, it was kept under the id of the person, here one whom Jane was joined to."""
    url = databases.new()
    with migrating(url) as (connection, config):
        command.upgrade(config, "0001")
        connection.exec_driver_sql(OLD_FILES)
        for statement in OLD_PEOPLE.split(";\n"):
            connection.exec_driver_sql(statement)
        command.upgrade(config, "0010")
        connection.exec_driver_sql("UPDATE identities SET person = 'max' WHERE entry IS NOT NULL")
        connection.exec_driver_sql(
            "INSERT INTO saved_searches VALUES"
            " ('s', 'max', 'leases', 'lease', '2026-01-01 00:00:00', '2026-01-01 00:00:00', '{}')"
        )
    held = Catalogue(url)
    asker = held.people.asker("jane@x.example")
    assert (asker.person, asker.key) == ("max", "jane")
    assert [search.name for search in held.saved.of(asker.key)] == ["leases"]
    assert held.people.departments() == {"jane": "Legal"}
    held.close()


def test_keys_made_before_are_for_any_source_and_those_for_one_never_become_so(databases: Databases) -> None:
    url = databases.new()
    with migrating(url) as (connection, config):
        command.upgrade(config, "0017")
        connection.exec_driver_sql(
            "INSERT INTO api_keys (id, hash, name, address, tokens, scopes, made_by, created)"
            " VALUES ('old', 'x', 'CRM', '', '[]', '[\"push\"]', 'owner', '2026-01-01 00:00:00')"
        )
    held = Catalogue(url)
    held.api_keys.add("ERP", scopes=["push"], made_by="owner", source="erp")
    assert {key.name: (key.source, key.revoked) for key in held.api_keys.all()} == {
        "CRM": ("", None),
        "ERP": ("erp", None),
    }
    held.close()
    with migrating(url) as (connection, config):
        command.downgrade(config, "0017")
        left = connection.exec_driver_sql("SELECT name FROM api_keys WHERE revoked IS NULL").scalars()
        assert list(left) == ["CRM"]


def tables(url: str) -> set[str]:
    """The names of the tables that there are."""
    engine = create_engine(url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_a_migration_that_fails_changes_nothing(databases: Databases) -> None:
    """All steps to the newest tables are one transaction: what stops amid them can be tried again."""
    url = databases.new()
    with migrating(url) as (connection, config):
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "CREATE INDEX ix_passages_state ON passages (stale)"
        )  # in the last one's way
    before = tables(url)
    with pytest.raises(CatalogueError, match="ix_passages_state"):
        Catalogue(url)
    assert tables(url) == before
    with migrating(url) as (connection, _):
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
        connection.exec_driver_sql("DROP INDEX ix_passages_state")
    Catalogue(url).close()


def test_a_damaged_catalogue_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    path.write_bytes(b"not a database, " * 500)
    with pytest.raises(CatalogueError, match="damaged"):
        Catalogue(f"sqlite:///{path}")


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be opened"):
        Catalogue(f"sqlite:///{tmp_path / 'none' / 'c.db'}")


def test_a_newer_catalogue_is_not_touched(databases: Databases) -> None:
    url = databases.new()
    Catalogue(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(CatalogueError, match="newer Mneme"):
        Catalogue(url)


def test_a_name_is_used_once(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidInput, match="already"):
        catalogue.sources.add(Source("s", "folder", "/y", {}))
    with pytest.raises(NotFound, match="Known sources: s"):
        catalogue.sources.get("t")


def test_a_snapshot_shows_the_moment_it_was_begun_at(tmp_path: Path) -> None:
    """What is written meanwhile does not wait and is not in it; the copy is one file that opens as a catalogue."""
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'c.db'}")
    catalogue.sources.add(Source("s", "folder", "/x", {}))
    write(catalogue, "before")
    with catalogue.snapshot() as save:
        write(catalogue, "after")
        save(tmp_path / "copy.db")
    assert catalogue.documents.count() == 2
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    copy = Catalogue(f"sqlite:///{tmp_path / 'copy.db'}")
    assert [row.ref.key for row in copy.ledger.of_source("s")] == ["before"]
    assert copy.check() == []
    copy.close()


def test_a_damaged_catalogue_is_not_copied(tmp_path: Path) -> None:
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'c.db'}")
    catalogue.sources.add(Source("s", "folder", "/x", {}))
    for number in range(200):
        write(catalogue, f"k{number}", "x" * 500)
    catalogue.close()
    content = bytearray((tmp_path / "c.db").read_bytes())
    content[-40_000:-20_000] = b"\xff" * 20_000
    (tmp_path / "c.db").write_bytes(content)
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'c.db'}")
    with catalogue.snapshot() as save, pytest.raises(CatalogueError, match="damaged"):
        save(tmp_path / "copy.db")
    catalogue.close()
