"""What a memory makes of a source, the same for every connector: nothing is lost, and nothing is done twice.

Every connector's contract class inherits from `Synced`, so that the proofs are as many as the connectors, and each is against its
real server where the contract is.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from api.service import Service
from connectors.base import Change, Closes, Connector, Content, Locates, SourceConfig
from connectors.patience import Patience
from connectors.registry import made_for
from connectors.testing import ConnectorContract
from ingest.components import PassageEmbedder
from ingest.parsers.workers import ParserPool
from ingest.pipelines import load
from ingest.sync import Sync
from memory import registry
from memory.catalogue.sources import Source
from memory.domain import OWNER, Access, Asker, SourceRef
from memory.errors import SourceError
from tests.connectors.wrong_clock import walked, walked_at
from tests.memories import parsers, service

PUBLIC, LEGAL = Access(frozenset({"public"})), Access(frozenset({"group:legal"}))
JOE = Asker(person="joe")
"""Somebody with no more than everybody has."""
SHORT = Patience(attempts=2, first_s=0.01, longest_s=0.01)
DOCUMENTS = 6
_NUMBERS = count(1)


class Counting:
    """A connector that counts what is fetched from it."""

    def __init__(self, inner: Connector) -> None:
        self._inner = inner
        self.kind, self.reports_deletions = inner.kind, inner.reports_deletions
        self.fetched: list[str] = []

    def check(self) -> str:
        return self._inner.check()

    def url(self, ref: SourceRef) -> str:
        """As the connector has it; where it has none, its document is fetched for that."""
        return self._inner.url(ref) if isinstance(self._inner, Locates) else self.fetch(ref).url

    def changes(self, since: str | None) -> Iterator[Change]:
        return self._inner.changes(since)

    def fetch(self, ref: SourceRef) -> Content:
        self.fetched.append(ref.key)
        return self._inner.fetch(ref)

    def access(self, ref: SourceRef) -> Access:
        return self._inner.access(ref)


class Memory:
    """A memory with one source of a name of its own, which is synced as the service does it."""

    def __init__(self, asked: Service, contract: "Synced", config: SourceConfig) -> None:
        self.name = f"{config.name}{next(_NUMBERS)}"
        self.asked, self._contract, self._config = asked, contract, replace(config, name=self.name)
        self._sync = Sync(load("words"), load("vectors"), patience=SHORT)
        self.fetched: list[str] = []
        """What the last sync fetched."""
        asked.memory.catalogue.sources.add(
            Source(self.name, contract.connector_class.kind, config.location, {})
        )

    def sync(self, *, accept: bool = False, rules: tuple[tuple[str, Access], ...] = ()) -> dict[str, int]:
        """Sync once, by a connector made anew; gives the counts that are not zero, after checking that all is well."""
        connector = self._contract.open(replace(self._config, rules=rules))
        counting = Counting(connector)
        try:
            summary = self._sync.read(self.name, counting, accept_removals=accept)
        finally:
            self.fetched = counting.fetched
            if isinstance(connector, Closes):
                connector.close()
        assert self.asked.doctor(repair=False, rebuild=False)["well"]
        return {name: n for name, n in summary.to_json().items() if isinstance(n, int) and n}

    def found(self, asker: Asker = OWNER) -> dict[str, str]:
        """The documents that are found, by key."""
        hits = self.asked.search(f"source:{self.name} beech oak", asker, limit=100)["results"]
        return {SourceRef.parse(hit["ref"]).key: hit["document"] for hit in hits}

    def passages(self) -> set[str]:
        """What every passage is called, which changes when its document is read again."""
        stored = self.asked.memory.catalogue.passages
        return {str(each.id) for document in self.found().values() for each in stored.of_document(document)}


class Synced(ConnectorContract):
    """The contract, and what a memory makes of the source. Known differences are the attributes, never an `if` in a test."""

    tells_access = False
    """Whether the source itself says who may see a document, and `restrict` takes that right away there."""
    removals_are_explicit = False
    """Whether what is gone there was taken away one by one, by request: then it is gone here, however much it is."""

    @pytest.fixture(autouse=True)
    def closing(self) -> Iterator[None]:
        """What was opened in a test is closed after it."""
        self._opened: list[Connector] = []
        yield
        for each in self._opened:
            if isinstance(each, Closes):
                each.close()

    def open(self, config: SourceConfig) -> Connector:
        """As the service does: in a limited process, where the connector reads files of others."""
        made = made_for(self.connector_class, config)
        assert isinstance(made, Connector)
        self._opened.append(made)
        return made

    def restrict(self, key: str) -> None:
        """Have the source let only some see a document."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def asked(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
        """One service for all of a connector's tests: to open it takes longer than they do."""
        with service(tmp_path_factory.mktemp("synced") / "home") as opened:
            opened.memory.writer()
            registry.provide("default", ParserPool, parsers())
            registry.provide("default", PassageEmbedder, opened.memory.passage_embedder)  # type: ignore[type-abstract]
            yield opened

    @pytest.fixture
    def memory(self, asked: Service, config: SourceConfig, tmp_path: Path) -> Memory:
        """The memory, with some documents in the source that everybody may see; it has not been synced."""
        for number in range(DOCUMENTS):
            self.add(_name(number), _text(number))
        return Memory(asked, self, replace(config, access=PUBLIC, state=config.state or tmp_path / "kept"))

    def test_an_emptied_source_is_held_until_that_is_confirmed(self, memory: Memory) -> None:
        if self.removals_are_explicit:
            pytest.skip("here each document is taken away by request")
        assert memory.sync() == {"known": DOCUMENTS, "indexed": DOCUMENTS}
        before = memory.found(JOE)
        assert len(before) == DOCUMENTS
        for number in range(DOCUMENTS):
            self.remove(_name(number))
        for _ in range(2):  # the second time, too, though a cursor may lead behind what is gone
            counted = memory.sync()
            assert counted == {"known": DOCUMENTS, "held": DOCUMENTS}
            assert memory.found(JOE) == before
        assert memory.sync(accept=True) == {"known": DOCUMENTS, "removed": DOCUMENTS}
        assert memory.found() == {}

    def test_one_change_costs_one_fetch(self, memory: Memory) -> None:
        memory.sync()
        assert sorted(memory.fetched) == sorted(memory.found())
        before = memory.found()
        memory.sync()
        assert memory.fetched == []
        self.change(_name(2), _text(99))
        assert memory.sync()["indexed"] == 1
        assert len(memory.fetched) == 1
        assert len(memory.found()) == DOCUMENTS
        assert len(before.items() - memory.found().items()) <= 1
        memory.sync()
        assert memory.fetched == []

    def test_a_document_that_moved_is_the_same_and_costs_no_fetch(self, memory: Memory) -> None:
        if not self.has_fingerprints:
            pytest.skip("this source has no fingerprints")
        memory.sync()
        before = memory.found()
        self.move(_name(0), "moved.txt")
        assert memory.sync() == {"known": DOCUMENTS, "moved": 1, "unchanged": DOCUMENTS - 1}
        assert memory.fetched == []
        assert memory.found() == {
            (self.key("moved.txt") if key == self.key(_name(0)) else key): document
            for key, document in before.items()
        }

    def test_a_right_that_is_taken_away_at_the_source_counts_with_the_same_sync_and_nothing_is_read_again(
        self, memory: Memory
    ) -> None:
        if not self.tells_access:
            pytest.skip("this source does not tell who may see what, or a test of its own asks it")
        memory.sync()
        before, passages = memory.found(JOE), memory.passages()
        assert len(before) == DOCUMENTS
        self.restrict(_name(1))
        assert "indexed" not in memory.sync()
        assert set(memory.found(JOE)) == set(before) - {self.key(_name(1))}
        assert (memory.found(), memory.passages()) == (before, passages)

    def test_a_right_that_is_taken_away_counts_with_the_same_sync_and_nothing_is_read_again(
        self, memory: Memory
    ) -> None:
        memory.sync()
        before, passages = memory.found(), memory.passages()
        counted = memory.sync(rules=((_name(1), LEGAL),))
        assert "indexed" not in counted
        assert set(memory.found(JOE)) == set(before) - {self.key(_name(1))}
        assert (memory.found(), memory.passages()) == (before, passages)

    def test_a_source_that_is_away_takes_nothing_along(self, memory: Memory) -> None:
        memory.sync()
        before = memory.found()
        self.unreachable()
        with pytest.raises(SourceError):
            memory.sync(accept=True)
        assert memory.found() == before

    @pytest.mark.parametrize("shift", ["+2y", "-2y"])
    def test_a_wrong_clock_loses_nothing(self, config: SourceConfig, tmp_path: Path, shift: str) -> None:
        """The clock here is wrong in one walk and right in the next, and the other way round."""
        for number in range(3):
            self.add(_name(number), _text(number))
        right = walked(self.open(replace(config, state=tmp_path / "right")))
        ours = replace(config, state=tmp_path / "wrong")
        wrong = walked_at(shift, self.connector_class, ours)
        assert (wrong.versions, wrong.bodies) == (right.versions, right.bodies)
        self.add(_name(3), _text(3))
        new = self.key(_name(3))
        later = walked(self.open(ours), wrong.cursor)
        assert (later.gone, later.versions.items() - right.versions.items()) == (
            [],
            {(new, later.versions[new])},
        )
        self.add(_name(4), _text(4))
        last = walked_at(shift, self.connector_class, ours, later.cursor)
        assert (last.gone, self.key(_name(4)) in last.versions) == ([], True)


def _name(number: int) -> str:
    return f"{number}.txt"


def _text(number: int) -> bytes:
    return f"Beech and oak, delivery {number} of the supplier.".encode()
