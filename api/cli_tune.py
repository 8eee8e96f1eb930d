"""`mneme eval tune`: weights of the fusion from judged queries, proposed to the gate."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_eval import AsJson, Judgements, Seed, eval_app, tell
from api.settings import load


@eval_app.command("tune")
def tune(
    collections: Annotated[
        list[Path], typer.Option("--collection", help="A folder of judged queries; several count alike.")
    ],
    out: Annotated[Path, typer.Option(help="The pipeline's YAML, written where something better was found.")],
    pipeline: Annotated[str, typer.Option(help="What to start from: a pipeline, or active.")] = "active",
    measure: Annotated[str, typer.Option(help="What to make better.")] = "nDCG@10",
    folds: Annotated[int, typer.Option(min=2, help="Parts of the queries; each is left out once.")] = 5,
    qrels: Judgements = "",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Find better weights for words and meaning on judged queries; only the gate lets them in.

    Every part of the queries is measured with what was best on the others.
    """
    from api.bench_systems import Systems
    from eval.collections.folder import open_collection
    from eval.collections.lines import write_lines
    from eval.measures import parse_measures
    from eval.pipelines import fusion_of, with_fusion
    from eval.tune import grid
    from eval.tune import tune as tuned

    systems = Systems(load(), as_json)
    opened = [open_collection(folder.expanduser(), qrels) for folder in collections]
    (wanted,) = parse_measures([measure])
    _, text = systems.pipeline(pipeline)
    fusions = grid(fusion_of(text))
    runs = [systems.vary(one, text, fusions, int(wanted.params.get("cutoff", 100))) for one in opened]
    told = tuned(opened, runs, fusions, measure, folds=folds, seed=seed)
    if told.better:
        better = with_fusion(text, weight=told.best.weight, half=told.best.half)
        write_lines(out, better.splitlines())
    answer = {**told.to_json(), "pipeline": str(out) if told.better else None}
    tell(answer, as_json, lambda _: _show(told, out))


def _show(told: Any, out: Path) -> None:
    held = told.held_out
    typer.echo(f"In use: {told.current}. Best on all queries: {told.best}.")
    typer.echo(
        f"On queries it was not tuned on, {told.measure} goes from {held.first:.4f} to {held.second:.4f}"
        f" (95 % of the difference: {held.low:+.4f} to {held.high:+.4f}, p {held.p:.3f})."
    )
    if told.better:
        typer.echo(
            f"{out} is written. `mneme eval gate --baseline active --candidate {out} --collection DIR` is next,"
        )
        typer.echo("with judgements that it was not tuned on; then `mneme eval promote`.")
    else:
        typer.echo("Nothing is better beyond noise; nothing is written.")
