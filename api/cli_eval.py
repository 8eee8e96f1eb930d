"""`mneme eval`: how good the search is, measured on test collections."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eval.bench import Bench
    from eval.collections.model import Query
    from eval.memories import Report

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
    pipeline: Annotated[str, typer.Option(help="A YAML file, or hybrid, words, meaning, rrf.")] = "",
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
    from api.printing_eval import show_run
    from eval.bench import find_pipeline
    from eval.collections.folder import open_collection
    from eval.collections.lines import write_lines
    from eval.live import measured as measured_live
    from eval.measures import DEFAULT
    from eval.runs import read_run, write_run
    from search.pipeline import HYBRID

    settings, wanted = load(), measures.split(",") if measures else DEFAULT
    with bench(settings, quiet=as_json) as measuring:
        opened = open_collection(collection.expanduser(), qrels)
        if run_in is not None:
            measured = measuring.score(opened, read_run(run_in), wanted)
        elif opened.corpus is None or rank == "persons":
            measured = measured_live(
                opened, ask_the_memory(opened.answerable(), pipeline, depth, rank), wanted
            )
            measuring.remember(measured)
        else:
            measured = measuring.run(
                opened,
                find_pipeline(pipeline) if pipeline else HYBRID,
                measures=wanted,
                depth=depth,
                weight=None if pipeline else settings.search.weight,
            )
            measuring.remember(measured)
    if run_out is not None:
        write_run(run_out, measured.run)
    record = measured.record()
    if record_out is not None:
        write_lines(record_out, [json.dumps(record, ensure_ascii=False)])
    tell(measured.evaluation.answer(), as_json, lambda _answer: show_run(record))


def ask_the_memory(
    queries: "Iterable[Query]", pipeline: str, depth: int, rank: Rank = "documents"
) -> dict[str, Any]:
    """What a pipeline finds in the memory itself, through the service where one runs; see `eval.live`.

    :param pipeline: a YAML file, or the name of a shipped one; empty: what searches.
    """
    from api.gateway import connect
    from eval.bench import find_pipeline

    file = find_pipeline(pipeline) if pipeline else None
    name = file.stem if file else "hybrid"
    body = {
        "queries": [
            {"id": query.id, "text": query.text, "metadata": dict(query.metadata)} for query in queries
        ],
        "pipeline": file.read_text(encoding="utf-8") if file else "",
        "name": name if rank == "documents" else f"{name}-{rank}",
        "depth": depth,
        "rank": rank,
    }
    with connect(load(), "mneme eval run") as gateway:
        told: dict[str, Any] = gateway.call("POST", "/api/eval/ask", json=body)
    return told


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


@eval_app.command("gate")
def gate(  # noqa: PLR0913, PLR0917 - one parameter for each option of the command
    baseline: Annotated[str, typer.Option(help="A TREC run file, or a pipeline.")],
    candidate: Annotated[str, typer.Option(help="A TREC run file, or a pipeline.")],
    collection: Folder,
    measures: Measures = "nDCG@10,R@100",
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Must not get worse; those marked in the collection unless given."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How much worse a mean may be.")] = 0.0,
    qrels: Judgements = "",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fail when the candidate is worse than the baseline beyond noise, on any slice that matters."""
    from api.printing_eval import show_decision
    from eval.collections.folder import open_collection
    from eval.evaluation import evaluate
    from eval.gate import decide
    from eval.measures import parse_measures

    opened = open_collection(collection.expanduser(), qrels)
    wanted = parse_measures(measures.split(","))
    with bench(load(), quiet=as_json) as measuring:
        runs = [measuring.run_of(opened, given) for given in (baseline, candidate)]
    before, after = (evaluate(opened, one, wanted) for one in runs)
    decision = decide(opened, before, after, slices or (), tolerance=tolerance, seed=seed)
    tell(decision.to_json(), as_json, show_decision)
    if not decision.passed:
        raise typer.Exit(1)


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
    qrels: Judgements = "",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write a page that shows systems side by side: tables, plots, and how they did over time."""
    from eval.collections.folder import open_collection
    from eval.collections.lines import write_lines
    from eval.measures import DEFAULT
    from eval.report.page import render
    from eval.report.page import report as reported

    opened = open_collection(collection.expanduser(), qrels)
    wanted = measures.split(",") if measures else list(DEFAULT)
    with bench(load(), quiet=as_json) as measuring:
        told = reported(
            opened,
            [measuring.measure(opened, given, wanted) for given in systems],
            measuring.history(opened),
            seed,
        )
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


@contextmanager
def bench(settings: Settings, *, quiet: bool) -> Iterator["Bench"]:
    """The bench over the home folder's data, which draws its progress while this lasts."""
    from eval.bench import Bench
    from memory.embedding.open import EmbedderSpec

    embedding = settings.embedding
    spec = EmbedderSpec(embedding.model, settings.home, allow_download=embedding.allow_download)
    with _drawn(quiet=quiet) as report:
        yield Bench(settings.home / "eval", spec.open, report)


@contextmanager
def _drawn(*, quiet: bool) -> Iterator["Report"]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, quiet=quiet and not sys.stderr.isatty())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading the collection", total=None, count="")

        def report(doing: str, done: int, total: int | None) -> None:
            count = f"{done:,} of {total:,}" if total else f"{done:,}" if done else ""
            progress.update(task, description=doing, completed=done, total=total, count=count)

        yield report


# Judging registers its commands itself; it needs what stands above.
from api import cli_judging  # noqa: E402, F401
