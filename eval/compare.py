"""Several systems over one collection: what differs, how surely, and which queries changed most."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from eval.collections.model import Collection
from eval.evaluation import Evaluation, evaluate
from eval.measures import parse_measures
from eval.runs import Run
from eval.significance import Paired, holm, paired
from memory.errors import InvalidInput

CHANGED = 10
"""Queries shown of those that changed most."""

SHOWN = 10
"""Documents of each list that are shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A system against the first by one measure.

    :param p_holm: the p-value, corrected over all systems and measures.
    """

    system: str
    measure: str
    paired: Paired
    p_holm: float

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        figures = {name: round(value, 6) for name, value in asdict(self.paired).items()}
        return {"system": self.system, "measure": self.measure, **figures, "p_holm": round(self.p_holm, 6)}


def differences(evaluations: Sequence[Evaluation], seed: int = 0) -> list[Difference]:
    """Every system against the first, by every measure.

    :param evaluations: of the same collection, with the same measures.
    :raises InvalidInput: where there are fewer than two, or two of one name.
    """
    names = [one.pipeline for one in evaluations]
    if len(names) < 2 or len(set(names)) < len(names):
        raise InvalidInput(
            f"These are no two systems to compare: {', '.join(names)}.",
            hint="Give two run files with different tags.",
        )
    base = evaluations[0]
    found = [
        (
            other.pipeline,
            measure,
            paired(list(values.values()), [other.values[measure][query] for query in values], seed),
        )
        for other in evaluations[1:]
        for measure, values in base.values.items()
    ]
    corrected = holm([one[2].p for one in found])
    return [Difference(*one, p_holm=p) for one, p in zip(found, corrected, strict=True)]


def changed_most(
    collection: Collection,
    runs: tuple[Run, Run],
    evaluations: tuple[Evaluation, Evaluation],
    measure: str,
    most: int = CHANGED,
) -> list[dict[str, Any]]:
    """The queries whose value changed most, each with both lists side by side, as JSON values."""
    before, after = (one.values[measure] for one in evaluations)
    moved = sorted(
        (query for query in before if after[query] != before[query]),
        key=lambda query: (-abs(after[query] - before[query]), query),
    )
    texts = {query.id: query.text for query in collection.queries}
    shown = moved[:most]
    titles = _titles(
        collection, {one.document for query in shown for run in runs for one in run.found(query)[:SHOWN]}
    )
    return [
        {
            "query": query,
            "text": texts[query],
            "before": round(before[query], 6),
            "after": round(after[query], 6),
            "lists": [_list(collection, query, runs, side, titles) for side in (0, 1)],
        }
        for query in shown
    ]


def _list(
    collection: Collection, query: str, runs: tuple[Run, Run], side: int, titles: dict[str, str]
) -> list[dict[str, Any]]:
    """The top of one run's list; each document with its grade (None: unjudged) and its rank in the other run."""
    ranks = {one.document: rank for rank, one in enumerate(runs[1 - side].found(query), 1)}
    grades = collection.qrels.get(query, {})
    return [
        {
            "document": one.document,
            "title": titles.get(one.document, ""),
            "grade": grades.get(one.document),
            "other_rank": ranks.get(one.document),
        }
        for one in runs[side].found(query)[:SHOWN]
    ]


def _titles(collection: Collection, wanted: Iterable[str]) -> dict[str, str]:
    """What documents are called: their titles, else how their text begins."""
    ids = set(wanted)
    found: dict[str, str] = {}
    for document in collection.corpus or ():
        if document.id in ids:
            found[document.id] = document.title or " ".join(document.text.split())[:80]
            if len(found) == len(ids):
                break
    return found


def compare(
    collection: Collection,
    runs: Sequence[Run],
    measures: Sequence[str],
    *,
    seed: int = 0,
    most: int = CHANGED,
) -> dict[str, Any]:
    """Runs against the first, as JSON values: values, differences, and what changed most by the first measure.

    :raises InvalidInput: where there are fewer than two, or two of one name.
    """
    wanted = parse_measures(measures)
    evaluations = [evaluate(collection, run, wanted) for run in runs]
    found = differences(evaluations, seed)
    base = evaluations[0]
    first = str(wanted[0])
    return {
        "collection": collection.name,
        "checksum": collection.checksum,
        "queries": base.queries,
        "baseline": base.pipeline,
        "measures": [str(measure) for measure in wanted],
        "values": {one.pipeline: one.measures for one in evaluations},
        "differences": [one.to_json() for one in found],
        "changed": {
            one.pipeline: changed_most(collection, (runs[0], run), (base, one), first, most)
            for run, one in zip(runs[1:], evaluations[1:], strict=True)
        },
    }
