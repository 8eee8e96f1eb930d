"""The bench over a memory that exists already: documents by their refs, and the people behind them."""

from pathlib import Path

import pytest

from eval.collections.beir import write_beir
from eval.collections.folder import open_collection
from eval.collections.model import Query
from eval.live import ask, measured
from eval.pipelines import read_pipeline
from memory.domain import Access, Contribution, Identity, Role, tokens
from search.pipeline import HYBRID
from tests.directories import enrol
from tests.search.small_memory import small_memory

JANE, OLE = Identity("Jane Doe", "jane@x.example"), Identity("Ole Hansen", "ole@x.example")


def asked(*queries: Query) -> list[dict[str, object]]:
    return [{"id": query.id, "text": query.text, "metadata": query.metadata} for query in queries]


def test_documents_and_persons_are_ranked_as_far_as_the_asker_may_see(tmp_path: Path) -> None:
    with small_memory(tmp_path / "memory") as memory:
        catalogue = memory.catalogue
        for title, author, reader in (("one", JANE, OLE), ("two", OLE, JANE), ("three", OLE, JANE)):
            others = (Contribution(author, Role.AUTHOR), Contribution(reader, Role.RECIPIENT))
            memory.add(title, f"The harbour crane, {title} time.", others=others)
        memory.add(
            "secret",
            "The harbour crane harbour crane.",
            access=Access(tokens(["board"])),
            others=(Contribution(JANE, Role.AUTHOR),),
        )
        enrol(catalogue, [OLE], "", [])
        query, as_ole = Query("q", "harbour crane"), Query("r", "harbour crane", {"as": "ole@x.example"})
        hybrid = read_pipeline(HYBRID)
        told = ask(memory.name, asked(query, as_ole), 10, pipeline=hybrid, name="hybrid")
        refs = {query: [document for document, _ in found] for query, found in told["lists"].items()}
        assert (len(refs["q"]), len(refs["r"])) == (4, 3)
        assert set(refs["r"]) < set(refs["q"])
        assert (told["documents"], told["passages"]) == (4, 4)
        # One document at rank 1 counts 1, further ones 1/2, 1/3 ...; to have received one counts nothing.
        told = ask(
            memory.name, asked(query, as_ole), 10, pipeline=hybrid, rank="persons", name="hybrid-persons"
        )
        votes = {query: dict(found) for query, found in told["lists"].items()}
        assert set(votes["q"]) == {"jane@x.example", "ole@x.example"}
        assert sum(votes["q"].values()) == pytest.approx(1 + 1 / 2 + 1 / 3 + 1 / 4)
        assert sum(votes["r"].values()) == pytest.approx(1 + 1 / 2 + 1 / 3)
        write_beir(
            tmp_path / "experts", [query, as_ole], {"q": {"ole@x.example": 1}, "r": {"jane@x.example": 1}}
        )
        result = measured(open_collection(tmp_path / "experts"), told, ["R@10", "RR"])
        assert result.evaluation.answer()["pipeline"] == "hybrid-persons"
        assert result.evaluation.measures["R@10"] == 1.0
        assert result.record()["latency_ms"]["timed"] == 2
