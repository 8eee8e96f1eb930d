"""A pipeline over a memory that exists already: what `mneme eval run` asks where a collection has no documents.

Judgements then name the memory's documents by their refs, or its persons by their addresses (expert finding).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from eval.asking import Latency, System
from eval.bench import Measured
from eval.collections.model import Collection, Query
from eval.evaluation import evaluate
from eval.measures import parse_measures
from eval.pipelines import Fusion, Setup, digest
from eval.runs import Ranked, Run
from memory import registry
from memory.catalogue.catalogue import Catalogue


def ask(
    memory: str,
    queries: Sequence[Mapping[str, Any]],
    depth: int,
    *,
    pipeline: str,
    name: str,
    rank: Literal["documents", "persons"] = "documents",
) -> dict[str, Any]:
    """Ask every query, as JSON values; `measured` reads them back.

    :param memory: its name in the registry.
    :param pipeline: its YAML.
    :param queries: with ``id``, ``text`` and perhaps ``metadata``.
    :param rank: whether to rank documents or the people behind them.
    """
    told = System(memory, pipeline, name, rank=rank).ask(_queries(queries), depth)
    catalogue = registry.need(memory, Catalogue)
    model = catalogue.get_meta("model") or {}
    return {
        "name": name,
        "lists": _plain(told.run),
        "latency": asdict(told.latency) if told.latency else None,
        "refused": told.refused,
        "documents": catalogue.documents.count(),
        "passages": catalogue.passages.progress().passages,
        "model": model.get("name", ""),
        "setup": {"pipeline": digest(pipeline), "model": model.get("digest", "")},
    }


def vary(
    memory: str, queries: Sequence[Mapping[str, Any]], depth: int, *, pipeline: str, fusions: Sequence[Fusion]
) -> list[dict[str, Any]]:
    """Ask every query once and fuse in several ways; what `run_of` reads back, for each of them."""
    runs = System(memory, pipeline, "varied").vary(_queries(queries), fusions, depth)
    return [{"name": one.name, "lists": _plain(one)} for one in runs]


def run_of(told: Mapping[str, Any]) -> Run:
    """The lists that `ask` told."""
    lists = {
        query: tuple(Ranked(str(document), float(score)) for document, score in found)
        for query, found in told["lists"].items()
    }
    return Run(str(told["name"]), lists)


def measured(collection: Collection, told: Mapping[str, Any], measures: Sequence[str]) -> Measured:
    """What `ask` told, measured on the collection whose queries were asked."""
    run = run_of(told)
    return Measured(
        run,
        evaluate(collection, run, parse_measures(measures)),
        collection.checksum,
        latency=Latency(**told["latency"]) if told["latency"] else None,
        cost={"documents": told["documents"], "passages": told["passages"]},
        model=str(told["model"]),
        refused=dict(told["refused"]),
        setup=Setup(**told["setup"]),
    )


def _queries(given: Sequence[Mapping[str, Any]]) -> list[Query]:
    return [Query(str(one["id"]), str(one["text"]), dict(one.get("metadata") or {})) for one in given]


def _plain(run: Run) -> dict[str, list[list[Any]]]:
    return {query: [[one.document, one.score] for one in found] for query, found in run.lists.items()}
