"""Nothing else searches before it has passed the gate against what is in use: by the commands, and in the service."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.doctor import examine
from api.gateway import Refused
from api.search_setup import active_pipeline, bench_folder
from eval.collections.beir import write_beir
from eval.collections.folder import open_collection
from eval.collections.model import CorpusDocument, Query
from eval.evaluation import evaluate
from eval.gate import decide
from eval.measures import parse_measures
from eval.pipelines import Fusion, Setup, digest, fusion_of, with_fusion
from eval.promotion import Passes
from eval.runs import Run
from memory.errors import InvalidInput, NotPromoted
from search.pipeline import HYBRID
from tests.memories import add_folder, service, sync

Mneme = Callable[..., Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a small memory, a collection of documents, and one that asks the memory."""
    base = tmp_path_factory.mktemp("promotion")
    (base / "files").mkdir()
    for name in ("lease", "travel"):
        (base / "files" / f"{name}.txt").write_text(f"All there is to say of the {name}.")
    with service(base / "home") as opened:
        add_folder(opened, base / "files")
        assert sync(opened)["state"] == "done"
    names = ["lease", "crane", "sensor", "travel", "budget", "heating", "ferry", "quay"]
    write_beir(
        base / "small",
        [Query(name, f"all about the {name}") for name in names],
        {name: {name: 1} for name in names},
        [CorpusDocument(name, f"All there is to say of the {name}.") for name in names],
    )
    write_beir(base / "own", [Query("q", "lease")], {"q": {"folder:files/lease.txt": 1}})
    return base


@pytest.fixture
def mneme(place: Path) -> Iterator[Mneme]:
    """A command; what it refuses is raised."""
    cli = CliRunner(env={"MNEME_HOME": str(place / "home"), "MNEME_EMBEDDING__MODEL": "hash"})

    def run(*given: str, code: int = 0) -> Any:
        told = cli.invoke(app, [*given, "--json"])
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        assert told.exit_code == code, told.output
        return json.loads(told.stdout)

    yield run
    run("eval", "promote", "hybrid")


def variant(place: Path, weight: float) -> Path:
    path = place / "mine.yaml"
    path.write_text(with_fusion(HYBRID.read_text(encoding="utf-8"), weight=weight), encoding="utf-8")
    return path


def test_a_pipeline_searches_once_it_has_passed_against_what_is_in_use(place: Path, mneme: Mneme) -> None:
    mine, small = str(variant(place, 0.9)), str(place / "small")
    with pytest.raises(Refused) as refused:
        mneme("eval", "promote", mine)
    assert refused.value.problem["type"] == "urn:mneme:problem:not-promoted"
    assert "mneme eval gate --baseline active" in refused.value.hint
    # To have passed with so few queries that nothing could have failed proves nothing,
    own = str(place / "own")
    told = mneme("eval", "gate", "--baseline", "active", "--candidate", mine, "--collection", own)
    assert (told["passed"], told["conclusive"]) == (True, False)
    with pytest.raises(Refused):
        mneme("eval", "promote", mine)
    # and neither does to be better than something that is not in use.
    assert mneme("eval", "gate", "--baseline", "meaning", "--candidate", mine, "--collection", small)[
        "passed"
    ]
    with pytest.raises(Refused):
        mneme("eval", "promote", mine)
    told = mneme("eval", "gate", "--baseline", "active", "--candidate", mine, "--collection", small)
    assert (told["passed"], told["baseline"], told["candidate"]) == (True, "hybrid", "mine")
    active = mneme("eval", "promote", mine)
    assert active["promoted"]["gate"]["collection"] == "small"
    found = mneme("search", "lease", "--explain")["results"][0]["explain"]
    assert all(leg["weight"] >= 0.9 for leg in found if leg["leg"] == "meaning")
    told = mneme("eval", "run", "--pipeline", "active", "--collection", str(place / "own"))
    assert (told["pipeline"], told["queries"]) == ("mine", 1)
    # A comment changes nothing; another weight is another pipeline, that has passed nothing.
    Path(mine).write_text("# better\n" + Path(mine).read_text(), encoding="utf-8")
    told = mneme("eval", "gate", "--baseline", "hybrid", "--candidate", mine, "--collection", small)
    mneme("eval", "promote", "hybrid")
    assert mneme("eval", "promote", mine)["name"] == "mine"
    variant(place, 0.8)
    with pytest.raises(Refused):
        mneme("eval", "promote", mine)
    assert mneme("eval", "promote", mine, "--ungated")["promoted"]["gate"] is None


def test_what_is_no_pipeline_is_not_promoted(place: Path, mneme: Mneme) -> None:
    bad = place / "bad.yaml"
    bad.write_text("components: {x: {type: os.system}}\nconnections: []", encoding="utf-8")
    with pytest.raises(Refused, match=r"os\.system"):
        mneme("eval", "promote", str(bad), "--ungated")


