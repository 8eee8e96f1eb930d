"""Answers of the bench for people at a terminal."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDE = 160
"""Columns of a table of figures: a narrower terminal wraps its lines, but no figure is cut."""


def _out() -> Console:
    return Console(highlight=False, soft_wrap=True, width=_WIDE)


def show_run(record: Mapping[str, Any]) -> None:
    """Print what a run is worth: all queries, then every slice; latency and cost beside."""
    out = _out()
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
        parts = [f"{cost['documents']:,} documents", f"{cost['passages']:,} passages"]
        if "build_s" in cost:
            parts += [f"{cost['index_bytes'] / 1e6:,.0f} MB of index", f"built in {cost['build_s']:,.0f} s"]
        out.print(", ".join(parts), style="dim")


def show_comparison(answer: Mapping[str, Any]) -> None:
    """Print each difference with its interval and corrected p-value, then what changed most."""
    out = _out()
    table = Table(box=None, pad_edge=False)
    for heading in (
        "measure",
        "system",
        "value",
        "difference",
        "95 %",
        "p (Holm)",
        "effect",
        "won",
        "tied",
        "lost",
    ):
        table.add_column(heading, justify="left" if heading in {"measure", "system"} else "right")
    for measure in answer["measures"]:
        table.add_row(
            measure, answer["baseline"], f"{answer['values'][answer['baseline']][measure]:.4f}", style="dim"
        )
        for one in answer["differences"]:
            if one["measure"] == measure:
                table.add_row(
                    "", escape(one["system"]), f"{one['second']:.4f}", *_figures(one), style=_style(one)
                )
    out.print(f"[bold]{escape(answer['collection'])}[/], {answer['queries']:,} queries")
    out.print(table)
    for system, queries in answer["changed"].items():
        for one in queries:
            out.print(
                f"\n[bold]{escape(one['text'])}[/]  {escape(system)}: {one['before']:.3f} → {one['after']:.3f}"
            )
            pair = Table(box=None, pad_edge=False, show_header=False)
            for before, after in zip_longest(*(side[:5] for side in one["lists"])):
                pair.add_row(_entry(before), _entry(after))
            out.print(pair)


def show_decision(answer: Mapping[str, Any]) -> None:
    """Print what the gate says, by how much and where."""
    out = _out()
    table = Table(box=None, pad_edge=False)
    for heading in (
        "slice",
        "measure",
        "queries",
        "baseline",
        "candidate",
        "difference",
        "95 %",
        "p (Holm)",
        "",
    ):
        table.add_column(heading, justify="left" if heading in {"slice", "measure", ""} else "right")
    for one in answer["verdicts"]:
        low, high = one["interval"]
        table.add_row(
            escape(one["slice"]),
            one["measure"],
            f"{one['queries']:,}",
            f"{one['baseline']:.4f}",
            f"{one['candidate']:.4f}",
            f"{one['difference']:+.4f}",
            f"{low:+.4f} to {high:+.4f}",
            f"{one['p_holm']:.4f}",
            one["verdict"],
            style={"worse": "red", "better": "green", "too few queries": "yellow"}.get(one["verdict"]),
        )
    out.print(table)
    said = "passes" if answer["passed"] else "does not pass: it is worse beyond noise"
    out.print(f"[bold]{escape(answer['candidate'])}[/] {said}.", style="green" if answer["passed"] else "red")
    if answer["passed"] and not answer["conclusive"]:
        out.print("Some slice has too few queries for a loss to be noticed: this counts for no promotion.")


def _figures(one: Mapping[str, Any]) -> list[str]:
    return [
        f"{one['difference']:+.4f}",
        f"{one['low']:+.4f} to {one['high']:+.4f}",
        f"{one['p_holm']:.4f}",
        f"{one['effect']:+.2f}",
        str(one["wins"]),
        str(one["ties"]),
        str(one["losses"]),
    ]


def _style(one: Mapping[str, Any]) -> str | None:
    if one["p_holm"] > 0.05:
        return None
    return "green" if one["difference"] > 0 else "red"


def _entry(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return ""
    grade = "·" if one["grade"] is None else str(one["grade"])
    return f"{grade} {escape((one['title'] or one['document'])[:50])}"


def _values(measured: Mapping[str, float], measures: Iterable[str]) -> list[str]:
    return [f"{measured[measure]:.4f}" for measure in measures]
