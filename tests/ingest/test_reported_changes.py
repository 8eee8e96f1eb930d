"""A source that tells of its changes: moves with other bytes, and a cursor that leads nowhere any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.service import Service
from connectors.base import UNASKED, Change, Checkpoint, Content, Moved, SourceConfig, Upserted
from ingest.components import PassageEmbedder
from ingest.parsers.workers import ParserPool
from ingest.pipelines import load
from ingest.sync import Interrupted, Sync
from memory import registry
from memory.catalogue.sources import Source
from memory.domain import OWNER, Access, SourceRef
from memory.errors import NotFound
from tests.memories import parsers, service


class Shelf:
    """Documents in a dictionary, which say themselves what became of them."""

    kind = "shelf"
    reports_deletions = True

    def __init__(self, config: SourceConfig) -> None:
        self.texts: dict[str, str] = {}
        self.told: list[Change] = []
        self.known: str | None = None
        self.asked: list[str] = []

    def check(self) -> str:
        return "a shelf"

    def changes(self, since: str | None) -> Iterator[Change]:
        if since is None or since != self.known:
            yield from (self.put(key) for key in self.texts)
            yield Checkpoint("now", whole=since is not None)
        else:
            yield from self.told
            yield Checkpoint("now")
        self.known = "now"

    def put(self, key: str) -> Upserted:
        return Upserted(at(key), self.texts[key])

    def fetch(self, ref: SourceRef) -> Content:
        if ref.key not in self.texts:
            raise NotFound(f"There is no document {ref}.")
        return Content(ref, ref.key, self.texts[ref.key].encode())

    def access(self, ref: SourceRef) -> Access:
        return Access(frozenset({"public"}))


def at(key: str) -> SourceRef:
    return SourceRef("shelf", "shelf", key)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path / "home") as opened:
        opened.memory.writer()
        registry.provide("default", ParserPool, parsers())
        registry.provide("default", PassageEmbedder, opened.memory.passage_embedder)  # type: ignore[type-abstract]
        opened.memory.catalogue.sources.add(Source("shelf", "shelf", "there", {}))
        yield opened


@pytest.fixture
def shelf() -> Shelf:
    made = Shelf(SourceConfig("shelf", "there"))
    names = ("Aarhus", "Hamburg", "Lyon", "Bristol", "Porto", "Turin")
    made.texts = {f"{name}.txt": f"The warehouse in {name} is rented until May." for name in names}
    return made


def read(shelf: Shelf) -> dict[str, int]:
    summary = Sync(load("words"), load("vectors")).read("shelf", shelf)
    return {name: n for name, n in summary.to_json().items() if isinstance(n, int) and n}


def found(asked: Service, words: str) -> dict[str, str]:
    return {hit["ref"]: hit["document"] for hit in asked.search(words, OWNER)["results"]}


def test_a_document_that_moved_and_changed_is_read_and_stays_the_same_document(
    asked: Service, shelf: Shelf
) -> None:
    assert read(shelf) == {"known": 6, "indexed": 6}
    [document] = found(asked, '"warehouse in Lyon"').values()
    shelf.texts["Paris.txt"] = "Everything about zeppelins."
    del shelf.texts["Lyon.txt"]
    shelf.texts["Hamburg 2.txt"] = shelf.texts.pop("Hamburg.txt")
    shelf.told = [
        Moved(at("Lyon.txt"), at("Paris.txt"), "2"),
        Moved(at("Hamburg.txt"), at("Hamburg 2.txt"), "2"),
    ]
    assert read(shelf) == {"known": 2, "indexed": 1, "moved": 1}
    assert found(asked, "zeppelins") == {"shelf:shelf/Paris.txt": document}
    assert found(asked, '"warehouse in Lyon"') == {}
    assert list(found(asked, '"warehouse in Hamburg"')) == ["shelf:shelf/Hamburg 2.txt"]
    assert asked.doctor(repair=False, rebuild=False)["well"]


def test_a_document_without_text_moves_with_its_row(asked: Service, shelf: Shelf) -> None:
    shelf.texts["empty.txt"] = ""
    assert read(shelf) == {"known": 7, "indexed": 6, "skipped": 1}
    shelf.texts["void.txt"] = shelf.texts.pop("empty.txt")
    shelf.told = [Moved(at("empty.txt"), at("void.txt"), "2")]
    assert read(shelf) == {"known": 1, "skipped": 1}
    keys = {row.ref.key for row in asked.memory.catalogue.ledger.of_source("shelf")}
    assert keys == set(shelf.texts)


def test_after_a_cursor_that_leads_nowhere_what_was_not_met_is_gone(asked: Service, shelf: Shelf) -> None:
    read(shelf)
    del shelf.texts["Lyon.txt"]
    assert read(shelf) == {}, "nobody told of it"
    shelf.known = None
    assert read(shelf) == {"known": 6, "unchanged": 5, "removed": 1}
    assert found(asked, '"warehouse in Lyon"') == {}


def test_a_sync_that_is_stopped_ends_amid_a_walk_in_which_nothing_changed(
    asked: Service, shelf: Shelf
) -> None:
    read(shelf)
    reading, told = Sync(load("words"), load("vectors")), list[str]()

    class Unchanged(Shelf):
        def changes(self, since: str | None) -> Iterator[Change]:
            for key in shelf.texts:
                told.append(key)
                if len(told) == 3:
                    reading.stop()
                yield shelf.put(key)

    with pytest.raises(Interrupted):
        reading.read("shelf", Unchanged(SourceConfig("shelf", "there")))
    assert len(told) == 3
    assert len(found(asked, "warehouse")) == 6


def test_what_there_was_no_time_to_ask_for_is_weighed_as_if_it_were_gone(
    asked: Service, shelf: Shelf
) -> None:
    """Else a source of thousands that was emptied would lose a thousand with every sync, and nobody were asked."""

    class Asking(Shelf):
        def changes(self, since: str | None) -> Iterator[Change]:
            yield from (shelf.put(key) for key in shelf.texts if key != "Porto.txt")
            yield Checkpoint("now", whole=True, doubts=self.doubts)

        def doubts(self, key: str) -> str:
            self.asked.append(key)
            return "" if key == "Lyon.txt" else why

    for number in range(20):
        shelf.texts[f"{number}.txt"] = f"Note {number} on the warehouse."
    read(shelf)
    source = Asking(SourceConfig("shelf", "there"))
    shelf.texts = {"Turin.txt": shelf.texts["Turin.txt"], "Porto.txt": ""}
    source.asked, why = [], f"{UNASKED}more than 1 are missing"
    held = Sync(load("words"), load("vectors")).read("shelf", source)
    assert (held.held, held.removed, held.failed, held.unchanged) == (1, 0, 24, 1)
    assert len(source.asked) == 25, "each once"
    why = "it answers"
    gone = Sync(load("words"), load("vectors")).read("shelf", source)
    assert (gone.held, gone.removed, gone.failed) == (0, 1, 24)
