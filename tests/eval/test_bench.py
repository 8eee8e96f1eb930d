"""The bench from end to end: a collection's documents through the real ingest, asked through the real search."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.asking import typed
from eval.bench import Bench
from eval.collections.beir import write_beir
from eval.collections.folder import open_collection
from eval.collections.model import Query
from eval.pipelines import find_pipeline
from eval.runs import Ranked, Run
from memory.embedding.base import Vectors
from memory.embedding.hashing import HashEmbedder
from memory.errors import InvalidInput, NotFound
from tests.eval.small_collection import DOCUMENTS, QRELS, QUERIES, small_collection


class Counting(HashEmbedder):
    """Counts what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.passages = 0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.passages += len(texts)
        return super().embed_passages(texts)

    def embed_query(self, text: str) -> Vectors:
        return super().embed_passages([text]).reshape(-1)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return super().embed_passages(texts)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def folder(place: Path) -> Path:
    return small_collection(place / "small")


@pytest.fixture
def bench(place: Path) -> Iterator[Bench]:
    return Bench(place / "data", Counting)


def test_a_collection_is_searched_and_measured(bench: Bench, folder: Path) -> None:
    collection = open_collection(folder)
    measured = bench.run(collection, measures=["nDCG@10", "R@100", "Judged@10"])
    answer = measured.evaluation.answer()
    assert set(answer) == {"collection", "pipeline", "queries", "measures", "slices"}
    assert (answer["collection"], answer["pipeline"], answer["queries"]) == ("small", "hybrid", 4)
    assert measured.evaluation.left_out == 2
    assert [measured.run.found(query)[0].document for query in ("q1", "q2", "q3", "q4")] == [
        "lease",
        "travel",
        "urlaub",
        "sensor",
    ]
    assert answer["measures"]["nDCG@10"] > 0.9
    assert answer["slices"]["language"]["en"]["queries"] == 2
    assert measured.latency is not None
    assert measured.latency.p95 >= measured.latency.p50 > 0
    assert (measured.cost["documents"], measured.cost["empty"]) == (6, 0)
    record = json.loads(bench.remember(measured).read_text(encoding="utf-8"))
    assert set(record["values"]["nDCG@10"]) == {"q1", "q2", "q3", "q4"}


def test_a_second_run_builds_and_embeds_nothing(bench: Bench, folder: Path) -> None:
    collection = open_collection(folder)
    first = bench.run(collection, measures=["AP"])
    counting = bench._embedder
    assert isinstance(counting, Counting)
    done = counting.passages
    assert bench.run(collection, measures=["AP"]).run == first.run
    assert counting.passages == done


def test_new_documents_embed_only_what_is_new(bench: Bench, folder: Path, place: Path) -> None:
    bench.run(open_collection(folder), measures=["AP"])
    more = place / "more"
    write_beir(more, QUERIES, QRELS, (*DOCUMENTS, replace(DOCUMENTS[0], id="new", text="Something else.")))
    counting = bench._embedder
    assert isinstance(counting, Counting)
    before = counting.passages
    bench.run(open_collection(more), measures=["AP"])
    assert counting.passages - before == 1


def test_each_leg_is_a_pipeline_of_its_own(bench: Bench, folder: Path) -> None:
    collection = open_collection(folder)
    found = {
        name: bench.run(collection, find_pipeline(name), time_it=False).run
        for name in ("words", "meaning", "rrf")
    }
    assert [run.name for run in found.values()] == ["words", "meaning", "rrf"]
    assert len(found["words"].found("q2")) == 1  # one document has the words
    assert len(found["meaning"].found("q2")) == len(DOCUMENTS)  # every document has some likeness
    assert len(found["rrf"].found("q2")) == len(DOCUMENTS)


def test_a_failed_build_leaves_nothing(bench: Bench, place: Path) -> None:
    broken = small_collection(place / "broken")
    with (broken / "corpus.jsonl").open("a") as file:
        file.write("{]\n")
    before = sorted(path.name for path in (place / "data" / "memories").iterdir())
    with pytest.raises(InvalidInput, match=r"broken/corpus.jsonl, line 7"):
        bench.run(open_collection(broken))
    assert sorted(path.name for path in (place / "data" / "memories").iterdir()) == before


def test_a_foreign_run_is_measured(bench: Bench, folder: Path) -> None:
    run = Run("theirs", {"q1": (Ranked("sensor", 2.0), Ranked("lease", 1.0)), "q9": (Ranked("lease", 1.0),)})
    measured = bench.score(open_collection(folder), run, ["RR@10", "Bpref"])
    assert measured.evaluation.measures["RR@10"] == 0.125
    assert measured.evaluation.values["RR@10"] == {"q1": 0.5, "q2": 0, "q3": 0, "q4": 0}
    assert measured.latency is None


def test_what_cannot_be_measured_says_why(bench: Bench, place: Path, folder: Path) -> None:
    with pytest.raises(NotFound, match="no pipeline nowhere"):
        find_pipeline("nowhere")
    write_beir(place / "unjudged", QUERIES, {"q6": {"sensor": 0}}, DOCUMENTS)
    with pytest.raises(InvalidInput, match="nothing to measure"):
        bench.run(open_collection(place / "unjudged"), time_it=False)
    write_beir(place / "bare", QUERIES, QRELS)
    with pytest.raises(InvalidInput, match="no documents of its own"):
        bench.run(open_collection(place / "bare"))


def test_syntax_in_a_query_is_text_unless_it_was_typed() -> None:
    assert (
        typed(Query("1", 'what does "to be" mean -- re:budget x-ray -draft'))
        == "what does to be mean -- re: budget x-ray draft"
    )
    assert typed(Query("1", 'author:jane "to be"', {"syntax": "typed"})) == 'author:jane "to be"'
