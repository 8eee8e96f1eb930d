"""`mneme eval`: how good the search is, measured on test collections."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.settings import Settings, load

if TYPE_CHECKING:
    from eval.bench import Bench
    from eval.memories import Report

eval_app = typer.Typer(help="How good the search is.", no_args_is_help=True, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Folder = Annotated[
    Path, typer.Option("--collection", help="The folder of a test collection, BEIR's or TREC's layout.")
]
Judgements = Annotated[str, typer.Option(help="Which judgements, where a collection has several.")]
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
    as_json: AsJson = False,
) -> None:
    """Search a collection with a pipeline and measure what is found."""
    from api.printing_eval import show_run
    from eval.bench import find_pipeline
    from eval.collections.folder import open_collection
    from eval.collections.lines import write_lines
    from eval.measures import DEFAULT
    from eval.runs import read_run, write_run
    from search.pipeline import HYBRID

    settings, wanted = load(), measures.split(",") if measures else DEFAULT
    with bench(settings, quiet=as_json) as measuring:
        opened = open_collection(collection.expanduser(), qrels)
        if run_in is not None:
            measured = measuring.score(opened, read_run(run_in), wanted)
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
