"""`mneme eval sample` and `candidates`: what the log of searches gives the bench."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_eval import AsJson, Seed, eval_app, tell
from api.gateway import connect
from api.settings import load


@eval_app.command("sample")
def sample(
    collection: Annotated[
        Path, typer.Option("--collection", help="The folder to write the queries into; must have none yet.")
    ],
    number: Annotated[int, typer.Option("--queries", min=1, help="How many.")] = 60,
    askers: Annotated[int, typer.Option(min=1, help="Only what so many people have searched for.")] = 1,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Make a collection's queries of what was searched for: frequent, less frequent and rare ones in equal parts.

    Personal data are taken out. They are not judged yet: `mneme eval pool` is the next step.
    """
    from eval.collections.beir import write_queries
    from eval.collections.model import Query

    params = {"number": number, "seed": seed, "askers": askers}
    with connect(load(), "mneme eval sample") as gateway:
        told = gateway.call("GET", "/api/eval/sample", params=params)
    write_queries(
        collection.expanduser(), [Query(one["id"], one["text"], one["metadata"]) for one in told["queries"]]
    )
    tell(told, as_json, _show_sample)


def _show_sample(told: Any) -> None:
    bands = [one["metadata"]["band"] for one in told["queries"]]
    parts = ", ".join(f"{bands.count(band)} of the {band}" for band in ("head", "torso", "tail"))
    typer.echo(
        f"{len(bands)} queries: {parts}; from {told['searches']:,} searches, {told['distinct']:,} different."
    )
    if told["left_out"]:
        typer.echo(
            f"{told['left_out']:,} searches are left out: filters only, personal data only, or by too few."
        )


@eval_app.command("candidates")
def candidates(
    pool: Annotated[str, typer.Option(help="Give them to be judged, as a pool of this name.")] = "",
    most: Annotated[int, typer.Option(min=1, help="So many documents at most.")] = 200,
    judges: Annotated[int, typer.Option(min=1, max=10, help="How many are to judge each query.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Show documents worth judging, as clicks, stays and votes hint; never judgements by themselves.

    What stands first is opened most: clicks stand beside those that the positions alone would have brought.
    """
    body = {"pool": pool, "most": most, "judges": judges}
    with connect(load(), "mneme eval candidates") as gateway:
        tell(gateway.call("POST", "/api/eval/candidates", json=body), as_json, _show_candidates)


def _show_candidates(told: Any) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in (
        "query",
        "document",
        "shown",
        "at",
        "clicks",
        "expected",
        "stayed",
        "passed",
        "yes",
        "no",
    ):
        table.add_column(heading, justify="left" if heading in {"query", "document"} else "right")
    for one in told["candidates"]:
        figures = (
            "shown",
            "mean_position",
            "clicks",
            "expected_clicks",
            "long",
            "passed",
            "helpful",
            "unhelpful",
        )
        shown = ["" if one[name] is None else str(one[name]) for name in figures]
        table.add_row(escape(one["query"]), escape(one["title"] or one["ref"]), *shown)
    out = Console()
    out.print(table)
    out.print("Clicks depend on the position: compare them with those expected there.", style="dim")
    if made := told["pool"]:
        out.print(f"{made['documents']} documents for {made['queries']} queries are to be judged.")
