"""What changes while the index is written is what the index knows in the end."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.facts import outdated
from ingest.index_writer import IndexWriter
from memory.catalogue.documents import NewPassage
from memory.catalogue.engine import after_commit
from memory.catalogue.vectors import text_digest
from memory.domain import OWNER, Access, Location
from memory.index.base import Facts, Filters
from memory.index.edge import EdgeIndex
from tests.search.small_memory import EVERYBODY, SmallMemory, small_memory


class Meanwhile:
    """An index during whose first write something else happens: by another thread, as far as that may go on."""

    def __init__(self, index: EdgeIndex, happens: Callable[[], None]) -> None:
        self._index = index
        self._other: threading.Thread | None = None
        self._happens = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def upsert(self, *given: Any) -> None:
        self._happen()
        self._index.upsert(*given)

    def set_facts(self, *given: Any, **more: Any) -> None:
        self._happen()
        self._index.set_facts(*given, **more)

    def _happen(self) -> None:
        if self._other is None:
            self._other = threading.Thread(target=self._happens)
            self._other.start()
            self._other.join(timeout=0.5)  # it ends, or waits for who writes here

    def end(self) -> None:
        """Wait until all that was to happen has."""
        assert self._other is not None
        self._other.join()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[SmallMemory]:
    with small_memory(tmp_path) as made:
        made.add("First", "by Jane", authors=["Jane Doe"])
        made.add("Second", "by Max", authors=["Max Roe"])
        yield made


def person(memory: SmallMemory, name: str) -> str:
    (found,) = memory.catalogue.people.find(name)
    return found


def merged(memory: SmallMemory) -> Callable[[], None]:
    """Say that Max is Jane, and have the index know."""
    jane, max_ = person(memory, "Jane Doe"), person(memory, "Max Roe")

    def merge() -> None:
        memory.catalogue.decisions.merge(jane, max_, by="owner")
        memory.writer.write_facts()

    return merge


@pytest.mark.parametrize("written", ["passages", "facts"])
def test_a_decision_amid_a_write_is_what_the_index_knows(memory: SmallMemory, written: str) -> None:
    jane, max_ = person(memory, "Jane Doe"), person(memory, "Max Roe")
    index = Meanwhile(memory.index, merged(memory))
    writer = IndexWriter(memory.catalogue, index, memory.words, memory.embedder.identity)
    third = memory.add("Third", "by Max again", authors=["Max Roe"], write=written == "facts")
    if written == "facts":
        with memory.catalogue.transaction() as connection:
            memory.catalogue.documents.restate(connection, third, EVERYBODY)
    writer.write_pending()
    index.end()
    assert memory.index.count(Filters(people=(max_,)), OWNER) == 0
    assert memory.index.count(Filters(people=(jane,)), OWNER) == 3


def test_other_facts_in_the_index_are_found(memory: SmallMemory) -> None:
    """What no mark says is behind is told by comparing; what is waiting to be written is no surprise."""
    assert outdated(memory.catalogue, memory.index) == []
    first = memory.catalogue.documents.named("First", OWNER)[0][0]
    memory.index.set_facts(Facts(first, EVERYBODY, "elsewhere"))
    assert outdated(memory.catalogue, memory.index) == [first]
    memory.catalogue.documents.facts_unknown([first])
    assert outdated(memory.catalogue, memory.index) == []
    memory.writer.write_pending()
    assert outdated(memory.catalogue, memory.index) == []
    assert memory.index.count(Filters(sources=("elsewhere",)), OWNER) == 0


def test_a_new_version_that_waits_for_the_index_is_no_surprise(memory: SmallMemory) -> None:
    """As a kill leaves it: the old passages keep their facts until they leave the index."""
    first = memory.catalogue.documents.named("First", OWNER)[0][0]
    newer = replace(memory.catalogue.documents.get(first, OWNER), modified=datetime(2026, 1, 2, tzinfo=UTC))
    text = "another text"
    with memory.catalogue.transaction() as connection:
        new = [NewPassage(text, Location(0, len(text)), 2, text_digest(text))]
        memory.catalogue.documents.replace(connection, newer, text, new)
    assert outdated(memory.catalogue, memory.index) == []
    memory.writer.write_pending()
    assert outdated(memory.catalogue, memory.index) == []
    assert memory.index.count(Filters(documents=(first,)), OWNER) == 1


def test_a_card_is_read_past_what_is_kept_at_hand(memory: SmallMemory) -> None:
    """Between a commit and the moment that what is kept is dropped, the index must not be told the old."""
    first = memory.catalogue.documents.named("First", OWNER)[0][0]
    cards, seen = memory.catalogue.cards, []
    cards.of_documents([first])
    with memory.catalogue.transaction() as connection:
        after_commit(connection, lambda: seen.extend((cards.of_documents([first]), cards.fresh([first]))))
        memory.catalogue.documents.restate(connection, first, Access())
    assert [each[first].access for each in seen] == [EVERYBODY, Access()]


def test_rights_given_amid_a_write_are_what_the_index_knows(memory: SmallMemory) -> None:
    narrow, wide = Access(frozenset({"group:a"})), Access(frozenset({"group:b"}))

    def widen() -> None:
        with memory.catalogue.transaction() as connection:
            memory.catalogue.documents.restate(connection, third, wide)
        memory.writer.write_facts()

    index = Meanwhile(memory.index, widen)
    writer = IndexWriter(memory.catalogue, index, memory.words, memory.embedder.identity)
    third = memory.add("Third", "for some", access=narrow, write=False)
    writer.write_pending()
    index.end()
    (passage,) = memory.catalogue.passages.of_document(third)
    assert memory.index.facts([passage.id])[passage.id].access == wide


def test_what_is_noted_of_passages_and_of_their_document_is_noted_at_once(
    memory: SmallMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = memory.catalogue.passages
    waiting = [each.passage.id for each in stored.unindexed()]

    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("memory.catalogue.passages._advance", killed)
    for note in (lambda: stored.indexed(waiting, waiting), lambda: stored.embedded(waiting)):
        with pytest.raises(KeyboardInterrupt):
            note()
        # Noted alone, the passages would never be come back to, and their document never be called done.
        assert [each.passage.id for each in stored.unindexed()] == waiting
        assert stored.progress().by_meaning == 0
