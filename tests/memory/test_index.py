"""Both indexes against the contract, and against each other."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient

from memory.domain import OWNER, Access, Asker
from memory.index.base import Entry, Facts, Filters, LegQuery, Scored, SparseWords, VectorIndex
from memory.index.edge import EdgeIndex
from memory.index.server import ServerIndex
from memory.testing import EVERYBODY, MODEL, VectorIndexContract, entry, found, unit, words


class TestEdge(VectorIndexContract):
    @pytest.fixture
    def make_index(self, tmp_path: Path) -> Callable[[], VectorIndex]:
        return lambda: EdgeIndex(tmp_path / "index", MODEL)


class TestServer(VectorIndexContract):
    @pytest.fixture
    def make_index(self) -> Callable[[], VectorIndex]:
        return lambda: ServerIndex(QdrantClient(":memory:"), "mneme", MODEL)


@pytest.fixture(params=["edge", "server"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorIndex]:
    """An index that counts for each asker what they may see."""
    if request.param == "edge":
        index: VectorIndex = EdgeIndex(tmp_path / "own", MODEL, own_statistics=True)
    else:
        index = ServerIndex(QdrantClient(":memory:"), "mneme", MODEL, own_statistics=True)
    yield index
    index.close()


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
def test_own_statistics_are_those_of_what_the_asker_sees(own: VectorIndex, tmp_path: Path) -> None:
    """Scores are, to the last digit, those of an index that holds nothing else; whatever is hidden, and was deleted."""
    entries = some_entries(60)
    seen = [each for each in entries if each.facts.access.allows(Asker())]
    part = EdgeIndex(tmp_path / "part", MODEL)
    part.upsert(seen)
    own.upsert(entries)
    own.upsert([entry(90, words=words(1, 2, 3), vector=unit(0), access=Access())])
    own.delete([90])
    for like in seen[:10]:
        query = LegQuery(like.words, unit(like.id % 8))
        mine, alone = own.search(query, Asker()), part.search(query, Asker())
        assert scores(mine.words) == pytest.approx(scores(alone.words), abs=1e-5)
        assert scores(mine.meaning) == pytest.approx(scores(alone.meaning), abs=1e-6)
        before = own.search(query, Asker())
        own.upsert([entry(91, words=like.words, vector=unit(like.id % 8), access=Access())])
        assert own.search(query, Asker()) == before
    part.close()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[EdgeIndex]:
    index = EdgeIndex(tmp_path / "index", MODEL)
    yield index
    index.close()


def some_entries(count: int, seed: int = 7) -> list[Entry]:
    random = np.random.default_rng(seed)
    entries = []
    for number in range(1, count + 1):
        terms = np.unique(random.zipf(1.4, 20) % 500)
        vector = random.normal(size=MODEL.size).astype(np.float32)
        entries.append(
            entry(
                number,
                f"clause number {number}",
                words=SparseWords(tuple(terms.tolist()), tuple(random.uniform(0.5, 2, len(terms)).tolist())),
                vector=vector / np.linalg.norm(vector) if number % 5 else None,
                access=EVERYBODY if number % 3 else Access(frozenset({"group:a"})),
                source=f"s{number % 4}",
                modified=number if number % 7 else None,
            )
        )
    return entries


def scores(leg: tuple[Scored, ...]) -> dict[int, float]:
    return {one.id: one.score for one in leg}


def test_both_indexes_agree(edge: EdgeIndex) -> None:
    """The same scores within 1e-4 on either, before and after `optimise`."""
    server = ServerIndex(QdrantClient(":memory:"), "mneme", MODEL)
    entries = some_entries(1500)
    for index in (edge, server):
        index.upsert(entries)
    for optimised in (False, True):
        if optimised:
            edge.optimise()
        for number in range(20):
            like = entries[number * 40]
            filters = Filters(sources=("s1", "s2")) if number % 2 else Filters()
            query = LegQuery(
                SparseWords(like.words.terms[:4], (1.0,) * len(like.words.terms[:4])),
                unit(number % 8, (number + 3) % 8),
                filters,
                meaning_limit=2000,
                words_limit=2000,
            )
            asker = OWNER if number % 3 else Asker()
            ours, theirs = edge.search(query, asker), server.search(query, asker)
            assert scores(ours.words) == pytest.approx(scores(theirs.words), abs=1e-4)
            assert scores(ours.meaning) == pytest.approx(scores(theirs.meaning), abs=1e-4)
            newest = LegQuery(filters=filters, words_limit=50)
            assert edge.search(newest, asker) == server.search(newest, asker)
    server.close()


def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    """Closing lets go, and the next opening finds everything."""
    first = EdgeIndex(tmp_path, MODEL)
    first.upsert(some_entries(50))
    first.delete([3])
    first.close()
    first.close()
    again = EdgeIndex(tmp_path, MODEL)
    assert list(again.ids()) == [1, 2, *range(4, 51)]
    again.close()


@pytest.mark.slow
def test_optimise_keeps_what_is_written_meanwhile(edge: EdgeIndex) -> None:
    """Writes and queries go on while a copy is rebuilt, and nothing written is lost."""
    edge.upsert(some_entries(3000))
    stop = threading.Event()
    answered: list[bool] = []

    def write() -> None:
        number = 10_001
        while not stop.is_set() and number < 15_000:
            edge.upsert([entry(number, words=words(499_999), vector=unit(1))])
            edge.set_vectors([number - 10_000], np.stack([unit(2)]))
            edge.delete([number - 8_000])
            written.append(number)
            number += 1

    def read() -> None:
        while not stop.is_set():
            answered.append(bool(edge.search(LegQuery(words(1, 2), unit(1)), Asker()).meaning))

    written: list[int] = []
    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        edge.optimise()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(answered) > 5
    assert all(answered)
    assert len(written) > 5
    held = set(edge.ids())
    assert set(written) <= held
    assert not {number - 8_000 for number in written} & held
    assert found(edge.search(LegQuery(words(499_999), words_limit=100_000), OWNER)) == written
    first = written[0] - 10_000
    assert edge.vectors([first])[first] == pytest.approx(unit(2), abs=1e-6)


def test_what_was_written_since_optimising_is_counted_and_remembered(tmp_path: Path) -> None:
    index = EdgeIndex(tmp_path / "index", MODEL)
    index.upsert(some_entries(30))
    assert index.unoptimised() == 30
    index.optimise()
    assert index.unoptimised() == 0
    index.set_vectors([1, 2, 99], np.stack([unit(1), unit(2), unit(3)]))
    index.set_facts(Facts("d3", EVERYBODY, "s"))
    assert index.unoptimised() == 3
    index.close()
    again = EdgeIndex(tmp_path / "index", MODEL)
    assert again.unoptimised() == 3
    # What was replaced still lies there: a few passages that are written again and again must be cleared away, too.
    for _ in range(5):
        again.upsert(some_entries(30))
    assert again.unoptimised() == 153
    again.close()


def test_optimise_leaves_one_generation(tmp_path: Path) -> None:
    """The old generation is gone, and the new one opens again."""
    index = EdgeIndex(tmp_path, MODEL)
    index.upsert(some_entries(100))
    index.optimise()
    index.optimise()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["CURRENT", "LOCK", "WRITTEN", "g3"]
    index.close()
    again = EdgeIndex(tmp_path, MODEL)
    assert len(list(again.ids())) == 100
    again.close()


def test_optimise_makes_deleted_passages_count_no_more(edge: EdgeIndex) -> None:
    """The known difference: a deleted passage still counts in the rarity of words until `optimise`."""
    edge.upsert([entry(number, words=words(1)) for number in range(1, 2000)])
    edge.upsert([entry(5000, words=words(1, 2))])
    edge.delete(list(range(1, 1999)))
    edge.optimise()
    exact = np.log(1 + (2 - 2 + 0.5) / (2 + 0.5))
    assert edge.search(LegQuery(words(1)), OWNER).words[0].score == pytest.approx(exact, abs=1e-4)


def test_a_copy_is_of_one_moment(edge: EdgeIndex, tmp_path: Path) -> None:
    """Whoever writes waits until the copy is made, whoever reads does not; the copy opens as an index of its own."""
    edge.upsert(some_entries(100))
    writing = threading.Thread(target=edge.upsert, args=[some_entries(200)])

    def begin() -> None:
        writing.start()
        writing.join(0.3)
        assert writing.is_alive()
        assert edge.search(LegQuery(words(1)), OWNER).words

    edge.copy(tmp_path / "copy", begin)
    writing.join()
    assert len(list(edge.ids())) == 200
    copy = EdgeIndex(tmp_path / "copy", MODEL)
    assert list(copy.ids()) == list(range(1, 101))
    assert copy.unoptimised() == 100
    copy.upsert(some_entries(150))
    copy.close()
    assert len(list(edge.ids())) == 200
