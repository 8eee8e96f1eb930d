"""Measures as values that print and parse (``nDCG@10``); `ir-measures` computes every one of them."""

from __future__ import annotations  # ir-measures is an extra: its types are for the type checker

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eval.collections.model import Qrels
from memory.errors import InvalidInput, NotInstalled

if TYPE_CHECKING:
    from ir_measures.measures import Measure

    from eval.runs import Run

DEFAULT = ("nDCG@10", "RR@10", "R@100", "AP", "P@5", "Bpref", "Judged@10")
"""What is measured unless told otherwise. Bpref and Judged@10 say how far missing judgements matter."""

PerQuery = dict[str, float]
"""A measure's value by query id."""


def parse_measures(texts: Sequence[str]) -> tuple[Measure, ...]:
    """Read measures as `ir-measures` writes them, whatever their case; each may hold several, divided by commas.

    ``MRR@10`` is ``RR@10``, ``Recall@100`` is ``R@100``.

    :raises InvalidInput: where there is no such measure, naming all that are meant.
    """
    ir_measures = library()
    names = {name.lower(): name for name in ir_measures.measures.registry}
    found: dict[Measure, None] = {}
    for text in (part.strip() for given in texts for part in given.split(",")):
        if not text:
            continue
        stem = text.partition("@")[0].partition("(")[0]
        try:
            measure = ir_measures.parse_measure(names.get(stem.lower(), stem) + text[len(stem) :])
        except (NameError, ValueError, SyntaxError, AssertionError, TypeError, IndexError, KeyError) as error:
            raise InvalidInput(
                f"There is no measure {text!r}.", hint=f"For instance: {', '.join(DEFAULT)}."
            ) from error
        found[measure] = None
    if not found:
        raise InvalidInput("No measure was named.", hint=f"For instance: {', '.join(DEFAULT)}.")
    return tuple(found)


def measure_run(measures: Sequence[Measure], qrels: Qrels, run: Run) -> dict[str, PerQuery]:
    """Every measure's value for every judged query, by the measure's name; a query the run lacks counts as empty.

    Ranks count, not scores: trec_eval, which computes most of these, would break ties by id in single precision.

    :param qrels: only queries that have a relevant document.
    :raises InvalidInput: where a measure cannot be computed, saying why.
    """
    ir_measures = library()
    # A query with an empty list is left out: pytrec_eval crashes on one.
    ranked = {
        query: {one.document: float(len(found) - at) for at, one in enumerate(found)}
        for query in qrels
        if (found := run.found(query))
    }
    values: dict[str, PerQuery] = {str(measure): dict.fromkeys(qrels, 0.0) for measure in measures}
    try:
        for metric in ir_measures.iter_calc(list(measures), qrels, ranked):
            values[str(metric.measure)][metric.query_id] = float(metric.value)
    except (RuntimeError, ValueError) as error:
        raise InvalidInput(f"These measures cannot be computed: {error}.") from error
    return values


def aggregate(
    measures: Sequence[Measure], values: Mapping[str, PerQuery], queries: Sequence[str] | None = None
) -> dict[str, float]:
    """Each measure over several queries, as the measure itself aggregates (most by the mean).

    :param queries: all of them unless given.
    """
    told = {}
    for measure in measures:
        aggregator = measure.aggregator()
        held = values[str(measure)]
        for query in held if queries is None else queries:
            aggregator.add(held[query])
        told[str(measure)] = float(aggregator.result())
    return told


def library() -> Any:
    """The package ir_measures, imported at the first use.

    :raises NotInstalled: where it is not there.
    """
    try:
        import ir_measures
    except ImportError as error:
        raise NotInstalled(
            "Measuring needs the package ir-measures.", hint='Run: pip install "mneme[eval]".'
        ) from error
    return ir_measures
