"""`mneme eval gate` and `promote`: what is worse is not let through, and what has not passed is not put to use."""

from typing import Annotated, Any

import typer

from api.cli_eval import AsJson, Folder, Judgements, Seed, eval_app, tell
from api.settings import load


@eval_app.command("gate")
def gate(  # noqa: PLR0913, PLR0917 - one parameter for each option of the command
    baseline: Annotated[str, typer.Option(help="A TREC run file, a pipeline, or active: what is in use.")],
    candidate: Annotated[str, typer.Option(help="A TREC run file, a pipeline, or active.")],
    collection: Folder,
    measures: Annotated[str, typer.Option(help="Measures divided by commas.")] = "nDCG@10,R@100",
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Must not get worse; those marked in the collection unless given."),
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How much worse a mean may be.")] = 0.0,
    candidate_model: Annotated[
        str, typer.Option(help="The embedding model of the candidate; the settings' unless given.")
    ] = "",
    qrels: Judgements = "",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fail when the candidate is worse than the baseline beyond noise, on any slice that matters.

    A pass of a pipeline or a model is remembered: `mneme eval promote` and `mneme doctor --rebuild` ask for it.
    """
    from api.bench_systems import Systems
    from api.printing_eval import show_decision
    from api.search_setup import bench_folder
    from eval.collections.folder import open_collection
    from eval.gate import decide
    from eval.promotion import Passes

    settings, wanted = load(), measures.split(",")
    opened = open_collection(collection.expanduser(), qrels)
    systems = Systems(settings, as_json)
    before = systems.measure(opened, baseline, wanted, time_it=False)
    after = systems.measure(opened, candidate, wanted, model=candidate_model, time_it=False)
    decision = decide(
        opened, before.evaluation, after.evaluation, slices or (), tolerance=tolerance, seed=seed
    )
    if before.setup and after.setup:  # of a run file nobody knows what made it
        Passes(bench_folder(settings)).keep(decision, before.setup, after.setup)
    tell(decision.to_json(), as_json, show_decision)
    if not decision.passed:
        raise typer.Exit(1)


@eval_app.command("promote")
def promote(
    pipeline: Annotated[str, typer.Argument(help="A YAML file, or a shipped one; hybrid goes back to that.")],
    ungated: Annotated[bool, typer.Option(help="Promote it though it has not passed the gate.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have a pipeline that has passed the gate answer searches from now on."""
    from api.bench_systems import Systems
    from api.gateway import connect
    from api.search_setup import SHIPPED

    settings = load()
    name, text = Systems(settings).pipeline(pipeline)
    body = {"name": name, "pipeline": "" if name == SHIPPED else text, "ungated": ungated}
    with connect(settings, "mneme eval promote") as gateway:
        tell(gateway.call("POST", "/api/eval/promote", json=body), as_json, _show)


def _show(active: Any) -> None:
    promoted = active["promoted"]
    how = "as shipped" if promoted is None else "passed the gate" if promoted["gate"] else "not gated"
    typer.echo(f"{active['name']} answers searches now ({how}).")
