"""Commands of the audit: who saw what, and whether the record of it is whole."""

from typing import Annotated

import typer

from api.cli import AsJson, app, ask

audit_app = typer.Typer(help="Who asked what, and saw what.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(audit_app, name="audit")


@audit_app.command("list")
def list_entries(
    reader: Annotated[
        str | None, typer.Option("--for", help="Only what was asked in this person's place.")
    ] = None,
    document: Annotated[str | None, typer.Option(help="Only where this document was shown: its id.")] = None,
    since: Annotated[str | None, typer.Option(help="From this day or moment on, as in 2026-03-12.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this day or moment.")] = None,
    limit: Annotated[int, typer.Option(help="Entries to show, at most 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the requests that were noted, newest first."""
    from api.printing_audit import show_entries

    params = {"for": reader, "document": document, "since": since, "until": until, "limit": limit}
    ask("audit list", "GET", "/api/audit", show_entries, as_json, params=params)


@audit_app.command()
def verify(
    noted: Annotated[
        str, typer.Option(help="A newest seal that was printed before: it must still be there.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Compute every seal anew, and say where the first fails; ends with 1 where one does."""
    from api.printing_audit import show_verdict

    told = ask("audit verify", "GET", "/api/audit/verify", show_verdict, as_json, params={"noted": noted})
    if not told["holds"]:
        raise typer.Exit(1)
