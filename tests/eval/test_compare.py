"""Comparing runs, and the gate that a worse one does not pass."""

import random
from pathlib import Path

import pytest

from eval.collections.beir import write_beir
from eval.collections.folder import open_collection, seal
from eval.collections.model import Collection, CorpusDocument, Query
from eval.compare import changed_most, differences
from eval.evaluation import Evaluation, evaluate
from eval.gate import decide
from eval.measures import parse_measures
from eval.runs import Ranked, Run
from memory.errors import InvalidInput, NotFound

MEASURES = parse_measures(["nDCG@10", "R@100"])


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """60 queries, a third of them German, each with one relevant document."""
    folder = tmp_path_factory.mktemp("sixty")
    documents = [CorpusDocument(f"d{n}", f"text {n}", f"Title {n}" if n % 2 else "") for n in range(60)]
    queries = [Query(f"q{n}", f"query {n}", {"language": "en" if n % 3 else "de"}) for n in range(60)]
    write_beir(folder, queries, {f"q{n}": {f"d{n}": 1} for n in range(60)}, documents)
    return seal(folder, "1", marked=("all", "language=de"))


def run(name: str, worse: int = 0, seed: int = 1) -> Run:
    """Finds the relevant document at ranks 1 to 3; for the first so many German queries at rank 9."""
    dice = random.Random(seed)
    lists = {}
    for n in range(60):
        rank = dice.randint(1, 3)
        if not n % 3 and n // 3 < worse:
            rank = 9
        found = [f"d{(n + other) % 60}" for other in range(1, 10)]
        found.insert(rank - 1, f"d{n}")
        lists[f"q{n}"] = tuple(Ranked(document, 10.0 - at) for at, document in enumerate(found))
    return Run(name, lists)


def measured(collection: Collection, *runs: Run) -> list[Evaluation]:
    return [evaluate(collection, one, MEASURES) for one in runs]


def test_every_system_is_compared_with_the_first(collection: Collection) -> None:
    evaluations = measured(collection, run("base"), run("same"), run("worse", worse=20))
    told = {(one.system, one.measure): one for one in differences(evaluations)}
    assert set(told) == {
        (system, measure) for system in ("same", "worse") for measure in ("nDCG@10", "R@100")
    }
    same, worse = told["same", "nDCG@10"], told["worse", "nDCG@10"]
    assert (same.paired.difference, same.p_holm, same.paired.ties) == (0.0, 1.0, 60)
    assert worse.paired.losses == 20
    assert worse.paired.high < 0
    assert worse.paired.p < worse.p_holm < 0.01
    assert told["worse", "R@100"].p_holm == 1.0
    with pytest.raises(InvalidInput, match="no two systems"):
        differences(measured(collection, run("a"), run("a")))


def test_what_changed_most_is_shown_side_by_side(collection: Collection) -> None:
    runs = run("base"), run("worse", worse=20)
    base, worse = measured(collection, *runs)
    shown = changed_most(collection, runs, (base, worse), "nDCG@10", most=3)
    assert len(shown) == 3
    first = shown[0]
    assert first["before"] == 1.0
    assert first["after"] < 0.4
    before, after = first["lists"]
    number = first["query"].removeprefix("q")
    assert before[0]["document"] == f"d{number}"
    assert (before[0]["grade"], before[0]["other_rank"]) == (1, 9)
    assert before[0]["title"] == (f"Title {number}" if int(number) % 2 else f"text {number}")
    assert (after[0]["grade"], after[8]["document"]) == (None, f"d{number}")


def test_a_worse_candidate_does_not_pass(collection: Collection) -> None:
    base, worse, other = measured(collection, run("base"), run("worse", worse=20), run("other", seed=2))
    decision = decide(collection, base, worse)
    assert not decision.passed
    verdicts = {(str(one.slice), one.measure): one.verdict for one in decision.verdicts}
    assert verdicts == {
        ("all", "nDCG@10"): "worse",
        ("language=de", "nDCG@10"): "worse",
        ("all", "R@100"): "not worse",
        ("language=de", "R@100"): "not worse",
    }
    assert decide(collection, base, worse, ["language=en"]).passed
    assert decide(collection, base, worse, tolerance=0.9).passed
    assert decide(collection, base, other).passed
    assert decide(collection, base, other).conclusive
    assert [one.verdict for one in decide(collection, worse, base).verdicts][:1] == ["better"]


def test_a_slice_too_small_to_tell_is_named(tmp_path: Path) -> None:
    write_beir(tmp_path, [Query("q0", "a"), Query("q3", "b")], {"q0": {"d0": 1}, "q3": {"d3": 1}}, [])
    small = open_collection(tmp_path)
    base, worse = measured(small, run("base"), run("worse", worse=20))
    decision = decide(small, base, worse)
    assert decision.passed
    assert not decision.conclusive
    assert decision.to_json()["verdicts"][0]["verdict"] == "too few queries"
    with pytest.raises(NotFound):
        decide(small, base, worse, ["language=fr"])