def test_the_gate_stops_what_is_worse_on_the_memory_itself(place: Path, mneme: Mneme, tmp_path: Path) -> None:
    files = [f"folder:files/note{n}.txt" for n in range(9)]
    (place / "files").mkdir(exist_ok=True)
    write_beir(
        tmp_path / "own",
        [Query(f"q{n}", "lease") for n in range(9)],
        {f"q{n}": {"folder:files/lease.txt": 1} for n in range(9)},
    )
    nothing = tmp_path / "worse.run"
    nothing.write_text("".join(f"q{n} Q0 {files[n]} 1 1.0 worse\n" for n in range(9)))
    given = ("--baseline", "active", "--candidate", str(nothing), "--collection", str(tmp_path / "own"))
    told = mneme("eval", "gate", *given, code=1)
    assert {one["verdict"] for one in told["verdicts"]} == {"worse"}
    with pytest.raises(InvalidInput, match="vectors of one model"):
        mneme("eval", "gate", *given[:3], "hybrid", *given[4:], "--candidate-model", "builtin")


def test_a_report_shows_the_memory_itself_and_the_people_behind_it(
    place: Path, mneme: Mneme, tmp_path: Path
) -> None:
    for rank in ("documents", "persons"):
        page = tmp_path / f"{rank}.html"
        given = ("--collection", str(place / "own"), "--out", str(page), "--rank", rank)
        told = json.loads(Path(mneme("eval", "report", "active", "words", *given)["json"]).read_text())
        names = [record["pipeline"] for record in told["records"]]
        assert names == ["hybrid", "words"] if rank == "documents" else ["hybrid-persons", "words-persons"]
        assert names[1] in page.read_text(encoding="utf-8")


def test_a_memory_becomes_a_collection_that_any_model_is_measured_on(
    place: Path, mneme: Mneme, tmp_path: Path
) -> None:
    """Its documents keep their refs, so that what was judged in the memory holds for them."""
    own = tmp_path / "own"
    write_beir(own, [Query("q", "travel")], {"q": {"folder:files/travel.txt": 1}})
    assert mneme("eval", "documents", "--collection", str(own)) == {"documents": 2}
    with pytest.raises(InvalidInput, match="documents already"):
        mneme("eval", "documents", "--collection", str(own))
    collection = open_collection(own)
    assert collection.corpus is not None
    texts = {document.id: document.text for document in collection.corpus}
    assert texts["folder:files/lease.txt"] == "All there is to say of the lease."
    told = mneme("eval", "run", "--collection", str(own), "--measures", "RR")
    assert told["measures"] == {"RR": 1.0}
    given = ("--baseline", "active", "--candidate", "active", "--candidate-model", "hash")
    told = mneme("eval", "gate", *given, "--collection", str(own))
    assert (told["passed"], told["candidate"]) == (True, "hybrid-hash")
    trec = tmp_path / "trec"
    assert mneme("eval", "export", "--collection", str(own), "--trec", str(trec))["judgements"] == 1
    again = open_collection(trec)
    assert (again.queries, again.qrels) == (collection.queries, collection.qrels)


def test_an_index_is_made_by_another_model_once_that_has_passed(place: Path) -> None:
    with service(place / "home") as opened:
        memory = opened.memory
        used = memory.identity().digest
        # As if another model had made the index, and the settings now asked for the one that is there.
        memory.catalogue.set_meta("model", {"setting": "old", "name": "old", "digest": "of-old", "size": 64})
        memory._index = None
        with pytest.raises(NotPromoted, match="model hash has not passed") as refused:
            examine(memory, repair=False, rebuild=True)
        assert "--candidate-model hash" in refused.value.hint
        collection = open_collection(place / "small")
        same = evaluate(collection, Run("any"), parse_measures(["RR"]))
        passes, active = Passes(bench_folder(memory.settings)), digest(active_pipeline(memory).text)
        passes.keep(decide(collection, same, same), Setup(active, "another"), Setup(active, used))
        with pytest.raises(NotPromoted):
            examine(memory, repair=False, rebuild=True)
        passes.keep(decide(collection, same, same), Setup(active, "of-old"), Setup(active, used))
        assert examine(memory, repair=False, rebuild=True)["done"]
        assert memory.identity().digest == used


def test_a_pipeline_is_told_apart_by_what_its_fusion_does() -> None:
    text = HYBRID.read_text(encoding="utf-8")
    assert fusion_of(text) == Fusion("weighed", 0.45, 0.6)
    assert digest(with_fusion(text, weight=0.45)) == digest(text) != digest(with_fusion(text, weight=0.4))
    with pytest.raises(InvalidInput, match="no fusion"):
        fusion_of("components: {}")
