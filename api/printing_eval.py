"""Answers of the bench for people at a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show_run(record: Mapping[str, Any]) -> None:
    """Print what a run is worth: all queries, then every slice; latency and cost beside."""
    out = Console(highlight=False, soft_wrap=True)
    measures = list(record["measures"])
    table = Table(box=None, pad_edge=False)
    for heading in ("", "queries", *measures):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("all", f"{record['queries']:,}", *_values(record["measures"], measures), style="bold")
    for dimension, values in record["slices"].items():
        for value, part in values.items():
            table.add_row(
                escape(f"{dimension}={value}"), f"{part['queries']:,}", *_values(part["measures"], measures)
            )
    out.print(f"[bold]{escape(record['pipeline'])}[/] on [bold]{escape(record['collection'])}[/]")
    out.print(table)
    if record["left_out"]:
        out.print(f"{record['left_out']:,} queries have no relevant document and are left out.", style="dim")
    for query, why in list(record["refused"].items())[:5]:
        out.print(f"Refused: {escape(query)}: {escape(why)}", style="yellow")
    if latency := record["latency_ms"]:
        out.print(
            f"p50 {latency['p50']:.0f} ms, p95 {latency['p95']:.0f} ms over {latency['timed']} searches",
            style="dim",
        )
    if cost := record["cost"]:
        out.print(
            f"{cost['documents']:,} documents, {cost['passages']:,} passages, {cost['index_bytes'] / 1e6:,.0f} MB of"
            f" index, built in {cost['build_s']:,.0f} s",
            style="dim",
        )


def _values(measured: Mapping[str, float], measures: Iterable[str]) -> list[str]:
    return [f"{measured[measure]:.4f}" for measure in measures]
