"""`mneme eval pool`, `pools` and `judged`: what judges are to judge, how far they are, and what came of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_eval import AsJson, Folder, eval_app, tell
from api.gateway import connect
from api.settings import load


@eval_app.command("pool")
def pool(
    name: str,
    systems: Annotated[
        list[str], typer.Argument(metavar="SYSTEM...", help="Two or more: TREC run files or pipelines.")
    ],
    collection: Folder,
    depth: Annotated[int, typer.Option(min=1, help="So many of each one's first documents.")] = 20,
    judges: Annotated[int, typer.Option(min=1, max=10, help="How many are to judge each query.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Give documents of the memory to be judged, on the pages under /judging.

    The queries are those of the collection; it needs no judgements yet.
    """
    from api.bench_systems import Systems
    from eval.collections.folder import open_queries
    from eval.judging.pool import pool as pooled

    queries, pooling = open_queries(collection.expanduser()), Systems(load(), as_json)
    runs = [pooling.run(queries, system, depth) for system in systems]
    body = {
        "name": name,
        "queries": {query.id: query.text for query in queries},
        "items": pooled(queries, runs, depth),
        "judges": judges,
        "about": {"collection": collection.name, "runs": [run.name for run in runs], "depth": depth},
    }
    with connect(load(), "mneme eval pool") as gateway:
        answer = gateway.call("POST", "/api/judging/pools", json=body)
    tell(answer, as_json, _show_pool)


def _show_pool(answer: Any) -> None:
    typer.echo(f"{answer['documents']} documents for {answer['queries']} queries are to be judged.")
    if answer["unknown"]:
        typer.echo(f"{answer['unknown']} are left out: this memory does not hold them.")


@eval_app.command("pools")
def pools(
    remove: Annotated[str, typer.Option(help="Forget this pool with its judgements.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the pools you can judge, how far you are, and how far the judges agree."""
    with connect(load(), "mneme eval pools") as gateway:
        if remove:
            gateway.call("DELETE", f"/api/judging/pools/{remove}")
        tell(gateway.call("GET", "/api/judging/pools"), as_json, _show_pools)


def _show_pools(listed: Any) -> None:
    for one in listed:
        agreed = one["agreement"]
        kappas = ", ".join(
            f"{pair['judges'][0]} and {pair['judges'][1]} {pair['kappa']} ({pair['documents']} documents)"
            for pair in agreed["cohen"]
        )
        typer.echo(
            f"{one['name']}: {one['done']} of {one['total']} judged by you, {one['disputed']} to settle"
        )
        typer.echo(
            f"  judged twice: {agreed['twice']}, alike {agreed['agreed']}; Fleiss' kappa {agreed['fleiss']}"
            + (f"; Cohen's kappa of judges {kappas}" if kappas else "")
        )


@eval_app.command("judged")
def judged(
    name: str,
    collection: Annotated[
        Path, typer.Option("--collection", help="The folder of a collection: its queries stay, or are made.")
    ],
    qrels: Annotated[str, typer.Option(help="What to call these judgements.")] = "test",
    trec: Annotated[Path | None, typer.Option(help="Write a TREC qrels file too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take out what was judged, as qrels. What judges disagree on and nobody has settled is left out."""
    from eval.collections.beir import write_judged
    from eval.collections.trec import write_trec_qrels

    with connect(load(), "mneme eval judged") as gateway:
        told = gateway.call("GET", f"/api/judging/pools/{name}/qrels")
    write_judged(collection.expanduser(), told["queries"], told["qrels"], qrels)
    if trec is not None:
        write_trec_qrels(trec, told["qrels"])
    answer = {
        "pool": name,
        "queries": len(told["qrels"]),
        "judgements": sum(map(len, told["qrels"].values())),
        "unsettled": told["unsettled"],
    }
    tell(
        answer,
        as_json,
        lambda _: typer.echo(
            f"{answer['judgements']} judgements of {answer['queries']} queries; {answer['unsettled']} left out,"
            " on which judges disagree."
        ),
    )
