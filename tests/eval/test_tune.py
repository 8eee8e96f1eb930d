"""Tuning: the figure it ends with is of queries it was not tuned on, and what is no better stays out."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from eval.bench import Bench
from eval.collections.beir import write_beir
from eval.collections.folder import open_collection
from eval.collections.model import Collection, CorpusDocument, Query
from eval.pipelines import Fusion, fusion_of, with_fusion
from eval.runs import Ranked, Run
from eval.tune import grid, tune
from memory.embedding.hashing import HashEmbedder
from memory.errors import InvalidInput
from search.pipeline import HYBRID
from tests.eval.small_collection import small_collection

FUSIONS = grid(Fusion("weighed", 0.45, 0.6))


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("forty")
    queries = [Query(f"q{n}", f"query {n}") for n in range(40)]
    documents = [CorpusDocument(f"d{n}", f"text {n}") for n in range(40)]
    write_beir(folder, queries, {f"q{n}": {f"d{n}": 1} for n in range(40)}, documents)
    return open_collection(folder)


def made(name: str, rank_of: list[int]) -> Run:
    """The relevant document of each query at a rank."""
    lists = {}
    for n, rank in enumerate(rank_of):
        found = [f"x{at}" for at in range(1, 11)]
        found[rank - 1] = f"d{n}"
        lists[f"q{n}"] = tuple(Ranked(document, 1.0 / at) for at, document in enumerate(found, 1))
    return Run(name, lists)


def test_what_is_better_is_found_and_measured_on_what_it_was_not_tuned_on(collection: Collection) -> None:
    runs = [made(str(one), [1 if one.weight == 0.6 else 3] * 40) for one in FUSIONS]
    told = tune([collection], [runs], FUSIONS)
    assert told.better
    assert (told.best.weight, told.current) == (0.6, Fusion("weighed", 0.45, 0.6))
    assert {one.weight for one in told.folds} == {0.6}
    assert (told.held_out.first, told.held_out.second, told.held_out.queries) == (0.5, 1.0, 40)
    assert json.loads(json.dumps(told.to_json()))["better"]


def test_luck_is_not_taken_for_skill(collection: Collection) -> None:
    """Where every way to fuse ranks by chance, the best of many looks better; held-out queries show that it is not."""
    dice = random.Random(5)
    runs = [made(str(one), [dice.randint(1, 10) for _ in range(40)]) for one in FUSIONS]
    told = tune([collection], [runs], FUSIONS, seed=1)
    values = dict(told.values)
    looks = values[told.best] - values[told.current]
    assert looks > 0.05
    assert told.held_out.difference < looks / 2
    assert told == tune([collection], [runs], FUSIONS, seed=1)


def test_collections_count_alike_and_what_is_in_use_stays_where_nothing_is_better(
    collection: Collection, tmp_path: Path
) -> None:
    write_beir(
        tmp_path / "few", [Query(f"q{n}", "x") for n in range(5)], {f"q{n}": {f"d{n}": 1} for n in range(5)}
    )
    few = open_collection(tmp_path / "few")
    two = FUSIONS[:2]
    large = [made("a", [1] * 40), made("b", [2] * 40)]
    small = [made("a", [9] * 5), made("b", [1] * 5)]
    assert tune([collection], [large], two).best == two[0]
    assert tune([collection, few], [large, small], two).best == two[1]
    same = tune([collection], [[large[0], large[0]]], two)
    assert (same.best, same.better, same.held_out.p) == (two[0], False, 1.0)
    with pytest.raises(InvalidInput, match="too few"):
        tune([few], [small], two)
    with pytest.raises(InvalidInput, match="RRF"):
        grid(Fusion("rrf"))


def test_a_variant_is_what_the_pipeline_of_these_parameters_finds(tmp_path: Path) -> None:
    """Fusing again what the legs found gives what asking the changed pipeline gives, query by query."""
    small = open_collection(small_collection(tmp_path / "small"))
    bench, text = Bench(tmp_path / "data", HashEmbedder), HYBRID.read_text(encoding="utf-8")
    fusions = [Fusion("weighed", 0.45, 0.6), Fusion("weighed", 0.9, 1.0), Fusion("convex", 0.5, 2.0)]
    varied = bench.vary(small, text, fusions, 10)
    for fusion, run in zip(fusions, varied, strict=True):
        changed = with_fusion(text, method=fusion.method, weight=fusion.weight, half=fusion.half)
        assert fusion_of(changed) == fusion
        assert bench.run(small, changed, depth=10, time_it=False).run.lists == run.lists
    assert varied[0].lists != varied[1].lists


def test_the_command_writes_a_pipeline_only_where_it_is_better(tmp_path: Path) -> None:
    documents = [CorpusDocument(f"d{n}", f"harbour crane number{n}", f"number{n}") for n in range(12)]
    queries = [Query(f"q{n}", f"number{n} crane") for n in range(12)]
    write_beir(tmp_path / "c", queries, {f"q{n}": {f"d{n}": 1} for n in range(12)}, documents)
    cli = CliRunner(env={"MNEME_HOME": str(tmp_path / "home"), "MNEME_EMBEDDING__MODEL": "hash"})
    given = ["eval", "tune", "--collection", str(tmp_path / "c"), "--out", str(tmp_path / "t.yaml"), "--json"]
    told = cli.invoke(app, [*given, "--pipeline", "hybrid"])
    assert told.exit_code == 0, told.output
    answer = json.loads(told.stdout)
    assert answer["held_out"]["queries"] == 12
    assert (tmp_path / "t.yaml").exists() == answer["better"] == (answer["pipeline"] is not None)
