"""A report: one HTML page that holds everything it shows, and the same as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.bench import Measured
from eval.collections.model import Collection
from eval.compare import compare
from eval.report import charts

_TEMPLATES = Path(__file__).parent


def report(
    collection: Collection,
    systems: Sequence[Measured],
    history: Sequence[Mapping[str, Any]] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """Everything a report shows, as JSON values.

    :param systems: measured alike; the first is what the others are compared with.
    :param history: earlier records of the same collection, oldest first.
    :raises InvalidInput: where two systems have the same name.
    """
    records = [one.record() for one in systems]
    measures = list(records[0]["measures"])
    return {
        "collection": collection.name,
        "version": collection.version,
        "checksum": collection.checksum,
        "records": records,
        "comparison": compare(collection, [one.run for one in systems], measures, seed=seed)
        if len(systems) > 1
        else None,
        "history": [
            {
                name: record.get(name)
                for name in ("at", "pipeline", "model", "measures", "latency_ms", "checksum")
            }
            for record in history
        ],
    }


def render(collection: Collection, told: Mapping[str, Any]) -> str:
    """The page of a report: it fetches nothing, and its tables say in figures what its plots draw.

    :param told: see `report`.
    :raises NotInstalled: where Altair is missing.
    """
    records = told["records"]
    measure = next(iter(records[0]["measures"]))
    texts = {query.id: query.text for query in collection.queries}
    plots: list[tuple[str, dict[str, Any]]] = []
    for record in records[1:]:
        title = f"{record['pipeline']} against {records[0]['pipeline']}, query by query"
        plots.append((title, charts.per_query(records[0], record, measure, texts)))
    plots.append(("Recall by depth", charts.recall_curve(records)))
    if any(record["slices"] for record in records):
        plots.append((f"{measure} by slice", charts.slice_bars(records, measure)))
    if any(record.get("latency_ms") for record in records):
        plots.append(("Latency", charts.latency_bars(records)))
    if len(told["history"]) > 1:
        plots.append((f"{measure} over time", charts.trend(told["history"], measure)))
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html").render(
        told=told,
        measures=list(records[0]["measures"]),
        plots=[(title, _inline(json.dumps(spec, ensure_ascii=False))) for title, spec in plots],
        script=charts.script(charts.library().SCHEMA_VERSION),
    )


def _inline(text: str) -> str:
    """JSON as it may stand within a script element: no text of a query can end that."""
    return text.replace("<", "\\u003c")
