"""What a run is worth on a collection: measures over all queries, over slices, and for each query."""

from __future__ import annotations  # ir-measures is an extra: its types are for the type checker

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eval.collections.model import Collection
from eval.collections.slices import slices
from eval.measures import PerQuery, aggregate, measure_run, parse_measures
from eval.runs import Run
from memory.errors import InvalidInput

if TYPE_CHECKING:
    from ir_measures.measures import Measure

CURVE = (1, 2, 3, 5, 10, 20, 50, 100)
"""The depths of the recall curve."""

KNOWN_ITEM = ("Success@1", "Success@3", "Success@10", "Success@100", "RR")
"""What is told of queries that one document answers: how often it stands among so many, and 1 / rank."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A run measured on a collection.

    :param queries: how many counted: those that have a relevant document.
    :param left_out: how many did not.
    :param values: each query's value, by the measure's name.
    :param slices: by dimension and value, ``{"queries": n, "measures": {...}}``.
    :param curve: recall at the depths of `CURVE`.
    :param known_items: of the queries that exactly one document answers, ``{"queries": n, "measures": {...}}``.
    """

    collection: str
    pipeline: str
    queries: int
    left_out: int
    measures: dict[str, float]
    slices: dict[str, dict[str, dict[str, Any]]]
    values: dict[str, PerQuery]
    curve: dict[int, float]
    known_items: dict[str, Any]

    def answer(self) -> dict[str, Any]:
        """As JSON values, as `mneme eval run` answers."""
        return {
            "collection": self.collection,
            "pipeline": self.pipeline,
            "queries": self.queries,
            "measures": self.measures,
            "slices": self.slices,
        }


def evaluate(collection: Collection, run: Run, measures: Sequence[Measure]) -> Evaluation:
    """Measure a run.

    :raises InvalidInput: where no query of the collection has a relevant document.
    """
    asked = [query.id for query in collection.answerable()]
    if not asked:
        raise InvalidInput(
            f"No query of {collection.name} has a relevant document: there is nothing to measure."
        )
    qrels = {query: collection.qrels[query] for query in asked}
    recall, known = parse_measures([f"R@{depth}" for depth in CURVE]), parse_measures(KNOWN_ITEM)
    values = measure_run(list(dict.fromkeys((*measures, *recall, *known))), qrels, run)
    single = [query for query in asked if len(collection.relevant(query)) == 1]
    curve = aggregate(recall, values)
    wanted = {str(measure): values[str(measure)] for measure in measures}
    parts = {
        dimension: {
            value: {
                "queries": len(queries),
                "measures": _rounded(aggregate(measures, wanted, sorted(queries))),
            }
            for value, queries in by_value.items()
        }
        for dimension, by_value in slices(collection).items()
    }
    return Evaluation(
        collection=collection.name,
        pipeline=run.name,
        queries=len(asked),
        left_out=len(collection.queries) - len(asked),
        measures=_rounded(aggregate(measures, wanted)),
        slices=parts,
        values=wanted,
        curve={depth: round(curve[f"R@{depth}"], 6) for depth in CURVE},
        known_items={
            "queries": len(single),
            "measures": _rounded(aggregate(known, values, single)) if single else {},
        },
    )


def _rounded(measures: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in measures.items()}
