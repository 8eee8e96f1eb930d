"""Commands of legal holds."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli import AsJson, app, ask

hold_app = typer.Typer(
    help="Legal holds: documents that nothing deletes before the hold ends.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(hold_app, name="hold")

Which = Annotated[str, typer.Argument(help="The hold's name or id.")]


@hold_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    reason: Annotated[str, typer.Option(help="Why; for the record.")],
    document: Annotated[
        list[str] | None, typer.Option(help="Id or ref of a document; several may be given.")
    ] = None,
    query: Annotated[str, typer.Option(help="A search: what has any of its words, now or later.")] = "",
    person: Annotated[
        str, typer.Option(help="Address or name: what they have a part in, now or later.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Place a hold on documents, on a search, or on a person."""
    from api.printing_holds import show_hold

    body = {"name": name, "reason": reason, "documents": document or [], "query": query, "person": person}
    ask("hold add", "POST", "/api/holds", show_hold, as_json, json=body)


@hold_app.command("list")
def list_holds(as_json: AsJson = False) -> None:
    """List the holds, those that ended too."""
    from api.printing_holds import show_holds

    ask("hold list", "GET", "/api/holds", show_holds, as_json)


@hold_app.command("show")
def show(which: Which, as_json: AsJson = False) -> None:
    """Show a hold with its documents, and what is kept of them."""
    from api.printing_holds import show_hold

    ask("hold show", "GET", f"/api/holds/{quote(which, safe='')}", show_hold, as_json)


@hold_app.command("release")
def release(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why it ends; for the record.")] = "",
    as_json: AsJson = False,
) -> None:
    """End a hold; what is gone at its source and kept by no other hold is removed."""

    def told(answer: Any) -> None:
        typer.echo(f"The hold {answer['name']} has ended; {answer['removed']} documents were removed.")

    ask(
        "hold release",
        "POST",
        f"/api/holds/{quote(which, safe='')}/release",
        told,
        as_json,
        json={"reason": reason},
    )


@hold_app.command("export")
def export(which: Which, file: Annotated[Path, typer.Argument(help="The ZIP archive to write.")]) -> None:
    """Write what is kept for a hold: texts, originals, and a list with checksums."""
    from api.gateway import connect
    from api.settings import load
    from memory.errors import InvalidInput

    target = file.expanduser()
    if target.exists():
        raise InvalidInput(f"{target} exists already.", hint="Name a file that does not.")
    whole = target.with_name(f".{target.name}.part")
    try:
        with connect(load(), "mneme hold export") as gateway, whole.open("wb") as out:
            for piece in gateway.receive(f"/api/holds/{quote(which, safe='')}/export"):
                out.write(piece)
        whole.replace(target)
    finally:
        whole.unlink(missing_ok=True)
    typer.echo(f"{target} is written.")
