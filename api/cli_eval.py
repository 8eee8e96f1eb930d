"""`mneme eval`: how good the search is, measured on test collections."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from api.settings import load

eval_app = typer.Typer(help="How good the search is.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Folder = Annotated[
    Path, typer.Option("--collection", help="The folder of a test collection, BEIR's or TREC's layout.")
]
Judgements = Annotated[str, typer.Option(help="Which judgements, where a collection has several.")]
Rank = Literal["documents", "persons"]
Seed = Annotated[int, typer.Option(help="Of everything random: the same gives the same figures.")]
Measures = Annotated[str, typer.Option(help="Measures divided by commas, for instance nDCG@10,R@100.")]


@eval_app.command("run")
def run(  # noqa: PLR0913, PLR0917 - one parameter for each option of the command
    collection: Folder,
    pipeline: Annotated[
        str, typer.Option(help="A YAML file; hybrid, words, meaning, rrf; or active: what is in use.")
    ] = "hybrid",
    measures: Measures = "",
    qrels: Judgements = "",
    depth: Annotated[int, typer.Option(min=1, help="Documents that are kept of each query's list.")] = 1000,
    run_in: Annotated[Path | None, typer.Option("--run", help="Measure this TREC run file instead.")] = None,
    run_out: Annotated[Path | None, typer.Option(help="Write what was found as a TREC run file.")] = None,
    record_out: Annotated[
        Path | None, typer.Option(help="Write everything measured, query by query, as JSON.")
    ] = None,
    rank: Annotated[Rank, typer.Option(help="Documents, or the people behind them.")] = "documents",
    as_json: AsJson = False,
) -> None:
    """Search a collection with a pipeline and measure what is found.

    A collection without documents of its own is asked of your memory; its judgements name refs, or addresses of
    people.
    """
    from api.bench_systems import Systems
    from api.printing_eval import show_run
    from eval.collections.folder import open_collection
    from eval.collections.lines import write_lines
    from eval.measures import DEFAULT
    from eval.runs import write_run

    opened = open_collection(collection.expanduser(), qrels)
    wanted = measures.split(",") if measures else DEFAULT
    systems = Systems(load(), as_json)
    system = str(run_in) if run_in is not None else pipeline
    measured = systems.measure(opened, system, wanted, depth=depth, rank=rank)
    if measured.setup is not None:
        with systems.bench() as bench:
            bench.remember(measured)
    if run_out is not None:
        write_run(run_out, measured.run)
    record = measured.record()
    if record_out is not None:
        write_lines(record_out, [json.dumps(record, ensure_ascii=False)])
    tell(measured.evaluation.answer(), as_json, lambda _answer: show_run(record))


@eval_app.command("compare")
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="A B...", help="TREC run files; the first is the baseline.")
    ],
    collection: Folder,
    measures: Measures = "nDCG@10,R@100",
    qrels: Judgements = "",
    seed: Seed = 0,
    changed: Annotated[int, typer.Option(help="Queries to show of those that changed most.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Compare runs: what differs, how surely, and which queries changed most."""
    from api.printing_eval import show_comparison
    from eval.collections.folder import open_collection
    from eval.compare import compare as compared
    from eval.runs import named_apart, read_run

    opened = open_collection(collection.expanduser(), qrels)
    read = named_apart([read_run(path) for path in runs], [path.stem for path in runs])
    answer = compared(opened, read, measures.split(","), seed=seed, most=changed)
    tell(answer, as_json, show_comparison)


@eval_app.command("seal")
def seal(
    collection: Folder,
    version: Annotated[str, typer.Option(help="What to call this state of the collection.")],
    mark: Annotated[
        list[str] | None, typer.Option(help="Slice that may not get worse, for instance language=de.")
    ] = None,
    qrels: Judgements = "",
    as_json: AsJson = False,
) -> None:
    """Give a collection, as it is now, a version: later changes are noticed."""
    from eval.collections.folder import seal as sealed

    told = sealed(collection.expanduser(), version, qrels=qrels, marked=None if mark is None else tuple(mark))
    answer = {
        "collection": told.name,
        "version": told.version,
        "checksum": told.checksum,
        "marked": list(told.marked),
    }
    tell(
        answer, as_json, lambda _: typer.echo(f"{told.name} is version {told.version}, {told.checksum[:12]}.")
    )


@eval_app.command("import")
def import_table(
    table: Annotated[
        Path, typer.Argument(metavar="CSV", help="Columns query, document, grade, id, language ...")
    ],
    collection: Annotated[
        Path, typer.Option("--collection", help="The folder to make; documents that lie in it stay.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make a collection of a spreadsheet of judgements."""
    from eval.collections.beir import write_beir
    from eval.collections.table import read_table

    queries, qrels = read_table(table.expanduser())
    write_beir(collection.expanduser(), queries, qrels)
    answer = {
        "collection": collection.name,
        "queries": len(queries),
        "judgements": sum(map(len, qrels.values())),
    }
    tell(
        answer,
        as_json,
        lambda told: typer.echo(f"{told['queries']} queries, {told['judgements']} judgements."),
    )


@eval_app.command("report")
def report(
    systems: Annotated[
        list[str],
        typer.Argument(metavar="SYSTEM...", help="TREC run files or pipelines; the first is the baseline."),
    ],
    collection: Folder,
    out: Annotated[Path, typer.Option(help="The HTML page to write; the same as JSON lies beside it.")],
    measures: Measures = "",
    rank: Annotated[Rank, typer.Option(help="Documents, or the people behind them.")] = "documents",
    qrels: Judgements = "",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write a page that shows systems side by side: tables, plots, and how they did over time."""
    from api.bench_systems import Systems
    from eval.collections.folder import open_collection
    from eval.collections.lines import write_lines
    from eval.measures import DEFAULT
    from eval.report.page import render
    from eval.report.page import report as reported

    opened = open_collection(collection.expanduser(), qrels)
    wanted = measures.split(",") if measures else list(DEFAULT)
    measuring = Systems(load(), as_json)
    measured = [measuring.measure(opened, given, wanted, rank=rank) for given in systems]
    with measuring.bench() as bench:
        for one in measured:
            if one.setup is not None:
                bench.remember(one)
        told = reported(opened, measured, bench.history(opened), seed)
    write_lines(out, [render(opened, told)])
    write_lines(out.with_suffix(".json"), [json.dumps(told, ensure_ascii=False)])
    answer = {"page": str(out), "json": str(out.with_suffix(".json"))}
    tell(answer, as_json, lambda _: typer.echo(f"{out} and {out.with_suffix('.json').name} are written."))


def tell(answer: Any, as_json: bool, show: Any) -> None:
    """Print an answer, for people or as JSON."""
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        show(answer)


# Commands of their own subjects register themselves here; they need what stands above.
from api import cli_export, cli_gate, cli_judging, cli_tune, cli_usage  # noqa: E402, F401
